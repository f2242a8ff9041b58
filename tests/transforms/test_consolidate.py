"""From replayed groups to entries: who enters, who is one with whom, who waits, who goes."""

from __future__ import annotations

import itertools
import random
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tracemine.schemas import (
    Replay,
    content_id,
)
from tracemine.schemas.values import dump_json
from tracemine.store import Policy
from tracemine.transforms.consolidate import Entry, Evidence, behaviour_classes, consolidate
from tracemine.transforms.held_out import prepare
from tracemine.transforms.methods import in_roles_of
from tracemine.transforms.replay import ReplayLimits, replay_group
from tracemine.transforms.segment import Proposal
from tracemine.transforms.unite import (
    NOT_HELD_OUT,
    Finished,
    finish,
    status_of,
    unite_variant,
)
from tracemine.verifiers import shared_sandbox

sys.path.insert(0, str(Path(__file__).parents[1]))
from proposed import problem_text, proposal

LEFT = "def left(budget, price, boxes):\n    return budget - price * boxes"
SAME = "def left(budget, price, boxes):\n    spent = boxes * price\n    return budget - spent"
LOOP = """
def left(budget, price, boxes):
    for _ in range(boxes):
        budget -= price
    return budget
""".strip()
MORE = "def left(budget, price, boxes):\n    return budget + price * boxes"


def spent(problem: int, code: str = LEFT, **changes: Any) -> Proposal:
    budget, price, boxes = 100 + problem, 3 + problem, 4
    sign = 1 if code == MORE else -1
    result = budget + sign * price * boxes
    values = {"result": result, "budget": budget, "price": price, "boxes": boxes} | changes
    return proposal(code, problem, **values)


def mined(*group: Proposal) -> tuple[list[Entry], list[Any]]:
    matrix = replay_group(list(group), ReplayLimits(), shared_sandbox())
    outputs = list(consolidate(matrix, min_replays=2))
    entries = [record for output, record in outputs if output == "entries"]
    return entries, [record for output, record in outputs if output == "rejected"]


def finished(entries: list[Entry]) -> list[Finished]:
    by_home: dict[str, list[Any]] = {}
    for entry in entries:
        for evidence in entry.variants:
            home, united = unite_variant([(entry.procedure_id, evidence)])
            by_home.setdefault(home, []).append(united)
    policy = Policy()
    return [
        done for _, found in sorted(by_home.items()) for done in finish(found, policy, "2026-01-01")
    ]


def statuses(*group: Proposal) -> list[str]:
    return sorted(done.procedure.status for done in finished(mined(*group)[0]))


def test_two_held_out_problems_let_a_routine_in_and_one_does_not() -> None:
    assert statuses(spent(1), spent(2)) == ["candidate"]
    assert statuses(spent(1), spent(2), spent(3)) == ["verified"]
    assert statuses(spent(1), spent(2), spent(3), spent(4)) == ["canonical"]


def test_another_attempt_at_its_own_problem_proves_nothing() -> None:
    again = spent(1, boxes=5, result=101 - 4 * 5)
    assert statuses(spent(1), again, spent(2)) == ["candidate"]


def test_its_own_values_under_another_problem_prove_nothing() -> None:
    twins = [
        proposal(LEFT, number, result=88, budget=100, price=3, boxes=4) for number in range(1, 5)
    ]
    assert statuses(*twins) == ["candidate"]


def test_a_near_duplicate_is_not_another_problem() -> None:
    text = problem_text(1)
    near = [spent(number, text=f"{text} so") for number in (2, 3, 4)]
    assert statuses(spent(1, text=text), *near) == ["candidate"]


def test_several_attempts_at_one_other_problem_are_one_witness() -> None:
    other = [spent(2), spent(2, boxes=5, result=102 - 5 * 5), spent(2, boxes=6, result=102 - 30)]
    assert statuses(spent(1), *other) == ["candidate"]


def test_a_result_that_feeds_no_verified_answer_proves_nothing() -> None:
    unchecked = [spent(number, checked=False) for number in (2, 3, 4)]
    assert statuses(spent(1), *unchecked) == ["candidate"]


