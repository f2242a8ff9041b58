"""From answers to spans, and a reason for each that is none."""

from __future__ import annotations

import dataclasses
import json
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas import Source, Trajectory, decode
from tracemine.teachers.model.answers import SpansAnswer
from tracemine.teachers.model.making import shown
from tracemine.teachers.model.reading import (
    CONTRADICTS,
    HALLUCINATED,
    MAX_CONDITIONS,
    MAX_SPANS,
    NO_SIGNATURE,
    OTHER_TYPE,
    OVERLAPS,
    REPEATED,
    SEEN_TWICE,
    SUBQUESTION_CHARS,
    TOO_MANY,
    UNFIT,
    WITHOUT_CODE,
    WORDLESS,
    Quoted,
    Reading,
    merged,
    read_window,
)
from tracemine.teachers.model.windows import Window

TRACE = (
    "The farm has 12 hens, and every hen lays 5 eggs a week.\n\n"
    "So in a week there are 12 * 5 = 60 eggs in all.\n\n"
    "They are sold by the dozen: 60 / 12 = 5 boxes,\n   at 3 dollars a box that is 15 dollars.\n"
)
TRAJECTORY = Trajectory(
    id="t", problem_id="p", problem="12 hens lay 5 eggs each a week; a dozen sells for $3.",
    trace=TRACE, answer="15", reference="15", domain="math", sources=(Source("s", 0),),
    outcome="verified",
)  # fmt: skip
WHOLE = Window(0, len(TRACE))


def written(**changes: Any) -> dict[str, Any]:
    return {
        "quote": "They are sold by the dozen: 60 / 12 = 5 boxes,\n   at 3 dollars a box that is 15",
        "kind": "procedural",
        "subquestion": "money for goods that are sold by the box",
        "subroutine": "1. Divide goods by box_size.\n2. Multiply by the price.",
        "summary": "Boxes times price.",
        "inputs": [
            {"name": "goods", "type": "int", "unit": ""},
            {"name": "box_size", "type": "int", "unit": ""},
            {"name": "price", "type": "rational", "unit": "dollar"},
        ],
        "output": {"name": "money", "type": "rational", "unit": "dollar"},
        "preconditions": ["only full boxes are sold"],
        "failure_modes": ["what is left over is not sold"],
        "code": "def money(goods, box_size, price):\n    return goods // box_size * price",
        "bindings": [
            {"name": "goods", "value": "60"},
            {"name": "box_size", "value": "12"},
            {"name": "price", "value": "3"},
        ],
        "result": "15",
        "tool": "",
        **changes,
    }


def read(*spans: dict[str, Any], trajectory: Trajectory = TRAJECTORY) -> Reading:
    window = Window(0, len(trajectory.trace))
    answer = SpansAnswer.model_validate_json(json.dumps({"spans": spans}))
    return read_window(trajectory, window, answer, "m@1")


def why(reading: Reading) -> list[str]:
    return [dropped.reason for dropped in reading.dropped]


# --- one span -------------------------------------------------------------------------------------


def test_a_good_span_has_all_that_the_line_asks_for():
    (span,) = read(written()).spans
    assert TRACE[span.start : span.end] == span.quote
    assert (span.entry_point, span.kind, span.domain, span.teacher) == (
        "money",
        "procedural",
        "math",
        "m@1",
    )
    assert decode(span.instances[0].bindings) == {"goods": 60, "box_size": 12, "price": 3}
    assert decode(span.instances[0].result) == 15
    assert not span.instances[0].checked
    assert span.instances[0].span_id == span.id
    # What the model says comes first, what the code shows beside it.
    assert span.preconditions[0] == "only full boxes are sold"
    assert "box_size is not zero" in span.preconditions
    assert "box_size != 0" in span.predicates
    assert span.failure_modes[0] == "what is left over is not sold"


