"""What goes to standard error: plain lines, ours and others' errors."""

from __future__ import annotations

import logging
import sys

#: Records of libraries are shown from here on.
THEIR_LEVEL = logging.ERROR


#: Tells that a worker has gone, at length; `workers` tells it in a line.
TRANSPORT = "apache_beam.runners.worker.data_plane"


class _Ours(logging.Filter):
    """Passes our own records, and others' only if they are errors that nobody else tells of."""

    def filter(self, record: logging.LogRecord) -> bool:
        ours = record.name.startswith("tracemine")
        return ours or (record.levelno >= THEIR_LEVEL and record.name != TRANSPORT)


def configure_logging() -> None:
    """Plain lines on standard error."""
    output = logging.StreamHandler(sys.stderr)
    output.setFormatter(logging.Formatter("%(message)s"))
    output.addFilter(_Ours())
    root = logging.getLogger()
    root.handlers = [output]
    root.setLevel(logging.WARNING)
    logging.getLogger("tracemine").setLevel(logging.INFO)


__all__ = ["configure_logging"]
