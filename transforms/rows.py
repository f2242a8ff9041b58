"""Files to rows: whatever a file holds comes out as rows, or as a failure that names file and row.

Rows are counted from 0, as they lie in the file: lines of JSON lines (blank ones are counted, and
are no rows, so row N is line N + 1), items of a JSON array, rows of Parquet; in a split they are
counted on from one of its files to the next. What breaks off a file (a truncated gzip) is one
failure, at the row where the break is.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import tempfile
import zlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from tracemine.schemas import Rejected, content_id
from tracemine.schemas.values import dump_json
from tracemine.transforms.byte_streams import (
    BrokenStreamError,
    Compression,
    Piece,
    read_chunks,
    split_lines,
    split_values,
    without_bom,
)
from tracemine.transforms.input_file import InputFile, file_ending

STAGE = "read"

#: A row of more bytes than this is no reasoning trace, and would not fit a worker many times over.
MAX_ROW_BYTES = 32 << 20
#: Rows that are taken out of a Parquet row group at a time.
PARQUET_BATCH_ROWS = 64
#: Characters of a failed row that its record keeps.
EXCERPT_CHARS = 300
#: Characters of the detail of a failure.
DETAIL_CHARS = 500

EMPTY_FILE = "empty file"
TOO_LARGE = "row too large"
NOT_JSON = "not JSON"
NOT_UTF8 = "invalid UTF-8"
NOT_OBJECT = "not an object"
NAN = "NaN"
TOO_DEEP = "nested too deep"
LONG_NUMBER = "number too long"
CORRUPT_PARQUET = "corrupt parquet"
CORRUPT_DATASET = "corrupt dataset"
UNREADABLE = "unreadable file"


@dataclass(frozen=True, slots=True)
class Row:
    """An object with its number in its file. ``excerpt`` is the beginning of its text, empty where
    it did not come from text. ``part`` says which row of which file of a split it is."""

    number: int
    values: Mapping[str, Any]
    excerpt: str = ""
    part: str = ""


def read_rows(
    file: InputFile, *, max_row_bytes: int = MAX_ROW_BYTES
) -> Generator[Row | Rejected, None, None]:
    """Everything in ``file``, in order. Holds one row (of Parquet, one batch) at a time. Never
    raises for what a file holds; a file that holds nothing is one failure."""
    upcoming, nothing = 0, True
    try:
        for number, found in _numbered(file, max_row_bytes):
            upcoming = number + 1
            if found is not None:
                nothing = False
                yield found
    except BrokenStreamError as error:
        yield failed(file, upcoming, error.reason, error.detail)
    except OSError as error:
        yield failed(file, upcoming, UNREADABLE, str(error))
    else:
        if nothing:
            yield failed(file, 0, EMPTY_FILE)


def failed(
    file: InputFile,
    number: int,
    reason: str,
    detail: str = "",
    excerpt: str = "",
    part: str = "",
) -> Rejected:
    """The ledger entry of a row that could not be read; ``part`` as in `Row`."""
    part = part or _part_of(file, number)
    place = f"{file.dataset} row {number}" + (f" ({part})" if part else "")
    where = f"{place}: {reason}" + (f": {detail}" if detail else "")
    record = {"file": file.dataset, "row": number, "text": printable(excerpt[:EXCERPT_CHARS])}
    return Rejected(
        stage=STAGE,
        reason=reason,
        record_id=content_id("row", file.dataset, file.revision, number),
        detail=printable(" ".join(where.split()))[:DETAIL_CHARS],
        record=dump_json(record),
        fate="failed",
    )


def _part_of(file: InputFile, number: int) -> str:
    """Which row of a file of a split it is that has ``number`` in the split; empty for others."""
    if not file.split or file.container == "dataset":
        return ""
    return f"{PurePosixPath(file.url).name} row {number - file.first_row}"


def printable(text: str) -> str:
    """``text`` with a replacement character for what Parquet or a reader of it may not take."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def excerpt_of(row: Row) -> str:
    """The beginning of the row's text, made from its values where it did not come from text."""
    return row.excerpt or json.dumps(dict(row.values), default=str)[:EXCERPT_CHARS]


