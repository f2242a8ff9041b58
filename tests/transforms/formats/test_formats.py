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
    "humaneval": {
        "task_id": "Sample/0",
        "prompt": 'def double(n):\n    """Twice n."""\n',
        "canonical_solution": "    return 2 * n\n",
        "test": "METADATA = {}\n\n\ndef check(candidate):\n"
        "    assert candidate(2) == 4\n    assert candidate(0) == 0\n",
        "entry_point": "double",
    },
    "cruxeval": {
        "code": "def f(n, m):\n    return [n] * m",
        "input": "3, 2",
        "output": "[3, 3]",
        "id": "sample_0",
    },
    "strategyqa": {
        "qid": "a1",
        "term": "Kettle",
        "description": "vessel",
        "question": "Can a kettle of two litres fill three cups of half a litre?",
        "answer": True,
        "facts": ["Three cups of half a litre hold one and a half litres."],
        "decomposition": ["How much do the cups hold?", "Is two litres at least #1?"],
        "evidence": [[[["Kettle-1"]], ["operation"]]],
    },
    "mmlu-pro": {
        "question_id": 1,
        "question": "How far does a cart go in 3 s at 4 m/s?",
        "options": ["7 m", "12 m", "1 m"],
        "answer": "B",
        "answer_index": 1,
        "category": "physics",
        "src": "sample",
        "cot_content": "",
        "pred": "B",
        "model_outputs": "It goes 3 * 4 = 12 m. The answer is (B).",
    },
    "nemotron": {
        "uuid": "00000000-0000-0000-0000-000000000000",
        "license": "cc-by-4.0",
        "generator": "some-model",
        "version": "v1",
        "category": "math",
        "reasoning": "on",
        "messages": [
            {
                "role": "user",
                "content": "Put the answer inside \\boxed{}.\n\nWhat is 2 times 6?",
                "tool_calls": [],
            },
            {
                "role": "assistant",
                "content": "<think>\n2 * 6 = 12.\n</think>\n\nIt is $\\boxed{12}$.",
                "tool_calls": [],
            },
        ],
        "metadata": '{"expected_answer": "12", "problem_source": "sample"}',
    },
    "openthoughts": {
        "difficulty": 3,
        "source": "sample",
        "domain": "math",
        "conversations": [
            {"from": "human", "value": "What is 2 times 6?"},
            {"from": "gpt", "value": "<think>2 * 6 = 12.</think>\n\nIt is $\\boxed{12}$."},
        ],
    },
    "openr1": {
        "problem": "What is 2 times 6?",
        "solution": "It is $\\boxed{12}$.",
        "answer": "12",
        "problem_type": "Algebra",
        "question_type": "math-word-problem",
        "source": "sample",
        "uuid": "u",
        "is_reasoning_complete": [True, False],
        "generations": [
            "<think>\n2 * 6 = 12.\n</think>\n\nIt is $\\boxed{12}$.",
            "<think>\nSix and six is",
        ],
        "correctness_math_verify": [True, False],
        "correctness_llama": None,
        "finish_reasons": ["stop", "length"],
        "correctness_count": 1,
        "messages": [
            {"role": "user", "content": "What is 2 times 6?"},
            {"role": "assistant", "content": "It is $\\boxed{12}$."},
        ],
    },
    "opencodereasoning": {
        "id": "x",
        "input": "Read n and print twice n.",
        "output": "<think>\nDouble it.\n</think>\n\n```python\nprint(2 * int(input()))\n```",
        "source": "sample",
        "license": "cc-by-4.0",
        "dataset": "sample",
        "split": "train",
        "difficulty": "EASY",
        "solution": "```python\nprint(2 * int(input()))\n```",
    },
}

#: Format -> the columns that `detect` needs; a row without one of them is another format's affair.
KEYS: dict[str, set[str]] = {
    "humaneval": {"prompt", "canonical_solution", "test", "entry_point"},
    "cruxeval": {"code", "input", "output"},
    "strategyqa": {"question", "answer", "decomposition", "facts"},
    "mmlu-pro": {"question", "options", "answer", "category"},
    "nemotron": {"uuid", "generator", "category", "reasoning", "messages", "metadata"},
    "openthoughts": {"difficulty", "source", "domain", "conversations"},
    "openr1": {"problem", "answer", "generations", "finish_reasons"},
    "opencodereasoning": {"input", "output", "solution", "dataset", "split", "difficulty"},
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
    labels = {
        "is_correct", "correct", "looping", "report", "correctness_math_verify",
        "correctness_llama", "correctness_count",
    }  # fmt: skip
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


_VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=2)


@pytest.mark.parametrize("name", KEYS)
@given(data=st.data())
def test_whatever_its_fields_hold_a_row_is_in_no_two_formats(
    name: str, data: st.DataObject
) -> None:
    row = dict(ROWS[name])
    for key in data.draw(st.sets(st.sampled_from(sorted(row)))):
        if key in KEYS[name] or data.draw(st.booleans()):
            row[key] = data.draw(_VALUES)
        else:
            del row[key]
    others = [other for other in FORMATS if not FORMATS[other].fallback]
    assert [other for other in others if FORMATS[other].detect(row)] == [name]
    assert detect([row]) == name


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
    "humaneval": ("prompt", "canonical_solution", None),
    "cruxeval": ("code", "code", None),
    "strategyqa": ("question", "decomposition", None),
    "mmlu-pro": ("question", "model_outputs", "answer"),
    "openr1": ("problem", "generations", "answer"),
    "opencodereasoning": ("input", "output", None),
}


def reason(name: str, row: dict[str, Any], **columns: str) -> str:
    with pytest.raises(RowError) as caught:
        adapted(name, row, **columns)
    return caught.value.reason


@pytest.mark.parametrize("name", COLUMNS)
def test_bad_fields_have_their_own_reasons(name: str) -> None:
    problem, trace, reference = COLUMNS[name]
    problem_role = "trace" if problem == trace else "problem"
    good = ROWS[name]
    without = {key: value for key, value in good.items() if key != problem}
    assert reason(name, without) == base.MISSING_COLUMN
    assert reason(name, good | {problem: None}) == f"{problem_role} is null"
    assert reason(name, good | {problem: " \n"}) == f"{problem_role} is empty"
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
