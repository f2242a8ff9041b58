"""The code reader of the rules teacher: programs in a trace become routines with their values.

Three sources: code tasks with tests (`tasks`), fenced blocks of Python inside a text, which may go
on with one another (`blocks`), and traces that are a program as a whole (both `programs`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tracemine.schemas import Span, Trajectory
from tracemine.teachers.base import Dropped, Segmentation
from tracemine.teachers.rules.code.blocks import joined_blocks, without_text_between
from tracemine.teachers.rules.code.programs import read_program
from tracemine.teachers.rules.code.source import NotCodeError, Source, parse_source
from tracemine.teachers.rules.code.tasks import read_task
from tracemine.verifiers import Sandbox, fenced_blocks, find_program

#: Spans of one trajectory; what is beyond is dropped.
MAX_SPANS = 40
#: Code blocks of one trajectory that are read.
MAX_BLOCKS = 12


def read_code(trajectory: Trajectory, sandbox: Sandbox) -> Segmentation:
    """The routines of the code in ``trajectory.trace``; nothing for a trace without code.

    Every span's code was run in ``sandbox`` on its own values and gave its own result.
    """
    trace = trajectory.trace
    if trajectory.tests:
        return _bounded(_read_task(trajectory, sandbox))
    spans: list[Span] = []
    dropped: list[Dropped] = []
    blocks = fenced_blocks(trace)
    sources: list[Source] = []
    for start, end in blocks[:MAX_BLOCKS] or _whole(trace):
        try:
            sources.append(parse_source(trace, start, end))
        except NotCodeError as error:
            dropped.append(Dropped(start, end, error.reason, error.detail))
    for places in joined_blocks(sources):
        for found in _read_joined(trajectory, [sources[i] for i in places], sandbox):
            spans.extend(found.spans)
            dropped.extend(found.dropped)
    return _bounded(Segmentation(tuple(spans), tuple(dropped)))


def _read_joined(
    trajectory: Trajectory, sources: list[Source], sandbox: Sandbox
) -> Iterator[Segmentation]:
    """Blocks as the one program that they are; each by itself, where that one does not run."""
    if len(sources) > 1:
        ends = [(source.start, source.end) for source in sources]
        text = without_text_between(trajectory.trace, ends)
        try:
            joined = parse_source(trajectory.trace, ends[0][0], ends[-1][1], text=text)
        except NotCodeError:  # longer than a routine: its blocks may be none the less
            joined = None
        if joined is not None:
            found = read_program(trajectory, joined, sandbox)
            if found.spans:
                yield found
                return
    for source in sources:
        yield read_program(trajectory, source, sandbox)


def _read_task(trajectory: Trajectory, sandbox: Sandbox) -> Segmentation:
    start, end = find_program(trajectory.trace) or (0, len(trajectory.trace))
    try:
        source = parse_source(trajectory.trace, start, end)
    except NotCodeError as error:
        return Segmentation((), (Dropped(start, end, error.reason, error.detail),))
    return read_task(trajectory, source, sandbox)


def _whole(trace: str) -> list[tuple[int, int]]:
    """The whole trace, if it is a program: it parses, and assigns or defines something."""
    if "=" not in trace and "def " not in trace:
        return []
    try:
        body = parse_source(trace, 0, len(trace)).tree.body
    except NotCodeError:
        return []
    defining = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.FunctionDef, ast.ClassDef)
    nodes = (inner for node in body for inner in ast.walk(node))
    return [(0, len(trace))] if any(isinstance(node, defining) for node in nodes) else []


def _bounded(found: Segmentation) -> Segmentation:
    """At most `MAX_SPANS` spans, each once, in the order of the trace."""
    by_id = {span.id: span for span in reversed(found.spans)}
    spans = sorted(by_id.values(), key=lambda span: (span.start, span.end, span.id))
    extra = [
        Dropped(s.start, s.end, "more routines than a trajectory may give")
        for s in spans[MAX_SPANS:]
    ]
    return Segmentation(tuple(spans[:MAX_SPANS]), (*found.dropped, *extra))
