"""Arithmetic as a small tree: read from plain text, evaluated exactly, written as Python.

Reads what people write in running text, and simple LaTeX in it: ``5 * $3``, ``(25/100)*125``,
``20% of 50``, ``3 × 4``, ``\\frac{1}{2} \\cdot 8``. Formulas in LaTeX are read by `latex`, into the
same tree, which may then hold symbols and functions. Nothing is evaluated by Python itself, and
every walk is bounded.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, TypeAlias

import mpmath

from tracemine.teachers.rules.arithmetic.unit_symbols import unit_at
from tracemine.teachers.rules.language.numerals import parse_decimal
from tracemine.teachers.rules.language.words import UNITS

#: Largest exponent that is evaluated.
MAX_EXPONENT = 64
#: Largest numerator or denominator, in bits, that a calculation may reach.
MAX_BITS = 512
#: Largest argument of a factorial, and upper one of a binomial coefficient.
MAX_FACTORIAL = 170
#: Binary digits of values that are no fraction (roots, pi): over 40 decimal digits, so that a
#: chain that holds is told from one that nearly does.
PRECISION = 160
#: A value nearer to a whole number than this is that number: sqrt(2) * sqrt(8) is 4.
WHOLE = Fraction(1, 10**30)
#: Most tokens, and deepest nesting, of one expression.
MAX_TOKENS = 200
MAX_NESTING = 30
#: Largest power of ten that makes a number: 6.02 \\times 10^{23}.
MAX_SCALE = 40
#: Most words between a number and the operator after it: "3 large orders * 12".
MAX_UNIT_WORDS = 8

TokenKind = Literal["number", "operator", "open", "close", "equals", "word", "break", "newline"]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text at ``[start, end)``. ``symbol`` is the operator in Python's spelling."""

    kind: TokenKind
    start: int
    end: int
    symbol: str = ""
    value: Fraction = Fraction(0)
    percent: bool = False


@dataclass(frozen=True, slots=True)
class Number:
    """A literal operand, at ``[start, end)`` of the text; its value is before any percent sign.

    ``symbol`` is the letter of a formula in whose place it is put; ``fixed`` says that it belongs
    to the formula (the 2 of 2 pi r) and is no data.
    """

    value: Fraction
    start: int
    end: int
    percent: bool = False
    symbol: str = ""
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands and one of ``+ - * / // % **``. Those of an `Expression` are expressions, those
    of a `Tree` trees; the one class serves both."""

    symbol: str
    left: Any
    right: Any


@dataclass(frozen=True, slots=True)
class Negative:
    """A sign before something that is not a literal; its operand is as with `Binary`."""

    operand: Any


@dataclass(frozen=True, slots=True)
class Symbol:
    """A letter that stands for a number, at ``[start, end)``; such a tree has no value of its own
    and no code until numbers are put in."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function of `FUNCTIONS` on operands, or the constant ``pi`` on none."""

    name: str
    arguments: tuple[Tree, ...]


#: Arithmetic, as running text has it.
Expression = Number | Binary | Negative
#: A formula, as LaTeX has it.
Tree = Number | Binary | Negative | Symbol | Call


class NotArithmeticError(ValueError):
    """Text, or a value, that is not arithmetic within the limits above."""


