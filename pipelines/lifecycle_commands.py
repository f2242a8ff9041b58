"""The commands of a living store: verify, review, forget, merge, refresh."""

from __future__ import annotations

from typing import Annotated

import typer

from tracemine.pipelines.commands import (
    DONE,
    FELL_SHORT,
    AsOfOption,
    ColumnsOption,
    FormatOption,
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


def review(
    store: StoreOption,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", metavar="ID", help="Let out of quarantine; several."),
    ] = None,
    reject: Annotated[
        list[str] | None,
        typer.Option("--reject", metavar="ID", help="Leave in quarantine for good; several."),
    ] = None,
    who: Annotated[str, typer.Option("--who", metavar="NAME", help="Who decides.")] = "",
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="And why.")] = "",
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="MODEL", help="A judge: openai:URL#MODEL or vllm:MODEL."),
    ] = None,
    as_of: AsOfOption = None,
    require_isolation: RequireIsolationOption = False,
    as_json: JsonOption = False,
) -> int:
    """List what is in quarantine with its evidence, or decide on it."""
    from tracemine.pipelines.lifecycle_options import ReviewOptions, check_store

    configure_logging()
    if not (accept or reject or by or who or why):
        check_store(store)
        with stdout_kept(as_json):
            from tracemine.pipelines.review import list_quarantined

            found = list_quarantined(store)
        if as_json:
            return give(found)
        from tracemine.pipelines.lifecycle_rendering import print_quarantined

        print_quarantined(make_console(), found)
        return DONE
    options = ReviewOptions(
        store, tuple(accept or ()), tuple(reject or ()), who, why, by, as_of, require_isolation
    )
    with stdout_kept(as_json):
        from tracemine.pipelines.review import run_review

        found = run_review(options)
    status = FELL_SHORT if found["undecided"] else DONE
    for identifier in found["accepted"]:
        if found["status"].get(identifier) == "candidate":
            note(
                f"{identifier} is out of quarantine, and waits as a candidate, which is not "
                "served: fewer of its calls pass than min_replays of the store's policy.toml asks"
            )
    if as_json:
        return give(found, status)
    from tracemine.pipelines.lifecycle_rendering import print_reviewed

    print_reviewed(make_console(), found)
    return status


def forget(
    store: StoreOption,
    source: Annotated[
        list[str], typer.Option("--source", metavar="NAME", help="As stats lists it; several.")
    ],
    as_of: AsOfOption = None,
    require_isolation: RequireIsolationOption = False,
    as_json: JsonOption = False,
) -> int:
    """Publish a snapshot without a source; what rests on it alone goes."""
    from tracemine.pipelines.lifecycle_options import ForgetOptions

    options = ForgetOptions(store, tuple(source), as_of, require_isolation)
    configure_logging()
    with stdout_kept(as_json):
        from tracemine.pipelines.forget import run_forget

        found = run_forget(options)
    if as_json:
        return give(found)
    from tracemine.pipelines.lifecycle_rendering import print_forgotten

    print_forgotten(make_console(), found)
    note(
        "earlier snapshots have it until `tracemine gc --keep 1`; a teacher's cache may hold its "
        "texts, too"
    )
    return DONE


def merge(
    store: StoreOption,
    as_of: AsOfOption = None,
    require_isolation: RequireIsolationOption = False,
    as_json: JsonOption = False,
) -> int:
    """Make one entry of near-duplicates that behave alike; the older one's id stays."""
    from tracemine.pipelines.lifecycle_options import MergeOptions

    options = MergeOptions(store, as_of, require_isolation)
    configure_logging()
    with stdout_kept(as_json):
        from tracemine.pipelines.merge import run_merge

        found = run_merge(options)
    if as_json:
        return give(found)
    from tracemine.pipelines.lifecycle_rendering import print_merged

    print_merged(make_console(), found)
    return DONE


def refresh(
    store: StoreOption,
    input_: Annotated[
        list[str],
        typer.Option("--input", metavar="PATH", help="As --input of mine; several."),
    ],
    format_: FormatOption = "auto",
    columns: ColumnsOption = None,
    as_of: AsOfOption = None,
    require_isolation: RequireIsolationOption = False,
    as_json: JsonOption = False,
) -> int:
    """Add traces to a store; what it knows is skipped, and every entry keeps its id."""
    from tracemine.pipelines.lifecycle_options import RefreshOptions
    from tracemine.pipelines.options import parse_columns

    options = RefreshOptions(
        store, tuple(input_), format_, parse_columns(columns or ()), as_of, require_isolation
    )
    configure_logging()
    with stdout_kept(as_json):
        from tracemine.pipelines.refresh import run_refresh

        found = run_refresh(options)
    came = found["trajectories"]
    # As `mine`: nobody would notice a feed that brings nothing that can be used.
    status = DONE if came["admitted"] or came["read"] == came["duplicates"] else FELL_SHORT
    if as_json:
        return give(found, status)
    from tracemine.pipelines.lifecycle_rendering import print_refreshed

    print_refreshed(make_console(), found)
    return status


#: What the command line takes up from here.
COMMANDS = (verify, review, forget, merge, refresh)
