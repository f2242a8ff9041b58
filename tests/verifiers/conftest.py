"""What tests of verifiers share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from asked_batches import Batch, watch


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    """What sandboxes are asked in the test."""
    return watch(monkeypatch)


@pytest.fixture
def busy() -> Iterator[None]:
    """One processor for everything that is started here, and many others that want it."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    # In sessions of their own, as workers are: some machines share time among sessions.
    loops = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
        for _ in range(5)
    ]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
        os.sched_setaffinity(0, allowed)
