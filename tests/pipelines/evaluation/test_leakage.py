"""Leakage: shelves that leak and shelves that do not; what a retrieval costs, lacks and varies."""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.pipelines.evaluation.arms import DEPTH, Types
from tracemine.pipelines.evaluation.entries import Shelf
from tracemine.pipelines.evaluation.leakage import (
    EXCHANGES,
    LISTED,
    TEXTS,
    contains,
    diversity,
    exchanged,
    leakage,
    nothing_fits,
    nothing_holds,
    tokens_cost,
    worst,
)
from tracemine.pipelines.evaluation.passes import Runs
from tracemine.verifiers import shared_sandbox

sys.path.insert(0, str(Path(__file__).parents[2]))
import made_shelves as made

TOTAL = made.entry("total", "a * b + a")


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("it comes to 1,200 in all", "1200"),
        ("it comes to 1200.0 in all", "1,200"),
        ("it comes to $1,200.", "$1200"),
        ("twelve hundred? no: twelve of them", "12"),
        ("is 3/4 of it", "0.75"),
        ("is 3/4 of it", "\\frac{3}{4}"),
        ("is 3/4 of it", "3"),
        ("return x - 5 * y", "5"),
        ("return -5 * y", "-5"),
        ("down to (-$5)", "-5"),
        ("return 12-5", "5"),
        ("gives 40% of it", "40%"),
        ("The answer is Harper Lee.", "harper  lee"),
        ("choose (C) here", "C"),
        ("so it is \\sqrt{2} at most", "$\\sqrt{2}$"),
    ],
)
def test_what_a_text_contains(text: str, reference: str) -> None:
    assert contains(text, reference)


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("it comes to 1,200 in all", "200"),
        ("it comes to 1,200 in all", "1"),
        ("it comes to 12 in all", "2"),
        ("it is twice as much", "2"),
        ("x2 = first_2 + 7", "2"),
        ("return x - 5 * y", "-5"),
        ("return -5 * y", "5"),
        ("The answer is Harper Leeds.", "Harper Lee"),
        ("catch the cat", "C"),
        ("nothing", ""),
        ("nothing", "$"),
        ("", "7"),
    ],
)
def test_what_a_text_does_not_contain(text: str, reference: str) -> None:
    assert not contains(text, reference)


@given(st.text(max_size=60), st.text(max_size=20))
def test_any_text_may_be_asked_about(text: str, reference: str) -> None:
    assert contains(text, reference) in (True, False)


@given(st.integers(0, 10**9))
def test_a_number_is_found_however_it_is_written(number: int) -> None:
    assert contains(f"so {number:,} it is", str(number))
    assert contains(f"so {number} it is", f"{number:,}")
    assert not contains(f"so {number} it is", str(number + 1))


def hits(shelf: Shelf, **said: str) -> dict[str, str]:
    """The hits of all entries as JSON, with what ``said`` adds to those of a name."""
    return {
        e.id: json.dumps({"text": e.full, "quotes": [said.get(e.routine.entry_point, "")]})
        for e in shelf.entries
    }


def questions_with(references: list[str]) -> list[made.Question]:
    return [
        made.question(n, {"a": n, "b": n}, n, TOTAL, reference=reference)
        for n, reference in enumerate(references, 1)
    ]


def test_a_shelf_that_leaks_is_found() -> None:
    numbers = [str(1000 + 7 * n) for n in range(1, 31)]
    asked = made.asking(*questions_with(numbers))
    # Each question is given an entry that tells its answer in its routine, behind one that does not
    # and has a number that all have.
    telling = [made.entry(f"told{n}", f"a * b + {n}") for n in numbers]
    plain = made.entry("plain", "a * b + 2")
    shelf = made.shelf(plain, *telling)
    place = {e.id: row for row, e in enumerate(shelf.entries)}
    own = {n: place[e.id] for n, e in zip(numbers, telling, strict=True)}
    ranked = [[place[plain.id], own[q.reference or ""]] for q in asked.questions]
    report = leakage(shelf, asked, ranked, hits(shelf))
    found = report["reference"]
    assert (found["questions"], found["without"], found["unpaired"]) == (30, 0, 0)
    assert found["full"]["1"]["contained"]["value"] == 0.0
    for k in ("3", "5", "10"):
        for text in ("full", "returned"):
            contained = found[text][k]["contained"]
            assert (contained["value"], contained["n"], contained["problems"]) == (1.0, 30, 30)
            assert found[text][k]["exchanged"]["value"] == 0.0
            assert found[text][k]["excess"]["low"] > 0.8
        assert found["summary"][k]["excess"]["value"] == 0.0
    assert len(report["worst"]) == LISTED
    leaks = [leak for leak in report["worst"] if "reference" in leak]
    assert len(leaks) > LISTED / 2
    pairs = {(q.id, shelf.entries[own[q.reference or ""]].id) for q in asked.questions}
    for leak in leaks:
        assert (leak["question"], leak["entry"]) in pairs
        assert (leak["k"], leak["in"]) == (2, ["full", "returned"])
        assert leak["share_of_entries"] == round(1 / 31, 4)


