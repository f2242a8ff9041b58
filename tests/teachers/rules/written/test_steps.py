import os
import subprocess
import sys

import pytest
from solved_problems import solved

from tracemine.schemas import Trajectory
from tracemine.schemas.values import decode
from tracemine.teachers.rules import RulesTeacher
from tracemine.teachers.rules.arithmetic.calculations import read_calculations
from tracemine.teachers.rules.written.steps import (
    ABANDONED,
    MAX_WRITTEN,
    TOO_MANY,
    WORDLESS,
    Steps,
    in_sentence_case,
    written_steps,
)

PROBLEM = (
    "Odile has 20 pears and 6 crates. She sells 3 pears to each of 4 neighbours and gets $2 for a "
    "pear. How much does Odile earn?"
)


def _trajectory(trace: str, reference: str | None = "24") -> Trajectory:
    return solved(PROBLEM, trace, reference)


def _abandoned(trace: str) -> str:
    return "".join(trace[step.start : step.abandoned_to] for step in written_steps(trace))


@pytest.mark.parametrize(
    "retraction",
    [
        "No, that's wrong.",
        "Wait, that can't be.",
        "Wait, that can't be right.",
        "Hmm, this doesn't make sense.",
        "That is not correct.",
        "But that's impossible.",
        "Scratch that.",
        "I made a mistake.",
        "Wait, no.",
        "Oh no, I misread the problem.",
        "Hmm, that's not quite right.",
        "It cannot be so.",
        "This couldn't be the answer.",
        "So my earlier assumption was wrong.",
        "There must be a mistake somewhere.",
        "There seems to be an error in the reasoning.",
        "Oops.",
        "Wait, it should be the money.",
    ],
)
@pytest.mark.parametrize("joint", [" ", "\n", "\n\n"])
def test_what_is_taken_back_is_not_mined(retraction: str, joint: str) -> None:
    trace = joint.join(
        [
            "She sells 4 * 3 = 12 pears to the neighbours.",
            "So she keeps 20 + 6 = 26 pears for herself.",
            retraction,
            "She earns 12 * 2 = 24 dollars for the pears.",
        ]
    )
    found = read_calculations(_trajectory(trace))
    results = {decode(span.instances[0].result) for span in found.spans}
    assert results == {12, 24}
    assert [d.reason for d in found.dropped] == [ABANDONED]
    assert "26" in _abandoned(trace)
    assert "12 pears" not in _abandoned(trace)
    assert "24" not in _abandoned(trace)


@pytest.mark.parametrize(
    "remark",
    [
        "Wait, let me double-check.",
        "Let me see if that is wrong.",
        "Could it be more? No, because she has no other pears.",
        "Let me make sure that's not wrong.",
        "Wait, that's wrong? Let me double-check. No, it is right.",
        "Is that not correct?",
        "No more pears are sold.",
        "Alternatively, we can count them one by one.",
    ],
)
def test_a_doubt_takes_nothing_back(remark: str) -> None:
    trace = (
        "She sells 4 * 3 = 12 pears to the neighbours.\n\n"
        f"{remark}\n\nShe earns 12 * 2 = 24 dollars for the pears."
    )
    assert _abandoned(trace) == ""
    assert len(read_calculations(_trajectory(trace)).spans) >= 2


@pytest.mark.parametrize(
    "remark",
    [
        "This cannot be simplified.",
        "It cannot be divisible by 5, as none is left over.",
        "It can't be zero, of course.",
        "That cannot be written as a product of the others.",
        "It's impossible to sell a crate.",
        "It is not possible for her to lose money.",
        "There is a mistake in the problem statement, which does not matter.",
        "Actually, we should check the units.",
        "The price should be in dollars.",
    ],
)
@pytest.mark.parametrize("joint", [" ", "\n\n"])
def test_what_cannot_be_is_no_step_taken_back(remark: str, joint: str) -> None:
    trace = joint.join(
        [
            "She sells 4 * 3 = 12 pears to the neighbours.",
            remark,
            "She earns 12 * 2 = 24 dollars for the pears.",
        ]
    )
    assert _abandoned(trace) == ""


