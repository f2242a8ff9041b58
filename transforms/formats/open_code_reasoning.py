"""nvidia/OpenCodeReasoning: problems of programming contests, answered by DeepSeek-R1 in Python.

    id, input (the problem), output (thought and answer), solution (the code of the answer),
    source, dataset, split, difficulty, license (one or several, with commas); index in split_1

Fields as on the data set's card. There are no tests in it, so that no row of it alone can be
verified: each ends in the ledger as such. In ``split_1`` the problem is ``-``, to be looked up in
the data set that it came from by ``split`` and ``index``: those rows fail as placeholders.
"""

from __future__ import annotations

from collections.abc import Iterator

from tracemine.schemas import Source, Trajectory
from tracemine.transforms.formats.base import Format, Row, text, trajectory

_GENERATOR = "DeepSeek-R1"


def adapt(row: Row, source: Source) -> Iterator[Trajectory]:
    """One trajectory."""
    yield trajectory(
        source,
        problem=text(row, "input", "problem"),
        trace=text(row, "output", "trace"),
        answer=None,
        reference=None,
        domain="code",
        generator=_GENERATOR,
    )


FORMAT = Format(
    name="opencodereasoning",
    detect=lambda row: (
        {"input", "output", "solution", "dataset", "split", "difficulty"} <= row.keys()
    ),
    adapt=adapt,
    licence="CC-BY-4.0",
)
