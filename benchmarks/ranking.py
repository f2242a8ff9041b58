"""What the ranking of `store/ranking.py` weighs, learned from replays within a store.

    python -m benchmarks.ranking --store DIR [--heldout PATH ... --holdout F] [--quick] [--json]

A quarter of the store's problems, by hash, ask; spans, evidence and problems of each entry are
counted again without them, and an entry that fewer than three other problems speak for is left
out. Its words, vector, names and success rate stay those that they had a part in. The weights are
those under which an entry that gives the checked result is the likeliest first choice (a
conditional logit: McFadden, *Conditional logit analysis of qualitative choice behavior*, 1974),
where of the entries of one method that give one value only the best is a choice, as in the ranking.
No held-out problem takes part: a store that was mined without ``--holdout`` is refused.

Beside the learned weights stand those in force, and what each kind of feature adds: how often a
right entry comes first with it and those above it, learned anew each time. With ``--heldout`` also
on the dev half of held-out problems, with the same weights.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from tracemine.pipelines.evaluation.arms import Types
from tracemine.pipelines.evaluation.entries import Entry, Shelf, served, unconsolidated
from tracemine.pipelines.evaluation.held_out import collect
from tracemine.pipelines.evaluation.passes import Outcome, Runs
from tracemine.pipelines.evaluation.questions import Question, question_of
from tracemine.pipelines.evaluation.selection import select
from tracemine.pipelines.runner import pipeline_options
from tracemine.schemas import Instance, Parameter, Signature, Source, Span, Trajectory, fraction_of
from tracemine.store import Store
from tracemine.store.ranking import WEIGHTS, Ranking, Wanted, plausibility, written
from tracemine.transforms.admit import AdmitOptions
from tracemine.transforms.read import resolve_inputs
from tracemine.verifiers import shared_sandbox
from tracemine.verifiers.roles import MEASURES

#: The share of problems that ask.
ASKING = 0.25
#: Questions at most, and with ``--quick``.
QUESTIONS, QUICK = 4000, 400
#: An entry counts while so many problems beside those that ask speak for it.
LEAST_PROBLEMS = 3
#: Questions whose pairs are run in one go.
BATCH = 500
#: Kinds of features, each added to those above it.
STEPS: Mapping[str, tuple[str, ...]] = {
    "words": ("cosine", "output_word"),
    "and roles": (*MEASURES, "output_unit"),
    "and evidence": ("evidence",),
    "and support": ("support", "method_support", "success_rate"),
    "and what it gives": (
        "not_positive", "not_cents", "not_whole", "no_value", "larger", "smaller",
    ),
}  # fmt: skip
#: What keeps weights small that little speaks for, in standard deviations of their features.
PENALTY = 1.0
#: How often what is alike is chosen anew.
ROUNDS = 3

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Choices:
    """Rows of pairs of question and entry: features (n, f), whether the entry gives the result
    (n,), and which question it is (n,), in order; only of questions of which an entry is
    right. Rows of one ``value`` (n,) are of one question and give the same; those that are
    ``alike`` (n,) are of one method besides. ``asked`` counts all questions."""

    names: tuple[str, ...]
    features: Floats
    right: npt.NDArray[np.bool_]
    question: npt.NDArray[np.int64]
    value: npt.NDArray[np.int64]
    alike: npt.NDArray[np.int64]
    asked: int

    @property
    def with_choice(self) -> int:
        """Of how many questions an entry is right."""
        return len(np.unique(self.question))

    def rows(self, kept: npt.NDArray[np.int64]) -> Choices:
        """Some of the rows, in order."""
        return replace(
            self,
            features=self.features[kept],
            right=self.right[kept],
            question=self.question[kept],
            value=self.value[kept],
            alike=self.alike[kept],
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="benchmarks.ranking", description=__doc__)
    parser.add_argument("--store", required=True, help="a mined store")
    parser.add_argument("--heldout", nargs="*", default=[], help="as for tracemine evaluate")
    parser.add_argument("--holdout", type=float, default=0.0, help="as for tracemine evaluate")
    parser.add_argument("--quick", action="store_true", help="fewer questions")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    store = Store.open(options.store)
    if not store.snapshot.manifest.get("holdout"):
        parser.error(f"{options.store} was mined without --holdout: no problem would be left out")
    limit = QUICK if options.quick else QUESTIONS
    shelf, questions = own(store, limit)
    asked = {"the store's own": gather(store, shelf, questions)}
    if options.heldout:
        dev = held_out(store, options.heldout, options.holdout, limit)
        asked["dev"] = gather(store, served(store), dev)
    choices = asked["the store's own"]
    learned = weights_of(choices, choices.names)
    _print(
        {
            "asked": {
                name: {"questions": c.asked, "of these with a right entry": c.with_choice}
                for name, c in asked.items()
            },
            "weights": {
                name: {"learned": round(float(weight), 3), "in force": WEIGHTS[name]}
                for name, weight in zip(choices.names, learned, strict=True)
            },
            "right first": steps(asked),
        },
        as_json=options.json,
    )
    return 0


def steps(asked: Mapping[str, Choices]) -> dict[str, dict[str, float]]:
    """How often a right entry comes first, by what is weighed, for each set of questions. Weights
    are learned from the first set."""
    first = next(iter(asked.values()))
    weights = {"most spans": _only(first.names, ["support"])}
    names: list[str] = []
    for step, added in STEPS.items():
        names += added
        weights[step] = weights_of(first, names)
    weights["in force"] = np.array([WEIGHTS[name] for name in first.names])
    return {
        step: {name: right_first(choices, each) for name, choices in asked.items()}
        for step, each in weights.items()
    }


def own(store: Store, limit: int) -> tuple[Shelf, list[Question]]:
    """Questions of some of the store's own problems, and what it serves without these."""
    shelf = served(store)
    spans = unconsolidated(store, shelf)
    problems = {
        row["trajectory_id"]: row["problem_id"]
        for row in store.rows("SELECT trajectory_id, problem_id FROM trajectories")
    }
    asking = {p for p in problems.values() if fraction_of(f"ranking {p}") < ASKING}
    return without(shelf, spans, problems, asking), _least(own_questions(store, asking), limit)


