import ast

import pytest
from code_traces import code_trajectory, ran_program

from tracemine.teachers.rules.code.program_runs import MAX_STATEMENTS, Program
from tracemine.teachers.rules.code.source import parse_source
from tracemine.verifiers.sandbox import Sandbox

PROBLEM = "Nadia has 24 apples and 3 baskets. Each apple costs $5."
CODE = """import math

apples = 24
baskets = 3
beside = apples + 99
each = apples / baskets

def doubled(x):
    return 2 * x

def main():
    price = 5
    return doubled(each) * price

print(main())
"""


def _program(code: str, problem: str = PROBLEM) -> Program:
    return Program.of(code_trajectory(code, problem=problem), parse_source(code, 0, len(code)))


def test_bodies_are_the_module_and_what_takes_nothing() -> None:
    program = _program(CODE)
    assert list(program.bodies) == ["", "main"]
    assert list(program.functions) == ["doubled", "main"]
    assert program.bodies[""].lifted == {0: "apples", 1: "baskets"}
    assert program.bodies["main"].lifted == {0: "price"}
    assert {"math", "doubled", "main", "print"} <= program.bodies[""].known
    assert "price" not in program.bodies["main"].known
    assert not program.is_irrational
    assert "nadia" in program.names


def test_a_builtin_that_the_program_takes_is_none() -> None:
    assert "sum" in _program("x = 1").bodies[""].known
    assert "sum" not in _program("sum = 0\nx = sum + 1").bodies[""].known


def test_only_so_many_statements_are_looked_at() -> None:
    program = _program("x = 1\n" * (MAX_STATEMENTS + 50))
    assert len(program.bodies[""].nodes) == MAX_STATEMENTS


@pytest.mark.parametrize(
    ("code", "irrational"),
    [("x = 3 / 4", False), ("import math\nx = math.sqrt(2)", True), ("x = 2 ** 0.5", True),
     ("x = 2 ** 3", False), ("x = 'pipe'", False), ("from math import pi", True)],
)  # fmt: skip
def test_whether_values_are_fractions(code: str, irrational: bool) -> None:
    assert _program(code).is_irrational == irrational


@pytest.mark.parametrize(
    ("body", "early"),
    [
        ("x = 1\n    return x", False),
        ("if f:\n        return 1\n    return 2", True),
        ("for x in f:\n        return x", True),
        ("def g():\n        return 1\n    return 2", False),
    ],
)
def test_a_function_that_may_return_in_the_middle(body: str, early: bool) -> None:
    assert _program(f"def f():\n    {body}\n").bodies["f"].returns_early == early


def test_what_names_held(sandbox: Sandbox) -> None:
    program = ran_program(CODE, sandbox, problem=PROBLEM, answer="80")
    module, main = program.bodies[""], program.bodies["main"]
    held = program.after(module, 3, "each")
    assert held is not None
    assert held.value == 8
    assert program.before(module, 3, "each") is None
    price = program.before(main, 1, "price")
    assert price is not None
    assert price.value == 5
    result, none = program.returned("main"), program.returned("nothing")
    assert result is not None
    assert (result.value, none) == (80, None)


def test_what_feeds_the_answer(sandbox: Sandbox) -> None:
    program = ran_program(CODE, sandbox, problem=PROBLEM, answer="80")
    assert program.agrees
    assert program.feeding_functions == {"main", "doubled"}
    assert program.bodies["main"].feeding == {0, 1}
    assert 2 not in program.bodies[""].feeding  # `beside`
    other = ran_program(CODE, sandbox, problem=PROBLEM, answer="81")
    assert not other.agrees
    assert other.feeding_functions == set()
    assert not any(body.feeding for body in other.bodies.values())


def test_functions_that_call_each_other_end(sandbox: Sandbox) -> None:
    code = (
        "def even(n):\n    return True if n == 0 else odd(n - 1)\n"
        "def odd(n):\n    return False if n == 0 else even(n - 1)\n"
        "x = 24\ny = x + even(x)\nprint(y)\n"
    )
    program = ran_program(code, sandbox, problem=PROBLEM, answer="25")
    assert program.feeding_functions == {"even", "odd"}


def test_what_goes_with_a_routine_has_no_words_of_the_problem() -> None:
    code = (
        'import math\n\ndef f(x):\n    """Nadia has 24 apples."""\n    # Nadia\n    return x\n\n'
        'def g(x):\n    """Nadia."""\n\ny = 1\n'
    )
    program = _program(code)
    places = program.definitions(["f", "math", "y"])
    assert places == [0, 1]
    assert program.text_of(places) == "import math\ndef f(x):\n    return x\n"
    assert program.text_of(program.definitions(["g"])) == "def g(x):\n    pass\n"
    function = program.functions["f"]
    assert ast.get_docstring(function) == "Nadia has 24 apples."  # The program stays as it is.
