"""What the formats of word problems make of their rows: gsm8k, its samples, tora, pot."""

from __future__ import annotations

from typing import Any

import pytest

from tracemine.schemas import Source, Trajectory
from tracemine.transforms.formats import FORMATS, RowError

SOURCE = Source("rows.jsonl", 0)
PROBLEM = "A shelf holds 9 books and a box 4. How many more does the shelf hold?"


def adapted(name: str, row: dict[str, Any]) -> list[Trajectory]:
    return list(FORMATS[name].adapt(row, SOURCE))


@pytest.mark.parametrize("name", ["gsm8k", "gsm8k-socratic"])
def test_gsm8k_keeps_the_published_text_whole(name: str) -> None:
    text = "How many more? ** It holds 9-4=<<9-4=5>>5 more.\n#### 1,005 "
    (found,) = adapted(name, {"question": PROBLEM, "answer": text})
    assert found.trace == text
    assert (found.problem, found.answer, found.reference) == (PROBLEM, "1,005", "1,005")
    assert found.domain == "math"


def test_gsm8k_without_its_last_line_has_no_reference() -> None:
    (found,) = adapted("gsm8k", {"question": PROBLEM, "answer": "9-4=5"})
    assert (found.answer, found.reference) == (None, None)


def test_samples_are_one_trajectory_a_model() -> None:
    row = {
        "question": PROBLEM,
        "ground_truth": "9-4=<<9-4=5>>5\nA: 5",
        "zeta": {"is_correct": True, "solution": "9-4=<<9-4=5>>5\nA: 5"},
        "alpha": {"is_correct": False, "solution": "9+4=<<9+4=13>>13\nA: 13"},
        "cut": {"is_correct": False, "solution": "9 books and 4 books and 9 bo"},
        "note": "not a model",
    }
    found = adapted("gsm8k-samples", row)
    assert [t.generator for t in found] == ["alpha", "cut", "zeta"]
    assert [t.answer for t in found] == ["13", None, "5"]
    assert {t.reference for t in found} == {"5"}


def test_samples_without_any_model_lack_a_column() -> None:
    with pytest.raises(RowError, match="missing column"):
        adapted("gsm8k-samples", {"question": PROBLEM, "ground_truth": "A: 5"})


def tora(*attempts: str, gt: Any = "5") -> list[Trajectory]:
    return adapted("tora", {"question": PROBLEM, "gt": gt, "code": list(attempts), "pred": ["?"]})


_PROGRAM = "```python\nprint(9 - 4)  # \\boxed{1}\n```\n```output\n5.0\n```\n"


def test_tora_takes_the_answer_from_the_attempt_itself() -> None:
    (concluded,) = tora(_PROGRAM + "It is $\\boxed{5}$.")
    (not_concluded,) = tora(_PROGRAM + "Five more.")
    (without_output,) = tora("It is $\\boxed{6}$.")
    (nothing,) = tora("I do not know.")
    answers = [t.answer for t in (concluded, not_concluded, without_output, nothing)]
    assert answers == ["5", "5.0", "6", None]
    assert concluded.reference == "5"


def test_tora_reads_every_attempt_and_needs_one() -> None:
    assert [t.answer for t in tora("$\\boxed{1}$", "$\\boxed{2}$", gt=5)] == ["1", "2"]
    with pytest.raises(RowError, match="trace is empty"):
        tora()


@pytest.mark.parametrize(
    ("executed", "answer"), [(5.0, "5"), (4.5, "4.5"), (None, None), ("(2, 3)", "(2, 3)")]
)
def test_pot_takes_what_the_program_gave(executed: Any, answer: str | None) -> None:
    row = {"question": PROBLEM, "generated": "ans = 9 - 4", "executed": executed, "answer": 5.0}
    (found,) = adapted("pot", row)
    assert (found.answer, found.reference, found.trace) == (answer, "5", "ans = 9 - 4")


def test_pot_with_nan_for_a_result_fails() -> None:
    row = {"question": PROBLEM, "generated": "ans = 0", "executed": float("nan"), "answer": 5.0}
    with pytest.raises(RowError, match="NaN"):
        adapted("pot", row)
