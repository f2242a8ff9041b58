"""Which routines are one in other words: ``x / 2`` and ``half = x * 0.5; return half``.

Straight-line code (names given a value once or again, one result, functions of its own that are
such code) is brought to a normal form: what names and functions stand for is put in; sums and
products have no order and no grouping; a quotient is a product with an inverse; constant factors
are multiplied and like terms collected; parameters go by their roles and not by their names or
their order. Nothing is multiplied out, factored or cancelled: ``a * (b + c)`` and ``a * b + a * c``
are two ways to one result. No code is run.

That is exact for fractions; for floats it is so up to rounding, and an int may become a float. So
it holds for results and for what carries such a difference on as it is: ``+ - * /``, repeated
products, ``abs``, ``float``, ``max`` and ``min`` of numbers, items of lists and tuples, and the
cases of a condition. What may turn it into another result takes its operands *as written*: only
names and functions are put in, and the two sides of one ``+`` or ``*`` of numbers exchanged. These
are tests, comparisons, ``//``, ``%``, other powers, indices and slices, what is no number, and
every other call: ``int(a * 0.29)`` is not ``int(a * 29 / 100)``.

A quotient is zero's neighbour, too: a divisor is taken apart where it is a product of constants and
parameters (or of what is taken as written), which is zero where one of them is, whatever the
rounding. Any other divisor, a sum or a quotient, is one factor as written: ``a / (b / c)`` fails
where c is zero, and ``a * c / b`` does not. What is computed on every call and may fail is part of
the form even if the result does without it. What leaves the range of floats is not looked at.
"""

from __future__ import annotations

import ast
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from tracemine.schemas import Signature, canonical_code
from tracemine.schemas.types import NUMERIC, parse

#: Characters of a form: names that are put in for each other can double with every line.
MAX_CHARS = 4_000
#: Bits of a constant, which grow like that, too; the largest float has 1,024.
MAX_BITS = 4_096
#: Operations of a routine with what its functions do put in: those that call others twice double.
MAX_OPERATIONS = 1_000
#: Orders of parameters that are compared: those of five that stand in alike places.
MAX_ORDERS = 120
#: The largest exponent that is a repeated product.
MAX_EXPONENT = 4
_EXPONENTS = {
    text: number for number in range(1, MAX_EXPONENT + 1) for text in (f"{number}", f"{number}.0")
}

#: A difference of constants smaller than this part of them may be zero to floats.
CANCELLED = Fraction(1, 10**9)

#: Routines whose form is remembered: the stages ask for it several times each.
_REMEMBERED = 16384

#: Builtins that change nothing and give the same for the same (an iterator, as of ``reversed``, is
#: used up); those that give numbers; those that are continuous where all arguments are numbers;
#: those whose arguments have no order there.
_PURE = frozenset(
    {"abs", "bool", "divmod", "float", "int", "len", "list", "max", "min", "range", "round", "set",
     "sorted", "str", "sum", "tuple"}
)  # fmt: skip
_NUMBERS = frozenset({"abs", "float", "int", "len", "round"})
_CONTINUOUS = frozenset({"abs", "float", "max", "min"})
_UNORDERED = frozenset({"max", "min"})

#: Of what is written, the operators whose two sides may be exchanged: to the bit, in any type.
_COMMUTATIVE = (ast.Add, ast.Mult)


@dataclass(frozen=True, slots=True)
class NormalForm:
    """``text`` is the same for routines that are one in other words. Each of ``orders`` lists the
    places of the parameters in the signature by their roles: the n-th of one routine stands where
    the n-th of the other does, whichever order of each is taken."""

    text: str
    orders: tuple[tuple[int, ...], ...]


class _NoFormError(ValueError):
    """More than straight-line code, or too much of it."""


def normal_form(code: str, entry_point: str, signature: Signature) -> NormalForm:
    """The normal form of a routine; for what is more than straight-line code its canonical code,
    with its parameters in the order that they have.

    Raises:
        SyntaxError: if ``code`` does not parse.
        RecursionError: if it is nested too deeply to be parsed or written.
    """
    numeric = tuple(parse(p.type)[0] in NUMERIC for p in signature.inputs)
    return _normal_form(code, entry_point, numeric)


