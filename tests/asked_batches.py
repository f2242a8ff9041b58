"""What a sandbox was asked, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from tracemine.verifiers import Run, Sandbox


class Batch(NamedTuple):
    """A call of `Sandbox.run_many` and its runs."""

    backend: str
    second_seed: bool
    bindings: Sequence[Mapping[str, Any]]
    runs: Sequence[Run]


def watch(monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    """The batches that any sandbox is asked from now on, in their order."""
    batches: list[Batch] = []
    run_many = Sandbox.run_many

    def watched(self: Sandbox, *arguments: Any, **how: Any) -> list[Run]:
        runs = run_many(self, *arguments, **how)
        second_seed = how.get("second_seed", False)
        batches.append(Batch(how["backend"], second_seed, arguments[2], runs))
        return runs

    monkeypatch.setattr(Sandbox, "run_many", watched)
    return batches
