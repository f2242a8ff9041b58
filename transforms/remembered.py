"""Verdicts that a store has, in place of those that replaying again would give.

What a variant gives on an instance follows from its routine, from that instance and, where values
may go to parameters in several ways, from the roles that the instance's method gives them and from
what the others of that method show. Where all of that is as it was, so is the verdict: of a group
to which a span has come, and of groups that have become one, most are. Where values may go in
several ways, a verdict stands unless an instance that comes says which way is right. Code that
imports a library of which nobody has said that it is what it was is run again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tracemine.schemas import Replay
from tracemine.store.versions import DECIDING
from tracemine.teachers.rules.derived.libraries import imported_by
from tracemine.transforms.methods import (
    Method,
    keys_in_roles,
    make_method,
    method_of,
    routine_of_method,
)
from tracemine.transforms.regrouping import Touched
from tracemine.transforms.replay import Bindable, Recalled
from tracemine.transforms.segment import Proposal
from tracemine.transforms.unite import NOT_HELD_OUT
from tracemine.verifiers.replay import CHOSE

#: The libraries whose versions a store is asked for.
_ASKED_FOR = frozenset(DECIDING)

#: A group and the key of a method in it.
_Place = tuple[str, str]

#: The place of an instance that comes, and its span.
_NOWHERE: tuple[_Place, Proposal | None] = (("", ""), None)


@dataclass(frozen=True, slots=True)
class _Standing:
    """What is left of what a method was on a family in a group: whether it has the routine that it
    had, whether both have the founder that they had, the family if it has another, and the
    verdicts."""

    same: bool
    founders: bool
    family: Method | None
    verdicts: Mapping[str, Replay]


class Remembered:
    """The verdicts that a store has on groups that are touched: a `replay.Recall`."""

    def __init__(self, found: Touched) -> None:
        self._replays = found.replays
        self._before = found.before
        #: What was together, by group and key of its method.
        self._members: dict[_Place, list[Proposal]] = {}
        #: Where an instance was, and the span that it is of.
        self._places: dict[str, tuple[_Place, Proposal | None]] = {}
        every = [p for group in found.groups for p in group] + list(found.out.values())
        for proposal in sorted(every, key=lambda p: p.span.id):
            label = found.before.get(proposal.span.id)
            if label:
                place = (label, method_of(proposal))
                self._members.setdefault(place, []).append(proposal)
                self._places |= {i.id: (place, proposal) for i in proposal.span.instances}
        self._were: dict[tuple[_Place, str], Method] = {}
        self._sorted: dict[str, Mapping[_Place, Mapping[str, Replay]]] = {}
        self._same: dict[tuple[_Place, str], bool] = {}

    def __call__(self, method: Method, family: Method, bindable: Bindable) -> Recalled:
        """Those of the verdicts of ``method`` on cases of ``family`` that are as they were. Cases
        whose values may go to the parameters in several ways are judged together: where one of them
        chose a way, all of them are known, or none; where none did, they are known unless one that
        is not chooses."""
        stands: dict[_Place, _Standing] = {}
        certain: list[Replay] = []
        judged: list[Replay] = []
        together = 0
        met: set[_Place] = set()
        for case, ways in zip(bindable.cases, bindable.ways, strict=True):
            together += ways > 1
            place, of = self._places.get(case.instance.id, _NOWHERE)
            if of is None:
                continue
            if place not in stands:
                stands[place] = self._standing(method, family, place)
            standing = stands[place]
            if ways > 1:
                met.add(place)
            verdict = standing.verdicts.get(case.instance.id)
            if (
                verdict is None
                or not standing.same
                or verdict.reason == NOT_HELD_OUT  # In its group it passed.
                or (case.instance.origin == "test" and not standing.founders)
                or not imported_by(of.span.code or "") <= _ASKED_FOR  # They met nearby.
            ):
                continue
            if ways == 1:
                certain.append(verdict)
            elif standing.family is None or keys_in_roles(standing.family, of) == case.keys:
                judged.append(verdict)
        told = [stands[place].verdicts for place in met]
        asked = {case.instance.id for case in bindable.cases}
        if len(told) == 1 and len(judged) == together and told[0].keys() <= asked:
            return Recalled([*certain, *judged])
        if any(verdict.reason == CHOSE for verdicts in told for verdict in verdicts.values()):
            return Recalled(certain)
        return Recalled(certain, judged)

    def _standing(self, method: Method, family: Method, place: _Place) -> _Standing:
        label, _ = place
        own = (label, method.key)
        if own not in self._members:
            return _Standing(False, False, None, {})
        method_was, family_was = self._was(method, own), self._was(family, place)
        founders = family_was.founder.span.id == family.founder.span.id
        return _Standing(
            self._is_as_it_was(method, own),
            founders and method_was.founder.span.id == method.founder.span.id,
            None if founders else family_was,
            self._verdicts(method.variant_id).get(place, {}),
        )

    def _is_as_it_was(self, method: Method, place: _Place) -> bool:
        """Whether a method had the routine that it has in the group of ``place``."""
        name = (place, method.founder.span.id)
        if name not in self._same:
            routine = routine_of_method(method)
            self._same[name] = (
                routine_of_method(self._was(method, place)) == routine
                and imported_by(routine.code) <= _ASKED_FOR
            )
        return self._same[name]

    def _was(self, method: Method, place: _Place) -> Method:
        """What ``method`` was in the group of ``place``."""
        name = (place, method.founder.span.id)
        if name not in self._were:
            were = self._members[place]
            same = [m.span.id for m in were] == [m.span.id for m in method.members]
            self._were[name] = method if same else make_method(method.key, were)
        return self._were[name]

    def _verdicts(self, variant: str) -> Mapping[_Place, Mapping[str, Replay]]:
        """Those of a variant by the place and the id of the instance."""
        if variant not in self._sorted:
            found: dict[_Place, dict[str, Replay]] = {}
            for instance, verdict in self._replays.get(variant, {}).items():
                place, of = self._places.get(instance, _NOWHERE)
                if of is not None:
                    found.setdefault(place, {})[instance] = verdict
            self._sorted[variant] = found
        return self._sorted[variant]


__all__ = ["Remembered"]
