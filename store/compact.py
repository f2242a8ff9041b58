"""compact: the files of the live snapshot, its own and its parents', as few new ones.

Rows are the same, statuses and times too: a compacted snapshot says what the one before it says.
It is written and published like any other, so a run that is killed leaves the store as it was.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tracemine.schemas.arrow import TABLES, Row
from tracemine.store.cells import CELLS_FILE
from tracemine.store.errors import RequestError, StoreError
from tracemine.store.index import index_file
from tracemine.store.location import say
from tracemine.store.manifest import SNAPSHOTS, check_file, load_manifest
from tracemine.store.snapshot import Draft, Snapshot, begin, open_snapshot, publish
from tracemine.store.tables import open_whole, shard_name, shard_of, write_shard

#: Bytes of a table that go into one file, about: what one takes as rows in memory is some 20 times
#: as much.
FILE_BYTES = 64 << 20
#: Rows of a table, and bytes of any other file, that are read at once.
BATCH_ROWS, COPIED_BYTES = 10_000, 1 << 20

#: What of a manifest `publish` says anew.
_ANEW = frozenset(
    {"files", "index", "parent", "parent_as_of", "policy", "schema_version", "seal", "snapshot"}
)


@dataclass(frozen=True, slots=True)
class Compacted:
    """What `compact` did: the live snapshot, the one that it ``folded`` (None if there was nothing
    to fold), and how many files and bytes each has."""

    snapshot: str
    folded: str | None
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int


def compact(store: str, *, file_bytes: int = FILE_BYTES) -> Compacted:
    """Fold the files of the live snapshot of ``store`` into one new snapshot with equal rows, which
    refers to no other's files. A table has a file for each ``file_bytes`` of it. A table is read
    once for each of its new files, and what goes into one file is in memory at once.

    A snapshot that is so already is left as it is. `gc` removes the old files.

    Raises:
        RequestError: if another run is writing to the store, or it cannot be written.
        StoreError: if there is no store, or one of its files is not what was written.
    """
    with open_snapshot(store) as snapshot:
        entries = snapshot.manifest["files"]
        before = sum(int(entry["bytes"]) for entry in entries)
        if _is_compact(snapshot, file_bytes):
            size = len(entries)
            return Compacted(snapshot.number, None, size, size, before, before)
    draft = begin(store, refresh=True)
    draft.policy = draft.policy_of_parent  # Nothing is judged by it.
    try:
        # Nobody else publishes while we have the draft, or `publish` says so.
        with open_snapshot(store) as snapshot:
            try:
                _fold(snapshot, draft, file_bytes)
            except (OSError, pa.ArrowException) as error:
                draft.abandon()
                raise RequestError(f"cannot compact the store {store}: {say(error)}") from error
            except StoreError:
                draft.abandon()
                raise
            number = publish(draft, _fields(snapshot))
    finally:
        draft.release()
    old = snapshot.manifest["files"]
    new = load_manifest(snapshot.location, number)["files"]
    return Compacted(
        snapshot=number,
        folded=snapshot.number,
        files_before=len(old),
        files_after=len(new),
        bytes_before=sum(int(entry["bytes"]) for entry in old),
        bytes_after=sum(int(entry["bytes"]) for entry in new),
    )


def _is_compact(snapshot: Snapshot, file_bytes: int) -> bool:
    own = f"{SNAPSHOTS}/{snapshot.number}/"
    if not all(entry["path"].startswith(own) for entry in snapshot.manifest["files"]):
        return False
    return all(
        len(snapshot.files(table)) <= _files_for(snapshot, table, file_bytes) for table in TABLES
    )


def _files_for(snapshot: Snapshot, table: str, file_bytes: int) -> int:
    size = sum(int(e["bytes"]) for e in _entries_of(snapshot, table))
    return max(1, math.ceil(size / file_bytes))


def _entries_of(snapshot: Snapshot, table: str) -> list[Mapping[str, Any]]:
    return [e for e in snapshot.manifest["files"] if e.get("table") == table]


def _fold(snapshot: Snapshot, draft: Draft, file_bytes: int) -> None:
    for table in TABLES:
        # What is damaged is not folded into what looks sound.
        snapshot.check(table)
        shards = _files_for(snapshot, table, file_bytes)
        written = 0
        for shard in range(shards):
            rows = _rows_of(snapshot, table, shard, shards)
            path = f"{draft.folder}/{table}/{shard_name(shard, shards)}"
            written += write_shard(rows, table, path, every=True)
        expected = sum(int(e["rows"]) for e in _entries_of(snapshot, table))
        if written != expected:
            raise StoreError(
                f"{table} of {snapshot.location.url()} has {written} rows, its manifest says "
                f"{expected}: run tracemine fsck"
            )
    for entry in snapshot.manifest["files"]:
        if "index" in entry:
            _copy(snapshot, entry, f"{draft.folder}/{index_file(entry['index'])}")
        elif "cells" in entry:
            _copy(snapshot, entry, f"{draft.folder}/{CELLS_FILE}")
    # Its entries were decided under that policy, whatever the file says by now.
    draft.policy = snapshot.policy


def _fields(snapshot: Snapshot) -> dict[str, Any]:
    fields = {key: value for key, value in snapshot.manifest.items() if key not in _ANEW}
    return {**fields, "folded": snapshot.number}


def _rows_of(snapshot: Snapshot, table: str, shard: int, shards: int) -> Iterator[Row]:
    schema = TABLES[table]
    for path in snapshot.files(table):
        with snapshot.location.fs.open(path, "rb") as stream:
            file = pq.ParquetFile(stream)
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=schema.names):
                for row in batch.select(schema.names).to_pylist():
                    if shards == 1 or shard_of(table, row, shards) == shard:
                        yield row


def _copy(snapshot: Snapshot, entry: Mapping[str, Any], path: str) -> None:
    check_file(snapshot.location, entry)
    # An index may be larger than memory.
    location = snapshot.location
    with location.fs.open(location.inner(entry["path"]), "rb") as old, open_whole(path) as new:
        shutil.copyfileobj(old, new, COPIED_BYTES)


__all__ = ["FILE_BYTES", "Compacted", "compact"]
