"""What a person sees while a pipeline runs: on a terminal a live table, else plain log lines.

Stages that run on this machine tell what they have done (`transforms.live`); where workers are
other machines there is nothing to read here, and only the time is shown.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from contextlib import ExitStack
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table

from tracemine.transforms import live

#: Seconds between two looks at the counts: on a terminal, and in a log.
LIVE_SECONDS = 0.5
LOG_SECONDS = 15.0

_LOGGER = logging.getLogger("tracemine.progress")


class Progress:
    """A context in which progress is shown on standard error."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._terminal = sys.stderr.isatty()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._watched = ExitStack()
        self._started = 0.0
        #: Of each output: when it first had a record, when its count last changed, that count.
        self._seen: dict[tuple[str, str], tuple[float, float, int]] = {}

    def __enter__(self) -> Progress:
        self._watched.enter_context(live.watched())
        self._started = time.monotonic()
        if self._enabled:
            target = self._show if self._terminal else self._log
            self._thread = threading.Thread(target=target, name="progress", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()
        self._watched.close()

    def _show(self) -> None:
        console = Console(stderr=True)
        with Live(self._table(), console=console, refresh_per_second=4, transient=True) as live:
            while not self._stop.wait(LIVE_SECONDS):
                live.update(self._table())

    def _log(self) -> None:
        while not self._stop.wait(LOG_SECONDS):
            _LOGGER.info("%s", self.line())

    def line(self) -> str:
        """One line of plain text: seconds, then what each stage has given so far."""
        elapsed = time.monotonic() - self._started
        stages: dict[str, list[str]] = {}
        for (stage, output), count in live.counts().items():
            stages.setdefault(stage, []).append(f"{output} {count}")
        parts = [f"{stage}: {', '.join(sorted(found))}" for stage, found in stages.items()]
        return f"{elapsed:.0f} s  " + ("  ".join(parts) or "working")

    def _table(self) -> Table:
        elapsed = time.monotonic() - self._started
        table = Table(title=f"mining, {elapsed:.0f} s", title_justify="left")
        table.add_column("stage")
        table.add_column("output")
        table.add_column("records", justify="right")
        table.add_column("a second", justify="right")
        for (stage, output), count in live.counts().items():
            rate = self._rate((stage, output), count)
            table.add_row(stage, output, f"{count:,}", f"{rate:,.0f}")
        return table

    def _rate(self, key: tuple[str, str], count: int) -> float:
        """Records a second of an output while it was growing: stages run one after the other, so
        the time since the start would say little of most of them."""
        now = time.monotonic()
        first, changed, known = self._seen.get(key, (now - LIVE_SECONDS, now, 0))
        if count != known:
            changed = now
        self._seen[key] = first, changed, count
        return count / (changed - first)
