"""verify: replayed again, on a store of four entries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import small_store

from tracemine.pipelines.cli import main
from tracemine.pipelines.lifecycle_options import MergeOptions, VerifyOptions
from tracemine.pipelines.merge import run_merge
from tracemine.pipelines.verify import run_verify
from tracemine.schemas import encode
from tracemine.store import RequestError, Store, fsck
from tracemine.store.versions import deciding_versions, replayed_since

LATER = "2025-09-01T00:00:00+00:00"
REMAINING, AVERAGE, _, REVERSE = (r.subquestion for r in small_store.ROUTINES)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def verify(store: Path, **asked: Any) -> dict[str, Any]:
    found = run_verify(VerifyOptions(str(store), **{"as_of": LATER, **asked}))
    assert fsck(str(store)) == []
    return found


def entries(store: Path) -> dict[str, Any]:
    with Store.open(str(store)) as opened:
        ids = opened.rows(
            "SELECT procedure_id FROM procedures UNION ALL SELECT procedure_id FROM candidates"
        )
        found = [opened.get(row["procedure_id"]) for row in ids]
    return {e.procedure.subquestion: e for e in found if e}


def rules(entry: Any) -> list[tuple[str, str]]:
    return [(event.to_status, event.rule) for event in entry.events]


def change_result(made: small_store.Tables, variant: str, number: int, result: Any) -> None:
    """Let an instance that a variant passed on have another result: as if what compared them had
    been wrong."""
    passed = sorted(
        r["instance_id"]
        for r in made.rows["replays"]
        if r["variant_id"] == variant and r["verdict"] == "pass"
    )
    (row,) = (r for r in made.rows["instances"] if r["instance_id"] == passed[number])
    row["result"] = encode(result)


def importing(made: small_store.Tables, library: str) -> None:
    """Let the routine of `REVERSE` import a library."""
    for row in [*made.rows["spans"], *made.rows["procedures"]]:
        for one in row.get("variants", [row]):
            if "def reverse" in one["code"]:
                one["code"] = one["code"].replace(
                    "    words", f"    import {library}\n    words", 1
                )


def variant_of(made: small_store.Tables, subquestion: str) -> str:
    rows = [*made.rows["procedures"], *made.rows["candidates"]]
    (row,) = (r for r in rows if r["subquestion"] == subquestion)
    return str(row["variants"][0]["variant_id"])


def test_a_sound_store_stays_as_it_is_and_says_when_it_was_verified(store: Path) -> None:
    small_store.write(store)
    before = entries(store)
    found = verify(store)
    assert (found["snapshot"], found["replayed"], found["failures"]) == ("000002", 3, 0)
    assert found["changes"] == {}
    assert found["drift"]["month"] == {
        "2025-06": {"entries": 3, "calls": 8, "rate_before": 0.875, "rate_now": 0.875}
    }
    assert {name: d["calls"] for name, d in found["drift"]["domain"].items()} == {
        "math": 6, "code": 2,
    }  # fmt: skip
    for name, entry in entries(store).items():
        expected = before[name].procedure
        if expected.status != "candidate":
            assert entry.procedure.last_verified == LATER
        assert entry.procedure.status == expected.status
        assert entry.procedure.variants == expected.variants
        assert entry.events == before[name].events
        calls = [(e.replay.instance_id, e.replay.verdict) for e in entry.evidence]
        assert calls == [(e.replay.instance_id, e.replay.verdict) for e in before[name].evidence]


def test_what_passed_and_now_fails_is_quarantined_with_what_failed(store: Path) -> None:
    made = small_store.tables()
    change_result(made, variant_of(made, REMAINING), 0, 16)
    small_store.write(store, made)
    assert verify(store)["failures"] == 1
    entry = entries(store)[REMAINING]
    assert entry.procedure.status == "quarantined"
    assert entry.procedure.last_verified == small_store.AS_OF
    event = entry.events[-1]
    assert (event.from_status, event.rule, event.at, event.snapshot) == (
        "canonical", "regression", LATER, "000002",
    )  # fmt: skip
    told = json.loads(event.evidence)
    assert told["failures"] == 1
    assert told["first"][0]["now"] == "fail"
    (variant,) = entry.procedure.variants
    assert (variant.passes, variant.attempts) == (2, 3)
    # Search no longer gives it, and nothing but a review lets it out.
    with Store.open(str(store)) as opened:
        assert REMAINING not in [h.subquestion for h in opened.search(REMAINING)]
    assert verify(store, status=("quarantined",))["changes"] == {}
    assert entries(store)[REMAINING].procedure.status == "quarantined"


def test_what_a_model_mostly_fails_at_is_quarantined_by_its_rate(store: Path) -> None:
    made = small_store.tables()
    # As a routine in words, which a model has carried out: two passes of three.
    (entry,) = (r for r in made.rows["procedures"] if r["subquestion"] == AVERAGE)
    (variant,) = entry["variants"]
    for row in made.rows["spans"]:
        if row["span_id"] == variant["span_id"]:
            row |= {"code": None, "entry_point": None}
    variant |= {"code": "", "entry_point": ""}
    for row in made.rows["replays"]:
        if row["variant_id"] == variant["variant_id"]:
            row["verifier"] = "model:tiny"
    small_store.write(store, made)
    policy = store / "policy.toml"
    policy.write_text(policy.read_text().replace("demote_rate = 0.5", "demote_rate = 0.9"))
    found = verify(store)
    assert found["changes"] == {"verified -> quarantined (demote_rate)": 1}
    assert json.loads(entries(store)[AVERAGE].events[-1].evidence) == {"attempts": 3, "passes": 2}


def test_what_failed_and_now_passes_counts(store: Path) -> None:
    made = small_store.tables()
    (row,) = (r for r in made.rows["replays"] if r["verdict"] == "fail")
    (instance,) = (i for i in made.rows["instances"] if i["instance_id"] == row["instance_id"])
    instance["result"] = encode(3)
    small_store.write(store, made)
    found = verify(store)
    assert found["changes"] == {"verified -> canonical (promote_after)": 1}
    entry = entries(store)[AVERAGE]
    assert (entry.procedure.success_rate, entry.procedure.distinct_problems) == (1.0, 3)


def test_too_little_evidence_left_is_a_candidate_again(store: Path) -> None:
    made = small_store.tables()
    # A precondition that does not hold any more: nothing fails, and nothing is shown either.
    for row in made.rows["spans"]:
        if row["subquestion"] == REVERSE:
            row["predicates"] = ["len(text) < 2"]
    small_store.write(store, made)
    found = verify(store)
    assert found["failures"] == 0
    entry = entries(store)[REVERSE]
    assert rules(entry)[-1] == ("candidate", "below min_replays")
    assert entry.procedure.status == "candidate"


def test_what_cannot_be_run_here_is_neither_refuted_nor_verified(store: Path) -> None:
    made = small_store.tables()
    importing(made, "nobody_has_this")
    small_store.write(store, made)
    assert verify(store, status=("verified",))["undecided"] == 2
    entry = entries(store)[REVERSE]
    assert entry.procedure.status == "verified"
    assert entry.procedure.last_verified == small_store.AS_OF


def test_code_expires_with_a_library_and_is_flagged_until_it_is_verified_again(
    store: Path,
) -> None:
    made = small_store.tables()
    importing(made, "numpy")
    (row,) = (r for r in made.rows["procedures"] if r["subquestion"] == REVERSE)
    row["libraries"] = [{"name": "numpy", "version": "0.9.1"}]
    small_store.write(store, made)
    assert verify(store, sample=0)["changes"] == {"verified -> expired (expiry_libraries)": 1}
    entry = entries(store)[REVERSE]
    assert json.loads(entry.events[-1].evidence)["changed"][0]["verified_with"] == "0.9.1"
    with Store.open(str(store)) as opened:
        flagged = {h.subquestion: h.expired for h in opened.search(REVERSE)}
    assert flagged == {REVERSE: True, REMAINING: False, AVERAGE: False}
    # Of a sample what is out of date comes first.
    assert verify(store, sample=1)["changes"] == {"expired -> verified (verified again)": 1}
    entry = entries(store)[REVERSE]
    assert (entry.procedure.status, entry.procedure.last_verified) == ("verified", LATER)


def test_of_a_sample_what_is_due_comes_first(store: Path) -> None:
    made = small_store.tables()
    ids = sorted(row["procedure_id"] for row in made.rows["procedures"])
    for due in ids:
        for row in made.rows["procedures"]:
            row["expires_at"] = "2025-08-01T00:00:00+00:00" if row["procedure_id"] == due else None
        path = store.parent / due
        small_store.write(path, made)
        found = verify(path, sample=1)
        assert (found["replayed"], found["changes"]) == (1, {})
        told = {e.procedure.procedure_id: e.procedure for e in entries(path).values()}
        assert told[due].last_verified == LATER


def test_where_nothing_is_done_nothing_is_published(store: Path) -> None:
    small_store.write(store)
    found = verify(store, sample=0)
    assert (found["snapshot"], found["as_of"], found["replayed"]) == (
        "000001", small_store.AS_OF, 0,
    )  # fmt: skip
    assert [path.name for path in (store / "snapshots").iterdir()] == ["000001"]


def test_a_stricter_policy_holds_for_all_once_verified_and_for_nothing_before(store: Path) -> None:
    small_store.write(store)
    policy = store / "policy.toml"
    policy.write_text(policy.read_text().replace("min_replays = 2", "min_replays = 3"))
    before = {i: e.procedure.status for i, e in entries(store).items()}
    # What does not look at every entry goes by the policy that these were settled by.
    run_merge(MergeOptions(str(store), LATER))
    assert fsck(str(store)) == []
    assert {i: e.procedure.status for i, e in entries(store).items()} == before
    found = verify(store, sample=0)
    assert found["changes"] == {"verified -> candidate (below min_replays)": 2}
    with Store.open(str(store)) as opened:
        assert opened.snapshot.policy.min_replays == 3


def test_without_its_policy_a_store_is_not_changed(store: Path) -> None:
    small_store.write(store)
    policy = store / "policy.toml"
    policy.write_bytes(b"\xff\xfe")
    with pytest.raises(RequestError, match=r"policy\.toml is no UTF-8"):
        verify(store)
    policy.unlink()
    with pytest.raises(RequestError, match=r"policy\.toml is not there"):
        verify(store)
    assert [path.name for path in (store / "snapshots").iterdir()] == ["000001"]


def test_verdicts_of_other_versions_are_not_taken_for_those_of_one(store: Path) -> None:
    small_store.write(store)
    versions = deciding_versions()
    told = {"versions": versions, "policy": "p"}
    assert replayed_since({"replayed": told}) == told
    assert replayed_since({"replayed": {"versions": versions | {"sympy": "0.1"}}}) == {}
    verify(store)
    with Store.open(str(store)) as opened:
        assert opened.snapshot.manifest["replayed"] == {}  # nobody had said by what


def test_time_that_is_up_expires_what_is_not_replayed(store: Path) -> None:
    made = small_store.tables()
    for row in made.rows["procedures"]:
        row["expires_at"] = "2025-09-01T00:00:00+00:00"
    small_store.write(store, made)
    changes = verify(store, sample=0)["changes"]
    assert changes == {
        "canonical -> expired (expiry_days)": 1, "verified -> expired (expiry_days)": 2,
    }  # fmt: skip
    assert verify(store)["changes"]["expired -> verified (verified again)"] == 3
    assert {e.procedure.status for e in entries(store).values()} == {
        "canonical", "verified", "candidate",
    }  # fmt: skip


def test_the_command_line(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = small_store.tables()
    change_result(made, variant_of(made, AVERAGE), 0, 16)
    small_store.write(store, made)
    command = ["verify", "--store", str(store), "--as-of", LATER]
    assert main([*command, "--json"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["failures"] == 1
    assert "review" in said.err
    assert main(command) == 0
    assert "2025-06" in capsys.readouterr().out
    for wrong in (["--status", "merged"], ["--sample", "-1"], ["--as-of", "2024-01-01"]):
        assert main([*command, *wrong]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert len(said.err.splitlines()) == 1
    assert not list((store / "snapshots").glob("*.draft"))


def test_no_store_is_a_wrong_request_that_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no store"):
        run_verify(VerifyOptions(str(tmp_path / "none")))
    assert list(tmp_path.iterdir()) == []
