"""What holds of the isolation is tried, and said where it does not hold."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from typing import Any

import pytest

from tracemine.verifiers import IsolationError, Run, Sandbox, _cpython
from tracemine.verifiers.isolation import _ATTEMPTS, _NAMES, examine

#: Runs what follows where no program may make a user namespace, as some hosts have it.
WITHOUT_NAMESPACES = (
    "unshare", "--user", "--map-root-user", "sh", "-c",
    'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', "sh",
)  # fmt: skip


def forbidden(*command: str) -> subprocess.CompletedProcess[str]:
    """The command, where namespaces are forbidden."""
    probe = subprocess.run(
        [*WITHOUT_NAMESPACES, "true"], capture_output=True, check=False, text=True
    )
    if probe.returncode:
        pytest.skip(f"this machine cannot forbid namespaces: {probe.stderr.strip()}")
    return subprocess.run(
        [*WITHOUT_NAMESPACES, *command], capture_output=True, check=False, text=True
    )


def test_no_attempt_succeeds_where_the_machine_has_namespaces() -> None:
    with Sandbox(processes=1) as sandbox:
        found = examine(sandbox)
        if found["cpython"]["mechanism"] == "none":
            pytest.skip("no namespaces on this machine")
        for backend in ("monty", "cpython"):
            assert found[backend]["complete"]
            assert all(found[backend]["stopped"].values()), found
            assert found[backend]["untried"] == {}
        assert sandbox.isolation().complete
        sandbox.require_isolation()


@pytest.mark.skipif(os.getuid() != 0, reason="another user cannot do all of it anyway")
def test_every_attempt_succeeds_outside() -> None:
    """Else it would be said to be stopped by a sandbox that does nothing."""
    program = f"{_ATTEMPTS}for n in {_NAMES!r}:\n    print(n, globals()[n]() is True)\n"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    held = [line.split()[0] for line in done.stdout.splitlines() if line.endswith("True")]
    assert held == []


@pytest.mark.parametrize(
    ("run", "stopped", "untried"),
    [
        (Run("ok", True, "", "cpython"), True, False),
        (Run("ok", False, "", "cpython"), False, False),
        (Run("ok", 1, "", "cpython"), False, False),
        (Run("error", None, "PermissionError: [Errno 1] not permitted", "cpython"), True, False),
        (Run("error", None, "OSError: [Errno 30] Read-only", "cpython"), True, False),
        (Run("error", None, "OSError: [Errno 28] No space left", "cpython"), False, True),
        (Run("error", None, "AttributeError: no O_TMPFILE", "cpython"), False, True),
        (Run("timeout", None, "more than 2 s of CPU time", "cpython"), False, True),
        (Run("error", None, "the worker was lost", "cpython"), False, True),
    ],
)
def test_an_attempt_that_ends_otherwise_was_not_tried(
    run: Run, stopped: bool, untried: bool
) -> None:
    class Answering(Sandbox):
        """Says of every attempt the same."""

        def run_many(self, *_: Any, backend: str, **__: Any) -> list[Run]:
            return [run]

    with Answering(processes=1) as answering:
        found = examine(answering)["cpython"]
    assert set(found["stopped"].values()) == {stopped}
    assert bool(found["untried"]) is untried
    assert not found["complete"] or stopped


def test_where_namespaces_are_forbidden_it_says_so() -> None:
    program = (
        "from tracemine.verifiers import Sandbox, IsolationError\n"
        "from tracemine.verifiers.isolation import examine\n"
        "with Sandbox(processes=1) as s:\n"
        "    found = examine(s)['cpython']\n"
        "    assert not found['complete']\n"
        "    assert set(found['missing']) == {'namespaces', 'bubblewrap'}\n"
        "    assert found['mechanism'] == 'none' and not found['stopped']['read a file']\n"
        "    assert found['stopped']['open a socket'] and found['stopped']['write a file']\n"
        "    run = s.run_many('def f(): return 1', 'f', [{}], backend='cpython')[0]\n"
        "    assert run.value == 1\n"
        "    try:\n        s.require_isolation()\n"
        "    except IsolationError as error:\n        print(error)\n"
    )
    done = forbidden(sys.executable, "-c", program)
    assert done.returncode == 0, done.stderr
    assert "not isolated: no empty-root" in done.stdout


def test_mining_that_requires_isolation_reads_nothing_without(tmp_path: object) -> None:
    store = f"{tmp_path}/store"
    command = (sys.executable, "-m", "tracemine.pipelines.cli")
    done = forbidden(*command, "mine", "--sample", "--store", store, "--require-isolation")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "--require-isolation: not isolated" in done.stderr
    assert not os.path.exists(store)  # noqa: PTH110
    done = forbidden(*command, "doctor", "--json")
    assert done.returncode == 1 and '"isolated":' in done.stdout.replace(" :", ":")


def test_evaluating_that_requires_isolation_reads_nothing_without(tmp_path: object) -> None:
    paths = ("--store", f"{tmp_path}/store", "--heldout", f"{tmp_path}/traces.jsonl")
    command = (sys.executable, "-m", "tracemine.pipelines.cli")
    done = forbidden(*command, "evaluate", *paths, "--require-isolation")
    assert done.returncode == 2
    # Neither of the two paths is there, which is not what it says.
    assert done.stderr.count("\n") == 1 and "--require-isolation: not isolated" in done.stderr


#: Runs what follows where there may be one network namespace at a time.
ONE_NAMESPACE = (
    "unshare", "--user", "--map-root-user", "sh", "-c",
    'echo 1 > /proc/sys/user/max_net_namespaces && exec "$@"', "sh",
)  # fmt: skip

#: What a call in each of two threads at once, and one with the other seed, see of the host.
SEEN_BY_MANY = """
import sys, threading
from tracemine.verifiers import IsolationError, Sandbox
LOOK = '''
import os, time
def f():
    end = time.process_time() + 0.3
    while time.process_time() < end: pass
    return os.path.exists('/etc/passwd')
'''
seen = []
def look(sandbox, **how):
    try:
        seen.append(sandbox.run_many(LOOK, 'f', [{}], backend='cpython', **how)[0].value)
    except RuntimeError as error:
        seen.append(type(error).__name__)
