"""Which questions are put to a store."""

from __future__ import annotations

import dataclasses
import itertools
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tracemine.pipelines.evaluation.questions import Question
from tracemine.pipelines.evaluation.selection import (
    BEYOND,
    IN_STORE,
    NEAR_STORE,
    OTHER_SPLIT,
    SAME,
    near_duplicates_of,
    select,
    split_of,
)
from tracemine.schemas import Parameter, encode, fraction_of, problem_id

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
