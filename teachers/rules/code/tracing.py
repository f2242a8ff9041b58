"""Rewrites a program so that running it once also says what its names held.

The rewritten program records, in the order they happen:

- for each statement directly in the module or in a function without parameters, what the names
  that it reads held before it and what the names that it writes held after it (first run only);
- for the first `MAX_CALLS` calls of each function, its arguments as they came in and what it
  returned; of a function inside another (recorded as ``outer.inner``) also what it captures;
- what it printed.

Values are copied at once, as plain values, so that a later change in place does not reach them.
What is not plain but can be written as one (an expression of sympy, an array, solutions by symbol)
is recorded in that writing, with its *form*: the same writing as a Python expression. The recorder
is ordinary Python of the kind that both of the sandbox's interpreters run.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tracemine.teachers.rules.code.nested import captured_by
from tracemine.teachers.rules.derived.functions import BUILTINS, parameters_of
from tracemine.teachers.rules.derived.slices import writes_of

#: Calls of one function that are recorded.
MAX_CALLS = 3
#: Most values that are recorded in one run.
MAX_NOTES = 2_000
#: Longest text and largest container, in characters and members, that is recorded.
MAX_SIZE = 2_000
#: Deepest nesting of a value that is recorded.
MAX_DEPTH = 8
#: Most bits of an integer that is recorded.
MAX_BITS = 4_096

#: Form -> the expression that writes a value in it; ``{0}`` is the value.
FORMS = {
    "array": "{0}.tolist()",
    "text": "str({0})",
    "texts": "[str(v) for v in {0}]",
    "sorted texts": "sorted(str(v) for v in {0})",
    "rows": "[[str(v) for v in row] for row in {0}]",
    "matrix": "[[str(v) for v in row] for row in {0}.tolist()]",
    "named": "{{str(k): v for k, v in {0}.items()}}",
    "named texts": "{{str(k): str(v) for k, v in {0}.items()}}",
    "list of named": "[{{str(k): v for k, v in row.items()}} for row in {0}]",
    "list of named texts": "[{{str(k): str(v) for k, v in row.items()}} for row in {0}]",
}

#: What the rewritten program is asked for.
ENTRY_POINT = "_tm_collect"

#: Runs within the program: what a value raises when it is looked at is the program's own doing, and
#: says only that the value is recorded in another form, or not at all.
_RECORDER = f"""
_tm_notes = []
_tm_noted = {{}}
_tm_calls = []
_tm_counts = {{}}
_tm_printed = []

def _tm_plain(v, depth):
    if v is None:
        return v
    kind = type(v)
    if kind is bool or kind is float or kind is complex:
        return v
    if kind is int:
        if abs(v) >> {MAX_BITS}:
            raise ValueError("too large")
        return v
    if kind is str:
        if len(v) > {MAX_SIZE}:
            raise ValueError("too large")
        return v
    if depth > {MAX_DEPTH}:
        raise ValueError("too deep")
    if kind is list or kind is tuple or kind is set or kind is frozenset or kind is dict:
        if len(v) > {MAX_SIZE}:
            raise ValueError("too large")
    if kind is list:
        return [_tm_plain(x, depth + 1) for x in v]
    if kind is tuple:
        return tuple([_tm_plain(x, depth + 1) for x in v])
    if kind is set or kind is frozenset:
        return set([_tm_plain(x, depth + 1) for x in v])
    if kind is dict:
        return {{_tm_plain(k, depth + 1): _tm_plain(x, depth + 1) for k, x in v.items()}}
    if getattr(v, "is_Integer", False):
        return int(v)
    if getattr(v, "is_Float", False):
        return float(v)
    if kind.__module__ == "fractions" or (_tm_symbolic(v) and v.is_Rational):
        return v  # what the sandbox writes itself
    if kind.__name__ == "BooleanTrue" or kind.__name__ == "BooleanFalse":
        return bool(v)
    if getattr(v, "dtype", None) is not None and getattr(v, "ndim", None) == 0:
        return _tm_plain(v.item(), depth + 1)
    raise TypeError("not plain")

def _tm_symbolic(v):
    return type(v).__module__.partition(".")[0] == "sympy"

def _tm_text(v):
    text = str(v)
    if len(text) > {MAX_SIZE}:
        raise ValueError("too large")
    return text

def _tm_leaf(v):
    if _tm_symbolic(v):
        return _tm_text(v)
    return str(_tm_plain(v, 0))

def _tm_pairs(rows, write):
    return [{{_tm_leaf(k): write(x) for k, x in row.items()}} for row in rows]

