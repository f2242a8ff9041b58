"""A stage sends records where they belong and measures its own time alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.metrics import MetricsFilter
from apache_beam.runners.portability.fn_api_runner import fn_runner
from apache_beam.testing.util import assert_that, equal_to

from tracemine.transforms import stage
from tracemine.transforms.live import live_counts
from tracemine.transforms.stage import NAMESPACE, run_stage


def split(number: int) -> Iterator[tuple[str, Any]]:
    if number % 2:
        yield "odd", number
    else:
        yield "even", number
        yield "even", -number


class Clock:
    """Stands still until a stage's function moves it."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


def slowly(number: int) -> Iterator[tuple[str, Any]]:
    stage.time.now += 0.25  # type: ignore[attr-defined]
    yield "done", number


def test_outputs_counts_and_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "time", Clock())
    live_counts.clear()
    pipeline = beam.Pipeline(runner=fn_runner.FnApiRunner())
    outputs = (
        pipeline
        | beam.Create([1, 2, 3], reshuffle=False)
        | "Split" >> run_stage("split", split, main="even", tags=["odd"])
    )
    slow = outputs.even | "Slow" >> run_stage("slow", slowly, main="done")
    assert_that(outputs.odd, equal_to([1, 3]), label="odd")
    assert_that(slow.done, equal_to([2, -2]), label="slow")
    result = pipeline.run()
    result.wait_until_finish()
    assert live_counts["split", "odd"] == 2
    query = MetricsFilter().with_namespace(NAMESPACE)
    counters = {c.key.metric.name: c.result for c in result.metrics().query(query)["counters"]}
    assert counters["split/even"] == 2
    assert (counters["slow/microseconds"], counters["split/microseconds"]) == (500_000, 0)


def test_a_stage_makes_what_it_needs_once_a_worker() -> None:
    pipeline = beam.Pipeline(runner=fn_runner.FnApiRunner())
    outputs = (
        pipeline
        | beam.Create([1, 2, 3], reshuffle=False)
        | run_stage("use", lambda n, made: [("out", (n, made))], main="out", setup=lambda: "model")
    )
    assert_that(outputs.out, equal_to([(n, "model") for n in (1, 2, 3)]))
    pipeline.run().wait_until_finish()


def test_a_fault_is_not_swallowed() -> None:
    pipeline = beam.Pipeline(runner=fn_runner.FnApiRunner())
    _ = pipeline | beam.Create([1]) | run_stage("fails", lambda n: [1 // (n - 1)], main="x")
    with pytest.raises(Exception, match="division"):
        pipeline.run()
