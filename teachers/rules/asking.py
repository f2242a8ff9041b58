"""A formula as a person would ask for it: "money left of a sum of money after buying a number of
items at a price per item". Words of role alone; no number or name of an instance gets in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from tracemine.teachers.rules.numerals import word_set
from tracemine.teachers.rules.roles import Quantity, output_phrase, phrase
from tracemine.teachers.rules.terms import ONE, Leaf, Other, Product, Sum, Term, constant_of, leaves
from tracemine.teachers.rules.words import listed

#: Formulas with more numbers than this are told by their inputs alone.
MAX_TOLD = 7

#: Results that nothing names but the operation.
_FORMAL = ("product", "quotient", "total", "difference")
_COUNTED = ("items", "people", "groups", "points")

#: What a leaf is.
Roles = Callable[[tuple[str, str]], Quantity]
#: What a term amounts to.
Meaning = Callable[[Term], Quantity]

_COUNTS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven"}
_SCALED = {
    Fraction(2): "twice", Fraction(1, 2): "half of", Fraction(1, 4): "a quarter of",
}  # fmt: skip
_PERCENT = Fraction(100)
_PLURALS = word_set(
    "prices costs payments fees discounts tips lengths widths heights areas volumes distances "
    "speeds weights ages debts values profits loans deposits budgets investments scores points"
)
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


class Teller:
    """Tells formulas whose leaves are ``roles`` and whose parts mean ``meaning``."""

    def __init__(self, roles: Roles, meaning: Meaning) -> None:
        self._roles, self._meaning = roles, meaning

    def ask(self, term: Term, output: Quantity) -> str:
        """The subquestion that ``term`` answers; ``output`` is what its result is called."""
        asked = output_phrase(output) if output.noun else "result"
        inside = list(dict.fromkeys(leaf.key for leaf in leaves(term)))
        if len(inside) > MAX_TOLD:
            given = [phrase(self._roles(key), article=False) for key in inside]
            return f"{asked} from {listed(given)}"
        if isinstance(term, Sum):
            return self._ask_sum(term, output, asked)
        if isinstance(term, Product):
            return self._ask_product(term, output, asked)
        told = self.tell(term)
        return told if output.noun in _FORMAL else f"{asked} of {told}"

    # --- sums ---------------------------------------------------------------------------------

    def _ask_sum(self, term: Sum, output: Quantity, asked: str) -> str:
        kept = self._several(term.plus)
        parts = (*term.plus, *term.minus)
        if output.qualifier not in ("more", "fewer") and term.minus and self._are_all(term, output):
            if len(term.plus) > 1:
                return f"how many {output.noun} are left after some are taken away and others added"
            return f"how many {output.noun} are left after {_TAKEN[min(len(term.minus), 3)]}"
        if any(constant_of(t) is not None for t in parts) and len(parts) == 2:
            return f"{asked}: {self._tell_sum(term)}"
        if not term.minus:
            if len(kept.split(output.noun or " ")) > 1:
                return (
                    f"total of {kept}"
                    if output.qualifier in ("total", "")
                    else f"{asked} of {kept}"
                )
            plain = not output.qualifier and not output.per and output.noun not in _FORMAL
            return f"{'total ' if plain else ''}{asked} of {kept}"
        if output.noun in ("profit", "change", "difference", "discount", "increase", "decrease"):
            return f"{asked}: {kept} less {self._several(term.minus)}"
        if output.qualifier in ("more", "fewer"):
            return f"{asked}: difference between {kept} and {self._several(term.minus)}"
        if output.qualifier == "remaining" or self._is_taking(term):
            if output.noun in _COUNTED:
                asked = f"how many {output.noun} are left"
            elif output.qualifier != "remaining":
                asked = f"{asked} left"
            return f"{asked} of {kept} after {self._taking(term.minus)}"
        return f"{asked}: {kept} less {self._several(term.minus)}"

    def _are_all(self, term: Sum, output: Quantity) -> bool:
        """Whether ``term`` is a count of what ``output`` counts, some more and some less."""
        roles = [
            self._roles(t.key) if isinstance(t, Leaf) else None for t in (*term.plus, *term.minus)
        ]
        return (
            output.noun in _COUNTED
            and not output.per
            and all(
                role is not None and role.noun == output.noun and not role.per for role in roles
            )
        )

    def _is_taking(self, term: Sum) -> bool:
        return any(
            self._roles(t.key).qualifier == "taken" for t in term.minus if isinstance(t, Leaf)
        )

    def _several(self, terms: Sequence[Term]) -> str:
        """Terms that are added."""
        if len(terms) == 1:
            return self.tell(terms[0])
        whole = self._multiples(terms)
        if whole:
            return whole
        told = [self.tell(term) for term in terms]
        many = _COUNTS.get(len(terms), "several")
        if len(set(told)) > 1:
            return _joined(self._counted(terms, told))
        if isinstance(terms[0], Leaf):
            return f"{many} {_many(self._roles(terms[0].key))}"
        return self._kinds(terms, many) or _joined(told)

    def _counted(self, terms: Sequence[Term], told: Sequence[str]) -> list[str]:
        """What is told, with numbers of one kind together: "two heights and a width"."""
        found: list[str] = []
        for term, text in zip(terms, told, strict=True):
            often = told.count(text)
            if often > 1 and isinstance(term, Leaf):
                text = f"{_COUNTS.get(often, 'several')} {_many(self._roles(term.key))}"
                if text in found:
                    continue
            found.append(text)
        return found

    def _kinds(self, terms: Sequence[Term], many: str) -> str:
        """Like products: "two kinds of items, each with its own number of items and price"."""
        keys = [[leaf.key for leaf in leaves(term)] for term in terms]
        shared = set(keys[0]).intersection(*keys[1:])
        own = [self._roles(key) for key in keys[0] if key not in shared]
        both = [self._roles(key) for key in keys[0] if key in shared]
        if not own:
            return ""
        counted = next((q for q in (*own, *both) if q.is_counted and not q.per), None)
        if counted is not None and counted.is_time:
            parts = f"{many} stretches of time"
        else:
            parts = f"{many} kinds of {counted.noun if counted is not None else 'parts'}"
        told = listed([phrase(q, article=False) for q in own])
        text = f"{parts}, each with its own {told}"
        same = listed([phrase(q, article=False) for q in both])
        return f"{text} and the same {same}" if both else text

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
        told = self.tell(base)
        much = "many" if self._roles(base.key).is_counted else "much"
        if rest:
            return f"{told} and {'a part of it' if other.bottoms else f'several times as {much}'}"
        scaled = _AS_MANY.get(other.factor, "a fixed number of times")
        return f"{told} and {scaled} as {much}"

    def _taking(self, terms: Sequence[Term]) -> str:
        told = []
        for term in terms:
            q = self._meaning(term)
            text = self.tell(term)
            if q.is_money and isinstance(term, Product):
                inside = [self._role(t) for t in term.tops]
                buying = any(r.is_counted for r in inside) and any(
                    r.noun == "price" for r in inside
                )
                told.append(f"{'buying' if buying else 'paying'} {text}")
            elif q.is_money:
                told.append(f"paying {text}")
            else:
                told.append(f"taking away {text}")
        if len(set(told)) == 1 and len(told) > 1:
            first = terms[0]
            if isinstance(first, Leaf):
                verb = "paying" if self._roles(first.key).is_money else "taking away"
                return f"{verb} {_COUNTS.get(len(told), 'several')} {_many(self._roles(first.key))}"
        return _joined(told)

    # --- products -----------------------------------------------------------------------------

    def _ask_product(self, term: Product, output: Quantity, asked: str) -> str:
        if term.bottoms:
            return self._ask_quotient(term, output, asked)
        told = self.tell(term)
        bare = [t for t in term.tops if not (isinstance(t, Leaf) and self._role(t).is_ratio)]
        changes = [change for t in bare if isinstance(t, Sum) and (change := self._change(t))]
        if changes and len(bare) == 2 and len(term.tops) == 2 and isinstance(bare[0], Leaf):
            base = self._role(bare[0])
            same = base.noun == output.noun or (base.is_money and output.is_money)
            if same and term.factor == ONE:
                return f"{phrase(base, article=False)} {changes[0]}"
        if len(bare) == 1 and len(term.tops) > 1 and not changes:
            base = self._role(bare[0])
            if base.noun == output.noun:
                return told
            if output.noun in _FORMAL:
                return told
            scale = [self._role(t) for t in term.tops if t not in bare]
            if len(scale) == 1 and scale[0].is_percent and isinstance(bare[0], Leaf):
                inputs = [phrase(q, article=False) for q in (base, scale[0])]
                return f"{asked} from {listed(inputs)}"
        if self._holds(told, output) and not changes:
            return told
        if all(isinstance(t, Leaf) and not self._role(t).is_ratio for t in term.tops):
            inputs = [phrase(self._role(t), article=False) for t in term.tops]
            if len(set(inputs)) < len(inputs):
                inputs = [f"{_COUNTS.get(len(inputs), 'several')} {_many(self._role(bare[0]))}"]
            glue = "of" if asked == "product" else "from"
            text = f"{asked} {glue} {listed(inputs)}"
            scaled = _SCALED.get(abs(term.factor))
            if scaled:
                return f"{asked} from {scaled} {listed(inputs)}"
            if abs(term.factor) == ONE:
                return text
            converts = self._is_conversion(term, abs(term.factor))
            return f"{text}, {'in another unit' if converts else 'times a constant'}"
        return f"{asked} of {told}"

    def _holds(self, told: str, output: Quantity) -> bool:
        """Whether what is told says already what comes out of it."""
        return (
            bool(output.noun)
            and not output.per
            and f" {output.noun}" in f" {told}"
            and (not output.qualifier or output.qualifier == "total")
            and told.startswith(("twice", "half", "a ", "three", "the sum", "the difference"))
        )

    def _ask_quotient(self, term: Product, output: Quantity, asked: str) -> str:
        below = [self._role(t) for t in term.bottoms]
        top = _product_of(term.factor, term.tops)
        if top is None or len(below) > 1:
            return self.tell(term) if output.noun in _FORMAL else f"{asked} from {self.tell(term)}"
        over = self.tell(term.bottoms[0])
        if below[0].is_percent and term.factor == _PERCENT and top is not None:
            whole = _product_of(ONE, term.tops)
            return f"the whole of which {self.tell(whole)} is a percentage" if whole else asked
        if output.noun == "times":
            return f"how many times {over} goes into {self.tell(top)}"
        if below[0].is_counted and output.per:
            left = self._left(top) if isinstance(top, Sum) and top.minus else self.tell(top)
            way = "spread over" if below[0].is_time else "shared equally among"
            return f"{asked} when {left} is {way} {over}"
        if below[0].per:
            return f"{asked} for {self.tell(top)} at {over}"
        if below[0].noun == "parts":
            return f"{self.tell(top)} divided into equal parts"
        told = f"{self.tell(top)} divided by {over}"
        return told if output.noun in _FORMAL else f"{asked} from {told}"

    def _role(self, term: Term) -> Quantity:
        return self._roles(term.key) if isinstance(term, Leaf) else self._meaning(term)

    def tell(self, term: Term) -> str:
        """A term as a noun phrase."""
        if isinstance(term, Leaf):
            return phrase(self._roles(term.key))
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
                part = "a percentage" if self._is_share(other) else self.tell(other)
                return f"what {part} leaves of a whole"
            one = "one" if constant_of(fixed[0]) == 1 else "a constant"
            return f"{self.tell(other)} {'plus' if not term.minus else 'less'} {one}"
        if not term.minus:
            return f"the sum of {self._several(term.plus)}"
        if len(term.plus) == len(term.minus) == 1 and not self._is_taking(term):
            return (
                f"the difference between {self.tell(term.plus[0])} and {self.tell(term.minus[0])}"
            )
        return self._left(term)

    def _left(self, term: Sum) -> str:
        return f"what is left of {self._several(term.plus)} after {self._taking(term.minus)}"

    def _is_share(self, term: Term) -> bool:
        """Whether it is a percentage of nothing but a whole."""
        keys = [leaf.key for leaf in leaves(term)]
        return len(keys) == 1 and self._roles(keys[0]).is_percent

    def _tell_other(self, term: Other) -> str:
        left = self.tell(term.left)
        power = constant_of(term.right)
        if term.symbol == "**" and power is not None:
            named = {Fraction(2): "square", Fraction(3): "cube"}.get(power, "power")
            return f"the {named} of {left}"
        words = {
            "//": "how many whole times {1} goes into {0}",
            "%": "what is over when {0} is divided by {1}",
            "**": "{0} to the power of {1}",
        }[term.symbol]
        return words.format(left, self.tell(term.right))

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
                prefix.append("a multiple of")
            elif isinstance(top, Sum) and (change := self._change(top)):
                after.append(change)
            else:
                bare.append(top)
        if not bare and prefix[-1:] == ["a multiple of"]:
            prefix.pop()
            prefix.append("a number of times")
            text = ""
        else:
            text = self._factors(bare) or "a whole"
        for below in term.bottoms:
            over = self.tell(below)
            if self._role(below).noun == "parts":
                text = f"{text} divided into equal parts"
                continue
            text = f"{text} divided by {over}" if text else f"one over {over}"
        if factor != ONE and not self._is_conversion(term, factor):
            prefix.append(_scaled(factor))
        elif factor != ONE:
            after.append("in another unit")
        text = " ".join([*prefix, *([text] if text else [])])
        return f"{text} {' and '.join(after)}" if after else text

    def _is_conversion(self, term: Product, factor: Fraction) -> bool:
        """Whether a factor puts what is measured into another unit; a dozen payments are money."""
        parts = [self._role(t) for t in (*term.tops, *term.bottoms)]
        return is_conversion(factor) and any(
            q.is_time or (q.stated_unit and not q.is_money and not q.is_ratio) for q in parts
        )

    def _factors(self, terms: Sequence[Term]) -> str:
        if len(terms) < 2:
            return self.tell(terms[0]) if terms else ""
        roles = [self._role(t) for t in terms]
        counts = [t for t in terms if not self._role(t).per]
        rates = [t for t in terms if self._role(t).per]
        if counts and rates:
            return f"{' times '.join(map(self.tell, counts))} at {listed([*map(self.tell, rates)])}"
        told = [self.tell(term) for term in terms]
        if len(set(told)) == 1 and isinstance(terms[0], Leaf):
            return f"the product of {_COUNTS.get(len(told), 'several')} {_many(roles[0])}"
        return " times ".join(told)

    def _change(self, term: Sum) -> str:
        """ "after a discount rate is taken off": what a factor like ``1 - percent / 100`` does."""
        parts = (*term.plus, *term.minus)
        others = [t for t in parts if constant_of(t) is None]
        if not others or [constant_of(t) for t in term.plus if constant_of(t)] != [ONE]:
            return ""
        told = []
        for other in others:
            (leaf, *more) = list(leaves(other))
            if more or not self._roles(leaf.key).is_ratio:
                return ""
            told.append(phrase(self._roles(leaf.key)))
        return f"after {listed(told)} {'is taken off' if term.minus else 'is added'}"


def _joined(told: Sequence[str]) -> str:
    if len(told) < 3:
        return " and ".join(told)
    return f"{', '.join(told[:-1])} and {told[-1]}"


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


def _many(q: Quantity) -> str:
    """Several quantities of one kind: "numbers of items", "prices", "times in hours"."""
    if q.noun in ("items", "people", "groups", "points") and not q.per:
        return f"numbers of {q.noun}"
    if not q.noun or q.noun == "amount":
        return "amounts"
    if q.noun == "money" and not q.per:
        return "sums of money"
    text = phrase(q, article=False)
    if q.per:
        return f"{'amounts' if q.is_money else 'numbers'} of {text}"
    if f"{text}s" in _PLURALS:
        return f"{text}s"
    return f"numbers of {text}" if q.is_time else f"amounts of {text}"
