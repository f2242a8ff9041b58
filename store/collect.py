"""gc: what no snapshot that is kept refers to is removed.

Before anything else of a snapshot its manifest goes, so that a run which is killed leaves no
snapshot that lacks files: what is left in its folder goes with the next run. Whatever a kept
snapshot refers to stays, in whosever folder it lies.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tracemine.store.errors import RequestError, SchemaVersionError, StoreError
from tracemine.store.lease import removing
from tracemine.store.lineage import ancestors, that_led_to
from tracemine.store.location import Location, say
from tracemine.store.manifest import SCHEMA_VERSION, SNAPSHOTS, manifest_of, numbers_in
from tracemine.store.snapshot import CLAIM, DRAFT, open_snapshot, take_lock
from tracemine.store.tables import UNFINISHED
from tracemine.store.work import WORK

#: Hours for which, where there are no locks, a snapshot stays after the next one was published, and
#: a draft after its last file was written.
GRACE_HOURS = 24.0

_DRAFT_FOLDER = re.compile(r"\d{6,}" + re.escape(DRAFT))


@dataclass(frozen=True, slots=True)
class Collected:
    """What `gc` did. ``kept``, ``held`` (beyond those that were to be kept, because they are or may
    be open), ``removed`` and ``shared`` (those of ``removed`` of whose files others use some, which
    stay in their folders) are numbers of snapshots, ``drafts`` names of folders that were
    removed; ``files`` and ``bytes`` count all that was removed."""

    kept: tuple[str, ...]
    held: tuple[str, ...]
    removed: tuple[str, ...]
    shared: tuple[str, ...]
    drafts: tuple[str, ...]
    files: int
    bytes: int


def gc(store: str, keep: int, *, grace_hours: float = GRACE_HOURS) -> Collected:
    """Remove what the live snapshot and the ``keep - 1`` that led to it do not refer to, and drafts
    and kept work that nobody holds. A snapshot that a reader has open stays. It may be killed at
    any moment: the store is as sound as before, and the next run removes the rest.

    Args:
        keep: how many snapshots are kept, at least 1.
        grace_hours: where there are no locks nobody knows what is open: there a snapshot stays so
            long after the next one was published, a draft or a run's work after its last file
            was written.

    Raises:
        RequestError: if an argument is out of its range, another run is writing to the store, or
            something cannot be removed.
        StoreError: if there is no store, the manifest of a snapshot that is kept cannot be read, or
            a file that it lists is missing or of another size: nothing is removed then, since
            what would go may be all that is left to go back to.
    """
    if type(keep) is not int or keep < 1:
        raise RequestError(f"--keep must be a whole number of at least 1, not {keep!r}")
    if not grace_hours >= 0:
        raise RequestError(f"--grace must be a number of hours, 0 or more, not {grace_hours!r}")
    with open_snapshot(store) as live:
        location = live.location
        try:
            with _writing(location, store) as locked:
                return _Collection(location, keep, grace_hours, locked=locked).run()
        except OSError as error:
            raise RequestError(f"cannot write the store {store}: {say(error)}") from error


@contextmanager
def _writing(location: Location, store: str) -> Iterator[bool]:
    """The store's lock within the block; whether there is one."""
    lock = take_lock(location, store)
    try:
        yield lock is not None
    finally:
        if lock:
            lock.close()


