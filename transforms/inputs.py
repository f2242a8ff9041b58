"""What a person names as input, to the files that are read: found, opened and recognised before
anything runs."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import re
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from tracemine.schemas.records import DOMAINS
from tracemine.store.errors import RequestError
from tracemine.store.location import reached, say
from tracemine.transforms.formats import FORMATS, detect
from tracemine.transforms.formats.generic import CONSTANTS, USUAL, constant, unverifiable
from tracemine.transforms.input_file import InputFile, file_ending
from tracemine.transforms.rows import Row, open_dataset, read_rows

_LOGGER = logging.getLogger(__name__)

AUTO = "auto"
#: The format that ``--columns`` is for.
GENERIC = "generic"
#: Rows from which a file's format is recognised.
SAMPLE_ROWS = 32
#: The split that is read of a data set with several if none is named.
DEFAULT_SPLIT = "train"

_DATASET = "hf:"
_MAGIC = re.compile(r"[*?\[]")
_NAMES = ".jsonl, .json or .parquet, or one of these with .gz or .zst"


def resolve_inputs(
    patterns: Iterable[str],
    *,
    format: str = AUTO,
    columns: Mapping[str, str] | Iterable[tuple[str, str]] = (),
) -> list[InputFile]:
    """The files that ``patterns`` name, each once, in order of their URLs, with their formats.

    A pattern is a path, a folder (of which every file with a known ending is read), a glob, any
    URL that fsspec opens, or ``hf:NAME[@REV][:[CONFIG/]SPLIT]``. With ``format`` ``auto``, each
    file's format is recognised from its first rows; ``columns`` (role -> column) make it
    ``generic``.

    Raises:
        RequestError: if a pattern names nothing that can be read, or the format is not known or
            cannot be recognised.
    """
    mapping = _checked_columns(dict(columns), format)
    if format != AUTO and format not in FORMATS:
        raise RequestError(f"unknown format {format!r}: use auto or one of {', '.join(FORMATS)}")
    found = {file for pattern in patterns for file in _resolve(pattern)}
    if not found:
        raise RequestError("no input: name a file, a glob or hf:NAME")
    files = _with_short_names(sorted(found))
    return [_recognised(file, GENERIC if mapping else format, mapping) for file in files]


def _checked_columns(columns: dict[str, str], format: str) -> tuple[tuple[str, str], ...]:
    for role in columns:
        if role not in USUAL:
            raise RequestError(f"--columns: {role!r} is none of {', '.join(USUAL)}")
        value = constant(columns[role])
        if value is not None and role not in CONSTANTS:
            named = ", ".join(CONSTANTS)
            raise RequestError(f"--columns {role}={columns[role]}: only {named} can be set for all")
        if role == "domain" and value is not None and value not in DOMAINS:
            raise RequestError(f"--columns domain={columns[role]}: none of {', '.join(DOMAINS)}")
    if columns and format not in (AUTO, GENERIC):
        raise RequestError(f"--columns goes with --format {GENERIC}, not with {format}")
    return tuple(sorted(columns.items()))


def _resolve(pattern: str) -> list[InputFile]:
    if pattern.startswith(_DATASET):
        return [_resolve_dataset(pattern.removeprefix(_DATASET))]
    try:
        system, path = reached(fsspec.core.url_to_fs, pattern)
        return reached(_resolve_path, system, path, pattern)
    except (OSError, ValueError, ImportError) as error:
        raise RequestError(f"cannot read {pattern}: {say(error)}") from error


def _resolve_path(system: Any, path: str, pattern: str) -> list[InputFile]:
    if system.isfile(path):
        return [_input_file(system, path)]
    if system.isdir(path):
        inside = [p for p in sorted(system.find(path)) if file_ending(p) is not None]
        if not inside:
            raise RequestError(f"nothing to read in {pattern}: no file ends in {_NAMES}")
        return [_input_file(system, p) for p in inside]
    if not _MAGIC.search(path):
        raise RequestError(f"no such file: {pattern}")
    matches = [p for p in sorted(system.glob(path)) if system.isfile(p)]
    if not matches:
        raise RequestError(f"no file matches {pattern}")
    return [_input_file(system, p) for p in matches]


def _input_file(system: Any, path: str) -> InputFile:
    ending = file_ending(path)
    if ending is None:
        raise RequestError(f"cannot tell what {path} is: its name should end in {_NAMES}")
    url = path if isinstance(system, LocalFileSystem) else system.unstrip_protocol(path)
    container, compression = ending
    return InputFile(url=url, dataset="", container=container, compression=compression)


def _resolve_dataset(text: str) -> InputFile:
    name, _, tail = text.partition(":")
    name, _, revision = name.partition("@")
    config, _, split = tail.rpartition("/")
    file = InputFile(
        url=name,
        dataset="",
        container="dataset",
        revision=revision,
        config=config,
        split=split,
    )
    if not split:
        file = dataclasses.replace(file, split=_default_split(file))
    return file


def _default_split(file: InputFile) -> str:
    import datasets

    try:
        splits = datasets.get_dataset_split_names(
            file.url, config_name=file.config or None, revision=file.revision or None
        )
    except (OSError, ValueError) as error:
        raise RequestError(f"cannot read hf:{file.url}: {_one_line(error)}") from error
    if DEFAULT_SPLIT in splits:
        return DEFAULT_SPLIT
    if len(splits) != 1:
        raise RequestError(f"name a split of hf:{file.url}, as in :{splits[0]}: {splits}")
    return cast(str, splits[0])


def _with_short_names(files: list[InputFile]) -> list[InputFile]:
    """Each file named by its base name, with as many parent folders as tell it from the others."""
    parts = {file: _name_parts(file) for file in files}
    named = []
    for file in files:
        others = [parts[other] for other in files if other is not file]
        own = parts[file]
        length = 1
        while length < len(own) and any(other[-length:] == own[-length:] for other in others):
            length += 1
        named.append(dataclasses.replace(file, dataset="/".join(own[-length:])))
    return named


def _name_parts(file: InputFile) -> list[str]:
    if file.container != "dataset":
        return [part for part in file.url.split("/") if part]
    # A data set on a hub is OWNER/NAME; a folder on this machine goes by its last name.
    is_folder = file.url.startswith(("/", ".", "~")) or file.url.count("/") > 1
    name = PurePosixPath(file.url).name if is_folder else file.url
    config = f"{file.config}/" if file.config else ""
    return [f"{name}:{config}{file.split}"]


def _recognised(file: InputFile, format: str, columns: tuple[tuple[str, str], ...]) -> InputFile:
    """The file with its format. Reads its first rows, which also shows that it can be read."""
    file = dataclasses.replace(file, columns=columns)
    sample = _sample(file)
    if columns and sample:
        _expect_columns(file, sample)
    if format == AUTO:
        format = detect(row.values for row in sample) or ""
        if sample and not format:
            raise RequestError(
                f"cannot recognise the format of {file.dataset} (fields: "
                f"{', '.join(map(str, sample[0].values))}): name it with --format or --columns"
            )
    if format == GENERIC and sample:
        advice = unverifiable((row.values for row in sample), dict(columns))
        if advice:
            _LOGGER.warning("%s: %s", file.dataset, advice)
    return dataclasses.replace(file, format=format)


def _sample(file: InputFile) -> list[Row]:
    """The first rows that can be parsed.

    Raises:
        RequestError: if the file cannot be opened.
    """
    try:
        if file.container == "dataset":
            open_dataset(file)
        else:
            with fsspec.open(file.url, "rb") as stream:
                stream.read(1)
    except (OSError, ValueError) as error:
        raise RequestError(f"cannot read {file.url}: {_one_line(error)}") from error
    with contextlib.closing(read_rows(file)) as rows:
        return list(islice((row for row in rows if isinstance(row, Row)), SAMPLE_ROWS))


def _expect_columns(file: InputFile, sample: list[Row]) -> None:
    present = {name: None for row in sample for name in row.values}
    for role, column in file.columns:
        if constant(column) is None and column not in present:
            raise RequestError(
                f"--columns {role}={column}: {file.dataset} has no such column, only "
                f"{', '.join(map(str, present))}"
            )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
