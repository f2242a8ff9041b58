"""The definitions of what is supplied to monty (`_supplied`): Python texts by module, or type, and
name.

Where the standard library has a module's functions in Python (those in C are the same by PEP 399)
its own text is taken. All names in a definition that are not its own begin with `OWN`, so that a
program which gives ``len`` another meaning gives it for itself alone. A definition raises
`NotImplementedError` where it would not be exact; CPython runs the program then.
"""

from __future__ import annotations

import ast
import cmath
import heapq
import inspect
import math
import operator
import string
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MethodDescriptorType, ModuleType

#: Generators of a module that are supplied as lists.
LISTED = frozenset([("heapq", "merge")])

#: What names begin with that a program does not have.
OWN = "__tm_"

#: Functions in Python's own text, by module. Not those that are generators, which monty lacks.
FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "heapq": ("heapify", "heappop", "heappush", "heappushpop", "heapreplace", "nlargest",
              "nsmallest"),
    "operator": ("add", "and_", "concat", "contains", "eq", "floordiv", "ge", "getitem", "gt",
                 "is_", "is_not", "le", "lt", "mod", "mul", "ne", "neg", "not_", "or_", "pos",
                 "pow", "sub", "truediv", "truth", "xor"),
}  # fmt: skip

#: The others. Of complex numbers only finite ones: what raises here is run in CPython. What gives a
#: generator there gives all of it here, for who goes through all at once.
_WRITTEN: Mapping[str, str] = {
    "heapq": """
def merge(*many):
    for rows in many:
        if type(rows) not in (list, tuple):
            raise NotImplementedError('rows of another kind')
        for row in rows:
            if type(row) is not int and type(row) is not str:
                raise NotImplementedError('members of another kind')
    rest, merged = [[rows, 0] for rows in many if rows], []
    while rest:
        least = rest[0]
        for other in rest:
            if other[0][other[1]] < least[0][least[1]]:
                least = other
        merged.append(least[0][least[1]])
        least[1] += 1
        if least[1] == len(least[0]):
            rest = [other for other in rest if other is not least]
    return merged
""",
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
    # What is looked through and is the same afterwards, as an iterator is not.
    "first": """
def held(rows):
    if type(rows) not in (list, tuple, str, dict, range):
        raise NotImplementedError('what may end')
    return rows
""",
    # ``+=`` extends a list by whatever has members; monty's, by lists alone.
    "extend": """
def added(owner, more):
    if type(owner) is list:
        owner.extend(more)
    else:
        owner += more
    return owner
""",
    # In which order CPython goes through sets of whole numbers, which are their own hashes: such a
    # set is a list of its slots here (Objects/setobject.c of 3.11), those that were left an empty
    # text. Others, and large ones, are monty's.
    "order": """
def _place(slots, key):
    mask = len(slots) - 1
    perturb, i = key, key & mask
    while True:
        for j in range(i, i + 10 if i + 9 <= mask else i + 1):
            if slots[j] is None:
                slots[j] = key
                return True
            if slots[j] == key:
                return False
        perturb >>= 5
        i = (i * 5 + 1 + perturb) & mask
def _slots(keys):
    slots, used = [None] * 8, 0
    for key in keys:
        if type(key) is not int or not 0 <= key < 2 ** 60:
            return set(keys)
        if _place(slots, key):
            used += 1
            if used * 5 >= (len(slots) - 1) * 3:
                size = 8
                while size <= used * 4:
                    size *= 2
                kept, slots = slots, [None] * size
                for other in kept:
                    if other is not None:
                        _place(slots, other)
    return slots
def of(rows):
    if type(rows) in (list, tuple, range) and len(rows) <= 1000:
        return _slots(rows)
    return set(rows)
def members(slots):
    if type(slots) is set:
        return list(slots)
    return [key for key in slots if type(key) is int]
def _copied(slots):
    keys, size = members(slots), 8
    while len(keys) > 4 and size <= len(keys) * 2:
        size *= 2
    if size == len(slots) and '' not in slots:
        return slots
    slots = [None] * size
    for key in keys:
        _place(slots, key)
    return slots
def both(one, other):
    if type(one) is set or type(other) is set:
        return set(members(one)) & set(members(other))
    left, right = members(one), members(other)
    if len(right) > len(left):
        left, right = right, left
    has = set(left)
    return _slots([key for key in right if key in has])
def less(one, other):
    left, has = members(one), set(members(other))
    if type(one) is set:
        return one - has
    if len(left) // 4 > len(has):
        return ['' if key in has else key for key in _copied(one)]
    return _slots([key for key in left if key not in has])
def every(slots, *others):
    if not others and type(slots) is not set:
        return _copied(slots)
    for other in others:
        slots = both(slots, other)
    return slots
""",
}

