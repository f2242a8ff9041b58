"""What can be derived from a routine's code alone: what it needs, how it fails, its steps in words.

Everything here reads the syntax tree; nothing of the routine is run. The only thing evaluated is a
predicate that this module wrote itself, over the values of bindings, to make sure that it holds.
"""

from __future__ import annotations

import ast
import builtins
import copy
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tracemine.schemas import Parameter, Signature
from tracemine.schemas.types import NUMERIC, TypeSyntaxError, parse
from tracemine.teachers.rules.guards import guards_of, stated_conditions
from tracemine.teachers.rules.libraries import library_conditions

#: Longest formula, in characters, that a summary or a step quotes.
MAX_FORMULA = 160
#: Most steps in the text of a routine; what is beyond is said to be left to the code.
MAX_STEPS = 80
#: Most nodes of an expression that local names are substituted into.
MAX_NODES = 200
#: Most members of a container that a predicate's truth is checked over.
MAX_MEMBERS = 100_000
#: Most preconditions of each sort, so that an entry stays readable.
MAX_CONDITIONS = 8

_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "operator.add",
    ast.Sub: "operator.sub",
    ast.Mult: "operator.mul",
    ast.Div: "operator.truediv",
    ast.FloorDiv: "operator.floordiv",
    ast.Mod: "operator.mod",
    ast.Pow: "operator.pow",
    ast.MatMult: "operator.matmul",
    ast.BitAnd: "operator.and_",
    ast.BitOr: "operator.or_",
    ast.BitXor: "operator.xor",
    ast.LShift: "operator.lshift",
    ast.RShift: "operator.rshift",
}
_COMPARISON: dict[type[ast.cmpop], str] = {
    ast.Eq: "operator.eq",
    ast.NotEq: "operator.ne",
    ast.Lt: "operator.lt",
    ast.LtE: "operator.le",
    ast.Gt: "operator.gt",
    ast.GtE: "operator.ge",
    ast.Is: "operator.is_",
    ast.IsNot: "operator.is_not",
    ast.In: "operator.contains",
    ast.NotIn: "operator.contains",
}
_UNARY: dict[type[ast.unaryop], str] = {
    ast.USub: "operator.neg",
    ast.UAdd: "operator.pos",
    ast.Not: "operator.not_",
    ast.Invert: "operator.invert",
}
_BUILTINS = frozenset(dir(builtins))
_CONTAINER_TYPES: tuple[type, ...] = (str, list, dict, set, tuple, int, float)
_LOOPS = (ast.For, ast.While, ast.AsyncFor)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True, slots=True)
class Derived:
    """What `describe` finds. ``predicates`` are Python expressions over the parameter names that
    use builtins alone; each holds on every binding it was derived with."""

    preconditions: tuple[str, ...]
    predicates: tuple[str, ...]
    failure_modes: tuple[str, ...]
    subroutine: str
    summary: str


def find_function(tree: ast.Module, name: str) -> ast.FunctionDef:
    """The last top-level function ``name``, which is the one that a call reaches.

    Raises:
        ValueError: if there is none.
    """
    found = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name]
    if not found:
        raise ValueError(f"no function {name}")
    return found[-1]


