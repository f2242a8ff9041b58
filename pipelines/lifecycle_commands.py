"""The commands of a living store: verify."""

from __future__ import annotations

from typing import Annotated

import typer

from tracemine.pipelines.commands import (
    DONE,
    FELL_SHORT,
    AsOfOption,
    JsonOption,
    RequireIsolationOption,
    StoreOption,
    give,
    make_console,
    note,
    stdout_kept,
)
from tracemine.pipelines.logs import configure_logging


def verify(
    store: StoreOption,
    sample: Annotated[
        int | None,
        typer.Option("--sample", metavar="N", help="Replay so many entries; all, if not said."),
    ] = None,
    status: Annotated[
        list[str] | None,
        typer.Option("--status", metavar="S", help="verified, canonical and expired, if not said."),
    ] = None,
    as_of: AsOfOption = None,
    require_isolation: RequireIsolationOption = False,
    as_json: JsonOption = False,
) -> int:
    """Replay entries again; what fails now is quarantined. Exit status 1 if anything is."""
    from tracemine.pipelines.lifecycle_options import VerifyOptions

    options = VerifyOptions(store, sample, tuple(status or ()), as_of, require_isolation)
    configure_logging()
    with stdout_kept(as_json):
        from tracemine.pipelines.verify import run_verify

        found = run_verify(options)
    status_code = FELL_SHORT if found["failures"] else DONE
    if found["failures"]:
        note(
            f"{found['failures']} calls that passed before fail now: tracemine review --store "
            f"{store} lists what is quarantined"
        )
    if as_json:
        return give(found, status_code)
    from tracemine.pipelines.lifecycle_rendering import print_verified

    print_verified(make_console(), found)
    return status_code


#: What the command line takes up from here.
COMMANDS = (verify,)
