"""When two problem texts are the same problem in slightly other words."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping

import xxhash

from tracemine.schemas.ids import normalise_problem

#: Words in a shingle. Three keeps word order while a changed number costs few shingles.
SHINGLE_WORDS = 3
#: Problems at least this alike (Jaccard) are one. A problem of 45 words with three numbers changed
#: has about 0.65 and stays another problem; one with a comma or a word changed has 0.85 or more.
NEAR_DUPLICATE = 0.8

_WORD = re.compile(r"\w+")


def shingles(problem: str) -> bytes:
    """The set of 32-bit hashes of a problem's word shingles, sorted and packed."""
    words = _WORD.findall(normalise_problem(problem))
    count = max(1, len(words) - SHINGLE_WORDS + 1)
    texts = {" ".join(words[i : i + SHINGLE_WORDS]) for i in range(count)}
    hashes = sorted({xxhash.xxh3_64_intdigest(t.encode()) & 0xFFFFFFFF for t in texts})
    return struct.pack(f"<{len(hashes)}I", *hashes)


def similarity(left: bytes, right: bytes) -> float:
    """Jaccard similarity of two results of `shingles`, in [0, 1]."""
    if left == right:
        return 1.0
    ours, theirs = _unpack(left), _unpack(right)
    return len(ours & theirs) / len(ours | theirs)


def near_duplicates(left: bytes, right: bytes) -> bool:
    """Whether two problems, by their `shingles`, count as one."""
    small, large = sorted((len(left), len(right)))
    if small < NEAR_DUPLICATE * large:
        return False
    return similarity(left, right) >= NEAR_DUPLICATE


def _unpack(packed: bytes) -> set[int]:
    return set(struct.unpack(f"<{len(packed) // 4}I", packed))


def near_duplicate_classes(problems: Mapping[str, bytes]) -> dict[str, str]:
    """Problem id -> the least id among the problems that it is, directly or through others, a
    near-duplicate of. ``problems`` maps ids to `shingles`. Exact, by prefix filtering (Bayardo et
    al., *Scaling up all pairs similarity search*, 2007): two sets this alike share an element
    among the first few of each."""
    parent = {identifier: identifier for identifier in problems}

    def root(identifier: str) -> str:
        while parent[identifier] != identifier:
            parent[identifier] = parent[parent[identifier]]
            identifier = parent[identifier]
        return identifier

    holders: dict[int, list[str]] = {}
    for identifier in sorted(problems):
        elements = sorted(_unpack(problems[identifier]))
        prefix = elements[: len(elements) - math.ceil(NEAR_DUPLICATE * len(elements)) + 1]
        seen: set[str] = set()
        for element in prefix:
            for other in holders.setdefault(element, []):
                if other not in seen:
                    seen.add(other)
                    if near_duplicates(problems[identifier], problems[other]):
                        low, high = sorted((root(identifier), root(other)))
                        parent[high] = low
            holders[element].append(identifier)
    return {identifier: root(identifier) for identifier in problems}
