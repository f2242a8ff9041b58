"""Which Beam runner runs a pipeline, and with what options."""

from __future__ import annotations

from collections.abc import Sequence

from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions
from apache_beam.portability.api import beam_provision_api_pb2
from apache_beam.runners.portability.fn_api_runner import fn_runner
from apache_beam.runners.portability.portable_runner import JobServiceHandle
from apache_beam.runners.runner import PipelineRunner, create_runner

from tracemine.pipelines.local_runner import LocalRunner
from tracemine.pipelines.workers import worker_environment
from tracemine.store import RequestError

#: Names by which people ask for a run on their own machine.
LOCAL = ("directrunner", "direct", "fnapirunner")

#: What of Beam's own says how a local run uses processes and threads.
_DIRECT = ("--direct_num_workers", "--direct_running_mode")


def pipeline_options(
    beam_args: Sequence[str], *, workers: int | None = None, otherwise: int = 1
) -> PipelineOptions:
    """The options in ``beam_args`` (``--runner=SparkRunner`` and so on); of a local run, if they do
    not say so themselves, in ``workers`` processes, or where that is None in ``otherwise``.

    Raises:
        RequestError: if an argument is neither ours nor Beam's, or ``workers`` are asked for and
            the arguments say how to run.
    """
    unknown = _unknown(beam_args)
    if unknown:
        raise RequestError(f"unknown argument {unknown[0]!r}: neither tracemine nor Beam has it")
    options = PipelineOptions(list(beam_args))
    if is_local(options) and not _says_how(beam_args):
        options.view_as(DirectOptions).direct_num_workers = workers or otherwise
    elif workers is not None:
        raise RequestError("--workers is for a local run without Beam's own --direct_... flags")
    return options


def _says_how(beam_args: Sequence[str]) -> bool:
    return any(argument.partition("=")[0] in _DIRECT for argument in beam_args)


def _unknown(beam_args: Sequence[str]) -> list[str]:
    """Arguments that no Beam option class takes; a runner may have others of its own, so they
    are refused only for a local run."""
    options = PipelineOptions(list(beam_args))
    if not is_local(options):
        return []
    known = {f"--{name}" for name in options.get_all_options()}
    flags = [argument for argument in beam_args if argument.startswith("-")]
    loose = [argument for argument in beam_args[:1] if not argument.startswith("-")]
    unknown = [flag for flag in flags if flag.partition("=")[0] not in known | _negations(known)]
    return loose + unknown


def _negations(known: set[str]) -> set[str]:
    return {f"--no_{name[2:]}" for name in known} | {f"--no{name[2:]}" for name in known}


def is_local(options: PipelineOptions) -> bool:
    """Whether the pipeline runs on this machine, in Beam's own Python runner."""
    name = options.view_as(StandardOptions).runner
    return name is None or name.lower().rpartition(".")[2] in LOCAL


def make_runner(options: PipelineOptions) -> PipelineRunner:
    """The runner that ``options`` name.

    Beam's ``DirectRunner`` first tries to download a runner written in Go; for a local run we
    take the Python one at once.

    Raises:
        RequestError: if there is no such runner, or it is not installed.
    """
    if not is_local(options):
        try:
            return create_runner(options.view_as(StandardOptions).runner)
        except (ImportError, ValueError, AttributeError) as error:
            first = str(error).splitlines()[0]
            raise RequestError(f"cannot use that runner: {first}") from error
    # Workers in processes of their own read their options from here, as under DirectRunner.
    encoded = JobServiceHandle.encode_pipeline_options(options.get_all_options())
    information = beam_provision_api_pb2.ProvisionInfo(pipeline_options=encoded)
    return LocalRunner(
        default_environment=worker_environment(options),
        provision_info=fn_runner.ExtendedProvisionInfo(information),
    )