_Found = tuple[int, Row | Rejected | None]


def _numbered(file: InputFile, limit: int) -> Iterator[_Found]:
    """Rows and failures with their numbers; None for a line that is no row."""
    if file.container == "dataset":
        return _dataset_rows(file, limit)
    return _file_rows(file, limit)


def _file_rows(file: InputFile, limit: int) -> Iterator[_Found]:
    with fsspec.open(file.url, "rb") as stream:
        if file.container == "parquet":
            with _seekable(stream, file.compression) as seekable:
                yield from _parquet_rows(file, seekable, limit)
            return
        chunks = read_chunks(stream, file.compression)
        if file.container == "json":
            chunks, is_lines = _peek(chunks)
        else:
            is_lines = True
        pieces = (split_lines if is_lines else split_values)(chunks, limit=limit)
        for number, piece in enumerate(pieces, file.first_row):
            blank = is_lines and not piece.data.strip()
            yield number, None if blank else _parse(file, number, piece, limit)


def _peek(chunks: Iterator[bytes]) -> tuple[Iterator[bytes], bool]:
    """Whether a ``.json`` file is JSON lines in truth: it begins with an object that does not go
    on in the next line. Gives the chunks back whole."""
    head = b""
    taken = []
    for chunk in chunks:
        taken.append(chunk)
        head = b"".join(without_bom([head + chunk])).lstrip()
        if head:
            break
    first = head.partition(b"\n")[0].strip()
    return _chain(taken, chunks), head[:1] != b"[" and first != b"{"


