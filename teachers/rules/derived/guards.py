"""Preconditions that a routine's author wrote: assertions, guards that raise, words about inputs.

The words of docstrings and comments are words alone, for nothing says that they are true.
"""

from __future__ import annotations

import ast
import builtins
import io
import re
import tokenize
from collections.abc import Iterable, Iterator

from tracemine.teachers.rules.derived.facts import Facts
from tracemine.teachers.rules.derived.functions import docstring_of
from tracemine.teachers.rules.language.numerals import find_numerals

#: Conditions from words that one routine is given.
MAX_STATED = 4
#: Longest condition from words, in characters.
MAX_WORDS = 160
#: A longer line says nothing that a condition could be, in characters; patterns are not run on it.
MAX_LINE = 500
#: Numbers up to this one belong to a condition ("at least 1"); a larger one is an instance's.
LARGEST_NUMBER = 2

_NEGATED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE,
    ast.LtE: ast.Gt, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
#: Builtins that a guard may use.
_BUILTINS = frozenset(dir(builtins))

_CONDITION = re.compile(
    r"\b(?:assum(?:e[sd]?|ing|ption)|(?:must|should|has to|have to|needs? to)\s+(?:not\s+)?(?:be|"
    r"have|contain)|(?:is|are) (?:guaranteed|expected|required)|only works? (?:for|if|when|on)"
    r"|precondition|provided that|requires?\b.{0,40}\bto be)\b",
    re.IGNORECASE,
)
_PROPERTY = re.compile(
    r"\b(?:sorted|positive|non-?negative|non-?zero|non-?empty|distinct|unique|square|even|odd"
    r"|symmetric|invertible|in (?:ascending|descending|increasing|decreasing) order)\b",
    re.IGNORECASE,
)
#: ``n (int): a positive integer`` and ``:param n: a positive integer``
_ARGUMENT = re.compile(r"^\s*(?::param\s+)?(\w+)\s*(?:\([^()]*\))?\s*[:\u2013-]\s+(\S.*)$")
_SENTENCE = re.compile(r"(?<=[a-z)\]])[.;!](?:\s+|$)")
_LEAD = re.compile(r"^(?:note(?: that)?|precondition|assumption|here)\s*[:,]?\s+", re.IGNORECASE)
_RETURNS = re.compile(r"^\s*(?:returns?|yields?|raises?|examples?|>>>)\b", re.IGNORECASE)


def guards_of(facts: Facts) -> Iterator[ast.expr]:
    """What the function asserts of its parameters, or raises without, before it does anything else
    that could end it. A parameter is none any more once it was given another value, or handed to
    something that may change it."""
    if not facts.runs_as_written:
        return
    free = set(facts.parameters)
    for statement in facts.function.body:
        if isinstance(statement, ast.Assert):
            conditions = _conjuncts(statement.test)
        elif isinstance(statement, ast.If) and _only_raises(statement):
            conditions = _conjuncts(negated(statement.test))
        elif any(isinstance(n, (ast.Return, ast.Raise, ast.Try)) for n in ast.walk(statement)):
            return
        else:
            free -= facts.lost(statement)
            continue
        free -= {name for condition in conditions for name in facts.lost_within(condition)}
        for condition in conditions:
            names = {n.id for n in ast.walk(condition) if isinstance(n, ast.Name)}
            if names & free and names <= free | _BUILTINS:
                yield condition


def _only_raises(statement: ast.If) -> bool:
    return (
        not statement.orelse
        and len(statement.body) == 1
        and (isinstance(statement.body[0], ast.Raise))
    )


def _conjuncts(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        return [part for value in node.values for part in _conjuncts(value)]
    return [node]


def negated(node: ast.expr) -> ast.expr:
    """What holds where ``node`` does not. A comparison with NaN is neither, which no instance has:
    its values are compared with results."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return node.operand
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return ast.Compare(node.left, [_NEGATED[type(node.ops[0])]()], node.comparators)
    if isinstance(node, ast.BoolOp):
        other = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
        return ast.BoolOp(other, [negated(value) for value in node.values])
    return ast.UnaryOp(ast.Not(), node)


# --- words ------------------------------------------------------------------------------------


def stated_conditions(function: ast.FunctionDef, code: str, parameters: Iterable[str]) -> list[str]:
    """What the docstring of ``function`` and the comments of ``code`` say of its inputs."""
    names = list(parameters)
    lines = [*docstring_of(function).splitlines(), "", *comments_of(code)]
    return conditions_in_words(lines, names)


def conditions_in_words(lines: Iterable[str], parameters: Iterable[str]) -> list[str]:
    """The sentences of ``lines`` that ask something of inputs, without those that carry the numbers
    of an instance."""
    names = set(parameters)
    found: dict[str, None] = {}
    for line in lines:
        if len(line) > MAX_LINE:
            continue
        argument = _ARGUMENT.match(line)
        if argument is not None and argument.group(1) in names:
            said = _SENTENCE.split(argument.group(2))[0].strip(" .")
            if _PROPERTY.search(said) or _CONDITION.search(said):
                article = re.match(r"(?:an?|the|must|should|is|are|has|have)\b", said, re.I)
                found[f"{argument.group(1)} is {said}" if article and said[0] in "aA" else
                      f"{argument.group(1)}: {said}"] = None  # fmt: skip
            continue
        if _RETURNS.match(line):
            continue
        for sentence in _SENTENCE.split(line):
            said = _LEAD.sub("", " ".join(sentence.strip(" #*-.\t").split()))
            if _CONDITION.search(said):
                found[said] = None
    kept = [text for text in found if _is_general(text)]
    return kept[:MAX_STATED]


def _is_general(text: str) -> bool:
    if not 8 <= len(text) <= MAX_WORDS:
        return False
    return all(abs(numeral.value) <= LARGEST_NUMBER for numeral in find_numerals(text))


def comments_of(code: str) -> list[str]:
    """The comments of ``code``, in order, without their signs."""
    found: list[str] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type == tokenize.COMMENT:
                found.append(token.string.lstrip("# "))
    except (tokenize.TokenError, SyntaxError):
        return found  # What the parser accepts the tokenizer may not; the rest is only words.
    return found
