import dataclasses
import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from solved_problems import solved

from tracemine.schemas import Span, Trajectory, decode
from tracemine.teachers.rules import RulesTeacher
from tracemine.teachers.rules.mathematics.derivations import (
    MAX_STEPS,
    NAMELESS_LETTERS,
    UNKNOWN_SHAPE,
    read_derivations,
)
from tracemine.verifiers import Sandbox, verify

#: Rows of the real data that are read.
SAMPLE = 150


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(processes=1) as opened:
        yield opened


def _assert_sound(trajectory: Trajectory, sandbox: Sandbox) -> tuple[Span, ...]:
    """Every routine gives its stated result in the sandbox; quotes stand where they say."""
    spans = read_derivations(trajectory).segmentation.spans
    for span in spans:
        assert span.quote == trajectory.trace[span.start : span.end]
        (instance,) = span.instances
        names = [parameter.name for parameter in span.signature.inputs]
        assert len(set(names)) == len(names)
        assert sorted(decode(instance.bindings)) == sorted(names)
        assert span.code is not None and span.entry_point is not None
        run = sandbox.run(span.code, span.entry_point, decode(instance.bindings))
        assert run.status == "ok", run.reason
        assert verify(decode(instance.result), run.value).outcome == "agree"
        assert span.predicates is not None
    return spans


def _only(problem: str, trace: str, reference: str | None, sandbox: Sandbox) -> Span:
    (span,) = _assert_sound(solved(problem, trace, reference), sandbox)
    return span


def _bindings(span: Span) -> dict[str, Any]:
    found: dict[str, Any] = decode(span.instances[0].bindings)
    return found


def test_a_known_formula_has_its_roles(sandbox: Sandbox) -> None:
    span = _only(
        "What is the slope of the line through $(2, 1)$ and $(5, 7)$?",
        r"The slope of the line is $\frac{7 - 1}{5 - 2} = \boxed{2}$.",
        "2",
        sandbox,
    )
    assert span.entry_point == "slope"
    assert _bindings(span) == {"y_end": 7, "y_start": 1, "x_end": 5, "x_start": 2}
    assert span.instances[0].checked
    assert span.kind == "procedural"


def test_every_spelling_of_a_formula_is_one_routine(sandbox: Sandbox) -> None:
    spellings = [
        r"$\frac{1}{2} \cdot 6 \cdot 9 = 27$",
        r"$\frac{6 \cdot 9}{2} = 27$",
        r"\[\frac12 (6)(9) = \frac{54}{2} = 27.\]",
        r"\(6 \times 9 \div 2 = 27\)",
        r"$\dfrac{1}{2}bh = \dfrac{1}{2}(6)(9) = 27$",
    ]
    codes = set()
    for spelling in spellings:
        span = _only("Find the area.", f"The area of the triangle is {spelling}.", "27", sandbox)
        assert sorted(_bindings(span).values()) == [6, 9]
        codes.add(span.code)
    assert len(codes) == 1


def test_letters_that_the_text_names(sandbox: Sandbox) -> None:
    span = _only(
        "A wire with the length $L = 30$ has the width $w = 4$. What is its stiffness?",
        r"Its stiffness is given by the formula, so the stiffness is $L^2 + 3w = 912$ here.",
        "912",
        sandbox,
    )
    assert span.entry_point == "stiffness"
    assert _bindings(span) == {"length": 30, "width": 4}
    assert "3 *" in (span.code or "")


def test_a_letter_that_an_earlier_formula_gives_joins_the_two(sandbox: Sandbox) -> None:
    trace = (
        r"The hypotenuse $r$ of the right triangle is $r = \sqrt{6^2 + 8^2} = 10$. "
        r"The area of the circle is $\pi r^2 = 100\pi$."
    )
    spans = _assert_sound(solved("What is the area of the circle?", trace, r"100\pi"), sandbox)
    by_inputs = {tuple(p.name for p in span.signature.inputs): span for span in spans}
    whole = by_inputs["first_leg", "second_leg"]
    assert {span.entry_point for span in spans} == {"hypotenuse", "area_of_circle"}
    assert ("hypotenuse",) in by_inputs
    assert any(
        span.entry_point == "area_of_circle" and len(span.signature.inputs) == 2 for span in spans
    )
    assert all(span.instances[0].checked for span in spans)
    assert whole.signature.output.type == "real"


