"""Results as a person reads them, and as JSON that programs read."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from tracemine.schemas import Provenance, Signature, encode
from tracemine.store import Entry, Hit
from tracemine.store.reader import Evidence

#: Lists in a report are cut here; what is left out is counted.
MAX_PROVENANCE = 3
MAX_EVIDENCE = 12
MAX_REASONS = 12
#: Characters of a quote or value on one line.
MAX_LINE = 160

#: Arms of `evaluate` whose lift a report shows; ``--json`` has them all.
LIFTS_SHOWN = ("typed_signature", "not_run", "unnamed")
#: The arm that is shown by source.
SOURCES_SHOWN = "typed_signature"
#: The arm whose hits are looked at, and whose growth.
HITS_SHOWN = "typed_signature"
#: What stands for a share of no question.
NOTHING = "-"
#: Characters of a source's name in a report.
MAX_SOURCE = 24

Json = dict[str, Any]


# -- JSON --------------------------------------------------------------------------------------


def hit_json(hit: Hit) -> Json:
    """A hit as ``search --json`` prints it; the value that it gives as instances write it."""
    return dataclasses.asdict(hit) | {"gives": json.loads(encode(hit.gives))}


def entry_json(entry: Entry | None) -> Json:
    """An entry as ``show --json`` prints it; null and nothing where there is none."""
    if entry is None:
        return {"entry": None, "evidence": [], "events": []}
    return {
        "entry": dataclasses.asdict(entry.procedure),
        "evidence": [dataclasses.asdict(evidence) for evidence in entry.evidence],
        "events": [_event_json(dataclasses.asdict(event)) for event in entry.events],
    }


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
        line(console, f"   {signature_text(hit.signature)}")
        for text in hit.summary.splitlines():
            line(console, f"   {text}")
        _labelled(console, "needs", hit.preconditions, indent=3)
        if hit.unchecked:
            line(console, "   needs: not checked on your values")
        if hit.roles is not None:
            _trial(console, hit)
        _labelled(console, "fails", hit.failure_modes, indent=3)
        _code(console, hit.variant.code or hit.variant.subroutine, indent=6)
        line(console, "")


def _trial(console: Console, hit: Hit) -> None:
    """How the caller's values go, and what they give."""
    for parameter, name in (hit.roles or {}).items():
        line(console, _cut(f"   takes: {parameter} = your {_printable(name)}"))
    told = f"nothing: {hit.gives_not}" if hit.gives_not else encode(hit.gives)
    line(console, f"   gives: {_cut(_printable(told))}")


def print_entry(console: Console, entry: Entry) -> None:
    """An entry's whole story: what it does, what speaks for and against it, how it came here."""
    procedure = entry.procedure
    line(console, procedure.subquestion, style="bold")
    line(
        console,
        f"{procedure.procedure_id}  {procedure.status}  {procedure.domain}  "
        f"{_shown(procedure.success_rate, procedure.distinct_problems)}",
    )
    line(console, signature_text(procedure.signature))
    for text in procedure.summary.splitlines():
        line(console, text)
    _labelled(console, "needs", procedure.preconditions)
    _labelled(console, "fails", procedure.failure_modes)
    line(console, f"verifier: {procedure.verifier}  teacher: {procedure.teacher}")
    verified = procedure.last_verified or "never"
    line(console, f"last verified: {verified}  expires: {procedure.expires_at or 'never'}")
    for number, variant in enumerate(procedure.variants, 1):
        line(console, "")
        line(
            console,
            f"variant {number}  {variant.variant_id}  {variant.passes} of {variant.attempts} "
            f"passed  {variant.tokens} tokens",
            style="bold",
        )
        _code(console, variant.code or variant.subroutine, indent=4)
        _replays(console, [e for e in entry.evidence if e.replay.variant_id == variant.variant_id])
    line(console, "")
    line(console, "provenance", style="bold")
    _provenance(console, procedure.provenance)
    line(console, "")
    line(console, "audit trail", style="bold")
    for event in entry.events:
        came = f"{event.from_status} -> " if event.from_status else ""
        line(console, f"  {event.at}  {came}{event.to_status}  ({event.rule}) {event.evidence}")


