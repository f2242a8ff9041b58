"""Routines that are one operation, or one call of a function that has a name of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import Any

from tracemine.schemas import Signature
from tracemine.teachers.rules.derived.facts import type_head
from tracemine.teachers.rules.derived.functions import (
    BUILTINS,
    assigned,
    dotted_name,
    find_function,
    imported_names,
    is_literal,
    parameters_of,
    statements_of,
)
from tracemine.teachers.rules.derived.inlining import as_expression, substituted

_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "operator.add",
    ast.Sub: "operator.sub",
    ast.Mult: "operator.mul",
    ast.Div: "operator.truediv",
    ast.FloorDiv: "operator.floordiv",
    ast.Mod: "operator.mod",
    ast.Pow: "operator.pow",
    ast.MatMult: "operator.matmul",
    ast.BitAnd: "operator.and_",
    ast.BitOr: "operator.or_",
    ast.BitXor: "operator.xor",
    ast.LShift: "operator.lshift",
    ast.RShift: "operator.rshift",
}
_COMPARISON: dict[type[ast.cmpop], str] = {
    ast.Eq: "operator.eq",
    ast.NotEq: "operator.ne",
    ast.Lt: "operator.lt",
    ast.LtE: "operator.le",
    ast.Gt: "operator.gt",
    ast.GtE: "operator.ge",
    ast.Is: "operator.is_",
    ast.IsNot: "operator.is_not",
    ast.In: "operator.contains",
    ast.NotIn: "operator.contains",
}
_UNARY: dict[type[ast.unaryop], str] = {
    ast.USub: "operator.neg",
    ast.UAdd: "operator.pos",
    ast.Not: "operator.not_",
    ast.Invert: "operator.invert",
}
#: Those that are one function, and take their operands in its order.
_OPERATORS: dict[str, type[ast.operator] | type[ast.unaryop] | type[ast.cmpop]] = {
    tool: kind
    for table in (_ARITHMETIC, _COMPARISON, _UNARY)
    for kind, tool in table.items()
    if tool != "operator.contains"
}
_CONTAINER_TYPES: tuple[type, ...] = (str, list, dict, set, tuple, int, float)


def single_tool(code: str, entry_point: str, signature: Signature | None = None) -> str | None:
    """The tool that the whole routine is: one arithmetic operation or comparison
    (``operator.mul``), or one call of a named function or method (``builtins.sorted``,
    ``math.gcd``, ``str.upper``), on inputs as they came and constants. None for anything more,
    and for a call that is given a function written on the spot.

    ``signature`` says whose method it is where several types have one of that name.

    Raises:
        SyntaxError: if ``code`` does not parse.
        ValueError: if it does not define ``entry_point``.
    """
    tree = ast.parse(code)
    function = find_function(tree, entry_point)
    inlined = whole_expression(tree, function)
    if inlined is None:
        return None
    return _tool_of(inlined, set(parameters_of(function)), imported_names(tree), tree, signature)


def whole_expression(tree: ast.Module, function: ast.FunctionDef) -> ast.expr | None:
    """The one expression over its parameters that ``function`` of ``tree`` returns, or None: its
    local names and the module's literals are put in, and a choice between True and False is the
    test that it makes."""
    expression = _as_choice(function) or as_expression(function)
    if expression is None:
        return None
    if isinstance(expression, ast.IfExp) and _truths((expression.body, expression.orelse)) == (
        True,
        False,
    ):
        expression = expression.test
    return substituted(expression, _module_constants(tree))


def written_as(tool: str) -> ast.operator | ast.unaryop | ast.cmpop | None:
    """The operator that a function of the module ``operator`` is, with its operands in their
    order; None for all else."""
    return _OPERATORS[tool]() if tool in _OPERATORS else None


def _as_choice(function: ast.FunctionDef) -> ast.expr | None:
    """The test of ``if TEST: return True`` / ``else: return False``, which only spells out TEST."""
    body = statements_of(function)
    if not body or not isinstance(body[0], ast.If) or len(body[0].body) != 1:
        return None
    rest = body[0].orelse or body[1:]
    if len(rest) != 1 or (body[0].orelse and len(body) > 1):
        return None
    first, second = body[0].body[0], rest[0]
    if _returned(first) is True and _returned(second) is False:
        return body[0].test
    return None


def _returned(statement: ast.stmt) -> Any:
    if isinstance(statement, ast.Return) and isinstance(statement.value, ast.Constant):
        return statement.value.value
    return None


def _module_constants(tree: ast.Module) -> dict[str, ast.expr]:
    found: dict[str, ast.expr] = {}
    for statement in tree.body:
        value = assigned(statement)
        if value is not None and isinstance(statement, ast.Assign) and is_literal(value[1]):
            found[value[0]] = value[1]
    return found


def _tool_of(
    node: ast.expr,
    parameters: set[str],
    imported: Mapping[str, str],
    tree: ast.Module,
    signature: Signature | None,
) -> str | None:
    def is_atom(part: ast.AST) -> bool:
        if isinstance(part, ast.Name):
            return part.id in parameters or part.id in BUILTINS or part.id in imported
        if isinstance(part, ast.Attribute):  # math.pi
            return isinstance(part.value, ast.Name) and part.value.id in imported
        if isinstance(part, ast.Slice):
            ends = (part.lower, part.upper, part.step)
            return all(e is None or is_atom(e) for e in ends)
        if isinstance(part, ast.Starred):
            return is_atom(part.value)
        return is_literal(part)

    if isinstance(node, ast.BinOp) and is_atom(node.left) and is_atom(node.right):
        return _ARITHMETIC[type(node.op)]
    if isinstance(node, ast.UnaryOp) and is_atom(node.operand):
        return None if is_literal(node) else _UNARY[type(node.op)]
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        parts = (node.left, node.comparators[0])
        return _COMPARISON[type(node.ops[0])] if all(map(is_atom, parts)) else None
    if isinstance(node, ast.Subscript) and is_atom(node.value) and is_atom(node.slice):
        return "operator.getitem"
    if isinstance(node, ast.Call):
        arguments = [*node.args, *(k.value for k in node.keywords)]
        if not all(is_atom(a) for a in arguments):
            return None
        return _callee(node.func, parameters, imported, tree, signature)
    return None


def _truths(parts: Iterable[ast.expr]) -> tuple[Any, ...]:
    return tuple(p.value if isinstance(p, ast.Constant) else None for p in parts)


def _callee(
    func: ast.expr,
    parameters: set[str],
    imported: Mapping[str, str],
    tree: ast.Module,
    signature: Signature | None,
) -> str | None:
    own = {n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    dotted = dotted_name(func)
    if dotted is not None:
        first, _, rest = dotted.partition(".")
        if first in own or (first in parameters and not rest):
            return None
        if first in parameters:
            return _method(rest, _type_of_parameter(first, signature))
        if first in imported:
            return f"{imported[first]}.{rest}" if rest else imported[first]
        if first in BUILTINS:
            return f"builtins.{first}" if not rest else dotted
        return None
    if isinstance(func, ast.Attribute) and is_literal(func.value):
        return _method(func.attr, type(ast.literal_eval(func.value)).__name__)
    return None


def _type_of_parameter(name: str, signature: Signature | None) -> str | None:
    for parameter in signature.inputs if signature else ():
        if parameter.name == name:
            return type_head(parameter.type)
    return None


def _method(name: str, owner: str | None) -> str | None:
    if "." in name:
        return None
    if owner in {t.__name__ for t in _CONTAINER_TYPES}:
        return f"{owner}.{name}"
    for kind in _CONTAINER_TYPES:
        if hasattr(kind, name):
            return f"{kind.__name__}.{name}"
    return f"object.{name}"
