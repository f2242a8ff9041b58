"""fsck finds every damage, names it in one line, and finds nothing in a sound store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import small_store
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracemine.store import RequestError, fsck


def test_a_sound_store_has_no_findings(store_path: Path) -> None:
    assert fsck(str(store_path)) == []


def test_no_store_is_a_wrong_request(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no store"):
        fsck(str(tmp_path))


def test_a_store_of_another_schema_version_is_a_wrong_request(own_store: Path) -> None:
    small_store.edit_manifest(own_store, lambda m: m.update(schema_version=2))
    with pytest.raises(RequestError, match="schema version 2") as caught:
        fsck(str(own_store))
    assert str(own_store) in str(caught.value)
    small_store.edit_manifest(own_store, lambda m: m.pop("schema_version"))
    assert found(own_store, "manifest.json", "lacks schema_version")


# -- files ---------------------------------------------------------------------------------------


def data_files(store: Path) -> list[Path]:
    return sorted(p for p in (store / "snapshots").rglob("*") if p.suffix in (".parquet", ".faiss"))


def found(store: Path, *words: str) -> bool:
    findings = fsck(str(store))
    assert all("\n" not in finding for finding in findings)
    return any(all(word in finding for word in words) for finding in findings)


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_flipped_bit_is_found_wherever_it_is(own_store: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(data_files(own_store)))
    content = path.read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    flipped = content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :]
    path.write_bytes(flipped)
    try:
        assert found(own_store, path.name, "sha256")
    finally:
        path.write_bytes(content)


def test_a_dropped_or_shortened_file_is_found(own_store: Path) -> None:
    for path in data_files(own_store):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        assert found(own_store, path.name, "bytes")
        path.unlink()
        assert found(own_store, path.name, "missing")
        path.write_bytes(content)
    assert fsck(str(own_store)) == []


def test_damage_of_a_kept_snapshot_is_found_once_and_named_as_such(own_store: Path) -> None:
    small_store.write_again(own_store)
    small_store.add(own_store)
    assert fsck(str(own_store)) == []
    folder = own_store / "snapshots/000001"
    old = next(iter(sorted(folder.glob("procedures/*.parquet"))))
    content = old.read_bytes()
    old.write_bytes(content[:-1])
    (line,) = fsck(str(own_store))
    assert "snapshot 000001, which is not live" in line
    assert old.name in line
    old.write_bytes(content)
    # What the live snapshot shares with it is said of the live one alone.
    shared = next(iter(sorted((own_store / "snapshots/000002").glob("spans/*.parquet"))))
    shared.write_bytes(shared.read_bytes()[:-1])
    assert [shared.name in one for one in fsck(str(own_store))] == [True]
    (folder / "manifest.json").write_text("{}")
    assert found(own_store, "snapshot 000001, which is not live", "damaged")
    # What gc has begun to remove is not kept.
    (folder / "manifest.json").unlink()
    assert not found(own_store, "000001")


def test_files_that_do_not_belong_are_found(own_store: Path) -> None:
    (own_store / "snapshots/000001/spans/part-9.parquet").write_bytes(b"")
    assert found(own_store, "part-9.parquet", "not in the manifest")
    # A person's own file beside the store's is theirs.
    (own_store / "notes.txt").write_text("x")
    assert not any("notes.txt" in line for line in fsck(str(own_store)))


@pytest.mark.parametrize("content", ["", "0000", "000002\n"])
def test_a_damaged_current_is_found(own_store: Path, content: str) -> None:
    (own_store / "CURRENT").write_text(content)
    assert fsck(str(own_store))
    (own_store / "CURRENT").unlink()
    assert fsck(str(own_store))


def test_a_damaged_policy_is_found(own_store: Path) -> None:
    (own_store / "policy.toml").write_text("[gate]\nmin_replays = 'two'\n")
    assert found(own_store, "policy.toml", "min_replays")
    (own_store / "policy.toml").unlink()
    assert found(own_store, "policy.toml", "missing")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m["files"][0].update(rows=9), ("rows, not 9",)),
        (lambda m: m["files"].append(m["files"][0]), ("listed twice",)),
        (lambda m: m["files"].clear(), ("lists no file of procedures",)),
        (lambda m: m["policy"]["values"].update(min_replays=1), ("policy's hash",)),
        (lambda m: m.pop("ledger"), ("no ledger",)),
        (lambda m: m["ledger"].pop("spans"), ("ledger lacks",)),
        (lambda m: m["ledger"]["trajectories"].update(read=99), ("trajectories read", "99")),
        (lambda m: m["ledger"]["spans"].update(segmented=0), ("spans segmented",)),
        (lambda m: m["ledger"]["spans"]["failed"].update(odd=1), ("rejected has 1 rows",)),
        (lambda m: m["ledger"]["replays"].update(timeout=1), ("verdict timeout",)),
        (lambda m: m["ledger"]["procedures"].update(merged=1), ("status merged",)),
        (lambda m: m["ledger"]["known"].update(waiting=1), ("known spans that wait: 1",)),
        (lambda m: m["embedder"].update(dimension=5), ("384 components",)),
    ],
)
def test_a_manifest_that_does_not_fit_is_found(
    own_store: Path, change: Callable[[dict[str, Any]], object], words: tuple[str, ...]
) -> None:
    small_store.edit_manifest(own_store, change)
    assert found(own_store, *words)


# -- what is written whole, but is wrong -----------------------------------------------------------

Forge = Callable[[small_store.Tables], object]


def rows(made: small_store.Tables, table: str) -> list[dict[str, Any]]:
    return made.rows[table]


def forge_quote(made: small_store.Tables) -> None:
    first = made.rows["procedures"][0]["provenance"][0]
    made.rows["procedures"][0]["provenance"][0] = {**_plain(first), "quote": "what nobody said"}


def shift_provenance(made: small_store.Tables) -> None:
    first = made.rows["procedures"][0]["provenance"][0]
    made.rows["procedures"][0]["provenance"][0] = {**_plain(first), "start": first["start"] + 1}


def _plain(value: Any) -> dict[str, Any]:
    return dict(value)


def in_variant(**changes: Any) -> Forge:
    def forge(made: small_store.Tables) -> None:
        row = made.rows["procedures"][0]
        row["variants"] = [{**_plain(row["variants"][0]), **changes}]

    return forge


def own_problem_only(made: small_store.Tables) -> None:
    """Every instance of the first entry from its founding problem."""
    span = made.rows["procedures"][0]["variants"][0]["span_id"]
    home = next(s for s in made.rows["spans"] if s["span_id"] == span)["trajectory_id"]
    problem = next(t for t in made.rows["trajectories"] if t["trajectory_id"] == home)["problem_id"]
    for row in (*made.rows["instances"], *made.rows["trajectories"]):
        row["problem_id"] = problem


def evidence(*counts: tuple[str, int]) -> Forge:
    def forge(made: small_store.Tables) -> None:
        said = [{"token": token, "count": count} for token, count in counts]
        made.rows["procedures"][0]["evidence"] = said

    return forge


def passed_by(verifier: str, *, code: str | None = None) -> Forge:
    """The first entry's passes, as ``verifier`` records them; with other ``code``."""

    def forge(made: small_store.Tables) -> None:
        row = made.rows["procedures"][0]
        assert row["status"] == "canonical"
        for replay in made.rows["replays"]:
            if replay["variant_id"] == row["variants"][0]["variant_id"]:
                replay["verifier"] = verifier
        if code is not None:
            row["variants"] = [{**_plain(row["variants"][0]), "code": code}]

    return forge


