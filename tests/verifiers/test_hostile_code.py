"""Programs that try to break out, forge, exhaust or linger: each ends as it should, in each
backend and under each kind of isolation, the host is as it was, and the run after it in the same
pool is right."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import os
import platform
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tracemine.verifiers import Limits, Sandbox, _seccomp, check_tests
from tracemine.verifiers._frames import Worker
from tracemine.verifiers.runs import Backend, Mechanism, Status

LIMITS = Limits(seconds=0.3, memory_mib=256, result_chars=10_000)
#: For what has to meet another limit than the clock, however slow the machine is.
PATIENT = dataclasses.replace(LIMITS, seconds=8.0)
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
    "read who may log in": ("def f():\n return open('/etc/passwd').read()", ("error",)),
    "read its own memory": (
        "def f():\n return len(open('/proc/self/maps').read())",
        ("error",),
    ),
    "read process 1": ("def f():\n return open('/proc/1/environ').read()", ("error",)),
    "list the home folders": ("import os\ndef f():\n return os.listdir('/home')", ("error",)),
    "a hard link": (
        "import os\ndef f():\n os.link(os.__file__, 'os.py')\n return 1",
        ("error",),
    ),
    "make a file of the system writable": (
        "import os\ndef f():\n os.chmod(os.__file__, 0o777)\n return 1",
        ("error",),
    ),
    "a device": (
        "import os\ndef f():\n os.mknod('disk', 0o60666, os.makedev(254, 0))\n return 1",
        ("error",),
    ),
    "a socket of the machine": (
        "import socket\ndef f():\n s = socket.socket(socket.AF_UNIX)\n"
        " s.connect('/var/run/docker.sock')\n return 1",
        ("error",),
    ),
    "a datagram": (
        "import socket\ndef f():\n s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        " return s.sendto(b'x', ('127.0.0.1', PORT))",
        ("error",),
    ),
    "a zip bomb": (
        "import zlib\ndef f():\n c = zlib.compressobj()\n"
        " b = b''.join(c.compress(bytes(1 << 20)) for _ in range(1 << 10)) + c.flush()\n"
        " return len(zlib.decompress(b))",
        ("memory", "timeout"),
    ),
    "a pickle that runs code": (
        "import pickle\ndef f():\n"
        " if pickle.loads(b'cos\\nsystem\\n(S\\'true\\'\\ntR.') == 0: return 1\n raise OSError",
        ("error",),
    ),
    "the module behind os": (
        "def f():\n return __import__('posix').fork() >= 0 or 1",
        ("error",),
    ),
    "a system call by number": (
        "import ctypes, platform\ndef f():\n"
        " n = {'x86_64': 57, 'aarch64': 220}[platform.machine()]\n"
        " if ctypes.CDLL(None).syscall(n, 17, 0, 0, 0, 0) >= 0: return 1\n raise OSError",
        ("error",),
    ),
    "ignore the end of its time": (
        "import signal\nfor s in (signal.SIGXCPU, signal.SIGTERM, signal.SIGALRM, signal.SIGINT):\n"
        " signal.signal(s, signal.SIG_IGN)\ndef f():\n while True: pass",
        ("timeout",),
    ),
    "sleep": ("import time\ndef f():\n time.sleep(3600)\n return 1", ("timeout",)),
    "memory that is mapped": (
        "import mmap\ndef f():\n return len([mmap.mmap(-1, 1 << 28) for _ in range(64)])",
        ("error", "memory"),
    ),
    "a text that grows": ("def f():\n s = 'x'\n while True: s += s", ("memory", "error")),
    "print from a thread for ever": (
        "import threading\ndef shout():\n while True: print('x' * 9999)\n"
        "def f():\n t = threading.Thread(target=shout)\n t.start()\n t.join()\n while True: pass",
        ("timeout",),
    ),
    "output past Python": (
        "import os\ndef f():\n while True: os.write(1, bytes(1 << 16))",
        ("error",),
    ),
    "make its parent nice": (
        "import os\ndef f():\n os.setpriority(os.PRIO_PROCESS, os.getppid(), 1)\n return 1",
        ("error",),
    ),
    "make all of its user nice": (
        "import os\ndef f():\n"
        " os.setpriority(os.PRIO_USER, 0, os.getpriority(os.PRIO_USER, 0))\n return 1",
        ("error",),
    ),
    "make its parent idle": (
        "import os\ndef f():\n"
        " os.sched_setscheduler(os.getppid(), os.SCHED_BATCH, os.sched_param(0))\n return 1",
        ("error",),
    ),
    "put its parent on one processor": (
        "import os\ndef f():\n"
        " os.sched_setaffinity(os.getppid(), os.sched_getaffinity(os.getppid()))\n return 1",
        ("error",),
    ),
    "a signal by a descriptor": (
        "import fcntl, os\ndef f():\n r, w = os.pipe()\n"
        " fcntl.fcntl(r, fcntl.F_SETOWN, os.getppid())\n return 1",
        ("error",),
    ),
    "a signal of another kind by a descriptor": (
        "import fcntl, os\ndef f():\n r, w = os.pipe()\n fcntl.fcntl(r, 10, 9)\n return 1",
        ("error",),
    ),
    "a descriptor that signals": (
        "import fcntl, os\ndef f():\n r, w = os.pipe()\n"
        " fcntl.fcntl(r, fcntl.F_SETFL, os.O_ASYNC)\n return 1",
        ("error",),
    ),
    "a lease on a file": (
        "import fcntl, os\ndef f():\n d = os.open(os.__file__, 0)\n"
        " fcntl.fcntl(d, fcntl.F_SETLEASE, fcntl.F_RDLCK)\n return 1",
        ("error",),
    ),
    "the flags of a file": (
        "import fcntl, os\ndef f():\n"
        " fcntl.ioctl(os.open(os.__file__, 0), 0x80086601, bytes(8))\n return 1",
        ("error",),
    ),
    "shared memory": (
        "import ctypes\ndef f():\n"
        " if ctypes.CDLL(None).shmget(0, 4096, 0o1600) >= 0: return 1\n raise OSError",
        ("error",),
    ),
    "a call that is newer than the filter": (
        "import ctypes\ndef f():\n library = ctypes.CDLL(None, use_errno=True)\n"
        " for number in range(463, 520):\n"
        "  library.syscall(number, -1, 0, -1, 0, 0, 0)\n"
        "  if ctypes.get_errno() != 38: return number\n"
        " raise OSError",
        ("error",),
    ),
    "a secret room in memory": (
        "import os\ndef f():\n return os.memfd_create('x')",
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
    "a hook at exit": (
        "import atexit, os\natexit.register(os.write, 3, b'forged')\ndef f():\n return 3",
        3,
    ),
    "a trace of every line": (
        "import sys\ndef t(frame, event, arg):\n"
        " frame.f_locals['lines'] = ['ok 42']\n return t\nsys.settrace(t)\ndef f():\n return 4",
        4,
    ),
    "its callers changed": (
        "import sys\ndef f():\n frame = sys._getframe(1)\n"
        " frame.f_locals['keywords'] = 9\n frame.f_locals['encode'] = None\n return 5",
        5,
    ),
    "modules replaced": (
        "import sys\nfor n in list(sys.modules):\n"
        " if n != '__solution__': sys.modules[n] = None\ndef f():\n return 6",
        6,
    ),
    "its own priority and place": (
        "import os\ndef f():\n os.setpriority(os.PRIO_PROCESS, 0, 19)\n"
        " os.sched_setaffinity(0, os.sched_getaffinity(0))\n"
        " return os.getpriority(os.PRIO_PROCESS, 0)",
        19,
    ),
    "its own descriptors": (
        "import fcntl, os\ndef f():\n r, w = os.pipe()\n os.set_blocking(r, False)\n"
        " os.set_inheritable(r, True)\n d = fcntl.fcntl(r, fcntl.F_DUPFD_CLOEXEC, 9)\n"
        " with open('x', 'w') as x: fcntl.lockf(x, fcntl.LOCK_EX)\n"
        " os.unlink('x')\n"
        " return [os.get_blocking(r), os.get_inheritable(r), d >= 9, os.isatty(r)]",
        [False, True, True, False],
    ),
    "an int that is one": ("def f():\n return int.__new__(int, 7)", 7),
    "NaN": ("def f():\n x = float('nan')\n return [x == x, x != x]", [False, True]),
}  # fmt: skip


#: How the first backend ends where it does not say ``error``. It counts time and memory itself, has
#: few modules, and sleeps no time at all.
IN_MONTY: dict[str, Status] = {
    name: status
    for status, names in {
        "ok": ["a regular expression", "sleep"],
        "memory": ["a memory bomb", "a huge integer"],
        "timeout": [
            "an endless loop", "an endless loop that catches", "an endless loop in C",
            "a loop while it is read",
        ],
        "unsupported": [
            "connect", "listen", "start a program", "fork through ctypes", "a thread bomb",
            "a large result", "a result of a large integer", "a deep result",
            "a result within itself", "kill the parent", "crash", "frames on every descriptor",
            "a huge frame", "a frame of no value", "a pickle", "a subclass of int", "equal to all",
            "a type that lies", "a generator", "an exception whose text loops", "mount",
            "raise its limits", "a socket of the machine", "a datagram", "a zip bomb",
            "a pickle that runs code", "a system call by number", "ignore the end of its time",
            "memory that is mapped", "a signal by a descriptor",
            "a signal of another kind by a descriptor", "a descriptor that signals",
            "a lease on a file", "the flags of a file", "shared memory",
            "a call that is newer than the filter", "print from a thread for ever",
        ],
    }.items()
    for name in names
}  # fmt: skip

#: What only namespaces keep from view; without them the files that all may read can be read.
SEEN_WITHOUT_NAMESPACES = {
    "read who may log in", "read its own memory", "list the home folders",
}  # fmt: skip

#: These end by a clock, which is one for all kinds of isolation: tried under one of them.
TIMED = {name for name, (_, statuses) in PROGRAMS.items() if "timeout" in statuses}

KINDS: tuple[Mechanism, ...] = ("namespaces", "bubblewrap", "none")


def open_sandbox(kind: Mechanism) -> Sandbox:
    """A sandbox so isolated; the test is skipped where it is not to be had, or would do harm."""
    opened = Sandbox(processes=1, mechanisms=(kind,))
    try:
        steps = opened.isolation().steps
    except RuntimeError as error:
        pytest.skip(f"no {kind} on this machine: {error}")
    if not {"seccomp", "read-only"}.issubset(steps):
        pytest.skip(f"neither {kind} nor seccomp keeps these programs from the machine's files")
    return opened


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[dict[Mechanism, Sandbox]]:
    opened: dict[Mechanism, Sandbox] = {}
    yield opened
    for sandbox in opened.values():
        sandbox.close()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Isolated as the machine allows."""
    with Sandbox(processes=1) as opened:
        if not {"seccomp", "read-only"}.issubset(opened.isolation().steps):
            pytest.skip("nothing keeps these programs from the machine's files")
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


