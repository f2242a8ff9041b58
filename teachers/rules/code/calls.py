"""A call in a test or an example: which argument goes to which parameter."""

from __future__ import annotations

import ast
from collections.abc import Sequence

NO_CALLS = "tests are not calls with plain values"
VARIABLE_ARGUMENTS = "takes any number of arguments"


class NotACaseError(Exception):
    """A test, or a function, that cannot be read as calls with plain values. The text is one of a
    few fixed reasons and, after a colon, a detail."""


def parameters_with_defaults(
    function: ast.FunctionDef, *, bound: bool = False
) -> tuple[list[str], dict[str, ast.expr]]:
    """The names of all parameters in order, and the defaults of those that have one; ``bound``
    leaves out the first, which a method's object goes to.

    Raises:
        NotACaseError: if some have no name of their own.
    """
    arguments = function.args
    if arguments.vararg is not None or arguments.kwarg is not None:
        raise NotACaseError(VARIABLE_ARGUMENTS)
    if arguments.posonlyargs:
        raise NotACaseError("has parameters without names")
    positional = [a.arg for a in arguments.args]
    defaults: dict[str, ast.expr] = {}
    for name, default in zip(reversed(positional), reversed(arguments.defaults), strict=False):
        defaults[name] = default
    for argument, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if value is not None:
            defaults[argument.arg] = value
    return [*positional[bound:], *(a.arg for a in arguments.kwonlyargs)], defaults


def arguments_of(call: ast.Call, names: Sequence[str]) -> dict[str, ast.expr]:
    """The arguments of a call by the names of the parameters.

    Raises:
        NotACaseError: if some are unpacked, there are too many, or one is given twice.
    """
    if any(isinstance(a, ast.Starred) for a in call.args) or len(call.args) > len(names):
        raise NotACaseError(NO_CALLS)
    given = dict(zip(names, call.args, strict=False))
    for keyword in call.keywords:
        if keyword.arg is None or keyword.arg not in names or keyword.arg in given:
            raise NotACaseError(NO_CALLS)
        given[keyword.arg] = keyword.value
    return given
