"""Stage 1, read: files to trajectories. Whatever cannot be read is a failure with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam

from tracemine.schemas import Rejected, Source, Trajectory
from tracemine.transforms.formats import FORMATS, RowError
from tracemine.transforms.formats.base import LICENCE_COLUMNS, as_text, is_empty, label
from tracemine.transforms.formats.generic import constant
from tracemine.transforms.input_file import InputFile, file_fingerprint
from tracemine.transforms.inputs import resolve_inputs
from tracemine.transforms.licences import canonical
from tracemine.transforms.rows import (
    STAGE,
    Row,
    excerpt_of,
    failed,
    read_rows,
)
from tracemine.transforms.stage import Out, run_stage

FAILED = "failed"
#: The name of the step whose elements are files: a runner that cuts work into bundles leaves each
#: alone.
READING = "Read rows"


class ReadTrajectories(beam.PTransform):
    """A pipeline -> Trajectory, for every attempt in every row of ``files``.

    Outputs: ``trajectories``; ``failed`` (Rejected). Each row becomes one or more trajectories or
    exactly one failure.

    A file is read by one worker, a row at a time: many files spread over many workers. The next
    stage groups by id, which spreads the rows.

        files = resolve_inputs(["traces/*.jsonl.gz"])
        read = pipeline | "Read" >> ReadTrajectories(files)
        read.trajectories | ...
    """

    def __init__(self, files: Sequence[InputFile]) -> None:
        super().__init__()
        self.files = list(files)

    def expand(self, begin: beam.pvalue.PBegin) -> beam.pvalue.DoOutputsTuple:
        """See `beam.PTransform.expand`."""
        return (
            begin
            | "Files" >> beam.Create(self.files, reshuffle=False)
            | "Spread files" >> beam.Reshuffle()
            | READING >> run_stage(STAGE, read_file, main="trajectories", tags=[FAILED])
        )


def read_file(file: InputFile) -> Iterator[Out]:
    """Everything in one file, as the stage's outputs."""
    for row in read_rows(file):
        found = row if isinstance(row, Rejected) else to_trajectories(row, file)
        if isinstance(found, Rejected):
            yield FAILED, found
        else:
            for trajectory in found:
                yield "trajectories", trajectory


def to_trajectories(row: Row, file: InputFile) -> list[Trajectory] | Rejected:
    """The attempts that one row holds, in the file's format, or why it could not be read."""
    form = FORMATS[file.format]
    columns = dict(file.columns)
    try:
        source = Source(
            dataset=file.dataset,
            row=row.number,
            revision=file.revision,
            licence=canonical(_licence(row, columns.get("licence"))) or form.licence,
        )
        if form.takes_columns:
            found = list(form.adapt(row.values, source, columns=columns))
        else:
            found = list(form.adapt(row.values, source))
        if not found:
            raise RowError(is_empty("trace"))
    except RowError as error:
        return failed(file, row.number, error.reason, error.detail, excerpt_of(row), row.part)
    return found


def _licence(row: Row, column: str | None) -> str:
    """What the row itself says, in the column that was named for it or in the usual ones, all of
    which apply; else what was said for all rows."""
    for_all = constant(column)
    names = LICENCE_COLUMNS if column is None or for_all is not None else (column,)
    own = ", ".join(filter(None, (_stated(row.values, name) for name in names)))
    return own or for_all or ""


def _stated(values: Mapping[str, Any], column: str) -> str:
    """The licence in a column; a list of them, as a data set's card has it, means that all
    apply."""
    value = values.get(column)
    if not isinstance(value, list | tuple):
        return label(values, column, "licence")
    return ", ".join(as_text(each, column, "licence") for each in value)


__all__ = [
    "InputFile",
    "ReadTrajectories",
    "file_fingerprint",
    "read_file",
    "read_rows",
    "resolve_inputs",
    "to_trajectories",
]
