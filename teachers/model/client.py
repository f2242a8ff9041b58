"""One request to a server that speaks OpenAI's chat completions, asked until it is answered.

What can go wrong is of three kinds:

    never      the same request would fail again: a wrong key, an unknown model, a prompt too long;
               where it is the key, the model or the quota, ten times in a row, so would all others,
               and nothing more is sent
    soon       this attempt broke: a server's error, a time-out, a connection or a body cut off;
               tried again after a delay that doubles, drawn evenly from nothing up (full jitter)
    patiently  the server is not serving now: too many requests, overloaded, not listening; every
               request of this process waits (`pace`), and four times as many attempts are made,
               so that a server may take some minutes to start again. Once a request has made them
               in vain and none was served meanwhile, each further one is tried once, until one is:
               a run of thousands waits for a server that is gone as long as one request does

A server's ``Retry-After`` goes before our own delays, within `MOST_WAIT`; where it is short and was
in vain for as often as an attempt that broke is made, the longer of the two.

The key is in the headers that are sent and nowhere else: errors are made of texts of our own and of
what the server says, from which every piece of the key is taken out, and hold no other exception,
whose request would show it.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import json
import logging
import math
import os
import random
import sys
import unicodedata
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from tracemine.teachers.base import TeacherError
from tracemine.teachers.model.address import is_here
from tracemine.teachers.model.pace import Pace
from tracemine.teachers.model.requests import Request, Response
from tracemine.teachers.model.settings import Settings

if TYPE_CHECKING:
    # Takes half a second, and few runs ask a server: so it is imported by what does.
    import openai

_LOGGER = logging.getLogger(__name__)

#: Where the key of a server is read from; none is needed for most that one runs oneself.
KEY_VARIABLE = "OPENAI_API_KEY"
#: Sent where there is no key: the library insists on one, servers without keys take any.
NO_KEY = "none"

#: Seconds before the second attempt, at most; each further delay may be twice as long.
FIRST_DELAY = 1.0
#: Seconds of our own longest delay.
MOST_DELAY = 60.0
#: Seconds that a server may make us wait, whatever it asks for.
MOST_WAIT = 300.0
#: Retries while a server does not serve, for each retry of an attempt that broke: with six attempts
#: a server has some ten minutes to come back.
PATIENCE = 4
#: Seconds to a connection: a server that listens takes it at once.
CONNECT_SECONDS = 30.0
#: Connections that the HTTP library keeps open by itself.
USUAL_CONNECTIONS = 100
#: Bytes of a body that is read: a thousand times a long answer.
MOST_BYTES = 64 * 2**20
#: More tokens than this are a mistake of the server's count.
MOST_TOKENS = 10**9
#: Characters that an error's detail takes over from a server.
DETAIL_CHARS = 300
#: Characters of a finish reason; longer ones are no server's.
FINISH_CHARS = 40
#: Characters of the key that, in a row, are taken out of a server's words.
KEY_PIECE = 6

# Why a request failed.
KEY_REFUSED: Final = "key refused"
FORBIDDEN: Final = "forbidden"
OUT_OF_QUOTA: Final = "out of quota"
NOT_FOUND: Final = "no such model or address"
TOO_LONG: Final = "longer than the model's context"
NOT_ACCEPTED: Final = "request not accepted"
RATE_LIMITED: Final = "rate limited"
OVERLOADED: Final = "server overloaded"
SERVER_ERROR: Final = "server error"
TIMED_OUT: Final = "no answer in time"
NOT_LISTENING: Final = "server not reached"
DISCONNECTED: Final = "connection lost"
BROKEN_BODY: Final = "broken response"

REASONS: tuple[str, ...] = (
    KEY_REFUSED, FORBIDDEN, OUT_OF_QUOTA, NOT_FOUND, TOO_LONG, NOT_ACCEPTED, RATE_LIMITED,
    OVERLOADED, SERVER_ERROR, TIMED_OUT, NOT_LISTENING, DISCONNECTED, BROKEN_BODY,
)  # fmt: skip

#: What a server says to one request and would to all: after so many in a row nothing is sent.
FOR_ALL = frozenset({KEY_REFUSED, FORBIDDEN, OUT_OF_QUOTA, NOT_FOUND})
MOST_NO = 10
#: Times that one request finds nobody who serves before a line says so.
TOLD_AFTER = 3

#: What servers say of a prompt that is too long, in small letters. As of vLLM 0.8 to 0.32, SGLang,
#: llama.cpp, Ollama and OpenAI.
_TOO_LONG_CODES = ("context_length_exceeded", "exceed_context_size_error")
_TOO_LONG_WORDS = (
    "context length", "context window", "context size", "maximum model length", "max_model_len",
    "prompt is too long", "input is too long",
)  # fmt: skip
_QUOTA_CODES = ("insufficient_quota", "billing_hard_limit_reached", "insufficient_balance")
_UNSUPPORTED_CODES = ("unsupported_parameter", "unsupported_value")
#: Two names of one limit: servers take one or the other. A limit is never left out.
_LIMITS = {"max_completion_tokens": "max_tokens", "max_tokens": "max_completion_tokens"}
#: What servers that broke down while they answered give as the reason of the end.
_BROKEN_ENDS = ("error", "abort")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an attempt failed. ``after`` is what the server asks to wait, in seconds, if it does;
    ``sent`` says that something was sent at all, ``charged`` that the server may have worked on it,
    and want money for it."""

    reason: str
    detail: str
    again: Literal["never", "soon", "patiently", "at once"] = "never"
    after: float | None = None
    sent: bool = True
    charged: bool = False


