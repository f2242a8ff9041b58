"""Functions inside functions, as routines of their own.

What such a function takes from around it becomes further parameters, by name, and its calls of
itself pass them on; it is then a function of the module as any other.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tracemine.teachers.rules.derived.functions import BUILTINS, parameters_of
from tracemine.teachers.rules.derived.slices import reads_of

NOT_LIFTED = "cannot stand outside the function around it"


@dataclass(frozen=True, slots=True)
class Nested:
    """``inner`` stands in ``outer`` and reads ``captured`` from it. ``lifted`` is the same function
    with these as parameters, or None where it cannot be had."""

    outer: str
    inner: ast.FunctionDef
    captured: tuple[str, ...]
    lifted: ast.FunctionDef | None

    @property
    def qualified(self) -> str:
        """How its calls are recorded."""
        return f"{self.outer}.{self.inner.name}"


def nested_in(outer: ast.FunctionDef, known: Iterable[str]) -> Iterator[Nested]:
    """The functions that take parameters directly inside ``outer``, in any of its branches.
    ``known`` are names of the module, which are not captured."""
    around = set(known) | BUILTINS
    for inner in inner_functions(outer):
        if not parameters_of(inner):
            continue
        captured = captured_by(inner, outer, around)
        name = inner.name if inner.name not in around else f"{outer.name}_{inner.name}"
        yield Nested(outer.name, inner, captured, _lifted(inner, captured, name))


def inner_functions(outer: ast.FunctionDef) -> list[ast.FunctionDef]:
    """The functions whose next function around them is ``outer``."""
    found: list[ast.FunctionDef] = []
    waiting: list[ast.AST] = list(reversed(outer.body))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef):
            found.append(node)
        elif not isinstance(node, (ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting.extend(reversed(list(ast.iter_child_nodes(node))))
    return found


def captured_by(
    inner: ast.FunctionDef, outer: ast.FunctionDef, known: Iterable[str]
) -> tuple[str, ...]:
    """The names of ``outer`` that ``inner`` reads, itself not among them, in order."""
    bound = {a.arg for a in ast.walk(outer.args) if isinstance(a, ast.arg)}
    bound |= {
        n.id for n in ast.walk(outer) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    bound |= {f.name for f in inner_functions(outer)}
    outside = set(known)
    return tuple(
        name
        for name in reads_of(inner)
        if name != inner.name and (name in bound or name not in outside)
    )


class _PassOn(ast.NodeTransformer):
    """Adds what is captured to the calls of a function, and names it anew."""

    def __init__(self, name: str, new: str, captured: tuple[str, ...]) -> None:
        self.name = name
        self.new = new
        self.captured = captured
        self.lost = False

    def visit_Call(self, node: ast.Call) -> ast.AST:
        called = node.func
        if not isinstance(called, ast.Name) or called.id != self.name:
            return self.generic_visit(node)
        called.id = self.new
        node.args = [self.visit(a) for a in node.args]
        node.keywords = [
            *(ast.keyword(k.arg, self.visit(k.value)) for k in node.keywords),
            *(ast.keyword(name, ast.Name(name, ast.Load())) for name in self.captured),
        ]
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        # Given to another function, which would call it without what is captured.
        if node.id == self.name and isinstance(node.ctx, ast.Load):
            node.id, self.lost = self.new, self.lost or bool(self.captured)
        return node


def _lifted(inner: ast.FunctionDef, captured: tuple[str, ...], name: str) -> ast.FunctionDef | None:
    if any(isinstance(n, (ast.Nonlocal, ast.Yield, ast.YieldFrom)) for n in ast.walk(inner)):
        return None
    arguments = inner.args
    if arguments.vararg or arguments.kwarg or arguments.posonlyargs:
        return None
    function = copy.deepcopy(inner)
    passing = _PassOn(inner.name, name, captured)
    function.name = name
    function.body = [passing.visit(statement) for statement in function.body]
    if passing.lost:
        return None
    function.args.kwonlyargs += [ast.arg(taken) for taken in captured]
    function.args.kw_defaults += [None] * len(captured)
    return ast.fix_missing_locations(function)
