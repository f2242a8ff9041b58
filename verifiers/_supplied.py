"""Modules that monty lacks, supplied in Python: what a program uses of them stands before it.

Where the standard library has a module's functions in Python (those in C are the same by PEP 399)
its own text is taken. A program that uses more of a module, or the module itself as a value, is not
rewritten, and so runs in CPython.
"""

from __future__ import annotations

import ast
import builtins
import cmath
import heapq
import inspect
import math
import operator
import re
import string
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import ModuleType

#: What names begin with that a program does not have.
OWN = "__tm_"

#: Functions in Python's own text, by module. Not those that are generators, which monty lacks.
_FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "heapq": ("heapify", "heappop", "heappush", "heappushpop", "heapreplace", "nlargest",
              "nsmallest"),
    "operator": ("add", "and_", "concat", "contains", "eq", "floordiv", "ge", "getitem", "gt",
                 "is_", "is_not", "le", "lt", "mod", "mul", "ne", "neg", "not_", "or_", "pos",
                 "pow", "sub", "truediv", "truth", "xor"),
}  # fmt: skip

#: The others. Of complex numbers only finite ones: what raises here is run in CPython.
_WRITTEN: Mapping[str, str] = {
    "operator": """
def itemgetter(item, *items):
    if not items:
        return lambda whole: whole[item]
    return lambda whole: tuple([whole[item] for item in (item, *items)])
""",
    "cmath": """
def _finite(*numbers):
    import math
    for number in numbers:
        if not isinstance(number, (int, float)) or not math.isfinite(number):
            raise NotImplementedError('not a finite number')
def phase(z):
    import math
    if not isinstance(z, complex):
        _finite(z)
        z = complex(z)
    _finite(z.real, z.imag)
    return math.atan2(z.imag, z.real)
def polar(z):
    angle = phase(z)
    _finite(abs(z))
    return (float(abs(z)), angle)
def rect(r, phi):
    import math
    _finite(r, phi)
    r, phi = float(r), float(phi)
    if not phi:
        return complex(r, r * phi)
    return complex(r * math.cos(phi), r * math.sin(phi))
""",
}

#: Of ``array`` nothing: many import it and use none of it.
_MODULES: Mapping[str, ModuleType | None] = {
    "array": None, "cmath": cmath, "heapq": heapq, "operator": operator, "string": string,
}  # fmt: skip

#: Monty makes no bare objects. They are made to be told from all else, which a new list is too.
_INSTEAD = {"object": "list"}

_WANTED = re.compile(rf"^[ \t]*(?:import|from)[ \t]+(?:{'|'.join(_MODULES)})\b", re.MULTILINE)

#: Longer sources are not rewritten, in characters; this many shorter ones are remembered.
_MOST_CHARS, _REMEMBERED = 20_000, 256


def supply(source: str) -> tuple[str, str] | None:
    """A text to stand before ``source``, and ``source`` with what it imports taken from there; None
    where it wants none of these modules, or more of them than there is."""
    if len(source) > _MOST_CHARS or "import" not in source or not _WANTED.search(source):
        return None
    return _supply(source)


