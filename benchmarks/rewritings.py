r"""Other ways to write a final answer, and answers that nearly say the same.

Each function takes the inside of a ``\boxed{}`` (LaTeX) and gives another text, or None where it
does not apply. `REWRITINGS` keep the value; `NEAR_MISSES` change it, by construction: what would
leave it as it is (the sign of zero, the reciprocal of one) does not apply. They know nothing of the
verifiers that are measured with them.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType

Rewriting = Callable[[str], str | None]

_INTEGER = re.compile(r"-?\d+")
_PLAIN_NUMBER = re.compile(r"-?\d+(?:\.\d+)?|-?\.\d+")
_GROUPED = re.compile(r"-?\d{1,3}(?:(?:,\\!|\{,\}|,)\d{3})+")
_FRACTION = re.compile(r"\\[dt]?frac\{(\d+)\}\{(\d+)\}|\\[dt]?frac\s*(\d)\s*(\d)(?!\d)")
_WORD = re.compile(r"\\(?:text|textbf|mathrm|mbox)\s*\{([^{}]*)\}")
_DEGREES = re.compile(r"\^\s*(?:\{\s*\\circ\s*\}|\\circ)")
_PLACES = 6


def split_top(text: str, separators: str) -> list[str]:
    """``text`` cut at ``separators`` that stand in no bracket; each part keeps its separator in
    front of it. A thousands separator is none."""
    parts, depth, start = [], 0, 0
    for i, char in enumerate(text):
        depth += (char in "({[") - (char in ")}]")
        grouping = (
            char == "," and re.match(r",\\!|,\d{3}(?!\d)", text[i:]) and text[:i][-1:].isdigit()
        )
        if depth == 0 and char in separators and i > start and not grouping:
            parts.append(text[start:i])
            start = i
    return [*parts, text[start:]]


def _is_text(text: str) -> bool:
    """Words, matrices and relations: not one value that arithmetic applies to."""
    return bool(re.search(r"\\text|\\mbox|\\begin|[=<>]|\\[lg]eq?\b|\\in\b|\\cup|\\cap|\\pm", text))


def _is_single(text: str) -> bool:
    """One number or expression: no list, tuple, set, interval, relation, word or base."""
    body = _GROUPED.sub("1", text)
    return not _is_text(body) and not re.search(r",|\\infty|\\\{|_|\[", body)


# --- rewritings -----------------------------------------------------------------------------------


def spacing(text: str) -> str | None:
    if _WORD.search(text) or "\\begin" in text:
        return None
    spaced = re.sub(r"(?<=[\w})])\s*([-+=])\s*(?=[\w\\({])", r" \1 ", text)
    spaced = re.sub(r",(?!\\!|\d{3}(?!\d))\s*", r",\\ ", spaced)
    spaced = re.sub(r"(?<!\\left)(?<!\\)([(\[])", r"\\left\1 ", spaced)
    spaced = re.sub(r"(?<!\\right)(?<!\\)([)\]])", r" \\right\1", spaced)
    if spaced.count("\\left") != spaced.count("\\right") or "\\sqrt\\left" in spaced:
        return None
    return spaced if spaced != text else f" {text}\\, "


def dfrac(text: str) -> str | None:
    if "\\dfrac" in text or "\\tfrac" in text:
        return text.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac")
    return text.replace("\\frac", "\\dfrac") if "\\frac" in text else None


def reordered_terms(text: str) -> str | None:
    if not _is_single(text) or text.rstrip().endswith("."):
        return None
    terms = split_top(text.strip(), "+-")
    if len(terms) < 2:
        return None
    signed = [part.strip() if part[0] in "+-" else "+" + part.strip() for part in terms]
    if any(len(part) < 2 for part in signed):
        return None
    return "".join(reversed(signed)).removeprefix("+")


def decimal_for_fraction(text: str) -> str | None:
    def decimal(match: re.Match[str]) -> str:
        before = text[: match.start()].rstrip()
        if before and before[-1] not in "(,+-=[{":
            return match[0]
        value = Fraction(int(match[1] or match[3]), int(match[2] or match[4]))
        scaled = value * 10**_PLACES
        if value.denominator == 1 or scaled.denominator != 1:
            return match[0]
        return f"{int(scaled) / 10**_PLACES:.{_PLACES}f}".rstrip("0")

    other = _FRACTION.sub(decimal, text)
    return other if other != text else None


def degree_signs(text: str) -> str | None:
    other = _DEGREES.sub("°", text)
    return other if other != text else None


def thousands_separators(text: str) -> str | None:
    if _GROUPED.fullmatch(text.strip().removeprefix("\\$")):
        return re.sub(r",\\!|\{,\}|,", "", text)
    bare = text.strip().removeprefix("\\$")
    if re.fullmatch(r"-?\d{4,}", bare):
        return text.replace(bare, f"{int(bare):,}")
    return None


def set_order(text: str) -> str | None:
    if _is_text(text.replace("\\cup", "")):
        return None
    if "\\cup" in text:
        return " \\cup ".join(reversed([part.strip() for part in text.split("\\cup")]))
    braces = re.fullmatch(r"\s*\\\{(.*)\\\}\s*", text)
    members = [part.lstrip(",").strip() for part in split_top(braces[1] if braces else text, ",")]
    if len(members) < 2 or len(set(members)) < len(members):
        return None
    joined = ", ".join(reversed(members))
    return f"\\{{{joined}\\}}" if braces else joined


def named_prefix(text: str) -> str | None:
    if not _is_single(text) or not text.strip():
        return None
    return f"x = {text}" if not re.search(r"(?<![a-zA-Z\\])x", text) else f"y = {text}"


def text_wrapper(text: str) -> str | None:
    word = _WORD.fullmatch(text.strip())
    if word:
        return word[1].strip() or None
    if _PLAIN_NUMBER.fullmatch(text.strip()):
        return f"\\text{{{text.strip()}}}"
    return f"${text}$"


def mixed_number(text: str) -> str | None:
    mixed = re.fullmatch(r"\s*(-?)(\d+)\s*\\[dt]?frac\{(\d+)\}\{(\d+)\}\s*", text)
    if mixed:
        sign, whole, top, bottom = mixed[1], int(mixed[2]), int(mixed[3]), int(mixed[4])
        return f"{sign}\\frac{{{whole * bottom + top}}}{{{bottom}}}"
    match = re.fullmatch(r"\s*(-?)\\[dt]?frac\{(\d+)\}\{(\d+)\}\s*", text)
    if not match or int(match[2]) < int(match[3]) or int(match[2]) % int(match[3]) == 0:
        return None
    whole, rest = divmod(int(match[2]), int(match[3]))
    return f"{match[1]}{whole}\\frac{{{rest}}}{{{match[3]}}}"


REWRITINGS: Mapping[str, Rewriting] = MappingProxyType(
    {
        "spacing": spacing,
        "dfrac": dfrac,
        "reordered terms": reordered_terms,
        "decimal for fraction": decimal_for_fraction,
        "degree signs": degree_signs,
        "thousands separators": thousands_separators,
        "set order": set_order,
        "x= prefix": named_prefix,
        "text wrapper": text_wrapper,
        "mixed number": mixed_number,
    }
)


# --- near misses ----------------------------------------------------------------------------------


def _choose(text: str, count: int) -> int:
    """Which of ``count`` places to change: by the text's own hash, so that runs repeat."""
    return zlib.crc32(text.encode()) % count


