"""Stage 6, where a model is asked: the shape of each procedural span's subquestion.

The rules give a shape first (`shape`); a model's takes its place before anything is embedded or
clustered. Where the model fails, the rules' shape stays, and that is noted.
"""

from __future__ import annotations

import dataclasses

import apache_beam as beam

from tracemine.teachers.base import Note, TeacherError
from tracemine.teachers.model.normalising import normalise
from tracemine.teachers.model.worker import ModelOptions, ModelWorker
from tracemine.transforms.asking import ask_models
from tracemine.transforms.segment import Proposal
from tracemine.transforms.stage import NOTES, Out

STAGE = "normalise"
#: What is noted of a span whose subquestion a model could not be asked about.
RULES_SHAPE = "subquestion kept the shape of the rules"


class Normalise(beam.PTransform):
    """Proposal -> Proposal whose span has the shape that a model gives its subquestion. Outputs:
    ``proposals``, ``notes`` (Note). Equal subquestions are one request."""

    def __init__(self, model: ModelOptions) -> None:
        super().__init__()
        self.model = model

    def expand(self, proposals: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        return proposals | "Ask a model for shapes" >> ask_models(
            STAGE, normalised, main="proposals", tags=[NOTES], options=self.model
        )


async def normalised(proposal: Proposal, worker: ModelWorker) -> list[Out]:
    """``proposal`` with the model's shape; as it is, with a note, where no answer could be had."""
    span, options = proposal.span, worker.options
    try:
        found = await normalise(span.subquestion, worker.ask, options.model, options.settings)
    except TeacherError as error:
        note = Note(RULES_SHAPE, span.start, span.end, str(error))
        return [("proposals", proposal), (NOTES, note)]
    shaped = dataclasses.replace(span, shape=found.shape)
    return [("proposals", dataclasses.replace(proposal, span=shaped))]


__all__ = ["RULES_SHAPE", "STAGE", "Normalise", "normalised"]
