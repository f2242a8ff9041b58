"""review: what is in quarantine, and who decides on it: a person, or a stronger model as judge."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from tracemine.pipelines.lifecycle_options import ReviewOptions
from tracemine.pipelines.models import asked_model, asking_model, expect_model
from tracemine.pipelines.options import AskingOptions, now
from tracemine.pipelines.requested import open_sandbox
from tracemine.pipelines.verify import changing, installed_now
from tracemine.schemas import Event, Parameter, decode
from tracemine.schemas.arrow import event_row
from tracemine.store import Entry, RequestError, Store, publish
from tracemine.store.lifecycle.rewrite import Rewriting, fields_of, write_changes
from tracemine.store.lifecycle.rules import ACCEPTED, REGRESSION, REJECTED, Change, events_of
from tracemine.teachers import TeacherError
from tracemine.teachers.model.judging import judge
from tracemine.teachers.model.worker import ModelWorker
from tracemine.transforms.consolidate import FAILURES
from tracemine.transforms.ledger import assemble
from tracemine.transforms.restored import Stored, instance_of, restored_entries
from tracemine.transforms.reverify import bound_by
from tracemine.transforms.settling import (
    Entered,
    Moment,
    News,
    replays_before,
    replays_now,
    settle_entries,
    write_entries,
    write_replays,
)
from tracemine.verifiers import Sandbox
from tracemine.verifiers.bindings import BindingError, bind
from tracemine.verifiers.replay import Routine, run_routine


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of an entry, by whom, and why."""

    accepted: bool
    who: str
    why: str


def list_quarantined(store: str) -> dict[str, Any]:
    """The entries in quarantine with what led there, those that nobody has decided on first, then
    the oldest: what ``--json`` prints.

    Raises:
        StoreError: if there is no store, or it is damaged.
    """
    with Store.open(store) as opened:
        found = [_told(entry) for entry in _quarantined(opened)]
        pointers = opened.rows(
            "SELECT procedure_id, tool FROM tools WHERE status = 'quarantined' ORDER BY 1"
        )
        number = opened.snapshot.number
    found.sort(key=lambda one: (one["review"] is not None, one["since"], one["procedure_id"]))
    return {"snapshot": number, "quarantined": found, "tools": pointers}


def _quarantined(store: Store) -> list[Entry]:
    rows = store.rows("SELECT procedure_id FROM procedures WHERE status = 'quarantined'")
    found = [store.get(row["procedure_id"]) for row in rows]
    return [entry for entry in found if entry is not None]


def _told(entry: Entry) -> dict[str, Any]:
    procedure = entry.procedure
    led, review = _last_words(entry)
    told = json.loads(led.evidence)
    # What refuted an entry may have come with what refuted it.
    first = told.get("first", []) if led.rule == REGRESSION else []
    fell = {(f["variant"], f["instance"]) for f in first}
    return {
        "procedure_id": procedure.procedure_id,
        "subquestion": procedure.subquestion,
        "domain": procedure.domain,
        "since": led.at,
        "rule": led.rule,
        "evidence": told,
        "review": None if review is None else json.loads(review.evidence) | {"at": review.at},
        "success_rate": procedure.success_rate,
        "variants": [
            {
                "variant_id": v.variant_id, "code": v.code, "subroutine": v.subroutine,
                "passes": v.passes, "attempts": v.attempts,
            }
            for v in procedure.variants
        ],
        "failing": [
            {
                "variant_id": e.replay.variant_id,
                "instance_id": e.instance.id,
                "bindings": json.loads(e.instance.bindings),
                "binding_map": json.loads(e.replay.binding_map),
                "expected": json.loads(e.instance.result),
                "verdict": e.replay.verdict,
                "reason": e.replay.reason,
                "passed_before": (e.replay.variant_id, e.instance.id) in fell,
            }
            for e in entry.evidence
            if e.replay.verdict in FAILURES
        ],
    }  # fmt: skip


