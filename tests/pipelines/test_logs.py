"""What goes to standard error."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tracemine.pipelines.logs import configure_logging


@pytest.fixture(autouse=True)
def usual_logging() -> Iterator[None]:
    """What other tests find is what this one found."""
    root, ours = logging.getLogger(), logging.getLogger("tracemine")
    before = root.handlers, root.level, ours.level
    yield
    root.handlers = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


def test_no_line_holds_what_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    try:
        raise ValueError("\x1b]0;owned\x07 \u202etxt \ud800 ok")
    except ValueError:
        logging.getLogger("tracemine.test").exception("read %s", "caf\xe9\t\x9b2J")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "read caf\xe9\t\\x9b2J"
    assert lines[-1] == r"ValueError: \x1b]0;owned\x07 \u202etxt \ud800 ok"
