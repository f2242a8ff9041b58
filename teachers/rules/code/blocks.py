"""Which code blocks of a trace are one program: a later one may go on with names of an earlier."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from tracemine.teachers.rules.code.source import Source
from tracemine.teachers.rules.derived.functions import BUILTINS
from tracemine.teachers.rules.derived.slices import needed_from_outside, writes_of


def joined_blocks(sources: Sequence[Source]) -> list[list[int]]:
    """The places of ``sources`` (blocks of one trace, in its order) grouped into programs.

    A block that reads a name which it does not bind belongs with the last earlier block that binds
    it, as in a notebook; so imports and functions are carried along. A block that needs nothing is
    a program of its own, however much it repeats: attempts at one problem usually do.
    """
    group = list(range(len(sources)))
    bound = [bound_names(source.tree.body) for source in sources]
    for later, source in enumerate(sources):
        for name in needed_from_outside(source.tree.body):
            if name in bound[later] or name in BUILTINS:
                continue
            earlier = next((i for i in reversed(range(later)) if name in bound[i]), None)
            if earlier is not None:
                old, new = group[later], group[earlier]
                group = [min(old, new) if g in (old, new) else g for g in group]
    return [[i for i, g in enumerate(group) if g == one] for one in sorted(set(group))]


def bound_names(statements: Iterable[ast.stmt]) -> set[str]:
    """The names that a module's statements bind."""
    return {name for node in statements for name in writes_of(node)}


def without_text_between(trace: str, blocks: Sequence[tuple[int, int]]) -> str:
    """``trace`` from the start of the first block to the end of the last, every character between
    blocks a space but the ends of lines: places in it are places in the trace."""
    pieces: list[str] = []
    at = blocks[0][0]
    for start, end in blocks:
        between = trace[at:start]
        pieces += ["".join(c if c in "\r\n" else " " for c in between), trace[start:end]]
        at = end
    return "".join(pieces)
