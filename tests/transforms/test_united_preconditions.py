"""What variants need between them: never more than each needs, never what only one needs."""

from __future__ import annotations

import itertools
import keyword
from dataclasses import replace
from fractions import Fraction

import pytest
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
    assert renamed("all(i > n for i in a)", {"a": "b", "n": "m"}) == "all((i > m for i in b))"
    assert renamed("all(item > n for item in a)", {"a": "item", "n": "m"}) == (
        "all((item_ > m for item_ in item))"
    )
    assert renamed("(lambda b, c=b: a + b + c)(1)", {"a": "b", "b": "d"}) == (
        "(lambda b_, c=d: b + b_ + c)(1)"
    )
    assert renamed("[x for x in x if x > y]", {"x": "y", "y": "z"}) == "[x for x in y if x > z]"
    assert renamed("(b := a) > 0", {"a": "b"}) is None
    assert renamed("x >", {"x": "y"}) is None and renamed("x >", {"x": "x"}) is None


def test_a_parameter_with_the_name_of_an_item_loses_no_predicate() -> None:
    """The rules' own predicate of lists calls an item item."""
    integers = "all(isinstance(item, int) for item in xs)"
    for names in ({"xs": "xs", "item": "item"}, {"xs": "xs", "item": "n"}):
        assert renamed(integers, names) == integers
    assert renamed(integers, {"xs": "ys", "item": "n"}) == (
        "all((isinstance(item, int) for item in ys))"
    )
    both = united(
        [
            Needs((), (integers,), (), {"xs": "xs", "item": "item"}),
            Needs((), (integers.replace("xs", "ys"),), (), {"ys": "xs", "n": "item"}),
        ]
    )
    assert both.predicates == (integers,)


WORDS = ["number", "integer", "list", "values", "empty", "zero", "a", "is", "index", "key", "input"]
SENTENCES = (
    "{0} is a number", "{0} is an integer", "{0} is a list of integers", "{0} is not empty",
    "{0} is not zero", "{0} is not negative", "{0} is empty or zero", "{0} has at least 3 items",
    "{0} is neither empty nor zero", "{0} is true or false", "{0} is given",
    "{0} is a number or None", "{0} is an instance of int", "{0} is no instance of list",
    "seen with {0} from 2 to 4", "division by zero when {0} is zero", "a key that {0} lacks",
    "empty input: {0} has no first item", "an index beyond the end of {0}",
    "empty {0}: check that the result for nothing is the wanted one", "changes {0} in place",
    "changes the members of {0} in place", "{0} is less than {1}", "{0} equals {1}",
    "undefined when {0} - {1} is out of the domain of math.sqrt", "{0} is true", "{0} is false",
    "{0} + len({1}) is not zero", "division by zero when 2 * {0} - {1} is zero",
    "({0} is at least {1} or {1} is true) and {0} is not 3", "not ({0} is in {1})",
    "does not end if this stays so: {0} is at most {1} and {1} is true",
    "{0}: the number of values in a list",
)  # fmt: skip


@pytest.mark.parametrize("sentence", SENTENCES)
def test_the_words_of_a_sentence_stay_whatever_its_parameters_are_called(sentence: str) -> None:
    words = [word for word in WORDS if not keyword.iskeyword(word)]
    for first, second in itertools.permutations([*words, "total"], 2):
        names = {first: "other", second: first}
        said = in_words(sentence.format(first, second), names)
        assert said == sentence.format("other", first), (first, second)
        own = {first: first, second: second}
        assert in_words(sentence.format(first, second), own) == sentence.format(first, second)


def test_prose_stays_but_for_names_that_are_no_words() -> None:
    names = {"a": "price", "total": "sum", "n": "m", "unit_price": "cost", "s": "t"}
    for prose, said in (
        ("a times c", "a times c"),
        ("a divides the total", "a divides the total"),
        ("amounts that are added must be in the total's unit",) * 2,
        ("n is a multiple of unit_price", "m is a multiple of cost"),
        ("a is a count, not a share: a fraction is cut",
         "price is a count, not a share: a fraction is cut"),
        ("it's the total of n", "it's the total of m"),
        ("needs sympy (run with sympy 1.12)",) * 2,
    ):  # fmt: skip
        assert in_words(prose, names) == said


def test_it_does_not_matter_which_variant_leads() -> None:
    one = Needs(("number is a number", "list is not empty"), (), (), {"number": "", "list": ""})
    other = Needs(("total is a number", "xs is not empty"), (), (), {"total": "", "xs": ""})
    for first, second in ((one, other), (other, one)):
        names = dict(zip(second.names, first.names, strict=True))
        lead = replace(first, names={name: name for name in first.names})
        both = united([lead, replace(second, names=names)])
        assert both.preconditions == first.preconditions
