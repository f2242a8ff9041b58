"""Programs that solve one problem, from a trace to spans."""

from __future__ import annotations

import pytest
from code_traces import PROBLEM, PROGRAM, check_spans, code_trajectory, real_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.schemas import Span, decode
from tracemine.teachers.base import Segmentation
from tracemine.teachers.rules.code.reader import read_code
from tracemine.verifiers.replay import Case, Routine, replay
from tracemine.verifiers.sandbox import Sandbox, shared_sandbox


def _by_output(found: Segmentation) -> dict[str, list[Span]]:
    spans: dict[str, list[Span]] = {}
    for span in found.spans:
        spans.setdefault(span.signature.output.name, []).append(span)
    return spans


def test_a_program_gives_its_steps_and_the_whole(sandbox: Sandbox) -> None:
    trajectory = code_trajectory(PROGRAM, problem=PROBLEM, answer="55")
    found = read_code(trajectory, sandbox)
    check_spans(trajectory, found, sandbox)
    assert not found.dropped
    step, remaining, whole = sorted(found.spans, key=lambda s: len(s.signature.inputs))
    assert remaining.subquestion == (
        "how many items are left after some are taken away and others added"
    )
    assert remaining.kind == "procedural"
    assert (remaining.code or "").endswith("return first_items + second_items - third_items\n")
    assert [p.type for p in remaining.signature.inputs] == ["int", "int", "int"]
    assert (step.kind, step.tool) == ("tool", "operator.truediv")
    assert (whole.code or "").endswith(
        "return (first_items + second_items - third_items) / people\n"
    )
    assert whole.signature.output.type == "rational"
    assert "people != 0" in whole.predicates
    for span in found.spans:
        assert span.instances[0].checked
        text = f"{span.subquestion} {span.subroutine} {span.summary} {span.code}"
        assert "nadia" not in text.lower()
        assert not any(number in text for number in ("240", "90", "15"))


def test_a_result_that_is_not_the_answer_is_not_checked(sandbox: Sandbox) -> None:
    found = read_code(code_trajectory(PROGRAM, problem=PROBLEM, answer="56"), sandbox)
    assert found.spans
    assert not any(span.instances[0].checked for span in found.spans)


def test_only_what_feeds_the_answer_is_checked(sandbox: Sandbox) -> None:
    trace = (
        "boxes = 14\nper_box = 6\nprice = 3\nused = boxes * per_box - price\n"
        "unused = boxes + per_box - price\nans = used * price\n"
    )
    trajectory = code_trajectory(
        trace, problem="There are 14 boxes of 6 at 3 coins. How much?", answer="243"
    )
    found = read_code(trajectory, sandbox)
    check_spans(trajectory, found, sandbox)
    checked = {decode(s.instances[0].result): s.instances[0].checked for s in found.spans}
    assert checked == {14 * 6 - 3: True, 81 * 3: True, 14 + 6 - 3: False}


def test_constants_stay_and_data_inside_expressions_is_lifted(sandbox: Sandbox) -> None:
    trace = "def solver():\n    year = 37 * 12\n    return year + 250 * 12\nans = solver()\n"
    problem = "Rent is 37 dollars a month and fuel 250 dollars a month. What is it for a year?"
    trajectory = code_trajectory(trace, problem=problem, answer="3444")
    found = read_code(trajectory, sandbox)
    check_spans(trajectory, found, sandbox)
    whole = max(found.spans, key=lambda span: span.end - span.start)
    assert whole.code is not None
    assert "12" in whole.code
    assert "37" not in whole.code and "250" not in whole.code
    assert sorted(decode(whole.instances[0].bindings).values()) == [37, 250]


def test_one_quantity_is_one_parameter(sandbox: Sandbox) -> None:
    trace = "heads = 110\nsmall = (heads - 30) / 2\nlarge = small + 30\n"
    problem = "There are 110 coins, 30 more large ones than small ones. How many are large?"
    found = read_code(code_trajectory(trace, problem=problem, answer="70"), sandbox)
    whole = max(found.spans, key=lambda span: span.end - span.start)
    assert len(whole.signature.inputs) == 2


