"""An event loop beside the threads of a worker process.

A runner calls a worker from threads of its own, one bundle each. What is asked of a model goes on
in one loop for all of them, so that requests flow without a barrier between bundles.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """An event loop in a daemon thread of this process.

    >>> with LoopThread() as flow:
    ...     flow.submit(asyncio.sleep(0, "done")).result()
    'done'
    """

    def __init__(self, name: str = "tracemine-flow") -> None:
        self._loop = asyncio.new_event_loop()
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Starts ``coroutine`` in the loop, from any thread. Cancelling the future cancels
        that.

        Raises:
            RuntimeError: if the loop is closed, or was made by the process that this one was forked
                from: threads do not live on in a fork, and the work would never begin.
        """
        with self._lock:
            if self._closed or os.getpid() != self._process:
                # Python warns of work that was made and never begun.
                coroutine.close()
                raise RuntimeError(
                    "the event loop is closed"
                    if self._closed
                    else "the event loop is another process's"
                )
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    @property
    def is_current(self) -> bool:
        """Whether the calling thread is the loop's own."""
        return threading.current_thread() is self._thread

    def close(self) -> None:
        """Cancels what is under way, waits for its end and ends the thread. May be called again.

        Raises:
            RuntimeError: if the loop's own thread calls it, which would wait for itself.
        """
        if self.is_current:
            raise RuntimeError("an event loop is not closed from within")
        with self._lock:
            closed, self._closed = self._closed, True
        if os.getpid() != self._process:
            return
        if not closed:
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            while under_way := asyncio.all_tasks(self._loop):
                for task in under_way:
                    task.cancel()
                self._loop.run_until_complete(asyncio.gather(*under_way, return_exceptions=True))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            asyncio.set_event_loop(None)
            self._loop.close()

    def __enter__(self) -> LoopThread:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("an event loop is not sent to other processes: make one there")


__all__ = ["LoopThread"]
