"""Tool pointers made anew of all hand-offs that they stand for, when some came or went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tracemine.schemas import Event, Instance, Parameter, Source, ToolPointer
from tracemine.schemas.arrow import (
    Row,
    event_row,
    instance_row,
    replay_row,
    tool_from_row,
    tool_row,
)
from tracemine.schemas.shingles import shingles
from tracemine.schemas.values import dump_json
from tracemine.store import Store
from tracemine.store.lifecycle.rewrite import Rewriting
from tracemine.transforms.restored import instance_of, least_source, span_of
from tracemine.transforms.segment import Proposal
from tracemine.transforms.settling import Moment
from tracemine.transforms.tool_facts import (
    Commonest,
    Fact,
    Pointed,
    facts_of,
    point,
    question_said,
    role_said,
    source_said,
    teacher_said,
    tokens_said,
)
from tracemine.transforms.tool_samples import Sample, ground_of
from tracemine.transforms.tools import Pointer, found_by, make_pointer, vector_of
from tracemine.verifiers import Sandbox

#: The rule of a pointer's change of status: it stands for other hand-offs than before.
RECOUNTED = "counted again"


def recount_tools(
    store: Store,
    new: Iterable[Pointed],
    gone: Collection[str],
    sources: Mapping[str, Source],
    moment: Moment,
    sandbox: Sandbox,
    changes: Rewriting,
    *,
    every: bool = False,
) -> int:
    """Put into ``changes`` the pointers that have ``new`` hand-offs, or had some of trajectories
    that are ``gone`` or have other ``sources`` now, or ``every`` pointer; gives how many went, for
    nothing is left of them. Of hand-offs that were not in a pointer's sample no instances are kept,
    so they count and show nothing, and join it only where one of it is gone.

    Raises:
        StoreError: if a file of the store is damaged.
        RuntimeError: if the sandbox has no worker to give; see `Sandbox.run_many`.
    """
    coming: dict[str, list[Pointed]] = {}
    for pointed in new:
        if pointed.tool_id:
            coming.setdefault(pointed.tool_id, []).append(pointed)
    before = {
        row["procedure_id"]: tool_from_row(row)
        for row in store.rows(
            "SELECT * FROM tools WHERE ? OR procedure_id IN (SELECT unnest(?)) OR procedure_id IN "
            "(SELECT tool_id FROM handoff WHERE trajectory_id IN (SELECT unnest(?)))",
            [every, sorted(coming), sorted({*gone, *sources})],
        )
    }
    facts = _stored_facts(store, before.keys(), {*gone, *sources})
    # Of a pointer whose sample is drawn anew all hand-offs are read, so one pointer at a time.
    anew = {
        i for i, one in before.items() if any(p.trajectory_id in gone for p in one.entry.provenance)
    }
    handed = _handed_off(
        store, [one for i, one in before.items() if i not in anew], gone, sources, every=False
    )
    went = 0
    for identifier in sorted({*before, *coming}):
        was = before.get(identifier)
        if was is not None and identifier in anew:
            handed |= _handed_off(store, [was], gone, sources, every=True)
        sampled, moved = handed.pop(identifier, ([], []))
        came = coming.get(identifier, [])
        found = facts.get(identifier, Counter())
        found.update(fact for one in (*moved, *came) for fact in facts_of(one))
        pointer = _pointer(
            identifier, found, [*sampled, *came], moment, sandbox, store.embedder.tokens
        )
        _write(store, identifier, was, pointer, moment, changes)
        went += pointer is None
    return went


def _pointer(
    tool_id: str,
    facts: Counter[Fact],
    sampled: Sequence[Pointed],
    moment: Moment,
    sandbox: Sandbox,
    tokens: Callable[[str], int],
) -> Pointer | None:
    """The pointer of hand-offs that say ``facts``, with its sample from ``sampled``; None where
    there are none."""
    if not facts:
        return None
    commonest, sample = Commonest(), Sample()
    kept: Any = commonest.create_accumulator()
    for (_, facet, argument, text), count in sorted(facts.items()):
        kept = commonest.add_input(kept, (facet, argument, text, count))
    grounds: Any = sample.create_accumulator()
    for one in sampled:
        grounds = sample.add_input(grounds, ground_of(one))
    return make_pointer(
        tool_id, commonest.extract_output(kept), sample.extract_output(grounds), moment.policy,
        moment.as_of, sandbox, tokens,
    )  # fmt: skip


def _write(
    store: Store,
    identifier: str,
    before: ToolPointer | None,
    pointer: Pointer | None,
    moment: Moment,
    changes: Rewriting,
) -> None:
    spans = store.rows("SELECT span_id FROM handoff WHERE tool_id = ?", [identifier])
    known = {row["span_id"] for row in spans}
    changes.remove("instances", "span_id", known)
    changes.rows["instances"] = [
        row for row in changes.rows.get("instances", []) if row["span_id"] not in known
    ]
    changes.remove("replays", "variant_id", [identifier])
    changes.rows["replays"] = [
        row for row in changes.rows.get("replays", []) if row["variant_id"] != identifier
    ]
    changes.remove("tools", "procedure_id", [identifier])
    if pointer is None:
        changes.remove("events", "procedure_id", [identifier])
        return
    status, was = pointer.record.entry.status, before.entry.status if before else None
    if was == "quarantined":
        status = "quarantined"
    if was is None:
        events = [replace(e, snapshot=moment.snapshot) for e in pointer.events]
        changes.add("events", map(event_row, events))
    elif status != was:
        told = dump_json({"spans": pointer.record.spans, "problems": pointer.record.problems})
        event = Event(identifier, was, status, RECOUNTED, told, moment.as_of, moment.snapshot)
        changes.add("events", [event_row(event)])
    record = replace(pointer.record, entry=replace(pointer.record.entry, status=status))
    changes.add("tools", [tool_row(record)])
    changes.add("replays", map(replay_row, pointer.replays))
    changes.add("instances", map(instance_row, pointer.instances))
    if before is None or found_by(before) != found_by(record):
        vector = vector_of(record, store.embedder)
        changes.vectors[identifier] = np.frombuffer(vector, dtype=np.float32)


# -- what the store has of them ----------------------------------------------------------------


def _stored_facts(
    store: Store, tool_ids: Collection[str], but: Collection[str]
) -> dict[str, Counter[Fact]]:
    """What the stored hand-offs of each pointer say (`facts_of`), but those of some trajectories.
    They are many, and each distinct saying is looked at once."""
    # A row of `trajectories` has the licence of the source that stands for it, beside that.
    among = (
        "FROM handoff AS h JOIN trajectories AS t USING (trajectory_id) "
        "WHERE h.tool_id IN (SELECT unnest(?)) AND h.trajectory_id NOT IN (SELECT unnest(?))"
    )
    wanted = [sorted(tool_ids), sorted(but)]
    found: dict[str, Counter[Fact]] = {identifier: Counter() for identifier in tool_ids}

    def said(what: str) -> list[Row]:
        return store.rows(f"SELECT h.tool_id, {what}, count(*) AS n {among} GROUP BY ALL", wanted)

    def add(row: Row, facet: str, texts: Iterable[str], argument: int = 0) -> None:
        for text in texts:
            found[row["tool_id"]][row["tool_id"], facet, argument, text] += row["n"]

    for row in said("t.problem_id, h.domain, h.teacher, t.source, t.licence"):
        add(row, "problem", [row["problem_id"]])
        add(row, "domain", [row["domain"]])
        add(row, "teacher", [teacher_said(row["teacher"])])
        add(row, "source", [source_said(row["source"], row["licence"])])
    for row in said("h.subquestion"):
        add(row, "question", question_said(row["subquestion"]))
    for row in said("h.keys, h.asked"):
        add(row, "token", tokens_said([Parameter(**k) for k in row["keys"] or ()], row["asked"]))
    for row in said("h.slots, h.output"):
        for place, slot in enumerate(row["slots"]):
            add(row, "type", [slot["type"]], place)
            add(row, "role", role_said(slot["name"]), place)
        add(row, "type", [row["output"]], len(row["slots"]))
    return found


def _handed_off(
    store: Store,
    pointers: Collection[ToolPointer],
    gone: Collection[str],
    sources: Mapping[str, Source],
    *,
    every: bool,
) -> dict[str, tuple[list[Pointed], list[Pointed]]]:
    """The stored hand-offs of ``pointers``, by their ids, without those of trajectories that are
    ``gone``: those that their samples were of, or ``every`` one. And those of trajectories that
    have other ``sources`` now."""
    ids = sorted(pointer.entry.procedure_id for pointer in pointers)
    was_sampled = {p.span_id for pointer in pointers for p in pointer.entry.provenance}
    rows = store.rows(
        "SELECT h.*, t.problem_id, t.problem, t.sources FROM handoff AS h JOIN trajectories AS t "
        "USING (trajectory_id) WHERE h.tool_id IN (SELECT unnest(?)) "
        "AND (? OR h.span_id IN (SELECT unnest(?)) OR h.trajectory_id IN (SELECT unnest(?))) "
        "ORDER BY h.span_id",
        [ids, every, sorted(was_sampled), sorted(sources)],
    )
    instances: dict[str, list[Instance]] = {}
    for row in store.rows(
        "SELECT * FROM instances WHERE span_id IN (SELECT unnest(?))",
        [[row["span_id"] for row in rows]],
    ):
        instances.setdefault(row["span_id"], []).append(instance_of(row))
    found: dict[str, tuple[list[Pointed], list[Pointed]]] = {i: ([], []) for i in ids}
    for row in rows:
        if row["trajectory_id"] in gone:
            continue
        sampled, moved = found[row["tool_id"]]
        source = sources.get(row["trajectory_id"]) or least_source(row)
        span = span_of(row, row["problem_id"], instances.get(row["span_id"], ()))
        one = point(Proposal(span, source, shingles(row["problem"])))
        if every or row["span_id"] in was_sampled:
            sampled.append(one)
        if row["trajectory_id"] in sources:
            moved.append(one)
    return found


__all__ = ["RECOUNTED", "recount_tools"]
