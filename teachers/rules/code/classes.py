"""Classes as units: a routine is what one call of a method gives on an object made anew.

Tests of the form ``assert Account(100).after(interest) == 105`` name such a routine. It becomes a
function that makes the object and calls the method, beside the class, which stays whole: a method
by itself cannot be replayed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tracemine.teachers.rules.code.calls import (
    NotACaseError,
    arguments_of,
    parameters_with_defaults,
)
from tracemine.teachers.rules.language.words import free_name

KEEPS_STATE = "an object is used for more than one call"


@dataclass(frozen=True, slots=True)
class Unit:
    """A method of a class, as the function ``wrapper``; ``making`` and ``calling`` map the
    parameters of the class and of the method to its own."""

    definition: ast.ClassDef
    method: ast.FunctionDef
    wrapper: ast.FunctionDef
    making: dict[str, str]
    calling: dict[str, str]


def units_of(definition: ast.ClassDef, taken: Sequence[str]) -> Iterator[Unit]:
    """The units of a class: each public method that gives something. ``taken`` are names that the
    functions may not have."""
    try:
        made, made_defaults = _constructor(definition)
    except NotACaseError:
        return
    used = {*taken, definition.name}
    for method in definition.body:
        if not isinstance(method, ast.FunctionDef) or method.name.startswith("_"):
            continue
        if method.decorator_list or not _returns(method):
            continue
        try:
            names, defaults = parameters_with_defaults(method, bound=True)
        except NotACaseError:
            continue
        own = set(used)
        making = {name: free_name(name, own) for name in made}
        calling = {name: free_name(name, own) for name in names}
        renamed = {**_values(making, made_defaults), **_values(calling, defaults)}
        name = free_name(method.name, own)
        wrapper = _wrapper(name, definition.name, method.name, making, calling, renamed)
        yield Unit(definition, method, wrapper, making, calling)


def _constructor(definition: ast.ClassDef) -> tuple[list[str], dict[str, ast.expr]]:
    for node in definition.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            return parameters_with_defaults(node, bound=True)
    fields = [n for n in definition.body if isinstance(n, ast.AnnAssign)]
    if any("dataclass" in ast.unparse(d) for d in definition.decorator_list):
        named = [(n.target.id, n.value) for n in fields if isinstance(n.target, ast.Name)]
        return [n for n, _ in named], {n: v for n, v in named if v is not None}
    if any(ast.unparse(base) != "object" for base in definition.bases):
        raise NotACaseError("made as its base is")
    return [], {}


def _returns(method: ast.FunctionDef) -> bool:
    return any(isinstance(n, ast.Return) and n.value is not None for n in ast.walk(method))


def _values(names: dict[str, str], defaults: dict[str, ast.expr]) -> dict[str, ast.expr]:
    return {names[name]: value for name, value in defaults.items() if name in names}


def _wrapper(
    name: str,
    made: str,
    called: str,
    making: dict[str, str],
    calling: dict[str, str],
    defaults: dict[str, ast.expr],
) -> ast.FunctionDef:
    def passed(names: dict[str, str]) -> str:
        return ", ".join(f"{key}={own}" for key, own in names.items())

    given = [
        own + (f"={ast.unparse(defaults[own])}" if own in defaults else "")
        for own in (*making.values(), *calling.values())
    ]
    head = f"def {name}({', '.join(['*', *given]) if given else ''}):\n"
    text = f"{head}    return {made}({passed(making)}).{called}({passed(calling)})\n"
    (function,) = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    return function


class _AsCalls(ast.NodeTransformer):
    """Puts a call of the unit's function in the place of ``Class(...).method(...)``."""

    def __init__(self, unit: Unit, objects: dict[str, ast.Call]) -> None:
        self.unit = unit
        self.objects = objects

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.func, ast.Attribute) or node.func.attr != self.unit.method.name:
            return node
        made: ast.expr | None = node.func.value
        if isinstance(made, ast.Name):
            made = self.objects.get(made.id)
        name = self.unit.definition.name
        if not isinstance(made, ast.Call) or ast.unparse(made.func) != name:
            return node
        given = {
            **_renamed(made, self.unit.making),
            **_renamed(node, self.unit.calling),
        }
        keywords = [ast.keyword(key, value) for key, value in given.items()]
        return ast.Call(ast.Name(self.unit.wrapper.name, ast.Load()), [], keywords)


def _renamed(call: ast.Call, names: dict[str, str]) -> dict[str, ast.expr]:
    given = arguments_of(call, list(names))
    return {names[key]: value for key, value in given.items()}


def as_test_of(text: str, unit: Unit) -> str:
    """A test as one of the unit's function; as it is where it uses no such object.

    Raises:
        NotACaseError: if it uses an object for more than this one call.
        SyntaxError, ValueError: if it does not parse.
    """
    tree = ast.parse(text.strip())
    objects: dict[str, ast.Call] = {}
    for node in tree.body:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        target = node.targets[0]
        if isinstance(target, ast.Name) and ast.unparse(node.value.func) == unit.definition.name:
            objects[target.id] = node.value
    for name in objects:
        uses = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == name]
        if len(uses) > 2:
            raise NotACaseError(KEEPS_STATE)
    body = [n for n in tree.body if not _makes(n, objects)]
    rewritten = _AsCalls(unit, objects).visit(ast.Module(body, []))
    return ast.unparse(ast.fix_missing_locations(rewritten))


def _makes(node: ast.stmt, objects: dict[str, ast.Call]) -> bool:
    return isinstance(node, ast.Assign) and any(node.value is call for call in objects.values())
