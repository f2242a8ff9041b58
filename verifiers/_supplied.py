"""What monty lacks, supplied: some modules, in Python, the deletion of members, and some methods as
values (``key=counts.get``, ``map(str.strip, lines)``).

Where the standard library has a module's functions in Python (those in C are the same by PEP 399)
its own text is taken. What a program uses of it is put before it. A program that uses more of a
module, or the module itself as a value, that deletes a name, has classes or catches errors, is not
rewritten: what is supplied raises where it would not be exact, and such a program runs in CPython.
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
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from types import MethodDescriptorType, ModuleType

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
    angle = math.atan2(z.imag, z.real)
    if z.imag and abs(angle) < 1e-300:
        raise NotImplementedError('an angle that may be too small')
    return angle
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

#: Types whose methods, as values, are supplied; not of those that are called on the type itself.
_TYPES: Mapping[str, type] = {"dict": dict, "list": list, "set": set, "str": str}
_METHOD = """
def {own}(self, *args, **keywords):
    if {type}(self) is not {kind}:
        raise {error}('another type')
    return self.{name}(*args, **keywords)
"""
#: The same of one object, of the method that most often is a value.
_BOUND = "get"
_BOUND_METHOD = """
def {own}(owner):
    if not {isinstance}(owner, {kind}):
        raise {error}('another type')
    return lambda *args: owner.{name}(*args)