def _last_words(entry: Entry) -> tuple[Event, Event | None]:
    """The event that led into quarantine, and the review that left it there, if any."""
    own = [e for e in entry.events if e.procedure_id == entry.procedure.procedure_id]
    into = [
        place
        for place, e in enumerate(own)
        if e.to_status == "quarantined" and e.from_status != "quarantined"
    ]
    led, since = own[into[-1]], own[into[-1] + 1 :]
    stayed = [e for e in since if e.from_status == e.to_status == "quarantined"]
    return led, stayed[-1] if stayed else None


def run_review(options: ReviewOptions) -> dict[str, Any]:
    """Decide on entries in quarantine as ``options`` say, and publish that as a new snapshot; gives
    what ``--json`` prints. Nothing is published where nothing is decided.

    Raises:
        RequestError: if an id is of no entry in quarantine, or the judge cannot be asked.
        StoreError: if there is no store, or it is damaged.
    """
    as_of = options.as_of or now()
    with changing(options.store, as_of) as (draft, store):
        decisions, undecided = _decisions(options, store)
        told = {
            "accepted": sorted(i for i, one in decisions.items() if one.accepted),
            "rejected": sorted(i for i, one in decisions.items() if not one.accepted),
            "undecided": undecided,
        }
        if not decisions:
            draft.abandon()
            live = store.snapshot
            return {"snapshot": live.number, "as_of": live.manifest["as_of"], **told, "status": {}}
        moment = Moment(draft.policy, as_of, draft.number, installed_now(store))
        changes, status = Rewriting(), dict.fromkeys(told["rejected"], "quarantined")
        for identifier in told["rejected"]:
            events = _events(identifier, decisions[identifier], moment)
            changes.add("events", map(event_row, events))
        accepted = list(restored_entries(store, told["accepted"]))
        entered = _let_out(accepted, decisions, moment)
        status |= {one.procedure.procedure_id: one.procedure.status for one in entered}
        write_entries(changes, store, accepted, entered, cache(lambda: store.embedder))
        write_replays(changes, replays_before(accepted), replays_now(entered))
        carry = write_changes(draft, store.snapshot, changes)
        number = publish(
            draft,
            {
                **fields_of(store.snapshot),
                "as_of": as_of,
                "ledger": assemble([]),
                "change": {"command": "review", "by": options.by, **told},
            },
            carry=carry,
        )
    return {"snapshot": number, "as_of": as_of, **told, "status": dict(sorted(status.items()))}


def _decisions(options: ReviewOptions, store: Store) -> tuple[dict[str, Decision], list[str]]:
    """By entry what is decided, and those that were to be judged and are not decided."""
    if options.by is not None:
        return _judged(options, store)
    found: dict[str, Decision] = {}
    for ids, accepted in ((options.accept, True), (options.reject, False)):
        for identifier in ids:
            entry = store.get(identifier)
            if entry is None or entry.procedure.status != "quarantined" or entry.pointer:
                what = "no entry" if entry is None else f"{entry.procedure.status}, and no entry"
                raise RequestError(f"{identifier} is {what} in quarantine: review lists these")
            known = found.setdefault(
                entry.procedure.procedure_id, Decision(accepted, options.who, options.why)
            )
            if known.accepted != accepted:
                raise RequestError(f"{identifier} is both to be accepted and to be rejected")
    return found, []


def _events(identifier: str, decision: Decision, moment: Moment) -> tuple[Event, ...]:
    told = {"who": decision.who, "why": decision.why}
    change = (
        Change("verified", ACCEPTED, told)
        if decision.accepted
        else Change("quarantined", REJECTED, told)
    )
    return events_of(identifier, "quarantined", [change], moment.as_of, moment.snapshot)


def _let_out(
    accepted: Sequence[Stored], decisions: dict[str, Decision], moment: Moment
) -> list[Entered]:
    """What accepted entries are by the other rules; a review is a verification."""
    let_out = [replace(e, procedure=replace(e.procedure, status="verified")) for e in accepted]
    news = {v.variant_id: News(True) for e in accepted for v in e.procedure.variants}
    entered, _ = settle_entries(let_out, [e.evidence for e in accepted], news, moment)
    found = []
    for one in entered:
        settled = one.settled
        if settled.procedure_id in decisions:
            events = _events(settled.procedure_id, decisions[settled.procedure_id], moment)
            settled = replace(settled, events=(*events, *settled.events))
        found.append(replace(one, settled=settled))
    return found


