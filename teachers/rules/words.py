"""What a text calls its quantities: names for parameters and outputs, units, subquestions.

No tagger and no model: closed lists of function words and common verbs, plural endings, and what
word problems always say the same way ("per", "each", "costs", "percent of"). Where these do not
settle a name there is none, and the caller falls back to a plain one.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tracemine.teachers.rules.numerals import find_numerals, word_set

#: How far, in characters, the words of a quantity may be from its number.
WINDOW = 90
#: Most words in a name.
MAX_WORDS = 4

_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?")

#: Text that pint parses ("dollar" and "cent" are this project's own, see `schemas`).
UNITS = {
    "$": "dollar", "dollar": "dollar", "dollars": "dollar", "buck": "dollar", "bucks": "dollar",
    "cent": "cent", "cents": "cent", "percent": "percent",
    "second": "second", "seconds": "second", "sec": "second", "secs": "second",
    "minute": "minute", "minutes": "minute", "min": "minute", "mins": "minute",
    "hour": "hour", "hours": "hour", "hr": "hour", "hrs": "hour", "day": "day", "days": "day",
    "week": "week", "weeks": "week", "month": "month", "months": "month", "year": "year",
    "years": "year",
    "mile": "mile", "miles": "mile", "km": "kilometer", "kilometer": "kilometer",
    "kilometers": "kilometer", "kilometre": "kilometer", "kilometres": "kilometer",
    "meter": "meter", "meters": "meter", "metre": "meter", "metres": "meter", "m": "meter",
    "cm": "centimeter", "centimeter": "centimeter", "centimeters": "centimeter",
    "centimetres": "centimeter", "mm": "millimeter", "millimeters": "millimeter",
    "foot": "foot", "feet": "foot", "ft": "foot", "inch": "inch", "inches": "inch",
    "yard": "yard", "yards": "yard", "acre": "acre", "acres": "acre",
    "gram": "gram", "grams": "gram", "g": "gram", "kg": "kilogram", "kilogram": "kilogram",
    "kilograms": "kilogram", "kilo": "kilogram", "kilos": "kilogram", "mg": "milligram",
    "pound": "pound", "pounds": "pound", "lb": "pound", "lbs": "pound", "ounce": "ounce",
    "ounces": "ounce", "oz": "ounce", "ton": "ton", "tons": "ton",
    "liter": "liter", "liters": "liter", "litre": "liter", "litres": "liter", "ml": "milliliter",
    "milliliters": "milliliter", "gallon": "gallon", "gallons": "gallon", "quart": "quart",
    "quarts": "quart", "pint": "pint", "pints": "pint", "cup": "cup", "cups": "cup",
    "tablespoon": "tablespoon", "tablespoons": "tablespoon", "teaspoon": "teaspoon",
    "teaspoons": "teaspoon", "degree": "degree", "degrees": "degree", "mph": "mile/hour",
    "mb": "megabyte", "megabyte": "megabyte", "megabytes": "megabyte", "gb": "gigabyte",
    "gigabytes": "gigabyte", "calorie": "calorie", "calories": "calorie",
}  # fmt: skip
_ABBREVIATIONS = {
    "km": "kilometers", "m": "meters", "cm": "centimeters", "mm": "millimeters", "ft": "feet",
    "g": "grams", "kg": "kilograms", "mg": "milligrams", "lb": "pounds", "lbs": "pounds",
    "oz": "ounces", "ml": "milliliters", "hr": "hours", "hrs": "hours", "min": "minutes",
    "mins": "minutes", "sec": "seconds", "secs": "seconds", "mph": "miles_per_hour",
    "mb": "megabytes", "gb": "gigabytes",
}  # fmt: skip
#: Units of time that "a" and "an" make a rate of: "dollars an hour".
_TIMES = word_set(
    "second minute hour day night morning evening afternoon week weekend weekday month year "
    "semester season quarter shift lesson trip game"
)
#: What holds or measures something else, so that "of what" belongs to its name.
_MEASURES = word_set(
    "packs pack packages package boxes box bags bag cups cup slices slice bottles bottle pieces "
    "piece pounds pound kilograms ounces grams liters gallons cans can jars jar bunches sets set "
    "rows row sheets sheet gallon pints quarts tablespoons teaspoons loads load cartons carton "
    "types kinds cases crates bowls glasses tons bars rolls pairs number amount"
)
_IRREGULAR_PLURALS = word_set(
    "people children men women feet geese mice teeth sheep fish deer dice police cattle"
)
_NOT_PLURAL = word_set(
    "less pass glass class gas bus plus this is has was his its as us yes across grass dress "
    "address business mass loss boss cross press princess bonus minus series previous various "
    "always perhaps news tennis chess bass express total process always besides whereas thus "
    "others sales delicious gross"
)
_STOP = word_set(
    """
    a an the this that these those some any no each every all both either neither another such its
    his her their our my your whose which what who whom he she it they we i you him them us me
    himself herself itself themselves one ones other others
    of in on at by for to from with without into onto over under between among through during
    before after until till since within against about above below up down out off around as than
    like per via toward towards upon across along behind beside near plus minus times
    and or but nor so yet if then because while when where whereas although though unless once
    how why not only also too very just still already again there here now today tomorrow
    yesterday ago later soon together apart altogether respectively instead however therefore
    thus hence currently originally actually really ever never always often usually
    is are was were be been being am has have had having do does did done doing can could will
    would shall should may might must isn't aren't don't doesn't didn't
    get gets got getting give gives gave given giving take takes took taken taking make makes made
    making use uses used using need needs needed want wants wanted buy buys bought buying sell
    sells sold selling eat eats ate eaten eating go goes went gone going come comes came coming
    leave leaves pay pays paid paying earn earns earned earning spend spends spent
    spending cost costs costing keep keeps kept put puts putting lose loses lost find finds found
    bring brings brought say says said tell tells told know knows knew think thinks thought see
    sees saw run runs ran walk walks walked drive drives drove work works worked read reads
    receive receives received collect collects collected bake bakes baked
    baking cook cooks cooked drink drinks drank fill fills filled hold holds held add adds added
    start starts started begin begins began finish finishes finished weigh weighs weighed plant
    plants planted pick picks picked send sends sent throw throws threw write writes wrote wrote
    produce produces produced contain contains contained include includes included require requires
    required equal equals equaled gain gains gained save saves saved live lives lived play plays
    played grow grows grew become becomes became show shows showed attend attends attended decide
    decides decided order orders ordered visit visits visited travel travels traveled travelled
    share shares shared split splits divide divides divided multiply multiplied subtract subtracted
    increase increases increased decrease decreases decreased reach reaches reached return returns
    returned let lets solve calculate find first second third next last finally
    more fewer less additional extra
    """
)
_VERB_FORMS = word_set("left remaining")
_CALENDAR = word_set(
    "january february march april may june july august september october november december monday "
    "tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays "
    "fridays saturdays sundays christmas easter halloween thanksgiving english french spanish "
    "german american"
)
_CLAUSE_END = re.compile(r"[.;:!?()\[\]{}\n=<>*+/×÷\\|]|\$|\d|,\s|\s[-–−]\s")
_LEFTOVER = re.compile(r"[^A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Called:
    """What the text calls a number: words of a name (none if it does not say), and a unit."""

    words: tuple[str, ...]
    unit: str | None = None


def identifier(words: Iterable[str]) -> str:
    """A snake_case name of letters alone, at most `MAX_WORDS` words; empty if nothing is left."""
    parts: list[str] = []
    for word in words:
        for part in _LEFTOVER.split(word.lower().replace("'s", "").replace("’s", "")):
            if part and part.isascii() and part not in parts[-1:]:
                parts.append(part)
    name = "_".join(parts[:MAX_WORDS])
    return f"{name}_value" if keyword.iskeyword(name) or keyword.issoftkeyword(name) else name


def is_plural(word: str) -> bool:
    """Whether ``word`` looks like a noun in the plural."""
    word = word.lower()
    if word in _IRREGULAR_PLURALS:
        return True
    if word in _NOT_PLURAL or word.endswith(("ss", "us", "is", "'s", "’s")):
        return False
    return len(word) > 3 and word.endswith("s")


def singular(word: str) -> str:
    """The singular of a regular plural."""
    if not is_plural(word) or word in _IRREGULAR_PLURALS:
        return {"people": "person", "children": "child", "feet": "foot"}.get(word, word)
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    return word[:-1]


def _clause_after(text: str, end: int) -> str:
    window = text[end : end + WINDOW]
    stop = _CLAUSE_END.search(window, 0)
    return window[: stop.start()] if stop else window


def _clause_before(text: str, start: int) -> str:
    window = text[max(0, start - WINDOW) : start]
    last = 0
    for match in _CLAUSE_END.finditer(window):
        last = match.end()
    return window[last:]


# --- the words of one number ------------------------------------------------------------------


def call(text: str, start: int, end: int) -> Called:
    """What ``text`` calls the number at ``text[start:end]`` (its sign and percent sign included):
    the noun after it with what it is per, else the noun before it."""
    stated = text[start:end]
    if "%" in stated or "percent" in stated.lower() or "per cent" in stated.lower():
        return Called(_percent_words(text, start, end), "percent")
    if stated.startswith(("$", "\\$")) or _follows_dollar(text, start):
        return _money(text, start, end)
    after = _after(text, end)
    if after.words:
        per = after.per or _per_before(text, start)
        words, unit = after.words, after.unit
        if words in (("dollars",), ("dollar",), ("cents",)) and not per:
            named = _money_words(text, start, end)
            return Called(named if named != ("dollars",) else words, unit)
        if per:
            words = (*words[-2:], "per", per)
            divisor = UNITS.get(per)
            unit = f"{unit}/{divisor}" if unit and divisor and "/" not in unit else unit
        return Called(words, unit)
    return Called(noun_before(text, start), None)


def _follows_dollar(text: str, start: int) -> bool:
    return text[max(0, start - 1) : start] == "$"


@dataclass(frozen=True, slots=True)
class _After:
    words: tuple[str, ...] = ()
    unit: str | None = None
    per: str | None = None


_DIMENSIONS = {
    "wide": "width", "long": "length", "tall": "height", "high": "height", "deep": "depth",
    "thick": "thickness", "old": "age", "away": "distance", "apart": "distance",
}  # fmt: skip
_MORE = {
    "more": "more", "additional": "additional", "extra": "extra", "other": "other",
    "fewer": "fewer", "less": "fewer", "new": "new", "different": "different",
}  # fmt: skip
_RATE_WORDS = ("per", "each", "every")
#: After these a noun that ends in no plural "s" is not taken further than one word.
_ADVERB = re.compile(r"\w+ly$")


def _after(text: str, end: int) -> _After:
    clause = _clause_after(text, end)
    tokens = [match.group() for match in _WORD.finditer(clause)]
    if not tokens:
        return _After()
    words, used = _noun(tokens)
    if not words:
        return _After()
    unit = UNITS.get(words[-1])
    rest = tokens[used:]
    if rest and unit is not None and rest[0].lower() in _DIMENSIONS:
        return _After((_DIMENSIONS[rest[0].lower()],), unit)
    if words[-1] in _ABBREVIATIONS:
        words = (*words[:-1], *_ABBREVIATIONS[words[-1]].split("_"))
    if len(rest) > 1 and rest[0].lower() == "of" and words[-1] in _MEASURES:
        inner, inner_used = _noun(_without_determiner(rest[1:]))
        if inner:
            words = (*words[-1:], "of", *inner[-2:])
            rest = _without_determiner(rest[1:])[inner_used:]
    return _After(words, unit, _per(rest) or _per_slash(text, end, clause))


def _without_determiner(tokens: list[str]) -> list[str]:
    determiners = ("the", "a", "an", "his", "her", "their", "its", "my", "your", "our")
    return tokens[1:] if tokens and tokens[0].lower() in determiners else tokens


def _noun(tokens: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """The noun phrase that ``tokens`` begin with, and how many of them it takes."""
    words: list[str] = []
    modifier: list[str] = []
    used = 0
    for index, token in enumerate(tokens[:6]):
        lower = token.lower().replace("’", "'")
        if index == 0 and lower in _MORE:
            modifier = [_MORE[lower]]
            continue
        if index == 0 and lower == "times":
            return ("times",), 1
        if lower in _STOP or lower in _VERB_FORMS or "'" in lower:
            break
        if token[0].isupper() and (index > 0 or len(token) > 1):
            continue
        words.append(lower)
        used = index + 1
        if is_plural(lower) or lower in UNITS:
            return (*modifier, *words[-3:]), used
    if not words or _ADVERB.match(words[0]) or words[0].endswith(("ing", "ed")):
        return (), 0
    return (*modifier, words[0]), used - len(words) + 1


def _per(tokens: Sequence[str]) -> str | None:
    """What a quantity is per, if ``tokens`` begin with "per day", "each week", "an hour"."""
    if len(tokens) < 2:
        return "each" if tokens and tokens[0].lower() in ("each", "apiece") else None
    first = tokens[0].lower()
    if first in ("for", "in", "on", "of") and tokens[1].lower() in ("each", "every"):
        return _per(tokens[1:])
    if first in ("apiece",):
        return "each"
    if first in _RATE_WORDS or (first in ("a", "an") and tokens[1].lower() in _TIMES):
        words, _ = _noun(
            [t for t in tokens[1:4] if t.lower() not in ("one", "single", "of", "the")]
        )
        if words:
            return singular(words[-1])
        return "each" if first == "each" else None
    return None


def _per_slash(text: str, end: int, clause: str) -> str | None:
    rest = text[end + len(clause) : end + len(clause) + 24]
    match = re.match(r"/\s?([a-z]{2,})", rest)
    return singular(match[1]) if match and match[1] not in _STOP else None


_EACH_BEFORE = re.compile(
    r"\b(?:each|every|per)\s+((?:[a-z]+\s+){0,2}?[a-z]+)\s+(?:\w+\s+){0,3}?"
    r"(?:has|had|have|holds?|contains?|costs?|weighs?|needs?|requires?|gets?|got|eats?|takes?|"
    r"uses?|produces?|lays?|is|was|are|gives?|gave|receives?|earns?|makes?|sells? for|includes?|"
    r"comes? with|fits?|buys?|brings?|wants?|plays?|lasts?|reads?|pays?|paid)\s+(?:\w+\s+){0,2}$",
    re.IGNORECASE,
)


def _per_before(text: str, start: int) -> str | None:
    """What a quantity is per, if the words before it say "each box holds"."""
    clause = _clause_before(text, start)
    match = _EACH_BEFORE.search(clause)
    if match is None:
        return None
    words, _ = _noun(match[1].split())
    return singular(words[-1]) if words else None


_PERCENT_NOUNS = {
    "off": "discount", "discount": "discount", "more": "increase", "increase": "increase",
    "raise": "increase", "higher": "increase", "greater": "increase", "less": "decrease",
    "fewer": "decrease", "decrease": "decrease", "lower": "decrease", "cheaper": "discount",
}  # fmt: skip
_PERCENT_BEFORE = re.compile(
    r"\b(discount|tax|tip|fee|commission|interest|raise|increase|increased|increases|decrease|"
    r"decreased|decreases|reduced|grew|grows|rose|rises|dropped|drops|fell|down payment|rate)"
    r"\b[\w\s]{0,20}$",
    re.IGNORECASE,
)
_PERCENT_STEMS = {
    "increased": "increase", "increases": "increase", "grew": "increase", "grows": "increase",
    "rose": "increase", "rises": "increase", "raise": "increase", "decreased": "decrease",
    "decreases": "decrease", "reduced": "decrease", "dropped": "decrease", "drops": "decrease",
    "fell": "decrease",
}  # fmt: skip


def _percent_words(text: str, start: int, end: int) -> tuple[str, ...]:
    tokens = [match.group() for match in _WORD.finditer(_clause_after(text, end))]
    first = tokens[0].lower() if tokens else ""
    if first in _PERCENT_NOUNS:
        return (_PERCENT_NOUNS[first], "percent")
    if first == "of" and len(tokens) > 1:
        rest = tokens[1:]
        while rest and rest[0].lower() in _STOP:
            rest = rest[1:]
        words, _ = _noun(rest) if len(tokens) - len(rest) <= 4 else ((), 0)
        return ("percent", "of", *words[-2:]) if words else ("percent",)
    words, _ = _noun(tokens)
    if words:
        return (*words[-2:], "percent")
    before = _PERCENT_BEFORE.search(_clause_before(text, start))
    if before:
        stem = before[1].lower()
        return (*_PERCENT_STEMS.get(stem, stem).split(), "percent")
    return ("percent",)


_MONEY_VERBS = {
    "cost": "price", "costs": "price", "costing": "price", "price": "price", "priced": "price",
    "prices": "price", "sell": "price", "sells": "price", "sold": "price", "selling": "price",
    "buy": "price", "buys": "price", "bought": "price", "charge": "price", "charges": "price",
    "charged": "price", "worth": "value", "valued": "value", "earn": "earnings",
    "earns": "earnings", "earned": "earnings", "earning": "earnings", "make": "earnings",
    "makes": "earnings", "made": "earnings", "spend": "spending", "spends": "spending",
    "spent": "spending", "save": "savings", "saves": "savings", "saved": "savings",
    "saving": "savings", "pay": "payment", "pays": "payment", "paid": "payment",
    "paying": "payment", "owe": "debt", "owes": "debt", "owed": "debt", "donate": "donation",
    "donates": "donation", "donated": "donation", "budget": "budget", "tip": "tip",
    "tipped": "tip", "rent": "rent", "fee": "fee", "salary": "salary", "tax": "tax",
    "wage": "wage", "bill": "bill", "discount": "discount", "allowance": "allowance",
    "profit": "profit", "deposit": "deposit", "loan": "loan", "fine": "fine", "raised": "funds",
    "borrowed": "loan", "invested": "investment", "invests": "investment", "total": "total",
    "revenue": "revenue", "income": "income", "balance": "balance",
}  # fmt: skip


def _money(text: str, start: int, end: int) -> Called:
    return Called(_money_words(text, start, end), _money_unit(text, end))


def _money_unit(text: str, end: int) -> str:
    tokens = [match.group() for match in _WORD.finditer(_clause_after(text, end))]
    divisor = UNITS.get(_per(tokens) or "")
    return f"dollar/{divisor}" if divisor else "dollar"


def _money_words(text: str, start: int, end: int) -> tuple[str, ...]:
    tokens = [match.group() for match in _WORD.finditer(_clause_after(text, end))]
    if tokens and tokens[0].lower() in ("dollars", "dollar", "cents", "bucks"):
        tokens = tokens[1:]
    before = [match.group() for match in _WORD.finditer(_clause_before(text, start))]
    base, subject = _money_verb(before)
    per = _per(tokens)
    if per is None and len(tokens) > 1 and tokens[0].lower() in ("a", "an"):
        words, _ = _noun(tokens[1:3])
        per = singular(words[-1]) if words else None
    per = per or _per_before(text, start)
    if per == "each":
        return (*subject[-2:], base or "price", *(() if subject else ("each",)))
    if per:
        return (base or "price", "per", per)
    head = tokens[0].lower() if tokens else ""
    if head in ("for", "in", "on", "from") and len(tokens) > 1:
        rest = _without_determiner(tokens[1:])
        words, _ = _noun(rest)
        if words and words[-1] not in UNITS:
            tail = base if base in ("price", "earnings", "spending", "savings", "payment") else None
            return (*words[-2:], *((tail,) if tail else ("amount",)))
    words, _ = _noun(tokens)
    if words and words[-1] not in UNITS:
        return words
    if base:
        return (
            (*(singular(w) for w in subject[-2:]), base) if base in ("price", "value") else (base,)
        )
    return ("dollars",)


def _money_verb(before: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """The kind of sum that the last money verb before it makes it, and that verb's subject."""
    for index in range(len(before) - 1, max(-1, len(before) - 7), -1):
        base = _MONEY_VERBS.get(before[index].lower())
        if base is None:
            continue
        subject: list[str] = []
        for word in reversed(before[:index]):
            if word.lower() in _STOP or word[0].isupper() or "'" in word or "’" in word:
                break
            subject.insert(0, word.lower())
        if not before[index].lower().startswith(("cost", "price", "sell", "sold", "worth")):
            subject = []
        return base, tuple(subject[-2:])
    return None, ()


