"""What is held out for each method of a group: the instances that may show that it is right."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tracemine.schemas import decode
from tracemine.schemas.shingles import near_duplicate_classes
from tracemine.schemas.values import encode
from tracemine.transforms.methods import Method, keys_in_roles, methods_of
from tracemine.transforms.segment import Proposal
from tracemine.verifiers.replay import Case


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
                keys = keys_in_roles(method, member)
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
