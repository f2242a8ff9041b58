"""Responses by the key of their request: what was paid for once is not asked again.

    ROOT/ab/abcd....json       one response each, with its key and a checksum
    ROOT/unfinished/           files that are being written (local only)

ROOT is a folder or any URL that fsspec opens. Many processes may write to one cache, and a kill at
any moment leaves each entry whole or absent: locally an entry is written aside and then put in its
place, on an object store it is one put of a whole object. A file system that has neither (FTP, say)
can leave a cut entry behind. What is damaged in whatever way is a miss: it is counted, logged in
one line, and written anew with the next response.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import re
import stat
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar

import fsspec
from fsspec.implementations.local import LocalFileSystem

from tracemine.schemas import content_id
from tracemine.teachers.base import TeacherError
from tracemine.teachers.model.requests import Request, Response

_LOGGER = logging.getLogger(__name__)

#: `TeacherError.reason` of a question whose entry cannot be reached. It is not asked: whoever pays
#: for it would pay again for each that is in the cache.
CACHE_UNREACHABLE = "cache unreachable"

#: Raised when entries are written that earlier versions must not read.
ENTRY_VERSION = 1
#: Bytes of the longest entry that is read: an answer of a million tokens is a tenth of it.
MOST_BYTES = 64 << 20
#: Files read and written at once, of one worker process. A remote one takes tens of milliseconds.
THREADS = 16
#: Seconds after which a file that is still being written belongs to a process that is gone.
LEFT_OVER = 24 * 3600.0
#: Attempts to reach an entry of a remote cache, and seconds before the second, doubled after that.
REACH_ATTEMPTS = 4
REACH_PAUSE = 0.5
#: Lines that are logged of each kind of trouble; the rest is only counted.
MOST_LINES = 20

_UNFINISHED = "unfinished"
_KEY = re.compile(r"[0-9a-f]{32}")
#: A folder of entries.
_FOLDER = re.compile(r"[0-9a-f]{2}")

T = TypeVar("T")


class CacheError(ValueError):
    """A cache that cannot be used at all: one line that says why. Not for a single entry."""


class _DamagedError(Exception):
    """An entry that is there and worth nothing; the text is one of a few fixed ones."""


class ResponseCache:
    """Responses by request key. Made by `open`, once in each process.

    Attributes:
        url: where it is, as it was given.
        corrupt: entries found damaged so far.
        unwritten: responses that could not be kept so far.
    """

    def __init__(self, url: str, fs: Any, root: str) -> None:
        self.url = url
        self.corrupt = 0
        self.unwritten = 0
        self._fs = fs
        self._root = root.rstrip("/")
        self._local = isinstance(fs, LocalFileSystem)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="response-cache")
        self._lock = threading.Lock()

    @classmethod
    def open(cls, url: str) -> Self:
        """The cache at ``url``, a folder or any fsspec URL; it is made if there is none. What
        killed processes left half written is removed.

        Raises:
            CacheError: if nothing is installed that opens the URL, or the folder cannot be written.
        """
        if not os.fspath(url):
            raise CacheError("a cache needs a folder or a URL")
        try:
            fs, root = _reached(fsspec.core.url_to_fs, os.fspath(url))
        except OSError as error:
            raise CacheError(f"cannot use the cache {_shown(url)}: {_said(error)}") from error
        cache = cls(os.fspath(url), fs, root)
        try:
            if cache._local:
                cache._clear_left_over()
            cache._probe()
        except (OSError, ValueError) as error:
            raise CacheError(f"cannot write the cache {_shown(url)}: {_said(error)}") from error
        return cache

    @staticmethod
    def has_entries(url: str) -> bool:
        """Whether anything is kept at ``url``. Makes nothing there.

        Raises:
            CacheError: if nothing is installed that opens the URL, or it does not say.
        """
        try:
            fs, root = _reached(fsspec.core.url_to_fs, os.fspath(url))
            inside = _reached(fs.ls, root, False)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise CacheError(f"cannot use the cache {_shown(url)}: {_said(error)}") from error
        return any(_FOLDER.fullmatch(name.rstrip("/").rpartition("/")[2]) for name in inside)

    async def get(self, request: Request) -> Response | None:
        """The response to ``request``, None if there is none that can be read.

        Raises:
            TeacherError: `CACHE_UNREACHABLE`, if a remote cache does not say whether there is one.
        """
        key = request.key()
        # What is not there is most of a first run, and takes a thread longer to say than a look.
        if self._local and _is_absent(self._path(key)):
            return None
        return await self._run(self._read, key)

    async def put(self, request: Request, response: Response) -> Response:
        """Keep a response, whole or not at all, and give the one that is kept: an earlier one, if
        another process asked the same meanwhile. Models answer the same question in several ways,
        and a run and all that come after it are to go by one. (On an object store, two that are put
        at the very same moment may each be taken for the first.)

        If it cannot be kept, that is counted and logged, and no error: it is paid for and of use.
        Cancelling who waits for this does not stop it."""
        entry = _written(request, response)
        earlier = await self._run(self._write, request.key(), entry)
        return earlier or response

    def close(self) -> None:
        """Wait for what is being written, and let the threads go."""
        self._threads.shutdown(wait=True)

    async def _run(self, work: Callable[..., T], *arguments: Any) -> T:
        running = asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        return await asyncio.shield(running)

    def _path(self, key: str) -> str:
        return f"{self._root}/{_name(key)}"

    def _read(self, key: str) -> Response | None:
        try:
            raw = self._bytes(key)
            return None if raw is None else _response(raw, key)
        except _DamagedError as damage:
            with self._lock:
                self.corrupt += 1
                told = self.corrupt
            _log(
                told,
                "cache entry %s is damaged (%s): it is asked anew",
                _name(key),
                damage,
            )
            return None

    def _bytes(self, key: str) -> bytes | None:
        """The content of an entry, None if there is none."""
        if self._local:
            return _local_bytes(self._path(key))
        pause = REACH_PAUSE
        for attempt in range(REACH_ATTEMPTS):
            try:
                # Not a range of it: S3 has no range of an object that is empty.
                return bytes(_reached(self._fs.cat_file, self._path(key)))
            except (FileNotFoundError, NotADirectoryError):
                return None
            except IsADirectoryError as error:
                raise _DamagedError("a folder") from error
            except OSError as error:
                if attempt == REACH_ATTEMPTS - 1:
                    raise TeacherError(CACHE_UNREACHABLE, _said(error)) from error
                time.sleep(pause)
                pause *= 2
        return None

    def _write(self, key: str, entry: bytes) -> Response | None:
        """Put an entry in its place, unless a sound one is there: that is given then."""
        try:
            if self._local:
                return self._link(Path(self._path(key)), key, entry)
            earlier = self._kept(key)
            if earlier is None:
                _reached(self._fs.pipe_file, self._path(key), entry)
            return earlier
        except OSError as error:
            with self._lock:
                self.unwritten += 1
                told = self.unwritten
            _log(told, "cache entry %s cannot be written (%s)", _name(key), _said(error))
            return None

    def _kept(self, key: str) -> Response | None:
        """The response of a sound entry, None where there is none, for whatever reason."""
        path = self._path(key)
        try:
            raw = _local_bytes(path) if self._local else _reached(self._fs.cat_file, path)
            return None if raw is None else _response(bytes(raw), key)
        except (OSError, _DamagedError):
            return None

    def _link(self, final: Path, key: str, entry: bytes) -> Response | None:
        """Write a local entry aside, then put it in its place if that is free, or what stands there
        is of no use; else give what stands there."""
        aside = self._aside(final.name)
        try:
            with aside.open("xb") as stream:
                stream.write(entry)
                stream.flush()
                # A rename may reach the disk before what it renames.
                os.fsync(stream.fileno())
            # Whatever is wrong with the folder, or with links, a rename tells or does without.
            with suppress(OSError):
                final.parent.mkdir(exist_ok=True)
            try:
                # Unlike a rename, this takes nobody's place.
                os.link(aside, final)
                return None
            except FileExistsError:
                if (earlier := self._kept(key)) is not None:
                    return earlier
            except OSError:
                pass
            try:
                aside.replace(final)
            except OSError as error:
                self._make_way(final, error)
                aside.replace(final)
            return None
        finally:
            with suppress(OSError):
                aside.unlink(missing_ok=True)

    def _make_way(self, final: Path, error: OSError) -> None:
        """What kept an entry from its place is gone after this: there were no folders yet, or
        something else stands where an entry or its folders should."""
        if error.errno == errno.EISDIR:
            with suppress(FileNotFoundError):
                final.rename(self._aside(final.name))
        folder = final.parent
        if error.errno == errno.ENOTDIR and folder.exists() and not folder.is_dir():
            with suppress(FileNotFoundError):
                folder.rename(self._aside(folder.name))
        final.parent.mkdir(parents=True, exist_ok=True)

    def _aside(self, name: str) -> Path:
        return Path(self._root, _UNFINISHED, f"{name}.{uuid.uuid4().hex}")

    def _probe(self) -> None:
        """Write a file and remove it: a run must not find out after days of paying that nothing
        was kept, and to S3 a bucket that does not exist has no entries."""
        probe = self._aside("probe")
        if self._local:
            probe.write_bytes(b"")
            probe.unlink()
        else:
            _reached(self._fs.pipe_file, str(probe), b"")
            _reached(self._fs.rm_file, str(probe))

    def _clear_left_over(self) -> None:
        """Remove what killed processes left half written. Makes the folder if there is none."""
        folder = Path(self._root, _UNFINISHED)
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.iterdir():
            # Another process that opens the cache clears it too.
            with suppress(OSError):
                seen = left.lstat()
                if stat.S_ISREG(seen.st_mode) and time.time() - seen.st_mtime > LEFT_OVER:
                    left.unlink()


def _reached(call: Callable[..., T], *arguments: Any) -> T:
    """What a remote file system gives; whatever it raises is an OSError. Most are from the start,
    but that there is no server is an error of botocore's own, and others have theirs."""
    try:
        return call(*arguments)
    except OSError:
        raise
    except Exception as error:
        raise OSError(errno.EIO, _said(error)) from error


