import ast
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tracemine.teachers.rules.arithmetic.chains import find_calculations, verdict
from tracemine.teachers.rules.arithmetic.expressions import NotArithmeticError, numbers, parse_text
from tracemine.teachers.rules.arithmetic.measures import UnitsError
from tracemine.teachers.rules.arithmetic.roles import UNKNOWN, quantity
from tracemine.teachers.rules.arithmetic.routines import (
    MAX_INLINE,
    Constant,
    Datum,
    Formulas,
    Link,
    Operand,
    Routine,
    Step,
    called,
    outer_symbol,
    routine_of,
    routine_of_formula,
)
from tracemine.teachers.rules.arithmetic.terms import Leaf, Sum


def _run(code: str, entry_point: str, bindings: Mapping[str, Any]) -> Any:
    scope: dict[str, Any] = {}
    exec(code, scope)
    return scope[entry_point](**bindings)


def _result(routine: Routine) -> Any:
    """What the routine gives for its own instance; its signature is that of its code."""
    function = ast.parse(routine.code).body[0]
    assert isinstance(function, ast.FunctionDef)
    parameters = [argument.arg for argument in function.args.args]
    assert function.name == routine.entry_point == routine.signature.output.name
    assert parameters == [p.name for p in routine.signature.inputs] == list(routine.bindings)
    assert routine.entry_point not in parameters
    assert routine.subquestion
    for parameter in routine.signature.inputs:
        assert parameter.type in ("int", "rational")
        if parameter.type == "int":
            assert isinstance(routine.bindings[parameter.name], int)
    return _run(routine.code, routine.entry_point, routine.bindings)


def _steps(text: str, names: Mapping[str, str], constants: Sequence[int] = ()) -> list[Step]:
    """The steps of calculations, one a line: a number is a link where it is an earlier result, a
    constant where ``constants`` has it, else data with the name that ``names`` has for it."""
    steps: list[Step] = []
    results: dict[Fraction, int] = {}
    for calculation in find_calculations(text):
        value, _ = verdict(calculation)
        assert value is not None
        operands: list[Operand] = []
        for number in numbers(calculation.expression):
            amount = abs(number.value)
            if amount in results:
                operands.append(Link(results[amount]))
            elif amount in constants:
                operands.append(Constant(amount))
            else:
                said = names.get(str(amount), "")
                operands.append(Datum(("problem", str(amount)), amount, (said,), None))
        index = len(steps)
        links = tuple(o.step for o in operands if isinstance(o, Link))
        steps.append(
            Step(index, calculation, value, tuple(operands), calculation.start, calculation.end,
                 "", None, "", links)
        )  # fmt: skip
        results[abs(value)] = index
    return steps


@pytest.mark.parametrize(
    ("text", "symbol"),
    [("1 + 2 * 3", "+"), ("(1 + 2) * 3", "*"), ("1 - 2 - 3", "-"), ("8 / 4", "/"), ("7", "*"),
     ("-(1 + 2)", "+"), ("2^3", "**")],
)  # fmt: skip
def test_what_is_done_last(text: str, symbol: str) -> None:
    assert outer_symbol(parse_text(text)) == symbol


def test_steps_become_one_formula() -> None:
    steps = _steps(
        "20 - 3 = 17\n17 - 5 = 12\n12 * 2 = 24", {"20": "eggs", "3": "eggs", "5": "eggs"}
    )
    formulas = Formulas(steps)
    whole = routine_of(steps, [0, 1, 2], formulas)
    assert _result(whole) == 24
    assert sorted(whole.bindings.values()) == [2, 3, 5, 20]
    assert whole.code.count("\n") == 2
    assert not whole.is_sum
    last = routine_of(steps, [2], formulas)
    assert _result(last) == 24
    assert sorted(last.bindings.values()) == [2, 12]  # The result of a step that is not in it.
    assert _result(routine_of(steps, [1, 2], formulas)) == 24


def test_a_constant_stays_in_the_code() -> None:
    steps = _steps("3 * 60 = 180", {"3": "hours"}, constants=[60])
    routine = routine_of(steps, [0], Formulas(steps))
    assert _result(routine) == 180
    assert list(routine.bindings.values()) == [3]
    assert "60" in routine.code


