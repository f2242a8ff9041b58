"""Aligning roles and judging replays."""

from __future__ import annotations

import dataclasses
import gc
import json
import weakref
from fractions import Fraction
from typing import Any

import pytest
from asked_batches import Batch
from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas import Instance, Parameter, Signature, content_id, encode
from tracemine.verifiers import Run, Sandbox, check_tests, shared_sandbox
from tracemine.verifiers.replay import (
    CHOSE,
    FLAKY,
    Case,
    Routine,
    alignments,
    is_plain_arithmetic,
    replay,
)


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return shared_sandbox()


def signature(*names: str, kind: str = "int", output: str = "int") -> Signature:
    inputs = tuple(Parameter(*name.split(":")) if ":" in name else Parameter(name, kind)
                   for name in names)  # fmt: skip
    return Signature(inputs, Parameter("result", output))


def routine(code: str, sig: Signature, *predicates: str, verifier: str = "numeric") -> Routine:
    entry = code.split("def ")[1].split("(")[0]
    return Routine(content_id(code), code, entry, sig, tuple(predicates), verifier)


def case(result: Any, family: str = "f", *, own_roles: bool = False, **bindings: Any) -> Case:
    keys = tuple(Parameter(name, "int") for name in bindings)
    text = encode(bindings)
    instance = Instance(
        id=content_id(family, list(bindings), text, encode(result)),
        span_id="s", trajectory_id="t", problem_id="p",
        bindings=text, result=encode(result), checked=True,
    )  # fmt: skip
    return Case(instance, keys, family, own_roles)


REMAINING = routine(
    "def remaining(budget, price, boxes):\n    return budget - price * boxes",
    signature("budget", "price", "boxes"),
)


def test_names_that_say_something_align_roles() -> None:
    keys = signature("boxes", "budget", "price").inputs
    assert alignments(REMAINING.signature, keys) == [(1, 2, 0)]


def test_names_that_say_nothing_do_not() -> None:
    assert len(alignments(signature("a", "b"), signature("b", "a").inputs)) == 2
    assert len(alignments(signature("amount", "n"), signature("amount", "n").inputs)) == 2


def test_what_remains_after_names_is_aligned_in_every_way() -> None:
    keys = signature("crates", "price", "coins").inputs
    assert alignments(REMAINING.signature, keys) == [(0, 1, 2), (2, 1, 0)]


def test_units_and_types_tell_roles_apart() -> None:
    own = Signature(
        (Parameter("way", "int", "km"), Parameter("time", "int", "hour")), Parameter("v", "int")
    )
    keys = (Parameter("h", "rational", "hour"), Parameter("d", "int", "km"))
    assert alignments(own, keys) == [(1, 0)]
    assert alignments(signature("items:list[int]", "k:int"), signature("w:int", "xs:list").inputs) \
        == [(1, 0)]  # fmt: skip
    assert alignments(signature("a:str"), signature("b:int").inputs) == []
    assert alignments(signature("a:int"), signature("b:int", "c:int").inputs) == []


def test_too_many_alignments_are_none() -> None:
    names = [f"p{letter}q" for letter in "abcdef"]
    others = [f"x{letter}y" for letter in "abcdef"]
    assert alignments(signature(*names), signature(*others).inputs) == []
    assert len(alignments(signature(*names[:5]), signature(*others[:5]).inputs)) == 120


@given(st.permutations(["budget", "price", "boxes"]))
def test_the_order_of_keys_does_not_matter_to_names(order: list[str]) -> None:
    (alignment,) = alignments(REMAINING.signature, signature(*order).inputs)
    assert [order[position] for position in alignment] == ["budget", "price", "boxes"]


def test_a_named_alignment_passes_and_says_its_map(sandbox: Sandbox) -> None:
    (verdict,) = replay(REMAINING, [case(70, boxes=3, budget=100, price=10)], sandbox)
    assert verdict.verdict == "pass"
    assert json.loads(verdict.binding_map) == {n: n for n in ("budget", "price", "boxes")}
    (verdict,) = replay(REMAINING, [case(71, boxes=3, budget=100, price=10)], sandbox)
    assert verdict.verdict == "fail"


