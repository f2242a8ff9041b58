"""Verdicts on real answers, which are not part of the repository: MATH's own under rewriting and
with near misses, and the labels of GSM8K attempts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.verifiers import labelled, ours, rewritten, score
from tracemine.verifiers import symbolic

#: Rows of each file, spread evenly.
SAMPLE = 100


@pytest.fixture(autouse=True, scope="module")
def patient() -> Iterator[None]:
    """Time for sympy on the busiest machine: nothing here hangs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(symbolic, "WALL_SECONDS", 60.0)
        yield


def test_an_answer_of_math_is_itself_and_no_near_miss(shared_data: Path) -> None:
    scores = score(ours, rewritten(shared_data, SAMPLE))
    assert scores["same"].pairs > 2 * SAMPLE and scores["near"].pairs > 2 * SAMPLE
    for line in ("same", "near"):
        assert not scores[line].wrong


def test_attempts_at_gsm8k_are_judged_as_labelled(shared_data: Path) -> None:
    scores = score(ours, (p for p in labelled(shared_data, SAMPLE) if p.line in ("gsm8k", "tora")))
    assert scores["gsm8k"].pairs > SAMPLE and scores["tora"].pairs >= SAMPLE
    for line in ("gsm8k", "tora"):
        assert not scores[line].wrong
