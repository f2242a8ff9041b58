"""When two problem texts are the same problem in slightly other words."""

from __future__ import annotations

import math
import re
import struct
from collections import Counter
from collections.abc import Mapping

import xxhash

from tracemine.schemas.ids import normalise_problem

#: Words in a shingle. Three keeps word order while a changed number costs few shingles.
SHINGLE_WORDS = 3
#: Problems at least this alike (Jaccard) are one. A problem of 45 words with three numbers changed
#: has about 0.65 and stays another problem; one with a comma or a word changed has 0.85 or more.
NEAR_DUPLICATE = 0.8

#: Scripts that put no space between words (Thai, Lao, Tibetan, Burmese, Khmer, kana, Chinese
#: characters): each of their characters is a word.
_UNSPACED = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")


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
    return _alike(_unpack(left), _unpack(right))


def _unpack(packed: bytes) -> set[int]:
    return set(struct.unpack(f"<{len(packed) // 4}I", packed))


def near_duplicate_classes(problems: Mapping[str, bytes]) -> dict[str, str]:
    """Problem id -> the least id among the problems that it is, directly or through others, a
    near-duplicate of. ``problems`` maps ids to `shingles`.

    Exact, by prefix filtering (Bayardo et al., *Scaling up all pairs similarity search*, 2007): two
    sets this alike share an element among the first few of each, in any one order of elements. In
    order of rarity these few are seldom shared by others ("how many are left" is in thousands of
    problems), and a problem is compared with a class only until it is found to be in it, so that
    cost grows little faster than the number of problems (`benchmarks/near_duplicates.py`).
    """
    least: dict[bytes, str] = {}
    for identifier in sorted(problems):
        least.setdefault(problems[identifier], identifier)
    sets = {identifier: _unpack(packed) for packed, identifier in least.items()}
    counts = Counter(element for elements in sets.values() for element in elements)
    classes = _Classes()
    # Element -> class -> the members of that class in whose prefix it is.
    holders: dict[int, dict[str, list[str]]] = {}
    # Smaller sets first: then a longer prefix is needed of neither.
    for identifier in sorted(sets, key=lambda i: (len(sets[i]), i)):
        ours = sets[identifier]
        classes.add(identifier)
        shared = sum(counts[element] > 1 for element in ours)
        if not shared or shared / len(ours) < NEAR_DUPLICATE:
            continue  # It has too much that no other has to be like any, or has nothing.
        ordered = sorted(ours, key=lambda element: (counts[element], element))
        prefix = ordered[: len(ordered) - math.ceil(NEAR_DUPLICATE * len(ordered)) + 1]
        compared: set[str] = set()
        for element in prefix:
            if counts[element] == 1:
                continue
            for name, members in list(holders.get(element, {}).items()):
                root = classes.root(name)
                if root != name:
                    _move(holders[element], name, root)
                if root == classes.root(identifier):
                    continue
                for member in members:
                    if member in compared:
                        continue
                    compared.add(member)
                    if _alike(ours, sets[member]):
                        classes.join(identifier, member)
                        break
            mine = holders.setdefault(element, {})
            mine.setdefault(classes.root(identifier), []).append(identifier)
    return {identifier: classes.root(least[problems[identifier]]) for identifier in problems}


def _alike(ours: set[int], theirs: set[int]) -> bool:
    small, large = sorted((len(ours), len(theirs)))
    if small < NEAR_DUPLICATE * large:
        return False
    shared = len(ours & theirs)
    return shared / (small + large - shared) >= NEAR_DUPLICATE


def _move(members: dict[str, list[str]], old: str, new: str) -> None:
    """Put the members of a class that has been joined to another with those of that one; the
    shorter list is copied."""
    left, right = members.pop(old), members.get(new, [])
    if len(left) < len(right):
        left, right = right, left
    left.extend(right)
    members[new] = left


class _Classes:
    """Disjoint classes of ids, each known by its least."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def add(self, identifier: str) -> None:
        self._parent[identifier] = identifier

    def root(self, identifier: str) -> str:
        parent = self._parent
        while parent[identifier] != identifier:
            parent[identifier] = parent[parent[identifier]]
            identifier = parent[identifier]
        return identifier

    def join(self, left: str, right: str) -> None:
        low, high = sorted((self.root(left), self.root(right)))
        self._parent[high] = low
