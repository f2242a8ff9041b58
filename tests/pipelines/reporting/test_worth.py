"""What an evaluation is said to show: a verdict, and a price only where there is a gain."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.pipelines.evaluation.compare import ARMS as ASKED
from tracemine.pipelines.evaluation.compare import NOT_RUNNING
from tracemine.pipelines.reporting.brief import points, shown_on, tiles
from tracemine.pipelines.reporting.entries import COLUMNS, Lines
from tracemine.pipelines.reporting.funnel import Funnel
from tracemine.pipelines.reporting.worth import (
    ARMS,
    RUN,
    Evaluation,
    Lift,
    Share,
    exact,
    judge,
    label_of,
)
from tracemine.pipelines.reporting.worth_charts import said, worth_charts


def evaluation(gain: float, apart: float = 0.1) -> Evaluation:
    """One whose store gains ``gain`` over luck, give or take ``apart``."""

    def figure(value: float) -> dict[str, float | int]:
        return {"value": value, "low": value - apart, "high": value + apart, "n": 100}

    return Evaluation.model_validate(
        {
            "questions": 100,
            "replay_at_k": {
                "typed_signature": {"1": {"value": 0.4}}, "no_store": {"1": {"value": 0.4 - gain}},
                "no_gate": {"1": {"value": 0.9}},
            },
            "lift": {
                "typed_signature": {"no_store": {"1": figure(gain)}, "no_gate": {"1": figure(-0.5)}}
            },
            "retrieval": {"tokens": {"full": {"1": {"value": 60.0, "low": 50.0, "high": 70.0}}}},
        }
    )  # fmt: skip


def funnel(**entries: int) -> Funnel:
    """One of a store with so many entries by status, and nothing that they were made of."""
    return Funnel((), {}, {}, {}, {}, (), {}, entries)


def lines(*rows: tuple[str, int]) -> Lines:
    """The lines of procedures, each of a status and so many problems."""
    made = Lines({name: [] for name in COLUMNS})
    for status, problems in rows:
        made.columns["status"].append(made.place("status", status))
        made.columns["kind"].append(made.place("kind", "procedure"))
        made.columns["problems"].append(problems)
        # Every other candidate was never tried.
        tried = status != "candidate" or len(made.columns["problems"]) % 2 == 0
        made.columns["attempts"].append(4 if tried else 0)
        made.columns["passes"].append(problems)
    return made


@pytest.mark.parametrize(
    ("gain", "verdict"), [(0.3, "Yes. "), (0.05, "Not shown. "), (-0.3, "No. ")]
)
def test_a_price_stands_only_where_a_gain_is_shown(gain: float, verdict: str) -> None:
    found = evaluation(gain)
    told = points(funnel(), lines(), {}, found)[-1].answer
    assert told.startswith(verdict)
    assert ("for each question gained" in told) == (verdict == "Yes. ")
    assert ("No gain over answering without the store is shown" in told) == (gain == 0.05)
    assert "Here it is right more often without the gate by 50.0 points: see Ablations." in told
    judged = judge(found)
    assert judged
    # An ablation is no other way to search.
    assert judged.best is None
    if judged.price:
        price = judged.price
        assert (price.low, price.value, price.high) == pytest.approx((125.0, 200.0, 350.0))
    charts = {chart.id: [row[-1] for row in chart.rows] for chart in worth_charts(found)}
    assert (charts["lift"], charts["ablations"]) == (["no_store"], ["no_gate"])


@settings(max_examples=50)
@given(st.integers(1, 5000), st.data())
def test_a_share_is_rounded_once(n: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, n))
    assert exact(Share(value=round(right / n, 4), n=n)) == right / n
    assert said(Share(value=round(right / n, 4), n=n)) == f"{right / n:.1%}"
    assert "%" not in said(Lift(value=round(-right / n, 4), n=n), signed=True)


def test_every_arm_of_an_evaluation_has_words() -> None:
    asked = {*ASKED, *NOT_RUNNING}
    assert asked == ARMS.keys()
    assert all(arm.label and arm.what for arm in ARMS.values())
    drawn = [label_of(arm) for arm in (*asked, *(f"{name}{RUN}" for name in NOT_RUNNING))]
    assert len(set(drawn)) == len(drawn)


def test_what_is_out_of_date_is_served() -> None:
    made = lines(
        ("canonical", 3), ("expired", 2), ("verified", 1), ("candidate", 0), ("candidate", 0)
    )  # fmt: skip
    assert shown_on(made) == {3: 1, 2: 1, 1: 1}
    entries = funnel(canonical=1, expired=1, verified=1, candidate=2, quarantined=1)
    told = points(entries, made, {}, None)[0].answer
    assert "Search serves 3 entries (1 canonical, 1 verified, 1 expired: marked out of" in told
    assert "2 gave the right result on two problems or more, 1 on held-out tests" in told
    assert "2 candidates are kept and not served: 1 passed on none of the held-out" in told
    assert "on 1 none has decided anything yet." in told
    assert "Not served: 1 quarantined." in told
    served = tiles(entries, 0.0, None)[3]
    assert (served.number, served.behind) == ("3", "1 of them out of date; 2 candidates not served")


def test_a_store_of_nothing_is_described_as_one() -> None:
    told = " ".join(point.answer for point in points(funnel(), lines(), {}, None))
    assert "could be verified" not in told
    assert "No entry is served." in told
    assert "–" not in told
    assert all("of 0 cut" not in tile.behind for tile in tiles(funnel(), 0.0, None))
