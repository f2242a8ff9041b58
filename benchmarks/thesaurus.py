"""Synonyms that nobody here chose, for `benchmarks.cluster`: those of WordNet, if it is installed.

A word's synonym is the first other single word of its commonest sense, as WordNet orders senses and
words (the database files of WordNet 3.0, ``wndb(5WN)``). A dictionary knows nothing of the field: a
"number" is a "figure" to it and a "total" a "sum", but an "item" a "point" and "speed" a "rush".
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from benchmarks.planted import Pair, Strength
from tracemine.teachers.rules.language.words import STOP, is_plural, singular

#: Where Debian's package wordnet-base has it.
FOLDER = Path("/usr/share/wordnet")
_PARTS = ("noun", "verb", "adj", "adv")


def synonyms(folder: Path) -> dict[str, str]:
    """Word -> synonym, both of letters alone.

    Raises:
        OSError: if ``folder`` has no such files.
    """
    found: dict[str, tuple[int, str]] = {}
    for part in _PARTS:
        with (folder / f"data.{part}").open("rb") as data:
            for word, tagged, offset in _senses(folder / f"index.{part}"):
                data.seek(offset)
                other = _other(word, data.readline().decode("ascii"))
                # A word of several parts of speech is what texts use it as most.
                if other and tagged > found.get(word, (-1, ""))[0]:
                    found[word] = tagged, other
    return {word: other for word, (_, other) in found.items()}


def _senses(index: Path) -> Iterator[tuple[str, int, int]]:
    """Each word of letters, in how many senses it was met in texts, and where its first one is."""
    for line in index.read_text(encoding="ascii").splitlines():
        fields = line.split()
        if line.startswith(" ") or not fields[0].isalpha():
            continue
        pointers = int(fields[3])
        yield fields[0], int(fields[5 + pointers]), int(fields[6 + pointers])


def _other(word: str, line: str) -> str:
    fields = line.split()
    count = int(fields[3], 16)
    words = [fields[4 + 2 * place].lower() for place in range(count)]
    return next((w for w in words if w != word and w.isalpha()), "")


def strength(folder: Path = FOLDER) -> Strength:
    """Three in four words that have a synonym are changed, at least one."""
    known = synonyms(folder)

    def other(word: str) -> str:
        if word in STOP or len(word) < 3:
            return ""
        if word in known:
            return known[word]
        found = known.get(singular(word), "") if is_plural(word) else ""
        return f"{found}s" if found else ""

    def thesaurus(text: str, draw: random.Random) -> Pair | None:
        words = text.split(" ")
        changed = {word: other(word) for word in words if other(word)}
        places = [place for place, word in enumerate(words) if word in changed]
        if not places:
            return None
        for place in draw.sample(places, -(-3 * len(places) // 4)):
            words[place] = changed[words[place]]
        return (text, {}), (" ".join(words), changed)

    return thesaurus


__all__ = ["FOLDER", "strength", "synonyms"]
