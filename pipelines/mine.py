"""mine: solved problems with their traces in, a verified store out."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import apache_beam as beam
import fsspec
from apache_beam.metrics import MetricsFilter
from apache_beam.runners.runner import PipelineResult

from tracemine.pipelines.models import asked_model, asking_model, expect_model, usage_of
from tracemine.pipelines.options import (
    DEFAULT_SHARDS,
    LARGE_INPUT,
    MAX_SHARDS,
    SHARD_BYTES,
    MineOptions,
    now,
    parse_index,
)
from tracemine.pipelines.progress import Progress
from tracemine.pipelines.requested import expect_embedder, fingerprint_of, open_sandbox, pin_known
from tracemine.pipelines.runner import is_local, make_runner, pipeline_options
from tracemine.pipelines.workers import supervised, workers_for
from tracemine.schemas import arrow
from tracemine.store import Draft, Embedder, Policy, begin, publish
from tracemine.store.index import COMPONENTS
from tracemine.store.location import say
from tracemine.store.versions import replayed_with
from tracemine.store.work import open_work
from tracemine.teachers.model.worker import ModelOptions
from tracemine.transforms.admit import Admit, AdmitOptions
from tracemine.transforms.carry_out import CarryOut
from tracemine.transforms.cluster import CLUSTERED, Cluster
from tracemine.transforms.consolidate import Consolidate
from tracemine.transforms.embed import Embed
from tracemine.transforms.kept import NOT_KEPT, Kept, shards_for
from tracemine.transforms.known import KNOWN, WAITING, FindKnown, known_row, left_out
from tracemine.transforms.ledger import Total, balanced, rejected_paths
from tracemine.transforms.normalise import Normalise
from tracemine.transforms.read import InputFile, ReadTrajectories, resolve_inputs
from tracemine.transforms.replay import ReplayGroups, ReplayLimits
from tracemine.transforms.segment import Proposal, Route, Segment
from tracemine.transforms.stage import NAMESPACE, REJECTED
from tracemine.transforms.stored import Pinned
from tracemine.transforms.tool_facts import Pointed, point, row_of
from tracemine.transforms.tools import PointAtTools
from tracemine.transforms.unite import Unite
from tracemine.transforms.write import WriteIndex, WriteTable

_LOGGER = logging.getLogger(__name__)


def run_mine(options: MineOptions) -> dict[str, Any]:
    """Mine ``options.inputs`` into a new store; gives the summary that ``--json`` prints.

    Raises:
        RequestError: if isolation is required and not to be had, before anything is read; or if an
            input, the teacher, the embedder or the store cannot be used; nothing
            was written then but, at most, the store's folder and its policy.
        LedgerError: if a record was lost on the way.
    """
    started = time.perf_counter()
    isolation = _isolation(required=options.require_isolation)
    files = resolve_inputs(options.inputs, format=options.format, columns=options.columns)
    beam_options = pipeline_options(
        options.beam_args, workers=options.workers, otherwise=workers_for(files)
    )
    asked = asked_model(
        options.teacher, options.asking, options.store, local=is_local(beam_options)
    )
    teacher = asked.teacher.fingerprint if asked else fingerprint_of(options.teacher)
    known = pin_known(options.known, options.store) if options.known else None
    runner = make_runner(beam_options)
    if asked:
        expect_model(asked)
    draft = begin(options.store)
    try:
        embedder = Embedder.load(options.embedder, trust_remote_code=options.trust_remote_code)
        index = options.index
        if index is not None:
            index = parse_index(index, embedder.dimension)
        inputs = [file.describe() for file in files]
        decides = {
            "inputs": inputs,
            "columns": dict(options.columns),
            "holdout": options.holdout,
            "licences": list(options.licences),
            "known": dataclasses.asdict(known) if known else None,
            "teacher": teacher,
            "also": list(options.asking.also),
            "embedder": embedder.describe(),
            "index": index,
            "policy": draft.policy.values(),
            "isolation": isolation,
        }
        work = open_work(draft.location, decides, as_of=options.as_of, now=now())
        kept = Kept(work.folder, shards_for(file.bytes_stored() for file in files))
        if work.resumed:
            _LOGGER.warning("a run like this ended before it was done: this one goes on with it")
        if known:
            expect_embedder(known, embedder)
        with asking_model(asked) as model:
            # A pipeline makes a temporary folder that only its run removes: so after all that may
            # fail.
            pipeline = beam.Pipeline(runner=runner, options=beam_options)
            build(
                pipeline,
                options,
                files=files,
                draft=draft,
                policy=draft.policy,
                as_of=work.as_of,
                components=embedder.dimension,
                kept=kept,
                known=known,
                model=model,
            )
            with Progress(enabled=options.progress), supervised():
                result = pipeline.run()
                result.wait_until_finish()
        counters = _counters(result)
        usage = usage_of(counters, asked)
        ledger = balanced(_take_ledger(draft))
        number = publish(
            draft,
            {
                "as_of": work.as_of,
                "inputs": inputs,
                "format": options.format,
                "columns": dict(options.columns),
                "holdout": options.holdout,
                "licences": list(options.licences),
                "known": dataclasses.asdict(known) if known else None,
                "teacher": teacher,
                "asked": asked.describe() if asked else None,
                "usage": usage,
                "embedder": embedder.describe(),
                "isolation": isolation,
                "replayed": replayed_with(draft.policy),
                "ledger": ledger,
            },
        )
        try:
            work.remove()
        except OSError as error:
            _LOGGER.warning("cannot remove %s (%s): gc will", work.folder, say(error))
    finally:
        # What an interrupted run wrote stays until the next one; its lock must not.
        draft.release()
    seconds = _stage_seconds(counters) | {"wall clock": round(time.perf_counter() - started, 2)}
    return {
        "snapshot": number,
        "store": options.store,
        **ledger,
        "usage": usage,
        "resumed": _resumed(counters),
        "seconds": seconds,
    }


def _isolation(*, required: bool) -> dict[str, Any]:
    """What keeps untrusted code apart on the machine that starts the run. Where that is not much
    and more is not ``required``, a line says so."""
    _, found = open_sandbox(require_isolation=required)
    if not found.complete:
        _LOGGER.warning(
            "no namespaces here: programs in traces run with limits alone and can read what this "
            "user can; `tracemine doctor` says why, --require-isolation refuses to run them"
        )
    return {"required": required, "mechanism": found.mechanism, "complete": found.complete}


def build(
    pipeline: beam.Pipeline,
    options: MineOptions,
    *,
    files: Sequence[InputFile],
    draft: Draft,
    policy: Policy,
    as_of: str,
    components: int = COMPONENTS,
    kept: Kept = NOT_KEPT,
    known: Pinned | None = None,
    model: ModelOptions | None = None,
) -> None:
    """The line, from files to tables in the draft's folder; without the spans that ``known``
    knows. ``model`` is the teacher, where that is one; ``kept`` is where finished work lies;
    vectors have so many ``components``."""
    limits = ReplayLimits(own=policy.replay_own, others=policy.replay_others)
    admit = AdmitOptions(
        holdout=options.holdout,
        licences=options.licences,
        require_isolation=options.require_isolation,
    )
    read = pipeline | "Read" >> ReadTrajectories(files)
    admitted = read.trajectories | "Admit" >> Admit(admit, kept)
    also = frozenset(options.asking.also if model else ())
    replays = model is not None and "replay" in also
    judged = replays and "judge" in also
    segmented = admitted.trajectories | "Segment" >> Segment(
        model or options.teacher, kept, with_problem=replays
    )
    routed = segmented.proposals | "Route" >> Route(in_words=replays, judged=judged)
    proposals, notes = routed.proposals, [segmented.notes]
    if model and "normalise" in also:
        shaped = proposals | "Normalise" >> Normalise(model)
        proposals, notes = shaped.proposals, [*notes, shaped.notes]
    load = partial(Embedder.load, options.embedder, trust_remote_code=options.trust_remote_code)
    embedded = proposals | "Embed" >> Embed(load, kept)
    gone_as_known, counts = [], []
    covered = [pipeline | "Nothing known" >> beam.Create([], reshuffle=False)]
    if known is not None:
        in_words = []
        if replays:
            # What is known of a routine is found by running its code.
            embedded, without = embedded | "By code" >> beam.Partition(_has_no_code, 2)
            in_words = [without]
        told = embedded | "Known" >> FindKnown(
            known, kept, require_isolation=options.require_isolation
        )
        embedded = [told["new"], *in_words] | "Not known" >> beam.Flatten()
        covered = [told[KNOWN], told[WAITING]]
        gone_as_known = [told[KNOWN] | "Known elsewhere" >> beam.Map(left_out)]
        counts = [
            _count(told[KNOWN], "Known spans", ("known", "left_out")),
            _count(told[WAITING], "Waiting spans", ("known", "waiting")),
        ]
    clustered = embedded | "Cluster" >> Cluster(draft.folder, kept)
    groups = clustered["groups"]
    if model and replays:
        groups = groups | "Carry out" >> CarryOut(model, limits, kept, judged=judged)
    matrices = groups | "Replay" >> ReplayGroups(
        limits, kept, require_isolation=options.require_isolation
    )
    consolidated = matrices | "Consolidate" >> Consolidate(policy)
    finished, refuted = (consolidated.entries, consolidated.refuted) | "Unite" >> Unite(
        policy, as_of, load, kept
    )
    pointed = routed.handoff | "Point at tools" >> beam.Map(point)
    tools = pointed | "Tools" >> PointAtTools(
        policy,
        as_of,
        load,
        kept,
        require_isolation=options.require_isolation,
    )

    of_trajectories = [read.failed, admitted.rejected]
    of_spans = [segmented.rejected, routed.rejected, clustered[REJECTED], consolidated.rejected]
    of_spans += gone_as_known
    rows = {
        "trajectories": admitted.trajectories | "Trajectory rows" >> beam.Map(arrow.trajectory_row),
        "spans": finished
        | "Span rows" >> beam.FlatMap(lambda f: [arrow.span_row(span) for span in f.spans]),
        "instances": [
            matrices | "Instance rows" >> beam.FlatMap(_instance_rows),
            tools
            | "Instance rows of tools"
            >> beam.FlatMap(lambda t: map(arrow.instance_row, t.instances)),
        ]
        | "All instances" >> beam.Flatten(),
        "replays": [
            finished | "Replays" >> beam.FlatMap(lambda f: f.replays),
            refuted,
            tools | "Replays of tools" >> beam.FlatMap(lambda t: t.replays),
        ]
        | "All replays" >> beam.Flatten()
        | "Replay rows" >> beam.Map(arrow.replay_row),
        "procedures": finished | "Procedure rows" >> beam.FlatMap(_entry_rows, "procedures"),
        "candidates": finished | "Candidate rows" >> beam.FlatMap(_entry_rows, "candidates"),
        "rejected": [*of_trajectories, *of_spans]
        | "All rejected" >> beam.Flatten()
        | "Rejected rows" >> beam.Map(arrow.rejected_row),
        "known": covered | "All known" >> beam.Flatten() | "Known rows" >> beam.Map(known_row),
        "handoff": pointed | "Hand-off rows" >> beam.Map(row_of),
        "tools": tools | "Tool rows" >> beam.Map(lambda t: arrow.tool_row(t.record)),
        "clustered": clustered[CLUSTERED],
        "events": (finished, tools)
        | "All that has a status" >> beam.Flatten()
        | "Event rows" >> beam.FlatMap(_event_rows, draft.number),
    }
    shards = options.shards or _table_shards(files)
    for table, pcollection in rows.items():
        pcollection | f"Write {table}" >> WriteTable(table, draft.folder, shards)
    indexed = partial(
        WriteIndex,
        folder=draft.folder,
        kind=options.index,
        large=_is_large(files),
        components=components,
    )
    for table in ("procedures", "candidates"):
        (
            finished
            | f"Vectors of {table}" >> beam.FlatMap(_entry_vectors, table)
            | f"Index {table}" >> indexed(table)
        )
    (
        tools
        | "Vectors of tools" >> beam.Map(lambda t: (t.record.entry.procedure_id, t.vector))
        | "Index tools" >> indexed("tools")
    )

    counts += [
        _count(read.trajectories, "Read", ("trajectories", "read")),
        _count(read.failed, "Unread", ("trajectories", "read")),
        _count(admitted.trajectories, "Admitted", ("trajectories", "admitted")),
        _count(segmented.proposals, "Grounded", ("spans", "segmented")),
        segmented.rejected
        | "Count not grounded"
        >> beam.FlatMap(lambda r: [(("spans", "segmented"), 1)] if r.fate == "rejected" else []),
        notes
        | "All notes" >> beam.Flatten()
        | "Count notes" >> beam.Map(lambda note: (("notes", note.what), 1)),
        finished | "Count kept" >> beam.Map(lambda f: (("spans", "kept"), len(f.spans))),
        pointed | "Count handoff" >> beam.FlatMap(_handoff_paths),
        tools
        | "Count pointers" >> beam.Map(lambda t: (("tools", "pointers", t.record.entry.status), 1)),
        rows["replays"] | "Count verdicts" >> beam.Map(lambda r: (("replays", r["verdict"]), 1)),
        finished | "Count status" >> beam.Map(lambda f: (("procedures", f.procedure.status), 1)),
    ]
    for kind, gone in (("trajectories", of_trajectories), ("spans", of_spans)):
        counts.append(
            gone
            | f"Gone {kind}" >> beam.Flatten()
            | f"Count gone {kind}" >> beam.FlatMap(lambda r, kind=kind: rejected_paths(kind, r))
        )
    (
        counts
        | "All counts" >> beam.Flatten()
        | "Ledger" >> Total()
        | "To one" >> beam.Map(lambda count: (None, count))
        | "Gather counts" >> beam.GroupByKey()
        | "Write ledger" >> beam.Map(_write_ledger, draft.ledger)
    )


def _table_shards(files: Sequence[InputFile]) -> int:
    known = sum(file.bytes_stored() or 0 for file in files)
    return min(max(-(-known // SHARD_BYTES), DEFAULT_SHARDS), MAX_SHARDS)


def _is_large(files: Sequence[InputFile]) -> bool:
    """Whether a table may have about a million entries, as far as anybody can tell."""
    sizes = [file.bytes_stored() for file in files]
    return None in sizes or sum(size or 0 for size in sizes) >= LARGE_INPUT


def _has_no_code(proposal: Proposal, _: int) -> int:
    return int(not proposal.span.code)


def _count(pcollection: beam.PCollection, label: str, path: tuple[str, ...]) -> beam.PCollection:
    return pcollection | f"Count {label}" >> beam.Map(lambda _: (path, 1))


def _handoff_paths(pointed: Pointed) -> list[tuple[tuple[str, ...], int]]:
    kind = pointed.proposal.span.kind
    paths: list[tuple[str, ...]] = [("spans", "handoff", kind)]
    if pointed.call is not None:
        paths.append(("tools", "spans"))
    elif kind == "tool":
        paths.append(("tools", "none", pointed.reason))
    return [(path, 1) for path in paths]


def _instance_rows(matrix: Any) -> list[arrow.Row]:
    return [
        arrow.instance_row(instance)
        for method in matrix.methods
        for member in method.members
        for instance in member.span.instances
    ]


def _event_rows(found: Any, snapshot: str) -> list[arrow.Row]:
    # Not before: what is kept of a run that was killed is taken up under another number, too.
    return [arrow.event_row(dataclasses.replace(e, snapshot=snapshot)) for e in found.events]


def _table_of(status: str) -> str:
    return "candidates" if status == "candidate" else "procedures"


def _entry_rows(finished: Any, table: str) -> list[arrow.Row]:
    procedure = finished.procedure
    return [arrow.procedure_row(procedure)] if _table_of(procedure.status) == table else []


def _entry_vectors(finished: Any, table: str) -> list[tuple[str, bytes]]:
    procedure = finished.procedure
    if _table_of(procedure.status) != table:
        return []
    return [(procedure.procedure_id, finished.vector)]


def _write_ledger(keyed: tuple[None, Any], path: str) -> None:
    counts = sorted([list(where), total] for where, total in keyed[1])
    with fsspec.open(path, "w") as stream:
        json.dump(counts, stream)


def _take_ledger(draft: Draft) -> list[tuple[tuple[str, ...], int]]:
    """The counts that the pipeline left beside the tables; they go into the manifest."""
    with fsspec.open(draft.ledger) as stream:
        counts = json.load(stream)
    draft.remove(draft.ledger)
    return [(tuple(path), total) for path, total in counts]


def _counters(result: PipelineResult) -> Counter[str]:
    """Our counters by name, summed over steps and workers; not every runner tells."""
    query = MetricsFilter().with_namespace(NAMESPACE)
    total: Counter[str] = Counter()
    # A stage may be several steps of a pipeline, each with a counter of its own.
    for counter in result.metrics().query(query)["counters"]:
        total[counter.key.metric.name] += counter.result
    return total


def _stage_seconds(counters: Mapping[str, int]) -> dict[str, float]:
    """Seconds of work in each stage, of all workers together."""
    found = {}
    for counter in sorted(counters):
        name, _, unit = counter.rpartition("/")
        if unit == "microseconds":
            found[name] = round(counters[counter] / 1e6, 2)
    return found


def _resumed(counters: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Of each stage how many shards an earlier run had ``kept``, and how many this one ``made``;
    nothing where none were kept."""
    found: dict[str, dict[str, int]] = {}
    for counter in sorted(counters):
        stage, _, what = counter.rpartition("/shards ")
        if stage:
            found.setdefault(stage, {"kept": 0, "made": 0})[what] = counters[counter]
    return found if any(row["kept"] for row in found.values()) else {}


__all__ = ["build", "run_mine"]