def test_words_apart_one_behaviour_is_one_procedure_with_two_variants() -> None:
    group = [spent(n, LEFT if n % 2 else LOOP) for n in range(1, 9)]
    (done,) = finished(mined(*group)[0])
    assert len(done.procedure.variants) == 2
    assert {v.attempts for v in done.procedure.variants} == {7}
    assert {v.passes for v in done.procedure.variants} == {7}
    assert done.procedure.procedure_id == min(v.variant_id for v in done.procedure.variants)


OUT = "def left(budget, price, boxes):\n    return price * (budget / price - boxes)"


def other_method(number: int) -> Proposal:
    """A method of its own for each number, which agrees with none of the others."""
    code = f"def left(budget, price, boxes):\n    return budget + price + {number} * boxes"
    return spent(number, code, result=103 + 2 * number + 4 * number)


def test_a_sample_keeps_no_two_apart_that_are_one() -> None:
    """Of 40 other methods the sample holds two, and hardly an instance of the other one's."""
    pair = [spent(n, LEFT if n % 2 else OUT) for n in range(50, 58)]
    group = [*pair, *(other_method(n) for n in range(1, 41))]
    few = ReplayLimits(others=2)

    def classes(limits: ReplayLimits) -> list[int]:
        matrix = replay_group(group, limits, shared_sandbox())
        found = [r for output, r in consolidate(matrix, 2) if output == "entries"]
        return [len(e.variants) for e in found if e.variants[0].founder in pair]

    assert classes(replace(few, partners=0)) == [1, 1]
    assert classes(few) == [2]


def test_classes_are_maximal_in_order_of_id_whatever_the_order() -> None:
    codes = (LEFT, OUT, LOOP, MORE)
    group = [spent(n, codes[n % 4]) for n in range(1, 25)]
    matrix = replay_group(group, ReplayLimits(), shared_sandbox())
    found = [r for output, r in consolidate(matrix, 2) if output == "entries"]
    variants = [evidence for entry in found for evidence in entry.variants]
    classes = [[e.variant_id for e in members] for members in behaviour_classes(variants)]
    assert sorted(map(len, classes)) == [1, 3]
    assert [ids[0] for ids in classes] == sorted(ids[0] for ids in classes)
    assert all(ids == sorted(ids) for ids in classes)
    for order in itertools.permutations(variants):
        assert [[e.variant_id for e in ms] for ms in behaviour_classes(order)] == classes


def test_code_that_imports_gets_as_many_cases_as_its_alignments_leave_runs_for() -> None:
    slow = "def rest(x, y, z):\n    import math\n    return x - math.prod([y, z])"
    group = [other_method(n) for n in range(1, 31)]
    group += [
        proposal(slow, n, result=100 + n - 4 * n, x=100 + n, y=n, z=4) for n in (51, 52, 53, 54)
    ]
    matrix = replay_group(group, ReplayLimits(runs=30, partners=0), shared_sandbox())
    counts = {
        m.founder.span.code: Counter(
            matrix.witnesses[v.instance_id].method == m.key for v in matrix.replays[m.variant_id]
        )
        for m in matrix.methods
    }
    # Six alignments of three roles that their names do not tell.
    assert counts.pop(slow) == {True: 3, False: 5}
    assert set(map(sum, (c.values() for c in counts.values()))) == {33}


def test_what_a_sample_leaves_open_is_asked_within_bounds() -> None:
    group = [spent(n, LEFT if n % 2 else OUT) for n in range(50, 58)]
    group += [other_method(n) for n in range(1, 41)]
    matrix = replay_group(group, ReplayLimits(own=1, others=2), shared_sandbox())
    for verdicts in matrix.replays.values():
        assert len({v.instance_id for v in verdicts}) == len(verdicts) <= 1 + 2 + 8 * 2
        assert [v.instance_id for v in verdicts] == sorted(v.instance_id for v in verdicts)


def test_alike_in_words_and_not_in_behaviour_are_two_and_the_rate_says_so() -> None:
    group = [spent(n, LEFT if n <= 4 else MORE) for n in range(1, 9)]
    both = finished(mined(*group)[0])
    assert len(both) == 2
    for done in both:
        assert done.procedure.status == "verified"
        (variant,) = done.procedure.variants
        assert (variant.passes, variant.attempts) == (3, 7)
        assert done.procedure.success_rate == pytest.approx(3 / 7)


