"""Runs a command until standard input ends, then ends it with all that it started.

python -m tracemine.teachers.model.vllm_process COMMAND ...

vLLM is several processes, and none of them hears that the run which wanted it was killed. A pipe
does: it ends with whoever holds its other end, however that ended. Signals go unheard: what ends a
whole group of processes (a terminal that closes, a scheduler) would else end this one before it has
ended the command, which would go on for nobody.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

#: Seconds that a server has to end by itself.
ENDING_SECONDS = 10.0


def main(command: list[str]) -> int:
    """The exit status of ``command``, which is ended when standard input is."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Not `SIG_IGN`, which the command would inherit.
        signal.signal(number, lambda *_: None)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    watch = threading.Thread(target=_end_with_input, args=(process,), daemon=True)
    watch.start()
    status = process.wait()
    _end(process, signal.SIGKILL)
    return status


def _end_with_input(process: subprocess.Popen[bytes]) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    _end(process, signal.SIGTERM)
    try:
        process.wait(ENDING_SECONDS)
    except subprocess.TimeoutExpired:
        _end(process, signal.SIGKILL)


def _end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, how)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