def print_funnel(console: Console, summary: Mapping[str, Any]) -> None:
    """What `mine` did: what came in, where it went, and where the time went."""
    table = Table(title=f"snapshot {summary['snapshot']}", title_justify="left")
    table.add_column("")
    table.add_column("records", justify="right")
    for name in ("trajectories", "spans", "replays", "procedures"):
        table.add_section()
        for label, count in _ledger_lines(name, summary[name]):
            table.add_row(label, f"{count:,}")
    console.print(table)
    seconds = summary.get("seconds") or {}
    if seconds:
        timing = Table(title="seconds of work by stage, and by the clock", title_justify="left")
        timing.add_column("stage")
        timing.add_column("seconds", justify="right")
        for stage, value in seconds.items():
            timing.add_row(stage, f"{value:,.1f}")
        console.print(timing)


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
        "status", "domain", "source", "licence", "teacher", "replays", "rejected", "handoff",
        "rows",
    ):  # fmt: skip
        counts = [(str(key), count) for key, count in stats[name].items() if count]
        if not counts:
            continue
        table = Table(title=name, title_justify="left", show_header=False)
        table.add_column("")
        table.add_column("", justify="right")
        for key, count in counts[:MAX_REASONS]:
            table.add_row(key, f"{count:,}")
        if len(counts) > MAX_REASONS:
            rest = sum(count for _, count in counts[MAX_REASONS:])
            table.add_row(counted(len(counts) - MAX_REASONS, "other"), f"{rest:,}")
        console.print(table)


def print_json(value: Json) -> str:
    """The JSON text of a result: ASCII, so that no terminal's encoding can break it."""
    return json.dumps(value, allow_nan=False)


def line(console: Console, text: str, style: str | None = None) -> None:
    """One line as it is: no markup, no wrapping, no colouring of numbers."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


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


def _labelled(console: Console, label: str, texts: Sequence[str], *, indent: int = 0) -> None:
    for text in texts:
        line(console, f"{' ' * indent}{label}: {text}")


def _code(console: Console, code: str, *, indent: int) -> None:
    for text in code.strip("\n").splitlines():
        line(console, " " * indent + text)


def _replays(console: Console, evidence: Sequence[Evidence]) -> None:
    # What speaks against a variant is seldom and tells most, so it comes first.
    ordered = sorted(evidence, key=lambda e: (e.replay.verdict == "pass", e.instance.id))
    for one in ordered[:MAX_EVIDENCE]:
        held_out = f"{one.instance.origin} of problem {one.instance.problem_id[:8]}"
        text = f"{one.replay.verdict}: {one.instance.bindings} -> {one.instance.result}"
        line(console, f"    {_cut(text)}  ({held_out}; {_cut(one.replay.reason)})")
    if len(ordered) > MAX_EVIDENCE:
        line(console, f"    and {counted(len(ordered) - MAX_EVIDENCE, 'more replay')}")


def _provenance(console: Console, provenance: Sequence[Provenance]) -> None:
    for one in provenance[:MAX_PROVENANCE]:
        where = f"{one.source}, {one.licence or 'no licence stated'}"
        line(console, f"  {one.trajectory_id} [{one.start}:{one.end}] ({where})")
        line(console, f"    {_cut(' '.join(one.quote.split()))}")
    if len(provenance) > MAX_PROVENANCE:
        line(console, f"  and {len(provenance) - MAX_PROVENANCE} more")


def _printable(text: str) -> str:
    """``text`` on one line, without what a terminal would obey: stored code may have written it."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_LINE else text[: MAX_LINE - 1] + "…"


# -- evaluation --------------------------------------------------------------------------------


def print_evaluation(console: Console, found: Mapping[str, Any]) -> None:
    """The report of ``evaluate``: what was asked; replay@k of each arm with its interval, overall
    and by domain, and the lift at 1 over each baseline; of all questions also what is certain, what
    it is where each problem weighs one, and how it goes by source; then what retrieval costs and
    gives away, what the gate is worth, and how the store grew. A table takes 80 columns at most."""
    line(
        console,
        f"{counted(found['questions'], 'question')} of {counted(found['problems'], 'problem')} "
        f"(split {found['split']}), {counted(found['entries'], 'procedure')} to find them in",
    )
    _whence(console, found)
    if not found["questions"]:
        return
    domains = found["by_domain"]
    for title, arms, lift in (
        ("all", found["replay_at_k"], found["lift"]),
        *((d, domains[d], found["lift_by_domain"][d]) for d in domains if len(domains) > 1),
    ):
        first = next(iter(arms.values()))
        asked = next(iter(first.values()))
        stands = f"{counted(asked['n'], 'question')} of {counted(asked['problems'], 'problem')}"
        table = _figures(f"replay@k, {title} ({stands})", [f"@{k}" for k in first])
        for arm, shares in arms.items():
            table.add_row(arm, *map(_share, shares.values()))
        console.print(table)
        table = _figures(f"lift at 1, {title}: over", [arm for arm in lift if arm in LIFTS_SHOWN])
        for baseline in next(iter(lift.values())):
            shares = (lift[arm][baseline]["1"] for arm in lift if arm in LIFTS_SHOWN)
            table.add_row(baseline, *map(_share, shares))
        console.print(table)
    _weighed(console, found)
    _by_source(console, found["by_source"])
    _limits(console, found)
    _searched(console, found["search"])
    _retrieval(console, found["retrieval"])
    _gate(console, found["gate"])
    if "growth" in found:
        _growth(console, found["growth"])
    ran = found["pairs"]
    line(console, f"{counted(ran['run'], 'run')}, {counted(ran['timeouts'], 'timeout')}")


