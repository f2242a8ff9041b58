"""regrouping: what comes is grouped with what is there, and what is as it was is left alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import small_store

from tracemine.schemas import content_id
from tracemine.store import Store
from tracemine.store.cells import Cells, off_grid, on_grid, unpacked
from tracemine.store.embedder import to_grid
from tracemine.transforms.candidates import candidate_groups, trained
from tracemine.transforms.cluster import clustered_row, compatibility_class
from tracemine.transforms.partition import Bounds
from tracemine.transforms.regrouping import Touched, regrouped, touched
from tracemine.transforms.restored import recut_proposals
from tracemine.transforms.segment import Proposal

SMALL = Bounds(rows=40, cell_rows=12, cells_per_row=2, training_rows=200)


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Proposal:
    """A span of the small store."""
    folder = tmp_path_factory.mktemp("small")
    small_store.write(folder / "store")
    with Store.open(str(folder / "store")) as store:
        ids = [row["span_id"] for row in store.rows("SELECT span_id FROM spans ORDER BY 1")]
        return recut_proposals(store, ids)[ids[0]]


def made(pattern: Proposal, seed: int, count: int) -> list[Proposal]:
    """Spans of one class whose shapes stand about a few points."""
    random = np.random.default_rng(seed)
    points = np.random.default_rng(7).normal(size=(6, 16))
    found = []
    for number in range(count):
        vector = points[random.integers(6)] + random.normal(size=16) * random.choice([0.05, 0.4])
        words: npt.NDArray[np.float32] = to_grid(vector / np.linalg.norm(vector))
        span = replace(
            pattern.span,
            id=content_id("made", seed, number),
            subquestion=f"What is {seed} {number}?",
        )
        packed = words.tobytes()
        found.append(replace(pattern, span=span, vector=packed, shape_vector=packed))
    return found


def grouped(
    proposals: Collection[Proposal], cells: Cells | None, bounds: Bounds
) -> list[list[str]]:
    name = compatibility_class(next(iter(proposals)).span)
    ordered = sorted(proposals, key=lambda p: p.span.id)
    ids = [p.span.id for p in ordered]
    vectors = np.stack([np.frombuffer(p.shape_vector, np.float32) for p in ordered])
    found = candidate_groups(name, ids, vectors, bounds, cells)
    return [[ids[row] for row in rows] for rows in found]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("large", [False, True])
def test_groups_are_those_of_all_at_once(
    pattern: Proposal, tmp_path: Path, seed: int, *, large: bool
) -> None:
    old, new = made(pattern, 100 + seed, 90), made(pattern, 200 + seed, 1 + 3 * seed)
    bounds = SMALL if large else Bounds()
    name = compatibility_class(pattern.span)
    cells = {}
    if large:
        vectors = np.stack([np.frombuffer(p.shape_vector, np.float32) for p in old])
        cells = {name: trained([p.span.id for p in old], on_grid(vectors), bounds)}
    before = grouped(old, cells.get(name), bounds)
    labels = {i: content_id("group", name, group[0]) for group in before for i in group}
    content = small_store.tables()
    content.rows["clustered"] = [clustered_row(p, labels[p.span.id]) for p in old]
    small_store.write(tmp_path / "store", content)
    with Store.open(str(tmp_path / "store")) as store:
        found = regrouped(new, store, lambda ids: {}, cells, bounds=bounds)
    at_once = {tuple(group) for group in grouped([*old, *new], cells.get(name), bounds)}
    as_they_were = {tuple(group) for group in before}
    assert set(found.groups) == at_once - as_they_were
    assert found.groups
    assert not found.kept_for
    assert {p.span.id for p in new} == set(found.new)
    now = labels | {row["span_id"]: row["group_id"] for row in found.rows}
    by_label: dict[str, list[str]] = {}
    for identifier, label in sorted(now.items()):
        by_label.setdefault(label, []).append(identifier)
    assert {tuple(group) for group in by_label.values()} == at_once
    shapes = {row["span_id"]: unpacked(row["shape"]) for row in found.rows}
    for one in (*old, *new):
        if one.span.id in shapes:
            assert off_grid(shapes[one.span.id]).tobytes() == one.shape_vector


def test_a_duplicate_of_what_is_there_stays_out_or_takes_its_place(tmp_path: Path) -> None:
    small_store.write(tmp_path / "store")
    with Store.open(str(tmp_path / "store")) as store:

        def restore(ids: Collection[str]) -> Mapping[str, Proposal]:
            return recut_proposals(store, ids)

        (row, *_) = store.rows("SELECT span_id FROM spans ORDER BY 1")
        known = restore([row["span_id"]])[row["span_id"]]
        known = replace(known, shape_vector=known.vector)
        later, earlier = (replace(known, span=replace(known.span, id=i * 32)) for i in ("f", "0"))
        found = regrouped([later], store, restore, {})
        assert (found.groups, dict(found.new), found.rows) == ((), {}, ())
        assert found.kept_for == {later.span.id: known.span.id}
        assert [r.record_id for r in found.rejected] == [later.span.id]
        found = regrouped([earlier], store, restore, {})
        assert found.out == {known.span.id}
        assert found.kept_for == {known.span.id: earlier.span.id}
        around = touched(found, store, restore)
        assert set(around.out) == {known.span.id}
        spans = {p.span.id for group in around.groups for p in group}
        assert earlier.span.id in spans
        assert known.span.id not in spans
        (entry,) = around.entries
        founders = store.rows(
            "SELECT procedure_id, variants FROM procedures UNION ALL BY NAME "
            "SELECT procedure_id, variants FROM candidates"
        )
        assert entry in {f["procedure_id"] for f in founders}


def test_what_hangs_together_is_touched_together(tmp_path: Path) -> None:
    content = small_store.tables()
    # Of an entry of several spans one is in a group of its own.
    entry = next(row for row in content.rows["procedures"] if len(row["provenance"]) > 1)
    spans = {p["span_id"] for p in entry["provenance"]}
    moved = min(spans)
    for row in content.rows["clustered"]:
        if row["span_id"] == moved:
            row["group_id"] = content_id("group", "alone")
    small_store.write(tmp_path / "store", content)
    with Store.open(str(tmp_path / "store")) as store:

        def restore(ids: Collection[str]) -> Mapping[str, Proposal]:
            return recut_proposals(store, ids)

        found = regrouped([], store, restore, {})
        assert found.groups == ()
        assert touched(found, store, restore) == Touched((), frozenset(), {}, {}, {})
        around = touched(found, store, restore, [moved])
        assert around.entries == {entry["procedure_id"]}
        assert {p.span.id for group in around.groups for p in group} >= spans
        assert len(around.groups) == 2
        assert around.before.keys() >= spans
        told = {v["variant_id"] for v in entry["variants"]}
        assert around.replays.keys() == told
