"""open-thoughts/OpenThoughts3-1.2M: questions of mathematics, code and science to QwQ-32B.

    difficulty, source, domain ("math", "code", "science"),
    conversations: [{from: "human" | "gpt", value}]

Fields as on the data set's card. There is neither a reference nor a test in it, so that no row of
it alone can be verified: each ends in the ledger as such, unless another source of the same
trajectory has a reference.
"""

from __future__ import annotations

from collections.abc import Iterator

from tracemine.schemas import Source, Trajectory
from tracemine.transforms.formats.answers import final_answer
from tracemine.transforms.formats.base import Format, Row, label, trajectory
from tracemine.transforms.formats.chat import read_chat

_DOMAINS = {"math": "math", "code": "code", "science": "stem"}
_GENERATOR = "QwQ-32B"


def adapt(row: Row, source: Source) -> Iterator[Trajectory]:
    """One trajectory."""
    chat = read_chat(row, "conversations")
    yield trajectory(
        source,
        problem=chat.problem,
        trace=chat.trace,
        answer=final_answer,
        reference=None,
        domain=_DOMAINS.get(label(row, "domain", "domain"), "other"),
        generator=_GENERATOR,
    )


FORMAT = Format(
    name="openthoughts",
    detect=lambda row: {"difficulty", "source", "domain", "conversations"} <= row.keys(),
    adapt=adapt,
    licence="Apache-2.0",
)
