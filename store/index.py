"""The vector index of a table of entries: FAISS, inner product of unit vectors.

An entry's number in the index is the first 16 hexadecimal digits of its id, halved, so that it is
a positive int64 and can be had from the id alone. Two entries with one number are refused; among a
million entries that has a chance of 1 in 18 million.

Which index a table has follows from its size (`index_kinds`). What an index file must say of itself
beside its content (how it is to be searched) is in the file; what was measured of it stands beside
it, as ``index/TABLE.json``, until `publish` takes it into the manifest.
"""

from __future__ import annotations

import importlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec
import numpy as np

from tracemine.store.errors import StoreError
from tracemine.store.index_kinds import (
    CARE,
    FLAT,
    Numbers,
    TooFewError,
    Vectors,
    check_kind,
    choose_parameters,
    is_flat,
    kind_for,
    make_empty,
)
from tracemine.store.tables import open_whole
from tracemine.store.threads import one_thread

_LOGGER = logging.getLogger(__name__)

#: Tables that have an index, ``index/TABLE.faiss``.
INDEXED = ("procedures", "candidates", "tools")
#: What search is asked for -> the tables that it looks in.
KINDS: Mapping[str, tuple[str, ...]] = {
    "procedure": ("procedures", "candidates"),
    "tool": ("tools",),
}

#: Bytes from which on an index in a local folder is mapped into memory, not read: processes on one
#: machine then share it, and pages come as they are asked for.
MAP_BYTES = 32 << 20

#: What a manifest says of an index that is exact.
EXACT: Mapping[str, Any] = {"kind": FLAT, "parameters": {}, "recall_at_10": 1.0}
#: Components of a vector, where a kind is checked before there is one: those of the bundled
#: embedder. FAISS divides them among codes.
COMPONENTS = 384

#: The number of what was removed from an index that cannot forget it.
GONE = -1
#: Once so much of an index is gone it is built again.
MAX_GONE = 0.2


@dataclass(frozen=True, slots=True)
class Built:
    """An index with what was measured when it was built (`index_kinds.Measured`, as JSON; empty
    for an exact one), and under ``asked`` the kind that was asked for, if one was."""

    index: Any
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def entries(self) -> int:
        """Entries that are in it and not gone."""
        return len(numbers_of(self.index))


def index_number(procedure_id: str) -> int:
    """The number of an entry in the index, in ``range(2**63)``."""
    return int(procedure_id[:16], 16) >> 1


def index_numbers(ids: Sequence[str]) -> Numbers:
    """The numbers (n,) of entries in the index."""
    if not len(ids):
        return np.zeros(0, dtype=np.int64)
    heads = np.array([identifier[:16] for identifier in ids], dtype="S16")
    digits = np.frombuffer(bytes.fromhex(heads.tobytes().decode()), dtype=">u8")
    return (digits >> np.uint64(1)).astype(np.int64)


def index_file(table: str) -> str:
    """The index of ``table``, relative to its snapshot's folder."""
    return f"index/{table}.faiss"


def notes_file(table: str) -> str:
    """What was measured of the index of ``table``, in the folder of its draft."""
    return f"index/{table}.json"


# -- building --------------------------------------------------------------------------------------


def build_index(rows: Iterable[tuple[str, Vectors]], *, kind: str | None = None) -> Built:
    """The index over ``(procedure_id, vector)`` rows, added in order of id on one thread; equal
    rows count once. So the same rows give the same bytes, whatever their order.

    Args:
        kind: a factory string of FAISS; that for the number of rows (`kind_for`) if not said, or if
            they are too few to train it, which a line then says.

    Raises:
        ValueError: if an id has two vectors, two ids share a number, vectors differ in size, or
            FAISS knows no such kind.
    """
    numbers, vectors = sorted_rows(rows)
    asked = None if kind is None else check_kind(kind, vectors.shape[1] or COMPONENTS)
    return built_of(numbers, vectors, asked)


def built_of(numbers: Numbers, vectors: Vectors, asked: str | None = None) -> Built:
    """The index over ``vectors`` (n, d), ``numbers`` ascending, of the kind that was ``asked`` for,
    else that for their number; it is searched as widely as it takes, and built more carefully where
    that is not enough (`choose_parameters`)."""
    by_size = kind_for(len(numbers))
    try:
        built = _built(numbers, vectors, asked or by_size)
    except TooFewError as error:
        _LOGGER.warning("%s: the index is %s, as so many entries ask for", error, by_size)
        built = _built(numbers, vectors, by_size)
    return built if asked is None else Built(built.index, as_asked(built.notes, asked))


