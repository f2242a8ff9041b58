"""The command line: ``tracemine COMMAND``, or ``python -m tracemine.pipelines.cli COMMAND``.

Exit status: 0 done, 1 done but something fell short, 2 the request was wrong (one line on standard
error says what to do). With ``--json`` standard output is one JSON object and nothing else.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Sequence
from importlib import metadata
from typing import Annotated, Any

import typer

from tracemine.pipelines.commands import (
    DONE,
    FELL_SHORT,
    INTERRUPTED,
    WRONG_REQUEST,
    ColumnsOption,
    FormatOption,
    JsonOption,
    RequireIsolationOption,
    StoreOption,
    TeacherOption,
    TrustRemoteCodeOption,
    WorkersOption,
)
from tracemine.pipelines.commands import give as _give
from tracemine.pipelines.commands import make_console as _console
from tracemine.pipelines.commands import note as _note
from tracemine.pipelines.commands import stdout_kept as _stdout_kept
from tracemine.pipelines.garbage import look_rarely
from tracemine.pipelines.lifecycle_commands import COMMANDS as _LIFECYCLE
from tracemine.pipelines.logs import configure_logging
from tracemine.pipelines.options import (
    AskingOptions,
    EvaluateOptions,
    MineOptions,
    ReportOptions,
    parse_also,
    parse_columns,
    parse_licences,
    parse_settings,
    parse_split,
)
from tracemine.pipelines.worker_process import WorkerLostError
from tracemine.schemas.records import STATUSES
from tracemine.schemas.values import decode
from tracemine.store.errors import RequestError
from tracemine.teachers.model.budget import BUDGET_SPENT

# Libraries that take seconds to import are imported by the command that needs them.

#: What is said to who gave a flag of `search` something else than it takes.
_BINDINGS_TAKES = '--bindings takes a JSON object such as {"total": 12, "count": 3}'
_UNITS_TAKES = '--units takes a JSON object such as {"price": "dollar"}'

#: The error that typer raises for a wrong command line; it has no public name there.
_USAGE_ERROR: type[Exception] = typer.BadParameter.__bases__[0]

app = typer.Typer(
    name="tracemine",
    help="Mine verified procedural memory out of reasoning traces.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; gives the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    look_rarely()
    try:
        if not words:
            raise RequestError(f"no command: one of {', '.join(_COMMANDS)} (--help tells more)")
        status = app(args=spread(words), prog_name="tracemine", standalone_mode=False)
    except RequestError as error:
        return _refuse(str(error))
    except _USAGE_ERROR as error:
        told = error.format_message() if hasattr(error, "format_message") else str(error)
        return _refuse(f"{told.rstrip('.')} (--help tells more)")
    except typer.Abort:
        status = INTERRUPTED
    except WorkerLostError as error:
        _note(str(error))
        status = FELL_SHORT
    if status == INTERRUPTED:
        making = "; a store that was being made is not published" if words[:1] == ["mine"] else ""
        _note(f"interrupted{making}")
    return status if isinstance(status, int) else DONE


def _refuse(message: str) -> int:
    print(f"tracemine: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201
    return WRONG_REQUEST


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tracemine {metadata.version('tracemine')}")
        raise typer.Exit(DONE)


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version."
        ),
    ] = False,
) -> None:
    """What every command has."""


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def mine(
    context: typer.Context,
    store: StoreOption,
    input_: Annotated[
        list[str] | None,
        typer.Option(
            "--input", metavar="PATH", help="A path, glob, URL or hf:NAME[@REV][:SPLIT]; several."
        ),
    ] = None,
    format_: FormatOption = "auto",
    columns: ColumnsOption = None,
    teacher: TeacherOption = "rules",
    embedder: Annotated[
        str | None,
        typer.Option("--embedder", metavar="NAME", help="sentence-transformers name or path."),
    ] = None,
    trust_remote_code: TrustRemoteCodeOption = False,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="TIME", help="The time that the store states; now."),
    ] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Mine the bundled sample.")] = False,
    licences: Annotated[
        list[str] | None,
        typer.Option("--licences", metavar="SPDX", help="Read only these; several."),
    ] = None,
    holdout: Annotated[
        float,
        typer.Option("--holdout", metavar="F", help="Share of problems left for evaluation."),
    ] = 0.0,
    known: Annotated[
        str | None,
        typer.Option("--known", metavar="DIR", help="Another store: leave out what it knows."),
    ] = None,
    shards: Annotated[
        int | None, typer.Option("--shards", metavar="N", help="Files of each table.")
    ] = None,
    index: Annotated[
        str | None,
        typer.Option("--index", metavar="KIND", help="E.g. IVF4096,PQ64; what suits the size."),
    ] = None,
    workers: WorkersOption = None,
    concurrency: Annotated[
        int | None,
        typer.Option("--concurrency", metavar="N", help="Requests to a model at once, a process."),
    ] = None,
    teacher_settings: Annotated[
        list[str] | None,
        typer.Option("--teacher-settings", metavar="NAME=N,...", help="How a model is asked."),
    ] = None,
    cache: Annotated[
        str | None,
        typer.Option("--cache", metavar="DIR", help="A model's responses; in the store, else."),
    ] = None,
    max_requests: Annotated[
        int | None, typer.Option("--max-requests", metavar="N", help="Requests that may be sent.")
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option("--max-tokens", metavar="N", help="Tokens of prompts and answers together."),
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option("--max-cost", metavar="DOLLARS", help="By the table of prices.")
    ] = None,
    prices: Annotated[
        str | None,
        typer.Option("--prices", metavar="FILE", help="TOML of prices that come before ours."),
    ] = None,
    vllm_args: Annotated[
        str, typer.Option("--vllm-args", metavar="TEXT", help="Arguments for vLLM, for vllm:MODEL.")
    ] = "",
    also: Annotated[
        list[str] | None,
        typer.Option(
            "--also", metavar="LIST", help="What a model is asked besides: normalise,replay,judge."
        ),
    ] = None,
    require_isolation: RequireIsolationOption = False,
    as_json: JsonOption = False,
) -> int:
    """Mine traces into a new store. Arguments that are not listed here go to Beam."""
    options = MineOptions(
        inputs=tuple(input_ or ()),
        store=store,
        format=format_,
        columns=parse_columns(columns or ()),
        teacher=teacher,
        embedder=embedder,
        trust_remote_code=trust_remote_code,
        as_of=as_of,
        sample=sample,
        licences=parse_licences(licences or ()),
        holdout=holdout,
        known=known,
        shards=shards,
        index=index,
        require_isolation=require_isolation,
        workers=workers,
        asking=AskingOptions(
            settings=parse_settings(teacher_settings or (), concurrency=concurrency),
            cache=cache,
            max_requests=max_requests,
            max_tokens=max_tokens,
            max_cost=max_cost,
            prices=prices,
            vllm_args=vllm_args,
            also=parse_also(also or ()),
        ),
        beam_args=beam_arguments(context.args),
    )
    configure_logging()
    with _stdout_kept(as_json):
        from tracemine.pipelines.disk import speaking_of_disks
        from tracemine.pipelines.mine import run_mine

        with speaking_of_disks(store):
            summary = run_mine(options)
    from tracemine.pipelines.rendering import counted, line, print_funnel

    read, admitted = (summary["trajectories"][column] for column in ("read", "admitted"))
    status = DONE
    unread = summary["spans"]["failed"]
    if not admitted:
        status = FELL_SHORT
        _note(
            f"nothing was admitted of {counted(read, 'trajectory record')}: see {store}, rejected"
        )
    elif unread:
        windows, segmented = sum(unread.values()), summary["spans"]["segmented"]
        status = DONE if segmented or set(unread) == {BUDGET_SPENT} else FELL_SHORT
        reasons = ", ".join(f"{reason} ({count:,})" for reason, count in unread.items())
        _note(f"{counted(windows, 'window')} could not be read: {reasons}; see {store}, rejected")
    if as_json:
        return _give(summary, status)
    console = _console()
    print_funnel(console, summary)
    if sum(summary["procedures"].values()):
        line(console, f'Try: tracemine search --store {store} "YOUR QUESTION"')
    return status


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="A subquestion in your words.")],
    store: StoreOption,
    k: Annotated[int, typer.Option("-k", metavar="K", help="How many hits.")] = 5,
    domain: Annotated[
        str | None, typer.Option("--domain", metavar="D", help="math, code, stem or other.")
    ] = None,
    output_type: Annotated[
        str | None,
        typer.Option("--output-type", metavar="T", help="E.g. rational: an int routine fits too."),
    ] = None,
    output_unit: Annotated[
        str | None,
        typer.Option("--output-unit", metavar="U", help="E.g. dollar, mile/hour."),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--inputs", metavar="T", help="Types of what you have, one flag for each."),
    ] = None,
    bindings: Annotated[
        str | None,
        typer.Option("--bindings", metavar="JSON", help="Your values by name, to be tried."),
    ] = None,
    units: Annotated[
        str | None,
        typer.Option("--units", metavar="JSON", help="Units of these values by name."),
    ] = None,
    status: Annotated[
        list[str] | None,
        typer.Option("--status", metavar="S", help="canonical, verified and expired."),
    ] = None,
    kind: Annotated[
        str, typer.Option("--kind", metavar="K", help="procedure, or tool for pointers to tools.")
    ] = "procedure",
    where: Annotated[
        str | None,
        typer.Option(
            "--where", metavar="SQL", help="E.g. 'success_rate > 0.9'; see docs/search.md."
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="TIME", help="What expires by then is flagged; now."),
    ] = None,
    unmet: Annotated[
        str,
        typer.Option(
            "--unmet", metavar="drop|flag", help="Preconditions that fail on your values."
        ),
    ] = "drop",
    deadline: Annotated[
        float | None,
        typer.Option("--deadline", metavar="SECONDS", help="For what is run on your values; 5."),
    ] = None,
    fused: Annotated[
        bool, typer.Option("--fused", help="Rank by keywords, too, and fuse both lists.")
    ] = False,
    trust_remote_code: TrustRemoteCodeOption = False,
    as_json: JsonOption = False,
) -> int:
    """Find the entries that answer a subquestion. Exit status 1 if there are none."""
    configure_logging()
    values = parse_bindings(bindings)
    value_units = parse_units(units)
    with _stdout_kept(as_json):
        from tracemine.store import Embedder, Store
        from tracemine.store.reader import SEARCHED
        from tracemine.store.requests import DEADLINE, parse_unmet

        opened = Store.open(store)
        if trust_remote_code:
            name = opened.snapshot.manifest["embedder"].get("name")
            opened.use_embedder(Embedder.load(name, trust_remote_code=True))
        hits = opened.search(
            query,
            k,
            domain=domain,
            output_type=output_type,
            output_unit=output_unit,
            bindings=values,
            units=value_units,
            inputs=inputs,
            status=tuple(status or SEARCHED),
            kind=kind,
            where=where,
            as_of=as_of,
            unmet=parse_unmet(unmet),
            deadline=DEADLINE if deadline is None else deadline,
            fused=fused,
        )
    from tracemine.pipelines.rendering import hit_json, print_hits

    found = DONE if hits else FELL_SHORT
    if as_json:
        return _give({"hits": [hit_json(hit) for hit in hits]}, found)
    print_hits(_console(), hits)
    if not hits:
        _note("nothing in the store fits: try fewer filters, or --status candidate")
    return found


@app.command()
def show(
    procedure_id: Annotated[str, typer.Argument(metavar="ID", help="Or the beginning of it.")],
    store: StoreOption,
    every: Annotated[
        bool, typer.Option("--all", help="Cut nothing: all replays, quotes and lines of code.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Show one entry's whole story on one screen. Exit status 1 if there is none."""
    configure_logging()
    with _stdout_kept(as_json):
        from tracemine.store import Store
        from tracemine.store.reader import LEAST_PREFIX

        with Store.open(store) as opened:
            entry, snapshot = opened.get(procedure_id), opened.snapshot
    found = DONE if entry else FELL_SHORT
    if as_json:
        from tracemine.pipelines.rendering import entry_json

        return _give(entry_json(entry, snapshot), found)
    if entry is None:
        _note(
            f"no entry {procedure_id!r} in {store}: search gives ids, of which the first "
            f"{LEAST_PREFIX} digits or more are enough"
        )
    else:
        from tracemine.pipelines.story import print_entry

        print_entry(_console(), entry, snapshot, every=every)
    return found


