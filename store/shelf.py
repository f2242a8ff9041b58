"""A store's entries in memory, ready to be ranked for callers who bring values."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tracemine.schemas import Parameter, Signature
from tracemine.store.bindings import Bindings
from tracemine.store.errors import StoreError
from tracemine.store.index import Vectors, index_number, numbers_of, vectors_of
from tracemine.store.ranking import RUN, Mask, Rankable, Ranking, Wanted, method_of
from tracemine.store.trials import Batches, Trial, Tried, try_all, untried
from tracemine.verifiers import Sandbox

logger = logging.getLogger(__name__)

#: What is read of each entry beside its signature; its support is how many spans it rests on.
COLUMNS = (
    "procedure_id, success_rate, predicates, variants[1].predicates AS own_predicates, "
    "{support} AS support, variants[1].code AS code, "
    "variants[1].entry_point AS entry_point, evidence"
)


@dataclass(frozen=True, slots=True)
class Shelf:
    """Entries that are ranked together, in order of id: ``places`` says where each id stands.
    ``tried`` is what is run of each. ``rows``: for each index, the places of its entries, and at
    which rows of the index they are."""

    ranking: Ranking
    places: Mapping[str, int]
    tried: tuple[Tried, ...]
    rows: tuple[tuple[Any, npt.NDArray[np.int64], npt.NDArray[np.int64]], ...]

    def offer(
        self,
        words: str,
        vector: Vectors,
        bindings: Bindings,
        output: Parameter,
        among: Mask,
        k: int,
        sandbox: Sandbox,
    ) -> list[tuple[int, float, Trial]]:
        """The first ``k`` of ``among`` (n,) for a caller who asks in ``words``, of which ``vector``
        (d,) is the vector, for an ``output`` and brings ``bindings``, as ``(place, score, trial)``.
        Without a sandbox that runs anything, by score alone, and a warning is logged.

        Raises:
            StoreError: if the vector is of another size than those here.
        """
        left = among & self.ranking.takes(bindings.keys)
        cosines = self._cosines(vector)
        wanted = Wanted(words, bindings.keys, bindings.values, output)
        offers: list[tuple[int, float, Trial]] = []
        batches = Batches(sandbox)
        # What does not hold on the values drops out, so only as many are run as it takes.
        while len(offers) < k and left.any():
            scored = self.ranking.best(wanted, left, cosines, max(RUN, k))
            offers += self._tried(wanted, scored, bindings, batches)
            left[[place for place, _ in scored]] = False
        return offers[:k]

    def nearest(self, words: str, vector: Vectors, among: Mask, k: int) -> list[tuple[int, float]]:
        """The first ``k`` of ``among`` as ``(place, score)`` for a caller who brings no values,
        otherwise as `offer`.

        Raises:
            StoreError: if the vector is of another size than those here.
        """
        return self.ranking.nearest(words, among, self._cosines(vector), k)

    def _tried(
        self,
        wanted: Wanted,
        scored: Sequence[tuple[int, float]],
        bindings: Bindings,
        batches: Batches,
    ) -> list[tuple[int, float, Trial]]:
        """Those of ``scored`` (place, score) that can take the values, with what they gave, best
        first."""
        tried = [self.tried[place] for place, _ in scored]
        try:
            found = try_all(tried, bindings, batches)
            ran = True
        except RuntimeError as error:
            why = " ".join(str(error).split())
            logger.warning("entries were not run on the values: no sandbox (%s)", why)
            found = untried(tried, bindings)
            ran = False
        trials = {place: trial for (place, _), trial in zip(scored, found, strict=True)}
        kept = [(place, score) for place, score in scored if trials[place].met is not False]
        if ran:
            kept = self.ranking.rerank(wanted, kept, [trials[place].value for place, _ in kept])
        return [(place, score, trials[place]) for place, score in kept]

    def _cosines(self, vector: Vectors) -> npt.NDArray[np.float64]:
        """The inner products (n,) of the entries' vectors with ``vector`` (d,)."""
        found = np.zeros(len(self.places))
        for index, places, rows in self.rows:
            if index.d != len(vector):
                raise StoreError(
                    f"the query has {len(vector)} components, the index {index.d}: another embedder"
                )
            found[places] = (vectors_of(index) @ vector)[rows]
        return found


def make_shelf(
    signatures: Mapping[str, Signature],
    tables: Mapping[str, Any],
    read: Callable[[str], Sequence[Mapping[str, Any]]],
    *,
    named: str,
) -> Shelf:
    """The shelf of all entries of ``tables`` (name -> index); ``signatures`` are those of at least
    these, by id, and ``read`` gives the rows of a query. An error calls the store as ``named``.

    Raises:
        StoreError: if an index lacks an entry.
    """
    found: dict[str, tuple[Rankable, Tried]] = {}
    homes: dict[str, list[str]] = {}
    for table in tables:
        homes[table] = []
        support = "spans" if table == "tools" else "len(provenance)"
        for row in read(f"SELECT {COLUMNS.format(support=support)} FROM {table}"):
            identifier = row["procedure_id"]
            homes[table].append(identifier)
            found[identifier] = _of_row(row, signatures[identifier])
    ids = sorted(found)
    places = {identifier: place for place, identifier in enumerate(ids)}
    rows = []
    for table, index in tables.items():
        at = {number: row for row, number in enumerate(numbers_of(index).tolist())}
        numbers = [index_number(identifier) for identifier in homes[table]]
        if not at.keys() >= set(numbers):
            raise StoreError(f"the index of {table} of {named} lacks entries: run tracemine fsck")
        if numbers:
            here = np.array([places[identifier] for identifier in homes[table]], dtype=np.int64)
            rows.append((index, here, np.array([at[n] for n in numbers], dtype=np.int64)))
    return Shelf(
        ranking=Ranking([found[identifier][0] for identifier in ids]),
        places=places,
        tried=tuple(found[identifier][1] for identifier in ids),
        rows=tuple(rows),
    )


def _of_row(row: Mapping[str, Any], signature: Signature) -> tuple[Rankable, Tried]:
    code, entry_point = row["code"] or "", row["entry_point"] or ""
    rankable = Rankable(
        signature=signature,
        support=row["support"] or 0,
        success_rate=row["success_rate"],
        # Words are nobody else's, whatever code does the same.
        method=method_of(code, entry_point) if code else row["procedure_id"],
        # Few tokens are those of many entries.
        evidence={sys.intern(said["token"]): said["count"] for said in row["evidence"] or ()},
    )
    # What every variant needs, and what the first, which is run, needs besides.
    predicates = dict.fromkeys((*(row["predicates"] or ()), *(row["own_predicates"] or ())))
    tried = Tried(code, entry_point, signature.inputs, tuple(predicates))
    return rankable, tried


__all__ = ["Shelf", "make_shelf"]
