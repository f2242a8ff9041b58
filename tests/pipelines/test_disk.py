"""A run whose disk is full says so in one line, whichever process met it."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
import small_store

from tracemine.pipelines.cli import main
from tracemine.pipelines.disk import speaking_of_disks
from tracemine.pipelines.runner import make_runner, pipeline_options
from tracemine.store import RequestError, fsck


def write_full(element: Any) -> Any:
    """To a device on which there is never room."""
    with Path("/dev/full").open("wb") as stream:
        stream.write(b"x" * 100_000)
    return element


def deny(element: Any) -> Any:
    """As a client of an object store says it, without a number."""
    raise PermissionError("Access Denied")


def divide(element: Any) -> Any:
    return 1 // 0


def run(function: Any) -> None:
    options = pipeline_options([])
    pipeline = beam.Pipeline(runner=make_runner(options), options=options)
    pipeline | beam.Create([1, 2]) | "Write shards" >> beam.Map(function)
    pipeline.run().wait_until_finish()


@pytest.mark.parametrize(
    ("function", "said"), [(write_full, "No space left on device"), (deny, "Access Denied")]
)
def test_a_worker_that_cannot_write_is_spoken_of(function: Any, said: str) -> None:
    with pytest.raises(RequestError) as caught, speaking_of_disks("./memory"):
        run(function)
    assert str(caught.value).startswith(f"cannot write in Write shards: {said}: the store ./mem")
    assert "\n" not in str(caught.value)


def test_what_is_a_fault_stays_one() -> None:
    with pytest.raises(ZeroDivisionError), speaking_of_disks("./memory"):
        run(divide)
    with pytest.raises(RuntimeError, match=r"^$"), speaking_of_disks("./memory"):
        raise RuntimeError
    with pytest.raises(FileNotFoundError, match="none"), speaking_of_disks("./memory"):
        raise FileNotFoundError(errno.ENOENT, "none")
    told = "Traceback\nRuntimeError: OSError: [Errno 28] No space left [while running 'Read/Rows']"
    with pytest.raises(RequestError, match="Read/Rows: No space left: "), speaking_of_disks("x"):
        raise RuntimeError(told)
    with pytest.raises(RequestError, match="File too large"), speaking_of_disks("./memory"):
        raise OSError(errno.EFBIG, "too large")


@pytest.mark.parametrize("quota", [1500, 6000])
def test_a_change_within_a_quota_ends_in_one_line_and_publishes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], quota: int
) -> None:
    store = tmp_path / "store"
    small_store.write(store)
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for words in (["verify"], ["forget", "--source", "made.jsonl"]):
        resource.setrlimit(resource.RLIMIT_FSIZE, (quota, hard[1]))
        try:
            status = main([*words, "--store", str(store)])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, hard)
        said = capsys.readouterr().err
        assert status == 2, said
        assert said.startswith("tracemine: cannot write")
        assert "File too large" in said
        assert said.count("\n") == 1
    assert fsck(str(store)) == []
    assert [path.name for path in (store / "snapshots").iterdir()] == ["000001"]


def test_mine_within_a_quota_ends_in_one_line_and_publishes_nothing(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"problem": "What is 2+3*4?", "trace": "3*4=12. 2+12=14.", "answer": "14", '
                    '"reference": "14"}\n' * 40)  # fmt: skip
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "from tracemine.pipelines import cli; import tracemine.pipelines.mine; "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (1500, {resource.RLIM_INFINITY})); "
        "sys.exit(cli.main(sys.argv[1:]))"
    )
    store = tmp_path / "store"
    done = subprocess.run(
        [sys.executable, "-c", limited, "mine", "--input", str(rows), "--store", str(store)],
        capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 2, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    assert "File too large" in done.stderr.splitlines()[-1]
    assert not (store / "CURRENT").exists()
