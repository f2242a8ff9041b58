"""Whether a text shows a test: what the problem or the trace tells is no held-out instance."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Any

#: Numbers with their sign, words, and the marks that stand between a call and its result; other
#: marks, quotation and spacing do not matter.
_TOKEN = re.compile(
    r"(?<!\w)-?\d+(?:_\d+)*(?:\.\d+)?|(?<![\w.])-?\.\d+|\w+"
    r"|(?P<mark>(?<![<>!=])={1,3}>?|-{1,3}>|[→➞⇒])"
)
#: The one token for every mark that says "gives".
_GIVES = "=>"
#: As other languages write them.
_WRITTEN_AS = {"true": "True", "false": "False", "null": "None"}

#: A result is told with its arguments if at most this many tokens stand between them: "for 6 it
#: gives 8", ``f(6) == 8``, ``{6: 8}``.
GAP = 4
#: The same where what stands between says that it is the result: "then the answer should be 8".
GAP_IN_WORDS = 6
#: Most tokens between two arguments, none of them a number: ``nums = [1, 2], k = 2``, "12 and 18".
GAP_OF_ARGUMENTS = 4
#: Most tokens from a word that announces a result to the result: "the output is 3".
GAP_OF_RESULT = 2
#: The same in characters without white space, for arguments that consist of marks alone:
#: ``"(())" gives True``.
GAP_CHARACTERS = 20
#: Longest call that is read in a text, in characters.
MAX_CALL = 2_000
#: How often a text is read for the calls in it, on the average of its characters.
READINGS = 8

_ANNOUNCING = re.compile(
    r"(?:answer|be|become|equal|get|give|is|make|output|produce|result|return|yield)(?:e?s|ed)?",
    re.IGNORECASE,
)
_CONDITIONAL = frozenset({"for", "from", "given", "input", "inputs", "on", "when"})
#: What else stands between a result and what it is the result of; not ``i in range`` of a loop.
_FILLING = frozenset(
    {
        "a", "an", "and", "are", "argument", "arguments", "array", "is", "list", "number",
        "numbers", "of", "string", "the", "to", "tuple", "value", "values", "we", "with", _GIVES,
    }
)  # fmt: skip

_SPACE = re.compile(r"\s+")
_SPACE_BESIDE_MARK = re.compile(r" (?!\w)|(?<!\w) ")
_QUOTES = str.maketrans({'"': "'", "`": "'", "\\": None, **dict.fromkeys("‘’“”", "'")})
#: Typesetters' signs for what Python writes in ASCII.
_ASCII = str.maketrans({**dict.fromkeys("‘’", "'"), **dict.fromkeys("“”", '"'), "−": "-"})
_BRACES = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Told:
    """What a text tells: ``tokens`` are its numbers and words in order, ``marked`` the same with
    the marks that mean "gives"; ``squeezed`` is all of it, see `squeezed`."""

    text: str
    squeezed: str
    tokens: tuple[str, ...]
    marked: tuple[str, ...]

    @classmethod
    def by(cls, text: str) -> Told:
        text = text.translate(_ASCII)
        marked = _tokens(_BRACES.sub(_in_order, text))
        plain = tuple(token for token in marked if token != _GIVES)
        return cls(text, squeezed(text), plain, tuple(marked))


def squeezed(text: str) -> str:
    """``text`` with one style of quotes, and white space only between two words."""
    return _SPACE_BESIDE_MARK.sub("", _SPACE.sub(" ", text)).translate(_QUOTES)


def is_shown(
    told: Told,
    name: str,
    arguments: Iterable[tuple[str, Any]],
    result: Any,
    *,
    written: str = "",
) -> bool:
    """Whether a text shows the call of ``name`` with ``arguments`` (names and values, in the order
    of the parameters), or the values of the arguments and near them the ``result``. ``written`` is
    the call as the test itself writes it. Takes time in proportion to the text and the values."""
    pairs = list(arguments)
    values = ", ".join(repr(value) for _, value in pairs)
    named = ", ".join(f"{key}={value!r}" for key, value in pairs)
    calls = (f"{name}({values})", f"{name}({named})", written)
    if any(_calls(told.squeezed, squeezed(call)) for call in calls if call):
        return True
    if any(_binds(call, pairs) for call in _calls_in(told.text, name)):
        return True
    each = [_tokens_of(value) for _, value in pairs]
    given = [token for tokens in each for token in tokens]
    if not given:
        return _is_told_in_marks(told.squeezed, pairs, result)
    by_name = [token for (key, _), tokens in zip(pairs, each, strict=True) for token in
               (key, *tokens)]  # fmt: skip
    if any(_ends(told.tokens, [name, *tokens]) for tokens in (given, by_name)):
        return True
    wanted = _tokens_of(result)
    if not wanted or not {*given, *wanted} <= set(told.tokens):
        return False
    ends = set(_ends(told.tokens, given))
    starts = (end - len(wanted) for end in _ends(told.tokens, wanted))
    if any(not ends.isdisjoint(range(start - GAP, start + 1)) for start in starts):
        return True
    names = {key for key, _ in pairs}
    return _is_told_in_words(told.marked, [tokens for tokens in each if tokens], wanted, names)


def _is_told_in_words(
    text: Sequence[str],
    arguments: Sequence[Sequence[str]],
    wanted: Sequence[str],
    names: Set[str],
) -> bool:
    """Whether ``text`` has the arguments one soon after the other, and then words or a mark that
    announce the result and the result; or a result so announced, and for which arguments it is."""
    chains = _chains(text, arguments)
    firsts = set(chains.values())
    for end in _ends(text, wanted):
        start = end - len(wanted)
        for last in range(start, max(start - GAP_IN_WORDS, 0) - 1, -1):
            between = text[last:start]
            if last in chains and (between[:1] == (_GIVES,) or _announces(between)):
                return True
        before = text[max(start - 1 - GAP_OF_RESULT, 0) : start]
        if _GIVES in before or not _announces(before):
            continue  # ``result = 3`` is how a program begins
        for first in range(end + 1, end + GAP_IN_WORDS + 1):
            if first in firsts and _links(text[end:first], names):
                return True
    return False


def _links(tokens: Sequence[str], names: Set[str]) -> bool:
    """Whether a result and what it is the result of are one phrase: "for the list", "when n is"."""
    lowered = [token.lower() for token in tokens]
    return not _CONDITIONAL.isdisjoint(lowered) and all(
        low in _CONDITIONAL or low in _FILLING or token in names
        for low, token in zip(lowered, tokens, strict=True)
    )


def _announces(tokens: Sequence[str]) -> bool:
    return any(_ANNOUNCING.fullmatch(token) for token in tokens)


def _chains(text: Sequence[str], arguments: Sequence[Sequence[str]]) -> dict[int, int]:
    """End -> start of the places in ``text`` that have all ``arguments`` in order, with a few words
    between one and the next."""
    chains = {end: end - len(arguments[0]) for end in _ends(text, arguments[0])}
    for tokens in arguments[1:]:
        longer = {}
        for end in _ends(text, tokens):
            start = end - len(tokens)
            for last in range(start, max(start - GAP_OF_ARGUMENTS, 0) - 1, -1):
                if last in chains:
                    longer[end] = chains[last]
                    break
                if last and _is_no_link(text[last - 1]):
                    break
        chains = longer
    return chains


def _is_no_link(token: str) -> bool:
    """Whether what stands before and after ``token`` are not two arguments of one call, as in "12
    gives 3"."""
    is_filling = token.lower() in _FILLING
    return token[-1].isdigit() or (_ANNOUNCING.fullmatch(token) is not None and not is_filling)


