"""Words beside vectors: how much of a query's rarer words an entry's text has.

A sentence embedding blurs words that matter ("fee", "equally", "several times as large"), so search
adds the TF-IDF cosine of query and entry (scikit-learn) to that of their vectors. On request it
ranks all entries by words, too (BM25, bm25s), and fuses both lists.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

#: What a keyword cosine of 1 adds to a score. Over ten questions asked of a store of 1,471 entries
#: (benchmarks/questions.py), every weight from 0.2 to 0.5 finds a fitting entry in the first five
#: for eight, and none for seven; the least that does leaves most to the vectors.
WEIGHT = 0.25
#: Entries, nearest by vector, that words may lift.
POOL = 200

#: Texts that say how rare words are: of more texts, as many evenly over all of them.
MOST_FITTED = 50_000

#: Ranks below which two lists are fused, each; and what is added to a rank, so that the first
#: places do not outweigh all else (Cormack, Clarke and Buettcher, SIGIR 2009, use 60).
FUSED_DEPTH, RANK_OFFSET = 200, 60

Scores = npt.NDArray[np.float32]


class Keywords:
    """TF-IDF over the ``texts`` of a store's entries."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._model, self._rows = _fitted(texts)
        self._texts: Callable[[Sequence[int]], Sequence[str]] | None = None

    @classmethod
    def of_many(cls, size: int, texts: Callable[[Sequence[int]], Sequence[str]]) -> Keywords:
        """Of ``size`` texts, of which ``texts`` gives those at some places: above `MOST_FITTED`
        some of them say how rare words are, and the others are read as they are needed."""
        if size <= MOST_FITTED:
            return cls(texts(range(size)))
        found = cls(texts([size * step // MOST_FITTED for step in range(MOST_FITTED)]))
        found._texts = texts
        return found

    def scores(self, query: str, rows: Sequence[int]) -> list[float]:
        """The cosine, in [0, 1], of ``query`` with each of ``rows`` (positions of texts)."""
        if self._rows is None or not len(rows):
            return [0.0] * len(rows)
        if self._texts is None:
            ours = self._rows[list(rows)]
        else:
            ours = self._model.transform(self._texts(list(rows)))
        found = ours @ self._model.transform([query]).T
        # Rounded, so that the order in which a library adds does not decide between two entries.
        return [float(x) for x in np.round(np.asarray(found.todense()).ravel(), 6)]


class Bm25:
    """BM25 over the texts of a store's entries, all of them in memory: about 0.4 kB each."""

    def __init__(self, texts: Sequence[str]) -> None:
        import bm25s

        self._size = len(texts)
        self._index: Any = None
        tokens = bm25s.tokenize(list(texts), stopwords="en", show_progress=False)
        if tokens.vocab:
            self._index = bm25s.BM25()
            self._index.index(tokens, show_progress=False)

    def scores(self, query: str) -> Scores:
        """The score of every text (n,) for ``query``, 0 where they share no word."""
        import bm25s

        words = bm25s.tokenize([query], stopwords="en", show_progress=False, return_ids=False)[0]
        if self._index is None or not words:
            return np.zeros(self._size, dtype=np.float32)
        # Rounded for the same reason as above.
        scores: Scores = np.asarray(self._index.get_scores(words), dtype=np.float32)
        return scores.round(5)


def fused(*lists: Sequence[int]) -> list[tuple[int, float]]:
    """Reciprocal rank fusion of several lists of places, best first: ``(place, score)``, best
    first; a place's score is the sum over lists of 1 / (`RANK_OFFSET` + its rank, from 1)."""
    scores: dict[int, float] = {}
    for ranked in lists:
        for rank, place in enumerate(ranked, 1):
            scores[place] = scores.get(place, 0.0) + 1 / (RANK_OFFSET + rank)
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))


def _fitted(texts: Sequence[str]) -> tuple[Any, Any]:
    """The model, and the rows of ``texts``; None for these if no text has a word that counts."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    model: Any = TfidfVectorizer(stop_words="english", sublinear_tf=True)
    try:
        return model, model.fit_transform(texts)
    except ValueError:
        return model, None  # "empty vocabulary": words decide nothing.


__all__ = ["FUSED_DEPTH", "POOL", "WEIGHT", "Bm25", "Keywords", "fused"]
