"""Ways to retrieve, and how often each finds what a question needs.

An arm orders a shelf of entries for a question. All arms but `untyped` and `typed` leave out what
the question's signature rules out, so that a baseline is never beaten by types alone. Nothing here
sees a result before the first ten are chosen.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tracemine.pipelines.evaluation.entries import Entry, Shelf
from tracemine.pipelines.evaluation.passes import Outcome, Runs
from tracemine.pipelines.evaluation.questions import Question
from tracemine.schemas import Parameter, decode
from tracemine.schemas.types import coarse
from tracemine.store import Store
from tracemine.store.embedder import Vectors
from tracemine.store.keywords import POOL, WEIGHT, Keywords
from tracemine.store.ranking import RUN, Ranking, Wanted
from tracemine.verifiers.roles import MEASURES, Roster

#: The numbers of hits that are looked at.
KS = (1, 3, 5, 10)
DEPTH = max(KS)

#: Spans that vote for their methods.
VOTERS = 40

#: The seed of the random arm.
SEED = 20260101

Mask = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]
#: Question -> positions on a shelf, best first.
Ranked = list[list[int]]


@dataclass(frozen=True, slots=True)
class Asking:
    """Questions, the words that each is asked in, and the vectors (n, d) of these."""

    questions: tuple[Question, ...]
    words: tuple[str, ...]
    vectors: Vectors

    def wanted(self, index: int, values: Mapping[str, Any]) -> Wanted:
        """What the question at ``index`` asks a store for."""
        question = self.questions[index]
        return Wanted(self.words[index], question.keys, values, question.output)


class Types:
    """Which entries of a shelf a question's types leave, by what is asked of them."""

    def __init__(self, shelf: Shelf) -> None:
        signatures = [entry.routine.signature for entry in shelf.entries]
        self._inputs = _Side([s.inputs for s in signatures])
        self._outputs = _Side([(s.output,) for s in signatures])

    def runnable(self, question: Question) -> Mask:
        """Entries (n,) that take as many values as the question has, of their types."""
        return self._inputs.fitting(question.keys, units=False)

    def by_output(self, question: Question) -> Mask:
        """Entries (n,) that give the kind of value that is wanted, in no other unit."""
        return self._outputs.fitting([question.output], units=True)

    def by_signature(self, question: Question) -> Mask:
        """Entries (n,) that also take the question's values: as many, of their types and units."""
        return self.by_output(question) & self._inputs.fitting(question.keys, units=True)


class _Side:
    """The inputs, or the outputs, of all entries."""

    def __init__(self, sides: Sequence[Sequence[Parameter]]) -> None:
        kinds = [_types(side) for side in sides]
        distinct = list(dict.fromkeys(kinds))
        places = {kind: place for place, kind in enumerate(distinct)}
        self._place = np.array([places[kind] for kind in kinds], dtype=np.int64)
        self._roster = Roster(distinct)
        self._size = len(distinct)
        self._known: dict[tuple[tuple[Parameter, ...], bool], Mask] = {}

    def fitting(self, given: Sequence[Parameter], *, units: bool) -> Mask:
        """Which entries the ``given`` fit; with ``units``, without a unit that contradicts."""
        kinds = _types(given)
        if (kinds, units) not in self._known:
            aligned = self._roster.align(kinds)
            contradicting = aligned.measures[:, MEASURES.index("other_unit")] > 0
            mask = np.zeros(self._size, dtype=bool)
            mask[aligned.places[~contradicting] if units else aligned.places] = True
            self._known[kinds, units] = mask
        return self._known[kinds, units][self._place]


def _types(parameters: Iterable[Parameter]) -> tuple[Parameter, ...]:
    """The parameters as far as types and units tell them, in an order of their own."""
    found = [Parameter("", _kind(p.type), p.unit) for p in parameters]
    return tuple(sorted(found, key=lambda p: (p.type, p.unit or "")))


def _kind(type_text: str) -> str:
    """One type for all that `coarse` does not tell apart."""
    head = coarse(type_text)
    return "real" if head == "number" else head


def by_score(
    asking: Asking, masks: Callable[[Question], Mask], score: Callable[[int], Scores]
) -> Ranked:
    """The first `RUN` of what ``masks`` leaves, by descending ``score(index)`` (n,); ties go to
    the lesser id."""
    found: Ranked = []
    for index, question in enumerate(asking.questions):
        rows = np.flatnonzero(masks(question))
        scores = np.asarray(score(index))[rows]
        found.append(rows[np.lexsort((rows, -scores))[:RUN]].tolist())
    return found


def by_words(shelf: Shelf, asking: Asking, masks: Callable[[Question], Mask]) -> Ranked:
    """As a search with words alone: cosine of vectors, lifted by keywords among the nearest."""
    keywords = Keywords([entry.text for entry in shelf.entries])
    # All at once: one product reads the vectors of a large shelf once, not for every question.
    products = asking.vectors @ shelf.vectors.T

    def score(index: int) -> Scores:
        cosines: Scores = products[index].astype(np.float64)
        rows = np.flatnonzero(masks(asking.questions[index]))
        near = rows[np.lexsort((rows, -cosines[rows]))[:POOL]]
        cosines[near] += WEIGHT * np.array(keywords.scores(asking.words[index], near.tolist()))
        return cosines

    return by_score(asking, masks, score)


