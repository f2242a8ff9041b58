r"""Taking off what a model's thinking is wrapped in, and telling whether the model came to an end.

    <think> ... </think> answer                                    DeepSeek-R1, QwQ, Qwen3
    <|begin_of_thought|> ... <|end_of_thought|>
    <|begin_of_solution|> ... <|end_of_solution|>                  Sky-T1, OpenThoughts-114k
    reasoning_content beside content                               chat messages

A prompt often opens the thought itself, so that a trace closes one that it never opened. Then
``</think>`` must stand on a line of its own, or a program that looks for it would be cut there.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

from tracemine.transforms.formats.answers import final_answer
from tracemine.verifiers import find_program

#: The words of servers for "no more tokens".
OUT_OF_TOKENS = frozenset({"length", "max_tokens", "max_length", "max_new_tokens"})
#: A trace that breaks off has not stated its answer this near its end, in characters: before that,
#: it was a first try.
CLOSING_CHARS = 1000
#: Marks for the end stand within the last so many characters.
STOP_CHARS = 200

_TAG = r"(?:think|thinking|thought)"
_OPENING = re.compile(rf"\s*(?:<{_TAG}>|<\|begin_of_thought\|>)")
_CLOSING = re.compile(rf"</{_TAG}>|<\|end_of_thought\|>")
_CLOSING_ALONE = re.compile(rf"^[ \t]*</{_TAG}>[ \t]*$|<\|end_of_thought\|>", re.MULTILINE)
_TAGS = re.compile(rf"</?{_TAG}>")
_MARKERS = re.compile(r"<\|(?:begin|end)_of_(?:thought|solution)\|>")
_SOLUTION = "<|begin_of_solution|>"
#: What a tokenizer writes where a model stops, left in some corpora.
_STOP = re.compile(
    r"(?:\s*(?:<\|(?:im_end|eot_id|end_of_text|endoftext)\|>|<｜end▁of▁sentence｜>|</s>))+\s*\Z"
)
#: A text that came to its end: a full stop or its like, a bracket, quote, mark-up or formula that
#: closes. The number of a list's next item is no end.
#: A last line that states a value: "Antwort: 60", "7 * 11 = 77 euros".
_STATED_LAST = re.compile(r"[:：=]\s*[$€£]?\s?[-−]?\d[\d.,]*\s?%?(?:\s[^\W\d_]{1,20}){0,2}\s*$")
_FINISHED = re.compile(r"[.!?:;)\]}>$*\"'`’”。！？]\s*\Z|\\end\{\w+\*?\}\s*\Z")
_NEXT_ITEM = re.compile(r"^\s*(?:\d+|[a-zA-Z])[.)]\s*\Z", re.MULTILINE)
#: "= 42 jars", with the answer between these two, ends a text that has no full stop.
_COMES_TO = r"(?:=|:|\bis)[\s$({\\]*(?:[A-Z][.)]\s+)?"
_A_WORD = r"[\s$)}\\]*\w*\s*\Z"


@dataclass(frozen=True, slots=True)
class Told:
    """A trace without its markers. ``conclusion`` is what follows the thought, the whole where
    none ends. ``open``: a thought was begun and not ended. ``stopped``: the model's own mark for
    its end was there."""

    trace: str
    conclusion: str
    open: bool = False
    stopped: bool = False


def unwrap(text: str) -> Told:
    """``text`` without the markers of its thought. A text that has none comes back as it is."""
    stop = _STOP.search(text, max(0, len(text) - STOP_CHARS))
    body = text[: stop.start()] if stop else text
    opening = _OPENING.match(body)
    closings = (_CLOSING if opening else _CLOSING_ALONE).finditer(body)
    closing = next(iter(deque(closings, maxlen=1)), None)
    if closing is not None:
        parts = [body[: closing.start()], body[closing.end() :]]
    elif opening is None and _MARKERS.search(body) is None:
        return Told(body, body, stopped=stop is not None)
    else:
        parts = body.split(_SOLUTION, 1)
    bare = [_without_markers(part, opening is not None) for part in parts]
    trace = "\n\n".join(part for part in bare if part)
    is_open = opening is not None and closing is None and len(parts) == 1
    return Told(trace, bare[-1], is_open, stop is not None)


def _without_markers(text: str, tags_too: bool) -> str:
    text = _MARKERS.sub("", text)
    return (_TAGS.sub("", text) if tags_too else text).strip()


def with_thought(thought: str, content: str) -> str:
    """A trace that was published in two fields, as one text that `unwrap` reads."""
    return f"<think>\n{thought}\n</think>\n\n{content}"


def is_cut_off(told: Told, *, answer: str | None, finish_reason: str = "") -> bool:
    """Whether the model was stopped before it came to its end: a server says so, a thought is not
    ended, or the text ends within a sentence; and it has not just stated its answer. A program is
    no sentence."""
    if finish_reason.lower() in OUT_OF_TOKENS:
        return True
    closing = told.conclusion[-CLOSING_CHARS:]
    if told.stopped or final_answer(closing):
        return False
    if told.open:
        return True
    if _FINISHED.search(closing) and not _NEXT_ITEM.search(closing):
        return False
    if _STATED_LAST.search(closing):
        return False
    if answer and re.search(_COMES_TO + re.escape(answer) + _A_WORD, closing):
        return False
    return find_program(told.trace) is None
