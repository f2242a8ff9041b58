"""Which statements a value depends on: names read and written, and backward slices over them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tracemine.teachers.rules.derived.functions import BUILTINS, COMPREHENSIONS

#: Builtins that libraries whose names are imported all at once have functions of the name of.
HIDDEN = frozenset({"abs", "all", "any", "divmod", "max", "min", "pow", "round", "sum"})

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
#: Methods of the built-in containers that change them.
MUTATORS = frozenset(
    {
        "add", "append", "appendleft", "clear", "difference_update", "discard", "extend",
        "extendleft", "insert", "intersection_update", "pop", "popitem", "popleft", "remove",
        "reverse", "rotate", "setdefault", "sort", "symmetric_difference_update", "update",
    }
)  # fmt: skip


def reads_of(node: ast.AST) -> list[str]:
    """The names that ``node`` needs from outside, in order; a name that it binds before it reads
    it on every path is not needed."""
    found: dict[str, None] = {}
    if isinstance(node, ast.stmt):
        _exposed([node], set(), found)
    else:
        _expression_reads(node, set(), found)
    return list(found)


def needed_from_outside(statements: Sequence[ast.stmt]) -> list[str]:
    """The names that a body needs from outside, in order."""
    found: dict[str, None] = {}
    _exposed(statements, set(), found)
    return list(found)


def _exposed(statements: Sequence[ast.stmt], defined: set[str], found: dict[str, None]) -> set[str]:
    """Adds the names needed from outside to ``found``; gives the names bound after."""
    defined = set(defined)
    for statement in statements:
        defined |= _exposed_one(statement, defined, found)
    return defined


def _exposed_one(node: ast.stmt, defined: set[str], found: dict[str, None]) -> set[str]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return set(writes_of(node))
    if isinstance(node, _FUNCTIONS):
        # Python evaluates annotations with the definition: `List[int]` needs its import.
        noted = [a.annotation for a in ast.walk(node.args) if isinstance(a, ast.arg)]
        outside = (*node.decorator_list, *node.args.defaults, *node.args.kw_defaults)
        for part in (*outside, *noted, node.returns):
            if part is not None:
                _expression_reads(part, defined, found)
        _function_reads(node, defined, found)
        return {node.name}
    if isinstance(node, ast.ClassDef):
        for part in (*node.bases, *node.decorator_list):
            _expression_reads(part, defined, found)
        _exposed(node.body, defined, found)
        return {node.name}
    if isinstance(node, ast.If):
        _expression_reads(node.test, defined, found)
        left = _exposed(node.body, defined, found)
        right = _exposed(node.orelse, defined, found)
        return left & right
    if isinstance(node, (ast.For, ast.AsyncFor)):
        _expression_reads(node.iter, defined, found)
        _exposed(node.body, defined | _stored(node.target), found)
        _exposed(node.orelse, defined, found)
        return set()
    if isinstance(node, ast.While):
        _expression_reads(node.test, defined, found)
        _exposed(node.body, defined, found)
        _exposed(node.orelse, defined, found)
        return set()
    if isinstance(node, (ast.With, ast.AsyncWith)):
        bound = set(defined)
        for item in node.items:
            _expression_reads(item.context_expr, bound, found)
            if item.optional_vars is not None:
                bound |= _stored(item.optional_vars)
        return _exposed(node.body, bound, found)
    if isinstance(node, ast.Try):
        _exposed(node.body, defined, found)
        for handler in node.handlers:
            if handler.type is not None:
                _expression_reads(handler.type, defined, found)
            _exposed(handler.body, defined | {handler.name or ""}, found)
        _exposed(node.orelse, defined, found)
        _exposed(node.finalbody, defined, found)
        return set()
    if isinstance(node, ast.AugAssign):
        if isinstance(node.target, ast.Name) and node.target.id not in defined:
            found[node.target.id] = None
        _expression_reads(node.target, defined, found)
        _expression_reads(node.value, defined, found)
        return _stored(node.target)
    _expression_reads(node, defined, found)
    return _stored(node)


def _function_reads(
    node: ast.FunctionDef | ast.AsyncFunctionDef, defined: set[str], found: dict[str, None]
) -> None:
    arguments = node.args
    own = {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    own |= {a.arg for a in (arguments.vararg, arguments.kwarg) if a is not None}
    shared: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, (ast.Global, ast.Nonlocal)):
            shared.update(inner.names)
    for statement in node.body:
        own |= set(writes_of(statement))
    own |= {node.name}
    own -= shared
    for statement in node.body:
        inner_found: dict[str, None] = {}
        _exposed_one(statement, set(), inner_found)
        found.update(dict.fromkeys(n for n in inner_found if n not in own and n not in defined))
    found.update(dict.fromkeys(n for n in shared if n not in defined))


def _expression_reads(node: ast.AST, bound: set[str], found: dict[str, None]) -> None:
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load) and node.id not in bound:
            found[node.id] = None
        return
    if isinstance(node, ast.Lambda):
        arguments = node.args
        own = {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
        own |= {a.arg for a in (arguments.vararg, arguments.kwarg) if a is not None}
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None:
                _expression_reads(default, bound, found)
        _expression_reads(node.body, bound | own, found)
        return
    if isinstance(node, COMPREHENSIONS):
        inside = set(bound)
        for generator in node.generators:
            _expression_reads(generator.iter, inside, found)
            inside |= _stored(generator.target)
            for test in generator.ifs:
                _expression_reads(test, inside, found)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for part in parts:
            _expression_reads(part, inside, found)
        return
    for child in ast.iter_child_nodes(node):
        _expression_reads(child, bound, found)


def _stored(node: ast.AST) -> set[str]:
    """Plain names that ``node`` binds for sure."""
    return {
        n.id for n in _walk_scope(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }


def _walk_scope(node: ast.AST) -> Iterable[ast.AST]:
    """All of ``node`` but the insides of functions, classes and comprehensions."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (*_FUNCTIONS, ast.ClassDef)):
            yield child
        elif not isinstance(child, (ast.Lambda, *COMPREHENSIONS)):
            yield from _walk_scope(child)


