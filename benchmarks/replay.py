"""How many runs a second, how strongly isolated, and do reference programs reproduce?

    python -m benchmarks.replay [--data DIR] [--in-flight N] [--repeats N] [--many N] [--quick]
                                [--json]

Runs of the reference programs of CRUXEval (one call each) and MBPP (all tests of a task), each way
in turn, and the median of the repeats. ``--in-flight`` processes, by default as many as there are
cores, share the rows, each running one after the other, in every way alike; where they are several
each is bound to a core. One alone is not bound, and shows what a single caller waits on a machine
whose cores sleep in between.

- ``sandbox``: monty and, unless that passed, CPython, as `Sandbox.run` and `check_tests` do, a pass
  not yet confirmed; ``verdict`` confirms it with other hashes too
- ``fork``: as HumanEval's `check_correctness` does (openai/human-eval, execution.py, MIT): a forked
  `multiprocessing.Process`, a temporary folder, `reliability_guard`, the program executed with
  output swallowed under an interval timer. Kinder to it than it is: the result comes through a pipe
  and not through a `multiprocessing.Manager`, which starts a server process for each run. Forked of
  a process that has imported this project and no sandbox
- ``interpreter``: a fresh ``python -I`` for each run; ``no site``: ``python -I -S``, which does not
  look at the installed packages, nor at what they do when Python starts

Rows whose own computing takes over `HEAVY_SECONDS` of CPU time measure the program and not the
sandbox: they count as reproduced, and are left out of the rates.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import psutil

from tracemine.verifiers import Limits, Sandbox, check_tests

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"

#: For a program, in seconds; the same in every way.
SECONDS = 8.0
HEAVY_SECONDS = 0.1

#: Calls of one batch where memory is watched.
BATCH = 100

#: Waited before memory is read: a worker clears away after its answer, and forks the next child.
SETTLE_SECONDS = 0.1

#: With ``--quick``: each so many rows of a set, one repeat, and so many runs to watch memory over.
QUICK_STEP, QUICK_RUNS = 10, 2_000

#: The kernel counts CPU time in steps of this many seconds.
TICK = 1 / os.sysconf("SC_CLK_TCK")

#: Processes that share the rows wait so long for one another to be ready, in seconds.
READY_SECONDS = 120.0

_ENTRY = "tracemine_benchmark"


#: What `reliability_guard` takes out of ``os``.
_TAKEN = (
    "kill", "system", "putenv", "remove", "removedirs", "rmdir", "fchdir", "setuid", "fork",
    "forkpty", "killpg", "rename", "renames", "truncate", "replace", "unlink", "fchmod", "fchown",
    "chmod", "chown", "chroot", "lchown", "getcwd", "chdir",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """``program`` is a whole script that fails unless it reproduces; ``run`` and ``verdict`` do the
    same in a sandbox."""

    name: str
    program: str
    run: Callable[[Sandbox], bool]
    verdict: Callable[[Sandbox], bool]


def cruxeval(path: Path) -> list[Row]:
    """The rows of CRUXEval."""
    return [_cruxeval_row(row) for row in _read(path / "cruxeval.jsonl.gz")]


def _cruxeval_row(row: dict[str, str]) -> Row:
    call = f"f({row['input']})"
    source = f"{row['code']}\n\ndef {_ENTRY}():\n    return {call}\n"
    test = f"assert {call} == {row['output']}"

    def run(sandbox: Sandbox) -> bool:
        return _passes(sandbox, source, [row["output"]], lambda value: [value])

    def verdict(sandbox: Sandbox) -> bool:
        return check_tests(row["code"], [test], "", sandbox).outcome == "agree"

    return Row(row["id"], f"{row['code']}\n{test}\n", run, verdict)


def _passes(
    sandbox: Sandbox, source: str, literals: Sequence[str], read: Callable[[Any], list[Any]]
) -> bool:
    expected = [eval(text, {"__builtins__": {}}) for text in literals]
    for backend in ("monty", "cpython"):
        (run,) = sandbox.run_many(source, _ENTRY, [{}], backend=backend, limits=Limits(SECONDS))
        if run.status == "ok" and read(run.value) == expected:
            return True
    return False


def mbpp(path: Path) -> list[Row]:
    """The tasks of MBPP, all tests of one together."""
    return [_mbpp_row(row) for row in _read(path / "mbpp.jsonl.gz")]


def _mbpp_row(row: dict[str, Any]) -> Row:
    tests, setup = row["test_list"], row["test_setup_code"]
    program = "\n".join([row["code"], setup, *tests, ""])

    def verdict(sandbox: Sandbox, *, confirm: bool = True) -> bool:
        found = check_tests(row["code"], tests, setup, sandbox, confirm=confirm)
        return found.outcome == "agree"

    return Row(str(row["task_id"]), program, lambda s: verdict(s, confirm=False), verdict)


def _read(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


# -- the peers -------------------------------------------------------------------------------------


class _TimeoutError(Exception):
    pass


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    def ring(*_: object) -> None:
        raise _TimeoutError

    signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.signal(signal.SIGALRM, ring)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


class _WriteOnlyIO(io.StringIO):
    def read(self, *_: Any) -> str:
        raise OSError

    readline = readlines = read  # type: ignore[assignment]

    def readable(self) -> bool:
        return False


def _reliability_guard() -> None:
    """What the original takes away from the program, in the forked process alone."""
    import builtins
    import faulthandler
    import shutil

    faulthandler.disable()
    builtins.exit = builtins.quit = None  # type: ignore[assignment]
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in _TAKEN:
        setattr(os, name, None)
    for name in ("rmtree", "move", "chown"):
        setattr(shutil, name, None)
    subprocess.Popen = None  # type: ignore[misc,assignment]
    for name in ("ipdb", "joblib", "resource", "psutil", "tkinter"):
        sys.modules[name] = None  # type: ignore[assignment]


def _execute(program: str, result: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept = os.getcwd()  # noqa: PTH109 - as the original does
        os.chdir(folder)
        import shutil

        saved = (shutil.rmtree, os.rmdir, os.chdir, os.unlink, os.getcwd)
        _reliability_guard()
        try:
            stream = _WriteOnlyIO()
            with (
                contextlib.redirect_stdout(stream),
                contextlib.redirect_stderr(stream),
                _time_limit(SECONDS),
            ):
                exec(program, {})
            said = "passed"
        except _TimeoutError:
            said = "timed out"
        except BaseException as error:  # noqa: BLE001 - as the original does
            said = f"failed: {error}"
        shutil.rmtree, os.rmdir, os.chdir, os.unlink, os.getcwd = saved
        os.chdir(kept)
    result.send(said)


def forked(program: str) -> bool:
    """One forked process, as `check_correctness` does."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_execute, args=(program, there))
    process.start()
    there.close()
    process.join(timeout=SECONDS + 1)
    if process.is_alive():
        process.kill()
        process.join()
    said = here.recv() if here.poll() else "timed out"
    here.close()
    process.close()
    return bool(said == "passed")


