"""A year in the life of a store: twelve monthly refreshes with new problems, a source withdrawn, a
library's major version changed, a verifier mended so that what passed fails. At its end every
entry's trail says how it came to be what it is.

    TRACEMINE_YEAR_ROWS=50 python -m pytest tests/pipelines/test_year.py

brings as many rows of every published file each month in place of a few of two.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tracemine.pipelines.forget import run_forget
from tracemine.pipelines.lifecycle_options import (
    ForgetOptions,
    RefreshOptions,
    ReviewOptions,
    VerifyOptions,
)
from tracemine.pipelines.mine import run_mine
from tracemine.pipelines.options import MineOptions
from tracemine.pipelines.refresh import run_refresh
from tracemine.pipelines.review import list_quarantined, run_review
from tracemine.pipelines.verify import run_verify
from tracemine.store import Store, fsck
from tracemine.teachers.rules.derived import libraries
from tracemine.verifiers import replay as replaying

pytestmark = pytest.mark.slow

#: What is told of numbers, by domain: another routine each.
STORIES = {
    "math": ("{a} crates weigh {b} kg each and the lid weighs {c} kg. How heavy is all of it?",
             "All of it weighs {a} * {b} + {c} = {x} kilograms.", lambda a, b, c: a * b + c),
    "code": ("A queue holds {a} jobs, {b} are done, and each other job takes {c} seconds. How long "
             "does the rest take?", "The rest takes ({a} - {b}) * {c} = {x} seconds.",
             lambda a, b, c: (a - b) * c),
}  # fmt: skip
PLACES = ("harbour", "mill", "depot", "yard", "attic", "cellar", "orchard", "quarry", "bakery",
          "foundry", "stable", "tannery", "smithy")  # fmt: skip

#: A task whose solution imports a library.
TASK = {
    "text": "Write a function to tell how much the largest load of a list is above its mean load.",
    "code": "import numpy as np\ndef above_mean(loads):\n"
            "    return float(np.max(loads) - np.mean(loads))",
    "test_list": ["assert above_mean([1.0, 3.0]) == 1.0", "assert above_mean([4.0, 4.0]) == 0.0",
                  "assert above_mean([0.0, 3.0, 6.0]) == 3.0"],
    "challenge_test_list": ["assert above_mean([2.0, 2.0, 8.0]) == 4.0"],
}  # fmt: skip

#: Rows a month of published files.
EVERY = int(os.environ.get("TRACEMINE_YEAR_ROWS", "0"))
ROWS = {"gsm8k_train.jsonl.gz": 3, "mbpp.jsonl.gz": 1}


def month(folder: Path, number: int, name: str = "") -> Path:
    """The problems of one month, one of each kind."""
    path = folder / (name or f"month{number:02d}.jsonl")
    with path.open("w", encoding="utf-8") as stream:
        for turn, (domain, (problem, trace, result)) in enumerate(STORIES.items()):
            numbers = {"a": 23 + 7 * number + turn, "b": 3 + number, "c": 2 + (5 * number) % 11}
            numbers["x"] = result(*numbers.values())
            text = f"At the {PLACES[number]} of {number + 3} owners: {problem.format(**numbers)}"
            row = {
                "problem": text, "trace": trace.format(**numbers), "answer": str(numbers["x"]),
                "reference": str(numbers["x"]), "domain": domain,
            }  # fmt: skip
            stream.write(json.dumps(row) + "\n")
    return path


def published(data: Path, folder: Path, number: int) -> list[Path]:
    """What published files bring in one month, where they are there."""
    every = {path.name: EVERY for path in sorted(data.glob("*.jsonl*"))} if EVERY else ROWS
    found = []
    for name, rows in every.items():
        if (data / name).exists():
            opened = gzip.open if name.endswith(".gz") else open
            with opened(data / name, "rt", encoding="utf-8") as stream:
                lines = list(islice(stream, rows * number, rows * (number + 1)))
            found.append(folder / f"month{number:02d}_{name.removesuffix('.gz')}")
            found[-1].write_text("".join(lines), encoding="utf-8")
    return [path for path in found if path.stat().st_size]


def task(folder: Path) -> Path:
    path = folder / "tasks.jsonl"
    path.write_text(json.dumps(TASK) + "\n")
    return path


@pytest.fixture
def new_numpy(tmp_path: Path) -> Iterator[Path]:
    """A folder that has, for those who look at it, another major version of a library."""
    installed = tmp_path / "installed" / "numpy-99.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 99.0\n")
    (installed / "top_level.txt").write_text("numpy\n")
    yield installed.parent
    forget_versions()


def forget_versions() -> None:
    libraries.version_of.cache_clear()
    libraries._distributions.cache_clear()


def time(number: int) -> str:
    return f"{2026 + number // 12}-{number % 12 + 1:02d}-01T00:00:00+00:00"


def test_a_year_ends_with_a_store_whose_trail_explains_it(
    tmp_path: Path, new_numpy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    store = str(tmp_path / "store")
    seen: Counter[str] = Counter()
    known = []

    def sound(found: dict[str, Any]) -> dict[str, Any]:
        assert fsck(store) == []
        seen.update(found.get("changes") or {})
        return found

    first = [month(tmp_path, 0), task(tmp_path), *published(data, tmp_path, 0)]
    run_mine(
        MineOptions(inputs=tuple(map(str, first)), store=store, as_of=time(0), workers=1,
                    progress=False)
    )  # fmt: skip
    for number in range(1, 13):
        name = "withdrawn.jsonl" if number == 3 else ""
        new = [month(tmp_path, number, name), *published(data, tmp_path, number)]
        found = sound(run_refresh(RefreshOptions(store, tuple(map(str, new)), as_of=time(number))))
        assert found["trajectories"]["admitted"] >= 2
        known.append(found["known_verdicts"])
        if number == 5:
            gone = sound(run_forget(ForgetOptions(store, ("withdrawn.jsonl",), time(number))))
            assert gone["trajectories"] == 2
        if number == 7:
            monkeypatch.syspath_prepend(str(new_numpy))
            forget_versions()
            late = sound(run_verify(VerifyOptions(store, sample=0, as_of=time(number))))
            assert late["changes"] == {"verified -> expired (expiry_libraries)": 1}
            with Store.open(store) as opened:
                (hit,) = opened.search(TASK["text"], 1)
                assert (hit.expired, hit.subquestion in TASK["text"]) == (True, True)
            again = sound(run_verify(VerifyOptions(store, as_of=time(number))))
            assert again["changes"]["expired -> verified (verified again)"] == 1

    # With another library everything is replayed, once.
    assert [bool(n) for n in known[6:]] == [True, False, True, True, True, True]

    # The verifier is mended: what is more than six hundred was never compared rightly.
    compare = replaying.verify

    def mended(expected: Any, found: Any, *rest: Any, **more: Any) -> Any:
        verdict = compare(expected, found, *rest, **more)
        wrong = isinstance(expected, int) and expected > 600
        return dataclasses.replace(verdict, outcome="differ") if wrong else verdict

    monkeypatch.setattr(replaying, "verify", mended)
    fallen = sound(run_verify(VerifyOptions(store, as_of=time(12))))
    assert fallen["failures"] > 0
    one, *others = list_quarantined(store)["quarantined"]
    run_review(
        ReviewOptions(store, accept=(one["procedure_id"],), who="ada", why="known", as_of=time(12))
    )
    sound({})
    with Store.open(store) as opened:
        ids = opened.rows(
            "SELECT procedure_id FROM procedures UNION ALL SELECT procedure_id FROM candidates"
        )
        trails = [opened.get(row["procedure_id"]) for row in ids]
        sources = opened.rows("SELECT DISTINCT unnest(sources).dataset AS name FROM trajectories")
    assert "withdrawn.jsonl" not in {row["name"] for row in sources}
    quarantined = {other["procedure_id"] for other in others}
    for entry in trails:
        assert entry is not None
        own = entry.procedure.procedure_id
        stands: dict[str, str] = {}  # its own status, and that of each that went into it
        for event in entry.events:
            assert event.from_status == stands.get(event.procedure_id, "")
            assert event.rule and json.loads(event.evidence)
            stands[event.procedure_id] = event.to_status
        status = stands.pop(own)
        assert status == entry.procedure.status
        assert set(stands.values()) <= {"merged"}
        assert (status == "quarantined") == (own in quarantined)
    statuses = Counter(entry.procedure.status for entry in trails if entry)
    assert {"canonical", "verified", "candidate"} <= statuses.keys()
    rules = {event.rule for entry in trails if entry for event in entry.events}
    assert rules >= {
        "awaits held-out instances", "min_replays", "promote_after", "expiry_libraries",
        "verified again", "regression", "review: accepted",
    }  # fmt: skip
    sys.stdout.write(f"{len(trails):,} entries: {dict(statuses)}; changes: {dict(seen)}\n")
