"""Rows that are repeated as other problems: solved rightly, and the same every time."""

from __future__ import annotations

import gzip
import json
import time
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.repeated import NotStatedError, multiplied, repeated, rows_of, write_corpus
from tracemine.schemas import problem_id

QUESTION = "Pens cost $1,200 for 4 boxes. How much are 2.5 boxes with a fee of 100 dollars?"
ANSWER = """\
A box is 1,200/4=<<1200/4=300>>300.
With the fee 300*2.5+100=<<300*2.5+100=850>>850.
#### 850"""


@given(st.integers(2, 50))
def test_what_is_multiplied_is_solved_rightly(factor: int) -> None:
    question, answer = multiplied(QUESTION, ANSWER, factor)
    assert str(1200 * factor) in question
    result = Fraction(1200 * factor, 4 * factor) * Fraction("2.5") * factor + 100 * factor
    assert answer.endswith(f"#### {result}")
    assert "<<" in answer


@pytest.mark.parametrize(
    "answer", ["#### 7", "<<2*x=4>>4\n#### 4", "<<2/0=4>>4\n#### 4", "<<f(2)=4>>4\n#### 4"]
)
def test_what_does_not_say_how_is_refused(answer: str) -> None:
    with pytest.raises(NotStatedError):
        multiplied("Two of 2 and 3?", answer, 3)


def test_every_copy_is_another_problem(tmp_path: Path) -> None:
    rows = [{"question": QUESTION, "answer": ANSWER}, {"problem": "What is $1+1$?"}, {"code": "x"}]
    path = tmp_path / "rows.jsonl.gz"
    with gzip.open(path, "wt") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)
    written = write_corpus([path], tmp_path / "out", 3)
    copies = [list(rows_of(each)) for each in written]
    assert copies[0] == rows
    assert copies == [[repeated(row, copy) for row in rows] for copy in range(3)]
    for name, number in (("question", 0), ("problem", 1), ("code", 2)):
        assert len({problem_id(copy[number][name]) for copy in copies}) == 3


def test_a_corpus_is_written_alike_at_any_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps({"question": QUESTION, "answer": ANSWER}).encode()))
    (first,) = write_corpus([path], tmp_path / "first", 1)
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    (second,) = write_corpus([path], tmp_path / "second", 1)
    assert first.read_bytes() == second.read_bytes()
