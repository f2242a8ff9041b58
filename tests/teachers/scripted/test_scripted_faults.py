"""Faults as they are written down and drawn; tables as they are read."""

from __future__ import annotations

import json
import math
import statistics
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.scripted import Faults, FaultsError, Table, TableError, parse_faults
from tracemine.teachers.scripted.faults import ANSWER_FAULTS, LINE_FAULTS
from tracemine.teachers.scripted.table import asked_in


def test_faults_are_read() -> None:
    text = "limited=0.25, latency=0.02,sigma=1.3,first=cut+silent,sparing_repairs,at_once=4"
    assert parse_faults(text) == Faults(
        limited=0.25,
        latency=0.02,
        sigma=1.3,
        first=("cut", "silent"),
        sparing_repairs=True,
        at_once=4,
    )
    assert parse_faults("") == Faults()
    assert parse_faults("retry_after_form=date,in_a_row=7").retry_after_form == "date"


@pytest.mark.parametrize(
    "text",
    [
        "slow=1",
        "=1",
        "limited=2",
        "limited=-1",
        "limited=nan",
        "limited=much",
        "limited=0.6,failing=0.6",
        "huge=0.6,short=0.6",
        "latency=-1",
        "latency=nan",
        "in_a_row=1.5",
        "first=limited+sleeping",
        "retry_after_form=never",
        "sparing_repairs=maybe",
        "cut=0.1,cut=0.2",
    ],
)
def test_faults_that_cannot_be_told(text: str) -> None:
    with pytest.raises(FaultsError) as caught:
        parse_faults(text)
    assert "\n" not in str(caught.value)


@given(st.integers(), st.text(), st.integers(1, 9))
def test_certain_faults_and_none(seed: int, key: str, attempt: int) -> None:
    assert Faults().on_line(seed, key, attempt) is None
    assert Faults().of_answer(seed, key) is None
    certain = Faults(cut=1.0, huge=1.0, in_a_row=5)
    assert certain.on_line(seed, key, attempt) == ("cut" if attempt <= 5 else None)
    assert certain.of_answer(seed, key) == "huge"


def test_shares_are_kept() -> None:
    line = Faults(**dict.fromkeys(LINE_FAULTS, 0.1))
    drawn = [line.on_line(0, str(key), 1) for key in range(4_000)]
    for fault in LINE_FAULTS:
        assert 0.08 < drawn.count(fault) / len(drawn) < 0.12
    answers = Faults(**dict.fromkeys(ANSWER_FAULTS, 0.05))
    of_answers = [answers.of_answer(0, str(key)) for key in range(4_000)]
    for answer_fault in ANSWER_FAULTS:
        assert 0.035 < of_answers.count(answer_fault) / len(of_answers) < 0.065


def test_latencies_are_log_normal() -> None:
    faults = Faults(latency=0.05, sigma=1.3)
    delays = [faults.delay(0, str(key), 1) for key in range(4_000)]
    assert 0.045 < statistics.median(delays) < 0.055
    assert 1.2 < statistics.stdev(map(math.log, delays)) < 1.4
    assert 0.005 < sum(delay > 20 * 0.05 for delay in delays) / len(delays) < 0.02
    assert faults.delay(0, "3", 1) == delays[3] != faults.delay(0, "3", 2)
    assert Faults(latency=0.5).delay(0, "3", 1) == 0.5


@pytest.mark.parametrize(
    "line, said",
    [
        ("{", "no JSON"),
        ("[]", "no object"),
        ('{"answer": {}}', "`problem` is missing"),
        ('{"problem": "p"}', "one of `answer` and `text`"),
        ('{"problem": "p", "answer": {}, "text": ""}', "one of `answer` and `text`"),
        ('{"problem": 3, "answer": {}}', "`problem` must be text"),
        ('{"problem": "p", "text": {}}', "`text` must be text"),
        ('{"problem": "p", "answer": {}, "colour": 1}', "no field is called 'colour'"),
    ],
)
def test_rows_that_are_none(tmp_path: Path, line: str, said: str) -> None:
    table = tmp_path / "table.jsonl"
    table.write_text('{"problem": "p", "answer": {}}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(TableError, match="row 2") as caught:
        Table.read(table)
    assert said in str(caught.value)


def test_rows_may_hold_line_separators(tmp_path: Path) -> None:
    """A line ends with a line feed, and with nothing else that unicode takes for an end."""
    table = tmp_path / "table.jsonl"
    row = {"problem": "one\u2028two\x85three", "text": "yes"}
    table.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    found = Table.read(table)
    assert len(found) == 1
    conversation = [{"role": "user", "content": "Solve: one\u2028two\x85three. Now."}]
    answer = found.find(asked_in(conversation), "SpansAnswer")
    assert answer is not None and answer.content == "yes"


def test_a_prompt_without_blocks_is_searched() -> None:
    table = Table.of([{"problem": "how many", "text": "2"}])
    rest: list[dict[str, Any]] = [{"role": "system", "content": "how many"}]
    assert table.find(asked_in(rest), "SpansAnswer") is None
    rest.append({"role": "user", "content": "Tell me how many there are."})
    assert table.find(asked_in(rest), "SpansAnswer") is not None
    assert table.find(asked_in(rest), "JudgeAnswer") is None