Settle = Callable[[Response | Fault], None]
#: Stands around each attempt, which is numbered from 0: it may raise `TeacherError` before the
#: attempt is sent, and is told how it ended, unless it is cancelled.
OnAttempt = Callable[[int], contextlib.AbstractAsyncContextManager[Settle]]


@contextlib.asynccontextmanager
async def uncounted(number: int) -> AsyncIterator[Settle]:
    """Lets every attempt pass."""
    yield lambda outcome: None


def key_of_environment(environment: Mapping[str, str] | None = None) -> str | None:
    """The key that ``OPENAI_API_KEY`` holds, or None.

    Raises:
        ValueError: if it holds what no header can carry. The error does not show it.
    """
    key = (os.environ if environment is None else environment).get(KEY_VARIABLE, "").strip()
    if not key:
        return None
    if not all("!" <= character <= "~" for character in key):
        raise ValueError(f"{KEY_VARIABLE} holds more than letters, digits and signs: set it again")
    return key


class Client:
    """Asks one server. To be made, used and closed in one event loop.

    Args:
        base_url: what the server's routes are below, for example ``http://localhost:8000/v1``.
        api_key: None for a server without keys.
        settings: of these ``concurrency``, ``timeout`` and ``attempts`` are used.
        pace: places for attempts, where several clients share them.
        first_delay: seconds before the second attempt, at most.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        settings: Settings,
        *,
        pace: Pace | None = None,
        first_delay: float = FIRST_DELAY,
    ) -> None:
        self.base_url = base_url
        self.pace = Pace(settings.concurrency) if pace is None else pace
        self._attempts = settings.attempts
        self._timeout = settings.timeout
        self._first_delay = first_delay
        self._key = api_key
        # Parameters that this server said it does not take: with another name, or left out.
        self._renamed: dict[str, str | None] = {}
        # How often the server served, and how often it had when a request waited in vain for that.
        self._served = 0
        self._gone_at = -1
        # And when it was said that it does not serve now.
        self._told_at = -1
        # Answers in a row that would be the same for every request, and the last of them.
        self._said_no = 0
        self._no = Fault("", "")
        import openai

        self._openai = openai.AsyncOpenAI(
            api_key=api_key or NO_KEY,
            base_url=base_url,
            max_retries=0,
            http_client=_http_client(base_url, self.pace.concurrency, settings.timeout),
        )

    async def send(self, request: Request, on_attempt: OnAttempt = uncounted) -> Response:
        """The server's answer to ``request``, whatever it says: also one that was cut off or
        refused.

        Raises:
            TeacherError: with a reason of `REASONS` if there is none; whatever ``on_attempt``
                raises.
        """
        number = broken = refused = served = 0
        while True:
            async with self.pace.place(again=number > 0), self._open(on_attempt, number) as settle:
                found = await self._attempt(request)
                settle(found)
                if isinstance(found, Response):
                    self._served += 1
                    self._said_no = 0
                    self.pace.served()
                    return found
                in_vain = False
                if found.again == "patiently":
                    served = served if refused else self._served
                    refused += 1
                    in_vain = refused > (self._attempts - 1) * PATIENCE
                    if in_vain and served == self._served:
                        self._gone_at = served
                    self._tell(found, refused)
                    if self._gone_at == self._served:
                        in_vain = True
                    else:
                        self.pace.refused(self._wait(found, refused, request))
                elif found.again != "soon":
                    # It said no to this one, so it is there.
                    self._served += 1
                    self._count_no(found)
            number += 1
            if found.again == "soon":
                broken += 1
            if found.again == "never" or broken >= self._attempts or in_vain:
                raise TeacherError(found.reason, found.detail)
            if found.again == "soon":
                await asyncio.sleep(self._wait(found, broken, request))

    @contextlib.asynccontextmanager
    async def _open(self, on_attempt: OnAttempt, number: int) -> AsyncIterator[Settle]:
        """Stands around an attempt, if there is any hope in it.

        Raises:
            TeacherError: if there is none, or ``on_attempt`` raises it.
        """
        if self._said_no >= MOST_NO:
            raise TeacherError(self._no.reason, f"not sent: {self._no.detail}")
        async with on_attempt(number) as settle:
            yield settle

    def _count_no(self, found: Fault) -> None:
        if found.reason not in FOR_ALL or self._said_no >= MOST_NO:
            return
        self._no = found
        self._said_no += 1
        if self._said_no == MOST_NO:
            _LOGGER.error(
                "%s: %s (%s), %d times in a row: nothing more is sent",
                self.base_url, found.reason, found.detail, MOST_NO,
            )  # fmt: skip

    def _tell(self, found: Fault, refused: int) -> None:
        """Says once that the server has gone, or that no more patience is left for it."""
        if found.reason == RATE_LIMITED or refused < TOLD_AFTER or self._told_at == self._served:
            return
        self._told_at = self._served
        _LOGGER.warning(
            "%s: %s (%s): requests wait and are tried again, some minutes long",
            self.base_url, found.reason, found.detail,
        )  # fmt: skip

    async def close(self) -> None:
        """Closes the connections."""
        await self._openai.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"Client({self.base_url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a client holds a key and connections: it is not sent to other processes")

    def _wait(self, fault: Fault, failures: int, request: Request) -> float:
        """Seconds to wait after ``failures`` failures, of which ``fault`` is the last."""
        own = self._delay(failures, request)
        if fault.after is None:
            return own
        # Who asks for next to nothing again and again would use up all patience in a moment.
        return fault.after if failures <= self._attempts else max(fault.after, own)

    def _delay(self, failures: int, request: Request) -> float:
        """Seconds to wait after ``failures`` failures, drawn evenly between nothing and the most;
        by the request, so that requests which failed together do not come back together."""
        # Doubling stops long before it would overflow.
        most = min(MOST_DELAY, self._first_delay * 2.0 ** min(failures - 1, 30))
        return random.Random(f"{request.key()}:{failures}").uniform(0.0, most)

    async def _attempt(self, request: Request) -> Response | Fault:
        """One attempt. No exception of the library leaves it: these hold the key."""
        parameters = self._parameters(request)
        schema = {"name": request.schema_name, "schema": dict(request.schema), "strict": True}
        body = {
            **parameters,
            "model": request.model,
            "messages": [
                {"role": message.role, "content": _whole(message.content)}
                for message in request.messages
            ],
            "response_format": {"type": "json_schema", "json_schema": schema},
        }
        import openai

        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._openai.chat.completions.with_raw_response.create(
                    model=request.model,
                    messages=(),
                    # Goes before the arguments, as it is: the library walks through those field by
                    # field, which takes longer than all else, and servers take parameters that it
                    # does not know.
                    extra_body=body,
                )
            return read_body(answer.content)
        except openai.APIStatusError as error:
            return self._refusal(error, parameters)
        except (TimeoutError, openai.APITimeoutError):
            return Fault(TIMED_OUT, f"within {self._timeout:g} seconds", "soon", charged=True)
        except openai.APIConnectionError as error:
            return self._unconnected(error)
        except openai.APIError as error:
            return _broken(type(error).__name__)

    def _parameters(self, request: Request) -> dict[str, Any]:
        found = {}
        for name, value in request.parameters.items():
            sent = self._renamed.get(name, name)
            if sent is not None:
                found[sent] = value
        return found

    def _unconnected(self, error: openai.APIConnectionError) -> Fault:
        # The library's reason is of httpx or of its successor, as the version has it, so by name.
        cause = type(error.__cause__).__name__
        if cause in ("ConnectError", "ConnectTimeout"):
            return Fault(
                NOT_LISTENING, f"{self.base_url} takes no connections", "patiently", sent=False
            )
        return Fault(DISCONNECTED, cause, "soon", charged=True)

    def _refusal(self, error: openai.APIStatusError, sent: Mapping[str, Any]) -> Response | Fault:
        """What a status that is no success means."""
        status = error.status_code
        said = self._said(error)
        code = f"{_text(error.code)} {_text(error.type)}".lower()
        after = retry_after(error.response.headers, datetime.now(UTC))
        if status == 429 or status == 402:
            if status == 402 or any(name in code for name in _QUOTA_CODES):
                return Fault(OUT_OF_QUOTA, said)
            return Fault(RATE_LIMITED, said, "patiently", after)
        if status in (503, 529):
            return Fault(OVERLOADED, said, "patiently", after)
        if status == 408:
            return Fault(TIMED_OUT, said, "soon", after)
        if status in (409, 425) or (status >= 500 and status != 501):
            return Fault(SERVER_ERROR, said, "soon", after)
        if status == 401:
            # What servers say of a key often holds parts of it.
            given = f"set {KEY_VARIABLE}" if self._key is None else f"of {KEY_VARIABLE}"
            return Fault(KEY_REFUSED, f"401, the key {given}")
        if status == 403:
            return Fault(FORBIDDEN, said)
        if status == 404:
            return Fault(NOT_FOUND, said)
        if 300 <= status < 400:
            return Fault(NOT_FOUND, f"{status}, the server is elsewhere: give its own address")
        # Some servers write an error as OpenAI does, some flat, some as a mere text.
        words = f"{code} {error.message} {error.body}".lower()
        if status == 413 or any(name in words for name in (*_TOO_LONG_CODES, *_TOO_LONG_WORDS)):
            return Fault(TOO_LONG, said)
        if status == 400 and "content_filter" in code:
            # An answer as any other: it would come again.
            return Response(text="", finish_reason="content_filter")
        if status == 400 and any(name in code for name in _UNSUPPORTED_CODES):
            return self._unsupported(error, said, sent)
        return Fault(NOT_ACCEPTED, said)

    def _unsupported(
        self, error: openai.APIStatusError, said: str, sent: Mapping[str, Any]
    ) -> Fault:
        """Some models take no ``temperature``, some know the limit on tokens by its other name. Ask
        them without it or with the other; the request's key stays."""
        name = _text(error.param)
        if name not in sent:
            return Fault(NOT_ACCEPTED, said)
        asked = next((ours for ours, theirs in self._renamed.items() if theirs == name), name)
        if name in _LIMITS:
            if asked != name:
                return Fault(NOT_ACCEPTED, said)
            instead: str | None = _LIMITS[name]
        else:
            instead = None
        if asked not in self._renamed:
            _LOGGER.warning(
                "the model does not take %s: %s",
                ascii(name),
                "left out" if instead is None else f"sent as {instead}",
            )
        self._renamed[asked] = instead
        return Fault(NOT_ACCEPTED, said, "at once")

    def _said(self, error: openai.APIStatusError) -> str:
        """The status and the server's own words, in one line without the key."""
        body = error.body
        words = body.get("message", body.get("detail")) if isinstance(body, dict) else body
        words = one_line(without_key(_text(words)[: DETAIL_CHARS * 4], self._key))
        return f"{error.status_code} {words}".strip()


