"""What a model in a folder is called, and how the server of a run ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tracemine.teachers.model import served as module
from tracemine.teachers.model.served import SAMPLE_BYTES, SAMPLES, name_of

LARGE = 4 * SAMPLES * SAMPLE_BYTES
#: Says that it runs, and goes on until it is ended.
COMMAND = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"


def folder(at: Path, weights: bytes) -> Path:
    (at / "tokenizer").mkdir(parents=True)
    (at / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
    (at / "tokenizer" / "tokenizer.json").write_text("{}")
    (at / "model.safetensors").write_bytes(weights)
    return at


def test_a_name_is_itself_and_a_folder_is_called_by_what_is_in_it(tmp_path: Path) -> None:
    assert name_of("Qwen/Qwen3-8B") == "Qwen/Qwen3-8B"
    weights = os.urandom(LARGE)
    one = name_of(str(folder(tmp_path / "a" / "final", weights)))
    assert one.startswith("final-")
    # Wherever it lies, and whatever a download left beside it.
    other = folder(tmp_path / "b" / "final", weights)
    (other / ".cache").mkdir()
    (other / ".cache" / "downloaded").write_text("yesterday")
    assert name_of(str(other)) == name_of(f"{other}/") == one
    (other / "config.json").write_text('{"architectures": ["QwenForCausalLM"]}')
    assert name_of(str(other)) != one


@pytest.mark.parametrize("size", [0, 1, SAMPLES * SAMPLE_BYTES, LARGE + 1])
def test_weights_of_another_training_are_another_model(tmp_path: Path, size: int) -> None:
    before = name_of(str(folder(tmp_path / "a" / "m", b"\0" * size)))
    assert name_of(str(folder(tmp_path / "b" / "m", b"\0" * size))) == before
    after = name_of(str(folder(tmp_path / "c" / "m", b"\1" * size)))
    assert (after == before) == (size == 0)


def test_a_complaint_is_one_plain_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("start\n\x1b[1;36m(APIServer)\x1b[0;0m ValueError: no\x07 such  model\nbye\n\n")
    assert module._complaint(log) == "(APIServer) ValueError: no such model"
    log.write_text("")
    assert module._complaint(log) == "it said nothing"


def begun() -> tuple[subprocess.Popen[bytes], int]:
    """A process that runs `COMMAND` for as long as it has input, and the command's process id."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tracemine.teachers.model.vllm_process",
         sys.executable, "-c", COMMAND],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def test_a_server_ends_with_the_run_and_not_before() -> None:
    process, pid = begun()
    assert process.stdin is not None and process.stdout is not None
    try:
        # What ends a whole group of processes is not to leave the server behind.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process.send_signal(number)
            time.sleep(0.1)
            assert process.poll() is None
        assert psutil.pid_exists(pid)
        process.stdin.close()
        assert process.wait(30) != 0
        assert not psutil.pid_exists(pid)
    finally:
        process.kill()
        process.stdout.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
