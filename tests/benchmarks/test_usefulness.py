"""The labelled set, and what is measured over it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import small_store
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from benchmarks.usefulness import PAIRS, agreement, area, read_pairs, replayed, scores_of
from tracemine.pipelines.evaluation.entries import served
from tracemine.pipelines.evaluation.questions import ask
from tracemine.store import Store
from tracemine.teachers import make_teacher
from tracemine.teachers.rules.language.numerals import find_numerals
from tracemine.transforms.inputs import resolve_inputs
from tracemine.transforms.read import read_file
from tracemine.verifiers.roles import align


def test_the_set() -> None:
    rows = [json.loads(line) for line in PAIRS.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 150
    assert len({row["question"] for row in rows}) == 150
    columns = {
        "question", "subquestion", "keys", "output", "entry", "entry_subquestion",
        "entry_summary", "entry_code", "entry_inputs", "rank", "passed", "useful", "why",
    }  # fmt: skip
    for row in rows:
        # No problem, no words that it was asked in, no values.
        assert row.keys() == columns
        assert {*row["keys"][0]} == {"name", "type", "unit"}
        assert 1 <= row["rank"] <= 10
        assert row["why"] and len(row["why"].split()) <= 20
        for words in (row["subquestion"], row["why"]):
            assert not any(words[n.start].isdigit() for n in find_numerals(words)), words
        compile(row["entry_code"], "entry", "exec")
    pairs = read_pairs()
    assert (sum(p.useful for p in pairs), sum(p.passed for p in pairs)) == (51, 60)
    # What can pass fits by its types.
    assert all(align(p.entry_inputs, p.keys) for p in pairs if p.passed)


def test_no_sentence_of_the_published_data(shared_data: Path) -> None:
    rows = [json.loads(line) for line in PAIRS.read_text(encoding="utf-8").splitlines()]
    texts = (shared_data / "gsm8k_test_socratic.jsonl").read_text(encoding="utf-8").lower()
    for row in rows:
        words = row["why"].lower().split()
        for place in range(len(words) - 4):
            assert " ".join(words[place : place + 5]) not in texts
        assert f"{row['subquestion']}?" not in texts


def test_agreement_by_hand() -> None:
    useful = [True] * 4 + [False] * 6
    passed = [True, True, True, False, True, False, False, False, False, False]
    found = agreement(useful, passed)
    assert found["pairs"] == 10
    assert (found["useful_passes"], found["useful_fails"]) == (3, 1)
    assert (found["useless_passes"], found["useless_fails"]) == (1, 5)
    assert (found["useful_that_pass"]["value"], found["useful_that_pass"]["n"]) == (0.75, 4)
    assert (found["passes_that_are_useful"]["value"], found["agree"]["value"]) == (0.75, 0.8)
    assert found["kappa"] == pytest.approx(cohen_kappa_score(useful, passed), abs=1e-4)
    assert found["agree"]["low"] < 0.8 < found["agree"]["high"]


def test_agreement_of_nothing_and_of_one_kind() -> None:
    assert agreement([], [])["agree"]["n"] == 0
    assert agreement([True, True], [True, True])["kappa"] == 1
    with pytest.raises(ValueError):
        agreement([True], [])


def test_area_by_hand() -> None:
    labels = [True, True, False, False]
    assert area([4, 3, 2, 1], labels)["value"] == 1
    assert area([1, 2, 3, 4], labels)["value"] == 0
    assert area([1, 1, 1, 1], labels) == {"value": 0.5, "low": 0.5, "high": 0.5, "n": 4}
    assert area([4, 1, 3, 2], labels)["value"] == 0.5
    for one_kind in ([True] * 4, [False] * 4):
        with pytest.raises(ValueError, match="both kinds"):
            area([1, 2, 3, 4], one_kind)


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=40))
def test_area_is_that_of_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    scores, labels = [float(score) for score, _ in rows], [label for _, label in rows]
    if all(labels) or not any(labels):
        return
    found = area(scores, labels)
    assert found["value"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-4)
    assert 0 <= found["low"] <= found["high"] <= 1
    assert found == area(scores, labels)


def test_scores_are_better_than_chance() -> None:
    pairs = read_pairs()
    useful = [pair.useful for pair in pairs]
    found = {name: area(scores, useful) for name, scores in scores_of(pairs).items()}
    assert set(found) == {"cosine", "tfidf", "fit of names", "replay"}
    assert all(share["low"] > 0.5 and share["n"] == 150 for share in found.values())


def test_pairs_that_are_found_again_are_replayed(tmp_path: Path) -> None:
    small_store.write(tmp_path / "store")
    store = Store.open(str(tmp_path / "store"))
    told = tmp_path / "heldout.jsonl"
    row = {
        "question": "Odile has 50 pears, gives 8 away, and as many once more. How many are left?",
        "answer": "She has 50 - 8 - 8 = <<50-8-8=34>>34 pears left.\n#### 34",
    }
    told.write_text(json.dumps(row), encoding="utf-8")
    assert replayed(read_pairs(), store, [str(told)], None) == []
    (file,) = resolve_inputs([str(told)])
    ((_, trajectory),) = read_file(file)
    verified = dataclasses.replace(trajectory, outcome="verified")
    (question,) = [q for way, q in ask(verified, make_teacher("rules")) if way == "questions"]
    for entry in served(store).entries:
        pair = dataclasses.replace(read_pairs()[0], question=question.id, entry=entry.id)
        # Of the small store's routines none takes away twice.
        assert replayed([pair], store, [str(told)], None) == [(pair, False)]
