"""Every way to retrieve, on shelves where the right order is known."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from made_shelves import passes

from tracemine.pipelines.evaluation.arms import (
    KS,
    VOTERS,
    Asking,
    Types,
    at_random,
    by_bm25,
    by_ranking,
    by_score,
    by_votes,
    by_whole_trace,
    by_words,
    nearest_spans,
    plausible_first,
    popularity,
)
from tracemine.pipelines.evaluation.entries import Entry, Shelf, method_of
from tracemine.pipelines.evaluation.passes import Runs
from tracemine.pipelines.evaluation.questions import Question
from tracemine.schemas import Parameter, Signature, content_id, encode
from tracemine.store.embedder import Vectors
from tracemine.store.ranking import RUN, Rankable, tokens_of
from tracemine.verifiers import shared_sandbox
from tracemine.verifiers.replay import Routine

ITEMS = (Parameter("items", "int"), Parameter("price_per_item", "int", "dollar"))
COST = Parameter("cost", "int", "dollar")


def entry(
    identifier: str,
    text: str = "what is wanted",
    *,
    body: str = "items * price_per_item",
    inputs: tuple[Parameter, ...] = ITEMS,
    output: Parameter = COST,
    trajectories: Sequence[str] = ("t",),
    predicates: tuple[str, ...] = (),
) -> Entry:
    names = ", ".join(parameter.name for parameter in inputs)
    code = f"def routine({names}):\n    return {body}\n"
    signature = Signature(inputs, output)
    made = Routine(identifier, code, "routine", signature, predicates, "numeric")
    return Entry(
        id=identifier, home=identifier, domain="math", text=text, summary=text, full=text,
        problems=len(trajectories), routine=made, trajectories=frozenset(trajectories),
        rankable=Rankable(
            signature, len(trajectories), 1.0, method_of(code, "routine"),
            Counter(tokens_of(inputs, text)),
        ),
    )  # fmt: skip


def shelf(*entries: Entry, vectors: Sequence[Sequence[float]] | None = None) -> Shelf:
    given = vectors or [[1.0, 0.0]] * len(entries)
    return Shelf(tuple(entries), np.array(given, dtype=np.float32).reshape(len(entries), 2))


def question(
    number: int = 0,
    *,
    keys: tuple[Parameter, ...] = ITEMS,
    values: tuple[Any, ...] = (3, 4),
    output: Parameter = COST,
    result: Any = 12,
) -> Question:
    bindings = {key.name: value for key, value in zip(keys, values, strict=True)}
    return Question(
        id=content_id("question", number), problem_id=f"p{number}", problem="A problem.",
        domain="math", source="own", asked="how much?", subquestion="how much?", keys=keys,
        output=output, bindings=encode(bindings), result=encode(result), verifier="numeric",
        operations=2, method="m", reference=None,
    )  # fmt: skip


def asking(*questions: Question, words: str = "", vector: Sequence[float] = (1, 0)) -> Asking:
    vectors = np.array([vector] * len(questions), dtype=np.float32)
    return Asking(questions, tuple(words or q.asked for q in questions), vectors)


def all_of(made: Shelf) -> Callable[[Question], Any]:
    return lambda question: np.ones(len(made.entries), dtype=bool)


def runs_of(made: Asking) -> Runs:
    return Runs(made.questions, shared_sandbox())


# --- types ----------------------------------------------------------------------------------------


def test_types_by_output_and_by_signature() -> None:
    pounds = Parameter("weight", "int", "pound")
    made = shelf(
        entry("fits"),
        entry("no unit", output=Parameter("cost", "int")),
        entry("other unit", output=pounds),
        entry("text", output=Parameter("cost", "str")),
        entry("other names", inputs=(Parameter("a", "rational"), Parameter("b", "int"))),
        entry("three", inputs=(*ITEMS, Parameter("more", "int"))),
        entry("list", inputs=(ITEMS[0], Parameter("prices", "list[int]"))),
        # Dollars must stand for pounds, whichever goes where; for one of them they need not.
        entry("pounds", inputs=(pounds, dataclasses.replace(pounds, name="more"))),
        entry("one", inputs=(ITEMS[0], pounds)),
    )
    types = Types(made)
    assert types.by_output(question()).tolist() == [True, True, False, False] + [True] * 5
    by_signature = types.by_signature(question())
    assert by_signature.tolist() == [True, True, False, False, True, False, False, False, True]
    # Asked twice, or of the other way round, it says the same.
    turned = question(keys=ITEMS[::-1], values=(4, 3))
    assert Types(made).by_signature(turned).tolist() == by_signature.tolist()
    assert types.by_signature(question()).tolist() == by_signature.tolist()


def test_types_of_nothing() -> None:
    assert Types(shelf()).by_signature(question()).tolist() == []
    nothing = question(keys=(), values=())
    assert Types(shelf(entry("a", inputs=()), entry("b"))).by_signature(nothing).tolist() == [
        True,
        False,
    ]


# --- orders ---------------------------------------------------------------------------------------


def test_popularity_counts_the_spans_of_a_method_whichever_entry_they_are_of() -> None:
    made = shelf(
        entry("a", trajectories=["t1"], body="items + price_per_item"),
        entry("b", trajectories=["t1", "t2"]),
        entry("c", trajectories=["t2"], body="items - price_per_item"),
        entry("d", trajectories=["t3", "t4", "t5"]),
        entry("e", trajectories=["t1", "t2", "t3", "t4"], body="items / price_per_item"),
    )
    votes = popularity(made)
    assert sorted(votes.values()) == [1, 1, 4, 5]
    # The method of two entries by the one with most spans; equally common ones by id.
    every = by_votes(made, asking(question()), all_of(made), lambda _: votes)
    assert every == [[3, 4, 0, 2]]
    # What the mask leaves out stands for nothing.
    left = np.array([True, True, True, False, True])
    assert by_votes(made, asking(question()), lambda _: left, lambda _: votes) == [[1, 4, 0, 2]]
    assert by_votes(made, asking(question()), all_of(made), lambda _: {}) == [[]]


def test_near_spans_vote_for_their_method_if_they_take_as_many_values() -> None:
    three = (*ITEMS, Parameter("more", "int"))
    spans = shelf(
        entry("a", body="items + price_per_item"),
        entry("b"),
        entry("c"),
        entry("d", body="items + price_per_item + more", inputs=three),
        vectors=[[1, 0], [0.8, 0.6], [0.6, 0.8], [1, 0]],
    )
    votes = nearest_spans(spans, asking(question()))(0)
    methods = [made.rankable.method for made in spans.entries]
    assert votes == pytest.approx({methods[0]: 1.0, methods[1]: 1.4}, abs=1e-6)


def test_only_so_many_spans_vote() -> None:
    near = [entry(f"{i:02}") for i in range(VOTERS)]
    far = entry("far", body="items + price_per_item")
    vectors = [[1.0, 0.0]] * VOTERS + [[0.0, 1.0]]
    votes = nearest_spans(shelf(*near, far, vectors=vectors), asking(question()))(0)
    assert votes == {near[0].rankable.method: VOTERS}


def test_what_looks_like_no_answer_comes_later_and_repeats_last() -> None:
    made = shelf(
        entry("a", body="items - price_per_item"),
        entry("b", body="items / price_per_item"),
        entry("c"),
        entry("d", body="price_per_item * items"),
        entry("e", body="items + price_per_item"),
        entry("f", body="items / 0"),
    )
    asked = asking(question())
    (found,) = plausible_first(made, asked, [[0, 1, 2, 3, 4, 5]], runs_of(asked))
    # 12, 7; then -1, 0.75 of a dollar's worth of whole numbers is fine; nothing; and 12 again.
    assert found.index(2) < found.index(4) < found.index(0)
    assert found[-1] == 3 and found.index(5) > found.index(4)
    assert sorted(found) == list(range(6))


def test_no_more_than_are_run_and_none_that_the_mask_leaves_out() -> None:
    made = shelf(*(entry(f"{i:03}") for i in range(RUN + 30)))
    scores = np.arange(RUN + 30.0)
    (found,) = by_score(asking(question()), all_of(made), lambda _: scores)
    assert found == list(range(RUN + 29, 29, -1))
    even = np.arange(RUN + 30) % 2 == 0
    (found,) = by_score(asking(question()), lambda _: even, lambda _: scores)
    assert found == list(range(RUN + 28, -1, -2))
    assert by_score(asking(question()), lambda _: even & False, lambda _: scores) == [[]]


def test_random_is_the_same_every_time_another_for_each_question_and_fair() -> None:
    made = shelf(*(entry(f"{i:02}") for i in range(20)))
    asked = asking(*(question(i) for i in range(400)))
    ranked = by_score(asked, all_of(made), at_random(made, asked))
    assert ranked == by_score(asked, all_of(made), at_random(made, asked))
    firsts = Counter(found[0] for found in ranked)
    assert len(firsts) == 20 and max(firsts.values()) < 45
    # Which other questions there are changes nothing.
    few = asking(*(question(i) for i in range(7, 9)))
    assert by_score(few, all_of(made), at_random(made, few)) == ranked[7:9]


def test_bm25_takes_words_and_names() -> None:
    made = shelf(
        entry("a", "average speed of a train"),
        entry("b", "total cost of pears at a price per item"),
        entry("c", "pears left after some are sold"),
    )
    unnamed = question(keys=(Parameter("x", "int"), Parameter("y", "int")))
    asked = asking(unnamed, words="how fast is the train on average?")
    assert by_score(asked, all_of(made), by_bm25(made, asked))[0][0] == 0
    # The names of the values alone say "price per item".
    asked = asking(question(), words="and so?")
    assert by_score(asked, all_of(made), by_bm25(made, asked))[0][0] == 1


def test_bm25_without_words() -> None:
    made = shelf(entry("a"), entry("b"))
    nothing = question(keys=(Parameter("x", "int"), Parameter("y", "int")))
    asked = asking(nothing, words="?")
    assert by_score(asked, all_of(made), by_bm25(made, asked)) == [[0, 1]]


def test_words_are_cosine_and_keywords() -> None:
    made = shelf(
        entry("a", "speed of a train"),
        entry("b", "cost of pears"),
        entry("c", "cost of pears"),
        vectors=[[1, 0], [0, 1], [0.6, 0.8]],
    )
    near = asking(question(), words="something else", vector=(0, 1))
    assert by_words(made, near, all_of(made)) == [[1, 2, 0]]
    # Between two that are about as near, the words decide.
    close = shelf(*made.entries, vectors=[[0.999, 0.01], [0.99, 0.1], [0.98, 0.2]])
    lifted = asking(question(), words="the fastest train's speed", vector=(0.99, 0.1))
    assert by_words(close, lifted, all_of(close))[0][0] == 0
    other = asking(question(), words="cost of pears", vector=(0.999, 0.01))
    assert by_words(close, other, all_of(close))[0][0] == 1


def test_whole_traces_bring_their_entries_nearest_trace_first() -> None:
    made = shelf(
        entry("a", trajectories=["far", "near"]),
        entry("b", trajectories=["far"]),
        entry("c", trajectories=["near"]),
        entry("d", trajectories=["no vector"]),
        vectors=[[0.6, 0.8], [1, 0], [1, 0], [1, 0]],
    )
    traces: dict[str, Vectors] = {
        "far": np.array([0.0, 1.0], dtype=np.float32),
        "near": np.array([1.0, 0.0], dtype=np.float32),
    }
    asked = asking(question())
    problems = np.array([[1.0, 0.0]], dtype=np.float32)
    # Of the near trace the entry whose words are nearest, then its other; then of the far one.
    assert by_whole_trace(made, asked, all_of(made), traces, problems) == [[2, 0, 1]]
    turned = np.array([[0.0, 1.0]], dtype=np.float32)
    assert by_whole_trace(made, asked, all_of(made), traces, turned) == [[1, 0, 2]]
    masked = np.array([True, True, False, True])
    assert by_whole_trace(made, asked, lambda _: masked, traces, problems) == [[0, 1]]
    assert by_whole_trace(made, asked, all_of(made), {}, problems) == [[]]


def test_ranking_prefers_what_fits_the_values() -> None:
    pears = (Parameter("weeks", "int", "week"), Parameter("hours", "int", "hour"))
    made = shelf(
        # Of other roles; gives less than nothing; gives no whole number; right.
        entry("a", "how much?", body="weeks * hours", inputs=pears),
        entry("b", "how much?", body="items - price_per_item * 5"),
        entry("c", "how much?", body="1 / 0 * items * price_per_item"),
        entry("d", "how much?"),
    )
    asked = asking(question())
    mask = Types(made)
    (found,) = by_ranking(made, asked, mask.by_signature, runs_of(asked))
    assert found[0] == 3
    assert 0 not in found
    assert sorted(found) == [1, 2, 3]


def test_ranking_puts_a_repeated_value_behind_new_ones() -> None:
    made = shelf(
        entry("a", "how much?"),
        entry("b", "how much?", body="price_per_item * items"),
        entry("c", "how much?", body="items + price_per_item"),
    )
    asked = asking(question())
    (found,) = by_ranking(made, asked, all_of(made), runs_of(asked))
    assert found[:2] in ([0, 2], [2, 0])
    assert found[2] == 1


def test_ranking_of_more_than_it_runs() -> None:
    made = shelf(*(entry(f"{i:03}", body=f"items * price_per_item + {i}") for i in range(RUN + 30)))
    asked = asking(question())
    (found,) = by_ranking(made, asked, all_of(made), runs_of(asked))
    assert len(found) == RUN == len(set(found))


# --- what passes ----------------------------------------------------------------------------------


def test_passes_counts_the_first_k() -> None:
    wrong = [entry(f"{i}", body=f"items + {i}") for i in range(9)]
    made = shelf(*wrong, entry("right"))
    asked = asking(question(), question(1), question(2), question(3))
    ranked = [[9], [0, 1, 9], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], []]
    found = passes(made, asked, ranked, runs_of(asked))
    assert KS == (1, 3, 5, 10)
    assert found.tolist() == [
        [True, True, True, True],
        [False, True, True, True],
        [False, False, False, True],
        [False, False, False, False],
    ]


def test_an_unmet_precondition_is_no_pass() -> None:
    made = shelf(entry("a", predicates=("items > 100",)))
    asked = asking(question())
    assert not passes(made, asked, [[0]], runs_of(asked)).any()


# --- nothing looks where it must not --------------------------------------------------------------

SHELF = shelf(
    *(
        entry(f"{i:02}", text, body=body, trajectories=[f"t{j}" for j in range(i % 4 + 1)])
        for i, (text, body) in enumerate(
            (text, body)
            for text in ("total cost of pears", "money left", "average of both")
            for body in (
                "items * price_per_item", "items + price_per_item", "items - price_per_item",
                "2 * items + price_per_item", "items / price_per_item", "price_per_item ** items",
            )
        )
    ),
    vectors=[[math.cos(i), math.sin(i)] for i in range(18)],
)  # fmt: skip


def every_arm(asked: Asking) -> dict[str, list[list[int]]]:
    types = Types(SHELF)
    vectors = {f"t{j}": np.array([math.cos(j), math.sin(j)]) for j in range(4)}
    by_trace = by_whole_trace(SHELF, asked, types.by_signature, vectors, asked.vectors)
    common = popularity(SHELF)
    return {
        "popularity": by_votes(SHELF, asked, types.by_signature, lambda _: common),
        "votes": by_votes(SHELF, asked, types.by_signature, nearest_spans(SHELF, asked)),
        "popularity_run": plausible_first(
            SHELF,
            asked,
            by_votes(SHELF, asked, types.by_signature, lambda _: common),
            runs_of(asked),
        ),
        "random": by_score(asked, types.by_signature, at_random(SHELF, asked)),
        "bm25": by_score(asked, types.by_signature, by_bm25(SHELF, asked)),
        "whole_trace": by_trace,
        "untyped": by_words(SHELF, asked, all_of(SHELF)),
        "typed": by_words(SHELF, asked, types.by_output),
        "typed_signature": by_ranking(SHELF, asked, types.by_signature, runs_of(asked)),
    }


QUESTIONS = [question(i, values=(i + 2, 2 * i + 3), result=(i + 2) * (2 * i + 3)) for i in range(5)]


@pytest.mark.parametrize(
    "change",
    [
        {"result": encode(-7)},
        {"result": encode("text"), "verifier": "exact", "reference": "42"},
        {"method": "another", "operations": 9},
        {"subquestion": "money left after buying items at a price per item"},
        {"problem": "Another problem.", "problem_id": "x", "source": "y", "domain": "stem"},
        # The words that are asked are those of `Asking`.
        {"asked": "money left"},
        # What the result is called is the routine's to say.
        {"output": Parameter("money_left", "int", "dollar")},
    ],
    ids=lambda change: " ".join(change),
)
def test_no_arm_looks_at_it(change: dict[str, Any]) -> None:
    plain = asking(*QUESTIONS, words="how much do pears cost?", vector=(0.6, 0.8))
    changed = dataclasses.replace(
        plain, questions=tuple(dataclasses.replace(q, **change) for q in QUESTIONS)
    )
    assert every_arm(plain) == every_arm(changed)


def test_the_test_above_can_fail() -> None:
    plain = asking(*QUESTIONS, words="how much do pears cost?", vector=(0.6, 0.8))
    other = asking(*QUESTIONS, words="what money is left?", vector=(-0.6, 0.8))
    for name, ranked in every_arm(plain).items():
        if name not in ("popularity", "popularity_run", "random"):
            assert ranked != every_arm(other)[name], name


def test_every_arm_of_an_empty_shelf_finds_nothing() -> None:
    made = Shelf((), np.zeros((0, 2), dtype=np.float32))
    asked = asking(question(), question(1))
    types = Types(made)
    scores = popularity(made)
    for ranked in (
        by_votes(made, asked, types.by_output, lambda _: scores),
        by_votes(made, asked, types.by_output, nearest_spans(made, asked)),
        plausible_first(made, asked, [[], []], runs_of(asked)),
        by_score(asked, all_of(made), at_random(made, asked)),
        by_score(asked, all_of(made), by_bm25(made, asked)),
        by_words(made, asked, all_of(made)),
        by_whole_trace(made, asked, all_of(made), {}, asked.vectors),
        by_ranking(made, asked, types.by_signature, runs_of(asked)),
    ):
        assert ranked == [[], []]
        assert not passes(made, asked, ranked, runs_of(asked)).any()
