"""Search for a caller who brings values: what is offered, in which order, and what it gives."""

from __future__ import annotations

import logging
import math
import threading
from pathlib import Path
from typing import Any

import pytest
import small_store

from tracemine.schemas import Parameter, Signature, content_id
from tracemine.store import Hit, RequestError, Store
from tracemine.store.keywords import WEIGHT
from tracemine.store.ranking import RUN
from tracemine.store.trials import NO_TIME
from tracemine.verifiers import Sandbox

ANY = ("canonical", "verified", "candidate")


def routine(
    subquestion: str,
    code: str,
    signature: Signature,
    *,
    predicates: tuple[str, ...] = (),
    case: dict[str, Any] | None = None,
) -> small_store.Routine:
    """A routine of an entry that two instances speak for."""
    cases = tuple(((case or {"n": number}), number) for number in range(3))
    return small_store.Routine(
        subquestion, code, signature, predicates, "math", "verified", cases, ("pass", "pass")
    )


def two(output: Parameter, *inputs: Parameter) -> Signature:
    return Signature(inputs, output)


MONEY, ITEMS = Parameter("money", "int", "dollar"), Parameter("items", "int")
HOURS, SPEED = Parameter("hours", "int", "hour"), Parameter("speed", "int", "mile/hour")
LEFT = Parameter("left", "int", "dollar")
NUMBER, OTHER = Parameter("a", "int"), Parameter("b", "int")
ONE = Signature((NUMBER, OTHER), Parameter("result", "int"))

#: What else stored code does on values that it was never run on.
HOSTILE = (
    routine("It subtracts", "def subtract(a, b):\n    return a - b\n", ONE),
    routine("It subtracts, in other words", "def less(x, y):\n    left = x - y\n    return left\n",
            small_store.signature("int", x="int", y="int")),
    routine("It loops", "def loops(a, b):\n    while a > 5:\n        b += 1\n    return b\n", ONE),
    routine("It raises", "def raises(a, b):\n    raise ValueError('no\\nline')\n", ONE),
    routine("It divides by zero", "def zero(a, b):\n    return a / (b - b)\n", ONE),
    routine("It ends the process", "def ends(a, b):\n    import os\n    os._exit(3)\n", ONE),
    routine("It gives no value", "def thing(a, b):\n    return thing\n", ONE),
    routine("It gives none", "def none(a, b):\n    return None\n", ONE),
    routine("It gives a set", "def gives(a, b):\n    return {a, b, (a, b)}\n", ONE),
    routine("It gives too much", "def much(a, b):\n    return 'x' * (a * 10 ** 7)\n", ONE),
    routine("It gives digits", "def digits(a, b):\n    return a ** (b * 10000)\n", ONE),
    routine("It is no Python", "def broken(a, b):\n    return\n", ONE),
    routine("It asks what cannot be", "def asks(a, b):\n    return a\n", ONE,
            predicates=("a >",)),
    routine("It asks for ever", "def waits(a, b):\n    return a + 1\n", ONE,
            predicates=("[None for _ in iter(int, 1)]",)),
)  # fmt: skip


def opened(path: Path) -> Store:
    store = Store.open(str(path))
    store.use_embedder(small_store.embedder())
    return store


