"""Which runner, and which arguments."""

from __future__ import annotations

import pytest
from apache_beam.options.pipeline_options import DirectOptions
from apache_beam.runners.portability.fn_api_runner import fn_runner

from tracemine.pipelines.runner import is_local, make_runner, pipeline_options
from tracemine.store import RequestError


def test_a_local_run_is_on_the_python_runner() -> None:
    for arguments in ((), ("--runner=DirectRunner",), ("--runner=FnApiRunner",)):
        options = pipeline_options(arguments)
        assert is_local(options)
        assert isinstance(make_runner(options), fn_runner.FnApiRunner)


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
        make_runner(options)
