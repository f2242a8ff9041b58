"""mine with a model that is also asked for shapes, to carry routines out, and to judge: over real
HTTP, against a scripted server."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tracemine.pipelines.evaluation.entries import served, unconsolidated, ungated
from tracemine.pipelines.mine import run_mine
from tracemine.pipelines.options import AskingOptions, MineOptions
from tracemine.store import Store
from tracemine.store.fsck import fsck
from tracemine.teachers.scripted import ScriptedServer
from tracemine.transforms.normalise import RULES_SHAPE
from tracemine.transforms.segment import NO_VERIFIER, NOT_REPLAYABLE

sys.path.insert(0, str(Path(__file__).parents[1]))
import independent_check

pytestmark = pytest.mark.slow

#: What there was, what was lost, the price, and the story of it.
STORIES = (
    (50, 12, 3, "Nadia fills {0} jars with plum jam. On the way to market {1} of them break. She "
     "sells every other jar for {2} dollars. What does she earn?"),
    (81, 20, 5, "The bakery's night shift made {0} loaves, but {1} burnt when the oven failed. If "
     "each sound loaf brings {2} dollars, how much money comes in?"),
    (64, 9, 7, "Of the {0} tulips in a grower's cold house, frost took {1}. The rest go at {2} "
     "dollars a stem; find the grower's takings."),
    (37, 16, 11, "A potter throws {0} bowls and {1} crack in the kiln. Determine the income from "
     "the whole ones at {2} dollars apiece."),
    (95, 33, 4, "After a storm a beekeeper has lost {1} of the {0} frames of honey. Her buyer pays "
     "{2} dollars for one frame. Say what she is paid."),
)  # fmt: skip
#: The same steps, in words that are nobody else's.
STEPS = (
    "1. Subtract lost from had.\n2. Multiply by price.",
    "1. Take lost away from had.\n2. Times price is the money.",
    "Find had minus lost; the product of that and price is what comes in.",
    "1. Count what is whole: had less lost.\n2. Give each of them its price.",
    "Remove lost from had, then scale by price.",
)
ONE = STEPS[0]
CODE = "def money(had, lost, price):\n    return (had - lost) * price"
SHAPE = "money from what was left, sold at a price each"


def problem(number: int) -> str:
    had, lost, price, story = STORIES[number]
    return story.format(had, lost, price)


def earned(number: int) -> int:
    had, lost, price, _ = STORIES[number]
    return (had - lost) * price


def trace(number: int) -> str:
    had, lost, price, _ = STORIES[number]
    left = had - lost
    return (
        f"What is whole is {had} - {lost} = {left}. At {price} dollars each that makes "
        f"{left} * {price} = {earned(number)} dollars.\nThe answer is {earned(number)}."
    )


def quote(number: int) -> str:
    return trace(number).split("\n")[0]


def spans(
    number: int, steps: str, *, code: str = "", output: str = "int", result: str = ""
) -> dict[str, Any]:
    """What the model says of a trace."""
    values = dict(zip(("had", "lost", "price"), map(str, STORIES[number][:3]), strict=True))
    span = {
        "quote": quote(number),
        "kind": "procedural",
        "subquestion": "money from what was not lost and a price each",
        "subroutine": steps,
        "summary": "What is left is sold.",
        "inputs": [{"name": name, "type": "int", "unit": ""} for name in values],
        "output": {"name": "money", "type": output, "unit": ""},
        "preconditions": ["everything that is left is sold"],
        "failure_modes": [],
        "code": code,
        "bindings": [{"name": name, "value": value} for name, value in values.items()],
        "result": result or str(earned(number)),
        "tool": "",
    }
    return {"problem": problem(number), "answer": {"spans": [span]}}


def carried(number: int, result: str, steps: str = "") -> dict[str, Any]:
    """What the model gives when it carries ``steps`` (any) out on the values of a problem."""
    return {
        "problem": problem(number),
        "schema": "ReplayAnswer",
        "contains": steps.split("\n")[0],
        "answer": {"steps": "done", "result": result},
    }


def all_right() -> list[dict[str, Any]]:
    return [carried(number, str(earned(number))) for number in range(len(STORIES))]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    lines = []
    for number in range(len(STORIES)):
        answer = str(earned(number))
        row = {"problem": problem(number), "trace": trace(number), "domain": "math"}
        lines.append(json.dumps(row | {"answer": answer, "reference": answer}) + "\n")
    path.write_text("".join(lines))
    return path


def mined(
    rows: Path,
    table: Sequence[Mapping[str, Any]],
    store: str,
    *,
    workers: int = 1,
    known: Path | None = None,
    **asking: Any,
) -> tuple[dict[str, Any], Path, ScriptedServer]:
    """A run's summary, its store, sound by two readers, and the server that it asked."""
    folder = rows.parent / store
    cache = str(rows.parent / "responses")
    with ScriptedServer(table, model="m", logged=100) as server:
        options = MineOptions(
            inputs=(str(rows),),
            store=str(folder),
            teacher=f"openai:{server.url}#m",
            as_of="2026-01-02T03:04:05Z",
            workers=workers,
            known=str(known) if known else None,
            asking=AskingOptions(cache=cache, **asking),
            progress=False,
        )
        summary = run_mine(options)
    assert fsck(str(folder)) == []
    assert list(independent_check.check(folder)) == []
    return summary, folder, server


