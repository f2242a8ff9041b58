"""Snapshots: written aside, checked, then published by replacing CURRENT.

    policy.toml   CURRENT   snapshots/000001/manifest.json, TABLE/part-*.parquet, index/*.faiss,
    index/cells.parquet

`begin` gives a draft to write tables and indexes into; `publish` lists its files in a manifest and
makes it the live snapshot. A reader sees the snapshot before or the one after, whole, and keeps it
until it is closed (see `lease`). Paths in a manifest are relative to the store, so that a snapshot
may refer to an earlier one's files.

Locally a store has a lock that one run holds, and a draft is a folder of its own, ``000001.draft``,
that a rename makes final. Object stores have neither: there a run claims the next free number with
a file that only one can create, its draft has its final name, and is live only once CURRENT names
it, which is replaced only if nobody else has (see `guarded`).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import re
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

import fsspec
import numpy as np

from tracemine.schemas.arrow import TABLES
from tracemine.store import guarded
from tracemine.store.card_files import add_cards
from tracemine.store.cards import cards_file
from tracemine.store.cells import CELLS_FILE
from tracemine.store.errors import (
    PublishedMeanwhileError,
    RequestError,
    StoreError,
)
from tracemine.store.index import INDEXED, index_file, notes_file, numbers_of, read_index
from tracemine.store.index_notes import describe_indexes, read_notes, remove_notes
from tracemine.store.lease import HELD, NO_LOCKS, Lease, lease, removing
from tracemine.store.location import Location, file_sha256, reached, say
from tracemine.store.manifest import (
    MANIFEST,
    SCHEMA_VERSION,
    SNAPSHOTS,
    check_file,
    check_size,
    count_rows,
    dump_manifest,
    is_before,
    load_manifest,
    manifest_of,
    numbers_in,
)
from tracemine.store.policy import (
    DEFAULT_TEXT,
    POLICY_FILE,
    Policy,
    parse_policy,
    policy_hash,
)
from tracemine.store.tables import read_files, shard_name, write_shard
from tracemine.store.versions import deciding_versions

_LOGGER = logging.getLogger(__name__)

CURRENT = "CURRENT"
#: Held by the one run that writes to a store; worth nothing once that run has ended.
LOCK = ".lock"
#: In the folder of a draft where there are no locks: who has claimed its number.
CLAIM = "draft.json"
#: How the folder of a draft is called, after its number, where there are locks.
DRAFT = ".draft"
_NUMBER = re.compile(r"\d{6,}\n?")
_DRAFT_FOLDER = re.compile(r"\d{6,}" + re.escape(DRAFT))
#: Times that CURRENT is read again while what it named is being removed.
_OPENINGS = 20


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A published snapshot: where its store is, its number, its manifest. One that `open_snapshot`
    gave is kept until it is closed."""

    location: Location
    number: str
    manifest: Mapping[str, Any]
    lease: Lease | None = field(default=None, repr=False, compare=False)

    def close(self) -> None:
        """Let `gc` remove the snapshot once no other reader has it and it is not to be kept."""
        if self.lease:
            self.lease.close()

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def files(self, table: str) -> list[str]:
        """The live files of a table, as `fsspec.open` and DuckDB read them, in order."""
        entries = self.manifest["files"]
        return [self.location.url(f["path"]) for f in entries if f.get("table") == table]

    def check(self, *tables: str) -> None:
        """Nothing, if the files of ``tables`` are what was written: reads each once.

        Raises:
            StoreError: naming the first that is missing or not what was written.
        """
        for entry in self.manifest["files"]:
            if entry.get("table") in tables:
                check_file(self.location, entry)

    def index(self, table: str) -> str:
        """The file of a table's index.

        Raises:
            StoreError: if the manifest lists none.
        """
        return self.location.url(self._index_entry(table)["path"])

    def check_index(self, table: str) -> None:
        """Nothing, if a table's index is what was written.

        Raises:
            StoreError: if it is missing or not what was written.
        """
        check_file(self.location, self._index_entry(table))

    def cards(self, table: str) -> tuple[str, str] | None:
        """The file of a table's cards and its sha256; None where they are to be read from the
        table."""
        found = (f for f in self.manifest["files"] if f.get("cards_of") == table)
        entry = next(found, None)
        return None if entry is None else (self.location.url(entry["path"]), entry["sha256"])

    def _index_entry(self, table: str) -> Mapping[str, Any]:
        for entry in self.manifest["files"]:
            if entry.get("index") == table:
                found: Mapping[str, Any] = entry
                return found
        raise StoreError(
            f"snapshot {self.number} of {self.location.url()} has no index of {table}: "
            "run tracemine fsck"
        )

    @property
    def policy(self) -> Policy:
        """The policy that the snapshot was made under."""
        return _policy_of(self.manifest)


