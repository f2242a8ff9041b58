import itertools
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.language.numerals import (
    MAX_DIGITS,
    NUMBER_WORDS,
    Numeral,
    find_numerals,
    parse_decimal,
)

_UNITS = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = [
    "", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
]  # fmt: skip


def _spelled(number: int, joint: str = " ", hyphen: str = "-") -> str:
    """``number`` as people write it; ``joint`` stands before its last two digits."""
    if number < 20:
        return _UNITS[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return _TENS[tens] + (hyphen + _UNITS[rest] if rest else "")
    size, name = next(
        (size, name)
        for size, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand"),
                           (100, "hundred"))
        if number >= size
    )  # fmt: skip
    count, rest = divmod(number, size)
    head = f"{_spelled(count, joint, hyphen)} {name}"
    if not rest:
        return head
    return head + (joint if rest < 100 else " ") + _spelled(rest, joint, hyphen)


def _stated(text: str) -> list[tuple[str, Fraction, str]]:
    return [(text[n.start : n.end], n.value, n.kind) for n in find_numerals(text)]


def _only(text: str) -> Numeral:
    (numeral,) = find_numerals(text)
    return numeral


@pytest.mark.parametrize(("joint", "hyphen"), [(" ", "-"), (" and ", "-"), (" ", " ")])
def test_a_number_in_words_reads_as_its_value(joint: str, hyphen: str) -> None:
    for number in (*range(1000), *range(1000, 1_000_000, 991), 999_999):
        text = f"There are {_spelled(number, joint, hyphen)} of them."
        stated = [(n.start, n.end, n.value, n.kind) for n in find_numerals(text)]
        assert stated == [(10, len(text) - len(" of them."), number, "plain")]


@given(
    st.integers(0, 10**12 - 1), st.sampled_from([" ", " and "]), st.sampled_from("- "),
    st.sampled_from([str, str.upper, str.title]),
)  # fmt: skip
def test_words_and_digits_say_the_same(number: int, joint: str, hyphen: str, case: object) -> None:
    assert callable(case)
    assert _only(case(_spelled(number, joint, hyphen))).value == number
    for text in (str(number), f"{number:,}", f"{number:,}.", f"({number})"):
        numeral = _only(text)
        assert (numeral.value, numeral.kind) == (number, "plain")


@given(st.lists(st.integers(1, 99), min_size=2, max_size=6), st.sampled_from([", ", "; ", ". "]))
def test_numbers_apart_stay_apart(numbers: list[int], apart: str) -> None:
    text = apart.join(map(_spelled, numbers))
    assert [n.value for n in find_numerals(text)] == numbers


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("ten five-dollar bills", [10, 5]),
        ("twelve two-litre jugs", [12, 2]),
        ("eleven twelve", [11, 12]),
        ("two three", [2, 3]),
        ("zero five", [0, 5]),
        ("twenty zero", [20, 0]),
        ("one hundred ten five", [110, 5]),
        ("two thousand three thousand", [2000, 3000]),
        ("one thousand two million", [1000, 2_000_000]),
        ("three and four", [3, 4]),
        ("fifty and sixty", [50, 60]),
        ("two - three", [2, 3]),
        ("two\n\n\nfive hundred", [2, 500]),
    ],
)
def test_one_number_ends_where_the_next_begins(text: str, values: list[int]) -> None:
    assert [n.value for n in find_numerals(text)] == values


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("$5", ("$5", 5, "money")),
        ("₹ 50", ("₹ 50", 50, "money")),
        ("¥300", ("¥300", 300, "money")),
        ("£ 1,250.50", ("£ 1,250.50", Fraction("1250.5"), "money")),
        (".75 of it", (".75", Fraction(3, 4), "plain")),
        ("$2.5 million", ("$2.5 million", 2_500_000, "money")),
        ("3 Hundred", ("3 Hundred", 300, "plain")),
        ("20%", ("20%", 20, "percent")),
        ("20\\%", ("20\\%", 20, "percent")),
        ("12.5 percent", ("12.5 percent", Fraction(25, 2), "percent")),
        ("8 per cent", ("8 per cent", 8, "percent")),
        ("8 percentage points", ("8", 8, "plain")),
        ("twenty percent", ("twenty", 20, "percent")),
        ("twenty per cent", ("twenty", 20, "percent")),
        ("twenty%", ("twenty", 20, "percent")),
        ("twenty percentage points", ("twenty", 20, "plain")),
        ("6.02 x 10^23", ("6.02 x 10^23", 602 * 10**21, "plain")),
        ("3 \\times 10^{-2}", ("3 \\times 10^{-2}", Fraction(3, 100), "plain")),
        ("3 × 10^−2", ("3 × 10^−2", Fraction(3, 100), "plain")),
        ("他有12本书", ("12", 12, "plain")),
        ("twice", ("twice", 2, "method")),
        ("Halved", ("Halved", 2, "method")),
        ("dozens", ("dozens", 12, "method")),
        ("12,34", ("12", 12, "plain")),
    ],
)
def test_how_a_number_is_stated(text: str, stated: tuple[str, Fraction, str]) -> None:
    assert _stated(text)[0] == stated


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_fraction_keeps_its_parts(top: int, bottom: int) -> None:
    numeral = _only(f"a share of {top}/{bottom}")
    assert numeral.value == Fraction(top, bottom)
    assert (numeral.kind, numeral.parts) == ("fraction", (top, bottom))
    apart = find_numerals(f"{top} / {bottom}", fractions=False)
    assert [(n.value, n.kind) for n in apart] == [(top, "plain"), (bottom, "plain")]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a third", (1, 3)), ("An eighth", (1, 8)), ("two-thirds", (2, 3)),
        ("nine tenths", (9, 10)), ("five twelfths", (5, 12)),
    ],
)  # fmt: skip
def test_a_fraction_in_words(text: str, parts: tuple[int, int]) -> None:
    numeral = _only(text)
    assert (numeral.value, numeral.kind) == (Fraction(*parts), "fraction")
    assert numeral.parts == parts
    assert text[numeral.start : numeral.end] == text


