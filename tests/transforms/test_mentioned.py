"""What values are called where they are mentioned, and in which order."""

from __future__ import annotations

import dataclasses
import random
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas import Parameter, Signature, Source, Span, Trajectory, decode, encode
from tracemine.schemas.records import Domain
from tracemine.teachers import make_teacher
from tracemine.teachers.rules.derived.spans import Case, make_span
from tracemine.transforms.inputs import resolve_inputs
from tracemine.transforms.mentioned import name_values, number_in
from tracemine.transforms.read import read_file
from tracemine.transforms.segment import segment

PROBLEM = "Odile packs 12 pears in each of 4 crates and sells 9 pears. How many pears are left?"


def trajectory(
    problem: str = PROBLEM, trace: str = "So the answer is found.", domain: Domain = "math"
) -> Trajectory:
    return Trajectory(
        id="t", problem_id="p", problem=problem, trace=trace, answer="39", reference="39",
        domain=domain, sources=(Source("own", 0),),
    )  # fmt: skip


def span_of(bindings: dict[str, Any], made: Trajectory, order: list[str] | None = None) -> Span:
    """A span, all of the trace, whose routine takes ``bindings``, its parameters in ``order``."""
    names = order or list(bindings)
    span = make_span(
        made,
        start=0,
        end=len(made.trace),
        subquestion="what the teacher asks",
        code=f"def f({', '.join(names)}):\n    return {' + '.join(names)} + {names[0]}",
        entry_point="f",
        signature=Signature(
            tuple(Parameter(name, "rational") for name in names), Parameter("result", "rational")
        ),
        cases=[Case(bindings, 39, checked=True)],
    )
    assert isinstance(span, Span)
    return span


def mentioned(problem: str, trace: str = "So the answer is found.", **bindings: Any) -> list[Any]:
    """The values of ``bindings`` in the order in which a problem mentions them."""
    made = trajectory(problem, trace)
    span = span_of(bindings, made)
    values = decode(span.instances[0].bindings)
    return [values[name] for name, _ in name_values(span, span.instances[0], made)]


def named(
    problem: str, trace: str = "So the answer is found.", **bindings: Any
) -> list[tuple[str, str | None]]:
    """What the values of ``bindings`` are called, and their units."""
    made = trajectory(problem, trace)
    span = span_of(bindings, made)
    return [(key.name, key.unit) for _, key in name_values(span, span.instances[0], made)]


def test_values_come_in_the_order_of_the_problem() -> None:
    made = trajectory()
    span = span_of({"items_taken": 9, "items_each": 4, "total_items": 12}, made)
    found = name_values(span, span.instances[0], made)
    assert [name for name, _ in found] == ["total_items", "items_each", "items_taken"]
    # As the problem calls them ("in each of"), whatever is done with them.
    assert [key.name for _, key in found] == ["items_each", "groups", "items"]


@pytest.mark.parametrize(
    ("problem", "bindings", "names"),
    [
        ("He pays $7 each.", {"b": 7}, [("payment_per_item", "dollar")]),
        ("He drives 60 miles per hour.", {"a": 60}, [("miles_per_hour", "mile/hour")]),
        ("A discount of 20% on shirts.", {"a": 20}, [("discount_percent", "percent")]),
        ("A discount of 20% on shirts.", {"a": 0.2}, [("fraction", None)]),
        ("Half of the plums, then twice that.", {"a": 2}, [("parts", None)]),
        ("He has twice as many plums.", {"a": 2}, [("times", None)]),
        ("He buys pears.", {"a": 17}, [("amount", None)]),
    ],
)  # fmt: skip
def test_a_value_is_called_what_stands_beside_it(
    problem: str, bindings: dict[str, Any], names: list[tuple[str, str | None]]
) -> None:
    assert named(problem, **bindings) == names


def test_the_result_of_an_earlier_step_is_called_what_its_sentence_says() -> None:
    trace = "The total cost is 3 * 5 = $<<3*5=15>>15.\nEach of the friends pays 15 / 3 = 5."
    made = trajectory("He buys 3 plums at $5 each for 3 friends.", trace)
    span = dataclasses.replace(span_of({"x": 15, "y": 4}, made), start=trace.index("Each"))
    found = [key for _, key in name_values(span, span.instances[0], made)]
    assert [(key.name, key.unit) for key in found] == [("total_cost", "dollar"), ("amount", None)]


