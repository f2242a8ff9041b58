"""Stage 9, replay: every method of a group (`methods`) is run on what is held out for it
(`held_out`).

A variant's verdicts on the instances of its own method and of all others are the replay matrix that
consolidation reads.

A routine in words is carried out on instances of code and of words alike (`carry_out`). Code is run
on those of code alone: whether two methods agree nearby is not to be asked where one of them is
words.
"""

from __future__ import annotations

import ast
import dataclasses
import itertools
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import apache_beam as beam

from tracemine.schemas import Replay, Signature
from tracemine.store.policy import MIN_DECIDED
from tracemine.transforms.held_out import Witness, prepare
from tracemine.transforms.kept import NOT_KEPT, Kept, run_kept
from tracemine.transforms.methods import Method, routine_of, routine_of_method
from tracemine.transforms.segment import Proposal
from tracemine.transforms.stage import Out
from tracemine.verifiers import Sandbox, shared_sandbox
from tracemine.verifiers.coincidence import ELSEWHERE, Meeting, difference_nearby
from tracemine.verifiers.replay import CHOSE, Case, alignments, replay
from tracemine.verifiers.symmetry import calculation


@dataclass(frozen=True, slots=True)
class ReplayLimits:
    """How much of a large group is replayed: instances of a variant's own method, and of all
    other methods together. The sample is by instance id, which is a hash.

    Two methods that may be one procedure, but of which the sample holds too little of each other,
    are replayed on as many of each other's instances as ``meeting``: each with at most ``partners``
    others. These are a few more attempts, of which more pass than of a sample.

    Code that imports something is run by CPython alone, and one equation takes sympy a fifth of a
    second: of its own method's instances, and of the others', it gets as many as make ``runs`` with
    every alignment of roles.

    A routine in words is carried out on ``in_words`` instances, whichever method they are of: each
    is a request that is paid for."""

    own: int = 64
    others: int = 64
    runs: int = 128
    partners: int = 8
    meeting: int = 2
    in_words: int = 8


@dataclass(frozen=True, slots=True)
class Matrix:
    """A replayed group; ``recalled`` are the variants and instances whose verdicts are from before
    (see `Recall`)."""

    methods: tuple[Method, ...]
    replays: Mapping[str, tuple[Replay, ...]]
    witnesses: Mapping[str, Witness]
    recalled: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Carried:
    """A group, and the verdicts on its routines in words, which a model carried out."""

    proposals: tuple[Proposal, ...]
    replays: tuple[Replay, ...]


class ReplayGroups(beam.PTransform):
    """``(shard, groups)``, each a Group or Carried -> Matrix. ``require_isolation``: a worker
    without namespaces for untrusted code fails."""

    def __init__(
        self, limits: ReplayLimits, kept: Kept = NOT_KEPT, *, require_isolation: bool = False
    ) -> None:
        super().__init__()
        self.limits = limits
        self.kept = kept
        self.require_isolation = require_isolation

    def expand(self, groups: beam.PCollection) -> beam.PCollection:
        limits = self.limits
        outputs = groups | "Replay" >> run_kept(
            "replay",
            lambda keyed, sandbox: _replay_shard(keyed[1], limits, sandbox),
            kept=self.kept,
            main="matrices",
            also=(limits,),
            setup=partial(shared_sandbox, require_isolation=self.require_isolation),
        )
        return outputs.matrices


def _replay_shard(
    shard: Iterable[Sequence[Proposal] | Carried], limits: ReplayLimits, sandbox: Sandbox
) -> Iterator[Out]:
    for group in sorted(shard, key=name_of):
        yield from _replay_group(group, limits, sandbox)


def name_of(group: Sequence[Proposal] | Carried) -> str:
    """The least span id of a group, which no other has."""
    proposals = group.proposals if isinstance(group, Carried) else group
    return min(proposal.span.id for proposal in proposals)


def _replay_group(
    group: Sequence[Proposal] | Carried, limits: ReplayLimits, sandbox: Sandbox
) -> Iterator[Out]:
    if isinstance(group, Carried):
        yield "matrices", replay_group(group.proposals, limits, sandbox, group.replays)
    else:
        yield "matrices", replay_group(group, limits, sandbox)


