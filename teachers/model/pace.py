"""How many attempts are under way at once, and when none may begin.

A server that says "too many" means all who ask, not the one that it told so. So what it says holds
for all attempts of a process: none begins before its time is over, and then fewer go at once than
before; every attempt that is served allows a little more again, up to what was chosen. An attempt
holds its place only while it is under way: one that waits for its next try holds none.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator

#: The part of the attempts under way that is allowed after a server said "too many".
SLOWER = 0.75


class Pace:
    """Places for attempts, first come first served. For one event loop; its times are in seconds.

    Args:
        concurrency: attempts under way at once, at most.
    """

    def __init__(self, concurrency: int) -> None:
        if concurrency < 1:
            raise ValueError("at least one attempt must be allowed at once")
        self.concurrency = concurrency
        self._allowed = float(concurrency)
        self._held = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._until = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    @property
    def allowed(self) -> int:
        """Attempts that may be under way at once by now."""
        return int(self._allowed)

    @property
    def held(self) -> int:
        """Attempts under way."""
        return self._held

    @contextlib.asynccontextmanager
    async def place(self, *, again: bool = False) -> AsyncIterator[None]:
        """Waits for a place and holds it. One that tries ``again`` is let in before those that
        never tried."""
        await self._enter(again)
        try:
            yield
        finally:
            self._held -= 1
            self._admit()

    def served(self) -> None:
        """A server answered an attempt: one more at once after as many as are allowed."""
        self._allowed = min(float(self.concurrency), self._allowed + 1 / self._allowed)
        self._admit()

    def refused(self, seconds: float) -> None:
        """A server said "too many": nothing begins for ``seconds``, and then fewer at once. All
        that are refused until then are one refusal."""
        now = asyncio.get_running_loop().time()
        if now >= self._until:
            self._allowed = max(1.0, self._allowed * SLOWER)
        self._until = max(self._until, now + seconds)
        self._admit()

    async def _enter(self, again: bool) -> None:
        loop = asyncio.get_running_loop()
        if not self._waiting and self._free(loop.time()):
            self._held += 1
            return
        turn: asyncio.Future[None] = loop.create_future()
        if again:
            self._waiting.appendleft(turn)
        else:
            self._waiting.append(turn)
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # Let in and cancelled at once: the place goes to the next.
                self._held -= 1
                self._admit()
            else:
                with contextlib.suppress(ValueError):
                    self._waiting.remove(turn)
            raise

    def _free(self, now: float) -> bool:
        return now >= self._until and self._held < self.allowed

    def _admit(self) -> None:
        if not self._waiting:
            return
        loop = asyncio.get_running_loop()
        while self._waiting and self._free(loop.time()):
            turn = self._waiting.popleft()
            if not turn.done():
                self._held += 1
                turn.set_result(None)
        if self._waiting and loop.time() < self._until and self._timer is None:
            self._timer = loop.call_at(self._until, self._resume)

    def _resume(self) -> None:
        self._timer = None
        self._admit()


__all__ = ["SLOWER", "Pace"]