def test_the_step_itself_says_nothing() -> None:
    trace = "We take pears. The total cost is 3 * 5 = 15 dollars."
    made = trajectory("Pears.", trace)
    span = dataclasses.replace(span_of({"x": 15, "y": 5}, made), start=trace.index("The"))
    found = [key for _, key in name_values(span, span.instances[0], made)]
    assert [key.name for key in found] == ["first_amount", "second_amount"]
    assert [name for name, _ in name_values(span, span.instances[0], made)] == ["y", "x"]
    # Nor does an annotation that it begins within.
    cut = dataclasses.replace(span, start=trace.index("5 = 15") + 1)
    assert next(name for name, _ in name_values(cut, cut.instances[0], made)) == "y"


SPENT = "Leah spent 28 / 7 = $4 on a milkshake."


@pytest.mark.parametrize(
    "step", ["Then 28 - 4 = 24.", "She had 28 - 4 = 24 left.", "In total 28 + 4 = 32 remaining."]
)
@pytest.mark.parametrize("between", ["\n", " ", " and then "])
def test_nothing_behind_a_result_says_what_it_is_called(step: str, between: str) -> None:
    trace = f"{SPENT}{between}{step}"
    made = trajectory("Leah earned $28.", trace)
    span = dataclasses.replace(span_of({"x": 28, "y": 4}, made), start=trace.index(step))
    found = [key for _, key in name_values(span, span.instances[0], made)]
    assert [(key.name, key.unit) for key in found] == [
        ("earnings", "dollar"),
        ("spending", "dollar"),
    ]


TELLING = [
    "left",
    "in total",
    "remaining",
    "on average",
    "= 7 pears",
    "7 of them",
    "twice",
    "\n",
    ". ",
]


@given(
    st.lists(st.sampled_from([SPENT, "So 3 * 7 = <<3*7=21>>21 pears.", *TELLING]), max_size=8),
    st.lists(st.sampled_from(TELLING), max_size=8),
    st.lists(st.sampled_from(TELLING), max_size=8),
)
def test_whatever_comes_from_the_step_on_changes_no_name(
    before: list[str], one: list[str], other: list[str]
) -> None:
    told = " ".join(before) + " so that we know. "
    found = []
    for rest in (one, other):
        made = trajectory("Leah earned $28.", told + " ".join(rest) + " and so on.")
        span = span_of({"x": 28, "y": 4, "z": 21, "w": 7}, made)
        span = dataclasses.replace(span, start=len(told))
        found.append(name_values(span, span.instances[0], made))
    assert found[0] == found[1]


def test_what_is_no_number_is_called_by_its_type() -> None:
    made = trajectory("Solve it.")
    span = span_of({"x": "x + 1"}, made)
    inputs = (Parameter("x", "expr"),)
    span = dataclasses.replace(span, signature=Signature(inputs, Parameter("result", "expr")))
    ((name, key),) = name_values(span, span.instances[0], made)
    assert (name, key) == ("x", Parameter("expr", "expr"))


