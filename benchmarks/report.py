"""Does the report of a large store stay usable?

    python -m benchmarks.report [--store DIR] [--entries N] [--quick] [--json]

A store of N entries (default 50,000) is made of those of ``DIR`` (default: the bundled sample,
mined), again and again under other ids, with their replays and events. Its report is written, and
opened in headless Chromium as on a laptop, and as on a phone with a CPU four times slower: seconds
until the table of entries can be used, and until all is drawn; milliseconds to search, to sort and
to open an entry (the slowest of `ASKED`); megabytes of JavaScript's heap. The peer is the same
entries in one table of pandas' ``to_html``, opened in the same browser.

Needs the Debian package chromium, and ``pip install 'tracemine[test]'``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from playwright.sync_api import Browser, TimeoutError, sync_playwright

from tracemine.pipelines.mine import run_mine
from tracemine.pipelines.options import MineOptions, ReportOptions
from tracemine.pipelines.report import run_report
from tracemine.schemas import content_id
from tracemine.schemas.arrow import TABLES, Row
from tracemine.store import Store, begin, open_snapshot, publish, read_table
from tracemine.store.index import INDEXED, build_index, index_file, write_index
from tracemine.store.tables import shard_name, write_shard

ENTRIES, QUICK_ENTRIES = 50_000, 2_000
AS_OF = "2026-01-01T00:00:00+00:00"
#: Tables whose rows are copied with the entries that they are of.
COPIED = ("procedures", "candidates", "replays", "events")
#: Screens: name, width and height in CSS pixels, how many times slower the CPU is.
SCREENS = (("laptop", 1280, 900, 1), ("phone", 390, 844, 4))
#: What is typed into the search, and what the table is sorted by.
ASKED = ("total cost", "a", "zzz")
SORTED = ("tokens", "subquestion", "status")
#: How long the peer is waited for.
PEER_SECONDS = 120

#: Milliseconds until what was done is on the screen.
_TIMED = """async ([action, value]) => {
    const started = performance.now();
    if (action === "search") { wanted.query = value; choose(); }
    if (action === "sort") sortBy(value);
    if (action === "open") await toggle(document.querySelector("tr.entry"), order[0]);
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    return performance.now() - started;
}"""


def copies(rows: Sequence[Row], number: int) -> Iterator[Row]:
    """``rows`` of a table under the ids of the copy ``number``; the first copy is the original."""

    def other(identifier: str) -> str:
        return content_id("copy", identifier, number) if number else identifier

    for row in rows:
        copy = dict(row)
        for name in ("procedure_id", "variant_id"):
            if name in copy:
                copy[name] = other(copy[name])
        if "variants" in copy:
            copy["variants"] = [
                v | {"variant_id": other(v["variant_id"])} for v in copy["variants"]
            ]
        yield copy


def enlarge(store: str, folder: str, entries: int) -> int:
    """Publish at ``folder`` a store with ``entries`` entries like those of ``store``, or a few
    more; gives how many."""
    snapshot = open_snapshot(store)
    tables = {name: read_table(snapshot, name) for name in TABLES}
    rows = {name: tables[name].to_pylist() for name in COPIED}
    each = len(rows["procedures"]) + len(rows["candidates"])
    times = -(-entries // each)
    draft = begin(folder)
    made = dict[str, list[str]]()
    for name, table in tables.items():
        for number in range(times if name in COPIED else 1):
            of = copies(rows[name], number) if name in COPIED else table.to_pylist()
            written = list(of)
            path = f"{draft.folder}/{name}/{shard_name(number, times)}"
            write_shard(written, name, path)
            if name in INDEXED:
                made.setdefault(name, []).extend(row["procedure_id"] for row in written)
    random = np.random.default_rng(0)
    dimension = snapshot.manifest["embedder"]["dimension"]
    for name, ids in made.items():
        vectors = random.normal(size=(len(ids), dimension)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        write_index(
            build_index(zip(ids, vectors, strict=True)), f"{draft.folder}/{index_file(name)}"
        )
    kept = ("as_of", "inputs", "teacher", "embedder", "ledger")
    publish(draft, {name: snapshot.manifest[name] for name in kept})
    return each * times


def opened(browser: Browser, page: Path) -> dict[str, dict[str, float]]:
    """What the report at ``page`` costs on each screen."""
    found = {}
    for name, width, height, slower in SCREENS:
        tab = browser.new_page(viewport={"width": width, "height": height})
        session = tab.context.new_cdp_session(tab)
        session.send("Emulation.setCPUThrottlingRate", {"rate": slower})
        started = time.perf_counter()
        tab.goto(page.as_uri(), wait_until="commit")
        tab.wait_for_selector("html[data-ready]", timeout=300_000)
        usable = time.perf_counter() - started
        tab.wait_for_selector("html[data-ready=all]", timeout=300_000)
        drawn = time.perf_counter() - started
        searched = max(tab.evaluate(_TIMED, ["search", asked]) for asked in (*ASKED, ""))
        ordered = max(tab.evaluate(_TIMED, ["sort", column]) for column in SORTED)
        found[name] = {
            "usable_s": round(usable, 2),
            "drawn_s": round(drawn, 2),
            "search_ms": round(searched),
            "sort_ms": round(ordered),
            "open_ms": round(tab.evaluate(_TIMED, ["open", ""])),
            "heap_mb": _heap(session),
        }
        tab.close()
    return found


def peer(browser: Browser, store: str, folder: Path) -> dict[str, float | None]:
    """The same entries as one table of pandas; no seconds if it takes more than `PEER_SECONDS`."""
    with Store.open(store) as live:
        rows = live.rows("SELECT * EXCLUDE (evidence, summary_vector) FROM procedures")
        rows += live.rows("SELECT * EXCLUDE (evidence, summary_vector) FROM candidates")
    page = folder / "peer.html"
    with pd.option_context("display.max_colwidth", None):
        pd.DataFrame(rows).to_html(page)
    tab = browser.new_page(viewport={"width": SCREENS[0][1], "height": SCREENS[0][2]})
    started = time.perf_counter()
    try:
        tab.goto(page.as_uri(), wait_until="load", timeout=1000 * PEER_SECONDS)
        tab.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        seconds = round(time.perf_counter() - started, 2)
    except TimeoutError:
        seconds = None
    tab.close()
    return {"bytes": page.stat().st_size, "usable_s": seconds}


def _heap(session: Any) -> float:
    session.send("Performance.enable")
    metrics = session.send("Performance.getMetrics")["metrics"]
    return round(next(m["value"] for m in metrics if m["name"] == "JSHeapUsedSize") / 1e6, 1)


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--store", help="a store whose entries are taken; the sample, mined")
    parser.add_argument("--entries", type=int, help="at least so many")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(words)
    chromium = shutil.which("chromium")
    if not chromium:
        print("needs the Debian package chromium", file=sys.stderr)
        return 2
    wanted = options.entries or (QUICK_ENTRIES if options.quick else ENTRIES)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as engine:
        folder, store = Path(name), options.store
        if store is None:
            store = str(folder / "sample")
            run_mine(MineOptions(inputs=(), sample=True, store=store, as_of=AS_OF, progress=False))
        large = str(folder / "large")
        entries = enlarge(store, large, wanted)
        started = time.perf_counter()
        done = run_report(ReportOptions(store=large, out=str(folder / "report")))
        seconds = time.perf_counter() - started
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = engine.chromium.launch(executable_path=chromium, args=arguments)
        found: dict[str, Any] = {
            "entries": entries,
            "bytes": done["bytes"],
            "written_s": round(seconds, 1),
            **opened(browser, Path(done["report"])),
            "peer": peer(browser, large, folder),
        }
        browser.close()
    if options.json:
        print(json.dumps(found))
        return 0
    print(f"{entries:,} entries: {found['bytes']:,} bytes, written in {found['written_s']} s")
    for screen, *_ in SCREENS:
        print(f"{screen}: " + ", ".join(f"{k} {v}" for k, v in found[screen].items()))
    other, seconds = found["peer"]["bytes"], found["peer"]["usable_s"]
    print(f"pandas to_html: {other:,} bytes, usable_s {seconds or f'over {PEER_SECONDS}'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