@pytest.mark.parametrize(
    "wrong",
    [
        "She sells 4 + 3 = 7 pears. Oops, each gets some:",
        "She sells 4 + 3 = 7 pears.\n\nActually, we have to multiply:",
        "She sells 4 + 3 = 7 pears.\n\nWait, no,",
        "She sells 4 + 3 = 7 pears. Actually, it should be",
        "Are these 4 + 3 = 7 pears? No.",
        "Does she sell 4 + 3 = 7 pears?\n\nNo, every neighbour gets some:",
    ],
)
def test_what_corrects_a_step_holds(wrong: str) -> None:
    trace = f"{wrong} 4 * 3 = 12 pears. She earns 12 * 2 = 24 dollars."
    assert "4 + 3" in _abandoned(trace)
    assert "4 * 3" not in _abandoned(trace)
    found = read_calculations(_trajectory(trace))
    assert {decode(span.instances[0].result) for span in found.spans} == {12, 24}


def test_a_branch_is_taken_back_to_where_it_began() -> None:
    trace = (
        "She sells 4 * 3 = 12 pears.\n\n"
        "Suppose she sold the crates too.\n\n"
        "Then there would be 20 + 6 = 26 things.\n\n"
        "And that is 26 * 2 = 52 dollars.\n\n"
        "That can't be right, crates are not sold.\n\n"
        "She earns 12 * 2 = 24 dollars."
    )
    gone = _abandoned(trace)
    assert gone.startswith("Suppose") and "52" in gone and gone.endswith("not sold.")
    assert "24" not in gone and "12 pears" not in gone


def test_which_speaks_of_its_own_step() -> None:
    trace = (
        "She sells 4 * 3 = 12 pears.\n\n"
        "One root is 20 - 26 = -6, which doesn't make sense.\n\nSo the other one it is."
    )
    assert _abandoned(trace) == "One root is 20 - 26 = -6, which doesn't make sense."


@pytest.mark.parametrize(
    ("trace", "question", "result"),
    [
        ("How many pears are sold? ** 3 * 4 = 12 pears", "How many pears are sold?", "12"),
        ("**Find the number of pears:**\nIt is 3 * 4 = 12.\n**Add the rest:**\nSo 13.",
         "Find the number of pears", "12"),
        ("To find the total cost of the pears, we multiply: 3 * 4 = $12.",
         "find the total cost of the pears", "$12"),
        ("First, let's calculate the price per crate. It is 1,250 / 5 = 250 dollars.",
         "calculate the price per crate", "250"),
        ("How old is the tree? It is 40.", "How old is the tree?", "40"),
        ("So the answer is \\boxed{\\frac{1}{2}} then.", "", ""),
        ("So the answer is \\boxed{14} then.", "", "14"),
        ("We are done with this part of it.", "", ""),
        ("## Final Answer\nSo it is 5.\n## Conclusion\nIt was 5.", "", "5"),
        ("Let's solve for \\(x\\) in this one: x = 3", "", "3"),
    ],
)  # fmt: skip
def test_what_a_step_asks_and_states(trace: str, question: str, result: str) -> None:
    step = written_steps(trace)[0]
    assert step.question == question
    assert step.result == result


def test_a_calculation_has_the_place_and_the_question_of_its_step() -> None:
    trace = (
        "### Step 1: Count the pears that are sold\n\n"
        "Each neighbour gets some. There are 4 * 3 + 20 = 32 of them.\n\n"
        "### Step 2: Multiply by the price\n\nThat gives 32 * 2 = 64 dollars."
    )
    spans = read_calculations(_trajectory(trace, "64")).spans
    first = spans[0]
    assert first.quote == trace[: trace.index("\n\n### Step 2")]
    assert first.subquestion == "count the pears that are sold"


def test_a_step_without_code_keeps_its_place_and_question() -> None:
    trace = (
        "Odile sells pears to the neighbours next door.\n\n"
        "Let me think about what this means for her.\n\n"
        "To find the price of a crate, we solve an equation by substitution."
    )
    found = RulesTeacher().segment(_trajectory(trace, None))
    assert [span.kind for span in found.spans] == ["declarative", "metacognitive", "procedural"]
    assert all(span.code is None and span.quote in trace for span in found.spans)
    assert found.spans[2].subquestion == "find the price of a crate"
    assert not any("Odile" in span.subquestion for span in found.spans)
    assert len({span.id for span in found.spans}) == 3


