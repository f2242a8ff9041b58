"""The bundled sample: is what its script makes, and holds what a first run should show."""

from __future__ import annotations

import ast
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.data import attempts, code_tasks, make_sample, sample_files
from tracemine.data.algebra import STORIES as ALGEBRA
from tracemine.data.algebra import latex
from tracemine.data.stem import PROGRAMS
from tracemine.data.stem import STORIES as STEM
from tracemine.data.stories import (
    Story,
    UnsuitableError,
    draw_givens,
    evaluate,
    number,
    tell,
)
from tracemine.data.word_problems import STORIES as WORDS

ANNOTATION = re.compile(r"<<([^=<>]+)=([^=<>]+)>>")


def rows(name: str) -> Iterator[dict[str, Any]]:
    """The rows of a file of the sample that are rows."""
    (path,) = [path for path in sample_files() if Path(path).name == name]
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            yield row


def value_of(text: str) -> Fraction:
    return evaluate(text, {})


def test_files_are_what_the_script_makes() -> None:
    committed = {Path(path).name: Path(path).read_bytes() for path in sample_files()}
    assert committed == {name: text.encode() for name, text in make_sample.sample().items()}


def test_the_script_writes_these_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_sample, "FOLDER", tmp_path / "sample")
    make_sample.main()
    written = {path.name: path.read_bytes() for path in (tmp_path / "sample").iterdir()}
    assert written == {Path(path).name: Path(path).read_bytes() for path in sample_files()}


def test_there_are_about_200_trajectories() -> None:
    lines = [len(Path(path).read_text(encoding="utf-8").splitlines()) for path in sample_files()]
    assert 190 <= sum(lines) <= 230


def test_paths_are_sorted_and_exist() -> None:
    paths = sample_files()
    assert paths == sorted(paths)
    assert all(Path(path).is_file() for path in paths)


@pytest.mark.parametrize("stories", [WORDS, ALGEBRA], ids=["word problems", "algebra"])
def test_every_kind_has_five_problems_in_different_words(stories: list[Story]) -> None:
    kinds = Counter(story.kind for story in stories)
    assert set(kinds.values()) == {5}
    assert len({story.question for story in stories}) == len(stories)


def test_every_stem_kind_has_at_least_three_problems() -> None:
    for family in (STEM, PROGRAMS):
        assert min(Counter(story.kind for story in family).values()) >= 3


def test_problems_of_a_kind_share_the_method() -> None:
    methods = defaultdict(set)
    for story in WORDS + ALGEBRA + STEM:
        steps = tuple(re.findall(r"\[\$?(\w+): ([^\]]+)\]", story.answer))
        methods[story.kind].add(steps)
    assert {kind: len(found) for kind, found in methods.items() if len(found) > 1} == {}


def test_problems_of_a_kind_have_different_numbers() -> None:
    """Bindings other than its own are what makes an instance held out."""
    told = [
        tuple(re.findall(r"\d+(?:\.\d+)?", row["question"]))
        for row in rows("word_problems.jsonl")
        if "answer" in row
    ]
    for start in range(0, len(told), 5):
        assert len(set(told[start : start + 5])) == 5


def test_annotations_of_word_problems_compute() -> None:
    checked = 0
    for row in rows("word_problems.jsonl"):
        for expression, value in ANNOTATION.findall(row.get("answer", "")):
            assert value_of(expression) == value_of(value), (expression, value)
            checked += 1
    assert checked > 250


def test_word_problems_end_in_the_value_of_their_last_step() -> None:
    for row in rows("word_problems.jsonl"):
        if "answer" in row:
            assert row["answer"].endswith(f"#### {ANNOTATION.findall(row['answer'])[-1][1]}")


def test_algebra_ends_in_a_box_with_the_reference() -> None:
    for row in rows("algebra.jsonl"):
        if isinstance(row["reference"], str):
            assert re.findall(r"\\boxed\{([^{}]+)\}", row["trace"]) == [row["reference"]]


def test_wrong_attempts_compute_and_are_wrong() -> None:
    wrong = list(rows("attempts.jsonl"))[: len(attempts.WRONG)]
    for row in wrong:
        for expression, value in ANNOTATION.findall(row["trace"]):
            assert value_of(expression) == value_of(value)
        assert value_of(row["answer"]) != value_of(row["reference"])


def test_slips_have_a_step_that_does_not_compute_and_a_right_answer() -> None:
    slips = [
        row
        for row in rows("attempts.jsonl")
        if row["problem"] in {slip["problem"] for slip in attempts.SLIPS}
    ]
    assert len(slips) == len(attempts.SLIPS)
    for row in slips:
        assert row["answer"] == row["reference"]
        steps = ANNOTATION.findall(row["trace"])
        assert any(value_of(left) != value_of(right) for left, right in steps)


def run_tests(task: code_tasks.Task) -> list[bool]:
    space: dict[str, Any] = {}
    try:
        exec(f"{task.setup}\n{task.code}", space)
    except SyntaxError as error:
        pytest.fail(f"{task.text}: {error}")
    outcomes = []
    for test in task.tests:
        try:
            exec(test, dict(space))
        except (AssertionError, NameError):
            outcomes.append(False)
        else:
            outcomes.append(True)
    return outcomes


