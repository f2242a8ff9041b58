"""Answers made up from nothing but a request: they obey its schema, and the same request gives the
same answer, in every process.

Where a schema asks for spans of a trace, quotes are pieces of the trace, in its order. A line that
states a calculation which is right becomes a function with its numbers as inputs, so that some of
what is made up passes all that a real answer would; the rest is words.
"""

from __future__ import annotations

import json
import math
import random
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tracemine.schemas import content_id
from tracemine.teachers.base import MIN_QUOTE
from tracemine.teachers.scripted.obeying import (
    height,
    item_schema,
    literals,
    property_schema,
    resolved,
    types_of,
    violation,
    whole_range,
)

#: Items of a list, where the schema does not ask for more.
USUAL_ITEMS = 3
#: From this depth on, lists are as short and values as flat as the schema lets them be.
DEEP = 12
#: Characters of a quote, where the schema lets it be so long.
QUOTE_CHARS = 240
#: Characters of a text, where the schema does not ask for more.
TEXT_CHARS = 80
#: Lines of a trace that are looked at.
MOST_LINES = 4_000

#: Schemas that something is remembered of, by their identity.
REMEMBERED = 64
_SCHEMAS: dict[int, _Known] = {}
_BOUNDS = ("minLength", "maxLength", "minItems", "maxItems", "const", "enum", "anyOf")

_PROSE = (
    "take the total of each part then compare both sides and keep what is left over before the rate"
    " changes by its share of a whole amount per unit so that every step follows"
)
_WORDS = _PROSE.split()
_NAMES = ("first", "second", "third", "fourth", "fifth", "sixth")
#: What is put where anything goes.
_ANY_TEXT: Mapping[str, Any] = {"type": "string"}
_TYPES = ("int", "rational", "real", "str", "list[int]")
_NUMBER = r"\d{1,9}(?:\.\d{1,6})?"
_OPERATIONS = {
    "+": "+",
    "-": "-",
    "−": "-",
    "*": "*",
    "×": "*",
    "·": "*",
    r"\times": "*",
    r"\cdot": "*",
    "/": "/",
    "÷": "/",
    r"\div": "/",
}
_SIGN = "|".join(re.escape(sign) for sign in sorted(_OPERATIONS, key=len, reverse=True))
#: ``3 * 4 + 5 = 17``, with nothing beside it that would go on with the calculation.
_CALCULATION = re.compile(
    rf"(?<![\w.)\]}}^*/+×·÷−-])(?<![)\]}}^*/+×·÷−=-] )"
    rf"({_NUMBER}(?:\s*(?:{_SIGN})\s*{_NUMBER}){{1,{len(_NAMES) - 1}}})\s*=\s*({_NUMBER})"
    r"(?![\w%^/*]|[.,]\d|\s*[*/×·÷+−-])"
)
_SPAN_FIELDS = frozenset({"quote", "kind", "code", "bindings", "result", "inputs", "output"})


def invented(schema: Mapping[str, Any], key: str, seed: int = 0, trace: str = "") -> Any:
    """A value that obeys ``schema``.

    Args:
        schema: one that `obeying.check_schema` took.
        key: of the request.
        seed: another seed, another answer.
        trace: what quotes are taken from.
    """
    draw = random.Random(int(content_id("invented", seed, key), 16))
    return _Inventor(schema, draw, tuple(_pieces(trace)), _known(schema)).value(schema, "", 0)


def tidied(text: str, node: Mapping[str, Any]) -> str:
    """``text``, cut or filled up to the length that a schema asks for."""
    most, least = node.get("maxLength"), node.get("minLength", 0)
    if most is not None:
        text = text[:most]
    return text if len(text) >= least else text + "." * (least - len(text))


@dataclass(frozen=True, slots=True)
class _Known:
    """What was found out about a schema, by the identity of its nodes: it is kept here so that
    they stay what they are."""

    schema: Mapping[str, Any]
    unbounded: bool
    heights: dict[int, float] = field(default_factory=dict)
    takes: dict[int, bool] = field(default_factory=dict)


def _without_kind(node: dict[str, Any]) -> dict[str, Any]:
    return {name: inner for name, inner in node.items() if name != "kind"}


def _known(schema: Mapping[str, Any]) -> _Known:
    known = _SCHEMAS.get(id(schema))
    if known is None:
        # Of a span's kind nothing is made up from the trace, so its enum bounds nothing here.
        others = json.loads(json.dumps(schema), object_hook=_without_kind)
        unbounded = not any(f'"{bound}"' in json.dumps(others) for bound in _BOUNDS)
        known = _Known(schema, unbounded)
        if len(_SCHEMAS) >= REMEMBERED:
            _SCHEMAS.clear()
        _SCHEMAS[id(schema)] = known
    return known