def held_out(store: Store, paths: Sequence[str], holdout: float, limit: int) -> list[Question]:
    """Questions of the dev half of held-out problems."""
    found = collect(
        resolve_inputs(paths, format="auto", columns={}),
        teacher="rules",
        admit=AdmitOptions(holdout=holdout, held_out=True),
        beam_options=pipeline_options(()),
    )
    rows = store.rows("SELECT DISTINCT problem_id, problem FROM trajectories")
    stored = {row["problem_id"]: row["problem"] for row in rows}
    return _least(select(found.questions, stored, split="dev").questions, limit)


def _least(questions: Iterable[Question], limit: int) -> list[Question]:
    return sorted(questions, key=lambda q: (fraction_of(f"ranking {q.id}"), q.id))[:limit]


def gather(store: Store, shelf: Shelf, questions: Sequence[Question]) -> Choices:
    """The choices that ``questions`` have among the entries of ``shelf``."""
    runs = Runs(questions, shared_sandbox())
    types, ranking = Types(shelf), Ranking([entry.rankable for entry in shelf.entries])
    vectors = store.embedder.encode([question.asked for question in questions])
    rows: list[tuple[Wanted, npt.NDArray[np.int64], dict[str, Floats]]] = []
    for question, vector in zip(questions, vectors, strict=True):
        wanted = Wanted(question.asked, question.keys, runs.values(question.id), question.output)
        places, features = ranking.features(wanted, shelf.vectors @ vector)
        fitting = types.by_output(question)[places]
        rows.append((wanted, places[fitting], {n: c[fitting] for n, c in features.items()}))
    for start in range(0, len(questions), BATCH):
        part = list(zip(questions, rows, strict=True))[start : start + BATCH]
        runs.run(
            (shelf.entries[place].routine, question.id)
            for question, (_, places, _) in part
            for place in places
        )
    return _choices(questions, rows, shelf, runs)


