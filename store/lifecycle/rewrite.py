"""A new snapshot in which some rows are others: what did not change is the parent's own file.

A file of which rows go is written anew without them, one in memory at a time; rows that come are
in files of their own, and every other file is the parent's (`tracemine compact` folds them).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

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
from tracemine.store.snapshot import Draft, Snapshot, check_file
from tracemine.store.tables import read_files, shard_name, shard_of, write_columns, write_shard

#: Rows of a file that those which come are cut into, about.
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
        verdicts: of replays that go, the variant and the instance.
        rows: by table, the rows that come.
        vectors: of entries that come, or whose vector is another.
    """

    gone: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    verdicts: set[tuple[str, str]] = field(default_factory=set)
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
    for table in TABLES:
        goes = _going(changes, table)
        rows = changes.rows.get(table, [])
        if not (goes or rows):
            carry.append(table)
            continue
        entries = [e for e in parent.manifest["files"] if e.get("table") == table]
        left: list[pa.Table] = []
        for entry in entries:
            if not goes:
                carry.append(entry["path"])
                continue
            check_file(parent.location, entry)
            before = read_files(table, [parent.location.url(entry["path"])])
            now = _without(before, goes)
            if len(now) == len(before):
                carry.append(entry["path"])
            else:
                left.append(now)
        _write(draft, table, [part for part in left if len(part)], rows)
        if table in INDEXED:
            kept_ids[table] = [
                *_ids(parent, [e for e in entries if e["path"] in carry]),
                *(str(i) for part in left for i in part["procedure_id"].to_pylist()),
                *(str(row["procedure_id"]) for row in rows),
            ]
    carry += _write_indexes(draft, parent, kept_ids, changes.vectors)
    carry += [e["path"] for e in parent.manifest["files"] if "cells" in e]
    return carry


def _going(changes: Rewriting, table: str) -> dict[tuple[str, ...], pa.Array]:
    """By one column or several, those of whose values (several with ``/`` between them) the rows of
    ``table`` go."""
    gone: dict[tuple[str, ...], set[str]] = {
        (column,): values
        for column, values in sorted(changes.gone.get(table, {}).items())
        if values
    }
    if table == "replays" and changes.verdicts:
        gone["variant_id", "instance_id"] = {"/".join(pair) for pair in changes.verdicts}
    return {columns: pa.array(sorted(values), pa.string()) for columns, values in gone.items()}


def _without(table: pa.Table, goes: Mapping[tuple[str, ...], pa.Array]) -> pa.Table:
    for columns, values in goes.items():
        found = pc.binary_join_element_wise(*(table[column] for column in columns), "/")
        table = table.filter(pc.invert(pc.is_in(found, values)))
    return table


def _ids(parent: Snapshot, entries: Iterable[Mapping[str, Any]]) -> list[str]:
    found: list[str] = []
    for entry in entries:
        check_file(parent.location, entry)
        with parent.location.fs.open(parent.location.inner(entry["path"]), "rb") as stream:
            found += pq.read_table(stream, columns=["procedure_id"])["procedure_id"].to_pylist()
    return found


def _write(draft: Draft, table: str, left: Sequence[pa.Table], rows: Sequence[Row]) -> None:
    """Write what is left of files, in their order, and then ``rows``."""
    new = -(-len(rows) // ROWS_IN_A_FILE)
    shards = max(1, len(left) + new)
    for place, part in enumerate(left):
        write_columns(part, f"{draft.folder}/{table}/{shard_name(place, shards)}")
    by_shard: dict[int, list[Row]] = {shard: [] for shard in range(new)}
    for row in rows:
        by_shard[shard_of(table, row, new) if new > 1 else 0].append(row)
    for shard, mine in by_shard.items():
        write_shard(mine, table, f"{draft.folder}/{table}/{shard_name(len(left) + shard, shards)}")


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
