"""Which alignments of roles are the same calculation: ``a * b`` serves (3, 4) as it does (4, 3).

Plain arithmetic is computed here, on floats and without running any of its code, at points that no
two different calculations share but by chance. What cannot be computed so is left as it is.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from tracemine.schemas import Parameter

Alignment = tuple[int, ...]

#: Values for the keys of an instance, by position: nothing adds up, nothing divides anything.
_POINTS = (
    (2.3571, 3.1923, 5.7719, 7.4142, 11.0361, 13.9973, 17.2931, 19.6387),
    (0.7193, 1.6547, 0.3361, 2.9283, 1.1719, 0.5433, 4.3817, 3.2699),
)
#: Digits to which two values are told apart: more than chance gives, fewer than floats lose.
_DIGITS = 11

_OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class _NotPlainError(ValueError):
    """More than sums, products and quotients of parameters and numbers."""


def representatives(
    code: str,
    entry_point: str,
    inputs: Sequence[Parameter],
    predicates: Sequence[str],
    ways: Sequence[Alignment],
) -> list[Alignment]:
    """For each of ``ways`` the first of them that computes the same from the same values, under the
    same conditions and types; itself for each where ``code`` is no plain arithmetic."""
    if len(ways) < 2 or len(inputs) > len(_POINTS[0]):
        return list(ways)
    try:
        first: dict[object, Alignment] = {}
        return [
            first.setdefault(_calculation(code, entry_point, inputs, predicates, way), way)
            for way in ways
        ]
    except (ValueError, ArithmeticError, SyntaxError, RecursionError, MemoryError):
        # Too much for this, or no Python: what it gives only running it says.
        return list(ways)


def _calculation(
    code: str,
    entry_point: str,
    inputs: Sequence[Parameter],
    predicates: Sequence[str],
    way: Alignment,
) -> object:
    """What an alignment computes: its values at the points, and what it asks of each position."""
    names = [parameter.name for parameter in inputs]
    values = []
    for point in _POINTS:
        given = {name: point[position] for name, position in zip(names, way, strict=True)}
        values.append(f"{_compute(_body(code, entry_point), given):.{_DIGITS}g}")
    types = tuple(sorted((position, p.type) for p, position in zip(inputs, way, strict=True)))
    places = {name: f"[{position}]" for name, position in zip(names, way, strict=True)}
    asked = (re.sub(r"\b[^\W\d]\w*", lambda m: places.get(m[0], m[0]), p) for p in predicates)
    return tuple(values), types, tuple(sorted(asked))


@lru_cache(maxsize=512)
def _body(code: str, entry_point: str) -> tuple[ast.stmt, ...]:
    tree = ast.parse(code)
    if len(tree.body) != 1 or not isinstance(tree.body[0], ast.FunctionDef):
        raise _NotPlainError("more than a function")
    if tree.body[0].name != entry_point or tree.body[0].decorator_list:
        raise _NotPlainError("another function, or not it alone")
    return tuple(tree.body[0].body)


def _compute(body: Sequence[ast.stmt], given: Mapping[str, float]) -> float:
    values = dict(given)
    for statement in body:
        if isinstance(statement, ast.Return) and statement.value is not None:
            return _value(statement.value, values)
        if not isinstance(statement, ast.Assign):
            break
        (target, *more) = statement.targets
        if more or not isinstance(target, ast.Name):
            break
        values[target.id] = _value(statement.value, values)
    raise _NotPlainError("more than assignments and a result")


def _value(node: ast.expr, values: Mapping[str, float]) -> float:
    if isinstance(node, ast.Name) and node.id in values:
        return values[node.id]
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return float(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, values)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_value(node.left, values), _value(node.right, values))
    raise _NotPlainError(f"no plain arithmetic: {type(node).__name__}")
