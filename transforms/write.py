"""Stage 11, write: rows to Parquet shards, vectors to an index, in a draft's folder.

Which shard a row goes to follows from its id, and a shard's bytes from its rows, so every runner
and every number of workers writes the same files. A shard is sorted in memory: take more shards for
a store whose shards would not fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from tracemine.schemas.arrow import TABLES, Row
from tracemine.store.index import COMPONENTS, build_index, index_file, write_index
from tracemine.store.index_kinds import check_kind, is_sharded
from tracemine.store.index_parts import Begun, Part, Plan, begin, fill, join, plan_for
from tracemine.store.tables import shard_name, shard_of, write_shard

#: Rows that travel to their shard together: an element costs about as much as 25 rows.
BATCH_ROWS = 500


class WriteTable(beam.PTransform):
    """Row dicts of ``table`` -> a ``(path, rows)`` pair for each file written.

    Files are ``folder/table/part-00003-of-00008.parquet``; ``folder`` is a path or fsspec URL that
    all workers reach. Empty shards are not written but for the first, so that every table has a
    file that can be read.
    """

    def __init__(self, table: str, folder: str, shards: int) -> None:
        super().__init__()
        if table not in TABLES:
            raise ValueError(f"not a table: {table!r}")
        if shards < 1:
            raise ValueError(f"shards must be at least 1, not {shards}")
        self.table = table
        self.folder = folder
        self.shards = shards

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        table, folder, shards = self.table, self.folder, self.shards
        first = rows.pipeline | "First shard" >> beam.Create([(0, [])], reshuffle=False)
        batches = rows | "Batch by shard" >> beam.ParDo(_BatchByShard(table, shards))
        return (
            (first, batches)
            | "Flatten" >> beam.Flatten()
            | "Gather shards" >> beam.GroupByKey()
            | "Write shards"
            >> beam.MapTuple(lambda shard, parts: _write(shard, parts, table, folder, shards))
        )


class WriteIndex(beam.PTransform):
    """``(procedure_id, vector)`` pairs, vectors as float32 bytes -> the ``(path, entries)`` pair of
    the index of ``table``, which is written even if it is empty.

    One worker builds it, with all vectors in memory: 1.5 kB each, as much again while they are
    sorted, and for a graph. Where there may be more than that (``large``), or a kind of cells is
    said, it is filled by all workers, if there are as many entries as that takes: how many there
    are says of what kind it is (`index_parts.plan_for`); a sample trains it, parts are filled
    apart, and one worker merges them, with the index in memory, 0.8 kB for each entry. That the
    entries are counted first costs another reading of all of them.

    Args:
        kind: a factory string of FAISS, for whatever number of entries it can be trained on; that
            for their number if not said.
        large: whether there may be a million entries or more.
        parts: in how many parts it is filled; None for as many as suit its entries.
        components: of a vector.

    Raises:
        ValueError: if FAISS knows no such kind.
    """

    def __init__(
        self,
        table: str,
        folder: str,
        *,
        kind: str | None = None,
        large: bool = False,
        parts: int | None = None,
        components: int = COMPONENTS,
    ) -> None:
        super().__init__()
        self.table = table
        self.folder = folder
        self.kind = None if kind is None else check_kind(kind, components)
        self.in_parts = large if self.kind is None else is_sharded(self.kind)
        self.parts = parts

    def expand(self, vectors: beam.PCollection) -> beam.PCollection:
        path, kind = f"{self.folder}/{index_file(self.table)}", self.kind
        if self.in_parts:
            return self._in_parts(vectors, path)
        first = vectors.pipeline | "No vectors" >> beam.Create([None], reshuffle=False)
        return (
            (first, vectors)
            | "Flatten" >> beam.Flatten()
            | "To one" >> beam.Map(lambda pair: (None, pair))
            | "Gather vectors" >> beam.GroupByKey()
            | "Write index" >> beam.MapTuple(lambda _, pairs: _write_index(pairs, path, kind))
        )

    def _in_parts(self, vectors: beam.PCollection, path: str) -> beam.PCollection:
        kind, parts = self.kind, self.parts
        plan = beam.pvalue.AsSingleton(
            vectors
            | "Count" >> beam.combiners.Count.Globally()
            | "Plan" >> beam.Map(lambda entries: plan_for(kind, entries, parts))
        )
        sample = vectors | "Sample" >> beam.Filter(lambda pair, how: how.samples(pair[0]), plan)
        begun = beam.pvalue.AsSingleton(
            sample
            | "Sample to one" >> beam.Map(lambda pair: (None, pair))
            | "Gather sample" >> beam.GroupByKey()
            | "Begin" >> beam.Map(_begin, plan, path),
            default_value=None,
        )
        first = vectors.pipeline | "No part" >> beam.Create([None], reshuffle=False)
        filled = (
            vectors
            | "To parts" >> beam.FlatMap(_to_part, begun)
            | "Gather parts" >> beam.GroupByKey()
            | "Fill parts" >> beam.Map(_fill_part, begun, path)
        )
        return (
            (first, filled)
            | "All parts" >> beam.Flatten()
            | "Parts to one" >> beam.Map(lambda part: (None, part))
            | "Gather" >> beam.GroupByKey()
            | "Join parts" >> beam.Map(_join_parts, begun, path, kind)
        )


class _BatchByShard(beam.DoFn):
    """Row -> ``(shard, rows)``, at most `BATCH_ROWS` rows together."""

    def __init__(self, table: str, shards: int) -> None:
        self.table = table
        self.shards = shards

    def start_bundle(self) -> None:
        self.waiting: dict[int, list[Row]] = {}

    def process(self, row: Row) -> Iterator[tuple[int, list[Row]]]:
        shard = shard_of(self.table, row, self.shards)
        rows = self.waiting.setdefault(shard, [])
        rows.append(row)
        if len(rows) >= BATCH_ROWS:
            yield shard, self.waiting.pop(shard)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        window = GlobalWindow()
        for shard, rows in self.waiting.items():
            yield WindowedValue((shard, rows), window.max_timestamp(), [window])


def _write(
    shard: int, parts: Iterable[list[Row]], table: str, folder: str, shards: int
) -> tuple[str, int]:
    path = f"{folder}/{table}/{shard_name(shard, shards)}"
    return path, write_shard((row for part in parts for row in part), table, path)


def _write_index(
    pairs: Iterable[tuple[str, bytes] | None], path: str, kind: str | None
) -> tuple[str, int]:
    index = build_index(_rows(pairs), kind=kind)
    write_index(index, path)
    return path, index.entries


def _begin(keyed: tuple[None, Iterable[tuple[str, bytes]]], plan: Plan, path: str) -> Begun:
    return begin(plan, _rows(keyed[1]), path)


def _to_part(pair: tuple[str, bytes], begun: Begun) -> list[tuple[int, tuple[str, bytes]]]:
    return [(begun.plan.part_of(pair[0]), pair)] if begun.trained else []


def _fill_part(keyed: tuple[int, Iterable[tuple[str, bytes]]], begun: Begun, path: str) -> Part:
    number, pairs = keyed
    assert begun.trained, "nothing goes to a part where nothing was trained"
    return fill(begun.trained, number, _rows(pairs), path)


def _join_parts(
    keyed: tuple[None, Iterable[Part | None]], begun: Begun | None, path: str, kind: str | None
) -> tuple[str, int]:
    if begun is None:  # There was no entry to begin with.
        return _write_index((), path, kind)
    filled = [part for part in keyed[1] if part is not None]
    return path, join(begun.plan, filled, path) if begun.trained else begun.entries


def _rows(pairs: Iterable[tuple[str, bytes] | None]) -> Iterator[tuple[str, Any]]:
    """What an index is built of, without the None that is there so that there is something."""
    return ((pair[0], np.frombuffer(pair[1], np.float32)) for pair in pairs if pair is not None)


__all__ = ["BATCH_ROWS", "WriteIndex", "WriteTable"]
