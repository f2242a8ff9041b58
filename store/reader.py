"""Reading a store: search, one entry with its evidence, counts, SQL.

A `Store` is one snapshot, opened once: what is published later is seen by opening again. Its
methods may be called from several threads.
"""

from __future__ import annotations

import datetime
import heapq
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from tracemine.schemas import (
    Event,
    Instance,
    Merged,
    Parameter,
    Procedure,
    Provenance,
    Replay,
    Signature,
    ToolPointer,
)
from tracemine.schemas.arrow import (
    TABLES,
    event_from_row,
    procedure_from_row,
    tool_from_row,
)
from tracemine.schemas.records import DOMAINS, STATUSES
from tracemine.schemas.types import TypeSyntaxError, is_subtype, parse
from tracemine.store.bindings import Bindings
from tracemine.store.embedder import Embedder
from tracemine.store.errors import RequestError, StoreError
from tracemine.store.index import (
    KINDS,
    Vectors,
    index_number,
    numbers_of,
    read_index,
    search_index,
)
from tracemine.store.keywords import POOL, WEIGHT, Keywords
from tracemine.store.snapshot import Snapshot, open_snapshot

if TYPE_CHECKING:
    from tracemine.store.shelf import Shelf
    from tracemine.store.trials import Trial
    from tracemine.verifiers import Sandbox

#: Statuses of what is verified and in date.
SERVED = ("canonical", "verified")
#: Statuses that search gives unless it is asked for others: what is out of date is flagged.
SEARCHED = (*SERVED, "expired")

#: Digits of a score as it is shown.
SCORE_DIGITS = 6
#: How many neighbours are looked at first, for each hit that is asked for.
_WIDEN = 4
_LEAST_WINDOW = 32

#: The columns that a hit is made of: evidence has hundreds of rows, and a hit shows none of it.
_OF_A_HIT = "* REPLACE ([] AS evidence)"

#: Characters of a wrong unit that are shown.
_SHOWN_UNIT_CHARS = 40

#: What may be the name of a table in a query.
_WORD = re.compile(r"\w+")

#: The least beginning of an id that `Store.get` takes for the whole.
LEAST_PREFIX = 6
#: Ids that are named where several begin so.
_LISTED = 5


@dataclass(frozen=True, slots=True)
class ServedVariant:
    """The variant of an entry that a hit recommends: its first."""

    variant_id: str
    subroutine: str
    code: str
    entry_point: str