def test_held_out_tests_decide_for_a_code_task() -> None:
    code = "def left(budget, price, boxes):\n    return budget - price * boxes"
    tests = (
        ({"budget": 9, "price": 2, "boxes": 3}, 3),
        ({"budget": 20, "price": 5, "boxes": 2}, 10),
    )
    assert statuses(spent(1, code, tests=tests)) == ["verified"]
    wrong = (tests[0], (tests[1][0], 11))
    entries, rejected = mined(spent(1, code, tests=wrong))
    assert entries == []
    assert [record.reason for record in rejected] == ["failed replay"]
    assert f"instance {spent(1, code, tests=wrong).span.instances[2].id}" in rejected[0].detail
    assert statuses(spent(1, code, tests=tests[:1])) == ["candidate"]
    again = ({"budget": 101, "price": 4, "boxes": 4}, 85)  # the values of its own instance
    assert statuses(spent(1, code, tests=(tests[0], again))) == ["candidate"]


def test_a_test_of_its_own_is_replayed_however_large_the_group() -> None:
    tests = (({"budget": 20, "price": 5, "boxes": 2}, 11),)
    first = min(range(1, 12), key=lambda n: spent(n).span.id)  # who founds the method
    founder = spent(first, tests=tests)
    group = [founder, *(spent(n) for n in range(1, 12) if n != first)]
    matrix = replay_group(group, ReplayLimits(own=1, others=1), shared_sandbox())
    (method,) = matrix.methods
    assert method.founder is founder
    (verdict,) = matrix.replays[method.variant_id]
    assert verdict.instance_id == founder.span.instances[1].id


def test_a_pass_at_a_point_where_two_methods_merely_meet_is_no_evidence() -> None:
    """Without boxes, adding and taking away what they cost are the same."""
    group = [
        spent(1),
        *(spent(n, MORE, boxes=0, result=100 + n) for n in (2, 3, 4)),
    ]
    matrix = replay_group(group, ReplayLimits(), shared_sandbox())
    (left,) = (m for m in matrix.methods if m.founder.span.code == LEFT)
    verdicts = matrix.replays[left.variant_id]
    assert {v.verdict for v in verdicts} == {"unsupported"} and len(verdicts) == 3
    assert all("at this point only" in v.reason for v in verdicts)


def test_a_twin_whose_roles_are_named_otherwise_is_not_spoken_for() -> None:
    """The names say price and boxes, but stand in the places of budget and price."""
    crossed = [
        proposal(
            "def left(boxes, budget, price):\n    return boxes - budget * price",
            n, result=100 + n - 12, boxes=100 + n, budget=3, price=4,
        )
        for n in (21, 22, 23)
    ]  # fmt: skip
    group = [spent(n) for n in range(1, 7)] + crossed
    entries, _ = mined(*group)
    spans = [m.span.id for e in entries for v in e.variants for m in v.members]
    assert sorted(spans) == sorted(p.span.id for p in group)
    for entry in entries:
        for evidence in entry.variants:
            names = {m.span.signature.inputs[0].name for m in evidence.members}
            assert len(names) == 1


def test_every_span_goes_somewhere_once() -> None:
    group = [spent(n, code) for n, code in zip(range(12), itertools.cycle([LEFT, SAME, MORE]))]
    entries, rejected = mined(*group)
    kept = [m.span.id for e in entries for v in e.variants for m in v.members]
    gone = [record.record_id for record in rejected]
    assert sorted(kept + gone) == sorted(p.span.id for p in group)


def test_the_order_of_the_group_does_not_matter() -> None:
    group = [spent(n, code) for n, code in zip(range(12), itertools.cycle([LEFT, SAME, MORE]))]
    shuffled = group[:]
    random.Random(4).shuffle(shuffled)
    assert finished(mined(*group)[0]) == finished(mined(*shuffled)[0])


