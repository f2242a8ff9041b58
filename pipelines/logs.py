"""What goes to standard error: plain lines, ours and others' errors."""

from __future__ import annotations

import logging
import sys

from tracemine.pipelines.disk import FULL

#: Records of libraries are shown from here on.
THEIR_LEVEL = logging.ERROR


#: Tell that a worker has gone, at length; `workers` tells it in a line.
TRANSPORT = frozenset(
    {
        "apache_beam.runners.worker.data_plane",
        "apache_beam.runners.portability.fn_api_runner.worker_handlers",
    }
)


class _Plain(logging.Formatter):
    """Lines and tabs as they are, and nothing else that a terminal would obey: an error of a
    library, or a line of a traceback, may quote what a model or a trace says."""

    def format(self, record: logging.LogRecord) -> str:
        return "".join(
            char if char.isprintable() or char in "\n\t" else ascii(char)[1:-1]
            for char in super().format(record)
        )


class _Ours(logging.Filter):
    """Passes our own records, and others' only if they are errors that nobody else tells of."""

    def filter(self, record: logging.LogRecord) -> bool:
        ours = record.name.startswith("tracemine")
        if ours or record.levelno < THEIR_LEVEL:
            return ours
        return record.name not in TRANSPORT and not _of_a_disk(record)


def _of_a_disk(record: logging.LogRecord) -> bool:
    """Whether Beam tells of a disk that is full, at length; `disk` tells it in a line."""
    if not record.name.startswith("apache_beam"):
        return False
    text = f"{record.getMessage()}\n{record.exc_info[1] if record.exc_info else ''}"
    return any(f"[Errno {number}]" in text for number in FULL)


def configure_logging() -> None:
    """Plain lines on standard error."""
    output = logging.StreamHandler(sys.stderr)
    output.setFormatter(_Plain("%(message)s"))
    output.addFilter(_Ours())
    root = logging.getLogger()
    root.handlers = [output]
    root.setLevel(logging.WARNING)
    logging.getLogger("tracemine").setLevel(logging.INFO)


__all__ = ["configure_logging"]
