"""What does it cost to add a little to a large store?

    python -m benchmarks.refresh [--data DIR] [--times N] [--share P] [--workers N] [--folder DIR]
                                 [--quick] [--json]

``DIR`` (default ``../shared/data`` beside the repository) holds the published files. They are
repeated ``N`` times (default 3, about 100,000 spans) as other problems with other numbers
(`benchmarks.repeated`). All but a share ``P`` (default 0.01) of the rows, told by their hashes, is
mined; then the rest is added with ``tracemine refresh``. The goal is that this takes at most 5% of
the time that mining took. With ``--folder`` corpus and stores stay there, and what is mined
already is not mined again. ``--quick``: one file, once.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.repeated import rows_of, write_corpus, write_rows
from tracemine.schemas import content_id, fraction_of

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
FIRST, LATER = "2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00"
GOAL = 0.05
TIMES, SHARE = 3, 0.01
QUICK_INPUT = "gsm8k_test_socratic.jsonl"


def parts(corpus: Sequence[Path], folder: Path, share: float) -> tuple[list[Path], list[Path]]:
    """The rows of ``corpus`` in two parts, of which the second has about ``share`` of them; the
    paths of both, in ``folder``."""
    written: tuple[list[Path], list[Path]] = ([], [])
    for path in corpus:
        rows = [json.dumps(row) for row in rows_of(path)]
        later = [fraction_of(content_id("benchmark", row)) < share for row in rows]
        for number, name in enumerate(("first", "later")):
            mine = [row for row, late in zip(rows, later, strict=True) if late == bool(number)]
            if mine:
                target = folder / name / path.name
                target.parent.mkdir(parents=True, exist_ok=True)
                write_rows(target, mine)
                written[number].append(target)
    return written


def measured(command: str, inputs: Sequence[Path], *arguments: str) -> dict[str, Any]:
    """What a command of the command line over ``inputs`` prints, and its seconds by the clock and
    of CPU time, its workers' among them."""
    line = [sys.executable, "-m", "tracemine.pipelines.cli", command, "--json", *arguments]
    for path in inputs:
        line += ["--input", str(path)]
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(line, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:].decode("utf-8", "replace"))
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    took = {"seconds": time.perf_counter() - begun, "cpu_seconds": cpu}
    return {"summary": json.loads(done.stdout), **{k: round(v, 1) for k, v in took.items()}}


def compare(folder: Path, corpus: Sequence[Path], share: float, workers: int) -> dict[str, Any]:
    """Both, and the share of the one in the other."""
    first, later = parts(corpus, folder / "parts", share)
    store, told = folder / "mined", folder / "mined.json"
    if not told.exists():
        mined = measured(
            "mine", first, "--store", str(store), "--workers", str(workers), "--as-of", FIRST
        )
        told.write_text(json.dumps(mined))
    mined = json.loads(told.read_text())
    again = folder / "refreshed"
    shutil.rmtree(again, ignore_errors=True)
    shutil.copytree(store, again)
    added = measured("refresh", later, "--store", str(again), "--as-of", LATER)
    return {
        "goal": GOAL,
        "spans": mined["summary"]["spans"]["kept"],
        "new_spans": added["summary"]["spans"]["kept"],
        **{name: added["summary"][name] for name in ("groups", "known_verdicts")},
        "mine": {name: mined[name] for name in ("seconds", "cpu_seconds")},
        "refresh": {name: added[name] for name in ("seconds", "cpu_seconds")},
        "share": round(added["seconds"] / mined["seconds"], 4),
        "cpu_share": round(added["cpu_seconds"] / mined["cpu_seconds"], 4),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--share", type=float, default=SHARE)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    inputs = sorted(asked.data.glob(QUICK_INPUT if asked.quick else "*.jsonl*"))
    if not inputs:
        raise SystemExit(f"no data in {asked.data}: give --data DIR")
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        corpus = write_corpus(inputs, folder / "corpus", 1 if asked.quick else asked.times)
        found = compare(folder, corpus, asked.share, asked.workers)
    if asked.json:
        print(json.dumps(found))
        return
    print(f"{found['spans']:,} spans, and {found['new_spans']:,} more")
    print(f"{found['groups']:,} groups replayed, {found['known_verdicts']:,} verdicts known")
    for name in ("mine", "refresh"):
        took = found[name]
        print(f"{name:>8} {took['seconds']:>8,.0f} s {took['cpu_seconds']:>8,.0f} s of CPU time")
    print(f"share {found['share']:.1%} ({found['cpu_share']:.1%} of CPU time); goal {GOAL:.0%}")


if __name__ == "__main__":
    main()
