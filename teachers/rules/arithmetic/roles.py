"""What a number is, in words that hold for other stories too: a price per item, a number of people.

A text calls a number "cello_price" or "kids"; what carries over to the next problem is the role.
Things that are counted fall into three classes (people, groups that hold others, items); measures
keep their unit; words of role ("price", "discount", "length") are kept as they are. Dimensions are
pint's, with the classes as units of their own, so that a price per item times items is a price.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from pint import UndefinedUnitError, UnitRegistry
from pint.util import UnitsContainer

from tracemine.teachers.rules.arithmetic.measures import (
    KIND_WORDS,
    Measure,
    container,
    is_kind,
    kind_word,
)
from tracemine.teachers.rules.language.numerals import word_set
from tracemine.teachers.rules.language.words import (
    CURRENCIES,
    MONEY_UNITS,
    TIMES,
    UNITS,
    is_money,
    is_plural,
    plural,
    singular,
)

_PEOPLE = word_set(
    """
    person people man men woman women child children kid boy girl student pupil teacher friend
    guest worker employee player member customer passenger visitor adult baby sibling brother
    sister cousin uncle aunt parent mother father son daughter grandchild grandchildren neighbor
    neighbour classmate colleague coworker doctor nurse patient farmer soldier dancer singer
    musician actor artist athlete runner swimmer fan viewer reader user subscriber follower tourist
    camper scout volunteer participant attendee contestant competitor candidate voter citizen
    resident tenant driver cyclist rider sailor pirate knight judge juror lawyer chef cook waiter
    waitress baker painter carpenter plumber electrician gardener builder engineer mechanic
    officer policeman firefighter freshman freshmen sophomore junior senior graduate grader
    twin triplet toddler teenager teen buyer seller shopper client winner loser owner partner
    spouse husband wife couple speaker listener coach referee spectator fisherman fishermen
    hunter miner painter prisoner servant slave king queen prince princess elf elves dwarf dwarves
    boss manager director lady gentleman guy bully fighter gamer hiker skier climber apprentice
    """
)
_GROUPS = word_set(
    """
    box bag pack package packet case crate carton basket bucket barrel bottle jar can tin tray
    plate bowl cup glass mug jug pitcher tub tube tank bin drawer shelf shelves cabinet rack row
    column stack pile bunch bundle set roll sheet layer class classroom school team group family
    families club crew troop pot vase bouquet batch load truck van bus train wagon cart boat ship
    container folder pocket purse wallet kit dozen pair hive nest cage coop herd flock litter
    pod aquarium pallet sack pouch room table shipment
    """
)
_POINTS = word_set("point score mark goal vote")
#: What each word of money says.
MONEY_WORDS = {
    "price": "price", "cost": "cost", "expense": "cost", "expenses": "cost", "bill": "cost",
    "money": "money", "amount": "amount", "cash": "money", "earnings": "earnings",
    "earning": "earnings", "income": "income", "revenue": "revenue",
    "salary": "pay", "wage": "pay", "wages": "pay", "pay": "pay", "payment": "payment",
    "payments": "payment", "spending": "spending", "savings": "savings", "saving": "savings",
    "discount": "discount", "tip": "tip", "tax": "tax", "taxes": "tax", "fee": "fee",
    "fees": "fee", "profit": "profit", "profits": "profit", "debt": "debt", "loan": "loan",
    "interest": "interest", "deposit": "deposit", "rent": "rent", "budget": "budget",
    "balance": "balance", "value": "value", "worth": "value", "commission": "commission",
    "bonus": "bonus", "allowance": "allowance", "donation": "donation", "donations": "donation",
    "investment": "investment", "refund": "refund", "change": "change", "fine": "fine",
    "fund": "money", "funds": "money", "charge": "fee", "insurance": "insurance",
    "mortgage": "mortgage", "principal": "principal", "subtotal": "cost",
    "tuition": "cost", "fare": "price", "toll": "fee", "prize": "prize",
    "coupon": "discount", "rebate": "discount", "premium": "premium",
}  # fmt: skip
_SUMS_OF_MONEY = frozenset(MONEY_WORDS.values()) - {"amount", "value", "change", "interest", "fine"}
#: Words of role that are no money: geometry, motion, statistics, physics, chemistry.
ROLE_WORDS = word_set(
    """
    length width height depth thickness distance area volume perimeter circumference radius
    diameter hypotenuse angle slope speed velocity acceleration time duration age weight mass
    temperature density pressure force energy power voltage current resistance frequency wavelength
    charge capacity concentration probability ratio proportion score population altitude dose dosage
    calories mole molarity degree
    """
)
#: A unit of what a word of role is measured in.
_ROLE_UNITS = {
    **dict.fromkeys(word_set("length width height depth thickness distance perimeter circumference "
                             "radius diameter hypotenuse altitude wavelength"), "meter"),
    **dict.fromkeys(word_set("speed velocity"), "meter/second"),
    **dict.fromkeys(word_set("time duration age"), "second"),
    "acceleration": "meter/second**2", "area": "meter**2", "volume": "liter", "mass": "gram",
    "density": "gram/liter", "voltage": "volt", "current": "ampere", "resistance": "ohm",
    "energy": "joule", "power": "watt", "frequency": "hertz",
}  # fmt: skip
_RATIOS = word_set("times fraction percent parts")
_PERCENTS = word_set(
    "discount tax tip interest increase decrease profit commission fee markup raise growth loss"
)
#: Words that say which number of a kind it is, and what they say of it (empty: nothing).
QUALIFIERS = {
    "remaining": "remaining", "left": "remaining", "leftover": "remaining", "total": "total",
    "combined": "total", "average": "average", "mean": "average", "more": "more",
    "additional": "more", "extra": "more", "fewer": "fewer", "less": "fewer", "new": "",
    "difference": "difference", "initial": "initial", "original": "initial", "final": "final",
    "other": "", "previous": "", "resulting": "", "starting": "initial", "needed": "needed",
    "first": "", "second": "", "third": "", "last": "", "next": "", "maximum": "greatest",
    "minimum": "least", "largest": "greatest", "smallest": "least",
}  # fmt: skip
_GENERIC = word_set("number amount quantity answer result value total sum count")
#: Words that end like a plural or follow a number and are no thing that is counted.
_NO_THING = word_set(
    "times his hers theirs ours yours this its was has does always sometimes afterwards besides "
    "perhaps lots others kinds types ones sides thus plus minus equals gives costs makes"
)
_DIMENSIONLESS = UnitsContainer()
_CLASSES = word_set("item person group point time")
_COUNTED = _CLASSES - {"time"}


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a number is.

    ``noun`` is the word of role ("price", "items", "hours"), empty where nothing says it; ``per``
    what one of it is for ("item", "hour"); ``dimension`` in pint's terms, with the classes
    ``item``, ``person``, ``group``, ``point`` as units, or None where it is not known;
    ``qualifier`` one of "", "remaining", "total", "average", "more" and their like.
    """

    noun: str
    per: str = ""
    qualifier: str = ""
    dimension: UnitsContainer | None = None
    stated_unit: bool = False

    @property
    def name(self) -> str:
        """A snake_case name."""
        base = self.noun or "amount"
        if self.qualifier in ("remaining", "total", "average", "greatest", "least", "final"):
            base = f"{self.qualifier}_{base}"
        elif self.qualifier in ("more", "fewer", "initial", "needed", "difference"):
            base = f"{self.qualifier}_{base}" if self.qualifier != "difference" else base
        if (self.noun, self.per) == ("items", "item"):
            return f"{base}_each"
        return f"{base}_per_{self.per}" if self.per else base

    @property
    def unit(self) -> str | None:
        """The unit as text that pint parses, without what is merely counted; None if there is
        none or it is not known."""
        if self.noun in _RATIOS or self.noun.endswith("_percent"):
            return "percent" if "percent" in self.noun else None
        if self.dimension is None or not self.stated_unit:
            return None
        real = {unit: power for unit, power in self.dimension.items() if unit not in _CLASSES}
        if not any(power > 0 for power in real.values()):
            return None
        return f"{UnitsContainer(real):C}"

    @property
    def is_ratio(self) -> bool:
        """Whether it scales another quantity and has no dimension of its own."""
        return self.noun in _RATIOS or self.noun.endswith("_percent")

    @property
    def is_percent(self) -> bool:
        """Whether it is a percentage, as the number before the sign."""
        return self.noun == "percent" or self.noun.endswith("_percent")

    @property
    def is_money(self) -> bool:
        """Whether it is a sum of money, or one for each of something."""
        return self.dimension is not None and any(
            unit in MONEY_UNITS and power > 0 for unit, power in self.dimension.items()
        )

    @property
    def is_counted(self) -> bool:
        """Whether it counts people, groups or items, or a unit of time."""
        return self.noun in ("items", "people", "groups") or self.is_time

    @property
    def is_time(self) -> bool:
        """Whether it counts units of time."""
        return not self.per and singular(self.noun) in TIMES


