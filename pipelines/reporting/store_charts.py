"""What a store holds, and how it changed, as charts."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence

import plotly.graph_objects as go

from tracemine.pipelines.reporting.charts import (
    BLUE,
    GREEN,
    GREY,
    PURPLE,
    SKY,
    STATUS_COLOURS,
    VERMILION,
    Chart,
    bars,
    figure,
    percent,
    plain,
)
from tracemine.pipelines.reporting.entries import Lines
from tracemine.pipelines.reporting.snapshots import Moment

#: What statuses are drawn in, from below.
_ORDER = ("canonical", "verified", "expired", "quarantined", "merged", "candidate")
#: The lower ends of what entries are counted in: by spans, by tokens, by success rate.
_SPANS = (1, 2, 3, 5, 9, 17, 33, 65, 129, 257)
_TOKENS = (0, 16, 32, 64, 128, 256, 512, 1024, 2048)
_RATES = tuple(place / 10 for place in range(10))


def content_charts(lines: Lines) -> list[Chart]:
    """Cluster sizes, tokens and success rates of the entries, by status."""
    return [
        _counted(
            lines, "spans", _SPANS, "cluster-sizes", "Cluster sizes: spans that an entry rests on",
            "A span is one place in one trace. What many traces do is one entry; what one trace "
            "does is mostly a candidate. Press a status to hide or draw it.", "spans",
        ),
        _counted(
            lines, "tokens", _TOKENS, "tokens", "Tokens: what reading an entry's routine costs",
            "Of the variant that search recommends, by the embedder's tokenizer.", "tokens",
        ),
        _counted(
            lines, "rate", _RATES, "success-rates", "Success rate: how often an entry is right",
            "On how many of all held-out instances that words proposed for it, also those of "
            "problems that need another routine: so few are right everywhere. Candidates are not "
            "drawn.", "success rate, %",
        ),
    ]  # fmt: skip


def _counted(
    lines: Lines,
    column: str,
    ends: Sequence[float],
    identifier: str,
    title: str,
    said: str,
    axis: str,
) -> Chart:
    names = [_bin(column, ends, place) for place in range(len(ends))]
    kinds, statuses = lines.names.get("kind", []), lines.names.get("status", [])
    counts = {status: [0] * len(ends) for status in statuses}
    for value, status, kind in zip(
        lines.columns[column], lines.columns["status"], lines.columns["kind"], strict=True
    ):
        if kinds[kind] == "procedure" and value is not None:
            place = max(0, bisect_right(ends, value) - 1)
            counts[statuses[status]][place] += 1
    order = [s for s in _ORDER if any(counts.get(s, ())) and (s, column) != ("candidate", "rate")]
    last = max((p for s in order for p, n in enumerate(counts[s]) if n), default=-1) + 1
    last = len(ends) if column == "rate" else last
    return Chart(
        identifier,
        title,
        said,
        bars(
            [(s, STATUS_COLOURS[s], counts[s][:last]) for s in order],
            names[:last],
            xaxis={"title": {"text": axis}, "type": "category"},
            yaxis={"title": {"text": "entries"}},
        )
        if order
        else None,
        (axis, *order, "all"),
        tuple(
            (name, *(counts[s][p] for s in order), sum(counts[s][p] for s in order))
            for p, name in enumerate(names[:last])
        ),
    )


def _bin(column: str, ends: Sequence[float], place: int) -> str:
    low = ends[place]
    if column == "rate":
        return f"{100 * low:.0f}–{100 * low + 10:.0f}"
    if place + 1 == len(ends):
        return f"{low:,}+"
    high = ends[place + 1] - 1
    return f"{low:,}" if high == low else f"{low:,}–{high:,}"


def snapshot_charts(moments: Sequence[Moment]) -> list[Chart]:
    """Entries by status, success rate and drift, by snapshot."""
    names = [moment.number.lstrip("0") or "0" for moment in moments]
    several = len(moments) > 1
    order = [s for s in _ORDER if any(moment.entries.get(s) for moment in moments)]
    axis = {"title": {"text": "snapshot"}, "type": "category"}
    return [
        Chart(
            "entries-over-snapshots",
            "Growth: entries by status",
            "What the store held in each snapshot that it keeps.",
            bars(
                [(s, STATUS_COLOURS[s], [m.entries.get(s, 0) for m in moments]) for s in order],
                names,
                xaxis=axis,
                yaxis={"title": {"text": "entries"}},
            )
            if several
            else None,
            ("snapshot", "as of", "made by", "teacher", "trajectories", "read, known before",
             "spans", *order, "tokens of an entry"),
            tuple(
                (m.number, _minute(m.as_of), m.made_by, m.teacher, m.trajectories, m.known, m.spans,
                 *(m.entries.get(s, 0) for s in order), round(m.tokens, 1))
                for m in moments
            ),
        ),
        Chart(
            "rate-over-snapshots",
            "Success rate of what is served",
            "The mean over the entries that search gives.",
            figure(
                [
                    go.Scatter(
                        x=names, y=[m.rate for m in moments], mode="lines+markers",
                        line={"color": BLUE, "width": 3}, marker={"size": 9},
                        hovertemplate="snapshot %{x}: %{y:.1%}<extra></extra>",
                    )
                ],
                xaxis=axis,
                yaxis={"tickformat": ".0%", "rangemode": "tozero"},
            )
            if several
            else None,
            ("snapshot", "entries served", "mean success rate"),
            tuple(
                (m.number, m.served, percent(m.rate)) for m in moments
            ),
        ),
        _drift(moments[1:], names[1:]),
        _again(moments),
    ]  # fmt: skip


def _minute(as_of: str) -> str:
    """A time to the minute, which is what a table has room for; the page begins with all of it."""
    return as_of[:16].replace("T", " ") if as_of.endswith("+00:00") else as_of


def _drift(moments: Sequence[Moment], names: Sequence[str]) -> Chart:
    drifts = [moment.drift for moment in moments if moment.drift]
    series = [
        ("rose", GREEN, [d.rose for d in drifts]),
        ("newly served", SKY, [d.entered for d in drifts]),
        ("fell", VERMILION, [-d.fell for d in drifts]),
        ("no longer served", PURPLE, [-d.demoted for d in drifts]),
        ("gone", GREY, [-d.gone for d in drifts]),
    ]
    return Chart(
        "drift",
        "Drift: what changed in entries that were there before",
        "Upwards, entries whose success rate rose and those that came to be served; downwards, "
        "those whose rate fell, that are served no longer, or that are gone (merged or withdrawn).",
        bars(
            [(name, colour, heights) for name, colour, heights in series if any(heights)],
            [plain(name) for name in names],
            xaxis={"title": {"text": "snapshot"}, "type": "category"},
            yaxis={"title": {"text": "entries"}},
        )
        if any(any(heights) for _, _, heights in series)
        else None,
        ("snapshot", "rose", "fell", "stayed", "mean change", "newly served", "no longer served",
         "gone", "new"),
        tuple(
            (m.number, d.rose, d.fell, d.stayed,
             "–" if d.change is None else f"{100 * d.change:+.2f} points", d.entered, d.demoted,
             d.gone, d.added)
            for m in moments
            if (d := m.drift)
        ),
    )  # fmt: skip


def _again(moments: Sequence[Moment]) -> Chart:
    """What `verify` found, drawn of the last time, with the numbers of every time."""
    last = next((moment.again for moment in reversed(moments) if moment.again), ())
    drawn = [one for one in reversed(last) if one.before is not None and one.now is not None]
    # Each facet has every entry once.
    tried: Counter[str] = Counter()
    for one in last:
        tried[one.facet] += one.entries
    names = [plain(f"{one.facet} {one.name}") for one in drawn]
    traces = [
        go.Scatter(
            name=name, x=shares, y=names, mode="markers",
            marker={"color": colour, "size": size, "symbol": symbol, "line": {"width": 2}},
            hovertemplate="%{y}: %{x:.1%}<extra>%{fullData.name}</extra>",
        )
        # Where nothing changed, one stands around the other.
        for name, shares, colour, symbol, size in (
            ("passed before", [one.before for one in drawn], GREY, "circle-open", 19),
            ("passes now", [one.now for one in drawn], BLUE, "diamond", 9),
        )
    ]  # fmt: skip
    return Chart(
        "verified-again",
        "Drift: what was replayed again",
        f"Of the calls that tracemine verify made again of {max(tried.values(), default=0):,} "
        "entries, the share that had passed and the share that passes now, the last time that it "
        "was run.",
        figure(
            traces,
            xaxis={"tickformat": ".0%", "title": {"text": "share of calls"}},
            yaxis={"automargin": True, "type": "category"},
            height=150 + 30 * len(drawn),
        )
        if drawn
        else None,
        ("snapshot", "of", "entries", "calls", "passed before", "passes now"),
        tuple(
            (m.number, f"{one.facet} {one.name}", one.entries, one.calls,
             percent(one.before), percent(one.now))
            for m in moments
            for one in m.again
        ),
    )  # fmt: skip


__all__ = ["content_charts", "snapshot_charts"]
