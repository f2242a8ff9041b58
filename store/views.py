"""A snapshot's tables in SQL, and counts over them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tracemine.schemas.arrow import TABLES
from tracemine.schemas.records import STATUSES
from tracemine.store.errors import StoreError
from tracemine.store.snapshot import Snapshot

#: Gives the rows of a query.
Rows = Callable[[str], list[dict[str, Any]]]

#: All entries in SQL, whether they are served or wait.
ENTRIES = "(SELECT * FROM procedures UNION ALL BY NAME SELECT * FROM candidates)"


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


def entry_ids(store: Any) -> set[str]:
    """The ids of all entries of a `Store`."""
    return {row["procedure_id"] for row in store.rows(f"SELECT procedure_id FROM {ENTRIES}")}


def count_all(snapshot: Snapshot, rows: Rows) -> dict[str, Any]:
    """Counts: entries by status, domain, source, licence and teacher; rows of each table; verdicts;
    what was rejected and why; tokens."""
    resting = (
        f"(SELECT DISTINCT procedure_id, p.{{0}} AS {{0}} FROM "
        f"(SELECT procedure_id, unnest(provenance) AS p FROM {ENTRIES}))"
    )
    files = snapshot.manifest["files"]
    served = rows(
        "SELECT count(*) AS entries, coalesce(sum(len(variants)), 0) AS variants, "
        "coalesce(avg(variants[1].tokens), 0) AS mean_tokens, "
        "coalesce(avg(success_rate), 0) AS mean_success_rate FROM procedures"
    )[0]
    return {
        "snapshot": snapshot.number,
        "as_of": snapshot.manifest.get("as_of"),
        "status": dict.fromkeys(STATUSES, 0)
        | _counts(rows, "status", ENTRIES)
        | _counts(rows, "'merged'", "merged"),
        "domain": _counts(rows, "domain", ENTRIES),
        "source": _counts(rows, "source", resting.format("source")),
        "licence": _counts(rows, "licence", resting.format("licence")),
        "trajectories": _counts(
            rows, "name", "(SELECT unnest(sources).dataset AS name FROM trajectories)"
        ),
        "teacher": _counts(rows, "teacher", ENTRIES),
        "replays": _counts(rows, "verdict", "replays"),
        "rejected": _counts(rows, "reason", "rejected"),
        "handoff": _counts(rows, "tool", "handoff"),
        "tools": dict.fromkeys(STATUSES, 0) | _counts(rows, "status", "tools"),
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


def _counts(rows: Rows, column: str, relation: str) -> dict[str, int]:
    found = rows(
        f"SELECT {column} AS name, count(*) AS n FROM {relation} GROUP BY ALL ORDER BY n DESC, name"
    )
    return {row["name"] or "none stated": row["n"] for row in found}


__all__ = ["ENTRIES", "count_all", "view_statements"]