@pytest.mark.parametrize(
    "question",
    [
        "How heavy is a crate of ripe pears?",
        "In which month are pears ripe?",
        "On average, how many pears does a tree bear?",
        "If it rains, would the pears rot?",
        "By whom are the pears sold?",
    ],
)
def test_a_question_may_begin_with_a_clause(question: str) -> None:
    trace = f"1. {question}\n2. Is that more than a market sells?\n\nPears are ripe in autumn."
    first, second, fact = written_steps(trace)
    assert (first.question, second.question) == (question, "Is that more than a market sells?")
    assert (fact.question, trace[fact.start : fact.end]) == ("", "Pears are ripe in autumn.")


@pytest.mark.parametrize(
    "said", ["**Final Answer**\n\n\\boxed{24}", "## Answer:\n24", "So the answer is 24."]
)
def test_a_step_that_only_repeats_the_answer_is_none(said: str) -> None:
    trace = f"Pears are ripe in autumn, and sold then.\n\n{said}"
    found = RulesTeacher().segment(_trajectory(trace))
    assert [span.quote for span in found.spans] == ["Pears are ripe in autumn, and sold then."]
    assert not found.dropped


def test_many_steps_are_one_record() -> None:
    trace = "\n\n".join(f"The {word} pear is a fine one to eat." for word in "ab" * MAX_WRITTEN)
    found = RulesTeacher().segment(_trajectory(trace, None))
    assert len(found.spans) == MAX_WRITTEN
    assert [dropped.reason for dropped in found.dropped] == [TOO_MANY]
    assert str(MAX_WRITTEN) in found.dropped[0].detail


def test_places() -> None:
    trace = "One pear here.\n\nTwo pears there."
    steps = Steps(trace)
    assert steps.at(0) == 0
    assert steps.at(trace.index("Two")) == 1
    assert not steps.is_abandoned(3)
    assert Steps("").at(0) == -1
    assert not Steps("").is_abandoned(0)


_PROGRAM = """
from tracemine.schemas import Source, Trajectory
from tracemine.teachers.rules import RulesTeacher
trace = ("She sells 4 * 3 = 12 pears. So she earns 12 * 2 = 24 dollars and 4 * 3 + 6 = 18.\\n\\n"
         "Suppose 20 - 12 = 8 are left. Wait, no. Let me think.\\n\\nTo find more, we stop here.")
found = RulesTeacher().segment(Trajectory("t", "p", "Odile has 20 pears, 6 crates, 3 4 2", trace,
    "24", "24", "math", (Source("own", 0),), outcome="verified"))
print([(s.id, s.subquestion, s.code) for s in found.spans], found.dropped)
"""


def test_the_same_spans_whatever_the_hash_seed() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "12345")
    }
    assert len(outputs) == 1


@pytest.mark.parametrize("ending", ["So the answer is (A).", "The final answer is: 24 dollars"])
def test_an_ending_that_repeats_the_answer_is_no_step(ending: str) -> None:
    found = RulesTeacher().segment(_trajectory(f"Pears are sold by the piece.\n\n{ending}", None))
    assert [span.quote for span in found.spans] == ["Pears are sold by the piece."]


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Define the Total Price", "define the total price"),
        ("Find What Odile Earns Here", "find what Odile earns here"),
        ("Count the pears that Odile keeps", "Count the pears that Odile keeps"),
    ],
)
def test_a_title_is_read_in_sentence_case(title: str, expected: str) -> None:
    assert in_sentence_case(title, PROBLEM) == expected


def test_a_program_is_no_text() -> None:
    trace = "# Question: Odile has 20 pears\nimport math\npears = 20\nkept = pears * 3 - 4\nkept"
    found = RulesTeacher().segment(_trajectory(trace, "56"))
    assert found.spans
    assert all(span.code for span in found.spans)


def test_a_step_of_formulas_alone_says_nothing() -> None:
    found = RulesTeacher().segment(_trajectory("$x + y = z$ and $y \\le 3$ for all.", None))
    assert not found.spans
    assert [dropped.reason for dropped in found.dropped] == [WORDLESS]
