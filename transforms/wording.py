"""How far the names of a routine fit what it does with them.

One method comes in many wordings: ``kids * apples``, ``apples * apples_each``. Which of them stands
for it is chosen here, by its names and its arithmetic alone, whichever teacher gave them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

#: Words that tell numbers of one kind apart, or say in which part of a story they come.
_TELLING_APART = frozenset(
    [
        "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth",
        "total", "resulting", "remaining", "more", "fewer", "initial", "final", "average", "needed",
    ]
)  # fmt: skip
#: Names that say nothing.
_GENERIC = re.compile(
    r"([a-z]|amount|number|value|result|answer|product|quotient|total|difference)(_?\d+)?$"
)
#: Measures that may be multiplied by their like.
_LENGTHS = re.compile(r"(length|width|height|side|inch|feet|foot|meter|yard|mile)")


@lru_cache(maxsize=4096)
def oddness(code: str, entry_point: str) -> int:
    """A count of what reads oddly in the arithmetic of a routine: numbers of one kind multiplied by
    one another (two each), different kinds added, names that say nothing. 0 is best; also for what
    is no arithmetic.

    Raises:
        SyntaxError: if ``code`` does not parse.
    """
    tree = ast.parse(code)
    names = [node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)]
    count = 2 * bool(_GENERIC.match(entry_point)) + sum(map(bool, map(_GENERIC.match, names)))
    inner = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp)
        for part in _parts(node)
        if _same_chain(node, part)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.BinOp) or id(node) in inner:
            continue
        chained = {name: kind(name) for name in _chained(node)}
        kinds = set(chained.values())
        if isinstance(node.op, ast.Mult):
            alike = [k for k in chained.values() if not _LENGTHS.search(k)]
            count += 2 * (len(alike) - len(set(alike)))
        elif isinstance(node.op, _ADDITIVE):
            count += max(0, len(kinds) - 1)
    return count


def kind(name: str) -> str:
    """What a name calls its number, without what tells it from others of its kind."""
    words = [w for w in name.split("_") if w not in _TELLING_APART and not w.isdigit()]
    return "_".join(words) or name


_ADDITIVE = (ast.Add, ast.Sub)


def _parts(node: ast.BinOp) -> tuple[ast.expr, ast.expr]:
    return node.left, node.right


def _same_chain(node: ast.BinOp, part: ast.expr) -> bool:
    """Whether ``part`` goes on with the products, or the sums, of ``node``."""
    if not isinstance(part, ast.BinOp):
        return False
    both = (node.op, part.op)
    return all(isinstance(op, ast.Mult) for op in both) or all(
        isinstance(op, _ADDITIVE) for op in both
    )


def _chained(node: ast.BinOp) -> Iterator[str]:
    """The names that a chain of products, or of sums, consists of."""
    for part in _parts(node):
        if isinstance(part, ast.BinOp) and _same_chain(node, part):
            yield from _chained(part)
        elif isinstance(part, ast.Name):
            yield part.id
