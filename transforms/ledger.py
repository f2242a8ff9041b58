"""The ledger: what came in, and where it went. Counted from the data itself, never from a runner's
counters, because a runner may run an element twice.

A count is a pair of a path and a number, ``(("spans", "rejected", REASON), 1)``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import apache_beam as beam

from tracemine.schemas import Rejected
from tracemine.schemas.records import STATUSES, VERDICTS

Path = tuple[str, ...]


class LedgerError(Exception):
    """A ledger that does not add up: a fault of tracemine, never of the data. Nothing is
    published."""


#: Fate of a rejected record -> the name of its column in the ledger.
_COLUMNS = {"rejected": "rejected", "failed": "failed", "duplicate": "duplicates"}


class Total(beam.PTransform):
    """Counts -> one ``(path, total)`` for each path."""

    def expand(self, counts: beam.PCollection) -> beam.PCollection:
        return counts | "Sum" >> beam.CombinePerKey(sum)


def rejected_paths(kind: str, rejected: Rejected) -> list[tuple[Path, int]]:
    """The counts of one rejected record of ``kind`` (``trajectories`` or ``spans``)."""
    column = _COLUMNS[rejected.fate]
    if column == "duplicates":
        return [((kind, column), 1)]
    return [((kind, column, rejected.reason), 1)]


def assemble(counts: Iterable[tuple[Path, int]]) -> dict[str, Any]:
    """The ledger as `mine --json` prints it, every column present, reasons in order. ``notes`` are
    what a teacher counts beside spans. ``known`` are spans that another store knows: those that
    were ``left_out`` (they are among the duplicates), and those that only wait there, too, and went
    on."""
    found = dict(counts)

    def by_reason(kind: str, column: str) -> dict[str, int]:
        return {p[2]: n for p, n in sorted(found.items()) if p[:2] == (kind, column)}

    trajectories = {
        "read": found.get(("trajectories", "read"), 0),
        "admitted": found.get(("trajectories", "admitted"), 0),
        "rejected": by_reason("trajectories", "rejected"),
        "duplicates": found.get(("trajectories", "duplicates"), 0),
        "failed": by_reason("trajectories", "failed"),
    }
    spans = {
        "segmented": found.get(("spans", "segmented"), 0),
        "kept": found.get(("spans", "kept"), 0),
        "rejected": by_reason("spans", "rejected"),
        "duplicates": found.get(("spans", "duplicates"), 0),
        "handoff": by_reason("spans", "handoff"),
        "failed": by_reason("spans", "failed"),
    }
    tools = {
        "spans": found.get(("tools", "spans"), 0),
        "none": by_reason("tools", "none"),
        "pointers": {status: found.get(("tools", "pointers", status), 0) for status in STATUSES},
    }
    return {
        "trajectories": trajectories,
        "spans": spans,
        "notes": {p[1]: n for p, n in sorted(found.items()) if p[0] == "notes"},
        "known": {name: found.get(("known", name), 0) for name in ("left_out", "waiting")},
        "replays": {verdict: found.get(("replays", verdict), 0) for verdict in VERDICTS},
        "procedures": {status: found.get(("procedures", status), 0) for status in STATUSES},
        "tools": tools,
    }


def balanced(counts: Iterable[tuple[Path, int]]) -> dict[str, Any]:
    """`assemble`, of a ledger that must add up.

    Raises:
        LedgerError: if it does not: a record was lost on the way.
    """
    ledger = assemble(counts)
    wrong = imbalances(ledger)
    if wrong:
        raise LedgerError("; ".join(wrong))
    return ledger


def imbalances(ledger: Mapping[str, Any]) -> list[str]:
    """One line for each sum of a ledger that does not add up; none for a sound one."""
    trajectories, spans, tools = ledger["trajectories"], ledger["spans"], ledger["tools"]
    sums = {
        "trajectories read": (
            trajectories["read"],
            trajectories["admitted"]
            + sum(trajectories["rejected"].values())
            + trajectories["duplicates"]
            + sum(trajectories["failed"].values()),
        ),
        "spans segmented": (
            spans["segmented"],
            spans["kept"]
            + sum(spans["rejected"].values())
            + spans["duplicates"]
            + sum(spans["handoff"].values()),
        ),
        "hand-offs of kind tool": (
            spans["handoff"].get("tool", 0),
            tools["spans"] + sum(tools["none"].values()),
        ),
    }
    return [
        f"{name}: {came_in} came in, {went_out} are accounted for"
        for name, (came_in, went_out) in sums.items()
        if came_in != went_out
    ]
