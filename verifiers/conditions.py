"""Tests as values to ask of a program, and conditions on them that are judged without it.

Of ``assert math.isclose(area(2), 12.56, rel_tol=0.01)`` the program is asked for ``area(2)``; the
rest is judged where the program never was. So an object that equals everything, a function that is
named like a builtin, or a patched module cannot pass a test for it.
"""

from __future__ import annotations

import ast
import builtins
import copy
import itertools
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracemine.verifiers.unfolding import (
    asserts,
    given,
    mentioned,
    nodes_of,
    replace_names,
    unfold,
)

#: The function that `ask` and `judge` define.
ENTRY = "tracemine_run_tests"

#: Builtins that turn what a program gives into a plain value. They may be asked for together with
#: it: to come out as expected it has to hold what is expected.
CONVERSIONS = frozenset(
    {"dict", "frozenset", "len", "list", "next", "set", "sorted", "str", "sum", "tuple"}
)

#: Modules that a condition may use whoever imports them.
MODULES = frozenset({"math"})

#: Names that a test may use without the program.
KNOWN = frozenset({*dir(builtins), *MODULES})

_HOLE = "tracemine_value_{}"

#: Asks for values, as they are before later statements change them.
_ASK = "tracemine_found.append(tracemine_kept([{}]))"

#: For what a condition may do without: whatever the program raises there counts only if the judge
#: comes to it. And a copy of what holds other values.
_TRY = """
def tracemine_try(value):
    try:
        return (value(),)
    except Exception:
        return ()
"""
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
#: The builtins that it needs; where the program has others by these names nothing is copied.
_COPYING = frozenset({"type", "list", "tuple", "dict", "set"})


@dataclass(frozen=True, slots=True)
class Assertion:
    """One ``assert`` of a test: its condition, in which names stand for what is ``asked`` of the
    program. ``equals`` is what a condition of the kind ``f(2) == 4`` wants to be told, as a list of
    that one value; None for others."""

    condition: ast.expr
    asked: tuple[ast.expr, ...]
    equals: list[Any] | None


@dataclass(frozen=True, slots=True)
class Plan:
    """Two source texts that each define a function `ENTRY`. That of ``ask``, to run after the
    program, takes nothing and gives for each test the values that each of its assertions asks for.
    That of ``judge`` takes those lists and gives for each test whether its conditions hold; empty
    where each assertion knows what it ``equals``."""

    ask: str
    judge: str
    tests: tuple[tuple[Assertion, ...], ...]


class UnseenError(ValueError):
    """A test that cannot be judged without the program: it asserts within other statements (a
    ``try``, a ``while``), or nowhere that can be seen. Code that looks into its caller would find
    there what is expected, or skip it."""


def plan(code: str, tests: Sequence[str], setup: str) -> Plan:
    """How to try ``tests``, each a text of statements that runs after ``setup``, on a program.

    Raises:
        UnseenError: if a test cannot be judged without the program.
        SyntaxError, ValueError, RecursionError, MemoryError: if the program, a test or the setup
            does not parse.
    """
    prepared = ast.parse(setup).body
    if not prepared and (calls := calls_of(tests)):
        return plan_calls(code, calls)
    written = ast.parse(code)
    imports = [n for n in prepared if isinstance(n, (ast.Import, ast.ImportFrom))]
    known_to_code = mentioned([written]) if prepared else set()
    checks, constants = _for_tests(prepared, known_to_code)
    helpers = _helpers(prepared, known_to_code, _imported(imports))
    bodies = [unfold([*constants, *ast.parse(test.strip()).body], checks) for test in tests]
    # A check that could not be written out is still called.
    called = mentioned(s for body in bodies for s in body) if checks else set()
    kept = [s for s in prepared if s not in constants and not _is_of(s, checks, called)]
    setup_left = ast.Module(kept, [])
    program = _bound(written) | _bound(setup_left) - _imported(imports)
    asks, assertions = [], []
    for index, body in enumerate(bodies):
        trusted = _trusted_names(body, program, {helper.name for helper in helpers})
        trusted |= _imported(imports)
        lines, found = _asked(_folded(body, trusted), trusted)
        # What asks nothing of the program (``assert True``) says nothing of it.
        if not any(assertion.asked for assertion in found):
            raise UnseenError(
                f"test {index} asserts nothing that can be judged without the program"
            )
        asks.append("\n".join(lines))
        assertions.append(tuple(found))
    judged = any(assertion.equals is None for test in assertions for assertion in test)
    return Plan(
        _ask(setup_left, program, asks),
        _judge([*imports, *helpers], assertions) if judged else "",
        tuple(assertions),
    )