def host() -> dict[str, Any]:
    """What of the host the programs are after: files, environment, ports, processes."""
    folders = [Path(name) for name in ("/etc", "/usr", "/home", "/", "/tmp")]
    folders += [Path(os.__file__).parent, Path.cwd()]
    found: dict[str, Any] = {
        # By name: another program may write there too.
        "files": [folder / name for folder in folders for name in WRITTEN if _is_at(folder / name)],
        "module": Path(os.__file__).stat(),
        "environment": dict(os.environ) | {"PYTEST_CURRENT_TEST": ""},
        "connections": 0,
        "programs": set(),
        "group": os.getpgid(0),
    }
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # gone since it was listed
            found["connections"] += len(child.net_connections())
            if child.status() != psutil.STATUS_ZOMBIE:
                # Whatever a worker started would be a program of another name.
                found["programs"] |= {word.rsplit("/", 1)[-1] for word in child.cmdline()[:1]}
    return found


#: What the programs would have written, or made of links and devices.
WRITTEN = ("tm_x", "out", "big", "x0", "x1", "disk", "x", "os.py")


def _is_at(path: Path) -> bool:
    return os.path.lexists(path)


@pytest.fixture
def unchanged_host() -> Iterator[None]:
    """The host after a test is what it was before."""
    before = host()
    yield
    after = host()
    # A worker that was replaced may be one that the first test had not started yet.
    started = after.pop("programs") - before.pop("programs")
    assert all(name.startswith(("python", "bwrap", "monty", "pydantic")) for name in started)
    module_before, module_after = before.pop("module"), after.pop("module")
    assert (module_before.st_ino, module_before.st_mtime, module_before.st_mode) == (
        (module_after.st_ino, module_after.st_mtime, module_after.st_mode)
    )
    assert after == before


