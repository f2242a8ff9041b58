import keyword
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.mathematics.letters import (
    LENGTH,
    MAX_LETTERS,
    MAX_WORDS,
    letter_names,
)


@pytest.mark.parametrize(
    ("text", "letter", "name"),
    [
        ("We want the radius $r$ of the pond.", "r", "radius"),
        ("Let $q$ be the common ratio.", "q", "common_ratio"),
        ("\\(h\\) is the height.", "h", "height"),
        ("$k$ stands for the price of red jars, as said.", "k", "price_of_red_jars"),
        ("Where $v$, (in m/s) denotes its initial speed, we have", "v", "initial_speed"),
        ("with a growth rate of $g$ a year", "g", "growth_rate"),
        ("Its wavelength is \\(\\lambda\\), the wavelength $\\lambda$.", "lambda", "wavelength"),
        ("each tile width $w = 4$", "w", "tile_width"),
        ("the unpaid rent $u_{1}$ and", "u_1", "unpaid_rent"),
        ("$x$ is equal to the unpaid debt", "x", "unpaid_debt"),
    ],
)
def test_a_text_says_what_a_letter_is(text: str, letter: str, name: str) -> None:
    assert letter_names(text, ["Z_9", letter, "z"]) == {letter: name}


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("The angle $a$ is known.", "a"),
        ("Let $n$ be the number.", "n"),
        ("We plug in $x$ and see.", "x"),
        ("We divide by cost $y$ now.", "y"),
        ("", "r"),
    ],
)
def test_a_letter_that_no_text_names_has_no_name(text: str, letter: str) -> None:
    assert letter_names(text, [letter]) == {}


@pytest.mark.parametrize(
    ("text", "letter", "name"),
    [
        ("A circle has radius 4.", "r", "radius"),
        ("Its Common Ratio is 3.", "r", "common_ratio"),
        ("the radius, and the common ratio", "r", None),
        ("The inradius and the circumradius are 2 and 5.", "r", None),
        ("Based on the above we go on.", "b", None),
        ("We add it 5 times, and sometimes more.", "t", None),
        ("the perimeter and its side lengths", "s", None),
        ("after that time", "t", "time"),
    ],
)
def test_a_convention_is_believed_where_the_text_has_its_words(
    text: str, letter: str, name: str | None
) -> None:
    assert letter_names(text, [letter]).get(letter) == name


def test_what_the_text_says_goes_before_a_convention() -> None:
    assert letter_names("A radius of 3. Let $r$ be the interest rate.", ["r"]) == {
        "r": "interest_rate"
    }


def test_letters_that_name_themselves() -> None:
    letters = ["AB", "unit_price", "class", "ab", "x_1"]
    assert letter_names("", letters) == {
        "AB": LENGTH, "unit_price": "unit_price", "class": "class_value"
    }  # fmt: skip


def test_only_so_many_letters_are_looked_for() -> None:
    letters = [f"{a}{b}" for a in "ABCDEFGHIJ" for b in "ABCDEFGHIJ"]
    assert len(letter_names("", letters)) == MAX_LETTERS
    assert len(letter_names("", [*["AB"] * 500, "CD"])) == 2


_PIECES = st.sampled_from(
    ["$", "\\(", "\\)", "*", "r", "h", "AB", "\\lambda", "x_{1}", " is the ", " be a ", " of ",
     ", ", "the ", "radius ", "side-length ", "(in cm)", "=", ": ", "\n", "class ",
     "é", "{", "one "]
)  # fmt: skip


@given(
    st.lists(_PIECES, max_size=20).map("".join) | st.text(max_size=40),
    st.lists(
        st.sampled_from(["r", "h", "AB", "lambda", "x_1", "class", "naïve", "_", ""])
        | st.text(max_size=6),
        max_size=6,
    ),
)
def test_any_text_gives_names_that_code_can_have(text: str, letters: list[str]) -> None:
    named = letter_names(text, letters)
    assert set(named) <= set(letters)
    for name in named.values():
        assert name.isidentifier()
        assert not keyword.iskeyword(name)
        assert name == name.lower()
        assert name.count("_") <= MAX_WORDS


@pytest.mark.parametrize(
    "piece", ["$a$ {spaces}", "$a$ is equal{spaces}", "the a-", "$a$(", "$a_{{"]
)
def test_the_time_grows_with_the_length_alone(piece: str) -> None:
    def cost(times: int) -> float:
        text = piece.format(spaces=" " * times) if "spaces" in piece else piece * times
        taken = []
        for _ in range(3):
            started = time.thread_time()
            letter_names(text, ["a"])
            taken.append(time.thread_time() - started)
        return min(taken)

    # Sixteen times the text takes 256 times as long where the time is quadratic.
    assert cost(6400) < 64 * cost(400) + 0.01
