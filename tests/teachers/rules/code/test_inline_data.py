import ast

import pytest
from code_traces import code_trajectory

from tracemine.schemas import decode
from tracemine.teachers.rules.code.inline_data import LiftInside, has_data_inside, noun_of
from tracemine.teachers.rules.code.program_runs import Program
from tracemine.teachers.rules.code.reader import read_code
from tracemine.teachers.rules.code.source import parse_source
from tracemine.teachers.rules.code.tracing import Value
from tracemine.verifiers.sandbox import Sandbox

PROBLEM = (
    "Nadia has 24 apples and 3 baskets. She pays $5 for each of 12 pears and sells 30% of them. "
    "Then she doubles what she has."
)


def _program(code: str = "", problem: str = PROBLEM) -> Program:
    return Program.of(code_trajectory(code, problem=problem), parse_source(code, 0, len(code)))


def _lifted(
    expression: str, *given: tuple[str, int], problem: str = PROBLEM
) -> tuple[str, dict[str, object]]:
    """An expression with parameters in the place of its data, and what those hold."""
    held = [(name, Value(True, value)) for name, value in given]
    lift = LiftInside(_program(problem=problem), {"taken"}, "total", held)
    node = lift.visit(ast.parse(expression, mode="eval"))
    return ast.unparse(node), {name: value.value for name, value in lift.found}


@pytest.mark.parametrize(
    ("expression", "lifted", "found"),
    [
        ("taken * 24", "taken * apples", {"apples": 24}),
        ("24 + 24", "apples + apples", {"apples": 24}),
        ("24 / 3", "apples / baskets", {"apples": 24, "baskets": 3}),
        ("taken * 0.3", "taken * percent_fraction", {"percent_fraction": 0.3}),
        ("taken * 2", "taken * 2", {}),  # "doubles" is a step
        ("taken ** 3", "taken ** 3", {}),
        ("taken[3]", "taken[3]", {}),
        ("round(24 / taken, 3)", "round(apples / taken, 3)", {"apples": 24}),
        ("max(taken, default=24)", "max(taken, default=apples)", {"apples": 24}),
        ("Symbol(24)", "Symbol(24)", {}),
        ("lambda x: x + 24", "lambda x: x + 24", {}),
        ("[i for i in range(24)]", "[i for i in range(apples)]", {"apples": 24}),
        ("range(25)", "range(apples + 1)", {"apples": 24}),
        ("range(2)", "range(2)", {}),
        ("'24' + str(True)", "'24' + str(True)", {}),
    ],
)
def test_data_become_parameters_and_the_method_stays(
    expression: str, lifted: str, found: dict[str, object]
) -> None:
    assert _lifted(expression) == (lifted, found)


def test_what_the_problem_says_once_is_one_quantity() -> None:
    assert _lifted("stock - 24", ("stock", 24)) == ("stock - stock", {})
    assert _lifted("taken + 24", ("taken", 23)) == ("taken + apples", {"apples": 24})
    twice = "She has 24 apples. He has 24 pears."
    text, found = _lifted("stock - 24", ("stock", 24), problem=twice)
    assert text != "stock - stock"
    assert list(found.values()) == [24]


def test_data_are_seen_inside_expressions() -> None:
    program = _program()
    for text, inside in (("x * 24", True), ("x * 2 + 1", False), ("'24'", False), ("x", False)):
        assert has_data_inside(program, ast.parse(text)) == inside


@pytest.mark.parametrize(
    ("value", "noun"),
    [
        (24, "apples"), (24.0, "apples"), (3, "baskets"), (12, "pears"), (99, ""), (True, ""),
        (None, ""), ("24", ""), ([24], ""), (float("inf"), ""), (float("nan"), ""), (10**400, ""),
        (-(10**5000), ""),
    ],
    ids=range(13),
)  # fmt: skip
def test_what_the_problem_calls_a_number(value: object, noun: str) -> None:
    assert noun_of(_program(), Value(True, value)) == noun
    assert noun_of(_program(), None) == ""


def test_names_of_people_and_dollars_of_formulas_are_no_nouns() -> None:
    assert noun_of(_program(problem="There are 24 Nadia apples."), Value(True, 24)) == "apples"
    assert noun_of(_program(problem="There was $24."), Value(True, 24)) == "dollars"
    formula = "There was $24$ and $y + 3 = 5$ be given."
    assert noun_of(_program(problem=formula), Value(True, 24)) == ""


@pytest.mark.parametrize(
    "line", ["x = " + "1" * 400, "x = 10**5000 + apples", "x = -10**400", "x = 1e999",
             "x = 5 * 1e308"],
    ids=range(5),
)  # fmt: skip
def test_programs_on_numbers_that_no_float_holds_are_read(line: str, sandbox: Sandbox) -> None:
    code = f"apples = 24\n{line}\ny = apples + 3\nz = y + x\nprint(y)\n"
    trajectory = code_trajectory(f"```python\n{code}```\n", problem=PROBLEM, answer="27")
    spans = read_code(trajectory, sandbox).spans
    assert 27 in [decode(span.instances[0].result) for span in spans]
