"""Which routines are one in other words: ``x / 2`` and ``half = x * 0.5; return half``.

Straight-line code (names given a value once or again, one result, functions of its own that are
such code) is brought to a normal form: what names and functions stand for is put in; sums and
products have no order and no grouping; a quotient is a product with an inverse; constant factors
are multiplied and like terms collected; parameters go by their roles and not by their names or
their order. Nothing is multiplied out, factored or cancelled: ``a * (b + c)`` and ``a * b + a * c``
are two ways to one result. No code is run.
"""

from __future__ import annotations

import ast
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

#: Routines whose form is remembered: the stages ask for it several times each.
_REMEMBERED = 16384

#: Builtins that change nothing and give the same for the same; those that give numbers; those whose
#: arguments have no order where they are numbers.
_PURE = frozenset(
    {"abs", "bool", "divmod", "float", "int", "len", "list", "max", "min", "range", "reversed",
     "round", "set", "sorted", "str", "sum", "tuple"}
)  # fmt: skip
_NUMBERS = frozenset({"abs", "float", "int", "len", "round"})
_UNORDERED = frozenset({"max", "min"})

#: Syntax that is kept as it stands, around operands in normal form.
_KEPT = (
    ast.BoolOp, ast.Compare, ast.IfExp, ast.List, ast.Subscript, ast.Tuple, ast.UnaryOp, ast.BinOp,
    ast.Slice,
)  # fmt: skip


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
            return _Reading(functions).result(body, given).text()

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
    """A sum of terms with their coefficients. What is no ``number`` is one factor."""

    terms: Mapping[_Monomial, Fraction]
    number: bool = True

    def text(self) -> str:
        parts = [
            f"{coefficient} {_factors(over)} / {_factors(under)}"
            for (over, under), coefficient in sorted(self.terms.items())
        ]
        found = "(" + " + ".join(parts) + ")"
        if len(found) > MAX_CHARS:
            raise _NoFormError("too long")
        return found

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


def _atom(text: str, number: bool) -> _Value:
    if len(text) > MAX_CHARS:
        raise _NoFormError("too long")
    return _Value({(((text, 1),), ()): Fraction(1)}, number)


def _constant(value: Fraction) -> _Value:
    return _Value({((), ()): _bounded(value)})


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise _NoFormError("a constant too large")
    return value


def _plus(left: _Value, right: _Value, sign: int) -> _Value:
    terms = dict(left.terms)
    for monomial, coefficient in right.terms.items():
        terms[monomial] = _bounded(terms.get(monomial, Fraction(0)) + sign * coefficient)
    return _Value(terms)


def _times(left: _Value, right: _Value, *, inverse: bool = False) -> _Value:
    """``left * right``, or ``left / right``."""
    if right.constant() == 1:
        return left
    if left.constant() == 1 and not inverse:
        return right
    (over, under), coefficient = left.single()
    (more_over, more_under), factor = right.single()
    if inverse:
        if not factor:
            raise _NoFormError("a division by zero")
        more_over, more_under, factor = more_under, more_over, 1 / factor
    monomial = (_merged(over, more_over), _merged(under, more_under))
    return _Value({monomial: _bounded(coefficient * factor)})


def _merged(some: _Factors, more: _Factors) -> _Factors:
    exponents = dict(some)
    for factor, exponent in more:
        exponents[factor] = exponents.get(factor, 0) + exponent
    return tuple(sorted(exponents.items()))


def _constant_zero() -> _Value:
    """Nothing: no term, not even zero."""
    return _Value({})


def _number(value: int | float) -> _Value:
    try:
        # As it is written: 0.1 is a tenth.
        return _constant(Fraction(repr(value)))
    except ValueError as error:
        raise _NoFormError("a number that is none") from error


def _operation(left: _Value, operator: ast.operator, right: _Value) -> _Value:
    if left.number and right.number:
        match operator:
            case ast.Add():
                return _plus(left, right, 1)
            case ast.Sub():
                return _plus(left, right, -1)
            case ast.Mult():
                return _times(left, right)
            case ast.Div():
                return _times(left, right, inverse=True)
            case ast.Pow():
                exponent = right.constant()
                if exponent is not None and exponent in range(1, MAX_EXPONENT + 1):
                    found = left
                    for _ in range(int(exponent) - 1):
                        found = _times(found, left)
                    return found
    text = f"[{left.text()} {type(operator).__name__} {right.text()}]"
    return _atom(text, left.number and right.number)


class _Reading:
    """Reads a routine whose own functions are ``functions``."""

    def __init__(self, functions: Mapping[str, _Function]) -> None:
        self.functions = functions
        self.left = MAX_OPERATIONS

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
            case ast.Constant(number) if type(number) in (int, float):
                return _number(node.value)  # type: ignore[arg-type]
            case ast.Constant(value):
                return _atom(f"constant {value!r}", False)
            case ast.UnaryOp(ast.USub() | ast.UAdd() as sign, operand):
                found = self.value(operand, values)
                if found.number:
                    return (
                        found if isinstance(sign, ast.UAdd) else _plus(_constant_zero(), found, -1)
                    )
                raise _NoFormError("a sign of what is no number")
            case ast.BinOp(left, operator, right):
                return _operation(self.value(left, values), operator, self.value(right, values))
            case ast.Call(ast.Name(name), arguments, []) if name in self.functions:
                parameters, body = self.functions[name]
                if name in values or len(parameters) != len(arguments):
                    raise _NoFormError("a call of something else")
                given = [self.value(argument, values) for argument in arguments]
                return self.result(body, dict(zip(parameters, given, strict=True)))
            case ast.Call(ast.Name(name), arguments, []) if name in _PURE and name not in values:
                given = [self.value(argument, values) for argument in arguments]
                texts = [one.text() for one in given]
                if name in _UNORDERED and len(given) > 1 and all(one.number for one in given):
                    texts.sort()
                    return _atom(f"{name}({', '.join(texts)})", True)
                return _atom(f"{name}({', '.join(texts)})", name in _NUMBERS)
            case _ if isinstance(node, _KEPT):
                return self.kept(node, values)
        raise _NoFormError(f"more than values: {type(node).__name__}")

    def kept(self, node: ast.AST, values: Mapping[str, _Value]) -> _Value:
        """What is no arithmetic, with its operands in normal form."""
        parts = []
        operands = []
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Slice):
                parts.append(self.kept(child, values).text())
            elif isinstance(child, ast.expr):
                operands.append(self.value(child, values))
                parts.append(operands[-1].text())
            else:
                parts.append(type(child).__name__)
        number = isinstance(node, ast.IfExp) and all(one.number for one in operands[1:])
        return _atom(f"{type(node).__name__}({', '.join(parts)})", number)


__all__ = ["NormalForm", "normal_form", "roles"]