@pytest.fixture(scope="module")
def store(store_path: Path) -> Store:
    return opened(store_path)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Entries that take money, hours and miles an hour."""
    path = tmp_path_factory.mktemp("units") / "store"
    routines = [
        routine("How much money is left?", "def f(money, items):\n    return money - items\n",
                two(LEFT, MONEY, ITEMS)),
        routine("How far does it go?", "def g(speed, hours):\n    return speed * hours\n",
                two(Parameter("distance", "int", "mile"), SPEED, HOURS)),
        routine("What is the sum?", "def h(one, another):\n    return one + another\n",
                small_store.signature("int", one="int", another="int")),
    ]  # fmt: skip
    small_store.write(path, small_store.tables(routines))
    return opened(path)


@pytest.fixture(scope="module")
def hostile_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, made = tmp_path_factory.mktemp("hostile") / "store", small_store.tables(HOSTILE)
    for row in made.rows["procedures"]:
        for variant in row["variants"]:
            # Nobody mines what is no Python, but a store may hold it.
            variant["code"] = variant["code"].replace("broken(a, b)", "broken(a, b")
    small_store.write(path, made)
    return path


def asked(hits: list[Hit]) -> list[str]:
    return [hit.subquestion for hit in hits]


# -- what a hit says -------------------------------------------------------------------------------


def test_a_hit_says_how_the_values_go_and_what_they_give(store: Store) -> None:
    (hit,) = store.search("money left", bindings={"spent": 4, "total": 9})
    assert hit.roles == {"total": "total", "spent": "spent"}
    assert (hit.gives, hit.gives_not, hit.unchecked) == (5, "", False)
    (hit,) = store.search("money left", bindings={"my purse!": 9, "": 4})
    assert hit.roles == {"total": "my purse!", "spent": ""}
    assert hit.gives == 5
    assert store.search("money left", bindings={"my purse!": 4, "": 9}) == []


def test_a_number_that_is_not_whole_goes_where_the_routine_is_of_any_numbers(store: Store) -> None:
    (hit,) = store.search("money left", bindings={"total": 9.5, "spent": 4})
    assert (hit.gives, hit.gives_not, hit.unchecked) == (5.5, "", False)
    (hit,) = store.search("money left", bindings={"total": 9.0, "spent": 4})
    assert (hit.gives, hit.unchecked) == (5, False)
    assert store.search("money left", bindings={"total": 3.5, "spent": 4}) == []


def test_what_does_not_take_the_types_leaves_room_for_what_does(tmp_path: Path) -> None:
    made = many(RUN + 5, predicate="True", code="def f(total, spent):\n    return total // spent\n")
    small_store.write(tmp_path / "store", made)
    store = opened(tmp_path / "store")
    for unmet in ("drop", "flag"):
        values = {"total": 9.5, "spent": 4}
        found = store.search("how much is left", bindings=values, unmet=unmet)
        assert [(hit.subquestion, hit.gives) for hit in found] == [("Reverse a text", 13.5)]
    with Sandbox(processes=1, mechanisms=()) as nowhere:
        store.use_sandbox(nowhere)
        found = store.search("how much is left", bindings=values)
    assert asked(found) == ["Reverse a text"]


def test_without_values_nothing_is_said_of_them(store: Store) -> None:
    for hit in store.search("money left", status=ANY):
        assert (hit.roles, hit.gives, hit.gives_not, hit.unchecked) == (None, None, "", False)
        assert -1 <= hit.score <= 1 + WEIGHT


def test_no_values_are_values_too(store: Store) -> None:
    assert store.search("x", bindings={}) == []


def test_filters_act_on_what_takes_the_values(store: Store) -> None:
    values = {"distance": 90.0, "time": 1.5}
    assert [hit.gives for hit in store.search("x", bindings=values)] == [88.5]
    assert {hit.gives for hit in store.search("x", bindings=values, status=ANY)} == {60.0, 88.5}
    (hit,) = store.search("x", bindings=values, status=("candidate",))
    assert (hit.status, hit.gives) == ("candidate", 60.0)
    assert store.search("x", bindings=values, status=("candidate",), domain="math") == []
    assert store.search("x", bindings=values, status=("candidate",), output_type="int") == []
    (hit,) = store.search("x", bindings=values, status=ANY, domain="stem")
    assert hit.gives == 60.0


def test_a_vector_serves_as_words_do(store: Store) -> None:
    vector = small_store.embedder().encode(["money left"])[0]
    (hit,) = store.search_vector(vector, bindings={"total": 9, "spent": 4})
    assert hit.gives == 5


# -- units -----------------------------------------------------------------------------------------


def test_units_that_contradict_are_left_out(measured: Store) -> None:
    values = {"budget": 20, "count": 3}
    everything = {"How much money is left?", "How far does it go?", "What is the sum?"}
    assert set(asked(measured.search("x", bindings=values))) == everything
    found = measured.search("x", bindings=values, units={"budget": "dollars"})
    assert set(asked(found)) == everything - {"How far does it go?"}
    found = measured.search("x", bindings=values, units={"budget": "mph", "count": "h"})
    assert set(asked(found)) == everything - {"How much money is left?"}
    far = next(hit for hit in found if "far" in hit.subquestion)
    assert (far.roles, far.gives) == ({"speed": "budget", "hours": "count"}, 60)


def test_units_decide_where_names_do_not(measured: Store) -> None:
    values, units = {"x": 2, "y": 30}, {"x": "hours", "y": "miles per hour"}
    found = measured.search("how far", bindings=values, units=units)
    far = next(hit for hit in found if "far" in hit.subquestion)
    assert far.roles == {"speed": "y", "hours": "x"}


def test_the_unit_that_is_wanted_is_a_filter(measured: Store) -> None:
    values = {"budget": 20, "count": 3}
    found = measured.search("x", bindings=values, output_unit="USD")
    assert set(asked(found)) == {"How much money is left?", "What is the sum?"}
    assert set(asked(measured.search("x", output_unit="kilometer"))) == {"What is the sum?"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"units": {"a": "sheep"}},
        {"units": {"a": ""}},
        {"units": {"a": "m**9**9**9"}},
        {"units": {"a": "dB"}},
        {"units": {"a": "x" * 10_000}},
        {"units": {"a": "dollar\n/hour)"}},
        {"units": {"a": 3}},
        {"units": {"c": "dollar"}},
        {"units": ["dollar"]},
        {"units": {"a": "dollar"}, "bindings": None},
        {"output_unit": "sheep"},
        {"output_unit": 7},
        {"bindings": {1: 2}},
        {"bindings": {"a": 10**5000}},
        {"bindings": {"a": math.nan}},
        {"bindings": "a=1"},
    ],
)
def test_wrong_units_and_values_are_refused_in_one_line(
    store: Store, wrong: dict[str, Any]
) -> None:
    with pytest.raises(RequestError) as caught:
        store.search("x", **({"bindings": {"a": 1, "b": 2}} | wrong))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


# -- what is run -----------------------------------------------------------------------------------


def test_whatever_stored_code_does_the_search_ends(hostile_path: Path) -> None:
    values = {"a": 9, "b": 4}
    store = opened(hostile_path)
    found = store.search("what is left", 20, bindings=values, deadline=math.inf)
    hits = {hit.subquestion.removeprefix("It "): hit for hit in found}
    assert len(found) == len(hits) == len(HOSTILE) - 2
    assert not {"asks what cannot be", "asks for ever"} & hits.keys()
    assert hits["subtracts"].gives == hits["subtracts, in other words"].gives == 5
    assert hits["gives a set"].gives == {9, 4, (9, 4)}
    none = hits["gives none"]
    assert (none.ran, none.gives, none.gives_not) == (True, None, "")
    for name, reason in {
        "loops": "timeout",
        "raises": "ValueError",
        "divides by zero": "ZeroDivisionError",
        "ends the process": "error",
        "gives no value": "plain",
        "gives too much": "characters",
        "gives digits": "",
        "is no Python": "SyntaxError",
    }.items():
        assert hits[name].gives is None, name
        assert hits[name].gives_not, name
        assert reason in hits[name].gives_not, (name, hits[name].gives_not)
    # The same value said twice: the second comes after everything that says something new.
    subtracting = sorted(asked(found).index(f"It {name}") for name in hits if "subtracts" in name)
    assert subtracting[0] == 0
    assert subtracting[1] == len(found) - 1


@pytest.mark.parametrize(
    "values",
    [
        {"a": 1e308, "b": -0.0},
        {"a": [[[float("inf")]]], "b": {"x": [float("nan")]}},
        {"a": 10**4000, "b": 3},
        {"a": "9", "b": "4"},
        {"a": True, "b": None},
        {"class": 9, "def": 4},
        {"a; import os": 9, "'": 4},
        {"\ud800": 9, "b" * 5000: 4},
        {f"v{place}": place for place in range(300)},
    ],
)
def test_odd_values_are_values(store: Store, values: dict[str, Any]) -> None:
    for hit in store.search("how much", 9, bindings=values, status=ANY):
        assert hit.roles is not None
        assert set(hit.roles.values()) == set(values)


def test_a_search_has_so_much_time_for_what_it_runs(store: Store) -> None:
    values = {"total": 9, "spent": 4}
    (hit,) = store.search("money left", bindings=values, deadline=0)
    assert (hit.ran, hit.gives, hit.gives_not, hit.unchecked) == (False, None, NO_TIME, True)
    # Nothing of that is remembered.
    (hit,) = store.search("money left", bindings=values, deadline=math.inf)
    assert (hit.ran, hit.gives, hit.gives_not, hit.unchecked) == (True, 5, "", False)
    hostile: tuple[Any, ...] = (-1, math.nan, "5", None, True)
    for wrong in hostile:
        with pytest.raises(RequestError, match="number of seconds"):
            store.search("money left", bindings=values, deadline=wrong)


def many(count: int, *, predicate: str, code: str) -> small_store.Tables:
    """``count`` entries that differ in id alone, and one more, whose words are farther off."""
    signature = small_store.signature("int", total="int", spent="int")
    made = small_store.tables(
        [
            routine("How much is left?", code, signature, predicates=(predicate,)),
            routine(
                "Reverse a text", "def plus(total, spent):\n    return total + spent\n", signature
            ),
        ]
    )
    template = made.rows["procedures"][0]
    vector = made.vectors[template["procedure_id"]]
    for number in range(count - 1):
        identifier = content_id("many", number)
        made.rows["procedures"].append(template | {"procedure_id": identifier})
        made.vectors[identifier] = vector
    return made


def test_what_does_not_hold_makes_room_for_what_does(tmp_path: Path) -> None:
    made = many(RUN + 5, predicate="spent > total", code="def f(total, spent):\n    return total\n")
    small_store.write(tmp_path / "store", made)
    found = opened(tmp_path / "store").search("how much is left", bindings={"total": 9, "spent": 4})
    assert [(hit.subquestion, hit.gives) for hit in found] == [("Reverse a text", 13)]


def test_as_many_come_back_as_are_asked_for(tmp_path: Path) -> None:
    made = many(RUN + 5, predicate="True", code="def f(total, spent):\n    return total - spent\n")
    small_store.write(tmp_path / "store", made)
    store = opened(tmp_path / "store")
    found = store.search("how much is left", 200, bindings={"total": 9, "spent": 4})
    assert len({hit.procedure_id for hit in found}) == len(found) == RUN + 6
    assert {hit.gives for hit in found[:2]} == {5, 13}
    ids = [hit.procedure_id for hit in found if hit.gives == 5]
    assert ids == sorted(ids)
    few = store.search("how much is left", 2, bindings={"total": 9, "spent": 4})
    assert few == [hit for hit in found if hit.gives == 5][:2]


def test_where_no_sandbox_can_be_had_one_line_says_so(
    hostile_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened(hostile_path)
    with Sandbox(processes=1, mechanisms=()) as nowhere:
        store.use_sandbox(nowhere)
        with caplog.at_level(logging.WARNING):
            found = store.search("what is left", 20, bindings={"a": 9, "b": 4})
    (record,) = [r for r in caplog.records if r.name.startswith("tracemine")]
    assert "no sandbox" in record.getMessage()
    assert "\n" not in record.getMessage()
    assert len(found) == len(HOSTILE)
    assert {(hit.gives, hit.gives_not) for hit in found} == {(None, "not run: no sandbox")}
    assert {hit.subquestion for hit in found if hit.unchecked} == {
        "It asks what cannot be",
        "It asks for ever",
    }
    scores = [hit.score for hit in found]
    assert scores == sorted(scores, reverse=True)


# -- as a whole ------------------------------------------------------------------------------------


def test_many_threads_meet_a_cold_store(store_path: Path) -> None:
    values = {"total": 9, "spent": 4}
    expected = opened(store_path).search("money left", bindings=values, status=ANY)
    assert expected
    cold = opened(store_path)
    found: list[list[Hit]] = []

    def ask() -> None:
        for status in (("verified", "canonical"), ANY):
            cold.search("money left", bindings=values, units={"total": "dollar"}, status=status)
        found.append(cold.search("money left", bindings=values, status=ANY))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 6
