"""What a run is asked to use: had before anything is read, or the request is refused."""

from __future__ import annotations

import os

from tracemine.store import Embedder, RequestError
from tracemine.store.location import Location
from tracemine.teachers import UnknownTeacherError, teacher_fingerprint
from tracemine.teachers.model.address import AddressError, parse_address
from tracemine.transforms.stored import Pinned, pin, shared_stored
from tracemine.verifiers import Isolation, IsolationError, Sandbox, shared_sandbox


def open_sandbox(*, require_isolation: bool) -> tuple[Sandbox, Isolation]:
    """The sandbox of this process, and what keeps untrusted code apart in it.

    Raises:
        RequestError: if isolation is required and not to be had here, or no sandbox is.
    """
    try:
        sandbox = shared_sandbox(require_isolation=require_isolation)
        return sandbox, sandbox.isolation()
    except IsolationError as error:
        raise RequestError(f"--require-isolation: {error}") from error
    except RuntimeError as error:
        raise RequestError(f"no sandbox: {error}") from error


def fingerprint_of(teacher: str) -> str:
    """What tells the ``teacher`` of that name, as it is now, from any other.

    Raises:
        RequestError: if there is none of that name, or it is a model, which only `mine` asks.
    """
    try:
        if parse_address(teacher) is not None:
            raise RequestError(
                f"--teacher {teacher}: questions are cut by the rules alone, so that they are the "
                "same for every store"
            )
        return teacher_fingerprint(teacher)
    except (AddressError, UnknownTeacherError) as error:
        raise RequestError(str(error)) from error


def pin_known(known: str, store: str) -> Pinned:
    """The live snapshot of the store ``known``, opened and read, whose spans are to be left out of
    ``store``.

    Raises:
        RequestError: if there is no such store, it is damaged, or it is ``store`` itself.
    """
    if _place(known) == _place(store):
        raise RequestError(
            f"--known and --store both name {store}: give --store a folder of its own"
        )
    pinned = pin(known)
    # Read here as each worker will: what is wrong with it is said before anything runs.
    shared_stored(pinned)
    return pinned


def expect_embedder(known: Pinned, embedder: Embedder) -> None:
    """Nothing, if ``embedder`` made the vectors of the store ``known``.

    Raises:
        RequestError: if another one did.
    """
    made_with = shared_stored(known).snapshot.manifest["embedder"]
    if made_with.get("fingerprint") != embedder.fingerprint:
        raise RequestError(
            f"the store {known.url} was made with the embedder {made_with.get('name')} "
            f"({made_with.get('fingerprint')}), not {embedder.fingerprint}: name it with --embedder"
        )


def _place(store: str) -> tuple[str, str]:
    location = Location.of(store)
    root = os.path.realpath(location.root) if location.local else location.url()
    return type(location.fs).__name__, root


__all__ = ["expect_embedder", "fingerprint_of", "open_sandbox", "pin_known"]
