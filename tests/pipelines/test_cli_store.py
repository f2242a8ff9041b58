"""The command line over a store: what is printed where, and the exit status."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tracemine.pipelines import cli
from tracemine.pipelines.rendering import hit_json, print_hits, print_json
from tracemine.schemas import decode, encode
from tracemine.store import RequestError, Store

sys.path.insert(0, str(Path(__file__).parents[1]))
import small_store

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "store"
    small_store.write(path)
    return path


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tracemine.pipelines.cli", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | environment
    )


def one_line(text: str) -> bool:
    return text.count("\n") == 1 and "Traceback" not in text


# -- through the shell -----------------------------------------------------------------------------


def test_search_as_a_program_would_call_it(store: Path) -> None:
    done = run("search", "--store", store, "money left after shopping", "-k", "2", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    hits = json.loads(done.stdout)["hits"]
    assert hits[0]["subquestion"] == "How much money is left after spending?"
    assert len(hits) == 2
    assert hits[0]["score"] >= hits[1]["score"]
    wanted = {
        "procedure_id", "score", "subquestion", "summary", "status", "signature", "preconditions",
        "failure_modes", "tokens", "variant", "provenance",
    }  # fmt: skip
    assert wanted <= hits[0].keys()
    assert {"variant_id", "subroutine", "code"} <= hits[0]["variant"].keys()
    assert hits[0]["signature"]["inputs"][0] == {"name": "total", "type": "int", "unit": None}
    quoted = {"trajectory_id", "source", "licence", "start", "end", "quote"}
    assert hits[0]["provenance"][0].keys() == quoted | {"span_id", "variant_id"}


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("fsck", "--store", "STORE"), 0),
        (("stats", "--store", "STORE", "--json"), 0),
        (("stats", "--store", "NONE", "--json"), 2),
        (("show", "--store", "STORE", "0" * 32), 1),
        (("mine", "--store", "STORE", "--input", "NONE"), 2),
        (("nonsense",), 2),
    ],
)
def test_exit_status(arguments: tuple[str, ...], status: int, store: Path, tmp_path: Path) -> None:
    places = {"STORE": str(store), "NONE": str(tmp_path / "none.jsonl")}
    done = run(*(places.get(a, a) for a in arguments))
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    if status == 2:
        assert done.stdout == ""
        assert one_line(done.stderr)


def test_help_waits_for_no_large_library() -> None:
    program = (
        "import sys; from tracemine.pipelines import cli; cli.main(['--help']); "
        "print(sorted({'apache_beam', 'torch', 'sympy', 'faiss', 'duckdb'} & sys.modules.keys()))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("[]")
    for command_name in ("mine", "search", "show", "stats", "fsck", "evaluate"):
        assert command_name in done.stdout


def test_output_survives_a_terminal_that_knows_ascii_only(store: Path) -> None:
    done = run("stats", "--store", store, PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
    assert done.returncode == 0, done.stderr


# -- in this process -------------------------------------------------------------------------------


def call(capsys: Capture, *arguments: str | Path) -> tuple[int, str, str]:
    status = cli.main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_version(capsys: Capture) -> None:
    status, out, _ = call(capsys, "--version")
    assert status == 0
    assert re.fullmatch(r"tracemine \d+\.\d+\.\d+\S*\n", out)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("search",),
        ("search", "--store", "STORE"),
        ("search", "--store", "STORE", "x", "-k", "many"),
        ("search", "--store", "STORE", "x", "-k", "0"),
        ("search", "--store", "STORE", "x", "--domain", "magic"),
        ("search", "--store", "STORE", "x", "--status", "superb"),
        ("search", "--store", "STORE", "x", "--output-type", "number"),
        ("search", "--store", "STORE", "x", "--inputs", "int,int"),
        ("search", "--store", "STORE", "x", "--where", "best = 1"),
        ("search", "--store", "STORE", "x", "--as-of", "soon"),
        ("search", "--store", "STORE", "x", "--unmet", "keep"),
        ("search", "--store", "STORE", "x", "--fused", "--bindings", '{"a": 1}'),
        ("search", "--store", "STORE", "x", "--bindings", "{"),
        ("search", "--store", "STORE", "x", "--bindings", "[1]"),
        ("search", "--store", "STORE", "x", "--bindings", '{"a": {"$odd": 1}}'),
        ("search", "--store", "STORE", "x", "--bindings", "[" * 20_000),
        ("search", "--store", "STORE", "x", "--bindings", '{"a": NaN}'),
        ("search", "--store", "STORE", "x", "--bindings", '{"a": {"$float": "inf"}}'),
        ("search", "--store", "STORE", "x", "--bindings", '{"a": 1e400}'),
        ("search", "--store", "STORE", "x", "--bindings", '{"a": 1, "b": 2, "a": 3}'),
        ("search", "--store", "STORE", "x", "--deadline", "-1"),
        ("search", "--store", " ", "x"),
        ("search", "--store", "STORE", "x", "--units", '{"a": "dollar"}'),
        ("search", "--store", "STORE", "x", "--bindings", '{"a": 1}', "--units", "{"),
        ("search", "--store", "STORE", "x", "--bindings", '{"a": 1}', "--units", '["dollar"]'),
        ("search", "--store", "STORE", "x", "--bindings", '{"a": 1}', "--units", '{"a": 1e400}'),
        ("search", "--store", "STORE", "x", "--bindings", '{"a": 1}', "--units", '{"a": "sheep"}'),
        ("search", "--store", "STORE", "x", "--bindings", '{"a": 1}', "--units", '{"b": "hour"}'),
        ("search", "--store", "STORE", "x", "--output-unit", "a\nsheep"),
        ("search", "--store", "STORE", " "),
        ("search", "--store", "STORE", "x", "--frobnicate"),
        ("show", "--store", "STORE"),
        ("show", "--store", "NONE", "abc"),
        ("stats", "--store", "NONE"),
        ("fsck", "--store", "NONE"),
        ("fsck",),
        ("mine", "--store", "NEW"),
        ("mine", "--sample", "--store", ""),
        ("mine", "--sample", "--input", "x", "--store", "NEW"),
        ("mine", "--sample"),
        ("mine", "--sample", "--store", "NEW", "--holdout", "2"),
        ("mine", "--sample", "--store", "NEW", "--shards", "0"),
        ("mine", "--sample", "--store", "NEW", "--index", "IVF4,What"),
        ("mine", "--sample", "--store", "NEW", "--as-of", "soon"),
        ("mine", "--sample", "--store", "NEW", "--columns", "problem"),
        ("mine", "--sample", "--store", "NEW", "--licences", ","),
        ("mine", "--sample", "--store", "NEW", "stray"),
        ("mine", "--sample", "--store", "NEW", "--inptu=x"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_mistake_is_told_in_one_line(
    arguments: tuple[str, ...], as_json: bool, store: Path, tmp_path: Path, capsys: Capture
) -> None:
    places = {
        "STORE": str(store),
        "NONE": str(tmp_path / "none"),
        "NEW": str(tmp_path / "new"),
    }
    words = [places.get(a, a) for a in arguments]
    status, out, err = call(capsys, *words, *(["--json"] if as_json else []))
    assert status == 2
    assert out == ""
    assert one_line(err)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("flag", ["--bindings", "--units"])
@pytest.mark.parametrize("value", ["dollar", "{", "[1]"])
def test_who_gives_no_object_is_shown_one(
    flag: str, value: str, store: Path, capsys: Capture
) -> None:
    words = ["search", "--store", store, "x", "--bindings", '{"a": 1}', flag, value]
    status, _, err = call(capsys, *words)
    assert status == 2
    assert one_line(err)
    assert f"{flag} takes a JSON object such as {{" in err


@pytest.mark.parametrize(
    ("command", "reader"),
    [
        (("search", "money left"), "tracemine.store.Store.open"),
        (("evaluate", "--heldout", "x"), "tracemine.pipelines.evaluate.run_evaluate"),
        (("mine", "--sample"), "tracemine.pipelines.mine.run_mine"),
    ],
)
def test_only_who_mines_is_told_of_a_store_that_was_being_made(
    command: tuple[str, ...],
    reader: str,
    store: Path,
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(reader, interrupted)
    where = tmp_path / "new" if command[0] == "mine" else store
    status, out, err = call(capsys, *command, "--store", where)
    assert (status, out) == (130, "")
    assert one_line(err.lstrip("\n"))
    assert ("not published" in err) == (command[0] == "mine")


def test_fsck_of_another_schema_version_ends_as_other_commands(
    tmp_path: Path, capsys: Capture
) -> None:
    other = tmp_path / "other"
    small_store.write(other)
    path = other / "snapshots/000001/manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 1}))
    for command in ("fsck", "stats"):
        status, out, err = call(capsys, command, "--store", other)
        assert (status, out) == (2, "")
        assert one_line(err)
        assert str(other) in err


def test_nothing_found_is_no_mistake(store: Path, capsys: Capture) -> None:
    words = ("search", "--store", store, "x", "--domain", "other")
    status, out, err = call(capsys, *words)
    assert (status, out) == (1, "")
    assert "nothing" in err
    status, out, _ = call(capsys, *words, "--json")
    assert (status, json.loads(out)) == (1, {"hits": []})
    status, out, _ = call(capsys, "show", "--store", store, "f" * 32, "--json")
    assert (status, json.loads(out)["entry"]) == (1, None)


def test_search_takes_filters(store: Path, capsys: Capture) -> None:
    def found(*filters: str) -> list[str]:
        _, out, _ = call(capsys, "search", "--store", store, "x", "--json", *filters)
        return sorted(hit["subquestion"].split()[-1] for hit in json.loads(out)["hits"])

    assert found("--status", "candidate") == ["go?"]
    assert found("--status", "candidate", "canonical") == ["go?", "spending?"]
    assert found("--status", "candidate", "--status", "canonical") == ["go?", "spending?"]
    assert found("--bindings", '{"total": 5, "spent": 2}') == ["spending?"]
    assert found("--bindings", '{"total": 5, "spent": 7}') == []
    assert found("--output-type", "rational", "--domain", "math") == ["spending?", "values?"]


def test_search_with_values_says_what_comes_of_them(store: Path, capsys: Capture) -> None:
    words = ("search", "--store", store, "money left", "--bindings", '{"my purse": 5, "paid": 2}')
    status, out, _ = call(capsys, *words, "--json", "--units", '{"my purse": "dollars"}')
    (hit,) = json.loads(out)["hits"]
    assert status == 0
    assert hit["roles"] == {"total": "my purse", "spent": "paid"}
    assert (hit["gives"], hit["gives_not"], hit["unchecked"]) == (3, "", False)
    _, out, _ = call(capsys, *words)
    assert "takes: total = your my purse\n" in out
    assert "gives: 3\n" in out
    words = ("search", "--store", store, "money left", "--bindings", '{"a": 5.5, "b": 2}')
    _, out, _ = call(capsys, *words, "--json")
    (hit,) = json.loads(out)["hits"]
    assert (hit["ran"], hit["gives"], hit["unchecked"]) == (True, 3.5, False)
    words = (*words, "--deadline", "0")
    _, out, _ = call(capsys, *words, "--json")
    (hit,) = json.loads(out)["hits"]
    assert (hit["ran"], hit["gives"], hit["unchecked"]) == (False, None, True)
    _, out, _ = call(capsys, *words)
    assert "gives: nothing: not run to its end in the time that this search has\n" in out
    assert "needs: not checked on your values\n" in out


@pytest.mark.parametrize("value", [(1, 2), {3}, Fraction(3, 4), math.nan, {1: "a"}, 1j, "é\n\x1b"])
def test_what_a_hit_gives_is_written_as_in_instances(
    value: Any, store: Path, capsys: Capture
) -> None:
    (hit,) = Store.open(str(store)).search("money left", 1)
    given_hit = dataclasses.replace(hit, roles={"total": "a"}, gives=value)
    written = print_json(hit_json(given_hit))
    assert encode(decode(json.dumps(json.loads(written)["gives"]))) == encode(value)
    refused = dataclasses.replace(hit, roles={"total": "\x1b[2J\n"}, gives_not="no\x1b[2J\nline")
    print_hits(Console(), [given_hit, refused])
    assert "\x1b" not in capsys.readouterr().out


def test_a_person_reads_hits_and_an_entry(store: Path, capsys: Capture) -> None:
    status, out, _ = call(capsys, "search", "--store", store, "average of numbers", "-k", "1")
    assert status == 0
    for piece in ("What is the average", "verified", "(values: list[int]) -> result: rational",
                  "needs:", "fails:", "def average(values):"):  # fmt: skip
        assert piece in out
    identifier = re.search(r"[0-9a-f]{32}", out)
    assert identifier
    status, out, _ = call(capsys, "show", "--store", store, identifier.group()[:10])
    assert status == 0
    for piece in ("2 of 3 attempts passed", "values=[3,3] should give 4.0", "made.jsonl, MIT",
                  "min_replays"):  # fmt: skip
        assert piece in out


def test_show_as_json_has_evidence_and_events(store: Path, capsys: Capture) -> None:
    _, out, _ = call(capsys, "search", "--store", store, "money left", "-k", "1", "--json")
    identifier = json.loads(out)["hits"][0]["procedure_id"]
    _, out, _ = call(capsys, "show", "--store", store, identifier, "--json")
    shown: dict[str, Any] = json.loads(out)
    assert shown["entry"]["procedure_id"] == identifier
    assert len(shown["evidence"]) == 3
    assert [(e["from"], e["to"]) for e in shown["events"]] == [
        ("", "verified"), ("verified", "canonical"),
    ]  # fmt: skip


def test_stats_and_their_sql(store: Path, capsys: Capture) -> None:
    _, out, _ = call(capsys, "stats", "--store", store, "--json")
    assert json.loads(out)["status"]["canonical"] == 1
    _, out, _ = call(capsys, "stats", "--store", store)
    assert "canonical" in out
    _, sql, _ = call(capsys, "stats", "--store", store, "--sql")
    _, out, _ = call(capsys, "stats", "--store", store, "--sql", "--json")
    assert json.loads(out)["sql"] == sql
    connection = duckdb.connect()
    connection.execute(sql)
    assert connection.execute("SELECT count(*) FROM replays").fetchall() == [(8,)]


def test_fsck_tells_findings(store: Path, tmp_path: Path, capsys: Capture) -> None:
    status, out, _ = call(capsys, "fsck", "--store", store, "--json")
    assert (status, json.loads(out)) == (0, {"ok": True, "findings": [], "notes": []})
    broken = tmp_path / "broken"
    small_store.write(broken)
    next((broken / "snapshots/000001/spans").iterdir()).unlink()
    status, out, _ = call(capsys, "fsck", "--store", broken, "--json")
    assert status == 1
    assert "missing" in json.loads(out)["findings"][0]
    status, out, _ = call(capsys, "fsck", "--store", broken)
    assert status == 1
    assert "missing" in out


# -- what a command line means ---------------------------------------------------------------------


def test_what_the_shell_expanded_is_several_inputs() -> None:
    words = ["mine", "--input", "a", "b", "c", "--json", "--licences", "MIT", "X11"]
    assert cli.spread(words) == [
        "mine", "--input", "a", "--input", "b", "--input", "c", "--json",
        "--licences", "MIT", "--licences", "X11",
    ]  # fmt: skip
    assert cli.spread(["mine", "--input=a", "b"]) == ["mine", "--input=a", "--input", "b"]
    words = ["search", "--status", "verified", "how many"]
    assert cli.spread(words) == words
    assert cli.spread([]) == []


@given(st.lists(st.sampled_from(["--input", "a", "--json", "--input=b", "-k", "--store", "--x"])))
def test_spreading_keeps_every_word_in_order(words: list[str]) -> None:
    rest = iter(cli.spread(["mine", *words]))
    assert all(word in rest for word in ["mine", *words])


def test_arguments_for_beam() -> None:
    words = ["--runner=SparkRunner", "--job_name", "mine", "--no_use_public_ips"]
    assert cli.beam_arguments(words) == tuple(words)
    for stray in (["x"], ["--a=b", "x"], ["--a", "b", "c"]):
        with pytest.raises(RequestError, match="--input"):
            cli.beam_arguments(stray)


# -- snapshots -------------------------------------------------------------------------------------


def test_compact_and_gc_say_what_they_did(tmp_path: Path, capsys: Capture) -> None:
    store = tmp_path / "store"
    small_store.write(store)
    small_store.add(store)
    status, out, err = call(capsys, "compact", "--store", store, "--json")
    assert (status, err) == (0, "")
    done = json.loads(out)
    assert (done["snapshot"], done["folded"]) == ("000003", "000002")
    assert done["files_after"] < done["files_before"]
    status, out, _ = call(capsys, "compact", "--store", store)
    assert (status, out) == (0, "snapshot 000003 is compact already\n")
    status, out, err = call(capsys, "gc", "--store", store, "--keep", "2", "--json")
    assert (status, err) == (0, "")
    done = json.loads(out)
    assert (done["kept"], done["removed"]) == (["000002", "000003"], ["000001"])
    assert done["shared"] == ["000001"]
    status, out, _ = call(capsys, "gc", "--store", store, "--keep", "1")
    assert status == 0
    assert "removed: 000002" in out
    assert call(capsys, "fsck", "--store", store)[0] == 0


@pytest.mark.parametrize(
    "words",
    [
        ("gc", "--store", "STORE"),
        ("gc", "--store", "STORE", "--keep", "0"),
        ("gc", "--store", "STORE", "--keep", "many"),
        ("gc", "--store", "STORE", "--keep", "1", "--grace", "-1"),
        ("gc", "--store", "NONE", "--keep", "1"),
        ("compact", "--store", "NONE"),
        ("compact",),
    ],
)
def test_wrong_requests_of_compact_and_gc_are_one_line(
    store: Path, tmp_path: Path, capsys: Capture, words: tuple[str, ...]
) -> None:
    places = {"STORE": store, "NONE": tmp_path / "none"}
    status, out, err = call(capsys, *(places.get(word, word) for word in words))
    assert (status, out) == (2, "")
    assert one_line(err)
