"""Drafts and snapshots: nothing is live before it is whole, and the same rows give the same
files."""

from __future__ import annotations

import functools
import json
import platform
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import small_store

from tracemine.schemas.arrow import TABLES, sort_key
from tracemine.store import (
    RequestError,
    Store,
    StoreError,
    begin,
    fsck,
    open_snapshot,
    publish,
    read_table,
    snapshot,
)
from tracemine.store.manifest import SCHEMA_VERSION
from tracemine.store.tables import shard_of


def test_the_policy_is_written_first_and_never_overwritten(tmp_path: Path) -> None:
    store = tmp_path / "deep" / "store"
    draft = begin(str(store))
    policy = store / "policy.toml"
    assert policy.is_file()
    assert not (store / "CURRENT").exists()
    draft.abandon()
    policy.write_text("[gate]\nmin_replays = 5\n")
    draft = begin(str(store))
    assert draft.policy.min_replays == 5
    assert policy.read_text() == "[gate]\nmin_replays = 5\n"


def test_files_and_manifest_depend_on_the_rows_alone(store_path: Path, tmp_path: Path) -> None:
    made = small_store.tables()
    for rows in made.rows.values():
        rows.reverse()
    small_store.write(tmp_path / "again", made)
    ours = {p.relative_to(store_path): p.read_bytes() for p in store_path.rglob("*") if p.is_file()}
    theirs = {
        p.relative_to(tmp_path / "again"): p.read_bytes()
        for p in (tmp_path / "again").rglob("*")
        if p.is_file()
    }
    assert ours == theirs


def test_a_manifest_says_what_made_the_store(store_path: Path) -> None:
    manifest = json.loads((store_path / "snapshots/000001/manifest.json").read_text())
    assert manifest["schema_version"] == SCHEMA_VERSION
    assert manifest["parent"] is None
    assert manifest["as_of"] == small_store.AS_OF
    assert manifest["policy"]["values"]["min_replays"] == 2
    assert {"faiss-cpu", "sympy", "math-verify", "pydantic-monty"} <= manifest["versions"].keys()
    assert manifest["versions"]["python"] == platform.python_version()
    assert manifest["index"]["procedures"]["entries"] == 3
    for entry in manifest["files"]:
        assert (store_path / entry["path"]).stat().st_size == entry["bytes"]


def test_a_store_that_exists_is_refused_unless_refreshed(own_store: Path) -> None:
    with pytest.raises(RequestError, match="already holds a store"):
        begin(str(own_store))
    draft = begin(str(own_store), refresh=True)
    assert (draft.number, draft.parent) == ("000002", "000001")
    draft.abandon()
    assert fsck(str(own_store)) == []


def test_a_second_snapshot_becomes_live_and_the_first_stays(own_store: Path) -> None:
    reader = Store.open(str(own_store))
    draft = begin(str(own_store), refresh=True)
    small_store.fill(draft, small_store.tables())
    fields = {"embedder": small_store.embedder().describe(), "as_of": small_store.AS_OF}
    assert publish(draft, fields) == "000002"
    assert open_snapshot(str(own_store)).number == "000002"
    assert reader.snapshot.number == "000001"
    assert sum(reader.stats()["status"].values()) == 4


