"""Straight-line code as one expression over its parameters."""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping

from tracemine.teachers.rules.derived.functions import COMPREHENSIONS, assigned, statements_of

#: Most nodes of an expression that local names are substituted into.
MAX_NODES = 200


class _Substitute(ast.NodeTransformer):
    def __init__(self, known: Mapping[str, ast.expr]) -> None:
        self.known = known

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if isinstance(node.ctx, ast.Load) and node.id in self.known:
            return copy.deepcopy(self.known[node.id])
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return node


def substituted(node: ast.expr, known: Mapping[str, ast.expr]) -> ast.expr | None:
    """``node`` with what is known of local names put in; None where it grows too large, or where
    a name bound inside (a comprehension's) would be confused with one of ours."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store) and inner.id in known:
            return None
    result: ast.expr = _Substitute(known).visit(copy.deepcopy(node))
    return result if sum(1 for _ in ast.walk(result)) <= MAX_NODES else None


def as_expression(function: ast.FunctionDef) -> ast.expr | None:
    """The one expression over its parameters that a straight-line function returns, or None if
    it branches, loops, assigns to anything but a plain name, or grows too large."""
    known: dict[str, ast.expr] = {}
    for statement in statements_of(function):
        if isinstance(statement, ast.Return):
            return substituted(statement.value, known) if statement.value is not None else None
        value = assigned(statement)
        if value is None:
            return None
        name, expression = value
        inlined = substituted(expression, known)
        if inlined is None or (_is_made_anew(inlined) and _uses(function, name) != 1):
            return None
        known[name] = inlined
    return None


def _is_made_anew(node: ast.expr) -> bool:
    """Whether evaluating ``node`` twice is not the same as once: it calls, or makes a container."""
    made = (ast.Call, ast.List, ast.Dict, ast.Set, *COMPREHENSIONS)
    return any(isinstance(n, made) for n in ast.walk(node))


def _uses(function: ast.FunctionDef, name: str) -> int:
    """How often ``name`` is read; a read that may be repeated counts as many."""
    total = 0
    repeated = (ast.Lambda, ast.FunctionDef, *COMPREHENSIONS)
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            total += 1
        elif isinstance(node, repeated) and node is not function:
            inside = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == name]
            total += 2 * len(inside)
    return total
