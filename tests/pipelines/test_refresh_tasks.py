"""refresh of tasks with tests: what refutes an entry, what cannot be run here, what says something
else of a known trajectory."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tracemine.pipelines.forget import run_forget
from tracemine.pipelines.lifecycle_options import ForgetOptions, RefreshOptions
from tracemine.pipelines.mine import run_mine
from tracemine.pipelines.options import MineOptions
from tracemine.pipelines.refresh import run_refresh
from tracemine.pipelines.review import list_quarantined
from tracemine.pipelines.verify import changing
from tracemine.schemas import Merged
from tracemine.schemas.arrow import merged_row
from tracemine.store import Store, fsck, publish
from tracemine.store.lifecycle.rewrite import Rewriting, fields_of, write_changes
from tracemine.transforms.admit import CONFLICT, OTHER_TESTS
from tracemine.verifiers import replay as replaying

pytestmark = pytest.mark.slow

FIRST, LATER = "2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00"
TEXT = "Write a function to tell the spread between the largest and the smallest element of a "
PLAIN = "def spread(values):\n    return max(values) - min(values)"
GRAPH = (
    "import networkx as nx\ndef spread(values):\n    graph = nx.Graph()\n"
    "    graph.add_nodes_from(values)\n    return max(graph.nodes) - min(graph.nodes)"
)
TESTS = ("spread([1, 3]) == 2", "spread([4, 9, 5]) == 5", "spread([0, 3, 6]) == 6")
OTHERS = ("spread([10, 3]) == 7", "spread([40, 9, 5]) == 35", "spread([0, 13, 6]) == 13")
#: Ends a text whose span has a greater id than that of the usual end, so that the latter founds.
LATER_ID = "sequence."
WRONG = "spread([70, 1]) == 777123"


def task(path: Path, code: str, *tests: str, of: str = "list.") -> Path:
    """A file with one task."""
    asserted = [f"assert {test}" for test in tests]
    row = {"text": TEXT + of, "code": code, "test_list": asserted, "challenge_test_list": []}
    path.write_text(json.dumps(row) + "\n")
    return path


def mine(store: Path, *inputs: Path) -> str:
    run_mine(
        MineOptions(
            inputs=tuple(map(str, inputs)), store=str(store), as_of=FIRST, workers=1,
            progress=False,
        )
    )  # fmt: skip
    return str(store)


def refresh(store: str, *inputs: Path) -> dict[str, Any]:
    found = run_refresh(RefreshOptions(store, tuple(map(str, inputs)), as_of=LATER))
    assert fsck(store) == []
    return found


def entries(store: str) -> list[dict[str, Any]]:
    with Store.open(store) as opened:
        return opened.rows(
            "SELECT procedure_id, status, libraries, success_rate, len(variants) AS variants FROM "
            "(SELECT * FROM procedures UNION ALL BY NAME SELECT * FROM candidates) ORDER BY ALL"
        )


def rows(store: str, query: str) -> list[dict[str, Any]]:
    with Store.open(store) as opened:
        return opened.rows(query)


def everything(store: str) -> str:
    """All that the live snapshot's tables say."""
    with Store.open(store) as opened:
        files = opened.snapshot.manifest["files"]
    paths = [f"{store}/{file['path']}" for file in files if file["path"].endswith(".parquet")]
    return "\n".join(json.dumps(pq.read_table(path).to_pylist(), default=str) for path in paths)


def test_what_cannot_be_run_here_stays_what_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = mine(tmp_path / "store", task(tmp_path / "a.jsonl", GRAPH, *TESTS))
    (before,) = entries(store)
    assert before["status"] == "verified"
    run = replaying.run_routine

    def without_library(routine: Any, bindings: Sequence[Any], *rest: Any, **how: Any) -> Any:
        code = routine.code.replace("networkx", "nobody_has_this")
        return run(dataclasses.replace(routine, code=code), bindings, *rest, **how)

    monkeypatch.setattr(replaying, "run_routine", without_library)
    found = refresh(store, task(tmp_path / "b.jsonl", PLAIN, *TESTS))
    assert found["groups"] == 1
    assert not any("quarantined" in change for change in found["changes"])
    now = {row["procedure_id"]: row for row in entries(store)}
    assert now[before["procedure_id"]]["status"] == "verified"


def test_what_new_tests_refute_is_in_quarantine_with_what_failed(tmp_path: Path) -> None:
    store = mine(tmp_path / "store", task(tmp_path / "a.jsonl", PLAIN, *TESTS, of=LATER_ID))
    bad = task(tmp_path / "b.jsonl", PLAIN, *OTHERS, WRONG)
    found = refresh(store, bad)
    assert found["changes"] == {"verified -> quarantined (refuted)": 1}
    assert found["procedures"]["quarantined"] == 1
    (listed,) = list_quarantined(store)["quarantined"]
    assert listed["rule"] == "refuted"
    (failing,) = listed["failing"]
    assert (failing["expected"], failing["passed_before"]) == (777123, False)
    (named,) = listed["evidence"]["first"]
    assert named["instance"] == failing["instance_id"]
    (variant,) = listed["variants"]
    assert variant["attempts"] - variant["passes"] == 1
    # What the ledger counts is what the table has.
    verdicts = rows(store, "SELECT verdict, count(*) AS n FROM replays GROUP BY 1")
    assert {r["verdict"]: r["n"] for r in verdicts} == {
        verdict: n for verdict, n in found["replays"].items() if n
    }