def as_asked(notes: Mapping[str, Any], asked: str | None) -> dict[str, Any]:
    """``notes`` of an index with the kind that was ``asked`` for: whoever builds it again tries
    that kind first."""
    return {**(notes or EXACT), "asked": asked} if asked else dict(notes)


def _built(numbers: Numbers, vectors: Vectors, kind: str) -> Built:
    if kind == FLAT or not len(numbers):
        return Built(_filled(FLAT, numbers, vectors))
    with one_thread():
        index, notes = choose_parameters(
            kind, vectors, lambda attempt, care: _filled(attempt, numbers, vectors, care)
        )
    return Built(index, notes)


def _filled(kind: str, numbers: Numbers, vectors: Vectors, care: int = CARE[0]) -> Any:
    index = make_empty(kind, vectors.shape[1], vectors, care)
    if len(numbers):
        index.add_with_ids(vectors, numbers)
    return index


def sorted_rows(rows: Iterable[tuple[str, Vectors]]) -> tuple[Numbers, Vectors]:
    """The numbers (n,), ascending, and vectors (n, d) of ``(procedure_id, vector)`` rows; equal
    rows count once.

    Raises:
        ValueError: as `build_index`.
    """
    vectors: dict[str, Vectors] = {}
    for procedure_id, vector in rows:
        known = vectors.setdefault(procedure_id, vector)
        if known is not vector and not np.array_equal(known, vector):
            raise ValueError(f"procedure {procedure_id} has two vectors")
    ids = sorted(vectors)
    numbers = index_numbers(ids)
    if len(np.unique(numbers)) != len(numbers):
        raise ValueError("two procedures share the first 63 bits of their ids")
    # An index of nothing has vectors of size 0: it is never searched.
    if not ids:
        return numbers, np.zeros((0, 0), dtype=np.float32)
    return numbers, np.stack([vectors[i] for i in ids]).astype(np.float32)


def without(built: Built, numbers: Numbers) -> Built:
    """An index without some of its entries. Nothing is built again: of a flat index they are
    removed, in any other they keep their place and lose their number, so that nothing finds them
    (`gone_share` says when to build anew). ``built.index`` itself is changed.

    Raises:
        ValueError: if one of ``numbers`` is not in the index.
    """
    faiss: Any = importlib.import_module("faiss")
    index, wanted = built.index, np.unique(np.asarray(numbers, dtype=np.int64))
    every = every_number(index)
    if not np.isin(wanted, every).all():
        raise ValueError("an entry that is to leave the index is not in it")
    if is_flat(index):
        index.remove_ids(faiss.IDSelectorBatch(wanted))
        return built
    left = np.where(np.isin(every, wanted), GONE, every)
    faiss.copy_array_to_vector(left, index.id_map)
    return built


def extended(built: Built, rows: Iterable[tuple[str, Vectors]]) -> Built:
    """An index with more entries, added in order of id on one thread; nothing that is in it is
    added again or trained again. ``built.index`` itself is changed.

    Raises:
        ValueError: as `build_index`, and if an entry is in the index already.
    """
    numbers, vectors = sorted_rows(rows)
    if not len(numbers):
        return built
    if not built.index.ntotal:
        return built_of(numbers, vectors, built.notes.get("asked"))
    if np.isin(numbers, numbers_of(built.index)).any():
        raise ValueError("an entry that is to be added to the index is in it already")
    with one_thread():
        built.index.add_with_ids(vectors, numbers)
    return built


def renewed(before: Any, rows: Iterable[tuple[str, Vectors]], notes: Mapping[str, Any]) -> Built:
    """The index over ``(procedure_id, vector)`` rows, made of the one ``before`` them, which is
    changed (`read_index`, ``to_change``) and of which ``notes`` says what was measured: what is
    gone, or has another vector, leaves it, and what is new is added. It is built anew where it is
    flat, or small enough to be, since that costs nothing, and where more than `MAX_GONE` of it
    would be gone: of the kind that was asked for when there was first one (``notes["asked"]``),
    which is never too small, else of that for its size.

    Raises:
        ValueError: as `build_index`.
    """
    numbers, vectors = sorted_rows(rows)
    said = notes.get("asked")
    asked = None if said is None else check_kind(str(said), vectors.shape[1] or COMPONENTS)
    small = not len(numbers) or (asked is None and kind_for(len(numbers)) == FLAT)
    if small or not before.ntotal or is_flat(before):
        return built_of(numbers, vectors, asked)
    had, held = numbers_of(before), vectors_of(before)
    order = np.argsort(had)
    at = order[np.minimum(np.searchsorted(had[order], numbers), len(had) - 1)]
    same = (had[at] == numbers) & (held[at] == vectors).all(axis=1)
    gone = np.setdiff1d(had, numbers[same])
    left = before.ntotal - len(had) + len(gone)
    if left > MAX_GONE * (before.ntotal + np.count_nonzero(~same)):
        return built_of(numbers, vectors, asked)
    built = without(Built(before, dict(notes)), gone)
    with one_thread():
        if not same.all():
            built.index.add_with_ids(np.ascontiguousarray(vectors[~same]), numbers[~same])
    return built