def test_a_shelf_full_of_small_numbers_does_not_leak() -> None:
    # Every routine has a 2, and so have half of the answers, whichever question they belong to.
    asked = made.asking(*questions_with([str(2 + 5 * (n % 2)) for n in range(200)]))
    shelf = made.shelf(made.entry("twofold", "a * 2 + b"))
    found = leakage(shelf, asked, [[0]] * 200, hits(shelf))
    for k in ("1", "10"):
        row = found["reference"]["full"][k]
        assert row["contained"]["value"] == 0.5
        assert row["exchanged"]["value"] == pytest.approx(0.5, abs=0.05)
        assert row["excess"]["low"] <= 0 <= row["excess"]["high"]
    assert {leak["reference"] for leak in found["worst"] if "reference" in leak} == {"2"}


def test_what_only_a_hit_says_is_found_and_so_is_the_result_of_a_step() -> None:
    # Neither answer stands in the routine: a quote of a trace behind it has the step's result,
    # right behind what JSON writes as an escape.
    asked = made.asking(
        *[
            made.question(n, {"a": n, "b": n}, 5000 + n, TOTAL, reference=str(7000 + n))
            for n in range(1, 31)
        ]
    )
    telling = [made.entry(f"told{n}", "a * b") for n in range(1, 31)]
    shelf = made.shelf(*telling)
    place = {e.routine.entry_point: row for row, e in enumerate(shelf.entries)}
    ranked = [[place[f"told{int(q.reference or '') - 7000}"]] for q in asked.questions]
    quotes = {f"told{n}": f"that is\n{5000 + n} caf\u00e9s" for n in range(1, 31)}
    found = leakage(shelf, asked, ranked, hits(shelf, **quotes))
    for text in ("summary", "full"):
        assert found["result"][text]["1"]["contained"]["value"] == 0.0
    assert found["result"]["returned"]["1"]["contained"]["value"] == 1.0
    assert found["result"]["returned"]["1"]["excess"]["low"] > 0.8
    assert found["reference"]["returned"]["1"]["contained"]["value"] == 0.0
    assert {tuple(leak["in"]) for leak in found["worst"]} == {("returned",)}
    assert all(5000 < int(leak["result"]) <= 5030 for leak in found["worst"])


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (0.1 + 0.2, "it is 0.3 litres"),
        (Fraction(3, 4), "it is 3/4 of them"),
        (12.0, "so 12 in all"),
        (-7, "it goes down to -7"),
        (10**21, f"it is {10**21} grains"),
        ("Harper Lee", "the answer is Harper Lee."),
    ],
)
def test_a_checked_result_is_looked_for_as_a_text_states_it(result: Any, text: str) -> None:
    other = made.question(2, {"a": 2, "b": 2}, 987654, TOTAL)
    asked = made.asking(made.question(1, {"a": 1, "b": 1}, result, TOTAL), other)
    shelf = made.shelf(TOTAL)
    found = leakage(shelf, asked, [[0], [0]], hits(shelf, total=text))["result"]
    assert found["returned"]["1"]["contained"]["value"] == 0.5
    assert found["returned"]["1"]["exchanged"]["value"] == 0.5
    assert found["full"]["1"]["contained"]["value"] == 0.0


def test_one_leak_among_many_numbers_comes_first() -> None:
    asked = made.asking(*questions_with(["2"] * 10 + ["8675309"]))
    told = made.entry("told", "a * 2 + 8675309")
    shelf = made.shelf(told, *[made.entry(f"e{n}", f"a * 2 + {n}") for n in range(10, 19)])
    found = worst(shelf, asked, [list(range(10))] * 11, {e.id: e.full for e in shelf.entries})
    found = [leak for leak in found if "reference" in leak]
    assert len(found) == 11
    assert (found[0]["reference"], found[0]["entry"]) == ("8675309", told.id)
    assert found[0]["share_of_entries"] == 0.1
    assert found[1]["share_of_entries"] == 1.0


