# ruff: noqa: PTH100, PTH102, PTH103, PTH106, PTH109, PTH110, PTH112, PTH118, PTH120
# ruff: noqa: PTH116, PTH123, PTH208, PTH211
# Paths are text here, for os: an object has methods that code in the same process could patch.
"""The far side of the CPython backend: a warm process that forks one throw-away child per call.

This file runs as a program of its own, started by `_cpython` with an empty environment; it imports
the standard library alone, and of the package two files that need no more. It is the *zygote*: it
isolates itself as far as the machine allows, imports what it was told to, and then serves requests
from standard input, one at a time. For each there is a child, forked before the request came, which
is handed the request, sets its limits, runs the code and writes one frame; the zygote watches the
clocks, passes the frame on unread, and kills the child's process group. Then it says whether it can
be used again, and forks the next child: to fork and to end a process takes ten times as long as
most programs run, and nobody waits for it.

Isolation, each step best effort, those in force named in the first reply:

- ``uid``: when started as root, it goes on as *nobody*, if nobody can read the interpreter's files
- ``user-namespace``, ``mount-namespace``, ``pid-namespace``, ``network-namespace``,
  ``ipc-namespace``, ``host-name-namespace``: made here, or by bubblewrap around this program. The
  zygote is process 1 of its pid namespace, so that nothing it starts outlives it and no signal of a
  child can end it; in its network there is nothing, not even itself
- ``empty-root``: of the host's files there are those of `_visible` and no others
- ``no-proc``: there is no ``/proc``
- ``read-only``: every mount is read-only but an in-memory scratch directory; without namespaces
  the system calls that write to files are denied instead (those that `_seccomp` lists), and there
  is no scratch directory
- ``no-capabilities``: no capability is left, and none can be gained
- ``seccomp``: each child is denied the system calls of `_seccomp`, new processes among them
- ``limits``: each child has resource limits, which are always to be had

A child that leaves a process behind, or the scratch directory other than it was (a file, a mode, an
attribute), makes the zygote retire, which ends all of that.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import importlib.util
import io
import json
import math
import os
import random
import resource
import select
import signal
import stat
import struct
import sys
import tempfile
import time
import types
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NoReturn


def load(name: str, path: str) -> types.ModuleType:
    """The module of a file by its path: its folder is no place to import from, because it has files
    named like modules of the standard library."""
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


if TYPE_CHECKING:
    from tracemine.verifiers import _seccomp, _visible
    from tracemine.verifiers._wire import read_frame, write_frame
else:
    _FOLDER = os.path.dirname(os.path.abspath(__file__))
    _seccomp = load("_seccomp", os.path.join(_FOLDER, "_seccomp.py"))
    _visible = load("_visible", os.path.join(_FOLDER, "_visible.py"))
    _wire = load("_wire", os.path.join(_FOLDER, "_wire.py"))
    read_frame, write_frame = _wire.read_frame, _wire.write_frame

#: What a child writes: that it has read its request, then the number of bytes that follow.
_TAKEN = b"!"
RESULT = struct.Struct(">Q")

NOBODY = 65534
SCRATCH_BYTES = 16 << 20
SCRATCH_FILES = 1024
SCRATCH_MODE = 0o700
OPEN_FILES = 64
#: Processes and threads of one call, the zygote counted in. Enough for a small thread pool.
PROCESSES = 16
#: A message of an exception is cut here: it is for people, and the code chose it.
REASON_CHARS = 300
#: As often another child is forked for one that ended before it ran anything.
READY_TRIES = 3
#: Between a closed result pipe and the child's end, for its exit status to be known, in seconds.
REAP_SECONDS = 0.5

_CLONE_NEWNS, _CLONE_NEWUTS, _CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
_CLONE_NEWUSER, _CLONE_NEWPID, _CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOATIME, _MS_BIND = 1, 2, 4, 0x400, 0x1000
_MS_REC, _MS_PRIVATE, _MNT_DETACH = 0x4000, 0x40000, 2
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
_SYS_MOUNT_SETATTR = 442
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_CAPABILITY_VERSION_3 = 0x20080522

_NAMESPACES = tuple(
    f"{kind}-namespace" for kind in ("user", "mount", "pid", "network", "ipc", "host-name")
)
#: Where the new root is put together; what is there on the host is hidden anyway.
_BUILD = "/proc"

_libc = ctypes.CDLL(None, use_errno=True)


# --- isolation ------------------------------------------------------------------------------------


class Isolation:
    """What is in force, and where a child may write."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        #: Where a call may write; empty where it may not.
        self.scratch = ""
        self.own_namespace = False
        self.seccomp = False


