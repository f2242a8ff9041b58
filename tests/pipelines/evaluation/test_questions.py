"""Questions of spans: which values, under which names, in which order; which are put at all."""

from __future__ import annotations

import dataclasses
import itertools
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.pipelines.evaluation.questions import (
    BEYOND,
    IN_STORE,
    NEAR_STORE,
    ONE_OPERATION,
    OTHER_SPLIT,
    SAME,
    UNCHECKED,
    Question,
    ask,
    in_order_of_mention,
    near_duplicates_of,
    question_of,
    select,
    split_of,
)
from tracemine.schemas import (
    Parameter,
    Signature,
    Source,
    Span,
    Trajectory,
    decode,
    encode,
    fraction_of,
    problem_id,
)
from tracemine.schemas.records import Domain
from tracemine.teachers import make_teacher
from tracemine.teachers.rules.derived.spans import Case, make_span
from tracemine.transforms.inputs import resolve_inputs
from tracemine.transforms.read import read_file

PROBLEM = "Odile packs 12 pears in each of 4 crates and sells 9 pears. How many pears are left?"
TRACE = "She has 12 * 4 = <<12*4=48>>48 pears.\nThen 48 - 9 = <<48-9=39>>39 pears are left."


def trajectory(problem: str = PROBLEM, trace: str = TRACE, domain: Domain = "math") -> Trajectory:
    return Trajectory(
        id="t", problem_id=problem_id(problem), problem=problem, trace=trace, answer="39",
        reference="39", domain=domain, sources=(Source("own", 0),), outcome="verified",
    )  # fmt: skip


def span_of(
    bindings: dict[str, Any],
    made: Trajectory | None = None,
    *,
    code: str = "",
    order: list[str] | None = None,
    checked: bool = True,
) -> Span:
    """A span whose routine takes ``bindings``, its parameters in ``order``."""
    made = made or trajectory()
    names = order or list(bindings)
    inputs = tuple(Parameter(name, "rational") for name in names)
    code = code or f"def f({', '.join(names)}):\n    return {' + '.join(names)} + {names[0]}"
    span = make_span(
        made,
        start=0,
        end=len(made.trace),
        subquestion="what the teacher asks",
        code=code,
        entry_point="f",
        signature=Signature(inputs, Parameter("result", "rational")),
        cases=[Case(bindings, 39, checked=checked)],
    )
    assert isinstance(span, Span)
    return span


def mentioned(problem: str, trace: str = "So the answer is found.", **bindings: Any) -> list[Any]:
    """The values of ``bindings`` in the order in which a problem mentions them."""
    made = trajectory(problem, trace)
    span = span_of(bindings, made)
    keys, values = in_order_of_mention(span, span.instances[0], made)
    return [values[key.name] for key in keys]


def test_values_come_in_the_order_of_the_problem() -> None:
    made = trajectory()
    span = span_of({"first_items": 9, "items_each": 4, "second_items": 12}, made)
    keys, values = in_order_of_mention(span, span.instances[0], made)
    assert [key.name for key in keys] == ["first_items", "items_each", "second_items"]
    assert [values[key.name] for key in keys] == [12, 4, 9]


@pytest.mark.parametrize(
    ("problem", "bindings", "order"),
    [
        ("A toll of $2.20 and a card of $20.", {"card": 20, "toll": 2.2}, [2.2, 20]),
        ("Take 20% of 50 pears.", {"pears": 50, "share": 0.2}, [0.2, 50]),
        ("Take 20 percent of 50 pears.", {"pears": 50, "share": 20}, [20, 50]),
        ("Take 3/4 of 50 pears.", {"pears": 50, "share": Fraction(3, 4)}, [Fraction(3, 4), 50]),
        ("One third of 50 pears.", {"pears": 50, "share": 1 / 3}, [1 / 3, 50]),
        ("Take 3/4 of 50.", {"items": 50, "numerator": 3, "denominator": 4}, [4, 3, 50]),
        ("Half of 50 pears.", {"pears": 50, "share": 0.5}, [0.5, 50]),
        ("Half of 50 pears.", {"pears": 50, "parts": 2}, [2, 50]),
        ("Twelve crates of 50 pears.", {"pears": 50, "crates": 12}, [12, 50]),
        ("It is -5 degrees, then 50 more.", {"more": 50, "degrees": -5}, [-5, 50]),
        ("It is 5 below zero, then 50 more.", {"more": 50, "degrees": -5}, [-5, 50]),
        ("1,200 pears in 50 crates", {"crates": 50, "pears": 1200}, [1200, 50]),
        ("Pears of 50 grams; 7 in a bag.", {"bag": [7, 8], "grams": 50}, [50, [7, 8]]),
        ("5 pears, 7 plums and 5 figs", {"figs": 5, "pears": 5, "plums": 7}, [5, 7, 5]),
    ],
)
def test_forms_of_a_number(problem: str, bindings: dict[str, Any], order: list[Any]) -> None:
    assert mentioned(problem, **bindings) == order


