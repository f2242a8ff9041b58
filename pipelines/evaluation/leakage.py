"""What a retrieval gives away, what it costs, how often nothing fits, and how varied it is.

Leakage: does the text that is retrieved contain the answer of the problem that is asked, or the
checked result of the step that is asked? A "2" stands in many routines and says nothing, so each
share stands beside the share for answers of *other* problems of the same source (`exchanged`): what
leaks is the excess. Numbers are compared by value, wherever they stand by themselves; other answers
as whole words.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tracemine.pipelines.evaluation.arms import DEPTH, KS, Asking, Mask, Ranked
from tracemine.pipelines.evaluation.entries import Entry, Shelf
from tracemine.pipelines.evaluation.intervals import Draws
from tracemine.pipelines.evaluation.passes import Outcome, Runs
from tracemine.pipelines.evaluation.questions import Question
from tracemine.schemas import decode, encode
from tracemine.teachers.rules.language.numerals import find_numerals
from tracemine.verifiers.numbers import parse_number

#: What a caller may read of an entry: ``returned`` is the hit as ``search --json`` prints it, with
#: all that stands there of its evidence, such as quotes of traces.
Text = Literal["summary", "full", "returned"]
TEXTS: tuple[Text, ...] = ("summary", "full", "returned")

#: What is looked for.
Answer = Literal["reference", "result"]
ANSWERS: tuple[Answer, ...] = ("reference", "result")
#: Significant digits of a decimal that is looked for: a calculation adds some at the end.
ANSWER_DIGITS = 12

#: With how many other problems each answer is exchanged; their mean is the share by chance.
EXCHANGES = 20
#: The seed of the order in which problems are exchanged.
SEED = 20260101
#: Leaks that are listed, for a person to look at.
LISTED = 20
#: Entries that are tried at once when looking for one whose preconditions hold.
_AT_ONCE = 8

#: Texts whose contents are remembered.
_REMEMBERED = 65536

_TOKEN = re.compile(r"[^\W_]+|[^\w\s]|_")
#: A sign right before a number: behind a value or a closing bracket it subtracts.
_MINUS = re.compile(r"(?:^|[^\w)\]])[-−][$€£₹¥]?$")

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a text contains: the values of its numbers, and its words and signs, each once between
    single spaces, with one before the first and behind the last."""

    numbers: frozenset[Fraction]
    words: str


def leakage(
    shelf: Shelf, asking: Asking, ranked: Ranked, returned: Mapping[str, str]
) -> dict[str, Any]:
    """How often the first k of ``ranked`` contain the ``reference`` answer of the question's
    problem, and the checked ``result`` of the question itself.

    Of each of these (`ANSWERS`), by text (`TEXTS`) and k: the share of questions whose answer is
    ``contained``, of answers of other problems of the same source that are (``exchanged``, over
    `EXCHANGES` of them), and the ``excess`` of the one over the other, paired; intervals are over
    problems. ``without`` and ``unpaired`` count the questions that cannot be asked: those without
    such an answer, and those whose source has no other problem. ``worst`` lists at most `LISTED`
    answers that are contained, those first that the fewest retrieved entries contain: what one
    entry has and no other is not there by chance.

    Args:
        returned: id of each retrieved entry -> its hit as ``search --json`` prints it.
    """
    # As text, where no escape of JSON hides what stands behind it.
    said = {identifier: _leaves(json.loads(text)) for identifier, text in returned.items()}
    report: dict[str, Any] = {
        answer: _leaks(shelf, asking, ranked, said, answer) for answer in ANSWERS
    }
    report["worst"] = worst(shelf, asking, ranked, said)
    return report


