"""The runner of a local run: bundles of bounded size, every element once."""

from __future__ import annotations

import errno
import io
import json
import os
import uuid
from collections import Counter
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import execution

from tracemine.pipelines import local_runner, spill
from tracemine.pipelines.local_runner import LocalRunner
from tracemine.transforms.flow import WAITING
from tracemine.transforms.read import READING


class Note(beam.DoFn):
    """Leaves a file for each bundle, with its elements."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def start_bundle(self) -> None:
        self.seen: list[str] = []

    def process(self, element: tuple[int, list[str]]) -> list[str]:
        values = list(element[1])
        self.seen += values
        return values

    def finish_bundle(self) -> None:
        if self.seen:
            name = f"{uuid.uuid4().hex}-{os.getpid()}"
            Path(self.folder, name).write_text("\n".join(self.seen))


def run(folder: Path, label: str, *arguments: str) -> list[list[str]]:
    """The elements of each bundle of the stage ``label``; what the stages give is checked."""
    (folder / "bundles").mkdir()
    words = [f"{number:05d}" + "x" * 95 for number in range(2000)]
    with beam.Pipeline(runner=LocalRunner(), options=PipelineOptions(list(arguments))) as pipeline:
        found = (
            pipeline
            | beam.Create(words)
            | beam.Map(lambda word: (word[:3], word))
            | beam.GroupByKey()
            | label >> beam.ParDo(Note(str(folder / "bundles")))
        )
        # A value that another stage looks up, a collection that two stages read, and one that two
        # stages make.
        total = beam.pvalue.AsSingleton(found | beam.combiners.Count.Globally())
        checked = found | "Look up" >> beam.Map(lambda word, total: (word, total), total)
        twice = (found | "Again" >> beam.Map(lambda word: (word, 0)), checked) | beam.Flatten()
        _ = (
            {"once": checked, "twice": twice | beam.Reshuffle()}
            | beam.CoGroupByKey()
            | beam.MapTuple(lambda word, met: [word, met["once"], sorted(met["twice"])])
            | beam.combiners.ToList()
            | beam.Map(lambda all_: (folder / "out").write_text(json.dumps(sorted(all_))))
        )
    assert json.loads((folder / "out").read_text()) == [[w, [2000], [0, 2000]] for w in words]
    bundles = [path.read_text().splitlines() for path in (folder / "bundles").iterdir()]
    assert Counter(word for bundle in bundles for word in bundle) == Counter(words)
    return bundles


def test_work_comes_in_bundles_of_bounded_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_runner, "LEAST_BYTES", 1 << 14)
    bundles = run(tmp_path, "Any stage")
    # 200 kB in at most eight bundles, each with at most one group of 100 words more.
    assert local_runner.BUNDLES // 2 <= len(bundles) <= local_runner.BUNDLES
    assert max(map(len, bundles)) <= 2000 // local_runner.BUNDLES + 100
    monkeypatch.setattr(local_runner, "MOST_BYTES", 1 << 14)
    (tmp_path / "small").mkdir()
    assert len(run(tmp_path / "small", "Any stage")) > local_runner.BUNDLES


def test_a_stage_that_waits_has_one_bundle(tmp_path: Path) -> None:
    assert len(run(tmp_path, WAITING)) == 1


def test_a_stage_that_reads_has_a_bundle_for_each_file(tmp_path: Path) -> None:
    assert len(run(tmp_path, READING)) == 20


def test_a_disk_that_is_full_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.RawIOBase):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(spill, "IN_MEMORY", 1 << 10)
    monkeypatch.setattr(spill.tempfile, "TemporaryFile", lambda **_: Full())
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path, "Any stage")
    monkeypatch.undo()
    (tmp_path / "again").mkdir()
    run(tmp_path / "again", "Any stage")


@pytest.mark.slow
def test_processes_share_the_bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    run(tmp_path, "Any stage", "--direct_num_workers=2", "--direct_running_mode=multi_processing")
    pids = {path.name.split("-")[1] for path in (tmp_path / "bundles").iterdir()}
    assert len(pids) == 2


def test_an_error_in_one_bundle_ends_the_run() -> None:
    def fail(word: str) -> str:
        if word == "w77":
            raise ValueError("no such word")
        return word

    pipeline = beam.Pipeline(runner=LocalRunner())
    _ = pipeline | beam.Create([f"w{n}" for n in range(100)]) | beam.Map(fail)
    with pytest.raises(Exception, match="no such word"):
        pipeline.run()


def test_beam_is_as_it_was_afterwards(tmp_path: Path) -> None:
    before = execution.ListBuffer, execution.GroupingBuffer
    run(tmp_path, "Any stage")
    assert (execution.ListBuffer, execution.GroupingBuffer) == before
