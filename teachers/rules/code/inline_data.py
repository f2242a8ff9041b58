"""Data of the instance inside expressions: which numbers are, what they are called, and parameters
in their place."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from tracemine.teachers.rules.arithmetic.lifting import Mention, is_data, mentions, percent_forms
from tracemine.teachers.rules.code.literals import (
    LARGEST_SMALL_CONSTANT,
    is_of_numbers,
    is_worked_out,
    literal_number,
)
from tracemine.teachers.rules.code.program_runs import Program
from tracemine.teachers.rules.code.program_statements import called_name
from tracemine.teachers.rules.code.tracing import Value
from tracemine.teachers.rules.language.numerals import MAX_DIGITS
from tracemine.teachers.rules.language.words import free_name

#: Functions whose list of numbers is one thing: coordinates, coefficients, a row.
ARRAYS = frozenset({"Matrix", "Point", "Poly", "array", "matrix", "poly1d", "polyval", "roots"})
#: Dollar signs that begin a formula and not an amount.
LATEX = re.compile(r"\\[a-zA-Z(\[]|\$[^$]{0,200}[=^_<>+*][^$]{0,200}\$")


def has_data_inside(program: Program, node: ast.AST) -> bool:
    return any(_is_lifted(program, n) for n in ast.walk(node) if isinstance(n, ast.Constant))


def _is_lifted(program: Program, node: ast.Constant) -> bool:
    if type(node.value) not in (int, float):
        return False
    number = literal_number(node)
    if number is None:
        return False
    if number in (0, 1, 2) and not noun_of(program, Value(True, node.value)):
        # Signs, halves, means, the next one: so common in methods that the text must count.
        return False
    return is_worked_out(number) or is_data(number, program.trajectory.problem)


def _is_word_of_method(program: Program, node: ast.expr) -> bool:
    """Whether the factor ``node`` is the 2 of a problem that says "twice", and no thing that the
    problem counts."""
    if not isinstance(node, ast.Constant) or type(node.value) is not int:
        return False
    stated = [m for m in mentions(program.trajectory.problem) if m.value == node.value]
    return any(m.method for m in stated) and not any(m.noun for m in stated)


class LiftInside(ast.NodeTransformer):
    """Puts parameters in the place of the data that stand inside expressions."""

    def __init__(
        self,
        program: Program,
        taken: set[str],
        target: str,
        given: Iterable[tuple[str, Value]],
        elsewhere: Iterable[Any] = (),
    ) -> None:
        self.elsewhere = list(elsewhere)
        self.program = program
        self.taken = taken
        self.target = target
        self.given = list(given)
        self.found: list[tuple[str, Value]] = []

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if not _is_lifted(self.program, node):
            return node
        stated = mentions(self.program.trajectory.problem)
        exact = literal_number(node)
        once = sum(m.value == exact and not m.method for m in stated) <= 1
        for name, value in (*self.given, *self.found) if once else ():
            # The problem says it once, so it is one quantity however often it is used.
            if (
                type(value.value) in (int, float)
                and literal_number(ast.Constant(value.value)) == exact
            ):
                return ast.copy_location(ast.Name(name, ast.Load()), node)
        name = free_name(self._name(node.value), self.taken)
        self.found.append((name, Value(True, node.value)))
        return ast.copy_location(ast.Name(name, ast.Load()), node)

    def _bound(self, node: ast.expr) -> ast.expr:
        """A loop's bound, which is the method's unless the problem states it, or the number before
        it, as that of something, or the routine has it as data in another place too."""
        if not isinstance(node, ast.Constant) or type(node.value) is not int:
            return node
        for less in (0, 1):
            stated = node.value - less
            is_large = stated > (2 if not less else LARGEST_SMALL_CONSTANT)
            is_something = stated in self.elsewhere or noun_of(self.program, Value(True, stated))
            if is_large and is_something:
                name: ast.expr = self.visit(ast.copy_location(ast.Constant(stated), node))
                if isinstance(name, ast.Name):
                    return ast.BinOp(name, ast.Add(), ast.Constant(1)) if less else name
        return node

    def _whole(self, node: ast.expr) -> ast.expr | None:
        """A parameter in the place of a list of numbers that is data."""
        if not isinstance(node, (ast.List, ast.Tuple)) or not is_of_numbers(node):
            return None
        if not self.program.is_stated(node, self.target):
            return None
        name = free_name(f"{self.target}_entries", self.taken)
        self.found.append((name, Value(True, ast.literal_eval(node))))
        return ast.copy_location(ast.Name(name, ast.Load()), node)

    def _name(self, value: Any) -> str:
        _, word = _mention_of(value, self.program.trajectory.problem)
        parts = [p for p in [noun_of(self.program, Value(True, value))] if p]
        name = "_".join([*parts, *([word] if word else [])])
        return name if name.isidentifier() else f"{self.target}_part"

    # Places where a number is part of the method: indices, bounds of loops, powers, digits.

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        node.value = self.visit(node.value)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = called_name(node)
        if name in ARRAYS:
            node.args = [self._whole(a) or self.visit(a) for a in node.args]
            return node
        if name == "range":
            node.args = [self._bound(a) for a in node.args]
            return node
        if name in ("symbols", "Symbol", "pow"):
            return node
        if name == "round" and len(node.args) > 1:
            node.args[0] = self.visit(node.args[0])
            return node
        node.args = [self.visit(a) for a in node.args]
        for option in node.keywords:
            option.value = self.visit(option.value)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        is_factor = isinstance(node.op, (ast.Mult, ast.Div, ast.FloorDiv))
        if not (is_factor and _is_word_of_method(self.program, node.left)):
            node.left = self.visit(node.left)
        if not isinstance(node.op, ast.Pow) and not (
            is_factor and _is_word_of_method(self.program, node.right)
        ):
            node.right = self.visit(node.right)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return node


def _mention_of(value: Any, problem: str) -> tuple[Mention | None, str]:
    """The first place where the problem states ``value``, and the word for the form it is in."""
    exact = Fraction(str(value))
    for mention in mentions(problem):
        if not mention.method and mention.value == exact:
            return mention, ""
    for mention in mentions(problem):
        for form, word in () if mention.method else percent_forms(mention):
            if form == exact:
                return mention, word
    return None, ""


def noun_of(program: Program, value: Value | None) -> str:
    """What the problem calls a number, without the names of people."""
    number = None if value is None else value.value
    if type(number) is float:
        number = number if math.isfinite(number) else None
    elif type(number) is not int or abs(number) >= 10**MAX_DIGITS:
        number = None
    if number is None:
        return ""
    mention, _ = _mention_of(number, program.trajectory.problem)
    noun = mention.noun if mention is not None else ""
    if noun.startswith("dollar") and LATEX.search(program.trajectory.problem):
        return ""
    return "_".join(p for p in noun.split("_") if p and p not in program.names)
