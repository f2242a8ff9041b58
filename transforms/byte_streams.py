"""Streams of bytes: decompressed by chunks, and cut into the records of JSON lines or a JSON array.

Nothing here holds more than a chunk and one record, and no record beyond the limit is held whole.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Literal

import zstandard

#: Bytes read from a file at a time.
CHUNK_BYTES = 1 << 20
#: Bytes fed to a decompressor at a time. A block of zstd can grow by 32,768 times, so this bounds
#: what comes out at once to some tens of MiB.
FEED_BYTES = 1 << 11
#: Bytes that come out of gzip at a time.
INFLATED_BYTES = 1 << 20
#: The largest zstd window that is accepted: what `zstd --ultra --long=27` makes.
MAX_WINDOW_BYTES = 1 << 27
#: Bytes kept of a record that is too large, to show which it was.
HEAD_BYTES = 1 << 12

BOM = b"\xef\xbb\xbf"

Compression = Literal["", "gz", "zst"]


class BrokenStreamError(Exception):
    """The stream cannot be read any further; what came out before holds. ``reason`` is a fixed
    text. Not for a single bad record."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Piece:
    """The bytes of one record; only its head if it is ``too_large``."""

    data: bytes
    too_large: bool = False


def read_chunks(stream: IO[bytes], compression: Compression) -> Iterator[bytes]:
    """The content of ``stream``, decompressed.

    Raises:
        BrokenStreamError: where the compressed data ends early or is corrupt.
    """
    chunks = iter(lambda: stream.read(CHUNK_BYTES), b"")
    if compression == "gz":
        return _gunzip(chunks)
    return _unzstd(chunks) if compression == "zst" else chunks


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress the members of a gzip file. (The gzip module drops what it had decompressed of
    a buffer when it comes to a break.)"""
    member = zlib.decompressobj(wbits=31)
    inside = False
    for chunk in chunks:
        data = chunk
        while True:
            if not inside:
                # Members may be padded with zeros.
                data = data.lstrip(b"\0")
                if not data:
                    break
                inside = True
            try:
                out = member.decompress(data, INFLATED_BYTES)
            except zlib.error as error:
                raise BrokenStreamError("corrupt gzip", str(error)) from error
            if out:
                yield out
            data = member.unconsumed_tail
            if member.eof:
                data, inside = member.unused_data, False
                member = zlib.decompressobj(wbits=31)
            elif not data and len(out) < INFLATED_BYTES:
                break
    if inside:
        raise BrokenStreamError("truncated gzip", "the file ends inside the compressed data")


def _unzstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress the frames of a zstd file."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
    frame = decompressor.decompressobj()
    inside = False
    for chunk in chunks:
        for start in range(0, len(chunk), FEED_BYTES):
            data = chunk[start : start + FEED_BYTES]
            while data:
                inside = True
                try:
                    out = frame.decompress(data)
                except zstandard.ZstdError as error:
                    raise BrokenStreamError("corrupt zstd", str(error)) from error
                if out:
                    yield out
                data = b""
                if frame.eof:
                    data, inside = frame.unused_data, False
                    frame = decompressor.decompressobj()
    if inside:
        raise BrokenStreamError("truncated zstd", "the file ends inside the compressed data")


class _Record:
    """The bytes of the record that is being read, up to ``limit``; beyond it, only the head."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self.kept = bytearray()

    def add(self, data: bytes) -> None:
        self.size += len(data)
        if self.size <= self.limit:
            self.kept += data
        else:
            # Of a record that has just become too large, and of one that is so from its start.
            self.kept += data[: max(0, HEAD_BYTES - len(self.kept))]
            del self.kept[HEAD_BYTES:]

    def take(self) -> Piece:
        piece = Piece(bytes(self.kept), self.size > self.limit)
        self.kept, self.size = bytearray(), 0
        return piece


def split_lines(chunks: Iterable[bytes], *, limit: int) -> Iterator[Piece]:
    """The lines of a stream, blank ones too, without their line feeds; a line of more than
    ``limit`` bytes comes as its head."""
    record = _Record(limit)
    for chunk in without_bom(chunks):
        *complete, rest = chunk.split(b"\n")
        for part in complete:
            record.add(part)
            yield record.take()
        record.add(rest)
    if record.size:
        yield record.take()


_OUTSIDE = re.compile(rb'["\[\]{},]')
_IN_STRING = re.compile(rb'["\\]')
_OPENING, _CLOSING = b"[{", b"]}"


def split_values(chunks: Iterable[bytes], *, limit: int) -> Iterator[Piece]:
    """The items of a JSON array, or the JSON objects that follow one another in a stream. Items
    are cut at commas and brackets and need not be sound; one of more than ``limit`` bytes comes as
    its head.

    Raises:
        BrokenStreamError: if the stream ends inside a value or goes on after the array.
    """
    record = _Record(limit)
    # Values lie at depth `base`: 1 in an array, 0 in a stream of objects, -1 until it is known.
    depth, base = 0, -1
    in_string = escaped = False
    stream = without_bom(chunks)
    for whole in stream:
        chunk, position = whole, 0
        if base < 0:
            chunk = whole.lstrip()
            if not chunk:
                continue
            base = 1 if chunk[:1] == b"[" else 0
            depth = position = base
        while position < len(chunk):
            if escaped:
                record.add(chunk[position : position + 1])
                position, escaped = position + 1, False
                continue
            match = (_IN_STRING if in_string else _OUTSIDE).search(chunk, position)
            if match is None:
                record.add(chunk[position:])
                break
            mark, end = match[0], match.end()
            if mark == b"\\":
                escaped = True
            elif mark == b'"':
                in_string = not in_string
            elif mark in _OPENING:
                depth += 1
            elif mark in _CLOSING:
                depth -= 1
            cut = not in_string and depth == base and mark == b"," and base == 1
            closed = mark in _CLOSING and not in_string and depth <= 0
            record.add(chunk[position : match.start() if cut or (closed and base) else end])
            position = end
            if cut:
                yield record.take()
            elif closed:
                if record.kept.strip():
                    yield record.take()
                if base:
                    _expect_end(chunk[position:], stream)
                    return
                depth = 0
    if base == 1 or record.kept.strip():
        raise BrokenStreamError("truncated JSON", "the file ends inside a value")


def _expect_end(rest: bytes, stream: Iterable[bytes]) -> None:
    if rest.strip() or any(chunk.strip() for chunk in stream):
        raise BrokenStreamError("corrupt JSON", "the file goes on after its array")


def without_bom(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks of a stream without the mark that some programs put before UTF-8 text."""
    stream = iter(chunks)
    head = b""
    for chunk in stream:
        head += chunk
        if len(head) >= len(BOM):
            break
    yield head.removeprefix(BOM)
    yield from stream
