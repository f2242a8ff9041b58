"""What a model is to answer: pydantic models, of which the JSON schema of a request is made, and by
which its answer is read.

Values are text in every field, also numbers: a schema of plain texts is obeyed by every server, and
what a text means as an ``int`` or a ``list[rational]`` is read from the type that stands beside it
(`written`).
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

AnswerKind = Literal["procedural", "declarative", "episodic", "metacognitive"]


class _Answer(BaseModel):
    """Strict: a server that is asked for a schema in strict mode wants every field required and no
    other allowed."""

    model_config = ConfigDict(extra="forbid", strict=True)


class WrittenParameter(_Answer):
    """A typed name; ``unit`` is empty where there is none."""

    name: str
    type: str
    unit: str


class Binding(_Answer):
    """The value of an input in this trace, written as a Python literal, a fraction ``3/4`` or an
    expression, as its type says."""

    name: str
    value: str


class WrittenSpan(_Answer):
    """One step of a trace as a routine. ``code`` and ``tool`` are empty where there is none."""

    quote: str
    kind: AnswerKind
    subquestion: str
    subroutine: str
    summary: str
    inputs: list[WrittenParameter]
    output: WrittenParameter
    preconditions: list[str]
    failure_modes: list[str]
    code: str
    bindings: list[Binding]
    result: str
    tool: str


class SpansAnswer(_Answer):
    """What a window of a trace teaches, in the order of the trace."""

    spans: list[WrittenSpan]


class ReplayAnswer(_Answer):
    """A routine carried out: ``result`` as its output's type is written; empty, with ``steps``
    saying why, if it cannot be carried out."""

    steps: str
    result: str


class JudgeAnswer(_Answer):
    """Whether two results say the same."""

    reason: str
    verdict: Literal["same", "different", "undecided"]


class ShapeAnswer(_Answer):
    """A subquestion without the nouns and numbers of its problem."""

    shape: str = Field(description="one line, no numbers, no names of this problem")


def schema_of(answer: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of an answer, as sent: pydantic's, without titles and prose, so that a
    docstring may change and no request with it."""
    schema = answer.model_json_schema()
    bare = _bare(schema)
    assert isinstance(bare, dict)
    return bare


def _bare(node: Any) -> Any:
    if isinstance(node, list):
        return [_bare(item) for item in node]
    if not isinstance(node, dict):
        return node
    found = {}
    for key, value in node.items():
        if key == "properties":
            found[key] = {name: _bare(inner) for name, inner in value.items()}
        elif key not in ("title", "description"):
            found[key] = _bare(value)
    return found


__all__ = [
    "AnswerKind",
    "Binding",
    "JudgeAnswer",
    "ReplayAnswer",
    "ShapeAnswer",
    "SpansAnswer",
    "WrittenParameter",
    "WrittenSpan",
    "schema_of",
]