def _policy_of(manifest: Mapping[str, Any]) -> Policy:
    return Policy.from_values(manifest["policy"]["values"])


def _text_of_policy(location: Location) -> str:
    try:
        return location.read(POLICY_FILE).decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestError(f"{location.url(POLICY_FILE)} is no UTF-8: {error}") from error


@dataclass(slots=True)
class Draft:
    """A snapshot that is being written. ``folder`` is where tables and indexes go, ``ledger`` a
    file that the run may leave in it and must `remove` before publishing. Close a draft that is
    not published with `abandon`. ``parent_manifest`` is that of the snapshot ``parent``, on top of
    which it is published, and None if there is none."""

    location: Location
    number: str
    parent: str | None
    policy: Policy
    name: str
    parent_manifest: Mapping[str, Any] | None
    _seen: guarded.Seen = field(repr=False)
    _lock: IO[str] | None = field(default=None, repr=False)
    _claim: bytes | None = field(default=None, repr=False)

    @property
    def policy_of_parent(self) -> Policy:
        """That under which the entries are what they are: `policy` where there is no parent."""
        return _policy_of(self.parent_manifest) if self.parent_manifest else self.policy

    @property
    def policy_is_new(self) -> bool:
        """Whether entries of the parent were settled by another."""
        return self.policy != self.policy_of_parent

    @property
    def folder(self) -> str:
        """The draft's folder: an absolute path, or a URL."""
        return self.location.url(self.name)

    @property
    def ledger(self) -> str:
        """Where the counts of a run may stand until they go into the manifest."""
        return f"{self.folder}/ledger.json"

    @property
    def held(self) -> bool:
        """Whether the draft is still this run's own."""
        if self._claim is None:
            return self._lock is not None
        try:
            return self.location.read(f"{self.name}/{CLAIM}") == self._claim
        except FileNotFoundError:
            return False

    def remove(self, path: str) -> None:
        """Remove one of the draft's files."""
        _, inner = fsspec.core.url_to_fs(path)
        self.location.fs.rm_file(inner)

    def abandon(self) -> None:
        """Remove what was written, and let other runs write to the store."""
        try:
            if self.held and self.location.exists(self.name):
                self.location.remove(self.name)
        finally:
            self.release()

    def release(self) -> None:
        """Let other runs write to the store; what was written stays until the next draft, or, where
        there are no locks, until `gc`."""
        if self._lock:
            # Said aloud, because a worker forked meanwhile still has the file open.
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            self._lock.close()
            self._lock = None


def begin(store: str, *, refresh: bool = False, as_of: str | None = None) -> Draft:
    """A draft of the next snapshot of ``store``, which is made if there is none: its policy.toml
    first, with defaults if there is no such file yet. What an interrupted run left is removed, or,
    where there are no locks, left to `gc`.

    Args:
        refresh: add to what is published. Without it a store that has a snapshot is refused.
        as_of: the time that the snapshot will state, refused now if `publish` would refuse it.

    Raises:
        RequestError: if the folder cannot be written, is something else than a store, has a
            snapshot already, another run is writing to it, or ``as_of`` is before its snapshot's.
        StoreError: if CURRENT is damaged, or missing from a store of several snapshots.
    """
    location = Location.of(store)
    try:
        _check_folder(location, store)
        _refuse_published(location, store, refresh)
        location.fs.makedirs(location.inner(SNAPSHOTS), exist_ok=True)
        lock = take_lock(location, store)
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"cannot write the store {store}: {say(error)}") from error
    draft = None
    try:
        # Asked again: another run may have published before we had the lock.
        seen = _refuse_published(location, store, refresh)
        current = _number_of(location, seen)
        if current is None and len(whole := published_in(location)) > 1:
            # One may be that of a first run which was killed just before it was done.
            raise _without_current(location, whole[-1])
        manifest = load_manifest(location, current) if current else None
        _check_clock(as_of, manifest, location)
        if not location.exists(POLICY_FILE):
            if current is not None:
                raise RequestError(
                    f"{location.url(POLICY_FILE)} is not there, by which the store was kept: put "
                    f"it back (its values: manifest of {current}; an empty one is the defaults)"
                )
            location.write(POLICY_FILE, DEFAULT_TEXT.encode())
        policy = parse_policy(_text_of_policy(location))
        if lock:
            number = _next_number(location, current)
            name, claim = f"{SNAPSHOTS}/{number}{DRAFT}", None
        else:
            number, claim = _claim_number(location, current)
            name = f"{SNAPSHOTS}/{number}"
        location.fs.makedirs(location.inner(name), exist_ok=True)
        draft = Draft(location, number, current, policy, name, manifest, seen, lock, claim)
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"cannot write the store {store}: {say(error)}") from error
    finally:
        if draft is None and lock:
            lock.close()
    return draft


