"""Symbolic comparison: what never reaches sympy, what a hang costs, threads, forks, no zombies."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tracemine.verifiers import ANSWERS, Verdict, symbolic, verify, warm_symbolic
from tracemine.verifiers.guards import guard

#: Wall time for what is no hang, in seconds: only the machine is waited for.
PATIENT = 60.0

#: Passes the guards, and sympy looks for its solutions for minutes.
HANG = r"x^{40}+y^{39}+\sin(x^{20}y^{3})=3"


def _other(number: int) -> str:
    return rf"x^{{41}}+z^{{39}}+\cos(x^{{20}}y^3)={number}"


def _programs() -> list[psutil.Process]:
    """The program that loads sympy, and what it has forked."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if any("symbolic_child" in part for part in process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:  # it has just ended
            continue
    return found


@pytest.fixture(autouse=True)
def warm(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # A busy machine may be late by as much; a test of hangs sets the time of its hangs itself.
    monkeypatch.setattr(symbolic, "GRACE_SECONDS", PATIENT)
    monkeypatch.setattr(symbolic, "WALL_SECONDS", PATIENT)
    monkeypatch.setattr(symbolic, "CPU_SECONDS", PATIENT)
    warm_symbolic()
    yield


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that each pair was given by those who asked for it."""
    found: list[float] = []
    compare = symbolic._Pool.compare

    def listening(pool: symbolic._Pool, reference: str, answer: str, seconds: float) -> object:
        found.append(seconds)
        return compare(pool, reference, answer, seconds)

    monkeypatch.setattr(symbolic._Pool, "compare", listening)
    return found


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("x" * 1001, "characters"), ("", "empty"), ("(" * 13 + "1" + ")" * 13, "nested"),
        ("1+" * 200 + "1", "numbers, names"), ("7" * 61, "digits"), ("10^{999999999}", "exponent"),
        ("9^{9^{9^{9}}}", "exponent"), ("9**9**9**9", "exponent"),
        ("(10^{10})^{10^{10}}", "exponent"),
        ("(x+y)^{900}", "exponent"), ("1e99999", "exponent"), ("10000!", "factorial"),
        ("5!!", "factorial"), ("(10^9)!", "factorial"), ("(5!)!", "factorial"),
        ("9999^{9999}!", "factorial"), (r"\binom{99999}{4999}", "factorial"),
        ("__import__('os')", "code"), ("lambda: 0", "code"), ("x\0", "seen"), ("x\ud800", "seen"),
        ("+".join("abcdfghjklmnopqrstuvwxyz"), "symbols"),
    ],
)  # fmt: skip
def test_guards(text: str, word: str) -> None:
    assert word in guard(text)


@pytest.mark.parametrize(
    "text",
    [
        r"2^2\cdot3^3\cdot4^4", "x^2y^2z^2", "x^{2}y^{2}z^{2}", "e^{-x^2}", "2^{2^{n}}+1", "(n+1)!",
        r"\frac{1}{2004!}", r"\lambda x", r"\frac{v_0}{r_0(1+\frac{r}{r_0})^{3/2}}", "((x^2)+1)^2",
    ],
)  # fmt: skip
def test_honest_text_passes_the_guards(text: str) -> None:
    assert guard(text) == ""


def test_a_hang_costs_its_own_pair() -> None:
    verdict = symbolic.compare_symbolic(HANG, _other(1), symbolic.Budget(0.3))
    assert verdict.outcome == "unknown" and verdict.reason == symbolic.OUT_OF_TIME
    assert verify("x+2", "2+x", ANSWERS).outcome == "agree"


def test_members_that_hang_share_the_time_of_one_call(
    monkeypatch: pytest.MonkeyPatch, asked: list[float]
) -> None:
    monkeypatch.setattr(symbolic, "CPU_SECONDS", 0.5)
    left = "; ".join(f"{HANG}{i}" for i in range(3))
    right = "; ".join(_other(i) for i in range(30, 33))
    assert verify(left, right, ANSWERS).outcome == "unknown"
    # The first has all of it, twice, and after it there is nothing to give.
    assert asked == [0.5, 0.5]


def test_threads_wait_for_no_ones_hang() -> None:
    """More hang than are kept, and would for a minute: the honest ones agree meanwhile."""
    hangs, hung = symbolic.KEPT + 2, threading.Semaphore(0)

    def hang(number: int) -> str:
        hung.release()
        return symbolic.compare_symbolic(HANG, _other(10 + number)).reason

    with ThreadPoolExecutor(hangs + 2) as threads:
        hanging = [threads.submit(hang, number) for number in range(hangs)]
        for _ in range(hangs):
            hung.acquire()
        honest = [threads.submit(verify, f"x+{i}", f"{i}+x", ANSWERS) for i in range(18)]
        outcomes = [found.result().outcome for found in honest]
        ended = [found.done() for found in hanging]
        while not all(found.done() for found in hanging):
            for process in _programs():  # nobody needs to wait for that minute
                process.kill()
            time.sleep(0.05)
    assert outcomes == ["agree"] * 18
    assert not any(ended)


def test_whoever_finds_no_worker_free_waits_no_longer_than_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(symbolic, "WALL_SECONDS", 0.1)
    at_once = symbolic.MAX_AT_ONCE
    monkeypatch.setattr(symbolic, "MAX_AT_ONCE", 0)
    symbolic._POOL.close()
    with pytest.raises(symbolic.WorkerLostError, match="none is free"):
        symbolic._POOL._take(time.monotonic() + 0.1)
    symbolic._POOL._was_ready = True
    verdict = symbolic.compare_symbolic("x+900", "900+x")
    assert verdict == Verdict("unknown", "no worker: none is free in time", "symbolic")
    monkeypatch.setattr(symbolic, "MAX_AT_ONCE", at_once)
    monkeypatch.setattr(symbolic, "WALL_SECONDS", PATIENT)
    assert verify("x+900", "900+x", ANSWERS).outcome == "agree"  # it was not remembered


def test_a_lost_program_is_replaced_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes while there is none waits no longer than its time."""
    starts = threading.Semaphore(0)
    start = symbolic._start

    def start_late() -> symbolic._Program:
        starts.acquire()
        return start()

    monkeypatch.setattr(symbolic, "_start", start_late)
    monkeypatch.setattr(symbolic, "WALL_SECONDS", 0.1)
    (program,) = [p for p in _programs() if p.ppid() == os.getpid()]
    program.kill()
    program.wait()
    with symbolic._POOL._free:
        kept, symbolic._POOL._idle = symbolic._POOL._idle, []
    for connection in kept:
        symbolic._POOL._drop(connection)
    for number in range(2):
        verdict = symbolic.compare_symbolic(f"x+{number}", f"{number}+x+0")
        assert verdict.outcome == "unknown" and "no worker" in verdict.reason
    starts.release()
    monkeypatch.setattr(symbolic, "WALL_SECONDS", PATIENT)
    assert symbolic.compare_symbolic("x+0", "0+x+0").outcome == "agree"


def test_a_hang_is_tried_once_more_and_then_remembered(
    monkeypatch: pytest.MonkeyPatch, asked: list[float]
) -> None:
    monkeypatch.setattr(symbolic, "CPU_SECONDS", 0.2)
    for _ in range(3):
        budget = symbolic.Budget()
        verdict = symbolic.compare_symbolic(HANG, _other(60), budget)
        assert verdict == Verdict("unknown", symbolic.OUT_OF_TIME, "symbolic")
        assert budget.seconds <= 0
    assert asked == [0.2, 0.2]
    # Not so of a pair that had only what others had left.
    for _ in range(2):
        symbolic.compare_symbolic(HANG, _other(62), symbolic.Budget(0.1))
    assert asked == [0.2, 0.2] + 4 * [0.1]


def test_what_a_pair_takes_does_not_depend_on_what_is_remembered(asked: list[float]) -> None:
    first, second = symbolic.Budget(), symbolic.Budget()
    pair = r"\frac{x^2-1}{x-1}", r"\frac{2x+2}{2}"
    assert symbolic.compare_symbolic(*pair, first).outcome == "agree"
    assert symbolic.compare_symbolic(*pair, second).outcome == "agree"
    assert first.seconds == second.seconds < symbolic.CPU_SECONDS
    for left in (1e-9, 0.0):
        assert symbolic.compare_symbolic(*pair, symbolic.Budget(left)).outcome == "unknown"
    assert len(asked) == 1


@pytest.fixture
def other_programs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[str], None]]:
    """Has pairs compared by the body of a function that is given in place of sympy."""
    child = str(symbolic.PROGRAM)

    def put(body: str) -> None:
        program = tmp_path / "other_symbolic_child.py"
        program.write_text(
            "import importlib.util, time\n"
            f"found = importlib.util.spec_from_file_location('child', {child!r})\n"
            "child = importlib.util.module_from_spec(found)\n"
            "found.loader.exec_module(child)\n"
            f"def compare(reference, answer):\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
            "child.WARM_UP, child.compare = (), compare\n"
            "child.main()\n"
        )
        monkeypatch.setattr(symbolic, "PROGRAM", program)
        symbolic.close_symbolic()
        warm_symbolic()

    yield put
    symbolic.close_symbolic()


