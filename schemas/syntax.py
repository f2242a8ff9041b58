"""What can be said of a routine's code without running it."""

from __future__ import annotations

import ast
import builtins
import symtable

_BUILTINS = frozenset(dir(builtins))

#: No routine nests deeper than this, in nodes from the module to a leaf: a sum of 90 terms does.
#: Everything that walks a tree recurses, two or three frames a node, and Python allows a thousand,
#: of which a runner has taken some: with a bound of our own the same code is refused everywhere.
MAX_DEPTH = 100


def depth(tree: ast.AST) -> int:
    """Nodes on the longest way from ``tree`` to a leaf, itself counted."""
    level, count = [tree], 0
    while level:
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        count += 1
    return count


def undefined_names(code: str) -> list[str]:
    """Names that ``code`` uses, that it binds nowhere and that Python does not have, sorted: to
    reach one of them is an error. Empty where it imports all names of a module.

    Raises:
        SyntaxError: if ``code`` does not parse.
    """
    if any(
        isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
        for node in ast.walk(ast.parse(code))
    ):
        return []
    tables = [symtable.symtable(code, "<routine>", "exec")]
    defined, used = set(_BUILTINS) | {"__name__", "__file__"}, set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            if symbol.is_global() or table.get_type() == "module":
                if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace():
                    defined.add(symbol.get_name())
                if symbol.is_referenced():
                    used.add(symbol.get_name())
    return sorted(used - defined)


#: What routines are written with. Of anything else nobody has said that it only computes.
COMPUTING = frozenset(
    [
        "__future__", "abc", "array", "base64", "binascii", "bisect", "calendar", "cmath",
        "collections", "contextlib", "copy", "dataclasses", "datetime", "decimal", "difflib",
        "enum", "fractions", "functools", "hashlib", "heapq", "itertools", "json", "math",
        "mpmath", "networkx", "numbers", "numpy", "operator", "pandas", "queue", "random", "re",
        "scipy", "statistics", "string", "struct", "sympy", "sys", "textwrap", "time", "types",
        "typing", "unicodedata", "zlib",
    ]
)  # fmt: skip

#: Builtins and attributes that lead out of a program: to files, to other code, to the interpreter.
_LEADING_OUT = frozenset(
    [
        "__base__", "__bases__", "__builtins__", "__code__", "__globals__", "__import__",
        "__loader__", "__mro__", "__spec__", "__subclasses__", "breakpoint", "compile", "eval",
        "exec", "exit", "globals", "input", "open", "quit",
    ]
)  # fmt: skip


#: What of ``sys`` is about numbers and depth alone.
_OF_SYS = frozenset(["float_info", "int_info", "maxsize", "setrecursionlimit"])


def reaches_out(code: str) -> str:
    """The first module or name in ``code`` that leads out of the program, or empty. It tells what
    is plainly there, from routines that only compute: not what a determined author hides.

    Raises:
        SyntaxError: if ``code`` does not parse.
    """
    tree = ast.parse(code)
    own = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    own |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and not _is_read(n)}
    for node in ast.walk(tree):
        found = ""
        match node:
            case ast.Import():
                names = [alias.name.partition(".")[0] for alias in node.names]
                found = next((name for name in names if name not in COMPUTING), "")
            case ast.ImportFrom():
                module = "." if node.level else (node.module or "").partition(".")[0]
                inside = {alias.name for alias in node.names} <= _OF_SYS
                found = "" if module in COMPUTING and (module != "sys" or inside) else module
            case ast.Name(name) if _is_read(node) and name in _LEADING_OUT and name not in own:
                found = name
            case ast.Attribute(ast.Name("sys"), name) if name not in _OF_SYS:
                found = f"sys.{name}"
            case ast.Attribute(_, name) if name in _LEADING_OUT and name.startswith("__"):
                found = name
        if found:
            return found
    return ""


def _is_read(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Load)
