"""Programs that try to break out, forge, exhaust or linger: each ends as it should, in each
backend, and the run after it in the same pool is right."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracemine.verifiers import Limits, Sandbox

LIMITS = Limits(seconds=0.3, memory_mib=256, result_chars=10_000)
FAILED = ("error", "timeout", "memory", "unsupported")

#: name -> (source of ``f()``, statuses that the CPython backend may end with)
PROGRAMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "write a file of the system": ("def f():\n open('/etc/tm_x', 'w').write('x')", ("error",)),
    "write beside the code": (
        "def f():\n import os\n open(os.__file__, 'a').write('#')",
        ("error",),
    ),
    "delete files": ("import os\ndef f():\n os.unlink(os.__file__)\n return 1", ("error",)),
    "read a secret of the host": (
        "def f():\n return open('/proc/' + str(PARENT) + '/environ').read()",
        ("error",),
    ),
    "a symbolic link out": (
        "import os\ndef f():\n os.symlink('/etc', 'out')\n open('out/tm_x', 'w').write('x')",
        ("error",),
    ),
    "a disk bomb": (
        "def f():\n with open('big', 'wb') as b:\n  while True: b.write(bytes(1 << 20))",
        ("error",),
    ),
    "many files": ("def f():\n for i in range(10**6): open(f'x{i}', 'w').close()", FAILED),
    "connect": (
        "import socket\ndef f():\n s = socket.create_connection(('127.0.0.1', PORT))\n return 1",
        ("error",),
    ),
    "listen": ("import socket\ndef f():\n s = socket.socket()\n s.listen()\n return 1", ("error",)),
    "start a program": (
        "import subprocess\ndef f():\n return subprocess.run(['true'])",
        ("error",),
    ),
    "a shell": ("import os\ndef f():\n return [os.system('true')][5]", ("error",)),
    "replace the process": ("import os\ndef f():\n os.execv('/bin/true', ['true'])", ("error",)),
    # Bounded, so that it does no harm where the sandbox fails: it must not get one child.
    "fork": (
        "import os\ndef f():\n for _ in range(3):\n  if os.fork() == 0: os._exit(0)",
        ("error",),
    ),
    "fork through ctypes": (
        "import ctypes\ndef f():\n if ctypes.CDLL(None).fork() >= 0: return 1\n raise OSError",
        ("error",),
    ),
    "a thread bomb": (
        "import threading, time\ndef f():\n while True:\n"
        "  threading.Thread(target=time.sleep, args=(9,)).start()",
        FAILED,
    ),
    "a memory bomb": ("def f():\n return len([0] * 10**11)", ("memory",)),
    "memory piece by piece": (
        "def f():\n x = []\n while True: x.append(bytearray(1 << 20))",
        ("memory",),
    ),
    "an output bomb": ("def f():\n while True: print('x' * 100000)", ("error",)),
    "a large result": ("def f():\n return 'x' * 1000000", ("unsupported",)),
    "a result of a large integer": ("def f():\n return 7 ** 50000", ("unsupported",)),
    "deep recursion": ("def f():\n return f() + 1", ("error",)),
    "recursion through the C stack": (
        "import sys\nsys.setrecursionlimit(10**8)\ndef f():\n return f() + 1",
        ("error", "memory", "timeout"),
    ),
    "a deep result": (
        "def f():\n x = []\n for _ in range(100000): x = [x]\n return x",
        ("unsupported",),
    ),
    "a result within itself": ("def f():\n x = []\n x.append(x)\n return x", ("unsupported",)),
    "an endless loop": ("def f():\n while True: pass", ("timeout",)),
    "an endless loop that catches": (
        "def f():\n while True:\n  try:\n   while True: pass\n  except BaseException: pass",
        ("timeout",),
    ),
    "an endless loop in C": ("def f():\n return sum(iter(int, 1))", ("timeout",)),
    "a huge integer": ("def f():\n return (10 ** 10 ** 9) % 7", ("timeout", "memory")),
    "a regular expression": (
        "import re\ndef f():\n return re.match('(a|a)+$', 'a' * 60 + 'b')",
        ("timeout",),
    ),
    "a loop while it is read": ("while True: pass\ndef f(): return 1", ("timeout",)),
    "no such entry": ("def g(): return 1", ("error",)),
    "no Python": ("def f(: return", ("error",)),
    "nothing but nulls": ("\0" * 100, ("error",)),
    "nested too deep to read": ("def f(): return " + "(" * 5000 + ")" * 5000, ("error", "memory")),
    "kill the parent": (
        "import os, signal\ndef f():\n os.kill(os.getppid(), signal.SIGKILL)\n return 1",
        ("error",),
    ),
    "kill the host": ("import os\ndef f():\n os.kill(PARENT, 9)\n return 1", ("error",)),
    "kill everything": ("import os\ndef f():\n os.kill(-1, 0)\n return 1", ("error",)),
    "crash": ("import ctypes\ndef f():\n ctypes.string_at(0)", ("error",)),
    "abort": ("import os\ndef f():\n os.abort()", ("error",)),
    "exit": ("import sys\ndef f():\n sys.exit(0)", ("error",)),
    "exit at once": ("import os\ndef f():\n os._exit(0)", ("error",)),
    "exit while it is read": ("import os\nos._exit(0)\ndef f(): return 1", ("error",)),
    "frames on every descriptor": (
        "import os, struct\ndef f():\n"
        " for d in range(64):\n"
        '  try: os.write(d, b\'{"end":"frame"}\' * 9)\n'
        "  except OSError: pass\n"
        " return 1",
        ("error",),
    ),
    "a huge frame": (
        "import os, struct\ndef f():\n"
        " for d in range(64):\n"
        "  try: os.write(d, struct.pack('>Q', 1 << 60))\n"
        "  except OSError: pass\n"
        " return 1",
        ("error",),
    ),
    "a frame of no value": (
        "import os, struct\ndef f():\n"
        " for d in range(64):\n"
        "  try: os.write(d, struct.pack('>Q', 13) + b'ok {\"$set\":3}')\n"
        "  except OSError: pass\n"
        " os._exit(0)",
        ("error",),
    ),
    "close every descriptor": ("import os\ndef f():\n os.closerange(0, 99)\n return 1", ("error",)),
    "a pickle": (
        "import os, pickle\nclass P:\n def __reduce__(self): return os.system, ('true',)\n"
        "def f():\n return P()",
        ("unsupported",),
    ),
    "a subclass of int": (
        "class I(int):\n def __eq__(self, other): return True\ndef f():\n return I(3)",
        ("unsupported",),
    ),
    "equal to all": (
        "class E:\n def __eq__(self, other): return True\n def __repr__(self): return '42'\n"
        "def f():\n return [E()]",
        ("unsupported",),
    ),
    "a type that lies": (
        "class M(type):\n def __eq__(self, other): return True\n"
        " def __hash__(self): return hash(int)\nclass E(metaclass=M): pass\ndef f():\n return E()",
        ("unsupported", "error"),
    ),
    "a generator": ("def f():\n yield 1", ("unsupported",)),
    "an exception whose text loops": (
        "class E(Exception):\n def __str__(self):\n  while True: pass\ndef f():\n raise E",
        ("timeout",),
    ),
    "new privileges": ("import os\ndef f():\n os.setuid(0)\n os.chroot('/')", ("error",)),
    "mount": (
        "import ctypes\ndef f():\n"
        " if ctypes.CDLL(None).mount(b'none', b'/etc', b'tmpfs', 0, None) == 0: return 1\n"
        " raise OSError",
        ("error",),
    ),
    "raise its limits": (
        "import resource\ndef f():\n"
        " resource.setrlimit(resource.RLIMIT_AS, (1 << 60, 1 << 60))\n return 1",
        ("error",),
    ),
}

#: name -> (source of ``f()``, its value): what looks like an attack on the result and is not.
HARMLESS: dict[str, tuple[str, object]] = {
    "patched builtins": (
        "import builtins\nfor n in ('len', 'str', 'repr', 'sorted', 'isinstance', 'type'):\n"
        " setattr(builtins, n, lambda *a, **k: 1 / 0)\ndef f():\n return [1, {'a': {2}}]",
        [1, {"a": {2}}],
    ),
    "replaced json": (
        "import json, os\njson.dumps = json.loads = os.write = None\n"
        "json.encoder.encode_basestring = lambda s: '\"forged\"'\ndef f():\n return 'text'",
        "text",
    ),
    "printed messages": ("def f():\n print('ok 42')\n print('{\"end\": \"frame\"}')\n return 1", 1),
    "a thread that outlives the call": (
        "import threading, time\ndef f():\n"
        " threading.Thread(target=time.sleep, args=(60,)).start()\n return 2",
        2,
    ),
    "an empty environment": ("import os\ndef f():\n return dict(os.environ)", {}),
    "an empty directory": ("import os\ndef f():\n return os.listdir('.')", []),
    "no input": ("import sys\ndef f():\n return sys.stdin.read()", ""),
    "NaN": ("def f():\n x = float('nan')\n return [x == x, x != x]", [False, True]),
}  # fmt: skip


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(processes=1) as opened:
        yield opened


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    """A port of this machine that code must not reach."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def right(sandbox: Sandbox) -> None:
    """The next run in each backend gives what it should."""
    for backend in ("monty", "cpython"):
        (run,) = sandbox.run_many("def f(a): return a + 1", "f", [{"a": 1}], backend=backend)
        assert (run.status, run.value) == ("ok", 2)


