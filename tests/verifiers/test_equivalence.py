"""Whether values and answers agree: what must, what must not, and what no input may do."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.verifiers import (
    ANSWERS,
    VERIFIERS,
    Context,
    Verdict,
    shared_sandbox,
    symbolic,
    verifier_for,
    verify,
)

NAN = float("nan")


@pytest.fixture(autouse=True, scope="module")
def patient() -> Iterator[None]:
    """Time for sympy on the busiest machine: nothing here hangs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(symbolic, "WALL_SECONDS", 60.0)
        yield


def _answer(reference: str, answer: str) -> Verdict:
    return verify(reference, answer, ANSWERS)


scalars = (
    st.none() | st.booleans() | st.integers() | st.fractions() | st.text(max_size=8)
    | st.floats(allow_nan=False) | st.complex_numbers(allow_nan=False) | st.binary(max_size=8)
)  # fmt: skip
members = st.booleans() | st.integers() | st.text(max_size=3) | st.fractions()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.sets(members, max_size=4)
        | st.dictionaries(members, inner, max_size=4)
    ),
    max_leaves=10,
)


@given(value=values)
def test_a_value_agrees_with_itself(value: Any) -> None:
    assert verify(value, value).outcome == "agree"
    assert verify([value], (value,)).outcome == "differ"


@given(left=values, right=values, name=st.sampled_from(["exact", "numeric", None]))
def test_symmetric_and_never_raises(left: Any, right: Any, name: str | None) -> None:
    there, back = (
        verify(left, right, Context(verifier=name)),
        verify(right, left, Context(verifier=name)),
    )
    assert there.outcome == back.outcome


