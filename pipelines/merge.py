"""merge: near-duplicates that behave alike become one entry; the older one's id stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from tracemine.pipelines.lifecycle_options import MergeOptions
from tracemine.pipelines.options import now
from tracemine.pipelines.requested import open_sandbox
from tracemine.pipelines.verify import changing, installed_now
from tracemine.store import publish
from tracemine.store.lifecycle.rewrite import Rewriting, fields_of, write_changes
from tracemine.store.reader import SERVED
from tracemine.store.versions import replayed_since
from tracemine.transforms.ledger import assemble
from tracemine.transforms.merging import merged, near_pairs
from tracemine.transforms.restored import Stored, restored_entries
from tracemine.transforms.settling import (
    Entered,
    Moment,
    replays_before,
    replays_now,
    settle_entries,
    write_entries,
    write_replays,
)
from tracemine.verifiers import Sandbox


def run_merge(options: MergeOptions) -> dict[str, Any]:
    """Merge what `store.policy` says is one, and publish that; gives what ``--json`` prints.
    Nothing is published where nothing is merged.

    Raises:
        RequestError: if isolation is required and not to be had, or the store cannot be written.
        StoreError: if there is no store, or it is damaged. Nothing is published then.
    """
    sandbox, _ = open_sandbox(require_isolation=options.require_isolation)
    as_of = options.as_of or now()
    with changing(options.store, as_of) as (draft, store):
        moment = Moment(draft.policy, as_of, draft.number, installed_now(store))
        served = [
            row["procedure_id"]
            for row in store.rows(
                "SELECT procedure_id FROM procedures WHERE list_contains(?, status)",
                [list(SERVED)],
            )
        ]
        before = {e.procedure.procedure_id: e for e in restored_entries(store, served)}
        ids, vectors = store.vectors("procedures")
        procedures = {i: e.procedure for i, e in before.items()}
        pairs = near_pairs(procedures, ids, vectors, draft.policy.merge_distance)
        done, touched = _merge(before, pairs, moment, sandbox)
        told = {
            "entries": len(before),
            "pairs": len(pairs),
            "merged": sum(len(one.settled.merged) for one in done.values()),
        }
        if not done:
            draft.abandon()
            live = store.snapshot
            return {"snapshot": live.number, "as_of": live.manifest["as_of"], **told, "into": []}
        changes = Rewriting()
        entries = [before[i] for i in sorted(touched)]
        write_entries(changes, store, entries, list(done.values()), cache(lambda: store.embedder))
        write_replays(changes, replays_before(entries), replays_now(done.values()))
        carry = write_changes(draft, store.snapshot, changes)
        number = publish(
            draft,
            {
                **fields_of(store.snapshot),
                "replayed": replayed_since(store.snapshot.manifest),
                "as_of": as_of,
                "ledger": assemble([]),
                "change": {"command": "merge", **told},
            },
            carry=carry,
        )
    return {"snapshot": number, "as_of": as_of, **told, "into": _who_went(done)}


def _who_went(done: Mapping[str, Entered]) -> list[dict[str, str]]:
    """Which entry went into which, with what each asks now, in order of ids."""
    return [
        {
            "procedure_id": gone.procedure_id,
            "into": gone.into,
            "subquestion": entered.procedure.subquestion,
        }
        for _, entered in sorted(done.items())
        for gone in sorted(entered.settled.merged, key=lambda m: m.procedure_id)
    ]


def _merge(
    before: Mapping[str, Stored],
    pairs: list[tuple[str, str]],
    moment: Moment,
    sandbox: Sandbox,
) -> tuple[dict[str, Entered], set[str]]:
    """What became of the entries that were merged, by id, and the ids of all that took part."""
    now_is: dict[str, str] = {}
    entries = dict(before)
    done: dict[str, Entered] = {}
    touched: set[str] = set()
    for pair in pairs:
        one, other = (now_is.get(i, i) for i in pair)
        if one == other:
            continue
        first, second = entries[one], entries[other]
        found = merged(first, second, moment.policy, moment.as_of, sandbox)
        if found is None:
            continue
        evidence, heirs = found
        settled, gone = settle_entries([first, second], [evidence], {}, moment, heirs)
        if len(settled) != 1 or gone:
            continue
        (entered,) = settled
        kept = entered.procedure.procedure_id
        parts = [done.pop(i) for i in (one, other) if i in done]
        earlier = [replace(m, into=kept) for part in parts for m in part.settled.merged]
        events = [event for part in parts for event in part.settled.events]
        done[kept] = replace(
            entered,
            settled=replace(
                entered.settled,
                events=(*events, *entered.settled.events),
                merged=(*earlier, *entered.settled.merged),
            ),
        )
        touched.update({one, other})
        now_is |= dict.fromkeys((one, other), kept)
        now_is |= {i: kept for i, home in now_is.items() if home in (one, other)}
        since = min(first.since, second.since)
        entries[kept] = Stored(entered.procedure, tuple(evidence), since)
    return done, touched
