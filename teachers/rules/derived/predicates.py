"""Predicates: Python expressions over parameters that tell whether a routine may be called.

The only thing evaluated here is a predicate that these rules wrote themselves, over the values of
bindings, to make sure that it holds.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from tracemine.teachers.rules.derived.facts import Facts
from tracemine.teachers.rules.derived.functions import constant_value

#: Most members of a container that a predicate's truth is checked over.
MAX_MEMBERS = 100_000
#: What a predicate may use.
PREDICATE_NAMES: dict[str, Any] = {
    f.__name__: f
    for f in (
        abs, all, any, bool, bytes, complex, dict, float, frozenset, int, isinstance, len, list,
        max, min, set, str, sum, tuple, type,
    )
}  # fmt: skip

_ORDERING = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
#: Types of whose values, but for NaN, one is less, equal or more than another.
_ORDERED = ("int", "rational", "real", "str", "list", "tuple")


def holds(predicate: str, binding: Mapping[str, Any]) -> bool:
    """Whether a predicate of this module is true of ``binding``. Only for text that this module
    wrote: it is evaluated here, with a few builtins and nothing else."""
    if any(_size(v) > MAX_MEMBERS for v in binding.values()):
        return False
    names = {**PREDICATE_NAMES, **binding, "__builtins__": {}}
    try:
        return eval(predicate, names) is True
    except (ArithmeticError, TypeError, ValueError, NameError, LookupError, RecursionError):
        return False


def _size(value: Any) -> int:
    return len(value) if isinstance(value, (list, tuple, set, frozenset, dict, str, bytes)) else 1


def is_arithmetic(node: ast.AST, facts: Facts) -> bool:
    """Whether ``node`` is plain arithmetic over numeric parameters, lengths and numbers: all that
    a predicate may contain, and nothing that takes long."""
    if isinstance(node, ast.Name):
        return node.id in facts.parameters and facts.head(node.id) in ("int", "rational", "real")
    if isinstance(node, ast.Constant):
        return type(node.value) in (int, float)
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, (ast.USub, ast.UAdd)) and is_arithmetic(node.operand, facts)
    if isinstance(node, ast.BinOp):
        plain = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)
        is_square = isinstance(node.op, ast.Pow) and constant_value(node.right) in (2, 3)
        if not isinstance(node.op, plain) and not is_square:
            return False
        return is_arithmetic(node.left, facts) and is_arithmetic(node.right, facts)
    if isinstance(node, ast.Call) and not node.keywords and len(node.args) == 1:
        if not isinstance(node.func, ast.Name):
            return False
        argument = node.args[0]
        called = facts.called(node)
        if called == "len" and isinstance(argument, ast.Name):
            return argument.id in facts.parameters
        return called == "abs" and is_arithmetic(argument, facts)
    return False


def is_comparing(node: ast.expr, facts: Facts) -> bool:
    if isinstance(node, ast.BoolOp):
        return all(is_comparing(value, facts) for value in node.values)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return is_comparing(node.operand, facts)
    if isinstance(node, ast.Compare):
        parts = (node.left, *node.comparators)
        if any(isinstance(op, _ORDERING) for op in node.ops) and any(
            isinstance(part, ast.Name) and facts.head(part.id) not in _ORDERED for part in parts
        ):
            return False  # Of two sets neither may contain the other.
        return all(_is_compared(part, facts) for part in parts)
    if isinstance(node, ast.Call) and facts.called(node) == "isinstance" and len(node.args) == 2:
        kinds = node.args[1].elts if isinstance(node.args[1], ast.Tuple) else [node.args[1]]
        return _is_compared(node.args[0], facts) and all(
            isinstance(kind, ast.Name) and kind.id in PREDICATE_NAMES and kind.id not in facts.bound
            for kind in kinds
        )
    return isinstance(node, ast.Name) and node.id in facts.parameters


def _is_compared(node: ast.expr, facts: Facts) -> bool:
    """Whether to evaluate ``node`` takes no time to speak of: no arithmetic but on numbers."""
    if isinstance(node, ast.Tuple):
        return all(isinstance(element, ast.Constant) for element in node.elts)
    if isinstance(node, ast.Call) and facts.called(node) in ("min", "max", "sum"):
        return len(node.args) == 1 and not node.keywords and isinstance(node.args[0], ast.Name)
    is_input = isinstance(node, ast.Name) and node.id in facts.parameters
    return is_input or isinstance(node, ast.Constant) or is_arithmetic(node, facts)