def read_body(content: bytes) -> Response | Fault:
    """The response in the body of a success, or why it is broken. A body is whatever a server
    sends: every field is checked."""
    if len(content) > MOST_BYTES:
        return _broken(f"a body of {len(content)} bytes")
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as error:
        return _broken(f"no JSON: {type(error).__name__}")
    if not isinstance(body, dict):
        return _broken("no JSON object")
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        # Some routers say with status 200 that the server behind them failed.
        return _broken("an error" if "error" in body else "no choices")
    message = choices[0].get("message")
    if not isinstance(message, dict):
        return _broken("no message")
    text = _content(message.get("content"))
    if text is None:
        return _broken("no text")
    end = _text(choices[0].get("finish_reason"))
    if end in _BROKEN_ENDS:
        return _broken(f"ended with {end}")
    refusal = message.get("refusal")
    usage = body.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return Response(
        text=_whole(text),
        finish_reason=one_line(end, FINISH_CHARS),
        refusal=_whole(refusal) if isinstance(refusal, str) and refusal else None,
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
    )


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds that a server asks to wait, at most `MOST_WAIT`: ``Retry-After-ms``, or
    ``Retry-After`` in seconds or as a date; None if it does not ask, or not in a way to be read.

    A date is taken by the server's own clock where it sends that (``Date``), else by ``now``.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return min(milliseconds / 1000, MOST_WAIT)
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None:
        return min(seconds, MOST_WAIT)
    then = _date(text)
    if then is None:
        return None
    sent = _date(headers.get("date"))
    return min(max(0.0, (then - (sent or now)).total_seconds()), MOST_WAIT)