def _tm_named(rows, one, form):
    if max([len(row) for row in rows]) > {MAX_SIZE}:
        raise ValueError("too large")
    try:
        held = _tm_pairs(rows, lambda x: _tm_plain(x, 0))
    except Exception:
        held = _tm_pairs(rows, _tm_leaf)
        form = form + " texts"
    return [held[0] if one else held, form]

def _tm_written(v):
    kind = type(v)
    if _tm_symbolic(v):
        if getattr(v, "is_Matrix", False):
            try:
                return [_tm_plain(v.tolist(), 0), "array"]
            except Exception:
                return [[[_tm_leaf(x) for x in row] for row in v.tolist()], "matrix"]
        return [_tm_text(v), "text"]
    if kind.__name__ == "ndarray":
        return [_tm_plain(v.tolist(), 0), "array"]
    if kind is dict:
        return _tm_named([v], True, "named")
    if len(v) > {MAX_SIZE} or not len(v):
        raise ValueError("too large")
    if kind is set or kind is frozenset:
        return [sorted([_tm_leaf(x) for x in v]), "sorted texts"]
    if kind is list or kind is tuple:
        if all([type(x) is dict for x in v]):
            return _tm_named(v, False, "list of named")
        if all([type(x) is tuple or type(x) is list for x in v]):
            return [[[_tm_leaf(y) for y in x] for x in v], "rows"]
        return [[_tm_leaf(x) for x in v], "texts"]
    raise TypeError("not plain")

def _tm_copy(v):
    try:
        return [True, _tm_plain(v, 0), ""]
    except Exception:
        pass
    try:
        held = _tm_written(v)
        return [False, held[0], held[1]]
    except Exception:
        return [False, type(v).__name__, ""]

def _tm_note(place, name, v):
    if (place, name) not in _tm_noted and len(_tm_notes) < {MAX_NOTES}:
        _tm_noted[(place, name)] = True
        _tm_notes.append([place, name, _tm_copy(v)])

def _tm_enter(name, pairs):
    n = _tm_counts.get(name, 0)
    _tm_counts[name] = n + 1
    if n >= {MAX_CALLS}:
        return -1
    _tm_calls.append([name, [[k, _tm_copy(v)] for k, v in pairs], [False, "no return", ""]])
    return len(_tm_calls) - 1

def _tm_capture(n, name, v):
    if n >= 0:
        _tm_calls[n][1].append([name, _tm_copy(v)])

def _tm_leave(n, v):
    if n >= 0:
        _tm_calls[n][2] = _tm_copy(v)
    return v

def _tm_print(*values, **options):
    _tm_printed.append([_tm_copy(v) for v in values])
    if len(_tm_printed) > {MAX_CALLS}:
        _tm_printed.pop(0)

def {ENTRY_POINT}():
    return [_tm_notes, _tm_calls, _tm_printed]
"""


@dataclass(frozen=True, slots=True)
class Value:
    """A recorded value. One that is not plain has a ``form`` of `FORMS` and is held as written in
    it; where it has none, ``value`` is the name of its type."""

    is_plain: bool
    value: Any
    form: str = ""

    @property
    def is_result(self) -> bool:
        """Whether a routine can give it, as it is or as written."""
        return self.is_plain or bool(self.form)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a function; ``bindings`` are its arguments, and what it captures, at entry."""

    function: str
    bindings: dict[str, Value]
    result: Value


@dataclass(frozen=True, slots=True)
class Recording:
    """What one run recorded. ``before`` and ``after`` go by (scope, place of the statement in it,
    name); a scope is a function's name, or empty for the module. ``printed`` are the last calls of
    ``print``."""

    before: dict[tuple[str, int, str], Value]
    after: dict[tuple[str, int, str], Value]
    calls: tuple[Call, ...]
    printed: tuple[tuple[Value, ...], ...]


@dataclass(slots=True)
class Statement:
    """A statement of a scope, with the names it reads and writes that are worth recording."""

    node: ast.stmt
    reads: Sequence[str]
    writes: Sequence[str]


@dataclass(slots=True)
class Scope:
    """A body whose statements are recorded one by one."""

    name: str
    statements: list[Statement] = field(default_factory=list)


