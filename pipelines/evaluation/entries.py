"""What can be retrieved: a store's entries, and the same knowledge with a part of the store's work
taken away."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tracemine.pipelines.rendering import hit_json, print_json
from tracemine.schemas import Parameter, Procedure, Signature, content_id
from tracemine.schemas.arrow import procedure_from_row
from tracemine.schemas.records import Domain
from tracemine.store import Store
from tracemine.store.embedder import Vectors
from tracemine.store.hits import hit_of
from tracemine.store.ranking import Rankable, method_of, tokens_of
from tracemine.transforms.consolidate import FAILED_REPLAY
from tracemine.transforms.consolidate import STAGE as CONSOLIDATE
from tracemine.transforms.segment import embedding_words
from tracemine.verifiers import verifier_for
from tracemine.verifiers.replay import Routine


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that an arm may retrieve.

    ``home`` is the entry of the store that it belongs to, itself in most cases. ``text`` is what
    words are matched with, ``full`` all that a caller would read of it. ``problems`` counts the
    distinct problems that speak for it; ``trajectories`` are those it rests on.
    """

    id: str
    home: str
    domain: Domain
    text: str
    summary: str
    full: str
    problems: int
    routine: Routine
    rankable: Rankable
    trajectories: frozenset[str]


@dataclass(frozen=True, slots=True)
class Shelf:
    """Entries in order of id, with the vectors (n, d) that they are found by."""

    entries: tuple[Entry, ...]
    vectors: Vectors


def served(store: Store) -> Shelf:
    """What search serves."""
    return _shelf(store, ["procedures"])


def ungated(store: Store) -> Shelf:
    """What the store would serve if nothing had to pass a replay: its entries, its candidates, and
    the routines that replay refuted."""
    return _joined(_shelf(store, ["procedures", "candidates"]), refuted(store))


def refused(store: Store) -> Shelf:
    """What the gate kept out: candidates, and the routines that replay refuted."""
    return _joined(_shelf(store, ["candidates"]), refuted(store))


def unconsolidated(store: Store, shelf: Shelf) -> Shelf:
    """The spans that the entries of ``shelf`` rest on, each by itself, with its own words and
    routine; a span that two entries rest on belongs to the one with the lesser id."""
    homes: dict[str, str] = {}
    problems = {}
    rows = store.rows(
        "SELECT procedure_id, provenance FROM procedures "
        "UNION ALL BY NAME SELECT procedure_id, provenance FROM candidates"
    )
    wanted = {entry.id for entry in shelf.entries}
    for row in sorted(rows, key=lambda row: row["procedure_id"]):
        if row["procedure_id"] in wanted:
            for place in row["provenance"]:
                homes.setdefault(place["span_id"], row["procedure_id"])
    found, words = [], []
    spans = store.rows(
        "SELECT s.*, t.problem_id FROM spans s JOIN trajectories t USING (trajectory_id) "
        "WHERE s.code IS NOT NULL ORDER BY span_id"
    )
    for row in spans:
        home = homes.get(row["span_id"])
        if home is None:
            continue
        problems[row["span_id"]] = row["problem_id"]
        signature = Signature.from_json(row["signature"])
        words.append(embedding_words(row["subquestion"], signature))
        found.append(
            _entry(
                identifier=row["span_id"],
                home=home,
                domain=row["domain"],
                subquestion=row["subquestion"],
                summary=row["summary"],
                subroutine=row["subroutine"],
                routine=Routine(
                    row["span_id"],
                    row["code"],
                    row["entry_point"],
                    signature,
                    tuple(row["predicates"] or ()),
                    row["verifier"],
                ),
                evidence=Counter(
                    tokens_of([Parameter(**key) for key in row["keys"]], row["asked"])
                ),
                trajectories=[row["trajectory_id"]],
            )
        )
    vectors = store.embedder.encode(words)
    return Shelf(tuple(found), vectors)


def unclustered(store: Store, min_problems: int) -> Shelf:
    """The store's entries and candidates as they would be without a look at words: routines whose
    code differs in names alone are one entry, the founder is that of which most spans are, and it
    is served if its spans are of ``min_problems`` problems."""
    problem_of = {
        row["trajectory_id"]: row["problem_id"]
        for row in store.rows("SELECT trajectory_id, problem_id FROM trajectories")
    }
    every = _shelf(store, ["procedures", "candidates"])
    by_code: dict[str, list[int]] = defaultdict(list)
    for place, entry in enumerate(every.entries):
        by_code[entry.rankable.method].append(place)
    entries, vectors = [], []
    for places in by_code.values():
        members = [every.entries[place] for place in places]
        trajectories = frozenset[str]().union(*(entry.trajectories for entry in members))
        problems = len({problem_of[trajectory] for trajectory in trajectories})
        if problems < min_problems:
            continue
        founder = min(members, key=lambda entry: (-entry.rankable.support, entry.id))
        said = sum((Counter(entry.rankable.evidence) for entry in members), Counter[str]())
        support = sum(entry.rankable.support for entry in members)
        rankable = replace(founder.rankable, support=support, success_rate=1.0, evidence=said)
        entries.append(
            replace(founder, problems=problems, rankable=rankable, trajectories=trajectories)
        )
        weights = [entry.rankable.support for entry in members]
        middle = np.average(every.vectors[places], axis=0, weights=weights)
        vectors.append(middle / (float(np.linalg.norm(middle)) or 1.0))
    order = sorted(range(len(entries)), key=lambda place: entries[place].id)
    width = every.vectors.shape[1]
    return _stacked([entries[i] for i in order], [vectors[i] for i in order], width)


