"""Questions out of held-out trajectories: the first stages of `mine`, then `questions.Ask`."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import fsspec
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

from tracemine.pipelines.evaluation.questions import Ask, Question
from tracemine.pipelines.runner import make_runner
from tracemine.schemas import Rejected
from tracemine.transforms.admit import Admit, AdmitOptions
from tracemine.transforms.ledger import Total, rejected_paths
from tracemine.transforms.read import InputFile, ReadTrajectories

#: Rows that could not be read that are listed, each by a line; the others are counted.
LISTED_FAILURES = 20


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The questions of all held-out trajectories, in order of id; what became of the trajectories
    (as `mine` counts them; ``failures`` has a line for each of the first that failed, which names
    its file and row, and how many ``more`` there are) and of the spans that are no question, by
    reason."""

    questions: tuple[Question, ...]
    trajectories: dict[str, Any]
    unasked: dict[str, int]


def collect(
    files: Sequence[InputFile],
    *,
    teacher: str,
    admit: AdmitOptions,
    beam_options: PipelineOptions,
) -> HeldOut:
    """Read, admit and cut ``files``. What workers find is written into a folder of its own, which
    is removed: under Beam's ``temp_location`` where that is given (it must be, where workers are
    other machines), else on this machine."""
    base = beam_options.view_as(GoogleCloudOptions).temp_location or tempfile.gettempdir()
    # Never one that is there: what another run left would be read as this one's.
    folder = f"{base.rstrip('/')}/tracemine-{uuid.uuid4().hex}"
    try:
        pipeline = beam.Pipeline(runner=make_runner(beam_options), options=beam_options)
        read = pipeline | "Read" >> ReadTrajectories(files)
        admitted = read.trajectories | "Admit" >> Admit(admit)
        asked = admitted.trajectories | "Questions" >> Ask(teacher)
        gone = [read.failed, admitted.rejected] | "Gone" >> beam.Flatten()
        counts = [
            read.trajectories | "Read rows" >> beam.Map(lambda _: (("read",), 1)),
            read.failed | "Unread rows" >> beam.Map(lambda _: (("read",), 1)),
            admitted.trajectories | "Admitted" >> beam.Map(lambda _: (("admitted",), 1)),
            gone | "Gone by reason" >> beam.FlatMap(lambda r: rejected_paths("gone", r)),
            asked.unasked | "Unasked" >> beam.Map(lambda reason: (("unasked", reason), 1)),
        ]
        # In order of file and row; to sort by the line would put row 10 before row 2.
        failures = (
            read.failed
            | "Place and line" >> beam.Map(_placed)
            | "First failures" >> beam.combiners.Top.Smallest(LISTED_FAILURES)
        )
        lines = [
            failures | "Failures to text" >> beam.FlatMap(lambda found: map(json.dumps, found)),
            asked.questions | "To text" >> beam.Map(lambda question: question.to_json()),
            counts
            | "All counts" >> beam.Flatten()
            | "Totals" >> Total()
            | "Counts to text" >> beam.Map(json.dumps),
        ]
        for name, texts in zip(("failures", "questions", "counts"), lines, strict=True):
            texts | f"Write {name}" >> beam.io.WriteToText(f"{folder}/{name}")
        pipeline.run().wait_until_finish()
        questions = [Question.from_json(line) for line in _lines(f"{folder}/questions-*")]
        listed = sorted(map(json.loads, _lines(f"{folder}/failures-*")))
        totals = {
            tuple(path): total for path, total in map(json.loads, _lines(f"{folder}/counts-*"))
        }
    finally:
        system, path = fsspec.core.url_to_fs(folder)
        if system.exists(path):
            system.rm(path, recursive=True)
    failed = _by_reason(totals, "gone", "failed")
    return HeldOut(
        tuple(sorted(questions, key=lambda question: question.id)),
        {
            "read": totals.get(("read",), 0),
            "admitted": totals.get(("admitted",), 0),
            "rejected": _by_reason(totals, "gone", "rejected"),
            "duplicates": totals.get(("gone", "duplicates"), 0),
            "failed": failed,
            "failures": {
                "first": [line for *_, line in listed],
                "more": sum(failed.values()) - len(listed),
            },
        },
        _by_reason(totals, "unasked"),
    )


def _placed(failed: Rejected) -> tuple[str, int, str]:
    """The file and number of a row that could not be read, and the line that names them."""
    record = json.loads(failed.record)
    return record["file"], record["row"], failed.detail


def _by_reason(totals: dict[tuple[str, ...], int], *path: str) -> dict[str, int]:
    found = {p[-1]: n for p, n in totals.items() if p[:-1] == path}
    return dict(sorted(found.items()))


def _lines(pattern: str) -> list[str]:
    found = []
    for file in fsspec.open_files(pattern, "rt", encoding="utf-8"):
        with file as stream:
            found += [line for line in stream.read().split("\n") if line]
    return found


__all__ = ["LISTED_FAILURES", "HeldOut", "collect"]