def isolate(needed: list[str], mechanism: str) -> Isolation:
    """Give up all that user code must not have. ``needed`` are paths that must stay readable.

    ``mechanism``: ``namespaces`` makes them here, and returns in a new process, the first of its
    pid namespace; ``bubblewrap`` says that it has made them; ``none`` does without.

    Raises:
        OSError: if ``namespaces`` are not to be had.
    """
    state = Isolation()
    if mechanism != "bubblewrap" and os.getuid() == 0 and _nobody_can_read(needed):
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        _prctl(_PR_SET_DUMPABLE, 1)  # else /proc/self/uid_map belongs to root
        state.steps.append("uid")
    if mechanism == "none":
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        # Empty, and gone already: nothing can be put there, and nobody need clear it away.
        os.chdir(tempfile.mkdtemp(prefix="tracemine-"))
        os.rmdir(os.getcwd())
    else:
        state.own_namespace = True
        state.steps += _NAMESPACES
        if mechanism == "namespaces":
            _enter_namespaces()
            _enter_empty_root(_visible.visible_paths(needed))
        state.steps.append("empty-root")
        if mechanism == "bubblewrap":
            _mount("tmpfs", "/proc", _MS_NOSUID | _MS_NODEV | _MS_RDONLY, "size=4096,mode=0555")
        state.steps.append("no-proc")
        if mechanism == "bubblewrap" or _make_read_only("/"):
            state.steps.append("read-only")
        state.scratch = "/scratch"
        options = f"size={SCRATCH_BYTES},nr_inodes={SCRATCH_FILES},mode={SCRATCH_MODE:04o}"
        _mount("tmpfs", state.scratch, _MS_NOSUID | _MS_NODEV | _MS_NOATIME, options)
        os.utime(state.scratch, ns=(0, 0))
        os.chdir(state.scratch)
    if _prctl(_PR_SET_NO_NEW_PRIVS, 1) and _drop_capabilities():
        state.steps.append("no-capabilities")
    if _seccomp.available():
        state.seccomp = True
        state.steps.append("seccomp")
        if mechanism == "none":
            state.steps.append("read-only")
    state.steps.append("limits")
    own = _seccomp.warm_program(writes=state.own_namespace) if state.seccomp else None
    if own is not None and not _seccomp.apply(own):
        raise OSError("a filter of system calls that could be applied a moment ago")
    _seccomp.child_program(0)  # made once, here: children have it
    _prctl(_PR_SET_DUMPABLE, 0)  # no child may trace the zygote
    return state


def _prctl(option: int, value: int) -> bool:
    return bool(_libc.prctl(option, value, 0, 0, 0) == 0)


