"""How a routine fails, or gives what was not wanted, on inputs that it may well be given."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from tracemine.schemas.types import NUMERIC
from tracemine.teachers.rules.derived.code_in_words import condition_words
from tracemine.teachers.rules.derived.facts import Facts, is_text
from tracemine.teachers.rules.derived.functions import (
    calls,
    constant_value,
    dotted_name,
    names_read,
)
from tracemine.teachers.rules.derived.inlining import as_expression
from tracemine.teachers.rules.derived.slices import written_names
from tracemine.teachers.rules.language.words import listed

#: Longest expression, in characters, that a failure mode quotes.
MAX_BRIEF = 80

_SUMS = (ast.Add, ast.Sub)


def failure_modes_of(facts: Facts, predicates: Sequence[str] = ()) -> Iterator[str]:
    """How ``facts.function`` fails on inputs that its ``predicates`` let through, or that no
    predicate can tell."""
    yield from _arithmetic_failures(facts, predicates)
    yield from _container_failures(facts, predicates)
    yield from _control_failures(facts)
    yield from _unit_failures(facts)


def _arithmetic_failures(facts: Facts, predicates: Sequence[str]) -> Iterator[str]:
    never_zero = _counters(facts) | {
        size for size, of in _sizes(facts).items() if f"len({of}) > 0" in predicates
    }
    for node in facts.nodes:
        if isinstance(node, (ast.BinOp, ast.AugAssign)):
            right = node.right if isinstance(node, ast.BinOp) else node.value
            is_number = constant_value(right) is not None
            is_number = is_number or _is_power(right) or facts.constant(right)
            is_number = is_number or (isinstance(right, ast.Name) and right.id in never_zero)
            if isinstance(node.op, ast.Div):
                if not is_number:
                    yield f"division by zero when {_brief(right)} is zero"
            elif isinstance(node.op, ast.FloorDiv):
                yield "integer division drops the remainder"
                if not is_number:
                    yield f"division by zero when {_brief(right)} is zero"
            elif isinstance(node.op, ast.Mod):
                left = node.left if isinstance(node, ast.BinOp) else node.target
                is_local = isinstance(left, ast.Name) and left.id not in facts.parameters
                is_remainder = is_local and _is_number(right, facts)
                if not is_number and (is_remainder or not is_text(left, facts)):
                    yield f"division by zero when {_brief(right)} is zero"
        elif isinstance(node, ast.Call):
            yield from _call_failures(node, facts)
    if any(_makes_floats(n) for n in facts.nodes):
        yield "floating-point rounding: compare results with a tolerance"


def _counters(facts: Facts) -> set[str]:
    """The names that nothing but loops over ``range(1, ...)`` and upwards give a value."""
    found: set[str] = set()
    counted: list[ast.AST] = []
    for node in facts.nodes:
        match node:
            case ast.For(
                ast.Name(name) as target,
                ast.Call(ast.Name("range"), [ast.Constant(int(first)), _, *rest], []),
            ) | ast.comprehension(
                ast.Name(name) as target,
                ast.Call(ast.Name("range"), [ast.Constant(int(first)), _, *rest], []),
            ) if first > 0 and not rest:
                found.add(name)
                counted.append(target)
    others = written_names(n for n in facts.nodes if not any(n is target for target in counted))
    return found - set(others) - set(facts.parameters)


def _is_power(node: ast.expr) -> bool:
    """Whether ``node`` is a power of a number other than zero."""
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Pow)
        and bool(constant_value(node.left))
    )


def _call_failures(node: ast.Call, facts: Facts) -> Iterator[str]:
    called = facts.called(node)
    if called == "int" and node.args:
        if isinstance(node.args[0], ast.BinOp):
            yield "converting to an integer drops the fraction"
        elif not _is_number(node.args[0], facts):
            yield "text that is not a number cannot be converted"
    elif called == "float" and node.args and not _is_number(node.args[0], facts):
        yield "text that is not a number cannot be converted"
    elif called in ("min", "max") and len(node.args) == 1:
        yield f"empty input: {called} of nothing"
    elif called == "round":
        yield "halves are rounded to the nearest even number"
    elif called in ("math.sqrt", "math.log", "math.log2", "math.log10") and node.args:
        yield f"undefined when {_brief(node.args[0])} is out of the domain of {called}"
    elif called in ("math.floor", "math.ceil"):
        yield "rounding to a whole number loses the fraction"


def _is_number(node: ast.expr, facts: Facts) -> bool:
    """Whether ``node`` is a number for sure: a numeric parameter, or what arithmetic gives."""
    if isinstance(node, ast.Name):
        return facts.head(node.id) in NUMERIC
    if isinstance(node, ast.BinOp):
        parts = (_is_number(node.left, facts), _is_number(node.right, facts))
        repeats = isinstance(node.op, (ast.Add, ast.Mult, ast.Mod))
        return all(parts) if repeats else any(parts)
    if isinstance(node, ast.Call):
        return facts.called(node) in ("abs", "float", "int", "len", "round") or facts.called(
            node
        ).startswith("math.")
    return type(constant_value(node)) in (int, float)


def _makes_floats(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Div)
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


def _brief(node: ast.AST) -> str:
    text = ast.unparse(node)
    return text if len(text) <= MAX_BRIEF else "the divisor"


def _container_failures(facts: Facts, predicates: Sequence[str]) -> Iterator[str]:
    parameters = set(facts.parameters)
    lengths = _places(facts)
    for node in facts.nodes:
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            if isinstance(node.slice, ast.Slice):
                continue
            if isinstance(node.value, ast.Name) and node.value.id in parameters:
                name = node.value.id
                if facts.head(name) == "dict":
                    yield f"a key that {name} lacks"
                elif constant_value(node.slice) == 0:
                    if f"len({name}) > 0" not in predicates:
                        yield f"empty input: {name} has no first item"
                elif not (isinstance(node.slice, ast.Name) and (node.slice.id, name) in lengths):
                    yield f"an index beyond the end of {name}"
        elif isinstance(node, ast.Call) and facts.called(node) == "next" and len(node.args) == 1:
            yield "nothing found: next on an exhausted iterator"
    iterated = {name for _, name in lengths} | {
        n.iter.id for n in facts.nodes if isinstance(n, (ast.For, ast.comprehension))
        and isinstance(n.iter, ast.Name)
    }  # fmt: skip
    for name in facts.parameters:
        if name in iterated and f"len({name}) > 0" not in predicates:
            yield f"empty {name}: check that the result for nothing is the wanted one"
    for name in written_names(ast.walk(facts.function)):
        is_container = name in parameters and facts.head(name) in ("list", "dict", "set")
        if is_container and not _is_rebound(name, [facts.function]):
            yield f"changes {name} in place"
    for node in facts.nodes:
        if isinstance(node, ast.For) and isinstance(node.target, ast.Name):
            of = node.iter.id if isinstance(node.iter, ast.Name) else ""
            written = written_names(n for part in node.body for n in ast.walk(part))
            if (
                of in parameters
                and node.target.id in written
                and not _is_rebound(node.target.id, node.body)
            ):
                yield f"changes the members of {of} in place"


def _places(facts: Facts) -> set[tuple[str, str]]:
    """Pairs of a loop's variable and a name that has an item at each of its values: of
    ``for i in range(len(xs))``, and of ``range(n)`` where n is that length."""
    sizes = _sizes(facts)
    found: set[tuple[str, str]] = set()
    for node in facts.nodes:
        if not isinstance(node, (ast.For, ast.comprehension)) or not isinstance(
            node.iter, ast.Call
        ):
            continue
        called, arguments = facts.called(node.iter), node.iter.args
        if called == "range" and arguments and len(arguments) < 3:
            end = arguments[-1]
            of = _length_of(end) or (sizes.get(end.id, "") if isinstance(end, ast.Name) else "")
            if of and isinstance(node.target, ast.Name):
                found.add((node.target.id, of))
        elif called == "enumerate" and arguments and isinstance(arguments[0], ast.Name):
            first = node.target.elts[0] if isinstance(node.target, ast.Tuple) else node.target
            if isinstance(first, ast.Name):
                found.add((first.id, arguments[0].id))
    return found


def _sizes(facts: Facts) -> dict[str, str]:
    """Name -> the name whose length it was given: n -> xs, of ``n = len(xs)``."""
    return {
        node.targets[0].id: of
        for node in facts.nodes
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and (of := _length_of(node.value))
    }


def _length_of(node: ast.expr) -> str:
    """The name whose length ``node`` is, or empty."""
    is_length = isinstance(node, ast.Call) and dotted_name(node.func) == "len"
    argument = node.args[0] if is_length and isinstance(node, ast.Call) and node.args else None
    return argument.id if isinstance(argument, ast.Name) else ""


def _is_rebound(name: str, nodes: Iterable[ast.AST]) -> bool:
    """Whether anything in ``nodes`` gives ``name`` another value."""
    return any(
        isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store)
        for node in nodes
        for n in ast.walk(node)
    )


def _control_failures(facts: Facts) -> Iterator[str]:
    for node in facts.nodes:
        if isinstance(node, ast.FunctionDef) and calls(node, node.name):
            cases = "large inputs, and those that no case ends"
            yield f"recursion in {node.name}: {cases}, reach the recursion limit"
        elif isinstance(node, ast.While) and not isinstance(node.test, ast.Constant):
            yield f"does not end if this stays so: {condition_words(node.test)}"
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            yield "errors inside are hidden by a bare except"
    returns = [n for n in ast.walk(facts.function) if isinstance(n, ast.Return)]
    if not returns:
        yield "returns nothing"
    elif any(n.value is not None for n in returns) and not _ends(facts.function.body):
        yield "gives None where no case of it returns a result"


def _ends(body: Sequence[ast.stmt]) -> bool:
    """Whether ``body`` always returns or raises before its end."""
    for statement in body:
        if isinstance(statement, (ast.Return, ast.Raise)):
            return True
        if isinstance(statement, ast.If) and _ends(statement.body) and _ends(statement.orelse):
            return True
        if isinstance(statement, ast.With) and _ends(statement.body):
            return True
        if isinstance(statement, ast.Try):
            parts = [[*statement.body, *statement.orelse], *(h.body for h in statement.handlers)]
            if _ends(statement.finalbody) or all(map(_ends, parts)):
                return True
        if (
            isinstance(statement, ast.While)
            and bool(constant_value(statement.test))
            and not any(isinstance(n, ast.Break) for n in ast.walk(statement))
        ):
            return True
    return False


def _unit_failures(facts: Facts) -> Iterator[str]:
    units = {p.unit for p in facts.signature.inputs if p.unit}
    if units:
        yield "inputs in other units than these give a wrong result: " + listed(sorted(units))
    # Where nothing is known of units, a formula is still one of amounts; a loop over items is not.
    numeric = {n for n in facts.parameters if facts.head(n) in NUMERIC}
    if len(numeric) < len(facts.parameters) or as_expression(facts.function) is None:
        return
    sums = (n for n in facts.nodes if isinstance(n, ast.BinOp) and isinstance(n.op, _SUMS))
    if any(len(numeric.intersection(names_read(n))) > 1 for n in sums):
        yield "amounts that are added or subtracted must be in the same unit"
