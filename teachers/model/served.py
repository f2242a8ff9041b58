"""A model served on this machine by vLLM, for as long as a run wants it.

Beam has a handler for this (`apache_beam.ml.inference.vllm_inference`), on the same contract: a
server of vLLM's own as another process, talked to over HTTP. It hands the server one batch at a
time, gathers it, and gives up the whole batch for one request that failed. Here the server is the
same and requests reach it as they do any other (`client`).
"""

from __future__ import annotations

import contextlib
import importlib.util
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from tracemine.schemas import content_id

#: Seconds that a server has to load its model: large ones take many minutes.
START_SECONDS = 1800.0
#: Seconds between two looks at whether it answers.
INTERVAL = 0.5
#: Lines of its log that are looked through for what went wrong.
LOG_LINES = 400

VLLM_MISSING = "vLLM is not installed: pip install 'tracemine[vllm]'"


class NotServedError(Exception):
    """A model that vLLM does not serve here. One line says why."""


def name_of(model: str) -> str:
    """What a model is called in requests, stores and caches: itself, or for a folder its name and
    a hash of its configuration and of the names and sizes of its files, wherever it lies."""
    folder = Path(model)
    if not folder.is_dir():
        return model
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sizes = [[str(path.relative_to(folder)), path.stat().st_size] for path in files]
    configuration = folder / "config.json"
    text = configuration.read_text(encoding="utf-8") if configuration.is_file() else ""
    return f"{folder.resolve().name}-{content_id('model', sizes, text)[:8]}"


@contextlib.contextmanager
def served(
    model: str, *, arguments: Sequence[str] = (), seconds: float = START_SECONDS
) -> Iterator[str]:
    """The URL of a server of ``model`` (a name or a folder), which ends with the context, and with
    this process however that ends. ``arguments`` are vLLM's own.

    Raises:
        NotServedError: if vLLM is not installed, or does not serve the model in ``seconds``.
    """
    if importlib.util.find_spec("vllm") is None:
        raise NotServedError(VLLM_MISSING)
    with tempfile.TemporaryDirectory(prefix="tracemine-vllm-") as folder:
        log = Path(folder) / "log"
        port = _free_port()
        command = [
            sys.executable, "-m", "tracemine.teachers.model.vllm_process",
            sys.executable, "-m", "vllm.entrypoints.openai.api_server",
            "--model", model, "--served-model-name", name_of(model),
            "--host", "127.0.0.1", "--port", str(port), *arguments,
        ]  # fmt: skip
        with log.open("wb") as stream:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=stream, stderr=subprocess.STDOUT
            )
            try:
                _await(process, port, log, model, seconds)
                yield f"http://127.0.0.1:{port}/v1"
            finally:
                assert process.stdin is not None
                process.stdin.close()
                process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _await(
    process: subprocess.Popen[bytes], port: int, log: Path, model: str, seconds: float
) -> None:
    deadline = time.monotonic() + seconds
    while True:
        if process.poll() is not None:
            raise NotServedError(f"vLLM does not serve {model}: {_complaint(log)}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            pass  # not yet
        if time.monotonic() > deadline:
            raise NotServedError(
                f"vLLM does not serve {model} within {seconds:.0f} s: {_complaint(log)}"
            )
        time.sleep(INTERVAL)


def _complaint(log: Path) -> str:
    """The last line of a log that names an error, or else the last."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
    told = [" ".join(line.split()) for line in lines if line.strip()]
    errors = [line for line in told if "error:" in line.lower()]
    return (errors or told or ["it said nothing"])[-1][-300:]


__all__ = ["NotServedError", "name_of", "served"]
