"""Functions to complete, of every kind of prompt, from the file to the store."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

pytestmark = pytest.mark.slow

CHECKS = "def check(candidate):\n"
#: Prompt, body, assertions and entry point of each row; none is from a published data set.
ROWS = {
    "rungs_above": (
        "from typing import List, Optional\n\n\n"
        "def rungs_above(heights: List[int], limit: Optional[int] = None) -> List[int]:\n"
        '    """ Keep the heights of the rungs that lie above a limit, in their order.\n'
        '    >>> rungs_above([1, 4, 9], 3)\n    [4, 9]\n    """\n',
        "    kept: List[int] = []\n    for height in heights:\n"
        "        if limit is None or height > limit:\n            kept.append(height)\n"
        "    return kept\n",
        ["([1, 4, 9], 3) == [4, 9]", "([2, 8], 2) == [8]", "([7, 1]) == [7, 1]",
         "([5, 6, 7], 6) == [7]"],
    ),
    "longest_word": (
        "import re\n\nWORD = re.compile(r'[a-z]+')\n\n\n"
        "def words_in(text: str):\n    '''Every run of letters, in order.'''\n"
        "    return WORD.findall(text)\n\n\n"
        "def longest_word(text: str) -> str:\n"
        "    ''' Find the longest word of a text; the first one where several are as long.\n"
        "    longest_word('to a lighthouse') => 'lighthouse'\n    '''\n",
        "    best = ''\n    for word in words_in(text):\n        if len(word) > len(best):\n"
        "            best = word\n    return best\n",
        ["('to a lighthouse') == 'lighthouse'", "('') == ''", "('one 22 three') == 'three'",
         "('ab, cd') == 'ab'"],
    ),
    "is_closed": (
        'def is_closed(marks):\n    """marks is a string of "<" and ">".\n'
        "    Return True if every opening mark is closed later on.\n\n"
        '    >>> is_closed("<")\n    False\n    >>> is_closed("<>")\n    True\n    """\n',
        "    depth = 0\n    for mark in marks:\n        depth += 1 if mark == '<' else -1\n"
        "        if depth < 0:\n            return False\n    return depth == 0\n",
        ["('<') == False", "('<>')", "not candidate('><<>')", "('<><>')", "('<<>>')",
         "not candidate('>')"],
    ),
    "table_sum": (
        "\nNOTE = \"\"\"\nMore cases are welcome.\n\"\"\"\n\n"
        "def table_sum(rows):\n    \"\"\"Write a function table_sum that takes a list of rows of\n"
        "    numbers and returns the sum of the largest number of each row.\n\n    Example:\n"
        "        table_sum([[1, 2], [3]]) ➞ 5\n    \"\"\"\n",
        "    total = 0\n    for row in rows:\n        if row:\n            total += max(row)\n"
        "    return total\n",
        ["([[1, 2], [3]]) == 5, 'the example'", "([]) == 0", "([[], [4, 8]]) == 8"],
    ),
    "spread": (
        "import math\nfrom typing import Tuple as Pair\n\n\ndef spread(pair: Pair[float, float]):\n"
        '    """You are given a pair of numbers. Your task is to return how far apart\n'
        '    their square roots are. """\n',
        "    low, high = sorted(pair)\n    return math.sqrt(high) - math.sqrt(low)\n",
        ["((1.0, 9.0)) == 2.0", "((16.0, 4.0)) == 2.0", "((25.0, 25.0)) == 0.0"],
    ),
    "scaled": (
        "FACTOR = 3\n\ndef clip(x, low, high):\n    return max(low, min(x, high))\n\n"
        "def scaled(xs, low, high):\n"
        '    """ Multiply each of the numbers by the usual factor and clip it to a range """\n',
        "    return [clip(FACTOR * x, low, high) for x in xs]\n",
        ["([1, 2, 9], 0, 10) == [3, 6, 10]", "([], 0, 1) == []", "([-1], -2, 2) == [-2]"],
    ),
}  # fmt: skip

QUESTIONS = {
    "rungs_above": "keep the heights of the rungs that lie above a limit, in their order",
    "longest_word": "find the longest word of a text",
    "is_closed_holds": "return True if every opening mark is closed later on",
    "table_sum": "return the sum of the largest number of each row",
    "spread": "return how far apart their square roots are",
    "scaled": "multiply each of the numbers by the usual factor and clip it to a range",
}


def _row(name: str) -> dict[str, Any]:
    prompt, body, assertions = ROWS[name]
    lines = [a if a.startswith("not ") else f"candidate{a}" for a in assertions]
    return {
        "task_id": f"Own/{name}", "prompt": prompt, "canonical_solution": body,
        "test": CHECKS + "".join(f"    assert {line}\n" for line in lines),
        "entry_point": name,
    }  # fmt: skip


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("tasks")
    source = folder / "tasks.jsonl"
    source.write_text("".join(json.dumps(_row(name)) + "\n" for name in ROWS), encoding="utf-8")
    command = [
        sys.executable, "-m", "tracemine.pipelines.cli", "mine", "--input", str(source),
        "--store", str(folder / "store"), "--as-of", "2026-01-02T03:04:05+00:00", "--json",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "store", json.loads(done.stdout)


def test_every_prompt_gives_a_verified_routine(mined: tuple[Path, dict[str, Any]]) -> None:
    store, summary = mined
    assert summary["trajectories"]["admitted"] == len(ROWS)
    assert not summary["spans"]["rejected"]
    found = {
        variants[0]["entry_point"]: (subquestion, variants[0]["code"])
        for subquestion, variants in duckdb.sql(
            f"SELECT subquestion, variants FROM '{store}/snapshots/000001/procedures/*.parquet'"
        ).fetchall()
    }
    asked = {entry.removesuffix("_holds"): subquestion for entry, (subquestion, _) in found.items()}
    expected = {entry.removesuffix("_holds"): q for entry, q in QUESTIONS.items()}
    assert {name: asked.get(name, "").partition(";")[0] for name in ROWS} == {
        name: question.partition(";")[0] for name, question in expected.items()
    }
    assert "from typing import List, Optional" in found["rungs_above"][1]
    assert "def words_in" in found["longest_word"][1]
    assert "NOTE" not in found["table_sum"][1]
    assert "FACTOR = 3" in found["scaled"][1]


def test_a_test_that_the_prompt_shows_replays_nothing(
    mined: tuple[Path, dict[str, Any]],
) -> None:
    store, _ = mined
    shown = {'{"marks":"<"}', '{"marks":"<>"}', '{"rows":[[1,2],[3]]}'}
    replayed = {
        bindings
        for (bindings,) in duckdb.sql(
            f"SELECT bindings FROM '{store}/snapshots/000001/instances/*.parquet' i JOIN "
            f"'{store}/snapshots/000001/replays/*.parquet' r USING (instance_id)"
        ).fetchall()
    }
    assert replayed
    assert not shown & replayed
