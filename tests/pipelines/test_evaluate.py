"""evaluate, end to end through the command line, on stores made for it: one that is perfect, one
that is useless, one that leaks; and on what is wrong with a request."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tracemine.pipelines import cli
from tracemine.pipelines.evaluation.held_out import LISTED_FAILURES
from tracemine.pipelines.evaluation.report import print_evaluation
from tracemine.pipelines.evaluation.selection import (
    BEYOND,
    IN_STORE,
    NEAR_STORE,
    OTHER_SPLIT,
    SAME,
    split_of,
)
from tracemine.pipelines.reporting.worth import judge, read_evaluation
from tracemine.pipelines.reporting.worth_charts import worth_charts
from tracemine.schemas import fraction_of, problem_id
from tracemine.store import Store
from tracemine.transforms.admit import HELD_OUT, NOT_HELD_OUT

sys.path.insert(0, str(Path(__file__).parents[1]))
import independent_check
import small_store

pytestmark = pytest.mark.slow

Json = dict[str, Any]
Row = dict[str, str]

AS_OF = "2026-01-02T03:04:05+00:00"
HOLDOUT = 0.3
ARMS = (
    "untyped", "typed", "typed_signature", "bound", "oracle", "popularity", "random", "bm25",
    "whole_trace", "no_gate", "no_consolidation", "no_clustering", "no_store",
)  # fmt: skip
KS = ("1", "3", "5", "10")
#: What tables are taken by that have a row for each that there is.
PARTS = ("domain", "operations", "source")

# -- problems that are made ------------------------------------------------------------------------

_WHO = ("Odile", "Bram", "Nadia", "Tariq", "Imke", "Ottilie", "Fritjof", "Senna")
_FIRST = (
    "On a wet morning", "Before the fair opens", "At the end of the harvest", "Under an awning",
    "After a long drive home", "While a baby sleeps", "With the radio turned up", "Once more",
    "In the yard behind the mill", "Long before breakfast", "Because the van is late", "At noon",
)  # fmt: skip
_ASIDE = (
    "The wind is strong today.", "Nobody else is around.", "A grey dog looks on.", "It is late.",
    "The road to town is closed.", "It smells of cinnamon here.", "Somebody whistles a tune.",
    "Bells ring across the valley.", "Rain drums on the roof.", "A kettle sings inside.",
)  # fmt: skip


@dataclass(frozen=True)
class Family:
    """Problems that one formula solves; ``{who}`` and a gap for each number."""

    tale: str
    asked: str
    formula: str
    gaps: tuple[str, ...]


# Each takes another number of values, so that its signature alone tells what fits.
SOLD = Family(
    "{who} fills {a} crates with {b} pears each and sells {c} pears.",
    "How many pears are left?",
    "{a}*{b}-{c}",
    ("a", "b", "c"),
)
CAMP = Family(
    "{who} has ${a} and buys {b} tents at ${c} each and {d} lamps at ${e} each.",
    "How many dollars are left?",
    "{a}-{b}*{c}-{d}*{e}",
    ("a", "b", "c", "d", "e"),
)
#: All take three numbers, and their words say nothing of which formula is meant.
CARDS = tuple(
    Family("{who} reads {a}, {b} and {c} off a card.", "What comes out?", formula, ("a", "b", "c"))
    for formula in ("{a}*{b}-{c}", "{a}+{b}*{c}", "({a}+{b})*{c}", "{a}*{b}*{c}", "{a}+{b}+{c}")
)
# Take three numbers too, and ask what none of these gives.
SHARED = Family(
    "{who} adds {b} pears to a heap of {a} and shares all of them out on {c} plates.",
    "How many pears are on a plate?",
    "({a}+{b})/{c}",
    ("a", "b", "c"),
)
BOXES = Family(
    "{who} takes {b} pears out of a box of {a}, and does so with {c} boxes.",
    "How many pears do the boxes still hold?",
    "({a}-{b})*{c}",
    ("a", "b", "c"),
)


def rows_of(family: Family, count: int, seed: int, *, below: int = 60) -> list[Row]:
    """``count`` solved problems in other words and numbers, the same for a seed; the numbers that
    are drawn are less than ``below``."""
    draw = random.Random(seed)
    found: dict[str, Row] = {}
    while len(found) < count:
        a, b, c, d, e = draw.sample(range(2, below), 5)
        if family is CAMP:
            a += b * c + d * e
        if family is SHARED:
            a = c * d - b
        numbers = {"a": a, "b": b, "c": c, "d": d, "e": e}
        formula = family.formula.format(**numbers)
        result = eval(formula)
        if min(result, a) <= 0 or len({numbers[g] for g in family.gaps}) < len(family.gaps):
            continue
        who = draw.choice(_WHO)
        tale = family.tale.format(who=who, **numbers)
        opening = f"{draw.choice(_FIRST)}, {tale} {draw.choice(_ASIDE)}"
        found[opening] = {
            "question": f"{opening} {family.asked}",
            "answer": f"{who} gets {formula} = <<{formula}={result:g}>>{result:g} in the end.\n"
            f"#### {result:g}",
        }
    return list(found.values())


def write_rows(path: Path, rows: Sequence[Row]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def left_out(row: Row) -> bool:
    return fraction_of(problem_id(row["question"])) < HOLDOUT


# -- running it ------------------------------------------------------------------------------------


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tracemine.pipelines.cli", *map(str, arguments)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | environment,
    )


def call(*arguments: str | Path) -> tuple[int, str, str]:
    """The exit status, stdout and stderr of a command that runs in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = cli.main([str(a) for a in arguments])
    assert "Traceback" not in err.getvalue()
    return status, out.getvalue(), err.getvalue()


