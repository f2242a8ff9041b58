"""A store of four entries, written by hand through the library's own writer, for tests to read and
to damage."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tracemine.schemas import (
    Event,
    Instance,
    Parameter,
    Procedure,
    Provenance,
    Replay,
    Signature,
    Source,
    Span,
    Token,
    Trajectory,
    Variant,
    arrow,
    content_id,
    encode,
    problem_id,
)
from tracemine.schemas.records import STATUSES, VERDICTS, Domain, Origin, Status, Verdict
from tracemine.schemas.values import dump_json
from tracemine.store import Draft, Embedder, begin, publish
from tracemine.store.cells import packed
from tracemine.store.index import INDEXED, build_index, index_file, write_index
from tracemine.store.ranking import tokens_of
from tracemine.store.snapshot import dump_manifest
from tracemine.store.tables import shard_name, shard_of, write_shard
from tracemine.transforms.cluster import clustered_row
from tracemine.transforms.segment import Proposal

AS_OF = "2025-06-30T12:00:00+00:00"
SHARDS = 2
#: What a run says of itself in a manifest.
MANIFEST_FIELDS = ("as_of", "inputs", "teacher", "embedder", "ledger")


@dataclass(frozen=True)
class Routine:
    """What an entry is made from: a routine, and for each problem its bindings and result."""

    subquestion: str
    code: str
    signature: Signature
    predicates: tuple[str, ...]
    domain: Domain
    status: Status
    cases: tuple[tuple[dict[str, Any], Any], ...]
    verdicts: tuple[Verdict, ...]
    origin: Origin = "trace"


def signature(output: str, **inputs: str) -> Signature:
    """A signature of types alone."""
    parameters = tuple(Parameter(name, kind) for name, kind in inputs.items())
    return Signature(parameters, Parameter("result", output))


ROUTINES = (
    Routine(
        subquestion="How much money is left after spending?",
        code="def remaining(total, spent):\n    left = total - spent\n    return left\n",
        signature=signature("int", total="int", spent="int"),
        predicates=("spent <= total",),
        domain="math",
        status="canonical",
        cases=(
            ({"total": 20, "spent": 5}, 15),
            ({"total": 9, "spent": 2}, 7),
            ({"total": 31, "spent": 30}, 1),
            ({"total": 50, "spent": 8}, 42),
        ),
        verdicts=("pass", "pass", "pass"),
    ),
    Routine(
        subquestion="What is the average of the values?",
        code="def average(values):\n    total = sum(values)\n    return total / len(values)\n",
        signature=signature("rational", values="list[int]"),
        predicates=("len(values) > 0",),
        domain="math",
        status="verified",
        cases=(
            ({"values": [1, 2, 3]}, 2.0),
            ({"values": [4, 6]}, 5.0),
            ({"values": [10, 20]}, 15.0),
            ({"values": [3, 3]}, 4.0),
        ),
        verdicts=("pass", "pass", "fail"),
    ),
    Routine(
        subquestion="How fast does the train go?",
        code="def speed(distance, time):\n    rate = distance / time\n    return rate\n",
        signature=signature("real", distance="real", time="real"),
        predicates=("time != 0",),
        domain="stem",
        status="candidate",
        cases=(({"distance": 90.0, "time": 1.5}, 60.0),),
        verdicts=(),
    ),
    Routine(
        subquestion="Reverse the words of a sentence",
        code="def reverse(text):\n    words = text.split()\n    return ' '.join(words[::-1])\n",
        signature=signature("str", text="str"),
        predicates=("isinstance(text, str)",),
        domain="code",
        status="verified",
        cases=(({"text": "a b"}, "b a"), ({"text": "x y z"}, "z y x"), ({"text": ""}, "")),
        verdicts=("pass", "pass"),
        origin="test",
    ),
)


@dataclass
class Tables:
    """Rows by table, and a vector for each entry."""

    rows: dict[str, list[dict[str, Any]]]
    vectors: dict[str, Any]


@lru_cache(maxsize=1)
def embedder() -> Embedder:
    """The bundled embedder, loaded once."""
    return Embedder.load()


@lru_cache(maxsize=64)
def _vector_of(text: str) -> Any:
    return embedder().encode([text])[0]


def _packed(text: str) -> bytes:
    found: bytes = packed(_vector_of(text))
    return found


def tables(routines: Sequence[Routine] = ROUTINES) -> Tables:
    """The rows of the small store, or of one of other ``routines``, freshly made, so that a test
    may change them."""
    rows: dict[str, list[dict[str, Any]]] = {table: [] for table in arrow.TABLES}
    vectors = {}
    for routine in routines:
        procedure = _add(rows, routine)
        vectors[procedure.procedure_id] = _vector_of(routine.subquestion)
    rows["rejected"].append(
        {
            "stage": "admit", "reason": "wrong answer", "record_id": content_id("wrong"),
            "record": "{}", "detail": "made.jsonl row 9: wrong answer", "fate": "rejected",
        }
    )  # fmt: skip
    return Tables(rows, vectors)


def vector(packed: bytes) -> Any:
    """A vector from its bytes, as stages hand it on."""
    return np.frombuffer(packed, dtype=np.float32)


def write(store: str | Path, made: Tables | None = None, **fields: Any) -> str:
    """Publish ``made`` (the small store, if not given) as a new store; gives its number."""
    made = made or tables()
    draft = begin(str(store))
    fill(draft, made)
    manifest = {
        "as_of": AS_OF,
        "inputs": [],
        "teacher": "rules@1",
        "embedder": embedder().describe(),
        "ledger": ledger(made),
    }
    return publish(draft, manifest | fields)


def add(store: str | Path, number: int = 0, **fields: Any) -> str:
    """Publish another snapshot of a store, which has one more rejected record and refers to the
    files of the one before for all else; gives its number."""
    draft = begin(str(store), refresh=True)
    write_added(draft, number)
    parent = draft.parent_manifest or {}
    manifest = {key: parent[key] for key in MANIFEST_FIELDS}
    return publish(draft, manifest | fields, carry=[f["path"] for f in parent["files"]])


def write_again(store: str | Path) -> str:
    """Publish the small store once more, as a snapshot that refers to no other's files."""
    draft = begin(str(store), refresh=True)
    fill(draft, tables())
    parent = draft.parent_manifest or {}
    return publish(draft, {key: parent[key] for key in MANIFEST_FIELDS})


