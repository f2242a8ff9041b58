import contextlib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.arithmetic.expressions import (
    Binary,
    Expression,
    Negative,
    NotArithmeticError,
    Number,
    count_operations,
    evaluate,
    literal,
    numbers,
    parse_text,
    render,
    tokenize,
)


def _code(text: str) -> str:
    return render(parse_text(text), lambda number: literal(number.value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5 * $3", 15),
        ("(25/100)*125", Fraction(125, 4)),
        ("20% of 50", 10),
        ("3 × 4 − 2", 10),
        ("12 x 3", 36),
        (r"\frac{1}{2} \cdot 8", 4),
        (r"6 \div \frac{1}{2}", 12),
        (r"\frac{\frac{1}{2}}{4} + 1", Fraction(9, 8)),
        (r"2 \left(3 + 4\right)", 14),
        (r"\$5 \times 3", 15),
        ("1,000*.5", 500),
        ("2^3^2", 512),
        ("-3 + 5", 2),
        ("-(3 + 5)", -8),
        ("8 / (4 / 2)", 4),
        ("10 - (3 - 1)", 8),
        ("[2 + 3] * 4", 20),
        ("3 crates * 12 bottles of milk per crate", 36),
        ("200g + 50g", 250),
        ("1 - 20%", Fraction(4, 5)),
        ("7 // 2", 3),
    ],
)
def test_reads_what_people_write(text: str, value: Fraction) -> None:
    assert evaluate(parse_text(text)) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3x + 4",
        "3 +",
        "(3 + 4",
        "3 + 4)",
        "x",
        "2 ** 0.5",
        "1 / 0",
        "9 ** 9 ** 9",
        "f(3)",
        "(" * 99,
    ],
)
def test_refuses_what_is_no_arithmetic(text: str) -> None:
    with pytest.raises(NotArithmeticError):
        evaluate(parse_text(text))


def test_a_percent_sign_is_an_operation() -> None:
    assert count_operations(parse_text("20% of 50")) == 2
    assert _code("20% of 50") == "20 / 100 * 50"


def test_operands_know_where_they_stand() -> None:
    text = "5 pens * $3 + 12"
    assert [text[n.start : n.end] for n in numbers(parse_text(text))] == ["5", "3", "12"]


_NUMBERS = st.builds(
    Number,
    st.integers(1, 50).map(Fraction),
    st.just(0),
    st.just(0),
    st.booleans(),
)
_TREES: st.SearchStrategy[Expression] = st.recursive(
    _NUMBERS,
    lambda inner: st.one_of(
        st.builds(Binary, st.sampled_from(["+", "-", "*", "/"]), inner, inner),
        st.builds(Negative, inner),
    ),
    max_leaves=8,
)


@given(_TREES)
def test_written_code_means_the_same(tree: Expression) -> None:
    try:
        value = evaluate(tree)
    except NotArithmeticError:
        return
    code = render(tree, lambda number: f"Fraction({number.value.numerator})")
    assert eval(code, {"Fraction": Fraction}) == value
    assert evaluate(parse_text(render(tree, lambda number: str(number.value)))) == value


@given(st.text(alphabet="0123456789.,+-*/^%()[]{}= \n\\$frac<>xabc", max_size=60))
def test_no_text_is_a_crash(text: str) -> None:
    for token in tokenize(text):
        assert 0 <= token.start <= token.end <= len(text)
    with contextlib.suppress(NotArithmeticError):
        evaluate(parse_text(text))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("3 m/s * 4 s", "3 * 4"),
        ("5 m^2 + 2 m^2", "5 + 2"),
        (r"2 \text{ kg} \times 3 \text{ m/s}^2", "2 * 3"),
        ("$30/kg * 4 kg", "30 * 4"),
        ("20 minutes/page * 6 pages", "20 * 6"),
        ("90 km / 3 h", "90 / 3"),
        (r"4.0 \times 10^{-3} \times 2", "0.004 * 2"),
        ("6 * 10^5", "600000"),
        ("6 * 10^2", "6 * 10 ** 2"),
        ("2(7+3)", "2 * (7 + 3)"),
    ],
)
def test_units_and_powers_of_ten(text: str, code: str) -> None:
    assert render(parse_text(text), lambda number: literal(number.value)) == code


@pytest.mark.parametrize("text", ["10/x", "3N + 2", "5s", "2 J/(kg K)"])
def test_letters_that_are_no_units(text: str) -> None:
    with pytest.raises(NotArithmeticError):
        parse_text(text)
