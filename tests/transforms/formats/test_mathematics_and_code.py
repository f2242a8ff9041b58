"""What mbpp, math, sky and generic make of their rows."""

from __future__ import annotations

from typing import Any

import pytest

from tracemine.schemas import Source, Trajectory
from tracemine.transforms.formats import FORMATS, RowError

SOURCE = Source("rows.jsonl", 0)


def adapted(name: str, row: dict[str, Any]) -> Trajectory:
    (found,) = FORMATS[name].adapt(row, SOURCE)
    return found


def generic(row: dict[str, Any], **columns: str) -> Trajectory:
    (found,) = FORMATS["generic"].adapt(row, SOURCE, columns=columns)
    return found


MBPP: dict[str, Any] = {
    "text": "Write a function to halve a number.",
    "code": "import math\r\ndef halve(n): \r\n\treturn n / 2",
    "test_list": ["assert halve(2) == 1", "assert halve(4) == 2"],
    "challenge_test_list": ["assert halve(4) == 2", "assert halve(0) == 0"],
    "test_setup_code": "import math",
}


def test_mbpp_is_decided_by_its_tests() -> None:
    found = adapted("mbpp", MBPP)
    assert found.trace == MBPP["code"]
    assert found.tests == ("assert halve(2) == 1", "assert halve(4) == 2", "assert halve(0) == 0")
    assert (found.answer, found.reference, found.domain) == (None, None, "code")
    assert found.test_setup == "import math"


def test_mbpp_needs_a_test() -> None:
    assert len(adapted("mbpp", MBPP | {"test_list": []}).tests) == 2
    with pytest.raises(RowError, match="tests is empty"):
        adapted("mbpp", MBPP | {"test_list": [], "challenge_test_list": None})
    with pytest.raises(RowError, match="wrong type"):
        adapted("mbpp", MBPP | {"test_list": "assert True"})
    with pytest.raises(RowError, match="tests is null"):
        adapted("mbpp", MBPP | {"test_list": [None]})


def test_math_takes_both_answers_from_the_box() -> None:
    row = {"problem": "p", "level": "1", "type": "t", "solution": r"$\boxed{\frac{3}{4}}$"}
    found = adapted("math", row)
    assert found.answer == found.reference == r"\frac{3}{4}"
    assert adapted("math", row | {"solution": "no box"}).reference is None


SKY: dict[str, Any] = {
    "source": "bench/aime", "model": "m", "question": "q", "gold": " 7 ", "pred": "8",
    "trace": "<|begin_of_thought|>\n\nHmm.\n\\boxed{7}", "correct": False, "looping": True,
}  # fmt: skip


def test_sky() -> None:
    found = adapted("sky", SKY)
    assert (found.answer, found.reference, found.generator) == ("8", "7", "m")
    assert (found.domain, found.trace) == ("math", "Hmm.\n\\boxed{7}")
    assert adapted("sky", SKY | {"pred": ""}).answer == "7"
    assert adapted("sky", SKY | {"pred": None}).answer == "7"
    assert adapted("sky", SKY | {"gold": ""}).reference is None
    assert adapted("sky", SKY | {"source": "bench/minerva_math"}).domain == "stem"


def test_generic_guesses_usual_columns() -> None:
    found = generic({"question": "q", "response": r"r \boxed{1}", "ground_truth": 1, "model": "m"})
    assert (found.problem, found.trace) == ("q", r"r \boxed{1}")
    assert (found.answer, found.reference, found.generator) == ("1", "1", "m")
    assert found.domain == "other"


def test_generic_takes_named_columns() -> None:
    row = {
        "solution": "the question",
        "cot": "work",
        "answer": 3.0,
        "field": "stem",
        "problem": "x",
    }
    found = generic(row, problem="solution", trace="cot", reference="answer", domain="field")
    assert (found.problem, found.trace, found.domain) == ("the question", "work", "stem")
    # The column named as reference is not guessed to be the answer as well.
    assert (found.answer, found.reference) == (None, "3")


def test_generic_never_falls_back_from_a_named_column() -> None:
    with pytest.raises(RowError, match="missing column"):
        generic({"problem": "p", "trace": "t", "solution": "s"}, trace="cot")
    with pytest.raises(RowError, match="missing column"):
        generic({"problem": "p", "trace": "t"}, reference="gold")


def test_generic_with_tests_is_code() -> None:
    found = generic({"prompt": "p", "solution": "def f(): ...", "tests": ["assert f() is None"]})
    assert (found.domain, found.tests, found.answer) == ("code", ("assert f() is None",), None)
    assert generic({"prompt": "p", "solution": "s", "tests": "assert 1"}).tests == ("assert 1",)


def test_generic_refuses_a_domain_that_is_none() -> None:
    with pytest.raises(RowError, match="unknown domain"):
        generic({"prompt": "p", "solution": "s", "domain": "alchemy"})
