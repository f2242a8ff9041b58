"""Verdicts that a store has, in place of those that replaying again would give.

What a variant gives on the instances of another method follows from its routine, from these
instances and from the roles that their method's founder gives them. Where all of that is as it was,
so is every verdict: of a group to which a span has come, most are. Code that imports something is
run again: a library may be another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracemine.schemas import Replay
from tracemine.transforms.regrouping import Touched
from tracemine.transforms.replay import Method, imports, methods_of, routine_of_method
from tracemine.transforms.segment import Proposal
from tracemine.transforms.unite import NOT_HELD_OUT
from tracemine.verifiers.replay import Case, alignments

#: A method of a group as it was: the group, the method's key.
_Place = tuple[str, str]


class Remembered:
    """The verdicts that a store has on groups that are touched: a `replay.Recall`."""

    def __init__(self, found: Touched) -> None:
        #: What was not found anew, by variant and instance.
        self.recalled: set[tuple[str, str]] = set()
        self._replays = found.replays
        self._before = found.before
        self._members: dict[str, list[Proposal]] = {}
        every = [p for group in found.groups for p in group] + list(found.out.values())
        for proposal in every:
            label = found.before.get(proposal.span.id)
            if label:
                self._members.setdefault(label, []).append(proposal)
        self._methods: dict[str, Mapping[str, Method]] = {}
        self._places: dict[str, _Place] = {}
        self._same: dict[tuple[str, str], tuple[str, Method] | None] = {}
        self._sorted: dict[tuple[str, str], Mapping[str, Mapping[str, Replay]]] = {}

    def __call__(
        self, method: Method, family: Method, cases: Sequence[Case]
    ) -> Sequence[Replay] | None:
        """The verdicts of ``method`` on ``cases``, which are of ``family``; None if these are not
        all that it was replayed on, or one of the two methods is another now."""
        ours, theirs = self._as_it_was(method), self._as_it_was(family)
        if ours is None or theirs is None or ours[0] != theirs[0]:
            return None
        if any(case.instance.origin == "test" for case in cases) and not (
            ours[1].founder.span.id == method.founder.span.id
            and theirs[1].founder.span.id == family.founder.span.id
        ):
            return None  # What is a test of one's own is told by the founder.
        known = self._verdicts(method.variant_id, theirs[0]).get(family.key, {})
        asked = {case.instance.id: case for case in cases}
        if not known.keys() <= asked.keys():
            return None
        if any(verdict.reason == NOT_HELD_OUT for verdict in known.values()):
            return None  # In its group it passed.
        if any(
            case.own_roles or alignments(method.signature, case.keys)
            for instance, case in asked.items()
            if instance not in known
        ):
            return None
        self.recalled.update((method.variant_id, instance) for instance in known)
        return list(known.values())

    def _as_it_was(self, method: Method) -> tuple[str, Method] | None:
        """The group and the method that this one was; None if it was none, or its routine is
        another."""
        name = (method.key, method.founder.span.id)
        if name not in self._same:
            labels = {self._before.get(member.span.id, "") for member in method.members} - {""}
            self._same[name] = None
            if len(labels) == 1:
                (label,) = labels
                was = self._methods_of(label)[method.key]
                routine = routine_of_method(method)
                if routine_of_method(was) == routine and not imports(routine.code):
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

    def _methods_of(self, label: str) -> Mapping[str, Method]:
        if label not in self._methods:
            found = {method.key: method for method in methods_of(self._members[label])}
            self._methods[label] = found
            for method in found.values():
                for member in method.members:
                    for instance in member.span.instances:
                        self._places[instance.id] = (label, method.key)
        return self._methods[label]


__all__ = ["Remembered"]
