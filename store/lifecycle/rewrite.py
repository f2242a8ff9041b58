"""A new snapshot in which some rows are others: what did not change is the parent's own file.

A table of which rows go is read and written whole, one table in memory at a time; one that only
gains rows keeps its files and gets another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tracemine.schemas.arrow import TABLES, Row
from tracemine.store.index import (
    INDEXED,
    Vectors,
    index_file,
    index_number,
    numbers_of,
    read_index,
    renewed,
    vectors_of,
    write_index,
)
from tracemine.store.snapshot import Draft, Snapshot, read_table
from tracemine.store.tables import shard_name, shard_of, write_shard

#: Rows of a file that a table which is written whole is cut into, about.
ROWS_IN_A_FILE = 250_000

#: What of a manifest a snapshot that rests on another says anew.
_OF_ITS_OWN = frozenset(
    {
        "files", "index", "parent", "parent_as_of", "policy", "schema_version", "seal", "snapshot",
        "versions", "folded", "usage", "change", "as_of", "ledger",
    }
)  # fmt: skip


@dataclass(slots=True)
class Rewriting:
    """What is other in a new snapshot.

    Attributes:
        gone: by table and column, the values whose rows go.
        rows: by table, the rows that come.
        vectors: of entries that come, or whose vector is another.
    """

    gone: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    rows: dict[str, list[Row]] = field(default_factory=dict)
    vectors: dict[str, Vectors] = field(default_factory=dict)

    def remove(self, table: str, column: str, values: Iterable[str]) -> None:
        """Rows of ``table`` that have one of ``values`` in ``column`` go."""
        self.gone.setdefault(table, {}).setdefault(column, set()).update(values)

    def replace(self, table: str, column: str, values: Iterable[str], rows: Iterable[Row]) -> None:
        """As `remove`, and ``rows`` come."""
        self.remove(table, column, values)
        self.add(table, rows)

    def add(self, table: str, rows: Iterable[Row]) -> None:
        """``rows`` of ``table`` come."""
        self.rows.setdefault(table, []).extend(rows)


def write_changes(draft: Draft, parent: Snapshot, changes: Rewriting) -> list[str]:
    """Write what is other into ``draft``, whose parent is ``parent``; gives what of the parent's is
    to be carried over (`snapshot.publish`).

    Raises:
        StoreError: if a file of the parent's that is read here is damaged, or an index lacks an
            entry.
    """
    carry: list[str] = []
    kept_ids: dict[str, list[str]] = {}
    moved: set[str] = set()
    for table in TABLES:
        gone = {c: values for c, values in changes.gone.get(table, {}).items() if values}
        rows = changes.rows.get(table, [])
        if table in INDEXED and (gone or rows):
            moved.add(table)
        if not gone:
            carry.append(table)
            if rows:
                _write(draft, table, rows)
            if table in moved:
                kept_ids[table] = _ids(parent, table) + [str(r["procedure_id"]) for r in rows]
            continue
        left = read_table(parent, table)
        for column, values in sorted(gone.items()):
            goes = pc.is_in(left[column], pa.array(sorted(values), pa.string()))
            left = left.filter(pc.invert(goes))
        every = [*left.to_pylist(), *rows]
        _write(draft, table, every)
        if table in moved:
            kept_ids[table] = [str(row["procedure_id"]) for row in every]
    carry += _write_indexes(draft, parent, kept_ids, changes.vectors)
    carry += [e["path"] for e in parent.manifest["files"] if "cells" in e]
    return carry


def _ids(parent: Snapshot, table: str) -> list[str]:
    return [str(i) for i in read_table(parent, table)["procedure_id"].to_pylist()]


def _write(draft: Draft, table: str, rows: Sequence[Row]) -> None:
    shards = max(1, -(-len(rows) // ROWS_IN_A_FILE))
    by_shard: dict[int, list[Row]] = {shard: [] for shard in range(shards)}
    for row in rows:
        by_shard[shard_of(table, row, shards) if shards > 1 else 0].append(row)
    for shard, mine in by_shard.items():
        path = f"{draft.folder}/{table}/{shard_name(shard, shards)}"
        write_shard(mine, table, path)


def _write_indexes(
    draft: Draft,
    parent: Snapshot,
    ids: Mapping[str, Sequence[str]],
    vectors: Mapping[str, Vectors],
) -> list[str]:
    """Write the indexes of the tables of ``ids``, which has what each holds now; gives the others,
    which are carried."""
    if not ids:
        return [index_file(table) for table in INDEXED]
    known: dict[int, Any] = {}
    indexes = []
    for table in INDEXED:
        parent.check_index(table)
        index = read_index(parent.index(table))
        indexes.append(index)
        known |= dict(zip(numbers_of(index).tolist(), vectors_of(index), strict=True))
    for table, wanted in ids.items():
        rows = []
        for identifier in wanted:
            vector = vectors.get(identifier)
            rows.append((identifier, known[index_number(identifier)] if vector is None else vector))
        before = read_index(parent.index(table), to_change=True)
        built = renewed(before, rows, parent.manifest["index"].get(table, {}))
        write_index(built, f"{draft.folder}/{index_file(table)}")
    return [index_file(table) for table in INDEXED if table not in ids]


def fields_of(parent: Snapshot) -> dict[str, Any]:
    """What a manifest says as its parent's does."""
    return {key: value for key, value in parent.manifest.items() if key not in _OF_ITS_OWN}


__all__ = ["ROWS_IN_A_FILE", "Rewriting", "fields_of", "write_changes"]
