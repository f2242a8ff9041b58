"""manifest.json: what a snapshot is, how it was made, and its files as they were written."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import pyarrow.parquet as pq

from tracemine.store.cards import count_cards
from tracemine.store.errors import SchemaVersionError, StoreError
from tracemine.store.index import numbers_of, read_index
from tracemine.store.location import Location, file_sha256, say

#: Raised when a store is written that earlier versions must not read.
SCHEMA_VERSION = 10
#: The oldest that is read: from 10 on a store keeps the vectors of summaries. From 6 on a manifest
#: is sealed.
OLDEST_READ, SEALED = 10, 6

#: The folder of all snapshots in a store, and the name of the file in each.
SNAPSHOTS, MANIFEST = "snapshots", "manifest.json"
#: The key of a manifest that has the sha256 of all others.
SEAL = "seal"

#: What a manifest must say of how its snapshot was made, besides what it cannot be read without.
MANIFEST_KEYS = ("parent", "as_of", "inputs", "teacher", "index", "versions")

_FOLDER = re.compile(r"\d{6,}")
_LISTED = re.compile(r"snapshots/\d{6,}/[^/]+/[^/]+")


def manifest_of(number: str) -> str:
    """The path in a store of the manifest of snapshot ``number``."""
    return f"{SNAPSHOTS}/{number}/{MANIFEST}"


def numbers_in(location: Location) -> list[str]:
    """The numbers for which a store has a folder, of a snapshot or of what is left of one, in
    order; drafts have another name, but where there are no locks."""
    return sorted(filter(_FOLDER.fullmatch, location.names_in(SNAPSHOTS)), key=int)


def dump_manifest(manifest: Mapping[str, Any]) -> str:
    """The text of a manifest, with its seal."""
    plain = json.loads(json.dumps(manifest))  # As it will be read: keys are texts.
    sealed = {**plain, SEAL: _seal(plain)}
    return json.dumps(sealed, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _seal(manifest: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in manifest.items() if key != SEAL}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def load_manifest(location: Location, number: str) -> dict[str, Any]:
    """The manifest of snapshot ``number``.

    Raises:
        StoreError: if it is missing or damaged.
        SchemaVersionError: if it is of another schema version.
    """
    # With the store's own path: who has several must see which of them it is.
    name = location.url(f"{SNAPSHOTS}/{number}/{MANIFEST}")
    try:
        manifest: Any = json.loads(location.read(f"{SNAPSHOTS}/{number}/{MANIFEST}"))
    except OSError as error:
        raise StoreError(f"{name} cannot be read ({say(error)}): run tracemine fsck") from error
    except ValueError as error:
        raise StoreError(f"{name} is damaged ({say(error)}): run tracemine fsck") from error
    if not isinstance(manifest, dict):
        raise StoreError(f"{name} is damaged (not an object): run tracemine fsck")
    if "schema_version" not in manifest:
        raise StoreError(f"{name} is damaged (lacks schema_version): run tracemine fsck")
    version = manifest["schema_version"]
    if type(version) is not int or not OLDEST_READ <= version <= SCHEMA_VERSION:
        raise SchemaVersionError(
            f"{name} has schema version {version}, this tracemine reads {SCHEMA_VERSION}: "
            "use the version that wrote the store"
        )
    missing = [key for key in ("files", "policy", "embedder") if key not in manifest]
    if missing or manifest.get("snapshot") != number:
        raise StoreError(f"{name} is damaged (lacks {', '.join(missing) or 'its own number'})")
    if (SEAL in manifest or version >= SEALED) and manifest.get(SEAL) != _seal(manifest):
        raise StoreError(f"{name} is damaged (not what was written): run tracemine fsck")
    if wrong := next((f for f in manifest["files"] if not _is_entry(f)), None):
        raise StoreError(f"{name} is damaged (lists {str(wrong)[:80]}): run tracemine fsck")
    return manifest


def _is_entry(entry: Any) -> bool:
    """Whether this may stand in a manifest's list of files; none leads out of the store."""
    return (
        isinstance(entry, dict)
        and isinstance(path := entry.get("path"), str)
        and _LISTED.fullmatch(path) is not None
        and not {".", ".."} & set(path.split("/"))
        and isinstance(entry.get("sha256"), str)
        and all(isinstance(entry.get(key), int) for key in ("rows", "bytes"))
    )


def check_size(location: Location, entry: Mapping[str, Any]) -> None:
    """Nothing, if the file that ``entry`` of a manifest lists is there and as long as it was.

    Raises:
        StoreError: if it is not, or nobody can say.
    """
    path = location.url(entry["path"])
    try:
        size = location.size(entry["path"])
    except FileNotFoundError as error:
        raise StoreError(f"{path} is missing: run tracemine fsck") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({say(error)}): run tracemine fsck") from error
    if size != entry["bytes"]:
        raise StoreError(f"{path} has {size} bytes, not {entry['bytes']}: run tracemine fsck")


def check_file(location: Location, entry: Mapping[str, Any]) -> None:
    """Nothing, if the file that ``entry`` of a manifest lists is what was written.

    Raises:
        StoreError: if it is missing or not what was written.
    """
    path = location.url(entry["path"])
    try:
        found = file_sha256(location, entry["path"])
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({say(error)}): run tracemine fsck") from error
    if found != entry["sha256"]:
        raise StoreError(f"{path} is not what was written: run tracemine fsck")


def count_rows(location: Location, name: str) -> int:
    """The rows of a Parquet file, the entries of an index, or the number of cards.

    Raises:
        StoreError: if the file is neither, or damaged.
    """
    if name.endswith(".cards"):
        return count_cards(location.url(name))
    if name.endswith(".faiss"):
        return len(numbers_of(read_index(location.url(name))))
    try:
        with location.fs.open(location.inner(name), "rb") as stream:
            return int(pq.read_metadata(stream).num_rows)
    except (OSError, ValueError) as error:
        raise StoreError(f"{name} is damaged: {say(error)}") from error


def is_before(time: Any, other: Any) -> bool:
    """Whether both are ISO 8601 times (UTC where no zone is given), ``time`` the earlier one."""
    try:
        first, second = (datetime.datetime.fromisoformat(t) for t in (time, other))
    except (TypeError, ValueError):
        return False
    if first.tzinfo is None:
        first = first.replace(tzinfo=datetime.UTC)
    if second.tzinfo is None:
        second = second.replace(tzinfo=datetime.UTC)
    return first < second


__all__ = [
    "MANIFEST",
    "MANIFEST_KEYS",
    "SCHEMA_VERSION",
    "SNAPSHOTS",
    "check_file",
    "check_size",
    "count_rows",
    "dump_manifest",
    "is_before",
    "load_manifest",
    "manifest_of",
    "numbers_in",
]
