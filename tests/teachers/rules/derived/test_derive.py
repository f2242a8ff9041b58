"""What is derived from straight-line code: conditions, failure modes, steps, summary."""

from __future__ import annotations

from typing import Any

from code_traces import signature_of

from tracemine.teachers.rules.derived.derive import describe


def test_conditions_of_straight_line_code() -> None:
    code = (
        "def share(total, spent, people):\n    left = total - spent\n    others = people - 1\n"
        "    return left / others"
    )
    bindings: list[dict[str, Any]] = [
        {"total": 9, "spent": 2, "people": 3},
        {"total": 20, "spent": 0.5, "people": 4},
    ]
    derived = describe(code, "share", signature_of(bindings), bindings)
    assert "people - 1 != 0" in derived.predicates
    assert "people - 1 is not zero" in derived.preconditions
    assert "seen with people from 3 to 4" in derived.preconditions
    assert not any("seen" in p for p in derived.predicates)
    assert "division by zero when others is zero" in derived.failure_modes
    assert derived.subroutine.splitlines() == [
        "1. Subtract spent from total to get left.",
        "2. Subtract 1 from people to get others.",
        "3. Divide left by others; that is the result.",
    ]
    assert derived.summary == (
        "Computes result from total, spent and people: (total - spent) / (people - 1)"
    )
