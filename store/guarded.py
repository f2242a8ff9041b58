"""Small files that several may replace: each only if it still is what was read.

S3 compares entity tags (``If-Match``, ``If-None-Match``), Google Cloud Storage generations
(``ifGenerationMatch``). In memory a lock of the process guards the file. A local store has a lock
of its own (see `snapshot`), under which a look before writing is enough. Other file systems have
no such check: there too it is a look before writing, and who writes within the moment between the
two is overwritten.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tracemine.store.location import Location, reached

#: Reads of a file that is being replaced before one is given up.
_ATTEMPTS = 8

#: What an S3 service says when the condition does not hold, or two requests met.
_REFUSALS = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})

_in_process = threading.Lock()


class ChangedError(Exception):
    """A file that is no longer what was read: somebody else has written it. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a file was when it was read: its ``content`` and the ``tag`` by which the file system
    tells it from any other, both None where there was none."""

    content: bytes | None
    tag: str | None


def look(location: Location, name: str) -> Seen:
    """The file ``name`` as it is now.

    Raises:
        OSError: if it cannot be read, other than because there is none.
    """
    for _ in range(_ATTEMPTS):
        before = _tag(location, name)
        if before is None:
            return Seen(None, None)
        try:
            content = location.read(name)
        except FileNotFoundError:
            continue
        if _kind(location) == "":
            return Seen(content, _digest(content))
        # Of the two requests, another's write may have come between.
        if _tag(location, name) == before:
            return Seen(content, before)
    raise OSError(f"{location.url(name)} is replaced faster than it can be read")


def replace(location: Location, name: str, content: bytes, seen: Seen) -> None:
    """Write ``content`` to the file ``name`` if that still is what was ``seen``. ``content`` is
    nobody else's: where the file has it already, an earlier attempt at this write got through.

    Raises:
        ChangedError: if it is not.
        OSError: if it cannot be written.
    """
    try:
        _WRITERS[_kind(location)](location, name, content, seen)
    except (ChangedError, OSError):
        # The answer was lost: the client sent the request again and met its own write, or gave up.
        if look(location, name).content != content:
            raise
    finally:
        location.forget()


def _kind(location: Location) -> str:
    protocol = location.fs.protocol
    names: Iterable[str] = (protocol,) if isinstance(protocol, str) else protocol
    return next((kind for name in names if (kind := _KINDS.get(name))), "")


#: Protocol -> what guards a file there.
_KINDS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}


def _tag(location: Location, name: str) -> str | None:
    location.forget()
    inner = location.inner(name)
    kind = _kind(location)
    try:
        if kind == "s3":
            bucket, key, _ = location.fs.split_path(inner)
            head = reached(location.fs.call_s3, "head_object", Bucket=bucket, Key=key)
            return str(head["ETag"])
        if kind == "gs":
            return str(reached(location.fs.info, inner)["generation"])
        return "" if reached(location.fs.exists, inner) else None
    except (FileNotFoundError, NotADirectoryError):
        return None


def _replace_s3(location: Location, name: str, content: bytes, seen: Seen) -> None:
    bucket, key, _ = location.fs.split_path(location.inner(name))
    condition = {"IfNoneMatch": "*"} if seen.tag is None else {"IfMatch": seen.tag}
    try:
        put = {"Bucket": bucket, "Key": key, "Body": content, **condition}
        reached(location.fs.call_s3, "put_object", **put)
    except FileNotFoundError as error:
        if seen.tag is None:
            raise
        raise ChangedError(name) from error  # It was removed.
    except OSError as error:
        if isinstance(error, FileExistsError) or _code(error) in _REFUSALS:
            raise ChangedError(name) from error
        raise


def _code(error: BaseException | None) -> str:
    """What an S3 service called an error that s3fs has translated."""
    while error is not None:
        response: Any = getattr(error, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
        error = error.__cause__ or error.__context__
    return ""


def _replace_gs(location: Location, name: str, content: bytes, seen: Seen) -> None:
    fs = location.fs
    bucket, key, *_ = fs.split_path(location.inner(name))
    parts = [
        b"--==0==\nContent-Type: application/json; charset=UTF-8\n\n",
        json.dumps({"name": key}).encode(),
        b"\n--==0==\nContent-Type: application/octet-stream\n\n",
        content,
        b"\n--==0==--",
    ]
    try:
        fs.call(
            "POST",
            f"{fs._location}/upload/storage/v1/b/{bucket}/o",
            uploadType="multipart",
            ifGenerationMatch=seen.tag or "0",
            headers={"Content-Type": 'multipart/related; boundary="==0=="'},
            data=b"".join(parts),
            json_out=True,
        )
    except FileExistsError as error:  # So gcsfs says 412.
        raise ChangedError(name) from error


def _replace_here(location: Location, name: str, content: bytes, seen: Seen) -> None:
    with _in_process:
        if look(location, name) != seen:
            raise ChangedError(name)
        location.write(name, content)


_WRITERS = {"s3": _replace_s3, "gs": _replace_gs, "": _replace_here}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


__all__ = ["ChangedError", "Seen", "look", "replace"]