@pytest.mark.parametrize(
    ("left", "right", "agree"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        ([1], [True], False),
        ({1: 2}, {True: 2}, False),
        ({1}, {True}, False),
        (Fraction(1, 2), 0.5, True),
        (Fraction(1, 3), 1 / 3, True),
        (0.1 + 0.2, 0.3, True),
        (1e-20, 2e-20, False),
        (2.88e-19, 2.89e-19, False),
        (0.0, 1e-16, True),
        (0, 1e-6, False),
        (10**18, 10**18 + 1, False),
        (2000000001, 2000000000.0, False),
        ([2000000001], [2000000000.0], False),
        (2000000001.0, 2000000000.0, False),
        (1e16, 1e16 + 2, True),
        (10**400, 1e308, False),
        (Fraction(10**400, 3), float("inf"), False),
        (float("inf"), float("inf"), True),
        (float("inf"), float("-inf"), False),
        (NAN, NAN, False),
        ([NAN], [NAN], False),
        (1, "1", False),
        (1 + 2j, 1 + 2.0000000000001j, True),
        (1 + 2j, 1 - 2j, False),
        (2, 2 + 0j, True),
        ([1, 2], (1, 2), False),
        ([1, 2], [2, 1], False),
        ({1, 2}, frozenset({2, 1}), True),
        ({0.1 + 0.2, 5}, {5, 0.3}, True),
        ({0.1}, {0.2}, False),
        ({"a": [1.0]}, {"a": [1]}, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ("Text", "text", False),
        (None, 0, False),
        (None, None, True),
    ],
)
def test_values(left: Any, right: Any, agree: bool) -> None:
    assert verify(left, right).outcome == ("agree" if agree else "differ")
    assert verify(right, left).outcome == ("agree" if agree else "differ")


def test_what_cannot_be_compared_is_unknown() -> None:
    deep: Any = 1
    for _ in range(10_000):
        deep = [deep]
    for odd in (object(), lambda: 1, deep, 10**5000, [object()]):
        for name in VERIFIERS:
            assert isinstance(verify(odd, odd, Context(verifier=name)), Verdict)
    assert verify(object(), 1).outcome == "unknown"
    assert verify("x", 1, Context(verifier="numeric")).outcome == "differ"
    assert verify("x", "y", Context(verifier="numeric")).outcome == "unknown"
    assert verify(1, "x", Context(verifier="numeric")).outcome == "differ"
    with pytest.raises(KeyError):
        verify(1, 1, Context(verifier="no such"))


@pytest.mark.parametrize(
    ("type_text", "name"),
    [
        ("int", "numeric"), ("complex", "numeric"), ("bool", "exact"), ("str", "exact"),
        ("list[real]", "exact"), ("dict[str, int]", "exact"), ("tuple", "exact"),
        ("matrix[int]", "exact"), ("expr", "symbolic"), ("equation", "symbolic"),
        ("interval", "sets"), ("any", None), ("none", None), ("nonsense[", None), ("", None),
    ],
)  # fmt: skip
def test_the_type_picks_the_verifier(type_text: str, name: str | None) -> None:
    assert verifier_for(type_text) == name
    assert name is None or name in VERIFIERS


SAME = [
    ("18", "18.0"), ("18", "$18.00"), ("18", "18 dollars"), ("1,234,567", "1234567"),
    ("1{,}234", "1234"), ("3/4", "0.75"), (r"\frac{3}{4}", r"\dfrac34"), ("1 1/2", "1.5"),
    (r"1\frac{1}{2}", "3/2"), ("50%", "0.5"), ("50", r"50\%"), ("-2", "−2"), ("-$5", "-5"),
    ("$-5", "-5"), ("1.5e3", r"1.5 \times 10^{3}"), (r"10^{-2}", "0.01"), ("90", r"90^\circ"),
    ("42", r"\boxed{42}"), ("42", "$42$."), ("42", r"\text{42}"), ("5 km", "5"), ("x = 5", "5"),
    ("5 apples", "5 apple"), ("7", r"7\text{ cm}"), ("12", "The answer is 12."), ("8", "**8**"),
    (".5", "0.5"), ("5.", "5"), ("0.33333333", r"\frac{1}{3}"), ("6.0e-34", r"6 \times 10^{-34}"),
    ("east", "East"), (r"\text{Monday}", "monday"), ("x^{2}", "x^2"), ("(1, 2)", "(1,2)"),
    ("x+1", "1 + x"), (r"\sqrt{12}", r"2\sqrt{3}"), (r"\{1, 2\}", r"\{2, 1\}"),
    (r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt{2}}"), ("(x+1)^2", "x^2+2x+1"), (r"12\pi", "12π"),
    ("5 km", "5000 m"), ("3 dollars", "300 cents"), ("68 °F", r"20^\circ\text{C}"), ("7%", "0.07"),
    ("2 square feet", r"288\text{ in}^2"), ("60 mph", "60 miles per hour"), ("110_2", "110"),
    (r"1.\overline{6}", r"\frac{5}{3}"), (r"\frac{9}{4}m", r"\frac{9m}{4}"), ("1011_2", "23_4"),
    (r"\frac{e^{ax}-e^{-ax}}{2}", r"\sinh(ax)"), (r"\frac\pi4", r"\frac{\pi}{4}"),
    ("√7", r"\sqrt7"),
    (r"(C)", r"(C)\text{ cube}"), (r"\text{(D)}", "D"), ("x=3, x=4", "4 or 3"), (r"\pm 3", "-3, 3"),
    (r"x \in [-2,7]", r"-2 \le x \le 7"), (r"(-\infty, 3)", "x < 3"), ("(2+i)^2", "3+4i"),
    (r"(1,2) \cup [5,\infty)", r"[5, \infty) \cup (1, 2)"), ("x = 3y", "x - 3y = 0"),
    (r"\begin{pmatrix} 1/2 \\ 3 \end{pmatrix}", r"\begin{bmatrix} 0.5 \\ 3 \end{bmatrix}"),
    (r"(-\infty,3)\cup(3,\infty)", r"x \ne 3"), ("10,100,1000", "1000, 100, 10"),
    ("A = 2+3 = 5", "5"),
    ("5 kN m", "5000 N m"), (r"5\ \text{kN m}", r"5000\ \text{N m}"), ("50 N/m^2", "50 Pa"),
    ("9.8 N/kg", "9.8 m/s^2"), ("8.314 J/mol", "8314 mJ/mol"), ("1 kWh", "3.6 MJ"),
    ("32 degrees Fahrenheit", "0 degrees Celsius"), ("5 Meters", "500 cm"), ("5 KM", "5 km"),
    ("5 Square Feet", "5 ft^2"), ("20 hertz", "20 Hz"), ("2 siemens", "2000 mS"),
    ("6 Miles Per Hour", "6 mph"), ("5 Apples", "5 apple"), ("2 Hours", "120 mins"),
    ("60 km/h", "16.6666667 m/s"), ("98.6 °F", r"37^\circ\text{C}"), (r"10\,000", "10000"),
    ("No", "no"), ("YES", "yes"), ("Odd", "odd"), (r"\varnothing", r"\emptyset"),
    ("∅", r"\emptyset"), ("10^-3", "0.001"), ("x^-2", "x^{-2}"), ("5 million", "5000000"),
    (r"5\text{ million dollars}", "$5,000,000"), ("$2.5 million", "2500000"),
    ("2 dozen", "24"), ("2 dozens", "24"),
    ("3 hundred thousand", "300,000"), (r"180^\circ", r"\pi"), ("180 degrees", r"\pi"),
    (r"30^\circ", r"\frac{\pi}{6}"), (r"\frac{\pi}{2}\text{ radians}", r"90^\circ"),
    (r"\frac{dv}{dt}=2v", r"2\frac{dv}{dt}=4v"), ("Ce^{-2x}", "ce^{-2x}"),
    (r"\frac{K-1}{L}", r"\frac{k-1}{l}"),
    ("x^2=4", r"x=\pm 2"), ("2+3=5", "5"), ("f(x)=5", "5"), (r"\sqrt{(x-5)^2}", "|x-5|"),
    (r"\sqrt{x}\sqrt{y}", r"\sqrt{xy}"), (r"\sqrt{x^2+2x+1}", "|x+1|"),
    ("y=|x-5|", "2y=2|5-x|"), (r"\log_2(x-3)", r"\frac{\ln(x-3)}{\ln 2}"),
    (r"12\pi\text{ cm}", r"12\pi"), (r"\frac{1}{30!}", r"\frac{1}{30\cdot 29!}"),
]  # fmt: skip
DIFFERENT = [
    ("18", "81"), ("18", "-18"), ("18", "180"), ("18", "18.5"), ("1234567", "1234568"),
    ("3/4", "4/3"), ("3/4", "0.74"), ("50%", "5%"), ("0.5", "0.5%"), ("2.88e-19", "2.89e-19"),
    ("3", "3x"), ("2", r"2\pi"), ("5", "5 million"), ("5", "5 dozen"), ("5", "5 or 6"),
    ("1.2", "1,2"), ("12", "1, 2"), ("(1, 2)", "(2, 1)"), ("[1, 2]", "(1, 2)"), ("x", "y"),
    ("x+1", "x-1"), (r"\{1, 2\}", r"\{1\}"), ("2", r"\sqrt{2}"), ("east", "west"), ("7", "7!"),
    ("10", "10^2"), ("4", "four hundred"), ("5 km", "5 kg"), ("3/4", "3"), ("1/2", "1/2/3"),
    ("25", "5^2x"), ("", "5"), ("5", ""), ("", ""), ("5 km", "5 m"), ("5 km", "50 m"),
    ("20 degrees", "20 radians"), ("3 dollars", "3 cents"), ("2k", "2m"), ("3t", "3h"),
    (r"2\pi\text{ cm}", r"2\pi\text{ kg}"), (r"2\text{ hours}", r"2\text{ minutes}"),
    ("2000000.5", "2000001.5"), ("12345678.9", "12345670.1"), ("1.5e9", "1500001000"),
    ("$1,234,567.89", "$1,234,567.12"), ("5.0 km", "5001.0 m"), ("1 2 3", "123"), ("1 2", "12"),
    ("x 1 2", "x12"), ("AB", "ab"), ("ABC", "abc"), ("A, B", "a, b"), ("5 m", "5 M"),
    (r"\pi(R^2-r^2)", "0"),
    (r"\pi(R^2-r^2)", r"\pi(r^2-R^2)"),
    (r"\frac{dv}{dt}+x", "x"), (r"\frac{dv}{dt}", r"2\frac{dv}{dt}"),
    ("x+y=5", "5"), ("3x=15", "5"), (r"30^\circ", r"\frac{\pi}{3}"), ("x^2=9", r"x=\pm 2"),
    ("x=2", r"x=\pm 2"), ("2 dozen", "2"), (r"|x-5|", "5-x"), (r"|x+10|", "x+10"),
    (r"\sqrt{(x-5)^2}", "5-x"), (r"\lfloor x \rfloor", r"\lfloor x+0.001 \rfloor"),
    (r"\max(x,10)", "10"), ("|2x-101|", "101-2x"), ("|x-y|", "y-x"), ("|x-5000|", "5000-x"),
    ("y=|x-5|", "y=5-x"), (r"\arcsin(\sin x)", "x"),
    ("42_7", "42_8"), ("5 mW/m", "5 MW/m"), ("5 Mm/s", "5 mm/s"), ("5 mmol", "5 Mmol"),
    ("5 Mbit", "5 mbit"), ("3 MPa", "3 mPa"), ("5 Million", "5"),
    ("(A)", "(B)"), ("(C) cube", "(D) cube"), ("x = 5", "y = 5"), ("4", "No, n = 4"),
    ("x - 3z = 0", "0"),
    ("0", "x = y"),
    (r"(-\infty, 3)", r"(-\infty, 3]"), ("x < 3", r"x \le 3"), ("x > 3", "y > 3"),
    ("1, 2, 3", "1, 2"),
    (r"(1,2) \cup (3,4)", "(1,2)"), ("6630", "6630.65"), (r"\frac{1}{900!}", r"-\frac{1}{900!}"),
    (r"\frac{1}{900!}", r"\frac{2}{900!}"), (r"\sqrt{x^2}", "x"),
    (r"10^{-8}\pi", r"2\cdot10^{-8}\pi"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix} 2 \\ 1 \end{pmatrix}"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix} 1 & 2 \end{pmatrix}"),
    (r"\foo{3}+2", r"\bar{x}{}_2^?2"), ("f(x)=x, f(x)=-x", "f(x)=x"), (r"\{1, 2\}", "(1, 2)"),
]  # fmt: skip