def _next_number(location: Location, current: str | None) -> str:
    """The number of the next snapshot, the one after ``current``; drafts of interrupted runs under
    later ones are removed. Snapshots that CURRENT never named or that were given up stay until the
    draft is published (`_give_up`); where a reader has one of these open they all do, since they
    may share files, and the next number is the one after them."""
    last = int(current or 0)
    for name in location.names_in(SNAPSHOTS):
        if _DRAFT_FOLDER.fullmatch(name) and int(name.removesuffix(DRAFT)) > last:
            location.remove(f"{SNAPSHOTS}/{name}")
    numbers = _numbers_after(location, current)
    with contextlib.ExitStack() as holds:
        if False in [holds.enter_context(removing(location, manifest_of(n))) for n in numbers]:
            return f"{int(numbers[-1]) + 1:06d}"
    return f"{last + 1:06d}"


def _numbers_after(location: Location, current: str | None) -> list[str]:
    return [number for number in numbers_in(location) if int(number) > int(current or 0)]


def _give_up(draft: Draft) -> None:
    """Remove what lies under the number of ``draft`` and later ones, so that it can take its own.

    Raises:
        StoreError: if a reader has opened one of these since the draft was begun.
    """
    location, current = draft.location, draft.parent
    numbers = _numbers_after(location, current)
    if not numbers or int(draft.number) > int(numbers[-1]):
        return
    with contextlib.ExitStack() as holds:
        if False in [holds.enter_context(removing(location, manifest_of(n))) for n in numbers]:
            raise StoreError(
                f"a snapshot of {location.url()} that was given up has been opened meanwhile: run "
                "again"
            )
        whole = [number for number in numbers if location.exists(manifest_of(number))]
        if whole:
            _LOGGER.warning(
                "%s names %s: what came after it is removed: %s",
                location.url(CURRENT),
                f"snapshot {current}" if current else "no snapshot",
                ", ".join(whole),
            )
        # Who is killed in between leaves none that lacks files.
        for number in whole:
            location.remove(manifest_of(number))
            location.sync(f"{SNAPSHOTS}/{number}")
        for number in numbers:
            location.remove(f"{SNAPSHOTS}/{number}")


def _claim_number(location: Location, current: str | None) -> tuple[str, bytes]:
    """A number that nobody else has claimed, and what the file says by which it is ours."""
    number = max(int(n) for n in (current or "0", *numbers_in(location)))
    while True:
        number += 1
        folder = f"{SNAPSHOTS}/{number:06d}"
        content = json.dumps({"claimed_by": uuid.uuid4().hex, "parent": current}).encode()
        try:
            guarded.replace(location, f"{folder}/{CLAIM}", content, guarded.Seen(None, None))
        except guarded.ChangedError:
            continue
        # The list may be older than a snapshot that was published since.
        if not location.exists(f"{folder}/{MANIFEST}"):
            return f"{number:06d}", content
        location.fs.rm_file(location.inner(f"{folder}/{CLAIM}"))


def _refuse_published(location: Location, store: str, refresh: bool) -> guarded.Seen:
    """CURRENT as it is.

    Raises:
        RequestError: if it names a snapshot, unless that is to be refreshed.
    """
    seen = guarded.look(location, CURRENT)
    if _number_of(location, seen) and not refresh:
        raise RequestError(
            f"{store} already holds a store: add to it with tracemine refresh, or choose a folder "
            "that is empty"
        )
    return seen


