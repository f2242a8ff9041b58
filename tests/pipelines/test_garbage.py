"""Gathering many records without looking for garbage among them, and leaving none."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from tracemine.pipelines.garbage import not_looked_for

#: More than any generation holds before Python looks.
MANY = 300_000


class Ring:
    """Refers to itself, so that only looking for it frees it."""

    def __init__(self) -> None:
        self.ring = self


@pytest.fixture
def looks() -> Iterator[list[str]]:
    """How often Python looked for garbage."""
    found: list[str] = []

    def note(phase: str, told: dict[str, int]) -> None:
        found.append(phase)

    gc.callbacks.append(note)
    yield found
    gc.callbacks.remove(note)


def test_it_is_not_looked_for_within_and_not_at_the_end(looks: list[str]) -> None:
    gc.collect()
    with not_looked_for():
        looks.clear()
        kept = [[number] for number in range(MANY)]
        assert not gc.isenabled()
        assert not looks
    assert gc.isenabled()
    more = [[number] for number in range(100)]
    assert not looks
    assert len(kept) + len(more) == MANY + 100


def test_what_is_left_is_found_later() -> None:
    with not_looked_for():
        left = weakref.ref(Ring())
    assert left() is not None
    gc.collect()
    assert left() is None


def test_who_does_not_look_does_not_look_afterwards() -> None:
    gc.disable()
    try:
        with not_looked_for():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_is_frozen_stays_so() -> None:
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with not_looked_for():
            pass
        assert gc.get_freeze_count() == frozen
    finally:
        gc.unfreeze()
