"""Results as a person reads them, and as JSON that programs read."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tracemine.schemas import Signature, encode
from tracemine.store import Entry, Hit, Snapshot

#: Lists in a report are cut here; what is left out is counted.
MAX_REASONS = 12
#: Characters of a quote or value on one line.
MAX_LINE = 160

Json = dict[str, Any]


# -- JSON --------------------------------------------------------------------------------------


def hit_json(hit: Hit) -> Json:
    """A hit as ``search --json`` prints it; the value that it gives as instances write it."""
    short = {f.name: getattr(hit, f.name) for f in dataclasses.fields(hit) if f.repr}
    return short | {
        "signature": dataclasses.asdict(hit.signature),
        "variant": dataclasses.asdict(hit.variant),
        "provenance": [dataclasses.asdict(place) for place in hit.provenance],
        "gives": json.loads(encode(hit.gives)),
    }


def entry_json(entry: Entry | None, snapshot: Snapshot) -> Json:
    """An entry of ``snapshot`` as ``show --json`` prints it; null and nothing where there is
    none."""
    told = {"snapshot": snapshot.number, "as_of": snapshot.manifest.get("as_of")}
    if entry is None:
        return {"entry": None, "evidence": [], "events": [], "merged": []} | told
    pointer = dataclasses.asdict(entry.pointer) if entry.pointer else {}
    pointer.pop("entry", None)
    procedure = dataclasses.asdict(entry.procedure)
    del procedure["summary_vector"]
    return {
        "entry": procedure | pointer,
        "evidence": [dataclasses.asdict(evidence) for evidence in entry.evidence],
        "events": [_event_json(dataclasses.asdict(event)) for event in entry.events],
        "merged": [dataclasses.asdict(merged) for merged in entry.merged],
    } | told


def _event_json(event: Json) -> Json:
    event["from"], event["to"] = event.pop("from_status"), event.pop("to_status")
    return event


# -- text --------------------------------------------------------------------------------------


def signature_text(signature: Signature) -> str:
    """``(total: int [m], count: int) -> rate: rational``."""
    *inputs, output = [
        f"{p.name}: {p.type}" + (f" [{p.unit}]" if p.unit else "")
        for p in (*signature.inputs, signature.output)
    ]
    return f"({', '.join(inputs)}) -> {output}"


def counted(number: int, thing: str) -> str:
    """``1 problem``, ``2,000 problems``."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def _shown(success_rate: float, problems: int) -> str:
    """What speaks for an entry, in a few words."""
    if not problems:
        return "shown on no other problem yet"
    return f"right in {success_rate:.0%}, {counted(problems, 'problem')}"


def print_doctor(console: Console, found: Mapping[str, Any]) -> None:
    """The isolation of each backend and the versions that decide results."""
    for backend, isolation in found["isolation"].items():
        line(console, f"{backend}: {isolation['mechanism']}", style="bold")
        line(console, f"  in force: {', '.join(isolation['steps'])}")
        for mechanism, reason in isolation["missing"].items():
            line(console, f"  not to be had: {mechanism} ({reason})")
        for attempt, stopped in isolation["stopped"].items():
            tried = "NOT TRIED" if attempt in isolation["untried"] else "NOT STOPPED"
            line(console, f"  {'stopped' if stopped else tried}: {attempt}")
    line(console, "versions", style="bold")
    for name, version in found["versions"].items():
        line(console, f"  {name} {version}")
    if not found["isolated"]:
        line(
            console, "untrusted code is not isolated by namespaces: see docs/benchmarks.md, Sandbox"
        )


def print_hits(console: Console, hits: Sequence[Hit]) -> None:
    """Hits, best first, each with what one needs to decide on it."""
    for rank, hit in enumerate(hits, 1):
        line(console, f"{rank}. {hit.subquestion}", style="bold")
        line(
            console,
            f"   {hit.procedure_id}  score {hit.score:.3f}  {hit.status}  {hit.domain}  "
            f"{_shown(hit.success_rate, hit.distinct_problems)}  {hit.tokens} tokens",
        )
        line(console, f"   {hit.tool}{signature_text(hit.signature)}")
        for text in hit.summary.splitlines():
            line(console, f"   {text}")
        if hit.expired:
            line(console, "   out of date: to be verified again", style="yellow")
        _labelled(console, "needs", hit.preconditions, indent=3)
        if hit.unchecked:
            line(console, "   needs: not checked on your values")
        if hit.unmet:
            line(console, "   needs: not so on your values", style="yellow")
        if hit.roles is not None:
            _trial(console, hit)
        _labelled(console, "fails", hit.failure_modes, indent=3)
        _code(console, hit.variant.code or hit.variant.subroutine, indent=6)
        line(console, "")


def _trial(console: Console, hit: Hit) -> None:
    """How the caller's values go, and what they give."""
    for parameter, name in (hit.roles or {}).items():
        line(console, cut(f"   takes: {parameter} = your {printable(name)}"))
    told = f"nothing: {hit.gives_not}" if hit.gives_not else encode(hit.gives)
    line(console, f"   gives: {cut(printable(told))}")


