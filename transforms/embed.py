"""Stage 7, embed: unit vectors of the distinct wordings and shapes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam

from tracemine.schemas import content_id
from tracemine.store import Embedder
from tracemine.transforms.kept import NOT_KEPT, Kept
from tracemine.transforms.segment import Proposal, embedding_text
from tracemine.transforms.stage import Out, run_stage

STAGE = "embed"

#: Texts are encoded bucket by bucket, by hash of the shape. The composition of a batch moves the
#: last bits of a vector, so a bucket's content must depend on the texts alone.
BUCKETS = 64


#: Gives the embedder, once in each worker.
LoadEmbedder = Callable[[], Embedder]


class Embed(beam.PTransform):
    """Proposal -> Proposal with its two vectors. Each distinct shape is encoded once, and each
    distinct wording once for each shape that it stands for (nearly always one)."""

    def __init__(self, load: LoadEmbedder, kept: Kept = NOT_KEPT) -> None:
        super().__init__()
        self.load = load
        self.kept = kept

    def expand(self, proposals: beam.PCollection) -> beam.PCollection:
        kept = self.kept
        outputs = (
            proposals
            | "Key by bucket" >> beam.Map(lambda p: (bucket_of(p.span.shape), p))
            | "Gather buckets" >> beam.GroupByKey()
            | "Encode"
            >> run_stage(
                STAGE,
                lambda keyed, embedder: embed(keyed[1], embedder, kept, keyed[0]),
                main="proposals",
                setup=self.load,
            )
        )
        return outputs.proposals


def bucket_of(text: str) -> int:
    """The bucket of a text, in ``range(BUCKETS)``."""
    return int(content_id("bucket", text)[:8], 16) % BUCKETS


def embed(
    proposals: Iterable[Proposal],
    embedder: Any,
    kept: Kept = NOT_KEPT,
    bucket: int = 0,
    known: Sequence[Mapping[str, bytes]] = ({}, {}),
) -> Iterator[Out]:
    """Fill in the vectors of each proposal, of its wording and of its shape (float32 bytes, unit
    length, on the embedder's grid), and the tokens of its subroutine. Vectors of a bucket that an
    earlier run ``kept`` are taken from there, those of wordings and of shapes that are ``known``
    from here."""
    batch = list(proposals)
    texts = [
        sorted({embedding_text(p.span) for p in batch} - known[0].keys()),
        sorted({p.span.shape for p in batch} - known[1].keys()),
    ]
    found = kept.or_make(
        STAGE, f"{bucket:05d}", enumerate(texts), lambda: [_encoded(t, embedder) for t in texts]
    )
    wordings, shapes = ({**k, **f} for k, f in zip(known, found, strict=True))
    for proposal in batch:
        yield (
            "proposals",
            dataclasses.replace(
                proposal,
                vector=wordings[embedding_text(proposal.span)],
                shape_vector=shapes[proposal.span.shape],
                tokens=embedder.tokens(proposal.span.subroutine),
            ),
        )


def _encoded(distinct: list[str], embedder: Any) -> dict[str, bytes]:
    """The vector of each text."""
    rows = embedder.encode(distinct)
    return {text: row.tobytes() for text, row in zip(distinct, rows, strict=True)}
