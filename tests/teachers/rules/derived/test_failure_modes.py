"""How a routine fails, read from its code."""

from __future__ import annotations

from typing import Any

import pytest
from code_traces import signature_of

from tracemine.schemas import Parameter, Signature
from tracemine.teachers.rules.derived.derive import describe

EMPTY = "check that the result for nothing is the wanted one"


def _modes(body: str, **binding: Any) -> set[str]:
    code = f"def f({', '.join(binding)}):\n    {body}\n"
    return set(describe(code, "f", signature_of([binding]), [binding]).failure_modes)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("for i in range(len(xs)):\n        if xs[i]:\n            n = i\n    return n", False),
        ("size = len(xs)\n    return [xs[i] for i in range(size)]", False),
        ("return [xs[i] - x for i, x in enumerate(xs)]", False),
        ("for i in range(len(xs)):\n        n += xs[i + 1] - xs[i]\n    return n",
         True),
        ("return sum(xs[i] for i in range(n))", True),
        ("return xs[n]", True),
    ],
)  # fmt: skip
def test_an_index_that_is_always_there_is_no_failure(body: str, said: bool) -> None:
    assert ("an index beyond the end of xs" in _modes(body, xs=[1, 2, 3], n=2)) is said


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("for x in xs:\n        if x < n:\n            return x", True),
        ("if n > 1:\n        return xs\n    elif n > 0:\n        return []", True),
        ("if n > 1:\n        return xs\n    else:\n        return []", False),
        ("while True:\n        n -= 1\n        if n < 0:\n            return n", False),
        ("while True:\n        if n:\n            break\n        return n", True),
        ("try:\n        return xs[n]\n    except IndexError:\n        return None", False),
        ("if n < 0:\n        raise ValueError\n    return xs", False),
        ("xs.append(n)\n    return", False),
    ],
)
def test_a_way_out_without_a_result_is_told(body: str, said: bool) -> None:
    modes = _modes(body, xs=[1, 2], n=1)
    assert ("gives None where no case of it returns a result" in modes) is said


def test_what_preconditions_exclude_is_no_failure() -> None:
    modes = _modes("total = xs[0]\n    for x in xs:\n        total += x\n    return total", xs=[1])
    assert not any("empty" in mode for mode in modes)
    assert f"empty xs: {EMPTY}" in _modes("return [x + 1 for x in xs]", xs=[1])
    assert f"empty xs: {EMPTY}" not in _modes("return helper(xs)", xs=[1])


def test_defaults_and_numbers_do_not_fail() -> None:
    assert not _modes("return next((x for x in [1, 2] if x > n), -1)", n=1)
    assert "nothing found: next on an exhausted iterator" in _modes("return next(xs)", xs=[1])
    cannot = "text that is not a number cannot be converted"
    assert cannot not in _modes("return float(n) + int(abs(n))", n=2)
    assert cannot in _modes("return int(s) + 1", s="2")
    assert cannot in _modes("return float(s * n) + 1", s="2", n=2)
    assert cannot not in _modes("return float(n - 1) / int(n * 3)", n=2)
    assert not any("zero" in m for m in _modes("import math\n    return n / math.pi", n=2))
    body = "size = len(xs)\n    first = xs[0]\n    return first / size"
    assert not any("zero" in mode for mode in _modes(body, xs=[1]))
    unsure = "if not xs:\n        xs = [1]\n    size = len(xs)\n    return 1 / size"
    assert "division by zero when size is zero" in _modes(unsure, xs=[1])
    assert not any("zero" in mode for mode in _modes("return n / 2 ** n", n=2))
    assert "division by zero when n is zero" in _modes("return 3 / n", n=2)
    assert "division by zero when n is zero" in _modes("return [x % n for x in xs]", xs=[1], n=2)
    body = "for i in range(2, n):\n        if n % i == 0:\n            return i\n    return n"
    assert not any("zero" in mode for mode in _modes(body, n=9))
    assert not any("zero" in m for m in _modes("return [n / i for i in range(1, n)]", n=9))
    counting = "division by zero when i is zero"
    assert counting in _modes(body.replace("2, n", "n"), n=9)
    assert counting in _modes("i = 0\n    " + body, n=9)
    assert counting in _modes("return [n / i for i in range(3, n, -1)]", n=-9)
    assert not any("zero" in mode for mode in _modes("return s % n + 'b'", s="%d", n=2))


def test_a_loop_says_how_long_it_goes_on() -> None:
    assert "does not end if this stays so: n is greater than 1" in _modes(
        "while n > 1:\n        n = n // 2\n    return n", n=5
    )


def test_members_that_are_changed_are_told() -> None:
    body = "for row in rows:\n        {}\n    return rows"
    told = "changes the members of rows in place"
    for change in ("del row[n]", "row[0] = n", "row.append(n)"):
        assert told in _modes(body.format(change), rows=[[1]], n=0)
    for change in ("print(row)", "row = [n]", "n += 1"):
        assert told not in _modes(body.format(change), rows=[[1]], n=0)


def test_units_are_spoken_of_where_there_are_amounts() -> None:
    same = "amounts that are added or subtracted must be in the same unit"
    assert same in _modes("return a + 2 * b", a=1, b=2)
    assert not _modes("return a * b", a=1, b=2)
    assert same not in _modes("return [x + n for x in xs]", xs=[1], n=2)
    assert same not in _modes("while a < b:\n        a = a + b\n    return a", a=1, b=2)
    signature = Signature(
        (Parameter("a", "int", "hour"), Parameter("b", "int", "mile/hour")), Parameter("c", "int")
    )
    found = describe("def f(a, b):\n    return a * b", "f", signature, [{"a": 1, "b": 2}])
    assert found.failure_modes == (
        "inputs in other units than these give a wrong result: hour and mile/hour",
    )