def told(*arguments: str | Path) -> Json:
    """What a command that succeeds prints with ``--json``."""
    status, out, err = call(*arguments, "--json")
    assert status == 0, err
    found: Json = json.loads(out)
    return found


def evaluate(store: Path, heldout: Path, *arguments: str) -> Json:
    found = told("evaluate", "--store", store, "--heldout", heldout, *arguments)
    adds_up(found)
    return found


def mine(store: Path, rows: Path, *arguments: str) -> Json:
    return told("mine", "--store", store, "--input", rows, "--as-of", AS_OF, *arguments)


def adds_up(found: Json) -> None:
    trajectories = found["trajectories"]
    assert trajectories["read"] == (
        trajectories["admitted"]
        + sum(trajectories["rejected"].values())
        + trajectories["duplicates"]
        + sum(trajectories["failed"].values())
    )
    assert found["spans"] == found["found"] + sum(found["unasked"].values())
    assert found["found"] == found["questions"] + sum(found["dropped"].values())
    failures = trajectories["failures"]
    assert len(failures["first"]) + failures["more"] == sum(trajectories["failed"].values())


def at_1(found: Json, arm: str) -> Json:
    share: Json = found["replay_at_k"][arm]["1"]
    return share


# -- a store that is perfect -----------------------------------------------------------------------


@dataclass(frozen=True)
class Made:
    """A store, the rows it was mined from with some left out, and what `mine` said."""

    store: Path
    path: Path
    rows: list[Row]
    mined: Json