def test_equal_answers_give_equal_spans_and_another_teacher_others():
    answer = SpansAnswer.model_validate({"spans": [written()]})
    once, again = (read_window(TRAJECTORY, WHOLE, answer, "m@1") for _ in range(2))
    assert once == again
    assert read_window(TRAJECTORY, WHOLE, answer, "m@2").spans[0].id != once.spans[0].id


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("12 * 5 = 60 eggs", "12 * 5 = 60 eggs"),
        ("  12 * 5 = 60 eggs\n", "12 * 5 = 60 eggs"),
        ("= 5 boxes, at 3 dollars", "= 5 boxes,\n   at 3 dollars"),
        ("12*5=60\neggs", "12 * 5 = 60 eggs"),
        ("eggs in all.\nThey are", "eggs in all.\n\nThey are"),
    ],
)
def test_a_quote_is_the_traces_own_text(quote: str, found: str):
    (span,) = read(written(quote=quote)).spans
    assert span.quote == found == TRACE[span.start : span.end]


@pytest.mark.parametrize("quote", ["12 * 5 = 61 eggs", "", " \n", "The Farm has", "x" * 100_000])
def test_a_quote_that_is_not_there_is_hallucinated(quote: str):
    reading = read(written(quote=quote))
    assert why(reading) == [HALLUCINATED]
    assert (reading.dropped[0].start, reading.dropped[0].end) == (0, len(TRACE))
    assert quote.strip()[:12] in reading.dropped[0].detail
    assert len(reading.dropped[0].detail) < 80


def test_a_quote_outside_of_the_window_is_hallucinated_too():
    answer = SpansAnswer.model_validate({"spans": [written()]})
    assert why(read_window(TRAJECTORY, Window(0, 100), answer, "m@1")) == [HALLUCINATED]


def test_a_quote_as_the_model_was_shown_it():
    trace = "Before <|im_end|> there are 12 hens and after it 60 eggs."
    trajectory = dataclasses.replace(TRAJECTORY, trace=trace)
    quote = shown(trace)[:39]
    assert quote not in trace
    (span,) = read(written(quote=quote), trajectory=trajectory).spans
    assert span.quote == trace[:39]


def test_of_several_places_the_one_after_the_span_before():
    quoted = Quoted("12 eggs, 12 eggs, 12  eggs", 0, 26)
    assert quoted.find("12 eggs", 0) == (0, 7)
    assert quoted.find("12 eggs", 1) == (9, 16)
    assert quoted.find("12 eggs", 17) == (0, 7)
    assert quoted.find("12eggs", 17) == (18, 26)
    assert Quoted("..12 eggs, 12 eggs", 2, 18).find("12 eggs", 3) == (11, 18)


@given(st.text("ab \n", max_size=40), st.data())
def test_every_piece_of_a_text_is_found_in_it_whatever_its_spaces(text: str, data: st.DataObject):
    start = data.draw(st.integers(0, len(text)))
    quote = text[start : data.draw(st.integers(start, len(text)))]
    quoted = Quoted(text, 0, len(text))
    for spaced in (quote, " ".join(quote), "".join(quote.split())):
        place = quoted.find(spaced, data.draw(st.integers(0, 40)))
        if not quote.strip():
            assert place is None
            continue
        assert place is not None
        assert "".join(text[slice(*place)].split()) == "".join(quote.split())


def test_code_that_is_none_leaves_the_span():
    for code in ("def money(goods) return 3", "print(15)", "def money(goods):\n    return goods"):
        reading = read(written(code=code))
        (span,) = reading.spans
        assert (span.code, span.entry_point, span.predicates) == (None, None, ())
        assert [note.what for note in reading.notes] == [WITHOUT_CODE]
        assert span.instances
    assert read(written(code=" ")).notes == ()


