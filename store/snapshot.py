"""Snapshots: written aside, checked, then published by replacing CURRENT.

    policy.toml   CURRENT   snapshots/000001/manifest.json, TABLE/part-*.parquet, index/*.faiss,
    index/cells.parquet

`begin` gives a draft to write tables and indexes into; `publish` lists its files in a manifest and
makes it the live snapshot. A reader sees the snapshot before or the one after, whole. Paths in a
manifest are relative to the store, so that a snapshot may refer to an earlier one's files.

Locally a draft is a folder of its own, ``000001.draft``, that a rename makes final. Object stores
have no rename: there a draft has its final name, and is live only once CURRENT names it.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import IO, Any

import fsspec
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from tracemine.schemas.arrow import TABLES
from tracemine.store.cells import CELLS_FILE
from tracemine.store.errors import RequestError, SchemaVersionError, StoreError
from tracemine.store.index import INDEXED, KIND, index_file, numbers_of, read_index
from tracemine.store.policy import (
    DEFAULT_TEXT,
    POLICY_FILE,
    Policy,
    parse_policy,
    policy_hash,
)
from tracemine.store.tables import open_whole, read_files, shard_name, write_shard

#: Raised when a store is written that earlier versions must not read.
SCHEMA_VERSION = 5

CURRENT = "CURRENT"
SNAPSHOTS = "snapshots"
MANIFEST = "manifest.json"
#: Held by the one run that writes to a store; worth nothing once that run has ended.
LOCK = ".lock"

#: Distributions whose versions decide what a store holds.
DECIDING = (
    "tracemine", "faiss-cpu", "hdbscan", "math-verify", "pydantic-monty", "sentence-transformers",
    "sympy", "torch",
)  # fmt: skip

_NUMBER = re.compile(r"\d{6,}\n?")
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Location:
    """A store's folder on its file system: a local path, or any fsspec URL."""

    fs: Any
    root: str

    @classmethod
    def of(cls, store: str) -> Location:
        """The location that a person's ``store`` names; local ones are made absolute.

        Raises:
            RequestError: if nothing is installed that reads such a URL.
        """
        try:
            fs, root = fsspec.core.url_to_fs(os.fspath(store))
        except (ImportError, ValueError) as error:
            raise RequestError(f"cannot use the store {store}: {error}") from error
        return cls(fs, root.rstrip("/") or "/")

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

    def read(self, name: str) -> bytes:
        """The content of ``name``; OSError if it cannot be read."""
        return bytes(self.fs.cat_file(self.inner(name)))

    def exists(self, name: str) -> bool:
        """Whether there is a file or folder ``name``."""
        return bool(self.fs.exists(self.inner(name)))

    def files_under(self, name: str) -> list[str]:
        """Every file below the folder ``name``, relative to the store, sorted."""
        found = self.fs.find(self.inner(name))
        return sorted(path[len(self.root) :].lstrip("/") for path in found)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A published snapshot: where its store is, its number, its manifest."""

    location: Location
    number: str
    manifest: Mapping[str, Any]

    def files(self, table: str) -> list[str]:
        """The live files of a table, as `fsspec.open` and DuckDB read them, in order."""
        entries = self.manifest["files"]
        return [self.location.url(f["path"]) for f in entries if f.get("table") == table]

    def index(self, table: str) -> str:
        """The file of a table's index.

        Raises:
            StoreError: if the manifest lists none.
        """
        for entry in self.manifest["files"]:
            if entry.get("index") == table:
                return self.location.url(entry["path"])
        raise StoreError(
            f"snapshot {self.number} of {self.location.url()} has no index of {table}: "
            "run tracemine fsck"
        )

    @property
    def policy(self) -> Policy:
        """The policy that the snapshot was made under."""
        return Policy.from_values(self.manifest["policy"]["values"])


@dataclass(slots=True)
class Draft:
    """A snapshot that is being written. ``folder`` is where tables and indexes go, ``ledger`` a
    file that the run may leave in it and must `remove` before publishing. Close a draft that is
    not published with `abandon`."""

    location: Location
    number: str
    parent: str | None
    policy: Policy
    name: str
    _lock: IO[str] | None = field(default=None, repr=False)

    @property
    def folder(self) -> str:
        """The draft's folder: an absolute path, or a URL."""
        return self.location.url(self.name)

    @property
    def ledger(self) -> str:
        """Where the counts of a run may stand until they go into the manifest."""
        return f"{self.folder}/ledger.json"

    def remove(self, path: str) -> None:
        """Remove one of the draft's files."""
        _, inner = fsspec.core.url_to_fs(path)
        self.location.fs.rm_file(inner)

    def abandon(self) -> None:
        """Remove what was written, and let other runs write to the store."""
        try:
            if self.location.exists(self.name):
                self.location.fs.rm(self.location.inner(self.name), recursive=True)
        finally:
            self.release()

    def release(self) -> None:
        """Let other runs write to the store; what was written stays until the next draft."""
        if self._lock:
            # Said aloud, because a worker forked meanwhile still has the file open.
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            self._lock.close()
            self._lock = None