def second_variant(verdict: str | None) -> Forge:
    """The first entry's last quote becomes a second variant, on whose instance the first has
    ``verdict``."""

    def forge(made: small_store.Tables) -> None:
        row = made.rows["procedures"][0]
        (first,) = row["variants"]
        other = {**_plain(first), "variant_id": "e" * 32}
        row["variants"] = [first, other]
        quote = {**_plain(row["provenance"][-1]), "variant_id": other["variant_id"]}
        row["provenance"] = [*map(_plain, row["provenance"][:-1]), quote]
        ids = {
            i["instance_id"] for i in rows(made, "instances") if i["span_id"] == quote["span_id"]
        }
        verdicts = [r for r in rows(made, "replays") if r["variant_id"] == first["variant_id"]]
        (between,) = [r for r in verdicts if r["instance_id"] in ids]
        if verdict is None:
            rows(made, "replays").remove(between)
        else:
            between["verdict"] = verdict

    return forge


def in_provenance(**changes: str) -> Forge:
    def forge(made: small_store.Tables) -> None:
        row = made.rows["procedures"][0]
        first, *others = map(_plain, row["provenance"])
        row["provenance"] = [{**first, **changes}, *others]

    return forge


def covered(**changes: Any) -> dict[str, Any]:
    """A row of the table of spans that another store's entries cover."""
    row = {
        "span_id": "a" * 32, "procedure_id": "b" * 32, "variant_id": "c" * 32,
        "status": "candidate", "distance": 0.1, "same_method": True, "left_out": False,
    }  # fmt: skip
    return row | changes


