"""Every format: recognised by its own rows and no other, and hostile rows end in a `RowError`.

One list of a good row for each format; what a format makes of its rows is in a file of its own.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas import Source, Trajectory, content_id
from tracemine.transforms.formats import FORMATS, RowError, base, detect
from tracemine.transforms.formats.generic import USUAL

SOURCE = Source("rows.jsonl", 3, licence="MIT")

#: Format -> a row of it.
ROWS: dict[str, dict[str, Any]] = {
    "gsm8k": {
        "question": "Two crates of 6 jars, how many jars?",
        "answer": "There are 2*6=<<2*6=12>>12 jars.\n#### 12",
    },
    "gsm8k-socratic": {
        "question": "Two crates of 6 jars, how many jars?",
        "answer": "How many jars are there? ** There are 2*6=<<2*6=12>>12 jars.\n#### 12",
    },
    "gsm8k-samples": {
        "question": "Two crates of 6 jars, how many jars?",
        "ground_truth": "2*6=<<2*6=12>>12\nA: 12",
        "small": {"is_correct": True, "solution": "6+6=<<6+6=12>>12\nA: 12"},
        "large": {"is_correct": False, "solution": "2+6=<<2+6=8>>8\nA: 8"},
    },
    "tora": {
        "idx": 0,
        "question": "Two crates of 6 jars, how many jars?",
        "gt": "12",
        "code": ["```python\nprint(2 * 6)\n```\n```output\n12\n```\nSo $\\boxed{12}$ jars."],
        "pred": ["12"],
    },
    "pot": {
        "question": "Two crates of 6 jars, how many jars?",
        "generated": "jars = 2 * 6\nans = jars",
        "executed": 12.0,
        "answer": 12.0,
    },
    "mbpp": {
        "task_id": 1,
        "text": "Write a function to double a number.",
        "code": "def double(n):\r\n    return 2 * n",
        "test_list": ["assert double(2) == 4", "assert double(0) == 0"],
        "challenge_test_list": ["assert double(-1) == -2"],
        "test_setup_code": "",
    },
    "math": {
        "problem": "Solve $2x = 12$.",
        "level": "Level 1",
        "type": "Algebra",
        "solution": "Halving both sides gives $x = \\boxed{6}$.",
    },
    "sky": {
        "source": "bench/math500",
        "model": "some-model",
        "question": "Solve $2x = 12$.",
        "gold": "6",
        "pred": "6",
        "correct": True,
        "trace": "Halving gives $\\boxed{6}$.",
        "looping": False,
    },
    "generic": {"prompt": "What is 2 times 6?", "cot": "2 * 6 = 12. The answer is 12."},
}


def adapted(name: str, row: dict[str, Any], **columns: str) -> list[Trajectory]:
    form = FORMATS[name]
    keywords = {"columns": columns} if form.takes_columns else {}
    return list(form.adapt(row, SOURCE, **keywords))


def test_every_format_has_a_row_here() -> None:
    assert ROWS.keys() == FORMATS.keys()


@pytest.mark.parametrize("name", ROWS)
def test_a_format_is_recognised_by_its_own_rows_alone(name: str) -> None:
    row = ROWS[name]
    assert detect([row]) == name
    others = [other for other in FORMATS if other != name and not FORMATS[other].fallback]
    assert not [other for other in others if FORMATS[other].detect(row)]


@pytest.mark.parametrize("name", ROWS)
def test_what_every_adapter_makes(name: str) -> None:
    found = adapted(name, ROWS[name])
    assert found
    for trajectory in found:
        assert trajectory.id == content_id("trajectory", trajectory.problem_id, trajectory.trace)
        assert trajectory.sources == (SOURCE,)
        assert trajectory.outcome == "unknown"
    assert found == adapted(name, dict(reversed(ROWS[name].items())))


@pytest.mark.parametrize("name", ROWS)
def test_published_labels_of_correctness_are_not_read(name: str) -> None:
    labels = {"is_correct": "?", "correct": "?", "looping": "?", "report": "?"}
    row = {
        key: {k: v for k, v in value.items() if k not in labels}
        if isinstance(value, dict)
        else value
        for key, value in ROWS[name].items()
        if key not in labels
    }
    assert adapted(name, row) == adapted(name, ROWS[name])


def test_the_larger_part_of_a_sample_decides() -> None:
    assert detect([ROWS["gsm8k"], ROWS["gsm8k"], ROWS["gsm8k-socratic"]]) == "gsm8k"
    assert detect([{"nothing": 1}, ROWS["math"]]) == "math"
    assert detect([{"nothing": 1}]) is None
    assert detect([]) is None


def test_a_fallback_gives_way_only_to_what_fits_as_well() -> None:
    assert FORMATS["generic"].detect(ROWS["sky"])
    assert detect([ROWS["sky"]]) == "sky"
    assert detect([ROWS["sky"], ROWS["generic"], ROWS["generic"]]) == "generic"


def test_a_row_gone_wrong_is_still_recognised() -> None:
    assert detect([{"question": "How many?", "answer": None}]) == "gsm8k"
    assert detect([{"question": "How many?", "answer": ["#### 1"]}]) == "gsm8k"


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
_JUNK = st.recursive(
    _SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(), v, max_size=3)
)


@pytest.mark.parametrize("name", ROWS)
@given(data=st.data())
def test_hostile_rows_end_in_a_row_error_or_in_valid_text(name: str, data: st.DataObject) -> None:
    row = dict(ROWS[name])
    for key in data.draw(st.sets(st.sampled_from(sorted(row)), min_size=1)):
        if data.draw(st.booleans()):
            row[key] = data.draw(_JUNK)
        else:
            del row[key]
    detect([row])
    try:
        found = adapted(name, row)
    except RowError as error:
        assert error.reason
        assert "\n" not in error.reason
        return
    for trajectory in found:
        texts = [trajectory.problem, trajectory.trace, trajectory.answer, trajectory.reference]
        for text in [*texts, *trajectory.tests, trajectory.test_setup, trajectory.generator]:
            assert "\0" not in (text or "")
            (text or "").encode("utf-8")
        assert trajectory.problem.strip()
        assert trajectory.trace.strip()


#: Format -> the columns of problem, trace and reference (None where it is part of the trace).
COLUMNS: dict[str, tuple[str, str, str | None]] = {
    "gsm8k": ("question", "answer", None),
    "gsm8k-socratic": ("question", "answer", None),
    "gsm8k-samples": ("question", "small", "ground_truth"),
    "tora": ("question", "code", "gt"),
    "pot": ("question", "generated", "answer"),
    "mbpp": ("text", "code", None),
    "math": ("problem", "solution", None),
    "sky": ("question", "trace", "gold"),
    "generic": ("prompt", "cot", None),
}


def reason(name: str, row: dict[str, Any], **columns: str) -> str:
    with pytest.raises(RowError) as caught:
        adapted(name, row, **columns)
    return caught.value.reason


@pytest.mark.parametrize("name", ROWS)
def test_bad_fields_have_their_own_reasons(name: str) -> None:
    problem, trace, reference = COLUMNS[name]
    good = ROWS[name]
    without = {key: value for key, value in good.items() if key != problem}
    assert reason(name, without) == base.MISSING_COLUMN
    assert reason(name, good | {problem: None}) == "problem is null"
    assert reason(name, good | {problem: " \n"}) == "problem is empty"
    assert reason(name, good | {problem: 7}) == base.WRONG_TYPE
    assert reason(name, good | {problem: float("nan")}) == base.NAN
    assert reason(name, good | {problem: "a\ud800b"}) == base.INVALID_TEXT
    assert reason(name, good | {problem: "a\0b"}) == base.INVALID_TEXT
    null: Any = {"solution": None} if name == "gsm8k-samples" else None
    assert reason(name, good | {trace: null}) == "trace is null"
    if reference is not None:
        assert reason(name, good | {reference: ["12"]}) == "reference is a list"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (24.0, "24"), (-3.0, "-3"), (0.1, "0.1"), (1e300, "1e+300"), (2**70, str(2**70)),
        (True, "true"), (" 7 ", "7"), ("", None), ("  ", None), (None, None), ("24.0", "24.0"),
    ],
)  # fmt: skip
def test_answers_are_text_with_canonical_numbers(value: Any, text: str | None) -> None:
    assert base.answer_text(value, "answer", "answer") == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_number_changes_its_value(value: float) -> None:
    assert float(base.answer_text(value, "answer", "answer") or "") == value


def test_roles_of_generic_share_no_usual_column() -> None:
    names = [name for usual in USUAL.values() for name in usual]
    assert len(names) == len(set(names))