def test_what_is_refuted_under_another_founder_says_what_failed_in_its_own_names(
    tmp_path: Path,
) -> None:
    # Whose name says less, so that the one which comes is the founder.
    other = PLAIN.replace("values", "l")
    store = mine(tmp_path / "store", task(tmp_path / "a.jsonl", other, *TESTS, of=LATER_ID))
    (before,) = entries(store)
    refresh(store, task(tmp_path / "b.jsonl", PLAIN, *OTHERS, WRONG))
    (listed,) = list_quarantined(store)["quarantined"]
    assert listed["procedure_id"] == before["procedure_id"]
    (failing,) = listed["failing"]
    assert (failing["expected"], failing["binding_map"]) == (777123, {"l": "values"})


def test_with_a_candidate_that_is_refuted_goes_what_went_into_it(tmp_path: Path) -> None:
    store = mine(tmp_path / "store", task(tmp_path / "a.jsonl", PLAIN, *TESTS[:2], of=LATER_ID))
    (candidate,) = entries(store)
    assert candidate["status"] == "candidate"
    gone = Merged("ab" * 16, candidate["procedure_id"], FIRST)
    with changing(store, FIRST) as (draft, opened):
        changes = Rewriting()
        changes.add("merged", [merged_row(gone)])
        carry = write_changes(draft, opened.snapshot, changes)
        fields = fields_of(opened.snapshot) | {"as_of": FIRST, "ledger": {}}
        publish(draft, fields, carry=carry)
    refresh(store, task(tmp_path / "b.jsonl", PLAIN, *OTHERS, WRONG))
    assert entries(store) == []
    assert rows(store, "SELECT * FROM merged UNION ALL BY NAME SELECT * FROM events") == []


def test_what_a_source_alone_refuted_is_itself_again_without_it(tmp_path: Path) -> None:
    good = task(tmp_path / "good.jsonl", PLAIN, *TESTS, of=LATER_ID)
    bad = task(tmp_path / "bad.jsonl", PLAIN, *OTHERS, WRONG)
    store = mine(tmp_path / "store", bad, good)
    assert entries(store) == []
    gone = rows(
        store,
        "SELECT instance_id AS id FROM instances JOIN trajectories USING (trajectory_id) "
        "WHERE source = 'bad.jsonl'",
    )
    assert any(row["id"] in everything(store) for row in gone)
    run_forget(ForgetOptions(store, ("bad.jsonl",), LATER))
    assert not any(row["id"] in everything(store) for row in gone)
    found = refresh(store, good)
    assert (found["known_trajectories"], found["published"]) == (1, True)
    alone = mine(tmp_path / "alone", good)
    assert entries(store) == entries(alone)
    assert [row["status"] for row in entries(store)] == ["verified"]
    assert refresh(store, good)["published"] is False


def test_an_entry_has_the_libraries_of_all_its_variants(tmp_path: Path) -> None:
    plain = task(tmp_path / "a.jsonl", PLAIN, *TESTS)
    graph = task(tmp_path / "b.jsonl", GRAPH, *TESTS)
    store = mine(tmp_path / "store", plain)
    assert [row["libraries"] for row in entries(store)] == [[]]
    refresh(store, graph)
    at_once = entries(mine(tmp_path / "both", plain, graph))
    assert _but_ids(entries(store)) == _but_ids(at_once)
    assert [library["name"] for row in at_once for library in row["libraries"]] == ["networkx"]


def _but_ids(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row | {"procedure_id": ""} for row in found]


def test_a_copy_that_says_something_else_is_rejected(tmp_path: Path) -> None:
    store = mine(tmp_path / "store", task(tmp_path / "a.jsonl", PLAIN, *TESTS))
    other = task(tmp_path / "b.jsonl", PLAIN, *TESTS, OTHERS[0])
    found = refresh(store, other)
    assert found["trajectories"]["rejected"] == {OTHER_TESTS: 1}
    assert (found["known_trajectories"], found["changes"]) == (0, {})
    (row,) = rows(store, "SELECT len(sources) AS n, len(tests) AS tests FROM trajectories")
    assert (row["n"], row["tests"]) == (1, len(TESTS))
    assert refresh(store, other)["published"] is False

    problem = {"problem": "A crate of 24 jars loses 7 jars. How many are left?", "domain": "math"}
    said = problem | {"trace": "24 - 7 = 17 jars are left.", "answer": "17", "reference": "17"}
    (tmp_path / "c.jsonl").write_text(json.dumps(said) + "\n")
    (tmp_path / "d.jsonl").write_text(json.dumps(said | {"reference": "18"}) + "\n")
    assert refresh(store, tmp_path / "c.jsonl")["trajectories"]["admitted"] == 1
    assert refresh(store, tmp_path / "d.jsonl")["trajectories"]["rejected"] == {CONFLICT: 1}
