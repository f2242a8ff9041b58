import ast

import pytest
from code_traces import ran_program

from tracemine.teachers.base import Dropped
from tracemine.teachers.rules.code.drafts import (
    DATA_INSIDE,
    DATA_REASSIGNED,
    Draft,
    drafts_of,
)
from tracemine.teachers.rules.code.source import NOT_PLAIN
from tracemine.verifiers.sandbox import Sandbox

PROBLEM = "Nadia has 24 apples and 3 baskets. She pays $5 for each."


def _cut(code: str, sandbox: Sandbox, answer: str | None = None) -> tuple[list[Draft], list[str]]:
    program = ran_program(code, sandbox, problem=PROBLEM, answer=answer)
    drafts, reasons = [], []
    for found in drafts_of(program):
        if isinstance(found, Dropped):
            reasons.append(found.reason)
            continue
        assert 0 <= found.start < found.end <= len(code)
        assert found.code or found.statements
        drafts.append(found)
    return drafts, reasons


def _text(draft: Draft) -> str:
    return "; ".join(map(ast.unparse, draft.statements))


def _taken(draft: Draft) -> dict[str, object]:
    return {name: value.value for name, value in draft.inputs}


def test_a_value_by_itself_and_with_all_that_it_was_computed_from(sandbox: Sandbox) -> None:
    code = "a = 24\nb = 3\neach = a / b  # per basket\ntotal = each * 5\nprint(total)\n"
    drafts, dropped = _cut(code, sandbox, "40")
    assert not dropped
    assert [(_text(d), _taken(d), d.target, d.result.value) for d in drafts] == [
        ("return a / b", {"a": 24, "b": 3}, "each", 8),
        ("return each * 5", {"each": 8}, "total", 40),
        ("each = a / b; return each * 5", {"a": 24, "b": 3}, "total", 40),
    ]
    assert all(draft.checked for draft in drafts)
    assert drafts[0].comment == "per basket"
    assert not any(draft.checked for draft in _cut(code, sandbox, "41")[0])


def test_what_does_not_feed_the_answer_is_not_checked(sandbox: Sandbox) -> None:
    drafts, _ = _cut("a = 24\nbeside = a + 5\ntotal = a / 3\nprint(total)\n", sandbox, "8")
    assert {d.target: d.checked for d in drafts} == {"beside": False, "total": True}


def test_names_that_are_unpacked_are_a_routine_each(sandbox: Sandbox) -> None:
    drafts, _ = _cut("a = 24\nq, r = divmod(a, 5)\nprint(q)\n", sandbox, "4")
    assert {d.target: (d.result.value, d.checked) for d in drafts} == {
        "q": (4, True), "r": (4, False)
    }  # fmt: skip


def test_an_unpacked_name_feeds_the_answer_where_it_is_read_for_it(sandbox: Sandbox) -> None:
    drafts, _ = _cut("a = 24\nq, r = divmod(a, 5)\nx = q + 1\nprint(x)\n", sandbox, "5")
    checked = {(d.target, d.checked) for d in drafts}
    assert {("q", True), ("r", False)} <= checked


def test_a_loop_gives_what_is_read_after_it(sandbox: Sandbox) -> None:
    code = "a = 24\ntotal = 0\nfor i in range(a):\n    total += i\nlast = total * 3\n"
    drafts, _ = _cut(code, sandbox)
    loop = next(d for d in drafts if d.target == "total")
    assert isinstance(loop.statements[-1], ast.Return)
    assert loop.result.value == sum(range(24))
    assert _taken(loop) == {"a": 24}


def test_a_function_with_its_call(sandbox: Sandbox) -> None:
    code = "def shares(n, among=3):\n    return n / among\n\nprint(shares(24))\n"
    (draft,), dropped = _cut(code, sandbox, "8")
    assert not dropped
    assert (draft.entry, draft.result.value, draft.checked) == ("shares", 8, True)
    assert _taken(draft) == {"n": 24, "among": 3}
    twice = code + "print(shares(48))\n"
    assert [d.checked for d in _cut(twice, sandbox, "16")[0]] == [False]


def test_a_function_that_may_return_in_the_middle_is_whole(sandbox: Sandbox) -> None:
    body = "    a = 24\n    if a > 5:\n        return a * 2\n    return a\n"
    code = f"def main():\n{body}\nprint(main())\n"
    (draft,), _ = _cut(code, sandbox, "48")
    assert _taken(draft) == {"a": 24}
    assert (draft.result.value, draft.checked) == (48, True)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("def f(*a):\n    return sum(a)\n\nf(1)\n", "takes any number of arguments"),
        ("def f(a):\n    return a + 1\n", "is never called"),
        ("a = 24\nb = a + 5\na = 3\nc = a + b\n", DATA_REASSIGNED),
        ("def g():\n    n = 24\n    return n * 3\n\nx = g() + 5 * 2\n", DATA_INSIDE),
        ("a = 24\nx = iter([a, a + 3])\n", NOT_PLAIN),
    ],
)
def test_why_there_is_no_routine(code: str, reason: str, sandbox: Sandbox) -> None:
    assert reason in _cut(code, sandbox)[1]


@pytest.mark.parametrize("code", ["x = 24\n", "y = x = 5\n", "import math\n", "a = 24\nb = a\n"])
def test_what_works_nothing_out_is_no_routine(code: str, sandbox: Sandbox) -> None:
    assert _cut(code, sandbox) == ([], [])
