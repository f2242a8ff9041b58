"""Which of the questions that were found are put to a store, and why the others are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from tracemine.pipelines.evaluation.questions import Question
from tracemine.pipelines.options import Split
from tracemine.schemas import decode, encode, fraction_of
from tracemine.schemas.shingles import near_duplicate_classes, shingles

#: Why a question is not put; `Asked.dropped` counts by these.
SAME = "same values and result asked before of the problem"
IN_STORE = "problem is in the store"
NEAR_STORE = "problem is a near-duplicate of one in the store"
OTHER_SPLIT = "problem belongs to the other split"
BEYOND = "beyond --questions"


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions that are put, by id, and how many were not, by reason."""

    questions: tuple[Question, ...]
    dropped: Mapping[str, int]


def select(
    found: Iterable[Question],
    stored: Mapping[str, str],
    *,
    split: Split,
    limit: int | None = None,
) -> Asked:
    """The questions of ``found`` that are put, in order of id; each counted that is not.

    Args:
        stored: the problems of the store, problem id -> text. A question whose problem is among
            them, or near enough to count as one of them (`schemas.shingles`), is dropped.
        split: the half, by hash of problem id, that is asked.
        limit: at most so many, the least by hash; a problem's questions stay together
            unless those of the first are more.
    """
    dropped: Counter[str] = Counter()
    questions = list(found)
    near = near_duplicates_of(stored, {q.problem_id: q.problem for q in questions})
    kept: dict[tuple[str, tuple[str, ...], str], Question] = {}
    for question in sorted(questions, key=lambda q: q.id):
        if question.problem_id in stored:
            dropped[IN_STORE] += 1
        elif question.problem_id in near:
            dropped[NEAR_STORE] += 1
        elif split not in ("all", split_of(question.problem_id)):
            dropped[OTHER_SPLIT] += 1
        elif _identity(question) in kept:
            dropped[SAME] += 1
        else:
            kept[_identity(question)] = question
    asked_for = sorted(kept.values(), key=lambda q: (fraction_of(f"asked {q.problem_id}"), q.id))
    if limit is not None and len(asked_for) > limit:
        # A problem whose questions would not all be asked is not asked at all, but for the first.
        first_beyond = asked_for[limit].problem_id
        whole = [q for q in asked_for[:limit] if q.problem_id != first_beyond]
        within = whole or asked_for[:limit]
        dropped[BEYOND] += len(asked_for) - len(within)
        asked_for = within
    return Asked(tuple(sorted(asked_for, key=lambda q: q.id)), dict(sorted(dropped.items())))


def split_of(problem_id: str) -> Literal["dev", "final"]:
    """The half that a problem belongs to, in whichever source it stands. Another hash than that of
    `--holdout`, which takes the least of its own."""
    return "dev" if fraction_of(f"split {problem_id}") < 0.5 else "final"


def near_duplicates_of(stored: Mapping[str, str], asked_of: Mapping[str, str]) -> set[str]:
    """The problems of ``asked_of`` (id -> text) that are near-duplicates of one of ``stored``."""
    texts = {**asked_of, **stored}
    classes = near_duplicate_classes({i: shingles(text) for i, text in texts.items()})
    known = {classes[identifier] for identifier in stored}
    return {i for i in asked_of if i not in stored and classes[i] in known}


def _identity(question: Question) -> tuple[str, tuple[str, ...], str]:
    values = sorted(encode(value) for value in decode(question.bindings).values())
    return question.problem_id, tuple(values), question.result


__all__ = ["Asked", "near_duplicates_of", "select", "split_of"]
