"""What the commands of a living store did, as a person reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tracemine.pipelines.rendering import counted, cut, line, printable

#: Failures of an entry that are listed; the rest is counted.
MAX_FAILING = 8
#: Entries that went into others that are listed; the rest is counted.
MAX_MERGED = 20


def print_verified(console: Console, found: Mapping[str, Any]) -> None:
    """What `verify` found: how entries fared by month of first entry, domain and teacher."""
    line(console, f"snapshot {found['snapshot']}  as of {found['as_of']}", style="bold")
    line(
        console,
        f"{counted(found['variants'], 'variant')} of {found['replayed']:,} entries replayed, "
        f"{found['failures']:,} calls fail that passed, {found['undecided']:,} could not be made",
    )
    print_changes(console, found["changes"])
    if not found["replayed"]:
        return
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


def print_quarantined(console: Console, found: Mapping[str, Any]) -> None:
    """What `review` lists: each entry with what led into quarantine."""
    for one in found["quarantined"]:
        line(console, printable(one["subquestion"]), style="bold")
        line(
            console, f"{one['procedure_id']}  {one['domain']}  since {one['since']}  {one['rule']}"
        )
        if one["review"] is not None:
            told = one["review"]
            text = f"rejected by {told['who']} at {told['at']}: {told['why']}"
            line(console, cut(printable(text)))
        for variant in one["variants"]:
            text = f"  variant {variant['variant_id']}  {variant['passes']} of "
            line(console, f"{text}{variant['attempts']} passed")
            for code in (variant["code"] or variant["subroutine"]).splitlines():
                line(console, cut(f"      {printable(code)}"))
        for failing in one["failing"][:MAX_FAILING]:
            before = "passed before, now " if failing["passed_before"] else ""
            values, expected = json.dumps(failing["bindings"]), json.dumps(failing["expected"])
            text = f"    {before}{failing['verdict']}: {values}  expected {expected}"
            line(console, cut(printable(f"{text}  ({failing['reason']})")))
        if len(one["failing"]) > MAX_FAILING:
            line(console, f"    and {counted(len(one['failing']) - MAX_FAILING, 'more failure')}")
    for pointer in found["tools"]:
        line(console, f"{pointer['procedure_id']}  tool pointer to {printable(pointer['tool'])}")
    waiting = sum(one["review"] is None for one in found["quarantined"])
    line(console, f"{waiting:,} in quarantine that nobody has decided on")


def print_reviewed(console: Console, found: Mapping[str, Any]) -> None:
    """What `review` decided."""
    line(console, f"snapshot {found['snapshot']}  as of {found['as_of']}", style="bold")
    for what in ("accepted", "rejected", "undecided"):
        for identifier in found[what]:
            status = found["status"].get(identifier, "quarantined")
            line(console, f"  {what}  {identifier}  {status}")


def print_counts(console: Console, found: Mapping[str, Any]) -> None:
    """What was counted, a line each."""
    line(console, f"snapshot {found['snapshot']}  as of {found['as_of']}", style="bold")
    for name, count in found.items():
        if isinstance(count, int):
            line(console, f"  {count:,}  {name.replace('_', ' ')}")


def print_merged(console: Console, found: Mapping[str, Any]) -> None:
    """What `merge` found, and which entry went into which."""
    print_counts(console, found)
    for one in found["into"][:MAX_MERGED]:
        text = f"  {one['procedure_id']} -> {one['into']}  {one['subquestion']}"
        line(console, cut(printable(text)))
    if len(found["into"]) > MAX_MERGED:
        line(console, f"  and {len(found['into']) - MAX_MERGED:,} more: --json")


#: What `forget` counts, as a line says it.
_FORGOTTEN = {
    "trajectories": "trajectories removed",
    "trajectories_kept": "trajectories kept under the name of another source",
    "spans": "spans removed",
    "handoffs": "hand-offs removed",
    "instances": "instances removed, with those of a tool pointer's sample that it no longer needs",
    "entries_gone": "entries removed",
    "entries_counted_again": "entries counted again",
    "merged": "entries merged",
    "tools_gone": "tool pointers removed",
    "rejected": "lines of the ledger removed",
    "to_group": "spans of groups that had some of it: the next refresh draws these anew",
}


def print_forgotten(console: Console, found: Mapping[str, Any]) -> None:
    """What `forget` removed, a line each."""
    line(console, f"snapshot {found['snapshot']}  as of {found['as_of']}", style="bold")
    for name, said in _FORGOTTEN.items():
        line(console, f"  {found[name]:,}  {said}")


def print_refreshed(console: Console, found: Mapping[str, Any]) -> None:
    """What `refresh` added, and what changed by it."""
    live = "" if found["published"] else ", as before: nothing is published"
    line(console, f"snapshot {found['snapshot']}  as of {found['as_of']}{live}", style="bold")
    came, spans = found["trajectories"], found["spans"]
    duplicates = came["duplicates"] - found["known_trajectories"]
    line(
        console,
        f"{counted(came['read'], 'trajectory record')} read, "
        f"{found['known_trajectories']:,} known, {duplicates:,} duplicates among the others, "
        f"{came['admitted']:,} admitted; "
        f"{spans['kept']:,} of {spans['segmented']:,} spans kept",
    )
    line(
        console,
        f"{found['groups']:,} groups replayed, {found['known_verdicts']:,} verdicts known",
    )
    for fate in ("rejected", "failed"):
        for reason, count in came[fate].items():
            line(console, f"  {count:,}  {fate}: {reason}")
    for reason, count in {**spans["rejected"], **spans["failed"]}.items():
        line(console, f"  {count:,}  spans: {reason}")
    print_changes(console, found["changes"])


def print_changes(console: Console, changes: Mapping[str, int]) -> None:
    """How often each change of status happened."""
    for change, count in changes.items():
        line(console, f"  {count:,}  {change}")


def _share(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1%}"
