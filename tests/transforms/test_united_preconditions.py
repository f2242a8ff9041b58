"""What variants need between them: never more than each needs, never what only one needs."""

from __future__ import annotations

import itertools
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.transforms.preconditions import Needs, implies, in_words, renamed, united

NUMBER = "type({}).__name__ in ('int', 'float', 'Fraction')"
INTEGER = "isinstance({}, int) and not isinstance({}, bool)"


def test_what_each_variant_needs_is_needed_and_the_rest_stays_with_it() -> None:
    first = Needs(
        ("total is a number", "people is an integer"),
        (NUMBER.format("total"), INTEGER.format("people", "people"), "people > 0"),
        ("division by zero when people is zero",),
        {"total": "total", "people": "people"},
    )
    second = Needs(
        ("money is a number", "a is a number", "seen with a from 2 to 4"),
        (NUMBER.format("money"), NUMBER.format("a"), "a != 0", "money >= 0"),
        ("division by zero when a is zero", "a is a count, not a share: a fraction is cut"),
        {"a": "people", "money": "total"},
    )
    both = united([first, second])
    assert both.predicates == (NUMBER.format("total"), NUMBER.format("people"), "people != 0")
    assert both.preconditions == ("total is a number", "people is a number")
    assert both.failure_modes == (
        "division by zero when people is zero",
        "people is a count, not a share: a fraction is cut",
    )
    assert united([first]).predicates == first.predicates


def test_united_in_any_order_of_the_others() -> None:
    needs = [
        Needs((), (f"x{n} > {n}", f"x{n} < 9"), (f"fails at {n}",), {f"x{n}": "x0"})
        for n in range(4)
    ]
    for rest in itertools.permutations(needs[1:]):
        found = united([needs[0], *rest])
        assert sorted(found.predicates) == ["x0 < 9", "x0 > 0"]
        assert set(found.failure_modes) == {f"fails at {n}" for n in range(4)}


COMPARISONS = st.builds(
    lambda term, sign, bound, flip: f"{bound} {sign} {term}" if flip else f"{term} {sign} {bound}",
    st.sampled_from(["x", "2 * x", "len(str(x))"]),
    st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    st.integers(-3, 3),
    st.booleans(),
)
PREDICATES = st.one_of(
    COMPARISONS,
    st.tuples(COMPARISONS, COMPARISONS).map(" and ".join),
    st.tuples(COMPARISONS, COMPARISONS).map(" or ".join),
    st.sampled_from(["-2 < x <= 2", "isinstance(x, int)", NUMBER.format("x")]),
    st.just(INTEGER.format("x", "x")),
)


@settings(max_examples=400)
@given(st.lists(PREDICATES, max_size=4), PREDICATES)
def test_what_is_implied_holds_wherever_the_rest_does(known: list[str], predicate: str) -> None:
    if implies(known, predicate):
        for x in (*range(-5, 6), 0.5, -1.5, 2.5, Fraction(1, 3), True):
            scope = {"x": x}
            if all(eval(text, scope) for text in known):
                assert eval(predicate, scope)


def test_comparisons_and_integers_imply_what_is_weaker() -> None:
    for known, weaker in (
        ("x > 0", "x != 0"), ("x > 0", "x >= 0"), ("x >= 1", "0 < x"), ("3 <= x <= 4", "x < 5"),
        ("len(x) > 2", "len(x) > 0"), ("x == 2", "x <= 2"), ("x < -1", "x != -1"),
        (INTEGER.format("x", "x"), NUMBER.format("x")),
        ("(x  >  0)", "x > 0"),
    ):  # fmt: skip
        assert implies([known], weaker), (known, weaker)
    for known, stronger in (
        ("x != 0", "x > 0"), ("x >= 0", "x > 0"), ("x > 0", "y > 0"), ("x > 0 or y", "x > 0"),
        ("isinstance(x, int)", NUMBER.format("x")), ("not python (", "not python ("), ("", ""),
    ):  # fmt: skip
        assert not implies([known], stronger), (known, stronger)


def test_names_are_exchanged_at_once_and_never_caught() -> None:
    assert renamed("a > b", {"a": "b", "b": "a"}) == "b > a"
    assert renamed("all(item > n for item in a)", {"a": "item", "n": "m"}) is None
    assert renamed("all(i > n for i in a)", {"a": "b", "n": "m"}) == "all((i > m for i in b))"
    assert renamed("x >", {"x": "y"}) is None
    assert (
        in_words("a is a number from b to a", {"a": "b", "b": "c"}) == "b is a number from c to b"
    )
    assert in_words("an index beyond the end of a", {"a": "nums"}) == (
        "an index beyond the end of nums"
    )
