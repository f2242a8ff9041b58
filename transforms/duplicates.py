"""Stage 8, first step: exact duplicates, one routine in the same words on one problem with the same
values, leave before anything is clustered. The least span id stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np

from tracemine.schemas import Span, canonical_code, canonical_words, content_id
from tracemine.store.cells import on_grid
from tracemine.transforms.partition import BOUNDS
from tracemine.transforms.segment import Proposal
from tracemine.transforms.shape import wording_of
from tracemine.transforms.stage import Out, run_stage

DUPLICATE = "same routine on the same problem"

STAGE = "cluster"
GONE = "gone"


class Head(NamedTuple):
    """What of a proposal decides which group it is in: its span's id, where its trajectory stood,
    its compatibility class, and the vector of its shape on the grid (int16 bytes)."""

    span_id: str
    dataset: str
    row: str
    compatible: str
    vector: bytes


_CROWDED = "crowded"
#: Span id, data set and row of the least head of an identity.
_Least = tuple[str, str, str]
#: How many there are of an identity, and the least of them.
_Met = tuple[int, _Least]
#: Heads of one identity, and the least of all that it has.
_Alike = tuple[list[Head], _Least]


def head_of(proposal: Proposal, compatible: str) -> Head:
    """The `Head` of a proposal of the class ``compatible``."""
    grid = on_grid(np.frombuffer(proposal.shape_vector, dtype=np.float32))
    source = proposal.source
    return Head(proposal.span.id, source.dataset, str(source.row), compatible, grid.tobytes())


class DropDuplicates(beam.PTransform):
    """``(identity, Head)`` -> Head of the least of each identity. Outputs: ``heads``; ``gone``, of
    the others ``(span id, what was kept)``. Gathers the heads of an identity, but where there are
    more than ``limit``: these learn which of them stays."""

    def __init__(self, limit: int = BOUNDS.rows) -> None:
        super().__init__()
        self.limit = limit

    def expand(self, heads: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        limit = self.limit
        crowded = (
            heads
            | "One of it" >> beam.MapTuple(lambda key, head: (key, (1, head[:3])))
            | "Count identities" >> beam.CombinePerKey(unite_met)
            | "Crowded" >> beam.Filter(lambda found: found[1][0] > limit)
        )
        routed = heads | "Apart" >> beam.ParDo(_Apart(), beam.pvalue.AsDict(crowded)).with_outputs(
            _CROWDED, main="others"
        )
        return (
            (
                routed.others
                | "Gather identities" >> beam.GroupByKey()
                | "Least" >> beam.MapTuple(lambda _, found: _with_least(found)),
                routed[_CROWDED],
            )
            | "All identities" >> beam.Flatten()
            | "Drop duplicates" >> run_stage(STAGE, _drop, main="heads", tags=[GONE])
        )


def identity(span: Span) -> str:
    """The same for spans that are exact duplicates."""
    names = [parameter.name for parameter in span.signature.inputs]
    cases = sorted((i.bindings, i.result, i.checked, i.origin) for i in span.instances)
    wording = wording_of(span.subquestion)
    if not span.code:
        words = canonical_words(span.subroutine)
        return content_id("in words", span.problem_id, wording, names, words, cases)
    code = canonical_code(span.code, span.entry_point or "")
    return content_id(span.problem_id, wording, names, code, cases)


def unite_met(found: Iterable[_Met]) -> _Met:
    """How many of an identity several parts of it have together, and the least of them."""
    counts, least = zip(*found, strict=True)
    return sum(counts), min(least)


class _Apart(beam.DoFn):
    """``(identity, head)`` as it is, or alone where the identity is crowded."""

    def process(self, keyed: tuple[str, Head], crowded: Mapping[str, _Met]) -> Iterator[Any]:
        if keyed[0] in crowded:
            yield beam.pvalue.TaggedOutput(_CROWDED, ([keyed[1]], crowded[keyed[0]][1]))
        else:
            yield keyed


def _with_least(found: Iterable[Head]) -> _Alike:
    ordered = sorted(found)
    return ordered, ordered[0][:3]


def _drop(alike: _Alike) -> Iterator[Out]:
    heads, kept = alike
    stays = next((head for head in heads if head[:3] == kept), None)
    for head in heads:
        if head is stays:
            yield "heads", head
        else:
            yield GONE, (head.span_id, "kept {} of {} row {}".format(*kept))


__all__ = ["DUPLICATE", "GONE", "STAGE", "DropDuplicates", "Head", "head_of", "identity"]