def _chain(taken: list[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    yield from taken
    yield from rest


class _NanError(ValueError):
    """A number that is none."""


def _reject_constant(token: str) -> Any:
    raise _NanError(token)


_DECODER = json.JSONDecoder(parse_constant=_reject_constant)
_LAST_WORDS = re.compile(r": line 1 column \d+ ")


def _parse(file: InputFile, number: int, piece: Piece, limit: int) -> Row | Rejected:
    """The row of one piece of JSON, or why it is none."""
    excerpt = piece.data[: 4 * EXCERPT_CHARS].decode("utf-8", "replace")[:EXCERPT_CHARS]
    if piece.too_large:
        return failed(file, number, TOO_LARGE, f"more than {limit} bytes", excerpt)
    try:
        values = _DECODER.decode(piece.data.decode("utf-8"))
    except UnicodeDecodeError as error:
        return failed(file, number, NOT_UTF8, f"{error.reason} at byte {error.start}", excerpt)
    except json.JSONDecodeError as error:
        return failed(file, number, NOT_JSON, _LAST_WORDS.sub(" ", str(error)), excerpt)
    except _NanError as error:
        return failed(file, number, NAN, str(error), excerpt)
    except RecursionError:
        return failed(file, number, TOO_DEEP, "", excerpt)
    except ValueError as error:
        # Python refuses integers of thousands of digits, whose conversion takes quadratic time.
        return failed(file, number, LONG_NUMBER, str(error).partition(";")[0], excerpt)
    if not isinstance(values, dict):
        return failed(file, number, NOT_OBJECT, type(values).__name__, excerpt)
    return Row(number, values, excerpt, _part_of(file, number))


@contextlib.contextmanager
def _seekable(stream: IO[bytes], compression: Compression) -> Iterator[IO[bytes]]:
    """A stream that can be read from anywhere, as Parquet is: decompressed onto disk if need be."""
    if not compression:
        yield stream
        return
    with tempfile.TemporaryFile() as copy:
        for chunk in read_chunks(stream, compression):
            copy.write(chunk)
        copy.seek(0)
        yield copy


def _parquet_rows(file: InputFile, stream: IO[bytes], limit: int) -> Iterator[_Found]:
    """Row group by row group: one that cannot be read is one failure, and the next is tried."""
    if not stream.read(1):
        return
    stream.seek(0)
    try:
        parquet = pq.ParquetFile(stream)
        sizes = [parquet.metadata.row_group(i).num_rows for i in range(parquet.num_row_groups)]
    except (pa.ArrowException, OSError) as error:
        raise BrokenStreamError(CORRUPT_PARQUET, str(error)) from error
    start = file.first_row
    for group, size in enumerate(sizes):
        number = start
        try:
            for batch in parquet.iter_batches(PARQUET_BATCH_ROWS, row_groups=[group]):
                for index in range(batch.num_rows):
                    yield number, _record_row(file, number, batch.slice(index, 1), limit)
                    number += 1
        except (pa.ArrowException, OSError) as error:
            detail = f"rows {number} to {start + size - 1} are lost: {error}"
            yield number, failed(file, number, CORRUPT_PARQUET, detail)
        start += size


def _record_row(file: InputFile, number: int, record: pa.RecordBatch, limit: int) -> Row | Rejected:
    if record.nbytes > limit:
        return failed(file, number, TOO_LARGE, f"more than {limit} bytes")
    try:
        (values,) = record.to_pylist()
    except UnicodeDecodeError as error:
        return failed(file, number, NOT_UTF8, f"{error.reason} at byte {error.start}")
    except (ValueError, OverflowError) as error:
        # Such as a time outside of what Python's calendar has.
        return failed(file, number, CORRUPT_PARQUET, str(error))
    return Row(number, values, part=_part_of(file, number))


def open_dataset(file: InputFile) -> Any:
    """The split as a `datasets.IterableDataset`, or as the list of its files where these are ones
    that we read ourselves: Parquet, or JSON by its ending. Nothing is read ahead.

    Of `datasets`' own readers, that of Parquet runs ahead of who reads, so that what it holds grows
    with the split (`benchmarks/reading.py`), and that of JSON gives up a file at its first bad
    line.

    Raises:
        OSError, ValueError: if there is no such data set or split, or it cannot be reached.
    """
    # Costs seconds to import, which only those who read from a hub should pay.
    import datasets

    builder = datasets.load_dataset_builder(
        file.url, name=file.config or None, revision=file.revision or None
    )
    urls = list(map(str, (builder.config.data_files or {}).get(file.split, ())))
    parts = [_part(file, url, str(builder.info.builder_name)) for url in urls]
    # A card may say that the rows lie within a field of one JSON object.
    if parts and None not in parts and getattr(builder.config, "field", None) is None:
        return parts
    return builder.as_streaming_dataset(split=file.split)


def _part(split: InputFile, url: str, builder: str) -> InputFile | None:
    """One file of a split, if it is one that we read."""
    if builder == "parquet":
        return dataclasses.replace(split, url=url, container="parquet")
    ending = file_ending(url)
    if builder != "json" or ending is None or ending[0] == "parquet":
        return None
    container, compression = ending
    return dataclasses.replace(split, url=url, container=container, compression=compression)


def _dataset_rows(file: InputFile, limit: int) -> Iterator[_Found]:
    import datasets

    broken = (
        pa.ArrowException,
        datasets.exceptions.DatasetsError,
        EOFError,
        TypeError,
        ValueError,
        zlib.error,
    )
    number = 0
    try:
        split = open_dataset(file)
        if isinstance(split, list):
            yield from _parts_rows(split, limit)
            return
        for values in split:
            yield number, Row(number, values)
            number += 1
    except broken as error:
        lost = f"this row and all that follow it in the split are lost: {error}"
        raise BrokenStreamError(CORRUPT_DATASET, lost) from error


def _parts_rows(parts: Sequence[InputFile], limit: int) -> Iterator[_Found]:
    """The rows of a split's files, numbered through. One that breaks off is one failure, and the
    next is read."""
    upcoming = 0
    for part in parts:
        part = dataclasses.replace(part, first_row=upcoming)
        try:
            for number, found in _file_rows(part, limit):
                yield number, found
                upcoming = number + 1
        except BrokenStreamError as error:
            yield upcoming, failed(part, upcoming, error.reason, error.detail)
            upcoming += 1
        except OSError as error:
            yield upcoming, failed(part, upcoming, UNREADABLE, str(error))
            upcoming += 1