_LINKING = re.compile(
    r"(?:\b(?:is|are|was|were|be|equals?|totals?|of|at|to|by|about|around|exactly|only|just)\b|[=:])"
    r"[\s$\\(]*$",
    re.IGNORECASE,
)


def noun_before(text: str, start: int) -> tuple[str, ...]:
    """The noun phrase that ends before ``start``, across "is", "are", "=" or ":"."""
    window = text[max(0, start - WINDOW) : start]
    linked = _LINKING.search(window)
    if linked is None:
        return ()
    clause = window[: linked.start()]
    for match in _CLAUSE_END.finditer(clause):
        clause = " " * match.end() + clause[match.end() :]
    return _trailing_noun([match.group() for match in _WORD.finditer(clause)])


def _trailing_noun(tokens: Sequence[str]) -> tuple[str, ...]:
    """The noun phrase that ``tokens`` end with, across one "of": "cost of the house"."""
    words: list[str] = []
    for token in reversed(tokens):
        lower = token.lower().replace("’", "'")
        if lower == "of" and words and "of" not in words:
            words.insert(0, "of")
            continue
        if words and lower in ("the", "a", "an", "his", "her", "its", "their") and words[0] != "of":
            # A determiner begins the phrase, unless an "of" goes on before it.
            continue
        if lower in _STOP or "'" in lower or (token[0].isupper() and len(words) > 0):
            break
        if token[0].isupper() and lower not in ("total", "profit", "cost", "area", "speed"):
            break
        words.insert(0, lower)
        if len(words) >= MAX_WORDS:
            break
    while words and words[0] == "of":
        words.pop(0)
    return tuple(words)


