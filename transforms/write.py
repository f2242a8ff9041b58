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
from tracemine.store.index import build_index, index_file, write_index
from tracemine.store.index_kinds import check_kind, is_sharded, training_size
from tracemine.store.index_parts import fill, join, train
from tracemine.store.tables import shard_name, shard_of, write_shard

#: Rows that travel to their shard together: an element costs about as much as 25 rows.
BATCH_ROWS = 500
#: Parts in which an index of cells is filled: a part of 10 million entries takes 250 MB of memory.
INDEX_PARTS = 64
#: Of a vector, where a kind is checked before there is one: FAISS divides them among codes.
COMPONENTS = 384


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

    One worker builds it, of the kind that its size asks for, with all vectors in memory (1.5 kB
    each, and as much again for a graph). An index of cells is filled by all workers, where its
    ``kind`` (``IVF16384_HNSW32,SQfp16`` or the like) is said: it is trained once on a sample,
    ``parts`` are filled apart, and one worker merges them.

    Raises:
        ValueError: if FAISS knows no such kind.
    """

    def __init__(
        self, table: str, folder: str, *, kind: str | None = None, parts: int = INDEX_PARTS
    ) -> None:
        super().__init__()
        self.table = table
        self.folder = folder
        self.kind = None if kind is None else check_kind(kind, COMPONENTS)
        self.parts = parts

    def expand(self, vectors: beam.PCollection) -> beam.PCollection:
        path = f"{self.folder}/{index_file(self.table)}"
        if self.kind is not None and is_sharded(self.kind):
            return self._in_parts(vectors, self.kind, path)
        kind = self.kind
        first = vectors.pipeline | "No vectors" >> beam.Create([None], reshuffle=False)
        return (
            (first, vectors)
            | "Flatten" >> beam.Flatten()
            | "To one" >> beam.Map(lambda pair: (None, pair))
            | "Gather vectors" >> beam.GroupByKey()
            | "Write index" >> beam.MapTuple(lambda _, pairs: _write_index(pairs, path, kind))
        )

    def _in_parts(self, vectors: beam.PCollection, kind: str, path: str) -> beam.PCollection:
        parts, size = self.parts, training_size(kind, 1 << 62)
        # Ids are hashes, so the least of them are a sample, whatever the order and the workers.
        trained = (
            vectors
            | "Sample" >> beam.combiners.Top.Smallest(size)
            | "Train" >> beam.Map(lambda pairs: train(kind, _rows(pairs), path))
        )
        first = vectors.pipeline | "No part" >> beam.Create([None], reshuffle=False)
        filled = (
            vectors
            | "To parts" >> beam.Map(lambda pair: (int(pair[0][:8], 16) % parts, pair))
            | "Gather parts" >> beam.GroupByKey()
            | "Fill parts"
            >> beam.Map(
                lambda keyed, file: fill(file, keyed[0], _rows(keyed[1]), path),
                beam.pvalue.AsSingleton(trained),
            )
        )
        return (
            (first, filled)
            | "All parts" >> beam.Flatten()
            | "To one" >> beam.Map(lambda part: (None, part))
            | "Gather" >> beam.GroupByKey()
            | "Join parts"
            >> beam.MapTuple(
                lambda _, found: (path, join(kind, [part for part in found if part], path))
            )
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


def _write_index(pairs: Iterable[Any], path: str, kind: str | None) -> tuple[str, int]:
    index = build_index(_rows(pair for pair in pairs if pair is not None), kind=kind)
    write_index(index, path)
    return path, index.entries


def _rows(pairs: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, Any]]:
    return ((pair[0], np.frombuffer(pair[1], np.float32)) for pair in pairs)


__all__ = ["BATCH_ROWS", "INDEX_PARTS", "WriteIndex", "WriteTable"]
