"""merge: what says the same and does the same is one entry, and both ids lead to it."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_store
from rich.console import Console

from tracemine.pipelines.cli import main
from tracemine.pipelines.lifecycle_options import MergeOptions
from tracemine.pipelines.lifecycle_rendering import MAX_MERGED, print_merged
from tracemine.pipelines.merge import run_merge
from tracemine.schemas.arrow import procedure_from_row
from tracemine.store import Store, fsck
from tracemine.store.embedder import GRID, to_grid
from tracemine.transforms.merging import near_pairs

LATER = "2025-09-01T00:00:00+00:00"
LEFT, AVERAGE = small_store.ROUTINES[:2]

#: The same in other words; another method for the same; another thing in the same words.
AGAIN = replace(
    LEFT,
    subquestion="How much money is left after paying?",
    code="def rest(money, paid):\n    return money - paid\n",
    signature=small_store.signature("int", money="int", paid="int"),
    predicates=("paid <= money",),
    status="verified",
    cases=tuple(({"money": a, "paid": b}, a - b) for a, b in ((70, 12), (44, 3), (90, 51))),
    verdicts=("pass", "pass"),
)
LOOP = replace(
    AVERAGE,
    subquestion="What is the average of the numbers?",
    code=(
        "def mean(numbers):\n    total = 0\n    for number in numbers:\n        total += number\n"
        "    return total / len(numbers)\n"
    ),
    signature=small_store.signature("rational", numbers="list[int]"),
    predicates=("len(numbers) > 0",),
    cases=tuple(({"numbers": n}, sum(n) / len(n)) for n in ([5, 7], [1, 8], [40, 2, 6])),
    verdicts=("pass", "pass"),
)
SUM = replace(
    AGAIN,
    subquestion="How much money is left after earning?",
    code="def both(had, earned):\n    return had + earned\n",
    signature=small_store.signature("int", had="int", earned="int"),
    predicates=("earned >= 0",),
    cases=tuple(({"had": a, "earned": b}, a + b) for a, b in ((71, 12), (45, 3), (91, 50))),
)


def sound(routine: Any) -> Any:
    """Without the case that the small store's average fails on."""
    kept = sum(v == "pass" for v in routine.verdicts)
    return replace(routine, cases=routine.cases[: kept + 1], verdicts=("pass",) * kept)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    made = small_store.tables((LEFT, AGAIN, sound(AVERAGE), LOOP, SUM))
    # The first of two is the older one.
    for row in made.rows["events"]:
        (entry,) = (r for r in made.rows["procedures"] if r["procedure_id"] == row["procedure_id"])
        if entry["subquestion"] in (LEFT.subquestion, LOOP.subquestion):
            row["at"] = "2025-01-01T00:00:00+00:00"
    small_store.write(tmp_path / "store", made)
    return tmp_path / "store"


def entries(store: Path) -> dict[str, Any]:
    with Store.open(str(store)) as opened:
        rows = opened.rows("SELECT * FROM procedures UNION ALL SELECT * FROM candidates")
    return {row["subquestion"]: row for row in rows}


def test_what_is_said_in_the_same_words_is_at_no_distance(store: Path) -> None:
    with Store.open(str(store)) as opened:
        rows = opened.rows("SELECT * FROM procedures ORDER BY procedure_id")
    found = {row["procedure_id"]: procedure_from_row(row) for row in rows}
    one = found[min(found)]
    ids = [f"{n:032x}" for n in range(40)]
    alike = {i: replace(one, procedure_id=i) for i in ids}
    drawn = np.random.default_rng(3).normal(size=(20, 384))
    some = to_grid(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))
    moved = some.copy()
    moved[10:, 0] += np.float32(1 / GRID)  # the least step, which is another wording
    pairs = near_pairs(alike, ids, np.concatenate([some, moved]), 0.0)
    assert sorted(pairs) == [(ids[n], ids[n + 20]) for n in range(10)]


