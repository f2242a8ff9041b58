"""The funnel: what became of every trajectory and span, by source, counted in a store's tables.

A later snapshot's tables hold what came before too, its ledger only what was added; so rows are
counted here, and the ledger is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tracemine.store import Store
from tracemine.transforms.admit import HELD_OUT, LICENCE, NOT_HELD_OUT

#: What stands for a source that a record does not name.
NO_SOURCE = "source not stated"
#: Stages whose records are trajectories; those of all others are spans.
_OF_TRAJECTORIES = ("read", "admit")
#: The fate of a span that is no procedure and went to another store.
HANDOFF = "handoff"
#: A window that a teacher failed on is no span, and in no sum.
WINDOW = "window"
#: What a kept span is called that no entry rests on.
RESTS_NOWHERE = "no entry"

#: Reasons that whoever ran it gave.
_AS_ASKED = frozenset({HELD_OUT, NOT_HELD_OUT, LICENCE})

#: A status, in which order a span of several entries is counted: once, by the first.
_ORDER = ("canonical", "verified", "candidate", "expired", "merged", "quarantined")

_GONE = f"""
    SELECT stage, fate, reason, coalesce(
        CASE WHEN stage IN {_OF_TRAJECTORIES}
        THEN coalesce(record->>'$.sources[0].dataset', record->>'$.file')
        ELSE t.source END, '{NO_SOURCE}') AS source, count(*) AS n
    FROM rejected LEFT JOIN trajectories t ON t.trajectory_id = record->>'$.trajectory_id'
    GROUP BY ALL ORDER BY ALL
"""
_HANDED = f"""
    SELECT 'route' AS stage, '{HANDOFF}' AS fate, h.kind AS reason, t.source, count(*) AS n
    FROM handoff h JOIN trajectories t USING (trajectory_id) GROUP BY ALL ORDER BY ALL
"""
_KEPT = """
    WITH resting AS (
        SELECT p.span_id AS span_id, min(coalesce(list_position(?, status), 9)) AS place FROM (
            SELECT status, unnest(provenance) AS p FROM procedures
            UNION ALL SELECT status, unnest(provenance) AS p FROM candidates
        ) GROUP BY ALL
    )
    SELECT t.source, r.place, count(*) AS n FROM spans s JOIN trajectories t USING (trajectory_id)
    LEFT JOIN resting r USING (span_id) GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True, slots=True)
class Loss:
    """Records of one ``unit`` (``trajectory``, ``span`` or ``window``) that left the line at
    ``stage`` for one ``reason``: how many, by source. ``fate`` is ``rejected``, ``failed``,
    ``duplicate`` or ``handoff``, which is none: what is handed off is used elsewhere."""

    unit: str
    fate: str
    stage: str
    reason: str
    by_source: Mapping[str, int]

    @property
    def is_loss(self) -> bool:
        """Whether it is lost: not a duplicate, not of use elsewhere, not left out as asked."""
        return self.fate in ("rejected", "failed") and self.reason not in _AS_ASKED

    @property
    def total(self) -> int:
        """How many, of all sources."""
        return sum(self.by_source.values())


@dataclass(frozen=True, slots=True)
class Funnel:
    """Counts by source, ``sources`` in order of the trajectories read, most first.

    For each source, and so in all: trajectories ``read`` = ``admitted`` + the losses of unit
    ``trajectory``; spans ``segmented`` = ``kept`` + those of unit ``span``. ``resting`` has for
    each status how many kept spans are of an entry with it; ``entries`` counts these entries."""

    sources: tuple[str, ...]
    read: Mapping[str, int]
    admitted: Mapping[str, int]
    segmented: Mapping[str, int]
    kept: Mapping[str, int]
    losses: tuple[Loss, ...]
    resting: Mapping[str, Mapping[str, int]]
    entries: Mapping[str, int]

    def of(self, unit: str) -> tuple[Loss, ...]:
        """The losses of a unit, greatest first."""
        return tuple(loss for loss in self.losses if loss.unit == unit)


def funnel(store: Store) -> Funnel:
    """The funnel of a snapshot.

    Raises:
        StoreError: if a file of it is damaged.
    """
    admitted = _counter(store, "SELECT source, count(*) AS n FROM trajectories GROUP BY ALL")
    read, segmented = Counter(admitted), Counter[str]()
    counted: dict[tuple[str, str, str, str], Counter[str]] = {}
    for row in [*store.rows(_GONE), *store.rows(_HANDED)]:
        unit = unit_of(row["stage"], row["fate"])
        key = (unit, row["fate"], row["stage"], row["reason"])
        counted.setdefault(key, Counter())[row["source"]] += row["n"]
        if unit == "trajectory":
            read[row["source"]] += row["n"]
        elif unit == "span":
            segmented[row["source"]] += row["n"]
    kept: Counter[str] = Counter()
    resting: dict[str, Counter[str]] = {}
    for row in store.rows(_KEPT, [list(_ORDER)]):
        place = row["place"]
        status = _ORDER[place - 1] if place and place <= len(_ORDER) else RESTS_NOWHERE
        kept[row["source"]] += row["n"]
        resting.setdefault(status, Counter())[row["source"]] += row["n"]
    segmented.update(kept)
    losses = [Loss(*key, by_source=by_source) for key, by_source in counted.items()]
    return Funnel(
        sources=_ordered([*read, *segmented], read),
        read=read,
        admitted=admitted,
        segmented=segmented,
        kept=kept,
        losses=tuple(sorted(losses, key=lambda x: (-x.total, x.unit, x.fate, x.stage, x.reason))),
        resting={s: resting[s] for s in (*_ORDER, RESTS_NOWHERE) if s in resting},
        entries=_counter(
            store,
            "SELECT status AS source, count(*) AS n FROM (SELECT status FROM procedures "
            "UNION ALL SELECT status FROM candidates) GROUP BY ALL",
        ),
    )


def unit_of(stage: str, fate: str) -> str:
    """What a row of ``rejected`` is one of: ``trajectory``, ``span`` or ``window``."""
    if stage in _OF_TRAJECTORIES:
        return "trajectory"
    return WINDOW if fate == "failed" else "span"


def _counter(store: Store, query: str) -> Counter[str]:
    return Counter({row["source"]: row["n"] for row in store.rows(query)})


def _ordered(sources: Iterable[str], read: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(sorted(set(sources), key=lambda source: (-read.get(source, 0), source)))


__all__ = [
    "HANDOFF", "NO_SOURCE", "RESTS_NOWHERE", "WINDOW", "Funnel", "Loss", "funnel",
    "unit_of",
]  # fmt: skip
