"""compact and gc, killed at random moments, by the clock and before one of the steps that change
files: the store opens at the last published snapshot with the rows that it had, and the next run
ends as an undisturbed one does.

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

import pytest
import small_store

from tracemine.schemas.arrow import TABLES
from tracemine.store import Store, compact, fsck, gc
from tracemine.store.location import Location

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("TRACEMINE_KILLS", "10"))
#: Snapshots of the store that is worked on.
ADDED = 6
#: More steps than any run has.
NEVER = 10**6

#: Forks a child for each line that comes in, which says that it begins its work, kills itself
#: before a step of it, if the line names one (they are counted from 0), and else says at the end
#: how many steps it had. The line after that lets the number of the child be another's.
WORKER = """
import os, signal, sys
from tracemine.store import compact, gc
# What is slow the first time comes before.
compact(sys.argv[1]), gc(sys.argv[1], 1)
STEPS = {"os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.truncate"}
def say(line):
    sys.stdout.write(f"{line}\\n"); sys.stdout.flush()
for line in iter(sys.stdin.readline, ''):
    action, last, store = line.split()
    child = os.fork()
    if not child:
        done = 0
        def step(event, arguments):
            global done
            writes = event == "open" and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR)
            if writes or event in STEPS:
                if done == int(last):
                    os.kill(os.getpid(), signal.SIGKILL)
                done += 1
        say(os.getpid())
        sys.addaudithook(step)
        try:
            compact(store) if action == "compact" else gc(store, 1)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
        finally:
            os._exit(min(done, 255))
    sys.stdin.readline()
    say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def rows(store: Path) -> dict[str, list[str]]:
    with Store.open(str(store)) as reader:
        return {
            table: sorted(map(repr, reader.rows(f'SELECT * FROM "{table}"'))) for table in TABLES
        }


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

    def say(line: str) -> None:
        worker.stdin.write(f"{line}\n")
        worker.stdin.flush()

    def told() -> int:
        return int(worker.stdout.readline())

    kills = midway = stores = 0
    try:
        shutil.copytree(template, tmp_path / "counted")
        say(f"{action} {NEVER} {tmp_path / 'counted'}")
        told()
        say("undisturbed")
        steps = told()
        assert steps > ADDED
        while kills < KILLS:
            store = tmp_path / f"killed-{stores}"
            stores += 1
            shutil.copytree(template, store)
            before = Location.of(str(store)).files_under("snapshots")
            for by_step in drawn.choices((True, False), k=3):
                say(f"{action} {drawn.randrange(steps) if by_step else NEVER} {store}")
                process = told()
                if not by_step:  # In a new process it takes about twice as long as here.
                    time.sleep(drawn.uniform(0, 2.5) * seconds)
                    os.kill(process, signal.SIGKILL)
                say("go on")
                kills += told() == -signal.SIGKILL
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
    sys.stderr.write(
        f"{seconds:.2f} s, {steps} steps; {kills} kills of {action}, {midway} of them midway\n"
    )
    assert midway > 0
