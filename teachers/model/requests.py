"""One request to a model, and what came back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from tracemine.schemas import content_id

#: What a request is for: tallies are kept by it. It is no part of a request's key.
Purpose = Literal["segment", "repair", "replay", "judge", "normalise"]
PURPOSES: tuple[Purpose, ...] = ("segment", "repair", "replay", "judge", "normalise")
Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True)
class Request:
    """What a model is asked. ``schema`` is a JSON schema that the answer must have, ``parameters``
    are the server's own (``temperature``, ``max_completion_tokens`` ...)."""

    purpose: Purpose
    model: str
    messages: tuple[Message, ...]
    schema_name: str
    schema: Mapping[str, Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def key(self) -> str:
        """The hash of all that an answer depends on: 32 hexadecimal digits. Two requests of one key
        are one request, whatever for, whoever serves the model."""
        return self._key

    @cached_property
    def _key(self) -> str:
        messages = [[message.role, message.content] for message in self.messages]
        return content_id("request", self.model, dict(self.parameters), messages, dict(self.schema))


@dataclass(frozen=True, slots=True)
class Response:
    """What a model answered. ``finish_reason`` is the server's (``stop``, ``length``,
    ``content_filter`` ...); ``refusal`` is what a model said in place of an answer, or None; tokens
    are as the server counted them, 0 where it did not."""

    text: str
    finish_reason: str
    refusal: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0


#: Sends a request, or finds its response; raises `TeacherError` with a fixed reason.
Ask = Callable[[Request], Awaitable[Response]]

__all__ = ["PURPOSES", "Ask", "Message", "Purpose", "Request", "Response", "Role"]
