"""What becomes of an entry: a plain function of what it was and of what is now known of it.

    ''                  -> candidate      awaits held-out instances
    '', candidate       -> verified       min_replays
    verified            -> canonical      promote_after
    canonical           -> verified       below promote_rate
    what is served      -> quarantined    regression, demote_rate
    what is served      -> candidate      below min_replays
    what is served      -> expired        expiry_days, expiry_libraries
    expired             -> verified       verified again

Out of quarantine nothing leads but a review. The numbers are those of `store.policy`.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracemine.schemas import Event, Library
from tracemine.schemas.records import Domain, Status
from tracemine.schemas.values import dump_json
from tracemine.store.policy import Policy

WAITS = "awaits held-out instances"
ENTERS = "min_replays"
PROMOTED = "promote_after"
NO_LONGER_CANONICAL = "below promote_rate"
WITHDRAWN = "below min_replays"
REGRESSION = "regression"
DEMOTED = "demote_rate"
EXPIRED_BY_TIME = "expiry_days"
EXPIRED_BY_LIBRARY = "expiry_libraries"
VERIFIED_AGAIN = "verified again"
ACCEPTED = "review: accepted"
REJECTED = "review: rejected"
SPLIT = "split"
MERGED = "merge"

#: Statuses of an entry that search serves, or serves flagged.
IN_USE: tuple[Status, ...] = ("verified", "canonical", "expired")

#: Failures that the evidence of an event names one by one.
NAMED = 5

_PARTS = re.compile(r"\d+|[^\d.]+")


@dataclass(frozen=True, slots=True)
class Failure:
    """What passed before and now fails, though its preconditions hold."""

    variant_id: str
    instance_id: str
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of an entry now.

    Attributes:
        entered: whether each of its variants passed on as much as the policy asks of any.
        passed: problems and tests that its first variant passed on, each once.
        problems: distinct problems that its variants passed on between them.
        judged: how many of these speak for it by a model's judgement alone.
        rate: its success rate, of its first variant.
        failures: what passed before and now fails, where the verdict is deterministic.
        undetermined: ``(passes, attempts)`` of the verdicts that are not: replays by a model,
            judgements; those of this run alone. (0, 0) if there were none.
        verified: whether it was replayed in this run, and nothing was left undecided.
        last_verified: when it was, before this run; None if never.
        expires_at: when that runs out; None for never.
        libraries: what its code imports, as it was when it was last verified.
    """

    domain: Domain
    entered: bool
    passed: int
    problems: int
    judged: int
    rate: float
    failures: tuple[Failure, ...] = ()
    undetermined: tuple[int, int] = (0, 0)
    verified: bool = True
    last_verified: str | None = None
    expires_at: str | None = None
    libraries: tuple[Library, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One change of status: what an entry becomes, by which rule, on what evidence (plain)."""

    to: Status
    rule: str
    evidence: Mapping[str, Any]


def changes_of(
    before: Status | str,
    now: Standing,
    policy: Policy,
    as_of: str,
    installed: Mapping[str, str] | None = None,
) -> tuple[Change, ...]:
    """What becomes, one after the other, of an entry whose status was ``before`` (empty for one
    that is new), as of a time (ISO 8601 text). ``installed`` has the versions of libraries as they
    are now; without it none is looked at."""
    status, found = before, []
    for _ in range(len(_RULES)):
        change = next(_fitting(status, now, policy, as_of, installed or {}), None)
        if change is None:
            break
        found.append(change)
        status = change.to
    return tuple(found)


def _fitting(
    status: str, now: Standing, policy: Policy, as_of: str, installed: Mapping[str, str]
) -> Iterator[Change]:
    if status in ("quarantined", "merged"):
        return
    for rule in _RULES:
        change = rule(status, now, policy)
        if change is not None:
            yield change
    if status in ("verified", "canonical") and not now.verified:
        change = expiry(now, policy, as_of, installed)
        if change is not None:
            yield change


def demotion(status: str, now: Standing, policy: Policy) -> Change | None:
    """Into quarantine: what passed before now fails, or too little of what no two runs need agree
    on passes."""
    if status not in IN_USE:
        return None
    if now.failures:
        told = {"failures": len(now.failures), "first": named(now.failures)}
        return Change("quarantined", REGRESSION, told)
    passes, attempts = now.undetermined
    if attempts >= policy.min_replays and passes / attempts < policy.demote_rate:
        return Change("quarantined", DEMOTED, {"passes": passes, "attempts": attempts})
    return None


def named(failures: Sequence[Failure]) -> list[dict[str, str]]:
    """The first of ``failures``, as an event names them."""
    return [
        {"variant": f.variant_id, "instance": f.instance_id, "now": f.verdict, "why": f.reason}
        for f in failures[:NAMED]
    ]


def withdrawal(status: str, now: Standing, _: Policy) -> Change | None:
    """Back to waiting, where less is known than the bar asks for."""
    if status in IN_USE and not now.entered:
        return Change("candidate", WITHDRAWN, worth(now))
    return None


def promotion(status: str, now: Standing, policy: Policy) -> Change | None:
    """Up: over the bar, out of expiry, to canonical; and from there down again."""
    if status == "" and not now.entered:
        return Change("candidate", WAITS, worth(now))
    if status in ("", "candidate") and now.entered:
        return Change("verified", ENTERS, worth(now))
    if status == "expired" and now.verified:
        return Change("verified", VERIFIED_AGAIN, worth(now))
    shown = now.problems - now.judged
    high = shown >= policy.promote_after and now.rate >= policy.promote_rate
    if status == "verified" and high:
        return Change("canonical", PROMOTED, worth(now))
    if status == "canonical" and not high:
        return Change("verified", NO_LONGER_CANONICAL, worth(now) | {"rate": round(now.rate, 6)})
    return None


def expiry(
    now: Standing, policy: Policy, as_of: str, installed: Mapping[str, str]
) -> Change | None:
    """Out of date: its time is up, or a library that its code imports has changed."""
    if now.expires_at is not None and not _is_before(as_of, now.expires_at):
        told = {"last_verified": now.last_verified, "expires_at": now.expires_at}
        return Change("expired", EXPIRED_BY_TIME, told)
    if now.domain != "code":
        return None
    changed = [
        {"library": library.name, "verified_with": library.version, "now": version}
        for library in now.libraries
        if (version := installed.get(library.name, ""))
        and library.version
        and has_changed(library.version, version, policy.library_change)
    ]
    return Change("expired", EXPIRED_BY_LIBRARY, {"changed": changed}) if changed else None


_RULES = (demotion, withdrawal, promotion)


def has_changed(before: str, now: str, how_much: str) -> bool:
    """Whether two versions of a library differ by at least ``how_much`` (of
    `policy.LIBRARY_CHANGES`)."""
    if how_much == "never":
        return False
    if how_much == "any":
        return before != now
    parts = 1 if how_much == "major" else 2
    return _PARTS.findall(before)[:parts] != _PARTS.findall(now)[:parts]


def worth(now: Standing) -> dict[str, Any]:
    """What speaks for an entry, as events tell it."""
    told = {"passed": now.passed, "distinct_problems": now.problems}
    return told | {"judged_problems": now.judged} if now.judged else told


def events_of(
    procedure_id: str, before: str, changes: Iterable[Change], as_of: str, snapshot: str
) -> tuple[Event, ...]:
    """The events of an entry whose status was ``before``."""
    events = []
    for change in changes:
        told = dump_json(dict(change.evidence))
        event = Event(procedure_id, before, change.to, change.rule, told, as_of, snapshot)
        events.append(event)
        before = change.to
    return tuple(events)


def _is_before(time: str, other: str) -> bool:
    one, two = (datetime.datetime.fromisoformat(text) for text in (time, other))
    if one.tzinfo is None:
        one = one.replace(tzinfo=datetime.UTC)
    if two.tzinfo is None:
        two = two.replace(tzinfo=datetime.UTC)
    return one < two