def test_questions_without_an_answer_or_without_another_problem_are_counted() -> None:
    alone = made.question(7, {"a": 1, "b": 1}, 1, TOTAL, reference="5", source="other.jsonl")
    none = made.question(8, {"a": 1, "b": 1}, 1, TOTAL, reference=None)
    asked = made.asking(*questions_with(["1", "2", "3"]), alone, none)
    shelf = made.shelf(TOTAL)
    report = leakage(shelf, asked, [[0]] * 5, hits(shelf))
    found = report["reference"]
    assert (found["questions"], found["without"], found["unpaired"]) == (3, 1, 1)
    # Every question has a result of its own.
    found = report["result"]
    assert (found["questions"], found["without"], found["unpaired"]) == (4, 0, 1)


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from("ab")), max_size=40))
def test_answers_are_exchanged_with_other_problems_of_the_source(
    made_of: list[tuple[int, str]],
) -> None:
    asked = {
        index: made.question(
            index, {"a": 1, "b": 1}, 1, TOTAL, reference="1", problem=f"{s} {p}", source=s
        )
        for index, (p, s) in enumerate(made_of)
    }
    others = exchanged(asked)
    for index, question in asked.items():
        problems = {q.problem_id for q in asked.values() if q.source == question.source}
        given_to = [asked[other] for other in others.get(index, [])]
        assert len(given_to) == min(EXCHANGES, len(problems) - 1)
        assert all(other.source == question.source for other in given_to)
        partners = [other.problem_id for other in given_to]
        assert question.problem_id not in partners
        assert len(set(partners)) == len(partners)
    assert others == exchanged(dict(reversed(asked.items())))


def test_what_a_retrieval_costs_and_each_text_counted_once() -> None:
    shelf = made.shelf(
        made.entry("one", "a * b + 1", subquestion="how many", summary="so many"),
        made.entry("two", "a * b + 2", subquestion="how many more", summary="so many more"),
    )
    asked = made.asking(*questions_with(["1", "2", "3"]))
    counted: list[str] = []

    def words(text: str) -> int:
        counted.append(text)
        return len(text.split())

    returned = {e.id: f"{{hit {e.full} with quotes}}" for e in shelf.entries}
    found = tokens_cost(shelf, asked, [[0, 1], [1, 0], []], returned, words)
    both = sum(len(e.summary.split()) for e in shelf.entries)
    assert found["summary"]["1"]["value"] == pytest.approx(both / 3, abs=1e-4)
    assert found["summary"][str(DEPTH)]["value"] == pytest.approx(2 * both / 3, abs=1e-4)
    whole = sum(len(e.full.split()) for e in shelf.entries)
    assert found["full"]["1"]["value"] == pytest.approx(whole / 3, abs=1e-4)
    printed = sum(len(text.split()) for text in returned.values())
    assert found["returned"]["1"]["value"] == pytest.approx(printed / 3, abs=1e-4)
    assert len(counted) == len(set(counted)) == 2 * len(TEXTS)


def test_the_share_of_questions_that_nothing_fits() -> None:
    three = made.question(3, {"a": 1, "b": 1, "c": 1}, 1, TOTAL)
    text = made.question(4, {"a": 1, "b": 1}, "x", TOTAL, output="str")
    asked = made.asking(
        made.question(1, {"a": 1, "b": 9}, 1, TOTAL),
        made.question(2, {"a": 9, "b": 1}, 1, TOTAL),
        three,
        text,
    )
    guarded = [made.entry(f"g{n}", f"a * b + {n}", predicates=["a < b"]) for n in range(40)]
    shelf = made.shelf(*guarded)
    types = Types(shelf)
    runs = Runs(asked.questions, shared_sandbox())
    assert nothing_fits(asked, types.by_output)["value"] == 0.25
    assert nothing_fits(asked, types.by_signature)["value"] == 0.5
    # Of all that fits question 2 the precondition fails.
    assert nothing_holds(shelf, asked, types.by_signature, runs)["value"] == 0.75
    free = made.shelf(*guarded, made.entry("free", "a * b"))
    held = nothing_holds(free, asked, Types(free).by_signature, runs)
    assert (held["value"], held["n"]) == (0.5, 4)


def test_diversity_counts_methods_and_distances() -> None:
    same = [made.entry("one", "a * b + 1"), made.entry("other", "x * y + 1", ("x", "y"))]
    another = made.entry("third", "a * b - 1")
    shelf = made.shelf(*same, another)
    asked = made.asking(*questions_with(["1", "2", "3"]))
    found = diversity(shelf, asked, [[0, 1, 2], [0, 1, 2], []])
    # Two questions that are alike say nothing of how others differ.
    assert found["methods"] == {"value": 2.0, "low": None, "high": None, "n": 2, "problems": 2}
    assert found["hits"]["value"] == 3.0
    assert found["distance"]["value"] == 1.0
    alike = Shelf(shelf.entries, np.ones_like(shelf.vectors))
    assert diversity(alike, asked, [[0, 1, 2], [0], []])["distance"]["value"] == 0.0
    assert diversity(alike, asked, [[], [], []])["methods"]["n"] == 0