def hostile(name: str, listener: socket.socket) -> str:
    source, port = PROGRAMS[name][0], listener.getsockname()[1]
    return source.replace("PARENT", str(os.getpid())).replace("PORT", str(port))


def test_the_corpus_is_as_large_as_it_should_be() -> None:
    assert len(PROGRAMS) + len(HARMLESS) + len(FORGERIES) >= 90
    assert len(PROGRAMS) >= 60
    assert set(IN_MONTY) | TIMED | SEEN_WITHOUT_NAMESPACES <= set(PROGRAMS)


@pytest.mark.usefixtures("unchanged_host")
@pytest.mark.parametrize("name", PROGRAMS)
def test_hostile_program_is_contained_in_monty(
    name: str, sandbox: Sandbox, listener: socket.socket
) -> None:
    limits = LIMITS if IN_MONTY.get(name) == "timeout" else PATIENT
    (run,) = sandbox.run_many(hostile(name, listener), "f", [{}], backend="monty", limits=limits)
    if name == "a text that grows":  # which limit is met first is a matter of speed
        assert run.status in ("timeout", "memory"), run
    else:
        assert run.status == IN_MONTY.get(name, "error"), run
    assert run.backend == "monty"
    right(sandbox)
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.usefixtures("unchanged_host")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_hostile_program_is_contained_in_cpython(
    name: str,
    kind: Mechanism,
    sandboxes: dict[Mechanism, Sandbox],
    listener: socket.socket,
) -> None:
    if kind != "namespaces" and name in TIMED:
        pytest.skip("the clocks are tried under namespaces")
    if kind == "none" and name in SEEN_WITHOUT_NAMESPACES:
        pytest.skip("only namespaces keep this from view")
    if kind not in sandboxes:
        sandboxes[kind] = open_sandbox(kind)
    sandbox = sandboxes[kind]
    limits = LIMITS if "timeout" in PROGRAMS[name][1] else PATIENT
    (run,) = sandbox.run_many(hostile(name, listener), "f", [{}], backend="cpython", limits=limits)
    assert run.status in PROGRAMS[name][1], run
    assert run.value is None and run.reason and run.backend == "cpython"
    right(sandbox)
    with pytest.raises(BlockingIOError):
        listener.accept()


