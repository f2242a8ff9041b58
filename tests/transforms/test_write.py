"""The write stage: the same files from every order and every number of workers."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from tracemine.schemas import content_id
from tracemine.store import begin, fsck, index_kinds, publish
from tracemine.store.embedder import to_grid
from tracemine.store.index import (
    INDEXED,
    build_index,
    index_number,
    numbers_of,
    read_index,
    vectors_of,
    write_index,
)
from tracemine.store.index_parts import plan_for
from tracemine.store.tables import read_files
from tracemine.transforms.write import BATCH_ROWS, WriteIndex, WriteTable

sys.path.insert(0, str(Path(__file__).parents[1]))
import small_store


def pipeline(*arguments: str) -> beam.Pipeline:
    return beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions(list(arguments)))


def replay_rows(count: int) -> list[dict[str, Any]]:
    return [
        {
            "variant_id": f"{n % 97:032x}", "instance_id": f"{n:032x}", "binding_map": "{}",
            "verdict": "pass", "reason": "r", "verifier": "numeric",
        }
        for n in range(count)
    ]  # fmt: skip


def write(folder: Path, rows: list[dict[str, Any]], shards: int, *arguments: str) -> None:
    with pipeline(*arguments) as line:
        made = line | "Rows" >> beam.Create(rows)
        made | "Write" >> WriteTable("replays", str(folder), shards)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_every_row_is_written_once_and_in_order(tmp_path: Path) -> None:
    rows = replay_rows(3 * BATCH_ROWS)
    shuffled = [*rows, *rows[:100]]
    random.Random(1).shuffle(shuffled)
    write(tmp_path, shuffled, 5)
    paths = sorted((tmp_path / "replays").iterdir())
    assert [p.name for p in paths] == [f"part-{n:05d}-of-00005.parquet" for n in range(5)]
    written = [read_files("replays", [str(p)]).to_pylist() for p in paths]
    for shard in written:
        keys = [(row["variant_id"], row["instance_id"]) for row in shard]
        assert keys == sorted(keys)
        assert len(keys) == len(set(keys))
    back = sorted((row for shard in written for row in shard), key=lambda r: r["instance_id"])
    assert back == rows


def test_files_do_not_depend_on_order_or_workers(tmp_path: Path) -> None:
    rows = replay_rows(800)
    write(tmp_path / "one", rows, 3)
    write(tmp_path / "two", rows[::-1], 3, "--direct_num_workers=2")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_each_file_is_told_and_the_first_is_always_there(tmp_path: Path) -> None:
    folder = str(tmp_path)
    with pipeline() as line:
        rows = line | "Rows" >> beam.Create(replay_rows(1))
        nothing = rows | "Drop" >> beam.Filter(lambda row: False)
        told = nothing | "Write nothing" >> WriteTable("events", folder, 8)
        expected = [(f"{folder}/events/part-00000-of-00008.parquet", 0)]
        assert_that(told, equal_to(expected), label="Nothing")
        told = rows | "Write one" >> WriteTable("replays", folder, 1)
        expected = [(f"{folder}/replays/part-00000-of-00001.parquet", 1)]
        assert_that(told, equal_to(expected), label="One")
    assert len(list(tmp_path.rglob("*.parquet"))) == 2


def test_a_whole_store_through_the_stage_is_what_the_writer_gives(tmp_path: Path) -> None:
    made = small_store.tables()
    draft = begin(str(tmp_path / "beam"))
    with pipeline() as line:
        for table, rows in made.rows.items():
            source = line | f"Rows of {table}" >> beam.Create(rows)
            source | f"Write {table}" >> WriteTable(table, draft.folder, small_store.SHARDS)
        for table in INDEXED:
            ids = [row["procedure_id"] for row in made.rows[table]]
            pairs = line | f"Vectors of {table}" >> beam.Create(
                [(i, made.vectors[i].tobytes()) for i in ids]
            )
            pairs | f"Index {table}" >> WriteIndex(table, draft.folder)
    fields = {
        "as_of": small_store.AS_OF,
        "inputs": [],
        "teacher": "rules@1",
        "embedder": small_store.embedder().describe(),
        "ledger": small_store.ledger(made),
    }
    publish(draft, fields)
    small_store.write(tmp_path / "plain", made)
    assert fsck(str(tmp_path / "beam")) == []
    assert contents(tmp_path / "beam") == contents(tmp_path / "plain")


def test_an_index_of_nothing_is_written(tmp_path: Path) -> None:
    with pipeline() as line:
        nothing = line | beam.Create([("x", b"")]) | beam.Filter(lambda pair: False)
        told = nothing | "Index" >> WriteIndex("candidates", str(tmp_path))
        assert_that(told, equal_to([(f"{tmp_path}/index/candidates.faiss", 0)]))
    assert (tmp_path / "index/candidates.faiss").is_file()


def indexed(
    folder: Path, made: list[tuple[str, bytes]], *arguments: str, **how: Any
) -> tuple[bytes, dict[str, Any]]:
    """The index of ``made`` and what was measured of it, which alone are left in the folder."""
    with pipeline(*arguments) as line:
        told = line | beam.Create(made) | WriteIndex("procedures", str(folder), **how)
        path = f"{folder}/index/procedures.faiss"
        assert_that(told, equal_to([(path, len(dict(made)))]))
    names = {p.name for p in (folder / "index").iterdir()}
    assert names <= {"procedures.faiss", "procedures.json"}
    notes = folder / "index/procedures.json"
    return (
        (folder / "index/procedures.faiss").read_bytes(),
        json.loads(notes.read_text()) if notes.exists() else {},
    )


def vectors(count: int) -> list[tuple[str, bytes]]:
    raw = np.random.default_rng(1).normal(size=(count, 8))
    every = to_grid(raw / np.linalg.norm(raw, axis=1, keepdims=True))
    return [(content_id("part", n), v.tobytes()) for n, v in enumerate(every)]


def test_an_index_filled_in_parts_depends_on_its_rows_alone(tmp_path: Path) -> None:
    made, kind = vectors(400), "IVF4_HNSW32,SQfp16"
    assert plan_for(f"IDMap,{kind}", len(made)).parts
    first, notes = indexed(tmp_path / "one", [*made, made[7]], kind=kind, parts=3)
    random.Random(4).shuffle(made)
    workers = ("--direct_num_workers=2", "--direct_running_mode=multi_threading")
    assert indexed(tmp_path / "other", made, *workers, kind=kind, parts=3) == (first, notes)
    assert notes["kind"] == notes["asked"] == f"IDMap,{kind}"
    assert (notes["trained_on"], notes["recall_at_10"] >= 0.95) == (256, True)
    index = read_index(str(tmp_path / "one/index/procedures.faiss"))
    assert sorted(numbers_of(index)) == sorted(index_number(i) for i, _ in made)
    with pytest.raises(ValueError, match="no index of the kind"):
        WriteIndex("procedures", str(tmp_path), kind="IVF4,What")


@pytest.mark.parametrize(
    ("count", "how"),
    [
        (0, {"large": True}),
        (0, {"kind": "IVF4,Flat"}),
        (3, {"kind": "IVF4,Flat"}),
        (90, {"large": True}),
        (90, {"kind": "IVF4,Flat"}),
        (90, {"kind": "PQ4", "large": True}),
    ],
)
def test_what_may_be_large_and_is_small_is_built_as_if_by_one(
    tmp_path: Path, count: int, how: dict[str, Any]
) -> None:
    """Also of a kind that so few cannot be trained for, and of one that has no parts."""
    made = vectors(count)
    alone = build_index(((i, np.frombuffer(v, np.float32)) for i, v in made), kind=how.get("kind"))
    write_index(alone, str(tmp_path / "alone.faiss"))
    expected = ((tmp_path / "alone.faiss").read_bytes(), dict(alone.notes))
    assert indexed(tmp_path / "parts", made, **how) == expected


def test_kinds_by_size_have_parts_where_one_worker_would_hold_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the size of the table alone says of what kind its index is, and it is one of cells."""
    monkeypatch.setattr(index_kinds, "MOST_FLAT", 100)
    monkeypatch.setattr(index_kinds, "MOST_GRAPH", 200)
    monkeypatch.setattr(index_kinds, "TRAINED_PER_CELL", 4)
    made = vectors(300)
    _, notes = indexed(tmp_path / "large", made, large=True)
    assert notes["kind"] == "IDMap,IVF64_HNSW32,SQfp16"
    assert (notes["trained_on"], "asked" in notes) == (256, False)
    whole = read_index(str(tmp_path / "large/index/procedures.faiss"))
    found = dict(zip(numbers_of(whole).tolist(), vectors_of(whole).tolist(), strict=True))
    assert found == {index_number(i): np.frombuffer(v, np.float32).tolist() for i, v in made}


@pytest.mark.parametrize(("table", "shards"), [("nothing", 1), ("spans", 0)])
def test_a_wrong_table_or_number_is_refused_when_it_is_said(table: str, shards: int) -> None:
    with pytest.raises(ValueError, match=r"table|shards"):
        WriteTable(table, "folder", shards)
