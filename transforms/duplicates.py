"""Stage 8, first step: exact duplicates, one routine in the same words on one problem with the same
values, leave before anything is clustered. The least span id stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam

from tracemine.schemas import Span, canonical_code, content_id
from tracemine.transforms.partition import BOUNDS
from tracemine.transforms.segment import Proposal, reject_span
from tracemine.transforms.shape import wording_of
from tracemine.transforms.stage import REJECTED, Out, run_stage

STAGE = "cluster"
DUPLICATE = "same routine on the same problem"

#: How many there are of an identity, and of the least of them its span id, data set and row.
Met = tuple[int, tuple[str, str, str]]


class DropDuplicates(beam.PTransform):
    """Proposal -> Proposal. Outputs: ``proposals``, ``rejected``. Gathers the proposals of an
    identity, but where there are more than ``limit``: these learn which of them stays."""

    def __init__(self, limit: int = BOUNDS.rows) -> None:
        super().__init__()
        self.limit = limit

    def expand(self, proposals: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        limit = self.limit
        keyed = proposals | "Key by identity" >> beam.Map(lambda p: (identity(p.span), p))
        crowded = (
            keyed
            | "One of it" >> beam.MapTuple(lambda key, p: (key, _met(p)))
            | "Count identities" >> beam.CombinePerKey(unite_met)
            | "Crowded" >> beam.Filter(lambda found: found[1][0] > limit)
        )
        routed = keyed | "Apart" >> beam.ParDo(_Apart(), beam.pvalue.AsDict(crowded)).with_outputs(
            _CROWDED, main="others"
        )
        return (
            (
                routed.others
                | "Gather identities" >> beam.GroupByKey()
                | "In order" >> beam.MapTuple(lambda _, found: _in_order(found)),
                routed[_CROWDED],
            )
            | "All identities" >> beam.Flatten()
            | "Drop duplicates" >> run_stage(STAGE, _drop, main="proposals", tags=[REJECTED])
        )


def identity(span: Span) -> str:
    """The same for spans that are exact duplicates."""
    code = canonical_code(span.code or "", span.entry_point or "")
    names = [parameter.name for parameter in span.signature.inputs]
    cases = [(i.bindings, i.result, i.checked, i.origin) for i in span.instances]
    return content_id(span.problem_id, wording_of(span.subquestion), names, code, sorted(cases))


def unite_met(found: Iterable[Met]) -> Met:
    """What several parts of an identity's proposals are together."""
    counts, least = zip(*found, strict=True)
    return sum(counts), min(least)


_CROWDED = "crowded"
#: Proposals of one identity, and the least of them as `Met` has it.
_Alike = tuple[list[Proposal], tuple[str, str, str]]


class _Apart(beam.DoFn):
    """``(identity, proposal)`` as it is, or alone where the identity is crowded."""

    def process(self, keyed: tuple[str, Proposal], crowded: Mapping[str, Met]) -> Iterator[Any]:
        if keyed[0] in crowded:
            yield beam.pvalue.TaggedOutput(_CROWDED, ([keyed[1]], crowded[keyed[0]][1]))
        else:
            yield keyed


def _met(proposal: Proposal) -> Met:
    return 1, (proposal.span.id, proposal.source.dataset, str(proposal.source.row))


def _in_order(found: Iterable[Proposal]) -> _Alike:
    ordered = sorted(found, key=lambda p: p.span.id)
    return ordered, _met(ordered[0])[1]


def _drop(alike: _Alike) -> Iterator[Out]:
    proposals, (kept, dataset, row) = alike
    stays = next((p for p in proposals if p.span.id == kept), None)
    for proposal in proposals:
        if proposal is stays:
            yield "proposals", proposal
        else:
            detail = f"kept {kept} of {dataset} row {row}"
            yield REJECTED, reject_span(STAGE, DUPLICATE, proposal, detail, "duplicate")


__all__ = ["DUPLICATE", "DropDuplicates", "identity"]
