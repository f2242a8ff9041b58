"""Traces with code as tests state them, and what holds of every segmentation of one."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tracemine.schemas import (
    Parameter,
    Signature,
    Source,
    Trajectory,
    content_id,
    decode,
    problem_id,
)
from tracemine.schemas.types import join_all, type_of
from tracemine.teachers.base import Segmentation
from tracemine.teachers.rules.code.program_runs import Program
from tracemine.teachers.rules.code.source import parse_source
from tracemine.teachers.rules.code.tracing import ENTRY_POINT, instrument, read_recording
from tracemine.verifiers.sandbox import Sandbox

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"

#: A problem and a trace that solves it by a program: a function without parameters.
PROBLEM = (
    "Nadia brings 240 coins to the fair. She spends 90 coins on rides, gets 15 coins back, and "
    "shares what remains among 3 cousins. How many coins does each get?"
)
PROGRAM = '''We can compute this.
```python
def coins_each():
    """Nadia brings 240 coins to the fair."""
    total = 240
    spent = 90
    refunds = 15
    cousins = 3
    # remaining balance
    nadia_remaining = total - spent + refunds
    # 240 coins minus what was spent
    each = nadia_remaining / cousins
    return each

print(coins_each())
```
```output
55.0
```
Each gets 55.
'''


def code_trajectory(
    trace: str,
    *,
    problem: str = "A problem.",
    answer: str | None = None,
    tests: tuple[str, ...] = (),
    setup: str = "",
) -> Trajectory:
    return Trajectory(
        id=content_id(problem, trace),
        problem_id=problem_id(problem),
        problem=problem,
        trace=trace,
        answer=answer,
        reference=answer,
        domain="code" if tests else "math",
        sources=(Source("own", 0),),
        tests=tests,
        test_setup=setup,
        outcome="verified",
    )


def check_spans(trajectory: Trajectory, found: Segmentation, sandbox: Sandbox) -> None:
    """What holds of every segmentation."""
    for span in found.spans:
        assert trajectory.trace[span.start : span.end] == span.quote
        assert sum(not c.isspace() for c in span.quote) >= 12
        own = span.instances[0]
        assert own.origin == "trace"
        assert span.code is not None and span.entry_point is not None
        assert list(decode(own.bindings)) == sorted(p.name for p in span.signature.inputs)
        run = sandbox.run(span.code, span.entry_point, decode(own.bindings))
        assert run.status == "ok"
        expected = decode(own.result)
        assert run.value == expected or run.value == pytest.approx(expected)
        assert span.preconditions and span.subroutine and span.summary and span.subquestion
    for dropped in found.dropped:
        assert 0 <= dropped.start <= dropped.end <= len(trajectory.trace)


def real_rows(name: str) -> list[dict[str, Any]]:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no real data: {name} is not beside the repository")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def signature_of(bindings: Sequence[Mapping[str, Any]], output: str = "result") -> Signature:
    names = list(bindings[0])
    inputs = tuple(Parameter(n, join_all(type_of(b[n]) for b in bindings)) for n in names)
    return Signature(inputs, Parameter(output, "rational"))


def ran_program(code: str, sandbox: Sandbox, *, problem: str, answer: str | None = None) -> Program:
    """A program of bare code with its one run."""
    source = parse_source(code, 0, len(code))
    program = Program.of(code_trajectory(code, problem=problem, answer=answer), source)
    run = sandbox.run(instrument(source.tree, program.recorded_scopes()), ENTRY_POINT, {})
    assert run.status == "ok", run.reason
    program.recording = read_recording(run.value)
    program.find_feeding()
    return program