def begin(store: str, *, refresh: bool = False) -> Draft:
    """A draft of the next snapshot of ``store``, which is made if there is none: its policy.toml
    first, with defaults if there is no such file yet. What an interrupted run left is removed.

    Args:
        refresh: add to what is published. Without it a store that has a snapshot is refused.

    Raises:
        RequestError: if the folder cannot be written, is something else than a store, has a
            snapshot already, or another run is writing to it.
    """
    location = Location.of(store)
    try:
        _check_folder(location, store)
        _refuse_published(location, store, refresh)
        location.fs.makedirs(location.inner(SNAPSHOTS), exist_ok=True)
        lock = _take_lock(location, store)
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"cannot write the store {store}: {_say(error)}") from error
    draft = None
    try:
        # Asked again: another run may have published before we had the lock.
        current = _refuse_published(location, store, refresh)
        if not location.exists(POLICY_FILE):
            _write(location, POLICY_FILE, DEFAULT_TEXT.encode())
        policy = parse_policy(location.read(POLICY_FILE).decode("utf-8"))
        number = f"{int(current or 0) + 1:06d}"
        name = f"{SNAPSHOTS}/{number}" + (".draft" if location.local else "")
        for left_over in (name, f"{SNAPSHOTS}/{number}"):
            if location.exists(left_over):
                location.fs.rm(location.inner(left_over), recursive=True)
        location.fs.makedirs(location.inner(name), exist_ok=True)
        draft = Draft(location, number, current, policy, name, lock)
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"cannot write the store {store}: {_say(error)}") from error
    finally:
        if draft is None and lock:
            lock.close()
    return draft


def _refuse_published(location: Location, store: str, refresh: bool) -> str | None:
    """The number of the live snapshot; None if there is none.

    Raises:
        RequestError: if there is one, unless it is to be refreshed.
    """
    current = _current_number(location)
    if current and not refresh:
        raise RequestError(f"{store} already holds a store: choose a folder that is empty")
    return current


def publish(draft: Draft, fields: Mapping[str, Any]) -> str:
    """Make a draft the live snapshot; gives its number, e.g. ``000001``.

    ``fields`` go into the manifest beside what is found here (files with sha256, bytes and rows,
    the index's kind, the policy, versions). The manifest depends on the files and ``fields`` alone.
    A table without a file gets an empty one.

    Raises:
        StoreError: if an index does not fit its table, or another run has published meanwhile;
            the draft is kept.
    """
    location = draft.location
    _complete(draft)
    files = _list_files(draft)
    if _current_number(location) != draft.parent:
        raise StoreError(f"another run has published to {location.url()}: run again on top of it")
    manifest = {
        **fields,
        "schema_version": SCHEMA_VERSION,
        "snapshot": draft.number,
        "parent": draft.parent,
        "files": files,
        "index": {
            f["index"]: {"kind": KIND, "metric": "inner product", "entries": f["rows"]}
            for f in files
            if "index" in f
        },
        "policy": {"hash": policy_hash(draft.policy), "values": draft.policy.values()},
        "versions": _versions(),
    }
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    _write(location, f"{draft.name}/{MANIFEST}", text.encode())
    final = f"{SNAPSHOTS}/{draft.number}"
    if location.local:
        _sync_tree(Path(location.inner(draft.name)))
        Path(location.inner(draft.name)).rename(location.inner(final))
        _sync(Path(location.inner(SNAPSHOTS)))
    _write(location, CURRENT, f"{draft.number}\n".encode())
    if location.local:
        _sync(Path(location.root))
    draft.release()
    return draft.number


def open_snapshot(store: str) -> Snapshot:
    """The live snapshot of ``store``.

    Raises:
        StoreError: if there is no store, or CURRENT or the manifest is damaged.
        SchemaVersionError: if another schema version wrote it.
    """
    location = Location.of(store)
    number = _current_number(location)
    if number is None:
        hint = "the run that made it did not finish" if location.exists(SNAPSHOTS) else "no CURRENT"
        raise StoreError(f"no store at {store} ({hint}): make one with tracemine mine")
    return Snapshot(location, number, load_manifest(location, number))


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
        raise StoreError(f"{name} cannot be read ({_say(error)}): run tracemine fsck") from error
    except ValueError as error:
        raise StoreError(f"{name} is damaged ({_say(error)}): run tracemine fsck") from error
    if not isinstance(manifest, dict):
        raise StoreError(f"{name} is damaged (not an object): run tracemine fsck")
    if "schema_version" not in manifest:
        raise StoreError(f"{name} is damaged (lacks schema_version): run tracemine fsck")
    version = manifest["schema_version"]
    if version != SCHEMA_VERSION:
        raise SchemaVersionError(
            f"{name} has schema version {version}, this tracemine reads {SCHEMA_VERSION}: "
            "use the version that wrote the store"
        )
    missing = [key for key in ("files", "policy", "embedder") if key not in manifest]
    if missing or manifest.get("snapshot") != number:
        raise StoreError(f"{name} is damaged (lacks {', '.join(missing) or 'its own number'})")
    return manifest


