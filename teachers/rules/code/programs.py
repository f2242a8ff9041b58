"""Programs that solve one problem: run once, then cut where a value is defined from others.

A program's data are literals that were given a name (``price = 5``) or stand inside an expression;
what belongs to the instance becomes a parameter (see `lifting`), what belongs to the method stays.
Each statement that defines a value from others is a span; so is each value together with all that
it was computed from, up to the whole program; and each function that takes parameters (`drafts`).
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from dataclasses import replace

from tracemine.schemas import NotPlainError, Signature, Span, Trajectory, encode
from tracemine.teachers.base import Dropped, Segmentation
from tracemine.teachers.rules.arithmetic.routines import routine_of_formula
from tracemine.teachers.rules.code.drafts import Draft, drafts_of
from tracemine.teachers.rules.code.program_runs import Program
from tracemine.teachers.rules.code.routine_code import write_code
from tracemine.teachers.rules.code.source import NO_RESULT, NOT_PLAIN, Source, run_again
from tracemine.teachers.rules.code.tracing import ENTRY_POINT, instrument, read_recording
from tracemine.teachers.rules.code.value_types import signature_of
from tracemine.teachers.rules.derived.functions import find_function
from tracemine.teachers.rules.derived.guards import conditions_in_words
from tracemine.teachers.rules.derived.inlining import as_expression
from tracemine.teachers.rules.derived.slices import writes_of
from tracemine.teachers.rules.derived.spans import Case, make_span
from tracemine.teachers.rules.derived.tools import single_tool
from tracemine.teachers.rules.language.phrases import derivation_phrase
from tracemine.verifiers.equivalence import verify
from tracemine.verifiers.replay import is_plain_arithmetic
from tracemine.verifiers.sandbox import Sandbox

#: Parameters of one routine; with more it is the instance's, not a method.
MAX_PARAMETERS = 16
PROGRAM_FAILS = "program fails"
PROGRAM_TIMES_OUT = "program times out"
NO_INPUTS = "no inputs"
TOO_MANY_INPUTS = "more inputs than a routine has"


def read_program(trajectory: Trajectory, source: Source, sandbox: Sandbox) -> Segmentation:
    """The routines of one program of ``trajectory``."""
    program = Program.of(trajectory, source)
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
    for draft in drafts_of(program):
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


def _verified(program: Program, draft: Draft, sandbox: Sandbox) -> Span | Dropped:
    """The span of a draft, once its code gave its own result on its own values."""

    def drop(reason: str, detail: str = "") -> Dropped:
        return Dropped(draft.start, draft.end, reason, detail or draft.target)

    if not draft.code:
        write_code(program, draft)
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
    signature = signature_of(program, draft)
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


def _said_beside(program: Program, draft: Draft) -> list[str]:
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


def _in_roles(program: Program, draft: Draft, signature: Signature) -> Span | None:
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
