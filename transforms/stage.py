"""What every stage shares: reasons, counts and seconds.

A stage's function takes one element and yields `Out` values: a record for one of the stage's named
outputs. `Stage` runs it, counts what went to which output, and measures the time.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics

from tracemine.transforms import live

#: Namespace of our Beam counters.
NAMESPACE = "tracemine"
#: The names of a stage's outputs that are not its main one.
REJECTED = "rejected"
HANDOFF = "handoff"
NOTES = "notes"

#: A named output and the record that goes there.
Out = tuple[str, Any]


def keep_parser_quiet() -> None:
    """Traces and answers are parsed to see whether they are code; what the parser thinks of their
    style belongs in nobody's log."""
    # `ast.parse` calls its source by this name.
    warnings.filterwarnings("ignore", category=SyntaxWarning, module="<unknown>")


def count_output(stage: str, output: str) -> None:
    """One more record for an output of a stage, in Beam's counters and for whoever watches."""
    Metrics.counter(NAMESPACE, f"{stage}/{output}").inc()
    live.count(stage, output)


def count_seconds(stage: str, seconds: float) -> None:
    """So much more work in a stage."""
    Metrics.counter(NAMESPACE, f"{stage}/microseconds").inc(int(seconds * 1e6))


class Stage(beam.DoFn):
    """Runs ``function`` over elements as the stage ``name``.

    ``function(element)`` yields ``(output, record)``; ``main`` is the output that has no tag.
    ``setup`` makes what the function needs once per worker (a model, a sandbox): it is called
    without arguments in the worker, and its result is passed as the second argument.
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., Iterable[Out]],
        *,
        main: str,
        setup: Callable[[], Any] | None = None,
    ) -> None:
        self.name = name
        self.function = function
        self.main = main
        self.make = setup
        self.arguments: tuple[Any, ...] = ()

    def setup(self) -> None:
        """Make what the function needs; Beam calls this once per worker."""
        keep_parser_quiet()
        self.arguments = (self.make(),) if self.make else ()

    def process(self, element: Any) -> Iterator[Any]:
        """Run the function on one element; Beam calls this."""
        elapsed, resumed = 0.0, time.perf_counter()
        for output, record in self.function(element, *self.arguments):
            # What a yield hands on runs before it returns, and is the next stage's time.
            elapsed += time.perf_counter() - resumed
            count_output(self.name, output)
            if output == self.main:
                yield record
            else:
                yield beam.pvalue.TaggedOutput(output, record)
            resumed = time.perf_counter()
        elapsed += time.perf_counter() - resumed
        count_seconds(self.name, elapsed)
        live.tell()

    def finish_bundle(self) -> None:
        """Show what the whole bundle gave; Beam calls this."""
        live.tell(at_once=True)


def run_stage(
    name: str,
    function: Callable[..., Iterable[Out]],
    *,
    main: str,
    tags: Iterable[str] = (),
    setup: Callable[[], Any] | None = None,
) -> beam.ParDo:
    """``pcollection | name >> run_stage(...)`` gives an object with the outputs as attributes."""
    stage = Stage(name, function, main=main, setup=setup)
    return beam.ParDo(stage).with_outputs(*tags, main=main)
