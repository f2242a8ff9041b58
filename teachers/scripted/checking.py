"""Requests for chat completions, checked as a server checks them: each mistake has its status."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tracemine.schemas import content_id
from tracemine.teachers.scripted.obeying import SchemaError, check_schema

#: Characters of a token: what a tokenizer makes of English and numbers on average, as a fixed rule.
TOKEN_CHARS = 4
#: Tokens that a chat template puts around a message.
MESSAGE_TOKENS = 4

#: What an answer is to be.
Form = Literal["text", "json_object", "json_schema"]

_ROLES = ("system", "developer", "user", "assistant")
#: Fields that decide an answer, with what they may be.
_NUMBERS: Mapping[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
}
_WHOLE: Mapping[str, tuple[int, int]] = {
    "max_tokens": (1, 10**9),
    "max_completion_tokens": (1, 10**9),
    "seed": (-(2**63), 2**63 - 1),
    "n": (1, 1),
}
_FREE = ("user", "stop", "metadata", "store", "service_tier", "reasoning_effort", "logprobs")
_FIELDS = frozenset({"model", "messages", "response_format", "stream", *_NUMBERS, *_WHOLE, *_FREE})
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class RefusedError(Exception):
    """A request that is answered with an error.

    Attributes:
        status: of HTTP.
        kind: the error's ``type``, as vLLM names it.
        code: OpenAI's name of the error, or None.
        param: the field that is wrong, or None.
    """

    def __init__(
        self,
        message: str,
        status: int = 400,
        kind: str = "BadRequestError",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.code = code
        self.param = param


@dataclass(frozen=True, slots=True)
class Chat:
    """A request that a server takes. ``schema`` is None where none was asked for, ``most_tokens``
    where the answer may have any number; ``key`` is `Request.key` of whoever sent it."""

    key: str
    model: str
    messages: tuple[Mapping[str, str], ...]
    form: Form
    schema_name: str
    schema: Mapping[str, Any] | None
    prompt_tokens: int
    most_tokens: int | None


class Checker:
    """Checks requests. Remembers the last schemas that it found good: all requests of a run have
    one of a few."""

    #: Schemas that are remembered.
    REMEMBERED = 8

    def __init__(
        self,
        models: tuple[str, ...],
        context: int | None = None,
        unknown: frozenset[str] = frozenset(),
    ) -> None:
        self.models = models
        self.context = context
        self.fields = _FIELDS - unknown
        self._good: list[tuple[Any, bool]] = []

    def read(self, body: bytes) -> Chat:
        """The request in a body.

        Raises:
            RefusedError: if a server would not take it.
        """
        try:
            given = json.loads(body, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise RefusedError("the body is no JSON") from error
        if not isinstance(given, dict):
            raise RefusedError("the body must be an object")
        if unknown := sorted(given.keys() - self.fields):
            raise RefusedError(
                f"Unsupported parameter: {unknown[0]!r}",
                code="unsupported_parameter",
                param=unknown[0],
            )
        model = given.get("model")
        if not isinstance(model, str):
            raise _wrong("model", "must be text")
        if model not in self.models:
            raise RefusedError(
                f"The model `{model}` does not exist.",
                status=404,
                kind="NotFoundError",
                code="model_not_found",
                param="model",
            )
        _check_numbers(given)
        messages = _messages(given.get("messages"))
        form, name, schema, wire = self._format(given.get("response_format", {"type": "text"}))
        prompt = sum(MESSAGE_TOKENS + tokens_of(message["content"]) for message in messages)
        most = given.get("max_completion_tokens", given.get("max_tokens"))
        self._check_context(prompt, most)
        parameters = {
            field: value
            for field, value in given.items()
            if field not in ("model", "messages", "response_format", "stream")
        }
        said = [[message["role"], message["content"]] for message in messages]
        return Chat(
            key=content_id("request", model, parameters, said, wire),
            model=model,
            messages=messages,
            form=form,
            schema_name=name,
            schema=schema,
            prompt_tokens=prompt,
            most_tokens=most,
        )

    def _check_context(self, prompt: int, most: int | None) -> None:
        if self.context is None or prompt + (most or 1) <= self.context:
            return
        wanted = f"{prompt} in the messages, {most} in the completion" if most else f"{prompt}"
        raise RefusedError(
            f"This model's maximum context length is {self.context} tokens. However, you requested"
            f" {prompt + (most or 0)} tokens ({wanted}). Please reduce the length of the"
            " messages or completion.",
            code="context_length_exceeded",
            param="messages",
        )

    def _format(self, given: Any) -> tuple[Form, str, Mapping[str, Any] | None, Mapping[str, Any]]:
        """The form, the schema's name, the schema, and what stands for it in a key."""
        if not isinstance(given, dict):
            raise _wrong("response_format", "must be an object")
        form = given.get("type")
        if form == "text" or form == "json_object":
            if set(given) != {"type"}:
                raise _wrong("response_format", f"nothing stands beside the type {form}")
            return form, "", None, {}
        if form != "json_schema":
            raise _wrong("response_format.type", "must be text, json_object or json_schema")
        told = given.get("json_schema")
        if not isinstance(told, dict) or set(given) != {"type", "json_schema"}:
            raise _wrong("response_format.json_schema", "must be an object")
        if unknown := sorted(told.keys() - {"name", "description", "schema", "strict"}):
            raise _wrong(f"response_format.json_schema.{unknown[0]}", "unrecognized argument")
        name = told.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise _wrong("response_format.json_schema.name", "must match ^[a-zA-Z0-9_-]{1,64}$")
        strict = told.get("strict")
        if strict not in (True, False, None):
            raise _wrong("response_format.json_schema.strict", "must be true or false")
        schema = told.get("schema")
        for known, was_strict in self._good:
            if was_strict == bool(strict) and known == schema:
                # The same object: what is found out about it need not be found out again.
                schema = known
                break
        else:
            try:
                check_schema(schema, bool(strict))
            except SchemaError as error:
                raise _wrong(
                    "response_format", f"Invalid schema for response_format {name!r}: {error}"
                ) from error
            self._good = [(schema, bool(strict)), *self._good[: self.REMEMBERED - 1]]
        assert isinstance(schema, dict)
        return "json_schema", name, schema, schema


