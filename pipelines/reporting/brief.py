"""What a person wants first: how much was mined, what was lost and why, whether it is worth its
tokens, each in a few sentences."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from tracemine.pipelines.rendering import counted
from tracemine.pipelines.reporting.charts import percent
from tracemine.pipelines.reporting.entries import Lines
from tracemine.pipelines.reporting.funnel import HANDOFF, Funnel
from tracemine.pipelines.reporting.worth import (
    ABLATIONS,
    OURS,
    Evaluation,
    Lift,
    Verdict,
    exact,
    in_words,
    judge,
    label_of,
    shown,
)
from tracemine.pipelines.reporting.worth_charts import said
from tracemine.store.requests import SEARCHED


@dataclass(frozen=True, slots=True)
class Point:
    """A question that a person has of a store, and its answer."""

    asked: str
    answer: str


@dataclass(frozen=True, slots=True)
class Tile:
    """A number that says most, what it counts, and what stands behind it."""

    number: str
    counts: str
    behind: str


def points(
    funnel: Funnel,
    lines: Lines,
    tools: Mapping[str, int],
    evaluation: Evaluation | None,
    asked: str = "",
) -> list[Point]:
    """The answers, in the order in which they are asked. ``asked`` is the snapshot that the
    evaluation asked where it is not the one that is shown."""
    return [
        Point("How much was mined?", _mined(funnel, lines, tools)),
        Point("What was lost, and why?", _lost(funnel)),
        Point("Is it worth its tokens?", _worth(evaluation, asked)),
    ]


def tiles(
    funnel: Funnel, tokens: float, evaluation: Evaluation | None, asked: str = ""
) -> list[Tile]:
    """The way from trajectories to entries in five numbers."""
    read, admitted = _total(funnel.read), _total(funnel.admitted)
    segmented, kept = _total(funnel.segmented), _total(funnel.kept)
    served = sum(funnel.entries.get(status, 0) for status in SEARCHED)
    expired, waiting = funnel.entries.get("expired", 0), funnel.entries.get("candidate", 0)
    behind = f"{expired:,} of them out of date; " if expired else ""
    found = [
        Tile(f"{read:,}", _one(read, "trajectory", "trajectories") + " read",
             counted(len(funnel.sources), "source")),
        Tile(f"{admitted:,}", "admitted", f"{_share(admitted, read)} of those read"),
        Tile(f"{kept:,}", _one(kept, "span", "spans") + " kept",
             f"{_share(kept, segmented)} of {segmented:,} cut" if segmented else "none was cut"),
        Tile(f"{served:,}", _one(served, "entry", "entries") + " served",
             behind + _waiting(waiting)),
    ]  # fmt: skip
    ours = evaluation.replay_at_k.get(OURS, {}).get("1") if evaluation else None
    if ours and ours.value is not None:
        of = f" of {asked}" if asked else ""
        behind = f"{said(ours, bounds=True)} of unseen questions{of}"
        found.append(Tile(f"{exact(ours):.1%}", "right at first", behind))
    else:
        found.append(Tile(f"{tokens:,.0f}", "tokens of a routine", "on average" if served else ""))
    return found


def _mined(funnel: Funnel, lines: Lines, tools: Mapping[str, int]) -> str:
    entries, admitted = funnel.entries, _total(funnel.admitted)
    read, cut = _total(funnel.read), _total(funnel.segmented)
    told = (
        f"{counted(read, 'trajectory record')} of {counted(len(funnel.sources), 'source')} "
        f"{_one(read, 'was', 'were')} read and {_many(admitted)} admitted"
    )
    told += ", with a verified answer." if admitted else "."
    if cut:
        told += (
            f" {counted(cut, 'span')} {_one(cut, 'was', 'were')} cut, of which "
            f"{_many(_total(funnel.kept))} {_one(_total(funnel.kept), 'was', 'were')} kept."
        )
    told += _served(funnel, lines)
    told += _candidates(lines)
    others = {s: n for s, n in entries.items() if n and s not in (*SEARCHED, "candidate")}
    if others:
        listed = ", ".join(f"{n:,} {status}" for status, n in sorted(others.items()))
        told += f" Not served: {listed}."
    pointers = sum(tools.values())
    if pointers:
        told += f" {counted(pointers, 'pointer')} to tools {_one(pointers, 'stands', 'stand')} "
        told += "beside them."
    return told


def _served(funnel: Funnel, lines: Lines) -> str:
    """What search serves, and on how many problems it was shown to be right."""
    of = {s: funnel.entries.get(s, 0) for s in SEARCHED}
    served = sum(of.values())
    if not served:
        return " No entry is served."
    listed = ", ".join(f"{n:,} {status}" for status, n in of.items() if n)
    told = f" Search serves {_one(served, '1 entry', f'{served:,} entries')} ({listed}"
    told += ": marked out of date until verified again)." if of["expired"] else ")."
    shown = shown_on(lines)
    several, one, none = (
        sum(n for problems, n in shown.items() if low <= problems <= high)
        for low, high in ((2, math.inf), (1, 1), (0, 0))
    )
    parts = [
        f"{several:,} gave the right result on two problems or more" if several else "",
        f"{one:,} on held-out tests or instances of one problem alone" if one else "",
        f"{none:,} on none that is kept" if none else "",
    ]
    return f"{told} Of these {', '.join(filter(None, parts))}."


def _candidates(lines: Lines) -> str:
    """What is known of the procedures that search does not serve yet."""
    columns, names = lines.columns, lines.names
    tried = Counter(
        "untried" if not attempts else "some" if passes else "none"
        for passes, attempts, status, kind in zip(
            columns["passes"], columns["attempts"], columns["status"], columns["kind"], strict=True
        )
        if names["status"][status] == "candidate" and names["kind"][kind] == "procedure"
    )
    every = tried.total()
    if not every:
        return ""
    parts = [
        f"{tried['none']:,} passed on none of the held-out instances that words proposed"
        if tried["none"]
        else "",
        f"{tried['some']:,} on too few" if tried["some"] else "",
        f"on {tried['untried']:,} none has decided anything yet" if tried["untried"] else "",
    ]
    kept = f" {counted(every, 'candidate')} {_one(every, 'is', 'are')} kept and not served: "
    return f"{kept}{', '.join(filter(None, parts))}."


def shown_on(lines: Lines) -> Counter[int]:
    """How many of the procedures that search serves gave the right result on held-out instances
    of so many problems."""
    columns, names = lines.columns, lines.names
    return Counter(
        problems
        for problems, status, kind in zip(
            columns["problems"], columns["status"], columns["kind"], strict=True
        )
        if names["status"][status] in SEARCHED and names["kind"][kind] == "procedure"
    )


def _lost(funnel: Funnel) -> str:
    return " ".join(
        _lost_of(funnel, unit, name, _total(whole))
        for unit, name, whole in (
            ("trajectory", "trajectories", funnel.read),
            ("span", "spans", funnel.segmented),
        )
    )


def _lost_of(funnel: Funnel, unit: str, name: str, whole: int) -> str:
    losses = [loss for loss in funnel.of(unit) if loss.is_loss]
    lost = sum(loss.total for loss in losses)
    if not whole:
        return f"There were no {name} to lose."
    told = f"Of {whole:,} {name} {_many(lost)} {_one(lost, 'was', 'were')} lost"
    if losses:
        told += f" ({_share(lost, whole)})"
        first = ", ".join(f"“{loss.reason}” ({loss.total:,})" for loss in losses[:2])
        told += f", {'for' if len(losses) < 3 else 'most of them for'} {first}"
    aside: Counter[str] = Counter()
    for loss in funnel.of(unit):
        if not loss.is_loss:
            aside[_kind(loss.fate)] += loss.total
    if aside:
        listed = ", ".join(f"{n:,} {_aside(fate, n)}" for fate, n in aside.most_common())
        told += f". Set aside, and no loss: {listed}"
    return told + "."


def _kind(fate: str) -> str:
    return fate if fate in (HANDOFF, "duplicate") else ""


def _aside(fate: str, number: int) -> str:
    duplicates = _one(number, "duplicate", "duplicates")
    said = {HANDOFF: "handed off as tools and facts", "duplicate": duplicates}
    return said.get(fate, "left out as asked")


def _worth(evaluation: Evaluation | None, asked: str) -> str:
    if evaluation is None:
        return (
            "Not known: no evaluation was given. tracemine evaluate --json asks a store what it "
            "has never seen; give what it prints as --evaluation."
        )
    verdict = judge(evaluation)
    if verdict is None:
        return "Not known: the evaluation asked no question that was left to ask."
    gain = shown(verdict.over_nothing)
    told = f"Asked of {asked}, not of this one. " if asked else ""
    told += {True: "Yes. ", False: "No. ", None: "Not shown. "}[gain]
    told += (
        f"Of {counted(evaluation.questions, 'question')} that it has never seen, the first entry "
        f"that the store gives is right on {said(verdict.ours)}; answering without the store, by "
        f"luck, on {said(verdict.nothing)}. "
    )
    difference = said(verdict.over_nothing, signed=True)
    told += {
        True: f"The store gains {difference}.",
        False: f"The store loses: {difference}.",
        None: f"No gain over answering without the store is shown: {difference}.",
    }[gain]
    told += _costs(verdict)
    told += _drags(evaluation)
    if verdict.best:
        difference = said(verdict.lift, signed=True)
        told += (
            f" The best simpler way to search the same entries, {in_words(verdict.best)}, is right "
            f"on {said(verdict.baseline)}: "
        )
        told += {
            True: f"the store is better, by {difference}.",
            False: f"the store is worse, by {difference}.",
            None: f"no difference is shown, {difference}.",
        }[shown(verdict.lift)]
    return told


def _costs(verdict: Verdict) -> str:
    tokens, price = verdict.tokens.value, verdict.price
    if tokens is None:
        return ""
    told = f" A first hit costs {tokens:,.0f} tokens in full"
    if verdict.returned.value is not None:
        told += f" ({verdict.returned.value:,.0f} with all that search --json prints of it)"
    if price is None or price.value is None or price.low is None or price.high is None:
        return f"{told}."
    return (
        f"{told}: {price.value:,.0f} ({price.low:,.0f} to {price.high:,.0f}) for each question "
        "gained, net of those that are right without the store alone."
    )


def _drags(evaluation: Evaluation) -> str:
    """The parts of mining without which the store is shown to be right more often."""
    lifts = evaluation.lift.get(OURS, {})
    worse = {
        arm: lift
        for arm in ABLATIONS
        if (lift := lifts.get(arm, {}).get("1", Lift())) and shown(lift) is False
    }
    if not worse:
        return ""
    listed = ", ".join(f"{label_of(arm)} by {_more(lift)}" for arm, lift in worse.items())
    return f" Here it is right more often {listed}: see Ablations."


def _more(lift: Lift) -> str:
    """A lift below 0 as what is gained without it, ``6.8 points``."""
    return said(Lift(value=-(lift.value or 0.0), n=lift.n), signed=True).removeprefix("+")


def _waiting(waiting: int) -> str:
    return f"{counted(waiting, 'candidate')} not served" if waiting else "no candidate"


def _one(number: int, singular: str, plural: str) -> str:
    return singular if number == 1 else plural


def _many(number: int) -> str:
    return f"{number:,}" if number else "none"


def _total(counts: Mapping[str, int]) -> int:
    return sum(counts.values())


def _share(part: int, whole: int) -> str:
    return percent(part / whole if whole else None)


__all__ = ["Point", "Tile", "points", "shown_on", "tiles"]
