"""Answers written to make a verifier hang or raise: what once did, each in a process that would be
killed if it did again."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from fractions import Fraction
from typing import Any

import pytest

from tracemine.verifiers import ANSWERS, Context, units, verify

#: Wall time in which all of `ENDLESS` must end, in seconds. Together they take about two, and one
#: of them took minutes to ages.
SECONDS = 120

ENDLESS = r"""
texts.split_name("_a" * 29 + "+=5")
texts.split_name("_a" * 29 + "_ {" * 9 + "+=5")
verify("5 m^9^9^9", "5 km", ANSWERS)
verify("5", "6 km", Context(texts=True, unit="m^9^9^9"))
verify("5", "6 km", Context(texts=True, unit="(m**9)**9**9"))
verify("5", "6 km", Context(texts=True, unit="9**9**9*m"))
verify("5", "6 km", Context(texts=True, unit="m**(9**9**9)"))
verify("1" * 2_000_000 + "x", "1", Context(verifier="exact", texts=True))
verify("1" * 2_000_000 + "x", "A", Context(options=("1", "2"), texts=True))
verify("A", "B", Context(options=("1" * 2_000_000 + "x", "2"), texts=True))
verify("(" * 1_000_000, "1", Context(verifier="sets", texts=True))
verify("1," * 1_000_000 + "x", "1", Context(verifier="units", texts=True))
""".strip().splitlines()


def test_what_took_ages_ends() -> None:
    lines = ["from tracemine.verifiers import ANSWERS, Context, texts, verify"]
    for number, line in enumerate(ENDLESS):
        lines += [line, f"print({number}, flush=True)"]
    process = subprocess.Popen(
        [sys.executable, "-c", "\n".join(lines)], stdout=subprocess.PIPE, text=True
    )
    try:
        told, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        told, _ = process.communicate()
    done = len(told.split())
    assert done == len(ENDLESS), f"does not end: {ENDLESS[done]}"
    assert process.returncode == 0


def _rows(direction: int) -> set[tuple[float, ...]]:
    """Members that only their last parts tell apart, in ascending or descending order."""
    rows = enumerate(range(200)[::direction])
    return {(1 + 1e-13 * place, *map(float, range(200)), i + 0.5) for place, i in rows}


@pytest.mark.parametrize(
    ("value", "other"),
    [
        ([10**4000 + i for i in range(9000)], [10**4000 + i for i in range(9000)]),
        ([Fraction(1, 10**4000 + i) for i in range(9000)], [1] * 9000),
        (_rows(1), _rows(-1)),
    ],
)
def test_values_whose_comparison_takes_long_are_unknown(value: Any, other: Any) -> None:
    for pair in ((value, other), (other, value)):
        verdict = verify(*pair, Context(verifier="exact"))
        assert verdict.outcome == "unknown" and "too large" in verdict.reason


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("10.1_0", "5"), ("0_0", "0"), ("10_1", "2"), ("ZZ_{37}", "5"), ("1_{99}", "1_{98}"),
        ("5 dBm", "5 mW"), ("5 Np", "7 bit"), ("5 dB", "3 Np"), ("5 dBm/m", "5 W"),
        ("5 degC^2", "5 degF^2"), ("5 decade", "3 octave"),
    ],
)  # fmt: skip
def test_odd_bases_and_units_are_no_errors(reference: str, answer: str) -> None:
    for pair in ((reference, answer), (answer, reference)):
        assert verify(*pair, Context(verifier="numeric", texts=True)).outcome != "agree"


@pytest.mark.parametrize("word", ["thou\u017fand", "m\u0131llion", "m\u0130llion"])
def test_letters_that_only_fold_to_those_of_a_scale(word: str) -> None:
    """Without regard to case they match, and in lower case are another word."""
    for context in (ANSWERS, Context(verifier="numeric", texts=True)):
        assert verify(f"5 {word}", "5 thousand", context).outcome != "agree"
        assert verify("5 million", f"5 {word}", context).outcome != "agree"


def test_a_fork_while_units_are_converted_can_convert() -> None:
    """A thread is at it when another forks: the copy has nobody who would ever release the lock."""
    verify("5 km", "5000 m", ANSWERS)
    held, forking = threading.Event(), threading.Event()

    def convert_slowly() -> None:
        with units._LOCK:
            held.set()
            forking.wait()
            time.sleep(0.2)

    thread = threading.Thread(target=convert_slowly)
    thread.start()
    held.wait()
    forking.set()
    pid = os.fork()
    if pid == 0:
        os._exit(0 if verify("3 km", "3000 m", ANSWERS).outcome == "agree" else 1)
    thread.join()
    end = time.monotonic() + SECONDS
    while (ended := os.waitpid(pid, os.WNOHANG)) == (0, 0):
        if time.monotonic() > end:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            pytest.fail("the copy hangs")
        time.sleep(0.01)
    assert ended[1] == 0
