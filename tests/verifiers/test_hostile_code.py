"""Programs that try to break out, forge, exhaust or linger: each ends as it should, in each
backend and under each kind of isolation, the host is as it was, and the run after it in the same
pool is right."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tracemine.verifiers import Limits, Sandbox, check_tests
from tracemine.verifiers.runs import Backend, Mechanism, Status

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
            "memory that is mapped", "print from a thread for ever",
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
    folders = [Path(name) for name in ("/etc", "/usr", "/home", "/")]
    folders += [Path(os.__file__).parent, Path.cwd()]
    told_by_pytest = {"PYTEST_CURRENT_TEST": ""}
    children = psutil.Process().children(recursive=True)
    return {
        "files": {folder: sorted(folder.iterdir()) for folder in folders},
        "module": Path(os.__file__).stat(),
        "environment": dict(os.environ) | told_by_pytest,
        "connections": sum(len(child.net_connections()) for child in children),
        "programs": {
            # Whatever a worker started would be a program of another name.
            word.rsplit("/", 1)[-1]
            for child in children
            if child.status() != psutil.STATUS_ZOMBIE
            for word in child.cmdline()[:1]
        },
        "group": os.getpgid(0),
    }


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
    (run,) = sandbox.run_many(hostile(name, listener), "f", [{}], backend="monty", limits=LIMITS)
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
    (run,) = sandbox.run_many(hostile(name, listener), "f", [{}], backend="cpython", limits=LIMITS)
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
        assert check_tests(code, [test], "", sandbox, limits=LIMITS).outcome != "agree"
    honest = "def f(x): return x + 1"
    assert check_tests(honest, ["assert f(3) == 4"], "", sandbox).outcome == "agree"


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
