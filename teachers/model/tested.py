"""The tests of a code task as the instances of a model's function.

As for the rules: the test that admits a task is the function's own instance, and those that neither
the problem nor the trace shows are held out. The model has seen none of them. Only tests whose
values are literals are read, so that nothing is run here.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tracemine.schemas import NotPlainError, Parameter, Signature, Trajectory, decode, encode
from tracemine.schemas.types import join_all, type_of
from tracemine.teachers.model.written import Routine
from tracemine.teachers.rules.code.calls import (
    NotACaseError,
    arguments_of,
    parameters_with_defaults,
)
from tracemine.teachers.rules.code.task_tests import Test, literal_values, parse_test
from tracemine.teachers.rules.code.tasks import MAX_TESTS, not_shown, wrapped
from tracemine.teachers.rules.derived.functions import find_function
from tracemine.teachers.spans import Case
from tracemine.verifiers.bindings import BindingError, convert
from tracemine.verifiers.unit_tests import admission_test

_READING = (NotACaseError, SyntaxError, ValueError, RecursionError, MemoryError)


@dataclass(frozen=True, slots=True)
class Tested:
    """A routine with the tests of its task. ``cases[0]`` is its own, the others are held out; the
    code does with its result what the tests do with it before they compare."""

    routine: Routine
    signature: Signature
    cases: tuple[Case, ...]


def read_tests(trajectory: Trajectory, routine: Routine, signature: Signature) -> Tested | None:
    """``routine`` with the tests of ``trajectory``; None where these do not call a function of its
    name, or the one that admits the task is no call with literals. Types that do not cover the
    values of the tests become those that do."""
    if not trajectory.tests:
        return None
    function = find_function(ast.parse(routine.code), routine.entry_point)
    own = admission_test(trajectory.problem_id, list(trajectory.tests))
    tests = _tests(trajectory.tests[:MAX_TESTS], routine.entry_point)
    first = tests.get(own)
    if first is None:
        return None
    usable = {index: test for index, test in tests.items() if test.around == first.around}
    try:
        evaluated = [
            (index, bindings, result)
            for index, test in usable.items()
            if (found := _values(test, function)) is not None
            for bindings, result in (found,)
        ]
        if own not in {index for index, _, _ in evaluated}:
            return None
        evaluated = not_shown(trajectory, function, usable, evaluated, own)
    except NotACaseError:
        return None
    evaluated.sort(key=lambda each: (each[0] != own, each[0]))
    cases = tuple(
        Case(bindings, result, checked=True, origin="trace" if index == own else "test")
        for index, bindings, result in evaluated
    )
    code, entry_point, _ = wrapped(routine.code, function, first.around)
    return Tested(
        Routine(code, entry_point, routine.parameters), _covering(signature, cases), cases
    )


def _tests(texts: Sequence[str], name: str) -> dict[int, Test]:
    """By their index, those that are one comparison of one call of ``name``."""
    found = {}
    for index, text in enumerate(texts):
        try:
            test = parse_test(text, name)
        except _READING:
            continue
        if not test.setup:
            found[index] = test
    return found


def _values(test: Test, function: ast.FunctionDef) -> tuple[dict[str, Any], Any] | None:
    """What a test gives by the names of the function's parameters, and what it expects; None where
    that is not written in literals.

    Raises:
        NotACaseError: if ``function`` cannot be called by names.
    """
    names, defaults = parameters_with_defaults(function)
    try:
        given = {**defaults, **arguments_of(test.call, names)}
    except NotACaseError:
        return None
    if any(name not in given for name in names):
        return None
    # A key that is no name, so that no parameter is called so.
    values = literal_values({**{name: given[name] for name in names}, "": test.expected})
    if values is None:
        return None
    try:
        decode(encode(list(values.values())))
    except ValueError:  # NotPlainError among them
        return None
    result = values.pop("")
    return values, result


def _covering(signature: Signature, cases: Sequence[Case]) -> Signature:
    inputs = tuple(
        Parameter(p.name, _type(p.type, [case.bindings[p.name] for case in cases]), p.unit)
        for p in signature.inputs
    )
    output = signature.output
    kind = _type(output.type, [case.result for case in cases])
    return Signature(inputs, Parameter(output.name, kind, output.unit))


def _type(stated: str, values: Sequence[Any]) -> str:
    """The type that a model states, unless it says nothing or some of ``values`` are not of it."""
    if stated != "any":
        try:
            if all(_is_same(convert(value, stated), value) for value in values):
                return stated
        except BindingError:
            return join_all(map(type_of, values))
    return join_all(map(type_of, values))


def _is_same(one: Any, other: Any) -> bool:
    try:
        return encode(one) == encode(other)
    except NotPlainError:
        return False


__all__ = ["Tested", "read_tests"]
