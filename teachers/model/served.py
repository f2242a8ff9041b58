"""A model served on this machine by vLLM, for as long as a run wants it.

Beam has a handler for this (`apache_beam.ml.inference.vllm_inference`), on the same contract: a
server of vLLM's own as another process, talked to over HTTP. It hands the server one batch at a
time, gathers it, and gives up the whole batch for one request that failed. Here the server is the
same and requests reach it as they do any other (`client`).
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
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
from tracemine.teachers.model.cleaning import clean_line

#: Seconds that a server has to load its model: large ones take many minutes.
START_SECONDS = 1800.0
#: Seconds between two looks at whether it answers.
INTERVAL = 0.5
#: Pieces of a large file that are read to tell it from others, and bytes of each.
SAMPLES, SAMPLE_BYTES = 32, 4096
#: Lines of its log that are looked through for what went wrong, and characters that are shown.
LOG_LINES = 400
COMPLAINT_CHARS = 300

VLLM_MISSING = "vLLM is not installed: pip install 'tracemine[vllm]'"


class NotServedError(Exception):
    """A model that vLLM does not serve here. One line says why."""


def name_of(model: str) -> str:
    """What a model is called in requests, stores and caches: itself, or for a folder its name and
    a hash of what is in it, wherever it lies; hidden files and folders apart. Large files are
    sampled: weights that are trained further keep their size, and change throughout.

    Raises:
        OSError: if a file cannot be read.
    """
    folder = Path(model)
    if not folder.is_dir():
        return model
    inside = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    files = [
        [str(name), path.stat().st_size, _sampled(path)]
        for name, path in sorted(inside.items())
        if not any(part.startswith(".") for part in name.parts)
    ]
    return f"{folder.resolve().name}-{content_id('model', files)[:8]}"


def _sampled(path: Path) -> str:
    """A hash of pieces of a file, evenly spread from its start to its end; of a small one, of all
    of it."""
    found = hashlib.sha256()
    with path.open("rb") as stream:
        last = os.fstat(stream.fileno()).st_size - SAMPLE_BYTES
        if last < SAMPLES * SAMPLE_BYTES:
            found.update(stream.read())
            return found.hexdigest()
        for number in range(SAMPLES):
            stream.seek(last * number // (SAMPLES - 1))
            found.update(stream.read(SAMPLE_BYTES))
    return found.hexdigest()


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
                command,
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=_environment(),
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


def _environment() -> dict[str, str]:
    """This process's own, without the key that vLLM would ask of us: only this machine reaches the
    server."""
    return {name: value for name, value in os.environ.items() if name != "VLLM_API_KEY"}


def _await(
    process: subprocess.Popen[bytes], port: int, log: Path, model: str, seconds: float
) -> None:
    deadline = time.monotonic() + seconds
    # The environment's proxy is for other machines.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        if process.poll() is not None:
            raise NotServedError(f"vLLM does not serve {model}: {_complaint(log)}")
        try:
            with opener.open(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            pass  # not yet
        if time.monotonic() > deadline:
            raise NotServedError(
                f"vLLM does not serve {model} within {seconds:.0f} s: {_complaint(log)}"
            )
        time.sleep(INTERVAL)


def _complaint(log: Path) -> str:
    """The last line of a log that names an error, or else the last; vLLM colours its lines."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
    told = [plain for line in lines if (plain := clean_line(line, len(line)))]
    errors = [line for line in told if "error:" in line.lower()]
    return (errors or told or ["it said nothing"])[-1][-COMPLAINT_CHARS:]


__all__ = ["NotServedError", "name_of", "served"]
