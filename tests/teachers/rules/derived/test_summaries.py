"""A routine in one line."""

from __future__ import annotations

from code_traces import signature_of

from tracemine.teachers.rules.derived.derive import describe


def test_a_value_made_once_is_not_shown_as_made_twice() -> None:
    code = (
        "def f(xs):\n    seen = set()\n"
        "    return [x for x in xs if x not in seen and not seen.add(x)]"
    )
    summary = describe(code, "f", signature_of([{"xs": [1]}]), [{"xs": [1]}]).summary
    assert "set()" not in summary


def test_the_purpose_stands_in_place_of_the_output() -> None:
    binding = {"xs": [1, 2]}
    signature = signature_of([binding], output="xs_total")

    def summary(body: str, purpose: str = "") -> str:
        code = f"def f(xs):\n    {body}"
        return describe(code, "f", signature, [binding], purpose=purpose).summary

    assert summary("return sum(xs) + 1") == "Computes xs total from xs: sum(xs) + 1"
    told = summary("return sum(xs) + 1", "add up a list, and one")
    assert told == "Add up a list, and one (xs): sum(xs) + 1"
    assert summary("return sum(xs) + 1", "add up xs, and one") == "Add up xs, and one: sum(xs) + 1"
    looped = summary("t = 1\n    for x in xs:\n        t += x\n    return t", "add them up")
    assert looped == "Add them up (xs), in a loop"