def _ways_to_bind(signature: Signature, cases: Sequence[Case]) -> list[int]:
    """In how many ways the values of each of ``cases`` may go to the inputs of ``signature``."""
    known: dict[int, int] = {}
    found = []
    for case in cases:
        # Most cases of a family have one tuple of keys (`methods.keys_in_roles`).
        ways = 1 if case.own_roles else known.get(id(case.keys))
        if ways is None:
            ways = known[id(case.keys)] = len(alignments(signature, case.keys))
        found.append(ways)
    return found


@dataclass(frozen=True, slots=True)
class Recalled:
    """Verdicts that need not be found, for they are as they were found before: those that are
    ``certain``, and those ``unless_chosen`` that are so unless one of the others of its family
    chooses an alignment of roles."""

    certain: Sequence[Replay] = ()
    unless_chosen: Sequence[Replay] = ()


@dataclass(frozen=True, slots=True)
class Bindable:
    """Cases of one family, and in how many ways the values of each may go to a method's inputs."""

    cases: list[Case] = field(default_factory=list)
    ways: list[int] = field(default_factory=list)


#: Gives those of the verdicts of a method on cases of a family (of another method, or its own).
Recall = Callable[[Method, Method, Bindable], Recalled]


def replay_group(
    group: Sequence[Proposal],
    limits: ReplayLimits,
    sandbox: Sandbox,
    carried: Iterable[Replay] = (),
    recall: Recall | None = None,
) -> Matrix:
    """The replay matrix of one candidate group; ``carried`` are the verdicts on its routines in
    words, which nothing runs here. What ``recall`` gives is not asked again."""
    prepared = prepare(group)
    methods, witnesses, held_out = prepared.methods, prepared.witnesses, prepared.held_out
    replays: dict[str, tuple[Replay, ...]] = {}
    sampled: dict[str, list[Case]] = {}
    in_words: dict[str, list[Replay]] = {}
    for verdict in carried:
        in_words.setdefault(verdict.variant_id, []).append(verdict)
    coded = [method for method in methods if not method.in_words]
    asking = _Asking({method.key: method for method in methods}, sandbox, recall)
    for method in methods:
        if method.in_words:
            found = sorted(in_words.get(method.variant_id, ()), key=lambda r: r.instance_id)
        else:
            sampled[method.variant_id] = _sample(method, held_out[method.variant_id], limits)
            found = asking.replay(method, sampled[method.variant_id])
        replays[method.variant_id] = tuple(found)
    if any(len(sampled[m.variant_id]) < len(held_out[m.variant_id]) for m in coded):
        for method, asked in _meetings(coded, held_out, sampled, replays, witnesses, limits):
            families = {case.family for case in asked}
            known = replays[method.variant_id]
            kept = [r for r in known if witnesses[r.instance_id].method not in families]
            found = asking.replay(method, asked)
            replays[method.variant_id] = tuple(sorted([*kept, *found], key=lambda r: r.instance_id))
    replays = _without_coincidences(group, coded, replays, witnesses, sandbox, asking.recalled)
    return Matrix(tuple(methods), replays, witnesses, frozenset(asking.recalled))