def interpreted(program: str, *options: str) -> bool:
    """One fresh interpreter."""
    command = [sys.executable, "-I", *options, "-c", program]
    with contextlib.suppress(subprocess.TimeoutExpired):
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
        return done.returncode == 0
    return False


# -- measuring -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Share:
    """What one process did of a way: rows that passed, when it began and ended (seconds of a clock
    that all processes have), and the CPU time that it and all it started used."""

    passed: int
    began: float
    ended: float
    cpu_seconds: float


class Lanes:
    """``count`` processes that share ``rows``, each one row after the other. Where they are several
    each is bound to a core: else the kernel puts two on one and leaves the other asleep."""

    def __init__(self, rows: Sequence[Row], count: int, *, sandboxed: bool) -> None:
        context = multiprocessing.get_context("fork")
        cores: Any = context.SimpleQueue()
        for _, core in zip(range(count), cycle(sorted(os.sched_getaffinity(0))), strict=False):
            cores.put({core} if count > 1 else os.sched_getaffinity(0))
        self._count = count
        self._pool = ProcessPoolExecutor(
            count, context, _open_lane, (rows, context.Barrier(count), cores, sandboxed)
        )
        self.run("sandbox" if sandboxed else "fork", ())  # started and warm

    def __enter__(self) -> Lanes:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def run(self, way: str, numbers: Sequence[int]) -> tuple[int, float, float]:
        """How many of the rows of ``numbers`` pass, the seconds until the last was done, and the
        CPU time of all."""
        parts = [numbers[lane :: self._count] for lane in range(self._count)]
        shares = list(self._pool.map(_run_share, [way] * self._count, parts))
        took = max(share.ended for share in shares) - min(share.began for share in shares)
        return sum(s.passed for s in shares), took, sum(s.cpu_seconds for s in shares)


#: In a process of `Lanes`: the rows, the ways to run one, and what all wait at.
_LANE: dict[str, Any] = {}


def _open_lane(rows: Sequence[Row], ready: Barrier, cores: Any, sandboxed: bool) -> None:
    os.sched_setaffinity(0, cores.get())
    _LANE.update(rows=rows, ready=ready)
    if not sandboxed:
        _LANE.update(
            {
                "fork": lambda row: forked(row.program),
                "interpreter": lambda row: interpreted(row.program),
                "no site": lambda row: interpreted(row.program, "-S"),
            }
        )
        return
    sandbox = Sandbox(processes=1)
    _LANE.update(
        sandbox=lambda row: row.run(sandbox),
        verdict=lambda row: row.verdict(sandbox),
    )
    sandbox.isolation()  # warm, and after this the interpreters with other hashes
    for row in rows[:3]:
        row.verdict(sandbox)


def _run_share(way: str, numbers: Sequence[int]) -> Share:
    rows = [_LANE["rows"][number] for number in numbers]
    used = _cpu_seconds()
    _LANE["ready"].wait(READY_SECONDS)  # so that no process takes two shares
    began = time.perf_counter()
    passed = sum(map(_LANE[way], rows))
    ended = time.perf_counter()
    return Share(passed, began, ended, _cpu_seconds() - used)


