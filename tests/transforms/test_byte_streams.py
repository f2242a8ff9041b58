"""Streams are cut where their records end, however their bytes arrive and whatever they are."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tracemine.transforms.byte_streams import (
    HEAD_BYTES,
    INFLATED_BYTES,
    BrokenStreamError,
    Compression,
    Piece,
    read_chunks,
    split_lines,
    split_values,
)

LIMIT = 1 << 20


def compress(data: bytes, compression: Compression) -> bytes:
    if compression == "gz":
        return gzip.compress(data, mtime=0)
    return zstandard.compress(data) if compression == "zst" else data


def content(data: bytes, compression: Compression) -> bytes:
    return b"".join(read_chunks(io.BytesIO(data), compression))


def in_chunks(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def values(data: bytes, size: int = 3, limit: int = LIMIT) -> list[bytes]:
    return [piece.data.strip() for piece in split_values(in_chunks(data, size), limit=limit)]


@pytest.mark.parametrize("compression", ["", "gz", "zst"])
@given(parts=st.lists(st.binary(max_size=3000), max_size=3))
def test_compression_is_undone_over_all_members(
    compression: Compression, parts: list[bytes]
) -> None:
    assert content(b"".join(compress(p, compression) for p in parts), compression) == b"".join(
        parts
    )


@pytest.mark.parametrize("compression", ["gz", "zst"])
def test_what_grows_a_thousandfold_comes_out_whole_and_by_chunks(compression: Compression) -> None:
    data = compress(bytes(40 << 20), compression)
    sizes = [len(chunk) for chunk in read_chunks(io.BytesIO(data), compression)]
    assert sum(sizes) == 40 << 20
    if compression == "gz":
        assert max(sizes) <= INFLATED_BYTES


@pytest.mark.parametrize("compression", ["gz", "zst"])
@given(keep=st.floats(0.0, 1.0, exclude_max=True))
def test_a_cut_gives_what_came_before_it_and_then_breaks(
    compression: Compression, keep: float
) -> None:
    data = bytes(range(256)) * 40
    packed = compress(data, compression)
    cut = packed[: int(len(packed) * keep)]
    found = bytearray()
    if not cut:
        assert content(cut, compression) == b""
        return
    with pytest.raises(BrokenStreamError) as caught:
        for chunk in read_chunks(io.BytesIO(cut), compression):
            found += chunk
    assert caught.value.reason == ("truncated gzip" if compression == "gz" else "truncated zstd")
    assert data.startswith(found)


def test_of_a_cut_gzip_everything_that_can_be_is_decompressed() -> None:
    data = bytes(range(256)) * 40
    packed = gzip.compress(data)
    found = bytearray()
    with pytest.raises(BrokenStreamError):
        for chunk in read_chunks(io.BytesIO(packed[:-8]), "gz"):
            found += chunk
    assert found == data


@pytest.mark.parametrize("compression", ["gz", "zst"])
def test_what_is_not_compressed_is_corrupt(compression: Compression) -> None:
    with pytest.raises(BrokenStreamError, match="corrupt"):
        content(b'{"question": "?"}\n', compression)
    packed = bytearray(compress(b"abc" * 1000, compression))
    packed[len(packed) // 2] ^= 0xFF
    packed[-5] ^= 0xFF
    with pytest.raises(BrokenStreamError):
        content(bytes(packed), compression)


def test_padding_after_gzip_is_no_member() -> None:
    assert content(gzip.compress(b"a") + bytes(512) + gzip.compress(b"b") + bytes(3), "gz") == b"ab"


@given(st.binary(max_size=200).filter(lambda b: b[:1] != b"\xef"), st.integers(1, 7))
def test_lines(data: bytes, size: int) -> None:
    data = data + b"\n"
    for marked in (data, b"\xef\xbb\xbf" + data):
        lines = [piece.data for piece in split_lines(in_chunks(marked, size), limit=LIMIT)]
        assert lines == data.split(b"\n")[:-1]
    assert not any(b"\n" in line for line in lines)


@given(st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"")), max_size=9))
def test_a_line_over_the_limit_is_told_by_size_alone(lines: list[bytes]) -> None:
    whole = b"".join(line + b"\n" for line in lines)
    if whole.startswith(b"\xef\xbb\xbf"):
        return
    for size in (1, 5, 1000):
        pieces = list(split_lines(in_chunks(whole, size), limit=20))
        assert [p.too_large for p in pieces] == [len(line) > 20 for line in lines]
        assert all(line.startswith(p.data) for p, line in zip(pieces, lines, strict=True))


@pytest.mark.parametrize("cut", [split_lines, split_values])
def test_a_huge_record_is_never_held(cut: object) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"a": "'
        for _ in range(160):
            yield b"x" * (1 << 18)
        yield b'"}\n{"b": 1}\n'

    split = split_lines if cut is split_lines else split_values
    tracemalloc.start()
    pieces: list[Piece] = list(split(chunks(), limit=2 << 20))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [p.too_large for p in pieces] == [True, False]
    assert len(pieces[0].data) == HEAD_BYTES
    assert pieces[1].data.strip() == b'{"b": 1}'
    assert peak < 8 << 20


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='a"\\[]{},\n\u20ac'),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=3), v, max_size=3),
    max_leaves=8,
)


@given(st.lists(_JSON, max_size=5), st.integers(1, 40), st.sampled_from([None, 1]))
def test_an_array_is_cut_into_its_items(items: list[object], size: int, indent: int | None) -> None:
    data = json.dumps(items, indent=indent, ensure_ascii=False).encode()
    assert [json.loads(value) for value in values(b" \n" + data + b"\n", size)] == items


@given(
    st.lists(st.dictionaries(st.text(max_size=3), _JSON, max_size=3), max_size=4),
    st.integers(1, 40),
)
def test_objects_that_follow_one_another(items: list[object], size: int) -> None:
    data = "\n".join(json.dumps(item, indent=2) for item in items).encode()
    assert [json.loads(value) for value in values(data, size)] == items


def test_a_broken_item_costs_no_other() -> None:
    assert values(b'[{"a": }, {"b": 1}, oops, 3]') == [b'{"a": }', b'{"b": 1}', b"oops", b"3"]
    assert values(b"[1,,2,]") == [b"1", b"", b"2"]
    assert values(b"[]") == []


@pytest.mark.parametrize(
    "data", [b'[{"a": 1}, {"b"', b"[", b'{"a": "', b"[1] 2", b'[{"a": 1}}, 2]']
)
def test_a_broken_array_breaks(data: bytes) -> None:
    with pytest.raises(BrokenStreamError, match=r"(truncated|corrupt) JSON"):
        values(data)


@given(st.binary(max_size=60) | st.text(alphabet='[]{},"\\a ').map(str.encode), st.integers(1, 9))
def test_values_of_anything_end(data: bytes, size: int) -> None:
    try:
        found = values(data, size)
    except BrokenStreamError:
        return
    assert sum(map(len, found)) <= len(data)


@given(st.binary(max_size=300), st.sampled_from(["gz", "zst"]))
def test_only_a_broken_stream_is_raised(data: bytes, compression: Compression) -> None:
    for head in (b"", compress(data, compression)[:12], zlib.compress(data)):
        try:
            content(head + data, compression)
        except BrokenStreamError as error:
            assert error.reason.split()[0] in ("truncated", "corrupt")
