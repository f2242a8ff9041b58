import math
import random
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from latex2sympy2_extended import latex2sympy

from tracemine.teachers.rules.arithmetic.expressions import (
    Binary,
    Call,
    Negative,
    NotArithmeticError,
    Number,
    Tree,
    evaluate,
    literal,
    numbers,
    render,
)
from tracemine.teachers.rules.mathematics.latex import (
    MAX_INLINE,
    MAX_ZONE,
    read_formula,
    statements,
    zones,
)


def _code(tree: Tree | None) -> str:
    return "" if tree is None else render(tree, lambda number: literal(number.value))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (r"x\cdot y + 3", "x * y + 3"),
        (r"\frac12 bh", "1 / 2 * b * h"),
        (r"\tfrac{1}{2}(3)(4)", "1 / 2 * 3 * 4"),
        (r"\sqrt{3^2 + 4^2}", "math.sqrt(3 ** 2 + 4 ** 2)"),
        (r"\sqrt[3]{8} + \sqrt[4]{16}", "math.cbrt(8) + 16 ** (1 / 4)"),
        (r"\sqrt2 \cdot \sqrt{3}", "math.sqrt(2) * math.sqrt(3)"),
        (r"2\pi r", "2 * math.pi * r"),
        (r"\sin 30^\circ + \cos^2 x", "math.sin(math.radians(30)) + math.cos(x) ** 2"),
        (r"180^\circ - 70^{\circ}", "180 - 70"),
        (r"b^2-4ac", "b ** 2 - 4 * a * c"),
        (r"(-8)^2 - 4(2)(15)", "(-8) ** 2 - 4 * 2 * 15"),
        (r"\binom{5}{2} \cdot 3!", "math.comb(5, 2) * math.factorial(3)"),
        (r"\dfrac{7!}{2!3!}", "math.factorial(7) / (math.factorial(2) * math.factorial(3))"),
        (r"|3 - 5| + \left\lfloor 3.5 \right\rfloor", "abs(3 - 5) + math.floor(3.5)"),
        (r"AB \cdot \overline{CD}", "AB * CD"),
        (r"\log_2 8 + \ln 5 + \log 7", "math.log(8, 2) + math.log(5) + math.log10(7)"),
        (r"3.0 \times 10^8", "300000000"),
        (r"6\times10^{-3}", "0.006"),
        (r"v_0 t + a_{1}", "v_0 * t + a_1"),
        (r"1{,}000 + 2,000 + 3,\!000", "1000 + 2000 + 3000"),
        (r"\text{Area} + 5\text{ cm}", "area + 5"),
        (r"\boxed{\frac{1}{2}}", "1 / 2"),
        (r"\left(\frac{3}{4}\right)^{2}", "(3 / 4) ** 2"),
        (r"-\frac{b}{2a}", "-(b / (2 * a))"),
        (r"20\% \cdot 50", "20 / 100 * 50"),
    ],
)
def test_reads_what_people_write(text: str, code: str) -> None:
    assert _code(read_formula(text)) == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3 +",
        "2 3",
        r"1\frac{1}{2}",
        "x'",
        r"\frac{1}",
        r"2^{3",
        "(1, 2)",
        "(1]",
        r"10_2",
        r"\sum_{k=1}^n k",
        r"2^{2^{2^{2}}}^2",
        r"\text{a sentence of many words here}",
        r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}",
        "x = 3",
    ],
)
def test_leaves_alone_what_is_no_expression(text: str) -> None:
    with pytest.raises(NotArithmeticError):
        read_formula(text)


def test_a_function_of_its_own_is_no_product() -> None:
    assert _code(read_formula("f(2)")) == "f * 2"
    with pytest.raises(NotArithmeticError):
        read_formula("f(2)", frozenset("f"))


def test_numbers_keep_their_places() -> None:
    text = r"\frac{16 - 3}{2} \cdot 10^{23}"
    assert [text[n.start : n.end] for n in numbers(read_formula(text))] == [
        "16", "3", "2", "10", "23",
    ]  # fmt: skip


# --- zones and statements -------------------------------------------------------------------------


def _zones(text: str) -> list[str]:
    return [text[start:end] for start, end in zones(text)]


def test_finds_formulas_between_all_delimiters() -> None:
    text = r"A $x$, \(y\), $$z$$, \[w\], \begin{align*}a &= b\end{align*} and \begin{table}t"
    assert _zones(text) == ["x", "y", "z", "w", "a &= b"]


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 and the other costs $7.",
        "He paid $5 for one and then she paid $3 more",
        r"\$5 and \$7",
        "[asy] label($x$); [/asy]",
        "```\nprint('$x$')\n```",
        "$" + "x" * (MAX_INLINE + 1) + "$",
        r"\[" + "x" * (MAX_ZONE + 1) + r"\]",
        "$ unclosed",
    ],
)
def test_money_pictures_and_code_are_no_formulas(text: str) -> None:
    assert _zones(text) == []


def test_a_chain_goes_on_in_the_next_row() -> None:
    text = r"\begin{align*} x &= 3(4) \\ &= 12 \\ y &= 0.\end{align*} So $z = 1, w = 2$."
    found = [[_code(side.tree) for side in chain] for chain in statements(text)]
    assert found == [["x", "3 * 4", "12"], ["y", "0"], ["z", "1"], ["w", "2"]]


def test_other_relations_and_joining_words_end_a_chain() -> None:
    text = r"$a = 1 < 2$ and $b = 3 \implies c = 4$, $d = 5 \text{ and } e = 6$, $g = 7 \text{ cm}$"
    found = [[_code(side.tree) for side in chain] for chain in statements(text)]
    assert found == [["a", "1"], ["b", "3"], ["c", "4"], ["d", "5"], ["e", "6"], ["g", "7"]]
    assert statements(text)[-1][-1].unit == "cm"


