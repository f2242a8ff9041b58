"""Growth: what stands after a share of the trajectories, against a count by hand."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracemine.pipelines.evaluation.entries import Shelf, served, unconsolidated
from tracemine.pipelines.evaluation.growth import SHARES, is_there, shelf_at, shelves_at
from tracemine.schemas import Parameter, Signature, problem_id
from tracemine.schemas.records import Verdict
from tracemine.store import Store
from tracemine.store.embedder import GRID
from tracemine.verifiers.replay import CHOSE

sys.path.insert(0, str(Path(__file__).parents[2]))
import small_store

_INT = Signature((Parameter("a", "int"), Parameter("b", "int")), Parameter("result", "int"))

#: Short questions: their cases are no near-duplicates of one another.
WORDS = ("Apples left?", "Coins saved?", "Pages read?", "Miles driven?", "Eggs broken?")


def routine(number: int, cases: int, *, failing: int = 0, words: str = "") -> small_store.Routine:
    """A routine with an instance for each case, the last ``failing`` of which it fails on."""
    code = f"def f{number}(a, b):\n    total = a + {number} * b\n    return total\n"
    verdicts: tuple[Verdict, ...] = ("pass",) * (cases - 1 - failing) + ("fail",) * failing
    return small_store.Routine(
        subquestion=words or WORDS[number % len(WORDS)],
        code=code,
        signature=_INT,
        predicates=(),
        domain="math",
        status="verified",
        cases=tuple(({"a": n, "b": n + 1}, n + number * (n + 1)) for n in range(cases)),
        verdicts=verdicts,
    )


def opened(
    path: Path,
    *routines: small_store.Routine,
    change: Callable[[small_store.Tables], None] = lambda made: None,
) -> tuple[Store, Shelf, Shelf]:
    """A store of ``routines``, what it serves, and the spans that this rests on."""
    made = small_store.tables(routines)
    change(made)
    small_store.write(path, made)
    store = Store.open(str(path))
    shelf = served(store)
    return store, shelf, unconsolidated(store, shelf)


def cases_there(of: small_store.Routine, share: float) -> set[int]:
    return {
        n
        for n in range(len(of.cases))
        if is_there(problem_id(f"{of.subquestion} Case {n}."), share)
    }


def stands(of: small_store.Routine, share: float) -> bool:
    """Whether a routine has a founder, and two other problems that it passes on, counted by hand:
    case 0 founds it, verdicts are of the cases after that."""
    there = cases_there(of, share)
    passed = {0} | {n for n, verdict in enumerate(of.verdicts, start=1) if verdict == "pass"}
    return any(len((passed & there) - {founder}) >= 2 for founder in there)


def by_code(shelf: Shelf) -> dict[str, Any]:
    return {entry.routine.code: entry for entry in shelf.entries}


def test_all_of_the_trajectories_are_the_store_and_none_of_them_nothing(tmp_path: Path) -> None:
    store, shelf, spans = opened(tmp_path / "store", *small_store.ROUTINES)
    whole = shelf_at(store, shelf, spans, 1.0)
    assert whole.entries == shelf.entries
    assert np.array_equal(whole.vectors, shelf.vectors)
    nothing = shelf_at(store, shelf, spans, 0.0)
    assert nothing.entries == ()
    assert nothing.vectors.shape == (0, shelf.vectors.shape[1])


def test_what_stands_is_what_a_count_by_hand_says(tmp_path: Path) -> None:
    routines = [routine(n, 3 + n, failing=n % 3) for n in range(5)]
    store, shelf, spans = opened(tmp_path / "store", *routines)
    shares = [n / 40 for n in range(41)]
    seen = set()
    for share, found in zip(shares, shelves_at(store, shelf, spans, shares), strict=True):
        codes = by_code(found)
        for each in routines:
            there = cases_there(each, share)
            # The whole of what speaks for it, failures too, is as the store says.
            expected = stands(each, share) or len(there) == len(each.cases)
            assert (each.code in codes) == expected, (share, each.code)
            if not expected:
                continue
            entry = codes[each.code]
            verdicts = [each.verdicts[n - 1] for n in there if n > 0]
            assert entry.rankable.support == len(entry.trajectories) == len(there)
            assert entry.problems == verdicts.count("pass")
            rate = verdicts.count("pass") / len(verdicts) if verdicts else 0.0
            assert entry.rankable.success_rate == pytest.approx(rate)
            seen.add((each.code, len(there)))
    assert len(seen) > 10


def test_a_larger_share_has_all_that_a_smaller_one_has(tmp_path: Path) -> None:
    routines = [routine(n, 4 + n) for n in range(5)]
    store, shelf, spans = opened(tmp_path / "store", *routines)
    found = shelves_at(store, shelf, spans)
    assert len(found) == len(SHARES) == 10
    for smaller, larger in itertools.pairwise(found):
        before, after = by_code(smaller), by_code(larger)
        assert set(before) <= set(after)
        for code, entry in before.items():
            assert entry.trajectories <= after[code].trajectories
            assert entry.problems <= after[code].problems
            assert entry.rankable.support <= after[code].rankable.support
    assert found[-1].entries == shelf.entries
    assert len(found[0].entries) < len(found[-1].entries)


def test_vectors_are_the_middle_of_what_is_there(tmp_path: Path) -> None:
    store, shelf, spans = opened(tmp_path / "store", routine(1, 12))
    part = shelf_at(store, shelf, spans, 0.5)
    (entry,), (vector,) = part.entries, part.vectors
    assert vector.dtype == np.float32
    assert np.array_equal(vector * GRID, np.rint(vector * GRID))
    (summary,) = store.embedder.encode(["f1 in one step"])
    words = spans.vectors[[e.trajectories <= entry.trajectories for e in spans.entries]]
    middle = words.sum(axis=0) / np.linalg.norm(words.sum(axis=0)) + summary
    assert vector @ middle / np.linalg.norm(middle) == pytest.approx(1.0, abs=1e-3)


def test_tests_of_a_task_stand_with_their_task(tmp_path: Path) -> None:
    task = next(r for r in small_store.ROUTINES if r.origin == "test")
    other = routine(1, 3)
    store, shelf, spans = opened(tmp_path / "store", task, other)
    for share in SHARES:
        found = by_code(shelf_at(store, shelf, spans, share))
        assert (task.code in found) == is_there(problem_id(f"{task.subquestion} Case 0."), share)


def test_near_duplicates_are_one_problem(tmp_path: Path) -> None:
    many = "How many of the apples that she bought in the morning are left in the basket at night?"
    alike = routine(1, 12, words=many)
    store, shelf, spans = opened(tmp_path / "store", alike)
    for share in SHARES:
        there = cases_there(alike, share)
        found = shelf_at(store, shelf, spans, share)
        # Twelve wordings of one problem prove nothing; all of them are what the store has.
        assert bool(found.entries) == (len(there) == 12)


def test_one_that_passes_chooses_where_the_one_that_chose_is_not_there(tmp_path: Path) -> None:
    each = routine(1, 8)

    def last_chooses(made: small_store.Tables) -> None:
        last = problem_id(f"{each.subquestion} Case 7.")
        chosen = {i["instance_id"] for i in made.rows["instances"] if i["problem_id"] == last}
        for row in made.rows["replays"]:
            if row["instance_id"] in chosen:
                row |= {"verdict": "unsupported", "reason": CHOSE}
        for procedure in made.rows["procedures"]:
            procedure["variants"][0] |= {"passes": 6, "attempts": 6}

    store, shelf, spans = opened(tmp_path / "store", each, change=last_chooses)
    shares = [n / 60 for n in range(61)]
    needed = set()
    for share, found in zip(shares, shelves_at(store, shelf, spans, shares), strict=True):
        there = cases_there(each, share)
        passed = there - {7}
        chooser_founds = 7 in there and len(passed) >= 3
        another_founds = len(passed) - 1 >= (2 if 7 in there else 3)
        assert bool(found.entries) == (chooser_founds or another_founds), there
        needed.add((7 in there, len(passed), bool(found.entries)))
    assert len(needed) > 3


@pytest.mark.slow
def test_a_mined_store_grows_to_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "store"
    command = [sys.executable, "-m", "tracemine.pipelines.cli", "mine", "--sample", "--json"]
    command += ["--store", str(path), "--as-of", small_store.AS_OF]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=True)
    counts = json.loads(done.stdout)["procedures"]
    store = Store.open(str(path))
    shelf = served(store)
    spans = unconsolidated(store, shelf)
    found = shelves_at(store, shelf, spans)
    resting = Counter(span.home for span in spans.entries)
    # Two spans of one place and one method in two entries are both taken for the lesser's.
    own = {e.id for e in shelf.entries if resting[e.id] == e.rankable.support}
    assert len(own) >= len(shelf.entries) - 2
    sizes = [len(each.entries) for each in found]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1] == counts["verified"] + counts["canonical"]
    assert found[-1].entries == shelf.entries
    assert np.array_equal(found[-1].vectors, shelf.vectors)
    for smaller, larger in itertools.pairwise(found):
        after = {entry.id: entry.rankable for entry in larger.entries}
        for entry in smaller.entries:
            if entry.id not in own:
                continue
            evidence = after[entry.id].evidence
            for token, count in entry.rankable.evidence.items():
                assert 0 < count <= evidence[token]
    again = shelves_at(store, shelf, spans)
    assert [each.entries for each in again] == [each.entries for each in found]
    assert all(
        np.array_equal(one.vectors, two.vectors) for one, two in zip(again, found, strict=True)
    )