@lru_cache(maxsize=_REMEMBERED)
def _normal_form(code: str, entry_point: str, numeric: tuple[bool, ...]) -> NormalForm:
    try:
        functions = _functions(code)
        if entry_point not in functions:
            raise _NoFormError("another function")
        parameters, body = functions[entry_point]
        if len(parameters) != len(numeric):
            raise _NoFormError("parameters that the signature lacks")

        def text(names: Sequence[str]) -> str:
            given = {
                parameter: _atom(name, number)
                for parameter, name, number in zip(parameters, names, numeric, strict=True)
            }
            return _Reading(functions).text(body, given)

        orders = list(_orders(len(parameters), text))
        texts = [text(_names(order)) for order in orders]
    except (_NoFormError, RecursionError, MemoryError):
        places = tuple(range(len(numeric)))
        return NormalForm(f"code: {canonical_code(code, entry_point)}", (places,))
    least = min(texts)
    alike = [order for order, found in zip(orders, texts, strict=True) if found == least]
    return NormalForm(least, tuple(alike))


def roles(of: NormalForm, to: NormalForm) -> list[tuple[int, ...]]:
    """For two routines with one text: every way in which the parameters of ``of`` stand where those
    of ``to`` do, as the place of a parameter of ``to`` for each parameter of ``of``."""
    theirs = to.orders[0]
    found = []
    for ours in of.orders:
        way = dict(zip(ours, theirs, strict=True))
        found.append(tuple(way[place] for place in range(len(way))))
    return found


def _names(order: Sequence[int]) -> list[str]:
    """The name of each parameter when they stand in ``order``."""
    rank = {place: index for index, place in enumerate(order)}
    return [f"p{rank[place]}" for place in range(len(order))]


def _orders(count: int, text: Callable[[Sequence[str]], str]) -> Iterator[tuple[int, ...]]:
    """The orders of ``count`` parameters that may give the least text: sorted by what each does
    where the others are not told apart, in every way where that is the same."""
    seen = {
        place: text(["x" if other == place else "y" for other in range(count)])
        for place in range(count)
    }
    alike = [
        tuple(members)
        for _, members in itertools.groupby(
            sorted(range(count), key=lambda place: (seen[place], place)), key=seen.__getitem__
        )
    ]
    ways = 1
    for members in alike:
        for number in range(2, len(members) + 1):
            ways *= number
    if ways > MAX_ORDERS:
        # All that is lost is that another order of the same is not known for it.
        yield tuple(range(count))
        return
    for way in itertools.product(*(itertools.permutations(members) for members in alike)):
        yield tuple(itertools.chain.from_iterable(way))


#: A function: its parameters and its statements.
_Function = tuple[list[str], list[ast.stmt]]


def _functions(code: str) -> dict[str, _Function]:
    """The functions, by name, of a module that is plain functions and nothing else."""
    found: dict[str, _Function] = {}
    for function in ast.parse(code).body:
        if not isinstance(function, ast.FunctionDef) or function.name in found:
            raise _NoFormError("more than functions")
        arguments = function.args
        if (
            arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.defaults
            or function.decorator_list
        ):  # fmt: skip
            raise _NoFormError("a function that takes more than its parameters")
        parameters = [p.arg for p in (*arguments.posonlyargs, *arguments.args)]
        found[function.name] = parameters, function.body
    return found


# -- expressions -----------------------------------------------------------------------------------

#: Factors with their exponents, in order.
_Factors = tuple[tuple[str, int], ...]
#: What a term multiplies and what it divides by; they do not cancel.
_Monomial = tuple[_Factors, _Factors]


