"""What a text calls its quantities: the words beside a number, and those around a result.

No tagger and no model: plural endings, and what word problems always say the same way ("per",
"each", "costs", "percent of"). Where these do not settle a name there is none, and the caller falls
back to a plain one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tracemine.teachers.rules.arithmetic.measures import KIND_WORDS, kind_word
from tracemine.teachers.rules.arithmetic.roles import ROLE_WORDS
from tracemine.teachers.rules.arithmetic.unit_symbols import unit_at
from tracemine.teachers.rules.language.numerals import word_set
from tracemine.teachers.rules.language.words import (
    ABBREVIATIONS,
    CALENDAR,
    CURRENCY_SIGNS,
    MAX_WORDS,
    MEASURES,
    MONEY_UNITS,
    PASSED_OVER,
    STOP,
    TIMES,
    UNITS,
    VERB_FORMS,
    WORD,
    is_money,
    is_plural,
    plural,
    singular,
)

#: How far, in characters, the words of a quantity may be from its number.
WINDOW = 90

_CLAUSE_END = re.compile(r"[.;:!?()\[\]{}\n=<>*+/×÷\\|]|[$€£₹¥]|\d|,\s|\s[-–−]\s")
#: A sign of money behind its number. That of dollars stands before it: behind it closes a formula.
_SIGN_AFTER = re.compile(r"\s?([€£₹¥])(?!\s?\d)")


@dataclass(frozen=True, slots=True)
class Called:
    """What the text calls a number: words of a name (none if it does not say), and a unit."""

    words: tuple[str, ...]
    unit: str | None = None


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
    currency = currency_of(text, start, end)
    if currency is not None:
        # $3y is a formula that the text does not close.
        return Called(()) if _VARIABLE.match(text, end) else _money(text, start, end, currency)
    after = _after(text, end)
    if after.words:
        per = after.per or _per_before(text, start)
        words, unit = after.words, after.unit
        if len(words) == 1 and words[0] in _MONEY_WORDS and not per:
            return Called(_money_words(text, start, end) or words, unit)
        if per == "each":
            words = (*words, "each")
        elif per:
            words = (*words[-3:], "per", per)
            divisor = UNITS.get(per)
            unit = f"{unit}/{divisor}" if unit and divisor and "/" not in unit else unit
        return Called(words, unit)
    return Called(noun_before(text, start), None)


_VARIABLE = re.compile(r"[ac-jln-z](?![A-Za-z])")


def currency_of(text: str, start: int, end: int) -> str | None:
    """The unit of the money that the number at ``text[start:end]`` is by a sign: one that it begins
    with, one just before it, or one behind it. None if there is none."""
    for before in (text[start:end].removeprefix("\\")[:1], text[max(0, start - 1) : start]):
        if before in CURRENCY_SIGNS:
            return CURRENCY_SIGNS[before]
    after = _SIGN_AFTER.match(text, end)
    return CURRENCY_SIGNS[after[1]] if after is not None else None


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
    "fewer": "fewer", "less": "fewer", "new": "new",
}  # fmt: skip
_RATE_WORDS = ("per", "each", "every")
#: After these a noun that ends in no plural "s" is not taken further than one word.
_ADVERB = re.compile(r"\w+ly$")


#: Words that say a currency, and no role that the money has.
_MONEY_WORDS = frozenset(word for word, unit in UNITS.items() if unit in MONEY_UNITS)


def _unit_words(unit: str) -> tuple[str, ...]:
    """A name for a number in ``unit``: what is measured in it, else the unit in words."""
    kind = kind_word(unit)
    if kind:
        return (kind,)
    top, slash, bottom = unit.partition("/")
    if slash and top.isidentifier() and bottom.isidentifier():
        return plural(top), "per", bottom
    return (plural(unit),) if unit.isidentifier() else ()


def _after(text: str, end: int) -> _After:
    found = unit_at(text, end)
    if found is not None and not found.plain and not is_money(found.unit):
        return _After(_unit_words(found.unit), found.unit)
    clause = _clause_after(text, end)
    tokens = [match.group() for match in WORD.finditer(clause)]
    if not tokens:
        return _After()
    words, used = _noun(tokens)
    if not words:
        return _After()
    unit = UNITS.get(words[-1])
    rest = tokens[used:]
    if rest and unit is not None and rest[0].lower() in _DIMENSIONS:
        return _After((_DIMENSIONS[rest[0].lower()],), unit)
    if words[-1] in UNITS and words[-1] not in ABBREVIATIONS:
        words = (*words[:-1], plural(words[-1]))
    if words[-1] in ABBREVIATIONS:
        words = (*words[:-1], *ABBREVIATIONS[words[-1]].split("_"))
    if len(rest) > 1 and rest[0].lower() == "of" and words[-1] in MEASURES:
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
        if lower in STOP or lower in VERB_FORMS or "'" in lower:
            break
        if len(token) > 2 and token[:-1].isupper() and token.endswith("s"):
            return (*modifier, *words, lower), index + 1
        if token[0].isupper() or (lower in PASSED_OVER and not words):
            continue
        if len(lower) == 1 and lower != "t" and lower not in UNITS:
            break
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
    if first in _RATE_WORDS or (first in ("a", "an") and tokens[1].lower() in TIMES):
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
    if match is None or match[1] in STOP:
        return None
    return UNITS[match[1]] if match[1] in ABBREVIATIONS else singular(match[1])


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
    tokens = [match.group() for match in WORD.finditer(_clause_after(text, end))]
    first = tokens[0].lower() if tokens else ""
    if first in _PERCENT_NOUNS:
        return (_PERCENT_NOUNS[first], "percent")
    if first == "of" and len(tokens) > 1:
        rest = tokens[1:]
        while rest and rest[0].lower() in STOP:
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


def _money(text: str, start: int, end: int, currency: str) -> Called:
    """A number of ``currency`` by its sign, which may stand behind ``end``."""
    sign = _SIGN_AFTER.match(text, end)
    end = end if sign is None else sign.end()
    named = _money_words(text, start, end) or (plural(currency),)
    return Called(named, _money_unit(text, end, currency))


def _money_unit(text: str, end: int, currency: str) -> str:
    clause = _clause_after(text, end)
    tokens = [match.group() for match in WORD.finditer(clause)]
    divisor = UNITS.get(_per(tokens) or _per_slash(text, end, clause) or "")
    return f"{currency}/{divisor}" if divisor else currency


def _money_words(text: str, start: int, end: int) -> tuple[str, ...]:
    """The role of a number of money; none if the text does not say."""
    tokens = [match.group() for match in WORD.finditer(_clause_after(text, end))]
    if tokens and tokens[0].lower() in _MONEY_WORDS:
        tokens = tokens[1:]
    before = [match.group() for match in WORD.finditer(_clause_before(text, start))]
    base, subject = _money_verb(before)
    per = _per(tokens)
    if per is None and len(tokens) > 1 and tokens[0].lower() in ("a", "an"):
        words, _ = _noun(tokens[1:3])
        per = singular(words[-1]) if words else None
    per = per or _per_slash(text, end, _clause_after(text, end)) or _per_before(text, start)
    if not subject and base in (None, "price"):
        subject = _last_plural(before) if base or per == "each" else ()
        if subject and per == "each":
            return (singular(subject[0]), "price")
        if subject and not per:
            return (*subject, "price")
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
    return ()


def _last_plural(tokens: Sequence[str]) -> tuple[str, ...]:
    """The nearest plural noun of the last few words."""
    for token in reversed(tokens[-6:]):
        excluded = token in STOP or token in UNITS or token in _MONEY_VERBS
        if is_plural(token) and token.islower() and not excluded:
            return (token,)
    return ()


def _money_verb(before: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """The kind of sum that the last money verb before it makes it, and that verb's subject."""
    for index in range(len(before) - 1, max(-1, len(before) - 7), -1):
        base = _MONEY_VERBS.get(before[index].lower())
        if base is None:
            continue
        subject: list[str] = []
        for word in reversed(before[:index]):
            if word.lower() in STOP or word[0].isupper() or "'" in word or "’" in word:
                break
            subject.insert(0, word.lower())
        if not before[index].lower().startswith(("cost", "price", "sell", "sold", "worth")):
            subject = []
        return base, tuple(subject[-2:])
    return None, ()


