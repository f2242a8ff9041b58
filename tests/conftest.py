"""What all tests share: the real data, the same examples in every run, fast tests first."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
#: Public data that is not part of the repository; tests that read it are skipped without it.
SHARED_DATA = ROOT.parent / "shared" / "data"

# Deadlines measure the machine, not the code; derandomised examples are the same in every run.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")
pytest.register_assert_rewrite("sound_spans")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data; the test is skipped where there is none."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real data is not at ../shared/data")
    return SHARED_DATA


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return ROOT


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked ``slow`` last: a mistake shows in seconds. Otherwise the order stays."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)
