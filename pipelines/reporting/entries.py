"""The entries of a store as a page shows them: a line of each in a table, and the whole of each in
chunks that are opened one at a time.

Lists are cut where an entry is larger than a person reads; what is cut off is counted.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tracemine.pipelines.rendering import signature_text
from tracemine.schemas import Event, Signature
from tracemine.store import Store
from tracemine.store.lifecycle.rules import REGRESSION
from tracemine.store.reader import chronicle

Json = dict[str, Any]
Row = dict[str, Any]

#: Tables that hold entries, with what an entry of each is.
KINDS = {"procedures": "procedure", "candidates": "procedure", "tools": "tool"}

#: Entries in a chunk: what is decoded to open one of them.
CHUNK = 50
#: Entries that are read at once.
BATCH = 40 * CHUNK

#: What is shown of the lists of one entry.
MAX_VARIANTS, MAX_QUOTES, MAX_EVENTS, MAX_SOURCES = 8, 8, 50, 8
#: Replays of each verdict that are shown of a variant.
MAX_REPLAYS = 5
#: Characters that are shown of a quote, of code or steps, of a value or reason, and of a line of
#: the table.
QUOTE_CHARS, CODE_CHARS, VALUE_CHARS, LINE_CHARS = 800, 6000, 300, 240

#: Columns of the table, in the order of `Lines.columns`.
COLUMNS = (
    "id", "subquestion", "signature", "status", "domain", "kind", "rate", "passes", "attempts",
    "problems", "spans", "tokens", "variants", "teacher", "sources", "words",
)  # fmt: skip

_ENTRY = """
    SELECT * EXCLUDE (evidence, provenance, summary_vector),
        len(variants) AS n_variants, len(provenance) AS n_quotes, {spans} AS n_spans,
        {tool} AS of_tool, {call} AS of_call, {questions} AS of_questions,
        provenance[1:{quotes}] AS quotes,
        list_sort(list_distinct([p.source for p in provenance])) AS from_sources
    FROM {table} WHERE procedure_id BETWEEN ? AND ? ORDER BY procedure_id
"""
_OWN = {
    "spans": "len(list_distinct([p.span_id for p in provenance]))",
    "tool": "''",
    "call": "''",
    "questions": "NULL",
}
_POINTED = {"spans": "spans", "tool": "tool", "call": "call", "questions": "questions"}
#: First what speaks against a variant, then what speaks for it, then what decides nothing.
_REPLAYS = """
    WITH asked AS (
        SELECT DISTINCT unnest(variants).variant_id AS variant_id FROM (
            SELECT procedure_id, variants FROM procedures
            UNION ALL SELECT procedure_id, variants FROM candidates
            UNION ALL SELECT procedure_id, variants FROM tools)
        WHERE procedure_id BETWEEN ? AND ?
    )
    SELECT r.variant_id, r.instance_id, r.verdict, left(r.reason, {chars}) AS reason,
        left(r.binding_map, {chars}) AS binding_map, left(i.bindings, {chars}) AS bindings,
        left(i.result, {chars}) AS result, i.problem_id, i.origin,
        count(*) OVER (PARTITION BY r.variant_id, r.verdict) AS n
    FROM replays r JOIN asked USING (variant_id) JOIN instances i USING (instance_id)
    QUALIFY row_number() OVER (
        PARTITION BY r.variant_id, r.verdict ORDER BY r.instance_id, r.binding_map) <= {most}
    ORDER BY r.variant_id, CASE r.verdict WHEN 'pass' THEN 1 WHEN 'unsupported' THEN 2 ELSE 0 END,
        r.verdict, r.instance_id, r.binding_map
"""
_EVENTS = """
    SELECT coalesce(m."into", e.procedure_id) AS home, e.procedure_id, "from" AS from_status,
        "to" AS to_status, rule, evidence, e."at", snapshot
    FROM events e LEFT JOIN merged m ON m.procedure_id = e.procedure_id
    WHERE coalesce(m."into", e.procedure_id) BETWEEN ? AND ? ORDER BY ALL
