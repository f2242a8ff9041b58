"""Which snapshots led to another: its parent, the parent of that, and so on.

What lies between a snapshot and its parent did not: CURRENT was set back to the parent before the
snapshot was made, and what had come after the parent was given up.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any

from tracemine.store.location import Location
from tracemine.store.manifest import manifest_of


def ancestors(location: Location, number: str) -> list[str]:
    """Snapshot ``number``, its parent, and so on, as far as manifests are there and can be read,
    and the parent of the last of these."""
    found: list[str] = []
    following: Any = number
    while isinstance(following, str) and following.isdecimal() and following not in found:
        found.append(following)
        try:
            manifest = json.loads(location.read(manifest_of(following)))
            following = manifest.get("parent")
        except (OSError, ValueError, AttributeError):
            break
    return found


def that_led_to(line: Sequence[str], numbers: Iterable[str]) -> list[str]:
    """Those of ``numbers`` that come before the first of ``line`` (what `ancestors` gives) and are
    not known to have been given up, oldest first."""
    spans = [(int(parent), int(child)) for child, parent in itertools.pairwise(line)]
    before = [n for n in numbers if int(n) < int(line[0])]
    kept = [n for n in before if not any(low < int(n) < high for low, high in spans)]
    return sorted(kept, key=int)


__all__ = ["ancestors", "that_led_to"]
