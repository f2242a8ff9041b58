r"""The text of a final answer without its wrapping: dollar signs, boxes, bold, spacing."""

from __future__ import annotations

import re

#: Longer texts are compared as they stand, in characters: no final answer is longer.
MAX_TEXT_CHARS = 2_000

#: One sign for what is written with several.
_SIGNS = str.maketrans(
    {
        "−": "-", "–": "-", "‑": "-", "⁄": "/", "∕": "/", "÷": "/", "×": "\\times ",
        "·": "\\cdot ", "⋅": "\\cdot ", "π": "\\pi ", "∞": "\\infty ", "∪": "\\cup ",
        "∩": "\\cap ", "∈": "\\in ", "≤": "\\le ", "≥": "\\ge ", "≠": "\\ne ", "√": "\\sqrt ",
        "∅": "\\emptyset ", "±": "\\pm ", "≈": "\\approx ", "θ": "\\theta ", "°": "^\\circ ",
        "²": "^2", "³": "^3",
        "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u200b": "", "\ufeff": "",
        "½": "\\frac{1}{2}", "¼": "\\frac{1}{4}", "¾": "\\frac{3}{4}",
    }
)  # fmt: skip
#: Arguments without braces: ``\\frac12``, ``\\frac \\pi4``, ``\\sqrt2``.
_FIRST = re.compile(
    r"(\\(?:frac|sqrt))(?![a-zA-Z])\s*(?!\\(?:frac|sqrt|text|math|over|left))(\\[a-zA-Z]+|\w)\s*"
)
_SECOND = re.compile(r"(\\frac\s*\{(?:[^{}]|\{[^{}]*\})*\})\s*(\\[a-zA-Z]+(?![a-zA-Z]|\s*\{)|\w)")
_ROOT_OF = re.compile(r"\\?(?<![a-zA-Z])sqrt\s*\(")
_STARS = re.compile(r"\s*\*\*\s*(-?\d+)?")
_BARE_ROOT = re.compile(r"(?<!\\)\bsqrt\b|\\sqrt\s+(?=\d)")

_WRAPPERS = (
    (re.compile(r"\\\((.*)\\\)", re.S), 1),
    (re.compile(r"\\\[(.*)\\\]", re.S), 1),
    (re.compile(r"\\(?:boxed|fbox|mathbf|bf|bold|boldsymbol)\s*\{(.*)\}", re.S), 1),
    (re.compile(r"\\(?:text|textbf|mbox|mathrm|textrm|textit)\s*\{([^{}]*)\}", re.S), 1),
    (re.compile(r"\{(.*)\}", re.S), 1),
    (re.compile(r"\*\*(.*)\*\*", re.S), 1),
    (re.compile(r"(?:the (?:final )?answer(?: is)?|answer)\s*[:=]?\s+(.*)", re.S | re.I), 1),
)
_SPACING = re.compile(
    r"\\\\|\\[,;:! ]|\\(?:quad|qquad|left|right|[bB]igg?[lr]?|displaystyle)(?![a-zA-Z])|~"
)
_SPACES = re.compile(r"\s+")
#: Thousands set apart by a thin space or one that does not break: ``10\,000``. A plain space means
#: nothing of the kind, ``1 200`` may be two numbers.
_THOUSANDS = re.compile(r"(?<=\d)(?:\\,|[\u00a0\u2009\u202f])(?=\d{3}(?!\d))")
_NEGATIVE_POWER = re.compile(r"\^\s*-\s*(\d+)")
_EMPTY_SET = re.compile(r"\\varnothing(?![a-zA-Z])")
_FRACTIONS = re.compile(r"\\[dtc]frac(?![a-zA-Z])")
#: What needs none of this: the fast path. Possessive, as is `_NAME`: no text takes more than linear
#: time.
_BARE = re.compile(r"[-+]?[\d,]*+(?:\.\d++|(?<=\d))|[A-Za-z]++")
_MAX_LAYERS = 8


def plain_text(text: str) -> str:
    """``text`` without what wraps it, with one sign for what is written with several (``−``, ``π``,
    ``\\dfrac``), no full stop at the end. Two texts that are equal after this say the same."""
    text = text.strip()
    if len(text) > MAX_TEXT_CHARS or _BARE.fullmatch(text):
        return text
    text = _THOUSANDS.sub("", text)
    if not text.isascii():
        text = text.translate(_SIGNS)
    for _ in range(_MAX_LAYERS):
        before = text
        if "\\" in text or "~" in text:
            text = _SPACING.sub(_space, text)
            text = _FRACTIONS.sub(r"\\frac", text)
        text = _SPACES.sub(" ", text).strip()
        if text.endswith(".") and not text.endswith(".."):
            text = text[:-1].rstrip()
        if len(text) > 1 and text[0] == text[-1] == "$" and text[-2] != "\\":
            text = text.strip("$").strip()
        for pattern, group in _WRAPPERS:
            match = pattern.fullmatch(text)
            if match and balanced(match[group]):
                text = match[group].strip()
        if text == before:
            break
    if "^" in text:
        text = _NEGATIVE_POWER.sub(r"^{-\1}", text)
    if "\\varnothing" in text:
        text = _EMPTY_SET.sub(r"\\emptyset", text)
    if "**" in text:
        text = _STARS.sub(lambda m: f"^{{{m[1]}}}" if m[1] else "^", text)
    if "sqrt" in text:
        text = _BARE_ROOT.sub(r"\\sqrt", _braced_roots(text))
    if "\\frac" in text or "\\sqrt" in text:
        text = _FIRST.sub(r"\1{\2}", text)
        text = _SECOND.sub(r"\1{\2}", text)
    return text


