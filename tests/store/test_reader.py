"""Search, one entry, counts, SQL."""

from __future__ import annotations

import random
import shutil
import threading
from pathlib import Path

import duckdb
import numpy as np
import pytest
import small_store
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.schemas import Event, content_id
from tracemine.store import RequestError, Store, StoreError
from tracemine.store.embedder import to_grid
from tracemine.store.reader import chronicle

ANY = ("canonical", "verified", "candidate")


@pytest.fixture(scope="module")
def store(store_path: Path) -> Store:
    opened = Store.open(str(store_path))
    opened.use_embedder(small_store.embedder())
    return opened


def questions(store: Store, query: str, k: int = 5, **filters: object) -> list[str]:
    return [hit.subquestion.split()[-1] for hit in store.search(query, k, **filters)]  # type: ignore[arg-type]


def test_the_nearest_comes_first(store: Store) -> None:
    for routine in small_store.ROUTINES:
        (hit,) = store.search(routine.subquestion, 1, status=ANY)
        assert hit.subquestion == routine.subquestion
        assert hit.score > 0.99
        assert hit.variant.code == routine.code
        assert hit.signature == routine.signature


def test_candidates_are_served_only_on_request(store: Store) -> None:
    assert "go?" not in questions(store, "how fast is the train")
    assert questions(store, "how fast is the train", status=("candidate",)) == ["go?"]
    assert len(questions(store, "x", status=ANY)) == 4


def test_filters_act_before_k(store: Store) -> None:
    assert questions(store, "money left", 1, domain="code") == ["sentence"]
    assert questions(store, "money left", 1, output_type="str") == ["sentence"]
    assert questions(store, "money left", 1, domain="other") == []


def test_a_narrower_output_answers_a_wider_request(store: Store) -> None:
    assert set(questions(store, "x", output_type="rational")) == {"spending?", "values?"}
    assert questions(store, "x", output_type="int") == ["spending?"]
    wide = questions(store, "x", output_type="real", status=ANY)
    assert set(wide) == {"spending?", "values?", "go?"}
    assert len(questions(store, "x", output_type="any", status=ANY)) == 4


def test_bindings_are_matched_by_type_and_preconditions(store: Store) -> None:
    assert questions(store, "x", bindings={"total": 9, "spent": 4}) == ["spending?"]
    assert questions(store, "x", bindings={"total": 4, "spent": 9}) == []
    assert questions(store, "x", bindings={"total": "four", "spent": 9}) == []
    assert questions(store, "x", bindings={"values": [1]}) == ["values?"]
    assert questions(store, "x", bindings={"values": []}) == []
    assert questions(store, "x", bindings={"time": 0, "distance": 3}, status=("candidate",)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"k": 0},
        {"k": True},
        {"domain": "maths"},
        {"output_type": "integer"},
        {"output_type": "list[int"},
        {"status": ("good",)},
        {"status": "verified"},
        {"bindings": {"a": object()}},
    ],
)
def test_a_wrong_request_is_refused_in_one_line(store: Store, wrong: dict[str, object]) -> None:
    with pytest.raises(RequestError) as caught:
        store.search("x", **wrong)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_ties_go_by_status_then_success_then_id(tmp_path: Path) -> None:
    """Many entries with few distinct vectors: the order and what a filter keeps are those of a
    plain sort over all of them."""
    made, count = small_store.tables(), 300
    template = made.rows["procedures"][0]
    pick = random.Random(5)
    raw = np.random.default_rng(5).normal(size=(4, 16))
    pool = to_grid(raw / np.linalg.norm(raw, axis=1, keepdims=True))
    rows, vectors = [], {}
    for number in range(count):
        identifier = content_id("tie", number)
        rows.append(
            template
            | {
                "procedure_id": identifier,
                "status": pick.choice(["canonical", "verified", "quarantined"]),
                "success_rate": pick.choice([0.5, 1.0]),
                "domain": pick.choice(["math", "stem"]),
            }
        )
        vectors[identifier] = pool[pick.randrange(4)]
    made.rows["procedures"], made.rows["candidates"] = rows, []
    made.vectors = vectors
    small_store.write(tmp_path / "store", made)
    opened = Store.open(str(tmp_path / "store"))
    query = pool[1]
    for domain in (None, "stem"):
        for k in (1, 7, 40, 120, 400):
            kept = [
                row
                for row in rows
                if row["status"] != "quarantined" and domain in (None, row["domain"])
            ]
            kept.sort(
                key=lambda row: (
                    -float(vectors[row["procedure_id"]] @ query),
                    row["status"] != "canonical",
                    -row["success_rate"],
                    row["procedure_id"],
                )
            )
            found = opened.search_vector(query, k, domain=domain)
            assert [hit.procedure_id for hit in found] == [r["procedure_id"] for r in kept][:k]