def _leaks(
    shelf: Shelf, asking: Asking, ranked: Ranked, said: Mapping[str, str], answer: Answer
) -> dict[str, Any]:
    """`leakage` of one of `ANSWERS`."""
    answers = {
        index: text
        for index, question in enumerate(asking.questions)
        if (text := _answer(question, answer)) is not None
    }
    others = exchanged({i: asking.questions[i] for i in answers})
    rows = sorted(others)
    draws = Draws([asking.questions[row].problem_id for row in rows])
    report: dict[str, Any] = {
        "questions": len(rows),
        "without": len(asking.questions) - len(answers),
        "unpaired": len(answers) - len(rows),
    }
    for text in TEXTS:
        texts = {
            place: _text(shelf.entries[place], text, said)
            for place in {place for places in ranked for place in places}
        }
        own = np.array([_first(ranked[row], texts, answers[row]) for row in rows], dtype=np.float64)
        exchange = [
            [_first(ranked[row], texts, answers[other]) for other in others[row]] for row in rows
        ]
        report[text] = {}
        for k in KS:
            has = (own < k).astype(np.float64)
            chance = np.array([np.mean([rank < k for rank in ranks]) for ranks in exchange])
            report[text][str(k)] = {
                "contained": draws.share(has).to_json(),
                "exchanged": draws.share(chance).to_json(),
                "excess": draws.difference(has - chance).to_json(),
            }
    return report


def worst(
    shelf: Shelf, asking: Asking, ranked: Ranked, said: Mapping[str, str]
) -> list[dict[str, Any]]:
    """At most `LISTED` answers of questions (`ANSWERS`; one that is both is the reference), each
    with the first retrieved entry whose hit (``said``, by id) contains it: both ids, the entry's
    place k among those retrieved, in which of `TEXTS` it stands, the text of the answer, and the
    share of all retrieved entries that contain it, least first."""
    retrieved = sorted({row for rows in ranked for row in rows})
    shares: dict[str, float] = {}
    found: list[tuple[float, int, str, Entry, Answer, str]] = []
    for question, rows in zip(asking.questions, ranked, strict=True):
        answers = {which: _answer(question, which) for which in ANSWERS}
        if _same(answers["reference"], answers["result"]):
            answers["result"] = None
        for which, answer in answers.items():
            if answer is None:
                continue
            for place, row in enumerate(rows, start=1):
                entry = shelf.entries[row]
                if not contains(said[entry.id], answer):
                    continue
                if answer not in shares:
                    having = sum(contains(said[shelf.entries[i].id], answer) for i in retrieved)
                    shares[answer] = having / len(retrieved)
                found.append((shares[answer], place, question.id, entry, which, answer))
                break
    found.sort(key=lambda leak: (*leak[:3], leak[4]))
    return [
        {
            "question": question,
            "entry": entry.id,
            "k": place,
            "in": [text for text in TEXTS if contains(_text(entry, text, said), answer)],
            which: answer,
            "share_of_entries": round(share, 4),
        }
        for share, place, question, entry, which, answer in found[:LISTED]
    ]


def exchanged(questions: Mapping[int, Question]) -> dict[int, list[int]]:
    """For each question (by position) questions of other problems of its source, one for each of at
    most `EXCHANGES` problems; those whose source has no other problem are left out.

    The problems of a source stand in a circle, in an order that the seed decides, and each is given
    what the next one has, then the next but one, and so on: at each step every problem's answer
    goes to exactly one other problem.
    """
    by_source: dict[str, dict[str, list[int]]] = {}
    for index, question in sorted(questions.items()):
        by_source.setdefault(question.source, {}).setdefault(question.problem_id, []).append(index)
    generator = np.random.Generator(np.random.PCG64(SEED))
    found: dict[int, list[int]] = {}
    for source in sorted(by_source):
        problems = sorted(by_source[source])
        circle = [problems[place] for place in generator.permutation(len(problems))]
        for place, problem in enumerate(circle):
            steps = range(1, min(EXCHANGES, len(circle) - 1) + 1)
            others = [by_source[source][circle[(place + n) % len(circle)]][0] for n in steps]
            if others:
                found.update(dict.fromkeys(by_source[source][problem], others))
    return dict(sorted(found.items()))


