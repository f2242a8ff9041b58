"""A sample of a pointer's hand-offs, one a problem, by hash: its quotes, and what it is run on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import apache_beam as beam

from tracemine.schemas import Instance, Provenance, Span, content_id, decode, encode
from tracemine.transforms.tool_calls import Call
from tracemine.transforms.tool_facts import Pointed

#: Problems in a pointer's sample: its provenance, and the instances that its call is run on.
SAMPLE = 16
#: Instances of one problem that are run: its own, and tests.
CASES = 3
#: Characters of a quote; the rest of a longer one is cut off, and it stays a literal quote.
MAX_QUOTE = 400
#: Characters of an instance that is run. Larger ones are sampled last, and not kept.
MAX_INSTANCE = 4000


@dataclass(frozen=True, slots=True)
class Ground:
    """A hand-off in a pointer's sample. ``rank`` orders samples: what can be run first, then by
    hash. ``instances`` are its own that can be run, as they were found."""

    rank: tuple[bool, str, str]
    problem_id: str
    shingles: bytes
    span_id: str
    call: Call
    provenance: Provenance
    instances: tuple[Instance, ...]


def ground_of(pointed: Pointed) -> Ground:
    """A hand-off with what a pointer's sample keeps of it. Instances whose values do not serve the
    slots, are too large or decide nothing are left out."""
    call, proposal = pointed.call, pointed.proposal
    assert call is not None
    span, source = proposal.span, proposal.source
    instances: list[Instance] = []
    for instance in _in_order(span):
        if len(instances) < CASES and _can_be_run(instance, call):
            instances.append(instance)
    quote = span.quote[:MAX_QUOTE]
    provenance = Provenance(
        trajectory_id=span.trajectory_id,
        source=source.dataset,
        licence=source.licence,
        start=span.start,
        end=span.start + len(quote),
        quote=quote,
        span_id=span.id,
        variant_id=call.id,
    )
    rank = (not instances, content_id("ground", span.problem_id), span.id)
    return Ground(
        rank, span.problem_id, proposal.shingles, span.id, call, provenance, tuple(instances)
    )


def _in_order(span: Span) -> list[Instance]:
    checked = [i for i in span.instances if i.checked]
    return sorted(checked, key=lambda i: (i.origin != "trace", i.id))


def _can_be_run(instance: Instance, call: Call) -> bool:
    if len(instance.bindings) + len(instance.result) > MAX_INSTANCE:
        return False
    try:
        bindings = encode(call.arguments(decode(instance.bindings)))
    except (KeyError, TypeError, ValueError):
        return False
    return len(bindings) <= MAX_INSTANCE  # with its constants


class Sample(beam.CombineFn):
    """Ground -> the `SAMPLE` first by rank, one of each problem."""

    def create_accumulator(self) -> dict[str, Ground]:
        return {}

    def add_input(self, kept: dict[str, Ground], ground: Ground) -> dict[str, Ground]:
        known = kept.get(ground.problem_id)
        if known is None or ground.rank < known.rank:
            kept[ground.problem_id] = ground
        if len(kept) > 2 * SAMPLE:
            kept = _sampled(kept.values())
        return kept

    def merge_accumulators(self, parts: Iterable[dict[str, Ground]]) -> dict[str, Ground]:
        merged: dict[str, Ground] = {}
        for part in parts:
            for ground in part.values():
                merged = self.add_input(merged, ground)
        return merged

    def extract_output(self, kept: dict[str, Ground]) -> tuple[Ground, ...]:
        return tuple(_sampled(kept.values()).values())


def _sampled(grounds: Iterable[Ground]) -> dict[str, Ground]:
    first = sorted(grounds, key=lambda ground: ground.rank)[:SAMPLE]
    return {ground.problem_id: ground for ground in first}


__all__ = ["MAX_QUOTE", "SAMPLE", "Ground", "Sample", "ground_of"]
