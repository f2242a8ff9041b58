"""What an evaluation found, as charts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
from tracemine.pipelines.reporting.worth import (
    ABLATIONS,
    ARMS,
    OURS,
    RUN,
    Evaluation,
    Figure,
    Mean,
    Share,
    exact,
    judge,
    label_of,
    shown,
)

#: Arms whose lines are drawn at once; the others are drawn when their name in the legend is asked.
DRAWN = (OURS, "oracle", "bm25", "popularity", "whole_trace", "random", "no_store")
#: Whether a difference is shown to be above 0 -> the colour and symbol of its mark.
_MARKS = {True: (BLUE, "circle"), False: (VERMILION, "x"), None: (GREY, "diamond-open")}
_MARKED = (
    "A blue dot: shown to be better; an orange cross: shown to be worse; an empty diamond: no "
    "difference is shown, for the interval reaches the line."
)
#: How far apart the points of two arms at one k stand, so that their intervals can be told apart.
_APART = 0.035


def worth_charts(evaluation: Evaluation) -> list[Chart]:
    """replay@k by arm, the lift over each baseline, ablations, tokens, and growth."""
    made = (_replay, _lift, _ablations, _tokens, _growth)
    return [chart for make in made if (chart := make(evaluation)).rows]


def arm_said(arm: str) -> str:
    """What an arm is, in a few words; empty if nobody has said it."""
    if arm.endswith(RUN) and arm[: -len(RUN)] in ARMS:
        return f"as “{label_of(arm[: -len(RUN)])}”, its first hundred tried on the values"
    return ARMS[arm].what if arm in ARMS else ""


def _replay(evaluation: Evaluation) -> Chart:
    arms = evaluation.replay_at_k
    ks = sorted({k for shares in arms.values() for k in shares}, key=_number)
    verdict = judge(evaluation)
    first = list(dict.fromkeys([*DRAWN, *([verdict.best] if verdict and verdict.best else [])]))
    others = [a for a in arms if a not in first]
    # Ablations stand apart, at the end.
    order = [a for a in first if a in arms] + sorted(others, key=ABLATIONS.__contains__)
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
        "has never seen; bars are intervals of 95%. The best possible order is the most that "
        "any could reach; without a store luck is left. Press a name to draw or hide its line.",
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
        ("way", *(f"@{k}" for k in ks), "what it is", "arm"),
        tuple(
            (label_of(arm), *(said(arms[arm].get(k, Share())) for k in ks), arm_said(arm), arm)
            for arm in order
        ),
    )  # fmt: skip


def _line(arm: str, place: int, xs: list[float], shares: list[Share]) -> Any:
    ours = arm == OURS
    return go.Scatter(
        name=plain(label_of(arm)),
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


def _interval(shares: Iterable[Figure]) -> dict[str, Any]:
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
    return _differences(
        evaluation,
        [arm for arm in evaluation.lift.get(OURS, {}) if arm not in ABLATIONS],
        "lift",
        "Lift at 1: how much more often the store is right than each baseline",
        f"Right of the line the store is better. {_MARKED}",
    )


def _ablations(evaluation: Evaluation) -> Chart:
    return _differences(
        evaluation,
        [arm for arm in evaluation.lift.get(OURS, {}) if arm in ABLATIONS],
        "ablations",
        "Ablations: how much more often the store is right than without a part of it",
        "These are no other way to search: each leaves out a part of mining. Without the gate also "
        "what no replay has shown is searched, and without the others single spans, or single "
        "codes. Left of the line the part costs more than it gives on these "
        f"questions. {_MARKED}",
    )


def _differences(
    evaluation: Evaluation, arms: Sequence[str], identifier: str, title: str, told: str
) -> Chart:
    of = evaluation.lift.get(OURS, {})
    known = {b: of[b]["1"] for b in arms if "1" in of[b] and of[b]["1"].value is not None}
    drawn = sorted(known, key=lambda b: known[b].value or 0.0)
    in_points = [
        Figure(
            value=100 * (exact(known[b]) or 0.0),
            low=_hundredfold(known[b].low),
            high=_hundredfold(known[b].high),
        )
        for b in drawn
    ]
    marks = [_MARKS[shown(known[b])] for b in drawn]
    traces = [
        go.Scatter(
            x=[one.value for one in in_points],
            y=[plain(label_of(b)) for b in drawn],
            error_x=_interval(in_points) | {"color": GREY},
            mode="markers",
            marker={
                "size": 10,
                "color": [colour for colour, _ in marks],
                "symbol": [symbol for _, symbol in marks],
            },
            customdata=[said(known[b], signed=True) for b in drawn],
            hovertemplate="%{customdata} over %{y}<extra></extra>",
        )
    ]
    return Chart(
        identifier,
        title,
        told,
        figure(
            traces,
            xaxis={"tickformat": "+,.3~f", "zeroline": True, "title": {"text": "points"}},
            yaxis={"automargin": True, "type": "category"},
            height=max(340, 120 + 26 * len(drawn)),
        )
        if drawn
        else None,
        ("over", "lift at 1", "what it is", "arm"),
        tuple((label_of(b), said(known[b], signed=True), arm_said(b), b) for b in reversed(drawn)),
    )


def _hundredfold(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _tokens(evaluation: Evaluation) -> Chart:
    tokens = evaluation.retrieval.tokens
    texts = {
        "summary": "summary: a line",
        "full": "full: question, summary, steps and code",
        "returned": "returned: all that search --json prints",
    }
    drawn = [t for t in texts if t in tokens] + [t for t in tokens if t not in texts]
    ks = sorted({k for shares in tokens.values() for k in shares}, key=_number)
    traces = [
        go.Bar(
            name=f"the first {k}" if k != "1" else "the first hit",
            x=[plain(t) for t in drawn],
            y=[tokens[t].get(k, Mean()).value for t in drawn],
            marker={"color": LINES[place % len(LINES)]},
            hovertemplate="%{x}: %{y:,.0f} tokens<extra>%{fullData.name}</extra>",
        )
        for place, k in enumerate(ks)
        if k in ("1", "10")
    ]
    return Chart(
        "tokens-of-hits",
        "Tokens: what retrieval costs",
        "Mean tokens of the first hit, and of the first ten, on a scale of tens: of the summary; "
        "in full, with question, summary, steps and code; and as search --json returns it, with "
        "quotes. The tokens of a routine, further down, are those of its steps and code alone, of "
        "each entry once; here an entry counts as often as it is found.",
        figure(
            traces, barmode="group", yaxis={"title": {"text": "tokens"}, "type": "log", "dtick": 1}
        )
        if drawn
        else None,
        ("text", *(f"first {k}" for k in ks)),
        tuple((texts.get(t, t), *(_mean(tokens[t].get(k, Mean())) for k in ks)) for t in drawn),
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
        "The store as it would stand after 10%, 20% ... of its trajectories: where a curve still "
        "rises, more traces would make it worth more; where it is flat or falls, more alone do "
        "not.",
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


def said(share: Figure, *, signed: bool = False, bounds: bool = False) -> str:
    """``44.1% (40.2% to 48.0%)``, of a difference ``+3.9 points (-0.1 to +7.9)``, or the ``bounds``
    alone; a dash of nothing."""
    if share.value is None:
        return "–"
    if share.low is None or share.high is None:
        limits = ""
    else:
        limits = f"{_percent(share.low, signed)} to {_percent(share.high, signed)}"
    if bounds and limits:
        return limits
    told = _percent(exact(share) or 0.0, signed)
    if signed:
        told += " point" if told in ("+1.0", "-1.0") else " points"
    return f"{told} ({limits})" if limits else told


def _percent(share: float, signed: bool) -> str:
    """``44.1%``; of a difference ``+3.9``, which is of points."""
    # Adding 0 makes 0 of what would be -0.
    return f"{round(100 * share, 1) + 0:+.1f}" if signed else f"{share:.1%}"


def _mean(share: Figure) -> str:
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