def united(*groups: list[Proposal]) -> Finished:
    """The one procedure of groups that were consolidated apart."""
    parts = []
    for group in groups:
        matrix = replay_group(group, ReplayLimits(), shared_sandbox())
        for output, record in consolidate(matrix, min_replays=2):
            if output == "entries":
                parts += [(record.procedure_id, evidence) for evidence in record.variants]
            elif output == "refuted":
                parts.append((record.variant_id, record))
    home, evidence = unite_variant(parts)
    assert unite_variant(parts[::-1]) == (home, evidence)
    (done,) = finish([evidence], Policy(), "2026-01-01")
    return done


def test_a_variant_of_two_groups_has_the_verdicts_of_both() -> None:
    done = united([spent(n) for n in range(1, 4)], [spent(n) for n in range(11, 15)])
    assert done.procedure.variants[0].attempts == len(done.replays) == 5
    assert len(done.procedure.provenance) == 7
    assert [e.to_status for e in done.events] == ["verified", "canonical"]


def evidence_of(*groups: list[Proposal]) -> list[Evidence]:
    """The variants of groups that were consolidated apart, each united."""
    parts: dict[str, list[Any]] = {}
    for group in groups:
        for entry in mined(*group)[0]:
            for evidence in entry.variants:
                parts.setdefault(evidence.variant_id, []).append((entry.procedure_id, evidence))
    return [unite_variant(found)[1] for _, found in sorted(parts.items())]


def test_variants_that_never_met_are_no_entry() -> None:
    """Each agrees with the same third one, in a group of its own."""
    groups = [
        [spent(n + 20 * half, LEFT if n % 2 else code) for n in range(1, 9)]
        for half, code in enumerate((OUT, LOOP))
    ]
    for group in groups:
        assert [len(entry.variants) for entry in mined(*group)[0]] == [2]
    variants = evidence_of(*groups)
    assert len(variants) == 3
    for order in itertools.permutations(variants):
        done = finish(order, Policy(), "2026-01-01")
        assert done == finish(variants, Policy(), "2026-01-01")
        codes = [{v.code for v in found.procedure.variants} for found in done]
        assert sorted(map(len, codes)) == [1, 2] and not any({OUT, LOOP} <= c for c in codes)
        for found in done:
            ids = {v.variant_id for v in found.procedure.variants}
            assert found.procedure.procedure_id == min(ids)
            assert {r.variant_id for r in found.replays} == ids
        assert sum(len(found.spans) for found in done) == 16


def test_variants_that_part_in_another_group_are_no_entry() -> None:
    """Without a price, one of them divides by nothing."""
    free = [spent(n, code, price=0, result=100 + n) for n, code in ((31, LEFT), (32, LEFT))]
    groups = [
        [spent(n, LEFT if n % 2 else OUT) for n in range(1, 9)],
        [*free, *(spent(n, OUT) for n in range(41, 45))],
    ]
    assert [len(entry.variants) for entry in mined(*groups[0])[0]] == [2]
    done = finish(evidence_of(*groups), Policy(), "2026-01-01")
    assert [len(found.procedure.variants) for found in done] == [1, 1]
    both = evidence_of(groups[0])
    assert [len(found.procedure.variants) for found in finish(both, Policy(), "")] == [2]


def test_a_variant_that_does_not_enter_waits_by_itself() -> None:
    entering = evidence_of([spent(n) for n in range(1, 5)])
    waiting = evidence_of([spent(7, OUT)])
    done = finish([*waiting, *entering], Policy(), "2026-01-01")
    found = {d.procedure.variants[0].code: d.procedure for d in done}
    assert {code: p.status for code, p in found.items()} == {LEFT: "canonical", OUT: "candidate"}
    assert all(p.procedure_id == p.variants[0].variant_id for p in found.values())


STEP = "def left(budget, price, boxes):\n    return budget - price * boxes"
COMPOSED = "def left(budget, price, boxes):\n    return (budget - price * boxes) / boxes"