# --- results and subquestions -----------------------------------------------------------------

_RESULT_VERBS = {
    "makes": "earnings", "make": "earnings", "made": "earnings", "earns": "earnings",
    "earn": "earnings", "earned": "earnings", "spends": "spending", "spend": "spending",
    "spent": "spending", "costs": "cost", "cost": "cost", "pays": "payment", "pay": "payment",
    "paid": "payment", "saves": "savings", "save": "savings", "saved": "savings",
    "owes": "debt", "owe": "debt", "weighs": "weight", "weigh": "weight", "weighed": "weight",
}  # fmt: skip
_QUALIFIERS = (
    (re.compile(r"\b(?:left|remain(?:s|ing|der)?|leftover)\b", re.I), "remaining"),
    (re.compile(r"\b(?:total(?:s|ed)?|altogether|in all|combined|together)\b", re.I), "total"),
    (re.compile(r"\baverage\b", re.I), "average"),
)
_QUALIFYING = word_set(
    "remaining total average extra more fewer additional difference sum other profit"
)
_BARE_UNITS = word_set("dollars dollar cents times percent")


def result_words(
    text: str, start: int, result_start: int, result_end: int, symbol: str
) -> tuple[str, ...]:
    """What ``text`` calls the result at ``text[result_start:result_end]`` of a calculation that
    begins at ``start``; ``symbol`` is its outermost operation. Empty if the text does not say."""
    after = _after(text, result_end)
    noun = after.words
    if noun and after.per:
        noun = (*noun[-2:], "per", after.per)
    before = _subject(text, start)
    if noun and not (noun[-1] in UNITS and before) and noun[-1] not in _BARE_UNITS:
        chosen = noun
    elif before:
        chosen = before
    else:
        chosen = noun
    qualifier = _qualifier(text, chosen, symbol)
    return (qualifier, *chosen) if qualifier and chosen else chosen


