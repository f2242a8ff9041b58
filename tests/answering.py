"""A real HTTP server in a thread, which answers as a test says."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

#: What the server does with a request of that number (from 0) and body.
Answer = Callable[[int, dict[str, Any], web.Request], Awaitable[web.StreamResponse]]


def completion(text: str | None = "{}", finish_reason: str = "stop", **more: Any) -> dict[str, Any]:
    """The body of a success, 11 tokens of prompt and 7 of answer; ``more`` is the message's."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, **more},
                "finish_reason": finish_reason,
            }
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }


def said(status: int, message: str = "no", headers: dict[str, str] | None = None, **more: Any):
    """An error as OpenAI's server writes it."""
    error = {"message": message, "type": None, "param": None, "code": None, **more}
    return web.json_response({"error": error}, status=status, headers=headers)


class AnsweringServer:
    """``with AnsweringServer(answer) as server``: then ``server.url`` is what routes are below,
    ``bodies`` and ``headers`` are what came so far, ``most`` how many were answered at once."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.most = self.now = 0
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> AnsweringServer:
        self._thread.start()
        assert self._listening.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _answered(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        number = len(self.bodies)
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            return await self.answer(number, body, request)
        finally:
            self.now -= 1

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        application = web.Application(client_max_size=2**26)
        application.router.add_post("/v1/chat/completions", self._answered)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
        self._loop.run_until_complete(site.start())
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        self._listening.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.wait(left) if left else asyncio.sleep(0))
        self._loop.close()
