"""The index: numbers from ids, bytes from rows alone, kinds by size, what leaves it, its file."""

from __future__ import annotations

import logging
import resource
from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.schemas import content_id
from tracemine.store import StoreError, index_kinds
from tracemine.store import index as indexes
from tracemine.store.embedder import to_grid
from tracemine.store.index import (
    Built,
    build_index,
    every_number,
    extended,
    gone_share,
    index_number,
    index_numbers,
    numbers_of,
    read_index,
    renewed,
    vectors_of,
    without,
    write_index,
)
from tracemine.store.index_kinds import check_kind, kind_for

#: Of each way that a kind is searched one: a graph, cells with exact vectors, coded ones, neither.
KINDS = ("HNSW8,Flat", "IVF16_HNSW32,SQfp16", "IVF8,PQ4x4np", "SQ8")


def vectors(seed: int, count: int, size: int = 8) -> np.ndarray:
    raw = np.random.default_rng(seed).normal(size=(count, size))
    return to_grid(raw / np.linalg.norm(raw, axis=1, keepdims=True))


def rows(seed: int, count: int, size: int = 8) -> list[tuple[str, np.ndarray]]:
    return [(content_id(seed, n), v) for n, v in enumerate(vectors(seed, count, size))]


def content(built: Built, folder: Path) -> bytes:
    write_index(built, str(folder / "it.faiss"))
    return (folder / "it.faiss").read_bytes()


@given(st.lists(st.integers(0, 2**128 - 1), max_size=4))
def test_numbers_are_positive_int64(values: list[int]) -> None:
    ids = [f"{value:032x}" for value in values]
    assert index_numbers(ids).tolist() == [index_number(identifier) for identifier in ids]
    assert all(0 <= index_number(identifier) < 2**63 for identifier in ids)


