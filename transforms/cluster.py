"""Stage 8, cluster: candidate groups of spans that words propose as alike.

Only spans of one domain with compatible signatures meet: same number of inputs, same coarse types.
A group is a proposal; replay decides. A class of few rows is one key; a larger one is cut into
cells, each row in its nearest few, and the groups of neighbouring cells are joined. What is
gathered under a key (`Bounds`):

| key | what it holds | at most |
|---|---|---|
| identity | proposals that are exact duplicates | `rows` proposals |
| class, if small | its proposals | `rows` proposals |
| class, if large | rows that its cells are trained on | `training_rows` rows |
| class, cell, part | rows: span id and vector | `rows` rows |
| crowded cell | how many rows stand at each place in it | 4096 + 8 n / `rows` numbers for n rows |
| span id | its groups | `cells_per_row` groups |
| pair of groups, counts | a sum | one number |
| group of a cell | its rows' ids and the groups that it meets | `rows` x `cells_per_row` |
| group | its proposals | `rows` proposals |

Counts of classes, the cells of large classes (also under one key, to be written), and where crowded
cells are cut (a place for each `rows` rows) go to every worker.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np

from tracemine.schemas import Signature, Span
from tracemine.schemas.types import coarse
from tracemine.store.cells import CELLS_FILE, Cells, Grid, on_grid, write_cells
from tracemine.transforms import joining, partition
from tracemine.transforms.candidates import CellKey, cell_groups, gathered
from tracemine.transforms.duplicates import STAGE, DropDuplicates
from tracemine.transforms.joining import Group as CellGroup
from tracemine.transforms.joining import Membership
from tracemine.transforms.partition import BOUNDS, Bounds, Place
from tracemine.transforms.segment import Proposal
from tracemine.transforms.stage import REJECTED, Out, run_stage

Group = list[Proposal]
#: A span's id and its vector on the grid (int16 bytes).
Row = tuple[str, bytes]

_LARGE = "large"


class Cluster(beam.PTransform):
    """Proposal -> Group (a list of proposals, by span id). Outputs: ``groups``, ``rejected``.

    ``folder``, a draft's, is where the cells of large classes are kept (`CELLS_FILE`), even if
    there are none; without it they are not.
    """

    def __init__(self, folder: str | None = None, bounds: Bounds = BOUNDS) -> None:
        super().__init__()
        self.folder = folder
        self.bounds = bounds

    def expand(self, proposals: beam.PCollection) -> dict[str, beam.PCollection]:
        distinct = proposals | "Duplicates" >> DropDuplicates(self.bounds.rows)
        keyed = distinct.proposals | "Key by class" >> beam.Map(
            lambda p: (compatibility_class(p.span), p)
        )
        sizes = _as_dict(
            keyed | "Class" >> beam.Keys() | "Count classes" >> beam.combiners.Count.PerElement()
        )
        routed = keyed | "By size" >> beam.ParDo(_BySize(self.bounds.rows), sizes).with_outputs(
            _LARGE, main="small"
        )
        small = routed.small | "Gather classes" >> beam.GroupByKey() | "Groups" >> beam.Values()
        large = routed[_LARGE]
        rows = large | "Rows" >> beam.MapTuple(lambda name, p: (name, _row(p)))
        cells = _train(rows, sizes, self.bounds)
        if self.folder is not None:
            _keep(cells, f"{self.folder}/{CELLS_FILE}")
        memberships = _cell_groups(rows, _as_dict(cells), self.bounds)
        joined = (
            {
                "proposals": large | "Key by span" >> beam.MapTuple(lambda _, p: (p.span.id, p)),
                "group": _final_groups(memberships, self.bounds.rows),
            }
            | "With group" >> beam.CoGroupByKey()
            | "Key by group" >> beam.FlatMapTuple(_with_group)
            | "Gather groups" >> beam.GroupByKey()
            | "Joined groups" >> beam.Values()
        )
        groups = (
            small | "Group" >> run_stage(STAGE, _cluster_small, main="groups"),
            joined | "In order" >> run_stage(STAGE, _in_order, main="groups"),
        )
        return {
            "groups": tuple(found.groups for found in groups) | "All groups" >> beam.Flatten(),
            REJECTED: distinct[REJECTED],
        }


def compatibility_class(span: Span) -> str:
    """The key of spans that may stand in one group: domain, coarse types, verifier."""
    return class_of(span.domain, span.signature, span.verifier)


def class_of(domain: str, signature: Signature, verifier: str) -> str:
    """`compatibility_class` of whatever has these: an entry's is that of its spans."""
    inputs = sorted(coarse(parameter.type) for parameter in signature.inputs)
    return f"{domain}:({', '.join(inputs)}) -> {coarse(signature.output.type)}:{verifier}"