def operations(code: str, entry_point: str) -> int:
    """How many operations the entry point and the functions it needs consist of.

    Counted: binary and unary arithmetic (the sign of a literal is none), each comparison, each
    ``and``/``or``, calls, loops, comprehensions and their filters, branches, reads by index or
    slice, and augmented assignments. Not counted: assignments, attribute access, literals, imports.

    Raises:
        SyntaxError: if ``code`` does not parse.
        ValueError: if it does not define ``entry_point``.
    """
    tree = ast.parse(code)
    functions = {n.name: n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    waiting: list[ast.AST] = [find_function(tree, entry_point)]
    seen = {entry_point}
    total = 0
    while waiting:
        for node in ast.walk(waiting.pop()):
            total += _weight(node)
            if isinstance(node, ast.Name) and node.id in functions and node.id not in seen:
                seen.add(node.id)
                waiting.append(functions[node.id])
    return total


def expression_operations(node: ast.AST) -> int:
    """The operations (as `operations` counts them) in one piece of a syntax tree."""
    return sum(_weight(n) for n in ast.walk(node))


def _weight(node: ast.AST) -> int:
    if isinstance(node, ast.UnaryOp):
        return 0 if isinstance(node.operand, ast.Constant) else 1
    if isinstance(node, ast.Compare):
        return len(node.ops)
    if isinstance(node, ast.BoolOp):
        return len(node.values) - 1
    if isinstance(node, ast.Subscript):
        return 1 if isinstance(node.ctx, ast.Load) else 0
    if isinstance(node, ast.comprehension):
        return 1 + len(node.ifs)
    counted = (ast.BinOp, ast.Call, ast.If, ast.IfExp, ast.AugAssign, *_LOOPS)
    return 1 if isinstance(node, counted) else 0


# --- straight-line code as one expression -----------------------------------------------------


class _Substitute(ast.NodeTransformer):
    def __init__(self, known: Mapping[str, ast.expr]) -> None:
        self.known = known

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if isinstance(node.ctx, ast.Load) and node.id in self.known:
            return copy.deepcopy(self.known[node.id])
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return node


def _substitute(node: ast.expr, known: Mapping[str, ast.expr]) -> ast.expr | None:
    """``node`` with what is known of local names put in; None where it grows too large, or where
    a name bound inside (a comprehension's) would be confused with one of ours."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store) and inner.id in known:
            return None
    result: ast.expr = _Substitute(known).visit(copy.deepcopy(node))
    return result if sum(1 for _ in ast.walk(result)) <= MAX_NODES else None


def parameters_of(function: ast.FunctionDef) -> list[str]:
    """The names of all parameters, in order, without ``*args`` and ``**kwargs``."""
    arguments = function.args
    return [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def _body(function: ast.FunctionDef) -> list[ast.stmt]:
    """The statements that do something: no docstring, import or ``pass``."""
    return [
        s
        for s in function.body
        if not isinstance(s, (ast.Pass, ast.Import, ast.ImportFrom))
        and not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
    ]


def as_expression(function: ast.FunctionDef) -> ast.expr | None:
    """The one expression over its parameters that a straight-line function returns, or None if
    it branches, loops, assigns to anything but a plain name, or grows too large."""
    known: dict[str, ast.expr] = {}
    for statement in _body(function):
        if isinstance(statement, ast.Return):
            return _substitute(statement.value, known) if statement.value is not None else None
        value = _assigned(statement)
        if value is None:
            return None
        name, expression = value
        inlined = _substitute(expression, known)
        if inlined is None or (_is_made_anew(inlined) and _uses(function, name) != 1):
            return None
        known[name] = inlined
    return None


def _is_made_anew(node: ast.expr) -> bool:
    """Whether evaluating ``node`` twice is not the same as once: it calls, or makes a container."""
    made = (ast.Call, ast.List, ast.Dict, ast.Set, *_COMPREHENSIONS)
    return any(isinstance(n, made) for n in ast.walk(node))


def _uses(function: ast.FunctionDef, name: str) -> int:
    """How often ``name`` is read; a read that may be repeated counts as many."""
    total = 0
    repeated = (ast.Lambda, ast.FunctionDef, *_COMPREHENSIONS)
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            total += 1
        elif isinstance(node, repeated) and node is not function:
            inside = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == name]
            total += 2 * len(inside)
    return total


def _assigned(statement: ast.stmt) -> tuple[str, ast.expr] | None:
    """The name and the value of a plain assignment."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        return (target.id, statement.value) if isinstance(target, ast.Name) else None
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        target = statement.target
        return (target.id, statement.value) if isinstance(target, ast.Name) else None
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        left = ast.Name(statement.target.id, ast.Load())
        combined = ast.BinOp(left, statement.op, statement.value)
        return statement.target.id, ast.copy_location(combined, statement)
    return None


# --- single tools -----------------------------------------------------------------------------


def single_tool(code: str, entry_point: str, signature: Signature | None = None) -> str | None:
    """The tool that the whole routine is: one arithmetic operation or comparison
    (``operator.mul``), or one call of a named function or method (``builtins.sorted``,
    ``math.gcd``, ``str.upper``), on inputs as they came and constants. None for anything more,
    and for a call that is given a function written on the spot.

    ``signature`` says whose method it is where several types have one of that name.

    Raises:
        SyntaxError: if ``code`` does not parse.
        ValueError: if it does not define ``entry_point``.
    """
    tree = ast.parse(code)
    function = find_function(tree, entry_point)
    imported = imported_names(tree)
    constants = _module_constants(tree)
    expression = _as_choice(function) or as_expression(function)
    if expression is None:
        return None
    inlined = _substitute(expression, constants)
    if inlined is None:
        return None
    return _tool_of(inlined, set(parameters_of(function)), imported, tree, signature)


def _as_choice(function: ast.FunctionDef) -> ast.expr | None:
    """The test of ``if TEST: return True`` / ``else: return False``, which only spells out TEST."""
    body = _body(function)
    if not body or not isinstance(body[0], ast.If) or len(body[0].body) != 1:
        return None
    rest = body[0].orelse or body[1:]
    if len(rest) != 1 or (body[0].orelse and len(body) > 1):
        return None
    first, second = body[0].body[0], rest[0]
    if _returned(first) is True and _returned(second) is False:
        return body[0].test
    return None


def _returned(statement: ast.stmt) -> Any:
    if isinstance(statement, ast.Return) and isinstance(statement.value, ast.Constant):
        return statement.value.value
    return None


def imported_names(tree: ast.AST) -> dict[str, str]:
    """Name -> the dotted thing it stands for, for every import anywhere in ``tree``."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    names[alias.asname] = alias.name
                else:
                    first = alias.name.partition(".")[0]
                    names[first] = first
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _module_constants(tree: ast.Module) -> dict[str, ast.expr]:
    found: dict[str, ast.expr] = {}
    for statement in tree.body:
        value = _assigned(statement)
        if value is not None and isinstance(statement, ast.Assign) and _is_literal(value[1]):
            found[value[0]] = value[1]
    return found


def _is_literal(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        return isinstance(node.operand, ast.Constant)
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return all(_is_literal(e) for e in node.elts)
    return False


def _tool_of(
    node: ast.expr,
    parameters: set[str],
    imported: Mapping[str, str],
    tree: ast.Module,
    signature: Signature | None,
) -> str | None:
    def is_atom(part: ast.AST) -> bool:
        if isinstance(part, ast.Name):
            return part.id in parameters or part.id in _BUILTINS or part.id in imported
        if isinstance(part, ast.Attribute):  # math.pi
            return isinstance(part.value, ast.Name) and part.value.id in imported
        if isinstance(part, ast.Slice):
            ends = (part.lower, part.upper, part.step)
            return all(e is None or is_atom(e) for e in ends)
        if isinstance(part, ast.Starred):
            return is_atom(part.value)
        return _is_literal(part)

    if isinstance(node, ast.IfExp):
        chosen = node.body, node.orelse
        if all(isinstance(c, ast.Constant) for c in chosen) and _truths(chosen) == (True, False):
            return _tool_of(node.test, parameters, imported, tree, signature)
        return None
    if isinstance(node, ast.BinOp) and is_atom(node.left) and is_atom(node.right):
        return _ARITHMETIC[type(node.op)]
    if isinstance(node, ast.UnaryOp) and is_atom(node.operand):
        return None if _is_literal(node) else _UNARY[type(node.op)]
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        parts = (node.left, node.comparators[0])
        return _COMPARISON[type(node.ops[0])] if all(map(is_atom, parts)) else None
    if isinstance(node, ast.Subscript) and is_atom(node.value) and is_atom(node.slice):
        return "operator.getitem"
    if isinstance(node, ast.Call):
        arguments = [*node.args, *(k.value for k in node.keywords)]
        if not all(is_atom(a) for a in arguments):
            return None
        return _callee(node.func, parameters, imported, tree, signature)
    return None


def _truths(parts: Iterable[ast.expr]) -> tuple[Any, ...]:
    return tuple(p.value if isinstance(p, ast.Constant) else None for p in parts)


def _callee(
    func: ast.expr,
    parameters: set[str],
    imported: Mapping[str, str],
    tree: ast.Module,
    signature: Signature | None,
) -> str | None:
    own = {n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    dotted = _dotted(func)
    if dotted is not None:
        first, _, rest = dotted.partition(".")
        if first in own or (first in parameters and not rest):
            return None
        if first in parameters:
            return _method(rest, _type_of_parameter(first, signature))
        if first in imported:
            return f"{imported[first]}.{rest}" if rest else imported[first]
        if first in _BUILTINS:
            return f"builtins.{first}" if not rest else dotted
        return None
    if isinstance(func, ast.Attribute) and _is_literal(func.value):
        return _method(func.attr, type(ast.literal_eval(func.value)).__name__)
    return None


def _dotted(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return f"{before}.{node.attr}" if before else None
    return None


def _type_of_parameter(name: str, signature: Signature | None) -> str | None:
    for parameter in signature.inputs if signature else ():
        if parameter.name == name:
            return _head(parameter.type)
    return None


def _method(name: str, owner: str | None) -> str | None:
    if "." in name:
        return None
    if owner in {t.__name__ for t in _CONTAINER_TYPES}:
        return f"{owner}.{name}"
    for kind in _CONTAINER_TYPES:
        if hasattr(kind, name):
            return f"{kind.__name__}.{name}"
    return f"object.{name}"


# --- describe ---------------------------------------------------------------------------------


def describe(
    code: str, entry_point: str, signature: Signature, bindings: Sequence[Mapping[str, Any]]
) -> Derived:
    """Preconditions, failure modes, steps and summary of a routine.

    ``bindings`` are values by parameter name; a predicate that does not hold on all of them is
    not given. Preconditions are empty only for a routine without parameters.

    Raises:
        SyntaxError: if ``code`` does not parse.
        ValueError: if it does not define ``entry_point``.
    """
    tree = ast.parse(code)
    function = find_function(tree, entry_point)
    facts = _Facts(tree, function, signature)
    words: list[str] = []
    predicates: list[str] = []
    checked = [_guard_condition(guard, facts) for guard in guards_of(function, facts.parameters)]
    for condition in [
        *_type_conditions(facts, bindings),
        *_value_conditions(facts),
        *checked[:MAX_CONDITIONS],
    ]:
        if not all(holds(p, b) for p in condition.predicates for b in bindings):
            if condition.needed_even_if_unprovable:
                words.append(condition.words)
            continue
        words.append(condition.words)
        predicates.extend(condition.predicates)
    words.extend(stated_conditions(function, code, facts.parameters))
    words.extend(_ranges_seen(signature, bindings))
    words.extend(library_conditions(tree))
    return Derived(
        preconditions=tuple(dict.fromkeys(words)),
        predicates=tuple(dict.fromkeys(predicates)),
        failure_modes=tuple(dict.fromkeys(_failure_modes(facts))),
        subroutine=_steps_text(tree, function),
        summary=_summary(function, signature),
    )


def _guard_condition(guard: ast.expr, facts: _Facts) -> _Condition:
    """A condition that the routine checks itself: a predicate too, where it does nothing but
    compare and count what comes in."""
    predicates = (f"bool({ast.unparse(guard)})",) if _is_comparing(guard, facts) else ()
    return _Condition(_guard_words(guard), predicates)


def _guard_words(guard: ast.expr) -> str:
    """A condition on inputs in words; a bare input is a condition too (``if not items: raise``)."""
    refused = isinstance(guard, ast.UnaryOp) and isinstance(guard.op, ast.Not)
    inner = guard.operand if isinstance(guard, ast.UnaryOp) and refused else guard
    if isinstance(inner, ast.Name):
        return f"{inner.id} is {'empty or zero' if refused else 'neither empty nor zero'}"
    if isinstance(inner, ast.Call) and len(inner.args) == 2 and _dotted(inner.func) == "isinstance":
        what, kind = map(ast.unparse, inner.args)
        return f"{what} is {'no' if refused else 'an'} instance of {kind}"
    return _condition_words(guard)


def _is_comparing(node: ast.expr, facts: _Facts) -> bool:
    if isinstance(node, ast.BoolOp):
        return all(_is_comparing(value, facts) for value in node.values)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _is_comparing(node.operand, facts)
    if isinstance(node, ast.Compare):
        return all(_is_compared(part, facts) for part in (node.left, *node.comparators))
    if isinstance(node, ast.Call) and facts.called(node) == "isinstance" and len(node.args) == 2:
        kinds = node.args[1].elts if isinstance(node.args[1], ast.Tuple) else [node.args[1]]
        return _is_compared(node.args[0], facts) and all(
            isinstance(kind, ast.Name) and kind.id in _PREDICATE_NAMES for kind in kinds
        )
    return isinstance(node, ast.Name) and node.id in facts.parameters


def _is_compared(node: ast.expr, facts: _Facts) -> bool:
    """Whether to evaluate ``node`` takes no time to speak of: no arithmetic but on numbers."""
    if isinstance(node, ast.Tuple):
        return all(isinstance(element, ast.Constant) for element in node.elts)
    if isinstance(node, ast.Call) and facts.called(node) in ("min", "max", "sum"):
        return len(node.args) == 1 and not node.keywords and isinstance(node.args[0], ast.Name)
    is_input = isinstance(node, ast.Name) and node.id in facts.parameters
    return is_input or isinstance(node, ast.Constant) or _is_arithmetic(node, facts)


class _Facts:
    """A function with what the conditions and failure modes ask of it."""

    def __init__(self, tree: ast.Module, function: ast.FunctionDef, signature: Signature) -> None:
        self.tree = tree
        self.function = function
        self.signature = signature
        self.parameters = parameters_of(function)
        self.types = {p.name: p.type for p in signature.inputs}
        self.imported = imported_names(tree)
        self.nodes = [n for n in ast.walk(tree) if not isinstance(n, ast.expr_context)]
        self.sure = list(_unconditional(function))

    def head(self, name: str) -> str:
        return _head(self.types.get(name, "any"))

    def called(self, node: ast.Call) -> str:
        """The dotted name of what is called, imports resolved; empty where it has none."""
        dotted = _dotted(node.func) or ""
        first, _, rest = dotted.partition(".")
        if first in self.imported:
            return f"{self.imported[first]}.{rest}" if rest else self.imported[first]
        return dotted


@dataclass(frozen=True, slots=True)
class _Condition:
    words: str
    predicates: tuple[str, ...]
    needed_even_if_unprovable: bool = False


def _head(text: str) -> str:
    try:
        return str(parse(text)[0])
    except TypeSyntaxError:
        return "any"


_CLASSES = {
    "bool": "bool",
    "str": "str",
    "expr": "str",
    "equation": "str",
    "interval": "str",
    "list": "list",
    "matrix": "list",
    "set": "(set, frozenset)",
    "tuple": "tuple",
    "dict": "dict",
    "complex": "(int, float, complex)",
}
_NOUNS = {
    "int": "an integer",
    "rational": "a number",
    "real": "a number",
    "complex": "a complex number",
    "bool": "true or false",
    "str": "a string",
    "expr": "an expression",
    "equation": "an equation",
    "interval": "an interval",
    "list": "a list",
    "matrix": "a matrix (a list of rows)",
    "set": "a set",
    "tuple": "a tuple",
    "dict": "a dictionary",
    "None": "None",
}
_PLURALS = {
    "int": "integers",
    "rational": "numbers",
    "real": "numbers",
    "complex": "complex numbers",
    "bool": "booleans",
    "str": "strings",
    "list": "lists",
    "tuple": "tuples",
    "set": "sets",
    "dict": "dictionaries",
}


def _type_conditions(facts: _Facts, bindings: Sequence[Mapping[str, Any]]) -> Iterator[_Condition]:
    whole = _names_that_must_be_whole(facts)
    for name in facts.parameters:
        text = facts.types.get(name, "any")
        yield _type_condition(name, text, name in whole, [b[name] for b in bindings if name in b])


def _type_condition(name: str, text: str, whole: bool, values: list[Any]) -> _Condition:
    head, arguments = parse(text)
    if head in NUMERIC and head != "complex":
        if whole and all(type(v) is int for v in values):
            return _Condition(f"{name} is an integer", (f"{_is_kind(name, 'int')}",), True)
        return _Condition(f"{name} is a number", (_is_kind(name, "(int, float)"),), True)
    if head in ("any", "none"):
        return _seen_kinds(name, values)
    noun = _NOUNS[head]
    predicates = [f"isinstance({name}, {_CLASSES[head]})"]
    if head in ("list", "set") and arguments:
        element = arguments[0][0]
        if element in _PLURALS:
            noun = f"{noun} of {_PLURALS[element]}"
            predicates.append(f"all({_element_test(element)} for item in {name})")
    return _Condition(f"{name} is {noun}", tuple(predicates), True)


def _is_kind(name: str, kinds: str) -> str:
    """A truth value is an int to Python, and no number to a routine."""
    return f"isinstance({name}, {kinds}) and not isinstance({name}, bool)"


def _element_test(head: str) -> str:
    if head in ("int", "rational", "real"):
        return _is_kind("item", "(int, float)")
    return f"isinstance(item, {_CLASSES[head]})"


def _seen_kinds(name: str, values: list[Any]) -> _Condition:
    """For a parameter that took values of several kinds: those kinds."""
    kinds = sorted({type(v).__name__ for v in values if v is not None})
    named = [k for k in kinds if k in _BUILTINS]
    tests = [f"isinstance({name}, ({', '.join(named)},))"] if named else []
    if any(v is None for v in values):
        tests.insert(0, f"{name} is None")
        kinds = ["None", *kinds]
    nouns = ["a number" if k == "float" else _NOUNS.get(k, f"a {k}") for k in kinds]
    words = f"{name} is {join_words(nouns, last='or')}" if nouns else f"{name} is given"
    return _Condition(words, (" or ".join(tests),) if tests else (), True)


def _names_that_must_be_whole(facts: _Facts) -> set[str]:
    """Parameters that Python itself wants as integers: in ``range``, as an index, in bit
    operations, as a count of repetitions."""
    found: set[str] = set()
    for node in facts.nodes:
        parts: list[ast.expr] = []
        if isinstance(node, ast.Call) and facts.called(node) in ("range", "math.factorial", "bin"):
            parts = list(node.args)
        elif isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice):
            if isinstance(node.value, ast.Name) and facts.head(node.value.id) != "dict":
                parts = [node.slice]
        elif isinstance(node, ast.Slice):
            parts = [e for e in (node.lower, node.upper, node.step) if e is not None]
        elif isinstance(node, ast.BinOp) and isinstance(
            node.op, (ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift)
        ):
            parts = [node.left, node.right]
        for part in parts:
            found.update(_additive_names(part))
    return found & set(facts.parameters)


def _additive_names(node: ast.expr) -> set[str]:
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub, ast.Mult)):
        return _additive_names(node.left) | _additive_names(node.right)
    return set()


def _unconditional(function: ast.FunctionDef) -> Iterator[tuple[ast.expr, dict[str, ast.expr]]]:
    """Every expression that is evaluated on each call, with what is known of local names there.

    Stops at the first statement that may end the call early: what follows may be guarded by it.
    """
    known: dict[str, ast.expr] = {}
    for statement in _body(function):
        for expression in _direct_expressions(statement):
            for part in _always(expression):
                yield part, known
        if isinstance(statement, ast.Return) or _may_leave(statement):
            return
        value = _assigned(statement)
        inlined = _substitute(value[1], known) if value else None
        known = dict(known)
        for name in stored_names(statement):
            known.pop(name, None)
        if value is not None:
            if inlined is None:
                # Not expressible over the parameters any more; the name hides one.
                known[value[0]] = ast.Constant(...)
            else:
                known[value[0]] = inlined
        else:
            for name in stored_names(statement):
                known[name] = ast.Constant(...)


def stored_names(node: ast.AST) -> list[str]:
    """The names that ``node`` binds, by place in the source; also where it only changes what they
    hold (``x[0] = 1``, ``x.append(1)`` count for ``x``)."""
    return written_names(ast.walk(node))


_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)


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
        elif isinstance(
            inner, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)
        ):
            if inner.name:
                found[inner.name] = None
        elif isinstance(inner, (ast.Import, ast.ImportFrom)):
            for alias in inner.names:
                found[alias.asname or alias.name.partition(".")[0]] = None
    return list(found)


#: Methods of the built-in containers that change them.
MUTATORS = frozenset(
    {
        "add", "append", "appendleft", "clear", "difference_update", "discard", "extend",
        "extendleft", "insert", "intersection_update", "pop", "popitem", "popleft", "remove",
        "reverse", "rotate", "setdefault", "sort", "symmetric_difference_update", "update",
    }
)  # fmt: skip


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
    elif isinstance(node, _COMPREHENSIONS):
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
    leaving = (ast.Return, ast.Raise, ast.Yield, ast.YieldFrom, ast.Try, ast.Assert, ast.Await)
    return any(isinstance(n, leaving) for n in ast.walk(statement))


def _value_conditions(facts: _Facts) -> Iterator[_Condition]:
    given = 0
    seen: set[tuple[str, ...]] = set()
    for node, known in facts.sure:
        for condition in _conditions_of(node, known, facts):
            if condition.predicates in seen:
                continue
            seen.add(condition.predicates)
            given += 1
            if given > MAX_CONDITIONS:
                return
            yield condition


def _conditions_of(
    node: ast.expr, known: Mapping[str, ast.expr], facts: _Facts
) -> Iterator[_Condition]:
    if isinstance(node, ast.BinOp):
        is_remainder = isinstance(node.op, ast.Mod) and not _is_text(node.left, facts)
        if is_remainder or isinstance(node.op, (ast.Div, ast.FloorDiv)):
            yield from _not_zero(node.right, known, facts)
        elif isinstance(node.op, ast.Pow) and _constant(node.right) == 0.5:
            yield from _compared(node.left, ">= 0", "is not negative", known, facts)
        return
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield from _long_enough(node, known, facts)
        return
    if not isinstance(node, ast.Call) or not node.args:
        return
    called, first = facts.called(node), node.args[0]
    if called in ("math.sqrt", "math.factorial", "math.isqrt"):
        yield from _compared(first, ">= 0", "is not negative", known, facts)
    elif called in ("math.log", "math.log2", "math.log10"):
        yield from _compared(first, "> 0", "is greater than zero", known, facts)
    elif called == "divmod" and len(node.args) == 2:
        yield from _not_zero(node.args[1], known, facts)
    elif called in ("min", "max", "statistics.mean", "statistics.median"):
        has_default = any(k.arg == "default" for k in node.keywords)
        if len(node.args) == 1 and not has_default and isinstance(first, ast.Name):
            yield from _not_empty(first.id, facts, known)


def _constant(node: ast.AST) -> Any:
    return node.value if isinstance(node, ast.Constant) else None


def _is_text(node: ast.expr, facts: _Facts) -> bool:
    if isinstance(node, ast.Name):
        return facts.head(node.id) not in NUMERIC
    return isinstance(node, ast.JoinedStr) or isinstance(_constant(node), str)


def _not_zero(node: ast.expr, known: Mapping[str, ast.expr], facts: _Facts) -> Iterator[_Condition]:
    inlined = _substitute(node, known)
    if (
        isinstance(inlined, ast.Call)
        and facts.called(inlined) == "len"
        and isinstance(inlined.args[0], ast.Name)
    ):
        yield from _not_empty(inlined.args[0].id, facts, {})
        return
    yield from _compared(node, "!= 0", "is not zero", known, facts)


def _not_empty(name: str, facts: _Facts, known: Mapping[str, ast.expr]) -> Iterator[_Condition]:
    source = known.get(name, ast.Name(name, ast.Load()))
    if isinstance(source, ast.Name) and source.id in facts.parameters:
        yield _Condition(f"{source.id} is not empty", (f"len({source.id}) > 0",))


def _long_enough(
    node: ast.Subscript, known: Mapping[str, ast.expr], facts: _Facts
) -> Iterator[_Condition]:
    inlined = _substitute(node.value, known)
    if not isinstance(inlined, ast.Name) or inlined.id not in facts.parameters:
        return
    name = inlined.id
    if facts.head(name) not in ("list", "tuple", "str", "matrix"):
        return
    try:
        index = ast.literal_eval(node.slice)
    except (ValueError, TypeError, SyntaxError):
        return
    if type(index) is not int:
        return
    least = index + 1 if index >= 0 else -index
    if least == 1:
        yield _Condition(f"{name} is not empty", (f"len({name}) > 0",))
    else:
        yield _Condition(f"{name} has at least {least} items", (f"len({name}) >= {least}",))


def _compared(
    node: ast.expr, test: str, words: str, known: Mapping[str, ast.expr], facts: _Facts
) -> Iterator[_Condition]:
    inlined = _substitute(node, known)
    if inlined is None or not _is_arithmetic(inlined, facts) or not names_read(inlined):
        return
    text = ast.unparse(inlined)
    if len(text) > MAX_FORMULA:
        return
    shown = f"({text})" if isinstance(inlined, (ast.IfExp, ast.Compare, ast.BoolOp)) else text
    yield _Condition(f"{text} {words}", (f"{shown} {test}",))


def names_read(node: ast.AST) -> list[str]:
    """The names that ``node`` reads, once each, by place in the source."""
    found = [n for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
    found.sort(key=lambda n: (getattr(n, "lineno", 0), getattr(n, "col_offset", 0)))
    return list(dict.fromkeys(n.id for n in found))


def _is_arithmetic(node: ast.AST, facts: _Facts) -> bool:
    """Whether ``node`` is plain arithmetic over numeric parameters, lengths and numbers: all that
    a predicate may contain, and nothing that takes long."""
    if isinstance(node, ast.Name):
        return node.id in facts.parameters and facts.head(node.id) in ("int", "rational", "real")
    if isinstance(node, ast.Constant):
        return type(node.value) in (int, float)
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, (ast.USub, ast.UAdd)) and _is_arithmetic(node.operand, facts)
    if isinstance(node, ast.BinOp):
        plain = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)
        is_square = isinstance(node.op, ast.Pow) and _constant(node.right) in (2, 3)
        if not isinstance(node.op, plain) and not is_square:
            return False
        return _is_arithmetic(node.left, facts) and _is_arithmetic(node.right, facts)
    if isinstance(node, ast.Call) and not node.keywords and len(node.args) == 1:
        if not isinstance(node.func, ast.Name):
            return False
        argument = node.args[0]
        if node.func.id == "len" and isinstance(argument, ast.Name):
            return argument.id in facts.parameters
        return node.func.id == "abs" and _is_arithmetic(argument, facts)
    return False


#: What a predicate may use.
_PREDICATE_NAMES: dict[str, Any] = {
    f.__name__: f
    for f in (
        abs, all, any, bool, bytes, complex, dict, float, frozenset, int, isinstance, len, list,
        max, min, set, str, sum, tuple,
    )
}  # fmt: skip


def holds(predicate: str, binding: Mapping[str, Any]) -> bool:
    """Whether a predicate of this module is true of ``binding``. Only for text that this module
    wrote: it is evaluated here, with a few builtins and nothing else."""
    if any(_size(v) > MAX_MEMBERS for v in binding.values()):
        return False
    names = {**_PREDICATE_NAMES, **binding, "__builtins__": {}}
    try:
        return eval(predicate, names) is True
    except (ArithmeticError, TypeError, ValueError, NameError, LookupError, RecursionError):
        return False


def _size(value: Any) -> int:
    return len(value) if isinstance(value, (list, tuple, set, frozenset, dict, str, bytes)) else 1


def _ranges_seen(signature: Signature, bindings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Ranges, where there is more than one value: a single one is the instance's own."""
    for parameter in signature.inputs:
        values = [b[parameter.name] for b in bindings if parameter.name in b]
        numbers = [
            v
            for v in values
            if isinstance(v, (int, float, Fraction))
            and not isinstance(v, bool)
            and math.isfinite(v)
        ]
        if numbers and len(numbers) == len(values) and min(numbers) < max(numbers):
            low, high = min(numbers), max(numbers)
            yield f"seen with {parameter.name} from {low} to {high}"


# --- failure modes ----------------------------------------------------------------------------


def _failure_modes(facts: _Facts) -> Iterator[str]:
    yield from _arithmetic_failures(facts)
    yield from _container_failures(facts)
    yield from _control_failures(facts)
    yield from _unit_failures(facts)


def _arithmetic_failures(facts: _Facts) -> Iterator[str]:
    for node in facts.nodes:
        if isinstance(node, (ast.BinOp, ast.AugAssign)):
            right = node.right if isinstance(node, ast.BinOp) else node.value
            is_number = _constant(right) is not None
            if isinstance(node.op, ast.Div):
                if not is_number:
                    yield f"division by zero when {_brief(right)} is zero"
            elif isinstance(node.op, ast.FloorDiv):
                yield "integer division drops the remainder"
                if not is_number:
                    yield f"division by zero when {_brief(right)} is zero"
            elif isinstance(node.op, ast.Mod):
                left = node.left if isinstance(node, ast.BinOp) else node.target
                if not is_number and not _is_text(left, facts):
                    yield f"division by zero when {_brief(right)} is zero"
        elif isinstance(node, ast.Call):
            yield from _call_failures(node, facts)
    if any(_makes_floats(n) for n in facts.nodes):
        yield "floating-point rounding: compare results with a tolerance"


def _call_failures(node: ast.Call, facts: _Facts) -> Iterator[str]:
    called = facts.called(node)
    if called == "int" and node.args:
        if isinstance(node.args[0], ast.BinOp):
            yield "converting to an integer drops the fraction"
        else:
            yield "text that is not a number cannot be converted"
    elif called == "float" and node.args:
        yield "text that is not a number cannot be converted"
    elif called in ("min", "max") and len(node.args) == 1:
        yield f"empty input: {called} of nothing"
    elif called == "round":
        yield "halves are rounded to the nearest even number"
    elif called in ("math.sqrt", "math.log", "math.log2", "math.log10") and node.args:
        yield f"undefined when {_brief(node.args[0])} is out of the domain of {called}"
    elif called in ("math.floor", "math.ceil"):
        yield "rounding to a whole number loses the fraction"


def _makes_floats(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Div)
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


def _brief(node: ast.AST) -> str:
    text = ast.unparse(node)
    return text if len(text) <= MAX_FORMULA // 2 else "the divisor"


def _container_failures(facts: _Facts) -> Iterator[str]:
    parameters = set(facts.parameters)
    for node in facts.nodes:
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            if isinstance(node.slice, ast.Slice):
                continue
            if isinstance(node.value, ast.Name) and node.value.id in parameters:
                if facts.head(node.value.id) == "dict":
                    yield f"a key that {node.value.id} lacks"
                elif _constant(node.slice) == 0:
                    yield f"empty input: {node.value.id} has no first item"
                else:
                    yield f"an index beyond the end of {node.value.id}"
        elif isinstance(node, ast.Call) and facts.called(node) in ("next",):
            yield "nothing found: next on an exhausted iterator"
    iterated = {
        n.iter.id for n in facts.nodes if isinstance(n, (ast.For, ast.comprehension))
        and isinstance(n.iter, ast.Name)
    } & parameters  # fmt: skip
    for name in facts.parameters:
        if name in iterated or (
            facts.head(name) in ("list", "str", "tuple", "set", "dict") and not iterated
        ):
            yield f"empty {name}: check that the result for nothing is the wanted one"
    for name in stored_names(facts.function):
        is_container = name in parameters and facts.head(name) in ("list", "dict", "set")
        if is_container and _changes_in_place(facts.function, name):
            yield f"changes {name} in place"


def _changes_in_place(function: ast.FunctionDef, name: str) -> bool:
    rebound = any(
        isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store)
        for n in ast.walk(function)
    )
    return not rebound


