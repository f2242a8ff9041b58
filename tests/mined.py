"""What a run of `mine` left in its store: tables that another run over the same data repeats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import independent_check

#: Tables whose rows must be the same in every run over the same data.
TABLES = (
    "procedures", "candidates", "trajectories", "spans", "instances", "replays", "rejected",
    "handoff", "tools", "events", "clustered",
)  # fmt: skip


def tables(store: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of each table of the live snapshot, in an order of their own."""
    return {
        name: sorted(
            independent_check.rows(store, name),
            key=lambda row: json.dumps(row, sort_keys=True, default=repr),
        )
        for name in TABLES
    }
