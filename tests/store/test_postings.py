"""What methods say, counted in columns, against counting it one by one."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas.arrow import TABLES
from tracemine.store.postings import SMOOTHING, Counting, Postings

WORDS = ("role total", "asked how", "asked é", "")
EVIDENCE = TABLES["procedures"].field("evidence").type
METHODS = 3

entries = st.lists(
    st.tuples(
        st.integers(0, METHODS - 1), st.dictionaries(st.sampled_from(WORDS), st.integers(1, 9))
    ),
    max_size=8,
)


@given(entries, st.lists(st.sampled_from((*WORDS, "asked nothing")), max_size=5), st.integers(1, 9))
def test_what_is_asked_is_likelier_by_naive_bayes(
    said: list[tuple[int, dict[str, int]]], asked: list[str], at_once: int
) -> None:
    of_methods: list[Counter[str]] = [Counter() for _ in range(METHODS)]
    for method, evidence in said:
        of_methods[method].update(evidence)
    every = sum(of_methods, Counter[str]())
    expected = [
        sum(
            math.log(
                (mine[word] * every.total() / every[word] + SMOOTHING) / (mine.total() + SMOOTHING)
            )
            for word in asked
            if every[word]
        )
        for mine in of_methods
    ]
    alone, together = Counting(), Counting()
    for place, (_, evidence) in enumerate(said):
        alone.add_one(place, evidence)
    # In parts, as a table is read, in whatever order they come.
    for start in reversed(range(0, len(said), at_once)):
        part = [
            [{"token": word, "count": number} for word, number in evidence.items()] or None
            for _, evidence in said[start : start + at_once]
        ]
        together.add(np.arange(start, start + len(part)), pa.array(part, type=EVIDENCE))
    methods = np.array([method for method, _ in said], dtype=np.int64)
    for counting in (alone, together):
        found = Postings(methods, METHODS, counting.counts()).likelier(asked)
        assert found.tolist() == pytest.approx(expected, abs=1e-9)
