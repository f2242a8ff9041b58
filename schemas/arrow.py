"""The tables of a store: an Arrow schema for each, and the rows that records become.

Column names are a contract with other programs (see docs/store.md): add, never rename or drop.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from tracemine.schemas.records import (
    Event,
    Instance,
    Library,
    Merged,
    Procedure,
    Provenance,
    Question,
    Rejected,
    Replay,
    Rests,
    Signature,
    Source,
    Span,
    Token,
    ToolPointer,
    Trajectory,
    Variant,
)

_TEXT = pa.string()
_TEXTS = pa.list_(pa.string())

VARIANT = pa.struct(
    [
        ("variant_id", _TEXT), ("subroutine", _TEXT), ("code", _TEXT), ("entry_point", _TEXT),
        ("tokens", pa.int32()), ("passes", pa.int32()), ("attempts", pa.int32()),
        ("span_id", _TEXT), ("instance_id", _TEXT), ("preconditions", _TEXTS),
        ("predicates", _TEXTS), ("failure_modes", _TEXTS),
    ]
)  # fmt: skip

KEY = pa.struct([("name", _TEXT), ("type", _TEXT), ("unit", _TEXT)])

PROVENANCE = pa.struct(
    [
        ("trajectory_id", _TEXT), ("source", _TEXT), ("licence", _TEXT),
        ("start", pa.int64()), ("end", pa.int64()), ("quote", _TEXT), ("span_id", _TEXT),
        ("variant_id", _TEXT),
    ]
)  # fmt: skip

TOKEN = pa.struct([("token", _TEXT), ("count", pa.int32())])

LIBRARY = pa.struct([("name", _TEXT), ("version", _TEXT)])

SOURCE = pa.struct(
    [("dataset", _TEXT), ("row", pa.int64()), ("revision", _TEXT), ("licence", _TEXT)]
)

_PROCEDURES = pa.schema(
    [
        ("procedure_id", _TEXT), ("subquestion", _TEXT), ("summary", _TEXT), ("status", _TEXT),
        ("domain", _TEXT), ("signature", _TEXT), ("preconditions", _TEXTS),
        ("predicates", _TEXTS), ("failure_modes", _TEXTS), ("verifier", _TEXT),
        ("teacher", _TEXT), ("variants", pa.list_(VARIANT)),
        ("provenance", pa.list_(PROVENANCE)), ("success_rate", pa.float64()),
        ("distinct_problems", pa.int32()), ("last_verified", _TEXT), ("expires_at", _TEXT),
        ("evidence", pa.list_(TOKEN)), ("libraries", pa.list_(LIBRARY)),
        ("summary_vector", pa.binary()),
    ]
)  # fmt: skip

#: An argument of a call: what it is called there, empty for a constant.
SLOT = pa.struct([("name", _TEXT), ("type", _TEXT)])

QUESTION = pa.struct([("question", _TEXT), ("spans", pa.int64())])

RESTS = pa.struct([("source", _TEXT), ("licence", _TEXT), ("spans", pa.int64())])

#: An entry's columns, and what a pointer has beside them.
_OF_A_POINTER = (
    ("tool", _TEXT), ("call", _TEXT), ("questions", pa.list_(QUESTION)), ("domains", _TEXTS),
    ("sources", pa.list_(RESTS)), ("spans", pa.int64()), ("problems", pa.int64()),
)  # fmt: skip

_SPANS = pa.schema(
    [
        ("span_id", _TEXT), ("trajectory_id", _TEXT), ("start", pa.int64()), ("end", pa.int64()),
        ("quote", _TEXT), ("subquestion", _TEXT), ("shape", _TEXT), ("summary", _TEXT),
        ("subroutine", _TEXT), ("code", _TEXT), ("entry_point", _TEXT), ("signature", _TEXT),
        ("preconditions", _TEXTS), ("failure_modes", _TEXTS), ("kind", _TEXT),
        ("domain", _TEXT), ("teacher", _TEXT), ("predicates", _TEXTS), ("verifier", _TEXT),
        ("asked", _TEXT), ("keys", pa.list_(KEY)),
    ]
)  # fmt: skip

#: Table name -> schema. The first column that ends in ``_id`` is what rows are sorted by, then
#: the rest of the row.
TABLES: dict[str, pa.Schema] = {
    "procedures": _PROCEDURES,
    "candidates": _PROCEDURES,
    "trajectories": pa.schema(
        [
            ("trajectory_id", _TEXT), ("problem_id", _TEXT), ("problem", _TEXT),
            ("trace", _TEXT), ("answer", _TEXT), ("reference", _TEXT), ("domain", _TEXT),
            ("source", _TEXT), ("row", pa.int64()), ("licence", _TEXT), ("generator", _TEXT),
            ("outcome", _TEXT), ("outcome_verifier", _TEXT), ("tests", _TEXTS),
            ("test_setup", _TEXT), ("sources", pa.list_(SOURCE)),
        ]
    ),
    "spans": _SPANS,
    "instances": pa.schema(
        [
            ("instance_id", _TEXT), ("span_id", _TEXT), ("trajectory_id", _TEXT),
            ("problem_id", _TEXT), ("bindings", _TEXT), ("result", _TEXT),
            ("checked", pa.bool_()), ("origin", _TEXT),
        ]
    ),
    "replays": pa.schema(
        [
            ("variant_id", _TEXT), ("instance_id", _TEXT), ("binding_map", _TEXT),
            ("verdict", _TEXT), ("reason", _TEXT), ("verifier", _TEXT),
        ]
    ),
    "rejected": pa.schema(
        [
            ("stage", _TEXT), ("reason", _TEXT), ("record_id", _TEXT), ("record", _TEXT),
            ("detail", _TEXT), ("fate", _TEXT),
        ]
    ),
    "known": pa.schema(
        [
            ("span_id", _TEXT), ("procedure_id", _TEXT), ("variant_id", _TEXT), ("status", _TEXT),
            ("distance", pa.float64()), ("same_method", pa.bool_()), ("left_out", pa.bool_()),
        ]
    ),
    "handoff": pa.schema(
        [
            *_SPANS, ("tool", _TEXT), ("tool_id", _TEXT), ("slots", pa.list_(SLOT)),
            ("output", _TEXT),
        ]
    ),
    "tools": pa.schema([*_PROCEDURES, *_OF_A_POINTER]),
    "events": pa.schema(
        [
            ("procedure_id", _TEXT), ("from", _TEXT), ("to", _TEXT), ("rule", _TEXT),
            ("evidence", _TEXT), ("at", _TEXT), ("snapshot", _TEXT),
        ]
    ),
    "merged": pa.schema([("procedure_id", _TEXT), ("into", _TEXT), ("at", _TEXT)]),
    "clustered": pa.schema(
        [
            # By group: shapes in one are alike, so that together they take a third of the space.
            ("group_id", _TEXT), ("span_id", _TEXT), ("trajectory_id", _TEXT), ("class", _TEXT),
            ("identity", _TEXT), ("shape", pa.binary()), ("wording", pa.binary()),
            ("method", _TEXT), ("variant_id", _TEXT),
        ]
    ),
}  # fmt: skip

Row = dict[str, Any]


def sort_key(table: str, row: Row) -> tuple[str, str]:
    """What the rows of a table are ordered by: their id, then everything else."""
    first = next(name for name in TABLES[table].names if name.endswith("_id"))
    return row[first], json.dumps(row, sort_keys=True, default=str)


def trajectory_row(trajectory: Trajectory) -> Row:
    """The row of ``trajectories``; source, row and licence are those of the least source."""
    least = min(trajectory.sources)
    return {
        "trajectory_id": trajectory.id,
        "problem_id": trajectory.problem_id,
        "problem": trajectory.problem,
        "trace": trajectory.trace,
        "answer": trajectory.answer,
        "reference": trajectory.reference,
        "domain": trajectory.domain,
        "source": least.dataset,
        "row": least.row,
        "licence": least.licence,
        "generator": trajectory.generator,
        "outcome": trajectory.outcome,
        "outcome_verifier": trajectory.outcome_verifier,
        "tests": list(trajectory.tests),
        "test_setup": trajectory.test_setup,
        "sources": [dataclasses.asdict(s) for s in sorted(trajectory.sources)],
    }


def span_row(span: Span) -> Row:
    """The row of ``spans``."""
    return {
        "span_id": span.id,
        "trajectory_id": span.trajectory_id,
        "start": span.start,
        "end": span.end,
        "quote": span.quote,
        "subquestion": span.subquestion,
        "shape": span.shape,
        "summary": span.summary,
        "subroutine": span.subroutine,
        "code": span.code,
        "entry_point": span.entry_point,
        "signature": span.signature.to_json(),
        "preconditions": list(span.preconditions),
        "failure_modes": list(span.failure_modes),
        "kind": span.kind,
        "domain": span.domain,
        "teacher": span.teacher,
        "predicates": list(span.predicates),
        "verifier": span.verifier,
        "asked": span.asked,
        "keys": [dataclasses.asdict(key) for key in span.keys],
    }


def handoff_row(span: Span, call: tuple[str, Iterable[tuple[str, str]], str] | None = None) -> Row:
    """The row of ``handoff``: a span's, the tool it points to, and of its ``call`` the id of the
    pointer in ``tools`` that it is counted in, the names and types of the arguments that it has
    here, and the type of what it gives."""
    tool_id, slots, output = call or (None, None, None)
    called = None if slots is None else [{"name": n, "type": kind} for n, kind in slots]
    return {
        **span_row(span),
        "tool": span.tool,
        "tool_id": tool_id,
        "slots": called,
        "output": output,
    }


def instance_row(instance: Instance) -> Row:
    """The row of ``instances``."""
    row = dataclasses.asdict(instance)
    row["instance_id"] = row.pop("id")
    return row


def replay_row(replay: Replay) -> Row:
    """The row of ``replays``."""
    return _fields_of(replay)


def rejected_row(rejected: Rejected) -> Row:
    """The row of ``rejected``."""
    return dataclasses.asdict(rejected)


def event_row(event: Event) -> Row:
    """The row of ``events``."""
    row = dataclasses.asdict(event)
    row["from"] = row.pop("from_status")
    row["to"] = row.pop("to_status")
    return row


def trajectory_from_row(row: Row) -> Trajectory:
    """The trajectory that a row of the store holds."""
    return Trajectory(
        id=row["trajectory_id"],
        problem_id=row["problem_id"],
        problem=row["problem"],
        trace=row["trace"],
        answer=row["answer"],
        reference=row["reference"],
        domain=row["domain"],
        sources=tuple(sorted(Source(**source) for source in row["sources"])),
        tests=tuple(row["tests"] or ()),
        test_setup=row["test_setup"] or "",
        generator=row["generator"] or "",
        outcome=row["outcome"],
        outcome_verifier=row["outcome_verifier"],
    )


def event_from_row(row: Row) -> Event:
    """The record of a row of ``events``; inverse of `event_row`."""
    return Event(
        row["procedure_id"], row["from"], row["to"], row["rule"], row["evidence"], row["at"],
        row["snapshot"] or "",
    )  # fmt: skip


def merged_row(merged: Merged) -> Row:
    """The row of ``merged``."""
    return dataclasses.asdict(merged)


def procedure_row(procedure: Procedure) -> Row:
    """The row of ``procedures`` or ``candidates``."""
    row = _fields_of(procedure)
    row["signature"] = procedure.signature.to_json()
    for name in ("preconditions", "predicates", "failure_modes"):
        row[name] = list(row[name])
    for name in ("variants", "provenance", "evidence", "libraries"):
        row[name] = [_fields_of(record) for record in row[name]]
    return row


def _fields_of(record: Any) -> Row:
    # `dataclasses.asdict` would copy each text, of which an entry has thousands.
    return {name: getattr(record, name) for name in record.__slots__}


def procedure_from_row(row: Row) -> Procedure:
    """The record of a row of ``procedures`` or ``candidates``; inverse of `procedure_row`."""
    values = {name: row[name] for name in Procedure.__slots__}
    values["signature"] = Signature.from_json(values["signature"])
    for name in ("preconditions", "predicates", "failure_modes"):
        values[name] = tuple(values[name] or ())
    values["variants"] = tuple(_variant_from_row(v) for v in values["variants"])
    values["provenance"] = tuple(Provenance(**p) for p in values["provenance"])
    values["evidence"] = tuple(Token(**t) for t in values["evidence"])
    values["libraries"] = tuple(Library(**library) for library in values["libraries"] or ())
    return Procedure(**values)


def _variant_from_row(row: Row) -> Variant:
    own = ("preconditions", "predicates", "failure_modes")
    return Variant(**{**row, **{name: tuple(row[name] or ()) for name in own}})


def tool_row(pointer: ToolPointer) -> Row:
    """The row of ``tools``."""
    row = dataclasses.asdict(pointer)
    del row["entry"]
    for name in ("questions", "domains", "sources"):
        row[name] = list(row[name])
    return procedure_row(pointer.entry) | row


def tool_from_row(row: Row) -> ToolPointer:
    """The record of a row of ``tools``; inverse of `tool_row`."""
    return ToolPointer(
        entry=procedure_from_row(row),
        tool=row["tool"],
        call=row["call"],
        questions=tuple(Question(**q) for q in row["questions"]),
        domains=tuple(row["domains"]),
        sources=tuple(Rests(**s) for s in row["sources"]),
        spans=row["spans"],
        problems=row["problems"],
    )
