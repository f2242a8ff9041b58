"""In which order entries are offered to a caller who brings values.

Words alone say little of the method: over held-out steps of word problems the entry whose words are
nearest does what is asked no oftener than the commonest entry does (docs/benchmarks.md). What helps
is whether the caller's values fit the entry's roles, what roles and words the spans had that the
entry rests on, and whether what comes out looks like an answer at all: no one is asked for minus
three eggs. A score is a sum of these, weighted by what replays within a store say of each
(`benchmarks/ranking.py`); no reference result is ever looked at.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from tracemine.schemas import Parameter, Signature, canonical_code, content_id, encode
from tracemine.store.postings import Counting, Counts, Postings
from tracemine.verifiers.roles import MEASURES, Roster, kind_of

#: The weight of each feature (`Ranking.features`, `plausibility`), from `benchmarks/ranking.py`.
WEIGHTS: Mapping[str, float] = {
    "fit": 0.06,
    "least_fit": 0.12,
    "equal_names": 1.28,
    "equal_units": 0.03,
    "one_unit": -1.26,
    "other_unit": -3.85,
    "cosine": 3.35,
    "support": 0.03,
    "method_support": 0.37,
    "success_rate": 0.53,
    "output_unit": -0.29,
    "output_word": 0.33,
    "evidence": 0.081,
    "not_positive": -5.24,
    "not_cents": -3.56,
    "not_whole": -3.21,
    "no_value": -7.04,
    "larger": -0.44,
    "smaller": 0.03,
}

#: Bounds of the evidence of one entry, so that a long question does not outweigh all else.
MAX_EVIDENCE = 60.0

_WORD = re.compile(r"[a-z]+")

#: Money is counted in hundredths of its unit.
_MONEY = ("dollar", "euro", "sterling", "rupee")
_EPSILON = 1e-9

#: Entries that are run on the caller's values, for each search.
RUN = 100

#: Methods whose hash is remembered.
_REMEMBERED = 65536

#: Digits of a score, so that the order in which a library adds does not decide.
SCORE_DIGITS = 9

Floats = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller asks. ``words``: the question. ``keys`` name and type the ``values``, in the
    order in which they were given; ``output`` types what is wanted (its name says nothing)."""

    words: str
    keys: tuple[Parameter, ...]
    values: Mapping[str, Any]
    output: Parameter | None = None


@dataclass(frozen=True, slots=True)
class Rankable:
    """What of an entry its place depends on. ``support`` counts the spans it rests on,
    ``evidence`` the tokens (`tokens_of`) of these, ``method`` is the same for entries whose code
    differs in names alone: what speaks for one of them speaks for all."""

    signature: Signature
    support: int
    success_rate: float
    method: str
    evidence: Mapping[str, int] = field(default_factory=dict)


@lru_cache(maxsize=_REMEMBERED)
def method_of(code: str, entry_point: str) -> str:
    """The same for code that differs in names alone."""
    try:
        return content_id("method", canonical_code(code, entry_point))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return content_id("method", code)  # what is no Python has no names


def tokens_of(keys: Iterable[Parameter], words: str) -> list[str]:
    """What a question, or a span, says by its roles and its words: each role's name and the words
    of it, all names together, and the words asked, each once."""
    kinds = sorted(kind_of(key.name) for key in keys)
    tokens = [f"role {kind}" for kind in kinds]
    tokens += [f"in role {word}" for kind in kinds for word in kind.split("_")]
    tokens.append("roles " + " ".join(kinds))
    return tokens + [f"asked {word}" for word in sorted(set(_WORD.findall(words.lower())))]