def test_what_is_not_mentioned_comes_last() -> None:
    assert mentioned("There are 50 pears.", weeks=52, pears=50) == [50, 52]
    assert mentioned("Pears.", "So 7 and then 3.", a=3, b=7, c=60) == [7, 3, 60]


def test_the_trace_after_the_span_says_nothing() -> None:
    made = trajectory("Pears.", "First we take pears and plums. 7 and 3.")
    span = dataclasses.replace(span_of({"a": 3, "b": 7}, made), end=30)
    _, values = in_order_of_mention(span, span.instances[0], made)
    assert list(values.values()) == [3, 7]


def test_a_task_for_code_keeps_the_order_and_names_of_its_arguments() -> None:
    made = trajectory("Find multiples of n up to m. For 2 and 9.", domain="code")
    span = dataclasses.replace(span_of({"m": 9, "first_n": 2}, made), domain="code")
    keys, values = in_order_of_mention(span, span.instances[0], made)
    assert [key.name for key in keys] == ["m", "first_n"]
    assert values == {"m": 9, "first_n": 2}


_VALUES = st.sampled_from([12, 4, 9, 5, -4, 0.5, 1.2, 100, 52])
_NAMES = st.sampled_from(
    ["items", "first_items", "second_items", "third_items", "price", "first_price", "items_2",
     "first_first_items", "other_items", "first_second_items", "amount", "second_"]
)  # fmt: skip


@given(st.dictionaries(_NAMES, _VALUES, min_size=1, max_size=6))
def test_bindings_keep_their_values_and_only_names_change(bindings: dict[str, Any]) -> None:
    made = trajectory()
    span = span_of(bindings, made)
    keys, values = in_order_of_mention(span, span.instances[0], made)
    assert len(keys) == len(values) == len(bindings)
    assert [key.name for key in keys] == list(values)
    assert sorted(values.values()) == sorted(bindings.values())
    assert all(key.name.isidentifier() for key in keys)


