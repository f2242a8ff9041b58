"""Stage 9, before replay, where a model replays: routines in words are carried out.

Of each group the model is given every routine in words, with the problem and the values of
instances that are held out from it (`replay.sample_in_words`), never the trace that either came
from. Which value stands in which role is told by names, units and types alone
(`verifiers.roles`), so that no instance chooses and all count. What the model gives is compared by
the verifier that code's results are compared by; where that cannot decide, the model may judge.

What becomes of a routine on an instance, recorded as a `Replay` under `verifier_name`:

    pass         the result agrees
    fail         it differs, or is not of the output's type
    error        the model says that the steps cannot be carried out on the values
    unsupported  nobody can say: the request failed (the budget, say), no verifier can decide, a
                 value is not of its input's type
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import apache_beam as beam

from tracemine.schemas import Parameter, Replay, decode
from tracemine.schemas.records import Verdict
from tracemine.schemas.values import dump_json
from tracemine.teachers.base import TeacherError
from tracemine.teachers.model.cleaning import clean_line
from tracemine.teachers.model.judging import judge
from tracemine.teachers.model.replaying import NOT_OF_ITS_TYPE, Replayed, replay, value_text
from tracemine.teachers.model.worker import ModelOptions, ModelWorker
from tracemine.transforms.asking import ask_models
from tracemine.transforms.held_out import prepare, sample_in_words
from tracemine.transforms.kept import NOT_KEPT, InShards, Kept
from tracemine.transforms.methods import Method
from tracemine.transforms.replay import Carried, ReplayLimits, name_of
from tracemine.transforms.segment import Proposal
from tracemine.transforms.stage import Out
from tracemine.verifiers import VERIFIERS, Context, verify
from tracemine.verifiers import Verdict as Compared
from tracemine.verifiers.bindings import BindingError, bind
from tracemine.verifiers.replay import Case, alignments
from tracemine.verifiers.roles import align
from tracemine.verifiers.runs import reason_text
from tracemine.verifiers.verdict import JUDGE

STAGE = "carry out"

#: What the reasons of verdicts begin with that decide nothing.
NO_ANSWER = "the model gave no answer"
UNDECIDED = "the results cannot be compared"
#: Words of a text from which on it is prose: that it is another text says nothing of what it says.
PROSE_WORDS = 3
#: Requests of one group that are made ready at a time, for each that may be sent at once: a group
#: may hold thousands, each with its problem.
READY = 2


@dataclass(frozen=True, slots=True)
class Errand:
    """A routine in words to be carried out on an instance. ``values`` are plain values by the
    routine's own names; None, with a ``fault``, where there is nothing to ask."""

    method: Method
    case: Case
    problem: str
    binding_map: str
    values: Mapping[str, Any] | None
    fault: str = ""


class CarryOut(beam.PTransform):
    """``(shard, groups)``, each a Group -> the same, each Carried: with the verdicts on its
    routines in words, and without the texts of its problems. ``judged``: the model judges what no
    verifier can decide."""

    def __init__(
        self,
        model: ModelOptions,
        limits: ReplayLimits,
        kept: Kept = NOT_KEPT,
        *,
        judged: bool = False,
    ) -> None:
        super().__init__()
        self.model = model
        self.kept = kept
        self.limits = limits
        self.judged = judged

    def expand(self, groups: beam.PCollection) -> beam.PCollection:
        single = groups | "One by one" >> beam.FlatMapTuple(lambda _, groups: groups)
        outputs = single | "Ask a model to carry out" >> ask_models(
            STAGE,
            partial(carry_out, limits=self.limits, judged=self.judged),
            main="groups",
            tags=[],
            options=self.model,
        )
        return outputs.groups | "Shards" >> InShards(self.kept, name_of)


async def carry_out(
    group: Sequence[Proposal], worker: ModelWorker, *, limits: ReplayLimits, judged: bool = False
) -> list[Out]:
    """One group, carried out; asks nothing where all of it is code."""
    bare = tuple(dataclasses.replace(proposal, problem="") for proposal in group)
    if all(proposal.span.code for proposal in group):
        return [("groups", Carried(bare, ()))]
    # Not in the loop, where all others wait for it.
    errands = await asyncio.to_thread(lambda: list(errands_of(group, limits)))
    ready = asyncio.Semaphore(READY * worker.options.settings.concurrency)

    async def done(errand: Errand) -> Replay:
        async with ready:
            return await verdict_on(errand, worker, judged=judged)

    found = await asyncio.gather(*map(done, errands))
    return [("groups", Carried(bare, tuple(found)))]


def errands_of(group: Sequence[Proposal], limits: ReplayLimits) -> Iterator[Errand]:
    """What is to be carried out of a group, in order of variant and sample."""
    prepared = prepare(group)
    problems = {proposal.span.problem_id: proposal.problem for proposal in group}
    for method in prepared.methods:
        if not method.in_words:
            continue
        cases = [
            (case, way)
            for case in prepared.held_out[method.variant_id]
            if (way := _way(method, case)) is not None
        ]
        ways = {case.instance.id: way for case, way in cases}
        sample = sample_in_words([c for c, _ in cases], prepared.witnesses, limits.in_words)
        for case in sample:
            problem = problems[case.instance.problem_id]
            yield _errand(method, case, ways[case.instance.id], problem)


