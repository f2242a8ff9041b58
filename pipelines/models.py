"""A teacher that is a model: where it is, what asking it may cost, and what it cost."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import importlib.util
import json
import logging
import shlex
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracemine.pipelines.options import AskingOptions
from tracemine.store import RequestError
from tracemine.store.location import Location
from tracemine.teachers.model.address import Address, AddressError, is_here, parse_address
from tracemine.teachers.model.budget import Limits
from tracemine.teachers.model.cache import CacheError, ResponseCache
from tracemine.teachers.model.client import KEY_VARIABLE, key_of_environment, one_line
from tracemine.teachers.model.prices import Price, PriceError, Prices, needed_price
from tracemine.teachers.model.served import VLLM_MISSING, NotServedError, name_of, served
from tracemine.teachers.model.teacher import ModelTeacher
from tracemine.teachers.model.worker import ModelOptions
from tracemine.transforms.asking import usage_of as tally_of

_LOGGER = logging.getLogger(__name__)

#: Bytes of a server's list of models that are read, and models of it that a line names.
LIST_BYTES, LISTED = 1 << 20, 5
#: Seconds that a server has to say that it is there.
REACH_SECONDS = 30.0
#: Where a store keeps the responses of its teacher.
CACHE = "cache/teacher"


@dataclass(frozen=True, slots=True)
class AskedModel:
    """A model that a run asks. ``price`` is None where none is known."""

    address: Address
    teacher: ModelTeacher
    cache: str
    limits: Limits
    price: Price | None
    asking: AskingOptions

    def describe(self) -> dict[str, Any]:
        """What a manifest says of it."""
        return {
            "model": self.teacher.model,
            "served": self.address.url or "here, by vLLM",
            "settings": dataclasses.asdict(self.teacher.settings),
            "also": list(self.asking.also),
            "limits": dataclasses.asdict(self.limits),
            "price": dataclasses.asdict(self.price) if self.price else None,
        }


def asked_model(
    teacher: str, asking: AskingOptions, store: str, *, local: bool
) -> AskedModel | None:
    """The model that ``teacher`` names, or None if it names none.

    Raises:
        RequestError: if it is written wrongly, its price must be known and is not, or the run is
            spread over machines and what is asked for holds on one alone.
    """
    try:
        address = parse_address(teacher)
        if address is None:
            _expect_nothing(asking)
            return None
        model = name_of(address.model) if address.url is None else address.model
        limits = Limits(asking.max_requests, asking.max_tokens, asking.max_cost)
        price = Prices.load(asking.prices).price_of(model)
        if asking.max_cost is not None and price is None:
            price = needed_price(model, asking.prices)
    except (AddressError, PriceError) as error:
        raise RequestError(str(error)) from error
    except OSError as error:
        raise RequestError(f"--teacher {address}: {error}") from error
    if not local and address.url is None:
        raise RequestError(
            "vllm: serves a model on this machine alone: for a run on many, serve it where all "
            "workers reach it and give --teacher openai:URL#MODEL"
        )
    if not local and limits != Limits(None, None, None):
        raise RequestError(
            "--max-requests, --max-tokens and --max-cost are kept on one machine: for a run on "
            "many, limit what the server gives to its key"
        )
    if asking.vllm_args and address.url is not None:
        raise RequestError("--vllm-args is for a model that is served here: --teacher vllm:MODEL")
    return AskedModel(
        address,
        ModelTeacher(model, asking.settings),
        asking.cache or Location.of(store).url(CACHE),
        limits,
        price,
        asking,
    )


def _expect_nothing(asking: AskingOptions) -> None:
    """Nothing, if ``asking`` asks for nothing.

    Raises:
        RequestError: naming what only a model has.
    """
    plain = AskingOptions()
    for setting in dataclasses.fields(AskingOptions):
        if getattr(asking, setting.name) != getattr(plain, setting.name):
            flag = {"settings": "teacher-settings or --concurrency"}.get(setting.name, setting.name)
            raise RequestError(
                f"--{flag.replace('_', '-')} is for a teacher that is a model: give --teacher "
                "vllm:MODEL or openai:URL#MODEL"
            )


def expect_model(asked: AskedModel) -> None:
    """Nothing, if the model can be asked as far as one can tell without asking it: before a store
    is begun.

    Raises:
        RequestError: if it cannot.
    """
    try:
        key = key_of_environment()
        _vllm_arguments(asked)
        if asked.asking.cache is not None:
            # Each worker opens its own: what is wrong with it is said before anything runs.
            ResponseCache.open(asked.asking.cache).close()
    except CacheError as error:
        raise RequestError(f"--cache: {error}") from error
    except ValueError as error:
        raise RequestError(str(error)) from error
    if asked.address.url is not None:
        _expect_server(asked.address.url, key, asked)
    elif importlib.util.find_spec("vllm") is None:
        raise RequestError(VLLM_MISSING)


def _vllm_arguments(asked: AskedModel) -> list[str]:
    try:
        return shlex.split(asked.asking.vllm_args)
    except ValueError as error:
        raise RequestError(f"--vllm-args is nothing that a shell reads: {error}") from error


@contextlib.contextmanager
def asking_model(asked: AskedModel | None) -> Iterator[ModelOptions | None]:
    """What a worker needs to ask the model, which is served meanwhile if it has to be; None if
    there is none to ask.

    Raises:
        RequestError: if the model is not served here, or responses cannot be kept.
    """
    if asked is None:
        yield None
        return
    with contextlib.ExitStack() as stack:
        url = asked.address.url
        try:
            ResponseCache.open(asked.cache).close()
            if url is None:
                url = stack.enter_context(
                    served(asked.address.model, arguments=_vllm_arguments(asked))
                )
        except CacheError as error:
            raise RequestError(f"--cache: {error}") from error
        except NotServedError as error:
            raise RequestError(str(error)) from error
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tracemine-spent-"))
        yield ModelOptions(
            base_url=url,
            model=asked.teacher.model,
            settings=asked.teacher.settings,
            cache=asked.cache,
            book=Path(folder) / "book",
            limits=asked.limits,
            price=asked.price,
        )


def _expect_server(url: str, key: str | None, asked: AskedModel) -> None:
    """Nothing, if a server answers at ``url``; a line if it lists other models, or if none answers
    and responses are kept, for they may be all that is needed.

    Raises:
        RequestError: if nothing answers and nothing is kept, or the key is refused.
    """
    request = urllib.request.Request(f"{url}/models")
    if key:
        request.add_unredirected_header("Authorization", f"Bearer {key}")
    proxies = [urllib.request.ProxyHandler({})] if is_here(url) else []
    try:
        with urllib.request.build_opener(*proxies).open(request, timeout=REACH_SECONDS) as answer:
            listed = _listed(answer.read(LIST_BYTES))
    except urllib.error.HTTPError as error:
        # Some servers have no such list; that they say so is answer enough.
        if error.code in (401, 403):
            had = "is not taken" if key else "is not set"
            raise RequestError(f"{url} wants a key: {KEY_VARIABLE} {had}") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if not _has_entries(asked.cache):
            raise RequestError(f"no server answers at {url}: {reason}") from None
        _LOGGER.warning("no server answers at %s (%s): only kept responses are used", url, reason)
    else:
        # Some servers take names that they do not list.
        if listed and asked.teacher.model not in listed:
            some = ", ".join(map(one_line, listed[:LISTED]))
            _LOGGER.warning("%s lists no model %s, but %s", url, asked.teacher.model, some)


def _listed(body: bytes) -> list[str]:
    """The models that a server lists; none if it answers something else."""
    try:
        found = json.loads(body)
        return [str(model["id"]) for model in found["data"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []


def _has_entries(cache: str) -> bool:
    try:
        return ResponseCache.has_entries(cache)
    except CacheError as error:
        raise RequestError(f"--cache: {error}") from error


def usage_of(counters: Mapping[str, int], asked: AskedModel | None) -> dict[str, Any]:
    """What a run spent, for its summary and its manifest: by stage and model, and in dollars where
    the price is known; empty where no model was asked."""
    if asked is None:
        return {}
    tally = tally_of(counters)
    tokens = [int(tally.total(name)) for name in ("prompt_tokens", "completion_tokens")]
    return {
        "stages": tally.to_json(),
        "cost": asked.price.cost(*tokens) if asked.price else None,
    }


__all__ = ["AskedModel", "asked_model", "asking_model", "expect_model", "usage_of"]
