"""The small store, written once for all tests here."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
import small_store


@pytest.fixture(scope="session")
def store_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store to read and leave as it is."""
    path = tmp_path_factory.mktemp("small") / "store"
    small_store.write(path)
    return path


@pytest.fixture
def own_store(store_path: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    copy = tmp_path / "store"
    shutil.copytree(store_path, copy)
    return copy