def test_loops_and_accumulators_are_kept_whole(sandbox: Sandbox) -> None:
    trace = (
        "start = 25\nrate = 4\nweeks = 9\ntotal = 0\nfor week in range(weeks):\n"
        "    total += start + rate * week\nprint(total)\n"
    )
    problem = "He saves 25 coins, then 4 more each week, for 9 weeks. How many coins?"
    trajectory = code_trajectory(trace, problem=problem, answer="369")
    found = read_code(trajectory, sandbox)
    check_spans(trajectory, found, sandbox)
    (span,) = found.spans
    assert [p.name for p in span.signature.inputs] == ["start", "rate", "weeks"]
    assert "For each week from 0 to weeks - 1:" in span.subroutine
    assert span.instances[0].checked


def test_a_function_with_parameters_is_taken_as_it_is(sandbox: Sandbox) -> None:
    trace = (
        "import math\ndef area(radius, height):\n"
        "    return 2 * math.pi * radius * (radius + height)\nprint(round(area(5, 17), 2))\n"
    )
    trajectory = code_trajectory(trace, problem="A tin of radius 5 and height 17.", answer="691.15")
    found = read_code(trajectory, sandbox)
    check_spans(trajectory, found, sandbox)
    (span,) = [s for s in found.spans if s.entry_point == "area"]
    assert decode(span.instances[0].bindings) == {"radius": 5, "height": 17}
    assert span.signature.output.type == "real"
    assert span.instances[0].checked
    assert span.code is not None and span.code.startswith("import math\n")


def test_a_name_of_a_builtin_may_hold_a_value(sandbox: Sandbox) -> None:
    trace = "first = 31\nsecond = 44\nsum = first + second\nhalf = sum / 2 - first\n"
    trajectory = code_trajectory(trace, problem="Of 31 and 44, what?", answer="6.5")
    found = read_code(trajectory, sandbox)
    check_spans(trajectory, found, sandbox)
    assert {decode(s.instances[0].result) for s in found.spans} == {75, 6.5}


def test_a_sympy_program_is_one_routine_back_to_its_plain_values(sandbox: Sandbox) -> None:
    trace = (
        "from sympy import symbols, Eq, solve\nlegs = 86\nheads = 30\nx = symbols('x')\n"
        "sheep = solve(Eq(4 * x + 2 * (heads - x), legs), x)[0]\nprint(sheep)\n"
    )
    problem = "Sheep and geese have 86 legs and 30 heads together. How many sheep are there?"
    trajectory = code_trajectory(trace, problem=problem, answer="13")
    found = read_code(trajectory, sandbox)
    check_spans(trajectory, found, sandbox)
    (span,) = found.spans
    assert sorted(p.name for p in span.signature.inputs) == ["heads", "legs"]
    assert not found.dropped


def _only(trace: str, problem: str, answer: str, sandbox: Sandbox) -> list[Span]:
    """The checked spans of a program."""
    trajectory = code_trajectory(trace, problem=problem, answer=answer)
    found = read_code(trajectory, sandbox)
    check_spans(trajectory, found, sandbox)
    return [span for span in found.spans if span.instances[0].checked]


def test_solutions_are_given_by_the_names_of_their_symbols(sandbox: Sandbox) -> None:
    trace = (
        "from sympy import *\ng, s = symbols('g s')\n"
        "found = solve((Eq(4*s + 2*g, 86), Eq(s + g, 30)), (s, g))\nprint(found[s])\n"
    )
    problem = "Sheep and geese have 86 legs and 30 heads together. How many sheep are there?"
    spans = _only(trace, problem, "13", sandbox)
    results = [decode(span.instances[0].result) for span in spans]
    assert {"g": 17, "s": 13} in results and 13 in results
    named = spans[results.index({"g": 17, "s": 13})]
    assert named.signature.output.type == "dict[str, int]"
    assert sorted(p.name for p in named.signature.inputs) == ["heads", "legs"]
    assert any(text.startswith("needs sympy (run with sympy ") for text in named.preconditions)


