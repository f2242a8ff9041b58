"""What a store serves, and the same with a part of its work taken away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import small_store
from made_shelves import passes

from tracemine.pipelines.evaluation.arms import Asking, Types, by_ranking, by_words
from tracemine.pipelines.evaluation.entries import (
    Shelf,
    method_of,
    refused,
    refuted,
    served,
    unconsolidated,
    ungated,
)
from tracemine.pipelines.evaluation.passes import Outcome, Runs
from tracemine.pipelines.evaluation.questions import Question
from tracemine.schemas import Parameter, Signature, content_id, encode
from tracemine.schemas.values import dump_json
from tracemine.store import Store
from tracemine.transforms.consolidate import FAILED_REPLAY, STAGE
from tracemine.verifiers import shared_sandbox

BY_CODE = {routine.code: routine for routine in small_store.ROUTINES}
SIGNATURE = Signature(
    (Parameter("eggs", "int"), Parameter("boxes", "int")), Parameter("left", "int")
)
REFUTED = "def left(eggs, boxes):\n    return eggs - 2 * boxes\n"


def refuted_row(number: int, code: str = REFUTED, stage: str = STAGE) -> dict[str, str]:
    record = {
        "trajectory_id": content_id("trajectory", number), "start": 0, "end": 9, "quote": "…",
        "subquestion": "how many eggs are left?", "code": code, "entry_point": "left",
        "signature": SIGNATURE.to_json(), "domain": "math",
    }  # fmt: skip
    return {
        "stage": stage, "reason": FAILED_REPLAY, "record_id": content_id("refuted", number),
        "record": dump_json(record), "detail": "made.jsonl row 1", "fate": "rejected",
    }  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder: Path = tmp_path_factory.mktemp("evaluation") / "store"
    made = small_store.tables()
    other = REFUTED.replace("2 *", "3 *")
    made.rows["rejected"] += [
        refuted_row(1), refuted_row(2), refuted_row(3, other), refuted_row(4, stage="route"),
    ]  # fmt: skip
    small_store.write(folder, made)
    return Store.open(str(folder))


def sound(shelf: Shelf) -> None:
    """What holds of every shelf."""
    ids = [entry.id for entry in shelf.entries]
    assert ids == sorted(set(ids))
    assert shelf.vectors.shape == (len(ids), small_store.embedder().encode(["a"]).shape[1])
    assert shelf.vectors.dtype == np.float32
    for entry in shelf.entries:
        assert entry.text and entry.text in entry.full.replace("_", " ").replace("\n", " ")
        assert entry.summary in entry.full and entry.routine.code in entry.full
        assert entry.rankable.support == len(entry.trajectories) > 0
        assert entry.rankable.signature == entry.routine.signature


def codes(shelf: Shelf) -> set[str]:
    return {entry.routine.code for entry in shelf.entries}


def of_status(*statuses: str) -> set[str]:
    return {code for code, routine in BY_CODE.items() if routine.status in statuses}


def test_what_search_serves(store: Store) -> None:
    shelf = served(store)
    sound(shelf)
    assert codes(shelf) == of_status("canonical", "verified")
    for entry in shelf.entries:
        routine = BY_CODE[entry.routine.code]
        assert entry.home == entry.id
        assert entry.routine.predicates == routine.predicates
        assert entry.problems == routine.verdicts.count("pass")
        given = routine.verdicts.count("pass") / len(routine.verdicts)
        assert entry.rankable.success_rate == given
        # Each with the vector that it is found by.
        (own,) = small_store.embedder().encode([routine.subquestion])
        place = [e.id for e in shelf.entries].index(entry.id)
        assert shelf.vectors[place] @ own == pytest.approx(1, abs=1e-3)


def test_without_the_gate_there_is_more(store: Store) -> None:
    shelf = ungated(store)
    sound(shelf)
    assert codes(shelf) == set(BY_CODE) | {REFUTED, REFUTED.replace("2 *", "3 *")}
    assert {e.id for e in served(store).entries} < {e.id for e in shelf.entries}


def test_what_the_gate_kept_out(store: Store) -> None:
    shelf = refused(store)
    sound(shelf)
    assert not codes(shelf) & codes(served(store))
    together = {e.id for e in shelf.entries} | {e.id for e in served(store).entries}
    assert together == {e.id for e in ungated(store).entries}


def test_a_refuted_routine_comes_once_and_only_if_replay_refuted_it(store: Store) -> None:
    shelf = refuted(store)
    sound(shelf)
    assert len(shelf.entries) == 2
    (twice,) = [e for e in shelf.entries if e.routine.code == REFUTED]
    assert twice.routine.predicates == ()


def test_spans_by_themselves(store: Store) -> None:
    shelf = served(store)
    spans = unconsolidated(store, shelf)
    sound(spans)
    # As many as the entries rest on, each at home there, with the same code.
    homes = {entry.id: entry for entry in shelf.entries}
    for entry in spans.entries:
        assert entry.id not in homes
        assert entry.routine.code == homes[entry.home].routine.code
        assert entry.trajectories <= homes[entry.home].trajectories
        assert entry.rankable.success_rate == 0 and entry.problems == 0
    assert {e.home for e in spans.entries} == set(homes)
    assert len(spans.entries) == sum(e.rankable.support for e in shelf.entries)
    alone = Shelf(shelf.entries[:1], shelf.vectors[:1])
    assert {e.home for e in unconsolidated(store, alone).entries} == {alone.entries[0].id}


def test_what_is_retrieved_runs(store: Store) -> None:
    question = Question(
        id=content_id("question", 1), problem_id="p", problem="A problem.", domain="math",
        source="own", asked="how much money is left?", subquestion="how much money is left?",
        keys=(Parameter("total", "int"), Parameter("spent", "int")),
        output=Parameter("rest", "int"), bindings=encode({"total": 30, "spent": 12}),
        result=encode(18), verifier="numeric", operations=2, method="m", reference=None,
    )  # fmt: skip
    words = (question.asked,)
    asking = Asking((question,), words, store.embedder.encode(words))
    runs = Runs([question], shared_sandbox())
    for shelf in (served(store), ungated(store), unconsolidated(store, served(store))):
        ranked = by_ranking(shelf, asking, Types(shelf).runnable, runs)
        assert passes(shelf, asking, ranked, runs)[0, 0]
        best = shelf.entries[ranked[0][0]]
        assert runs.given(best.routine, question.id).outcome is Outcome.PASS


def test_a_store_without_entries(tmp_path: Path) -> None:
    made = small_store.Tables({table: [] for table in small_store.tables().rows}, {})
    made.rows["rejected"] = small_store.tables().rows["rejected"]
    small_store.write(tmp_path / "empty", made)
    store = Store.open(str(tmp_path / "empty"))
    words = ("how much is left?",)
    vectors = store.embedder.encode(words)
    for shelf in (served(store), ungated(store), refused(store), refuted(store)):
        sound(shelf)
        assert shelf.entries == ()
        assert unconsolidated(store, shelf).entries == ()
        sound(unconsolidated(store, shelf))
        assert (shelf.vectors @ vectors[0]).shape == (0,)
        asking = Asking((), (), vectors[:0])
        assert by_words(shelf, asking, lambda _: np.ones(0, bool)) == []


def test_a_method_is_the_same_under_other_names() -> None:
    left = "def left(total, spent):\n    rest = total - spent\n    return rest\n"
    right = "def rest(money, price):\n    x = money - price\n    return x\n"
    turned = "def rest(money, price):\n    x = price - money\n    return x\n"
    assert method_of(left, "left") == method_of(right, "rest") != method_of(turned, "rest")