"""

#: Monty makes no bare objects. They are made to be told from all else, which a new list is too.
_INSTEAD = {"object": "list"}

_IMPORTED = re.compile(
    rf"^[ \t]*(?:import[ \t][^\n]*\b|from[ \t]+)(?:{'|'.join(_MODULES)})\b", re.MULTILINE
)
_DELETING = re.compile(r"\bdel\b")
_METHOD_VALUE = re.compile(rf"(?:^|[^\w.])(?:{'|'.join(_TYPES)})\.")
_BOUND_VALUE = re.compile(rf"\.{_BOUND}\b(?! *\()")

#: Programs with these are not rewritten: objects of their own compare and ``pop`` as they like, and
#: what is raised, which is not always what CPython raises, must not be caught.
_OTHERWISE = ("class", "type", "except", "finally")

#: Ends a line for some and not for others.
_ODD_LINES = re.compile(r"\r(?!\n)|[\f\v\x1c-\x1e]")

#: Longer sources are not rewritten, in characters.
_MOST_CHARS = 20_000


def supply(source: str) -> tuple[str, str] | None:
    """A text to stand before ``source``, and ``source`` with what it imports taken from there; None
    where it wants nothing of this, or more than there is. Takes 0.2 ms where it wants something."""
    if len(source) > _MOST_CHARS or not _wants(source):
        return None
    if not source.isascii() or _ODD_LINES.search(source):
        return None  # places in the text are counted otherwise
    try:
        return _rewritten(source, list(nodes_of(ast.parse(source))))
    except (_UnsuppliedError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _wants(source: str) -> bool:
    if any(word in source for word in _OTHERWISE):
        return False
    if "import" in source and _IMPORTED.search(source):
        return True
    if any(f"{k}." in source for k in _TYPES) and _METHOD_VALUE.search(source):
        return True
    if f".{_BOUND}" in source and _BOUND_VALUE.search(source):
        return True
    return "del" in source and bool(_DELETING.search(source))


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
    bound = [f"{_own('builtin', n)} = {_INSTEAD.get(n, n)}" for n in sorted(names)]
    return "\n".join([*bound, *(texts[name] for name in sorted(texts))])


def _own(module: str, name: str) -> str:
    return f"{OWN}{module}_{name}"


#: A definition, the functions of its module that it needs, and the builtins.
_Part = tuple[str, frozenset[str], frozenset[str]]


@lru_cache(maxsize=len(_MODULES) + len(_TYPES))
def _parts(module: str) -> dict[str, _Part]:
    """What is supplied of a module or a type, by name."""
    if module in _TYPES:
        return _methods(module)
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
    written_names = [node.name for node in written if isinstance(node, ast.FunctionDef)]
    rest = [*_FUNCTIONS.get(module, ()), *written_names]
    while rest:
        name = rest.pop()
        if name not in parts:
            parts[name] = _part(module, functions[name], functions)
            rest += parts[name][1]
    return parts


def _methods(kind: str) -> dict[str, _Part]:
    members = vars(_TYPES[kind]).items()
    names = [name for name, value in members if isinstance(value, MethodDescriptorType)]
    parts: dict[str, _Part] = {}
    texts = {name: (name, _METHOD, "type") for name in names if not name.startswith("_")}
    if kind == "dict":
        texts[f"bound_{_BOUND}"] = (_BOUND, _BOUND_METHOD, "isinstance")
    for name, (method, text, asked) in texts.items():
        builtin = frozenset([asked, kind, "NotImplementedError"])
        own = {asked: _own("builtin", asked), "kind": _own("builtin", kind)}
        own |= {"own": _own(kind, name), "error": _own("builtin", "NotImplementedError")}
        parts[name] = (text.format(name=method, **own), frozenset(), builtin)
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
            node.id = _own("builtin", node.id)
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

    def span(node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None
        begin = begins[node.lineno - 1] + node.col_offset
        return begin, begins[node.end_lineno - 1] + node.end_col_offset

    def within(node: ast.expr) -> str:
        return source[slice(*span(node))]

    def put(node: ast.expr | ast.stmt, text: str) -> None:
        edits.append((*span(node), text))

    def bind(name: str, module: str, wanted: str) -> str:
        if wanted not in _parts(module):
            raise _UnsuppliedError(f"{module} has no {wanted} that is supplied")
        taken.add((module, wanted))
        return f"{name} = {_own(module, wanted)}"

    for part, owner in looked:
        if within(part) != f"{owner}.{part.attr}":  # as in f-strings
            raise _UnsuppliedError("a place that cannot be told")
        put(part, _looked_up(owner, part.attr))
    bound = {
        name
        for node in nodes
        if not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
        for name in _names_in(node)
    }
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            owned = within(node).removesuffix(f".{node.attr}")
            kind, method = owned, node.attr
            if kind in _TYPES and kind not in bound and method in _parts(kind):
                put(node, _own(kind, method))
            elif method == _BOUND and id(node) not in called and "dict" not in bound:
                kind, method = "dict", f"bound_{_BOUND}"
                put(node, f"{_own(kind, method)}({owned})")
            else:
                continue
            if ast.dump(ast.parse(owned, mode="eval").body) != ast.dump(node.value):
                raise _UnsuppliedError("a place that cannot be told")
            taken.add((kind, method))
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
            module = node.module or ""
            wanted = [(alias.asname or alias.name, alias.name) for alias in node.names]
            # What is never said again need not be there.
            texts = [bind(n, module, w) for n, w in wanted if names[n] > 1 or w == "*"]
            put(node, "; ".join(texts) or "pass")
        elif isinstance(node, ast.Delete):
            put(node, "; ".join([_deleted(target, within) for target in node.targets]))
    last = len(source)
    for begin, end, text in sorted(edits, reverse=True):
        if end > last:
            raise _UnsuppliedError("a place within a place")
        source, last = source[:begin] + text + source[end:], begin
    return _before(taken), source


def _deleted(target: ast.expr, within: Callable[[ast.expr], str]) -> str:
    """What deletes a member of a list or a dict, and raises for all else that monty has."""
    match target:
        case ast.Subscript(owner, ast.Slice(_, _, None) as part):
            return f"({within(owner)})[{within(part)}] = []"
        case ast.Subscript(owner, index) if not isinstance(index, ast.Slice):
            return f"({within(owner)}).pop(({within(index)}))"
    raise _UnsuppliedError("a name that is deleted")


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
