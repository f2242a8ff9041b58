"""mine --known, end to end through the command line: the bundled sample in two halves."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import small_store

from tracemine.data import sample_files
from tracemine.pipelines.cli import main
from tracemine.pipelines.mine import run_mine
from tracemine.pipelines.options import MineOptions
from tracemine.schemas import fraction_of, problem_id
from tracemine.store import fsck

sys.path.insert(0, str(Path(__file__).parents[1]))
import independent_check

pytestmark = pytest.mark.slow

AS_OF = "2026-01-02T03:04:05+00:00"
#: The fields that hold a problem, by the files of the sample.
PROBLEM = ("problem", "question", "text")
#: Everything that another run over the same data must repeat.
TABLES = (
    "procedures", "candidates", "spans", "instances", "replays", "rejected", "known", "events",
)  # fmt: skip


def mine(store: Path, *inputs: Path, known: Path, **changes: Any) -> dict[str, Any]:
    return run_mine(
        MineOptions(
            inputs=tuple(map(str, inputs)), store=str(store), known=str(known), as_of=AS_OF,
            progress=False, **changes,
        )
    )  # fmt: skip


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that a wrong request ends with."""
    assert main(["mine", "--sample", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    return line


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sample in two, by problem."""
    folder = tmp_path_factory.mktemp("halves")
    for file in map(Path, sample_files()):
        parts: dict[str, list[str]] = {"one": [], "two": []}
        for line in file.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                row = {}  # the sample has a line of each kind of mistake
            fields = row if isinstance(row, dict) else {}
            problem = next((fields[name] for name in PROBLEM if fields.get(name)), "")
            half = "one" if fraction_of(problem_id(str(problem))) < 0.5 else "two"
            parts[half].append(line + "\n")
        for name, lines in parts.items():
            (folder / name).mkdir(exist_ok=True)
            (folder / name / file.name).write_text("".join(lines), encoding="utf-8")
    return folder / "one", folder / "two"


@pytest.fixture(scope="module")
def stores(
    halves: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, dict[str, Any]]:
    """A store of one half, a store of what the other adds to it, and what that run said."""
    folder = tmp_path_factory.mktemp("stores")
    old, new = folder / "old", folder / "new"
    # Through the command line once.
    arguments = ["--input", str(halves[0]), "--store", str(old), "--as-of", AS_OF, "--json"]
    assert main(["mine", *arguments]) == 0
    return old, new, mine(new, halves[1], known=old)


def test_what_is_known_leaves_the_line_with_its_entry_and_the_ledger_adds_up(
    stores: tuple[Path, Path, dict[str, Any]],
) -> None:
    old, new, summary = stores
    spans = summary["spans"]
    assert spans["segmented"] == (
        spans["kept"]
        + sum(spans["rejected"].values())
        + spans["duplicates"]
        + sum(spans["handoff"].values())
    )
    known = [
        row
        for row in independent_check.rows(new, "rejected")
        if row["reason"] == "known to another store"
    ]
    assert 0 < len(known) == summary["known"]["left_out"] <= spans["duplicates"]
    served = {row["procedure_id"]: row for row in independent_check.rows(old, "procedures")}
    kept = {row["span_id"] for row in independent_check.rows(new, "spans")}
    for row in known:
        assert row["fate"] == "duplicate"
        where = r"^\S+ row \d+, .*\(entry ([0-9a-f]{32}) at distance (\S+) "
        found = re.search(where, row["detail"])
        assert found, row["detail"]
        told = json.loads(row["record"])["known"]
        assert found[1] == told["procedure_id"]
        assert float(found[2]) == pytest.approx(told["distance"], abs=0.0006)
        assert told["variant_id"] in {
            v["variant_id"] for v in served[told["procedure_id"]]["variants"]
        }
        assert row["record_id"] not in kept


def test_every_span_that_an_entry_covers_names_it_whether_it_was_left_out_or_waits(
    stores: tuple[Path, Path, dict[str, Any]],
) -> None:
    old, new, summary = stores
    rows = independent_check.rows(new, "known")
    gone = {row["span_id"]: row for row in rows if row["left_out"]}
    waiting = {row["span_id"]: row for row in rows if not row["left_out"]}
    assert (len(gone), len(waiting)) == (summary["known"]["left_out"], summary["known"]["waiting"])
    assert waiting
    rejected = [row for row in independent_check.rows(new, "rejected") if row["stage"] == "known"]
    assert {row["record_id"]: json.loads(row["record"])["known"] for row in rejected} == {
        span: {
            name: row[name] for name in ("procedure_id", "variant_id", "distance", "same_method")
        }
        for span, row in gone.items()
    }
    left = {row["span_id"] for row in independent_check.rows(new, "spans")}
    left |= {row["record_id"] for row in independent_check.rows(new, "rejected")}
    assert waiting.keys() <= left
    candidates = {row["procedure_id"]: row for row in independent_check.rows(old, "candidates")}
    for row in waiting.values():
        assert row["status"] == "candidate"
        variants = candidates[row["procedure_id"]]["variants"]
        assert row["variant_id"] in {variant["variant_id"] for variant in variants}
        assert 0 <= row["distance"] <= 0.3


def test_the_new_store_is_sound_and_says_what_was_left_out_of_it(
    stores: tuple[Path, Path, dict[str, Any]],
) -> None:
    old, new, _ = stores
    assert fsck(str(new)) == []
    assert list(independent_check.check(new)) == []
    manifest = json.loads((independent_check.live_folder(new) / "manifest.json").read_text())
    assert manifest["known"]["snapshot"] == "000001"
    assert manifest["known"]["url"] == str(old)
    assert re.fullmatch("[0-9a-f]{64}", manifest["known"]["manifest_sha256"])
    without = json.loads((independent_check.live_folder(old) / "manifest.json").read_text())
    assert without["known"] is None


def test_a_half_mined_again_adds_no_entry_of_a_method_that_is_served(
    stores: tuple[Path, Path, dict[str, Any]], halves: tuple[Path, Path], tmp_path: Path
) -> None:
    old, _, _ = stores
    again = tmp_path / "again"
    summary = mine(again, halves[0], known=old)
    before, after = (
        {row["procedure_id"] for row in independent_check.rows(store, "procedures")}
        for store in (old, again)
    )
    assert before
    assert not before & after
    assert summary["known"]["waiting"] > 0


def test_another_number_of_workers_gives_the_same_store(
    stores: tuple[Path, Path, dict[str, Any]], halves: tuple[Path, Path], tmp_path: Path
) -> None:
    old, new, summary = stores
    workers = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")
    again = mine(tmp_path / "new", halves[1], known=old, beam_args=workers)
    for column in ("spans", "known", "replays", "procedures"):
        assert again[column] == summary[column]
    for table in TABLES:
        one, other = (
            sorted(
                json.dumps(row, sort_keys=True, default=str)
                for row in independent_check.rows(store, table)
            )
            for store in (new, tmp_path / "new")
        )
        assert one == other, table


def test_a_store_without_entries_leaves_everything_in(tmp_path: Path) -> None:
    small_store.write(tmp_path / "empty", small_store.tables(()))
    (tmp_path / "rows.jsonl").write_text(json.dumps({
        "problem": "Two crates of 30 kg and a lid of 5 kg: how heavy in all?",
        "trace": "In all 2 * 30 + 5 = 65 kilograms.", "answer": "65", "reference": "65",
    }) + "\n")  # fmt: skip
    summary = mine(tmp_path / "store", tmp_path / "rows.jsonl", known=tmp_path / "empty")
    assert summary["known"] == {"left_out": 0, "waiting": 0}
    assert summary["trajectories"]["admitted"] == 1


def test_the_summary_says_how_many(
    stores: tuple[Path, Path, dict[str, Any]], tmp_path: Path
) -> None:
    from rich.console import Console

    from tracemine.pipelines.rendering import print_funnel

    summary = stores[2]
    with (tmp_path / "out").open("w+") as stream:
        print_funnel(Console(file=stream, width=120), summary)
        stream.seek(0)
        text = stream.read()
    (row,) = [line for line in text.splitlines() if "known to another store" in line]
    assert str(summary["known"]["left_out"]) in row


def _damaged_index(store: Path) -> None:
    index = store / "snapshots/000001/index/procedures.faiss"
    content = bytearray(index.read_bytes())
    content[-5] ^= 1
    index.write_bytes(content)


def _cut_index(store: Path) -> None:
    index = store / "snapshots/000001/index/procedures.faiss"
    index.write_bytes(index.read_bytes()[:50])


def _another_schema(store: Path) -> None:
    path = store / "snapshots/000001/manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 999}))


def _another_embedder(store: Path) -> None:
    other = {"name": "other/model", "fingerprint": "other:0:1/1024"}
    small_store.edit_manifest(store, lambda manifest: manifest["embedder"].update(other))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (shutil.rmtree, "no store at"),
        (_damaged_index, "procedures.faiss is not what was written"),
        (_cut_index, "procedures.faiss is not what was written"),
        (_another_schema, "schema version 999"),
        (_another_embedder, "other/model"),
    ],
)
def test_a_store_that_cannot_be_asked_is_one_line_and_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Any, says: str
) -> None:
    small_store.write(tmp_path / "known")
    damage(tmp_path / "known")
    line = refused(capsys, f"--store={tmp_path}/new", f"--known={tmp_path}/known")
    assert says in line
    assert not (tmp_path / "new" / "CURRENT").exists()


@pytest.mark.parametrize("name", ["known", "known/", "./known", "link"])
def test_a_store_cannot_be_left_out_of_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    small_store.write(tmp_path / "known")
    (tmp_path / "link").symlink_to(tmp_path / "known")
    line = refused(capsys, f"--store={tmp_path}/{name}", f"--known={tmp_path}/known")
    assert "both name" in line
