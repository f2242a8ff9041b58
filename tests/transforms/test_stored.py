"""A store's entries in memory: the nearest of a class, exactly; what is damaged is said."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import numpy.typing as npt
import pytest
import small_store
from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas import canonical_code
from tracemine.schemas.records import Status
from tracemine.store import StoreError, gc
from tracemine.store.cells import on_grid
from tracemine.store.embedder import GRID, to_grid
from tracemine.transforms import stored
from tracemine.transforms.cluster import class_of
from tracemine.transforms.stored import (
    Near,
    StoredEntries,
    code_key,
    nearest,
    open_stored,
    pin,
)

Grid = npt.NDArray[np.int16]
SMALL = small_store.ROUTINES[0]


def unit_vectors(count: int, size: int, seed: int, *, alike: int = 3) -> Grid:
    """Unit vectors on the grid, of which about one in ``alike`` is like another."""
    generator = np.random.default_rng(seed)
    points = generator.normal(size=(max(1, count // alike), size))
    points = points[generator.integers(len(points), size=count)]
    points = points + 0.2 * generator.integers(2, size=points.shape)
    return on_grid(to_grid(points / np.linalg.norm(points, axis=1, keepdims=True)))


def brute_force(
    vectors: Grid, grid: Grid, places: Any, count: int, least: float
) -> list[list[tuple[int, int]]]:
    found = []
    for vector in vectors.astype(int).tolist():
        pairs = [
            (sum(a * b for a, b in zip(vector, row, strict=True)), int(place))
            for row, place in zip(grid.astype(int).tolist(), places, strict=True)
        ]
        inside = [pair for pair in pairs if pair[0] >= least]
        found.append(sorted(inside, key=lambda pair: (-pair[0], pair[1]))[:count])
    return found


@given(
    entries=st.integers(0, 40),
    spans=st.integers(0, 12),
    count=st.integers(1, 9),
    distance=st.floats(0, 2),
    block=st.integers(1, 50),
    seed=st.integers(0, 1000),
)
def test_the_nearest_are_those_that_brute_force_finds(
    entries: int, spans: int, count: int, distance: float, block: int, seed: int
) -> None:
    size = 7
    grid, vectors = unit_vectors(entries, size, seed), unit_vectors(spans, size, seed + 1)
    vectors = np.concatenate([vectors, grid[:3]])
    places = np.arange(entries, dtype=np.int64) * 3 + 1
    least = (1 - distance) * GRID * GRID
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored, "ENTRY_BLOCK", block)
        found = nearest(vectors, grid, places, count, least)
    assert found == brute_force(vectors, grid, places, count, least)


def routines(count: int) -> list[small_store.Routine]:
    """Entries of three classes, of each status, two of each method."""
    made = []
    for number in range(count):
        constant, arity = number // 2, 1 + number % 3
        names = [f"p{number}_{i}" for i in range(arity)]
        body = " + ".join([*names, str(constant)])
        value = sum(range(arity)) + constant
        bindings = {name: i for i, name in enumerate(names)}
        cases = tuple(
            ({n: v + shift for n, v in bindings.items()}, value + arity * shift)
            for shift in range(3)
        )
        statuses: tuple[Status, ...] = (
            "verified", "candidate", "quarantined", "canonical", "expired",
        )  # fmt: skip
        status = statuses[number % 5]
        made.append(
            small_store.Routine(
                subquestion=f"What comes of sum {number}?",
                code=f"def add({', '.join(names)}):\n    return {body}\n",
                signature=small_store.signature("int", **dict.fromkeys(names, "int")),
                predicates=(),
                domain="math",
                status=status,
                cases=cases[:1] if status == "candidate" else cases,
                verdicts=() if status == "candidate" else ("pass", "pass"),
            )
        )
    return made


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, small_store.Tables]:
    path = tmp_path_factory.mktemp("stored") / "store"
    made = small_store.tables(routines(30))
    small_store.write(path, made)
    return path, made


def expected(
    made: small_store.Tables, name: str, vector: Grid, *, served: bool, distance: float, method: str
) -> list[Near]:
    """All entries of a class near a vector, from the rows themselves; of one method where one is
    named."""
    found = []
    for row in (*made.rows["procedures"], *made.rows["candidates"]):
        signature = stored.Signature.from_json(row["signature"])
        (variant,) = row["variants"]
        key = code_key(variant["code"], variant["entry_point"])
        if class_of(row["domain"], signature, row["verifier"]) != name or method not in ("", key):
            continue
        grid = on_grid(made.vectors[row["procedure_id"]]).astype(int)
        near = Near(1 - int(grid @ vector.astype(int)) / GRID**2, row["procedure_id"])
        if (row["status"] in ("verified", "canonical")) == served and near.distance <= distance:
            found.append(near)
    return sorted(found)


@pytest.mark.parametrize("served", [True, False])
@pytest.mark.parametrize("distance", [0.02, 0.1, 2.0])
def test_near_looks_at_the_entries_of_its_class_and_kind_alone(
    store: tuple[Path, small_store.Tables], served: bool, distance: float
) -> None:
    path, made = store
    entries = open_stored(str(path))
    assert len(entries) == 30
    every = sorted(made.vectors)
    vectors = np.stack([on_grid(made.vectors[i]) for i in every])
    methods = [code_key(r.code, "add") for r in routines(len(every))]
    for arity in (1, 2, 3, 4):
        types = small_store.signature("int", **{f"q{i}": "rational" for i in range(arity)})
        name = class_of("math", types, "numeric")
        found = entries.near(name, vectors, served=served, count=4, distance=distance)
        alike = entries.near_with_method(
            name, vectors, methods, served=served, count=2, distance=distance
        )
        for vector, method, near, same in zip(vectors, methods, found, alike, strict=True):
            wanted = {"served": served, "distance": distance}
            assert list(near) == expected(made, name, vector, **wanted, method="")[:4]
            assert list(same) == expected(made, name, vector, **wanted, method=method)[:2]
        assert any(found) == (arity < 4)
    assert entries.near("code:() -> str:exact", vectors[:2], served=True, count=1, distance=2) == [
        (), (),
    ]  # fmt: skip


def test_an_entry_comes_with_each_of_its_variants(
    store: tuple[Path, small_store.Tables],
) -> None:
    path, made = store
    entries = open_stored(str(path))
    row = random.Random(1).choice(made.rows["procedures"])
    entry = entries.entry(row["procedure_id"])
    assert entry.status == row["status"]
    (routine,) = entry.routines
    assert routine.code == row["variants"][0]["code"]
    assert routine.signature.to_json() == row["signature"]
    with pytest.raises(KeyError):
        entries.entry("f" * 32)


def test_a_variant_in_words_is_nothing_to_run(tmp_path: Path) -> None:
    made = small_store.tables()
    row = made.rows["procedures"][0]
    (variant,) = row["variants"]
    plain = variant if isinstance(variant, dict) else dataclasses.asdict(variant)
    row["variants"] = [{**plain, "code": "", "entry_point": ""}]
    small_store.write(tmp_path / "store", made)
    entries = open_stored(str(tmp_path / "store"))
    assert entries.entry(row["procedure_id"]).routines == ()


def test_a_further_variant_has_its_own_names_and_the_types_of_its_entry(tmp_path: Path) -> None:
    made = small_store.tables(
        (SMALL, small_store.Routine(
            **{
                **{f: getattr(SMALL, f) for f in SMALL.__dataclass_fields__},
                "code": "def rest(money, cost):\n    return -cost + money\n",
                "signature": small_store.signature("int", money="int", cost="int"),
                "cases": tuple(
                    ({"money": b["total"], "cost": b["spent"]}, r) for b, r in SMALL.cases
                ),
                "predicates": ("cost <= money",),
            }
        ))
    )  # fmt: skip
    first, second = made.rows["procedures"]
    lead, other = (first, second) if first["variants"][0]["entry_point"] == "remaining" else (
        second, first,
    )  # fmt: skip
    lead["variants"] = [*lead["variants"], *other["variants"]]
    wide = json.loads(lead["signature"])
    for parameter in wide["inputs"]:
        parameter["type"] = "rational"
    lead["signature"] = json.dumps(wide)
    made.rows["procedures"].remove(other)
    small_store.write(tmp_path / "store", made)
    routine, further = open_stored(str(tmp_path / "store")).entry(lead["procedure_id"]).routines
    assert [p.name for p in routine.signature.inputs] == ["total", "spent"]
    assert [(p.name, p.type) for p in further.signature.inputs] == [
        ("money", "rational"), ("cost", "rational"),
    ]  # fmt: skip
    assert further.predicates == ("cost <= money",)
    assert canonical_code(further.code, "rest").endswith("return -p1 + p0")


def test_a_merged_entry_is_found_under_its_new_id_alone(tmp_path: Path) -> None:
    made = small_store.tables()
    made.rows["procedures"][0]["status"] = "merged"
    small_store.write(tmp_path / "store", made)
    entries = open_stored(str(tmp_path / "store"))
    assert len(entries) == 3
    with pytest.raises(KeyError):
        entries.entry(made.rows["procedures"][0]["procedure_id"])


def test_a_store_without_entries_knows_nothing(tmp_path: Path) -> None:
    small_store.write(tmp_path / "store", small_store.tables(()))
    entries = stored.shared_stored(pin(str(tmp_path / "store")))
    assert len(entries) == 0
    name = class_of("math", SMALL.signature, "numeric")
    vectors = np.zeros((2, 384), dtype=np.int16)
    for served in (True, False):
        assert entries.near(name, vectors, served=served, count=3, distance=2) == [(), ()]


def test_a_store_may_lie_anywhere(tmp_path: Path) -> None:
    small_store.write(tmp_path / "store")
    system = fsspec.filesystem("memory")
    try:
        system.put(str(tmp_path / "store"), "/known-of-old", recursive=True)
        pinned = pin("memory://known-of-old")
        assert pinned.url == "memory:///known-of-old"
        entries = stored.shared_stored(pinned)
        local = open_stored(str(tmp_path / "store"))
        ids = {row["procedure_id"] for row in small_store.tables().rows["procedures"]}
        assert [entries.entry(i) for i in sorted(ids)] == [local.entry(i) for i in sorted(ids)]
    finally:
        system.rm("/known-of-old", recursive=True)


def damage(store: Path, pattern: str, how: str) -> Path:
    (path, *_) = sorted(store.glob(f"snapshots/000001/{pattern}"))
    content = bytearray(path.read_bytes())
    if how == "missing":
        path.unlink()
    elif how == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    return path


@pytest.mark.parametrize("how", ["missing", "cut", "flipped"])
@pytest.mark.parametrize(
    "pattern", ["index/procedures.faiss", "index/candidates.faiss", "procedures/*", "spans/*"]
)
def test_a_damaged_file_is_named_in_one_line(tmp_path: Path, pattern: str, how: str) -> None:
    small_store.write(tmp_path / "store")
    path = damage(tmp_path / "store", pattern, how)
    with pytest.raises(StoreError) as error:
        pin(str(tmp_path / "store"))
    assert path.name in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("pattern", ["index/procedures.faiss", "procedures/*"])
@pytest.mark.parametrize("how", ["missing", "cut"])
def test_a_file_that_is_damaged_later_is_a_store_error(
    tmp_path: Path, pattern: str, how: str
) -> None:
    small_store.write(tmp_path / "store")
    pinned = pin(str(tmp_path / "store"))
    damage(tmp_path / "store", pattern, how)
    with pytest.raises(StoreError, match=r"fsck|cannot read"):
        stored.shared_stored(pinned)


def test_an_index_that_lacks_an_entry_is_a_store_error(tmp_path: Path) -> None:
    made = small_store.tables()
    small_store.write(tmp_path / "store", made)
    entry = made.rows["procedures"][0]["procedure_id"]
    table = open_stored(str(tmp_path / "store"))
    assert table.entry(entry)
    index = tmp_path / "store/snapshots/000001/index"
    (index / "procedures.faiss").write_bytes((index / "candidates.faiss").read_bytes())
    with pytest.raises(StoreError, match="lacks entries"):
        open_stored(str(tmp_path / "store"))


def test_a_store_that_is_replaced_meanwhile_is_not_read(tmp_path: Path) -> None:
    small_store.write(tmp_path / "store", as_of="2025-01-01T00:00:00+00:00")
    pinned = pin(str(tmp_path / "store"))
    (tmp_path / "store").rename(tmp_path / "old")
    small_store.write(tmp_path / "store", as_of="2025-01-02T00:00:00+00:00")
    with pytest.raises(StoreError, match="another store"):
        stored.shared_stored(pinned)
    assert isinstance(stored.shared_stored(pin(str(tmp_path / "store"))), StoredEntries)


def test_no_store_and_another_schema_version_are_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store at"):
        pin(str(tmp_path / "none"))
    small_store.write(tmp_path / "store")
    path = tmp_path / "store/snapshots/000001/manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 999}))
    with pytest.raises(StoreError, match="schema version 999"):
        pin(str(tmp_path / "store"))


def test_who_reads_another_store_keeps_its_snapshot(tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    small_store.write(store)
    pinned = pin(store)
    small_store.write_again(store)
    assert gc(store, 1).held == ("000001",)
    entries = stored.shared_stored(pinned)
    assert gc(store, 1).held == ("000001",)
    assert entries.snapshot.number == "000001"
    entries.close()
    assert gc(store, 1).removed == ("000001",)
    with pytest.raises(StoreError, match=r"manifest.json cannot be read"):
        open_stored(store, "000001")
    entries = open_stored(store)
    small_store.write_again(store)
    assert gc(store, 1).held == ("000002",)
    del entries
    assert gc(store, 1).removed == ("000002",)


def test_who_cannot_read_another_store_holds_nothing(tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    small_store.write(store)
    path = damage(tmp_path / "store", "procedures/*", "flipped")
    with pytest.raises(StoreError):
        pin(store)
    path.unlink()
    with pytest.raises(StoreError) as kept:  # With it, every frame that it came through.
        open_stored(store)
    small_store.write_again(store)
    assert gc(store, 1).removed == ("000001",)
    assert str(path) in str(kept.value)
