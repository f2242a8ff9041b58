r"""Mathematics in LaTeX: where a text has it, and what it says.

`zones` finds the formulas of a text (``$...$``, ``\(...\)``, ``\[...\]``, ``align``), `statements`
cuts them into relations ``a = b = c``, each side read into the tree of `expressions` with its
offsets. A side that is not understood is None.

Reading is by recursive descent over a bounded number of tokens and to a bounded depth: time is
linear in the length of the text, whatever it is, and no input hangs it.

latex2sympy2_extended, which reads the same language, is what the tests compare with and not what
reads here: it gives no offsets, evaluates while it reads, takes 5 ms an expression (this takes
0.03) and exponential time in brackets, and it reads ``(50)(32)`` as 82, a mixed number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from tracemine.teachers.rules.arithmetic.expressions import (
    PI,
    Binary,
    Call,
    Negative,
    NotArithmeticError,
    Number,
    Symbol,
    Tree,
    operands,
    rebuilt,
    scaled,
)
from tracemine.teachers.rules.arithmetic.unit_symbols import unit_at
from tracemine.teachers.rules.language.numerals import parse_decimal
from tracemine.teachers.rules.language.words import identifier

#: Longest formula that is read, in characters; a longer one is mostly a table or a picture.
MAX_ZONE = 4_000
#: Longest formula between single dollar signs: further apart they are most likely money.
MAX_INLINE = 400
#: Most tokens of one side of a relation, and most sides of one chain.
MAX_SIDE = 80
MAX_SIDES = 40
#: Deepest brackets within brackets.
MAX_DEPTH = 12
#: Most words of a ``\\text`` that names a quantity.
MAX_NAME_WORDS = 4

# --- where it stands ------------------------------------------------------------------------------

Zone = tuple[int, int]

_ENVIRONMENT = re.compile(
    r"\\begin\{((?:align|equation|gather|multline|eqnarray|alignat|flalign)\*?)\}"
)
_OPENER = re.compile(r"\\begin\{[a-z]+\*?\}|\\\[|\\\(|(?<!\\)\$\$?")
_PICTURE = re.compile(r"\[asy\].*?(?:\[/asy\]|\Z)|```.*?(?:```|\Z)", re.DOTALL)
_PROSE = re.compile(r"(?<![\\a-zA-Z{])[a-z]{3,}\s+[a-z]{2,}")


def zones(text: str) -> list[Zone]:
    """Where ``text`` has formulas: ``[start, end)`` of what stands between their delimiters, by
    position. Pictures and code have none. Linear in the length of ``text``."""
    hidden = _PICTURE.sub(lambda match: " " * len(match.group()), text)
    found: list[Zone] = []
    missing: set[str] = set()
    at = 0
    while (match := _OPENER.search(hidden, at)) is not None:
        opener, start = match.group(), match.end()
        environment = _ENVIRONMENT.match(hidden, match.start())
        if opener.startswith("\\begin") and environment is None:
            at = start
            continue
        closer = f"\\end{{{environment[1]}}}" if environment else _CLOSERS[opener]
        limit = MAX_INLINE if opener == "$" else MAX_ZONE
        end = -1 if closer in missing else hidden.find(closer, start)
        if end < 0:
            missing.add(closer)
            at = start
        elif end - start > limit or (opener == "$" and not _is_inline(hidden[start:end])):
            at = start
        else:
            found.append((start, end))
            at = end + len(closer)
    return found


_CLOSERS = {"\\[": "\\]", "\\(": "\\)", "$$": "$$", "$": "$"}


def _is_inline(content: str) -> bool:
    """Whether what stands between two single dollar signs is a formula and no running text."""
    return bool(content.strip()) and "\n\n" not in content and not _PROSE.search(content)


# --- tokens ---------------------------------------------------------------------------------------

TokenKind = Literal[
    "number", "operator", "open", "close", "bar", "equals", "relation", "text", "symbol",
    "function", "pi", "frac", "sqrt", "binom", "degree", "factorial", "percent", "group", "end",
    "script", "row", "other",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a formula at ``[start, end)``; ``text`` is its normal spelling."""

    kind: TokenKind
    text: str
    start: int
    end: int


