"""How many operations a routine consists of."""

from __future__ import annotations

import ast

from tracemine.teachers.rules.derived.functions import LOOPS, find_function


def operations(code: str, entry_point: str) -> int:
    """How many operations the entry point and the functions it needs consist of.

    Counted: binary and unary arithmetic (the sign of a literal is none), each comparison, each
    ``and``/``or``, calls, loops, comprehensions and their filters, branches, reads by index or
    slice, and augmented assignments. Not counted: assignments, attribute access, literals, imports.

    Raises:
        SyntaxError: if ``code`` does not parse.
        ValueError: if it does not define ``entry_point``.
    """
    tree = ast.parse(code)
    functions = {n.name: n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    waiting: list[ast.AST] = [find_function(tree, entry_point)]
    seen = {entry_point}
    total = 0
    while waiting:
        for node in ast.walk(waiting.pop()):
            total += _weight(node)
            if isinstance(node, ast.Name) and node.id in functions and node.id not in seen:
                seen.add(node.id)
                waiting.append(functions[node.id])
    return total


def expression_operations(node: ast.AST) -> int:
    """The operations (as `operations` counts them) in one piece of a syntax tree."""
    return sum(_weight(n) for n in ast.walk(node))


def _weight(node: ast.AST) -> int:
    if isinstance(node, ast.UnaryOp):
        return 0 if isinstance(node.operand, ast.Constant) else 1
    if isinstance(node, ast.Compare):
        return len(node.ops)
    if isinstance(node, ast.BoolOp):
        return len(node.values) - 1
    if isinstance(node, ast.Subscript):
        return 1 if isinstance(node.ctx, ast.Load) else 0
    if isinstance(node, ast.comprehension):
        return 1 + len(node.ifs)
    counted = (ast.BinOp, ast.Call, ast.If, ast.IfExp, ast.AugAssign, *LOOPS)
    return 1 if isinstance(node, counted) else 0