with Sandbox(processes=2) as sandbox:
    if sys.argv[1] == 'required':
        sandbox.require_isolation()
    assert sandbox.isolation().complete
    threads = [threading.Thread(target=look, args=(sandbox,)) for _ in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    look(sandbox, second_seed=True)
print(*seen)
"""


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ("required", ["False", "False", "IsolationError"]),
        ("not required", ["False", "False", "RuntimeError"]),
    ],
)
def test_no_later_worker_is_isolated_less_than_the_first(asked: str, seen: list[str]) -> None:
    """The second thread waits for the one worker there can be; the other seed cannot have it."""
    probe = subprocess.run([*ONE_NAMESPACE, "true"], capture_output=True, check=False, text=True)
    if probe.returncode:
        pytest.skip(f"this machine cannot limit namespaces: {probe.stderr.strip()}")
    command = [*ONE_NAMESPACE, sys.executable, "-c", SEEN_BY_MANY, asked]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.stdout.split() == seen, done.stderr


def test_what_was_required_late_holds_for_workers_that_wait() -> None:
    with Sandbox(processes=1, mechanisms=("none",)) as sandbox:
        (run,) = sandbox.run_many("def f(): return 1", "f", [{}], backend="cpython")
        assert run.value == 1
        with pytest.raises(IsolationError):
            sandbox.require_isolation()
        with pytest.raises(IsolationError):
            sandbox.run_many("def f(): return 1", "f", [{}], backend="cpython")


def test_a_sandbox_that_may_not_go_without_does_not_start() -> None:
    with Sandbox(processes=1, mechanisms=("none",)) as sandbox:
        assert not sandbox.isolation().complete
        with pytest.raises(IsolationError, match="pid-namespace"):
            sandbox.require_isolation()
    with Sandbox(processes=1, mechanisms=()) as sandbox:
        with pytest.raises(IsolationError):
            sandbox.require_isolation()
        with pytest.raises(RuntimeError):
            sandbox.run_many("def f(): return 1", "f", [{}], backend="cpython")


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_bubblewrap_isolates_as_namespaces_of_our_own_do() -> None:
    with Sandbox(processes=1, mechanisms=("bubblewrap",)) as sandbox:
        try:
            isolation = sandbox.isolation()
        except RuntimeError as error:
            pytest.skip(str(error))
        assert isolation.mechanism == "bubblewrap" and isolation.complete
        assert all(examine(sandbox)["cpython"]["stopped"].values())


def test_many_threads_meet_a_cold_pool() -> None:
    runs: list[Run] = []
    with Sandbox(processes=2) as sandbox:

        def ask(n: int) -> None:
            runs.extend(sandbox.run_many("def f(n): return n", "f", [{"n": n}], backend="cpython"))

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(run.value for run in runs) == list(range(24))
        assert sandbox._cpython._live[False] <= 2


HEAVY = (
    "import numpy\ndef f(seconds):\n    import time\n    time.sleep(seconds)\n    return seconds"
)


@pytest.mark.parametrize(
    ("pause", "seconds", "calls", "started"),
    [(60.0, 0.0, 1, 1), (0.05, 3.0, 1, 2), (0.3, 0.1, 10, 2)],
    ids=["one is enough", "one call waits long", "many calls wait a little"],
)
def test_a_second_that_imports_much_is_started_where_the_first_keeps_others_waiting(
    pause: float, seconds: float, calls: int, started: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_cpython, "HEAVY_PAUSE", pause)
    runs: list[Run] = []
    with Sandbox(processes=2) as sandbox:

        def ask() -> None:
            for _ in range(calls):
                given = [{"seconds": seconds}]
                runs.extend(sandbox.run_many(HEAVY, "f", given, backend="cpython"))

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert [run.value for run in runs] == [seconds] * 2 * calls
        assert sandbox._cpython._live[True] == started


def test_nobody_waits_for_one_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cpython, "HEAVY_PAUSE", 600.0)
    pool = _cpython.CPythonPool(2)
    pool._live[True] = 1
    waiting = threading.Thread(target=pool._idle_one, args=(True,), daemon=True)
    waiting.start()
    with pool._free:
        pool._live[True] = 0
        pool._free.notify_all()
    waiting.join(60)
    assert not waiting.is_alive()
    assert pool._live[True] == 1
