"""Plain arithmetic, computed here: what most replays of a group run, and most of these fail.

A routine that assigns and returns sums, products, quotients, remainders and powers of its
parameters and of number constants is read, and written anew as a function of our own: of the
routine's text nothing but its operators, the shape of its expressions and the values of its
constants gets there, no name and no piece of source, and that function has no builtins. Code with
anything else in it is left to the sandbox: no attribute, no loop and no call but that of our own
power can be written.

It cannot grow either. The bits of every integer on the way are bounded before anything is computed,
from a bound on those that go in, and those of a power just before it is; what exceeds the bound is
left to the sandbox, and so are values that are neither int nor float.

What it computes is Python's own value and, but for powers, monty's (the tests hold the three
against each other).
Even so it is used only to *withhold* evidence: a run that misses what was expected, or a
precondition, ends here; one that would count is made in the sandbox, whose word a pass remains.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

#: Integers that go in are of fewer bits.
INPUT_BITS = 128
#: Integers on the way are of at most so many, which takes a microsecond to multiply or divide, and
#: are written in 1,300 digits where a sandbox hands out 4,300.
MAX_BITS = 4096
#: Integers that are powers are of at most so many, so that some of them can be multiplied.
POWER_BITS = 1024
#: Characters of a routine, and of its preconditions together.
MAX_CHARS = 10_000
#: Nodes of their syntax trees, and how deep they nest: far less than any interpreter takes.
MAX_NODES = 1_000
MAX_DEPTH = 60
#: Routines that are remembered; a group asks for one as often as it is met.
_REMEMBERED = 1024

_OPERATORS: Mapping[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.USub: "-", ast.UAdd: "+",
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.And: " and ", ast.Or: " or ",
}  # fmt: skip

_Values = Mapping[str, Any]


class _LeftError(ValueError):
    """Code that is left to the sandbox."""


@dataclass(frozen=True, slots=True)
class Calculation:
    """A routine with its preconditions, rewritten: takes its inputs in the order of ``names``."""

    names: tuple[str, ...]
    function: Callable[..., tuple[int, Any]]

    def run(self, values: _Values) -> tuple[int, int | float | None] | None:
        """The index of the first precondition that does not hold or raises, and None; or -1 and
        what the routine gives. None where the sandbox has to say: values of other kinds or sizes,
        and where it raises."""
        given = [values[name] for name in self.names]
        for value in given:
            kind = type(value)
            if kind is not float and (kind is not int or value.bit_length() > INPUT_BITS):
                return None
        try:
            return self.function(*given)
        except ArithmeticError:
            return None


@lru_cache(maxsize=_REMEMBERED)
def calculation(
    code: str, entry_point: str, names: tuple[str, ...], predicates: tuple[str, ...]
) -> Calculation | None:
    """The routine ``entry_point`` of ``code``, which takes ``names``, with its preconditions; None
    for what is left to the sandbox. About 0.2 ms, once for a routine."""
    if sum(map(len, (code, *predicates))) > MAX_CHARS:
        return None
    try:
        text = _written(ast.parse(code), entry_point, names, [_read(p) for p in predicates])
    except (_LeftError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    scope: dict[str, Any] = {
        "__builtins__": {}, "ArithmeticError": ArithmeticError, "power": _power,
    }  # fmt: skip
    exec(compile(text, "<arithmetic>", "exec"), scope)
    return Calculation(names, scope["calculation"])


def _read(predicate: str) -> ast.expr:
    return ast.parse(predicate, mode="eval").body


def _written(
    tree: ast.Module, entry_point: str, names: tuple[str, ...], predicates: Sequence[ast.expr]
) -> str:
    """The function as text of our own."""
    _measure([tree, *predicates])
    match tree.body:
        case [
            ast.FunctionDef(
                name=name,
                args=ast.arguments(
                    posonlyargs=[], vararg=None, kwonlyargs=[], kwarg=None, defaults=[]
                ) as inputs,
                body=[*steps, ast.Return(value=ast.expr() as result)],
                decorator_list=[],
                returns=None,
            )
        ] if name == entry_point:
            taken = [argument.arg for argument in inputs.args]
        case _:
            raise _LeftError("more than a function that assigns and returns")
    if sorted(taken) != sorted(names) or any(argument.annotation for argument in inputs.args):
        raise _LeftError("other parameters, or annotations, which are code")
    known = {name: _Number(f"v{place}", INPUT_BITS) for place, name in enumerate(names)}
    lines = [f"def calculation({', '.join(known[name].text for name in names)}):"]
    for index, predicate in enumerate(predicates):
        if any(isinstance(node, ast.Pow) for node in ast.walk(predicate)):
            raise _LeftError("a power in a precondition")
        lines += [
            "    try:",
            f"        if not {_condition(predicate, known)}: return {index}, None",
            f"    except ArithmeticError: return {index}, None",
        ]
    for step in steps:
        match step:
            case ast.Assign(targets=[ast.Name(id=target)], value=value):
                number = _number(value, known)
                place = f"v{len(names) + len(lines)}"  # a new name each time
                lines.append(f"    {place} = {number.text}")
                known[target] = _Number(place, number.bits)
            case _:
                raise _LeftError("more than assignments to names")
    return "\n".join([*lines, f"    return -1, {_number(result, known).text}", ""])


def _measure(trees: Sequence[ast.AST]) -> None:
    """Raise `_LeftError` for what is too large to be written anew."""
    count = depth = 0
    level: Sequence[ast.AST] = trees
    while level:
        count += len(level)
        depth += 1
        if count > MAX_NODES or depth > MAX_DEPTH:
            raise _LeftError("too many nodes, or nested too deep")
        level = [child for node in level for child in ast.iter_child_nodes(node)]


@dataclass(frozen=True, slots=True)
class _Number:
    """An expression of our own, and the bits that its value has at most where it is an int."""

    text: str
    bits: int


def _number(node: ast.expr, known: Mapping[str, _Number]) -> _Number:
    match node:
        case ast.Name(id=name) if name in known:
            found = known[name]
        case ast.Constant(value=value) if type(value) is int:
            found = _Number(f"({value!r})", value.bit_length())
        case ast.Constant(value=value) if type(value) is float and math.isfinite(value):
            found = _Number(f"({value!r})", 0)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            inner = _number(operand, known)
            found = _Number(f"({_OPERATORS[type(sign)]}{inner.text})", inner.bits)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            text = f"power({_number(left, known).text}, {_number(right, known).text})"
            found = _Number(text, POWER_BITS)
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
            one, two = _number(left, known), _number(right, known)
            text = f"({one.text} {_OPERATORS[type(operator)]} {two.text})"
            found = _Number(text, _bits(operator, one.bits, two.bits))
        case _:
            raise _LeftError(f"no plain arithmetic: {type(node).__name__}")
    if found.bits > MAX_BITS:
        raise _LeftError("an integer that may be too large")
    return found


def _power(base: float, exponent: float) -> int | float:
    """``base ** exponent``.

    Raises:
        ArithmeticError: if it may have more than `POWER_BITS`, if Python raises, and if it is no
            real number.
    """
    if type(base) is int and type(exponent) is int and base.bit_length() * exponent > POWER_BITS:
        raise OverflowError("a power that may be too large")
    found = base**exponent
    if type(found) is int or type(found) is float:
        return found
    raise ArithmeticError("no real number")


def _bits(operator: ast.operator, left: int, right: int) -> int:
    match operator:
        case ast.Mult():
            return left + right
        case ast.FloorDiv():
            return left
        case ast.Mod():
            return right
        case ast.Div():
            return 0  # a float
    return max(left, right) + 1


def _condition(node: ast.expr, known: Mapping[str, _Number]) -> str:
    """A precondition: comparisons of numbers, and of the names of their types, joined by ``and``,
    ``or`` and ``not``."""
    match node:
        case ast.BoolOp(op=operator, values=values):
            return f"({_OPERATORS[type(operator)].join(_condition(v, known) for v in values)})"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return f"(not {_condition(operand, known)})"
        case ast.Compare(
            left=ast.Attribute(
                value=ast.Call(func=ast.Name(id="type"), args=[ast.Name(id=name)], keywords=[]),
                attr="__name__",
            ),
            ops=[ast.In()],
            comparators=[ast.Tuple(elts=[ast.Constant(), *_] as kinds)],
        ) if name in known and "type" not in known:
            among = [kind.value for kind in kinds if isinstance(kind, ast.Constant)]
            if len(among) < len(kinds):
                raise _LeftError("types that are no constants")
            kept = tuple(kind for kind in among if kind in ("int", "float"))
            return f"({known[name].text}.__class__.__name__ in {kept!r})"
        case ast.Compare(left=left, ops=ops, comparators=others) if all(
            type(op) in _OPERATORS for op in ops
        ):
            text = _number(left, known).text
            for op, other in zip(ops, others, strict=True):
                text += f" {_OPERATORS[type(op)]} {_number(other, known).text}"
            return f"({text})"
    return _number(node, known).text


__all__ = ["INPUT_BITS", "MAX_BITS", "POWER_BITS", "Calculation", "calculation"]
