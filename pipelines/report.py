"""report: one page that says what was mined, what was lost, and what it is worth.

Everything is counted in the store's own tables (`reporting`); the evaluation is what ``evaluate
--json`` printed. Nothing of the page depends on when or where it is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata
from typing import Any

from tracemine.pipelines.options import ReportOptions
from tracemine.pipelines.rendering import counted
from tracemine.pipelines.reporting.asked import asked_snapshot
from tracemine.pipelines.reporting.brief import points, tiles
from tracemine.pipelines.reporting.entries import Lines, read_entries
from tracemine.pipelines.reporting.flows import span_flow, trajectory_flow
from tracemine.pipelines.reporting.funnel import WINDOW, Funnel, funnel
from tracemine.pipelines.reporting.offenders import failing, losing_sources, losing_teachers
from tracemine.pipelines.reporting.page import Report, pack, render
from tracemine.pipelines.reporting.snapshots import grown, moments
from tracemine.pipelines.reporting.store_charts import content_charts, snapshot_charts
from tracemine.pipelines.reporting.worth import read_evaluation
from tracemine.pipelines.reporting.worth_charts import worth_charts
from tracemine.store.errors import RequestError
from tracemine.store.history import History, open_history
from tracemine.store.location import Location, say
from tracemine.store.tables import open_whole

#: The file that is written.
PAGE = "index.html"
#: Snapshots that are compared; older ones are counted, and not read.
MOST_SNAPSHOTS = 50


def run_report(options: ReportOptions) -> dict[str, Any]:
    """Write the report of the store at ``options.store``; gives the object that ``--json`` prints:
    ``report`` (its path) and ``bytes``, the ``snapshot`` and all ``snapshots`` that it compares,
    ``entries`` by status, ``trajectories`` and ``spans`` with what was lost of them by reason, and
    ``notes``, a line for each thing that a reader must know.

    Raises:
        RequestError: if the evaluation cannot be read or asked another store, or the page not be
            written.
        StoreError: if the store cannot be opened, or a file of its live snapshot is damaged.
    """
    evaluation = read_evaluation(options.evaluation) if options.evaluation is not None else None
    path = _page(options.out)
    with open_history(options.store, MOST_SNAPSHOTS) as history:
        live = history.stores[-1]
        asked = (
            asked_snapshot(evaluation, str(options.evaluation), options.store, history)
            if evaluation
            else ""
        )
        found, lines = funnel(live), Lines()
        chunks = [pack(chunk) for chunk in read_entries(live, lines)]
        over_time = moments(history.stores)
        tools = {
            row["status"]: row["n"]
            for row in live.rows(
                "SELECT status, count(*) AS n FROM tools GROUP BY ALL ORDER BY ALL"
            )
        }
        windows = sum(loss.total for loss in found.of(WINDOW))
        teachers, cut = losing_teachers(history.stores)
        notes = list(_notes(history, asked))
        report = Report(
            store=options.store,
            snapshot=live.snapshot.number,
            as_of=over_time[-1].as_of,
            version=metadata.version("tracemine"),
            notes=notes,
            points=points(found, lines, tools, evaluation, asked),
            tiles=tiles(found, over_time[-1].tokens, evaluation, asked),
            flows=[trajectory_flow(found), span_flow(found)],
            windows=windows,
            worth=worth_charts(evaluation) if evaluation else [],
            asked=asked,
            history=snapshot_charts(over_time),
            content=content_charts(lines),
            failing=failing(lines),
            sources=losing_sources(found),
            teachers=teachers,
            forgotten=max(0, sum(found.segmented.values()) + windows - cut),
            grown=grown(over_time),
            lines=lines,
            chunks=chunks,
        )
        size = _write(path, render(report))
        return {
            "report": path,
            "bytes": size,
            "snapshot": live.snapshot.number,
            "snapshots": [store.snapshot.number for store in history.stores],
            "entries": {**found.entries, "tools": sum(tools.values())},
            "trajectories": _counts(found, "trajectory"),
            "spans": _counts(found, "span"),
            "evaluated": evaluation is not None,
            "notes": notes,
        }


def _page(out: str) -> str:
    location = Location.of(out)
    try:
        if location.exists("") and location.fs.isfile(location.root):
            raise RequestError(f"{out} is a file: give a folder for the report")
    except OSError as error:
        raise RequestError(f"cannot write to {out}: {say(error)}") from error
    return location.url(PAGE)


def _write(path: str, pieces: Iterable[bytes]) -> int:
    size = 0
    try:
        with open_whole(path) as stream:
            for piece in pieces:
                stream.write(piece)
                size += len(piece)
    except OSError as error:
        raise RequestError(f"cannot write {path}: {say(error)}") from error
    return size


def _notes(history: History, asked: str) -> Iterable[str]:
    yield from (f"Not compared: {line}" for line in history.unread)
    if history.left_out:
        yield f"Not compared: {counted(history.left_out, 'older snapshot')} of the store."
    if asked:
        yield (
            f"The evaluation asked {asked}, the report is of snapshot "
            f"{history.stores[-1].snapshot.number}: what it says of worth is of that one."
        )


def _counts(found: Funnel, unit: str) -> dict[str, Any]:
    of = {
        "trajectory": {"read": found.read, "admitted": found.admitted},
        "span": {"segmented": found.segmented, "kept": found.kept},
    }[unit]
    gone: dict[str, int] = {}
    for loss in found.of(unit):
        gone[loss.reason] = gone.get(loss.reason, 0) + loss.total
    return {name: sum(counts.values()) for name, counts in of.items()} | {"gone": gone}


__all__ = ["MOST_SNAPSHOTS", "PAGE", "run_report"]