def test_one_instance_chooses_and_does_not_count(sandbox: Sandbox) -> None:
    cases = [
        case(100 - 3 * i, "twin", coins=100, crates=3, each=i) for i in range(4, 10)
    ]  # fmt: skip
    verdicts = replay(REMAINING, cases, sandbox)
    assert [v.verdict for v in verdicts].count("pass") == 5
    chooser = next(v for v in verdicts if v.verdict != "pass")
    assert (chooser.verdict, chooser.reason) == ("unsupported", CHOSE)
    # The instance of the least id chooses, whatever the order of the cases.
    assert chooser.instance_id == min(c.instance.id for c in cases)
    assert replay(REMAINING, cases[::-1], sandbox) == verdicts


def test_the_choice_binds_the_rest_of_its_family_only(sandbox: Sandbox) -> None:
    right = [case(100 - 3 * i, "right", coins=100, crates=3, each=i) for i in range(4, 8)]
    # Here the first two values are swapped: another family may choose another alignment.
    other = [case(100 - 3 * i, "other", crates=3, coins=100, each=i) for i in range(4, 8)]
    by_id = {v.instance_id: v for v in replay(REMAINING, right + other, sandbox)}
    for family in (right, other):
        verdicts = [by_id[c.instance.id].verdict for c in family]
        assert sorted(verdicts) == ["pass", "pass", "pass", "unsupported"]


def test_a_family_that_contradicts_its_chooser_fails(sandbox: Sandbox) -> None:
    cases = [case(100 - 3 * i, coins=100, crates=3, each=i) for i in range(4, 8)]
    cases += [case(3 * 100 - i, coins=100, crates=3, each=i) for i in range(4, 8)]
    verdicts = [v.verdict for v in replay(REMAINING, cases, sandbox)]
    assert verdicts.count("fail") == 4


def test_an_instance_that_nothing_fits_does_not_choose(sandbox: Sandbox) -> None:
    cases = [case(100 - 3 * i, coins=100, crates=3, each=i) for i in range(4, 12)]
    least = min(cases, key=lambda c: c.instance.id)
    wrong = dataclasses.replace(least, instance=dataclasses.replace(least.instance, result="1"))
    verdicts = replay(REMAINING, [wrong if c is least else c for c in cases], sandbox)
    assert [v.verdict for v in verdicts].count("pass") == 6


#: Code that would have a precondition fail rather than itself.
EVASIONS = {
    "its own bool": "def f(a): return 1\ndef bool(x): return 0\n",
    "its own isinstance": "def f(a): return 1\ndef isinstance(x, kind): return False\n",
    "a patched builtin": "import builtins\nbuiltins.isinstance = lambda *a: False\n"
    "def f(a): return 1",
    "its own conditions": "def f(a): return 1\ndef tracemine_conditions(a): return 0\n",
    "an answer in its name": "import os, struct\ndef f(a): return 1\ntry:\n"
    ' text = b\'ok {"$tuple":["precondition","a > 0"]}\'\n'
    " os.write(3, struct.pack('>Q', len(text)) + text)\n os._exit(0)\n"
    "except OSError: pass\n",
    "a tuple": "def f(a): return ('precondition', 'a > 0')",
}