UNKNOWN = Quantity("")


def measured(q: Quantity) -> Measure | None:
    """The units of a quantity, in which what is counted has none; None where they are not known."""
    if q.is_ratio:
        by = UnitsContainer({q.per: -1}) if q.per in TIMES else _DIMENSIONLESS
        return Measure(by, Fraction(100 if q.is_percent else 1))
    if q.dimension is None or not (q.stated_unit or _only_counted(q)):
        return None
    return Measure(_real(q.dimension))


def kind(q: Quantity) -> str:
    """What may be added to a quantity: "percent", "money" or "count", each to its like alone;
    empty for what is measured, for a ratio, and where it is not known."""
    if q.is_percent:
        return "percent"
    if q.is_ratio:
        return ""
    if q.dimension is None:
        return "money" if q.noun in _SUMS_OF_MONEY else ""
    tops = [unit for unit, power in q.dimension.items() if power > 0]
    if any(unit in MONEY_UNITS for unit in tops):
        return "money"
    return "count" if tops and all(unit in _COUNTED for unit in tops) else ""


def currencies(q: Quantity) -> frozenset[str]:
    """The currencies that a text says a quantity is in; of cents it does not say whose they are."""
    if q.dimension is None or not q.stated_unit:
        return frozenset()
    return CURRENCIES.intersection(q.dimension)


