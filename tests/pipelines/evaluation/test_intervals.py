"""The bootstrap over problems."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.pipelines.evaluation.intervals import Draws, Share

#: 97.5% of a normal distribution lie below.
Z = 1.959964


def test_of_nothing() -> None:
    nothing = Share(None, None, None, 0, 0)
    draws = Draws([])
    for measure in (draws.share, draws.share_of_problems, draws.difference, draws.mean):
        assert measure([]) == nothing
    # Not a share of 0, which would say that all failed.
    assert nothing.to_json() == dict.fromkeys(("value", "low", "high")) | {"n": 0, "problems": 0}


@pytest.mark.parametrize("problems", [1, 4, 29, 30, 1000])
def test_problems_that_are_all_alike_are_no_certainty(problems: int) -> None:
    groups = [f"p{i}" for i in range(problems)] * 2
    # Where no question of n is wrong, Wilson's bound of the share of wrong ones is z^2 / (n + z^2).
    bound = round(Z * Z / (problems + Z * Z), 4)
    draws = Draws(groups)
    assert draws.share([0.0] * len(groups)) == Share(0.0, 0.0, bound, len(groups), problems)
    assert draws.share([1.0] * len(groups)) == Share(
        1.0, pytest.approx(1 - bound, abs=1e-4), 1.0, len(groups), problems
    )
    half = draws.share([0.0] * problems + [1.0] * problems)
    assert half.low < 0.5 < half.high
    same = draws.difference([0.0] * len(groups))
    assert (same.low, same.value, same.high) == (-bound, 0.0, bound)
    more = draws.difference([1.0] * len(groups))
    assert more.low < more.value == more.high == 1.0
    assert more.low <= 1 - bound


def test_one_odd_problem_among_many_leaves_room_for_more() -> None:
    found = Draws([f"p{i}" for i in range(100)]).share([1.0] * 99 + [0.0])
    assert found.high < 1.0
    assert found.low == pytest.approx(0.9455, abs=1e-4)  # Wilson's of 99 of 100


def test_questions_of_one_large_problem_do_not_stand_for_many() -> None:
    groups = ["large"] * 40 + [f"p{i}" for i in range(10)]
    found = Draws(groups).share([1.0] * 50)
    # As if there were 50 * 50 / (40 * 40 + 10) questions.
    assert found.low == pytest.approx(1 - Z * Z / (50**2 / 1610 + Z * Z), abs=1e-4)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("problems", [5, 20])
def test_intervals_of_few_problems_hold(share: float, problems: int) -> None:
    # All questions of a problem go one way: the worst case.
    generator = np.random.Generator(np.random.PCG64(1))
    draws = Draws([f"p{i}" for i in range(problems) for _ in range(3)])
    held = 0
    for _ in range(1000):
        right = (generator.random(problems) < share).astype(float)
        found = draws.share(np.repeat(right, 3))
        held += found.low <= share <= found.high
    # Counts are whole, so it is 95% on average over shares; near some it is 91%.
    assert held >= 900


def test_intervals_of_lifts_of_few_problems_hold() -> None:
    generator = np.random.Generator(np.random.PCG64(2))
    draws = Draws([f"p{i}" for i in range(20)])
    for gained, lost in ((0.3, 0.0), (0.3, 0.3), (0.05, 0.02), (0.9, 0.1)):
        held = 0
        for _ in range(1000):
            drawn = generator.random(20)
            values = (drawn < gained).astype(float) - (drawn >= 1 - lost)
            found = draws.difference(values)
            held += found.low <= gained - lost <= found.high
        assert held >= 900, (gained, lost)


def test_a_mean_of_few_problems_is_student_s() -> None:
    found = Draws(["a", "b", "c", "d"]).mean([1.0, 2.0, 3.0, 6.0])
    # Standard deviation 2.1602, three degrees of freedom: 3.1824.
    half = 3.1824 * 2.1602 / 2
    assert found.value == 3.0
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half), abs=1e-3)


@pytest.mark.parametrize(
    ("groups", "values"), [("aaa", [1.0, 2.0, 5.0]), ("abcd", [7.0] * 4), ("aab", [1, 3, 2.0])]
)
def test_a_mean_that_nothing_can_be_said_of(groups: str, values: list[float]) -> None:
    found = Draws(list(groups)).mean(values)
    assert (found.low, found.high, found.n) == (None, None, len(values))
    assert found.to_json()["problems"] == len(set(groups))


def test_what_is_drawn_is_named() -> None:
    assert Draws(["a", "b"], of="methods").share([0, 1]).to_json().keys() == {
        "value", "low", "high", "n", "methods",
    }  # fmt: skip


def test_a_mean_over_problems_weighs_each_as_one() -> None:
    groups = ["large"] * 40 + [f"p{i:02}" for i in range(40)]
    values = [1.0] * 40 + [float(i % 4 == 0) for i in range(40)]
    draws = Draws(groups)
    found = draws.share_of_problems(values)
    assert draws.share(values).value == 0.625
    assert found.value == round(11 / 41, 4)
    assert (found.n, found.groups) == (80, 41)
    # The rounds are those of the problems.
    alone = Draws([f"q{i:02}" for i in range(41)]).share([1.0, *values[40:]])
    assert (found.value, found.low, found.high) == (alone.value, alone.low, alone.high)
    lifted = draws.difference_of_problems(np.array(values) - 1.0)
    assert lifted.value == pytest.approx(11 / 41 - 1, abs=1e-4)


def test_the_same_digits_every_time_and_in_any_order_of_questions() -> None:
    groups = [f"p{i % 17}" for i in range(100)]
    values = [float(i * i % 3 == 0) for i in range(100)]
    first = Draws(groups).share(values)
    assert first == Draws(groups).share(np.array(values))
    turned = list(reversed(range(100)))
    assert first == Draws([groups[i] for i in turned]).share([values[i] for i in turned])
    # The names of problems decide only which is which.
    assert json.loads(json.dumps(first.to_json())) == first.to_json()


def test_each_round_draws_as_many_problems_as_there_are() -> None:
    values = [float(i % 3 == 0) for i in range(60)]
    draws = Draws([f"p{i:02}" for i in reversed(range(60))])
    assert draws.weights.shape == (2000, 60)
    assert (draws.weights.sum(axis=1) == 60).all()
    # In the order of names.
    bounds = np.quantile(draws.weights @ values / 60, [0.025, 0.975])
    found = draws.share(values[::-1])
    assert [found.low, found.high] == pytest.approx(bounds, abs=1e-4)


def test_close_to_the_normal_approximation() -> None:
    count, share = 1000, 0.3
    values = [float(i < count * share) for i in range(count)]
    found = Draws([f"{i:04}" for i in range(count)]).share(values)
    half = 1.96 * (share * (1 - share) / count) ** 0.5
    assert found.value == share
    assert found.low == pytest.approx(share - half, abs=0.004)
    assert found.high == pytest.approx(share + half, abs=0.004)


def test_questions_of_one_problem_are_no_more_evidence_than_one() -> None:
    # 40 problems of 10 questions that all go one way.
    values = [float(i % 2) for i in range(40) for _ in range(10)]
    clustered = Draws([f"p{i:02}" for i in range(40) for _ in range(10)]).share(values)
    alone = Draws([f"q{i:03}" for i in range(400)]).share(values)
    assert clustered.value == alone.value == 0.5
    assert clustered.high - clustered.low > 2.5 * (alone.high - alone.low)


def test_a_mean_is_over_questions_not_over_problems() -> None:
    assert Draws(["a", "a", "a", "b"]).share([1, 1, 1, 0]).value == 0.75


def test_arms_are_compared_in_the_same_rounds() -> None:
    # Two arms that differ on every tenth problem: how uncertain each is does not matter.
    groups = [f"p{i}" for i in range(50)]
    arm = np.array([float(i % 3 == 0) for i in range(50)])
    other = arm.copy()
    other[::10] = 1 - other[::10]
    draws = Draws(groups)
    difference = draws.difference(other - arm)
    alone = draws.share(arm)
    assert difference.high - difference.low < 0.7 * (alone.high - alone.low)


def test_one_value_for_each_question() -> None:
    with pytest.raises(ValueError):
        Draws(["a", "b"]).share([1.0])


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=60))
def test_bounds_are_in_order(rows: list[tuple[int, bool]]) -> None:
    found = Draws([f"p{group}" for group, _ in rows]).share([float(hit) for _, hit in rows])
    assert 0 <= found.low <= found.high <= 1
    assert found.low <= found.value <= found.high
    assert found.value == round(sum(hit for _, hit in rows) / len(rows), 4)
    assert found.n == len(rows)
