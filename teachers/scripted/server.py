"""A server that speaks the protocol of OpenAI's chat completions, over real HTTP, and answers by
script: from a table, else with what is made up from the request.

One thread with an event loop of its own carries it, or a process (`python -m
tracemine.teachers.scripted`). Besides the protocol's own paths it tells its counts under
``/scripted/counts``. An answer costs no more than reading the request and making it up; what is
kept of a request is its key, and its body only where a log is asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from tracemine.teachers.scripted.checking import (
    TOKEN_CHARS,
    Chat,
    Checker,
    RefusedError,
    tokens_of,
)
from tracemine.teachers.scripted.counts import Counts
from tracemine.teachers.scripted.faults import AnswerFault, Faults, LineFault
from tracemine.teachers.scripted.invention import invented
from tracemine.teachers.scripted.malice import Content, spoiled
from tracemine.teachers.scripted.table import Table, asked_in

#: Bytes of a request: a window of 200,000 characters, all of them escaped, several times over.
MOST_BYTES = 64 * 2**20
#: Seconds that closing waits for connections that clients keep open.
CLOSING = 0.1
#: Seconds that starting may take.
STARTING = 30.0
#: Statuses of `failing`, in turn by attempt.
FAILURES = (500, 502, 503, 529)
#: The time of every answer: equal requests get equal bytes.
CREATED = 1_700_000_000

#: Seconds of `Faults.per_second` that may come at once.
BURST = 0.1
#: Seconds that a client is told to wait at most.
LONGEST_WAIT = 60.0
#: How errors are written: vLLM's ``code`` is the status, OpenAI's is a word.
Dialect = Literal["vllm", "openai"]


@dataclass(frozen=True, slots=True)
class Logged:
    """One request as it came. ``status`` is what it got, 0 for no whole reply; ``fault`` what it
    met; ``key`` is empty where it was refused. ``body`` is as sent."""

    key: str
    attempt: int
    status: int
    fault: LineFault | AnswerFault | None
    body: bytes

    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class _Reply:
    """``ending``: the body is sent whole, or half of it and the line is closed, or half of it and
    nothing more comes. An empty body has no half: then not even the headers are sent."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    ending: Literal["whole", "closed", "silent"] = "whole"