def _qualifier(text: str, words: Sequence[str], symbol: str) -> str:
    if any(word in _QUALIFYING for word in words) or "per" in words:
        return ""
    for pattern, word in _QUALIFIERS:
        fits = {"remaining": "-", "total": "+*", "average": "/"}[word]
        if symbol in fits and pattern.search(text):
            return word
    return ""


_SUBJECT_LINK = re.compile(
    r"(?:\b(?:is|are|was|were|be|equals?|totals?|of|to|at|by|about|gives?|(?:an?|the)\s+total(?:\s+of)?|"
    r"came out to|comes? (?:out )?to|adds? up to|amounts? to)\b|[=:])[\s$(]*$",
    re.IGNORECASE,
)


def _subject(text: str, start: int) -> tuple[str, ...]:
    """What the words before a calculation say it gives: "The number of stamps is 11 + 9"."""
    window = text[max(0, start - 2 * WINDOW) : start]
    cut = max(window.rfind("\n"), window.rfind(". "), window.rfind("; "), window.rfind("**"))
    window = window[cut + 1 :]
    linked = _SUBJECT_LINK.search(window)
    if linked is not None:
        clause = window[: linked.start()]
        verb = _SUBJECT_LINK.search(clause)
        while verb is not None:
            clause = clause[: verb.start()]
            verb = _SUBJECT_LINK.search(clause)
        clause = re.split(r"[,:=]|\b(?:so|that|then|means|therefore)\b", clause)[-1]
        tokens = [match.group() for match in _WORD.finditer(clause)]
        found = _leading_noun(tokens)
        if found:
            return found
    tokens = [match.group().lower() for match in _WORD.finditer(window)]
    for token in reversed(tokens[-5:]):
        if token in _RESULT_VERBS:
            return (_RESULT_VERBS[token],)
    return ()


