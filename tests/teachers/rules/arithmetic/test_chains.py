from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.arithmetic.chains import (
    MAX_CALCULATIONS,
    TOLERANCE,
    Calculation,
    decimal_places,
    find_calculations,
    is_equal,
    judged,
    verdict,
    without_annotations,
)
from tracemine.teachers.rules.arithmetic.expressions import Binary, Number, numbers, parse_text

NUMBER = Number(Fraction(0), 0, 1)


@dataclass(frozen=True)
class Written:
    """An expression as text, and what it amounts to."""

    text: str
    value: Fraction


def _joined(operands: tuple[Written, Written], sign: str) -> Written:
    left, right = operands
    if sign in "/÷" and not right.value:
        sign = "+"
    value = {
        "+": lambda: left.value + right.value,
        "-": lambda: left.value - right.value,
        "−": lambda: left.value - right.value,
        "*": lambda: left.value * right.value,
        "×": lambda: left.value * right.value,
        "x": lambda: left.value * right.value,
        "/": lambda: left.value / right.value,
        "÷": lambda: left.value / right.value,
    }[sign]()
    return Written(f"({left.text} {sign} {right.text})", value)


LEAVES = st.one_of(
    st.integers(0, 9999).map(lambda n: Written(f"{n:,}", Fraction(n))),
    st.integers(1, 999).map(lambda n: Written(str(n / 100), Fraction(n, 100))),
    st.integers(1, 99).map(lambda n: Written(f"{n}%", Fraction(n, 100))),
)
SUMS = st.builds(
    _joined,
    st.recursive(
        LEAVES,
        lambda inner: st.builds(_joined, st.tuples(inner, inner), st.sampled_from("+-−*×x/÷")),
        max_leaves=5,
    ).flatmap(lambda one: st.tuples(st.just(one), LEAVES)),
    st.sampled_from("+-−*×x/÷"),
)


def _only(text: str) -> Calculation:
    (found,) = find_calculations(text)
    return found


@given(SUMS, st.booleans(), st.sampled_from(["So ", "", "Ana\n", "That is: ", "it is $"]))
def test_a_calculation_is_found_where_it_stands_and_holds(
    written: Written, brackets: bool, before: str
) -> None:
    expression = written.text if brackets and before != "it is $" else written.text[1:-1]
    result = str(written.value)
    found = _only(f"{before}{expression} = {result}. Then she rests.")
    text = f"{before}{expression} = {result}. Then she rests."
    assert text[found.start : found.end].lstrip("$(") in f"{expression} = {result}"
    assert text[found.result_start : found.result_end] == result
    assert (found.stated, found.annotated, found.approximate) == (written.value, False, False)
    assert verdict(found) == (written.value, "")


@given(SUMS, st.integers(1, 50))
def test_a_wrong_result_does_not_compute(written: Written, off: int) -> None:
    found = _only(f"So {written.text} = {written.value + off}.")
    assert verdict(found) == (None, "does not compute")


@given(SUMS, st.sampled_from(["", "$", " ", " $"]))
def test_an_annotation_is_found_with_the_number_after_it(written: Written, before: str) -> None:
    inner = f"<<{written.text}={written.value}>>"
    whole = written.value.denominator == 1 and written.value >= 0
    after = f"{before}{written.value}" if whole else " or so"
    text = f"She has {written.text[1:-1]} = {inner}{after} figs"
    found = _only(text)
    assert found.annotated
    assert text[found.start : found.end] == inner
    assert text[found.result_start : found.result_end] == (after if whole else "")
    assert verdict(found) == (written.value, "")
    for number in numbers(found.expression):
        assert text[number.start : number.end].strip("%")[0] in "0123456789"


@given(SUMS)
def test_what_is_blanked_keeps_its_place(written: Written) -> None:
    text = f"It is <<{written.text}=1>>5\n```\n{written.text} = 1\n``` 7"
    blank = without_annotations(text)
    assert len(blank) == len(text)
    assert blank.replace(" ", "") == "Itis5\n\n\n7"
    assert [c.annotated for c in find_calculations(text)] == [True]


@pytest.mark.parametrize(
    ("text", "found", "stated"),
    [
        ("3 + 4 = 2 + 5 = 7", "3 + 4 = 2 + 5 = 7", 7),
        ("x = 3 + 4 = 7", "3 + 4 = 7", 7),
        ("3 + 4\n= 7", "3 + 4\n= 7", 7),
        ("10 / 4 = 5/2", "10 / 4 = 5/2", Fraction(5, 2)),
        ("3 red figs * 4 = 12 figs", "3 red figs * 4 = 12", 12),
        ("20% of 50 = 10", "20% of 50 = 10", 10),
        ("12 / 50 * 100 = 24%", "12 / 50 * 100 = 24%", 24),
        ("45 / 50 * 100 = 90 percent", "45 / 50 * 100 = 90 percent", 90),
        ("45 / 50 = 90%", "45 / 50 = 90%", Fraction(9, 10)),
        ("100 cm * 2 = 200 cm = 2 m", "100 cm * 2 = 200", 200),
        ("2 - (-3) = 5", "2 - (-3) = 5", 5),
        ("-3 + 4 = 1", "-3 + 4 = 1", 1),
        ("9 - 2 - 3 = 4", "9 - 2 - 3 = 4", 4),
        ("8 / 4 / 2 = 1", "8 / 4 / 2 = 1", 1),
        ("2^3^2 = 512", "2^3^2 = 512", 512),
        ("-2^2 = -4", "-2^2 = -4", -4),
        ("She pays $5 * 3 = $15 - which is a lot", "$5 * 3 = $15", 15),
    ],
)
def test_how_calculations_are_written(text: str, found: str, stated: Fraction) -> None:
    calculation = _only(text)
    assert text[calculation.start : calculation.end].lstrip("$") == found.lstrip("$")
    assert verdict(calculation) == (stated, "")


