"""A formula as a person would ask for it: "money left of a sum of money after buying a number of
items at a price per item". Words of role alone; no number or name of an instance gets in.

A text about several quantities of one kind keeps them apart as people do: "a number of items and
twice another number of items", "the same number of people".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from tracemine.teachers.rules.arithmetic.roles import Quantity
from tracemine.teachers.rules.arithmetic.terms import (
    ONE,
    Leaf,
    Other,
    Product,
    Sum,
    Term,
    constant_of,
    leaves,
)
from tracemine.teachers.rules.language.numerals import word_set
from tracemine.teachers.rules.language.words import MONEY_UNITS, TIMES, UNITS, listed, plural

#: Formulas with more numbers than this are told by their inputs alone.
MAX_TOLD = 7

#: A subquestion of more characters, or that comes back more often to what it has told, is one that
#: nobody reads: its inputs say more.
MAX_CHARS = 150
MAX_BACK = 2

#: Results that nothing names but the operation.
_FORMAL = ("product", "quotient", "total", "difference")
_COUNTED = ("items", "people", "groups", "points")
#: Plurals of units, of which there is a number: "a number of hours".
_MEASURED = frozenset(
    plural(unit)
    for unit in {*UNITS.values(), *TIMES} - MONEY_UNITS - {"percent"}
    if "/" not in unit
)

#: What a leaf is.
Roles = Callable[[tuple[str, str]], Quantity]
#: What a term amounts to.
Meaning = Callable[[Term], Quantity]

#: What has parts, and does not come from others.
_OF_PARTS = word_set("cost price value weight area volume length distance")
_COUNTS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven"}
_POWERS = {2: "square", 3: "cube"}
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
_SCALED = {
    Fraction(2): "twice", Fraction(1, 2): "half of", Fraction(1, 4): "a quarter of",
}  # fmt: skip
_PERCENT = Fraction(100)
_AS_MANY = {Fraction(2): "twice", Fraction(1, 2): "half", Fraction(1, 4): "a quarter"}
_TAKEN = {
    1: "some are taken away",
    2: "some are taken away twice",
    3: "some are taken away several times",
}
#: Factors that only change a unit or read a percentage.
_CONVERSIONS = frozenset(
    Fraction(n) for n in (7, 12, 16, 24, 30, 36, 52, 60, 100, 365, 1000, 3600, 5280)
)

# --- quantities -------------------------------------------------------------------------------

#: Sums of money and the like that take no article.
_MASS = word_set(
    "pay spending earnings savings revenue income change interest rent profit tuition time money"
)
_RATES = word_set("tax interest commission growth")
_CHANGES = {
    "discount_percent": "a percentage discount", "increase_percent": "a percentage increase",
    "decrease_percent": "a percentage decrease", "raise_percent": "a percentage raise",
    "markup_percent": "a percentage markup", "growth_percent": "growth at a percentage",
}  # fmt: skip


def is_number(q: Quantity) -> bool:
    """Whether it is a number of things or units: "a number of items", "a number of hours"."""
    return not q.per and (q.noun in _COUNTED or q.noun in _MEASURED)


def said(q: Quantity) -> str:
    """A quantity in words, without an article: "number of people", "price per item"."""
    if not q.noun:
        return "amount"
    if q.noun in ("times", "parts"):
        return "number of times" if q.noun == "times" else "number of equal parts"
    if q.is_percent:
        kind = q.noun.removesuffix("_percent") if q.noun != "percent" else ""
        return f"{kind} {'rate' if kind in _RATES else 'percentage'}".strip()
    noun = q.noun.replace("_", " ")
    if noun in _COUNTED or noun in _MEASURED:
        noun = f"number of {noun}"
    elif noun == "money":
        noun = "amount of money" if q.per else "sum of money"
    if q.per:
        each = "each" if (q.noun, q.per) == ("items", "item") else f"per {q.per}"
        return f"{noun} {'each time' if q.per == 'time' else each}"
    word = {"more": "additional", "initial": "initial", "average": "average"}.get(q.qualifier, "")
    return f"{word} {noun}" if word and not noun.startswith(("number", "sum")) else noun


def _bare(text: str) -> str:
    """As ``text`` stands in a list of inputs: "hours" and "items per group", not their number."""
    if text == "number of items each":
        return "items in each"
    short = text.removeprefix("number of ")
    return short if short in _MEASURED or " per " in short else text


def _with_article(text: str) -> str:
    if text.split()[0] in _MASS:
        return text
    return f"{'an' if text[0] in 'aeio' else 'a'} {text}"


def _several_of(text: str, many: str) -> str:
    """``many`` (a number word, with "other" or not) of what ``text`` says one is."""
    first, _, rest = text.partition(" ")
    if first in _MASS:
        return f"{many} amounts of {text}"
    if rest in ("percentage", "rate") or first in ("additional", "initial", "average"):
        return f"{many} {first} {_plural_of(rest)}"
    return f"{many} {_plural_of(first)}{' ' if rest else ''}{rest}"


def _plural_of(word: str) -> str:
    if word.endswith(("s", "x", "ch", "sh")):
        return f"{word}es"
    if word.endswith("y") and word[-2:-1] not in ("a", "e", "o"):
        return f"{word[:-1]}ies"
    return plural(word)


def wanted(q: Quantity) -> str:
    """A result as what is asked for: "number of items left", "total cost", "price per item"."""
    if q.noun == "times":
        return "how many times"
    if not q.noun:
        return "result"
    text = said(replace(q, qualifier=""))
    if q.noun == "money" and not q.per:
        text = "money"
    if q.qualifier == "remaining":
        return f"{text} left"
    if q.qualifier in ("total", "average", "greatest", "least", "final"):
        return f"{q.qualifier} {_bare(text)}"
    if q.qualifier == "needed":
        return f"{text} needed"
    if q.qualifier in ("more", "fewer"):
        if text.startswith("number of "):
            return f"how many {q.qualifier} {text.removeprefix('number of ')}"
        return f"how much {'more' if q.qualifier == 'more' else 'less'} {text}"
    return _bare(text) if q.per else text


# --- mentions ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Mention:
    """Leaves that one place of a text speaks of, and what each of them is called there."""

    keys: tuple[tuple[str, str], ...]
    text: str
    article: bool


_MARK = re.compile("\ue000(\\d+)\ue001")


class _Mentions:
    """What a text speaks of, in places that are marked in it until all of it stands: only then is
    it clear which is the first of its kind, which another, and which the same again."""

    def __init__(self) -> None:
        self._all: list[_Mention] = []

    def mark(self, keys: Iterable[tuple[str, str]], text: str, *, article: bool = True) -> str:
        self._all.append(_Mention(tuple(dict.fromkeys(keys)), text, article))
        return f"\ue000{len(self._all) - 1}\ue001"

    def plain(self, text: str) -> str:
        """``text`` as if each place were the first, to compare what two texts say."""
        return _MARK.sub(lambda m: self._first(self._all[int(m[1])]), text)

    def _first(self, mention: _Mention) -> str:
        if len(mention.keys) > 1:
            return _several_of(mention.text, _COUNTS.get(len(mention.keys), "several"))
        return _with_article(mention.text) if mention.article else _bare(mention.text)

    def settled(self, text: str) -> str:
        """``text`` with words in the marked places."""
        kinds: dict[str, list[tuple[str, str]]] = {}
        for place in _MARK.finditer(text):
            mention = self._all[int(place[1])]
            kind = kinds.setdefault(mention.text, [])
            kind.extend(key for key in mention.keys if key not in kind)
        told: dict[str, set[tuple[str, str]]] = {kind: set() for kind in kinds}

        def words(place: re.Match[str]) -> str:
            mention = self._all[int(place[1])]
            known, kind = told[mention.text], kinds[mention.text]
            seen = known.copy()
            known.update(mention.keys)
            if not seen:
                return self._first(mention)
            if len(mention.keys) > 1:
                many = _COUNTS.get(len(mention.keys), "several")
                other = "" if seen.issuperset(mention.keys) else " other"
                the = "" if other else "the same "
                return _several_of(mention.text, f"{the}{many}{other}")
            (key,) = mention.keys
            at = kind.index(key)
            if key in seen:
                first = "same" if len(kind) == 1 else _ordinal(at)
                return f"the {first} {mention.text}"
            is_mass = mention.text.split()[0] in _MASS
            if len(kind) == 2:
                return f"{'other' if is_mass else 'another'} {mention.text}"
            return f"a {_ordinal(at)} {'amount of ' if is_mass else ''}{mention.text}"

        return _MARK.sub(words, text)


#: What goes on to say that a quantity is for one of something.
_RATE_ENDS = ("per ", "in each of", "for each of", "each")

_BACK = re.compile(
    r"\bthe (?:same|first|second|third|fourth|fifth|sixth|seventh|further) (?!numbers? of times)"
)


def _ordinal(at: int) -> str:
    return _ORDINALS[at] if at < len(_ORDINALS) else "further"


# --- formulas ---------------------------------------------------------------------------------


class Teller:
    """Tells formulas whose leaves are ``roles`` and whose parts mean ``meaning``."""

    def __init__(self, roles: Roles, meaning: Meaning) -> None:
        self._roles, self._meaning = roles, meaning
        self._mentions = _Mentions()

    def ask(self, term: Term, output: Quantity) -> str:
        """The subquestion that ``term`` answers; ``output`` is what its result is called."""
        inside = list(dict.fromkeys(leaf.key for leaf in leaves(term)))
        if len(inside) <= MAX_TOLD:
            found = self._mentions.settled(self._ask(term, output))
            if len(found) <= MAX_CHARS and len(_BACK.findall(found)) <= MAX_BACK:
                return found.removeprefix("the ") if not found.startswith("the whole") else found
        return self._from_inputs(inside, output)

    def _from_inputs(self, inside: Sequence[tuple[str, str]], output: Quantity) -> str:
        given = [said(self._roles(key)) for key in inside]
        parts = [
            _bare(text)
            if (n := given.count(text)) == 1
            else _several_of(text, _COUNTS.get(n, "several"))
            for text in dict.fromkeys(given)
        ]
        return f"{wanted(output)} from {listed(parts)}"

    def _ask(self, term: Term, output: Quantity) -> str:
        asked = wanted(output)
        if isinstance(term, Sum):
            return self._ask_sum(term, output, asked)
        if isinstance(term, Product):
            return self._ask_product(term, output, asked)
        told = self._tell(term)
        return told if output.noun in _FORMAL else f"{asked} as {told}"

    def _one(self, leaf: Leaf, *, article: bool = True) -> str:
        return self._mentions.mark((leaf.key,), said(self._roles(leaf.key)), article=article)

    def _group(self, found: Sequence[Leaf]) -> str:
        """Several leaves of one kind."""
        return self._mentions.mark((leaf.key for leaf in found), said(self._roles(found[0].key)))

    def _role(self, term: Term) -> Quantity:
        return self._roles(term.key) if isinstance(term, Leaf) else self._meaning(term)

    # --- sums ---------------------------------------------------------------------------------

    def _ask_sum(self, term: Sum, output: Quantity, asked: str) -> str:
        parts = (*term.plus, *term.minus)
        if any(constant_of(t) is not None for t in parts) and len(parts) == 2:
            told = self._tell_sum(term)
            return told if self._says(told, output) else f"{asked} as {told}"
        if term.minus:
            return self._ask_difference(term, output, asked)
        kept = self._several(term.plus)
        if self._says(kept, output):
            return f"total of {kept}" if output.qualifier in ("total", "") else f"{asked} of {kept}"
        plain = not output.qualifier and not output.per
        glue = "of" if output.noun in _OF_PARTS else "from"
        return f"{'total ' if plain else ''}{asked} {glue} {kept}"

    def _says(self, told: str, output: Quantity) -> bool:
        """Whether a text names what comes out already, or nothing does. What is for each of
        something else ("items per group") does not come out."""
        words = output.noun.replace("_", " ")
        if not words or output.noun in _FORMAL:
            return True
        other = "" if output.per else rf"(?! (?:{'|'.join(_RATE_ENDS)}))"
        return re.search(rf"\b{words}(?:s|es)?\b{other}", self._mentions.plain(told)) is not None

    def _ask_difference(self, term: Sum, output: Quantity, asked: str) -> str:
        compares = output.qualifier in ("more", "fewer")
        noun = output.noun
        takes = output.qualifier == "remaining" or self._is_taking(term)
        own = [self._is_of(t, noun) for t in (*term.plus, *term.minus)]
        if is_number(output) and not compares and all(own[len(term.plus) :]):
            only = len(term.plus) == len(term.minus) == 1 and all(own)
            if not (only and noun in _MEASURED and not takes):
                left = f"how many {noun} are left"
                taken = _TAKEN[min(len(term.minus), 3)]
                if not all(own):
                    return f"{left} when {taken} from {self._several(term.plus)}"
                return f"{left} after {taken}{' and others added' if len(term.plus) > 1 else ''}"
        if compares and is_number(output):
            if all(own) and len(own) == 2 and noun in _COUNTED:
                return f"{asked} there are in one group than in another"
            kept, less = self._several(term.plus), self._several(term.minus)
            return f"{asked} there are in {kept} than in {less}"
        if takes or (output.is_money and not output.per and noun in ("money", "savings")):
            if is_number(output):
                left = f"how many {noun} are left"
            else:
                left = asked if asked.endswith(" left") else f"{asked} left"
            return f"{left} {self._after(term)}"
        told = self._tell_sum(term)
        if compares:
            return f"{asked}: {told}"
        return told if self._says(told, output) else f"{asked} as {told}"

    def _is_of(self, term: Term, noun: str) -> bool:
        role = self._roles(term.key) if isinstance(term, Leaf) else None
        return role is not None and role.noun == noun and not role.per

    def _is_taking(self, term: Sum) -> bool:
        return any(
            self._roles(t.key).qualifier == "taken" for t in term.minus if isinstance(t, Leaf)
        )

    def _several(self, terms: Sequence[Term]) -> str:
        """Terms that are added."""
        if len(terms) == 1:
            return self._tell(terms[0])
        whole = self._multiples(terms)
        if whole:
            return whole
        told = [self._mentions.plain(self._tell(term)) for term in terms]
        if len(set(told)) == 1 and not isinstance(terms[0], Leaf):
            kinds = self._kinds(terms, _COUNTS.get(len(terms), "several"))
            if kinds:
                return kinds
        parts: list[str] = []
        for at, term in enumerate(terms):
            like = [t for t, text in zip(terms, told, strict=True) if text == told[at]]
            bare = [t for t in like if isinstance(t, Leaf)]
            if len({leaf.key for leaf in bare}) < 2:
                parts.append(self._tell(term))
            elif term is like[0]:
                parts.append(self._group(bare))
        return listed(parts)

    def _kinds(self, terms: Sequence[Term], many: str) -> str:
        """Like products: "two kinds of items, each with its own number of items and price"."""
        keys = [[leaf.key for leaf in leaves(term)] for term in terms]
        shared = set(keys[0]).intersection(*keys[1:])
        own = [self._roles(key) for key in dict.fromkeys(keys[0]) if key not in shared]
        both = [self._roles(key) for key in dict.fromkeys(keys[0]) if key in shared]
        if not own:
            return ""
        counted = next((q for q in own if q.is_counted and not q.per), None)
        if counted is None:
            parts = f"{many} parts"
        elif counted.is_time:
            parts = f"{many} stretches of time"
        else:
            parts = f"{many} kinds of {counted.noun}"
        text = f"{parts}, each with its own {listed([_bare(said(q)) for q in own])}"
        return f"{text} and the same {listed([_bare(said(q)) for q in both])}" if both else text

    def _multiples(self, terms: Sequence[Term]) -> str:
        """A number and a multiple of it: "a number of items and twice as many"."""
        bare = [term for term in terms if isinstance(term, Leaf)]
        if len(terms) != 2 or len(bare) != 1:
            return ""
        base = bare[0]
        (other,) = [t for t in terms if t != base]
        if not isinstance(other, Product) or base not in other.tops:
            return ""
        rest = [t for t in (*other.tops, *other.bottoms) if t != base]
        if any(not isinstance(t, Leaf) or not self._roles(t.key).is_ratio for t in rest):
            return ""
        told = self._tell(base)
        much = "many" if is_number(self._roles(base.key)) else "much"
        if rest:
            part = any(self._role(t).noun != "times" for t in rest)
            return f"{told} and {'a part of it' if part else f'several times as {much}'}"
        scaled = _AS_MANY.get(other.factor, "a fixed number of times")
        return f"{told} and {scaled} as {much}"

    def _after(self, term: Sum) -> str:
        """ "of a sum of money after buying a number of items at a price per item"."""
        return f"of {self._several(term.plus)} after {self._taking(term)}"

    def _taking(self, term: Sum) -> str:
        own = [t for t in term.plus if isinstance(t, Leaf)]
        base = own[0] if len(term.plus) == 1 and own else None
        paid: list[Term] = []
        taken: list[Term] = []
        bought: list[Term] = []
        part = ""
        for minus in term.minus:
            q = self._meaning(minus)
            if base is not None and len(term.minus) == 1 and (part := self._part_of(minus, base)):
                continue
            if not q.is_money:
                taken.append(minus)
            elif self._is_purchase(minus):
                bought.append(minus)
            else:
                paid.append(minus)
        told = [
            f"{verb} {self._several(group)}"
            for verb, group in (("paying", paid), ("buying", bought), ("taking away", taken))
            if group
        ]
        if part and base is not None:
            told.append(f"taking away {part}")
        return listed(told)

    def _is_purchase(self, term: Term) -> bool:
        if not isinstance(term, Product):
            return False
        inside = [self._role(t) for t in term.tops]
        return any(r.is_counted for r in inside) and any(r.noun == "price" for r in inside)

    def _part_of(self, term: Term, base: Leaf) -> str:
        """ "half of them", where ``term`` is a part of ``base``."""
        if not isinstance(term, Product) or base not in term.tops:
            return ""
        rest = [t for t in (*term.tops, *term.bottoms) if t != base]
        if any(not isinstance(t, Leaf) or not self._role(t).is_ratio for t in rest):
            return ""
        them = "them" if is_number(self._roles(base.key)) else "it"
        if not rest:
            return f"{_scaled(abs(term.factor))} {them}" if term.factor < ONE else ""
        if len(rest) > 1 or self._role(rest[0]).noun == "times":
            return ""
        if self._role(rest[0]).noun == "parts":
            return f"one of the equal parts of {them}"
        return f"a {'percentage' if self._role(rest[0]).is_percent else 'fraction'} of {them}"

    # --- products -----------------------------------------------------------------------------

    def _ask_product(self, term: Product, output: Quantity, asked: str) -> str:
        if term.bottoms:
            return self._ask_quotient(term, output, asked)
        factor = abs(term.factor)
        bare = [t for t in term.tops if not (isinstance(t, Leaf) and self._role(t).is_ratio)]
        changes = [change for t in bare if isinstance(t, Sum) and (change := self._change(t))]
        if changes and len(bare) == 2 == len(term.tops) and factor == ONE:
            return self._ask_changed(bare, output, asked, changes[0])
        if len(bare) == 1 and not changes:
            return self._ask_scaled(term, bare[0], output, asked)
        simple = [t for t in term.tops if isinstance(t, Leaf) and not self._role(t).is_ratio]
        if len(simple) == len(term.tops):
            return self._ask_factors(term, simple, output, asked)
        told = self._tell(term)
        return told if self._says(told, output) else f"{asked} {_glue(told)} {told}"

    def _ask_changed(self, bare: Sequence[Term], output: Quantity, asked: str, change: str) -> str:
        (base,) = [t for t in bare if not (isinstance(t, Sum) and self._change(t))] or [bare[0]]
        role = self._role(base)
        if isinstance(base, Leaf) and is_number(role) and change.endswith("is taken off"):
            part = change.removeprefix("after ").removesuffix(" is taken off")
            return f"how many {role.noun} are left after {part} of them is taken away"
        if isinstance(base, Leaf):
            same = role.noun == output.noun or (role.is_money and output.is_money)
            told = said(role)
            return f"{told} {change}" if same else f"{asked} from {told} {change}"
        told = self._tell(base)
        return f"{asked if output.noun else 'result'} {_glue(told)} {told} {change}"

    def _ask_scaled(self, term: Product, base: Term, output: Quantity, asked: str) -> str:
        """One quantity, scaled by a constant, a percentage, a fraction or a number of times."""
        role = self._role(base)
        scale = [t for t in term.tops if t is not base]
        told = self._tell(term)
        factor = abs(term.factor)
        percent = any(self._role(t).is_percent for t in scale)
        if not percent and self._is_conversion(term, factor):
            inner = self._tell_product(replace(term, factor=ONE))
            if output.noun in _MEASURED and not output.per:
                return f"number of {output.noun} in {inner}"
            return f"{inner} in another unit"
        if output.noun in (role.noun, *_FORMAL) or self._says(told, output):
            return told
        if len(scale) == 1 and self._role(scale[0]).is_percent and isinstance(base, Leaf):
            inputs = [said(self._role(t)) for t in (base, scale[0])]
            return f"{asked} from {listed(inputs)}"
        return f"{asked} {_glue(told)} {told}"

    def _ask_factors(
        self, term: Product, found: Sequence[Leaf], output: Quantity, asked: str
    ) -> str:
        """Numbers that are multiplied, and a constant."""
        factor = abs(term.factor)
        roles = [self._role(t) for t in found]
        if factor == ONE and len(found) == 2 and is_number(output):
            rates = [t for t in found if self._role(t).per]
            counts = [t for t in found if not self._role(t).per]
            if len(rates) == 1 and self._role(counts[0]).noun in _COUNTED:
                return self._ask_all(rates[0], counts[0], output)
        if len({leaf.key for leaf in found}) == 1 and len(found) in _POWERS and factor == ONE:
            return f"{asked} as the {_POWERS[len(found)]} of {self._one(found[0])}"
        inputs = listed(self._inputs(found))
        glue = "of" if asked == "product" else "from"
        if factor == ONE:
            return f"{asked} {glue} {inputs}"
        if factor in _SCALED:
            return f"{asked} as {self._tell_product(term)}"
        if self._is_conversion(term, factor) and output.is_time and any(q.is_time for q in roles):
            return f"{asked} {glue} {inputs}, converted to {output.noun}"
        return f"{asked} {glue} {inputs}, times a constant"

    def _inputs(self, found: Sequence[Leaf]) -> list[str]:
        """Leaves as they stand in a list, those of one kind together."""
        parts: list[str] = []
        for at, leaf in enumerate(found):
            like = [other for other in found if said(self._role(other)) == said(self._role(leaf))]
            if len({other.key for other in like}) < 2:
                parts.append(self._one(leaf, article=False))
            elif found.index(like[0]) == at:
                parts.append(self._group(like))
        return parts

    def _ask_all(self, rate: Leaf, count: Leaf, output: Quantity) -> str:
        """ "total number of items in a number of groups of the same size": so many of each."""
        per, each = self._role(count), self._role(rate)
        noun = output.noun
        if per.noun == "groups" and each.noun in ("items", "people") and noun == each.noun:
            return f"total number of {noun} in {self._one(count)} of the same size"
        if each.noun == per.noun:
            return f"total number of {noun} when each of {self._one(count)} has the same number"
        return f"total number of {noun} for {self._one(count)}, given the {said(each)}"

    def _ask_quotient(self, term: Product, output: Quantity, asked: str) -> str:
        below = [self._role(t) for t in term.bottoms]
        top = _product_of(term.factor, term.tops)
        if top is None or len(below) > 1:
            told = self._tell(term)
            return told if output.noun in _FORMAL else f"{asked} as {told}"
        if below[0].is_percent and term.factor == _PERCENT:
            whole = _product_of(ONE, term.tops)
            if whole is not None:
                return f"the whole of which {self._tell(whole)} is a percentage"
        if output.noun == "times":
            return f"how many times {self._tell(term.bottoms[0])} goes into {self._tell(top)}"
        if below[0].is_counted and output.per:
            left = self._tell(top)
            if isinstance(top, Sum) and top.minus:
                left = f"what is left {self._after(top)}"
            way = "shared equally among" if below[0].noun == "people" else "divided among"
            way = "spread over" if below[0].is_time else way
            return f"{asked} when {left} is {way} {self._tell(term.bottoms[0])}"
        if below[0].noun == "parts":
            told = f"{self._tell(top)} divided into equal parts"
            return told if self._says(told, output) else f"{asked} when {_is_divided(told)}"
        over = self._tell(term.bottoms[0])
        if below[0].per:
            return f"{asked} for {self._tell(top)} at {over}"
        told = f"{self._tell(top)} divided by {over}"
        return told if self._says(told, output) else f"{asked} as {told}"

    # --- noun phrases -------------------------------------------------------------------------

    def _tell(self, term: Term) -> str:
        if isinstance(term, Leaf):
            return self._one(term)
        if isinstance(term, Sum):
            return self._tell_sum(term)
        if isinstance(term, Other):
            return self._tell_other(term)
        if not term.tops and not term.bottoms:
            return "a constant"
        return self._tell_product(term)

    def _tell_sum(self, term: Sum) -> str:
        fixed = [t for t in (*term.plus, *term.minus) if constant_of(t) is not None]
        if fixed and len(term.plus) + len(term.minus) == 2:
            (other,) = [t for t in (*term.plus, *term.minus) if constant_of(t) is None]
            if fixed[0] in term.plus and term.minus:
                part = "a percentage" if self._is_share(other) else self._tell(other)
                return f"what {part} leaves of a whole"
            much = "one" if constant_of(fixed[0]) == 1 else "a constant"
            return f"{self._tell(other)} {'plus' if not term.minus else 'less'} {much}"
        if not term.minus:
            return f"the sum of {self._several(term.plus)}"
        if self._is_taking(term):
            return f"what is left {self._after(term)}"
        if len(term.plus) == len(term.minus) == 1:
            one, other = term.plus[0], term.minus[0]
            if isinstance(one, Leaf) and isinstance(other, Leaf) and self._alike(one, other):
                return f"the difference between {self._group((one, other))}"
            return f"the difference between {self._tell(one)} and {self._tell(other)}"
        return f"{self._several(term.plus)} less {self._several(term.minus)}"

    def _alike(self, one: Leaf, other: Leaf) -> bool:
        return one != other and said(self._roles(one.key)) == said(self._roles(other.key))

    def _is_share(self, term: Term) -> bool:
        """Whether it is a percentage of nothing but a whole."""
        keys = [leaf.key for leaf in leaves(term)]
        return len(keys) == 1 and self._roles(keys[0]).is_percent

    def _tell_other(self, term: Other) -> str:
        left = self._tell(term.left)
        power = constant_of(term.right)
        if term.symbol == "**" and power is not None:
            named = _POWERS.get(int(power), "power") if power.denominator == 1 else "power"
            return f"the {named} of {left}"
        right = self._tell(term.right)
        if term.symbol == "//":
            return f"how many whole times {right} goes into {left}"
        if term.symbol == "%":
            return f"what is over when {left} is divided by {right}"
        return f"{left} to the power of {right}"

    def _tell_product(self, term: Product) -> str:
        factor = abs(term.factor)
        after: list[str] = []
        prefix: list[str] = []
        bare: list[Term] = []
        for top in term.tops:
            role = self._role(top) if isinstance(top, Leaf) else None
            if role is not None and role.is_percent and factor.denominator % 100 == 0:
                factor *= 100
                prefix.append("a percentage of")
            elif role is not None and role.noun == "fraction":
                prefix.append("a fraction of")
            elif role is not None and role.noun == "times":
                prefix.append("a given number of times")
            elif isinstance(top, Sum) and (change := self._change(top)):
                after.append(change)
            else:
                bare.append(top)
        average = self._average(factor, bare)
        if average:
            text, factor = average, ONE
        elif not bare and prefix[-1:] == ["a given number of times"]:
            prefix[-1], text = "a number of times", ""
        else:
            text = self._factors(bare) or "a whole"
        for below in term.bottoms:
            if self._role(below).noun == "parts":
                text = f"{text} divided into equal parts"
                continue
            over = self._tell(below)
            text = f"{text} divided by {over}" if text else f"one over {over}"
        if factor != ONE and not self._is_conversion(term, factor):
            prefix.append(_scaled(factor))
        elif factor != ONE:
            after.append("in another unit")
        text = " ".join([*prefix, *([text] if text else [])])
        if len(after) > 1 and len(set(after)) == 1:
            after = [f"{after[0]} {'twice' if len(after) == 2 else 'several times'}"]
        return f"{text} {' and '.join(after)}" if after else text

    def _average(self, factor: Fraction, bare: Sequence[Term]) -> str:
        """ "the average of two prices": as many like numbers as their sum is divided by."""
        if len(bare) != 1 or not isinstance(bare[0], Sum) or bare[0].minus:
            return ""
        parts = [t for t in bare[0].plus if isinstance(t, Leaf)]
        if len(parts) < len(bare[0].plus) or factor * len(parts) != ONE:
            return ""
        if any(not self._alike(parts[0], other) for other in parts[1:]):
            return ""
        return f"the average of {self._group(parts)}"

    def _is_conversion(self, term: Product, factor: Fraction) -> bool:
        """Whether a factor puts what is measured into another unit; a dozen payments are money."""
        parts = [self._role(t) for t in (*term.tops, *term.bottoms)]
        return is_conversion(factor) and any(
            q.is_time or (q.stated_unit and not q.is_money and not q.is_ratio) for q in parts
        )

    def _factors(self, terms: Sequence[Term]) -> str:
        if len(terms) < 2:
            return self._tell(terms[0]) if terms else ""
        counts = [t for t in terms if not self._role(t).per]
        rates = [t for t in terms if self._role(t).per]
        if len(counts) == len(rates) == 1 and isinstance(rates[0], Leaf):
            return self._of_each(rates[0], counts[0])
        if counts and rates:
            told = " times ".join(map(self._tell, counts))
            return f"{told} at {listed([*map(self._tell, rates)])}"
        found = [t for t in terms if isinstance(t, Leaf)]
        if len(found) == len(terms) and all(self._alike(found[0], t) for t in found[1:]):
            return f"the product of {self._group(found)}"
        return " times ".join(map(self._tell, terms))

    def _of_each(self, rate: Leaf, count: Term) -> str:
        """ "a number of items at a price per item", "a number of items in each of a number of
        groups"."""
        role, per = self._role(rate), self._role(count)
        if role.is_money or per.noun not in _COUNTED or not isinstance(count, Leaf):
            return f"{self._tell(count)} at {self._tell(rate)}"
        each = self._mentions.mark((rate.key,), said(replace(role, per="")))
        return f"{each} {'in' if per.noun == 'groups' else 'for'} each of {self._tell(count)}"

    def _change(self, term: Sum) -> str:
        """ "after a percentage discount": what a factor like ``1 - percent / 100`` does."""
        parts = (*term.plus, *term.minus)
        others = [t for t in parts if constant_of(t) is None]
        if not others or [constant_of(t) for t in term.plus if constant_of(t)] != [ONE]:
            return ""
        told = []
        for other in others:
            (leaf, *more) = list(leaves(other))
            if more or not self._roles(leaf.key).is_ratio:
                return ""
            told.append(self._roles(leaf.key))
        if len(told) == 1 and told[0].noun in _CHANGES:
            return f"after {_CHANGES[told[0].noun]}"
        names = [_with_article(said(q)) for q in told]
        return f"after {listed(names)} {'is taken off' if term.minus else 'is added'}"


def _glue(told: str) -> str:
    """How what is asked for goes on with what it comes from: a part is "as a part of", what
    something amounts to at a rate is "for" it."""
    parts = ("a percentage of", "a fraction of", "half of", "a quarter of", "twice", "a given",
             "a fixed")  # fmt: skip
    return "for" if " at " in told and not told.startswith(parts) else "as"


def _is_divided(told: str) -> str:
    return told.replace(" divided into", " is divided into")


def _product_of(factor: Fraction, tops: Sequence[Term]) -> Term | None:
    if not tops:
        return None
    return tops[0] if len(tops) == 1 and factor == ONE else Product(factor, tuple(tops))


def is_conversion(factor: Fraction) -> bool:
    """Whether a factor turns one unit into another."""
    return factor in _CONVERSIONS or (factor != 0 and 1 / factor in _CONVERSIONS)


def _scaled(factor: Fraction) -> str:
    told = _SCALED.get(factor)
    if told:
        return told
    return "a fixed multiple of" if factor > 1 else "a fixed part of"
