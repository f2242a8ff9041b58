"""What a program is asked for, and what is judged without it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tracemine.verifiers import Sandbox, check_tests
from tracemine.verifiers.conditions import Assertion, plan

SQUARE = "def f(x):\n    return x * x\n"

#: Objects and names that make a program's own interpreter say yes.
FORGED = {
    "equals all": "class Yes:\n    def __eq__(self, other): return True\ndef f(x): return Yes()\n",
    "subtracts to nothing": "class Yes:\n    def __sub__(self, other): return 0\n"
    "    def __rsub__(self, other): return 0\n    def __float__(self): return 9.0\n"
    "    def __lt__(self, other): return True\n    def __gt__(self, other): return True\n"
    "    def __eq__(self, other): return True\ndef f(x): return Yes()\n",
    "own builtins": "def set(x): return 0\ndef abs(x): return 0\ndef all(x): return True\n"
    "def f(x): return -1\n",
    "patched module": "import math\nmath.isclose = lambda *a, **k: True\ndef f(x): return -1\n",
    "patched builtins": "import builtins\nbuiltins.abs = builtins.all = lambda x: False\n"
    "def f(x): return -1\n",
}

TESTS = [
    "assert f(3) == 9",
    "assert f(3) == 9 and f(4) == 16",
    "assert abs(f(3) - 9.5) < 1",
    "assert f(3) in (9, 10)",
    "x = 3\nassert f(x) == 9",
    "assert set([f(3)]) == set((9,))",
    "import math\nassert math.isclose(f(3), 9.0, rel_tol=0.001)",
    "assert all(f(3) > n for n in range(5))",
    "assert not f(3) != 9",
    "assert f(3) == 9\nassert f(4) == 16",
    "assert 8 < f(3) < 10, 'far off'",
    "assert (f(1), f(2)) == (1, 4)",
    "assert [*[f(1)], f(2)] == [1, 4]",
    "for n, square in [(2, 4), (3, 9)]:\n    assert f(n) == square",
    "def check(candidate):\n    assert candidate(3) == 9\n    assert abs(candidate(2) - 4) < 1e-6\n"
    "check(f)",
    "cases = {2: 4, 3: 9}\nfor n, square in cases.items():\n    assert f(n) == square",
    "for i, n in enumerate([0, 1]):\n    want = i * n\n    assert f(n) == want",
    "for n in range(2, 4):\n    assert f(n) == n * n",
    "xs, want = [1, 2], [1, 4]\nassert [f(xs[0]), f(xs[1])] == want",
    "assert f(3) == 0 or f(3) == 9",
    "assert (f(3) if f(2) == 4 else 0) == 9",
    "assert all(f(n) == n * n for n in range(5) if n != 2)",
    "assert sum(f(n) for n in [1, 2]) == 5",
]

#: Read in a shorter way where nothing else stands beside them.
PLAIN = [
    "assert f(3) == 9",
    "assert f( 3 ,*[1] , y = [x for x in (1, 2)]) == (9, [1.5, -2], {'a': {1, 2}}), 'no'",
    'assert f(\n    \'a\\n\',\n    """b\nc""",\n) == \'é\'',
    "  assert f('é') == None  ",
    "assert f('a\x0bb', 1,\r 'c\x1cd') == 3",
]

#: What they say stands where the program could see or skip it, or is about objects.
UNSEEN = [
    "if f(1) != 7:\n    assert f(3) == 9",
    "with __import__('contextlib').suppress(KeyError):\n    assert f(3) == 9",
    "try:\n    f(-1)\n    assert False, 'took it'\nexcept ValueError:\n    pass",
    "n = 0\nwhile n < 3:\n    n += 1\n    assert f(n) == n * n",
    "import unittest\nunittest.TestCase().assertEqual(f(3), 9)",
    "f(3)",
    "assert True",
    "xs = [1]\nassert f(xs) is xs",
    "for n in [f(0), f(1)]:\n    if n:\n        assert n == 1",
]

#: Code that looks for what is expected of it, with the test and the setup that it is tried with.
PEEPING = {
    "a name of the test": ("f_locals['expected']", "expected = 17\nassert f(4) == expected", ""),
    "a loop": (
        "f_locals['square']", "for n, square in [(2, 4), (3, 9)]:\n    assert f(n) == square", "",
    ),
    "the last name": (
        "list(sys._getframe(1).f_locals.values())[-1]",
        "text, want = 'a', 'b'\nassert f(text) == want", "",
    ),
    "a name of the setup": ("f_globals['WANT']", "assert f(1) == WANT", "WANT = [5, 4]"),
    "a check of the setup": (
        "f_globals['check'].__code__.co_consts[-1]", "check(f)",
        "def check(g):\n    assert g(1) == 88",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(processes=1) as opened:
        yield opened


@pytest.mark.parametrize("test", TESTS)
def test_what_is_right_passes(test: str, sandbox: Sandbox) -> None:
    assert check_tests(SQUARE, [test], "", sandbox).outcome == "agree"
    assert check_tests(f"import math\n{SQUARE}", [test], "import math", sandbox).outcome == "agree"


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("code", FORGED.values(), ids=FORGED.keys())
def test_what_is_forged_does_not(code: str, test: str, sandbox: Sandbox) -> None:
    assert check_tests(code, [test], "", sandbox).outcome != "agree"


def test_a_function_that_is_named_like_a_builtin_can_be_tested(sandbox: Sandbox) -> None:
    code = "def max(a, b):\n    return b if a < b else a\n"
    assert check_tests(code, ["assert max(2, 5) == 5"], "", sandbox).outcome == "agree"
    broken = code.replace("<", ">")
    assert check_tests(broken, ["assert max(2, 5) == 5"], "", sandbox).outcome == "differ"


def test_conditions_that_raise_do_not_hold(sandbox: Sandbox) -> None:
    tests = ["assert f(2) == 4", "assert f(2) / 0 == 1", "assert f(3) == 9"]
    verdict = check_tests(SQUARE, tests, "", sandbox)
    assert (verdict.outcome, verdict.reason) == ("differ", "cpython: test 1 fails")


def test_a_value_of_the_setup_is_asked_for(sandbox: Sandbox) -> None:
    assert check_tests(SQUARE, ["assert f(N) == N * N"], "N = 4", sandbox).outcome == "agree"
    assert check_tests(SQUARE, ["assert f(N) == N"], "N = 4", sandbox).outcome == "differ"


def test_what_a_test_converts_need_not_be_plain_before(sandbox: Sandbox) -> None:
    code = "def f(x):\n    yield x\n    yield x * x\n"
    for test in ("assert list(f(3)) == [3, 9]", "assert sum(f(3)) == 12", "assert next(f(3)) == 3"):
        assert check_tests(code, [test], "", sandbox).outcome == "agree"
    assert check_tests(code, ["assert f(3) == [3, 9]"], "", sandbox).outcome != "agree"


@pytest.mark.parametrize("test", UNSEEN)
def test_what_cannot_be_judged_without_the_program_is_not_judged(
    test: str, sandbox: Sandbox
) -> None:
    assert check_tests(SQUARE, [test], "", sandbox).outcome == "unknown"
    assert check_tests(SQUARE, ["assert f(2) == 4", test], "", sandbox).outcome == "unknown"


@pytest.mark.parametrize("name", PEEPING)
def test_what_is_expected_is_not_there_to_be_found(name: str, sandbox: Sandbox) -> None:
    where, test, setup = PEEPING[name]
    found = where if where.startswith("list(") else f"sys._getframe(1).{where}"
    code = f"import sys\ndef f(x):\n    return {found}\n"
    assert check_tests(code, [test], setup, sandbox).outcome == "differ"


def test_later_assertions_cannot_be_skipped(sandbox: Sandbox) -> None:
    skip = (
        "import os, struct\ndef f(x):\n    if x == 1: return 2\n    b = b'ok [[[2]]]'\n"
        "    os.write(3, struct.pack('>Q', len(b)) + b)\n    os._exit(0)\n"
    )
    check = "def check(g):\n    assert g(1) == 2\n    assert g(2) == 3\ncheck(f)"
    assert check_tests(skip, [check], "", sandbox).outcome == "differ"
    honest = "def f(x):\n    return x + 1\n"
    assert check_tests(honest, [check], "", sandbox).outcome == "agree"


def test_functions_of_a_setup_judge_without_the_program(sandbox: Sandbox) -> None:
    setup = "import math\ndef close(a, b):\n    return math.fabs(a - b) < 1e-6\n"
    test = "assert close(f(3), 9)"
    assert check_tests(SQUARE, [test], setup, sandbox).outcome == "agree"
    yes = "class Yes(float):\n    def __sub__(self, o): return 0\ndef f(x): return Yes()\n"
    assert check_tests(yes, [test], setup, sandbox).outcome != "agree"


def test_conditions_round_as_cpython_rounds(sandbox: Sandbox) -> None:
    code = "def f():\n    return 2.675\n"
    assert check_tests(code, ["assert round(f(), 2) == 2.67"], "", sandbox).outcome == "agree"
    assert check_tests(code, ["assert round(f(), 2) == 2.68"], "", sandbox).outcome == "differ"


def test_a_condition_need_not_come_to_its_end(sandbox: Sandbox) -> None:
    code = "def f(n):\n    return None if n == 0 else [n]\n"
    test = "assert f(0) is None or f(0)[0] == 1"
    assert check_tests(code, [test], "", sandbox).outcome == "agree"
    assert check_tests("def f(n):\n    return 7\n", [test], "", sandbox).outcome == "differ"


def test_a_program_may_name_things_like_builtins(sandbox: Sandbox) -> None:
    code = "type = 'circle'\ndef f(n):\n    return [n]\n"
    assert check_tests(code, ["assert f(1) == [1]"], "", sandbox).outcome == "agree"


def test_what_changes_later_is_asked_for_as_it_was(sandbox: Sandbox) -> None:
    code = "def f(xs):\n    return xs\n"
    test = (
        "xs = f([1])\nassert xs == [1]\nxs.append(2)\nassert (xs, {1: xs}) == ([1, 2], {1: [1, 2]})"
    )
    assert check_tests(code, [test], "", sandbox).outcome == "agree"
    assert (
        check_tests(code, [test.replace("append(2)", "clear()")], "", sandbox).outcome == "differ"
    )


def test_each_round_of_a_loop_is_judged(sandbox: Sandbox) -> None:
    loop = "for n in range(4):\n    assert f(n) == n * n"
    assert check_tests(SQUARE, [loop], "", sandbox).outcome == "agree"
    wrong_at_last = "def f(x):\n    return x * x if x < 3 else 0\n"
    assert check_tests(wrong_at_last, [loop], "", sandbox).outcome == "differ"


def test_an_assertion_that_is_not_told_of_fails(sandbox: Sandbox) -> None:
    """Code that finds the list of what was told and adds to it."""
    code = (
        "import sys\ndef f(x):\n"
        "    sys._getframe(1).f_locals['tracemine_all'].append([])\n    return 0\n"
    )
    for tests in (["assert f(3) == 9"], ["assert f(3) == 9", "assert f(2) == 4"]):
        assert check_tests(code, tests, "", sandbox).outcome == "differ"


def test_the_judge_never_sees_the_program() -> None:
    planned = plan(SQUARE, ["assert abs(f(3) - 9) < tolerance"], "import json\ntolerance = 1")
    assert "f(3)" in planned.ask and "f(3)" not in planned.judge
    assert "import json" in planned.judge and "tolerance = 1" not in planned.judge


@pytest.mark.parametrize("code", [SQUARE, "from math import *\ndef list(x): pass\n" + SQUARE])
def test_plain_tests_are_planned_as_all_others(code: str) -> None:
    """Beside a setup they take the longer way."""
    short, long = plan(code, PLAIN, ""), plan(code, PLAIN, "pass")
    assert ast.unparse(ast.parse(f"pass\n{short.ask}")) == ast.unparse(ast.parse(long.ask))
    assert (short.judge, long.judge) == ("", "")
    for one, other in zip(short.tests, long.tests, strict=True):
        assert [_dumped(a) for a in one] == [_dumped(a) for a in other]


def _dumped(assertion: Assertion) -> tuple[str, list[str], object]:
    return (
        ast.dump(assertion.condition),
        [ast.dump(value) for value in assertion.asked],
        assertion.equals,
    )
