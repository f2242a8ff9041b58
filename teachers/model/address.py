"""What ``--teacher`` says of a model: where it is served, and what it is called there."""

from __future__ import annotations

import ipaddress
import unicodedata
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urlsplit

#: Characters that an address may have; longer ones are pasted by mistake.
MOST_CHARS = 2_000
#: Characters of an address that an error shows.
SHOWN_CHARS = 120

OPENAI = "openai:"
VLLM = "vllm:"
#: Where servers of this kind have their routes, where an address names no path.
USUAL_PATH = "/v1"
#: The route itself, which people copy along with the address.
ROUTE = "/chat/completions"

OPENAI_FORM = "write openai:URL#MODEL, for example openai:http://localhost:8000/v1#my-model"
VLLM_FORM = "write vllm:MODEL, a name or a folder, for example vllm:Qwen/Qwen3-8B"


class AddressError(ValueError):
    """A teacher's address that cannot be meant. One line says what to write in its place; it shows
    no part of an address that may be a secret."""


@dataclass(frozen=True, slots=True)
class Address:
    """A model that teaches. ``url`` is what its server's routes are below, without a slash at its
    end; None for a model that is to be served here."""

    kind: Literal["openai", "vllm"]
    model: str
    url: str | None = None

    def __str__(self) -> str:
        return f"{VLLM}{self.model}" if self.url is None else f"{OPENAI}{self.url}#{self.model}"


def parse_address(text: str) -> Address | None:
    """The address that ``text`` writes; None if it is of neither form, so that it may name another
    teacher. An address is one however it is written: ``parse_address(str(address)) == address``.

    >>> parse_address("openai:http://localhost:8000#llama")
    Address(kind='openai', model='llama', url='http://localhost:8000/v1')

    Raises:
        AddressError: if it is of one of these forms and wrong.
    """
    text = text.strip()
    if text.startswith(VLLM):
        return Address("vllm", _model(text.removeprefix(VLLM), VLLM_FORM))
    if text.startswith(OPENAI):
        return _served(text.removeprefix(OPENAI))
    return None


def is_here(url: str) -> bool:
    """Whether ``url`` is of a server on this machine, which no proxy reaches.

    >>> is_here("http://localhost:8000/v1"), is_here("https://api.openai.com/v1")
    (True, False)
    """
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _served(text: str) -> Address:
    url, mark, model = text.partition("#")
    if len(url) > MOST_CHARS:
        raise AddressError(f"the teacher's URL is too long: {OPENAI_FORM}")
    if any(character.isspace() or _controls(character) for character in url):
        raise AddressError(f"the teacher's URL has spaces in it: {OPENAI_FORM}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # What is wrong may be a password, so it is not shown.
        raise AddressError(f"the teacher's URL is not one: {OPENAI_FORM}") from None
    if "@" in parts.netloc:
        raise AddressError(
            "the teacher's URL holds a user or a password: set OPENAI_API_KEY in their place"
        )
    if parts.query or "?" in url:
        raise AddressError(
            "the teacher's URL holds a query: leave it out; a key is read from OPENAI_API_KEY"
        )
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname or port == 0:
        raise AddressError(f"the teacher's URL {_shown(url)} is no http(s) one: {OPENAI_FORM}")
    if not mark:
        raise AddressError(f"the teacher {_shown(url)} names no model: {OPENAI_FORM}")
    return Address("openai", _model(model, OPENAI_FORM), _base(parts, port))


def _base(parts: SplitResult, port: int | None) -> str:
    path = parts.path.rstrip("/").removesuffix(ROUTE).rstrip("/")
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    where = host if port is None else f"{host}:{port}"
    return f"{parts.scheme.lower()}://{where}{path or USUAL_PATH}"


def _model(text: str, form: str) -> str:
    model = text.strip()
    if not model:
        raise AddressError(f"the teacher names no model: {form}")
    if len(model) > MOST_CHARS:
        raise AddressError(f"the teacher's model has too long a name: {form}")
    # A leading dash would be read as an option by the server that is started for the model.
    if model.startswith("-") or any(_controls(character) for character in model):
        raise AddressError(f"the teacher's model {_shown(model)} is no name of one: {form}")
    return model


def _controls(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _shown(text: str) -> str:
    """One line, whatever ``text`` holds."""
    return ascii(text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}...")


__all__ = ["Address", "AddressError", "is_here", "parse_address"]
