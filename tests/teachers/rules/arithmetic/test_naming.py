import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.arithmetic.naming import (
    WINDOW,
    Called,
    call,
    detail_beside,
    noun_before,
    question_words,
    result_words,
)
from tracemine.teachers.rules.language.words import identifier


def _call(text: str, number: str) -> Called:
    start = text.index(number)
    return call(text, start, start + len(number))


@pytest.mark.parametrize(
    ("text", "number", "words", "unit"),
    [
        ("She has 5 red marbles.", "5", "red marbles", None),
        ("3 more apples", "3", "more apples", None),
        ("Ana ran 5 times", "5", "times", None),
        ("a fence is 4 feet wide", "4", "width", "foot"),
        ("3 cups of the flour", "3", "cups of flour", "cup"),
        ("The length is 7", "7", "length", None),
        ("with length 7", "7", "length", None),
        ("each box holds 12 pens", "12", "pens per box", None),
        ("He drives 60 miles per hour", "60", "miles per hour", "mile/hour"),
        ("at 60 km/h", "60", "kilometers per hour", "kilometer/hour"),
        ("12 eggs/day", "12", "eggs per day", None),
        ("runs for 3 hours a day", "3", "hours per day", "hour/day"),
        ("a 20% discount", "20%", "discount percent", "percent"),
        ("20 percent of the students", "20 percent", "percent of students", "percent"),
        ("it grew by 8%", "8%", "increase percent", "percent"),
        ("5 per cent", "5 per cent", "percent", "percent"),
        ("it costs $5 each", "$5", "price each", "dollar"),
        ("The price is $3.50 per pound", "$3.50", "price per pound", "dollar/pound"),
        ("He earns $20 an hour", "$20", "earnings per hour", "dollar/hour"),
        ("She spends $10", "$10", "spending", "dollar"),
        ("$5", "$5", "dollars", "dollar"),
        ("the formula $3y", "$3", "", None),
        ("She gave 5 Mr. Lee", "5", "", None),
        ("5", "5", "", None),
        ("3 's", "3", "", None),
        ("4 jalapeños each", "4", "", None),
        ("4 \ufb01gs", "4", "", None),
    ],
)
def test_what_a_number_is_called(text: str, number: str, words: str, unit: str | None) -> None:
    assert _call(text, number) == Called(tuple(words.split()), unit)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("the cost of the house is ", "cost of house"),
        ("the total price of her house = ", "total price of house"),
        ("The area of the roof: ", "area of roof"),
        ("The shirts cost ", ""),
        ("radius $", "radius"),
        ("a book ", ""),
        ("Ana's ", ""),
        ("x = 5, so the width is ", "width"),
        ("is ", ""),
        ("", ""),
    ],
)
def test_the_noun_before_a_number(text: str, words: str) -> None:
    assert noun_before(text + "5", len(text)) == tuple(words.split())


@pytest.mark.parametrize(
    ("text", "words", "symbol"),
    [
        ("The number of stamps is [11 + 9] = {20}.", "stamps", "+"),
        ("She has [20 - 5] = {15} eggs left.", "remaining eggs", "-"),
        ("In total there are [20 + 5] = {25} eggs.", "total eggs", "+"),
        ("She has [20 * 5] = {100} eggs left.", "eggs", "*"),
        ("2 hours is [2 * 60] = {120} minutes", "minutes", "*"),
        ("The total cost is [5 * 3] = ${15}", "total cost", "*"),
        ("The total cost of the trip is [5 * 3] = ${15}", "total cost of trip", "*"),
        ("He earns [5 * 3] = ${15}", "earnings", "*"),
        ("Her average score is [30 / 3] = {10}", "average score", "/"),
        ("Each gets [12 / 4] = {3} cookies each", "cookies each", "/"),
        ("[5 + 3] = {8}", "", "+"),
        ("F = [2 * 3] = {6}", "", "*"),
    ],
)
def test_what_a_result_is_called(text: str, words: str, symbol: str) -> None:
    start, result = text.index("["), text.index("{") - 2
    end = text.index("}") - 3
    plain = text.translate(dict.fromkeys(map(ord, "[]{}")))
    assert result_words(plain, start, result, end, symbol) == tuple(words.split())


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("How many eggs does she sell?", "eggs"),
        ("How many apples are left?", "remaining apples"),
        ("How many apples do they have in all?", "total apples"),
        ("How much does he earn per day?", "earnings"),
        ("How much money does she save?", "savings"),
        ("How many dollars are left?", "remaining dollars"),
        ("What is the total cost of the trip?", "total cost of trip"),
        ("What percent of students passed?", "percent students"),
        ("What is 5? How many cats are there?", "cats"),
        ("How many?", ""),
        ("What is it?", ""),
        ("She sells eggs.", ""),
        ("", ""),
    ],
)
def test_what_a_question_asks_for(question: str, words: str) -> None:
    assert question_words(question) == tuple(words.split())


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("She ate 5 eggs", "eaten"),
        ("He sold 5 in May", "sold"),  # The verb goes before the month.
        ("with 5 in May", "may"),
        ("and 5 on Monday", "monday"),
        ("5 eggs", ""),
        ("He ate. With 5 eggs", ""),
    ],
)
def test_what_tells_a_number_from_its_like(text: str, detail: str) -> None:
    at = text.index("5")
    assert detail_beside(text, at, at + 1) == detail


