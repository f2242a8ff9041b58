"""What a worker process keeps for asking a model: one client, one cache, one budget, one tally, and
one event loop that all of it runs in.

A question goes through these in turn: the cache; a place among the attempts under way (`pace`); the
budget; the server; the cache again. Questions that are asked twice at a time are sent once.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import threading
import time
import weakref
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracemine.teachers.base import TeacherError
from tracemine.teachers.model.budget import Budget, Limits, estimate_tokens
from tracemine.teachers.model.cache import ResponseCache
from tracemine.teachers.model.client import Client, Fault, Settle, key_of_environment
from tracemine.teachers.model.flow import LoopThread
from tracemine.teachers.model.prices import Price
from tracemine.teachers.model.requests import Message, Request, Response
from tracemine.teachers.model.settings import Settings
from tracemine.teachers.model.tally import Tally

if TYPE_CHECKING:
    from tracemine.teachers.model.teacher import ModelTeacher

#: Parameters by which a request limits its answer, in tokens.
_ANSWER_LIMITS = ("max_completion_tokens", "max_tokens")

NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """What a worker process needs to know to ask a model. Travels to workers, so it holds no key:
    each reads that from its own environment.

    Attributes:
        base_url: what the server's routes are below.
        model: as the server calls it.
        cache: folder or fsspec URL of the responses; None for no cache.
        book: file in which all processes of the run keep what is spent; None for a run of one
            process.
        price: None where it is not known and cost is not limited.
    """

    base_url: str
    model: str
    settings: Settings
    cache: str | None = None
    book: Path | None = None
    limits: Limits = NO_LIMITS
    price: Price | None = None


@dataclass(slots=True)
class _Question:
    """A request that is being answered, and how many wait for it. ``task`` gives what was answered
    or why nothing was, and whether the cache knew."""

    task: asyncio.Task[tuple[Response | TeacherError, bool]]
    waiting: int = 0


class ModelWorker:
    """Asks one server from one process, from any number of threads.

    Attributes:
        loop: where coroutines that use `ask` have to run.
        tally: what was spent by this worker.

    Raises:
        CacheError: if the cache cannot be used.
        PriceError: if cost is limited and there is no price.
        OSError: if the book cannot be made.
        ValueError: if the environment's key is none.
    """

    def __init__(self, options: ModelOptions) -> None:
        self.options = options
        self.tally = Tally()
        self._budget = Budget(options.book, options.limits, options.price)
        self._client = Client(options.base_url, key_of_environment(), options.settings)
        self._cache = None if options.cache is None else ResponseCache.open(options.cache)
        self._corrupt = 0
        self._under_way: dict[str, _Question] = {}
        self.loop = LoopThread()
        self._end = weakref.finalize(
            self, _close, self.loop, self._under_way, self._client, self._cache
        )
        # At a process's end its threads end as well; what is being cached is waited for by its own.
        self._end.atexit = False

    @functools.cached_property
    def teacher(self) -> ModelTeacher:
        """The teacher that asks this worker's model."""
        # Only who segments needs what reads answers.
        from tracemine.teachers.model.teacher import ModelTeacher

        return ModelTeacher(self.options.model, self.options.settings)

    async def ask(self, request: Request) -> Response:
        """The model's answer to ``request``, from the cache or from the server. To be awaited in
        `loop`. Cancelling it cancels the request, unless others wait for the same.

        Raises:
            TeacherError: with a reason of `client.REASONS`, `budget.BUDGET_SPENT`,
                `budget.BUDGET_LOST` or `cache.CACHE_UNREACHABLE`.
        """
        key = request.key()
        question = self._under_way.get(key)
        joined = question is not None
        if question is None:
            question = _Question(asyncio.create_task(self._answer(request)))
            self._under_way[key] = question
        question.waiting += 1
        try:
            found, known = await asyncio.shield(question.task)
        finally:
            question.waiting -= 1
            if question.waiting == 0:
                # Before the task is over: nobody is to join one that is being cancelled.
                del self._under_way[key]
                question.task.cancel()
        self.tally.count(request.purpose, request.model, "requests")
        if isinstance(found, TeacherError):
            self.tally.fail(request.purpose, request.model, found.reason)
            raise TeacherError(found.reason, found.detail)
        if known or joined:
            self.tally.count(request.purpose, request.model, "cache_hits")
        return found

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return not self._end.alive

    def close(self) -> None:
        """Gives up what is under way, closes connections and threads. May be called again; not from
        `loop` itself."""
        self._end()

    def __enter__(self) -> ModelWorker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a worker is not sent to other processes: send its options")

    async def _answer(self, request: Request) -> tuple[Response | TeacherError, bool]:
        try:
            if self._cache is not None:
                found = await self._cache.get(request)
                self._count_corrupt(request, self._cache)
                if found is not None:
                    return found, True
            attempts = _Attempts(request, self._budget, self.tally, self.options.settings)
            response = await self._client.send(request, attempts.attempt)
        except TeacherError as error:
            return error, False
        if self._cache is not None:
            # Ends even if this is cancelled meanwhile: the response is paid for. Where another
            # process had its answer first, that one is everybody's.
            response = await asyncio.shield(self._cache.put(request, response))
        return response, False

    def _count_corrupt(self, request: Request, cache: ResponseCache) -> None:
        """Entries are read in threads, so one that another question found may be counted here."""
        fresh = cache.corrupt - self._corrupt
        self._corrupt += fresh
        self.tally.count(request.purpose, request.model, "corrupt", fresh)


