"""What a routine needs of its inputs, in words and, where it can be tested, as predicates."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tracemine.schemas import Signature
from tracemine.schemas.types import NUMERIC, parse
from tracemine.teachers.rules.derived.code_in_words import condition_words
from tracemine.teachers.rules.derived.facts import Facts
from tracemine.teachers.rules.derived.functions import (
    BUILTINS,
    constant_value,
    dotted_name,
    names_read,
)
from tracemine.teachers.rules.derived.guards import guards_of, stated_conditions
from tracemine.teachers.rules.derived.handed_on import bound_by
from tracemine.teachers.rules.derived.inlining import substituted
from tracemine.teachers.rules.derived.libraries import library_conditions
from tracemine.teachers.rules.derived.predicates import holds, is_arithmetic, is_comparing
from tracemine.teachers.rules.language.words import listed

#: Longest formula, in characters, that a condition quotes.
MAX_FORMULA = 160
#: Most preconditions of each sort, so that an entry stays readable.
MAX_CONDITIONS = 8
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


@dataclass(frozen=True, slots=True)
class _Condition:
    words: str
    predicates: tuple[str, ...]
    needed_even_if_unprovable: bool = False


#: Types by a value of theirs, for routines with a parameter called ``str`` or ``list``.
_TYPE_OF = {
    "bool": "type(True)", "int": "type(0)", "float": "type(0.0)", "complex": "type(0j)",
    "str": "type('')", "list": "type([])", "tuple": "type(())", "dict": "type({})",
    "set": "type({0})",
}  # fmt: skip


def preconditions_of(
    facts: Facts, code: str, bindings: Sequence[Mapping[str, Any]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What ``facts.function`` of ``code`` needs: in words, and as predicates that hold on all
    ``bindings`` (values by parameter name)."""
    words: list[str] = []
    predicates: list[str] = []
    guards = guards_of(facts)
    checked = [_guard_condition(guard, facts) for guard in guards]
    hidden = _TYPE_OF.keys() & set(facts.parameters)
    for condition in [
        *_type_conditions(facts, bindings),
        *_value_conditions(facts),
        *checked[:MAX_CONDITIONS],
    ]:
        tests = [_without(hidden, p) if hidden else p for p in condition.predicates]
        if not all(holds(test, b) for test in tests for b in bindings):
            if condition.needed_even_if_unprovable:
                words.append(condition.words)
            continue
        words.append(condition.words)
        predicates.extend(tests)
    words.extend(stated_conditions(facts.function, code, facts.parameters))
    words.extend(_ranges_seen(facts.signature, bindings))
    words.extend(library_conditions(facts.tree))
    return tuple(dict.fromkeys(words)), tuple(dict.fromkeys(predicates))


def _without(hidden: Set[str], predicate: str) -> str:
    """A predicate that names no type whose name a parameter has taken."""
    if not re.search(
        rf"isinstance\([^()]*, \(?[^()]*\b(?:{'|'.join(sorted(hidden))})\b", predicate
    ):
        return predicate
    return ast.unparse(_TypesByValue(hidden).visit(ast.parse(predicate, mode="eval")))


class _TypesByValue(ast.NodeTransformer):
    def __init__(self, hidden: Set[str]) -> None:
        self.hidden = hidden

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            what, kinds = node.args
            named = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
            values = [
                ast.parse(_TYPE_OF[kind.id], mode="eval").body
                if isinstance(kind, ast.Name) and kind.id in self.hidden
                else kind
                for kind in named
            ]
            whole = ast.Tuple(values, ast.Load()) if isinstance(kinds, ast.Tuple) else values[0]
            return ast.Call(node.func, [what, whole], [])
        return self.generic_visit(node)


def _guard_condition(guard: ast.expr, facts: Facts) -> _Condition:
    """A condition that the routine checks itself: a predicate too, where it does nothing but
    compare and count what comes in."""
    is_sure = is_comparing(guard, facts) and "bool" not in facts.bound
    predicates = (f"bool({ast.unparse(guard)})",) if is_sure else ()
    return _Condition(_guard_words(guard), predicates)