@app.command()
def stats(
    store: StoreOption,
    sql: Annotated[
        bool, typer.Option("--sql", help="Print CREATE VIEW statements for DuckDB instead.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Count entries by status, domain, source, licence and teacher."""
    configure_logging()
    with _stdout_kept(as_json):
        from tracemine.store import Store

        opened = Store.open(store)
        result: dict[str, Any] = {"sql": opened.sql()} if sql else opened.stats()
    if as_json:
        return _give(result)
    if sql:
        typer.echo(result["sql"], nl=False)
        return DONE
    from tracemine.pipelines.rendering import print_stats

    print_stats(_console(), result)
    return DONE


@app.command()
def fsck(store: StoreOption, as_json: JsonOption = False) -> int:
    """Check every file, reference and invariant. Exit status 1 if something is wrong."""
    configure_logging()
    with _stdout_kept(as_json):
        from tracemine.store.fsck import examine

        found = examine(store)
    findings = found.findings
    status = FELL_SHORT if findings else DONE
    if as_json:
        return _give({"ok": not findings} | dataclasses.asdict(found), status)
    for finding in findings:
        typer.echo(finding)
    from tracemine.pipelines.rendering import counted

    typer.echo(counted(len(findings), "finding") if findings else "the store is sound")
    for text in found.notes:
        typer.echo(text)
    return status


@app.command()
def compact(store: StoreOption, as_json: JsonOption = False) -> int:
    """Fold the live snapshot's many files into one new snapshot with equal rows."""
    configure_logging()
    with _stdout_kept(as_json):
        from tracemine.store import compact as fold

        done = fold(store)
    if as_json:
        return _give(dataclasses.asdict(done))
    if done.folded is None:
        typer.echo(f"snapshot {done.snapshot} is compact already")
    else:
        typer.echo(
            f"snapshot {done.snapshot} has {done.files_after} files ({done.bytes_after} bytes), "
            f"{done.folded} had {done.files_before} ({done.bytes_before} bytes): gc removes the old"
        )
    return DONE


@app.command()
def gc(
    store: StoreOption,
    keep: Annotated[
        int, typer.Option("--keep", metavar="N", help="Snapshots that stay: the live one counts.")
    ],
    grace: Annotated[
        float | None,
        typer.Option(
            "--grace", metavar="HOURS", help="On object stores, what is younger stays; 24."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Remove what no snapshot that is kept, or that a reader has open, refers to; and drafts."""
    configure_logging()
    with _stdout_kept(as_json):
        from tracemine.store.collect import GRACE_HOURS
        from tracemine.store.collect import gc as collect

        done = collect(store, keep, grace_hours=GRACE_HOURS if grace is None else grace)
    if as_json:
        return _give(dataclasses.asdict(done))
    for said, numbers in (
        ("kept", done.kept),
        ("kept, because open", done.held),
        ("removed", done.removed),
        ("of these files stay that others use", done.shared),
        ("drafts removed", done.drafts),
    ):
        if numbers:
            typer.echo(f"{said}: {' '.join(numbers)}")
    typer.echo(f"{done.files} files removed, {done.bytes} bytes")
    return DONE


@app.command()
def doctor(as_json: JsonOption = False) -> int:
    """Say which isolation of untrusted code is in force. Exit status 1 without namespaces."""
    configure_logging()
    with _stdout_kept(as_json):
        from tracemine.pipelines.doctor import run_doctor

        found = run_doctor()
    status = DONE if found["isolated"] else FELL_SHORT
    if as_json:
        return _give(found, status)
    from tracemine.pipelines.rendering import print_doctor

    print_doctor(_console(), found)
    return status


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def evaluate(
    context: typer.Context,
    store: StoreOption,
    heldout: Annotated[
        list[str] | None,
        typer.Option("--heldout", metavar="PATH", help="As --input of mine; several."),
    ] = None,
    format_: FormatOption = "auto",
    columns: ColumnsOption = None,
    teacher: TeacherOption = "rules",
    trust_remote_code: TrustRemoteCodeOption = False,
    holdout: Annotated[
        float,
        typer.Option("--holdout", metavar="F", help="Take what mine --holdout left out; all."),
    ] = 0.0,
    split: Annotated[
        str, typer.Option("--split", metavar="S", help="dev to tune on, final to report, all.")
    ] = "dev",
    questions: Annotated[
        int | None,
        typer.Option(
            "--questions",
            metavar="N",
            help="Ask at most so many, problems whole, in order of hash: often fewer.",
        ),
    ] = None,
    growth: Annotated[
        bool, typer.Option("--growth/--no-growth", help="Also at 10%, 20% ... of the store.")
    ] = True,
    workers: WorkersOption = None,
    require_isolation: RequireIsolationOption = False,
    as_json: JsonOption = False,
) -> int:
    """Ask a store what it has never seen. Arguments that are not listed here go to Beam."""
    options = EvaluateOptions(
        store=store,
        heldout=tuple(heldout or ()),
        format=format_,
        columns=parse_columns(columns or ()),
        teacher=teacher,
        trust_remote_code=trust_remote_code,
        holdout=holdout,
        split=parse_split(split),
        questions=questions,
        growth=growth,
        require_isolation=require_isolation,
        workers=workers,
        beam_args=beam_arguments(context.args, "--heldout"),
    )
    configure_logging()
    with _stdout_kept(as_json):
        from tracemine.pipelines.disk import speaking_of_disks
        from tracemine.pipelines.evaluate import run_evaluate

        with speaking_of_disks(store):
            found = run_evaluate(options)
    status = DONE if found["questions"] else FELL_SHORT
    if not found["questions"]:
        where = "trajectories, unasked and dropped say" if as_json else "the report says"
        _note(f"no question is left to ask of {store}: {where} what became of the rows")
    if as_json:
        return _give(found, status)
    from tracemine.pipelines.evaluation.report import print_evaluation

    print_evaluation(_console(), found)
    return status


@app.command()
def report(
    store: StoreOption,
    out: Annotated[
        str, typer.Option("--out", metavar="DIR", help="Where index.html goes; made if need be.")
    ],
    evaluation: Annotated[
        str | None,
        typer.Option("--evaluation", metavar="FILE", help="What evaluate --json printed."),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Write one page that says what was mined, what was lost and what it is worth."""
    options = ReportOptions(store=store, out=out, evaluation=evaluation)
    configure_logging()
    with _stdout_kept(as_json):
        from tracemine.pipelines.report import run_report

        done = run_report(options)
    for note in done["notes"]:
        _note(note)
    if as_json:
        return _give(done)
    typer.echo(f"{done['report']} ({done['bytes']:,} bytes): open it in a browser")
    return DONE


_COMMANDS: tuple[str, ...] = (
    "mine", "search", "show", "stats", "fsck", "compact", "gc", "doctor", "evaluate", "report",
)  # fmt: skip
for _command in _LIFECYCLE:
    app.command()(_command)
    _COMMANDS = (*_COMMANDS, _command.__name__)

#: Flags of each command that take several values in a row, and which words they take (None: all).
_SEVERAL: dict[str, dict[str, tuple[str, ...] | None]] = {
    "mine": {"--input": None, "--licences": None, "--columns": None},
    "search": {"--status": STATUSES},
    "verify": {"--status": STATUSES},
    "review": {"--accept": None, "--reject": None},
    "forget": {"--source": None},
    "refresh": {"--input": None, "--columns": None},
    "evaluate": {"--heldout": None, "--columns": None},
}


def spread(words: Sequence[str]) -> list[str]:
    """``--input a b`` as ``--input a --input b``, so that a glob which the shell has expanded is
    what it was meant to be."""
    flags = _SEVERAL.get(words[0], {}) if words else {}
    spread_words: list[str] = []
    flag, waits = "", False
    for word in words:
        if word.startswith("-") and not waits:
            name, equals, _ = word.partition("=")
            flag, waits = (name, not equals) if name in flags else ("", False)
        elif flag and not waits:
            allowed = flags[flag]
            if allowed is None or word in allowed:
                spread_words.append(flag)
            else:
                flag = ""
        else:
            waits = False
        spread_words.append(word)
    return spread_words


def beam_arguments(words: Sequence[str], inputs: str = "--input") -> tuple[str, ...]:
    """The arguments of a command that are not its own, for Beam; ``inputs`` names its inputs.

    Raises:
        RequestError: if one is neither a flag nor the value of the flag before it.
    """
    for before, word in zip(["", *words], words, strict=False):
        if not word.startswith("-") and ("=" in before or not before.startswith("--")):
            raise RequestError(f"unexpected argument {word!r}: inputs are named with {inputs}")
    return tuple(words)


def parse_bindings(text: str | None) -> dict[str, Any] | None:
    """The values of ``--bindings``: a JSON object, in which what JSON lacks is written as in the
    column ``bindings`` of a store's instances.

    Raises:
        RequestError: if ``text`` is no such object.
    """
    if text is None:
        return None
    try:
        _expect_once(text, "--bindings")
        values = decode(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise RequestError(f"{_BINDINGS_TAKES}, and this is not JSON: {error}") from error
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise RequestError(_BINDINGS_TAKES)
    return values


def parse_units(text: str | None) -> dict[str, str | None] | None:
    """The units of ``--units``: a JSON object of texts, or null for none.

    Raises:
        RequestError: if ``text`` is no such object.
    """
    if text is None:
        return None
    try:
        _expect_once(text, "--units")
        units = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"{_UNITS_TAKES}, and this is not JSON: {error}") from error
    if not isinstance(units, dict) or not all(isinstance(u, str | None) for u in units.values()):
        raise RequestError(_UNITS_TAKES)
    return units


def _expect_once(text: str, flag: str) -> None:
    """Nothing, if no object of a JSON text has a name twice, of which readers take the last.

    Raises:
        RequestError: if one has.
        ValueError: if ``text`` is no JSON.
    """

    def read(pairs: list[tuple[str, Any]]) -> None:
        twice = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
        if twice:
            raise RequestError(f"{flag}: {twice[0]!r} is given more than once")

    json.loads(text, object_pairs_hook=read)


if __name__ == "__main__":
    sys.exit(main())
