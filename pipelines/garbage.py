"""How often Python looks for garbage that reference counts do not free.

Records are plain and refer to nothing that refers to them, and there are millions: to look through
them again and again took an eighth of the time of mining, and more of refreshing.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: Objects that came since it was looked, and how often before it is looked among older ones.
THRESHOLDS = (100_000, 20, 100)


def look_rarely() -> None:
    """For a process that works on records until it ends."""
    gc.set_threshold(*THRESHOLDS)


@contextmanager
def not_looked_for() -> Iterator[None]:
    """For a block that gathers records until it ends. What is left of them then is looked at with
    the oldest: to look at once would cost what was saved."""
    looked = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()
        if looked:
            gc.enable()


__all__ = ["look_rarely", "not_looked_for"]