def test_an_index_that_the_disk_does_not_take_is_an_error_and_leaves_no_file(
    tmp_path: Path,
) -> None:
    built = build_index(rows(1, 100))
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The last byte is one that faiss would write when it closes a file of its own.
    least = len(content(built, tmp_path)) - 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (least, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_index(built, str(tmp_path / "other.faiss"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert [path.name for path in tmp_path.iterdir()] == ["it.faiss"]


def test_two_vectors_or_two_entries_for_one_number_are_refused() -> None:
    one, other = vectors(0, 2)
    with pytest.raises(ValueError, match="two vectors"):
        build_index([(content_id(1), one), (content_id(1), other)])
    twin = content_id(1)[:16] + "0" * 16
    with pytest.raises(ValueError, match="share"):
        build_index([(content_id(1), one), (twin, other)])
    with pytest.raises(ValueError, match="already"):
        extended(build_index([(content_id(1), one)]), [(content_id(1), one)])
    with pytest.raises(ValueError, match="not in it"):
        without(build_index([(content_id(1), one)]), index_numbers([content_id(2)]))


def test_an_empty_index_can_be_written_and_read(tmp_path: Path) -> None:
    write_index(build_index([]), str(tmp_path / "none.faiss"))
    index = read_index(str(tmp_path / "none.faiss"))
    assert index.ntotal == 0
    assert vectors_of(index).shape == (0, 0)
    assert [p.name for p in tmp_path.iterdir()] == ["none.faiss"]


@pytest.mark.parametrize("content", [b"", b"not an index", b"IxM2" + b"\xff" * 40])
@pytest.mark.parametrize("map_bytes", [0, 1 << 30])
def test_a_damaged_index_is_a_store_error(
    tmp_path: Path, content: bytes, map_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "MAP_BYTES", map_bytes)
    path = tmp_path / "bad.faiss"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"bad\.faiss"):
        read_index(str(path))


# -- kinds -----------------------------------------------------------------------------------------


def test_the_kind_follows_from_the_size() -> None:
    assert kind_for(0) == kind_for(50_000) == "IDMap,Flat"
    assert kind_for(50_001) == kind_for(200_000) == "IDMap,HNSW32,Flat"
    assert kind_for(200_001) == "IDMap,IVF2048_HNSW32,SQfp16"
    assert kind_for(1_000_000) == "IDMap,IVF4096_HNSW32,SQfp16"
    assert kind_for(100_000_000) == "IDMap,IVF32768_HNSW32,SQfp16"
    for entries in (1, 10**5, 10**7):
        check_kind(kind_for(entries), 384)
    assert {check_kind(kind) for kind in ("IDMap2,Flat", "IDMap,Flat", "Flat")} == {kind_for(0)}
    with pytest.raises(ValueError, match="no index of the kind 'HNSW32,Flut'"):
        check_kind("HNSW32,Flut")


@pytest.mark.parametrize("kind", [None, *KINDS])
def test_bytes_depend_on_the_rows_alone(tmp_path: Path, kind: str | None) -> None:
    made = rows(3, 300)
    first = build_index(made, kind=kind)
    again = build_index([*reversed(made), made[4]], kind=kind)
    assert content(first, tmp_path) == content(again, tmp_path)
    assert first.notes == again.notes
    assert sorted(numbers_of(first.index).tolist()) == sorted(index_numbers([i for i, _ in made]))


@pytest.mark.parametrize("kind", KINDS)
def test_recall_is_measured_and_the_width_kept_in_the_file(tmp_path: Path, kind: str) -> None:
    made = rows(5, 600)
    built = build_index(made, kind=kind)
    path = str(tmp_path / "it.faiss")
    write_index(built, path)
    again = read_index(path)
    every = np.stack([v for _, v in sorted(made)])
    queries = index_kinds.make_queries(every)
    truth = index_kinds.exact(queries, numbers_of(again), every)
    # What is served from the file is what was measured, whichever numbers it is counted by.
    assert built.notes["recall_at_10"] == round(index_kinds.recall_of(again, queries, truth), 4)
    if "PQ" not in kind:
        assert built.notes["recall_at_10"] >= 0.95


def test_a_build_that_finds_too_little_is_made_again_with_more_care(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Codes of two bits for eight components find little however widely one searches: exact vectors
    take their place, and a line says so; or that nothing else is to be had."""
    made = rows(7, 600)
    built = build_index(made, kind="IVF8,PQ2x2")
    assert built.notes["kind"] == "IDMap,IVF8,SQfp16"
    assert built.notes["recall_at_10"] >= 0.95
    (said,) = caplog.records
    assert "IDMap,IVF8,SQfp16, which finds" in said.getMessage()
    with caplog.at_level(logging.WARNING):
        poor = build_index(made, kind="PQ2x2")
    assert poor.notes["recall_at_10"] < 0.95
    assert "not 0.95" in caplog.text
    assert "WARNING" not in capfd.readouterr().err  # of FAISS, that it was trained on few


def test_parts_filled_apart_are_one_index() -> None:
    """Cells trained once, filled by several workers, then merged: the same search as filled by
    one."""
    made, kind = sorted(rows(9, 400)), check_kind("IVF8_HNSW32,SQfp16")
    numbers, every = index_numbers([i for i, _ in made]), np.stack([v for _, v in made])
    empty = faiss.serialize_index(index_kinds.make_empty(kind, 8, every))
    parts = []
    for part in range(3):
        index = faiss.deserialize_index(empty)
        index.add_with_ids(every[part::3], numbers[part::3])
        parts.append(index)
    merged = index_kinds.merge(parts)
    whole = faiss.deserialize_index(empty)
    whole.add_with_ids(every, numbers)
    for index in (merged, whole):
        index_kinds.inner_of(index).nprobe = 4
    assert set(numbers_of(merged).tolist()) == set(numbers.tolist())
    for query in vectors(10, 20):
        found = [index.search(query[None], 5) for index in (merged, whole)]
        assert found[0][0].tolist() == found[1][0].tolist()
    truths = [index_kinds.exact(every[:9], numbers[p::3], every[p::3]) for p in range(3)]
    expected = index_kinds.exact(every[:9], numbers, every)
    assert index_kinds.nearest_of(truths).scores.tolist() == expected.scores.tolist()


# -- what leaves and what comes --------------------------------------------------------------------


@settings(deadline=None, max_examples=20)
@given(st.sampled_from(["Flat", *KINDS]), st.sets(st.integers(0, 79), max_size=79))
def test_what_is_removed_is_not_found_and_not_counted(kind: str, gone: set[int]) -> None:
    made = sorted(rows(11, 80))
    numbers = index_numbers([i for i, _ in made])
    left = without(build_index(made, kind=kind), numbers[sorted(gone)])
    kept = [n for n in range(80) if n not in gone]
    assert numbers_of(left.index).tolist() == numbers[kept].tolist()
    assert left.entries == len(kept)
    assert vectors_of(left.index).shape == (len(kept), 8)
    assert gone_share(left.index) == (0 if kind == "Flat" else len(gone) / 80)
    more = extended(left, [made[n] for n in sorted(gone)])
    assert sorted(numbers_of(more.index).tolist()) == numbers.tolist()
    if kind != "Flat":
        assert len(every_number(more.index)) == 80 + len(gone)


@pytest.mark.parametrize("kind", ["Flat", "HNSW8,Flat", "IVF16_HNSW32,SQfp16"])
@pytest.mark.parametrize("lost", [5, 40])
def test_a_changed_table_has_a_changed_index(
    kind: str, lost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some go, some come, one has another vector: what is found is what an index over the rows
    finds. Only where a fifth is gone it is built anew."""
    monkeypatch.setattr(indexes, "kind_for", lambda _: check_kind(kind))
    made, moved = sorted(rows(13, 120)), vectors(14, 1)[0]
    before = build_index(made[:100], kind=kind)
    wanted = [(made[lost][0], moved), *made[lost + 1 :]]
    after = renewed(before.index, wanted, before.notes)
    expected = {index_number(i): v.tolist() for i, v in wanted}
    pairs = zip(numbers_of(after.index).tolist(), vectors_of(after.index).tolist(), strict=True)
    assert dict(pairs) == expected
    assert gone_share(after.index) == (0 if kind == "Flat" or lost == 40 else 6 / 121)
    assert after.notes.get("kind") == before.notes.get("kind")


def test_the_kind_that_was_asked_for_stays_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    """Where there are too few for it the size says the kind, and a line says that."""
    made, kind = sorted(rows(15, 60)), "IVF8,Flat"
    kinds, built = [], build_index([], kind=kind)
    for wanted in (made[:5], made[:40], made[20:], made[57:], []):
        built = renewed(built.index, wanted, built.notes)
        assert numbers_of(built.index).tolist() == index_numbers([i for i, _ in wanted]).tolist()
        assert built.notes["asked"] == f"IDMap,{kind}"
        kinds.append(built.notes["kind"])
    few, asked = kind_for(0), f"IDMap,{kind}"
    assert kinds == [few, asked, asked, few, few]
    assert [r.getMessage().partition(" (")[0] for r in caplog.records] == [
        "5 vectors do not train IDMap,IVF8,Flat", "3 vectors do not train IDMap,IVF8,Flat"
    ]  # fmt: skip
