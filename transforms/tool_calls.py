"""A hand-off as a call of its tool: what is called, and with what.

Hand-offs say one thing in many ways: ``a * b`` in code, "3 * 4 = 12" in words, ``price * 12`` with
a constant, ``operator.mul``. Here each is the same call, ``p0 * p1``, whose arguments are *slots*:
every place where an input of the routine or a constant stands, in order, so that one input in two
places is two slots. What makes a call another kind of call stays in it: truth values, None,
arguments by keyword, the ends of a slice.
"""

from __future__ import annotations

import ast
import builtins
import copy
import inspect
import keyword
import string
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tracemine.schemas import Parameter, Signature, Span, content_id
from tracemine.schemas.syntax import MAX_DEPTH, depth, reaches_out
from tracemine.schemas.types import TypeSyntaxError, coarse, parse, type_of
from tracemine.teachers.rules.derived.functions import (
    dotted_name,
    find_function,
    imported_names,
    is_literal,
    parameters_of,
)
from tracemine.teachers.rules.derived.tools import single_tool, whole_expression, written_as

#: Characters of a tool's name, and of a call: more is no name, and no call that a person reads.
MAX_NAME = 120
MAX_CALL = 400
#: Arguments of a call. A sum of more numbers is a sum of a list.
MAX_SLOTS = 24
#: Characters of a type's text; of a longer one only its head is kept.
MAX_TYPE = 120

#: Calls of which it is remembered what they call: most hand-offs are one of a few.
_REMEMBERED = 4096

NO_NAME = "no tool is named"
NO_CALL = "the code is not one call"
REACHES_OUT = "the tool may do more than compute"
NO_TYPE = "a type is none"
TOO_MANY = "more arguments than a pointer has"

#: Whose functions may be asked what they call their parameters: the standard library's, whose
#: import does nothing else.
_ASKED = frozenset(
    ["bisect", "builtins", "cmath", "heapq", "itertools", "math", "re", "statistics", "textwrap"]
)
_OWNERS: Mapping[str, type] = {
    t.__name__: t for t in (str, list, dict, set, frozenset, tuple, int, float, bytes)
}
#: What a parameter is called of which nobody said more than its type.
_BY_TYPE = {"number": "number", "str": "text", "list": "values", "set": "items", "dict": "mapping"}
_OPERATIONS = (ast.BinOp, ast.UnaryOp, ast.Compare)
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Slot:
    """An argument: the input ``name`` of the routine, or the constant ``value`` where that is
    empty."""

    name: str
    type: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Call:
    """``expression`` calls ``tool`` on the names ``p0``, ``p1``, ... of ``slots``; ``modules`` must
    be imported for it."""

    tool: str
    expression: str
    modules: tuple[str, ...]
    slots: tuple[Slot, ...]
    output: str

    @property
    def id(self) -> str:
        """The same for all that one pointer stands for: tool, call, and coarse types."""
        kinds = [coarse(slot.type) for slot in self.slots]
        return content_id("tool", self.tool, self.expression, kinds, coarse(self.output))

    def arguments(self, bindings: Mapping[str, Any]) -> dict[str, Any]:
        """The value of each slot, by its name in ``expression``.

        Raises:
            KeyError: if an input is not bound.
        """
        return {
            f"p{place}": bindings[slot.name] if slot.name else slot.value
            for place, slot in enumerate(self.slots)
        }


_ANY = Slot("", "any")


def call_of(span: Span) -> Call | str:
    """The call that a hand-off of kind ``tool`` is, or why there is none to point to. Without code
    the named tool is called on the signature's inputs. Code that is more than one call does more
    than the tool that it is said to be, whatever that is."""
    types = [*(p.type for p in span.signature.inputs), span.signature.output.type]
    try:
        *inputs, output = [_short(text) for text in types]
    except TypeSyntaxError:
        return NO_TYPE
    slots = {p.name: Slot(p.name, t) for p, t in zip(span.signature.inputs, inputs, strict=True)}
    if span.code:
        found = _read(span.code, span.entry_point or "", slots, output)
        if found is None:
            return NO_CALL
    else:
        found = _named(span.tool or "", tuple(slots.values()), output)
        if found is None:
            return NO_NAME
    if len(found.slots) > MAX_SLOTS:
        return TOO_MANY
    bare = Call(found.tool, found.expression, found.modules, (_ANY,) * len(found.slots), "any")
    return REACHES_OUT if _leads_out(bare) else found


def placeholders(call: Call) -> list[str]:
    """The names that the slots have in the call's expression."""
    return [f"p{place}" for place in range(len(call.slots))]


