"""A store's entries in memory, ready to be ranked for callers who bring values."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tracemine.schemas import Parameter, Signature
from tracemine.store.bindings import Bindings
from tracemine.store.index_kinds import Vectors
from tracemine.store.nearest import Nearest
from tracemine.store.postings import Counting
from tracemine.store.ranking import RUN, Mask, Rankable, Ranking, Wanted, method_of
from tracemine.store.requests import Unmet
from tracemine.store.trials import Batches, Fitting, Trial, Tried, fit_all, try_all, untried
from tracemine.verifiers import Sandbox

logger = logging.getLogger(__name__)

_TEXTS = pa.large_list(pa.large_string())
#: What is kept of each entry, in order of id: predicates are what every variant needs, and what the
#: first, which is run, needs besides.
_KEPT = pa.schema(
    [
        ("signature", pa.large_string()), ("code", pa.large_string()),
        ("entry_point", pa.large_string()), ("predicates", _TEXTS), ("own_predicates", _TEXTS),
    ]
)  # fmt: skip
#: What is read of each entry; its support is how many spans it rests on.
_COLUMNS = (
    "procedure_id, signature, success_rate, predicates, variants[1].predicates AS own_predicates, "
    "{support} AS support, variants[1].code AS code, variants[1].entry_point AS entry_point"
)

#: Rows that are Python objects at once.
_PART = 10_000
#: Distinct signatures that are remembered as they are run.
_REMEMBERED = 4096

#: How many times more are looked at where too few of the best take the values.
_WIDEN = 4

Floats = npt.NDArray[np.float64]

#: Gives the result of SQL, all of it or in parts.
Read = Callable[[str], pa.Table]
ReadParts = Callable[[str, Callable[[pa.RecordBatch], None]], None]


@dataclass(frozen=True, slots=True)
class _Fits:
    """The entry at a place, as it was ranked, and how it takes the caller's values."""

    place: int
    score: float
    entry: Tried
    fit: Fitting


@dataclass(frozen=True, slots=True)
class Shelf:
    """Entries that are ranked together, in order of id. ``homes``: for each table the places (of
    all) of its entries, ascending; ``indexes`` has its vectors, and ``kept`` what is run of it
    (`_KEPT`), in that order."""

    ranking: Ranking
    homes: Mapping[str, npt.NDArray[np.int64]]
    indexes: Mapping[str, Nearest]
    kept: Mapping[str, pa.Table]

    def __len__(self) -> int:
        return sum(map(len, self.homes.values()))

    def home(self, place: int) -> tuple[str, int]:
        """The table of an entry, and its place there."""
        for table, places in self.homes.items():
            at = int(np.searchsorted(places, place))
            if at < len(places) and places[at] == place:
                return table, at
        raise IndexError(place)

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
        deadline: float = math.inf,
    ) -> list[tuple[int, float, Trial]]:
        """The first ``k`` of ``among`` (n,) for a caller who asks in ``words``, of which ``vector``
        (d,) is the vector, for an ``output`` and brings ``bindings``, as ``(place, score, trial)``.
        Entries that do not take the values (`fit_all`) are left out. So are those whose
        preconditions do not hold, unless they are to be flagged: then they come like any that gives
        nothing. Without a sandbox that runs anything, by score alone,
        and a warning is logged. Routines run for ``deadline`` seconds in all (`trials.Batches`).

        Raises:
            StoreError: if the vector is of another size than those here.
        """
        left = among & self.ranking.takes(bindings.keys)
        cosines = self._cosines(vector, left)
        wanted = Wanted(words, bindings.keys, bindings.values, output)
        offers: list[tuple[int, float, Trial]] = []
        batches = Batches(sandbox, seconds=deadline)
        # What does not hold on the values drops out, so only as many are run as it takes.
        while len(offers) < k and left.any():
            fitting = self._fitting(wanted, left, cosines, bindings, max(RUN, k))
            offers += self._tried(wanted, fitting, batches, unmet)
        return offers[:k]

    def _fitting(
        self, wanted: Wanted, left: Mask, cosines: Floats, bindings: Bindings, n: int
    ) -> list[_Fits]:
        """The ``n`` best of those that are ``left`` and take the values. What was looked at is left
        no longer."""
        found: list[_Fits] = []
        depth = n
        while len(found) < n and left.any():
            scored = self.ranking.best(wanted, left, cosines, depth)
            tried = [self._entry(place) for place, _ in scored]
            for (place, score), entry, fit in zip(
                scored, tried, fit_all(tried, bindings), strict=True
            ):
                if len(found) == n:
                    break
                left[place] = False
                if fit is not None:
                    found.append(_Fits(place, score, entry, fit))
            depth *= _WIDEN
        return found

    def nearest(self, words: str, vector: Vectors, among: Mask, k: int) -> list[tuple[int, float]]:
        """The first ``k`` of ``among`` as ``(place, score)`` for a caller who brings no values,
        otherwise as `offer`.

        Raises:
            StoreError: if the vector is of another size than those here.
        """
        return self.ranking.nearest(words, among, self._cosines(vector, among), k)

    def _tried(
        self, wanted: Wanted, fitting: Sequence[_Fits], batches: Batches, unmet: Unmet
    ) -> list[tuple[int, float, Trial]]:
        """Those of ``fitting`` that hold on the values, with what they gave, best first."""
        entries, fits = [one.entry for one in fitting], [one.fit for one in fitting]
        try:
            found = try_all(entries, fits, batches)
            ran = True
        except RuntimeError as error:
            why = " ".join(str(error).split())
            logger.warning("entries were not run on the values: no sandbox (%s)", why)
            found = untried(entries, fits)
            ran = False
        trials = {one.place: trial for one, trial in zip(fitting, found, strict=True)}
        flagged = unmet == "flag"
        kept = [
            (one.place, one.score)
            for one in fitting
            if flagged or trials[one.place].met is not False
        ]
        if ran:
            kept = self.ranking.rerank(wanted, kept, [trials[place].value for place, _ in kept])
        return [(place, score, trials[place]) for place, score in kept]

    def _cosines(self, vector: Vectors, among: Mask) -> Floats:
        """The inner products (n,) with ``vector`` (d,) of the vectors of the entries that are
        ``among`` (n,), 0 for the others: where vectors are coded, each costs a microsecond."""
        found = np.zeros(len(self))
        for table, places in self.homes.items():
            found[places] = self.indexes[table].cosines(vector, among[places])
        return found

    def _entry(self, place: int) -> Tried:
        """What is run of an entry."""
        table, at = self.home(place)
        row = {name: self.kept[table][name][at].as_py() for name in _KEPT.names}
        predicates = dict.fromkeys((*(row["predicates"] or ()), *(row["own_predicates"] or ())))
        inputs = _inputs(row["signature"])
        return Tried(row["code"] or "", row["entry_point"] or "", inputs, tuple(predicates))


