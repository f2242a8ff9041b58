"""Candidate groups of one compatibility class, in one process.

`cluster` does the same on any runner; both are made of the same steps (`partition`, `neighbours`,
`joining`), and a test holds them to each other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tracemine.schemas import content_id
from tracemine.store.cells import Cells, Grid, on_grid
from tracemine.transforms import joining, neighbours, partition
from tracemine.transforms.joining import Group
from tracemine.transforms.partition import BOUNDS, Bounds

Vectors = npt.NDArray[np.float32]


class CellKey(NamedTuple):
    """What rows are gathered by: a compatibility class, a cell of it, a part of that."""

    compatible: str
    cell: int
    part: int


class CellGroup(NamedTuple):
    """A group of a cell: its size and key, and of each of its rows the id and the inner product
    with the nearest other row of the group, in squared grid steps (-1 where it is alone)."""

    group: Group
    rows: tuple[tuple[str, int], ...]


def candidate_groups(
    name: str,
    ids: Sequence[str],
    vectors: Vectors,
    bounds: Bounds = BOUNDS,
    cells: Cells | None = None,
) -> list[list[int]]:
    """Groups of row numbers of the class ``name``; each row is in exactly one, and no group has
    more than ``bounds.rows``. ``vectors`` (n, d) are on the embedder's grid. Groups, and the
    rows of each, come in order of id: neither the order of rows nor anything else plays a part. A
    class that is cut into ``cells`` already is cut into these; one that is cut first is cut into
    those that it trains."""
    order = sorted(range(len(ids)), key=ids.__getitem__)
    grid = on_grid(vectors)
    if len(ids) <= bounds.rows and cells is None:
        return gathered(order, grid[order])
    cells = cells or trained(ids, grid, bounds)
    chosen: dict[str, list[int]] = {}
    groups = [
        group
        for key, rows in keyed(name, ids, grid, cells, bounds)
        for group in cell_groups(key, [ids[row] for row in rows], grid[rows])
    ]
    row_of = {identifier: row for row, identifier in enumerate(ids)}
    for identifier, chosen_key in final_groups(groups, bounds.rows):
        chosen.setdefault(chosen_key, []).append(row_of[identifier])
    found = [sorted(rows, key=ids.__getitem__) for rows in chosen.values()]
    return sorted(found, key=lambda rows: ids[rows[0]])


def gathered(rows: Sequence[int], grid: Grid) -> list[list[int]]:
    """The groups of ``rows``, all in one key; ``grid`` (n, d) is in their order."""
    if not len(rows):
        return []
    groups, _ = neighbours.group_rows(grid)
    members: dict[int, list[int]] = {}
    for row, group in zip(rows, groups.tolist(), strict=True):
        members.setdefault(group, []).append(row)
    return list(members.values())


def trained(ids: Sequence[str], grid: Grid, bounds: Bounds = BOUNDS) -> Cells:
    """The cells of a class."""
    by_hash = sorted(range(len(ids)), key=lambda row: (partition.id_hash(ids[row]), ids[row]))
    sample = by_hash[: bounds.training_rows]
    return partition.train_cells(grid[sample], len(ids), bounds)


def keyed(
    name: str, ids: Sequence[str], grid: Grid, cells: Cells, bounds: Bounds = BOUNDS
) -> Iterator[tuple[CellKey, list[int]]]:
    """The rows of each key, in order of id."""
    homes = cells.nearest(grid, bounds.cells_per_row)
    by_cell: dict[int, list[int]] = defaultdict(list)
    for row in sorted(range(len(ids)), key=ids.__getitem__):
        for cell in homes[row].tolist():
            by_cell[cell].append(row)
    for cell in sorted(by_cell):
        rows = by_cell[cell]
        if len(rows) <= bounds.rows:
            yield CellKey(name, cell, 0), rows
            continue
        shells = [partition.shell(grid[row], cells.centroids[cell]) for row in rows]
        bits = {at: partition.hash_bits(n, bounds.rows) for at, n in Counter(shells).items()}
        places = [
            partition.place(at, bits[at], ids[row]) for row, at in zip(rows, shells, strict=True)
        ]
        firsts = partition.cut(Counter(places), bounds.rows)
        parts: list[list[int]] = [[] for _ in firsts]
        for row, at_place in zip(rows, places, strict=True):
            parts[partition.part_of(at_place, firsts)].append(row)
        for number, inside in enumerate(parts):
            yield CellKey(name, cell, number), inside


def cell_groups(key: CellKey, ids: Sequence[str], grid: Grid) -> Iterator[CellGroup]:
    """The groups of a key's rows. ``ids`` in order, ``grid`` (n, d) their vectors."""
    numbers, near = neighbours.group_rows(grid)
    members: dict[int, list[int]] = {}
    for row, number in enumerate(numbers.tolist()):
        members.setdefault(number, []).append(row)
    for rows in members.values():
        label = content_id("group", key.compatible, key.cell, key.part, ids[rows[0]])
        found = tuple((ids[row], int(near[row])) for row in rows)
        yield CellGroup(Group(len(rows), label), found)


def final_groups(found: Sequence[CellGroup], limit: int = BOUNDS.rows) -> Iterator[tuple[str, str]]:
    """The id of each row, and the key of the group that it is in."""
    by_row: dict[str, list[tuple[int, Group]]] = defaultdict(list)
    for group, rows in found:
        for row, near in rows:
            by_row[row].append((near, group))
    shared: Counter[tuple[Group, Group]] = Counter()
    for memberships in by_row.values():
        shared.update(joining.meetings(group for _, group in memberships))
    greater: dict[Group, list[tuple[Group, int]]] = defaultdict(list)
    for (large, small), count in shared.items():
        greater[small].append((large, count))
    aims = {group: joining.target(group, greater[group]) for group, _ in found}
    suitors: dict[Group, list[Group]] = defaultdict(list)
    for group, aim in aims.items():
        if aim is not None:
            suitors[aim].append(group)
    whole = {
        key: group_then
        for group, aim in aims.items()
        for key, group_then in joining.joined(group, aim, suitors[group], limit)
    }
    for row, memberships in by_row.items():
        yield row, joining.choose([(near, whole[group.key]) for near, group in memberships])


__all__ = [
    "CellGroup",
    "CellKey",
    "candidate_groups",
    "cell_groups",
    "final_groups",
    "gathered",
    "keyed",
]
