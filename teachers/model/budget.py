"""What a run may spend, exact over all its worker processes.

Before an attempt is sent, what it may take at worst is reserved; after it, what it took is written
down and the rest given back. Both go into the run's *book*, a small file under a lock. So a limit
on requests holds exactly, and one on tokens or dollars up to what a server counts beyond the
estimate of a prompt and beyond the tokens that it was told an answer may have.

A book belongs to one run. What a killed process had reserved stays spent in it, because the
requests may have been sent and be paid for; nobody waits for it (`Budget.reserve_soon`), and the
next run begins with an empty book.

The book is a row of records, each written twice, in turns: a process killed in the middle of a
write leaves the older one. The first record is the sum of all; each process has one with what it
has reserved, which says how much can still come back while that process lives.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import string
import struct
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from tracemine.teachers.base import TeacherError
from tracemine.teachers.model.prices import PICODOLLARS, Price, PriceError
from tracemine.teachers.model.requests import Message, Response

#: `TeacherError.reason` of a question that no longer fits.
BUDGET_SPENT = "budget"
#: `TeacherError.reason` of a question that is not asked because the book is gone or damaged: what
#: is left is not known, so nothing is.
BUDGET_LOST = "budget book lost"

#: Bytes of UTF-8 to a token in what is neither digit nor sign. English words have 4 to 5, Chinese
#: about one character of three bytes.
BYTES_PER_TOKEN = 3
#: Bytes that are taken for a token each: some tokenizers split numbers into digits, and formulas
#: and code are half signs.
_TOKENS_ALONE = (string.digits + string.punctuation).encode()
#: Tokens around each message: role and separators are 3 to 8 in the chat templates in use.
TOKENS_PER_MESSAGE = 8

#: Seconds that a question waits for reservations of others: twice what one attempt may take, so
#: all that stood in the book when it began are settled.
PATIENCE = 1200.0
#: Seconds between looks at the book while waiting, the first and the longest.
_FIRST_LOOK, _LONGEST_LOOK = 0.02, 1.0

#: Counts in the book stop here, so that no server's nonsense overflows it.
_MOST = 2**63 - 1
#: Seconds by which two readings of a process's start may differ: clocks are set.
_START_SLACK = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may spend at most: requests sent, tokens of prompts and answers together, dollars.
    None is no limit.

    Raises:
        ValueError: naming the limit, if one is not a number from 0.
    """

    requests: int | None = None
    tokens: int | None = None
    cost: float | None = None

    def __post_init__(self) -> None:
        for name in ("requests", "tokens", "cost"):
            limit = getattr(self, name)
            kinds = (int, float) if name == "cost" else (int,)
            if limit is not None and (type(limit) not in kinds or not 0 <= limit < float("inf")):
                raise ValueError(f"a limit on {name} is a number from 0, not {limit!r}")

    @property
    def none(self) -> bool:
        """Whether nothing is limited."""
        return self.requests is None and self.tokens is None and self.cost is None


