"""Which spans end in one procedure, and whether they are the same: for `benchmarks.cluster`.

Real spans, and planted ones among them, go through clustering, replay, consolidation and union as
in `mine`. Planted are, for a real routine of plain arithmetic: the same in other words
(`benchmarks.planted`), once with its names changed and once with every sum and product written the
other way round; and a decoy, the same words with one operation exchanged for another. Each has
instances of its own, with values drawn afresh.

Two spans whose code differs in names alone are the same. Others are judged apart from replay: both
routines run on fresh values of their types under the alignment that replay found, and every point
where both have a value must agree (to `CLOSE`).
"""

from __future__ import annotations

import ast
import dataclasses
import itertools
import json
import math
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from benchmarks.planted import STRENGTHS
from tracemine.schemas import Instance, Source, Span, canonical_code, content_id
from tracemine.schemas.records import Replay
from tracemine.schemas.shingles import shingles
from tracemine.schemas.types import coarse
from tracemine.schemas.values import encode
from tracemine.store import Policy
from tracemine.store.embedder import Embedder
from tracemine.transforms.candidates import candidate_groups
from tracemine.transforms.cluster import compatibility_class
from tracemine.transforms.consolidate import consolidate
from tracemine.transforms.duplicates import identity
from tracemine.transforms.embed import embed
from tracemine.transforms.methods import in_roles_of, method_key
from tracemine.transforms.replay import ReplayLimits, replay_group
from tracemine.transforms.segment import Proposal
from tracemine.transforms.shape import shape
from tracemine.transforms.unite import Finished, finish, unite_variant
from tracemine.verifiers import Sandbox
from tracemine.verifiers.replay import Routine, is_plain_arithmetic, run_routine

SEED = 11
#: Problems of each planted routine in each of its forms: enough to be verified without the others.
PROBLEMS = 3
#: Values of planted instances and of the judge's points.
LEAST, MOST = 2, 90
#: Points that the judge draws, and the fewest that must decide.
POINTS, MIN_POINTS = 40, 5
#: Two results are equal within this share of the larger.
CLOSE = 1e-9
AS_OF = "2026-01-01T00:00:00+00:00"
_EXCHANGED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}


@dataclass(frozen=True, slots=True)
class Planting:
    """Planted proposals, and which pairs of their span ids are the same or are not, by strength."""

    proposals: list[Proposal]
    same: dict[str, list[tuple[str, str]]]
    decoys: dict[str, list[tuple[str, str]]]


def plant_routines(pool: Sequence[Proposal], each: int, sandbox: Sandbox) -> Planting:
    """At most ``each`` routines of ``pool`` for each strength, with their decoys."""
    draw = random.Random(SEED)
    routines = {method_key(p.span): p for p in pool if _is_arithmetic(p.span)}
    ordered = [routines[key] for key in sorted(routines)]
    planting = Planting([], {name: [] for name in STRENGTHS}, {name: [] for name in STRENGTHS})
    for strength, rewrite in STRENGTHS.items():
        done = 0
        for source in draw.sample(ordered, len(ordered)):
            written = rewrite(source.span.subquestion, draw)
            decoy = _decoy(source.span, sandbox, draw)
            if written is None or written[0] == written[1] or decoy is None:
                continue
            (text, words), (other, other_words) = written
            spans = [
                renamed(source.span, text, words),
                renamed(_turned(source.span), other, other_words),
                renamed(decoy, text, words),
            ]
            forms = [
                _on_problems(s, source, strength, n, sandbox, draw) for n, s in enumerate(spans)
            ]
            if not all(forms):
                continue
            planting.proposals.extend(itertools.chain.from_iterable(forms))
            first, second, wrong = ([p.span.id for p in form] for form in forms)
            planting.same[strength] += itertools.product(first, second)
            planting.decoys[strength] += itertools.product([*first, *second], wrong)
            done += 1
            if done == each:
                break
    return planting


def _is_arithmetic(span: Span) -> bool:
    parameters = (*span.signature.inputs, span.signature.output)
    return is_plain_arithmetic(span.code or "") and all(
        coarse(parameter.type) == "number" for parameter in parameters
    )