def without_key(text: str, key: str | None) -> str:
    """``text`` with every piece of ``key`` of `KEY_PIECE` characters or more taken out."""
    if not key:
        return text
    size = min(KEY_PIECE, len(key))
    pieces = {key[start : start + size] for start in range(len(key) - size + 1)}
    marked = bytearray(len(text))
    for start in range(len(text) - size + 1):
        if text[start : start + size] in pieces:
            marked[start : start + size] = b"\x01" * size
    found: list[str] = []
    for place, character in enumerate(text):
        if not marked[place]:
            found.append(character)
        elif not place or not marked[place - 1]:
            found.append("[key]")
    return "".join(found)


def one_line(text: str, most: int = DETAIL_CHARS) -> str:
    """``text`` in one line that a terminal may show: no control or invisible characters, single
    spaces, at most ``most`` characters."""
    # More is never shown, so no more is looked at.
    shown = (
        character if unicodedata.category(character)[0] != "C" else " "
        for character in text[: most * 4]
    )
    line = " ".join("".join(shown).split())
    return line if len(line) <= most else f"{line[: most - 3]}..."


def _broken(detail: str) -> Fault:
    return Fault(BROKEN_BODY, detail, "soon", charged=True)


def _content(content: object) -> str | None:
    """The text of a message; servers may send it in parts, or none beside a refusal."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    parts = [part.get("text") for part in content if isinstance(part, dict)]
    return "".join(part for part in parts if isinstance(part, str))


def _whole(text: str) -> str:
    """``text`` with halves of surrogate pairs, which no UTF-8 holds, replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _count(value: object) -> int:
    """A number of tokens; 0 if it is none."""
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS
    return cast(int, value) if fits else 0


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None


