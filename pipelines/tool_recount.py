"""Tool pointers made anew of all hand-offs that they stand for, when some came or went."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from tracemine.schemas import Event, Instance, Source
from tracemine.schemas.arrow import event_row, instance_row, replay_row, tool_row
from tracemine.schemas.shingles import shingles
from tracemine.schemas.values import dump_json
from tracemine.store import Store
from tracemine.store.lifecycle.rewrite import Rewriting
from tracemine.transforms.forgetting import pointer_of
from tracemine.transforms.restored import instance_of, span_of
from tracemine.transforms.segment import Proposal
from tracemine.transforms.settling import Moment
from tracemine.verifiers import Sandbox

#: The rule of a pointer's change of status: it stands for other hand-offs than before.
RECOUNTED = "counted again"


def recount_tools(
    store: Store,
    new: Mapping[str, Sequence[Proposal]],
    gone: Collection[str],
    sources: Mapping[str, Source],
    moment: Moment,
    sandbox: Sandbox,
    changes: Rewriting,
) -> int:
    """Put into ``changes`` the pointers that have ``new`` hand-offs, or had some of trajectories
    that are ``gone`` or have other ``sources`` now; gives how many went, for nothing is left of
    them. Of hand-offs that were not in a pointer's sample no instances are kept, so they count and
    show nothing."""
    touched = store.rows(
        "SELECT procedure_id, status FROM tools WHERE procedure_id IN (SELECT unnest(?)) OR "
        "procedure_id IN (SELECT tool_id FROM handoff WHERE trajectory_id IN (SELECT unnest(?)))",
        [sorted(new), sorted({*gone, *sources})],
    )
    before = {row["procedure_id"]: row["status"] for row in touched}
    went = 0
    for identifier in sorted({*before, *new}):
        handed_off = [
            *_handed_off(store, identifier, gone, sources), *new.get(identifier, ()),
        ]  # fmt: skip
        pointer = pointer_of(
            identifier, handed_off, moment.policy, moment.as_of, sandbox, store.embedder
        )
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
            went += 1
            changes.remove("events", "procedure_id", [identifier])
            continue
        status, was = pointer.record.entry.status, before.get(identifier)
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
        changes.vectors[identifier] = np.frombuffer(pointer.vector, dtype=np.float32)
    return went


def _handed_off(
    store: Store, tool_id: str, gone: Collection[str], sources: Mapping[str, Source]
) -> Iterator[Proposal]:
    rows = store.rows(
        "SELECT h.*, t.problem_id, t.problem, t.sources FROM handoff AS h JOIN trajectories AS t "
        "USING (trajectory_id) WHERE tool_id = ? ORDER BY span_id",
        [tool_id],
    )
    instances: dict[str, list[Instance]] = {}
    for row in store.rows(
        "SELECT i.* FROM instances AS i JOIN handoff AS h USING (span_id) WHERE h.tool_id = ?",
        [tool_id],
    ):
        instances.setdefault(row["span_id"], []).append(instance_of(row))
    for row in rows:
        if row["trajectory_id"] in gone:
            continue
        source = sources.get(row["trajectory_id"]) or min(Source(**s) for s in row["sources"])
        span = span_of(row, row["problem_id"], instances.get(row["span_id"], ()))
        yield Proposal(span, source, shingles(row["problem"]))


__all__ = ["RECOUNTED", "recount_tools"]