def renamed(span: Span, text: str, words: Mapping[str, str]) -> Span:
    """``span`` asked in another ``text``, with other ``words`` in the names of its values, in its
    signature and all code."""
    taken: set[str] = set()
    names = {}
    for parameter in span.signature.inputs:
        parts = [words.get(word, word) for word in parameter.name.split("_")]
        name = "_".join(parts).replace(" ", "_")
        names[parameter.name] = name if name not in taken else parameter.name
        taken.add(names[parameter.name])
    inputs = tuple(dataclasses.replace(p, name=names[p.name]) for p in span.signature.inputs)
    return dataclasses.replace(
        span,
        subquestion=text,
        signature=dataclasses.replace(span.signature, inputs=inputs),
        code=_with_names(span.code or "", names),
        predicates=tuple(_with_names(predicate, names) for predicate in span.predicates),
    )


def _with_names(code: str, names: Mapping[str, str]) -> str:
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
        elif isinstance(node, ast.arg):
            node.arg = names.get(node.arg, node.arg)
    return ast.unparse(tree)


def _turned(span: Span) -> Span:
    """``span`` with the two sides of every sum and product exchanged."""
    tree = ast.parse(span.code or "")
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mult):
            node.left, node.right = node.right, node.left
    return dataclasses.replace(span, code=ast.unparse(tree))


def _decoy(span: Span, sandbox: Sandbox, draw: random.Random) -> Span | None:
    """``span`` with one operation exchanged, so that it gives other results."""
    places = [
        number
        for number, node in enumerate(ast.walk(ast.parse(span.code or "")))
        if isinstance(node, ast.BinOp) and type(node.op) in _EXCHANGED
    ]
    for place in draw.sample(places, len(places)):
        tree = ast.parse(span.code or "")
        node = list(ast.walk(tree))[place]
        assert isinstance(node, ast.BinOp)
        node.op = _EXCHANGED[type(node.op)]()
        found = dataclasses.replace(span, code=ast.unparse(tree))
        names = [p.name for p in span.signature.inputs]
        if judge(span, found, dict(zip(names, names, strict=True)), sandbox, draw) is False:
            return found
    return None


def _on_problems(
    span: Span, source: Proposal, strength: str, form: int, sandbox: Sandbox, draw: random.Random
) -> list[Proposal]:
    """``span`` as problems of their own brought it, with drawn values; empty if it has no value at
    some of them."""
    found = []
    for problem in range(PROBLEMS):
        label = content_id("planted", strength, source.span.id, form, problem)
        values = {p.name: draw.randint(LEAST, MOST) for p in span.signature.inputs}
        (run,) = run_routine(_routine(span), [values], sandbox, backend="cpython")
        if run.status != "ok":
            return []
        result = run.value
        if isinstance(result, float) and result.is_integer():
            result = int(result)
        instance = Instance(
            content_id("instance", label), label, label, label, encode(values), encode(result), True
        )
        signature = dataclasses.replace(
            span.signature,
            inputs=tuple(dataclasses.replace(p, type="int") for p in span.signature.inputs),
            output=dataclasses.replace(span.signature.output, type="rational"),
        )
        planted = dataclasses.replace(
            span,
            id=label,
            trajectory_id=label,
            problem_id=label,
            signature=signature,
            instances=(instance,),
        )
        planted = dataclasses.replace(planted, shape=shape(planted))
        story = " ".join("".join(draw.choices("abcdefghijklmnop", k=7)) for _ in range(30))
        found.append(Proposal(planted, Source("planted", len(found)), shingles(story)))
    return found


def _routine(span: Span) -> Routine:
    return Routine(
        span.id,
        span.code or "",
        span.entry_point or "",
        span.signature,
        span.predicates,
        span.verifier,
    )


# --- the line -------------------------------------------------------------------------------------


