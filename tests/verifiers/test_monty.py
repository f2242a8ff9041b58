"""What monty hands out: what is a plain value there, and what only comes out as one."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.schemas import encode
from tracemine.verifiers import Limits, Sandbox, _definitions, _monty

#: Come out of monty as text or as a list, and were neither.
DISGUISED = {
    "range": "range(3)",
    "function": "lambda x: x",
    "iterator": "iter([1])",
    "keys": "{1: 2}.keys()",
    "slice": "slice(1, 2)",
    "deque": "__import_collections.deque([1])",
    "within": "[1, {'a': (range(3),)}]",
    "own repr": "Liar()",
    "itself": "own",
}
PRELUDE = """
import collections as __import_collections
class Liar:
    def __repr__(self):
        return '42'
own = [1]
own.append(own)
"""

plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner)
    | st.tuples(inner, inner),
    max_leaves=10,
)  # fmt: skip


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(processes=1) as opened:
        yield opened


@pytest.mark.parametrize("expression", DISGUISED.values(), ids=DISGUISED.keys())
@pytest.mark.parametrize("hide", ["", "def repr(value):\n    return 'x'\n"])
def test_what_is_not_plain_does_not_come_out_as_if(
    expression: str, hide: str, sandbox: Sandbox
) -> None:
    source = f"{PRELUDE}\n{hide}def f():\n    return {expression}\n"
    (run,) = sandbox.run_many(source, "f", [{}], backend="monty")
    assert run.status == "unsupported" and run.value is None


@given(value=plain_values)
@settings(max_examples=150, deadline=None)
def test_plain_values_pass_through_unchanged(value: object, sandbox: Sandbox) -> None:
    source = "def f(value):\n    return value\n"
    (run,) = sandbox.run_many(source, "f", [{"value": value}], backend="monty")
    assert (run.status, encode(run.value)) == ("ok", encode(value))


def test_a_program_that_has_its_own_repr_is_still_read(sandbox: Sandbox) -> None:
    source = "def repr(value):\n    return 'mine'\ndef f():\n    return [repr(1), 2]\n"
    (run,) = sandbox.run_many(source, "f", [{}], backend="monty")
    assert (run.status, run.value) == ("ok", ["mine", 2])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("raise TimeoutError('it took long')", "error"), ("raise MemoryError('x')", "error"),
        ("return 10 ** 5000", "unsupported"), ("raise ValueError('x')", "error"),
    ],
)  # fmt: skip
def test_what_a_program_raises_is_no_limit(body: str, status: str, sandbox: Sandbox) -> None:
    (run,) = sandbox.run_many(f"def f():\n    {body}\n", "f", [{}], backend="monty")
    assert run.status == status


@pytest.mark.parametrize(
    "expression",
    ["{k * (2**61 - 1) for k in range(1500)}", "[1, ({k * (2**61 - 1): 1 for k in range(1500)},)]"],
)
@pytest.mark.parametrize("hide", ["", "def repr(v):\n    return ''\ndef len(v):\n    return 0\n"])
def test_many_members_of_one_hash_are_not_built_again(
    expression: str, hide: str, sandbox: Sandbox
) -> None:
    source = f"{hide}def f():\n    return {expression}\n"
    (run,) = sandbox.run_many(source, "f", [{}], backend="monty")
    assert (run.status, run.value) == ("unsupported", None)
    few = source.replace("1500", "500")
    assert sandbox.run_many(few, "f", [{}], backend="monty")[0].status == "ok"
    final = sandbox.run(source, "f", {})
    assert (final.status, final.backend) == ("error", "cpython") and "not a result" in final.reason


@pytest.mark.parametrize(
    "body",
    [
        "class A:\n    def __repr__(self): return 'x'\n"
        "def f():\n    a = A()\n    a.s = {}\n    return a\n",
        "def f():\n    a = type('A', (), {{}})()\n    a.s = {}\n    return [a]\n",
        "def f():\n    return \uff53et(k for k in {})\n",
    ],
)
@pytest.mark.parametrize("by_call", [True, False])
def test_what_an_object_holds_is_not_built_again(
    body: str, by_call: bool, sandbox: Sandbox
) -> None:
    """An object is written as it likes, and comes out with all that it holds: half a minute."""
    source = body.format("{k * (2**61 - 1) for k in range(50_000)}")
    began = time.monotonic()
    if by_call:
        run = sandbox.run_calls(source, ["f()"])
    else:
        (run,) = sandbox.run_many(source, "f", [{}], backend="monty")
    assert (run.status, run.value) == ("unsupported", None)
    assert time.monotonic() - began < 10


def test_calls_give_each_value_as_it_was_before_the_next(sandbox: Sandbox) -> None:
    source = "seen = []\ndef f(n):\n    seen.append(n)\n    return seen\n"
    assert sandbox.run_calls(source, ["f(1)"]).value == [[1]]
    run = sandbox.run_calls(source, ["f(1)", "f(2)"])
    assert (run.status, run.value) == ("unsupported", None)  # the first is another by now
    run = sandbox.run_calls(source, ["list(f(1))", "list(f(2))"])
    assert (run.status, run.value) == ("ok", [[1], [1, 2]])


@pytest.mark.parametrize(
    ("source", "calls", "status"),
    [
        ("def f(): return 1", ["f()", "g()"], "error"),
        ("def f(): return 1", ["f()", "range(3)"], "unsupported"),
        ("def f(): return {5: 1}", ["f()", "[{1}, f()]"], "ok"),
        ("def f(): return {5, 1}", ["f()", "{(9, 'x'): {7, 0}}"], "ok"),
        ("def f(): return frozenset({5, 1})", ["f()"], "unsupported"),
        ("def f():\n    while True: pass", ["f()"], "timeout"),
        ("def f(): return 1", ["__tm_all", "f()"], "unsupported"),
        ("x = \\", ["1"], "ok"),
        ("x = (", ["1"], "error"),
        ("\ud800", ["1"], "refused"),
    ],
)
def test_how_calls_end(source: str, calls: list[str], status: str, sandbox: Sandbox) -> None:
    assert sandbox.run_calls(source, calls, limits=Limits(seconds=0.3)).status == status


@given(values=st.lists(plain_values, min_size=1, max_size=3))
@settings(max_examples=100, deadline=None)
def test_calls_give_plain_values_unchanged_or_none(values: list[object], sandbox: Sandbox) -> None:
    run = sandbox.run_calls("nan, inf = float('nan'), float('inf')", [repr(v) for v in values])
    if run.status == "ok":
        assert [encode(value) for value in run.value] == [encode(value) for value in values]
    else:
        assert run.status == "unsupported"


def test_the_modules_that_monty_has_are_known(sandbox: Sandbox) -> None:
    """A missing one would cost time alone; one too many, a run that cannot succeed."""
    found = set()
    for name in sys.stdlib_module_names | {"numpy", "sympy"}:
        # Within a function, where nobody looks for it beforehand.
        source = f"def f():\n    import {name}\n    return 1\n"
        (run,) = sandbox.run_many(source, "f", [{}], backend="monty")
        found |= {name} if run.status == "ok" else set()
    assert found - _definitions.MODULES.keys() | {"__future__"} == _monty._MODULES


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("import bz2\ndef f(): return 1", "unsupported"),
        ("import math, bz2\ndef f(): return 1", "unsupported"),
        ("from fractions import Fraction\ndef f(): return 1", "unsupported"),
        ("def f():\n    import bz2\n    return 1", "unsupported"),
        ("from __future__ import annotations\nimport os.path\ndef f(): return 1", "ok"),
        ('"""\nfrom heaven\n"""\nimport math as m\ndef f(): return m.gcd(3, 1)', "ok"),
    ],
)
def test_programs_with_modules_that_monty_lacks_are_not_for_it(
    source: str, status: str, sandbox: Sandbox
) -> None:
    assert sandbox.run_many(source, "f", [{}], backend="monty")[0].status == status
    assert sandbox.run(source, "f", {}).value == 1


def test_a_long_value_without_sets_and_dicts_comes_out(sandbox: Sandbox) -> None:
    (run,) = sandbox.run_many("def f(): return [7] * 9000", "f", [{}], backend="monty")
    assert (run.status, run.value) == ("ok", [7] * 9000)


@pytest.mark.parametrize(
    "own", ["def __tm_call(e, many): return [5]", "__tm_ask = 5", "__t\uff4d_ask = 5"]
)
def test_names_of_the_driver_are_not_for_code(own: str, sandbox: Sandbox) -> None:
    source = f"def f(): return [1]\n{own}\n"
    for bindings in ([{}], [{}, {}]):
        assert {r.status for r in sandbox.run_many(source, "f", bindings, backend="monty")} == {
            "unsupported"
        }
