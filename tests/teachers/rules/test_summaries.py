"""A routine in one line."""

from __future__ import annotations

from code_traces import signature_of

from tracemine.teachers.rules.derive import describe


def test_a_value_made_once_is_not_shown_as_made_twice() -> None:
    code = (
        "def f(xs):\n    seen = set()\n"
        "    return [x for x in xs if x not in seen and not seen.add(x)]"
    )
    summary = describe(code, "f", signature_of([{"xs": [1]}]), [{"xs": [1]}]).summary
    assert "set()" not in summary
