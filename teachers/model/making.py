"""From a piece of a trajectory to a request.

A problem and a trace are data that anyone may have written, also someone who would like to give a
model orders. Each stands between two lines of its own that carry a key; the key is made from the
data by a hash, and occurs nowhere in it, so that no text can close its own block. Marks that a chat
template would take for its own (``<|im_end|>``, ``</s>``, ``[INST]``) are shown with a look-alike
in place of their bracket: one character for one, so that offsets stay what they are.

The system's text is the same for all trajectories of a domain and comes first, so that servers that
keep prefixes read it once. Answers are asked for without white space between their parts: what a
model writes costs more than what it reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from tracemine.schemas import Trajectory, content_id
from tracemine.teachers.model.answers import (
    JudgeAnswer,
    ReplayAnswer,
    ShapeAnswer,
    SpansAnswer,
    schema_of,
)
from tracemine.teachers.model.prompts import PROMPTS, fill, prompt
from tracemine.teachers.model.requests import Message, Purpose, Request
from tracemine.teachers.model.settings import Settings
from tracemine.teachers.model.windows import Window

#: Hexadecimal digits of the key of a block: 32 bits, and looked for in the data all the same.
KEY_DIGITS = 8
#: Characters of an answer that cannot be read that a repair shows again: about 2,000 tokens, so
#: that prompt, window, this and a second answer fit the 16,384 of small servers.
REPAIR_CHARS = 6_000
#: Characters of what was wrong with it.
ERROR_CHARS = 600
#: Characters of a problem that are shown, and of its answer: a problem longer than this is a
#: document, and a window is to be had beside it.
PROBLEM_CHARS = 12_000
ANSWER_CHARS = 1_000
#: Tokens that a span of an answer takes, seldom more: those of the worked examples take 115 to
#: 390. No more spans are asked for than fit an answer: one that is cut off is lost.
SPAN_TOKENS = 400
#: Items of a list of an answer, where `Settings.most_chars` bounds it.
MOST_ITEMS = 4

#: What stands in a text where some of it was left out.
LEFT_OUT = " [...] "

#: What chat templates and tokenizers may take for a mark of their own, wherever it stands.
_MARK = re.compile(
    r"[<\[](?=\||｜|/?(?:s|bos|eos|pad|unk|mask)>|/?(?:INST|SYS|TOOL_CALLS|AVAILABLE_TOOLS)\]"
    r"|/?<SYS>|(?:start|end)_of_turn>|/?(?:tool_call|tool_response|think)>)"
)
_LOOK_ALIKE = {"<": "‹", "[": "［"}
_OPENED = re.compile(rf"^<[a-z]+ ([0-9a-f]{{{KEY_DIGITS}}})>$", re.MULTILINE)
_SURROGATE = re.compile("[\ud800-\udfff]")

_EXAMPLES: Mapping[str, str] = {
    "math": "example_math",
    "code": "example_code",
    "stem": "example_stem",
    "other": "example_stem",
}


def segment_request(
    trajectory: Trajectory, window: Window, model: str, settings: Settings
) -> Request:
    """What a model is asked for one window of a trajectory. A quote of an answer is to be looked
    for in ``shown(trajectory.trace[window.start:window.end])``: that is what the model read."""
    places = {
        "domain": trajectory.domain,
        "part": _part(trajectory, window),
        "data": blocks(
            {
                "problem": shortened(shown(trajectory.problem), PROBLEM_CHARS),
                "answer": shortened(shown(trajectory.answer or ""), ANSWER_CHARS),
                "trace": trajectory.trace[window.start : window.end],
            }
        ),
        "most": str(most_spans(settings)),
    }
    messages = (
        Message("system", segment_system(trajectory.domain)),
        Message("user", fill(prompt("piece"), places)),
    )
    return made_request("segment", model, messages, SpansAnswer, settings)


def repair_request(request: Request, response_text: str, error: str) -> Request:
    """The one request that follows an answer that cannot be read: the same conversation, the
    answer, and what is wrong with it. The schema and the parameters stay."""
    told = fill(
        prompt("repair"), {"error": blocks({"error": shortened(shown(error), ERROR_CHARS)})}
    )
    answer = shortened(shown(response_text), REPAIR_CHARS) or LEFT_OUT.strip()
    return Request(
        purpose="repair",
        model=request.model,
        messages=(*request.messages, Message("assistant", answer), Message("user", told)),
        schema_name=request.schema_name,
        schema=request.schema,
        parameters=request.parameters,
    )


def prompts_hash() -> str:
    """The hash of every prompt and every schema: part of a teacher's fingerprint. 32 hexadecimal
    digits."""
    texts = [[name, prompt(name)] for name in PROMPTS]
    answers = (SpansAnswer, ReplayAnswer, JudgeAnswer, ShapeAnswer)
    return content_id("prompts", texts, [schema_of(answer) for answer in answers])


@cache
def segment_system(domain: str) -> str:
    """The system's text for trajectories of ``domain``, with that domain's worked example."""
    example = prompt(_EXAMPLES.get(domain, _EXAMPLES["other"]))
    return fill(prompt("segment"), {"example": example})


def made_request(
    purpose: Purpose,
    model: str,
    messages: tuple[Message, ...],
    answer: type[BaseModel],
    settings: Settings,
) -> Request:
    """A request for an ``answer``, under the limits of ``settings``."""
    return Request(
        purpose=purpose,
        model=model,
        messages=messages,
        schema_name=answer.__name__,
        schema=_schema(answer, settings),
        parameters={"temperature": 0, "max_completion_tokens": settings.max_answer_tokens},
    )


@cache
def _schema(answer: type[BaseModel], settings: Settings) -> dict[str, Any]:
    """One object for all requests of a kind: pydantic takes a millisecond to make it."""
    return bounded(schema_of(answer), settings)


def bounded(schema: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """``schema`` with the bounds that ``settings`` ask for; itself where they ask for none. A test
    that asks for spans gets just so many of a model whose texts are bounded."""
    found = schema
    if settings.most_chars is not None:
        found = _with_limits(found, settings.most_chars)
    spans = found.get("properties", {}).get("spans")
    if spans is None:
        return found
    limits: dict[str, int] = {}
    if settings.least_spans:
        limits["minItems"] = settings.least_spans
    if settings.most_chars is not None:
        limits["maxItems"] = settings.least_spans or most_spans(settings)
    return {**found, "properties": {**found["properties"], "spans": {**spans, **limits}}}


def _with_limits(node: Any, most_chars: int) -> Any:
    if isinstance(node, list):
        return [_with_limits(item, most_chars) for item in node]
    if not isinstance(node, dict):
        return node
    found = {key: _with_limits(value, most_chars) for key, value in node.items()}
    if found.get("type") == "string" and "enum" not in found:
        found["maxLength"] = most_chars
    if found.get("type") == "array":
        found["maxItems"] = MOST_ITEMS
    return found


def shown(text: str) -> str:
    """``text`` as a model is shown it, of the same length: no mark of a chat template, and no half
    of a character, which no request could carry."""
    plain = _SURROGATE.sub("\ufffd", text)
    return _MARK.sub(lambda match: _LOOK_ALIKE[match[0]], plain)


def shortened(text: str, most: int) -> str:
    """``text``, without its middle where it is longer than ``most`` characters."""
    if len(text) <= most:
        return text
    half = (most - len(LEFT_OUT)) // 2
    return text[:half] + LEFT_OUT + text[-half:]


def block_key(*texts: str) -> str:
    """A key that occurs in none of ``texts``, and is made from them alone."""
    attempt = 0
    while True:
        key = content_id("block", attempt, *texts)[:KEY_DIGITS]
        if not any(key in text.lower() for text in texts):
            return key
        attempt += 1


def blocks(texts: Mapping[str, str]) -> str:
    """``texts`` by name as data: each, as it is `shown`, between lines ``<NAME KEY>`` and
    ``</NAME KEY>`` of its own. One key for all; what is empty is left out. Whoever names a block
    uses small letters."""
    data = {name: shown(text) for name, text in texts.items() if text}
    key = block_key(*data.values())
    return "\n\n".join(f"<{name} {key}>\n{text}\n</{name} {key}>" for name, text in data.items())


def block_in(message: str, name: str) -> str | None:
    """The text of the block ``name`` of a message that `blocks` filled, None if there is none: for
    whoever plays the model. The first key is the message's: nobody else's text comes before it."""
    first = _OPENED.search(message)
    if first is None:
        return None
    opened, closed = f"<{name} {first[1]}>\n", f"\n</{name} {first[1]}>"
    start = message.find(opened)
    end = message.find(closed, start)
    return message[start + len(opened) : end] if start >= 0 and end >= 0 else None


def most_spans(settings: Settings) -> int:
    """How many spans an answer is asked for at most."""
    return max(1, settings.least_spans, settings.max_answer_tokens // SPAN_TOKENS)


def _part(trajectory: Trajectory, window: Window) -> str:
    before, after = window.start > 0, window.end < len(trajectory.trace)
    if not before and not after:
        return "The trace is whole."
    where = " and ".join(side for side, cut in (("before", before), ("after", after)) if cut)
    return f"This is one piece of a longer trace, which goes on {where} it."


__all__ = [
    "block_in",
    "block_key",
    "blocks",
    "bounded",
    "made_request",
    "most_spans",
    "prompts_hash",
    "repair_request",
    "segment_request",
    "segment_system",
    "shortened",
    "shown",
]
