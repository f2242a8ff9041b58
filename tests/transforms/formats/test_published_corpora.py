"""What the published schemas of reasoning corpora make of their rows."""

from __future__ import annotations

from typing import Any

import pytest

from tracemine.schemas import Rejected, Source, Trajectory
from tracemine.transforms import admit as admission
from tracemine.transforms.admit import AdmitOptions, admit
from tracemine.transforms.formats import FORMATS, RowError
from tracemine.transforms.formats.chat import bare_problem
from tracemine.transforms.formats.humaneval import split_check
from tracemine.verifiers import shared_sandbox

SOURCE = Source("rows.jsonl", 0, licence="MIT")


def adapted(name: str, row: dict[str, Any], **columns: str) -> list[Trajectory]:
    keywords = {"columns": columns} if FORMATS[name].takes_columns else {}
    return list(FORMATS[name].adapt(row, SOURCE, **keywords))


def fate(trajectory: Trajectory) -> str:
    """``verified``, or the reason for which it was not admitted."""
    ((_, record),) = admit([trajectory], AdmitOptions(), shared_sandbox())
    return record.reason if isinstance(record, Rejected) else record.outcome


def reason(name: str, row: dict[str, Any]) -> str:
    with pytest.raises(RowError) as caught:
        adapted(name, row)
    return caught.value.reason


def turns(*texts: str) -> list[dict[str, Any]]:
    roles = ("user", "assistant")
    return [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]


# --- humaneval ------------------------------------------------------------------------------------

HUMANEVAL: dict[str, Any] = {
    "task_id": "Sample/1",
    "prompt": 'def halve(n):\n    """Half of n."""\n',
    "canonical_solution": "    return n / 2\n",
    "test": "\nMETADATA = {'author': 'x'}\n\ndef check(candidate):\n    # Plain ones\n"
    "    assert candidate(2) == 1\n    assert True, 'for show'\n"
    "    assert candidate(4) == 2, 'four'\n    assert abs(candidate(1) - 0.5) < 1e-6\n",
    "entry_point": "halve",
}


def test_humaneval_is_decided_by_each_assertion_of_its_check() -> None:
    (found,) = adapted("humaneval", HUMANEVAL)
    assert found.trace == HUMANEVAL["prompt"] + HUMANEVAL["canonical_solution"]
    assert found.tests == (
        "assert halve(2) == 1",
        "assert halve(4) == 2, 'four'",
        "assert abs(halve(1) - 0.5) < 1e-06",
    )
    assert fate(found) == "verified"
    (wrong,) = adapted("humaneval", HUMANEVAL | {"canonical_solution": "    return n * 7\n"})
    assert fate(wrong) == admission.WRONG


@pytest.mark.parametrize(
    ("body", "tests"),
    [
        ("for n in range(2):\n        assert candidate(2 * n) == n",
         ("assert halve(2 * 0) == 0", "assert halve(2 * 1) == 1")),
        ("n = 4\n    half = candidate(n)\n    assert half == 2", ("assert halve(4) == 2",)),
        ("'Easy.'\n    assert candidate(2) == 1\n    assert True", ("assert halve(2) == 1",)),
        ("import math\n    assert candidate(2) == math.floor(1.2)",
         ("assert halve(2) == math.floor(1.2)",)),
        ("xs = list(range(4))\n    most = max([x for x in xs])\n    assert candidate(most) == 1.5",
         ("assert halve(max([x for x in list(range(4))])) == 1.5",)),
        # What could be something else where it stands by itself.
        ("xs = [2]\n    xs.append(4)\n    assert candidate(xs[1]) == 2", ("check(halve)",)),
        ("xs = [4]\n    halve_all(xs)\n    assert xs == [2]", ("check(halve)",)),
        ("xs = [4]\n    y = candidate(xs[0])\n    assert xs == [4]", ("check(halve)",)),
        ("if candidate(2) == 1:\n        assert candidate(4) == 2", ("check(halve)",)),
    ],
)  # fmt: skip
def test_a_check_is_written_out_where_its_parts_can_stand_alone(
    body: str, tests: tuple[str, ...]
) -> None:
    found, _ = split_check(f"def check(candidate):\n    {body}\n", "halve")
    assert found == tests


