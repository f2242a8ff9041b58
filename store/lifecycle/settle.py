"""Ids are for life: which entry that was there each entry that was found now continues.

An entry goes on in the class of variants that has its founding variant (its id), else in the one
that has most of its variants. Where several go on in one class the oldest keeps its id, and the
others are merged into it. A class in which none goes on is a new entry, or was split off from one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count

from tracemine.schemas import Event, Merged, content_id
from tracemine.schemas.records import Status
from tracemine.store.lifecycle.rules import (
    MERGED,
    SPLIT,
    Change,
    Standing,
    changes_of,
    demotion,
    events_of,
)
from tracemine.store.policy import Policy


@dataclass(frozen=True, slots=True)
class Previous:
    """An entry as it was: its status, its variants, when it first stood in the store."""

    procedure_id: str
    status: Status
    variants: frozenset[str]
    since: str


@dataclass(frozen=True, slots=True)
class Found:
    """A class of variants as it is found now, and what is known of it."""

    variants: frozenset[str]
    standing: Standing


@dataclass(frozen=True, slots=True)
class Settled:
    """What an entry that was found is: its id, its status, what happened to it (and to those that
    went into it), and those."""

    procedure_id: str
    status: Status
    events: tuple[Event, ...]
    merged: tuple[Merged, ...]
    is_new: bool


def settle(
    previous: Iterable[Previous],
    found: Sequence[Found],
    policy: Policy,
    as_of: str,
    snapshot: str,
    installed: Mapping[str, str] | None = None,
    others: Collection[str] = (),
) -> tuple[list[Settled], list[Previous]]:
    """What each of ``found`` is, in their order, and those of ``previous`` that none continues.
    No variant is in two of ``found``. ``others`` are ids that no new entry may have, either.
    ``as_of``, ``snapshot``: of the events; see `changes_of` for the rest."""
    # What went into another goes on by itself only where it is parted from that.
    listed = sorted(previous, key=lambda p: (p.status == "merged", p.since, p.procedure_id))
    homes = {variant: place for place, one in enumerate(found) for variant in one.variants}
    going_on: dict[int, list[Previous]] = {}
    gone: list[Previous] = []
    for entry in listed:
        place = _home(entry, homes)
        if place is None:
            if entry.status != "merged":
                gone.append(entry)
        else:
            going_on.setdefault(place, []).append(entry)
    taken = {entry.procedure_id for entry in listed}.union(others)
    parents = {variant: entry for entry in listed for variant in entry.variants}
    settled = []
    for place, one in enumerate(found):
        here = going_on.get(place, [])
        if here:
            settled.append(_continued(here, one, policy, as_of, snapshot, installed))
            continue
        identifier = _new_id(one, taken)
        taken.add(identifier)
        origins = sorted({parents[v].procedure_id for v in one.variants if v in parents})
        settled.append(_begun(identifier, origins, one, policy, as_of, snapshot, installed))
    return settled, gone


def _home(entry: Previous, homes: Mapping[str, int]) -> int | None:
    if entry.procedure_id in entry.variants and entry.procedure_id in homes:
        return homes[entry.procedure_id]
    counts: dict[int, int] = {}
    least: dict[int, str] = {}
    for variant in sorted(entry.variants):
        if variant in homes:
            place = homes[variant]
            counts[place] = counts.get(place, 0) + 1
            least.setdefault(place, variant)
    return min(counts, key=lambda place: (-counts[place], least[place]), default=None)


def _new_id(found: Found, taken: set[str]) -> str:
    """The least variant's id; another where an entry has had that already."""
    least = min(found.variants)
    ids = chain(
        [least], (content_id("procedure", sorted(found.variants), turn) for turn in count())
    )
    return next(identifier for identifier in ids if identifier not in taken)


def _continued(
    here: Sequence[Previous],
    found: Found,
    policy: Policy,
    as_of: str,
    snapshot: str,
    installed: Mapping[str, str] | None,
) -> Settled:
    kept, *others = here
    others = [other for other in others if other.status != "merged"]
    changes: list[Change] = []
    if kept.status == "merged":
        changes += changes_of("", found.standing, policy, as_of, installed)
        changes[0] = replace(changes[0], rule=SPLIT)
    elif kept.status != "quarantined" and any(p.status == "quarantined" for p in others):
        # What a review has yet to decide of a part is to be decided of the whole.
        told = {"with": [p.procedure_id for p in others if p.status == "quarantined"]}
        changes.append(Change("quarantined", MERGED, told))
    else:
        changes += changes_of(kept.status, found.standing, policy, as_of, installed)
    events = [*events_of(kept.procedure_id, kept.status, changes, as_of, snapshot)]
    for other in others:
        gone = Change("merged", MERGED, {"into": kept.procedure_id})
        events += events_of(other.procedure_id, other.status, [gone], as_of, snapshot)
    return Settled(
        procedure_id=kept.procedure_id,
        status=changes[-1].to if changes else kept.status,
        events=tuple(events),
        merged=tuple(Merged(p.procedure_id, kept.procedure_id, as_of) for p in others),
        is_new=False,
    )


def _begun(
    identifier: str,
    origins: Sequence[str],
    found: Found,
    policy: Policy,
    as_of: str,
    snapshot: str,
    installed: Mapping[str, str] | None,
) -> Settled:
    changes = changes_of("", found.standing, policy, as_of, installed)
    fallen = demotion("verified", found.standing, policy) if origins else None
    if fallen is not None:  # whatever it parts from
        changes = (fallen,)
    elif origins:
        changes = (replace(changes[0], rule=SPLIT), *changes[1:])
    if origins:
        told = {**changes[0].evidence, "from": list(origins)}
        changes = (replace(changes[0], evidence=told), *changes[1:])
    events = events_of(identifier, "", changes, as_of, snapshot)
    return Settled(identifier, changes[-1].to, events, (), True)