def _control_failures(facts: _Facts) -> Iterator[str]:
    for node in facts.nodes:
        if isinstance(node, ast.FunctionDef) and _calls(node, node.name):
            yield f"recursion in {node.name}: large inputs reach the recursion limit"
        elif isinstance(node, ast.While):
            yield "the loop ends only if its condition becomes false"
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            yield "errors inside are hidden by a bare except"
    if not any(isinstance(n, ast.Return) for n in ast.walk(facts.function)):
        yield "returns nothing"


def _calls(function: ast.FunctionDef, name: str) -> bool:
    return any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == name
        for n in ast.walk(function)
    )


def _unit_failures(facts: _Facts) -> Iterator[str]:
    units = {p.unit for p in facts.signature.inputs if p.unit}
    if len(units) > 1:
        yield "inputs in other units than these give a wrong result: " + join_words(sorted(units))
        return
    numeric = [n for n in facts.parameters if facts.head(n) in NUMERIC]
    if len(numeric) < 2:
        straight = not any(isinstance(n, (*_LOOPS, *_COMPREHENSIONS)) for n in facts.nodes)
        if numeric and straight and any(isinstance(n, ast.BinOp) for n in facts.nodes):
            yield f"{numeric[0]} in another unit than the constants assume gives a wrong result"
        return
    for node in facts.nodes:
        is_sum = isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub))
        if is_sum and len(set(names_read(node)) & set(numeric)) > 1:
            yield "amounts that are added or subtracted must be in the same unit"
            return
    if any(isinstance(n, ast.BinOp) for n in facts.nodes):
        yield "inputs in different units give a wrong result"


