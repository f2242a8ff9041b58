"""What the gate is worth: do routines that replay accepted pass oftener on what was held out, and
how many did it refuse that do?

Each routine of a shelf is tried on the held-out questions that words propose for it: of the entries
that a question's types leave, those among the first `DEPTH`. That is how a search would come to
serve it. The values decide nothing, and a precondition that does not hold is no try.

On small whole numbers ``a * b`` gives what ``a + b`` does. Mining tells such a coincidence by what
the two methods give nearby (`verifiers.coincidence`), and so it is told here: a pass of another
method than the question's own is *certain* if it agrees nearby with the question's own method under
some alignment that gives the checked result. Questions do not keep their code; their method is
taken from whichever entry has it. Where none has it nothing can be told, and the pass is not
certain. Shares are reported of certain passes, which is too few, and of all, which is too many.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tracemine.pipelines.evaluation.arms import (
    DEPTH,
    Asking,
    Right,
    Types,
    by_words,
    run_all,
)
from tracemine.pipelines.evaluation.entries import Entry, Shelf
from tracemine.pipelines.evaluation.intervals import Draws
from tracemine.pipelines.evaluation.passes import Outcome, Runs, anonymous
from tracemine.pipelines.evaluation.questions import Question
from tracemine.schemas import Instance, Parameter, decode, encode
from tracemine.schemas.shingles import near_duplicate_classes, shingles
from tracemine.verifiers import Context, Sandbox, verify
from tracemine.verifiers.bindings import BindingError, bind
from tracemine.verifiers.coincidence import Meeting, difference_nearby
from tracemine.verifiers.replay import Routine, alignments, is_plain_arithmetic, run_routine
from tracemine.verifiers.roles import align
from tracemine.verifiers.runs import Backend
from tracemine.verifiers.symmetry import representatives

#: Why a pass is certain, or is not.
Kind = Literal["own_method", "same_nearby", "coincidence", "method_unknown"]
KINDS: tuple[Kind, ...] = ("own_method", "same_nearby", "coincidence", "method_unknown")
CERTAIN: frozenset[Kind] = frozenset(["own_method", "same_nearby"])

#: For each parameter of a routine, in order, the position of its key.
_Way = tuple[int, ...]
#: A routine without its id, and a question's id: what a pass depends on.
_Pair = tuple[Routine, str]


@dataclass(frozen=True, slots=True)
class Try:
    """An entry (its position on the shelf), run on a question (its position) that words proposed
    for it, and whether it gave the checked result."""

    entry: int
    question: int
    passed: bool


def gate(
    served: Shelf,
    ungated: Shelf,
    asking: Asking,
    runs: Runs,
    sandbox: Sandbox,
    *,
    min_replays: int = 2,
) -> dict[str, Any]:
    """What routines do on held-out questions that replay accepted (``served``), that were there
    before it (``ungated``), and that it refused (those of ``ungated`` that are not served); each
    shelf is retrieved from by itself.

    Of each: the number of ``routines``; how many were ``tried`` on questions of at least 1 and of
    at least ``min_replays`` distinct problems; tries ``declined`` by a precondition; ``passes`` by
    `KINDS`; and, of ``certain`` and of ``all`` passes, the share of ``tries`` that pass, and of
    ``routines`` tried on so many distinct problems (text of a number) that pass on so many. A
    near-duplicate problem is not another one. ``refused_wrongly`` is the latter for
    ``min_replays`` of the refused: they would have entered. Intervals are over problems for tries,
    over methods for routines.
    """
    kept = {entry.id for entry in served.entries}
    rows = [row for row, entry in enumerate(ungated.entries) if entry.id not in kept]
    refused = Shelf(tuple(ungated.entries[row] for row in rows), ungated.vectors[rows])
    shelves = {"served": served, "ungated": ungated, "refused": refused}
    found = {name: tries(shelf, asking, runs) for name, shelf in shelves.items()}
    passed = {
        (anonymous(shelves[name].entries[t.entry].routine), asking.questions[t.question].id): (
            shelves[name].entries[t.entry],
            asking.questions[t.question],
        )
        for name, (tried, _) in found.items()
        for t in tried
        if t.passed
    }
    kinds = kinds_of(passed.values(), [*served.entries, *ungated.entries], runs, sandbox)
    problems = near_duplicate_classes({q.problem_id: shingles(q.problem) for q in asking.questions})
    report: dict[str, Any] = {
        "min_replays": min_replays,
        "questions": len(asking.questions),
        "problems": len(set(problems.values())),
    }
    for name, (tried, declined) in found.items():
        counts = _counted(shelves[name], asking, tried, kinds, problems, min_replays)
        report[name] = {"routines": len(shelves[name].entries), "declined": declined, **counts}
    report["refused_wrongly"] = {
        which: report["refused"][which]["routines"][str(min_replays)]
        for which in ("certain", "all")
    }
    return report


def tries(shelf: Shelf, asking: Asking, runs: Runs) -> tuple[list[Try], int]:
    """Every try, in order of question, and how many more a precondition declined."""
    near = by_words(shelf, asking, Types(shelf).by_signature)
    ranked = [rows[:DEPTH] for rows in near]
    run_all(shelf, asking, ranked, runs)
    found, declined = [], 0
    for index, (question, rows) in enumerate(zip(asking.questions, ranked, strict=True)):
        for row in rows:
            outcome = runs.given(shelf.entries[row].routine, question.id).outcome
            if outcome in (Outcome.WRONG, Outcome.PASS):
                found.append(Try(row, index, outcome is Outcome.PASS))
            declined += outcome is Outcome.UNMET
    return found, declined


def kinds_of(
    passed: Iterable[tuple[Entry, Question]],
    entries: Iterable[Entry],
    runs: Runs,
    sandbox: Sandbox,
) -> dict[_Pair, Kind]:
    """What each pass is, by routine (without its id) and question id. ``entries`` are where the
    questions' own methods are looked for."""
    kinds: dict[_Pair, Kind] = {}
    others: list[tuple[Routine, Question]] = []
    for entry, question in passed:
        pair = (anonymous(entry.routine), question.id)
        if entry.rankable.method == question.method:
            kinds[pair] = "own_method"
        else:
            kinds[pair] = "method_unknown"
            others.append((pair[0], question))
    ways = _own_ways({q.id: q for _, q in others}, entries, runs, sandbox)
    meetings: list[Meeting] = []
    pairs: list[_Pair] = []
    for routine, question in others:
        roles = align(routine.signature.inputs, question.keys)
        if roles is None:
            continue
        for origin, way in ways.get(question.id, ()):
            meetings.append(_meeting(routine, roles.positions, origin, way, question, runs))
            pairs.append((routine, question.id))
    for pair, apart in zip(pairs, difference_nearby(meetings, sandbox), strict=True):
        if not apart:
            kinds[pair] = "same_nearby"
        elif kinds[pair] != "same_nearby":
            kinds[pair] = "coincidence"
    return kinds