_SUBJECT_END = word_set("that which who if when after before because since while where")
_GENERIC = word_set("number amount quantity answer result value step equation calculation")


def _leading_noun(tokens: Sequence[str]) -> tuple[str, ...]:
    """The subject that ``tokens`` are: "the total cost of the house" is total, cost, of, house."""
    words: list[str] = []
    for token in tokens:
        lower = token.lower().replace("’", "'")
        if lower in _SUBJECT_END:
            break
        if lower in ("the", "a", "an", "his", "her", "their", "its", "in", "now", "first"):
            if lower == "in":
                break
            continue
        if lower == "of" and words:
            words.append("of")
            continue
        if lower == "cost" or (lower in _MORE and lower != "other"):
            words.append(lower)
            continue
        if "'" in lower:
            continue
        if lower in _STOP or (token[0].isupper() and token is not tokens[0]):
            if words and words[-1] != "of":
                break
            if lower in _RESULT_VERBS:
                return (_RESULT_VERBS[lower],)
            continue
        if token is tokens[0] and token[0].isupper() and len(tokens) > 1 and lower not in _OPENERS:
            continue
        words.append(lower)
    while words and words[-1] in ("of", "and"):
        words.pop()
    if len(words) > 2 and words[0] in _GENERIC and words[1] == "of":
        words = words[2:]
    if words and words[-1] in _GENERIC and len(words) == 1:
        return ()
    return tuple(words[:MAX_WORDS])