def routine_of(call: Call, names: Sequence[str]) -> tuple[str, str]:
    """``call`` as a routine whose parameters are ``names``: code and entry point."""
    entry_point = call.tool.rpartition(".")[2].strip("_") or "call"
    if keyword.iskeyword(entry_point) or entry_point in names or hasattr(builtins, entry_point):
        entry_point = f"call_{entry_point}"
    imports = "".join(f"import {module}\n" for module in call.modules)
    body = f"def {entry_point}({', '.join(names)}):\n    return {renamed(call, names)}\n"
    return f"{imports}\n\n{body}" if imports else body, entry_point


def renamed(call: Call, names: Sequence[str]) -> str:
    """The call's expression over ``names``."""
    tree = ast.parse(call.expression, mode="eval")
    return ast.unparse(_Rename(dict(zip(placeholders(call), names, strict=True))).visit(tree))


def names_for(call: Call, said: Sequence[str]) -> list[str]:
    """What the slots are called, each differently: as the tool calls its own parameters; else as
    those who call it do (``said``, empty where they do not agree); else letters for the operands of
    an operator, and words by type."""
    own = _own_names(call)
    letters = string.ascii_lowercase
    taken = {module.partition(".")[0] for module in call.modules}
    taken |= {n.id for n in ast.walk(ast.parse(call.expression)) if isinstance(n, ast.Name)}
    is_operator = isinstance(ast.parse(call.expression, mode="eval").body, _OPERATIONS)
    chosen: list[str] = []
    for place, slot in enumerate(call.slots):
        name = (own[place] if place < len(own) else "") or said[place]
        if not _is_name(name):
            name = letters[place] if is_operator else _BY_TYPE.get(coarse(slot.type), "value")
        number, base = 2, name
        while name in taken:
            name, number = f"{base}_{number}", number + 1
        taken.add(name)
        chosen.append(name)
    return chosen


def _own_names(call: Call) -> list[str]:
    """What the tool calls its parameters; empty where it is not known."""
    owner, _, name = call.tool.rpartition(".")
    function: Any = None
    if owner in _OWNERS:
        function = getattr(_OWNERS[owner], name, None)
    elif owner in _ASKED:
        __import__(owner)
        function = getattr(sys.modules[owner], name, None)
    node = ast.parse(call.expression, mode="eval").body
    if not callable(function) or not isinstance(node, ast.Call):
        return []
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []
    # What a list is called says more than "iterable", and the object of a method more than "self".
    names = [p.name if p.kind in _POSITIONAL else "" for p in parameters]
    names = ["" if len(n) < 2 and owner == "builtins" else n.strip("_") for n in names]
    return ["" if n in ("self", "iterable", "obj", "object", "args") else n for n in names]


def _is_name(name: str) -> bool:
    return (
        name.isidentifier()
        and name.isascii()
        and not keyword.iskeyword(name)
        and not hasattr(builtins, name)
        and len(name) <= MAX_NAME
    )


def _short(text: str) -> str:
    head, _ = parse(text)
    return text if len(text) <= MAX_TYPE else head


class _Rename(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.names.get(node.id, node.id), node.ctx)


# -- reading code ------------------------------------------------------------------------------


def _read(code: str, entry_point: str, inputs: Mapping[str, Slot], output: str) -> Call | None:
    """The call that a routine is; None where it cannot be read, or is not one call."""
    try:
        tree = ast.parse(code)
        if depth(tree) > MAX_DEPTH:
            return None
        function = find_function(tree, entry_point)
        expression = whole_expression(tree, function)
        if expression is None or set(parameters_of(function)) != inputs.keys():
            return None
        lift = _Lift(inputs, tree)
        lifted = lift.visit(copy.deepcopy(expression))
        terms = list(_terms(lifted))
        text = " + ".join(terms) if len(terms) > 1 else ast.unparse(lifted)
        if len(text) > MAX_CALL or not text.isprintable():
            return None
        call = Call("", text, tuple(sorted(lift.modules)), tuple(lift.slots), output)
        kinds = tuple(Slot("", slot.type) for slot in call.slots)
        bare = Call("", text, call.modules, kinds, output)
        # `sum` takes numbers; texts and lists are joined two by two, which is more than a call.
        is_sum = len(terms) > 2 and all(coarse(s.type) == "number" for s in call.slots)
        tool = "builtins.sum" if is_sum else _tool_of(bare)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None
    if tool is None:
        return None
    return Call(tool, call.expression, call.modules, call.slots, output) if call.slots else None


@lru_cache(maxsize=_REMEMBERED)
def _leads_out(call: Call) -> bool:
    return bool(reaches_out(routine_of(call, placeholders(call))[0]))


@lru_cache(maxsize=_REMEMBERED)
def _tool_of(call: Call) -> str | None:
    names = placeholders(call)
    parameters = tuple(Parameter(n, s.type) for n, s in zip(names, call.slots, strict=True))
    code, entry_point = routine_of(call, names)
    return single_tool(code, entry_point, Signature(parameters, Parameter("out", call.output)))