def certain_of(
    questions: Sequence[Question],
    right: Right,
    entries: Sequence[Entry],
    runs: Runs,
    sandbox: Sandbox,
    known: dict[_Pair, Kind],
) -> Right:
    """What of ``right`` (the hits of each question that give its result, by ``runs``) is no chance:
    the certain passes. ``entries`` are where the questions' own methods are looked for. ``known``
    has the kinds of passes of these ``runs`` that were told before, and is added to."""
    passed = {
        (anonymous(entry.routine), question.id): (entry, question)
        for question, hits in zip(questions, right, strict=True)
        for _, entry in hits
    }
    new = [pass_ for pair, pass_ in passed.items() if pair not in known]
    known |= kinds_of(new, entries, runs, sandbox)
    return [
        [hit for hit in hits if known[anonymous(hit[1].routine), question.id] in CERTAIN]
        for question, hits in zip(questions, right, strict=True)
    ]


def _own_ways(
    questions: Mapping[str, Question], entries: Iterable[Entry], runs: Runs, sandbox: Sandbox
) -> dict[str, list[tuple[Routine, _Way]]]:
    """Question id -> its own method, and each way to serve it from the question's values (those
    that are the same calculation once) that gives the checked result."""
    by_method: dict[str, dict[Routine, None]] = {}
    wanted = {question.method for question in questions.values()}
    for entry in sorted(entries, key=lambda entry: entry.id):
        if entry.rankable.method in wanted:
            by_method.setdefault(entry.rankable.method, {})[_nameless(entry.routine)] = None
    asked: dict[Routine, list[tuple[str, _Way, dict[str, Any]]]] = {}
    for identifier, question in sorted(questions.items()):
        for origin in by_method.get(question.method, ()):
            bound = _bound(origin, question, runs.values(identifier))
            if bound:
                asked.setdefault(origin, []).extend((identifier, *each) for each in bound)
                break
    found: dict[str, list[tuple[Routine, _Way]]] = {}
    for origin, calls in asked.items():
        backend: Backend = "monty" if is_plain_arithmetic(origin.code) else "cpython"
        done = run_routine(origin, [values for _, _, values in calls], sandbox, backend=backend)
        context = Context(verifier=origin.verifier)
        for (identifier, way, _), run in zip(calls, done, strict=True):
            expected = decode(questions[identifier].result)
            if run.status == "ok" and verify(expected, run.value, context).outcome == "agree":
                found.setdefault(identifier, []).append((origin, way))
    return found