class _BySize(beam.DoFn):
    """``(class, proposal)``, those of classes with more than ``limit`` aside."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def process(self, keyed: tuple[str, Proposal], sizes: Mapping[str, int]) -> Iterator[Any]:
        small = sizes[keyed[0]] <= self.limit
        yield keyed if small else beam.pvalue.TaggedOutput(_LARGE, keyed)


def cluster(proposals: Iterable[Proposal]) -> Iterator[Group]:
    """The candidate groups of a small compatibility class, without duplicates."""
    ordered = sorted(proposals, key=lambda p: p.span.id)
    grid = np.stack([on_grid(np.frombuffer(p.shape_vector, dtype=np.float32)) for p in ordered])
    for rows in gathered(range(len(ordered)), grid):
        yield [ordered[row] for row in rows]


def _cluster_small(proposals: Iterable[Proposal]) -> Iterator[Out]:
    for group in cluster(proposals):
        yield "groups", group


def _in_order(proposals: Iterable[Proposal]) -> Iterator[Out]:
    yield "groups", sorted(proposals, key=lambda p: p.span.id)


def _row(proposal: Proposal) -> Row:
    grid = on_grid(np.frombuffer(proposal.shape_vector, dtype=np.float32))
    return proposal.span.id, grid.tobytes()


def _grid(vector: bytes) -> Grid:
    return np.frombuffer(vector, dtype=np.int16)


def _train(rows: beam.PCollection, sizes: Any, bounds: Bounds) -> beam.PCollection:
    """``(class, Cells)`` of each large class."""
    return (
        rows
        | "Hash" >> beam.MapTuple(lambda name, row: (name, (partition.id_hash(row[0]), *row)))
        | "Sample" >> beam.combiners.Top.SmallestPerKey(bounds.training_rows)
        | "Train" >> beam.Map(_trained, sizes, bounds)
    )


def _trained(
    keyed: tuple[str, list[tuple[int, str, bytes]]], sizes: Mapping[str, int], bounds: Bounds
) -> tuple[str, Cells]:
    name, sample = keyed
    grid = np.stack([_grid(vector) for _, _, vector in sorted(sample)])
    return name, partition.train_cells(grid, sizes[name], bounds)


def _keep(cells: beam.PCollection, path: str) -> None:
    first = cells.pipeline | "No cells" >> beam.Create([None], reshuffle=False)
    _ = (
        (first, cells)
        | "Cells of all" >> beam.Flatten()
        | "To one" >> beam.Map(lambda pair: (None, pair))
        | "Gather cells" >> beam.GroupByKey()
        | "Write cells"
        >> beam.MapTuple(lambda _, pairs: write_cells(dict(filter(None, pairs)), path))
    )


def _cell_groups(rows: beam.PCollection, cells: Any, bounds: Bounds) -> beam.PCollection:
    """Membership: the group of each row in each of its cells."""
    placed = (
        rows
        | "Batch rows" >> beam.BatchElements(min_batch_size=64, max_batch_size=2048)
        | "Nearest cells" >> beam.FlatMap(_nearest_cells, cells, bounds.cells_per_row)
    )
    crowded = (
        placed
        | "Cell" >> beam.MapTuple(lambda cell, _: cell)
        | "Count cells" >> beam.combiners.Count.PerElement()
        | "Too many" >> beam.Filter(lambda found: found[1] > bounds.rows)
    )
    in_crowded = placed | "Of crowded" >> beam.Filter(
        lambda keyed, far: keyed[0] in far, _as_dict(crowded)
    )
    # Of most shells their count is all that is asked: only those that no key could hold are told
    # apart further.
    full = (
        in_crowded
        | "Shell" >> beam.MapTuple(lambda cell, row: (cell, row[0]))
        | "Count shells" >> beam.combiners.Count.PerElement()
        | "Full shells" >> beam.Filter(lambda found: found[1] > bounds.rows)
        | "Bits" >> beam.MapTuple(lambda at, count: (at, partition.hash_bits(count, bounds.rows)))
    )
    cuts = (
        in_crowded
        | "Place" >> beam.Map(_place, _as_dict(full))
        | "Count places" >> beam.combiners.Count.PerElement()
        | "By cell" >> beam.MapTuple(lambda at, count: (at[0], (at[1], count)))
        | "Gather places" >> beam.GroupByKey()
        | "Cut"
        >> beam.MapTuple(lambda cell, places: (cell, partition.cut(dict(places), bounds.rows)))
    )
    outputs = (
        placed
        | "Key by part" >> beam.Map(_by_part, _as_dict(full), _as_dict(cuts))
        | "Gather cells' rows" >> beam.GroupByKey()
        | "Group cells" >> run_stage(STAGE, _group_cell, main="memberships")
    )
    return outputs.memberships


def _as_dict(pairs: beam.PCollection) -> Any:
    return beam.pvalue.AsDict(pairs)


#: A class and a cell of it; a row there, with its shell.
_Cell = tuple[str, int]
_Placed = tuple[_Cell, tuple[int, Row]]


def _nearest_cells(
    batch: list[tuple[str, Row]], cells: Mapping[str, Cells], count: int
) -> Iterator[_Placed]:
    by_class: dict[str, list[Row]] = {}
    for name, row in batch:
        by_class.setdefault(name, []).append(row)
    for name, rows in by_class.items():
        grid = np.stack([_grid(vector) for _, vector in rows])
        near = cells[name].nearest(grid, count)
        for row, vector, homes in zip(rows, grid, near.tolist(), strict=True):
            for cell in homes:
                at = partition.shell(vector, cells[name].centroids[cell])
                yield (name, cell), (at, row)


def _place(placed: _Placed, full: Mapping[tuple[_Cell, int], int]) -> tuple[_Cell, Place]:
    cell, (at, row) = placed
    return cell, partition.place(at, full.get((cell, at), 0), row[0])


def _by_part(
    placed: _Placed,
    full: Mapping[tuple[_Cell, int], int],
    cuts: Mapping[_Cell, Sequence[Place]],
) -> tuple[tuple[str, int, int], Row]:
    cell, (_, row) = placed
    part = partition.part_of(_place(placed, full)[1], cuts[cell]) if cell in cuts else 0
    return (*cell, part), row


def _group_cell(keyed: tuple[tuple[str, int, int], Iterable[Row]]) -> Iterator[Out]:
    rows = sorted(keyed[1])
    grid = np.stack([_grid(vector) for _, vector in rows])
    for membership in cell_groups(CellKey(*keyed[0]), [row for row, _ in rows], grid):
        yield "memberships", membership


def _final_groups(memberships: beam.PCollection, limit: int) -> beam.PCollection:
    """``(span id, key of its group)``."""
    by_group = memberships | "Key by cell's group" >> beam.Map(lambda m: (tuple(m.group), m))
    shared = (
        memberships
        | "Key by row" >> beam.Map(lambda m: (m.row, tuple(m.group)))
        | "Gather rows" >> beam.GroupByKey()
        | "Meetings" >> beam.FlatMapTuple(_meetings)
        | "Count meetings" >> beam.combiners.Count.PerElement()
        | "By lesser" >> beam.MapTuple(lambda pair, count: (pair[1], (pair[0], count)))
    )
    groups = by_group | "Cells' groups" >> beam.Keys() | "Each once" >> beam.Distinct()
    aims = (
        {"self": groups | "Itself" >> beam.Map(lambda group: (group, None)), "greater": shared}
        | "With greater" >> beam.CoGroupByKey()
        | "Target" >> beam.MapTuple(_target)
    )
    whole = (
        {
            "aim": aims,
            "suitors": aims
            | "Suitor" >> beam.FlatMapTuple(lambda group, aim: [(aim, group)] if aim else []),
        }
        | "With suitors" >> beam.CoGroupByKey()
        | "Join" >> beam.FlatMap(_join, limit)
    )
    return (
        {
            "rows": by_group | "By key" >> beam.MapTuple(lambda g, m: (g[1], (m.row, m.near))),
            "whole": whole,
        }
        | "With whole" >> beam.CoGroupByKey()
        | "Rows' groups" >> beam.FlatMapTuple(_rows_of)
        | "Gather choices" >> beam.GroupByKey()
        | "Choose" >> beam.MapTuple(lambda row, found: (row, _choose(found)))
    )


_Key = tuple[int, str]


def _meetings(row: str, groups: Iterable[_Key]) -> Iterator[tuple[_Key, _Key]]:
    found = [Membership(row, 0, CellGroup(*group)) for group in groups]
    for greater, lesser in joining.meetings(found):
        yield (greater.size, greater.key), (lesser.size, lesser.key)


def _target(group: _Key, found: Mapping[str, Iterable[Any]]) -> tuple[_Key, _Key | None]:
    greater = [(CellGroup(*other), shared) for other, shared in found["greater"]]
    aim = joining.target(CellGroup(*group), greater)
    return group, (aim.size, aim.key) if aim else None


def _join(
    keyed: tuple[_Key, Mapping[str, Iterable[Any]]], limit: int
) -> Iterator[tuple[str, _Key]]:
    group, found = keyed
    (aim,) = found["aim"]
    suitors = [CellGroup(*suitor) for suitor in found["suitors"]]
    wanted = CellGroup(*aim) if aim else None
    for key, whole in joining.joined(CellGroup(*group), wanted, suitors, limit):
        yield key, (whole.size, whole.key)


def _rows_of(_: str, found: Mapping[str, Iterable[Any]]) -> Iterator[tuple[str, tuple[int, _Key]]]:
    (whole,) = found["whole"]
    for row, near in found["rows"]:
        yield row, (near, whole)


def _choose(found: Iterable[tuple[int, _Key]]) -> str:
    return joining.choose([(near, CellGroup(*group)) for near, group in found])


def _with_group(_: str, found: Mapping[str, Iterable[Any]]) -> Iterator[tuple[str, Proposal]]:
    (group,) = found["group"]
    for proposal in found["proposals"]:
        yield group, proposal


__all__ = ["Cluster", "Group", "class_of", "cluster", "compatibility_class"]
