"""The live view: counts as they are, and rates of the time in which a stage was at work."""

from __future__ import annotations

import io
import logging
import threading

import pytest
from rich.console import Console

from tracemine.pipelines import progress
from tracemine.pipelines.progress import Progress
from tracemine.transforms.live import live_counts


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands still until a test moves it."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def shown(view: Progress) -> dict[str, list[str]]:
    """Stage -> the other cells of its row."""
    console = Console(file=io.StringIO(), width=100)
    console.print(view._table())
    rows = [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in console.file.getvalue().splitlines()  # type: ignore[attr-defined]
        if line.startswith("│")
    ]
    return {row[0]: row[1:] for row in rows}


def test_a_rate_is_of_the_time_in_which_the_stage_worked(clock: list[float]) -> None:
    with Progress(enabled=False) as view:
        live_counts["read", "trajectories"] = 1000
        shown(view)
        clock[0] += 9.5
        live_counts["read", "trajectories"] = 5000
        assert shown(view)["read"] == ["trajectories", "5,000", "500"]
        clock[0] += 90
        live_counts["embed", "proposals"] = 32
        rows = shown(view)
        assert rows["read"] == ["trajectories", "5,000", "500"]
        assert rows["embed"] == ["proposals", "32", "64"]


def test_a_line_of_a_log_names_each_stage_once(clock: list[float]) -> None:
    with Progress(enabled=False) as view:
        assert view.line() == "0 s  working"
        live_counts["admit", "trajectories"] = 3
        live_counts["admit", "rejected"] = 1
        clock[0] += 15
        assert view.line() == "15 s  admit: rejected 1, trajectories 3"


def test_progress_ends_with_its_context(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracemine.pipelines.progress.LOG_SECONDS", 0.01)
    before = set(threading.enumerate())
    lines: list[str] = []
    logged = threading.Event()
    handler = logging.Handler()

    def emit(record: logging.LogRecord) -> None:
        lines.append(record.getMessage())
        logged.set()

    handler.emit = emit  # type: ignore[method-assign]
    logger = logging.getLogger("tracemine.progress")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with Progress(enabled=True):
            assert logged.wait(60)
            assert set(threading.enumerate()) - before
    finally:
        logger.removeHandler(handler)
    assert not set(threading.enumerate()) - before
    assert any(line.endswith("working") for line in lines)
