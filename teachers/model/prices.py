"""What tokens cost: a TOML table of models and prices, ours and a person's own before it.

    ["our-model-*"]
    prompt = 0.40
    completion = 1.60
    as_of = "2026-06-21"                  # these two may be left out
    source = "https://..."

A table's name is a model, or a pattern of models in which ``*`` stands for any text and ``?`` for
one character. Prices are dollars per million tokens.
"""

from __future__ import annotations

import datetime
import fnmatch
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

#: Prices are per so many tokens.
TOKENS = 1_000_000
#: Money is added up in whole picodollars: sums of floats depend on their order, and a price of six
#: decimals per million tokens is a whole number of these per token.
PICODOLLARS = 10**12
#: No price per million tokens is near this: a larger one is a slip, e.g. a price per thousand
#: turned the wrong way.
DEAREST = 100_000.0

_OURS = "prices.toml"
#: How the name of a version of a model ends.
_DATE = re.compile(r"-20[0-9]{2}-[0-9]{2}-[0-9]{2}\Z")
_KEYS = frozenset({"prompt", "completion", "as_of", "source"})


class PriceError(ValueError):
    """A price table that cannot be read, or a model without a price where one is needed. One line
    that says what to write. Not for a model that is merely unknown: that is None."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a model's tokens cost.

    Attributes:
        prompt: dollars per million tokens of a prompt; discounts for cached ones are not counted.
        completion: dollars per million tokens of an answer, thinking included.
        as_of: the date of the price, ISO 8601, or empty.
        source: where it was read.
    """

    prompt: float
    completion: float
    as_of: str = ""
    source: str = ""

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Dollars."""
        return self.picodollars(prompt_tokens, completion_tokens) / PICODOLLARS

    def picodollars(self, prompt_tokens: int, completion_tokens: int) -> int:
        """The cost as a whole number, which adds up the same in any order."""
        each = PICODOLLARS // TOKENS
        return prompt_tokens * round(self.prompt * each) + completion_tokens * round(
            self.completion * each
        )


@dataclass(frozen=True, slots=True)
class Prices:
    """Tables of prices, the first asked first."""

    tables: tuple[Mapping[str, Price], ...]

    @classmethod
    def load(cls, path: str | Path | None = None) -> Prices:
        """Our table, after the one at ``path`` if one is given.

        Raises:
            PriceError: if the file cannot be read or has something else in it.
        """
        ours = resources.files("tracemine.teachers.model").joinpath(_OURS)
        tables = [parse_prices(ours.read_text(encoding="utf-8"), _OURS)]
        if path is not None:
            try:
                text = Path(path).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                said = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
                raise PriceError(f"cannot read the prices in {path}: {said}") from error
            tables.insert(0, parse_prices(text, str(path)))
        return cls(tuple(tables))

    def price_of(self, model: str) -> Price | None:
        """The price of ``model``, None if no table has one. Within a table the model's own name
        goes before patterns, a longer pattern before a shorter; a dated version that nothing fits
        (``gpt-4.1-2025-04-14``) has the price of the undated name."""
        names = (model, _DATE.sub("", model))
        found = (_find(table, name) for table in self.tables for name in names)
        return next((price for price in found if price is not None), None)


def price_of(model: str, path: str | Path | None = None) -> Price | None:
    """The price of ``model`` in the table at ``path`` or, failing that, in ours; None if unknown.

    Raises:
        PriceError: if the file cannot be read or has something else in it.
    """
    return Prices.load(path).price_of(model)


def needed_price(model: str, path: str | Path | None = None) -> Price:
    """The price of ``model``, for a run that must not cost more than it may.

    Raises:
        PriceError: if there is none, saying what to write; or if the file cannot be read.
    """
    price = price_of(model, path)
    if price is None:
        name = "".join(c if c.isprintable() and c not in '"\\' else "?" for c in model)
        raise PriceError(
            f"the price of the model {name} is not known: write "
            f'["{name}"] prompt = DOLLARS completion = DOLLARS (per million tokens, one a line) '
            "into a file and give it as --prices FILE"
        )
    return price


def _find(table: Mapping[str, Price], model: str) -> Price | None:
    if model in table:
        return table[model]
    fitting = [name for name in table if fnmatch.fnmatchcase(model, name)]
    return table[max(fitting, key=lambda name: (len(name), name))] if fitting else None


def parse_prices(text: str, where: str) -> dict[str, Price]:
    """The prices of a TOML table by model or pattern; ``where`` is named in errors.

    Raises:
        PriceError: naming the model and the key.
    """
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PriceError(f"{where} is not valid TOML: {error}") from error
    return {model: _price(row, f"{where}: {model!r}") for model, row in raw.items()}


def _price(row: Any, where: str) -> Price:
    if not isinstance(row, dict):
        raise PriceError(f'{where} must be a table: ["MODEL"] with prompt and completion below it')
    wrong = sorted(row.keys() - _KEYS)
    if wrong:
        raise PriceError(
            f"{where} has the key {wrong[0]!r}: only prompt, completion, as_of and source are known"
            " (a model's name with a dot needs quotes)"
        )
    return Price(
        prompt=_dollars(row, "prompt", where),
        completion=_dollars(row, "completion", where),
        as_of=_said(row, "as_of", where),
        source=_said(row, "source", where),
    )


def _dollars(row: Mapping[str, Any], key: str, where: str) -> float:
    value: Any = row.get(key)
    # NaN is in no range.
    if type(value) in (int, float) and 0 <= value <= DEAREST:
        return float(value)
    raise PriceError(f"{where}: {key} must be dollars per million tokens, not {value!r}")


def _said(row: Mapping[str, Any], key: str, where: str) -> str:
    value = row.get(key, "")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if not isinstance(value, str):
        raise PriceError(f"{where}: {key} must be text, not {value!r}")
    return value


__all__ = [
    "PICODOLLARS",
    "TOKENS",
    "Price",
    "PriceError",
    "Prices",
    "needed_price",
    "parse_prices",
    "price_of",
]
