"""Groups of neighbouring cells become one where they hold the same rows.

A row is in one group of each cell that it goes to. A group of which at least half is also in a
larger one joins it: the largest of those. One that joins another takes none itself, and takes no
more than make `Bounds.rows` rows; what it has no room for stays alone. Then each row chooses
among its groups. All of it looks at one row, one group or one pair of groups at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tracemine.transforms.partition import BOUNDS


class Group(NamedTuple):
    """A group of a cell, or what groups joined into: its size, and its key, a content hash."""

    size: int
    key: str


def meetings(groups: Iterable[Group]) -> Iterator[tuple[Group, Group]]:
    """Each pair of the groups that one row is in, the greater first."""
    ordered = sorted(set(groups), reverse=True)
    for index, greater in enumerate(ordered):
        for lesser in ordered[index + 1 :]:
            yield greater, lesser


def target(group: Group, greater: Iterable[tuple[Group, int]]) -> Group | None:
    """The group that ``group`` joins, if any, of those ``greater`` that share so many rows."""
    return max((other for other, shared in greater if 2 * shared >= group.size), default=None)


def joined(
    group: Group, aim: Group | None, suitors: Iterable[Group], limit: int = BOUNDS.rows
) -> Iterator[tuple[str, Group]]:
    """What ``group``, which would join ``aim``, and those that would join ``group`` become: pairs
    of a group's key and what it is part of, for the suitors and, where it joins nothing, itself; no
    whole of several has more than ``limit`` rows."""
    ordered = sorted(suitors, reverse=True)
    if aim is not None:
        for suitor in ordered:
            yield suitor.key, suitor
        return
    size, taken = group.size, []
    for suitor in ordered:
        if size + suitor.size <= limit:
            size += suitor.size
            taken.append(suitor)
        else:
            yield suitor.key, suitor
    whole = Group(size, group.key)
    for part in (group, *taken):
        yield part.key, whole


def choose(memberships: Sequence[tuple[int, Group]]) -> str:
    """The key of the group that a row is in at the end, of those that its groups are part of: where
    its nearest other row is nearest, then the larger one. Two rows that are each other's nearest
    so choose alike."""
    return max((near, group.size, group.key) for near, group in memberships)[2]


__all__ = ["Group", "choose", "joined", "meetings", "target"]
