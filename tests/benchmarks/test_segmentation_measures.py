import pytest

from benchmarks.segmentation import (
    boundaries,
    by_rules,
    given_away,
    labelled_steps,
    names_of_file,
    sample_rows,
    strategy_trace,
    token_f1,
    window_diff,
)
from tracemine.schemas import Source, Trajectory
from tracemine.teachers.rules.derived.spans import written_span


def _places(marks: str) -> list[int]:
    """The places of the 1s of a string of marks, as nltk writes a segmentation."""
    return [place for place, mark in enumerate(marks) if mark == "1"]


# The examples in the documentation of nltk.metrics.segmentation.windowdiff: its window of three
# marks holds what lies between two places three apart.
@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("000100000010", "000100000010", 0.0),
        ("000100000010", "000010000100", 0.3),
        ("000010000100", "100000010000", 0.8),
    ],
)
def test_window_diff_of_known_segmentations(left: str, right: str, expected: float) -> None:
    k = 3
    reference = [place + 1 for place in _places(left)]
    found = [place + 1 for place in _places(right)]
    assert window_diff(reference, found, len(left) + 1, k) == pytest.approx(expected)


def test_window_diff_by_hand() -> None:
    # Windows of 2 over 6 words begin at 0 to 3; a boundary at 3 against one at 4 differs where
    # one is inside and the other is not: (1,3] and (3,5] - the window (2,4] holds both.
    assert window_diff([3], [4], 6, 2) == 2 / 4
    assert window_diff([3], [3], 6, 2) == 0
    assert window_diff([], [], 3, 5) == 0
    assert window_diff([1], [2], 3, 5) == 1


def test_boundaries_count_words() -> None:
    assert boundaries(["a b c", "d", "e f"]) == [3, 4]
    assert boundaries(["a b"]) == []


def test_labels_do_not_reach_the_text() -> None:
    answer = (
        "How many pears? ** There are 3 * 4 = <<3*4=12>>12 pears.\nAnd then? ** \n"
        "So 12 + 1 = <<12+1=13>>13\n#### 13"
    )
    assert labelled_steps(answer) == ["There are 3 * 4 = 12 pears.", "So 12 + 1 = 13"]


def test_token_f1() -> None:
    assert token_f1("How many pears?", "how many plums") == pytest.approx(4 / 6)
    assert token_f1("The pear", "a pear") == 1
    assert token_f1("pear", "") == 0


def test_a_strategy_trace_is_one_paragraph() -> None:
    row = {"facts": ["Pears are  sweet.", "Figs grow"], "answer": False}
    assert strategy_trace(row) == "Pears are sweet. Figs grow. So the answer is no."
    assert by_rules(strategy_trace(row))[0] == "Pears are sweet."


def test_rows_of_a_sample_are_spread() -> None:
    assert sample_rows(10, 5) == [0, 2, 4, 6, 8]
    assert sample_rows(3, 5) == [0, 1, 2]


@pytest.mark.parametrize(
    ("asked", "leak"),
    [
        ("how many pears does someone sell?", ""),
        ("how many pears does Odile sell?", "odile"),
        ("odile sells pears", "odile"),
        ("how many are left of n?", ""),
        ("how many are left of 20?", "20"),
        ("what is left of twenty pears", "twenty"),
        ("what is left of three pears", ""),
        ("two kinds of pears", ""),
        ("three crates of pears", "three"),
        ("how many are sold on Friday?", "friday"),
        ("how much does the market earn?", ""),
        ("calculate the price of silver anjou pears", "silver"),
        ("sell the pears that remain", ""),
        ("what benno pays", "benno"),
    ],
)
def test_given_away(asked: str, leak: str) -> None:
    problem = "On Friday, Odile has pears. The market is open. How many pears does Odile sell?"
    trace = (
        "Step 1: Calculate the price of Silver Anjou pears\n**Sell The Pears That Remain**\n"
        "Benno counts three big crates. So Odile has 20 pears at the market on Friday."
    )
    trajectory = Trajectory(
        "t", "p", problem, trace, None, None, "math", (Source("own", 0),), outcome="verified"
    )
    span = written_span(
        trajectory, start=0, end=len(trace), subquestion=asked, result="", kind="declarative"
    )
    of_file = names_of_file([trace, "Here Benno sells. There Benno buys plums."])
    assert given_away(span, trajectory, of_file) == leak


def test_names_of_a_file_are_hardly_ever_written_small() -> None:
    texts = ["So Mark buys a pear.", "Then Mark and Rose mark it.", "A rose for Rose.", "Why Rose?"]
    assert names_of_file(texts) == frozenset()
    assert names_of_file(["So Rosa buys.", "Rosa sells, and Rosa pays."]) == frozenset({"rosa"})