def _guard_words(guard: ast.expr) -> str:
    """A condition on inputs in words; a bare input is a condition too (``if not items: raise``)."""
    refused = isinstance(guard, ast.UnaryOp) and isinstance(guard.op, ast.Not)
    inner = guard.operand if isinstance(guard, ast.UnaryOp) and refused else guard
    if isinstance(inner, ast.Name):
        return f"{inner.id} is {'empty or zero' if refused else 'neither empty nor zero'}"
    if (
        isinstance(inner, ast.Call)
        and len(inner.args) == 2
        and dotted_name(inner.func) == "isinstance"
    ):
        what, kind = map(ast.unparse, inner.args)
        return f"{what} is {'no' if refused else 'an'} instance of {kind}"
    return condition_words(guard)


def _type_conditions(facts: Facts, bindings: Sequence[Mapping[str, Any]]) -> Iterator[_Condition]:
    counting, sure = _names_that_count(facts), _names_that_must_be_whole(facts)
    for name in facts.parameters:
        text = facts.types.get(name, "any")
        values = [b[name] for b in bindings if name in b]
        condition = _type_condition(name, text, values)
        is_number = parse(text)[0] in NUMERIC and condition.predicates == (_is_number(name),)
        if is_number and all(type(v) is int for v in values):
            if name in sure:
                condition = _Condition(f"{name} is an integer", (_is_whole(name),), True)
            elif name in counting:
                # Some calls may take other numbers, so that only the words say it.
                condition = _Condition(f"{name} is an integer", condition.predicates, True)
        yield condition


def _type_condition(name: str, text: str, values: list[Any]) -> _Condition:
    head, arguments = parse(text)
    if head in NUMERIC and head != "complex":
        return _Condition(f"{name} is a number", (_is_number(name),), True)
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


def _is_whole(name: str) -> str:
    """A truth value is an int to Python, and no number to a routine."""
    return f"isinstance({name}, int) and not isinstance({name}, bool)"


def _is_number(name: str) -> str:
    """Fractions are numbers too; predicates have no imports to name their class with."""
    return f"type({name}).__name__ in ('int', 'float', 'Fraction')"


def _element_test(head: str) -> str:
    if head in ("int", "rational", "real"):
        return _is_number("item")
    return f"isinstance(item, {_CLASSES[head]})"


def _seen_kinds(name: str, values: list[Any]) -> _Condition:
    """For a parameter that took values of several kinds: those kinds."""
    kinds = sorted({type(v).__name__ for v in values if v is not None})
    numbers = {"int", "float", "Fraction"} & set(kinds)
    named = [k for k in kinds if k in BUILTINS and k not in numbers]
    tests = [f"isinstance({name}, ({', '.join(named)},))"] if named else []
    if numbers:
        tests.append(_is_number(name))
    if any(v is None for v in values):
        tests.insert(0, f"{name} is None")
        kinds = ["None", *kinds]
    nouns = ["a number" if k in ("float", "Fraction") else _NOUNS.get(k, f"a {k}") for k in kinds]
    words = f"{name} is {listed(nouns, last='or')}" if nouns else f"{name} is given"
    return _Condition(words, (" or ".join(tests),) if tests else (), True)


def _names_that_must_be_whole(facts: Facts) -> set[str]:
    """Parameters that Python itself wants as integers on every call that returns."""
    if not facts.is_plain:
        return set()
    found: set[str] = set()
    for node, known in facts.sure:
        is_item = isinstance(node, ast.Subscript) and _is_sequence(node.value, known, facts)
        for part in _counts(node, is_item, facts):
            inlined = substituted(part, known)
            if inlined is not None:
                found.update(_whole_names(inlined))
    return found & set(facts.parameters)


def _names_that_count(facts: Facts) -> set[str]:
    """Parameters that Python wants as integers on some calls, and that keep their first value."""
    sequences = _sequences(facts)
    found: set[str] = set()
    for node in facts.nodes:
        is_item = isinstance(node, ast.Subscript) and (
            isinstance(node.value, ast.Name) and node.value.id in sequences
        )
        for part in _counts(node, is_item, facts):
            found.update(_whole_names(part))
    bound = {name for statement in facts.function.body for name in bound_by(statement)}
    return (found & set(facts.parameters)) - bound


