"""Bindings as a signature's types say: what a routine gets is of the type that it declares.

Instances are bound as their trace wrote them: a matrix as tuples, a count as ``3.0``. A value that
is of the parameter's type arrives unchanged; one that stands for a value of that type arrives as
that value; for anything else the routine was not made.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from tracemine.schemas import Parameter
from tracemine.schemas.types import parse
from tracemine.schemas.values import read_fraction

_Type = tuple[str, tuple[Any, ...]]
_ANY: _Type = ("any", ())

#: Digits that Python reads are few enough to compute with; see `read_fraction` for exponents.
_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+")


class BindingError(ValueError):
    """A value that stands for none of its parameter's type. Never for what code does with it."""


def bind(parameters: Iterable[Parameter], values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` by name, each as its parameter's type says.

    Raises:
        BindingError: if one cannot be; the text names it.
        KeyError: if one is missing.
    """
    bound = {}
    for parameter in parameters:
        try:
            bound[parameter.name] = convert(values[parameter.name], parameter.type)
        except BindingError as error:
            raise BindingError(f"{parameter.name}: {error}") from error
    return bound


def convert(value: Any, type_text: str) -> Any:
    """A plain value as one of the type ``type_text`` (see `schemas.types`).

    - ``int``: a whole number of any kind. ``rational``: an integer, a fraction (as an int if it is
      whole) or a text such as ``3/4`` or ``0.75``, exactly; a finite float as it is, because code
      that was written for floats is not meant for fractions. ``real``: an int, a float or, as the
      nearest float, a fraction. ``complex``: any number. A truth value is no number.
    - ``list[T]`` from lists and tuples; ``matrix[T]`` as a list of lists of one length;
      ``tuple[...]`` from either; ``set[T]`` from sets, lists and tuples; ``dict[K, V]``.
    - ``expr``, ``equation`` and ``interval``: any value, of which texts are the usual one;
      ``any``: everything.

    Raises:
        BindingError: if ``value`` does not stand for one of that type.
    """
    return _convert(value, parse(type_text))


def _convert(value: Any, kind: _Type) -> Any:
    head, arguments = kind
    match head:
        case "any" | "expr" | "equation" | "interval":
            return value
        case "int" | "rational" | "real" | "complex":
            return _number(value, head)
        case "list":
            (element,) = arguments or (_ANY,)
            return [_convert(v, element) for v in _sequence(value, head)]
        case "matrix":
            (element,) = arguments or (_ANY,)
            return _matrix(value, element)
        case "tuple":
            members = _sequence(value, head)
            if not arguments:
                return tuple(members)
            if len(arguments) != len(members):
                raise _no(value, f"tuple of {len(arguments)}")
            return tuple(_convert(v, k) for v, k in zip(members, arguments, strict=True))
        case "set":
            return _set(value, *(arguments or (_ANY,)))
        case "dict":
            if type(value) is not dict:
                raise _no(value, head)
            key, item = arguments or (_ANY, _ANY)
            try:
                return {_convert(k, key): _convert(v, item) for k, v in value.items()}
            except TypeError:  # a key that cannot be one, such as a list
                raise _no(value, head) from None
    wanted = {"bool": bool, "str": str, "none": type(None)}[head]
    if type(value) is not wanted:
        raise _no(value, head)
    return value


def _number(value: Any, head: str) -> Any:
    if head == "rational" and type(value) is str:
        try:
            value = Fraction(value) if _DECIMAL.fullmatch(value) else read_fraction(value)
        except ValueError:
            raise _no(value, head) from None
    if type(value) not in (int, float, Fraction, complex):
        raise _no(value, head)
    if head == "complex" or type(value) is int:
        return value
    if type(value) is complex:
        if value.imag:
            raise _no(value, head)
        value = value.real
    if head == "real":
        return _nearest_float(value) if type(value) is Fraction else value
    if type(value) is float and not math.isfinite(value):
        raise _no(value, head)
    whole = value.is_integer() if type(value) is float else value.denominator == 1
    if head == "int":
        if not whole:
            raise _no(value, head)
        return int(value)
    return int(value) if whole and type(value) is Fraction else value


def _nearest_float(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        raise _no(value, "real") from None


def _sequence(value: Any, head: str) -> list[Any] | tuple[Any, ...]:
    if type(value) not in (list, tuple):
        raise _no(value, head)
    sequence: list[Any] | tuple[Any, ...] = value
    return sequence


def _matrix(value: Any, element: _Type) -> list[list[Any]]:
    rows = [_sequence(row, "matrix") for row in _sequence(value, "matrix")]
    if len({len(row) for row in rows}) > 1:
        raise _no(value, "matrix: its rows differ in length")
    return [[_convert(v, element) for v in row] for row in rows]


def _set(value: Any, element: _Type) -> Any:
    if type(value) not in (set, frozenset, list, tuple):
        raise _no(value, "set")
    try:
        members = frozenset(_convert(v, element) for v in value)
    except TypeError:  # a member that cannot be one
        raise _no(value, "set") from None
    return members if type(value) is frozenset else set(members)


def _no(value: Any, wanted: str) -> BindingError:
    return BindingError(f"a {type(value).__name__} is no {wanted}")