def test_a_composed_routine_enters_only_when_it_passes_on_its_own() -> None:
    """Its steps pass wherever they are; of it there is one trace, or one where it fits."""

    def composed(number: int, off: float = 0) -> Proposal:
        share = (100 + number - (3 + number) * 4) / 4
        return spent(number, COMPOSED, result=share + off)

    steps = [spent(n, STEP) for n in range(1, 5)]
    for added, status in (
        ([composed(1)], "candidate"),
        ([composed(1), composed(2)], "candidate"),
        ([composed(1), composed(2), composed(3)], "verified"),
    ):
        done = finished(mined(*steps, *added)[0])
        by_code = {d.procedure.variants[0].code: d.procedure for d in done}
        assert by_code[STEP].status != "candidate" and len(by_code[STEP].variants) == 1
        assert by_code[COMPOSED].status == status and len(by_code[COMPOSED].variants) == 1


def test_what_is_only_said_otherwise_brings_its_evidence_and_is_no_variant() -> None:
    """In another order of parameters, too; the replays keep which value went where."""
    turned = "def rest(boxes, price, budget):\n    spent = price * boxes\n    return budget - spent"
    group = [spent(n) for n in range(1, 4)]
    group += [
        proposal(turned, n, result=100 + n - 4 * n, boxes=4, price=n, budget=100 + n)
        for n in range(11, 15)
    ]
    (done,) = finished(mined(*group)[0])
    (variant,) = done.procedure.variants
    assert variant.code == LEFT
    assert (variant.passes, variant.attempts, done.procedure.distinct_problems) == (6, 6, 6)
    assert {p.variant_id for p in done.procedure.provenance} == {variant.variant_id}
    assert {p.span_id for p in done.procedure.provenance} == {p.span.id for p in group}
    maps = {r.binding_map for r in done.replays}
    assert maps == {'{"boxes":"boxes","budget":"budget","price":"price"}'}


def needing(found: Proposal, predicate: str, failure: str) -> Proposal:
    span = replace(
        found.span, preconditions=(predicate,), predicates=(predicate,), failure_modes=(failure,)
    )
    return replace(found, span=span)


def test_what_only_one_variant_needs_stays_with_it_and_failures_are_united() -> None:
    """In the names of the first variant, through the alignment that the replays kept."""
    other = "def rest(price, purse, boxes):\n" + (
        "    for _ in range(boxes):\n        purse -= price\n    return purse"
    )
    group = [
        needing(spent(n), "budget >= 0", "an index beyond the end of budget") for n in range(1, 8)
    ]
    group += [
        needing(
            proposal(other, n, result=100 + n - 4 * (n + 3), price=n + 3, purse=100 + n, boxes=4),
            "purse > 0 and isinstance(boxes, int)",
            "division by zero when boxes - purse is zero",
        )
        for n in range(21, 26)
    ]
    (done,) = finished(mined(*group)[0])
    procedure = done.procedure
    (first, second) = procedure.variants
    assert (first.code, second.code) == (LEFT, other)
    assert procedure.predicates == first.predicates == ("budget >= 0",)
    assert second.predicates == ("purse > 0 and isinstance(boxes, int)",)
    assert procedure.preconditions == () and first.preconditions == ("budget >= 0",)
    assert procedure.failure_modes == (
        "an index beyond the end of budget",
        "division by zero when boxes - budget is zero",
    )
    assert second.failure_modes == ("division by zero when boxes - purse is zero",)


def test_failures_in_another_group_count() -> None:
    others = [
        proposal(MORE.replace("left(budget, price, boxes)", "left(budget, cost, sold)")
                 .replace("price * boxes", "cost * sold"),
                 n, result=100 + n + 3 * 4, budget=100 + n, cost=3, sold=4)
        for n in range(20, 30)
    ]  # fmt: skip
    alone = united([spent(n) for n in range(1, 5)])
    assert (alone.procedure.status, alone.procedure.success_rate) == ("canonical", 1.0)
    group = [spent(11), spent(12), *others]
    matrix = replay_group(group, ReplayLimits(), shared_sandbox())
    (left,) = (m for m in matrix.methods if m.founder.span.code == LEFT)
    verdicts = matrix.replays[left.variant_id]
    assert sum(v.verdict == "fail" for v in verdicts) == 10
    entries = [
        record for output, record in consolidate(matrix, min_replays=2) if output == "entries"
    ]
    parts = [
        (entry.procedure_id, evidence)
        for entry in [*entries, *mined(*(spent(n) for n in range(1, 5)))[0]]
        for evidence in entry.variants
        if evidence.variant_id == left.variant_id
    ]
    assert len(parts) == 2
    _, evidence = unite_variant(parts)
    (found,) = finish([evidence], Policy(), "2026-01-01")
    done = found.procedure
    assert (done.status, done.variants[0].passes, done.variants[0].attempts) == ("verified", 4, 14)


