"""The worker processes of a local run: how many, and what happens when one of them, or the run,
ends early.

Beam waits for its workers, whatever comes: an interrupt ends nothing for minutes, and a worker that
the system killed is waited for in vain. So each leaves its process id where this process finds it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import grpc
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions
from apache_beam.transforms.environments import Environment, SubprocessSDKEnvironment

from tracemine.pipelines.worker_process import FOLDER, WorkerLostError
from tracemine.transforms.input_file import InputFile

#: Input of fewer bytes (compressed, as it lies) is one process's work: to start another takes ten
#: seconds.
LITTLE_INPUT = 100_000
#: Processes that a local run takes unless it is told to take more: each has a model, about 1 GiB.
MOST_WORKERS = 8
#: What ends a run: an interrupt, and what schedulers send.
_ENDING = (signal.SIGINT, signal.SIGTERM)
#: Seconds between two looks at whether all workers live.
INTERVAL = 1.0


def workers_for(files: Sequence[InputFile]) -> int:
    """In how many processes a local run reads ``files``: one for little input, else one for each
    CPU that this process may use, `MOST_WORKERS` at most. One where there are no POSIX signals to
    end others by."""
    if os.name != "posix":
        return 1
    sizes = [file.bytes_here() for file in files]
    known = [size for size in sizes if size is not None]
    if len(known) == len(sizes) and sum(known) < LITTLE_INPUT:
        return 1
    return min(_processors(), MOST_WORKERS)


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def worker_environment(options: PipelineOptions) -> Environment | None:
    """Processes of ours, where there are to be several; None for this process. What Beam's own
    running mode names comes before it."""
    if options.view_as(DirectOptions).direct_num_workers == 1:
        return None
    # In place of the shell that starts it, which would have a word to say of how it ended.
    command = f"exec {shlex.quote(sys.executable)} -m tracemine.pipelines.worker_process"
    environment: Environment = SubprocessSDKEnvironment.from_command_string(command_string=command)
    return environment


@contextlib.contextmanager
def supervised() -> Iterator[None]:
    """Workers that this process starts within end when it is interrupted or terminated; where one
    of them is lost all end. Only in the main thread: no other hears of signals.

    Raises:
        WorkerLostError: if one is lost.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with tempfile.TemporaryDirectory(prefix="tracemine-workers-") as name:
        folder, lost, over = Path(name), threading.Event(), threading.Event()
        ended = threading.Event()

        def end(number: int, frame: FrameType | None) -> None:
            # What Beam makes of it is nobody's concern: one line will say it all.
            logging.disable(logging.CRITICAL)
            ended.set()
            # Those that end from here on are not lost.
            over.set()
            _end_all(folder)
            raise KeyboardInterrupt

        def look() -> None:
            while not over.wait(INTERVAL):
                if _any_lost(folder):
                    lost.set()
                    os.kill(os.getpid(), signal.SIGINT)
                    return

        os.environ[FOLDER] = name
        before = {number: signal.signal(number, end) for number in _ENDING}
        hook = threading.excepthook
        threading.excepthook = partial(_without_transport, hook)
        watch = threading.Thread(target=look, name="workers", daemon=True)
        watch.start()
        try:
            yield
        except (KeyboardInterrupt, RuntimeError) as interrupt:
            # Where it comes upon a stage that runs in this process, Beam makes another error of it;
            # and where a worker is lost, Beam may say so before we have looked.
            if not ended.is_set():
                if not _any_lost(folder):
                    raise
                lost.set()
                _end_all(folder)
            if not lost.is_set():
                raise KeyboardInterrupt from interrupt
            raise WorkerLostError(
                "a worker process ended before its work did, perhaps killed for want of memory, "
                "and nothing is published: --workers 1 takes least memory"
            ) from interrupt
        finally:
            over.set()
            watch.join()
            for number, handler in before.items():
                signal.signal(number, handler)
            logging.disable(logging.NOTSET)
            threading.excepthook = hook
            del os.environ[FOLDER]


def _without_transport(hook: Callable[[Any], Any], raised: threading.ExceptHookArgs) -> None:
    """Lets ``hook`` tell of what a thread raised, unless it is that a worker has gone, which
    `supervised` tells."""
    thread = raised.thread.name if raised.thread else ""
    if thread != "run_worker" and not issubclass(raised.exc_type, grpc.RpcError):
        hook(raised)


def _ids(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in folder.iterdir())


def _any_lost(folder: Path) -> bool:
    """Whether a worker has ended that had not done its work."""
    # Read again: one that has done its work takes its id away, then ends.
    return any(not _lives(pid) and (folder / str(pid)).exists() for pid in _ids(folder))


def _end_all(folder: Path) -> None:
    for pid in _ids(folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


__all__ = ["supervised", "worker_environment", "workers_for"]
