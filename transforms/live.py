"""What a run has done so far, for whoever watches it.

Only for showing: ledgers are computed from the data, because a runner may run an element twice.
Where workers are other processes of this machine, each leaves its counts in a file that the process
which watches reads.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

#: Names the folder of the workers' files; workers inherit it from the process that watches.
FOLDER = "TRACEMINE_LIVE_COUNTS"
#: Seconds between two writings of a worker's file.
INTERVAL = 0.5

#: Stage and output.
Key = tuple[str, str]

#: What this process has counted.
live_counts: dict[Key, int] = {}

_last_written = 0.0
_watching: Path | None = None


def count(stage: str, output: str) -> None:
    """One more record for an output of a stage."""
    key = (stage, output)
    live_counts[key] = live_counts.get(key, 0) + 1


def tell(*, at_once: bool = False) -> None:
    """Leave the counts of this process for the one that watches, if another does and the last time
    is half a second ago. What cannot be written is not shown."""
    global _last_written
    folder = os.environ.get(FOLDER)
    now = time.monotonic()
    if not folder or _watching is not None or (now < _last_written + INTERVAL and not at_once):
        return
    _last_written = now
    target = Path(folder) / f"{os.getpid()}.json"
    with contextlib.suppress(OSError):
        waiting = target.with_suffix(".part")
        waiting.write_text(json.dumps([[*key, total] for key, total in live_counts.items()]))
        waiting.replace(target)


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """This process watches: counts begin anew, and workers that it starts tell it theirs."""
    global _watching
    live_counts.clear()
    with tempfile.TemporaryDirectory(prefix="tracemine-") as folder:
        _watching = Path(folder)
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            _watching = None
            del os.environ[FOLDER]


def counts() -> dict[Key, int]:
    """The counts of this process and of the workers that tell it theirs, in order of arrival."""
    total = Counter(dict(live_counts))
    for path in sorted(_watching.glob("*.json")) if _watching else ():
        for stage, output, number in json.loads(path.read_text()):
            total[stage, output] += number
    return dict(total)


__all__ = ["FOLDER", "count", "counts", "live_counts", "tell", "watched"]