def _whence(console: Console, found: Mapping[str, Any]) -> None:
    """Where the questions come from: what became of rows, of their spans, and of the questions."""
    rows = found["trajectories"]
    gone = {fate: sum(rows[fate].values()) for fate in ("rejected", "failed")}
    line(
        console,
        f"rows: {rows['read']:,} read = {rows['admitted']:,} admitted + {gone['rejected']:,} "
        f"rejected + {counted(rows['duplicates'], 'duplicate')} + {gone['failed']:,} failed",
    )
    for fate in gone:
        _reasons(console, f"rows {fate}", rows[fate])
    for failure in rows["failures"]["first"]:
        line(console, f"  {_cut(_printable(failure))}")
    if rows["failures"]["more"]:
        line(console, f"  and {counted(rows['failures']['more'], 'more row')} that failed")
    cut, questions = found["spans"], found["found"]
    told = counted(questions, "question")
    line(console, f"spans: {cut:,} cut = {told} + {cut - questions:,} that are none")
    _reasons(console, "spans that are no question", found["unasked"])
    asked, dropped = found["questions"], sum(found["dropped"].values())
    line(console, f"questions: {questions:,} found = {asked:,} asked + {dropped:,} dropped")
    _reasons(console, "questions dropped", found["dropped"])


def _weighed(console: Console, found: Mapping[str, Any]) -> None:
    """Beside replay@k of all questions: passes that are no chance, and problems that weigh one."""
    ways = {"certain": found["certain_at_k"], "problems": found["by_problem"]["replay_at_k"]}
    ks = ("1", "10")
    columns = [f"@{k}, {way}" for way in ways for k in ks]
    table = _figures("replay@k, counted otherwise", columns)
    for arm in found["replay_at_k"]:
        table.add_row(arm, *(_share(shares[arm][k]) for shares in ways.values() for k in ks))
    console.print(table)


def _by_source(console: Console, sources: Mapping[str, Any]) -> None:
    table = _figures(
        f"replay@k of {SOURCES_SHOWN} by source", ["@1", "@10", "questions", "problems"]
    )
    for source, arms in sources.items():
        shares = arms[SOURCES_SHOWN]
        counts = (f"{shares['1'][name]:,}" for name in ("n", "problems"))
        name = _printable(source)
        name = name if len(name) <= MAX_SOURCE else f"{name[: MAX_SOURCE - 1]}~"
        table.add_row(name, _share(shares["1"]), _share(shares["10"]), *counts)
    console.print(table)


def _limits(console: Console, found: Mapping[str, Any]) -> None:
    """Of how many questions no more than so much could be told, or found."""
    fits = found["retrieval"]["nothing_fits"]
    rows = {
        "the store has their own method (own_methods)": found["own_methods"],
        "no_store has no formula to try (no_formula)": found["no_formula"],
        "no entry gives what is wanted (output)": fits["output"],
        "... and takes the values (signature)": fits["signature"],
        "... with preconditions that hold (bound)": fits["bound"],
    }
    table = _figures("questions of which", ["share"])
    for name, share in rows.items():
        table.add_row(name, _share(share))
    console.print(table)


def _searched(console: Console, search: Mapping[str, Any]) -> None:
    asked = counted(search["same_first"]["n"], "question")
    table = _figures(f"replay@k of the store's own search ({asked})", ["@1", "@10"])
    for name, shares in search["replay_at_k"].items():
        table.add_row(name, _share(shares["1"]), _share(shares["10"]))
    table.add_row("the same entry first", _share(search["same_first"]), "")
    console.print(table)