_TOKEN = re.compile(
    r"""
    (?P<skip>\s+|\\[,!;:> ]|~|&|\\\$|\\(?:left|right|[bB]igg?[lr]?|displaystyle|limits|dfrac(?=\s*$)
        |hspace\*?\{[^{}]{0,20}\}|phantom\{[^{}]{0,40}\}|nonumber|notag|label\{[^{}]{0,40}\}
        |tag\*?\{[^{}]{0,40}\})(?![a-zA-Z]))
    |(?P<row>\\\\(?:\[[^\]]{0,12}\])?|\\newline(?![a-zA-Z]))
    |(?P<degree>\^\s*(?:\\circ(?![a-zA-Z])|\{\s*\\circ\s*\})|°|\\degree(?![a-zA-Z]))
    |(?P<number>\d{1,3}(?:(?:\{,\}|,\\!|,)\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)
    |(?P<percent>\\?%)
    |(?P<frac>\\[dtc]?frac(?![a-zA-Z]))
    |(?P<sqrt>\\sqrt(?![a-zA-Z]))
    |(?P<binom>\\[dt]?binom(?![a-zA-Z]))
    |(?P<text>\\(?:text|mathrm|mbox|textrm|textbf|mathbf|operatorname|rm)\s?\{(?P<words>[^{}$]{0,80})\})
    |(?P<function>\\(?:sin|cos|tan|log|ln|exp)(?![a-zA-Z]))
    |(?P<box>\\(?:boxed|fbox)(?=\s*\{))
    |(?P<pi>\\pi(?![a-zA-Z])|π)
    |(?P<equals>=|\\approx(?![a-zA-Z])|≈|\\doteq(?![a-zA-Z]))
    |(?P<relation>[<>,;:.?]|\\(?:leq?|geq?|lt|gt|neq?|equiv|sim|cong|propto|mid|in|to|quad|qquad
        |Rightarrow|implies|iff|rightarrow|Leftrightarrow|Longrightarrow|longrightarrow|therefore
        |because|land|lor|vee|wedge|pm|mp|cup|cap|ldots|dots|cdots)(?![a-zA-Z])|[≤≥≠⇒→∈])
    |(?P<operator>\\cdot(?![a-zA-Z])|\\times(?![a-zA-Z])|\\div(?![a-zA-Z])|\\ast(?![a-zA-Z])
        |[-+*/×÷·−–])
    |(?P<script>[\^_])
    |(?P<factorial>!)
    |(?P<bar>\||\\[lr]?vert(?![a-zA-Z]))
    |(?P<open>[(\[]|\\lfloor(?![a-zA-Z])|\\lceil(?![a-zA-Z]))
    |(?P<close>[)\]]|\\rfloor(?![a-zA-Z])|\\rceil(?![a-zA-Z]))
    |(?P<group>\{)
    |(?P<end>\})
    |(?P<greek>\\(?:alpha|beta|gamma|delta|epsilon|varepsilon|zeta|eta|theta|kappa|lambda|mu|nu|rho
        |sigma|tau|phi|varphi|chi|psi|omega|ell|Delta|Omega|Phi|Theta|Lambda|Sigma)(?![a-zA-Z]))
    |(?P<segment>\\overline\s?\{[A-Z]{2}\}|(?<![A-Za-z])[A-Z]{2,4}(?![A-Za-z]))
    |(?P<letter>[A-Za-z](?:'(?!'))?)
    |(?P<other>\\[A-Za-z]+\*?|\\.|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_OPERATORS = {
    "\\cdot": "*", "\\times": "*", "\\ast": "*", "\\div": "/", "×": "*", "÷": "/", "·": "*",
    "−": "-", "–": "-",
}  # fmt: skip
_SUBSCRIPT = re.compile(
    r"_\s?(?:\{\s*(?:\\(?:text|mathrm|rm)\s?\{)?([A-Za-z0-9 ]{1,20})\}{1,2}|([A-Za-z0-9]))"
)
#: Words of a ``\text`` that join two statements, rather than name a quantity or its unit.
_JOINING = re.compile(
    r"\b(?:and|or|so|then|thus|hence|therefore|where|if|when|for|with|since|as|because|which|we|"
    r"gives|implies|but)\b",
    re.IGNORECASE,
)


def _tokens(text: str, start: int, end: int) -> Iterator[Token]:
    at = start
    # Whether a number or a bracket has just ended, so that a unit may stand here.
    ended = False
    while at < end:
        match = _TOKEN.match(text, at, end)
        assert match is not None  # the last alternative takes anything
        kind, found, begin = match.lastgroup, match.group(), match.start()
        at = match.end()
        if kind in ("skip", "box"):
            continue
        if ended and match["text"] is not None:
            unit = unit_at(text, begin)
            if unit is not None and unit.end <= end:
                # \text{kg} \cdot \text{m/s}^2 is one unit, and its 2 no exponent of the number.
                stated = match["words"].strip(" ~\\") if unit.end == at else unit.unit
                at = unit.end
                yield Token("text", stated, begin, at)
                continue
        ended = kind in ("number", "close", "end")
        if kind == "words" or match["text"] is not None:
            words = match["words"].strip(" ~\\")
            joins = _JOINING.search(words)
            yield Token("relation" if joins else "text", words, begin, at)
        elif kind in ("letter", "greek", "segment"):
            name = re.sub(r"[^A-Za-z]", "", found.replace("overline", ""))
            primed = "'" in found
            below = _SUBSCRIPT.match(text, at, end)
            if below is not None:
                at = below.end()
                name = f"{name}_{re.sub(r'[^A-Za-z0-9]', '', below[1] or below[2])}"
            yield Token("other" if primed else "symbol", name, begin, at)
        elif kind == "equals":
            yield Token("equals", "=" if found == "=" else "≈", begin, at)
        elif kind == "operator":
            yield Token("operator", _OPERATORS.get(found, found), begin, at)
        elif kind in _PLAIN_KINDS:
            yield Token(_PLAIN_KINDS[kind], found, begin, at)


_PLAIN_KINDS: dict[str, TokenKind] = {
    "row": "row", "degree": "degree", "number": "number", "percent": "percent", "frac": "frac",
    "sqrt": "sqrt", "binom": "binom", "function": "function", "pi": "pi", "relation": "relation",
    "script": "script", "factorial": "factorial", "bar": "bar", "open": "open", "close": "close",
    "group": "group", "end": "end", "other": "other",
}  # fmt: skip

# --- statements -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a relation at ``[start, end)``; ``tree`` is None where it is not understood.
    ``approximate`` says that the sign before it is an ≈; ``unit`` is text that ends it."""

    tree: Tree | None
    start: int
    end: int
    approximate: bool = False
    unit: str = ""


Statement = tuple[Side, ...]


def statements(text: str, functions: frozenset[str] = frozenset()) -> list[Statement]:
    """Every relation ``a = b = ...`` of two or more sides in the formulas of ``text``, by
    position. ``functions`` are letters that stand for functions, so that ``f(2)`` is no product."""
    found: list[Statement] = []
    for start, end in zones(text):
        for pieces in _chains(list(_tokens(text, start, end))):
            if len(pieces) > 1:
                found.append(tuple(_side(tokens, functions) for tokens in pieces[:MAX_SIDES]))
    return found


def _chains(tokens: Sequence[Token]) -> Iterator[list[list[Token]]]:
    """The tokens of each chain, cut at its equals signs; each piece but the first begins with the
    sign. A row that begins with a sign goes on with the chain of the row before."""
    pieces: list[list[Token]] = [[]]
    depth = 0
    for index, token in enumerate(tokens):
        if token.kind in ("open", "group"):
            depth += 1
        elif token.kind in ("close", "end"):
            depth = max(0, depth - 1)
        if token.kind == "row":
            following = tokens[index + 1] if index + 1 < len(tokens) else None
            depth = 0
            if following is not None and following.kind == "equals":
                continue
            yield pieces
            pieces = [[]]
        elif depth == 0 and token.kind == "relation":
            yield pieces
            pieces = [[]]
        elif depth == 0 and token.kind == "equals":
            pieces.append([token])
        else:
            pieces[-1].append(token)
    yield pieces


def _side(tokens: Sequence[Token], functions: frozenset[str]) -> Side:
    approximate = bool(tokens) and tokens[0].text == "≈"
    body = tokens[1:] if tokens and tokens[0].kind == "equals" else tokens
    if not body:
        at = tokens[0].end if tokens else 0
        return Side(None, at, at, approximate)
    unit = body[-1].text if body[-1].kind == "text" and len(body) > 1 else ""
    return Side(read(body, functions), body[0].start, body[-1].end, approximate, unit)


# --- one expression -------------------------------------------------------------------------------


def read_formula(text: str, functions: frozenset[str] = frozenset()) -> Tree:
    """The tree of ``text``, a formula without its delimiters.

    Raises:
        NotArithmeticError: if it is none of the grammar here.
    """
    if len(text) > MAX_ZONE:
        raise NotArithmeticError("too long")
    found = read(list(_tokens(text, 0, len(text))), functions)
    if found is None:
        raise NotArithmeticError("not understood")
    return found


def read(tokens: Sequence[Token], functions: frozenset[str] = frozenset()) -> Tree | None:
    """The tree that all of ``tokens`` make up, or None."""
    if not tokens or len(tokens) > MAX_SIDE:
        return None
    try:
        return _without_degrees(_Reader(tokens, functions).whole())
    except NotArithmeticError:
        return None


_CLOSING = {"(": ")", "[": "]", "\\lfloor": "\\rfloor", "\\lceil": "\\rceil"}
_OPERAND = frozenset(
    ("number", "open", "group", "symbol", "function", "pi", "frac", "sqrt", "binom", "bar")
)


class _Reader:
    def __init__(self, tokens: Sequence[Token], functions: frozenset[str]) -> None:
        self.tokens = tokens
        self.functions = functions
        self.at = 0
        self.depth = 0
        self.in_bars = 0

    def peek(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self, kind: TokenKind, text: str = "") -> Token:
        token = self.peek()
        if token is None or token.kind != kind or (text and token.text != text):
            raise NotArithmeticError(f"{text or kind} is missing")
        self.at += 1
        return token

    def is_next(self, kind: TokenKind, text: str = "") -> bool:
        token = self.peek()
        return token is not None and token.kind == kind and (not text or token.text == text)

    def whole(self) -> Tree:
        found = self.sum()
        if self.peek() is not None:
            raise NotArithmeticError("something is left over")
        return found

    def deeper(self, by: int) -> None:
        self.depth += by
        if self.depth > MAX_DEPTH:
            raise NotArithmeticError("nested too deep")

    def sum(self) -> Tree:
        left = self.product()
        while self.is_next("operator", "+") or self.is_next("operator", "-"):
            symbol = self.take("operator").text
            left = Binary(symbol, left, self.product())
        return left

    def product(self) -> Tree:
        left = self.signed()
        while (token := self.peek()) is not None:
            if token.kind == "operator" and token.text in "*/":
                self.at += 1
                left = scaled(token.text, left, self.signed())
            elif self.juxtaposed(token):
                left = Binary("*", left, self.power())
            else:
                break
        return left

    def juxtaposed(self, token: Token) -> bool:
        """Whether ``token`` begins a factor that no sign stands before."""
        before = self.tokens[self.at - 1]
        if token.kind not in _OPERAND or (token.kind == "bar" and self.in_bars):
            return False
        if (token.kind == "number" and before.kind not in ("factorial", "close")) or (
            before.kind == "number" and token.kind == "frac"
        ):
            # 2 3 is no product, 1\frac12 is mixed; but \sqrt{2} 3 does not occur either.
            raise NotArithmeticError("numbers side by side")
        return True

    def signed(self) -> Tree:
        if self.is_next("operator", "-") or self.is_next("operator", "+"):
            token = self.take("operator")
            self.deeper(1)
            inner = self.signed()
            self.deeper(-1)
            if token.text == "+":
                return inner
            if isinstance(inner, Number) and inner.value > 0:
                return Number(-inner.value, token.start, inner.end, inner.percent)
            return Negative(inner)
        return self.power()

    def power(self) -> Tree:
        base = self.postfix()
        if self.is_next("script", "^"):
            self.at += 1
            return self.raised(base)
        return base

    def raised(self, base: Tree) -> Tree:
        exponent = self.argument()
        found = Binary("**", base, exponent)
        if self.is_next("script", "^"):
            raise NotArithmeticError("a tower of powers")
        return found

    def postfix(self) -> Tree:
        found = self.atom()
        while (token := self.peek()) is not None:
            if token.kind == "factorial":
                found = Call("factorial", (found,))
            elif token.kind == "degree":
                found = Call(_DEGREES, (found,))
            elif token.kind == "percent" and isinstance(found, Number) and not found.percent:
                found = Number(found.value, found.start, token.end, True)
            elif token.kind == "text":
                pass  # a unit
            elif token.kind == "script" and token.text == "_":
                raise NotArithmeticError("an index")
            else:
                break
            self.at += 1
        return found

    def argument(self) -> Tree:
        """What a command or a sign of power is applied to: a group, or one token."""
        if self.is_next("group"):
            self.deeper(1)
            self.at += 1
            found = self.sum()
            self.take("end")
            self.deeper(-1)
            return found
        token = self.peek()
        if token is not None and token.kind == "number" and len(token.text) > 1:
            # \frac12 and 2^10 take one digit each.
            raise NotArithmeticError("an argument without braces")
        if token is None or token.kind not in ("number", "symbol", "pi"):
            raise NotArithmeticError("an argument is missing")
        return self.atom()

    def fraction_part(self) -> Tree:
        """An argument of a fraction, where ``\\frac12`` has two digits in one token."""
        token = self.peek()
        digits = token.text if token is not None and token.kind == "number" else ""
        if token is not None and len(digits) == 2 and digits.isdigit():
            first = Number(Fraction(digits[0]), token.start, token.start + 1)
            rest = Token("number", digits[1], token.start + 1, token.end)
            self.tokens = [*self.tokens[: self.at], rest, *self.tokens[self.at + 1 :]]
            return first
        return self.argument()

    def atom(self) -> Tree:
        token = self.peek()
        if token is None:
            raise NotArithmeticError("an operand is missing")
        self.at += 1
        if token.kind == "number":
            value = parse_decimal(token.text.replace("{,}", "").replace(",\\!", ""))
            if value is None:
                raise NotArithmeticError("too many digits")
            return Number(value, token.start, token.end)
        if token.kind == "pi":
            return PI
        if token.kind == "symbol":
            if token.text in self.functions and self.is_next("open"):
                raise NotArithmeticError("a function of its own")
            return Symbol(token.text, token.start, token.end)
        if token.kind == "text":
            return _named(token)
        self.deeper(1)
        found = self.compound(token)
        self.deeper(-1)
        return found

    def compound(self, token: Token) -> Tree:
        if token.kind == "group":
            found = self.sum()
            self.take("end")
            return found
        if token.kind == "open":
            found = self.sum()
            self.take("close", _CLOSING[token.text])
            return _enclosed(token.text, found)
        if token.kind == "bar":
            self.in_bars += 1
            found = self.sum()
            self.in_bars -= 1
            self.take("bar")
            return Call("abs", (found,))
        if token.kind == "frac":
            return Binary("/", self.fraction_part(), self.argument())
        if token.kind == "binom":
            return Call("comb", (self.fraction_part(), self.argument()))
        if token.kind == "sqrt":
            return self.root()
        if token.kind == "function":
            return self.function(token.text[1:])
        raise NotArithmeticError(f"not an operand: {token.kind}")

    def root(self) -> Tree:
        if not self.is_next("open", "["):
            return Call("sqrt", (self.argument(),))
        opening = self.take("open")
        degree = self.sum()
        self.take("close", "]")
        radicand = self.argument()
        if isinstance(degree, Number) and degree.value == 3:
            return Call("cbrt", (radicand,))
        one = Number(Fraction(1), opening.start, opening.end, fixed=True)
        return Binary("**", radicand, Binary("/", one, degree))

    def function(self, name: str) -> Tree:
        base: Tree | None = None
        exponent: Tree | None = None
        if name == "log" and self.is_next("script", "_"):
            self.at += 1
            base = self.argument()
        if self.is_next("script", "^"):
            self.at += 1
            exponent = self.argument()
        argument = self.power()
        if not isinstance(argument, (Binary, Call)) or self.tokens[self.at - 1].kind != "close":
            # \sin 2x, \log 3x: factors without a sign belong to it.
            while (token := self.peek()) is not None and token.kind in ("symbol", "pi"):
                argument = Binary("*", argument, self.power())
        found = _function(name, argument, base)
        return found if exponent is None else Binary("**", found, exponent)


# Angles in degrees are marked while reading: a function turns them into radians, elsewhere they
# are plain numbers.
_DEGREES = "degrees"


def _function(name: str, argument: Tree, base: Tree | None) -> Tree:
    if name in ("sin", "cos", "tan") and _has_degrees(argument):
        return Call(name, (Call("radians", (_without_degrees(argument),)),))
    if name == "log":
        return Call("log10", (argument,)) if base is None else Call("log", (argument, base))
    return Call(name, (argument,))


def _has_degrees(tree: Tree) -> bool:
    own = isinstance(tree, Call) and tree.name == _DEGREES
    return own or any(map(_has_degrees, operands(tree)))


def _without_degrees(tree: Tree) -> Tree:
    parts = [_without_degrees(part) for part in operands(tree)]
    if isinstance(tree, Call) and tree.name == _DEGREES:
        return parts[0]
    return rebuilt(tree, parts) if parts else tree


def _enclosed(opening: str, inner: Tree) -> Tree:
    if opening in ("\\lfloor", "\\lceil"):
        return Call("floor" if opening == "\\lfloor" else "ceil", (inner,))
    return inner


def _named(token: Token) -> Symbol:
    """A quantity that a formula calls by its name: ``\\text{Area} = ...``."""
    name = identifier(token.text.split())
    if not name or len(token.text.split()) > MAX_NAME_WORDS:
        raise NotArithmeticError("running text")
    return Symbol(name, token.start, token.end)