def sign(text: str) -> str | None:
    if _is_text(text) or re.fullmatch(r"[\s(\[]*(?:\\left)?[\s(\[]*-?[0.]+(?!\d).*", text):
        return None
    body = text.strip()
    opening = re.match(r"(?:\\left)?\s*(?:[(\[]|\\\{)\s*|", body)
    assert opening is not None
    if opening[0] and (len(split_top(body, "+-*/^")) > 1 or not body.endswith((")", "]", "}"))):
        return None
    head, rest = body[: opening.end()], body[opening.end() :]
    return head + (rest[1:] if rest.startswith("-") else "-" + rest)


def one_digit(text: str) -> str | None:
    places = [m.start() for m in re.finditer(r"\d", text)]
    if not places:
        return None
    place = places[_choose(text, len(places))]
    digit = (int(text[place]) + 1) % 10
    return f"{text[:place]}{digit}{text[place + 1 :]}"


def swapped_tuple(text: str) -> str | None:
    match = re.fullmatch(r"\s*((?:\\left)?\()(.*?)((?:\\right)?\))\s*", text, re.S)
    if match and "\\cup" not in text:
        parts = [part.lstrip(",").strip() for part in split_top(match[2], ",")]
        if len(parts) < 2 or parts[0] == parts[1]:
            return None
        return match[1] + ", ".join([parts[1], parts[0], *parts[2:]]) + match[3]
    match = re.fullmatch(r"\s*(\\begin\{[pb]matrix\})(.*)(\\end\{[pb]matrix\})\s*", text, re.S)
    if match:
        rows = [row.strip() for row in match[2].split("\\\\")]
        if len(rows) < 2 or rows[0] == rows[1] or not rows[1]:
            return None
        return match[1] + r" \\ ".join([rows[1], rows[0], *rows[2:]]) + match[3]
    return None