@pytest.mark.parametrize(("reference", "answer"), SAME)
def test_answers_that_say_the_same(reference: str, answer: str) -> None:
    assert _answer(reference, answer).outcome == "agree"
    assert _answer(answer, reference).outcome == "agree"


@pytest.mark.parametrize(("reference", "answer"), DIFFERENT)
def test_answers_that_do_not(reference: str, answer: str) -> None:
    assert _answer(reference, answer).outcome != "agree"
    assert _answer(answer, reference).outcome != "agree"


@given(number=st.integers(-(10**9), 10**9), other=st.integers(-(10**9), 10**9))
def test_whole_numbers_are_exact(number: int, other: int) -> None:
    forms = (str(number), f"{number:,}", f"${number}$", f"{number}.0", f"\\boxed{{{number}}}")
    for form in forms:
        assert _answer(str(number), form).outcome == "agree"
        assert _answer(form, str(other)).outcome == ("agree" if number == other else "differ")


def test_a_number_never_reaches_sympy(monkeypatch: pytest.MonkeyPatch) -> None:
    symbolic.close_symbolic()
    monkeypatch.setattr(symbolic, "_start", _no_worker)
    for number in range(1, 1000, 7):
        verdict = _answer(f"{number},000", f"\\frac{{{number * 2000}}}{{2}}")
        assert (verdict.outcome, verdict.verifier) == ("agree", "numeric")
    for left, right in (("5 km", "5000 m"), (r"1\frac{1}{2}", "1.5"), ("(1, 2)", "(1, 2.0)")):
        assert _answer(left, right).outcome == "agree"
    assert verify(2, 3.0, Context(verifier="symbolic")).outcome == "differ"
    assert _answer("x+1", "1+x").reason == "no worker: it did not start: one was asked for"