def test_two_runs_cannot_write_at_once(tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    first = begin(store)
    with pytest.raises(RequestError, match="another run is writing"):
        begin(store)
    first.release()
    begin(store).abandon()


def test_what_is_published_between_the_look_and_the_lock_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    take = snapshot.take_lock

    def publish_first(*arguments: Any) -> Any:
        monkeypatch.setattr(snapshot, "take_lock", take)
        small_store.write(store)
        return take(*arguments)

    monkeypatch.setattr(snapshot, "take_lock", publish_first)
    with pytest.raises(RequestError, match="already holds a store"):
        begin(str(store))
    assert fsck(str(store)) == []
    begin(str(store), refresh=True).abandon()  # the lock was given back


def test_a_killed_run_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    store = tmp_path / "store"
    code = (
        "import os, sys; from tracemine.store import begin; d = begin(sys.argv[1]); "
        "open(d.folder + '/half.parquet', 'w').write('x'); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(store)], check=False)
    assert done.returncode == 9
    with pytest.raises(StoreError, match="did not finish"):
        Store.open(str(store))
    small_store.write(store)
    assert fsck(str(store)) == []
    assert not list(store.rglob("half.parquet"))


def test_a_snapshot_that_current_never_named_is_replaced(tmp_path: Path) -> None:
    store = tmp_path / "store"
    small_store.write(store)
    (store / "CURRENT").unlink()
    small_store.write(store)
    assert fsck(str(store)) == []


def test_publishing_on_what_has_changed_meanwhile_fails_and_keeps_both(own_store: Path) -> None:
    draft = begin(str(own_store), refresh=True)
    small_store.fill(draft, small_store.tables())
    (own_store / "CURRENT").write_text("000007\n")
    with pytest.raises(StoreError, match="another run has published"):
        publish(draft, {"embedder": {}})
    assert (own_store / "CURRENT").read_text() == "000007\n"
    assert Path(draft.folder).is_dir()


def test_an_index_that_does_not_fit_its_table_is_not_published(tmp_path: Path) -> None:
    made = small_store.tables()
    draft = begin(str(tmp_path / "store"))
    small_store.fill(draft, made)
    Path(draft.folder, "index/procedures.faiss").unlink()
    with pytest.raises(StoreError, match="index of procedures has 0 entries"):
        publish(draft, {"embedder": {}})
    assert not (tmp_path / "store" / "CURRENT").exists()


def test_leftovers_of_failed_attempts_are_not_published(tmp_path: Path) -> None:
    draft = begin(str(tmp_path / "store"))
    small_store.fill(draft, small_store.tables())
    left = Path(draft.folder, "spans", "part-00000-of-00002.parquet.0a.unfinished")
    left.write_bytes(b"half")
    Path(draft.ledger).write_text("[]")
    publish(draft, {"embedder": small_store.embedder().describe(), "ledger": None})
    assert not list((tmp_path / "store").rglob("*.unfinished"))
    assert not list((tmp_path / "store").rglob("ledger.json"))


def test_tables_without_rows_can_be_read(tmp_path: Path) -> None:
    draft = begin(str(tmp_path / "store"))
    publish(draft, {"embedder": small_store.embedder().describe(), "as_of": "x"})
    store = Store.open(str(tmp_path / "store"))
    assert [store.rows(f'SELECT * FROM "{table}"') for table in TABLES] == [[]] * len(TABLES)
    assert store.search_vector(small_store.embedder().encode(["x"])[0]) == []
    assert store.stats()["procedures"]["entries"] == 0


def test_what_is_written_is_read(store_path: Path) -> None:
    made = small_store.tables()
    snapshot = open_snapshot(str(store_path))
    for table, rows in made.rows.items():
        back = read_table(snapshot, table).to_pylist()
        plain = pa.Table.from_pylist(rows, schema=TABLES[table]).to_pylist()
        assert back == sorted(back, key=lambda row: shard_of(table, row, small_store.SHARDS))
        key = functools.partial(sort_key, table)
        assert sorted(back, key=key) == sorted(plain, key=key), table


def test_a_store_in_memory_is_a_store() -> None:
    url = f"memory://{uuid.uuid4().hex}/store"
    assert small_store.write(url) == "000001"
    assert fsck(url) == []
    store = Store.open(url)
    store.use_embedder(small_store.embedder())
    (hit,) = store.search("money left", 1)
    assert store.get(hit.procedure_id) is not None
    with pytest.raises(RequestError, match="already holds"):
        begin(url)


@pytest.mark.parametrize("make", ["file", "under a file", "no protocol"])
def test_a_place_that_cannot_hold_a_store_is_refused(make: str, tmp_path: Path) -> None:
    place = tmp_path / "place"
    if make != "no protocol":
        place.write_text("dear")
    path = {"under a file": f"{place}/store", "no protocol": "nosuchfs://bucket/store"}
    with pytest.raises(RequestError) as caught:
        begin(path.get(make, str(place)))
    assert "\n" not in str(caught.value)
    if place.exists():
        assert not list(tmp_path.rglob("CURRENT"))


def test_a_folder_that_holds_other_files_keeps_them(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("dear")
    begin(str(tmp_path)).abandon()
    assert (tmp_path / "thesis.tex").read_text() == "dear"


@pytest.mark.parametrize("content", ["", "00000", "abc\n", "000001\n000002\n", "\x00\x00", "../x"])
def test_a_damaged_current_is_named(own_store: Path, content: str) -> None:
    (own_store / "CURRENT").write_text(content)
    with pytest.raises(StoreError, match="CURRENT is damaged") as caught:
        Store.open(str(own_store))
    assert "\n" not in str(caught.value)
    with pytest.raises(StoreError, match="CURRENT is damaged"):
        begin(str(own_store))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "manifest.json is damaged"),
        (f'{{"schema_version": {SCHEMA_VERSION}', "manifest.json is damaged"),
        ("[]", "manifest.json is damaged"),
        ("{}", "manifest.json is damaged"),
        (f'{{"schema_version": {SCHEMA_VERSION}}}', "manifest.json is damaged"),
        ('{"schema_version": 2}', "has schema version 2"),
    ],
)
def test_a_damaged_manifest_or_one_of_another_version_is_named(
    own_store: Path, content: str, said: str
) -> None:
    (own_store / "snapshots/000001/manifest.json").write_text(content)
    with pytest.raises(StoreError, match=said) as caught:
        Store.open(str(own_store))
    assert "\n" not in str(caught.value)
    assert str(own_store) in str(caught.value)


def test_an_index_that_is_missing_is_named_with_its_store(own_store: Path) -> None:
    small_store.edit_manifest(
        own_store,
        lambda m: m.update(files=[f for f in m["files"] if f.get("index") != "procedures"]),
    )
    with pytest.raises(StoreError, match="no index of procedures") as caught:
        Store.open(str(own_store)).search("money left")
    assert str(own_store) in str(caught.value)