def _bound(
    origin: Routine, question: Question, values: Mapping[str, Any]
) -> list[tuple[_Way, dict[str, Any]]]:
    """Every way to serve ``origin`` that types allow, each calculation once, with its values. The
    names and units of another problem's span say nothing of which is right."""
    keys = [Parameter(f"{place}", key.type) for place, key in enumerate(question.keys)]
    ways = alignments(origin.signature, keys)
    inputs = origin.signature.inputs
    first = representatives(origin.code, origin.entry_point, inputs, origin.predicates, ways)
    found = []
    for way in dict.fromkeys(first):
        given = {
            p.name: values[question.keys[place].name] for p, place in zip(inputs, way, strict=True)
        }
        try:
            found.append((way, bind(inputs, given)))
        except BindingError:
            # The type is another than the value: this way serves nothing.
            continue
    return found


def _meeting(
    routine: Routine,
    positions: _Way,
    origin: Routine,
    way: _Way,
    question: Question,
    runs: Runs,
) -> Meeting:
    """``routine`` beside the question's own method, on the question's values by its names."""
    values = runs.values(question.id)
    names = {place: p.name for p, place in zip(origin.signature.inputs, way, strict=True)}
    bindings = {name: values[question.keys[place].name] for place, name in names.items()}
    inputs = routine.signature.inputs
    instance = Instance(
        id=question.id,
        span_id="",
        trajectory_id="",
        problem_id=question.problem_id,
        bindings=encode(bindings),
        result=question.result,
        checked=True,
    )
    served = {p.name: names[place] for p, place in zip(inputs, positions, strict=True)}
    return Meeting(routine, served, origin, instance)


def _counted(
    shelf: Shelf,
    asking: Asking,
    tried: Sequence[Try],
    kinds: Mapping[_Pair, Kind],
    problems: Mapping[str, str],
    min_replays: int,
) -> dict[str, Any]:
    """The figures of one shelf."""
    of_try = [problems[asking.questions[t.question].problem_id] for t in tried]
    kind_of_try: list[Kind | None] = [
        kinds[anonymous(shelf.entries[t.entry].routine), asking.questions[t.question].id]
        if t.passed
        else None
        for t in tried
    ]
    on: dict[int, set[str]] = {}
    for each, problem in zip(tried, of_try, strict=True):
        on.setdefault(each.entry, set()).add(problem)
    thresholds = sorted({1, min_replays})
    kinds_found = Counter(kind for kind in kind_of_try if kind is not None)
    report: dict[str, Any] = {
        "tried": {str(n): sum(len(each) >= n for each in on.values()) for n in thresholds},
        "tries": len(tried),
        "passes": {kind: kinds_found[kind] for kind in KINDS},
    }
    draws = Draws(of_try)
    # Entries of one method pass together, so they are drawn together.
    often = {n: sorted(row for row, each in on.items() if len(each) >= n) for n in thresholds}
    by_method = {
        n: Draws([shelf.entries[row].rankable.method for row in rows], of="methods")
        for n, rows in often.items()
    }
    for name, counting in (("certain", CERTAIN), ("all", frozenset(KINDS))):
        right = np.array([kind in counting for kind in kind_of_try], dtype=np.float64)
        passed: dict[int, set[str]] = {}
        for each, problem, passes in zip(tried, of_try, right, strict=True):
            if passes:
                passed.setdefault(each.entry, set()).add(problem)
        report[name] = {
            "tries": draws.share(right).to_json(),
            "routines": {
                str(n): by_method[n]
                .share([float(len(passed.get(row, ())) >= n) for row in rows])
                .to_json()
                for n, rows in often.items()
            },
        }
    return report


def _nameless(routine: Routine) -> Routine:
    """The routine without its id and without units, which are those of another problem."""
    signature = routine.signature
    inputs = tuple(Parameter(p.name, p.type) for p in signature.inputs)
    bare = dataclasses.replace(signature, inputs=inputs)
    return dataclasses.replace(routine, variant_id="", signature=bare)


__all__ = ["CERTAIN", "KINDS", "Kind", "Try", "certain_of", "gate", "kinds_of", "tries"]
