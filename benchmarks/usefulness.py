"""Do replays say what a reader would say, and what else tells a useful entry from another?

    python -m benchmarks.usefulness [--json] [--quick] [--store DIR --heldout FILE ...]

Over the 150 pairs of `benchmarks/labelled_pairs.jsonl` (how they were drawn and labelled:
`benchmarks/labelled_pairs.md`): how often a pair that a reader calls useful passes its replay, and
the reverse; and how well each of a few scores sets the useful pairs before the others (area under
the ROC curve, AUC: 0.5 is chance): the cosine of the two subquestions by the bundled embedder, the
peer TF-IDF over the same words, how well the names of the values fit the entry's roles
(`verifiers.roles`), and, for comparison, the replay itself. Intervals are 95%, by the bootstrap
over pairs, each of another problem.

Replays are those of the day of labelling, kept with the pairs. With ``--store``, mined with
``--holdout``, and the published files it was mined from, the pairs whose question and entry can
still be found are replayed again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from tracemine.pipelines.evaluation.entries import served
from tracemine.pipelines.evaluation.intervals import CONFIDENCE, Draws, Share
from tracemine.pipelines.evaluation.passes import Outcome, Runs
from tracemine.pipelines.evaluation.questions import Question, ask
from tracemine.schemas import Parameter, Trajectory
from tracemine.store import Embedder, Store
from tracemine.store.keywords import Keywords
from tracemine.teachers import make_teacher
from tracemine.transforms.admit import AdmitOptions, admit
from tracemine.transforms.inputs import resolve_inputs
from tracemine.transforms.read import read_file
from tracemine.verifiers import shared_sandbox
from tracemine.verifiers.roles import align

PAIRS = Path(__file__).with_name("labelled_pairs.jsonl")

#: Trajectories of each file that ``--quick`` looks for questions in.
QUICK_TRAJECTORIES = 200
#: A score below that of any fit: the values do not fit the entry at all.
NO_FIT = -1e6


@dataclass(frozen=True, slots=True)
class Pair:
    """What is wanted, in the teacher's words and the names of the values at hand, and an entry."""

    question: str
    entry: str
    subquestion: str
    keys: tuple[Parameter, ...]
    entry_subquestion: str
    entry_inputs: tuple[Parameter, ...]
    passed: bool
    useful: bool


def read_pairs(path: Path = PAIRS) -> list[Pair]:
    """The labelled pairs, in the order of their file."""
    pairs = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        pairs.append(
            Pair(
                question=row["question"],
                entry=row["entry"],
                subquestion=row["subquestion"],
                keys=_parameters(row["keys"]),
                entry_subquestion=row["entry_subquestion"],
                entry_inputs=_parameters(row["entry_inputs"]),
                passed=row["passed"],
                useful=row["useful"],
            )
        )
    return pairs


def _parameters(rows: Sequence[dict[str, Any]]) -> tuple[Parameter, ...]:
    return tuple(Parameter(**row) for row in rows)


def agreement(useful: Sequence[bool], passed: Sequence[bool]) -> dict[str, Any]:
    """The 2x2 table of labels and replays, and the shares in it with their intervals. ``agree`` is
    the share of pairs on which both say the same; ``kappa`` what is left of it beyond chance
    (Cohen, 1960)."""
    said = list(zip(useful, passed, strict=True))
    table = {
        f"{a}_{b}": said.count((a == "useful", b == "passes"))
        for a in ("useful", "useless")
        for b in ("passes", "fails")
    }
    same = [u == p for u, p in said]
    count = max(1, len(same))
    yes, right = sum(useful) / count, sum(passed) / count
    chance = yes * right + (1 - yes) * (1 - right)
    kappa = (sum(same) / count - chance) / (1 - chance) if chance < 1 else 1.0
    return {
        "pairs": len(same),
        **table,
        "useful_that_pass": _share(p for u, p in said if u).to_json(),
        "passes_that_are_useful": _share(u for u, p in said if p).to_json(),
        "agree": _share(same).to_json(),
        "kappa": round(kappa, 4),
    }


def _share(values: Iterable[bool]) -> Share:
    numbers = [float(value) for value in values]
    return _draws(len(numbers)).share(numbers)


def _draws(pairs: int) -> Draws:
    """The rounds of the bootstrap over so many pairs, in their order."""
    return Draws([f"{place:06}" for place in range(pairs)])