_LINKING = re.compile(
    r"(?:\b(?:is|are|was|were|be|equals?|totals?|of|at|to|by|about|around|exactly|only|just)\b|[=:])"
    r"[\s$€£₹¥\\(]*$",
    re.IGNORECASE,
)


#: "length 7", "radius $5$".
_ROLE_BEFORE = re.compile(r"\b([A-Za-z]+)[\s$€£₹¥\\(]+$")


def noun_before(text: str, start: int) -> tuple[str, ...]:
    """The noun phrase that ends before ``start``, across "is", "are", "=" or ":"."""
    window = text[max(0, start - WINDOW) : start]
    linked = _LINKING.search(window)
    if linked is None:
        role = _ROLE_BEFORE.search(window)
        return (role[1].lower(),) if role is not None and role[1].lower() in ROLE_WORDS else ()
    clause = window[: linked.start()]
    for match in _CLAUSE_END.finditer(clause):
        clause = " " * match.end() + clause[match.end() :]
    return _trailing_noun([match.group() for match in WORD.finditer(clause)])


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
        is_noun = lower == "cost" and words[:1] == ["of"]
        if (lower in STOP and not is_noun) or "'" in lower or (token[0].isupper() and words):
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
_BARE_UNITS = word_set("dollars dollar cents euros euro rupees rupee yen times percent")