#: Programs that say they give 4 for 3, and do not. Each must fail the test that asks for it.
FORGERIES = {
    "an object that equals all": "class E:\n def __eq__(self, o): return True\n"
    "def f(x): return E()",
    "a text that lies": "class E:\n def __repr__(self): return '4'\ndef f(x): return E()",
    "a hash that lies": "class E:\n def __eq__(self, o): return True\n"
    " def __hash__(self): return 4\ndef f(x): return {E()}",
    "a subclass of int": "class I(int):\n def __eq__(self, o): return True\ndef f(x): return I(3)",
    "a subclass of list": "class L(list):\n def __eq__(self, o): return True\ndef f(x): return L()",
    "a patched builtin": "import builtins\nbuiltins.int = lambda x: 4\n"
    "builtins.isinstance = lambda *a: True\nbuiltins.type = lambda x: int\ndef f(x): return 3",
    "a patched comparison": "import operator\noperator.eq = lambda a, b: True\ndef f(x): return 3",
    "an exit that says all went well": "import sys\ndef f(x): sys.exit(0)",
    "an exit at once": "import os\ndef f(x): os._exit(0)",
    "an exit while it is read": "import os\nos._exit(0)\ndef f(x): return 4",
    "a message on the output": "def f(x):\n print('ok 4')\n"
    ' print(\'{"end": "frame"}\')\n return 3',
    "a message on every pipe": "import os, struct\ndef f(x):\n"
    " text = b'ok [\"passed\"]'\n"
    " for d in range(64):\n"
    "  try: os.write(d, struct.pack('>Q', len(text)) + text)\n"
    "  except OSError: pass\n os._exit(0)",
    "replaced json": "import json\njson.dumps = lambda *a, **k: '4'\n"
    "json.encoder.encode_basestring = lambda s: '4'\ndef f(x): return '3'",
    "not a number": "def f(x): return float('nan')",
    "a thread that answers later": "import threading, os, time\ndef later():\n time.sleep(0.05)\n"
    " os.write(3, b'ok 4')\ndef f(x):\n threading.Thread(target=later).start()\n return 3",
    "the callers' frames": "import sys\ndef f(x):\n frame = sys._getframe()\n"
    " while frame:\n  for n in list(frame.f_locals):\n   frame.f_locals[n] = [4]\n"
    "  frame = frame.f_back\n return 3",
    "an exception that passes": "class E(AssertionError):\n def __str__(self): return 'ok 4'\n"
    "def f(x): raise E",
    "a collected reference": "import gc\ndef f(x):\n"
    " for o in gc.get_objects():\n  if type(o) is list and len(o) < 4: o[:] = [4]\n return 3",
}


