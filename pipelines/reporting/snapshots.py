"""How a store went from snapshot to snapshot: its size, how often its entries are right, and what
changed in those that were there before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from tracemine.pipelines.reporting.funnel import WINDOW, unit_of
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
        (SELECT count(*) FROM handoff) AS handed_off,
        (SELECT coalesce(avg(variants[1].tokens), 0) FROM procedures) AS tokens
"""
_GONE = "SELECT stage, fate, reason, count(*) AS n FROM rejected GROUP BY ALL ORDER BY ALL"


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
    mean success rate of what it serves (None if nothing was tried) and its mean tokens. ``known``
    counts the trajectories that its run read and knew already. ``came`` counts what the store ever
    read, by unit (`funnel.unit_of`), and ``gone`` what left the line of it, by unit, stage and
    reason. ``drift`` is None in the first; ``again`` is what was replayed again for it."""

    number: str
    as_of: str
    made_by: str
    teacher: str
    trajectories: int
    spans: int
    entries: Mapping[str, int]
    rate: float | None
    tokens: float
    known: int
    came: Mapping[str, int]
    gone: Mapping[tuple[str, str, str], int]
    drift: Drift | None
    again: tuple[Again, ...]

    @property
    def served(self) -> int:
        """How many entries search gives."""
        return sum(self.entries.get(status, 0) for status in SEARCHED)


@dataclass(frozen=True, slots=True)
class Grown:
    """A reason that more of one ``unit`` left the line for at ``stage`` than in the snapshot
    before: how many did ``before`` and ``now``, of so many that had come (``of_before`` and
    ``of_now``)."""

    unit: str
    stage: str
    reason: str
    before: int
    now: int
    of_before: int
    of_now: int

    @property
    def share_before(self) -> float | None:
        """The share of what had come that left for it; None of nothing."""
        return self.before / self.of_before if self.of_before else None

    @property
    def share_of_new(self) -> float | None:
        """The share of what came since that left for it; None if nothing came, or if it left more
        often than anything came, as where what was kept before is lost now."""
        new, more = self.of_now - self.of_before, self.now - self.before
        return more / new if more <= new and new else None

    @property
    def beyond(self) -> float:
        """How many more left for it than if what came since were as what came before."""
        new = max(0, self.of_now - self.of_before)
        return self.now - self.before - new * (self.share_before or 0.0)


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
        gone = Counter[tuple[str, str, str]]()
        for row in store.rows(_GONE):
            unit = unit_of(row["stage"], row["fate"])
            gone[unit, row["stage"], row["reason"]] += row["n"]
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
                known=int(change.get("known_trajectories", 0)),
                came=_came(sizes, gone),
                gone=gone,
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


def grown(moments: Sequence[Moment]) -> list[Grown]:
    """The reasons that more was lost for in the last snapshot than in the one before, first those
    that grew most beyond their share."""
    if len(moments) < 2:
        return []
    before, now = moments[-2:]
    found = [
        Grown(
            unit,
            stage,
            reason,
            before.gone.get((unit, stage, reason), 0),
            n,
            before.came.get(unit, 0),
            now.came.get(unit, 0),
        )
        for (unit, stage, reason), n in now.gone.items()
        if n > before.gone.get((unit, stage, reason), 0)
    ]
    return sorted(found, key=lambda one: (-one.beyond, one.stage, one.reason))


def _came(sizes: Mapping[str, int], gone: Mapping[tuple[str, str, str], int]) -> Mapping[str, int]:
    kept = {"trajectory": sizes["trajectories"], "span": sizes["spans"] + sizes["handed_off"]}
    came = Counter(kept)
    for (unit, _, _), n in gone.items():
        came[unit] += n
    # A window that a teacher failed on is no span; it is held against the spans that were cut.
    came[WINDOW] = came["span"]
    return came


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


__all__ = ["Again", "Drift", "Grown", "Moment", "grown", "moments"]
