"""Stage 8, cluster: candidate groups of spans that words propose as alike.

Only spans of one domain with compatible signatures meet: same number of inputs, same coarse types.
A group is a proposal; replay decides. A class of few rows is one key; a larger one is cut into
cells, each row in its nearest few, and the groups of neighbouring cells are joined. All of that is
done on heads (`duplicates.Head`: a name and a vector); the proposals themselves move to the key of
their group, and to their group. What is gathered under a key (`Bounds`):

| key | what it holds | at most |
|---|---|---|
| identity | heads of exact duplicates | `rows` heads |
| class, if small | its heads | `rows` heads |
| class, if large | rows that its cells are trained on | `training_rows` rows |
| class, cell, part | rows: span id and vector | `rows` rows |
| crowded cell | how many rows stand at each place in it | 4096 + 8 n / `rows` numbers for n rows |
| span id | its groups | `cells_per_row` groups |
| pair of groups, counts | a sum | one number |
| group of a cell | its rows' ids and the groups that it meets | `rows` x `cells_per_row` |
| span id | a proposal, and its group or what was kept in its place | one |
| shard | its groups | their share of all proposals |

Crowded identities, counts of classes, the cells of large classes (also under one key, to be
written), and where crowded cells are cut (a place for each `rows` rows) go to every worker.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np

from tracemine.schemas import Signature, Span, content_id
from tracemine.schemas.arrow import Row
from tracemine.schemas.types import coarse
from tracemine.store.cells import CELLS_FILE, Cells, Grid, off_grid, packed, unpacked, write_cells
from tracemine.transforms import joining, partition
from tracemine.transforms.candidates import CellKey, cell_groups, gathered
from tracemine.transforms.duplicates import (
    DUPLICATE,
    GONE,
    STAGE,
    DropDuplicates,
    Head,
    head_of,
    identity,
)
from tracemine.transforms.joining import Group as Sized
from tracemine.transforms.kept import NOT_KEPT, InShards, Kept, grouped, run_kept
from tracemine.transforms.methods import method_of, variant_of, with_method
from tracemine.transforms.partition import BOUNDS, Bounds, Place
from tracemine.transforms.segment import Proposal, reject_span
from tracemine.transforms.stage import REJECTED, Out, run_stage

Group = list[Proposal]
#: A span's id and its vector on the grid (int16 bytes).
_Row = tuple[str, bytes]

CLUSTERED = "clustered"
_LARGE = "large"


class Cluster(beam.PTransform):
    """Proposal -> ``(shard, groups)``, each Group a list of proposals, by span id, without the
    vectors of their shapes. Outputs: ``groups``, ``clustered`` (rows of that table: where each span
    went), ``rejected``.

    ``folder``, a draft's, is where the cells of large classes are kept (`CELLS_FILE`), even if
    there are none; without it they are not.
    """

    def __init__(
        self, folder: str | None = None, kept: Kept = NOT_KEPT, bounds: Bounds = BOUNDS
    ) -> None:
        super().__init__()
        self.folder = folder
        self.kept = kept
        self.bounds = bounds

    def expand(self, proposals: beam.PCollection) -> dict[str, beam.PCollection]:
        distinct = (
            proposals
            | "Heads" >> beam.Map(_head)
            | "Duplicates" >> DropDuplicates(self.bounds.rows)
        )
        keyed = distinct.heads | "Key by class" >> beam.Map(lambda head: (head.compatible, head))
        sizes = _as_dict(
            keyed | "Class" >> beam.Keys() | "Count classes" >> beam.combiners.Count.PerElement()
        )
        routed = keyed | "By size" >> beam.ParDo(_BySize(self.bounds.rows), sizes).with_outputs(
            _LARGE, main="small"
        )
        small = (
            routed.small
            | "Gather classes" >> beam.GroupByKey()
            | "Group classes" >> run_kept(STAGE, _of_class, kept=self.kept, main="grouped")
        )
        rows = routed[_LARGE] | "Rows" >> beam.MapTuple(
            lambda name, head: (name, (head.span_id, head.vector))
        )
        cells = _train(rows, sizes, self.bounds)
        if self.folder is not None:
            _keep(cells, f"{self.folder}/{CELLS_FILE}")
        found = _cell_groups(rows, _as_dict(cells), self.bounds, self.kept)
        large = _final_groups(found, self.bounds.rows)
        placed = (
            {
                "proposals": proposals | "Key by span" >> beam.Map(lambda p: (p.span.id, p)),
                "groups": (small.grouped, large) | "Of all classes" >> beam.Flatten(),
                "gone": distinct[GONE],
            }
            | "With group" >> beam.CoGroupByKey()
            | "Place"
            >> run_stage(
                STAGE, lambda met: _place_spans(met[1]), main="placed", tags=[CLUSTERED, REJECTED]
            )
        )
        groups = (
            placed.placed
            | "Shards" >> InShards(self.kept, lambda keyed: keyed[0])
            | "In order" >> beam.MapTuple(lambda shard, keyed: (shard, _in_order(keyed)))
        )
        return {"groups": groups, CLUSTERED: placed[CLUSTERED], REJECTED: placed[REJECTED]}


def compatibility_class(span: Span) -> str:
    """The key of spans that may stand in one group: domain, coarse types, verifier."""
    return class_of(span.domain, span.signature, span.verifier)


def class_of(domain: str, signature: Signature, verifier: str) -> str:
    """`compatibility_class` of whatever has these: an entry's is that of its spans."""
    inputs = sorted(coarse(parameter.type) for parameter in signature.inputs)
    return f"{domain}:({', '.join(inputs)}) -> {coarse(signature.output.type)}:{verifier}"


