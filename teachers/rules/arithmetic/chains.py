"""Finds the calculations that running text states: annotations and ``expression = number``.

What stands in LaTeX is found by `formulas`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

from tracemine.teachers.rules.arithmetic.expressions import (
    MAX_TOKENS,
    MAX_UNIT_WORDS,
    Binary,
    Expression,
    Negative,
    NotArithmeticError,
    Number,
    Token,
    Tree,
    count_operations,
    evaluate,
    parse,
    parse_text,
    tokenize,
)
from tracemine.teachers.rules.arithmetic.unit_symbols import unit_at

#: Calculations that are read of one trace. Ten times as many as the longest traces have.
MAX_CALCULATIONS = 4_000

#: How near a stated decimal must be to the exact value, and for values below one how near
#: relatively: in physics a whole result may be smaller than this.
TOLERANCE = Fraction(1, 10**9)

_ANNOTATION = re.compile(r"<<([^<>\n]{1,300})>>")
_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_NUMBER_AFTER = re.compile(r"\s?[$£€₹¥]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)%?")


@dataclass(frozen=True, slots=True)
class Calculation:
    """An expression with the result stated for it; offsets into the trace."""

    expression: Expression
    stated: Fraction
    start: int
    end: int
    result_start: int
    result_end: int
    approximate: bool = False
    decimals: int = 0
    annotated: bool = False


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match.group())


def _cross_out(match: re.Match[str]) -> str:
    return "\0" * len(match.group())


def without_annotations(trace: str) -> str:
    """``trace`` with annotations and fenced code blanked out, offsets as they were."""
    return _ANNOTATION.sub(_blank, _FENCE.sub(_blank, trace))


def find_calculations(trace: str) -> list[Calculation]:
    """Every calculation that ``trace`` states outside code fences, whether it holds or not; of
    endless ones the first `MAX_CALCULATIONS` of each kind, and one more."""
    text = _FENCE.sub(_blank, trace)
    annotated = list(islice(_find_annotated(text), MAX_CALCULATIONS + 1))
    crossed = _ANNOTATION.sub(_cross_out, text)
    lines: dict[int, set[Fraction]] = {}
    for calculation in annotated:
        lines.setdefault(text.rfind("\n", 0, calculation.start), set()).add(calculation.stated)
    plain = [
        calculation
        for calculation in islice(_find_plain(crossed), MAX_CALCULATIONS + 1)
        if calculation.stated not in lines.get(text.rfind("\n", 0, calculation.start), ())
    ]
    return sorted([*annotated, *plain], key=lambda c: (c.start, c.end))


def _find_annotated(text: str) -> Iterator[Calculation]:
    for match in _ANNOTATION.finditer(text):
        left, equals, right = match[1].rpartition("=")
        if not equals:
            continue
        try:
            expression = _shift(parse_text(left.split("=")[0]), match.start() + 2)
            stated = evaluate(parse_text(right))
        except NotArithmeticError:
            continue
        if not count_operations(expression):
            continue
        after = _NUMBER_AFTER.match(text, match.end())
        end = after.end() if after else match.end()
        start = after.start() if after else match.end()
        yield Calculation(
            expression, stated, match.start(), match.end(), start, end,
            decimals=decimal_places(right), annotated=True,
        )  # fmt: skip


#: The power of ten that a number is written with: 1.25 x 10^8.
_POWER = re.compile(r"(?:\\times|\\cdot|[×x*])\s*10\s*(?:\^|\*\*)\s*[{(]?\s*([-−]?\d{1,2})[\s})]*$")


def decimal_places(text: str) -> int:
    """The decimal places of a number as written; below zero where its last digit stands for more
    than one, as in 1.25e8."""
    power = _POWER.search(text)
    if power is not None:
        return decimal_places(text[: power.start()].rstrip()) - int(power[1].replace("−", "-"))
    return len(text.rstrip("%\\ )}$.").partition(".")[2])


def _shift(expression: Expression, by: int) -> Expression:
    if isinstance(expression, Number):
        start, end = expression.start + by, expression.end + by
        return Number(expression.value, start, end, expression.percent)
    if isinstance(expression, Negative):
        return Negative(_shift(expression.operand, by))
    left, right = _shift(expression.left, by), _shift(expression.right, by)
    return Binary(expression.symbol, left, right)


def _find_plain(text: str) -> Iterator[Calculation]:
    tokens = _joined_lines(tokenize(text))
    partner = _partners(tokens)
    at = 0
    while at < len(tokens):
        if tokens[at].kind != "equals":
            at += 1
            continue
        segments, at = _chain(tokens, partner, at)
        found = _calculation(text, tokens, segments)
        if found is not None:
            yield found


def _joined_lines(tokens: list[Token]) -> list[Token]:
    """Without the line breaks before an equals sign: a chain may go on in the next line."""
    joined: list[Token] = []
    for token in tokens:
        if token.kind == "equals":
            while joined and joined[-1].kind == "newline":
                joined.pop()
        joined.append(token)
    return joined


def _partners(tokens: Sequence[Token]) -> dict[int, int]:
    """Index of each bracket's partner, both ways; brackets do not reach across lines."""
    partner: dict[int, int] = {}
    stack: list[int] = []
    for index, token in enumerate(tokens):
        if token.kind == "newline":
            stack.clear()
        elif token.kind == "open":
            stack.append(index)
        elif token.kind == "close" and stack:
            other = stack.pop()
            partner[other], partner[index] = index, other
    return partner