def _nobody_can_read(needed: list[str]) -> bool:
    """Tried in a child, because there is no way back from setuid."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            for path in needed:
                if os.path.isdir(path):
                    os.listdir(path)
                else:
                    os.close(os.open(path, os.O_RDONLY))
            status = 0
        except OSError:
            status = 1
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1] == 0


def _enter_namespaces() -> None:
    uid, gid = os.getuid(), os.getgid()
    flags = _CLONE_NEWUSER | _CLONE_NEWNS | _CLONE_NEWPID
    flags |= _CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWUTS
    if _libc.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "unshare: " + os.strerror(ctypes.get_errno()))
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{NOBODY} {uid} 1")
    _write("/proc/self/gid_map", f"{NOBODY} {gid} 1")
    pid = os.fork()
    if pid:
        # The launcher stays outside: when it is killed, the kernel kills process 1 and with it all.
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xFF)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _mount(source: str, target: str, flags: int, options: str | None = None) -> None:
    given = options.encode() if options else None
    if _libc.mount(source.encode(), target.encode(), source.encode(), flags, given) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"mount on {target}: {os.strerror(number)}")


def _enter_empty_root(visible: list[str]) -> None:
    """Make a root of ``visible`` and devices alone this process's own, and let go of the host's."""
    _mount("none", "/", _MS_REC | _MS_PRIVATE)
    _mount("tmpfs", _BUILD, _MS_NOSUID, "size=1m,mode=0755")
    for path in [*visible, *_visible.DEVICES]:
        target = _BUILD + path
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if link := _visible.system_link(path):
            os.symlink(link, target)
            continue
        if os.path.isdir(path):
            os.mkdir(target)
        else:
            os.close(os.open(target, os.O_CREAT, 0o644))
        _mount(path, target, _MS_BIND | _MS_REC)
    os.mkdir(_BUILD + "/scratch")
    os.chdir(_BUILD)
    # Old on top of new, then let go: pivot_root(2) says how and why. The first file system of a
    # machine cannot be pivoted; to change the root serves there, since no capability is kept.
    if _libc.pivot_root(b".", b".") == 0:
        _libc.umount2(b".", _MNT_DETACH)
    else:
        os.chroot(".")
    os.chdir("/")


def _make_read_only(path: str) -> bool:
    """Every mount from ``path`` on. False before Linux 5.12."""
    # struct mount_attr: attr_set (read-only, nosuid), attr_clr, propagation, userns_fd. Devices
    # stay: /dev/null is one, and the namespace grants access to no other.
    attributes = struct.pack("=QQQQ", 1 | 2, 0, 0, 0)
    where = (_AT_FDCWD, path.encode(), _AT_RECURSIVE)
    return bool(_libc.syscall(_SYS_MOUNT_SETATTR, *where, attributes, len(attributes)) == 0)


def _drop_capabilities() -> bool:
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    return bool(_libc.capset(header, bytes(24)) == 0)


# --- what runs in the child -----------------------------------------------------------------------


class _NotPlainError(Exception):
    """A result that is not plain."""


def make_encoder(limit: int, depth_limit: int) -> Callable[[Any], str]:
    """A function that writes a plain value as `schemas.values.encode` does, within ``limit``
    characters. Everything it needs is bound now: code that patches builtins or ``json`` later
    changes nothing. Sub-classes are refused, but for the standard containers that equal a dict of
    their items; numbers of numpy and sympy are read as the plain numbers that they are."""
    kind_of, sort, escape = type, sorted, json.encoder.encode_basestring
    is_finite, float_text, int_text = math.isfinite, float.__repr__, int.__repr__
    fraction, fraction_text, hexadecimal = Fraction, Fraction.__str__, bytes.hex
    dict_items, starts, join = dict.items, str.startswith, str.join
    tables = (dict, Counter, defaultdict, OrderedDict)
    scalar_texts = {None: "null", True: "true", False: "false"}
    none_type, error, value_error = kind_of(None), _NotPlainError, ValueError
    int_type, float_type, complex_type, bool_type = int, float, complex, bool
    str_type, bytes_type, list_type, tuple_type = str, bytes, list, tuple
    set_type, frozenset_type = set, frozenset
    length, every = len, all
    foreign = _foreign_converters()

    def write(value: Any, depth: int) -> str:
        kind = kind_of(value)
        if depth > depth_limit:
            raise error("nested too deep")
        if kind is int_type:
            try:
                return int_text(value)
            except value_error:
                raise error("an integer of too many digits") from None
        if kind is float_type:
            text = float_text(value)
            return text if is_finite(value) else '{"$float":"' + text + '"}'
        if kind is str_type:
            return escape(value)
        if kind is bool_type or kind is none_type:
            return scalar_texts[value]
        if kind is list_type:
            return "[" + join(",", [write(v, depth + 1) for v in value]) + "]"
        if kind is tuple_type:
            return '{"$tuple":[' + join(",", [write(v, depth + 1) for v in value]) + "]}"
        if kind is set_type or kind is frozenset_type:
            name = "set" if kind is set_type else "frozenset"
            members = sort([write(v, depth + 1) for v in value])
            return '{"$' + name + '":[' + join(",", members) + "]}"
        if kind in tables:
            pairs = [(k, v) for k, v in dict_items(value)]
            if every([kind_of(k) is str_type and not starts(k, "$") for k, _ in pairs]):
                pairs = sort(pairs, key=lambda pair: pair[0])
                inner = [escape(k) + ":" + write(v, depth + 1) for k, v in pairs]
                return "{" + join(",", inner) + "}"
            texts = sort([(write(k, depth + 1), write(v, depth + 1)) for k, v in pairs])
            return '{"$dict":[' + join(",", ["[" + k + "," + v + "]" for k, v in texts]) + "]}"
        if kind is complex_type:
            parts = [write(value.real, depth), write(value.imag, depth)]
            return '{"$complex":[' + join(",", parts) + "]}"
        if kind is fraction:
            return '{"$fraction":"' + fraction_text(value) + '"}'
        if kind is bytes_type:
            return '{"$bytes":"' + hexadecimal(value) + '"}'
        for accepts, convert in foreign:
            if accepts(value, kind):
                return write(convert(value), depth + 1)
        raise error("not a plain value: " + kind.__name__)

    def encode(value: Any) -> str:
        text = write(value, 0)
        if length(text) > limit:
            raise error("a result of more than the characters allowed")
        return text

    return encode


Converter = tuple[Callable[[Any, type], bool], Callable[[Any], Any]]


def _foreign_converters() -> list[Converter]:
    """For libraries that the zygote imported: numpy scalars and arrays, sympy's exact numbers."""
    converters: list[Converter] = []
    numpy, sympy = sys.modules.get("numpy"), sys.modules.get("sympy")
    if numpy is not None:
        scalars = frozenset(numpy.sctypeDict.values())
        array, scalar_item = numpy.ndarray, numpy.generic.item
        array_list = array.tolist
        converters += [
            (lambda _, kind: kind in scalars, scalar_item),
            (lambda _, kind: kind is array, array_list),
        ]
    if sympy is not None:
        rational, whole, real = sympy.Rational, sympy.Integer, sympy.Float
        truths = frozenset((type(sympy.true), type(sympy.false)))
        wholes = frozenset((whole, *(type(sympy.Integer(n)) for n in (-1, 0, 1))))
        rationals = frozenset((rational, type(sympy.Rational(1, 2))))
        converters += [
            (lambda _, kind: kind in wholes, lambda v: int(v.p)),
            (lambda _, kind: kind in rationals, lambda v: Fraction(int(v.p), int(v.q))),
            (lambda _, kind: kind is real, float),
            (lambda _, kind: kind in truths, bool),
        ]
    return converters