_TOKEN = re.compile(
    r"""
    (?P<skip>[ \t\r]+|\\[,!;:> ]|~|&|\\(?:left|right|quad|displaystyle|hspace\{\d*em\})(?![a-zA-Z])
        |\\?\$|[£€₹¥]|\*\*(?=[A-Za-z\s]))
    |(?P<newline>\n|\\\\)
    |(?P<number>(?<![\w.])(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,3}(?:\{,\}\d{3})+|\d+)(?:\.\d+)?|\.\d+)
        (?P<percent>\s?\\?%|\s?percent\b)?
    |(?P<frac>\\[dtc]?frac\s?\{)
    |(?P<text>\\(?:text|mathrm|mbox)\s?\{\s*(?:[a-zA-Z]+[ \t]*){1,5}\})
    |(?P<open>\\boxed\s?\{|[(\[{])
    |(?P<close>[)\]}])
    |(?P<fence>\\[()\[\]])
    |(?P<relation>==|!=|<=|>=|\\neq?(?![a-zA-Z])|:=)
    |(?P<equals>=|≈|\\approx(?![a-zA-Z]))
    |(?P<operator>\*\*|//|[-+*/×÷·−–^]|\\times(?![a-zA-Z])|\\cdot(?![a-zA-Z])|\\div(?![a-zA-Z]))
    |(?P<word>[A-Za-z]+(?:['’][a-z]+)?)
    |(?P<other>\\[A-Za-z]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_OPERATORS = {
    "×": "*", "÷": "/", "·": "*", "−": "-", "–": "-", "^": "**", "\\times": "*", "\\cdot": "*",
    "\\div": "/",
}  # fmt: skip
_NEXT_OPERAND = re.compile(r"[ \t]*[\d.$(]")
_OPENING = {")": "(", "]": "[", "}": "{"}


def tokenize(text: str) -> list[Token]:
    """The tokens of ``text``, white space, money signs and LaTeX spacing left out. A LaTeX
    fraction comes as a bracketed quotient. Linear in the length of ``text``."""
    tokens: list[Token] = []
    braces: list[str] = []
    at = 0
    while at < len(text):
        ends = _unit_end(text, at, tokens[-1]) if tokens else None
        if ends is not None:
            tokens.append(Token("word", at, ends, text[at:ends].strip()))
            at = ends
            continue
        match = _TOKEN.match(text, at)
        assert match is not None  # the last alternative takes anything
        at = match.end()
        kind = match.lastgroup
        start, end = match.span()
        if kind == "percent" or match["number"] is not None:
            value = parse_decimal(match["number"].replace("{,}", ","))
            glued = bool(tokens) and tokens[-1].kind == "number" and tokens[-1].end == start
            if value is None or glued:
                tokens.append(Token("break", start, end))
            else:
                percent = match["percent"] is not None
                tokens.append(Token("number", start, end, "", value, percent))
        elif kind == "frac":
            braces.append("top")
            tokens += [Token("open", start, end, "("), Token("open", end, end, "(")]
        elif kind == "open":
            braces.append("plain")
            tokens.append(Token("open", start, end, match.group()[-1]))
        elif kind == "close":
            _close(text, match, braces, tokens)
        elif kind in ("operator", "equals", "newline", "word"):
            symbol = match.group()
            if kind == "equals":
                tokens.append(Token("equals", start, end, "=" if symbol == "=" else "≈"))
            elif kind == "operator":
                tokens.append(_operator(text, start, end, symbol))
            elif kind == "word":
                tokens.append(_word(text, start, end, symbol, tokens))
            else:
                tokens.append(Token("newline", start, end))
        elif kind == "text":
            tokens.append(Token("word", start, end, match.group()))
        elif kind in ("fence", "relation", "other"):
            tokens.append(Token("break", start, end, match.group()))
    return tokens


#: What something is for each of, behind a number or a unit: the "/chapter" of 20 minutes/chapter.
_PER = re.compile(r"\s?/\s?[A-Za-z]{2,}")


def _unit_end(text: str, at: int, before: Token) -> int | None:
    """Where the unit ends that stands at ``at`` right behind a number or a bracket, or the slash
    and word that stand behind a number or a unit; None where there is neither."""
    if before.kind not in ("number", "close", "word"):
        return None
    per = _PER.match(text, at) if before.kind != "close" and before.end == at else None
    if per is not None:
        return per.end()
    if before.end != at or before.kind == "word":
        return None
    found = unit_at(text, at)
    return found.end if found is not None else None


def _close(text: str, match: re.Match[str], braces: list[str], tokens: list[Token]) -> None:
    start, end = match.span()
    state = braces.pop() if braces else "plain"
    if state == "top" and match.group() == "}" and text[end : end + 1] == "{":
        # The brace that opens the denominator comes next, as an "open" of its own.
        braces.append("bottom")
        tokens += [Token("close", start, start, ")"), Token("operator", start, end, "/")]
        return
    if len(braces) and braces[-1] == "bottom" and state == "plain" and match.group() == "}":
        braces.pop()
        tokens += [Token("close", start, start, "}"), Token("close", start, end, ")")]
        return
    tokens.append(Token("close", start, end, match.group()))


def _operator(text: str, start: int, end: int, symbol: str) -> Token:
    if symbol in "-–−*+·" and text[end : end + 1].isspace():
        line = text.rfind("\n", 0, start) + 1
        if start - line < 12 and not text[line:start].strip():
            return Token("break", start, end)  # a bullet of a list
    return Token("operator", start, end, _OPERATORS.get(symbol, symbol))


def _word(text: str, start: int, end: int, word: str, tokens: list[Token]) -> Token:
    """A word; a lone letter is a symbol, except "x" between numbers, and units."""
    after_number = bool(tokens) and tokens[-1].kind in ("number", "close")
    if word == "x" and after_number and _NEXT_OPERAND.match(text, end):
        return Token("operator", start, end, "*")
    if word == "of" and tokens and tokens[-1].kind == "number" and tokens[-1].percent:
        return Token("operator", start, end, "*")
    glued = after_number and tokens[-1].end == start
    if (len(word) == 1 or glued) and word.lower() not in UNITS:
        return Token("break", start, end, word)
    return Token("word", start, end, word)


def parse(tokens: list[Token]) -> Expression:
    """The expression that all of ``tokens`` make up; words after a number are passed over.

    Raises:
        NotArithmeticError: if they are no expression.
    """
    if len(tokens) > MAX_TOKENS:
        raise NotArithmeticError("too long")
    return _Parser(tokens).whole()


def parse_text(text: str) -> Expression:
    """The expression that all of ``text`` is.

    Raises:
        NotArithmeticError: if it is none.
    """
    if len(text) > 20 * MAX_TOKENS:
        raise NotArithmeticError("too long")
    return parse(tokenize(text))


_LEVELS: tuple[tuple[str, ...], ...] = (("+", "-"), ("*", "/", "//"))


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    def peek(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def whole(self) -> Expression:
        found = self.level(0)
        if self.peek() is not None:
            raise NotArithmeticError("something is left over")
        return found

    def level(self, index: int) -> Expression:
        if index == len(_LEVELS):
            return self.signed()
        left = self.level(index + 1)
        while (token := self.peek()) is not None:
            if token.kind == "operator" and token.symbol in _LEVELS[index]:
                self.at += 1
                left = scaled(token.symbol, left, self.level(index + 1))
            elif index == 1 and token.kind == "open":  # 2(3 + 4)
                left = Binary("*", left, self.signed())
            else:
                break
        return left

    def signed(self) -> Expression:
        token = self.peek()
        if token is not None and token.kind == "operator" and token.symbol in "+-":
            self.at += 1
            self._deeper()
            inner = self.signed()
            self.depth -= 1
            if token.symbol == "+":
                return inner
            if isinstance(inner, Number):
                return Number(-inner.value, token.start, inner.end, inner.percent)
            return Negative(inner)
        return self.power()

    def power(self) -> Expression:
        base = self.atom()
        token = self.peek()
        if token is not None and token.kind == "operator" and token.symbol == "**":
            self.at += 1
            self._deeper()
            exponent = self.signed()
            self.depth -= 1
            return Binary("**", base, exponent)
        return base

    def atom(self) -> Expression:
        token = self.peek()
        if token is None:
            raise NotArithmeticError("an operand is missing")
        self.at += 1
        if token.kind == "number":
            self._pass_words()
            return Number(token.value, token.start, token.end, token.percent)
        if token.kind == "open":
            self._deeper()
            inner = self.level(0)
            self.depth -= 1
            closing = self.peek()
            if closing is None or closing.kind != "close" or not _fits(token, closing):
                raise NotArithmeticError("a bracket is not closed")
            self.at += 1
            self._pass_words()
            return inner
        raise NotArithmeticError(f"not an operand: {token.kind}")

    def _pass_words(self) -> None:
        words = 0
        while (token := self.peek()) is not None and token.kind == "word":
            words += 1
            self.at += 1
            if words > MAX_UNIT_WORDS:
                raise NotArithmeticError("words between operands")

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise NotArithmeticError("nested too deep")


def scaled(symbol: str, left: Tree, right: Tree) -> Number | Binary:
    """The operation on both; a number times a power of ten, as in 6.02e23, is one number."""
    if (
        symbol == "*"
        and isinstance(left, Number)
        and isinstance(right, Binary)
        and right.symbol == "**"
        and isinstance(right.left, Number)
        and isinstance(right.right, Number)
        and right.left.value == 10
        and abs(left.value) < 1000
        and right.right.value.denominator == 1
        and 2 < abs(right.right.value) <= MAX_SCALE
    ):
        value = left.value * Fraction(10) ** int(right.right.value)
        return Number(value, left.start, right.right.end)
    return Binary(symbol, left, right)


def _fits(opening: Token, closing: Token) -> bool:
    return _OPENING.get(closing.symbol) == opening.symbol


#: A fraction, or a number of mpmath, which has no types.
_Value: TypeAlias = Fraction | Any
#: A context of its own: the precision of mpmath's common one is anybody's to change.
_REALS = mpmath.MPContext()
_REALS.prec = PRECISION


def evaluate(expression: Tree) -> Fraction:
    """The value: exact for a rational number, else a fraction within 1e-40 of it (relatively).

    Raises:
        NotArithmeticError: on division by zero, a root of a negative number, a symbol, or a value
            beyond the limits.
    """
    return _fraction(_value(expression))


def _fraction(value: _Value) -> Fraction:
    if isinstance(value, Fraction):
        return value
    sign, mantissa, exponent, _ = value._mpf_
    exact = Fraction(-mantissa if sign else mantissa) * Fraction(2) ** exponent
    nearest = Fraction(round(exact))
    return nearest if abs(exact - nearest) < WHOLE else exact


def _value(expression: Tree) -> _Value:
    if isinstance(expression, Number):
        return expression.value / 100 if expression.percent else expression.value
    if isinstance(expression, Negative):
        return -_value(expression.operand)
    if isinstance(expression, Symbol):
        raise NotArithmeticError("a symbol has no value")
    if isinstance(expression, Call):
        found = _call(expression.name, [_value(a) for a in expression.arguments])
    else:
        found = _apply(expression.symbol, _value(expression.left), _value(expression.right))
    return _bounded(found)


def _bounded(value: _Value) -> _Value:
    if isinstance(value, Fraction):
        if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
            raise NotArithmeticError("too large")
    elif not _REALS.isfinite(value) or (value and abs(_REALS.mag(value)) > MAX_BITS):
        raise NotArithmeticError("too large")
    return value


def _real(value: _Value) -> Any:
    if isinstance(value, Fraction):
        return _REALS.mpf(value.numerator) / value.denominator
    return value


def _apply(symbol: str, left: _Value, right: _Value) -> _Value:
    if symbol in ("/", "//", "%") and right == 0:
        raise NotArithmeticError("division by zero")
    if symbol == "**":
        return _power(left, right)
    if symbol not in _OPERATIONS:
        raise NotArithmeticError(f"unknown operator {symbol}")
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return Fraction(_OPERATIONS[symbol](left, right))
    return _OPERATIONS[symbol](_real(left), _real(right))


_OPERATIONS: Mapping[str, Callable[..., _Value]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
}


def _power(base: _Value, exponent: _Value) -> _Value:
    if base == 0 and exponent < 0:
        raise NotArithmeticError("division by zero")
    if abs(exponent) > MAX_EXPONENT:
        raise NotArithmeticError("a power beyond the limits")
    if isinstance(exponent, Fraction) and exponent.denominator == 1:
        if not isinstance(base, Fraction):
            return base ** int(exponent)
        bits = max(base.numerator.bit_length(), base.denominator.bit_length())
        if bits * abs(exponent) > MAX_BITS:
            raise NotArithmeticError("a power beyond the limits")
        return Fraction(base ** int(exponent))
    if base < 0:
        raise NotArithmeticError("a root of a negative number")
    if isinstance(exponent, Fraction) and exponent.denominator <= MAX_EXPONENT:
        root = _root(base, exponent.denominator)
        return _power(root, Fraction(exponent.numerator))
    return _real(base) ** _real(exponent)


def _root(value: _Value, degree: int) -> _Value:
    """The root of ``value``, exact where it is rational."""
    if value < 0:
        raise NotArithmeticError("a root of a negative number")
    if isinstance(value, Fraction):
        top, bottom = _whole_root(value.numerator, degree), _whole_root(value.denominator, degree)
        if top is not None and bottom is not None:
            return Fraction(top, bottom)
    return _REALS.root(_real(value), degree)


def _whole_root(value: int, degree: int) -> int | None:
    # Two more bits than the number has are enough to round its root rightly.
    nearest = int(mpmath.libmp.to_int(mpmath.libmp.mpf_nthroot(
        mpmath.libmp.from_int(value), degree, value.bit_length() + 8, "n"), "n"))  # fmt: skip
    return nearest if nearest**degree == value else None


def _call(name: str, values: list[_Value]) -> _Value:
    if name == "pi":
        return _REALS.mpf(_REALS.pi)
    if name == "sqrt":
        return _root(values[0], 2)
    if name == "cbrt":
        return _root(values[0], 3)
    if name == "abs":
        return abs(values[0])
    if name in ("floor", "ceil"):
        exact = _fraction(values[0])
        return Fraction(math.floor(exact) if name == "floor" else math.ceil(exact))
    if name in ("factorial", "comb"):
        return _count(name, values)
    if name in ("log", "log10", "ln"):
        return _logarithm(name, values)
    if name == "radians":
        return _real(values[0]) * _REALS.pi / 180
    if name == "exp":
        return _REALS.exp(_real(values[0]))
    if name in ("sin", "cos", "tan"):
        return _trigonometric(name, _real(values[0]))
    raise NotArithmeticError(f"unknown function {name}")


def _count(name: str, values: list[_Value]) -> Fraction:
    whole = [int(v) for v in values if isinstance(v, Fraction) and v.denominator == 1 and v >= 0]
    if len(whole) != len(values) or max(whole) > MAX_FACTORIAL:
        raise NotArithmeticError("not a small whole number")
    return Fraction(math.factorial(*whole) if name == "factorial" else math.comb(*whole))


def _logarithm(name: str, values: list[_Value]) -> _Value:
    base = values[1] if name == "log" else Fraction(10)
    if values[0] <= 0 or base <= 0 or base == 1:
        raise NotArithmeticError("a logarithm of no positive number")
    natural = _REALS.log(_real(values[0]))
    return natural if name == "ln" else natural / _REALS.log(_real(base))


def _trigonometric(name: str, angle: Any) -> _Value:
    if abs(angle) > MAX_ANGLE:
        raise NotArithmeticError("an angle beyond the limits")
    if name == "tan" and abs(_REALS.cos(angle)) < float(WHOLE):
        raise NotArithmeticError("a tangent of a right angle")
    function: Callable[[Any], Any] = getattr(_REALS, name)
    return function(angle)


def operands(expression: Tree) -> tuple[Tree, ...]:
    """What the outermost operation works on; none for a leaf."""
    if isinstance(expression, Negative):
        return (expression.operand,)
    if isinstance(expression, Binary):
        return expression.left, expression.right
    return expression.arguments if isinstance(expression, Call) else ()


def rebuilt(expression: Tree, parts: Sequence[Tree]) -> Tree:
    """The outermost operation of ``expression`` on other operands."""
    if isinstance(expression, Negative):
        return Negative(parts[0])
    if isinstance(expression, Binary):
        return Binary(expression.symbol, parts[0], parts[1])
    return Call(expression.name, tuple(parts)) if isinstance(expression, Call) else expression


def leaves(expression: Tree) -> Iterator[Number | Symbol]:
    """The numbers and symbols, from left to right."""
    if isinstance(expression, (Number, Symbol)):
        yield expression
    else:
        for part in operands(expression):
            yield from leaves(part)


def numbers(expression: Tree) -> Iterator[Number]:
    """The literal operands, from left to right."""
    return (leaf for leaf in leaves(expression) if isinstance(leaf, Number))


def symbols(expression: Tree) -> list[str]:
    """The names of the symbols, each once, in order of appearance."""
    found = [leaf.name for leaf in leaves(expression) if isinstance(leaf, Symbol)]
    return list(dict.fromkeys(found))


def count_operations(expression: Tree) -> int:
    """How many operations it takes; a percent sign is a division by 100."""
    if isinstance(expression, Number):
        return int(expression.percent)
    own = not isinstance(expression, Symbol) and expression != PI
    return int(own) + sum(map(count_operations, operands(expression)))


def divides(expression: Tree) -> bool:
    """Whether Python gives a float for it even where the value is whole."""
    if isinstance(expression, Number):
        return expression.percent
    if isinstance(expression, Call) and expression.name not in _WHOLE_FUNCTIONS:
        return True
    if isinstance(expression, Binary):
        if expression.symbol == "/":
            return True
        if expression.symbol == "**":
            exponent = evaluate(expression.right)
            if exponent < 0 or exponent.denominator != 1:
                return True
    return any(map(divides, operands(expression)))


def is_irrational(expression: Tree) -> bool:
    """Whether its value need not be a fraction even where all its operands are whole."""
    if isinstance(expression, Call) and expression.name not in _WHOLE_FUNCTIONS:
        return True
    if isinstance(expression, Binary) and expression.symbol == "**":
        broken = evaluate(expression.right).denominator != 1
        return broken or is_irrational(expression.left)
    return any(map(is_irrational, operands(expression)))


#: The constant pi.
PI = Call("pi", ())
#: Largest angle of a trigonometric function, in radians.
MAX_ANGLE = 10**6
#: Every function that a tree may call, as Python code over its operands' code.
FUNCTIONS: Mapping[str, str] = {
    "pi": "math.pi", "sqrt": "math.sqrt({})", "cbrt": "math.cbrt({})", "abs": "abs({})",
    "floor": "math.floor({})", "ceil": "math.ceil({})", "factorial": "math.factorial({})",
    "comb": "math.comb({}, {})", "log": "math.log({}, {})", "log10": "math.log10({})",
    "ln": "math.log({})", "exp": "math.exp({})", "radians": "math.radians({})",
    "sin": "math.sin({})", "cos": "math.cos({})", "tan": "math.tan({})",
}  # fmt: skip
_WHOLE_FUNCTIONS = frozenset(("abs", "floor", "ceil", "factorial", "comb"))


def compute(tree: Tree, values: Mapping[str, float]) -> float:
    """What the code that `render` writes of ``tree`` gives where its symbols have ``values``: in
    ints and floats, and in the same order.

    Raises:
        ArithmeticError, ValueError, TypeError: as that code does.
    """
    if isinstance(tree, Number):
        value = plain(tree.value)
        return value / 100 if tree.percent else value
    if isinstance(tree, Symbol):
        return values[tree.name]
    found = [compute(part, values) for part in operands(tree)]
    if isinstance(tree, Negative):
        return -found[0]
    function = _ON_FLOATS[tree.symbol if isinstance(tree, Binary) else tree.name]
    result: float = function(*found)
    return result


_ON_FLOATS: Mapping[str, Callable[..., Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "//": operator.floordiv, "%": operator.mod, "**": operator.pow, "pi": lambda: math.pi,
    "sqrt": math.sqrt, "cbrt": math.cbrt, "abs": abs, "floor": math.floor, "ceil": math.ceil,
    "factorial": math.factorial, "comb": math.comb, "log": math.log, "log10": math.log10,
    "ln": math.log, "exp": math.exp, "radians": math.radians, "sin": math.sin, "cos": math.cos,
    "tan": math.tan,
}  # fmt: skip


_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "%": 2, "**": 4}


def render(expression: Tree, write: Callable[[Number], str]) -> str:
    """Python code for it; ``write`` gives an operand's code without its percent sign."""
    return _render(expression, write)[0]


def _render(expression: Tree, write: Callable[[Number], str]) -> tuple[str, int]:
    if isinstance(expression, Number):
        text = write(expression)
        if expression.percent:
            return f"{text} / 100", 2
        return text, 3 if text.startswith("-") else 5
    if isinstance(expression, Symbol):
        return expression.name, 5
    if isinstance(expression, Call):
        parts = [_render(part, write)[0] for part in expression.arguments]
        return FUNCTIONS[expression.name].format(*parts), 5
    if isinstance(expression, Negative):
        inner, level = _render(expression.operand, write)
        return f"-{inner}" if level > 3 else f"-({inner})", 3
    own = _PRECEDENCE[expression.symbol]
    left, left_level = _render(expression.left, write)
    right, right_level = _render(expression.right, write)
    power = expression.symbol == "**"
    if left_level < own or (power and left_level <= own):
        left = f"({left})"
    if right_level <= own:
        right = f"({right})"
    return f"{left} {expression.symbol} {right}", own


def literal(value: Fraction) -> str:
    """A number as Python code that a person would write."""
    return repr(plain(value))


def plain(value: Fraction) -> int | float:
    """A Python number; a float where the value is not whole."""
    return value.numerator if value.denominator == 1 else float(value)
