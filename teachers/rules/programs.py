"""Programs that solve one problem: run once, then cut where a value is defined from others.

A program's data are literals that were given a name (``price = 5``) or stand inside an expression;
what belongs to the instance becomes a parameter (see `lifting`), what belongs to the method stays.
Each statement that defines a value from others is a span; so is each value together with all that
it was computed from, up to the whole program; and each function that takes parameters.
"""

from __future__ import annotations

import ast
import cmath
import copy
import keyword
import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from tracemine.schemas import NotPlainError, Parameter, Signature, Span, Trajectory, encode
from tracemine.schemas.types import join_all, type_of
from tracemine.teachers.base import Dropped, Segmentation
from tracemine.teachers.rules.derive import (
    as_expression,
    expression_operations,
    find_function,
    parameters_of,
    single_tool,
)
from tracemine.teachers.rules.doctests import examples_of
from tracemine.teachers.rules.guards import conditions_in_words
from tracemine.teachers.rules.lifting import WELL_KNOWN, Mention, is_data, mentions, percent_forms
from tracemine.teachers.rules.nested import nested_in
from tracemine.teachers.rules.phrases import (
    GENERIC,
    comment_phrase,
    derivation_phrase,
    docstring_phrase,
    function_phrase,
    name_phrase,
    name_words,
)
from tracemine.teachers.rules.routines import routine_of_formula
from tracemine.teachers.rules.slices import (
    BUILTINS,
    backward_slice,
    changed_objects,
    closure,
    needed_from_outside,
    reads_of,
    writes_of,
)
from tracemine.teachers.rules.source import Source, run_again
from tracemine.teachers.rules.spans import Case, make_span
from tracemine.teachers.rules.tracing import (
    ENTRY_POINT,
    FORMS,
    Call,
    Recording,
    Scope,
    Statement,
    Value,
    instrument,
    read_recording,
)
from tracemine.teachers.rules.words import free_name
from tracemine.verifiers.equivalence import verify
from tracemine.verifiers.replay import is_plain_arithmetic
from tracemine.verifiers.sandbox import Sandbox
from tracemine.verifiers.verdict import ANSWERS

#: Statements of one program that are looked at.
MAX_STATEMENTS = 200
#: Parameters of one routine; with more it is the instance's, not a method.
MAX_PARAMETERS = 16

#: Values of one program that are compared with the answer as texts, which may take seconds each.
MAX_COMPARED = 6
#: Names of one statement that are routines each: with more they are the parts of one thing.
MAX_UNPACKED = 3

PROGRAM_FAILS = "program fails"
PROGRAM_TIMES_OUT = "program times out"
NOT_PLAIN = "values are not plain"
NOT_LIFTED = "cannot stand outside the function around it"
NO_RESULT = "does not reproduce its own result"
DATA_INSIDE = "depends on data inside another function"
DATA_REASSIGNED = "a name stands for more than one input"
NO_INPUTS = "no inputs"
TOO_MANY_INPUTS = "more inputs than a routine has"

#: Whole numbers up to this one are constants unless the problem states them.
LARGEST_SMALL_CONSTANT = 12
#: Larger ones that belong to methods: of time, angles, weights, lengths, and computing.
CONSTANTS = WELL_KNOWN | frozenset(
    map(
        Fraction,
        (14, 16, 28, 31, 32, 36, 48, 64, 90, 128, 144, 168, 180, 256, 273, 360, 366, 1024, 1440,
         1760, 2000, 2200, 5280, 86400, 604800, 31536000),
    )
)  # fmt: skip

#: Half a unit in the last place, and a little for binary fractions.
ROUNDING = Fraction(501, 1000)

#: Functions that write something down and work nothing out.
CONSTRUCTORS = frozenset(
    {
        "Abs", "Derivative", "E", "Eq", "Float", "Function", "Ge", "Gt", "I", "Integer",
        "Integral", "Le", "Lt", "Matrix", "Ne", "Point", "Rational", "S", "Symbol", "Sum", "abs",
        "acos", "arange", "array", "asin", "atan", "binomial", "cos", "dict", "exp", "factorial",
        "float", "int", "len", "linspace", "list", "ln", "log", "ones", "print", "range", "root",
        "set", "sin", "sqrt", "symbols", "sympify", "tan", "tuple", "zeros", "zip",
    }
)  # fmt: skip
#: Functions whose list of numbers is one thing: coordinates, coefficients, a row.
ARRAYS = frozenset({"Matrix", "Point", "Poly", "array", "matrix", "poly1d", "polyval", "roots"})

#: Digits after the point to which the parts of a complex number are read.
COMPLEX_PLACES = 9

_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
_IRRATIONAL = re.compile(
    r"\b(?:sqrt|log\w*|exp|sin|cos|tan|a?sinh?|a?cosh?|a?tanh?|atan2|hypot|pi|radians|degrees"
    r"|random|solve|nsolve|symbols|Symbol)\b|\*\* *(?:0?\.\d|\(|[A-Za-z])"
)
#: Dollar signs that begin a formula and not an amount.
_LATEX = re.compile(r"\\[a-zA-Z(\[]|\$[^$]{0,200}[=^_<>+*][^$]{0,200}\$")
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:\s*/\s*\d+)?")


def read_program(trajectory: Trajectory, source: Source, sandbox: Sandbox) -> Segmentation:
    """The routines of one program of ``trajectory``."""
    program = _Program.of(trajectory, source)
    pruned = ast.Module([n for n in source.tree.body if not _is_unused(n, source)], [])
    run = sandbox.run(instrument(pruned, program.recorded_scopes()), ENTRY_POINT, {})
    if run.status != "ok":
        reason = PROGRAM_TIMES_OUT if run.status == "timeout" else PROGRAM_FAILS
        return Segmentation((), (Dropped(source.start, source.end, reason, run.reason),))
    try:
        program.recording = read_recording(run.value)
    except ValueError as error:
        return Segmentation((), (Dropped(source.start, source.end, PROGRAM_FAILS, str(error)),))
    program.find_feeding()
    spans: list[Span] = []
    dropped: list[Dropped] = []
    for draft in _drafts(program):
        if isinstance(draft, Dropped):
            dropped.append(draft)
            continue
        made = _verified(program, draft, sandbox)
        if isinstance(made, Dropped):
            dropped.append(made)
        else:
            spans.append(made)
    return Segmentation(tuple(spans), tuple(dropped))


