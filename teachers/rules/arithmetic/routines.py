"""A step, or the steps it rests on, as a function with typed parameters."""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from tracemine.schemas import Parameter, Signature
from tracemine.teachers.rules.arithmetic.asking import MAX_TOLD, Teller, is_conversion
from tracemine.teachers.rules.arithmetic.chains import Calculation
from tracemine.teachers.rules.arithmetic.expressions import (
    Binary,
    Expression,
    Negative,
    NotArithmeticError,
    Number,
    numbers,
    plain,
)
from tracemine.teachers.rules.arithmetic.measures import (
    MAX_SCALE,
    Measure,
    UnitsError,
    gives,
    measure,
)
from tracemine.teachers.rules.arithmetic.roles import (
    UNKNOWN,
    Quantity,
    currencies,
    kind,
    measured,
    paired,
    product,
    quantity,
    total,
    without_unit,
)
from tracemine.teachers.rules.arithmetic.terms import (
    Facts,
    Leaf,
    Other,
    Product,
    Sum,
    Term,
    add,
    constant,
    constant_of,
    divides_term,
    evaluate_term,
    leaves,
    negative,
    over,
    simplify,
    substitute,
    times,
    write,
)
from tracemine.teachers.rules.language.numerals import word_set
from tracemine.teachers.rules.language.words import CURRENCIES, free_name, singular
from tracemine.verifiers.roles import ORDINALS, numbered

#: A routine of at most this many numbers is one expression; a longer one keeps a line for each
#: step.
MAX_INLINE = 6


@dataclass(frozen=True, slots=True)
class Datum:
    """A number of the instance: ``key`` says which, ``names`` what it may be called, best first;
    ``special`` tells it from another of the same name ("eggs_eaten").

    ``value`` is what is bound. ``form`` says how this operand uses a percentage ("fraction" for
    the 0.2 of 20%, see `lifting.percent_forms`). A numerator or denominator has the ``fraction``
    that it belongs to, with its value.
    """

    key: tuple[str, str]
    value: Fraction
    names: tuple[str, ...]
    unit: str | None
    special: str = ""
    form: str = ""
    fraction: tuple[tuple[str, str], Fraction] | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """An operand that is the result of the step with this index."""

    step: int


@dataclass(frozen=True, slots=True)
class Constant:
    value: Fraction


Operand = Datum | Link | Constant
#: A term and the key that its value has for later terms.
Line = tuple[tuple[str, str], Term]


@dataclass(frozen=True, slots=True)
class Step:
    """A calculation that holds, with what its operands are (from left to right). ``output`` is
    what the text calls its result, in snake_case, empty if it does not say."""

    index: int
    calculation: Calculation
    value: Fraction
    operands: tuple[Operand, ...]
    start: int
    end: int
    output: str
    unit: str | None
    question: str
    links: tuple[int, ...] = field(default=())


def outer_symbol(expression: Expression) -> str:
    """The operation done last; multiplication stands for none."""
    if isinstance(expression, Binary):
        return expression.symbol
    return outer_symbol(expression.operand) if isinstance(expression, Negative) else "*"


_HUNDRED = constant(Fraction(100))
_ONE = constant(Fraction(1))
_FALLBACK = {"sum": "total", "less": "difference", "product": "product", "quotient": "quotient"}
#: The name of a number that the text does not name.
NAMELESS = "amount"
#: Verbs whose object is taken away from what there was.
_TAKING = word_set("eaten sold given used lost spent donated thrown taken drunk borrowed paid")


_CAN_BE_TAKEN = ("items", "people", "groups", "money")


#: What a leaf is.
RoleOf = Callable[[tuple[str, str]], Quantity]


