"""What of a snapshot is searched, in memory or mapped: cards, indexes and words, each made when it
is first asked for and then shared by all threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa

from tracemine.store.cards import Cards, cards_query, gives, make_cards, read_cards, takes, units_of
from tracemine.store.index import KINDS, index_numbers, read_index
from tracemine.store.keywords import Bm25, Keywords
from tracemine.store.nearest import Kept, Nearest
from tracemine.store.requests import Filter
from tracemine.store.snapshot import Snapshot

#: Filters whose result is remembered, and the bytes that they take in all, beside the last: 9 for
#: each entry that one keeps, and 1 for any other.
REMEMBERED, REMEMBERED_BYTES = 64, 256 << 20


class Catalogue:
    """The entries of one snapshot by table.

    Args:
        snapshot: the snapshot; its files are compared with their sha256 unless ``checked``.
        read: the result of SQL over the tables.
        where: the column ``procedure_id`` of the rows of a table that a caller's condition keeps.
        named: what an error calls the store.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        read: Callable[[str], pa.Table],
        where: Callable[[str, str], pa.Table],
        *,
        named: str,
        checked: bool,
    ) -> None:
        self._snapshot = snapshot
        self._read = read
        self._where = where
        self._named = named
        self._checked = checked
        self._lock = threading.RLock()
        #: Words take longer to count than all else here, and most searches can do without.
        self._words_lock = threading.Lock()
        self._cards: dict[str, Cards] = {}
        self._nearest: dict[str, Nearest] = {}
        self._kept: OrderedDict[Filter, Mapping[str, Kept | None]] = OrderedDict()
        self._keywords: Keywords | None = None
        self._bm25: Bm25 | None = None
        self._units: set[str] | None = None

    def cards(self, table: str) -> Cards:
        """The cards of a table."""
        with self._lock:
            if table not in self._cards:
                self._cards[table] = Cards(table, self._data(table))
            return self._cards[table]

    def _data(self, table: str) -> pa.Table:
        written = self._snapshot.cards(table)
        if written is None:
            return make_cards(self._read(cards_query(table)))
        path, sha256 = written
        return read_cards(path, None if self._checked else sha256)

    def nearest(self, table: str) -> Nearest:
        """The index of a table.

        Raises:
            StoreError: if it cannot be read, is not what was written, or lacks an entry.
        """
        with self._lock:
            if table not in self._nearest:
                with ThreadPoolExecutor(1) as aside:
                    # Of a large table both take a second.
                    reading = aside.submit(self._index, table)
                    numbers = self.cards(table).numbers
                    index = reading.result()
                named = f"the index of {table} of {self._named}"
                self._nearest[table] = Nearest(index, numbers, named)
            return self._nearest[table]

    def _index(self, table: str) -> Any:
        if not self._checked:
            self._snapshot.check_index(table)
        return read_index(self._snapshot.index(table))

    def units(self) -> set[str]:
        """Every unit in a signature."""
        with self._lock:
            if self._units is None:
                shapes = (s for kind in KINDS for s in self._values(kind, "shape"))
                self._units = set().union(*map(units_of, shapes))
            return self._units

    def _values(self, kind: str, column: str) -> list[str]:
        return [v for table in KINDS[kind] for v in self.cards(table).values(column)]

    # -- filters -----------------------------------------------------------------------------------

    def kept(self, wanted: Filter) -> Mapping[str, Kept | None]:
        """What a filter keeps of each table of its kind, None for everything; without the tables
        of which it keeps nothing.

        Raises:
            RequestError: if its condition is no valid SQL.
        """
        with self._lock:
            if wanted in self._kept:
                self._kept.move_to_end(wanted)
                return self._kept[wanted]
        found: dict[str, Kept | None] = {}
        for table in KINDS[wanted.kind]:
            mask = self._mask(table, wanted)
            if mask.all() and len(mask):
                found[table] = None
            elif mask.any():
                found[table] = Kept(mask)
        with self._lock:
            self._kept[wanted] = found
            while len(self._kept) > REMEMBERED or self._too_large():
                self._kept.popitem(last=False)
        return found

    def _too_large(self) -> bool:
        every = [each for found in self._kept.values() for each in found.values()]
        size = sum(each.bytes for each in every if each is not None)
        return len(self._kept) > 1 and size > REMEMBERED_BYTES

    def _mask(self, table: str, wanted: Filter) -> Any:
        cards = self.cards(table)
        mask = cards.mask("status", lambda status: status in wanted.status)
        if wanted.domain is not None:
            mask &= cards.mask("domains", lambda domains: wanted.domain in domains.split())
        if wanted.output_type is not None or wanted.output_unit is not None:
            kind, unit = wanted.output_type, wanted.output_unit
            mask &= cards.mask("shape", lambda shape: gives(shape, kind, unit))
        if wanted.inputs is not None:
            types = wanted.inputs
            mask &= cards.mask("shape", lambda shape: takes(shape, types))
        if wanted.where is not None and len(cards):
            rows = self._where(table, wanted.where)
            mask &= np.isin(cards.numbers, index_numbers(rows["procedure_id"].to_pylist()))
        return mask

    # -- words -------------------------------------------------------------------------------------

    def offsets(self, kind: str) -> dict[str, int]:
        """Where the entries of each table of a kind begin among all of the kind."""
        found, size = {}, 0
        for table in KINDS[kind]:
            found[table] = size
            size += len(self.cards(table))
        return found

    def keywords(self) -> Keywords:
        """Words of all procedures, by their position (`offsets`)."""
        with self._words_lock:
            if self._keywords is None:
                size = sum(len(self.cards(table)) for table in KINDS["procedure"])
                self._keywords = Keywords.of_many(size, self._texts)
            return self._keywords

    def _texts(self, positions: Sequence[int]) -> list[str]:
        """The texts of procedures by position."""
        wanted = np.asarray(positions, dtype=np.int64)
        found = np.empty(len(wanted), dtype=object)
        for table, start in self.offsets("procedure").items():
            cards = self.cards(table)
            here = (wanted >= start) & (wanted < start + len(cards))
            found[here] = cards.texts((wanted[here] - start).tolist())
        return list(found)

    def bm25(self) -> Bm25:
        """Words of all procedures, ranked by themselves, by position."""
        with self._words_lock:
            if self._bm25 is None:
                tables = KINDS["procedure"]
                self._bm25 = Bm25([t for table in tables for t in self.cards(table).texts()])
            return self._bm25


__all__ = ["Catalogue"]
