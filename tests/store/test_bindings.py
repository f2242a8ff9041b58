"""What a caller brings."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
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


def test_numbers_of_other_libraries_are_pythons_own() -> None:
    given = {
        "a": np.int64(3), "b": np.float32(0.5), "c": Decimal("19.99"), "d": Decimal("20.00"),
        "e": [np.bool_(True), (Decimal(1), {"x": np.array([1, 2])})], "f": Decimal("1e299"),
    }  # fmt: skip
    made = Bindings(given)
    expected = {
        "a": 3, "b": 0.5, "c": 19.99, "d": 20, "e": [True, (1, {"x": [1, 2]})], "f": 10**299
    }  # fmt: skip
    assert made.values == expected
    assert repr(list(made.values.values())) == repr(list(expected.values()))
    assert [key.type for key in made.keys][:4] == ["int", "real", "real", "int"]


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
        ({"a": math.nan}, None),
        ({"a": -math.inf}, None),
        ({"a": np.float64("nan")}, None),
        ({"a": Decimal("sNaN")}, None),
        ({"a": Decimal("1e999999999")}, None),
        ({"a": np.datetime64("2026-01-01")}, None),
        ({"a": 1}, {"b": "dollar"}),
    ],
)
def test_what_cannot_be_used_is_refused(values: Any, units: Any) -> None:
    with pytest.raises(RequestError) as caught:
        Bindings(values, units)
    assert "\n" not in str(caught.value)
