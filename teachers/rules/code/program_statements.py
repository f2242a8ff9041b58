"""The statements of a program one by one: what each defines, shows or calls, and two of them where
one line says two things."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from tracemine.teachers.rules.code.literals import is_of_numbers
from tracemine.teachers.rules.derived.functions import BUILTINS, parameters_of
from tracemine.teachers.rules.derived.operations import expression_operations
from tracemine.teachers.rules.derived.slices import needed_from_outside, writes_of
from tracemine.teachers.rules.language.words import free_name

DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)


def from_star_imports(body: Sequence[ast.stmt]) -> frozenset[str]:
    """The names that nothing but a ``from sympy import *`` can define."""
    stars = [n for n in body if isinstance(n, ast.ImportFrom) and n.names[0].name == "*"]
    if not stars:
        return frozenset()
    bound = {name for node in body for name in writes_of(node)}
    return frozenset(needed_from_outside(body)) - bound - BUILTINS


def objects_of(nodes: Sequence[ast.stmt], classes: set[str]) -> frozenset[str]:
    """The names that hold objects of the program's own classes: any call of a method may change
    one."""
    return frozenset(
        name
        for node in nodes
        if (name := assigned_name(node)) is not None
        and isinstance(value := getattr(node, "value", None), ast.Call)
        and called_name(value) in classes
    )


def flattened(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, those under ``if __name__ == "__main__"`` as its own: the run
    is made to take that branch."""
    for node in body:
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            node.test = ast.Constant(True)
            yield from node.body
        else:
            yield node


def split_statement(node: ast.stmt, taken: set[str]) -> list[ast.stmt]:
    """``a, b = 1, 2`` as the two definitions that it is, and ``print(a + b)`` as a definition, of
    a name that is not ``taken``, and its showing."""
    if isinstance(node, ast.Expr) and is_print(node.value):
        return _split_print(node, taken)
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return [node]
    target, value = node.targets[0], node.value
    if not isinstance(target, ast.Tuple) or not isinstance(value, ast.Tuple):
        return [node]
    is_plain = all(isinstance(t, ast.Name) for t in target.elts) and all(
        map(is_of_numbers, value.elts)
    )
    if not is_plain or len(target.elts) != len(value.elts):
        return [node]
    return [
        ast.copy_location(ast.Assign([t], v), node)
        for t, v in zip(target.elts, value.elts, strict=True)
    ]


def _split_print(node: ast.Expr, taken: set[str]) -> list[ast.stmt]:
    call = node.value
    assert isinstance(call, ast.Call)
    if len(call.args) != 1 or call.keywords:
        return [node]
    shown = call.args[0]
    plain = (ast.Name, ast.Constant, ast.JoinedStr, ast.Starred, ast.Tuple)
    if isinstance(shown, plain) or expression_operations(shown) + _attributes(shown) == 0:
        return [node]
    name = free_name(_shown_name(shown), taken)
    assigned = ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], shown), node)
    call.args = [ast.copy_location(ast.Name(name, ast.Load()), shown)]
    return [ast.fix_missing_locations(assigned), ast.fix_missing_locations(node)]


def _attributes(node: ast.expr) -> int:
    return sum(isinstance(n, ast.Attribute) for n in ast.walk(node))


def _shown_name(node: ast.expr) -> str:
    """What to call a value that is shown without a name: what it is of its object (``found[many]``
    is many), or after the function that gives it."""
    if isinstance(node, ast.Attribute) and node.attr not in ("real", "imag", "T"):
        return node.attr
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return f"{node.func.id}_result"
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name):
        return node.slice.id if len(node.slice.id) > 1 else "answer"
    return "answer"


def takes_nothing(function: ast.FunctionDef) -> bool:
    arguments = function.args
    return not (parameters_of(function) or arguments.vararg or arguments.kwarg)


def is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def is_print(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    )


def assigned_name(node: ast.stmt) -> str | None:
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target: ast.expr = node.targets[0]
    elif isinstance(node, (ast.AugAssign, ast.AnnAssign)) and node.value is not None:
        target = node.target
    else:
        return None
    return target.id if isinstance(target, ast.Name) else None


def called_name(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