"""


@dataclass(slots=True)
class Lines:
    """The table of entries, by column, in order of id: `columns` has a list for each of `COLUMNS`.
    ``status``, ``domain``, ``kind`` and ``teacher`` are numbers, places in ``names``; ``sources``
    lists of them. ``rate`` is null where nothing was attempted. ``merged`` leads from the id of an
    entry that went into another to that one's."""

    columns: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in COLUMNS})
    names: dict[str, list[str]] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.columns["id"])

    def place(self, column: str, name: str) -> int:
        """The place of ``name`` among the names of a column."""
        names = self.names.setdefault(column, [])
        if name not in names:
            names.append(name)
        return names.index(name)


def read_entries(store: Store, lines: Lines) -> Iterator[list[Json]]:
    """The entries of a snapshot in order of id, in chunks of `CHUNK`; adds a line for each to
    ``lines``. Holds `BATCH` of them in memory.

    Raises:
        StoreError: if a file of the store is damaged.
    """
    ids = [
        row["procedure_id"]
        for row in store.rows(
            f"SELECT procedure_id FROM ({_union('procedure_id')}) ORDER BY procedure_id"
        )
    ]
    merged = store.rows('SELECT procedure_id, "into" FROM merged ORDER BY procedure_id')
    lines.merged.update((row["procedure_id"], row["into"]) for row in merged)
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        entries = _read(store, batch[0], batch[-1])
        for first in range(0, len(entries), CHUNK):
            chunk = entries[first : first + CHUNK]
            for entry in chunk:
                _add_line(lines, entry)
            yield [_detail(entry) for entry in chunk]


def _union(columns: str) -> str:
    return " UNION ALL ".join(f"SELECT {columns} FROM {table}" for table in KINDS)


def _read(store: Store, first: str, last: str) -> list[Row]:
    """The entries whose ids are from ``first`` to ``last``, each with its replays and events."""
    entries: list[Row] = []
    for table, kind in KINDS.items():
        own = _POINTED if kind == "tool" else _OWN
        query = _ENTRY.format(table=table, quotes=MAX_QUOTES, **own)
        entries += [row | {"kind": kind} for row in store.rows(query, [first, last])]
    entries.sort(key=lambda row: row["procedure_id"])
    replays: dict[str, list[Row]] = {}
    query = _REPLAYS.format(chars=VALUE_CHARS + 1, most=MAX_REPLAYS)
    for row in store.rows(query, [first, last]):
        replays.setdefault(row["variant_id"], []).append(row)
    events: dict[str, dict[str, list[Event]]] = {}
    for row in store.rows(_EVENTS, [first, last]):
        of = events.setdefault(row.pop("home"), {})
        of.setdefault(row["procedure_id"], []).append(Event(**row))
    for entry in entries:
        shown = entry["variants"][:MAX_VARIANTS]
        entry["replays"] = {v["variant_id"]: replays.get(v["variant_id"], []) for v in shown}
        # Its own, then those of each entry that went into it, as `show` has them.
        own = entry["procedure_id"]
        of = events.get(own, {})
        entry["events"] = [
            event for one in sorted(of, key=lambda i: (i != own, i)) for event in chronicle(of[one])
        ]
    return entries


def _add_line(lines: Lines, entry: Row) -> None:
    variant = entry["variants"][0] if entry["variants"] else {}
    signature = signature_text(Signature.from_json(entry["signature"]))
    attempts = variant.get("attempts", 0)
    values = {
        "id": entry["procedure_id"],
        "subquestion": _cut(entry["subquestion"], LINE_CHARS),
        "signature": _cut(entry["of_tool"] + signature, LINE_CHARS),
        "status": lines.place("status", entry["status"]),
        "domain": lines.place("domain", entry["domain"]),
        "kind": lines.place("kind", entry["kind"]),
        "rate": round(entry["success_rate"], 6) if attempts else None,
        "passes": variant.get("passes", 0),
        "attempts": attempts,
        "problems": entry["distinct_problems"],
        "spans": entry["n_spans"],
        "tokens": variant.get("tokens", 0),
        "variants": entry["n_variants"],
        "teacher": lines.place("teacher", entry["teacher"]),
        "sources": [lines.place("sources", source) for source in entry["from_sources"]],
        "words": _cut(entry["summary"].replace("_", " "), LINE_CHARS),
    }
    for name, value in values.items():
        lines.columns[name].append(value)