# --- steps in words ---------------------------------------------------------------------------

_VERBS: dict[type[ast.operator], str] = {
    ast.Add: "Add {0} and {1}",
    ast.Sub: "Subtract {1} from {0}",
    ast.Mult: "Multiply {0} by {1}",
    ast.Div: "Divide {0} by {1}",
    ast.FloorDiv: "Divide {0} by {1}, dropping the remainder,",
    ast.Mod: "Take the remainder of {0} divided by {1}",
    ast.Pow: "Raise {0} to the power {1}",
}
_CHANGES: dict[type[ast.operator], str] = {
    ast.Add: "Add {1} to {0}",
    ast.Sub: "Subtract {1} from {0}",
    ast.Mult: "Multiply {0} by {1}",
    ast.Div: "Divide {0} by {1}",
    ast.FloorDiv: "Divide {0} by {1}, dropping the remainder",
    ast.Mod: "Replace {0} by its remainder when divided by {1}",
    ast.Pow: "Raise {0} to the power {1}",
}
_COMPARED: dict[type[ast.cmpop], str] = {
    ast.Eq: "{0} equals {1}",
    ast.NotEq: "{0} is not {1}",
    ast.Lt: "{0} is less than {1}",
    ast.LtE: "{0} is at most {1}",
    ast.Gt: "{0} is greater than {1}",
    ast.GtE: "{0} is at least {1}",
    ast.Is: "{0} is {1}",
    ast.IsNot: "{0} is not {1}",
    ast.In: "{0} is in {1}",
    ast.NotIn: "{0} is not in {1}",
}
_METHODS = {
    "append": "Append {1} to {0}",
    "add": "Add {1} to {0}",
    "extend": "Append all of {1} to {0}",
    "remove": "Remove {1} from {0}",
    "insert": "Insert {2} into {0} at {1}",
    "sort": "Sort {0}",
    "reverse": "Reverse {0}",
    "pop": "Remove the last item of {0}",
}