def test_a_check_that_draws_its_own_cases_is_one_test() -> None:
    test = (
        "def check(candidate):\n    import random\n    for _ in range(5):\n"
        "        n = random.randint(1, 9)\n        assert candidate(2 * n) == n\n"
    )
    (found,) = adapted("humaneval", HUMANEVAL | {"test": test})
    assert found.tests == ("check(halve)",)
    assert fate(found) == "verified"
    (wrong,) = adapted(
        "humaneval", HUMANEVAL | {"test": test, "canonical_solution": "    return 0\n"}
    )
    assert fate(wrong) == admission.WRONG


def test_what_a_check_needs_comes_along() -> None:
    module = "import math\n\ndef check(candidate):\n    assert candidate(2) == math.floor(1.5)\n"
    tests, setup = split_check(module, "halve")
    assert setup == "import math"
    (found,) = adapted("humaneval", HUMANEVAL | {"test": module})
    assert (found.tests, fate(found)) == (tests, "verified")


def test_humaneval_gone_wrong() -> None:
    assert reason("humaneval", HUMANEVAL | {"test": "def check(:"}) == "tests are no Python"
    assert reason("humaneval", HUMANEVAL | {"test": "(" * 50_000}) == "tests are no Python"
    assert reason("humaneval", HUMANEVAL | {"test": "x = 1"}).startswith("tests do not define")
    nothing = "def check(candidate):\n    assert True\n"
    assert reason("humaneval", HUMANEVAL | {"test": nothing}) == "tests is empty"
    assert reason("humaneval", HUMANEVAL | {"entry_point": "a b"}) == "entry point is no name"


# --- cruxeval and strategyqa ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "given", "output", "expected"),
    [
        ("def f(n, m):\n    return [n] * m", "3, 2", "[3, 3]", "verified"),
        ("def f(n, m):\n    return [n] * m", "3, 2", "[3]", admission.WRONG),
        ("def f():\n    return 'a'", "", "'a'", "verified"),
        ("def f(:\n    return 3)", "3", "3", admission.NO_PROGRAM),
    ],
)
def test_cruxeval(code: str, given: str, output: str, expected: str) -> None:
    (found,) = adapted("cruxeval", {"code": code, "input": given, "output": output, "id": "s"})
    assert (found.trace, found.domain) == (code, "code")
    assert len(found.tests) == 1
    assert fate(found) == expected


STRATEGYQA: dict[str, Any] = {
    "question": "Is a leap year longer?", "answer": True, "facts": ["A leap year has 366 days."],
    "decomposition": ["How long is a leap year?", "Is #1 over 365?"],
}  # fmt: skip


def test_strategyqa_is_written_out_and_answered_in_words() -> None:
    (found,) = adapted("strategyqa", STRATEGYQA)
    assert found.trace == (
        "1. How long is a leap year?\n2. Is #1 over 365?\n\nA leap year has 366 days.\n\n"
        "So the answer is yes."
    )
    assert (found.answer, found.reference, fate(found)) == ("yes", "yes", "verified")
    assert adapted("strategyqa", STRATEGYQA | {"answer": False})[0].reference == "no"
    assert reason("strategyqa", STRATEGYQA | {"answer": None}) == "reference is null"
    assert reason("strategyqa", STRATEGYQA | {"answer": "yes"}) == "wrong type"
    assert reason("strategyqa", STRATEGYQA | {"decomposition": []}) == "trace is empty"
    assert reason("strategyqa", STRATEGYQA | {"decomposition": "How?"}) == "wrong type"


# --- mmlu-pro -------------------------------------------------------------------------------------