@pytest.mark.parametrize("task", code_tasks.TASKS, ids=lambda task: task.tests[0][7:30])
def test_code_passes_its_tests(task: code_tasks.Task) -> None:
    outcomes = run_tests(task)
    assert len(outcomes) >= 3
    assert all(outcomes), task.tests


@pytest.mark.parametrize("task", code_tasks.WRONG_TASKS, ids=lambda task: task.tests[0][7:30])
def test_wrong_code_fails_whichever_test_admits_it(task: code_tasks.Task) -> None:
    """One test, chosen by hash, admits: a wrong solution must not depend on which."""
    outcomes = run_tests(task)
    assert not any(outcomes), outcomes


def function_names() -> dict[str, code_tasks.Task]:
    found = {}
    for task in code_tasks.TASKS:
        (name,) = [n.name for n in ast.parse(task.code).body if isinstance(n, ast.FunctionDef)]
        found[name] = task
    return found


@pytest.mark.parametrize(("first", "second"), code_tasks.SAME_METHOD)
def test_pairs_give_the_same_on_each_other_s_tests(first: str, second: str) -> None:
    tasks = function_names()
    assert tasks[first].text != tasks[second].text
    for name, other in ((first, second), (second, first)):
        swapped = tuple(test.replace(f"{other}(", f"{name}(") for test in tasks[other].tests)
        task = code_tasks.Task(tasks[name].text, tasks[name].code, swapped)
        assert all(run_tests(task))


def test_the_mirror_has_the_same_trajectories_under_another_licence() -> None:
    originals = {(row.get("question"), row.get("answer")) for row in rows("word_problems.jsonl")}
    for name in ("algebra.jsonl", "stem.jsonl", "attempts.jsonl"):
        originals |= {(row["problem"], row["trace"]) for row in rows(name)}
    mirror = list(rows("mirror.jsonl"))
    assert len(mirror) >= 10
    assert {row["licence"] for row in mirror} == {make_sample.MIRROR_LICENCE}
    assert {(row["problem"], row["trace"]) for row in mirror} <= originals


@pytest.mark.parametrize(
    "name", ["word_problems.jsonl", "code.jsonl", "attempts.jsonl", "stem.jsonl"]
)
def test_rows_name_their_licence(name: str) -> None:
    written = {broken.line for broken in attempts.BROKEN}
    for row in rows(name):
        if json.dumps(row) not in written:
            assert row["licence"] == make_sample.LICENCE


def test_broken_lines_are_in_their_files() -> None:
    for broken in attempts.BROKEN:
        (path,) = [path for path in sample_files() if Path(path).name == broken.file]
        assert broken.line in Path(path).read_text(encoding="utf-8").splitlines()


NUMBERS = st.fractions(min_value=-50, max_value=50, max_denominator=100)


@given(NUMBERS, NUMBERS, st.sampled_from("+-*"))
def test_evaluate_is_exact(a: Fraction, b: Fraction, sign: str) -> None:
    expected = {"+": a + b, "-": a - b, "*": a * b}[sign]
    assert evaluate(f"a {sign} b", {"a": a, "b": b}) == expected


@given(NUMBERS)
def test_number_reads_back_or_refuses(value: Fraction) -> None:
    if (value * 100).denominator == 1:
        assert Fraction(number(value)) == value
    else:
        with pytest.raises(UnsuitableError):
            number(value)


def test_a_step_that_is_never_short_is_an_error() -> None:
    story = Story("hopeless", "a=1; b=3", "{a} {b}", "[r: a/b]")
    with pytest.raises(ValueError, match="no numbers suit"):
        tell(story, "hopeless", lambda expression, value, _: f"{expression}={value}")


def test_a_division_by_zero_is_drawn_again() -> None:
    story = Story("zero", "a=6; b=0,2", "{a} over {b}", "[r: a/b]")
    told = tell(story, "zero", lambda expression, value, _: f"{expression}={value}")
    assert (told.question, told.answer, told.result) == ("6 over 2", "6/2=3", "3")


def test_givens_may_follow_from_others() -> None:
    values = draw_givens("a=7; b=2; c: a*b-1", random.Random(0))
    assert values["c"] == 13
    with pytest.raises(UnsuitableError):
        draw_givens("a=7; b: a-7", random.Random(0))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("6+99*4", r"6 + 99 \cdot 4"),
        ("(7+3)/2", r"\frac{7 + 3}{2}"),
        ("2*(3+4)", r"2 \cdot (3 + 4)"),
        ("9-(4-1)", "9 - (4 - 1)"),
        ("5*2**3", r"5 \cdot 2^{3}"),
        ("(1+1)**3", "(1 + 1)^{3}"),
        ("2*3*4", r"2 \cdot 3 \cdot 4"),
    ],
)
def test_latex(expression: str, expected: str) -> None:
    assert latex(expression) == expected