FORGERIES: dict[str, tuple[Forge, str]] = {
    "variants that part": (second_variant("fail"), "fails on an instance of another variant"),
    "a variant that breaks": (second_variant("error"), "fails on an instance of another variant"),
    "judged alone": (passed_by("judge"), "canonical by passes that a model judged"),
    "carried out and judged alone": (
        passed_by("model:org/name@v+judge", code=""),
        "canonical by passes that a model judged",
    ),
    "words that ran": (passed_by("numeric", code=""), "passed on something without a model"),
    "a variant that hangs": (second_variant("timeout"), "fails on an instance of another variant"),
    "variants of one meeting": (second_variant("pass"), "fewer than 2 instances of each other"),
    "variants that never met": (second_variant(None), "fewer than 2 instances of each other"),
    "a quote of no span": (in_provenance(span_id="f" * 32), "names a span that is not"),
    "a quote of no variant": (in_provenance(variant_id="f" * 32), "names a variant that it lacks"),
    "one span for two": (
        lambda made: rows(made, "candidates")[0].update(
            provenance=[
                *rows(made, "candidates")[0]["provenance"],
                rows(made, "procedures")[0]["provenance"][0],
            ]
        ),
        "more than one entry or variant rests on",
    ),
    "a quote nobody said": (forge_quote, "quotes what its trace does not say"),
    "a quote one place off": (shift_provenance, "quotes what its trace does not say"),
    "provenance without trajectory": (
        lambda made: rows(made, "trajectories").pop(0),
        "provenance names a trajectory",
    ),
    "a span quoting otherwise": (
        lambda made: rows(made, "spans")[2].update(end=3),
        "is a span that quotes",
    ),
    "an instance of nothing": (
        lambda made: rows(made, "instances")[1].update(trajectory_id="f" * 32),
        "is an instance of a trajectory that is not",
    ),
    "a replay of nothing": (
        lambda made: rows(made, "instances").pop(2),
        "replay's instance that is not",
    ),
    "a variant of no span": (in_variant(span_id="f" * 32), "variant whose span is not"),
    "a variant of no instance": (in_variant(instance_id="f" * 32), "variant whose instance is not"),
    "a pass too many": (in_variant(passes=4), "passes or attempts"),
    "an attempt too few": (in_variant(attempts=2), "passes or attempts"),
    "a success rate from nowhere": (
        lambda made: rows(made, "procedures")[1].update(success_rate=0.9),
        "success rate",
    ),
    "no vector of a summary": (
        lambda made: rows(made, "procedures")[0].update(summary_vector=b""),
        "is an entry without its summary's vector",
    ),
    "a short vector of a summary": (
        lambda made: rows(made, "procedures")[0].update(summary_vector=b"ab"),
        "is an entry without its summary's vector",
    ),
    "a candidate's vector of a summary": (
        lambda made: rows(made, "candidates")[0].update(summary_vector=b"ab"),
        "or a candidate with one",
    ),
    "an unknown status": (
        lambda made: rows(made, "procedures")[0].update(status="superb"),
        "no known status",
    ),
    "an unknown verdict": (
        lambda made: rows(made, "replays")[0].update(verdict="perhaps"),
        "no known verdict",
    ),
    "a candidate among procedures": (
        lambda made: rows(made, "procedures")[0].update(status="candidate"),
        "no known status",
    ),
    "passes on the founding problem": (own_problem_only, "fewer than 2 passes that count"),
    "passes that were unchecked": (
        lambda made: [row.update(checked=False) for row in rows(made, "instances")],
        "fewer than 2 passes that count",
    ),
    "a replay of an unknown variant": (
        lambda made: rows(made, "replays").append(
            {**rows(made, "replays")[0], "variant_id": "f" * 32}
        ),
        "replay's variant that is neither",
    ),
    "two verdicts on one instance": (
        lambda made: rows(made, "replays").append({**rows(made, "replays")[0], "reason": "again"}),
        "two replays on one instance",
    ),
    "a wrong trajectory": (
        lambda made: rows(made, "trajectories")[0].update(outcome="wrong"),
        "outcome is not verified",
    ),
    "an event of nobody": (
        lambda made: rows(made, "events")[0].update(procedure_id="f" * 32),
        "event's procedure",
    ),
    "a trail that ends elsewhere": (
        lambda made: rows(made, "events").clear(),
        "events do not end with its status",
    ),
    "an entry without provenance": (
        lambda made: rows(made, "candidates")[0].update(provenance=[]),
        "without variants or provenance",
    ),
    "evidence of nothing": (evidence(("role total", 0)), "less than once"),
    "evidence said twice": (evidence(("role total", 1), ("role total", 2)), "or twice"),
    "evidence in disorder": (
        evidence(("role total", 1), ("asked total", 2)),
        "not in order of its tokens",
    ),
    "a span that is left out and not rejected": (
        lambda made: made.rows["known"].append(covered(left_out=True)),
        "is known to be covered and left out, but is not so in rejected",
    ),
    "a span that two entries cover": (
        lambda made: made.rows["known"].extend(
            [covered(left_out=False), covered(left_out=False, distance=0.2)]
        ),
        "occurs more than once as span_id in known",
    ),
    "a span left out for a candidate": (
        lambda made: made.rows["known"].append(covered(left_out=True)),
        "left out for an entry that search does not serve",
    ),
    "a span that waits for what is served": (
        lambda made: made.rows["known"].append(covered(left_out=False, status="verified")),
        "or not for one that it does",
    ),
    "a known span that nobody knows": (
        lambda made: made.rows["known"].append(covered(left_out=False)),
        "waits and is neither in the store nor among the rejected",
    ),
    "a known span without its distance": (
        lambda made: made.rows["known"].append(covered(left_out=False, distance=None)),
        "is a known span without an entry",
    ),
    "a known span at no distance": (
        lambda made: made.rows["known"].append(covered(left_out=False, distance=float("nan"))),
        "is a known span without an entry",
    ),
    "a covering entry of no known status": (
        lambda made: made.rows["known"].append(covered(left_out=False, status="lost")),
        "is no known status in known",
    ),
    "a vector of another length": (
        lambda made: made.vectors.update({k: v / 2 for k, v in made.vectors.items()}),
        "not of unit length",
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_what_is_written_whole_but_wrong_is_found(name: str, tmp_path: Path) -> None:
    forge, words = FORGERIES[name]
    made = small_store.tables()
    for row in (*made.rows["procedures"], *made.rows["candidates"]):
        row["variants"] = [_plain(variant) for variant in row["variants"]]
    forge(made)
    small_store.write(tmp_path / "store", made)
    assert found(tmp_path / "store", words)


def test_words_that_a_model_carried_out_are_sound(tmp_path: Path) -> None:
    made = small_store.tables()
    passed_by("model:org/name@v+numeric", code="")(made)
    small_store.write(tmp_path / "store", made)
    assert fsck(str(tmp_path / "store")) == []


def test_an_index_of_other_entries_is_found(tmp_path: Path) -> None:
    made = small_store.tables()
    other = small_store.tables()
    other.rows["procedures"][0]["procedure_id"] = "f" * 32
    other.vectors["f" * 32] = next(iter(made.vectors.values()))
    draft = small_store.begin(str(tmp_path / "store"))
    small_store.fill(draft, other)
    for path in Path(draft.folder, "procedures").iterdir():
        path.unlink()
    small_store.write_shard(
        made.rows["procedures"], "procedures", f"{draft.folder}/procedures/part-0.parquet"
    )
    described = small_store.embedder().describe()
    small_store.publish(draft, {"embedder": described, "ledger": small_store.ledger(made)})
    assert found(tmp_path / "store", "not in its index")
    assert found(tmp_path / "store", "entries that the table lacks")


def test_many_findings_of_one_kind_are_counted(tmp_path: Path) -> None:
    made = small_store.tables()
    made.rows["replays"] += [
        {**made.rows["replays"][0], "instance_id": f"{n:032x}"} for n in range(30)
    ]
    small_store.write(tmp_path / "store", made)
    findings = fsck(str(tmp_path / "store"))
    assert sum("replay's instance" in finding for finding in findings) == 21
    assert any(finding.startswith("10 more") for finding in findings)
