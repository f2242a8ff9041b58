"""A condition in SQL over the columns of an entry's table, which a caller gives.

It is a stranger's text: an agent's, say, that was handed search as a tool. So it is taken for one
expression, which can end no statement and begin no other, and what it reads in subqueries are
tables of the store: no file, and nothing on a network.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tracemine.schemas.arrow import TABLES
from tracemine.store.errors import RequestError

if TYPE_CHECKING:
    import pyarrow as pa

#: Functions that may stand where a table does: they read nothing.
_HARMLESS = frozenset({"generate_series", "range", "unnest"})

#: Characters of what DuckDB says of a condition that are shown.
_SHOWN_CHARS = 200


def ids_where(connection: Any, table: str, condition: str) -> pa.Table:
    """The column ``procedure_id`` of the rows of ``table`` that ``condition`` is true of.

    Args:
        connection: of DuckDB, with a view of each table.

    Raises:
        RequestError: if it is no such condition, or cannot be said of a row.
        duckdb.Error: if a file cannot be read.
    """
    import duckdb

    try:
        _check_reads_tables(connection, condition)
        found = connection.view(table).filter(condition).project("procedure_id")
        return found.to_arrow_table()
    except (
        duckdb.IOException, duckdb.OutOfMemoryException, duckdb.InternalException,
        duckdb.FatalException, duckdb.InterruptException,
    ):  # fmt: skip
        raise
    except duckdb.Error as error:
        raise _refused(str(error)) from error


def _check_reads_tables(connection: Any, condition: str) -> None:
    # The brackets on their own lines: a condition may end in a comment.
    query = f"SELECT 1 WHERE (\n{condition}\n)"
    ((text,),) = connection.execute("SELECT json_serialize_sql(?)", [query]).fetchall()
    parsed = json.loads(text)
    if parsed["error"]:
        several = parsed["error_type"] == "not implemented"
        raise _refused("more than one condition" if several else parsed["error_message"])
    for name in _sources(parsed):
        if name not in TABLES and name not in _HARMLESS:
            raise RequestError(f"a condition reads tables of the store alone, not {name[:40]!r}")


def _sources(node: Any) -> Iterator[str]:
    """The names of all that a parsed statement reads: tables, files and functions."""
    if isinstance(node, dict):
        if node.get("type") == "BASE_TABLE":
            yield node["table_name"]
        elif node.get("type") == "TABLE_FUNCTION":
            yield node["function"]["function_name"]
    parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for part in parts:
        yield from _sources(part)


def _refused(message: str) -> RequestError:
    first = message.strip().partition("\n")[0]
    return RequestError(f"not valid SQL: {first[:_SHOWN_CHARS]}")


__all__ = ["ids_where"]