def by_ranking(
    shelf: Shelf,
    asking: Asking,
    masks: Callable[[Question], Mask],
    runs: Runs,
    *,
    running: bool = True,
    apart: bool = False,
) -> Ranked:
    """As a search with the caller's values: `store.ranking`, the best `RUN` of which are run, or,
    not ``running``, in the order before that. Entries ``apart`` are each a method of their own."""
    known = [entry.rankable for entry in shelf.entries]
    if apart:
        known = [replace(each, method=f"{row}") for row, each in enumerate(known)]
    ranking = Ranking(known)
    wanted = [asking.wanted(i, runs.values(q.id)) for i, q in enumerate(asking.questions)]
    near = []
    for index, question in enumerate(asking.questions):
        cosines = shelf.vectors @ asking.vectors[index]
        near.append(ranking.best(wanted[index], masks(question), cosines, RUN))
    if not running:
        return [[row for row, _ in scored] for scored in near]
    run_all(shelf, asking, [[row for row, _ in scored] for scored in near], runs)
    found: Ranked = []
    for index, question in enumerate(asking.questions):
        values = [
            runs.given(shelf.entries[row].routine, question.id).value for row, _ in near[index]
        ]
        reranked = ranking.rerank(wanted[index], near[index], values)
        found.append([row for row, _ in reranked])
    return found


def by_search(store: Store, shelf: Shelf, asking: Asking) -> Ranked:
    """What `Store.search` gives who asks as a caller would; ``shelf`` is all that it serves."""
    rows = {entry.id: row for row, entry in enumerate(shelf.entries)}
    found: Ranked = []
    for question, words in zip(asking.questions, asking.words, strict=True):
        values = decode(question.bindings)
        hits = store.search(
            words,
            DEPTH,
            bindings={key.name: values[key.name] for key in question.keys},
            units={key.name: key.unit for key in question.keys if key.unit is not None},
            output_type=_widest(question.output.type),
            output_unit=question.output.unit,
        )
        found.append([rows[hit.procedure_id] for hit in hits])
    return found


def _widest(type_text: str) -> str:
    """The type that a caller names who does not know what kind of number will come."""
    return "complex" if coarse(type_text) == "number" else type_text


def run_all(shelf: Shelf, asking: Asking, ranked: Sequence[Iterable[int]], runs: Runs) -> None:
    """Run what was retrieved."""
    runs.run(
        (shelf.entries[row].routine, question.id)
        for question, rows in zip(asking.questions, ranked, strict=True)
        for row in rows
    )


#: For each question the hits of the first `DEPTH` that give the checked result: place and entry.
Right = list[list[tuple[int, Entry]]]


def right(shelf: Shelf, asking: Asking, ranked: Ranked, runs: Runs) -> Right:
    """Which of the first `DEPTH` give the checked result."""
    run_all(shelf, asking, [rows[:DEPTH] for rows in ranked], runs)
    return [
        [
            (place, shelf.entries[row])
            for place, row in enumerate(rows[:DEPTH])
            if runs.given(shelf.entries[row].routine, question.id).outcome is Outcome.PASS
        ]
        for question, rows in zip(asking.questions, ranked, strict=True)
    ]


def within(places: Sequence[Iterable[int]]) -> npt.NDArray[np.bool_]:
    """Whether one of ``places`` (from 0), those of one question, is among the first k: (questions,
    len(KS))."""
    found = np.zeros((len(places), len(KS)), dtype=bool)
    for row, of_question in enumerate(places):
        first = min(of_question, default=DEPTH)
        found[row] = [first < k for k in KS]
    return found


def popularity(shelf: Shelf) -> dict[str, float]:
    """How many spans each method rests on, over all its entries."""
    total: Counter[str] = Counter()
    for entry in shelf.entries:
        total[entry.rankable.method] += entry.rankable.support
    return {method: float(count) for method, count in total.items()}


def nearest_spans(spans: Shelf, asking: Asking) -> Callable[[int], dict[str, float]]:
    """The votes of the `VOTERS` spans whose words are nearest to a question's, of those that take
    as many values: each for its method, with its cosine."""
    methods = [entry.rankable.method for entry in spans.entries]
    arity = np.array([len(entry.routine.signature.inputs) for entry in spans.entries])

    def votes(index: int) -> dict[str, float]:
        rows = np.flatnonzero(arity == len(asking.questions[index].keys))
        cosines = spans.vectors[rows] @ asking.vectors[index]
        cast: dict[str, float] = {}
        for place in np.lexsort((rows, -cosines))[:VOTERS]:
            method = methods[rows[place]]
            cast[method] = cast.get(method, 0.0) + float(cosines[place])
        return cast

    return votes