def tokens_of(text: str) -> int:
    """Tokens of a text, by a fixed rule."""
    return -(-len(text) // TOKEN_CHARS)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _wrong(param: str, what: str) -> RefusedError:
    return RefusedError(f"{param}: {what}", param=param)


def _check_numbers(given: Mapping[str, Any]) -> None:
    for field, (least, most) in {**_NUMBERS, **_WHOLE}.items():
        value = given.get(field)
        if value is None:
            continue
        kinds = int if field in _WHOLE else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
            raise _wrong(field, f"must be a number from {least} to {most}")
    if given.get("stream", False) is not False:
        raise _wrong("stream", "this server answers whole")


def _messages(given: Any) -> tuple[Mapping[str, str], ...]:
    if not isinstance(given, list) or not given:
        raise _wrong("messages", "must be a list that holds something")
    found = []
    for index, message in enumerate(given):
        where = f"messages[{index}]"
        if not isinstance(message, dict) or set(message) - {"role", "content", "name"}:
            raise _wrong(where, "must be an object of role and content")
        if message.get("role") not in _ROLES:
            raise _wrong(f"{where}.role", f"must be one of {', '.join(_ROLES)}")
        found.append({"role": message["role"], "content": _text(message.get("content"), where)})
    return tuple(found)


def _text(content: Any, where: str) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise _wrong(f"{where}.content", "must be text")
    found = ""
    for part in content:
        text = part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None
        if not isinstance(text, str):
            raise _wrong(f"{where}.content", "must be text")
        found += text
    return found


__all__ = ["MESSAGE_TOKENS", "TOKEN_CHARS", "Chat", "Checker", "RefusedError", "tokens_of"]
