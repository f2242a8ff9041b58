from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.arithmetic.composition import cone, proposals, share


def test_routines_of_a_chain() -> None:
    links = [(), (0,), (1,), (2,)]
    assert list(proposals(links, [0, 1, 2, 3])) == [
        (0,), (1,), (0, 1), (2,), (1, 2), (0, 1, 2), (3,), (2, 3), (0, 1, 2, 3),
    ]  # fmt: skip


def test_steps_that_stand_in_one_written_step_are_one_routine() -> None:
    links = [(), (0,), (1,), (2,)]
    assert (1, 2, 3) in set(proposals(links, [0, 1, 1, 1]))
    assert (1, 2, 3) not in set(proposals(links, [0, 1, 2, 3]))


def test_a_step_that_two_use_is_there_once() -> None:
    links = [(), (0,), (0,), (1, 2)]
    assert cone(links, 3) == (0, 1, 2, 3)
    assert cone(links, 2) == (0, 2)


@given(st.data())
def test_every_proposal_ends_in_what_it_gives_and_is_whole(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 8))
    links = [
        tuple(sorted(data.draw(st.sets(st.integers(0, i - 1), max_size=3)))) if i else ()
        for i in range(count)
    ]
    written = sorted(data.draw(st.lists(st.integers(0, 4), min_size=count, max_size=count)))
    found = list(proposals(links, written))
    assert len(set(found)) == len(found)
    for steps in found:
        assert list(steps) == sorted(set(steps))
        # Each step but the last feeds another one of the routine.
        for index in steps[:-1]:
            assert any(index in links[other] for other in steps)
    for index in range(count):
        assert (index,) in found
        assert cone(links, index) in found


TWICE = """def total(pear_price, pears, discount, plum_price, plums, rebate):
    full_pear = pear_price * pears
    pear_cost = full_pear - discount
    full_plum = plum_price * plums
    plum_cost = full_plum - rebate
    return pear_cost + plum_cost
"""


def _call(code: str, **values: int) -> Any:
    scope: dict[str, Any] = {}
    exec(code, scope)
    return scope["total"](**values)


def test_what_is_done_twice_is_cut_out_once() -> None:
    shared = share(TWICE, "total")
    assert shared == (
        "def cost(price, pears, discount):\n"
        "    full_pear = price * pears\n"
        "    return full_pear - discount\n"
        "\n\n"
        "def total(pear_price, pears, discount, plum_price, plums, rebate):\n"
        "    pear_cost = cost(pear_price, pears, discount)\n"
        "    plum_cost = cost(plum_price, plums, rebate)\n"
        "    return pear_cost + plum_cost\n"
    )
    values = {"pear_price": 3, "pears": 7, "discount": 2, "plum_price": 5, "plums": 11, "rebate": 4}
    assert _call(shared, **values) == _call(TWICE, **values) == 70


@pytest.mark.parametrize(
    "code",
    [
        "def total(a, b):\n    return a * b + a\n",
        "def total(a, b):\n    c = a * b\n    d = b * a\n    return c + d\n",
        "def total(a, b):\n    c = a * b - 1\n    d = a * b - 2\n    return c + d\n",
        "def total(a, b):\n    c = a * b - 1\n    c = c * 2 + a\n    return c\n",
        "def total(a, b):\n    for c in a:\n        b += c\n    return b\n",
        "x = 3\ndef total(a, b):\n    c = a * b - 1\n    d = b * a - 1\n    return c + d\n",
    ],
)
def test_what_is_said_once_or_is_no_straight_line_stays(code: str) -> None:
    assert share(code, "total") == code


@given(st.data())
def test_sharing_changes_no_result(data: st.DataObject) -> None:
    names = ["a", "b", "c", "d"]
    lines = []
    for index in range(data.draw(st.integers(1, 6))):
        parts = [data.draw(st.sampled_from(names)) for _ in range(3)]
        symbols = [data.draw(st.sampled_from("+-*")) for _ in range(2)]
        lines.append(f"    v{index} = {parts[0]} {symbols[0]} {parts[1]} {symbols[1]} {parts[2]}")
        names.append(f"v{index}")
    code = "\n".join(["def total(a, b, c, d):", *lines, f"    return {' + '.join(names)}", ""])
    values = {"a": 2, "b": 3, "c": 5, "d": 7}
    assert _call(share(code, "total"), **values) == _call(code, **values)