def area(scores: Sequence[float], useful: Sequence[bool]) -> dict[str, float | int]:
    """The area under the ROC curve: how often a useful pair has a higher score than one that is
    not, ties by half; with the interval of the bootstrap over pairs. Rounds that draw pairs of one
    kind alone say nothing and are left out.

    Raises:
        ValueError: if all pairs are of one kind.
    """
    labels = np.asarray(useful, dtype=bool)
    if labels.all() or not labels.any():
        raise ValueError("pairs of both kinds are needed")
    numbers = np.asarray(scores, dtype=np.float64)
    right, wrong = numbers[labels], numbers[~labels]
    above = (right[:, None] > wrong) + 0.5 * (right[:, None] == wrong)
    weights = _draws(len(labels)).weights
    ours, theirs = weights[:, labels], weights[:, ~labels]
    sizes = ours.sum(axis=1) * theirs.sum(axis=1)
    both = sizes > 0
    areas = np.einsum("ri,ij,rj->r", ours[both], above, theirs[both], optimize=True) / sizes[both]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(areas, [tail, 1 - tail])
    return {
        "value": round(float(above.mean()), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "n": len(labels),
    }


def scores_of(pairs: Sequence[Pair]) -> dict[str, list[float]]:
    """What may tell useful from not, by name: one number for each pair."""
    embedder = Embedder.load()
    ours = embedder.encode([pair.subquestion for pair in pairs])
    theirs = embedder.encode([pair.entry_subquestion for pair in pairs])
    keywords = Keywords([pair.entry_subquestion for pair in pairs])
    return {
        "cosine": [round(float(x), 6) for x in (ours * theirs).sum(axis=1)],
        "tfidf": [keywords.scores(p.subquestion, [row])[0] for row, p in enumerate(pairs)],
        "fit of names": [_fit(pair) for pair in pairs],
        "replay": [float(pair.passed) for pair in pairs],
    }


def _fit(pair: Pair) -> float:
    roles = align(pair.entry_inputs, pair.keys)
    return NO_FIT if roles is None else roles.fit


def replayed(
    pairs: Sequence[Pair], store: Store, heldout: Sequence[str], limit: int | None
) -> list[tuple[Pair, bool]]:
    """The pairs that can be found again, with whether they pass now. ``limit``: trajectories of
    each file that are looked at."""
    entries = {entry.id: entry.routine for entry in served(store).entries}
    wanted = {pair.question for pair in pairs if pair.entry in entries}
    questions = {q.id: q for q in _questions(heldout, limit) if q.id in wanted}
    found = [pair for pair in pairs if pair.entry in entries and pair.question in questions]
    runs = Runs(questions.values(), shared_sandbox())
    runs.run((entries[pair.entry], pair.question) for pair in found)
    return [
        (pair, runs.given(entries[pair.entry], pair.question).outcome is Outcome.PASS)
        for pair in found
    ]


def _questions(heldout: Sequence[str], limit: int | None) -> Iterable[Question]:
    teacher = make_teacher("rules")
    for file in resolve_inputs(heldout):
        for output, trajectory in islice(read_file(file), limit):
            if output != "trajectories":
                continue
            for way, admitted in admit([trajectory], AdmitOptions(), shared_sandbox()):
                if way == "trajectories" and isinstance(admitted, Trajectory):
                    for kind, question in ask(admitted, teacher):
                        if kind == "questions":
                            yield question


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store")
    parser.add_argument("--heldout", nargs="+", default=[], metavar="FILE")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="fewer held-out trajectories")
    arguments = parser.parse_args()
    if bool(arguments.store) != bool(arguments.heldout):
        parser.error("--store and --heldout go together")
    pairs = read_pairs()
    useful = [pair.useful for pair in pairs]
    report: dict[str, Any] = {
        "agreement": agreement(useful, [pair.passed for pair in pairs]),
        "auc": {name: area(scores, useful) for name, scores in scores_of(pairs).items()},
    }
    if arguments.store:
        limit = QUICK_TRAJECTORIES if arguments.quick else None
        again = replayed(pairs, Store.open(arguments.store), arguments.heldout, limit)
        report["replayed"] = agreement([p.useful for p, _ in again], [now for _, now in again])
    if arguments.json:
        print(json.dumps(report))
        return
    for name in ("agreement", "replayed"):
        if name in report:
            _print_table(name, report[name])
    print("AUC: does it set useful pairs before the others?")
    for name, share in report["auc"].items():
        print(f"  {name:<14} {_written(share)}")


def _print_table(name: str, table: dict[str, Any]) -> None:
    print(f"{name}: {table['pairs']} pairs")
    print(f"{'':<12}{'passes':>8}{'fails':>8}")
    for kind in ("useful", "useless"):
        print(f"  {kind:<10}{table[f'{kind}_passes']:>8}{table[f'{kind}_fails']:>8}")
    for share in ("useful_that_pass", "passes_that_are_useful", "agree"):
        print(f"  {share.replace('_', ' '):<24} {_written(table[share])}")
    print(f"  kappa {table['kappa']:.3f}")


def _written(share: dict[str, Any]) -> str:
    return f"{share['value']:.3f} [{share['low']:.3f}, {share['high']:.3f}] of {share['n']}"


if __name__ == "__main__":
    main()