class Formulas:
    """The formulas of a trace's steps, each over data and earlier results."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps
        self._terms: dict[int, Term] = {}
        self._results: dict[int, Quantity] = {}
        self.data: dict[tuple[str, str], Datum] = {}
        self._roles: dict[tuple[str, str], Quantity] = {}
        self.facts = Facts(self._part, self._is_percent, self._is_ratio, self._rank)

    def term(self, index: int) -> Term:
        """The formula of one step."""
        if index not in self._terms:
            step = self._steps[index]
            operands = dict(zip(numbers(step.calculation.expression), step.operands, strict=True))
            raw = self._convert(step.calculation.expression, operands)
            self._terms[index] = simplify(raw, self.facts)
        return self._terms[index]

    def _convert(self, expression: Expression, operands: dict[Number, Operand]) -> Term:
        if isinstance(expression, Number):
            return self._operand(expression, operands[expression])
        if isinstance(expression, Negative):
            return negative(self._convert(expression.operand, operands))
        left = self._convert(expression.left, operands)
        right = self._convert(expression.right, operands)
        if expression.symbol == "+":
            return add(left, right)
        if expression.symbol == "-":
            return add(left, negative(right))
        if expression.symbol == "*":
            return times(left, right)
        if expression.symbol == "/":
            return over(left, right)
        return Other(expression.symbol, left, right)

    def _operand(self, number: Number, operand: Operand) -> Term:
        term: Term
        if isinstance(operand, Constant):
            term = constant(operand.value)
        elif isinstance(operand, Link):
            term = Leaf(("step", str(operand.step)))
        else:
            self.data.setdefault(operand.key, operand)
            if operand.fraction is not None:
                key, value = operand.fraction
                self.data.setdefault(key, Datum(key, value, ("fraction",), None))
            term = _in_form(Leaf(operand.key), operand.form)
        if number.percent:
            term = over(term, _HUNDRED)
        return negative(term) if number.value < 0 else term

    # --- what leaves are ----------------------------------------------------------------------

    def role(self, key: tuple[str, str]) -> Quantity:
        """What a leaf is, by its own words."""
        if key not in self._roles:
            if key[0] == "step":
                self._roles[key] = self.result(int(key[1]))
            else:
                self._roles[key] = _datum_role(self.data[key])
        return self._roles[key]

    def result(self, index: int) -> Quantity:
        """What the result of a step is: as the text calls it where that fits its dimension."""
        if index not in self._results:
            self._results[index] = UNKNOWN  # a step is never its own operand
            step = self._steps[index]
            roles = Roles(self.role, self.term(index))
            self._results[index] = called(
                roles.meaning(self.term(index)), step.output, step.unit, self.term(index)
            )
        return self._results[index]

    def value(self, key: tuple[str, str]) -> Fraction:
        """The amount of a leaf."""
        return abs(self._steps[int(key[1])].value) if key[0] == "step" else self.data[key].value

    def _part(self, leaf: Leaf) -> tuple[str, Leaf] | None:
        datum = self.data.get(leaf.key)
        if datum is None or datum.fraction is None:
            return None
        side = "top" if leaf.key[0] == "numerator" else "bottom"
        return side, Leaf(datum.fraction[0])

    def _is_percent(self, leaf: Leaf) -> bool:
        return self.role(leaf.key).is_percent

    def _is_ratio(self, leaf: Leaf) -> bool:
        role = self.role(leaf.key)
        return role.is_ratio and role.noun not in ("times", "parts")

    def _rank(self, term: Term) -> tuple[int, ...]:
        return _rank(term, self.role)


def _rank(term: Term, role_of: RoleOf) -> tuple[int, ...]:
    """The order of a product's factors: rates, what they are rates of, sums, what scales."""
    if not isinstance(term, Leaf):
        unit = isinstance(term, Sum) and any(constant_of(t) == 1 for t in term.plus)
        return (4,) if unit else (2,)
    role = role_of(term.key)
    if role.is_ratio:
        return (3,)
    return (0 if role.per or role.is_money else 1,)


