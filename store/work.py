"""What a run keeps of its work until it publishes: ``work/RUN/`` in the store.

RUN is a hash of all that decides what the run gives but for its time: inputs by content, options,
policy, models, the code itself. So a run that is started again after it was killed finds its own
work, and one with other options does not. ``gc`` removes what nobody came back for.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import importlib.util
import json
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from tracemine.store.location import Location

_LOGGER = logging.getLogger(__name__)

#: The folder in a store.
WORK = "work"
#: The packages whose code decides what a run gives.
PACKAGES = (
    "tracemine.schemas", "tracemine.verifiers", "tracemine.store", "tracemine.teachers",
    "tracemine.transforms",
)  # fmt: skip
#: In a run's folder: the time that its snapshot will state.
AS_OF = "as_of"


@dataclass(frozen=True, slots=True)
class Work:
    """The folder of a run's unfinished work. ``as_of`` is the time that its snapshot states, the
    one with which it was begun; ``resumed`` says that there was work already."""

    location: Location
    name: str
    as_of: str
    resumed: bool

    @property
    def folder(self) -> str:
        """A path or URL that all workers reach."""
        return self.location.url(self.name)

    def remove(self) -> None:
        """Remove all of it: it is published. Where the store has a lock, what other runs left goes,
        too: nobody can publish it any more."""
        name = WORK if self.location.local else self.name
        if self.location.exists(name):
            self.location.remove(name)


def open_work(
    location: Location, decides: Mapping[str, Any], *, as_of: str | None, now: str
) -> Work:
    """The work of the run that ``decides`` (JSON values) describes: what it left, or a new folder.

    Args:
        as_of: the time that was asked for; None for that of the run that left work, or ``now``.

    Raises:
        OSError: if the store cannot be written.
    """
    name = f"{WORK}/{_run_of(decides)}"
    begun = _time_in(location, f"{name}/{AS_OF}")
    time = as_of or begun or now
    if time != begun:
        location.fs.makedirs(location.inner(name), exist_ok=True)
        location.write(f"{name}/{AS_OF}", time.encode())
    return Work(location, name, time, resumed=begun is not None)


def _time_in(location: Location, name: str) -> str | None:
    """The ISO 8601 time that a file holds; None if there is no such file, or it is damaged."""
    if not location.exists(name):
        return None
    text = location.read(name).decode("ascii", "replace")
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError as error:
        _LOGGER.warning("%s is damaged (%s): the run begins now", location.url(name), error)
        return None
    return text


def _run_of(decides: Mapping[str, Any]) -> str:
    # Code of traces may import whatever is installed.
    installed = sorted({(str(d.name), d.version) for d in metadata.distributions()})
    text = json.dumps([decides, sys.version, installed, _code()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@functools.cache
def _code() -> str:
    """A hash of tracemine's own code, and of the data that lies with it."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        for root in (spec.submodule_search_locations or ()) if spec else ():
            for path in sorted(Path(root).rglob("*")):
                if path.is_file() and path.suffix != ".pyc":
                    digest.update(f"{package}/{path.relative_to(root).as_posix()}\0".encode())
                    digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


__all__ = ["AS_OF", "WORK", "Work", "open_work"]
