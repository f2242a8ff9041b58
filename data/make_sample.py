"""Write the bundled sample: ``python -m tracemine.data.make_sample``.

The same files every time, byte for byte: numbers come from generators that are seeded with the
names of the stories, and nothing is read from anywhere.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tracemine.data import attempts as bad
from tracemine.data.algebra import algebra_problems
from tracemine.data.code_tasks import TASKS, WRONG_TASKS, Task
from tracemine.data.stem import PROSE, stem_problems
from tracemine.data.stories import Told
from tracemine.data.word_problems import word_problems

FOLDER = Path(__file__).parent / "sample"

LICENCE = "Apache-2.0"
#: The mirror is published under another licence, so that entries with two licences can be seen.
MIRROR_LICENCE = "CC-BY-4.0"
GENERATOR = "hand-written"
#: Every one of how many word problems, and of generic rows, the mirror holds too.
MIRRORED_WORD_PROBLEMS = 15
MIRRORED_ROWS = 10

Row = dict[str, Any]


def sample() -> dict[str, str]:
    """The text of each file by name."""
    words = [
        {"question": told.question, "answer": told.answer, "licence": LICENCE}
        for told in word_problems()
    ]
    algebra = [_generic(told, "math") for told in algebra_problems()]
    stem = [_generic(told, "stem") for told in stem_problems()]
    stem += [_generic(Told(*prose, prose[-1]), "stem") for prose in PROSE]
    code = [_code(task, index) for index, task in enumerate(TASKS + WRONG_TASKS, start=1)]
    attempts = [row | {"licence": LICENCE} for row in bad.attempts()]
    rows = {
        "algebra.jsonl": algebra,
        "attempts.jsonl": attempts,
        "code.jsonl": code,
        "mirror.jsonl": _mirror(words, algebra + stem),
        "stem.jsonl": stem,
        "word_problems.jsonl": words,
    }
    return {name: _text(name, found) for name, found in rows.items()}


def main() -> None:
    """Write the files into the folder ``sample`` beside this script."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in sample().items():
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")


def _generic(told: Told, domain: str) -> Row:
    return {
        "problem": told.question,
        "trace": told.answer,
        "answer": told.result,
        "reference": told.truth,
        "domain": domain,
        "licence": LICENCE,
        "generator": GENERATOR,
    }


def _code(task: Task, number: int) -> Row:
    return {
        "text": task.text,
        "code": task.code,
        "task_id": number,
        "test_setup_code": task.setup,
        "test_list": list(task.tests),
        "challenge_test_list": [],
        "licence": LICENCE,
    }


def _mirror(words: list[Row], others: list[Row]) -> list[Row]:
    """Copies of a few rows, in the fields of the generic format, as another source has them."""
    copies = [
        {
            "problem": row["question"],
            "trace": row["answer"],
            "answer": row["answer"].rpartition("#### ")[2],
            "reference": row["answer"].rpartition("#### ")[2],
            "domain": "math",
        }
        for row in words[::MIRRORED_WORD_PROBLEMS]
    ]
    copies += others[::MIRRORED_ROWS]
    copies.append(bad.DISPUTED | {"reference": "126", "domain": "math"})
    return [copy | {"licence": MIRROR_LICENCE, "generator": GENERATOR} for copy in copies]


def _text(name: str, rows: list[Row]) -> str:
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    for broken in sorted(bad.BROKEN, key=lambda broken: -broken.after):
        if broken.file == name:
            lines.insert(broken.after, broken.line)
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    main()
