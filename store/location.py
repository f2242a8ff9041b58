"""Where a store is: a local folder or any fsspec URL, and what is done to the files in it.

Clients of object stores have errors of their own, of which some are no `OSError`; here all are.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import fsspec
from fsspec.implementations.local import LocalFileSystem

from tracemine.store.errors import RequestError
from tracemine.store.tables import open_whole

#: Bytes read at once when hashing a file.
_BLOCK = 1 << 20

#: What is said besides of errors that say too little, by the name of their class.
_ADVICE = {
    "NoCredentialsError": "say who you are as you do to the AWS command line, with AWS_PROFILE or "
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "PartialCredentialsError": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together",
    "PermissionError": "these credentials may not list what is there",
}

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Location:
    """A store's folder on its file system: a local path, or any fsspec URL."""

    fs: Any
    root: str

    @classmethod
    def of(cls, store: str) -> Location:
        """The location that a person's ``store`` names; local ones are made absolute. Looks whether
        an object store can be reached; what is there is not looked at.

        Raises:
            RequestError: if it names nothing, nothing is installed that reads such a URL, nobody
                answers there, it lets nobody in without other credentials, or there is no such
                bucket.
        """
        if not isinstance(store, str | os.PathLike) or not os.fspath(store).strip():
            raise RequestError(f"a store is a folder or a URL, not {store!r}")
        try:
            fs, root = reached(fsspec.core.url_to_fs, os.fspath(store))
            location = cls(fs, root.rstrip("/") or "/")
            if not location.local:
                location._knock()
        except (ImportError, OSError, ValueError) as error:
            kinds = (type(e).__name__ for e in (error.__cause__, error))
            advice = next((_ADVICE[kind] for kind in kinds if kind in _ADVICE), "")
            said = f"{say(error).rstrip('.')}{': ' if advice else ''}{advice}"
            raise RequestError(f"cannot use the store {store}: {said}") from error
        return location

    def _knock(self) -> None:
        """Nothing, if an object store gives an answer; OSError if it does not."""
        if "s3" not in self.fs.protocol:
            reached(self.fs.exists, self.root)
            return
        # Asked so because s3fs would make a bucket that is not there.
        bucket, key, _ = self.fs.split_path(self.root)
        if not bucket:
            raise ValueError("it names no bucket")
        asked = {"Bucket": bucket, "Prefix": f"{key}/" if key else "", "MaxKeys": 1}
        try:
            reached(self.fs.call_s3, "list_objects_v2", **asked)
        except FileNotFoundError as error:
            raise OSError(errno.ENOENT, f"there is no bucket {bucket}: make it first") from error

    @property
    def local(self) -> bool:
        """Whether the store is on this machine's own file system."""
        return isinstance(self.fs, LocalFileSystem)

    def inner(self, name: str) -> str:
        """The path of ``name`` as ``fs`` wants it."""
        return f"{self.root}/{name}" if name else self.root

    def url(self, name: str = "") -> str:
        """The path of ``name`` as `fsspec.open` wants it: a plain path where the store is local."""
        return self.inner(name) if self.local else str(self.fs.unstrip_protocol(self.inner(name)))

    def path(self, name: str = "") -> Path:
        """The path of ``name`` in a local store."""
        return Path(self.inner(name))

    def read(self, name: str) -> bytes:
        """The content of ``name``; OSError if it cannot be read."""
        return bytes(reached(self.fs.cat_file, self.inner(name)))

    def exists(self, name: str) -> bool:
        """Whether there is a file or folder ``name``."""
        self.forget()
        return bool(reached(self.fs.exists, self.inner(name)))

    def size(self, name: str) -> int:
        """The bytes of the file ``name``; OSError if there is none."""
        return int(reached(self.fs.size, self.inner(name)))

    def files_under(self, name: str) -> list[str]:
        """Every file below the folder ``name``, relative to the store, sorted."""
        self.forget()
        found = reached(self.fs.find, self.inner(name))
        return sorted(path[len(self.root) :].lstrip("/") for path in found)

    def names_in(self, name: str) -> list[str]:
        """The names of all that stands in the folder ``name``, sorted; none if there is none."""
        self.forget()
        try:
            found = reached(self.fs.ls, self.inner(name), detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted({str(path).rstrip("/").rpartition("/")[2] for path in found} - {""})

    def remove(self, name: str) -> None:
        """Remove the file ``name``, or the folder with all that is in it."""
        reached(self.fs.rm, self.inner(name), recursive=True)

    def write(self, name: str, content: bytes) -> None:
        """Replace the content of a small file at once, and see it to the disk."""
        with open_whole(self.url(name)) as stream:
            stream.write(content)
            if self.local:
                stream.flush()
                os.fsync(stream.fileno())

    def sync(self, name: str = "") -> None:
        """See a local folder's list of names, or a file, to the disk."""
        if self.local:
            _sync(self.path(name))

    def sync_tree(self, name: str) -> None:
        """See a local folder to the disk, with all that is in it."""
        if self.local:
            for path in sorted(self.path(name).rglob("*")):
                _sync(path)
            _sync(self.path(name))

    def forget(self) -> None:
        """Look at the store itself again: clients of object stores remember what they listed."""
        self.fs.invalidate_cache()


def file_sha256(location: Location, name: str) -> str:
    """The sha256 of a file of the store, in hexadecimal."""
    digest = hashlib.sha256()
    with reached(location.fs.open, location.inner(name), "rb") as stream:
        while block := reached(stream.read, _BLOCK):
            digest.update(block)
    return digest.hexdigest()


def reached(call: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """What a file system gives. Whatever it raises is an `OSError`, or tells what is missing to use
    it: that there are no credentials, or no server, is an error of the client's own. What we say
    ourselves goes through."""
    try:
        return call(*arguments, **named)
    except (ImportError, OSError, ValueError, RequestError):
        raise
    except Exception as error:
        raise OSError(errno.EIO, say(error)) from error


def say(error: Exception) -> str:
    """An error of the system in a few words, on one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


__all__ = ["Location", "file_sha256", "reached", "say"]
