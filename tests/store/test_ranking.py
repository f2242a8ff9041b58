"""In which order entries are offered: properties that hold whatever the weights are."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.schemas import Parameter, Signature
from tracemine.store.ranking import (
    RUN,
    SCORE_DIGITS,
    WEIGHTS,
    Rankable,
    Ranking,
    Wanted,
    agreed,
    method_of,
    plausibility,
    tokens_of,
    weigh,
    written,
)
from tracemine.verifiers.roles import align

NAMES = ["total", "spent", "price", "first_items", "items_2", "time"]
UNITS = [None, "dollar", "hour"]
WORDS = ["how", "much", "money", "left", "time", "Items", "7", "é"]

parameters = st.builds(
    Parameter, st.sampled_from(NAMES), st.sampled_from(["int", "real", "str"]),
    st.sampled_from(UNITS),
)  # fmt: skip
inputs = st.lists(parameters, max_size=3, unique_by=lambda p: p.name).map(tuple)
questions = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)


@st.composite
def rankables(draw: st.DrawFn) -> Rankable:
    signature = Signature(draw(inputs), draw(parameters))
    asked = draw(st.lists(questions, max_size=3))
    tokens = [token for words in asked for token in tokens_of(signature.inputs, words)]
    return Rankable(
        signature,
        support=draw(st.integers(0, 5)),
        success_rate=draw(st.sampled_from([0.0, 0.5, 1.0])),
        method=draw(st.sampled_from(["m1", "m2", "m3"])),
        evidence={token: tokens.count(token) for token in tokens},
    )


def wanted(keys: tuple[Parameter, ...], words: str = "", unit: str | None = None) -> Wanted:
    return Wanted(words, keys, {key.name: 1 for key in keys}, Parameter("", "any", unit))


def everything(count: int) -> Any:
    return np.ones(count, dtype=bool)


@settings(max_examples=100)
@given(
    st.lists(rankables(), min_size=1, max_size=8),
    inputs,
    questions,
    st.sampled_from(UNITS),
    st.randoms(),
)
def test_the_order_of_entries_says_nothing_of_their_scores(
    entries: list[Rankable],
    keys: tuple[Parameter, ...],
    words: str,
    unit: str | None,
    pick: Any,
) -> None:
    count = len(entries)
    cosines = np.array([pick.uniform(-1, 1) for _ in entries])
    order = list(range(count))
    pick.shuffle(order)
    asked = wanted(keys, words, unit)
    first = Ranking(entries).best(asked, everything(count), cosines, count)
    shuffled = Ranking([entries[i] for i in order])
    second = shuffled.best(asked, everything(count), cosines[order], count)
    assert dict(first) == {order[place]: score for place, score in second}


@settings(max_examples=100)
@given(st.lists(rankables(), max_size=8), inputs, st.integers(1, 9), st.randoms())
def test_all_that_fits_is_ranked_and_nothing_else(
    entries: list[Rankable], keys: tuple[Parameter, ...], n: int, pick: Any
) -> None:
    ranking = Ranking(entries)
    among = np.array([pick.random() < 0.7 for _ in entries], dtype=bool)
    found = ranking.best(wanted(keys), among, np.zeros(len(entries)), n)
    fitting = [
        place
        for place, entry in enumerate(entries)
        if among[place] and align(entry.signature.inputs, keys) is not None
    ]
    assert {place for place, _ in found} <= set(fitting)
    assert len(found) == min(n, len(fitting))
    assert found == sorted(found, key=lambda pair: (-pair[1], pair[0]))
    whole = ranking.best(wanted(keys), among, np.zeros(len(entries)), len(entries) + 1)
    assert {place for place, _ in whole} == set(fitting)
    assert whole[: len(found)] == found


def test_ties_go_to_the_first_and_none_of_none_is_none() -> None:
    key = Parameter("total", "int")
    entry = Rankable(Signature((key,), Parameter("left", "int")), 3, 1.0, "m", {"role total": 3})
    ranking = Ranking([entry] * 7)
    found = ranking.best(wanted((key,)), everything(7), np.zeros(7), 5)
    assert [place for place, _ in found] == [0, 1, 2, 3, 4]
    assert len({score for _, score in found}) == 1
    assert Ranking([]).best(wanted((key,)), everything(0), np.zeros(0), 5) == []
    assert Ranking([]).takes((key,)).tolist() == []
    assert ranking.best(wanted(()), everything(7), np.zeros(7), 5) == []


def test_what_speaks_for_a_method_speaks_for_every_entry_of_it() -> None:
    def entry(method: str, words: str) -> Rankable:
        signature = Signature((Parameter("x", "int"),), Parameter("y", "int"))
        tokens = tokens_of(signature.inputs, words)
        return Rankable(signature, 1, 1.0, method, dict.fromkeys(tokens, 400))

    asked = wanted((Parameter("x", "int"),), "money left")
    entries = [entry("paid", "money left"), entry("paid", "sheep"), entry("sold", "sheep")]
    scores = dict(Ranking(entries).best(asked, everything(3), np.zeros(3), 3))
    assert scores[0] == scores[1] > scores[2]


def test_values_go_to_their_own_names_and_contradict_no_unit() -> None:
    def takes(signature: tuple[Parameter, ...], *keys: Parameter) -> bool:
        entry = Rankable(Signature(signature, Parameter("y", "int")), 1, 1.0, "m")
        return bool(Ranking([entry]).takes(keys)[0])

    number, text = Parameter("a", "int"), Parameter("b", "str")
    assert takes((number, text), Parameter("x", "str"), Parameter("y", "int"))
    assert not takes((number, text), Parameter("a", "str"), Parameter("b", "int"))
    assert takes((number, text), Parameter("b", "str"), Parameter("a", "int"))
    assert not takes((number, text), Parameter("a", "int"))
    hours = Parameter("time", "int", "hour")
    assert takes((hours,), Parameter("duration", "int", "hour"))
    assert takes((hours,), Parameter("time", "int"))
    assert not takes((hours,), Parameter("time", "int", "minute"))
    assert not takes((hours,), Parameter("x", "int", "dollar"))


# -- what came of the runs -------------------------------------------------------------------------

HOSTILE = [
    math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, 0, -0.0, 10**400, -(10**400), True, False,
    None, "", "12", [1, [2]], {"a": 1}, {3, 1}, frozenset("ab"), (), b"x", 1j,
    Fraction(1, 3), Fraction(10**400, 7),
]  # fmt: skip
values = st.one_of(
    st.sampled_from(HOSTILE), st.integers(), st.floats(), st.fractions(), st.text(max_size=4)
)


@given(values, st.lists(values, max_size=4), st.sampled_from([*UNITS, "dollar/hour", "/"]))
def test_any_value_is_weighed(value: Any, given_: list[Any], unit: str | None) -> None:
    named = {f"value_{place}": each for place, each in enumerate(given_)}
    asked = Wanted("", (), named, Parameter("", "any", unit))
    found = plausibility(asked, value)
    assert found.keys() <= WEIGHTS.keys()
    assert math.isfinite(weigh(found))
    assert (found == {"no_value": 1.0}) is (value is None)
    if isinstance(value, bool | str | bytes | list):
        assert found == {}


runs = st.tuples(values, st.floats(-9, 9), st.integers(0, 3))


@given(st.lists(runs, max_size=9), st.randoms(use_true_random=False))
def test_what_was_given_before_comes_last(
    tried: list[tuple[Any, float, int]], chance: random.Random
) -> None:
    gave = [value for value, _, _ in tried]
    scores = [score for _, score, _ in tried]
    found = agreed(scores, gave, [method for _, _, method in tried])
    assert sorted(place for place, _ in found) == list(range(len(tried)))
    # Two runs, each in order: what says something new, then what only says it again.
    order = [(-score, place) for place, score in found]
    drops = [i for i in range(1, len(order)) if order[i] < order[i - 1]]
    assert len(drops) <= 1
    said = [written(value) or f"nothing {place}" for place, value in enumerate(gave)]
    new = len(set(said))
    assert len({said[place] for place, _ in found[:new]}) == new
    for place, score in found[:new]:
        # Who stands for a value is its best, and together they are worth no less.
        assert scores[place] == max(
            s for s, text in zip(scores, said, strict=True) if text == said[place]
        )
        assert score >= round(scores[place], SCORE_DIGITS)
    # In whatever order they are given.
    chance.shuffle(tried)
    again = agreed([s for _, s, _ in tried], [v for v, _, _ in tried], [m for _, _, m in tried])
    assert [score for _, score in again] == [score for _, score in found]


def test_methods_that_agree_speak_for_one_another_and_copies_do_not() -> None:
    assert [place for place, _ in agreed([1.0, 0.9, 0.8], [7, 8, 8], [0, 1, 2])] == [1, 0, 2]
    # Copies of one method are one voice.
    assert agreed([1.0, 0.9, 0.8], [7, 8, 8], [0, 1, 1])[0] == (0, 1.0)
    (_, together), *_ = agreed([0.0, 0.0], [8, 8], [0, 1])
    assert together == pytest.approx(math.log(2))
    # Nor do those that give nothing agree.
    assert [score for _, score in agreed([1.0, 0.9], [None, None], [0, 1])] == [1.0, 0.9]


def test_a_score_after_a_run_is_the_one_before_and_what_came_of_it() -> None:
    signature = Signature((Parameter("a", "int"),), Parameter("b", "int"))
    entries = [Rankable(signature, 1, 1.0, f"m{number}") for number in range(2)]
    asked = wanted(signature.inputs)
    found = dict(Ranking(entries).rerank(asked, [(0, 1.0), (1, 0.5)], [7, -1]))
    assert found[0] == pytest.approx(1.0 + weigh(plausibility(asked, 7)))
    assert found[1] == pytest.approx(0.5 + weigh(plausibility(asked, -1)))


def test_repeats_are_told_by_what_a_caller_would_read() -> None:
    scores = [10.0 - place for place in range(6)]
    found = agreed(scores, ["7", "7", {2, 1}, {1, 2}, "8", "8"], [0] * 6)
    assert [place for place, _ in found] == [0, 2, 4, 1, 3, 5]
    found = agreed(scores[:4], [7, 7.0, Fraction(7), "7"], [0] * 4)
    assert {place for place, _ in found[:2]} == {0, 3}
    assert written(-0.0) == written(0) == "0"


def test_tokens_do_not_depend_on_order_or_number() -> None:
    one = [Parameter("first_price", "int"), Parameter("price_2", "int"), Parameter("time", "int")]
    assert tokens_of(one, "How MUCH?") == tokens_of(one[::-1], "much how much")
    assert "roles price price time" in tokens_of(one, "")
    assert tokens_of([], "") == ["roles "]


def test_a_method_is_its_code_but_for_names() -> None:
    one = method_of("def f(a, b):\n    return a - b\n", "f")
    assert one == method_of("def g(x, y):\n    return x - y\n", "g")
    assert one != method_of("def f(a, b):\n    return b - a\n", "f")
    assert method_of("no ( python", "f") == method_of("no ( python", "g")


def test_more_are_run_than_are_shown() -> None:
    assert RUN >= 10