@pytest.mark.parametrize(
    "text",
    ["", "none", "x^2", "x^{12}", "B12", "hundred", "million", "someone often", "3/0", "²", "٣",
     "1" * (MAX_DIGITS + 1), "and and"],
)  # fmt: skip
def test_what_states_no_number(text: str) -> None:
    assert find_numerals(text) == []


@pytest.mark.parametrize("word", ["thou\u017fand", "m\u0131llion", "m\u0130llion", "b\u0131llion"])
def test_letters_that_only_fold_to_those_of_a_scale(word: str) -> None:
    assert _stated(f"5 {word}") == [("5", 5, "plain")]


_PIECES = st.sampled_from(
    [*sorted(NUMBER_WORDS), "a", "and", "third", "half", "percent", "%", "$", ",", ".", "/", "-",
     " ", "  ", "\n", "10^", "x", "×", "1", "23", "0", "456,789", "\u017f", "\u0131", "{", "}"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=30).map("".join) | st.text(max_size=60), st.booleans())
def test_any_text_is_read(text: str, fractions: bool) -> None:
    numerals = find_numerals(text, fractions=fractions)
    for one, other in itertools.pairwise(numerals):
        assert one.end <= other.start
    for numeral in numerals:
        assert 0 <= numeral.start < numeral.end <= len(text)
        assert text[numeral.start : numeral.end].strip()
        assert numeral.value >= 0
        assert fractions or numeral.kind != "fraction" or text[numeral.start].isalpha()
        if numeral.parts is not None:
            assert numeral.value == Fraction(*numeral.parts)


@pytest.mark.parametrize(
    "piece",
    ["1/{ones}.1 ", "1,111", "one hundred thousand ", "two and ", "1/1", "$ ", "one third "],
)
def test_the_time_grows_with_the_length_alone(piece: str) -> None:
    def cost(times: int) -> float:
        text = piece.format(ones="1" * times * 5) if "{" in piece else piece * times
        taken = []
        for _ in range(3):
            started = time.thread_time()
            find_numerals(text)
            taken.append(time.thread_time() - started)
        return min(taken)

    # Sixteen times the text takes 256 times as long where the time is quadratic.
    assert cost(6400) < 64 * cost(400) + 0.01


@given(st.integers(0, 10**20 - 1), st.integers(0, 999))
def test_a_decimal_is_exact(whole: int, decimals: int) -> None:
    assert parse_decimal(f"{whole:,}.{decimals:03}") == whole + Fraction(decimals, 1000)


@pytest.mark.parametrize("text", ["", ".", "1.2.3", "²", "٣", "x", "1" * 25, "1/0", "nan", "inf"])
def test_what_is_no_decimal(text: str) -> None:
    assert parse_decimal(text) is None
