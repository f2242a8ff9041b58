"""The ledger of a refresh."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from tracemine.pipelines.incoming import Incoming
from tracemine.schemas import Rejected
from tracemine.store import Store
from tracemine.store.lifecycle.rewrite import Rewriting
from tracemine.store.views import ENTRIES
from tracemine.transforms.ledger import balanced, rejected_paths
from tracemine.transforms.refuted import Refuted
from tracemine.transforms.settling import Entered


def ledger_of_refresh(
    store: Store,
    incoming: Incoming,
    touched_entries: Collection[str],
    entered: Sequence[Entered],
    gone: Sequence[Rejected],
    changes: Rewriting,
    refuted: Sequence[Refuted] = (),
) -> dict[str, Any]:
    """What became of what came in, and what all is now: of ``touched_entries``, ``entered`` and
    ``refuted`` are what is left. ``gone`` left the line in groups that were replayed.

    Raises:
        LedgerError: if a record was lost on the way.
    """
    counts: Counter[tuple[str, ...]] = Counter()
    counts["trajectories", "read"] = incoming.read
    counts["trajectories", "duplicates"] = incoming.known
    counts["trajectories", "admitted"] = len(incoming.trajectories)
    counts["spans", "segmented"] = incoming.segmented
    fresh = {proposal.span.id for proposal in incoming.proposals}
    counts["spans", "kept"] = sum(
        span.id in fresh for one in entered for span in one.finished.spans
    )
    for kind, record in incoming.rejected:
        counts.update(dict(rejected_paths(kind, record)))
    for record in gone:
        if record.record_id in fresh:
            counts.update(dict(rejected_paths("spans", record)))
    for pointed in incoming.handed_off:
        kind = pointed.proposal.span.kind
        counts["spans", "handoff", kind] += 1
        if pointed.call is not None:
            counts["tools", "spans"] += 1
        elif kind == "tool":
            counts["tools", "none", pointed.reason] += 1
    for one in entered:
        counts["procedures", one.procedure.status] += 1
    for kept in refuted:
        counts["procedures", kept.procedure.status] += 1
    for row in changes.rows.get("replays", ()):
        counts["replays", row["verdict"]] += 1
    going = changes.gone.get("replays", {})
    looked_at = [sorted(touched_entries)]
    others = f"{ENTRIES} WHERE procedure_id NOT IN (SELECT unnest(?))"
    recounted = [sorted(changes.gone.get("tools", {}).get("procedure_id", ()))]
    for path, query, but in (
        (("procedures",), f"SELECT status AS name FROM {others}", looked_at),
        (
            ("replays",),
            "SELECT verdict AS name FROM replays WHERE variant_id NOT IN (SELECT unnest(?)) "
            "AND instance_id NOT IN (SELECT unnest(?)) "
            "AND concat(variant_id, ' ', instance_id) NOT IN (SELECT unnest(?))",
            [
                sorted(going.get("variant_id", ())),
                sorted(going.get("instance_id", ())),
                sorted(" ".join(pair) for pair in changes.verdicts),
            ],
        ),
        (
            ("tools", "pointers"),
            "SELECT status AS name FROM tools WHERE procedure_id NOT IN (SELECT unnest(?))",
            recounted,
        ),
    ):
        for row in store.rows(f"SELECT name, count(*) AS n FROM ({query}) GROUP BY 1", but):
            counts[*path, row["name"]] += row["n"]
    for row in changes.rows.get("tools", ()):
        counts["tools", "pointers", row["status"]] += 1
    return balanced(counts.items())


__all__ = ["ledger_of_refresh"]