def test_a_pass_that_the_uniting_founder_makes_worthless_does_not_count() -> None:
    """One group judged against problem 2 or 3, the other against 4 or another attempt at 2."""
    again = spent(2, boxes=5, result=102 - 5 * 5)
    done = united([spent(2), spent(3)], [spent(4), again])
    founder = done.procedure.variants[0].span_id
    (lead,) = (p for p in (spent(2), spent(3), spent(4), again) if p.span.id == founder)
    counted = {v.instance_id for v in done.replays if v.verdict == "pass"}
    problems = {
        p.span.problem_id
        for p in (spent(2), spent(3), spent(4), again)
        if p.span.instances[0].id in counted
    }
    assert lead.span.problem_id not in problems
    assert done.procedure.distinct_problems == len(problems)
    worthless = [v.reason for v in done.replays if v.verdict == "unsupported"]
    assert set(worthless) <= {NOT_HELD_OUT} and len(worthless) + len(counted) == 2


def test_near_duplicates_of_two_groups_are_one_problem() -> None:
    """The same three problems, a word added, in a group of their own."""
    twins = [spent(n + 50, text=problem_text(n) + " now") for n in (1, 2, 3)]
    done = united([spent(n) for n in (1, 2, 3)], twins)
    assert done.procedure.distinct_problems == 2


def test_what_its_own_tests_refute_brings_its_verdicts_and_no_members() -> None:
    tests = (({"budget": 20, "price": 5, "boxes": 2}, 11),)
    refuted = spent(50, tests=tests)
    done = united([refuted], [spent(n) for n in (1, 2, 3)])
    assert done.procedure.status == "verified"
    assert (done.procedure.variants[0].passes, done.procedure.variants[0].attempts) == (2, 3)
    assert refuted.span.id not in {span.id for span in done.spans}


def test_a_failing_test_refutes_every_attempt_that_brings_it() -> None:
    tests = (({"budget": 9, "price": 2, "boxes": 3}, 4), ({"budget": 9, "price": 1, "boxes": 3}, 6))
    attempts = [spent(1, tests=tests), spent(1, tests=tests, boxes=5, result=101 - 20)]
    entries, rejected = mined(*attempts)
    assert entries == []
    assert len(rejected) == 2


def test_one_test_counts_once_however_many_attempts_bring_it() -> None:
    tests = (({"budget": 9, "price": 2, "boxes": 3}, 3),)
    table = "{(101, 4, 4): 85, (9, 2, 3): 3}"
    one = f"def left(budget, price, boxes):\n    return {table}.get((budget, price, boxes), 0)"
    other = (
        "def left(budget, price, boxes):\n"
        f"    known = {table}\n"
        "    return known.get((budget, price, boxes), 0)"
    )
    attempts = [spent(1, code, tests=tests, result=85) for code in (one, other)]
    assert set(statuses(*attempts)) == {"candidate"}


def test_a_whole_float_is_no_other_value() -> None:
    twins = [
        proposal(LEFT, n, result=88, budget=100 if n == 2 else 100.0, price=3, boxes=4)
        for n in (1, 2, 3, 4)
    ]
    assert set(statuses(*twins)) == {"candidate"}


@pytest.mark.parametrize(
    ("problems", "judged", "promote_after", "status"),
    [
        (3, 0, 3, "canonical"),
        (9, 9, 3, "verified"),
        (9, 6, 3, "canonical"),
        (9, 7, 3, "verified"),
        (2, 2, 1, "verified"),
        (2, 1, 1, "canonical"),
    ],
)
def test_what_a_model_judged_makes_nothing_canonical(
    problems: int, judged: int, promote_after: int, status: str
) -> None:
    policy = Policy(promote_after=promote_after)
    found, events = status_of(
        "p", True, problems, problems, 1.0, policy, "2026-01-01", judged=judged
    )
    assert found == status
    assert all(("judged" in event.evidence) is bool(judged) for event in events)


