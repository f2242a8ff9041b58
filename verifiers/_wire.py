"""Frames on a pipe, as the workers read and write them. The standard library alone: the programs of
the workers load this file by its path.

A frame is a header (JSON) and a body (bytes), before them the number of bytes of each.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from typing import Any

FRAME = struct.Struct(">II")

#: Read at once, in bytes.
_CHUNK = 1 << 20


def pack_frame(header: Mapping[str, Any], body: bytes) -> bytes:
    """The bytes of a frame."""
    head = json.dumps(header).encode()
    return FRAME.pack(len(head), len(body)) + head + body


def write_frame(sink: int, header: Mapping[str, Any], body: bytes = b"") -> None:
    """Write a frame to a blocking descriptor."""
    rest = memoryview(pack_frame(header, body))
    while rest:
        rest = rest[os.write(sink, rest) :]


def read_frame(source: int) -> tuple[dict[str, Any], bytes]:
    """The next frame of a blocking descriptor.

    Raises:
        EOFError: if the other side has closed it.
    """
    head, body = FRAME.unpack(_read_exactly(source, FRAME.size))
    return json.loads(_read_exactly(source, head)), _read_exactly(source, body)


def _read_exactly(source: int, count: int) -> bytes:
    parts = []
    while count:
        part = os.read(source, min(count, _CHUNK))
        if not part:
            raise EOFError("the other side has closed the pipe")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
