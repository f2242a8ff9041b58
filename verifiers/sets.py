r"""Collections in the text of an answer: lists, tuples, sets, intervals, unions, matrices.

Only the shape is read here; the members stay texts, and whoever compares two shapes says when two
members agree. What is read:

    1, 2 or 3              list: the order means nothing, it is how solutions are written
    (1, 2)  [1, 2, 3]      tuple: the order counts; of two members it may be an interval as well
    \{1, 2\}               set
    [1, 2)  (0, \infty)    interval;  also x > 3, 1 \le x < 2, x \in [1, 2]
    A \cup B               union of the above
    pmatrix, bmatrix       matrix
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from tracemine.verifiers.texts import balanced, split_name, squeeze
from tracemine.verifiers.verdict import Outcome, Verdict

NAME = "sets"

Kind = Literal["list", "tuple", "set", "interval", "union", "matrix"]

#: Members of longer collections are compared in their order alone: pairing takes quadratic time.
MAX_PAIRED = 40
#: Longer collections are not taken apart.
MAX_MEMBERS = 500
#: Collections within collections.
MAX_NESTED = 8

Compare = Callable[[str, str], Verdict]


@dataclass(frozen=True, slots=True)
class Collection:
    """``members`` are texts, of a union its parts, of a matrix its cells row by row, of an interval
    its two ends. ``shape`` tells what else must be equal: the brackets of an interval, the number
    of rows and columns. ``name`` is the variable that an interval or list is of, or empty."""

    kind: Kind
    members: tuple[str, ...]
    shape: str = ""
    name: str = ""


_OPEN, _CLOSE = "({[", ")}]"
_OR = re.compile(
    r",?\s*(?:\\(?:text|mbox|mathrm)\s*\{\s*(?:and|or)\s*\}|(?<![a-zA-Z\\])(?:and|or)(?![a-zA-Z]))\s*|;"
)
_CUP = re.compile(r"\\cup(?![a-zA-Z])")
_MATRIX = re.compile(r"\\begin\s*\{([pb]matrix)\}(.*)\\end\s*\{\1\}", re.S)
_GROUPED = re.compile(r",(?=\s*\\!)|\{,\}|(?<=\d),(?=\d{3}(?!\d))")
_RELATION = re.compile(r"\\(?:leqslant|geqslant|leq|geq|le|ge|lt|gt)(?![a-zA-Z])|<=|>=|<|>")
_SIGNS = {"\\lt": "<", "\\gt": ">", "<": "<", ">": ">"}
_VARIABLE = re.compile(r"[a-zA-Z]|\\(?:theta|alpha|beta|lambda|mu|phi)")


def read_collection(text: str) -> Collection | None:
    """The collection that ``text`` (see `texts.plain_text`) is, or None for a single value."""
    text = text.strip()
    if not balanced(text):
        return None
    if match := _MATRIX.fullmatch(text):
        return _read_matrix(match[2])
    name, value = split_name(text)
    if name and (inner := _read_unnamed(value)) is not None:
        return Collection(inner.kind, inner.members, inner.shape, name)
    return _read_unnamed(text) or _read_inequality(text)


def _read_unnamed(text: str) -> Collection | None:
    if "\\cup" in text:
        parts = _split(text, _CUP)
        if parts is not None and len(parts) > 1:
            return Collection("union", tuple(parts))
        return None
    listed = _OR.sub(",", text) if _OR.search(text) else text
    members = _split_commas(listed)
    if members is None or len(members) > MAX_MEMBERS:
        return None
    if len(members) > 1:
        return _list(members)
    whole = _bracketed(text)
    if whole is None:
        return None
    left, body, right = whole
    inner = _split_commas(_OR.sub(",", body) if left == "\\{" else body)
    if inner is None or not all(inner):
        return None
    if left == "\\{":
        return Collection("set", tuple(inner))
    if len(inner) == 1:
        return None
    infinite = any("\\infty" in member for member in inner)
    if len(inner) == 2 and (infinite or (left, right) not in (("(", ")"), ("[", "]"))):
        return Collection("interval", tuple(inner), left + right)
    if (left, right) not in (("(", ")"), ("[", "]")):
        return None
    return Collection("tuple", tuple(inner), left + right if len(inner) == 2 else "")


def _list(members: list[str]) -> Collection | None:
    """A list; ``x = 1, x = 2`` is a list of values of x."""
    if not all(members):
        return None
    named = [split_name(member) for member in members]
    names = {name for name, _ in named}
    if len(names) == 1 and "" not in names:
        return Collection("list", tuple(value for _, value in named), name=names.pop())
    # x = 1, 2 is one name before a list.
    if named[0][0] and names == {named[0][0], ""}:
        return Collection("list", tuple(value for _, value in named), name=named[0][0])
    return Collection("list", tuple(members))


def _read_matrix(body: str) -> Collection | None:
    rows = [row for row in re.split(r"\\\\(?:\s*\[[^\]]*\])?", body) if row.strip()]
    cells = [[cell.strip() for cell in row.split("&")] for row in rows]
    if not cells or len({len(row) for row in cells}) != 1:
        return None
    members = tuple(cell for row in cells for cell in row)
    if not all(members) or len(members) > MAX_MEMBERS or "\\begin" in body:
        return None
    return Collection("matrix", members, f"{len(cells)}x{len(cells[0])}")


def _read_inequality(text: str) -> Collection | None:
    """An interval of one variable: ``x > a``, ``a < x \\le b`` and so on."""
    signs = [_sign(match[0]) for match in _RELATION.finditer(text)]
    parts = [part.strip() for part in _RELATION.split(text)]
    if not signs or len(signs) > 2 or not all(parts) or "," in text:
        return None
    if len({sign[0] for sign in signs}) != 1:
        return None
    if signs[0][0] == ">":
        signs, parts = [("<" + sign[1:]) for sign in reversed(signs)], parts[::-1]
    if len(parts) == 3:
        low, variable, high = parts
        left, right = signs[0], signs[1]
    elif _VARIABLE.fullmatch(parts[0]) and not _VARIABLE.fullmatch(parts[1]):
        low, variable, high = "-\\infty", parts[0], parts[1]
        left, right = "<", signs[0]
    elif _VARIABLE.fullmatch(parts[1]) and not _VARIABLE.fullmatch(parts[0]):
        low, variable, high = parts[0], parts[1], "\\infty"
        left, right = signs[0], "<"
    else:
        return None
    if not _VARIABLE.fullmatch(variable):
        return None
    shape = ("[" if left == "<=" else "(") + ("]" if right == "<=" else ")")
    return Collection("interval", (low, high), shape, variable)


def _sign(token: str) -> str:
    if token in _SIGNS:
        return _SIGNS[token]
    return ("<" if token.startswith(("\\l", "<")) else ">") + "="


def _bracketed(text: str) -> tuple[str, str, str] | None:
    """``text`` as bracket, body, bracket, where the two belong together."""
    if text.startswith("\\{") and text.endswith("\\}"):
        left, body, right = "\\{", text[2:-2], "\\}"
    elif text[:1] in ("(", "[") and text[-1:] in (")", "]"):
        left, body, right = text[0], text[1:-1], text[-1]
    else:
        return None
    depth = 0
    for char in body:
        depth += (char in _OPEN) - (char in _CLOSE)
        if depth < 0:
            return None
    return (left, body.strip(), right) if depth == 0 else None


def _split_commas(text: str) -> list[str] | None:
    """``text`` at its commas that stand in no bracket and separate no thousands."""
    grouping = {match.start() for match in _GROUPED.finditer(text)} if "," in text else set()
    if grouping and _is_list_of_small_numbers(text):
        grouping = set()
    parts, depth, start = [], 0, 0
    for i, char in enumerate(text):
        if char in _OPEN:
            depth += 1
        elif char in _CLOSE:
            depth -= 1
            if depth < 0:
                return None
        elif char == "," and depth == 0 and i not in grouping:
            parts.append(text[start:i].strip())
            start = i + 1
    return [*parts, text[start:].strip()] if depth == 0 else None


def _is_list_of_small_numbers(text: str) -> bool:
    """``100, 200, 300`` with a space after each comma is a list, and so is ``10,100,1000``, whose
    groups are not all of three digits."""
    groups = re.fullmatch(r"\s*-?\d+(?:,(\s*)-?\d+)+\s*", text)
    if not groups:
        return False
    spaced = all(re.findall(r",(\s*)", text))
    parts = [part.strip() for part in text.split(",")]
    regular = len(parts[0].lstrip("-")) <= 3 and all(len(part) == 3 for part in parts[1:])
    return spaced or not regular


def _split(text: str, pattern: re.Pattern[str]) -> list[str] | None:
    parts, depth, start, i = [], 0, 0, 0
    while i < len(text):
        if depth == 0 and (match := pattern.match(text, i)):
            parts.append(text[start:i].strip())
            start = i = match.end()
            continue
        depth += (text[i] in _OPEN) - (text[i] in _CLOSE)
        i += 1
    parts.append(text[start:].strip())
    # The brackets of half-open intervals need not pair in kind, but they do in number.
    return parts if depth == 0 and all(parts) else None


# --- comparing ------------------------------------------------------------------------------------


def compare_collections(left: Collection, right: Collection, compare: Compare) -> Verdict | None:
    """Whether two collections agree, where ``compare`` says so of their members. Symmetric if it
    is. None where shapes alone do not tell: a union of other parts, say.

    The order of a list means nothing against a list or a set, and counts against a tuple.
    """
    if left.name and right.name and left.name != right.name:
        return Verdict("differ", f"{left.name} and {right.name}", NAME)
    kinds = {left.kind, right.kind}
    if kinds == {"matrix"}:
        if left.shape != right.shape:
            return Verdict("differ", "matrices of different shapes", NAME)
        return _in_order(left.members, right.members, compare)
    if "matrix" in kinds:
        return None
    if kinds == {"union"}:
        if len(left.members) != len(right.members):
            return None
        verdict = _in_any_order(left.members, right.members, compare)
        return verdict if verdict.outcome == "agree" else None
    if "union" in kinds:
        return None
    if kinds <= {"list", "set"}:
        return _in_any_order(left.members, right.members, compare)
    if kinds <= {"interval", "tuple"}:
        if left.shape != right.shape and len(left.members) == len(right.members) == 2:
            return Verdict("differ", f"brackets {left.shape} and {right.shape}", NAME)
        return _in_order(left.members, right.members, compare)
    if kinds == {"list", "tuple"}:
        return _in_order(left.members, right.members, compare)
    return Verdict("differ", f"{left.kind} and {right.kind}", NAME)


def _in_order(left: Sequence[str], right: Sequence[str], compare: Compare) -> Verdict:
    if len(left) != len(right):
        return Verdict("differ", f"{len(left)} and {len(right)} members", NAME)
    unknown = None
    for first, second in zip(left, right, strict=True):
        verdict = compare(first, second)
        if verdict.outcome == "differ":
            return Verdict("differ", f"members: {verdict.reason}", NAME)
        if verdict.outcome == "unknown":
            unknown = verdict
    if unknown:
        return Verdict("unknown", f"members: {unknown.reason}", NAME)
    return Verdict("agree", "equal members in order", NAME)


def _in_any_order(left: Sequence[str], right: Sequence[str], compare: Compare) -> Verdict:
    """Members paired off: those written alike first, which is nearly always all of them."""
    rest = [squeeze(member) for member in right]
    others = list(right)
    odd = []
    for member in left:
        written = squeeze(member)
        if written in rest:
            others.pop(rest.index(written))
            rest.remove(written)
        else:
            odd.append(member)
    if len(left) != len(right):
        return Verdict("differ", f"{len(left)} and {len(right)} members", NAME)
    if len(odd) > MAX_PAIRED:
        return Verdict("unknown", f"more than {MAX_PAIRED} members to pair", NAME)
    unknown: Verdict | None = None
    # Of the members of the other side, which this one's may be.
    possible: set[int] = set()
    places = list(range(len(others)))
    for member in odd:
        outcomes: list[Outcome] = []
        for place in places:
            verdict = compare(member, others[place])
            outcomes.append(verdict.outcome)
            if verdict.outcome == "agree":
                break
            if verdict.outcome == "unknown":
                unknown = verdict
        if outcomes and outcomes[-1] == "agree":
            places.pop(len(outcomes) - 1)
        elif "unknown" not in outcomes:
            return Verdict("differ", "a member that the other side lacks", NAME)
        else:
            possible.update(
                place
                for place, outcome in zip(places, outcomes, strict=True)
                if outcome == "unknown"
            )
    if not possible.issuperset(places):
        return Verdict("differ", "a member that the other side lacks", NAME)
    if places and unknown:
        return Verdict("unknown", f"members: {unknown.reason}", NAME)
    return Verdict("agree", "equal members in any order", NAME)


__all__ = ["Collection", "compare_collections", "read_collection"]
