"""What a worker process keeps for asking a model, against a real server."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import json
import pickle
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from answering import AnsweringServer, completion, said

from tracemine.teachers.base import TeacherError
from tracemine.teachers.model.budget import BUDGET_SPENT, Limits
from tracemine.teachers.model.cache import CacheError
from tracemine.teachers.model.client import NOT_ACCEPTED, NOT_LISTENING
from tracemine.teachers.model.requests import Message, Request, Response
from tracemine.teachers.model.settings import Settings
from tracemine.teachers.model.worker import ModelOptions, ModelWorker, shared_worker

KEY = "sk-proj-0123456789abcdefSECRET"


def question(text: Any = "What is it?", purpose: Any = "segment", tokens: int = 50) -> Request:
    messages = (Message("user", str(text)),)
    return Request(purpose, "m", messages, "spans", {}, {"max_completion_tokens": tokens})


def options(server: AnsweringServer, **more: Any) -> ModelOptions:
    settings = Settings(concurrency=more.pop("concurrency", 8), attempts=more.pop("attempts", 2))
    return ModelOptions(server.url, "m", settings, **more)


def asked(worker: ModelWorker, *requests: Request) -> list[Response | BaseException]:
    """All at once, from this thread."""

    async def run() -> list[Response | BaseException]:
        work = (worker.ask(request) for request in requests)
        return await asyncio.gather(*work, return_exceptions=True)

    return worker.loop.submit(run()).result(30)


def row(worker: ModelWorker, purpose: str = "segment") -> dict[str, Any]:
    return worker.tally.to_json()[purpose]["m"]


async def echo(number: int, body: dict[str, Any], request: web.Request) -> web.Response:
    return web.json_response(completion("to " + body["messages"][-1]["content"]))


def test_a_second_run_makes_no_request(tmp_path: Path) -> None:
    with AnsweringServer(echo) as server:
        given = options(server, cache=str(tmp_path / "cache"))
        requests = [question(number) for number in range(30)]
        with ModelWorker(given) as worker:
            first = asked(worker, *requests)
            assert [answer.text for answer in first] == [f"to {n}" for n in range(30)]
            counts = row(worker)
            assert counts["requests"] == counts["attempts"] == 30
            assert counts["cache_hits"] == counts["retries"] == 0
            assert (counts["prompt_tokens"], counts["completion_tokens"]) == (330, 210)
            assert counts["seconds"] > 0
        with ModelWorker(given) as worker:
            assert asked(worker, *requests) == first
            counts = row(worker)
            assert (counts["requests"], counts["cache_hits"], counts["attempts"]) == (30, 30, 0)
            assert counts["prompt_tokens"] == counts["seconds"] == 0
        assert len(server.bodies) == 30


@pytest.mark.parametrize("cached", [True, False])
def test_equal_questions_at_a_time_are_sent_once(tmp_path: Path, cached: bool) -> None:
    async def slow(number: int, body: Any, request: web.Request) -> web.Response:
        await asyncio.sleep(0.05)
        return await echo(number, body, request)

    with AnsweringServer(slow) as server:
        given = options(server, cache=str(tmp_path) if cached else None)
        with ModelWorker(given) as worker:
            requests = [question(number % 3, "replay") for number in range(30)]
            found = asked(worker, *requests)
            assert [answer.text for answer in found] == [f"to {n % 3}" for n in range(30)]
            assert len(server.bodies) == 3
            counts = row(worker, "replay")
            assert (counts["requests"], counts["cache_hits"], counts["attempts"]) == (30, 27, 3)
            # Later, only a cache knows them.
            asked(worker, *requests[:3])
            assert len(server.bodies) == (3 if cached else 6)


def test_two_processes_that_ask_the_same_go_by_one_answer(tmp_path: Path) -> None:
    """As two workers stand for two processes here: each asks for itself."""
    both = threading.Barrier(2)

    async def fickle(number: int, body: Any, request: web.Request) -> web.Response:
        await asyncio.to_thread(both.wait, 10)
        return web.json_response(completion(f"answer {number}"))

    with AnsweringServer(fickle) as server:
        given = options(server, cache=str(tmp_path / "cache"))
        with ModelWorker(given) as one, ModelWorker(given) as other:
            futures = [worker.loop.submit(worker.ask(question())) for worker in (one, other)]
            found = {future.result(30) for future in futures}
        assert len(server.bodies) == 2
        with ModelWorker(given) as later:
            assert set(asked(later, question())) == found
    assert len(found) == 1


def test_answers_that_were_cut_or_refused_are_kept_too(tmp_path: Path) -> None:
    async def odd(number: int, body: Any, request: web.Request) -> web.Response:
        if body["messages"][-1]["content"] == "cut":
            return web.json_response(completion("half", "length"))
        return web.json_response(completion(None, refusal="no"))

    with (
        AnsweringServer(odd) as server,
        ModelWorker(options(server, cache=str(tmp_path))) as worker,
    ):
        first = asked(worker, question("cut"), question("bad"))
        assert first == [Response("half", "length", None, 11, 7), Response("", "stop", "no", 11, 7)]
        assert asked(worker, question("cut"), question("bad")) == first
        assert len(server.bodies) == 2


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": -5, "completion_tokens": "many"}])
def test_tokens_that_a_server_does_not_count_are_estimated(usage: Any) -> None:
    async def uncounted(number: int, body: Any, request: web.Request) -> web.Response:
        return web.json_response(completion("an answer of some length") | {"usage": usage})

    with AnsweringServer(uncounted) as server, ModelWorker(options(server)) as worker:
        asked(worker, question("How much is it? " * 50))
        counts = row(worker)
    assert counts["prompt_tokens"] >= 200
    assert counts["completion_tokens"] >= 5


def test_failures_are_not_kept_and_counted_by_reason(tmp_path: Path) -> None:
    async def mending(number: int, body: Any, request: web.Request) -> web.Response:
        return said(400) if number < 1 else await echo(number, body, request)

    with (
        AnsweringServer(mending) as server,
        ModelWorker(options(server, cache=str(tmp_path))) as worker,
    ):
        found = asked(worker, question(), question())
        assert [error.reason for error in found] == [NOT_ACCEPTED] * 2
        assert found[0] is not found[1]
        assert row(worker)["failures"] == {NOT_ACCEPTED: 2}
        (answer,) = asked(worker, question())
        assert answer.text == "to What is it?"
        counts = row(worker)
        assert (counts["requests"], counts["attempts"], counts["retries"]) == (3, 2, 0)


def test_retries_are_counted_and_what_was_never_sent_is_not(tmp_path: Path) -> None:
    async def shaky(number: int, body: Any, request: web.Request) -> web.Response:
        return said(500) if number < 1 else await echo(number, body, request)

    with AnsweringServer(shaky) as server:
        given = options(server, limits=Limits(requests=10))
        with ModelWorker(given) as worker:
            asked(worker, question())
            assert (row(worker)["attempts"], row(worker)["retries"]) == (2, 1)
            assert worker._budget.spent().requests == 2
    settings = Settings(attempts=1)
    gone = ModelOptions(given.base_url, "m", settings, limits=Limits(requests=10))
    with ModelWorker(gone) as worker:
        (error,) = asked(worker, question())
        assert error.reason == NOT_LISTENING
        assert row(worker)["attempts"] == 0
        assert row(worker)["failures"] == {NOT_LISTENING: 1}
        assert worker._budget.spent().requests == 0


def test_a_budget_is_never_overspent_and_the_rest_fails_of_it(tmp_path: Path) -> None:
    async def shaky(number: int, body: Any, request: web.Request) -> web.Response:
        return said(500) if number % 3 == 0 else await echo(number, body, request)

    with AnsweringServer(shaky) as server:
        given = options(
            server, cache=str(tmp_path / "cache"), book=tmp_path / "book", attempts=4,
            limits=Limits(requests=20),
        )  # fmt: skip
        with ModelWorker(given) as worker, ModelWorker(given) as other:
            with concurrent.futures.ThreadPoolExecutor(2) as threads:
                halves = list(threads.map(
                    lambda each: asked(each[0], *map(question, range(each[1], each[1] + 40))),
                    [(worker, 0), (other, 100)],
                ))  # fmt: skip
            found = [answer for half in halves for answer in half]
            assert len(server.bodies) == 20
            failed = Counter(e.reason for e in found if isinstance(e, TeacherError))
            answered = sum(isinstance(answer, Response) for answer in found)
            assert set(failed) == {BUDGET_SPENT}
            assert answered + failed[BUDGET_SPENT] == 80
            assert 1 <= answered <= 13
            # What the cache has is free.
            assert sum(isinstance(a, Response) for a in asked(other, *map(question, range(40)))) > 0
            assert len(server.bodies) == 20


def test_tokens_that_are_reserved_and_not_used_come_back() -> None:
    with AnsweringServer(echo) as server:
        # Each attempt reserves more than 50 tokens and takes 18: two at once at most.
        given = options(server, limits=Limits(tokens=160))
        with ModelWorker(given) as worker:
            found = asked(worker, *map(question, range(6)))
            answered = [answer for answer in found if isinstance(answer, Response)]
            assert len(answered) >= 4
            assert worker._budget.spent().tokens == 18 * len(answered)
            assert worker._budget.spent().reserved_tokens == 0


def test_cancelling_one_of_two_leaves_the_other_its_answer() -> None:
    let_go = threading.Event()

    async def wait(number: int, body: Any, request: web.Request) -> web.Response:
        while not let_go.is_set():
            await asyncio.sleep(0.001)
        return await echo(number, body, request)

    async def run(worker: ModelWorker) -> None:
        first = asyncio.create_task(worker.ask(question()))
        second = asyncio.create_task(worker.ask(question()))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        assert first.cancelled()
        let_go.set()
        assert (await second).text == "to What is it?"

    with AnsweringServer(wait) as server, ModelWorker(options(server)) as worker:
        worker.loop.submit(run(worker)).result(10)
        assert len(server.bodies) == 1
        assert row(worker)["requests"] == 1


def test_cancelling_the_last_gives_all_back_and_the_same_may_be_asked_anew() -> None:
    async def wait(number: int, body: Any, request: web.Request) -> web.Response:
        if number == 0:
            await asyncio.sleep(20)
        return await echo(number, body, request)

    async def run(worker: ModelWorker, server: AnsweringServer) -> None:
        first = asyncio.create_task(worker.ask(question()))
        while not server.bodies:
            await asyncio.sleep(0.001)
        first.cancel()
        # At once: while the request is being cancelled.
        await asyncio.sleep(0)
        assert (await asyncio.wait_for(worker.ask(question()), 10)).text == "to What is it?"
        assert first.cancelled()

    with AnsweringServer(wait) as server:
        given = options(server, concurrency=1, limits=Limits(requests=5, tokens=10_000))
        with ModelWorker(given) as worker:
            worker.loop.submit(run(worker, server)).result(10)
            spent = worker._budget.spent()
            assert spent.requests == 2
            assert spent.reserved_tokens == 0
            # The server may have worked on what was cancelled: it counts as what it might cost.
            assert spent.tokens > 18 + 50
            assert not worker._under_way
            assert (row(worker)["requests"], row(worker)["attempts"]) == (1, 2)


def test_closing_gives_up_what_is_under_way() -> None:
    async def never(number: int, body: Any, request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    with AnsweringServer(never) as server:
        worker = ModelWorker(options(server))
        futures = [worker.loop.submit(worker.ask(question(n))) for n in range(20)]
        while len(server.bodies) < 8:
            pass
        worker.close()
        worker.close()
        for future in futures:
            with pytest.raises(concurrent.futures.CancelledError):
                future.result(0)
        with pytest.raises(RuntimeError, match="closed"):
            worker.loop.submit(asyncio.sleep(0))


def test_damaged_entries_are_asked_again_and_counted(tmp_path: Path) -> None:
    with (
        AnsweringServer(echo) as server,
        ModelWorker(options(server, cache=str(tmp_path))) as worker,
    ):
        asked(worker, *map(question, range(10)))
        entries = sorted(path for path in tmp_path.rglob("*.json"))
        assert len(entries) == 10
        for entry in entries[:4]:
            entry.write_bytes(entry.read_bytes()[:-20])
        found = asked(worker, *map(question, range(10)))
        assert [answer.text for answer in found] == [f"to {n}" for n in range(10)]
        assert row(worker)["corrupt"] == 4
        assert (row(worker)["attempts"], row(worker)["cache_hits"]) == (14, 6)


def test_many_threads_ask_one_worker(tmp_path: Path) -> None:
    with (
        AnsweringServer(echo) as server,
        ModelWorker(options(server, cache=str(tmp_path))) as worker,
        concurrent.futures.ThreadPoolExecutor(8) as threads,
    ):

        def one(number: int) -> str:
            return worker.loop.submit(worker.ask(question(number % 50))).result(10).text

        assert list(threads.map(one, range(200))) == [f"to {n % 50}" for n in range(200)]
        assert len(server.bodies) == 50
        counts = row(worker)
        assert counts["requests"] == counts["attempts"] + counts["cache_hits"] == 200
        assert server.most <= 8


def test_the_key_is_read_where_the_worker_is_and_never_travels(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with AnsweringServer(echo) as server:
        given = options(server, cache=str(tmp_path / "cache"), book=tmp_path / "book",
                        limits=Limits(requests=5))  # fmt: skip
        assert KEY.encode() not in pickle.dumps(given)
        assert pickle.loads(pickle.dumps(given)) == given
        assert hash(pickle.loads(pickle.dumps(given))) == hash(given)
        with ModelWorker(given) as worker:
            asked(worker, question())
            assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
            assert KEY not in repr(worker) + repr(given) + json.dumps(worker.tally.to_json())
            with pytest.raises(TypeError, match="options"):
                pickle.dumps(worker)
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) >= 2
    assert not any(KEY.encode() in content for content in written)


def test_one_worker_for_equal_options_as_long_as_somebody_holds_it() -> None:
    with AnsweringServer(echo) as server:
        given = options(server)
        worker = shared_worker(given)
        assert shared_worker(pickle.loads(pickle.dumps(given))) is worker
        assert shared_worker(options(server, concurrency=3)) is not worker
        asked(worker, question())
        thread = worker.loop._thread
        del worker
        gc.collect()
        thread.join(10)
        assert not thread.is_alive()
        worker = shared_worker(given)
        assert not worker.tally.to_json()
        worker.close()


def test_a_worker_that_is_closed_is_not_shared() -> None:
    with AnsweringServer(echo) as server:
        given = options(server)
        worker = shared_worker(given)
        worker.close()
        again = shared_worker(given)
        assert again is not worker
        (answer,) = asked(again, question())
        assert answer.text == "to What is it?"
        again.close()


def test_what_cannot_work_is_said_when_the_worker_is_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    threads = threading.active_count()
    given = ModelOptions("http://localhost:1/v1", "m", Settings())
    with pytest.raises(CacheError):
        ModelWorker(ModelOptions(given.base_url, "m", Settings(), cache="nosuch://x"))
    with pytest.raises(ValueError, match="price"):
        ModelWorker(ModelOptions(given.base_url, "m", Settings(), limits=Limits(cost=1.0)))
    monkeypatch.setenv("OPENAI_API_KEY", "two words")
    with pytest.raises(ValueError, match="OPENAI_API_KEY"):
        ModelWorker(given)
    assert threading.active_count() == threads