@pytest.mark.parametrize("name", EVASIONS)
def test_code_cannot_say_that_it_was_not_meant(name: str, sandbox: Sandbox) -> None:
    entry = routine("def f(a):\n    return 1", signature("a"), "a > 0", "isinstance(a, int)")
    evading = dataclasses.replace(entry, code=EVASIONS[name])
    (verdict,) = replay(evading, [case(2, own_roles=True, a=1)], sandbox)
    assert verdict.verdict == "fail", verdict
    (verdict,) = replay(evading, [case(2, own_roles=True, a=0)], sandbox)
    assert (verdict.verdict, verdict.reason) == (
        "unsupported", "precondition does not hold: a > 0"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("predicate", "verdict", "reason"),
    [
        ("a ==", "unsupported", "a precondition that cannot be judged: SyntaxError"),
        ("1 / 0", "unsupported", "precondition does not hold: 1 / 0"),
        ("missing(a)", "unsupported", "precondition does not hold: missing(a)"),
        (
            "0): return 99\n        if (a",
            "unsupported",
            "precondition does not hold: one that is no",
        ),
        ("sum(iter(int, 1))", "timeout", "a precondition that cannot be judged"),
        ("a > 5 # \n or a == 1", "pass", "equal numbers"),
        ("a + '" + "x" * 1000 + "'", "unsupported", "precondition does not hold: a + 'xxx"),
    ],
)
def test_a_precondition_that_cannot_be_judged_is_a_verdict(
    predicate: str, verdict: str, reason: str, sandbox: Sandbox
) -> None:
    bounded = routine("def f(a):\n    return a", signature("a"), predicate)
    (found,) = replay(bounded, [case(1, own_roles=True, a=1)], sandbox)
    assert found.verdict == verdict and found.reason.startswith(reason), found
    assert len(found.reason) <= 300


@pytest.mark.parametrize(
    ("code", "kind", "value", "verdict"),
    [
        ("def f(:", "int", 1, "error"),
        ("def f(a): return 1\0", "int", 1, "error"),
        ("def f(a): return " + "-" * 50_000 + "1", "int", 1, "error"),
        ("def f(a): return 1" + "#" * 300_000, "int", 1, "unsupported"),
        ("def f(a): return 1", "dict[list[int], int]", {(1, 2): 3}, "unsupported"),
        ("def f(a): return 1", "rational", "1e1000", "unsupported"),
        ("def f(a): raise ValueError('x' * 9000)", "int", 1, "error"),
    ],
    ids=["syntax", "null", "deep", "long", "keys", "exponent", "message"],
)
def test_nothing_of_a_routine_raises_here(
    code: str, kind: str, value: Any, verdict: str, sandbox: Sandbox
) -> None:
    bad = Routine("v", code, "f", signature("a", kind=kind), (), "exact")
    (found,) = replay(bad, [case(1, own_roles=True, a=value)], sandbox)
    assert found.verdict == verdict and len(found.reason) <= 300
    assert not is_plain_arithmetic(code) or verdict == "unsupported"


def test_a_verifier_that_there_is_not_is_unsupported(sandbox: Sandbox) -> None:
    odd = dataclasses.replace(REMAINING, verifier="nope")
    (verdict,) = replay(odd, [case(70, boxes=3, budget=100, price=10)], sandbox)
    assert (verdict.verdict, verdict.reason) == ("unsupported", "no verifier nope")


def test_alignments_that_cannot_differ_need_no_choice(sandbox: Sandbox) -> None:
    total = routine("def total(x, y, z):\n    return x + y + z", signature("x", "y", "z"))
    cases = [case(6 + i, u=1, v=2, w=3 + i) for i in range(3)]
    assert [v.verdict for v in replay(total, cases, sandbox)] == ["pass"] * 3


def test_a_false_precondition_is_unsupported(sandbox: Sandbox) -> None:
    share = routine(
        "def share(total_cost, people):\n    return total_cost / people",
        signature("total_cost", "people", output="rational"),
        "people != 0",
    )
    (verdict,) = replay(share, [case(0, total_cost=6, people=0)], sandbox)
    assert verdict.verdict == "unsupported"
    assert "people != 0" in verdict.reason


def test_errors_and_timeouts_are_verdicts(sandbox: Sandbox) -> None:
    broken = routine("def broken(items_sold):\n    return items_sold / 0", signature("items_sold"))
    endless = routine(
        "def endless(items_sold):\n    while True:\n        pass", signature("items_sold")
    )
    (verdict,) = replay(broken, [case(1, items_sold=1)], sandbox)
    assert verdict.verdict == "error"
    (verdict,) = replay(endless, [case(1, items_sold=1)], sandbox)
    assert verdict.verdict == "timeout"