_OPENERS = word_set("total cost profit average remaining area volume distance speed money time")

_QUESTION_NOUN = re.compile(
    r"\b(?:how many|how much|what is|what was|what are|what will be|what would be|what's|"
    r"what percent(?:age)?|find|calculate|determine)\b\s*(?P<rest>[^?.!]*)",
    re.IGNORECASE,
)


def question_words(question: str) -> tuple[str, ...]:
    """What a question asks for: "How many eggs does she sell" asks for eggs."""
    matches = list(_QUESTION_NOUN.finditer(question))
    if not matches:
        return ()
    match = matches[-1]
    opening = match.group()[: -len(match["rest"]) or None].lower()
    tokens = [token.group() for token in _WORD.finditer(match["rest"])]
    if "percent" in opening:
        return ("percent", *(_noun(tokens[1:])[0] if tokens[:1] == ["of"] else ()))
    if opening.startswith("how many") or opening.startswith("how much"):
        words, used = _noun(tokens)
        if not words or words[-1] in _BARE_UNITS or words == ("money",):
            for token in tokens[used:]:
                if token.lower() in _RESULT_VERBS:
                    return (_RESULT_VERBS[token.lower()],)
        if words and re.search(r"\b(?:left|remain)", match["rest"]):
            words = ("remaining", *words)
        elif words and re.search(r"\b(?:total|altogether|in all|combined)\b", match["rest"]):
            words = ("total", *words)
        return words
    return _leading_noun(tokens)


