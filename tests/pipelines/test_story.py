"""An entry's whole story: what one screen shows of it, what `--all` shows, and that text which
somebody else wrote does nothing to a terminal."""

from __future__ import annotations

import dataclasses
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from tracemine.pipelines import cli
from tracemine.pipelines.story import evidence_words, print_entry
from tracemine.schemas import Event, Question, Rests, ToolPointer
from tracemine.store import Entry, Snapshot, Store

sys.path.insert(0, str(Path(__file__).parents[1]))
import small_store

WIDTH, HEIGHT = 80, 45
#: Two entries whose ids begin alike.
TWINS = ("abcdef01" + "0" * 24, "abcdef01" + "1" * 24)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small store, with two more candidates."""
    made = small_store.tables()
    (candidate,) = made.rows["candidates"]
    for twin in TWINS:
        made.rows["candidates"].append(candidate | {"procedure_id": twin})
        made.vectors[twin] = made.vectors[candidate["procedure_id"]]
    path = tmp_path_factory.mktemp("story") / "store"
    small_store.write(path, made)
    return path


@pytest.fixture(scope="module")
def opened(store: Path) -> tuple[Snapshot, dict[str, Entry]]:
    """Its snapshot, and its entries by the last word of their questions."""
    with Store.open(str(store)) as reader:
        rows = reader.rows(
            "SELECT procedure_id FROM procedures UNION ALL SELECT procedure_id FROM candidates"
        )
        entries = [reader.get(row["procedure_id"]) for row in rows]
    named = {e.procedure.subquestion.split()[-1].strip("?"): e for e in entries if e}
    return reader.snapshot, named


def told(entry: Entry, snapshot: Snapshot, *, every: bool = False, width: int = WIDTH) -> str:
    stream = io.StringIO()
    print_entry(Console(file=stream, width=width), entry, snapshot, every=every)
    return stream.getvalue()


def unfolded(text: str) -> str:
    return " ".join(text.split())


def with_more(entry: Entry, times: int, **changes: Any) -> Entry:
    """``entry`` with so many times its variants, evidence, quotes, failure modes and events."""
    procedure = entry.procedure
    variants = tuple(
        dataclasses.replace(variant, variant_id=f"{number:032x}")
        for number in range(times)
        for variant in procedure.variants
    )
    evidence = tuple(
        dataclasses.replace(one, replay=dataclasses.replace(one.replay, variant_id=v.variant_id))
        for v in variants
        for one in entry.evidence * times
    )
    longer = dataclasses.replace(
        procedure,
        variants=variants,
        failure_modes=tuple(f"failure {number}" for number in range(times)),
        provenance=tuple(
            dataclasses.replace(one, source=f"source {number}")
            for number in range(times)
            for one in procedure.provenance
        ),
        **changes,
    )
    return dataclasses.replace(
        entry, procedure=longer, evidence=evidence, events=entry.events * times
    )


def test_one_screen_tells_the_whole_story(opened: tuple[Snapshot, dict[str, Entry]]) -> None:
    snapshot, entries = opened
    out = told(entries["values"], snapshot)
    assert len(out.splitlines()) <= HEIGHT
    assert max(map(cell_len, out.splitlines())) <= WIDTH
    for piece in (
        "What is the average of the values?",
        "(values: list[int]) -> result: rational",
        "as the predicate says",
        "wrong units",
        "numeric; cut by rules@1",
        "verified; passes on 2 distinct problems, right in 67%",
        "last verified 2025-06-30T12:00:00Z, does not expire",
        "in snapshot 000001, as of 2025-06-30T12:00:00Z",
        "new -> verified (min_replays = 2): no evidence",
        "2 of 3 attempts passed, 7 tokens",
        "    def average(values):\n        total = sum(values)\n",
        "2 pass, 1 fail, on 3 problems",
        "values=[10,20] gives 15.0",
        "values=[3,3] should give 4.0",
        "monty: it (1)",
        "4 quotes of 4 trajectories: 4 from made.jsonl, MIT",
        "“def average(values): total = sum(values) return total / len(values)”",
    ):
        assert piece in out or piece in unfolded(out), piece
    assert entries["values"].procedure.procedure_id in out
    waiting = told(entries["go"], snapshot)
    for piece in ("candidate; shown on no other problem yet", "never verified", "none: no inst"):
        assert piece in waiting
    risen = Event("", "", "verified", "min_replays", "{}", "2025-01-01", "")
    own = dataclasses.replace(risen, procedure_id=entries["go"].procedure.procedure_id)
    for event, said in ((risen, "never verified"), (own, "no longer verified")):
        assert said in told(dataclasses.replace(entries["go"], events=(event,)), snapshot)
    spent = told(entries["spending"], snapshot)
    assert "verified -> canonical (promote_after = 3)" in spent


def test_long_lists_are_counted_and_shown_whole_on_request(
    opened: tuple[Snapshot, dict[str, Entry]],
) -> None:
    snapshot, entries = opened
    words = " ".join(f"word{number}" for number in range(200))
    code = (
        "def f(x):\n" + "".join(f"    x += {number}\n" for number in range(60)) + "    return x\n"
    )
    entry = with_more(entries["values"], 9, summary=words)
    first, *others = entry.procedure.variants
    variants = (dataclasses.replace(first, code=code), *others)
    procedure = dataclasses.replace(entry.procedure, variants=variants)
    entry = dataclasses.replace(entry, procedure=procedure)
    out = told(entry, snapshot)
    assert len(out.splitlines()) < 1.5 * HEIGHT
    assert max(map(cell_len, out.splitlines())) <= WIDTH
    for piece in (
        "and 6 more: --all",  # failure modes
        "6 earlier: --all",  # events
        "and 55 more lines: --all",
        "code and replays of 7 variants: --all",
        "6 more sources: --all",
        "and 34 more quotes: --all",
        "… marks what is cut short: --all shows the whole",
    ):
        assert piece in out, piece
    whole = told(entry, snapshot, every=True)
    assert "--all" not in whole
    assert "…" not in whole
    assert words in unfolded(whole)
    assert whole.count("should give 4.0") == 9 * 9
    assert whole.count("“def average") == 9 * 4
    assert whole.count("new -> verified") == 9
    assert all(f"    x += {number}\n" in whole for number in range(60))
    assert all(v.variant_id in whole for v in variants)


def test_what_a_tool_pointer_stands_for_is_told(
    opened: tuple[Snapshot, dict[str, Entry]],
) -> None:
    snapshot, entries = opened
    entry = entries["spending"]
    asked = tuple(Question(f"how much is {number}", 9 - number) for number in range(8))
    pointer = ToolPointer(
        entry.procedure, "operator.sub", "total - spent", asked, ("math", "stem"),
        (Rests("a.jsonl", "", 30), Rests("b.jsonl", "MIT", 6)), 36, 20,
    )  # fmt: skip
    constant = dataclasses.replace(
        entry.evidence[0],
        replay=dataclasses.replace(entry.evidence[0].replay, binding_map='{"spent":"=12"}'),
    )
    entry = dataclasses.replace(entry, pointer=pointer, evidence=(constant,))
    out = told(entry, snapshot)
    for piece in (
        "operator.sub: total - spent",
        "36 hand-offs of 20 problems (math, stem)",
        "how much is 2 (7) and 5 more: --all",
        "36 quotes, 4 of them kept: 30 from a.jsonl, no licence stated; 6 from b.jsonl, MIT",
        "spent=12 (a constant) gives",
    ):
        assert piece in unfolded(out), piece


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        ('{"distinct_problems":1,"passed":3}', "3 passed, on 1 problem"),
        (
            '{"distinct_problems":4,"judged_problems":1,"passed":5}',
            "5 passed, on 4 problems, 1 of these by a model's judgement alone",
        ),
        ('{"attempts":8,"passed":1}', "1 of 8 passed"),
        ('{"attempts":8}', "attempts: 8"),
        ('{"library_version":"2.0","was":[1,"a"]}', 'library version: 2.0, was: [1,"a"]'),
        (
            '{"failures":2,"first":[{"variant":"a","instance":"b","now":"fail","why":"low"}]}',
            "2 calls that passed before, now failing: low",
        ),
        ('{"failures":2,"first":["a"]}', "failures: 2, first: a"),
        (
            '{"changed":[{"library":"numpy","verified_with":"1.26","now":"2.0"}]}',
            "numpy 1.26 is now 2.0",
        ),
        ('{"from":["ab","cd"]}', "from: ab, cd"),
        ("{}", "no evidence"),
        ("what it saw", "what it saw"),
        ("[1]", "[1]"),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_the_evidence_of_an_event_in_words(evidence: str, words: str) -> None:
    assert evidence_words(evidence) == words


def hostile() -> st.SearchStrategy[str]:
    return st.one_of(
        st.text(),
        st.sampled_from(
            [
                "\x1b[2J\x1b]0;title\x07",
                "[bold red]x[/bold red] [/] [link=http://x]y[/link]",
                "x[1:b:2] :warning:",
                "a\r\nb\u2028c\u202ed\x85\x00",
                "\u0301" * 99 + "好" * 120,
                '{"a":' * 3000,
            ]
        ),
    )


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(hostile(), min_size=14, max_size=14), every=st.booleans())
def test_hostile_text_is_harmless(
    texts: Sequence[str], every: bool, opened: tuple[Snapshot, dict[str, Entry]]
) -> None:
    snapshot, entries = opened
    entry = entries["values"]
    procedure, (variant,) = entry.procedure, entry.procedure.variants
    variant = dataclasses.replace(variant, code=texts[0], subroutine=texts[1])
    quote = dataclasses.replace(procedure.provenance[0], quote=texts[2], source=texts[3])
    procedure = dataclasses.replace(
        procedure, subquestion=texts[4], summary=texts[5], preconditions=(texts[6],),
        failure_modes=(texts[7], texts[8]), variants=(variant,), provenance=(quote,),
    )  # fmt: skip
    first = entry.evidence[0]
    one = dataclasses.replace(
        first,
        replay=dataclasses.replace(first.replay, reason=texts[9], verdict="fail"),
        instance=dataclasses.replace(first.instance, bindings=texts[10], result=texts[11]),
    )
    event = Event(procedure.procedure_id, "", "verified", texts[12], texts[13], texts[3])
    out = told(Entry(procedure, (one,), (event,)), snapshot, every=every)
    assert all(char.isprintable() or char == "\n" for char in out)
    assert "🅱" not in out.replace("".join(texts), "") or any("🅱" in text for text in texts)
    if not every:
        assert max(map(cell_len, out.splitlines())) <= WIDTH
        assert len(out.splitlines()) <= 2 * HEIGHT


# -- the command -----------------------------------------------------------------------------------


def call(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    status = cli.main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_an_id_may_be_abbreviated_and_one_that_is_not_enough_lists_all(
    store: Path, opened: tuple[Snapshot, dict[str, Entry]], capsys: pytest.CaptureFixture[str]
) -> None:
    identifier = opened[1]["values"].procedure.procedure_id
    for given_id in (identifier, identifier[:8], identifier[:20].upper(), f" {identifier[:8]} "):
        status, out, err = call(capsys, "show", "--store", store, given_id, "--json")
        shown = json.loads(out)
        assert (status, err, shown["entry"]["procedure_id"]) == (0, "", identifier)
    assert (shown["snapshot"], shown["as_of"]) == ("000001", small_store.AS_OF)
    assert len(shown["evidence"]) == 3
    status, out, err = call(capsys, "show", "--store", store, TWINS[0][:8])
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert all(twin in err for twin in TWINS)
    status, out, _ = call(capsys, "show", "--store", store, TWINS[0][:9], "--all")
    assert status == 0
    assert TWINS[0] in out
    status, out, err = call(capsys, "show", "--store", store, "\x1b[2Jabcdef")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "\x1b" not in err
