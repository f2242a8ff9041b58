"""A program with its one run: its bodies, the data in them, what its names held, what feeds the
answer."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tracemine.schemas import Trajectory
from tracemine.teachers.rules.arithmetic.lifting import is_data
from tracemine.teachers.rules.code.literals import is_of_numbers, is_worked_out, literal_number
from tracemine.teachers.rules.code.program_answers import agrees, agrees_as_text, plain_number
from tracemine.teachers.rules.code.program_statements import (
    DEFINITIONS,
    assigned_name,
    flattened,
    from_star_imports,
    is_docstring,
    is_print,
    objects_of,
    split_statement,
    takes_nothing,
)
from tracemine.teachers.rules.code.source import Source
from tracemine.teachers.rules.code.tracing import Recording, Scope, Statement, Value
from tracemine.teachers.rules.derived.functions import BUILTINS
from tracemine.teachers.rules.derived.slices import backward_slice, closure, reads_of, writes_of
from tracemine.teachers.rules.language.phrases import docstring_phrase, name_words

#: Statements of one program that are looked at.
MAX_STATEMENTS = 200
#: Values of one program that are compared with the answer as texts, which may take seconds each.
MAX_COMPARED = 6
_IRRATIONAL = re.compile(
    r"\b(?:sqrt|log\w*|exp|sin|cos|tan|a?sinh?|a?cosh?|a?tanh?|atan2|hypot|pi|radians|degrees"
    r"|random|solve|nsolve|symbols|Symbol)\b|\*\* *(?:0?\.\d|\(|[A-Za-z])"
)


@dataclass
class Body:
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
        compound = (n for n in self.nodes if not isinstance(n, (ast.Return, *DEFINITIONS)))
        return any(isinstance(inner, ast.Return) for node in compound for inner in ast.walk(node))


@dataclass
class Program:
    trajectory: Trajectory
    source: Source
    functions: dict[str, ast.FunctionDef]
    bodies: dict[str, Body]
    names: frozenset[str]
    is_irrational: bool
    recording: Recording = field(default_factory=lambda: Recording({}, {}, (), ()))
    agrees: bool = False
    feeding_functions: set[str] = field(default_factory=set)
    shown: frozenset[str] = frozenset()
    compared: int = 0

    @classmethod
    def of(cls, trajectory: Trajectory, source: Source) -> Program:
        taken = {n.id for n in ast.walk(source.tree) if isinstance(n, ast.Name)} | BUILTINS
        taken |= {n.arg for n in ast.walk(source.tree) if isinstance(n, ast.arg)}
        taken |= {name for node in source.tree.body for name in writes_of(node)}
        for node in (source.tree, *ast.walk(source.tree)):
            if isinstance(node, (ast.Module, ast.FunctionDef)):
                node.body = [part for one in node.body for part in split_statement(one, taken)]
        flat = list(flattened(source.tree.body))
        functions = {n.name: n for n in flat if isinstance(n, ast.FunctionDef)}
        known = frozenset(
            name for n in source.tree.body if isinstance(n, DEFINITIONS) for name in writes_of(n)
        )
        own = [n for n in flat if not isinstance(n, DEFINITIONS)]
        known |= from_star_imports(source.tree.body)
        # A program may take a builtin's name for a value (`sum = 0`).
        rebound = {w for n in own for w in writes_of(n)}
        bodies = {"": Body("", own[:MAX_STATEMENTS], known | (BUILTINS - rebound))}
        for name, function in functions.items():
            if not takes_nothing(function):
                continue
            nodes = [n for n in function.body if not is_docstring(n)]
            local = {w for n in nodes for w in writes_of(n)}
            free = (known | (BUILTINS - rebound)) - local
            bodies[name] = Body(name, nodes[:MAX_STATEMENTS], free)
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
            body.objects = objects_of(body.nodes, classes)
        return program

    def recorded_scopes(self) -> list[Scope]:
        return [
            Scope(
                body.name,
                [
                    Statement(
                        node,
                        [n for n in reads_of(node) if n not in body.known],
                        [n for n in writes_of(node) if not isinstance(node, DEFINITIONS)],
                    )
                    for node in body.nodes
                ],
            )
            for body in self.bodies.values()
        ]

    def _lift(self, body: Body) -> None:
        for index, node in enumerate(body.nodes):
            target = assigned_name(node)
            value = getattr(node, "value", None)
            if target is None or isinstance(node, ast.AugAssign) or value is None:
                continue
            if is_of_numbers(value) and self.is_stated(value, target):
                body.lifted[index] = target

    def is_stated(self, value: ast.expr, name: str) -> bool:
        """Whether a literal (or arithmetic on literals that comes to a number the problem states,
        such as ``20 / 100``) is data."""
        if isinstance(value, (ast.List, ast.Tuple)):
            return any(self.is_stated(e, name) for e in value.elts)
        number = literal_number(value)
        if number is None:
            return False
        if isinstance(value, ast.Constant) and is_worked_out(number):
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

    def before(self, body: Body, index: int, name: str) -> Value | None:
        return self.recording.before.get((body.name, index, name))

    def after(self, body: Body, index: int, name: str) -> Value | None:
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
        if held.is_plain and agrees(held.value, answer):
            return True
        is_text = isinstance(held.value, str) and not held.form
        is_number = type(held.value) in (int, float)
        if is_text or answer is None or (is_number and plain_number(answer) is not None):
            return False
        if not held.is_result or self.compared >= MAX_COMPARED:
            return False
        self.compared += 1
        return agrees_as_text(held, answer)

    def _shown(self, body: Body, index: int) -> Iterator[tuple[Value, list[str]]]:
        """Values that a statement prints or defines, and the names that they come from."""
        node = body.nodes[index]
        read, written = reads_of(node), writes_of(node)
        if isinstance(node, ast.Expr):
            named = [(self.before(body, index, name), [name]) for name in read]
            yield from ((held, names) for held, names in named if held is not None)
            prints = [i for i, n in enumerate(body.nodes) if is_print(getattr(n, "value", n))]
            if index == max(prints, default=-1) and self.recording.printed:
                yield from ((held, read) for held in self.recording.printed[-1])
        for name in written:
            held_after = self.after(body, index, name)
            if held_after is not None:
                yield held_after, [name, *read]

    def _feed(self, body: Body, index: int, names: Iterable[str]) -> None:
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

    def _feed_function(self, body: Body) -> None:
        if body.returns_early:
            body.feeding.update(range(len(body.nodes)))
            return
        for index, node in enumerate(body.nodes):
            if isinstance(node, ast.Return):
                body.feeding.add(index)
                self._feed(body, index, reads_of(node))