class Ranking:
    """Scores of ``entries`` for what a caller wants. ``counts`` is their evidence, where that is
    not said by each: for many entries it takes a tenth of the memory."""

    def __init__(self, entries: Sequence[Rankable], counts: Counts | None = None) -> None:
        self._size = len(entries)
        self._roster = Roster([entry.signature.inputs for entry in entries])
        #: The names of each entry's inputs, as a number.
        self._names: dict[frozenset[str], int] = {}
        self._named = np.array([self._number_of(e.signature.inputs) for e in entries], np.int64)
        methods = sorted({entry.method for entry in entries})
        rows = {method: row for row, method in enumerate(methods)}
        self._method = np.array([rows[entry.method] for entry in entries], dtype=np.int64)
        self._support = np.log(np.array([max(1, e.support) for e in entries], dtype=np.float64))
        self._success_rate = np.array([e.success_rate for e in entries], dtype=np.float64)
        outputs = [entry.signature.output for entry in entries]
        self._output_units, self._output_unit = _codes([o.unit or "" for o in outputs])
        names, self._output_word = _codes([o.name.lower() for o in outputs])
        self._output_words = [frozenset(name.split("_")) for name in names]
        support = [entry.support for entry in entries]
        pooled = np.bincount(self._method, weights=support, minlength=len(methods))
        self._method_support = np.log(np.maximum(1.0, pooled))
        self._postings = Postings(self._method, len(methods), counts or _counted(entries))

    def takes(self, keys: Sequence[Parameter]) -> Mask:
        """Which entries (all,) take values so named and typed: as many, of fitting types, and in no
        other unit; where the names are all an entry's own, under these."""
        fitting = self._roster.align(keys)
        mask = np.zeros(self._size, dtype=bool)
        mask[fitting.places[fitting.measures[:, MEASURES.index("other_unit")] == 0]] = True
        names = self._names.get(frozenset(key.name for key in keys))
        if names is not None:
            others = fitting.places[fitting.measures[:, MEASURES.index("equal_names")] < 1]
            mask[others[self._named[others] == names]] = False
        return mask

    def _number_of(self, inputs: Sequence[Parameter]) -> int:
        return self._names.setdefault(frozenset(p.name for p in inputs), len(self._names))

    def features(self, wanted: Wanted, cosines: Floats) -> tuple[Positions, dict[str, Floats]]:
        """The positions (n,) of the entries that the caller's values fit, and their features
        (columns of length n). ``cosines`` (all entries,) are the inner products of the vectors
        with that of the question; of what nobody asks for they may be 0."""
        fitting = self._roster.align(wanted.keys)
        rows = fitting.places
        said = frozenset(_WORD.findall(wanted.words.lower()))
        unit = wanted.output.unit if wanted.output else None
        words = np.array([len(said & names) for names in self._output_words], dtype=np.float64)
        units = np.array([unit is not None and u == unit for u in self._output_units], dtype=float)
        evidence = self._evidence(wanted)
        methods = self._method[rows]
        return rows, {
            **{name: fitting.measures[:, column] for column, name in enumerate(MEASURES)},
            "cosine": np.asarray(cosines, dtype=np.float64)[rows],
            "support": self._support[rows],
            "method_support": self._method_support[methods],
            "success_rate": self._success_rate[rows],
            "output_unit": units[self._output_unit[rows]],
            "output_word": words[self._output_word[rows]],
            "evidence": evidence[methods],
        }

    def best(self, wanted: Wanted, among: Mask, cosines: Floats, n: int) -> list[tuple[int, float]]:
        """The ``n`` best entries as ``(position, score)``, before any of them is run: of those that
        ``among`` (all entries,) leaves and the caller's values fit. ``cosines`` are as in
        `features`. Ties go to the first position."""
        if not self._size:
            return []
        rows, found = self.features(wanted, cosines)
        left = among[rows]
        return _first(rows[left], _sum(found)[left], n)

    def nearest(self, words: str, among: Mask, cosines: Floats, n: int) -> list[tuple[int, float]]:
        """The ``n`` best of ``among`` for a caller who brings ``words`` alone, otherwise as `best`.
        A score is the cosine and, in the proportion of `WEIGHTS`, the logarithm of how likely each
        method is by these words: naive Bayes, with the spans of each for its prior."""
        rows = np.flatnonzero(among)
        evidence = self._evidence(Wanted(words, (), {}))
        likely = (evidence + self._method_support)[self._method[rows]]
        share = WEIGHTS["evidence"] / WEIGHTS["cosine"]
        return _first(rows, np.asarray(cosines, dtype=np.float64)[rows] + share * likely, n)

    def rerank(
        self, wanted: Wanted, scored: Sequence[tuple[int, float]], values: Sequence[Any]
    ) -> list[tuple[int, float]]:
        """``scored`` (position, score) again, best first, now that each entry was run on the
        caller's values: ``values`` are what they gave, None for nothing (see `agreed`)."""
        scores = [
            round(score + weigh(plausibility(wanted, value)), SCORE_DIGITS)
            for (_, score), value in zip(scored, values, strict=True)
        ]
        methods = self.methods([position for position, _ in scored])
        return [(scored[place][0], score) for place, score in agreed(scores, values, methods)]

    def methods(self, positions: Sequence[int]) -> list[int]:
        """A number for the method of each of these entries."""
        found: list[int] = self._method[np.asarray(positions, dtype=np.int64)].tolist()
        return found

    def _evidence(self, wanted: Wanted) -> Floats:
        found = self._postings.likelier(tokens_of(wanted.keys, wanted.words))
        return np.clip(found, -MAX_EVIDENCE, MAX_EVIDENCE)


