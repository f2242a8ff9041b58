"""Stages 3 to 6 on spans: segment, ground, route, normalise.

Each is a plain function; `Segment` and `Route` wrap them for Beam.
"""

from __future__ import annotations

import ast
import asyncio
import dataclasses
import errno
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import apache_beam as beam

from tracemine.schemas import (
    Rejected,
    Signature,
    Source,
    Span,
    Trajectory,
    canonical_words,
    content_id,
)
from tracemine.schemas.records import Fate
from tracemine.schemas.shingles import shingles
from tracemine.schemas.syntax import MAX_DEPTH, depth, reaches_out, undefined_names
from tracemine.schemas.values import dump_json
from tracemine.teachers import Dropped, Segmentation, Teacher, TeacherError, make_teacher
from tracemine.teachers.base import MIN_QUOTE, Unread
from tracemine.teachers.model.cleaning import clean_line
from tracemine.teachers.model.making import PROBLEM_CHARS, shortened
from tracemine.teachers.model.worker import ModelOptions, ModelWorker
from tracemine.transforms.asked import asked
from tracemine.transforms.asking import ask_models
from tracemine.transforms.kept import NOT_KEPT, InShards, Kept, run_kept
from tracemine.transforms.mentioned import name_values
from tracemine.transforms.shape import shape, wording_of
from tracemine.transforms.stage import HANDOFF, NOTES, REJECTED, Out, run_stage
from tracemine.verifiers import verifier_for
from tracemine.verifiers.verdict import JUDGE

_LOGGER = logging.getLogger(__name__)
_AT_FAULT = "the teacher failed on trajectory %s"

#: What says nothing of a trace: it may be read when the machine is well again.
OF_THE_MACHINE = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EAGAIN}
)

#: Characters of a span that a ledger's line shows, and of an error that nobody foresaw.
PLACE_CHARS = 60
DETAIL_CHARS = 300

