"""Shards: equal rows give equal bytes, and come back as they went in."""

from __future__ import annotations

import random
from pathlib import Path

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.schemas import content_id
from tracemine.store.tables import (
    open_whole,
    read_files,
    row_id,
    shard_name,
    shard_of,
    write_shard,
)

text = st.text(max_size=8)
replay_rows = st.fixed_dictionaries(
    {
        "variant_id": text, "instance_id": text, "binding_map": text,
        "verdict": st.sampled_from(["pass", "fail"]), "reason": st.none() | text,
        "verifier": text,
    }
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(rows=st.lists(replay_rows, max_size=12), seed=st.integers(0, 99))
def test_bytes_depend_on_the_set_of_rows_alone(
    rows: list[dict[str, str]], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("shard")
    shuffled = [*rows, *rows[:2]]
    random.Random(seed).shuffle(shuffled)
    write_shard(rows, "replays", str(folder / "one.parquet"))
    count = write_shard(shuffled, "replays", str(folder / "other.parquet"))
    assert (folder / "one.parquet").read_bytes() == (folder / "other.parquet").read_bytes()
    back = read_files("replays", [str(folder / "one.parquet")]).to_pylist()
    distinct = {tuple(sorted((k, v or "") for k, v in row.items())) for row in rows}
    assert len(back) == count
    assert count >= len(distinct)
    assert all(row in rows for row in back)
    assert [row["variant_id"] for row in back] == sorted(row["variant_id"] for row in back)


def test_a_ledger_keeps_equal_rows(tmp_path: Path) -> None:
    row = {
        "stage": "read", "reason": "not JSON", "record_id": "a", "record": "{}", "detail": "",
        "fate": "failed",
    }  # fmt: skip
    assert write_shard([row, row], "rejected", str(tmp_path / "r.parquet")) == 2


def test_half_a_surrogate_pair_costs_one_character_and_no_row(tmp_path: Path) -> None:
    row = {
        "variant_id": "v", "instance_id": "i", "binding_map": "{}", "verdict": "fail",
        "reason": "a\ud800b\U0001f600c", "verifier": "x",
    }  # fmt: skip
    write_shard([row], "replays", str(tmp_path / "s.parquet"))
    (back,) = read_files("replays", [str(tmp_path / "s.parquet")]).to_pylist()
    assert back["reason"] == "a\ufffdb\U0001f600c"


def test_a_row_with_other_columns_is_a_fault_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="verdict"):
        write_shard([{"variant_id": "v"}], "replays", str(tmp_path / "x" / "s.parquet"))
    assert not list(tmp_path.rglob("*"))


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(RuntimeError), open_whole(str(path)) as stream:
        stream.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_on_an_object_store_is_written_whole_or_not_at_all(bucket: str) -> None:
    path = f"{bucket}/whole/file"
    with open_whole(path) as stream:
        stream.write(b"before")
    for size in (4, 6 << 20):  # The larger one is on its way in parts by then.
        with pytest.raises(RuntimeError), open_whole(path) as stream:
            stream.write(bytes(size))
            raise RuntimeError
        with fsspec.open(path) as there:
            assert there.read() == b"before"


def test_shards_share_the_rows_evenly() -> None:
    rows = [{"variant_id": content_id(n)} for n in range(2000)]
    counts = [0] * 8
    for row in rows:
        counts[shard_of("replays", row, 8)] += 1
    assert min(counts) > 180
    assert shard_name(3, 8) == "part-00003-of-00008.parquet"
    assert row_id("events", {"procedure_id": None}) == ""