#: The modules, as they are here. Of ``array`` nothing: many import it and use none of it.
MODULES: Mapping[str, ModuleType | None] = {
    "array": None, "cmath": cmath, "heapq": heapq, "operator": operator, "string": string,
}  # fmt: skip

#: Types whose methods, as values, are supplied; not of those that are called on the type itself.
TYPES: Mapping[str, type] = {"dict": dict, "list": list, "set": set, "str": str}
_METHOD = """
def {own}(self, *args, **keywords):
    if {type}(self) is not {kind}:
        raise {error}('another type')
    return self.{name}(*args, **keywords)
"""
#: Methods that monty lacks, and what they say of a value of the type and another.
_OPERATIONS: Mapping[tuple[str, str], str] = {
    ("list", "__add__"): "self + other",
    ("str", "__add__"): "self + other",
}
_OPERATION = """
def {own}(self, other):
    if {type}(self) is not {kind} or {type}(other) is not {kind}:
        raise {error}('another type')
    return {name}
"""
#: The same of one object, of the method that most often is a value.
BOUND = "get"
_BOUND_METHOD = """
def {own}(owner):
    if not {isinstance}(owner, {kind}):
        raise {error}('another type')
    return lambda *args: owner.{name}(*args)
"""

#: Monty makes no bare objects. They are made to be told from all else, which a new list is too.
_INSTEAD = {"object": "list"}


def before(taken: Iterable[tuple[str, str]]) -> str:
    """Definitions of what is ``taken`` (module and name) and all that they need."""
    texts: dict[str, str] = {}
    names: set[str] = set()
    rest = sorted(taken)
    while rest:
        module, name = rest.pop()
        if own_name(module, name) not in texts:
            text, needed, builtin = parts(module)[name]
            texts[own_name(module, name)] = text
            rest += [(module, other) for other in needed]
            names |= builtin
    # As they are before the program gives their names another meaning.
    bound = [f"{own_name('builtin', n)} = {_INSTEAD.get(n, n)}" for n in sorted(names)]
    return "\n".join([*bound, *(texts[name] for name in sorted(texts))])


def own_name(module: str, name: str) -> str:
    """What the definition of a module's, or a type's, ``name`` is called."""
    return f"{OWN}{module}_{name}"


#: A definition, the functions of its module that it needs, and the builtins.
_Part = tuple[str, frozenset[str], frozenset[str]]


@lru_cache(maxsize=len(MODULES) + len(TYPES) + len(_WRITTEN))
def parts(module: str) -> dict[str, _Part]:
    """What is supplied of a module, a type or a way to write something, by name."""
    if module in TYPES:
        return _methods(module)
    real = MODULES.get(module)
    in_python = inspect.getsource(real) if real and module in FUNCTIONS else ""
    written = ast.parse(_WRITTEN.get(module, "")).body
    functions = {
        node.name: node
        for node in [*ast.parse(in_python).body, *written]
        if isinstance(node, ast.FunctionDef)
    }
    found: dict[str, _Part] = {
        name: (f"{own_name(module, name)} = {value!r}", frozenset(), frozenset())
        for name, value in (vars(real) if real else {}).items()
        if type(value) is str or (type(value) is float and math.isfinite(value))
        if not name.startswith("_")
    }
    written_names = [node.name for node in written if isinstance(node, ast.FunctionDef)]
    rest = [*FUNCTIONS.get(module, ()), *written_names]
    while rest:
        name = rest.pop()
        if name not in found:
            found[name] = _part(module, functions[name], functions)
            rest += found[name][1]
    return found


def _methods(kind: str) -> dict[str, _Part]:
    members = vars(TYPES[kind]).items()
    names = [name for name, value in members if isinstance(value, MethodDescriptorType)]
    found: dict[str, _Part] = {}
    texts = {name: (name, _METHOD, "type") for name in names if not name.startswith("_")}
    for (owner, name), operation in _OPERATIONS.items():
        if owner == kind:
            texts[name] = (operation, _OPERATION, "type")
    if kind == "dict":
        texts[f"bound_{BOUND}"] = (BOUND, _BOUND_METHOD, "isinstance")
    for name, (method, text, asked) in texts.items():
        builtin = frozenset([asked, kind, "NotImplementedError"])
        own = {asked: own_name("builtin", asked), "kind": own_name("builtin", kind)}
        own |= {"own": own_name(kind, name), "error": own_name("builtin", "NotImplementedError")}
        found[name] = (text.format(name=method, **own), frozenset(), builtin)
    return found


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
            node.id = own_name(module, node.id)
        elif node.id not in own:
            builtin.add(node.id)
            node.id = own_name("builtin", node.id)
    if ast.get_docstring(function) is not None:
        del function.body[0]
    function.name = own_name(module, function.name)
    return ast.unparse(function), frozenset(needed), frozenset(builtin)


__all__ = ["BOUND", "FUNCTIONS", "LISTED", "MODULES", "OWN", "TYPES", "before", "own_name", "parts"]
