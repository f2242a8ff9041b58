"""The files with the cards of large tables, made when a snapshot is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracemine.schemas.arrow import TABLES
from tracemine.store.cards import CARDS_FROM, cards_file, cards_query, make_cards, write_cards
from tracemine.store.index import INDEXED
from tracemine.store.location import Location

Entry = dict[str, Any]


def add_cards(
    location: Location,
    folder: str,
    rows: Mapping[str, int],
    carried: Sequence[Entry],
    parent: Mapping[str, Any] | None,
) -> list[Entry]:
    """Write the cards of each large table of a draft into its ``folder``; gives ``carried`` (the
    entries of a manifest that are its parent's) with those cards of the parent that are still true.

    ``rows`` says how many there are in the draft's own files of each table.
    """
    kept = [entry for entry in carried if "cards_of" not in entry]
    before = (parent or {"files": []})["files"]
    for table in INDEXED:
        old = [entry for entry in kept if entry.get("table") == table]
        if rows[table] + sum(int(entry["rows"]) for entry in old) < CARDS_FROM:
            continue
        paths = {entry["path"] for entry in old}
        same = not rows[table] and paths == {e["path"] for e in before if e.get("table") == table}
        known = [entry for entry in before if entry.get("cards_of") == table]
        if same and known:
            kept += known
            continue
        own = [n for n in location.files_under(f"{folder}/{table}") if n.endswith(".parquet")]
        files = [location.url(name) for name in (*own, *sorted(paths))]
        write_cards(_read(location, table, files), location.url(f"{folder}/{cards_file(table)}"))
    return kept


def _read(location: Location, table: str, files: Sequence[str]) -> Any:
    import duckdb

    with duckdb.connect(":memory:") as connection:
        if not location.local:
            connection.register_filesystem(location.fs)
        quoted = ", ".join("'" + path.replace("'", "''") + "'" for path in files)
        assert table in TABLES  # It is put into SQL.
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet([{quoted}])")
        return make_cards(connection.sql(cards_query(table)).to_arrow_table())


__all__ = ["add_cards"]