# --- a generated expression, written in several spellings, is read back ---------------------------


def _spell(tree: Tree, choice: random.Random) -> str:
    if isinstance(tree, Number):
        return str(tree.value)
    if isinstance(tree, Negative):
        return f"-({_spell(tree.operand, choice)})"
    if isinstance(tree, Call):
        inner = [_spell(argument, choice) for argument in tree.arguments]
        forms = {
            "sqrt": [rf"\sqrt{{{inner[0]}}}", rf"\sqrt[2]{{{inner[0]}}}"],
            "cbrt": [rf"\sqrt[3]{{{inner[0]}}}"],
            "abs": [rf"\left|{inner[0]}\right|", rf"\lvert {inner[0]} \rvert"],
        }
        return choice.choice(forms[tree.name])
    assert isinstance(tree, Binary)
    left, right = _spell(tree.left, choice), _spell(tree.right, choice)
    if tree.symbol == "/":
        return choice.choice(
            [
                rf"\frac{{{left}}}{{{right}}}",
                rf"\dfrac {{{left}}}{{{right}}}",
                f"({left})/({right})",
            ]
        )
    if tree.symbol == "**":
        return rf"\left({left}\right)^{{{right}}}"
    if tree.symbol == "*":
        sign = choice.choice([r"\cdot ", r"\times ", "", "×", r" \, "])
        return f"({left}){sign}({right})"
    return f"({left}) {tree.symbol} ({right})"


_numbers = st.integers(1, 40).map(lambda value: Number(Fraction(value), 0, 0))
_powers = st.integers(1, 3).map(lambda value: Number(Fraction(value), 0, 0))


def _compound(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    return st.one_of(
        st.builds(Binary, st.sampled_from("+-*/"), inner, inner),
        st.builds(Binary, st.just("**"), inner, _powers),
        st.builds(Negative, inner),
        st.builds(
            lambda name, a: Call(name, (a,)), st.sampled_from(["sqrt", "cbrt", "abs"]), inner
        ),
    )


_trees = st.recursive(_numbers, _compound, max_leaves=6)


def _value(read: Callable[[], Tree]) -> Fraction | None:
    try:
        return evaluate(read())
    except NotArithmeticError:
        return None


@given(_trees, st.integers(0, 2**32))
def test_every_spelling_has_the_value_of_the_expression(tree: Tree, seed: int) -> None:
    expected = _value(lambda: tree)
    text = _spell(tree, random.Random(seed))
    found = _value(lambda: read_formula(text))
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert abs(found - expected) <= Fraction(1, 10**25) * max(1, abs(expected))


@settings(max_examples=25, deadline=None)
@given(st.recursive(_numbers, _compound, max_leaves=4), st.integers(0, 2**32))
def test_the_library_reads_the_same(tree: Tree, seed: int) -> None:
    # A second reading of the same text: what the two make of it has one value. A factor behind
    # another without a sign the library takes for the fraction of a mixed number.
    text = _spell(tree, random.Random(seed)).replace(r"\dfrac ", r"\frac").replace("×", r"\times ")
    text = text.replace(r") \, (", ")(").replace(")(", r")\cdot (")
    value = _value(lambda: read_formula(text))
    if value is None:
        return
    other = complex(latex2sympy(text).evalf(30))
    if abs(other.imag) < 1e-9:  # the library takes complex roots where ours has none
        assert math.isclose(other.real, float(value), rel_tol=1e-9, abs_tol=1e-9)


# --- hostile --------------------------------------------------------------------------------------

_HOSTILE = [
    "(" * 5_000,
    "{" * 3_000 + "1" + "}" * 3_000,
    r"\frac{" * 1_000 + "1" + "}{2}" * 1_000,
    r"\sqrt{" * 1_000 + "2" + "}" * 999,
    "2" + "^{2" * 500 + "}" * 500,
    "9^{999999999999999999999}",
    "(9^9)^9" * 200,
    "9!!!!!!!!!!",
    "170!^{60}",
    "1" * 3_500,
    "x_{" * 1_000,
    "|" * 3_001,
    "- " * 1_900 + "1",
    r"\left" * 900,
    r"\\" * 1_500 + "=" * 900,
    "1=" * 1_900 + "1",
    "\x00\ud800\u202e = 1",
    r"\binom{170}{85}^{60} = 1",
    r"\log_{1}{0} = \tan 90^\circ = \sqrt{-1} = \frac{1}{0}",
]


@pytest.mark.parametrize("text", _HOSTILE)
def test_hostile_formulas_are_read_or_left(text: str) -> None:
    for wrapped in (f"${text}$", rf"\[{text}\]", rf"\begin{{align}}{text}\end{{align}}", text):
        for chain in statements(wrapped):
            for side in chain:
                if side.tree is not None:
                    _value(lambda tree=side.tree: tree)


@pytest.mark.parametrize(
    "piece", ["$", r"\[", r"\(", "$$ ", r"\begin{align}", "[asy]", "```", "$x$"]
)
def test_time_is_linear_in_openers_that_never_close(piece: str) -> None:
    # A quadratic search would take minutes over this.
    zones(piece * 100_000)


@given(st.text(alphabet="$\\{}[]()^_=+-*/!|&%.,0123456789xyabfrcsqtp \n", max_size=200))
def test_any_text_is_read_without_an_error(text: str) -> None:
    for chain in statements(f"${text}$ {text}"):
        assert len(chain) > 1