def _terms(node: ast.expr) -> Iterator[str]:
    """The names that a sum adds, however it is put in brackets; of anything else, one or none."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [list(_terms(part)) for part in (node.left, node.right)]
        if all(parts):
            yield from (*parts[0], *parts[1])


class _Lift(ast.NodeTransformer):
    """Puts slots where inputs and constants stand."""

    def __init__(self, inputs: Mapping[str, Slot], tree: ast.Module) -> None:
        self.inputs = inputs
        self.imported = imported_names(tree)
        self.known = {
            name
            for node in ast.walk(tree)
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        self.slots: list[Slot] = []
        self.modules: set[str] = set()

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.expr) and is_literal(node) and not _is_kept(node):
            value = ast.literal_eval(node)
            return self._slot(Slot("", _short(type_of(value)), value))
        return super().visit(node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.inputs:
            return self._slot(self.inputs[node.id])
        return self._imported(node) or node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        first = (dotted_name(node) or "").partition(".")[0]
        found = None if first in self.inputs else self._imported(node)
        if found is not None:
            return found
        self.generic_visit(node)
        return node

    def visit_keyword(self, node: ast.keyword) -> ast.keyword:
        if not is_literal(node.value):
            self.generic_visit(node)
        return node

    def visit_Slice(self, node: ast.Slice) -> ast.Slice:
        for name in ("lower", "upper", "step"):
            end = getattr(node, name)
            if end is not None and not is_literal(end):
                setattr(node, name, self.visit(end))
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        name = dotted_name(node.func) or ""
        plain = not node.keywords and not any(isinstance(a, ast.Starred) for a in node.args)
        operator = written_as("operator.pow" if name == "pow" else name)
        if not plain or operator is None:
            return node
        match operator, node.args:
            case ast.operator(), [left, right]:
                found: ast.expr = ast.BinOp(left, operator, right)
            case ast.cmpop(), [left, right]:
                found = ast.Compare(left, [operator], [right])
            case ast.unaryop(), [operand]:
                found = ast.UnaryOp(operator, operand)
            case _:
                return node
        self.modules.discard("operator")
        return found

    def _slot(self, slot: Slot) -> ast.Name:
        self.slots.append(slot)
        return ast.Name(f"p{len(self.slots) - 1}", ast.Load())

    def _imported(self, node: ast.expr) -> ast.expr | None:
        """A name that an import gave, as the whole dotted name; None for all others."""
        first, _, rest = (dotted_name(node) or "").partition(".")
        if first not in self.imported:
            return None
        name = f"{self.imported[first]}.{rest}" if rest else self.imported[first]
        modules = [m for m in self.known if name == m or name.startswith(f"{m}.")]
        self.modules.add(max(modules, key=len))
        return ast.parse(name, mode="eval").body


def _is_kept(node: ast.expr) -> bool:
    """Whether a constant says which way a tool is called, more than what it is called on."""
    return isinstance(node, ast.Constant) and (
        node.value is None or node.value is ... or isinstance(node.value, bool)
    )


# -- names alone -------------------------------------------------------------------------------


def _named(tool: str, slots: tuple[Slot, ...], output: str) -> Call | None:
    """The call of a tool of which the name alone is known, on all of ``slots``."""
    parts = tool.split(".")
    if len(tool) > MAX_NAME or not all(map(_is_part, parts)) or len(parts) < 2 or not slots:
        return None
    names = [f"p{place}" for place in range(len(slots))]
    owner, _, name = tool.rpartition(".")
    if owner == "builtins":
        return Call(tool, f"{name}({', '.join(names)})", (), slots, output)
    if owner in _OWNERS:
        return Call(tool, f"{names[0]}.{name}({', '.join(names[1:])})", (), slots, output)
    code = f"import {owner}\ndef f({', '.join(names)}):\n    return {tool}({', '.join(names)})"
    tree = ast.parse(code)
    lift = _Lift(dict(zip(names, slots, strict=True)), tree)
    expression = ast.unparse(lift.visit(ast.parse(f"{tool}({', '.join(names)})", mode="eval")))
    return Call(tool, expression, tuple(sorted(lift.modules)), slots, output)


def _is_part(part: str) -> bool:
    return part.isidentifier() and part.isascii() and not keyword.iskeyword(part)


__all__ = [
    "MAX_SLOTS",
    "NO_CALL",
    "NO_NAME",
    "NO_TYPE",
    "REACHES_OUT",
    "TOO_MANY",
    "Call",
    "Slot",
    "call_of",
    "names_for",
    "placeholders",
    "renamed",
    "routine_of",
]