def _no_worker() -> None:
    raise OSError("one was asked for")


def test_the_unit_that_the_question_fixes() -> None:
    metres = Context(texts=True, unit="m")
    assert verify("5 km", "5000", metres).outcome == "agree"
    assert verify("5000", "5 km", metres).outcome == "agree"
    assert verify("5 km", "5", metres).outcome == "differ"
    assert verify("5 km", "5", ANSWERS).outcome == "agree"
    assert verify("5 apples", "5 pears", ANSWERS).outcome == "unknown"
    assert verify("5 kg", "5", metres).outcome == "differ"


OPTIONS = ("12", r"\frac{3}{4}", "a cube", "12.5", "C")


@pytest.mark.parametrize(
    ("reference", "answer", "outcome"),
    [
        ("A", "12", "agree"), ("(B)", "0.75", "agree"), ("B", r"\dfrac34", "agree"),
        ("D", "12", "differ"),
        ("(A)", "A. 12", "agree"), ("a cube", "a cube", "agree"), ("A", "B", "differ"),
        ("A", "F", "unknown"),
        ("A", "13", "unknown"), ("E", "C", "unknown"), ("A", "", "unknown"),
        (r"\text{(D)}", "12.5", "agree"),
    ],
)  # fmt: skip
def test_choice(reference: str, answer: str, outcome: str) -> None:
    context = Context(options=OPTIONS)
    verdict = verify(reference, answer, context)
    assert (verdict.outcome, verdict.verifier) == (outcome, "choice")
    assert verify(answer, reference, context).outcome == outcome