def run_child(
    request: dict[str, Any],
    bindings: list[dict[str, Any]],
    encode: Callable[[Any], str],
    out: int,
) -> NoReturn:
    """Run the code and write one frame: a line for each call, ``STATUS TEXT``. Never returns."""
    leave, write_bytes, pack, escape = (
        os._exit,
        os.write,
        RESULT.pack,
        json.encoder.encode_basestring,
    )
    unsupported, length, text_of, cut = _NotPlainError, len, str, REASON_CHARS
    memory_error, base, too_deep = MemoryError, BaseException, RecursionError
    value_error = ValueError
    join, to_bytes, kind_of, view = str.join, str.encode, type, memoryview

    def describe(error: BaseException) -> str:
        name = kind_of(error).__name__
        try:
            return escape((name + ": " + text_of(error))[:cut])
        except base:
            return escape(name[:cut])

    def call(function: Callable[..., Any], keywords: dict[str, Any]) -> str:
        try:
            return "ok " + encode(function(**keywords))
        except unsupported as error:
            return "unsupported " + escape(error.args[0][:cut])
        except memory_error:
            return 'memory "out of memory"'
        except too_deep:
            return 'error "RecursionError: maximum recursion depth exceeded"'
        except base as error:  # whatever the code raises, SystemExit too, is its result
            return "error " + describe(error)

    lines: list[str] = []
    try:
        module = types.ModuleType("__solution__")
        sys.modules["__solution__"] = module
        namespace = module.__dict__
        exec(compile(request["source"], "<solution>", "exec", dont_inherit=True), namespace)
        entry = namespace[request["entry"]]
    except memory_error:
        lines = ['memory "out of memory"'] * length(bindings)
    except base as error:  # as above
        lines = ["error " + describe(error)] * length(bindings)
    else:
        lines = [call(entry, keywords) for keywords in bindings]
    try:
        payload = to_bytes(join("\n", lines), "utf-8")
    except value_error:
        lines = ['unsupported "text that is not Unicode"'] * length(bindings)
        payload = to_bytes(join("\n", lines))
    rest = view(pack(length(payload)) + payload)
    while rest:
        rest = rest[write_bytes(out, rest) :]
    leave(0)


def _limit_child(request: dict[str, Any], base_bytes: int, limit_processes: bool) -> None:
    seconds = math.ceil(request["seconds"]) + 1
    # The first kills by a signal of its own, which tells what it was.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    space = base_bytes + (request["memory"] << 20)
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    resource.setrlimit(resource.RLIMIT_FSIZE, (request["output"], request["output"]))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if limit_processes:
        resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))


# --- the zygote -----------------------------------------------------------------------------------


