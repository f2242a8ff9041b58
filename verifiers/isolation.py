"""What of the isolation holds, tried and not believed: each attempt is made by code in the sandbox.

`examine` runs what hostile code would try first, one harmless attempt of each kind, in each
backend. An attempt *holds* if it was stopped.
"""

from __future__ import annotations

from typing import Any

from tracemine.verifiers.sandbox import Backend, Sandbox

#: Code of each attempt: it must raise, or give a value that is true only where it was stopped.
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
    "start_a_process", "signal_its_parent", "see_other_processes", "have_capabilities",
    "be_without_limits",
)  # fmt: skip

_ENTRY = "tracemine_attempt"


def _attempts(backend: Backend, sandbox: Sandbox) -> dict[str, bool]:
    """Whether each attempt was stopped."""
    held = {}
    for name in _NAMES:
        source = f"{_ATTEMPTS}def {_ENTRY}():\n    return {name}()\n"
        (run,) = sandbox.run_many(source, _ENTRY, [{}], backend=backend)
        held[name.replace("_", " ")] = run.status != "ok" or run.value is True
    return held


def examine(sandbox: Sandbox) -> dict[str, Any]:
    """The isolation of each backend: what keeps code apart (``mechanism``, ``steps``), which
    mechanisms the machine does not have and why (``missing``), which attempts were ``stopped``, and
    whether it is ``complete``: for ``cpython``, whether namespaces hold.

    Raises:
        RuntimeError: if no worker of CPython starts at all.
    """
    isolation = sandbox.isolation()
    fast, sure = _attempts("monty", sandbox), _attempts("cpython", sandbox)
    return {
        "monty": {
            "mechanism": "interpreter",
            "steps": ["no system calls", "worker process", "limits"],
            "missing": {},
            "stopped": fast,
            "complete": all(fast.values()),
        },
        "cpython": {
            "mechanism": isolation.mechanism,
            "steps": list(isolation.steps),
            "missing": dict(isolation.missing),
            "stopped": sure,
            "complete": isolation.complete and all(sure.values()),
        },
    }