def writes_of(node: ast.stmt) -> list[str]:
    """The names that a statement binds, or whose contents it changes in a way that can be seen
    (``x[0] = 1``, ``x.append(1)``)."""
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        return [node.name]
    # The name of an exception is gone after its handler.
    return written_names(n for n in _walk_scope(node) if not isinstance(n, ast.ExceptHandler))


def written_names(nodes: Iterable[ast.AST]) -> list[str]:
    """The names that ``nodes``, each for itself, bind or change the contents of."""
    found: dict[str, None] = {}
    for inner in nodes:
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, (ast.Store, ast.Del)):
            found[inner.id] = None
        elif isinstance(inner, (ast.Subscript, ast.Attribute)) and isinstance(
            inner.ctx, (ast.Store, ast.Del)
        ):
            root: ast.AST = inner
            while isinstance(root, (ast.Subscript, ast.Attribute)):
                root = root.value
            if isinstance(root, ast.Name):
                found[root.id] = None
        elif (
            isinstance(inner, ast.Call)
            and isinstance(inner.func, ast.Attribute)
            and isinstance(inner.func.value, ast.Name)
            and inner.func.attr in MUTATORS
        ):
            found[inner.func.value.id] = None
        elif isinstance(inner, (*_FUNCTIONS, ast.ClassDef, ast.ExceptHandler)):
            if inner.name:
                found[inner.name] = None
        elif isinstance(inner, (ast.Import, ast.ImportFrom)):
            for alias in inner.names:
                found[alias.asname or alias.name.partition(".")[0]] = None
    return list(found)


