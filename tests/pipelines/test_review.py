"""review: what is in quarantine is listed with its evidence, and leaves it only by a decision."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import small_store

from tracemine.pipelines.cli import main
from tracemine.pipelines.lifecycle_options import VerifyOptions
from tracemine.pipelines.review import _last_words
from tracemine.pipelines.verify import run_verify
from tracemine.schemas import encode
from tracemine.store import Store, fsck
from tracemine.teachers.scripted import ScriptedServer

REMAINING = small_store.ROUTINES[0]


@pytest.fixture(scope="module")
def fallen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of which one entry is in quarantine: an instance that it passed on says another
    result by now."""
    path = tmp_path_factory.mktemp("fallen") / "store"
    made = small_store.tables()
    for row in made.rows["instances"]:
        if json.loads(row["bindings"]) == {"spent": 8, "total": 50}:
            row["result"] = encode(41)
    small_store.write(path, made)
    assert run_verify(VerifyOptions(str(path), as_of="2025-08-01"))["failures"] == 1
    return path


@pytest.fixture
def store(fallen: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(fallen, tmp_path / "store"))


def entry(store: Path) -> Any:
    with Store.open(str(store)) as opened:
        (row,) = opened.rows(
            "SELECT procedure_id FROM procedures WHERE subquestion = ?", [REMAINING.subquestion]
        )
        return opened.get(row["procedure_id"])


def run(capsys: pytest.CaptureFixture[str], store: Path, *arguments: str) -> tuple[int, Any, str]:
    capsys.readouterr()
    status = main(["review", "--store", str(store), *arguments])
    said = capsys.readouterr()
    return status, json.loads(said.out) if "--json" in arguments else said.out, said.err


DECIDED = ("--who", "ada", "--why", "the result was wrong", "--as-of", "2025-09-01", "--json")


