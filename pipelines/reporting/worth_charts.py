"""What an evaluation found, as charts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import plotly.graph_objects as go

from tracemine.pipelines.reporting.charts import (
    BLUE,
    DASHES,
    GREY,
    LINES,
    MARKS,
    VERMILION,
    Chart,
    figure,
    plain,
)
from tracemine.pipelines.reporting.worth import ARMS, OURS, RUN, Evaluation, Share, judge

#: Arms whose lines are drawn at once; the others are drawn when their name in the legend is asked.
DRAWN = (OURS, "oracle", "bm25", "popularity", "whole_trace", "random", "no_store")
#: How far apart the points of two arms at one k stand, so that their intervals can be told apart.
_APART = 0.035


def worth_charts(evaluation: Evaluation) -> list[Chart]:
    """replay@k by arm, the lift over each baseline, tokens, and growth."""
    return [_replay(evaluation), _lift(evaluation), _tokens(evaluation), _growth(evaluation)]


def arm_said(arm: str) -> str:
    """What an arm is, in a few words; empty if nobody has said it."""
    if arm.endswith(RUN) and arm[: -len(RUN)] in ARMS:
        return f"as {arm[: -len(RUN)]}, its first hundred run on the values"
    return ARMS.get(arm, "")


def _replay(evaluation: Evaluation) -> Chart:
    arms = evaluation.replay_at_k
    ks = sorted({k for shares in arms.values() for k in shares}, key=_number)
    verdict = judge(evaluation)
    first = list(dict.fromkeys([*DRAWN, *([verdict.best] if verdict else [])]))
    order = [a for a in first if a in arms] + [a for a in arms if a not in first]
    traces = []
    for place, arm in enumerate(order):
        points = [(at, arms[arm][k]) for at, k in enumerate(ks) if k in arms[arm]]
        known = [(at, share) for at, share in points if share.value is not None]
        shift = (place - len(first) / 2) * _APART if arm in first else 0.0
        traces.append(
            _line(arm, place, [at + shift for at, _ in known], [share for _, share in known])
        )
        if arm not in first:
            traces[-1].visible = "legendonly"
    return Chart(
        "replay-at-k",
        "replay@k: how often one of the first k entries gives the checked result",
        f"Of {evaluation.questions:,} questions of {evaluation.problems:,} problems that the store "
        "has never seen; bars are intervals of 95%. The oracle is the most that any order could "
        "reach; no_store is what luck gives. Press a name to draw or hide its line.",
        figure(
            traces,
            xaxis={"title": {"text": "k"}, "tickvals": list(range(len(ks))), "ticktext": ks,
                   "zeroline": False},
            yaxis={"title": {"text": "share of questions"}, "tickformat": ".0%",
                   "rangemode": "tozero"},
            height=620,
        )
        if evaluation.questions
        else None,
        ("arm", *(f"@{k}" for k in ks), "what it is"),
        tuple(
            (arm, *(said(arms[arm].get(k, Share())) for k in ks), arm_said(arm)) for arm in order
        ),
    )  # fmt: skip


def _line(arm: str, place: int, xs: list[float], shares: list[Share]) -> Any:
    ours = arm == OURS
    return go.Scatter(
        name=plain(arm),
        x=xs,
        y=[share.value for share in shares],
        error_y=_interval(shares),
        mode="lines+markers",
        line={
            "color": LINES[place % len(LINES)],
            "width": 3.5 if ours else 1.8,
            "dash": DASHES[place % len(DASHES)],
        },
        marker={"symbol": MARKS[place % len(MARKS)], "size": 9 if ours else 7},
        customdata=[said(share) for share in shares],
        hovertemplate="%{customdata}<extra>%{fullData.name}</extra>",
    )


def _interval(shares: Iterable[Share]) -> dict[str, Any]:
    known = [(s.value or 0.0, s.low, s.high) for s in shares]
    return {
        "type": "data",
        "symmetric": False,
        "array": [0.0 if high is None else high - value for value, _, high in known],
        "arrayminus": [0.0 if low is None else value - low for value, low, _ in known],
        "thickness": 1.2,
        "width": 3,
    }


def _lift(evaluation: Evaluation) -> Chart:
    lifts = {b: shares["1"] for b, shares in evaluation.lift.get(OURS, {}).items() if "1" in shares}
    known = {b: share for b, share in lifts.items() if share.value is not None}
    drawn = sorted(known, key=lambda b: known[b].value or 0.0)
    traces = [
        go.Scatter(
            x=[known[b].value for b in drawn],
            y=[plain(b) for b in drawn],
            error_x=_interval(known[b] for b in drawn) | {"color": GREY},
            mode="markers",
            marker={
                "size": 10,
                "color": [BLUE if (known[b].low or 0) > 0 else VERMILION for b in drawn],
                "symbol": ["circle" if (known[b].low or 0) > 0 else "x" for b in drawn],
            },
            customdata=[said(known[b], signed=True) for b in drawn],
            hovertemplate="%{customdata} over %{y}<extra></extra>",
        )
    ]
    return Chart(
        "lift",
        f"Lift at 1: how much more often {OURS} is right than each baseline",
        "Right of the line the store is better. A cross has an interval that reaches the line: "
        "no difference is shown, or the store is worse.",
        figure(
            traces,
            xaxis={"tickformat": "+.0%", "zeroline": True, "title": {"text": "points of share"}},
            yaxis={"automargin": True, "type": "category"},
            height=120 + 26 * len(drawn),
        )
        if drawn
        else None,
        ("over", "lift at 1"),
        tuple((b, said(lifts[b], signed=True)) for b in reversed(drawn)),
    )


def _tokens(evaluation: Evaluation) -> Chart:
    tokens = evaluation.retrieval.tokens
    texts = {
        "summary": "its summary alone",
        "full": "with its routine",
        "returned": "all that search returns",
    }
    drawn = [t for t in texts if t in tokens] + [t for t in tokens if t not in texts]
    ks = sorted({k for shares in tokens.values() for k in shares}, key=_number)
    traces = [
        go.Bar(
            name=f"the first {k}" if k != "1" else "the first hit",
            x=[texts.get(t, plain(t)) for t in drawn],
            y=[tokens[t].get(k, Share()).value for t in drawn],
            marker={"color": LINES[place % len(LINES)]},
            hovertemplate="%{x}: %{y:,.0f} tokens<extra>%{fullData.name}</extra>",
        )
        for place, k in enumerate(ks)
        if k in ("1", "10")
    ]
    return Chart(
        "tokens-of-hits",
        "Tokens: what retrieval costs",
        "Mean tokens of the first hit, and of the first ten, on a scale of tens.",
        figure(
            traces, barmode="group", yaxis={"title": {"text": "tokens"}, "type": "log", "dtick": 1}
        )
        if drawn
        else None,
        ("text", *(f"first {k}" for k in ks)),
        tuple((t, *(_mean(tokens[t].get(k, Share())) for k in ks)) for t in drawn),
    )


def _growth(evaluation: Evaluation) -> Chart:
    growth = evaluation.growth
    parts = sorted(growth, key=_number)
    ks = [k for k in ("1", "10") if all(k in growth[part].typed_signature for part in parts)]
    traces = []
    for place, k in enumerate(ks):
        shares = [growth[part].typed_signature[k] for part in parts]
        traces.append(_line(f"replay@{k}", place, [growth[p].entries for p in parts], shares))
    return Chart(
        "growth",
        "Growth: is more better?",
        "The store as it would stand after 10%, 20% ... of its trajectories: a curve that still "
        "rises says that more traces would make it worth more.",
        figure(
            traces,
            xaxis={"title": {"text": "entries"}, "rangemode": "tozero"},
            yaxis={"title": {"text": "share of questions"}, "tickformat": ".0%",
                   "rangemode": "tozero"},
        )
        if parts and ks and evaluation.questions
        else None,
        ("share of trajectories", "entries", *(f"replay@{k}" for k in ks)),
        tuple(
            (part, growth[part].entries,
             *(said(growth[part].typed_signature[k]) for k in ks))
            for part in parts
        ),
    )  # fmt: skip


def said(share: Share, *, signed: bool = False, bounds: bool = False) -> str:
    """``44.1% (40.2% to 48.0%)``, or the ``bounds`` alone; a dash of nothing."""
    if share.value is None:
        return "–"
    form = "+.1%" if signed else ".1%"
    if bounds and share.low is not None and share.high is not None:
        return f"{share.low:{form}} to {share.high:{form}}"
    if share.low is None or share.high is None:
        return f"{share.value:{form}}"
    return f"{share.value:{form}} ({share.low:{form}} to {share.high:{form}})"


def _mean(share: Share) -> str:
    if share.value is None:
        return "–"
    if share.low is None or share.high is None:
        return f"{share.value:,.0f}"
    return f"{share.value:,.0f} ({share.low:,.0f} to {share.high:,.0f})"


def _number(text: str) -> tuple[float, str]:
    """What ``10`` and ``10%`` are ordered by."""
    try:
        return float(text.rstrip("%")), text
    except ValueError:
        return float("inf"), text


__all__ = ["arm_said", "said", "worth_charts"]