def test_a_long_routine_has_a_line_for_each_step() -> None:
    numbers_in = range(11, 11 + MAX_INLINE + 2)
    lines, total = [], 10
    for number in numbers_in:
        lines.append(f"{total} + {number} = {total + number}")
        total += number
    steps = _steps("\n".join(lines), {})
    routine = routine_of(steps, range(len(steps)), Formulas(steps))
    assert _result(routine) == total
    assert routine.code.count("\n") == len(steps) + 1
    assert len(routine.bindings) == len(steps) + 1


def test_a_sum_is_told_from_what_only_looks_like_one() -> None:
    for text, is_sum in (("3 + 4 + 5 = 12", True), ("3 + 4 - 5 = 2", False), ("3 * 4 = 12", False)):
        steps = _steps(text, {})
        assert routine_of(steps, [0], Formulas(steps)).is_sum == is_sum


def test_what_takes_nothing_in_is_no_routine() -> None:
    steps = _steps("3 + 4 = 7", {}, constants=[3, 4])
    with pytest.raises(NotArithmeticError):
        routine_of(steps, [0], Formulas(steps))


def test_a_negative_result_is_used_as_a_later_step_states_it() -> None:
    steps = _steps("3 - 8 = -5\n5 * 2 = 10", {})
    whole = routine_of(steps, [0, 1], Formulas(steps))
    assert _result(whole) == 10


def test_a_formula_with_another_result_is_refused() -> None:
    (step,) = _steps("3 + 4 = 7", {})
    wrong = Step(0, step.calculation, Fraction(8), step.operands, 0, 1, "", None, "")
    with pytest.raises(NotArithmeticError):
        routine_of([wrong], [0], Formulas([wrong]))


def test_forms_of_a_percentage() -> None:
    (step,) = _steps("50 * 0.8 = 40", {"50": "price"})
    datum = Datum(("problem", "20"), Fraction(20), ("discount_percent",), "percent",
                  form="remaining_fraction")  # fmt: skip
    told = Step(0, step.calculation, step.value, (step.operands[0], datum), 0, 1, "", None, "")
    routine = routine_of([told], [0], Formulas([told]))
    assert _result(routine) == 40
    assert sorted(routine.bindings.values()) == [20, 50]
    assert "100" in routine.code


def test_called_as_the_text_says_where_it_fits() -> None:
    term = Sum((Leaf(("problem", "0")), Leaf(("problem", "1"))))
    assert called(UNKNOWN, "", None, term).name == "total"
    assert called(UNKNOWN, "", None, Sum((Leaf(("p", "0")),), (Leaf(("p", "1")),))).name == (
        "difference"
    )
    assert called(quantity("price"), "", None, term).name == "total_price"
    # Money has no area, whatever the text says.
    assert "area" not in called(quantity("price"), "area", None, term).name


# --- a program's formula ----------------------------------------------------------------------

_NAMES = (
    "eggs", "price", "hours", "discount_percent", "workers", "miles_per_hour", "cost_per_item",
    "weeks", "red_marbles", "x", "total_cost", "minutes", "class_size",
)  # fmt: skip
_FORMULAS = st.recursive(
    st.sampled_from(_NAMES) | st.sampled_from(["1", "2", "60", "100", "0.5", "7"]),
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
    max_leaves=6,
)
_AMOUNTS = st.integers(1, 900) | st.integers(1, 9999).map(lambda n: n / 100)


def _value(formula: str, bindings: Mapping[str, Any]) -> Any:
    try:
        return eval(formula, {}, dict(bindings))
    except ZeroDivisionError:
        assume(False)


def _routine(formula: str, bindings: Mapping[str, Any], result: Any, name: str = "") -> Any:
    return routine_of_formula(ast.parse(formula, mode="eval").body, bindings, {}, result, name)