def agreed(
    scores: Sequence[float], values: Sequence[Any], methods: Sequence[int]
) -> list[tuple[int, float]]:
    """The places of what was run, best first, with scores, now that it is known what each gave:
    ``values``, None for nothing. All are (n,).

    A value's score is that of all methods that give it, as if scores were logarithms of how likely
    each is right; however many entries share a method, its best speaks for it. The best entry
    that gives a value stands for it. What gives the same comes after all that give something else:
    it would tell the caller nothing new. Nothing agrees with nothing.
    """
    order = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
    groups: dict[str, list[int]] = {}
    for place in order:
        said = written(values[place])
        groups.setdefault(f"nothing {place}" if said is None else f"value {said}", []).append(place)
    first, repeated = [], []
    for places in groups.values():
        best = {methods[place]: scores[place] for place in reversed(places)}
        together = np.logaddexp.reduce(sorted(best.values()))
        first.append((places[0], round(float(together), SCORE_DIGITS)))
        repeated += [(place, scores[place]) for place in places[1:]]
    return [*sorted(first, key=_best_first), *sorted(repeated, key=_best_first)]


def _best_first(scored: tuple[int, float]) -> tuple[float, int]:
    return -scored[1], scored[0]


def plausibility(wanted: Wanted, value: Any) -> dict[str, float]:
    """The features of what an entry gives on the caller's values (None: nothing): whether it looks
    like an answer. Only of numbers; anything else has none of them."""
    if value is None:
        return {"no_value": 1.0}
    number = _finite(value)
    if number is None:
        return {}
    given = [n for v in wanted.values.values() if (n := _finite(v)) is not None]
    unit = wanted.output.unit if wanted.output and wanted.output.unit else ""
    money = unit.split("/")[0] in _MONEY
    whole = bool(given) and all(n == round(n) for n in given)
    size = math.log(max(abs(number), _EPSILON) / max([abs(n) for n in given] + [_EPSILON]))
    return {
        "not_positive": float(number <= 0),
        "not_cents": float(abs(number * 100 - round(number * 100)) > 1e-6),
        "not_whole": float(not money and whole and abs(number - round(number)) > _EPSILON),
        "larger": max(0.0, size),
        "smaller": max(0.0, -size),
    }


def weigh(found: Mapping[str, float]) -> float:
    """What features add to a score."""
    return sum(WEIGHTS[name] * value for name, value in found.items())


def _first(rows: Positions, total: Floats, n: int) -> list[tuple[int, float]]:
    """The ``n`` of ``rows`` with the highest ``total``; ties go to the first position."""
    total = np.round(total, SCORE_DIGITS)
    order = np.lexsort((rows, -total))[:n]
    return [(int(rows[i]), float(total[i])) for i in order]


def _sum(columns: Mapping[str, Floats]) -> Floats:
    # In the order of the features: sums in another order differ in their last bits.
    total: Floats = np.sum([WEIGHTS[n] * column for n, column in columns.items()], axis=0)
    return total


def _codes(texts: Sequence[str]) -> tuple[list[str], Positions]:
    """The distinct ``texts``, sorted, and for each text its place among them."""
    distinct = sorted(set(texts))
    places = {text: place for place, text in enumerate(distinct)}
    return distinct, np.array([places[text] for text in texts], dtype=np.int64)


def written(value: Any) -> str | None:
    """The same text for values that a caller would call the same; None for nothing."""
    if value is None:
        return None
    number = _finite(value)
    # What is added makes nothing of minus nothing.
    return f"{number + 0.0:.9g}" if number is not None else encode(value)


def _finite(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, Fraction)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and abs(number) < 1e15 else None


def _counted(entries: Sequence[Rankable]) -> Counts:
    counting = Counting()
    for place, entry in enumerate(entries):
        counting.add_one(place, entry.evidence)
    return counting.counts()


__all__ = [
    "RUN",
    "WEIGHTS",
    "Rankable",
    "Ranking",
    "Wanted",
    "agreed",
    "method_of",
    "plausibility",
    "tokens_of",
    "weigh",
    "written",
]
