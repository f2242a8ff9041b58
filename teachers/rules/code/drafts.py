"""Where a program is cut: each value with what it was computed from, each function with parameters,
as routines that were not run by themselves yet."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

from tracemine.teachers.base import Dropped
from tracemine.teachers.rules.code.doctests import examples_of
from tracemine.teachers.rules.code.inline_data import has_data_inside
from tracemine.teachers.rules.code.literals import is_of_numbers
from tracemine.teachers.rules.code.nested import NOT_LIFTED, nested_in
from tracemine.teachers.rules.code.program_runs import Body, Program
from tracemine.teachers.rules.code.program_statements import (
    assigned_name,
    called_name,
    takes_nothing,
)
from tracemine.teachers.rules.code.source import NOT_PLAIN
from tracemine.teachers.rules.code.tracing import FORMS, Call, Value
from tracemine.teachers.rules.derived.functions import parameters_of
from tracemine.teachers.rules.derived.operations import expression_operations
from tracemine.teachers.rules.derived.slices import (
    backward_slice,
    changed_objects,
    closure,
    reads_of,
    writes_of,
)
from tracemine.teachers.rules.language.phrases import (
    GENERIC,
    comment_phrase,
    docstring_phrase,
    function_phrase,
    name_phrase,
)
from tracemine.teachers.rules.language.words import free_name

#: Names of one statement that are routines each: with more they are the parts of one thing.
MAX_UNPACKED = 3
DATA_INSIDE = "depends on data inside another function"
DATA_REASSIGNED = "a name stands for more than one input"
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


@dataclass
class Draft:
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


def drafts_of(program: Program) -> Iterator[Draft | Dropped]:
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
        if not takes_nothing(function):
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


def _defined(program: Program, body: Body, node: ast.stmt) -> tuple[str, ast.expr | None]:
    """The name that a statement defines from others and the expression it is; an empty name where
    it defines nothing of interest, no expression where it takes more than one."""
    name = assigned_name(node)
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
        if is_of_numbers(value) and not has_data_inside(program, value):
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


def _statement_draft(
    program: Program, body: Body, index: int, target: str, expression: ast.expr
) -> Iterator[Draft | Dropped]:
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
    if any(takes_nothing(program.functions[n]) for n in functions):
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
    if not inputs and not has_data_inside(program, expression):
        return
    yield Draft(
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


def _result_of(program: Program, body: Body, index: int, target: str) -> Value | None:
    if isinstance(body.nodes[index], ast.Return):
        return program.returned(body.name)
    return program.after(body, index, target)


def _comment(program: Program, node: ast.stmt) -> str:
    source = program.source
    beside = source.comments.get(node.end_lineno or node.lineno) or source.comments.get(node.lineno)
    if beside is None:
        above = node.lineno - 1
        beside = source.comments.get(above) if source.is_comment(above) else None
    return comment_phrase(beside, program.names) if beside else ""


def _slice_draft(
    program: Program, body: Body, index: int, target: str, expression: ast.expr | None
) -> Iterator[Draft | Dropped]:
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
    if any(takes_nothing(program.functions[n]) for n in reads & set(program.functions)
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
    yield Draft(
        *program.source.widen(program.source.span(body.nodes[first])[0], end),
        statements=statements,
        target=target,
        inputs=inputs,
        result=result,
        checked=_feeds(program, body, index, target),
        carried=program.definitions(reads & body.known),
        comment=_comment(program, node),
    )


def _feeds(program: Program, body: Body, index: int, target: str) -> bool:
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


def _is_worth_writing(program: Program, body: Body, index: int, target: str, held: Value) -> bool:
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
    called = {called_name(n) for n in ast.walk(node) if isinstance(n, ast.Call)}
    return bool(called - CONSTRUCTORS)


def _calls_object(body: Body, node: ast.stmt) -> bool:
    return not body.objects.isdisjoint(changed_objects(node, body.objects))


def _is_read_later(body: Body, index: int, name: str) -> bool:
    return any(name in reads_of(node) for node in body.nodes[index + 1 :])


def _returning(node: ast.stmt, target: str) -> list[ast.stmt]:
    """The last statement of a routine, made to return ``target``."""
    if isinstance(node, ast.Return):
        return [node]
    if assigned_name(node) == target:
        value = getattr(node, "value", None)
        assert isinstance(value, ast.expr)
        if isinstance(node, ast.AugAssign):
            value = ast.BinOp(ast.Name(target, ast.Load()), node.op, value)
        return [ast.fix_missing_locations(ast.copy_location(ast.Return(value), node))]
    extra = ast.Return(ast.Name(target, ast.Load()))
    return [node, ast.fix_missing_locations(ast.copy_location(extra, node))]


def _early_draft(program: Program, body: Body) -> Iterator[Draft | Dropped]:
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
    if any(takes_nothing(program.functions[n]) for n in reads & set(program.functions)):
        yield Dropped(start, end, DATA_INSIDE, body.name)
        return
    target = name_phrase(body.name, program.names).replace(" ", "_")
    yield Draft(
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
    program: Program, name: str, function: ast.FunctionDef, recorded: str
) -> Iterator[Draft | Dropped]:
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
        takes_nothing(other)
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
        entry = free_name(f"{name}_written", {n.id for n in ast.walk(program.source.tree)
                                               if isinstance(n, ast.Name)})  # fmt: skip
        given = ", ".join(f"{p}={p}" for p in parameters)
        written = FORMS[call.result.form].format(f"{name}({given})")
        code += f"def {entry}({', '.join(parameters)}):\n    return {written}\n"
    yield Draft(
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
