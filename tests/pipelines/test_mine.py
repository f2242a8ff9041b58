"""mine, end to end through the command line, on the bundled sample and on bad input."""

from __future__ import annotations

import gzip
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tracemine.data import sample_files

sys.path.insert(0, str(Path(__file__).parents[1]))
import independent_check
from mined import TABLES, tables

pytestmark = pytest.mark.slow

AS_OF = "2026-01-02T03:04:05+00:00"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tracemine.pipelines.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)


def mine(store: Path, *arguments: str) -> dict[str, Any]:
    done = run("mine", "--store", str(store), "--as-of", AS_OF, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def adds_up(summary: dict[str, Any]) -> None:
    trajectories, spans = summary["trajectories"], summary["spans"]
    assert trajectories["read"] == (
        trajectories["admitted"]
        + sum(trajectories["rejected"].values())
        + trajectories["duplicates"]
        + sum(trajectories["failed"].values())
    )
    assert spans["segmented"] == (
        spans["kept"]
        + sum(spans["rejected"].values())
        + spans["duplicates"]
        + sum(spans["handoff"].values())
    )


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    store = tmp_path_factory.mktemp("sample") / "store"
    return store, mine(store, "--sample")


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample again, by two processes, which fill what they can in parts."""
    store = tmp_path_factory.mktemp("indexed") / "store"
    workers = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")
    mine(store, "--sample", "--index", "IVF1,Flat", *workers)
    return store


def test_the_sample_shows_every_outcome_and_adds_up(sample: tuple[Path, dict[str, Any]]) -> None:
    _, summary = sample
    adds_up(summary)
    assert summary["snapshot"] == "000001"
    for outcome in ("admitted", "rejected", "duplicates", "failed"):
        assert summary["trajectories"][outcome], outcome
    for outcome in ("kept", "rejected", "handoff"):
        assert summary["spans"][outcome], outcome
    assert summary["replays"]["pass"] > 0
    assert summary["procedures"]["candidate"] > 0
    assert summary["procedures"]["verified"] + summary["procedures"]["canonical"] >= 10


def test_the_ledger_is_what_the_tables_hold(sample: tuple[Path, dict[str, Any]]) -> None:
    store, summary = sample
    count = {name: len(independent_check.rows(store, name)) for name in TABLES}
    assert count["trajectories"] == summary["trajectories"]["admitted"]
    assert count["spans"] == summary["spans"]["kept"]
    assert count["handoff"] == sum(summary["spans"]["handoff"].values())
    assert count["tools"] == sum(summary["tools"]["pointers"].values()) > 5
    pointing = [row for row in independent_check.rows(store, "handoff") if row["tool_id"]]
    assert len(pointing) == summary["tools"]["spans"] > 10 * count["tools"]
    assert count["replays"] == sum(summary["replays"].values())
    assert count["candidates"] == summary["procedures"]["candidate"]
    assert count["procedures"] == sum(summary["procedures"].values()) - count["candidates"]
    gone = summary["trajectories"]["duplicates"] + summary["spans"]["duplicates"]
    for kind in ("trajectories", "spans"):
        for fate in ("rejected", "failed"):
            gone += sum(summary[kind][fate].values())
    assert count["rejected"] == gone


def test_an_independent_reader_agrees_with_every_pass(sample: tuple[Path, Any]) -> None:
    store, summary = sample
    passes = [r for r in independent_check.rows(store, "replays") if r["verdict"] == "pass"]
    assert len(passes) == summary["replays"]["pass"] > 50
    assert list(independent_check.check(store)) == []


def test_fsck_finds_nothing(sample: tuple[Path, dict[str, Any]]) -> None:
    done = run("fsck", "--store", str(sample[0]), "--json")
    assert done.returncode == 0, done.stdout + done.stderr


def kinds(store: Path) -> set[str]:
    """Of what kind the indexes of the live snapshot are."""
    manifest = json.loads((independent_check.live_folder(store) / "manifest.json").read_text())
    return {said["kind"] for said in manifest["index"].values()}


def test_replayed_again_it_is_the_same_store_but_for_when_it_was_verified(
    tmp_path: Path, sample: tuple[Path, Any], indexed: Path
) -> None:
    again = tmp_path / "again"
    shutil.copytree(indexed, again)
    done = run("verify", "--store", str(again), "--as-of", "2026-02-02", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["changes"] == {}
    before, now = tables(sample[0]), tables(again)
    for name in TABLES:
        for row in (*before[name], *now[name]):
            if row.get("last_verified"):
                row["last_verified"] = row["expires_at"] = "then"
        assert now[name] == before[name], name
    assert run("fsck", "--store", str(again)).returncode == 0
    assert kinds(again) == {"IDMap,IVF1,Flat"}


def test_a_source_that_is_withdrawn_leaves_nothing_of_it(tmp_path: Path, indexed: Path) -> None:
    left = tmp_path / "left"
    shutil.copytree(indexed, left)
    alone = [
        row
        for row in independent_check.rows(left, "trajectories")
        if {source["dataset"] for source in row["sources"]} == {"stem.jsonl"}
    ]
    done = run("forget", "--store", str(left), "--source", "stem.jsonl", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["trajectories"] == len(alone) > 10
    assert run("fsck", "--store", str(left)).stdout.strip() == "the store is sound"
    said = (
        json.dumps(tables(left), default=repr)
        + (independent_check.live_folder(left) / "manifest.json").read_text()
    )
    assert "stem.jsonl" not in said
    assert kinds(left) == {"IDMap,IVF1,Flat"}
    for row in alone:
        assert row["trajectory_id"] not in said
        assert json.dumps(row["trace"])[1:-1] not in said
    assert list(independent_check.check(left)) == []


def test_search_finds_a_sample_routine(sample: tuple[Path, dict[str, Any]]) -> None:
    done = run("search", "--store", str(sample[0]), "price after a discount", "--json")
    assert done.returncode == 0
    hits = json.loads(done.stdout)["hits"]
    assert len(hits) == 5
    assert hits == sorted(hits, key=lambda hit: -hit["score"])
    assert {hit["status"] for hit in hits} <= {"verified", "canonical"}


def test_a_store_that_exists_is_refused(sample: tuple[Path, dict[str, Any]]) -> None:
    done = run("mine", "--store", str(sample[0]), "--sample")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


def test_shuffled_rows_give_the_same_store(tmp_path: Path, sample: tuple[Path, Any]) -> None:
    """Rows say where they stood in their file, so those numbers are the only ones to differ."""
    stores = []
    for seed in (None, 7):
        folder = tmp_path / f"input{seed}"
        folder.mkdir()
        for file in map(Path, sample_files()):
            lines = file.read_bytes().splitlines()
            random.Random(seed).shuffle(lines) if seed else None
            (folder / file.name).write_bytes(b"\n".join(lines) + b"\n")
        store = tmp_path / f"store{seed}"
        mine(store, "--input", str(folder / "*.jsonl"))
        stores.append(store)
    one, other = map(tables, stores)
    for name in TABLES:
        if name in ("trajectories", "rejected"):
            continue
        assert one[name] == other[name], name
    assert tables(sample[0])["procedures"] == one["procedures"]
    for name in ("trajectories", "rejected"):
        assert len(one[name]) == len(other[name])


def test_two_worker_processes_and_another_kind_of_index_give_the_same_store(
    sample: tuple[Path, dict[str, Any]], indexed: Path
) -> None:
    assert tables(indexed) == tables(sample[0])
    assert (kinds(sample[0]), kinds(indexed)) == ({"IDMap,Flat"}, {"IDMap,IVF1,Flat"})


def test_bad_input_ends_in_the_ledger_and_the_run_goes_on(tmp_path: Path) -> None:
    good = {
        "problem": "Two crates of 30 kg and a lid of 5 kg: how heavy in all?",
        "trace": "In all 2 * 30 + 5 = 65 kilograms.",
        "answer": "65",
        "reference": "65",
    }

    def changed(**changes: Any) -> str:
        return json.dumps({k: v for k, v in (good | changes).items() if v != "absent"})

    lines = [
        json.dumps(good),
        "{not json",
        changed(trace="absent"),
        changed(trace=None),
        changed(answer=float("nan")),
        changed(reference=["65"]),
        json.dumps("just text"),
        changed(trace="x" * (40 << 20)),
    ]
    body = "\n".join(lines).encode() + b'\n{"problem": "\xff\xfe"}\n'
    (tmp_path / "rows.jsonl").write_bytes(body)
    (tmp_path / "empty.jsonl").write_bytes(b"")
    packed = gzip.compress((json.dumps(good | {"problem": "Another?"}) + "\n").encode() * 2000)
    (tmp_path / "cut.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    table = pa.table({k: [v, None] for k, v in good.items()})
    pq.write_table(table, tmp_path / "nulls.parquet")

    store = tmp_path / "store"
    inputs = [f"--input={tmp_path / name}" for name in
              ("rows.jsonl", "empty.jsonl", "cut.jsonl.gz", "nulls.parquet")]  # fmt: skip
    columns = "problem=problem,trace=trace,answer=answer,reference=reference"
    summary = mine(store, *inputs, "--format", "generic", "--columns", columns)
    adds_up(summary)
    failed = [row for row in independent_check.rows(store, "rejected") if row["fate"] == "failed"]
    assert len(failed) == sum(summary["trajectories"]["failed"].values())
    details = [row["detail"] for row in failed]
    for number in range(1, 9):
        assert any("rows.jsonl" in d and f"row {number}" in d for d in details), number
    for name in ("empty.jsonl", "cut.jsonl.gz", "nulls.parquet"):
        assert any(name in detail for detail in details), name
    assert summary["trajectories"]["admitted"] >= 1


def test_a_run_that_admits_nothing_says_so(tmp_path: Path) -> None:
    wrong = {"problem": "1 + 1?", "trace": "It is 3.", "answer": "3", "reference": "2"}
    (tmp_path / "rows.jsonl").write_text(json.dumps(wrong) + "\n")
    store = str(tmp_path / "store")
    done = run("mine", "--store", store, "--input", str(tmp_path / "rows.jsonl"), "--json")
    assert done.returncode == 1
    assert "nothing was admitted of 1 trajectory record" in done.stderr
    assert json.loads(done.stdout)["trajectories"]["rejected"] == {"wrong answer": 1}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--input", "no/such/file.jsonl"],
        ["--sample", "--format", "nonsense"],
        ["--sample", "--teacher", "oracle"],
        ["--sample", "--embedder", "no/such/model"],
        ["--sample", "--holdout", "1.5"],
        ["--sample", "--no-such-flag"],
        ["--sample", "--as-of", "yesterday"],
        [],
    ],
)
def test_a_wrong_request_is_one_line_and_exit_2(tmp_path: Path, arguments: list[str]) -> None:
    done = run("mine", "--store", str(tmp_path / "store"), *arguments)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert not (tmp_path / "store" / "CURRENT").exists()


def test_a_store_that_cannot_be_written_is_one_line_and_exit_2(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    done = run("mine", "--store", str(tmp_path / "file" / "store"), "--sample")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
