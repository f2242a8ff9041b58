"""The types of a signature: a small lattice of names.

A type is written as text, so that it travels through JSON and Parquet unchanged:

    int < rational < real < complex        numbers
    bool  str  expr  equation  interval    scalars that are not numbers
    list[T]  set[T]  matrix[T]             one element type
    tuple[T1, T2, ...]  dict[K, V]         several
    any                                    above everything

``join`` gives the smallest type that covers two; ``is_subtype`` the order itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache, reduce
from typing import Any

NUMERIC = ("int", "rational", "real", "complex")
SCALARS = (*NUMERIC, "bool", "str", "expr", "equation", "interval", "none", "any")
CONTAINERS = ("list", "set", "tuple", "dict", "matrix")

#: Nesting beyond this is `any`: no routine's type is clearer for being deeper.
MAX_DEPTH = 4


_ANY: tuple[str, Any] = ("any", ())
#: Of what there is no value: the elements of an empty container. It has no text.
_NOTHING: tuple[str, Any] = ("", ())

#: In this order: a truth is an int to Python.
_NAMES: tuple[tuple[type, str], ...] = (
    (type(None), "none"), (bool, "bool"), (int, "int"), (Fraction, "rational"), (float, "real"),
    (complex, "complex"), (str, "str"),
)  # fmt: skip


class TypeSyntaxError(ValueError):
    """A type text that is not in the grammar above, of which ``name`` is what is no type."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"unknown type: {self.name!r}"


def parse(text: str) -> tuple[str, tuple[Any, ...]]:
    """Parse a type into ``(head, arguments)``; arguments are parsed types.

    Raises:
        TypeSyntaxError: if ``text`` is not a type.
    """
    return _parse(text)


@lru_cache(maxsize=4096)
def _parse(text: str) -> tuple[str, tuple[Any, ...]]:
    text = text.strip()
    if "[" not in text:
        if text in SCALARS:
            return text, ()
        if text in CONTAINERS:
            return text, ()
        raise TypeSyntaxError(text)
    head, _, rest = text.partition("[")
    if head not in CONTAINERS or not rest.endswith("]"):
        raise TypeSyntaxError(text)
    arguments, depth, start = [], 0, 0
    body = rest[:-1]
    for position, char in enumerate(body):
        depth += (char == "[") - (char == "]")
        if char == "," and depth == 0:
            arguments.append(_parse(body[start:position]))
            start = position + 1
    if body.strip():
        arguments.append(_parse(body[start:]))
    return head, tuple(arguments)


def render(parsed: tuple[str, tuple[Any, ...]]) -> str:
    """The text of a parsed type; inverse of `parse`."""
    head, arguments = parsed
    return f"{head}[{', '.join(render(a) for a in arguments)}]" if arguments else head


def type_of(value: Any) -> str:
    """The smallest type of a plain value; of the elements of an empty container it says `any`. A
    float is `real`: whether it is rational is for the code that made it to say (see `teachers`)."""
    return render(_closed(_type_of(value, 0)))


def _type_of(value: Any, depth: int) -> tuple[str, Any]:
    if depth > MAX_DEPTH:
        return _ANY
    for kind, name in _NAMES:
        if isinstance(value, kind):
            return name, ()

    def all_of(members: Iterable[Any]) -> tuple[str, Any]:
        return reduce(_join, (_type_of(member, depth + 1) for member in members), _NOTHING)

    if isinstance(value, list):
        return "list", (all_of(value),)
    if isinstance(value, (set, frozenset)):
        return "set", (all_of(value),)
    if isinstance(value, tuple):
        return "tuple", tuple(_type_of(member, depth + 1) for member in value)
    if isinstance(value, dict):
        return "dict", (all_of(value), all_of(value.values()))
    return _ANY


def _closed(kind: tuple[str, Any]) -> tuple[str, Any]:
    """``kind`` with `any` for what there is nothing of."""
    if kind == _NOTHING:
        return _ANY
    head, arguments = kind
    return head, tuple(map(_closed, arguments))


def join(left: str, right: str) -> str:
    """The smallest type that covers both."""
    return render(_closed(_join(_opened(_parse(left)), _opened(_parse(right)))))


def join_all(types: Iterable[str]) -> str:
    """The smallest type that covers all of ``types``; `any` for none at all."""
    # Sorted, because an empty container gives way to whatever it meets first.
    found = sorted(set(types))
    return reduce(join, found) if found else "any"


def _join(left: tuple[str, Any], right: tuple[str, Any]) -> tuple[str, Any]:
    if left == right or right == _NOTHING:
        return left
    if left == _NOTHING:
        return right
    (left_head, left_args), (right_head, right_args) = left, right
    if left_head in NUMERIC and right_head in NUMERIC:
        return NUMERIC[max(NUMERIC.index(left_head), NUMERIC.index(right_head))], ()
    if left_head != right_head or left_head not in CONTAINERS:
        return _ANY
    if left_head == "tuple" and len(left_args) != len(right_args):
        return "tuple", ()
    pairs = zip(left_args, right_args, strict=False)
    return left_head, tuple(_join(a, b) for a, b in pairs)


def _opened(kind: tuple[str, Any]) -> tuple[str, Any]:
    """``kind`` with nothing for the `any` of elements: so an empty container writes it, which must
    not widen another's."""
    head, arguments = kind
    return head, tuple(_NOTHING if a == _ANY else _opened(a) for a in arguments)


def is_subtype(small: str, large: str) -> bool:
    """Whether every value of ``small`` may be used where ``large`` is asked for."""
    return _is_subtype(_parse(small), _parse(large))


def _is_subtype(small: tuple[str, Any], large: tuple[str, Any]) -> bool:
    if large == ("any", ()) or small == large:
        return True
    (small_head, small_args), (large_head, large_args) = small, large
    if small_head in NUMERIC and large_head in NUMERIC:
        return NUMERIC.index(small_head) <= NUMERIC.index(large_head)
    if small_head != large_head:
        return False
    if not large_args:
        return True
    if small_head == "tuple" and len(small_args) != len(large_args):
        return False
    return all(_is_subtype(a, b) for a, b in zip(small_args, large_args, strict=False))


def coarse(text: str) -> str:
    """The class within which values may stand in for one another when roles are aligned:
    `number` for every numeric type, the head alone for containers, else the type itself."""
    head, _ = _parse(text)
    if head in NUMERIC:
        return "number"
    return "list" if head == "matrix" else head