def result_words(
    text: str,
    start: int,
    result_start: int,
    result_end: int,
    symbol: str,
    names: frozenset[str] = frozenset(),
) -> tuple[str, ...]:
    """What ``text`` calls the result at ``text[result_start:result_end]`` of a calculation that
    begins at ``start``; ``symbol`` is its outermost operation, ``names`` are names of people.
    Empty if the text does not say."""
    after = _after(text, result_end)
    noun = after.words
    if noun and after.per:
        noun = (*noun, "each") if after.per == "each" else (*noun[-3:], "per", after.per)
    if _is_signed(text, result_start, result_end) and "per" not in noun:
        noun = ()
    before = _subject(text, start, names)
    converted = bool(before) and before[-1] in UNITS and before[-1] not in _BARE_UNITS
    is_unit = bool(noun) and (noun[-1] in UNITS or noun[-1] in KIND_WORDS)
    if noun and (converted or not (is_unit and before)) and noun[-1] not in _BARE_UNITS:
        chosen = noun  # "2 hours is 2 * 60 = 120 minutes"
    elif before:
        chosen = before
    else:
        chosen = noun
    qualifier = _qualifier(text, chosen, symbol)
    return (qualifier, *chosen) if qualifier and chosen else chosen


def _is_signed(text: str, result_start: int, result_end: int) -> bool:
    """Whether a sign says that a result is money."""
    before = text[max(0, result_start - 2) : result_start + 1]
    return not CURRENCY_SIGNS.keys().isdisjoint(before) or (
        currency_of(text, result_start, result_end) is not None
    )


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


_SUBORDINATE = re.compile(
    r"\s*(?:if|when|after|before|since|because|in|on|at|for|with|first|second|then|next|finally|so|"
    r"thus|hence|therefore|now|as|given|by|to|altogether|together|once|while|of)\b",
    re.IGNORECASE,
)


