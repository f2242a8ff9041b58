"""What must not reach sympy: each limit with the reason for it.

sympy evaluates while it parses, and the time that takes has no bound: ``9^{9^{9}}`` is written out.
A worker that hangs is killed, but it costs a second or two; a guard costs microseconds.
"""

from __future__ import annotations

import re

#: In characters. Longer texts are no final answers: the longest reference of MATH has 136.
MAX_CHARS = 1_000
#: Brackets within brackets: latex2sympy's parser takes exponential time in them.
MAX_DEPTH = 12
#: Numbers, names, commands and operators: the time of ``simplify`` grows faster than their square.
MAX_NODES = 300
#: Digits in a row: sympy factors integers, and a product of two primes of 40 digits takes minutes.
MAX_DIGITS = 60
#: Digits of an exponent that stands as a number: ``10^{12345}`` is written out, and a sum to the
#: power of hundreds is multiplied out.
MAX_EXPONENT_DIGITS = 4
#: The same for a sum in brackets: ``(x+y+z)^{900}`` has 400,000 terms.
MAX_SUM_EXPONENT_DIGITS = 2
#: Exponents upon exponents, ``2^{2^{x}}`` being two: three are a number nobody can write.
MAX_TOWER = 2
#: Digits of what stands before ``!`` or is chosen from: the factorial of 10,000 has 35,660 digits.
MAX_FACTORIAL_DIGITS = 4
#: Different names of variables: solving and simplifying branch on each.
MAX_SYMBOLS = 20

_NODE = re.compile(r"\\[a-zA-Z]+|\d+(?:\.\d+)?|[^\s\\{}]")
_SYMBOL = re.compile(r"\\[a-zA-Z]+|([a-zA-Z])(_\{?\w+\}?)?")
_DIGITS = re.compile(rf"\d{{{MAX_DIGITS + 1},}}")
_EXPONENT = re.compile(rf"(?:\^|\*\*|[eE])[\s{{(]*[-+]?\s*\d{{{MAX_EXPONENT_DIGITS + 1},}}")
_SUM_EXPONENT = re.compile(
    rf"\)\s*\}}?\s*(?:\^|\*\*)[\s{{(]*[-+]?\s*\d{{{MAX_SUM_EXPONENT_DIGITS + 1},}}"
)
_POWER = re.compile(r"\^|\*\*")
_FACTORIAL = re.compile(
    rf"\d{{{MAX_FACTORIAL_DIGITS + 1},}}\s*[)}}]*\s*!|(?:\^|\*\*)[^()]*\)\s*!"
    r"|(?:\^|\*\*)\s*(?:\{[^{}]*\}|\w)\s*!|!\s*[)}\]]*\s*!|!\s*(?:\^|\*\*)"
    rf"|\\[dt]?binom\s*\{{\s*\d{{{MAX_FACTORIAL_DIGITS + 1},}}"
)
_CODE = re.compile(
    r"__|(?<!\\)\b(?:import|lambda|def|exec|eval|open|getattr|globals|print)\b|[\"'`;]\s*\w+\("
)
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def guard(text: str) -> str:
    """Why ``text`` (LaTeX or plain) must not reach sympy; empty if it may. Takes linear time."""
    if len(text) > MAX_CHARS:
        return f"more than {MAX_CHARS} characters"
    if not text.strip():
        return "empty"
    if _UNSEEN.search(text):
        return "characters that cannot be seen"
    if _deepest(text) > MAX_DEPTH:
        return f"nested deeper than {MAX_DEPTH}"
    if sum(1 for _ in _NODE.finditer(text)) > MAX_NODES:
        return f"more than {MAX_NODES} numbers, names and operators"
    if _DIGITS.search(text):
        return f"more than {MAX_DIGITS} digits in a row"
    if _EXPONENT.search(text) or _SUM_EXPONENT.search(text) or _tower(text) > MAX_TOWER:
        return "an exponent too large"
    if _FACTORIAL.search(text):
        return "a factorial too large"
    if _CODE.search(text):
        return "reads like code"
    if len({match[0] for match in _SYMBOL.finditer(text) if match[1]}) > MAX_SYMBOLS:
        return f"more than {MAX_SYMBOLS} symbols"
    return ""


def _deepest(text: str) -> int:
    depth = deepest = 0
    for char in text:
        depth += (char in "({[") - (char in ")}]")
        deepest = max(deepest, depth)
    return deepest


def _tower(text: str) -> int:
    """How many powers stand upon one another at most: ``2^{2^{x}}`` and ``(2^2)^2`` have two."""
    highest = 0
    # Of each open bracket: powers below its content, and the highest in it. The first is the text.
    below, top, exponents = [0], [0], list[bool]()
    run = 0  # height of the power that a further one would stand upon
    end = -1  # where the last power sign or bracket that was a base ended
    for match in _STEP.finditer(text):
        token, start = match[0], match.start()
        between = text[end:start] if end >= 0 else "?"
        if token in ("^", "**"):
            upon = (
                not between.strip() if text[end - 1 : end] in ")]}" else _OPERAND.fullmatch(between)
            )
            run = run + 1 if upon else below[-1] + 1
            top[-1] = max(top[-1], run)
            highest = max(highest, run)
            end = match.end()
        elif token in "({[":
            exponent = end >= 0 and not between.strip() and text[end - 1] in "^*"
            below.append(run if exponent else below[-1])
            top.append(below[-1])
            exponents.append(exponent)
            end = -1
        elif exponents:
            below.pop()
            run = top.pop()
            top[-1] = max(top[-1], run)
            # Upon a bracket that is an exponent itself nothing stands.
            end = -1 if exponents.pop() else match.end()
    return highest


#: What may stand between two powers of which one is upon the other.
_OPERAND = re.compile(r"\s*(?:\d+|[a-zA-Z]|\\[a-zA-Z]+)?\s*")
_STEP = re.compile(r"\^|\*\*|[({\[]|[)}\]]")


__all__ = ["guard"]