def _head(proposal: Proposal) -> tuple[str, Head]:
    return identity(proposal.span), head_of(proposal, compatibility_class(proposal.span))


def clustered_row(proposal: Proposal, group: str) -> Row:
    """The row of ``clustered`` of a span that went to ``group``, with its two vectors `packed`, the
    key of its method and the id of its variant."""
    shape, wording = (
        packed(np.frombuffer(vector, np.float32))
        for vector in (proposal.shape_vector, proposal.vector)
    )
    return {
        "group_id": group,
        "span_id": proposal.span.id,
        "trajectory_id": proposal.span.trajectory_id,
        "class": compatibility_class(proposal.span),
        "identity": identity(proposal.span),
        "shape": shape,
        "wording": wording,
        "method": method_of(proposal),
        "variant_id": variant_of(proposal),
    }


def clustered_vector(column: bytes) -> bytes:
    """A vector (float32 bytes) as `clustered_row` wrote it."""
    return off_grid(unpacked(column)).tobytes()


class _BySize(beam.DoFn):
    """``(class, head)``, those of classes with more than ``limit`` aside."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def process(self, keyed: tuple[str, Head], sizes: Mapping[str, int]) -> Iterator[Any]:
        small = sizes[keyed[0]] <= self.limit
        yield keyed if small else beam.pvalue.TaggedOutput(_LARGE, keyed)


def _of_class(keyed: tuple[str, Iterable[Head]]) -> Iterator[Out]:
    """``(span id, key of its group)`` of a small class."""
    name, ordered = keyed[0], sorted(keyed[1])
    grid = np.stack([_grid(head.vector) for head in ordered])
    for rows in gathered(range(len(ordered)), grid):
        key = content_id("group", name, ordered[rows[0]].span_id)
        for row in rows:
            yield "grouped", (ordered[row].span_id, key)


def _place_spans(met: Mapping[str, Iterable[Any]]) -> Iterator[Out]:
    """A proposal with the key of its group, or what is said of a duplicate. Ids are content
    hashes: what has the id of another is one, too."""
    proposals = sorted(met["proposals"], key=repr)
    groups, gone = sorted(met["groups"]), sorted(met["gone"])
    for key in groups[:1]:
        placed = with_method(proposals[0])
        yield "placed", (key, dataclasses.replace(placed, shape_vector=b""))
        yield CLUSTERED, clustered_row(placed, key)
    for proposal in proposals[len(groups[:1]) :]:
        kept = gone[0] if gone else f"kept another {proposal.span.id}"
        yield REJECTED, reject_span(STAGE, DUPLICATE, proposal, kept, "duplicate")


def _in_order(keyed: Iterable[tuple[str, Proposal]]) -> list[Group]:
    """The groups of a shard."""
    return [sorted(group, key=lambda p: p.span.id) for group in grouped(keyed)]


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


def _cell_groups(
    rows: beam.PCollection, cells: Any, bounds: Bounds, kept: Kept
) -> beam.PCollection:
    """CellGroup: each group of each cell."""
    homes = (
        rows
        | "Batch rows" >> beam.BatchElements(min_batch_size=64, max_batch_size=2048)
        | "Nearest cells" >> beam.FlatMap(_nearest_cells, cells, bounds.cells_per_row)
    )
    crowded = (
        homes
        | "Cell" >> beam.FlatMap(lambda home: [(home.name, cell) for cell, _ in home.cells])
        | "Count cells" >> beam.combiners.Count.PerElement()
        | "Too many" >> beam.Filter(lambda found: found[1] > bounds.rows)
    )
    in_crowded = homes | "Of crowded" >> beam.FlatMap(_standing, _as_dict(crowded))
    # Of most shells their count is all that is asked: only those that no key could hold are told
    # apart further.
    full = (
        in_crowded
        | "Shell" >> beam.MapTuple(lambda cell, stands: (cell, stands[0]))
        | "Count shells" >> beam.combiners.Count.PerElement()
        | "Full shells" >> beam.Filter(lambda found: found[1] > bounds.rows)
        | "Bits" >> beam.MapTuple(lambda at, count: (at, partition.hash_bits(count, bounds.rows)))
    )
    cuts = (
        in_crowded
        | "Place in cell" >> beam.Map(_place, _as_dict(full))
        | "Count places" >> beam.combiners.Count.PerElement()
        | "By cell" >> beam.MapTuple(lambda at, count: (at[0], (at[1], count)))
        | "Gather places" >> beam.GroupByKey()
        | "Cut"
        >> beam.MapTuple(lambda cell, places: (cell, partition.cut(dict(places), bounds.rows)))
    )
    outputs = (
        homes
        | "Key by part" >> beam.FlatMap(_by_part, _as_dict(full), _as_dict(cuts))
        | "Gather cells' rows" >> beam.GroupByKey()
        | "Group cells" >> run_kept(STAGE, _group_cell, kept=kept, main="cell groups")
    )
    return outputs["cell groups"]


def _as_dict(pairs: beam.PCollection) -> Any:
    return beam.pvalue.AsDict(pairs)


#: A class and a cell of it; where a row stands there: its shell, and its id.
_Cell = tuple[str, int]
_Standing = tuple[_Cell, tuple[int, str]]


class _Home(NamedTuple):
    """A row of the class ``name``, and the cells that it goes to, each with its shell there."""

    name: str
    row: _Row
    cells: list[tuple[int, int]]


def _nearest_cells(
    batch: list[tuple[str, _Row]], cells: Mapping[str, Cells], count: int
) -> Iterator[_Home]:
    by_class: dict[str, list[_Row]] = {}
    for name, row in batch:
        by_class.setdefault(name, []).append(row)
    for name, rows in by_class.items():
        grid = np.stack([_grid(vector) for _, vector in rows])
        near = cells[name].nearest(grid, count)
        centroids = cells[name].centroids
        for row, vector, found in zip(rows, grid, near.tolist(), strict=True):
            shells = [(cell, partition.shell(vector, centroids[cell])) for cell in found]
            yield _Home(name, row, shells)


def _standing(home: _Home, crowded: Mapping[_Cell, int]) -> Iterator[_Standing]:
    """The shell and the id of a row in each of its cells that is ``crowded``."""
    for cell, at in home.cells:
        if (home.name, cell) in crowded:
            yield (home.name, cell), (at, home.row[0])


def _place(standing: _Standing, full: Mapping[tuple[_Cell, int], int]) -> tuple[_Cell, Place]:
    cell, (at, identifier) = standing
    return cell, partition.place(at, full.get((cell, at), 0), identifier)


def _by_part(
    home: _Home,
    full: Mapping[tuple[_Cell, int], int],
    cuts: Mapping[_Cell, Sequence[Place]],
) -> Iterator[tuple[tuple[str, int, int], _Row]]:
    for number, at in home.cells:
        cell, part = (home.name, number), 0
        if cell in cuts:
            part = partition.part_of(_place((cell, (at, home.row[0])), full)[1], cuts[cell])
        yield (home.name, number, part), home.row


def _group_cell(keyed: tuple[tuple[str, int, int], Iterable[_Row]]) -> Iterator[Out]:
    rows = sorted(keyed[1])
    grid = np.stack([_grid(vector) for _, vector in rows])
    for group in cell_groups(CellKey(*keyed[0]), [row for row, _ in rows], grid):
        yield "cell groups", group


def _final_groups(groups: beam.PCollection, limit: int) -> beam.PCollection:
    """``(span id, key of its group)``."""
    shared = (
        groups
        | "Key by row"
        >> beam.FlatMap(lambda group: [(row, tuple(group.group)) for row, _ in group.rows])
        | "Gather rows" >> beam.GroupByKey()
        | "Meetings" >> beam.FlatMapTuple(_meetings)
        | "Count meetings" >> beam.combiners.Count.PerElement()
        | "By lesser" >> beam.MapTuple(lambda pair, count: (pair[1], (pair[0], count)))
    )
    aims = (
        {
            "self": groups | "Itself" >> beam.Map(lambda group: (tuple(group.group), None)),
            "greater": shared,
        }
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
            "rows": groups | "By key" >> beam.Map(lambda group: (group.group.key, group.rows)),
            "whole": whole,
        }
        | "With whole" >> beam.CoGroupByKey()
        | "Rows' groups" >> beam.FlatMapTuple(_rows_of)
        | "Gather choices" >> beam.GroupByKey()
        | "Choose" >> beam.MapTuple(lambda row, found: (row, _choose(found)))
    )


_Key = tuple[int, str]


def _meetings(row: str, groups: Iterable[_Key]) -> Iterator[tuple[_Key, _Key]]:
    for greater, lesser in joining.meetings(Sized(*group) for group in groups):
        yield (greater.size, greater.key), (lesser.size, lesser.key)


def _target(group: _Key, found: Mapping[str, Iterable[Any]]) -> tuple[_Key, _Key | None]:
    greater = [(Sized(*other), shared) for other, shared in found["greater"]]
    aim = joining.target(Sized(*group), greater)
    return group, (aim.size, aim.key) if aim else None


def _join(
    keyed: tuple[_Key, Mapping[str, Iterable[Any]]], limit: int
) -> Iterator[tuple[str, _Key]]:
    group, found = keyed
    (aim,) = found["aim"]
    suitors = [Sized(*suitor) for suitor in found["suitors"]]
    wanted = Sized(*aim) if aim else None
    for key, whole in joining.joined(Sized(*group), wanted, suitors, limit):
        yield key, (whole.size, whole.key)


def _rows_of(_: str, found: Mapping[str, Iterable[Any]]) -> Iterator[tuple[str, tuple[int, _Key]]]:
    (whole,), (rows,) = found["whole"], found["rows"]
    for row, near in rows:
        yield row, (near, whole)


def _choose(found: Iterable[tuple[int, _Key]]) -> str:
    return joining.choose([(near, Sized(*group)) for near, group in found])


__all__ = ["CLUSTERED", "Cluster", "Group", "class_of", "clustered_row", "compatibility_class"]