@pytest.mark.parametrize(
    "text",
    [
        "", "=", "= 7", "3 + 4 =", "3 = 3", "7 = 3 + 4", "3x = 9", "3 + x = 9", "3 + 4 = 7y",
        "3 + 4 = 7 \\pi", "3 + 4 == 7", "3 + 4", "<<3+4>>", "<<=7>>", "<<3+4=>>", "<<7=7>>",
        "<<a+b=7>>", "```\n3 + 4 = 7\n```", "```\n3 + 4 = 7", "3 + 4\n7", "f(3) = 9",
    ],
)  # fmt: skip
def test_what_states_no_calculation(text: str) -> None:
    assert find_calculations(text) == []


def test_none_is_read_across_an_annotation() -> None:
    assert _only("5 * 3 = <<4*4=16>>15").annotated


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 / 3 = 0.33", "rounded result"),
        ("2 / 3 = 0.67", "rounded result"),
        ("2 / 3 = 0.66", "does not compute"),
        ("2 / 3 ≈ 0.6", "rounded result"),
        ("<<1/3=.33>>.33", "rounded result"),
        ("1 / 0 = 5", "does not compute"),
        ("0 / 0 = 0", "does not compute"),
        ("9^9^9 = 1", "does not compute"),
    ],
)
def test_why_a_calculation_does_not_hold(text: str, reason: str) -> None:
    assert verdict(_only(text)) == (None, reason)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("7", 0), ("7.", 0), ("1,250.50", 2), (".5", 1), ("12.5%", 1), ("12.5\\%", 1),
        ("$3.25$", 2), ("1.25 x 10^8", -6), ("1.25 \\times 10^{-3}", 5), ("3 × 10^−2", 2),
        ("\\(2.50\\)", 2),
    ],
)  # fmt: skip
def test_how_exact_a_number_is_written(text: str, places: int) -> None:
    assert decimal_places(text) == places


@given(st.fractions(), st.integers(0, 12))
def test_a_result_rounded_to_its_places_is_told_from_a_wrong_one(
    value: Fraction, places: int
) -> None:
    tree = Binary("+", Number(value, 0, 1), NUMBER)
    stated = round(value, places)
    exact, reason = judged(tree, stated, places, approximate=False)
    if is_equal(value, stated):
        assert (exact, reason) == (value, "")
    else:
        assert (exact, reason) == (None, "rounded result")
    off = stated + Fraction(2, 10**places)
    assert judged(tree, off, places, approximate=False)[0] != value or is_equal(value, off)


@given(st.fractions(), st.fractions())
def test_equal_but_for_the_rounding(one: Fraction, other: Fraction) -> None:
    assert is_equal(one, one)
    assert is_equal(one, other) == is_equal(other, one)
    assert is_equal(one, one * (1 + TOLERANCE / 2)) == (abs(one) <= 2 or not one)
    assert not is_equal(one + 1, one)


def test_tiny_values_are_compared_relatively() -> None:
    tiny = Fraction(1, 10**34)
    assert not is_equal(tiny, 2 * tiny)
    assert not is_equal(tiny, Fraction(0))


_PIECES = st.sampled_from(
    ["<<", ">>", "=", "≈", "1", "2.5", "9999999", "+", "-", "*", "x", "(", ")", "/", "%", " of ",
     "\n", "$", "cm", "^", "!", "```", "\\frac{1}{2}", "{", "}", ".", ",", " figs ", "|", " "]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=40).map("".join) | st.text(max_size=60))
def test_any_text_is_read(text: str) -> None:
    assert len(without_annotations(text)) == len(text)
    found = find_calculations(text)
    assert found == sorted(found, key=lambda c: (c.start, c.end))
    for calculation in found:
        assert 0 <= calculation.start < calculation.end <= len(text)
        assert 0 <= calculation.result_start <= calculation.result_end <= len(text)
        value, reason = verdict(calculation)
        assert (value is None) == bool(reason)
        for number in numbers(calculation.expression):
            assert calculation.start <= number.start < number.end <= calculation.end


@pytest.mark.parametrize("count", [101, 150, 5000])
def test_no_part_of_a_long_or_deep_expression_is_read_for_it(count: int) -> None:
    for expression in (
        "(" * count + "1+1" + ")" * count, "1+" * count + "1", "-" * 3 * count + "1+1",
        "(1+1)(" + "1+" * count + "1)",
    ):  # fmt: skip
        assert find_calculations(f"{expression} = 2") == []
        assert find_calculations(f"1 + 1 = {expression}") == []


def test_expressions_up_to_a_length_are_read() -> None:
    assert verdict(_only("1+" * 99 + "1 = 100")) == (100, "")
    assert parse_text("1+1") == Binary("+", Number(Fraction(1), 0, 1), Number(Fraction(1), 2, 3))


def test_of_endless_calculations_the_first_are_read() -> None:
    text = " ".join(f"{n} + 1 = {n + 1}." for n in range(MAX_CALCULATIONS + 50))
    assert len(find_calculations(text)) == MAX_CALCULATIONS + 1