def print_funnel(console: Console, summary: Mapping[str, Any]) -> None:
    """What `mine` did: what came in, where it went, and where the time went."""
    table = Table(title=f"snapshot {summary['snapshot']}", title_justify="left")
    table.add_column("")
    table.add_column("records", justify="right")
    for name in ("trajectories", "spans", "replays", "procedures", "tools"):
        table.add_section()
        for label, count in _ledger_lines(name, summary[name]):
            table.add_row(label, f"{count:,}")
        if name == "spans":
            for label, count in _known_lines(summary["known"]):
                table.add_row(label, f"{count:,}")
    if summary["notes"]:
        table.add_section()
        for what, count in summary["notes"].items():
            table.add_row(f"note: {what}", f"{count:,}")
    console.print(table)
    if summary["usage"]:
        _print_usage(console, summary["usage"])
    for stage, shards in summary.get("resumed", {}).items():
        line(
            console,
            f"{stage}: {shards['kept']:,} of {counted(shards['kept'] + shards['made'], 'shard')} "
            "were done by a run that ended early",
        )
    seconds = summary.get("seconds") or {}
    if seconds:
        timing = Table(title="seconds of work by stage, and by the clock", title_justify="left")
        timing.add_column("stage")
        timing.add_column("seconds", justify="right")
        for stage, value in seconds.items():
            timing.add_row(stage, f"{value:,.1f}")
        console.print(timing)


def _print_usage(console: Console, usage: Mapping[str, Any]) -> None:
    """What was spent on models."""
    for stage, models in usage["stages"].items():
        for model, row in models.items():
            tokens = row["prompt_tokens"] + row["completion_tokens"]
            line(
                console,
                f"{stage}, {printable(model)}: {counted(row['requests'], 'request')}, "
                f"{row['cache_hits']:,} of them out of the cache; "
                f"{counted(row['attempts'], 'attempt')} sent, {row['retries']:,} of them again; "
                f"{counted(tokens, 'token')}, {row['seconds']:,.1f} s of answering",
            )
            for reason, failed in row["failures"].items():
                line(console, f"    failed: {printable(reason)}: {failed:,}")
    cost = usage["cost"]
    if cost is not None:
        line(console, f"cost by the table of prices: {cost:,.4f} dollars")


def print_stats(console: Console, stats: Mapping[str, Any]) -> None:
    """The counts of a store."""
    line(console, f"snapshot {stats['snapshot']}  as of {stats['as_of']}", style="bold")
    served = stats["procedures"]
    line(
        console,
        f"{counted(served['entries'], 'procedure')} with {counted(served['variants'], 'variant')}, "
        f"{served['mean_tokens']} tokens and {served['mean_success_rate']:.0%} right on average; "
        f"{stats['bytes']:,} bytes",
    )
    for name in (
        "status", "domain", "source", "trajectories", "licence", "teacher", "replays", "rejected",
        "handoff", "tools", "rows",
    ):  # fmt: skip
        counts = [(str(key), count) for key, count in stats[name].items() if count]
        if not counts:
            continue
        table = Table(title=name, title_justify="left", show_header=False)
        table.add_column("")
        table.add_column("", justify="right")
        for key, count in counts[:MAX_REASONS]:
            table.add_row(Text(printable(key)), f"{count:,}")
        if len(counts) > MAX_REASONS:
            rest = sum(count for _, count in counts[MAX_REASONS:])
            table.add_row(counted(len(counts) - MAX_REASONS, "other"), f"{rest:,}")
        console.print(table)


def print_json(value: Json) -> str:
    """The JSON text of a result: ASCII, so that no terminal's encoding can break it."""
    return json.dumps(value, allow_nan=False)


def line(console: Console, text: str, style: str | None = None) -> None:
    """One line of text that anybody may have written: no markup (``x[1:b:2]`` is no emoji), no
    wrapping, no colouring of numbers, nothing that a terminal would obey."""
    console.print(
        printable(text), style=style, markup=False, highlight=False, emoji=False, soft_wrap=True
    )


def _ledger_lines(name: str, ledger: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for column, count in ledger.items():
        if not isinstance(count, Mapping):
            yield f"{name} {column}", count
            continue
        yield f"{name} {column}", sum(count.values())
        ordered = sorted(count.items(), key=lambda pair: (-pair[1], pair[0]))
        for reason, number in ordered[:MAX_REASONS]:
            yield f"    {reason}", number
        if len(ordered) > MAX_REASONS:
            rest = sum(number for _, number in ordered[MAX_REASONS:])
            yield f"    {len(ordered) - MAX_REASONS} other reasons", rest


def _known_lines(known: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """How many spans another store knows, where one was asked and knows any."""
    if known["left_out"]:
        yield "spans left out as known to another store", known["left_out"]
    if known["waiting"]:
        yield "spans kept that only wait in another store", known["waiting"]


def _labelled(console: Console, label: str, texts: Sequence[str], *, indent: int = 0) -> None:
    for text in texts:
        line(console, f"{' ' * indent}{label}: {text}")


def _code(console: Console, code: str, *, indent: int) -> None:
    for text in code.strip("\n").expandtabs(4).splitlines():
        line(console, " " * indent + text)


def printable(text: str) -> str:
    """``text`` on one line, without what a terminal would obey: stored code may have written it."""
    return "".join(
        char if char.isprintable() else " " if char.isspace() else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )


def cut(text: str) -> str:
    return text if len(text) <= MAX_LINE else text[: MAX_LINE - 1] + "…"
