"""Worker processes of a local run: how many, and that none outlives a run that ends early."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import apache_beam as beam
import psutil
import pytest
from apache_beam.options.pipeline_options import DirectOptions

from tracemine.data import sample_files
from tracemine.pipelines import workers
from tracemine.pipelines.runner import make_runner, pipeline_options
from tracemine.pipelines.workers import LITTLE_INPUT, supervised, workers_for
from tracemine.store import RequestError
from tracemine.transforms.input_file import InputFile

#: Seconds that a run has to start its workers, and to end when it is told to.
START, END = 120, 60


def a_file(folder: Path, size: int) -> InputFile:
    path = folder / f"{size}.jsonl"
    path.write_bytes(b" " * size)
    return InputFile(str(path), path.name, "lines")


def test_little_input_is_one_process_and_more_is_one_for_each_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cpus, most in ((1, 1), (4, 4), (64, workers.MOST_WORKERS)):
        monkeypatch.setattr(workers, "_processors", lambda cpus=cpus: cpus)
        assert workers_for([a_file(tmp_path, LITTLE_INPUT)]) == most
        assert workers_for([a_file(tmp_path, LITTLE_INPUT // 3)] * 2) == 1
        assert workers_for([InputFile("some/name", "some/name", "dataset")]) == most


def test_what_beam_is_told_goes_before_what_fits() -> None:
    assert pipeline_options((), otherwise=3).view_as(DirectOptions).direct_num_workers == 3
    told = pipeline_options(("--direct_num_workers=2",), otherwise=3)
    assert told.view_as(DirectOptions).direct_num_workers == 2
    for arguments in (("--direct_num_workers=2",), ("--runner=SparkRunner",)):
        with pytest.raises(RequestError, match="--workers"):
            pipeline_options(arguments, workers=2)


def test_a_process_without_workers_is_none_the_worse() -> None:
    before = signal.getsignal(signal.SIGINT)
    with supervised():
        time.sleep(2 * workers.INTERVAL)
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt), supervised():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(workers.INTERVAL)


def test_an_interrupt_within_a_stage_of_this_process_is_one_and_no_error_of_beams() -> None:
    def stop(_: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)

    options = pipeline_options([])
    pipeline = beam.Pipeline(runner=make_runner(options), options=options)
    _ = pipeline | beam.Create([1]) | beam.Map(stop)
    with pytest.raises(KeyboardInterrupt), supervised():
        pipeline.run().wait_until_finish()


def test_an_error_of_a_stage_is_no_interrupt() -> None:
    def fail(_: int) -> None:
        raise RuntimeError("of its own")

    options = pipeline_options([])
    pipeline = beam.Pipeline(runner=make_runner(options), options=options)
    _ = pipeline | beam.Create([1]) | beam.Map(fail)
    with pytest.raises(RuntimeError, match="of its own"), supervised():
        pipeline.run().wait_until_finish()


@contextmanager
def a_run(folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A run that lasts a while, and its workers."""
    (stories,) = (path for path in sample_files() if "word_problems" in path)
    rows = []
    for number in range(30):
        for line in Path(stories).read_text().splitlines():
            with suppress(ValueError, KeyError):  # some lines of the sample are broken on purpose
                row = json.loads(line)
                told = f"{row['problem']} (The book has it on page {len(rows)}, edition {number}.)"
                rows.append(row | {"problem": told})
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [sys.executable, "-m", "tracemine.pipelines.cli", "mine", "--input", str(path)]
    with subprocess.Popen(
        [*command, "--store", str(folder / "store"), "--workers", "2"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # A shell that runs in the background has its children ignore interrupts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as run:
        deadline = time.monotonic() + START
        while len(found := workers_of(run.pid)) < 2:
            assert time.monotonic() < deadline and run.poll() is None
            time.sleep(0.2)
        time.sleep(2.0)
        yield run, found
        assert not any(map(lives, found))


def workers_of(parent: int) -> list[int]:
    found = []
    for child in psutil.Process(parent).children():
        with suppress(psutil.NoSuchProcess):
            # Not the shell that it was a moment ago.
            if child.cmdline()[1:] == ["-m", "tracemine.pipelines.worker_process"]:
                found.append(child.pid)
    return found


def lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("which", ["interrupt", "termination", "loss"])
def test_a_run_that_ends_early_ends_soon_and_leaves_nobody(tmp_path: Path, which: str) -> None:
    with a_run(tmp_path) as (run, found):
        if which != "loss":
            os.kill(run.pid, signal.SIGINT if which == "interrupt" else signal.SIGTERM)
        else:
            os.kill(found[0], signal.SIGKILL)
        out, err = run.communicate(timeout=END)
    assert out == ""
    assert "Traceback" not in err
    last = err.strip().splitlines()[-1]
    if which != "loss":
        assert (run.returncode, last[:11]) == (130, "interrupted")
    else:
        assert run.returncode == 1
        assert "a worker process ended before its work did" in last
    assert not (tmp_path / "store" / "CURRENT").exists()