def write_added(draft: Draft, number: int) -> None:
    """Write one rejected record into a draft."""
    row = {
        "stage": "admit", "reason": "wrong answer", "record_id": content_id("added", number),
        "record": "{}", "detail": f"more.jsonl row {number}: wrong answer", "fate": "rejected",
    }  # fmt: skip
    write_shard([row], "rejected", f"{draft.folder}/rejected/{shard_name(0, 1)}")


def fill(draft: Draft, made: Tables) -> None:
    """Write the tables and indexes of ``made`` into a draft."""
    for table, rows in made.rows.items():
        for shard in range(SHARDS):
            mine = [row for row in rows if shard_of(table, row, SHARDS) == shard]
            if mine or shard == 0:
                write_shard(mine, table, f"{draft.folder}/{table}/{shard_name(shard, SHARDS)}")
    for table in INDEXED:
        ids = [row["procedure_id"] for row in made.rows[table]]
        index = build_index((i, made.vectors[i]) for i in ids)
        write_index(index, f"{draft.folder}/{index_file(table)}")


def edit_manifest(
    store: str | Path, change: Callable[[dict[str, Any]], object], number: str = "000001"
) -> None:
    """Change the manifest of a snapshot and seal it again, as its writer would have."""
    path = Path(store, "snapshots", number, "manifest.json")
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(dump_manifest(manifest))


def ledger(made: Tables) -> dict[str, Any]:
    """The ledger that adds up with ``made``."""
    entries = [*made.rows["procedures"], *made.rows["candidates"]]
    status = Counter(row["status"] for row in entries)
    verdict = Counter(row["verdict"] for row in made.rows["replays"])
    admitted, kept = len(made.rows["trajectories"]), len(made.rows["spans"])
    handed = Counter(row["kind"] for row in made.rows["handoff"])
    pointing = sum(row["tool_id"] is not None for row in made.rows["handoff"])
    pointers = Counter(row["status"] for row in made.rows["tools"])
    return {
        "trajectories": {
            "read": admitted + 1,
            "admitted": admitted,
            "rejected": {"wrong answer": 1},
            "duplicates": 0,
            "failed": {},
        },
        "spans": {
            "segmented": kept + handed.total(),
            "kept": kept,
            "rejected": {},
            "duplicates": 0,
            "handoff": dict(handed),
            "failed": {},
        },
        "replays": {name: verdict[name] for name in VERDICTS},
        "procedures": {name: status[name] for name in STATUSES},
        "known": {
            "left_out": sum(row["left_out"] for row in made.rows["known"]),
            "waiting": sum(not row["left_out"] for row in made.rows["known"]),
        },
        "tools": {
            "spans": pointing,
            "none": {"no tool is named": handed["tool"] - pointing},
            "pointers": {name: pointers[name] for name in STATUSES},
        },
    }


def verifier_of(routine: Routine) -> str:
    """What compares the results of a routine."""
    return "exact" if routine.signature.output.type == "str" else "numeric"