def replays(store: Path) -> list[dict[str, Any]]:
    return independent_check.rows(store, "replays")


def procedures(summary: Mapping[str, Any]) -> dict[str, int]:
    return {status: count for status, count in summary["procedures"].items() if count}


def asked(server: ScriptedServer, schema: str) -> Iterator[str]:
    """The text of each request for answers of a schema."""
    for logged in server.log:
        body = logged.json()
        if body["response_format"]["json_schema"]["name"] == schema:
            yield "\n".join(message["content"] for message in body["messages"])


TABLE = [spans(number, STEPS[number]) for number in range(len(STORIES))]
ALIKE = [spans(number, ONE) for number in range(len(STORIES))]


def test_words_are_rejected_unless_a_model_carries_them_out(rows: Path) -> None:
    summary, _, server = mined(rows, [*TABLE, *all_right()], "store")
    assert summary["spans"]["rejected"] == {NOT_REPLAYABLE: 5}
    assert server.counts.by_schema == {"SpansAnswer": 5}


def test_words_that_a_model_carries_out_rightly_become_an_entry(rows: Path) -> None:
    summary, store, server = mined(rows, [*TABLE, *all_right()], "store", also=("replay",))
    assert summary["spans"]["kept"] == 5
    assert summary["replays"] == {
        "pass": 20, "fail": 0, "error": 0, "timeout": 0, "unsupported": 0,
    }  # fmt: skip
    assert procedures(summary) == {"canonical": 1}
    assert {row["verifier"] for row in replays(store)} == {"model:m+numeric"}
    assert server.counts.by_schema == {"SpansAnswer": 5, "ReplayAnswer": 20}
    assert summary["usage"]["stages"]["replay"]["m"]["requests"] == 20
    (entry,) = independent_check.rows(store, "procedures")
    assert len(entry["variants"]) == 5
    assert {variant["code"] for variant in entry["variants"]} == {""}
    assert {variant["subroutine"] for variant in entry["variants"]} == set(STEPS)
    assert all(variant["tokens"] > 0 for variant in entry["variants"])


def test_the_model_that_carries_out_never_sees_a_trace(rows: Path) -> None:
    _, _, server = mined(rows, [*TABLE, *all_right()], "store", also=("replay",))
    texts = list(asked(server, "ReplayAnswer"))
    assert len(texts) == 20
    for text in texts:
        assert not any(quote(number) in text for number in range(len(STORIES)))
        assert sum(problem(number) in text for number in range(len(STORIES))) == 1


def test_two_workers_give_the_same_store(rows: Path) -> None:
    table = [*TABLE, *all_right()]
    _, one, _ = mined(rows, table, "one", also=("normalise", "replay"))
    _, two, server = mined(rows, table, "two", workers=2, also=("normalise", "replay"))
    assert server.counts.total == 0
    for name in ("procedures", "candidates", "spans", "instances", "replays", "events"):
        assert independent_check.rows(one, name) == independent_check.rows(two, name)


def test_what_another_store_knows_is_known_by_its_code(rows: Path) -> None:
    code = [spans(number, STEPS[number], code=CODE) for number in range(3)]
    words = [spans(number, STEPS[number]) for number in range(3, 5)]
    table = [*code, *words, *all_right()]
    _, first, _ = mined(rows, table, "first", also=("replay",))
    summary, second, _ = mined(rows, table, "second", known=first, also=("replay",))
    assert summary["known"] == {"left_out": 3, "waiting": 0}
    assert summary["spans"]["duplicates"] == 3
    kept = independent_check.rows(second, "spans")
    assert {row["subroutine"] for row in kept} == set(STEPS[3:])


