"""nvidia/Nemotron-Post-Training-Dataset-v1: chats of reasoning models, in splits chat, code, math,
stem and tool_calling.

    uuid, license, generator, version, category, reasoning ("on" or "off"), metadata (JSON text),
    messages: [{role, content, tool_calls: [{id, type, function: {name, arguments}}]}]

Fields and types as on the data set's card. The reference is what ``metadata`` expects (rows of
``math``); rows without one cannot be verified and are not admitted. Prompts that may not be passed
on are published as ``-`` or empty: those rows fail.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tracemine.schemas import Source, Trajectory
from tracemine.transforms.formats.answers import final_answer
from tracemine.transforms.formats.base import (
    WRONG_TYPE,
    Format,
    Row,
    RowError,
    answer_text,
    label,
    trajectory,
)
from tracemine.transforms.formats.chat import read_chat

BAD_METADATA = "metadata is no JSON"

_EXPECTED = ("expected_answer", "reference_answer", "ground_truth", "answer")
_DOMAINS = {"math": "math", "code": "code", "stem": "stem"}


def adapt(row: Row, source: Source) -> Iterator[Trajectory]:
    """One trajectory."""
    chat = read_chat(row, "messages")
    yield trajectory(
        source,
        problem=chat.problem,
        trace=chat.trace,
        answer=final_answer,
        reference=_expected(row.get("metadata")),
        domain=_DOMAINS.get(label(row, "category", "domain"), "other"),
        generator=label(row, "generator", "generator"),
    )


def _expected(metadata: Any) -> str | None:
    """The expected answer, if there is one."""
    if metadata is None or metadata == "":
        return None
    if isinstance(metadata, str):
        try:
            metadata = json.loads(metadata)
        except (ValueError, RecursionError) as error:
            raise RowError(BAD_METADATA, str(error)[:200]) from None
    if not isinstance(metadata, Mapping):
        raise RowError(WRONG_TYPE, f"metadata is {type(metadata).__name__}, not an object")
    found = (answer_text(metadata.get(key), f"metadata.{key}", "reference") for key in _EXPECTED)
    return next(filter(None, found), None)


FORMAT = Format(
    name="nemotron",
    detect=lambda row: (
        {"uuid", "generator", "category", "reasoning", "messages", "metadata"} <= row.keys()
    ),
    adapt=adapt,
    licence="CC-BY-4.0",
)
