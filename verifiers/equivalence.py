"""Whether two results agree: one contract, and a registry of those who decide.

exact     plain values, equal and of equal kind; see `plain`
numeric   numbers, within tolerances; in texts with per cent signs, separators, fractions, mixed
          numbers, powers of ten, other bases; see `numbers`
units     numbers with units of measure, converted; see `units`
sets      sets, lists, tuples, intervals, unions and matrices, member by member; see `sets`
choice    letters against letters and the texts of options; see `choice`
symbolic  expressions and equations; see `symbolic`
tests     code against the tests that it must pass; see `unit_tests`
program   code that is run, and its value compared
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from tracemine.schemas import types
from tracemine.verifiers.answers import compare_answers
from tracemine.verifiers.choice import compare_choices
from tracemine.verifiers.decide import decide
from tracemine.verifiers.numbers import close, compare_numbers, is_number, parse_number
from tracemine.verifiers.plain import compare_plain
from tracemine.verifiers.runs import Backend
from tracemine.verifiers.sets import compare_collections, read_collection
from tracemine.verifiers.symbolic import Budget, compare_symbolic
from tracemine.verifiers.texts import plain_text, same_writing
from tracemine.verifiers.unit_tests import check_tests
from tracemine.verifiers.verdict import VALUES, Context, Outcome, Verdict

Verifier = Callable[[Any, Any, Context], Verdict]


def verify(expected: Any, actual: Any, context: Context = VALUES) -> Verdict:
    """Whether ``actual`` is what was ``expected``: plain values, or texts of final answers (then
    with `ANSWERS` or another context of ``texts``). The verdict says who decided, and why.

    ``context.verifier`` names one of `VERIFIERS`. Without it: code by its entry point or tests,
    choice by its options, then the signature's type, then what ``expected`` is. Of texts the first
    that can read both decides: the same writing, numbers, collections, letters, and sympy last.

    Symmetric, but for code, where ``expected`` is the reference. A name's value is that value:
    ``y = 5`` agrees with ``5``, and so does a calculation that comes to it (``2 + 3 = 5``); another
    equation, ``x + y = 5``, does not.

    Never raises on account of a value: what cannot be compared is ``unknown``. Takes less than
    three seconds of CPU time once `warm_symbolic` has been called, code apart, which takes what its
    sandbox allows; numbers take some microseconds and never reach sympy.

    Raises:
        KeyError: if there is no verifier of the name that the context has.
    """
    if context.verifier is not None:
        return VERIFIERS[context.verifier](expected, actual, context)
    if context.entry_point:
        return _program(expected, actual, context)
    if context.options:
        return _choice(expected, actual, context)
    if context.texts:
        return compare_answers(_text(expected), _text(actual), context)
    name = verifier_for(context.type) if context.type else None
    if name is None or (name == "numeric" and not is_number(expected)):
        name = "numeric" if is_number(expected) else "exact"
    return VERIFIERS[name](expected, actual, context)


def verifier_for(type_text: str) -> str | None:
    """The name of the verifier for results of a signature's output type; None if there is none
    (`any`, `none`, or no type at all)."""
    try:
        head, _ = types.parse(type_text)
    except types.TypeSyntaxError:
        return None
    if head in types.NUMERIC:
        return "numeric"
    if head in ("expr", "equation"):
        return "symbolic"
    if head == "interval":
        return "sets"
    if head in types.CONTAINERS or head in ("bool", "str"):
        return "exact"
    return None


def _exact(expected: Any, actual: Any, context: Context) -> Verdict:
    if not context.texts:
        return compare_plain(expected, actual, context)
    left, right = plain_text(_text(expected)), plain_text(_text(actual))
    if not left or not right:
        return Verdict("unknown", "no reference" if not left else "no answer", "exact")
    return _verdict(same_writing(left, right), "same text", "different texts", "exact")


def _numeric(expected: Any, actual: Any, context: Context) -> Verdict:
    if context.texts:
        return _written(expected, actual, context, "numeric")
    numbers = (is_number(expected), is_number(actual))
    if not any(numbers):
        return Verdict("unknown", "no numbers", "numeric")
    if not all(numbers):
        kind = type(actual if numbers[0] else expected).__name__
        if compare_plain(expected, actual, context).outcome == "unknown":  # no plain value
            return Verdict("unknown", f"{kind} is not to be compared", "numeric")
        return Verdict("differ", f"{kind} instead of a number", "numeric")
    agrees = close(expected, actual, context)
    return _verdict(agrees, "equal numbers", "different numbers", "numeric")


def _units(expected: Any, actual: Any, context: Context) -> Verdict:
    return _written(expected, actual, context, "units")


def _written(expected: Any, actual: Any, context: Context, name: str) -> Verdict:
    """Numbers that are written, with units or without; ``name`` is who was asked."""
    left, right = parse_number(plain_text(_text(expected))), parse_number(plain_text(_text(actual)))
    if left is None or right is None:
        side = "reference" if left is None else "answer"
        return Verdict("unknown", f"the {side} is no number", name)
    return compare_numbers(left, right, context)


def _sets(expected: Any, actual: Any, context: Context) -> Verdict:
    """Texts, or values such as the pair of an interval's ends; a value against a text is written
    as one."""
    if not isinstance(expected, str) and not isinstance(actual, str):
        return replace(compare_plain(expected, actual, context), verifier="sets")
    left, right = plain_text(_collection_text(expected)), plain_text(_collection_text(actual))
    first, second = read_collection(left), read_collection(right)
    if first is None or second is None:
        side = "reference" if first is None else "answer"
        return Verdict("unknown", f"the {side} is no set or interval", "sets")
    budget = Budget()
    members = replace(context, verifier=None, options=())
    found = compare_collections(
        first, second, lambda a, b: compare_answers(a, b, members, budget=budget)
    )
    return compare_symbolic(left, right, budget) if found is None else found


def _symbolic(expected: Any, actual: Any, context: Context) -> Verdict:
    if is_number(expected) and is_number(actual):
        return _numeric(expected, actual, replace(context, texts=False))
    for value in (expected, actual):
        if not isinstance(value, str) and not is_number(value):
            return Verdict("unknown", f"{type(value).__name__} is no expression", "symbolic")
    return compare_answers(_text(expected), _text(actual), context)


def _choice(expected: Any, actual: Any, context: Context) -> Verdict:
    budget = Budget()
    inner = replace(context, verifier=None, options=(), texts=True)
    return compare_choices(
        _text(expected),
        _text(actual),
        context,
        lambda a, b: compare_answers(a, b, inner, budget=budget),
    )


def _tests(expected: Any, actual: Any, context: Context) -> Verdict:
    """``expected`` is one test or several (statements), ``actual`` the code."""
    tests = [expected] if isinstance(expected, str) else expected
    if not isinstance(tests, (list, tuple)) or not all(isinstance(test, str) for test in tests):
        return Verdict("unknown", "no tests", "tests")
    if not isinstance(actual, str):
        return Verdict("unknown", "no code", "tests")
    if context.sandbox is None:
        return Verdict("unknown", "no sandbox to run code in", "tests")
    return check_tests(actual, tests, context.setup, context.sandbox)


def _program(expected: Any, actual: Any, context: Context) -> Verdict:
    """``actual`` is code that defines the context's entry point; called with its bindings it must
    give ``expected``, in another interpreter with other hashes and random numbers too. An expected
    text of a number is read as one where the program gives one."""
    if not isinstance(actual, str):
        return Verdict("unknown", "no code", "program")
    if context.sandbox is None:
        return Verdict("unknown", "no sandbox to run code in", "program")
    source = "\n".join((actual, context.setup)) if context.setup else actual
    plain = replace(context, verifier=None, entry_point="", sandbox=None)

    def ask(backend: Backend, second_seed: bool) -> Verdict:
        assert context.sandbox is not None
        (run,) = context.sandbox.run_many(
            source, context.entry_point, [context.bindings], backend=backend,
            second_seed=second_seed,
        )  # fmt: skip
        if run.status == "ok":
            found = verify(expected, run.value, plain)
            return Verdict(found.outcome, f"{run.backend}: {found.reason}", "program")
        outcome: Outcome = "differ" if run.status == "error" else "unknown"
        return Verdict(outcome, f"{run.backend}: {run.status}: {run.reason}"[:300], "program")

    return decide(ask)


#: By name, what `Context.verifier` and a variant's ``verifier`` may be.
VERIFIERS: Mapping[str, Verifier] = MappingProxyType(
    {
        "exact": _exact,
        "numeric": _numeric,
        "units": _units,
        "sets": _sets,
        "choice": _choice,
        "symbolic": _symbolic,
        "tests": _tests,
        "program": _program,
    }
)


def _text(value: Any) -> str:
    """A plain value as an answer would write it; empty for what is none."""
    if isinstance(value, str):
        return value
    try:
        if type(value) in (int, float, Fraction):
            return str(value)
        if type(value) is complex:
            return f"{value.real!r}{value.imag:+}i"
    except ValueError:  # an integer of too many digits to be written
        return ""
    return ""


def _collection_text(value: Any) -> str:
    """The same of a tuple, list or set of numbers and texts; empty for what holds anything else."""
    if not isinstance(value, (tuple, list, set, frozenset)):
        return _text(value)
    members = [_end_text(member) for member in value]
    if not all(members):
        return ""
    written = ", ".join(members)
    if isinstance(value, (set, frozenset)):
        return f"\\{{{written}\\}}"
    return f"({written})" if isinstance(value, tuple) else f"[{written}]"


def _end_text(value: Any) -> str:
    if isinstance(value, float) and math.isinf(value):
        return "\\infty" if value > 0 else "-\\infty"
    return _text(value)


def _verdict(agrees: bool, yes: str, no: str, verifier: str) -> Verdict:
    outcome: Outcome = "agree" if agrees else "differ"
    return Verdict(outcome, yes if agrees else no, verifier)


__all__ = ["VERIFIERS", "Verifier", "verifier_for", "verify"]