def test_an_evaluation_leaves_words_out(rows: Path) -> None:
    table = [
        spans(number, STEPS[number], code=CODE if number < 3 else "")
        for number in range(len(STORIES))
    ]
    wrong = [carried(4, "1", STEPS[0]), *table, *all_right()]
    _, store, _ = mined(rows, wrong, "store", also=("replay",))
    opened = Store.open(str(store))
    shelf = served(opened)
    assert len(shelf.entries) == 1
    assert all(entry.routine.code for entry in ungated(opened).entries)
    assert all(entry.routine.code for entry in unconsolidated(opened, shelf).entries)


def test_steps_in_the_same_words_are_one_variant(rows: Path) -> None:
    summary, store, server = mined(rows, [*ALIKE, *all_right()], "store", also=("replay",))
    assert procedures(summary) == {"canonical": 1}
    (entry,) = independent_check.rows(store, "procedures")
    assert len(entry["variants"]) == 1
    assert len(entry["provenance"]) == 5
    assert server.counts.by_schema["ReplayAnswer"] == 4


def test_words_that_give_something_else_are_rejected(rows: Path) -> None:
    wrong = [carried(number, str(earned(number) + 1)) for number in range(len(STORIES))]
    summary, store, _ = mined(rows, [*ALIKE, *wrong], "store", also=("replay",))
    assert summary["spans"]["kept"] == 0
    assert summary["spans"]["rejected"] == {"failed replay": 5}
    assert summary["replays"]["fail"] == 4
    assert {row["verifier"] for row in replays(store)} == {"model:m+numeric"}


def test_one_wrong_wording_of_several_is_no_part_of_the_entry(rows: Path) -> None:
    wrong = [carried(number, "7", STEPS[4]) for number in range(len(STORIES))]
    summary, store, _ = mined(rows, [*wrong, *TABLE, *all_right()], "store", also=("replay",))
    assert procedures(summary) == {"candidate": 1, "canonical": 1}
    (entry,) = independent_check.rows(store, "procedures")
    assert STEPS[4] not in {variant["subroutine"] for variant in entry["variants"]}
    (waiting,) = independent_check.rows(store, "candidates")
    assert (waiting["variants"][0]["passes"], waiting["variants"][0]["attempts"]) == (0, 4)


def test_steps_that_cannot_be_carried_out_speak_against_them(rows: Path) -> None:
    nothing = [carried(number, "") for number in range(len(STORIES))]
    summary, _, _ = mined(rows, [*ALIKE, *nothing], "store", also=("replay",))
    assert summary["replays"]["error"] == 4
    assert procedures(summary) == {}


def test_code_and_words_are_two_entries(rows: Path) -> None:
    table = [
        spans(number, STEPS[number], code=CODE if number < 3 else "")
        for number in range(len(STORIES))
    ]
    summary, store, server = mined(rows, [*table, *all_right()], "store", also=("replay",))
    entries = independent_check.rows(store, "procedures")
    by_code = {bool(entry["variants"][0]["code"]): entry for entry in entries}
    assert summary["spans"]["kept"] == 5
    assert len(entries) == 2
    # Code is judged by instances of code alone, as it is without the model's help.
    (code,) = by_code[True]["variants"]
    assert (code["passes"], code["attempts"]) == (2, 2)
    assert {(v["passes"], v["attempts"]) for v in by_code[False]["variants"]} == {(4, 4)}
    assert server.counts.by_schema["ReplayAnswer"] == 8


def test_a_budget_that_is_spent_half_way_refutes_nothing(rows: Path) -> None:
    table = [*TABLE, *all_right()]
    summary, store, server = mined(
        rows, table, "first", also=("normalise", "replay"), max_requests=13
    )
    assert server.counts.total == 13
    # Five traces, one shape (all ask the same), and seven of twenty attempts.
    assert summary["replays"]["unsupported"] == 13
    assert summary["replays"]["pass"] == 7
    assert summary["replays"]["fail"] == summary["replays"]["error"] == 0
    assert summary["spans"]["kept"] == 5
    unsaid = [row for row in replays(store) if row["verdict"] == "unsupported"]
    assert {row["verifier"] for row in unsaid} == {"model:m"}
    assert all("budget" in row["reason"] for row in unsaid)
    # The next run pays only for what is left, and ends as one without limits does.
    again, second, server = mined(rows, table, "second", also=("normalise", "replay"))
    assert server.counts.total == 13
    third, third_store, server = mined(rows, table, "third", also=("normalise", "replay"))
    assert server.counts.total == 0
    assert again["replays"] == third["replays"]
    assert again["replays"]["pass"] == 20
    for name in ("procedures", "spans", "replays", "events"):
        assert independent_check.rows(second, name) == independent_check.rows(third_store, name)


