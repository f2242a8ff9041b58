"""The ledger without a source: what left the line, and whose record it is now.

A record of it alone goes. One of a trajectory that others have published, too, stays under the
least of their names: of the copies that were read, each has one record, and what is left of them
still does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from tracemine.schemas import Source
from tracemine.schemas.arrow import Row
from tracemine.schemas.values import dump_json

#: What stands for a place of the source.
FORGOTTEN = "a source that was forgotten"

_ID = re.compile(r"\b[0-9a-f]{32}\b")
_INSTANCE = re.compile(r"\binstance ([0-9a-f]{32})\b")


def place_of(source: Source) -> str:
    """Where a record was, as the ledger says it."""
    return f"{source.dataset} row {source.row}"


def ledger_without(
    rows: Sequence[Row],
    names: Collection[str],
    gone: Collection[str],
    admitted: Mapping[str, Sequence[Source]],
    spans: Collection[str],
    instances: Collection[str] = (),
) -> list[Row | None]:
    """Each of ``rows`` of the ledger as it is without the sources ``names``; None where it goes.

    ``gone`` are the trajectories that go, ``spans`` and ``instances`` what is of them; ``admitted``
    has, of each trajectory that stays and had such a source, all its sources. Where the copy that
    spoke for a trajectory goes, the least of the others does, so that one's own record of a
    duplicate goes."""
    records = [_record(row) for row in rows]
    sources = {i: tuple(of) for i, of in admitted.items()}
    own: dict[tuple[str, str], int] = {}
    for number, (row, record) in enumerate(zip(rows, records, strict=True)):
        found = _sources(record)
        if row["fate"] == "duplicate" and found:
            own[row["record_id"], place_of(min(found))] = number
        elif len(found) > 1 and any(s.dataset in names for s in found):
            sources.setdefault(row["record_id"], found)
    speaks = _speaks(sources, names)
    # Of these the record is the trajectory's own from now on.
    raised = {i: own.get((i, now)) for i, now in speaks.items() if now is not None}
    places = _Places(sources, names)
    told: list[Row | None] = []
    for number, (row, record) in enumerate(zip(rows, records, strict=True)):
        found = _sources(record)
        identifier = row["record_id"] if found else str(record.get("trajectory_id", ""))
        if number in raised.values() or not _stays(record, found, names, gone):
            told.append(None)
            continue
        left = [source for source in found if source.dataset not in names]
        if len(left) < len(found):
            other = raised.get(identifier)
            record = {
                **(record if other is None else records[other]),
                "sources": [s for s in record["sources"] if s["dataset"] not in names],
            }
            row = row | {"record": dump_json(record)}
        detail = places.renamed(row["detail"], identifier)
        detail = _ID.sub(lambda found: "one" if found[0] in spans else found[0], detail)
        detail = _INSTANCE.sub(
            lambda found: f"one of {FORGOTTEN}" if found[1] in instances else found[0], detail
        )
        told.append(row if detail == row["detail"] else row | {"detail": detail})
    return told


def _record(row: Row) -> Mapping[str, Any]:
    try:
        record = json.loads(row["record"])
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _sources(record: Mapping[str, Any]) -> tuple[Source, ...]:
    """Those of a trajectory; none of what is no record of one."""
    listed = record.get("sources")
    if not isinstance(listed, list):
        return ()
    return tuple(Source(**source) for source in listed)


def _speaks(
    sources: Mapping[str, Sequence[Source]], names: Collection[str]
) -> dict[str, str | None]:
    """Of each trajectory the place that speaks for it now, if that is another than before."""
    found: dict[str, str | None] = {}
    for identifier, every in sources.items():
        left = [source for source in every if source.dataset not in names]
        found[identifier] = place_of(min(left)) if left and min(left) != min(every) else None
    return found


def _stays(
    record: Mapping[str, Any],
    sources: Sequence[Source],
    names: Collection[str],
    gone: Collection[str],
) -> bool:
    if sources:
        return any(source.dataset not in names for source in sources)
    return not any(text in names or text in gone for text in _texts(record))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, str):
        yield value


class _Places:
    """What stands for the places of the sources that go: where the trajectory is now, as far as
    others have it."""

    def __init__(self, sources: Mapping[str, Sequence[Source]], names: Collection[str]) -> None:
        self._now: dict[tuple[str, str], str] = {}
        by_place: dict[str, set[str]] = {}
        for identifier, every in sources.items():
            left = [source for source in every if source.dataset not in names]
            if not left:
                continue
            for source in every:
                if source.dataset in names:
                    self._now[identifier, place_of(source)] = place_of(min(left))
                    by_place.setdefault(place_of(source), set()).add(place_of(min(left)))
        self._only = {place: min(now) for place, now in by_place.items() if len(now) == 1}
        listed = "|".join(re.escape(name) for name in sorted(names, reverse=True))
        self._named = re.compile(rf"(?<![^\s(])(?:{listed}) row \d+")

    def renamed(self, detail: str, trajectory: str) -> str:
        """``detail`` of a record of ``trajectory`` without a place that goes."""

        def now(found: re.Match[str]) -> str:
            place = found[0]
            return self._now.get((trajectory, place)) or self._only.get(place, FORGOTTEN)

        return self._named.sub(now, detail)


__all__ = ["FORGOTTEN", "ledger_without", "place_of"]