NOT_GROUNDED = "quote is not in the source"
SHORT_QUOTE = f"quote has fewer than {MIN_QUOTE} characters"
NO_PRECONDITIONS = "no preconditions"
NO_VERIFIER = "no verifier for its result"
NOT_REPLAYABLE = "not replayable: no code"
UNREADABLE = "code does not parse"
TOO_DEEP = "code nests too deeply"
UNDEFINED = "code uses a name that nothing defines"
REACHES_OUT = "code reaches for files, processes, the network or other code"
NO_INSTANCE = "not replayable: no instance"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A span on its way into a group, with the least source of its trajectory and the shingles of
    its problem (to tell another problem from the same in other words); from the embed stage on
    also with the vector of its wording (what an entry is found by) and that of its shape (what is
    clustered), float32, and what its subroutine costs in tokens; and from the cluster stage on with
    the key of its method and the id of the variant that it would found (`methods.method_of`,
    `methods.variant_of`). ``problem`` is the problem's text where routines are carried out by a
    model that is shown it, as far as it is; else empty."""

    span: Span
    source: Source
    shingles: bytes
    vector: bytes = b""
    tokens: int = 0
    shape_vector: bytes = b""
    problem: str = ""
    method: str = ""
    variant: str = ""


#: Gives the shape of a span: the rules, or what a teacher answers.
Normalise = Callable[[Span], str]


class Segment(beam.PTransform):
    """Trajectory -> Proposal, through segment and ground; by the teacher of that name, or by a
    model that is asked; ``with_problem``: proposals that a model gives bring their problem's text.

    Outputs: ``proposals``, ``rejected``, ``notes`` (Note).
    """

    def __init__(
        self, teacher: str | ModelOptions, kept: Kept = NOT_KEPT, *, with_problem: bool = False
    ) -> None:
        super().__init__()
        self.teacher = teacher
        self.kept = kept
        self.with_problem = with_problem

    def expand(self, trajectories: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        teacher, kept = self.teacher, self.kept
        if isinstance(teacher, str):
            return (
                trajectories
                | "Shards" >> InShards(kept, lambda trajectory: trajectory.id)
                | "Cut into spans"
                >> run_kept(
                    "segment",
                    lambda keyed, teacher: _segment_shard(keyed[1], teacher),
                    kept=kept,
                    main="proposals",
                    tags=[REJECTED, NOTES],
                    setup=lambda: make_teacher(teacher),
                    also=(teacher,),
                )
            )
        # What is kept of a model is its answers. A few files make few bundles.
        spread = trajectories | "Spread" >> beam.Reshuffle()
        return spread | "Ask a model" >> ask_models(
            "segment",
            partial(segment_by_asking, with_problem=self.with_problem),
            main="proposals",
            tags=[REJECTED, NOTES],
            options=teacher,
        )


class Route(beam.PTransform):
    """Proposal -> Proposal whose span is procedural, has preconditions and a verifier, and has
    the shape that ``normalise`` gives it. ``in_words``: routines without code are carried out by a
    model, so they go on; ``judged``: it judges what these give where no verifier can. Outputs:
    ``proposals``, ``handoff`` (Proposal), ``rejected``."""

    def __init__(
        self, normalise: Normalise = shape, *, in_words: bool = False, judged: bool = False
    ) -> None:
        super().__init__()
        self.normalise = normalise
        self.in_words = in_words
        self.judged = judged

    def expand(self, proposals: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        normalise, in_words, judged = self.normalise, self.in_words, self.judged
        return proposals | "Route" >> run_stage(
            "route",
            lambda proposal: route(proposal, normalise, in_words=in_words, judged=judged),
            main="proposals",
            tags=[HANDOFF, REJECTED],
        )


def _segment_shard(shard: Iterable[Trajectory], teacher: Teacher) -> Iterator[Out]:
    for trajectory in sorted(shard, key=lambda found: found.id):
        yield from segment(trajectory, teacher)


def segment(trajectory: Trajectory, teacher: Teacher) -> Iterator[Out]:
    """The grounded spans of one trajectory, as `found` gives them; a trajectory that the teacher
    could not read is failed."""
    try:
        segmentation = teacher.segment(trajectory)
    except TeacherError as error:
        yield REJECTED, _reject_unread(trajectory, error)
        return
    except Exception as error:  # a teacher's fault costs one trace, not the run
        if isinstance(error, OSError) and error.errno in OF_THE_MACHINE:
            raise
        _LOGGER.exception(_AT_FAULT, trajectory.id)
        yield REJECTED, _reject_unread(trajectory, _unexpected(error))
        return
    yield from found(trajectory, segmentation)


async def segment_by_asking(
    trajectory: Trajectory, worker: ModelWorker, *, with_problem: bool = False
) -> list[Out]:
    """`segment` by a teacher that waits for a model; see `Segment` for ``with_problem``."""
    try:
        segmentation = await worker.teacher.read(trajectory, worker.ask)
        # Not in the loop, where all others wait: results are compared with answers here.
        outputs = await asyncio.to_thread(lambda: list(found(trajectory, segmentation)))
    except TeacherError as error:
        return [(REJECTED, _reject_unread(trajectory, error))]
    except Exception as error:  # as in `segment`
        _LOGGER.exception(_AT_FAULT, trajectory.id)
        return [(REJECTED, _reject_unread(trajectory, _unexpected(error)))]
    if not with_problem:
        return outputs
    problem = shortened(trajectory.problem, PROBLEM_CHARS)
    return [
        (output, dataclasses.replace(record, problem=problem) if output == "proposals" else record)
        for output, record in outputs
    ]


def found(trajectory: Trajectory, segmentation: Segmentation) -> Iterator[Out]:
    """Where a teacher's answer goes: grounded spans on; what the teacher dropped, and what is not
    literally in the trace, is rejected; each window that could not be read is failed; notes are
    counted."""
    for note in segmentation.notes:
        yield NOTES, note
    for unread in segmentation.unread:
        yield REJECTED, _reject_window(trajectory, unread)
    for dropped in segmentation.dropped:
        yield REJECTED, _reject_dropped(trajectory, dropped)
    fingerprint = shingles(trajectory.problem)
    for span in segmentation.spans:
        if span.code and span.instances:
            own = span.instances[0]
            span = dataclasses.replace(
                span,
                asked=asked(span, own.result, trajectory),
                keys=tuple(key for _, key in name_values(span, own, trajectory)),
            )
        proposal = Proposal(span, min(trajectory.sources), fingerprint)
        reason = ground(span, trajectory)
        if reason:
            yield REJECTED, reject_span("ground", reason, proposal)
        else:
            yield "proposals", proposal


def ground(span: Span, trajectory: Trajectory) -> str | None:
    """Why the span's quote is no provenance, or None if it is."""
    if trajectory.trace[span.start : span.end] != span.quote or span.start < 0:
        return NOT_GROUNDED
    if len("".join(span.quote.split())) < MIN_QUOTE:
        return SHORT_QUOTE
    return None


def route(
    proposal: Proposal,
    normalise: Normalise = shape,
    *,
    in_words: bool = False,
    judged: bool = False,
) -> Iterator[Out]:
    """Where a grounded span goes: on, to the hand-offs, or out; see `Route`."""
    span = proposal.span
    if span.kind != "procedural":
        yield (
            HANDOFF,
            dataclasses.replace(proposal, span=dataclasses.replace(span, shape=normalise(span))),
        )
        return
    verifier = verifier_for(span.signature.output.type)
    if verifier is None and judged and not span.code:
        verifier = JUDGE
    reason = _no_routine(span, in_words=in_words)
    if reason is None and not span.instances:
        reason = NO_INSTANCE
    elif reason is None and not span.preconditions:
        reason = NO_PRECONDITIONS
    if reason is not None or verifier is None:
        yield REJECTED, reject_span("route", reason or NO_VERIFIER, proposal)
        return
    ready = dataclasses.replace(span, shape=normalise(span), verifier=verifier)
    yield "proposals", dataclasses.replace(proposal, span=ready)


