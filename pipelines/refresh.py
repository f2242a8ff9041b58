"""refresh: new traces into a store that is there.

What the store knows is skipped; the rest is clustered with what it has of the same classes, under
the centroids that it has. Groups that are other than before are replayed, as far as their verdicts
are not known, and their entries settled, so that it becomes the store that mining all at once
gives; and every entry keeps its id and its history.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

from tracemine.pipelines.garbage import not_looked_for
from tracemine.pipelines.incoming import Incoming, cut_incoming, read_incoming, write_incoming
from tracemine.pipelines.lifecycle_options import RefreshOptions
from tracemine.pipelines.options import now
from tracemine.pipelines.progress import Progress
from tracemine.pipelines.refresh_ledger import ledger_of_refresh
from tracemine.pipelines.requested import fingerprint_of, open_sandbox
from tracemine.pipelines.tool_recount import recount_tools
from tracemine.pipelines.verify import changing, installed_now
from tracemine.schemas import Merged, Procedure, Rejected, Replay, arrow
from tracemine.schemas.arrow import Row, procedure_from_row
from tracemine.schemas.values import dump_json
from tracemine.store import Draft, RequestError, Store, publish
from tracemine.store.cells import CELLS_FILE, Cells, read_cells, write_cells
from tracemine.store.lifecycle import Failure
from tracemine.store.lifecycle.rewrite import Rewriting, fields_of, write_changes
from tracemine.store.lifecycle.rules import IN_USE, NO_LONGER_CANONICAL, WITHDRAWN
from tracemine.store.versions import replayed_with
from tracemine.store.views import ENTRIES, entry_ids
from tracemine.transforms.admit import AdmitOptions
from tracemine.transforms.consolidate import STAGE as CONSOLIDATE
from tracemine.transforms.methods import with_method
from tracemine.transforms.read import resolve_inputs
from tracemine.transforms.refreshing import Shown, embedded, fallen, shown
from tracemine.transforms.refuted import Refuted, falls_told, keep_refuted
from tracemine.transforms.regrouping import Regrouped, Touched, regrouped, touched
from tracemine.transforms.remembered import Remembered
from tracemine.transforms.restored import (
    Stored,
    recut_proposals,
    restored_entries,
)
from tracemine.transforms.segment import Proposal
from tracemine.transforms.settling import (
    Entered,
    Moment,
    News,
    changes_told,
    news_of_judgement,
    replays_now,
    settle_entries,
    write_entries,
    write_replays,
)
from tracemine.transforms.tool_facts import row_of


def run_refresh(options: RefreshOptions) -> dict[str, Any]:
    """Add ``options.inputs`` to the store at ``options.store``; gives what ``--json`` prints.

    Raises:
        RequestError: if an input or the store cannot be used, or the store was mined by another
            teacher than the rules as they are now.
        StoreError: if there is no store, or it is damaged. Nothing is published then.
        LedgerError: if a record was lost on the way.
    """
    sandbox, _ = open_sandbox(require_isolation=options.require_isolation)
    files = resolve_inputs(options.inputs, format=options.format, columns=options.columns)
    as_of = options.as_of or now()
    with (
        changing(options.store, as_of, settles_all=True) as (draft, store),
        Progress(enabled=options.progress),
        not_looked_for(),
    ):
        manifest = store.snapshot.manifest
        _expect_rules(manifest, options.store)
        moment = Moment(draft.policy, as_of, draft.number, installed_now(store))
        admission = AdmitOptions(
            holdout=float(manifest.get("holdout") or 0.0),
            licences=tuple(manifest.get("licences") or ()),
            require_isolation=options.require_isolation,
        )
        incoming = read_incoming(store, files, admission, sandbox)
        came = incoming.trajectories or incoming.rejected or incoming.sources
        if not (came or draft.policy_is_new or _is_ungrouped(store)):
            draft.abandon()
            return {
                "snapshot": store.snapshot.number,
                "store": options.store,
                "published": False,
                "as_of": manifest["as_of"],
                "known_trajectories": incoming.known,
                "groups": 0,
                "known_verdicts": 0,
                "changes": {},
                "merged": 0,
                **ledger_of_refresh(store, incoming, frozenset(), [], [], Rewriting()),
            }
        cut_incoming(incoming)
        changes = Rewriting()
        moved = write_incoming(incoming, store, changes)
        known = _is_as_now(manifest, draft)
        restore = partial(_restored, store, incoming, known=known)
        cells = _cells(store)
        found = regrouped(
            embedded(incoming.proposals, store), store, restore, cells, every=not known
        )
        around = touched(found, store, restore, _spans_of(store, moved))
        recall = Remembered(around) if known else None
        seen = shown(around.groups, moment.policy, sandbox, around.replays, recall)
        entered, refuted = _settle(store, around, seen, found, moment, changes)
        gone = [*found.rejected, *seen.rejected]
        asked = {r.instance_id for one in refuted for e in one.evidence for r in e.replays}
        _write_spans(store, around, seen, entered, gone, asked, changes)
        changes.replace("clustered", "span_id", found.out, ())
        rows = found.rows if known else _with_methods(store, around, found.rows)
        changes.replace("clustered", "span_id", {row["span_id"] for row in rows}, rows)
        changes.add("handoff", map(row_of, incoming.handed_off))
        recount_tools(
            store, incoming.handed_off, frozenset(), moved, moment, sandbox, changes,
            every=draft.policy_is_new,
        )  # fmt: skip
        ledger = ledger_of_refresh(store, incoming, around.entries, entered, gone, changes, refuted)
        carry = write_changes(draft, store.snapshot, changes)
        if found.cells.keys() != cells.keys():
            # A class has become so large that it is cut: from now on into these.
            write_cells(found.cells, f"{draft.folder}/{CELLS_FILE}")
            carry = [name for name in carry if not name.endswith(CELLS_FILE)]
        told = {
            "known_trajectories": incoming.known,
            "groups": len(around.groups),
            "known_verdicts": len(seen.recalled),
            "changes": dict(sorted((changes_told(entered) + falls_told(refuted)).items())),
            "merged": sum(len(one.settled.merged) for one in entered),
        }
        number = publish(
            draft,
            {
                **fields_of(store.snapshot),
                "as_of": as_of,
                "inputs": [*manifest["inputs"], *(file.describe() for file in files)],
                "replayed": replayed_with(draft.policy),
                "ledger": ledger,
                "change": {"command": "refresh", **told},
            },
            carry=carry,
        )
    return {
        "snapshot": number, "store": options.store, "published": True, "as_of": as_of,
        **told, **ledger,
    }  # fmt: skip


def _expect_rules(manifest: Mapping[str, Any], store: str) -> None:
    teacher = manifest.get("teacher")
    if teacher != fingerprint_of("rules"):
        raise RequestError(
            f"{store} was mined by the teacher {teacher}, and refresh cuts traces by the rules as "
            f"they are now ({fingerprint_of('rules')}): mine all of it again"
        )
    if manifest.get("known"):
        raise RequestError(f"{store} was mined with --known: refresh the stores of which it is one")


# -- what is there -----------------------------------------------------------------------------


def _restored(
    store: Store, incoming: Incoming, ids: Collection[str], *, known: bool
) -> dict[str, Proposal]:
    """Spans that the store has clustered, with what is known now of where they were published;
    those that replay refuted are cut anew. Unless what decides is as it was, their methods and
    variants are told anew."""
    tokens = cache(store.embedder.tokens)
    found = {
        i: replace(
            one,
            source=min([one.source, *incoming.sources.get(one.span.trajectory_id, ())]),
            tokens=tokens(one.span.subroutine),
        )
        for i, one in recut_proposals(store, ids).items()
    }
    if known:
        return found
    return {i: with_method(replace(p, method="", variant="")) for i, p in found.items()}


def _with_methods(store: Store, around: Touched, rows: Sequence[Row]) -> list[Row]:
    """``rows`` of ``clustered``, and those of all other spans in these groups whose method or
    variant is another than the store says, with what they are now."""
    now_is = {p.span.id: p for group in around.groups for p in group}
    others = store.rows(
        "SELECT * FROM clustered WHERE span_id IN (SELECT unnest(?))", [sorted(now_is)]
    )
    every = {row["span_id"]: row for row in (*others, *rows)}
    written = {row["span_id"] for row in rows}
    found = []
    for i, row in sorted(every.items()):
        one = now_is.get(i)
        told = (one.method, one.variant) if one else (row["method"], row["variant_id"])
        if i in written or told != (row["method"], row["variant_id"]):
            found.append(row | {"method": told[0], "variant_id": told[1]})
    return found


def _is_as_now(manifest: Mapping[str, Any], draft: Draft) -> bool:
    """Whether the verdicts of the store are those that would be found now, and its entries settled
    by the rules of now: what decides them is what it was when its groups were replayed."""
    same = manifest.get("replayed") == replayed_with(draft.policy)
    return same and not draft.policy_is_new


def _is_ungrouped(store: Store) -> bool:
    """Whether some of what a group held has been forgotten since."""
    return bool(store.rows("SELECT span_id FROM clustered WHERE group_id = '' LIMIT 1"))


def _spans_of(store: Store, trajectories: Collection[str]) -> list[str]:
    spans = store.rows(
        "SELECT span_id FROM spans WHERE trajectory_id IN (SELECT unnest(?))",
        [sorted(trajectories)],
    )
    return [row["span_id"] for row in spans]


def _cells(store: Store) -> dict[str, Cells]:
    """The centroids that the store has."""
    snapshot = store.snapshot
    paths = [snapshot.location.url(e["path"]) for e in snapshot.manifest["files"] if "cells" in e]
    return read_cells(paths[0]) if paths else {}


# -- what it is now ----------------------------------------------------------------------------


def _settle(
    store: Store,
    around: Touched,
    found: Shown,
    groups: Regrouped,
    moment: Moment,
    changes: Rewriting,
) -> tuple[list[Entered], list[Refuted]]:
    """What the entries are now, and those that were refuted and stay."""
    entries = _entries(store, around.entries)
    merged = [Merged(**row) for row in store.rows("SELECT * FROM merged")]
    before = around.replays
    evidence = [one for together in found.evidence for one in together]
    known = {variant for variant, _ in found.recalled}
    news = {}
    for one in evidence:
        failures = tuple(
            Failure(r.variant_id, r.instance_id, r.verdict, r.reason) for r in fallen(one, before)
        )
        judged = news_of_judgement(one.replays)
        news[one.variant_id] = News(one.variant_id not in known, failures, judged)
    holders = {member.span.id: one.variant_id for one in evidence for member in one.members}
    heirs = {}
    for entry in entries:
        for variant in entry.procedure.variants:
            span = groups.kept_for.get(variant.span_id, variant.span_id)
            if variant.variant_id not in news and span in holders:
                heirs[variant.variant_id] = holders[span]
    entered, gone = settle_entries(
        entries,
        found.evidence,
        news,
        moment,
        heirs,
        merged,
        entry_ids(store),
    )
    entered = _saying_where_it_went(entered, before)
    write_entries(changes, store, entries, entered, cache(lambda: store.embedder))
    served = {
        e.procedure.procedure_id for e in entries if e.procedure.status in (*IN_USE, "quarantined")
    }
    lost = [one for one in gone if one.procedure_id in served]
    dropped = {one.procedure_id for one in gone} - served
    # What went into a candidate that goes, goes with it.
    led = {m.procedure_id for m in merged if m.into in dropped}
    led -= {one.procedure.procedure_id for one in entered}
    changes.remove("merged", "into", dropped)
    changes.remove("events", "procedure_id", dropped | led)
    ids = [one.procedure_id for one in lost]
    kept = keep_refuted(restored_entries(store, ids), found.refuted, before, holders, moment)
    changes.add("procedures", (arrow.procedure_row(fell.procedure) for fell in kept))
    changes.add("events", (arrow.event_row(event) for fell in kept for event in fell.events))
    shown_by_kept = [e for fell in kept for e in fell.evidence]
    variants = {e.variant_id for e in shown_by_kept}
    write_replays(
        changes,
        (r for verdicts in before.values() for r in verdicts.values()),
        [
            *replays_now(entered),
            *(r for e in shown_by_kept for r in e.replays),
            *(r for v, e in found.refuted.items() if v not in variants for r in e.replays),
        ],
    )
    return entered, kept


def _saying_where_it_went(
    entered: Sequence[Entered], before: Mapping[str, Mapping[str, Replay]]
) -> list[Entered]:
    """``entered``, where the events of those that fell name the entries that pass now on what these
    passed on before: groups that were drawn anew may give what one showed to another."""
    passing: dict[str, set[str]] = {}
    for one in entered:
        for verdict in one.finished.replays:
            if verdict.verdict == "pass":
                passing.setdefault(verdict.instance_id, set()).add(one.procedure.procedure_id)
    found = []
    for one in entered:
        own = one.procedure.procedure_id
        met: Counter[str] = Counter()
        for variant in (own, *(v.variant_id for v in one.procedure.variants)):
            for instance, verdict in before.get(variant, {}).items():
                holders = passing.get(instance, set())
                if verdict.verdict == "pass" and own not in holders:
                    met.update(holders)
        if met:
            most = sorted(met, key=lambda holder: (-met[holder], holder))[:3]
            events = tuple(
                replace(e, evidence=dump_json(json.loads(e.evidence) | {"now_of": most}))
                if e.rule in (WITHDRAWN, NO_LONGER_CANONICAL)
                else e
                for e in one.settled.events
            )
            one = replace(one, settled=replace(one.settled, events=events))
        found.append(one)
    return found


def _entries(store: Store, ids: Collection[str]) -> list[Stored]:
    """Entries without their evidence."""
    among = "WHERE procedure_id IN (SELECT unnest(?))"
    wanted = [sorted(ids)]
    since = {
        row["procedure_id"]: row["since"]
        for row in store.rows(
            f'SELECT procedure_id, min("at") AS since FROM events {among} GROUP BY 1', wanted
        )
    }
    rows = store.rows(f"SELECT * FROM {ENTRIES} {among} ORDER BY procedure_id", wanted)
    procedures: list[Procedure] = [procedure_from_row(row) for row in rows]
    return [Stored(p, (), since.get(p.procedure_id, "")) for p in procedures]


def _write_spans(
    store: Store,
    around: Touched,
    found: Shown,
    entered: Sequence[Entered],
    gone: Sequence[Rejected],
    asked: Collection[str],
    changes: Rewriting,
) -> None:
    """The spans and instances of the groups that were replayed, and the ledger's lines of stages
    that they went through again."""
    before = sorted(around.before)
    rows = {
        row["span_id"]
        for row in store.rows(
            "SELECT span_id FROM spans WHERE span_id IN (SELECT unnest(?))", [before]
        )
    }
    spans = {span.id: span for one in entered for span in one.finished.spans}
    quoted = {
        p["span_id"] for row in changes.rows.get("procedures", []) for p in row["provenance"]
    } | {v["span_id"] for row in changes.rows.get("procedures", []) for v in row["variants"]}
    left = rows & (quoted - spans.keys())
    changes.remove("spans", "span_id", rows - spans.keys() - left)
    changes.add("spans", (arrow.span_row(spans[i]) for i in sorted(spans.keys() - rows)))
    there = store.rows(
        "SELECT instance_id, span_id FROM instances WHERE span_id IN (SELECT unnest(?))", [before]
    )
    handed = {
        row["span_id"]
        for row in store.rows(
            "SELECT span_id FROM handoff WHERE span_id IN (SELECT unnest(?))", [before]
        )
    }
    here = {instance.id: instance for instance in found.instances}
    stay = here.keys() | set(asked)
    of_others = handed | left
    changes.remove(
        "instances",
        "instance_id",
        (
            row["instance_id"]
            for row in there
            if row["instance_id"] not in stay and row["span_id"] not in of_others
        ),
    )
    known = {row["instance_id"] for row in there}
    changes.add("instances", (arrow.instance_row(one) for i, one in here.items() if i not in known))
    told = store.rows(
        "SELECT DISTINCT detail FROM rejected WHERE stage = ? AND record_id IN (SELECT unnest(?))",
        [CONSOLIDATE, before],
    )
    # What was a duplicate of a span that is there stays in the ledger; what was refuted may be
    # so no more.
    changes.remove("rejected", "detail", {row["detail"] for row in told})
    changes.add("rejected", (arrow.rejected_row(r) for r in gone if r.record_id not in left))


__all__ = ["run_refresh"]
