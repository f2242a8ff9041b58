"""Stage 6, normalise: the shape of a subquestion, which clustering compares.

A shape says what is done to quantities of which kind, and nothing of whose they are: literals
become slots of their type ("number", "percent", "money"), people and things that are counted become
roles, words that mean one operation become one word; operations, the order of a text, units and
kinds of quantity stay. The rules know the words of the field (`teachers.rules.arithmetic.roles`)
and the names in the span's signature; no tagger and no model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from types import MappingProxyType

from tracemine.schemas import Parameter, Signature, Span
from tracemine.schemas.types import coarse
from tracemine.teachers.rules.arithmetic.roles import (
    MONEY_WORDS,
    QUALIFIERS,
    ROLE_WORDS,
    counted_class,
)
from tracemine.teachers.rules.language.numerals import word_set
from tracemine.teachers.rules.language.words import (
    STOP,
    TIMES,
    UNITS,
    is_plural,
    mask,
    singular,
)

#: Characters of a subquestion that count: an embedder reads a few hundred words at most.
MAX_CHARS = 2000

#: What counted things are called, by how many classes of them a text tells apart: one of each is
#: ``items`` when it stands alone.
_CLASSES = ("item", "person", "group", "point")
_MANY = MappingProxyType({"person": "people"})
#: Before the second, third, ... thing of one class.
_OTHERS = ("", "other ", "third ", "fourth ", "further ")

#: Nouns of mathematics: what is done with them is the method itself.
_MATHEMATICAL = word_set(
    """
    angle arrangement base bit case centimeter character circle coefficient coin column combination
    composite cube cubic denominator derivative determinant diagonal die dice digit dimension
    divisor edge element end entry equation even event exponent expression face factor factorial
    figure formula fraction function height index inequality integer intercept interval inverse
    key length letter level line list logarithm matrix mean median mode multiple multiplicity
    number numerator odd operation outcome part path percent percentage permutation plane point
    polygon polynomial power prime probability product proportion quadratic quotient radius range
    ratio real rectangle remainder root row sample sequence series set side slope solution square
    step string subset substring sum term time total triangle trial tuple unit value variable
    vector vertex vertices volume way width word zero
    """
)
#: Nouns of order, of degree, and what stands for no thing.
_NO_THING = word_set(
    """
    amount answer count difference each equal half kind least most other part quantity rest result
    same share sort stretch thing time total twice type unit whole
    """
)

#: Words that mean one operation or one quantity, beside those that roles fold.
_SAME = MappingProxyType(
    {
        **MONEY_WORDS,
        **{word: found for word, found in QUALIFIERS.items() if found},
        "remain": "remaining", "remains": "remaining", "leftover": "remaining",
        "leftovers": "remaining", "unused": "remaining", "altogether": "total",
        "overall": "total", "sum": "total", "totals": "total", "sums": "total", "whole": "total",
        "add": "plus", "added": "plus", "adding": "plus", "increased": "plus",
        "subtract": "minus", "subtracted": "minus", "subtracting": "minus",
        "reduced": "minus", "decreased": "minus", "multiplied": "times", "multiply": "times",
        "multiplying": "times", "divided": "divided", "divide": "divided", "dividing": "divided",
        "split": "divided", "shared": "divided", "distributed": "divided",
        "doubled": "twice", "double": "twice", "tripled": "three times", "triple": "three times",
        "thrice": "three times", "halved": "half", "halves": "half",
        "every": "each", "apiece": "each", "gap": "difference", "differ": "difference",
        "quantity": "amount", "quantities": "amounts", "mean": "average", "averages": "average",
        "velocity": "speed", "pace": "speed", "percentage": "percent", "percentages": "percent",
        "share": "fraction", "portion": "part", "portions": "parts", "proportion": "ratio",
        "gain": "profit", "gains": "profit", "array": "list", "sequence": "list",
        "largest": "greatest", "biggest": "greatest", "highest": "greatest", "smallest": "least",
        "lowest": "least", "elements": "items", "objects": "items", "things": "items",
        "element": "item", "object": "item", "thing": "item", "persons": "people",
        "fixed": "constant",
    }
)  # fmt: skip
#: Words that keep their own meaning wherever they stand.
_NOT_COUNTED = (
    _MATHEMATICAL | _NO_THING | ROLE_WORDS | STOP | TIMES | UNITS.keys() | _SAME.keys()
).union(*(found.split() for found in _SAME.values())) - {"item", "items", "people"}
#: Phrases first: what they say in one word.
_PHRASES = (
    (re.compile(r"\bper cent\b"), "percent"),
    (re.compile(r"\bless\b(?!\s+than\b)"), "minus"),
    (re.compile(r"\bin (?:total|all)\b"), "total"),
    (re.compile(r"\bleft over\b"), "remaining"),
    (re.compile(r"\b(?:taken|take|takes) (?:away|off)\b"), "minus"),
    (re.compile(r"\beach one\b|\bevery one\b|\bfor (?:each|every)\b"), "each"),
    (re.compile(r"\bamount of money\b|\bhow much money\b|\bsum of money\b"), "money"),
    (re.compile(r"\bhow much\b"), "amount"),
)
#: Words that ask, and words that point; the shape is what they ask for.
_EMPTY = word_set(
    """
    a an the this that these those given certain some please also then so
    find calculate determine compute evaluate express work figure out following what which is are
    was were be been does do did has have had can could will would should one we you i it they he
    she want wants need needs get gets there another
    """
)
_POSSESSIVE = re.compile(r"['’]s?(?!\w)|\b(?:his|her|their|its|my|your|our)\b")
#: Literals as `mask` leaves them, in digits too. Its later letters, and one with no word behind it,
#: are rather variables.
_LITERAL = r"(?:[nmkpqr]|\d[\d.,]*)"
_PERCENT = re.compile(rf"(?<!\w){_LITERAL}\s?%")
_MONEY = re.compile(rf"[$€£₹¥]\s?{_LITERAL}(?!\w)")
_NUMBER = re.compile(r"(?<![\w'’^_])[nmkpqr](?=\s+[a-z]{2})")
_COUNT = re.compile(r"\b(?:numbers?|counts?|num) of (?=\w)|\bhow many\b")
_TOKEN = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|\d+|[-+*/^=<>()\[\]{}|!#,]")
#: Stands before what is counted until roles are given.
_SLOT = "#"
_SIDES = frozenset(("left", "right"))
#: Rules may make room for one another; after so many rounds none does.
_ROUNDS = 8
#: Most words between "number of" and the noun that it counts.
_REACH = 3


def shape(span: Span) -> str:
    """The shape of a span; its wording where the rules leave nothing of it."""
    found = shape_of(span.subquestion, span.signature, span.domain)
    return found or wording_of(span.subquestion)


def shape_of(subquestion: str, signature: Signature, domain: str = "math") -> str:
    """The shape of what ``subquestion`` asks of a routine with this ``signature``. Deterministic.
    May be empty."""
    things = frozenset() if domain == "code" else _things(signature)
    text = mask(subquestion[:MAX_CHARS])
    for _ in range(_ROUNDS):
        before, text = text, _once(text, things, with_roles=domain != "code")
        if text == before:
            break
    return text


def wording_of(subquestion: str) -> str:
    """A subquestion in its own words: single spaces, no closing mark, lower case at its start."""
    text = " ".join(subquestion.split()).rstrip("?.! ")
    return text[:1].lower() + text[1:]


def _once(text: str, things: frozenset[str], *, with_roles: bool) -> str:
    tokens = _TOKEN.findall(_slotted(" ".join(text.lower().split())))
    is_side = set(tokens) >= _SIDES
    tokens = [
        word
        for token in tokens
        for word in (token if is_side and token in _SIDES else _SAME.get(token, token)).split()
    ]
    if with_roles:
        tokens = list(_with_roles(tokens, things))
    kept = [token for token in tokens if token not in _EMPTY and token != _SLOT]
    return " ".join(kept).replace(" ,", ",").strip(" ,")


def _slotted(text: str) -> str:
    text = _PERCENT.sub("percent", text)
    text = _MONEY.sub("money", text)
    text = _NUMBER.sub(_SLOT, text)
    for pattern, word in _PHRASES:
        text = pattern.sub(word, text)
    return _POSSESSIVE.sub(" ", _COUNT.sub(f"{_SLOT} ", text))


def _things(signature: Signature) -> frozenset[str]:
    """The nouns (singular) that name what a routine counts."""
    found = set()
    for parameter in (*signature.inputs, signature.output):
        if parameter.unit is None and _is_number(parameter):
            head = _head(parameter.name)
            if is_plural(head) and _class_of(head):
                found.add(singular(head))
    return frozenset(found)


def _head(name: str) -> str:
    """The noun of a name: "apples_per_box" and "apples_of_lena" are apples."""
    words = [w for w in re.split(r"[_\W\d]+", name.lower()) if w]
    for at, word in enumerate(words):
        if at and word in ("per", "each", "of") and words[at - 1] not in _NO_THING:
            return words[at - 1]
    return words[-1] if words else ""


def _class_of(noun: str) -> str:
    """The class of what ``noun`` counts; empty for measures, kinds of quantity and mathematics."""
    one = singular(noun)
    if noun in _NOT_COUNTED or one in _NOT_COUNTED:
        return ""
    found = counted_class(noun) or ""
    return found if found in _CLASSES else ""


def _with_roles(tokens: Sequence[str], things: frozenset[str]) -> Iterator[str]:
    """``tokens`` with roles for what is counted: what the signature counts, and what stands where
    the text counts."""
    counted = set(things)
    for at, token in enumerate(tokens):
        if token == _SLOT:
            counted |= _counted_after(tokens[at + 1 : at + 1 + _REACH])
        elif token in ("per", "each") and at + 1 < len(tokens) and _class_of(tokens[at + 1]):
            counted.add(singular(tokens[at + 1]))
    classes: dict[str, dict[str, int]] = {}
    for token in tokens:
        one = singular(token)
        if one in counted or one in _CLASSES:
            known = classes.setdefault(_class_of(one) or one, {})
            known.setdefault(one, len(known))
    if not classes:
        yield from tokens
        return
    first = min(classes, key=_CLASSES.index)
    for token in tokens:
        one = singular(token)
        found = next((name for name, known in classes.items() if one in known), None)
        if found is None:
            yield token
            continue
        role = "item" if found == first else found
        if is_plural(token) or token == "people":
            role = _MANY.get(role, f"{role}s")
        number = classes[found][one]
        yield from (*_OTHERS[min(number, len(_OTHERS) - 1)].split(), role)


def _counted_after(words: Sequence[str]) -> set[str]:
    """The noun that ``words`` begin with, as a set of it or of nothing: the first plural."""
    for word in words:
        if word == _SLOT or (word in STOP and word not in QUALIFIERS):
            break
        if is_plural(word):
            return {singular(word)} if _class_of(word) else set()
    return set()


def _is_number(parameter: Parameter) -> bool:
    return coarse(parameter.type) == "number"