def _real(dimension: UnitsContainer) -> UnitsContainer:
    return UnitsContainer({unit: p for unit, p in dimension.items() if unit not in _CLASSES})


def without_unit(q: Quantity) -> Quantity:
    """A quantity whose units have turned out not to be what the text says: its word of role is
    left, if it has one."""
    if q.is_ratio or q.dimension is None or not _real(q.dimension):
        return q
    if UNITS.get(q.noun, "dollar") not in CURRENCIES or q.noun in KIND_WORDS:
        return UNKNOWN
    per = "" if q.per in UNITS else q.per
    return replace(q, per=per, dimension=None, stated_unit=False)


def quantity(name: str, unit: str | None = None) -> Quantity:
    """What a number is that a text calls ``name`` (snake_case, may be empty), in ``unit``."""
    left, _, right = name.partition("_per_")
    if right:
        per = counted_class(right.split("_")[-1]) or ""
        return _rate(quantity(left, unit.partition("/")[0] if unit else None), per)
    words = name.split("_") if name else []
    if words[-1:] == ["each"]:
        return _rate(quantity("_".join(words[:-1]), unit), "item")
    percent = _percent(words, unit)
    if percent is not None:
        return percent
    qualifier = next((QUALIFIERS[w] for w in words if w in QUALIFIERS), "")
    rest = [w for w in words if w not in QUALIFIERS]
    found = _noun(rest, unit) or Quantity("")
    if found.noun == "" and unit is not None:
        found = _of_unit(unit)
    if found.noun == "" and "difference" in words:
        found = Quantity("difference")
    return replace(found, qualifier=qualifier)


def _percent(words: Sequence[str], unit: str | None) -> Quantity | None:
    if "percent" in words or unit == "percent":
        kind = next((w for w in words if w in _PERCENTS), "")
        noun = f"{kind}_percent" if kind else "percent"
        return Quantity(noun, dimension=_DIMENSIONLESS)
    if "fraction" in words:
        return Quantity("fraction", dimension=_DIMENSIONLESS)
    if words and words[-1] in ("denominator", "numerator"):
        return Quantity("parts", dimension=_DIMENSIONLESS)
    if words and words[-1] == "times":
        return Quantity("times", dimension=_DIMENSIONLESS)
    return None


def _noun(words: Sequence[str], unit: str | None) -> Quantity | None:
    """By the head of the phrase: what stands before "of" unless that says nothing."""
    if "of" in words:
        at = list(words).index("of")
        before, after = words[:at], words[at + 1 :]
        if before and before[-1] not in _GENERIC:
            return _noun(before, unit) or _noun(after, unit)
        return _noun(after, unit)
    for word in reversed(words):
        if word in MONEY_WORDS and word not in _GENERIC:
            return _money(MONEY_WORDS[word], unit)
    if not words:
        return None
    head = words[-1]
    real = UNITS.get(head)
    if real is not None and unit is not None and unit.partition("/")[0] != real:
        return _of_unit(unit)
    if real is not None and real not in MONEY_UNITS and real != "percent":
        return _measured(real)
    if is_money(unit):
        return _money("money", unit)
    if unit is not None and unit in TIMES:
        return _measured(unit)
    for word in reversed(words):
        role = word if word in ROLE_WORDS else singular(word)
        if role in ROLE_WORDS:
            if unit is not None and not may_be(role, unit):
                return _of_unit(unit)
            dimension = container(unit) if unit else None
            return Quantity(role, dimension=dimension, stated_unit=unit is not None)
    if real is not None or (unit is not None and unit not in ("percent",)):
        return _of_unit(real or unit or "")
    counted = counted_class(head)
    if counted is None or (counted == "item" and not is_plural(head)):
        return None
    return _class(counted)


