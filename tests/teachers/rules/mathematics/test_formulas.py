from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tracemine.teachers.rules.arithmetic.expressions import literal, render
from tracemine.teachers.rules.mathematics.formulas import (
    MAX_APART,
    MAX_FOUND,
    Chain,
    Solved,
    find_formulas,
)
from tracemine.teachers.rules.mathematics.letters import letter_names


def _code(chain: Chain) -> str:
    """The expression, each number under the letter that it stands for."""
    return render(chain.tree, lambda n: n.symbol or literal(n.value))


def _found(trace: str, problem: str = "") -> list[str]:
    found = find_formulas(trace, problem).chains
    assert all(trace[c.result_start : c.result_end] for c in found)
    return [_code(c) for c in found if c.verdict()[0] is not None]


@pytest.mark.parametrize(
    ("trace", "problem", "found"),
    [
        # The values stand in the same places of the next side,
        (r"$b^2 - 4ac = (-7)^2 - 4(2)(5) = 49 - 40 = \boxed{9}$", "", ["b ** 2 - 4 * a * c"]),
        # or are stated before, in the trace
        (r"Since $r = 4$, we have $A = \pi r^2 = 16\pi$.", "", ["math.pi * r ** 2"]),
        # or in the problem.
        (r"$ab + c = 17$", "Let $a = 3$, $b = 4$ and $c = 5$.", ["a * b + c"]),
        (r"\begin{align*} P &= 2(l + w) \\ &= 2(6 + 3) \\ &= 18. \end{align*}", "",
         ["2 * (l + w)"]),
        (r"$\text{Speed} = \frac{\text{distance}}{\text{time}} = \frac{90}{4} = 22.5$", "",
         ["distance / time"]),
        # Numbers alone are themselves.
        (r"\[\sqrt{5^2 + 12^2} = \sqrt{169} = 13\]", "", ["math.sqrt(5 ** 2 + 12 ** 2)"]),
        # An equation and its solution.
        (r"We get $5n + n = 42$, so $6n = 42$ and $n = 7$.", "", ["42 / (5 + 1)"]),
        # A letter that has another value by now.
        (r"$k = 2$. Now $k = 3$ and $5k + 1 = 16$.", "", ["5 * k + 1"]),
        # No values: nothing.
        (r"$x^2 + y^2 = 25$", "", []),
        (r"$f(4) = 16$ and $f(x) = x^2$", "", []),
    ],
)  # fmt: skip
def test_formulas_with_their_values(trace: str, problem: str, found: list[str]) -> None:
    assert _found(trace, problem) == found


@pytest.mark.parametrize(
    "trace",
    [
        r"$\sqrt{5^2 + 12^2} = \sqrt{170} = 13$",  # breaks in the middle
        r"$\sqrt{5^2 + 12^2} = 14$",
        r"$r = 3$, so $A = \pi r^2 = 10\pi$",
        r"$2\pi \cdot 3 = 18.85$",  # rounded
        r"$2\pi \cdot 3 \approx 18.85$",
        r"$5n + n = 42$, so $n = 8$.",
        r"$x^2 = 16$, so $x = 5$.",
    ],
)
def test_what_does_not_hold_is_not_found(trace: str) -> None:
    assert _found(trace) == []
    assert find_formulas(trace, "").equations == ()


def test_a_value_of_two_is_none() -> None:
    assert _found(r"$x = 2, -3$ so $5x + 1 = 11$") == []


# --- equations ------------------------------------------------------------------------------------

_small = st.integers(-20, 20)


@given(_small, _small, _small, _small, st.sampled_from(["{l} = {r}", "{r} = {l}"]))
def test_a_linear_equation_and_its_solution(a: int, x: int, b: int, c: int, form: str) -> None:
    assume(a != c)
    d = a * x + b - c * x
    equation = form.format(l=f"{a}t + ({b})", r=f"{c}t + ({d})")
    trace = f"So ${equation}$, which gives $t = {x}$."
    solved = [e for e in find_formulas(trace, "").equations if e.kind == "linear"]
    assume(b or d)  # without constants nothing is to be solved
    assert len(solved) == 1
    first, second, third, fourth = solved[0].coefficients
    assert first * x + second == third * x + fourth
    assert solved[0].solution == (x,)


@given(st.integers(1, 9), _small, _small, st.sampled_from(["$x = {}$ or $x = {}$", "$x={}, x={}$"]))
def test_a_quadratic_equation_and_its_roots(a: int, p: int, q: int, form: str) -> None:
    trace = f"We have ${a}x^2 + ({-a * (p + q)})x + ({a * p * q}) = 0$, so {form.format(p, q)}."
    expected = Solved("quadratic", (Fraction(a), Fraction(-a * (p + q)), Fraction(a * p * q)),
                      tuple(map(Fraction, sorted({p, q}))), ("x",), 0, 0)  # fmt: skip
    found = [e for e in find_formulas(trace, "").equations if e.kind == "quadratic"]
    assert [(e.coefficients, e.solution) for e in found] == [
        (expected.coefficients, expected.solution)
    ]


@given(_small, _small, st.lists(st.integers(1, 9), min_size=4, max_size=4))
def test_two_equations_and_their_solution(x: int, y: int, c: list[int]) -> None:
    assume(c[0] * c[3] != c[1] * c[2])
    first, second = c[0] * x + c[1] * y, c[2] * x + c[3] * y
    trace = (
        rf"\begin{{align*}} {c[0]}x + {c[1]}y &= {first} \\ {c[2]}x + {c[3]}y &= {second} "
        rf"\end{{align*}} so $x = {x}$ and $y = {y}$."
    )
    (found,) = (e for e in find_formulas(trace, "").equations if e.kind == "system")
    assert found.coefficients == (c[0], c[1], first, c[2], c[3], second)
    assert found.solution == (x, y)


def test_a_solution_far_away_is_none() -> None:
    far = "word " * (MAX_APART // 5)
    assert find_formulas(f"$3x + 1 = 7$ {far} $x = 2$", "").equations == ()


def test_one_root_of_two_is_not_enough() -> None:
    assert find_formulas("$x^2 - 5x + 6 = 0$, so $x = 3$", "").equations == ()


def test_many_formulas_are_bounded() -> None:
    trace = " ".join(f"$x^2 = {n}$, $3 + {n} = {n + 3}$ and $x = {n}$." for n in range(3_000))
    assert len(find_formulas(trace, "").chains) <= 2 * MAX_FOUND


# --- letters --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "letter", "name"),
    [
        ("Let the radius $r$ be known.", "r", "radius"),
        ("where $b$ is the base of the box", "b", "base_of_box"),
        (r"- \( v \): the frequency in Hz", "v", "frequency"),
        ("Let $d$ be the common difference.", "d", "common_difference"),
        ("We eliminate $b$ from both.", "b", None),
        ("Then $h$ is large.", "h", None),
        ("the point $P$ lies there", "P", None),
        ("A circle with its radius has area 9.", "r", "radius"),
        ("The segment", "AB", "length"),
        ("anything", "total_cost", "total_cost"),
    ],
)
def test_letters_are_called_what_the_text_calls_them(
    text: str, letter: str, name: str | None
) -> None:
    assert letter_names(text, [letter]).get(letter) == name
