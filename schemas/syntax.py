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
