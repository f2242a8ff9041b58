"""Stage 7, embed: a unit vector for each distinct text."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam

from tracemine.schemas import content_id
from tracemine.store import Embedder
from tracemine.transforms.segment import Proposal, embedding_text
from tracemine.transforms.stage import Out, run_stage

#: Texts are encoded bucket by bucket, by hash of the text. The composition of a batch moves the
#: last bits of a vector, so a bucket's content must depend on the texts alone.
BUCKETS = 64


class Embed(beam.PTransform):
    """Proposal -> Proposal with its vector; each distinct text is encoded once."""

    def __init__(self, embedder: str | None, *, trust_remote_code: bool = False) -> None:
        super().__init__()
        self.embedder = embedder
        self.trust_remote_code = trust_remote_code

    def expand(self, proposals: beam.PCollection) -> beam.PCollection:
        name, trust = self.embedder, self.trust_remote_code
        outputs = (
            proposals
            | "Key by bucket" >> beam.Map(lambda p: (bucket_of(embedding_text(p.span)), p))
            | "Gather buckets" >> beam.GroupByKey()
            | "Encode"
            >> run_stage(
                "embed",
                lambda keyed, embedder: embed(keyed[1], embedder),
                main="proposals",
                setup=lambda: Embedder.load(name, trust_remote_code=trust),
            )
        )
        return outputs.proposals


def bucket_of(text: str) -> int:
    """The bucket of a text, in ``range(BUCKETS)``."""
    return int(content_id("bucket", text)[:8], 16) % BUCKETS


def embed(proposals: Iterable[Proposal], embedder: Any) -> Iterator[Out]:
    """Fill in the vector of each proposal (float32 bytes, unit length, on the embedder's grid) and
    the tokens of its subroutine."""
    batch = list(proposals)
    texts = sorted({embedding_text(p.span) for p in batch})
    rows = dict(zip(texts, embedder.encode(texts), strict=True))
    for proposal in batch:
        vector = rows[embedding_text(proposal.span)].tobytes()
        tokens = embedder.tokens(proposal.span.subroutine)
        yield "proposals", dataclasses.replace(proposal, vector=vector, tokens=tokens)
