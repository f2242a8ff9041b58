"""The funnel adds up, by source and in all, whatever left the line where."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tracemine.pipelines import cli
from tracemine.pipelines.reporting.charts import VERMILION
from tracemine.pipelines.reporting.entries import CHUNK, Lines, read_entries
from tracemine.pipelines.reporting.flows import span_flow, trajectory_flow
from tracemine.pipelines.reporting.funnel import NO_SOURCE, WINDOW, Funnel, funnel
from tracemine.pipelines.reporting.offenders import losing_sources, losing_teachers
from tracemine.schemas import content_id
from tracemine.store import Store
from tracemine.transforms.admit import HELD_OUT

sys.path.insert(0, str(Path(__file__).parents[2]))
import small_store

#: More reasons and sources than a flow draws.
REASONS, SOURCES = 30, 14


def rejected(stage: str, reason: str, record: dict[str, Any], fate: str = "rejected") -> Any:
    return {
        "stage": stage, "reason": reason, "record_id": content_id(stage, reason, record),
        "record": json.dumps(record), "detail": "", "fate": fate,
    }  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = small_store.tables()
    trajectories = [row["trajectory_id"] for row in made.rows["trajectories"]]
    gone = made.rows["rejected"] = []
    for n in range(SOURCES):
        gone.append(rejected("read", "not an object", {"file": f"{n}.jsonl", "row": 1}, "failed"))
        for fate, reason in (("rejected", "wrong"), ("rejected", HELD_OUT), ("duplicate", "twice")):
            sources = [{"dataset": f"{n}.jsonl"}, {"dataset": "another.jsonl"}]
            gone.append(rejected("admit", reason, {"sources": sources}, fate))
    for n in range(9):
        for stage in ("route", "ground"):
            gone.append(rejected(stage, "the same", {"trajectory_id": trajectories[0], "n": n}))
    for n in range(REASONS):
        for trajectory in trajectories[: n % 3 + 1]:
            gone.append(rejected("segment", f"reason {n}", {"trajectory_id": trajectory}))
    gone.append(rejected("segment", "no answer", {"trajectory_id": trajectories[0]}, "failed"))
    gone.append(rejected("admit", "wrong", {}))
    made.rows["handoff"] = [
        {**made.rows["spans"][0], "span_id": content_id("handed"), "kind": "tool", "tool": "",
         "tool_id": None, "slots": None, "output": None}
    ]  # fmt: skip
    path = tmp_path_factory.mktemp("funnel") / "store"
    small_store.write(path, made)
    return Store.open(str(path))


@pytest.fixture(scope="module")
def found(store: Store) -> Funnel:
    return funnel(store)


def test_what_came_in_went_somewhere(store: Store, found: Funnel) -> None:
    for unit, came_in, went_on in (
        ("trajectory", found.read, found.admitted),
        ("span", found.segmented, found.kept),
    ):
        for source in found.sources:
            lost = sum(loss.by_source.get(source, 0) for loss in found.of(unit))
            assert came_in.get(source, 0) == went_on.get(source, 0) + lost
    rows = store.rows("SELECT count(*) AS n FROM rejected")[0]["n"]
    assert sum(loss.total for loss in found.losses) == rows + 1
    assert [loss.total for loss in found.of(WINDOW)] == [1]
    assert found.read[NO_SOURCE] == 1
    kept = Counter({source: n for source, n in found.kept.items() if n})
    assert sum((Counter(of) for of in found.resting.values()), Counter()) == kept


def test_a_flow_draws_all_and_its_numbers_name_all(found: Funnel) -> None:
    for unit, chart, total in (
        ("trajectory", trajectory_flow(found), sum(found.read.values())),
        ("span", span_flow(found), sum(found.segmented.values())),
    ):
        assert chart.figure is not None
        (sankey,) = chart.figure["data"]
        assert sum(sankey["link"]["value"]) == total
        assert len(sankey["node"]["label"]) < 25
        head, *ends = chart.rows
        assert head[1] == total == sum(row[1] for row in ends)
        assert chart.columns[2:] == found.sources
        red = {n for n, colour in enumerate(sankey["node"]["color"]) if colour == VERMILION}
        links = zip(sankey["link"]["target"], sankey["link"]["value"], strict=True)
        losses = [one for one in found.of(unit) if one.is_loss]
        lost = sum(sum(one.by_source.values()) for one in losses)
        assert sum(value for target, value in links if target in red) == lost
    named = {row[0] for row in span_flow(found).rows}
    assert {f"reason {n}" for n in range(REASONS)} <= named


def test_what_was_asked_for_is_no_loss(found: Funnel) -> None:
    losing = {one.name: one for one in losing_sources(found)}
    one = losing["0.jsonl"]
    assert (one.brought, one.lost) == (4, 2)
    assert one.reason in ("wrong", "not an object")


def test_runs_that_are_not_kept_are_known_to_have_been(store: Store, tmp_path: Path) -> None:
    teachers, cut = losing_teachers([store])
    assert ([one.name for one in teachers], cut > 0) == (["rules@1"], True)
    path = tmp_path / "store"
    # As after gc: the run that is left has added nothing.
    small_store.write(path, ledger={"spans": {"segmented": 0}})
    assert losing_teachers([Store.open(str(path))]) == ([], 0)
    assert cli.main(["report", "--store", str(path), "--out", str(tmp_path / "out")]) == 0
    told = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "of the spans are no longer kept" in told
    assert "None cut anything" not in told


def test_an_entry_that_fell_says_what_passed_before(tmp_path: Path) -> None:
    made = small_store.tables()
    row = next(r for r in made.rows["procedures"] if "average" in r["subquestion"])
    row["status"] = "quarantined"
    replay = next(r for r in made.rows["replays"] if r["verdict"] == "fail")
    first = [{"variant": replay["variant_id"], "instance": replay["instance_id"], "now": "fail"}]
    event = next(e for e in made.rows["events"] if e["procedure_id"] == row["procedure_id"])
    fell = {"from": "verified", "to": "quarantined", "rule": "regression"}
    made.rows["events"].append(event | fell | {"evidence": json.dumps({"first": first})})
    small_store.write(tmp_path, made)
    chunks = read_entries(Store.open(str(tmp_path)), Lines())
    entry = next(e for chunk in chunks for e in chunk if e["id"] == row["procedure_id"])
    told = [one[0] for one in entry["variants"][0]["replays"]]
    assert told == ["fail: passed before, fails now", "pass", "pass"]


def test_a_line_for_each_entry_and_each_in_its_chunk(store: Store) -> None:
    lines = Lines()
    entries = [entry for chunk in read_entries(store, lines) for entry in chunk]
    assert [entry["id"] for entry in entries] == lines.columns["id"] == sorted(lines.columns["id"])
    assert len(entries) == len(small_store.ROUTINES) < CHUNK
    rates = dict(zip(lines.columns["subquestion"], lines.columns["rate"], strict=True))
    assert rates["How fast does the train go?"] is None
    assert rates["What is the average of the values?"] == pytest.approx(2 / 3, abs=1e-3)
    average = next(e for e in entries if e["variants"][0]["entry_point"] == "average")
    (variant,) = average["variants"]
    assert variant["verdicts"] == {"fail": 1, "pass": 2}
    assert [row[0] for row in variant["replays"]] == ["fail", "pass", "pass"]
    assert [event[2] for event in average["events"]] == ["verified"]
