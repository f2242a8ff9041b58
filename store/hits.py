"""What search gives of an entry, and the whole of it."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tracemine.schemas import (
    Event,
    Instance,
    Merged,
    Procedure,
    Provenance,
    Replay,
    Signature,
    ToolPointer,
)
from tracemine.store.requests import SERVED

if TYPE_CHECKING:
    from tracemine.store.trials import Trial

#: Digits of a score. Hits are sorted by these, so that what is shown as one score is a tie.
SCORE_DIGITS = 9

#: An entry as it is stored.
Stored = Procedure | ToolPointer


@dataclass(frozen=True, slots=True)
class ServedVariant:
    """The variant of an entry that a hit recommends: its first."""

    variant_id: str
    subroutine: str
    code: str
    entry_point: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """A replay of one of an entry's variants, with the instance that it ran on."""

    replay: Replay
    instance: Instance


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry with all that speaks for and against it, and its audit trail. ``pointer`` says more
    of one that is a tool pointer; the verdicts on it are counted in its variant, not kept.
    ``merged`` are the entries that went into it, whose events are among ``events``."""

    procedure: Procedure
    evidence: tuple[Evidence, ...]
    events: tuple[Event, ...]
    pointer: ToolPointer | None = None
    merged: tuple[Merged, ...] = ()


class Whole:
    """The hits of one search as they are stored, read together when the first is asked for."""

    def __init__(
        self,
        ids: Sequence[str],
        read: Callable[[Sequence[str]], Mapping[str, Stored]],
        get: Callable[[str], Entry | None],
    ) -> None:
        self._ids = ids
        self._read = read
        self._get = get
        self._lock = threading.Lock()
        self._found: Mapping[str, Stored] | None = None

    def stored(self, procedure_id: str) -> Stored:
        """The entry with this id, as it is stored."""
        with self._lock:
            if self._found is None:
                self._found = self._read(self._ids)
            return self._found[procedure_id]

    def entry(self, procedure_id: str) -> Entry | None:
        """The entry with this id, with its evidence and events."""
        return self._get(procedure_id)


@dataclass(frozen=True, slots=True)
class Hit:
    """What search gives of an entry: short, so that a reader can decide whether to `expand` it.
    ``score`` is the cosine with the query
    (to 0.002: vectors are of unit length up to their grid) and what words add, 0.25 at most, so
    that it may be above 1; where the caller
    brought values it is that of `ranking`, which may be any number, and entries that give what a
    better one gave come after all others whatever theirs is; where lists were fused it is the sum
    of `keywords.fused`. ``tokens`` is what ``variant.subroutine`` costs.

    The rest speaks of the caller's values: ``roles`` says which goes where (parameter -> the
    caller's name), ``ran`` whether the variant came to its end on them, ``gives`` what it gave,
    which may be None; where it did not come to its end ``gives_not`` says why. ``unchecked``: the
    entry has preconditions that could not be evaluated (its routine is in words, there is no
    sandbox, or no time was left). ``unmet``: they do not hold.

    ``expired``: its time is up, or a library that it needs has changed, since it was last verified.

    ``kind`` is `procedure`, or `tool` for a pointer to the tool ``tool``, whose ``variant`` is one
    call of it.
    """

    procedure_id: str
    score: float
    subquestion: str
    summary: str
    status: str
    domain: str
    signature: Signature
    preconditions: tuple[str, ...]
    failure_modes: tuple[str, ...]
    tokens: int
    success_rate: float
    distinct_problems: int
    unchecked: bool = False
    roles: Mapping[str, str] | None = None
    ran: bool = False
    gives: Any = None
    gives_not: str = ""
    kind: str = "procedure"
    tool: str = ""
    unmet: bool = False
    expired: bool = False
    _whole: Whole | None = field(default=None, repr=False, compare=False)

    @property
    def variant(self) -> ServedVariant:
        """The routine itself; read from the store, with those of all hits of the search."""
        best = self._procedure.variants[0]
        return ServedVariant(best.variant_id, best.subroutine, best.code, best.entry_point)

    @property
    def provenance(self) -> tuple[Provenance, ...]:
        """The quotes that the entry rests on; read as `variant` is."""
        return self._procedure.provenance

    def expand(self) -> Entry:
        """The whole entry: all variants, evidence, events, provenance.

        Raises:
            StoreError: if the store was closed, or a file of it is damaged.
        """
        entry = self._source.entry(self.procedure_id)
        assert entry is not None  # The snapshot that has given the hit has the entry.
        return entry

    @property
    def _source(self) -> Whole:
        if self._whole is None:
            raise ValueError("this hit was made by hand: no store has the rest of it")
        return self._whole

    @property
    def _procedure(self) -> Procedure:
        found = self._source.stored(self.procedure_id)
        return found.entry if isinstance(found, ToolPointer) else found


def hit_of(found: Stored, score: float, trial: Trial | None = None) -> Hit:
    """The hit of an entry that has been read; without a trial nothing of a caller's values."""
    pointer = found if isinstance(found, ToolPointer) else None
    procedure = found.entry if isinstance(found, ToolPointer) else found
    best = procedure.variants[0]
    entry = Entry(procedure, (), (), pointer)
    card = {
        "procedure_id": procedure.procedure_id,
        "subquestion": procedure.subquestion,
        "summary": procedure.summary,
        "status": procedure.status,
        "domain": procedure.domain,
        "signature": procedure.signature.to_json(),
        "preconditions": procedure.preconditions,
        "own_preconditions": best.preconditions,
        "failure_modes": procedure.failure_modes,
        "tokens": best.tokens,
        "success_rate": procedure.success_rate,
        "distinct_problems": procedure.distinct_problems,
        "tool": pointer.tool if pointer else "",
        "expires_at": procedure.expires_at,
    }
    whole = Whole(
        [procedure.procedure_id], lambda _: {procedure.procedure_id: found}, lambda _: entry
    )
    return hit_of_card(card, score, whole, trial)


