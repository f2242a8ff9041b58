"""What a manifest says of each index: its kind, how it is searched, and what it finds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tracemine.store.errors import StoreError
from tracemine.store.index import EXACT, INDEXED, notes_file
from tracemine.store.location import Location

#: What a manifest says of an index beside what was measured of it.
_FOUND = frozenset({"metric", "dimension", "entries"})


def read_notes(location: Location, folder: str) -> dict[str, dict[str, Any]]:
    """What was measured of the indexes in a draft's folder, by table.

    Raises:
        StoreError: if it cannot be read.
    """
    notes = {}
    for table in INDEXED:
        name = f"{folder}/{notes_file(table)}"
        if not location.exists(name):
            continue
        try:
            found = json.loads(location.read(name))
        except ValueError as error:
            raise StoreError(f"{location.url(name)} is damaged: {error}") from error
        notes[table] = {key: value for key, value in found.items() if key not in _FOUND}
    return notes


def remove_notes(location: Location, folder: str) -> None:
    """Remove what was measured from a draft's folder: the manifest has it."""
    names = [f"{folder}/{notes_file(table)}" for table in INDEXED]
    there = [name for name in names if location.exists(name)]
    for name in there:
        location.fs.rm_file(location.inner(name))
    if there:
        location.sync(f"{folder}/index")


def describe_indexes(
    files: Sequence[Mapping[str, Any]],
    notes: Mapping[str, Mapping[str, Any]],
    parent: Mapping[str, Any] | None,
    dimension: Any,
) -> dict[str, dict[str, Any]]:
    """Table -> what the manifest says of its index. An index that is the parent's, carried over or
    copied, is what it was; one without notes is exact."""
    before = parent or {"files": [], "index": {}}
    known = {f["index"]: f["sha256"] for f in before["files"] if "index" in f}
    found = {}
    for entry in files:
        if "index" not in entry:
            continue
        table = entry["index"]
        said = notes.get(table)
        if said is None and known.get(table) == entry["sha256"]:
            said = {k: v for k, v in before["index"].get(table, {}).items() if k not in _FOUND}
        found[table] = {
            **(said or EXACT),
            "metric": "inner product",
            "dimension": dimension,
            "entries": entry["rows"],
        }
    return found


__all__ = ["describe_indexes", "read_notes", "remove_notes"]