def line(
    proposals: Sequence[Proposal], embedder: Embedder, sandbox: Sandbox
) -> tuple[list[Finished], list[list[Proposal]]]:
    """What the stages of `mine` from embed to unite make of ``proposals``, and the groups."""
    policy = Policy()
    limits = ReplayLimits(own=policy.replay_own, others=policy.replay_others)
    classes: dict[str, list[Proposal]] = defaultdict(list)
    # The same trajectory may stand in two files, and a routine twice in one.
    distinct = {identity(p.span): p for p in sorted(proposals, key=lambda p: p.span.id)}
    for _, proposal in embed(distinct.values(), embedder):
        classes[compatibility_class(proposal.span)].append(proposal)
    groups = []
    for name, members in sorted(classes.items()):
        ids = [p.span.id for p in members]
        vectors = np.stack([np.frombuffer(p.shape_vector, np.float32) for p in members])
        groups += [[members[row] for row in rows] for rows in candidate_groups(name, ids, vectors)]
    by_variant = defaultdict(list)
    for group in groups:
        for output, record in consolidate(replay_group(group, limits, sandbox), policy.min_replays):
            if output == "entries":
                for evidence in record.variants:
                    by_variant[evidence.variant_id].append((record.procedure_id, evidence))
            elif output == "refuted":
                by_variant[record.variant_id].append((record.variant_id, record))
    homes = defaultdict(list)
    for _, found in sorted(by_variant.items()):
        home, evidence = unite_variant(found)
        if evidence.members:
            homes[home].append(evidence)
    made = [one for _, every in sorted(homes.items()) for one in finish(every, policy, AS_OF)]
    return made, groups


# --- the judge ------------------------------------------------------------------------------------


def judge(
    one: Span, other: Span, roles: Mapping[str, str], sandbox: Sandbox, draw: random.Random
) -> bool | None:
    """Whether ``one`` gives what ``other`` gives on fresh values, where both give something;
    ``roles`` maps a parameter of ``one`` to that of ``other``. None where too few points tell."""
    points = []
    for _ in range(POINTS):
        values = {p.name: fresh(p.type, draw) for p in other.signature.inputs}
        if any(value is None for value in values.values()):
            return None
        points.append(values)
    served = [{mine: values[theirs] for mine, theirs in roles.items()} for values in points]
    decided = 0
    for mine, theirs in zip(
        run_routine(_routine(one), served, sandbox, backend="cpython"),
        run_routine(_routine(other), points, sandbox, backend="cpython"),
        strict=True,
    ):
        if mine.status == theirs.status == "ok":
            if not equal(mine.value, theirs.value):
                return False
            decided += 1
    return True if decided >= MIN_POINTS else None


def fresh(kind: str, draw: random.Random) -> Any:
    """A value of a type (`schemas.types`); None for those that have no telling one."""
    head, _, inner = kind.partition("[")
    inner = inner.removesuffix("]")
    match head:
        case "int":
            return draw.randint(1, MOST)
        case "rational":
            return Fraction(draw.randint(1, 4 * MOST), draw.choice((1, 2, 4, 5)))
        case "real":
            return draw.randint(1, 10 * MOST) / 10
        case "bool":
            return draw.random() < 0.5
        case "str":
            return "".join(draw.choices("abcABC 12", k=draw.randint(1, 9)))
        case "list" | "set" if inner and "," not in inner:
            values = [fresh(inner, draw) for _ in range(draw.randint(1, 6))]
            if None in values:
                return None
            return set(values) if head == "set" else values
    return None


def equal(one: Any, other: Any) -> bool:
    """Whether two results are the same; numbers within `CLOSE`."""
    numbers = (int, float, Fraction)
    if isinstance(one, numbers) and isinstance(other, numbers):
        return math.isclose(float(one), float(other), rel_tol=CLOSE, abs_tol=CLOSE)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


