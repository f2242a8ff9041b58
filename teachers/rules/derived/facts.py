"""What preconditions and failure modes ask of a function: its types, its names, and what it
evaluates on every call."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from tracemine.schemas import Signature
from tracemine.schemas.types import NUMERIC, TypeSyntaxError, parse
from tracemine.teachers.rules.derived.functions import (
    BUILTINS,
    COMPREHENSIONS,
    assigned,
    constant_value,
    dotted_name,
    imported_names,
    parameters_of,
    statements_of,
)
from tracemine.teachers.rules.derived.handed_on import bound_by, bound_within, handed_on
from tracemine.teachers.rules.derived.inlining import substituted
from tracemine.teachers.rules.derived.slices import written_names

#: Types whose values nothing can change.
_UNCHANGING = frozenset({*NUMERIC, "bool", "str", "tuple", "none"})
#: Modules that bring no operators of their own, or such as fail where those of Python do.
_PLAIN_MODULES = frozenset(
    {
        "bisect", "cmath", "collections", "copy", "datetime", "fractions", "functools", "heapq",
        "itertools", "math", "operator", "random", "re", "statistics", "string", "sys", "typing",
    }
)  # fmt: skip


class Facts:
    """A function with what the conditions and failure modes ask of it."""

    def __init__(self, tree: ast.Module, function: ast.FunctionDef, signature: Signature) -> None:
        self.tree = tree
        self.function = function
        self.signature = signature
        self.parameters = parameters_of(function)
        self.types = {p.name: p.type for p in signature.inputs}
        self.imported = imported_names(tree)
        self.nodes = [n for n in ast.walk(tree) if not isinstance(n, ast.expr_context)]
        self.bound = _bound_names(self.nodes)
        self.is_plain = _is_plain(self.nodes)
        self.runs_as_written = _runs_as_written(self)
        self.sure = list(_unconditional(self)) if self.runs_as_written else []

    def head(self, name: str) -> str:
        return type_head(self.types.get(name, "any"))

    def constant(self, node: ast.expr) -> bool:
        """Whether ``node`` is a number of a module (``math.pi``)."""
        return isinstance(node, ast.Attribute) and (
            self.imported.get(dotted_name(node.value) or "") in ("math", "cmath", "numpy")
        )

    def called(self, node: ast.Call) -> str:
        """The dotted name of what is called, imports resolved; empty where it has none, or where
        the code gives the name of a builtin or an import to something of its own."""
        dotted = dotted_name(node.func) or ""
        first, _, rest = dotted.partition(".")
        if first in self.bound and (first in BUILTINS or first in self.imported):
            return ""
        if first in self.imported:
            return f"{self.imported[first]}.{rest}" if rest else self.imported[first]
        return dotted

    def lost(self, statement: ast.stmt) -> set[str]:
        """The names that after ``statement`` may hold something else than before it."""
        return bound_by(statement) | self._changeable(handed_on(statement, self.called))

    def lost_within(self, expression: ast.expr) -> set[str]:
        """The same for what the evaluation of ``expression`` does, not for who gets its value."""
        handed = handed_on(expression, self.called, is_test=True)
        return bound_within(expression) | self._changeable(handed)

    def shares(self, expression: ast.expr) -> set[str]:
        """The names whose object the value of ``expression`` may be or hold."""
        return self._changeable(handed_on(expression, self.called))

    def _changeable(self, names: set[str]) -> set[str]:
        """Those of ``names`` whose object can be changed: numbers and texts cannot."""
        return {name for name in names if self.head(name) not in _UNCHANGING}


def _bound_names(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """Every name that the code binds anywhere other than by a plain import."""
    found: set[str] = set()
    modules: dict[str, set[str]] = {}
    for node in nodes:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for name, thing in imported_names(node).items():
                modules.setdefault(name, set()).add(thing)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
            found.add(node.name)
        else:
            found.update(written_names([node]))
    found.update(name for name, things in modules.items() if len(things) > 1)
    if any(star not in ("math.*", "cmath.*") for star in modules.get("*", ())):
        found |= BUILTINS  # such as the ``max`` of numpy
    return frozenset(found)


def _is_plain(nodes: Iterable[ast.AST]) -> bool:
    """Whether the operators of the code are those of Python's own values: it defines no class, and
    imports nothing that brings numbers or lists of its own (an array divides by zero)."""
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            return False
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        else:
            continue
        if any(module.partition(".")[0] not in _PLAIN_MODULES for module in modules):
            return False
    return True


def _runs_as_written(facts: Facts) -> bool:
    """Whether a call of the function runs its body: no generator, not bound to something else, and
    not wrapped in what may catch its errors."""
    wrappers = {
        facts.imported.get(dotted_name(d.func if isinstance(d, ast.Call) else d) or "", "")
        for d in facts.function.decorator_list
    }
    name = facts.function.name
    return (
        wrappers <= {"functools.lru_cache", "functools.cache"}
        and not any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in ast.walk(facts.function))
        and not any(
            isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store)
            for n in facts.nodes
        )
    )


def type_head(text: str) -> str:
    try:
        return str(parse(text)[0])
    except TypeSyntaxError:
        return "any"


def is_text(node: ast.expr, facts: Facts) -> bool:
    if isinstance(node, ast.Name):
        return facts.head(node.id) not in NUMERIC
    return isinstance(node, ast.JoinedStr) or isinstance(constant_value(node), str)


def _unconditional(facts: Facts) -> Iterator[tuple[ast.expr, dict[str, ast.expr]]]:
    """Every expression that is evaluated on each call that returns, with what is known of local
    names there: an expression over the inputs as they came in, or that it is something else.

    Stops at the first statement that may end the call early: what follows may be guarded by it.
    """
    known: dict[str, ast.expr] = dict.fromkeys(
        imported_names(facts.function).keys() & set(facts.parameters), UNKNOWN
    )
    for statement in statements_of(facts.function):
        expressions = _direct_expressions(statement)
        # In which order the parts are evaluated is not asked.
        within = {name for e in expressions for name in facts.lost_within(e)}
        before = _without(within, known, facts)
        for expression in expressions:
            for part in _always(expression):
                yield part, before
        if isinstance(statement, ast.Return) or _may_leave(statement):
            return
        value = assigned(statement)
        # The right side is computed before the name is bound, but what it hands on is lost.
        inlined = substituted(value[1], before) if value else None
        known = _without(facts.lost(statement), known, facts)
        if value is not None and inlined is not None and value[0] not in within:
            known[value[0]] = UNKNOWN if facts.shares(inlined) else inlined


#: What is known of a name that holds nothing that could be said of the inputs.
UNKNOWN = ast.Constant(...)


def _without(lost: set[str], known: Mapping[str, ast.expr], facts: Facts) -> dict[str, ast.expr]:
    """``known`` once ``lost`` are not what they were, nor what is made of the same objects."""
    kept = {name: UNKNOWN if facts.shares(value) & lost else value for name, value in known.items()}
    return kept | dict.fromkeys(lost, UNKNOWN)


def _direct_expressions(statement: ast.stmt) -> list[ast.expr]:
    """The expressions of a statement itself, not of the statements inside it, that it always
    evaluates."""
    if isinstance(statement, (ast.If, ast.While)):
        return [statement.test]
    if isinstance(statement, ast.For):
        return [statement.iter]
    if isinstance(statement, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Expr)):
        return [statement.value] if statement.value is not None else []
    return []


def _always(node: ast.expr) -> Iterator[ast.expr]:
    """``node`` and the parts of it that are evaluated whenever it is."""
    yield node
    children: list[ast.AST] = []
    if isinstance(node, ast.BoolOp):
        children = [node.values[0]]
    elif isinstance(node, ast.IfExp):
        children = [node.test]
    elif isinstance(node, COMPREHENSIONS):
        children = [node.generators[0].iter]
    elif isinstance(node, ast.Compare):
        children = [node.left, node.comparators[0]]
    elif not isinstance(node, ast.Lambda):
        children = list(ast.iter_child_nodes(node))
    for child in children:
        if isinstance(child, ast.keyword):
            child = child.value
        if isinstance(child, ast.expr):
            yield from _always(child)


def _may_leave(statement: ast.stmt) -> bool:
    # Not by raising: no such call returns.
    leaving = (ast.Return, ast.Try, ast.TryStar, ast.Await)
    return any(isinstance(n, leaving) for n in ast.walk(statement))