@pytest.mark.parametrize(
    ("left", "right", "outcome"),
    [
        ((1, 2), (1, 2), "agree"), ((1, 2), (1, 3), "differ"), ("(1,2)", (1, 2), "agree"),
        ((1, float("inf")), r"(1,\infty)", "agree"), ("[1,2)", (1, 2), "differ"),
        (r"\{2,1\}", {1, 2}, "agree"), ([1, [2]], "[1,2]", "unknown"),
    ],
)  # fmt: skip
def test_intervals_may_be_values(left: Any, right: Any, outcome: str) -> None:
    for context in (Context(verifier="sets"), Context(type="interval")):
        assert verify(left, right, context).outcome == outcome
        assert verify(right, left, context).outcome == outcome


@pytest.mark.parametrize(
    ("left", "right", "outcome"),
    [
        (5, object(), "unknown"), ([5], object(), "unknown"), (5, "x", "differ"),
        # In one order alone did the libraries raise.
        ("square", r"\! 5\%", "differ"), ("Npor:0", "pi", "differ"),
        # Whatever the factorial is, no member is 3.
        (r"\{1, 2\}", r"\{3, 99999!\}", "differ"), (r"\{2, 1\}", r"\{99999!, 3\}", "differ"),
        # Nothing tells whether the factorial is a member; either member may be asked first.
        (r"\{1, 99999!\}", r"\{2, 99999!+1\}", "unknown"),
        (r"\{99999!, 1\}", r"\{2, 99999!+1\}", "unknown"),
    ],
)  # fmt: skip
def test_order_does_not_tell(left: Any, right: Any, outcome: str) -> None:
    context = ANSWERS if isinstance(left, str) else Context()
    assert verify(left, right, context).outcome == outcome
    assert verify(right, left, context).outcome == outcome


def test_options_may_be_named_by_small_letters() -> None:
    two = Context(options=("1", "2"))
    assert verify("a", "A", two).outcome == verify("b)", "2", two).outcome == "agree"
    assert verify("c", "B", two).outcome == "unknown"
    assert verify("a", "B", Context(options=("b", "a"))).outcome == "agree"


def test_who_was_asked_answers() -> None:
    assert verify("x", "5", Context(verifier="numeric", texts=True)).verifier == "numeric"
    assert verify("x", "5", Context(verifier="units", texts=True)).verifier == "units"


def test_tolerances_of_the_context() -> None:
    loose = Context(relative=1e-2)
    assert verify(100, 100.5, loose).outcome == "agree"
    assert verify("100", "100.5", Context(texts=True, relative=1e-2)).outcome == "agree"
    assert verify(0.0, 1e-4, Context(absolute=1e-3)).outcome == "agree"
    assert verify(0.0, 1e-4).outcome == "differ"


def test_code_is_compared_by_what_it_gives() -> None:
    sandbox = shared_sandbox()
    code = "def f(a, b):\n    return a / b\n"
    run = Context(entry_point="f", bindings={"a": 1, "b": 4}, sandbox=sandbox)
    assert verify(0.25, code, run) == Verdict("agree", "monty: equal numbers", "program")
    assert verify(0.26, code, run).outcome == "differ"
    zero = Context(entry_point="f", bindings={"a": 1, "b": 0}, sandbox=sandbox)
    assert verify(0.25, code, zero).outcome == "differ"
    assert verify(0.25, code, Context(entry_point="f")).outcome == "unknown"
    tests = Context(verifier="tests", sandbox=sandbox)
    assert verify(["assert f(1, 4) == 0.25"], code, tests).verifier == "tests"
    assert verify(["assert f(1, 4) == 0.25"], code, tests).outcome == "agree"
    assert verify("assert f(1, 4) == 4", code, tests).outcome == "differ"


def test_values_too_large_are_unknown() -> None:
    assert verify(list(range(10**6)), list(range(10**6))).outcome == "unknown"
    odd = [{frozenset({i + 0.1, j + 0.2}) for i in range(30) for j in range(30)} for _ in range(2)]
    near = {frozenset(x + 1e-13 for x in member) for member in odd[1]}
    assert verify(odd[0], near).outcome in ("agree", "unknown")
    holds_itself: list[Any] = []
    holds_itself.append(holds_itself)
    assert verify(holds_itself, holds_itself).outcome == "unknown"
