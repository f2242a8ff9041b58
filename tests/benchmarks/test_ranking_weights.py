"""What the ranking's weights are learned by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import small_store
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.ranking import (
    LEAST_PROBLEMS,
    Choices,
    best_of_alike,
    learn,
    right_first,
    weights_of,
    without,
)
from tracemine.pipelines.evaluation.entries import served, unconsolidated
from tracemine.store import Store
from tracemine.store.ranking import WEIGHTS


def made(seed: int, telling: float) -> Choices:
    """300 questions with ten entries each, one of them right: that with the most of a feature, but
    for noise; a second feature says nothing."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(300, 10, 2))
    noise = generator.gumbel(size=(300, 10))
    best = np.argmax(telling * features[:, :, 0] + noise, axis=1)
    right = np.zeros((300, 10), dtype=bool)
    right[np.arange(300), best] = True
    return Choices(
        ("telling", "idle"),
        features.reshape(-1, 2),
        right.reshape(-1),
        np.repeat(np.arange(300), 10),
        np.arange(3000),
        np.arange(3000),
        300,
    )


@pytest.mark.parametrize("telling", [0.5, 1.0, 3.0])
def test_weights_that_made_the_choices_are_found(telling: float) -> None:
    learned = learn(made(1, telling), ("telling", "idle"))
    assert learned[0] == pytest.approx(telling, rel=0.25)
    assert abs(learned[1]) < 0.2


def test_what_is_not_named_weighs_nothing() -> None:
    learned = learn(made(1, 2.0), ("idle",))
    assert learned[0] == 0
    assert right_first(made(1, 2.0), learned) < right_first(
        made(1, 2.0), learn(made(1, 2.0), ("telling",))
    )


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_every_question_counts_once(first_is_right: list[bool]) -> None:
    count = len(first_is_right)
    features = np.tile([[1.0], [0.0]], (count, 1))
    right = np.array([[hit, not hit] for hit in first_is_right]).reshape(-1)
    every = np.arange(2 * count)
    choices = Choices(
        ("x",), features, right, np.repeat(np.arange(count), 2), every, every, 2 * count
    )
    assert right_first(choices, np.ones(1)) == round(sum(first_is_right) / (2 * count), 4)


def test_a_question_of_which_any_entry_is_right_is_answered() -> None:
    one = np.zeros(2, dtype=np.int64)
    both = Choices(("x",), np.zeros((2, 1)), np.ones(2, dtype=bool), one, one, one, 1)
    assert right_first(both, np.ones(1)) == 1.0


def voted(alike: list[int], value: list[int], right: list[bool]) -> Choices:
    """One question, whose entries all look alike."""
    count = len(alike)
    return Choices(
        ("x",), np.zeros((count, 1)), np.array(right), np.zeros(count, dtype=np.int64),
        np.array(value), np.array(alike), 1,
    )  # fmt: skip


def test_methods_that_agree_speak_for_one_another_and_copies_do_not() -> None:
    weights = np.ones(1)
    # Two methods give the second value, one the first.
    assert right_first(voted([0, 1, 2], [0, 1, 1], [False, True, True]), weights) == 1.0
    # Three entries of one method are one voice, and the first of two comes first.
    copies = voted([0, 1, 1, 1], [0, 1, 1, 1], [True, False, False, False])
    assert right_first(copies, weights) == 1.0
    assert best_of_alike(copies, weights).tolist() == [0, 1]


def test_copies_of_a_method_change_no_weight() -> None:
    plain = made(2, 1.0)
    copied = plain.rows(np.repeat(np.arange(len(plain.right)), 2))
    ours, theirs = (weights_of(each, plain.names) for each in (copied, plain))
    assert ours == pytest.approx(theirs, abs=1e-3)


def test_what_asks_speaks_for_nothing(tmp_path: Path) -> None:
    small_store.write(tmp_path / "store")
    store = Store.open(str(tmp_path / "store"))
    shelf = served(store)
    spans = unconsolidated(store, shelf)
    problems = {t: t for entry in shelf.entries for t in entry.trajectories}
    every = without(shelf, spans, problems, [])
    assert {e.id for e in every.entries} <= {e.id for e in shelf.entries}
    for entry in every.entries:
        assert len(entry.trajectories) >= LEAST_PROBLEMS
    gone = {next(iter(sorted(entry.trajectories))) for entry in every.entries}
    rest = without(shelf, spans, problems, gone)
    assert all(not entry.trajectories & gone for entry in rest.entries)
    assert sum(e.rankable.support for e in rest.entries) < sum(
        e.rankable.support for e in every.entries
    )


def test_every_feature_has_a_weight() -> None:
    assert all(np.isfinite(weight) for weight in WEIGHTS.values())