def calls_of(tests: Sequence[str]) -> list[tuple[str, Assertion]] | None:
    """The call of each test as it is written, and what the test asserts of it, where each says
    ``f(...) == literal`` of a function that is no builtin, as most do; None where one does not.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: if a test does not parse.
    """
    found = []
    for test in map(str.strip, tests):
        match ast.parse(test).body:
            case [
                ast.Assert(
                    ast.Compare(ast.Call(ast.Name(name)) as call, [ast.Eq() as equal], [right])
                )
            ] if name not in KNOWN:
                condition = ast.Compare(_hole(_HOLE, 0), [equal], [right])
            case _:
                return None
        expected = _literal(condition)
        if expected is None:
            return None
        found.append((_text_of(call, test), Assertion(condition, (call,), expected)))
    return found


def plan_calls(code: str, calls: Sequence[tuple[str, Assertion]]) -> Plan:
    """The plan of tests of which `calls_of` gave ``calls``, at a third of the time.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: if the program does not parse.
    """
    asks = [_ASK.format(call) for call, _ in calls]
    assertions = tuple((assertion,) for _, assertion in calls)
    return Plan(_ask(ast.Module([], []), _bound(ast.parse(code)), asks), "", assertions)


def _text_of(node: ast.expr, source: str) -> str:
    """``node`` as ``source`` writes it where that is plain to see, which is ten times faster."""
    if source.isascii() and source.isprintable():  # else other lines may be broken off, or indented
        return source[node.col_offset : node.end_col_offset]
    return ast.unparse(node)


def _for_tests(
    setup: Sequence[ast.stmt], known_to_code: set[str]
) -> tuple[dict[str, ast.FunctionDef], list[ast.stmt]]:
    """What of a setup is there for the tests alone: functions that assert, and names for values."""
    checks: dict[str, ast.FunctionDef] = {}
    constants: list[ast.stmt] = []
    said = Counter(name for statement in setup for name in mentioned([statement]))
    for statement in setup:
        pair = given(statement)
        if isinstance(statement, ast.FunctionDef) and asserts(statement):
            if statement.name not in known_to_code:
                checks[statement.name] = statement
        elif pair and pair[0] not in known_to_code:
            name, value = pair
            if said[name] == 1 and not mentioned([value]):
                constants.append(statement)
    return checks, constants


def _helpers(
    setup: Sequence[ast.stmt], known_to_code: set[str], imported: frozenset[str]
) -> list[ast.FunctionDef]:
    """Functions of a setup that need nothing but builtins, its imports and one another."""
    found: list[ast.FunctionDef] = []
    for statement in setup:
        if isinstance(statement, ast.FunctionDef) and statement.name not in known_to_code:
            inner = {n.arg for n in nodes_of(statement) if isinstance(n, ast.arg)}
            inner |= _bound(statement) | {helper.name for helper in found}
            if not asserts(statement) and mentioned([statement]) <= KNOWN | imported | inner:
                found.append(statement)
    return found


def _is_of(statement: ast.stmt, checks: Mapping[str, ast.FunctionDef], called: set[str]) -> bool:
    """Whether it is a check that no test calls any more."""
    return (
        isinstance(statement, ast.FunctionDef)
        and statement is checks.get(statement.name)
        and statement.name not in called
        and not any(statement.name in mentioned(c.body) for c in checks.values())
    )


def _folded(body: Sequence[ast.stmt], trusted: frozenset[str]) -> list[ast.stmt]:
    """``body`` with the values of names in their place, where they need nothing of the program and
    the program is never given what could be changed."""
    pairs = [pair for pair in map(given, body) if pair]
    if not pairs:
        return list(body)
    bound = [n.id for s in body for n in nodes_of(s) if isinstance(n, ast.Name) and _is_set(n)]
    values: dict[str, ast.expr] = {}
    for name, value in pairs:
        if bound.count(name) == 1 and mentioned([value]) <= trusted | values.keys():
            values[name] = value
    while True:
        known = trusted | values.keys()
        lent: set[str] = set()
        for statement in body:
            pair = given(statement)
            if isinstance(statement, ast.Assert):
                holes = _Holes(known)
                holes.visit(copy.deepcopy(statement.test))
                lent |= mentioned(holes.values)
            elif not (pair and pair[0] in values):
                lent |= mentioned([statement])
        changeable = {n for n in lent & values.keys() if not _is_fixed(values[n], values)}
        if not changeable:
            break
        values = {
            name: value
            for name, value in values.items()
            if name not in changeable and not mentioned([value]) & changeable
        }
    for name in values:  # in order, so that each finds those before it in their place
        known_before = {n: v for n, v in values.items() if n != name}
        moved = replace_names(ast.Expr(values[name]), known_before)
        assert isinstance(moved, ast.Expr)
        values[name] = moved.value
    return [
        replace_names(statement, values)
        for statement in body
        if not ((pair := given(statement)) and pair[0] in values)
    ]