def open_for_closed(text: str) -> str | None:
    if _WORD.search(text) or not re.search(r"\\infty|\\cup|\[.*,", text) or "sqrt[" in text:
        return None
    ends = []
    for match in re.finditer(r"[(\[]", text):
        if (
            not re.match(r".\s*[-+]?\s*\\infty", text[match.start() :])
            and "," in text[match.end() :]
        ):
            ends.append(match.start())
    ends += [
        m.start() for m in re.finditer(r"[)\]]", text)
        if not re.search(r"\\infty\s*(?:\\right)?$", text[: m.start()])
    ]  # fmt: skip
    if not ends or re.search(r"\([^,]*\)", text):
        return None
    place = ends[_choose(text, len(ends))]
    return text[:place] + {"(": "[", "[": "(", ")": "]", "]": ")"}[text[place]] + text[place + 1 :]


def other_variable(text: str) -> str | None:
    if "\\begin" in text:
        return None
    bare = re.sub(rf"{_WORD.pattern}|\\[a-zA-Z]+", lambda m: " " * len(m[0]), text)
    letters = sorted({char for char in bare if char.isalpha() and char.isascii()} - set("eid"))
    if not letters:
        return None
    old = letters[_choose(text, len(letters))]
    new = next(c for c in "mtnuvsgk" if c not in text.casefold())
    return "".join(new if b == old else t for b, t in zip(bare, text, strict=True))


def missing_element(text: str) -> str | None:
    if "\\cup" in text:
        return text.rpartition("\\cup")[0].strip()
    match = re.fullmatch(
        r"\s*((?:\\left)?(?:\(|\\\{))(.*?)((?:\\right)?(?:\)|\\\}))\s*", text, re.S
    )
    head, body, tail = (match[1], match[2], match[3]) if match else ("", text, "")
    parts = [part.lstrip(",").strip() for part in split_top(body, ",")]
    if _is_text(text) or len(parts) < 2 or len(set(parts)) < len(parts):
        return None
    return head + ", ".join(parts[:-1]) + tail


