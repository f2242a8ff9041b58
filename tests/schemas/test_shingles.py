"""Near-duplicate problems."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas.shingles import (
    near_duplicate_classes,
    near_duplicates,
    shingles,
    similarity,
)

WORDS = ["the", "ship", "sails", "north", "river", "barrel", "copper", "count", "carries", "seven"]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=25).map(" ".join)


def test_layout_is_not_another_problem_and_other_numbers_are() -> None:
    problem = (
        "A ferry makes 6 crossings a day and carries 45 cars on each of them. The company earns 12 "
        "coins for every car, and pays 900 coins a day for fuel and crew. What is left each day?"
    )
    assert near_duplicates(shingles(problem), shingles(problem.upper().replace(" ", "  ")))
    assert near_duplicates(shingles(problem), shingles(problem.replace("What is", "What is now")))
    other = problem.replace("6", "8").replace("45", "30").replace("12", "15").replace("900", "70")
    assert not near_duplicates(shingles(problem), shingles(other))


@given(TEXTS, TEXTS)
def test_similarity_is_symmetric_and_one_for_the_same(left: str, right: str) -> None:
    assert similarity(shingles(left), shingles(right)) == similarity(
        shingles(right), shingles(left)
    )
    assert similarity(shingles(left), shingles(left)) == 1.0


@given(st.lists(TEXTS, max_size=12), st.randoms(use_true_random=False))
def test_classes_are_those_of_all_pairs(texts: list[str], order: random.Random) -> None:
    problems = {f"p{index}": shingles(text) for index, text in enumerate(texts)}
    shuffled = list(problems)
    order.shuffle(shuffled)
    classes = near_duplicate_classes({name: problems[name] for name in shuffled})
    # By brute force: grow each class until nothing near remains outside it.
    for name in problems:
        reached, frontier = {name}, [name]
        while frontier:
            here = frontier.pop()
            near = {n for n in problems if near_duplicates(problems[here], problems[n])} - reached
            reached |= near
            frontier += sorted(near)
        assert classes[name] == min(reached)
