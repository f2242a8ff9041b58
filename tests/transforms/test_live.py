"""Counts for whoever watches a run, from this process and from others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tracemine.transforms import live

WORKER = """
from tracemine.transforms import live
for _ in range({count}):
    live.count("segment", "proposals")
    live.tell()
live.tell(at_once=True)
"""


def test_counts_of_workers_are_added_to_those_of_this_process() -> None:
    with live.watched():
        live.count("read", "trajectories")
        live.count("segment", "proposals")
        for count in (1000, 500):
            subprocess.run([sys.executable, "-c", WORKER.format(count=count)], check=True)
        assert live.counts() == {("read", "trajectories"): 1, ("segment", "proposals"): 1501}


def test_nobody_is_told_where_nobody_watches(tmp_path: Path) -> None:
    assert live.FOLDER not in os.environ
    live.tell(at_once=True)
    with live.watched():
        folder = Path(os.environ[live.FOLDER])
        live.tell(at_once=True)
        assert not list(folder.iterdir())
    assert not folder.exists()


def test_a_folder_that_is_gone_stops_nobody(tmp_path: Path) -> None:
    environment = {**os.environ, live.FOLDER: str(tmp_path / "gone")}
    program = WORKER.format(count=3)
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


def test_counts_begin_anew_each_time() -> None:
    with live.watched():
        live.count("read", "trajectories")
    with live.watched():
        assert live.counts() == {}
