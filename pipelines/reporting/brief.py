"""What a person wants first: how much was mined, what was lost and why, whether it is worth its
tokens, each in a few sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from tracemine.pipelines.rendering import counted
from tracemine.pipelines.reporting.funnel import HANDOFF, Funnel
from tracemine.pipelines.reporting.worth import NOTHING, OURS, Evaluation, judge
from tracemine.pipelines.reporting.worth_charts import said
from tracemine.store.requests import SERVED


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


def points(funnel: Funnel, tools: Mapping[str, int], evaluation: Evaluation | None) -> list[Point]:
    """The answers, in the order in which they are asked."""
    return [
        Point("How much was mined?", _mined(funnel, tools)),
        Point("What was lost, and why?", _lost(funnel)),
        Point("Is it worth its tokens?", _worth(evaluation)),
    ]


def tiles(funnel: Funnel, tokens: float, evaluation: Evaluation | None) -> list[Tile]:
    """The way from trajectories to entries in five numbers."""
    read, admitted = _total(funnel.read), _total(funnel.admitted)
    segmented, kept = _total(funnel.segmented), _total(funnel.kept)
    served = sum(funnel.entries.get(status, 0) for status in SERVED)
    waiting = funnel.entries.get("candidate", 0)
    found = [
        Tile(f"{read:,}", "trajectories read", f"{len(funnel.sources)} sources"),
        Tile(f"{admitted:,}", "admitted", f"{_share(admitted, read)} of those read"),
        Tile(f"{kept:,}", "spans kept", f"{_share(kept, segmented)} of {segmented:,} cut"),
        Tile(f"{served:,}", "entries served", f"and {waiting:,} that wait as candidates"),
    ]
    ours = evaluation.replay_at_k.get(OURS, {}).get("1") if evaluation else None
    if ours and ours.value is not None:
        found.append(
            Tile(
                f"{ours.value:.1%}",
                "right at first",
                f"{said(ours, bounds=True)} of unseen questions",
            )
        )
    else:
        found.append(Tile(f"{tokens:,.0f}", "tokens of a routine", "on average"))
    return found


def _mined(funnel: Funnel, tools: Mapping[str, int]) -> str:
    entries = funnel.entries
    served = sum(entries.get(status, 0) for status in SERVED)
    told = (
        f"{counted(_total(funnel.read), 'trajectory record')} of "
        f"{counted(len(funnel.sources), 'source')} were read and {_total(funnel.admitted):,} "
        f"admitted, because their answers could be verified. They were cut into "
        f"{counted(_total(funnel.segmented), 'span')}, of which {_total(funnel.kept):,} were kept. "
        f"These make {served:,} entries that search serves ({entries.get('canonical', 0):,} "
        f"canonical, {entries.get('verified', 0):,} verified: each gave the right result on other "
        f"problems) and {counted(entries.get('candidate', 0), 'candidate')} that wait for such."
    )
    others = {s: n for s, n in entries.items() if n and s not in (*SERVED, "candidate")}
    if others:
        listed = ", ".join(f"{n:,} {status}" for status, n in sorted(others.items()))
        told += f" Not served any more: {listed}."
    if sum(tools.values()):
        told += f" {counted(sum(tools.values()), 'pointer')} to tools stand beside them."
    return told


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
    told = f"Of {whole:,} {name} {lost:,} were lost ({_share(lost, whole)})"
    if losses:
        first = ", ".join(f"“{loss.reason}” ({loss.total:,})" for loss in losses[:2])
        told += f", most of them for {first}"
    aside: Counter[str] = Counter()
    for loss in funnel.of(unit):
        if not loss.is_loss:
            aside[_aside(loss.fate)] += loss.total
    if aside:
        listed = ", ".join(f"{n:,} {what}" for what, n in aside.most_common())
        told += f". Set aside, and no loss: {listed}"
    return told + "."


def _aside(fate: str) -> str:
    said = {HANDOFF: "handed off as tools and facts", "duplicate": "duplicates"}
    return said.get(fate, "left out as asked")


def _worth(evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return (
            "Not known: no evaluation was given. tracemine evaluate --json asks a store what it "
            "has never seen; give what it prints as --evaluation."
        )
    verdict = judge(evaluation)
    if verdict is None:
        return "Not known: the evaluation asked no question that was left to ask."
    told = (
        f"Asked {counted(evaluation.questions, 'question')} that it has never seen, the first "
        f"entry that it retrieves gives the checked result on {said(verdict.ours)}. The best "
        f"baseline, {verdict.best}, does on {said(verdict.baseline)}: "
    )
    told += {
        True: f"the store is better, by {said(verdict.lift, signed=True)}.",
        False: f"the store is worse, by {said(verdict.lift, signed=True)}.",
        None: f"no difference is shown, {said(verdict.lift, signed=True)}.",
    }[verdict.better]
    if verdict.tokens is not None:
        told += f" A first hit costs {verdict.tokens:,.0f} tokens with its routine"
        if verdict.price is not None:
            told += (
                f": {verdict.price:,.0f} tokens are read for each question that it gets right and "
                f"{NOTHING}, which retrieves nothing, does not."
            )
        else:
            told += f", and is right no more often than {NOTHING}, which retrieves nothing."
    return told


def _total(counts: Mapping[str, int]) -> int:
    return sum(counts.values())


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


__all__ = ["Point", "Tile", "points", "tiles"]
