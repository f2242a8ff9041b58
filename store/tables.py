"""Shards of a table: rows in, deterministic Parquet out, and back."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractBufferedFile

from tracemine.schemas import content_id
from tracemine.schemas.arrow import TABLES, Row, sort_key

#: Rows in a row group: small enough to read a few of, large enough to compress.
ROW_GROUP = 10_000

#: Tables in which equal rows are different events, each to be counted.
LEDGERS = frozenset({"rejected"})

#: How the name of a file ends that is still being written.
UNFINISHED = ".unfinished"

_SURROGATE = re.compile("[\ud800-\udfff]")


def row_id(table: str, row: Row) -> str:
    """What a row is sharded and first sorted by: its table's first column that ends in ``_id``."""
    return str(row[_id_column(table)] or "")


def shard_of(table: str, row: Row, shards: int) -> int:
    """The shard of a row, in ``range(shards)``, by hash of its id."""
    return int(content_id("shard", row_id(table, row))[:8], 16) % shards


def shard_name(shard: int, shards: int) -> str:
    """The file name of a shard, e.g. ``part-00003-of-00008.parquet``."""
    return f"part-{shard:05d}-of-{shards:05d}.parquet"


def write_shard(rows: Iterable[Row], table: str, path: str, *, every: bool = False) -> int:
    """Write ``rows`` of ``table`` to ``path`` (a path or any fsspec URL), sorted, zstd; gives the
    number of rows written. Equal rows are written once, but for `LEDGERS` and where ``every`` row
    is to be kept. Equal sets of rows give equal bytes. The file appears whole or not at all.

    Raises:
        ValueError: if a row's columns are not those of the table.
    """
    schema = TABLES[table]
    ordered = _ordered(rows, table, every=every or table in LEDGERS)
    try:
        arrow = pa.Table.from_pylist(ordered, schema=schema)
    except UnicodeEncodeError:
        # Traces may hold halves of surrogate pairs, which Parquet cannot. One character for one
        # keeps every offset true.
        arrow = pa.Table.from_pylist([_replace_surrogates(row) for row in ordered], schema=schema)
    write_columns(arrow, path)
    return len(ordered)


def write_columns(rows: pa.Table, path: str) -> None:
    """Write ``rows`` as they are to ``path`` (a path or any fsspec URL). The file appears whole or
    not at all."""
    with open_whole(path) as stream:
        pq.write_table(rows, stream, compression="zstd", row_group_size=ROW_GROUP)


def read_files(table: str, paths: Iterable[str]) -> pa.Table:
    """The rows of ``table`` in the files at ``paths`` (paths or fsspec URLs), in their order."""
    schema = TABLES[table]
    parts = []
    for path in paths:
        with fsspec.open(path, "rb") as stream:
            parts.append(pq.read_table(stream).select(schema.names).cast(schema))
    return pa.concat_tables([schema.empty_table(), *parts])


@contextmanager
def open_whole(path: str) -> Iterator[IO[bytes]]:
    """A binary stream whose content is at ``path`` once the block has ended well, and not at all
    if it has not. Locally that is a file aside, then a rename; object stores work so by
    themselves."""
    fs, inner = fsspec.core.url_to_fs(path)
    fs.makedirs(fs._parent(inner), exist_ok=True)
    if not isinstance(fs, LocalFileSystem):
        stream = fs.open(inner, "wb")
        try:
            yield stream
            stream.close()
        except BaseException:
            _discard(stream)
            raise
        return
    # Two attempts at one shard (a runner may make them) must not write into one file.
    final = Path(inner)
    aside = final.with_name(f"{final.name}.{uuid.uuid4().hex}{UNFINISHED}")
    try:
        with aside.open("wb") as stream:
            yield stream
        aside.replace(final)
    finally:
        aside.unlink(missing_ok=True)


def _discard(stream: Any) -> None:
    """Forget what was written to an object store: to close the stream would put it there."""
    if isinstance(stream, AbstractBufferedFile):
        try:
            stream.discard()
        finally:
            stream.closed = True


def _id_column(table: str) -> str:
    return next(str(name) for name in TABLES[table].names if name.endswith("_id"))


def _ordered(rows: Iterable[Row], table: str, *, every: bool) -> list[Row]:
    names, column = set(TABLES[table].names), _id_column(table)
    by_id: dict[str, list[Row]] = {}
    for row in rows:
        if row.keys() != names:
            wrong = ", ".join(sorted(row.keys() ^ names))
            raise ValueError(f"a row of {table} has other columns than the table: {wrong}")
        by_id.setdefault(row[column], []).append(row)
    found: list[Row] = []
    for _, alike in sorted(by_id.items()):
        # What a row says beside its id may be long, and is looked at where others have that id.
        found += alike if len(alike) == 1 else _apart(alike, table, every=every)
    return found


def _apart(rows: Iterable[Row], table: str, *, every: bool) -> list[Row]:
    keyed = sorted(((sort_key(table, row), row) for row in rows), key=lambda pair: pair[0])
    return [row for i, (key, row) in enumerate(keyed) if every or i == 0 or key != keyed[i - 1][0]]


def _replace_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, (list, tuple)):
        return [_replace_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {key: _replace_surrogates(item) for key, item in value.items()}
    return value
