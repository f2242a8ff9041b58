"""Who decides whether two results agree, and where untrusted code runs.

`sandbox` runs code under limits and gives back plain values or typed failures; `equivalence` says
whether two results agree, and has a registry of those who decide it: `plain` values, `numbers` and
`units`, `sets`, `choice`, and `symbolic` behind `guards`; `unit_tests` judges code tasks, of which
`fences` finds the programs and which `conditions` judges without them; `replay` aligns roles and
tries a variant on instances that it was not taken from; `coincidence` tells a pass from two
routines that merely meet at one point.
"""

from tracemine.verifiers.equivalence import VERIFIERS, verifier_for, verify
from tracemine.verifiers.fences import fenced_blocks, find_program
from tracemine.verifiers.sandbox import (
    Isolation,
    IsolationError,
    Limits,
    Run,
    Sandbox,
    shared_sandbox,
)
from tracemine.verifiers.symbolic import warm_symbolic
from tracemine.verifiers.unit_tests import admission_test, check_tests
from tracemine.verifiers.verdict import ANSWERS, VALUES, Context, Verdict

__all__ = [
    "ANSWERS",
    "VALUES",
    "VERIFIERS",
    "Context",
    "Isolation",
    "IsolationError",
    "Limits",
    "Run",
    "Sandbox",
    "Verdict",
    "admission_test",
    "check_tests",
    "fenced_blocks",
    "find_program",
    "shared_sandbox",
    "verifier_for",
    "verify",
    "warm_symbolic",
]
