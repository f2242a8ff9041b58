from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.arithmetic.lifting import mentions
from tracemine.teachers.rules.arithmetic.routines import Constant, Link
from tracemine.teachers.rules.arithmetic.sources import (
    MAX_READINGS,
    MAX_SOURCES,
    OUTERMOST,
    Place,
    Source,
    context,
    first_mentions,
    in_products,
    method_fit,
    money_fit,
    noun_fit,
    operation_fit,
    ranked,
    readings,
    speaks_of_squares,
    square_with_sides,
    stems,
    unit_fit,
)


class _InOrder(frozenset[str]):
    """Words that come in a given order, as those of a set come in another in every process."""

    order: tuple[str, ...]

    def __new__(cls, words: Iterable[str]) -> _InOrder:
        order = tuple(words)
        made = super().__new__(cls, order)
        made.order = order
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self.order)


def _source(name: str, fit: float = 0.0, said: Mapping[str, float] | None = None) -> Source:
    kind, _, index = name.partition(" ")
    operand = Link(int(index)) if kind == "step" else Constant(Fraction(int(index or 0)))
    return Source((kind, index), operand, fit, said or {})


def _chosen(*places: Place, squares: bool = False) -> list[str]:
    first = readings(places, squares=squares)[0]
    return [" ".join(first.chosen[p.step, p.position].key) for p in places]


def test_two_places_that_may_be_one_number_are_two_where_there_are_two() -> None:
    both = (_source("problem 0"), _source("problem 1"))
    assert sorted(_chosen(Place(0, 0, None, both), Place(1, 0, None, both))) == [
        "problem 0",
        "problem 1",
    ]


def test_words_choose_among_fresh_places_and_freshness_beats_words() -> None:
    both = (_source("problem 0", 1.0), _source("problem 1", 0.0))
    assert _chosen(Place(0, 0, None, both)) == ["problem 0"]
    # The words speak for the first both times; but then nothing would use the second.
    assert sorted(_chosen(Place(0, 0, None, both), Place(1, 0, None, both))) == [
        "problem 0",
        "problem 1",
    ]


def test_what_loses_least_makes_room() -> None:
    early = Place(0, 0, None, (_source("step 1", 0.5), _source("step 0", 0.0)))
    late = Place(1, 0, None, (_source("step 1", 0.0), _source("step 0", 0.0)))
    assert _chosen(early, late) == ["step 1", "step 0"]


def test_a_number_is_a_factor_twice_only_where_the_text_speaks_of_squares() -> None:
    sources = (_source("problem 0"), _source("known 3", -3.5))
    places = (Place(0, 0, 1, sources), Place(0, 1, 1, sources))
    assert sorted(_chosen(*places)) == ["known 3", "problem 0"]
    assert _chosen(*places, squares=True) == ["problem 0", "problem 0"]
    terms = (Place(0, 0, None, sources), Place(0, 1, None, sources))
    assert _chosen(*terms) == ["problem 0", "problem 0"]


def test_what_is_as_good_is_another_reading() -> None:
    alike = (_source("step 0"), _source("step 1"))
    first, other = readings([Place(2, 0, None, alike)], squares=False)
    assert first.changed == -1
    assert other.changed == 2
    assert first.chosen[2, 0].key != other.chosen[2, 0].key
    better = (_source("step 0", 2.0), _source("step 1"))
    assert len(readings([Place(2, 0, None, better)], squares=False)) == 1


_KEYS = ("problem 0", "problem 1", "step 0", "step 1", "method 2", "known 3", "trace 4")