def _no_routine(span: Span, *, in_words: bool) -> str | None:
    """Why nothing could be replayed, or None. Words that only say again what is asked are no
    steps."""
    if span.code and span.entry_point:
        return _fault(span.code)
    steps = canonical_words(span.subroutine)
    says_how = bool(steps) and steps != canonical_words(span.subquestion)
    return None if in_words and says_how else NOT_REPLAYABLE


def _fault(code: str) -> str | None:
    """Why no later stage could use the code, or None."""
    try:
        if depth(ast.parse(code)) > MAX_DEPTH:
            return TOO_DEEP
        if undefined_names(code):
            return UNDEFINED
        return REACHES_OUT if reaches_out(code) else None
    except (SyntaxError, ValueError):
        return UNREADABLE
    except (RecursionError, MemoryError):
        return TOO_DEEP


def embedding_text(span: Span) -> str:
    """What is embedded of a span's wording, see `embedding_words`."""
    return embedding_words(span.subquestion, span.signature)


def embedding_words(subquestion: str, signature: Signature) -> str:
    """A subquestion as it is worded, and what goes in and comes out, in words, where it ("remaining
    money from budget and price") does not say so itself."""
    wording = wording_of(subquestion)
    if " from " in wording:
        return wording
    inputs = ", ".join(_words(p.name) for p in signature.inputs)
    return f"{wording} (from {inputs} to {_words(signature.output.name)})"


def _words(name: str) -> str:
    return name.replace("_", " ").strip()


def reject_span(
    stage: str, reason: str, proposal: Proposal, detail: str = "", fate: Fate = "rejected"
) -> Rejected:
    """The ledger entry of a span that leaves the line."""
    span = proposal.span
    record = {
        "trajectory_id": span.trajectory_id,
        "start": span.start,
        "end": span.end,
        "quote": span.quote,
        "subquestion": span.subquestion,
        "code": span.code,
        "entry_point": span.entry_point,
        "signature": span.signature.to_json(),
        "domain": span.domain,
    }
    where = _place(proposal.source, span.start, span.end, span.quote)
    return Rejected(
        stage=stage,
        reason=reason,
        record_id=span.id,
        detail=f"{where}: {reason}" + (f" ({detail})" if detail else ""),
        record=dump_json(record),
        fate=fate,
    )


def _reject_dropped(trajectory: Trajectory, dropped: Dropped) -> Rejected:
    identity = content_id(
        "dropped", trajectory.id, dropped.start, dropped.end, dropped.reason, dropped.detail
    )
    return _reject_place(trajectory, dropped, identity, fate="rejected")


def _reject_window(trajectory: Trajectory, unread: Unread) -> Rejected:
    identity = content_id("unread", trajectory.id, unread.start, unread.end)
    return _reject_place(trajectory, unread, identity, fate="failed")


def _reject_place(
    trajectory: Trajectory, gone: Dropped | Unread, identity: str, *, fate: Fate
) -> Rejected:
    quote = trajectory.trace[gone.start : gone.end]
    record = {
        "trajectory_id": trajectory.id,
        "start": gone.start,
        "end": gone.end,
        "quote": quote[:1000],
    }
    where = _place(min(trajectory.sources), gone.start, gone.end, quote)
    return Rejected(
        stage="segment",
        reason=gone.reason,
        record_id=identity,
        detail=f"{where}: {gone.reason}" + (f" ({gone.detail})" if gone.detail else ""),
        record=dump_json(record),
        fate=fate,
    )


def _unexpected(error: Exception) -> TeacherError:
    # What went wrong may quote what a model wrote.
    return TeacherError(
        f"teacher error: {type(error).__name__}", clean_line(str(error), DETAIL_CHARS)
    )


def _reject_unread(trajectory: Trajectory, error: TeacherError) -> Rejected:
    """A trajectory that a teacher could read nothing of."""
    source = min(trajectory.sources)
    return Rejected(
        stage="segment",
        reason=error.reason,
        record_id=trajectory.id,
        detail=f"{source.dataset} row {source.row}: {error}",
        record=dump_json({"trajectory_id": trajectory.id}),
        fate="failed",
    )


def _place(source: Source, start: int, end: int, quote: str) -> str:
    """Where a person finds a span: the file, the row, the characters of its trace, and the words
    that it begins with."""
    words = " ".join(quote[: 2 * PLACE_CHARS].split())
    if len(words) > PLACE_CHARS:
        words = words[:PLACE_CHARS].rpartition(" ")[0] or words[:PLACE_CHARS]
        words += " ..."
    return f'{source.dataset} row {source.row}, characters {start} to {end} ("{words}")'
