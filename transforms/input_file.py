"""One input: a file, or a split of a Hugging Face data set, and how it is read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

import fsspec
from fsspec.implementations.local import LocalFileSystem

from tracemine.transforms.byte_streams import CHUNK_BYTES, Compression

Container = Literal["lines", "json", "parquet", "dataset"]

_CONTAINERS: dict[str, Container] = {
    ".jsonl": "lines", ".ndjson": "lines", ".json": "json", ".parquet": "parquet",
}  # fmt: skip
_COMPRESSIONS: dict[str, Compression] = {".gz": "gz", ".zst": "zst"}


@dataclass(frozen=True, slots=True, order=True)
class InputFile:
    """``url`` is a path or any URL that fsspec opens; for a split, the data set's name or folder.
    ``dataset`` names it in `Source`. ``format`` is a name in `formats.FORMATS`, or empty for a
    file in which no row can be parsed. ``columns`` are pairs of role and column. A file of a split
    has the number that its ``first_row`` has in the split."""

    url: str
    dataset: str
    container: Container
    compression: Compression = ""
    format: str = ""
    columns: tuple[tuple[str, str], ...] = ()
    revision: str = ""
    config: str = ""
    split: str = ""
    first_row: int = 0

    def bytes_here(self) -> int | None:
        """The size of a file on this machine; None for any other input."""
        system, path = _system(self)
        return int(system.size(path)) if system is not None else None

    def bytes_stored(self) -> int | None:
        """The size of a file wherever it lies; None for a split, or where nobody tells."""
        if self.container == "dataset":
            return None
        try:
            system, path = fsspec.core.url_to_fs(self.url)
            size = system.size(path)
        except (OSError, ValueError, ImportError):
            return None
        return None if size is None else int(size)

    def describe(self) -> dict[str, Any]:
        """What a manifest says of it. ``bytes`` and ``sha256`` are None where it does not lie on
        this machine. Reads the file once."""
        size, digest = file_fingerprint(self)
        where = {"revision": self.revision, "config": self.config, "split": self.split}
        return {
            "dataset": self.dataset,
            "url": self.url,
            "format": self.format,
            "columns": dict(self.columns),
            **{key: value for key, value in where.items() if value},
            "bytes": size,
            "sha256": digest,
        }


def file_ending(path: str) -> tuple[Container, Compression] | None:
    """What a file is by its name: ``data.jsonl.gz`` and ``data.gz`` are compressed JSON lines."""
    endings = PurePosixPath(path).suffixes
    compression: Compression = ""
    if endings and endings[-1].lower() in _COMPRESSIONS:
        compression = _COMPRESSIONS[endings.pop().lower()]
    container = _CONTAINERS.get(endings[-1].lower()) if endings else None
    if container is None and compression:
        return "lines", compression
    return None if container is None else (container, compression)


def file_fingerprint(file: InputFile) -> tuple[int | None, str | None]:
    """Size in bytes and sha256 of a file on this machine; ``(None, None)`` for any other input."""
    system, path = _system(file)
    if system is None:
        return None, None
    digest, size = hashlib.sha256(), 0
    with system.open(path, "rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def _system(file: InputFile) -> tuple[LocalFileSystem | None, str]:
    """This machine's file system and the path on it of a file that lies there, else None."""
    if file.container == "dataset":
        return None, ""
    system, path = fsspec.core.url_to_fs(file.url)
    return (system if isinstance(system, LocalFileSystem) else None), path