MMLU: dict[str, Any] = {
    "question": "How far in 3 s at 4 m/s?", "options": ["7", "12", "12.0000001", "A third"],
    "answer": "B", "category": "physics", "pred": "D", "model_outputs": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("3 * 4 = 12. The answer is (B).", "verified"),
        ("The answer is **(B) 12**.", "verified"),
        ("\\[ \\boxed{B} \\]", "verified"),
        ("\\[ \\boxed{\\text{B}} \\]", "verified"),
        ("So $\\boxed{12}$ m.", "verified"),
        ("Answer: B", "verified"),
        ("The answer is (B). I am sure.\nThat was it.", "verified"),
        ("First I say the answer is (A). No: the answer is (B).", "verified"),
        ("The answer is (C).", admission.WRONG),
        ("<think>The answer is (B).</think> The answer is (A).", admission.WRONG),
        ("So $\\boxed{A third}$.", admission.WRONG),
        ("So $\\boxed{99}$.", admission.NO_ANSWER),
        ("The answer is (Z).", admission.NO_ANSWER),
        ("Who knows.", admission.NO_ANSWER),
        ("So we get 3 * 4 and", admission.CUT_OFF),
    ],
)
def test_mmlu_pro_compares_options(said: str, expected: str) -> None:
    (found,) = adapted("mmlu-pro", MMLU | {"model_outputs": said})
    assert fate(found) == expected
    if expected == "verified":
        # The value, so that a step which computes it is known to lead there.
        assert (found.answer, found.reference) == ("12", "12")


def test_options_are_part_of_the_problem() -> None:
    (found,) = adapted("mmlu-pro", MMLU | {"model_outputs": "The answer is (B)."})
    assert found.problem.startswith("How far in 3 s at 4 m/s?\nA. 7\nB. 12\n")
    assert found.domain == "stem"
    assert adapted("mmlu-pro", MMLU | {"model_outputs": "x.", "category": "law"})[0].domain == (
        "other"
    )


def test_mmlu_pro_gone_wrong() -> None:
    assert reason("mmlu-pro", MMLU) == "trace is empty"
    assert reason("mmlu-pro", MMLU | {"answer": "Q"}) == "reference is no option"
    assert reason("mmlu-pro", MMLU | {"answer": "12"}) == "reference is no option"
    assert reason("mmlu-pro", MMLU | {"options": []}) == "options is empty"
    assert reason("mmlu-pro", MMLU | {"options": None}) == "options is null"
    assert reason("mmlu-pro", MMLU | {"options": "AB"}) == "wrong type"
    assert reason("mmlu-pro", MMLU | {"options": ["7", None]}) == "option is null"


# --- chats ----------------------------------------------------------------------------------------

NEMOTRON: dict[str, Any] = {
    "uuid": "u", "license": "cc-by-4.0", "generator": "g", "version": "v1", "category": "math",
    "reasoning": "on", "messages": turns("What is 6 * 7?", "<think>42</think>It is \\boxed{42}."),
    "metadata": '{"expected_answer": "42"}',
}  # fmt: skip


def test_nemotron_takes_its_reference_from_the_metadata() -> None:
    (found,) = adapted("nemotron", NEMOTRON)
    assert (found.answer, found.reference, found.domain) == ("42", "42", "math")
    assert (found.trace, found.generator) == ("42\n\nIt is \\boxed{42}.", "g")
    assert fate(found) == "verified"
    as_object = NEMOTRON | {"metadata": {"expected_answer": 42.0}}
    assert adapted("nemotron", as_object)[0].reference == "42"


@pytest.mark.parametrize("metadata", [None, "", "{}", '{"expected_answer": null}', '{"x": 1}'])
def test_without_a_reference_nothing_is_admitted(metadata: Any) -> None:
    (found,) = adapted("nemotron", NEMOTRON | {"metadata": metadata})
    assert fate(found) == admission.NO_REFERENCE


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"metadata": "{oops"}, "metadata is no JSON"),
        ({"metadata": "[" * 100_000}, "metadata is no JSON"),
        ({"metadata": "[1]"}, "wrong type"),
        ({"metadata": 7}, "wrong type"),
        ({"metadata": '{"expected_answer": ["42"]}'}, "reference is a list"),
        ({"messages": None}, "trace is null"),
        ({"messages": "hello"}, "wrong type"),
        ({"messages": ["hello"]}, "wrong type"),
        ({"messages": []}, "no question in the chat"),
        ({"messages": turns("-", "Yes.")}, "problem is a placeholder"),
        ({"messages": turns("", "Yes.")}, "problem is empty"),
        ({"messages": turns("Why?")}, "no reply in the chat"),
        ({"messages": turns("Why?", "")}, "no reply in the chat"),
        ({"messages": turns("Why?", "<think>\n</think>")}, "trace is empty"),
        ({"messages": turns("Why?", "So.", "And?", "So.")}, "several questions in one chat"),
        ({"messages": [{"role": "oracle", "content": "?"}]}, "unknown role"),
        ({"messages": [{"content": "?"}]}, "unknown role"),
        ({"messages": [{"role": ["user"], "content": "?"}]}, "unknown role"),
        ({"messages": [{"role": "user", "content": 7}]}, "wrong type"),
        ({"messages": [{"role": "user", "content": None}]}, "problem is null"),
    ],
)
def test_chats_gone_wrong(changes: dict[str, Any], expected: str) -> None:
    assert reason("nemotron", NEMOTRON | changes) == expected


