"""forget: nothing of a source is left in any file of the new snapshot, and the rest is sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import small_store

from tracemine.pipelines.cli import main
from tracemine.pipelines.forget import run_forget
from tracemine.pipelines.lifecycle_options import ForgetOptions
from tracemine.store import Store, fsck, open_snapshot

LATER = "2025-09-01T00:00:00+00:00"
REMAINING, AVERAGE, SPEED, REVERSE = (r.subquestion for r in small_store.ROUTINES)


def moved(made: small_store.Tables, *cases: str, also: str = "") -> None:
    """Let the trajectories of ``cases`` (the last words of a problem) be of other.jsonl, or of that
    and ``also``."""
    for row in made.rows["trajectories"]:
        if row["problem"].endswith(cases):
            other = row["sources"][0] | {"dataset": "other.jsonl"}
            row["sources"] = [other, *([other | {"dataset": also}] if also else [])]
            row["source"] = "other.jsonl"
            for table in ("procedures", "candidates"):
                for entry in made.rows[table]:
                    for one in entry["provenance"]:
                        if one["trajectory_id"] == row["trajectory_id"]:
                            one["source"] = "other.jsonl"


def written(store: Path, *cases: str, also: str = "", **fields: Any) -> Path:
    made = small_store.tables()
    moved(made, *cases, also=also)
    made.rows["rejected"].append(
        {
            "stage": "admit", "reason": "wrong answer", "record_id": "f" * 32, "fate": "rejected",
            "record": json.dumps({"sources": [{"dataset": "other.jsonl", "row": 3}]}),
            "detail": "other",
        }
    )  # fmt: skip
    ledger = small_store.ledger(made)
    ledger["trajectories"]["rejected"]["wrong answer"] += 1
    ledger["trajectories"]["read"] += 1
    small_store.write(store, made, ledger=ledger, **fields)
    return store


def forget(store: Path, *source: str) -> dict[str, Any]:
    found = run_forget(ForgetOptions(str(store), source or ("other.jsonl",), LATER))
    assert fsck(str(store)) == []
    return found


def everything(store: Path) -> str:
    """All that the files of the live snapshot say."""
    with open_snapshot(str(store)) as snapshot:
        said = [json.dumps(dict(snapshot.manifest))]
        for entry in snapshot.manifest["files"]:
            path = store / entry["path"]
            said.append(path.read_bytes().decode("latin-1"))
            if path.suffix == ".parquet":
                said.append(json.dumps(pq.read_table(path).to_pylist(), default=str))
    return "\n".join(said)


def rows(store: Path, query: str) -> list[dict[str, Any]]:
    with Store.open(str(store)) as opened:
        return opened.rows(query)


def test_what_rests_on_it_alone_goes_and_nothing_of_it_is_left(tmp_path: Path) -> None:
    store = written(
        tmp_path / "store", "train go? Case 0.", "values? Case 1.",
        inputs=[{"dataset": "other.jsonl"}, {"dataset": "made.jsonl"}],
    )  # fmt: skip
    gone = rows(
        store, "SELECT trajectory_id, problem, trace FROM trajectories WHERE source = 'other.jsonl'"
    )
    spans = rows(store, "SELECT span_id FROM spans JOIN trajectories USING (trajectory_id) "
                 "WHERE source = 'other.jsonl'")  # fmt: skip
    found = forget(store)
    assert (found["trajectories"], found["spans"], found["entries_gone"]) == (2, 2, 1)
    assert found["rejected"] == 1
    said = everything(store)
    assert len(gone) == len(spans) == 2
    for row in (*gone, *spans):
        for text in row.values():
            assert json.dumps(text)[1:-1] not in said
    assert "other.jsonl" not in said
    assert "made.jsonl" in said
    # The candidate rested on it alone; two passes are too few for what had one of three from it.
    entries = rows(store, "SELECT subquestion FROM candidates UNION ALL "
                   "SELECT subquestion FROM procedures")  # fmt: skip
    assert {row["subquestion"] for row in entries} == {REMAINING, AVERAGE, REVERSE}


def test_what_is_left_is_counted_again_and_says_why_it_fell(tmp_path: Path) -> None:
    store = written(tmp_path / "store", "values? Case 1.")
    assert forget(store)["entries_counted_again"] == 1
    (entry,) = rows(store, "SELECT * FROM candidates WHERE subquestion LIKE '%average%'")
    (variant,) = entry["variants"]
    assert (variant["passes"], variant["attempts"], entry["last_verified"]) == (1, 2, None)
    (event,) = rows(
        store, f"SELECT * FROM events WHERE procedure_id = '{entry['procedure_id']}' "
        "AND \"to\" = 'candidate'",
    )  # fmt: skip
    assert (event["rule"], event["at"]) == ("below min_replays", LATER)


def test_another_span_founds_what_lost_its_founder_and_the_id_stays(tmp_path: Path) -> None:
    store = written(tmp_path / "store", "spending? Case 0.")
    (before,) = rows(store, "SELECT * FROM procedures WHERE subquestion LIKE '%money%'")
    forget(store)
    (entry,) = rows(
        store, "SELECT * FROM (FROM procedures UNION ALL FROM candidates) "
        "WHERE subquestion LIKE '%money%'",
    )  # fmt: skip
    assert entry["procedure_id"] == before["procedure_id"]
    (variant,) = entry["variants"]
    assert variant["variant_id"] != before["variants"][0]["variant_id"]
    # Three problems are left, of which one is its own now.
    assert (variant["passes"], variant["attempts"]) == (2, 2)
    assert entry["status"] == "verified"
    with Store.open(str(store)) as opened:
        found = opened.get(variant["variant_id"])
        assert found is not None
        assert found.procedure.procedure_id == before["procedure_id"]


def test_what_another_source_has_too_stays_under_its_name(tmp_path: Path) -> None:
    store = written(tmp_path / "store", "values? Case 1.", also="third.jsonl")
    found = forget(store)
    assert (found["trajectories"], found["trajectories_kept"]) == (0, 1)
    assert "other.jsonl" not in everything(store)
    (row,) = rows(store, "SELECT * FROM trajectories WHERE source = 'third.jsonl'")
    assert [source["dataset"] for source in row["sources"]] == ["third.jsonl"]
    (entry,) = rows(store, "SELECT * FROM procedures WHERE subquestion LIKE '%average%'")
    assert {p["source"] for p in entry["provenance"]} == {"made.jsonl", "third.jsonl"}
    assert entry["status"] == "verified"


def test_all_of_a_store_may_go(tmp_path: Path) -> None:
    store = written(tmp_path / "store", "Case 0.")
    assert forget(store, "other.jsonl", "made.jsonl")["entries_gone"] == 4
    assert rows(store, "SELECT * FROM events") == []
    with Store.open(str(store)) as opened:
        assert opened.search("money") == []


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = written(tmp_path / "store", "train go? Case 0.")
    command = ["forget", "--store", str(store), "--as-of", LATER]
    assert main([*command, "--source", "nowhere.jsonl"]) == 2
    assert "nowhere.jsonl" in capsys.readouterr().err
    assert main([*command, "--source", "other"]) == 2
    assert not list((store / "snapshots").glob("*.draft"))
    capsys.readouterr()
    assert main([*command, "--source", "other.jsonl", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trajectories"] == 1
