"""What a caller brings."""

from __future__ import annotations

from typing import Any

import pytest

from tracemine.schemas import Parameter
from tracemine.store import RequestError
from tracemine.store.bindings import Bindings


def test_values_are_typed_in_the_order_given() -> None:
    made = Bindings({"b": 1, "a": "x", "c": [1.5]}, {"b": "dollar", "a": None})
    assert made.keys == (
        Parameter("b", "int", "dollar"),
        Parameter("a", "str"),
        Parameter("c", "list[real]"),
    )


def nested(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("values", "units"),
    [
        ({"a": object()}, None),
        ({"a": 10**5000}, None),
        ({"a": nested(100)}, None),
        ({"a": nested(50_000)}, None),
        ({1: 2}, None),
        ({"a": 1}, {"b": "dollar"}),
    ],
)
def test_what_cannot_be_used_is_refused(values: Any, units: Any) -> None:
    with pytest.raises(RequestError) as caught:
        Bindings(values, units)
    assert "\n" not in str(caught.value)
