"""The entries of a store in memory, for new spans to be compared with: vectors by compatibility
class, methods, and the routines of each entry.

An entry takes 2 bytes for each component of its vector (768 at 384), 60 for its id, place and
method, and what its routines are as text (0.9 kB where it is arithmetic, more where it is a
program); opening takes some 4 kB of each for a while, and 0.3 ms. Threads may share it.

Whoever has entries in memory holds their snapshot, so that `gc` leaves it: the process that pinned
it, from then on, and each worker that has opened it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import fsspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tracemine.schemas import Parameter, Signature, canonical_code, content_id
from tracemine.schemas.records import Status
from tracemine.schemas.types import coarse, join
from tracemine.store import StoreError
from tracemine.store.cells import Grid, on_grid
from tracemine.store.embedder import GRID
from tracemine.store.index import INDEXED, index_file, index_number, numbers_of, read_index
from tracemine.store.index import vectors_of as index_vectors
from tracemine.store.reader import SERVED
from tracemine.store.snapshot import (
    MANIFEST,
    SNAPSHOTS,
    Snapshot,
    file_sha256,
    open_numbered,
    open_snapshot,
)
from tracemine.store.threads import one_thread
from tracemine.transforms.cluster import class_of
from tracemine.verifiers.replay import Routine

#: Entries and spans whose products are in memory at once: 16 MiB of them.
ENTRY_BLOCK = 1 << 14
SPAN_BLOCK = 1 << 8

#: What is kept of an entry beside its vector.
_COLUMNS = ("procedure_id", "status", "domain", "signature", "predicates", "verifier", "variants")
#: What is read of the span that a further variant was taken from.
_SPAN_COLUMNS = ("span_id", "signature", "predicates")
#: An entry that was folded into another is found there.
_NOT_HERE: tuple[Status, ...] = ("merged",)

#: The inner product of two equal unit vectors on the grid, up to what rounding took.
_ONE = GRID * GRID

Numbers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Products = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, order=True)
class Near:
    """An entry and how far it is: 1 less the inner product of the vectors (a cosine to 0.002),
    which is exact."""

    distance: float
    procedure_id: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What of an entry is compared with a span: its variants as routines, cleanest first."""

    procedure_id: str
    status: Status
    routines: tuple[Routine, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Shelf:
    """Entries of one compatibility class, in order of id: their ``places`` (n,) among all, their
    vectors ``grid`` (n, d). ``methods`` (m,) are hashes of their methods in order, ``rows`` (m,)
    say which of the n has each: an entry with several variants has several."""

    places: Numbers
    grid: Grid
    methods: Hashes
    rows: Numbers


class StoredEntries:
    """All entries and candidates of one snapshot, which stays where it is until they are closed, or
    nobody has them any more. Make one with `open_stored`."""

    def __init__(
        self,
        snapshot: Snapshot,
        table: pa.Table,
        grid: Grid,
        spans: dict[str, tuple[Signature, tuple[str, ...]]],
    ) -> None:
        self.snapshot = snapshot
        self._table = table
        self._spans = spans
        self._ids = np.array(table["procedure_id"].to_pylist(), dtype="S32")
        self._shelves = _shelves(table, grid)

    def close(self) -> None:
        """Let `gc` remove the snapshot."""
        self.snapshot.close()

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def bytes_held(self) -> int:
        """What the entries take in memory, but for the spans that further variants are from."""
        arrays = [
            part
            for shelf in self._shelves.values()
            for part in (shelf.places, shelf.grid, shelf.methods, shelf.rows)
        ]
        return sum(a.nbytes for a in (*arrays, self._ids)) + int(self._table.nbytes)

    def near(
        self, name: str, vectors: Grid, *, served: bool, count: int, distance: float
    ) -> list[tuple[Near, ...]]:
        """For each of ``vectors`` (n, d), on the grid, the ``count`` nearest entries of the class
        ``name`` within ``distance``, nearest first, of two as near the lesser id first. ``served``:
        those that search serves; else the others.

        Compares with each of them: 0.12 ms of one core for a vector of 384 components and 10,000
        entries. The cells of large classes (`store.cells`) would spare nothing: at a distance of
        0.3 any of them may hold one that is as near (99.9% of 100,000 entries).
        """
        shelf = self._shelves.get((name, served))
        if shelf is None:
            return [()] * len(vectors)
        least = (1.0 - distance) * _ONE
        found: list[tuple[Near, ...]] = []
        with one_thread():
            for start in range(0, len(vectors), SPAN_BLOCK):
                block = vectors[start : start + SPAN_BLOCK]
                found += map(self._named, nearest(block, shelf.grid, shelf.places, count, least))
        return found

    def near_with_method(
        self,
        name: str,
        vectors: Grid,
        methods: Sequence[str],
        *,
        served: bool,
        count: int,
        distance: float,
    ) -> list[tuple[Near, ...]]:
        """As `near`, of those of which a variant has the method (`code_key`) that stands beside
        the vector in ``methods``; the others are not looked at."""
        shelf = self._shelves.get((name, served))
        if shelf is None:
            return [()] * len(vectors)
        least = (1.0 - distance) * _ONE
        found = []
        for vector, method in zip(vectors, methods, strict=True):
            wanted = _method_hash(method)
            first, end = np.searchsorted(shelf.methods, [wanted, wanted + np.uint64(1)])
            rows = np.unique(shelf.rows[first:end])
            (near,) = nearest(vector[None], shelf.grid[rows], shelf.places[rows], count, least)
            found.append(self._named(near))
        return found

    def _named(self, nearest: Sequence[tuple[int, int]]) -> tuple[Near, ...]:
        return tuple(Near(1.0 - product / _ONE, self._id(place)) for product, place in nearest)

    def entry(self, procedure_id: str) -> Stored:
        """The entry with this id.

        Raises:
            KeyError: if there is none.
        """
        place = int(np.searchsorted(self._ids, procedure_id.encode()))
        if place == len(self._ids) or self._id(place) != procedure_id:
            raise KeyError(procedure_id)
        (row,) = self._table.slice(place, 1).to_pylist()
        return Stored(procedure_id, row["status"], tuple(self._routines(row)))

    def _id(self, place: int) -> str:
        return bytes(self._ids[place]).decode()

    def _routines(self, row: dict[str, Any]) -> Iterator[Routine]:
        signature = Signature.from_json(row["signature"])
        predicates = tuple(row["predicates"] or ())
        for number, variant in enumerate(row["variants"]):
            # What all variants need, and what this one needs besides where that is with it.
            needs = dict.fromkeys((*predicates, *(variant.get("predicates") or ())))
            if not variant["code"]:
                continue  # words: there is nothing to run
            own = (signature, tuple(needs))
            if number:
                # An entry's names, types and preconditions are those of its first variant.
                names, further = self._spans[variant["span_id"]]
                own = (_as_wide(names, signature), further)
            yield Routine(
                variant_id=variant["variant_id"],
                code=variant["code"] or "",
                entry_point=variant["entry_point"] or "",
                signature=own[0],
                predicates=own[1],
                verifier=row["verifier"] or "",
            )


def code_key(code: str, entry_point: str) -> str:
    """The same for routines whose code is the same but for names: the n-th parameter of one stands
    where the n-th of the other does.

    Raises:
        SyntaxError: if ``code`` does not parse.
    """
    return content_id("code", canonical_code(code, entry_point))


def open_stored(
    store: str, number: str | None = None, *, dimension: int | None = None
) -> StoredEntries:
    """The entries of the snapshot ``number`` (the live one for None) of ``store``, a folder or any
    fsspec URL.

    Raises:
        StoreError: if there is no such store, it is of another schema version, a file that is read
            here is missing or damaged, or vectors have not ``dimension`` components.
    """
    snapshot = _snapshot(store, number)
    try:
        table = _entries(snapshot)
        grid = _vectors(snapshot, table, dimension)
        return StoredEntries(snapshot, table, grid, _spans(snapshot, table))
    except (OSError, pa.ArrowException) as error:
        snapshot.close()
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        where = snapshot.location.url()
        raise StoreError(f"cannot read the store {where} ({first}): run tracemine fsck") from error
    except StoreError:
        snapshot.close()
        raise


@dataclass(frozen=True, slots=True)
class Pinned:
    """One snapshot of a store, whatever is published there later: the store's path or URL, the
    snapshot's number, the sha256 of its manifest, which lists that of each of its files."""

    url: str
    snapshot: str
    manifest_sha256: str


def pin(store: str) -> Pinned:
    """The live snapshot of ``store``, of which every file is what was written. This process holds
    it until it has opened it with `shared_stored`, and then as long as it has its entries.

    Raises:
        StoreError: if there is no such store, it is of another schema version, or a file that
            `open_stored` reads is missing or damaged.
    """
    snapshot = open_snapshot(store)
    try:
        check_files(snapshot)
        pinned = Pinned(snapshot.location.url(), snapshot.number, manifest_sha256(snapshot))
    except StoreError:
        snapshot.close()
        raise
    _held[pinned] = snapshot
    return pinned


def shared_stored(pinned: Pinned) -> StoredEntries:
    """`open_stored`, once in this process for all that ask.

    Raises:
        StoreError: also if another store stands there now.
    """
    with _opening:
        return _opened(pinned)


#: What this process has pinned and not opened yet.
_held: dict[Pinned, Snapshot] = {}
#: Threads of one process wait for the first of them to have opened a store.
_opening = threading.Lock()


@lru_cache(maxsize=1)
def _opened(pinned: Pinned) -> StoredEntries:
    entries = open_stored(pinned.url, pinned.snapshot)
    if manifest_sha256(entries.snapshot) != pinned.manifest_sha256:
        entries.close()
        raise StoreError(f"{pinned.url} has become another store while it was read: run again")
    if until_now := _held.pop(pinned, None):
        until_now.close()
    return entries


def check_files(snapshot: Snapshot) -> None:
    """Every file that `open_stored` reads against its sha256.

    Raises:
        StoreError: if one is missing or not what was written.
    """
    location = snapshot.location
    for entry in snapshot.manifest["files"]:
        if entry.get("table") not in (*INDEXED, "spans") and "index" not in entry:
            continue
        path = location.url(entry["path"])
        try:
            found = file_sha256(location, entry["path"])
        except OSError as error:
            raise StoreError(f"{path} is missing: run tracemine fsck") from error
        if found != entry["sha256"]:
            raise StoreError(f"{path} is not what was written: run tracemine fsck")


def manifest_sha256(snapshot: Snapshot) -> str:
    """What tells a snapshot from any other: its manifest lists the sha256 of each of its files."""
    return file_sha256(snapshot.location, f"{SNAPSHOTS}/{snapshot.number}/{MANIFEST}")


def _snapshot(store: str, number: str | None) -> Snapshot:
    return open_snapshot(store) if number is None else open_numbered(store, number)


def _entries(snapshot: Snapshot) -> pa.Table:
    """Both tables of entries, in order of id."""
    parts = [
        _read(path, _COLUMNS).append_column("home", pa.array([table] * rows, pa.string()))
        for table in INDEXED
        for path, rows in _files(snapshot, table)
    ]
    whole = pa.concat_tables(parts)
    here = pc.invert(pc.is_in(whole["status"], pa.array(_NOT_HERE)))
    return whole.filter(here).sort_by("procedure_id").combine_chunks()


def _files(snapshot: Snapshot, table: str) -> list[tuple[str, int]]:
    return [
        (snapshot.location.url(f["path"]), int(f["rows"]))
        for f in snapshot.manifest["files"]
        if f.get("table") == table
    ]


def _read(path: str, columns: Sequence[str]) -> pa.Table:
    with fsspec.open(path, "rb") as stream:
        return pq.read_table(stream, columns=list(columns))


def _vectors(snapshot: Snapshot, table: pa.Table, dimension: int | None) -> Grid:
    """The vectors (n, d) of the entries of ``table``, in its order."""
    size = dimension or int(snapshot.manifest["embedder"].get("dimension", 0))
    grid = np.zeros((table.num_rows, size), dtype=np.int16)
    homes = np.array(table["home"].to_pylist())
    numbers = np.array([index_number(i) for i in table["procedure_id"].to_pylist()], dtype=np.int64)
    for name in INDEXED:
        places = np.flatnonzero(homes == name)
        if not len(places):
            continue
        index = read_index(snapshot.index(name))
        found = numbers_of(index)
        order = np.argsort(found)
        at = np.minimum(np.searchsorted(found, numbers[places], sorter=order), len(found) - 1)
        if not len(found) or not np.array_equal(found[order[at]], numbers[places]):
            raise StoreError(
                f"{index_file(name)} of {snapshot.location.url()} lacks entries: run tracemine fsck"
            )
        if index.d != size:
            raise StoreError(
                f"{index_file(name)} of {snapshot.location.url()} has vectors of {index.d} "
                f"components, not {size}: run tracemine fsck"
            )
        grid[places] = on_grid(index_vectors(index)[order[at]])
    return grid


def _spans(snapshot: Snapshot, table: pa.Table) -> dict[str, tuple[Signature, tuple[str, ...]]]:
    """Signature and preconditions of each span that a further variant was taken from."""
    wanted = {
        variant["span_id"] for variants in table["variants"] for variant in variants.as_py()[1:]
    }
    if not wanted:
        return {}
    found = {}
    for path, _ in _files(snapshot, "spans"):
        rows = _read(path, _SPAN_COLUMNS)
        chosen = rows.filter(pc.is_in(rows["span_id"], pa.array(sorted(wanted))))
        for row in chosen.to_pylist():
            predicates = tuple(row["predicates"] or ())
            found[row["span_id"]] = (Signature.from_json(row["signature"]), predicates)
    missing = wanted - found.keys()
    if missing:
        raise StoreError(
            f"{snapshot.location.url()} lacks the span {min(missing)}: run tracemine fsck"
        )
    return found


def _shelves(table: pa.Table, grid: Grid) -> dict[tuple[str, bool], _Shelf]:
    """The shelves of entries that search serves, and of all others, by compatibility class."""
    found: dict[tuple[str, bool], list[int]] = {}
    methods: list[list[np.uint64]] = []
    columns = [table[name] for name in ("domain", "signature", "verifier", "status", "variants")]
    rows = zip(*columns, strict=True)
    for place, (domain, signature, verifier, status, variants) in enumerate(rows):
        name = _class_of(domain.as_py(), signature.as_py(), verifier.as_py() or "")
        found.setdefault((name, status.as_py() in SERVED), []).append(place)
        methods.append(_methods_of(variants.as_py()))
    return {
        key: _shelf(np.array(places, dtype=np.int64), grid[places], [methods[p] for p in places])
        for key, places in found.items()
    }


def _shelf(places: Numbers, grid: Grid, methods: Sequence[Sequence[np.uint64]]) -> _Shelf:
    hashes = np.array([method for own in methods for method in own], dtype=np.uint64)
    rows = np.repeat(np.arange(len(methods)), [len(own) for own in methods])
    order = np.lexsort((rows, hashes))
    return _Shelf(places, grid, hashes[order], rows[order])


def _methods_of(variants: Sequence[dict[str, Any]]) -> list[np.uint64]:
    found = []
    for variant in filter(lambda variant: variant["code"], variants):
        # What is no code has no method, and no new span has it.
        with contextlib.suppress(SyntaxError, ValueError, RecursionError):
            found.append(
                _method_hash(code_key(variant["code"] or "", variant["entry_point"] or ""))
            )
    return found


def _method_hash(method: str) -> np.uint64:
    """Enough of a method's key to find it: 63 bits, so that the next number is one, too. Whoever
    runs what was found sees whether it is another method."""
    return np.uint64(int(method[:16], 16) >> 1)


@lru_cache(maxsize=4096)
def _class_of(domain: str, signature: str, verifier: str) -> str:
    return class_of(domain, Signature.from_json(signature), verifier)


def nearest(
    vectors: Grid, grid: Grid, places: Numbers, count: int, least: float
) -> list[list[tuple[int, int]]]:
    """For each of ``vectors`` the ``count`` greatest inner products with ``grid`` (n, d) that are
    at least ``least``, greatest first, each with its place of ``places`` (n,), which rise.
    Integers below 2^24: exact however they are added up."""
    asked = vectors.astype(np.float32)
    best: list[list[tuple[int, int]]] = [[] for _ in vectors]
    for start in range(0, len(grid), ENTRY_BLOCK):
        block = grid[start : start + ENTRY_BLOCK].astype(np.float32)
        products: Products = asked @ block.T
        for row, near in enumerate(products):
            (columns,) = np.nonzero(near >= least)
            if len(columns) > count:
                # All that are as good as the last of them: places decide among these.
                bar = np.partition(near[columns], len(columns) - count)[len(columns) - count]
                columns = columns[near[columns] >= bar]
            pairs = zip(near[columns].tolist(), places[start + columns].tolist(), strict=True)
            best[row] += [(int(product), place) for product, place in pairs]
            best[row] = sorted(best[row], key=lambda pair: (-pair[0], pair[1]))[:count]
    return best


def _as_wide(names: Signature, entry: Signature) -> Signature:
    """``names`` with each type as wide as those of ``entry`` for its kind are: what a further
    variant was passed on reached it so."""
    widest: dict[str, str] = {}
    for parameter in (*entry.inputs, *names.inputs):
        kind = coarse(parameter.type)
        widest[kind] = join(widest.get(kind, parameter.type), parameter.type)

    def widened(parameter: Parameter) -> Parameter:
        return replace(parameter, type=widest[coarse(parameter.type)])

    return replace(names, inputs=tuple(map(widened, names.inputs)))


__all__ = [
    "Near",
    "Pinned",
    "Stored",
    "StoredEntries",
    "check_files",
    "code_key",
    "manifest_sha256",
    "nearest",
    "open_stored",
    "pin",
    "shared_stored",
]