@pytest.mark.parametrize("name", PROGRAMS)
def test_hostile_program_is_contained(name: str, sandbox: Sandbox, listener: socket.socket) -> None:
    source, allowed = PROGRAMS[name]
    if name == "kill everything" and "seccomp" not in sandbox.isolation().steps:
        pytest.skip("no seccomp on this machine")
    port = listener.getsockname()[1]
    source = source.replace("PARENT", str(os.getpid())).replace("PORT", str(port))
    before = sorted(os.listdir("/etc"))  # noqa: PTH208 - names are all that is asked
    (fast,) = sandbox.run_many(source, "f", [{}], backend="monty", limits=LIMITS)
    assert fast.status == "ok" or fast.value is None
    (sure,) = sandbox.run_many(source, "f", [{}], backend="cpython", limits=LIMITS)
    assert sure.status in allowed, sure
    assert sure.value is None and sure.reason
    right(sandbox)
    assert sorted(os.listdir("/etc")) == before  # noqa: PTH208
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize("name", HARMLESS)
def test_what_code_does_to_its_interpreter_does_not_change_its_result(
    name: str, sandbox: Sandbox
) -> None:
    source, value = HARMLESS[name]
    (run,) = sandbox.run_many(source, "f", [{}], backend="cpython", limits=LIMITS)
    assert (run.status, run.value) == ("ok", value), run
    right(sandbox)


def test_a_file_left_behind_is_gone_in_the_next_run(sandbox: Sandbox) -> None:
    for _ in range(2):
        source = "import os\ndef f():\n n = os.listdir('.')\n open('x', 'w').write('a')\n return n"
        (run,) = sandbox.run_many(source, "f", [{}], backend="cpython")
        assert run.value == []


def test_no_process_is_left(sandbox: Sandbox) -> None:
    right(sandbox)
    pids = [zygote.worker.pid for zygote in sandbox._cpython._idle[False]]
    assert pids
    sandbox.close()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    right(sandbox)


@pytest.mark.parametrize("name", ["fork", "an endless loop", "exit at once", "a memory bomb"])
def test_without_namespaces_the_same(name: str) -> None:
    source, allowed = PROGRAMS[name]
    with Sandbox(processes=1, mechanisms=("none",)) as plain:
        if name == "fork" and "seccomp" not in plain.isolation().steps:
            pytest.skip("no seccomp on this machine")
        assert "pid-namespace" not in plain.isolation().steps
        (run,) = plain.run_many(source, "f", [{}], backend="cpython", limits=LIMITS)
        assert run.status in allowed
        right(plain)
