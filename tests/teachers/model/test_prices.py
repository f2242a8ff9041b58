"""Price tables: ours is sound, a person's own goes before it, what is wrong in one is said in a
line."""

from __future__ import annotations

import datetime
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.model.prices import (
    PICODOLLARS,
    Price,
    PriceError,
    Prices,
    needed_price,
    parse_prices,
    price_of,
)

money = st.integers(0, 200_000_000).map(lambda millionths: millionths / 10**6)
tokens = st.integers(0, 10**9)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A person's table."""
    path = tmp_path / "own prices.toml"
    path.write_text(
        '["gpt-4.1"]\nprompt = 1\ncompletion = 2.5\nas_of = 2026-01-31\n'
        '["ours-*"]\nprompt = 0\ncompletion = 0\n'
        '["ours-big-*"]\nprompt = 3\ncompletion = 4\nsource = "a contract"\n'
        '["ours-big-1"]\nprompt = 5\ncompletion = 6\n',
        encoding="utf-8",
    )
    return path


def test_every_price_of_ours_has_a_date_and_a_source(repository: Path) -> None:
    text = (repository / "teachers/model/prices.toml").read_text(encoding="utf-8")
    table = parse_prices(text, "ours")
    assert len(table) >= 5
    for price in table.values():
        datetime.date.fromisoformat(price.as_of)
        assert price.source.startswith("https://")
        assert 0 < price.prompt <= price.completion


def test_a_known_model_has_a_price_also_by_its_dated_name() -> None:
    price = price_of("gpt-4.1")
    assert price is not None
    assert price_of("gpt-4.1-2025-04-14") == price
    assert price_of("gpt-4.1-mini") != price


@pytest.mark.parametrize(
    "model", ["", "GPT-4.1", "gpt-4.1-audio", "gpt-4.1-20250414", "/models/gpt-4.1", "gpt-4.1\n"]
)
def test_a_model_that_is_not_listed_has_no_price(model: str) -> None:
    assert price_of(model) is None


def test_ones_own_table_goes_before_ours(own: Path) -> None:
    assert price_of("gpt-4.1", own) == Price(1, 2.5, "2026-01-31", "")
    assert price_of("gpt-4.1-2025-04-14", str(own)) == Price(1, 2.5, "2026-01-31", "")
    assert price_of("gpt-4.1-mini", own) == price_of("gpt-4.1-mini")


def test_the_closest_name_goes_first(own: Path) -> None:
    prices = Prices.load(own)
    assert prices.price_of("ours-small") == Price(0, 0)
    assert prices.price_of("ours-big-2") == Price(3, 4, "", "a contract")
    assert prices.price_of("ours-big-1") == Price(5, 6)


@given(money, money, tokens, tokens)
def test_a_cost_is_what_arithmetic_says(
    prompt: float, completion: float, asked: int, answered: int
) -> None:
    price = Price(prompt, completion)
    each = [Fraction(round(amount * 10**6), 10**12) for amount in (prompt, completion)]
    exact = each[0] * asked + each[1] * answered
    assert price.picodollars(asked, answered) == exact * PICODOLLARS
    assert price.cost(asked, answered) == pytest.approx(float(exact))


def test_a_million_tokens_cost_their_price() -> None:
    assert Price(2.0, 8.0).cost(1_000_000, 0) == 2.0
    assert Price(2.0, 8.0).cost(0, 500_000) == 4.0


def test_an_unknown_model_is_told_what_to_write() -> None:
    with pytest.raises(PriceError, match=r'\["llama\?x"\] prompt = .*--prices') as caught:
        needed_price("llama\nx")
    assert "\n" not in str(caught.value)
    assert needed_price("gpt-4.1") == price_of("gpt-4.1")


def test_what_is_to_be_written_works(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text('["me/my model:7b"]\nprompt = 1\ncompletion = 2\n')
    assert needed_price("me/my model:7b", path) == Price(1, 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = = 1", "not valid TOML"),
        ("a = " + "[" * 5000, "not valid TOML"),
        ("m = 3", "'m' must be a table"),
        ("[m]\nprompt = 1", "completion must be dollars"),
        ("[m]\nprompt = -1\ncompletion = 1", "prompt must be dollars"),
        ("[m]\nprompt = nan\ncompletion = 1", "prompt must be dollars"),
        ("[m]\nprompt = inf\ncompletion = 1", "prompt must be dollars"),
        ("[m]\nprompt = true\ncompletion = 1", "prompt must be dollars"),
        ("[m]\nprompt = '1'\ncompletion = 1", "prompt must be dollars"),
        ("[m]\nprompt = 1e9\ncompletion = 1", "prompt must be dollars"),
        ("[m]\nprompt = 1\ncompletion = 1\ncached = 1", "'cached'"),
        ("[gpt-4.5]\nprompt = 1\ncompletion = 1", "needs quotes"),
        ("[m]\nprompt = 1\ncompletion = 1\nas_of = 3", "as_of must be text"),
        ("[m]\nprompt = 1\ncompletion = 1\nsource = []", "source must be text"),
    ],
)
def test_what_is_wrong_in_a_table_is_said(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(PriceError, match=said) as caught:
        price_of("m", path)
    assert "wrong.toml" in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    for path in (tmp_path / "none.toml", tmp_path, binary):
        with pytest.raises(PriceError, match=f"cannot read the prices in {path}"):
            price_of("m", path)


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8),
        st.one_of(st.integers(), st.dictionaries(st.sampled_from(["prompt", "x"]), money)),
        max_size=3,
    )
)
def test_any_table_is_read_or_refused(table: dict[str, Any]) -> None:
    lines = []
    for name, row in table.items():
        key = '"' + "".join(f"\\U{ord(c):08X}" for c in name) + '"'
        if isinstance(row, int):
            lines.insert(0, f"{key} = {row}")
        else:
            lines += [f"[{key}]", *(f"{k} = {v!r}" for k, v in row.items())]
    text = "\n".join(lines)
    assert tomllib.loads(text).keys() == table.keys()
    if table:
        with pytest.raises(PriceError):
            parse_prices(text, "t")
    else:
        assert parse_prices(text, "t") == {}