def test_words_further_than_the_window_say_nothing() -> None:
    assert _call("5 " + " " * WINDOW + "eggs", "5").words == ()
    assert noun_before("radius is" + " " * WINDOW + "5", 9 + WINDOW) == ()


_PIECES = st.sampled_from(
    ["how many ", "what percent ", "left ", "each ", "per ", "an hour", "$", "%", "\\", " of ",
     "the ", "cost", "is ", "= ", "5", "eggs", "km/h", "/", "'s ", "’", "Ana ", "ate ", "May ", "é",
     "\ufb01", "A", "\n", ". ", ", ", "(", "x", "cents", "dollars", "more ", "times", "°C", "-"]
)  # fmt: skip
_TEXTS = st.lists(_PIECES, max_size=25).map("".join) | st.text(max_size=50)


@given(_TEXTS, _TEXTS, st.sampled_from(["5", "$5", "\\$2.50", "5%", "5 percent", "é", ""]))
def test_any_text_gives_words(before: str, after: str, number: str) -> None:
    text = f"{before}{number}{after}"
    start, end = len(before), len(before) + len(number)
    found = call(text, start, end)
    named = [
        found.words,
        noun_before(text, start),
        question_words(text),
        (detail_beside(text, start, end),),
        *(result_words(text, 0, start, end, s, frozenset({"Ana"})) for s in "+-*/"),
    ]
    for words in named:
        assert identifier(words).isidentifier() or not identifier(words)
        assert all(word == word.lower() and " " not in word for word in words)
    if found.unit is not None:
        assert found.unit


_SIGNED = [("$", "dollar"), ("€", "euro"), ("£", "sterling"), ("₹", "rupee"), ("¥", "yen")]


@pytest.mark.parametrize(("sign", "currency"), _SIGNED)
def test_a_sign_says_the_currency_of_a_number(sign: str, currency: str) -> None:
    assert _call(f"a pen costs {sign}4 here", f"{sign}4") == Called(("pen", "price"), currency)
    # The sign may be left outside of the number, as it is of one in a calculation.
    assert _call(f"a pen costs {sign}4 here", "4").unit == currency
    assert _call(f"tea at {sign}4 per cup", f"{sign}4").unit == f"{currency}/cup"
    assert _call(f"tea at {sign}4/kg", f"{sign}4").unit == f"{currency}/kilogram"
    assert _call(f"Ann has {sign}9.", f"{sign}9").words == (f"{currency}s".replace("yens", "yen"),)
    # What stands before the sign is no part of what is said of another number.
    assert _call(f"8 or {sign}9", "8").unit is None


@pytest.mark.parametrize(("sign", "currency"), _SIGNED[1:])
@pytest.mark.parametrize("space", ["", " "])
def test_a_sign_may_stand_behind_its_number(sign: str, currency: str, space: str) -> None:
    assert _call(f"a pen costs 4{space}{sign}.", "4") == Called(("pen", "price"), currency)
    assert _call(f"he earns 4{space}{sign} per hour", "4").unit == f"{currency}/hour"
    # But not one that stands before the next.
    assert _call(f"4{space}{sign}9", "4").unit is None


def test_a_dollar_behind_a_number_closes_a_formula() -> None:
    assert _call("so $x = 4$ pens", "4").unit is None


@pytest.mark.parametrize(
    ("word", "unit"), [("euros", "euro"), ("euro", "euro"), ("rupees", "rupee"), ("yen", "yen")]
)
def test_a_currency_in_words_is_money_and_no_thing(word: str, unit: str) -> None:
    assert _call(f"a pen costs 4 {word}", "4") == Called(("pen", "price"), unit)
    assert _call(f"he earns 4 {word} an hour", "4").unit == f"{unit}/hour"


def test_pounds_are_a_weight_without_their_sign() -> None:
    assert _call("he buys 4 pounds", "4").unit == "pound"
    assert _call("flour at £4 per pound", "£4").unit == "sterling/pound"


@pytest.mark.parametrize(("sign", "currency"), _SIGNED)
def test_a_result_with_a_sign_has_no_name_from_what_follows(sign: str, currency: str) -> None:
    text = f"The bill is 2 * 4 = {sign}8 pens"
    start = text.index("8")
    assert result_words(text, text.index("2"), start, start + 1, "*") == ("bill",)
    bare = text.replace(sign, "").replace("The bill is ", "")
    assert result_words(bare, 0, bare.index("8"), bare.index("8") + 1, "*") == ("pens",)
