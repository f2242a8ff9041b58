"""Stage 9, replay: every method of a group, run on the group's held-out instances.

Spans whose code is the same in other words (`verifiers.normal_form`) hold one *method*; one of them
founds the variant that stands for it, the others bring instances and provenance. A variant's
verdicts on the instances of its own method and of all others are the replay matrix that
consolidation reads.

Spans without code, which get here only where a model carries routines out (`carry_out`), hold one
method if their steps are the same words. A routine in words is carried out on instances of code and
of words alike. Code is run on those of code alone: whether two methods agree nearby is not to be
asked where one of them is words.
"""

from __future__ import annotations

import ast
import dataclasses
import itertools
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from typing import Any

import apache_beam as beam

from tracemine.schemas import (
    Parameter,
    Replay,
    Signature,
    Span,
    canonical_code,
    canonical_words,
    content_id,
    decode,
)
from tracemine.schemas.shingles import near_duplicate_classes
from tracemine.schemas.types import join
from tracemine.schemas.values import encode
from tracemine.store.policy import MIN_DECIDED
from tracemine.transforms.kept import NOT_KEPT, Kept, run_kept
from tracemine.transforms.segment import Proposal
from tracemine.transforms.stage import Out
from tracemine.transforms.wording import oddness
from tracemine.verifiers import Sandbox, shared_sandbox
from tracemine.verifiers.coincidence import ELSEWHERE, Meeting, difference_nearby
from tracemine.verifiers.normal_form import normal_form, roles
from tracemine.verifiers.replay import CHOSE, Case, Routine, alignments, replay
from tracemine.verifiers.symmetry import calculation

#: Pairs of routines of one method of which it is remembered which roles stand for which.
_REMEMBERED = 65536


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
class Method:
    """Spans with one normal form. ``founder`` is the span whose names and code the variant has."""

    key: str
    variant_id: str
    founder: Proposal
    members: tuple[Proposal, ...]
    signature: Signature

    @property
    def in_words(self) -> bool:
        """Whether it has no code."""
        return not self.founder.span.code


@dataclass(frozen=True, slots=True)
class Witness:
    """What an instance is evidence of: ``problem`` is the least id among its problem's
    near-duplicates in the group, ``shingles`` are those of its own problem ``problem_id``;
    ``method`` is the key of the span that it came from; ``values`` what it binds, whatever to, as
    sorted canonical texts; ``result`` as such a text."""

    instance_id: str
    span_id: str
    method: str
    problem: str
    problem_id: str
    shingles: bytes
    origin: str
    values: tuple[str, ...]
    result: str


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


@dataclass(frozen=True, slots=True)
class Recalled:
    """Verdicts that need not be found, for they are as they were found before: those that are
    ``certain``, and those ``unless_chosen`` that are so unless one of the others of its family
    chooses an alignment of roles."""

    certain: Sequence[Replay] = ()
    unless_chosen: Sequence[Replay] = ()