def instrument(module: ast.Module, scopes: Sequence[Scope]) -> str:
    """The source of the rewritten program: run it, then call `ENTRY_POINT` and give what that
    returns to `read_recording`. ``module`` stays as it is.

    ``scopes`` hold statements of ``module`` itself, told by identity.
    """
    places: dict[int, tuple[str, int, Statement]] = {}
    for scope in scopes:
        for index, statement in enumerate(scope.statements):
            places[id(statement.node)] = (scope.name, index, statement)
    known = {name for node in module.body for name in writes_of(node)} | BUILTINS
    body = _Rewriter(places, frozenset(known)).noted(module.body, None)
    rewritten = ast.Module(body=body, type_ignores=[])
    _PrintCalls().visit(rewritten)
    return _RECORDER + "\n" + ast.unparse(ast.fix_missing_locations(rewritten)) + "\n"


@dataclass(frozen=True, slots=True)
class _Rewriter:
    """``places`` of statements by identity; ``known`` are the names of the module."""

    places: Mapping[int, tuple[str, int, Statement]]
    known: frozenset[str]

    def noted(self, body: Sequence[ast.stmt], outer: ast.FunctionDef | None) -> list[ast.stmt]:
        """A body of the module, or of the function ``outer``, that records."""
        result: list[ast.stmt] = []
        for node in body:
            place = self.places.get(id(node))
            copied: ast.stmt
            if isinstance(node, ast.FunctionDef):
                copied = self.recorded(node, outer)
            elif isinstance(node, ast.If) and place is None:
                copied = copy.copy(node)
                assert isinstance(copied, ast.If)
                copied.body = self.noted(node.body, outer)
                copied.orelse = self.noted(node.orelse, outer)
            else:
                copied = copy.deepcopy(node)
            if place is None:
                result.append(copied)
                continue
            scope, index, statement = place
            for name in statement.reads:
                result.append(_note(f"{scope}:{index}:before", name))
            result.append(copied)
            if not isinstance(node, ast.Return):
                for name in statement.writes:
                    result.append(_note(f"{scope}:{index}:after", name))
        return result

    def recorded(self, node: ast.FunctionDef, outer: ast.FunctionDef | None) -> ast.FunctionDef:
        """A function whose arguments and returned values are recorded too; of one inside another
        also what it captures."""
        function = copy.copy(node)
        inner = self.noted(node.body, node)
        if any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in ast.walk(node)):
            function.body = inner
            return function
        pairs = ", ".join(f"({name!r}, {name})" for name in parameters_of(node))
        name = f"{outer.name}.{node.name}" if outer is not None else node.name
        text = f"_tm_n = _tm_enter({name!r}, [{pairs}])\n"
        for taken in captured_by(node, outer, self.known) if outer is not None else ():
            # It may not be bound yet on this path.
            text += f"try:\n    _tm_capture(_tm_n, {taken!r}, {taken})\n"
            text += "except NameError:\n    pass\n"
        returns = _Returns()
        function.body = [*ast.parse(text).body, *(returns.visit(s) for s in inner)]
        return function


class _Returns(ast.NodeTransformer):
    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:
        value = node.value or ast.Constant(None)
        call = ast.Call(
            ast.Name("_tm_leave", ast.Load()), [ast.Name("_tm_n", ast.Load()), value], []
        )
        return ast.copy_location(ast.Return(call), node)


class _PrintCalls(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "print":
            node.func = ast.Name("_tm_print", ast.Load())
        return node


def _note(place: str, name: str) -> ast.stmt:
    # The name may not be bound on this path; then there is nothing to record.
    text = f"try:\n    _tm_note({place!r}, {name!r}, {name})\nexcept NameError:\n    pass"
    return ast.parse(text).body[0]


def read_recording(value: Any) -> Recording:
    """The recording that the rewritten program returned.

    Raises:
        ValueError: if ``value`` is not such a recording: the program may have replaced parts of
            the recorder.
    """
    try:
        notes, calls, printed = value
        before: dict[tuple[str, int, str], Value] = {}
        after: dict[tuple[str, int, str], Value] = {}
        for place, name, held in notes:
            scope, index, phase = place.rsplit(":", 2)
            target = before if phase == "before" else after
            target[(scope, int(index), name)] = _value(held)
        return Recording(
            before=before,
            after=after,
            calls=tuple(
                Call(name, {k: _value(v) for k, v in pairs}, _value(result))
                for name, pairs, result in calls
            ),
            printed=tuple(tuple(_value(v) for v in values) for values in printed),
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"not a recording: {error}") from error


def _value(held: Any) -> Value:
    is_plain, value, form = held
    if form and (form not in FORMS or (form == "text" and type(value) is not str)):
        raise ValueError(f"unknown form {form!r}")
    return Value(bool(is_plain), value, form)
