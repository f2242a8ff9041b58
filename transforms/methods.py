"""Methods: what the spans of a group do, each once.

Spans whose code is the same in other words (`verifiers.normal_form`) hold one *method*; one of them
founds the variant that stands for it, the others bring instances and provenance. Spans without
code, which get here only where a model carries routines out (`carry_out`), hold one method if their
steps are the same words.
"""

from __future__ import annotations

import ast
import dataclasses
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from tracemine.schemas import (
    Parameter,
    Signature,
    Span,
    canonical_code,
    canonical_words,
    content_id,
)
from tracemine.schemas.types import join
from tracemine.transforms.segment import Proposal
from tracemine.transforms.wording import oddness
from tracemine.verifiers.normal_form import normal_form, roles
from tracemine.verifiers.replay import Routine

#: Pairs of routines of one method of which it is remembered which roles stand for which.
_REMEMBERED = 65536


@dataclass(frozen=True, slots=True)
class Method:
    """Spans with one normal form. ``founder`` is the span whose names and code the variant has."""

    key: str
    variant_id: str
    founder: Proposal
    members: tuple[Proposal, ...]
    signature: Signature

    @property
    def in_words(self) -> bool:
        """Whether it has no code."""
        return not self.founder.span.code


def methods_of(group: Iterable[Proposal]) -> list[Method]:
    """The methods of a group, in order of variant id."""
    by_code: dict[str, list[Proposal]] = {}
    for proposal in sorted(group, key=lambda p: p.span.id):
        by_code.setdefault(method_of(proposal), []).append(proposal)
    methods = [make_method(key, members) for key, members in by_code.items()]
    return sorted(methods, key=lambda method: method.variant_id)


def method_key(span: Span) -> str:
    """The same for spans whose code is the same in other words; of spans without code, for those
    whose steps are the same words, over inputs of the same types in the same order."""
    if not span.code:
        types = [parameter.type for parameter in span.signature.inputs]
        steps = canonical_words(span.subroutine)
        return content_id("method in words", types, span.signature.output.type, steps)
    return content_id("method", normal_form(*_as_routine(span)).text)


def method_of(proposal: Proposal) -> str:
    """The key of the method that a proposal holds."""
    return proposal.method or method_key(proposal.span)


def variant_of(proposal: Proposal) -> str:
    """The id of the variant that a proposal founds."""
    return proposal.variant or variant_id(proposal.span)


def with_method(proposal: Proposal) -> Proposal:
    """``proposal`` with both, so that they are found once."""
    return dataclasses.replace(proposal, method=method_of(proposal), variant=variant_of(proposal))


def in_roles_of(founder: Span, member: Span) -> Signature:
    """The signature of ``member`` with its inputs in the order of the inputs of ``founder`` that
    they stand for; both have one method. Where the code leaves it open (``a * b``), most equal
    names decide, then units. Words leave it to the names, and where these are others to the order
    in which the inputs stand."""
    found: Signature = _in_roles_of(*_as_routine(founder), *_as_routine(member))
    return found


def _as_routine(span: Span) -> tuple[str, str, Signature]:
    return span.code or "", span.entry_point or "", span.signature


@lru_cache(maxsize=_REMEMBERED)
def _in_roles_of(
    code: str, entry: str, signature: Signature, other: str, other_entry: str, theirs: Signature
) -> Signature:
    if (code, entry, signature) == (other, other_entry, theirs):
        return theirs

    def likeness(way: Sequence[int]) -> tuple[int, int]:
        pairs = [(own, theirs.inputs[at]) for own, at in zip(signature.inputs, way, strict=True)]
        return sum(a.name == b.name for a, b in pairs), sum(a.unit == b.unit for a, b in pairs)

    if code:
        forms = normal_form(code, entry, signature), normal_form(other, other_entry, theirs)
        way = max(roles(*forms), key=likeness)
    else:
        way = _named_alike(signature.inputs, theirs.inputs)
    return dataclasses.replace(theirs, inputs=tuple(theirs.inputs[place] for place in way))


def _named_alike(ours: Sequence[Parameter], theirs: Sequence[Parameter]) -> tuple[int, ...]:
    """For each of ``ours`` the place of that of ``theirs`` with its name and type, if all have one;
    else its own place."""
    places = {(parameter.name, parameter.type): place for place, parameter in enumerate(theirs)}
    wanted = [(parameter.name, parameter.type) for parameter in ours]
    if places.keys() == set(wanted):
        return tuple(places[key] for key in wanted)
    return tuple(range(len(ours)))