def _is_unused(node: ast.stmt, source: Source) -> bool:
    """Whether ``node`` imports what nothing reads: then it need not be there in the sandbox."""
    if not isinstance(node, (ast.Import, ast.ImportFrom)):
        return False
    names = set(writes_of(node))
    if "*" in names:
        return False
    used = {n.id for n in ast.walk(source.tree) if isinstance(n, ast.Name)}
    return names.isdisjoint(used)


# --- the program and its run ------------------------------------------------------------------


@dataclass
class _Body:
    """Statements that run one after the other: the module's own, or those of a function without
    parameters."""

    name: str
    nodes: list[ast.stmt]
    known: frozenset[str]
    lifted: dict[int, str] = field(default_factory=dict)
    feeding: set[int] = field(default_factory=set)
    objects: frozenset[str] = frozenset()

    @property
    def returns_early(self) -> bool:
        compound = (n for n in self.nodes if not isinstance(n, (ast.Return, *_DEFINITIONS)))
        return any(isinstance(inner, ast.Return) for node in compound for inner in ast.walk(node))


@dataclass
class _Program:
    trajectory: Trajectory
    source: Source
    functions: dict[str, ast.FunctionDef]
    bodies: dict[str, _Body]
    names: frozenset[str]
    is_irrational: bool
    recording: Recording = field(default_factory=lambda: Recording({}, {}, (), ()))
    agrees: bool = False
    feeding_functions: set[str] = field(default_factory=set)
    shown: frozenset[str] = frozenset()
    compared: int = 0

    @classmethod
    def of(cls, trajectory: Trajectory, source: Source) -> _Program:
        taken = {n.id for n in ast.walk(source.tree) if isinstance(n, ast.Name)} | BUILTINS
        taken |= {n.arg for n in ast.walk(source.tree) if isinstance(n, ast.arg)}
        taken |= {name for node in source.tree.body for name in writes_of(node)}
        for node in (source.tree, *ast.walk(source.tree)):
            if isinstance(node, (ast.Module, ast.FunctionDef)):
                node.body = [part for one in node.body for part in _split(one, taken)]
        flat = list(_flattened(source.tree.body))
        functions = {n.name: n for n in flat if isinstance(n, ast.FunctionDef)}
        known = frozenset(
            name for n in source.tree.body if isinstance(n, _DEFINITIONS) for name in writes_of(n)
        )
        own = [n for n in flat if not isinstance(n, _DEFINITIONS)]
        known |= _from_star_imports(source.tree.body)
        # A program may take a builtin's name for a value (`sum = 0`).
        rebound = {w for n in own for w in writes_of(n)}
        bodies = {"": _Body("", own[:MAX_STATEMENTS], known | (BUILTINS - rebound))}
        for name, function in functions.items():
            if not _takes_nothing(function):
                continue
            nodes = [n for n in function.body if not _is_docstring(n)]
            local = {w for n in nodes for w in writes_of(n)}
            free = (known | (BUILTINS - rebound)) - local
            bodies[name] = _Body(name, nodes[:MAX_STATEMENTS], free)
        program = cls(
            trajectory=trajectory,
            source=source,
            functions=functions,
            bodies=bodies,
            names=name_words(trajectory.problem),
            is_irrational=_IRRATIONAL.search(ast.unparse(source.tree)) is not None,
        )
        classes = {n.name for n in flat if isinstance(n, ast.ClassDef)}
        for body in bodies.values():
            program._lift(body)
            body.objects = _objects(body.nodes, classes)
        return program

    def recorded_scopes(self) -> list[Scope]:
        return [
            Scope(
                body.name,
                [
                    Statement(
                        node,
                        [n for n in reads_of(node) if n not in body.known],
                        [n for n in writes_of(node) if not isinstance(node, _DEFINITIONS)],
                    )
                    for node in body.nodes
                ],
            )
            for body in self.bodies.values()
        ]

    def _lift(self, body: _Body) -> None:
        for index, node in enumerate(body.nodes):
            target = _assigned_name(node)
            value = getattr(node, "value", None)
            if target is None or isinstance(node, ast.AugAssign) or value is None:
                continue
            if _is_literal(value) and self._is_stated(value, target):
                body.lifted[index] = target

    def _is_stated(self, value: ast.expr, name: str) -> bool:
        """Whether a literal (or arithmetic on literals that comes to a number the problem states,
        such as ``20 / 100``) is data."""
        if isinstance(value, (ast.List, ast.Tuple)):
            return any(self._is_stated(e, name) for e in value.elts)
        number = _literal_number(value)
        if number is None:
            return False
        if isinstance(value, ast.Constant) and _is_worked_out(number):
            return True
        return is_data(number, self.trajectory.problem, name)

    def definitions(self, names: Iterable[str]) -> list[int]:
        """The places of the imports, functions and classes that ``names`` need."""
        return closure(self.source.tree.body, names, definitions_only=True)

    def text_of(self, places: Iterable[int]) -> str:
        """The module's statements at ``places``, without the words of the problem: a docstring
        goes unless it is true of other instances, and comments go."""
        parts = []
        for place in places:
            node = self.source.tree.body[place]
            if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                parts.append(self.source.text(node).rstrip())
                continue
            bare = copy.deepcopy(node)
            for part in ast.walk(bare):
                if isinstance(part, (ast.FunctionDef, ast.ClassDef)):
                    doc = ast.get_docstring(part)
                    if doc is not None and not docstring_phrase(doc, self.names):
                        part.body = part.body[1:] or [ast.Pass()]
            parts.append(ast.unparse(bare))
        return "\n".join(parts) + "\n"

    def before(self, body: _Body, index: int, name: str) -> Value | None:
        return self.recording.before.get((body.name, index, name))

    def after(self, body: _Body, index: int, name: str) -> Value | None:
        return self.recording.after.get((body.name, index, name))

    def returned(self, function: str) -> Value | None:
        for call in self.recording.calls:
            if call.function == function:
                return call.result
        return None

    # -- which statements the final answer depends on ------------------------------------------

    def find_feeding(self) -> None:
        """Marks what feeds the program's answer, if that answer is the trajectory's."""
        module = self.bodies[""]
        last = len(module.nodes) - 1
        shown = [i for i, n in enumerate(module.nodes) if isinstance(n, ast.Expr) or i == last]
        for index in reversed(shown):
            for held, names in self._shown(module, index):
                if self._is_answer(held):
                    self.agrees = True
                    module.feeding.add(index)
                    self.shown = frozenset(names)
                    self._feed(module, index, names)
                    return

    def _is_answer(self, held: Value) -> bool:
        answer = self.trajectory.answer
        if held.is_plain and _agrees(held.value, answer):
            return True
        is_text = isinstance(held.value, str) and not held.form
        is_number = type(held.value) in (int, float)
        if is_text or answer is None or (is_number and _plain_number(answer) is not None):
            return False
        if not held.is_result or self.compared >= MAX_COMPARED:
            return False
        self.compared += 1
        return _agrees_as_text(held, answer)

    def _shown(self, body: _Body, index: int) -> Iterator[tuple[Value, list[str]]]:
        """Values that a statement prints or defines, and the names that they come from."""
        node = body.nodes[index]
        read, written = reads_of(node), writes_of(node)
        if isinstance(node, ast.Expr):
            named = [(self.before(body, index, name), [name]) for name in read]
            yield from ((held, names) for held, names in named if held is not None)
            prints = [i for i, n in enumerate(body.nodes) if _is_print(getattr(n, "value", n))]
            if index == max(prints, default=-1) and self.recording.printed:
                yield from ((held, read) for held in self.recording.printed[-1])
        for name in written:
            held_after = self.after(body, index, name)
            if held_after is not None:
                yield held_after, [name, *read]

    def _feed(self, body: _Body, index: int, names: Iterable[str]) -> None:
        wanted = list(names)
        found = backward_slice(
            body.nodes, index, wanted, lifted={}, known=body.known, objects=body.objects
        )
        places = list(found.included) if found is not None else []
        body.feeding.update(places)
        called = {n for n in wanted if n in self.functions}
        for place in places:
            called.update(n for n in reads_of(body.nodes[place]) if n in self.functions)
        waiting = sorted(called - self.feeding_functions)
        while waiting:
            name = waiting.pop()
            if name in self.feeding_functions:
                continue
            self.feeding_functions.add(name)
            if name in self.bodies:
                self._feed_function(self.bodies[name])
            waiting.extend(n for n in reads_of(self.functions[name]) if n in self.functions)

    def _feed_function(self, body: _Body) -> None:
        if body.returns_early:
            body.feeding.update(range(len(body.nodes)))
            return
        for index, node in enumerate(body.nodes):
            if isinstance(node, ast.Return):
                body.feeding.add(index)
                self._feed(body, index, reads_of(node))