class ScriptedServer:
    """A scripted server in a thread of this process, from ``with`` on until its end.

    Attributes:
        url: what a client is given as base URL; ends in ``/v1``.
        counts: what came.
        faults: what is wrong with it; may be replaced while it runs.
        log: the last requests, where ``logged`` asks for some.
    """

    def __init__(
        self,
        table: Table | Iterable[Mapping[str, Any]] | str | Path = (),
        faults: Faults | None = None,
        model: str | Iterable[str] = "scripted",
        seed: int = 0,
        *,
        context: int | None = None,
        api_key: str | None = None,
        dialect: Dialect = "vllm",
        unknown_fields: Iterable[str] = (),
        logged: int = 0,
        counting_keys: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """
        Args:
            table: rows of answers, or the file that holds them.
            faults: what is wrong; nothing by default.
            model: the name, or names, of the models it has.
            seed: of all that is drawn.
            context: tokens of prompt and answer together; None for any number.
            api_key: what a client must send as its key; None for anything or nothing.
            dialect: how errors are written.
            unknown_fields: fields of the protocol that it does not know, as older servers do not
                know ``max_completion_tokens``.
            logged: requests of which bodies are kept, the last ones.
            counting_keys: whether counts are kept by key, some 300 bytes each; without it, memory
                does not grow with what is asked.
            host: address to listen at.
            port: 0 for a free one.

        Raises:
            OSError, TableError: if the table cannot be read.
        """
        if isinstance(table, (str, Path)):
            table = Table.read(table)
        self.table = table if isinstance(table, Table) else Table.of(table)
        self.faults = faults or Faults()
        self.models = (model,) if isinstance(model, str) else tuple(model)
        self.seed = seed
        self.counts = Counts()
        self.log: deque[Logged] = deque(maxlen=logged)
        self._checker = Checker(self.models, context, frozenset(unknown_fields))
        self._authorization = None if api_key is None else f"Bearer {api_key}"
        self._host = host
        self._port = port
        self.dialect = dialect
        self.counting_keys = counting_keys
        #: Attempts that met a fault since the last answer, of requests that are not answered yet.
        self._failed: dict[str, int] = {}
        self._allowed = 1.0
        self._refilled = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The base URL, once the server runs."""
        return f"http://{self._host}:{self._port}/v1"

    def __enter__(self) -> Self:
        started = threading.Event()
        failures: list[OSError] = []
        self._thread = threading.Thread(
            target=self._carry, args=(started, failures), name="scripted-server", daemon=True
        )
        self._thread.start()
        if not started.wait(STARTING):
            raise TimeoutError("the scripted server does not start")
        if failures:
            raise failures[0]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections, whatever is under way, and end the thread."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        self._loop = self._thread = None

    async def serve(self) -> web.ServerRunner:
        """Serve in the running event loop, for a process that does nothing else.

        Raises:
            OSError: if the port is taken.
        """
        server = web.Server(
            self._handle,
            request_factory=_large_request,
            handler_cancellation=True,
            access_log=None,
        )
        runner = web.ServerRunner(server, shutdown_timeout=CLOSING)
        await runner.setup()
        await web.TCPSite(runner, self._host, self._port, backlog=4_096).start()
        self._port = runner.addresses[0][1]
        return runner

    def _carry(self, started: threading.Event, failures: list[OSError]) -> None:
        loop = asyncio.new_event_loop()
        try:
            runner = loop.run_until_complete(self.serve())
        except OSError as error:
            failures.append(error)
            loop.close()
            started.set()
            return
        self._loop = loop
        started.set()
        loop.run_forever()
        loop.run_until_complete(self._closed(runner))
        loop.close()

    async def _closed(self, runner: web.ServerRunner) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path.rstrip("/")
        if path == "/v1/chat/completions" and request.method == "POST":
            return await self._completions(request)
        return await _sent(request, self._told(request, path))

    def _told(self, request: web.BaseRequest, path: str) -> _Reply:
        """What is told about the server."""
        if path.startswith("/v1/") and (refused := self._unauthorized(request)):
            return self._error(refused)
        name = path.removeprefix("/v1/models/")
        told: _Reply | None = None
        if path == "/scripted/counts":
            told = _json(self.counts.to_json("by_key" in request.query))
        elif path == "/health":
            told = _Reply(200, b"")
        elif path == "/v1/models":
            told = _json({"object": "list", "data": [_model(name) for name in self.models]})
        elif name in self.models:
            told = _json(_model(name))
        elif path != "/v1/chat/completions":
            return self._error(RefusedError("there is nothing here", 404, "NotFoundError"))
        if told is None or request.method != "GET":
            return self._error(RefusedError("method not allowed", 405, "MethodNotAllowedError"))
        return told

    async def _completions(self, request: web.BaseRequest) -> web.StreamResponse:
        """Everything is counted before an answer is handed to the line: whoever has the answer
        finds it counted."""
        self.counts.came()
        status = 0
        try:
            reply = await self._reply(request)
            status = reply.status
            if reply.ending != "whole":
                return await _sent(request, reply)
        finally:
            self.counts.went(status)
        return await _sent(request, reply)

    async def _reply(self, request: web.BaseRequest) -> _Reply:
        status, body, key, attempt = 0, b"", "", 0
        fault: LineFault | AnswerFault | None = None
        try:
            try:
                body = await request.read()
            except web.HTTPRequestEntityTooLarge:
                raise RefusedError("the body is too large", 413, "TooLargeError") from None
            if refused := self._unauthorized(request):
                raise refused
            chat = self._checker.read(body)
            key, attempt = chat.key, self._failed.get(chat.key, 0) + 1
            self._count_request(chat)
            if (wait := self._over()) is not None:
                fault, reply = "limited", self._limited(wait)
            elif line_fault := self.faults.on_line(self.seed, key, attempt):
                fault, self._failed[key] = line_fault, attempt
                reply = await self._met(chat, attempt, line_fault)
            else:
                repair = any(message["role"] == "assistant" for message in chat.messages)
                answer_fault = self.faults.of_answer(self.seed, key, repair)
                fault = answer_fault
                await self._delay(chat, attempt)
                reply = self._answered(chat, answer_fault)
            status = reply.status
            return reply
        except RefusedError as refused:
            status = refused.status
            return self._error(refused)
        finally:
            if fault is not None:
                self.counts.by_fault[fault] += 1
            if self.log.maxlen:
                self.log.append(Logged(key, attempt, status, fault, body))

    def _count_request(self, chat: Chat) -> None:
        self.counts.by_schema[chat.schema_name] += 1
        if self.counting_keys:
            self.counts.by_key[chat.key] += 1

    def _answered(self, chat: Chat, fault: AnswerFault | None) -> _Reply:
        """The answer, counted."""
        reply, completion_tokens = self._answer(chat, fault)
        self._failed.pop(chat.key, None)
        counts = self.counts
        counts.answered += 1
        counts.prompt_tokens += chat.prompt_tokens
        counts.completion_tokens += completion_tokens
        if self.counting_keys:
            counts.answered_by_key[chat.key] += 1
        return reply

    async def _met(self, chat: Chat, attempt: int, fault: LineFault) -> _Reply:
        """What an attempt meets that gets no answer."""
        if fault == "limited":
            return self._limited(self.faults.retry_after)
        if fault == "unavailable":
            return _Reply(503, b"<html><body>503 Service Unavailable</body></html>", "text/html")
        if fault == "disconnecting":
            return _Reply(0, b"", ending="closed")
        if fault == "silent":
            return _Reply(0, b"", ending="silent")
        await self._delay(chat, attempt)
        if fault == "failing":
            status = FAILURES[(attempt - 1) % len(FAILURES)]
            return self._error(RefusedError("it failed", status, "InternalServerError"))
        body = self._answer(chat, None)[0].body
        if fault == "garbled":
            return _Reply(200, body[: len(body) * 2 // 3] + b"\xff\x00}")
        return _Reply(0, body, ending="closed" if fault == "cut" else "silent")

    def _answer(self, chat: Chat, fault: AnswerFault | None) -> tuple[_Reply, int]:
        """The body of an answer, and its tokens."""
        text, finish_reason = self._text(chat), "stop"
        if chat.most_tokens is not None and tokens_of(text) > chat.most_tokens:
            text, finish_reason = text[: chat.most_tokens * TOKEN_CHARS], "length"
        content = Content(text, finish_reason)
        if fault is not None:
            content = spoiled(text, fault, chat.schema or {}, chat.key)
        tokens = tokens_of((content.text or "") + (content.refusal or ""))
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": content.text, "refusal": content.refusal},
            "logprobs": None,
            "finish_reason": content.finish_reason,
        }
        answer = {
            "id": f"chatcmpl-{chat.key}",
            "object": "chat.completion",
            "created": CREATED,
            "model": chat.model,
            "choices": [choice] if content.finish_reason else [],
            "usage": {
                "prompt_tokens": chat.prompt_tokens,
                "completion_tokens": tokens,
                "total_tokens": chat.prompt_tokens + tokens,
            },
        }
        return _json(answer), tokens

    def _text(self, chat: Chat) -> str:
        """What is answered: the table's row, else what is made up."""
        asked = asked_in(chat.messages)
        row = self.table.find(asked, chat.schema_name)
        if row is not None:
            self.counts.from_table += 1
            return row.content
        if chat.form == "json_object":
            return "{}"
        schema = chat.schema or {"type": "string", "minLength": 1}
        value = invented(schema, chat.key, self.seed, asked.trace or asked.said)
        if chat.form == "text":
            return str(value)
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def _unauthorized(self, request: web.BaseRequest) -> RefusedError | None:
        if self._authorization in (None, request.headers.get("Authorization")):
            return None
        return RefusedError("Unauthorized", 401, "AuthenticationError", code="invalid_api_key")

    def _over(self) -> float | None:
        """Seconds to wait where there are more requests than allowed, None where there are not."""
        faults = self.faults
        if self.counts.under_way > faults.at_once:
            return faults.retry_after
        if math.isinf(faults.per_second):
            return None
        now = time.perf_counter()
        most = max(1.0, faults.per_second * BURST)
        refilled = self._allowed + (now - self._refilled) * faults.per_second
        self._allowed, self._refilled = min(most, refilled), now
        if self._allowed < 1:
            wait = (1 - self._allowed) / faults.per_second if faults.per_second else math.inf
            return max(faults.retry_after, min(wait, LONGEST_WAIT))
        self._allowed -= 1
        return None

    def _limited(self, wait: float) -> _Reply:
        reply = self._error(
            RefusedError("Rate limit reached", 429, "RateLimitError", code="rate_limit_exceeded")
        )
        form = self.faults.retry_after_form
        headers = {}
        if form == "seconds":
            headers["Retry-After"] = f"{wait:.3f}".rstrip("0").rstrip(".")
        elif form == "milliseconds":
            headers["Retry-After-Ms"] = str(math.ceil(wait * 1_000))
        elif form == "date":
            # The date of HTTP has whole seconds: the next one, so that nobody comes too early.
            headers["Retry-After"] = formatdate(math.ceil(time.time() + wait), usegmt=True)
        return replace(reply, headers=headers)

    def _error(self, refused: RefusedError) -> _Reply:
        kind = refused.kind
        if self.dialect == "openai":
            kind = "server_error" if refused.status >= 500 else "invalid_request_error"
        code = refused.code if self.dialect == "openai" else refused.status
        told = {"message": refused.message, "type": kind, "param": refused.param, "code": code}
        return replace(_json({"error": told}), status=refused.status)

    async def _delay(self, chat: Chat, attempt: int) -> None:
        if delay := self.faults.delay(self.seed, chat.key, attempt):
            await asyncio.sleep(delay)


async def _sent(request: web.BaseRequest, reply: _Reply) -> web.StreamResponse:
    """Hand a reply to the line, or as much of it as its ending allows."""
    if reply.ending == "whole":
        whole = web.Response(
            body=reply.body,
            status=reply.status,
            headers=dict(reply.headers),
            content_type=reply.content_type,
        )
        # A client that left gets nothing, and that is no error of ours.
        with contextlib.suppress(ConnectionError):
            await whole.prepare(request)
            await whole.write_eof()
        return whole
    response = web.StreamResponse(headers={"Content-Type": reply.content_type})
    if reply.body:
        response.content_length = len(reply.body)
        await response.prepare(request)
        await response.write(reply.body[: len(reply.body) // 2])
    if reply.ending == "silent":
        # Until the client leaves or the server closes: both cancel this.
        await asyncio.Event().wait()
    if request.transport is not None:
        # What is written goes out first.
        request.transport.close()
    return response


def _json(value: Any) -> _Reply:
    return _Reply(200, json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "tracemine"}


def _large_request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    """A request as aiohttp makes it, with a body of up to `MOST_BYTES`."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(
        message, payload, protocol, writer, task, loop, client_max_size=MOST_BYTES
    )


__all__ = ["CREATED", "FAILURES", "MOST_BYTES", "Dialect", "Logged", "ScriptedServer"]
