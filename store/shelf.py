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
from tracemine.store.index_kinds import Vectors
from tracemine.store.nearest import Nearest
from tracemine.store.ranking import RUN, Mask, Rankable, Ranking, Wanted, method_of
from tracemine.store.requests import Unmet
from tracemine.store.trials import Batches, Trial, Tried, try_all, untried
from tracemine.verifiers import Sandbox

logger = logging.getLogger(__name__)

#: What is read of each entry; its support is how many spans it rests on.
COLUMNS = (
    "procedure_id, signature, success_rate, predicates, variants[1].predicates AS own_predicates, "
    "{support} AS support, variants[1].code AS code, "
    "variants[1].entry_point AS entry_point, evidence"
)


@dataclass(frozen=True, slots=True)
class Shelf:
    """Entries that are ranked together, in order of id: ``places`` says where each id stands.
    ``tried`` is what is run of each. ``homes``: for each table the places of its entries, in order
    of id; ``indexes`` has its vectors in that order."""

    ranking: Ranking
    places: Mapping[str, int]
    tried: tuple[Tried, ...]
    homes: Mapping[str, npt.NDArray[np.int64]]
    indexes: Mapping[str, Nearest]

    def offer(
        self,
        words: str,
        vector: Vectors,
        bindings: Bindings,
        output: Parameter,
        among: Mask,
        k: int,
        sandbox: Sandbox,
        *,
        unmet: Unmet = "drop",
    ) -> list[tuple[int, float, Trial]]:
        """The first ``k`` of ``among`` (n,) for a caller who asks in ``words``, of which ``vector``
        (d,) is the vector, for an ``output`` and brings ``bindings``, as ``(place, score, trial)``.
        Entries whose preconditions do not hold are left out, unless they are to be flagged: then
        they come like any that gives nothing. Without a sandbox that runs anything, by score alone,
        and a warning is logged.

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
            offers += self._tried(wanted, scored, bindings, batches, unmet)
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
        unmet: Unmet,
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
        flagged = unmet == "flag"
        kept = [
            (place, score) for place, score in scored if flagged or trials[place].met is not False
        ]
        if ran:
            kept = self.ranking.rerank(wanted, kept, [trials[place].value for place, _ in kept])
        return [(place, score, trials[place]) for place, score in kept]

    def _cosines(self, vector: Vectors) -> npt.NDArray[np.float64]:
        """The inner products (n,) of the entries' vectors with ``vector`` (d,)."""
        found = np.zeros(len(self.places))
        for table, places in self.homes.items():
            found[places] = self.indexes[table].cosines(vector)
        return found


def make_shelf(
    tables: Mapping[str, Nearest],
    read: Callable[[str], Sequence[Mapping[str, Any]]],
) -> Shelf:
    """The shelf of all entries of ``tables`` (name -> index). ``read`` gives rows of a query."""
    found: dict[str, tuple[Rankable, Tried]] = {}
    homes: dict[str, list[str]] = {}
    for table in tables:
        homes[table] = []
        support = "spans" if table == "tools" else "len(provenance)"
        query = f"SELECT {COLUMNS.format(support=support)} FROM {table} ORDER BY procedure_id"
        for row in read(query):
            identifier = row["procedure_id"]
            homes[table].append(identifier)
            found[identifier] = _of_row(row, Signature.from_json(row["signature"]))
    ids = sorted(found)
    places = {identifier: place for place, identifier in enumerate(ids)}
    return Shelf(
        ranking=Ranking([found[identifier][0] for identifier in ids]),
        places=places,
        tried=tuple(found[identifier][1] for identifier in ids),
        homes={
            table: np.array([places[identifier] for identifier in here], dtype=np.int64)
            for table, here in homes.items()
        },
        indexes=dict(tables),
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
