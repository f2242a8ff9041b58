"""Which value goes to which role: the best way, found whatever things are called."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.schemas import Parameter
from tracemine.verifiers import roles
from tracemine.verifiers.roles import MEASURES, ORDER, Roles, Roster, _weight, align, serves

NAMES = ["price", "total_price", "first_item", "second_item", "items", "Time", "x", "price_2", ""]
UNITS = [None, "dollar", "hour", "foot**2"]
TYPES = ["int", "real", "rational", "str", "expr", "list[int]", "any"]

parameters = st.builds(
    Parameter, st.sampled_from(NAMES), st.sampled_from(TYPES), st.sampled_from(UNITS)
)
numbers = st.builds(Parameter, st.sampled_from(NAMES), st.just("int"), st.sampled_from(UNITS))


def named(found: list[Parameter]) -> list[Parameter]:
    """The parameters under names that differ, as those of one routine do."""
    seen: dict[str, Parameter] = {}
    for parameter in found:
        seen.setdefault(parameter.name, parameter)
    return list(seen.values())


def both(of: st.SearchStrategy[Parameter]) -> st.SearchStrategy[tuple[list[Parameter], ...]]:
    def cut(pair: tuple[list[Parameter], list[Parameter]]) -> tuple[list[Parameter], ...]:
        inputs, keys = map(named, pair)
        arity = min(len(inputs), len(keys))
        return inputs[:arity], keys[:arity]

    return st.tuples(*[st.lists(of, max_size=5)] * 2).map(cut)


def worth(inputs: list[Parameter], keys: list[Parameter], way: tuple[int, ...]) -> float:
    arity = max(1, len(inputs))
    return sum(
        _weight(inputs[role], keys[key]) - ORDER * abs(role - key) / arity
        for role, key in enumerate(way)
    )


@settings(max_examples=300)
@given(both(parameters))
def test_no_way_is_better(pair: tuple[list[Parameter], list[Parameter]]) -> None:
    inputs, keys = pair
    ways = list(itertools.permutations(range(len(keys))))
    possible = [
        way
        for way in ways
        if all(serves(inputs[role].type, keys[key].type) for role, key in enumerate(way))
    ]
    found = align(inputs, keys)
    if not possible:
        assert found is None
        return
    assert found is not None
    assert sorted(found.positions) == list(range(len(keys)))
    best = max(worth(inputs, keys, way) for way in possible)
    assert worth(inputs, keys, found.positions) == pytest.approx(best, abs=1e-8)


@settings(max_examples=100)
@given(both(numbers), st.randoms())
def test_what_things_are_called_alike_elsewhere_changes_nothing(
    pair: tuple[list[Parameter], list[Parameter]], pick: random.Random
) -> None:
    """Names are letters: another word for each word, on both sides, gives the same alignment."""
    words = sorted({word for p in [*pair[0], *pair[1]] for word in p.name.lower().split("_")})
    words = [word for word in words if word.isalpha() and word not in roles.ORDINALS]
    others = [f"w{chr(97 + place)}q" for place in range(len(words))]
    pick.shuffle(others)
    renamed = dict(zip(words, others, strict=True))

    def called(parameter: Parameter) -> Parameter:
        name = "_".join(renamed.get(w, w) for w in parameter.name.lower().split("_"))
        return Parameter(name, parameter.type, parameter.unit)

    lower = [[Parameter(p.name.lower(), p.type, p.unit) for p in side] for side in pair]
    assert align(*lower) == align(*[[called(p) for p in side] for side in pair])


@settings(max_examples=50)
@given(st.lists(both(parameters), max_size=6), st.lists(parameters, max_size=5).map(named))
def test_many_routines_at_once_are_aligned_as_one_by_one(
    pairs: list[tuple[list[Parameter], list[Parameter]]], keys: list[Parameter]
) -> None:
    routines = [side for pair in pairs for side in pair]
    found = Roster(routines).align(keys)
    alone = {place: align(inputs, keys) for place, inputs in enumerate(routines)}
    expected = {place: one for place, one in alone.items() if one is not None}
    assert found.places.tolist() == list(expected)
    for row, one in enumerate(expected.values()):
        assert tuple(found.positions[row].tolist()) == one.positions
        assert found.measures[row].tolist() == [getattr(one, name) for name in MEASURES]


def of(*texts: str) -> list[Parameter]:
    """Parameters written ``name`` or ``name:unit`` or ``name:unit:type``."""
    made = []
    for text in texts:
        name, unit, kind = [*text.split(":"), "", ""][:3]
        made.append(Parameter(name, kind or "int", unit or None))
    return made


def positions(found: Roles | None) -> tuple[int, ...]:
    assert found is not None
    return found.positions


@pytest.mark.parametrize(
    ("inputs", "keys", "way"),
    [
        (of("total", "spent"), of("spent", "total"), (1, 0)),
        (of("money:dollar", "time:hour"), of("a:hour", "b:dollar"), (1, 0)),
        (of("cost:dollar", "cost_of_time:hour"), of("cost_of_time:dollar", "x:hour"), (0, 1)),
        (of("a", "b", "c"), of("x", "y", "z"), (0, 1, 2)),
        (of("first_price", "items"), of("number_of_items", "price"), (1, 0)),
        (of("a::str", "b::int"), of("x::int", "y::str"), (1, 0)),
        (of("a::expr", "b::int"), of("x::int", "y::str"), (1, 0)),
        ([], [], ()),
    ],
)
def test_names_units_types_then_order(
    inputs: list[Parameter], keys: list[Parameter], way: tuple[int, ...]
) -> None:
    assert positions(align(inputs, keys)) == way


def test_units_that_contradict_are_told() -> None:
    found = align(of("price:dollar", "time"), of("price:hour", "time:hour"))
    assert found is not None
    assert (found.equal_names, found.other_unit, found.one_unit) == (1.0, 0.5, 0.5)
    agreed = align(of("price:dollar"), of("cost:dollar"))
    assert agreed is not None
    assert (agreed.equal_units, agreed.other_unit) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("inputs", "keys"),
    [
        (of("a"), of("a", "b")),
        (of("a"), []),
        (of("a::int"), of("a::str")),
        (of("a::str"), of("a::expr")),
        (of("a::list[int]", "b::int"), of("a::int", "b::int")),
    ],
)
def test_what_cannot_be_filled_is_none(inputs: list[Parameter], keys: list[Parameter]) -> None:
    assert align(inputs, keys) is None


def test_many_roles_are_aligned_too() -> None:
    arity = roles.MAX_TRIED + 3
    inputs = of(*[f"thing_{chr(97 + place)}" for place in range(arity)])
    assert positions(align(inputs, inputs[::-1])) == tuple(reversed(range(arity)))


def test_a_roster_remembers_so_much_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roles, "_REMEMBERED_NUMBERS", 40)
    roster = Roster([of("price", "items")])
    for number in range(20):
        found = roster.align(of("items", f"price_{number}"))
        assert found.positions.tolist() == [[1, 0]]
        assert sum(column.size for column in roster._columns.values()) <= 40