@pytest.mark.parametrize(
    ("trace", "entry_point", "bindings", "result"),
    [
        (r"So $4n + 5 = 33$ and $n = 7$.", "solution_of_linear_equation",
         {"coefficient": 4, "constant": 5, "right_side": 33}, 7),
        (r"So $4n + 5 = 2n + 19$ and $n = 7$.", "solution_of_two_sided_linear_equation",
         {"left_coefficient": 4, "left_constant": 5, "right_coefficient": 2, "right_constant": 19},
         7),
        (r"So $n^2 - 3n - 10 = 0$ and $n = 5$ or $n = -2$.", "roots_of_quadratic_equation",
         {"quadratic": 1, "linear": -3, "constant": -10}, [-2, 5]),
    ],
)  # fmt: skip
def test_equations_are_solved_by_their_coefficients(
    trace: str, entry_point: str, bindings: dict[str, int], result: Any, sandbox: Sandbox
) -> None:
    span = _only("What is the number?", trace, "7", sandbox)
    assert span.entry_point == entry_point
    assert _bindings(span) == bindings
    assert decode(span.instances[0].result) == result


def test_an_equation_over_named_numbers_is_a_routine_of_their_own(sandbox: Sandbox) -> None:
    spans = _assert_sound(
        solved(
            "A farm has 84 sheep. It has 5 pens more than barns, with 9 dogs.",
            r"Let $p$ be the price. So $9p + 3 = 84$ and $p = 9$.",
            "9",
        ),
        sandbox,
    )
    names = {tuple(sorted(_bindings(span))) for span in spans}
    assert ("coefficient", "constant", "right_side") in names
    assert ("dogs", "sheep") in names


@pytest.mark.parametrize(
    "trace",
    [
        r"So $\sqrt{3^2 + 4^2} = 5$ is what we use.",  # no word for it
        r"The slope is $\frac{7 - 1}{5 - 2} = 3$.",  # false
        r"We find $\frac{8!}{3!} = 6720$ somewhere.",
        r"So $x - 3 = 4$ and $x = 7$.",  # one operation
        r"It costs $5 and then $6 = 5 + 1$ more",
        "No formulas at all: 3 + 4 = 7.",
    ],
)
def test_what_has_no_meaning_is_left(trace: str) -> None:
    found = read_derivations(solved("What is it?", trace, "5")).segmentation
    assert found.spans == ()


def test_why_a_formula_was_dropped_is_told() -> None:
    trace = r"So $\sqrt{3^2 + 4^2} = 5$ is used and $\sqrt{3^2 + 4^2} = 6$ is not."
    dropped = read_derivations(solved("What is it?", trace)).segmentation.dropped
    assert [d.reason for d in dropped] == [UNKNOWN_SHAPE, "does not compute"]
    letters = read_derivations(solved("What is it?", r"It is $3k - 4 = 3 \cdot 5 - 4 = 11$."))
    assert [d.reason for d in letters.segmentation.dropped] == [NAMELESS_LETTERS]


@pytest.mark.parametrize(
    ("problem", "trace", "output", "units"),
    [
        (
            "A force of 6 N pushes over 5 m in 2 s.",
            r"Let $F$ be the force, $d$ the distance and $t$ the time. "
            r"$\frac{Fd}{t} = \frac{6 \times 5}{2} = 15 \text{ W}$",
            ("power", "watt"),
            {"newton", "meter", "second"},
        ),
        (
            "A plate is 12 cm by 9 cm.",
            r"With $l$ the length and $w$ the width: $lw = 12 \times 9 = 108 \text{ cm}^2$",
            ("area", "centimeter**2"),
            {"centimeter"},
        ),
    ],
)
def test_units_go_through_a_formula(
    problem: str, trace: str, output: tuple[str, str], units: set[str]
) -> None:
    (span,) = read_derivations(solved(problem, trace)).segmentation.spans
    assert (span.signature.output.name, span.signature.output.unit) == output
    assert {p.unit for p in span.signature.inputs} == units


def test_a_result_in_a_unit_that_the_letters_do_not_give_has_no_name() -> None:
    trace = r"Let $F$ be the force and $d$ the distance. $Fd = 6 \times 5 = 30 \text{ V}$, we say."
    found = read_derivations(solved("A force of 6 N pushes over 5 m.", trace)).segmentation
    assert found.spans == ()


def test_a_wrong_answer_checks_nothing(sandbox: Sandbox) -> None:
    trace = r"The slope of the line is $\frac{7 - 1}{5 - 2} = 2$."
    right = solved("What is the slope?", trace, "2")
    for trajectory, checked in (
        (right, True),
        (dataclasses.replace(right, outcome="wrong"), False),
        (dataclasses.replace(right, reference="3"), False),
        (dataclasses.replace(right, reference=None), False),
    ):
        (span,) = _assert_sound(trajectory, sandbox)
        assert span.instances[0].checked is checked