def _counts(node: ast.AST, is_item: bool, facts: Facts) -> list[ast.expr]:
    """The parts of ``node`` that have to be integers: in ``range``, as an index (``is_item`` says
    that ``node`` takes an item of a sequence), in bit operations, as a count of repetitions."""
    bits = (ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift)
    match node:
        case ast.Call() if facts.called(node) in ("range", "math.factorial", "bin"):
            return list(node.args)
        case ast.Slice(lower, upper, step):
            return [part for part in (lower, upper, step) if part is not None]
        case ast.Subscript(_, index) if is_item and not isinstance(index, ast.Slice):
            return [index]
        case ast.BinOp(left, op, right) if isinstance(op, bits):
            return [left, right]
        case ast.BinOp(ast.List(), ast.Mult(), count) | ast.BinOp(count, ast.Mult(), ast.List()):
            return [count]
    return []


def _is_sequence(node: ast.expr, known: Mapping[str, ast.expr], facts: Facts) -> bool:
    """Whether ``node`` is a list, a tuple or a text on every call."""
    made = substituted(node, known)
    if isinstance(made, ast.BinOp) and isinstance(made.op, (ast.Mult, ast.Add)):
        made = made.left
    if isinstance(made, ast.Name):
        return made.id in facts.parameters and facts.head(made.id) in _SEQUENCES
    if isinstance(made, ast.Call):
        return facts.called(made) in ("list", "sorted", "str", "tuple")
    return isinstance(made, (ast.List, ast.ListComp, ast.Tuple, ast.JoinedStr)) or isinstance(
        constant_value(made) if made is not None else None, str
    )


_SEQUENCES = ("list", "tuple", "str", "matrix")


def _sequences(facts: Facts) -> set[str]:
    """The names that hold lists, tuples or texts whenever they are read."""
    kinds: dict[str, set[bool]] = {
        name: {facts.head(name) in _SEQUENCES} for name in facts.parameters
    }
    for node in facts.nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            made = node.value
            if isinstance(made, ast.BinOp):
                made = made.left
            is_list = isinstance(made, (ast.List, ast.ListComp, ast.Tuple, ast.JoinedStr)) or (
                isinstance(made, ast.Call) and facts.called(made) in ("list", "sorted", "tuple")
            )
            kinds.setdefault(node.targets[0].id, set()).add(is_list)
        elif isinstance(node, (ast.For, ast.comprehension)):
            holder = node.iter.id if isinstance(node.iter, ast.Name) else ""
            _, arguments = parse(facts.types.get(holder, "any"))
            of_lists = bool(arguments) and arguments[0][0] in _SEQUENCES
            for name in (n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)):
                is_member = of_lists and isinstance(node.target, ast.Name)
                kinds.setdefault(name, set()).add(is_member)
    return {name for name, held in kinds.items() if held == {True}}


def _whole_names(node: ast.expr) -> set[str]:
    if isinstance(node, ast.Name):
        return {node.id}
    whole = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod)
    if isinstance(node, ast.BinOp) and isinstance(node.op, whole):
        return _whole_names(node.left) | _whole_names(node.right)
    return set()


def _value_conditions(facts: Facts) -> Iterator[_Condition]:
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
    node: ast.expr, known: Mapping[str, ast.expr], facts: Facts
) -> Iterator[_Condition]:
    if isinstance(node, ast.BinOp):
        # A text before the sign takes what stands behind it into its places.
        is_remainder = isinstance(node.op, ast.Mod) and _is_a_number(node.left, known, facts)
        if facts.is_plain and (is_remainder or isinstance(node.op, (ast.Div, ast.FloorDiv))):
            yield from _not_zero(node.right, known, facts)
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
        has_default = any(k.arg in ("default", None) for k in node.keywords)
        if len(node.args) == 1 and not has_default:
            if isinstance(first, (ast.GeneratorExp, ast.ListComp)):
                rounds = first.generators
                first = rounds[0].iter if len(rounds) == 1 and not rounds[0].ifs else first
            if isinstance(first, ast.Name):
                yield from _not_empty(first.id, facts, known)


