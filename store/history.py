"""The snapshots that a store still has, for who compares the live one with those before it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from tracemine.store.errors import StoreError
from tracemine.store.lineage import ancestors, that_led_to
from tracemine.store.manifest import manifest_of, numbers_in
from tracemine.store.reader import Store
from tracemine.store.snapshot import Snapshot, open_numbered


@dataclass(frozen=True, slots=True)
class History:
    """``stores``: one for each snapshot that could be opened, oldest first, the live one last.
    ``unread``: a line for each other one, saying why not. ``left_out``: how many more there are,
    older than those."""

    stores: tuple[Store, ...]
    unread: tuple[str, ...]
    left_out: int


@contextlib.contextmanager
def open_history(store: str, most: int) -> Iterator[History]:
    """The live snapshot of ``store`` and what is kept of those before it, ``most`` in all, open
    within the block: none of them is removed meanwhile.

    Raises:
        StoreError: if the live one cannot be opened. Others that cannot are in ``unread``.
    """
    with ExitStack() as held:
        live = held.enter_context(Store.open(store))
        before = _numbers_before(live.snapshot)
        older: list[Store] = []
        unread: list[str] = []
        for number in before[: most - 1]:
            try:
                found = Store(open_numbered(live.snapshot.location.url(), number))
            except StoreError as error:
                if _is_there(live.snapshot, number):  # Else it was removed meanwhile.
                    unread.append(str(error))
                continue
            older.append(held.enter_context(found))
        yield History((*reversed(older), live), tuple(unread), max(0, len(before) - (most - 1)))


def _numbers_before(live: Snapshot) -> list[str]:
    """The numbers of the snapshots that led to the live one and are there, newest first."""
    location = live.location
    before = that_led_to(ancestors(location, live.number), numbers_in(location))
    return [n for n in reversed(before) if _is_there(live, n)]


def _is_there(live: Snapshot, number: str) -> bool:
    return live.location.exists(manifest_of(number))


__all__ = ["History", "open_history"]