def gone_share(index: Any) -> float:
    """The share of what an index holds that was removed from it; above `MAX_GONE` build it anew."""
    return float(np.mean(every_number(index) == GONE)) if index.ntotal else 0.0


# -- files -----------------------------------------------------------------------------------------


def write_index(built: Built, path: str) -> None:
    """Write an index to a path or fsspec URL, which ends in ``.faiss``, and its notes, if there are
    any, beside it; each appears whole or not at all.

    Raises:
        OSError: if a disk takes no more, say.
    """
    import faiss

    with open_whole(path) as stream:
        # Part by part, since an index may take half of the memory; and by our own stream, since to
        # a file faiss writes its last bytes without asking whether they arrived.
        # (It is made by SWIG, and faiss's annotations leave it out.)
        writer = faiss.PyCallbackIOWriter(stream.write)  # type: ignore[attr-defined]
        faiss.write_index(built.index, writer)
    if built.notes:
        with open_whole(path.removesuffix(".faiss") + ".json") as stream:
            stream.write(json.dumps(dict(built.notes), sort_keys=True).encode())


def read_index(path: str, *, to_change: bool = False) -> Any:
    """The index at a path or fsspec URL. A large file in a local folder is mapped, not read, unless
    the index is ``to_change``.

    Raises:
        StoreError: if it cannot be read.
    """
    import faiss

    try:
        local = Path(path)
        if not to_change and local.is_file() and local.stat().st_size >= MAP_BYTES:
            return faiss.read_index(path, faiss.IO_FLAG_MMAP_IFC)
        with fsspec.open(path, "rb") as stream:
            data = np.frombuffer(stream.read(), dtype=np.uint8)
        return faiss.deserialize_index(data)
    except (OSError, RuntimeError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StoreError(f"cannot read the index {path}: {first}") from error


# -- content ---------------------------------------------------------------------------------------


def every_number(index: Any) -> Numbers:
    """The numbers of all that an index holds, in order of place, `GONE` for what was removed."""
    import faiss

    return np.asarray(faiss.vector_to_array(index.id_map), dtype=np.int64)


def numbers_of(index: Any) -> Numbers:
    """The numbers of all entries in the index, in the order they were added."""
    every = every_number(index)
    found: Numbers = every[every != GONE]
    return found


def vectors_of(index: Any) -> Vectors:
    """The vectors (n, d) of all entries in the index, in the order they were added (of those that
    are not gone), as exactly as the index has them; where it can, a view of its own memory, which
    lives as long as the index does."""
    if not index.ntotal:
        return np.zeros((0, index.d), dtype=np.float32)
    held = held_vectors(index)
    if held is None:
        held = np.concatenate(list(_reconstructed(index)))
    every = every_number(index)
    return held if (every != GONE).all() else held[every != GONE]


def held_vectors(index: Any) -> Vectors | None:
    """A view (n, d) of the vectors of all that an index holds, gone or not, where it holds them as
    they are: a flat index, or a graph over one."""
    library: Any = importlib.import_module("faiss")
    inner = library.downcast_index(index.index)
    if isinstance(inner, library.IndexHNSW):
        inner = library.downcast_index(inner.storage)
    if not isinstance(inner, library.IndexFlat):
        return None
    values = library.rev_swig_ptr(inner.get_xb(), index.ntotal * index.d)
    view: Vectors = values.reshape(index.ntotal, index.d)
    return view


def _reconstructed(index: Any, at_once: int = 65536) -> Iterator[Vectors]:
    for start in range(0, index.ntotal, at_once):
        count = min(at_once, index.ntotal - start)
        yield np.asarray(index.index.reconstruct_n(start, count), dtype=np.float32)


__all__ = [
    "COMPONENTS",
    "EXACT",
    "FLAT",
    "GONE",
    "INDEXED",
    "KINDS",
    "MAX_GONE",
    "Built",
    "Numbers",
    "Vectors",
    "as_asked",
    "build_index",
    "built_of",
    "every_number",
    "extended",
    "gone_share",
    "held_vectors",
    "index_file",
    "index_number",
    "index_numbers",
    "notes_file",
    "numbers_of",
    "read_index",
    "renewed",
    "sorted_rows",
    "vectors_of",
    "without",
    "write_index",
]
