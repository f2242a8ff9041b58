"""Tests written out, so that their assertions stand one after the other with what they expect.

``check(f)`` becomes what ``check`` asserts, a loop over a table becomes its rounds, and a name that
is given one value after another becomes several names. Only the text changes: nothing is run.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

#: Statements that a test has at most when it is written out; a longer one stays as it was.
MAX_STATEMENTS = 2_000
#: Checks that call checks.
MAX_DEPTH = 4


def unfold(body: Sequence[ast.stmt], checks: Mapping[str, ast.FunctionDef]) -> list[ast.stmt]:
    """A test's statements, written out. ``checks`` are functions that it may call to assert
    something; those that it defines itself are found."""
    if all(isinstance(statement, ast.Assert) for statement in body):
        return list(body)
    own = {s.name: s for s in body if isinstance(s, ast.FunctionDef) and asserts(s)}
    statements = [step for s in copy.deepcopy(list(body)) for step in _one_by_one(s)]
    writing = _Writing({**checks, **own}, _literals(statements))
    try:
        statements = writing.out(statements, MAX_DEPTH)
    except _TooLongError:
        return statements
    for name in own:
        rest = [s for s in statements if not (isinstance(s, ast.FunctionDef) and s.name == name)]
        if name not in mentioned(rest):
            statements = rest
    return _apart(statements)


def nodes_of(tree: ast.AST) -> Iterator[ast.AST]:
    """``tree`` and all within it, in no order that means anything: twice as fast as `ast.walk`."""
    rest: list[Any] = [tree]
    while rest:
        node = rest.pop()
        if isinstance(node, list):
            rest += node
        elif isinstance(node, ast.AST):
            yield node
            rest += [getattr(node, field, None) for field in node._fields]


def asserts(node: ast.AST) -> bool:
    """Whether there is an assertion in it."""
    return any(isinstance(child, ast.Assert) for child in nodes_of(node))


def mentioned(nodes: Iterable[ast.AST]) -> set[str]:
    """The names that stand in them."""
    return {n.id for node in nodes for n in nodes_of(node) if isinstance(n, ast.Name)}


def given(statement: ast.stmt) -> tuple[str, ast.expr] | None:
    """The name and the value of ``name = value``; None for any other statement."""
    match statement:
        case ast.Assign([ast.Name(name)], value):
            return name, value
        case ast.AnnAssign(ast.Name(name), _, ast.expr() as value):
            return name, value
    return None


class _TooLongError(Exception):
    pass


class _Writing:
    """What is known of a test while it is written out."""

    def __init__(
        self, checks: Mapping[str, ast.FunctionDef], tables: Mapping[str, ast.expr]
    ) -> None:
        self.checks = checks
        self.tables = tables
        self._count = 0

    def out(self, statements: Iterable[ast.stmt], depth: int) -> list[ast.stmt]:
        """``statements`` with calls of checks and loops of known rounds written out, at most
        ``depth`` within one another."""
        found: list[ast.stmt] = []
        for statement in statements:
            self._count += 1
            if self._count > MAX_STATEMENTS:
                raise _TooLongError
            inner = self._steps(statement) if depth else None
            found += [statement] if inner is None else self.out(inner, depth - 1)
        return found

    def _steps(self, statement: ast.stmt) -> list[ast.stmt] | None:
        match statement:
            case ast.Expr(ast.Call(ast.Name(name), arguments, [])) if name in self.checks:
                return _body(self.checks[name], arguments, self._count)
            case ast.For() if asserts(statement) or mentioned([statement]) & self.checks.keys():
                return _rounds(statement, self.tables)
        return None


# -- checks ----------------------------------------------------------------------------------------


def _body(
    check: ast.FunctionDef, arguments: Sequence[ast.expr], number: int
) -> list[ast.stmt] | None:
    """The statements of a check with names of their own; None for what is more than statements."""
    parameters = check.args
    plain = not (
        check.decorator_list or parameters.defaults or parameters.kwonlyargs
        or parameters.vararg or parameters.kwarg
    )  # fmt: skip
    names = [p.arg for p in (*parameters.posonlyargs, *parameters.args)]
    nodes = [node for statement in check.body for node in nodes_of(statement)]
    leaves = (ast.Return, ast.Yield, ast.YieldFrom, ast.Await, ast.Global, ast.Nonlocal)
    if not plain or len(names) != len(arguments) or any(isinstance(n, leaves) for n in nodes):
        return None
    if any(isinstance(argument, ast.Starred) for argument in arguments):
        return None
    own = {n.id for n in nodes if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    if {n.arg for n in nodes if isinstance(n, ast.arg)} & {*names, *own}:
        return None
    simple = {
        name: argument
        for name, argument in zip(names, arguments, strict=True)
        if isinstance(argument, (ast.Name, ast.Constant)) and name not in own
    }
    renamed = {name: f"tracemine_{check.name}_{number}_{name}" for name in {*own, *names}}
    change = _Change(renamed, simple)
    first = [
        _assign(renamed[name], argument)
        for name, argument in zip(names, arguments, strict=True)
        if name not in simple
    ]
    body = [change.visit(copy.deepcopy(statement)) for statement in check.body]
    return first + [s for s in body if not says_nothing(s)]


def says_nothing(statement: ast.stmt) -> bool:
    """A docstring, ``pass``, or ``assert True``, with which many checks begin."""
    match statement:
        case ast.Pass() | ast.Expr(ast.Constant()):
            return True
        case ast.Assert(ast.Constant(value)):
            return bool(value)
    return False


class _Change(ast.NodeTransformer):
    """Other names, and expressions in the place of names."""

    def __init__(self, renamed: Mapping[str, str], replaced: Mapping[str, ast.expr]) -> None:
        self.renamed = renamed
        self.replaced = replaced

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.replaced:
            return copy.deepcopy(self.replaced[node.id])
        return ast.Name(self.renamed.get(node.id, node.id), node.ctx)


def replace_names(node: ast.stmt, values: Mapping[str, ast.expr]) -> ast.stmt:
    """``node`` with expressions in the place of names."""
    changed: ast.stmt = _Change({}, values).visit(copy.deepcopy(node))
    return changed


def rename(node: ast.stmt, names: Mapping[str, str]) -> ast.stmt:
    """``node`` with other names in the place of names, wherever they are read or given a value."""
    changed: ast.stmt = _Change(names, {}).visit(copy.deepcopy(node))
    return changed


def _assign(name: str, value: ast.expr) -> ast.Assign:
    return ast.Assign([ast.Name(name, ast.Store())], copy.deepcopy(value), lineno=0)


# -- loops -----------------------------------------------------------------------------------------


def _literals(statements: Sequence[ast.stmt]) -> dict[str, ast.expr]:
    """Tables that are given once and looked at once: what a loop may run over by its name."""
    nodes = [node for statement in statements for node in nodes_of(statement)]
    names = [node.id for node in nodes if isinstance(node, ast.Name)]
    pairs = [pair for pair in map(given, statements) if pair]
    return {name: value for name, value in pairs if names.count(name) == 2}


def _rounds(loop: ast.For, tables: Mapping[str, ast.expr]) -> list[ast.stmt] | None:
    """The statements of a loop round by round, if it is known what it runs over."""
    if loop.orelse or any(isinstance(n, (ast.Break, ast.Continue)) for n in nodes_of(loop)):
        return None
    elements = _elements(loop.iter, tables)
    if elements is None or len(elements) > MAX_STATEMENTS:
        return None
    return [
        step
        for element in elements
        for step in (*_bind(loop.target, element), *copy.deepcopy(loop.body))
    ]


def _elements(table: ast.expr, tables: Mapping[str, ast.expr]) -> list[ast.expr] | None:
    """What a loop over ``table`` goes through, if that stands there."""
    match table:
        case ast.Name(name) if name in tables and not isinstance(tables[name], ast.Name):
            return _elements(tables[name], {})
        case ast.List(elements) | ast.Tuple(elements):
            return None if any(isinstance(e, ast.Starred) for e in elements) else list(elements)
        case ast.Call(ast.Name("range"), arguments, []) if 1 <= len(arguments) <= 3:
            limits = [_whole(argument) for argument in arguments]
            if None in limits or limits[2:] == [0]:
                return None
            numbers = range(*[limit for limit in limits if limit is not None])
            # Its length may be no machine word.
            return None if numbers[MAX_STATEMENTS:] else [ast.Constant(n) for n in numbers]
        case ast.Call(ast.Name("enumerate"), [inner], []):
            members = _elements(inner, tables)
            if members is None:
                return None
            return [_pair(ast.Constant(i), member) for i, member in enumerate(members)]
        case ast.Call(ast.Name("zip"), [first, second], []):
            left, right = _elements(first, tables), _elements(second, tables)
            if left is None or right is None:
                return None
            return [_pair(a, b) for a, b in zip(left, right, strict=False)]
        case ast.Call(ast.Attribute(inner, "items"), [], []):
            found = tables.get(inner.id) if isinstance(inner, ast.Name) else inner
            if isinstance(found, ast.Dict) and None not in found.keys:
                pairs = zip(found.keys, found.values, strict=True)
                return [_pair(key, value) for key, value in pairs if key is not None]
    return None


def _whole(node: ast.expr) -> int | None:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError, MemoryError):
        return None
    return value if type(value) is int else None


def _pair(first: ast.expr, second: ast.expr) -> ast.expr:
    return ast.Tuple([first, second], ast.Load())


def _bind(target: ast.expr, value: ast.expr) -> list[ast.stmt]:
    """``target = value``, name by name where both are rows of one length."""
    match target, value:
        case (ast.Tuple(names), ast.Tuple(members) | ast.List(members)) if len(names) == len(
            members
        ) and not any(isinstance(n, ast.Starred) for n in (*names, *members)):
            rows = zip(names, members, strict=True)
            return [step for name, member in rows for step in _bind(name, member)]
    return [ast.Assign([copy.deepcopy(target)], copy.deepcopy(value), lineno=0)]


# -- names -----------------------------------------------------------------------------------------


def _one_by_one(statement: ast.stmt) -> list[ast.stmt]:
    """``a, b = 1, 2`` as two statements; no exchange of names."""
    match statement:
        case ast.Assign([ast.Tuple() as target], value) if not mentioned([target]) & mentioned(
            [value]
        ):
            return _bind(target, value)
    return [statement]


def _apart(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Names that are given several values one after the other become several names, where no
    function or loop could see another of them."""
    nodes = [node for statement in statements for node in nodes_of(statement)]
    names = [n.id for n in nodes if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)]
    plain = [pair[0] for pair in map(given, statements) if pair]
    scopes = (ast.Lambda, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    seen_later = mentioned(n for n in nodes if isinstance(n, scopes))
    several = {n for n in plain if plain.count(n) > 1 and plain.count(n) == names.count(n)}
    several -= seen_later
    now: dict[str, str] = {}
    found: list[ast.stmt] = []
    for place, statement in enumerate(statements):
        pair = given(statement)
        if pair and pair[0] in several:
            value = _Change(now, {}).visit(pair[1])
            now[pair[0]] = f"tracemine_{place}_{pair[0]}"
            found.append(_assign(now[pair[0]], value))
        else:
            found.append(_Change(now, {}).visit(statement))
    return found