def _is_a_number(node: ast.expr, known: Mapping[str, ast.expr], facts: Facts) -> bool:
    """Whether ``node`` is a number on every call that gets past it."""
    made = substituted(node, known)
    if isinstance(made, ast.Subscript) and isinstance(made.value, ast.Name):
        _, members = parse(facts.types.get(made.value.id, "any"))
        is_one = not isinstance(made.slice, ast.Slice) and made.value.id in facts.parameters
        return is_one and bool(members) and members[-1][0] in NUMERIC
    if isinstance(made, ast.Call):
        return facts.called(made) in ("abs", "int", "len", "ord", "round", "sum")
    if isinstance(made, ast.BinOp) and isinstance(made.op, (ast.Add, ast.Mult)):
        return all(_is_a_number(side, {}, facts) for side in (made.left, made.right))
    if isinstance(made, ast.BinOp):
        # What else there is for texts is the remainder, which gives a text again.
        return not isinstance(made.op, ast.Mod) or _is_a_number(made.left, {}, facts)
    if isinstance(made, ast.UnaryOp):
        return True
    if isinstance(made, ast.Name):
        return made.id in facts.parameters and facts.head(made.id) in NUMERIC
    return type(constant_value(made) if made is not None else None) in (int, float)


def _not_zero(node: ast.expr, known: Mapping[str, ast.expr], facts: Facts) -> Iterator[_Condition]:
    node = _factor(node)
    inlined = substituted(node, known)
    if (
        isinstance(inlined, ast.Call)
        and facts.called(inlined) == "len"
        and inlined.args
        and isinstance(inlined.args[0], ast.Name)
    ):
        yield from _not_empty(inlined.args[0].id, facts, {})
        return
    yield from _compared(node, "!= 0", "is not zero", known, facts)


def _factor(node: ast.expr) -> ast.expr:
    """What has to be zero for ``node`` to be: ``a`` of ``-2 * a``."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        return _factor(node.operand)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        for number, other in ((node.left, node.right), (node.right, node.left)):
            if type(constant_value(number)) in (int, float) and constant_value(number) != 0:
                return _factor(other)
    return node


def _not_empty(name: str, facts: Facts, known: Mapping[str, ast.expr]) -> Iterator[_Condition]:
    source = known.get(name, ast.Name(name, ast.Load()))
    if isinstance(source, ast.Name) and source.id in facts.parameters:
        yield _Condition(f"{source.id} is not empty", (f"len({source.id}) > 0",))


def _long_enough(
    node: ast.Subscript, known: Mapping[str, ast.expr], facts: Facts
) -> Iterator[_Condition]:
    inlined = substituted(node.value, known)
    if not isinstance(inlined, ast.Name) or inlined.id not in facts.parameters:
        return
    name = inlined.id
    if facts.head(name) not in _SEQUENCES:
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
    node: ast.expr, test: str, words: str, known: Mapping[str, ast.expr], facts: Facts
) -> Iterator[_Condition]:
    inlined = substituted(node, known)
    if inlined is None or not is_arithmetic(inlined, facts) or not names_read(inlined):
        return
    text = ast.unparse(inlined)
    if len(text) > MAX_FORMULA:
        return
    shown = f"({text})" if isinstance(inlined, (ast.IfExp, ast.Compare, ast.BoolOp)) else text
    yield _Condition(f"{text} {words}", (f"{shown} {test}",))


def _ranges_seen(signature: Signature, bindings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Ranges, where there is more than one value: a single one is the instance's own."""
    for parameter in signature.inputs:
        values = [b[parameter.name] for b in bindings if parameter.name in b]
        numbers = [
            v
            for v in values
            if (isinstance(v, (int, Fraction)) and not isinstance(v, bool))
            or (isinstance(v, float) and math.isfinite(v))
        ]
        if numbers and len(numbers) == len(values) and min(numbers) < max(numbers):
            low, high = min(numbers), max(numbers)
            yield f"seen with {parameter.name} from {low} to {high}"
