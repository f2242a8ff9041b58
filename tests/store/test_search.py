"""What a caller may ask a store for: filters against brute force, what is flagged, fused lists,
what a hit has and what it reads."""

from __future__ import annotations

import datetime
import pkgutil
import random
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_store
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.schemas import Parameter, Signature, content_id
from tracemine.schemas.types import is_subtype
from tracemine.store import (
    RequestError,
    Store,
    StoreError,
    card_files,
    catalogue,
    compact,
    fsck,
    index_kinds,
)  # fmt: skip
from tracemine.store.cards import shape_of, takes
from tracemine.store.embedder import to_grid
from tracemine.store.index import Built, build_index
from tracemine.store.keywords import WEIGHT, Bm25, Keywords, fused

ANY = ("canonical", "verified", "candidate")
TYPES = ("int", "rational", "real", "str", "list[int]", "list[rational]")
DOMAINS = ("math", "code", "stem")
COUNT, SIZE = 240, 16


def many() -> small_store.Tables:
    """Entries of two tables, of all kinds that filters tell apart, and few distinct vectors, so
    that many scores are equal."""
    pick, made = random.Random(8), small_store.tables()
    raw = np.random.default_rng(8).normal(size=(60, SIZE))
    pool = to_grid(raw / np.linalg.norm(raw, axis=1, keepdims=True))
    template = made.rows["procedures"][0]
    rows: dict[str, list[dict[str, Any]]] = {"procedures": [], "candidates": []}
    vectors = {}
    for number in range(COUNT):
        identifier = content_id("many", number)
        inputs = tuple(
            Parameter(f"p{n}", pick.choice(TYPES)) for n in range(pick.choice((1, 2, 2, 3)))
        )
        output = Parameter("result", pick.choice(TYPES), pick.choice((None, "dollar", "hour")))
        status = pick.choice(["canonical", "verified", "quarantined", "candidate"])
        row = template | {
            "procedure_id": identifier,
            "status": status,
            "success_rate": pick.choice([0.5, 0.75, 1.0]),
            "domain": pick.choice(DOMAINS),
            "signature": Signature(inputs, output).to_json(),
            "summary": pick.choice(["by_steps", "at once"]),
        }
        rows["candidates" if status == "candidate" else "procedures"].append(row)
        vectors[identifier] = pool[pick.randrange(len(pool))]
    made.rows |= rows
    made.vectors |= vectors
    return made


MADE = many()


graph = partial(build_index, kind="HNSW16,Flat")


def in_cells(rows: Iterable[tuple[str, Any]]) -> Built:
    """Cells of what there is enough of to train them, as a large store has them."""
    made = list(rows)
    return build_index(made, kind="IVF8_HNSW32,SQfp16" if len(made) > 8 else None)


