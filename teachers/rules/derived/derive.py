"""What can be derived from a routine's code alone: what it needs, how it fails, its steps in words.

Everything reads the syntax tree; nothing of the routine is run.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracemine.schemas import Signature
from tracemine.teachers.rules.derived.code_in_words import steps_in_words
from tracemine.teachers.rules.derived.facts import Facts
from tracemine.teachers.rules.derived.failure_modes import failure_modes_of
from tracemine.teachers.rules.derived.functions import find_function
from tracemine.teachers.rules.derived.preconditions import preconditions_of
from tracemine.teachers.rules.derived.summaries import summary_of


@dataclass(frozen=True, slots=True)
class Derived:
    """What `describe` finds. ``predicates`` are Python expressions over the parameter names that
    use builtins alone; each holds on every binding it was derived with."""

    preconditions: tuple[str, ...]
    predicates: tuple[str, ...]
    failure_modes: tuple[str, ...]
    subroutine: str
    summary: str


def describe(
    code: str,
    entry_point: str,
    signature: Signature,
    bindings: Sequence[Mapping[str, Any]],
    *,
    purpose: str = "",
) -> Derived:
    """Preconditions, failure modes, steps and summary of a routine.

    ``bindings`` are values by parameter name; a predicate that does not hold on all of them is
    not given. Preconditions are empty only for a routine without parameters. ``purpose`` says in
    words what the routine is for, where that is known better than from the name of its output.

    Raises:
        SyntaxError: if ``code`` does not parse.
        ValueError: if it does not define ``entry_point``.
    """
    tree = ast.parse(code)
    function = find_function(tree, entry_point)
    facts = Facts(tree, function, signature)
    words, predicates = preconditions_of(facts, code, bindings)
    return Derived(
        preconditions=words,
        predicates=predicates,
        failure_modes=tuple(dict.fromkeys(failure_modes_of(facts, predicates))),
        subroutine=steps_in_words(tree, function),
        summary=summary_of(function, signature, purpose),
    )