@pytest.mark.parametrize("name", FORGERIES)
def test_no_pass_is_forged(name: str, sandbox: Sandbox) -> None:
    code = FORGERIES[name]
    for test in ("assert f(3) == 4", "assert f(3) == max(1, 4)"):
        assert check_tests(code, [test], "", sandbox, limits=PATIENT).outcome != "agree"
    honest = "def f(x): return x + 1"
    assert check_tests(honest, ["assert f(3) == 4"], "", sandbox).outcome == "agree"


@pytest.mark.parametrize("name", HARMLESS)
def test_what_code_does_to_its_interpreter_does_not_change_its_result(
    name: str, sandbox: Sandbox
) -> None:
    source, value = HARMLESS[name]
    (run,) = sandbox.run_many(source, "f", [{}], backend="cpython", limits=PATIENT)
    assert (run.status, run.value) == ("ok", value), run
    right(sandbox)


def test_a_file_left_behind_is_gone_in_the_next_run(sandbox: Sandbox) -> None:
    for _ in range(2):
        source = "import os\ndef f():\n n = os.listdir('.')\n open('x', 'w').write('a')\n return n"
        (run,) = sandbox.run_many(source, "f", [{}], backend="cpython")
        assert run.value == []


#: Of the scratch directory: what a call may do to it and the next must not see.
TRACES = {
    "a mode": "os.chmod('/scratch', 0o500)",
    "no mode": "os.chmod('/scratch', 0)",
    "an attribute": "os.setxattr('/scratch', 'user.a', b'x')",
    "a time": "os.utime('/scratch', (7, 7))",
    "a file that is gone": "os.unlink(open('x', 'w').name)",
    "a file": "open('x', 'w').close()",
}
LOOK = """
import os
def f():
    found = os.stat('/scratch')
    seen = [found.st_mode, found.st_mtime, found.st_atime, os.listxattr('/scratch')]
    open('written', 'w').close()
    os.unlink('written')
    return [*seen, os.listdir('.'), os.getpriority(os.PRIO_PROCESS, 0)]
"""


@pytest.mark.parametrize("trace", TRACES.values(), ids=TRACES.keys())
def test_the_next_call_sees_no_trace_of_one(trace: str, sandbox: Sandbox) -> None:
    if sandbox.isolation().mechanism == "none":
        pytest.skip("no scratch directory without namespaces")
    (before,) = sandbox.run_many(LOOK, "f", [{}], backend="cpython", limits=PATIENT)
    source = f"import os\ndef f():\n {trace}\n return 1"
    for _ in range(2):
        try_it = sandbox.run_many(source, "f", [{}], backend="cpython", limits=PATIENT)[0]
        assert try_it.status in ("ok", "error"), try_it
        (after,) = sandbox.run_many(LOOK, "f", [{}], backend="cpython", limits=PATIENT)
        assert (after.status, after.value) == (before.status, before.value) == ("ok", after.value)


def test_a_call_that_leaves_no_trace_keeps_its_worker(sandbox: Sandbox) -> None:
    """A program that puts its own files away must not cost a new worker."""
    right(sandbox)
    pids = [zygote.worker.pid for zygote in sandbox._cpython._idle[False]]
    source = "import os\ndef f():\n os.unlink(open('x', 'w').name)\n return 1"
    sandbox.run_many(source, "f", [{}], backend="cpython", limits=PATIENT)
    right(sandbox)  # that it is to be replaced a worker says after its answer
    assert [zygote.worker.pid for zygote in sandbox._cpython._idle[False]] == pids