def test_a_sympy_routine_replays_on_other_problems(sandbox: Sandbox) -> None:
    trace = (
        "from sympy import symbols, Eq, solve\nmany, few = symbols('many few')\n"
        "found = solve((Eq(many + few, {0}), Eq(4 * many + 2 * few, {1})), (many, few))\n"
        "print(found[many])\n"
    )
    problem = "Together {2} keeps {0} heads with {1} legs. How many have four legs?"
    read = []
    for heads, legs, who in ((30, 86, "Nadia"), (41, 118, "Omar"), (25, 72, "Lena")):
        spans = _only(
            trace.format(heads, legs),
            problem.format(heads, legs, who),
            str(legs // 2 - heads),
            sandbox,
        )
        read.append(next(s for s in spans if s.signature.output.type == "int"))
    first, *others = read
    assert "many from heads and legs" in first.subquestion
    routine = Routine(
        "variant", first.code or "", first.entry_point or "", first.signature, first.predicates,
        "numeric",
    )  # fmt: skip
    cases = [Case(s.instances[0], s.signature.inputs, "family") for s in others]
    assert [r.verdict for r in replay(routine, cases, sandbox)] == ["pass", "pass"]


@pytest.mark.parametrize(
    ("last", "answer", "kind"),
    [
        ("derived = diff(x**3 - 17*x, x)\nprint(derived)", "3x^2-17", "expr"),
        ("print(solve(x**2 - 17, x))", r"-\sqrt{17}, \sqrt{17}", "list[expr]"),
        ("print(solve_univariate_inequality(x - 17 > 0, x, relational=False))",
         r"(17, \infty)", "str"),
        ("q, r = div(x**2 - 17, x - 1)\nprint(q, r)", "x+1", "expr"),
        ("m = Matrix([[17, 1], [0, 1]])\nprint(m * m)",
         r"\begin{pmatrix} 289 & 18 \\ 0 & 1 \end{pmatrix}", ""),
    ],
)  # fmt: skip
def test_what_sympy_works_out_is_given_as_written(
    last: str, answer: str, kind: str, sandbox: Sandbox
) -> None:
    trace = f"from sympy import *\nx = symbols('x')\n{last}\n"
    trajectory = code_trajectory(trace, problem="Something of 17 apples is done.", answer=answer)
    found = read_code(trajectory, sandbox)
    check_spans(trajectory, found, sandbox)
    if kind:
        (span,) = [s for s in found.spans if s.instances[0].checked]
        assert span.signature.output.type == kind
        assert [decode(span.instances[0].bindings)[p.name] for p in span.signature.inputs] == [17]


def test_arrays_are_lifted_as_a_whole_and_given_as_lists(sandbox: Sandbox) -> None:
    trace = (
        "import numpy as np\nfirst = np.array([31, 4, 7])\nsecond = np.array([2, 26, 5])\n"
        "between = second - first\nprint(int(np.dot(between, between)))\n"
    )
    problem = "How far, squared, is (31, 4, 7) from (2, 26, 5)?"
    (span,) = [
        s for s in _only(trace, problem, "1329", sandbox) if decode(s.instances[0].result) == 1329
    ]
    assert decode(span.instances[0].bindings) == {
        "first_entries": [31, 4, 7],
        "second_entries": [2, 26, 5],
    }


def test_a_loop_that_searches_is_one_routine(sandbox: Sandbox) -> None:
    trace = (
        "for count in range(97):\n    if count % 13 == 8 and count * count > 1600:\n"
        "        found = count\n        break\nprint(found)\n"
    )
    problem = "Fewer than 97 eggs stand in rows of 13 eggs, and 8 eggs are left. How many?"
    (span,) = _only(trace, problem, "47", sandbox)
    assert span.code is not None and "range(eggs)" in span.code
    assert sorted(decode(span.instances[0].bindings).values()) == [8, 13, 97, 1600]


def test_an_object_keeps_its_history(sandbox: Sandbox) -> None:
    trace = (
        "class Jar:\n"
        '    """The jar of Olga with 410 beans."""\n'
        "    def __init__(self, beans):\n        self.beans = beans\n"
        "    def take(self, part):\n        self.beans -= self.beans * part // 100\n"
        "        return self.beans\n"
        "jar = Jar(410)\njar.take(30)\nleft = jar.take(50)\nprint(jar.beans)\n"
    )
    problem = "Olga has 410 beans in a jar. She takes 30 percent, then 50 percent of the rest."
    spans = _only(trace, problem, "144", sandbox)
    whole = [s for s in spans if s.signature.output.name.startswith("beans")]
    assert [decode(s.instances[0].result) for s in whole] == [144]
    assert len(whole[0].signature.inputs) == 3
    assert whole[0].code is not None
    assert "Olga" not in whole[0].code and "410" not in whole[0].code
    assert "of a Jar" in whole[0].subroutine


def test_inner_functions_and_examples_give_routines(sandbox: Sandbox) -> None:
    trace = (
        "def outer(limit):\n"
        "    def climb(start, step=3):\n"
        "        return start if start > limit else climb(start + step)\n"
        "    return climb(1) * 10\n"
        "def area(a, b):\n"
        '    """Area of a rectangle less one.\n\n    >>> area(3, 4)\n    11\n    """\n'
        "    return a * b - 1\n"
        "def wrong(a, b):\n"
        '    """Wrong.\n\n    >>> wrong(3, 4)\n    11\n    """\n'
        "    return a * b\n"
        "print(outer(20))\n"
    )
    trajectory = code_trajectory(trace, problem="Climb.", answer="220")
    found = read_code(trajectory, sandbox)
    check_spans(trajectory, found, sandbox)
    by_entry = {s.entry_point: s for s in found.spans}
    assert set(by_entry) == {"outer", "climb", "area"}
    assert decode(by_entry["climb"].instances[0].bindings) == {"start": 1, "step": 3, "limit": 20}
    assert decode(by_entry["area"].instances[0].result) == 11
    assert not by_entry["area"].instances[0].checked
    assert {d.reason for d in found.dropped} == {"does not reproduce its own result"}


def test_a_comment_that_asks_something_is_a_precondition(sandbox: Sandbox) -> None:
    trace = (
        "import math\nside = 60\n# Assume the side is positive\n"
        "half = math.sqrt(side * side / 7)  # side must not be a length in cm\nprint(half)\n"
    )
    (span,) = _only(trace, "Of a side of 60, what?", "22.6779", sandbox)
    assert "Assume the side is positive" in span.preconditions
    assert "side must not be a length in cm" in span.preconditions


_ATOMS = st.sampled_from(["a", "b", "c", "d"])


@st.composite
def _programs(draw: st.DrawFn) -> str:
    lines = ["a = 23", "b = 41", "c = 2.5", "d = [3, 1, 2]"]
    for i in range(draw(st.integers(1, 5))):
        x, y = draw(st.sampled_from("abc")), draw(st.sampled_from("abc"))
        lines.append(
            draw(
                st.sampled_from(
                    [
                        f"v{i} = {x} * {y} - 7",
                        f"{x} += {y} * 2",
                        f"for i in range(3):\n    {x} = {x} + {y}",
                        f"if {x} > {y}:\n    {x} = {y} - 1\nelse:\n    w{i} = {x}",
                        f"d.append({x})",
                        f"v{i} = sum(d) / len(d)",
                        f"a, b = b, {x}",
                        f"def h{i}(z):\n    return z + {x}\nv{i} = h{i}({y}) * 2",
                        f"v{i} = [q * {x} for q in d]",
                        f"print({x}, {y})",
                    ]
                )
            )
        )
    return "\n".join([*lines, "final = a + b - c", "print(final)"])


@settings(max_examples=40, deadline=None)
@given(_programs())
def test_spans_of_any_program_reproduce_their_results(trace: str) -> None:
    sandbox = shared_sandbox()
    trajectory = code_trajectory(trace, problem="Of 23 and 41 and 2.5 and 3, what?", answer="61.5")
    found = read_code(trajectory, sandbox)
    check_spans(trajectory, found, sandbox)
    assert read_code(trajectory, sandbox) == found


def test_real_programs_give_checked_routines(sandbox: Sandbox) -> None:
    rows = [r for r in real_rows("pot_gsm8k.jsonl.gz") if r["executed"] == r["answer"]][:120]
    good = 0
    for row in rows:
        trajectory = code_trajectory(
            row["generated"], problem=row["question"], answer=str(row["executed"])
        )
        found = read_code(trajectory, sandbox)
        assert all(s.quote == trajectory.trace[s.start : s.end] for s in found.spans)
        good += any(s.instances[0].checked for s in found.spans)
    assert good >= 0.95 * len(rows)