@pytest.mark.parametrize(
    ("problem", "bindings", "order"),
    [
        ("A toll of $2.20 and a card of $20.", {"card": 20, "toll": 2.2}, [2.2, 20]),
        ("Take 20% of 50 pears.", {"pears": 50, "share": 0.2}, [0.2, 50]),
        ("Take 20 percent of 50 pears.", {"pears": 50, "share": 20}, [20, 50]),
        ("Take 3/4 of 50 pears.", {"pears": 50, "share": Fraction(3, 4)}, [Fraction(3, 4), 50]),
        ("One third of 50 pears.", {"pears": 50, "share": 1 / 3}, [1 / 3, 50]),
        ("Take 3/4 of 50.", {"items": 50, "denominator": 4, "numerator": 3}, [3, 4, 50]),
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
    made = trajectory("Pears.", "So 7 and then 3. The sum of them and 60.")
    span = dataclasses.replace(span_of({"a": 3, "b": 7, "c": 60}, made), start=17)
    assert [name for name, _ in name_values(span, span.instances[0], made)] == ["b", "a", "c"]


def test_a_task_for_code_keeps_the_order_and_names_of_its_arguments() -> None:
    made = trajectory("Find multiples of n up to m. For 2 and 9.", domain="code")
    span = dataclasses.replace(span_of({"m": 9, "first_n": 2}, made), domain="code")
    found = name_values(span, span.instances[0], made)
    assert found == [
        ("m", Parameter("m", "rational")),
        ("first_n", Parameter("first_n", "rational")),
    ]


_VALUES = st.sampled_from([12, 4, 9, 5, -4, 0.5, 1.2, 100, 52])
_NAMES = st.sampled_from(
    ["items", "first_items", "second_items", "third_items", "price", "first_price", "items_2",
     "first_first_items", "other_items", "first_second_items", "amount", "second_"]
)  # fmt: skip


@given(st.dictionaries(_NAMES, _VALUES, min_size=1, max_size=6))
def test_bindings_keep_their_values_and_only_names_change(bindings: dict[str, Any]) -> None:
    made = trajectory()
    span = span_of(bindings, made)
    found = name_values(span, span.instances[0], made)
    assert sorted(name for name, _ in found) == sorted(bindings)
    assert len({key.name for _, key in found}) == len(bindings)
    assert all(key.name.isidentifier() for _, key in found)


_WORDS = ["items_taken", "price", "total_cost", "items_each", "hours"]


@given(st.lists(_VALUES, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_neither_names_nor_order_follow_the_calculation(
    numbers: list[Any], chance: random.Random
) -> None:
    # The same values under any names, taken in any order by the routine.
    words = _WORDS[: len(numbers)]
    made, seen = trajectory(), set()
    for _ in range(3):
        chance.shuffle(words)
        bindings = dict(zip(words, numbers, strict=True))
        order = list(bindings)
        chance.shuffle(order)
        span = span_of(bindings, made, order=order)
        found = name_values(span, span.instances[0], made)
        seen.add(tuple((key, encode(bindings[name])) for name, key in found))
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3), (0.1, Fraction(1, 10)), (1 / 3, Fraction(1, 3)), (Fraction(2, 7), Fraction(2, 7)),
        ([[], [5, 6]], 5), (True, None), ("3", None), (float("nan"), None), (float("inf"), None),
        ([], None), (None, None), (1e-300, Fraction("1e-300")), (10**400, 10**400),
    ],
)  # fmt: skip
def test_a_value_as_a_text_may_state_it(value: Any, number: Fraction | int | None) -> None:
    assert number_in(value) == number


@given(st.text(max_size=200), st.text(max_size=200), st.integers(0, 200))
def test_any_text_names_values(problem: str, trace: str, start: int) -> None:
    made = trajectory(problem, trace + " and so on.")
    span = span_of({"a": 1, "b": Fraction(1, 2)}, made)
    span = dataclasses.replace(span, start=min(start, len(made.trace)))
    assert len(name_values(span, span.instances[0], made)) == 2


@pytest.mark.parametrize(
    ("name", "rows", "most"),
    [
        ("gsm8k_train.jsonl.gz", 60, 0.3),
        ("tora_70b_gsm8k.jsonl.gz", 40, 0.3),
        ("math_test.jsonl.gz", 40, 1),  # what stands alone in a formula has no name
    ],
)
def test_published_traces(shared_data: Path, name: str, rows: int, most: float) -> None:
    (file,) = resolve_inputs([str(shared_data / name)])
    teacher = make_teacher("rules")
    count = nameless = 0
    for _, made in islice(read_file(file), rows):
        for way, proposal in segment(made, teacher):
            if way != "proposals" or not proposal.span.keys:
                continue
            names = [key.name for key in proposal.span.keys]
            assert len(names) == len(set(names)) == len(proposal.span.signature.inputs)
            span = proposal.span
            cut = dataclasses.replace(made, trace=made.trace[: span.start])
            assert [k for _, k in name_values(span, span.instances[0], cut)] == list(span.keys)
            count += len(names)
            nameless += sum("amount" in name for name in names)
    assert count > 30 and nameless <= count * most
