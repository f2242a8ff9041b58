"""Reading a final answer: the text without its wrapping, and the number that it is, if any."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

#: Longer texts are no numbers, in characters.
MAX_NUMBER_CHARS = 120
#: Larger powers of ten are left to no one: they would be written out.
MAX_EXPONENT = 400


@dataclass(frozen=True, slots=True)
class Number:
    """The exact value of what is written; ``rounded`` says that it is written as a decimal, whose
    last digit may have been rounded. ``percent`` values are not divided by 100."""

    value: Fraction
    rounded: bool = False
    percent: bool = False
    unit: str = ""


_WRAPPERS = (
    (re.compile(r"\$+(.*?)\$+", re.S), 1),
    (re.compile(r"\\\((.*)\\\)", re.S), 1),
    (re.compile(r"\\\[(.*)\\\]", re.S), 1),
    (re.compile(r"\\(?:boxed|fbox|mathbf|bf|bold|boldsymbol)\s*\{(.*)\}", re.S), 1),
    (re.compile(r"\\(?:text|textbf|mbox|mathrm|textrm)\s*\{([^{}]*)\}", re.S), 1),
    (re.compile(r"\{(.*)\}", re.S), 1),
    (re.compile(r"\*\*(.*)\*\*", re.S), 1),
    (re.compile(r"(?:the (?:final )?answer(?: is)?|answer)\s*[:=]?\s+(.*)", re.S | re.I), 1),
)
_SPACING = re.compile(r"\\[,;:! ]|\\(?:quad|qquad|left|right|displaystyle)(?![a-zA-Z])|~")
_SPACES = re.compile(r"\s+")


def plain_text(text: str) -> str:
    """``text`` without what wraps it: dollar signs, boxes, bold, ``\\text``, spacing commands, a
    full stop at the end. Two texts that are equal after this say the same."""
    text = text.strip()
    for _ in range(8):
        before = text
        text = _SPACES.sub(" ", _SPACING.sub(lambda m: "" if m[0] == "\\!" else " ", text)).strip()
        text = re.sub(r"\\[dtc]frac(?![a-zA-Z])", r"\\frac", text)
        if text.endswith(".") and not text.endswith(".."):
            text = text[:-1].rstrip()
        for pattern, group in _WRAPPERS:
            match = pattern.fullmatch(text)
            if match and _balanced(match[group]):
                text = match[group].strip()
        if text == before:
            break
    return text


def same_writing(left: str, right: str) -> bool:
    """Whether two plain texts are one but for spaces, and braces around a single character."""
    return _squeeze(left) == _squeeze(right)


def _squeeze(text: str) -> str:
    # A space that ends a command stays: ``\\pi x`` is no ``\\pix``.
    text = re.sub(r"(?<!\\)([_^])\s*\{\s*(\w)\s*\}", r"\1\2", text)
    return re.sub(r"(\\[a-zA-Z]+)\s+(?=[a-zA-Z])|\s+", lambda m: m[1] + " " if m[1] else "", text)


def _balanced(text: str) -> bool:
    """Whether braces close in order, so that ``{a}{b}`` is not taken for one group."""
    depth = 0
    for char in text:
        depth += (char == "{") - (char == "}")
        if depth < 0:
            return False
    return depth == 0


_DIGITS = r"(?:\d{1,3}(?:(?:,|\{,\}|,\\!) ?\d{3})+|\d+)"
_UNSIGNED = rf"(?:{_DIGITS}(?:\.\d*)?|\.\d+)"
_TIMES_TEN = r"(?:\s*(?:\\times|\\cdot|\*|x|×)\s*10\s*(?:\^|\*\*)\s*\{?\s*([-+−]?\d+)\s*\}?)"
_DECIMAL = re.compile(rf"({_UNSIGNED})(?:[eE]([-+]?\d+)|{_TIMES_TEN})?")
_POWER_OF_TEN = re.compile(r"10\s*(?:\^|\*\*)\s*(?:\{\s*([-+−]?\d+)\s*\}|(\d)(?!\d))")
_LATEX_FRACTION = re.compile(
    rf"(?:({_DIGITS})\s*)?\\frac\s*(?:\{{\s*([-−]?{_UNSIGNED})\s*\}}|(\d))"
    rf"\s*(?:\{{\s*([-−]?{_UNSIGNED})\s*\}}|(\d))"
)
_SLASH_FRACTION = re.compile(
    rf"(?:(\d+)(?:\s+|\s*-\s*))?({_UNSIGNED})\s*/\s*({_UNSIGNED})(?![\d.])"
)
_SIGN = re.compile(r"[-+−]\s*")
_CURRENCY = re.compile(r"(?:\\?\$|USD|US\\?\$|€|£|¥|₹|Rs\.?)\s*")
_PERCENT = re.compile(r"\s*(?:\\?%|percent\b|per cent\b|\\%)\s*")
_DEGREES = re.compile(r"\s*(?:\^\s*\{?\s*\\circ\s*\}?|°|\\degree|degrees?\b)\s*")
_NAMED = re.compile(r"[a-zA-Z](?:_\{?\w+\}?)?\s*=\s*")
_UNIT = re.compile(
    r"\s*(?:\\(?:text|mathrm|textrm|mbox|operatorname|rm)\s*\{\s*([^{}\\]*)\}"
    r"(?:\s*\^\s*\{?\s*-?\d\s*\}?)?|([a-zA-ZÅµμΩ][a-zA-ZÅµμΩ .'/()^0-9-]*))\s*"
)

#: Words that are part of the mathematics, not a unit.
_NO_UNIT = frozenset(
    (
        "pi", "e", "i", "or", "and", "to", "mod", "sqrt", "sin", "cos", "tan", "log", "ln",
        "exp", "x", "y", "z", "n", "k", "hundred", "thousand", "million", "billion", "trillion",
        "dozen", "dozens", "half", "third", "quarter", "times", "plus", "minus", "over", "if",
        "for", "when", "inf", "infinity", "nan", "choose", "factorial", "squared", "cubed",
    )
)  # fmt: skip
#: Units of one letter, or written against the number.
_SHORT_UNITS = frozenset(
    (
        "cm", "mm", "km", "nm", "kg", "mg", "ml", "mL", "kJ", "kW", "kV", "Hz", "GB", "MB",
        "pm", "am", "m", "g", "s", "h", "L", "K", "J", "N", "W", "V", "Å", "Ω",
    )
)  # fmt: skip


def parse_number(text: str) -> Number | None:
    """The number that ``text`` (see `plain_text`) is: an integer, decimal, fraction or mixed
    number, plain or LaTeX, in scientific notation, with thousands separators, a currency before it,
    a per cent or degree sign or a unit behind it, ``x =`` before it. None for anything else."""
    if len(text) > MAX_NUMBER_CHARS or not re.search(r"\d", text):
        return None
    rest = _strip_prefix(text, _NAMED)
    sign, rest = _take_sign(rest)
    rest, currency = _CURRENCY.subn("", rest, count=1) if _CURRENCY.match(rest) else (rest, 0)
    if sign == 1 and currency:
        sign, rest = _take_sign(rest)
    try:
        read = _read_magnitude(rest)
    except ZeroDivisionError:
        return None
    if read is None:
        return None
    value, rounded, rest = read
    percent = False
    unit = ""
    if match := _PERCENT.match(rest):
        percent, rest = True, rest[match.end() :]
    elif match := _DEGREES.match(rest):
        rest = rest[match.end() :]
    elif match := _CURRENCY.fullmatch(rest.strip()):
        rest = ""
    if rest.strip():
        if (found := _read_unit(rest)) is None:
            return None
        unit = found
    return Number(sign * value, rounded, percent, unit)


def _strip_prefix(text: str, pattern: re.Pattern[str]) -> str:
    match = pattern.match(text)
    return text[match.end() :] if match else text


def _take_sign(text: str) -> tuple[int, str]:
    match = _SIGN.match(text)
    if not match:
        return 1, text
    return (1 if match[0][0] == "+" else -1), text[match.end() :]


def _read_magnitude(text: str) -> tuple[Fraction, bool, str] | None:
    if match := _LATEX_FRACTION.match(text):
        whole, top, short_top, bottom, short_bottom = match.groups()
        over, under = _exact(top or short_top), _exact(bottom or short_bottom)
        value = over / under
        if whole is not None:
            if value < 0:
                return None
            value += _exact(whole)
        return value, False, text[match.end() :]
    if match := _SLASH_FRACTION.match(text):
        whole, top, bottom = match.groups()
        value = _exact(top) / _exact(bottom) + (_exact(whole) if whole else 0)
        return value, False, text[match.end() :]
    if match := _POWER_OF_TEN.match(text):
        power = _power_of_ten(match[1] or match[2])
        return None if power is None else (power, False, text[match.end() :])
    if match := _DECIMAL.match(text):
        digits, plain, times = match.groups()
        power = _power_of_ten(plain or times or "0")
        if power is None:
            return None
        rounded = "." in digits or (plain or times) is not None
        return _exact(digits) * power, rounded, text[match.end() :]
    return None


def _exact(digits: str) -> Fraction:
    return Fraction(re.sub(r"[^\d.\-]", "", digits.replace("−", "-")).rstrip(".") or "0")


def _power_of_ten(exponent: str) -> Fraction | None:
    power = int(exponent.replace("−", "-"))
    return Fraction(10) ** power if abs(power) <= MAX_EXPONENT else None


def _read_unit(rest: str) -> str | None:
    """The unit that ``rest``, what follows a number, is; None where it is more than a unit."""
    match = _UNIT.fullmatch(rest)
    if not match:
        return None
    if match[1] is not None:
        return _unit_name(match[1])
    word = match[2].strip().rstrip(".")
    glued = not rest[:1].isspace()
    if (glued or len(word) == 1) and word not in _SHORT_UNITS:
        return None
    if any(part in _NO_UNIT for part in re.findall(r"[a-zA-Z]+", word)):
        return None
    if re.search(r"\d", re.sub(r"\^\s*[23]\b", "", word)):
        return None
    return _unit_name(word)


def _unit_name(word: str) -> str:
    """Two spellings of a unit in the plural and in the singular are one."""
    word = _SPACES.sub(" ", word.strip().casefold())
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
