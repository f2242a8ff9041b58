"""The records that travel between stages, their ids, their types, and the tables they become.

Imports nothing of ours. `records` has the dataclasses, `types` the lattice of value types,
`values` the JSON text of bindings and results, `ids` the content hashes, `canonical` the form of
code that ids are taken from, `syntax` what is asked of code unrun, `arrow` the Parquet tables.
"""

from tracemine.schemas.arrow import TABLES
from tracemine.schemas.canonical import canonical_code, canonical_words
from tracemine.schemas.ids import content_id, fraction_of, problem_id
from tracemine.schemas.records import (
    Event,
    Instance,
    Library,
    Merged,
    Parameter,
    Procedure,
    Provenance,
    Question,
    Rejected,
    Replay,
    Rests,
    Signature,
    Source,
    Span,
    Token,
    ToolPointer,
    Trajectory,
    Variant,
)
from tracemine.schemas.values import NotPlainError, decode, encode

__all__ = [
    "TABLES",
    "Event",
    "Instance",
    "Library",
    "Merged",
    "NotPlainError",
    "Parameter",
    "Procedure",
    "Provenance",
    "Question",
    "Rejected",
    "Replay",
    "Rests",
    "Signature",
    "Source",
    "Span",
    "Token",
    "ToolPointer",
    "Trajectory",
    "Variant",
    "canonical_code",
    "canonical_words",
    "content_id",
    "decode",
    "encode",
    "fraction_of",
    "problem_id",
]
