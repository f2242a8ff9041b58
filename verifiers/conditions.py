"""Tests as values to ask of a program, and conditions on them that are judged without it.

Of ``assert math.isclose(area(2), 12.56, rel_tol=0.01)`` the program is asked for ``area(2)``; the
rest is judged where the program never was. So an object that equals everything, a function that is
named like a builtin, or a patched module cannot pass a test for it.
"""

from __future__ import annotations

import ast
import builtins
import copy
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

#: The function that `ask` and `judge` define.
ENTRY = "tracemine_run_tests"

#: Builtins that turn what a program gives into a plain value. They may be asked for together with
#: it: to come out as expected it has to hold what is expected.
CONVERSIONS = frozenset(
    {"dict", "frozenset", "len", "list", "next", "set", "sorted", "str", "sum", "tuple"}
)

#: Modules that a condition may use whoever imports them.
MODULES = frozenset({"math"})

_KNOWN = frozenset({*dir(builtins), *MODULES})

_HOLE = "tracemine_value_{}"

#: Copies what holds other values.
_KEPT = """
def tracemine_kept(value):
    kind = type(value)
    if kind is list:
        return [tracemine_kept(member) for member in value]
    if kind is tuple:
        return tuple([tracemine_kept(member) for member in value])
    if kind is dict:
        return {key: tracemine_kept(value[key]) for key in value}
    return set(value) if kind is set else value
"""


