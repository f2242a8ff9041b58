"""The charts of a report, as Plotly figures, each with the numbers that it draws.

Colours are Okabe and Ito's, which people of every colour vision tell apart, and no chart tells
anything by colour alone. They are written for light ground; `DARK` has what stands for each in the
dark. Plotly reads markup in texts, so every text that comes from a store goes through `plain`.
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

Json = dict[str, Any]

BLUE, VERMILION, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#b3588c"
ORANGE, SKY, GREY, BLACK = "#e69f00", "#56b4e9", "#8a8f98", "#1f2328"
#: None of theirs, darker than all but black.
BROWN = "#6b4a00"
#: Colour on light ground -> the same in the dark.
DARK = {
    BLUE: "#4ea8de", VERMILION: "#ff8c50", GREEN: "#2bc79a", PURPLE: "#e08fbe",
    ORANGE: "#f2b53a", SKY: "#9bd6ff", GREY: "#7d848e", BLACK: "#e6e8eb",
    BROWN: "#c9a56b",
}  # fmt: skip
#: What lines are told apart by beside their colour.
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
MARKS = ("circle", "square", "diamond", "triangle-up", "x", "cross", "star")
LINES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY)

STATUS_COLOURS = {
    "canonical": BLUE, "verified": SKY, "candidate": GREY, "expired": BROWN,
    "quarantined": VERMILION, "merged": PURPLE,
}  # fmt: skip

#: Characters of a label.
MAX_LABEL = 44


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: what it shows in a title and a sentence, the figure as Plotly reads it, and its
    numbers as a table. ``figure`` is None where there is nothing to draw; ``said`` says why."""

    id: str
    title: str
    said: str
    figure: Json | None = None
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()


def plain(text: str, *, most: int = MAX_LABEL) -> str:
    """``text`` on one line as Plotly shows it letter for letter."""
    line = " ".join(text.split())
    return html.escape(line if len(line) <= most else f"{line[: most - 1]}…")


def percent(share: float | None) -> str:
    """``44.1%``; a dash of nothing."""
    return "–" if share is None else f"{share:.1%}"


def label(text: str, count: int) -> str:
    """``text`` and a count as the label of a node."""
    return f"{plain(text)} {count:,}"


def figure(traces: Iterable[Any], **layout: Any) -> Json:
    """A figure of ``traces`` as plain JSON, without a theme: the page gives it one."""
    made = go.Figure(data=list(traces), layout=go.Layout(template="none", **layout))
    found: Json = json.loads(made.to_json(validate=True))
    found["layout"].pop("template", None)
    return found


def bars(
    series: Sequence[tuple[str, str, Sequence[float]]], names: Sequence[str], **layout: Any
) -> Json:
    """Stacked bars of counts: ``series`` are ``(name, colour, heights)``, ``names`` those of the
    bars. What is drawn downwards is counted, too, and has no sign."""
    traces = [
        go.Bar(
            name=plain(name), x=[plain(n) for n in names], y=list(heights),
            marker={"color": colour, "line": {"width": 0}},
            customdata=[abs(height) for height in heights],
            hovertemplate="%{x}: %{customdata:,}<extra>%{fullData.name}</extra>",
        )
        for name, colour, heights in series
    ]  # fmt: skip
    stacked = list(zip(*(heights for _, _, heights in series), strict=True))
    ticks = _ticks(
        min((sum(min(n, 0) for n in bar) for bar in stacked), default=0),
        max((sum(max(n, 0) for n in bar) for bar in stacked), default=0),
    )
    yaxis = {"tickvals": ticks, "ticktext": [f"{abs(tick):,}" for tick in ticks]}
    # Of one series too a reader must know which.
    layout = {"showlegend": True, **layout, "yaxis": yaxis | layout.get("yaxis", {})}
    return figure(traces, barmode="relative", **layout)


def _ticks(low: float, high: float) -> list[int]:
    """Whole numbers, about five, that reach from ``low`` to ``high``."""
    step = 1
    for step in (one * 10**power for power in range(15) for one in (1, 2, 5)):
        if (high - low) / step <= 6:
            break
    return list(range(step * math.floor(low / step), step * math.ceil(high / step) + 1, step))


def flow(
    left: Sequence[tuple[str, str]],
    right: Sequence[tuple[str, str, str]],
    links: Sequence[tuple[str, str, int]],
    unit: str,
) -> Json:
    """A flow from ``left`` to ``right``: nodes are ``(key, label)`` and ``(key, label, colour)``,
    ``links`` are ``(left key, right key, count)``, counts being of ``unit``."""
    places = {("left", key): place for place, (key, _) in enumerate(left)}
    places |= {("right", key): len(left) + place for place, (key, _, _) in enumerate(right)}
    colours = {key: colour for key, _, colour in right}
    sankey = go.Sankey(
        arrangement="fixed",
        node={
            "label": [text for _, text in left] + [text for _, text, _ in right],
            "color": [GREY for _ in left] + [colour for _, _, colour in right],
            "pad": 17, "thickness": 12, "line": {"width": 0},
            "hovertemplate": f"%{{label}}<br>%{{value:,}} {unit}<extra></extra>",
        },
        link={
            "source": [places["left", one] for one, _, _ in links],
            "target": [places["right", other] for _, other, _ in links],
            "value": [count for _, _, count in links],
            "color": [colours[other] for _, other, _ in links],
            "hovertemplate": (
                "%{source.label}<br>→ %{target.label}<br>"
                f"%{{value:,}} {unit}<extra></extra>"
            ),
        },
    )  # fmt: skip
    return figure([sankey])


__all__ = [
    "BLACK", "BLUE", "BROWN", "DARK", "DASHES", "GREEN", "GREY", "LINES", "MARKS", "ORANGE",
    "PURPLE", "SKY", "STATUS_COLOURS", "VERMILION", "Chart", "bars", "figure", "flow", "label",
    "percent", "plain",
]  # fmt: skip