def _from_star_imports(body: Sequence[ast.stmt]) -> frozenset[str]:
    """The names that nothing but a ``from sympy import *`` can define."""
    stars = [n for n in body if isinstance(n, ast.ImportFrom) and n.names[0].name == "*"]
    if not stars:
        return frozenset()
    bound = {name for node in body for name in writes_of(node)}
    return frozenset(needed_from_outside(body)) - bound - BUILTINS


def _objects(nodes: Sequence[ast.stmt], classes: set[str]) -> frozenset[str]:
    """The names that hold objects of the program's own classes: any call of a method may change
    one."""
    return frozenset(
        name
        for node in nodes
        if (name := _assigned_name(node)) is not None
        and isinstance(value := getattr(node, "value", None), ast.Call)
        and _called_name(value) in classes
    )


def _flattened(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, those under ``if __name__ == "__main__"`` as its own: the run
    is made to take that branch."""
    for node in body:
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            node.test = ast.Constant(True)
            yield from node.body
        else:
            yield node


def _split(node: ast.stmt, taken: set[str]) -> list[ast.stmt]:
    """``a, b = 1, 2`` as the two definitions that it is, and ``print(a + b)`` as a definition, of
    a name that is not ``taken``, and its showing."""
    if isinstance(node, ast.Expr) and _is_print(node.value):
        return _split_print(node, taken)
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return [node]
    target, value = node.targets[0], node.value
    if not isinstance(target, ast.Tuple) or not isinstance(value, ast.Tuple):
        return [node]
    is_plain = all(isinstance(t, ast.Name) for t in target.elts) and all(
        map(_is_literal, value.elts)
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


def _takes_nothing(function: ast.FunctionDef) -> bool:
    arguments = function.args
    return not (parameters_of(function) or arguments.vararg or arguments.kwarg)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_print(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    )


def _assigned_name(node: ast.stmt) -> str | None:
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target: ast.expr = node.targets[0]
    elif isinstance(node, (ast.AugAssign, ast.AnnAssign)) and node.value is not None:
        target = node.target
    else:
        return None
    return target.id if isinstance(target, ast.Name) else None


def _is_literal(node: ast.expr) -> bool:
    """Whether ``node`` is made of numbers alone."""
    if isinstance(node, ast.Constant):
        return type(node.value) in (int, float)
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, (ast.USub, ast.UAdd)) and _is_literal(node.operand)
    if isinstance(node, ast.BinOp):
        plain = (ast.Add, ast.Sub, ast.Mult, ast.Div)
        return isinstance(node.op, plain) and _is_literal(node.left) and _is_literal(node.right)
    if isinstance(node, (ast.List, ast.Tuple)):
        return bool(node.elts) and all(map(_is_literal, node.elts))
    return False


def _literal_number(node: ast.expr) -> Fraction | None:
    """The exact value of arithmetic on numbers."""
    if isinstance(node, ast.Constant):
        try:
            return Fraction(str(node.value))
        except ValueError:
            return None
    if isinstance(node, ast.UnaryOp):
        inner = _literal_number(node.operand)
        return -inner if inner is not None and isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.BinOp):
        left, right = _literal_number(node.left), _literal_number(node.right)
        if left is None or right is None:
            return None
        if isinstance(node.op, ast.Div):
            return left / right if right else None
        if isinstance(node.op, ast.Mult):
            return left * right
        return left + right if isinstance(node.op, ast.Add) else left - right
    return None


def _is_worked_out(number: Fraction) -> bool:
    """Whether a number that the problem need not state is data all the same: too particular for a
    constant, so worked out by the solver before it was written down."""
    if number.denominator != 1 or abs(number) <= LARGEST_SMALL_CONSTANT:
        return False
    power_of_ten = str(abs(number.numerator)).strip("0") == "1"
    return abs(number) not in CONSTANTS and not power_of_ten


def _agrees(value: Any, answer: str | None) -> bool:
    """Whether a value that the program gives is the trajectory's answer, which may be rounded to
    the decimals it shows."""
    if answer is None or isinstance(value, bool):
        return False
    if isinstance(value, str):
        if value.strip() == answer.strip():
            return True
        numbers = _NUMBER.findall(value)
        number = _plain_number(numbers[-1]) if numbers else None
    elif isinstance(value, (int, float, Fraction)):
        if isinstance(value, float) and not math.isfinite(value):
            return False
        number = Fraction(value)
    elif isinstance(value, (list, tuple)) and len(value) == 1:
        return _agrees(value[0], answer)
    elif isinstance(value, dict) and len(value) == 1:
        return _agrees(next(iter(value.values())), answer)
    else:
        return False
    wanted = _plain_number(answer)
    if number is None or wanted is None:
        return False
    shown = answer.strip().rstrip(".").partition(".")[2]
    places = len(shown) - len(shown.lstrip("0123456789"))
    relative = abs(wanted) if abs(wanted) > 1 else Fraction(1)
    slack = relative / 10**6
    if places:
        slack = max(slack, ROUNDING / 10**places)
    return bool(abs(number - wanted) <= slack)


def _agrees_as_text(held: Value, answer: str | None) -> bool:
    """Whether a value that is no single number is the answer as people write it: an expression, a
    pair, a list of solutions, a complex number."""
    if answer is None:
        return False
    text = _UNION.sub(_joined, _as_answer(held.value))
    return bool(text) and verify(answer, text, ANSWERS).outcome == "agree"


def _as_answer(value: Any) -> str:
    if isinstance(value, complex):
        if not cmath.isfinite(value):
            return ""
        parts = [round(part, COMPLEX_PLACES) for part in (value.real, value.imag)]
        return f"{parts[0]:g}{parts[1]:+g}i" if parts[1] else f"{parts[0]:g}"
    if isinstance(value, (list, tuple)):
        inner = ", ".join(map(_as_answer, value))
        return f"({inner})" if isinstance(value, tuple) else inner
    if isinstance(value, str):
        return _INTERVAL.sub(_in_brackets, value)
    is_number = isinstance(value, (int, float, Fraction)) and not isinstance(value, bool)
    return str(value) if is_number else ""


#: A union of sets, once its intervals are in brackets.
_UNION = re.compile(r"Union\((.*)\)")


def _joined(match: re.Match[str]) -> str:
    return re.sub(r"(?<=[)\]]), (?=[(\[])", r"\\cup ", match.group(1))


#: An interval as sympy writes it.
_INTERVAL = re.compile(r"Interval(?:\.(open|Lopen|Ropen))?\(([^(),]+), ([^(),]+)\)")


def _in_brackets(match: re.Match[str]) -> str:
    how, low, high = match.groups()
    left = "(" if how in ("open", "Lopen") or low == "-oo" else "["
    right = ")" if how in ("open", "Ropen") or high == "oo" else "]"
    ends = [end.replace("oo", "\\infty") for end in (low, high)]
    return f"{left}{ends[0]}, {ends[1]}{right}"


def _plain_number(text: str) -> Fraction | None:
    cleaned = (
        text.strip().strip("$").replace(",", "").replace("\\", "").replace("$", "").rstrip("%.")
    )
    try:
        return Fraction(cleaned.replace(" ", ""))
    except (ValueError, ZeroDivisionError):
        match = _NUMBER.search(text)
        if match is None or match.group() == text:
            return None
        return _plain_number(match.group())


# --- drafts -----------------------------------------------------------------------------------


@dataclass
class _Draft:
    """A routine before it was run by itself."""

    start: int
    end: int
    statements: list[ast.stmt]
    target: str
    inputs: list[tuple[str, Value]]
    result: Value
    checked: bool
    carried: list[int]
    comment: str = ""
    entry: str = ""
    code: str = ""
    phrase: str = ""


def _drafts(program: _Program) -> Iterator[_Draft | Dropped]:
    for body in program.bodies.values():
        for index, node in enumerate(body.nodes):
            for target in _unpacked(node):
                yield from _slice_draft(program, body, index, target, None)
            target, expression = _defined(program, body, node)
            if expression is not None:
                yield from _statement_draft(program, body, index, target, expression)
            if target and not (expression is None and isinstance(node, ast.Expr)):
                yield from _slice_draft(program, body, index, target, expression)
        yield from _early_draft(program, body)
    for name, function in program.functions.items():
        if not _takes_nothing(function):
            yield from _function_draft(program, name, function, name)
    known = [name for node in program.source.tree.body for name in writes_of(node)]
    inside = [n for function in program.functions.values() for n in nested_in(function, known)]
    program.source = program.source.with_functions(
        [(n.lifted, n.inner) for n in inside if n.lifted is not None]
    )
    for nested in inside:
        if nested.lifted is None:
            yield Dropped(*program.source.span(nested.inner), NOT_LIFTED, nested.qualified)
        else:
            yield from _function_draft(program, nested.lifted.name, nested.lifted, nested.qualified)


def _unpacked(node: ast.stmt) -> list[str]:
    """The names of ``quotient, remainder = divide(a, b)``."""
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return []
    target = node.targets[0]
    if not isinstance(target, (ast.Tuple, ast.List)) or isinstance(node.value, ast.Tuple):
        return []
    names = [t.id for t in target.elts if isinstance(t, ast.Name)]
    return names if len(names) == len(target.elts) <= MAX_UNPACKED else []


def _defined(program: _Program, body: _Body, node: ast.stmt) -> tuple[str, ast.expr | None]:
    """The name that a statement defines from others and the expression it is; an empty name where
    it defines nothing of interest, no expression where it takes more than one."""
    name = _assigned_name(node)
    if name is not None:
        index = body.nodes.index(node)
        value = getattr(node, "value", None)
        assert isinstance(value, ast.expr)
        if index in body.lifted:
            return "", None
        if isinstance(node, ast.AugAssign):
            value = ast.BinOp(ast.Name(name, ast.Load()), node.op, value)
            ast.copy_location(value, node)
            return name, ast.fix_missing_locations(value)
        if _is_literal(value) and not _data_inside(program, value):
            return "", None
        return name, value
    if isinstance(node, ast.Return) and node.value is not None and body.name:
        if isinstance(node.value, ast.Name):
            return "", None
        name = name_phrase(body.name, program.names).replace(" ", "_")
        return (name if name.isidentifier() and name not in GENERIC else "answer"), node.value
    if isinstance(node, (ast.For, ast.While, ast.If)):
        index = body.nodes.index(node)
        later = {n for other in body.nodes[index + 1 :] for n in reads_of(other)}
        loop = {n.id for n in ast.walk(node) if isinstance(n, ast.For) for n in ast.walk(n.target)
                if isinstance(n, ast.Name)}  # fmt: skip
        outer = [n for n in writes_of(node) if n in later and n not in loop]
        return (outer[-1] if outer else ""), None
    return "", None


def _data_inside(program: _Program, node: ast.AST) -> bool:
    return any(
        _is_lifted_constant(program, n) for n in ast.walk(node) if isinstance(n, ast.Constant)
    )


def _is_lifted_constant(program: _Program, node: ast.Constant) -> bool:
    if type(node.value) not in (int, float):
        return False
    number = _literal_number(node)
    if number is None:
        return False
    if number in (0, 1, 2) and not _noun_of(program, Value(True, node.value)):
        # Signs, halves, means, the next one: so common in methods that the text must count.
        return False
    return _is_worked_out(number) or is_data(number, program.trajectory.problem)


def _is_word_of_method(program: _Program, node: ast.expr) -> bool:
    """Whether the factor ``node`` is the 2 of a problem that says "twice", and no thing that the
    problem counts."""
    if not isinstance(node, ast.Constant) or type(node.value) is not int:
        return False
    stated = [m for m in mentions(program.trajectory.problem) if m.value == node.value]
    return any(m.method for m in stated) and not any(m.noun for m in stated)


def _statement_draft(
    program: _Program, body: _Body, index: int, target: str, expression: ast.expr
) -> Iterator[_Draft | Dropped]:
    """The routine of one statement: its expression, what it reads as inputs."""
    node = body.nodes[index]
    reads = reads_of(expression)
    imports = [
        n
        for n in body.nodes[:index]
        if isinstance(n, (ast.Import, ast.ImportFrom)) and not set(writes_of(n)).isdisjoint(reads)
    ]
    imported = {name for n in imports for name in writes_of(n)}
    inputs = [n for n in reads if n not in body.known and n not in imported]
    functions = [n for n in reads if n in program.functions and n in body.known]
    if expression_operations(expression) == 0:
        return
    if functions and expression_operations(expression) == 1:
        return  # Only a call of the program's own function, which is a span itself.
    start, end = program.source.span(node)
    if any(_takes_nothing(program.functions[n]) for n in functions):
        yield Dropped(start, end, DATA_INSIDE, target)
        return
    statement = ast.Return(copy.deepcopy(expression))
    values = [(n, program.before(body, index, n)) for n in inputs]
    if any(v is None for _, v in values):
        return  # The statement did not run.
    given = [(n, v) for n, v in values if v is not None]
    result = _result_of(program, body, index, target)
    if result is None:
        return
    if not result.is_plain or not all(v.is_plain for _, v in given) or _calls_object(body, node):
        return  # Its slice goes back to where the values are plain.
    if not inputs and not _data_inside(program, expression):
        return
    yield _Draft(
        *program.source.widen(start, end),
        statements=[
            *map(copy.deepcopy, imports),
            ast.fix_missing_locations(ast.copy_location(statement, node)),
        ],
        target=target,
        inputs=given,
        result=result,
        checked=program.agrees and index in body.feeding,
        carried=program.definitions(n for n in reads if n in body.known),
        comment=_comment(program, node),
    )


def _result_of(program: _Program, body: _Body, index: int, target: str) -> Value | None:
    if isinstance(body.nodes[index], ast.Return):
        return program.returned(body.name)
    return program.after(body, index, target)


def _comment(program: _Program, node: ast.stmt) -> str:
    source = program.source
    beside = source.comments.get(node.end_lineno or node.lineno) or source.comments.get(node.lineno)
    if beside is None:
        above = node.lineno - 1
        beside = source.comments.get(above) if source.is_comment(above) else None
    return comment_phrase(beside, program.names) if beside else ""


def _slice_draft(
    program: _Program, body: _Body, index: int, target: str, expression: ast.expr | None
) -> Iterator[_Draft | Dropped]:
    """The routine of a value and all it was computed from, up to the data."""
    node = body.nodes[index]
    start, end = program.source.span(node)
    is_return = isinstance(node, ast.Return)
    if any(isinstance(inner, ast.Return) for n in body.nodes[:index] for inner in ast.walk(n)):
        return  # What comes before may have ended the routine early: `_early_draft`.
    if not is_return and any(isinstance(inner, ast.Return) for inner in ast.walk(node)):
        return
    targets = reads_of(node) if is_return else [target]
    last = index - 1 if is_return else index
    found = backward_slice(
        body.nodes, last, targets, lifted=body.lifted, known=body.known, objects=body.objects
    )
    if found is None:
        yield Dropped(start, end, DATA_REASSIGNED, target)
        return
    places = [*found.included, index] if is_return else list(found.included)
    result = _result_of(program, body, index, target)
    if result is None:
        return  # Not run.
    if not result.is_plain and not _is_worth_writing(program, body, index, target, result):
        if not _is_read_later(body, index, target):
            yield Dropped(start, end, NOT_PLAIN, target)
        return
    if expression is not None and len(places) < 2 and result.is_plain:
        return  # The statement by itself.
    nodes = [body.nodes[i] for i in places]
    read_inside = {n for one in nodes for n in reads_of(one)}
    reads = read_inside | set(targets)
    if any(_takes_nothing(program.functions[n]) for n in reads & set(program.functions)
           if n in body.known):  # fmt: skip
        if any(expression_operations(n) > 1 for n in nodes):
            yield Dropped(start, end, DATA_INSIDE, target)
        return
    inputs: list[tuple[str, Value]] = []
    for place in found.inputs:
        value = program.after(body, place, body.lifted[place])
        if value is None:
            return
        inputs.append((body.lifted[place], value))
    for name in found.outside:
        value = next((v for i in places if (v := program.before(body, i, name)) is not None), None)
        if value is None:
            if name not in read_inside:
                continue  # Bound in a branch or a loop, and nowhere before.
            return
        inputs.append((name, value))
    statements = [copy.deepcopy(n) for n in nodes]
    statements[-1:] = _returning(statements[-1], target)
    first = min([*places, *found.inputs])
    yield _Draft(
        *program.source.widen(program.source.span(body.nodes[first])[0], end),
        statements=statements,
        target=target,
        inputs=inputs,
        result=result,
        checked=_feeds(program, body, index, target),
        carried=program.definitions(reads & body.known),
        comment=_comment(program, node),
    )


def _feeds(program: _Program, body: _Body, index: int, target: str) -> bool:
    """Whether this name of a statement that feeds the answer does, and not only one beside it."""
    if not (program.agrees and index in body.feeding):
        return False
    if not _unpacked(body.nodes[index]) or (not body.name and target in program.shown):
        return True
    return any(
        target in reads_of(body.nodes[later])
        for later in body.feeding
        if later > index and (body.name or not isinstance(body.nodes[later], ast.Expr))
    )


def _is_worth_writing(program: _Program, body: _Body, index: int, target: str, held: Value) -> bool:
    """Whether a value that is not plain is a result of its own: what the program gives as its
    answer, or what some function worked out (solutions, a derivative). Symbols, equations and
    terms that the next statement goes on with are not."""
    if not held.is_result:
        return False
    node = body.nodes[index]
    if isinstance(node, ast.Return):
        return True
    if not body.name and program.agrees and target in program.shown and index in body.feeding:
        return True
    called = {_called_name(n) for n in ast.walk(node) if isinstance(n, ast.Call)}
    return bool(called - CONSTRUCTORS)


def _calls_object(body: _Body, node: ast.stmt) -> bool:
    return not body.objects.isdisjoint(changed_objects(node, body.objects))


def _called_name(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def _is_read_later(body: _Body, index: int, name: str) -> bool:
    return any(name in reads_of(node) for node in body.nodes[index + 1 :])


def _returning(node: ast.stmt, target: str) -> list[ast.stmt]:
    """The last statement of a routine, made to return ``target``."""
    if isinstance(node, ast.Return):
        return [node]
    if _assigned_name(node) == target:
        value = getattr(node, "value", None)
        assert isinstance(value, ast.expr)
        if isinstance(node, ast.AugAssign):
            value = ast.BinOp(ast.Name(target, ast.Load()), node.op, value)
        return [ast.fix_missing_locations(ast.copy_location(ast.Return(value), node))]
    extra = ast.Return(ast.Name(target, ast.Load()))
    return [node, ast.fix_missing_locations(ast.copy_location(extra, node))]


def _early_draft(program: _Program, body: _Body) -> Iterator[_Draft | Dropped]:
    """A function that may return in the middle is one routine, whole."""
    if not body.name or not body.returns_early:
        return
    function = program.functions[body.name]
    start, end = program.source.span(function)
    result = program.returned(body.name)
    if result is None:
        return
    if not result.is_plain:
        yield Dropped(start, end, NOT_PLAIN, body.name)
        return
    kept = [i for i in range(len(body.nodes)) if i not in body.lifted]
    written = {n for i in kept for n in writes_of(body.nodes[i])}
    names = list(body.lifted.values())
    if len(set(names)) < len(names) or written & set(names):
        yield Dropped(start, end, DATA_REASSIGNED, body.name)
        return
    inputs: list[tuple[str, Value]] = []
    for place, name in body.lifted.items():
        value = program.after(body, place, name)
        if value is None:
            return
        inputs.append((name, value))
    reads = {n for i in kept for n in reads_of(body.nodes[i])}
    if any(_takes_nothing(program.functions[n]) for n in reads & set(program.functions)):
        yield Dropped(start, end, DATA_INSIDE, body.name)
        return
    target = name_phrase(body.name, program.names).replace(" ", "_")
    yield _Draft(
        start,
        end,
        statements=[copy.deepcopy(body.nodes[i]) for i in kept],
        target=target if target.isidentifier() and target not in GENERIC else "answer",
        inputs=inputs,
        result=result,
        checked=program.agrees and body.name in program.feeding_functions,
        carried=program.definitions(reads & body.known),
    )


def _function_draft(
    program: _Program, name: str, function: ast.FunctionDef, recorded: str
) -> Iterator[_Draft | Dropped]:
    """A function that takes parameters, with its first call (``recorded`` under that name), or the
    first example in its docstring; nothing inside is lifted."""
    start, end = program.source.span(function)
    arguments = function.args
    if arguments.vararg or arguments.kwarg or arguments.posonlyargs:
        yield Dropped(start, end, "takes any number of arguments", name)
        return
    call = next((c for c in program.recording.calls if c.function == recorded), None)
    if call is None:
        call = _example_call(function)
    if call is None:
        yield Dropped(start, end, "is never called", name)
        return
    carried = closure(program.source.tree.body, [name])
    is_inside = any(
        _takes_nothing(other)
        for n, other in program.functions.items()
        if other in [program.source.tree.body[i] for i in carried] and n != name
    )
    if is_inside:
        yield Dropped(start, end, DATA_INSIDE, name)
        return
    parameters = parameters_of(function)
    phrase = docstring_phrase(ast.get_docstring(function), program.names)
    code, entry = program.text_of(carried), name
    if call.result.form:
        entry = _free_name(f"{name}_written", {n.id for n in ast.walk(program.source.tree)
                                               if isinstance(n, ast.Name)})  # fmt: skip
        given = ", ".join(f"{p}={p}" for p in parameters)
        written = FORMS[call.result.form].format(f"{name}({given})")
        code += f"def {entry}({', '.join(parameters)}):\n    return {written}\n"
    yield _Draft(
        start,
        end,
        statements=[],
        target=name_phrase(name, program.names).replace(" ", "_") or "result",
        inputs=[(p, call.bindings[p]) for p in parameters if p in call.bindings],
        result=call.result,
        checked=program.agrees
        and recorded in program.feeding_functions
        and sum(c.function == name for c in program.recording.calls) == 1,
        carried=carried,
        entry=entry,
        code=code,
        phrase=phrase or function_phrase(name, parameters, program.names),
    )


def _example_call(function: ast.FunctionDef) -> Call | None:
    """The first example in a docstring as a call. Nobody but the trace itself says that it is
    right, so it decides nothing; that the function gives it is seen when it is run."""
    examples = examples_of(function)
    if not examples:
        return None
    bindings = {name: Value(True, value) for name, value in examples[0].bindings.items()}
    return Call(function.name, bindings, Value(True, examples[0].result))


# --- from a draft to a span -------------------------------------------------------------------


class _LiftInside(ast.NodeTransformer):
    """Puts parameters in the place of the data that stand inside expressions."""

    def __init__(
        self,
        program: _Program,
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
        if not _is_lifted_constant(self.program, node):
            return node
        stated = mentions(self.program.trajectory.problem)
        exact = _literal_number(node)
        once = sum(m.value == exact and not m.method for m in stated) <= 1
        for name, value in (*self.given, *self.found) if once else ():
            # The problem says it once, so it is one quantity however often it is used.
            if (
                type(value.value) in (int, float)
                and _literal_number(ast.Constant(value.value)) == exact
            ):
                return ast.copy_location(ast.Name(name, ast.Load()), node)
        name = _free_name(self._name(node.value), self.taken)
        self.taken.add(name)
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
            is_something = stated in self.elsewhere or _noun_of(self.program, Value(True, stated))
            if is_large and is_something:
                name: ast.expr = self.visit(ast.copy_location(ast.Constant(stated), node))
                if isinstance(name, ast.Name):
                    return ast.BinOp(name, ast.Add(), ast.Constant(1)) if less else name
        return node

    def _whole(self, node: ast.expr) -> ast.expr | None:
        """A parameter in the place of a list of numbers that is data."""
        if not isinstance(node, (ast.List, ast.Tuple)) or not _is_literal(node):
            return None
        if not self.program._is_stated(node, self.target):
            return None
        name = _free_name(f"{self.target}_entries", self.taken)
        self.taken.add(name)
        self.found.append((name, Value(True, ast.literal_eval(node))))
        return ast.copy_location(ast.Name(name, ast.Load()), node)

    def _name(self, value: Any) -> str:
        _, word = _mention_of(value, self.program.trajectory.problem)
        parts = [p for p in [_noun_of(self.program, Value(True, value))] if p]
        name = "_".join([*parts, *([word] if word else [])])
        return name if name.isidentifier() else f"{self.target}_part"

    # Places where a number is part of the method: indices, bounds of loops, powers, digits.

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        node.value = self.visit(node.value)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = _called_name(node)
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


def _free_name(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"


class _Rename(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self.names.get(node.id, node.id)
        return node


def _verified(program: _Program, draft: _Draft, sandbox: Sandbox) -> Span | Dropped:
    """The span of a draft, once its code gave its own result on its own values."""

    def drop(reason: str, detail: str = "") -> Dropped:
        return Dropped(draft.start, draft.end, reason, detail or draft.target)

    if not draft.code:
        _write_code(program, draft)
    if not draft.inputs:
        return drop(NO_INPUTS)
    if len(draft.inputs) > MAX_PARAMETERS:
        return drop(TOO_MANY_INPUTS)
    if not draft.result.is_result or not all(v.is_plain for _, v in draft.inputs):
        return drop(NOT_PLAIN)
    bindings = {name: value.value for name, value in draft.inputs}
    try:
        encode([bindings, draft.result.value])
    except NotPlainError as error:
        return drop(NOT_PLAIN, str(error))
    if draft.result.value is None:
        return drop("gives nothing")
    run = run_again(sandbox, draft.code, draft.entry, bindings, draft.result.value)
    if run.status != "ok" or verify(draft.result.value, run.value).outcome != "agree":
        return drop(NO_RESULT, run.reason)
    signature = _signature(program, draft)
    spoken = _in_roles(program, draft, signature)
    if spoken is not None:
        return spoken
    tool = single_tool(draft.code, draft.entry, signature)
    phrase = draft.phrase or derivation_phrase(
        draft.target, bindings, program.names, comment=draft.comment
    )
    span = make_span(
        program.trajectory,
        start=draft.start,
        end=draft.end,
        subquestion=phrase,
        code=draft.code,
        entry_point=draft.entry,
        signature=signature,
        cases=[Case(bindings, draft.result.value, draft.checked)],
        kind="tool" if tool else "procedural",
        tool=tool,
    )
    said = dict.fromkeys((*span.preconditions, *_said_beside(program, draft)))
    return replace(span, preconditions=tuple(said))


def _said_beside(program: _Program, draft: _Draft) -> list[str]:
    """What the comments beside the statements of a routine ask of its inputs."""
    source = program.source
    first, last = (bisect_right(source.lines, place) for place in (draft.start, draft.end - 1))
    while source.is_comment(first - 1):
        first -= 1
    lines = [
        comment.lstrip("# ") for line, comment in source.comments.items() if first <= line <= last
    ]
    said = conditions_in_words(lines, [name for name, _ in draft.inputs])
    return [s for s in said if program.names.isdisjoint(re.findall(r"[a-z]+", s.lower()))]


def _in_roles(program: _Program, draft: _Draft, signature: Signature) -> Span | None:
    """The span of a draft that is plain arithmetic, in the same form and words as calculations."""
    bindings = {name: value.value for name, value in draft.inputs}
    function = find_function(ast.parse(draft.code), draft.entry)
    expression = as_expression(function) if is_plain_arithmetic(draft.code) else None
    if expression is None or type(draft.result.value) not in (int, float):
        return None
    units = {parameter.name: parameter.unit for parameter in signature.inputs}
    routine = routine_of_formula(expression, bindings, units, draft.result.value, draft.target)
    if routine is None:
        return None
    tool = "builtins.sum" if routine.is_sum else single_tool(routine.code, routine.entry_point)
    return make_span(
        program.trajectory,
        start=draft.start,
        end=draft.end,
        subquestion=routine.subquestion,
        code=routine.code,
        entry_point=routine.entry_point,
        signature=routine.signature,
        cases=[Case(routine.bindings, draft.result.value, draft.checked)],
        kind="tool" if tool else "procedural",
        tool=tool,
    )


def _write_code(program: _Program, draft: _Draft) -> None:
    """Lifts data inside the statements, takes the names of people out of names, writes the text."""
    module = program.source.tree.body
    used = {n.id for s in draft.statements for n in ast.walk(s) if isinstance(n, ast.Name)}
    carried = {n for i in draft.carried for n in writes_of(module[i])}
    taken = used | carried | {n for n, _ in draft.inputs} | set(BUILTINS) | {draft.target}
    stable = {n for n, _ in draft.inputs} - {w for s in draft.statements for w in writes_of(s)}
    given = [(n, v) for n, v in draft.inputs if n in stable]
    outside_bounds = _LiftInside(program, set(taken), draft.target, given)
    for statement in copy.deepcopy(draft.statements):
        outside_bounds.visit(statement)
    data = [value.value for _, value in outside_bounds.found]
    lift = _LiftInside(program, set(taken), draft.target, given, data)
    for place, statement in enumerate(draft.statements):
        lift.target = _assigned_name(statement) or draft.target
        draft.statements[place] = lift.visit(statement)
    if draft.result.form:
        last = draft.statements[-1]
        assert isinstance(last, ast.Return) and last.value is not None
        written = FORMS[draft.result.form].format(f"({ast.unparse(last.value)})")
        last.value = ast.parse(written, mode="eval").body
    draft.inputs = [*draft.inputs, *lift.found]
    taken = lift.taken
    renamed: dict[str, str] = {}
    held = dict(draft.inputs)
    local = [n for n, _ in draft.inputs]
    local += [n for s in draft.statements for n in writes_of(s)]
    for name in dict.fromkeys([*local, draft.target]):
        if name not in carried and _has_person(name, program.names):
            words = name_phrase(name, program.names).replace(" ", "_")
            new = words or _noun_of(program, held.get(name)) or "person"
            if not new.isidentifier() or keyword.iskeyword(new):
                new = f"value_{new}"
            renamed[name] = _free_name(new, taken)
            taken.add(renamed[name])
    draft.statements = [_Rename(renamed).visit(s) for s in draft.statements]
    draft.inputs = [(renamed.get(n, n), v) for n, v in draft.inputs]
    draft.target = renamed.get(draft.target, draft.target)
    names = [n for n, _ in draft.inputs]
    inside = {n.id for s in draft.statements for n in ast.walk(s) if isinstance(n, ast.Name)}
    draft.entry = draft.target
    if draft.entry in {*names, *inside, *carried}:
        draft.entry = _free_name(f"find_{draft.target}", {*names, *inside, *carried})
    body = "\n".join(ast.unparse(ast.fix_missing_locations(s)) for s in draft.statements)
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    before = program.text_of(draft.carried) if draft.carried else ""
    draft.code = f"{before}def {draft.entry}({', '.join(names)}):\n{lines}\n"


def _noun_of(program: _Program, value: Value | None) -> str:
    """What the problem calls a number, without the names of people."""
    if value is None or type(value.value) not in (int, float) or not math.isfinite(value.value):
        return ""
    mention, _ = _mention_of(value.value, program.trajectory.problem)
    noun = mention.noun if mention is not None else ""
    if noun.startswith("dollar") and _LATEX.search(program.trajectory.problem):
        return ""
    return "_".join(p for p in noun.split("_") if p and p not in program.names)


def _has_person(name: str, names: frozenset[str]) -> bool:
    return any(part in names for part in re.findall(r"[a-z]+", name.lower()))


def _signature(program: _Program, draft: _Draft) -> Signature:
    inputs = tuple(
        Parameter(name, _type(program, value.value), _unit(program, value.value))
        for name, value in draft.inputs
    )
    output = draft.target
    if any(p.name == output for p in inputs):
        output = f"new_{output}"
    kind = _written_type(draft.result) or _type(program, draft.result.value)
    return Signature(inputs, Parameter(output, kind))


#: What is no expression to the readers of answers: sets, relations, piecewise functions.
_NO_EXPRESSION = re.compile(r"[A-Z][A-Za-z]|[&|<>={}\[\]]")


def _written_type(held: Value) -> str:
    """The type of a value that is written in a form; empty where the value itself says."""
    if held.form == "text":
        return "str" if _NO_EXPRESSION.search(held.value) else "expr"
    if held.form in ("texts", "sorted texts"):
        return "list[expr]"
    if held.form in ("rows", "matrix"):
        return "list[list[expr]]"
    named = "dict[str, expr]"
    return {"named texts": named, "list of named texts": f"list[{named}]"}.get(held.form, "")


def _type(program: _Program, value: Any) -> str:
    """The type of a value; a float is rational where the program only does arithmetic."""
    if isinstance(value, float) and not program.is_irrational:
        return "rational"
    if isinstance(value, (list, tuple)) and value and not program.is_irrational:
        inner = [_type(program, v) for v in value]
        if isinstance(value, list):
            return f"list[{join_all(inner)}]"
        return f"tuple[{', '.join(inner)}]"
    return type_of(value)


def _unit(program: _Program, value: Any) -> str | None:
    """The unit that the problem states with a number, where all places that state it agree."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        exact = Fraction(str(value))
    except ValueError:
        return None
    stated = [m for m in mentions(program.trajectory.problem) if m.value == exact and not m.method]
    units = {m.unit for m in stated}
    if "dollar" in units and _LATEX.search(program.trajectory.problem):
        return None
    return units.pop() if len(units) == 1 else None
