"""What mbpp, math, sky and generic make of their rows."""

from __future__ import annotations

from typing import Any

import pytest

from tracemine.schemas import Source, Trajectory
from tracemine.transforms.formats import FORMATS, RowError
from tracemine.transforms.formats.generic import USUAL, unverifiable

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


def test_assertions_in_one_text_are_a_test_each() -> None:
    row = {"question": "q", "response": "def f(): pass"}
    lines = ["assert f(1) == 2", "assert f(2) == 3"]
    assert generic(row | {"tests": "\n".join(lines) + "\n"}).tests == tuple(lines)
    check = "def check(f):\n    assert f(1) == 2\ncheck(f)\n"
    assert generic(row | {"tests": check}).tests == (check,)
    assert generic(row | {"tests": "assert f(1) =="}).tests == ("assert f(1) ==",)


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
        generic({"problem": "p", "trace": "t"}, problem="question")
    row = {"problem": "p", "trace": "t", "reference": "3", "domain": "math", "model": "m"}
    named = {"reference": "gold", "domain": "field", "generator": "who", "licence": "terms"}
    found = generic(row, **named)
    assert (found.reference, found.domain, found.generator) == (None, "other", "")


@pytest.mark.parametrize("role", sorted(set(USUAL) - {"problem", "trace"}))
def test_a_column_that_only_some_rows_have_fails_no_other(role: str) -> None:
    row = {"problem": "p", "trace": "Two and one. The answer is 3."}
    assert generic(row, **{role: "column"}).answer == "3"
    assert generic(row | {"column": None}, **{role: "column"}).answer == "3"


def test_generic_finds_columns_however_they_are_written() -> None:
    row = {"Question": "q", "Complex_CoT": "Hm.", "Response": "So 3.", "Expected Answer": "3"}
    found = generic(row)
    assert (found.problem, found.reference, found.trace) == ("q", "3", "Hm.\n\nSo 3.")
    row = {"problem": "q", "generated_solution": "So 3.", "expected_answer": "3"}
    assert generic(row | {"generation_model": "m"}).generator == "m"
    # An exact name comes first.
    assert generic({"question": "q", "Question": "x", "cot": "c"}).problem == "q"


def test_an_answer_beside_a_prediction_is_the_reference() -> None:
    row = {"question": "q", "response": "So 4.", "answer": "3", "prediction": "4"}
    assert (generic(row).answer, generic(row).reference) == ("4", "3")
    assert unverifiable([row], {}) is None


@pytest.mark.parametrize("nothing", [None, "", " \n", []])
def test_an_answer_beside_an_empty_prediction_may_be_the_model_s_own(nothing: Any) -> None:
    row = {"question": "q", "response": "So 4.", "answer": "4", "prediction": nothing}
    if nothing == []:
        with pytest.raises(RowError, match="answer is a list"):
            generic(row)
    else:
        assert (generic(row).answer, generic(row).reference) == ("4", None)
    assert "--columns reference=answer" in (unverifiable([row], {}) or "")


def test_an_answer_that_nobody_named_is_not_what_the_trace_came_to() -> None:
    """Many corpora have the right answer twice, in full and bare: compared with itself, it would
    admit every trace."""
    alone = {"question": "q", "response": "So it is 4.", "answer": "3"}
    assert (generic(alone).answer, generic(alone).reference) == ("4", None)
    gold = alone | {"ground_truth": "3"}
    assert (generic(gold).answer, generic(gold).reference) == ("4", "3")
    assert (generic(gold | {"pred": "5"}).answer, generic(gold | {"pred": None}).answer) == (
        "5",
        "4",
    )
    assert generic(gold, reference="ground_truth").answer == "4"
    assert generic(gold | {"response": "I cannot."}).answer is None
    assert generic(gold, answer="answer").answer == "3"
    ours = {"problem": "p", "trace": "Hm.", "answer": "3", "reference": "5"}
    assert (generic(ours).answer, generic(ours).reference) == ("3", "5")


def test_an_answer_that_was_extracted_is_not_verified_against_where_it_stood() -> None:
    row = {"question": "q", "cot": "Hm.", "answer": "We get\n#### 4", "extracted_answer": "4"}
    assert (generic(row).answer, generic(row).reference) == (None, None)
    assert generic(row, answer="extracted_answer", reference="answer").reference == "4"


def test_what_cannot_be_verified_is_said_with_what_to_do() -> None:
    alone = {"question": "q", "response": "So 4.", "answer": "3"}
    assert "--columns reference=answer" in (unverifiable([alone], {}) or "")
    assert "--columns reference=NAME" in (unverifiable([{"question": "q", "cot": "c"}], {}) or "")
    assert unverifiable([alone], {"reference": "answer"}) is None
    assert unverifiable([alone, alone | {"gold": "3"}], {}) is None
    assert unverifiable([alone | {"tests": ["assert 1"]}], {}) is None
    assert unverifiable([], {}) is None


def test_generic_with_tests_is_code() -> None:
    found = generic({"prompt": "p", "solution": "def f(): ...", "tests": ["assert f() is None"]})
    assert (found.domain, found.tests, found.answer) == ("code", ("assert f() is None",), None)
    assert generic({"prompt": "p", "solution": "s", "tests": "assert 1"}).tests == ("assert 1",)


@pytest.mark.parametrize(
    ("said", "domain"),
    [
        ("Math", "math"), ("number_theory", "math"), ("Physics", "stem"), ("science", "stem"),
        ("coding", "code"), ("other", "other"), ("alchemy", "other"), ("", "other"),
        (None, "other"), (7, "other"), (["math"], "other"),
    ],
)  # fmt: skip
def test_a_domain_that_was_only_guessed_at_fails_no_row(said: Any, domain: str) -> None:
    assert generic({"prompt": "p", "solution": "s", "domain": said}).domain == domain
    assert generic({"prompt": "p", "solution": "s", "subject": said}).domain == domain


def test_a_domain_that_was_named_must_be_one() -> None:
    row = {"prompt": "p", "solution": "s", "field": "alchemy"}
    with pytest.raises(RowError, match="unknown domain"):
        generic(row, domain="field")
    assert generic(row | {"field": "Mathematics"}, domain="field").domain == "math"
    with pytest.raises(RowError, match="domain is a list"):
        generic(row | {"field": ["math"]}, domain="field")