Line = tuple[int, str]


def _steps_text(tree: ast.Module, function: ast.FunctionDef) -> str:
    lines = list(_steps(_body(function), 0))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name != function.name:
            head = f"Here {node.name}({', '.join(parameters_of(node))}) means:"
            lines.append((0, head))
            lines.extend(_steps(_body(node), 1))
        elif isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef):
                    lines.append((0, _method_words(node.name, method)))
                    lines.extend(_steps(_body(method), 1))
    return _numbered(lines)


def _method_words(owner: str, method: ast.FunctionDef) -> str:
    given = ", ".join(parameters_of(method)[1:])
    if method.name == "__init__":
        return f"Here {owner}({given}) makes an object, self:"
    return f"Here self.{method.name}({given}), of a {owner}, means:"


def _numbered(lines: Sequence[Line]) -> str:
    counters: list[int] = []
    text: list[str] = []
    for depth, line in lines[:MAX_STEPS]:
        del counters[depth + 1 :]
        while len(counters) <= depth:
            counters.append(0)
        counters[depth] += 1
        number = ".".join(map(str, counters))
        mark = f"{number}." if depth == 0 else number
        text.append(f"{'   ' * depth}{mark} {line}")
    if len(lines) > MAX_STEPS:
        text.append("The remaining steps are as in the code.")
    return "\n".join(text)


