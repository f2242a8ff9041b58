"""Plain values as JSON text: how bindings and results are written.

JSON has no tuple, set, complex number or key that is not text, and Python has all of them. What
JSON lacks is written as an object with one key that begins with ``$``:

    {"$tuple": [...]}  {"$set": [...]}  {"$frozenset": [...]}  {"$dict": [[key, value], ...]}
    {"$complex": [re, im]}  {"$fraction": "3/4"}  {"$float": "nan"|"inf"|"-inf"}  {"$bytes": "hex"}

Everything else is itself; a dict with text keys, none beginning with ``$``, is a JSON object.
The text is canonical: keys are sorted (and so are a set's members), there is no white space, so
equal values have equal text.
"""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any

#: Deeper values are refused: no instance worth keeping has one, and recursion is not free.
MAX_DEPTH = 40


class NotPlainError(ValueError):
    """A value that is none of the plain kinds (an object, a function, one nested too deep)."""


def encode(value: Any) -> str:
    """The canonical JSON text of a plain value.

    Raises:
        NotPlainError: if ``value``, or anything in it, is not plain.
    """
    return dump_json(_to_json(value, 0))


def decode(text: str) -> Any:
    """The plain value of a text that `encode` made.

    Raises:
        ValueError: if ``text`` is not such a text.
    """
    return _from_json(json.loads(text))


def dump_json(value: Any) -> str:
    """Canonical JSON: sorted keys, no white space, no escapes beyond need, no NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def _to_json(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise NotPlainError(f"nested deeper than {MAX_DEPTH}")
    kind = type(value)
    if value is None or kind in (bool, str, int):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if kind is list:
        return [_to_json(v, depth + 1) for v in value]
    if kind is tuple:
        return {"$tuple": [_to_json(v, depth + 1) for v in value]}
    if kind in (set, frozenset):
        members = [_to_json(v, depth + 1) for v in value]
        return {f"${kind.__name__}": sorted(members, key=dump_json)}
    if kind is dict:
        if all(type(k) is str and not k.startswith("$") for k in value):
            return {k: _to_json(v, depth + 1) for k, v in value.items()}
        pairs = [[_to_json(k, depth + 1), _to_json(v, depth + 1)] for k, v in value.items()]
        return {"$dict": sorted(pairs, key=lambda pair: dump_json(pair[0]))}
    if kind is complex:
        return {"$complex": [_to_json(value.real, depth), _to_json(value.imag, depth)]}
    if kind is Fraction:
        return {"$fraction": str(value)}
    if kind is bytes:
        return {"$bytes": value.hex()}
    raise NotPlainError(f"not a plain value: {kind.__name__}")


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return [_from_json(v) for v in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((tag, inner),) = value.items()
        if tag.startswith("$"):
            return _from_tag(tag, inner)
    return {k: _from_json(v) for k, v in value.items()}


def _from_tag(tag: str, inner: Any) -> Any:
    if tag == "$tuple":
        return tuple(_from_json(v) for v in inner)
    if tag == "$set":
        return {_from_json(v) for v in inner}
    if tag == "$frozenset":
        return frozenset(_from_json(v) for v in inner)
    if tag == "$dict":
        return {_from_json(k): _from_json(v) for k, v in inner}
    if tag == "$complex":
        return complex(_from_json(inner[0]), _from_json(inner[1]))
    if tag == "$fraction":
        return Fraction(inner)
    if tag == "$float":
        return float(inner)
    if tag == "$bytes":
        return bytes.fromhex(inner)
    raise ValueError(f"unknown tag: {tag}")
