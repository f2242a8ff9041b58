"""verify: the entries of a store replayed again; what no longer holds leaves what search serves."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from tracemine.pipelines.disk import speaking_of_disks
from tracemine.pipelines.lifecycle_options import VerifyOptions
from tracemine.pipelines.options import now
from tracemine.pipelines.requested import open_sandbox
from tracemine.pipelines.tool_recount import recount_tools
from tracemine.schemas import Library, content_id
from tracemine.schemas.shingles import shingles
from tracemine.store import Draft, PublishedMeanwhileError, Store, StoreError, begin, publish
from tracemine.store.lifecycle import Standing, expiry
from tracemine.store.lifecycle.rewrite import Rewriting, fields_of, write_changes
from tracemine.store.versions import replayed_since
from tracemine.store.views import entry_ids
from tracemine.teachers.rules.derived.libraries import version_of
from tracemine.transforms.consolidate import Evidence
from tracemine.transforms.ledger import assemble
from tracemine.transforms.replay import ReplayLimits
from tracemine.transforms.restored import (
    BATCH,
    Stored,
    instance_of,
    restored_entries,
    restored_proposals,
)
from tracemine.transforms.reverify import Again, replay_added, replay_again
from tracemine.transforms.settling import (
    Moment,
    News,
    changes_told,
    news_of_judgement,
    replays_before,
    replays_now,
    settle_entries,
    write_entries,
    write_replays,
)
from tracemine.verifiers import Sandbox

#: What success is reported by.
FACETS = ("month", "domain", "teacher")


@dataclass(slots=True)
class Drift:
    """How the entries of one month, domain or teacher fared: calls that were made again, how many
    of them had passed, how many pass now."""

    entries: int = 0
    calls: int = 0
    passed_before: int = 0
    pass_now: int = 0

    def told(self) -> dict[str, Any]:
        """As ``--json`` prints it; rates are shares of the calls, null where there were none."""

        def share(passes: int) -> float | None:
            return round(passes / self.calls, 6) if self.calls else None

        return {
            "entries": self.entries,
            "calls": self.calls,
            "rate_before": share(self.passed_before),
            "rate_now": share(self.pass_now),
        }


@dataclass(slots=True)
class _Tally:
    replayed: int = 0
    variants: int = 0
    undecided: int = 0
    failures: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    drift: dict[str, dict[str, Drift]] = field(
        default_factory=lambda: {facet: {} for facet in FACETS}
    )


def run_verify(options: VerifyOptions) -> dict[str, Any]:
    """Replay again what ``options`` ask for, and publish what came of it as a new snapshot; gives
    the summary that ``--json`` prints.

    Raises:
        RequestError: if isolation is required and not to be had, or the store cannot be written.
        StoreError: if there is no store, or it is damaged. Nothing is published then.
    """
    sandbox, _ = open_sandbox(require_isolation=options.require_isolation)
    as_of = options.as_of or now()
    with changing(options.store, as_of, settles_all=True) as (draft, store):
        tally, changes = _Tally(), Rewriting()
        moment = Moment(draft.policy, as_of, draft.number, installed_now(store))
        out_of_date = set(_due(store, moment))
        chosen = _chosen(store, options, out_of_date)
        due = out_of_date - chosen
        load = cache(lambda: store.embedder)
        others = entry_ids(store)
        if draft.policy_is_new:
            due = others - chosen
            recount_tools(store, (), (), {}, moment, sandbox, changes, every=True)
        for batch in _batches(restored_entries(store, chosen | due)):
            _verify(batch, chosen, store, moment, sandbox, tally, changes, load, others)
        told = {
            "replayed": tally.replayed,
            "variants": tally.variants,
            "undecided": tally.undecided,
            "failures": tally.failures,
            "changes": dict(sorted(tally.changes.items())),
            "drift": {
                facet: {name: one.told() for name, one in sorted(by_name.items())}
                for facet, by_name in tally.drift.items()
            },
        }
        if not (tally.replayed or changes.rows or changes.gone):
            draft.abandon()
            live = store.snapshot
            return _said(live.number, options, live.manifest["as_of"], told)
        carry = write_changes(draft, store.snapshot, changes)
        number = publish(
            draft,
            {
                **fields_of(store.snapshot),
                "replayed": replayed_since(store.snapshot.manifest),
                "as_of": as_of,
                "ledger": assemble([]),
                "change": {
                    "command": "verify",
                    "sample": options.sample,
                    "status": list(options.status),
                    **told,
                },
            },
            carry=carry,
        )
    return _said(number, options, as_of, told)


def _said(
    number: str, options: VerifyOptions, as_of: str, told: Mapping[str, Any]
) -> dict[str, Any]:
    return {"snapshot": number, "store": options.store, "as_of": as_of, **told}


@contextlib.contextmanager
def changing(store: str, as_of: str, *, settles_all: bool = False) -> Iterator[tuple[Draft, Store]]:
    """A draft of the next snapshot of ``store``, and the live one, which it is to rest on. A draft
    that is not published within the block is removed, unless another run has published meanwhile.
    Unless the caller ``settles_all`` entries by a policy that is another now, the next snapshot is
    under that of this one, but for what `merge` goes by.

    Raises:
        RequestError: if the store cannot be written, or a disk is full.
        StoreError: if there is none, or it is damaged, or its time is after ``as_of``.
    """
    Store.open(store).close()  # before a draft is begun: there must be a store
    draft = begin(store, refresh=True, as_of=as_of)
    try:
        with speaking_of_disks(store), Store.open(store) as opened:
            if not settles_all:
                draft.policy = replace(
                    draft.policy_of_parent,
                    merge_distance=draft.policy.merge_distance,
                    merge_passes=draft.policy.merge_passes,
                )
            if opened.snapshot.number != draft.parent:
                raise StoreError(f"another run has published to {store} meanwhile: run again")
            yield draft, opened
    except PublishedMeanwhileError:
        raise  # which says where the draft stays
    except BaseException:
        draft.abandon()
        raise
    finally:
        draft.release()


def installed_now(store: Store) -> dict[str, str]:
    """The versions, here and now, of the libraries that entries of ``store`` import."""
    rows = store.rows(
        "SELECT DISTINCT unnest(libraries).name AS name FROM "
        "(SELECT libraries FROM procedures UNION ALL SELECT libraries FROM candidates)"
    )
    return {row["name"]: version_of(row["name"]) for row in rows}


def _chosen(store: Store, options: VerifyOptions, due: Collection[str]) -> set[str]:
    """The entries that are replayed: of a sample those first that have expired or are ``due``."""
    rows = store.rows(
        "SELECT procedure_id, status FROM procedures UNION ALL BY NAME "
        "SELECT procedure_id, status FROM candidates"
    )
    ids = [row for row in rows if row["status"] in options.status]
    if options.sample is None:
        return {row["procedure_id"] for row in ids}
    number = store.snapshot.number
    ordered = sorted(
        ids,
        key=lambda row: (
            row["status"] != "expired" and row["procedure_id"] not in due,
            content_id("verify", number, row["procedure_id"]),
        ),
    )
    return {row["procedure_id"] for row in ordered[: options.sample]}


def _due(store: Store, moment: Moment) -> Iterator[str]:
    """The entries whose time is up, or of which a library has changed."""
    rows = store.rows(
        "SELECT procedure_id, domain, libraries, expires_at, last_verified FROM procedures "
        "WHERE status IN ('verified', 'canonical') "
        "AND (expires_at IS NOT NULL OR len(libraries) > 0)"
    )
    for row in rows:
        standing = Standing(
            row["domain"], True, 0, 0, 0, 0.0, verified=False,
            last_verified=row["last_verified"], expires_at=row["expires_at"],
            libraries=tuple(Library(**library) for library in row["libraries"] or ()),
        )  # fmt: skip
        if expiry(standing, moment.policy, moment.as_of, moment.installed):
            yield row["procedure_id"]


def _batches(entries: Iterable[Stored]) -> Iterator[list[Stored]]:
    batch: list[Stored] = []
    for entry in entries:
        batch.append(entry)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _verify(
    batch: Sequence[Stored],
    chosen: set[str],
    store: Store,
    moment: Moment,
    sandbox: Sandbox,
    tally: _Tally,
    changes: Rewriting,
    load: Any,
    others: Collection[str],
) -> None:
    news: dict[str, News] = {}
    evidence: list[Sequence[Evidence]] = []
    asked = [e for e in batch if e.procedure.procedure_id in chosen]
    instances, spans, texts = _looked_up(store, asked)
    limits = ReplayLimits(own=moment.policy.replay_own, others=moment.policy.replay_others)
    for entry in batch:
        if entry.procedure.procedure_id not in chosen:
            evidence.append(entry.evidence)
            continue
        again = [replay_again(e, instances, spans, texts, sandbox) for e in entry.evidence]
        for one in again:
            news[one.evidence.variant_id] = News(
                verified=not one.undecided and one.made > 0,
                failures=one.failures,
                undetermined=news_of_judgement(one.evidence.replays),
            )
        evidence.append(replay_added([one.evidence for one in again], limits, sandbox))
        _count(entry, again, tally)
    entered, _ = settle_entries(batch, evidence, news, moment, others=others)
    tally.changes += changes_told(entered)
    write_entries(changes, store, batch, entered, load)
    write_replays(changes, replays_before(batch), replays_now(entered))


def _looked_up(store: Store, entries: Sequence[Stored]) -> tuple[Any, Any, Any]:
    """The instances that the entries' verdicts are on, their spans, and what problems say."""
    wanted = sorted(
        {
            r.instance_id
            for entry in entries
            for e in entry.evidence
            for r in e.replays
            if r.verdict != "unsupported"
        }
    )
    instances = {
        row["instance_id"]: instance_of(row)
        for row in store.rows(
            "SELECT * FROM instances WHERE instance_id IN (SELECT unnest(?))", [wanted]
        )
    }
    proposals = restored_proposals(store, {i.span_id for i in instances.values()})
    texts = {
        row["problem_id"]: shingles(row["problem"])
        for row in store.rows(
            "SELECT problem_id, min(problem) AS problem FROM trajectories "
            "WHERE problem_id IN (SELECT unnest(?)) GROUP BY 1",
            [sorted({i.problem_id for i in instances.values()})],
        )
    }
    return instances, {i: p.span for i, p in proposals.items()}, texts


def _count(entry: Stored, again: Sequence[Again], tally: _Tally) -> None:
    tally.replayed += 1
    tally.variants += len(again)
    tally.undecided += sum(one.undecided for one in again)
    tally.failures += sum(len(one.failures) for one in again)
    names: Mapping[str, str] = {
        "month": entry.since[:7],
        "domain": entry.procedure.domain,
        "teacher": entry.procedure.teacher,
    }
    for facet, name in names.items():
        drift = tally.drift[facet].setdefault(name, Drift())
        drift.entries += 1
        drift.calls += sum(one.made + one.undecided for one in again)
        drift.passed_before += sum(one.passed_before for one in again)
        drift.pass_now += sum(one.pass_now for one in again)


__all__ = ["changing", "installed_now", "now", "run_verify"]
