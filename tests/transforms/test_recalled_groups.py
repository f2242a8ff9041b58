"""Groups of a store that grow, join and lose spans, with tests of a span's own, preconditions,
units, imports and problems that are nearly one: what is recalled is what would be found."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.schemas import Parameter, Replay, Signature
from tracemine.schemas.types import type_of
from tracemine.store import Policy
from tracemine.transforms.methods import with_method
from tracemine.transforms.refreshing import Shown, shown
from tracemine.transforms.regrouping import Touched
from tracemine.transforms.remembered import Remembered
from tracemine.transforms.segment import Proposal
from tracemine.verifiers import shared_sandbox

sys.path.insert(0, str(Path(__file__).parents[1]))
from proposed import problem_text, proposal

ROUTINES = (
    "def left(value, value_2):\n    return value / value_2",
    "def left(number, number_2):\n    return number_2 - number",
    "def left(amount, amount_2):\n    return abs(amount - amount_2)",
    "def left(number, number_2):\n    return number * number_2 - number",
    "def left(value, value_2):\n    return value - value_2",
    "def left(paid, cost):\n    return paid - cost",
    "def left(given, paid):\n    back = given - paid\n    return back",
    "def left(number, number_2):\n    import math\n    return math.fabs(number - number_2)",
    "def left(value, number):\n    return value // (number + 1)",
    "def left(price, number):\n    return price if price > number else number",
    "def left(number, price):\n    return max(price, number)",
)
CONDITIONS = ((), (), ("{0} > {1}",), ("{1} != 0",))
UNITS = ((None, None), (None, None), ("dollar", None), ("apple", "apple"))
POLICIES = (
    Policy(),
    Policy(replay_own=2, replay_others=3),
    Policy(replay_own=1, replay_others=1, min_replays=1),
)
#: The names of groups before and after; what is in "new" was in none.
BEFORE = (("a", "b", "c", "new"), ("a", "new"), ("a", "b", "new"), ("a", "b"))

Verdicts = dict[str, dict[str, Replay]]


def made(random: Random, problem: int) -> Proposal | None:
    """A span of a problem, with tests in a third of cases, of which some are wrong; None where its
    routine gives nothing."""
    code = random.choice(ROUTINES)
    names = code.partition("(")[2].partition(")")[0].split(", ")
    scope: dict[str, Any] = {}
    exec(code, scope)
    routine: Callable[..., Any] = scope["left"]

    def case(first: float, second: float) -> tuple[dict[str, float], Any]:
        bound = dict(zip(names, (first, second), strict=True))
        return bound, routine(**bound)

    told = Random(problem)  # Attempts at one task have its tests.
    tests = []
    try:
        given, result = case(random.choice((0, 1, 2, 3, 4, 5, 2.5)), random.randint(0, 5))
        for _ in range(random.choice((0, 0, 0, 1, 2, 3))):
            bound, value = case(told.randint(0, 5), told.randint(1, 5))
            tests.append((bound, value + 1 if random.random() < 0.15 else value))
    except ZeroDivisionError:
        return None
    units = random.choice(UNITS)
    inputs = zip(given.items(), units, strict=True)
    signature = Signature(
        tuple(Parameter(name, type_of(value), unit) for (name, value), unit in inputs),
        Parameter("left", type_of(result)),
    )
    text = problem_text(problem % 4) if random.random() < 0.2 else None
    one = proposal(code, problem, result=result, tests=tuple(tests), text=text, **given)
    predicates = tuple(p.format(*names) for p in random.choice(CONDITIONS))
    return with_method(
        replace(one, span=replace(one.span, signature=signature, predicates=predicates))
    )


def parted(
    random: Random, spans: Sequence[Proposal], names: Sequence[str]
) -> dict[str, list[Proposal]]:
    found: dict[str, list[Proposal]] = {}
    for one in spans:
        found.setdefault(random.choice(names), []).append(one)
    return found


def verdicts(found: Shown) -> Verdicts:
    every: Verdicts = {}
    for evidence in (*itertools.chain(*found.evidence), *found.refuted.values()):
        for verdict in evidence.replays:
            every.setdefault(verdict.variant_id, {})[verdict.instance_id] = verdict
    return every


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_groups_with_what_is_recalled_are_those_that_are_found(seed: int) -> None:
    random, sandbox = Random(seed), shared_sandbox()
    drawn = (made(random, random.randint(0, 14)) for _ in range(random.randint(5, 22)))
    spans = [one for _, one in sorted({p.span.id: p for p in drawn if p}.items())]
    policy = random.choice(POLICIES)
    old = parted(random, spans, random.choice(BEFORE))
    old.pop("new", None)
    before = {p.span.id: label for label, group in old.items() for p in group}
    known = verdicts(shown([tuple(group) for group in old.values()], policy, sandbox, {}))
    out = {p.span.id: p for p in spans if p.span.id in before and random.random() < 0.05}
    stay = [p for p in spans if p.span.id not in out]
    if random.random() < 0.5:
        now = {}
        for one in stay:  # as before, but for a few
            label = before.get(one.span.id) if random.random() < 0.93 else None
            now.setdefault(label or random.choice("ab"), []).append(one)
    else:
        now = parted(random, stay, random.choice(("x", "xy")))
    groups = tuple(tuple(group) for _, group in sorted(now.items()))
    recall = Remembered(Touched(groups, frozenset(), known, before, out))
    found = shown(groups, policy, sandbox, {}, recall)
    fresh = shown(groups, policy, sandbox, {})
    assert verdicts(found) == verdicts(fresh)
    assert found.rejected == fresh.rejected
