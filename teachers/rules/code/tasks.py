"""Code tasks: a module whose functions are the routines and whose tests are the instances."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tracemine.schemas import NotPlainError, Parameter, Signature, Span, Trajectory
from tracemine.schemas.types import join_all, type_of
from tracemine.teachers.base import Dropped, Segmentation
from tracemine.teachers.rules.code.calls import (
    NO_CALLS,
    NotACaseError,
    arguments_of,
    parameters_with_defaults,
)
from tracemine.teachers.rules.code.classes import Unit, as_test_of, units_of
from tracemine.teachers.rules.code.docstrings import is_code, task_of
from tracemine.teachers.rules.code.doctests import examples_of
from tracemine.teachers.rules.code.nested import NOT_LIFTED, nested_in
from tracemine.teachers.rules.code.shown import Told, is_shown
from tracemine.teachers.rules.code.source import NO_RESULT, NOT_PLAIN, Source, run_again
from tracemine.teachers.rules.code.task_tests import HOLE, Test, evaluate, parse_test
from tracemine.teachers.rules.code.tracing import Scope, instrument, read_recording
from tracemine.teachers.rules.derived.functions import docstring_of, find_function
from tracemine.teachers.rules.derived.slices import closure, writes_of
from tracemine.teachers.rules.derived.spans import Case, make_span
from tracemine.teachers.rules.derived.tools import single_tool
from tracemine.teachers.rules.language.phrases import (
    docstring_phrase,
    function_phrase,
    says_what,
    task_phrase,
)
from tracemine.teachers.rules.language.words import spoken
from tracemine.verifiers.equivalence import verify
from tracemine.verifiers.sandbox import Sandbox
from tracemine.verifiers.unit_tests import TEST_LIMITS, admission_test

#: Functions of one module that become spans.
MAX_FUNCTIONS = 20
#: Tests of one task that become instances.
MAX_TESTS = 40

NOT_CALLED = "the tests do not reach it"
WORDLESS = "nothing says what it computes"


def read_task(trajectory: Trajectory, source: Source, sandbox: Sandbox) -> Segmentation:
    """The spans of a code task: the function that its tests call, with every test as an instance,
    and the functions that it calls in turn, each with what it was called with, those inside it
    too. Tests that make an object and call a method of it are of that class as a unit."""
    tests = list(trajectory.tests[:MAX_TESTS])
    functions = [n for n in source.tree.body if isinstance(n, ast.FunctionDef)]
    main = _main_function(functions, tests)
    if main is None:
        found = _unit_of(source, tests)
        if isinstance(found, Dropped):
            return Segmentation((), (found,))
        if found is not None:
            unit, tests = found
            main = unit.wrapper.name
            source = source.with_functions([(unit.wrapper, unit.definition)])
            functions = [*functions, unit.wrapper]
    if main is None:
        whole = Dropped(source.start, source.end, NO_CALLS, "no function of the code is called")
        return Segmentation((), (whole,))
    spans: list[Span] = []
    dropped: list[Dropped] = []
    for function in functions[:MAX_FUNCTIONS]:
        if function is not _last(functions, function.name):
            continue
        with _dropping(dropped, *source.span(function), NO_CALLS):
            if function.name == main:
                spans.append(_main_span(trajectory, source, function, tests, sandbox))
            else:
                spans.append(_called_span(trajectory, source, function, function.name, sandbox))
    known = [name for node in source.tree.body for name in writes_of(node)]
    for nested in (n for outer in functions[:MAX_FUNCTIONS] for n in nested_in(outer, known)):
        start, end = source.span(nested.inner)
        if nested.lifted is None:
            dropped.append(Dropped(start, end, NOT_LIFTED, nested.qualified))
            continue
        around = source.with_functions([(nested.lifted, nested.inner)])
        with _dropping(dropped, start, end, NOT_PLAIN):
            spans.append(_called_span(trajectory, around, nested.lifted, nested.qualified, sandbox))
    return Segmentation(tuple(spans), tuple(dropped))


@contextmanager
def _dropping(dropped: list[Dropped], start: int, end: int, not_plain: str) -> Iterator[None]:
    """Adds to ``dropped`` why the function at a place gives no span."""
    try:
        yield
    except NotACaseError as error:
        reason, _, detail = str(error).partition(": ")
        dropped.append(Dropped(start, end, reason, detail))
    except NotPlainError as error:
        dropped.append(Dropped(start, end, not_plain, str(error)))


def _unit_of(source: Source, tests: Sequence[str]) -> tuple[Unit, list[str]] | Dropped | None:
    """The class that the tests use and the tests as calls of a function; None if they use none."""
    taken = [n for node in source.tree.body for n in writes_of(node)]
    classes = [n for n in source.tree.body if isinstance(n, ast.ClassDef)]
    state: Dropped | None = None
    for definition in reversed(classes):
        for unit in units_of(definition, taken):
            rewritten = []
            for text in tests:
                try:
                    rewritten.append(as_test_of(text, unit))
                except NotACaseError as error:
                    rewritten.append(text)
                    state = Dropped(*source.span(definition), str(error), definition.name)
                except (SyntaxError, ValueError, RecursionError, MemoryError):
                    rewritten.append(text)
            if _main_function([unit.wrapper], rewritten) is not None:
                return unit, rewritten
    return state


def _last(functions: Sequence[ast.FunctionDef], name: str) -> ast.FunctionDef:
    return [f for f in functions if f.name == name][-1]


def _main_function(functions: Sequence[ast.FunctionDef], tests: Sequence[str]) -> str | None:
    """The function that most tests call, the later one in the code where several do."""
    counts = dict.fromkeys((f.name for f in functions), 0)
    for text in tests:
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for name in {_called_name(n) for n in ast.walk(tree)}:
            if name in counts:
                counts[name] += 1
    best = max(counts.values(), default=0)
    return [n for n, count in counts.items() if count == best][-1] if best else None


def _called_name(node: ast.AST) -> str:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id
    return ""


# --- the function that the tests call ---------------------------------------------------------


def _main_span(
    trajectory: Trajectory,
    source: Source,
    function: ast.FunctionDef,
    texts: Sequence[str],
    sandbox: Sandbox,
) -> Span:
    asked = _asked(trajectory, function)
    tests: list[Test | None] = []
    for text in texts:
        try:
            tests.append(parse_test(text, function.name))
        except (NotACaseError, SyntaxError, ValueError, RecursionError, MemoryError):
            tests.append(None)
    own = admission_test(trajectory.problem_id, list(trajectory.tests))
    first = tests[own] if own < len(tests) else None
    if first is None:
        raise NotACaseError(f"{NO_CALLS}: the test that admits it is not one")
    code = source.module_text(closure(source.tree.body, [function.name]))
    usable = [(i, t) for i, t in enumerate(tests) if t is not None and t.around == first.around]
    usable.sort(key=lambda pair: (pair[0] != own, pair[0]))
    evaluated = evaluate(source, trajectory.test_setup, function, usable, sandbox)
    if not evaluated or evaluated[0][0] != own:
        raise NotACaseError(f"{NO_CALLS}: the test that admits it has values that are not plain")
    code, entry_point, renamed = wrapped(code, function, first.around)
    evaluated = not_shown(trajectory, function, dict(usable), evaluated, own)
    cases = [
        Case(
            bindings={renamed.get(k, k): v for k, v in bindings.items()},
            result=result,
            checked=True,
            origin="trace" if index == own else "test",
        )
        for index, bindings, result in evaluated
    ]
    run = run_again(
        sandbox, code, entry_point, cases[0].bindings, cases[0].result, limits=TEST_LIMITS
    )
    if run.status != "ok":
        raise NotACaseError(f"{NO_RESULT}: {run.reason}")
    if _is_truth(cases[0].result, run.value):
        # `assert f(x)` asks for a true value, not for True.
        code, entry_point, _ = wrapped(code, find_function(ast.parse(code), entry_point), "bool")
    elif verify(cases[0].result, run.value).outcome != "agree":
        raise NotACaseError(NO_RESULT)
    if not first.around:
        cases += _examples(trajectory, code, function, cases, sandbox)
    signature = _signature(list(cases[0].bindings), cases, _output_name(function.name))
    tool = single_tool(code, entry_point, signature)
    start, end = source.span(function)
    return make_span(
        trajectory,
        start=start,
        end=end,
        subquestion=asked,
        purpose=asked,
        code=code,
        entry_point=entry_point,
        signature=signature,
        cases=cases,
        kind="tool" if tool else "procedural",
        tool=tool,
    )


def _examples(
    trajectory: Trajectory,
    code: str,
    function: ast.FunctionDef,
    cases: Sequence[Case],
    sandbox: Sandbox,
) -> list[Case]:
    """The examples in a docstring as further cases. They are shown, so none is held out for its
    own routine; one that the problem states is as good as a test for the routines of others."""
    known = [case.bindings for case in cases]
    found = []
    for example in examples_of(function):
        if example.bindings in known:
            continue
        run = run_again(
            sandbox, code, function.name, example.bindings, example.result, limits=TEST_LIMITS
        )
        if run.status == "ok" and verify(example.result, run.value).outcome == "agree":
            stated = example.is_stated(trajectory.problem)
            found.append(Case(example.bindings, example.result, checked=stated))
    return found


def _asked(trajectory: Trajectory, function: ast.FunctionDef) -> str:
    """What the task asks for, else what the function says of itself."""
    parameters = [argument.arg for argument in function.args.args]
    doc = docstring_of(function)
    is_prompt = is_code(trajectory.problem, function.name)
    for phrase in (
        task_of(doc, function.name) if is_prompt else task_phrase(trajectory.problem),
        docstring_phrase(doc),
        function_phrase(function.name, [], frozenset()),
    ):
        if says_what(phrase):
            return phrase
    raise NotACaseError(f"{WORDLESS}: {function.name}({', '.join(parameters)})")


def not_shown(
    trajectory: Trajectory,
    function: ast.FunctionDef,
    tests: Mapping[int, Test],
    evaluated: Sequence[tuple[int, dict[str, Any], Any]],
    own: int,
) -> list[tuple[int, dict[str, Any], Any]]:
    """``evaluated`` without the tests, but its own, that the problem or the trace tells."""
    told = Told.by(f"{trajectory.problem}\n{trajectory.trace}")
    names, _ = parameters_with_defaults(function)
    kept = []
    for index, bindings, result in evaluated:
        call = tests[index].call
        given = arguments_of(call, names)
        arguments = [(name, bindings[name]) for name in names if name in given]
        written = ast.unparse(call)
        if index == own or not is_shown(told, function.name, arguments, result, written=written):
            kept.append((index, bindings, result))
    return kept


def _is_truth(expected: Any, got: Any) -> bool:
    return type(expected) is bool and type(got) is not bool and bool(got) is expected


def wrapped(code: str, function: ast.FunctionDef, around: str) -> tuple[str, str, dict[str, str]]:
    """The code with a function around the entry point that does what the tests do with its result
    (``around`` with a hole, or the name of one function), and the parameters it renamed."""
    if not around:
        return code, function.name, {}
    if around.isidentifier():
        around = f"{around}({HOLE})"
    first = ast.parse(around, mode="eval").body
    verb = ast.unparse(first.func) if isinstance(first, ast.Call) else "part"
    entry = f"{function.name}_{verb.rpartition('.')[2] if verb != 'bool' else 'holds'}"
    names, _ = parameters_with_defaults(function)
    call = f"{function.name}({', '.join(f'{n}={n}' for n in names)})"
    body = around.replace(HOLE, call)
    text = f"{code}\n\ndef {entry}({', '.join(names)}):\n    return {body}\n"
    return text, entry, {}


def _signature(names: Sequence[str], cases: Sequence[Case], output: str) -> Signature:
    inputs = tuple(
        Parameter(name, join_all(type_of(c.bindings[name]) for c in cases)) for name in names
    )
    if output in names:
        output = "result"
    return Signature(inputs, Parameter(output, join_all(type_of(c.result) for c in cases)))


def _output_name(name: str) -> str:
    """What a function called ``name`` gives: ``find_max`` gives ``max``."""
    words = spoken(name).lower().split()
    verbs = ("find", "get", "calculate", "compute", "count", "check", "is", "return", "to")
    kept = words[1:] if len(words) > 1 and words[0] in verbs[:4] else words
    text = "_".join(w for w in kept if w.isalnum())
    return text if text.isidentifier() else "result"


# --- the functions that it calls --------------------------------------------------------------


def _called_span(
    trajectory: Trajectory,
    source: Source,
    function: ast.FunctionDef,
    recorded: str,
    sandbox: Sandbox,
) -> Span:
    """The span of a function whose calls are ``recorded`` under that name: its own instance is its
    first call in the run of the admitting test, or, where that does not reach it, the first example
    in its docstring. It has no held-out tests, for no test says what it should give."""
    parameters_with_defaults(function)
    own = admission_test(trajectory.problem_id, list(trajectory.tests))
    code = source.module_text(closure(source.tree.body, [function.name]))
    try:
        bindings, result = _first_call(trajectory, source, recorded, own, sandbox)
    except NotACaseError as error:
        examples = examples_of(function)
        if str(error) != NOT_CALLED or not examples:
            raise
        bindings, result = examples[0].bindings, examples[0].result
    # Whether the result feeds what the test checks is not known, so it is no evidence.
    case = Case(bindings, result, checked=False)
    run = run_again(sandbox, code, function.name, bindings, result, limits=TEST_LIMITS)
    if run.status != "ok" or verify(result, run.value).outcome != "agree":
        raise NotACaseError(f"{NO_RESULT}: {run.reason}")
    signature = _signature(list(bindings), [case], _output_name(function.name))
    tool = single_tool(code, function.name, signature)
    start, end = source.span(function)
    told = docstring_phrase(docstring_of(function))
    phrase = told or function_phrase(function.name, list(bindings), frozenset())
    return make_span(
        trajectory,
        start=start,
        end=end,
        subquestion=phrase,
        purpose=told,
        code=code,
        entry_point=function.name,
        signature=signature,
        cases=[case],
        kind="tool" if tool else "procedural",
        tool=tool,
    )


def _first_call(
    trajectory: Trajectory, source: Source, name: str, own: int, sandbox: Sandbox
) -> tuple[dict[str, Any], Any]:
    setup = trajectory.test_setup.replace("\r\n", "\n")
    places = [i for i, n in enumerate(source.tree.body) if id(n) not in source.added]
    test = trajectory.tests[own]
    module = ast.parse(f"{source.module_text(places)}\n{setup}\n{test}")
    run = sandbox.run(instrument(module, [Scope("")]), "_tm_collect", {})
    if run.status != "ok":
        raise NotACaseError(f"program fails: {run.reason}")
    for call in read_recording(run.value).calls:
        if call.function != name:
            continue
        values = [*call.bindings.values(), call.result]
        if not all(v.is_plain for v in values):
            raise NotACaseError(NOT_PLAIN)
        return {k: v.value for k, v in call.bindings.items()}, call.result.value
    raise NotACaseError(NOT_CALLED)
