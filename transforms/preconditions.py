"""What the variants of one procedure need and how they fail, in the names of its first variant.

A precondition of the procedure is one that every variant has or implies. What only some variants
need stays with them. Ways to fail are united.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction

_WORD = re.compile(r"(?<!['\u2019])\b[^\W\d]\w*")

#: The sentences that `teachers.rules.derived` writes of terms (Python over the parameters), which
#: are the groups; the rest of each is words, whatever parameters are called.
_SENTENCES = tuple(
    re.compile(sentence, re.DOTALL)
    for sentence in (
        r"(.+?) is (?:no|an) instance of .+",
        r"(.+) is (?:not empty|empty or zero|neither empty nor zero)",
        r"(.+) is (?:not zero|not negative|greater than zero)",
        r"(.+) is (?:given|true or false|None)",
        r"(.+) has at least \d+ items",
        r"seen with (\w+) from .+",
        r"division by zero when (.+) is zero",
        r"undefined when (.+) is out of the domain of [\w.]+",
        r"a key that (\w+) lacks",
        r"empty input: (\w+) has no first item",
        r"an index beyond the end of (\w+)",
        r"empty (\w+): check that the result for nothing is the wanted one",
        r"changes (?:the members of )?(\w+) in place",
    )
)
#: Before a test in words, and what stands between the terms of one.
_BEFORE_A_TEST = "does not end if this stays so: "
_BETWEEN_TERMS = re.compile(
    r"( equals | is less than | is at most | is greater than | is at least | is not in | is in "
    r"| is not | is | and | or | is true(?!\w)| is false(?!\w))"
)
#: The brackets of tests within tests, which terms have none of on one side only.
_OPENING, _CLOSING = re.compile(r"(?:not \(|\()+"), re.compile(r"\)+$")
#: What is said of the name before it.
_SAID_OF = re.compile(r"([^\W\d]\w*)(?=:| (?:is|are|has|have|must|should|may|cannot)\b)")
#: Names that are words, too.
_LETTERS = ("a", "A", "I", "i")

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
    """``predicate`` (Python) with other names for its parameters, written in one way; as it is
    where all of them stay. Names that it binds itself change where they would be taken for those.
    None where it is no expression, or assigns to a parameter's name."""
    try:
        tree, again = (ast.parse(predicate.strip(), mode="eval") for _ in range(2))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    seen = _Renaming({}, set())
    seen.visit(again)
    if all(names.get(name, name) == name for name in seen.free):
        return predicate
    assigned = {n.target.id for n in ast.walk(tree) if isinstance(n, ast.NamedExpr)}
    if assigned & {*names.values(), *names}:
        return None
    taken = {names.get(name, name) for name in seen.free}
    return ast.unparse(_Renaming(names, taken).visit(tree))


class _Renaming(ast.NodeTransformer):
    """Gives free names those of ``names``, and bound ones others than ``taken``."""

    def __init__(self, names: Mapping[str, str], taken: Set[str]) -> None:
        self.names = names
        self.taken = taken
        self.bound: dict[str, str] = {}
        self.free: set[str] = set()

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self.bound:
            return ast.Name(self.bound[node.id], node.ctx)
        self.free.add(node.id)
        return ast.Name(self.names.get(node.id, node.id), node.ctx)

    def _other(self, name: str) -> str:
        while name in self.taken:
            name += "_"
        return name

    def _within(self, bound: Iterable[str], node: ast.AST) -> ast.AST:
        outer = self.bound
        self.bound = outer | {name: self._other(name) for name in bound}
        found = self.generic_visit(node)
        self.bound = outer
        return found

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        defaults = [self.visit(default) for default in node.args.defaults]
        keyword_defaults = [d and self.visit(d) for d in node.args.kw_defaults]
        node.args.defaults, node.args.kw_defaults = [], []
        self._within([n.arg for n in ast.walk(node.args) if isinstance(n, ast.arg)], node)
        node.args.defaults, node.args.kw_defaults = defaults, keyword_defaults
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = self.bound[node.arg]
        return node

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
    ) -> ast.AST:
        first = node.generators[0]
        outermost = self.visit(first.iter)  # the only part that is outside
        first.iter = ast.Constant(None)
        targets = [n for generator in node.generators for n in ast.walk(generator.target)]
        self._within([n.id for n in targets if isinstance(n, ast.Name) and _is_stored(n)], node)
        first.iter = outermost
        return node

    # The names are those that `ast.NodeTransformer` looks for.
    visit_ListComp = visit_SetComp = _comprehension  # noqa: N815
    visit_DictComp = visit_GeneratorExp = _comprehension  # noqa: N815


def _is_stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def in_words(sentence: str, names: Mapping[str, str]) -> str:
    """``sentence`` with other names for its parameters: in the terms of a sentence that the rules
    write, whose words stay whatever a parameter is called. Of another sentence the name that it
    begins with, and those that are no words (``unit_price``, ``x2``, ``n``); the rest stays, since
    "the total" may be a parameter or not."""
    for form in _SENTENCES:
        found = form.fullmatch(sentence)
        term = renamed(found[1], names) if found is not None else None
        if found is not None and term is not None:
            return sentence[: found.start(1)] + term + sentence[found.end(1) :]
    start = len(_BEFORE_A_TEST) if sentence.startswith(_BEFORE_A_TEST) else 0
    test = _test(sentence[start:], names)
    if test is not None:
        return sentence[:start] + test
    said = _SAID_OF.match(sentence)
    if said is None:
        return _certain_names(sentence, names)
    return names.get(said[1], said[1]) + _certain_names(sentence[said.end() :], names)


def _test(sentence: str, names: Mapping[str, str]) -> str | None:
    """A test in words with other names in its terms; None where it is none."""
    parts = _BETWEEN_TERMS.split(sentence)
    if len(parts) < 2:
        return None
    for place in range(0, len(parts), 2):
        text = parts[place]
        if not text and place and parts[place - 1] in (" is true", " is false"):
            continue
        opening = closing = ""
        if text.count("(") > text.count(")") and (found := _OPENING.match(text)):
            opening, text = found[0], text[found.end() :]
        elif text.count(")") > text.count("(") and (found := _CLOSING.search(text)):
            text, closing = text[: found.start()], found[0]
        term = renamed(text, names) if text.strip("()") else text
        if term is None:
            return None
        parts[place] = opening + term + closing
    return "".join(parts)


def _certain_names(text: str, names: Mapping[str, str]) -> str:
    def other(match: re.Match[str]) -> str:
        word = match[0]
        is_word = word in _LETTERS or (len(word) > 1 and word.isalpha())
        return word if is_word else names.get(word, word)

    return _WORD.sub(other, text)


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
        case ast.Constant(int() | float() as value) if not isinstance(value, bool):
            return Fraction(value) if math.isfinite(value) else None
    return None


__all__ = ["Needs", "implies", "in_words", "renamed", "united"]