def _braced_roots(text: str) -> str:
    """``sqrt(x)`` as ``\\sqrt{x}``, roots within roots too. Takes linear time."""
    opened: list[int] = []
    closing = {}
    for place, char in enumerate(text):
        if char == "(":
            opened.append(place)
        elif char == ")" and opened:
            closing[opened.pop()] = place
    roots = {m.end() - 1: m for m in _ROOT_OF.finditer(text) if m.end() - 1 in closing}
    ends = {closing[place] for place in roots}
    parts, start = [], 0
    for place in sorted(roots.keys() | ends):
        if place in roots:
            parts += [text[start : roots[place].start()], "\\sqrt{"]
        else:
            parts += [text[start:place], "}"]
        start = place + 1
    return "".join(parts) + text[start:]


def _space(match: re.Match[str]) -> str:
    # The end of a row is no spacing, nor does it begin one.
    return {"\\\\": "\\\\", "\\!": ""}.get(match[0], " ")


def same_writing(left: str, right: str) -> bool:
    """Whether two plain texts are one but for spaces, and braces around a single character."""
    return left == right or squeeze(left) == squeeze(right)


def squeeze(text: str) -> str:
    """``text`` without spaces that mean nothing, and without braces around a single character."""
    text = re.sub(r"(?<!\\)([_^])\s*\{\s*(\w)\s*\}", r"\1\2", text)
    # A space that ends a command stays, ``\\pi x`` being no ``\\pix``, and so does one between two
    # numbers, ``1 2`` being no ``12``.
    return _MEANT_SPACES.sub(lambda m: (m[1] or m[2] or "") and f"{m[1] or m[2]} ", text)


_MEANT_SPACES = re.compile(r"(\\[a-zA-Z]+)\s+(?=[a-zA-Z])|(\d)\s+(?=\d)|\s+")


def balanced(text: str) -> bool:
    """Whether braces close in order, so that ``{a}{b}`` is not taken for one group."""
    depth = 0
    escaped = False
    for char in text:
        if not escaped:
            depth += (char == "{") - (char == "}")
            if depth < 0:
                return False
        escaped = char == "\\" and not escaped
    return depth == 0


#: A name that a value may be given: a letter or a Greek one, a word of letters, with an index, a
#: prime, arguments; quotients of such.
_NAME = re.compile(
    r"(?:\\(?:text|mathrm|mathbf|operatorname|vec|overline|frac|angle|triangle|hat|bar)(?![a-zA-Z])"
    r"|\\(?:alpha|beta|gamma|delta|epsilon|theta|lambda|mu|nu|phi|psi|rho|sigma|tau|omega|ell|chi"
    r"|Delta|Omega|Phi|Psi|Sigma|Theta)(?![a-zA-Z])|[A-Za-z]"
    r"|_++\s*+\{?+(?:[^\W_]|,)++\}?+|'|[{}() ,|])++"
)
_GROUP = re.compile(r"\{[^{}]*\}|\(.*\)")
_ASSIGNED = re.compile(r"(?<![<>!=:\\])=(?!=)|\\(?:approx|in)(?![a-zA-Z])")


def split_name(text: str) -> tuple[str, str]:
    """``(name, value)`` of ``name = value``, ``name \\approx value`` or ``name \\in value``; the
    name is empty where ``text`` is anything else (an equation, several assignments)."""
    if "=" not in text and "\\approx" not in text and "\\in" not in text:
        return "", text
    found = list(_ASSIGNED.finditer(text))
    if len(found) != 1:
        return "", text
    name, value = text[: found[0].start()].strip(), text[found[0].end() :].strip()
    if not value or len(name) > 60 or not _NAME.fullmatch(name) or not re.search("[A-Za-z]", name):
        return "", text
    if "," in _GROUP.sub("", name):  # a remark and then a name, or several
        return "", text
    if "(" in name and not re.search(r"\)\s*[})]*$", name):
        return "", text
    return squeeze(name), value


__all__ = ["balanced", "plain_text", "same_writing", "split_name", "squeeze"]
