"""The judge of joined spans tells right from wrong; what is planted is what it is said to be."""

from __future__ import annotations

import dataclasses
import random

import pytest

from benchmarks.joined import equal, fresh, judge, line, measure_joined, plant_routines, renamed
from tracemine.schemas import Instance, Parameter, Signature, Source, Span, content_id
from tracemine.schemas.shingles import shingles
from tracemine.schemas.values import encode
from tracemine.store.embedder import Embedder
from tracemine.transforms.segment import Proposal
from tracemine.transforms.shape import shape
from tracemine.verifiers import Sandbox, shared_sandbox

NAMES = ("price", "items", "discount")
SAME = {name: name for name in NAMES}


def routine(body: str, names: tuple[str, ...] = NAMES, kind: str = "int") -> Span:
    values = dict(zip(names, (7, 3, 2), strict=True))
    instance = Instance("i", "s", "t", "p", encode(values), encode(19), True)
    return Span(
        id=content_id("span", body, names), trajectory_id="t", problem_id="p", start=0, end=4,
        quote="four", subquestion="total cost of a number of items at a price less a discount",
        subroutine="Compute.", summary="cost",
        code=f"def cost({', '.join(names)}):\n    return {body}\n", entry_point="cost",
        signature=Signature(tuple(Parameter(n, kind) for n in names), Parameter("cost", kind)),
        preconditions=("numbers",), predicates=(), failure_modes=(), kind="procedural",
        domain="math", teacher="rules@1", instances=(instance,), verifier="numeric",
        shape="total cost",
    )  # fmt: skip


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return shared_sandbox()


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        ("price * items - discount", "items * price - discount", True),
        ("price * items - discount", "-discount + price * items", True),
        ("price * items - discount", "price * items + discount", False),
        # The same at the one instance.
        ("price * items - discount", "price + items * 4", False),
        ("price / items * 3", "3 / (items / price)", True),
        # No value anywhere, so nothing to tell by.
        ("price / (items - items)", "price / items", None),
    ],
)
def test_the_judge_runs_both_on_fresh_values(
    one: str, other: str, verdict: bool | None, sandbox: Sandbox
) -> None:
    assert judge(routine(one), routine(other), SAME, sandbox, random.Random(1)) is verdict


def test_the_judge_follows_the_roles(sandbox: Sandbox) -> None:
    one, other = routine("a - b * c", ("a", "b", "c")), routine("z - y * x", ("x", "y", "z"))
    draw = random.Random(1)
    assert judge(one, other, {"a": "z", "b": "y", "c": "x"}, sandbox, draw)
    assert judge(one, other, {"a": "x", "b": "y", "c": "z"}, sandbox, draw) is False


def test_fresh_values_are_of_their_type() -> None:
    draw = random.Random(2)
    assert type(fresh("int", draw)) is int
    assert all(isinstance(v, str) for v in fresh("list[str]", draw))
    assert fresh("any", draw) is None and fresh("list[any]", draw) is None
    assert equal(0.1 + 0.2, 0.3) and not equal(1, 1.001)
    assert equal([1, 2.0], (1.0, 2)) and not equal([1], [1, 1])


def test_names_change_in_signature_code_and_preconditions() -> None:
    span = dataclasses.replace(routine("price * items"), predicates=("items > 0",))
    found = renamed(span, "total cost of apples", {"items": "apples", "price": "items"})
    assert [p.name for p in found.signature.inputs] == ["items", "apples", "discount"]
    assert "items * apples" in (found.code or "")
    assert found.predicates == ("apples > 0",)


def proposals() -> list[Proposal]:
    found = []
    for number, body in enumerate(
        ["price * items - discount", "(price - discount) * items", "price * items / discount"]
    ):
        span = routine(body)
        found.append(Proposal(span, Source("own", number), shingles(f"story {number}")))
    return found


def test_what_is_planted_is_the_same_or_a_decoy(sandbox: Sandbox) -> None:
    planting = plant_routines(proposals(), 2, sandbox)
    spans = {p.span.id: p.span for p in planting.proposals}
    draw = random.Random(3)
    for pairs, verdict in ((planting.same, True), (planting.decoys, False)):
        every = [pair for found in pairs.values() for pair in found]
        assert every
        for one, other in every[:: len(every) // 8 + 1]:
            ours, theirs = spans[one], spans[other]
            roles = {
                a.name: b.name
                for a, b in zip(ours.signature.inputs, theirs.signature.inputs, strict=True)
            }
            assert judge(ours, theirs, roles, sandbox, draw) is verdict


def test_replay_joins_the_same_and_parts_decoys(sandbox: Sandbox) -> None:
    found = measure_joined(proposals(), 1, sandbox)
    assert found["pairs"]["same"] > 0 and not found["wrong"]
    assert found["precision"] == found["precision_differing"] == 1.0
    assert found["decoys"]["joined"] == 0.0 and found["decoys"]["proposed"] > 0.3
    assert found["same"]["joined"] > 0.3


def test_the_line_ends_with_every_span_in_one_place(sandbox: Sandbox) -> None:
    pool = plant_routines(proposals(), 1, sandbox).proposals
    finished, groups = line([*pool, *pool], Embedder.load(), sandbox)
    assert sorted(p.span.id for group in groups for p in group) == sorted(p.span.id for p in pool)
    assert all(shape(p.span) == p.span.shape for p in pool)
    homes = [s.id for entry in finished for s in entry.spans]
    assert len(homes) == len(set(homes))
