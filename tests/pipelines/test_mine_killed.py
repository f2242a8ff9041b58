"""mine with a model, killed at random moments: the next run ends with the store that an undisturbed
run gives, and pays for no answer twice.

    TRACEMINE_KILLS=20 TRACEMINE_KILLED_INPUT=FILE \\
        python -m pytest tests/pipelines/test_mine_killed.py

kills more often, over other input; TRACEMINE_KILLED_LATENCY=0.5 makes it ask for longer: seconds
for an answer, in the median.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from mined import tables

from tracemine.store import fsck
from tracemine.teachers.scripted import Faults, ScriptedServer

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("TRACEMINE_KILLS", "2"))
LATENCY = float(os.environ.get("TRACEMINE_KILLED_LATENCY", "0.1"))
SCRIPTED = Path(__file__).parents[2] / "teachers" / "scripted"
INPUT = Path(os.environ.get("TRACEMINE_KILLED_INPUT", SCRIPTED / "lessons_rows.jsonl"))


def command(store: Path, url: str) -> list[str]:
    return [
        sys.executable, "-m", "tracemine.pipelines.cli", "mine", "--input", str(INPUT),
        "--store", str(store), "--teacher", f"openai:{url}#scripted", "--json", "--workers", "2",
        "--as-of", "2026-01-02T03:04:05+00:00", "--concurrency", "4",
    ]  # fmt: skip


def started(store: Path, url: str, errors: Path) -> subprocess.Popen[str]:
    """A run that is the head of a group of processes, all of which a signal reaches."""
    with errors.open("a") as stream:
        return subprocess.Popen(
            command(store, url), stdout=subprocess.PIPE, stderr=stream, text=True,
            start_new_session=True,
        )  # fmt: skip


def finished(process: subprocess.Popen[str], errors: Path) -> dict[str, Any]:
    out, _ = process.communicate(timeout=3_000)
    assert process.returncode == 0, errors.read_text()[-2_000:]
    summary: dict[str, Any] = json.loads(out)
    return summary


def kept(store: Path) -> set[str]:
    """The keys of the responses that are in the cache, whole."""
    folder = store / "cache" / "teacher"
    return {path.stem for path in folder.glob("??/*.json")} if folder.is_dir() else set()


def test_a_run_that_is_killed_again_and_again_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    drawn, errors = random.Random(2026), tmp_path / "errors"
    table = SCRIPTED / "lessons_table.jsonl"
    faults = Faults(latency=LATENCY, sigma=1.0, limited=0.05, failing=0.05, cut=0.05)
    with ScriptedServer(table, faults) as server:
        begun = time.monotonic()
        usual = finished(started(tmp_path / "usual", server.url, errors), errors)
        seconds = time.monotonic() - begun
    expected = tables(tmp_path / "usual")
    half = len(kept(tmp_path / "usual")) // 2
    assert usual["spans"]["kept"] > 0
    kills = stores = 0
    with_some_answers = 0
    while kills < KILLS:
        # A store that was done before its run was to be killed is compared, and another begun.
        store = tmp_path / f"killed-{stores}"
        stores += 1
        with ScriptedServer(table, faults) as server:
            paid: dict[str, int] = {}
            while kills < KILLS and not (store / "CURRENT").exists():
                process = started(store, server.url, errors)
                if kills % 2 == 0 and len(kept(store)) < half:
                    # While answers come, which is a short part of a run.
                    wanted = drawn.randint(len(kept(store)) + 1, half)
                    while process.poll() is None and len(kept(store)) < wanted:
                        time.sleep(0.01)
                else:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(drawn.uniform(0.1, 0.95) * seconds)
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    kills += 1
                process.communicate()
                assert asked_again(server, paid) == []
                # What was under way at the server when the run was killed may be counted yet.
                time.sleep(0.5)
                paid = {key: server.counts.by_key[key] for key in kept(store)}
                with_some_answers += 0 < len(paid) < len(kept(tmp_path / "usual"))
            if not (store / "CURRENT").exists():
                finished(started(store, server.url, errors), errors)
                assert asked_again(server, paid) == []
        assert fsck(str(store)) == []
        assert tables(store) == expected
    sys.stderr.write(
        f"{kills} kills of runs of {seconds:.0f} s over {stores} stores, {with_some_answers} "
        "while answers came\n"
    )
    assert with_some_answers > 0
    assert "Traceback" not in errors.read_text()


def asked_again(server: ScriptedServer, paid: dict[str, int]) -> list[str]:
    """The requests that were sent although their response was in the cache."""
    return [key for key, count in paid.items() if server.counts.by_key[key] > count]
