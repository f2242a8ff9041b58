"""How a store went from snapshot to snapshot: its size, how often its entries are right, and what
changed in those that were there before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from tracemine.store import Store
from tracemine.store.requests import SEARCHED

#: An entry's success rate changed if it differs by more than this.
_EPSILON = 1e-9
#: What a snapshot was made by that does not say it.
_MADE_BY = "mine"

_STANDING = """
    SELECT procedure_id, status, variants[1].attempts AS attempts, success_rate FROM procedures
    UNION ALL
    SELECT procedure_id, status, variants[1].attempts AS attempts, success_rate FROM candidates
"""
_SIZES = """
    SELECT (SELECT count(*) FROM trajectories) AS trajectories,
        (SELECT count(*) FROM spans) AS spans,
        (SELECT coalesce(avg(variants[1].tokens), 0) FROM procedures) AS tokens
"""
_GONE = "SELECT stage, reason, count(*) AS n FROM rejected GROUP BY ALL ORDER BY ALL"


@dataclass(frozen=True, slots=True)
class Drift:
    """What became of the entries of the snapshot before: of those that both serve and that were
    tried in both, how many success rates ``rose``, ``fell`` or ``stayed``, and the mean ``change``
    (None where there are none); ``demoted`` are served no longer, ``entered`` are now and were not,
    ``gone`` have no entry now; ``added`` are new."""

    rose: int
    fell: int
    stayed: int
    change: float | None
    demoted: int
    entered: int
    gone: int
    added: int


@dataclass(frozen=True, slots=True)
class Again:
    """What `verify` found of the entries of one month, domain or teacher (``facet``): how many,
    the calls that it made again, and the shares of them that had passed and that pass now (None
    where there were none)."""

    facet: str
    name: str
    entries: int
    calls: int
    before: float | None
    now: float | None


@dataclass(frozen=True, slots=True)
class Moment:
    """A snapshot in numbers: the command that made it, rows in its tables, entries by status, the
    mean success rate of what it serves (None if nothing was tried) and its mean tokens. ``gone``
    counts what left the line so far, by stage and reason. ``drift`` is None in the first; ``again``
    is what was replayed again for it."""

    number: str
    as_of: str
    made_by: str
    teacher: str
    trajectories: int
    spans: int
    entries: Mapping[str, int]
    rate: float | None
    tokens: float
    gone: Mapping[tuple[str, str], int]
    drift: Drift | None
    again: tuple[Again, ...]

    @property
    def served(self) -> int:
        """How many entries search gives."""
        return sum(self.entries.get(status, 0) for status in SEARCHED)


@dataclass(frozen=True, slots=True)
class _Standing:
    served: bool
    rate: float | None


def moments(stores: Sequence[Store]) -> list[Moment]:
    """The snapshots ``stores``, oldest first, in numbers.

    Raises:
        StoreError: if a file of one is damaged.
    """
    found: list[Moment] = []
    before: dict[str, _Standing] | None = None
    for store in stores:
        entries: Counter[str] = Counter()
        standing: dict[str, _Standing] = {}
        for row in store.rows(_STANDING):
            entries[row["status"]] += 1
            rate = row["success_rate"] if row["attempts"] else None
            standing[row["procedure_id"]] = _Standing(row["status"] in SEARCHED, rate)
        rates = [s.rate for s in standing.values() if s.served and s.rate is not None]
        manifest, sizes = store.snapshot.manifest, store.rows(_SIZES)[0]
        change = manifest.get("change") or {}
        found.append(
            Moment(
                number=store.snapshot.number,
                as_of=str(manifest.get("as_of") or ""),
                made_by=str(change.get("command", _MADE_BY)),
                teacher=str(manifest.get("teacher") or ""),
                trajectories=sizes["trajectories"],
                spans=sizes["spans"],
                entries=dict(entries),
                rate=fmean(rates) if rates else None,
                tokens=float(sizes["tokens"]),
                gone={(row["stage"], row["reason"]): row["n"] for row in store.rows(_GONE)},
                drift=None if before is None else _drift(before, standing),
                again=tuple(
                    Again(
                        facet,
                        name,
                        told["entries"],
                        told["calls"],
                        told["rate_before"],
                        told["rate_now"],
                    )
                    for facet, by_name in (change.get("drift") or {}).items()
                    for name, told in by_name.items()
                ),
            )
        )
        before = standing
    return found


def grown(moments: Sequence[Moment]) -> list[tuple[str, str, int, int]]:
    """``(stage, reason, before, now)`` of what left the line more often in the last snapshot than
    in the one before, what grew most first."""
    if len(moments) < 2:
        return []
    before, now = moments[-2].gone, moments[-1].gone
    more = [(*key, before.get(key, 0), n) for key, n in now.items() if n > before.get(key, 0)]
    return sorted(more, key=lambda row: (row[2] - row[3], row[0], row[1]))


def _drift(before: Mapping[str, _Standing], now: Mapping[str, _Standing]) -> Drift:
    changes: list[float] = []
    demoted = entered = 0
    for identifier in before.keys() & now.keys():
        was, is_now = before[identifier], now[identifier]
        demoted += was.served and not is_now.served
        entered += is_now.served and not was.served
        if was.served and is_now.served and was.rate is not None and is_now.rate is not None:
            changes.append(is_now.rate - was.rate)
    return Drift(
        rose=sum(change > _EPSILON for change in changes),
        fell=sum(change < -_EPSILON for change in changes),
        stayed=sum(abs(change) <= _EPSILON for change in changes),
        change=sum(sorted(changes)) / len(changes) if changes else None,
        demoted=demoted,
        entered=entered,
        gone=len(before.keys() - now.keys()),
        added=len(now.keys() - before.keys()),
    )


__all__ = ["Again", "Drift", "Moment", "grown", "moments"]