def in_words(problem: int, steps: str, **changes: Any) -> Proposal:
    """`spent` without its code."""
    made = spent(problem)
    words = {"code": None, "entry_point": None, "subroutine": steps, **changes}
    span_id = content_id(made.span.id, steps)
    own = replace(made.span.instances[0], id=content_id(span_id, "own"), span_id=span_id)
    return replace(made, span=replace(made.span, id=span_id, instances=(own,), **words))


def carried(group: list[Proposal], verdict: Any = "pass", verifier: str = "model:m+numeric") -> Any:
    """The group, replayed, after a model gave ``verdict`` on all that is held out for words."""
    prepared = prepare(group)
    verdicts = [
        Replay(
            method.variant_id,
            case.instance.id,
            dump_json({key.name: key.name for key in case.keys}),
            verdict,
            "said so",
            verifier,
        )
        for method in prepared.methods
        if method.in_words
        for case in prepared.held_out[method.variant_id]
    ]
    matrix = replay_group(group, ReplayLimits(), shared_sandbox(), verdicts)
    outputs = list(consolidate(matrix, min_replays=2))
    entries = [record for output, record in outputs if output == "entries"]
    return entries, [record for output, record in outputs if output == "rejected"]


def test_code_and_words_that_pass_on_each_other_stay_apart() -> None:
    group = [spent(n) for n in range(4)] + [in_words(n, "1. Buy.") for n in range(4, 8)]
    entries, _ = carried(group)
    kinds = [{bool(v.founder.span.code) for v in entry.variants} for entry in entries]
    assert len(kinds) == 2 and {True} in kinds and {False} in kinds
    for done in finished(entries):
        (variant,) = done.procedure.variants
        # Code is not run on instances of words; words are carried out on all.
        assert (variant.passes, bool(variant.code)) in {(3, True), (7, False)}


def test_words_alike_on_each_others_instances_are_one_entry() -> None:
    group = [in_words(n, "1. Buy." if n % 2 else "1. Pay.") for n in range(8)]
    (done,) = finished(carried(group)[0])
    assert {variant.subroutine for variant in done.procedure.variants} == {"1. Buy.", "1. Pay."}
    assert done.procedure.status == "canonical"


def test_words_that_only_failed_are_refuted_with_their_founder() -> None:
    group = [in_words(n, "1. Buy.") for n in range(4)]
    entries, rejected = carried(group, "fail")
    assert entries == []
    assert {r.record_id for r in rejected} == {p.span.id for p in group}


def test_words_that_nobody_could_carry_out_wait() -> None:
    group = [in_words(n, "1. Buy.") for n in range(4)]
    entries, rejected = carried(group, "unsupported")
    assert rejected == []
    assert [done.procedure.status for done in finished(entries)] == ["candidate"]


def test_words_that_a_model_judged_enter_and_rise_no_further() -> None:
    group = [in_words(n, "1. Buy.") for n in range(8)]
    (done,) = finished(carried(group, verifier="model:m+judge")[0])
    assert done.procedure.status == "verified"
    assert done.procedure.distinct_problems == 7


def test_the_same_words_in_another_layout_are_one_method() -> None:
    group = [in_words(1, "1. Buy.\n2. Pay."), in_words(2, " 1. Buy.  2. Pay.")]
    (method,) = prepare(group).methods
    assert len(method.members) == 2
    others = [in_words(1, "1. Buy."), in_words(2, "1. buy.")]
    assert len(prepare(others).methods) == 2


def test_words_take_their_roles_from_names_whatever_the_order() -> None:
    one, other = in_words(1, "1. Buy."), in_words(2, "1. Buy.")
    turned = replace(other.span.signature, inputs=tuple(reversed(other.span.signature.inputs)))
    other = replace(other, span=replace(other.span, signature=turned))
    (method,) = prepare([one, other]).methods
    assert [p.name for p in in_roles_of(one.span, other.span).inputs] == [
        p.name for p in one.span.signature.inputs
    ]
    assert len(method.members) == 2
