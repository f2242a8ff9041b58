"""Frames on a pipe, as the workers read and write them. The standard library alone: the programs of
the workers load this file by its path.

A frame is a header (JSON) and a body (bytes), before them the number of bytes of each.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Mapping
from typing import Any

FRAME = struct.Struct(">II")

#: Read at once, in bytes.
_CHUNK = 1 << 20


def pack_frame(header: Mapping[str, Any], body: bytes) -> bytes:
    """The bytes of a frame."""
    head = json.dumps(header).encode()
    return FRAME.pack(len(head), len(body)) + head + body


def _at_once() -> None:
    """A blocking descriptor waits of itself."""


def write_all(sink: int, data: bytes, wait: Callable[[], None] = _at_once) -> None:
    """Write all of ``data``, after a call of ``wait`` as often as it takes: of a descriptor that
    does not block, it returns when some can be written."""
    rest = memoryview(data)
    while rest:
        wait()
        try:
            rest = rest[os.write(sink, rest) :]
        except BlockingIOError:
            continue


def write_frame(sink: int, header: Mapping[str, Any], body: bytes = b"") -> None:
    """Write a frame to a blocking descriptor."""
    write_all(sink, pack_frame(header, body))


def read_frame(
    source: int, wait: Callable[[], None] = _at_once, limit: int | None = None
) -> tuple[dict[str, Any], bytes]:
    """The next frame of a descriptor; before each part ``wait`` is called.

    Raises:
        EOFError: if the other side has closed it.
        ValueError: if it is of more than ``limit`` bytes, or no frame.
    """
    head, body = FRAME.unpack(_read_exactly(source, FRAME.size, wait))
    if limit is not None and head + body > limit:
        raise ValueError("a frame too large")
    header = json.loads(_read_exactly(source, head, wait))
    return header, _read_exactly(source, body, wait)


def _read_exactly(source: int, count: int, wait: Callable[[], None]) -> bytes:
    parts = []
    while count:
        wait()
        part = os.read(source, min(count, _CHUNK))
        if not part:
            raise EOFError("the other side has closed the pipe")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