def variant_id(span: Span) -> str:
    """The id of the variant that a span founds: its signature and its canonical code, or its steps
    where it has none."""
    if not span.code:
        steps = canonical_words(span.subroutine)
        return content_id("variant in words", span.signature.to_json(), steps)
    code = canonical_code(span.code or "", span.entry_point or "")
    return content_id("variant", span.signature.to_json(), code)


def make_method(key: str, members: Sequence[Proposal]) -> Method:
    """A method of ``members`` (in order of span id): founded by the variant whose names fit best
    what it does, the simplest code of several, the commonest of these, the least id where they are
    as common. Of that variant's spans it is the least of those whose subquestion most of them have:
    one trace's own wording tells its own story."""
    ids = [variant_of(member) for member in members]
    counts = Counter(ids)
    first = {identifier: members[ids.index(identifier)].span for identifier in counts}
    plain = _least(counts, lambda identifier: _oddness(first[identifier]))
    simple = _least(plain, lambda identifier: _size(first[identifier]))
    best = min(simple, key=lambda identifier: (-counts[identifier], identifier))
    alike = [member for member, identifier in zip(members, ids, strict=True) if identifier == best]
    asked = Counter(member.span.subquestion for member in alike)
    founder = min(alike, key=lambda m: (-asked[m.span.subquestion], m.span.id))
    worded = {
        _as_routine(member.span): (member.span, identifier)
        for member, identifier in zip(members, ids, strict=True)
    }
    signatures = [
        # Of one variant all signatures are one.
        span.signature if identifier == best else in_roles_of(founder.span, span)
        for span, identifier in worded.values()
    ]
    signature = widened(founder.span.signature, signatures)
    return Method(key, best, founder, tuple(members), signature)


def keys_in_roles(method: Method, member: Proposal) -> tuple[Parameter, ...]:
    """The inputs of a ``member`` of ``method`` in the order of the inputs of its founder that they
    stand for. Of members of the variant that stands for the method they are the founder's."""
    founder = method.founder.span
    if variant_of(member) == method.variant_id:
        return founder.signature.inputs
    return in_roles_of(founder, member.span).inputs


def _least(identifiers: Collection[str], measure: Callable[[str], int]) -> list[str]:
    """Those of which ``measure``, which takes its time, gives least; all that there is of one."""
    if len(identifiers) < 2:
        return list(identifiers)
    measured = {identifier: measure(identifier) for identifier in identifiers}
    least = min(measured.values())
    return [identifier for identifier, found in measured.items() if found == least]


def _oddness(span: Span) -> int:
    return oddness(span.code, span.entry_point or "") if span.code else 0


def _size(span: Span) -> int:
    return code_size(span.code) if span.code else 0


@lru_cache(maxsize=_REMEMBERED)
def code_size(code: str) -> int:
    """How much there is to a routine: the nodes of its syntax tree, however its names are spelt."""
    return sum(1 for _ in ast.walk(ast.parse(code)))


def widened(names: Signature, signatures: Sequence[Signature]) -> Signature:
    """``names`` with each type widened to cover all ``signatures`` (inputs in the same order), and
    each unit kept only where none of them has another."""

    def widen(own: Parameter, same_role: Sequence[Parameter]) -> Parameter:
        kind, units = own.type, {p.unit for p in same_role if p.unit is not None}
        for parameter in same_role:
            kind = join(kind, parameter.type)
        return Parameter(own.name, kind, own.unit if units <= {own.unit} else None)

    return dataclasses.replace(
        names,
        inputs=tuple(
            widen(parameter, [s.inputs[index] for s in signatures])
            for index, parameter in enumerate(names.inputs)
        ),
        output=widen(names.output, [s.output for s in signatures]),
    )


def routine_of_method(method: Method) -> Routine:
    """The routine of the variant that stands for a method."""
    return routine_of(method.founder.span, name=method.variant_id, signature=method.signature)


def routine_of(
    span: Span, *, name: str | None = None, signature: Signature | None = None
) -> Routine:
    """The routine of a span, by the id of its variant and with its own signature, or as told."""
    return Routine(
        variant_id=variant_id(span) if name is None else name,
        code=span.code or "",
        entry_point=span.entry_point or "",
        signature=signature or span.signature,
        predicates=span.predicates,
        verifier=span.verifier,
    )