def _steps(statements: Sequence[ast.stmt], depth: int) -> Iterator[Line]:
    for statement in statements:
        yield from _step(statement, depth)


def _step(statement: ast.stmt, depth: int) -> Iterator[Line]:
    if isinstance(statement, ast.Return):
        yield depth, _return_words(statement)
    elif isinstance(statement, ast.If):
        yield from _if_steps(statement, depth, "If")
    elif isinstance(statement, ast.For):
        yield depth, f"{_for_words(statement)}:"
        yield from _steps(statement.body, depth + 1)
        yield from _else_steps(statement.orelse, depth, "If the loop was not left early")
    elif isinstance(statement, ast.While):
        yield depth, f"While {_condition_words(statement.test)}, repeat:"
        yield from _steps(statement.body, depth + 1)
        yield from _else_steps(statement.orelse, depth, "If the loop was not left early")
    elif isinstance(statement, ast.FunctionDef):
        yield depth, f"Let {statement.name}({', '.join(parameters_of(statement))}) mean:"
        yield from _steps(_body(statement), depth + 1)
    elif isinstance(statement, ast.With):
        yield depth, f"With {', '.join(ast.unparse(i) for i in statement.items)}:"
        yield from _steps(statement.body, depth + 1)
    elif isinstance(statement, ast.Try):
        yield depth, "Try:"
        yield from _steps(statement.body, depth + 1)
        for handler in statement.handlers:
            kind = ast.unparse(handler.type) if handler.type is not None else "any error"
            yield depth, f"On {kind}:"
            yield from _steps(handler.body, depth + 1)
        yield from _else_steps(statement.orelse, depth, "If nothing failed")
        yield from _else_steps(statement.finalbody, depth, "In any case")
    else:
        line = _simple_words(statement)
        if line is not None:
            yield depth, line


