"""forget: a store without a source. What rests on it alone goes, the rest is counted again."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from tracemine.pipelines.lifecycle_options import ForgetOptions
from tracemine.pipelines.options import now
from tracemine.pipelines.requested import open_sandbox
from tracemine.pipelines.tool_recount import recount_tools
from tracemine.pipelines.verify import changing, installed_now
from tracemine.schemas import Instance, Source, Span
from tracemine.schemas.arrow import Row
from tracemine.schemas.shingles import shingles
from tracemine.schemas.values import dump_json
from tracemine.store import RequestError, Store, publish
from tracemine.store.lifecycle.rewrite import Rewriting, fields_of, write_changes
from tracemine.store.versions import replayed_since
from tracemine.store.views import ENTRIES, entry_ids
from tracemine.transforms.consolidate import Evidence
from tracemine.transforms.forgetting import united, without
from tracemine.transforms.forgotten_ledger import ledger_without
from tracemine.transforms.ledger import assemble
from tracemine.transforms.restored import (
    Stored,
    instance_of,
    restored_entries,
    restored_proposals,
)
from tracemine.transforms.settling import (
    Moment,
    replays_before,
    replays_now,
    settle_entries,
    write_entries,
    write_replays,
)
from tracemine.verifiers import Sandbox

#: What is counted.
COUNTED = (
    "trajectories", "trajectories_kept", "spans", "handoffs", "instances", "entries_gone",
    "entries_counted_again", "merged", "tools_gone", "rejected", "to_group",
)  # fmt: skip

#: What of an event names other entries.
_NAMING = ("from", "now_of", "with")

#: A variant that a line of the ledger says was refuted.
_VARIANT = re.compile(r"variant ([0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class _Withdrawn:
    """What goes: trajectories, their instances; and what stands for a trajectory that others have
    published, too, of ``every`` source that it had."""

    names: frozenset[str]
    trajectories: frozenset[str]
    instances: frozenset[str]
    sources: Mapping[str, Source]
    every: Mapping[str, tuple[Source, ...]]


def run_forget(options: ForgetOptions) -> dict[str, Any]:
    """Publish a snapshot of ``options.store`` without ``options.source``; gives what ``--json``
    prints.

    Raises:
        RequestError: if the store has nothing of it, or cannot be written.
        StoreError: if there is no store, or it is damaged. Nothing is published then.
    """
    sandbox, _ = open_sandbox(require_isolation=options.require_isolation)
    as_of = options.as_of or now()
    with changing(options.store, as_of) as (draft, store):
        moment = Moment(draft.policy, as_of, draft.number, installed_now(store))
        changes, counts = Rewriting(), Counter[str]()
        gone = _withdrawn(store, frozenset(options.source))
        loose = _forget_ledger(store, gone, changes, counts)
        if not (gone.trajectories or gone.sources or changes.gone["rejected"]["detail"]):
            raise RequestError(
                f"the store {options.store} has nothing of {' or '.join(options.source)}: stats "
                "lists its sources"
            )
        _forget_rows(store, gone, changes, counts)
        _forget_entries(store, gone, moment, sandbox, changes, counts)
        counts["tools_gone"] = recount_tools(
            store, (), gone.trajectories, gone.sources, moment, sandbox, changes
        )
        changes.remove("replays", "variant_id", loose)
        counts["instances"] = _lost(store, changes)
        carry = write_changes(draft, store.snapshot, changes)
        fields = fields_of(store.snapshot)
        told = {name: counts[name] for name in COUNTED}
        number = publish(
            draft,
            {
                **fields,
                "replayed": replayed_since(store.snapshot.manifest),
                "as_of": as_of,
                "inputs": [i for i in fields["inputs"] if i.get("dataset") not in gone.names],
                "ledger": assemble([]),
                # Its name is what is to be forgotten, too.
                "change": {
                    "command": "forget",
                    "sources_sha256": sorted(
                        hashlib.sha256(name.encode()).hexdigest() for name in gone.names
                    ),
                    **told,
                },
            },
            carry=carry,
        )
    return {"snapshot": number, "store": options.store, "as_of": as_of, **told}


def _withdrawn(store: Store, names: frozenset[str]) -> _Withdrawn:
    rows = store.rows(
        "SELECT trajectory_id, sources FROM trajectories "
        "WHERE list_has_any([s.dataset FOR s IN sources], ?)",
        [sorted(names)],
    )
    gone, sources, every = set(), {}, {}
    for row in rows:
        found = tuple(Source(**s) for s in row["sources"])
        left = [source for source in found if source.dataset not in names]
        if left:
            sources[row["trajectory_id"]] = min(left)
            every[row["trajectory_id"]] = found
        else:
            gone.add(row["trajectory_id"])
    instances = store.rows(
        "SELECT instance_id FROM instances WHERE trajectory_id IN (SELECT unnest(?))",
        [sorted(gone)],
    )
    return _Withdrawn(
        names, frozenset(gone), frozenset(row["instance_id"] for row in instances), sources, every
    )


def _forget_ledger(
    store: Store, gone: _Withdrawn, changes: Rewriting, counts: Counter[str]
) -> set[str]:
    """What left the line, and says where it was. Gives the variants on which verdicts go: they were
    refuted, and the ledger no longer says that they were."""
    rows = store.rows("SELECT * FROM rejected")
    spans = store.rows(
        "SELECT span_id FROM spans WHERE trajectory_id IN (SELECT unnest(?))",
        [sorted(gone.trajectories)],
    )
    told = ledger_without(
        rows,
        gone.names,
        gone.trajectories,
        gone.every,
        {row["span_id"] for row in spans},
        gone.instances,
    )
    other = {row["detail"] for row, now in zip(rows, told, strict=True) if now is not row}
    left = [now for now in told if now is not None]
    stay = [
        now
        for row, now in zip(rows, told, strict=True)
        if row["detail"] in other and now is not None
    ]
    changes.replace("rejected", "detail", other, stay)
    going = [row for row, now in zip(rows, told, strict=True) if now is None]
    left_out = {row["record_id"] for row in going if row["stage"] == "known"}
    changes.remove("known", "span_id", left_out)
    counts["rejected"] = len(going)
    loose = _variants_named(going) - _variants_named(left)
    kept = store.rows(
        f"SELECT v FROM (SELECT unnest(variants).variant_id AS v FROM {ENTRIES}) "
        "WHERE v IN (SELECT unnest(?))",
        [sorted(loose)],
    )
    return loose - {row["v"] for row in kept}


def _variants_named(rows: Iterable[Row]) -> set[str]:
    found = (_VARIANT.search(row["detail"]) for row in rows)
    return {match[1] for match in found if match is not None}


def _lost(store: Store, changes: Rewriting) -> int:
    """Instances that the store had and has no more, those of hand-offs that others have among them:
    a pointer keeps what it is run on."""
    gone = changes.gone["instances"]
    rows = store.rows(
        "SELECT instance_id FROM instances WHERE trajectory_id IN (SELECT unnest(?)) "
        "OR span_id IN (SELECT unnest(?))",
        [sorted(gone.get("trajectory_id", ())), sorted(gone.get("span_id", ()))],
    )
    back = {row["instance_id"] for row in changes.rows.get("instances", ())}
    return len({row["instance_id"] for row in rows} - back)


def _forget_rows(store: Store, gone: _Withdrawn, changes: Rewriting, counts: Counter[str]) -> None:
    """What is of trajectories that go, and the places of those that others have."""
    counts["trajectories"] = len(gone.trajectories)
    counts["trajectories_kept"] = len(gone.sources)
    handed_off = store.rows(
        "SELECT span_id FROM handoff WHERE trajectory_id IN (SELECT unnest(?))",
        [sorted(gone.trajectories)],
    )
    counts["handoffs"] = len(handed_off)
    spans = store.rows(
        "SELECT span_id FROM spans WHERE trajectory_id IN (SELECT unnest(?))",
        [sorted(gone.trajectories)],
    )
    counts["spans"] = len(spans)
    changes.remove("known", "span_id", {row["span_id"] for row in spans})
    for table in ("trajectories", "spans", "instances", "handoff", "clustered"):
        changes.remove(table, "trajectory_id", gone.trajectories)
    counts["to_group"] = _ungroup(store, gone, changes)
    changes.remove("replays", "instance_id", gone.instances)
    moved = store.rows(
        "SELECT * FROM trajectories WHERE trajectory_id IN (SELECT unnest(?))",
        [sorted(gone.sources)],
    )
    for row in moved:
        least = gone.sources[row["trajectory_id"]]
        row["sources"] = [s for s in row["sources"] if s["dataset"] not in gone.names]
        row |= {"source": least.dataset, "row": least.row, "licence": least.licence}
    changes.replace("trajectories", "trajectory_id", gone.sources, moved)


def _ungroup(store: Store, gone: _Withdrawn, changes: Rewriting) -> int:
    """Without some of its spans a group may fall apart: `refresh` groups what is left anew. Gives
    how many spans these are."""
    rows = store.rows(
        "SELECT * FROM clustered WHERE group_id IN "
        "(SELECT group_id FROM clustered WHERE trajectory_id IN (SELECT unnest($1))) "
        "AND trajectory_id NOT IN (SELECT unnest($1))",
        [sorted(gone.trajectories)],
    )
    changes.replace(
        "clustered",
        "span_id",
        {row["span_id"] for row in rows},
        [row | {"group_id": ""} for row in rows],
    )
    return len(rows)


def _forget_entries(
    store: Store,
    gone: _Withdrawn,
    moment: Moment,
    sandbox: Sandbox,
    changes: Rewriting,
    counts: Counter[str],
) -> None:
    affected = {
        row["procedure_id"]
        for row in store.rows(
            "SELECT DISTINCT procedure_id FROM (SELECT procedure_id, unnest(provenance) AS p "
            f"FROM {ENTRIES}) WHERE p.trajectory_id IN (SELECT unnest(?)) UNION "
            "SELECT procedure_id FROM (SELECT procedure_id, unnest(variants).variant_id AS "
            f"variant_id FROM {ENTRIES}) JOIN replays USING (variant_id) "
            "WHERE instance_id IN (SELECT unnest(?))",
            [sorted(gone.trajectories | gone.sources.keys()), sorted(gone.instances)],
        )
    }
    entries = list(restored_entries(store, affected))
    left, heirs = _left_of(entries, store, gone, sandbox)
    # A variant that another span founds may be one that another entry has.
    known = {v.variant_id for e in entries for v in e.procedure.variants}
    met = {one.variant_id for one in left} - known
    others = {
        row["procedure_id"]
        for row in store.rows(
            "SELECT procedure_id FROM (SELECT procedure_id, unnest(variants).variant_id AS v "
            f"FROM {ENTRIES}) WHERE v IN (SELECT unnest(?))",
            [sorted(met)],
        )
    } - affected
    beside = list(restored_entries(store, others))
    together = _together([*entries, *beside], left, beside)
    entered, lost = settle_entries(
        [*entries, *beside], together, {}, moment, heirs, others=entry_ids(store)
    )
    write_entries(changes, store, [*entries, *beside], entered, cache(lambda: store.embedder))
    write_replays(changes, replays_before([*entries, *beside]), replays_now(entered))
    counts["entries_counted_again"] = len(entered)
    counts["entries_gone"] = len(lost)
    counts["merged"] = sum(len(one.settled.merged) for one in entered)
    ids = {entry.procedure_id for entry in lost}
    # What went into an entry that goes, goes with it.
    former = store.rows('SELECT * FROM merged WHERE "into" IN (SELECT unnest(?))', [sorted(ids)])
    changes.remove("merged", "into", ids)
    changes.remove("events", "procedure_id", ids | {row["procedure_id"] for row in former})
    _scrub_events(store, {e.procedure.procedure_id for e in entries}, ids, gone, changes)


def _left_of(
    entries: Sequence[Stored], store: Store, gone: _Withdrawn, sandbox: Sandbox
) -> tuple[list[Evidence], dict[str, str]]:
    """What is left of each variant, and the variants that stand for others now."""

    def look(
        ids: Collection[str],
    ) -> tuple[Mapping[str, Instance], Mapping[str, Span], Mapping[str, bytes]]:
        return _looked_up(store, ids)

    def tokens(text: str) -> int:
        return store.embedder.tokens(text)

    found, heirs = [], {}
    for entry in entries:
        for evidence in entry.evidence:
            left = without(
                evidence, gone.trajectories, gone.instances, gone.sources, look, tokens, sandbox
            )
            if left is not None:
                found.append(left)
                if left.variant_id != evidence.variant_id:
                    heirs[evidence.variant_id] = left.variant_id
    return found, heirs


def _together(
    entries: Sequence[Stored], left: Sequence[Evidence], beside: Sequence[Stored]
) -> list[list[Evidence]]:
    """Evidence by the entry that it is of, each variant once, in the first entry that has it."""
    every = united([*left, *(one for e in beside for one in e.evidence)])
    homes: dict[str, int] = {}
    for place, entry in enumerate(entries):
        for provenance in entry.procedure.provenance:
            homes.setdefault(provenance.span_id, place)
    by_entry: dict[int, list[Evidence]] = {}
    for evidence in every:
        place = min(homes[member.span.id] for member in evidence.members)
        by_entry.setdefault(place, []).append(evidence)
    return [found for _, found in sorted(by_entry.items())]


def _looked_up(
    store: Store, ids: Collection[str]
) -> tuple[Mapping[str, Instance], Mapping[str, Span], Mapping[str, bytes]]:
    rows = store.rows(
        "SELECT i.*, t.problem FROM instances AS i JOIN trajectories AS t USING (trajectory_id) "
        "WHERE instance_id IN (SELECT unnest(?))",
        [sorted(ids)],
    )
    instances = {row["instance_id"]: instance_of(row) for row in rows}
    proposals = restored_proposals(store, {i.span_id for i in instances.values()})
    texts = {row["problem_id"]: shingles(row["problem"]) for row in rows}
    return instances, {i: p.span for i, p in proposals.items()}, texts


def _scrub_events(
    store: Store,
    ids: Collection[str],
    lost: Collection[str],
    gone: _Withdrawn,
    changes: Rewriting,
) -> None:
    """Failures on instances that go are no longer named one by one in events of ``ids``, nor are
    entries that are ``lost`` in any."""
    rows = store.rows(
        "SELECT * FROM events WHERE procedure_id IN (SELECT unnest(?)) OR procedure_id IN "
        "(SELECT e.procedure_id FROM events AS e, (SELECT unnest(?) AS id) "
        "WHERE contains(e.evidence, id))",
        [sorted(ids), sorted(lost)],
    )
    scrubbed: dict[str, list[Row]] = {}
    touched = set()
    for row in rows:
        if row["procedure_id"] in lost:
            continue
        before = json.loads(row["evidence"])
        told = {
            name: [one for one in value if one not in lost] if name in _NAMING else value
            for name, value in before.items()
        }
        if isinstance(told.get("first"), list):
            told["first"] = [f for f in told["first"] if f.get("instance") not in gone.instances]
        if told != before:
            touched.add(row["procedure_id"])
            row = row | {"evidence": dump_json(told)}
        scrubbed.setdefault(row["procedure_id"], []).append(row)
    for identifier in sorted(touched):
        changes.replace("events", "procedure_id", [identifier], scrubbed[identifier])


__all__ = ["run_forget"]