@dataclass(frozen=True, slots=True)
class _Value:
    """A sum of terms with their coefficients. What is no ``number`` is one factor. ``written``: it
    as it is written, None where that is too long. ``is_plain``: it is a product, and a quotient
    only by constants, that is zero where one of its factors is, however it is computed."""

    terms: Mapping[_Monomial, Fraction]
    number: bool = True
    written: str | None = None
    is_plain: bool = False

    def text(self) -> str:
        parts = [
            f"{coefficient} {_factors(over)} / {_factors(under)}"
            for (over, under), coefficient in sorted(self.terms.items())
        ]
        return _bounded_text("(" + " + ".join(parts) + ")")

    def as_written(self) -> str:
        if self.written is None:
            raise _NoFormError("too long")
        return self.written

    def single(self) -> tuple[_Monomial, Fraction]:
        """It as one term: a sum of several is one factor."""
        if len(self.terms) == 1:
            ((monomial, coefficient),) = self.terms.items()
            return monomial, coefficient
        return (((self.text(), 1),), ()), Fraction(1)

    def constant(self) -> Fraction | None:
        return self.terms.get(((), ())) if len(self.terms) == 1 else None


def _factors(found: _Factors) -> str:
    return " ".join(f"{factor}^{exponent}" for factor, exponent in found) or "1"


def _bounded_text(text: str) -> str:
    if len(text) > MAX_CHARS:
        raise _NoFormError("too long")
    return text


def _atom(text: str, number: bool) -> _Value:
    """What is nothing but what is written."""
    monomial: _Monomial = (((_bounded_text(text), 1),), ())
    return _Value({monomial: Fraction(1)}, number, text, is_plain=True)


def _carried(text: str, number: bool, written: str | None) -> _Value:
    """What carries its operands on: ``text`` is of their normal forms."""
    monomial: _Monomial = (((_bounded_text(text), 1),), ())
    return _Value({monomial: Fraction(1)}, number, written)


def _written(form: str, parts: Iterable[_Value]) -> str | None:
    """``form(parts)`` of what is written in each, or None."""
    texts = [part.written for part in parts]
    if None in texts:
        return None
    found = f"{form}({', '.join(map(str, texts))})"
    return found if len(found) <= MAX_CHARS else None


def _written_operation(left: _Value, operator: ast.operator, right: _Value) -> str | None:
    if left.written is None or right.written is None:
        return None
    sides = [left.written, right.written]
    if left.number and right.number and isinstance(operator, _COMMUTATIVE):
        sides.sort()
    found = f"[{sides[0]} {type(operator).__name__} {sides[1]}]"
    return found if len(found) <= MAX_CHARS else None


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise _NoFormError("a constant too large")
    return value


def _plus(left: _Value, right: _Value, sign: int) -> _Value:
    terms = dict(left.terms)
    for monomial, coefficient in right.terms.items():
        terms[monomial] = _bounded(terms.get(monomial, Fraction(0)) + sign * coefficient)
    one, other = left.constant(), right.constant()
    is_plain = (
        one is not None
        and other is not None
        and left.is_plain
        and right.is_plain
        and abs(one + sign * other) > CANCELLED * max(abs(one), abs(other))
    )
    return _Value(terms, is_plain=is_plain)


def _times(left: _Value, right: _Value) -> _Value:
    is_plain = left.is_plain and right.is_plain
    if right.constant() == 1:
        return dataclasses.replace(left, is_plain=is_plain)
    if left.constant() == 1:
        return dataclasses.replace(right, is_plain=is_plain)
    (over, under), coefficient = left.single()
    (more_over, more_under), factor = right.single()
    monomial = (_merged(over, more_over), _merged(under, more_under))
    return _Value({monomial: _bounded(coefficient * factor)}, is_plain=is_plain)


def _divisor(found: _Value) -> tuple[_Factors, Fraction]:
    """What is divided by, as factors and a constant."""
    (over, under), coefficient = found.single()
    if not found.is_plain or under:
        return ((found.as_written(), 1),), Fraction(1)
    if not coefficient:
        raise _NoFormError("a division by zero")
    return over, coefficient


