"""Does a routine give a question's result? Every outcome, and code that means harm."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import pytest

from tracemine.pipelines.evaluation import passes
from tracemine.pipelines.evaluation.passes import Given, Outcome, Runs
from tracemine.pipelines.evaluation.questions import Question
from tracemine.schemas import Parameter, Signature, encode
from tracemine.verifiers import shared_sandbox
from tracemine.verifiers.replay import Routine

MONEY = (
    Parameter("money", "int", "dollar"),
    Parameter("price_per_item", "int", "dollar"),
    Parameter("items", "int"),
)


def question(
    keys: tuple[Parameter, ...] = MONEY,
    values: tuple[Any, ...] = (50, 4, 3),
    result: Any = 38,
    verifier: str = "numeric",
) -> Question:
    bindings = {key.name: value for key, value in zip(keys, values, strict=True)}
    return Question(
        id="q" + encode(result), problem_id="p", problem="A problem.", domain="math", source="own",
        asked="how much?", subquestion="how much?", keys=keys,
        output=Parameter("change", "int", "dollar"), bindings=encode(bindings),
        result=encode(result), verifier=verifier, operations=2, method="m", reference=None,
    )  # fmt: skip


def routine(
    code: str,
    inputs: tuple[Parameter, ...] = MONEY,
    *,
    predicates: tuple[str, ...] = (),
    verifier: str = "numeric",
    identifier: str = "v",
) -> Routine:
    entry_point = code.partition("def ")[2].partition("(")[0]
    signature = Signature(inputs, Parameter("change", "int", "dollar"))
    return Routine(identifier, code, entry_point, signature, predicates, verifier)


def outcome(made: Routine, asked: Question | None = None) -> Given:
    asked = asked or question()
    runs = Runs([asked], shared_sandbox())
    runs.run([(made, asked.id)])
    return runs.given(made, asked.id)


RIGHT = "def change(money, price_per_item, items):\n    return money - price_per_item * items"
OTHER_NAMES = (
    Parameter("number_of_items", "int"),
    Parameter("item_price", "int", "dollar"),
    Parameter("total_money", "int", "dollar"),
)


def test_a_routine_that_gives_the_result() -> None:
    assert outcome(routine(RIGHT)) == Given(Outcome.PASS, 38)


def test_roles_of_other_names_and_order() -> None:
    code = (
        "def rest(number_of_items, item_price, total_money):\n"
        "    return total_money - number_of_items * item_price"
    )
    assert outcome(routine(code, OTHER_NAMES)) == Given(Outcome.PASS, 38)


def test_roles_are_aligned_without_a_look_at_the_result() -> None:
    # Two amounts of one name: the order in which they were given decides, right or wrong.
    inputs = (Parameter("first_items", "int"), Parameter("second_items", "int"))
    code = "def more(first_items, second_items):\n    return 2 * first_items - second_items"
    made = routine(code, inputs)
    keys = (Parameter("first_pears", "int"), Parameter("second_pears", "int"))
    for result, expected in ((14, Outcome.PASS), (8, Outcome.WRONG), (0, Outcome.WRONG)):
        found = outcome(made, question(keys, (12, 10), result))
        assert found == Given(expected, 14)


@pytest.mark.parametrize(
    "inputs",
    [
        MONEY[:2],
        (*MONEY, Parameter("more", "int")),
        (),
        (*MONEY[:2], Parameter("items", "str")),
        (*MONEY[:2], Parameter("items", "list[int]")),
    ],
)
def test_unfit(inputs: tuple[Parameter, ...]) -> None:
    names = ", ".join(parameter.name for parameter in inputs)
    # Not even run: it would pass.
    assert outcome(routine(f"def f({names}):\n    return 38", inputs)) == Given(Outcome.UNFIT)


def test_a_precondition_that_does_not_hold() -> None:
    unmet = routine(RIGHT, predicates=("items > 0", "money > 1000"))
    assert outcome(unmet) == Given(Outcome.UNMET)
    assert outcome(routine(RIGHT, predicates=("money > 10",))).outcome is Outcome.PASS
    raises = routine(RIGHT, predicates=("money / 0 > 1",))
    assert outcome(raises) == Given(Outcome.UNMET)


def test_another_result() -> None:
    wrong = RIGHT.replace(" - ", " + ")
    assert outcome(routine(wrong)) == Given(Outcome.WRONG, 62)


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "raise ValueError(items)",
        "return money / 0",
        "import sys; sys.exit(0)",
        "import os; os._exit(0)",
        "return [0] * 10 ** 12",
        "return change(money, price_per_item, items)",
        "return undefined_name",
        "return",
        "return 'a result'",
        "return float('nan')",
        "return lambda: 38",
        "yield 38",
    ],
)
def test_code_that_gives_no_result(body: str) -> None:
    made = routine(f"def change(money, price_per_item, items):\n    {body}")
    assert outcome(made).outcome is Outcome.WRONG


@pytest.mark.parametrize(
    "code",
    [
        "class Any:\n    def __eq__(self, other): return True\n    __hash__ = None\n"
        "def change(money, price_per_item, items):\n    return Any()",
        "class Any(int):\n    def __eq__(self, other): return True\n"
        "    def __sub__(self, other): return 0\n    def __hash__(self): return 0\n"
        "def change(money, price_per_item, items):\n    return Any(7)",
        "class Any(float):\n    def __eq__(self, other): return True\n"
        "    def __float__(self): return 38.0\n    def __hash__(self): return 0\n"
        "def change(money, price_per_item, items):\n    return Any(7)",
        "def change(money, price_per_item, items):\n"
        "    import gc\n    found = [o for o in gc.get_objects() if isinstance(o, dict)]\n"
        "    return next(d['result'] for d in found if 'result' in d)",
    ],
)
def test_equality_is_not_the_routine_s_to_say(code: str) -> None:
    assert outcome(routine(code)).outcome is Outcome.WRONG


def test_a_routine_does_not_choose_how_it_is_judged() -> None:
    right = routine(RIGHT, verifier="exact")
    almost = question(result=38.0)
    assert outcome(right, almost).outcome is Outcome.PASS
    assert outcome(routine(RIGHT, verifier=""), almost).outcome is Outcome.PASS
    wrong = routine(RIGHT.replace("return ", "return 0 * "), verifier="symbolic")
    assert outcome(wrong).outcome is Outcome.WRONG


def test_a_float_that_is_the_whole_number() -> None:
    halves = routine(RIGHT.replace("return money", "return money / 1"))
    assert outcome(halves).outcome is Outcome.PASS


MULTIPLES = """
from collections import Counter

