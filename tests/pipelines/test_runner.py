"""Which runner, and which arguments."""

from __future__ import annotations

import logging
import threading
import time

import pytest
from apache_beam.options.pipeline_options import DirectOptions
from apache_beam.runners.portability.fn_api_runner import fn_runner

from tracemine.pipelines.progress import Progress
from tracemine.pipelines.runner import is_local, make_pipeline, pipeline_options
from tracemine.store import RequestError
from tracemine.transforms.stage import live_counts


def test_a_local_run_is_on_the_python_runner() -> None:
    for arguments in ((), ("--runner=DirectRunner",), ("--runner=FnApiRunner",)):
        options = pipeline_options(arguments)
        assert is_local(options)
        assert isinstance(make_pipeline(options).runner, fn_runner.FnApiRunner)


def test_arguments_of_beam_reach_it() -> None:
    options = pipeline_options(
        ["--direct_num_workers=2", "--direct_running_mode", "multi_processing"]
    )
    direct = options.view_as(DirectOptions)
    assert (direct.direct_num_workers, direct.direct_running_mode) == (2, "multi_processing")


@pytest.mark.parametrize("argument", ["--no-such-flag", "--direct_num_worker_count=2", "stray"])
def test_arguments_that_nobody_has_are_refused(argument: str) -> None:
    with pytest.raises(RequestError, match=argument.partition("=")[0]):
        pipeline_options([argument])


def test_a_runner_that_is_not_there_is_refused() -> None:
    options = pipeline_options(["--runner=NoSuchRunner"])
    with pytest.raises(RequestError, match="runner"):
        make_pipeline(options)


def test_progress_says_what_stages_have_given(caplog: pytest.LogCaptureFixture) -> None:
    with Progress(enabled=False) as progress:
        assert progress.line().endswith("working")
        live_counts["read", "trajectories"] = 7
        live_counts["read", "failed"] = 1
        assert progress.line().endswith("read: failed 1, trajectories 7")


def test_progress_ends_with_its_context(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracemine.pipelines.progress.LOG_SECONDS", 0.01)
    before = threading.active_count()
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("tracemine.progress")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with Progress(enabled=True):
            time.sleep(0.2)
    finally:
        logger.removeHandler(handler)
    assert threading.active_count() == before
    assert any(line.endswith("working") for line in lines)
