"""What is asked says nothing of the calculation, and still what is wanted."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas import Parameter, Signature, Source, Span, Trajectory, encode
from tracemine.schemas.records import Domain
from tracemine.teachers import make_teacher
from tracemine.teachers.rules.derived.spans import Case, make_span
from tracemine.teachers.rules.language.numerals import find_numerals
from tracemine.transforms.asked import MAX_CHARS, asked, without_numbers
from tracemine.transforms.inputs import resolve_inputs
from tracemine.transforms.read import read_file
from tracemine.transforms.segment import segment

PROBLEM = "Odile packs 12 pears in each of 4 crates and sells 9 pears. How many pears are left?"


def ask_of(
    quote: str,
    *,
    problem: str = PROBLEM,
    before: str = "",
    result: object = 48,
    reference: str | None = "39",
    domain: Domain = "math",
) -> str:
    """What is asked of the span ``quote`` of a trace that has ``before`` in front of it."""
    trace = before + quote
    trajectory = Trajectory(
        id="t", problem_id="p", problem=problem, trace=trace, answer=reference,
        reference=reference, domain=domain, sources=(Source("own", 0),),
    )  # fmt: skip
    span = make_span(
        trajectory,
        start=len(before),
        end=len(trace),
        subquestion="what the teacher asks",
        code="def f(a, b):\n    return a * b + 0 * a",
        entry_point="f",
        signature=Signature(
            (Parameter("a", "int"), Parameter("b", "int")), Parameter("result", "int")
        ),
        cases=[Case({"a": 12, "b": 4}, 48, checked=True)],
    )
    assert isinstance(span, Span)
    return asked(span, encode(result), trajectory)


def test_the_problem_s_question_where_the_result_is_the_answer() -> None:
    assert ask_of("48 - 9 = <<48-9=39>>39 pears", result=39) == "How many pears are left?"


def test_a_question_of_the_trace_itself() -> None:
    line = "How many pears does Odile pack? ** She packs 12 * 4 = <<12*4=48>>48 pears."
    assert ask_of(line) == "How many pears does Odile pack?"
    # A span may begin behind the question of its line.
    quote = "She packs 12 * 4 = <<12*4=48>>48 pears."
    asked_before = "How many pears does Odile pack? ** "
    assert ask_of(quote, before=asked_before) == "How many pears does Odile pack?"


def test_a_question_of_the_trace_keeps_numbers_of_the_problem_and_no_others() -> None:
    text = ask_of("How many of the 48 pears are left of 4 crates? ** 12 * 4 = <<12*4=48>>48 pears")
    assert text == "How many of the pears are left of 4 crates?"


@pytest.mark.parametrize(
    "line",
    [
        "area = 3.14 * r ** 2",
        "return base_price * r ** 2",
        "print(base_price * growth ** 2)",
    ],
)
def test_a_power_is_no_question_of_the_trace(line: str) -> None:
    assert "3.14" not in ask_of(line)
    assert "base" not in ask_of(line) and "*" not in ask_of(line)


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("She packs 12 * 4 = <<12*4=48>>48 pears.", "She packs pears."),
        ("So there are 12 pears + 36 pears = 48 pears in crates.", "So there are pears in crates."),
        (
            "Then multiply the pears by the crates to find the number of pears: 12*4=48 pears",
            "find the number of pears",
        ),
        (
            "First find the volume by multiplying its length, width and height: 4 ft * 12 ft",
            "First find the volume",
        ),
        ("Dividing this by the days, we see that she rents boats for 48/4 = 12", None),
        ("She earns $12/day * 4 days = $48/day", "She earns"),
        ("12% of $400 is (12/100)*$400 = $<<(12/100)*400=48>>48", None),
        ("She gets 48 − 12 = 36 – 4 pears of Mr. Lee", "She gets pears of Mr. Lee"),
        ("The total is 4 x 12 = 48", "The total is"),
    ],
)
def test_a_sentence_without_its_calculation(sentence: str, words: str | None) -> None:
    found = ask_of(sentence)
    assert not re.search(r"\d|[=*+$%]", found)
    if words is not None:
        assert found == words


def test_a_sentence_that_says_nothing_leaves_the_question_of_the_problem() -> None:
    assert ask_of("So 12 * 4 = <<12*4=48>>48.") == "How many pears are left?"
    # Not the sentence before: it states another result.
    assert ask_of("She buys 3 * 4 = 12 plums. Thus 12 * 4 = 48.") == "How many pears are left?"


def test_a_computed_number_in_words_is_left_out() -> None:
    assert ask_of("In total she has forty-eight pears.") == "In total she has pears."
    # A number of the problem is known to who asks; unless it is the result.
    assert "four" in ask_of("The four crates hold 48 pears.")
    assert "four" not in ask_of("She needs four crates.", result=4)


@pytest.mark.parametrize(
    ("quote", "words"),
    [
        (r"The distance is $\sqrt{(9-6)^2+4^2} = \sqrt{25} = 48$.", "The distance is ."),
        (r"\[ \text{Total flux} = \text{Density} \times \text{Area} = 12 \times 4 = 48 \]", None),
        (r"Thus $a = 12$ or $b = 48$.", None),
        ("\\begin{align*}x&=12\\cdot 4\\\\&=\\boxed{48}\\end{align*}", None),
    ],
)
def test_formulas_leave_nothing(quote: str, words: str | None) -> None:
    found = ask_of(quote)
    assert not re.search(r"[\\{}$^_&=]|frac|cdot|times|sqrt|align|boxed|text|Density|Area", found)
    if words is not None:
        assert found.rstrip(". ") == words.rstrip(". ")


def test_a_formula_that_begins_before_the_span() -> None:
    found = ask_of(r"12 \times 4 &= 48 \\ \end{align*}", before=r"\begin{align*} \frac{a}{b} &= ")
    assert found == "How many pears are left?"


def test_a_formula_says_what_it_gives_a_value_to() -> None:
    quote = r"So we get \[ \text{Total flux} = \text{Density} \times \text{Area} = 48 \]"
    assert ask_of(quote).endswith("Total flux")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("total_pears = pears_per_crate * crates", "total pears"),
        ("    total_pears: int = pears_per_crate * crates", "total pears"),
        ("total_pears += pears_per_crate * crates", "total pears"),
        ("total_pears = (pears_per_crate\n    * crates)", "total pears"),
        ("selling_price_2x4_boards = cost * 4", "selling price boards"),
        ("student_loan_50 = loan * 1.5", "student loan"),
        ("return total_pears", "total pears"),
        ("print(total_pears)", "total pears"),
        ("guess3 = guess1 * 4", "guess"),
    ],
)
def test_a_program_s_variable(line: str, words: str) -> None:
    assert ask_of(line, before="pears_per_crate = 12\ncrates = 4\n") == words


@pytest.mark.parametrize("name", ["x", "c", "_", "half_of_total", "three_fifths_of_money", "x1"])
def test_a_name_that_says_nothing_or_the_calculation(name: str) -> None:
    assert ask_of(f"{name} = pears_each * crates") == "How many pears are left?"


@pytest.mark.parametrize(
    "line", ["if total == pears_each:", "assert pears_each == total", "return f(total == 4)"]
)
def test_a_comparison_is_no_assignment(line: str) -> None:
    assert not re.search("[=_]", ask_of(line))


def test_a_picture_is_no_part_of_the_question() -> None:
    problem = '[asy] draw((0,0)--(48,12)); label("?", A); [/asy] What is the area of the triangle?'
    found = ask_of("area: 12 * 4 = 39", problem=problem, result=39)
    assert found == "What is the area of the triangle?"


HUMANEVAL = '''from typing import List


def widest(pears: List[int]) -> int:
    """ Find the widest of a list of pears.
    >>> widest([1, 48])
    48
    """
'''


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ("Write a function to find the widest pear.", "Write a function to find the widest pear."),
        (HUMANEVAL, "Find the widest of a list of pears."),
        (
            "Run the function on the arguments given.\n\ndef f(text):\n    out = []\n\n"
            "    return out * 48\n\nf('a', 48)",
            "Run the function on the arguments given.",
        ),
        (
            "Find the widest pear.\n\n-----Input-----\n4\n\n-----Output-----\n48\n",
            "Find the widest pear.",
        ),
        ("Find the widest pear.\n```python\nreturn 48\n```\nIn a list.", None),
        ("Find the widest pear.\nExample 1:\nwidest([48]) == 48", "Find the widest pear."),
        ("Find the widest pear.\nassert widest([48]) == 48", "Find the widest pear."),
    ],
)
def test_a_task_without_code_and_examples(problem: str, words: str | None) -> None:
    found = ask_of("def f(a, b):\n    return 48", problem=problem, reference=None, domain="code")
    assert "48" not in found and "return" not in found
    if words is not None:
        assert found == words.replace("-----", "").strip() or found.startswith(words)


def test_long_texts_are_cut_between_words() -> None:
    long = "Wonderful " * 100 + "how many pears are left?"
    found = ask_of("48 - 9 = 39 pears", problem=long, result=39)
    assert len(found) <= MAX_CHARS and found.endswith("how many pears are left?")
    assert found.startswith("Wonderful ")
    found = ask_of("def f(a): return a", problem="Find " + long, reference=None, domain="code")
    assert len(found) <= MAX_CHARS and found.startswith("Find Wonderful")
    assert found.endswith("Wonderful")
    assert len(ask_of("48 - 9", problem="w" * 1000, result=39)) <= MAX_CHARS


@pytest.mark.parametrize("result", [float("inf"), True, [1, 2], "text", (3, 4), -5, 0.5, None])
def test_results_of_any_type(result: object) -> None:
    assert ask_of("She packs 12 * 4 = 48 pears.", result=result)


_PIECES = st.sampled_from(
    ["12", "4.5", "$3", "20%", "*", "+", "-", "=", "(", ")", "<<1+2=3>>3", "/", "pears", "per day",
     "Odile", "1/4", "x", ",", ".", ":", "three", "\\frac{1}{2}", "$x$", "\n", "by adding", "to"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=25))
def test_no_digit_or_sign_is_left_of_any_text(pieces: list[str]) -> None:
    found = without_numbers(" ".join(pieces))
    assert not re.search(r"\d|[=*+$%\\{}<>]", found)
    assert without_numbers(found) == without_numbers(without_numbers(found))


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    found = ask_of(f"{text} She packs 48", before="Well. ", problem=text + "How many?")
    assert len(found) <= MAX_CHARS


def test_time_is_linear_in_hostile_text() -> None:
    # Quadratic steps would take minutes here.
    for piece in ("1 a b c ", "(", "$", "by ", "a_", "1+", "text{", "to find add "):
        without_numbers(piece * 20_000)
        ask_of("x", problem=piece * 20_000, domain="code", reference=None)
        ask_of("x", problem="\n" * 20_000 + piece, domain="code", reference=None)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("gsm8k_train.jsonl.gz", 60), ("gsm8k_test_socratic.jsonl", 60),
        ("math_test.jsonl.gz", 120), ("tora_70b_gsm8k.jsonl.gz", 60),
        ("pot_gsm8k.jsonl.gz", 60), ("mbpp.jsonl.gz", 30),
    ],
)  # fmt: skip
def test_published_traces(shared_data: Path, name: str, rows: int) -> None:
    (file,) = resolve_inputs([str(shared_data / name)])
    teacher = make_teacher("rules")
    seen = 0
    for output, trajectory in islice(read_file(file), rows):
        assert output == "trajectories"
        problem = " ".join(trajectory.problem.split())
        known = {numeral.value for numeral in find_numerals(trajectory.problem)}
        for way, proposal in segment(trajectory, teacher):
            if way != "proposals" or not proposal.span.asked:
                continue
            seen += 1
            words = proposal.span.asked
            assert len(words) <= MAX_CHARS
            if words in problem:
                continue
            assert re.search(r"[^\W\d_]{3}", words)
            assert not re.search(r"[=*\\{}<>]", words), words
            digits = [n for n in find_numerals(words) if not words[n.start].isalpha()]
            # Only a question of the trace may have numbers, and only those of the problem.
            assert all(numeral.value in known for numeral in digits), words
    assert seen > 10
