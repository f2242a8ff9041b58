"""Near-duplicate problems."""

from __future__ import annotations

import random
import re
import struct

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas.ids import normalise_problem
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


#: A problem, the same with another name or number, and another with other numbers.
UNSPACED = [
    (
        "码头上有三十六个木桶,船长每天早上搬走四个,晚上又运来两个。请问五天以后码头上还剩下多少个木桶?",
        [("船长", "水手"), ("五天", "六天")],
        [("三十六", "八十一"), ("四个", "七个"), ("两个", "三个"), ("五天", "九天")],
    ),
    (
        "港には樽が三十六個あります。船長は毎朝四個を運び出し、夕方に二個を運び込みます。五日後に樽はいくつ残りますか。",
        [("船長", "水夫"), ("五日", "六日")],
        [("三十六", "八十一"), ("四個", "七個"), ("二個", "三個"), ("五日", "九日")],
    ),
    (
        "ที่ท่าเรือมีถัง 36 ใบ กัปตันขนออกไปทุกเช้า 4 ใบ และขนเข้ามาทุกเย็น 2 ใบ ผ่านไป 5 วันจะเหลือถังกี่ใบ",
        [("กัปตัน", "คนงาน"), ("5 วัน", "6 วัน")],
        [("36", "81"), ("กัปตันขน", "พ่อค้าซื้อปลา"), ("ทุกเย็น", "ตอนเที่ยง"), ("ถังกี่ใบ", "เงินเท่าไร")],
    ),
]


@pytest.mark.parametrize(("problem", "same", "other"), UNSPACED)
def test_scripts_without_spaces(
    problem: str, same: list[tuple[str, str]], other: list[tuple[str, str]]
) -> None:
    for old, new in same:
        assert old in problem
        assert near_duplicates(shingles(problem), shingles(problem.replace(old, new)))
    changed = problem
    for old, new in other:
        assert old in problem
        changed = changed.replace(old, new)
    assert not near_duplicates(shingles(problem), shingles(changed))


def test_of_text_with_spaces_nothing_moves() -> None:
    text = "Чеслав купил 3 ящика (по 12 кг), x_1 = 4 и ½ литра; l'été 배 40척"
    words = re.findall(r"\w+", normalise_problem(text))
    known = {
        xxhash.xxh3_64_intdigest(" ".join(words[i : i + 3]).encode()) & 0xFFFFFFFF
        for i in range(len(words) - 2)
    }
    assert shingles(text) == struct.pack(f"<{len(known)}I", *sorted(known))


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