def _else_steps(body: Sequence[ast.stmt], depth: int, words: str) -> Iterator[Line]:
    if body:
        yield depth, f"{words}:"
        yield from _steps(body, depth + 1)


def _if_steps(statement: ast.If, depth: int, word: str) -> Iterator[Line]:
    condition = _condition_words(statement.test)
    inner = list(_steps(statement.body, depth + 1))
    if len(inner) == 1 and not isinstance(statement.body[0], (ast.If, ast.For, ast.While)):
        only = inner[0][1]
        yield depth, f"{word} {condition}, {only[0].lower()}{only[1:]}"
    else:
        yield depth, f"{word} {condition}:"
        yield from inner
    if len(statement.orelse) == 1 and isinstance(statement.orelse[0], ast.If):
        yield from _if_steps(statement.orelse[0], depth, "Otherwise, if")
    elif statement.orelse:
        other = list(_steps(statement.orelse, depth + 1))
        if len(other) == 1:
            only = other[0][1]
            yield depth, f"Otherwise, {only[0].lower()}{only[1:]}"
        else:
            yield depth, "Otherwise:"
            yield from other


def _return_words(statement: ast.Return) -> str:
    if statement.value is None:
        return "Stop."
    worded = _operation_words(statement.value)
    if worded is not None:
        return f"{worded.rstrip(',')}; that is the result."
    if isinstance(statement.value, (ast.Name, ast.Constant)):
        return f"The result is {ast.unparse(statement.value)}."
    return f"The result is {_formula(statement.value)}."


