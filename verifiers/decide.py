"""Which interpreter has the say on one run of untrusted code; `replay` does the same in batches."""

from __future__ import annotations

from collections.abc import Callable

from tracemine.verifiers.runs import Backend
from tracemine.verifiers.verdict import Verdict

#: What a backend says, and whether with other hashes, addresses and random numbers (CPython alone).
Ask = Callable[[Backend, bool], Verdict]


def decide(ask: Ask, *, confirm: bool = True) -> Verdict:
    """The verdict of the fast interpreter where it agrees, else that of CPython, which is final. A
    run that agrees is confirmed in CPython with another seed; one that this undoes is ``differ``
    (not so without ``confirm``), and one that it does not decide is undecided."""
    verdict = ask("monty", False)
    again: Verdict | None = None
    if verdict.outcome == "agree" and confirm:
        again = ask("cpython", True)
        if again.outcome == "agree":
            return verdict
    if verdict.outcome != "agree" or confirm:
        verdict = ask("cpython", False)
    if verdict.outcome != "agree" or not confirm:
        return verdict
    again = again or ask("cpython", True)
    if again.outcome == "differ":
        return Verdict("differ", f"flaky: {again.reason}"[:300], again.verifier)
    return verdict if again.outcome == "agree" else again
