"""The page: one file of HTML that needs nothing else, and asks nobody for anything.

Data are zlib streams in base64, which the page unpacks where it is opened: the table of entries at
once, an entry's chunk when one of it is opened. What comes from a store is escaped by the template,
or set as text by the script. A Content-Security-Policy lets run only the page's own script and
Plotly's, by their hashes, and forbids every request.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import jinja2
from plotly.offline import get_plotlyjs

from tracemine.pipelines.reporting.brief import Point, Tile
from tracemine.pipelines.reporting.charts import DARK, Chart, percent
from tracemine.pipelines.reporting.entries import CHUNK, Lines
from tracemine.pipelines.reporting.offenders import MOST, Failing, Losing
from tracemine.pipelines.reporting.snapshots import Grown

#: zlib's level: 9 takes twice the time of 6, for 2% less.
_LEVEL = 6
#: Pieces of the page that are joined before they are written.
_BUFFERED = 64


@dataclass(frozen=True, slots=True)
class Report:
    """All that a page says. ``notes`` are what a reader must know of how it was made; ``asked`` is
    the snapshot that the evaluation asked where it is another, ``forgotten`` counts spans that runs
    cut whose snapshots are no longer kept."""

    store: str
    snapshot: str
    as_of: str
    version: str
    notes: Sequence[str]
    points: Sequence[Point]
    tiles: Sequence[Tile]
    flows: Sequence[Chart]
    windows: int
    worth: Sequence[Chart]
    asked: str
    history: Sequence[Chart]
    content: Sequence[Chart]
    failing: Sequence[Failing]
    sources: Sequence[Losing]
    teachers: Sequence[Losing]
    forgotten: int
    grown: Sequence[Grown]
    lines: Lines
    chunks: Sequence[str]


def pack(value: Any) -> str:
    """A value as JSON, compressed, in base64."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _packed(text)


def render(report: Report) -> Iterator[bytes]:
    """The page, piece by piece."""
    script, plotly = _asset("page.js"), get_plotlyjs()
    charts = [*report.flows, *report.worth, *report.history, *report.content]
    context: Mapping[str, Any] = {
        "report": report,
        "most": MOST,
        "style": _asset("page.css"),
        "script": script,
        "policy": _policy(script, plotly),
        "plotly": _packed(plotly),
        "figures": pack({chart.id: chart.figure for chart in charts if chart.figure}),
        "dark": pack(DARK),
        "lines": pack(
            {
                "columns": report.lines.columns,
                "names": report.lines.names,
                "chunk": CHUNK,
                "merged": report.lines.merged,
            }
        ),
    }
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["thousands"] = _thousands
    environment.filters["share"] = percent
    environment.tests["words"] = _is_words
    stream = environment.from_string(_asset("page.html")).stream(context)
    stream.enable_buffering(_BUFFERED)
    for piece in stream:
        yield piece.encode("utf-8", "replace")


def _policy(*scripts: str) -> str:
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _packed(text: str) -> str:
    # A lone half of a surrogate pair, which JSON may hold, is no UTF-8.
    return base64.b64encode(zlib.compress(text.encode("utf-8", "replace"), _LEVEL)).decode()


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _is_words(value: Any) -> bool:
    """Whether a value of a table is read, not compared."""
    return isinstance(value, str) and not value.lstrip("+-–")[:1].isdigit() and value != "–"


def _thousands(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


__all__ = ["Report", "pack", "render"]