def _formula(node: ast.AST) -> str:
    """An expression as a reader would type it."""
    text = " ".join(ast.unparse(node).split())
    is_bare = isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Store)
    return text[1:-1] if is_bare and text.startswith("(") else text


def _operation_words(node: ast.expr) -> str | None:
    """One arithmetic operation on names and numbers, as an instruction."""
    if isinstance(node, ast.BinOp) and type(node.op) in _VERBS:
        parts = (node.left, node.right)
        if all(isinstance(p, (ast.Name, ast.Constant)) for p in parts) and not any(
            isinstance(_constant(p), str) for p in parts
        ):
            return _VERBS[type(node.op)].format(*(ast.unparse(p) for p in parts))
    return None


def _for_words(statement: ast.For) -> str:
    target, source = _formula(statement.target), statement.iter
    if isinstance(source, ast.Call) and isinstance(source.func, ast.Name):
        if source.func.id == "range" and not source.keywords and 1 <= len(source.args) <= 2:
            low = ast.unparse(source.args[0]) if len(source.args) == 2 else "0"
            return f"For each {target} from {low} to {_before(source.args[-1])}"
        if source.func.id == "range" and len(source.args) == 3:
            low, high, by = (ast.unparse(a) for a in source.args)
            return f"For each {target} from {low} up to but not including {high} in steps of {by}"
    return f"For each {target} in {_formula(source)}"


def _before(end: ast.expr) -> str:
    """The last number of a range that stops before ``end``."""
    if isinstance(end, ast.BinOp) and isinstance(end.op, ast.Add) and _constant(end.right) == 1:
        return ast.unparse(end.left)
    if isinstance(end, ast.Constant) and type(end.value) is int:
        return str(end.value - 1)
    return ast.unparse(ast.BinOp(end, ast.Sub(), ast.Constant(1)))


def _condition_words(node: ast.expr) -> str:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        words = _COMPARED[type(node.ops[0])]
        return words.format(_formula(node.left), _formula(node.comparators[0]))
    if isinstance(node, ast.BoolOp):
        word = " and " if isinstance(node.op, ast.And) else " or "
        parts = [
            f"({_condition_words(v)})" if isinstance(v, ast.BoolOp) else _condition_words(v)
            for v in node.values
        ]
        return word.join(parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return f"not ({_condition_words(node.operand)})"
    if isinstance(node, ast.Constant):
        return "always" if node.value else "never"
    return f"{_formula(node)} is true"


def _simple_words(statement: ast.stmt) -> str | None:
    if isinstance(statement, (ast.Import, ast.ImportFrom, ast.Pass, ast.Global, ast.Nonlocal)):
        return None
    if isinstance(statement, ast.Break):
        return "Leave the loop."
    if isinstance(statement, ast.Continue):
        return "Go on with the next round."
    if isinstance(statement, ast.AugAssign):
        words = _CHANGES.get(type(statement.op))
        if words is not None:
            target, value = ast.unparse(statement.target), _formula(statement.value)
            return words.format(target, value) + "."
    if isinstance(statement, ast.Assign):
        return _assign_words(statement)
    if isinstance(statement, ast.AnnAssign):
        if statement.value is None:
            return None
        return f"Let {ast.unparse(statement.target)} be {_formula(statement.value)}."
    if isinstance(statement, ast.Raise):
        what = f" with {_formula(statement.exc)}" if statement.exc is not None else ""
        return f"Fail{what}."
    if isinstance(statement, ast.Expr):
        return _call_words(statement.value)
    return f"Run `{' '.join(ast.unparse(statement).split())}`."


def _assign_words(statement: ast.Assign) -> str:
    targets = " and ".join(_formula(t) for t in statement.targets)
    value = statement.value
    worded = _operation_words(value)
    if worded is not None:
        return f"{worded} to get {targets}."
    if isinstance(value, (ast.Constant, ast.List, ast.Dict, ast.Tuple, ast.Set)):
        return f"Set {targets} to {_formula(value)}."
    if isinstance(value, (ast.BinOp, ast.Compare, ast.BoolOp)):
        return f"Compute {_formula(value)} to get {targets}."
    return f"Let {targets} be {_formula(value)}."


def _call_words(value: ast.expr) -> str | None:
    if isinstance(value, ast.Constant):
        return None
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        words = _METHODS.get(value.func.attr)
        parts = [ast.unparse(value.func.value), *(_formula(a) for a in value.args)]
        needed = (words or "").count("{")
        if words is not None and len(parts) == needed and not value.keywords:
            return words.format(*parts) + "."
    return f"Run `{_formula(value)}`."


# --- summary ----------------------------------------------------------------------------------

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


def spoken(name: str) -> str:
    """An identifier as words: ``total_cost`` and ``totalCost`` are "total cost"."""
    found = _WORD.findall(name)
    return " ".join(w if w.isupper() and len(w) > 1 else w.lower() for w in found) or name


def join_words(parts: Sequence[str], *, last: str = "and") -> str:
    """``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def _summary(function: ast.FunctionDef, signature: Signature) -> str:
    output = spoken(signature.output.name)
    inputs = [_spoken_input(p) for p in signature.inputs]
    given = f" from {join_words(inputs)}" if inputs else ""
    expression = as_expression(function)
    formula = _formula(expression) if expression is not None else ""
    if formula and len(formula) <= MAX_FORMULA and not formula.startswith("lambda"):
        return f"Computes {output}{given}: {formula}"
    manner = _manner(function)
    return f"Computes {output}{given}{manner}"


def _spoken_input(parameter: Parameter) -> str:
    return parameter.name.replace("_", " ") if parameter.name.strip("_") else parameter.name


def _manner(function: ast.FunctionDef) -> str:
    tests: list[tuple[str, Callable[[ast.AST], bool]]] = [
        ("by recursion", lambda n: isinstance(n, ast.FunctionDef) and _calls(n, n.name)),
        ("in a loop", lambda n: isinstance(n, _LOOPS)),
        ("over the items", lambda n: isinstance(n, _COMPREHENSIONS)),
        ("by cases", lambda n: isinstance(n, (ast.If, ast.IfExp))),
    ]
    found = [words for words, test in tests if any(test(n) for n in ast.walk(function))]
    return f", {join_words(found[:2])}" if found else ""