class _Asking:
    """Replays of methods (by their keys) that are not recalled. ``recalled`` are those that were,
    by variant and instance: whether they also agree nearby is told by then."""

    def __init__(
        self, methods: Mapping[str, Method], sandbox: Sandbox, recall: Recall | None
    ) -> None:
        self._methods = methods
        self._sandbox = sandbox
        self._recall = recall
        self.recalled: set[tuple[str, str]] = set()

    def replay(self, method: Method, cases: Sequence[Case]) -> list[Replay]:
        """The verdicts of ``method`` on ``cases``, in order of instance id."""
        if self._recall is None:
            return replay(routine_of_method(method), cases, self._sandbox)
        families: dict[str, Bindable] = {}
        for case, ways in zip(cases, _ways_to_bind(method.signature, cases), strict=True):
            # Without a way to bind its values a case has no verdict, and never had one.
            if ways:
                family = families.setdefault(case.family, Bindable())
                family.cases.append(case)
                family.ways.append(ways)
        cases = [case for family in families.values() for case in family.cases]
        recalled = {
            key: self._recall(method, self._methods[key], family)
            for key, family in families.items()
        }
        known = {v.instance_id: v for one in recalled.values() for v in one.certain}
        perhaps = {v.instance_id: v for one in recalled.values() for v in one.unless_chosen}
        told = known.keys() | perhaps.keys()
        found = self._found(method, [c for c in cases if c.instance.id not in told])
        family_of = {case.instance.id: case.family for case in cases}
        choosing = {family_of[v.instance_id] for v in found.values() if v.reason == CHOSE}
        lost = [c for c in cases if c.instance.id in perhaps and c.family in choosing]
        if lost:
            # With those of their family that have been found: they are judged together.
            lost += [c for c in cases if c.instance.id in found and c.family in choosing]
            found |= self._found(method, lost)
        known |= {i: v for i, v in perhaps.items() if i not in found}
        self.recalled -= {(method.variant_id, instance) for instance in found}
        self.recalled |= {(method.variant_id, instance) for instance in known}
        known |= found
        return [known[instance] for instance in sorted(known)]

    def _found(self, method: Method, cases: Sequence[Case]) -> dict[str, Replay]:
        if not cases:
            return {}
        found = replay(routine_of_method(method), cases, self._sandbox)
        return {verdict.instance_id: verdict for verdict in found}


def _meetings(
    methods: Sequence[Method],
    held_out: Mapping[str, Sequence[Case]],
    sampled: Mapping[str, Sequence[Case]],
    replays: Mapping[str, Sequence[Replay]],
    witnesses: Mapping[str, Witness],
    limits: ReplayLimits,
) -> list[tuple[Method, list[Case]]]:
    """What a sample leaves open: methods with the cases of other methods that they are to be
    replayed on, all of a family that are in the sample among them, for they choose one alignment.

    Two may be one procedure where both passed on something, no instance that both were replayed on
    tells them apart, and, if they are arithmetic, they calculate the same. Of these, those that
    both passed on most come first.
    """
    # Not what is slow to run: it had as much as it gets.
    living = [
        m
        for m in methods
        if any(map(_gave_the_result, replays[m.variant_id]))
        and not _imports(m.founder.span.code or "")
    ]
    lines = {
        m.variant_id: {
            r.instance_id: _gave_the_result(r)
            for r in replays[m.variant_id]
            if r.verdict != "unsupported" or _gave_the_result(r)
        }
        for m in living
    }
    calculations = {m.variant_id: _calculation_of(m) for m in living}
    decided: Counter[frozenset[str]] = Counter()
    for method in living:
        for name in lines[method.variant_id]:
            decided[frozenset((method.key, witnesses[name].method))] += 1
    wanted: list[tuple[int, str, str]] = []
    by_variant = {m.variant_id: m for m in living}
    for one, other in itertools.combinations(living, 2):
        ours, theirs = lines[one.variant_id], lines[other.variant_id]
        shared = ours.keys() & theirs.keys()
        if (
            calculations[one.variant_id] == calculations[other.variant_id]
            and decided[frozenset((one.key, other.key))] < MIN_DECIDED
            and all(ours[name] == theirs[name] for name in shared)
        ):
            both = sum(ours[name] for name in shared)
            wanted.append((-both, one.variant_id, other.variant_id))
    partners: Counter[str] = Counter()
    families: dict[str, set[str]] = {}
    for _, first, second in sorted(wanted):
        if max(partners[first], partners[second]) < limits.partners:
            partners.update((first, second))
            families.setdefault(first, set()).add(by_variant[second].key)
            families.setdefault(second, set()).add(by_variant[first].key)
    found = []
    for variant, keys in sorted(families.items()):
        old = {case.instance.id for case in sampled[variant]}
        asked = []
        for key in sorted(keys):
            family = sorted(
                (c for c in held_out[variant] if c.family == key), key=lambda c: c.instance.id
            )
            asked += family[: limits.meeting]
            asked += [c for c in family[limits.meeting :] if c.instance.id in old]
        if any(case.instance.id not in old for case in asked):
            found.append((by_variant[variant], asked))
    return found