# -- a judge -----------------------------------------------------------------------------------


def _judged(options: ReviewOptions, store: Store) -> tuple[dict[str, Decision], list[str]]:
    """What a model decides of each entry in quarantine that nobody has decided on: accepted if it
    says of each call that led there that it gives the answer, rejected if of one that it is
    not."""
    by = options.by or ""
    asked = asked_model(by, AskingOptions(), options.store, local=True)
    if asked is None:
        raise RequestError(f"--by takes openai:URL#MODEL or vllm:MODEL, not {by!r}")
    waiting = [e for e in _quarantined(store) if _last_words(e)[1] is None]
    if not waiting:
        return {}, []
    sandbox, _ = open_sandbox(require_isolation=options.require_isolation)
    expect_model(asked)
    decisions: dict[str, Decision] = {}
    undecided: list[str] = []
    with asking_model(asked) as model:
        if model is None:
            raise RequestError(f"--by {by} names no model")
        with ModelWorker(model) as worker:
            for entry in waiting:
                decision = _judge(entry, store, worker, sandbox, by)
                if decision is None:
                    undecided.append(entry.procedure.procedure_id)
                else:
                    decisions[entry.procedure.procedure_id] = decision
    return decisions, sorted(undecided)


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that fails: what it is to give, what it gives (if ``gave`` anything), and of which
    problem."""

    output: Parameter
    expected: Any
    given: Any
    gave: bool
    problem: str


def _judge(
    entry: Entry, store: Store, worker: ModelWorker, sandbox: Sandbox, by: str
) -> Decision | None:
    """None where the model does not say, or a call gives nothing that could be judged."""
    reasons = []
    calls = list(_calls(entry, store, sandbox))
    undecided = not calls
    question, asked = entry.procedure.subquestion, worker.options
    for call in calls:
        if not call.gave:
            undecided = True
            continue
        answering = judge(
            question,
            call.output,
            call.expected,
            call.given,
            worker.ask,
            asked.model,
            asked.settings,
            call.problem,
        )
        try:
            verdict = worker.loop.submit(answering).result()
        except TeacherError:
            undecided = True
            continue
        if verdict.outcome == "differ":
            return Decision(False, by, verdict.reason)
        undecided = undecided or verdict.outcome != "agree"
        reasons.append(verdict.reason)
    return None if undecided else Decision(True, by, "; ".join(dict.fromkeys(reasons)))


def _calls(entry: Entry, store: Store, sandbox: Sandbox) -> Iterator[_Call]:
    """The calls that led into quarantine, as the event names them."""
    led = json.loads(_last_words(entry)[0].evidence)
    (stored,) = restored_entries(store, [entry.procedure.procedure_id])
    by_variant = {evidence.variant_id: evidence for evidence in stored.evidence}
    for named in led.get("first", []):
        evidence = by_variant[named["variant"]]
        verdict = next(r for r in evidence.replays if r.instance_id == named["instance"])
        (row,) = store.rows(
            "SELECT i.*, t.problem FROM instances AS i JOIN trajectories AS t "
            "USING (trajectory_id) WHERE instance_id = ?",
            [verdict.instance_id],
        )
        instance, span = instance_of(row), evidence.founder.span
        routine = Routine(
            evidence.variant_id, span.code or "", span.entry_point or "", evidence.signature,
            span.predicates, span.verifier,
        )  # fmt: skip
        values = decode(bound_by(instance, json.loads(verdict.binding_map)).bindings)
        given, gave = None, False
        with contextlib.suppress(BindingError):
            bound = bind(evidence.signature.inputs, values)
            (run,) = run_routine(routine, [bound], sandbox, backend="cpython")
            given, gave = run.value, run.status == "ok"
        yield _Call(evidence.signature.output, decode(instance.result), given, gave, row["problem"])


__all__ = ["Decision", "list_quarantined", "run_review"]
