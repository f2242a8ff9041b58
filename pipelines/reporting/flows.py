"""The funnel as charts: how trajectories and spans flow from their sources to where they end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tracemine.pipelines.reporting.charts import (
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    STATUS_COLOURS,
    VERMILION,
    Chart,
    Json,
    flow,
    label,
)
from tracemine.pipelines.reporting.funnel import HANDOFF, Funnel, Loss

#: Sources and ends that a flow draws; its numbers have all.
MAX_SOURCES, MAX_ENDS = 7, 9
#: Where the ends go that are too small to draw, and sources.
_REST = "\0rest"


@dataclass(frozen=True, slots=True)
class _End:
    """Where records end: its name and colour, how many of each source. Small ``losses`` are drawn
    together."""

    name: str
    colour: str
    by_source: Mapping[str, int]
    loss: bool = False

    @property
    def total(self) -> int:
        return sum(self.by_source.values())


def trajectory_flow(funnel: Funnel) -> Chart:
    """What became of the trajectories that were read."""
    ends = [_End("admitted", GREEN, funnel.admitted)]
    ends += [_end(loss) for loss in funnel.of("trajectory")]
    return Chart(
        "flow-trajectories",
        "Trajectories: from their sources to admission",
        "What was read, by source, and where it went: admitted with a verified answer, or not, "
        "with the reason.",
        _drawn(funnel.sources, ends, "trajectories") if any(funnel.read.values()) else None,
        ("what became of them", "all", *funnel.sources),
        tuple(_rows(funnel.sources, [_End("read", "", funnel.read), *ends])),
    )


def span_flow(funnel: Funnel) -> Chart:
    """What became of the spans that admitted trajectories were cut into."""
    ends: list[_End] = []
    for status, by_source in funnel.resting.items():
        number = funnel.entries.get(status, 0)
        name = f"in {number:,} {status} {'entry' if number == 1 else 'entries'}"
        colour = STATUS_COLOURS.get(status, GREY)
        ends.append(_End(name if number else f"in {status}", colour, by_source))
    ends += [_end(loss) for loss in funnel.of("span")]
    return Chart(
        "flow-spans",
        "Spans: from admitted trajectories to entries",
        "Admitted trajectories are cut into spans, one subquestion each. Those that are kept rest "
        "in entries; tools and facts are handed off, which is no loss; the others are lost, with "
        "the reason.",
        _drawn(funnel.sources, ends, "spans") if any(funnel.segmented.values()) else None,
        ("what became of them", "all", *funnel.sources),
        tuple(_rows(funnel.sources, [_End("cut", "", funnel.segmented), *ends])),
    )


def loss_name(loss: Loss) -> str:
    """A loss as its reason, after what became of it where that is no loss."""
    if loss.fate == HANDOFF:
        return f"handed off: {loss.reason}"
    return f"failed: {loss.reason}" if loss.fate == "failed" else loss.reason


def _end(loss: Loss) -> _End:
    colour = VERMILION if loss.is_loss else PURPLE if loss.fate == HANDOFF else ORANGE
    return _End(loss_name(loss), colour, loss.by_source, loss=loss.fate != HANDOFF)


def _drawn(sources: Sequence[str], ends: Sequence[_End], unit: str) -> Json:
    shown, small = _largest([end for end in ends if end.total])
    for colour, name in ((VERMILION, "other reasons"), (ORANGE, "others, set aside")):
        alike = [end for end in small if (end.colour == VERMILION) == (colour == VERMILION)]
        rest: Counter[str] = Counter()
        for end in alike:
            rest.update(end.by_source)
        if alike:
            shown.append(alike[0] if not alike[1:] else _End(f"{len(alike)} {name}", colour, rest))
    top = sources[: MAX_SOURCES if len(sources) > MAX_SOURCES + 1 else MAX_SOURCES + 1]
    others = len(sources) - len(top)
    keys = {source: source if source in top else _REST for source in sources}
    # Ends are told apart by their places: two stages may give one reason.
    counts: dict[str, Counter[str]] = {}
    for place, end in enumerate(shown):
        for source, count in end.by_source.items():
            counts.setdefault(keys[source], Counter())[str(place)] += count
    names = {key: key for key in top} | {_REST: f"{others} other sources"}
    left = [(key, label(name, counts[key].total())) for key, name in names.items() if key in counts]
    right = [
        (str(place), label(end.name, end.total), end.colour) for place, end in enumerate(shown)
    ]
    links = [
        (key, place, counts[key][place])
        for key, _ in left
        for place, _, _ in right
        if counts[key][place]
    ]
    return flow(left, right, links, unit)


def _largest(ends: Sequence[_End]) -> tuple[list[_End], list[_End]]:
    """The ends that are drawn each, entries first, and losses too small for it."""
    kept = [end for end in ends if not end.loss]
    losses = sorted((end for end in ends if end.loss), key=lambda end: -end.total)
    room = max(1, MAX_ENDS - len(kept))
    if len(losses) <= room + 1:
        return [*kept, *losses], []
    return [*kept, *losses[:room]], losses[room:]


def _rows(sources: Sequence[str], ends: Iterable[_End]) -> Iterable[tuple[str | int, ...]]:
    for end in ends:
        yield (end.name, end.total, *(end.by_source.get(source, 0) for source in sources))


__all__ = ["loss_name", "span_flow", "trajectory_flow"]
