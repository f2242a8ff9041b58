"""report, as a person has it: the command, the page that it writes, and that page in a browser,
over a store whose texts try to be more than text."""

from __future__ import annotations

import dataclasses
import html
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tracemine.pipelines import cli
from tracemine.store import begin, publish

sys.path.insert(0, str(Path(__file__).parents[1]))
import small_store

Json = dict[str, Any]
Capture = pytest.CaptureFixture[str]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
#: What would act if it were not shown as text.
MARKUP = "</script><script>window.acted=1</script><img src=x onerror='window.acted=1'>"
LINK = '<a href="javascript:window.acted=1">press</a> &lt;b&gt; "quoted"'
#: An id that stands for another.
OLD = "0" * 32
#: Widths of a phone and of a laptop, in CSS pixels.
WIDTHS = (390, 1280)


def hostile() -> small_store.Tables:
    """The small store, with markup wherever a trace can put some."""
    first = small_store.ROUTINES[0]
    code = first.code.replace("left = ", f'"""{MARKUP}"""\n    left = ')
    changed = dataclasses.replace(first, subquestion=f"How much is left? {MARKUP}", code=code)
    made = small_store.tables((changed, *small_store.ROUTINES[1:]))
    for row in made.rows["trajectories"]:
        row["source"] = f"{MARKUP}.jsonl"
    for row in made.rows["procedures"]:
        row["summary"] = f"{row['summary']} {LINK}"
        row["failure_modes"] = [LINK]
        for one in row["provenance"]:
            one["source"] = f"{MARKUP}.jsonl"
    for row in made.rows["rejected"]:
        row["reason"] = LINK
        row["record"] = json.dumps({"sources": [{"dataset": f"{MARKUP}.jsonl"}]})
    for row in made.rows["events"]:
        row["evidence"] = json.dumps({"why": MARKUP})
    return made


def share(value: float) -> Json:
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 40, "problems": 30}


def evaluation() -> Json:
    """What `evaluate --json` prints, as far as the report reads it."""
    arms = {"typed_signature": 0.5, "bm25": 0.3, "no_store": 0.2, "oracle": 0.8, MARKUP: 0.25}
    ks = ("1", "3", "5", "10")
    return {
        "store": "./store", "snapshot": "000002", "split": "final", "questions": 40, "problems": 30,
        "entries": 3,
        "replay_at_k": {arm: {k: share(value) for k in ks} for arm, value in arms.items()},
        "lift": {"typed_signature": {a: {"1": share(0.5 - v)} for a, v in arms.items()}},
        "retrieval": {"tokens": {"full": {"1": share(60.0), "10": share(600.0)}}},
        "growth": {
            part: {"entries": n, "typed_signature": {k: share(n / 10) for k in ks}}
            for n, part in enumerate(("10%", "50%", "100%"), 1)
        },
        "gate": {"nobody": ["reads", "this"]},
    }  # fmt: skip


def without(*path: str) -> str:
    """An evaluation without what is at ``path``."""
    made = part = evaluation()
    for name in path[:-1]:
        part = part[name]
    del part[path[-1]]
    return json.dumps(made)


def with_share(value: float | str, **bounds: float) -> str:
    """An evaluation of which one share has another value, or other bounds."""
    made = evaluation()
    made["replay_at_k"]["bm25"]["1"] |= {"value": value, **bounds}
    return json.dumps(made)


