"""What commands share: flags that several have, and how a result is given."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

DONE, FELL_SHORT, WRONG_REQUEST, INTERRUPTED = 0, 1, 2, 130

StoreOption = Annotated[str, typer.Option("--store", metavar="DIR", help="The store's folder.")]
FormatOption = Annotated[
    str, typer.Option("--format", metavar="NAME", help="Of the input; auto tells by fields.")
]
ColumnsOption = Annotated[
    list[str] | None,
    typer.Option("--columns", metavar="FIELD=COLUMN,...", help="For the format generic."),
]
TeacherOption = Annotated[
    str,
    typer.Option("--teacher", metavar="T", help="Who cuts traces: rules, or a model; see README."),
]
TrustRemoteCodeOption = Annotated[
    bool, typer.Option("--trust-remote-code", help="Let the embedder run code of its own.")
]
RequireIsolationOption = Annotated[
    bool, typer.Option("--require-isolation", help="Refuse to run code without namespaces.")
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        help="Processes of a local run; one per CPU (at most 8), one for little input.",
    ),
]
AsOfOption = Annotated[
    str | None,
    typer.Option("--as-of", metavar="TIME", help="The time that the snapshot states; now."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


@contextlib.contextmanager
def stdout_kept(as_json: bool) -> Iterator[None]:
    """Whatever prints in the block, from whichever library or process, prints to stderr, if stdout
    is to have one JSON object and nothing else."""
    if not as_json:
        yield
        return
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def give(result: dict[str, Any], status: int = DONE) -> int:
    """Print ``result`` as JSON; gives ``status``."""
    from tracemine.pipelines.rendering import print_json

    typer.echo(print_json(result))
    return status


def note(text: str) -> None:
    """Say something to a person, beside the result."""
    typer.echo(text, err=True)


def make_console() -> Console:
    """Where results for a person are printed."""
    from rich.console import Console

    return Console()