class _Collection:
    def __init__(self, location: Location, keep: int, grace_hours: float, *, locked: bool) -> None:
        self._location = location
        self._grace = datetime.timedelta(hours=grace_hours)
        self._locked = locked
        self._files = self._bytes = 0
        self._names = location.names_in(SNAPSHOTS)
        folders = numbers_in(location)
        # In this order, in which a draft that is published meanwhile goes: its claim is the last
        # thing of it that is removed, and CURRENT names it before.
        claimed = {n for n in folders if location.exists(f"{SNAPSHOTS}/{n}/{CLAIM}")}
        whole = [n for n in folders if location.exists(manifest_of(n))]
        with open_snapshot(location.url()) as live:
            self._live = live.number
        line = ancestors(location, self._live)
        self._claimed = claimed - set(line)
        self._published = [n for n in whole if n not in self._claimed]
        self._bare = [n for n in folders if n not in whole and n not in self._claimed]
        earlier = that_led_to(line, self._published)
        self._kept = [*earlier, self._live][-keep:]

    def run(self) -> Collected:
        # Every reference is known before anything is removed.
        listed = {number: self._references(number) for number in self._kept}
        for number, files in listed.items():
            self._expect_there(number, files)
        referred = {path for files in listed.values() for path in files}
        leaving, held = [], []
        for number in self._published:
            if number in self._kept:
                continue
            if self._may_be_open(number):
                held.append(number)
                referred |= set(self._references(number))
            else:
                leaving.append(number)
        removed = []
        for number in leaving:
            with removing(self._location, manifest_of(number)) as free:
                if free is False:  # Somebody has opened it since.
                    held.append(number)
                    referred |= set(self._references(number))
                    continue
                self._remove(manifest_of(number))
                self._location.sync(f"{SNAPSHOTS}/{number}")
            removed.append(number)
        drafts = list(self._drafts())
        for number in [*removed, *self._bare]:
            self._sweep(number, referred)
        self._sweep_unfinished()
        self._sweep_work()
        return Collected(
            kept=tuple(self._kept),
            held=tuple(sorted(held, key=int)),
            removed=tuple(removed),
            shared=tuple(n for n in removed if self._location.exists(f"{SNAPSHOTS}/{n}")),
            drafts=tuple(drafts),
            files=self._files,
            bytes=self._bytes,
        )

    def _expect_there(self, number: str, files: Mapping[str, Any]) -> None:
        for path, size in files.items():
            try:
                found = self._location.size(path)
                wrong = f"has {found} bytes, not {size}" if found != (size or found) else ""
            except FileNotFoundError:
                wrong = "is missing"
            if wrong:
                raise StoreError(
                    f"{self._location.url(path)}, of snapshot {number}, which is to be kept, "
                    f"{wrong}: nothing was removed, tracemine fsck says which snapshot is whole"
                )

    def _references(self, number: str) -> dict[str, Any]:
        """The paths that a snapshot's manifest lists, also where an earlier schema wrote it, and
        the bytes of each."""
        name = self._location.url(manifest_of(number))
        try:
            manifest: Any = json.loads(self._location.read(manifest_of(number)))
            version = manifest["schema_version"]
            files = {str(entry["path"]): entry.get("bytes") for entry in manifest["files"]}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise StoreError(
                f"{name} is damaged ({say(error)}), so that nobody knows what it refers to: keep "
                "fewer snapshots, or remove its folder"
            ) from error
        if type(version) is not int or version > SCHEMA_VERSION:
            raise SchemaVersionError(
                f"{name} has schema version {version}, this tracemine reads {SCHEMA_VERSION}: "
                "use the version that wrote the store"
            )
        return files

    def _may_be_open(self, number: str) -> bool:
        with removing(self._location, manifest_of(number)) as free:
            if free is not None:
                return not free
        following = [n for n in self._published if int(n) > int(number)]
        # What CURRENT never named may be about to be named.
        return self._is_young(manifest_of(following[0] if following else number))

    def _is_young(self, name: str) -> bool:
        try:
            changed = self._location.fs.modified(self._location.inner(name))
        except FileNotFoundError:
            return False
        if changed.tzinfo is None:
            changed = changed.replace(tzinfo=datetime.UTC)
        return bool(datetime.datetime.now(datetime.UTC) - changed < self._grace)

    def _drafts(self) -> Iterator[str]:
        """Remove every draft that nobody holds; gives their folders' names."""
        # Whoever writes holds the lock that we have. Where there are none, a draft is a folder that
        # is claimed and was never published; its number may lie before the live one's.
        drafts = [n for n in self._names if _DRAFT_FOLDER.fullmatch(n)] if self._locked else []
        for name in [*drafts, *sorted(self._claimed)]:
            files = self._location.files_under(f"{SNAPSHOTS}/{name}")
            if not self._locked and any(self._is_young(file) for file in files):
                continue
            # The claim goes first: a draft without it is published by nobody.
            for file in sorted(files, key=lambda path: not path.endswith(f"/{CLAIM}")):
                self._remove(file)
            self._remove_folder(name)
            yield name

    def _sweep(self, number: str, referred: set[str]) -> None:
        """Remove what nobody refers to from a folder that has no manifest."""
        folder = f"{SNAPSHOTS}/{number}"
        files = self._location.files_under(folder)
        if f"{folder}/{CLAIM}" in files and number in self._bare:
            return  # Somebody has claimed it since.
        for file in files:
            if file not in referred:
                self._remove(file)
        if not any(file in referred for file in files):
            self._remove_folder(number)

    def _sweep_unfinished(self) -> None:
        """Remove what a killed run left of the small files of the store itself."""
        if not self._locked:
            return
        for folder in ("", SNAPSHOTS):
            for name in self._location.names_in(folder):
                if name.endswith(UNFINISHED):
                    self._remove(f"{folder}/{name}".lstrip("/"))

    def _sweep_work(self) -> None:
        """Remove the work that runs kept which never published it."""
        for run in self._location.names_in(WORK):
            files = self._location.files_under(f"{WORK}/{run}")
            if not self._locked and any(self._is_young(file) for file in files):
                continue
            for file in files:
                self._remove(file)
            if self._location.exists(f"{WORK}/{run}"):
                self._location.remove(f"{WORK}/{run}")

    def _remove(self, name: str) -> None:
        size = self._location.size(name)
        self._location.fs.rm_file(self._location.inner(name))
        self._files += 1
        self._bytes += size

    def _remove_folder(self, name: str) -> None:
        if self._location.exists(f"{SNAPSHOTS}/{name}"):
            self._location.remove(f"{SNAPSHOTS}/{name}")


__all__ = ["GRACE_HOURS", "Collected", "gc"]