def publish(draft: Draft, fields: Mapping[str, Any], *, carry: Collection[str] = ()) -> str:
    """Make a draft the live snapshot; gives its number, e.g. ``000001``.

    ``fields`` go into the manifest beside what is found here (files with sha256, bytes and rows,
    the index's kind, the policy, versions unless ``fields`` has them). The manifest depends on the
    files and ``fields`` alone. A table without a file gets an empty one.

    Args:
        carry: what of the parent's files is the new snapshot's, too, beside what the draft has:
            tables by name (a table may be carried and have new files), indexes and other files by
            their path in the manifest, or in their snapshot's folder (``index/cells.parquet``).

    Raises:
        ValueError: if the parent has none of what is to be carried.
        PublishedMeanwhileError: if another run has published since `begin`.
        StoreError: if an index does not fit its table, ``as_of`` is before the parent's, or the
            store cannot be written. The draft is kept.
    """
    location = draft.location
    try:
        return _publish(draft, fields, carry)
    except guarded.ChangedError as error:
        raise PublishedMeanwhileError(
            f"another run has published to {location.url()} meanwhile: nothing of it was "
            f"overwritten, and the draft stays at {draft.folder}: run again on top of it",
            draft=draft.folder,
        ) from error
    except OSError as error:
        raise StoreError(
            f"cannot write the store {location.url()} ({say(error)}): it is as it was"
        ) from error


def _publish(draft: Draft, fields: Mapping[str, Any], carry: Collection[str]) -> str:
    location = draft.location
    _expect_unchanged(draft)
    if not draft.held:
        raise StoreError(
            f"the draft {draft.folder} was given up, or removed by gc: make another with begin"
        )
    _check_clock(fields.get("as_of"), draft.parent_manifest, location)
    carried = list(_carried(draft, carry))
    _complete(draft, carried)
    carried = add_cards(location, draft.name, _own_rows(draft), carried, draft.parent_manifest)
    notes = read_notes(location, draft.name)
    files = _list_files(draft, carried)
    text = dump_manifest(
        {
            **fields,
            "schema_version": SCHEMA_VERSION,
            "snapshot": draft.number,
            "parent": draft.parent,
            "parent_as_of": (draft.parent_manifest or {}).get("as_of"),
            "files": files,
            "index": describe_indexes(
                files,
                notes,
                draft.parent_manifest,
                fields.get("embedder", {}).get("dimension"),
            ),
            "policy": {"hash": policy_hash(draft.policy), "values": draft.policy.values()},
            "versions": fields.get("versions") or deciding_versions(),
        }
    )
    _expect_unchanged(draft)
    location.write(f"{draft.name}/{MANIFEST}", text.encode())
    location.sync_tree(draft.name)
    # Not before: who publishes this draft once more, since that failed, needs them.
    remove_notes(location, draft.name)
    if draft.name != _final(draft):
        _give_up(draft)
        location.path(draft.name).rename(location.path(_final(draft)))
    location.sync(SNAPSHOTS)
    guarded.replace(location, CURRENT, f"{draft.number}\n".encode(), draft._seen)
    try:
        location.sync()
        if draft._claim is not None:
            reached(location.fs.rm_file, location.inner(f"{draft.name}/{CLAIM}"))
    except OSError as error:
        # Readers have it by now: who is told that the store is as it was would be told wrong.
        _LOGGER.warning(
            "snapshot %s of %s is published, but its last step failed (%s): run tracemine fsck",
            draft.number, location.url(), say(error),
        )  # fmt: skip
    draft.release()
    return draft.number


def _final(draft: Draft) -> str:
    return f"{SNAPSHOTS}/{draft.number}"


def _expect_unchanged(draft: Draft) -> None:
    if guarded.look(draft.location, CURRENT) != draft._seen:
        raise guarded.ChangedError(CURRENT)


def _check_clock(as_of: Any, parent: Mapping[str, Any] | None, location: Location) -> None:
    before = (parent or {}).get("as_of")
    if is_before(as_of, before):
        raise StoreError(
            f"{as_of} is before {before}, the time of the snapshot {(parent or {})['snapshot']} of "
            f"{location.url()}: set the clock, or --as-of"
        )


