"""Counts by purpose and model: they add up in any order, between threads and between processes."""

from __future__ import annotations

import json
import pickle
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.model.requests import PURPOSES
from tracemine.teachers.model.tally import COUNT_NAMES, Tally

WHOLE = [name for name in COUNT_NAMES if name != "seconds"]


def told(tally: Tally, events: list[tuple[Any, ...]]) -> Tally:
    """``tally`` after some events."""
    for kind, purpose, model, name, amount in events:
        if kind == "fail":
            tally.fail(purpose, model, name)
        else:
            tally.count(purpose, model, name, amount)
    return tally


models = st.sampled_from(["one", "two", "ein \ud800 Modell"])
counted = st.tuples(
    st.just("count"),
    st.sampled_from(PURPOSES),
    models,
    st.sampled_from(WHOLE),
    st.integers(0, 10**20),
)
timed = st.tuples(
    st.just("count"),
    st.sampled_from(PURPOSES),
    models,
    st.just("seconds"),
    st.floats(0, 1e5),
)
# A reason may have the name of a count: they must not be added to each other.
failed = st.tuples(
    st.just("fail"),
    st.sampled_from(PURPOSES),
    models,
    st.sampled_from(["budget", "timeout", "attempts", "seconds"]),
    st.just(1),
)
all_events = st.lists(counted | timed | failed, max_size=30)


def test_what_is_counted_stands_under_its_purpose_and_model() -> None:
    tally = Tally()
    tally.count("segment", "one", "attempts", 3)
    tally.count("segment", "one", "seconds", 0.25)
    tally.count("segment", "one", "seconds", 0.5)
    tally.count("repair", "one", "attempts")
    tally.fail("segment", "one", "timeout")
    tally.fail("segment", "one", "timeout")
    found = tally.to_json()
    assert found["segment"]["one"]["attempts"] == 3
    assert found["segment"]["one"]["seconds"] == 0.75
    assert found["segment"]["one"]["failures"] == {"timeout": 2}
    assert found["segment"]["one"]["cache_hits"] == 0
    assert found["repair"]["one"]["attempts"] == 1
    assert tally.total("attempts") == 4
    assert tally.total("seconds") == 0.75


@given(all_events, st.randoms(use_true_random=False), st.integers(1, 5))
def test_parts_in_any_order_are_the_whole(events: list[Any], random: Any, parts: int) -> None:
    whole = told(Tally(), events)
    shares: list[list[Any]] = [[] for _ in range(parts)]
    for event in events:
        random.choice(shares).append(event)
    merged = Tally()
    for share in random.sample(shares, len(shares)):
        merged.merge(told(Tally(), share))
    assert merged == whole
    assert json.dumps(merged.to_json()) == json.dumps(whole.to_json())


@given(all_events)
def test_a_tally_comes_back_from_json_and_from_another_process(events: list[Any]) -> None:
    tally = told(Tally(), events)
    assert Tally.from_json(json.loads(json.dumps(tally.to_json()))) == tally
    assert pickle.loads(pickle.dumps(tally)) == tally


@given(st.lists(all_events, max_size=5))
def test_reports_add_up_to_the_tally(batches: list[list[Any]]) -> None:
    tally, reported = Tally(), Tally()
    for batch in batches:
        told(tally, batch)
        reported.merge(tally.taken())
        assert tally.taken() == Tally()
    assert reported == tally


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-7)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("restless")
def test_threads_lose_nothing() -> None:
    tally = Tally()

    def work() -> None:
        for _ in range(2000):
            tally.count("segment", "one", "attempts")
            tally.fail("segment", "one", "timeout")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    reported = Tally()
    while any(thread.is_alive() for thread in threads):
        reported.merge(tally.taken())
    for thread in threads:
        thread.join()
    reported.merge(tally.taken())
    row = tally.to_json()["segment"]["one"]
    assert (row["attempts"], row["failures"]) == (16_000, {"timeout": 16_000})
    assert reported == tally


@pytest.mark.parametrize("amount", [-1, 0.5, float("nan"), float("inf"), True, "3"])
def test_an_amount_is_a_whole_number_from_0(amount: Any) -> None:
    tally = Tally()
    with pytest.raises(ValueError, match="attempts"):
        tally.count("segment", "one", "attempts", amount)
    assert tally == Tally()


@pytest.mark.parametrize(
    "found",
    [
        [],
        {"sing": {}},
        {"segment": []},
        {"segment": {"one": 3}},
        {"segment": {"one": {"attempts": -1}}},
        {"segment": {"one": {"attempts": "many"}}},
        {"segment": {"one": {"attempts": None}}},
        {"segment": {"one": {"attempts": 1.5}}},
        {"segment": {"one": {"seconds": float("nan")}}},
        {"segment": {"one": {"attempt": 1}}},
        {"segment": {"one": {"failures": ["timeout"]}}},
        {"segment": {"one": {"failures": {"timeout": True}}}},
    ],
)
def test_what_is_no_tally_is_refused(found: Any) -> None:
    with pytest.raises(ValueError, match=r"tally|counted"):
        Tally.from_json(found)
