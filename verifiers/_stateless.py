"""Whether calls of a source's functions can influence one another.

The answer decides only whether calls may share an interpreter, never whether code is safe to run.
It is `True` for the plainest code alone: functions, constants, imports of modules without state.
"""

from __future__ import annotations

import ast
from functools import lru_cache

#: Modules whose functions keep nothing between calls (the cache of ``re`` cannot be seen).
PURE_MODULES = frozenset(
    [
        "bisect",
        "cmath",
        "collections",
        "copy",
        "fractions",
        "heapq",
        "itertools",
        "math",
        "operator",
        "re",
        "statistics",
        "string",
        "typing",
        "__future__",
    ]
)

#: Names through which a function reaches what outlives its call.
_REACHING = frozenset(
    [
        "breakpoint",
        "compile",
        "delattr",
        "eval",
        "exec",
        "exit",
        "getattr",
        "globals",
        "help",
        "input",
        "locals",
        "memoryview",
        "open",
        "quit",
        "setattr",
        "vars",
    ]
)


@lru_cache(maxsize=512)
def is_stateless(source: str) -> bool:
    """Whether a call of a function that ``source`` defines leaves no trace that another sees."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(map(_plain_statement, tree.body)) and all(map(_plain_node, ast.walk(tree)))


def _plain_statement(node: ast.stmt) -> bool:
    if isinstance(node, (ast.FunctionDef, ast.Import, ast.ImportFrom, ast.Pass)):
        return True
    if isinstance(node, ast.Assign):
        return all(isinstance(t, ast.Name) for t in node.targets) and _is_constant(node.value)
    if isinstance(node, ast.AnnAssign):
        return isinstance(node.target, ast.Name) and (
            node.value is None or _is_constant(node.value)
        )
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _plain_node(node: ast.AST) -> bool:
    match node:
        case ast.FunctionDef():
            defaults = [*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]
            return not node.decorator_list and all(map(_is_constant, defaults))
        case ast.Lambda():
            return not node.args.defaults and not any(node.args.kw_defaults)
        case ast.Import():
            return all(alias.name in PURE_MODULES for alias in node.names)
        case ast.ImportFrom():
            return node.module in PURE_MODULES and node.level == 0
        case ast.Name():
            return node.id not in _REACHING and not node.id.startswith("__")
        case ast.Attribute():
            return isinstance(node.ctx, ast.Load) and not node.attr.startswith("_")
        case ast.Global() | ast.Nonlocal() | ast.ClassDef() | ast.AsyncFunctionDef():
            return False
    return True


def _is_constant(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _is_constant(node.operand)
    if isinstance(node, ast.Tuple):
        return all(map(_is_constant, node.elts))
    return isinstance(node, ast.Constant)
