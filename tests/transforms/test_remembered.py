"""Verdicts that a store has are those that replaying again would give."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.schemas import Parameter, Replay, Signature
from tracemine.schemas.types import type_of
from tracemine.transforms.regrouping import Touched
from tracemine.transforms.remembered import Remembered
from tracemine.transforms.replay import Matrix, ReplayLimits, replay_group
from tracemine.transforms.segment import Proposal
from tracemine.verifiers import shared_sandbox

sys.path.insert(0, str(Path(__file__).parents[1]))
from proposed import proposal

#: Names of most say nothing, so that values may go to the parameters in several ways; for some
#: values two routines give one result in one of the ways, or end in an error in one.
ROUTINES = (
    "def left(value, value_2):\n    return value / value_2",
    "def left(number, number_2):\n    return number_2 - number",
    "def left(amount, amount_2):\n    return abs(amount - amount_2)",
    "def left(number, number_2):\n    return number * number_2 - number",
    # In other words what the second does: one method, of which one or another is the founder.
    "def left(value, value_2):\n    return value - value_2",
    "def left(paid, cost):\n    return paid - cost",
    "def left(given, paid):\n    back = given - paid\n    return back",
)
#: A small sample, so that who comes takes the place of others.
LIMITS = (ReplayLimits(), ReplayLimits(own=2, others=3, meeting=1))


def made(which: int, problem: int, first: float, second: int) -> Proposal:
    code = ROUTINES[which]
    names = code.partition("(")[2].partition(")")[0].split(", ")
    given = dict(zip(names, (first, second), strict=True))
    scope: dict[str, Any] = {}
    exec(code, scope)
    result = scope["left"](**given)
    signature = Signature(
        tuple(Parameter(name, type_of(value)) for name, value in given.items()),
        Parameter("left", type_of(result)),
    )
    one = proposal(code, problem, result=result, **given)
    return replace(one, span=replace(one.span, signature=signature))


def replayed(group: Sequence[Proposal], limits: ReplayLimits) -> Matrix:
    return replay_group(group, limits, shared_sandbox())


SPANS = st.lists(
    st.tuples(
        st.integers(0, len(ROUTINES) - 1),
        st.integers(0, 30),
        st.sampled_from((0, 1, 2, 3, 4, 5, 2.5)),  # which makes a method's types wider
        st.integers(0, 5),
    )
    .filter(lambda drawn: drawn[0] or drawn[3])
    .map(lambda drawn: made(*drawn)),
    min_size=4, max_size=24, unique_by=lambda p: p.span.id,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(SPANS, st.data())
def test_what_is_recalled_is_what_would_be_found(
    spans: list[Proposal], data: st.DataObject
) -> None:
    limits = data.draw(st.sampled_from(LIMITS))
    places = data.draw(
        st.lists(st.sampled_from("ab "), min_size=len(spans), max_size=len(spans))
    )  # in one group or in another, or new
    group = tuple(sorted(spans, key=lambda p: p.span.id))
    before = {p.span.id: place for p, place in zip(spans, places, strict=True) if place != " "}
    known: dict[str, dict[str, Replay]] = {}
    for label in "ab":
        were = [p for p in group if before.get(p.span.id) == label]
        if were:
            for variant, verdicts in replayed(were, limits).replays.items():
                known.setdefault(variant, {}).update({v.instance_id: v for v in verdicts})
    recall = Remembered(Touched((group,), frozenset(), known, before, {}))
    found = replay_group(group, limits, shared_sandbox(), recall=recall)
    fresh = replayed(group, limits)
    assert found.replays == fresh.replays
    assert {v for v, _ in found.recalled} <= fresh.replays.keys()
    if len(set(places)) == 1 and places[0] != " ":
        # Nothing came.
        every = {(v, r.instance_id) for v, rs in fresh.replays.items() for r in rs}
        assert found.recalled == every


def remembered(old: Sequence[Proposal], *coming: Proposal) -> tuple[Matrix, Matrix]:
    """The matrix of all with what is known of ``old``, and without."""
    limits = ReplayLimits()
    group = tuple(sorted([*old, *coming], key=lambda p: p.span.id))
    known = {
        variant: {v.instance_id: v for v in verdicts}
        for variant, verdicts in replayed(old, limits).replays.items()
    }
    before = dict.fromkeys((p.span.id for p in old), "a")
    recall = Remembered(Touched((group,), frozenset(), known, before, {}))
    found = replay_group(group, limits, shared_sandbox(), recall=recall)
    return found, replayed(group, limits)


def first_of(spans: Iterable[Proposal]) -> Proposal:
    """The one whose instance is judged first."""
    return min(spans, key=lambda p: p.span.instances[0].id)


#: Of 5 and 0 the quotient is an error in one of two ways and 0 in the other; the difference is 5.
NEITHER = [made(1, 40, 5, 0), made(1, 41, 0, 5)]
#: The quotient of 2 and 4 is their difference in one way: the values of what is judged later go
#: that way, too.
CHOOSES = first_of(made(1, n, 2, 4) for n in range(40))
QUOTIENTS = [made(0, 50 + n, 6, n + 1) for n in range(3)]


def on_neither(matrix: Matrix) -> tuple[str, dict[str, str]]:
    """The quotient's variant, and its verdicts on those."""
    (variant,) = (m.variant_id for m in matrix.methods if m.founder.span.code == ROUTINES[0])
    wanted = {i.id for p in NEITHER for i in p.span.instances}
    verdicts = matrix.replays[variant]
    return variant, {r.instance_id: r.verdict for r in verdicts if r.instance_id in wanted}


def test_verdicts_are_recalled_unless_one_that_comes_chooses_an_alignment() -> None:
    old = [*QUOTIENTS, *NEITHER]
    found, fresh = remembered(old, made(1, 60, 1, 4))
    assert found.replays == fresh.replays
    variant, before = on_neither(found)
    assert sorted(before.values()) == ["error", "fail"]
    assert {(variant, i) for i in before} <= found.recalled
    found, fresh = remembered(old, CHOOSES)
    assert found.replays == fresh.replays
    assert on_neither(found)[1] != before
    assert not {(variant, i) for i in before} & found.recalled


def test_one_that_comes_goes_the_way_that_was_chosen() -> None:
    found, fresh = remembered([*QUOTIENTS, NEITHER[0], CHOOSES], NEITHER[1])
    assert found.replays == fresh.replays
    assert on_neither(found)[1] != on_neither(replayed([*QUOTIENTS, *NEITHER], ReplayLimits()))[1]
