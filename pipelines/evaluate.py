"""evaluate: what is a store worth, asked with problems that it has never seen.

A question is one step of a held-out problem, with its values and its checked result; a retrieved
routine is right if it gives that result on those values (`evaluation.questions`, `.passes`). Each
arm is one way to retrieve, on the same questions in the same run (`evaluation.compare`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from tracemine.pipelines.evaluation.compare import (
    Bench,
    compare,
    nothing_asked,
    retrieval,
    searching,
)
from tracemine.pipelines.evaluation.compare import growth as grow
from tracemine.pipelines.evaluation.gate import gate
from tracemine.pipelines.evaluation.held_out import collect
from tracemine.pipelines.evaluation.selection import Asked, select
from tracemine.pipelines.options import EvaluateOptions
from tracemine.pipelines.progress import Progress
from tracemine.pipelines.requested import fingerprint_of, open_sandbox
from tracemine.pipelines.runner import pipeline_options
from tracemine.pipelines.workers import supervised, workers_for
from tracemine.store import Embedder, Store
from tracemine.transforms.admit import AdmitOptions
from tracemine.transforms.read import resolve_inputs
from tracemine.verifiers import Sandbox

_LOGGER = logging.getLogger(__name__)


def run_evaluate(options: EvaluateOptions) -> dict[str, Any]:
    """Evaluate the store at ``options.store``; gives the object that ``--json`` prints.

    Raises:
        RequestError: if isolation is required and not to be had, before anything is read; or if
            the store, its embedder, an input or the teacher cannot be used.
    """
    sandbox, _ = open_sandbox(require_isolation=options.require_isolation)
    store = Store.open(options.store)
    files = resolve_inputs(options.heldout, format=options.format, columns=options.columns)
    beam_options = pipeline_options(
        options.beam_args, workers=options.workers, otherwise=workers_for(files)
    )
    fingerprint = fingerprint_of(options.teacher)
    # Loaded before the traces are read, which takes long: one that is not to be had ends the run.
    name = store.snapshot.manifest["embedder"].get("name")
    store.use_embedder(Embedder.load(name, trust_remote_code=options.trust_remote_code))
    with Progress(enabled=True), supervised():
        held_out = collect(
            files,
            teacher=options.teacher,
            admit=AdmitOptions(
                holdout=options.holdout,
                held_out=True,
                require_isolation=options.require_isolation,
            ),
            beam_options=beam_options,
        )
    stored = {
        row["problem_id"]: row["problem"]
        for row in store.rows("SELECT DISTINCT problem_id, problem FROM trajectories")
    }
    chosen = select(held_out.questions, stored, split=options.split, limit=options.questions)
    manifest = store.snapshot.manifest
    if options.holdout not in (0, manifest.get("holdout")):
        _LOGGER.warning(
            "the store left out %s of the problems, --holdout is %s: what it holds is dropped",
            manifest.get("holdout"),
            options.holdout,
        )
    return {
        "store": options.store,
        "snapshot": store.snapshot.number,
        "mined": {name: manifest.get(name) for name in ("holdout", "teacher", "embedder")},
        "split": options.split,
        "holdout": options.holdout,
        "teacher": fingerprint,
        "trajectories": held_out.trajectories,
        "spans": len(held_out.questions) + sum(held_out.unasked.values()),
        "unasked": held_out.unasked,
        "found": len(held_out.questions),
        "dropped": dict(chosen.dropped),
        **measure(store, chosen, sandbox, growth=options.growth),
    }


def measure(store: Store, chosen: Asked, sandbox: Sandbox, *, growth: bool) -> dict[str, Any]:
    """All that is measured of ``store`` with the questions that were chosen; where there are none,
    the same with n 0."""
    bench = Bench.of(store, chosen.questions, sandbox)
    found: dict[str, Any] = {
        "questions": len(chosen.questions),
        "problems": len({question.problem_id for question in chosen.questions}),
        "entries": len(bench.shelf.entries),
        # The arms would read every trace of the store, and find nothing.
        **(compare(bench) if chosen.questions else nothing_asked()),
    }
    parts: dict[str, Callable[[], Any]] = {
        "retrieval": lambda: retrieval(bench),
        "search": lambda: searching(bench),
        "gate": lambda: gate(bench.shelf, bench.ungated, bench.asking, bench.runs, sandbox),
        **({"growth": lambda: grow(bench)} if growth else {}),
    }
    for name, part in parts.items():
        started = time.perf_counter()
        found[name] = part()
        if chosen.questions:
            _LOGGER.info("%s: %.0f s", name, time.perf_counter() - started)
    return found


__all__ = ["measure", "run_evaluate"]