def may_be(role: str, unit: str) -> bool:
    """Whether a number in ``unit`` may be what ``role`` says: no speed is in miles."""
    sample = _ROLE_UNITS.get(role)
    return sample is None or is_kind(unit, sample)


def _class(noun: str) -> Quantity:
    many = {"person": "people"}.get(noun, plural(noun))
    return Quantity(many, dimension=UnitsContainer({noun: 1}))


def counted_class(word: str) -> str | None:
    """The class, or unit of time, of a noun in any number; None for one that is not known."""
    one = singular(word)
    if one in TIMES:
        return one if UNITS.get(one) else "time"
    if UNITS.get(word, "percent") not in (*MONEY_UNITS, "percent"):
        return UNITS[word]
    if word in _PEOPLE or one in _PEOPLE:
        return "person"
    if word in _GROUPS or one in _GROUPS:
        return "group"
    if one in _POINTS:
        return "point"
    return "item" if word not in _NO_THING and len(one) > 2 else None


def _money(noun: str, unit: str | None) -> Quantity:
    currency, _, divisor = (unit or "dollar").partition("/")
    currency = currency if currency in MONEY_UNITS else "dollar"
    found = Quantity(noun, dimension=UnitsContainer({currency: 1}), stated_unit=unit is not None)
    return _rate(found, divisor) if divisor else found


def _measured(unit: str) -> Quantity:
    top, _, bottom = unit.partition("/")
    kind = kind_word(unit)
    if kind or not (top + bottom).replace("_", "").isalpha():
        return Quantity(kind, dimension=container(unit), stated_unit=True)
    found = Quantity(plural(top), dimension=UnitsContainer({top: 1}), stated_unit=True)
    return _rate(found, bottom) if bottom else found


def _of_unit(unit: str) -> Quantity:
    if is_money(unit):
        return _money("money", unit)
    return _measured(unit) if unit != "percent" else Quantity("percent", dimension=_DIMENSIONLESS)


def _rate(base: Quantity, per: str) -> Quantity:
    if not per or base.is_ratio:
        return base
    dimension = base.dimension
    if dimension is not None:
        dimension = dimension / UnitsContainer({per: 1})
    return replace(base, per=per, dimension=dimension)


# --- refinement by structure ------------------------------------------------------------------


def paired(one: Quantity, other: Quantity) -> tuple[Quantity, Quantity]:
    """Two factors of a product, where one of them counts what the other is for: a price and
    items are a price per item and items."""
    if one.per or other.per or one.is_ratio or other.is_ratio:
        return one, other
    if _for_each(one, other):
        return _rate(_as_rate(one), _unit_of(other)), other
    if _for_each(other, one):
        return one, _rate(_as_rate(other), _unit_of(one))
    return one, other


def _as_rate(found: Quantity) -> Quantity:
    """Money that is for each of something is a price, unless the text says what it is."""
    noun = "price" if found.noun == "cost" else found.noun
    return replace(found, noun=noun, qualifier="")


def _unit_of(counted: Quantity) -> str:
    return {"people": "person"}.get(counted.noun, singular(counted.noun))


_ORDER = ("items", "people", "groups")


def _for_each(one: Quantity, other: Quantity) -> bool:
    """Whether ``one`` may be for each of what ``other`` counts."""
    if not other.is_counted or one.dimension is None:
        return False
    if one.is_money:
        return True
    if one.is_counted and not one.is_time and not other.is_time:
        order = _ORDER.index(one.noun), _ORDER.index(other.noun)
        return order[0] < order[1]
    if one.is_time and other.is_time:
        order = _TIME_ORDER.get(one.noun, 9), _TIME_ORDER.get(other.noun, 9)
        return order[0] < order[1]
    if one.is_time:
        return not other.is_time
    return True


_TIME_ORDER = {
    "seconds": 0, "minutes": 1, "hours": 2, "days": 3, "weeks": 4, "months": 5, "years": 6,
}  # fmt: skip


# --- algebra ----------------------------------------------------------------------------------