def hit_of_card(
    card: Mapping[str, Any],
    score: float,
    whole: Whole,
    trial: Trial | None = None,
    at: datetime.datetime | None = None,
) -> Hit:
    """The hit of an entry by its card (`cards.SCHEMA`), out of date or not ``at`` a time, which is
    now if not given."""
    needs = (*(card["preconditions"] or ()), *(card["own_preconditions"] or ()))
    return Hit(
        procedure_id=card["procedure_id"],
        score=round(score, SCORE_DIGITS),
        subquestion=card["subquestion"],
        summary=card["summary"],
        status=card["status"],
        domain=card["domain"],
        signature=Signature.from_json(card["signature"]),
        preconditions=tuple(dict.fromkeys(needs)),
        failure_modes=tuple(card["failure_modes"] or ()),
        tokens=card["tokens"],
        success_rate=card["success_rate"],
        distinct_problems=card["distinct_problems"],
        unchecked=trial is not None and trial.met is None,
        roles=trial.roles if trial else None,
        ran=trial is not None and not trial.reason,
        gives=trial.value if trial else None,
        gives_not=trial.reason if trial else "",
        kind="tool" if card["tool"] else "procedure",
        tool=card["tool"] or "",
        unmet=trial is not None and trial.met is False,
        expired=_is_late(card["status"], card["expires_at"], at),
        _whole=whole,
    )


def is_out_of_date(procedure: Procedure, at: datetime.datetime | None = None) -> bool:
    """Whether an entry is to be verified again: it says so, or its time is up ``at`` a time, which
    is now if not given."""
    return _is_late(procedure.status, procedure.expires_at, at)


def _is_late(status: str, expires_at: str | None, at: datetime.datetime | None) -> bool:
    if status == "expired":
        return True
    if expires_at is None or status not in SERVED:
        return False
    end = datetime.datetime.fromisoformat(expires_at)
    if end.tzinfo is None:
        end = end.replace(tzinfo=datetime.UTC)
    return end <= (at or datetime.datetime.now(datetime.UTC))


__all__ = [
    "SCORE_DIGITS",
    "Entry",
    "Evidence",
    "Hit",
    "ServedVariant",
    "Stored",
    "Whole",
    "hit_of",
    "hit_of_card",
    "is_out_of_date",
]
