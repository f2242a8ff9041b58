"""The sandbox on honest code: values in and out, order, batches, threads, forks, endings."""

from __future__ import annotations

import gc
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracemine.schemas import encode
from tracemine.verifiers import Limits, Run, Sandbox, _cpython, _stateless
from tracemine.verifiers import sandbox as sandbox_module
from tracemine.verifiers._frames import Worker
from tracemine.verifiers._stateless import is_stateless
from tracemine.verifiers.runs import Backend

BACKENDS: tuple[Backend, ...] = ("monty", "cpython")
ECHO = "def f(x):\n    return x\n"
RATIO = "def f(a, b, c):\n    return a * b / c\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(processes=2) as opened:
        yield opened


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec="utf-8"))
    | st.binary(max_size=20) | st.complex_numbers()
)  # fmt: skip
keys = st.none() | st.booleans() | st.integers() | st.text("ab$", max_size=3)
plain = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.frozensets(keys, max_size=4)
        | st.sets(keys, max_size=4)
        | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values=st.lists(plain, min_size=1, max_size=8))
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_plain_value_comes_back_as_it_went(
    sandbox: Sandbox, backend: Backend, values: list[Any]
) -> None:
    runs = sandbox.run_many(ECHO, "f", [{"x": v} for v in values], backend=backend)
    assert [encode(run.value) for run in runs] == [encode(v) for v in values]
    assert {run.status for run in runs} == {"ok"}


