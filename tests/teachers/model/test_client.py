"""One request to a server, against a real one over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import pickle
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from answering import AnsweringServer, completion, said
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.base import TeacherError
from tracemine.teachers.model import client as client_module
from tracemine.teachers.model.client import (
    BROKEN_BODY,
    DISCONNECTED,
    FORBIDDEN,
    KEY_REFUSED,
    MOST_WAIT,
    NOT_ACCEPTED,
    NOT_FOUND,
    NOT_LISTENING,
    OUT_OF_QUOTA,
    OVERLOADED,
    RATE_LIMITED,
    REASONS,
    SERVER_ERROR,
    TIMED_OUT,
    TOO_LONG,
    Client,
    Fault,
    OnAttempt,
    Settle,
    key_of_environment,
    one_line,
    read_body,
    retry_after,
    uncounted,
    without_key,
)
from tracemine.teachers.model.requests import Message, Request, Response
from tracemine.teachers.model.settings import Settings

KEY = "sk-proj-0123456789abcdefSECRET"
SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False}
#: Seconds between attempts: tests wait for the order of things, not for time.
SOON = 0.001


def question(text: str = "What is it?", **parameters: Any) -> Request:
    messages = (Message("system", "Answer."), Message("user", text))
    return Request("segment", "m", messages, "spans", SCHEMA, parameters)


def asked(
    server: AnsweringServer,
    *requests: Request,
    key: str | None = KEY,
    on_attempt: OnAttempt = uncounted,
    **settings: Any,
) -> list[Response | BaseException]:
    """What a client of `server` makes of `requests`, sent all at once."""

    async def run() -> list[Response | BaseException]:
        async with Client(server.url, key, Settings(**settings), first_delay=SOON) as client:
            work = (client.send(request, on_attempt) for request in requests or (question(),))
            return await asyncio.wait_for(asyncio.gather(*work, return_exceptions=True), 30)

    return asyncio.run(run())


def failure(found: list[Response | BaseException]) -> TeacherError:
    (error,) = found
    assert isinstance(error, TeacherError), error
    assert error.reason in REASONS
    assert KEY not in str(error)
    assert str(error).isprintable()
    return error


async def good(number: int, body: dict[str, Any], request: web.Request) -> web.Response:
    return web.json_response(completion('{"spans": []}'))


def test_what_is_sent_is_the_request_and_nothing_else() -> None:
    with AnsweringServer(good) as server:
        (found,) = asked(server, question(temperature=0, max_completion_tokens=99, top_k=3))
    assert found == Response('{"spans": []}', "stop", None, 11, 7)
    assert server.bodies == [
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "Answer."},
                {"role": "user", "content": "What is it?"},
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "spans", "schema": SCHEMA, "strict": True},
            },
            "temperature": 0,
            "max_completion_tokens": 99,
            "top_k": 3,
        }
    ]
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"


def test_a_server_without_keys_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with AnsweringServer(good) as server:
        (found,) = asked(server, key=None)
    assert isinstance(found, Response)
    assert KEY not in str(server.headers)


@pytest.mark.parametrize("concurrency", [1, 200])
def test_a_server_here_is_reached_without_the_proxy_for_others(
    monkeypatch: pytest.MonkeyPatch, concurrency: int
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with AnsweringServer(good) as server:
        (found,) = asked(server, attempts=1, concurrency=concurrency)
        assert isinstance(found, Response)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(500, SERVER_ERROR), (502, SERVER_ERROR), (504, SERVER_ERROR), (409, SERVER_ERROR),
     (425, SERVER_ERROR), (408, TIMED_OUT), (503, OVERLOADED), (529, OVERLOADED),
     (429, RATE_LIMITED)],
)  # fmt: skip
def test_what_may_pass_is_tried_again(status: int, reason: str) -> None:
    async def answer(number: int, body: Any, request: web.Request) -> web.Response:
        return said(status) if number < 2 else await good(number, body, request)

    async def never(number: int, body: Any, request: web.Request) -> web.Response:
        return said(status, "a \x1b[31mred\x1b[0m\nherring")

    with AnsweringServer(answer) as server:
        (found,) = asked(server, attempts=3)
    assert isinstance(found, Response)
    assert len(server.bodies) == 3
    assert server.bodies[0] == server.bodies[2]
    with AnsweringServer(never) as server:
        error = failure(asked(server, attempts=3))
    assert error.reason == reason
    assert error.detail == f"{status} a [31mred [0m herring"
    # Two retries, or four times as many where the server is not serving.
    assert len(server.bodies) == (9 if reason in (RATE_LIMITED, OVERLOADED) else 3)


@pytest.mark.parametrize("status", [429, 500])
def test_one_attempt_is_one_attempt(status: int) -> None:
    async def never(number: int, body: Any, request: web.Request) -> web.Response:
        return said(status)

    with AnsweringServer(never) as server:
        failure(asked(server, attempts=1))
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda: said(400, "bad schema"), NOT_ACCEPTED),
        (lambda: said(422, "bad schema"), NOT_ACCEPTED),
        (lambda: said(501), NOT_ACCEPTED),
        (lambda: said(401, "wrong key"), KEY_REFUSED),
        (lambda: said(402, "Insufficient Balance"), OUT_OF_QUOTA),
        (lambda: said(403, "not for you"), FORBIDDEN),
        (lambda: said(404, "no such model"), NOT_FOUND),
        (lambda: said(413), TOO_LONG),
        (lambda: said(429, "You exceeded", code="insufficient_quota"), OUT_OF_QUOTA),
        (lambda: said(429, "You exceeded", type="insufficient_quota"), OUT_OF_QUOTA),
        (lambda: said(400, "x", code="context_length_exceeded"), TOO_LONG),
        (lambda: said(400, "x", type="exceed_context_size_error"), TOO_LONG),
        (lambda: said(400, "This model's maximum context length is 2048 tokens."), TOO_LONG),
        (lambda: said(400, "The decoder prompt (length 9) is longer than the maximum model "
                           "length of 8."), TOO_LONG),
        (lambda: web.json_response({"object": "error", "message": "maximum context length",
                                    "code": 400}, status=400), TOO_LONG),
        (lambda: web.json_response({"error": "the input is too long"}, status=400), TOO_LONG),
        (lambda: web.json_response({"detail": "Not Found"}, status=404), NOT_FOUND),
        (lambda: web.json_response([1, 2], status=400), NOT_ACCEPTED),
        (lambda: web.Response(text="<html>" + "x" * 100_000, status=400), NOT_ACCEPTED),
        (lambda: web.Response(body=b"\xff\xfe\x00", status=404), NOT_FOUND),
        (lambda: web.Response(status=302, headers={"Location": "http://127.0.0.1:9/"}),
         NOT_FOUND),
        (lambda: web.Response(status=307, headers={"Location": "/v1/chat/completions"}),
         NOT_FOUND),
    ],
)  # fmt: skip
def test_what_would_fail_again_is_not_tried_again(answer: Any, reason: str) -> None:
    async def once(number: int, body: Any, request: web.Request) -> web.Response:
        return answer()

    with AnsweringServer(once) as server:
        error = failure(asked(server))
    assert error.reason == reason
    assert len(server.bodies) == 1
    assert len(error.detail) < 400


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (401, None, KEY_REFUSED),
        (403, None, FORBIDDEN),
        (404, None, NOT_FOUND),
        (429, "insufficient_quota", OUT_OF_QUOTA),
    ],
)
def test_what_is_said_to_all_is_asked_ten_times(
    status: int, code: str | None, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def no(number: int, body: Any, request: web.Request) -> web.Response:
        return said(status, code=code)

    with AnsweringServer(no) as server:
        found = asked(server, *(question(str(n)) for n in range(100)), concurrency=1)
        assert len(server.bodies) == client_module.MOST_NO
    assert {getattr(error, "reason", None) for error in found} == {reason}
    (line,) = [r.getMessage() for r in caplog.records if "nothing more is sent" in r.getMessage()]
    assert KEY not in line


def test_what_is_said_to_some_stops_no_others() -> None:
    async def some(number: int, body: Any, request: web.Request) -> web.Response:
        return said(404) if number % 8 else web.json_response(completion())

    with AnsweringServer(some) as server:
        found = asked(server, *(question(str(n)) for n in range(80)), concurrency=1)
        assert len(server.bodies) == 80
    assert sum(isinstance(each, Response) for each in found) == 10


@pytest.mark.parametrize("status", [429, 503])
def test_many_wait_for_a_server_that_is_gone_as_long_as_one_does(status: int) -> None:
    async def gone(number: int, body: Any, request: web.Request) -> web.Response:
        return said(status)

    with AnsweringServer(gone) as server:
        failure(asked(server, attempts=3))
        alone = len(server.bodies)
        found = asked(server, *(question(str(n)) for n in range(200)), attempts=3, concurrency=4)
    assert {getattr(error, "reason", None) for error in found} <= {RATE_LIMITED, OVERLOADED}
    assert alone == 1 + 2 * client_module.PATIENCE
    # Of each one attempt, and besides what those at once made before the first gave up.
    assert len(server.bodies) - alone < 200 + 4 * alone


def test_one_that_is_never_served_gives_up_for_itself_alone() -> None:
    """A limit that others use up: the server serves all but one."""
    turns: dict[str, int] = {}

    async def answer(number: int, body: Any, request: web.Request) -> web.Response:
        text = body["messages"][-1]["content"]
        turns[text] = turns.get(text, 0) + 1
        is_refused = text == "unlucky" or turns[text] <= 3
        return said(429) if is_refused else await good(number, body, request)

    questions = [question("unlucky"), *(question(str(n)) for n in range(60))]
    with AnsweringServer(answer) as server:
        found = asked(server, *questions, attempts=3, concurrency=4)
    assert [isinstance(each, Response) for each in found] == [False] + [True] * 60
    assert turns["unlucky"] == 1 + 2 * client_module.PATIENCE


def test_a_server_that_asks_for_no_wait_is_waited_for_all_the_same() -> None:
    client = Client("http://127.0.0.1:9/v1", KEY, Settings(attempts=3))
    fault = Fault(OVERLOADED, "", "patiently", after=0.0)
    assert [client._wait(fault, failures, question()) for failures in (1, 3)] == [0.0, 0.0]
    assert sum(client._wait(fault, failures, question()) for failures in range(4, 21)) > 60
    long = Fault(OVERLOADED, "", "patiently", after=MOST_WAIT)
    assert client._wait(long, 20, question()) == MOST_WAIT


def test_a_server_that_comes_back_is_waited_for_as_before() -> None:
    """It is gone for the first question, there for the second, and away for a while again."""
    patience = 1 + 2 * client_module.PATIENCE

    async def answer(number: int, body: Any, request: web.Request) -> web.Response:
        if number == patience or number == 2 * patience:
            return await good(number, body, request)
        return said(503)

    async def run(url: str) -> list[int]:
        async with Client(url, KEY, Settings(attempts=3), first_delay=SOON) as client:
            found = []
            for number in range(4):
                with contextlib.suppress(TeacherError):
                    await client.send(question(str(number)))
                    found.append(number)
            return found

    with AnsweringServer(answer) as server:
        assert asyncio.run(run(server.url)) == [1, 2]
    # The last is waited for as long as the first was.
    assert len(server.bodies) == 3 * patience + 1


def test_a_filter_that_refuses_is_an_answer() -> None:
    async def filtered(number: int, body: Any, request: web.Request) -> web.Response:
        return said(400, "filtered", code="content_filter")

    with AnsweringServer(filtered) as server:
        assert asked(server) == [Response("", "content_filter")]


def test_a_body_cut_off_or_never_begun_is_asked_again() -> None:
    async def cut(number: int, body: Any, request: web.Request) -> web.StreamResponse:
        if number == 0:
            request.transport.abort()
            return web.Response()
        if number == 1:
            response = web.StreamResponse(headers={"Content-Length": "5000"})
            await response.prepare(request)
            await response.write(b'{"choices": [')
            request.transport.abort()
            return response
        if number == 2:
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b'{"choices": [')
            request.transport.abort()
            return response
        return await good(number, body, request)

    with AnsweringServer(cut) as server:
        (found,) = asked(server, attempts=4)
        assert isinstance(found, Response)
        assert len(server.bodies) == 4
    with AnsweringServer(cut) as server:
        error = failure(asked(server, attempts=3))
    assert error.reason == DISCONNECTED


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b'"text"', b"\xff\xfe", b"<html></html>", b"{}",
     b'{"choices": []}', b'{"choices": [1]}', b'{"choices": [{}]}',
     b'{"choices": [{"message": null}]}', b'{"choices": [{"message": {"content": 3}}]}',
     b'{"error": {"code": 502}}', b"[" * 100_000, b"1" * 10_000,
     b'{"choices": [{"message": {"content": "x"}, "finish_reason": "abort"}]}'],
)  # fmt: skip
def test_broken_bodies_are_asked_again(body: bytes) -> None:
    async def broken(number: int, _: Any, request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    with AnsweringServer(broken) as server:
        error = failure(asked(server, attempts=2))
    assert error.reason == BROKEN_BODY
    assert len(server.bodies) == 2
    assert isinstance(read_body(body), Fault)


def test_a_body_too_long_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps(completion("x" * 1000)).encode()
    assert isinstance(read_body(body), Response)
    monkeypatch.setattr(client_module, "MOST_BYTES", 1000)
    assert isinstance(read_body(body), Fault)


def test_a_content_that_is_not_said_to_be_json_is_read_all_the_same() -> None:
    async def plain(number: int, _: Any, request: web.Request) -> web.Response:
        return web.Response(text=json.dumps(completion("yes")), content_type="text/plain")

    with AnsweringServer(plain) as server:
        assert asked(server) == [Response("yes", "stop", None, 11, 7)]


@pytest.mark.parametrize(
    ("body", "response"),
    [
        (completion(None, refusal="I will not."), Response("", "stop", "I will not.", 11, 7)),
        (completion("cut", "length"), Response("cut", "length", None, 11, 7)),
        (completion("", "content_filter"), Response("", "content_filter", None, 11, 7)),
        (completion([{"type": "text", "text": "a"}, {"text": "b"}, 3, {"text": 4}]),
         Response("ab", "stop", None, 11, 7)),
        (completion("half \ud83d pair"), Response("half \ufffd pair", "stop", None, 11, 7)),
        (completion("x", "\x1b[2J" + "s" * 900),
         Response("x", "[2J" + "s" * 34 + "...", None, 11, 7)),
        (completion("x", None), Response("x", "", None, 11, 7)),
        (completion("x") | {"usage": None}, Response("x", "stop")),
        (completion("x") | {"usage": {"prompt_tokens": -4, "completion_tokens": True}},
         Response("x", "stop")),
        (completion("x") | {"usage": {"prompt_tokens": "9", "completion_tokens": 10**30}},
         Response("x", "stop")),
    ],
)  # fmt: skip
def test_answers_of_every_kind_are_read(body: dict[str, Any], response: Response) -> None:
    assert read_body(json.dumps(body).encode()) == response


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["choices", "message", "content", "usage", "refusal", "finish_reason",
                         "prompt_tokens", "text", "error"]), inner, max_size=5),
    max_leaves=25,
))  # fmt: skip
def test_any_json_is_a_response_or_a_fault(body: Any) -> None:
    found = read_body(json.dumps(body).encode())
    if isinstance(found, Response):
        assert found.text.encode() is not None
        assert min(found.prompt_tokens, found.completion_tokens) >= 0
    else:
        assert found.reason == BROKEN_BODY


@given(st.binary(max_size=200))
def test_any_bytes_are_a_response_or_a_fault(body: bytes) -> None:
    assert isinstance(read_body(body), Response | Fault)


def test_a_server_that_never_answers_is_given_up_and_holds_nothing() -> None:
    async def first_never(number: int, body: Any, request: web.Request) -> web.StreamResponse:
        if number < 2:
            await asyncio.sleep(30)
        if number < 4:
            # Drips: each byte comes in time, the whole never does.
            response = web.StreamResponse()
            await response.prepare(request)
            for _ in range(100):
                await response.write(b" ")
                await asyncio.sleep(0.1)
        return await good(number, body, request)

    with AnsweringServer(first_never) as server:
        found = asked(server, question("a"), question("b"), concurrency=2, attempts=3, timeout=0.4)
        assert all(isinstance(answer, Response) for answer in found), found
    with AnsweringServer(first_never) as server:
        error = failure(asked(server, attempts=2, timeout=0.2))
    assert error.reason == TIMED_OUT


def test_a_server_that_is_not_there_is_waited_for() -> None:
    with AnsweringServer(good) as server:
        pass
    counts = []

    @contextlib.asynccontextmanager
    async def on_attempt(number: int) -> AsyncIterator[Settle]:
        yield counts.append

    error = failure(asked(server, attempts=2, on_attempt=on_attempt))
    assert error.reason == NOT_LISTENING
    assert server.url in error.detail
    # Nothing was sent, so nothing is paid for.
    assert len(counts) == 5
    assert not any(fault.sent or fault.charged for fault in counts)


def test_every_attempt_is_told_and_one_that_may_not_begin_is_not_sent() -> None:
    told: list[tuple[int, str]] = []

    async def answer(number: int, body: Any, request: web.Request) -> web.Response:
        return said(500) if number < 2 else await good(number, body, request)

    @contextlib.asynccontextmanager
    async def two(number: int) -> AsyncIterator[Settle]:
        if number == 2:
            raise TeacherError("budget", "no more")
        outcomes: list[Any] = []
        yield outcomes.append
        told.append((number, outcomes[0].reason))

    with AnsweringServer(answer) as server:
        (error,) = asked(server, on_attempt=two)
        assert isinstance(error, TeacherError)
        assert error.reason == "budget"
        assert len(server.bodies) == 2
    assert told == [(0, SERVER_ERROR), (1, SERVER_ERROR)]


@pytest.mark.parametrize("concurrency", [5, 120])
def test_as_many_at_once_as_chosen_and_no_more(concurrency: int) -> None:
    """120 is more than the connections that the library keeps by itself."""

    async def gathering(number: int, body: Any, request: web.Request) -> web.Response:
        while server.most < concurrency:
            await asyncio.sleep(0.001)
        return await good(number, body, request)

    with AnsweringServer(gathering) as server:
        requests = [question(str(number)) for number in range(concurrency + 30)]
        found = asked(server, *requests, concurrency=concurrency)
        assert all(isinstance(answer, Response) for answer in found)
        assert server.most == concurrency


def test_while_one_waits_after_a_429_all_wait() -> None:
    times: list[tuple[float, int]] = []

    async def limited(number: int, body: Any, request: web.Request) -> web.Response:
        loop = asyncio.get_running_loop()
        times.append((loop.time(), number))
        if number == 0:
            return said(429, headers={"Retry-After-Ms": "300"})
        return await good(number, body, request)

    with AnsweringServer(limited) as server:
        found = asked(server, *(question(str(i)) for i in range(6)), concurrency=1)
        assert all(isinstance(answer, Response) for answer in found)
    assert times[1][0] - times[0][0] > 0.29
    # Who was turned away is the first to come back.
    assert server.bodies[0] == server.bodies[1]


def test_servers_that_do_not_take_a_parameter_are_asked_without_it() -> None:
    async def picky(number: int, body: Any, request: web.Request) -> web.Response:
        if "temperature" in body:
            return said(400, "no", param="temperature", code="unsupported_value")
        if "max_tokens" in body:
            return said(400, "no", param="max_tokens", code="unsupported_parameter")
        assert body["max_completion_tokens"] == 9
        return await good(number, body, request)

    requests = [question(str(i), temperature=0, max_tokens=9, seed=1) for i in range(8)]
    with AnsweringServer(picky) as server:
        found = asked(server, *requests, attempts=1, concurrency=2)
        assert all(isinstance(answer, Response) for answer in found), found
        # Learnt by those that were under way at first, known to all others.
        assert len(server.bodies) <= 8 + 2 * 2
        assert all(body["seed"] == 1 for body in server.bodies)


@pytest.mark.parametrize("param", ["max_completion_tokens", "max_tokens", "model", "nothing"])
def test_limits_are_never_left_out(param: str) -> None:
    async def picky(number: int, body: Any, request: web.Request) -> web.Response:
        assert {"max_tokens", "max_completion_tokens"} & body.keys()
        name = param if param in body or number == 0 else "max_tokens"
        return said(400, "no", param=name, code="unsupported_parameter")

    with AnsweringServer(picky) as server:
        error = failure(asked(server, question(max_completion_tokens=9)))
    assert error.reason == NOT_ACCEPTED
    assert len(server.bodies) <= 2


NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "1e9"}, MOST_WAIT),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "x", "retry-after": "9"}, 9.0),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:07 GMT"}, 7.0),
        ({"retry-after": "Sun, 01 Mar 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "Sun, 01 Mar 2026 13:00:00 -0000"}, MOST_WAIT),
        ({"retry-after": "Sun, 01 Mar 2026 15:00:07 GMT",
          "date": "Sun, 01 Mar 2026 15:00:00 GMT"}, 7.0),
        ({"retry-after": "Sun, 99 Mar 2026 15:00:07 GMT"}, None),
    ],
)  # fmt: skip
def test_what_a_server_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_header_is_a_time_within_bounds_or_none(first: str, second: str) -> None:
    found = retry_after({"retry-after-ms": first, "retry-after": second, "date": first}, NOW)
    assert found is None or 0 <= found <= MOST_WAIT


def test_delays_double_and_are_drawn_evenly() -> None:
    client = Client("http://localhost:1/v1", None, Settings(), first_delay=1.0)
    requests = [question(str(i)) for i in range(400)]
    for failures, most in [(1, 1.0), (2, 2.0), (4, 8.0), (7, 60.0), (5000, 60.0)]:
        delays = sorted(client._delay(failures, request) for request in requests)
        assert 0 <= delays[0] < most * 0.05
        assert most * 0.4 < delays[200] < most * 0.6
        assert most * 0.95 < delays[-1] <= most


# The key


def echoing(status: int) -> Any:
    """A server that says the key that it was sent, whole, in part and masked."""

    async def answer(number: int, body: Any, request: web.Request) -> web.Response:
        sent = request.headers["Authorization"]
        return said(
            status,
            f"{sent} is not {sent[7:-2]} nor {sent[7:20]}******{sent[-9:]}",
            code=f"x{sent}",
            headers={"X-Request-Id": sent},
        )

    return answer


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500, 503])
def test_the_key_is_in_no_error_and_no_log(status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="tracemine")
    with AnsweringServer(echoing(status)) as server:
        error = failure(asked(server, attempts=2))
    shown = "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))
    shown += caplog.text + pickle.dumps(error).decode("latin-1")
    pieces = {KEY[start : start + 6] for start in range(len(KEY) - 5)}
    assert not [piece for piece in pieces if piece in shown]
    # The library's exceptions hold the request and with it the key.
    assert error.__cause__ is None
    assert error.__context__ is None


def test_the_key_is_not_shown_by_the_client_and_does_not_travel() -> None:
    client = Client("http://localhost:1/v1", KEY, Settings())
    assert KEY not in repr(client)
    assert KEY not in str(client)
    with pytest.raises(TypeError, match="other processes"):
        pickle.dumps(client)


@pytest.mark.parametrize(
    ("value", "key"), [("", None), ("  \n", None), (" sk-1 \n", "sk-1"), (KEY, KEY)]
)
def test_the_key_is_the_environments(value: str, key: str | None) -> None:
    assert key_of_environment({"OPENAI_API_KEY": value}) == key
    assert key_of_environment({}) is None


@pytest.mark.parametrize("value", ["hunter2\nX-Evil: 1", "hunter2 too", "hunter2é", "hunter2\x7f"])
def test_what_no_header_carries_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(ValueError, match="OPENAI_API_KEY") as caught:
        key_of_environment({"OPENAI_API_KEY": value})
    assert "hunter2" not in str(caught.value)


@given(st.text(max_size=30), st.text("abc1", min_size=1, max_size=20), st.text(max_size=30))
def test_no_piece_of_the_key_is_left(before: str, key: str, after: str) -> None:
    found = without_key(before + key + after, key)
    size = min(6, len(key))
    left = found.replace("[key]", "\n")
    assert not [start for start in range(len(key)) if key[start : start + size] in left
                and len(key[start : start + size]) == size]  # fmt: skip


def test_texts_without_the_key_stay() -> None:
    assert without_key("a plain text", KEY) == "a plain text"
    assert without_key("a plain text", None) == "a plain text"
    assert without_key("", KEY) == ""
    assert without_key(f"<{KEY}{KEY}>", KEY) == "<[key]>"


@given(st.text(max_size=2000), st.integers(3, 300))
def test_one_line_is_one_line(text: str, most: int) -> None:
    line = one_line(text, most)
    assert len(line) <= most
    assert not [character for character in line if ord(character) < 32 or ord(character) == 127]
    assert len(line.splitlines()) <= 1


def test_halves_of_surrogate_pairs_are_sent_as_replaced() -> None:
    with AnsweringServer(good) as server:
        (found,) = asked(server, question("half \ud83d pair, whole \U0001f600"))
    assert isinstance(found, Response)
    sent = server.bodies[0]["messages"][1]["content"]
    assert sent == "half \ufffd pair, whole \U0001f600"


def test_cancelling_frees_the_place() -> None:
    async def wait(number: int, body: Any, request: web.Request) -> web.Response:
        if number < 2:
            await asyncio.sleep(20)
        return await good(number, body, request)

    async def run(server: AnsweringServer) -> Response:
        async with Client(server.url, None, Settings(concurrency=1)) as client:
            first = asyncio.create_task(client.send(question("a")))
            while not server.bodies:
                await asyncio.sleep(0.001)
            second = asyncio.create_task(client.send(question("b")))
            await asyncio.sleep(0)
            first.cancel()
            while len(server.bodies) < 2:
                await asyncio.sleep(0.001)
            second.cancel()
            return await asyncio.wait_for(client.send(question("c")), 10)

    with AnsweringServer(wait) as server:
        assert isinstance(asyncio.run(run(server)), Response)
