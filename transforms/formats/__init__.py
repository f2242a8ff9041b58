"""Formats: what the rows of a corpus mean, one file each.

A module of this package that declares ``FORMAT = Format(...)`` is a format; it is found by being
here, and nothing else needs to know of it. `base` has the contract and what adapters share,
`answers` finds the final answer that a trace states.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable

from tracemine.transforms.formats.base import Format, Row, RowError


def _discover() -> dict[str, Format]:
    found: dict[str, Format] = {}
    for module in pkgutil.iter_modules(__path__):
        declared = getattr(importlib.import_module(f"{__name__}.{module.name}"), "FORMAT", None)
        if isinstance(declared, Format):
            if declared.name in found:
                raise ValueError(f"two formats are named {declared.name!r}")
            found[declared.name] = declared
    return dict(sorted(found.items()))


#: Name -> format, in order of name.
FORMATS: dict[str, Format] = _discover()


def detect(rows: Iterable[Row]) -> str | None:
    """The name of the format that most of ``rows`` are in, or None if none is in any.

    A fallback format wins only with more rows than each other; further ties go by name.
    """
    sample = list(rows)
    votes = {name: sum(map(form.detect, sample)) for name, form in FORMATS.items()}
    best = max(FORMATS, key=lambda name: (votes[name], not FORMATS[name].fallback))
    return best if votes[best] else None


__all__ = ["FORMATS", "Format", "Row", "RowError", "detect"]
