"""The canonical form of a routine: the same code in other names is the same text, and so are the
same words in another layout."""

from __future__ import annotations

import ast
import builtins
import unicodedata
from functools import lru_cache

_BUILTINS = frozenset(dir(builtins))


#: Routines whose canonical form is remembered: the stages ask for it several times each.
_REMEMBERED = 16384


@lru_cache(maxsize=_REMEMBERED)
def canonical_code(code: str, entry_point: str) -> str:
    """``code`` without docstrings, comments or layout, with every name that it binds renamed in
    order of appearance: the entry point to ``f``, its parameters to ``p0, p1, ...``, everything
    else to ``v0, v1, ...``. Names it does not bind (builtins, modules, attributes) stay.

    Raises:
        SyntaxError: if ``code`` does not parse.
    """
    tree = ast.parse(code)
    _drop_docstrings(tree)
    names: dict[str, str] = {entry_point: "f"}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == entry_point:
            arguments = node.args
            parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            for index, parameter in enumerate(parameters):
                names[parameter.arg] = f"p{index}"
    for name in _bound_names(tree):
        if name not in names:
            names[name] = f"v{len(names)}"
    renamed = _Rename(names).visit(tree)
    return ast.unparse(ast.fix_missing_locations(renamed))


def canonical_words(subroutine: str) -> str:
    """The steps of a routine without their layout: NFKC, single spaces. Their letters stay as they
    are: ``a`` may be another input than ``A``."""
    return " ".join(unicodedata.normalize("NFKC", subroutine).split())


def _drop_docstrings(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module, ast.AsyncFunctionDef)):
            continue
        body = [
            item
            for item in node.body
            if not (
                isinstance(item, ast.Expr)
                and isinstance(item.value, ast.Constant)
                and isinstance(item.value.value, str)
            )
        ]
        node.body = body or [ast.Pass()]


def _bound_names(tree: ast.AST) -> list[str]:
    """Names that the code binds itself, by first place in the source."""
    found: list[tuple[int, int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.append((node.lineno, node.col_offset, node.id))
        elif isinstance(node, ast.arg):
            found.append((node.lineno, node.col_offset, node.arg))
        elif isinstance(node, ast.FunctionDef):
            found.append((node.lineno, node.col_offset, node.name))
    return list(dict.fromkeys(name for _, _, name in sorted(found) if name not in _BUILTINS))


class _Rename(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = self.names.get(node.arg, node.arg)
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self.names.get(node.name, node.name)
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        # A keyword names a parameter of the callee: renamed where the code itself binds the callee.
        if isinstance(node.func, ast.Name) and node.func.id in self.names:
            for keyword in node.keywords:
                if keyword.arg is not None:
                    keyword.arg = self.names.get(keyword.arg, keyword.arg)
        self.generic_visit(node)
        return node

    def visit_Global(self, node: ast.Global) -> ast.AST:
        node.names = [self.names.get(name, name) for name in node.names]
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:
        node.names = [self.names.get(name, name) for name in node.names]
        return node
