"""Whatever a file holds comes out as rows or as failures that name file and row."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas import Rejected
from tracemine.transforms import rows as reading
from tracemine.transforms.byte_streams import Compression
from tracemine.transforms.input_file import Container, InputFile, file_fingerprint
from tracemine.transforms.rows import Row, read_rows

GOOD = b'{"question": "1+1?", "answer": "#### 2"}'

Found = list[Row | Rejected]


def read(path: Path, data: bytes, container: Container = "lines", *, limit: int = 1 << 20) -> Found:
    compression: Compression = ""
    if path.suffix in (".gz", ".zst"):
        compression = "gz" if path.suffix == ".gz" else "zst"
    path.write_bytes(data)
    file = InputFile(str(path), path.name, container, compression)
    return list(read_rows(file, max_row_bytes=limit))


def summary(found: Found) -> list[Any]:
    """Numbers of the rows, reasons of the failures."""
    return [row.number if isinstance(row, Row) else row.reason for row in found]


def failure(found: Found) -> Rejected:
    (one,) = [row for row in found if isinstance(row, Rejected)]
    return one


#: What a line may be, and the reason it fails with.
BAD_LINES = {
    b"{oops": reading.NOT_JSON,
    b'{"question": "cut of': reading.NOT_JSON,
    b'{"a": 1} {"b": 2}': reading.NOT_JSON,
    b"[1, 2]": reading.NOT_OBJECT,
    b"null": reading.NOT_OBJECT,
    b'"text"': reading.NOT_OBJECT,
    b'{"question": "\xff\xfe"}': reading.NOT_UTF8,
    b'{"question": "\xed\xa0\x80"}': reading.NOT_UTF8,
    b'{"a": NaN}': reading.NAN,
    b'{"a": [-Infinity]}': reading.NAN,
    b'{"a": ' + b"9" * 5000 + b"}": reading.LONG_NUMBER,
    b"[" * 100_000: reading.TOO_DEEP,
    b'{"a": "' + b"x" * (1 << 20) + b'"}': reading.TOO_LARGE,
    b"\0\0\0": reading.NOT_JSON,
}


@pytest.mark.parametrize(("line", "reason"), BAD_LINES.items(), ids=range(len(BAD_LINES)))
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_a_bad_line_fails_alone(tmp_path: Path, line: bytes, reason: str, ending: bytes) -> None:
    found = read(tmp_path / "bad.jsonl", ending.join([GOOD, line, GOOD, b""]))
    assert summary(found) == [0, reason, 2]
    failed = failure(found)
    assert (failed.stage, failed.fate) == ("read", "failed")
    assert failed.detail.startswith(f"bad.jsonl row 1: {reason}")
    assert "\n" not in failed.detail
    record = json.loads(failed.record)
    assert (record["file"], record["row"]) == ("bad.jsonl", 1)
    assert len(record["text"]) <= reading.EXCERPT_CHARS
    pa.array([failed.detail, failed.record]).validate(full=True)


def test_what_json_says_is_passed_on(tmp_path: Path) -> None:
    detail = failure(read(tmp_path / "bad.jsonl", GOOD + b"\n{oops\n")).detail
    assert detail.startswith("bad.jsonl row 1: not JSON: Expecting property name")


def test_blank_lines_count_and_are_no_rows(tmp_path: Path) -> None:
    assert summary(read(tmp_path / "a.jsonl", b"\n  \n" + GOOD + b"\n\r\n" + GOOD)) == [2, 4]


def test_duplicate_keys_and_a_byte_order_mark_are_fine(tmp_path: Path) -> None:
    (row,) = read(tmp_path / "a.jsonl", b'\xef\xbb\xbf{"a": 1, "a": 2}')
    assert isinstance(row, Row)
    assert row.values == {"a": 2}


@pytest.mark.parametrize(
    ("name", "data", "container"),
    [
        ("a.jsonl", b"", "lines"),
        ("a.jsonl", b"\n \n", "lines"),
        ("a.jsonl.gz", b"", "lines"),
        ("a.jsonl.gz", gzip.compress(b"", mtime=0), "lines"),
        ("a.jsonl.zst", zstandard.compress(b"\n"), "lines"),
        ("a.json", b" [ ] ", "json"),
        ("a.json", b"", "json"),
        ("a.parquet", b"", "parquet"),
    ],
)
def test_an_empty_file_is_one_failure(
    tmp_path: Path, name: str, data: bytes, container: Container
) -> None:
    found = read(tmp_path / name, data, container)
    assert summary(found) == [reading.EMPTY_FILE]
    assert failure(found).detail == f"{name} row 0: empty file"


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_rows_before_a_break_are_read(tmp_path: Path, pack: Any) -> None:
    kind = "gz" if pack is gzip.compress else "zst"
    lines = b"".join(b'{"n": %d, "x": "%x"}\n' % (n, n**7) for n in range(40_000))
    packed = pack(lines)
    found = read(tmp_path / f"a.jsonl.{kind}", packed[: len(packed) // 2])
    *rows, last = found
    assert len(rows) > 1000
    assert [row.number for row in rows if isinstance(row, Row)] == list(range(len(rows)))
    assert isinstance(last, Rejected)
    assert last.reason == ("truncated gzip" if kind == "gz" else "truncated zstd")
    assert last.detail.startswith(f"a.jsonl.{kind} row {len(rows)}: truncated")


def test_a_gzip_that_lacks_only_its_checksum_loses_no_row(tmp_path: Path) -> None:
    packed = gzip.compress(GOOD + b"\n\n" + GOOD + b"\n\n")[:-8]
    assert summary(read(tmp_path / "a.jsonl.gz", packed)) == [0, 2, "truncated gzip"]
    assert failure(read(tmp_path / "a.jsonl.gz", packed)).detail.split(":")[0].endswith("row 4")


@pytest.mark.parametrize(
    ("data", "numbers"),
    [
        (b'[{"a": 1},\n {"a": 2}]', [0, 1]),
        (b'[{"a": 1}, {"a": NaN}, 7, {"a": 2}]', [0, "NaN", "not an object", 3]),
        (b'[{"a": 1}, , {"a": 2}]', [0, "not JSON", 2]),
        (b'[{"a": 1}, {"a": "cut', [0, "truncated JSON"]),
        (b'{"a": 1}\n\n{"a": 2}\n', [0, 2]),
        (b'{"a": 1}\n{oops\n{"a": 2}\n', [0, "not JSON", 2]),
        (b'{\n  "a": 1\n}\n', [0]),
        (b'{\n  "a": 1\n}\n{\n  "a": {\n "b": 2}\n}', [0, 1]),
        (b'\xef\xbb\xbf\n [{"a": 1}]\n', [0]),
    ],
)
def test_json_is_an_array_or_lines_or_objects(
    tmp_path: Path, data: bytes, numbers: list[Any]
) -> None:
    assert summary(read(tmp_path / "a.json", data, "json")) == numbers
    assert summary(read(tmp_path / "a.json.gz", gzip.compress(data), "json")) == numbers


def test_a_40_mb_row_fails_and_reading_goes_on(tmp_path: Path) -> None:
    huge = b'{"question": "' + b"y" * 40_000_000 + b'"}'
    packed = gzip.compress(b"\n".join([GOOD, huge, GOOD]), compresslevel=1)
    found = read(tmp_path / "a.jsonl.gz", packed, limit=reading.MAX_ROW_BYTES)
    assert summary(found) == [0, reading.TOO_LARGE, 2]


def parquet(path: Path, table: pa.Table, rows_in_group: int = 10) -> bytes:
    pq.write_table(table, path, row_group_size=rows_in_group, compression="none")
    return path.read_bytes()


def test_parquet(tmp_path: Path) -> None:
    table = pa.table({"n": list(range(25)), "text": [f"{'abc' * 20} {n}" for n in range(25)]})
    path = tmp_path / "a.parquet"
    data = parquet(path, table)
    found = read(path, data, "parquet")
    assert [r.values for r in found if isinstance(r, Row)] == table.to_pylist()
    assert summary(found) == list(range(25))
    packed = read(tmp_path / "b.parquet.zst", zstandard.compress(data), "parquet")
    assert summary(packed) == list(range(25))
    assert summary(read(path, data[:-4], "parquet")) == [reading.CORRUPT_PARQUET]
    assert summary(read(path, b"PAR1 nothing", "parquet")) == [reading.CORRUPT_PARQUET]
    cut = gzip.compress(data)[:-100]
    assert summary(read(tmp_path / "c.parquet.gz", cut, "parquet")) == ["truncated gzip"]


def test_of_a_damaged_parquet_the_other_row_groups_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    data = bytearray(parquet(path, pa.table({"text": [f"row {n} {'z' * 99}" for n in range(30)]})))
    group = pq.ParquetFile(path).metadata.row_group(1).column(0)
    start = group.dictionary_page_offset or group.data_page_offset
    data[start : start + 200] = b"\xff" * 200
    found = read(path, bytes(data), "parquet")
    assert summary(found) == [*range(10), reading.CORRUPT_PARQUET, *range(20, 30)]
    assert failure(found).detail.startswith(
        "a.parquet row 10: corrupt parquet: rows 10 to 19 are lost"
    )


def test_parquet_rows_with_bad_text_or_too_much_of_it_fail_alone(tmp_path: Path) -> None:
    raw = pa.array([b"fine", b"\xff\xfe", b"x" * 5000, b"fine"], pa.binary())
    text = pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())
    found = read(
        tmp_path / "a.parquet",
        parquet(tmp_path / "a.parquet", pa.table({"text": text})),
        "parquet",
        limit=4000,
    )
    assert summary(found) == [0, reading.NOT_UTF8, reading.TOO_LARGE, 3]


@given(
    st.binary(max_size=200)
    | st.text(alphabet='{}[]":, \n\r1\\', max_size=60).map(str.encode)
    | st.lists(st.sampled_from([GOOD, b"", b"{}", b"\xff", b"[NaN]"])).map(b"\n".join)
)
def test_no_bytes_crash_it_and_the_counts_add_up(data: bytes) -> None:
    with fsspec.open("memory://hostile/a.jsonl", "wb") as stream:
        stream.write(data)
    url = "memory://hostile/a.jsonl"
    found = list(read_rows(InputFile(url, "a.jsonl", "lines")))
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    assert len(found) == max(1, sum(bool(line.strip()) for line in lines))
    others: list[tuple[Container, Compression]] = [
        ("json", ""), ("parquet", ""), ("lines", "gz"), ("lines", "zst"), ("parquet", "gz"),
    ]  # fmt: skip
    for container, compression in others:
        found = list(read_rows(InputFile(url, "a", container, compression)))
        assert found
        for failed in found:
            if isinstance(failed, Rejected):
                (failed.detail + failed.record).encode()


def test_a_file_that_goes_away_is_one_failure(tmp_path: Path) -> None:
    found = list(read_rows(InputFile(str(tmp_path / "gone.jsonl"), "gone.jsonl", "lines")))
    assert summary(found) == [reading.UNREADABLE]


def test_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    file = InputFile(str(path), "a.jsonl", "lines", format="gsm8k")
    assert file_fingerprint(file) == (3, known)
    assert file.describe() == {
        "dataset": "a.jsonl", "url": str(path), "format": "gsm8k", "columns": {}, "bytes": 3,
        "sha256": known,
    }  # fmt: skip
    assert file_fingerprint(InputFile("memory://a", "a", "lines")) == (None, None)