def off_by_one(text: str) -> str | None:
    if _WORD.fullmatch(text.strip()):
        return None
    numbers = list(re.finditer(r"(?<![\d.!,_])\d+(?![\d.,!])", text))
    if not numbers:
        return None
    chosen = numbers[_choose(text, len(numbers))]
    if re.match(r"\\[dt]?frac\s*$", text[: chosen.start()][-6:]) or len(chosen[0]) > 15:
        return None
    return text[: chosen.start()] + str(int(chosen[0]) + 1) + text[chosen.end() :]


def reciprocal(text: str) -> str | None:
    body = text.strip()
    match = re.fullmatch(r"(-?)(\\[dt]?frac)\{([^{}]+)\}\{([^{}]+)\}", body)
    if match and match[3].strip() != match[4].strip() and match[3].strip("- 0"):
        return f"{match[1]}{match[2]}{{{match[4]}}}{{{match[3]}}}"
    if _INTEGER.fullmatch(body) and abs(int(body)) > 1:
        return "-" * (int(body) < 0) + f"\\frac{{1}}{{{abs(int(body))}}}"
    return None


def factor_of_ten(text: str) -> str | None:
    body = text.strip().removeprefix("\\$")
    if _PLAIN_NUMBER.fullmatch(body) and Fraction(body) != 0:
        return f"{body}0" if "." not in body else str(float(Fraction(body) * 10))
    match = re.fullmatch(r"(-?)(\\[dt]?frac)\{(\d+)\}\{(\d+)\}(.*)", body)
    if match and int(match[3]):
        return f"{match[1]}{match[2]}{{{match[3]}0}}{{{match[4]}}}{match[5]}"
    return None


#: Of another kind or another size; longest first.
_OTHER_UNIT: Sequence[tuple[str, str]] = (
    (r"\^\s*\{?\\circ\}?", r"\\text{ cm}"),
    (r"\\text\s*\{\s*degrees?\s*\}", r"\\text{ radians}"),
    (r"\\text\s*\{\s*(?:sq(?:uare|\.) )?cm\s*\}|\\mbox\s*\{\s*cm\s*\}", r"\\text{ kg}"),
    (r"\\text\s*\{\s*(?:square |sq\. ?)?(?:feet|ft\.?)\s*\}", r"\\text{ inches}"),
    (r"\\text\s*\{\s*(?:square |sq\. ?)?(?:inches|in\.?)\s*\}", r"\\text{ feet}"),
    (r"\\text\s*\{\s*(?:square |sq\. ?)?units?\s*\}", r"\\text{ seconds}"),
    (r"\\text\s*\{\s*dollars?\s*\}", r"\\text{ cents}"),
    (r"\\text\s*\{\s*cents?\s*\}", r"\\text{ dollars}"),
    (r"\\text\s*\{\s*miles?[^{}]*\}", r"\\text{ meters}"),
    (r"\\text\s*\{\s*(?:m|meters?)\s*\}", r"\\text{ km}"),
    (r"\\text\s*\{\s*hours?\s*\}", r"\\text{ minutes}"),
    (r"\\text\s*\{\s*minutes?\s*\}", r"\\text{ hours}"),
    (r"\\text\s*\{\s*(?:gm|grams?)\s*\}", r"\\text{ seconds}"),
)


def other_unit(text: str) -> str | None:
    if "," in text.replace(",\\!", "") or re.search(r"\\(?:sin|cos|tan)", text):
        return None
    if text.strip().startswith("\\$"):
        return text.strip()[2:] + r"\text{ cents}"
    for pattern, unit in _OTHER_UNIT:
        other = re.sub(pattern, unit, text)
        if other != text:
            return other
    return None


NEAR_MISSES: Mapping[str, Rewriting] = MappingProxyType(
    {
        "sign": sign,
        "one digit": one_digit,
        "swapped tuple": swapped_tuple,
        "open for closed interval": open_for_closed,
        "other variable": other_variable,
        "missing element": missing_element,
        "off by one": off_by_one,
        "reciprocal": reciprocal,
        "factor of ten": factor_of_ten,
        "other unit": other_unit,
    }
)
