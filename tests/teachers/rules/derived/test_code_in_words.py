"""The steps of a routine in words."""

from __future__ import annotations

from code_traces import signature_of

from tracemine.teachers.rules.derived.derive import describe


def test_loops_and_branches_in_words() -> None:
    code = """
def f(items, limit):
    total = 0
    for i in range(1, limit + 1):
        if items[i] > 3:
            total += items[i]
        else:
            total -= 1
    while total > limit:
        total //= 2
    return total
"""
    bindings = [{"items": [1, 2, 3, 4], "limit": 3}]
    text = describe(code, "f", signature_of(bindings), bindings).subroutine
    assert text.splitlines() == [
        "1. Set total to 0.",
        "2. For each i from 1 to limit:",
        "   2.1 If items[i] is greater than 3, add items[i] to total.",
        "   2.2 Otherwise, subtract 1 from total.",
        "3. While total is greater than limit, repeat:",
        "   3.1 Divide total by 2, dropping the remainder.",
        "4. The result is total.",
    ]
