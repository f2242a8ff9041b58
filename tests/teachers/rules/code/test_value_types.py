import pytest
from code_traces import ran_program

from tracemine.schemas.types import parse
from tracemine.teachers.base import Dropped
from tracemine.teachers.rules.code.drafts import Draft, drafts_of
from tracemine.teachers.rules.code.tracing import Value
from tracemine.teachers.rules.code.value_types import signature_of
from tracemine.verifiers.sandbox import Sandbox

PROBLEM = "A pump runs for 6 hours and fills 24 tanks at $5 each. It takes 7 hours, or 7 tanks."


def _draft(result: object, form: str = "", **inputs: object) -> Draft:
    held = [(name, Value(True, value)) for name, value in inputs.items()]
    return Draft(0, 1, [], "total", held, Value(not form, result, form), True, [])


@pytest.mark.parametrize(
    ("code", "value", "kind"),
    [
        ("x = 1", 3, "int"),
        ("x = 1", 2.5, "rational"),
        ("x = 2 ** 0.5", 2.5, "real"),
        ("import math\nx = math.sqrt(2)", 2.5, "real"),
        ("x = 1", [1, 2.5], "list[rational]"),
        ("x = 1", (1, 2.5), "tuple[int, rational]"),
        ("x = 1", [], "list[any]"),
        ("x = 1", True, "bool"),
        ("x = 1", "a", "str"),
        ("x = 1", {"a": 1}, "dict[str, int]"),
    ],
)
def test_types_come_from_values(code: str, value: object, kind: str, sandbox: Sandbox) -> None:
    program = ran_program(code, sandbox, problem=PROBLEM)
    signature = signature_of(program, _draft(value, given=value))
    assert parse(signature.output.type) == parse(kind)
    assert parse(signature.inputs[0].type) == parse(kind)


@pytest.mark.parametrize(
    ("result", "form", "kind"),
    [
        ("x**2 + 1", "text", "expr"),
        ("Interval(0, 1)", "text", "str"),
        ("x < 1", "text", "str"),
        (["x", "y"], "texts", "list[expr]"),
        ([["x"]], "matrix", "list[list[expr]]"),
        ({"x": "1"}, "named texts", "dict[str, expr]"),
        ([{"x": "1"}], "list of named texts", "list[dict[str, expr]]"),
    ],
)
def test_types_of_what_is_written(result: object, form: str, kind: str, sandbox: Sandbox) -> None:
    program = ran_program("x = 1", sandbox, problem=PROBLEM)
    assert signature_of(program, _draft(result, form)).output.type == kind


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (6, "hour"), (6.0, "hour"), (5, "dollar"), (24, None), (7, None), (99, None), (True, None),
        ("6", None), ([6], None), (float("inf"), None), (float("nan"), None), (10**5000, None),
    ],
    ids=range(12),
)  # fmt: skip
def test_units_are_those_that_the_problem_states(
    value: object, unit: str | None, sandbox: Sandbox
) -> None:
    program = ran_program("x = 1", sandbox, problem=PROBLEM)
    assert signature_of(program, _draft(1, given=value)).inputs[0].unit == unit


def test_a_result_with_the_name_of_an_input_has_another(sandbox: Sandbox) -> None:
    program = ran_program("x = 1", sandbox, problem=PROBLEM)
    assert signature_of(program, _draft(1, total=2)).output.name == "new_total"
    assert signature_of(program, _draft(1, other=2)).output.name == "total"


def test_each_cut_of_a_program_has_types_for_what_it_takes(sandbox: Sandbox) -> None:
    program = ran_program("a = 6\nb = 24 / a\nc = [b, a * 5]\n", sandbox, problem=PROBLEM)
    drafts = [draft for draft in drafts_of(program) if not isinstance(draft, Dropped)]
    assert drafts
    for draft in drafts:
        signature = signature_of(program, draft)
        assert [p.name for p in signature.inputs] == [name for name, _ in draft.inputs]
        assert "any" not in {p.type for p in (*signature.inputs, signature.output)}
