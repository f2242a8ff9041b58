"""Names that are no more what they were: bound anew, changed, or handed on to what may change them.

Told from the syntax alone, and of two readings the careful one: a call of something unknown may
change whatever it is given, and a second name for an object is a second way to change it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from tracemine.teachers.rules.derived.slices import writes_of, written_names

#: Functions that neither change what they are given nor give it back. Not ``repeat``: what
#: gives its argument itself is another name for it.
_READING = frozenset(
    {
        "abs", "all", "any", "bin", "bool", "bytes", "chr", "complex", "dict", "divmod",
        "enumerate", "filter", "float", "format", "frozenset", "hash", "hex", "int", "isinstance",
        "len", "list", "map", "oct", "ord", "pow", "print", "range", "repr", "reversed", "round",
        "set", "sorted", "str", "sum", "tuple", "type", "zip",
        "collections.Counter", "copy.copy", "copy.deepcopy", "heapq.nlargest", "heapq.nsmallest",
        "bisect.bisect", "bisect.bisect_left", "bisect.bisect_right", "itertools.chain",
        "itertools.combinations", "itertools.permutations", "itertools.product",
    }
)  # fmt: skip
_READING_MODULES = ("math.", "statistics.", "re.", "operator.")
#: These read one argument; of several they give one back.
_CHOOSING = frozenset({"max", "min"})
#: Methods that only read the object they belong to and what they are given.
_READING_METHODS = frozenset(
    {
        "copy", "count", "difference", "endswith", "find", "format", "index", "intersection",
        "isdigit", "isdisjoint", "issubset", "issuperset", "items", "join", "keys", "lower",
        "replace", "rfind", "rindex", "split", "startswith", "strip", "symmetric_difference",
        "union", "upper", "values",
    }
)  # fmt: skip


def bound_by(statement: ast.stmt) -> set[str]:
    """The names that ``statement`` binds anew or whose contents it changes, also where that is
    inside an expression, a pattern or a function that it defines."""
    names = set(writes_of(statement))
    for node in ast.walk(statement):
        names |= _bound_inside(node)
    return names


def bound_within(expression: ast.expr) -> set[str]:
    """The names that the evaluation of ``expression`` itself binds (``b := 1``) or changes."""
    nodes = list(ast.walk(expression))
    named = {name for node in nodes for name in _bound_inside(node)}
    return named | set(written_names(n for n in nodes if isinstance(n, ast.Call)))


def _bound_inside(node: ast.AST) -> set[str]:
    match node:
        case ast.NamedExpr(ast.Name(name)) | ast.MatchAs(name=str(name)):
            return {name}
        case ast.MatchStar(str(name)) | ast.MatchMapping(rest=str(name)):
            return {name}
        case ast.Nonlocal(names) | ast.Global(names):
            return set(names)
    return set()


def handed_on(
    node: ast.AST, called: Callable[[ast.Call], str], *, is_test: bool = False
) -> set[str]:
    """The names in ``node`` whose objects may be changed by it or, from then on, under another
    name. ``called`` tells the dotted name of what a call calls, empty where that is not sure;
    ``is_test`` says that the value of ``node`` is given to nothing."""
    return {name.id for name in _given(node, is_test, called)}


def _given(node: ast.AST, read: bool, called: Callable[[ast.Call], str]) -> Iterator[ast.Name]:
    """The names in ``node`` that are more than read; ``read`` says that whatever ``node`` is, is
    only read where it stands."""
    if isinstance(node, ast.Name):
        if not read and isinstance(node.ctx, ast.Load):
            yield node
        return
    for child, only_read in _parts(node, read, called):
        yield from _given(child, only_read, called)


def _parts(
    node: ast.AST, read: bool, called: Callable[[ast.Call], str]
) -> Iterator[tuple[ast.AST, bool]]:
    """The parts of ``node``, each with whether it is only read."""
    match node:
        case ast.Call():
            yield from _parts_of_call(node, called)
        case ast.BoolOp(_, values):
            yield from ((value, read) for value in values)
        case ast.IfExp(test, body, orelse):
            yield from ((test, True), (body, read), (orelse, read))
        case ast.For(target, iterated) | ast.comprehension(target, iterated):
            yield from ((target, False), (iterated, True))
            rest = [*node.body, *node.orelse] if isinstance(node, ast.For) else []
            yield from ((part, False) for part in rest)
            if isinstance(node, ast.comprehension):
                yield from ((test, True) for test in node.ifs)
        case ast.If(test, body, orelse) | ast.While(test, body, orelse):
            yield from ((part, part is test) for part in (test, *body, *orelse))
        case ast.Assign(targets, value):
            unpacked = all(isinstance(target, (ast.Tuple, ast.List)) for target in targets)
            yield from ((target, False) for target in targets)
            yield value, unpacked
        case (
            ast.BinOp() | ast.UnaryOp() | ast.Compare() | ast.Subscript() | ast.Slice()
            | ast.JoinedStr() | ast.FormattedValue() | ast.Starred() | ast.AugAssign()
            | ast.Expr() | ast.Assert()
        ):  # fmt: skip
            yield from ((child, True) for child in ast.iter_child_nodes(node))
        case _:
            yield from ((child, False) for child in ast.iter_child_nodes(node))


def _parts_of_call(
    node: ast.Call, called: Callable[[ast.Call], str]
) -> Iterator[tuple[ast.AST, bool]]:
    name = called(node)
    is_reading = (
        name in _READING
        or name.startswith(_READING_MODULES)
        or (name in _CHOOSING and len(node.args) == 1 and not isinstance(node.args[0], ast.Starred))
        or (name == "functools.reduce" and len(node.args) == 2)
    )
    is_method = isinstance(node.func, ast.Attribute) and node.func.attr in _READING_METHODS
    if isinstance(node.func, ast.Attribute):
        yield node.func.value, is_reading or is_method
    elif not isinstance(node.func, ast.Name):
        yield node.func, False
    yield from ((argument, is_reading or is_method) for argument in node.args)
    yield from ((keyword.value, False) for keyword in node.keywords)
