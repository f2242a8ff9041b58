import ast
from typing import Any

import pytest
from code_traces import ran_program

from tracemine.teachers.base import Dropped
from tracemine.teachers.rules.code.drafts import Draft, drafts_of
from tracemine.teachers.rules.code.routine_code import write_code
from tracemine.verifiers.sandbox import Sandbox

PROBLEM = "Nadia has 24 apples and 3 baskets. She pays $5 for each."


def _written(code: str, sandbox: Sandbox) -> list[Draft]:
    """The cuts of a program as code; each is run by itself and gives what it gave."""
    program = ran_program(code, sandbox, problem=PROBLEM)
    drafts = []
    for draft in drafts_of(program):
        assert not isinstance(draft, Dropped), draft
        if not draft.code:
            write_code(program, draft)
        scope: dict[str, Any] = {}
        exec(draft.code, scope)
        bindings = {name: value.value for name, value in draft.inputs}
        assert scope[draft.entry](**bindings) == draft.result.value
        assert "nadia" not in draft.code.lower()
        assert draft.entry not in bindings
        drafts.append(draft)
    return drafts


@pytest.mark.parametrize(
    ("code", "last"),
    [
        (
            "nadia_apples = 24\nleft = nadia_apples - 3\n",
            "def left(apples, baskets):\n    return apples - baskets\n",
        ),
        ("nadia = 24\nleft = nadia + 1\n", "def left(apples):\n    return apples + 1\n"),
        (
            "n = 24\ntotal = n\nfor total in range(n):\n    total = total + n\nx = total * n\n",
            None,
        ),
        ("n = 24\nn_n = n * n\nwhile n_n > 30:\n    n_n = n_n - n\nx = n_n + n\n", None),
        ("import math\nn = 24\nx = math.gcd(n, 5) + n\n", None),
        ("def add(a, b):\n    return a + b\n\nn = 24\nx = add(n, 3) * add(n, 5)\n", None),
        ("class_ = 24\nnadia_class = class_ + 3\nlast = nadia_class * class_\n", None),
        ("n = 24\nsum_ = sum([n, 3, 5]) / 3\n", None),
        ("n = 24\nmake = [(lambda x: x + n)(i) for i in range(n)]\n", None),
    ],
)
def test_each_cut_is_a_program_of_its_own(code: str, last: str | None, sandbox: Sandbox) -> None:
    drafts = _written(code, sandbox)
    assert drafts
    if last is not None:
        assert drafts[-1].code == last


def test_a_routine_has_no_name_that_it_uses(sandbox: Sandbox) -> None:
    drafts = _written("n = 24\nn = n + 3\n", sandbox)
    for draft in drafts:
        (function,) = ast.parse(draft.code).body
        used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
        assert draft.entry not in used