def _ends(text: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """The places in ``text`` where ``wanted`` ends, overlapping ones too (Knuth, Morris, Pratt)."""
    borders = [0] * len(wanted)
    found: list[int] = []
    matched = 0
    for index in range(1, len(wanted)):
        while matched and wanted[index] != wanted[matched]:
            matched = borders[matched - 1]
        matched += wanted[index] == wanted[matched]
        borders[index] = matched
    matched = 0
    for index, token in enumerate(text):
        while matched and (matched == len(wanted) or token != wanted[matched]):
            matched = borders[matched - 1]
        matched += token == wanted[matched]
        if matched == len(wanted):
            found.append(index + 1)
    return found


def _tokens_of(value: Any) -> list[str]:
    return [token for token in _tokens(_ordered(value)) if token != _GIVES]


def _tokens(text: str) -> list[str]:
    return [_GIVES if m["mark"] else _as_written(m[0]) for m in _TOKEN.finditer(text)]


def _as_written(token: str) -> str:
    """A token in the one way of writing it: ``1_000`` and ``1000.0`` as ``1000``, ``.5`` as
    ``0.5``."""
    if not token.lstrip("-.")[:1].isdigit():
        return _WRITTEN_AS.get(token, token)
    whole, _, part = token.lstrip("-").replace("_", "").partition(".")
    part = part.rstrip("0")
    sign = "-" if token.startswith("-") else ""
    return f"{sign}{whole.lstrip('0') or '0'}{'.' if part else ''}{part}"


def _in_order(match: re.Match[str]) -> str:
    """A set or dict in a text with its members in order; anything else in braces as it is."""
    if len(match[0]) > MAX_CALL:
        return match[0]
    value = _literal(match[0])
    return _ordered(value) if isinstance(value, (set, dict)) else match[0]


def _ordered(value: Any) -> str:
    """``repr`` with the members of sets and dicts in one order."""
    if isinstance(value, dict):
        pairs = sorted(f"{_ordered(k)}: {_ordered(v)}" for k, v in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, (list, tuple, set, frozenset)):
        members = [_ordered(member) for member in value]
        ordered = members if isinstance(value, (list, tuple)) else sorted(members)
        return f"[{', '.join(ordered)}]"
    return repr(value)


def _calls(text: str, call: str) -> bool:
    """Whether ``call`` stands in ``text``, and not as the end of a longer name."""
    return re.search(rf"(?<!\w){re.escape(call)}", text) is not None


def _calls_in(text: str, name: str) -> Iterator[ast.Call]:
    """The calls of ``name`` that are written in ``text``; those inside one another as long as
    reading them takes time in proportion to the text."""
    budget = MAX_CALL + READINGS * len(text)
    for match in re.finditer(rf"(?<!\w){re.escape(name)}\s{{0,3}}\(", text):
        source = _to_its_bracket(text[match.start() : match.start() + MAX_CALL])
        budget -= len(source) or MAX_CALL
        if budget < 0:
            return
        call = _expression(source)
        if isinstance(call, ast.Call):
            yield call


def _to_its_bracket(text: str) -> str:
    """``text`` up to the bracket that closes the first one, without those in quotes; empty where
    there is none."""
    depth, quote, is_escaped = 0, "", False
    for index, sign in enumerate(text):
        if is_escaped:
            is_escaped = False
        elif quote:
            is_escaped = sign == "\\"
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        elif sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
            if depth == 0:
                return text[: index + 1]
    return ""


def _binds(call: ast.Call, pairs: Sequence[tuple[str, Any]]) -> bool:
    """Whether a call gives each of ``pairs`` its value, by place or by name, and no more."""
    if len(call.args) + len(call.keywords) != len(pairs):
        return False
    names = [key for key, _ in pairs]
    given = dict(zip(names, call.args, strict=False))
    given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    return all(key in given and _is_value(given[key], value) for key, value in pairs)


#: What stands for a value that cannot be read.
_NOTHING = object()


def _is_value(node: ast.expr, value: Any) -> bool:
    """Whether ``node`` writes ``value``: 1 and 1.0 are one number, a list and a tuple one row."""
    read = _literal(node)
    return read is not _NOTHING and bool(_as_rows(read) == _as_rows(value))


def _as_rows(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_as_rows(member) for member in value]
    if isinstance(value, dict):
        return {key: _as_rows(member) for key, member in value.items()}
    return value


def _literal(source: str | ast.expr) -> Any:
    try:
        return ast.literal_eval(source)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _NOTHING


def _expression(source: str) -> ast.expr | None:
    try:
        return ast.parse(source, mode="eval").body
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _is_told_in_marks(text: str, pairs: Sequence[tuple[str, Any]], result: Any) -> bool:
    """Whether arguments without a word or a number (brackets, dashes) stand in ``text`` with the
    result soon after them. Nothing but empty values stands in nearly every text."""
    if not any(isinstance(value, str) and value.strip() for _, value in pairs):
        return False
    values = squeezed(", ".join(repr(value) for _, value in pairs))
    wanted = squeezed(repr(result))
    found = re.finditer(re.escape(values), text)
    return any(wanted in text[m.end() : m.end() + GAP_CHARACTERS + len(wanted)] for m in found)
