"""Modules that monty lacks, supplied in Python: what a program uses of them stands before it.

Where the standard library has a module's functions in Python (those in C are the same by PEP 399)
its own text is taken. A program that uses more of a module, or the module itself as a value, is not
rewritten, and so runs in CPython.
"""

from __future__ import annotations

import ast
import cmath
import heapq
import inspect
import itertools
import math
import operator
import re
import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import ModuleType

from tracemine.verifiers.unfolding import nodes_of

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

#: Ends a line for some and not for others.
_ODD_LINES = re.compile(r"\r(?!\n)|[\f\v\x1c-\x1e]")

#: Longer sources are not rewritten, in characters.
_MOST_CHARS = 20_000


def supply(source: str) -> tuple[str, str] | None:
    """A text to stand before ``source``, and ``source`` with what it imports taken from there; None
    where it wants none of these modules, or more of them than there is. A third of a millisecond
    where it wants one."""
    if len(source) > _MOST_CHARS or "import" not in source or not _WANTED.search(source):
        return None
    if not source.isascii() or _ODD_LINES.search(source):
        return None  # places in the text are counted otherwise
    try:
        return _rewritten(source, list(nodes_of(ast.parse(source))))
    except (_UnsuppliedError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


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


def _part(
    module: str, function: ast.FunctionDef, functions: Mapping[str, ast.FunctionDef]
) -> _Part:
    """``function`` with names of our own for all that is not its own."""
    own = {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    own |= {
        a.name for node in ast.walk(function) if isinstance(node, ast.Import) for a in node.names
    }
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


def _rewritten(source: str, nodes: Sequence[ast.AST]) -> tuple[str, str]:
    """As `supply`. What is supplied is bound where the program imports: elsewhere it has none."""
    imports = [node for node in nodes if isinstance(node, ast.Import)]
    pairs = [(alias.asname or alias.name, alias.name) for n in imports for alias in n.names]
    modules = {name: module for name, module in pairs if module in _MODULES}
    looked = [
        (node, node.value.id)
        for node in nodes
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Load)
        and isinstance(node.value, ast.Name)
        and node.value.id in modules
    ]
    names = Counter(name for node in nodes for name in _names_in(node))
    for name, module in modules.items():
        # Each time it is said it is bound to this module, or looked into.
        known = pairs.count((name, module)) + sum(owner == name for _, owner in looked)
        if names[name] != known:
            raise _UnsuppliedError("a module that is more than looked into")
    begins = list(itertools.accumulate((len(line) + 1 for line in source.split("\n")), initial=0))
    edits: list[tuple[int, int, str]] = []
    taken: set[tuple[str, str]] = set()

    def put(node: ast.expr | ast.stmt, text: str) -> None:
        assert node.end_lineno is not None and node.end_col_offset is not None
        begin = begins[node.lineno - 1] + node.col_offset
        edits.append((begin, begins[node.end_lineno - 1] + node.end_col_offset, text))

    def bind(name: str, module: str, wanted: str) -> str:
        if wanted not in _parts(module):
            raise _UnsuppliedError(f"{module} has no {wanted} that is supplied")
        taken.add((module, wanted))
        return f"{name} = {_own(module, wanted)}"

    for node, owner in looked:
        put(node, _looked_up(owner, node.attr))
        if source[edits[-1][0] : edits[-1][1]] != f"{owner}.{node.attr}":  # as in f-strings
            raise _UnsuppliedError("a place that cannot be told")
    for node in nodes:
        if isinstance(node, ast.Import) and any(a.name in _MODULES for a in node.names):
            texts = []
            for alias in node.names:
                name = alias.asname or alias.name
                if alias.name in _MODULES:
                    used = {n.attr for n, owner in looked if owner == name}
                    texts += [bind(_looked_up(name, u), alias.name, u) for u in sorted(used)]
                else:
                    texts.append(f"import {ast.unparse(alias)}")
            put(node, "; ".join(texts) or "pass")
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module in _MODULES:
            wanted = [(alias.asname or alias.name, alias.name) for alias in node.names]
            # What is never said again need not be there.
            texts = [bind(n, node.module, w) for n, w in wanted if names[n] > 1 or w == "*"]
            put(node, "; ".join(texts) or "pass")
    for begin, end, text in sorted(edits, reverse=True):
        source = source[:begin] + text + source[end:]
    return _before(taken), source


def _looked_up(owner: str, attribute: str) -> str:
    return f"{OWN}{owner}_of_{attribute}"


def _names_in(node: ast.AST) -> list[str]:
    """The names that a node itself gives or takes; not those of attributes and keywords."""
    match node:
        case ast.Name(name) | ast.arg(name):
            return [name]
        case ast.alias(name, other):
            return [other or name.partition(".")[0]]
        case ast.Attribute() | ast.keyword() | ast.Constant() | ast.ImportFrom():
            return []
    found: list[str] = []
    for _, value in ast.iter_fields(node):
        found += [value] if isinstance(value, str) else []
        found += [v for v in value if isinstance(v, str)] if isinstance(value, list) else []
    return found


__all__ = ["OWN", "supply"]
