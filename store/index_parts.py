"""An index of cells, filled in parts by several workers: trained once on a sample, each part filled
from its own rows, then merged. What lies between these steps are files beside the index.

How many entries there are says of what kind the index is, and whether it has parts at all: where
all of them are the sample, or the kind has no cells, whoever has the sample builds it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import fsspec
import numpy as np

from tracemine.store.index import (
    Built,
    as_asked,
    build_index,
    read_index,
    sorted_rows,
    write_index,
)
from tracemine.store.index_kinds import (
    Truth,
    Vectors,
    exact,
    is_sharded,
    kind_for,
    make_empty,
    make_queries,
    measured,
    merge,
    nearest_of,
    training_size,
    tune,
)
from tracemine.store.tables import open_whole
from tracemine.store.threads import one_thread

#: Entries of a part: 150 MB of vectors, twice while they are sorted. And the fewest parts, so that
#: a few workers have something to do.
PART_ENTRIES, FEWEST_PARTS = 100_000, 16


@dataclass(frozen=True, slots=True)
class Plan:
    """How an index is built: ``asked`` is its kind if one was said, ``kind`` what is trained,
    ``sample`` of the ``entries``, those of the least ids, on what; it is filled in ``parts``, or,
    where there are none, built whole of the sample, which is then all there is."""

    asked: str | None
    kind: str
    entries: int
    sample: int
    parts: int

    def samples(self, procedure_id: str) -> bool:
        """Whether an entry may be of the sample. Ids are hashes, so a bound lets through about as
        many as are wanted: by six standard deviations more, and the least of them are taken."""
        if self.sample >= self.entries:
            return True
        some = self.sample + 6 * math.sqrt(self.sample)
        return int(procedure_id[:16], 16) < 2**64 * some / self.entries

    def part_of(self, procedure_id: str) -> int:
        """The part of an entry, in ``range(parts)``. Parts have about as many entries each."""
        return int(procedure_id[16:24], 16) % self.parts


def plan_for(asked: str | None, entries: int, parts: int | None = None) -> Plan:
    """How an index of so many ``entries`` is built, of the kind that was ``asked`` for or else that
    for their number."""
    kind = asked or kind_for(entries)
    sample = training_size(kind, entries) if is_sharded(kind) else entries
    if sample >= entries:
        return Plan(asked, kind, entries, entries, 0)
    wanted = parts or max(FEWEST_PARTS, -(-entries // PART_ENTRIES))
    return Plan(asked, kind, entries, sample, wanted)


@dataclass(frozen=True, slots=True)
class Begun:
    """What became of the sample: a file of a ``trained`` index, without an entry, or, where that is
    None, the index itself, with so many ``entries``."""

    plan: Plan
    trained: str | None
    entries: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """A part that has been filled: its number, its file, its entries, and which of them are nearest
    to the queries that recall is measured with."""

    number: int
    path: str
    entries: int
    truth: Truth


def begin(plan: Plan, rows: Iterable[tuple[str, Vectors]], path: str) -> Begun:
    """Train an index on ``rows``, which have the sample of ``plan`` among them, and write it,
    empty, beside ``path``, where the index will be, and with it queries for its recall. If the plan
    has no parts the index is built of them, at ``path``.

    Raises:
        ValueError: as `index.build_index`.
    """
    if not plan.parts:
        built = build_index(rows, kind=plan.asked)
        write_index(built, path)
        return Begun(plan, None, built.entries)
    _, vectors = sorted_rows(rows)
    with one_thread():
        sample = vectors[: plan.sample]
        empty = make_empty(plan.kind, sample.shape[1], sample)
    write_index(Built(empty), f"{path}.trained")
    with open_whole(f"{path}.queries") as stream:
        np.save(stream, make_queries(sample))
    return Begun(plan, f"{path}.trained")


def fill(trained: str, number: int, rows: Iterable[tuple[str, Vectors]], path: str) -> Part:
    """Fill part ``number`` of the index that will be at ``path`` with ``rows``."""
    numbers, vectors = sorted_rows(rows)
    index = read_index(trained, to_change=True)
    with one_thread():
        index.add_with_ids(vectors, numbers)
        truth = exact(_queries(path), numbers, vectors)
    own = f"{path}.part-{number:05d}"
    write_index(Built(index), own)
    return Part(number, own, len(numbers), truth)


def join(plan: Plan, parts: Sequence[Part], path: str) -> int:
    """Merge ``parts``, one or more, in the order of their numbers into the index at ``path``, which
    is searched as widely as it takes; gives its entries. It is in memory meanwhile."""
    ordered = sorted(parts, key=lambda part: part.number)
    with one_thread():
        index = merge(read_index(part.path, to_change=True) for part in ordered)
        truth = nearest_of([part.truth for part in ordered])
        found = tune(index, plan.kind, _queries(path), truth)
    write_index(Built(index, as_asked(measured(found), plan.asked)), path)
    _remove([part.path for part in ordered] + [f"{path}.trained", f"{path}.queries"])
    return int(index.ntotal)


def _queries(path: str) -> Vectors:
    with fsspec.open(f"{path}.queries", "rb") as stream:
        found: Vectors = np.load(stream)
    return found


def _remove(paths: Sequence[str]) -> None:
    for path in paths:
        fs, inner = fsspec.core.url_to_fs(path)
        fs.rm_file(inner)


__all__ = [
    "FEWEST_PARTS",
    "PART_ENTRIES",
    "Begun",
    "Part",
    "Plan",
    "begin",
    "fill",
    "join",
    "plan_for",
]