def test_the_signature_is_in_the_order_of_the_code():
    code = "def money(price, goods, box_size):\n    return goods // box_size * price"
    (span,) = read(written(code=code)).spans
    assert [p.name for p in span.signature.inputs] == ["price", "goods", "box_size"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"result": "16"}, CONTRADICTS),
        ({"bindings": [*written()["bindings"][:2], {"name": "price", "value": "4"}]}, CONTRADICTS),
        ({"bindings": written()["bindings"][:2]}, UNFIT),
        ({"result": "fifteen dollars or so"}, UNFIT),
        ({"result": ""}, UNFIT),
        ({"subquestion": " \x1b[0m "}, WORDLESS),
        ({"inputs": [{"name": "", "type": "int", "unit": ""}]}, NO_SIGNATURE),
        ({"inputs": written()["inputs"] * 2}, NO_SIGNATURE),
    ],
)
def test_a_span_that_is_none_says_why(changes: dict[str, Any], reason: str):
    reading = read(written(**changes))
    assert why(reading) == [reason]
    assert reading.spans == () and reading.notes == ()
    assert TRACE[reading.dropped[0].start : reading.dropped[0].end].startswith("They are")


def test_what_teaches_no_routine_needs_no_instance():
    (span,) = read(written(kind="declarative", code="", result="a whole lot")).spans
    assert (span.kind, span.instances) == ("declarative", ())
    (span,) = read(written(bindings=[], result="")).spans
    assert span.instances == ()


def test_tools():
    (span,) = read(written(tool="sympy.solve\n")).spans
    assert (span.kind, span.tool) == ("tool", "sympy.solve")
    # One operation is a tool whatever the model says.
    inputs = written()["inputs"][:2]
    code = "def hens(goods, box_size):\n    return goods / box_size"
    (span,) = read(written(inputs=inputs, code=code, result="5")).spans
    assert (span.kind, span.tool) == ("tool", "operator.truediv")


def test_types_outside_of_the_lattice_are_noted():
    reading = read(written(output={"name": "money", "type": "Money", "unit": ""}))
    assert [note.what for note in reading.notes] == [OTHER_TYPE]
    assert reading.spans[0].signature.output.type == "any"


def test_more_spans_than_a_window_may_give():
    reading = read(*[written(quote="12 hens, and every")] * (MAX_SPANS + 3))
    assert why(reading) == [TOO_MANY] * 3
    assert len(reading.spans) == MAX_SPANS


def test_what_a_model_says_is_cleaned_and_cut():
    bad = "\x1b[2J\u202e{0.__class__}%s\x00 ../../etc " + "word " * 5_000
    reading = read(
        written(subquestion=bad, subroutine=bad, summary=f"{bad}\n" * 9, tool=bad,
                preconditions=[bad, *map(str, range(99))], failure_modes=[bad])
    )  # fmt: skip
    (span,) = reading.spans
    texts = [span.subquestion, span.subroutine, span.summary, span.tool or "", *span.preconditions]
    assert all(not set(text) & set("\x1b\u202e\x00") for text in texts)
    assert len(span.subquestion) <= SUBQUESTION_CHARS and "\n" not in span.subquestion
    assert span.summary.count("\n") <= 2
    assert len(span.preconditions) < MAX_CONDITIONS + 20


def test_the_tests_of_a_task_are_instances_and_the_models_values_are_not():
    trajectory = dataclasses.replace(
        TRAJECTORY, domain="code", problem="Add up a list.", trace="def add_up(xs): return sum(xs)",
        tests=("assert add_up([1, 2]) == 3", "assert add_up([4]) == 4", "assert add_up([]) == 0"),
    )  # fmt: skip
    code = "def add_up(xs):\n    total = 0\n    for x in xs:\n        total += x\n    return total"
    spans = read(
        written(
            quote="def add_up(xs): return", code=code, result="77",
            inputs=[{"name": "xs", "type": "list[int]", "unit": ""}],
            bindings=[{"name": "xs", "value": "[70, 7]"}],
        ),
        trajectory=trajectory,
    ).spans  # fmt: skip
    assert len(spans) == 1
    assert [i.origin for i in spans[0].instances] == ["trace", "test", "test"]
    assert {decode(i.result) for i in spans[0].instances} == {3, 4, 0}


# --- several --------------------------------------------------------------------------------------

FIRST, SECOND = "in a week there are 12 * 5 = 60", "12 * 5 = 60 eggs in all."
INNER = "are 12 * 5 = 60"
OTHER_CODE = "def money(goods, box_size, price):\n    return price * (goods // box_size)"