def test_what_a_problem_counts_is_a_story(sandbox: Sandbox) -> None:
    trace = r"By the union of their shelves there are $14 + 6 - 5 = 15$ books."
    story = "Rolf has 14 books and Siv has 6 books. They lend 5 books. How many books are there?"
    sets = "Let $|A| = 14$, $|B| = 6$ and $|A \\cap B| = 5$. What is the size of the union?"
    assert read_derivations(solved(story, trace, "15")).claimed == ()
    found = read_derivations(solved(sets, trace, "15"))
    assert [span.entry_point for span in found.segmentation.spans] == ["size_of_union"]
    spans = RulesTeacher(sandbox).segment(solved(story, trace, "15")).spans
    assert spans
    assert all(span.entry_point != "size_of_union" for span in spans)


def test_a_formula_in_a_line_of_its_own_has_the_words_before_it(sandbox: Sandbox) -> None:
    trace = "The slope of the line is\n\n$$\\frac{7 - 1}{5 - 2} = 2.$$"
    assert _only("What is it?", trace, "2", sandbox).entry_point == "slope"


@pytest.mark.parametrize(
    "after",
    [
        r"The square has the area $6^2 + 4 = 40$.",  # an exponent
        r"The fence is $8 + 2 \cdot 16 = 40$ yards.",  # a small number
        r"The fence is $50 - 10 = 40$ yards, which $2$ men paint.",
    ],
)
def test_an_equal_number_is_no_evidence(after: str, sandbox: Sandbox) -> None:
    trace = rf"The average of 3 and 1 is $\frac{{3 + 1}}{{2}} = 2$. {after}"
    spans = _assert_sound(solved("How long is it?", trace, "40"), sandbox)
    average = next(span for span in spans if span.entry_point == "average")
    assert not average.instances[0].checked


def test_letters_and_rare_values_are_evidence(sandbox: Sandbox) -> None:
    by_letter = (
        r"The slope $m$ of the line is $m = \frac{7 - 1}{5 - 2} = 2$. "
        r"The height is $h = 3m + 1 = 7$."
    )
    by_value = (
        r"The average of 30 and 61 is $\frac{30 + 61}{2} = 45.5$. The rest is $60 - 45.5 = 14.5$."
    )
    for trace, reference, name in ((by_letter, "7", "slope"), (by_value, "14.5", "average")):
        spans = _assert_sound(solved("What is it?", trace, reference), sandbox)
        found = next(span for span in spans if span.entry_point == name)
        assert found.instances[0].checked


@pytest.mark.parametrize(
    ("rest", "checked"),
    [
        ("", True),
        (r"So the answer is $10 - 3 = 7$, which is the rest.", False),
        (r"So the answer is $2n - 7 = 7$, which is the rest.", True),
    ],
)
def test_a_solution_is_evidence_where_the_answer_rests_on_it(
    rest: str, checked: bool, sandbox: Sandbox
) -> None:
    trace = rf"So $4n + 5 = 33$ and $n = 7$. {rest}"
    spans = _assert_sound(solved("What is the number?", trace, "7"), sandbox)
    solution = next(s for s in spans if s.entry_point == "solution_of_linear_equation")
    assert solution.instances[0].checked is checked


def test_a_formula_is_not_read_twice(sandbox: Sandbox) -> None:
    trace = r"The slope of the line through these points is $\frac{7 - 1}{5 - 2} = 2$."
    problem = "What is the slope through points 2 cm, 1 cm, 5 cm and 7 cm?"
    spans = RulesTeacher(sandbox).segment(solved(problem, trace, "2")).spans
    assert [span.entry_point for span in spans] == ["slope"]


def test_many_formulas_are_bounded() -> None:
    trace = " ".join(
        rf"The slope is $\frac{{{7 * n} - 1}}{{5 - 2}} = \frac{{{7 * n - 1}}}{{3}}$."
        for n in range(2, 400)
    )
    found = read_derivations(solved("What is the slope?", trace)).segmentation
    assert len(found.spans) == MAX_STEPS
    assert len(found.dropped) > 300


def _rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    return random.Random(0).sample(rows, SAMPLE)


@pytest.mark.parametrize(
    ("file", "fields"),
    [
        ("math_test.jsonl.gz", ("problem", "solution")),
        ("sky_traces.jsonl.gz", ("question", "trace")),
    ],
)
def test_real_traces_give_sound_routines(
    file: str, fields: tuple[str, str], shared_data: Path, sandbox: Sandbox
) -> None:
    found = 0
    for row in _rows(shared_data / file):
        trajectory = solved(row[fields[0]], row[fields[1]], row.get("gold"))
        found += len(_assert_sound(trajectory, sandbox))
        again = read_derivations(trajectory).segmentation
        assert read_derivations(trajectory).segmentation == again
    assert found > 10
