"""What a run says that a disk or an object store does not let go on: one line, no traceback."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator

from tracemine.store.errors import RequestError

#: What a file system says that takes no more.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})

#: The last line of what Beam says of an error in a worker: of some errors only text is left.
_IN_A_WORKER = re.compile(
    r"(?:RuntimeError: )?(?:OSError: \[Errno (\d+)\] |PermissionError: (?:\[Errno \d+\] )?)"
    r"(.*?) \[while running '([^']*)'\]"
)


@contextlib.contextmanager
def speaking_of_disks(store: str) -> Iterator[None]:
    """A run within the block that cannot write on ends in one line.

    Raises:
        RequestError: if a disk is full or may not be written, here or in a worker. ``store`` is as
            it was.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise RequestError(_line(store, os.strerror(error.errno), "")) from error
        kind = "PermissionError: " if isinstance(error, PermissionError) else ""
        lines = f"{kind}{error}".strip().splitlines()
        found = _IN_A_WORKER.fullmatch(lines[-1].strip()) if lines else None
        if not found or (found[1] and int(found[1]) not in FULL):
            raise
        raise RequestError(_line(store, found[2], f" in {found[3]}")) from error


def _line(store: str, said: str, where: str) -> str:
    return (
        f"cannot write{where}: {said}: the store {store} is as it was; see to the disk that it is "
        "on, and that of temporary files, and run again"
    )


__all__ = ["FULL", "speaking_of_disks"]
