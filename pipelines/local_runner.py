"""Beam's own Python runner, with two things changed for corpora that do not fit in memory.

What lies between two stages is on disk (`spill`). And the work of a stage goes to the workers in
bundles of bounded size, each to the next worker that is free, where Beam gives every worker one
bundle that holds its whole share: memory is bounded by the bundles, and no worker waits for another
that had the harder share. Two kinds of stage are cut in another way: one that reads, a file at a
time, and one that waits for a model, which has its share at once.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from apache_beam.metrics import monitoring_infos
from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.portability.fn_api_runner import execution, fn_runner
from apache_beam.utils import thread_pool_executor

from tracemine.pipelines.spill import SpilledGroups, SpilledList, forget_lost, raise_lost
from tracemine.transforms.flow import WAITING
from tracemine.transforms.read import READING

#: Bytes of a bundle, encoded: at most, but for an element that alone is larger; and at least, where
#: there is that much.
MOST_BYTES, LEAST_BYTES = 16 << 20, 1 << 16
#: Bundles of a stage for each worker, if they may be so small: who is done early gets another.
BUNDLES = 8

_SPILLING = threading.Lock()


class LocalRunner(fn_runner.FnApiRunner):
    """Runs a pipeline on this machine; see above."""

    def run_stages(self, stage_context: Any, stages: Any) -> Any:
        """See `FnApiRunner.run_stages`."""
        with _spilling():
            return super().run_stages(stage_context, stages)

    def _get_bundle_manager(self, bundle_context_manager: Any) -> Any:
        usual = super()._get_bundle_manager(bundle_context_manager)
        stage = bundle_context_manager.stage
        if stage.is_stateful() or stage.timers:
            return usual
        return _Bundles(usual, bundle_context_manager)


@contextlib.contextmanager
def _spilling() -> Iterator[None]:
    """Beam makes its buffers by these names."""
    with _SPILLING:
        forget_lost()
        usual = execution.ListBuffer, execution.GroupingBuffer
        execution.ListBuffer, execution.GroupingBuffer = SpilledList, SpilledGroups
        try:
            yield
        finally:
            execution.ListBuffer, execution.GroupingBuffer = usual


class _Bundles:
    """Runs one stage as many bundles; stands where Beam has a ``BundleManager``."""

    def __init__(self, usual: Any, context: Any) -> None:
        self.usual = usual
        self.context = context

    def process_bundle(
        self,
        inputs: Mapping[str, Any],
        expected_outputs: Any,
        fired_timers: Any,
        expected_output_timers: Any,
        dry_run: bool = False,
    ) -> Any:
        """See `fn_runner.BundleManager.process_bundle`."""
        bundles = _cut(inputs, self._bundle_bytes(inputs))
        lock, failed = threading.Lock(), threading.Event()

        def work(handler: Any) -> list[Any]:
            # Beam deals bundles out in turn; here each worker has a context that knows it alone.
            alone = copy.copy(self.context)
            alone._worker_handlers = [handler]
            found = []
            while not failed.is_set():
                with lock:
                    bundle = next(bundles, None)
                if bundle is None:
                    break
                manager = fn_runner.BundleManager(
                    alone,
                    self.usual._progress_frequency,
                    cache_token_generator=self.usual._cache_token_generator,
                )
                try:
                    found.append(
                        manager.process_bundle(
                            bundle, expected_outputs, {}, expected_output_timers, dry_run
                        )
                    )
                    # Not before: a worker whose output nobody takes does not end.
                    raise_lost()
                except BaseException:
                    failed.set()
                    raise
            return found

        handlers = self.context.worker_handlers
        if len(handlers) == 1:
            return _merged(work(handlers[0]))
        # Threads that nobody waits for: that of a worker which was killed may never end.
        threads = thread_pool_executor.shared_unbounded_instance()
        try:
            return _merged(list(itertools.chain(*threads.map(work, handlers))))
        finally:
            failed.set()

    def _bundle_bytes(self, inputs: Mapping[str, Any]) -> int:
        workers = len(self.context.worker_handlers)
        total: int = sum(buffer.size for buffer in inputs.values())
        transforms = self.context.process_bundle_descriptor.transforms.values()
        names = [transform.unique_name for transform in transforms]
        if any(READING in name for name in names):
            # A file's name is short, its rows are many: each is a bundle.
            return 1
        if any(WAITING in name for name in names):
            # It has many elements under way, and at the end of a bundle fewer and fewer.
            return max(-(-total // workers), 1)
        return min(max(total // (workers * BUNDLES), LEAST_BYTES), MOST_BYTES)


def _cut(inputs: Mapping[str, Any], most: int) -> Iterator[dict[str, list[bytes]]]:
    """Bundles, at least one: of one of the inputs each, since no stage looks at two together."""
    none: dict[str, list[bytes]] = {name: [] for name in inputs}
    empty = True
    for name, buffer in inputs.items():
        for chunk in buffer.chunks(most):
            yield none | {name: [chunk]}
            empty = False
    if empty:
        yield none


def _merged(results: list[Any]) -> Any:
    """What the bundles of a stage tell, as if it had been one."""
    # None of our stages does; of one that did, what it put off would be lost in silence here.
    if any(result.process_bundle.residual_roots for result, _ in results):
        raise NotImplementedError("a stage that puts off a part of its work")
    first, *others = results
    if not others:
        return first
    told = [result.process_bundle.monitoring_infos for result, _ in results]
    return (
        beam_fn_api_pb2.InstructionResponse(
            process_bundle=beam_fn_api_pb2.ProcessBundleResponse(
                monitoring_infos=monitoring_infos.consolidate(itertools.chain(*told))
            )
        ),
        [split for _, splits in results for split in splits],
    )


__all__ = ["LocalRunner"]