@dataclass(frozen=True, slots=True)
class Assertion:
    """One ``assert`` of a test: its condition, in which names stand for what is asked of the
    program. ``equals`` is what a condition of the kind ``f(2) == 4`` wants to be told, as a list of
    that one value; None for others. ``once``: it is no part of another statement."""

    condition: ast.expr
    asked: tuple[ast.expr, ...]
    equals: list[Any] | None
    once: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Two source texts that each define a function `ENTRY`. That of ``ask``, to run after the
    program and its setup, takes nothing and gives for each test a list of pairs: the number of an
    assertion that was reached, and the values that it asks for. That of ``judge`` takes those lists
    and gives for each test whether its conditions hold."""

    ask: str
    judge: str
    tests: tuple[tuple[Assertion, ...], ...]


def plan(code: str, tests: Sequence[str], setup: str) -> Plan:
    """How to try ``tests``, each a text of statements, on a program.

    An ``assert`` within a ``try`` is left to the program's own interpreter: whether it is caught
    there is part of the test.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: if the program, a test or the setup
            does not parse.
    """
    trees = [ast.parse(test.strip()) for test in tests]
    imports = [n for n in ast.parse(setup).body if isinstance(n, (ast.Import, ast.ImportFrom))]
    program = _bound(ast.parse(code)) | _bound(ast.parse(setup)) - _imported(imports)
    asks, assertions = [], []
    for tree in trees:
        trusted = _trusted_names(tree, program) | _imported(imports)
        asking = _Asking(trusted, {id(statement) for statement in tree.body})
        asks.append(ast.unparse(ast.fix_missing_locations(asking.visit(tree))))
        assertions.append(tuple(asking.assertions))
    return Plan(_ask(asks), _judge(imports, assertions), tuple(assertions))


def _ask(bodies: Sequence[str]) -> str:
    lines = [_KEPT, f"def {ENTRY}():", "    tracemine_all = []"]
    for body in bodies:
        lines += ["    tracemine_found = []", textwrap.indent(body, "    ")]
        lines += ["    tracemine_all.append(tracemine_found)"]
    return "\n".join([*lines, "    return tracemine_all", ""])


def _judge(
    imports: Sequence[ast.Import | ast.ImportFrom], tests: Sequence[Sequence[Assertion]]
) -> str:
    lines = [f"import {module}" for module in sorted(MODULES)] + [ast.unparse(n) for n in imports]
    for index, assertions in enumerate(tests):
        for number, assertion in enumerate(assertions):
            names = "".join(f"{_HOLE.format(i)}, " for i in range(len(assertion.asked)))
            lines += [f"def tracemine_condition_{index}_{number}(tracemine_values):"]
            lines += [f"    ({names}) = tracemine_values"] if names else []
            lines += [f"    return bool({ast.unparse(assertion.condition)})"]
        conditions = "".join(f"tracemine_condition_{index}_{n}, " for n in range(len(assertions)))
        lines += [
            f"def tracemine_test_{index}(found):",
            f"    conditions = [{conditions}]",
            "    return all([conditions[number](values) for number, values in found])",
        ]
    lines += [f"def {ENTRY}(found):", "    return ["]
    lines += [f"        tracemine_test_{i}(found[{i}])," for i in range(len(tests))]
    return "\n".join([*lines, "    ]", ""])


class _Asking(ast.NodeTransformer):
    """Puts in the place of each assertion that it is told which was reached, with what values."""

    def __init__(self, trusted: frozenset[str], outermost: set[int]) -> None:
        self.trusted = trusted
        self.outermost = outermost
        self.assertions: list[Assertion] = []

    def visit_Try(self, node: ast.Try) -> ast.AST:
        return node

    def visit_TryStar(self, node: ast.TryStar) -> ast.AST:
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        holes = _Holes(self.trusted, 0)
        condition = holes.visit(node.test)
        assert isinstance(condition, ast.expr)
        number = len(self.assertions)
        once = id(node) in self.outermost
        self.assertions.append(Assertion(condition, tuple(holes.values), _literal(condition), once))
        values = ast.List(list(holes.values), ast.Load())
        # Later statements may change what they look at now.
        kept = ast.Call(ast.Name("tracemine_kept", ast.Load()), [values], [])
        pair = ast.Tuple([ast.Constant(number), kept], ast.Load())
        told = ast.Attribute(ast.Name("tracemine_found", ast.Load()), "append", ast.Load())
        return ast.Expr(ast.Call(told, [pair], []))


def _literal(condition: ast.AST) -> list[Any] | None:
    """The literal that a condition wants its only hole to equal, if that is what it says."""
    match condition:
        case ast.Compare(left, [ast.Eq()], [right]):
            for side, other in ((left, right), (right, left)):
                if isinstance(side, ast.Name) and side.id == _HOLE.format(0):
                    try:
                        return [ast.literal_eval(other)]
                    except (ValueError, TypeError, RecursionError, MemoryError):
                        return None
    return None


def _trusted_names(test: ast.Module, program: set[str]) -> frozenset[str]:
    """Names that mean in a test's conditions what they mean without the program. A builtin stays
    one though the program has a function of its name, unless that is all that the test calls."""
    own = _bound(test) | {node.arg for node in ast.walk(test) if isinstance(node, ast.arg)}
    called = {
        node.func.id
        for node in ast.walk(test)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    tried = called & (program - _KNOWN)
    return _KNOWN - own if tried else _KNOWN - own - program


def _imported(imports: Sequence[ast.Import | ast.ImportFrom]) -> frozenset[str]:
    return frozenset(
        alias.asname or alias.name.partition(".")[0] for node in imports for alias in node.names
    ) - {"*"}


def _bound(tree: ast.AST) -> set[str]:
    """Names that a program gives a meaning of its own; importing a module by its name does not."""
    found: set[str] = set()
    rest: list[ast.AST] = [tree]
    while rest:
        node = rest.pop()
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                found.add(node.id)
        elif isinstance(node, ast.comprehension):
            rest += [node.iter, *node.ifs]  # its target is gone after it
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {a.asname or a.name for a in node.names if a.asname or a.name not in MODULES}
        else:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                found.add(node.name)
            rest += ast.iter_child_nodes(node)
    return found


class _Holes(ast.NodeTransformer):
    """Puts a name for each largest part of a condition that needs the program, and keeps the parts
    in ``values``."""

    _STRUCTURE = (
        ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Compare, ast.Tuple, ast.List, ast.Starred,
        ast.keyword, ast.comprehension, ast.boolop, ast.unaryop, ast.operator, ast.cmpop,
        ast.expr_context,
    )  # fmt: skip

    def __init__(self, trusted: frozenset[str], first: int) -> None:
        self.trusted = trusted
        self.first = first
        self.values: list[ast.expr] = []

    def visit(self, node: ast.AST) -> ast.AST:
        if self._is_pure(node):
            return node
        if isinstance(node, self._STRUCTURE):
            return self.generic_visit(node)
        if isinstance(node, ast.Call) and self._is_pure(node.func) and not self._converts(node):
            return self.generic_visit(node)
        if isinstance(node, (ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp)):
            targets = [n for g in node.generators for n in ast.walk(g.target)]
            own = {n.id for n in targets if isinstance(n, ast.Name)}
            inner = _Holes(self.trusted | own, self.first + len(self.values))
            changed = inner.generic_visit(copy.deepcopy(node))
            used = {n.id for v in inner.values for n in ast.walk(v) if isinstance(n, ast.Name)}
            if not used & own:
                self.values += inner.values
                return changed
        assert isinstance(node, ast.expr)
        self.values.append(node)
        return ast.Name(_HOLE.format(self.first + len(self.values) - 1), ast.Load())

    def _is_pure(self, node: ast.AST) -> bool:
        return all(
            child.id in self.trusted for child in ast.walk(node) if isinstance(child, ast.Name)
        )

    def _converts(self, call: ast.Call) -> bool:
        return isinstance(call.func, ast.Name) and call.func.id in CONVERSIONS
