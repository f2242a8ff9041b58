from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tracemine.teachers.rules.arithmetic.expressions import NotArithmeticError
from tracemine.teachers.rules.arithmetic.terms import (
    Facts,
    Leaf,
    Other,
    Product,
    Sum,
    Term,
    add,
    constant,
    divides_term,
    evaluate_term,
    leaves,
    negative,
    over,
    simplify,
    substitute,
    times,
    write,
)

A, B, C, P, F = (Leaf(("own", name)) for name in "abcpf")
TOP, BOTTOM = Leaf(("numerator", "0")), Leaf(("denominator", "0"))
VALUES = {"a": 7, "b": 3, "c": 5, "p": 20, "f": Fraction(2, 3)}

FACTS = Facts(
    part=lambda leaf: {TOP: ("top", F), BOTTOM: ("bottom", F)}.get(leaf),
    is_percent=lambda leaf: leaf == P,
    is_ratio=lambda leaf: leaf in (P, F),
    rank=lambda term: (0,) if isinstance(term, Leaf) and term not in (P, F) else (1,),
)


def _value(key: tuple[str, str]) -> Fraction:
    known = {"numerator": 2, "denominator": 3}
    return Fraction(known[key[0]] if key[0] in known else VALUES[key[1]])


def _code(term: Term) -> str:
    return write(simplify(term, FACTS), lambda key: key[1])


def _n(value: int) -> Term:
    return constant(Fraction(value))


@pytest.mark.parametrize(
    ("term", "code"),
    [
        (times(A, times(B, C)), "a * b * c"),
        (over(A, over(B, C)), "a * c / b"),
        (add(A, negative(add(B, C))), "a - b - c"),
        (add(times(_n(2), A), A), "a + a * 2"),
        (add(A, negative(over(times(A, P), _n(100)))), "a * (1 - p / 100)"),
        (times(over(add(_n(100), negative(P)), _n(100)), A), "a * (1 - p / 100)"),
        (add(A, times(F, A)), "a * (1 + f)"),
        (over(times(A, TOP), BOTTOM), "a * f"),
        (over(times(times(A, B), C), C), "a * b"),
        (times(A, constant(Fraction(1, 2))), "a / 2"),
        (times(A, constant(Fraction(3, 4))), "a * 3 / 4"),
        (times(add(A, B), C), "c * (a + b)"),
        (negative(add(A, B)), "-(a + b)"),
        (add(add(A, B), negative(B)), "a"),
        (over(A, add(B, C)), "a / (b + c)"),
        (over(A, times(B, C)), "a / b / c"),
        (Other("**", add(A, B), _n(2)), "(a + b) ** 2"),
        (Other("//", A, Other("%", B, C)), "a // (b % c)"),
    ],
)
def test_one_formula_has_one_form(term: Term, code: str) -> None:
    assert _code(term) == code


def test_a_step_is_put_in_the_place_of_its_name() -> None:
    step = Leaf(("step", "0"))
    whole = substitute(add(A, negative(step)), lambda leaf: times(B, C) if leaf == step else None)
    assert write(whole, lambda key: key[1]) == "a - b * c"


@pytest.mark.parametrize(
    "term", [over(A, add(B, negative(_n(3)))), Other("//", A, add(B, negative(_n(3))))]
)
def test_no_value_is_an_error(term: Term) -> None:
    with pytest.raises(NotArithmeticError):
        evaluate_term(term, _value)


def test_dividing_by_the_constant_zero_is_an_error() -> None:
    with pytest.raises(NotArithmeticError):
        over(A, _n(0))


_LEAVES = st.sampled_from([A, B, C, P, F, TOP, BOTTOM])
_CONSTANTS = st.fractions(-20, 20, max_denominator=4).map(constant)


def _combine(children: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    pairs = st.tuples(st.sampled_from("+-*/"), children, children)

    def build(drawn: tuple[str, Term, Term]) -> Term:
        symbol, left, right = drawn
        if symbol == "/":
            try:
                return over(left, right)
            except NotArithmeticError:
                return left
        if symbol == "*":
            return times(left, right)
        return add(left, right if symbol == "+" else negative(right))

    return pairs.map(build)


_TERMS = st.recursive(_LEAVES | _CONSTANTS, _combine, max_leaves=8)


@given(_TERMS)
def test_the_normal_form_has_the_same_value_and_python_agrees(term: Term) -> None:
    try:
        value = evaluate_term(term, _value)
    except NotArithmeticError:
        assume(False)
        return
    assume(abs(value) < 10**9)
    simple = simplify(term, FACTS)
    try:
        assert evaluate_term(simple, _value) == value
    except NotArithmeticError:
        pytest.fail("the normal form divides by zero where the formula did not")
    names = {leaf.key: f"{leaf.key[0]}_{leaf.key[1]}" for leaf in leaves(simple)}
    scope = {name: float(_value(key)) for key, name in names.items()}
    code = write(simple, names.__getitem__)
    assert eval(code, scope) == pytest.approx(float(value), rel=1e-6, abs=1e-6)
    assert divides_term(simple) == ("/" in code or "." in code)


@given(_TERMS)
def test_the_normal_form_is_its_own(term: Term) -> None:
    try:
        once = simplify(term, FACTS)
        twice = simplify(once, FACTS)
    except NotArithmeticError:
        assume(False)
        return
    assert isinstance(twice, (Leaf, Sum, Product, Other))
    assert sorted(leaf.key for leaf in leaves(twice)) <= sorted(leaf.key for leaf in leaves(once))
