"""Any corpus with a problem and a trace in each row, in columns that are named or guessed.

``--columns problem=question,trace=cot`` names the column of a role. A role that is not named is
taken from the first of its usual columns (`USUAL`; case, spaces and hyphens count for nothing) that
the row has. Problem and trace must be there, and a chat (`chat.CHAT_COLUMNS`) stands in for either;
every other column may be missing in some rows. ``domain==math`` says what a role is in all rows.
Without an answer, the answer is the final one that the trace states after its thought.

A ``thought`` beside the trace comes before it: its column may hold a list of one. A reference that
is a whole solution counts by the answer that it ends with. A column ``answer`` may hold the right
answer, or what the trace came to: taken for the wrong one of the two, it would be verified against
itself. Unless it is named, it is what the trace came to in rows whose columns are called as the
roles are (``problem``, ``trace``, ``answer``, ``reference``), the reference in rows that have a
prediction beside it, and nothing in others (`unverifiable`).
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from tracemine.schemas import Source, Trajectory
from tracemine.schemas.records import DOMAINS
from tracemine.transforms.formats.answers import final_answer, is_essay
from tracemine.transforms.formats.base import (
    LICENCE_COLUMNS,
    MISSING_COLUMN,
    Format,
    Row,
    RowError,
    answer_text,
    as_text,
    field,
    label,
    text,
    texts,
    trajectory,
)
from tracemine.transforms.formats.chat import CHAT_COLUMNS, is_chat, read_chat
from tracemine.transforms.formats.thoughts import with_thought

#: Role -> the columns that usually hold it, first choice first.
USUAL: dict[str, tuple[str, ...]] = {
    "problem": (
        "problem", "question", "prompt", "instruction", "query", "problem_statement",
        "question_content",
    ),
    "trace": (
        "trace", "attempt", "generated_solution", "model_output", "model_response", "solution",
        "cot", "chain_of_thought", "response", "generation", "completion", "reasoning",
        "rationale", "deepseek_solution", "generated_text",
    ),
    # Not "extracted_answer": it is not said from which column.
    "answer": ("pred", "prediction", "predicted_answer", "model_answer"),
    "reference": (
        "reference", "gold", "ground_truth", "expected_answer", "reference_answer", "gt",
        "gold_answer", "correct_answer", "ground_truth_answer", "groundtruth", "gt_answer",
    ),
    "domain": ("domain", "subject", "category"),
    "licence": LICENCE_COLUMNS,
    "generator": ("generator", "model", "generation_model", "model_name", "generator_model"),
    "thought": (
        "reasoning_content", "thinking", "thought", "thinking_trajectory",
        "thinking_trajectories", "deepseek_reasoning", "complex_cot",
    ),
    "finish_reason": ("finish_reason", "stop_reason"),
    "tests": ("tests", "test_list"),
    "test_setup": ("test_setup", "test_setup_code"),
}  # fmt: skip

#: The usual column of answers of which it is not said whose they are; beside a prediction, it holds
#: the right one.
_ANSWER = "answer"
#: Columns of a row that speaks of its answers as we do.
_OUR_NAMES = frozenset({"problem", "trace", _ANSWER, "reference"})

#: Words that corpora have for our domains.
_DOMAINS = dict.fromkeys(
    ("math", "maths", "mathematics", "algebra", "geometry", "arithmetic", "number theory",
     "calculus", "combinatorics", "probability", "precalculus", "prealgebra",
     "intermediate algebra", "counting & probability", "counting and probability"), "math"
) | dict.fromkeys(
    ("code", "coding", "programming", "python", "competitive programming", "software"), "code"
) | dict.fromkeys(
    ("stem", "science", "physics", "chemistry", "biology", "engineering", "medicine", "astronomy",
     "computer science"), "stem"
)  # fmt: skip

#: What a role is called in a reason, where that is not its name.
_ROLE_NAMES = {"test_setup": "test setup", "finish_reason": "finish reason"}

#: Stands before what a role is in all rows, where a column would be named.
CONSTANT = "="
#: The roles that can be the same in all rows.
CONSTANTS = ("domain", "generator", "licence")

#: Rows with tests are code; of the others we know nothing.
DEFAULT_DOMAIN = "other"


def adapt(row: Row, source: Source, *, columns: Mapping[str, str]) -> Iterator[Trajectory]:
    """One trajectory."""
    found = _found(row, columns)
    problem, trace = _told(row, found)
    tests = _tests(row, found["tests"])
    reference = _answer(row, found["reference"], "reference")
    yield trajectory(
        source,
        problem=problem,
        trace=trace,
        answer=_answer(row, found["answer"], "answer") or (None if tests else final_answer),
        reference=None if reference is None else _stated(reference),
        domain=_domain(row, found["domain"], "domain" in columns, bool(tests)),
        generator=_label(row, found["generator"], "generator", "generator" in columns),
        tests=tests,
        test_setup=_label(row, found["test_setup"], "test_setup", True),
        finish_reason=_label(
            row, found["finish_reason"], "finish_reason", "finish_reason" in columns
        ),
    )


def unverifiable(rows: Iterable[Row], columns: Mapping[str, str]) -> str | None:
    """What to do about rows none of which has a column for a reference or tests, in one line; None
    where one has."""
    names: dict[str, None] = {}
    for row in rows:
        found = _found(row, columns)
        if found["reference"] or found["tests"]:
            return None
        names |= dict.fromkeys(map(str, row))
    if not names:
        return None
    hint = "say which column has the right answer with --columns reference=NAME"
    if any(_normal(name) == _ANSWER for name in names):
        hint = (
            "if `answer` holds the right answer, and not what the trace came to, say "
            "--columns reference=answer"
        )
    return (
        f"no column is known for a reference or for tests (there are {', '.join(names)}), so that "
        f"nothing can be verified; {hint}"
    )


def trace_column(row: Row) -> str | None:
    """The first usual column for a trace that the row has."""
    return _column(row, "trace", {})


def constant(column: str | None) -> str | None:
    """What a role is in all rows, if ``column`` says that and names none."""
    return column[1:] if column and column.startswith(CONSTANT) else None


def _told(row: Row, found: Mapping[str, str | None]) -> tuple[str, str]:
    """The problem and the trace, from their columns or from the chat."""
    chat_column = _chat_column(row)
    chat = None
    if chat_column and not (found["problem"] and found["trace"]):
        chat = read_chat(row, chat_column)
    for role in ("problem", "trace"):
        if found[role] is None and chat is None:
            raise RowError(MISSING_COLUMN, f"{role}: none of {', '.join(USUAL[role])}")
    problem, trace, thought = found["problem"], found["trace"], found["thought"]
    told = text(row, trace, "trace") if trace else chat.trace if chat else ""
    if thought and row[thought] not in (None, "", []):
        told = with_thought(_one_text(row[thought], thought), told)
    return text(row, problem, "problem") if problem else chat.problem if chat else "", told


def _chat_column(row: Row) -> str | None:
    return next((name for name in CHAT_COLUMNS if is_chat(row.get(name))), None)


def _found(row: Row, columns: Mapping[str, str]) -> dict[str, str | None]:
    """Role -> its column in this row, or what it is in all rows."""
    found = {role: _column(row, role, columns) for role in USUAL}
    own_words = row.keys() >= _OUR_NAMES and _ANSWER not in columns.values()
    if own_words and not {"answer", "reference"} & columns.keys():
        found["answer"] = _ANSWER
    predicted = found["answer"]
    if (
        not found["reference"]
        and not {"answer", "reference"} & columns.keys()
        and predicted
        and _says_something(row[predicted])
    ):
        found["reference"] = _first(row, (_ANSWER,), set(columns.values()))
    return found


def _says_something(value: Any) -> bool:
    """Whether a field is neither null nor blank nor a list of nothing."""
    return value is not None and value != [] and bool(str(value).strip())


def _column(row: Row, role: str, columns: Mapping[str, str]) -> str | None:
    if role in columns:
        name = columns[role]
        if constant(name) is not None or name in row:
            return name
        # A column that was named is not guessed at; JSON often leaves out what is null.
        if role in ("problem", "trace"):
            field(row, name)
        return None
    # A column that was given another role is not guessed at.
    return _first(row, USUAL[role], set(columns.values()))


def _first(row: Row, usual: Iterable[str], taken: Collection[str]) -> str | None:
    """The first of some usual columns that the row has."""
    exact = next((name for name in usual if name in row and name not in taken), None)
    if exact is not None:
        return exact
    spelt = {_normal(name): name for name in row if isinstance(name, str) and name not in taken}
    return next((spelt[name] for name in usual if name in spelt), None)


def _normal(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _answer(row: Row, column: str | None, role: str) -> str | None:
    return answer_text(row[column], column, role) if column else None


def _stated(reference: str) -> str:
    """The answer of a reference that is a whole solution; all of it where it states none."""
    if "boxed" in reference or "\n" in reference or is_essay(reference):
        return final_answer(reference) or reference
    return reference


def _label(row: Row, column: str | None, role: str, named: bool) -> str:
    """A label; what is no text in a column that was only guessed at is none."""
    if column is None:
        return ""
    told = constant(column)
    if told is not None:
        return told
    if not named and not isinstance(row[column], str):
        return ""
    return label(row, column, _ROLE_NAMES.get(role, role))


def _domain(row: Row, column: str | None, named: bool, tested: bool) -> str:
    """One of our domains. What a column says that was named and is none of them is passed on, to
    fail; from one that was only guessed at, it means nothing."""
    said = _label(row, column, "domain", named).strip()
    known = _DOMAINS.get(said.lower().replace("_", " "))
    if known or (named and said):
        return known or said
    if said in DOMAINS:
        return said
    return "code" if tested else DEFAULT_DOMAIN


def _one_text(value: Any, column: str) -> str:
    if isinstance(value, list | tuple) and len(value) == 1:
        (value,) = value
    return as_text(value, column, "thought")


def _tests(row: Row, column: str | None) -> tuple[str, ...]:
    """A list of tests, or one text: with a test, or with assertions that are a test each."""
    if column is None or row[column] is None:
        return ()
    if not isinstance(row[column], str):
        return texts(row, column, "tests")
    text = as_text(row[column], column, "tests")
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return (text,)
    if not body or not all(isinstance(statement, ast.Assert) for statement in body):
        return (text,)
    return tuple(ast.unparse(statement) for statement in body)


def _detect(row: Row) -> bool:
    return _chat_column(row) is not None or all(
        _column(row, role, {}) for role in ("problem", "trace")
    )


FORMAT = Format(
    name="generic",
    detect=_detect,
    adapt=adapt,
    fallback=True,
    takes_columns=True,
)