@given(st.lists(_VALUES, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_neither_order_nor_numbering_follows_the_calculation(
    numbers: list[Any], chance: random.Random
) -> None:
    # The same values of one kind, numbered and taken in any order by the routine.
    ordinals = ["first", "second", "third", "fourth", "fifth"][: len(numbers)]
    seen = set()
    for _ in range(3):
        chance.shuffle(ordinals)
        bindings = {f"{o}_items": n for o, n in zip(ordinals, numbers, strict=True)}
        order = list(bindings)
        chance.shuffle(order)
        made = trajectory()
        span = span_of(bindings | {"price": 12}, made, order=["price", *order])
        keys, values = in_order_of_mention(span, span.instances[0], made)
        seen.add((keys, encode(values)))
    assert len(seen) == 1


def test_one_operation_and_unchecked_spans_are_no_questions() -> None:
    made = trajectory()
    assert question_of(span_of({"a": 1, "b": 2}, made, checked=False), made) == UNCHECKED
    single = span_of({"a": 1, "b": 2}, made, code="def f(a, b):\n    return a - b")
    assert question_of(single, made) == ONE_OPERATION


def test_questions_of_a_trajectory() -> None:
    found = list(ask(trajectory(), make_teacher("rules")))
    (question,) = [q for way, q in found if way == "questions"]
    assert question.asked == "How many pears are left?"
    assert decode(question.result) == 39
    assert sorted(decode(question.bindings).values()) == [4, 9, 12]
    assert [decode(question.bindings)[key.name] for key in question.keys] == [12, 4, 9]
    assert question.operations == 2
    assert Question.from_json(question.to_json()) == question
    assert all(way in ("questions", "unasked") for way, _ in found)


# --- which questions are put ----------------------------------------------------------------------

WORDS = "pears crates figs plums boxes Odile Benno packs sells buys street market"


def question(number: int, problem: str | None = None, **changes: Any) -> Question:
    problem = problem or f"{WORDS} problem {number} " + " ".join(
        f"w{number}x{i}" for i in range(20)
    )
    return dataclasses.replace(
        Question(
            id=f"{number:032x}", problem_id=problem_id(problem), problem=problem, domain="math",
            source="own", asked="how many?", subquestion="how many?",
            keys=(Parameter("a", "int"), Parameter("b", "int")), output=Parameter("c", "int"),
            bindings=encode({"a": number, "b": 2}), result=encode(number + 2), verifier="numeric",
            operations=2, method="m", reference=None,
        ),
        **changes,
    )  # fmt: skip


def test_the_halves_part_all_problems() -> None:
    found = [question(i) for i in range(400)]
    halves = [select(found, {}, split=split).questions for split in ("dev", "final")]
    both = select(found, {}, split="all").questions
    assert {q.id for q in both} == {q.id for half in halves for q in half} == {q.id for q in found}
    assert not {q.problem_id for q in halves[0]} & {q.problem_id for q in halves[1]}
    assert 150 < len(halves[0]) < 250
    # Of the problems that `--holdout 0.2` leaves out, too, about half are of each.
    left_out = [i for i in map(str, range(5000)) if fraction_of(i) < 0.2]
    assert 0.45 < sum(split_of(i) == "dev" for i in left_out) / len(left_out) < 0.55


def test_stored_problems_and_their_near_duplicates_are_dropped() -> None:
    story = " ".join(f"{word} {i}" for i, word in enumerate(WORDS.split() * 4))
    stored = question(1, story)
    near = question(2, story + " today")
    other = question(3)
    result = select(
        [stored, near, other], {stored.problem_id: stored.problem, "x": "y"}, split="all"
    )
    assert result.questions == (other,)
    assert result.dropped == {IN_STORE: 1, NEAR_STORE: 1}
    assert near_duplicates_of({"s": story}, {"n": story + " today", "o": "plums"}) == {"n"}
    # Nothing is stored, nothing is near.
    assert len(select([stored, near, other], {}, split="all").questions) == 3
    # Also through another question that is near to both.
    assert near_duplicates_of({}, {"n": story}) == set()


def test_near_duplicates_do_not_depend_on_which_id_is_less() -> None:
    story = " ".join(f"{word} {i}" for i, word in enumerate(WORDS.split() * 4))
    for stored, asked in itertools.permutations("ab"):
        assert near_duplicates_of({stored: story}, {asked: story + " today"}) == {asked}


def test_the_same_question_of_a_problem_is_put_once() -> None:
    first = question(5)
    again = dataclasses.replace(first, id="f" * 32, asked="in other words", method="n")
    renamed = dataclasses.replace(first, id="e" * 32, bindings=encode({"x": 2, "y": 5}))
    other = dataclasses.replace(first, id="d" * 32, result=encode(8))
    result = select([again, renamed, other, first], {}, split="all")
    assert [q.id for q in result.questions] == [first.id, other.id]
    assert result.dropped == {SAME: 2}
    # The very same object twice is no more than one that is equal.
    assert select([first, first], {}, split="all").dropped == {SAME: 1}


def test_a_limit_takes_the_same_questions_of_more() -> None:
    found = [question(i) for i in range(50)]
    for limit in (0, 1, 10, 50, 60):
        result = select(found, {}, split="all", limit=limit)
        assert len(result.questions) == min(limit, 50)
        assert result.dropped.get(BEYOND, 0) == max(0, 50 - limit)
    # A problem is asked whole or not at all, but for the first.
    pairs = [question(i, f"{WORDS} twice {i // 2} w{i // 2}a w{i // 2}b") for i in range(20)]
    for limit, asked in ((1, 1), (2, 2), (3, 2), (7, 6), (20, 20)):
        result = select(pairs, {}, split="all", limit=limit)
        assert len(result.questions) == asked
        assert result.dropped.get(BEYOND, 0) == 20 - asked
    ten = {q.id for q in select(found, {}, split="all", limit=10).questions}
    twenty = {q.id for q in select(found, {}, split="all", limit=20).questions}
    assert ten < twenty


@given(
    st.lists(st.integers(0, 12), max_size=25),
    st.sets(st.integers(0, 12), max_size=6),
    st.sampled_from(["dev", "final", "all"]),
    st.none() | st.integers(0, 12),
    st.randoms(use_true_random=False),
)
def test_found_is_kept_and_dropped_in_any_order(
    numbers: list[int], stored: set[int], split: Any, limit: int | None, chance: random.Random
) -> None:
    found = [
        dataclasses.replace(question(n), id=f"{i:032x}", bindings=encode({"a": i % 2}))
        for i, n in enumerate(numbers)
    ]
    problems = {q.problem_id: q.problem for n in stored for q in [question(n)]}
    result = select(iter(found), problems, split=split, limit=limit)
    assert len(found) == len(result.questions) + sum(result.dropped.values())
    assert all(q.problem_id not in problems for q in result.questions)
    assert set(result.dropped) <= {IN_STORE, NEAR_STORE, OTHER_SPLIT, SAME, BEYOND}
    chance.shuffle(found)
    assert select(found, problems, split=split, limit=limit) == result


@pytest.mark.parametrize(
    ("name", "rows"), [("gsm8k_train.jsonl.gz", 60), ("tora_70b_gsm8k.jsonl.gz", 40)]
)
def test_questions_of_published_traces(shared_data: Path, name: str, rows: int) -> None:
    (file,) = resolve_inputs([str(shared_data / name)])
    teacher = make_teacher("rules")
    count = 0
    for _, made in itertools.islice(read_file(file), rows):
        for way, found in ask(made, teacher):
            if way != "questions":
                continue
            count += 1
            names = [key.name for key in found.keys]
            assert sorted(names) == sorted(decode(found.bindings)) and len(set(names)) == len(names)
            assert found.asked and found.operations >= 2
            assert Question.from_json(found.to_json()) == found
    assert count > 30
