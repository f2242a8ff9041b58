"""Frames between this process and a worker on the other end of two pipes, with a wall clock."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import time
import weakref
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from tracemine.verifiers._wire import pack_frame, read_frame, write_all

#: No worker of ours sends more; a larger number in a frame means that it was not ours.
MAX_FRAME_BYTES = 256 << 20

_IN, _OUT = select.POLLIN, select.POLLOUT


class WorkerLostError(Exception):
    """The worker ended, said something that is no frame, or was silent past the deadline
    (``timed_out``). It has been killed. Never for what a worker reports of its work."""

    def __init__(self, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.timed_out = timed_out


class Worker:
    """A child process that answers one frame with one frame. One caller at a time."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        # In a session of its own: an interrupt at the terminal is for us to act on.
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environment),
            start_new_session=True,
            cwd="/",
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._into, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._into, False)
        # Popen keeps itself, and so the pipes, when it is dropped with its child alive.
        weakref.finalize(self, _end, self._process, os.getpid()).atexit = False

    @property
    def pid(self) -> int:
        """The process id of the worker."""
        return self._process.pid

    def ask(
        self, header: Mapping[str, Any], body: bytes = b"", *, seconds: float
    ) -> tuple[dict[str, Any], bytes]:
        """Send a frame and return the answer's header and body.

        Raises:
            WorkerLostError: if there is no such answer within ``seconds`` of wall time.
        """
        end = time.monotonic() + seconds
        try:
            write_all(self._into, pack_frame(header, body), partial(_wait, self._into, _OUT, end))
            return self._answer(end)
        except WorkerLostError:
            self.kill()
            raise
        except EOFError as error:
            self.kill()
            raise WorkerLostError("the worker ended") from error
        except (OSError, ValueError) as error:
            self.kill()
            raise WorkerLostError(str(error)) from error

    def hear(self, *, seconds: float) -> dict[str, Any]:
        """The header of a frame that a worker sends of itself, when it is ready.

        Raises:
            WorkerLostError: if there is none within ``seconds`` of wall time.
        """
        try:
            header, _ = self._answer(time.monotonic() + seconds)
        except (WorkerLostError, EOFError, OSError, ValueError) as error:
            self.kill()
            raise WorkerLostError(f"it is not ready: {error}") from error
        return header

    def _answer(self, end: float) -> tuple[dict[str, Any], bytes]:
        return read_frame(self._out, partial(_wait, self._out, _IN, end), MAX_FRAME_BYTES)

    def kill(self) -> None:
        """End the worker and release its descriptors. May be called twice."""
        _end(self._process, os.getpid())

    def forget(self) -> None:
        """Release the descriptors only: the worker sees the end of its input and leaves. This is
        all that a forked copy of its owner may do."""
        _close(self._process)


def _wait(descriptor: int, event: int, end: float) -> None:
    # poll, not select: a process with many files open has descriptors above 1024.
    poll = select.poll()
    poll.register(descriptor, event)
    if not poll.poll(max(end - time.monotonic(), 0.0) * 1000):
        raise WorkerLostError("no answer in time", timed_out=True)


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    if owner == os.getpid():  # in a forked copy it is the parent's to end
        if process.poll() is None:
            process.kill()
        with contextlib.suppress(ChildProcessError):
            process.wait()
    _close(process)


def _close(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        assert stream is not None
        with contextlib.suppress(OSError):
            stream.close()