COMPUTES = """
    end = time.process_time() + {seconds}
    while time.process_time() < end:
        pass
    return "agree", "in time"
"""


def test_a_busy_machine_decides_as_an_idle_one_does(
    busy: None,
    other_programs: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    asked: list[float],
) -> None:
    """What takes most of its time is decided, however long that takes by the clock; what takes more
    is not, though nobody may look in time."""
    monkeypatch.setattr(symbolic, "CPU_SECONDS", 0.5)
    other_programs(COMPUTES.format(seconds=0.4))
    assert symbolic.compare_symbolic("x+1", "1+x") == Verdict("agree", "in time", "symbolic")
    assert asked == [0.5]
    other_programs(COMPUTES.format(seconds=0.55))
    assert symbolic.compare_symbolic("x+1", "1+x").reason == symbolic.OUT_OF_TIME
    assert asked == [0.5] * 3


def test_what_sleeps_ends_by_the_clock_on_the_wall(
    other_programs: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, asked: list[float]
) -> None:
    other_programs('if "z" in reference + answer: time.sleep(3600)\nreturn "agree", "it is awake"')
    monkeypatch.setattr(symbolic, "WALL_SECONDS", 0.3)
    budget = symbolic.Budget()
    verdict = symbolic.compare_symbolic("y+1", "1+z", budget)
    assert verdict == Verdict("unknown", symbolic.OUT_OF_TIME, "symbolic")
    assert budget.seconds == 0
    monkeypatch.setattr(symbolic, "WALL_SECONDS", PATIENT)
    assert symbolic.compare_symbolic("x+1", "1+x").reason == "it is awake"
    # It was asked once more; and nothing was remembered of a pair that had no time to compute.
    assert len(asked) == 3
    monkeypatch.setattr(symbolic, "WALL_SECONDS", 0.3)
    symbolic.compare_symbolic("y+1", "1+z")
    assert len(asked) == 5