def test_what_is_in_quarantine_is_listed_with_what_failed(
    fallen: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, found, _ = run(capsys, fallen, "--json")
    (one,) = found["quarantined"]
    assert (status, one["procedure_id"], one["rule"]) == (
        0, entry(fallen).procedure.procedure_id, "regression",
    )  # fmt: skip
    assert (one["since"], one["review"]) == ("2025-08-01T00:00:00+00:00", None)
    (failing,) = one["failing"]
    assert failing["passed_before"]
    assert (failing["bindings"], failing["expected"]) == ({"spent": 8, "total": 50}, 41)
    _, text, _ = run(capsys, fallen)
    assert 'passed before, now fail: {"spent": 8, "total": 50}  expected 41' in text
    assert "def remaining" in text


def test_what_is_accepted_is_served_again_and_stays_so_when_it_is_verified(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    identifier = entry(store).procedure.procedure_id
    status, found, _ = run(capsys, store, "--accept", identifier[:8], *DECIDED)
    # Two problems are left of three, so it is no longer canonical.
    assert (status, found["accepted"], found["status"]) == (
        0, [identifier], {identifier: "verified"},
    )  # fmt: skip
    accepted = entry(store)
    event = accepted.events[-1]
    assert (event.from_status, event.to_status, event.rule, event.snapshot) == (
        "quarantined", "verified", "review: accepted", "000003",
    )  # fmt: skip
    assert json.loads(event.evidence) == {"who": "ada", "why": "the result was wrong"}
    assert accepted.procedure.last_verified == "2025-09-01T00:00:00+00:00"
    assert run_verify(VerifyOptions(str(store), as_of="2025-10-01"))["failures"] == 0
    assert entry(store).procedure.status == "verified"
    assert fsck(str(store)) == []


def test_what_is_accepted_though_too_little_passes_waits_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, made = tmp_path / "store", small_store.tables()
    for row in made.rows["instances"]:
        if set(json.loads(row["bindings"])) == {"spent", "total"}:
            row["result"] = encode(99)
    small_store.write(store, made)
    assert run_verify(VerifyOptions(str(store), as_of="2025-08-01"))["failures"] > 1
    identifier = entry(store).procedure.procedure_id
    status, found, said = run(capsys, store, "--accept", identifier, *DECIDED)
    assert (status, found["status"]) == (0, {identifier: "candidate"})
    assert "waits as a candidate, which is not served" in said
    assert fsck(str(store)) == []


def test_what_is_rejected_stays_and_is_listed_as_decided(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    identifier = entry(store).procedure.procedure_id
    _, found, _ = run(capsys, store, "--reject", identifier, *DECIDED)
    assert (found["rejected"], found["status"]) == ([identifier], {identifier: "quarantined"})
    assert entry(store).events[-1].rule == "review: rejected"
    _, listed, _ = run(capsys, store, "--json")
    assert listed["quarantined"][0]["review"]["who"] == "ada"
    assert fsck(str(store)) == []
    # A model is not asked of what somebody has decided on.
    status, found, _ = run(
        capsys, store, "--by", "openai:http://127.0.0.1:9/v1#m", "--as-of", "2025-11-01", "--json"
    )
    assert (status, found["rejected"], found["snapshot"]) == (0, [], "000003")


def test_what_falls_again_at_the_same_time_waits_to_be_decided_on(store: Path) -> None:
    found = entry(store)
    first, at = found.events[-1], "2025-09-01T00:00:00+00:00"
    told = [
        replace(first, from_status="quarantined", rule="review: rejected", at=at),
        replace(first, from_status="quarantined", to_status="verified", at=at),
        replace(first, from_status="verified", at=at),
    ]
    again = replace(found, events=(*found.events, *told))
    assert _last_words(found) == (first, None)
    assert _last_words(replace(found, events=again.events[:-2]))[1] == told[0]
    assert _last_words(again) == (told[2], None)


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [("same", ("accepted", 0)), ("different", ("rejected", 0)), ("undecided", ("undecided", 1))],
)
def test_a_model_judges_the_calls_that_fail(
    store: Path, capsys: pytest.CaptureFixture[str], verdict: str, expected: tuple[str, int]
) -> None:
    identifier = entry(store).procedure.procedure_id
    answer = {
        "problem": f"{REMAINING.subquestion} Case 3.", "schema": "JudgeAnswer",
        "answer": {"reason": "41 was a slip", "verdict": verdict},
    }  # fmt: skip
    with ScriptedServer([answer], model="m") as server:
        by = f"openai:{server.url}#m"
        arguments = ("--by", by, "--as-of", "2025-09-01", "--json")
        status, found, _ = run(capsys, store, *arguments)
    assert (found[expected[0]], status) == ([identifier], expected[1])
    if verdict != "undecided":
        told = json.loads(entry(store).events[-1].evidence)
        assert told == {"who": by, "why": "41 was a slip"}
    else:
        assert entry(store).events[-1].rule == "regression"
        assert found["snapshot"] == "000002"
    assert fsck(str(store)) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--accept", "ID"], "--who"),
        (["--accept", "ID", "--who", "ada"], "--why"),
        (["--accept", "0123456789", "--who", "a", "--why", "b"], "no entry"),
        (["--accept", "OTHER", "--who", "a", "--why", "b"], "in quarantine"),
        (["--accept", "ID", "--reject", "ID", "--who", "a", "--why", "b"], "both"),
        (["--by", "rules"], "openai:URL"),
        (["--by", "openai:http://127.0.0.1:9/v1#m"], "no server"),
        (["--by", "openai:http://127.0.0.1:9/v1#m", "--accept", "ID"], "--by"),
        (["--who", "ada"], "nothing to decide"),
    ],
)
def test_a_wrong_request_is_one_line_and_changes_nothing(
    fallen: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    with Store.open(str(fallen)) as opened:
        (other,) = opened.rows("SELECT procedure_id FROM candidates")
    ids = {"ID": entry(fallen).procedure.procedure_id, "OTHER": other["procedure_id"]}
    given = [ids.get(word, word) for word in arguments]
    status, _, error = run(capsys, fallen, *given, "--as-of", "2025-09-01")
    assert status == 2
    assert says in error
    assert len(error.splitlines()) == 1
    assert sorted(p.name for p in (fallen / "snapshots").iterdir()) == ["000001", "000002"]