def _in_form(leaf: Leaf, form: str) -> Term:
    share = over(leaf, _HUNDRED)
    if form == "fraction":
        return share
    if form == "remaining_fraction":
        return Sum((_ONE,), (share,))
    if form == "growth_factor":
        return Sum((_ONE, share))
    if form == "remaining_percent":
        return Sum((_HUNDRED,), (leaf,))
    if form == "grown_percent":
        return Sum((_HUNDRED, leaf))
    return leaf


def _datum_role(datum: Datum) -> Quantity:
    roles = [quantity(name, datum.unit) for name in datum.names] or [quantity("", datum.unit)]
    found = next((role for role in roles if role.noun), roles[0])
    taken = datum.special.rpartition("_")[2] in _TAKING
    if taken and not found.qualifier and not found.per and found.noun in _CAN_BE_TAKEN:
        found = replace(found, qualifier="taken")
    return found


def called(meaning: Quantity, output: str, unit: str | None, term: Term) -> Quantity:
    """A result's quantity: the text's word for it where it is a word of role that fits the
    dimension of ``meaning``, else what the dimension says."""
    text = quantity(output, unit) if output or unit else UNKNOWN
    qualifier = text.qualifier
    fits = (
        meaning.dimension is None or text.dimension is None or meaning.dimension == text.dimension
    )
    plain_count = text.is_counted or text.noun in ("", "money", "amount", "items")
    if meaning.dimension is not None and not text.is_money:
        # A story's "area" or "speed" is none where things or money are counted.
        fits = fits and not (meaning.is_money or meaning.is_counted)
    if text.is_ratio and not (meaning.is_ratio or meaning.dimension is None):
        chosen = meaning
    elif text.noun and not plain_count and fits and (not meaning.per or text.per == meaning.per):
        dimension = meaning.dimension or text.dimension
        stated = text.stated_unit or meaning.stated_unit
        chosen = replace(text, dimension=dimension, stated_unit=stated)
    elif meaning.noun:
        chosen = meaning
    elif text.noun:
        chosen = text
    else:
        kind = "quotient" if isinstance(term, Product) and term.bottoms else "product"
        if isinstance(term, Sum):
            kind = "less" if term.minus else "sum"
        chosen = Quantity(_FALLBACK[kind])
    if chosen.is_ratio or chosen.noun in _FALLBACK.values():
        return replace(chosen, qualifier="")
    if qualifier in ("total", "") and isinstance(term, Sum) and not term.minus:
        qualifier = "total" if not chosen.per else ""
    elif qualifier == "" and isinstance(term, Sum) and _takes(term):
        qualifier = "remaining" if chosen.noun in ("items", "people", "money") else ""
    elif qualifier == "total" and chosen.per:
        qualifier = ""
    elif qualifier == "" and meaning.qualifier and chosen.noun == meaning.noun and not chosen.per:
        qualifier = meaning.qualifier
    elif qualifier == "remaining" and not isinstance(term, (Sum, Product)):
        qualifier = ""
    return replace(chosen, qualifier=qualifier)


def _takes(term: Sum) -> bool:
    return len(term.plus) == 1 and bool(term.minus) and constant_of(term.plus[0]) is None


