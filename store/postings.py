"""What the spans of each method say: the tokens (`ranking.tokens_of`) they have, and how often."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Short = npt.NDArray[np.int32]

#: How many of an entry's tokens are taken from all entries alike: few spans say little.
SMOOTHING = 100.0


@dataclass(frozen=True, slots=True)
class Counts:
    """How often the spans of each entry have a token: those of ``entries[i]`` have
    ``words[tokens[i]]`` ``numbers[i]`` times. All but ``words`` are (m,)."""

    entries: Short
    tokens: Short
    numbers: Short
    words: Sequence[str]


class Counting:
    """Makes `Counts`, from one part of the entries after another."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._parts: list[tuple[Short, Short, Short]] = []

    def add(self, entries: npt.NDArray[Any], evidence: pa.Array) -> None:
        """The ``evidence`` of ``entries``, both (n,): the column of that name, a list of token and
        count."""
        flat = pc.list_flatten(evidence)
        if not len(flat):
            return
        token = pc.struct_field(flat, "token").dictionary_encode()
        codes = [self._code(word) for word in token.dictionary.to_pylist()]
        self._parts.append(
            (
                entries[pc.list_parent_indices(evidence).to_numpy()].astype(np.int32),
                np.array(codes, dtype=np.int32)[token.indices.to_numpy()],
                pc.struct_field(flat, "count").to_numpy().astype(np.int32),
            )
        )

    def add_one(self, entry: int, evidence: Mapping[str, int]) -> None:
        """The evidence of one entry, by token."""
        codes = [self._code(word) for word in evidence]
        every = (np.full(len(codes), entry), codes, list(evidence.values()))
        entries, tokens, numbers = (np.asarray(part, dtype=np.int32) for part in every)
        self._parts.append((entries, tokens, numbers))

    def counts(self) -> Counts:
        """Of all that was added."""
        none = np.zeros(0, dtype=np.int32)
        columns = zip(*self._parts, strict=True) if self._parts else ((none,),) * 3
        entries, tokens, numbers = (np.concatenate(column) for column in columns)
        self._parts.clear()
        return Counts(entries, tokens, numbers, list(self._codes))

    def _code(self, word: str) -> int:
        return self._codes.setdefault(word, len(self._codes))


class Postings:
    """For each token which methods have it and how often, 8 bytes a pair.

    Args:
        methods: (n,) the method of each entry, in ``range(size)``.
        counts: of these entries.
    """

    def __init__(self, methods: Integers, size: int, counts: Counts) -> None:
        keys = counts.tokens.astype(np.int64) * max(1, size) + methods[counts.entries]
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        numbers = counts.numbers[order]
        summed = np.add.reduceat(numbers, first) if len(first) else numbers
        keys = keys[first]
        #: Token -> its number; the pairs of token n are those from ``starts[n]`` to the next.
        self._codes = {word: code for code, word in enumerate(counts.words)}
        self._starts = np.searchsorted(keys, np.arange(len(counts.words) + 1) * max(1, size))
        self._methods: Short = (keys % max(1, size)).astype(np.int32)
        self._numbers: Short = summed.astype(np.int32)
        totals = np.bincount(self._methods, weights=self._numbers, minlength=size)
        self._every = max(1.0, float(totals.sum()))
        #: What a token adds that a method's spans do not have.
        self._unsaid: Floats = np.log(SMOOTHING / (totals + SMOOTHING))

    def likelier(self, tokens: Iterable[str]) -> Floats:
        """How much likelier each method's spans (size,) make ``tokens`` than all spans do: the sum
        of logarithms (naive Bayes, smoothed towards all spans). Tokens that no span has say
        nothing."""
        total = np.zeros(len(self._unsaid))
        known = 0
        for token in tokens:
            code = self._codes.get(token)
            if code is None:
                continue
            known += 1
            here = slice(self._starts[code], self._starts[code + 1])
            share = float(self._numbers[here].sum()) / self._every
            total[self._methods[here]] += np.log1p(self._numbers[here] / (share * SMOOTHING))
        return total + known * self._unsaid


__all__ = ["Counting", "Counts", "Postings"]
