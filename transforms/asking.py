"""Stages that ask a model: a `Flow` over the worker of this process, and what it spent, told to
Beam.

What was spent is told in Beam's counters, not in the data: it is of no record, and a run that is
done again spends it again. A counter's name says what it counts, as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam

from tracemine.schemas.values import dump_json
from tracemine.teachers.model.tally import FAILURES, Tally
from tracemine.teachers.model.worker import ModelOptions, ModelWorker, shared_worker
from tracemine.transforms.flow import run_flow
from tracemine.transforms.stage import Out

#: Begins the name of a counter of usage.
USAGE = "usage "
#: Counters are whole numbers: seconds are told in millionths.
_SECOND = 1_000_000


def ask_models(
    name: str,
    function: Callable[[Any, ModelWorker], Coroutine[Any, Any, Iterable[Out]]],
    *,
    main: str,
    tags: Iterable[str],
    options: ModelOptions,
) -> beam.ParDo:
    """Runs ``function(element, worker)`` as the stage ``name``; many elements wait at once."""
    return run_flow(
        name,
        function,
        main=main,
        tags=tags,
        setup=lambda: shared_worker(options),
        loop=lambda worker: worker.loop,
        # More than the requests that may be sent at once: some are found in the cache, and one
        # trajectory has the next one's requests waiting when its last is answered.
        most=lambda worker: 4 * worker.options.settings.concurrency,
        told=_told,
    )


def _told(worker: ModelWorker) -> Iterator[tuple[str, int]]:
    for purpose, models in worker.tally.taken().to_json().items():
        for model, row in models.items():
            for name, amount in row.items():
                if name == FAILURES:
                    for reason, failed in amount.items():
                        yield USAGE + dump_json([purpose, model, name, reason]), failed
                elif amount:
                    whole = round(amount * _SECOND) if name == "seconds" else amount
                    yield USAGE + dump_json([purpose, model, name]), whole


def usage_of(counters: Mapping[str, int]) -> Tally:
    """What was spent, by the values of Beam's counters by name."""
    tally = Tally()
    for counter, amount in counters.items():
        if counter.startswith(USAGE):
            purpose, model, name, *reason = json.loads(counter.removeprefix(USAGE))
            told: Any = {reason[0]: amount} if reason else amount
            if name == "seconds":
                told = amount / _SECOND
            tally.merge(Tally.from_json({purpose: {model: {name: told}}}))
    return tally


__all__ = ["USAGE", "ask_models", "usage_of"]