def _gave_the_result(verdict: Replay) -> bool:
    """Whether it is a pass, or was one before it was asked whether the two agree nearby."""
    return verdict.verdict == "pass" or verdict.reason.startswith(ELSEWHERE)


def _calculation_of(method: Method) -> object | None:
    span = method.founder.span
    return calculation(span.code or "", span.entry_point or "", span.signature.inputs)


def _without_coincidences(
    group: Sequence[Proposal],
    methods: Sequence[Method],
    replays: Mapping[str, tuple[Replay, ...]],
    witnesses: Mapping[str, Witness],
    sandbox: Sandbox,
    told: Collection[tuple[str, str]],
) -> dict[str, tuple[Replay, ...]]:
    """``replays`` where a pass on another method's instance stands only if the two methods also
    agree nearby; else it decides nothing. The tests of a variant's own problem state what it should
    do, whoever brings them, and stand alone. Verdicts ``told`` (variant and instance) say it."""
    by_id = {proposal.span.id: proposal.span for proposal in group}
    instances = {i.id: i for span in by_id.values() for i in span.instances}
    meetings = {}
    for method in methods:
        own_problem = method.founder.span.problem_id
        for verdict in replays[method.variant_id]:
            if (method.variant_id, verdict.instance_id) in told:
                continue
            witness = witnesses[verdict.instance_id]
            own_test = witness.origin == "test" and witness.problem_id == own_problem
            if verdict.verdict == "pass" and witness.method != method.key and not own_test:
                meetings[method.variant_id, verdict.instance_id] = Meeting(
                    routine_of_method(method),
                    json.loads(verdict.binding_map),
                    routine_of(by_id[witness.span_id], name=witness.span_id),
                    instances[verdict.instance_id],
                )
    apart = {
        key: reason
        for key, reason in zip(meetings, difference_nearby(meetings.values(), sandbox), strict=True)
        if reason
    }

    def judged(verdict: Replay) -> Replay:
        reason = apart.get((verdict.variant_id, verdict.instance_id))
        if reason is None:
            return verdict
        return dataclasses.replace(verdict, verdict="unsupported", reason=reason)

    return {variant: tuple(map(judged, verdicts)) for variant, verdicts in replays.items()}


def unknown(
    found: Iterable[Replay], known: Iterable[Replay], witnesses: Mapping[str, Witness]
) -> list[Replay]:
    """Those of ``found`` on instances of which ``known`` says nothing; none of a method's, if one
    chose an alignment of which ``known`` says something else: what follows from it would stand
    alone."""
    told = {verdict.instance_id: verdict.reason for verdict in known}
    listed = list(found)
    hidden = {
        witnesses[v.instance_id].method
        for v in listed
        if v.reason == CHOSE and told.get(v.instance_id, CHOSE) != CHOSE
    }
    return [
        v
        for v in listed
        if v.instance_id not in told and witnesses[v.instance_id].method not in hidden
    ]


def _sample(method: Method, cases: Sequence[Case], limits: ReplayLimits) -> list[Case]:
    # A variant's own tests come first: one of them that fails refutes it.
    ordered = sorted(cases, key=lambda case: (not case.own_roles, case.instance.id))
    own = [case for case in ordered if case.family == method.key]
    others = [case for case in ordered if case.family != method.key]
    return [
        *_affordable(method, own[: limits.own], limits.runs),
        *_affordable(method, others[: limits.others], limits.runs),
    ]


def _affordable(method: Method, cases: Sequence[Case], runs: int) -> Sequence[Case]:
    """The first of ``cases``, all where the code is quickly run."""
    if not _imports(method.founder.span.code or ""):
        return cases
    ways = (1 if case.own_roles else len(alignments(method.signature, case.keys)) for case in cases)
    spent = itertools.accumulate(ways)
    return [case for case, total in zip(cases, spent, strict=True) if total <= runs]


def _imports(code: str) -> bool:
    # The word is looked for before the code is parsed: hardly any has it.
    return "import" in code and any(
        isinstance(node, (ast.Import, ast.ImportFrom)) for node in ast.walk(ast.parse(code))
    )
