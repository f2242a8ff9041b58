"""What docs/verifiers.md shows is what happens."""

from __future__ import annotations

import doctest
from pathlib import Path


def test_the_guide_says_what_happens(repository: Path) -> None:
    failed, tried = doctest.testfile(
        str(repository / "docs" / "verifiers.md"), module_relative=False
    )
    assert tried >= 20 and failed == 0