def test_a_thought_may_stand_in_a_field_of_its_own_and_tools_may_answer() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What is 6 * 7?"}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
        {"role": "tool", "content": "42"},
        {"role": "assistant", "content": "It is \\boxed{42}.", "reasoning_content": "\\boxed{41}?"},
    ]
    (found,) = adapted("generic", {"messages": messages, "ground_truth": "42", "domain": "math"})
    assert found.problem == "What is 6 * 7?"
    assert found.trace.startswith("```output\n42\n```")
    assert (found.answer, fate(found)) == ("42", "verified")


def test_sentences_on_how_to_box_the_answer_are_no_part_of_the_problem() -> None:
    asked = "Solve it. Make sure to put the answer inside \\boxed{}.\n\nWhat is $x$ if $x^2=4$?"
    assert bare_problem(asked) == "Solve it.\n\nWhat is $x$ if $x^2=4$?"
    assert bare_problem("Return your final response within \\boxed{}. What is 2 + 2?") == (
        "What is 2 + 2?"
    )
    assert bare_problem("Why is \\boxed{4} right?") == "Why is \\boxed{4} right?"
    assert bare_problem("Fill in \\boxed{}") == "Fill in \\boxed{}"


def test_openthoughts_has_nothing_to_verify_against() -> None:
    conversations = [
        {"from": "human", "value": "What is 6 * 7?"},
        {"from": "gpt", "value": "<think>Hm.</think>It is \\boxed{42}."},
    ]
    row = {"difficulty": 1, "source": "s", "domain": "science", "conversations": conversations}
    (found,) = adapted("openthoughts", row)
    assert (found.problem, found.answer, found.domain) == ("What is 6 * 7?", "42", "stem")
    assert fate(found) == admission.NO_REFERENCE


OPENR1: dict[str, Any] = {
    "problem": "What is 6 * 7?", "solution": "42", "answer": "42", "finish_reasons": None,
    "generations": ["<think>41?</think>It is \\boxed{42}.", "<think>42?</think>It is \\boxed{41}."],
    "is_reasoning_complete": [True, True], "correctness_math_verify": [True, False],
}  # fmt: skip


def test_openr1_makes_a_trajectory_of_each_generation() -> None:
    assert [fate(t) for t in adapted("openr1", OPENR1)] == ["verified", admission.WRONG]
    by_reason = adapted("openr1", OPENR1 | {"finish_reasons": ["length", None]})
    assert [fate(t) for t in by_reason] == [admission.CUT_OFF, admission.WRONG]
    by_flag = adapted("openr1", OPENR1 | {"is_reasoning_complete": [False]})
    assert [fate(t) for t in by_flag] == [admission.CUT_OFF, admission.WRONG]
    proof = adapted("openr1", OPENR1 | {"answer": "proof"})
    assert {fate(t) for t in proof} == {admission.NO_REFERENCE}
    assert reason("openr1", OPENR1 | {"generations": []}) == "trace is empty"
    assert reason("openr1", OPENR1 | {"generations": "one"}) == "wrong type"
    assert reason("openr1", OPENR1 | {"generations": ["one.", None]}) == "trace is null"
    assert reason("openr1", OPENR1 | {"finish_reasons": "stop"}) == "wrong type"


