"""What preconditions and failure modes ask of a function: its types, its names, and what it
evaluates on every call."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tracemine.schemas import Signature
from tracemine.schemas.types import NUMERIC, TypeSyntaxError, parse
from tracemine.teachers.rules.derived.functions import (
    COMPREHENSIONS,
    assigned,
    constant_value,
    dotted_name,
    imported_names,
    parameters_of,
    statements_of,
)
from tracemine.teachers.rules.derived.inlining import substituted
from tracemine.teachers.rules.derived.slices import writes_of


class Facts:
    """A function with what the conditions and failure modes ask of it."""

    def __init__(self, tree: ast.Module, function: ast.FunctionDef, signature: Signature) -> None:
        self.tree = tree
        self.function = function
        self.signature = signature
        self.parameters = parameters_of(function)
        self.types = {p.name: p.type for p in signature.inputs}
        self.imported = imported_names(tree)
        self.nodes = [n for n in ast.walk(tree) if not isinstance(n, ast.expr_context)]
        self.sure = list(_unconditional(function))

    def head(self, name: str) -> str:
        return type_head(self.types.get(name, "any"))

    def constant(self, node: ast.expr) -> bool:
        """Whether ``node`` is a number of a module (``math.pi``)."""
        return isinstance(node, ast.Attribute) and (
            self.imported.get(dotted_name(node.value) or "") in ("math", "cmath", "numpy")
        )

    def called(self, node: ast.Call) -> str:
        """The dotted name of what is called, imports resolved; empty where it has none."""
        dotted = dotted_name(node.func) or ""
        first, _, rest = dotted.partition(".")
        if first in self.imported:
            return f"{self.imported[first]}.{rest}" if rest else self.imported[first]
        return dotted


def type_head(text: str) -> str:
    try:
        return str(parse(text)[0])
    except TypeSyntaxError:
        return "any"


def is_text(node: ast.expr, facts: Facts) -> bool:
    if isinstance(node, ast.Name):
        return facts.head(node.id) not in NUMERIC
    return isinstance(node, ast.JoinedStr) or isinstance(constant_value(node), str)


def _unconditional(function: ast.FunctionDef) -> Iterator[tuple[ast.expr, dict[str, ast.expr]]]:
    """Every expression that is evaluated on each call, with what is known of local names there.

    Stops at the first statement that may end the call early: what follows may be guarded by it.
    """
    known: dict[str, ast.expr] = {}
    for statement in statements_of(function):
        for expression in _direct_expressions(statement):
            for part in _always(expression):
                yield part, known
        if isinstance(statement, ast.Return) or _may_leave(statement):
            return
        value = assigned(statement)
        inlined = substituted(value[1], known) if value else None
        known = dict(known)
        for name in writes_of(statement):
            known.pop(name, None)
        if value is not None:
            if inlined is None:
                # Not expressible over the parameters any more; the name hides one.
                known[value[0]] = ast.Constant(...)
            else:
                known[value[0]] = inlined
        else:
            for name in writes_of(statement):
                known[name] = ast.Constant(...)


def _direct_expressions(statement: ast.stmt) -> list[ast.expr]:
    """The expressions of a statement itself, not of the statements inside it, that it always
    evaluates."""
    if isinstance(statement, (ast.If, ast.While)):
        return [statement.test]
    if isinstance(statement, ast.For):
        return [statement.iter]
    if isinstance(statement, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Expr)):
        return [statement.value] if statement.value is not None else []
    return []


def _always(node: ast.expr) -> Iterator[ast.expr]:
    """``node`` and the parts of it that are evaluated whenever it is."""
    yield node
    children: list[ast.AST] = []
    if isinstance(node, ast.BoolOp):
        children = [node.values[0]]
    elif isinstance(node, ast.IfExp):
        children = [node.test]
    elif isinstance(node, COMPREHENSIONS):
        children = [node.generators[0].iter]
    elif isinstance(node, ast.Compare):
        children = [node.left, node.comparators[0]]
    elif not isinstance(node, ast.Lambda):
        children = list(ast.iter_child_nodes(node))
    for child in children:
        if isinstance(child, ast.keyword):
            child = child.value
        if isinstance(child, ast.expr):
            yield from _always(child)


def _may_leave(statement: ast.stmt) -> bool:
    leaving = (ast.Return, ast.Raise, ast.Yield, ast.YieldFrom, ast.Try, ast.Assert, ast.Await)
    return any(isinstance(n, leaving) for n in ast.walk(statement))