def changed_objects(node: ast.AST, objects: frozenset[str]) -> list[str]:
    """Which of ``objects`` a statement calls a method of."""
    return [
        n.func.value.id
        for n in ast.walk(node)
        if isinstance(n, ast.Call)
        and isinstance(n.func, ast.Attribute)
        and isinstance(n.func.value, ast.Name)
        and n.func.value.id in objects
    ]


def replaces(node: ast.stmt) -> set[str]:
    """The names that a statement gives a wholly new value, whatever they held before."""
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef, ast.Import, ast.ImportFrom)):
        return set(writes_of(node))
    if isinstance(node, ast.Assign):
        return {n for target in node.targets for n in _plain_targets(target)}
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        return set(_plain_targets(node.target))
    return set()


def _plain_targets(target: ast.expr) -> Iterable[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, (ast.Tuple, ast.List)):
        for element in target.elts:
            yield from _plain_targets(element)


@dataclass(frozen=True, slots=True)
class Slice:
    """The statements (by place in their scope) that names depend on, the places whose values come
    in as inputs instead, and the names that remain to be given from outside the scope."""

    included: tuple[int, ...]
    inputs: tuple[int, ...]
    outside: tuple[str, ...]


def backward_slice(
    statements: Sequence[ast.stmt],
    last: int,
    targets: Iterable[str],
    *,
    lifted: dict[int, str],
    known: frozenset[str] = frozenset(),
    objects: frozenset[str] = frozenset(),
) -> Slice | None:
    """What ``targets`` depend on, looking back from the statement at ``last`` (included).

    ``lifted`` are the places of ``name = value`` that become inputs. ``known`` are names that need
    no definition here (functions, modules, builtins). ``objects`` are names whose value any call
    of a method may change. None where an input's name also stands for another value in the slice,
    so that it cannot be a parameter.
    """
    needed = dict.fromkeys(t for t in targets if t not in known)
    included: list[int] = []
    inputs: dict[str, int] = {}
    for index in range(last, -1, -1):
        node = statements[index]
        writes = dict.fromkeys((*writes_of(node), *changed_objects(node, objects)))
        if not any(name in needed for name in writes):
            continue
        if index in lifted:
            name = lifted[index]
            del needed[name]
            inputs[name] = index
            continue
        reads = [n for n in reads_of(node) if n not in known]
        if any(name in inputs for name in (*writes, *reads)):
            return None
        for name in replaces(node):
            needed.pop(name, None)
        needed.update(dict.fromkeys(reads))
        included.append(index)
    outside = tuple(needed)
    if any(name in inputs for name in outside):
        return None
    return Slice(tuple(sorted(included)), tuple(sorted(inputs.values())), outside)


def closure(
    module: Sequence[ast.stmt], names: Iterable[str], *, definitions_only: bool = False
) -> list[int]:
    """The places of the module's statements that ``names`` need, directly or not, in order.

    With ``definitions_only`` only imports, functions and classes are looked at. An import of all
    names of a module is needed where nothing else can define a name, or it may hide a builtin.
    """
    wanted = set(names)
    bound = {name for node in module for name in writes_of(node)}
    chosen: set[int] = set()
    allowed = (ast.Import, ast.ImportFrom, *_FUNCTIONS, ast.ClassDef)
    changed = True
    while changed:
        changed = False
        for index, node in enumerate(module):
            if index in chosen or (definitions_only and not isinstance(node, allowed)):
                continue
            if wanted.isdisjoint(writes_of(node)) and not (
                _imports_all(node) and (wanted - bound - BUILTINS or wanted & HIDDEN)
            ):
                continue
            chosen.add(index)
            changed = True
            wanted.update(n for n in reads_of(node) if n not in BUILTINS or n in HIDDEN)
    if chosen:  # It says how the rest is to be read.
        chosen.update(i for i, node in enumerate(module) if _is_of_future(node))
    return sorted(chosen)


def _is_of_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _imports_all(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and any(a.name == "*" for a in node.names)
