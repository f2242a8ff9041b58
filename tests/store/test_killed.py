"""compact and gc, killed at random moments: the store opens at the last published snapshot with the
rows that it had, and the next run ends as an undisturbed one does.

    TRACEMINE_KILLS=100 python -m pytest tests/store/test_killed.py

kills more often.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import small_store

from tracemine.schemas.arrow import TABLES
from tracemine.store import Store, compact, fsck, gc
from tracemine.store.location import Location

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("TRACEMINE_KILLS", "10"))
#: Snapshots of the store that is worked on.
ADDED = 6

#: Forks a child for each line that comes in, which says that it begins its work. The line after
#: that says that it was killed, so that its number is nobody else's until then.
WORKER = """
import os, sys
from tracemine.store import compact, gc
# What is slow the first time comes before.
compact(sys.argv[1]), gc(sys.argv[1], 1)
for line in iter(sys.stdin.readline, ''):
    action, store = line.split()
    child = os.fork()
    if not child:
        sys.stdout.write(f"{os.getpid()}\\n"); sys.stdout.flush()
        try:
            compact(store) if action == "compact" else gc(store, 1)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
        finally:
            os._exit(0)
    sys.stdin.readline()
    os.waitpid(child, 0)
    sys.stdout.write("ended\\n"); sys.stdout.flush()
"""


def rows(store: Path) -> dict[str, list[str]]:
    with Store.open(str(store)) as reader:
        return {
            table: sorted(map(repr, reader.rows(f'SELECT * FROM "{table}"'))) for table in TABLES
        }


def wait_for_change(store: Path, process: int, seconds: float) -> None:
    """Until files come or go, or the process has ended, and so many seconds more."""
    location = Location.of(str(store))
    before = location.files_under("snapshots")
    while location.files_under("snapshots") == before:
        if psutil.Process(process).status() == psutil.STATUS_ZOMBIE:
            break
    time.sleep(seconds)


@pytest.mark.parametrize("action", ["compact", "gc"])
def test_a_run_that_is_killed_leaves_the_store_sound(tmp_path: Path, action: str) -> None:
    drawn = random.Random(f"killed {action}")
    template = tmp_path / "template"
    small_store.write(template)
    for number in range(ADDED):
        small_store.add(template, number)
    if action == "gc":
        small_store.write_again(template)
    expected = rows(template)
    run: Callable[[str], object] = compact if action == "compact" else lambda s: gc(s, 1)
    usual, first = tmp_path / "usual", tmp_path / "first"
    seconds = 0.0
    for store in (first, usual):
        shutil.copytree(template, store)
        begun = time.monotonic()
        run(str(store))
        seconds = time.monotonic() - begun
    files = Location.of(str(usual)).files_under("snapshots")

    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(first)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert worker.stdin
    assert worker.stdout
    kills = midway = stores = 0
    try:
        while kills < KILLS:
            store = tmp_path / f"killed-{stores}"
            stores += 1
            shutil.copytree(template, store)
            before = Location.of(str(store)).files_under("snapshots")
            for _ in range(3):
                worker.stdin.write(f"{action} {store}\n")
                worker.stdin.flush()
                process = int(worker.stdout.readline())
                if drawn.random() < 0.5:
                    wait_for_change(store, process, drawn.uniform(0, 0.3) * seconds)
                else:  # In a new process it takes about twice as long as here.
                    time.sleep(drawn.uniform(0, 2.5) * seconds)
                os.kill(process, signal.SIGKILL)
                worker.stdin.write("killed\n")
                worker.stdin.flush()
                assert worker.stdout.readline() == "ended\n"
                kills += 1
                left = Location.of(str(store)).files_under("snapshots")
                midway += left not in (before, files)
                assert rows(store) == expected
            run(str(store))
            assert rows(store) == expected
            if action == "gc":
                assert Location.of(str(store)).files_under("snapshots") == files
            gc(str(store), 1)
            assert fsck(str(store)) == []
            shutil.rmtree(store)
    finally:
        worker.kill()
        worker.communicate()
    sys.stderr.write(f"{seconds:.2f} s; {kills} kills of {action}, {midway} of them midway\n")
    assert midway > 0