def _date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        date = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _http_client(base_url: str, concurrency: int, seconds: float) -> Any:
    """The library's own HTTP client, which follows no redirect (a prompt goes where the user said,
    and nowhere else) and keeps a connection for every attempt. The environment's proxy is for
    other machines."""
    import openai

    chosen: dict[str, Any] = {
        "timeout": openai.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)),
        "follow_redirects": False,
        "trust_env": not is_here(base_url),
    }
    if concurrency > USUAL_CONNECTIONS:
        # The library is built on httpx or on its successor, as the version has it.
        base = openai.DefaultAsyncHttpxClient.__mro__[1].__module__.partition(".")[0]
        chosen["limits"] = sys.modules[base].Limits(
            max_connections=concurrency, max_keepalive_connections=concurrency
        )
    return openai.DefaultAsyncHttpxClient(**chosen)


__all__ = [
    "BROKEN_BODY",
    "DISCONNECTED",
    "FORBIDDEN",
    "KEY_REFUSED",
    "NOT_ACCEPTED",
    "NOT_FOUND",
    "NOT_LISTENING",
    "OUT_OF_QUOTA",
    "OVERLOADED",
    "RATE_LIMITED",
    "REASONS",
    "SERVER_ERROR",
    "TIMED_OUT",
    "TOO_LONG",
    "Client",
    "Fault",
    "OnAttempt",
    "Settle",
    "key_of_environment",
    "one_line",
    "read_body",
    "retry_after",
    "uncounted",
    "without_key",
]
