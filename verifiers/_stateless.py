"""Whether calls of a source's functions can influence one another.

The answer decides only whether calls may share an interpreter, never whether code is safe to run.
It is `True` for the plainest code alone: functions, constants, imports of modules without state.
"""

from __future__ import annotations

import ast
import importlib
import types
import typing
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


#: Functions and classes of these modules that keep something, or reach by a text what names do not.
_KEEPING: dict[str, frozenset[str]] = {
    "operator": frozenset(["attrgetter", "methodcaller"]),
    "re": frozenset(["purge"]),
    "statistics": frozenset(["NormalDist"]),  # its samples are of the common random numbers
    "string": frozenset(["Formatter"]),  # its fields are attributes
    "typing": frozenset(
        ["abstractmethod", "clear_overloads", "dataclass_transform", "final", "get_overloads",
         "get_type_hints", "no_type_check", "no_type_check_decorator", "overload",
         "runtime_checkable"]
    ),
}  # fmt: skip

#: Attributes through which a frame, a generator, an exception or an abstract class leads to what
#: outlives a call.
_LEADING = ("f_", "gi_", "cr_", "ag_", "tb_", "co_", "func_")
_LEADING_NAMES = frozenset(["register"])

#: The names of a module whose values cannot be changed.
_FIXED = (
    types.FunctionType, types.BuiltinFunctionType, type, int, float, complex, str,
    type(typing.List), type(typing.Tuple), type(typing.Callable),  # noqa: UP006
    type(typing.Optional),
)  # fmt: skip

#: Longer sources are judged anew each time, in characters; this many shorter ones are remembered.
_REMEMBERED_CHARS, _REMEMBERED = 20_000, 512


def is_stateless(source: str) -> bool:
    """Whether a call of a function that ``source`` defines leaves no trace that another sees."""
    return _remembered(source) if len(source) <= _REMEMBERED_CHARS else _judge(source)


def _judge(source: str) -> bool:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    nodes = list(ast.walk(tree))
    return (
        all(map(_plain_statement, tree.body))
        and all(map(_plain_node, nodes))
        and _plain_modules(nodes)
    )


_remembered = lru_cache(maxsize=_REMEMBERED)(_judge)


def _plain_modules(nodes: list[ast.AST]) -> bool:
    """Whether of modules nothing is used but functions, classes and constants, each by its name: a
    module has tables and other modules in it too."""
    modules = {
        alias.asname or alias.name: alias.name
        for node in nodes
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    used = {
        id(node.value)
        for node in nodes
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.attr in _public(modules.get(node.value.id, ""))
    }
    return all(
        not isinstance(node, ast.Name) or node.id not in modules or id(node) in used
        for node in nodes
    )


@lru_cache(maxsize=len(PURE_MODULES) + 1)
def _public(module: str) -> frozenset[str]:
    """The names of a module that lead to nothing which can be changed."""
    if module not in PURE_MODULES:
        return frozenset()
    values = vars(importlib.import_module(module))
    if module == "__future__":
        return frozenset(values)
    keeping = _KEEPING.get(module, frozenset())
    return frozenset(
        name
        for name, value in values.items()
        if not name.startswith("_") and name not in keeping and isinstance(value, _FIXED)
    )


def _imported(module: str, name: str) -> list[str]:
    """What ``from module import name`` binds, ``*`` among the names."""
    if name != "*" or module not in PURE_MODULES:
        return [name]
    values = vars(importlib.import_module(module))
    return list(values.get("__all__", [n for n in values if not n.startswith("_")]))


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
            return node.level == 0 and all(
                _public(node.module or "").issuperset(_imported(node.module or "", alias.name))
                for alias in node.names
            )
        case ast.Name():
            return node.id not in _REACHING and not node.id.startswith("__")
        case ast.Attribute():
            # A name is a text: nothing is behind it.
            leads = node.attr != "__name__" and node.attr.startswith(("_", *_LEADING))
            leads = leads or node.attr in _LEADING_NAMES
            return isinstance(node.ctx, ast.Load) and not leads
        case ast.MatchClass():  # takes attributes by their names
            return not node.kwd_attrs
        case ast.Global() | ast.Nonlocal() | ast.ClassDef() | ast.AsyncFunctionDef():
            return False
    return True


def _is_constant(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _is_constant(node.operand)
    if isinstance(node, ast.Tuple):
        return all(map(_is_constant, node.elts))
    return isinstance(node, ast.Constant)