def _is_set(name: ast.Name) -> bool:
    return not isinstance(name.ctx, ast.Load)


def _is_fixed(value: ast.expr, values: Mapping[str, ast.expr]) -> bool:
    """Whether a value cannot be changed by who is given it."""
    match value:
        case ast.Constant():
            return True
        case ast.Name(name):
            return name in values and _is_fixed(values[name], values)
        case ast.UnaryOp(_, operand):
            return _is_fixed(operand, values)
        case ast.BinOp(left, _, right):
            return _is_fixed(left, values) and _is_fixed(right, values)
        case ast.Tuple(members):
            return all(_is_fixed(member, values) for member in members)
    return False


def _asked(body: Sequence[ast.stmt], trusted: frozenset[str]) -> tuple[list[str], list[Assertion]]:
    """The statements that ask for what the assertions need, and the assertions; none where one
    stands within another statement."""
    lines: list[str] = []
    found: list[Assertion] = []
    for statement in body:
        if not isinstance(statement, ast.Assert):
            if asserts(statement):
                return [], []
            lines.append(_written(statement))
            continue
        holes = _Holes(trusted)
        condition = holes.condition(statement.test)
        found.append(Assertion(condition, tuple(holes.values), _literal(condition)))
        # Later statements may change what they look at now.
        values = ", ".join(_written(value) for value in holes.values)
        lines.append(_ASK.format(values))
    return lines, found


def _written(node: ast.AST) -> str:
    return ast.unparse(node)


def _ask(setup: ast.Module, program: set[str], bodies: Sequence[str]) -> str:
    kept = "\ntracemine_kept = lambda value: value\n" if program & _COPYING else _KEPT
    tried = _TRY if any("tracemine_try" in body for body in bodies) else ""
    prepared = ast.unparse(setup) if setup.body else ""
    lines = [prepared, tried, kept, f"def {ENTRY}():", "    tracemine_all = []"]
    for body in bodies:
        lines += ["    tracemine_found = []", textwrap.indent(body, "    ")]
        lines += ["    tracemine_all.append(tracemine_found)"]
    return "\n".join([*lines, "    return tracemine_all", ""])


def _judge(setup: Sequence[ast.stmt], tests: Sequence[Sequence[Assertion]]) -> str:
    lines = [f"import {module}" for module in sorted(MODULES)] + [ast.unparse(n) for n in setup]
    for index, assertions in enumerate(tests):
        lines += [f"def tracemine_test_{index}(found):"]
        for number, assertion in enumerate(assertions):
            names = "".join(f"{_HOLE.format(i)}, " for i in range(len(assertion.asked)))
            lines += [f"    ({names}) = found[{number}]"] if names else []
            lines += [f"    if not ({_written(assertion.condition)}):"]
            lines += ["        return False"]
        lines += ["    return True"]
    lines += [f"def {ENTRY}(found):", "    return ["]
    lines += [f"        tracemine_test_{i}(found[{i}])," for i in range(len(tests))]
    return "\n".join([*lines, "    ]", ""])


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


def _trusted_names(
    test: Sequence[ast.stmt], program: set[str], helpers: set[str]
) -> frozenset[str]:
    """Names that mean in a test's conditions what they mean without the program. A builtin stays
    one though the program has a function of its name, unless that is all that the test calls."""
    own, called = _bound(ast.Module(list(test), [])), set()
    for statement in test:
        for node in nodes_of(statement):
            if isinstance(node, ast.arg):
                own.add(node.arg)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                called.add(node.func.id)
    known = KNOWN - own
    if not called & (program - KNOWN):
        known -= program
    return known | (helpers - own)


def _imported(imports: Sequence[ast.Import | ast.ImportFrom]) -> frozenset[str]:
    return frozenset(
        alias.asname or alias.name.partition(".")[0] for node in imports for alias in node.names
    ) - {"*"}


def _bound(tree: ast.AST) -> set[str]:
    """Names that a program gives a meaning of its own; importing a module by its name does not."""
    found: set[str] = set()
    rest: list[Any] = [tree]
    while rest:
        node = rest.pop()
        if isinstance(node, list):
            rest += node
        elif isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                found.add(node.id)
        elif isinstance(node, ast.comprehension):
            rest += [node.iter, *node.ifs]  # its target is gone after it
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {a.asname or a.name for a in node.names if a.asname or a.name not in MODULES}
        elif isinstance(node, ast.AST):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                found.add(node.name)
            rest += [getattr(node, field, None) for field in node._fields]
    return found