def open_snapshot(store: str) -> Snapshot:
    """The live snapshot of ``store``, which stays where it is until it is closed (see `lease`).

    Raises:
        StoreError: if there is no store, CURRENT or the manifest is damaged, or the snapshot
            states a time before its parent's.
        SchemaVersionError: if another schema version wrote it.
    """
    location = Location.of(store)
    number = _current_number(location)
    for _ in range(_OPENINGS):
        if number is None:
            if whole := published_in(location):
                raise _without_current(location, whole[-1])
            hint = "the run that made it did not finish"
            hint = hint if location.exists(SNAPSHOTS) else "no CURRENT"
            raise StoreError(f"no store at {store} ({hint}): make one with tracemine mine")
        snapshot, wrong = _try_open(location, number)
        if snapshot:
            return snapshot
        # Another may have been published since, and this one removed.
        before, number = number, _current_number(location)
        if number == before and wrong:
            raise wrong
    raise StoreError(f"{location.url(CURRENT)} is replaced faster than it can be read")


def _without_current(location: Location, last: str) -> StoreError:
    return StoreError(
        f"{location.url(CURRENT)} is missing, though snapshot {last} is there: if that was "
        "published write its number into it, else mine again"
    )


def later_than(snapshot: Snapshot) -> list[str]:
    """The numbers of whole snapshots after one that was live when it was opened: CURRENT was set
    back by hand, or a run was killed just before it was replaced. None, if one was published since.

    Raises:
        OSError: if the store cannot be read.
    """
    location = snapshot.location
    found = [n for n in published_in(location) if int(n) > int(snapshot.number)]
    return found if found and _current_number(location) == snapshot.number else []


def published_in(location: Location) -> list[str]:
    """The numbers of whole snapshots, in order, but those that a run has claimed, which are its
    draft, or were until it was killed."""
    return [
        number
        for number in numbers_in(location)
        if location.exists(manifest_of(number))
        and not location.exists(f"{SNAPSHOTS}/{number}/{CLAIM}")
    ]


def open_numbered(store: str, number: str) -> Snapshot:
    """Snapshot ``number`` of ``store``, live or not, which stays where it is until it is closed.

    Raises:
        StoreError: if it is not there, or its manifest is damaged.
        SchemaVersionError: if another schema version wrote it.
    """
    snapshot, wrong = _try_open(Location.of(store), number)
    if snapshot is None:
        raise wrong or StoreError(f"no snapshot {number} in {store}")
    return snapshot


def _try_open(location: Location, number: str) -> tuple[Snapshot | None, StoreError | None]:
    held = None
    with contextlib.suppress(FileNotFoundError):  # What is wrong is said below.
        held = lease(location, manifest_of(number))
    try:
        manifest = load_manifest(location, number)
        if is_before(manifest.get("as_of"), manifest.get("parent_as_of")):
            raise StoreError(
                f"snapshot {number} of {location.url()} states the time {manifest['as_of']}, its "
                f"parent {manifest['parent_as_of']}: a clock went backwards, mine again"
            )
    except StoreError as error:
        if held:
            held.close()
        return None, error
    return Snapshot(location, number, manifest, held), None


def read_table(snapshot: Snapshot, table: str) -> Any:
    """The rows of a table of ``snapshot`` as a `pyarrow.Table`.

    Raises:
        StoreError: if a file of it is missing or not what was written.
    """
    snapshot.check(table)
    return read_files(table, snapshot.files(table))


def _current_number(location: Location) -> str | None:
    """The live snapshot's number, None if there is no CURRENT."""
    try:
        return _number_of(location, guarded.look(location, CURRENT))
    except OSError as error:
        raise StoreError(f"cannot read {location.url(CURRENT)}: {say(error)}") from error


def _number_of(location: Location, seen: guarded.Seen) -> str | None:
    if seen.content is None:
        return None
    text = seen.content.decode("ascii", "replace")
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


def take_lock(location: Location, store: str) -> IO[str] | None:
    """The lock of the one run that writes to a store; None where there are no locks.

    Raises:
        RequestError: if another run has it.
        OSError: if the folder cannot be written.
    """
    if not location.local:
        return None
    lock = location.path(LOCK).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        if error.errno in HELD:
            message = f"another run is writing to {store}: wait for it, or end it"
            raise RequestError(message) from error
        if error.errno in NO_LOCKS:
            return None  # The file system has no locks; its runs claim numbers.
        raise
    return lock


