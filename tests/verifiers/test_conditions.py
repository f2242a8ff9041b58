"""What a program is asked for, and what is judged without it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tracemine.verifiers import Sandbox, check_tests
from tracemine.verifiers.conditions import plan

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
]


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


def test_an_assertion_within_a_statement_is_the_programs(sandbox: Sandbox) -> None:
    loop = "for n in range(4):\n    assert f(n) == n * n"
    assert check_tests(SQUARE, [loop], "", sandbox).outcome == "agree"
    assert check_tests("def f(x): return 0", [loop], "", sandbox).outcome == "differ"


def test_the_judge_never_sees_the_program() -> None:
    planned = plan(SQUARE, ["assert abs(f(3) - 9) < tolerance"], "import json\ntolerance = 1")
    assert "f(3)" in planned.ask and "f(3)" not in planned.judge
    assert "import json" in planned.judge and "tolerance = 1" not in planned.judge