class _Child:
    """A child and this side of its pipes: what it is asked is written to one, its frame read from
    the other."""

    def __init__(self, pid: int, requests: int, out: int) -> None:
        self.pid, self.requests, self.out = pid, requests, out
        self.status: int | None = None

    def end(self, patience: float = 0.0) -> int:
        """End it and all of its group, after up to ``patience`` seconds for it to end of itself;
        returns its status. May be called twice."""
        if self.status is None:
            self.status = self._reap(patience)
            self.close()
        return self.status

    def close(self) -> None:
        """Close the pipes."""
        os.close(self.requests)
        os.close(self.out)

    def _reap(self, patience: float) -> int:
        end = time.monotonic() + patience
        while patience and time.monotonic() < end:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                _kill_group(self.pid)
                return status
            time.sleep(0.001)
        _kill_group(self.pid)
        os.kill(self.pid, signal.SIGKILL)
        return os.waitpid(self.pid, 0)[1]


class Zygote:
    """Serves requests on two descriptors until the other side closes them."""

    def __init__(self, source: int, sink: int) -> None:
        self.source, self.sink = source, sink
        self.state = Isolation()
        header, _ = self.receive()
        self.values: Any = load("plain_values", header["values"])
        sys.path += header["paths"]
        needed = [*header["needed"], *(path for path in sys.path if os.path.exists(path))]
        for name in header["preload"]:
            importlib.import_module(name)
        with open("/proc/self/statm") as status:
            self.base_bytes = int(status.read().split()[0]) * resource.getpagesize()
        try:
            self.state = isolate(needed, header["mechanism"])
        except OSError as error:
            write_frame(self.sink, {"ready": False, "reason": str(error), "errno": error.errno})
            os._exit(1)
        # Done once, here, for all children.
        sys.stdin = io.TextIOWrapper(io.FileIO(0, "r", closefd=False))
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False))
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False))
        sys.argv = [""]
        os.environ.clear()
        self.hash_seed = header["hash_seed"]
        self.encoders: dict[tuple[int, int], Callable[[Any], str]] = {}
        gc.collect()
        gc.freeze()
        write_frame(self.sink, {"ready": True, "isolation": self.state.steps})

    def receive(self) -> tuple[dict[str, Any], bytes]:
        try:
            return read_frame(self.source)
        except EOFError:
            self.leave()

    def leave(self) -> NoReturn:
        """The host is gone, or this process is not to be used again."""
        os._exit(0)

    def serve(self) -> NoReturn:
        while True:
            waiting = self._fork()
            header, body = self.receive()
            child, outcome, payload = self.run(waiting, header, body)
            # The answer first: what is left to do here nobody has to wait for.
            write_frame(self.sink, outcome, payload)
            child.end()
            retire = self._residue()
            write_frame(self.sink, {"retire": retire})
            if retire:
                self.leave()

    def run(
        self, waiting: _Child, request: dict[str, Any], body: bytes
    ) -> tuple[_Child, dict[str, Any], bytes]:
        """The child that ran a request, which may still be there; how it ended, and its frame."""
        limits = (request["chars"], request["depth"])
        if limits not in self.encoders:  # for the children to come
            self.encoders = {limits: make_encoder(*limits)}
        child, tries = waiting, READY_TRIES
        while not self._takes(child, request, body):
            child.end()
            if not tries:
                self.leave()
            tries -= 1
            child = self._fork()
        return child, *self._watch(request, child)

    def _takes(self, child: _Child, request: dict[str, Any], body: bytes) -> bool:
        """Whether ``child`` has read the request and goes on to run the code. One that a machine
        short of memory has ended before does not, for which the code is not to blame."""
        with contextlib.suppress(BrokenPipeError):
            write_frame(child.requests, request, body)
            ready, _, _ = select.select([child.out, self.source], [], [])
            self._leave_if_alone(ready, child)
            return bool(os.read(child.out, len(_TAKEN)))
        return False

    def _leave_if_alone(self, ready: list[int], child: _Child) -> None:
        if self.source in ready:  # no request comes before its reply: the host is gone
            os.kill(child.pid, signal.SIGKILL)
            self.leave()

    def _fork(self) -> _Child:
        """A child that waits for its request."""
        requests, told = os.pipe()
        out, into = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._become_child(requests, into)
        os.close(requests)
        os.close(into)
        return _Child(pid, told, out)

    def _become_child(self, requests: int, into: int) -> NoReturn:
        try:
            os.setsid()
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            os.dup2(requests, 101)  # out of the way of those given out below
            os.dup2(into, 102)
            os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
            # What code prints goes where the limit on the size of files holds, and is gone with it.
            printed = os.memfd_create("printed")
            os.dup2(printed, 1)
            os.dup2(printed, 2)
            os.dup2(102, 3)
            os.dup2(101, 4)
            os.closerange(5, 1 << 12)
            if self.state.seccomp:
                own = _seccomp.child_program(os.getpid())
                if own is None or not _seccomp.apply(own):
                    os._exit(71)  # it worked when the zygote tried
            request, body = read_frame(4)
            os.close(4)
            request["source"] = json.loads(body)
            bindings = [self.values.decode(text) for text in request["bindings"]]
            limits = (request["chars"], request["depth"])
            encode = self.encoders.get(limits) or make_encoder(*limits)
            random.seed(self.hash_seed)  # forking unseeds it; with the other seed chance shows
            _limit_child(request, self.base_bytes, self.state.own_namespace)
            os.write(3, _TAKEN)
            run_child(request, bindings, encode, 3)
        finally:
            os._exit(70)

    def _watch(self, request: dict[str, Any], child: _Child) -> tuple[dict[str, Any], bytes]:
        """Read the child's frame while its clocks allow. Without one it is ended here."""
        out = child.out
        clock = (~child.pid << 3) | 2  # clock_getcpuclockid(3): CPU time of another process
        began = _cpu_seconds(clock)
        wall_began = time.monotonic()
        data, size, end = bytearray(), -1, ""
        while not end:
            used = _cpu_seconds(clock) - began
            # One that computes has not stopped, however busy the machine.
            wall = max(request["wall"], used / request["share"])
            wall_left = wall_began + wall - time.monotonic()
            left = min(wall_left, max(request["seconds"] - used, 0.0) + 0.005)
            if used > request["seconds"]:
                end = "timeout"
            elif left <= 0:
                end = "wall"
            else:
                ready, _, _ = select.select([out, self.source], [], [], left)
                self._leave_if_alone(ready, child)
                if out in ready:
                    part = os.read(out, 1 << 20)
                    data += part
                    if size < 0 and len(data) >= RESULT.size:
                        (size,) = RESULT.unpack_from(data)
                    if size > request["payload"] or len(data) > request["payload"] + RESULT.size:
                        end = "corrupt"
                    elif size >= 0 and len(data) >= size + RESULT.size:
                        end = "frame" if len(data) == size + RESULT.size else "corrupt"
                    elif not part:
                        end = "died"
        # Nobody may have looked in time.
        if end == "frame" and _cpu_seconds(clock) - began > request["seconds"]:
            end = "timeout"
        outcome: dict[str, Any] = {"end": end}
        if end == "frame":
            return outcome, bytes(data[RESULT.size :])
        status = child.end(REAP_SECONDS if end == "died" else 0.0)
        if end == "died" and os.WIFSIGNALED(status):
            outcome["signal"] = os.WTERMSIG(status)
        return outcome, b""

    def _residue(self) -> bool:
        """Whether the last call left something behind that only a new zygote is free of."""
        left = False
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                left = True
                if self.state.own_namespace:
                    break
                _kill_children()
        return left or bool(self.state.scratch and _is_changed(self.state.scratch))


def _is_changed(scratch: str) -> bool:
    """Whether the next call would find the directory other than the last one did. That something
    was there and is gone shows in its times alone, which are set back."""
    found = os.stat(scratch)
    if stat.S_IMODE(found.st_mode) != SCRATCH_MODE:  # perhaps not to be read any more
        return True
    if os.listdir(scratch) or os.listxattr(scratch):
        return True
    if found.st_mtime_ns or found.st_atime_ns:
        os.utime(scratch, ns=(0, 0))
    return False


def _cpu_seconds(clock: int) -> float:
    try:
        return time.clock_gettime(clock)
    except OSError:  # it has ended; the pipe will say so
        return 0.0


def _kill_group(pid: int) -> None:
    # It may never have come as far as its own group.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _kill_children() -> None:
    """Kill what a call left, where there is no pid namespace: its subreaper is its parent."""
    with open(f"/proc/self/task/{os.getpid()}/children") as listing:
        for pid in listing.read().split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                continue
    time.sleep(0.001)


def main() -> NoReturn:
    """Serve the requests that come on standard input; replies go to standard output."""
    source, sink = os.dup(0), os.dup(1)
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(null, descriptor)
    Zygote(source, sink).serve()


if __name__ == "__main__":
    main()