def _subject(text: str, start: int, names: frozenset[str]) -> tuple[str, ...]:
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
        clause = re.split(r"[:=]|\b(?:so|that|then|means|therefore)\b", clause)[-1]
        if _SUBORDINATE.match(clause):
            clause = clause.rpartition(",")[2]
        # A letter is a variable: "F = 2 * 3".
        tokens = [found for found in WORD.findall(clause) if len(found) > 1 or found in "aA"]
        found = _leading_noun(tokens, names)
        if found:
            return found
    tokens = [match.group().lower() for match in WORD.finditer(window)]
    for token in reversed(tokens[-5:]):
        if token in _RESULT_VERBS:
            return (_RESULT_VERBS[token],)
    return ()


_DETERMINERS = word_set("the a an his her their its our my your")
_SUBJECT_END = word_set("that which who if when after before because since while where")
_GENERIC = word_set("number amount quantity answer result value step equation calculation")


def _leading_noun(tokens: Sequence[str], names: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The subject that ``tokens`` are: "the total cost of the house" is total, cost, of, house."""
    words: list[str] = []
    for token in tokens:
        lower = token.lower().replace("’", "'")
        if lower in _SUBJECT_END:
            break
        if lower in ("in", "by") or (lower in _DETERMINERS and words and words[-1] != "of"):
            break
        if lower in _DETERMINERS or lower in ("now", "first"):
            continue
        if lower == "of" and words:
            words.append("of")
            continue
        if lower == "cost" or (lower in _MORE and lower != "other"):
            words.append(lower)
            continue
        if "'" in lower:
            continue
        counted = words[-1:] == ["of"] and is_plural(lower)
        if (lower in STOP and not counted) or (token[0].isupper() and token is not tokens[0]):
            if words and words[-1] != "of":
                break
            if lower in _RESULT_VERBS:
                return (_RESULT_VERBS[lower],)
            continue
        if token in names:
            continue
        words.append(lower)
    while words and words[-1] in ("of", "and"):
        words.pop()
    for at in range(len(words) - 2):
        if words[at] in _GENERIC and words[at + 1] == "of":
            del words[at : at + 2]
            break
    if words and words[-1] in _GENERIC and len(words) == 1:
        return ()
    return tuple(words[:MAX_WORDS])


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
    tokens = [token.group() for token in WORD.finditer(match["rest"])]
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


_PARTICIPLES = {
    form: forms.split()[0]
    for forms in (
        "eaten eat eats ate eating", "sold sell sells selling", "bought buy buys buying",
        "given give gives gave giving", "baked bake bakes baking", "used use uses using",
        "lost lose loses losing", "found find finds finding", "spent spend spends spending",
        "made make makes making", "received receive receives receiving get gets got",
        "collected collect collects collecting", "picked pick picks picking",
        "added add adds adding", "taken take takes took taking", "earned earn earns earning",
        "saved save saves saving", "planted plant plants planting", "read reads reading",
        "drunk drink drinks drank drinking", "walked walk walks walking",
        "driven drive drives drove driving", "caught catch catches catching",
        "donated donate donates donating", "thrown throw throws threw throwing",
        "needed need needs needing", "wanted want wants", "laid lay lays laying",
        "kept keep keeps keeping", "paid pay pays paying", "ordered order orders ordering",
        "written write writes wrote writing", "worked work works working", "put puts putting",
        "sent send sends sending", "brought bring brings bringing", "ran run runs running",
        "left leave leaves leaving", "borrowed borrow borrows", "shared share shares sharing",
    )
    for form in forms.split()
}  # fmt: skip


def detail_beside(text: str, start: int, end: int) -> str:
    """The word that tells a number from others of the same noun: the participle of the verb just
    before it ("ate 3 eggs": eaten), else the month or day after it. Empty if there is none."""
    before = [match.group().lower() for match in WORD.finditer(_clause_before(text, start))]
    for word in reversed(before[-2:]):
        if word in _PARTICIPLES:
            return _PARTICIPLES[word]
    for match in WORD.finditer(_clause_after(text, end)):
        if match.group()[0].isupper() and match.group().lower() in CALENDAR:
            return match.group().lower()
    return ""
