"""What hand-offs say of the pointer that they are counted in, and the commonest of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import apache_beam as beam

from tracemine.schemas import Parameter
from tracemine.schemas.arrow import Row, handoff_row
from tracemine.schemas.values import dump_json
from tracemine.store.ranking import tokens_of
from tracemine.transforms.segment import Proposal
from tracemine.transforms.shape import wording_of
from tracemine.transforms.tool_calls import Call, call_of

#: Characters of a question, a role's name, a source or a licence; longer ones say nothing general.
MAX_TEXT = 200

#: What is counted of each pointer, and how many of the commonest are kept: for each argument of
#: ``role`` and ``type`` (the result is the last). Of ``problem`` only how many there are.
LIMITS: Mapping[str, int] = {
    "question": 8, "role": 1, "type": 64, "token": 256, "source": 32, "domain": 4, "teacher": 1,
    "problem": 0,
}  # fmt: skip

#: Pointer, facet, argument, text.
Fact = tuple[str, str, int, str]


@dataclass(frozen=True, slots=True)
class Pointed:
    """A hand-off, and the call of its tool; or why it has none, empty for other kinds."""

    proposal: Proposal
    call: Call | None
    reason: str = ""

    @property
    def tool_id(self) -> str | None:
        """The id of the pointer that it is counted in."""
        return self.call.id if self.call else None


@dataclass(frozen=True, slots=True)
class Counted:
    """The commonest texts of a facet and argument with their counts, of ``distinct`` ones that
    were said ``total`` times."""

    commonest: tuple[tuple[str, int], ...]
    distinct: int
    total: int


def point(proposal: Proposal) -> Pointed:
    """Where a hand-off points."""
    if proposal.span.kind != "tool":
        return Pointed(proposal, None)
    call = call_of(proposal.span)
    return Pointed(proposal, None, call) if isinstance(call, str) else Pointed(proposal, call)


def row_of(pointed: Pointed) -> Row:
    """The row of ``handoff``."""
    call, span = pointed.call, pointed.proposal.span
    if call is None:
        return handoff_row(span)
    return handoff_row(span, (call.id, ((s.name, s.type) for s in call.slots), call.output))


def facts_of(pointed: Pointed) -> Iterator[Fact]:
    """What one hand-off says of its pointer."""
    call, span = pointed.call, pointed.proposal.span
    if call is None:
        return
    key, source = call.id, pointed.proposal.source
    yield key, "problem", 0, span.problem_id
    yield key, "domain", 0, span.domain
    yield key, "teacher", 0, teacher_said(span.teacher)
    yield key, "source", 0, source_said(source.dataset, source.licence)
    for text in question_said(span.subquestion):
        yield key, "question", 0, text
    for text in tokens_said(span.keys, span.asked):
        yield key, "token", 0, text
    for place, slot in enumerate(call.slots):
        yield key, "type", place, slot.type
        for text in role_said(slot.name):
            yield key, "role", place, text
    yield key, "type", len(call.slots), call.output


def teacher_said(teacher: str) -> str:
    """The text of the facet ``teacher``."""
    return teacher[:MAX_TEXT]


def source_said(dataset: str, licence: str) -> str:
    """That of ``source``."""
    return dump_json([dataset[:MAX_TEXT], licence[:MAX_TEXT]])


def question_said(subquestion: str) -> list[str]:
    """Those of ``question``: one, or none that says something general."""
    wording = wording_of(subquestion)
    return [wording] if wording and len(wording) <= MAX_TEXT and wording.isprintable() else []


def tokens_said(keys: Iterable[Parameter], asked: str) -> list[str]:
    """Those of ``token``."""
    tokens = tokens_of(keys, asked)
    return [token for token in tokens if len(token) <= MAX_TEXT and token.isprintable()]


def role_said(name: str) -> list[str]:
    """Those of ``role``: one, or none for a constant."""
    return [name] if name and len(name) <= MAX_TEXT else []


_Kept = dict[tuple[str, int], tuple[list[tuple[str, int]], int, int]]


class Commonest(beam.CombineFn):
    """``(facet, argument, text, count)``, each text once -> `Counted` by facet and argument. Ties
    go to the least text."""

    def create_accumulator(self) -> _Kept:
        return {}

    def add_input(self, kept: _Kept, counted: tuple[str, int, str, int]) -> _Kept:
        facet, argument, text, count = counted
        return _keep(kept, (facet, argument), [(text, count)], 1, count)

    def merge_accumulators(self, parts: Iterable[_Kept]) -> _Kept:
        merged: _Kept = {}
        for part in parts:
            for key, (texts, distinct, total) in part.items():
                _keep(merged, key, texts, distinct, total)
        return merged

    def extract_output(self, kept: _Kept) -> dict[tuple[str, int], Counted]:
        return {
            key: Counted(tuple(_first(texts, key[0])), distinct, total)
            for key, (texts, distinct, total) in kept.items()
        }


def _keep(
    kept: _Kept,
    key: tuple[str, int],
    texts: Sequence[tuple[str, int]],
    distinct: int,
    total: int,
) -> _Kept:
    known, had, summed = kept.get(key, ([], 0, 0))
    known = [*known, *texts] if LIMITS[key[0]] else []
    # Not at each one: to sort costs as much as it keeps.
    if len(known) > 2 * LIMITS[key[0]]:
        known = _first(known, key[0])
    kept[key] = (known, had + distinct, summed + total)
    return kept


def _first(texts: Sequence[tuple[str, int]], facet: str) -> list[tuple[str, int]]:
    return sorted(texts, key=lambda pair: (-pair[1], pair[0]))[: LIMITS[facet]]


__all__ = [
    "LIMITS",
    "Commonest",
    "Counted",
    "Fact",
    "Pointed",
    "facts_of",
    "point",
    "question_said",
    "role_said",
    "row_of",
    "source_said",
    "teacher_said",
    "tokens_said",
]