def told_first(browserless: Path) -> str:
    """The text of a page before its charts, without markup and on one line."""
    text = browserless.read_text(encoding="utf-8").split('<section id="funnel">')[0]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text.split("<main>")[1])).split())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two snapshots: in the second an entry is quarantined, and one more record was rejected."""
    path = tmp_path_factory.mktemp("report") / "store"
    made = hostile()
    # An entry that went into the first.
    home = made.rows["procedures"][0]["procedure_id"]
    at = small_store.AS_OF
    made.rows["merged"].append({"procedure_id": OLD, "into": home, "at": at})
    went = made.rows["events"][0] | {"procedure_id": OLD, "from": "verified", "to": "merged"}
    made.rows["events"].append(went | {"rule": "merge", "at": at})
    small_store.write(path, made)
    row = next(row for row in made.rows["procedures"] if row["status"] == "verified")
    row["status"], row["success_rate"] = "quarantined", 0.0
    made.rows["rejected"].append(made.rows["rejected"][0] | {"record_id": "f" * 32})
    draft = begin(str(path), refresh=True)
    small_store.fill(draft, made)
    fields = {name: (draft.parent_manifest or {})[name] for name in small_store.MANIFEST_FIELDS}
    publish(draft, fields | {"as_of": "2025-07-30T12:00:00+00:00"})
    return path


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("evaluation") / "evaluation.json"
    path.write_text(json.dumps(evaluation()))
    return path


@pytest.fixture(scope="module")
def page(store: Path, evaluated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("page") / "new" / "folder"
    words = ("report", "--store", store, "--evaluation", evaluated, "--out", out)
    assert cli.main(list(map(str, words))) == 0
    assert [path.name for path in out.iterdir()] == ["index.html"]
    return out / "index.html"


# -- the command -----------------------------------------------------------------------------------


def test_what_a_program_reads(
    store: Path, evaluated: Path, tmp_path: Path, capsys: Capture
) -> None:
    words = ("report", "--store", store, "--evaluation", evaluated, "--out", tmp_path, "--json")
    assert cli.main(list(map(str, words))) == 0
    told = json.loads(capsys.readouterr().out)
    assert Path(told["report"]) == tmp_path / "index.html"
    assert told["bytes"] == (tmp_path / "index.html").stat().st_size
    assert told["snapshots"] == ["000001", "000002"]
    assert told["trajectories"]["read"] == told["trajectories"]["admitted"] + 2
    assert told["trajectories"]["gone"] == {LINK: 2}
    assert told["entries"] | {"tools": 0} == {
        "canonical": 1, "verified": 1, "quarantined": 1, "candidate": 1, "tools": 0,
    }  # fmt: skip
    assert told["notes"] == []


def test_the_page_depends_on_nothing_else(
    page: Path, store: Path, evaluated: Path, tmp_path: Path
) -> None:
    words = ("report", "--store", store, "--evaluation", evaluated, "--out", tmp_path)
    assert cli.main(list(map(str, words))) == 0
    assert (tmp_path / "index.html").read_bytes() == page.read_bytes()


def test_a_store_without_an_entry_has_a_report(tmp_path: Path, capsys: Capture) -> None:
    small_store.write(tmp_path / "store", small_store.tables(()))
    words = ("report", "--store", tmp_path / "store", "--out", tmp_path / "out", "--json")
    assert cli.main(list(map(str, words))) == 0
    assert json.loads(capsys.readouterr().out)["entries"] == {"tools": 0}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot read the evaluation"),
        ("not JSON", "is not what tracemine evaluate --json prints"),
        ('{"hits": []}', "questions: Field required"),
        ('{"questions": 1, "replay_at_k": {"a": {"1": {"value": "b"}}}}', "replay_at_k.a.1.value"),
        ("[" * 100_000, "is not what tracemine evaluate --json prints"),
        (without("lift"), "lift: Field required"),
        (without("lift", "typed_signature"), "lift has no typed_signature"),
        (without("lift", "typed_signature", "no_store"), "has no no_store at 1"),
        (with_share(float("nan")), "replay_at_k.bm25.1.value: Input should be a finite number"),
        (with_share(1.2), "replay_at_k.bm25.1.value: Input should be less than or equal to 1"),
        (with_share("0.3"), "replay_at_k.bm25.1.value: Input should be a valid number"),
        (with_share(0.3, low=0.5, high=0.4), "replay_at_k.bm25.1: Value error, low (0.5) is above"),
        (json.dumps(evaluation() | {"store": "/another"}), "is of the store /another, not of"),
        (json.dumps(evaluation() | {"entries": 7}), "7 entries to find, here 3 in snapshot 000002"),
    ],
)
def test_another_file_is_no_evaluation(
    content: str | None, told: str, store: Path, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "evaluation.json"
    if content is not None:
        path.write_text(content)
    words = ("report", "--store", store, "--evaluation", path, "--out", tmp_path / "out")
    assert cli.main(list(map(str, words))) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_page_that_cannot_be_written(store: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "below", f"{store}/"):
        assert cli.main(["report", "--store", str(store), "--out", str(out)]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_an_evaluation_of_another_snapshot_is_said_to_be(
    store: Path, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "evaluation.json"
    path.write_text(json.dumps(evaluation() | {"snapshot": "000001"}))
    words = ("report", "--store", store, "--evaluation", path, "--out", tmp_path, "--json")
    assert cli.main(list(map(str, words))) == 0
    told = capsys.readouterr()
    assert "asked snapshot 000001, the report is of snapshot 000002" in told.err
    assert json.loads(told.out)["notes"] == [told.err.strip()]
    said = told_first(tmp_path / "index.html")
    assert "Asked of snapshot 000001, not of this one. Yes." in said
    assert "of unseen questions of snapshot 000001" in said


def test_what_the_page_says_first(page: Path) -> None:
    told = page.read_text(encoding="utf-8")
    assert "is right on 50.0% (40.0% to 60.0%); answering without the store, by luck, on" in told
    assert "The store gains +30.0 points (+20.0 to +40.0)." in told
    assert "200 (150 to 301) for each question gained, net of those" in told
    assert "a search for keywords (BM25), is right on 30.0% (20.0% to 40.0%): the store is" in told
    assert "better, by +20.0 points (+10.0 to +30.0)." in told
    assert "Of these 2 gave the right result on two problems or more." in told
    assert MARKUP not in told
    assert LINK not in told


# -- the page in a browser -------------------------------------------------------------------------


@dataclasses.dataclass
class Seen:
    """What a page did while it was open: what it wrote to the console, and whom it asked."""

    said: list[str] = dataclasses.field(default_factory=list)
    asked: list[str] = dataclasses.field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if not CHROMIUM:
        pytest.skip("needs the Debian package chromium")
    with playwright.sync_playwright() as engine:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        opened = engine.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield opened
        opened.close()


def visit(browser: Any, page: Path, width: int, theme: str, address: str = "") -> tuple[Any, Seen]:
    """The page as somebody has it in front of them, when everything is drawn."""
    seen = Seen()
    tab = browser.new_page(viewport={"width": width, "height": 850}, color_scheme=theme)
    tab.on("console", lambda message: seen.said.append(f"{message.type}: {message.text}"))
    tab.on("pageerror", lambda error: seen.said.append(str(error)))
    tab.on("request", lambda request: seen.asked.append(request.url))
    tab.goto(f"{page.as_uri()}{address}")
    tab.wait_for_selector("html[data-ready=all]", timeout=120_000)
    return tab, seen


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_person_searches_and_opens_an_entry(
    theme: str, browser: Any, page: Path, tmp_path: Path
) -> None:
    width = WIDTHS[theme == "light"]
    tab, seen = visit(browser, page, width, theme)
    assert tab.locator(".chart .main-svg").count() >= 10
    assert tab.text_content("#count") == "4 of 4 entries"

    tab.fill("#query", "how much LEFT?")
    tab.wait_for_selector("#count:text-is('1 of 4 entries')")
    assert MARKUP in (tab.text_content("tr.entry .open") or "")
    tab.click("tr.entry .open")
    tab.wait_for_selector("tr.whole .body")
    opened = tab.text_content("tr.whole .body") or ""
    for said in (
        LINK, MARKUP, "as the predicate says", "spent <= total", "Run remaining.",
        "return left", "3 pass", '{"spent": 2, "total": 9}', "promote_after", "MIT",
        f'{{"why": "{MARKUP}"}}',
    ):  # fmt: skip
        assert said in opened, said
    tab.screenshot(path=tmp_path / "report.png", full_page=True)
    assert (tmp_path / "report.png").stat().st_size > 50_000

    assert tab.evaluate("location.hash") == f"#entry-{tab.get_attribute('tr.entry', 'data-id')}"
    tab.fill("#query", "nothing says this")
    tab.wait_for_selector("tr.none:has-text('No entry fits')")

    tab.click("button[type=reset]")
    tab.select_option("select[data-column=status]", label="quarantined (1)")
    tab.wait_for_selector("#count:text-is('1 of 4 entries')")
    assert "average" in (tab.text_content("tr.entry .open") or "")

    # Nothing stands outside of what is in front of one, and nothing acted.
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate("typeof window.acted") == "undefined"
    assert tab.locator("img, a[href^=javascript], tr.entry script, tr.whole script").count() == 0
    assert seen.said == []
    assert seen.asked == [page.as_uri()]
    tab.close()


def test_an_address_opens_an_entry_and_numbers_can_be_copied(browser: Any, page: Path) -> None:
    address = re.search(r"#entry-[0-9a-f]{32}", page.read_text(encoding="utf-8"))
    assert address
    tab, seen = visit(browser, page, WIDTHS[1], "light", address[0])
    for _ in range(2):
        assert tab.locator("tr.whole .body").count() == 1
        assert tab.text_content("#count") == "1 of 4 entries"
        tab.click("button[type=reset]")
        tab.wait_for_selector("#count:text-is('4 of 4 entries')")
        tab.click(f"#offenders a[href='{address[0]}']")
        tab.wait_for_selector("tr.whole .body")
    # The id of an entry that was merged leads to where it went, with its events.
    tab.evaluate(f"location.hash = '#entry-{OLD}'")
    tab.wait_for_selector(f"#led:has-text('{OLD} went into this one')")
    tab.wait_for_selector("tr.whole .body")
    assert f"merge of {OLD}, which went into" in (tab.text_content("tr.whole .body") or "")
    assert tab.evaluate("location.hash") == f"#entry-{OLD}"
    top = "document.querySelector('tr.entry').getBoundingClientRect().top"
    for _ in range(100):  # it scrolls there smoothly
        if tab.evaluate(top) < 99:
            break
        tab.wait_for_timeout(50)
    assert tab.evaluate(top) < 99
    tab.evaluate("location.hash = '#entry-deadbeef'")
    tab.wait_for_selector("#led:has-text('This store has no entry deadbeef.')")
    tab.wait_for_selector("tr.none:has-text('No entry fits')")
    # Back from there nothing is asked of the table any more.
    tab.evaluate("location.hash = ''")
    tab.wait_for_selector("#count:text-is('4 of 4 entries')")
    assert tab.input_value("#query") == ""
    tab.evaluate("navigator.clipboard.writeText = () => Promise.reject(); "
                 "document.execCommand = () => false")  # fmt: skip
    button = tab.locator("button[data-table=replay-at-k-numbers]")
    button.evaluate("button => button.click()")
    tab.wait_for_selector("button:text-is('This browser does not let the page copy')",
                          state="attached")  # fmt: skip
    tab.wait_for_selector("button[data-table=replay-at-k-numbers]:text-is('Copy table')",
                          state="attached")  # fmt: skip
    copied = tab.evaluate("tabbed(document.getElementById('replay-at-k-numbers'))").split("\n")
    assert copied[0] == "way\t@1\t@3\t@5\t@10\twhat it is\tarm"
    assert copied[1].startswith("the store\t50.0% (40.0% to 60.0%)\t")
    assert copied[1].endswith("\ttyped_signature")
    drift = tab.evaluate("tabbed(document.getElementById('drift-numbers'))").split("\n")
    head, row = (line.split("\t") for line in drift)
    assert dict(zip(head, row, strict=True)) == {
        "snapshot": "000002", "rose": "0", "fell": "0", "stayed": "2",
        "mean change": "+0.00 points",
        "newly served": "0", "no longer served": "1", "gone": "0", "new": "0",
    }  # fmt: skip
    assert seen.said == []
    tab.close()
