"""What a store is asked: one span of at least two operations, its values and its checked result.

A question is made of a held-out trajectory by the same stages that mine one, but of the span's own
routine it keeps nothing: not its code, and of its parameters neither their order nor what numbers
those of one kind, because both follow the calculation. Values come in the order in which the
problem, then the trace, first mention them.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import apache_beam as beam

from tracemine.pipelines.options import Split
from tracemine.schemas import (
    Instance,
    Parameter,
    Span,
    Trajectory,
    canonical_code,
    content_id,
    decode,
    encode,
    fraction_of,
)
from tracemine.schemas.records import Domain
from tracemine.schemas.shingles import near_duplicate_classes, shingles
from tracemine.schemas.values import dump_json
from tracemine.teachers import Teacher, make_teacher
from tracemine.teachers.rules.derived.operations import operations
from tracemine.teachers.rules.language.numerals import find_numerals
from tracemine.transforms.segment import route, segment
from tracemine.transforms.stage import Out, run_stage

#: A routine of fewer operations is no procedure, so it is no question either.
MIN_OPERATIONS = 2

#: Decimals are taken for fractions whose denominator is at most this.
MAX_DENOMINATOR = 1000

#: What becomes of a span that is no question; `Asked.counts` counts by these.
NO_ROUTINE = "no routine that replays"
UNCHECKED = "result does not feed the verified answer"
ONE_OPERATION = "fewer than two operations"
SAME = "same values and result asked before of the problem"
IN_STORE = "problem is in the store"
NEAR_STORE = "problem is a near-duplicate of one in the store"
OTHER_SPLIT = "problem belongs to the other split"
BEYOND = "beyond --questions"

#: What a name calls the things of its kind apart from one another by.
_NUMBERED = re.compile(
    r"^(first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|other)_|_\d+$"
)
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to find in a store.

    ``asked`` is put in words of the problem or its solver (`asked`), ``subquestion`` in those of
    the teacher, who knew the routine. ``keys`` name and type the values of ``bindings`` (canonical
    JSON, by name) in order of mention; ``output`` is what is wanted, ``result`` what it must be
    (canonical JSON). ``operations`` counts those of the span's own routine, ``method`` is the hash
    of its canonical code: both are for counting by and no arm may look at them.
    """

    id: str
    problem_id: str
    problem: str
    domain: Domain
    source: str
    asked: str
    subquestion: str
    keys: tuple[Parameter, ...]
    output: Parameter
    bindings: str
    result: str
    verifier: str
    operations: int
    method: str
    reference: str | None

    def to_json(self) -> str:
        """One line of JSON text."""
        return dump_json(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Question:
        """The question that `to_json` wrote."""
        raw = json.loads(text)
        raw["keys"] = tuple(Parameter(**key) for key in raw["keys"])
        raw["output"] = Parameter(**raw["output"])
        return cls(**raw)


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions that are put, by id, and how many were not, by reason."""

    questions: tuple[Question, ...]
    dropped: Mapping[str, int]


class Ask(beam.PTransform):
    """Trajectory -> Question. Outputs: ``questions``, ``unasked`` (a reason for each span that is
    none)."""

    def __init__(self, teacher: str) -> None:
        super().__init__()
        self.teacher = teacher

    def expand(self, trajectories: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        teacher = self.teacher
        return (
            trajectories
            | "Spread" >> beam.Reshuffle()
            | "Ask"
            >> run_stage(
                "ask",
                ask,
                main="questions",
                tags=["unasked"],
                setup=lambda: make_teacher(teacher),
            )
        )


def ask(trajectory: Trajectory, teacher: Teacher) -> Iterator[Out]:
    """The questions of one trajectory, in order of span id."""
    for cut, found in segment(trajectory, teacher):
        if cut != "proposals":
            yield "unasked", NO_ROUTINE
            continue
        for way, proposal in route(found):
            if way != "proposals":
                yield "unasked", NO_ROUTINE
                continue
            question = question_of(proposal.span, trajectory)
            if isinstance(question, str):
                yield "unasked", question
            else:
                yield "questions", question


def question_of(span: Span, trajectory: Trajectory) -> Question | str:
    """The question of a span that replays, or why it is none."""
    instance = next((i for i in span.instances if i.checked), None)
    if instance is None:
        return UNCHECKED
    code, entry_point = span.code or "", span.entry_point or ""
    count = operations(code, entry_point)
    if count < MIN_OPERATIONS:
        return ONE_OPERATION
    keys, bindings = in_order_of_mention(span, instance, trajectory)
    return Question(
        id=content_id("question", span.id, instance.id),
        problem_id=span.problem_id,
        problem=trajectory.problem,
        domain=span.domain,
        source=min(trajectory.sources).dataset,
        asked=span.asked,
        subquestion=span.subquestion,
        keys=keys,
        output=span.signature.output,
        bindings=encode(bindings),
        result=instance.result,
        verifier=span.verifier,
        operations=count,
        method=content_id("method", canonical_code(code, entry_point)),
        reference=trajectory.reference,
    )


def in_order_of_mention(
    span: Span, instance: Instance, trajectory: Trajectory
) -> tuple[tuple[Parameter, ...], dict[str, Any]]:
    """The parameters of ``span`` in the order in which problem and trace first mention the values
    that ``instance`` binds to them, things of one kind numbered in that order, and the values by
    these names. A task for code states its arguments in order: these keep it, and their names."""
    values = decode(instance.bindings)
    inputs = span.signature.inputs
    if span.domain == "code":
        return inputs, values
    text = f"{trajectory.problem}\n{trajectory.trace[: span.end]}"
    places = _mentions(text)
    taken: Counter[Fraction] = Counter()
    order = []
    # Not by name: what numbers the things of one kind follows the calculation.
    for parameter in sorted(inputs, key=lambda p: (_kind(p.name), *_sortable(p, values[p.name]))):
        value = _number(values[parameter.name])
        mentioned = _places(places, value)
        # A second five is the five that is mentioned next.
        place = len(text)
        if value is not None and mentioned:
            place = mentioned[min(taken[value], len(mentioned) - 1)]
            taken[value] += 1
        order.append((place, parameter))
    # Where two are mentioned at once, or never, the order is that of the loop.
    order.sort(key=lambda entry: entry[0])
    alike = Counter(_kind(parameter.name) for parameter in inputs)
    seen: Counter[str] = Counter()
    keys, bindings = [], {}
    for _, parameter in order:
        kind = _kind(parameter.name)
        name = kind if alike[kind] == 1 else _numbered(kind, seen[kind])
        seen[kind] += 1
        keys.append(Parameter(name, parameter.type, parameter.unit))
        bindings[name] = values[parameter.name]
    return tuple(keys), bindings


def _sortable(parameter: Parameter, value: Any) -> tuple[float, str, str, str]:
    """What orders the things of one kind: their values, then their types and units."""
    number = _number(value)
    size = math.inf if number is None else float(number)
    return size, encode(value), parameter.type, parameter.unit or ""


def _number(value: Any) -> Fraction | None:
    """A value as what a text may mention: of a decimal as it is written, not the binary fraction
    next to it; of a list its first number. None for what is none."""
    if isinstance(value, (list, tuple)):
        return next((number for v in value if (number := _number(v)) is not None), None)
    if isinstance(value, bool) or not isinstance(value, (int, float, Fraction)):
        return None
    if not isinstance(value, float):
        return Fraction(value)
    if not math.isfinite(value):
        return None
    written = Fraction(repr(value))
    # 0.3333333333333333 is what "one third" says.
    simple = written.limit_denominator(MAX_DENOMINATOR)
    return simple if abs(simple - written) < 1e-12 else written


def _mentions(text: str) -> dict[Fraction, list[int]]:
    """Where ``text`` states each number. A percentage states its hundredth too ("20%" and 0.2), a
    fraction its parts, a word such as "half" what it divides by and what it multiplies with."""
    places: dict[Fraction, list[int]] = {}
    for numeral in find_numerals(text):
        stated = [numeral.value]
        if numeral.kind == "percent":
            stated.append(numeral.value / 100)
        elif numeral.kind == "method" and numeral.value:
            stated.append(1 / numeral.value)
        elif numeral.parts is not None:
            stated += [Fraction(part) for part in numeral.parts]
        for value in dict.fromkeys(stated):
            places.setdefault(value, []).append(numeral.start)
    return places


def _places(places: Mapping[Fraction, list[int]], value: Fraction | None) -> list[int]:
    """Where a value is mentioned; a text says "5 below zero" of -5."""
    if value is None:
        return []
    return places.get(value) or places.get(abs(value), [])


def _kind(name: str) -> str:
    """A name without what numbers things of its kind: ``items`` of ``first_items``."""
    while (shorter := _NUMBERED.sub("", name)) and shorter != name:
        name = shorter
    return name


def _numbered(kind: str, index: int) -> str:
    return f"{_ORDINALS[index]}_{kind}" if index < len(_ORDINALS) else f"{kind}_{index + 1}"


def select(
    found: Iterable[Question],
    stored: Mapping[str, str],
    *,
    split: Split,
    limit: int | None = None,
) -> Asked:
    """The questions of ``found`` that are put, in order of id; each counted that is not.

    Args:
        stored: the problems of the store, problem id -> text. A question whose problem is among
            them, or near enough to count as one of them (`schemas.shingles`), is dropped.
        split: the half, by hash of problem id, that is asked.
        limit: at most so many, the least by hash; a problem's questions stay together
            unless those of the first are more.
    """
    dropped: Counter[str] = Counter()
    questions = list(found)
    near = near_duplicates_of(stored, {q.problem_id: q.problem for q in questions})
    kept: dict[tuple[str, tuple[str, ...], str], Question] = {}
    for question in sorted(questions, key=lambda q: q.id):
        if question.problem_id in stored:
            dropped[IN_STORE] += 1
        elif question.problem_id in near:
            dropped[NEAR_STORE] += 1
        elif split not in ("all", split_of(question.problem_id)):
            dropped[OTHER_SPLIT] += 1
        elif _identity(question) in kept:
            dropped[SAME] += 1
        else:
            kept[_identity(question)] = question
    asked_for = sorted(kept.values(), key=lambda q: (fraction_of(f"asked {q.problem_id}"), q.id))
    if limit is not None and len(asked_for) > limit:
        # A problem whose questions would not all be asked is not asked at all, but for the first.
        first_beyond = asked_for[limit].problem_id
        whole = [q for q in asked_for[:limit] if q.problem_id != first_beyond]
        within = whole or asked_for[:limit]
        dropped[BEYOND] += len(asked_for) - len(within)
        asked_for = within
    return Asked(tuple(sorted(asked_for, key=lambda q: q.id)), dict(sorted(dropped.items())))


def split_of(problem_id: str) -> Literal["dev", "final"]:
    """The half that a problem belongs to, in whichever source it stands. Another hash than that of
    `--holdout`, which takes the least of its own."""
    return "dev" if fraction_of(f"split {problem_id}") < 0.5 else "final"


def near_duplicates_of(stored: Mapping[str, str], asked_of: Mapping[str, str]) -> set[str]:
    """The problems of ``asked_of`` (id -> text) that are near-duplicates of one of ``stored``."""
    texts = {**asked_of, **stored}
    classes = near_duplicate_classes({i: shingles(text) for i, text in texts.items()})
    known = {classes[identifier] for identifier in stored}
    return {i for i in asked_of if i not in stored and classes[i] in known}


def _identity(question: Question) -> tuple[str, tuple[str, ...], str]:
    values = sorted(encode(value) for value in decode(question.bindings).values())
    return question.problem_id, tuple(values), question.result


__all__ = [
    "MIN_OPERATIONS",
    "Ask",
    "Asked",
    "Question",
    "ask",
    "in_order_of_mention",
    "near_duplicates_of",
    "question_of",
    "select",
    "split_of",
]
