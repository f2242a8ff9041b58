"""refresh: a store that grows is the store that mining all at once gives, and keeps its ids.

    TRACEMINE_REFRESH_ROWS=200 python -m pytest tests/pipelines/test_refresh.py -k either_order

splits as many rows of every published file in place of a few of one.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from small_store import edit_manifest

from tracemine.pipelines.cli import main
from tracemine.pipelines.lifecycle_options import RefreshOptions
from tracemine.pipelines.mine import run_mine
from tracemine.pipelines.options import MineOptions
from tracemine.pipelines.refresh import run_refresh
from tracemine.schemas import content_id, fraction_of
from tracemine.store import Store, fsck
from tracemine.store.tables import write_shard

pytestmark = pytest.mark.slow

FIRST, LATER = "2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00"
ROWS = {"gsm8k_train.jsonl.gz": 44}
EVERY = int(os.environ.get("TRACEMINE_REFRESH_ROWS", "0"))

#: Files that hold some of the rows each.
Part = tuple[Path, ...]


@pytest.fixture(scope="module")
def parts(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Part, Part]:
    """Rows of real data in two parts, by hash."""
    folder = tmp_path_factory.mktemp("parts")
    every = {path.name: EVERY for path in sorted(shared_data.glob("*.jsonl*"))} if EVERY else ROWS
    written: tuple[list[Path], list[Path]] = ([], [])
    for name, rows in every.items():
        opened = gzip.open if name.endswith(".gz") else open
        with opened(shared_data / name, "rt", encoding="utf-8") as stream:
            lines = list(islice(stream, rows))
        halves: tuple[list[str], list[str]] = ([], [])
        for line in lines:
            halves[fraction_of(content_id("half", line)) < 0.5].append(line)
        for part, half, paths in zip(("one", "two"), halves, written, strict=True):
            paths.append(folder / f"{part}_{name.removesuffix('.gz')}")
            paths[-1].write_text("".join(half), encoding="utf-8")
    return tuple(written[0]), tuple(written[1])


def mine(store: Path, *inputs: Path) -> Path:
    run_mine(
        MineOptions(
            inputs=tuple(map(str, inputs)), store=str(store), as_of=FIRST, workers=1,
            progress=False,
        )
    )  # fmt: skip
    return store


def refresh(store: Path, *inputs: Path, format: str = "auto") -> dict[str, Any]:
    found = run_refresh(
        RefreshOptions(str(store), tuple(map(str, inputs)), format=format, as_of=LATER)
    )
    assert fsck(str(store)) == []
    return found


@pytest.fixture(scope="module")
def stores(
    parts: tuple[Part, Part], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[Part, Path]]:
    """All mined at once, and each part mined alone."""
    folder = tmp_path_factory.mktemp("stores")
    alone = {part: mine(folder / str(n), *part) for n, part in enumerate(parts)}
    return mine(folder / "both", *parts[0], *parts[1]), alone


def said(store: Path) -> tuple[dict[frozenset[str], Any], set[tuple[str, ...]], set[str]]:
    """Classes of variants with all that counts, every verdict on them, and ids."""
    query = "SELECT * FROM procedures UNION ALL BY NAME SELECT * FROM candidates"
    with Store.open(str(store)) as opened:
        entries = opened.rows(query)
        verdicts = opened.rows(
            "SELECT * FROM replays WHERE variant_id NOT IN (SELECT procedure_id FROM tools)"
        )
    classes = {
        frozenset(v["variant_id"] for v in e["variants"]): (
            e["status"],
            e["success_rate"],
            e["distinct_problems"],
            {p["span_id"] for p in e["provenance"]},
        )
        for e in entries
    }
    columns = ("variant_id", "instance_id", "verdict", "binding_map")
    ids = {e["procedure_id"] for e in entries}
    return classes, {tuple(v[c] for c in columns) for v in verdicts}, ids


@pytest.fixture
def store(stores: tuple[Path, dict[Part, Path]], parts: tuple[Part, Part], tmp_path: Path) -> Path:
    """That of the first part, to change."""
    shutil.copytree(stores[1][parts[0]], tmp_path / "store")
    return tmp_path / "store"


def methods(store: Path) -> dict[str, tuple[str, str]]:
    """What each clustered span holds."""
    with Store.open(str(store)) as opened:
        rows = opened.rows("SELECT span_id, method, variant_id FROM clustered")
    return {row["span_id"]: (row["method"], row["variant_id"]) for row in rows}


def with_other_methods(store: Path) -> None:
    """Write another method and variant beside every span of the first snapshot."""

    def change(manifest: dict[str, Any]) -> None:
        for entry in manifest["files"]:
            if entry.get("table") == "clustered":
                path = store / entry["path"]
                rows = pq.read_table(path).to_pylist()
                for row in rows:
                    row |= {"method": "0" * 32, "variant_id": row["span_id"]}
                path.unlink()
                write_shard(rows, "clustered", str(path))
                content = path.read_bytes()
                entry["sha256"] = hashlib.sha256(content).hexdigest()
                entry["bytes"] = len(content)

    edit_manifest(store, change)


def said_of_tools(store: Path) -> dict[str, Any]:
    """What the hand-offs of each pointer say."""
    columns = (
        "call", "signature", "questions", "domains", "sources", "spans", "problems", "evidence",
        "status", "success_rate", "distinct_problems", "variants", "provenance",
    )  # fmt: skip
    with Store.open(str(store)) as opened:
        rows = opened.rows("SELECT * FROM tools")
    return {row["procedure_id"]: [row[c] for c in columns] for row in rows}


@pytest.mark.parametrize(("first", "known"), [(0, True), (1, True), (0, False)])
def test_in_either_order_it_is_the_store_that_mining_at_once_gives(
    stores: tuple[Path, dict[Part, Path]],
    parts: tuple[Part, Part],
    tmp_path: Path,
    first: int,
    *,
    known: bool,
) -> None:
    both, alone = stores
    store = tmp_path / "store"
    shutil.copytree(alone[parts[first]], store)
    if not known:
        # As another version may have left it, which took one method for another.
        edit_manifest(store, lambda m: m["replayed"]["versions"].update(python="2.7.18"))
        with_other_methods(store)
    before = said(store)[2]
    with Store.open(str(store)) as opened:
        (row,) = opened.rows("SELECT count(DISTINCT group_id) AS n FROM clustered")
    found = refresh(store, *parts[1 - first])
    # With other versions every verdict may be another.
    assert (found["known_verdicts"] > 0) == known
    assert known or found["groups"] >= row["n"]
    classes, verdicts, ids = said(store)
    at_once, verdicts_at_once, ids_at_once = said(both)
    assert {status for status, *_ in at_once.values()} == {"candidate", "verified", "canonical"}
    assert classes == at_once
    assert verdicts == verdicts_at_once
    assert found["known_trajectories"] == 0
    assert found["trajectories"]["admitted"] > 10
    assert methods(store) == methods(both)
    pointers = said_of_tools(both)
    assert sum(found["tools"]["pointers"].values()) == len(pointers) > 3
    assert said_of_tools(store) == pointers
    with Store.open(str(store)) as opened:
        # Every id of the store before, and of the one that was mined at once, leads somewhere.
        for identifier in before | ids_at_once:
            entry = opened.get(identifier)
            assert entry is not None
            assert entry.procedure.procedure_id in ids
            assert any(e.snapshot in ("", "000001") for e in entry.events) or (
                identifier not in before
            )


def test_what_is_known_is_skipped_and_changes_nothing(
    store: Path, parts: tuple[Part, Part], tmp_path: Path
) -> None:
    before = said(store)
    rows = len(parts[0][0].read_text().splitlines())
    found = refresh(store, *parts[0])
    assert (found["snapshot"], found["known_trajectories"]) == ("000001", rows)
    assert [p.name for p in (store / "snapshots").iterdir()] == ["000001"]
    copy = tmp_path / "two_again.jsonl"  # after the name of what is there, which stays its source
    copy.write_text(parts[0][0].read_text())
    found = refresh(store, copy)
    assert 0 < found["known_trajectories"] <= rows == found["trajectories"]["read"]
    assert (found["trajectories"]["admitted"], found["changes"]) == (0, {})
    assert (found["groups"], found["known_verdicts"]) == (0, 0)
    assert said(store) == before
    with Store.open(str(store)) as opened:
        (row,) = opened.rows("SELECT DISTINCT len(sources) AS n FROM trajectories")
        assert row["n"] == 2


def test_a_policy_that_changed_and_changed_back_leaves_the_store_as_it_was(
    store: Path, parts: tuple[Part, Part]
) -> None:
    before, policy = said(store), store / "policy.toml"
    text = policy.read_text()
    policy.write_text(text.replace("min_replays = 2", "min_replays = 5"))
    found = refresh(store, *parts[0])
    assert any(change.endswith("(below min_replays)") for change in found["changes"])
    policy.write_text(text)
    found = refresh(store, *parts[0])
    assert (found["published"], found["known_verdicts"]) == (True, 0)
    assert said(store) == before
    assert refresh(store, *parts[0])["published"] is False


def test_a_feed_that_brings_nothing_of_use_is_noticed(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rubbish = tmp_path / "rubbish.jsonl"
    rubbish.write_bytes(b"\xff\xfe no row\n")
    before = said(store)
    assert main(["refresh", "--store", str(store), "--input", str(rubbish)]) == 1
    assert "0 admitted" in (told := capsys.readouterr().out)
    assert "  1  failed: " in told
    assert said(store) == before
    # What was wrong with it is known then.
    assert main(["refresh", "--store", str(store), "--input", str(rubbish)]) == 0
    assert "1 known" in capsys.readouterr().out
    assert len(list((store / "snapshots").iterdir())) == 2


def test_what_was_rejected_is_known(store: Path, tmp_path: Path) -> None:
    row = {"problem": "How many are 2 and 3?", "trace": "2 + 3 = 6", "answer": "6"}
    bad = tmp_path / "bad.jsonl"
    bad.write_text("".join(json.dumps(r) + "\n" for r in (row | {"reference": "5"}, {"trace": 1})))
    first = refresh(store, bad, format="generic")["trajectories"]
    assert (first["read"], first["admitted"], first["duplicates"]) == (2, 0, 0)
    again = refresh(store, bad, format="generic")
    assert (again["snapshot"], again["known_trajectories"]) == ("000002", 2)


def test_a_source_that_comes_first_stands_for_what_is_known(
    store: Path, parts: tuple[Part, Part], tmp_path: Path
) -> None:
    copy = tmp_path / "a.jsonl"
    copy.write_text(parts[0][0].read_text())
    refresh(store, copy)
    both = mine(tmp_path / "both", *parts[0], copy)
    assert said(store) == said(both)
    assert said_of_tools(store) == said_of_tools(both)


def test_a_wrong_request_is_one_line_and_leaves_nothing(
    stores: tuple[Path, dict[Part, Path]],
    parts: tuple[Part, Part],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = stores[1][parts[0]]
    for arguments in (
        ["--store", str(store), "--input", str(tmp_path / "none.jsonl")],
        ["--store", str(tmp_path / "none"), "--input", str(parts[1][0])],
        ["--store", str(store), "--input", str(parts[1][0]), "--as-of", "2020-01-01"],
    ):
        assert main(["refresh", *arguments]) == 2
        said_so = capsys.readouterr()
        assert said_so.out == ""
        assert len(said_so.err.splitlines()) == 1
    assert [p.name for p in (store / "snapshots").iterdir()] == ["000001"]