def _choices(
    questions: Sequence[Question],
    rows: Sequence[tuple[Wanted, npt.NDArray[np.int64], dict[str, Floats]]],
    shelf: Shelf,
    runs: Runs,
) -> Choices:
    names = tuple(WEIGHTS)
    blocks, right, asked = [], [], []
    values: list[tuple[int, str]] = []
    alike: list[tuple[int, str, str]] = []
    for index, (question, (wanted, places, features)) in enumerate(
        zip(questions, rows, strict=True)
    ):
        given = [runs.given(shelf.entries[place].routine, question.id) for place in places]
        passes = [g.outcome is Outcome.PASS for g in given]
        if not any(passes):
            continue
        looks = [plausibility(wanted, g.value) for g in given]
        columns = [
            features[name] if name in features else [look.get(name, 0.0) for look in looks]
            for name in names
        ]
        blocks.append(np.array(columns, dtype=np.float64).T)
        right += passes
        asked += [index] * len(passes)
        for place, each in zip(places, given, strict=True):
            # Nothing is given by each entry for itself.
            said = written(each.value) or f"nothing {place}"
            values.append((index, said))
            alike.append((index, said, shelf.entries[place].rankable.method))
    width = len(names)
    return Choices(
        names,
        np.concatenate(blocks) if blocks else np.zeros((0, width)),
        np.array(right, dtype=bool),
        np.array(asked, dtype=np.int64),
        _numbers(values),
        _numbers(alike),
        len(questions),
    )


def _numbers(keys: Sequence[tuple[Any, ...]]) -> npt.NDArray[np.int64]:
    """A number for each of ``keys``, the same for the same."""
    known: dict[tuple[Any, ...], int] = {}
    return np.array([known.setdefault(key, len(known)) for key in keys], dtype=np.int64)


def without(
    shelf: Shelf, spans: Shelf, problems: Mapping[str, str], asking: Iterable[str]
) -> Shelf:
    """``shelf`` as it stands on the ``spans`` of other problems than ``asking``; ``problems``:
    trajectory id -> problem id."""
    gone = set(asking)
    left: dict[str, list[Entry]] = {}
    for span in spans.entries:
        (trajectory,) = span.trajectories
        if problems[trajectory] not in gone:
            left.setdefault(span.home, []).append(span)
    entries, rows = [], []
    for row, entry in enumerate(shelf.entries):
        members = left.get(entry.id, [])
        trajectories = frozenset(t for member in members for t in member.trajectories)
        if len({problems[t] for t in trajectories}) < LEAST_PROBLEMS:
            continue
        evidence: Counter[str] = Counter()
        for member in members:
            evidence.update(member.rankable.evidence)
        rankable = replace(entry.rankable, support=len(members), evidence=evidence)
        entries.append(replace(entry, rankable=rankable, trajectories=trajectories))
        rows.append(row)
    return Shelf(tuple(entries), shelf.vectors[rows])


def own_questions(store: Store, asking: Iterable[str]) -> list[Question]:
    """The questions that the store's own spans of the problems ``asking`` make."""
    wanted = sorted(asking)
    instances: dict[str, list[Instance]] = {}
    for row in store.rows(
        "SELECT * FROM instances WHERE list_contains(?, problem_id) ORDER BY instance_id", [wanted]
    ):
        row["id"] = row.pop("instance_id")
        instances.setdefault(row["span_id"], []).append(Instance(**row))
    found = {}
    for row in store.rows(
        "SELECT s.*, t.problem, t.trace, t.problem_id, t.reference, t.source, t.row FROM spans s "
        "JOIN trajectories t USING (trajectory_id) WHERE list_contains(?, t.problem_id) "
        "AND s.code IS NOT NULL ORDER BY span_id",
        [wanted],
    ):
        question = question_of(_span(row, instances.get(row["span_id"], [])), _trajectory(row))
        if isinstance(question, Question):
            found[question.id] = question
    return list(found.values())


def _span(row: Mapping[str, Any], instances: Sequence[Instance]) -> Span:
    return Span(
        id=row["span_id"],
        trajectory_id=row["trajectory_id"],
        problem_id=row["problem_id"],
        start=row["start"],
        end=row["end"],
        quote=row["quote"],
        subquestion=row["subquestion"],
        subroutine=row["subroutine"],
        summary=row["summary"],
        code=row["code"],
        entry_point=row["entry_point"],
        signature=Signature.from_json(row["signature"]),
        preconditions=tuple(row["preconditions"] or ()),
        predicates=tuple(row["predicates"] or ()),
        failure_modes=tuple(row["failure_modes"] or ()),
        kind=row["kind"],
        domain=row["domain"],
        teacher=row["teacher"],
        instances=tuple(instances),
        verifier=row["verifier"],
        shape=row["shape"],
        asked=row["asked"],
        keys=tuple(Parameter(**key) for key in row["keys"]),
    )


