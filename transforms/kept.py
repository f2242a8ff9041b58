"""Work that is kept until it is published, so that a run which was killed goes on where it was.

A stage that costs something works on shards: what is gathered under one number, which follows from
ids. What it made of a shard is a file by the name of the stage, the shard and a hash of what went
in, in a folder by the name of all else that decides it (`store.work`). Whoever runs the stage again
on the same shard reads the file. A file is there whole or not at all, and one that is damaged is as
good as none.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import logging
import pickle
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import fsspec
import pyarrow as pa
import xxhash
from apache_beam.metrics import Metrics

from tracemine.schemas import content_id
from tracemine.store.tables import open_whole
from tracemine.transforms import live
from tracemine.transforms.stage import (
    NAMESPACE,
    Out,
    Stage,
    count_output,
    count_seconds,
)

_LOGGER = logging.getLogger(__name__)

#: Shards of a stage where nobody says how many, or the size of an input is not known.
SHARDS = 1024
#: Bytes of input, as it lies, for each shard; and the fewest and the most shards. A shard is what a
#: run that was killed does again: some seconds of work.
SHARD_BYTES, FEWEST, MOST = 1 << 18, 4, 8192

#: What a file begins with; its number changes with what stands in it.
_MAGIC = b"tracemine kept 1\n"
_DIGEST = hashlib.sha256().digest_size
_LENGTH = 8
#: What is raised where a file is not what was written, or another version wrote it.
DAMAGED = (ValueError, pickle.UnpicklingError)
#: What else than our own records may stand in a file.
_PLAIN = {("builtins", "set"), ("builtins", "frozenset"), ("fractions", "Fraction")}


@dataclass(frozen=True, slots=True)
class Kept:
    """Where shards are kept: a folder or fsspec URL that all workers reach; nowhere if None.
    ``shards`` is how many a stage has."""

    folder: str | None = None
    shards: int = SHARDS

    def shard_of(self, identifier: str) -> int:
        """The shard of an id, in ``range(self.shards)``."""
        return int(content_id("shard", identifier)[:8], 16) % self.shards

    def load(self, stage: str, shard: str, digest: str) -> Any:
        """What was kept of a shard; None if nothing was, or nothing that can be read."""
        if self.folder is None:
            return None
        path = self._path(stage, shard, digest)
        try:
            with fsspec.open(path, "rb") as stream:
                content = stream.read()
        except FileNotFoundError:
            return None
        try:
            return _unpack(content)
        except DAMAGED as error:
            _LOGGER.warning("%s is damaged (%s): its work is done again", path, error)
            return None

    def save(self, stage: str, shard: str, digest: str, content: Any) -> None:
        """Keep ``content``, of our records and plain values, which is not None."""
        if self.folder is not None:
            with open_whole(self._path(stage, shard, digest)) as stream:
                stream.write(_pack(content))

    def or_make(
        self, stage: str, shard: str, decides: Iterable[Any], make: Callable[[], Any]
    ) -> Any:
        """What was kept of a shard, by the hash of what ``decides`` it; else what ``make`` gives,
        which is kept. Beam counts which."""
        if self.folder is None:
            return make()
        digest = digest_of(decides)
        found = self.load(stage, shard, digest)
        Metrics.counter(NAMESPACE, counter_of(stage, made=found is None)).inc()
        if found is None:
            found = make()
            self.save(stage, shard, digest, found)
        return found

    def _path(self, stage: str, shard: str, digest: str) -> str:
        return f"{self.folder}/{stage}/{shard}-{digest}.kept"


#: For a stage whose work is worth nothing to anybody later.
NOT_KEPT = Kept()


def shards_for(sizes: Iterable[int | None]) -> int:
    """How many shards suit inputs of so many bytes; None where nobody knows."""
    total = 0
    for size in sizes:
        total += SHARD_BYTES * SHARDS if size is None else size
    return min(max(-(-total // SHARD_BYTES), FEWEST), MOST)


def digest_of(elements: Iterable[Any]) -> str:
    """A hash of what ``elements`` (records and plain values) say, whatever their order."""
    parts = sorted(_hash(repr(element)) for element in elements)
    return xxhash.xxh3_128_hexdigest(b"".join(parts))


def _hash(text: str) -> bytes:
    return xxhash.xxh3_128_digest(text.encode("utf-8", "surrogatepass"))


class InShards(beam.PTransform):
    """Elements -> ``(shard, elements)``, by what ``identifier`` gives for each."""

    def __init__(self, kept: Kept, identifier: Callable[[Any], str]) -> None:
        super().__init__()
        self.kept = kept
        self.identifier = identifier

    def expand(self, elements: beam.PCollection) -> beam.PCollection:
        """See `beam.PTransform.expand`."""
        kept, identifier = self.kept, self.identifier
        return (
            elements
            | "Key by shard" >> beam.Map(lambda one: (kept.shard_of(identifier(one)), one))
            | "Gather shards" >> beam.GroupByKey()
        )


def grouped(pairs: Iterable[tuple[Any, Any]]) -> list[list[Any]]:
    """The values of each key, in order of the keys."""
    found: dict[Any, list[Any]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return [values for _, values in sorted(found.items(), key=lambda pair: pair[0])]


class KeptStage(Stage):
    """As `Stage`, over ``(shard, elements)``, whose elements are a list, in whatever order. A shard
    is a number, a text, or a tuple of these. ``also`` is what else decides what the function gives:
    records and plain values."""

    def __init__(
        self,
        name: str,
        function: Callable[..., Iterable[Out]],
        *,
        kept: Kept,
        main: str,
        setup: Callable[[], Any] | None = None,
        also: tuple[Any, ...] = (),
    ) -> None:
        super().__init__(name, function, main=main, setup=setup)
        self.kept = kept
        self.also = also

    def process(self, element: tuple[Any, Iterable[Any]]) -> Iterator[Any]:
        """Run the function on one shard, or take what it once gave; Beam calls this."""
        started = time.perf_counter()
        shard, elements = element[0], list(element[1])
        found = self.kept.or_make(
            self.name,
            f"{shard:05d}" if isinstance(shard, int) else content_id("shard", repr(shard)),
            [*elements, (shard, self.also)],
            lambda: list(self.function((shard, elements), *self.arguments)),
        )
        count_seconds(self.name, time.perf_counter() - started)
        for output, record in found:
            count_output(self.name, output)
            yield record if output == self.main else beam.pvalue.TaggedOutput(output, record)
        live.tell()


def counter_of(stage: str, *, made: bool) -> str:
    """The name of the Beam counter of a stage's shards: those that were ``made``, or those that
    were taken from what an earlier run kept."""
    return f"{stage}/shards {'made' if made else 'kept'}"


def run_kept(
    name: str,
    function: Callable[..., Iterable[Out]],
    *,
    kept: Kept,
    main: str,
    tags: Iterable[str] = (),
    setup: Callable[[], Any] | None = None,
    also: tuple[Any, ...] = (),
) -> beam.ParDo:
    """As `stage.run_stage`, for a function of a shard and its elements."""
    stage = KeptStage(name, function, kept=kept, main=main, setup=setup, also=also)
    return beam.ParDo(stage).with_outputs(*tags, main=main)


def _pack(content: Any) -> bytes:
    plain = pickle.dumps(content, protocol=5)
    packed: bytes = pa.compress(plain, codec="zstd", asbytes=True)
    rest = len(plain).to_bytes(_LENGTH, "big") + packed
    return _MAGIC + hashlib.sha256(rest).digest() + rest


def _unpack(content: bytes) -> Any:
    head, rest = content[: len(_MAGIC)], content[len(_MAGIC) :]
    if head != _MAGIC:
        raise ValueError("not a file of kept work")
    digest, rest = rest[:_DIGEST], rest[_DIGEST:]
    if hashlib.sha256(rest).digest() != digest:
        raise ValueError("not what was written")
    length, packed = int.from_bytes(rest[:_LENGTH], "big"), rest[_LENGTH:]
    plain = pa.decompress(packed, decompressed_size=length, codec="zstd", asbytes=True)
    return _Records(io.BytesIO(plain)).load()


class _Records(pickle.Unpickler):
    """Reads our own records and plain values, and nothing that would run."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _PLAIN:
            return super().find_class(module, name)
        if module.startswith("tracemine.") and "." not in name and module in sys.modules:
            found = getattr(sys.modules[module], name, None)
            is_record = dataclasses.is_dataclass(found) or hasattr(found, "_fields")
            if isinstance(found, type) and is_record and found.__module__ == module:
                return found
        raise pickle.UnpicklingError(f"holds {module}.{name}")


__all__ = [
    "NOT_KEPT",
    "InShards",
    "Kept",
    "KeptStage",
    "counter_of",
    "digest_of",
    "grouped",
    "run_kept",
    "shards_for",
]
