"""A stage that waits: many elements are under way at once, and each goes on when it is done.

Beam hands a bundle of elements to a stage one by one. A stage that asks a model starts each as it
comes and yields whatever is finished by then; only what is left at the end of a bundle is waited
for. There is no batch that its slowest member holds up.
"""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, Protocol

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from tracemine.transforms import live
from tracemine.transforms.stage import (
    NAMESPACE,
    Out,
    count_output,
    count_seconds,
    keep_parser_quiet,
)

#: In the name of each stage that waits: a runner that cuts work into bundles leaves its bundles
#: large.
WAITING = "Ask a model"
#: What is under way for one element.
Future = concurrent.futures.Future


class Waiting(Protocol):
    """What runs coroutines beside the thread that Beam calls from (`teachers.model.flow`)."""

    def submit(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Start ``coroutine``; its result comes to the future."""


class Flow(beam.DoFn):
    """Runs the coroutine function ``function(element, made)`` over elements as the stage ``name``;
    it gives a list of ``(output, record)``. ``setup`` makes ``made`` once per worker; coroutines
    run in ``loop(made)``; ``most(made)`` elements may be under way. ``told(made)`` is called after
    elements and gives what to add to which of Beam's counters.

    Elements leave in the order in which they are done, in the global window.
    """

    def __init__(
        self,
        name: str,
        function: Callable[[Any, Any], Coroutine[Any, Any, Iterable[Out]]],
        *,
        main: str,
        setup: Callable[[], Any],
        loop: Callable[[Any], Waiting],
        most: Callable[[Any], int],
        told: Callable[[Any], Iterable[tuple[str, int]]],
    ) -> None:
        self.name = name
        self.function = function
        self.main = main
        self.make = setup
        self.loop = loop
        self.most = most
        self.told = told
        self.made: Any = None
        self.under_way: set[Future[Iterable[Out]]] = set()

    def setup(self) -> None:
        """Make what the function needs; Beam calls this once per worker."""
        keep_parser_quiet()
        self.made = self.make()

    def start_bundle(self) -> None:
        """Nothing is under way; what a bundle that failed had begun goes on for nobody."""
        self._give_up()

    def process(self, element: Any) -> Iterator[Any]:
        """Start one element, and yield what is done; Beam calls this."""
        started = time.perf_counter()
        self.under_way.add(self.loop(self.made).submit(self.function(element, self.made)))
        full = len(self.under_way) >= self.most(self.made)
        done = self._done(wait=full)
        count_seconds(self.name, time.perf_counter() - started)
        for output, record in done:
            yield record if output == self.main else beam.pvalue.TaggedOutput(output, record)

    def finish_bundle(self) -> Iterator[Any]:
        """Yield what is left, as it is done; Beam calls this."""
        while self.under_way:
            started = time.perf_counter()
            done = self._done(wait=True)
            count_seconds(self.name, time.perf_counter() - started)
            for output, record in done:
                value = WindowedValue(record, GlobalWindow().max_timestamp(), (GlobalWindow(),))
                yield value if output == self.main else beam.pvalue.TaggedOutput(output, value)
        live.tell(at_once=True)

    def teardown(self) -> None:
        """Leave nothing under way; Beam calls this, but not for a worker that is killed."""
        self._give_up()

    def _give_up(self) -> None:
        for future in self.under_way:
            future.cancel()
        self.under_way = set()

    def _done(self, *, wait: bool) -> list[Out]:
        finished, self.under_way = concurrent.futures.wait(
            self.under_way,
            timeout=None if wait else 0,
            return_when=concurrent.futures.FIRST_COMPLETED,
        )
        found = []
        for future in finished:
            for output, record in future.result():
                count_output(self.name, output)
                found.append((output, record))
        for counter, amount in self.told(self.made):
            Metrics.counter(NAMESPACE, counter).inc(amount)
        live.tell()
        return found


def run_flow(
    name: str,
    function: Callable[[Any, Any], Coroutine[Any, Any, Iterable[Out]]],
    *,
    main: str,
    tags: Iterable[str],
    setup: Callable[[], Any],
    loop: Callable[[Any], Waiting],
    most: Callable[[Any], int],
    told: Callable[[Any], Iterable[tuple[str, int]]],
) -> beam.ParDo:
    """As `stage.run_stage`, of a function that waits."""
    flow = Flow(name, function, main=main, setup=setup, loop=loop, most=most, told=told)
    return beam.ParDo(flow).with_outputs(*tags, main=main)


__all__ = ["WAITING", "Flow", "Waiting", "run_flow"]
