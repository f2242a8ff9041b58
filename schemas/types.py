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


class TypeSyntaxError(ValueError):
    """A type text that is not in the grammar above."""


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
        raise TypeSyntaxError(f"unknown type: {text!r}")
    head, _, rest = text.partition("[")
    if head not in CONTAINERS or not rest.endswith("]"):
        raise TypeSyntaxError(f"unknown type: {text!r}")
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


def type_of(value: Any, depth: int = 0) -> str:
    """The smallest type of a plain value. A float is `real`: whether it is rational is for the
    code that made it to say (see `teachers`)."""
    if depth > MAX_DEPTH:
        return "any"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, Fraction):
        return "rational"
    if isinstance(value, float):
        return "real"
    if isinstance(value, complex):
        return "complex"
    if isinstance(value, str):
        return "str"
    if isinstance(value, list):
        return _type_of_list(value, depth)
    if isinstance(value, (set, frozenset)):
        return f"set[{join_all(type_of(v, depth + 1) for v in value)}]" if value else "set[any]"
    if isinstance(value, tuple):
        inner = ", ".join(type_of(v, depth + 1) for v in value)
        return f"tuple[{inner}]" if value else "tuple"
    if isinstance(value, dict):
        if not value:
            return "dict[any, any]"
        keys = join_all(type_of(k, depth + 1) for k in value)
        return f"dict[{keys}, {join_all(type_of(v, depth + 1) for v in value.values())}]"
    return "any"


def _type_of_list(value: list[Any], depth: int) -> str:
    if not value:
        return "list[any]"
    inner = join_all(type_of(v, depth + 1) for v in value)
    return f"list[{inner}]"


def join(left: str, right: str) -> str:
    """The smallest type that covers both."""
    return render(_join(_parse(left), _parse(right)))


def join_all(types: Iterable[str]) -> str:
    """The smallest type that covers all of ``types``; `any` for none at all."""
    # Sorted, because an empty container gives way to whatever it meets first.
    found = sorted(set(types))
    return reduce(join, found) if found else "any"


def _join(left: tuple[str, Any], right: tuple[str, Any]) -> tuple[str, Any]:
    if left == right:
        return left
    (left_head, left_args), (right_head, right_args) = left, right
    if left_head in NUMERIC and right_head in NUMERIC:
        return NUMERIC[max(NUMERIC.index(left_head), NUMERIC.index(right_head))], ()
    if left_head != right_head or left_head not in CONTAINERS:
        return "any", ()
    if left_head == "tuple" and len(left_args) != len(right_args):
        return "tuple", ()
    # An empty container says `any` of its elements, which must not widen the other's.
    pairs = zip(left_args, right_args, strict=False)
    return left_head, tuple(_join_element(a, b) for a, b in pairs)


def _join_element(left: tuple[str, Any], right: tuple[str, Any]) -> tuple[str, Any]:
    if left == ("any", ()):
        return right
    if right == ("any", ()):
        return left
    return _join(left, right)


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
