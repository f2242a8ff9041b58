"""What ``evaluate`` prints without ``--json``: tables of at most 80 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from tracemine.pipelines.rendering import counted, cut, line, printable

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
        line(console, f"  {cut(printable(failure))}")
    if rows["failures"]["more"]:
        line(console, f"  and {counted(rows['failures']['more'], 'more row')} that failed")
    spans, questions = found["spans"], found["found"]
    told = counted(questions, "question")
    line(console, f"spans: {spans:,} cut = {told} + {spans - questions:,} that are none")
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
        name = printable(source)
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