@given(st.data())
def test_every_reading_is_whole_and_no_worse_than_any_one_change(data: st.DataObject) -> None:
    places = []
    for index in range(data.draw(st.integers(0, 6))):
        keys = data.draw(st.lists(st.sampled_from(_KEYS), min_size=1, max_size=4, unique=True))
        fits = [data.draw(st.integers(-8, 8)) / 4 for _ in keys]
        sources = tuple(_source(key, fit) for key, fit in zip(keys, fits, strict=True))
        product = data.draw(st.sampled_from([None, 1]))
        places.append(Place(index // 2, index % 2, product, sources))
    found = readings(places, squares=False)
    assert 1 <= len(found) <= 1 + MAX_READINGS
    for reading in found:
        assert set(reading.chosen) == {(p.step, p.position) for p in places}
        for place in places:
            assert reading.chosen[place.step, place.position] in place.sources
    for other in found[1:]:
        different = [at for at in other.chosen if other.chosen[at] != found[0].chosen[at]]
        assert [step for step, _ in different] == [other.changed]
    assert readings(places, squares=False) == found


def test_only_words_that_tell_places_apart_count() -> None:
    red = _source("problem 0", 0.0, {"marbl": 1.0, "red": 1.0})
    blue = _source("problem 1", 0.0, {"marbl": 1.0, "blu": 1.0})
    best, other = ranked((blue, red), stems("She has three red marbles."))
    assert best.key == red.key
    assert best.fit > 0 > other.fit
    first, second = ranked((blue, red), stems("She has three marbles."))
    assert first.fit == second.fit == 0


def test_sources_are_bounded() -> None:
    many = [_source(f"problem {n}", float(n)) for n in range(50)]
    found = ranked(many, frozenset())
    assert len(found) == MAX_SOURCES
    assert found[0].key == ("problem", "49")


def test_the_words_of_a_clause_count_more_than_those_of_its_sentence() -> None:
    text = "Ivo sells 4 lamps, and he mends 6 chairs. Rain fell."
    around = context(text, text.index("6"))
    assert around["chair"] > around["lamp"] > 0
    assert "rain" not in around


@pytest.mark.parametrize(
    ("problem", "first"),
    [
        ("A school has 60 pupils. Each of those 60 pupils sings.", [0, 0]),
        ("Ada has 6 pupils. Ben has 6 pupils.", [0, 1]),
        ("Ada has 6 pupils and her 6 dogs bark.", [0, 1]),
    ],
)
def test_what_the_text_goes_back_to_is_one_number(problem: str, first: list[int]) -> None:
    assert first_mentions(problem, mentions(problem)) == first


def test_what_speaks_for_a_number_at_a_place() -> None:
    assert noun_fit("red_apples", "apples") > 0 > noun_fit("pears", "apples")
    assert noun_fit("", "apples") == noun_fit("apples", "") == 0
    assert unit_fit("minute", "mile/hour") < unit_fit("mile", "mile/hour") < 0
    assert unit_fit(None, "hour") == unit_fit("hour", "hour") == 0
    assert operation_fit("more_apples", "*") < 0 < operation_fit("more_apples", "+")
    assert operation_fit("times", "+") < 0 < operation_fit("times", "*")
    assert method_fit("half", "*") < 0 < method_fit("half", "/")
    assert method_fit("twice", "/") < 0 < method_fit("twice", "*")
    assert money_fit("dollar", "+", True) == money_fit(None, "-", False) == 0
    assert money_fit("dollar", "-", False) < 0 and money_fit(None, "+", True) < 0
    assert money_fit(None, "*", True) == money_fit("dollar", "+", None) == 0


def test_words_for_squares() -> None:
    assert speaks_of_squares("The area of the field")
    assert speaks_of_squares("A cube of 3 inches")
    assert not speaks_of_squares("Each of 4 boys buys 4 pens")


def test_products_of_products_are_one_product() -> None:
    both = (_source("problem 0", 0.5), _source("problem 1"))
    places = [
        Place(0, 0, OUTERMOST, both),
        Place(0, 1, OUTERMOST, (_source("problem 2"),)),
        Place(1, 0, OUTERMOST, (_source("step 0"),)),
        Place(1, 1, OUTERMOST, both),
        Place(2, 0, None, (_source("step 1"),)),
    ]
    joined = in_products(places, [True, True, False])
    assert set(joined[0].wholes) & set(joined[1].wholes) & set(joined[3].wholes)
    assert not joined[4].wholes
    # A sum of products is no product, and what divides no factor.
    apart = in_products(places, [False, True, False])
    assert not set(apart[0].wholes) & set(apart[3].wholes)
    divided = in_products([*places[:3], replace(places[3], divides=True)], [True, True])
    assert not divided[3].wholes


def test_a_result_in_two_products_makes_them_no_one_product() -> None:
    both = (_source("problem 0"),)
    places = [
        Place(0, 0, OUTERMOST, both),
        Place(1, 0, OUTERMOST, (_source("step 0"),)),
        Place(1, 1, OUTERMOST, both),
        Place(2, 0, OUTERMOST, (_source("step 0"),)),
        Place(2, 1, OUTERMOST, both),
    ]
    joined = in_products(places, [True, True, True])
    assert set(joined[0].wholes) & set(joined[2].wholes)
    assert not set(joined[2].wholes) & set(joined[4].wholes)


def test_a_square_with_sides_is_found_by_its_words() -> None:
    assert square_with_sides("A fence around a square garden") == 17
    assert square_with_sides("The sides of a box of 3 square feet") is None
    assert square_with_sides("The sides of a square number") is None


_WORDS = tuple("abcdefgh")


@given(
    st.lists(
        st.dictionaries(st.sampled_from(_WORDS), st.sampled_from([0.5, 1.0]), min_size=1),
        min_size=3,
        max_size=7,
    ),
    st.permutations(_WORDS),
)
def test_what_words_count_does_not_depend_on_the_order_in_which_they_come(
    contexts: list[dict[str, float]], order: list[str]
) -> None:
    sources = [_source(f"problem {i}", said=said) for i, said in enumerate(contexts)]
    assert ranked(sources, _InOrder(order)) == ranked(sources, _InOrder(_WORDS))
