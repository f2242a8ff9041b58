"""Code tasks: which test admits, and what passes a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tracemine.verifiers import Limits, Sandbox, admission_test, check_tests

TRIPLE = "def triple(n):\n    return 3 * n\n"
TESTS = ["assert triple(2) == 6", "assert triple('a') == 'aaa'", "assert triple(0) < 1"]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(processes=1) as opened:
        yield opened


def outcome(sandbox: Sandbox, code: str, tests: list[str], setup: str = "") -> str:
    return check_tests(code, tests, setup, sandbox, limits=Limits(seconds=0.3)).outcome


def test_one_test_admits_whatever_the_others() -> None:
    chosen = TESTS[admission_test("p", TESTS)]
    assert TESTS[::-1][admission_test("p", TESTS[::-1])] == chosen
    assert {admission_test(str(n), TESTS) for n in range(50)} == {0, 1, 2}
    with pytest.raises(ValueError):
        admission_test("p", [])


def test_a_program_that_does_what_it_should_passes(sandbox: Sandbox) -> None:
    assert outcome(sandbox, TRIPLE, TESTS) == "agree"
    assert outcome(sandbox, TRIPLE, ["assert triple(N) == 12"], "N = 4") == "agree"
    assert outcome(sandbox, "class Box: pass\ndef f(b): return 2", ["assert f(b) == 2"],
                   "b = Box()") == "agree"  # fmt: skip
    exact = "from fractions import Fraction\ndef least(xs):\n    return int(Fraction(min(xs)))\n"
    verdict = check_tests(exact, ["assert least([3, 1]) == 1"], "", sandbox)
    assert verdict.outcome == "agree" and verdict.reason.startswith("cpython")


@pytest.mark.parametrize(
    ("code", "tests", "expected"),
    [
        # What one call gives is changed by the next.
        ("s = []\ndef f(n):\n    s.append(n)\n    return s", ["assert f(1) == [1]",
         "assert f(2) == [1, 2]"], "agree"),
        ("s = []\ndef f(n):\n    s.append(n)\n    return s", ["assert f(1) == [1, 2]",
         "assert f(2) == [1, 2]"], "differ"),
        ("def f(n): return {n, 1}", ["assert f(7) == {1, 7}", "assert f(1) == {1}"], "agree"),
        ("class A:\n    n = 2\ndef f(n): return A.n", ["assert f(1) == 2"], "agree"),
        ("def f(n): return n", ["assert f(1) == 1", "assert f(2) == 3"], "differ"),
        ("def f(n): return hash(str(n)) % 2", ["assert f(1) == 0", "assert f(2) == 0",
         "assert f(3) == 0", "assert f(4) == 0", "assert f(5) == 0", "assert f(6) == 0"], "differ"),
        ("def f(n): return range(n)", ["assert f(2) == [0, 1]"], "unknown"),
        ("def f(n: return n", ["assert f(1) == 1"], "unknown"),
        ("def f(n): return n\ndef g(): pass\nx = (", ["assert f(1) == 1"], "unknown"),
        ("import heapq\ndef f(n): return heapq.nsmallest(1, [n])", ["assert f(1) == [1]"],
         "agree"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("confirm", [True, False])
def test_what_is_asked_at_once_has_the_verdict_of_a_plan(
    code: str, tests: list[str], expected: str, confirm: bool, sandbox: Sandbox
) -> None:
    limits = Limits(seconds=1.0)
    found = check_tests(code, tests, "", sandbox, limits=limits, confirm=confirm)
    assert found.outcome == expected
    # A setup, even of nothing, is planned for.
    planned = check_tests(code, tests, "pass", sandbox, limits=limits, confirm=confirm)
    assert planned.outcome == expected


def test_python_equality_is_what_a_test_asks_for(sandbox: Sandbox) -> None:
    assert outcome(sandbox, "def f(): return 1.0", ["assert f() == 1"]) == "agree"
    assert outcome(sandbox, "def f(): return [1]", ["assert f() == (1,)"]) == "differ"
    assert outcome(sandbox, "def f(): return float('nan')", ["assert f() != f()"]) == "agree"
    code = "nan = float('nan')\ndef f(): return [float('nan')]"
    assert outcome(sandbox, code, ["assert f() == [nan]"]) == "differ"


@pytest.mark.parametrize(
    "code",
    [
        "def triple(n):\n    return 2 * n\n",
        "def triple(n):\n    raise AssertionError\n",
        "import sys\ndef triple(n):\n    sys.exit(0)\n",
        "import os\ndef triple(n):\n    os._exit(0)\n",
        "import sys\nsys.exit(0)\ndef triple(n):\n    return 3 * n\n",
        "def double(n):\n    return 3 * n\n",
        "def triple(n):\n    print('ok')\n",
    ],
)
def test_a_program_that_does_not_fails(sandbox: Sandbox, code: str) -> None:
    assert outcome(sandbox, code, TESTS) == "differ"


@pytest.mark.parametrize(
    "code",
    [
        "class E:\n    def __eq__(self, o): return True\ndef triple(n):\n    return E()\n",
        "class I(int):\n    def __eq__(self, o): return True\ndef triple(n):\n    return I(1)\n",
        "def triple(n):\n    while True: pass\n",
    ],
)
def test_a_forged_or_endless_result_does_not_pass(sandbox: Sandbox, code: str) -> None:
    assert outcome(sandbox, code, TESTS[:1]) == "unknown"


def test_without_readable_tests_nothing_is_known(sandbox: Sandbox) -> None:
    assert outcome(sandbox, TRIPLE, []) == "unknown"
    assert outcome(sandbox, TRIPLE, ["assert ("]) == "unknown"


def test_a_test_of_several_lines_runs_as_written(sandbox: Sandbox) -> None:
    test = 'text = """a\nb"""\nassert triple(text) == text * 3 and len(text) == 3'
    assert outcome(sandbox, TRIPLE, [test]) == "agree"


def test_an_object_that_equals_everything_passes_no_test(sandbox: Sandbox) -> None:
    code = "class Yes:\n    def __eq__(self, other): return True\ndef f(x): return Yes()\n"
    for test in ("assert f(3) == 3", "assert f(3) == max(1, 3)", "assert max(1, 3) == f(3)"):
        assert outcome(sandbox, code, [test]) != "agree"
        assert outcome(sandbox, "def f(x): return x", [test]) == "agree"