def test_what_the_fast_interpreter_lacks_cpython_decides(
    sandbox: Sandbox, batches: list[Batch]
) -> None:
    code = (
        "from fractions import Fraction\n"
        "def smallest(numbers_given, how_many):\n"
        "    return [int(Fraction(n)) for n in sorted(numbers_given)[:how_many]]"
    )
    sig = signature("numbers_given:list[int]", "how_many:int", output="list[int]")
    own = case([1, 2], own_roles=True, numbers_given=[3, 1, 2], how_many=2)
    (verdict,) = replay(routine(code, sig, verifier="exact"), [own], sandbox)
    assert verdict.verdict == "pass"
    ended = [(batch.backend, batch.second_seed, batch.runs[0].status) for batch in batches]
    assert [where[0] for where in ended] == ["monty", "cpython", "cpython"]
    assert ended[0][2] != "ok"
    assert ended[1:] == [("cpython", False, "ok"), ("cpython", True, "ok")]


CHANCE = {
    "the order of a set": "def f(words):\n    return list(set(words))[0]",
    "a hash": "def f(words):\n    return words[hash(words[0]) % len(words)]",
    "an address": "def f(words):\n    return words[id(object()) // 4096 % len(words)]",
    "a random number": "import random\ndef f(words):\n    return random.choice(words)",
}


@pytest.mark.parametrize("name", CHANCE)
def test_a_pass_that_rests_on_chance_fails(name: str, sandbox: Sandbox) -> None:
    """What such code gave in one run is expected of it, so that this run passes."""
    code, words = CHANCE[name], [f"w{n}" for n in range(400)]
    (run,) = sandbox.run_many(code, "f", [{"words": words}], backend="cpython")
    sig = signature("words:list[str]", output="str")
    own = case(run.value, own_roles=True, words=words)
    (verdict,) = replay(routine(code, sig, verifier="exact"), [own], sandbox)
    if name == "an address" and verdict.verdict == "fail" and FLAKY not in verdict.reason:
        pytest.skip("the first run's address is already another: every child has its own")
    assert (verdict.verdict, verdict.reason[:5]) == ("fail", FLAKY)
    test = f"assert f({words!r}) == {run.value!r}"
    found = check_tests(code, [test], "", sandbox)
    # There the source is longer, so that the first run's address may be another already.
    assert found.outcome == "differ" and (name == "an address" or found.reason.startswith(FLAKY))


def test_a_pass_that_does_not_is_confirmed(sandbox: Sandbox) -> None:
    code = "def f(words):\n    return sorted(set(words))"
    sig = signature("words:list[str]", output="list[str]")
    cases = [case([str(n)], own_roles=True, words=[str(n)] * 2) for n in range(20)]
    verdicts = replay(routine(code, sig, verifier="exact"), cases, sandbox)
    assert {verdict.verdict for verdict in verdicts} == {"pass"}


def test_each_batch_is_one_round_trip() -> None:
    class Counting(Sandbox):
        """Counts what it is asked."""

        asked: list[tuple[str, int, bool]]

        def run_many(self, source: str, entry_point: str, bindings: Any, **how: Any) -> list[Run]:
            asked = (how["backend"], len(bindings), how.get("second_seed", False))
            self.asked.append(asked)
            return super().run_many(source, entry_point, bindings, **how)

    code = "def f(n):\n    return abs(n) if n < 30 else None"
    cases = [case(n, own_roles=True, n=n) for n in range(40)]
    with Counting(processes=1) as counting:
        counting.asked = []
        verdicts = replay(routine(code, signature("n")), cases, counting)
    assert [v.verdict for v in verdicts].count("pass") == 30
    assert counting.asked == [("monty", 40, False), ("cpython", 10, False), ("cpython", 30, True)]


def test_bindings_arrive_as_the_signature_says(sandbox: Sandbox) -> None:
    code = (
        "def f(grid, part, times):\n"
        "    assert type(grid) is list and type(grid[0]) is list and type(times) is int\n"
        "    return sum(map(sum, grid)) * part * times"
    )
    sig = signature("grid:matrix[int]", "part:rational", "times:int", output="rational")
    given = {"grid": ((1, 2), (3, 4)), "part": Fraction(1, 3), "times": 3.0}
    (verdict,) = replay(routine(code, sig), [case(10, own_roles=True, **given)], sandbox)
    assert verdict.verdict == "pass", verdict
    given["times"] = 2.5
    (verdict,) = replay(routine(code, sig), [case(10, own_roles=True, **given)], sandbox)
    assert (verdict.verdict, verdict.reason) == ("unsupported", "times: a float is no int")