def roles_between(finished: Finished, one: Span, other: Span) -> dict[str, str] | None:
    """The alignment by which ``one`` is said to do what ``other`` does: a parameter of ``one`` to
    that of ``other``. Of one method, it is that of the method; else that by which the method of one
    passed on an instance of the other's. None if no pass says one."""
    own, theirs = method_key(one), method_key(other)
    if own == theirs:
        pairs = zip(one.signature.inputs, in_roles_of(one, other).inputs, strict=True)
        return {mine.name: alike.name for mine, alike in pairs}
    spans = {i.id: span for span in finished.spans for i in span.instances}
    variants = {v.variant_id: v.span_id for v in finished.procedure.variants}
    by_id = {span.id: span for span in finished.spans}
    for replay in finished.replays:
        target, founder = (
            spans.get(replay.instance_id),
            by_id.get(variants.get(replay.variant_id, "")),
        )
        if target is None or founder is None or replay.verdict != "pass":
            continue
        if (method_key(founder), method_key(target)) == (own, theirs):
            return _between(replay, founder, target, one, other)
        if (method_key(founder), method_key(target)) == (theirs, own):
            found = _between(replay, founder, target, other, one)
            return {key: name for name, key in found.items()}
    return None


def _between(replay: Replay, founder: Span, target: Span, one: Span, other: Span) -> dict[str, str]:
    """``one`` has the method of ``founder``, ``other`` that of ``target``."""
    keys = [p.name for p in target.signature.inputs]
    bound = json.loads(replay.binding_map)
    theirs = in_roles_of(target, other).inputs
    return {
        own.name: theirs[keys.index(bound[p.name])].name
        for own, p in zip(in_roles_of(founder, one).inputs, founder.signature.inputs, strict=True)
    }


def code_key(span: Span) -> str:
    """The same for spans whose code differs in names alone."""
    return canonical_code(span.code or "", span.entry_point or "")


def measure_joined(pool: Sequence[Proposal], each: int, sandbox: Sandbox) -> dict[str, Any]:
    """What ends in one procedure, of ``pool`` and what is planted beside it, and what of it is the
    same."""
    planting = plant_routines(pool, each, sandbox)
    finished, groups = line([*pool, *planting.proposals], Embedder.load(), sandbox)
    group_of = {p.span.id: number for number, group in enumerate(groups) for p in group}
    home = {s.id: f.procedure.procedure_id for f in finished for s in f.spans}
    draw = random.Random(SEED)
    counts: Counter[str] = Counter()
    wrong: list[dict[str, str]] = []
    for entry in finished:
        methods: dict[str, list[Span]] = defaultdict(list)
        for span in entry.spans:
            methods[code_key(span)].append(span)
        for spans in methods.values():
            counts["in names alone"] += math.comb(len(spans), 2)
        for ours, theirs in itertools.combinations(methods.values(), 2):
            verdict, pairs = None, len(ours) * len(theirs)
            roles = roles_between(entry, ours[0], theirs[0])
            if roles is not None:
                verdict = judge(ours[0], theirs[0], roles, sandbox, draw)
            counts[{True: "same", False: "wrong", None: "unjudged"}[verdict]] += pairs
            if verdict is False:
                wrong.append({"one": ours[0].code or "", "other": theirs[0].code or ""})

    def share(pairs: Sequence[tuple[str, str]], places: Mapping[str, Any]) -> float:
        together = sum(a in places and places[a] == places.get(b) for a, b in pairs)
        return together / max(1, len(pairs))

    same = [pair for pairs in planting.same.values() for pair in pairs]
    decoys = [pair for pairs in planting.decoys.values() for pair in pairs]
    differing = counts["same"] + counts["wrong"]
    every = differing + counts["in names alone"]
    return {
        "spans": len(pool),
        "planted": len(planting.proposals),
        "groups": len(groups),
        "served": sum(f.procedure.status != "candidate" for f in finished),
        "pairs": dict(counts),
        "precision": (every - counts["wrong"]) / max(1, every),
        "precision_differing": counts["same"] / max(1, differing),
        "wrong": wrong,
        "same": {
            "pairs": len(same),
            "proposed": share(same, group_of),
            "joined": share(same, home),
        },
        "decoys": {
            "pairs": len(decoys),
            "proposed": share(decoys, group_of),
            "joined": share(decoys, home),
        },
    }


__all__ = ["Planting", "equal", "fresh", "judge", "line", "measure_joined", "plant_routines"]