def returned(store: Store, ids: Iterable[str]) -> dict[str, str]:
    """Entry id -> the hit that ``search --json`` prints of it (score 0, and nothing of a caller's
    values); of what the store serves."""
    rows = store.rows(
        "SELECT * FROM procedures WHERE procedure_id IN (SELECT unnest(?))", [sorted(set(ids))]
    )
    found = map(procedure_from_row, rows)
    return {each.procedure_id: print_json(hit_json(hit_of(each, 0.0))) for each in found}


def refuted(store: Store) -> Shelf:
    """The routines of spans that replay refuted, one for each distinct code and wording."""
    found: dict[str, Entry] = {}
    rows = store.rows(
        "SELECT record_id, record FROM rejected WHERE stage = ? AND reason = ? ORDER BY record_id",
        [CONSOLIDATE, FAILED_REPLAY],
    )
    for row in rows:
        record = json.loads(row["record"])
        if not record["code"]:
            continue  # words, as in `_shelf`
        signature = Signature.from_json(record["signature"])
        routine = Routine(
            row["record_id"],
            record["code"],
            record["entry_point"],
            signature,
            (),
            verifier_for(signature.output.type) or "",
        )
        identifier = content_id("refuted", record["signature"], record["code"])
        found.setdefault(
            identifier,
            _entry(
                identifier=identifier,
                home=identifier,
                domain=record["domain"],
                subquestion=record["subquestion"],
                summary="",
                subroutine=record["code"],
                routine=routine,
                # What its values were called where they are mentioned is not kept.
                evidence={},
                trajectories=[record["trajectory_id"]],
            ),
        )
    entries = tuple(found[identifier] for identifier in sorted(found))
    return Shelf(entries, store.embedder.encode([entry.text for entry in entries]))


def _shelf(store: Store, tables: Sequence[str]) -> Shelf:
    found: dict[str, tuple[Entry, Vectors]] = {}
    for table in tables:
        ids, vectors = store.vectors(table)
        by_id = dict(zip(ids, vectors, strict=True))
        for row in store.rows(f"SELECT * FROM {table}"):
            procedure = procedure_from_row(row)
            if not procedure.variants[0].code:
                continue  # words, which nothing here carries out
            entry = _of_procedure(procedure)
            found[entry.id] = (entry, by_id[entry.id])
    ordered = [found[identifier] for identifier in sorted(found)]
    # An index of nothing has no width of its own.
    width = store.embedder.dimension
    return _stacked([entry for entry, _ in ordered], [vector for _, vector in ordered], width)


def _of_procedure(procedure: Procedure) -> Entry:
    first = procedure.variants[0]
    return _entry(
        identifier=procedure.procedure_id,
        home=procedure.procedure_id,
        domain=procedure.domain,
        subquestion=procedure.subquestion,
        summary=procedure.summary,
        subroutine=first.subroutine,
        routine=Routine(
            first.variant_id,
            first.code,
            first.entry_point,
            procedure.signature,
            tuple(dict.fromkeys((*procedure.predicates, *first.predicates))),
            procedure.verifier,
        ),
        evidence={token.token: token.count for token in procedure.evidence},
        trajectories=[place.trajectory_id for place in procedure.provenance],
        success_rate=procedure.success_rate,
        problems=procedure.distinct_problems,
    )


def _entry(
    *,
    identifier: str,
    home: str,
    domain: Domain,
    subquestion: str,
    summary: str,
    subroutine: str,
    routine: Routine,
    evidence: Mapping[str, int],
    trajectories: Iterable[str],
    success_rate: float = 0.0,
    problems: int = 0,
) -> Entry:
    rests_on = list(trajectories)
    return Entry(
        id=identifier,
        home=home,
        domain=domain,
        text=f"{subquestion} {summary.replace('_', ' ')}".strip(),
        summary=f"{subquestion}\n{summary}",
        full=f"{subquestion}\n{summary}\n{subroutine}\n{routine.code}",
        problems=problems,
        routine=routine,
        rankable=Rankable(
            signature=routine.signature,
            support=len(rests_on),
            success_rate=success_rate,
            method=method_of(routine.code, routine.entry_point),
            evidence=evidence,
        ),
        trajectories=frozenset(rests_on),
    )


def _joined(left: Shelf, right: Shelf) -> Shelf:
    entries = [*left.entries, *right.entries]
    vectors = [*left.vectors, *right.vectors]
    order = sorted(range(len(entries)), key=lambda i: entries[i].id)
    width = left.vectors.shape[1]
    return _stacked([entries[i] for i in order], [vectors[i] for i in order], width)


def _stacked(entries: Sequence[Entry], vectors: Sequence[Vectors], width: int) -> Shelf:
    matrix = np.stack(vectors) if vectors else np.zeros((0, width))
    return Shelf(tuple(entries), matrix.astype(np.float32))


__all__ = [
    "Entry", "Shelf", "refused", "refuted", "returned", "served", "unclustered", "unconsolidated",
    "ungated",
]  # fmt: skip
