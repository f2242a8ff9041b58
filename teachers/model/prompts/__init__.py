"""The texts that models are asked with, one file each: changed, they are another teacher.

    segment        the system's text for cutting a trace into spans; `example_math`, `example_code`
                   and `example_stem` are the worked examples of which it shows one
    piece          what is said around a problem and a window of its trace
    repair         what is said after an answer that cannot be read
    replay, carry  the system's text for carrying a routine out; what is said around a routine
    judge, pair    the system's text for comparing two results; what is said around them
    normalise, question
                   the system's text for the shape of a subquestion; what is said around it

A place to be filled is written ``[[name]]``. Text that others wrote goes only into places, never
into a format string, and is not looked through for places itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

PROMPTS = (
    "carry",
    "example_code",
    "example_math",
    "example_stem",
    "judge",
    "normalise",
    "pair",
    "piece",
    "question",
    "repair",
    "replay",
    "segment",
)

_PLACE = re.compile(r"\[\[([a-z_]+)\]\]")


@cache
def prompt(name: str) -> str:
    """The text of one of `PROMPTS`, without the white space around it."""
    return (files(__name__) / f"{name}.txt").read_text(encoding="utf-8").strip()


def fill(text: str, places: Mapping[str, str]) -> str:
    """``text`` with each place replaced, in one pass: what fills a place may look like a place.

    Raises:
        KeyError: for a place that ``places`` does not have.
    """
    return _PLACE.sub(lambda match: places[match[1]], text)


def places_of(text: str) -> frozenset[str]:
    """The names of the places in ``text``."""
    return frozenset(_PLACE.findall(text))


__all__ = ["PROMPTS", "fill", "places_of", "prompt"]
