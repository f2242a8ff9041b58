"""What a run is asked to use: had before anything is read, or the request is refused."""

from __future__ import annotations

from tracemine.store import RequestError
from tracemine.teachers import UnknownTeacherError, teacher_fingerprint
from tracemine.verifiers import Isolation, IsolationError, Sandbox, shared_sandbox


def open_sandbox(*, require_isolation: bool) -> tuple[Sandbox, Isolation]:
    """The sandbox of this process, and what keeps untrusted code apart in it.

    Raises:
        RequestError: if isolation is required and not to be had here, or no sandbox is.
    """
    try:
        sandbox = shared_sandbox(require_isolation=require_isolation)
        return sandbox, sandbox.isolation()
    except IsolationError as error:
        raise RequestError(f"--require-isolation: {error}") from error
    except RuntimeError as error:
        raise RequestError(f"no sandbox: {error}") from error


def fingerprint_of(teacher: str) -> str:
    """What tells the ``teacher`` of that name, as it is now, from any other.

    Raises:
        RequestError: if there is none of that name.
    """
    try:
        return teacher_fingerprint(teacher)
    except UnknownTeacherError as error:
        raise RequestError(str(error)) from error


__all__ = ["fingerprint_of", "open_sandbox"]
