"""Arithmetic as text: read into a small tree, evaluated exactly, written as Python.

Reads what people write in plain text and simple LaTeX: ``5 * $3``, ``(25/100)*125``, ``20% of 50``
``3 × 4``, ``\\frac{1}{2} \\cdot 8``. Nothing symbolic, nothing evaluated by Python itself, and
every walk is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from tracemine.teachers.rules.numerals import parse_decimal
from tracemine.teachers.rules.words import UNITS

#: Largest exponent that is evaluated.
MAX_EXPONENT = 64
#: Largest numerator or denominator, in bits, that a calculation may reach.
MAX_BITS = 512
#: Most tokens, and deepest nesting, of one expression.
MAX_TOKENS = 200
MAX_NESTING = 30
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
    """A literal operand, at ``[start, end)`` of the text; its value is before any percent sign."""

    value: Fraction
    start: int
    end: int
    percent: bool = False


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands and one of ``+ - * / // % **``."""

    symbol: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Negative:
    """A sign before something that is not a literal."""

    operand: Expression


Expression = Number | Binary | Negative


class NotArithmeticError(ValueError):
    """Text, or a value, that is not arithmetic within the limits above."""


_TOKEN = re.compile(
    r"""
    (?P<skip>[ \t\r]+|\\[,!;:> ]|~|&|\\(?:left|right|quad|displaystyle|hspace\{\d*em\})(?![a-zA-Z])
        |\\?\$|£|€|\*\*(?=[A-Za-z\s]))
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
    for match in _TOKEN.finditer(text):
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
                left = Binary(token.symbol, left, self.level(index + 1))
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


def _fits(opening: Token, closing: Token) -> bool:
    return _OPENING.get(closing.symbol) == opening.symbol


def evaluate(expression: Expression) -> Fraction:
    """The exact value.

    Raises:
        NotArithmeticError: on division by zero, a root, or a value beyond the limits.
    """
    if isinstance(expression, Number):
        return expression.value / 100 if expression.percent else expression.value
    if isinstance(expression, Negative):
        return -evaluate(expression.operand)
    left, right = evaluate(expression.left), evaluate(expression.right)
    value = _apply(expression.symbol, left, right)
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise NotArithmeticError("too large")
    return value


def _apply(symbol: str, left: Fraction, right: Fraction) -> Fraction:
    if symbol in ("/", "//", "%") and right == 0:
        raise NotArithmeticError("division by zero")
    if symbol == "**":
        bits = max(left.numerator.bit_length(), left.denominator.bit_length())
        too_large = right.denominator != 1 or abs(right) > MAX_EXPONENT
        if too_large or bits * abs(right) > MAX_BITS or (left == 0 and right < 0):
            raise NotArithmeticError("a power beyond the limits")
        return Fraction(left ** int(right))
    table: Mapping[str, Callable[[Fraction, Fraction], Fraction]] = {
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
        "/": lambda a, b: a / b,
        "//": lambda a, b: Fraction(a // b),
        "%": lambda a, b: a % b,
    }
    if symbol not in table:
        raise NotArithmeticError(f"unknown operator {symbol}")
    return table[symbol](left, right)


def numbers(expression: Expression) -> Iterator[Number]:
    """The literal operands, from left to right."""
    if isinstance(expression, Number):
        yield expression
    elif isinstance(expression, Negative):
        yield from numbers(expression.operand)
    else:
        yield from numbers(expression.left)
        yield from numbers(expression.right)


def count_operations(expression: Expression) -> int:
    """How many operations it takes; a percent sign is a division by 100."""
    if isinstance(expression, Number):
        return int(expression.percent)
    if isinstance(expression, Negative):
        return 1 + count_operations(expression.operand)
    return 1 + count_operations(expression.left) + count_operations(expression.right)


def divides(expression: Expression) -> bool:
    """Whether Python gives a float for it even where the value is whole."""
    if isinstance(expression, Number):
        return expression.percent
    if isinstance(expression, Negative):
        return divides(expression.operand)
    if expression.symbol == "/":
        return True
    if expression.symbol == "**" and evaluate(expression.right) < 0:
        return True
    return divides(expression.left) or divides(expression.right)


_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "%": 2, "**": 4}


def render(expression: Expression, write: Callable[[Number], str]) -> str:
    """Python code for it; ``write`` gives an operand's code without its percent sign."""
    return _render(expression, write)[0]


def _render(expression: Expression, write: Callable[[Number], str]) -> tuple[str, int]:
    if isinstance(expression, Number):
        text = write(expression)
        if expression.percent:
            return f"{text} / 100", 2
        return text, 3 if text.startswith("-") else 5
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
    if value.denominator == 1:
        return str(value.numerator)
    return repr(float(value))
