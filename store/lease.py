"""Leases: who has a snapshot open keeps it.

In a local store a reader holds a shared lock (flock) on its snapshot's manifest until it is closed
or its process has ended, however it ended. Nothing is written, so a reader needs no right to write,
and a killed one leaves nothing behind. `gc` takes the lock for itself before it removes a snapshot.
Object stores, and file systems without such locks, have none: there `gc` goes by age.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
import weakref
from collections.abc import Iterator

from tracemine.store.location import Location

#: Looks at a manifest that is being removed, and seconds between them.
_ATTEMPTS, _PAUSE = 50, 0.01

#: What a file system says that has no locks.
NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
#: What it says when another has the lock.
HELD = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES})


class Lease:
    """A hold on one snapshot. `close` gives it up; so does the end of the process."""

    def __init__(self, descriptor: int) -> None:
        self._process = os.getpid()
        self._descriptor = descriptor
        # A process that was forked meanwhile shares the lock: it may close the file and no more.
        self._closing = weakref.finalize(self, os.close, descriptor)

    def close(self) -> None:
        """Give the snapshot up."""
        if self._closing.alive:
            if os.getpid() == self._process:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            self._closing()


def lease(location: Location, manifest: str) -> Lease | None:
    """A hold on the snapshot whose manifest has this name; None where there are no locks.

    Raises:
        FileNotFoundError: if there is no such snapshot, or it is being removed.
    """
    if not location.local:
        return None
    for _ in range(_ATTEMPTS):
        try:
            descriptor = os.open(location.path(manifest), os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            raise FileNotFoundError(manifest) from None
        except OSError:
            return None  # Whoever reads it says what is wrong with it.
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno not in HELD:
                return None
            time.sleep(_PAUSE)
            continue
        # It may have been removed between opening and locking; then it holds nothing.
        if _same(location, manifest, descriptor):
            return Lease(descriptor)
        os.close(descriptor)
    raise FileNotFoundError(manifest)


@contextlib.contextmanager
def removing(location: Location, manifest: str) -> Iterator[bool | None]:
    """Whether nobody holds the snapshot whose manifest has this name, and nobody can take hold of
    it within the block; None where there are no locks that say."""
    if not location.local:
        yield None
        return
    descriptor = _open_to_remove(location, manifest)
    if descriptor is None:
        yield True
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free: bool | None = True
        except OSError as error:
            if error.errno not in HELD | NO_LOCKS:
                raise
            free = False if error.errno in HELD else None
        yield free
    finally:
        os.close(descriptor)


def _open_to_remove(location: Location, manifest: str) -> int | None:
    path = location.path(manifest)
    with contextlib.suppress(FileNotFoundError):
        try:
            # Where locks go over a network, an exclusive one needs a file that is open to write.
            return os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except PermissionError:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    return None


def _same(location: Location, manifest: str, descriptor: int) -> bool:
    try:
        there = location.path(manifest).stat()
    except FileNotFoundError:
        return False
    here = os.fstat(descriptor)
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


__all__ = ["HELD", "NO_LOCKS", "Lease", "lease", "removing"]