def test_what_was_stopped_from_outside_is_asked_once_more(
    monkeypatch: pytest.MonkeyPatch, asked: list[float]
) -> None:
    """Every comparer stands still, or has ended, and none of it is the pair's doing."""
    for number, stop in enumerate((psutil.Process.suspend, psutil.Process.kill)):
        symbolic.close_symbolic()
        warm_symbolic()
        monkeypatch.setattr(symbolic, "WALL_SECONDS", 3.0)
        parents = {process.pid for process in _programs()}
        workers = {process.pid for process in _programs() if process.ppid() in parents}
        for process in _programs():
            if process.ppid() in workers:
                stop(process)
        # Another worker than the one that has a new comparer is not to be had.
        with symbolic._POOL._free:
            kept, symbolic._POOL._idle = symbolic._POOL._idle, symbolic._POOL._idle[:1]
        for connection in kept[1:]:
            symbolic._POOL._drop(connection)
        asked.clear()
        assert symbolic.compare_symbolic(f"x+5{number}", f"5{number}+x").outcome == "agree"
        assert len(asked) == 2
        monkeypatch.setattr(symbolic, "WALL_SECONDS", PATIENT)


def test_what_is_decided_is_remembered(asked: list[float]) -> None:
    for _ in range(3):
        assert symbolic.compare_symbolic("x+77", "77+x").outcome == "agree"
    assert len(asked) == 1


def test_nothing_is_left_of_what_was_killed() -> None:
    symbolic.compare_symbolic(HANG, _other(2), symbolic.Budget(0.2))
    programs = _programs()
    assert programs
    symbolic.close_symbolic()
    _, alive = psutil.wait_procs(programs, timeout=PATIENT)
    assert not alive
    assert not _programs()


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_whatever_is_killed_from_outside_is_replaced(depth: int) -> None:
    """The program, the workers that it has forked, or their forks that compare."""
    symbolic.close_symbolic()
    warm_symbolic()
    generation = [psutil.Process()]
    for _ in range(depth):
        parents = generation
        generation = [p for p in _programs() if p.ppid() in {parent.pid for parent in parents}]
    assert generation
    for process in generation:
        process.kill()
    # Each of those that were kept may be asked once before it is known to be gone.
    outcomes = [
        verify(f"y_{depth}+{i}", f"{i}+y_{depth}", ANSWERS).outcome
        for i in range(symbolic.KEPT + 2)
    ]
    assert outcomes[-1] == "agree"


def test_a_process_that_may_open_nothing_more_gets_a_verdict() -> None:
    symbolic.close_symbolic()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        verdict = symbolic.compare_symbolic("x+1", "1+x")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert verdict.outcome == "unknown" and "Too many open files" in verdict.reason
    assert symbolic.compare_symbolic("x+1", "1+x").outcome == "agree"


def test_a_fork_starts_its_own_workers() -> None:
    assert verify("x+41", "41+x", ANSWERS).outcome == "agree"
    pid = os.fork()
    if pid == 0:
        agrees = verify("x+42", "42+x", ANSWERS).outcome == "agree"
        symbolic.close_symbolic()
        os._exit(0 if agrees else 1)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert verify("x+43", "43+x", ANSWERS).outcome == "agree"


def test_outside_the_main_thread_and_without_signals() -> None:
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(verify("2x", "x+x", ANSWERS).outcome))
    thread.start()
    thread.join()
    assert found == ["agree"]


def test_a_hung_comparer_does_not_outlive_its_killed_owner() -> None:
    code = (
        "from tracemine.verifiers import symbolic, warm_symbolic\n"
        "import psutil\n"
        "warm_symbolic()\n"
        "for p in psutil.Process().children(recursive=True): print(p.pid)\n"
        "import os; os._exit(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    left = []
    for number in done.stdout.split():
        with contextlib.suppress(psutil.NoSuchProcess):  # gone by now, as it should be
            left.append(psutil.Process(int(number)))
    _, alive = psutil.wait_procs(left, timeout=10)
    assert not alive