@pytest.fixture(scope="module", params=["flat", "graph", "large"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The same entries with an exact index; with a graph; and as a large store has them, in cells
    (all of which are read), and with cards in a file."""
    path = tmp_path_factory.mktemp(request.param) / "store"
    with pytest.MonkeyPatch.context() as patch:
        if request.param != "flat":
            patch.setattr(
                small_store, "build_index", in_cells if request.param == "large" else graph
            )
        if request.param == "large":
            patch.setattr(card_files, "CARDS_FROM", 1)
        small_store.write(path, MADE)
    assert (path / "snapshots/000001/index/procedures.cards").exists() == (request.param == "large")
    return Store.open(str(path))


def expected(query: np.ndarray, keeps: Any) -> list[str]:
    """Brute force over what a filter keeps, in order."""
    kept = [row for table in ("procedures", "candidates") for row in MADE.rows[table] if keeps(row)]
    ranks = {"canonical": 0, "verified": 1}
    kept.sort(
        key=lambda row: (
            -float(MADE.vectors[row["procedure_id"]] @ query),
            ranks.get(row["status"], 2),
            -row["success_rate"],
            row["procedure_id"],
        )
    )
    return [row["procedure_id"] for row in kept]


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 99),
    st.sampled_from([1, 5, 60, 500]),
    st.none() | st.sampled_from(DOMAINS),
    st.none() | st.sampled_from(TYPES),
    st.none() | st.sampled_from(["dollar", "hour"]),
    st.none() | st.lists(st.sampled_from(TYPES), min_size=1, max_size=3),
    st.sets(st.sampled_from([*ANY, "quarantined"]), min_size=1),
    st.none() | st.sampled_from([0.5, 0.75]),
)
def test_filtered_search_equals_brute_force_over_the_filtered_rows(
    store: Store,
    seed: int,
    k: int,
    domain: str | None,
    output_type: str | None,
    output_unit: str | None,
    inputs: list[str] | None,
    status: set[str],
    rate: float | None,
) -> None:
    raw = np.random.default_rng(seed).normal(size=SIZE)
    query = to_grid((raw / np.linalg.norm(raw))[None])[0]

    def keeps(row: dict[str, Any]) -> bool:
        signature = Signature.from_json(row["signature"])
        return (
            row["status"] in status
            and domain in (None, row["domain"])
            and (output_type is None or is_subtype(signature.output.type, output_type))
            and (output_unit is None or signature.output.unit in (None, output_unit))
            and (inputs is None or takes(shape_of(signature), inputs))
            and (rate is None or row["success_rate"] > rate)
        )

    found = store.search_vector(
        query, k, domain=domain, output_type=output_type, output_unit=output_unit, inputs=inputs,
        status=sorted(status), where=None if rate is None else f"success_rate > {rate} -- more",
    )  # fmt: skip
    assert [hit.procedure_id for hit in found] == expected(query, keeps)[:k]


@given(st.lists(st.sampled_from(TYPES), min_size=1, max_size=3), st.randoms())
def test_what_the_caller_has_goes_where_its_types_do(wanted: list[str], pick: Any) -> None:
    inputs = tuple(Parameter(f"p{n}", kind) for n, kind in enumerate(wanted))
    shape = shape_of(Signature(inputs, Parameter("result", "int")))
    given = [pick.choice([t for t in TYPES if is_subtype(t, kind)] + ["any"]) for kind in wanted]
    pick.shuffle(given)
    assert takes(shape, given)
    assert not takes(shape, given[1:])
    assert not takes(shape, ["set[str]", *given[1:]])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"query": ""}, "is empty"),
        ({"query": " \n"}, "is empty"),
        ({"query": None}, "must be text, not None"),
        ({"inputs": "int"}, "list of types"),
        ({"inputs": ["integer"]}, r"'integer' \(int is meant\?\): types are int < rational < real"),
        ({"output_type": "list[ratoinal]"}, r"'ratoinal' \(rational is meant\?\)"),
        ({"output_type": "INT"}, r"'INT' \(int is meant\?\)"),
        ({"output_type": "queue[int]"}, r"'queue\[int\]': types are .*, dict\[K, V\] of these"),
        ({"inputs": [3]}, "must be text"),
        ({"inputs": 3}, "list of types"),
        ({"output_type": "list[" * 5000}, "at most 1000 characters, not 'list"),
        ({"kind": ["tool"]}, "procedure, tool"),
        ({"status": None}, "list of statuses"),
        ({"bindings": [1]}, "values by name"),
        ({"where": " "}, "condition in SQL"),
        ({"where": "no_such_column > 1"}, "not valid SQL"),
        ({"where": "success_rate >"}, "not valid SQL"),
        ({"where": "success_rate > 0, true"}, "not valid SQL"),
        ({"where": "true) UNION SELECT 'x' WHERE (true"}, "not valid SQL"),
        ({"where": "true\n); DROP VIEW candidates; SELECT 1 WHERE (true"}, "more than one"),
        ({"where": "EXISTS (FROM read_text('setup.py'))"}, "alone, not 'read_text'"),
        ({"where": "'x' IN (SELECT x FROM 'some.csv')"}, r"alone, not 'some\.csv'"),
        ({"where": "1 < (SELECT success_rate FROM procedures)"}, "SQL: .* one row"),
        ({"where": "10::TINYINT * 100::TINYINT > success_rate"}, "not valid SQL: .* Range"),
        ({"as_of": "yesterday"}, "ISO 8601"),
        ({"unmet": "keep", "bindings": {"a": 1}}, "drop, flag"),
        ({"fused": True, "bindings": {"a": 1}}, "words alone"),
        ({"fused": True, "kind": "tool"}, "words alone"),
    ],
)
def test_a_wrong_request_is_refused_in_one_line(
    small: Store, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(RequestError, match=said) as caught:
        small.search(**({"query": "x"} | wrong))
    assert "\n" not in str(caught.value)


def test_a_condition_may_ask_other_tables_of_the_store(small: Store) -> None:
    falls = "procedure_id IN (SELECT procedure_id FROM events WHERE \"to\" = 'canonical')"
    told = {hit.status for hit in small.search("x", 9, where=falls)}
    assert told == {"canonical"}
    # Whatever was asked before, no condition has changed what the store is.
    assert small.rows("SELECT count(*) AS n FROM candidates")[0]["n"] == 1


# -- hits ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(store_path: Path) -> Store:
    opened = Store.open(str(store_path))
    opened.use_embedder(small_store.embedder())
    return opened


def test_a_hit_is_short_and_expands_to_the_whole(own_store: Path) -> None:
    with Store.open(str(own_store)) as opened:
        opened.use_embedder(small_store.embedder())
        (hit,) = opened.search("money left", 1)
        entry = hit.expand()
        assert entry == opened.get(hit.procedure_id)
        assert hit.variant.code == entry.procedure.variants[0].code
        assert hit.provenance == entry.procedure.provenance
        (unread,) = opened.search("money left", 1)
        assert unread == hit
    assert hit.variant.entry_point == "remaining"  # It was read while the store was open.
    with pytest.raises(StoreError, match="was closed: open it again"):
        unread.expand()
    for values in (None, {"total": 9, "spent": 4}):
        with pytest.raises(StoreError, match="was closed: open it again"):
            opened.search("money left", 1, bindings=values)


@pytest.mark.parametrize("nowhere", [None, 5, b"store", "", " "])
def test_what_names_no_store_is_refused_in_one_line(nowhere: Any) -> None:
    with pytest.raises(RequestError, match="a store is a folder or a URL, not"):
        Store.open(nowhere)


def test_what_is_out_of_date_is_flagged(tmp_path: Path) -> None:
    made = small_store.tables()
    for row in made.rows["procedures"]:
        row["expires_at"] = "2030-01-01T00:00:00"
    small_store.write(tmp_path / "store", made)
    opened = Store.open(str(tmp_path / "store"))
    vector = next(iter(made.vectors.values()))
    end = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
    for time, flagged in (
        ("2029-12-31", False), ("2030-01-01T00:00:00+00:00", True), (end, True),
        (end.replace(tzinfo=None) - datetime.timedelta(seconds=1), False),
        (end.date(), True),
    ):  # fmt: skip
        hits = opened.search_vector(vector, as_of=time)
        assert [hit.expired for hit in hits] == [flagged] * 3


def test_unmet_preconditions_drop_an_entry_or_flag_it(small: Store) -> None:
    values = {"total": 4, "spent": 9}
    assert small.search("money left", bindings=values) == []
    (hit,) = small.search("money left", bindings=values, unmet="flag")
    assert (hit.unmet, hit.gives, hit.gives_not) == (True, None, "a precondition does not hold")
    (hit,) = small.search("money left", bindings={"total": 9, "spent": 4}, unmet="flag")
    assert (hit.unmet, hit.gives) == (False, 5)


# -- words -----------------------------------------------------------------------------------------


def test_scores_say_the_order_above_one_too(small: Store) -> None:
    hits = small.search("How much money is left after spending?", 4, status=ANY)
    scores = [hit.score for hit in hits]
    assert scores == sorted(set(scores), reverse=True)
    # A cosine of 1, and most of the words.
    assert 1.1 < scores[0] < 1.002 + WEIGHT


def test_fused_lists_give_what_either_finds(small: Store) -> None:
    hits = small.search("the average of the values", 4, fused=True, status=ANY)
    assert {hit.subquestion.split()[-1] for hit in hits} == {
        "values?", "go?", "spending?", "sentence",
    }  # fmt: skip
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    # First in both lists, of which the second has those alone that share a word.
    assert hits[0].subquestion.startswith("What is the average")
    assert scores[0] == pytest.approx(2 / 61, abs=1e-6)
    (hit,) = small.search("average of speed", 1, fused=True, domain="code")
    assert hit.domain == "code"


def test_reciprocal_ranks_are_added() -> None:
    assert fused([4, 2], [2, 7]) == [
        (2, pytest.approx(1 / 61 + 1 / 62)),
        (4, pytest.approx(1 / 61)),
        (7, pytest.approx(1 / 62)),
    ]
    assert fused([], []) == []


def test_words_of_nothing_are_worth_nothing() -> None:
    for texts in ([], ["", "the of"]):
        assert Bm25(texts).scores("the fee").tolist() == [0.0] * len(texts)
    assert Bm25(["a fee", "two apples"]).scores("")[0] == 0
    assert Bm25(["a fee", "two apples"]).scores("fees?")[0] == 0
    found = Bm25(["a fee", "two apples"]).scores("which fee")
    assert found[0] > found[1] == 0


def test_rare_words_of_a_large_store_are_told_from_a_sample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ("fee", "pie", "cake", "sum")
    texts = [f"how much is left of the {random.Random(n).choice(words)}" for n in range(400)]
    every = Keywords(texts).scores("the fee left", range(8))
    assert {score > 0.5 for score in every} == {True, False}
    monkeypatch.setattr("tracemine.store.keywords.MOST_FITTED", 100)
    some = Keywords.of_many(len(texts), lambda places: [texts[p] for p in places])
    assert some.scores("the fee left", range(8)) == pytest.approx(every, abs=0.05)


# -- files of a large store ------------------------------------------------------------------------


def test_cards_are_carried_folded_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card_files, "CARDS_FROM", 1)
    path = tmp_path / "store"
    small_store.write(path)
    first = path / "snapshots/000001/index/procedures.cards"
    small_store.add(path)
    cards = [
        f["path"]
        for f in Store.open(str(path)).snapshot.manifest["files"]
        if f.get("cards_of") == "procedures"
    ]
    assert cards == ["snapshots/000001/index/procedures.cards"]
    compact(str(path))
    assert (path / "snapshots/000003/index/procedures.cards").read_bytes() == first.read_bytes()
    assert fsck(str(path)) == []
    last = path / "snapshots/000003/index/procedures.cards"
    content = bytearray(last.read_bytes())
    content[len(content) // 2] ^= 1
    last.write_bytes(content)
    opened = Store.open(str(path))
    with pytest.raises(StoreError, match=r"procedures\.cards is not what was written"):
        opened.search_vector(np.zeros(384, dtype=np.float32))
    assert any("procedures.cards" in finding for finding in fsck(str(path)))


def test_the_manifest_says_what_the_index_finds(store: Store) -> None:
    said = store.snapshot.manifest["index"]["procedures"]
    assert said["entries"] == len(MADE.rows["procedures"])
    assert said["recall_at_10"] >= index_kinds.LEAST_RECALL
    widths = {
        "IDMap,Flat": {},
        "IDMap,HNSW16,Flat": {"efSearch": index_kinds.WIDTHS["efSearch"][0]},
        "IDMap,IVF8_HNSW32,SQfp16": {"nprobe": index_kinds.WIDTHS["nprobe"][0]},
    }
    assert said["parameters"] == widths[said["kind"]]


@pytest.mark.parametrize(
    ("made", "asked"),
    [
        ("tracemine.store.catalogue.Bm25", {"fused": True}),
        ("tracemine.store.catalogue.Keywords.of_many", {}),
        ("tracemine.store.shelf.make_shelf", {"bindings": {"total": 9, "spent": 4}}),
    ],
)
def test_nobody_waits_for_what_another_search_needs(
    store_path: Path, made: str, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, make = threading.Event(), threading.Event(), pkgutil.resolve_name(made)

    def slow(*arguments: Any) -> Any:
        begun.set()
        assert go_on.wait(60)
        return make(*arguments)

    monkeypatch.setattr(made, slow)
    vector = small_store.embedder().encode(["money left"])[0]
    with Store.open(str(store_path)) as cold, ThreadPoolExecutor(2) as threads:
        cold.use_embedder(small_store.embedder())
        first = threads.submit(cold.search, "money left", 1, **asked)
        assert begun.wait(60)
        try:
            (hit,) = threads.submit(cold.search_vector, vector, 1, domain="math").result(60)
            assert cold.embedder is small_store.embedder()
        finally:
            go_on.set()
        assert [one.procedure_id for one in first.result(60)] == [hit.procedure_id]


def test_filters_are_remembered_as_far_as_memory_goes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    query, kept = MADE.vectors[MADE.rows["procedures"][0]["procedure_id"]], store._catalogue._kept
    for most, left in ((1 << 30, 5), (0, 1)):
        kept.clear()
        monkeypatch.setattr(catalogue, "REMEMBERED_BYTES", most)
        for rate in (0.4, 0.5, 0.6, 0.7, 0.8):
            for hit in store.search_vector(query, 3, where=f"success_rate > {rate}"):
                assert hit.success_rate > rate
        assert len(kept) == left


def test_many_threads_ask_one_cold_store(store: Store) -> None:
    """Whoever comes first makes what all use: cards, indexes, what filters keep, words."""
    raw = np.random.default_rng(9).normal(size=(6, SIZE))
    queries = to_grid(raw / np.linalg.norm(raw, axis=1, keepdims=True))
    filters: list[dict[str, Any]] = [
        {}, {"domain": "code"}, {"output_type": "real", "status": ANY},
        {"where": "success_rate > 0.6"}, {"inputs": ["int"]}, {"k": 300, "status": ANY},
        {"kind": "tool"},
    ]  # fmt: skip

    def ask(opened: Store, first: int) -> dict[int, list[str]]:
        found = {}
        for step in range(len(queries) * len(filters)):
            number = (step + 5 * first) % (len(queries) * len(filters))
            query, wanted = queries[number // len(filters)], filters[number % len(filters)]
            found[number] = [hit.procedure_id for hit in opened.search_vector(query, **wanted)]
        return found

    expected = ask(store, 0)
    assert len({len(ids) for ids in expected.values()}) > 2
    with (
        Store.open(store.snapshot.location.url()) as cold,
        ThreadPoolExecutor(8) as threads,
    ):
        assert list(threads.map(lambda first: ask(cold, first), range(8))) == [expected] * 8
