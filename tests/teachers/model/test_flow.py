"""An event loop beside the threads of a worker process."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import pickle
import threading

import pytest

from tracemine.teachers.model.flow import LoopThread


def test_many_threads_submit_and_each_gets_its_own() -> None:
    async def square(number: int) -> int:
        await asyncio.sleep(0)
        return number * number

    with LoopThread() as flow, concurrent.futures.ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda number: flow.submit(square(number)).result(10), range(200)))
    assert found == [number * number for number in range(200)]


def test_errors_come_to_the_future() -> None:
    async def fail() -> None:
        raise KeyError("what")

    with LoopThread() as flow:
        assert isinstance(flow.submit(fail()).exception(10), KeyError)
        assert flow.submit(asyncio.sleep(0, 1)).result(10) == 1


def test_cancelling_the_future_cancels_the_work() -> None:
    begun, ended = threading.Event(), threading.Event()

    async def wait() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with LoopThread() as flow:
        future = flow.submit(wait())
        assert begun.wait(10)
        future.cancel()
        assert ended.wait(10)


def test_closing_cancels_what_is_under_way_and_what_that_begins() -> None:
    begun = threading.Event()
    ended: list[str] = []
    begins: list[asyncio.Task[None]] = []

    async def late() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("late")

    async def wait() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("wait")
            begins.append(asyncio.create_task(late()))
            await asyncio.sleep(0.01)

    flow = LoopThread()
    future = flow.submit(wait())
    assert begun.wait(10)
    flow.close()
    assert sorted(ended) == ["late", "wait"]
    with pytest.raises(concurrent.futures.CancelledError):
        future.result(10)


def test_closed_is_closed() -> None:
    flow = LoopThread()
    flow.close()
    flow.close()
    with pytest.raises(RuntimeError, match="closed"):
        flow.submit(asyncio.sleep(0))


def test_it_is_not_closed_from_within() -> None:
    async def close(flow: LoopThread) -> bool:
        assert flow.is_current
        with pytest.raises(RuntimeError, match="within"):
            flow.close()
        return True

    with LoopThread() as flow:
        assert not flow.is_current
        assert flow.submit(close(flow)).result(10)


def test_a_fork_is_told_that_the_loop_is_not_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with LoopThread() as flow:
        other = os.getpid() + 1
        monkeypatch.setattr(os, "getpid", lambda: other)
        with pytest.raises(RuntimeError, match="another process"):
            flow.submit(asyncio.sleep(0))
        monkeypatch.undo()
        assert flow.submit(asyncio.sleep(0, 3)).result(10) == 3


def test_it_is_not_pickled() -> None:
    with LoopThread() as flow, pytest.raises(TypeError, match="other processes"):
        pickle.dumps(flow)