def _carried(draft: Draft, wanted: Iterable[str]) -> Iterable[dict[str, Any]]:
    """The parent's entries of all that is to be carried."""
    parent = (draft.parent_manifest or {"files": []})["files"]
    found: dict[str, dict[str, Any]] = {}
    for name in wanted:
        fitting = [
            entry
            for entry in parent
            if name in (entry.get("table"), entry["path"], entry["path"].split("/", 2)[2])
        ]
        if not fitting:
            raise ValueError(f"the parent of {draft.folder} has no {name} to carry over")
        found |= {entry["path"]: entry for entry in fitting}
    for entry in found.values():
        check_size(draft.location, entry)
    return found.values()


def _complete(draft: Draft, carried: Collection[Mapping[str, Any]]) -> None:
    """Give every table at least one file, so that DuckDB can read it."""
    for table in TABLES:
        folder = f"{draft.name}/{table}"
        if any(entry.get("table") == table for entry in carried):
            continue
        exists = draft.location.exists(folder)
        if not exists or not draft.location.files_under(folder):
            write_shard([], table, f"{draft.folder}/{table}/{shard_name(0, 1)}")


def _own_rows(draft: Draft) -> dict[str, int]:
    """How many rows the draft's own files have, of each table that has an index."""
    return {
        table: sum(
            count_rows(draft.location, name)
            for name in draft.location.files_under(f"{draft.name}/{table}")
            if name.endswith(".parquet")
        )
        for table in INDEXED
    }


def _list_files(draft: Draft, carried: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The draft's tables and indexes, by path as published, and what is ``carried``; what else lies
    there (leftovers of attempts that a runner gave up) is removed."""
    location, files = draft.location, list(carried)
    notes = {notes_file(table) for table in INDEXED}
    entries = {index_file(table): ("index", table) for table in INDEXED}
    entries |= {cards_file(table): ("cards_of", table) for table in INDEXED}
    for name in location.files_under(draft.name):
        inside = name[len(draft.name) + 1 :]
        kind: dict[str, Any] = {}
        table, _, rest = inside.partition("/")
        if inside in entries:
            key, table = entries[inside]
            kind[key] = table
        elif table in TABLES and rest.endswith(".parquet") and "/" not in rest:
            kind["table"] = table
        elif inside == CELLS_FILE:
            kind["cells"] = True
        elif inside == CLAIM or inside in notes:
            continue
        else:
            location.fs.rm_file(location.inner(name))
            continue
        files.append(
            {
                "path": f"{_final(draft)}/{inside}",
                "sha256": file_sha256(location, name),
                "bytes": location.size(name),
                "rows": count_rows(location, name),
                **kind,
            }
        )
    for table in INDEXED:
        rows = sum(f["rows"] for f in files if f.get("table") == table)
        _check_index(draft, table, rows, [f for f in files if f.get("index") == table])
    if sum("cells" in f for f in files) > 1:
        raise StoreError(f"{CELLS_FILE} is both carried over and written anew")
    return sorted(files, key=lambda entry: str(entry["path"]))


def _check_index(draft: Draft, table: str, rows: int, found: list[dict[str, Any]]) -> None:
    if len(found) > 1:
        raise StoreError(f"the index of {table} is both carried over and written anew")
    entries = found[0]["rows"] if found else 0
    if entries != rows:
        raise StoreError(f"the index of {table} has {entries} entries, the table {rows} rows")
    if found:
        path = found[0]["path"].replace(_final(draft), draft.name)
        numbers = numbers_of(read_index(draft.location.url(path)))
        if len(np.unique(numbers)) != entries:
            raise StoreError(f"the index of {table} holds an entry twice")


__all__ = [
    "CLAIM",
    "CURRENT",
    "DRAFT",
    "LOCK",
    "MANIFEST",
    "SNAPSHOTS",
    "Draft",
    "Location",
    "Snapshot",
    "begin",
    "check_file",
    "check_size",
    "dump_manifest",
    "file_sha256",
    "later_than",
    "open_numbered",
    "open_snapshot",
    "publish",
    "published_in",
    "read_table",
    "take_lock",
]