#: Gives those of the verdicts of a method on cases of a family (of another method, or its own).
Recall = Callable[[Method, Method, Sequence[Case]], Recalled]


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
        families: dict[str, list[Case]] = {}
        for case in cases:
            families.setdefault(case.family, []).append(case)
        recalled = {
            family: self._recall(method, self._methods[family], members)
            for family, members in families.items()
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


@dataclass(frozen=True, slots=True)
class Prepared:
    """A group before its replay: its methods, what its instances are evidence of, and, by variant,
    the cases that are held out."""

    methods: tuple[Method, ...]
    witnesses: Mapping[str, Witness]
    held_out: Mapping[str, tuple[Case, ...]]


def prepare(group: Sequence[Proposal]) -> Prepared:
    """What there is to replay in one candidate group."""
    methods = methods_of(group)
    problems = near_duplicate_classes({p.span.problem_id: p.shingles for p in group})
    cases, witnesses = _cases(methods, problems)
    in_words = {method.key for method in methods if method.in_words}
    of_code = [case for case in cases if case.family not in in_words]
    held_out = {
        method.variant_id: tuple(
            _held_out(method, cases if method.in_words else of_code, witnesses, problems)
        )
        for method in methods
    }
    return Prepared(tuple(methods), witnesses, held_out)


def sample_in_words(
    held_out: Iterable[Case], witnesses: Mapping[str, Witness], most: int
) -> list[Case]:
    """Up to ``most`` of the cases that are held out for a routine in words, in order of instance
    id, one of each problem before a second of any."""
    ordered = sorted(held_out, key=lambda case: case.instance.id)
    turns: Counter[str] = Counter()
    ranked = []
    for place, case in enumerate(ordered):
        problem = witnesses[case.instance.id].problem
        ranked.append((turns[problem], place))
        turns[problem] += 1
    return [ordered[place] for _, place in sorted(ranked)[:most]]


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
                    routine_of(by_id[witness.span_id]),
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


def methods_of(group: Iterable[Proposal]) -> list[Method]:
    """The methods of a group, in order of variant id."""
    by_code: dict[str, list[Proposal]] = {}
    for proposal in sorted(group, key=lambda p: p.span.id):
        by_code.setdefault(method_of(proposal), []).append(proposal)
    methods = [make_method(key, members) for key, members in by_code.items()]
    return sorted(methods, key=lambda method: method.variant_id)


def method_key(span: Span) -> str:
    """The same for spans whose code is the same in other words; of spans without code, for those
    whose steps are the same words, over inputs of the same types in the same order."""
    if not span.code:
        types = [parameter.type for parameter in span.signature.inputs]
        steps = canonical_words(span.subroutine)
        return content_id("method in words", types, span.signature.output.type, steps)
    return content_id("method", normal_form(*_as_routine(span)).text)


def method_of(proposal: Proposal) -> str:
    """The key of the method that a proposal holds."""
    return proposal.method or method_key(proposal.span)


def variant_of(proposal: Proposal) -> str:
    """The id of the variant that a proposal founds."""
    return proposal.variant or variant_id(proposal.span)


def with_method(proposal: Proposal) -> Proposal:
    """``proposal`` with both, so that they are found once."""
    return dataclasses.replace(proposal, method=method_of(proposal), variant=variant_of(proposal))


def in_roles_of(founder: Span, member: Span) -> Signature:
    """The signature of ``member`` with its inputs in the order of the inputs of ``founder`` that
    they stand for; both have one method. Where the code leaves it open (``a * b``), most equal
    names decide, then units. Words leave it to the names, and where these are others to the order
    in which the inputs stand."""
    found: Signature = _in_roles_of(*_as_routine(founder), *_as_routine(member))
    return found


def _as_routine(span: Span) -> tuple[str, str, Signature]:
    return span.code or "", span.entry_point or "", span.signature


@lru_cache(maxsize=_REMEMBERED)
def _in_roles_of(
    code: str, entry: str, signature: Signature, other: str, other_entry: str, theirs: Signature
) -> Signature:
    if (code, entry, signature) == (other, other_entry, theirs):
        return theirs

    def likeness(way: Sequence[int]) -> tuple[int, int]:
        pairs = [(own, theirs.inputs[at]) for own, at in zip(signature.inputs, way, strict=True)]
        return sum(a.name == b.name for a, b in pairs), sum(a.unit == b.unit for a, b in pairs)

    if code:
        forms = normal_form(code, entry, signature), normal_form(other, other_entry, theirs)
        way = max(roles(*forms), key=likeness)
    else:
        way = _named_alike(signature.inputs, theirs.inputs)
    return dataclasses.replace(theirs, inputs=tuple(theirs.inputs[place] for place in way))


def _named_alike(ours: Sequence[Parameter], theirs: Sequence[Parameter]) -> tuple[int, ...]:
    """For each of ``ours`` the place of that of ``theirs`` with its name and type, if all have one;
    else its own place."""
    places = {(parameter.name, parameter.type): place for place, parameter in enumerate(theirs)}
    wanted = [(parameter.name, parameter.type) for parameter in ours]
    if places.keys() == set(wanted):
        return tuple(places[key] for key in wanted)
    return tuple(range(len(ours)))


def variant_id(span: Span) -> str:
    """The id of the variant that a span founds: its signature and its canonical code, or its steps
    where it has none."""
    if not span.code:
        steps = canonical_words(span.subroutine)
        return content_id("variant in words", span.signature.to_json(), steps)
    code = canonical_code(span.code or "", span.entry_point or "")
    return content_id("variant", span.signature.to_json(), code)


def make_method(key: str, members: Sequence[Proposal]) -> Method:
    """A method of ``members`` (in order of span id): founded by the variant whose names fit best
    what it does, the simplest code of several, the commonest of these, the least id where they are
    as common. Of that variant's spans it is the least of those whose subquestion most of them have:
    one trace's own wording tells its own story."""
    ids = [variant_of(member) for member in members]
    counts = Counter(ids)
    best = min(
        counts,
        key=lambda identifier: (
            _plainness(members[ids.index(identifier)].span) if len(counts) > 1 else (0, 0),
            -counts[identifier],
            identifier,
        ),
    )
    alike = [member for member, identifier in zip(members, ids, strict=True) if identifier == best]
    asked = Counter(member.span.subquestion for member in alike)
    founder = min(alike, key=lambda m: (-asked[m.span.subquestion], m.span.id))
    worded = {_as_routine(member.span): member.span for member in members}
    signatures = [in_roles_of(founder.span, span) for span in worded.values()]
    signature = widened(founder.span.signature, signatures)
    return Method(key, best, founder, tuple(members), signature)


def _plainness(span: Span) -> tuple[int, int]:
    if not span.code:
        return 0, 0
    code = span.code
    return oddness(code, span.entry_point or ""), code_size(code)


def code_size(code: str) -> int:
    """How much there is to a routine: the nodes of its syntax tree, however its names are spelt."""
    return sum(1 for _ in ast.walk(ast.parse(code)))


def widened(names: Signature, signatures: Sequence[Signature]) -> Signature:
    """``names`` with each type widened to cover all ``signatures`` (inputs in the same order), and
    each unit kept only where none of them has another."""

    def widen(own: Parameter, same_role: Sequence[Parameter]) -> Parameter:
        kind, units = own.type, {p.unit for p in same_role if p.unit is not None}
        for parameter in same_role:
            kind = join(kind, parameter.type)
        return Parameter(own.name, kind, own.unit if units <= {own.unit} else None)

    return dataclasses.replace(
        names,
        inputs=tuple(
            widen(parameter, [s.inputs[index] for s in signatures])
            for index, parameter in enumerate(names.inputs)
        ),
        output=widen(names.output, [s.output for s in signatures]),
    )


def routine_of_method(method: Method) -> Routine:
    """The routine of the variant that stands for a method."""
    return dataclasses.replace(
        routine_of(method.founder.span),
        variant_id=method.variant_id,
        signature=method.signature,
    )


def routine_of(
    span: Span, *, name: str | None = None, signature: Signature | None = None
) -> Routine:
    """The routine of a span, by the id of its variant and with its own signature, or as told."""
    return Routine(
        variant_id=variant_id(span) if name is None else name,
        code=span.code or "",
        entry_point=span.entry_point or "",
        signature=signature or span.signature,
        predicates=span.predicates,
        verifier=span.verifier,
    )


def _cases(
    methods: Sequence[Method], problems: Mapping[str, str]
) -> tuple[list[Case], dict[str, Witness]]:
    """Every instance of the group that may decide something: checked, and one for each problem and
    method (tests each for themselves)."""
    cases, witnesses = [], {}
    seen = set()
    for method in methods:
        # A test that several attempts bring is the founder's where it is among them: its roles are.
        for member in sorted(method.members, key=lambda m: m is not method.founder):
            for instance in sorted(member.span.instances, key=lambda i: i.id):
                problem = problems[instance.problem_id]
                if instance.origin == "test":
                    identity = ("test", problem, instance.bindings, instance.result, method.key)
                else:
                    identity = ("trace", problem, "", "", method.key)
                if not instance.checked or identity in seen:
                    continue
                seen.add(identity)
                keys = in_roles_of(method.founder.span, member.span).inputs
                cases.append(Case(instance, keys, method.key))
                witnesses[instance.id] = Witness(
                    instance.id,
                    member.span.id,
                    method.key,
                    problem,
                    instance.problem_id,
                    member.shingles,
                    instance.origin,
                    values_of(instance.bindings),
                    instance.result,
                )
    return cases, witnesses


def _held_out(
    method: Method,
    cases: Sequence[Case],
    witnesses: Mapping[str, Witness],
    problems: Mapping[str, str],
) -> list[Case]:
    """The cases that are held out for a method's variant: tests that admission did not use, and
    instances of another problem; both with other values than its founder's own (a task may state
    one test twice)."""
    founder = method.founder.span
    own_problem = problems[founder.problem_id]
    own_values = values_of(founder.instances[0].bindings)
    found = []
    for case in cases:
        witness = witnesses[case.instance.id]
        if witness.values == own_values:
            continue
        if witness.origin == "test":
            found.append(dataclasses.replace(case, own_roles=witness.span_id == founder.id))
        elif witness.problem != own_problem:
            found.append(case)
    return found


def values_of(bindings: str) -> tuple[str, ...]:
    """What ``bindings`` bind, whatever to: canonical texts, sorted."""
    return tuple(sorted(encode(_one_form(value)) for value in decode(bindings).values()))


def _one_form(value: Any) -> Any:
    """``value`` with whole floats and fractions as integers: 100.0 is no other value than 100."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Fraction) and value.denominator == 1:
        return value.numerator
    if isinstance(value, (list, tuple, set, frozenset)):
        return type(value)(_one_form(item) for item in value)
    if isinstance(value, dict):
        return {_one_form(key): _one_form(item) for key, item in value.items()}
    return value


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
    return any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in ast.walk(ast.parse(code)))