def _add(rows: dict[str, list[dict[str, Any]]], routine: Routine) -> Procedure:
    entry_point = routine.code.split("(")[0].removeprefix("def ")
    variant_id = content_id("variant", routine.code)
    spans, instances = [], []
    for number, (bindings, result) in enumerate(routine.cases):
        own_task = routine.origin == "test" and number > 0
        text = f"{routine.subquestion} Case {0 if own_task else number}."
        trace = f"Æther: first read the problem ⟨{text}⟩, then {routine.code}\nThat is it."
        trajectory_id = content_id("trajectory", text, trace)
        start = trace.index("def ")
        span_id = content_id("span", trajectory_id)
        instance = Instance(
            id=content_id("instance", span_id, encode(bindings)),
            span_id=span_id,
            trajectory_id=trajectory_id,
            problem_id=problem_id(text),
            bindings=encode(bindings),
            result=encode(result),
            checked=True,
            origin=routine.origin if own_task else "trace",
        )
        instances.append(instance)
        rows["instances"].append(arrow.instance_row(instance))
        if own_task:
            continue
        source = Source("made.jsonl", number, licence="MIT")
        trajectory = Trajectory(
            trajectory_id, problem_id(text), text, trace, str(result), str(result), routine.domain,
            (source,), outcome="verified", outcome_verifier="numeric",
        )  # fmt: skip
        span = Span(
            id=span_id, trajectory_id=trajectory_id, problem_id=trajectory.problem_id,
            start=start, end=start + len(routine.code), quote=routine.code,
            subquestion=routine.subquestion, subroutine=f"Run {entry_point}.",
            summary=f"{entry_point} in one step", code=routine.code, entry_point=entry_point,
            signature=routine.signature, preconditions=("as the predicate says",),
            predicates=routine.predicates, failure_modes=("wrong units",), kind="procedural",
            domain=routine.domain, teacher="rules@1", verifier=verifier_of(routine),
            shape=routine.subquestion,
        )  # fmt: skip
        spans.append(span)
        rows["trajectories"].append(arrow.trajectory_row(trajectory))
        rows["spans"].append(arrow.span_row(span))
    words = _vector_of(routine.subquestion).tobytes()
    for span in spans:
        whole = dataclasses.replace(
            span, instances=tuple(one for one in instances if one.span_id == span.id)
        )
        placed = Proposal(whole, source, b"", words, shape_vector=words)
        rows["clustered"].append(clustered_row(placed, content_id("group", variant_id)))
    for instance, verdict in zip(instances[1:], routine.verdicts, strict=True):
        names = {p.name: p.name for p in routine.signature.inputs}
        by = verifier_of(routine)
        replay = Replay(variant_id, instance.id, dump_json(names), verdict, "monty: it", by)
        rows["replays"].append(arrow.replay_row(replay))
    procedure = _procedure(routine, variant_id, entry_point, spans, instances)
    table = "candidates" if routine.status == "candidate" else "procedures"
    rows[table].append(arrow.procedure_row(procedure))
    rows["events"] += [arrow.event_row(event) for event in _events(procedure)]
    return procedure


def _procedure(
    routine: Routine,
    variant_id: str,
    entry_point: str,
    spans: list[Span],
    instances: list[Instance],
) -> Procedure:
    said = Counter(
        token for span in spans for token in tokens_of(span.signature.inputs, span.subquestion)
    )
    passes, attempts = routine.verdicts.count("pass"), len(routine.verdicts)
    variant = Variant(
        variant_id, spans[0].subroutine, routine.code, entry_point, 7, passes, attempts,
        spans[0].id, instances[0].id, spans[0].preconditions, routine.predicates,
        spans[0].failure_modes,
    )  # fmt: skip
    return Procedure(
        procedure_id=variant_id,
        subquestion=routine.subquestion,
        summary=spans[0].summary,
        status=routine.status,
        domain=routine.domain,
        signature=routine.signature,
        preconditions=spans[0].preconditions,
        predicates=routine.predicates,
        failure_modes=spans[0].failure_modes,
        verifier=verifier_of(routine),
        teacher="rules@1",
        variants=(variant,),
        provenance=tuple(
            Provenance(
                s.trajectory_id, "made.jsonl", "MIT", s.start, s.end, s.quote, s.id, variant_id
            )
            for s in spans
        ),
        success_rate=passes / attempts if attempts else 0.0,
        distinct_problems=passes,
        last_verified=AS_OF if passes else None,
        evidence=tuple(Token(token, said[token]) for token in sorted(said)),
        summary_vector=(
            b"" if routine.status == "candidate" else packed(_vector_of(spans[0].summary))
        ),
    )


def _events(procedure: Procedure) -> list[Event]:
    if procedure.status == "candidate":
        return [Event(procedure.procedure_id, "", "candidate", "waits", "{}", AS_OF)]
    first = Event(procedure.procedure_id, "", "verified", "min_replays", "{}", AS_OF)
    if procedure.status == "verified":
        return [first]
    promoted = dataclasses.replace(
        first, from_status="verified", to_status="canonical", rule="promote_after"
    )
    return [promoted, first]