def product(tops: Sequence[Quantity], bottoms: Sequence[Quantity]) -> Quantity:
    """What the product of ``tops`` over ``bottoms`` is."""
    scaled = [q for q in tops if not q.is_ratio]
    divisors = [q for q in bottoms if not q.is_ratio]
    if not scaled and not divisors:
        return Quantity("fraction", dimension=_DIMENSIONLESS)
    if len(scaled) == 1 and not divisors:
        return replace(scaled[0], qualifier="")
    if any(q.dimension is None for q in (*scaled, *divisors)):
        if any(q.is_money for q in scaled) and not any(q.is_money for q in divisors):
            return _money_result(scaled, None)
        return UNKNOWN
    dimension = _DIMENSIONLESS
    for q in scaled:
        dimension = dimension * q.dimension
    for q in divisors:
        dimension = dimension / q.dimension
    stated = all(q.stated_unit or _only_counted(q) for q in (*scaled, *divisors))
    return _of_dimension(dimension, (*scaled, *divisors), stated)


def _only_counted(q: Quantity) -> bool:
    return q.dimension is not None and all(unit in _CLASSES for unit in q.dimension)


@lru_cache(maxsize=256)
def _kind_of(unit: str) -> str:
    """The dimension of a real unit, as text; the unit itself for what is counted and money."""
    if unit in _CLASSES or unit in MONEY_UNITS:
        return unit
    try:
        return str(_registry().get_dimensionality(unit))
    except UndefinedUnitError:  # a session or a trip, in which things are told like in hours
        return unit


@lru_cache(maxsize=1)
def _registry() -> UnitRegistry:
    return UnitRegistry()


def _of_dimension(dimension: UnitsContainer, factors: Sequence[Quantity], stated: bool) -> Quantity:
    if len({_kind_of(unit) for unit in dimension}) < len(dimension):
        # Hours over minutes: the constant that makes them one unit says what comes out.
        return UNKNOWN
    up = [unit for unit, power in sorted(dimension.items()) if power > 0]
    down = [unit for unit, power in sorted(dimension.items()) if power < 0]
    powers = {abs(power) for power in dimension.values()}
    if not up and not down:
        return Quantity("times", dimension=_DIMENSIONLESS)
    if len(up) == 1 and len(down) <= 1 and powers == {1}:
        unit, per = up[0], down[0] if down else ""
        if unit in MONEY_UNITS:
            return replace(_money_result(factors, dimension), per=per, stated_unit=stated)
        noun = "people" if unit == "person" else plural(unit)
        return Quantity(noun, per, "", dimension, stated)
    if len(up) == 1 and not down:
        length = dimension[up[0]]
        if length in (2, 3) and _kind_of(up[0]) == "[length]":
            noun = "area" if length == 2 else "volume"
            return Quantity(noun, dimension=dimension, stated_unit=stated)
    return UNKNOWN


_EARNED = word_set("pay earnings income revenue profit savings interest tip tax rent fee donation")


def _money_result(factors: Sequence[Quantity], dimension: UnitsContainer | None) -> Quantity:
    nouns = [q.noun for q in factors if q.is_money]
    if nouns and nouns[0] in _EARNED:
        noun = "earnings" if nouns[0] == "pay" else nouns[0]
    elif any(noun in ("price", "cost", "spending") for noun in nouns):
        noun = "cost"
    else:
        noun = "value" if "value" in nouns else "money"
    return Quantity(noun, dimension=dimension, qualifier="total" if noun == "cost" else "")


def total(terms: Sequence[Quantity]) -> Quantity:
    """What a sum or difference of ``terms`` is."""
    known = [q for q in terms if q.noun and not (q.is_ratio and q.noun != "percent")]
    if not known:
        return UNKNOWN
    dimensions = {str(q.dimension) for q in known if q.dimension is not None}
    if len(dimensions) > 1:
        counts = all(q.is_counted and not q.is_time and not q.per for q in known)
        return _class("item") if counts else UNKNOWN
    nouns = [q.noun for q in known]
    first = next((q for q in known if q.dimension is not None), known[0])
    if first.is_money:
        same = len(set(nouns)) == 1
        noun = nouns[0] if same else _common_money(nouns)
        return replace(first, noun=noun, qualifier="")
    if len(set(nouns)) > 1 and first.dimension is None:
        return UNKNOWN
    return replace(first, qualifier="")


def _common_money(nouns: Iterable[str]) -> str:
    found = set(nouns)
    if found <= {"price", "cost", "spending", "payment", "fee", "tax", "tip", "bill"}:
        return "cost"
    if found <= {"pay", "earnings", "income", "revenue", "bonus", "tip", "overtime", "profit"}:
        return "earnings"
    return "money"