@pytest.mark.parametrize(
    ("kind", "value"),
    [("int", 2.5), ("rational", "abc"), ("set[any]", ((1,), [2])), ("real", Fraction(10**400))],
)
def test_what_cannot_be_bound_keeps_nothing_of_its_callers(
    kind: str, value: Any, sandbox: Sandbox
) -> None:
    class Held:
        """Something large, of whoever replays."""

    def ask() -> weakref.ref[Held]:
        held = Held()
        asked = routine("def f(a): return a", signature(f"a:{kind}"))
        (verdict,) = replay(asked, [case(1, own_roles=True, a=value)], sandbox)
        assert verdict.verdict == "unsupported"
        return weakref.ref(held)

    gc.disable()
    try:
        assert ask()() is None
    finally:
        gc.enable()


NUMBERS = st.one_of(
    st.integers(), st.floats(allow_nan=False, allow_infinity=False, width=32), st.just(0)
)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=5, max_size=20))
def test_plain_arithmetic_is_the_same_in_both_interpreters(
    sandbox: Sandbox, values: list[tuple[float, float, float]]
) -> None:
    code = (
        "def f(a, b, c):\n"
        "    d = a * b - c / 7\n"
        "    e = -d + b // 3 % 5\n"
        "    return (a - e * 100) / c * 0.01 + d\n"
    )
    assert is_plain_arithmetic(code)
    bindings = [dict(zip("abc", row, strict=True)) for row in values]
    fast = sandbox.run_many(code, "f", bindings, backend="monty")
    sure = sandbox.run_many(code, "f", bindings, backend="cpython")
    assert [(r.status, repr(r.value)) for r in fast] == [(r.status, repr(r.value)) for r in sure]


@pytest.mark.parametrize(
    "code",
    [
        "def f(a):\n    return abs(a)",
        "def f(a):\n    return a ** a",
        "def f(a):\n    return 'x' * a",
        "def f(a):\n    while a:\n        a = a - 1\n    return a",
        "def f(a):\n    return a.real",
        "import math\ndef f(a):\n    return a",
        "def f(a):\n    return [a][0]",
    ],
)
def test_what_is_more_than_arithmetic_is_not_plain(code: str) -> None:
    assert not is_plain_arithmetic(code)


def test_instances_that_do_not_fit_give_no_verdict(sandbox: Sandbox) -> None:
    assert replay(REMAINING, [case(1, one=1, two=2)], sandbox) == []


def test_alignments_that_part_later_are_chosen_among_again(sandbox: Sandbox) -> None:
    """The first case leaves two of six alignments, both right: it alone does not count."""
    mixed = routine("def f(a, b, c):\n    return a * b + c * c", signature("a", "b", "c"))
    cases = [
        case(2 * 2 + 3 * 3, x=3, y=2, z=2),  # any alignment that squares the three
        case(2 * 5 + 3 * 3, x=3, y=2, z=5),
        case(4 * 6 + 7 * 7, x=7, y=4, z=6),
        case(4 * 8 + 5 * 5, x=5, y=4, z=8),
    ]
    verdicts = {r.reason: r.verdict for r in replay(mixed, cases, sandbox)}
    assert list(verdicts.values()).count("unsupported") == 1
    assert len(replay(mixed, cases, sandbox)) == 4
    assert [r.verdict for r in replay(mixed, cases, sandbox)].count("pass") == 3


def test_what_monty_cannot_compute_is_asked_of_cpython(sandbox: Sandbox) -> None:
    half = routine("def f(a, b):\n    return a * b", signature("a:rational", "b:rational"))
    (verdict,) = replay(half, [case(Fraction(3, 8), a=Fraction(3, 4), b=Fraction(1, 2))], sandbox)
    assert verdict.verdict == "pass"