@pytest.fixture(scope="module")
def child() -> ModuleType:
    """The program of the worker, loaded here for its encoder."""
    folder = Path(sandbox_module.__file__).parent
    specification = importlib.util.spec_from_file_location("child_program", folder / "_child.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@given(value=plain | st.fractions())
def test_the_child_writes_values_as_the_schemas_do(child: ModuleType, value: Any) -> None:
    assert child.make_encoder(10**9, 40)(value) == encode(value)


def test_fractions_and_standard_tables_are_plain(sandbox: Sandbox) -> None:
    source = (
        "from fractions import Fraction\nfrom collections import Counter, OrderedDict\n"
        "def f(x):\n    return x + Fraction(1, 3), Counter('aab'), OrderedDict(a=1)\n"
    )
    run = sandbox.run(source, "f", {"x": Fraction(1, 6)})
    assert (run.value, run.backend) == ((Fraction(1, 2), {"a": 2, "b": 1}, {"a": 1}), "cpython")


def test_numbers_of_numpy_and_sympy_are_plain(sandbox: Sandbox) -> None:
    source = (
        "import numpy as np\nimport sympy\ndef f(x):\n"
        "    return np.arange(x), np.float64(0.5), sympy.Rational(x, 6), sympy.Integer(x)\n"
    )
    run = sandbox.run(source, "f", {"x": 3})
    assert run.value == ([0, 1, 2], 0.5, Fraction(1, 2), 3), run
    assert sandbox.run("import sympy\ndef f(): return sympy.Symbol('x')", "f", {}).status == (
        "unsupported"
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_many_calls_come_in_order_with_their_own_failures(
    sandbox: Sandbox, backend: Backend
) -> None:
    bindings = [{"a": n, "b": 2, "c": n % 5} for n in range(200)]
    runs = sandbox.run_many(RATIO, "f", bindings, backend=backend)
    for n, run in enumerate(runs):
        if n % 5:
            assert (run.status, run.value) == ("ok", n * 2 / (n % 5))
        else:
            assert (run.status, run.value) == ("error", None)
            assert "ZeroDivisionError" in run.reason


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_call_that_loops_does_not_cost_the_others(sandbox: Sandbox, backend: Backend) -> None:
    source = "def f(x):\n    while x == 3:\n        pass\n    return x\n"
    limits = Limits(seconds=2.0)  # for the five, on a busy machine
    runs = sandbox.run_many(source, "f", [{"x": n} for n in range(6)], backend=backend,
                            limits=limits)  # fmt: skip
    assert [run.status for run in runs] == ["ok", "ok", "ok", "timeout", "ok", "ok"]
    assert [run.value for run in runs] == [0, 1, 2, None, 4, 5]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_routine_that_always_loops_does_not_cost_its_limit_each_time(
    sandbox: Sandbox, backend: Backend
) -> None:
    source = "def f(x):\n    while True:\n        pass\n"
    limits = Limits(seconds=0.3, most_slow_calls=9)
    runs = sandbox.run_many(source, "f", [{"x": n} for n in range(80)], backend=backend,
                            limits=limits)  # fmt: skip
    assert {run.status for run in runs} == {"timeout"}
    reasons = [run.reason.split(":")[0] for run in runs]
    assert reasons.index("not run") == 9 and set(reasons[9:]) == {"not run"}
    if backend == "cpython":
        # Three of the whole time, then a tenth of it.
        assert ["0.03 s" in run.reason for run in runs[:9]] == [False] * 3 + [True] * 6


def test_a_routine_that_always_sleeps_is_waited_for_twice_alone() -> None:
    """Once, and once again because the machine may have been busy; the others get a tenth."""
    source = "import time\ndef f(x):\n    time.sleep(1000 if x else 0)\n    return x\n"
    limits = Limits(seconds=0.2)
    calls: list[float] = []

    with Sandbox(processes=1) as watched:
        ask = watched._cpython._call

        def counted(*arguments: Any) -> list[Run]:
            calls.append(arguments[-1])
            return ask(*arguments)

        watched._cpython._call = counted  # type: ignore[method-assign]
        runs = watched.run_many(source, "f", [{"x": n} for n in (0, 1, 2, 3)], backend="cpython",
                                limits=limits)  # fmt: skip
    assert [run.status for run in runs] == ["ok", "timeout", "timeout", "timeout"]
    assert calls == [1.0, 1.0, 1.0, 0.1, 0.1]


def test_a_busy_machine_ends_what_an_idle_one_does(
    busy: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code that computes has its CPU time, however long that takes by the clock, and at once."""
    source = (
        "import time\ndef f(x):\n    end = time.process_time() + x\n"
        "    while time.process_time() < end:\n        pass\n    return x\n"
    )
    monkeypatch.setattr(_cpython, "WALL_FACTOR", 1.0)
    monkeypatch.setattr(_cpython, "WALL_EXTRA", 0.0)
    limits = Limits(seconds=0.5)
    with Sandbox(processes=1) as watched:
        runs = watched.run_many(source, "f", [{"x": 0.4}, {"x": 0.6}], backend="cpython",
                                limits=limits)  # fmt: skip
    assert runs[0] == Run("ok", 0.4, "", "cpython")
    assert (runs[1].status, runs[1].reason) == ("timeout", "more than 0.5 s of CPU time")


def test_a_call_whose_worker_is_lost_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine short of memory may end a worker, for which the code is not to blame."""
    source = "seen = []\ndef f(x):\n    seen.append(x)\n    return seen\n"
    ask, lost = Worker.ask, []

    def losing(worker: Worker, header: Any, body: bytes = b"", *, seconds: float) -> Any:
        if "bindings" in header and len(lost) < 3:
            lost.append(worker)
            worker.kill()
        return ask(worker, header, body, seconds=seconds)

    monkeypatch.setattr(Worker, "ask", losing)
    with Sandbox(processes=1) as watched:
        runs = [watched.run_many(source, "f", [{"x": 1}], backend="cpython") for _ in range(2)]
    assert [run.status for (run,) in runs] == ["error", "ok"]
    assert len(lost) == 3


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "source",
    [
        "seen = []\ndef f(x):\n    seen.append(x)\n    return list(seen)\n",
        "def f(x, seen=[]):\n    seen.append(x)\n    return list(seen)\n",
        "def f(x):\n    f.seen = getattr(f, 'seen', []) + [x]\n    return f.seen\n",
        "n = 0\ndef f(x):\n    global n\n    n += 1\n    return [x] * n\n",
    ],
)
def test_calls_do_not_see_one_another(sandbox: Sandbox, backend: Backend, source: str) -> None:
    runs = sandbox.run_many(source, "f", [{"x": n} for n in range(3)], backend=backend)
    assert [run.value for run in runs if run.status == "ok"] in ([], [[0], [1], [2]])
    if backend == "cpython":
        assert [run.status for run in runs] == ["ok"] * 3


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_argument_that_is_changed_is_changed_for_that_call_alone(
    sandbox: Sandbox, backend: Backend
) -> None:
    shared = [3, 1, 2]
    source = "def f(x):\n    x.sort()\n    x.append(0)\n    return x\n"
    runs = sandbox.run_many(source, "f", [{"x": shared}] * 2, backend=backend)
    assert [run.value for run in runs] == [[1, 2, 3, 0]] * 2
    assert shared == [3, 1, 2]


@pytest.mark.parametrize(
    ("source", "stateless"),
    [
        (RATIO, True),
        ("import math\nRATE = 1.5\ndef f(x): return math.ceil(x * RATE)", True),
        ("def f(x):\n    def g(y): return y + x\n    return [g(i) for i in range(3)]", True),
        ("LIMITS = (1, -2)\ndef f(x):\n    try:\n        return 1 / x\n    except: return 0", True),
        ("CACHE = {}\ndef f(x): return CACHE.setdefault(x, x)", False),
        ("class A:\n    n = 0\ndef f(x):\n    A.n += 1", False),
        ("import random\ndef f(x): return random.random()", False),
        ("def f(x): return f.__dict__", False),
        ("def f(x): return type(x).__name__ in ('int', 'Fraction')", True),
        ("def f(x):\n    f.__name__ = x", False),
        ("from functools import lru_cache\n@lru_cache\ndef f(x): return [x]", False),
        ("import math\ndef f(x):\n    math.pi = x", False),
        ("def f(x):\n    eval('1')", False),
        ("def f(x, y=[]): return y", False),
        ("def f(x): yield x", True),
        ("async def f(x): return x", False),
        ("def f(", False),
        ("import copy\ndef f(x):\n    copy.dispatch_table['k'] = x\n    return x", False),
        ("import typing\ndef f(x):\n    typing.sys.modules['q'] = x", False),
        ("import statistics\ndef f(x): return statistics.random.random()", False),
        ("import statistics\ndef f(x): return statistics.NormalDist().samples(x)", False),
        ("from statistics import random\ndef f(x): return random.random()", False),
        ("from copy import _deepcopy_dispatch as d\ndef f(x): d[x] = x", False),
        ("from operator import *\ndef f(x): return attrgetter('__dict__')(f)", False),
        ("from typing import *\ndef f(x): return get_type_hints(f)", False),
        ("from math import *\ndef f(x): return floor(x)", True),
        ("import copy\ndef f(x):\n    c = copy\n    c.dispatch_table[x] = x", False),
        ("import copy as c\ndef f(x): return c.dispatch_table.setdefault(x, x)", False),
        ("import operator\ndef f(x): return operator.attrgetter('__dict__')(f)", False),
        ("from operator import methodcaller as m\ndef f(x): return m('x')(f)", False),
        ("import string\ndef f(x): return string.Formatter().get_field('0.a', (f,), {})", False),
        ("import typing\ndef f(x): return typing.get_type_hints(f)", False),
        ("def f(x):\n    (i for i in ()).gi_frame.f_globals['k'] = x", False),
        ("def f(x):\n    match f:\n        case object(__globals__=g): g['k'] = x", False),
        ("def f(x):\n    match x:\n        case [int(), {'a': b}]: return b", True),
        ("from typing import Sized\ndef f(x): Sized.register(x)", False),
        (
            "import typing\nfrom typing import List, Optional, Union, Callable, Any\n"
            "def f(x: Optional[typing.Tuple[int, ...]]) -> List[Any]: return [x]",
            True,
        ),
        (
            "from __future__ import annotations\nimport re, math as m\nfrom collections import "
            "Counter\ndef f(x): return Counter(re.findall('a', x)), m.pi",
            True,
        ),
        ("from . import math\ndef f(x): return math.pi", False),
        ("x = " + "(" * 10_000, False),
        ("x = " + "-" * 100_000 + "1", False),
    ],
)
def test_stateless_code_is_the_plainest_alone(source: str, stateless: bool) -> None:
    assert is_stateless(source) is stateless


def test_large_sources_are_not_kept() -> None:
    """Five hundred of the largest would be a hundred megabytes."""
    remembered = _stateless._remembered.cache_info
    kept = remembered().currsize
    for n in range(9):
        assert is_stateless(f"def f(x): return x  # {n}" + "#" * 30_000)
    assert remembered().currsize == kept


@settings(max_examples=100, deadline=None)
@given(source=st.text(max_size=200), entry=st.text(max_size=5))
def test_no_source_raises_here(sandbox: Sandbox, source: str, entry: str) -> None:
    assert sandbox.run(source, entry, {}, limits=Limits(seconds=0.2)).status != "ok"


def test_what_cannot_be_run_is_refused(sandbox: Sandbox) -> None:
    for source, entry in [("#" * 300_000, "f"), (ECHO, "f()"), ("x = '\ud800'", "f")]:
        assert sandbox.run(source, entry, {"x": 1}).status == "refused"
    assert sandbox.run_many(ECHO, "f", [], backend="monty") == []
    (run,) = sandbox.run_many(ECHO, "f", [{"x": object()}], backend="cpython")
    assert run.status == "unsupported"


def test_the_same_in_every_run(sandbox: Sandbox) -> None:
    source = "import random\ndef f():\n return random.random(), list({'a', 'b', 'c'}), hash('a')"
    first, second = (
        sandbox.run_many(source, "f", [{}], backend="cpython")[0].value for _ in range(2)
    )
    with Sandbox(processes=1) as other:
        third = other.run_many(source, "f", [{}], backend="cpython")[0].value
    assert first == second == third


def test_threads_share_a_sandbox(sandbox: Sandbox) -> None:
    wrong: list[Any] = []

    def work(n: int) -> None:
        for backend in BACKENDS * 3:
            runs = sandbox.run_many(ECHO, "f", [{"x": n}] * 5, backend=backend)
            if [run.value for run in runs] != [n] * 5:
                wrong.append((n, runs))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong and not any(thread.is_alive() for thread in threads)


def test_a_forked_copy_starts_workers_of_its_own(sandbox: Sandbox) -> None:
    for backend in BACKENDS:
        sandbox.run_many(ECHO, "f", [{"x": 1}], backend=backend)
    pid = os.fork()
    if pid == 0:
        values = []
        try:
            assert sandbox.run_calls(ECHO, ["f(7)"]).status == "unsupported"
            for backend in BACKENDS:
                values.append(sandbox.run_many(ECHO, "f", [{"x": 7}], backend=backend)[0].value)
        finally:
            sandbox.close()
            os._exit(0 if values == [7, 7] else 1)
    end = time.monotonic() + 30
    done, status = 0, -1
    while not done and time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        time.sleep(0.02)
    if not done:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert (done, status) == (pid, 0)
    for backend in BACKENDS:
        assert sandbox.run_many(ECHO, "f", [{"x": 2}], backend=backend)[0].value == 2


def _children(pid: int) -> set[int]:
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.add(int(stat.parent.name))
    return found


@pytest.mark.parametrize("end", ["kill", "garbage"])
def test_workers_go_with_their_owner(end: str) -> None:
    if end == "garbage":
        before = _children(os.getpid())
        opened = Sandbox(processes=1)
        opened.run_many(ECHO, "f", [{"x": 1}], backend="cpython")
        started = _children(os.getpid()) - before
        assert started
        del opened
        gc.collect()
    else:
        program = (
            "from tracemine.verifiers import Sandbox\nimport sys, time\ns = Sandbox(processes=1)\n"
            "for b in ('monty', 'cpython'):\n"
            "    s.run_many('def f(): return 1', 'f', [{}], backend=b)\n"
            "print('up', flush=True)\ntime.sleep(60)\n"
        )
        owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        assert owner.stdout is not None and owner.stdout.readline() == b"up\n"
        started = _children(owner.pid)
        assert len(started) >= 2
        owner.kill()
        owner.wait()
        owner.stdout.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(_alive(pid) for pid in started):
        time.sleep(0.05)
    assert not [pid for pid in started if _alive(pid)]


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_code_that_can_see_the_host_says_nothing_of_it() -> None:
    source = "def f():\n    raise ValueError(open('/proc/version').read())\n"
    with Sandbox(processes=1, mechanisms=["none"]) as seeing:
        (run,) = seeing.run_many(source, "f", [{}], backend="cpython")
    assert (run.status, run.reason) == ("error", "ValueError")
