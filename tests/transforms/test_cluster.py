"""Candidate groups on a runner: duplicates, small and large classes, cells that are kept."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest

from tracemine.pipelines.runner import make_runner, pipeline_options
from tracemine.schemas import Parameter, Signature, Source, Span, content_id
from tracemine.store.cells import CELLS_FILE, on_grid, read_cells
from tracemine.store.embedder import to_grid
from tracemine.transforms.candidates import candidate_groups, trained
from tracemine.transforms.cluster import Cluster, compatibility_class
from tracemine.transforms.partition import Bounds
from tracemine.transforms.segment import Proposal
from tracemine.transforms.stage import REJECTED

SMALL = Bounds(rows=50, cell_rows=16, cells_per_row=3, training_rows=120)
WORKERS = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")


def proposals(count: int, arity: int, seed: int) -> list[Proposal]:
    """Spans of one class, by fours about one direction each."""
    generator = np.random.default_rng(seed)
    points = np.repeat(generator.normal(size=(-(-count // 4), 24)), 4, axis=0)[:count]
    points = points + 0.4 * generator.normal(size=points.shape)
    vectors = to_grid(points / np.linalg.norm(points, axis=1, keepdims=True))
    inputs = tuple(Parameter(f"p{number}", "int") for number in range(arity))
    span = Span(
        id="", trajectory_id="t", problem_id="", start=0, end=20, quote="x" * 20,
        subquestion="what is left", subroutine="1. Subtract.", summary="left",
        code="def left(a):\n    return a", entry_point="left",
        signature=Signature(inputs, Parameter("left", "int")), preconditions=("numbers",),
        predicates=(), failure_modes=(), kind="procedural", domain="math", teacher="rules@1",
        verifier="numeric", shape="what is left", instances=(),
    )  # fmt: skip
    return [
        Proposal(
            replace(
                span,
                id=content_id("span", arity, number),
                problem_id=content_id("problem", arity, number),
            ),
            Source("d", number),
            b"",
            tokens=3,
            shape_vector=vector.tobytes(),
        )
        for number, vector in enumerate(vectors)
    ]


def duplicates_of(proposal: Proposal, count: int) -> list[Proposal]:
    """``count`` more of the same, with later ids."""
    return [
        replace(proposal, span=replace(proposal.span, id=f"z{number:04d}"))
        for number in range(count)
    ]


def run(
    records: list[Proposal], folder: Path, *arguments: str
) -> tuple[list[list[str]], list[tuple[str, str]]]:
    """The ids of each group, and the id and detail of what was rejected."""
    options = pipeline_options(list(arguments))
    with beam.Pipeline(runner=make_runner(options), options=options) as pipeline:
        outputs = pipeline | beam.Create(records) | Cluster(str(folder), bounds=SMALL)
        found = {
            "groups": outputs["groups"]
            | beam.FlatMapTuple(lambda _, groups: [[p.span.id for p in g] for g in groups]),
            "gone": outputs[REJECTED] | beam.Map(lambda r: (r.record_id, r.detail)),
        }
        for name, values in found.items():
            whole = values | f"All {name}" >> beam.combiners.ToList()
            # Workers cannot import this module; a lambda comes with its code.
            whole | f"Write {name}" >> beam.Map(
                lambda rows, path: Path(path).write_text(json.dumps(rows)), str(folder / name)
            )
    groups, gone = (json.loads((folder / name).read_text()) for name in found)
    return sorted(groups), sorted(map(tuple, gone))


def expected(records: list[Proposal]) -> list[list[str]]:
    ids = [p.span.id for p in records]
    vectors = np.stack([np.frombuffer(p.shape_vector, np.float32) for p in records])
    name = compatibility_class(records[0].span)
    return [[ids[row] for row in rows] for rows in candidate_groups(name, ids, vectors, SMALL)]


@pytest.mark.parametrize("arguments", [(), WORKERS], ids=["one", "two workers"])
def test_a_runner_gives_what_one_process_gives_and_keeps_the_cells(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    small, large = proposals(40, 1, seed=1), proposals(400, 2, seed=2)
    records = [*small, *large]
    random.Random(3).shuffle(records)
    groups, gone = run(records, tmp_path, *arguments)
    assert groups == sorted(expected(small) + expected(large))
    assert gone == []
    assert max(map(len, groups)) <= SMALL.rows
    kept = read_cells(str(tmp_path / CELLS_FILE))
    name = compatibility_class(large[0].span)
    assert list(kept) == [name]
    grid = on_grid(np.stack([np.frombuffer(p.shape_vector, np.float32) for p in large]))
    cells = trained([p.span.id for p in large], grid, SMALL)
    assert np.array_equal(kept[name].nearest(grid, 3), cells.nearest(grid, 3))


@pytest.mark.parametrize("copies", [3, 70])
def test_the_least_of_duplicates_stays(copies: int, tmp_path: Path) -> None:
    """Also where there are more of them than a key may hold."""
    records = proposals(8, 1, seed=4)
    again = duplicates_of(records[5], copies)
    groups, gone = run([*again, *records], tmp_path)
    assert sorted(row for group in groups for row in group) == sorted(p.span.id for p in records)
    kept = f"(kept {records[5].span.id} of d row 5)"
    assert [row for row, _ in gone] == [p.span.id for p in again]
    assert all(detail.endswith(kept) for _, detail in gone)


def test_no_large_class_leaves_an_empty_file_of_cells(tmp_path: Path) -> None:
    run(proposals(5, 1, seed=5), tmp_path)
    assert read_cells(str(tmp_path / CELLS_FILE)) == {}


@pytest.mark.parametrize("others", [5, 200])
def test_of_two_spans_with_one_id_one_stays_whatever_their_order(
    others: int, tmp_path: Path
) -> None:
    """In a small class and in a large one."""
    records = proposals(others, 1, seed=6)
    twin = replace(records[0], span=replace(records[0].span, subquestion="what remains"))
    found = []
    for order in ([*records, twin], [twin, *reversed(records)]):
        folder = tmp_path / str(len(found))
        folder.mkdir()
        found.append(run(order, folder))
    assert found[0] == found[1]
    groups, gone = found[0]
    assert sorted(row for group in groups for row in group) == sorted(p.span.id for p in records)
    assert [row for row, _ in gone] == [twin.span.id]
