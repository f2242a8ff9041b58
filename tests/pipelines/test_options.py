"""What a request to mine, or to evaluate, must be."""

from __future__ import annotations

from typing import Any

import pytest

from tracemine.data import sample_files
from tracemine.pipelines import MineOptions
from tracemine.pipelines.options import (
    SPLITS,
    AskingOptions,
    EvaluateOptions,
    parse_also,
    parse_columns,
    parse_licences,
    parse_settings,
    parse_split,
    parse_time,
)
from tracemine.store import RequestError


def test_the_sample_is_inputs_like_any_other() -> None:
    assert MineOptions(inputs=(), store="s", sample=True).inputs == tuple(sample_files())


@pytest.mark.parametrize(
    "wrong",
    [
        {"inputs": ()},
        {"sample": True},
        {"inputs": ("a", " ")},
        {"store": ""},
        {"teacher": " "},
        {"holdout": 1.0},
        {"holdout": -0.1},
        {"holdout": float("nan")},
        {"shards": 0},
        {"shards": 100_000},
        {"as_of": "yesterday"},
        {"as_of": "2025-13-01"},
        {"index": ""},
        {"index": "\0"},
        {"index": "Flat\nFlat"},
        {"index": "IVF4,What"},
        {"index": "IVF4,PQ7"},
        {"index": "IVF0,Flat"},
        {"index": "IVF99999999999999999999,Flat"},
        {"index": "PQ64x30"},
        {"index": "HNSW1,Flat"},
        {"index": "HNSW999999999,Flat"},
        {"index": "NSG32,Flat"},
        {"index": "LSH"},
        {"index": "IDMap,IDMap,Flat"},
        {"index": "IVF4(" * 1000},
    ],
)
def test_a_wrong_value_is_refused_in_one_line(wrong: dict[str, Any]) -> None:
    with pytest.raises(RequestError) as caught:
        MineOptions(**{"inputs": ("a",), "store": "s", **wrong})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"heldout": ()},
        {"heldout": ("a", " ")},
        {"store": ""},
        {"format": " "},
        {"teacher": ""},
        {"holdout": 1.0},
        {"holdout": -0.1},
        {"holdout": float("nan")},
        {"questions": 0},
        {"questions": -1},
    ],
)
def test_a_wrong_evaluation_is_refused_in_one_line(wrong: dict[str, Any]) -> None:
    with pytest.raises(RequestError) as caught:
        EvaluateOptions(**{"heldout": ("a",), "store": "s", **wrong})
    assert "\n" not in str(caught.value)


def test_splits() -> None:
    assert tuple(map(parse_split, SPLITS)) == ("dev", "final", "all")
    for wrong in ("", "DEV", "test"):
        with pytest.raises(RequestError, match="--split"):
            parse_split(wrong)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2025-06-30T12:00:00Z", "2025-06-30T12:00:00+00:00"),
        ("2025-06-30T14:00:00+02:00", "2025-06-30T12:00:00+00:00"),
        ("2025-06-30T12:00:00.75", "2025-06-30T12:00:00+00:00"),
        ("2025-06-30", "2025-06-30T00:00:00+00:00"),
    ],
)
def test_a_time_is_in_utc_to_the_second(text: str, time: str) -> None:
    assert parse_time(text) == time
    assert parse_time(time) == time


def test_columns() -> None:
    expected = {"problem": "question", "trace": "cot", "answer": "final"}
    assert parse_columns(["problem=question,trace=cot", "answer = final"]) == expected
    assert parse_columns([]) == {}
    for wrong in ("problem", "problem=", "=x", "problem=a,problem=b", "problem=a,"):
        with pytest.raises(RequestError, match="--columns"):
            parse_columns([wrong])


def test_licences() -> None:
    assert parse_licences(["MIT, CC-BY-4.0", "MIT"]) == ("CC-BY-4.0", "MIT")
    assert parse_licences(["mit,cc by 4.0"]) == ("CC-BY-4.0", "MIT")
    assert MineOptions(inputs=("a",), store="s", licences=("mit",)).licences == ("MIT",)
    with pytest.raises(RequestError, match="--licences"):
        parse_licences([","])


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_requests": -1},
        {"max_tokens": -1},
        {"max_cost": -0.01},
        {"max_cost": float("nan")},
        {"max_cost": float("inf")},
        {"cache": " "},
        {"prices": ""},
    ],
)
def test_what_may_be_spent_is_a_number_and_a_place_has_a_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match=next(iter(wrong)).replace("_", "-")):
        AskingOptions(**wrong)


def test_what_a_model_is_also_asked_has_names_and_an_order() -> None:
    names = parse_also(["replay, normalise", "replay"])
    assert AskingOptions(also=names).also == ("normalise", "replay")
    assert parse_also([]) == AskingOptions().also == ()
    assert AskingOptions(also=("judge", "replay")).also == ("replay", "judge")
    with pytest.raises(RequestError, match="--also"):
        parse_also([" , "])
    with pytest.raises(RequestError, match="--also takes some of normalise, replay, judge"):
        AskingOptions(also=("replays",))
    # It judges what is carried out, and without that nothing is.
    with pytest.raises(RequestError, match="--also replay,judge"):
        AskingOptions(also=("judge",))


def test_concurrency_has_a_flag_of_its_own() -> None:
    with pytest.raises(RequestError, match="--concurrency must be a number above 0"):
        parse_settings([], concurrency=0)


def test_settings_are_numbers_by_name() -> None:
    found = parse_settings(["window_chars=8000,attempts=3", " timeout = 1.5"], concurrency=7)
    assert (found.window_chars, found.attempts, found.timeout) == (8000, 3, 1.5)
    assert found.concurrency == 7
    assert parse_settings([]) == AskingOptions().settings


@pytest.mark.parametrize(
    "wrong",
    [
        "window_chars", "window_chars=", "window_chars=many", "window_chars=1.5", "colour=3",
        "window_chars=0", "window_chars=-5", "overlap_chars=30000", "timeout=nan", "timeout=inf",
        "attempts=0", "least_spans=-1", "most_chars=0", "=3", "", "concurrency=5",
        "attempts=2,attempts=3",
    ],
)  # fmt: skip
def test_a_wrong_setting_is_refused_in_one_line(wrong: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_settings([wrong])
    assert "--teacher-settings" in str(caught.value)
    assert "\n" not in str(caught.value)