@dataclass(frozen=True, slots=True)
class _Inventor:
    root: Mapping[str, Any]
    draw: random.Random
    pieces: tuple[str, ...]
    known: _Known

    def value(self, schema: Mapping[str, Any], name: str, depth: int) -> Any:
        """A value of a schema that stands under ``name``."""
        node = resolved(schema, self.root)
        if "enum" in node or "const" in node:
            return self.draw.choice(literals(node, self.root))
        if "anyOf" in node:
            return self.value(self._branch(node["anyOf"], depth), name, depth)
        kinds = types_of(node)
        if len(kinds) > 1:
            tall = {kind: height({**node, "type": kind}, self.root) for kind in kinds}
            flattest = min(tall.values())
            most = flattest if depth >= DEEP else sys.float_info.max
            kinds = tuple(kind for kind in kinds if tall[kind] <= most)
        kind = self.draw.choice(kinds)
        if kind == "object":
            return self._object(node, depth)
        if kind == "array":
            return self._array(node, name, depth)
        if kind == "string":
            return self._text(node, name)
        if kind == "integer":
            return self._whole(node)
        if kind == "number":
            return self._number(node)
        return self.draw.random() < 0.5 if kind == "boolean" else None

    def _height(self, node: Mapping[str, Any]) -> float:
        if node.get("type") == "string":
            return 0
        heights = self.known.heights
        if id(node) not in heights:
            heights[id(node)] = height(node, self.root)
        return heights[id(node)]

    def _takes(self, node: Mapping[str, Any], whole: dict[str, Any]) -> bool:
        """Whether a span may be ``whole``. Where no length is bounded, all are taken or none."""
        takes = self.known.takes.get(id(node)) if self.known.unbounded else None
        if takes is None:
            takes = violation(whole, node, self.root) is None
            self.known.takes[id(node)] = takes
        return takes

    def _branch(self, branches: list[Mapping[str, Any]], depth: int) -> Mapping[str, Any]:
        tall = [self._height(branch) for branch in branches]
        if depth >= DEEP:
            return branches[tall.index(min(tall))]
        return self.draw.choice(
            [b for b, tallness in zip(branches, tall, strict=True) if tallness < math.inf]
        )

    def _object(self, node: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = node.get("properties", {})
        needed = set(node.get("required", ()))
        if properties.keys() >= _SPAN_FIELDS and needed >= _SPAN_FIELDS and self.pieces:
            return self._span(node, self.draw.choice(self.pieces), depth)
        found = {}
        for name in [*properties, *sorted(needed - properties.keys())]:
            if name not in needed and (depth >= DEEP or self.draw.random() < 0.5):
                continue
            part = property_schema(node, name)
            if name not in needed and self._height(part or {}) == math.inf:
                continue
            found[name] = self.value(part or _ANY_TEXT, name, depth + 1)
        return found

    def _array(self, node: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        count = self._size(node, "minItems", "maxItems", 0 if depth >= DEEP else USUAL_ITEMS)
        known = len(node.get("prefixItems", ()))
        if node.get("items") is False:
            count = min(count, known)
        for index in range(node.get("minItems", 0), count):
            if self._height(item_schema(node, index) or {}) == math.inf:
                count = index
                break
        parts = [item_schema(node, index) for index in range(count)]
        if parts and all(part is not None and self._is_span(part) for part in parts):
            return self._spans([part for part in parts if part is not None], depth)
        return [self.value(part or _ANY_TEXT, name, depth + 1) for part in parts]

    def _is_span(self, schema: Mapping[str, Any]) -> bool:
        return set(resolved(schema, self.root).get("required", ())) >= _SPAN_FIELDS

    def _spans(self, parts: list[Mapping[str, Any]], depth: int) -> list[Any]:
        """Spans in the order of the trace; pieces come again only where there are too few."""
        places = range(len(self.pieces))
        if not places:
            return [self.value(part, "", depth + 1) for part in parts]
        worth = [place for place in places if _CALCULATION.search(self.pieces[place])]
        chosen = self.draw.sample(worth, min(len(worth), len(parts)))
        others = sorted(set(places) - set(chosen))
        chosen += self.draw.sample(others, min(len(others), len(parts) - len(chosen)))
        chosen += self.draw.choices(places, k=len(parts) - len(chosen))
        return [
            self._span(resolved(part, self.root), self.pieces[place], depth)
            for part, place in zip(parts, sorted(chosen), strict=True)
        ]

    def _span(self, node: Mapping[str, Any], piece: str, depth: int) -> dict[str, Any]:
        """A span of ``piece``: its calculation if it states one and the schema has room for it."""
        properties = node["properties"]
        quote = tidied(piece[:QUOTE_CHARS].strip(), resolved(properties["quote"], self.root))
        if calculation := _calculation(quote):
            whole = {"quote": quote, **calculation}
            if self._takes(node, whole):
                return whole
        words = {
            name: self.value(part, name, depth + 1)
            for name, part in properties.items()
            if name in node["required"]
        }
        return {**words, "quote": quote}

    def _text(self, node: Mapping[str, Any], name: str) -> str:
        if name == "quote" and self.pieces:
            return tidied(self.draw.choice(self.pieces)[:QUOTE_CHARS].strip(), node)
        if name == "type":
            return tidied(self.draw.choice(_TYPES), node)
        if name == "name":
            return tidied(self.draw.choice(_NAMES), node)
        if name in ("value", "result"):
            return tidied(str(self.draw.randrange(1, 1_000)), node)
        if name in ("code", "tool", "unit"):
            return tidied("", node)
        size = self._size(node, "minLength", "maxLength", TEXT_CHARS)
        start = self.draw.randrange(len(_WORDS))
        words = (*_WORDS[start:], *_WORDS[: start + 1 + size // 3 % len(_WORDS)])
        text = " ".join(words * (1 + size // len(_PROSE)))
        return tidied(text[:size].strip(), node)

    def _size(self, node: Mapping[str, Any], least: str, most: str, usual: int) -> int:
        low: int = node.get(least, 0)
        high: int = min(node.get(most, low + usual), low + usual)
        return self.draw.randint(min(low + 1, high) if usual else low, high)

    def _whole(self, node: Mapping[str, Any]) -> int:
        low, high = whole_range(node)
        if low is None:
            low = 0 if high is None else min(0, high - 100)
        return self.draw.randint(low, low + 100 if high is None else min(high, low + 100))

    def _number(self, node: Mapping[str, Any]) -> float:
        whole = {k: node[k] for k in node if k != "type"}
        low, high = whole_range(whole)
        if low is None or high is None or low <= high:
            return self._whole(whole)
        # No whole number lies between them, so both bounds are there.
        under = max(node.get("minimum", -math.inf), node.get("exclusiveMinimum", -math.inf))
        over = min(node.get("maximum", math.inf), node.get("exclusiveMaximum", math.inf))
        middle = under + (over - under) / 2
        return float(under if violation(middle, node, self.root) else middle)


def _pieces(trace: str) -> list[str]:
    """Lines of a trace that are long enough for a quote."""
    lines = trace.splitlines()[:MOST_LINES]
    return [line.strip() for line in lines if len("".join(line.split())) >= MIN_QUOTE]


def _calculation(text: str) -> dict[str, Any] | None:
    """The fields of a span that a right calculation in ``text`` gives; None if there is none."""
    for match in _CALCULATION.finditer(text):
        numbers = re.findall(_NUMBER, match[1])
        signs = [_OPERATIONS[sign] for sign in re.findall(_SIGN, match[1])]
        if len(set(numbers)) != len(numbers):
            # Which of two equal numbers is which cannot be told.
            continue
        reached = _carried_out(numbers, signs)
        if reached is None or reached != Fraction(match[2]):
            continue
        return _as_span(numbers, signs, match[2])
    return None


def _as_span(numbers: list[str], signs: list[str], result: str) -> dict[str, Any]:
    names = _NAMES[: len(numbers)]
    formula = names[0] + "".join(
        f" {sign} {name}" for sign, name in zip(signs, names[1:], strict=True)
    )
    kinds = ["rational" if "." in number else "int" for number in numbers]
    exact = "int" if {*signs, *kinds} <= {"+", "-", "*", "int"} else "rational"
    parameters = ", ".join(names)
    exactly = "".join(
        f" {sign} {_exact(name)}" if sign in "+-" else f" {sign} {name}"
        for sign, name in zip(signs, names[1:], strict=True)
    )
    code = f"def work_out({parameters}):\n    return {formula}\n"
    if "/" in signs:
        code = (
            f"from fractions import Fraction\n\n\ndef work_out({parameters}):\n"
            f"    return {_exact(names[0])}{exactly}\n"
        )
    return {
        "kind": "procedural",
        "subquestion": f"What do {len(numbers)} quantities come to, taken together as {formula}?",
        "subroutine": f"Take {parameters}. Work out {formula}, products and quotients first.",
        "summary": f"Works out {formula}.",
        "inputs": [
            {"name": name, "type": kind, "unit": ""}
            for name, kind in zip(names, kinds, strict=True)
        ],
        "output": {"name": "outcome", "type": exact, "unit": ""},
        "preconditions": [f"{name} is known" for name in names],
        "failure_modes": ["products and quotients are not taken before sums"],
        "code": code,
        "bindings": [
            {"name": name, "value": number} for name, number in zip(names, numbers, strict=True)
        ],
        "result": result,
        "tool": "",
    }


def _exact(name: str) -> str:
    return f"Fraction({name})"


def _carried_out(numbers: list[str], signs: list[str]) -> Fraction | None:
    """Products and quotients first, then sums, each from the left; None where 0 divides."""
    total, term, add = Fraction(0), Fraction(numbers[0]), 1
    for sign, number in zip(signs, map(Fraction, numbers[1:]), strict=True):
        if sign == "*":
            term *= number
        elif sign == "/":
            if not number:
                return None
            term /= number
        else:
            total, term, add = total + add * term, number, 1 if sign == "+" else -1
    return total + add * term


__all__ = ["invented", "tidied"]