def spoken(name: str) -> str:
    """A snake_case name as words."""
    return re.sub(r"[\s_]+", " ", re.sub(r"_\d+$", "", name)).strip()


def listed(parts: Sequence[str]) -> str:
    """``a, b and c``, each once."""
    unique = list(dict.fromkeys(parts))
    if len(unique) < 2:
        return "".join(unique)
    return f"{', '.join(unique[:-1])} and {unique[-1]}"


def subquestion(output: str, inputs: Sequence[str]) -> str:
    """A routine's question from its names: "total cost from price and pencils"."""
    return f"{spoken(output)} from {listed([spoken(name) for name in inputs])}"


# --- sentences and masking --------------------------------------------------------------------

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)]*\s+(?=[A-Z\"'“($\\*\d])|\n+")
_TITLE_END = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof|St|vs|No|Jr|Sr|approx|[A-Z])\.$")


def sentences(text: str) -> list[tuple[int, int]]:
    """The sentences of ``text`` as ``[start, end)``, without the white space between them. A line
    break ends one; the dot of "Mr." does not."""
    found: list[tuple[int, int]] = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if "\n" not in match.group() and _TITLE_END.search(
            text, max(0, match.start() - 8), match.start()
        ):
            continue
        found.append((start, match.start()))
        start = match.end()
    found.append((start, len(text)))
    trimmed: list[tuple[int, int]] = []
    for left, right in found:
        piece = text[left:right]
        stripped = piece.strip()
        if stripped:
            left += len(piece) - len(piece.lstrip())
            trimmed.append((left, left + len(stripped)))
    return trimmed


_ASKING = re.compile(
    r"\b(?:how (?:many|much|long|far|old|tall|fast|often)|what|which|when|find|calculate|determine|"
    r"compute|evaluate|express)\b",
    re.IGNORECASE,
)


def final_question(problem: str) -> str:
    """The sentence in which a problem asks: its last question, else its last sentence that tells
    to find something, else its last."""
    pieces = [problem[start:end] for start, end in sentences(problem)]
    for piece in reversed(pieces):
        if piece.endswith("?"):
            return piece
    for piece in reversed(pieces):
        if _ASKING.search(piece):
            return piece
    return pieces[-1] if pieces else ""


