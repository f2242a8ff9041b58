"""What the ranking's weights are learned by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import small_store
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.ranking import LEAST_PROBLEMS, Choices, learn, right_first, without
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
    choices = Choices(("x",), features, right, np.repeat(np.arange(count), 2), 2 * count)
    assert right_first(choices, np.ones(1)) == round(sum(first_is_right) / (2 * count), 4)


def test_a_question_of_which_any_entry_is_right_is_answered() -> None:
    both = Choices(("x",), np.zeros((2, 1)), np.ones(2, dtype=bool), np.zeros(2, dtype=np.int64), 1)
    assert right_first(both, np.ones(1)) == 1.0


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