def _retrieval(console: Console, retrieval: Mapping[str, Any]) -> None:
    """What the first hits of typed_signature cost, how varied they are, and what they give away."""
    table = _figures(f"tokens of the hits of {HITS_SHOWN}", ["the first", "the first ten"])
    for text, means in retrieval["tokens"].items():
        table.add_row(text, _mean(means["1"], 0), _mean(means["10"], 0))
    console.print(table)
    table = _figures("variety of the first ten", list(retrieval["diversity"]))
    table.add_row("mean", *(_mean(mean, 2) for mean in retrieval["diversity"].values()))
    console.print(table)
    columns = ("contained", "exchanged", "excess")
    table = _figures("leakage: answers in the text of the first ten", columns)
    for answer in ("reference", "result"):
        for text in retrieval["tokens"]:
            shares = retrieval["leakage"][answer][text]["10"]
            table.add_row(f"{answer} in {text}", *(_share(shares[name]) for name in columns))
    console.print(table)


def _gate(console: Console, gate: Mapping[str, Any]) -> None:
    """What routines that replay accepted, all of them, and those it refused do when tried."""
    shelves = ("served", "ungated", "refused")
    columns = ("routines", "tries", "declined", "pass, certain", "pass, all")
    table = _figures("gate: tries on held-out questions", columns)
    for name in shelves:
        counts = (f"{gate[name][of]:,}" for of in ("routines", "tries", "declined"))
        table.add_row(name, *counts, *(_share(gate[name][c]["tries"]) for c in ("certain", "all")))
    console.print(table)
    enough = str(gate["min_replays"])
    table = _figures(
        f"gate: routines tried on {enough} problems",
        ["tried", f"right on {enough}, certain", f"right on {enough}, all"],
    )
    for name in shelves:
        shares = (_share(gate[name][c]["routines"][enough]) for c in ("certain", "all"))
        table.add_row(name, f"{gate[name]['tried'][enough]:,}", *shares)
    console.print(table)
    kinds = gate["served"]["passes"]
    table = _figures("gate: tries that pass, by kind", list(kinds))
    for name in shelves:
        table.add_row(name, *(f"{gate[name]['passes'][kind]:,}" for kind in kinds))
    console.print(table)
    ungated = counted(gate["ungated"]["routines"], "routine")
    line(console, f"no_gate: {ungated} to choose from (ungated)")


def _growth(console: Console, growth: Mapping[str, Any]) -> None:
    table = _figures(f"growth: {HITS_SHOWN}", ["entries", "@1", "@10"])
    for part, found in growth.items():
        shares = found[HITS_SHOWN]
        table.add_row(part, f"{found['entries']:,}", _share(shares["1"]), _share(shares["10"]))
    console.print(table)


def _reasons(console: Console, label: str, reasons: Mapping[str, int]) -> None:
    for reason, count in reasons.items():
        line(console, f"{label}: {count:,} ({reason})")


def _figures(title: str, columns: Sequence[str]) -> Table:
    # Without a frame, four shares stand beside the longest name of an arm.
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _mean(mean: Mapping[str, float | None], digits: int) -> str:
    """``33.4 31.5-35.2``, the value and its interval where it has one; ``-`` of nothing."""
    value, low, high = (
        None if figure is None else f"{figure:,.{digits}f}"
        for figure in (mean["value"], mean["low"], mean["high"])
    )
    if value is None:
        return NOTHING
    if low is None or high is None:
        return value
    return f"{value} {low}{':' if '-' in low else '-'}{high}"


def _share(share: Mapping[str, float | None]) -> str:
    """``.441 .402-.480``, the value and its interval; of a lift ``.039 -.001:.080``; ``-`` of no
    question."""
    figures = [share[name] for name in ("value", "low", "high")]
    known = [figure for figure in figures if figure is not None]
    if len(known) < len(figures):
        return NOTHING
    value, low, high = map(_digits, known)
    return f"{value} {low}{':' if '-' in low + high + value else '-'}{high}"


def _digits(share: float) -> str:
    """Three digits and a point, behind a sign if it is negative: ``.441``, ``1.00``."""
    text = f"{abs(share):.3f}"
    told = text[:-1] if text.startswith("1") else text[1:]
    return f"-{told}" if float(text) and share < 0 else told