_CAPITAL = re.compile(r"\b[A-Z][\w]*(?:[’'-][A-Z]\w*)*")
_TITLES = word_set("Mr Mrs Ms Miss Dr Prof Professor Uncle Aunt Grandma Grandpa Grandmother Mister")
_SPOKEN_I = word_set("I OK TV PM AM USA US UK DVD CD")
_NOT_NAMES = word_set(
    """
    It That Let There What He She Today Here Who Where Everyone Everybody Someone One Anyone How
    They We You This If So Now Then When After Before Each Every Since Because Together Total In On
    At By For To From With And Or But The A An As Of Once Another Both All During While Given
    Suppose Assume Find Calculate Determine Compute Evaluate Express Simplify Solve Which Does Did
    Do Is Are Was Were Has Have Will Would Can Could Should His Her Their Its My Your Our Not No
    Therefore Thus Hence Also Next First Second Third Last Finally Half Twice Some Many Most Please
    Answer Note Write Give Using Use Only Altogether Overall Later Yesterday Tomorrow Per Consider
    These Those Out Per Assuming Besides However Instead Until Unless Although Though Additionally
    """
)
_ROLES = ("someone", "another person", "a third person", "a fourth person", "somebody else")
_SLOTS = "nmkpqrstuvwxyz"
_PLACE_BEFORE = re.compile(r"\b(?:in|at|near|into|visits?|visited)\s+$")


def proper_names(text: str) -> frozenset[str]:
    """The capitalised words of ``text`` that are names: those inside a sentence, and those that
    begin one and are possessive, come up inside another, or are no word of the text otherwise
    and come before a verb. Months, days and languages are none."""
    inside: set[str] = set()
    opening: set[str] = set()
    lower = {match.group() for match in re.finditer(r"\b[a-z]+\b", text)}
    for start, end in sentences(text):
        for match in _CAPITAL.finditer(text, start, end):
            word = match.group()
            if not _may_be_name(word):
                continue
            before = text[start : match.start()].strip(" \"'“‘(*_#-–—")
            if before and not before.endswith((":", "?", "!", ".", "$", "\\")):
                inside.add(word)
                continue
            following = text[match.end() : match.end() + 14]
            possessive = following.startswith(("'s", "’s")) and word not in _NOT_NAMES
            if possessive or (word not in _NOT_NAMES and word.lower() not in lower):
                tokens = _WORD.findall(following)
                if possessive or (
                    tokens and (tokens[0].lower() in _STOP or not tokens[0].islower())
                ):
                    opening.add(word)
    return frozenset(inside | opening)


def _may_be_name(word: str) -> bool:
    if word in _SPOKEN_I or word.lower() in _CALENDAR or word.lower() in UNITS:
        return False
    return len(word) > 1 or word not in ("A", "I")


def mask(text: str, context: str = "") -> str:
    """``text`` without an instance's own numbers and names: numbers become the letters n, m, ...,
    people roles ("someone"), names of something else generic words. ``context`` is the problem
    that the text belongs to, where a name may be easier to recognise."""
    names = proper_names(text) | proper_names(context) if context else proper_names(text)
    masked = _mask_names(_mask_numbers(text), names)
    masked = re.sub(r"\d+", "n", masked)
    masked = re.sub(r"\s+", " ", masked).strip(" *#-–:")
    return masked[:1].lower() + masked[1:] if masked[:2] != "I " else masked


def _mask_numbers(text: str) -> str:
    pieces: list[str] = []
    at, slots = 0, dict[object, str]()
    for numeral in find_numerals(text):
        if numeral.start < at or numeral.kind == "method":
            continue
        stated = text[numeral.start : numeral.end]
        if stated.lower() in ("one", "zero"):
            continue
        slot = slots.setdefault(numeral.value, _SLOTS[len(slots) % len(_SLOTS)])
        if numeral.kind == "percent":
            slot += "%"
        elif numeral.kind == "money":
            slot = f"${slot}"
        pieces += [text[at : numeral.start], slot]
        at = numeral.end
    pieces.append(text[at:])
    return "".join(pieces)


def _mask_names(text: str, names: frozenset[str]) -> str:
    if not names:
        return text
    roles: dict[str, str] = {}
    ordered = sorted(names | _TITLES, key=lambda name: (-len(name), name))
    alternatives = "|".join(re.escape(name) for name in ordered)
    one = rf"(?:{alternatives})(?!\w)"
    pattern = re.compile(rf"(?<!\w){one}(?:(?:\.?\s+|-){one})*")

    def role(match: re.Match[str]) -> str:
        first = match.group()
        if first in _TITLES and first not in names:
            return first
        if _PLACE_BEFORE.search(text, max(0, match.start() - 12), match.start()):
            return roles.setdefault(
                first, "somewhere" if "somewhere" not in roles.values() else "elsewhere"
            )
        people = [r for r in roles.values() if not r.endswith("where")]
        return roles.setdefault(first, _ROLES[min(len(set(people)), len(_ROLES) - 1)])

    return pattern.sub(role, text)