@given(
    _FORMULAS,
    st.lists(_AMOUNTS, min_size=13, max_size=13, unique=True),
    st.lists(st.integers(1, 900), min_size=13, max_size=13),
)
@example("(hours * (miles_per_hour + 0.5))", list(range(1, 14)), list(range(2, 15)))
def test_a_formula_in_its_normal_form_is_the_same_function(
    formula: str, amounts: list[Any], others: list[int]
) -> None:
    bindings = dict(zip(_NAMES, amounts, strict=True))
    routine = _routine(formula, bindings, _value(formula, bindings))
    if routine is None:
        return  # Units contradict one another, or nothing is done to what goes in.
    assert _result(routine) == pytest.approx(_value(formula, bindings), rel=1e-6, abs=1e-6)
    back = {value: name for name, value in bindings.items()}
    fresh = dict(zip(_NAMES, others, strict=True))
    given_now = {name: fresh[back[value]] for name, value in routine.bindings.items()}
    expected = _value(formula, fresh)
    got = _run(routine.code, routine.entry_point, given_now)
    assert got == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    "formula",
    ["x + weeks", "x - red_marbles", "eggs * price", "eggs / workers", "-eggs + workers",
     "60 * miles_per_hour + x", "price * (100 - discount_percent) / 100", "2 / x", "x * x"],
)  # fmt: skip
def test_plain_arithmetic_on_parameters_is_a_routine(formula: str) -> None:
    bindings = dict(zip(_NAMES, (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41), strict=True))
    result = _value(formula, bindings)
    assert _result(_routine(formula, bindings, result)) == pytest.approx(result)
    assert _routine(formula, bindings, result + 1) is None


@pytest.mark.parametrize(
    ("formula", "bindings", "value"),
    [
        ("price * tax_growth_factor", {"price": 50, "tax_growth_factor": 1.2}, 20),
        ("price * sale_remaining_fraction", {"price": 50, "sale_remaining_fraction": 0.7}, 30),
        ("price * tip_fraction", {"price": 50, "tip_fraction": 0.15}, 15),
    ],
)
def test_a_share_is_bound_as_its_percentage(
    formula: str, bindings: dict[str, Any], value: int
) -> None:
    result = _value(formula, bindings)
    routine = _routine(formula, bindings, result)
    assert sorted(routine.bindings.values()) == sorted([50, value])
    assert _result(routine) == pytest.approx(result)


@pytest.mark.parametrize("output", ["", "class", "1x", "a b", "a", "print", "é", "\n", "eggs"])
def test_any_word_for_the_result_gives_code(output: str) -> None:
    assert _result(_routine("eggs + a", {"eggs": 3, "a": 4}, 7, output)) == 7


@pytest.mark.parametrize(
    "formula",
    ["a", "2", "a ** b", "a // b", "a % b", "a - a", "a * 1", "a + 0", "1e999 + a", "a if b else 1",
     "a + True", "a + 1j", "a + 'x'", "f(a)", "a.b + 1", "a / (b - b)", "a + c", "[a][0] + b"],
)  # fmt: skip
def test_what_is_no_plain_arithmetic_on_parameters(formula: str) -> None:
    for result in (7, 3, 0, 4, 1):
        assert _routine(formula, {"a": 3, "b": 4}, result) is None


@pytest.mark.parametrize(
    ("bindings", "result"),
    [
        ({"a": 3, "b": 4}, 8),
        ({"a": True, "b": 4}, 5),
        ({"a": "3", "b": 4}, 7),
        ({"a": None, "b": 4}, 7),
        ({"a": 3}, 7),
        ({"a": float("inf"), "b": 4}, float("inf")),
        ({"a": float("nan"), "b": 4}, float("nan")),
        ({"a": 3, "b": 4}, float("nan")),
        ({"a": 3, "b": 4}, float("inf")),
        ({"a": 10**5000, "b": 4}, 10**9),
        ({"a": 10**600, "b": 4}, 10**600 + 4),
    ],
    ids=lambda value: "",
)
def test_values_that_no_routine_is_made_for(bindings: dict[str, Any], result: Any) -> None:
    assert _routine("a + b", bindings, result) is None
    assert _routine("a + b", {"a": 3, "b": 4}, 10**5000) is None


def test_units_that_contradict_each_other_take_names_that_are_units_away() -> None:
    formula = ast.parse("a + b", mode="eval").body
    routine = routine_of_formula(
        formula, {"a": 3, "b": 4}, {"a": "hour", "b": "kilogram"}, 7, "time"
    )
    assert routine is None or all(p.unit is None for p in routine.signature.inputs)
    with pytest.raises((UnitsError, NotArithmeticError)):
        Routine([(("result", ""), Leaf(("parameter", "a")))], lambda key: UNKNOWN,
                lambda key: Fraction(1), lambda key, meaning, term: meaning)  # fmt: skip