def read_table(snapshot: Snapshot, table: str) -> Any:
    """The rows of a table of ``snapshot`` as a `pyarrow.Table`."""
    return read_files(table, snapshot.files(table))


def file_sha256(location: Location, name: str) -> str:
    """The sha256 of a file of the store, in hexadecimal."""
    digest = hashlib.sha256()
    with location.fs.open(location.inner(name), "rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def count_rows(location: Location, name: str) -> int:
    """The rows of a Parquet file, or the entries of an index.

    Raises:
        StoreError: if the file is neither, or damaged.
    """
    if name.endswith(".faiss"):
        return int(read_index(location.url(name)).ntotal)
    try:
        with location.fs.open(location.inner(name), "rb") as stream:
            return int(pq.read_metadata(stream).num_rows)
    except (OSError, ValueError) as error:
        raise StoreError(f"{name} is damaged: {_say(error)}") from error


def _current_number(location: Location) -> str | None:
    """The live snapshot's number, None if there is no CURRENT."""
    try:
        text = location.read(CURRENT).decode("ascii", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreError(f"cannot read {location.url(CURRENT)}: {_say(error)}") from error
    if not _NUMBER.fullmatch(text):
        raise StoreError(
            f"{location.url(CURRENT)} is damaged ({text[:20]!r}): "
            f"write the number of the last folder in {SNAPSHOTS}/ into it"
        )
    return text.strip()


def _check_folder(location: Location, store: str) -> None:
    if not location.exists(""):
        return
    if location.fs.isfile(location.root):
        raise RequestError(f"{store} is a file: give the folder of a store")


def _take_lock(location: Location, store: str) -> IO[str] | None:
    if not location.local:
        return None
    lock = Path(location.inner(LOCK)).open("w")  # noqa: SIM115 - held until the draft is closed
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            message = f"another run is writing to {store}: wait for it, or end it"
            raise RequestError(message) from error
        if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
            return None  # The file system has no locks; publish still sees another's CURRENT.
        raise
    return lock


def _complete(draft: Draft) -> None:
    """Give every table at least one file, so that DuckDB can read it."""
    for table in TABLES:
        folder = f"{draft.name}/{table}"
        exists = draft.location.exists(folder)
        if not exists or not draft.location.files_under(folder):
            write_shard([], table, f"{draft.folder}/{table}/{shard_name(0, 1)}")


def _list_files(draft: Draft) -> list[dict[str, Any]]:
    """The draft's tables and indexes, by path as published; what else lies there (leftovers of
    attempts that a runner gave up) is removed."""
    location, files = draft.location, []
    final = f"{SNAPSHOTS}/{draft.number}"
    entries = {index_file(table): table for table in INDEXED}
    for name in location.files_under(draft.name):
        inside = name[len(draft.name) + 1 :]
        kind: dict[str, Any] = {}
        table, _, rest = inside.partition("/")
        if inside in entries:
            kind["index"] = entries[inside]
        elif table in TABLES and rest.endswith(".parquet") and "/" not in rest:
            kind["table"] = table
        elif inside == CELLS_FILE:
            kind["cells"] = True
        else:
            location.fs.rm_file(location.inner(name))
            continue
        files.append(
            {
                "path": f"{final}/{inside}",
                "sha256": file_sha256(location, name),
                "bytes": int(location.fs.size(location.inner(name))),
                "rows": count_rows(location, name),
                **kind,
            }
        )
    for table in INDEXED:
        rows = sum(f["rows"] for f in files if f.get("table") == table)
        _check_index(draft, table, rows, [f for f in files if f.get("index") == table])
    return files


def _check_index(draft: Draft, table: str, rows: int, found: list[dict[str, Any]]) -> None:
    entries = found[0]["rows"] if found else 0
    if entries != rows:
        raise StoreError(f"the index of {table} has {entries} entries, the table {rows} rows")
    if found:
        numbers = numbers_of(read_index(f"{draft.folder}/{index_file(table)}"))
        if len(set(numbers.tolist())) != entries:
            raise StoreError(f"the index of {table} holds an entry twice")


def _versions() -> dict[str, str]:
    found = {}
    for name in DECIDING:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _write(location: Location, name: str, content: bytes) -> None:
    """Replace the content of a small file at once, and see it to the disk."""
    with open_whole(location.url(name)) as stream:
        stream.write(content)
        if location.local:
            stream.flush()
            os.fsync(stream.fileno())


def _sync_tree(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _say(error: Exception) -> str:
    """An error of the system in a few words, on one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
