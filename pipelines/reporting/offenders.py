"""The worst offenders: entries that fail most, and sources and teachers that lose most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from operator import sub
from typing import Any

from tracemine.pipelines.reporting.entries import Lines
from tracemine.pipelines.reporting.funnel import Funnel
from tracemine.store import Store
from tracemine.store.requests import SEARCHED

#: How many of each kind are shown.
MOST = 10

#: Statuses of an entry whose failures count: a candidate has not been let in.
_JUDGED = (*SEARCHED, "quarantined")


@dataclass(frozen=True, slots=True)
class Failing:
    """An entry that search may give, and how many of its replays failed."""

    id: str
    subquestion: str
    status: str
    failures: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Losing:
    """A source or teacher: what it brought, what of it was lost and the commonest reason. Of a
    source these are trajectories, and spans; of a teacher (whose trajectories are not its own)
    spans alone. What was left out because the run was asked to, duplicates and hand-offs are no
    losses."""

    name: str
    brought: int
    lost: int
    reason: str
    segmented: int
    spans_lost: int
    spans_reason: str


def failing(lines: Lines) -> list[Failing]:
    """The entries with the most failed replays, `MOST` of them."""
    columns, names = lines.columns, lines.names
    rows = [
        row
        for row, failures in enumerate(map(sub, columns["attempts"], columns["passes"]))
        if failures > 0
        and names["status"][columns["status"][row]] in _JUDGED
        and names["kind"][columns["kind"][row]] == "procedure"
    ]
    rows.sort(
        key=lambda row: (
            columns["passes"][row] - columns["attempts"][row],
            columns["rate"][row],
            columns["id"][row],
        )
    )
    return [
        Failing(
            columns["id"][row],
            columns["subquestion"][row],
            names["status"][columns["status"][row]],
            columns["attempts"][row] - columns["passes"][row],
            columns["attempts"][row],
        )
        for row in rows[:MOST]
    ]


def losing_sources(funnel: Funnel) -> list[Losing]:
    """The sources that lose most, by the share of their trajectories or of their spans, whichever
    is greater; `MOST` of them."""
    found = []
    for source in funnel.sources:
        lost = {unit: Counter[str]() for unit in ("trajectory", "span")}
        for loss in funnel.losses:
            if loss.is_loss and loss.unit in lost and loss.by_source.get(source):
                lost[loss.unit][loss.reason] += loss.by_source[source]
        found.append(
            Losing(
                source,
                funnel.read.get(source, 0),
                lost["trajectory"].total(),
                _first(lost["trajectory"]),
                funnel.segmented.get(source, 0),
                lost["span"].total(),
                _first(lost["span"]),
            )
        )
    found = [one for one in found if one.lost or one.spans_lost]
    return sorted(found, key=lambda one: (-_worst(one), one.name))[:MOST]


def losing_teachers(stores: Sequence[Store]) -> tuple[list[Losing], int]:
    """What each teacher cut and lost, by the ledgers of the snapshots ``stores``, each of which has
    what was added by its run, and how many spans these runs cut in all. A window that it failed on
    is counted as one span."""
    cut: Counter[str] = Counter()
    lost: dict[str, Counter[str]] = {}
    before: Any = None
    for store in stores:
        manifest = store.snapshot.manifest
        ledger = manifest.get("ledger") or {}
        # A snapshot that only folds another's files has its ledger.
        if ledger == before:
            continue
        before = ledger
        teacher, spans = str(manifest.get("teacher") or ""), ledger.get("spans") or {}
        cut[teacher] += spans.get("segmented", 0) + sum((spans.get("failed") or {}).values())
        reasons = lost.setdefault(teacher, Counter())
        for column in ("rejected", "failed"):
            reasons.update(spans.get(column) or {})
    found = [
        Losing(name, 0, 0, "", cut[name], reasons.total(), _first(reasons))
        for name, reasons in lost.items()
        if cut[name]
    ]
    worst = sorted(found, key=lambda one: (-_worst(one), one.name))[:MOST]
    return worst, cut.total()


def _worst(one: Losing) -> float:
    shares = [(one.lost, one.brought), (one.spans_lost, one.segmented)]
    return max(lost / of if of else 0.0 for lost, of in shares)


def _first(reasons: Counter[str]) -> str:
    return min(reasons, key=lambda reason: (-reasons[reason], reason)) if reasons else ""


__all__ = ["MOST", "Failing", "Losing", "failing", "losing_sources", "losing_teachers"]