def test_open_code_reasoning_has_no_tests_and_half_of_it_no_problems() -> None:
    row = {
        "id": "1", "input": "Print 1.", "output": "<think>So.</think>\n```python\nprint(1)\n```",
        "source": "s", "license": "mit, apache-2.0", "dataset": "d", "split": "train",
        "difficulty": "EASY", "solution": "print(1)",
    }  # fmt: skip
    (found,) = adapted("opencodereasoning", row)
    assert found.domain == "code"
    assert fate(found) == admission.NO_REFERENCE
    assert reason("opencodereasoning", row | {"input": "-"}) == "problem is a placeholder"


# --- three corpora through --columns --------------------------------------------------------------

#: Corpus -> the columns to name, a row in its published schema.
THROUGH_COLUMNS: dict[str, tuple[str, dict[str, Any]]] = {
    "LIMO": (
        "problem=question,trace=solution,reference=answer,domain==math,licence==Apache-2.0",
        {
            "question": "What is 6 * 7?",
            "solution": "Six sevens are 42.\n\n**Final Answer**\n\\boxed{42}",
            "answer": "42",
        },
    ),
    "s1K": (
        "problem=question,thought=thinking_trajectories,trace=attempt,reference=solution,licence==MIT",
        {
            "solution": "Six sevens.\nThey are \\boxed{42}.", "question": "What is 6 * 7?",
            "cot_type": "math", "source_type": "sample", "metadata": "{}", "cot": None,
            "thinking_trajectories": ["Let me count. Is it \\boxed{41}? No."],
            "attempt": "It is \\boxed{42}.",
        },
    ),
    "OpenMathReasoning": (
        "problem=problem,trace=generated_solution,reference=expected_answer,"
        "generator=generation_model,domain==math,licence==CC-BY-4.0",
        {
            "expected_answer": "42", "problem_type": "has_answer_extracted",
            "problem_source": "sample", "generation_model": "DeepSeek-R1",
            "pass_rate_72b_tir": "0.5", "problem": "What is 6 * 7?",
            "generated_solution": "<think>Is it \\boxed{41}?</think>It is \\boxed{42}.",
            "inference_mode": "cot", "used_in_kaggle": True,
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("corpus", THROUGH_COLUMNS)
def test_corpora_through_columns(corpus: str) -> None:
    columns, row = THROUGH_COLUMNS[corpus]
    named = dict(pair.split("=", 1) for pair in columns.split(","))
    (found,) = adapted("generic", row, **named)
    assert (found.problem, found.answer, found.reference) == ("What is 6 * 7?", "42", "42")
    assert fate(found) == "verified"
    assert "think" not in found.trace


def test_a_list_of_thoughts_is_no_thought() -> None:
    columns, row = THROUGH_COLUMNS["s1K"]
    named = dict(pair.split("=", 1) for pair in columns.split(","))
    for thoughts, expected in ((["a", "b"], "thought is a list"), ([7], "wrong type")):
        with pytest.raises(RowError) as caught:
            adapted("generic", row | {"thinking_trajectories": thoughts}, **named)
        assert caught.value.reason == expected
    (found,) = adapted("generic", row | {"thinking_trajectories": []}, **named)
    assert found.trace == "It is \\boxed{42}."


@pytest.mark.parametrize(
    ("asked", "bare"),
    [
        ("Compute 1.5 + 2 and give your answer in \\boxed{}.", "Compute 1.5 + 2."),
        ("Compute 1.7 * 3 and give your answer in \\boxed{}.", "Compute 1.7 * 3."),
        ("Let $a=2$. Find $a+b$ where $b=3$, and put the answer in \\boxed{}.",
         "Let $a=2$. Find $a+b$ where $b=3$."),
        ("Find x: 3x + 1 = 10. Please box your answer: \\boxed{}", "Find x: 3x + 1 = 10."),
        ("Is 4 in \\boxed{} or not", "Is 4 in \\boxed{} or not"),
    ],
)  # fmt: skip
def test_a_question_keeps_its_data(asked: str, bare: str) -> None:
    assert bare_problem(asked) == bare


@pytest.mark.parametrize("mark", [":", ".", "\\boxed{", "a ", "\n"])
def test_a_long_question_is_read_once(mark: str) -> None:
    assert bare_problem(mark * 500_000 + "\\boxed{}")