@dataclass(frozen=True, slots=True)
class Hit:
    """What search gives of an entry. ``score`` is the cosine with the query
    (to 0.002: vectors are of unit length up to their grid) and what words add; where the caller
    brought values it is that of `ranking`, which may be any number, and entries that give what a
    better one gave come after all others whatever theirs is. ``tokens`` is what
    ``variant.subroutine`` costs.

    The rest speaks of the caller's values: ``roles`` says which goes where (parameter -> the
    caller's name), ``gives`` what the variant gave on them, or None and, in ``gives_not``, why
    nothing. ``unchecked``: the entry has preconditions, and they could not be evaluated (a value is
    not of its parameter's type, or there is no sandbox).

    ``expired``: its time is up, or a library that it needs has changed, since it was last verified.

    ``kind`` is `procedure`, or `tool` for a pointer to the tool ``tool``, whose ``variant`` is one
    call of it.
    """

    procedure_id: str
    score: float
    subquestion: str
    summary: str
    status: str
    domain: str
    signature: Signature
    preconditions: tuple[str, ...]
    failure_modes: tuple[str, ...]
    tokens: int
    success_rate: float
    distinct_problems: int
    variant: ServedVariant
    provenance: tuple[Provenance, ...]
    unchecked: bool = False
    roles: Mapping[str, str] | None = None
    gives: Any = None
    gives_not: str = ""
    kind: str = "procedure"
    tool: str = ""
    expired: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """A replay of one of an entry's variants, with the instance that it ran on."""

    replay: Replay
    instance: Instance


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry with all that speaks for and against it, and its audit trail. ``pointer`` says more
    of one that is a tool pointer; the verdicts on it are counted in its variant, not kept.
    ``merged`` are the entries that went into it, whose events are among ``events``."""

    procedure: Procedure
    evidence: tuple[Evidence, ...]
    events: tuple[Event, ...]
    pointer: ToolPointer | None = None
    merged: tuple[Merged, ...] = ()


@dataclass(frozen=True, slots=True)
class _Card:
    """What search needs of every entry, in memory: about 1.5 kB each. ``position`` is the
    card's place among all of its kind, ``text`` what keywords are looked for in. A procedure has
    one of ``domains``, a tool pointer those of all that it stands for."""

    procedure_id: str
    table: str
    status: str
    domains: Sequence[str]
    signature: Signature
    success_rate: float
    text: str
    position: int


class Store:
    """The live snapshot of a store, as of when it was opened. Make one with `open`. It stays where
    it is until it is closed; a ``with`` block does that at its end.

    A file is compared with its sha256 when something of it is first asked for, so that what was
    damaged since it was written is not served; ``checked`` says that this has been done.
    """

    def __init__(self, snapshot: Snapshot, *, checked: bool = False) -> None:
        self.snapshot = snapshot
        self._unchecked = set() if checked else set(TABLES)
        self._lock = threading.RLock()
        self._indexes: dict[str, Any] = {}
        self._shelves: dict[frozenset[str], Shelf] = {}
        self._known_cards: dict[str, tuple[_Card, ...]] = {}
        self._sandbox: Sandbox | None = None
        self._embedder: Embedder | None = None
        self._database = self._connect()

    @staticmethod
    def open(path: str) -> Store:
        """Open the store at ``path``, a folder or any fsspec URL. Takes milliseconds: models and
        indexes are loaded by the first search.

        Raises:
            StoreError: if there is none, it lacks a file or has one of another size, or another
                schema version wrote it.
        """
        snapshot = open_snapshot(path)
        try:
            _check_files(snapshot)
            return Store(snapshot)
        except StoreError:
            snapshot.close()
            raise

    def close(self) -> None:
        """Give the snapshot up: it may be removed by `gc` from now on."""
        self._database.close()
        self.snapshot.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- search --------------------------------------------------------------------------------

    def search(
        self,
        query: str,
        k: int = 5,
        *,
        domain: str | None = None,
        output_type: str | None = None,
        output_unit: str | None = None,
        bindings: Mapping[str, Any] | None = None,
        units: Mapping[str, str | None] | None = None,
        status: Sequence[str] = SEARCHED,
        kind: str = "procedure",
    ) -> list[Hit]:
        """The ``k`` entries that answer ``query``, best first. Filters act inside the search: fewer
        come back only if fewer fit.

        Without ``bindings`` those whose words are nearest: by the cosine of vectors, to which the
        query's own words add among the nearest (see `keywords`). Ties in score go by status
        (canonical before verified before the rest), success rate, id.

        Of tools, of which one serves many questions, those that `ranking` places first: by the
        cosine, by what those asked who call it, and by how many they are.

        With ``bindings`` those that `ranking` places first: the best are run on the values, in the
        sandbox, and judged by what they give, too. Where no sandbox can be had a warning is logged,
        and nothing is run. Ties go by id.

        Args:
            domain: only entries of this domain.
            output_type: only entries whose output may stand where this type is asked for: an
                ``int`` routine answers a request for ``rational``.
            output_unit: only entries whose output is in this unit, or in none that is known.
            bindings: values by name. Only entries whose parameters can take them, and whose
                preconditions hold on them.
            units: of values in ``bindings``, by name; text that pint parses. Only entries that do
                not take these values in another unit.
            status: statuses to serve.
            kind: ``procedure``, or ``tool`` for pointers to tools: single calls of a named function
                and single operations.

        Raises:
            RequestError: if an argument is not of its kind.
            StoreError: if the store's embedder or index cannot be used.
        """
        _check_request(query, k, domain, output_type, status, kind)
        asked = self._bindings(bindings, units)
        output = Parameter("", output_type or "any", self._unit(output_unit, "the output"))
        vector = self.embedder.encode([query])[0]
        cards = self._fitting(kind, domain, output_type, output.unit, status)
        if asked is not None or kind == "tool":
            return self._on_shelf(query, vector, cards, k, asked, output, kind, status)
        ranked = self._lifted(query, self._ranked(vector, cards, max(k, POOL)))
        return self._hits(list(islice(ranked, k)))

    def search_vector(
        self,
        vector: Vectors,
        k: int = 5,
        *,
        domain: str | None = None,
        output_type: str | None = None,
        output_unit: str | None = None,
        bindings: Mapping[str, Any] | None = None,
        units: Mapping[str, str | None] | None = None,
        status: Sequence[str] = SEARCHED,
        kind: str = "procedure",
    ) -> list[Hit]:
        """`search` by a vector of the store's embedder, without words."""
        _check_request("", k, domain, output_type, status, kind)
        asked = self._bindings(bindings, units)
        output = Parameter("", output_type or "any", self._unit(output_unit, "the output"))
        cards = self._fitting(kind, domain, output_type, output.unit, status)
        if asked is not None or kind == "tool":
            return self._on_shelf("", vector, cards, k, asked, output, kind, status)
        return self._hits(list(islice(self._ranked(vector, cards, k), k)))

    def _bindings(
        self, bindings: Mapping[str, Any] | None, units: Mapping[str, str | None] | None
    ) -> Bindings | None:
        if units is not None and not isinstance(units, Mapping):
            raise RequestError("units must be given by name")
        if bindings is None:
            if units:
                raise RequestError("units are those of bindings: give bindings, too")
            return None
        return Bindings(bindings, {n: self._unit(u, repr(n)) for n, u in (units or {}).items()})

    def _unit(self, text: str | None, of: str) -> str | None:
        """A unit in the spelling of the store's signatures."""
        if text is None:
            return None
        # Imported here: few searches have units.
        from tracemine.verifiers.units import UnknownUnitError, unit_key

        if not isinstance(text, str):
            raise RequestError(f"the unit of {of} must be text")
        try:
            key = unit_key(text)
        except UnknownUnitError as error:
            shown = repr(text[:_SHOWN_UNIT_CHARS])
            raise RequestError(
                f"unknown unit {shown} of {of}: a unit is e.g. dollar or mile/hour"
            ) from error
        return self._spellings.get(key, text)

    @cached_property
    def _spellings(self) -> dict[str, str]:
        from tracemine.verifiers.units import UnknownUnitError, unit_key

        signatures = [card.signature for kind in KINDS for card in self._cards(kind)]
        units = {p.unit for s in signatures for p in (*s.inputs, s.output) if p.unit}
        spellings: dict[str, str] = {}
        for unit in sorted(units):
            try:
                spellings.setdefault(unit_key(unit), unit)
            except UnknownUnitError:
                continue  # no caller's unit is this one
        return spellings

    def _fitting(
        self,
        kind: str,
        domain: str | None,
        output_type: str | None,
        output_unit: str | None,
        status: Sequence[str],
    ) -> list[_Card]:
        return [
            card
            for card in self._cards(kind)
            if card.status in status
            and (domain is None or domain in card.domains)
            and (output_type is None or is_subtype(card.signature.output.type, output_type))
            and (output_unit is None or card.signature.output.unit in (None, output_unit))
        ]

    # -- search by what speaks for each -----------------------------------------------------------

    def _on_shelf(
        self,
        query: str,
        vector: Vectors,
        cards: Sequence[_Card],
        k: int,
        asked: Bindings | None,
        output: Parameter,
        kind: str,
        status: Sequence[str],
    ) -> list[Hit]:
        """The first ``k`` of ``cards`` by `ranking`, as hits that say how the values go, if there
        are any."""
        if not cards:
            return []
        # Not of what the other filters leave: what speaks for an entry does not depend on them.
        tables = frozenset(c.table for c in self._cards(kind) if c.status in status)
        shelf = self._shelf(kind, tables)
        by_place = {shelf.places[card.procedure_id]: card for card in cards}
        among = np.zeros(len(shelf.places), dtype=bool)
        among[list(by_place)] = True
        offers: Sequence[tuple[int, float, Trial | None]]
        if asked is None:
            nearest = shelf.nearest(query, vector, among, k)
            offers = [(place, score, None) for place, score in nearest]
        else:
            offers = shelf.offer(query, vector, asked, output, among, k, self.sandbox)
        chosen = [(by_place[place], score, trial) for place, score, trial in offers]
        entries = self._entries([card for card, _, _ in chosen], _OF_A_HIT)
        return [hit_of(entries[card.procedure_id], score, trial) for card, score, trial in chosen]

    @property
    def sandbox(self) -> Sandbox:
        """Where entries are run: that of this process, if `use_sandbox` has named no other."""
        if self._sandbox is None:
            # Imported here: most searches bring no values, and need no sandbox.
            from tracemine.verifiers import shared_sandbox

            return shared_sandbox()
        return self._sandbox

    def use_sandbox(self, sandbox: Sandbox) -> None:
        """Run entries in ``sandbox``, e.g. one that requires isolation."""
        self._sandbox = sandbox

    def _shelf(self, kind: str, tables: frozenset[str]) -> Shelf:
        # Imported here: most searches bring no values, and scipy takes its time.
        from tracemine.store.shelf import make_shelf

        with self._lock:
            if tables not in self._shelves:
                signatures = {card.procedure_id: card.signature for card in self._cards(kind)}
                indexes = {table: self._index(table) for table in sorted(tables)}
                self._shelves[tables] = make_shelf(
                    signatures, indexes, self.rows, named=self._named
                )
            return self._shelves[tables]

    # -- search by words -----------------------------------------------------------------------

    def _lifted(self, query: str, ranked: Iterator[_Scored]) -> Iterator[_Scored]:
        """``ranked`` with what words add to the scores of the first `POOL`."""
        pool = list(islice(ranked, POOL))
        words = self._keywords.scores(query, [scored.card.position for scored in pool])
        lifted = [
            _Scored(scored.card, scored.score + WEIGHT * extra)
            for scored, extra in zip(pool, words, strict=True)
        ]
        yield from sorted(lifted, key=_order)
        yield from ranked

    @property
    def embedder(self) -> Embedder:
        """The store's own embedder.

        Raises:
            StoreError: if what its name loads today gives other vectors than the store holds.
        """
        with self._lock:
            if self._embedder is None:
                wanted = self.snapshot.manifest["embedder"]
                name = wanted.get("name")
                loaded = Embedder.load(name)
                if loaded.fingerprint != wanted.get("fingerprint"):
                    raise StoreError(
                        f"{self._named} was made with another embedder than {name} is now "
                        f"({wanted.get('fingerprint')}, not {loaded.fingerprint}): "
                        "install that one, or mine again"
                    )
                self._embedder = loaded
            return self._embedder

    def use_embedder(self, embedder: Embedder) -> None:
        """Search with ``embedder``, e.g. one loaded with its own code trusted.

        Raises:
            StoreError: if it is not the store's.
        """
        wanted = self.snapshot.manifest["embedder"].get("fingerprint")
        if embedder.fingerprint != wanted:
            raise StoreError(
                f"{self._named} was made with another embedder "
                f"({wanted}, not {embedder.fingerprint})"
            )
        with self._lock:
            self._embedder = embedder

    # -- reading -------------------------------------------------------------------------------

    def get(self, procedure_id: str) -> Entry | None:
        """The entry with this id, or with the only id that begins so (`LEAST_PREFIX` characters
        or more); None if there is none.

        Raises:
            RequestError: naming the first of them, if several ids begin so.
        """
        wanted = procedure_id.strip().lower()
        found = [
            card
            for kind in KINDS
            for card in self._cards(kind)
            if card.procedure_id == wanted
            or (len(wanted) >= LEAST_PREFIX and card.procedure_id.startswith(wanted))
        ]
        if not found:
            return None
        if len(found) > 1:
            ids = [card.procedure_id for card in found]
            more = f" and {len(ids) - _LISTED:,} more" if len(ids) > _LISTED else ""
            raise RequestError(
                f"{len(ids):,} ids begin with {wanted}: {', '.join(sorted(ids)[:_LISTED])}{more}; "
                "give one of them, or more of its digits"
            )
        identifier = found[0].procedure_id
        entry = self._entries(found)[identifier]
        events = self._events(identifier)
        if isinstance(entry, ToolPointer):
            return Entry(entry.entry, self._evidence(entry.entry), events, entry)
        return Entry(entry, self._evidence(entry), events)

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The result of SQL over the tables (one view each), in DuckDB, as dicts.

        Raises:
            StoreError: if a file is damaged.
            RequestError: if the SQL is not valid.
        """
        import duckdb

        self._check(set(_WORD.findall(query)))
        try:
            cursor = self._database.cursor().execute(query, list(parameters))
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException) as error:
            raise RequestError(f"not valid SQL: {_first_line(error)}") from error
        except duckdb.Error as error:
            message = f"cannot read {self._named} ({_first_line(error)}): run tracemine fsck"
            raise StoreError(message) from error

    def stats(self) -> dict[str, Any]:
        """Counts: entries by status, domain, source, licence and teacher; rows of each table;
        verdicts; what was rejected and why; tokens."""
        entries = "(SELECT * FROM procedures UNION ALL BY NAME SELECT * FROM candidates)"
        resting = (
            f"(SELECT DISTINCT procedure_id, p.{{0}} AS {{0}} FROM "
            f"(SELECT procedure_id, unnest(provenance) AS p FROM {entries}))"
        )
        files = self.snapshot.manifest["files"]
        served = self.rows(
            "SELECT count(*) AS entries, coalesce(sum(len(variants)), 0) AS variants, "
            "coalesce(avg(variants[1].tokens), 0) AS mean_tokens, "
            "coalesce(avg(success_rate), 0) AS mean_success_rate FROM procedures"
        )[0]
        return {
            "snapshot": self.snapshot.number,
            "as_of": self.snapshot.manifest.get("as_of"),
            "status": dict.fromkeys(STATUSES, 0)
            | self._counts("status", entries)
            | self._counts("'merged'", "merged"),
            "domain": self._counts("domain", entries),
            "source": self._counts("source", resting.format("source")),
            "licence": self._counts("licence", resting.format("licence")),
            "teacher": self._counts("teacher", entries),
            "replays": self._counts("verdict", "replays"),
            "rejected": self._counts("reason", "rejected"),
            "handoff": self._counts("tool", "handoff"),
            "tools": dict.fromkeys(STATUSES, 0) | self._counts("status", "tools"),
            "procedures": {
                "entries": served["entries"],
                "variants": int(served["variants"]),
                "mean_tokens": round(float(served["mean_tokens"]), 1),
                "mean_success_rate": round(float(served["mean_success_rate"]), 4),
            },
            "rows": {
                table: sum(f["rows"] for f in files if f.get("table") == table) for table in TABLES
            },
            "bytes": sum(f["bytes"] for f in files),
        }

    def sql(self) -> str:
        """``CREATE VIEW`` statements over the live files, for DuckDB anywhere on this machine."""
        return "\n".join(view_statements(self.snapshot)) + "\n"

    def vectors(self, table: str) -> tuple[list[str], Vectors]:
        """The ids of all entries of a table that has an index, sorted, and the vectors (n, d) that
        they are found by.

        Raises:
            StoreError: if the index lacks one.
        """
        index = self._index(table)
        cards = [card for kind in KINDS for card in self._cards(kind)]
        ids = sorted(card.procedure_id for card in cards if card.table == table)
        rows = {number: row for row, number in enumerate(numbers_of(index).tolist())}
        missing = [i for i in ids if index_number(i) not in rows]
        if missing:
            raise StoreError(
                f"the index of {table} of {self._named} lacks {missing[0]}: run tracemine fsck"
            )
        if not ids:
            return [], np.zeros((0, index.d), dtype=np.float32)
        every = index.index.reconstruct_n(0, index.ntotal)
        return ids, every[[rows[index_number(i)] for i in ids]]

    # -- inside --------------------------------------------------------------------------------

    def _check(self, tables: Set[str]) -> None:
        """Nothing, if those of ``tables`` that the store has are what was written."""
        with self._lock:
            for table in sorted(self._unchecked & tables):
                self.snapshot.check(table)
                self._unchecked.discard(table)

    def _connect(self) -> Any:
        import duckdb

        connection = duckdb.connect(":memory:")
        if not self.snapshot.location.local:
            connection.register_filesystem(self.snapshot.location.fs)
        try:
            for statement in view_statements(self.snapshot):
                connection.execute(statement)
        except duckdb.Error as error:
            self.snapshot.check(*TABLES)  # Names the file, if one is not what was written.
            message = f"cannot read {self._named} ({_first_line(error)}): run tracemine fsck"
            raise StoreError(message) from error
        return connection

    def _cards(self, kind: str) -> tuple[_Card, ...]:
        """The cards of all entries of a kind of `KINDS`."""
        with self._lock:
            if kind not in self._known_cards:
                self._known_cards[kind] = self._read_cards(kind)
            return self._known_cards[kind]

    def _read_cards(self, kind: str) -> tuple[_Card, ...]:
        cards: list[_Card] = []
        for table in KINDS[kind]:
            domains = "domains" if table == "tools" else "[domain]"
            query = (
                f"SELECT procedure_id, status, {domains} AS domains, signature, success_rate, "
                "subquestion || ' ' || replace(summary, '_', ' ') AS text "
                f"FROM {table} ORDER BY procedure_id"
            )
            for row in self.rows(query):
                signature = Signature.from_json(row.pop("signature"))
                cards.append(_Card(table=table, signature=signature, position=len(cards), **row))
        return tuple(cards)

    @property
    def _named(self) -> str:
        """What an error calls this store: who has several must see which of them it is."""
        return f"the store {self.snapshot.location.url()}"

    @cached_property
    def _keywords(self) -> Keywords:
        return Keywords([card.text for card in self._cards("procedure")])

    def _ranked(self, vector: Vectors, cards: Sequence[_Card], k: int) -> Iterator[_Scored]:
        """``cards``, best first, with their scores; looks only as far as it is read."""
        streams = [
            self._ranked_in(table, vector, [c for c in cards if c.table == table], k)
            for table in sorted({card.table for card in cards})
        ]
        return heapq.merge(*streams, key=_order)

    def _ranked_in(
        self, table: str, vector: Vectors, cards: Sequence[_Card], k: int
    ) -> Iterator[_Scored]:
        if not cards:
            return
        index = self._index(table)
        if index.d != len(vector):
            raise StoreError(
                f"the query has {len(vector)} components, the index {index.d}: another embedder"
            )
        by_number = {index_number(card.procedure_id): card for card in cards}
        among = np.array(sorted(by_number), dtype=np.int64)
        given, window = 0, max(_LEAST_WINDOW, k * _WIDEN)
        while given < len(among):
            neighbours = search_index(index, vector, window, among=among)
            if len(neighbours) < min(window, len(among)):
                raise StoreError(
                    f"the index of {table} of {self._named} lacks entries: run tracemine fsck"
                )
            found = [_Scored(by_number[number], score) for number, score in neighbours]
            if window < len(among):
                # What ties with the last one may lie beyond the window, so it waits for the next.
                found = [s for s in found if s.score > found[-1].score]
            found.sort(key=_order)
            yield from found[given:]
            given = max(given, len(found))
            window *= _WIDEN

    def _index(self, table: str) -> Any:
        with self._lock:
            if table not in self._indexes:
                if self._unchecked:
                    self.snapshot.check_index(table)
                self._indexes[table] = read_index(self.snapshot.index(table))
            return self._indexes[table]

    def _hits(self, scored: Sequence[_Scored]) -> list[Hit]:
        entries = self._entries([s.card for s in scored], _OF_A_HIT)
        return [hit_of(entries[s.card.procedure_id], min(1.0, max(-1.0, s.score))) for s in scored]

    def _entries(
        self, cards: Iterable[_Card], columns: str = "*"
    ) -> dict[str, Procedure | ToolPointer]:
        wanted: dict[str, list[str]] = {}
        for card in cards:
            wanted.setdefault(card.table, []).append(card.procedure_id)
        return {
            row["procedure_id"]: (tool_from_row if table == "tools" else procedure_from_row)(row)
            for table, ids in wanted.items()
            for row in self.rows(
                f"SELECT {columns} FROM {table} WHERE list_contains(?, procedure_id)", [ids]
            )
        }

    def _evidence(self, procedure: Procedure) -> tuple[Evidence, ...]:
        variants = [variant.variant_id for variant in procedure.variants]
        rows = self.rows(
            "SELECT r.*, i.* EXCLUDE (instance_id) FROM replays r JOIN instances i USING "
            "(instance_id) WHERE list_contains(?, r.variant_id) "
            "ORDER BY list_position(?, r.variant_id), instance_id",
            [variants, variants],
        )
        return tuple(
            Evidence(
                Replay(**{name: row[name] for name in TABLES["replays"].names}),
                Instance(
                    id=row["instance_id"],
                    **{n: row[n] for n in TABLES["instances"].names if n != "instance_id"},
                ),
            )
            for row in rows
        )

    def _events(self, procedure_id: str) -> tuple[Event, ...]:
        rows = self.rows(
            'SELECT * FROM events WHERE procedure_id = ? ORDER BY "at"', [procedure_id]
        )
        return chronicle(map(event_from_row, rows))

    def _counts(self, column: str, relation: str) -> dict[str, int]:
        rows = self.rows(
            f"SELECT {column} AS name, count(*) AS n FROM {relation} "
            "GROUP BY ALL ORDER BY n DESC, name"
        )
        return {row["name"] or "none stated": row["n"] for row in rows}


@dataclass(frozen=True, slots=True)
class _Scored:
    """An entry and its inner product with the query, which is exact (see `embedder.GRID`), with
    what words add."""

    card: _Card
    score: float


def chronicle(events: Iterable[Event]) -> tuple[Event, ...]:
    """The events of one entry in the order they happened. Those of one time and snapshot form a
    chain, each beginning with the status that the one before ended with."""
    waiting = sorted(
        events, key=lambda e: (e.at, e.snapshot, e.from_status != "", e.from_status, e.to_status)
    )
    ordered: list[Event] = []
    while waiting:
        status = ordered[-1].to_status if ordered else ""
        first = (waiting[0].at, waiting[0].snapshot)
        now = [event for event in waiting if (event.at, event.snapshot) == first]
        following = next((event for event in now if event.from_status == status), now[0])
        waiting.remove(following)
        ordered.append(following)
    return tuple(ordered)


def view_statements(snapshot: Snapshot) -> list[str]:
    """A ``CREATE VIEW`` statement for each table of a snapshot."""
    statements = []
    for table in TABLES:
        files = snapshot.files(table)
        if not files:
            raise StoreError(
                f"snapshot {snapshot.number} of {snapshot.location.url()} has no table {table}: "
                "run tracemine fsck"
            )
        paths = ", ".join("'" + path.replace("'", "''") + "'" for path in files)
        statements.append(
            f'CREATE OR REPLACE VIEW "{table}" AS SELECT * FROM read_parquet([{paths}]);'
        )
    return statements


def _check_request(
    query: Any,
    k: Any,
    domain: str | None,
    output_type: str | None,
    status: Sequence[str],
    kind: Any,
) -> None:
    if not isinstance(query, str):
        raise RequestError("the query must be text")
    if type(k) is not int or k < 1:
        raise RequestError(f"k must be a whole number of at least 1, not {k!r}")
    if kind not in KINDS:
        raise RequestError(f"unknown kind {kind!r}: one of {', '.join(KINDS)}")
    if domain is not None and domain not in DOMAINS:
        raise RequestError(f"unknown domain {domain!r}: one of {', '.join(DOMAINS)}")
    if isinstance(status, str):
        raise RequestError("status must be a list of statuses")
    for one in status:
        if one not in STATUSES:
            raise RequestError(f"unknown status {one!r}: one of {', '.join(STATUSES)}")
    if output_type is not None:
        try:
            parse(output_type)
        except TypeSyntaxError as error:
            raise RequestError(f"{error}: a type is e.g. int, rational, list[int]") from error


def _check_files(snapshot: Snapshot) -> None:
    location = snapshot.location
    location.forget()
    for entry in snapshot.manifest["files"]:
        path = location.url(entry["path"])
        try:
            size = location.size(entry["path"])
        except OSError as error:
            raise StoreError(f"{path} is missing: run tracemine fsck") from error
        if size != entry["bytes"]:
            raise StoreError(f"{path} has {size} bytes, not {entry['bytes']}: run tracemine fsck")


def _order(scored: _Scored) -> tuple[float, int, float, str]:
    card = scored.card
    rank = SERVED.index(card.status) if card.status in SERVED else len(SERVED)
    return (-scored.score, rank, -card.success_rate, card.procedure_id)


def hit_of(found: Procedure | ToolPointer, score: float, trial: Trial | None = None) -> Hit:
    """What search gives of an entry; without a trial nothing of a caller's values."""
    pointer = found if isinstance(found, ToolPointer) else None
    procedure = found.entry if isinstance(found, ToolPointer) else found
    best = procedure.variants[0]
    return Hit(
        procedure_id=procedure.procedure_id,
        score=round(score, SCORE_DIGITS),
        subquestion=procedure.subquestion,
        summary=procedure.summary,
        status=procedure.status,
        domain=procedure.domain,
        signature=procedure.signature,
        preconditions=tuple(dict.fromkeys((*procedure.preconditions, *best.preconditions))),
        failure_modes=procedure.failure_modes,
        tokens=best.tokens,
        success_rate=procedure.success_rate,
        distinct_problems=procedure.distinct_problems,
        variant=ServedVariant(best.variant_id, best.subroutine, best.code, best.entry_point),
        provenance=procedure.provenance,
        unchecked=trial is not None and trial.met is None,
        roles=trial.roles if trial else None,
        gives=trial.value if trial else None,
        gives_not=trial.reason if trial else "",
        kind="tool" if pointer else "procedure",
        tool=pointer.tool if pointer else "",
        expired=is_out_of_date(procedure),
    )


def is_out_of_date(procedure: Procedure, at: datetime.datetime | None = None) -> bool:
    """Whether an entry is to be verified again: it says so, or its time is up ``at`` a time, which
    is now if not given."""
    if procedure.status == "expired":
        return True
    if procedure.expires_at is None or procedure.status not in SERVED:
        return False
    end = datetime.datetime.fromisoformat(procedure.expires_at)
    if end.tzinfo is None:
        end = end.replace(tzinfo=datetime.UTC)
    return end <= (at or datetime.datetime.now(datetime.UTC))


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
