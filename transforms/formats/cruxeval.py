"""CRUXEval: a function ``f``, one input and the output that it gives.

    code, input (the arguments as they stand in the call), output (a literal), id

The function is the trace, and ``f(input) == output`` its one test: it admits, so nothing of the
function's own is left to replay. No words say what the functions are for.
"""

from __future__ import annotations

from collections.abc import Iterator

from tracemine.schemas import Source, Trajectory
from tracemine.transforms.formats.base import Format, Row, as_text, field, text, trajectory

_FUNCTION = "f"
#: Nothing of the instance: the first sentence of a task names what is mined from it.
_TASK = "Run the function on the arguments given."


def adapt(row: Row, source: Source) -> Iterator[Trajectory]:
    """One trajectory."""
    code = text(row, "code", "trace")
    # A call without arguments has an empty input.
    given = field(row, "input")
    arguments = "" if given == "" else as_text(given, "input", "tests")
    call = f"{_FUNCTION}({arguments})"
    yield trajectory(
        source,
        problem=f"{_TASK}\n\n{code}\n\n{call}",
        trace=code,
        answer=None,
        reference=None,
        domain="code",
        tests=(f"assert {call} == ({text(row, 'output', 'tests')})",),
    )


FORMAT = Format(
    name="cruxeval",
    detect=lambda row: {"code", "input", "output"} <= row.keys() and "question" not in row,
    adapt=adapt,
    licence="MIT",
)