@pytest.fixture(scope="module")
def perfect(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("perfect")
    rows = [*rows_of(SOLD, 20, seed=1), *rows_of(CAMP, 20, seed=2)]
    path = write_rows(folder / "rows.jsonl", rows)
    mined = mine(folder / "store", path, "--holdout", str(HOLDOUT))
    return Made(folder / "store", path, rows, mined)


@pytest.fixture(scope="module")
def judged(perfect: Made) -> tuple[str, Json]:
    """The perfect store, judged as a program would have it done, by two worker processes; what it
    printed, as it is and read."""
    done = run(
        "evaluate", "--store", perfect.store, "--heldout", perfect.path, "--holdout",
        str(HOLDOUT), "--split", "all", "--json",
        "--direct_running_mode=multi_processing", "--direct_num_workers=2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(done.stdout)


def test_a_perfect_store_is_perfect(judged: tuple[str, Json]) -> None:
    _, found = judged
    asked = found["questions"]
    assert asked > 10
    # Of so few problems the interval is not a point though all are right: Wilson's.
    low = round(asked / (asked + 1.959964**2), 4)
    whole = {"value": 1.0, "low": low, "high": 1.0, "n": asked, "problems": asked}
    for arm in ("typed_signature", "bound", "oracle"):
        for k in KS:
            for table in (found["replay_at_k"], found["certain_at_k"]):
                assert table[arm][k] == whole, (arm, k)
            assert found["by_problem"]["replay_at_k"][arm][k] == whole, (arm, k)
    assert found["own_methods"] == whole
    assert found["search"]["same_first"] == whole
    for k in KS:
        assert found["search"]["replay_at_k"]["search"][k] == whole
    assert found["pairs"]["run"] > asked
    assert found["pairs"]["timeouts"] == 0
    assert found["gate"]["served"]["all"]["tries"]["value"] == 1.0
    assert found["growth"]["100%"]["typed_signature"]["1"] == whole


def test_a_perfect_store_does_not_leak(judged: tuple[str, Json]) -> None:
    leakage = judged[1]["retrieval"]["leakage"]
    for answer in ("reference", "result"):
        for text in ("summary", "full", "returned"):
            for k in KS:
                assert leakage[answer][text][k]["excess"]["low"] <= 0.0, (answer, text, k)
        for text in ("summary", "full"):
            assert {leakage[answer][text][k]["excess"]["value"] for k in KS} == {0.0}, answer


def test_a_hit_is_counted_as_search_prints_it(perfect: Made, judged: tuple[str, Json]) -> None:
    tokens = judged[1]["retrieval"]["tokens"]
    status, out, _ = call("search", "--store", perfect.store, "How many pears are left?", "--json")
    assert status == 0
    hits = json.loads(out)["hits"]
    assert {hit["procedure_id"] for hit in hits} == {
        row["procedure_id"] for row in independent_check.rows(perfect.store, "procedures")
    }
    embedder = Store.open(str(perfect.store)).embedder
    printed = [embedder.tokens(json.dumps(hit)) for hit in hits]
    # Each question is given one of these two.
    assert min(printed) * 0.95 <= tokens["returned"]["1"]["value"] <= max(printed) * 1.05
    assert tokens["returned"]["1"]["value"] > 2 * tokens["full"]["1"]["value"]


def test_every_arm_is_told_of_with_its_interval_and_count(judged: tuple[str, Json]) -> None:
    printed, found = judged
    assert printed.count("\n") == 1
    tables = {
        "all": found["replay_at_k"],
        "multi": found["multi_operation"],
        "certain": found["certain_at_k"],
        "by problem": found["by_problem"]["replay_at_k"],
        **found["by_domain"],
        **found["by_operations"],
        **found["by_source"],
    }
    assert found["by_domain"].keys() == {"math"}
    assert found["by_source"].keys() == {"rows.jsonl"}
    for name, table in tables.items():
        assert table.keys() >= set(ARMS), name
        for arm, shares in table.items():
            assert tuple(shares) == KS, (name, arm)
            for share in shares.values():
                assert share.keys() == {"value", "low", "high", "n", "problems"}
                assert 0 <= share["low"] <= share["value"] <= share["high"] <= 1
            values = [share["value"] for share in shares.values()]
            assert values == sorted(values), (name, arm)
    assert {share["n"] for arm in found["multi_operation"].values() for share in arm.values()} == {
        found["questions"]
    }
    by_operations = [arms["oracle"]["1"]["n"] for arms in found["by_operations"].values()]
    assert sum(by_operations) == found["questions"]
    for arm, shares in found["certain_at_k"].items():
        for k in KS:
            assert shares[k]["value"] <= found["replay_at_k"][arm][k]["value"], (arm, k)
    assert found["split"] == "all"
    assert found["mined"]["holdout"] == found["holdout"] == HOLDOUT


def test_holdout_takes_what_mine_left_out(perfect: Made, judged: tuple[str, Json]) -> None:
    _, found = judged
    adds_up(found)
    stored = {r["problem_id"] for r in independent_check.rows(perfect.store, "trajectories")}
    kept = {problem_id(row["question"]) for row in perfect.rows if not left_out(row)}
    assert stored == kept
    read, admitted = len(perfect.rows), sum(map(left_out, perfect.rows))
    assert 0 < admitted < read
    assert perfect.mined["trajectories"]["rejected"] == {HELD_OUT: admitted}
    assert found["trajectories"]["read"] == read
    assert found["trajectories"]["admitted"] == found["problems"] == admitted
    assert found["trajectories"]["rejected"] == {NOT_HELD_OUT: read - admitted}
    assert found["dropped"] == {}


def test_problems_of_the_store_and_their_like_are_dropped(
    perfect: Made, judged: tuple[str, Json], tmp_path: Path
) -> None:
    _, held_out = judged
    known = [row for row in perfect.rows if not left_out(row)]
    alike = [row | {"question": f"Listen: {row['question']}"} for row in known[:5]]
    path = write_rows(tmp_path / "rows.jsonl", [*perfect.rows, *alike])
    found = evaluate(perfect.store, path, "--split", "all", "--no-growth")
    assert found["dropped"] == {IN_STORE: len(known), NEAR_STORE: len(alike)}
    assert found["questions"] == held_out["questions"]
    for figures in ("replay_at_k", "lift", "gate", "retrieval"):
        assert found[figures] == held_out[figures], figures
    assert "growth" in held_out
    assert "growth" not in found


def test_dev_and_final_part_the_problems_of_all_sources(perfect: Made, tmp_path: Path) -> None:
    rows = [*rows_of(SOLD, 12, seed=21), *rows_of(CAMP, 12, seed=22)]
    # The same problems in another source, told otherwise: the same values, the same half.
    again = [row | {"answer": f"Let us see. {row['answer']}"} for row in rows[:8]]
    write_rows(tmp_path / "one.jsonl", rows)
    write_rows(tmp_path / "two.jsonl", again)
    found = {
        split: evaluate(perfect.store, tmp_path / "*.jsonl", "--split", split, "--no-growth")
        for split in ("dev", "final", "all")
    }
    halves = [split_of(problem_id(row["question"])) for row in rows]
    assert {s: f["split"] for s, f in found.items()} == {s: s for s in found}
    assert found["all"]["questions"] == found["all"]["problems"] == len(rows)
    assert found["all"]["dropped"] == {SAME: len(again)}
    for split, other in (("dev", "final"), ("final", "dev")):
        asked = found[split]
        assert asked["questions"] == asked["problems"] == halves.count(split) > 0
        doubled = [split_of(problem_id(row["question"])) for row in again]
        beside = halves.count(other) + doubled.count(other)
        assert asked["dropped"][OTHER_SPLIT] == beside
        assert asked["dropped"].get(SAME, 0) == doubled.count(split)
    # What all find is what the two find.
    for arm in ARMS:
        shares = {split: found[split]["replay_at_k"][arm]["1"] for split in found}
        right = {split: round(share["value"] * share["n"]) for split, share in shares.items()}
        assert right["dev"] + right["final"] == right["all"], arm


def test_a_ledger_of_what_was_read(perfect: Made, tmp_path: Path) -> None:
    rows = rows_of(SOLD, 6, seed=31)
    text = "".join(json.dumps(row) + "\n" for row in [*rows, rows[0]])
    (tmp_path / "rows.jsonl").write_text(text + '{not json\n{"question": null}\n')
    found = evaluate(perfect.store, tmp_path / "rows.jsonl", "--split", "all")
    trajectories = found["trajectories"]
    assert trajectories["read"] == 9
    assert trajectories["admitted"] == 6
    assert trajectories["duplicates"] == 1
    assert sum(trajectories["failed"].values()) == 2
    for row, line in zip((7, 8), trajectories["failures"]["first"], strict=True):
        assert line.startswith(f"rows.jsonl row {row}: ")


def damaged(folder: Path) -> list[Path]:
    """Files of rows of which some can be read: one with many that cannot, one that is empty."""
    good = [json.dumps(row) for row in rows_of(SOLD, 3, seed=51)]
    bad = ["{not json \x1b[31m"] * (LISTED_FAILURES + 4)
    (folder / "bad.jsonl").write_text("\n".join([*good, *bad]))
    (folder / "a_empty.jsonl").write_text("")
    return [folder / "bad.jsonl", folder / "a_empty.jsonl"]


def test_rows_that_cannot_be_read_are_listed_in_order_and_the_rest_counted(
    perfect: Made, tmp_path: Path
) -> None:
    words = ("evaluate", "--store", perfect.store, "--heldout", *damaged(tmp_path))
    found = told(*words, "--split", "all", "--no-growth")
    adds_up(found)
    assert found["questions"] == 3
    first, *rest = found["trajectories"]["failures"]["first"]
    assert first.startswith("a_empty.jsonl row 0: ")
    # By number: row 10 does not come before row 9.
    rows = [line.partition(": ")[0] for line in rest]
    assert rows == [f"bad.jsonl row {row}" for row in range(3, LISTED_FAILURES + 2)]
    assert found["trajectories"]["failures"]["more"] == 5


def test_a_person_is_told_of_damaged_files_beside_questions(perfect: Made, tmp_path: Path) -> None:
    words = ("evaluate", "--store", perfect.store, "--heldout", *damaged(tmp_path))
    status, out, _ = call(*words, "--split", "all", "--no-growth")
    assert status == 0
    total = LISTED_FAILURES + 8
    failed = LISTED_FAILURES + 5
    assert f"rows: {total} read = 3 admitted + 0 rejected + 0 duplicates + {failed} failed" in out
    assert f"rows failed: {failed - 1} (not JSON)" in out
    assert "rows failed: 1 (empty file)" in out
    assert "  a_empty.jsonl row 0: empty file\n" in out
    assert "  bad.jsonl row 3: not JSON" in out
    assert "  and 5 more rows that failed\n" in out
    assert "spans: 3 cut = 3 questions + 0 that are none" in out
    assert "questions: 3 found = 3 asked + 0 dropped" in out
    assert "\x1b" not in out


def test_questions_are_limited(perfect: Made) -> None:
    arguments = ("--holdout", str(HOLDOUT), "--split", "all", "--no-growth", "--questions")
    found = evaluate(perfect.store, perfect.path, *arguments, "4")
    assert found["questions"] == found["replay_at_k"]["bound"]["1"]["n"] == 4
    assert found["dropped"] == {BEYOND: found["found"] - 4}
    found = evaluate(perfect.store, perfect.path, *arguments, "100000")
    assert found["questions"] == found["found"]


# -- the same answer, however it is run ------------------------------------------------------------


def test_order_of_rows_and_workers_change_nothing(
    perfect: Made, judged: tuple[str, Json], tmp_path: Path
) -> None:
    _, found = judged
    rows = list(perfect.rows)
    random.Random(7).shuffle(rows)
    assert rows != perfect.rows
    shuffled = write_rows(tmp_path / "rows.jsonl", rows)
    again = evaluate(perfect.store, shuffled, "--holdout", str(HOLDOUT), "--split", "all")
    assert again == found


def test_what_another_run_left_is_not_read(perfect: Made, tmp_path: Path) -> None:
    left = tmp_path / "temp" / "questions"
    left.mkdir(parents=True)
    (left / "questions-00001-of-00002").write_text("what another run left\n")
    heldout = write_rows(tmp_path / "rows.jsonl", rows_of(SOLD, 3, seed=41))
    place = f"--temp_location={tmp_path / 'temp'}"
    found = evaluate(perfect.store, heldout, "--split", "all", "--no-growth", place)
    assert found["questions"] == 3
    assert [path.name for path in (tmp_path / "temp").iterdir()] == ["questions"]


# -- a store that is useless -----------------------------------------------------------------------


def test_a_report_reads_what_is_printed(judged: tuple[str, Json], tmp_path: Path) -> None:
    path = tmp_path / "evaluation.json"
    path.write_text(judged[0])
    evaluation = read_evaluation(str(path))
    assert all(chart.figure and chart.rows for chart in worth_charts(evaluation))
    verdict = judge(evaluation)
    assert verdict
    assert verdict.ours.value == judged[1]["replay_at_k"]["typed_signature"]["1"]["value"]
    gained = judged[1]["lift"]["typed_signature"]["no_store"]["1"]["value"]
    assert verdict.over_nothing.value == gained > 0
    tokens = judged[1]["retrieval"]["tokens"]["full"]["1"]["value"]
    assert verdict.tokens.value == tokens
    assert verdict.price.value == pytest.approx(tokens / gained)


@pytest.fixture(scope="module")
def useless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("useless")
    rows = [row for seed, family in enumerate(CARDS) for row in rows_of(family, 8, seed=100 + seed)]
    mined = mine(folder / "store", write_rows(folder / "rows.jsonl", rows))
    assert mined["procedures"]["canonical"] >= 3
    return folder / "store"


@pytest.mark.parametrize(("family", "below"), [(SHARED, 60), (BOXES, 8)])
def test_a_useless_store_is_no_better_than_chance(
    useless: Path, tmp_path: Path, family: Family, below: int
) -> None:
    """Of small numbers other formulas give the result at times."""
    heldout = write_rows(tmp_path / "rows.jsonl", rows_of(family, 30, seed=4, below=below))
    found = evaluate(useless, heldout, "--split", "all", "--no-growth")
    assert found["questions"] == 30
    # Something is retrieved, and it runs: it is only not right.
    assert found["retrieval"]["nothing_fits"]["bound"]["value"] == 0.0
    assert found["gate"]["served"]["tries"] >= 30
    for k in KS:
        typed, chance = (found["replay_at_k"][a][k] for a in ("typed_signature", "random"))
        assert typed["low"] <= chance["high"], k
        lift = found["lift"]["typed_signature"]["random"][k]
        assert lift["low"] <= 0.0 <= lift["high"], k
    oracle = found["replay_at_k"]["oracle"]["1"]["value"]
    assert oracle == 0.0 if family is SHARED else 0.0 < oracle < 0.3, oracle
    # A pass by coincidence is not taken for a routine that knows how.
    assert found["gate"]["served"]["certain"]["tries"]["value"] == 0.0
    of_store = set(ARMS) - {"no_store"}
    assert {found["certain_at_k"][arm]["10"]["value"] for arm in of_store} == {0.0}


def test_where_words_say_nothing_nobody_knows_the_routine(useless: Path, tmp_path: Path) -> None:
    """The store has the routines, and only the result would tell which of them is meant."""
    cards = [row for seed, family in enumerate(CARDS) for row in rows_of(family, 10, seed + 200)]
    heldout = write_rows(tmp_path / "rows.jsonl", cards)
    found = evaluate(useless, heldout, "--split", "all", "--no-growth")
    assert at_1(found, "oracle")["low"] > 0.5
    for arm in set(ARMS) - {"oracle"}:
        assert at_1(found, arm)["high"] < at_1(found, "oracle")["low"], arm
    # Ten guesses at a formula find many of them too, and these are no coincidence.
    luck = found["certain_at_k"]["no_store"]["10"]
    assert 0.1 < luck["value"] <= found["replay_at_k"]["no_store"]["10"]["value"] < 1.0
    lift = found["lift"]["typed_signature"]["random"]["1"]
    assert lift["low"] <= 0.0 <= lift["high"]


def test_a_store_that_serves_nothing_finds_nothing(tmp_path: Path) -> None:
    """Two problems are not enough to be shown on: there is a candidate, and nothing to serve."""
    rows = write_rows(tmp_path / "mined.jsonl", rows_of(SOLD, 2, seed=9))
    assert mine(tmp_path / "store", rows)["procedures"]["candidate"] == 1
    heldout = write_rows(tmp_path / "rows.jsonl", rows_of(SOLD, 5, seed=10))
    found = evaluate(tmp_path / "store", heldout, "--split", "all")
    assert (found["questions"], found["entries"]) == (5, 0)
    assert {a for a in ARMS if at_1(found, a)["value"]} <= {"no_gate", "no_store"}
    assert at_1(found, "no_gate")["value"] == 1.0
    assert found["retrieval"]["nothing_fits"]["output"]["value"] == 1.0
    # The candidate is right on them: it was refused for want of problems.
    assert found["gate"]["refused_wrongly"]["certain"]["value"] == 1.0


# -- a store that leaks ----------------------------------------------------------------------------

#: What is sold in each problem that leaks: its words lead to the entry that tells its answer.
_SOLD = (
    "lanterns", "violins", "tortoises", "umbrellas", "doughnuts", "helmets", "carpets", "magnets",
)  # fmt: skip


def test_a_store_that_leaks_is_found(tmp_path: Path) -> None:
    rows, routines, answers = [], [], {}
    for number, thing in enumerate(_SOLD):
        (row,) = rows_of(SOLD, 1, seed=400 + number)
        rows.append({name: text.replace("pears", thing) for name, text in row.items()})
        answers[thing] = answer = row["answer"].rpartition("#### ")[2]
        # Half of them tell the answer in the words that they are found by, half in their code only.
        words = f"How many {thing} are left?" + (f" It was {answer}." if number % 2 else "")
        routines.append(
            small_store.Routine(
                subquestion=words,
                code=f"def {thing}(crates, each, sold):\n    # {answer} of them\n"
                "    return crates * each - sold\n",
                signature=small_store.signature("int", crates="int", each="int", sold="int"),
                predicates=(),
                domain="math",
                status="canonical",
                cases=tuple(({"crates": 2 + n, "each": 3, "sold": 1}, 5 + 3 * n) for n in range(4)),
                verdicts=("pass", "pass", "pass"),
            )
        )
    made = small_store.tables(routines)
    small_store.write(tmp_path / "store", made)
    heldout = write_rows(tmp_path / "rows.jsonl", rows)
    found = evaluate(tmp_path / "store", heldout, "--split", "all", "--no-growth")
    leakage = found["retrieval"]["leakage"]
    for answer in ("reference", "result"):
        leaks = leakage[answer]
        assert found["questions"] == leaks["questions"] == len(_SOLD)
        for text in ("full", "returned"):
            assert leaks[text]["1"]["contained"]["value"] == 1.0, (answer, text)
            assert leaks[text]["1"]["excess"]["low"] > 0.5, (answer, text)
        assert leaks["summary"]["1"]["contained"]["value"] == 0.5
        assert leaks["summary"]["1"]["excess"]["low"] > 0.0
    entries = {row["procedure_id"]: row for row in made.rows["procedures"]}
    named = {}
    for leak in leakage["worst"]:
        (thing,) = (
            t for t in _SOLD if f"def {t}(" in entries[leak["entry"]]["variants"][0]["code"]
        )
        named[thing] = leak
        assert (leak["reference"], leak["k"]) == (answers[thing], 1)
        assert ("summary" in leak["in"]) == (_SOLD.index(thing) % 2 == 1)
        # A count in another hit may be the same number.
        assert 1 / len(_SOLD) <= leak["share_of_entries"] <= 0.5
    assert named.keys() == set(_SOLD)


# -- what a person reads ---------------------------------------------------------------------------


def test_a_report_fits_a_narrow_terminal(
    perfect: Made, judged: tuple[str, Json], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, found = judged
    monkeypatch.setenv("COLUMNS", "80")
    words = ("evaluate", "--store", perfect.store, "--heldout", perfect.path)
    status, out, _ = call(*words, "--holdout", str(HOLDOUT), "--split", "all")
    assert status == 0
    assert max(map(len, out.splitlines())) <= 80
    assert "\N{HORIZONTAL ELLIPSIS}" not in out
    for arm in ARMS:
        (cells,) = re.findall(rf"^{arm} +(.*)$", out.partition("lift at 1")[0], re.MULTILINE)
        for k, value, interval in zip(KS, cells.split()[::2], cells.split()[1::2], strict=True):
            share = found["replay_at_k"][arm][k]
            low, high = map(float, interval.split("-"))
            assert float(value) == pytest.approx(share["value"], abs=6e-4), (arm, k)
            assert (low, high) == pytest.approx((share["low"], share["high"]), abs=6e-4), (arm, k)


def cells(out: str, title: str) -> dict[str, list[str]]:
    """Name of a row -> its cells, of the table of a report with this title."""
    after = out[out.index(f"\n{title}") + 1 :].splitlines()[2:]
    table: dict[str, list[str]] = {}
    for row in after:
        name, *rest = re.split(r" {2,}", row.rstrip())
        if not rest or row.startswith(" "):
            break
        table[name] = rest
    return table


def told_of(share: Json) -> str:
    """As the docs say that a share is written."""
    if not share["n"]:
        return "-"
    value, low, high = (
        f"{share[name]:.3f}".removesuffix("0")
        if abs(share[name]) >= 0.9995
        else f"{share[name]:.3f}".replace("0.", ".", 1)
        for name in ("value", "low", "high")
    )
    return f"{value} {low}{':' if '-' in value + low + high else '-'}{high}"


def test_a_report_tells_of_retrieval_gate_growth_and_search(
    perfect: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    words = ("evaluate", "--store", perfect.store, "--heldout", perfect.path)
    words = (*words, "--holdout", str(HOLDOUT), "--split", "dev")
    found, (_, out, _) = told(*words), call(*words)
    limits = cells(out, "questions of which")
    assert limits["the store has their own method (own_methods)"] == [told_of(found["own_methods"])]
    assert limits["no_store has no formula to try (no_formula)"] == [told_of(found["no_formula"])]
    fits = found["retrieval"]["nothing_fits"]
    assert [row[0] for row in list(limits.values())[2:]] == [told_of(s) for s in fits.values()]
    search = cells(out, "replay@k of the store's own search")
    for name, shares in found["search"]["replay_at_k"].items():
        assert search[name] == [told_of(shares[k]) for k in ("1", "10")]
    assert search["the same entry first"] == [told_of(found["search"]["same_first"])]
    leaks = cells(out, "leakage")
    for answer in ("reference", "result"):
        for text in ("summary", "full", "returned"):
            shares = found["retrieval"]["leakage"][answer][text]["10"]
            wanted = [told_of(shares[name]) for name in ("contained", "exchanged", "excess")]
            assert leaks[f"{answer} in {text}"] == wanted
    for text, means in found["retrieval"]["tokens"].items():
        told_first = cells(out, "tokens of the hits")[text][0]
        assert told_first.startswith(f"{means['1']['value']:,.0f}")
    assert len(cells(out, "variety of the first ten")["mean"]) == 3
    gate = found["gate"]
    tries, routines = cells(out, "gate: tries on"), cells(out, "gate: routines tried")
    kinds = cells(out, "gate: tries that pass")
    for shelf in ("served", "ungated", "refused"):
        counts = [f"{gate[shelf][name]:,}" for name in ("routines", "tries", "declined")]
        shares = [told_of(gate[shelf][which]["tries"]) for which in ("certain", "all")]
        assert tries[shelf] == [*counts, *shares]
        assert routines[shelf][0] == f"{gate[shelf]['tried']['2']:,}"
        assert kinds[shelf] == [f"{count:,}" for count in gate[shelf]["passes"].values()]
    # Nothing was refused, so nothing of it can be told.
    assert gate["refused"]["certain"]["routines"]["2"]["value"] is None
    assert routines["refused"][1:] == ["-", "-"]
    ungated = gate["ungated"]["routines"]
    assert re.search(rf"^no_gate: {ungated} routines? to choose from", out, re.MULTILINE)
    growth = cells(out, "growth")
    assert growth.keys() == found["growth"].keys()
    for part, at in found["growth"].items():
        shares = [told_of(at["typed_signature"][k]) for k in ("1", "10")]
        assert growth[part] == [f"{at['entries']:,}", *shares]


@pytest.mark.parametrize(
    ("share", "told"),
    [
        ((1.0, 1.0, 1.0), "1.00 1.00-1.00"),
        ((0.0, 0.0, 0.0), ".000 .000-.000"),
        ((0.4412, 0.4, 0.99961), ".441 .400-1.00"),
        ((0.2, -0.0501, 0.45), ".200 -.050:.450"),
        ((-0.2, -1.0, -0.00004), "-.200 -1.00:.000"),
    ],
)
def test_a_figure_is_told_with_its_interval(
    share: tuple[float, ...], told: str, judged: tuple[str, Json]
) -> None:
    figure = dict(zip(("value", "low", "high"), share, strict=True))
    table = {"a": {str(k): figure | {"n": 3, "problems": 2} for k in KS}}
    found = judged[1] | {
        "questions": 3, "problems": 3, "entries": 1, "split": "dev", "dropped": {}, "unasked": {},
        "replay_at_k": table, "by_domain": {"math": table}, "lift": {"a": table},
        "lift_by_domain": {}, "certain_at_k": table, "by_problem": {"replay_at_k": table},
        "by_source": {"a" * 90: table | {"typed_signature": table["a"]}},
        "pairs": {"run": 3, "timeouts": 1},
    }  # fmt: skip
    out = io.StringIO()
    print_evaluation(Console(file=out, width=80), found)
    assert re.search(rf"^a +{re.escape(told)} ", out.getvalue(), re.MULTILINE)
    assert "(3 questions of 2 problems)" in out.getvalue()
    assert "3 runs, 1 timeout\n" in out.getvalue()
    assert max(map(len, out.getvalue().splitlines())) <= 80


# -- what is wrong with a request ------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["--store", "NONE", "--heldout", "ROWS"],
        ["--store", "OTHER", "--heldout", "ROWS"],
        ["--store", "STRANGE", "--heldout", "ROWS"],
        ["--heldout", "ROWS"],
        ["--store", "STORE"],
        ["--store", "STORE", "--heldout", ""],
        ["--store", "STORE", "--heldout", "NONE"],
        ["--store", "STORE", "--heldout", "ROWS", "NONE"],
        ["--store", "STORE", "--heldout", "ROWS", "--format", "nonsense"],
        ["--store", "STORE", "--heldout", "ROWS", "--columns", "problem"],
        ["--store", "STORE", "--heldout", "ROWS", "--teacher", "nobody"],
        ["--store", "STORE", "--heldout", "ROWS", "--split", "test"],
        ["--store", "STORE", "--heldout", "ROWS", "--split", "DEV"],
        ["--store", "STORE", "--heldout", "ROWS", "--holdout", "1.5"],
        ["--store", "STORE", "--heldout", "ROWS", "--holdout", "1"],
        ["--store", "STORE", "--heldout", "ROWS", "--holdout", "-0.1"],
        ["--store", "STORE", "--heldout", "ROWS", "--holdout", "nan"],
        ["--store", "STORE", "--heldout", "ROWS", "--holdout", "some"],
        ["--store", "STORE", "--heldout", "ROWS", "--questions", "0"],
        ["--store", "STORE", "--heldout", "ROWS", "--questions", "many"],
        ["--store", "STORE", "--heldout", "ROWS", "--frobnicate"],
        ["--store", "STORE", "--heldout", "ROWS", "--direct_num_worker=2"],
        ["--store", "STORE", "--input", "ROWS"],
        ["stray", "--store", "STORE", "--heldout", "ROWS"],
    ],
)
def test_a_wrong_request_is_one_line_and_exit_2(
    arguments: list[str], perfect: Made, tmp_path: Path
) -> None:
    manifest = json.loads((perfect.store / "snapshots/000001/manifest.json").read_text())
    changed = {
        "other": {"schema_version": "999"},
        "strange": {"embedder": manifest["embedder"] | {"fingerprint": "another"}},
    }
    for name, fields in changed.items():
        shutil.copytree(perfect.store, tmp_path / name)
        small_store.edit_manifest(tmp_path / name, lambda m, fields=fields: m.update(fields))
    places = {
        "STORE": perfect.store,
        "OTHER": tmp_path / "other",
        "STRANGE": tmp_path / "strange",
        "NONE": tmp_path / "none",
        "ROWS": perfect.path,
    }
    words = [str(places.get(a, a)) for a in arguments]
    for as_json in ([], ["--json"]):
        status, out, err = call("evaluate", *words, *as_json)
        assert (status, out) == (2, ""), err
        assert err.count("\n") == 1, err
        assert err.startswith("tracemine: ")


def test_another_input_beside_a_wrong_one_is_named(perfect: Made, tmp_path: Path) -> None:
    words = ("evaluate", "--store", perfect.store, "--heldout", perfect.path, tmp_path / "gone")
    _, _, err = call(*words)
    assert "gone" in err
    (tmp_path / "plain").mkdir()
    status, out, err = call("evaluate", "--store", tmp_path / "plain", "--heldout", perfect.path)
    assert (status, out, err.count("\n")) == (2, "", 1)


NO_QUESTION = {
    "empty.jsonl": b"",
    "binary.jsonl": bytes(range(256)) * 20,
    "broken.jsonl": b'{"question": "1 +',
    "wrong.jsonl": json.dumps(
        {"question": "What is 2 and 3?", "answer": "It is 2*3-1 = <<2*3-1=5>>5.\n#### "}
    ).encode(),
    "one_operation.jsonl": json.dumps(
        {"question": "Bram sells 2 of 7 pears. How many are left?",
         "answer": "He has 7-2 = <<7-2=5>>5 pears left.\n#### 5"}
    ).encode(),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_QUESTION)
def test_rows_without_a_question_are_exit_1(
    name: str, perfect: Made, judged: tuple[str, Json], tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(NO_QUESTION[name])
    words = ("evaluate", "--store", perfect.store, "--heldout", tmp_path / name, "--split", "all")
    status, out, err = call(*words, "--json")
    assert status == 1, err
    assert err.startswith("no question is left to ask")
    assert err.count("\n") == 1, err
    assert "--json" not in err
    found = json.loads(out)
    adds_up(found)
    assert found["questions"] == 0
    assert found["by_domain"] == {}
    for table in ("replay_at_k", "multi_operation", "certain_at_k"):
        for share in (s for arm in ARMS for s in found[table][arm].values()):
            assert share == {"value": None, "low": None, "high": None, "n": 0, "problems": 0}
    # Whatever is told of questions is told of none.
    assert set(paths(judged[1])) - set(paths(found)) == set()


def paths(found: Json, *above: str) -> Iterator[tuple[str, ...]]:
    """Where each figure stands; not those by what questions there are."""
    for name, inner in found.items():
        if name in ("dropped", "unasked", "rejected") or name.split("_")[-1] in PARTS:
            continue
        yield (*above, name)
        if isinstance(inner, dict):
            yield from paths(inner, *above, name)


def test_a_person_is_told_why_nothing_can_be_asked(perfect: Made, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(NO_QUESTION["one_operation.jsonl"])
    words = ("evaluate", "--store", perfect.store, "--heldout", tmp_path / "rows.jsonl")
    status, out, err = call(*words, "--split", "all")
    assert (status, err.count("\n")) == (1, 1)
    assert err.startswith("no question is left to ask")
    assert "rows: 1 read = 1 admitted" in out
    assert "spans that are no question: 1 (" in out
