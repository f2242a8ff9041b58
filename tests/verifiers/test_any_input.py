"""No input of any kind makes a verifier raise or hang, nor give sympy more than its time; equal
answers are equal however they are written, and both ways round."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from benchmarks.rewritings import NEAR_MISSES, REWRITINGS
from tracemine.verifiers import (
    ANSWERS,
    VERIFIERS,
    Context,
    Verdict,
    symbolic,
    verify,
    warm_symbolic,
)

#: What takes longer hangs, on the busiest machine too, in seconds of wall time.
PATIENT = 60.0

COMMANDS = (
    "\\frac", "\\sqrt", "\\sum", "\\int", "\\left(", "\\right)", "\\text{", "\\begin{pmatrix}",
    "\\\\",
    "\\end{pmatrix}", "\\cup", "\\infty", "\\pi", "\\circ", "\\boxed{", "{", "}", "(", ")", "[",
    "]",
    "^", "_", "!", ",", "=", "<", "\\le", "+", "-", "*", "/", "$", "\\$", "%", "&", "x", "y",
    "e", "i",
    "0", "1", "9", "12", "99", "0.5", "\\lim_{x\\to0}", "\\log", "\\sin", "\\binom", "\\prod", "|",
    "\\overline{", "\\pm", "\\in", " ", "km", "\\mathbb{R}", "\\{", "\\}", "or", "(A)", "=", ";",
    "'",
)  # fmt: skip
soup = st.lists(st.sampled_from(COMMANDS), max_size=25).map("".join)
deep = st.integers(1, 5000).flatmap(
    lambda n: st.sampled_from(
        ["(1,", "[", "{", "\\frac{", "\\sqrt{", "\\{1,", "x^{", "\\text{", "$", "-"]
    ).map(
        lambda opening: (
            opening * n + "1" + {"(1,": ")", "\\{1,": "\\}", "[": "]"}.get(opening, "}") * n
        )
    )
)
huge = st.integers(1, 20_000).flatmap(
    lambda n: st.sampled_from(["9", "1,", "1/", "1+", "x", "1 ", "10^"]).map(lambda s: s * n)
)
texts = (
    soup | deep | huge | st.text(max_size=60)
    | st.text("\\{}()^_/0123456789xy+-=,. $%", max_size=40)
    | st.text(st.characters(categories=["Cc", "Cs", "Nd", "No", "Sm"]), max_size=20)
)  # fmt: skip
leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.fractions() | st.binary(max_size=8)
    | st.complex_numbers() | texts | st.sampled_from([1e308, 5e-324])
    | st.builds(lambda digits: 10**digits, st.integers(4000, 5000))
    | st.builds(object)
)  # fmt: skip
anything = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.integers() | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
contexts = st.builds(
    Context,
    verifier=st.none() | st.sampled_from(sorted(VERIFIERS)),
    type=st.sampled_from(["", "int", "expr", "interval", "list[real]", "set[", "\ud800"]),
    texts=st.booleans(),
    unit=st.sampled_from(["", "m", "apples", "m**99999", "\0", "degree c"]),
    options=st.sampled_from([(), ("1", "2"), ("", "\ud800", "x+1")]),
)


@pytest.fixture(autouse=True, scope="module")
def asked() -> Iterator[list[float]]:
    """The seconds that sympy was given for each pair."""
    found: list[float] = []
    compare = symbolic._Pool.compare

    def listening(pool: symbolic._Pool, reference: str, answer: str, seconds: float) -> object:
        found.append(seconds)
        return compare(pool, reference, answer, seconds)

    warm_symbolic()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(symbolic._Pool, "compare", listening)
        yield found


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(left=anything, right=anything, context=contexts)
@example("\\frac{" * 300, "x+1", ANSWERS)
@example("(1," * 3000, "(1," * 3000 + "2", ANSWERS)
@example(float("nan"), float("nan"), Context())
@example("1" + ",111" * 200, "1", ANSWERS)
@example(r"x^{40}+y^{39}+\sin(x^{20}y^{3})=3", r"x^{41}+z^{39}+\cos(x^{20}y^3)=1", ANSWERS)
@example(r"\sum_{n=1}^{10^{9}} \sin(n)^{n}", "1", ANSWERS)
@example(r"\begin{pmatrix}" + "1 & " * 200 + r"1\end{pmatrix}", "x", ANSWERS)
@example("$" * 1990, "1", ANSWERS)
@example("sqrt(" * 390, "1", ANSWERS)
@example("1/2 " * 100, "1", ANSWERS)
@example("1 " * 5000, "1" * 9000, ANSWERS)
@example("the answer is " * 600, "answer: " * 900, ANSWERS)
@example("٣", "½", ANSWERS)
def test_no_input_raises_hangs_or_takes_long(
    asked: list[float], left: Any, right: Any, context: Context
) -> None:
    for pair in ((left, right), (right, left), (left, left)):
        asked.clear()
        began = time.monotonic()
        verdict = verify(*pair, context)
        assert time.monotonic() - began < PATIENT
        # What one pair of members has taken, the next no longer gets.
        assert asked == sorted(asked, reverse=True)
        assert not asked or asked[0] <= symbolic.CPU_SECONDS
        assert isinstance(verdict, Verdict) and verdict.outcome in ("agree", "differ", "unknown")


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(left=soup | st.text(max_size=12), right=soup | st.text(max_size=12))
def test_texts_are_compared_alike_both_ways(left: str, right: str) -> None:
    there, back = verify(left, right, ANSWERS), verify(right, left, ANSWERS)
    if "time" not in there.reason + back.reason and "no answer" not in there.reason + back.reason:
        assert there.outcome == back.outcome
    assert verify(left, left, ANSWERS).outcome != "differ"


numbers = st.integers(-99_999, 99_999).map(str)
quotients = st.builds(lambda p, q: f"\\frac{{{p}}}{{{q}}}", st.integers(1, 99), st.integers(2, 64))
roots = st.builds(
    lambda a, b: f"{a}\\sqrt{{{b}}}", st.integers(2, 9), st.sampled_from([2, 3, 5, 7])
)
sums = st.builds(
    lambda a, b, c: f"{a}x^2 + {b}y - {c}", st.integers(2, 9), st.integers(2, 9), st.integers(1, 99)
)
angles = st.integers(1, 359).map(lambda n: f"{n}^\\circ")
lengths = st.builds(
    lambda n, unit: f"{n}\\text{{ {unit}}}",
    st.integers(1, 999),
    st.sampled_from(["cm", "feet", "hours"]),
)
singles = numbers | quotients | roots | sums | angles | lengths
pairs = st.lists(numbers | quotients | roots, min_size=2, max_size=4, unique=True)
answers = (
    singles
    | pairs.map(lambda members: f"({', '.join(members)})")
    | pairs.map(lambda members: f"\\{{{', '.join(members)}\\}}")
    | st.builds(lambda a, b: f"[{a}, {a + b})", st.integers(-99, 99), st.integers(1, 99))
    | st.sampled_from([r"\text{even}", "(-\\infty, 4]", r"(1,2) \cup (3,\infty)", "x - 3y = 7"])
)


@settings(max_examples=150, deadline=None)
@given(answer=answers)
def test_an_answer_is_itself_however_it_is_written(answer: str) -> None:
    for name, rewrite in REWRITINGS.items():
        other = rewrite(answer)
        if other is not None:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(symbolic, "WALL_SECONDS", PATIENT)
                assert verify(answer, other, ANSWERS).outcome == "agree", (name, other)
                assert verify(other, answer, ANSWERS).outcome == "agree", (name, other)


@settings(max_examples=100, deadline=None)
@given(answer=answers)
def test_a_near_miss_is_none(answer: str) -> None:
    for name, change in NEAR_MISSES.items():
        other = change(answer)
        if other is not None:
            assert verify(answer, other, ANSWERS).outcome != "agree", (name, other)
            assert verify(other, answer, ANSWERS).outcome != "agree", (name, other)
