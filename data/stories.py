"""Stories: problem texts with gaps for numbers, and worked answers whose steps are computed.

A story says which numbers each of its givens may take. Numbers are drawn by a generator that is
seeded with the story's name until every step comes out short and positive and no two givens are
equal (a reader could not tell their roles apart), so a story always gives the same problem. All
arithmetic is exact.
"""

from __future__ import annotations

import ast
import operator
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

#: How many draws a story gets before it counts as badly written.
MAX_DRAWS = 5000
#: Most digits after the point that a step may have.
MAX_DECIMALS = 2

_GAP = re.compile(r"\{(\w+)\}")
_STEP = re.compile(r"\[(\$?)(\w+): ([^\]]+)\]")
_OPERATORS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: lambda base, exponent: base ** int(exponent),
}


class UnsuitableError(ValueError):
    """Numbers of which two are equal, or with which a step is negative or does not come out short:
    draw again."""


@dataclass(frozen=True)
class Story:
    """One problem with gaps.

    ``givens`` is ``name=value,value,...; name=...; name:expression``, the last for a number that
    follows from others. Gaps in ``question`` and ``answer`` are ``{name}``. A step in ``answer`` is ``[name: expression]`` over givens and earlier steps, or
    ``[$name: expression]`` where the result is money; how it is written out is up to the family.
    """

    kind: str
    givens: str
    question: str
    answer: str


@dataclass(frozen=True)
class Told:
    """A story with its numbers: ``result`` is the last step's value, ``truth`` the right one (the
    same, unless the story has a given of that name)."""

    question: str
    answer: str
    result: str
    truth: str


#: Writes a step out: (expression with numbers in it, value, whether it is money) -> text.
Writer = Callable[[str, str, bool], str]


def tell(story: Story, name: str, write: Writer) -> Told:
    """Fill in ``story``; ``name`` seeds the numbers, ``write`` writes out the steps.

    Raises:
        ValueError: if no draw in `MAX_DRAWS` suits.
    """
    draw = random.Random(f"tracemine sample: {name}")
    for _ in range(MAX_DRAWS):
        try:
            return _tell(story, draw_givens(story.givens, draw), write)
        except UnsuitableError:
            continue
    raise ValueError(f"no numbers suit the story {name!r}")


def draw_givens(givens: str, draw: random.Random) -> dict[str, Fraction]:
    """A value for each of ``givens`` (see `Story`), drawn or worked out in the order written.

    Raises:
        UnsuitableError: if one that is worked out is not positive, or two are equal.
    """
    values: dict[str, Fraction] = {}
    for given in givens.split(";"):
        name, sign, rest = re.split(r"([=:])", given.strip(), maxsplit=1)
        if sign == "=":
            values[name] = Fraction(draw.choice(rest.split(",")))
            continue
        values[name] = evaluate(rest.strip(), values)
        if values[name] <= 0:
            raise UnsuitableError(f"{name} is {values[name]}")
    # What is true of a story may well be one of its numbers.
    told = [value for name, value in values.items() if name != "truth"]
    if len(set(told)) < len(told):
        raise UnsuitableError("two givens are equal")
    return values


def fill(text: str, values: dict[str, Fraction]) -> str:
    """``text`` with its gaps filled.

    Raises:
        UnsuitableError: if a number is not short.
    """
    return _GAP.sub(lambda match: number(values[match[1]]), text)


def number(value: Fraction) -> str:
    """A number as people write it.

    Raises:
        UnsuitableError: if it needs more than `MAX_DECIMALS` digits after the point.
    """
    if value.denominator == 1:
        return str(value.numerator)
    scaled = value * 10**MAX_DECIMALS
    if scaled.denominator != 1:
        raise UnsuitableError(str(value))
    return f"{float(value):.{MAX_DECIMALS}f}".rstrip("0")


def evaluate(expression: str, values: dict[str, Fraction]) -> Fraction:
    """The exact value of an arithmetic expression over names and numbers.

    Raises:
        UnsuitableError: on a division by zero.
    """
    return _evaluate(ast.parse(expression, mode="eval").body, values)


def _evaluate(node: ast.expr, values: dict[str, Fraction]) -> Fraction:
    match node:
        case ast.Name(id=name):
            return values[name]
        case ast.Constant(value=int() | float() as constant):
            return Fraction(str(constant))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand, values)
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _evaluate(left, values), _evaluate(right, values)
            if isinstance(op, ast.Div) and b == 0:
                raise UnsuitableError("division by zero")
            return _OPERATORS[type(op)](a, b)
    raise TypeError(f"not arithmetic: {ast.dump(node)}")


def _tell(story: Story, values: dict[str, Fraction], write: Writer) -> Told:
    result = ""

    def carry_out(match: re.Match[str]) -> str:
        nonlocal result
        money, name, expression, gap = match.groups()
        if gap is not None:
            return number(values[gap])
        value = evaluate(expression, values)
        if value <= 0:
            raise UnsuitableError(f"{expression} is {value}")
        values[name] = value
        result = number(value)
        return write(_with_numbers(expression, values), result, bool(money))

    question = fill(story.question, values)
    # One pass for both: what a step writes may itself contain braces.
    answer = re.sub(f"{_STEP.pattern}|{_GAP.pattern}", carry_out, story.answer)
    truth = number(values["truth"]) if "truth" in values else result
    return Told(question, answer, result, truth)


def _with_numbers(expression: str, values: dict[str, Fraction]) -> str:
    return re.sub(r"[a-z_]\w*", lambda name: number(values[name[0]]), expression)
