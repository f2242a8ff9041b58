"""What of the isolation holds, tried and not believed: each attempt is made by code in the sandbox.

`examine` runs what hostile code would try first, one harmless attempt of each kind, in each
backend. An attempt is *stopped* if it was refused, or if what it is after is not there; one that
ends in another way was not tried, which says nothing.
"""

from __future__ import annotations

from typing import Any

from tracemine.verifiers.sandbox import Backend, Sandbox

#: Code of each attempt: it must raise what says that it was refused, or give a value that is true
#: only where it was.
_ATTEMPTS = """
def read_a_file():
    return not open('/etc/passwd').read()

def list_processes():
    import os
    return not os.listdir('/proc')

def write_a_file():
    # Without a name, so that nothing is left where it succeeds.
    import os
    os.close(os.open('/usr', os.O_WRONLY | os.O_TMPFILE))
    return False

def read_the_environment():
    import os
    return not os.environ

def open_a_socket():
    import socket
    socket.socket().close()
    return False

def start_a_process():
    import os
    if os.fork() == 0:
        os._exit(0)
    return False

def signal_its_parent():
    import os
    os.kill(os.getppid(), 0)
    return False

def signal_by_a_descriptor():
    import fcntl, os
    readable, _ = os.pipe()
    fcntl.fcntl(readable, fcntl.F_SETOWN, os.getppid())
    return False

def slow_its_parent():
    # By nothing, where it succeeds.
    import os
    nice = os.getpriority(os.PRIO_PROCESS, os.getppid())
    os.setpriority(os.PRIO_PROCESS, os.getppid(), nice)
    return False

def share_memory():
    import ctypes
    library = ctypes.CDLL(None, use_errno=True)
    segment = library.shmget(0, 4096, 0o1600)
    if segment < 0:
        raise OSError(ctypes.get_errno(), 'shmget')
    library.shmctl(segment, 0, None)
    return False

def see_other_processes():
    import os
    return os.getppid() == 1

def have_capabilities():
    import ctypes
    data = ctypes.create_string_buffer(24)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    if ctypes.CDLL(None).capget(header, data) != 0:
        raise OSError('capget')
    return data.raw == bytes(24)

def be_without_limits():
    import resource
    kinds = ('RLIMIT_AS', 'RLIMIT_CPU', 'RLIMIT_FSIZE', 'RLIMIT_NOFILE')
    return all(resource.getrlimit(getattr(resource, k))[1] != resource.RLIM_INFINITY for k in kinds)

"""
_NAMES = (
    "read_a_file", "list_processes", "write_a_file", "read_the_environment", "open_a_socket",
    "start_a_process", "signal_its_parent", "signal_by_a_descriptor", "slow_its_parent",
    "share_memory", "see_other_processes", "have_capabilities", "be_without_limits",
)  # fmt: skip

_ENTRY = "tracemine_attempt"


#: How the reasons begin of an attempt that was refused, or found nothing. OSError: not permitted,
#: no such call, a file system that can only be read.
_STOPPED: dict[Backend, tuple[str, ...]] = {
    "cpython": (
        "PermissionError", "FileNotFoundError", "OSError: [Errno 1]", "OSError: [Errno 30]",
        "OSError: [Errno 38]",
    ),
    # An interpreter that lacks what the attempt is made of.
    "monty": ("PermissionError", "AttributeError", "ModuleNotFoundError", "RuntimeError"),
}  # fmt: skip


def _attempts(backend: Backend, sandbox: Sandbox) -> tuple[dict[str, bool], dict[str, str]]:
    """Whether each attempt was stopped; and of each that was not tried, why."""
    stopped: dict[str, bool] = {}
    untried: dict[str, str] = {}
    for name in _NAMES:
        source = f"{_ATTEMPTS}def {_ENTRY}():\n    return {name}()\n"
        (run,) = sandbox.run_many(source, _ENTRY, [{}], backend=backend)
        words = name.replace("_", " ")
        refused = run.reason.startswith(_STOPPED[backend])
        stopped[words] = refused or (run.status == "ok" and run.value is True)
        if run.status != "ok" and not refused:
            untried[words] = run.reason
    return stopped, untried


def examine(sandbox: Sandbox) -> dict[str, Any]:
    """The isolation of each backend: what keeps code apart (``mechanism``, ``steps``), which
    mechanisms the machine does not have and why (``missing``), which attempts were ``stopped``,
    which could not be tried and why (``untried``), and whether it is ``complete``: all attempts
    were stopped and, for ``cpython``, namespaces hold.

    Raises:
        RuntimeError: if no worker of CPython starts at all.
    """
    isolation = sandbox.isolation()
    fast, fast_untried = _attempts("monty", sandbox)
    sure, sure_untried = _attempts("cpython", sandbox)
    return {
        "monty": {
            "mechanism": "interpreter",
            "steps": ["no system calls", "worker process", "limits"],
            "missing": {},
            "stopped": fast,
            "untried": fast_untried,
            "complete": all(fast.values()),
        },
        "cpython": {
            "mechanism": isolation.mechanism,
            "steps": list(isolation.steps),
            "missing": dict(isolation.missing),
            "stopped": sure,
            "untried": sure_untried,
            "complete": isolation.complete and all(sure.values()),
        },
    }