class _Holes(ast.NodeTransformer):
    """Puts a name for each largest part of a condition that needs the program, and keeps the parts
    in ``values``."""

    _STRUCTURE = (
        ast.UnaryOp, ast.BinOp, ast.Compare, ast.Tuple, ast.List, ast.Starred, ast.keyword,
        ast.comprehension, ast.boolop, ast.unaryop, ast.operator, ast.cmpop, ast.expr_context,
    )  # fmt: skip

    def __init__(self, trusted: frozenset[str], hole: str = _HOLE) -> None:
        self.trusted = trusted
        self.hole = hole
        self.values: list[ast.expr] = []
        self._needed = True

    def visit(self, node: ast.AST) -> ast.AST:
        if self._is_pure(node):
            return node
        if isinstance(node, ast.Compare) and _asks_which(node):
            raise UnseenError("a test asks which object it is, which only the program knows")
        if isinstance(node, self._STRUCTURE):
            return self.generic_visit(node)
        if isinstance(node, ast.Call) and self._is_pure(node.func) and not self._converts(node):
            return self.generic_visit(node)
        match node:
            case ast.BoolOp(operator, [first, *rest]):
                return ast.BoolOp(operator, [self.condition(first), *map(self._perhaps, rest)])
            case ast.IfExp(test, then, other):
                return ast.IfExp(self.condition(test), self._perhaps(then), self._perhaps(other))
            case ast.GeneratorExp() | ast.ListComp() | ast.SetComp():
                changed = self._rounds(node)
                if changed is not None:
                    return changed
        assert isinstance(node, ast.expr)
        return self._hole(node)

    def _hole(self, value: ast.expr) -> ast.expr:
        name = _hole(self.hole, len(self.values))
        if self._needed:
            self.values.append(value)
            return name
        # Asked for all the same; that it raises matters only if the condition comes to it.
        nothing = ast.arguments([], [], None, [], [], None, [])
        tried = ast.Name("tracemine_try", ast.Load())
        self.values.append(ast.Call(tried, [ast.Lambda(nothing, value)], []))
        return ast.Subscript(name, ast.Constant(0), ast.Load())

    def condition(self, node: ast.expr) -> ast.expr:
        """``node`` with names for what needs the program."""
        changed = self.visit(node)
        assert isinstance(changed, ast.expr)
        return changed

    def _perhaps(self, node: ast.expr) -> ast.expr:
        """A part of which the condition may do without."""
        needed, self._needed = self._needed, False
        try:
            return self.condition(node)
        finally:
            self._needed = needed

    def _rounds(self, node: ast.GeneratorExp | ast.ListComp | ast.SetComp) -> ast.expr | None:
        """A comprehension over what needs no program: of it is asked what its rounds need."""
        if len(node.generators) > 1 or node.generators[0].is_async:
            return None
        (over,) = node.generators
        own = {n.id for n in nodes_of(over.target) if isinstance(n, ast.Name)}
        known = _Holes(self.trusted | own)
        if not self._is_pure(over.iter) or not all(map(known._is_pure, over.ifs)):
            return None
        inner = _Holes(self.trusted | own, "tracemine_part_{}")
        part = inner.condition(copy.deepcopy(node.elt))
        names = [ast.Name(inner.hole.format(i), ast.Store()) for i in range(len(inner.values))]
        told = self._hole(
            ast.ListComp(ast.Tuple(list(inner.values), ast.Load()), [copy.deepcopy(over)])
        )
        # zip: as many rounds as were asked for, which strict sees to.
        listed = ast.ListComp(_loaded(over.target), [copy.deepcopy(over)])
        strict = [ast.keyword("strict", ast.Constant(True))]
        both = ast.Call(ast.Name("zip", ast.Load()), [listed, told], strict)
        target = ast.Tuple([over.target, ast.Tuple(list(names), ast.Store())], ast.Store())
        return type(node)(part, [ast.comprehension(target, both, [], 0)])

    def _is_pure(self, node: ast.AST) -> bool:
        return all(
            child.id in self.trusted for child in nodes_of(node) if isinstance(child, ast.Name)
        )

    def _converts(self, call: ast.Call) -> bool:
        return isinstance(call.func, ast.Name) and call.func.id in CONVERSIONS


def _hole(template: str, index: int) -> ast.Name:
    return ast.Name(template.format(index), ast.Load())


def _asks_which(node: ast.Compare) -> bool:
    """Whether it compares by ``is`` what is no constant."""
    sides = [node.left, *node.comparators]
    return any(
        isinstance(operator, (ast.Is, ast.IsNot))
        and not any(isinstance(side, ast.Constant) for side in pair)
        for operator, pair in zip(node.ops, itertools.pairwise(sides), strict=True)
    )


def _loaded(target: ast.expr) -> ast.expr:
    """A target as an expression."""
    loaded: ast.expr = ast.parse(ast.unparse(target), mode="eval").body
    return loaded
