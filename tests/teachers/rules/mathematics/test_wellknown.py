import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.arithmetic.expressions import (
    FUNCTIONS,
    Binary,
    Call,
    Negative,
    NotArithmeticError,
    Number,
    Symbol,
    Tree,
    evaluate,
    operands,
    rebuilt,
    symbols,
)
from tracemine.teachers.rules.mathematics.latex import read_formula
from tracemine.teachers.rules.mathematics.wellknown import FORMULAS, Formula, recognise

#: Some text in which the words of every formula occur.
EVERYTHING = (
    "slope distance diagonal norm vector hypotenuse right triangle absolute value of a complex "
    "number altitude Heron area trapezoid the area of the triangle equilateral sphere hemisphere "
    "cone cylinder semicircle circle circumference pyramid interior polygon diagonals discriminant "
    "vertex of the parabola quadratic arithmetic series sum how many terms geometric interest "
    "arrange ways probability choose cosine average speed integers inclusive divisors the mean "
    "midpoint dot product pythagoras both union ring sector arc completing the square doubles "
    "each complement circular rhombus surface area hexagon in both from 2^3 to 9 identical volume"
)


def _written(tree: Tree, values: dict[str, int]) -> str:
    """LaTeX of a shape with numbers put in."""
    if isinstance(tree, Symbol):
        return f"({values[tree.name]})"
    if isinstance(tree, Number):
        return str(tree.value)
    parts = [_written(part, values) for part in operands(tree)]
    if isinstance(tree, Negative):
        return f"-({parts[0]})"
    if isinstance(tree, Binary):
        if tree.symbol == "/":
            return rf"\frac{{{parts[0]}}}{{{parts[1]}}}"
        if tree.symbol == "**":
            return f"({parts[0]})^{{{parts[1]}}}"
        sign = r" \cdot " if tree.symbol == "*" else tree.symbol
        return f"({parts[0]}){sign}({parts[1]})"
    assert isinstance(tree, Call) and tree.name in FUNCTIONS
    if tree.name == "pi":
        return r"\pi"
    if tree.name == "comb":
        return rf"\binom{{{parts[0]}}}{{{parts[1]}}}"
    forms = {"sqrt": r"\sqrt{%s}", "factorial": "(%s)!", "cos": r"\cos(%s)", "sin": r"\sin(%s)"}
    return forms[tree.name] % parts[0]


def _put(tree: Tree, values: dict[str, Tree]) -> Tree:
    if isinstance(tree, Symbol):
        return values[tree.name]
    parts = [_put(part, values) for part in operands(tree)]
    return rebuilt(tree, parts) if parts else tree


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda f: f"{f.output}-{len(f.roles)}")
def test_each_letter_has_a_role(formula: Formula) -> None:
    assert len(formula.roles) == len(symbols(formula.tree)) == len(set(formula.roles))
    assert formula.output.isidentifier()


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda f: f"{f.output}-{len(f.roles)}")
@given(seed=st.integers(0, 2**32))
def test_a_formula_with_its_values_is_recognised_as_one_that_gives_its_value(
    formula: Formula, seed: int
) -> None:
    choice = random.Random(seed)
    values = {letter: choice.randint(2, 19) for letter in symbols(formula.tree)}
    text = _written(formula.tree, values)
    tree = read_formula(text)
    try:
        expected = evaluate(tree)
    except NotArithmeticError:
        return
    match = recognise(tree, EVERYTHING, EVERYTHING)
    assert match is not None, text
    # Another formula may have the same shape in other words; its value must be the same.
    found = evaluate(_put(match.formula.tree, match.bound))
    assert math.isclose(float(found), float(expected), rel_tol=1e-12, abs_tol=1e-12)


@pytest.mark.parametrize(
    ("text", "words", "output"),
    [
        (r"\frac{7 - 1}{5 - 2}", "The slope of the line is", "slope"),
        (r"\frac{7 - 1}{5 - 2}", "The ratio is", None),
        (r"\frac{3 \cdot 4}{2}", "the area of triangle ABC", "area_of_triangle"),
        (r"\frac{1}{2} \cdot 3 \cdot 4", "the area of triangle ABC", "area_of_triangle"),
        (r"3 \cdot 4 \cdot \frac12", "the area of triangle ABC", "area_of_triangle"),
        (r"3^2 \pi", "the area of the circle", "area_of_circle"),
        (r"\frac{44\pi}{100\pi}", "the probability is", None),
        (r"\frac{44}{100}", "the slope is", None),
        (r"(1 + 15)/2 \cdot 8", "the sum of the arithmetic series", "sum_of_arithmetic_series"),
    ],
)
def test_shape_and_words_are_both_asked_for(text: str, words: str, output: str | None) -> None:
    match = recognise(read_formula(text), words, words)
    assert (match.formula.output if match else None) == output


