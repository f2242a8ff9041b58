"""What the commands of a living store did, as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tracemine.pipelines.rendering import counted, line, printable


def print_verified(console: Console, found: Mapping[str, Any]) -> None:
    """What `verify` found: how entries fared by month of first entry, domain and teacher."""
    line(console, f"snapshot {found['snapshot']}  as of {found['as_of']}", style="bold")
    line(
        console,
        f"{counted(found['variants'], 'variant')} of {found['replayed']:,} entries replayed, "
        f"{found['failures']:,} calls fail that passed, {found['undecided']:,} could not be made",
    )
    print_changes(console, found["changes"])
    table = Table(title="success", title_justify="left")
    for name in ("", "entries", "calls", "before", "now"):
        table.add_column(name, justify="left" if not name else "right")
    for facet, rows in found["drift"].items():
        table.add_section()
        for name, row in rows.items():
            table.add_row(
                Text(printable(f"{facet} {name or 'not known'}")), f"{row['entries']:,}",
                f"{row['calls']:,}", _share(row["rate_before"]), _share(row["rate_now"]),
            )  # fmt: skip
    console.print(table)


def print_changes(console: Console, changes: Mapping[str, int]) -> None:
    """How often each change of status happened."""
    for change, count in changes.items():
        line(console, f"  {count:,}  {change}")


def _share(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1%}"