@dataclass(frozen=True, slots=True)
class Reservation:
    """What one attempt may take: tokens as estimated, cost in picodollars."""

    prompt_tokens: int
    completion_tokens: int
    cost: int

    @property
    def tokens(self) -> int:
        """Of prompt and answer together."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Spent:
    """What was taken by attempts that are over, and what those under way may still take
    (``reserved``); dollars."""

    requests: int
    tokens: int
    cost: float
    reserved_tokens: int
    reserved_cost: float


@dataclass(frozen=True, slots=True)
class _Record:
    """A record of the book. ``owner`` and ``started`` are a process's, 0 in the first record;
    costs are in picodollars, ``tokens`` and ``cost`` those of attempts that are over."""

    owner: int = 0
    started: float = 0.0
    requests: int = 0
    tokens: int = 0
    cost: int = 0
    reserved_tokens: int = 0
    reserved_cost: int = 0

    def plus(
        self,
        requests: int = 0,
        tokens: int = 0,
        cost: int = 0,
        reserved_tokens: int = 0,
        reserved_cost: int = 0,
    ) -> _Record:
        return replace(
            self,
            requests=_bounded(self.requests + requests),
            tokens=_bounded(self.tokens + tokens),
            cost=_bounded(self.cost + cost),
            reserved_tokens=_bounded(self.reserved_tokens + reserved_tokens),
            reserved_cost=_bounded(self.reserved_cost + reserved_cost),
        )


def estimate_tokens(messages: Sequence[Message], schema: str = "") -> int:
    """About how many tokens a prompt has, rather more than less: a digit or a sign is one, other
    text has `BYTES_PER_TOKEN` bytes to one, and `TOKENS_PER_MESSAGE` stand around a message.
    ``schema`` is the text of a JSON schema, where the server counts it too.

    Against Qwen's tokenizer on 540 traces of mathematics, science and code, each estimate was at
    least 0.96 of the truth, and their sum 1.3 to 1.7 of it by kind of trace. A third of the
    characters, the usual rule, was as little as 0.55 of the truth for formulas.
    """
    texts = [message.content for message in messages]
    return TOKENS_PER_MESSAGE * len(texts) + sum(map(_tokens_of, [*texts, schema]))


def _tokens_of(text: str) -> int:
    raw = text.encode("utf-8", "surrogatepass")
    others = len(raw.translate(None, _TOKENS_ALONE))
    return len(raw) - others + -(-others // BYTES_PER_TOKEN)


class Budget:
    """Reservations against a run's limits. Safe to share between threads; each process makes its
    own for the same ``book``. Without limits nothing is reserved, counted or written.

    Args:
        book: file of the run, made if there is none; it must not outlive the run. None keeps the
            book in this object, for a run of one process.
        limits: the same in all processes of the run.
        price: of the model that is asked; a run may have several budgets for one book, one for
            each model.

    Raises:
        PriceError: if cost is limited and there is no price.
        OSError: if the book cannot be made.
    """

    def __init__(self, book: str | Path | None, limits: Limits, price: Price | None = None) -> None:
        if limits.cost is not None and price is None:
            raise PriceError("a limit on cost needs a price for the model")
        self.limits = limits
        self._price = price
        self._book = _MemoryBook() if book is None or limits.none else _FileBook(Path(book))

    def reserve(self, prompt_tokens: int, completion_tokens: int) -> Reservation:
        """Room for one attempt that may take so many tokens. Settle it, whatever becomes of the
        attempt. Takes some tens of microseconds.

        Raises:
            TeacherError: `BUDGET_SPENT` if it does not fit beside all that is spent and reserved;
                `BUDGET_LOST`.
        """
        wanted = self._reservation(prompt_tokens, completion_tokens)
        short = self._taken(wanted)
        if short is not None:
            raise TeacherError(BUDGET_SPENT, short)
        return wanted

    async def reserve_soon(
        self, prompt_tokens: int, completion_tokens: int, *, patience: float = PATIENCE
    ) -> Reservation:
        """As `reserve`, but waits while reservations of live processes of this run may still give
        back what it needs, at most ``patience`` seconds. The end of a budget is then used: with 32
        requests under way, what they have reserved is several times what they will take.

        Raises:
            TeacherError: as `reserve`.
        """
        wanted = self._reservation(prompt_tokens, completion_tokens)
        pause = _FIRST_LOOK
        until = time.monotonic() + patience
        while (short := self._taken(wanted)) is not None:
            if time.monotonic() >= until or not self._may_fit_later(wanted):
                raise TeacherError(BUDGET_SPENT, short)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_LOOK)
        return wanted

    def settle(
        self, reservation: Reservation, response: Response | None, *, charged: bool = False
    ) -> None:
        """Write down what an attempt took and give the rest back. The request stays counted.

        Args:
            response: what came back; where the server counted no tokens, they are estimated. None
                for an attempt that failed.
            charged: whether a failed attempt may have been charged for (it was sent, and then
                timed out or broke off): all that was reserved is then spent.

        Raises:
            TeacherError: `BUDGET_LOST`.
        """
        if self.limits.none:
            return
        tokens = cost = 0
        if response is not None:
            prompt, completion = _tokens_taken(reservation, response)
            tokens, cost = prompt + completion, self._cost(prompt, completion)
        elif charged:
            tokens, cost = reservation.tokens, reservation.cost
        self._book.add(
            tokens=tokens,
            cost=cost,
            reserved_tokens=-reservation.tokens,
            reserved_cost=-reservation.cost,
        )

    def cancel(self, reservation: Reservation) -> None:
        """Give back the whole of a reservation whose attempt was never sent, the request too.

        Raises:
            TeacherError: `BUDGET_LOST`.
        """
        if not self.limits.none:
            self._book.add(
                requests=-1,
                reserved_tokens=-reservation.tokens,
                reserved_cost=-reservation.cost,
            )

    def spent(self) -> Spent:
        """What all processes of the run have spent so far; nothing if there are no limits.

        Raises:
            TeacherError: `BUDGET_LOST`.
        """
        with self._book.held() as total:
            return Spent(
                requests=total.requests,
                tokens=total.tokens,
                cost=total.cost / PICODOLLARS,
                reserved_tokens=total.reserved_tokens,
                reserved_cost=total.reserved_cost / PICODOLLARS,
            )

    def _reservation(self, prompt_tokens: int, completion_tokens: int) -> Reservation:
        prompt, completion = _bounded(prompt_tokens), _bounded(completion_tokens)
        return Reservation(prompt, completion, self._cost(prompt, completion))

    def _cost(self, prompt_tokens: int, completion_tokens: int) -> int:
        return self._price.picodollars(prompt_tokens, completion_tokens) if self._price else 0

    def _taken(self, wanted: Reservation) -> str | None:
        """None once ``wanted`` is in the book, else what it does not fit into."""
        if self.limits.none:
            return None
        with self._book.held() as total:
            short = self._short(total, wanted)
            if short is None:
                self._book.add_held(
                    requests=1, reserved_tokens=wanted.tokens, reserved_cost=wanted.cost
                )
        return short

    def _may_fit_later(self, wanted: Reservation) -> bool:
        with self._book.held() as total:
            live_tokens, live_cost = self._book.live()
            at_best = total.plus(
                reserved_tokens=-min(live_tokens, total.reserved_tokens),
                reserved_cost=-min(live_cost, total.reserved_cost),
            )
        return self._short(at_best, wanted) is None

    def _short(self, total: _Record, wanted: Reservation) -> str | None:
        """Which limit ``wanted`` does not fit into, in words; None if it fits."""
        limits = self.limits
        if limits.requests is not None and total.requests + 1 > limits.requests:
            return f"all of {limits.requests} requests are made"
        tokens = total.tokens + total.reserved_tokens
        if limits.tokens is not None and tokens + wanted.tokens > limits.tokens:
            return f"{tokens} of {limits.tokens} tokens are taken, {wanted.tokens} are wanted"
        cost = total.cost + total.reserved_cost
        if limits.cost is not None and cost + wanted.cost > round(limits.cost * PICODOLLARS):
            return (
                f"{cost / PICODOLLARS:.4f} of {limits.cost:.4f} dollars are taken, "
                f"{wanted.cost / PICODOLLARS:.4f} are wanted"
            )
        return None


def _tokens_taken(reservation: Reservation, response: Response) -> tuple[int, int]:
    """Tokens of prompt and answer; as reserved and by the text's length where the server counted
    none, which is not to be a way to spend without end."""
    prompt = response.prompt_tokens or reservation.prompt_tokens
    completion = response.completion_tokens
    if not completion:
        said = _tokens_of(response.text) + _tokens_of(response.refusal or "")
        completion = min(said, reservation.completion_tokens)
    return _bounded(prompt), _bounded(completion)


def _bounded(count: int) -> int:
    return min(max(count, 0), _MOST)


class _MemoryBook:
    """A book of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total = _Record()

    @contextmanager
    def held(self) -> Iterator[_Record]:
        """The sum of all, which nobody else changes meanwhile."""
        with self._lock:
            yield self._total

    def add_held(self, **amounts: int) -> None:
        """Add to the sum while it is held."""
        self._total = self._total.plus(**amounts)

    def add(self, **amounts: int) -> None:
        """Add to the sum."""
        with self.held():
            self.add_held(**amounts)

    def live(self) -> tuple[int, int]:
        """Tokens and picodollars that live processes have reserved, while the sum is held."""
        return self._total.reserved_tokens, self._total.reserved_cost


