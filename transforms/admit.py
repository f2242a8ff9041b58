"""Stage 2, admit: one trajectory from all its copies, and only with a verified outcome."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import apache_beam as beam

from tracemine.schemas import Rejected, Source, Trajectory, fraction_of
from tracemine.schemas.records import Fate
from tracemine.schemas.values import dump_json
from tracemine.transforms.endings import loops
from tracemine.transforms.formats.answers import is_essay
from tracemine.transforms.kept import NOT_KEPT, InShards, Kept, grouped, run_kept
from tracemine.transforms.licences import is_allowed
from tracemine.transforms.stage import REJECTED, Out
from tracemine.verifiers import (
    ANSWERS,
    Sandbox,
    Verdict,
    admission_test,
    check_tests,
    find_program,
    shared_sandbox,
    verify,
)

STAGE = "admit"

DUPLICATE = "duplicate trajectory"
HELD_OUT = "left out by --holdout"
NOT_HELD_OUT = "not left out by --holdout"
LICENCE = "licence not allowed"
WRONG = "wrong answer"
NO_REFERENCE = "no reference answer and no tests"
NO_ANSWER = "no answer"
LOOPS = "trace loops"
CUT_OFF = "trace is cut off"
NO_PROGRAM = "no program that parses"
CONFLICT = "sources disagree on the reference answer"
SETUP_CONFLICT = "sources disagree on the setup of the tests"
OTHER_TESTS = "other tests than those that the store has of it"
UNDECIDED_TESTS = "tests did not come to an end"
UNKNOWN = "answer could not be compared with the reference"


@dataclass(frozen=True, slots=True)
class AdmitOptions:
    """``holdout``: share of problems, by hash of problem id, that is left out for evaluation;
    ``held_out``: these alone are admitted, not the others.
    ``licences``: if not empty, only sources under one of these are read; canonical names, as
    `transforms.licences.canonical` gives them. ``require_isolation``: a worker without namespaces
    for untrusted code fails."""

    holdout: float = 0.0
    held_out: bool = False
    licences: tuple[str, ...] = ()
    require_isolation: bool = False


class Admit(beam.PTransform):
    """Trajectory -> Trajectory with ``outcome == "verified"``; the rest is Rejected.

    Outputs: ``trajectories``, ``rejected``.
    """

    def __init__(self, options: AdmitOptions, kept: Kept = NOT_KEPT) -> None:
        super().__init__()
        self.options = options
        self.kept = kept

    def expand(self, trajectories: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        options, kept = self.options, self.kept
        return (
            trajectories
            | "Shards" >> InShards(kept, lambda trajectory: trajectory.id)
            | "Verify outcome"
            >> run_kept(
                STAGE,
                lambda keyed, sandbox: _admit_shard(keyed[1], options, sandbox),
                kept=kept,
                main="trajectories",
                tags=[REJECTED],
                setup=partial(shared_sandbox, require_isolation=options.require_isolation),
                also=(options,),
            )
        )


def _admit_shard(
    shard: Iterable[Trajectory], options: AdmitOptions, sandbox: Sandbox
) -> Iterator[Out]:
    for copies in grouped((copy.id, copy) for copy in shard):
        yield from admit(copies, options, sandbox)


def admit(copies: Iterable[Trajectory], options: AdmitOptions, sandbox: Sandbox) -> Iterator[Out]:
    """Merge the copies of one trajectory (the least source stays, all are listed), then verify
    its outcome. Yields one trajectory or one rejection for it, and a rejection for each further
    copy."""
    ordered = sorted(copies, key=_copy_order)
    allowed = [copy for each in ordered if (copy := _allowed(each, options.licences))]
    if allowed:
        # Nothing of a copy that may not be read goes into those that may.
        for copy in ordered:
            if _allowed(copy, options.licences) is None:
                yield REJECTED, _reject(copy, LICENCE, _licences(copy.sources))
        ordered = allowed
    kept, *others = ordered
    for copy in others:
        yield REJECTED, _reject(copy, DUPLICATE, f"same as {_where(kept)}", "duplicate")
    sources = tuple(sorted({source for copy in ordered for source in copy.sources}))
    tested = [copy for copy in ordered if copy.tests]
    stated = [copy.reference for copy in ordered if copy.reference is not None]
    answers = [copy.answer for copy in ordered if copy.answer is not None]
    trajectory = dataclasses.replace(
        kept,
        sources=sources,
        reference=stated[0] if stated else None,
        answer=answers[0] if answers else None,
        tests=tuple(dict.fromkeys(test for copy in tested for test in copy.tests)),
        test_setup=tested[0].test_setup if tested else kept.test_setup,
    )
    if options.holdout:
        left_out = fraction_of(trajectory.problem_id) < options.holdout
        if left_out != options.held_out:
            yield REJECTED, _reject(trajectory, HELD_OUT if left_out else NOT_HELD_OUT)
            return
    if not allowed:
        yield REJECTED, _reject(trajectory, LICENCE, _licences(sources))
        return
    if len({copy.test_setup for copy in tested}) > 1:
        yield REJECTED, _reject(trajectory, SETUP_CONFLICT)
        return
    references = {copy.reference for copy in ordered if copy.reference is not None}
    if len(references) > 1 and _references_conflict(ordered):
        yield REJECTED, _reject(trajectory, CONFLICT)
        return
    yield _verified(trajectory, sandbox)


def compare_known(
    copy: Trajectory,
    reference: str | None,
    tests: Collection[str],
    test_setup: str,
    options: AdmitOptions,
) -> Rejected | None:
    """Why a further ``copy`` of a trajectory that a store has, with this reference and these tests,
    is not taken as one; None if it is: what it says else is what the store has."""
    if _allowed(copy, options.licences) is None:
        return _reject(copy, LICENCE, _licences(copy.sources))
    if reference is not None and copy.reference is not None:
        first, second = sorted((reference, copy.reference))
        if first != second and verify(first, second, ANSWERS).outcome != "agree":
            return _reject(copy, CONFLICT)
    if copy.tests and copy.test_setup != test_setup and tests:
        return _reject(copy, SETUP_CONFLICT)
    if not set(copy.tests) <= set(tests):
        return _reject(copy, OTHER_TESTS)
    return None


def _allowed(copy: Trajectory, licences: Collection[str]) -> Trajectory | None:
    """``copy`` with those of its sources that may be read; None if there is none."""
    if not licences:
        return copy
    sources = tuple(s for s in copy.sources if is_allowed(s.licence, licences))
    return dataclasses.replace(copy, sources=sources) if sources else None


def _licences(sources: Iterable[Source]) -> str:
    return ", ".join(sorted({source.licence or "none stated" for source in sources}))


def _copy_order(copy: Trajectory) -> tuple[Any, ...]:
    """The least source first; two attempts of one row differ in what made them. Copies agree in
    what their id hashes, and the rest is in the key: none stay in the order of their coming."""
    return (
        min(copy.sources), copy.generator, copy.reference or "", copy.answer or "",
        copy.tests, copy.test_setup, copy.domain, copy.problem,
    )  # fmt: skip


def _references_conflict(copies: Iterable[Trajectory]) -> bool:
    first, *rest = sorted({copy.reference for copy in copies if copy.reference is not None})
    return any(verify(first, other, ANSWERS).outcome != "agree" for other in rest)


def _verified(trajectory: Trajectory, sandbox: Sandbox) -> Out:
    if trajectory.reference is None and not trajectory.tests:
        return REJECTED, _reject(trajectory, NO_REFERENCE)
    # Before its answer: that one may have been guessed from whatever number came last.
    if _goes_round(trajectory):
        return REJECTED, _reject(trajectory, LOOPS)
    if trajectory.cut_off:
        return REJECTED, _reject(trajectory, CUT_OFF)
    if trajectory.tests:
        program = find_program(trajectory.trace)
        if program is None:
            return REJECTED, _reject(trajectory, NO_PROGRAM)
        index = admission_test(trajectory.problem_id, trajectory.tests)
        verdict = check_tests(
            trajectory.trace[slice(*program)],
            [trajectory.tests[index]],
            trajectory.test_setup,
            sandbox,
        )
    elif trajectory.answer is None:
        return REJECTED, _reject(trajectory, NO_ANSWER)
    else:
        verdict = verify(trajectory.reference or "", trajectory.answer, ANSWERS)
    return _decided(trajectory, verdict)


def _goes_round(trajectory: Trajectory) -> bool:
    """Whether a trace loops. Where there is a program, tests decide what it is worth; and a trace
    that is nothing but a program may hold a table."""
    trace = trajectory.trace
    if not loops(trace, cut_off=trajectory.cut_off):
        return False
    program = find_program(trace)
    if program is None:
        return True
    return not trajectory.tests and trace[slice(*program)].strip() != trace.strip()


def _decided(trajectory: Trajectory, verdict: Verdict) -> Out:
    if verdict.outcome == "agree":
        admitted = dataclasses.replace(
            trajectory, outcome="verified", outcome_verifier=verdict.verifier
        )
        return "trajectories", admitted
    undecided = UNDECIDED_TESTS if trajectory.tests else UNKNOWN
    told = not trajectory.tests and is_essay(trajectory.reference or "")
    reason = WRONG if verdict.outcome == "differ" and not told else undecided
    detail = f"{verdict.verifier}: {verdict.reason}"
    return REJECTED, _reject(trajectory, reason, detail)


def _where(trajectory: Trajectory) -> str:
    least: Source = min(trajectory.sources)
    return f"{least.dataset} row {least.row}"


def _reject(
    trajectory: Trajectory, reason: str, detail: str = "", fate: Fate = "rejected"
) -> Rejected:
    where = _where(trajectory)
    record = {
        "problem_id": trajectory.problem_id,
        "answer": trajectory.answer,
        "reference": trajectory.reference,
        "generator": trajectory.generator,
        "sources": [dataclasses.asdict(source) for source in sorted(trajectory.sources)],
    }
    return Rejected(
        stage=STAGE,
        reason=reason,
        record_id=trajectory.id,
        detail=f"{where}: {reason}" + (f" ({detail})" if detail else ""),
        record=dump_json(record),
        fate=fate,
    )