def test_a_process_that_ends_while_it_waits_costs_no_call(sandbox: Sandbox) -> None:
    """The child for the next call is there before it: a machine short of memory may end it."""
    right(sandbox)
    (zygote,) = sandbox._cpython._idle[False]
    assert zygote.is_reusable()
    for _ in range(3):
        waiting = _waiting_child(zygote.worker.pid, BEFORE_CHILD[zygote.isolation.mechanism])
        waiting.kill()
        (run,) = sandbox.run_many("def f(): return 5", "f", [{}], backend="cpython", limits=PATIENT)
        assert (run.status, run.value) == ("ok", 5), run
        assert zygote.is_reusable()


def test_inputs_are_read_on_our_time(sandbox: Sandbox) -> None:
    source = "def f(x): return len(x)"
    bindings = [{"x": [n + 0.5 for n in range(300_000)]}]
    limits = Limits(seconds=0.05)
    (run,) = sandbox.run_many(source, "f", bindings, backend="cpython", limits=limits)
    assert (run.status, run.value) == ("ok", 300_000), run


def test_who_is_interrupted_while_a_worker_clears_away_costs_no_place(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    right(sandbox)
    with monkeypatch.context() as patch:
        patch.setattr(Worker, "hear", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            sandbox.run_many("def f(): return 1", "f", [{}], backend="cpython", limits=PATIENT)
    right(sandbox)


def _interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


#: Processes from the one that was started to the one that forks children.
BEFORE_CHILD: dict[Mechanism, int] = {"namespaces": 2, "bubblewrap": 2, "none": 1}


def _waiting_child(pid: int, generations: int) -> psutil.Process:
    process = psutil.Process(pid)
    end = time.monotonic() + 20
    for _ in range(generations):
        while not (children := process.children()):
            assert time.monotonic() < end, f"{process} has no child"
            time.sleep(0.01)
        (process,) = children
    return process


#: Tried by code that is of the same user as all that it is after. Each gives whether it was denied.
REACHING_OUT = """
import ctypes, fcntl, os, signal
library = ctypes.CDLL(None, use_errno=True)
library.shmat.restype = ctypes.c_void_p
def f(pid, segment, path, queue):
    def call(*arguments):
        ctypes.set_errno(0)
        library.syscall(*arguments)
        return ctypes.get_errno()
    def denied(attempt, *arguments):
        try:
            attempt(*arguments)
        except OSError as error:
            return error.errno in (1, 38)
        return False
    r, w = os.pipe()
    found = {
        'own': denied(fcntl.fcntl, r, fcntl.F_SETOWN, pid),
        'signal': denied(fcntl.fcntl, r, 10, int(signal.SIGKILL)),
        'async': denied(fcntl.fcntl, r, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK),
        'kill': denied(os.kill, pid, signal.SIGKILL),
        'nice': denied(os.setpriority, os.PRIO_PROCESS, pid, 1),
        'nice user': denied(os.setpriority, os.PRIO_USER, os.getuid(), 1),
    }
    os.write(w, b'x')
    at = library.shmat(segment, None, 0)
    found['attach'] = at is None or at == 2**64 - 1
    if not found['attach']:
        ctypes.memmove(at, b'forged', 6)
    found['remove'] = library.shmctl(segment, 0, None) != 0
    found['queue'] = call(QUEUE_NUMBER, queue.encode()) in (1, 38)
    mark = ctypes.create_string_buffer(b'left', 4)
    asked = (ctypes.c_uint64 * 2)(ctypes.addressof(mark), 4)
    found['new'] = call(463, -100, path.encode(), 0, b'user.left', asked, 16) in (1, 38)
    found['old'] = denied(os.setxattr, path, 'user.old', b'left')
    descriptor = os.open(path, os.O_RDONLY)
    found['flags'] = denied(fcntl.ioctl, descriptor, 0x40086602, (0x40).to_bytes(8, 'little'))
    found['lease'] = denied(fcntl.fcntl, descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    found['lock'] = denied(fcntl.flock, descriptor, fcntl.LOCK_EX)
    return found
"""


def test_without_namespaces_nothing_of_its_user_is_within_reach(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_text("x")
    library = ctypes.CDLL(None, use_errno=True)
    library.shmat.restype = ctypes.c_void_p
    number = _seccomp._TABLES[platform.machine()][1]["mq_unlink"]
    queue = f"tracemine-test-{os.getpid()}"
    made = library.mq_open(b"/" + queue.encode(), os.O_CREAT | os.O_RDWR, 0o600, None)
    segment = library.shmget(0, 4096, 0o1600)
    victim = subprocess.Popen(["sleep", "60"])
    try:
        with open_sandbox("none") as opened:
            bindings = {"pid": victim.pid, "segment": segment, "path": str(path), "queue": queue}
            source = REACHING_OUT.replace("QUEUE_NUMBER", str(number))
            (run,) = opened.run_many(source, "f", [bindings], backend="cpython", limits=PATIENT)
        assert run.status == "ok", run
        assert [name for name, denied in run.value.items() if not denied] == []
        own_priority = os.getpriority(os.PRIO_PROCESS, 0)
        assert victim.poll() is None
        assert os.getpriority(os.PRIO_PROCESS, victim.pid) == own_priority
        assert os.listxattr(path) == [] and path.read_text() == "x"
        if made >= 0:
            assert library.mq_unlink(b"/" + queue.encode()) == 0
        if segment >= 0:
            at = library.shmat(segment, None, 0)
            found = ctypes.string_at(at, 6)
            library.shmdt(ctypes.c_void_p(at))
            assert found == bytes(6)
    finally:
        victim.kill()
        victim.wait()
        library.shmctl(segment, 0, None)


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        ('ok {"$fraction":"1e1000"}', "error", "not a result: no plain value"),
        (
            'ok {"$set":[' + ",".join(str(k * (2**61 - 1)) for k in range(200)) + "]}",
            "error",
            "not a result: no plain value",
        ),
        ("ok [" + "[],[]," * 5_000 + "1]", "error", "not a result: more than the characters"),
        ('error "' + "x" * 20_000 + '"', "error", "not a result: more than the characters"),
        ('error "' + "x" * 2_000 + '"', "error", "xxx"),
        ('error "\\ud800"', "error", "?"),
        ("ok " + "[" * 50 + "]" * 50, "error", "not a result: no plain value"),
        ("memory 1", "error", "not a result: unknown status"),
    ],
    ids=["fraction", "hashes", "small lists", "long", "cut", "surrogate", "deep", "no text"],
)
def test_a_frame_that_the_code_writes_is_bounded_and_clean(
    line: str, status: str, reason: str, sandbox: Sandbox
) -> None:
    source = (
        f"import os, struct\nline = {line!r}.encode()\n"
        "os.write(3, struct.pack('>Q', len(line)) + line)\nos._exit(0)\n"
    )
    (run,) = sandbox.run_many(source, "f", [{}], backend="cpython", limits=PATIENT)
    assert (run.status, run.value) == (status, None)
    assert run.reason.startswith(reason) and len(run.reason) <= 300
    run.reason.encode()
    right(sandbox)


def test_no_process_is_left(sandbox: Sandbox) -> None:
    right(sandbox)
    pids = [zygote.worker.pid for zygote in sandbox._cpython._idle[False]]
    assert pids
    sandbox.close()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    right(sandbox)


@pytest.mark.parametrize("backend", ["monty", "cpython"])
@pytest.mark.parametrize(
    ("limits", "source", "statuses"),
    [
        (Limits(seconds=0.2), "def f():\n while True: pass", ("timeout",)),
        (Limits(memory_mib=64), "def f():\n return len('x' * (1 << 27))", ("memory",)),
        (Limits(memory_mib=192), "def f():\n return len('x' * (1 << 27))", ("ok",)),
        (
            Limits(output_bytes=50_000),
            "def f():\n for _ in range(999): print('x' * 99)",
            ("error",),
        ),
        (Limits(), "def f():\n for _ in range(999): print('x' * 99)", ("ok",)),
        (Limits(result_chars=1_000), "def f():\n return 'x' * 1_001", ("unsupported",)),
        (Limits(result_chars=1_100), "def f():\n return 'x' * 1_001", ("ok",)),
    ],
)
def test_each_limit_holds_in_each_backend(
    backend: Backend, limits: Limits, source: str, statuses: tuple[str, ...], sandbox: Sandbox
) -> None:
    (run,) = sandbox.run_many(source, "f", [{}], backend=backend, limits=limits)
    assert run.status in statuses, run