def _way(method: Method, case: Case) -> tuple[int, ...] | None:
    """For each input of a routine the place of its value among the keys of a case; None where types
    and units leave none. No result is looked at."""
    if case.family == method.key:
        return tuple(range(len(case.keys)))
    ways = alignments(method.signature, case.keys)
    if len(ways) <= 1:
        return ways[0] if ways else None
    found = align(method.signature.inputs, case.keys)
    return found.positions if found and found.positions in ways else None


def _errand(method: Method, case: Case, way: Sequence[int], problem: str) -> Errand:
    inputs = method.signature.inputs
    keys: dict[str, Parameter] = {p.name: case.keys[at] for p, at in zip(inputs, way, strict=True)}
    binding_map = dump_json({name: key.name for name, key in keys.items()})
    given = decode(case.instance.bindings)
    try:
        values = bind(inputs, {name: given[key.name] for name, key in keys.items()})
        for value in values.values():
            value_text(value)
    except ValueError as error:  # not of its type, or a number of too many digits to be written
        fault = str(error) if isinstance(error, BindingError) else "a value that cannot be written"
        return Errand(method, case, problem, binding_map, None, reason_text(fault))
    return Errand(method, case, problem, binding_map, values)


async def verdict_on(errand: Errand, worker: ModelWorker, *, judged: bool = False) -> Replay:
    """The verdict on a routine that the model carries out. One request, or two; with a judgement as
    many more."""
    model = worker.options.model
    if errand.values is None:
        return _replay(errand, "unsupported", errand.fault, verifier_name(model, ""))
    span = errand.method.founder.span
    try:
        found = await replay(
            span.subquestion,
            span.subroutine,
            errand.method.signature,
            errand.problem,
            errand.values,
            worker.ask,
            model,
            worker.options.settings,
        )
    except TeacherError as error:
        return _replay(errand, "unsupported", f"{NO_ANSWER}: {error}", verifier_name(model, ""))
    if found.fault:
        verdict: Verdict = "fail" if found.fault == NOT_OF_ITS_TYPE else "error"
        reason = ": ".join(filter(None, (found.fault, clean_line(found.steps, 200))))
        return _replay(errand, verdict, reason, verifier_name(model, ""))
    return await _compared(errand, found, worker, judged=judged)


async def _compared(
    errand: Errand, found: Replayed, worker: ModelWorker, *, judged: bool
) -> Replay:
    """The verdict on what a routine gave."""
    model, span = worker.options.model, errand.method.founder.span
    expected = decode(errand.case.instance.result)
    compared = await asyncio.to_thread(_verified, expected, found.value, span.verifier)
    if judged and (compared.outcome == "unknown" or _are_prose(compared, expected, found.value)):
        try:
            compared = await judge(
                span.subquestion,
                errand.method.signature.output,
                expected,
                found.value,
                worker.ask,
                model,
                worker.options.settings,
                errand.problem,
            )
        except TeacherError as error:
            reason = f"{NO_ANSWER}: {error}"
            return _replay(errand, "unsupported", reason, verifier_name(model, JUDGE))
    name = verifier_name(model, compared.verifier)
    if compared.outcome == "unknown":
        return _replay(errand, "unsupported", f"{UNDECIDED}: {compared.reason}", name)
    return _replay(errand, "pass" if compared.outcome == "agree" else "fail", compared.reason, name)


def _verified(expected: Any, actual: Any, verifier: str) -> Compared:
    if verifier not in VERIFIERS:
        return Compared("unknown", f"no verifier {verifier}", verifier)
    return verify(expected, actual, Context(verifier=verifier))


def _are_prose(compared: Compared, expected: Any, actual: Any) -> bool:
    """Whether two texts that differ are prose, of which another wording decides nothing."""
    texts = (expected, actual)
    return (
        compared.outcome == "differ"
        and compared.verifier == "exact"
        and all(isinstance(text, str) for text in texts)
        and any(len(text.split()) >= PROSE_WORDS for text in texts)
    )


def verifier_name(model: str, verifier: str) -> str:
    """Who is named in the evidence: the model that carried a routine out, and who compared what it
    gave, if anyone did."""
    return f"model:{model}+{verifier}" if verifier else f"model:{model}"


def _replay(errand: Errand, verdict: Verdict, reason: str, verifier: str) -> Replay:
    return Replay(
        variant_id=errand.method.variant_id,
        instance_id=errand.case.instance.id,
        binding_map=errand.binding_map,
        verdict=verdict,
        reason=reason_text(reason),
        verifier=verifier,
    )


__all__ = [
    "NO_ANSWER",
    "STAGE",
    "UNDECIDED",
    "CarryOut",
    "Errand",
    "carry_out",
    "errands_of",
    "verdict_on",
    "verifier_name",
]
