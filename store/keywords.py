"""Words beside vectors: how much of a query's rarer words an entry's text has.

A sentence embedding blurs words that matter ("fee", "equally", "several times as large"), so search
adds the TF-IDF cosine of query and entry (scikit-learn) to that of their vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

#: What a keyword cosine of 1 adds to a score. Over ten questions asked of a store of 1,471 entries
#: (benchmarks/questions.py), every weight from 0.2 to 0.5 finds a fitting entry in the first five
#: for eight, and none for seven; the least that does leaves most to the vectors.
WEIGHT = 0.25
#: Entries, nearest by vector, that words may lift.
POOL = 200


class Keywords:
    """TF-IDF over the texts of a store's entries."""

    def __init__(self, texts: Sequence[str]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._model: Any = TfidfVectorizer(stop_words="english", sublinear_tf=True)
        self._rows: Any = None
        try:
            self._rows = self._model.fit_transform(texts)
        except ValueError:
            # "empty vocabulary": no entry has a word that counts, so words decide nothing.
            return

    def scores(self, query: str, rows: Sequence[int]) -> list[float]:
        """The cosine, in [0, 1], of ``query`` with each of ``rows`` (positions of texts)."""
        if self._rows is None or not rows:
            return [0.0] * len(rows)
        found = self._rows[list(rows)] @ self._model.transform([query]).T
        # Rounded, so that the order in which a library adds does not decide between two entries.
        return [float(x) for x in np.round(np.asarray(found.todense()).ravel(), 6)]