class _Attempts:
    """Reserves what each attempt at one request may take, and counts what it took."""

    def __init__(self, request: Request, budget: Budget, tally: Tally, settings: Settings) -> None:
        self._request = request
        self._budget = budget
        self._tally = tally
        self._sent = 0
        self._prompt = self._answer = 0
        if not budget.limits.none:
            self._prompt = estimate_tokens(request.messages, json.dumps(dict(request.schema)))
            given = [request.parameters.get(name) for name in _ANSWER_LIMITS]
            limits = [limit for limit in given if isinstance(limit, int)]
            self._answer = max(limits, default=settings.max_answer_tokens)

    @contextlib.asynccontextmanager
    async def attempt(self, number: int) -> AsyncIterator[Settle]:
        """Stands around the attempt of that number (`client.OnAttempt`)."""
        reservation = await self._budget.reserve_soon(self._prompt, self._answer)
        # An attempt that is cancelled tells nothing: it may be under way at the server.
        outcome: Response | Fault = Fault("cancelled", "", charged=True)

        def settle(found: Response | Fault) -> None:
            nonlocal outcome
            outcome = found

        started = time.perf_counter()
        try:
            yield settle
        finally:
            seconds = time.perf_counter() - started
            # A book that is lost is no reason to lose a response; the next attempt fails of it.
            with contextlib.suppress(TeacherError):
                if isinstance(outcome, Response):
                    self._budget.settle(reservation, outcome)
                elif outcome.sent:
                    self._budget.settle(reservation, None, charged=outcome.charged)
                else:
                    self._budget.cancel(reservation)
            self._count(outcome, seconds)

    def _count(self, outcome: Response | Fault, seconds: float) -> None:
        purpose, model = self._request.purpose, self._request.model
        if isinstance(outcome, Fault) and not outcome.sent:
            return
        self._sent += 1
        self._tally.count(purpose, model, "attempts")
        self._tally.count(purpose, model, "seconds", seconds)
        if self._sent > 1:
            self._tally.count(purpose, model, "retries")
        if isinstance(outcome, Response):
            prompt, answer = outcome.prompt_tokens, outcome.completion_tokens
            if not prompt and not answer:
                # The server counts none, or badly: what the budget goes by is better than nothing.
                prompt = estimate_tokens(self._request.messages)
                answer = estimate_tokens([Message("assistant", outcome.text)])
            self._tally.count(purpose, model, "prompt_tokens", prompt)
            self._tally.count(purpose, model, "completion_tokens", answer)


def _close(
    loop: LoopThread,
    under_way: dict[str, _Question],
    client: Client,
    cache: ResponseCache | None,
) -> None:
    """Closes what a worker has. A worker that nobody holds any more may be found by its own loop's
    thread, which cannot wait for itself."""
    if loop.is_current:
        parts = (loop, under_way, client, cache)
        threading.Thread(target=_close, args=parts, daemon=True).start()
        return
    with contextlib.suppress(RuntimeError):
        # Another process's loop, if this one was forked, is closed there.
        loop.submit(_give_up(under_way, client)).result()
    loop.close()
    if cache is not None:
        cache.close()


async def _give_up(under_way: dict[str, _Question], client: Client) -> None:
    """Cancels the questions first: one that saw its connections close would try again."""
    tasks = [question.task for question in under_way.values()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await client.close()


_workers: weakref.WeakValueDictionary[tuple[int, ModelOptions], ModelWorker] = (
    weakref.WeakValueDictionary()
)
_workers_lock = threading.Lock()


def shared_worker(options: ModelOptions) -> ModelWorker:
    """The worker of this process for ``options``, made by whoever asks first, closed when nobody
    holds it any more.

    Raises:
        As `ModelWorker`.
    """
    with _workers_lock:
        mine = (os.getpid(), options)
        worker = _workers.get(mine)
        if worker is None or worker.closed:
            worker = ModelWorker(options)
            _workers[mine] = worker
        return worker


__all__ = ["NO_LIMITS", "ModelOptions", "ModelWorker", "shared_worker"]