_Segment = tuple[int, int]  # token indices [start, end)


def _chain(
    tokens: Sequence[Token], partner: dict[int, int], equals: int
) -> tuple[list[_Segment | None], int]:
    """The expressions between equals signs, from the one before ``equals`` on, and the index at
    which to look further. None stands for something that is no arithmetic."""
    segments: list[_Segment | None] = [_expression_before(tokens, partner, equals)]
    at = equals
    while True:
        segment = _expression_after(tokens, partner, at + 1)
        segments.append(segment)
        if segment is None:
            return segments, at + 1
        following = segment[1]
        while following < len(tokens) and tokens[following].kind == "word":
            following += 1
        if following >= len(tokens) or tokens[following].kind != "equals":
            return segments, segment[1]
        at = following


def _expression_before(
    tokens: Sequence[Token], partner: dict[int, int], equals: int
) -> _Segment | None:
    at, first = equals - 1, None
    while at >= 0 and equals - at <= MAX_TOKENS:
        words_before = 0
        while at >= 0 and tokens[at].kind == "word" and words_before < MAX_UNIT_WORDS:
            at, words_before = at - 1, words_before + 1
        if at < 0:
            return None
        if tokens[at].kind == "close" and at in partner:
            at = partner[at]
        elif tokens[at].kind != "number":
            return None
        first, at = at, at - 1
        if at >= 0 and tokens[at].kind == "operator":
            if _is_sign(tokens, at):
                return at, equals
            at -= 1
        elif not (at >= 0 and _multiplies(tokens, at, first)):
            break
    else:
        if at >= 0:
            return None  # Too long: what was read is the end of something.
    if first is None or (at >= 0 and _glued(tokens[at], tokens[first])):
        return None
    return first, equals


def _is_sign(tokens: Sequence[Token], at: int) -> bool:
    """Whether the operator at ``at`` is a sign: nothing that it could connect comes before."""
    if tokens[at].symbol not in "+-":
        return False
    if at == 0:
        return True
    before = tokens[at - 1]
    if before.kind in ("equals", "newline", "open"):
        return True
    return before.kind == "break" and before.symbol in _OPENING_PUNCTUATION


def _multiplies(tokens: Sequence[Token], at: int, first: int) -> bool:
    adjacent = tokens[at].end == tokens[first].start
    return adjacent and tokens[first].kind == "open" and tokens[at].kind in ("number", "close")


_OPENING_PUNCTUATION = frozenset((":", ",", ";", "\\(", "\\[", "\0", '"', "“", "|", "*", "#", "."))
_CLOSING_PUNCTUATION = frozenset(
    (".", ",", ";", ":", "?", "!", "\\)", "\\]", "\0", '"', "”", "|", "*", "'", "\\end")
)


def _glued(before: Token, first: Token) -> bool:
    """Whether what stands directly before an expression makes it part of something else."""
    if before.kind in ("word", "break") and before.end == first.start:
        return before.symbol not in _OPENING_PUNCTUATION
    return before.kind == "break" and before.symbol.startswith("\\") and before.symbol[1:].isalpha()


def _expression_after(
    tokens: Sequence[Token], partner: dict[int, int], start: int
) -> _Segment | None:
    at, end = start, None
    while at < len(tokens) and at - start <= MAX_TOKENS:
        while at < len(tokens) and tokens[at].kind == "operator" and tokens[at].symbol in "+-":
            at += 1
        if at >= len(tokens):
            return None
        if tokens[at].kind == "open" and at in partner:
            at = partner[at]
        elif tokens[at].kind != "number":
            return None
        at += 1
        end = at
        following = at
        while (
            following < len(tokens)
            and tokens[following].kind == "word"
            and following - at < MAX_UNIT_WORDS
        ):
            following += 1
        if following >= len(tokens):
            break
        token = tokens[following]
        if token.kind == "operator":
            if _is_dash(tokens, following):
                break
            at = following + 1
        elif token.kind == "open" and following == at and token.start == tokens[at - 1].end:
            at = following
        elif token.kind == "break" and following == at and _continues(token):
            return None
        else:
            break
    return None if end is None else (start, end)


