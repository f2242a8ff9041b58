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
import re
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

#: Deeper values are refused: no instance worth keeping has one, and recursion is not free.
MAX_DEPTH = 40

#: A set or a dict of which more members have one hash is refused: to build it takes the square of
#: their number, and whoever writes the text can choose them (multiples of 2**61 - 1).
MAX_SAME_HASH = 64

_FRACTION = re.compile(r"(-?[0-9]+)(?:/([0-9]+))?")
_FLOATS = frozenset({"nan", "inf", "-inf"})


class NotPlainError(ValueError):
    """A value that is none of the plain kinds (an object, a function, one nested too deep)."""


def encode(value: Any) -> str:
    """The canonical JSON text of a plain value.

    Raises:
        NotPlainError: if ``value``, or anything in it, is not plain.
    """
    return dump_json(_to_json(value, 0))


def decode(text: str) -> Any:
    """The plain value of a text that `encode` made. Of any other text, too, in a time that its
    length bounds, and a value's text is at most about as long as the one it came from: whoever
    wrote it need not be trusted.

    Raises:
        ValueError: if ``text`` is not such a text.
    """
    try:
        return _from_json(json.loads(text), 0)
    except (TypeError, IndexError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"no text of a plain value: {error}") from error


def read_fraction(text: str) -> Fraction:
    """The fraction that ``text`` writes as ``3`` or ``-3/4``. No exponents: ``1e100000000`` is
    eleven characters, and a number that no memory holds.

    Raises:
        ValueError: if it writes none, or one of more digits than Python reads.
    """
    match = _FRACTION.fullmatch(text)
    if match is None:
        raise ValueError("no fraction")
    over, under = int(match[1]), int(match[2] or 1)
    if not under:
        raise ValueError("a fraction over zero")
    return Fraction(over, under)


def dump_json(value: Any) -> str:
    """Canonical JSON: sorted keys, no white space, no escapes beyond need, no NaN."""
    return _WRITER.encode(value)


_WRITER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
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


def _from_json(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise NotPlainError(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, list):
        return [_from_json(v, depth + 1) for v in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((tag, inner),) = value.items()
        if tag.startswith("$"):
            return _from_tag(tag, inner, depth)
    return {k: _from_json(v, depth + 1) for k, v in value.items()}


def _from_tag(tag: str, inner: Any, depth: int) -> Any:
    if tag in _ROWS:
        if type(inner) is not list:
            raise ValueError(f"no list in {tag}")
        members = [_from_json(v, depth + 1) for v in inner]
        return _ROWS[tag](members if tag == "$tuple" else _apart(members))
    if tag == "$dict":
        keys = _apart([_from_json(k, depth + 1) for k, _ in inner])
        return dict(zip(keys, [_from_json(v, depth + 1) for _, v in inner], strict=True))
    if tag == "$complex":
        return complex(_from_json(inner[0], depth), _from_json(inner[1], depth))
    if tag == "$fraction":
        return read_fraction(inner)
    if tag == "$float" and inner in _FLOATS:
        # Each is a number of its own: lists that share one "nan" would be equal.
        return float(inner)
    if tag == "$bytes":
        return bytes.fromhex(inner)
    raise ValueError(f"unknown tag: {tag[:20]}")


_ROWS: dict[str, Callable[[list[Any]], Any]] = {
    "$tuple": tuple, "$set": set, "$frozenset": frozenset,
}  # fmt: skip


def _apart(members: list[Any]) -> list[Any]:
    """``members``, of which no many have one hash."""
    # Counting is quick: the hashes themselves differ where they are counted.
    many = len(members) > MAX_SAME_HASH
    if many and max(Counter(map(hash, members)).values()) > MAX_SAME_HASH:
        raise ValueError("a set or dict whose members have one hash")
    return members
