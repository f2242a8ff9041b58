"""Verdicts that a store has, in place of those that replaying again would give.

What a variant gives on the instances of another method follows from its routine, from these
instances and from the roles that their method's founder gives them. Where all of that is as it was,
so is every verdict: of a group to which a span has come, most are. Where values may go to
parameters in several ways, a verdict stands unless an instance that comes says which way is right.
Code that imports a library of which nobody has said that it is what it was is run again.
"""

from __future__ import annotations

from collections.abc import Mapping

from tracemine.schemas import Replay
from tracemine.store.versions import DECIDING
from tracemine.teachers.rules.derived.libraries import imported_by
from tracemine.transforms.methods import Method, make_method, method_of, routine_of_method
from tracemine.transforms.regrouping import Touched
from tracemine.transforms.replay import Bindable, Recalled
from tracemine.transforms.segment import Proposal
from tracemine.transforms.unite import NOT_HELD_OUT
from tracemine.verifiers.replay import CHOSE

#: The libraries whose versions a store is asked for.
_ASKED_FOR = frozenset(DECIDING)


class Remembered:
    """The verdicts that a store has on groups that are touched: a `replay.Recall`."""

    def __init__(self, found: Touched) -> None:
        self._replays = found.replays
        self._before = found.before
        #: What was together, by group and key of its method.
        self._members: dict[tuple[str, str], list[Proposal]] = {}
        #: Where an instance was.
        self._places: dict[str, tuple[str, str]] = {}
        every = [p for group in found.groups for p in group] + list(found.out.values())
        for proposal in sorted(every, key=lambda p: p.span.id):
            label = found.before.get(proposal.span.id)
            if label:
                place = (label, method_of(proposal))
                self._members.setdefault(place, []).append(proposal)
                self._places |= {i.id: place for i in proposal.span.instances}
        self._same: dict[tuple[str, str], tuple[str, Method] | None] = {}
        self._sorted: dict[tuple[str, str], Mapping[str, Mapping[str, Replay]]] = {}

    def __call__(self, method: Method, family: Method, bindable: Bindable) -> Recalled:
        """Those of the verdicts of ``method`` on cases of ``family`` that are as they were. Cases
        whose values may go to the parameters in several ways are judged together: where one of them
        chose a way, all of them are known, or none; where none did, they are known unless one that
        is not chooses."""
        cases = bindable.cases
        ours, theirs = self._as_it_was(method), self._as_it_was(family)
        if ours is None or theirs is None or ours[0] != theirs[0]:
            return Recalled()
        if any(case.instance.origin == "test" for case in cases) and not (
            ours[1].founder.span.id == method.founder.span.id
            and theirs[1].founder.span.id == family.founder.span.id
        ):
            return Recalled()  # What is a test of one's own is told by the founder.
        known = self._verdicts(method.variant_id, theirs[0]).get(family.key, {})
        found: list[Replay] = []
        together: list[Replay | None] = []
        for case, ways in zip(cases, bindable.ways, strict=True):
            verdict = known.get(case.instance.id)
            if verdict is not None and verdict.reason == NOT_HELD_OUT:
                verdict = None  # In its group it passed.
            if ways > 1:
                together.append(verdict)
            elif verdict is not None:
                found.append(verdict)
        judged = [verdict for verdict in together if verdict is not None]
        if known.keys() <= {case.instance.id for case in cases} and len(judged) == len(together):
            return Recalled([*found, *judged])
        if any(verdict.reason == CHOSE for verdict in known.values()):
            return Recalled(found)
        return Recalled(found, judged)

    def _as_it_was(self, method: Method) -> tuple[str, Method] | None:
        """The group and the method that this one was; None if it was none, or its routine is
        another."""
        name = (method.key, method.founder.span.id)
        if name not in self._same:
            labels = {self._before.get(member.span.id, "") for member in method.members} - {""}
            self._same[name] = None
            if len(labels) == 1:
                (label,) = labels
                were = self._members[label, method.key]
                same = [m.span.id for m in were] == [m.span.id for m in method.members]
                was = method if same else make_method(method.key, were)
                routine = routine_of_method(method)
                if routine_of_method(was) == routine and imported_by(routine.code) <= _ASKED_FOR:
                    self._same[name] = label, was
        return self._same[name]

    def _verdicts(self, variant: str, label: str) -> Mapping[str, Mapping[str, Replay]]:
        """Those of a variant on instances of a group, by the key of their method and instance."""
        if (variant, label) not in self._sorted:
            found: dict[str, dict[str, Replay]] = {}
            for instance, verdict in self._replays.get(variant, {}).items():
                group, key = self._places.get(instance, ("", ""))
                if group == label:
                    found.setdefault(key, {})[instance] = verdict
            self._sorted[variant, label] = found
        return self._sorted[variant, label]


__all__ = ["Remembered"]
