"""The bootstrap over problems."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.pipelines.evaluation.intervals import Draws, Share


def test_of_nothing() -> None:
    assert Draws([]).share([]) == Share(0.0, 0.0, 0.0, 0)


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("groups", [["a"], ["a", "b", "b", "c"], list("aaaa")])
def test_shares_without_variance(value: float, groups: list[str]) -> None:
    assert Draws(groups).share([value] * len(groups)) == Share(value, value, value, len(groups))


def test_one_problem_has_no_interval_to_speak_of() -> None:
    assert Draws(["a", "a"]).share([0, 1]) == Share(0.5, 0.5, 0.5, 2)


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
    # A difference that is the same for every problem has no width, however uncertain each arm is.
    groups = [f"p{i}" for i in range(50)]
    arm = np.array([float(i % 3 == 0) for i in range(50)])
    draws = Draws(groups)
    assert draws.share(arm).high > draws.share(arm).low
    difference = draws.share((arm + 0.25) - arm)
    assert (difference.low, difference.value, difference.high) == (0.25, 0.25, 0.25)


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