@lru_cache(maxsize=_REMEMBERED)
def _supply(source: str) -> tuple[str, str] | None:
    try:
        tree = ast.parse(source)
        taking = _Taking(tree)
        text = ast.unparse(ast.fix_missing_locations(taking.visit(tree)))
    except (_UnsuppliedError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return _before(taking.taken), text


class _UnsuppliedError(ValueError):
    """A program wants what is not supplied. Never leaves this file."""


def _before(taken: Iterable[tuple[str, str]]) -> str:
    """Definitions of what is ``taken`` (module and name) and all that they need."""
    texts: dict[str, str] = {}
    names: set[str] = set()
    rest = sorted(taken)
    while rest:
        module, name = rest.pop()
        if _own(module, name) not in texts:
            text, needed, builtin = _parts(module)[name]
            texts[_own(module, name)] = text
            rest += [(module, other) for other in needed]
            names |= builtin
    # As they are before the program gives their names another meaning.
    bound = [f"{OWN}{name} = {_INSTEAD.get(name, name)}" for name in sorted(names)]
    return "\n".join([*bound, *(texts[name] for name in sorted(texts))])


def _own(module: str, name: str) -> str:
    return f"{OWN}{module}_{name}"


#: A definition, the functions of its module that it needs, and the builtins.
_Part = tuple[str, frozenset[str], frozenset[str]]


@lru_cache(maxsize=len(_MODULES))
def _parts(module: str) -> dict[str, _Part]:
    """What is supplied of a module, by name."""
    real = _MODULES[module]
    if real is None:
        return {}
    in_python = inspect.getsource(real) if module in _FUNCTIONS else ""
    written = ast.parse(_WRITTEN.get(module, "")).body
    functions = {
        node.name: node
        for node in [*ast.parse(in_python).body, *written]
        if isinstance(node, ast.FunctionDef)
    }
    parts: dict[str, _Part] = {
        name: (f"{_own(module, name)} = {value!r}", frozenset(), frozenset())
        for name, value in vars(real).items()
        if type(value) is str or (type(value) is float and math.isfinite(value))
        if not name.startswith("_")
    }
    rest = [*_FUNCTIONS.get(module, ()), *(n.name for n in written if n.name in functions)]
    while rest:
        name = rest.pop()
        if name not in parts:
            parts[name] = _part(module, functions[name], functions)
            rest += parts[name][1]
    return parts


def _part(module: str, function: ast.FunctionDef, functions: Mapping[str, ast.FunctionDef]) -> _Part:
    """``function`` with names of our own for all that is not its own."""
    own = {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    own |= {a.name for node in ast.walk(function) if isinstance(node, ast.Import) for a in node.names}
    names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
    own |= {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    needed, builtin = set(), set()
    for node in names:
        if node.id in functions and node.id not in own:
            needed.add(node.id)
            node.id = _own(module, node.id)
        elif node.id not in own:
            builtin.add(node.id)
            node.id = f"{OWN}{node.id}"
    if ast.get_docstring(function) is not None:
        del function.body[0]
    function.name = _own(module, function.name)
    return ast.unparse(function), frozenset(needed), frozenset(builtin)


class _Taking(ast.NodeTransformer):
    """Puts names for what is supplied: bound where a program imports, so that where it does not it
    has none."""

    def __init__(self, tree: ast.AST) -> None:
        self.taken: set[tuple[str, str]] = set()
        #: Name of a module in the program -> the module, and what is used of it.
        self._modules: dict[str, str] = {}
        self._used: dict[str, set[str]] = {}
        nodes = list(ast.walk(tree))
        self._mentioned = {node.id for node in nodes if isinstance(node, ast.Name)}
        for node in nodes:
            for alias in node.names if isinstance(node, ast.Import) else ():
                if alias.name in _MODULES:
                    name = alias.asname or alias.name
                    if self._modules.setdefault(name, alias.name) != alias.name:
                        raise _UnsuppliedError("one name for two modules")
                    self._used[name] = set()
        seen = {name: 0 for name in self._modules}
        for node in nodes:
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if node.value.id in seen and isinstance(node.ctx, ast.Load):
                    seen[node.value.id] -= 1
                    self._used[node.value.id].add(node.attr)
        for node in nodes:
            for name in _names_in(node):
                if name in seen:
                    seen[name] += 1
        if any(seen.values()):
            raise _UnsuppliedError("a module that is more than looked into")

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:
        left = [alias for alias in node.names if alias.name not in _MODULES]
        found: list[ast.stmt] = [ast.Import(left)] if left else []
        for alias in node.names:
            if alias.name in _MODULES:
                name = alias.asname or alias.name
                for used in sorted(self._used[name]):
                    found.append(self._bind(f"{OWN}{name}_of_{used}", alias.name, used))
        return found or [ast.Pass()]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt | list[ast.stmt]:
        if node.level or node.module not in _MODULES:
            return node
        bound = [(alias.asname or alias.name, alias.name) for alias in node.names]
        found: list[ast.stmt] = [
            self._bind(name, node.module, taken)
            for name, taken in bound
            if name in self._mentioned or taken == "*"
        ]
        return found or [ast.Pass()]

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id in self._modules:
            return ast.Name(f"{OWN}{node.value.id}_of_{node.attr}", node.ctx)
        return self.generic_visit(node)

    def _bind(self, name: str, module: str, taken: str) -> ast.stmt:
        if taken not in _parts(module):
            raise _UnsuppliedError(f"{module} has no {taken} that is supplied")
        self.taken.add((module, taken))
        return ast.Assign([ast.Name(name, ast.Store())], ast.Name(_own(module, taken), ast.Load()))


def _names_in(node: ast.AST) -> list[str]:
    """The names that a node itself gives or takes; not those of attributes and keywords."""
    match node:
        case ast.Name(name) | ast.arg(name):
            return [name]
        case ast.alias(name, other):
            return [] if name in _MODULES else [other or name.partition(".")[0]]
        case ast.Attribute() | ast.keyword() | ast.Constant():
            return []
    found: list[str] = []
    for _, value in ast.iter_fields(node):
        found += [value] if isinstance(value, str) else []
        found += [v for v in value if isinstance(v, str)] if isinstance(value, list) else []
    return found


__all__ = ["OWN", "supply"]
