"""A worker process of a local run: Beam's own, quiet, that its parent knows by its process id.

python -m tracemine.pipelines.worker_process     (the runner starts it, see `workers`)
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tracemine.pipelines.garbage import look_rarely
from tracemine.pipelines.logs import configure_logging

#: Names the folder of the workers' process ids; workers inherit it from their parent.
FOLDER = "TRACEMINE_WORKERS"


class WorkerLostError(Exception):
    """A worker process ended before its work did. The run is over, nothing is published."""


def main() -> None:
    """Work until the parent says that there is no more."""
    # On a terminal an interrupt reaches every process at once; the parent ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    known = Path(os.environ[FOLDER]) / str(os.getpid()) if FOLDER in os.environ else None
    if known:
        known.touch()
    # Before Beam is imported, which warns of what nobody here needs.
    configure_logging()
    look_rarely()
    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main(sys.argv)
    if known:
        known.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