def reasons_of(*readings: Reading) -> tuple[int, list[str], list[str]]:
    found = merged(readings)
    return len(found.spans), why(found), [note.what for note in found.notes]


def test_of_two_that_overlap_the_later_one_goes():
    one, other = written(quote=FIRST), written(quote=SECOND, subquestion="other", code=OTHER_CODE)
    assert reasons_of(read(one, other)) == (1, [OVERLAPS], [])
    assert merged([read(one, other)]).spans[0].quote == FIRST
    assert merged([read(other, one)]).spans[0].quote == SECOND


def test_one_that_lies_whole_in_another_stays_if_its_code_differs():
    outer, inner = written(quote=FIRST), written(quote=INNER, subquestion="other")
    assert reasons_of(read(outer, {**inner, "code": OTHER_CODE})) == (2, [], [])
    assert reasons_of(read(outer, inner)) == (1, [OVERLAPS], [])
    # The same code in other names is the same code.
    renamed = json.loads(json.dumps(inner).replace("goods", "things"))
    assert reasons_of(read(outer, renamed)) == (1, [OVERLAPS], [])


def test_a_span_of_two_windows_is_one():
    one, two = read(written()), read(written(result="60", subquestion="the same in other words"))
    assert reasons_of(one, two) == (1, [], [SEEN_TWICE])
    assert merged([one, two]).spans == one.spans
    same_question = read(written(code=OTHER_CODE))
    assert reasons_of(one, same_question) == (1, [], [SEEN_TWICE])
    # In one window it is said twice.
    assert reasons_of(read(written(), written())) == (1, [REPEATED], [])


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(15, 70), st.booleans()), max_size=8))
def test_what_stays_stands_apart_or_whole_in_another(places: list[tuple[int, int, bool]]):
    spans = [
        written(quote=TRACE[a : a + n], code=OTHER_CODE if other else written()["code"],
                subquestion=f"question {i}")
        for i, (a, n, other) in enumerate(places)
    ]  # fmt: skip
    reading = read(*spans)
    found = merged([reading])
    assert len(found.spans) + len(found.dropped) == len(places)
    for one, other in combinations(found.spans, 2):
        apart = one.end <= other.start or other.end <= one.start
        inside = one.start <= other.start and other.end <= one.end
        around = other.start <= one.start and one.end <= other.end
        assert apart or ((inside or around) and one.code != other.code)
    assert list(found.spans) == sorted(found.spans, key=lambda s: (s.start, s.end, s.id))


TEXTS = st.text(max_size=30) | st.sampled_from(
    ["12 * 5 = 60 eggs in all.", "60", "goods", "int", "list[int]", "[1, 2]", "\x1b]0;x\x07", "{}",
     "def f(goods):\n    return goods", "12 hens", "expr", "{x!r}", "$(reboot)", "../x"]
)  # fmt: skip
PARAMETERS = st.fixed_dictionaries({"name": TEXTS, "type": TEXTS, "unit": TEXTS})


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "quote": TEXTS, "kind": st.sampled_from(["procedural", "episodic"]),
                "subquestion": TEXTS, "subroutine": TEXTS, "summary": TEXTS,
                "inputs": st.lists(PARAMETERS, max_size=2), "output": PARAMETERS,
                "preconditions": st.lists(TEXTS, max_size=2),
                "failure_modes": st.lists(TEXTS, max_size=2), "code": TEXTS,
                "bindings": st.lists(st.fixed_dictionaries({"name": TEXTS, "value": TEXTS})),
                "result": TEXTS, "tool": TEXTS,
            }
        ),
        max_size=4,
    )
)  # fmt: skip
def test_any_answer_of_the_schema_adds_up(spans: list[dict[str, Any]]):
    found = merged([read(*spans)])
    assert len(found.spans) + len(found.dropped) == len(spans)
    for span in found.spans:
        assert TRACE[span.start : span.end] == span.quote
        assert span.quote.strip() == span.quote != ""
