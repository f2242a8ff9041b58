"""Ids: xxh3-128 of a canonical form, in hexadecimal. Never random, never positional."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import xxhash

from tracemine.schemas.values import dump_json

_SPACE = re.compile(r"\s+")


def content_id(*parts: Any) -> str:
    """The id of a record: 32 hexadecimal digits over the canonical JSON of ``parts``, which are
    text, numbers, None, or lists and dicts of these."""
    text = dump_json(parts)
    return xxhash.xxh3_128_hexdigest(text.encode("utf-8", "surrogatepass"))


def normalise_problem(problem: str) -> str:
    """The text of a problem that its id is taken from: NFKC, lower case, single spaces."""
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", problem)).strip().lower()


def problem_id(problem: str) -> str:
    """The id of a problem; equal for texts that differ in case, spacing or compatibility forms."""
    return content_id("problem", normalise_problem(problem))


def fraction_of(identifier: str) -> float:
    """A number in [0, 1) that depends on ``identifier`` alone: for shares taken by hash."""
    return int(content_id("fraction", identifier)[:13], 16) / 16**13