def test_an_entry_comes_with_its_evidence_and_trail(store: Store) -> None:
    (hit,) = store.search("money left", 1)
    entry = store.get(hit.procedure_id)
    assert entry is not None
    assert store.get(hit.procedure_id[:8]) == entry
    assert len(entry.evidence) == 3
    assert {one.replay.verdict for one in entry.evidence} == {"pass"}
    assert all(one.replay.instance_id == one.instance.id for one in entry.evidence)
    assert [event.to_status for event in entry.events] == ["verified", "canonical"]
    assert entry.procedure.provenance[0].quote.startswith("def remaining")


def test_an_id_that_is_not_there_gives_nothing(store: Store) -> None:
    assert store.get("0" * 32) is None
    assert store.get("") is None
    assert store.get("'; DROP VIEW spans; --") is None


events = st.permutations(["verified", "canonical", "quarantined", "expired"])


@settings(max_examples=30)
@given(events, st.randoms())
def test_events_of_one_time_form_a_chain(statuses: list[str], pick: random.Random) -> None:
    before = ["", *statuses]
    trail = [
        Event("p", old, new, "rule", "{}", "t") for old, new in zip(before, statuses, strict=False)
    ]
    shuffled = list(trail)
    pick.shuffle(shuffled)
    assert chronicle(shuffled) == tuple(trail)


def test_counts(store: Store) -> None:
    stats = store.stats()
    assert stats["status"]["canonical"] == 1
    assert stats["status"]["merged"] == 0
    assert stats["licence"] == {"MIT": 4}
    assert stats["replays"] == {"pass": 7, "fail": 1}
    assert stats["rejected"] == {"wrong answer": 1}
    assert stats["rows"]["instances"] == 12


def test_the_sql_gives_the_tables_to_any_duckdb(store: Store) -> None:
    connection = duckdb.connect()
    connection.execute(store.sql())
    query = "SELECT count(*) FROM procedures, (SELECT unnest(provenance) FROM procedures)"
    assert connection.execute(query).fetchall() == [(3 * 9,)]


def test_a_path_with_a_quote_in_it_is_no_sql(store_path: Path, tmp_path: Path) -> None:
    odd = tmp_path / "it's; a [store]*"
    shutil.copytree(store_path, odd)
    assert Store.open(str(odd)).stats()["rows"]["spans"] == 10


def test_one_store_serves_many_threads(store: Store) -> None:
    expected = store.search("average of numbers", 3)
    wrong: list[object] = []

    def hammer() -> None:
        for _ in range(5):
            if store.search("average of numbers", 3) != expected:
                wrong.append(1)
            if store.get(expected[0].procedure_id) is None:
                wrong.append(2)

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_another_embedder_is_refused(tmp_path: Path) -> None:
    described = small_store.embedder().describe()
    small_store.write(tmp_path / "s", embedder=described | {"fingerprint": "other:00:1/1024"})
    opened = Store.open(str(tmp_path / "s"))
    with pytest.raises(StoreError, match="another embedder") as caught:
        opened.search("x")
    assert str(tmp_path / "s") in str(caught.value)
    with pytest.raises(StoreError, match="another embedder"):
        opened.use_embedder(small_store.embedder())


@pytest.mark.parametrize("table", ["procedures", "events"])
def test_a_missing_or_shortened_file_is_named_at_open(own_store: Path, table: str) -> None:
    path = next((own_store / "snapshots/000001" / table).iterdir())
    content = path.read_bytes()
    path.write_bytes(content[:-10])
    with pytest.raises(StoreError, match="bytes") as caught:
        Store.open(str(own_store))
    assert str(path) in str(caught.value)
    path.unlink()
    with pytest.raises(StoreError, match="missing") as caught:
        Store.open(str(own_store))
    assert str(path) in str(caught.value)


def test_no_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store at"):
        Store.open(str(tmp_path))
    with pytest.raises(StoreError, match="no store at"):
        Store.open(str(tmp_path / "none"))
