"""What `verify`, `review`, `forget` and `refresh` are asked to do, checked when it is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tracemine.pipelines.options import parse_time
from tracemine.schemas.records import STATUSES, Status
from tracemine.store.errors import RequestError

#: What `verify` replays again unless it is asked for other statuses.
VERIFIED_AGAIN: tuple[Status, ...] = ("verified", "canonical", "expired")


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """A request to replay again the entries of the store at ``store``.

    Attributes:
        sample: replay this many alone: those that are out of date first, then by hash, others in
            each snapshot; None for all.
        status: of entries that are replayed; `VERIFIED_AGAIN` if empty.
        as_of: the time that the snapshot states, ISO 8601; None for now.
        require_isolation: refuse to run where untrusted code has no namespaces.

    Raises:
        RequestError: if a value is not of its kind.
    """

    store: str
    sample: int | None = None
    status: tuple[str, ...] = ()
    as_of: str | None = None
    require_isolation: bool = False

    def __post_init__(self) -> None:
        check_store(self.store)
        if self.sample is not None and self.sample < 0:
            raise RequestError(f"--sample must be 0 or more, not {self.sample}")
        replayed = [s for s in STATUSES if s != "merged"]
        for status in self.status:
            if status not in replayed:
                raise RequestError(f"--status is one of {', '.join(replayed)}, not {status!r}")
        if not self.status:
            object.__setattr__(self, "status", VERIFIED_AGAIN)
        if self.as_of is not None:
            object.__setattr__(self, "as_of", parse_time(self.as_of))


@dataclass(frozen=True, slots=True)
class ReviewOptions:
    """A request to decide on entries in quarantine.

    Attributes:
        accept, reject: ids of entries.
        who, why: what is recorded of who decides; asked for with these.
        by: ``openai:URL#MODEL`` or ``vllm:MODEL``, which decides on all that nobody has decided on.
        as_of: the time that the snapshot states, ISO 8601; None for now.
        require_isolation: refuse to run where untrusted code has no namespaces.

    Raises:
        RequestError: if a value is not of its kind, or nothing is to be decided.
    """

    store: str
    accept: tuple[str, ...] = ()
    reject: tuple[str, ...] = ()
    who: str = ""
    why: str = ""
    by: str | None = None
    as_of: str | None = None
    require_isolation: bool = False

    def __post_init__(self) -> None:
        check_store(self.store)
        chosen = bool(self.accept or self.reject)
        if self.by is not None and (chosen or self.who or self.why):
            raise RequestError("--by decides on all, and says itself who and why")
        if self.by is None and not chosen:
            raise RequestError("nothing to decide: give --accept ID, --reject ID or --by MODEL")
        if chosen and not (self.who.strip() and self.why.strip()):
            raise RequestError("--accept and --reject are recorded: give --who NAME --why TEXT")
        if self.as_of is not None:
            object.__setattr__(self, "as_of", parse_time(self.as_of))


@dataclass(frozen=True, slots=True)
class ForgetOptions:
    """A request for the store at ``store`` without the data sets ``source``, as trajectories name
    them; ``as_of`` and ``require_isolation`` as for `VerifyOptions`.

    Raises:
        RequestError: if a value is not of its kind, or no source is named.
    """

    store: str
    source: tuple[str, ...]
    as_of: str | None = None
    require_isolation: bool = False

    def __post_init__(self) -> None:
        check_store(self.store)
        if not self.source or not all(name.strip() for name in self.source):
            raise RequestError("--source takes the name of a source, as stats lists it")
        if self.as_of is not None:
            object.__setattr__(self, "as_of", parse_time(self.as_of))


@dataclass(frozen=True, slots=True)
class MergeOptions:
    """A request to merge near-duplicates in the store at ``store``; ``as_of`` and
    ``require_isolation`` as for `VerifyOptions`.

    Raises:
        RequestError: if a value is not of its kind.
    """

    store: str
    as_of: str | None = None
    require_isolation: bool = False

    def __post_init__(self) -> None:
        check_store(self.store)
        if self.as_of is not None:
            object.__setattr__(self, "as_of", parse_time(self.as_of))


@dataclass(frozen=True, slots=True)
class RefreshOptions:
    """A request to add ``inputs`` to the store at ``store``; these, ``format``, ``columns`` and
    ``progress`` as for `MineOptions`, ``as_of`` and ``require_isolation`` as for `VerifyOptions`.
    What else a store was mined with (embedder, share left out, licences) holds for what is added.

    Raises:
        RequestError: if a value is not of its kind.
    """

    store: str
    inputs: tuple[str, ...]
    format: str = "auto"
    columns: Mapping[str, str] = field(default_factory=dict)
    as_of: str | None = None
    require_isolation: bool = False
    progress: bool = True

    def __post_init__(self) -> None:
        check_store(self.store)
        if not self.inputs:
            raise RequestError("nothing to add: give --input PATH")
        if not all(text.strip() for text in (*self.inputs, self.format)):
            raise RequestError("--input and --format must not be empty")
        if self.as_of is not None:
            object.__setattr__(self, "as_of", parse_time(self.as_of))


def check_store(store: str) -> None:
    """Nothing, if ``store`` names something.

    Raises:
        RequestError: if it is empty.
    """
    if not store.strip():
        raise RequestError("--store must not be empty")


__all__ = [
    "VERIFIED_AGAIN",
    "ForgetOptions",
    "MergeOptions",
    "RefreshOptions",
    "ReviewOptions",
    "VerifyOptions",
    "check_store",
]
