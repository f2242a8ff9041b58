"""Plain arithmetic computed without a sandbox: the same as in one, and only what cannot grow."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from asked_batches import Batch
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.schemas import Instance, Parameter, Signature, content_id, encode
from tracemine.verifiers import replay as replay_module
from tracemine.verifiers.arithmetic import INPUT_BITS, MAX_BITS, calculation
from tracemine.verifiers.replay import (
    UNMET,
    Case,
    Routine,
    computer,
    is_arithmetic_of_powers,
    is_plain_arithmetic,
    replay,
    run_routine,
)
from tracemine.verifiers.runs import reason_text
from tracemine.verifiers.sandbox import Sandbox

NAMES = ("a", "b", "c")

INTEGERS = st.one_of(
    st.integers(-3, 3),
    st.integers(-1000, 1000),
    st.integers(-(2**128) + 1, 2**128 - 1),
    st.sampled_from([2**53, 2**53 + 1, -(2**63), 2**64]),
)
FLOATS = st.one_of(
    st.floats(),
    st.integers(-100, 100).map(float),
    st.sampled_from([0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, 1.7e308]),
)
VALUES = st.fixed_dictionaries({name: st.one_of(INTEGERS, FLOATS) for name in NAMES})
CONSTANTS = st.one_of(
    st.integers(0, 1000).map(str), st.floats(min_value=0, allow_infinity=False).map(repr)
)


def expressions(names: tuple[str, ...]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["+", "-", "*", "/", "//", "%"])
    return st.recursive(
        st.one_of(st.sampled_from(names), CONSTANTS),
        lambda inner: st.one_of(
            st.tuples(inner, operators, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
            st.tuples(st.sampled_from("+-"), inner).map(lambda t: f"({t[0]}{t[1]})"),
        ),
        max_leaves=8,
    )


CONDITIONS = st.recursive(
    st.one_of(
        st.builds(
            "{} {} {}".format,
            expressions(NAMES),
            st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
            expressions(NAMES),
        ),
        st.builds("{0} < {1} <= {2}".format, *[expressions(NAMES)] * 3),
        st.builds(
            "type({}).__name__ in {}".format,
            st.sampled_from(NAMES),
            st.sampled_from(["('int',)", "('int', 'float')", "('Fraction', 'float', 'str')"]),
        ),
        expressions(NAMES),
    ),
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("(not {})".format, inner),
    ),
    max_leaves=3,
)


@st.composite
def routines(draw: st.DrawFn) -> Routine:
    """Steps that bind names anew, parameters among them, and a result."""
    known = NAMES
    lines = []
    for _ in range(draw(st.integers(0, 3))):
        target = draw(st.sampled_from(["a", "x", "y"]))
        lines.append(f"    {target} = {draw(expressions(known))}")
        known = tuple(dict.fromkeys((*known, target)))
    lines.append(f"    return {draw(expressions(known))}")
    order = draw(st.permutations(NAMES))
    code = "\n".join([f"def f({', '.join(order)}):", *lines, ""])
    predicates = tuple(draw(st.lists(CONDITIONS, max_size=2)))
    return routine(code, predicates=predicates)


def routine(
    code: str, *, names: tuple[str, ...] = NAMES, predicates: tuple[str, ...] = ()
) -> Routine:
    signature = Signature(tuple(Parameter(n, "real") for n in names), Parameter("out", "real"))
    return Routine("v", code, "f", signature, predicates, "numeric")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(processes=1) as opened:
        yield opened


def plainly(asked: Routine, values: dict[str, Any]) -> tuple[str, str]:
    """What this very interpreter makes of a routine that a test wrote."""
    scope: dict[str, Any] = {}
    exec(asked.code, scope)
    for predicate in asked.predicates:
        try:
            if not eval(predicate, dict(values)):
                return "unsupported", predicate
        except ArithmeticError:
            return "unsupported", predicate
    return "ok", repr(scope["f"](**values))


@settings(max_examples=200, deadline=None)
@given(routines(), st.lists(VALUES, min_size=1, max_size=8))
def test_it_says_what_the_sandbox_says(
    sandbox: Sandbox, asked: Routine, many: list[dict[str, Any]]
) -> None:
    compute = computer(asked)
    if compute is None:  # it may grow
        return
    ours = [compute(values) for values in many]
    theirs = run_routine(asked, many, sandbox, backend="monty")
    for values, mine, other in zip(many, ours, theirs, strict=True):
        if mine is None:
            assert other.status == "error"
            with pytest.raises(ArithmeticError):
                plainly(asked, values)
            continue
        assert repr(mine) == repr(other)  # nan, and -0.0, which == does not tell
        status, text = plainly(asked, values)
        assert mine.status == status
        if status == "ok":
            assert repr(mine.value) == text
        else:
            assert mine.reason == reason_text(f"{UNMET}: {text}")


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(
        ["a ** b", "a ** b * c + a", "(a + b) ** (c - 1)", "a * (1 + b) ** c", "a ** b ** c",
         "-a ** -b", "a ** 0.5 - b ** 2 % 7", "a ** 2 + b ** 2 // c"]
    ),
    st.lists(VALUES, min_size=1, max_size=4),
)  # fmt: skip
def test_powers_are_those_of_cpython(
    sandbox: Sandbox, text: str, many: list[dict[str, Any]]
) -> None:
    asked = routine(f"def f(a, b, c):\n    return {text}\n")
    compute = computer(asked)
    assert compute is not None
    computed = [(values, mine) for values in many if (mine := compute(values)) is not None]
    values = [given for given, _ in computed]
    theirs = run_routine(asked, values, sandbox, backend="cpython")
    for given_values, (_, mine), other in zip(values, computed, theirs, strict=True):
        assert repr(mine) == repr(other)
        assert repr(mine.value) == plainly(asked, given_values)[1]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a ** b ** c", (9, 9, 9)),
        ("a ** b", (2, 10**30, 0)),
        ("(a ** b) ** c", (2**100, 10, 10**6)),
        ("a ** b", (0, -1, 0)),
        ("a ** b", (-8, 0.5, 0)),
        ("a ** b", (1e200, 2, 0)),
    ],
)
def test_a_power_that_may_be_too_large_or_is_no_real_number_is_left_to_the_sandbox(
    text: str, values: tuple[Any, Any, Any]
) -> None:
    compute = computer(routine(f"def f(a, b, c):\n    return {text}\n"))
    assert compute is not None
    assert compute(dict(zip(NAMES, values, strict=True))) is None


def test_most_real_shapes_are_computed() -> None:
    code = (
        "def f(c, a, b):\n    part = a * b / 100\n    a = part + c\n    return a - 2.5 // 1 % 7\n"
    )
    asked = routine(code, predicates=("type(a).__name__ in ('int', 'Fraction')", "b - 1 != 0"))
    compute = computer(asked)
    assert compute is not None
    found = compute({"a": 10, "b": 50, "c": 3})
    assert found is not None
    assert found.value == 10 * 50 / 100 + 3 - 2.5 // 1 % 7
    unmet = compute({"a": 10, "b": 1, "c": 3})
    assert unmet is not None
    assert unmet.reason == "precondition does not hold: b - 1 != 0"


def test_hostile_growth_is_left_to_the_sandbox() -> None:
    grown = "".join("    a = a * a\n" for _ in range(60))
    assert computer(routine(f"def f(a, b, c):\n{grown}    return a\n")) is None
    assert (
        computer(routine("def f(a, b, c):\n    return a\n", predicates=("a * " * 60 + "a",)))
        is None
    )
    deep = "-" * 500 + "a"
    assert computer(routine(f"def f(a, b, c):\n    return {deep}\n")) is None
    deeper = "-" * 100_000 + "a"
    assert computer(routine(f"def f(a, b, c):\n    return {deeper}\n")) is None
    wide = "    x = a\n" * 5_000
    assert computer(routine(f"def f(a, b, c):\n{wide}    return x\n")) is None
    digits = "9" * 4_000
    assert computer(routine(f"def f(a, b, c):\n    return {digits}\n")) is None


@given(st.integers(1, 40), INTEGERS)
def test_no_integer_is_larger_than_the_bound(factors: int, value: int) -> None:
    compute = computer(routine(f"def f(a):\n    return {'a * ' * factors}1\n", names=("a",)))
    if compute is None:
        assert factors * INPUT_BITS + 1 > MAX_BITS
        return
    run = compute({"a": value})
    assert run is not None
    assert run.value.bit_length() <= MAX_BITS


@pytest.mark.parametrize(
    "value",
    [
        True,
        2**128,
        -(2**200),
        "3",
        None,
        [1],
        complex(1, 2),
        Fraction(1, 3),
    ],
)
def test_other_values_are_left_to_the_sandbox(value: Any) -> None:
    compute = computer(routine("def f(a):\n    return a + 1\n", names=("a",)))
    assert compute is not None
    assert compute({"a": value}) is None


@pytest.mark.parametrize(
    "code",
    [
        "def f(a):\n    return a ** 2 * a ** 2 * a ** 2 * a ** 2 * a ** 2\n",
        "def f(a):\n    return pow(a, 2)\n",
        "def f(a):\n    return power(a, 2)\n",
        "def f(a):\n    return abs(a)\n",
        "def f(a):\n    return a.real\n",
        "def f(a):\n    return a if a else 1\n",
        "def f(a):\n    return (lambda: a)()\n",
        "def f(a):\n    return b\n",
        "def f(a):\n    x = x + a\n    return x\n",
        "def f(a):\n    x += a\n    return x\n",
        "def f(a):\n    x = y = a\n    return x\n",
        "def f(a):\n    a.x = 1\n    return a\n",
        "def f(a):\n    (x, y) = a\n    return a\n",
        "def f(a):\n    return a\n    return 1\n",
        "def f(a):\n    return\n",
        "def f(a):\n    return True\n",
        "def f(a):\n    return 1j * a\n",
        "def f(a):\n    return 1e999 * a\n",
        "def f(a):\n    return a << 9999999\n",
        "def f(a):\n    return a & 1\n",
        "def f(a):\n    return ~a\n",
        "def f(a):\n    return a < 1\n",
        "def f(a):\n    while a:\n        a = a\n    return a\n",
        "def f(a=1):\n    return a\n",
        "def f(*a):\n    return a\n",
        "def f(**a):\n    return a\n",
        "def f(*, a):\n    return a\n",
        "def f(a, /):\n    return a\n",
        "def f(a, b):\n    return a\n",
        "def f(a: exit()):\n    return a\n",
        "def f(a) -> exit():\n    return a\n",
        "@exit\ndef f(a):\n    return a\n",
        "async def f(a):\n    return a\n",
        "def g(a):\n    return a\n",
        "import os\ndef f(a):\n    return a\n",
        "def f(a):\n    return a\nf = 1\n",
        "def f(a):\n    return a +\n",
        "def f(a):\n    return a\0\n",
        "",
    ],
)
def test_other_code_is_left_to_the_sandbox(code: str) -> None:
    assert calculation(code, "f", ("a",), ()) is None


@pytest.mark.parametrize(
    "predicate",
    [
        "a != 0) or (True",
        "isinstance(a, b)",
        "type(b).__name__ in ('int',)",
        "type(a).__name__ in ('int', a)",
        "type(a).__name__ in ()",
        "type(a).__name__ == 'int'",
        "type(a).__bases__ in ('int',)",
        "type(a, **{}).__name__ in ('int',)",
        "exit()",
        "a is a",
        "a in (1, 2)",
        "(a := 0) == 0",
        "b",
        "[a]",
        "a ** 2 > 1",
        "a != 0 \\",
        "",
    ],
)
def test_other_preconditions_are_left_to_the_sandbox(predicate: str) -> None:
    assert calculation("def f(a):\n    return a\n", "f", ("a",), (predicate,)) is None


def test_a_parameter_named_as_what_a_precondition_asks() -> None:
    code = "def f(type):\n    return type\n"
    assert calculation(code, "f", ("type",), ("type(type).__name__ in ('int',)",)) is None


def _cases() -> list[Case]:
    keys = (Parameter("p", "real"), Parameter("q", "real"), Parameter("r", "any"))
    values: list[tuple[Any, Any, Any, Any]] = [
        (3, 4, 5, 17), (0, 0, 0, 0), (2, 0.1, 7, 7.2), (1, 2, "x", 3), (6, 7, True, 43),
        (10**30, 3, 1, 3 * 10**30 + 1), (10**50, 10, 5, 1), (1.5, -0.0, 8, 8.0), (9, 9, 9, 12),
    ]  # fmt: skip
    cases = []
    for p, q, r, result in values:
        bindings = encode({"p": p, "q": q, "r": r})
        identifier = content_id("instance", bindings)
        instance = Instance(
            id=identifier, span_id="s", trajectory_id="t", problem_id="p",
            bindings=bindings, result=encode(result), origin="trace", checked=True,
        )  # fmt: skip
        cases.append(Case(instance, keys, "family"))
    return cases


@pytest.mark.parametrize(
    "code",
    [
        "def f(a, b, c):\n    return a * b + c\n",
        "def f(a, b, c):\n    return a / b + c\n",
        "def f(a, b, c):\n    return 10 * a // b % c\n",
        "def f(a, b, c):\n    return a - b * 1e308 * 10 + c\n",
        "def f(a, b, c):\n    return a ** b + c\n",
    ],
)
@pytest.mark.parametrize(
    "predicates", [(), ("b != 0",), ("a / c > 0", "type(b).__name__ in ('int',)")]
)
def test_verdicts_are_those_of_the_sandbox_alone(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, code: str, predicates: tuple[str, ...]
) -> None:
    asked = routine(code, predicates=predicates)
    ours = replay(asked, _cases(), sandbox)
    monkeypatch.setattr(replay_module, "computer", lambda _: None)
    assert ours == replay(asked, _cases(), sandbox)
    assert {verdict.verdict for verdict in ours} > {"fail"}


def test_a_power_that_never_ends_is_a_timeout_of_cpython_alone(
    sandbox: Sandbox, batches: list[Batch]
) -> None:
    asked = routine("def f(a, b, c):\n    return a ** (b ** c)\n")
    keys = tuple(Parameter(name, "real") for name in NAMES)
    cases = []
    for values, result in (((2, 3, 2), 512), ((9, 9, 9), 1), ((3, 2, 2), 80), ((8, 9, 9), 1)):
        bindings = encode(dict(zip(NAMES, values, strict=True)))
        instance = Instance(
            id=content_id("instance", bindings), span_id="s", trajectory_id="t", problem_id="p",
            bindings=bindings, result=encode(result), origin="test", checked=True,
        )  # fmt: skip
        cases.append(Case(instance, keys, "family", own_roles=True))
    found = {verdict.instance_id: verdict.verdict for verdict in replay(asked, cases, sandbox)}
    assert [found[case.instance.id] for case in cases] == ["pass", "timeout", "fail", "timeout"]
    assert [batch.backend for batch in batches] == ["cpython"]


@pytest.mark.parametrize(
    "code",
    [
        "@id\ndef h():\n    return 0\ndef f(a, b):\n    return a * b + (h // 4096 % 16) ** 1\n",
        "@id\ndef h():\n    return 0\ndef f(a, b):\n    return a * b + h // 4096 % 16\n",
        "def f(a, b=id(1)):\n    return a ** b\n",
        "def f(a: id(1), b):\n    return a * b\n",
        "def f(a, b) -> id(1):\n    return a ** b\n",
        "def f(a, b, *, c=id(1)):\n    return a * b\n",
    ],
)
def test_what_is_run_where_a_function_is_made_is_no_arithmetic(code: str) -> None:
    assert not is_plain_arithmetic(code)
    assert not is_arithmetic_of_powers(code)


def test_powers_under_a_precondition_that_is_no_arithmetic_come_again_with_other_hashes(
    sandbox: Sandbox, batches: list[Batch]
) -> None:
    asked = routine("def f(a, b, c):\n    return a ** b + c\n", predicates=("hash('a') != 0",))
    bindings = encode({"a": 2, "b": 3, "c": 1})
    instance = Instance(
        id="i", span_id="s", trajectory_id="t", problem_id="p",
        bindings=bindings, result=encode(9), origin="test", checked=True,
    )  # fmt: skip
    keys = tuple(Parameter(name, "real") for name in NAMES)
    (verdict,) = replay(asked, [Case(instance, keys, "family", own_roles=True)], sandbox)
    assert verdict.verdict == "pass"
    assert ("cpython", True) in [(batch.backend, batch.second_seed) for batch in batches]


def test_a_pass_is_the_word_of_the_sandbox(sandbox: Sandbox, batches: list[Batch]) -> None:
    asked = routine("def f(a, b, c):\n    return a * b + c\n")
    (own,) = replay(asked, _cases()[:1], sandbox)
    assert own.verdict == "unsupported"  # it chose the alignment
    # Of the alignments, those that give the result: one calculation in two orders.
    assert [given for batch in batches for given in batch.bindings] == [{"a": 3, "b": 4, "c": 5}]
