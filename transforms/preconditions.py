"""What the variants of one procedure need and how they fail, in the names of its first variant.

A precondition of the procedure is one that every variant has or implies. What only some variants
need stays with them. Ways to fail are united.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

_WORD = re.compile(r"[^\W\d]\w*")

#: The one name of a parameter that is an article, too; where one of these follows, it is the name.
_ARTICLE = "a"
_AFTER_A_NAME = re.compile(r"\s+(is|are|and|or|to|from|has|by)\b|\W*$|\s*[^\w\s]")

#: What of one thing, in words, says another.
_WEAKER_WORDS = {"is an integer": "is a number"}

_FLIPPED: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE, ast.Eq: ast.Eq,
    ast.NotEq: ast.NotEq,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Needs:
    """What one variant needs (in words, and as predicates over its parameters) and how it fails.
    ``names``: its parameter -> that of the first variant, every parameter once."""

    preconditions: tuple[str, ...]
    predicates: tuple[str, ...]
    failure_modes: tuple[str, ...]
    names: Mapping[str, str]


def united(variants: Sequence[Needs]) -> Needs:
    """What a procedure of ``variants`` needs and how it fails, in the first one's names: those
    preconditions that each of them has or implies, none of which implies another, and every way to
    fail once."""
    names = {name: name for name in variants[0].names}
    if len(variants) == 1:
        only = variants[0]
        return Needs(only.preconditions, only.predicates, only.failure_modes, names)
    predicates = [
        [found for p in variant.predicates if (found := renamed(p, variant.names)) is not None]
        for variant in variants
    ]
    words = [[in_words(w, v.names) for w in v.preconditions] for v in variants]
    failures = [in_words(f, v.names) for v in variants for f in v.failure_modes]
    return Needs(
        _shared_words(words),
        _weakest([p for p in _each(predicates) if all(implies(own, p) for own in predicates)]),
        tuple(dict.fromkeys(failures)),
        names,
    )


def renamed(predicate: str, names: Mapping[str, str]) -> str | None:
    """``predicate`` (Python) with other names for its parameters, written in one way; None where it
    is no expression, or binds a name that the new ones would be taken for."""
    try:
        tree = ast.parse(predicate.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    bound = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and _is_stored(n)}
    bound |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    if bound & {*names.values(), *names}:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
    return ast.unparse(tree)


def _is_stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def in_words(sentence: str, names: Mapping[str, str]) -> str:
    """``sentence`` with other names for the parameters that it names."""

    def other(match: re.Match[str]) -> str:
        word = match[0]
        if word == _ARTICLE and not _AFTER_A_NAME.match(sentence, match.end()):
            return word
        return names.get(word, word)

    return _WORD.sub(other, sentence)


def _shared_words(words: Sequence[Sequence[str]]) -> tuple[str, ...]:
    said = [{*own, *(weaker for w in own for weaker in _weaker(w))} for own in words]
    shared = [w for w in _each(words) if all(w in own for own in said)]
    implied = {weaker for w in shared for weaker in _weaker(w)}
    return tuple(w for w in shared if w not in implied)


def _weaker(sentence: str) -> list[str]:
    return [
        sentence.removesuffix(strong) + weak
        for strong, weak in _WEAKER_WORDS.items()
        if sentence.endswith(strong)
    ]


def _each(lists: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(item for items in lists for item in items))


def _weakest(predicates: Sequence[str]) -> tuple[str, ...]:
    """``predicates`` without those that others of them imply; of two that imply each other the
    first stays."""
    kept = list(predicates)
    for predicate in reversed(predicates):
        others = [p for p in kept if p != predicate]
        if implies(others, predicate):
            kept = others
    return tuple(kept)


# -- implication -----------------------------------------------------------------------------------


def implies(known: Iterable[str], predicate: str) -> bool:
    """Whether ``predicate`` holds wherever all of ``known`` do, as far as their text shows: it is
    among them, or follows from comparisons of one term with numbers, or from being an integer.
    Only a yes is certain."""
    facts = [fact for text in known for fact in _facts(text)]
    wanted = _facts(predicate)
    return bool(wanted) and all(_follows(facts, fact) for fact in wanted)


def _facts(predicate: str) -> list[ast.expr]:
    """The parts of a conjunction; a chain of comparisons is one, too."""
    try:
        tree = ast.parse(predicate.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found: list[ast.expr] = []
    rest = [tree]
    while rest:
        node = rest.pop(0)
        match node:
            case ast.BoolOp(ast.And(), values):
                rest = [*values, *rest]
            case ast.Compare(left, operators, right) if len(operators) > 1:
                terms = [left, *right]
                pairs = zip(terms, operators, terms[1:], strict=False)
                found += [ast.Compare(a, [operator], [b]) for a, operator, b in pairs]
            case _:
                found.append(node)
    return found


def _follows(facts: Sequence[ast.expr], wanted: ast.expr) -> bool:
    texts = {ast.unparse(fact) for fact in facts}
    if ast.unparse(wanted) in texts:
        return True
    match wanted:
        case ast.Compare(
            ast.Attribute(ast.Call(ast.Name("type"), [of], []), "__name__"),
            [ast.In()],
            [ast.Tuple(names)],
        ):
            term = ast.unparse(of)
            integer = {f"isinstance({term}, int)", f"not isinstance({term}, bool)"} <= texts
            return integer and any(isinstance(n, ast.Constant) and n.value == "int" for n in names)
    asked = _comparison(wanted)
    if asked is None:
        return False
    term, operator, bound = asked
    low, high = _Limit(-math.inf, True), _Limit(math.inf, True)
    for fact in facts:
        known = _comparison(fact)
        if known is None or known[0] != term:
            continue
        _, relation, value = known
        if relation in (ast.Gt, ast.GtE, ast.Eq):
            low = max(low, _Limit(value, relation is ast.Gt), key=lambda at: (at.value, at.open))
        if relation in (ast.Lt, ast.LtE, ast.Eq):
            high = min(high, _Limit(value, relation is ast.Lt), key=lambda at: (at.value, -at.open))
    above = low.value > bound or (low.value == bound and low.open)
    below = high.value < bound or (high.value == bound and high.open)
    return bool(
        (operator is ast.Gt and above)
        or (operator is ast.GtE and (above or low.value == bound))
        or (operator is ast.Lt and below)
        or (operator is ast.LtE and (below or high.value == bound))
        or (operator is ast.NotEq and (above or below))
    )


@dataclass(frozen=True, slots=True)
class _Limit:
    """The end of an interval; ``open``: it does not belong to it."""

    value: Fraction | float
    open: bool


def _comparison(node: ast.expr) -> tuple[str, type[ast.cmpop], Fraction] | None:
    """``term < number`` as the term's text, the relation and the number, whichever side it is on;
    None for anything else."""
    match node:
        case ast.Compare(left, [operator], [right]) if type(operator) in _FLIPPED:
            value, other = _number(right), _number(left)
            if value is not None and other is None:
                return ast.unparse(left), type(operator), value
            if other is not None and value is None:
                return ast.unparse(right), _FLIPPED[type(operator)], other
    return None


def _number(node: ast.expr) -> Fraction | None:
    match node:
        case ast.UnaryOp(ast.USub(), operand):
            inner = _number(operand)
            return None if inner is None else -inner
        case ast.Constant(value) if type(value) in (int, float) and math.isfinite(value):  # type: ignore[arg-type]
            return Fraction(value)  # type: ignore[arg-type]
    return None


__all__ = ["Needs", "implies", "in_words", "renamed", "united"]
