"""Which steps of a trace make a routine together, and what its code says twice.

A routine is proposed for each step, for the steps of one written step that feed one another, for a
step with the one before it that it uses, and for the way from the data to each step, the last of
which is the routine of the whole trace. Whether a composed routine enters the store beside its
steps is decided by replay, as for any other. A calculation that one routine makes twice, on other
values, is cut out once as a function of its own.
"""

from __future__ import annotations

import ast
import keyword
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

Links = Sequence[Sequence[int]]


def cone(links: Links, index: int) -> tuple[int, ...]:
    """The steps that the step ``index`` rests on, itself included, in order. ``links[i]`` are the
    earlier steps whose results step ``i`` uses."""
    return _within(links, index, lambda _: True)


def _within(links: Links, index: int, belongs: Callable[[int], bool]) -> tuple[int, ...]:
    """As `cone`, with those steps only that ``belongs`` takes."""
    found: set[int] = set()
    waiting = [index]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting.extend(other for other in links[current] if belongs(other))
    return tuple(sorted(found))


def proposals(links: Links, written: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """The routines to propose, each as the indices of its steps in order, of which the last gives
    the result; in the order of their last steps, shorter ones first, each once.

    ``written[i]`` is the written step that step ``i`` stands in.
    """
    for index in range(len(links)):
        found = {(index,), cone(links, index)}
        same_step = {other for other in range(index) if written[other] == written[index]}
        found.add(_within(links, index, same_step.__contains__))
        found.update((other, index) for other in links[index])
        yield from sorted(found, key=lambda steps: (len(steps), steps))


# --- what a routine says twice ----------------------------------------------------------------

#: Operations of a calculation that is worth a function of its own.
MIN_OPERATIONS = 2


@dataclass(frozen=True, slots=True)
class _Use:
    """A calculation inside a routine: the local that it ends in, its statements (indices), what it
    reads from outside (in order of appearance), and its shape with those left out."""

    target: int
    statements: tuple[int, ...]
    reads: tuple[str, ...]
    shape: str


def share(code: str, entry_point: str) -> str:
    """``code`` with a calculation that its routine makes more than once, on other values, cut out
    as a function; ``code`` itself where there is none, or where it is no straight line of
    assignments to new names. The largest such calculation is taken, once."""
    body = ast.parse(code).body
    if len(body) != 1 or not isinstance(body[0], ast.FunctionDef):
        return code
    function = body[0]
    lines = _straight_line(function)
    if lines is None:
        return code
    uses = [use for index in range(len(lines) - 1) if (use := _use(lines, index)) is not None]
    best: list[_Use] = []
    for use in uses:
        same = _apart([other for other in uses if other.shape == use.shape])
        if len(same) > 1 and (not best or len(same[0].statements) > len(best[0].statements)):
            best = same
    return _cut_out(function, lines, best) if best else code


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    value: ast.expr


def _straight_line(function: ast.FunctionDef) -> list[_Line] | None:
    lines: list[_Line] = []
    names: set[str] = {argument.arg for argument in function.args.args}
    for node in function.body:
        if isinstance(node, ast.Return) and node is function.body[-1] and node.value is not None:
            lines.append(_Line("", node.value))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if len(node.targets) > 1 or name in names:
                return None
            names.add(name)
            lines.append(_Line(name, node.value))
        else:
            return None
    return lines if len(lines) > 1 and not lines[-1].name else None


def _names(node: ast.expr) -> list[str]:
    """The names that an expression reads, from left to right, each time it does."""
    found = [(n.lineno, n.col_offset, n.id) for n in ast.walk(node) if isinstance(n, ast.Name)]
    return [name for _, _, name in sorted(found)]


def _use(lines: Sequence[_Line], index: int) -> _Use | None:
    """The calculation that ends in line ``index``, with the lines before it that feed nothing
    else; None where it is too small."""
    made = {line.name: at for at, line in enumerate(lines)}
    inside = {index}
    for at in range(index - 1, -1, -1):
        readers = {
            other for other, line in enumerate(lines) if lines[at].name in _names(line.value)
        }
        if readers and readers <= inside:
            inside.add(at)
    statements = tuple(sorted(inside))
    nodes = (node for at in statements for node in ast.walk(lines[at].value))
    if sum(isinstance(node, ast.BinOp) for node in nodes) < MIN_OPERATIONS:
        return None
    every = [name for at in statements for name in _names(lines[at].value)]
    reads = list(dict.fromkeys(name for name in every if made.get(name) not in inside))
    renamed = {name: f"read{place}" for place, name in enumerate(reads)}
    renamed |= {lines[at].name: f"made{place}" for place, at in enumerate(statements)}
    shape = "\n".join(_written(lines[at].value, renamed) for at in statements)
    return _Use(index, statements, tuple(reads), shape)


def _apart(uses: Sequence[_Use]) -> list[_Use]:
    """Those of ``uses`` that share no statement, and read something else each."""
    kept: list[_Use] = []
    for use in uses:
        taken = {at for other in kept for at in other.statements}
        if not taken.intersection(use.statements) and use.reads not in [k.reads for k in kept]:
            kept.append(use)
    return kept


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.names.get(node.id, node.id), node.ctx)


def _written(node: ast.expr, names: Mapping[str, str]) -> str:
    copy = ast.parse(ast.unparse(node), mode="eval").body
    return ast.unparse(_Renamed(names).visit(copy))


def _cut_out(function: ast.FunctionDef, lines: Sequence[_Line], uses: Sequence[_Use]) -> str:
    first = uses[0]
    taken = {line.name for line in lines} | {argument.arg for argument in function.args.args}
    name = _common_name([lines[use.target].name for use in uses], taken | {function.name})
    renamed: dict[str, str] = {}
    within = {name, *(lines[at].name for at in first.statements)}
    for place, read in enumerate(first.reads):
        renamed[read] = _common_name([use.reads[place] for use in uses], within)
        within.add(renamed[read])
    helper = [
        f"def {name}({', '.join(renamed.values())}):",
        *(
            f"    {lines[at].name} = {_written(lines[at].value, renamed)}"
            for at in first.statements[:-1]
        ),
        f"    return {_written(lines[first.target].value, renamed)}",
    ]
    calls = {use.target: f"{name}({', '.join(use.reads)})" for use in uses}
    gone = {at for use in uses for at in use.statements}
    outer = [f"def {function.name}({', '.join(a.arg for a in function.args.args)}):"]
    for at, line in enumerate(lines):
        if at in calls:
            outer.append(f"    {line.name} = {calls[at]}")
        elif not line.name:
            outer.append(f"    return {ast.unparse(line.value)}")
        elif at not in gone:
            outer.append(f"    {line.name} = {ast.unparse(line.value)}")
    return "\n".join([*helper, "", "", *outer]) + "\n"


def _common_name(names: Sequence[str], taken: set[str]) -> str:
    """What the names have in common at their end ("cost" of apple_cost and pear_cost), else the
    first of them as what each of them is."""
    parts = [name.split("_") for name in names]
    common: list[str] = []
    for words in zip(*(reversed(part) for part in parts), strict=False):
        if len(set(words)) > 1 or words[0].isdigit():
            break
        common.insert(0, words[0])
    candidate = "_".join(common) or names[0]
    while candidate in taken or keyword.iskeyword(candidate) or not candidate.isidentifier():
        candidate = f"one_{candidate}"
    return candidate