def _trajectory(row: Mapping[str, Any]) -> Trajectory:
    return Trajectory(
        id=row["trajectory_id"],
        problem_id=row["problem_id"],
        problem=row["problem"],
        trace=row["trace"],
        answer=None,
        reference=row["reference"],
        domain=row["domain"],
        sources=(Source(row["source"], row["row"]),),
    )


def learn(choices: Choices, names: Sequence[str]) -> Floats:
    """The weight of each feature (f,), 0 for those not in ``names``."""
    used = np.array([name in names for name in choices.names])
    spread = choices.features.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    features = ((choices.features - choices.features.mean(axis=0)) / scale)[:, used]
    changes = np.diff(choices.question, prepend=-1) > 0
    starts, group = np.flatnonzero(changes), np.cumsum(changes) - 1

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = features @ weights
        shifted = np.exp(scores - np.maximum.reduceat(scores, starts)[group])
        every = np.add.reduceat(shifted, starts)
        hits = np.add.reduceat(shifted * choices.right, starts)
        value = np.sum(np.log(every) - np.log(hits)) + PENALTY * weights @ weights
        pull = shifted / every[group] - shifted * choices.right / hits[group]
        return float(value), features.T @ pull + 2 * PENALTY * weights

    found = minimize(loss, np.zeros(int(used.sum())), jac=True, method="L-BFGS-B")
    weights = np.zeros(len(choices.names))
    weights[used] = found.x / scale[used]
    return weights


def weights_of(choices: Choices, names: Sequence[str]) -> Floats:
    """The weight of each feature (f,), 0 for those not in ``names``: learned of all rows, then
    `ROUNDS` times of the best of those that are alike under the weights before."""
    weights = learn(choices, names)
    for _ in range(ROUNDS):
        weights = learn(choices.rows(best_of_alike(choices, weights)), names)
    return weights


def best_of_alike(choices: Choices, weights: Floats) -> npt.NDArray[np.int64]:
    """The rows, in order, that are the best of those alike; the first of those that tie."""
    scores = np.round(choices.features @ weights, 9)
    order = np.lexsort((np.arange(len(scores)), -scores, choices.alike))
    firsts: npt.NDArray[np.int64] = order[np.diff(choices.alike[order], prepend=-1) != 0]
    return np.sort(firsts)


def right_first(choices: Choices, weights: Floats) -> float:
    """The share of questions whose first choice under ``weights`` is right: the best entry that
    gives the value that methods speak most for (`store.ranking.agreed`). Questions of which no
    entry is right count, too."""
    best = choices.rows(best_of_alike(choices, weights))
    scores = np.round(best.features @ weights, 9)
    order = np.lexsort((-scores, best.value))
    starts = np.flatnonzero(np.diff(best.value[order], prepend=-1))
    if not len(starts):
        return 0.0
    together = np.round(np.logaddexp.reduceat(scores[order], starts), 9)
    stands, question = order[starts], best.question[order[starts]]
    values = np.lexsort((stands, -together, question))
    firsts = values[np.diff(question[values], prepend=-1) != 0]
    return round(float(best.right[stands[firsts]].sum()) / max(1, choices.asked), 4)


def _only(names: Sequence[str], wanted: Sequence[str]) -> Floats:
    return np.array([float(each in wanted) for each in names])


def _print(found: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    lines = [f"{name}: {counts}" for name, counts in found["asked"].items()]
    for name, weights in found["weights"].items():
        lines.append(f"  {name:16} {weights['learned']:8.3f} (in force {weights['in force']})")
    for step, shares in found["right first"].items():
        figures = ", ".join(f"{name} {share:.4f}" for name, share in shares.items())
        lines.append(f"right first, {step}: {figures}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