def contains(text: str, reference: str) -> bool:
    """Whether ``text`` states ``reference`` as a number or words of its own: ``1,200`` is 1200, a
    ``12`` within it is not, nor is the 2 of "twice"."""
    contents = _contents(text)
    value = _value(reference)
    if value is not None and value in contents.numbers:
        return True
    words = _words(reference)
    # The digits of a number do not do: 1,200 has the words "1" and "200".
    return value is None and bool(words.strip()) and words in contents.words


def tokens_cost(
    shelf: Shelf,
    asking: Asking,
    ranked: Ranked,
    returned: Mapping[str, str],
    tokens: Callable[[str], int],
) -> dict[str, Any]:
    """What a retrieval costs on average, in ``tokens``: each of `TEXTS` of the first hit, and of
    the first `DEPTH` together; 0 where nothing is retrieved. Each text is counted once.
    ``returned`` is as in `leakage`."""
    retrieved = sorted({row for rows in ranked for row in rows})
    draws = Draws([question.problem_id for question in asking.questions])
    known: dict[str, int] = {}
    found: dict[str, Any] = {}
    for text in TEXTS:
        counted: dict[int, int] = {}
        for row in retrieved:
            said = _text(shelf.entries[row], text, returned)
            if said not in known:
                known[said] = tokens(said)
            counted[row] = known[said]
        found[text] = {
            str(k): draws.mean(
                [float(sum(counted[row] for row in rows[:k])) for rows in ranked]
            ).to_json()
            for k in (1, DEPTH)
        }
    return found


def nothing_fits(
    asking: Asking, masks: Callable[[Question], Mask]
) -> dict[str, float | int | None]:
    """The share of questions of which a filter leaves no entry at all."""
    draws = Draws([question.problem_id for question in asking.questions])
    return draws.share([float(not masks(q).any()) for q in asking.questions]).to_json()


def nothing_holds(
    shelf: Shelf, asking: Asking, masks: Callable[[Question], Mask], runs: Runs
) -> dict[str, float | int | None]:
    """The share of questions of which ``masks`` leaves no entry that takes the values and whose
    preconditions hold on them. Entries are tried a few at a time, those with the fewest
    preconditions first, until one does."""
    order = sorted(
        range(len(shelf.entries)), key=lambda row: (len(shelf.entries[row].routine.predicates), row)
    )
    ordered = np.array(order, dtype=np.int64)
    left = {}
    for question in asking.questions:
        left[question.id] = ordered[masks(question)[ordered]].tolist()
    unmet = {question.id for question in asking.questions}
    waiting = {identifier: rows for identifier, rows in left.items() if rows}
    while waiting:
        tried = {identifier: rows[:_AT_ONCE] for identifier, rows in waiting.items()}
        runs.run((shelf.entries[row].routine, i) for i, rows in tried.items() for row in rows)
        for identifier, rows in tried.items():
            given = [runs.given(shelf.entries[row].routine, identifier) for row in rows]
            if any(each.outcome in (Outcome.WRONG, Outcome.PASS) for each in given):
                unmet.discard(identifier)
        waiting = {
            identifier: rows[_AT_ONCE:]
            for identifier, rows in waiting.items()
            if identifier in unmet and rows[_AT_ONCE:]
        }
    draws = Draws([question.problem_id for question in asking.questions])
    return draws.share([float(question.id in unmet) for question in asking.questions]).to_json()