def make_shelf(tables: Mapping[str, Nearest], read: Read, read_parts: ReadParts) -> Shelf:
    """The shelf of all entries of ``tables`` (name -> index). What of them is read is columns: of
    an entry no object stays in memory."""
    data = {}
    for table in tables:
        support = "spans" if table == "tools" else "len(provenance)"
        query = f"SELECT {_COLUMNS.format(support=support)} FROM {table} ORDER BY procedure_id"
        data[table] = read(query)
    ids = [identifier for rows in data.values() for identifier in rows["procedure_id"].to_pylist()]
    order = np.argsort(np.array(ids, dtype="S"), kind="stable")
    places = np.empty(len(ids), dtype=np.int64)
    places[order] = np.arange(len(ids))
    homes, start, counting = {}, 0, Counting()
    for table, rows in data.items():
        homes[table] = places[start : start + len(rows)]
        start += len(rows)
        read_parts(
            f"SELECT procedure_id, evidence FROM {table}",
            partial(_count, counting, rows["procedure_id"].to_numpy().astype("S"), homes[table]),
        )
    every = [entry for rows in data.values() for entry in _rankables(rows)]
    return Shelf(
        ranking=Ranking([every[at] for at in order.tolist()], counting.counts()),
        homes=homes,
        indexes=dict(tables),
        kept={table: rows.select(_KEPT.names).cast(_KEPT) for table, rows in data.items()},
    )


def _count(
    counting: Counting,
    ids: npt.NDArray[np.bytes_],
    places: npt.NDArray[np.int64],
    part: pa.RecordBatch,
) -> None:
    """Add the evidence of some entries of a table, of which ``ids`` (n,) are at ``places``."""
    found = part["procedure_id"].to_numpy(zero_copy_only=False).astype("S")
    counting.add(places[np.searchsorted(ids, found)], part["evidence"])


def _rankables(rows: pa.Table) -> Iterator[Rankable]:
    """The entries of a table without their evidence; what several have in common is one object."""
    parameters: dict[Parameter, Parameter] = {}
    signatures: dict[str, Signature] = {}
    names = ("procedure_id", "signature", "success_rate", "support", "code", "entry_point")
    for part in rows.select(names).to_batches(max_chunksize=_PART):
        for row in part.to_pylist():
            text = row["signature"]
            if text not in signatures:
                read = Signature.from_json(text)
                inputs = tuple(parameters.setdefault(p, p) for p in read.inputs)
                output = parameters.setdefault(read.output, read.output)
                signatures[text] = replace(read, inputs=inputs, output=output)
            yield Rankable(
                signature=signatures[text],
                support=row["support"] or 0,
                success_rate=row["success_rate"],
                # Words are nobody else's, whatever code does the same.
                method=method_of(row["code"], row["entry_point"] or "")
                if row["code"]
                else row["procedure_id"],
            )


@lru_cache(maxsize=_REMEMBERED)
def _inputs(signature: str) -> tuple[Parameter, ...]:
    return Signature.from_json(signature).inputs


__all__ = ["Shelf", "make_shelf"]
