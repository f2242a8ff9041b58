"""Which alignments of roles are the same calculation: ``a * b`` serves (3, 4) as it does (4, 3).

Plain arithmetic is computed here without running any of its code, modulo a large prime: exactly,
whatever its size, at points that no two different calculations share but by chance. What cannot be
computed so is left as it is.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import count

from tracemine.schemas import Parameter

Alignment = tuple[int, ...]

#: A Mersenne prime: two different quotients of polynomials agree at a point about once in so many.
_PRIME = 2**61 - 1
#: Values for the keys of an instance, by position.
_POINTS = (
    (1732050807568877, 2236067977499789, 2645751311064590, 3316624790355399, 3605551275463989,
     4123105625617660, 4358898943540673, 4795831523312719),
    (7071067811865475, 5773502691896257, 4472135954999579, 3779644730092272, 3015113445777636,
     2773500981126145, 2425356250363329, 2294157338705617),
)  # fmt: skip

#: Parts a text at its names, which stay.
_NAME = re.compile(r"\b([^\W\d]\w*)")

_OPERATORS: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
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
        number = _numbered(code, entry_point, tuple(inputs), tuple(predicates))
        first: dict[int, Alignment] = {}
        return [first.setdefault(number(way), way) for way in ways]
    except (ValueError, ArithmeticError, SyntaxError, RecursionError, MemoryError):
        # Too much for this, or no Python: what it gives only running it says.
        return list(ways)


def calculation(code: str, entry_point: str, inputs: Sequence[Parameter]) -> object | None:
    """The same for plain arithmetic that gives the same values, in whatever names, steps and order
    of parameters; None for other code. Nearly always different where the values differ."""
    names = [parameter.name for parameter in inputs]
    (base, one, two, *_) = _POINTS[0]
    try:
        body = _body(code, entry_point)

        def at(**moved: int) -> int:
            return _compute(body, {**dict.fromkeys(names, base), **moved}, [])

        alone = sorted(at(**{name: one}) for name in names)
        pairs = sorted(at(**{a: one, b: two}) for a in names for b in names if a != b)
        return at(), tuple(alone), tuple(pairs)
    except (ValueError, ArithmeticError, SyntaxError, RecursionError, MemoryError):
        return None


@lru_cache(maxsize=64)
def _numbered(
    code: str, entry_point: str, inputs: tuple[Parameter, ...], predicates: tuple[str, ...]
) -> Callable[[Alignment], int]:
    """The number of what an alignment computes, equal for equal calculations. The cases of a group
    offer one routine few alignments in many sets."""
    body = _body(code, entry_point)
    words = [_NAME.split(predicate) for predicate in predicates]
    numbers: dict[object, int] = {}
    unused = count()

    @lru_cache(maxsize=1024)
    def number(way: Alignment) -> int:
        return numbers.setdefault(_calculation(body, inputs, words, way), next(unused))

    return number


def _calculation(
    body: Sequence[ast.stmt],
    inputs: Sequence[Parameter],
    predicates: Sequence[Sequence[str]],
    way: Alignment,
) -> object:
    """What an alignment computes: its values at the points, and what it asks of each position.
    ``predicates`` are parted into their names and what is between these."""
    names = [parameter.name for parameter in inputs]
    values = []
    for point in _POINTS:
        given = {name: point[position] for name, position in zip(names, way, strict=True)}
        divisors: list[int] = []
        value = _compute(body, given, divisors)
        # Where one divides by nothing the other has to, too.
        values.append((value, tuple(sorted(divisors))))
    types = tuple(sorted((position, p.type) for p, position in zip(inputs, way, strict=True)))
    places = {name: f"[{position}]" for name, position in zip(names, way, strict=True)}
    asked = ("".join([places.get(word, word) for word in words]) for words in predicates)
    return tuple(values), types, tuple(sorted(asked))


@lru_cache(maxsize=512)
def _body(code: str, entry_point: str) -> tuple[ast.stmt, ...]:
    tree = ast.parse(code)
    if len(tree.body) != 1 or not isinstance(tree.body[0], ast.FunctionDef):
        raise _NotPlainError("more than a function")
    if tree.body[0].name != entry_point or tree.body[0].decorator_list:
        raise _NotPlainError("another function, or not it alone")
    return tuple(tree.body[0].body)


def _compute(body: Sequence[ast.stmt], given: Mapping[str, int], divisors: list[int]) -> int:
    values = dict(given)
    for statement in body:
        if isinstance(statement, ast.Return) and statement.value is not None:
            return _value(statement.value, values, divisors)
        if not isinstance(statement, ast.Assign):
            break
        (target, *more) = statement.targets
        if more or not isinstance(target, ast.Name):
            break
        values[target.id] = _value(statement.value, values, divisors)
    raise _NotPlainError("more than assignments and a result")


def _value(node: ast.expr, values: Mapping[str, int], divisors: list[int]) -> int:
    if isinstance(node, ast.Name) and node.id in values:
        return values[node.id]
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return _residue(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, values, divisors) % _PRIME
    if isinstance(node, ast.BinOp):
        left = _value(node.left, values, divisors)
        right = _value(node.right, values, divisors)
        if isinstance(node.op, ast.Div):
            divisors.append(right)
            return left * _inverse(right) % _PRIME
        if type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](left, right) % _PRIME
    raise _NotPlainError(f"no plain arithmetic: {type(node).__name__}")


@lru_cache(maxsize=512)
def _residue(constant: int | float) -> int:
    exact = Fraction(constant)
    return exact.numerator * _inverse(exact.denominator) % _PRIME


def _inverse(number: int) -> int:
    """What gives 1 times ``number``.

    Raises:
        ValueError: if there is none, for 0.
    """
    return pow(number, -1, _PRIME)
