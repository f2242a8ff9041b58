"""A run of the rules that is killed at random moments, in one process and in two: the next one
takes up every shard that was finished, and ends with the store that an undisturbed run gives.

    TRACEMINE_KILLS=100 python -m pytest tests/pipelines/test_mine_resumed.py

kills more often, and TRACEMINE_RESUMED_INPUT names another file than the first of the sample.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from mined import tables

from tracemine.data import sample_files
from tracemine.pipelines import mine
from tracemine.pipelines.options import MineOptions
from tracemine.store import Store, fsck, gc
from tracemine.store.work import WORK

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("TRACEMINE_KILLS", "2"))
INPUT = os.environ.get("TRACEMINE_RESUMED_INPUT", str(sample_files()[0]))
#: Kills of one store: then its run is left alone, and another is begun.
EACH = 5


def started(store: Path, workers: int, output: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tracemine.pipelines.cli", "mine", "--json"]
    command += ["--input", INPUT, "--store", str(store), "--workers", str(workers)]
    command += ["--as-of", "2026-01-02T03:04:05+00:00"]
    with output.open("wb") as out, output.with_suffix(".err").open("wb") as errors:
        return subprocess.Popen(command, stdout=out, stderr=errors, start_new_session=True)


def finished(process: subprocess.Popen[bytes], output: Path) -> dict[str, Any]:
    assert process.wait(timeout=1800) == 0, output.with_suffix(".err").read_text()
    summary: dict[str, Any] = json.loads(output.read_text())
    return summary


def kept(store: Path) -> Counter[str]:
    """How many shards of each stage lie there, whole; folders may go while they are looked at."""
    return Counter(
        Path(folder).name
        for folder, _, files in os.walk(store / WORK)
        for name in files
        if name.endswith(".kept")
    )


def reached(store: Path) -> str:
    """How far a run has come by what is in its store."""
    if (store / "CURRENT").exists():
        return "published"
    if any(store.glob("snapshots/*/procedures/*.parquet")):
        return "tables"
    return "shards" if kept(store) else "nothing yet"


def killed(process: subprocess.Popen[bytes], store: Path, files: int, seconds: float) -> bool:
    """Kill the run and its workers ``seconds`` after there are so many ``files`` of kept work;
    False if it ended before."""
    while process.poll() is None and kept(store).total() < files:
        time.sleep(0.02)
    time.sleep(seconds)
    ended = process.poll() is not None
    if not ended:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return not ended


def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    chosen = random.Random(KILLS)
    output = tmp_path / "out.json"
    usual = tmp_path / "usual"
    process = started(usual, 1, output)
    total, last = 0, time.monotonic()
    while process.poll() is None:
        if (found := kept(usual).total()) > total:
            total, last = found, time.monotonic()
        time.sleep(0.02)
    rest = time.monotonic() - last
    assert finished(process, output)["resumed"] == {}
    assert total > 20
    assert not (usual / WORK).exists()
    expected = tables(usual)
    kills: Counter[str] = Counter()
    stores = 0
    while kills.total() < KILLS:
        stores += 1
        workers = 1 + stores % 2
        store = tmp_path / f"store{stores}"
        there: Counter[str] = Counter()
        for _ in range(min(EACH, KILLS - kills.total(), (KILLS + 1) // 2)):
            # Some after the last shard, while tables are written, checked and published.
            files = total if chosen.random() < 0.3 else chosen.randint(there.total(), total)
            seconds = chosen.random() * (rest if files == total else 0.2)
            if not killed(started(store, workers, output), store, files, seconds):
                break
            kills[reached(store)] += 1
            if (store / "CURRENT").exists():
                break
            # Nothing that was done is undone.
            assert kept(store) >= there
            there = kept(store)
        if not (store / "CURRENT").exists():
            summary = finished(started(store, workers, output), output)
            taken = {stage: row["kept"] for stage, row in summary["resumed"].items()}
            assert Counter(taken) == there
        assert tables(store) == expected
        gc(str(store), 1)
        assert fsck(str(store)) == []
        assert not list((store / WORK).glob("*"))
        shutil.rmtree(store)
    points = ", ".join(f"{count} at {point}" for point, count in sorted(kills.items()))
    sys.stderr.write(
        f"{kills.total()} kills ({points}) over {stores} stores, of {total} shards and then "
        f"{rest:.1f} s\n"
    )


def test_where_there_are_no_locks_it_goes_on_under_another_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("\n".join(Path(INPUT).read_text().splitlines()[:8]))
    store = f"memory://{uuid.uuid4().hex}/store"
    options = MineOptions((str(rows),), store, as_of="2026-01-02T03:04:05+00:00", workers=1)

    def is_killed(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(mine, "publish", is_killed)
        mine.run_mine(options)
    found = mine.run_mine(options)
    assert found["snapshot"] == "000002"
    assert {"segment", "replay", "unite", "tools"} <= found["resumed"].keys()
    assert {row["made"] for row in found["resumed"].values()} == {0}
    with Store.open(store) as reader:
        assert reader.rows("SELECT DISTINCT snapshot FROM events") == [{"snapshot": "000002"}]
    assert fsck(store) == []