def _name(key: str) -> str:
    """Where an entry is in its cache."""
    assert _KEY.fullmatch(key)
    return f"{key[:2]}/{key}.json"


def _is_absent(path: str) -> bool:
    """Whether nothing stands at ``path``, and nothing stands in its way."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _local_bytes(path: str) -> bytes | None:
    try:
        # A pipe would otherwise keep its reader waiting for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _DamagedError(_said(error)) from error
    try:
        kind = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(kind):
            raise _DamagedError("a folder" if stat.S_ISDIR(kind) else "no file")
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            return stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise _DamagedError(_said(error)) from error
    finally:
        os.close(descriptor)


def _written(request: Request, response: Response) -> bytes:
    """An entry's content. Halves of surrogate pairs, which a model's text may hold, come through
    as they are."""
    fields = {
        "text": response.text,
        "finish_reason": response.finish_reason,
        "refusal": response.refusal,
        "prompt_tokens": response.prompt_tokens,
        "completion_tokens": response.completion_tokens,
    }
    key = request.key()
    entry = {
        "version": ENTRY_VERSION,
        "key": key,
        "model": request.model,
        "response": fields,
        "checksum": _checksum(key, request.model, fields),
    }
    return json.dumps(entry, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")


def _response(raw: bytes, key: str) -> Response:
    """The response of an entry's content.

    Raises:
        _DamagedError: if it is not whole, or another request's.
    """
    if len(raw) > MOST_BYTES:
        raise _DamagedError("too long")
    try:
        entry = json.loads(raw.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise _DamagedError("empty" if not raw else "not JSON") from error
    if not isinstance(entry, dict):
        raise _DamagedError("not an object")
    if entry.get("version") != ENTRY_VERSION:
        raise _DamagedError("of another version")
    if entry.get("key") != key:
        raise _DamagedError("another request's")
    fields = entry.get("response")
    if not isinstance(fields, dict) or not _sound(fields):
        raise _DamagedError("not a response")
    if entry.get("checksum") != _checksum(key, entry.get("model"), fields):
        raise _DamagedError("its checksum is another")
    return Response(**fields)


def _sound(fields: dict[str, Any]) -> bool:
    """Whether these are a `Response`'s fields, each of its type."""
    names = ("text", "finish_reason", "refusal", "prompt_tokens", "completion_tokens")
    if fields.keys() != set(names):
        return False
    text, finish_reason, refusal, *tokens = (fields[name] for name in names)
    return (
        isinstance(text, str)
        and isinstance(finish_reason, str)
        and (refusal is None or isinstance(refusal, str))
        and all(type(count) is int and count >= 0 for count in tokens)
    )


def _checksum(key: str, model: Any, fields: dict[str, Any]) -> str:
    return content_id("cached response", key, model, fields)


def _log(told: int, line: str, *arguments: Any) -> None:
    if told <= MOST_LINES:
        _LOGGER.warning(line, *arguments)
    if told == MOST_LINES:
        _LOGGER.warning("more lines like this one are left out")


def _said(error: BaseException) -> str:
    """An error in a few words on one line, without the paths and URLs it may name."""
    if isinstance(error, OSError) and error.strerror:
        return " ".join(str(error.strerror).split())[:200]
    if isinstance(error, ImportError | ValueError):
        return " ".join(str(error).split())[:200]
    return type(error).__name__


def _shown(url: Any) -> str:
    """A URL without the name and password that it may hold."""
    return re.sub(r"//[^/@\s]*@", "//", os.fspath(url))


__all__ = ["CACHE_UNREACHABLE", "CacheError", "ResponseCache"]
