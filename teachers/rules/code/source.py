"""A piece of code in a trace: its syntax tree, where each part stands, what it gives when run."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tracemine.schemas.syntax import MAX_DEPTH, depth
from tracemine.teachers.rules.language.quotes import is_quotable
from tracemine.verifiers.equivalence import verify
from tracemine.verifiers.sandbox import DEFAULT_LIMITS, Limits, Run, Sandbox

#: Longer code is no routine, in characters.
MAX_CODE_CHARS = 30_000

_LINE_END = re.compile(r"\r\n|\r|\n")


DOES_NOT_PARSE = "code does not parse"
TOO_LONG = "code is longer than any routine"
TOO_DEEP = "code nests too deeply"
#: Of code that was read.
NO_RESULT = "does not reproduce its own result"
NOT_PLAIN = "values are not plain"


class NotCodeError(ValueError):
    """Text that is not Python, or more of it than a routine has: one of the reasons above."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Source:
    """Code at ``trace[start:end]``. Offsets count characters of the trace."""

    trace: str
    start: int
    end: int
    tree: ast.Module
    lines: tuple[int, ...]
    comments: Mapping[int, str]
    #: Functions that were written for it, by id of their node: the text, and where they stand for.
    added: Mapping[int, tuple[str, ast.stmt]] = field(default_factory=dict)

    def with_functions(self, added: Sequence[tuple[ast.FunctionDef, ast.stmt]]) -> Source:
        """This code with functions at its end that stand for pieces of it; the tree is a new one,
        of the same statements."""
        if not added:
            return self
        body = [*self.tree.body, *(function for function, _ in added)]
        texts = {id(f): (ast.unparse(f), place) for f, place in added}
        return replace(
            self, tree=ast.Module(body, self.tree.type_ignores), added={**self.added, **texts}
        )

    def offset(self, line: int, column: int) -> int:
        """The offset in the trace of a place that the syntax tree names: lines from 1, columns in
        bytes of UTF-8."""
        begin = self.lines[line - 1]
        finish = self.lines[line] if line < len(self.lines) else self.end
        text = self.trace[begin:finish]
        if text.isascii():
            return begin + column
        return begin + len(text.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "ignore"))

    def span(self, node: ast.stmt) -> tuple[int, int]:
        """Where a statement stands, its decorators with it."""
        if id(node) in self.added:
            return self.span(self.added[id(node)][1])
        start = self.offset(node.lineno, node.col_offset)
        for decorator in getattr(node, "decorator_list", [])[:1]:
            # Space or brackets may stand between the sign and what the tree names.
            first = self.offset(decorator.lineno, decorator.col_offset)
            sign = self.trace.rfind("@", self.start, first)
            start = first if sign < 0 else sign
        return start, self.offset(node.end_lineno or 1, node.end_col_offset or 0)

    def text(self, node: ast.stmt) -> str:
        """A statement as written, with line feeds alone at the ends of lines."""
        if id(node) in self.added:
            return self.added[id(node)][0]
        start, end = self.span(node)
        return _LINE_END.sub("\n", self.trace[start:end])

    def module_text(self, places: Iterable[int]) -> str:
        """The module's statements at ``places``, as written."""
        return "\n".join(self.text(self.tree.body[i]).rstrip() for i in places) + "\n"

    def is_comment(self, line: int) -> bool:
        """Whether a line, counted from 1, has a comment and nothing else."""
        if line not in self.comments:
            return False
        begin = self.lines[line - 1]
        finish = self.lines[line] if line < len(self.lines) else self.end
        return self.trace[begin:finish].lstrip().startswith("#")

    def widen(self, start: int, end: int) -> tuple[int, int]:
        """The least whole lines around a place whose text is long enough for a quote."""
        if is_quotable(self.trace[start:end]):
            return start, end
        starts = [s for s in self.lines if s <= start]
        stop = min((s for s in self.lines if s >= end), default=self.end)
        end = start + len(self.trace[start:stop].rstrip())
        while starts and not is_quotable(self.trace[start:end]):
            start = starts.pop()
        while start < end and self.trace[start].isspace():
            start += 1
        return start, end


def parse_source(trace: str, start: int, end: int, *, text: str = "") -> Source:
    """The code at ``trace[start:end]``. ``text``, if given, is read in its place: as long, with
    the same ends of lines.

    Raises:
        NotCodeError: if it does not parse, is longer than `MAX_CODE_CHARS`, or nests deeper than
            `MAX_DEPTH`.
    """
    text = text or trace[start:end]
    if len(text) > MAX_CODE_CHARS:
        raise NotCodeError(TOO_LONG, f"{len(text)} characters")
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise NotCodeError(DOES_NOT_PARSE, str(error)) from error
    except (RecursionError, MemoryError) as error:  # which of them depends on the caller's stack
        raise NotCodeError(TOO_DEEP) from error
    if depth(tree) > MAX_DEPTH:
        raise NotCodeError(TOO_DEEP)
    lines = (start, *(start + m.end() for m in _LINE_END.finditer(text)))
    return Source(trace, start, end, tree, lines, _comments(text))


def _comments(text: str) -> dict[int, str]:
    """Line -> its comment."""
    found: dict[int, str] = {}
    lines = io.StringIO(text, newline=None)  # All ends of lines, as the parser has it.
    try:
        for token in tokenize.generate_tokens(lines.readline):
            if token.type == tokenize.COMMENT:
                found[token.start[0]] = token.string
    except (tokenize.TokenError, SyntaxError):
        # What the parser accepts the tokenizer may not (a missing last line end): comments only
        # give words, so those found so far will do.
        return found
    return found


def run_again(
    sandbox: Sandbox,
    code: str,
    entry_point: str,
    bindings: Mapping[str, Any],
    expected: Any,
    *,
    limits: Limits = DEFAULT_LIMITS,
) -> Run:
    """One call: in monty and, unless that gave the expected value, in CPython, whose word is
    final (monty orders sets in its own way, and lacks some of the library)."""
    (run,) = sandbox.run_many(code, entry_point, [bindings], backend="monty", limits=limits)
    if run.status == "refused":
        return run
    if run.status == "ok" and verify(expected, run.value).outcome == "agree":
        return run
    (run,) = sandbox.run_many(code, entry_point, [bindings], backend="cpython", limits=limits)
    return run