def by_votes(
    shelf: Shelf,
    asking: Asking,
    masks: Callable[[Question], Mask],
    votes: Callable[[int], Mapping[str, float]],
) -> Ranked:
    """Methods by ``votes(index)`` (method -> votes): of each the entry that rests on most spans
    stands for all, because hundreds of entries differ in names alone."""
    found: Ranked = []
    for index, question in enumerate(asking.questions):
        cast = votes(index)
        standing: dict[str, int] = {}
        rows = np.flatnonzero(masks(question)).tolist()
        for row in sorted(rows, key=lambda row: (-shelf.entries[row].rankable.support, row)):
            method = shelf.entries[row].rankable.method
            if method in cast:
                standing.setdefault(method, row)
        order = sorted(standing, key=lambda method: (-cast[method], standing[method]))
        found.append([standing[method] for method in order[:RUN]])
    return found


def plausible_first(shelf: Shelf, asking: Asking, ranked: Ranked, runs: Runs) -> Ranked:
    """``ranked`` again, with what `store.ranking` learns from running entries: each is run on the
    question's values, what it gives is weighed, and methods that agree speak for one another. To
    put ranks on the scale of scores each counts as 1 / rank, which does most for the baselines."""
    run_all(shelf, asking, ranked, runs)
    ranking = Ranking([entry.rankable for entry in shelf.entries])
    found: Ranked = []
    for index, (question, rows) in enumerate(zip(asking.questions, ranked, strict=True)):
        wanted = asking.wanted(index, runs.values(question.id))
        values = [runs.given(shelf.entries[row].routine, question.id).value for row in rows]
        scored = [(row, -math.log(rank)) for rank, row in enumerate(rows, 1)]
        found.append([row for row, _ in ranking.rerank(wanted, scored, values)])
    return found


def at_random(shelf: Shelf, asking: Asking) -> Callable[[int], Scores]:
    """A score drawn for each question and entry."""

    def score(index: int) -> Scores:
        seed = [SEED, int(asking.questions[index].id[:16], 16)]
        return np.random.Generator(np.random.PCG64(seed)).random(len(shelf.entries))

    return score


def by_bm25(shelf: Shelf, asking: Asking) -> Callable[[int], Scores]:
    """BM25 of words, and of the names of what the caller has, with the entries' texts and all that
    their spans say: what the ranking has, too."""
    import bm25s

    index = bm25s.BM25()
    texts = [f"{entry.text} {_said(entry.rankable.evidence)}" for entry in shelf.entries]
    tokenized = bm25s.tokenize(texts, stopwords="en", show_progress=False)
    if not tokenized.vocab:
        # Nothing to index: no entry has a word that counts.
        return lambda position: np.zeros(len(shelf.entries))
    index.index(tokenized, show_progress=False)

    def score(position: int) -> Scores:
        names = " ".join(key.name.replace("_", " ") for key in asking.questions[position].keys)
        tokens = bm25s.tokenize(
            [f"{asking.words[position]} {names}"],
            stopwords="en",
            show_progress=False,
            return_ids=False,
        )[0]
        if not tokens:
            return np.zeros(len(shelf.entries))
        return np.asarray(index.get_scores(tokens), dtype=np.float64)

    return score


def _said(evidence: Mapping[str, int]) -> str:
    """The words of tokens (`store.ranking.tokens_of`), as often as they are said."""
    words = [(token.rpartition(" ")[2].replace("_", " "), n) for token, n in evidence.items()]
    return " ".join(word for word, count in words for _ in range(count))


def by_whole_trace(
    shelf: Shelf,
    asking: Asking,
    masks: Callable[[Question], Mask],
    traces: Mapping[str, Vectors],
    problems: Vectors,
) -> Ranked:
    """Dense retrieval over whole traces: the entries of the nearest trace, those first whose words
    are nearest, then those of the next. ``traces``: trajectory id -> vector; ``problems`` (n, d)
    are the vectors of the questions with their problems."""
    ids = sorted(traces)
    matrix = np.stack([traces[i] for i in ids]) if ids else np.zeros((0, problems.shape[1]))
    rests_on: dict[str, list[int]] = {}
    for row, entry in enumerate(shelf.entries):
        for trajectory in entry.trajectories:
            rests_on.setdefault(trajectory, []).append(row)
    found: Ranked = []
    for index, question in enumerate(asking.questions):
        mask = masks(question)
        cosines = shelf.vectors @ asking.vectors[index]
        near = matrix @ problems[index]
        chosen: dict[int, None] = {}
        for place in np.lexsort((np.arange(len(ids)), -near)):
            rows = [row for row in rests_on.get(ids[place], ()) if mask[row]]
            for row in sorted(rows, key=lambda row: (-cosines[row], row)):
                chosen[row] = None
            if len(chosen) >= RUN:
                break
        found.append(list(chosen)[:RUN])
    return found


__all__ = [
    "DEPTH", "KS", "Asking", "Mask", "Ranked", "Right", "Types", "at_random", "by_bm25",
    "by_ranking", "by_score", "by_search", "by_votes", "by_whole_trace", "by_words",
    "nearest_spans", "plausible_first", "popularity", "right", "run_all", "within",
]  # fmt: skip