@pytest.mark.parametrize(
    ("text", "nearby", "sentence"),
    [
        ("9 + 4 - 2", "How many do they both keep?", "Both put their coins together and keep"),
        ("9 - 4 + 1", "How many numbers are on the list?", "The numbers on the list are"),
        ("(4 + 1)(2 + 1)", "What is the product of the factors?", "The factors give"),
        (r"\frac{6(2 + 8)}{2}", "What is the sum sold?", "The sum is"),
        ("4 + 3 \\cdot 5", "an arithmetic sequence", "The price is"),
        (r"\frac{9 - 1}{4 - 2}", "The slope of the roof is steep.", "Each of them gets"),
        (r"\frac{6 \cdot 8}{2}", "A triangle is cut from paper.", "Half of the sheets are"),
        (r"1 - \frac{3}{8}", "What is the probability?", "What is left of the pie is"),
        (r"\frac{9!}{5!}", "In how many ways do 4 of 9 win?", "There are so many ways to order"),
        (r"\frac{4 + 8}{2}", "What is the average?", "Each of the two gets"),
        (r"\frac{4 + 8}{2}", "", "I mean the half of both is"),
        (r"\frac{6!}{2!}", "In how many ways can 4 of 6 different letters be put in order?", ""),
        (r"\frac{6!}{2!}", "The letters are distinct, and none repeats.", "The ways to order are"),
        ("5 \\cdot 2^3", "He doubles back to the gate.", "The cubes hold"),
        ("3 \\cdot 1.5^2", "An interesting pattern", "It comes to"),
        (r"\frac{180(8 - 2)}{8}", "A wagon with 8 wheels", "It costs"),
        (r"(\frac{6}{2})^2", "Is 9 a perfect square?", "The area of the tile is"),
        ("(4 - 1)!", "A circle has a radius of 4.", "That is"),
    ],
)
def test_a_shape_that_stories_have_is_no_formula_by_a_word_nearby(
    text: str, nearby: str, sentence: str
) -> None:
    assert recognise(read_formula(text), f"{nearby} {sentence}", sentence) is None


@pytest.mark.parametrize(
    ("text", "nearby", "sentence", "output"),
    [
        (r"\sqrt{6^2 + 8^2}", "", "The magnitude of the force (6, 8) is", "norm"),
        (r"\sqrt{6^2 + 8^2}", "", "The complex number 6 + 8i has magnitude", "absolute_value"),
        (r"\frac{6!}{(6 - 4)!}", "", "The ways to order 4 of 6 are", "ways_to_arrange_some"),
        (r"\frac{6!}{2!}", "Two letters are identical.", "The ways to order are",
         "ways_to_arrange"),
        (r"(\frac{6}{2})^2", "", "To make it into a perfect square, we need to add",
         "number_that_completes_the_square"),
        (r"\frac{4 + 8}{2}", "", "The mean of the two is", "average"),
        ("5 \\cdot 2^3", "A culture doubles every hour.", "There are", "amount_after_doublings"),
        (r"\frac{180(8 - 2)}{8}", "An octagon", "It has", "interior_angle"),
        ("9 + 4 - 2", "", "by inclusion and exclusion there are", "size_of_union"),
        ("9 - 4 + 1", "The integers from 4 to 9", "are so many integers", "integers_in_range"),
        ("(4 + 1)(2 + 1)", "$n = 2^4 3^2$", "so it has this many divisors",
         "divisors_of_factored_number"),
        (r"\frac{9 - 1}{4 - 2}", "What is the slope?", "We have $m =", "slope"),
    ],
)  # fmt: skip
def test_words_of_role_in_its_sentence_make_a_formula(
    text: str, nearby: str, sentence: str, output: str
) -> None:
    match = recognise(read_formula(text), f"{nearby} {sentence}", sentence)
    assert match is not None
    assert match.formula.output == output


def test_a_loose_shape_is_one_that_a_story_may_have() -> None:
    loose = {formula.shape for formula in FORMULAS if formula.is_loose}
    assert {"a + b - c", "b - a + 1", "a + kd", r"\frac{bh}{2}"} <= loose
    assert not {r"\pi r^2", r"\frac{n(n - 3)}{2}", "180(n - 2)", r"\frac{n!}{a!}"} & loose


def test_letters_beside_the_numbers_say_which_is_which() -> None:
    base, height = Number(400, 0, 3, symbol="b"), Number(27, 4, 6, symbol="h")
    tree = Binary("/", Binary("*", height, base), Number(3, 7, 8))
    match = recognise(tree, "the volume of the pyramid", "the volume of the pyramid")
    assert match is not None
    assert match.bound == {"b": base, "h": height}