def diversity(shelf: Shelf, asking: Asking, ranked: Ranked) -> dict[str, Any]:
    """How varied the first `DEPTH` are: the mean number of distinct ``methods`` among them, and of
    ``hits``, over questions with a hit; and the mean ``distance`` (1 less the cosine) between two
    of them, over questions with two."""
    norms = np.linalg.norm(shelf.vectors.astype(np.float64), axis=1, keepdims=True)
    units = shelf.vectors.astype(np.float64) / np.where(norms > 0, norms, 1.0)
    methods: list[tuple[str, float]] = []
    hits: list[tuple[str, float]] = []
    distances: list[tuple[str, float]] = []
    for question, rows in zip(asking.questions, ranked, strict=True):
        first = rows[:DEPTH]
        if not first:
            continue
        distinct = Counter(shelf.entries[row].rankable.method for row in first)
        methods.append((question.problem_id, float(len(distinct))))
        hits.append((question.problem_id, float(len(first))))
        if len(first) > 1:
            cosines = units[first] @ units[first].T
            pairs = cosines[np.triu_indices(len(first), k=1)]
            distances.append((question.problem_id, float(1 - pairs.mean())))
    return {"methods": _mean(methods), "hits": _mean(hits), "distance": _mean(distances)}


def _mean(values: Sequence[tuple[str, float]]) -> dict[str, float | int | None]:
    """The mean of values that each belong to a problem."""
    return Draws([problem for problem, _ in values]).mean([v for _, v in values]).to_json()


def _first(rows: Iterable[int], texts: Mapping[int, str], reference: str) -> float:
    """How many of ``rows`` come before the first whose text contains ``reference``; infinitely many
    where none does."""
    for place, row in enumerate(rows):
        if contains(texts[row], reference):
            return float(place)
    return float("inf")


def _text(entry: Entry, text: Text, returned: Mapping[str, str]) -> str:
    match text:
        case "summary":
            return entry.summary
        case "full":
            return entry.full
        case "returned":
            return returned[entry.id]


def _leaves(value: Any) -> str:
    """What stands in a value of JSON, one on a line, without the names of fields."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return "\n".join(map(_leaves, value))
    return value if isinstance(value, str) else json.dumps(value)


def _answer(question: Question, answer: Answer) -> str | None:
    """What is looked for of a question; None where it has none."""
    text = question.reference if answer == "reference" else _written(decode(question.result))
    return text if text is not None and _words(text).strip() else None


def _written(value: Any) -> str:
    """A checked result as a text may state it."""
    if isinstance(value, float) and math.isfinite(value):
        return np.format_float_positional(value, ANSWER_DIGITS, fractional=False, trim="-")
    if isinstance(value, str):
        return value
    number = isinstance(value, (int, Fraction)) and not isinstance(value, bool)
    return str(value) if number else encode(value)


def _same(one: str | None, other: str | None) -> bool:
    if one is None or other is None:
        return False
    value = _value(one)
    return _words(one) == _words(other) or (value is not None and value == _value(other))


@lru_cache(maxsize=_REMEMBERED)
def _contents(text: str) -> Contents:
    numbers: set[Fraction] = set()
    # The two sides of a slash are numbers of their own, and so is what they are together.
    for numeral in [*find_numerals(text), *find_numerals(text, fractions=False)]:
        if numeral.kind != "method":
            negative = _MINUS.search(text[max(0, numeral.start - 3) : numeral.start])
            numbers.add(-numeral.value if negative else numeral.value)
    return Contents(frozenset(numbers), _words(text))


@lru_cache(maxsize=_REMEMBERED)
def _value(reference: str) -> Fraction | None:
    """The number that a reference answer is, a percentage before its sign; None for text."""
    number = parse_number(reference.strip().strip("$").strip())
    return None if number is None or number.base else number.value


@lru_cache(maxsize=_REMEMBERED)
def _words(text: str) -> str:
    return f" {' '.join(_TOKEN.findall(text.strip().strip('$').lower()))} "


__all__ = [
    "ANSWERS", "EXCHANGES", "LISTED", "TEXTS", "Contents", "contains", "diversity", "exchanged",
    "leakage", "nothing_fits", "nothing_holds", "tokens_cost", "worst",
]  # fmt: skip