def _detail(entry: Row) -> Json:
    """The whole of an entry, as far as it is shown."""
    fell = _fell(entry["events"]) if entry["status"] == "quarantined" else frozenset()
    return {
        "id": entry["procedure_id"],
        "summary": entry["summary"],
        "signature": json.loads(entry["signature"]),
        "preconditions": list(entry["preconditions"] or ()),
        "predicates": list(entry["predicates"] or ()),
        "failure_modes": list(entry["failure_modes"] or ()),
        "verifier": entry["verifier"],
        "last_verified": entry["last_verified"],
        "expires_at": entry["expires_at"],
        "tool": entry["of_tool"],
        "call": entry["of_call"],
        "questions": [[q["question"], q["spans"]] for q in entry["of_questions"] or ()],
        "variants": [
            _variant(variant, entry["replays"][variant["variant_id"]], fell)
            for variant in entry["variants"][:MAX_VARIANTS]
        ],
        "more_variants": max(0, entry["n_variants"] - MAX_VARIANTS),
        "quotes": [
            [_cut(q["quote"], QUOTE_CHARS), q["source"], q["licence"], q["trajectory_id"],
             q["start"], q["end"]]
            for q in entry["quotes"]
        ],
        "more_quotes": max(0, entry["n_quotes"] - MAX_QUOTES),
        "sources": entry["from_sources"][:MAX_SOURCES],
        "more_sources": max(0, len(entry["from_sources"]) - MAX_SOURCES),
        "events": [
            [e.at, e.from_status, e.to_status, e.rule, _cut(e.evidence, VALUE_CHARS),
             "" if e.procedure_id == entry["procedure_id"] else e.procedure_id]
            for e in entry["events"][-MAX_EVENTS:]
        ],
        "more_events": max(0, len(entry["events"]) - MAX_EVENTS),
    }  # fmt: skip


def _fell(events: Sequence[Event]) -> frozenset[tuple[str, str]]:
    """Variants with the instances that each passed on before and now fails on, as far as the events
    name them."""
    told = [json.loads(event.evidence) for event in events if event.rule == REGRESSION]
    return frozenset(
        (one["variant"], one["instance"]) for evidence in told for one in evidence.get("first", ())
    )


def _variant(
    variant: Mapping[str, Any], replays: Sequence[Row], fell: Collection[tuple[str, str]]
) -> Json:
    return {
        "id": variant["variant_id"],
        "subroutine": _cut(variant["subroutine"], CODE_CHARS),
        "code": _cut(variant["code"], CODE_CHARS),
        "entry_point": variant["entry_point"],
        "tokens": variant["tokens"],
        "passes": variant["passes"],
        "attempts": variant["attempts"],
        "preconditions": list(variant["preconditions"] or ()),
        "verdicts": {row["verdict"]: row["n"] for row in replays},
        "replays": [
            [_verdict(row, fell), _spaced(row["bindings"]), _cut(row["result"]),
             _spaced(row["binding_map"]), _cut(row["reason"]), row["problem_id"], row["origin"]]
            for row in replays
        ],
    }  # fmt: skip


def _verdict(replay: Row, fell: Collection[tuple[str, str]]) -> str:
    verdict = str(replay["verdict"])
    before = (replay["variant_id"], replay["instance_id"]) in fell and verdict != "pass"
    return f"{verdict}: passed before, fails now" if before else verdict


def _spaced(text: str) -> str:
    """JSON text with room to break lines in; as it is where it is cut."""
    return (
        json.dumps(json.loads(text), ensure_ascii=False) if len(text) <= VALUE_CHARS else _cut(text)
    )


def _cut(text: str | None, most: int = VALUE_CHARS) -> str:
    text = text or ""
    return text if len(text) <= most else text[: most - 1] + "…"


__all__ = ["CHUNK", "COLUMNS", "KINDS", "Lines", "read_entries"]
