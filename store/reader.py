"""Reading a store: search, one entry with its evidence, counts, SQL.

A `Store` is one snapshot, opened once: what is published later is seen by opening again. Its
methods may be called from several threads.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tracemine.schemas import (
    Event,
    Instance,
    Merged,
    Parameter,
    Procedure,
    Replay,
    ToolPointer,
)
from tracemine.schemas.arrow import (
    TABLES,
    event_from_row,
    procedure_from_row,
    tool_from_row,
)
from tracemine.store.bindings import Bindings
from tracemine.store.catalogue import Catalogue
from tracemine.store.conditions import ids_where
from tracemine.store.embedder import Embedder
from tracemine.store.errors import RequestError, StoreError
from tracemine.store.hits import (
    Entry,
    Evidence,
    Hit,
    ServedVariant,
    Stored,
    Whole,
    hit_of,
    hit_of_card,
    is_out_of_date,
)
from tracemine.store.index import KINDS, Vectors
from tracemine.store.requests import (
    DEADLINE,
    SEARCHED,
    SERVED,
    Filter,
    Unmet,
    check_count,
    check_deadline,
    check_query,
    make_bindings,
    make_filter,
    parse_as_of,
    parse_unmet,
    spelled,
    spellings_of,
)
from tracemine.store.searching import Scored, both, lifted, nearest
from tracemine.store.snapshot import CURRENT, Snapshot, check_size, later_than, open_snapshot
from tracemine.store.views import count_all, view_statements

if TYPE_CHECKING:
    import pyarrow as pa

    from tracemine.store.shelf import Shelf
    from tracemine.store.trials import Trial
    from tracemine.verifiers import Sandbox

_LOGGER = logging.getLogger(__name__)

#: What may be the name of a table in a query.
_WORD = re.compile(r"\w+")

#: The least beginning of an id that `Store.get` takes for the whole.
LEAST_PREFIX = 6
#: Ids that are named where several begin so.
_LISTED = 5

#: Rows that are read at once where all of a table are read in parts.
_PART_ROWS = 20_000

#: The columns that are read of an entry for a hit: evidence has hundreds of rows, and a hit shows
#: none of it.
_OF_A_HIT = "* REPLACE ([] AS evidence)"


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
        self._shelves: dict[frozenset[str], Shelf] = {}
        #: A shelf of many entries takes minutes to make: who brings no values need not wait.
        self._shelf_lock = threading.Lock()
        self._sandbox: Sandbox | None = None
        self._embedder: Embedder | None = None
        self._closed = False
        self._database = self._connect()
        self._catalogue = Catalogue(
            snapshot, self.columns, self._where, named=self._named, checked=checked
        )

    @staticmethod
    def open(path: str) -> Store:
        """Open the store at ``path``, a folder or any fsspec URL. Takes milliseconds: models and
        indexes are loaded by the first search. If there are later snapshots than the one that
        CURRENT names, a warning is logged.

        Raises:
            StoreError: if there is none, it lacks a file or has one of another size, or another
                schema version wrote it.
        """
        snapshot = open_snapshot(path)
        try:
            snapshot.location.forget()
            for entry in snapshot.manifest["files"]:
                check_size(snapshot.location, entry)
            _warn_of_later(snapshot)
            return Store(snapshot)
        except StoreError:
            snapshot.close()
            raise

    def close(self) -> None:
        """Give the snapshot up: it may be removed by `gc` from now on."""
        self._closed = True
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
        inputs: Sequence[str] | Mapping[str, str] | None = None,
        bindings: Mapping[str, Any] | None = None,
        units: Mapping[str, str | None] | None = None,
        status: Sequence[str] = SEARCHED,
        kind: str = "procedure",
        where: str | None = None,
        as_of: str | datetime.date | None = None,
        unmet: Unmet = "drop",
        deadline: float = DEADLINE,
        fused: bool = False,
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
            inputs: the types of what the caller has, in any order: only entries that take exactly
                so many values, and of such types that each of these may stand for one of them
                (``any`` for whatever is wanted).
            bindings: values by name; numbers of numpy and `decimal.Decimal` are taken for Python's
                own. Only entries whose parameters can take them, and whose
                preconditions hold on them.
            units: of values in ``bindings``, by name; text that pint parses. Only entries that do
                not take these values in another unit.
            status: statuses to serve.
            kind: ``procedure``, or ``tool`` for pointers to tools: single calls of a named function
                and single operations.
            where: a condition in SQL (DuckDB) over the columns of an entry's table, e.g.
                ``success_rate > 0.9 AND distinct_problems > 2``. It may come from a stranger: it
                is one expression, and reads tables of the store alone.
            as_of: a time (or its text in ISO 8601), now if not said: what is to be verified again
                by then is flagged as expired.
            unmet: whether entries whose preconditions do not hold on ``bindings`` are to be left
                out (``drop``), or to come, unrun, with ``hit.unmet`` (``flag``).
            deadline: seconds that routines may run on ``bindings``, in all (`math.inf`: as long as
                the sandbox lets each). The best are asked first; what had no time comes as what
                gives nothing does, and ``hit.gives_not`` says so.
            fused: rank all entries by keywords (BM25), too, and fuse that list with that of
                vectors, which then no words add to (reciprocal rank fusion). For words alone.

        Raises:
            RequestError: if an argument is not of its kind.
            StoreError: if the store's embedder or index cannot be used, or it was closed.
        """
        check_query(query)
        self._expect_open()
        check_count(k)
        check_deadline(deadline)
        wanted = self._filter(kind, status, domain, output_type, output_unit, inputs, where)
        asked = self._asked(bindings, units, unmet)
        if fused and (asked is not None or kind != "procedure"):
            raise RequestError("lists are fused for words alone: leave out bindings, and tools")
        time = parse_as_of(as_of)
        vector = self.embedder.encode([query])[0]
        if asked is not None or kind == "tool":
            return self._on_shelf(query, vector, wanted, k, asked, time, unmet, deadline)
        kept = self._catalogue.kept(wanted)
        ranked = (both if fused else lifted)(self._catalogue, query, vector, kept, k)
        return self._hits([(scored, None) for scored in ranked], time)

    def search_vector(
        self,
        vector: Vectors,
        k: int = 5,
        *,
        domain: str | None = None,
        output_type: str | None = None,
        output_unit: str | None = None,
        inputs: Sequence[str] | Mapping[str, str] | None = None,
        bindings: Mapping[str, Any] | None = None,
        units: Mapping[str, str | None] | None = None,
        status: Sequence[str] = SEARCHED,
        kind: str = "procedure",
        where: str | None = None,
        as_of: str | datetime.date | None = None,
        unmet: Unmet = "drop",
        deadline: float = DEADLINE,
    ) -> list[Hit]:
        """`search` by a vector of the store's embedder, without words."""
        self._expect_open()
        check_count(k)
        check_deadline(deadline)
        wanted = self._filter(kind, status, domain, output_type, output_unit, inputs, where)
        asked = self._asked(bindings, units, unmet)
        time = parse_as_of(as_of)
        if asked is not None or kind == "tool":
            return self._on_shelf("", vector, wanted, k, asked, time, unmet, deadline)
        ranked = nearest(self._catalogue, vector, self._catalogue.kept(wanted), k)
        return self._hits([(scored, None) for scored in ranked], time)

    def _filter(
        self,
        kind: str,
        status: Sequence[str],
        domain: str | None,
        output_type: str | None,
        output_unit: str | None,
        inputs: Sequence[str] | Mapping[str, str] | None,
        where: str | None,
    ) -> Filter:
        return make_filter(
            kind=kind,
            status=status,
            domain=domain,
            output_type=output_type,
            output_unit=spelled(output_unit, "the output", self._spelled),
            inputs=inputs,
            where=where,
        )

    def _asked(
        self,
        bindings: Mapping[str, Any] | None,
        units: Mapping[str, str | None] | None,
        unmet: Unmet,
    ) -> Bindings | None:
        parse_unmet(unmet)
        return make_bindings(bindings, units, self._spelled)

    def _spelled(self) -> Mapping[str, str]:
        return self._spellings

    @cached_property
    def _spellings(self) -> dict[str, str]:
        return spellings_of(self._catalogue.units())

    # -- search by what speaks for each -----------------------------------------------------------

    def _on_shelf(
        self,
        query: str,
        vector: Vectors,
        wanted: Filter,
        k: int,
        asked: Bindings | None,
        time: Any,
        unmet: Unmet,
        deadline: float,
    ) -> list[Hit]:
        """The first ``k`` of what is ``wanted`` by `ranking`, as hits that say how the values go,
        if there are any."""
        kept = self._catalogue.kept(wanted)
        if not kept:
            return []
        # Not of what the other filters leave: what speaks for an entry does not depend on them.
        tables = frozenset(self._catalogue.kept(Filter(wanted.kind, wanted.status)))
        shelf = self._shelf(tables)
        among = np.zeros(len(shelf), dtype=bool)
        for table in shelf.homes.keys() & kept.keys():
            which = kept[table]
            among[shelf.homes[table] if which is None else shelf.homes[table][which.places]] = True
        offers: Sequence[tuple[int, float, Trial | None]]
        if asked is None:
            near = shelf.nearest(query, vector, among, k)
            offers = [(place, score, None) for place, score in near]
        else:
            output = Parameter("", wanted.output_type or "any", wanted.output_unit)
            offers = shelf.offer(
                query, vector, asked, output, among, k, self.sandbox, unmet=unmet, deadline=deadline
            )
        found = [(Scored(*shelf.home(p), score), trial) for p, score, trial in offers]
        return self._hits(found, time)

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

    def _shelf(self, tables: frozenset[str]) -> Shelf:
        # Imported here: most searches bring no values, and scipy takes its time.
        from tracemine.store.shelf import make_shelf

        with self._shelf_lock:
            if tables not in self._shelves:
                indexes = {table: self._catalogue.nearest(table) for table in sorted(tables)}
                self._shelves[tables] = make_shelf(indexes, self.columns, self._each_part)
            return self._shelves[tables]

    # -- hits ------------------------------------------------------------------------------------

    def _hits(self, found: Sequence[tuple[Scored, Trial | None]], time: Any) -> list[Hit]:
        """Hits of what was found, in its order."""
        by_table: dict[str, list[int]] = {}
        for scored, _ in found:
            by_table.setdefault(scored.table, []).append(scored.place)
        cards: dict[tuple[str, int], Mapping[str, Any]] = {}
        for table, places in by_table.items():
            rows = self._catalogue.cards(table).rows(places)
            cards |= {(table, place): row for place, row in zip(places, rows, strict=True)}
        homes = {cards[key]["procedure_id"]: key[0] for key in cards}
        whole = Whole(list(homes), self._reads(homes), self.get)
        hits = []
        for scored, trial in found:
            key = (scored.table, scored.place)
            hits.append(hit_of_card(cards[key], scored.score, whole, trial, time))
        return hits

    def _reads(self, homes: Mapping[str, str]) -> Callable[[Sequence[str]], Mapping[str, Stored]]:
        return lambda ids: self._entries(((homes[i], i) for i in ids), _OF_A_HIT)

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
        or more); None if there is none. The id of an entry that went into another, and that of a
        variant, stand for the entry that has them now.

        Raises:
            RequestError: naming the first of them, if several ids begin so.
        """
        wanted = procedure_id.strip().lower()
        if len(wanted) < LEAST_PREFIX:
            return None
        found = [
            (table, identifier)
            for tables in KINDS.values()
            for table in tables
            for identifier in self._catalogue.cards(table).beginning(wanted)
        ]
        if not found:
            homes = self._homes(wanted)
            found = [
                (table, identifier)
                for tables in KINDS.values()
                for table in tables
                for home in homes
                for identifier in self._catalogue.cards(table).beginning(home)
            ]
        if not found:
            return None
        if len(found) > 1:
            ids = [identifier for _, identifier in found]
            more = f" and {len(ids) - _LISTED:,} more" if len(ids) > _LISTED else ""
            raise RequestError(
                f"{len(ids):,} ids begin with {wanted}: {', '.join(sorted(ids)[:_LISTED])}{more}; "
                "give one of them, or more of its digits"
            )
        ((_, identifier),) = found
        entry = self._entries(found)[identifier]
        if isinstance(entry, ToolPointer):
            return Entry(entry.entry, self._evidence(entry.entry), self._events(identifier), entry)
        merged = tuple(
            Merged(**row)
            for row in self.rows(
                'SELECT * FROM merged WHERE "into" = ? ORDER BY procedure_id', [identifier]
            )
        )
        events = [self._events(i) for i in (identifier, *(m.procedure_id for m in merged))]
        return Entry(
            entry, self._evidence(entry), tuple(e for part in events for e in part), merged=merged
        )

    def _homes(self, wanted: str) -> list[str]:
        """The entries that have what has the id ``wanted``, or one that begins so: a variant, or
        what went into them."""
        variants = (
            "(SELECT procedure_id, unnest(variants).variant_id AS variant_id FROM "
            "(SELECT procedure_id, variants FROM procedures UNION ALL "
            "SELECT procedure_id, variants FROM candidates))"
        )
        rows = self.rows(
            'SELECT "into" AS home FROM merged WHERE starts_with(procedure_id, ?) UNION '
            f"SELECT procedure_id FROM {variants} WHERE starts_with(variant_id, ?) ORDER BY 1",
            [wanted, wanted],
        )
        return [row["home"] for row in rows]

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The result of SQL over the tables (one view each), in DuckDB, as dicts.

        Raises:
            StoreError: if a file is damaged, or the store was closed.
            RequestError: if the SQL is not valid.
        """

        def dicts(connection: Any) -> list[dict[str, Any]]:
            cursor = connection.execute(query, list(parameters))
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

        found: list[dict[str, Any]] = self._run(query, dicts)
        return found

    def tuples(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """As `rows`, each row's values alone: where there are hundreds of thousands."""

        def fetched(connection: Any) -> list[tuple[Any, ...]]:
            found: list[tuple[Any, ...]] = connection.execute(query, list(parameters)).fetchall()
            return found

        found: list[tuple[Any, ...]] = self._run(query, fetched)
        return found

    def columns(self, query: str) -> pa.Table:
        """As `rows`, as columns."""
        return self._run(query, lambda connection: connection.sql(query).to_arrow_table())

    def _each_part(self, query: str, use: Callable[[pa.RecordBatch], None]) -> None:
        """The result of SQL, one part of it after another."""

        def parts(connection: Any) -> None:
            for part in connection.sql(query).to_arrow_reader(_PART_ROWS):
                use(part)

        self._run(query, parts)

    def _where(self, table: str, condition: str) -> pa.Table:
        return self._run(
            f"{table} {condition}", lambda connection: ids_where(connection, table, condition)
        )

    def _run(self, query: str, how: Callable[[Any], Any]) -> Any:
        """What ``how`` makes of ``query`` on a connection of its own."""
        import duckdb

        self._expect_open()
        self._check(set(_WORD.findall(query)))
        try:
            return how(self._database.cursor())
        except (
            duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException,
            duckdb.ConversionException,
        ) as error:  # fmt: skip
            raise RequestError(f"not valid SQL: {_first_line(error)}") from error
        except duckdb.Error as error:
            message = f"cannot read {self._named} ({_first_line(error)}): run tracemine fsck"
            raise StoreError(message) from error

    def stats(self) -> dict[str, Any]:
        """Counts: entries by status, domain, source, licence and teacher; rows of each table;
        verdicts; what was rejected and why; tokens."""
        return count_all(self.snapshot, self.rows)

    def sql(self) -> str:
        """``CREATE VIEW`` statements over the live files, for DuckDB anywhere on this machine."""
        return "\n".join(view_statements(self.snapshot)) + "\n"

    def vectors(self, table: str) -> tuple[list[str], Vectors]:
        """The ids of all entries of a table that has an index, sorted, and the vectors (n, d) that
        they are found by.

        Raises:
            StoreError: if the index lacks one.
        """
        return self._catalogue.cards(table).ids, self._catalogue.nearest(table).vectors()

    # -- inside --------------------------------------------------------------------------------

    def _expect_open(self) -> None:
        if self._closed:
            raise StoreError(f"{self._named} was closed: open it again")

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

    @property
    def _named(self) -> str:
        """What an error calls this store: who has several must see which of them it is."""
        return f"the store {self.snapshot.location.url()}"

    def _entries(self, found: Iterable[tuple[str, str]], columns: str = "*") -> dict[str, Stored]:
        """The entries at ``(table, id)`` pairs, by id."""
        wanted: dict[str, list[str]] = {}
        for table, identifier in found:
            wanted.setdefault(table, []).append(identifier)
        return {
            row["procedure_id"]: (tool_from_row if table == "tools" else procedure_from_row)(row)
            for table, ids in wanted.items()
            for row in self.rows(
                f"SELECT {columns} FROM {table} WHERE procedure_id IN ({_marks(ids)})", ids
            )
        }

    def _evidence(self, procedure: Procedure) -> tuple[Evidence, ...]:
        variants = [variant.variant_id for variant in procedure.variants]
        rows = self.rows(
            "SELECT r.*, i.* EXCLUDE (instance_id) FROM replays r JOIN instances i USING "
            # So that files are read where these variants are, in order of which rows lie.
            f"(instance_id) WHERE r.variant_id IN ({_marks(variants)}) "
            "ORDER BY list_position(?, r.variant_id), instance_id",
            [*variants, variants],
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


def _warn_of_later(snapshot: Snapshot) -> None:
    # Who has set CURRENT back knows; who has put back an old copy of that file does not.
    with contextlib.suppress(OSError):
        if later := later_than(snapshot):
            _LOGGER.warning(
                "%s names snapshot %s, though %s is there, too: fsck says what to do",
                snapshot.location.url(CURRENT), snapshot.number, later[-1],
            )  # fmt: skip


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


__all__ = [
    "LEAST_PREFIX",
    "SEARCHED",
    "SERVED",
    "Entry",
    "Evidence",
    "Hit",
    "ServedVariant",
    "Store",
    "chronicle",
    "hit_of",
    "is_out_of_date",
]