def _is_dash(tokens: Sequence[Token], at: int) -> bool:
    """Whether a minus sign is punctuation: words come after it."""
    after = tokens[at + 1] if at + 1 < len(tokens) else None
    return tokens[at].symbol in "-*" and (after is None or after.kind in ("word", "newline"))


def _continues(token: Token) -> bool:
    """Whether what follows a number makes it part of something symbolic: "9x", "9 \\pi"."""
    symbol = token.symbol
    return symbol not in _CLOSING_PUNCTUATION and (symbol.isalpha() or symbol.startswith("\\"))


def _calculation(
    text: str, tokens: Sequence[Token], segments: Sequence[_Segment | None]
) -> Calculation | None:
    """What a chain of expressions states: the first with an operation, and the last value."""
    parsed: list[tuple[Expression, _Segment]] = []
    for segment in segments:
        if segment is None:
            if parsed:
                break
            continue
        try:
            parsed.append((parse(list(tokens[segment[0] : segment[1]])), segment))
        except NotArithmeticError:
            if parsed:
                break
    while parsed and not count_operations(parsed[0][0]):
        parsed.pop(0)
    while len(parsed) > 2 and _is_converted(text, tokens, parsed[-2], parsed[-1]):
        parsed.pop()
    if len(parsed) < 2:
        return None
    (expression, first), (last, final) = parsed[0], parsed[-1]
    if not _is_result(last):
        return None
    try:
        stated = _stated(expression, last)
        approximate = any(
            token.kind == "equals" and token.symbol == "≈" for token in tokens[first[1] : final[0]]
        )
    except NotArithmeticError:
        return None
    start, end = tokens[first[0]].start, tokens[final[1] - 1].end
    result_start = tokens[final[0]].start
    return Calculation(
        expression, stated, start, end, result_start, end, approximate,
        decimal_places(text[result_start:end]),
    )  # fmt: skip


def _stated(expression: Expression, last: Expression) -> Fraction:
    """The value of a result. Of ``12 / 50 * 100 = 24%`` it is 24: the hundred is in there."""
    if isinstance(last, Number) and last.percent and is_equal(evaluate(expression), last.value):
        return last.value
    return evaluate(last)


def _is_converted(
    text: str,
    tokens: Sequence[Token],
    one: tuple[Expression, _Segment],
    other: tuple[Expression, _Segment],
) -> bool:
    """Whether two sides of a chain are numbers of different units: ``200 cm = 2 m``."""
    if not (_is_result(one[0]) and _is_result(other[0])):
        return False
    units = [unit_at(text, tokens[side[1][1] - 1].end) for side in (one, other)]
    return None not in units and len({found.unit for found in units if found}) == 2


def _is_result(expression: Expression) -> bool:
    """A number, or a fraction of two."""
    if isinstance(expression, Binary) and expression.symbol == "/":
        return isinstance(expression.left, Number) and isinstance(expression.right, Number)
    if isinstance(expression, Negative):
        return _is_result(expression.operand)
    return isinstance(expression, Number)


def is_equal(left: Fraction, right: Fraction) -> bool:
    """Whether two values are one, but for the rounding of what is no fraction."""
    return abs(left - right) <= TOLERANCE * min(Fraction(1), max(abs(left), abs(right)))


def verdict(calculation: Calculation) -> tuple[Fraction | None, str]:
    """The exact value of a calculation that holds, else why it does not."""
    stated, decimals = calculation.stated, calculation.decimals
    return judged(calculation.expression, stated, decimals, approximate=calculation.approximate)


def judged(
    tree: Tree, stated: Fraction, decimals: int, *, approximate: bool
) -> tuple[Fraction | None, str]:
    """The exact value of ``tree`` if it is what was ``stated`` to so many ``decimals``, else why
    it is not."""
    try:
        value = evaluate(tree)
    except NotArithmeticError:
        return None, "does not compute"
    if is_equal(value, stated):
        return value, ""
    if abs(value - stated) <= Fraction(1, 2) / Fraction(10) ** decimals or approximate:
        return None, "rounded result"
    return None, "does not compute"
