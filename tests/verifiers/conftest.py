"""What tests of verifiers share."""

from __future__ import annotations

import pytest
from asked_batches import Batch, watch


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    """What sandboxes are asked in the test."""
    return watch(monkeypatch)