def _over(left: _Value, factors: _Factors, constant: Fraction) -> _Value:
    """``left`` by a divisor."""
    is_plain = left.is_plain and not factors
    if constant == 1 and not factors:
        return dataclasses.replace(left, is_plain=is_plain)
    (over, under), coefficient = left.single()
    monomial = (over, _merged(under, factors))
    return _Value({monomial: _bounded(coefficient / constant)}, is_plain=is_plain)


def _merged(some: _Factors, more: _Factors) -> _Factors:
    exponents = dict(some)
    for factor, exponent in more:
        exponents[factor] = exponents.get(factor, 0) + exponent
    return tuple(sorted(exponents.items()))


def _number(value: int | float) -> _Value:
    try:
        # As it is written: 0.1 is a tenth.
        constant = _bounded(Fraction(repr(value)))
        return _Value({((), ()): constant}, True, _bounded_text(repr(value)), is_plain=True)
    except ValueError as error:
        raise _NoFormError("a number that is none") from error


class _Reading:
    """Reads a routine whose own functions are ``functions``."""

    def __init__(self, functions: Mapping[str, _Function]) -> None:
        self.functions = functions
        self.left = MAX_OPERATIONS
        #: What every call computes and may fail at.
        self.risks: set[str] = set()
        #: The depth of what only some calls compute.
        self.cases = 0

    def text(self, body: Iterable[ast.stmt], given: Mapping[str, _Value]) -> str:
        result = self.result(body, given).text()
        return "; ".join([result, *sorted(self.risks)])

    def result(self, body: Iterable[ast.stmt], given: Mapping[str, _Value]) -> _Value:
        values = dict(given)
        for statement in body:
            match statement:
                case ast.Return(ast.expr() as value):
                    return self.value(value, values)
                case ast.Assign([ast.Name(name)], value) | ast.AnnAssign(
                    ast.Name(name), _, ast.expr() as value
                ):
                    values[name] = self.value(value, values)
                case ast.AugAssign(ast.Name(name) as target, operator, value):
                    if name not in values or not values[name].number:
                        raise _NoFormError("a change in place")  # a list, and whoever else has it
                    read = ast.Name(target.id, ast.Load())
                    values[name] = self.value(ast.BinOp(read, operator, value), values)
                case ast.Expr(ast.Constant()) | ast.Pass():
                    continue
                case _:
                    raise _NoFormError("more than values and a result")
        raise _NoFormError("no result")

    def value(self, node: ast.expr, values: Mapping[str, _Value]) -> _Value:
        self.left -= 1
        if self.left < 0:
            raise _NoFormError("too much to put in")
        match node:
            case ast.Name(name) if name in values:
                return values[name]
            case ast.Constant(int() | float() as number) if not isinstance(number, bool):
                return _number(number)
            case ast.Constant(value):
                return _atom(f"constant {value!r}", False)
            case ast.UnaryOp(operator, operand):
                return self.unary(operator, self.value(operand, values))
            case ast.BinOp(left, operator, right):
                return self.operation(self.value(left, values), operator, self.value(right, values))
            case ast.Call(ast.Name(name), arguments, []) if name in self.functions:
                parameters, body = self.functions[name]
                if name in values or len(parameters) != len(arguments):
                    raise _NoFormError("a call of something else")
                given = [self.value(argument, values) for argument in arguments]
                return self.result(body, dict(zip(parameters, given, strict=True)))
            case ast.Call(ast.Name(name), arguments, []) if name in _PURE and name not in values:
                return self.call(name, [self.value(argument, values) for argument in arguments])
            case ast.List(items) | ast.Tuple(items):
                kind = type(node).__name__
                found = [self.value(item, values) for item in items]
                text = f"{kind}({', '.join(one.text() for one in found)})"
                return _carried(text, False, _written(kind, found))
            case ast.IfExp(test, body, orelse):
                asked = self.value(test, values).as_written()
                cases = [self.case(one, values) for one in (body, orelse)]
                text = f"IfExp({asked}, {', '.join(one.text() for one in cases)})"
                number = all(one.number for one in cases)
                return _carried(text, number, _written("IfExp", [_atom(asked, False), *cases]))
            case ast.BoolOp(joint, [first, *rest]):
                parts = [self.value(first, values), *(self.case(one, values) for one in rest)]
                return self.as_written(type(joint).__name__, parts, risky=False)
            case ast.Compare(left, operators, [right, *rest]):
                parts = [self.value(left, values), self.value(right, values)]
                parts += [self.case(one, values) for one in rest]  # not if the first fails
                names = " ".join(type(operator).__name__ for operator in operators)
                numbers = all(part.number for part in parts)
                return self.as_written(f"Compare {names}", parts, risky=not numbers)
            case ast.Subscript(of, ast.Slice(lower, upper, step)):
                nothing = _atom("-", False)
                ends = [
                    self.value(end, values) if end is not None else nothing
                    for end in (lower, upper, step)
                ]
                return self.as_written("Slice", [self.value(of, values), *ends])
            case ast.Subscript(of, index):
                return self.as_written("Item", [self.value(of, values), self.value(index, values)])
        raise _NoFormError(f"more than values: {type(node).__name__}")

    def case(self, node: ast.expr, values: Mapping[str, _Value]) -> _Value:
        """The value of what only some calls compute."""
        self.cases += 1
        found = self.value(node, values)
        self.cases -= 1
        return found

    def risk(self, text: str) -> None:
        if not self.cases:
            self.risks.add(text)

    def as_written(self, form: str, parts: Sequence[_Value], *, risky: bool = True) -> _Value:
        """What may turn a rounding of its operands into another result."""
        text = f"{form}({', '.join(part.as_written() for part in parts)})"
        found = _atom(text, form in _NUMBERS)
        if risky:
            self.risk(text)
        return found

    def call(self, name: str, given: Sequence[_Value]) -> _Value:
        is_unordered = name in _UNORDERED
        if (
            name not in _CONTINUOUS
            or not all(one.number for one in given)
            or len(given) < 1 + is_unordered
        ):
            return self.as_written(name, given)
        texts = [one.text() for one in given]
        if is_unordered:
            texts.sort()
        # As written they have an order: of 1 and 1.0 the first is the greater.
        return _carried(f"{name}({', '.join(texts)})", True, _written(name, given))

    def unary(self, operator: ast.unaryop, operand: _Value) -> _Value:
        match operator:
            case ast.UAdd() if operand.number:
                return operand
            case ast.USub() if operand.number:
                terms = {monomial: -factor for monomial, factor in operand.terms.items()}
                return _Value(terms, True, _written("USub", [operand]), operand.is_plain)
            case ast.UAdd() | ast.USub():
                raise _NoFormError("a sign of what is no number")
        return self.as_written(type(operator).__name__, [operand])

    def operation(self, left: _Value, operator: ast.operator, right: _Value) -> _Value:
        written = _written_operation(left, operator, right)
        found = self.arithmetic(left, operator, right) if left.number and right.number else None
        if found is not None:
            return dataclasses.replace(found, written=written)
        if written is None:
            raise _NoFormError("too long")
        self.risk(written)
        return _atom(written, left.number and right.number)

    def arithmetic(self, left: _Value, operator: ast.operator, right: _Value) -> _Value | None:
        """The result of what is continuous; else None."""
        match operator:
            case ast.Add():
                return _plus(left, right, 1)
            case ast.Sub():
                return _plus(left, right, -1)
            case ast.Mult():
                return _times(left, right)
            case ast.Div():
                factors, constant = _divisor(right)
                for factor, _ in factors:
                    self.risk(f"{factor} is not zero")
                return _over(left, factors, constant)
            case ast.Pow() if right.written in _EXPONENTS:
                found = left
                for _ in range(_EXPONENTS[right.written] - 1):
                    found = _times(found, left)
                return found
        return None


__all__ = ["NormalForm", "normal_form", "roles"]