def test_what_behaves_alike_is_one_and_both_ids_lead_to_it(store: Path) -> None:
    before = entries(store)
    found = run_merge(MergeOptions(str(store), LATER))
    assert found["merged"] == 2
    assert fsck(str(store)) == []
    after = {row["procedure_id"]: row for row in entries(store).values()}
    old, young = (before[r.subquestion]["procedure_id"] for r in (LEFT, AGAIN))
    loop, average = (before[r.subquestion]["procedure_id"] for r in (LOOP, AVERAGE))
    assert {one["procedure_id"]: one["into"] for one in found["into"]} == {
        young: old,
        average: loop,
    }
    assert after.keys() == {old, loop, before[SUM.subquestion]["procedure_id"]}
    # In other words alone: one variant, with the spans of both.
    assert len(after[old]["variants"]) == 1
    assert len(after[old]["provenance"]) == 7
    assert after[old]["distinct_problems"] > before[LEFT.subquestion]["distinct_problems"]
    # Another method: the union of variants.
    assert {v["variant_id"] for v in after[loop]["variants"]} == {
        v["variant_id"]
        for routine in (LOOP, AVERAGE)
        for v in before[routine.subquestion]["variants"]
    }
    with Store.open(str(store)) as opened:
        for gone, into in ((young, old), (average, loop)):
            entry = opened.get(gone[:10])
            assert entry is not None
            assert entry.procedure.procedure_id == into
            assert [m.procedure_id for m in entry.merged] == [gone]
            (event,) = (e for e in entry.events if e.to_status == "merged")
            assert (event.procedure_id, event.rule, event.at) == (gone, "merge", LATER)
            assert json.loads(event.evidence) == {"into": into}
        hits = [hit.procedure_id for hit in opened.search("How much money is left?", 9)]
        assert sorted(hits) == sorted(after)
        assert opened.stats()["status"]["merged"] == 2
    # What is one is not merged again.
    assert run_merge(MergeOptions(str(store), LATER))["snapshot"] == "000002"


def test_a_policy_may_merge_nothing(store: Path) -> None:
    policy = store / "policy.toml"
    policy.write_text(policy.read_text().replace("merge_distance = 0.3", "merge_distance = -1"))
    assert run_merge(MergeOptions(str(store), LATER))["merged"] == 0
    assert not list((store / "snapshots").glob("*.draft"))
    policy.write_text(policy.read_text().replace("merge_passes = 2", "merge_passes = 50"))
    policy.write_text(policy.read_text().replace("merge_distance = -1", "merge_distance = 0.3"))
    assert run_merge(MergeOptions(str(store), LATER))["merged"] == 0


def test_the_command_line(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {name: row["procedure_id"] for name, row in entries(store).items()}
    old, young = before[LEFT.subquestion], before[AGAIN.subquestion]
    assert main(["merge", "--store", str(store), "--as-of", LATER]) == 0
    assert f"{young} -> {old}" in capsys.readouterr().out
    # Whose event it is that both have.
    assert main(["show", "--store", str(store), old, "--all"]) == 0
    shown = capsys.readouterr().out
    assert f"{young[:8]} was merged into this" in " ".join(shown.split())
    assert f"{young[:8]}: new -> verified" in " ".join(shown.split())
    assert main(["merge", "--store", str(store), "--as-of", LATER, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["into"] == []
    assert main(["merge", "--store", str(store / "none")]) == 2


def test_a_long_list_is_cut_and_counted() -> None:
    into = [{"procedure_id": f"{n:032x}", "into": "f" * 32, "subquestion": "?"} for n in range(23)]
    stream = io.StringIO()
    found = {"snapshot": "000002", "as_of": LATER, "merged": 23, "into": into}
    print_merged(Console(file=stream, width=200), found)
    told = stream.getvalue().splitlines()
    assert sum(" -> " in one for one in told) == MAX_MERGED
    assert told[-1].strip() == "and 3 more: --json"