#: A sequence number, the fields of `_Record`, and a checksum over all of these.
_FIELDS = struct.Struct("<8sQQdQQQQQ")
_SLOT = struct.Struct(f"<{_FIELDS.size}sI")
_MAGIC = b"tmbook01"


class _FileBook:
    """A book in a file, for all processes of a machine. A record is two slots, of which the one
    with the higher sequence number and a true checksum counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._file = -1
        self._own: tuple[int, int] | None = None
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            # Whoever was killed before it had written the first record leaves less than that.
            if os.fstat(file).st_size < 2 * _SLOT.size:
                os.pwrite(file, _slot(0, _Record()) + _slot(1, _Record()), 0)
        finally:
            os.close(file)

    @contextmanager
    def held(self) -> Iterator[_Record]:
        with self._lock:
            try:
                # Opened each time: a descriptor that a fork shares would share its lock, too.
                self._file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
                try:
                    fcntl.flock(self._file, fcntl.LOCK_EX)
                    yield self._read(0)[1]
                finally:
                    os.close(self._file)
                    self._file = -1
            except OSError as error:
                raise TeacherError(BUDGET_LOST, error.strerror or type(error).__name__) from error

    def add_held(self, **amounts: int) -> None:
        place = self._own_place()
        # The sum first: killed between the two, a process leaves less than it reserved as its
        # own, and what it left is waited for by nobody.
        self._add_to(0, **amounts)
        self._add_to(
            place,
            reserved_tokens=amounts.get("reserved_tokens", 0),
            reserved_cost=amounts.get("reserved_cost", 0),
        )

    def add(self, **amounts: int) -> None:
        with self.held():
            self.add_held(**amounts)

    def live(self) -> tuple[int, int]:
        alive = [
            record
            for record in self._owners().values()
            if (record.reserved_tokens or record.reserved_cost) and _is_alive(record)
        ]
        return (
            sum(record.reserved_tokens for record in alive),
            sum(record.reserved_cost for record in alive),
        )

    def _own_place(self) -> int:
        """The number of this process's record; one is made, in place of a dead process's, at its
        first use and after a fork."""
        owner = os.getpid()
        if self._own and self._own[0] == owner:
            return self._own[1]
        owners = self._owners()
        free = (place for place, record in owners.items() if not _is_alive(record))
        place = next(free, len(owners) + 1)
        started = psutil.Process(owner).create_time()
        self._write(place, self._sequence(place) + 1, _Record(owner=owner, started=started))
        self._own = owner, place
        return place

    def _owners(self) -> dict[int, _Record]:
        """The records of processes, by number."""
        records = os.fstat(self._file).st_size // (2 * _SLOT.size)
        return {place: self._read(place)[1] for place in range(1, records)}

    def _add_to(self, place: int, **amounts: int) -> None:
        sequence, record = self._read(place)
        self._write(place, sequence + 1, record.plus(**amounts))

    def _sequence(self, place: int) -> int:
        whole = (place + 1) * 2 * _SLOT.size
        return self._read(place)[0] if os.fstat(self._file).st_size >= whole else 0

    def _read(self, place: int) -> tuple[int, _Record]:
        """A record and its sequence number."""
        raw = os.pread(self._file, 2 * _SLOT.size, place * 2 * _SLOT.size)
        found = [_read_slot(raw[: _SLOT.size]), _read_slot(raw[_SLOT.size :])]
        whole = [slot for slot in found if slot is not None]
        if not whole:
            raise TeacherError(BUDGET_LOST, "the book is damaged")
        return max(whole, key=lambda slot: slot[0])

    def _write(self, place: int, sequence: int, record: _Record) -> None:
        # A new record is written in both slots at once: the file grows by whole records.
        start = place * 2 * _SLOT.size
        if os.fstat(self._file).st_size < start + 2 * _SLOT.size:
            os.pwrite(self._file, _slot(sequence - 1, record) + _slot(sequence, record), start)
        else:
            os.pwrite(self._file, _slot(sequence, record), start + sequence % 2 * _SLOT.size)


def _slot(sequence: int, record: _Record) -> bytes:
    fields = _FIELDS.pack(
        _MAGIC,
        sequence,
        record.owner,
        record.started,
        record.requests,
        record.tokens,
        record.cost,
        record.reserved_tokens,
        record.reserved_cost,
    )
    return _SLOT.pack(fields, zlib.crc32(fields))


def _read_slot(raw: bytes) -> tuple[int, _Record] | None:
    if len(raw) != _SLOT.size:
        return None
    fields, checksum = _SLOT.unpack(raw)
    if zlib.crc32(fields) != checksum or not fields.startswith(_MAGIC):
        return None
    _, sequence, *values = _FIELDS.unpack(fields)
    return sequence, _Record(*values)


def _is_alive(record: _Record) -> bool:
    """Whether the process of a record still runs. If a clock was set so far that it is not known
    again, it counts as gone: nobody waits for it."""
    try:
        process = psutil.Process(record.owner)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return bool(abs(process.create_time() - record.started) <= _START_SLACK)
    except psutil.Error:
        return False


__all__ = [
    "BUDGET_LOST",
    "BUDGET_SPENT",
    "Budget",
    "Limits",
    "Reservation",
    "Spent",
    "estimate_tokens",
]