class Roles:
    """What the leaves and parts of one formula are: by their own words and by each other."""

    def __init__(self, role_of: RoleOf, *terms: Term) -> None:
        self._leaf: dict[tuple[str, str], Quantity] = {}
        self._often = Counter(leaf.key for term in terms for leaf in leaves(term))
        for key in self._often:
            self._leaf[key] = role_of(key)
        for term in terms:
            self._pair(term)
        taken = {key for term in terms for key in _taken_away(term)}
        nouns = Counter(role.noun for role in self._leaf.values())
        for key, role in self._leaf.items():
            # What is taken from its like is no total of it.
            misplaced = key in taken and role.qualifier == "total" and nouns[role.noun] > 1
            if misplaced or (role.qualifier == "taken" and key not in taken):
                self._leaf[key] = replace(role, qualifier="")

    def forget_units(self) -> None:
        """Take all units for unknown, and with them the names that are units."""
        self._leaf = {key: without_unit(role) for key, role in self._leaf.items()}

    def leaf(self, key: tuple[str, str]) -> Quantity:
        """What a leaf is."""
        return self._leaf[key]

    def _pair(self, term: Term) -> None:
        if isinstance(term, Sum):
            for part in (*term.plus, *term.minus):
                self._pair(part)
            self._rate_of_one(term)
            self._complete(term)
        elif isinstance(term, Other):
            self._pair(term.left)
            self._pair(term.right)
        elif isinstance(term, Product):
            for part in (*term.tops, *term.bottoms):
                self._pair(part)
            self._price(term)
            self._number_of_times(term.tops)
            keys = [t.key for t in term.tops if isinstance(t, Leaf)]
            for part in term.tops:
                if isinstance(part, Sum) and len(keys) == 1:
                    self._leaf[keys[0]], _ = paired(self._leaf[keys[0]], self.meaning(part))
            interest = self._interest(keys)
            for at, one in enumerate(keys):
                for other in keys[at + 1 :]:
                    if one != other and {one, other}.isdisjoint(interest):
                        self._leaf[one], self._leaf[other] = paired(
                            self._leaf[one], self._leaf[other]
                        )
            self._scale(keys)

    def _interest(self, keys: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """The factors of an interest, if that is what a product of money, a time and a percentage
        is: the percentage is by the year, and the money is not."""
        percents = [key for key in keys if self._leaf[key].is_percent]
        money = [key for key in keys if self._leaf[key].is_money and not self._leaf[key].per]
        times = [key for key in keys if self._leaf[key].is_time]
        if not (len(percents) == len(money) == len(times) == 1):
            return frozenset()
        per = singular(self._leaf[times[0]].noun)
        self._leaf[percents[0]] = replace(self._leaf[percents[0]], per=per)
        return frozenset((*percents, *money, *times))

    def _scale(self, keys: Sequence[tuple[str, str]]) -> None:
        """Of two factors of one kind the later, or the one that is not used elsewhere, is for each
        of the other, where they are counted, and scales it, where they are measured: nothing comes
        in minutes times minutes."""
        for at, earlier in enumerate(keys):
            for later in keys[at + 1 :]:
                one, other = sorted((earlier, later), key=lambda key: -self._often[key])
                first, second = self._leaf[one], self._leaf[other]
                if one == other or (first.noun, first.per, second.per) != (second.noun, "", ""):
                    continue
                if first.noun in ("items", "people", "groups"):
                    each = "items" if first.noun == "groups" else first.noun
                    self._leaf[other] = quantity(f"{each}_per_{first.noun}")
                elif first.is_money or first.is_time or first.noun == "points":
                    self._leaf[other] = quantity("times")

    def _number_of_times(self, terms: Sequence[Term]) -> None:
        """Times that multiply nothing are counted themselves ("plays 20 times")."""
        found = [t.key for t in terms if isinstance(t, Leaf) and self._leaf[t.key].noun == "times"]
        others = [t for t in terms if not self.meaning(t).is_ratio]
        if found and not others:
            self._leaf[found[0]] = quantity("items")

    def _price(self, term: Product) -> None:
        """Money of which a discount is a part is a price."""
        scaling = {self._leaf[leaf.key].noun for leaf in leaves(term)}
        for top in term.tops:
            if isinstance(top, Leaf) and "discount_percent" in scaling:
                role = self._leaf[top.key]
                if role.noun == "money":
                    self._leaf[top.key] = replace(role, noun="price")

    def _complete(self, term: Sum) -> None:
        """What is added to things of one kind, or taken from them, is of that kind too."""
        parts = [t for t in (*term.plus, *term.minus) if constant_of(t) is None]
        plain = {q.noun for q in map(self.meaning, parts) if not q.per}
        for part in parts:
            if isinstance(part, Leaf) and self._leaf[part.key].per:
                rate = self._leaf[part.key]
                if rate.noun in plain:  # 20 eggs a day, of which 3 are eaten
                    self._leaf[part.key] = replace(
                        quantity(rate.noun), qualifier=rate.qualifier, stated_unit=rate.stated_unit
                    )
        nameless = [
            t for t in parts if isinstance(t, Leaf) and self._leaf[t.key].noun in ("", "times")
        ]
        known = {
            (q.noun, q.per, str(q.dimension)): q
            for q in (self.meaning(t) for t in parts if t not in nameless)
        }
        if nameless and len(known) == 1:
            (kind,) = known.values()
            if kind.noun and not kind.is_ratio and kind.dimension is not None:
                for leaf in nameless:
                    self._leaf[leaf.key] = replace(kind, qualifier="", stated_unit=False)
        for leaf in nameless:
            if self._leaf[leaf.key].noun == "times" and len(parts) > 1:
                self._leaf[leaf.key] = quantity("items")

    def _rate_of_one(self, term: Sum) -> None:
        """A sum of money that is added to one, or taken from it, is a part of a whole."""
        if any(constant_of(t) == 1 for t in term.plus):
            for part in (*term.plus, *term.minus):
                if isinstance(part, Leaf) and self._leaf[part.key].is_money:
                    self._leaf[part.key] = quantity("fraction")

    def check_kinds(self, term: Term) -> None:
        """See that each sum in a term is of one kind: no story gives dollars less dogs, nor a
        routine dollars and euros, which no rate makes one.

        Raises:
            UnitsError: if it adds what are known to be two of money, a count and a percentage, or
                money in two currencies.
        """
        if isinstance(term, Sum):
            parts = [t for t in (*term.plus, *term.minus) if constant_of(t) is None]
            meant = [self.meaning(part) for part in parts]
            for found in ({kind(q) for q in meant} - {""}, set().union(*map(currencies, meant))):
                if len(found) > 1:
                    raise UnitsError(" and ".join(sorted(found)))
        elif isinstance(term, Other):
            parts = [term.left, term.right]
        elif isinstance(term, Product):
            parts = [*term.tops, *term.bottoms]
        else:
            return
        for part in parts:
            self.check_kinds(part)

    def meaning(self, term: Term) -> Quantity:
        """What a term amounts to."""
        if isinstance(term, Leaf):
            return self._leaf[term.key]
        if isinstance(term, Sum):
            parts = [t for t in (*term.plus, *term.minus) if constant_of(t) is None]
            if any(constant_of(t) == 1 for t in term.plus) and all(
                self.meaning(t).is_ratio for t in parts
            ):
                return Quantity("fraction", dimension=self.meaning(parts[0]).dimension)
            return total([self.meaning(t) for t in parts])
        if isinstance(term, Other):
            return UNKNOWN
        tops = [self.meaning(t) for t in term.tops]
        bottoms = [self.meaning(t) for t in term.bottoms]
        percents = sum(q.is_percent for q in tops) - sum(q.is_percent for q in bottoms)
        factor = abs(term.factor) * Fraction(100) ** percents
        if is_conversion(factor) or max(factor.as_integer_ratio()) > MAX_SCALE:
            measured = [q for q in (*tops, *bottoms) if not q.is_ratio and _is_measured(q)]
            if measured:
                return UNKNOWN  # another unit, which the text may name
        return product(tops, bottoms) if tops or bottoms else UNKNOWN


def _taken_away(term: Term) -> Iterator[tuple[str, str]]:
    """The leaves that a sum takes away."""
    if isinstance(term, Sum):
        yield from (part.key for part in term.minus if isinstance(part, Leaf))
        for part in (*term.plus, *term.minus):
            yield from _taken_away(part)
    elif isinstance(term, Product):
        for part in (*term.tops, *term.bottoms):
            yield from _taken_away(part)


def _is_measured(q: Quantity) -> bool:
    """Whether there is a real unit in it that a constant may change."""
    return q.dimension is not None and any(
        unit not in CURRENCIES and unit not in ("item", "person", "group", "point")
        for unit in q.dimension
    )


class Routine:
    """Formulas as code: parameters for the leaves that come in, a local name for each line before
    the last. ``lines`` are the terms to compute, each under its key; ``told`` is the whole of them
    over inputs alone, if it is not too long; ``output`` and ``locals_`` say what comes out.

    ``code``, ``entry_point``, ``signature``, ``bindings`` and ``subquestion`` are the results;
    ``is_sum`` says that it only adds its inputs up.

    Raises:
        NotArithmeticError: if it takes no inputs, or does nothing to one.
        UnitsError: if it adds money, a count or a percentage to another of these, or takes it from
            one; or if units contradict one another, and without them most inputs have no name.
    """

    def __init__(
        self,
        lines: Sequence[Line],
        role_of: RoleOf,
        value_of: Callable[[tuple[str, str]], Fraction],
        called_of: Callable[[tuple[str, str], Quantity, Term], Quantity],
        told: Term | None = None,
    ) -> None:
        key, body = lines[-1]
        self._roles = Roles(role_of, *(term for _, term in lines))
        for _, term in lines:
            self._roles.check_kinds(term)
        local = {k: called_of(k, self._roles.meaning(t), t) for k, t in lines[:-1]}
        output = called_of(key, self._roles.meaning(body), body)
        if not self._units_agree(lines, local, output):
            self._roles.forget_units()
            local = {key: without_unit(role) for key, role in local.items()}
            output = without_unit(output)
            left = [self._roles.leaf(key) for key in _in_order(lines) if key not in local]
            if 2 * sum(not role.noun for role in left) > len(left):
                raise UnitsError("most of what goes in is not what the text calls it")
        inputs = [key for key in _in_order(lines) if key not in local]
        if not inputs or isinstance(body, Leaf):
            raise NotArithmeticError("nothing goes in, or it comes out as it was")
        self._names: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()
        self._name_inputs(inputs)
        own = output.name
        self.entry_point = free_name(f"resulting_{own}" if own in self._taken else own, self._taken)
        for key, role in local.items():
            self._names[key] = free_name(role.name, self._taken)
        written = [
            f"    {self._names[key]} = {write(term, self._names.__getitem__)}"
            for key, term in lines[:-1]
        ]
        written.append(f"    return {write(body, self._names.__getitem__)}")
        listed = ", ".join(self._names[key] for key in inputs)
        self.code = "\n".join([f"def {self.entry_point}({listed}):", *written]) + "\n"
        self.bindings = {self._names[key]: plain(value_of(key)) for key in inputs}
        parameters = tuple(self._parameter(key) for key in inputs)
        rational = any(p.type == "rational" for p in parameters) or any(
            divides_term(term) for _, term in lines
        )
        self.signature = Signature(
            parameters, Parameter(self.entry_point, "rational" if rational else "int", output.unit)
        )
        self.is_sum = (
            len(lines) == 1
            and isinstance(body, Sum)
            and not body.minus
            and all(isinstance(part, Leaf) for part in body.plus)
        )
        whole = told if told is not None else body
        keys = {leaf.key for leaf in leaves(whole)}
        roles = self._roles if keys <= set(inputs) else Roles(role_of, whole)
        self.subquestion = Teller(roles.leaf, roles.meaning).ask(whole, output)

    def _units_agree(
        self, lines: Sequence[Line], local: Mapping[tuple[str, str], Quantity], output: Quantity
    ) -> bool:
        """Whether what is added is in one unit, and each result in the one that it is said to be
        in, as far as the units of what goes in are known."""
        found: dict[tuple[str, str], Measure | None] = {}

        def measure_of(key: tuple[str, str]) -> Measure | None:
            return found[key] if key in found else measured(self._roles.leaf(key))

        try:
            for key, term in lines:
                found[key] = measure(term, measure_of)
                made, unit = found[key], local.get(key, output).unit
                if made is not None and unit not in (None, "percent") and not gives(made, unit):
                    return False
        except UnitsError:
            return False
        return True

    def _name_inputs(self, inputs: Sequence[tuple[str, str]]) -> None:
        """Names for what comes in; where several would have one name, in order of appearance."""
        names = [self._input_name(key) for key in inputs]
        often = Counter(names)
        at: Counter[str] = Counter()
        for key, name in zip(inputs, names, strict=True):
            at[name] += 1
            if often[name] > 1 and name != NAMELESS and at[name] <= len(ORDINALS):
                self._names[key] = free_name(numbered(name, at[name] - 1), self._taken)
            else:
                self._names[key] = free_name(name, self._taken)

    def _input_name(self, key: tuple[str, str]) -> str:
        role = self._roles.leaf(key)
        if not role.noun:
            return NAMELESS
        return f"{role.name}_taken" if role.qualifier == "taken" else role.name

    def _parameter(self, key: tuple[str, str]) -> Parameter:
        name = self._names[key]
        kind = "int" if isinstance(self.bindings[name], int) else "rational"
        return Parameter(name, kind, self._roles.leaf(key).unit)


def routine_of(
    steps: Sequence[Step], cone: Sequence[int], formulas: Formulas, name: str = ""
) -> Routine:
    """The steps ``cone`` (indices in order) as a routine: parameters for data, and for results of
    steps that are not in it. ``name`` is what the text calls the result, if the caller knows
    better than the last step.

    Raises:
        NotArithmeticError: if the formula does not give the step's value, or is none.
        UnitsError: as for `Routine`.
    """
    last = cone[-1]
    lines, told = _lines(steps, cone, formulas)
    _check(lines, formulas, steps[last].value)

    def called_of(key: tuple[str, str], meaning: Quantity, term: Term) -> Quantity:
        step = steps[int(key[1])]
        stated = name if name and step.index == last else step.output
        return called(meaning, stated, step.unit, term)

    return Routine(lines, formulas.role, formulas.value, called_of, told)


def _lines(
    steps: Sequence[Step], cone: Sequence[int], formulas: Formulas
) -> tuple[list[Line], Term | None]:
    """The terms to compute, each under the key of its step: one, or for a long routine one for
    each step; and the whole as one term, if that is not too long."""
    inside = set(cone)
    terms = {index: formulas.term(index) for index in cone}
    used = Counter(
        int(leaf.key[1])
        for term in terms.values()
        for leaf in set(leaves(term))
        if leaf.key[0] == "step" and int(leaf.key[1]) in inside
    )
    whole: dict[int, Term] = {}

    def inlined(leaf: Leaf) -> Term | None:
        index = int(leaf.key[1]) if leaf.key[0] == "step" else -1
        if index not in inside:
            return None
        if index not in whole:
            found = simplify(substitute(terms[index], inlined), formulas.facts)
            # A later operand states the bare amount.
            whole[index] = negative(found) if steps[index].value < 0 else found
        return whole[index]

    last = cone[-1]
    told = None
    if sum(used.values()) <= MAX_TOLD:
        told = simplify(substitute(terms[last], inlined), formulas.facts)
        short = len(list(leaves(told))) <= MAX_INLINE
        if short and (all(used[index] <= 1 for index in cone) or len(cone) <= 3):
            return [(("step", str(last)), told)], told
    lines: list[Line] = []
    for index in cone[:-1]:
        term = negative(terms[index]) if steps[index].value < 0 else terms[index]
        lines.append((("step", str(index)), term))
    return [*lines, (("step", str(last)), terms[last])], told


def _check(lines: Sequence[Line], formulas: Formulas, value: Fraction) -> None:
    known: dict[tuple[str, str], Fraction] = {}

    def value_of(key: tuple[str, str]) -> Fraction:
        return known[key] if key in known else formulas.value(key)

    for key, term in lines:
        known[key] = evaluate_term(term, value_of)
    if known[lines[-1][0]] != value:
        raise NotArithmeticError("does not reproduce its own result")


def _in_order(lines: Sequence[Line]) -> list[tuple[str, str]]:
    return list(dict.fromkeys(leaf.key for _, term in lines for leaf in leaves(term)))


#: Relative difference that binary fractions may make.
_CLOSE = Fraction(1, 10**9)

# --- from a program's formula -----------------------------------------------------------------

_FORMS = {
    "_growth_factor": "growth_factor",
    "_remaining_fraction": "remaining_fraction",
    "_fraction": "fraction",
}


def routine_of_formula(
    expression: ast.expr,
    bindings: Mapping[str, int | float],
    units: Mapping[str, str | None],
    result: int | float,
    output: str,
) -> Routine | None:
    """A program's arithmetic over its parameters in the normal form and names of role that steps
    have, or None where it is no plain arithmetic. ``output`` is what the program calls its
    ``result``."""
    data: dict[tuple[str, str], Datum] = {}
    for name, bound in bindings.items():
        value = _exact(bound)
        if value is None:
            return None
        data["parameter", name] = _parameter_datum(name, value, units.get(name))
    stated = _exact(result)
    if stated is None:
        return None
    roles = {key: _datum_role(datum) for key, datum in data.items()}
    facts = Facts(
        part=lambda leaf: None,
        is_percent=lambda leaf: roles[leaf.key].is_percent,
        is_ratio=lambda leaf: (
            roles[leaf.key].is_ratio and roles[leaf.key].noun not in ("times", "parts")
        ),
        rank=lambda term: _rank(term, roles.__getitem__),
    )
    try:
        term = simplify(_from_syntax(expression, data), facts)
        value = evaluate_term(term, lambda key: data[key].value)
        if abs(value - stated) > _CLOSE * max(Fraction(1), abs(stated)):
            return None
        return Routine(
            [(("result", output), term)],
            roles.__getitem__,
            lambda key: data[key].value,
            lambda key, meaning, whole: called(meaning, output, None, whole),
        )
    except (NotArithmeticError, UnitsError, KeyError, OverflowError, ValueError):
        return None  # powers and the like, or a name that is no parameter


def _exact(number: int | float) -> Fraction | None:
    """A number as the decimal that it is written as; None for what is no number."""
    if type(number) is float and math.isfinite(number):
        return Fraction(str(number))
    return Fraction(number) if type(number) is int else None


def _parameter_datum(name: str, value: Fraction, unit: str | None) -> Datum:
    for ending, form in _FORMS.items():
        stem = name.removesuffix(ending)
        if stem != name and not stem.endswith("remaining"):
            stated = {
                "growth_factor": value * 100 - 100,
                "remaining_fraction": 100 - value * 100,
                "fraction": value * 100,
            }[form]
            if stated > 0:
                words = stem if "percent" in stem else f"{stem}_percent"
                return Datum(("parameter", name), stated, (words,), "percent", form=form)
    return Datum(("parameter", name), value, (name,), unit)


def _from_syntax(node: ast.expr, data: Mapping[tuple[str, str], Datum]) -> Term:
    if isinstance(node, ast.Name):
        datum = data["parameter", node.id]
        return _in_form(Leaf(datum.key), datum.form)
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return constant(Fraction(str(node.value)))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return negative(_from_syntax(node.operand, data))
    if isinstance(node, ast.BinOp):
        left, right = _from_syntax(node.left, data), _from_syntax(node.right, data)
        if isinstance(node.op, ast.Add):
            return add(left, right)
        if isinstance(node.op, ast.Sub):
            return add(left, negative(right))
        if isinstance(node.op, ast.Mult):
            return times(left, right)
        if isinstance(node.op, ast.Div):
            return over(left, right)
    raise NotArithmeticError(f"no plain arithmetic: {type(node).__name__}")
