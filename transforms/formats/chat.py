"""Chats: a question and what was said to it, as a list of turns.

    [{role, content}]       OpenAI's messages; a turn may have reasoning_content and tool_calls
    [{from, value}]         ShareGPT's conversations

One question makes a problem. A chat with several is refused: the later ones cannot be understood
alone, and it is not said which of them an answer belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tracemine.transforms.formats.base import (
    WRONG_TYPE,
    Row,
    RowError,
    as_text,
    field,
    is_null,
)
from tracemine.transforms.formats.thoughts import with_thought

#: Columns that hold a chat.
CHAT_COLUMNS = ("messages", "conversations", "conversation")

UNKNOWN_ROLE = "unknown role"
SEVERAL_QUESTIONS = "several questions in one chat"
NO_QUESTION = "no question in the chat"
NO_REPLY = "no reply in the chat"

_ROLES = {
    "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant",
    "model": "assistant", "bot": "assistant", "system": "system", "developer": "system",
    "tool": "tool", "function": "tool", "observation": "tool", "ipython": "tool",
}  # fmt: skip
_THOUGHT_KEYS = ("reasoning_content", "reasoning", "thinking")
#: An empty box: what stands around it says in what form to answer. It is no part of the problem,
#: and the same in every problem of a corpus.
_EMPTY_BOX = re.compile(r"\\boxed\s?\{\s{0,3}\}")
#: Between two sentences. No full stop within a number is one.
_BETWEEN = re.compile(r"[.?!](?=\s)|\n")
_END = re.compile(r"[.?!](?=\s|\Z)|\n|\Z")
#: How a sentence begins that only says how to answer.
_INSTRUCTS = re.compile(
    r"\W*(?:please|put|give|write|make sure|present|express|enclose|return|provide|place|box|answer"
    r"|remember|your|the|let.?s think|reason|think|solve|ensure|output|state|finally|include)\b",
    re.I,
)
#: How the clause begins that says so at the end of a sentence that asks for something.
_CLAUSE = re.compile(
    r"(?:,\s*|\s)(?:and\s+)?(?:then\s+)?(?:please\s+)?"
    r"(?:put|give|write|present|express|enclose|return|provide|place|box|output|state|with)\b[^,]*\Z",
    re.I,
)
_DATA = re.compile(r"[\d$]")
#: Characters that are looked through on each side of a box.
_REACH = 400


@dataclass(frozen=True, slots=True)
class Chat:
    """The question, without what it says of the form of the answer, and all that was said to it,
    thoughts wrapped as `thoughts.unwrap` reads them."""

    problem: str
    trace: str


def is_chat(value: Any) -> bool:
    """Whether ``value`` looks like a list of turns."""
    if not isinstance(value, list | tuple) or not value:
        return False
    return all(isinstance(turn, Mapping) and ("role" in turn or "from" in turn) for turn in value)


def read_chat(row: Row, column: str) -> Chat:
    """The chat in ``column``.

    Raises:
        RowError: if it is missing or none, a role is not known, or it has not one question that is
            followed by a reply.
    """
    turns = field(row, column)
    if turns is None:
        raise RowError(is_null("trace"), f"column {column}")
    if not isinstance(turns, list | tuple):
        raise RowError(WRONG_TYPE, f"{column} is {type(turns).__name__}, not a list of turns")
    questions: list[str] = []
    replies: list[str] = []
    for turn in turns:
        if not isinstance(turn, Mapping):
            raise RowError(WRONG_TYPE, f"a turn of {column} is {type(turn).__name__}")
        role = _role(turn, column)
        if role == "user":
            questions.append(as_text(_content(turn), column, "problem"))
        elif role == "assistant" and questions:
            replies.append(_reply(turn, column))
        elif role == "tool" and questions:
            replies.append(f"```output\n{as_text(_content(turn), column, 'tool output')}\n```")
    if len(questions) > 1:
        raise RowError(SEVERAL_QUESTIONS, f"column {column} has {len(questions)}")
    if not questions:
        raise RowError(NO_QUESTION, f"column {column}")
    trace = "\n\n".join(filter(None, replies))
    if not trace.strip():
        raise RowError(NO_REPLY, f"column {column}")
    return Chat(bare_problem(questions[0]), trace)


def bare_problem(question: str) -> str:
    """``question`` without what it says of how to box the answer; as it is if nothing else is
    left, or where that cannot be told from what it asks."""
    bare, done = [], 0
    for box in _EMPTY_BOX.finditer(question):
        if box.start() < done:
            continue
        low = max(done, box.start() - _REACH)
        before = question[low : box.start()]
        start = low + max((m.end() for m in _BETWEEN.finditer(before)), default=0)
        end = _END.search(question, box.end(), box.end() + _REACH)
        after = end.end() if end else box.end()
        said = question[start : box.start()]
        if _INSTRUCTS.match(said) and not _DATA.search(said):
            bare.append(question[done:start])
        elif clause := _CLAUSE.search(said):
            bare.append(question[done : start + clause.start()] + ".")
        else:
            continue
        done = after
    bare.append(question[done:])
    return "".join(bare).strip() or question.strip()


def _role(turn: Mapping[str, Any], column: str) -> str:
    name = turn.get("role") or turn.get("from")
    role = _ROLES.get(name.lower()) if isinstance(name, str) else None
    if role is None:
        raise RowError(UNKNOWN_ROLE, f"{name!r} in {column}"[:100])
    return role


def _content(turn: Mapping[str, Any]) -> Any:
    """The text of a turn, or whatever is there instead. A list of parts is the text of those that
    are text."""
    content = turn["content"] if "content" in turn else turn.get("value")
    if isinstance(content, list | tuple) and all(isinstance(part, Mapping) for part in content):
        texts = [part.get("text") for part in content]
        return "\n".join(text for text in texts if isinstance(text, str))
    return content


def _reply(turn: Mapping[str, Any], column: str) -> str:
    """What the model said, empty for a turn that only calls a tool."""
    content = _content(turn)
    said = "" if content in (None, "") else as_text(content, column, "trace")
    thought = next((turn[key] for key in _THOUGHT_KEYS if turn.get(key)), None)
    if thought is None:
        return said
    return with_thought(as_text(thought, column, "thought"), said)


__all__ = ["CHAT_COLUMNS", "Chat", "bare_problem", "is_chat", "read_chat"]
