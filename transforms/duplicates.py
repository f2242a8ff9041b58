"""Stage 8, first step: exact duplicates, one routine in the same words on one problem with the same
values, leave before anything is clustered. The least span id stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np

from tracemine.schemas import Span, canonical_code, content_id
from tracemine.store.cells import on_grid
from tracemine.transforms.segment import Proposal
from tracemine.transforms.shape import wording_of

DUPLICATE = "same routine on the same problem"

_GONE = "gone"


class Head(NamedTuple):
    """What of a proposal decides which group it is in: its span's id, where its trajectory stood,
    its compatibility class, and the vector of its shape on the grid (int16 bytes)."""

    span_id: str
    dataset: str
    row: str
    compatible: str
    vector: bytes


def head_of(proposal: Proposal, compatible: str) -> Head:
    """The `Head` of a proposal of the class ``compatible``."""
    grid = on_grid(np.frombuffer(proposal.shape_vector, dtype=np.float32))
    source = proposal.source
    return Head(proposal.span.id, source.dataset, str(source.row), compatible, grid.tobytes())


class DropDuplicates(beam.PTransform):
    """``(identity, Head)`` -> Head of the least of each identity. Outputs: ``heads``; ``gone``, of
    the others ``(span id, what was kept)``. What an identity gathers is gone through twice, and
    held nowhere."""

    def expand(self, heads: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        return (
            heads
            | "Gather identities" >> beam.GroupByKey()
            | "Drop duplicates" >> beam.FlatMapTuple(_drop).with_outputs(_GONE, main="heads")
        )


def identity(span: Span) -> str:
    """The same for spans that are exact duplicates."""
    code = canonical_code(span.code or "", span.entry_point or "")
    names = [parameter.name for parameter in span.signature.inputs]
    cases = [(i.bindings, i.result, i.checked, i.origin) for i in span.instances]
    return content_id(span.problem_id, wording_of(span.subquestion), names, code, sorted(cases))


def _drop(_: str, heads: Iterable[Head]) -> Iterator[Any]:
    kept = min((head.span_id, head.dataset, head.row) for head in heads)
    detail = "kept {} of {} row {}".format(*kept)
    stays = True
    for head in heads:
        if stays and head.span_id == kept[0]:
            stays = False
            yield head
        else:
            yield beam.pvalue.TaggedOutput(_GONE, (head.span_id, detail))


__all__ = ["DUPLICATE", "DropDuplicates", "Head", "head_of", "identity"]
