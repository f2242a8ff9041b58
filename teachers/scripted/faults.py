"""What can be wrong with a server: how often, and when.

What is wrong is drawn by a hash of the seed, the request's key and, for faults of the line, the
number of the attempt since the last answer; so runs repeat, on any number of clients, and a request
that fails now is answered later. What is wrong with an answer does not depend on the attempt: a
model at temperature 0 gives the same answer again.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from tracemine.schemas import content_id

#: Faults of the line: there is no answer, this time.
LineFault = Literal[
    "limited", "failing", "disconnecting", "cut", "garbled", "stalling", "silent", "unavailable"
]
#: Faults of an answer: it comes, and is not what was asked for.
AnswerFault = Literal[
    "unparsable",
    "violating",
    "short",
    "refusing",
    "filtered",
    "empty",
    "hallucinating",
    "escaping",
    "huge",
    "pathlike",
    "injecting",
    "hostile_code",
]
LINE_FAULTS: tuple[LineFault, ...] = get_args(LineFault)
ANSWER_FAULTS: tuple[AnswerFault, ...] = get_args(AnswerFault)
#: How a client is told when to come again: seconds, the date of HTTP, vLLM's and OpenAI's
#: milliseconds, or not at all.
RetryAfter = Literal["seconds", "date", "milliseconds", "none"]


_Fault = TypeVar("_Fault")


class FaultsError(ValueError):
    """Faults that cannot be told. The text is one line."""


@dataclass(frozen=True, slots=True)
class Faults:
    """How often what is wrong; shares are from 0 to 1, and at most 1 in sum for the faults of the
    line and for those of an answer.

    Attributes:
        latency: median seconds until an answer.
        sigma: of the logarithm of the latency, 0 for the median each time; with 1.3, one answer in
            a hundred takes twenty times the median.
        limited: 429, with Retry-After.
        failing: 500, 502, 503 or 529.
        unavailable: 503 with a body that is no JSON.
        disconnecting: the line is closed before a byte of an answer.
        cut: the line is closed in the middle of the body.
        garbled: 200 with a body that is no JSON.
        stalling: half of the body, then nothing.
        silent: nothing, until the client leaves.
        in_a_row: faults of the line at one request before it is answered; so patience pays.
        first: faults of the line that the first attempts at every request meet, in order.
        retry_after: what Retry-After says, in seconds.
        retry_after_form: how it says it.
        per_second: answers a second that are allowed; 429 beyond, by a clock, not by hash.
        at_once: requests under way at once that are allowed; 429 beyond.
        unparsable: content that is no JSON.
        violating: content that is JSON and does not obey the schema.
        short: content that ends in the middle, ``finish_reason`` is ``length``.
        refusing: a refusal in place of content.
        filtered: no content, ``finish_reason`` is ``content_filter``.
        empty: no choice at all.
        hallucinating: quotes that do not occur.
        escaping: terminal escapes, control characters and bidirectional overrides in every text.
        huge: texts of a million characters.
        pathlike: names and texts that look like paths, commands and formats.
        injecting: the instructions of the trace given back in every text, as if by the model.
        hostile_code: code that deletes, loops, imports or does not end, and nested values.
        sparing_repairs: a conversation that goes on after an answer is answered well.
    """

    latency: float = 0.0
    sigma: float = 0.0
    limited: float = 0.0
    failing: float = 0.0
    unavailable: float = 0.0
    disconnecting: float = 0.0
    cut: float = 0.0
    garbled: float = 0.0
    stalling: float = 0.0
    silent: float = 0.0
    in_a_row: int = 3
    first: tuple[LineFault, ...] = ()
    retry_after: float = 0.05
    retry_after_form: RetryAfter = "seconds"
    per_second: float = math.inf
    at_once: float = math.inf
    unparsable: float = 0.0
    violating: float = 0.0
    short: float = 0.0
    refusing: float = 0.0
    filtered: float = 0.0
    empty: float = 0.0
    hallucinating: float = 0.0
    escaping: float = 0.0
    huge: float = 0.0
    pathlike: float = 0.0
    injecting: float = 0.0
    hostile_code: float = 0.0
    sparing_repairs: bool = False

    def __post_init__(self) -> None:
        for faults in (LINE_FAULTS, ANSWER_FAULTS):
            shares = [getattr(self, fault) for fault in faults]
            if not all(0 <= share <= 1 for share in shares) or sum(shares) > 1 + 1e-9:
                raise FaultsError(f"shares of {', '.join(faults)} must be from 0 to 1 in sum")
        for name in ("latency", "sigma", "in_a_row", "retry_after", "per_second", "at_once"):
            if not getattr(self, name) >= 0:
                raise FaultsError(f"{name} must be 0 or more")
        if unknown := sorted(set(self.first) - set(LINE_FAULTS)):
            raise FaultsError(f"first: {unknown[0]!r} is none of {', '.join(LINE_FAULTS)}")
        if self.retry_after_form not in get_args(RetryAfter):
            raise FaultsError(f"retry_after_form is one of {', '.join(get_args(RetryAfter))}")

    def delay(self, seed: int, key: str, attempt: int) -> float:
        """Seconds until the answer to an attempt."""
        if not self.latency or not self.sigma:
            return self.latency
        draw = _draw("delay", seed, key, attempt)
        return self.latency * math.exp(self.sigma * draw.gauss(0.0, 1.0))

    def on_line(self, seed: int, key: str, attempt: int) -> LineFault | None:
        """What an attempt meets, None for an answer.

        Args:
            seed: of the server.
            key: of the request.
            attempt: its number among those since the last answer to this request, from 1.
        """
        if attempt <= len(self.first):
            return self.first[attempt - 1]
        if attempt > self.in_a_row:
            return None
        shares = [(fault, getattr(self, fault)) for fault in LINE_FAULTS]
        return _chosen(shares, "line", seed, key, attempt)

    def of_answer(self, seed: int, key: str, repair: bool = False) -> AnswerFault | None:
        """What is wrong with the answer to a request, None for nothing."""
        if repair and self.sparing_repairs:
            return None
        shares = [(fault, getattr(self, fault)) for fault in ANSWER_FAULTS]
        return _chosen(shares, "answer", seed, key)


def _chosen(shares: list[tuple[_Fault, float]], *by: Any) -> _Fault | None:
    if not any(share for _, share in shares):
        return None
    left = _draw(*by).random()
    for fault, share in shares:
        if left < share:
            return fault
        left -= share
    return None


def _draw(*by: Any) -> random.Random:
    return random.Random(int(content_id(*by), 16))


def parse_faults(text: str) -> Faults:
    """Faults as on a command line: ``limited=0.1,latency=0.02,first=limited+failing``; empty for
    none.

    Raises:
        FaultsError: for what is none.
    """
    kinds = get_type_hints(Faults)
    found: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, given, value = part.partition("=")
        if name not in kinds:
            known = ", ".join(field.name for field in fields(Faults))
            raise FaultsError(f"no fault is called {name!r}: there are {known}")
        if name in found:
            raise FaultsError(f"{name} is given twice")
        found[name] = _read(name, kinds[name], value if given else "1")
    return Faults(**found)


def _read(name: str, kind: Any, value: str) -> Any:
    if get_origin(kind) is tuple:
        return tuple(filter(None, value.split("+")))
    if kind is bool:
        if value not in ("0", "1"):
            raise FaultsError(f"{name} is 0 or 1")
        return value == "1"
    if get_origin(kind) is Literal:
        return value
    try:
        return kind(value)
    except ValueError as error:
        raise FaultsError(f"{name}: {value!r} is no number") from error


__all__ = [
    "ANSWER_FAULTS",
    "LINE_FAULTS",
    "AnswerFault",
    "Faults",
    "FaultsError",
    "LineFault",
    "RetryAfter",
    "parse_faults",
]