def common(words, count=2):
    found = Counter(words).most_common(count)
    return sorted(word for word, _ in found)
"""


def test_code_of_a_task() -> None:
    inputs = (Parameter("words", "list[str]"), Parameter("count", "int"))
    keys = (Parameter("texts", "list[str]"), Parameter("n", "int"))
    asked = question(keys, (["b", "a", "b", "c", "a"], 2), ["a", "b"], "exact")
    made = routine(MULTIPLES, inputs, verifier="exact")
    assert outcome(made, asked) == Given(Outcome.PASS, ["a", "b"])
    turned = routine(MULTIPLES.replace("sorted(", "list("), inputs, verifier="exact")
    assert outcome(turned, asked).outcome is Outcome.WRONG


def test_a_library_that_the_fast_interpreter_lacks() -> None:
    code = (
        "import sympy\ndef change(money, price_per_item, items):\n    return int(sympy.Integer(38))"
    )
    assert outcome(routine(code)).outcome is Outcome.PASS


def test_each_pair_is_run_once_and_one_that_is_the_same_not_again() -> None:
    asked = [question(), question(result=12)]
    runs = Runs(asked, shared_sandbox())
    left, right = routine(RIGHT, identifier="a"), routine(RIGHT, identifier="b")
    wrong = routine(RIGHT.replace(" - ", " + "), identifier="a")
    runs.run((made, q.id) for made in (left, wrong) for q in asked)
    found = runs.given(left, asked[0].id)
    # The twin was not asked for: it shares what is known.
    assert runs.given(right, asked[0].id) is found
    runs.run([(right, asked[0].id)])
    assert runs.given(left, asked[0].id) is found
    assert runs.given(wrong, asked[0].id).outcome is Outcome.WRONG
    assert runs.given(left, asked[1].id).outcome is Outcome.WRONG
    with pytest.raises(KeyError):
        runs.given(dataclasses.replace(left, predicates=("items > 0",)), asked[0].id)


def test_one_hostile_question_costs_the_others_nothing() -> None:
    code = (
        "def change(money, price_per_item, items):\n"
        "    while items == 3: pass\n    return money - price_per_item * items"
    )
    fine = question(values=(50, 4, 2), result=42)
    runs = Runs([question(), fine], shared_sandbox())
    runs.run((routine(code), q.id) for q in (question(), fine))
    assert runs.given(routine(code), question().id).outcome is Outcome.WRONG
    assert runs.given(routine(code), fine.id) == Given(Outcome.PASS, 42)


def timed(made: Routine) -> float:
    """Seconds that a routine takes."""
    values = {"money": 1, "price_per_item": 1, "items": 1}
    started = time.perf_counter()
    shared_sandbox().run_many(made.code, made.entry_point, [values], backend="cpython")
    return time.perf_counter() - started


# The fast interpreter has no statistics, so that CPython is asked for all at once.
@pytest.mark.parametrize("before", ["", "import statistics\n"])
def test_what_comes_of_a_pair_does_not_rest_on_the_others(
    before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a few timeouts a batch gets a tenth of the time; a long calculation needs more."""
    seconds = 0.3
    monkeypatch.setattr(passes, "LIMITS", dataclasses.replace(passes.LIMITS, seconds=seconds))
    # Items below zero loop for ever; the rest count for a while. The state keeps calls apart.
    code = (
        "seen = []\n"
        "def change(money, price_per_item, items):\n    seen.append(items)\n"
        "    while items < 0: pass\n"
        "    total = 0\n    for n in range(COUNT): total += n % 3\n"
        "    return money - price_per_item * items + 0 * total"
    )
    # Counts about a third of the time on this machine.
    count, took = 1000, 0.0
    while took < seconds / 3:
        count *= 2
        slow = routine(before + code.replace("COUNT", str(count)))
        took = min(timed(slow) for _ in range(2))  # the first one starts the interpreter
    looping = [question(values=(50, 4, -n), result=1000 + n) for n in range(1, 5)]
    fine = question(values=(50, 4, 2), result=42)
    alone = Runs([fine], shared_sandbox())
    alone.run([(slow, fine.id)])
    together = Runs([*looping, fine], shared_sandbox())
    together.run((slow, q.id) for q in (*looping, fine))
    assert alone.given(slow, fine.id) == together.given(slow, fine.id) == Given(Outcome.PASS, 42)
    assert alone.count() == {"run": 1, "timeouts": 0}
    assert together.count() == {"run": 5, "timeouts": 4}