def test_a_model_gives_shapes_before_anything_is_clustered(rows: Path) -> None:
    table = [spans(n, STEPS[n], code=CODE) for n in range(len(STORIES))]
    asked_for = table[0]["answer"]["spans"][0]["subquestion"]
    shaped = {"problem": asked_for, "schema": "ShapeAnswer", "answer": {"shape": SHAPE}}
    summary, store, server = mined(rows, [*table, shaped], "store", also=("normalise",))
    assert {row["shape"] for row in independent_check.rows(store, "spans")} == {SHAPE}
    assert server.counts.by_schema == {"SpansAnswer": 5, "ShapeAnswer": 1}
    assert summary["notes"] == {}
    assert summary["usage"]["stages"]["normalise"]["m"]["attempts"] == 1


def test_shapes_that_a_model_cannot_give_are_those_of_the_rules(rows: Path) -> None:
    table = [spans(n, STEPS[n], code=CODE) for n in range(len(STORIES))]
    plain, plain_store, _ = mined(rows, table, "plain")
    summary, store, _ = mined(rows, table, "store", also=("normalise",), max_requests=0)
    assert summary["notes"] == {RULES_SHAPE: 5}
    assert summary["procedures"] == plain["procedures"]
    shapes = [
        sorted(row["shape"] for row in independent_check.rows(each, "spans"))
        for each in (store, plain_store)
    ]
    assert shapes[0] == shapes[1]


def judgement(number: int, verdict: str) -> dict[str, Any]:
    return {
        "problem": problem(number),
        "schema": "JudgeAnswer",
        "answer": {"reason": "the same sum", "verdict": verdict},
    }


def any_typed() -> list[dict[str, Any]]:
    """Results of a type that no verifier compares, given back in other words."""
    rows = [spans(n, ONE, output="any") for n in range(len(STORIES))]
    return rows + [carried(n, f"{earned(n)} dollars in all") for n in range(len(STORIES))]


def test_what_no_verifier_can_decide_is_rejected_without_a_judge(rows: Path) -> None:
    summary, _, _ = mined(rows, any_typed(), "store", also=("replay",))
    assert summary["spans"]["rejected"] == {NO_VERIFIER: 5}


def test_judged_passes_let_in_and_never_make_canonical(rows: Path) -> None:
    table = [*any_typed(), *(judgement(n, "same") for n in range(len(STORIES)))]
    summary, store, server = mined(rows, table, "store", also=("replay", "judge"))
    assert server.counts.by_schema["JudgeAnswer"] == 4
    assert summary["replays"]["pass"] == 4
    assert {row["verifier"] for row in replays(store)} == {"model:m+judge"}
    assert procedures(summary) == {"verified": 1}
    (event,) = independent_check.rows(store, "events")
    assert json.loads(event["evidence"]) == {
        "passed": 4, "distinct_problems": 4, "judged_problems": 4,
    }  # fmt: skip
    assert independent_check.rows(store, "procedures")[0]["verifier"] == "judge"


@pytest.mark.parametrize(
    ("verdict", "counted"), [("different", "fail"), ("undecided", "unsupported")]
)
def test_a_judge_may_say_no_or_nothing(rows: Path, verdict: str, counted: str) -> None:
    table = [*any_typed(), *(judgement(n, verdict) for n in range(len(STORIES)))]
    summary, _, _ = mined(rows, table, "store", also=("replay", "judge"))
    assert summary["replays"][counted] == 4
    assert summary["procedures"]["verified"] == summary["procedures"]["canonical"] == 0


def test_words_are_found_and_not_run_on_a_callers_values(rows: Path) -> None:
    _, path, _ = mined(rows, [*TABLE, *all_right()], "store", also=("replay",))
    store = Store.open(str(path))
    query = "money from what was not lost"
    (hit,) = store.search(query)
    assert hit.variant.code == ""
    assert hit.variant.subroutine in STEPS
    (tried,) = store.search(query, bindings={"had": 10, "lost": 4, "price": 2})
    assert tried.procedure_id == hit.procedure_id
    assert tried.roles == {"had": "had", "lost": "lost", "price": "price"}
    assert (tried.gives, tried.unchecked) == (None, True)
    assert "in words" in tried.gives_not
    entry = store.get(hit.procedure_id)
    assert entry is not None
    assert {evidence.replay.verifier for evidence in entry.evidence} == {"model:m+numeric"}
