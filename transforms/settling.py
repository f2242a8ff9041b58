"""Entries that were there, and what their evidence shows now, as the rows of a new snapshot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tracemine.schemas import Library, Merged, Procedure, Replay
from tracemine.schemas.arrow import event_row, merged_row, procedure_row, replay_row
from tracemine.store import Embedder, Policy
from tracemine.store.lifecycle import Failure, Found, Previous, Settled, settle
from tracemine.store.lifecycle.rewrite import Rewriting
from tracemine.store.reader import Store
from tracemine.transforms.consolidate import Evidence
from tracemine.transforms.restored import Stored
from tracemine.transforms.unite import Finished, finish, place
from tracemine.verifiers.verdict import is_judged


@dataclass(frozen=True, slots=True)
class News:
    """What a run has seen of a variant: whether it was replayed and nothing was left undecided,
    what failed that had passed, and the verdicts of this run that two runs need not share."""

    verified: bool
    failures: tuple[Failure, ...] = ()
    undetermined: tuple[int, int] = (0, 0)


#: Of a variant that the run has not looked at.
NO_NEWS = News(verified=False)


@dataclass(frozen=True, slots=True)
class Entered:
    """An entry as it is now, and how it came to be so."""

    procedure: Procedure
    settled: Settled
    finished: Finished


@dataclass(frozen=True, slots=True)
class Moment:
    """When and under what rules entries are settled: the policy, the time (ISO 8601 text), the
    number of the snapshot, and the versions of libraries that are installed now."""

    policy: Policy
    as_of: str
    snapshot: str
    installed: Mapping[str, str]


def settle_entries(
    entries: Sequence[Stored],
    evidence: Iterable[Sequence[Evidence]],
    news: Mapping[str, News],
    moment: Moment,
    heirs: Mapping[str, str] | None = None,
    merged: Iterable[Merged] = (),
    others: Collection[str] = (),
) -> tuple[list[Entered], list[Previous]]:
    """What ``entries`` are now: of ``evidence``, each what is now known of the variants of one (or
    of several that may be one), classes that agree are an entry each. Gives them, and those entries
    of which nothing is left. ``news`` is by variant; ``heirs`` has, of variants that are gone, the
    ones that stand for them now; ``merged`` are entries that went into one of these before;
    ``others`` are the ids of entries that are not looked at."""
    finished = [
        done
        for together in evidence
        for done in finish(together, moment.policy, moment.as_of, moment.snapshot)
    ]
    followed = heirs or {}
    homes = {v.variant_id: e for e in entries for v in e.procedure.variants}
    homes |= {new: homes[old] for old, new in followed.items() if new not in homes}
    previous = [
        Previous(
            e.procedure.procedure_id,
            e.procedure.status,
            frozenset(followed.get(v.variant_id, v.variant_id) for v in e.procedure.variants),
            e.since,
        )
        for e in entries
    ]
    previous += [
        Previous(m.procedure_id, "merged", frozenset({m.procedure_id}), m.at) for m in merged
    ]
    standing = [_with_news(done, _parents(done, homes), news) for done in finished]
    found = [
        Found(frozenset(v.variant_id for v in one.procedure.variants), one.standing)
        for one in standing
    ]
    settled, gone = settle(
        previous, found, moment.policy, moment.as_of, moment.snapshot, moment.installed, others
    )
    entered = [
        Entered(_procedure(done, one, _parents(done, homes), moment), one, done)
        for done, one in zip(standing, settled, strict=True)
    ]
    return entered, gone


def _parents(done: Finished, homes: Mapping[str, Stored]) -> list[Procedure]:
    """The entries that its variants come from, each once."""
    found = {
        homes[v.variant_id].procedure.procedure_id: homes[v.variant_id].procedure
        for v in done.procedure.variants
        if v.variant_id in homes
    }
    return [found[identifier] for identifier in sorted(found)]


def _with_news(done: Finished, parents: Sequence[Procedure], news: Mapping[str, News]) -> Finished:
    seen = [news.get(v.variant_id, NO_NEWS) for v in done.procedure.variants]
    before = min(
        (p for p in parents if p.last_verified), key=lambda p: p.last_verified or "", default=None
    )
    standing = replace(
        done.standing,
        verified=all(one.verified for one in seen),
        failures=tuple(f for one in seen for f in one.failures),
        undetermined=(
            sum(one.undetermined[0] for one in seen),
            sum(one.undetermined[1] for one in seen),
        ),
        last_verified=before.last_verified if before else None,
        expires_at=before.expires_at if before else None,
        libraries=_libraries(done, parents),
    )
    return replace(done, standing=standing)


def _libraries(done: Finished, parents: Sequence[Procedure]) -> tuple[Library, ...]:
    """What its variants import, in the versions that its parents were verified with (the earliest
    verified decides); what none of them imported was run now."""
    known = {
        library.name: library
        for parent in sorted(parents, key=lambda p: p.last_verified or "", reverse=True)
        if parent.last_verified
        for library in parent.libraries
    }
    return tuple(known.get(library.name, library) for library in done.procedure.libraries)


def _procedure(
    done: Finished, settled: Settled, parents: Sequence[Procedure], moment: Moment
) -> Procedure:
    standing, fresh = done.standing, done.procedure
    alike = [p.summary_vector for p in parents if p.summary == fresh.summary]
    last, expires, libraries = standing.last_verified, standing.expires_at, standing.libraries
    if settled.status == "quarantined" and parents:
        pass
    elif settled.status == "candidate":
        last, expires, libraries = None, None, fresh.libraries
    elif (standing.verified and not standing.failures) or last is None:
        last, libraries = moment.as_of, fresh.libraries
        sources = {p.source for p in fresh.provenance}
        expires = moment.policy.expires_at(fresh.domain, moment.as_of, sources)
    return replace(
        fresh,
        procedure_id=settled.procedure_id,
        status=settled.status,
        last_verified=last,
        expires_at=expires,
        libraries=libraries,
        summary_vector=max(alike, default=b""),
    )


def news_of_judgement(replays: Iterable[Replay]) -> tuple[int, int]:
    """``(passes, attempts)`` of the verdicts that two runs need not share."""
    decided = [
        r
        for r in replays
        if r.verdict != "unsupported" and (r.verifier.startswith("model:") or is_judged(r.verifier))
    ]
    return sum(r.verdict == "pass" for r in decided), len(decided)


def write_entries(
    changes: Rewriting,
    store: Store,
    entries: Sequence[Stored],
    entered: Sequence[Entered],
    load: Callable[[], Embedder],
) -> None:
    """Put ``entered`` in the place of ``entries`` in ``changes``, but for replays (`write_replays`
    does these); an entry that is as it was stays where it is. The embedder is loaded if one that
    search serves has another summary than before."""
    old = {e.procedure.procedure_id: e for e in entries}
    goes = set(old)
    by_table: dict[str, list[Procedure]] = {"procedures": [], "candidates": []}
    for one in entered:
        placed = place(replace(one.finished, procedure=one.procedure), load)
        now = placed.procedure
        before = old.get(now.procedure_id)
        if before is not None and before.procedure == now:
            goes.discard(now.procedure_id)
            continue
        by_table["candidates" if now.status == "candidate" else "procedures"].append(now)
        if before is None or not _is_found_alike(before.procedure, now):
            changes.vectors[now.procedure_id] = np.frombuffer(placed.vector, dtype=np.float32)
    for table, procedures in by_table.items():
        changes.replace(table, "procedure_id", goes, map(procedure_row, procedures))
    changes.add("events", (event_row(e) for one in entered for e in one.settled.events))
    back = {one.procedure.procedure_id for one in entered}
    changes.remove("merged", "procedure_id", back)
    merged = [m for one in entered for m in one.settled.merged]
    if merged:
        into = {m.procedure_id: m.into for m in merged}
        earlier = store.rows(
            'SELECT * FROM merged WHERE "into" IN (SELECT unnest(?))', [sorted(into)]
        )
        moved = [
            row | {"into": into[row["into"]]} for row in earlier if row["procedure_id"] not in back
        ]
        changes.replace("merged", "into", into, [*moved, *map(merged_row, merged)])


def _is_found_alike(before: Procedure, now: Procedure) -> bool:
    """Whether what an entry's vector is made of is the same: its spans, and, where search serves
    it, its summary."""
    alike = {p.span_id for p in before.provenance} == {p.span_id for p in now.provenance}
    served = before.status != "candidate", now.status != "candidate"
    return alike and served[0] == served[1] and before.summary == now.summary


def changes_told(entered: Iterable[Entered]) -> Counter[str]:
    """How often each change of status happened, as summaries say it."""
    found: Counter[str] = Counter()
    for one in entered:
        for event in one.settled.events:
            came = f"{event.from_status} -> " if event.from_status else ""
            found[f"{came}{event.to_status} ({event.rule})"] += 1
    return found


def replays_before(entries: Iterable[Stored]) -> Iterator[Replay]:
    """The verdicts that entries rested on."""
    return (r for entry in entries for one in entry.evidence for r in one.replays)


def replays_now(entered: Iterable[Entered]) -> Iterator[Replay]:
    """The verdicts that entries rest on now."""
    return (r for one in entered for r in one.finished.replays)


def write_replays(changes: Rewriting, before: Iterable[Replay], now: Iterable[Replay]) -> None:
    """Put the verdicts ``now`` in the place of those ``before`` in ``changes``; those that are the
    same stay where they are."""
    old = {(r.variant_id, r.instance_id): r for r in before}
    new = {(r.variant_id, r.instance_id): r for r in now}
    changes.verdicts |= {key for key, verdict in old.items() if new.get(key) != verdict}
    changes.add("replays", (replay_row(r) for key, r in sorted(new.items()) if old.get(key) != r))


__all__ = [
    "NO_NEWS",
    "Entered",
    "Moment",
    "News",
    "changes_told",
    "news_of_judgement",
    "replays_before",
    "replays_now",
    "settle_entries",
    "write_entries",
    "write_replays",
]
