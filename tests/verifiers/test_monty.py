"""What monty hands out: what is a plain value there, and what only comes out as one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.schemas import encode
from tracemine.verifiers import Sandbox

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
