"""Symbolic comparison: what never reaches sympy, what a hang costs, threads, forks, no zombies."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from tracemine.verifiers import ANSWERS, Verdict, symbolic, verify, warm_symbolic
from tracemine.verifiers.guards import guard

#: What the contract allows one call, in seconds of wall time.
CALL_SECONDS = 2.0

#: Passes the guards, and sympy looks for its solutions for more than ten seconds.
HANG = r"x^{40}+y^{39}+\sin(x^{20}y^{3})=3"


def _other(number: int) -> str:
    return rf"x^{{41}}+z^{{39}}+\cos(x^{{20}}y^3)={number}"


@pytest.fixture(autouse=True)
def warm() -> Iterator[None]:
    warm_symbolic()
    yield


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
    began = time.monotonic()
    verdict = symbolic.compare_symbolic(HANG, _other(1))
    assert verdict.outcome == "unknown" and "no answer in" in verdict.reason
    assert time.monotonic() - began < CALL_SECONDS
    began = time.monotonic()
    assert verify("x+2", "2+x", ANSWERS).outcome == "agree"
    assert time.monotonic() - began < CALL_SECONDS


def test_many_members_that_hang_cost_one_call() -> None:
    left = "; ".join(f"{HANG}{i}" for i in range(3))
    right = "; ".join(_other(i) for i in range(30, 33))
    began = time.monotonic()
    assert verify(left, right, ANSWERS).outcome == "unknown"
    assert time.monotonic() - began < CALL_SECONDS


def test_threads_wait_for_no_ones_hang() -> None:
    def call(number: int) -> Verdict:
        if number % 4 == 0:
            return symbolic.compare_symbolic(HANG, _other(10 + number))
        return verify(f"x+{number}", f"{number}+x", ANSWERS)

    with ThreadPoolExecutor(8) as threads:
        verdicts = list(threads.map(call, range(24)))
    hung = [v.outcome for v in verdicts[::4]]
    assert hung == ["unknown"] * len(hung)
    assert all(v.outcome == "agree" for i, v in enumerate(verdicts) if i % 4)


def test_nothing_is_left_of_what_was_killed() -> None:
    def ours() -> list[psutil.Process]:
        return psutil.Process().children(recursive=True)

    symbolic.compare_symbolic(HANG, _other(2))
    # What hung is replaced after its verdict was told, and before the next pair is read.
    assert verify("x+50", "50+x", ANSWERS).outcome == "agree"
    assert not [p for p in ours() if p.status() == psutil.STATUS_ZOMBIE]
    programs = [p for p in ours() if any("_symbolic_child" in part for part in p.cmdline())]
    assert programs
    symbolic.close_symbolic()
    _, alive = psutil.wait_procs(programs, timeout=5)
    assert not alive


def test_a_worker_that_is_killed_from_outside_is_replaced() -> None:
    (program,) = [
        p
        for p in psutil.Process().children()
        if any("_symbolic_child" in part for part in p.cmdline())
    ][:1]
    for comparer in program.children():
        comparer.kill()
    outcomes = {verify(f"x+{i}", f"{i}+x+0", ANSWERS).outcome for i in range(700, 703)}
    assert "agree" in outcomes
    program.kill()
    outcomes = {verify(f"x+{i}", f"{i}+x+0", ANSWERS).outcome for i in range(703, 706)}
    assert "agree" in outcomes


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
    left = [psutil.Process(int(p)) for p in done.stdout.split() if psutil.pid_exists(int(p))]
    _, alive = psutil.wait_procs(left, timeout=10)
    assert not alive