#: Way -> whether it is one of the sandbox.
WAYS = {"sandbox": True, "verdict": True, "fork": False, "interpreter": False, "no site": False}


def measure(rows: Sequence[Row], repeats: int, in_flight: int) -> dict[str, dict[str, float]]:
    """By way: rows reproduced in the worst repeat; runs a second by the clock, and runs for each
    second of CPU time of all processes, over rows that are not heavy (medians of the repeats); how
    many were heavy."""
    # Found first, because a heavy row would drown what the others cost.
    heavy = [number for number, row in enumerate(rows) if _is_heavy(row)]
    light = [number for number in range(len(rows)) if number not in heavy]
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    cpu: dict[str, list[float]] = {way: [] for way in WAYS}
    passed: dict[str, list[int]] = {way: [] for way in WAYS}
    heavy_right: dict[str, int] = {}
    # Apart, because to fork a process that has a sandbox takes longer.
    with (
        Lanes(rows, in_flight, sandboxed=True) as ours,
        Lanes(rows, in_flight, sandboxed=False) as theirs,
    ):
        for repeat in range(repeats):
            for way, sandboxed in WAYS.items():
                lanes = ours if sandboxed else theirs
                right, took, used = lanes.run(way, light)
                if not repeat:
                    heavy_right[way] = lanes.run(way, heavy)[0]
                seconds[way].append(took)
                cpu[way].append(used)
                passed[way].append(right + heavy_right[way])
    return {
        way: {
            "reproduced": min(passed[way]),
            "heavy": len(heavy),
            "per_second": len(light) / statistics.median(seconds[way]),
            "per_cpu_second": len(light) / max(statistics.median(cpu[way]), TICK),
        }
        for way in WAYS
    }


def _is_heavy(row: Row) -> bool:
    used = os.times()
    forked(row.program)
    after = os.times()
    return after.children_user - used.children_user > HEAVY_SECONDS


def _cpu_seconds() -> float:
    """CPU time so far of this process and of all that it started, those alive and those gone."""
    total = 0.0
    own = psutil.Process()
    for process in [own, *own.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def watch_memory(rows: Sequence[Row], runs: int) -> dict[str, Any]:
    """Resident memory in MiB of this process and all its workers at ten points of ``runs`` runs
    in each backend: batches of calls, and single runs of ``rows``."""
    source = "def f(xs, k):\n    return sorted(x * k for x in xs)\n"
    seen: list[float] = []
    singles = 0
    with Sandbox(processes=1) as sandbox:
        began = time.perf_counter()
        for point in range(10):
            for batch in range(runs // (10 * BATCH)):
                bindings = [{"xs": list(range(20)), "k": n} for n in range(BATCH)]
                for backend in ("monty", "cpython"):
                    sandbox.run_many(source, "f", bindings, backend=backend)
                # One run in a hundred is a program's own, with whatever it does.
                rows[(point * 997 + batch) % len(rows)].run(sandbox)
                singles += 1
            time.sleep(SETTLE_SECONDS)
            seen.append(round(_resident_mib(), 1))
        took = time.perf_counter() - began
    return {"runs": 2 * runs + singles, "mib": seen, "seconds": round(took, 1)}


def _resident_mib() -> float:
    own = psutil.Process()
    total = 0
    for process in [own, *own.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total / (1 << 20)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--in-flight", type=int, default=cores, help="runs at a time")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--many", type=int, default=100_000, help="runs to watch memory over")
    parser.add_argument("--quick", action="store_true", help="fewer rows, repeats and runs")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    sets = {"cruxeval": cruxeval(arguments.data), "mbpp": mbpp(arguments.data)}
    if arguments.quick:
        sets = {name: rows[::QUICK_STEP] for name, rows in sets.items()}
        arguments.repeats, arguments.many = 1, QUICK_RUNS
    found: dict[str, Any] = {
        name: measure(rows, arguments.repeats, arguments.in_flight) for name, rows in sets.items()
    }
    found["memory"] = watch_memory(sets["cruxeval"], arguments.many)
    if arguments.json:
        print(json.dumps(found))
        return 0
    print("| set | way | reproduced | runs a second | slower | runs a CPU second | slower |")
    print("|---|---|---|---|---|---|---|")
    for name, rows in sets.items():
        best = found[name]["sandbox"]
        for way, figures in found[name].items():
            print(
                f"| {name} | {way} | {figures['reproduced']} of {len(rows)} "
                f"| {figures['per_second']:,.0f} "
                f"| {best['per_second'] / figures['per_second']:.1f} x "
                f"| {figures['per_cpu_second']:,.0f} "
                f"| {best['per_cpu_second'] / figures['per_cpu_second']:.1f} x |"
            )
    print(f"\nheavy: { ({name: found[name]['fork']['heavy'] for name in sets}) }")
    memory = found["memory"]
    print(f"resident MiB at ten points of {memory['runs']:,} runs: {memory['mib']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
