"""Does a store compound? The store as it would stand after a part of its trajectories.

To mine again for every part is too dear, so a part is taken of what was mined. Trajectories come by
hash of their problem, so that a larger share has all that a smaller one has. An entry is there if
one of the spans that it rests on is there that could have founded one of its variants: that variant
passes on instances of `min_replays` other problems that are there, near-duplicates counted once,
or on as many tests of tasks that are there. An entry is as it is where all that it rests on is.
Where an instance chose the alignment of roles and is not there, one of those that pass chooses in
its place and does not count.
What it is ranked and found by is counted again over what is there: support, evidence, trajectories,
problems, success rate, and its vector, the middle between its wordings and its summary
(`transforms.unite`).

This is not the store that mining the part would give. Words, names, types and the routine shown of
an entry are those of the whole store, whose founder may not be there; an entry that another span
would have founded under another id is the same entry here. Groups are those of the whole store:
fewer spans might cluster otherwise. What the whole store refuted or folded into another entry stays
so, though what refuted it may not be there. Of a method with more instances than policy replays,
only replayed ones speak for it.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tracemine.pipelines.evaluation.entries import Entry, Shelf
from tracemine.schemas import fraction_of
from tracemine.schemas.arrow import Row
from tracemine.schemas.shingles import near_duplicate_classes, shingles
from tracemine.store import Store
from tracemine.store.embedder import Vectors, to_grid
from tracemine.store.ranking import method_of
from tracemine.verifiers.replay import CHOSE

#: The parts of its trajectories that a store's growth is measured at.
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True, slots=True)
class _Variant:
    """For each method of instances: ``passed`` has what it passes on (its own method also what it
    was taken from), by problem and, of a task's tests, the test; ``chose`` the problems of those
    that chose how roles align. ``decided`` has for each decided replay its problem and whether it
    passed; ``first``: its entry shows it."""

    passed: Mapping[str, frozenset[tuple[str, str]]]
    chose: Mapping[str, frozenset[str]]
    decided: tuple[tuple[str, bool], ...]
    first: bool


def shelf_at(
    store: Store, shelf: Shelf, spans: Shelf, share: float, *, min_replays: int = 2
) -> Shelf:
    """``shelf`` (of what ``store`` serves) as it would stand after ``share`` of the trajectories;
    ``spans`` are what its entries rest on (`entries.unconsolidated`)."""
    (found,) = shelves_at(store, shelf, spans, [share], min_replays=min_replays)
    return found


def shelves_at(
    store: Store,
    shelf: Shelf,
    spans: Shelf,
    shares: Sequence[float] = SHARES,
    *,
    min_replays: int = 2,
) -> list[Shelf]:
    """`shelf_at` each of ``shares``, for little more than one of them costs."""
    problem_of, classes = _problems(store)
    variants = _variants(store, problem_of, classes)
    resting: dict[str, list[int]] = {}
    for row, span in enumerate(spans.entries):
        resting.setdefault(span.home, []).append(row)
    found = []
    summaries: dict[str, Vectors] = {}
    for share in shares:
        there = {t for t, problem in problem_of.items() if is_there(problem, share)}
        present = {classes[problem_of[t]] for t in there}
        entries: list[Entry] = []
        vectors: list[Vectors] = []
        changed: list[tuple[int, list[int]]] = []
        for place, entry in enumerate(shelf.entries):
            rows = [r for r in resting.get(entry.id, ()) if spans.entries[r].trajectories <= there]
            founders = {classes[problem_of[t]] for r in rows for t in spans.entries[r].trajectories}
            of_entry = variants.get(entry.id, ())
            if entry.trajectories <= there and all(_problems_of(v) <= present for v in of_entry):
                entries.append(entry)
            elif any(_enters(v, founders, present, min_replays) for v in of_entry):
                members = [spans.entries[row] for row in rows]
                entries.append(_recounted(_resting_on(entry, members), of_entry, present))
                changed.append((len(entries) - 1, rows))
            else:
                continue
            vectors.append(shelf.vectors[place])
        _learn(summaries, store, [entries[at].id for at, _ in changed])
        for at, rows in changed:
            wordings = _middle(spans.vectors[rows])
            vectors[at] = _middle(np.stack([wordings, summaries[entries[at].id]]))
        width = shelf.vectors.shape[1]
        matrix = np.stack(vectors) if vectors else np.zeros((0, width), dtype=np.float32)
        found.append(Shelf(tuple(entries), matrix.astype(np.float32)))
    return found


def is_there(problem_id: str, share: float) -> bool:
    """Whether a problem is among the first ``share`` of all; another hash than those of held-out
    problems and of their halves."""
    return fraction_of(f"growth {problem_id}") < share


def _enters(
    variant: _Variant, founders: Iterable[str], present: set[str], min_replays: int
) -> bool:
    """Whether one of ``founders`` (problems of spans that are there) is one that the variant could
    be taken from: it passes on enough other problems, or tests."""

    def shown(founder: str) -> int:
        counted: set[tuple[str, str]] = set()
        for method, passed in variant.passed.items():
            held_out = sorted(
                (problem, test)
                for problem, test in passed
                if problem in present and (test or problem != founder)
            )
            chose = variant.chose.get(method)
            if chose and not (chose & present) - {founder}:
                held_out = held_out[1:]
            counted.update(held_out)
        return len(counted)

    return any(shown(founder) >= min_replays for founder in founders)


def _problems_of(variant: _Variant) -> set[str]:
    """The problems that its replays decide something on, or choose by."""
    return {problem for problem, _ in variant.decided}.union(*variant.chose.values())


def _recounted(entry: Entry, variants: Iterable[_Variant], present: set[str]) -> Entry:
    """``entry`` with the problems and the success rate that the replays show that are there."""
    listed = list(variants)
    problems = {at for v in listed for at, right in v.decided if right and at in present}
    decided = [right for v in listed if v.first for at, right in v.decided if at in present]
    rate = sum(decided) / len(decided) if decided else 0.0
    rankable = dataclasses.replace(entry.rankable, success_rate=rate)
    return dataclasses.replace(entry, problems=len(problems), rankable=rankable)


def _resting_on(entry: Entry, members: Sequence[Entry]) -> Entry:
    """``entry`` as if it rested on the spans ``members`` alone."""
    evidence: Counter[str] = Counter()
    for member in members:
        evidence.update(member.rankable.evidence)
    rankable = dataclasses.replace(entry.rankable, support=len(members), evidence=evidence)
    trajectories = frozenset(t for member in members for t in member.trajectories)
    return dataclasses.replace(entry, rankable=rankable, trajectories=trajectories)


def _problems(store: Store) -> tuple[dict[str, str], dict[str, str]]:
    """Trajectory id -> problem id; problem id -> the least id among its near-duplicates."""
    rows = store.rows("SELECT trajectory_id, problem_id, problem FROM trajectories")
    texts = {row["problem_id"]: row["problem"] for row in rows}
    classes = near_duplicate_classes({i: shingles(text) for i, text in texts.items()})
    return {row["trajectory_id"]: row["problem_id"] for row in rows}, classes


def _variants(
    store: Store, problem_of: Mapping[str, str], classes: Mapping[str, str]
) -> dict[str, list[_Variant]]:
    """Entry id -> its variants, with what their replays show."""
    trajectory_of: dict[str, str] = {}
    method_of_span: dict[str, str] = {}
    for row in store.rows("SELECT span_id, trajectory_id, code, entry_point FROM spans"):
        trajectory_of[row["span_id"]] = row["trajectory_id"]
        if row["code"]:
            method_of_span[row["span_id"]] = method_of(row["code"], row["entry_point"])
    replays: dict[str, list[Row]] = {}
    rows = store.rows(
        "SELECT DISTINCT r.variant_id, r.instance_id, r.verdict, i.problem_id, i.span_id, "
        "CASE i.origin WHEN 'test' THEN i.bindings || ' ' || i.result ELSE '' END AS test "
        "FROM replays r JOIN instances i USING (instance_id) "
        "WHERE r.verdict != 'unsupported' OR r.reason = ? ORDER BY ALL",
        [CHOSE],
    )
    for row in rows:
        replays.setdefault(row["variant_id"], []).append(row)
    found: dict[str, list[_Variant]] = {}
    for row in store.rows("SELECT procedure_id, variants FROM procedures ORDER BY procedure_id"):
        for place, variant in enumerate(row["variants"]):
            founder = classes[problem_of[trajectory_of[variant["span_id"]]]]
            own = method_of(variant["code"], variant["entry_point"])
            # Were another span the founder, this problem would be passed on: the code is the same.
            passed, chose = {own: {(founder, "")}}, dict[str, set[str]]()
            decided = []
            for verdict in replays.get(variant["variant_id"], ()):
                at = classes.get(verdict["problem_id"], verdict["problem_id"])
                span_id: str = verdict["span_id"]
                method = method_of_span.get(span_id, span_id)
                if verdict["verdict"] == "unsupported":
                    chose.setdefault(method, set()).add(at)
                    continue
                decided.append((at, verdict["verdict"] == "pass"))
                if verdict["verdict"] == "pass":
                    passed.setdefault(method, set()).add((at, verdict["test"]))
            found.setdefault(row["procedure_id"], []).append(
                _Variant(
                    passed={method: frozenset(of) for method, of in passed.items()},
                    chose={method: frozenset(of) for method, of in chose.items()},
                    decided=tuple(decided),
                    first=place == 0,
                )
            )
    return found


def _learn(summaries: dict[str, Vectors], store: Store, wanted: Iterable[str]) -> None:
    """Add the vectors of the summaries of the entries ``wanted`` that are not known yet."""
    new = sorted(set(wanted) - set(summaries))
    rows = store.rows(
        "SELECT procedure_id, summary FROM procedures WHERE list_contains(?, procedure_id) "
        "ORDER BY procedure_id",
        [new],
    )
    vectors = store.embedder.encode([row["summary"].replace("_", " ") for row in rows])
    summaries |= {row["procedure_id"]: v for row, v in zip(rows, vectors, strict=True)}


def _middle(vectors: Vectors) -> Vectors:
    """The direction between ``vectors`` (n, d), on the embedder's grid, as `transforms.unite`."""
    total = vectors.astype(np.float64).sum(axis=0)
    norm = float(np.linalg.norm(total))
    return to_grid(total / norm if norm else total)


__all__ = ["SHARES", "is_there", "shelf_at", "shelves_at"]
