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

#: The function that `ask` and `judge` define.
ENTRY = "tracemine_run_tests"

#: Builtins that turn what a program gives into a plain value. They may be asked for together with
#: it: to come out as expected it has to hold what is expected.
CONVERSIONS = frozenset(
    {"dict", "frozenset", "len", "list", "next", "set", "sorted", "str", "sum", "tuple"}
)

#: Modules that a condition may use whoever imports them.
MODULES = frozenset({"math"})

_HOLE = "tracemine_value_{}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Two source texts that each define a function `ENTRY`. That of ``ask``, to run after the
    program and its setup, takes nothing and gives for each test a list of values; that of ``judge``
    takes those lists and gives for each test whether its conditions hold."""

    ask: str
    judge: str


def plan(code: str, tests: Sequence[str], setup: str) -> Plan:
    """How to try ``tests``, each a text of statements, on a program.

    An ``assert`` within another statement is left to the program's own interpreter: such a test
    passes if it runs to its end.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: if the program, a test or the setup
            does not parse.
    """
    trees = [ast.parse(test.strip()) for test in tests]
    imports = [n for n in ast.parse(setup).body if isinstance(n, (ast.Import, ast.ImportFrom))]
    program = _bound(ast.parse(code)) | _bound(ast.parse(setup)) - _imported(imports)
    asks, judges = [], []
    for tree in trees:
        own = _trusted_names(tree, program) | _imported(imports)
        lines, conditions, count = [], [], 0
        for statement in tree.body:
            if not isinstance(statement, ast.Assert):
                lines.append(ast.unparse(statement))
                continue
            holes = _Holes(own, count)
            condition = holes.visit(statement.test)
            conditions.append(f"bool({ast.unparse(condition)})")
            lines += [f"tracemine_values.append({ast.unparse(value)})" for value in holes.values]
            count += len(holes.values)
        asks.append(
            "\n".join(["tracemine_values = []", *lines, "tracemine_all.append(tracemine_values)"])
        )
        names = "".join(f"{_HOLE.format(i)}, " for i in range(count))
        unpack = [f"({names}) = tracemine_values"] if names else []
        judges.append("\n".join([*unpack, f"return {' and '.join(conditions) or 'True'}"]))
    return Plan(_ask(asks), _judge(imports, judges))


def _ask(bodies: Sequence[str]) -> str:
    lines = [f"def {ENTRY}():", "    tracemine_all = []"]
    lines += [textwrap.indent(body, "    ") for body in bodies]
    return "\n".join([*lines, "    return tracemine_all", ""])


def _judge(imports: Sequence[ast.Import | ast.ImportFrom], bodies: Sequence[str]) -> str:
    lines = [f"import {module}" for module in sorted(MODULES)] + [ast.unparse(n) for n in imports]
    for index, body in enumerate(bodies):
        lines += [f"def tracemine_test_{index}(tracemine_values):", textwrap.indent(body, "    ")]
    lines += [f"def {ENTRY}(found):", "    return ["]
    lines += [f"        tracemine_test_{i}(found[{i}])," for i in range(len(bodies))]
    return "\n".join([*lines, "    ]", ""])


def _trusted_names(test: ast.Module, program: set[str]) -> frozenset[str]:
    """Names that mean in a test's conditions what they mean without the program. A builtin stays
    one though the program has a function of its name, unless that is all that the test calls."""
    own = _bound(test)
    known = frozenset({*dir(builtins), *MODULES})
    called = {
        node.func.id
        for node in ast.walk(test)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    tried = called & (program - known)
    return known - own if tried else known - own - program


def _imported(imports: Sequence[ast.Import | ast.ImportFrom]) -> frozenset[str]:
    return frozenset(
        alias.asname or alias.name.partition(".")[0] for node in imports for alias in node.names
    ) - {"*"}


def _bound(tree: ast.AST) -> set[str]:
    """Names that a program gives a meaning of its own; importing a module by its name does not."""
    found: set[str] = set()
    passing = {
        id(name)
        for node in ast.walk(tree)
        if isinstance(node, ast.comprehension)
        for name in ast.walk(node.target)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found |= {node.id} if id(node) not in passing else set()
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {a.asname or a.name for a in node.names if a.asname or a.name not in MODULES}
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
