from __future__ import annotations

import ast
from typing import Any

import pytest

from tracemine.teachers.rules.code.calls import NotACaseError
from tracemine.teachers.rules.code.classes import Unit, as_test_of, units_of

CODE = (
    "class Tank:\n"
    "    def __init__(self, litres, leak=1):\n"
    "        self.litres, self.leak = litres, leak\n"
    "    def after(self, hours, leak=0):\n"
    "        return self.litres - (self.leak + leak) * hours\n"
    "    def fill(self, litres):\n"
    "        self.litres += litres\n"
    "    def _inner(self):\n"
    "        return 1\n"
    "    @property\n"
    "    def left(self):\n"
    "        return self.litres\n"
)


def _units(code: str, taken: tuple[str, ...] = ()) -> list[Unit]:
    definition = ast.parse(code).body[-1]
    assert isinstance(definition, ast.ClassDef)
    return list(units_of(definition, taken))


def test_a_method_that_gives_something_is_a_unit() -> None:
    (unit,) = _units(CODE)
    assert ast.unparse(unit.wrapper) == (
        "def after(*, litres, leak=1, hours, leak_2=0):\n"
        "    return Tank(litres=litres, leak=leak).after(hours=hours, leak=leak_2)"
    )


@pytest.mark.parametrize(
    ("test", "rewritten"),
    [
        ("assert Tank(9).after(2) == 7", "assert after(litres=9, hours=2) == 7"),
        ("t = Tank(9, leak=3)\nassert t.after(2, 1) == 1",
         "assert after(litres=9, leak=3, hours=2, leak_2=1) == 1"),
        ("assert other(3) == 1", "assert other(3) == 1"),
        ("assert round(Tank(9).after(hours=2)) == 7",
         "assert round(after(litres=9, hours=2)) == 7"),
    ],
)  # fmt: skip
def test_a_test_becomes_one_of_the_unit(test: str, rewritten: str) -> None:
    (unit,) = _units(CODE)
    assert as_test_of(test, unit) == rewritten
    names: dict[str, Any] = {"other": lambda _: 1}
    exec(CODE + ast.unparse(unit.wrapper), names)
    exec(test, dict(names))
    exec(rewritten, dict(names))


def test_an_object_with_a_history_is_no_unit() -> None:
    (unit,) = _units(CODE)
    with pytest.raises(NotACaseError, match="more than one call"):
        as_test_of("t = Tank(9)\nt.fill(3)\nassert t.after(2) == 10", unit)


def test_fields_of_a_dataclass_are_its_parameters() -> None:
    code = (
        "@dataclass\nclass P:\n    x: int\n    y: int = 2\n"
        "    def total(self):\n        return self.x + self.y\n"
    )
    (unit,) = _units(code)
    assert ast.unparse(unit.wrapper).startswith("def total(*, x, y=2):")


def test_names_of_the_module_are_not_taken() -> None:
    (unit,) = _units(CODE, ("after", "hours"))
    assert unit.wrapper.name == "after_2"
    assert unit.calling["hours"] == "hours_2"


@pytest.mark.parametrize(
    "code",
    [
        "class C(Base):\n    def m(self): return 1\n",
        "class C:\n    def __init__(self, *a): pass\n    def m(self): return 1\n",
        "class C:\n    def m(self, **k): return 1\n",
        "class C:\n    def m(): return 1\n",
    ],
)
def test_what_cannot_be_made_or_called_by_name_is_none(code: str) -> None:
    units = _units(code)
    assert all(not unit.calling for unit in units)
    assert len(units) <= 1
