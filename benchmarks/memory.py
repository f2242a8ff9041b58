"""How much memory does a corpus take that is many times as large?

    python -m benchmarks.memory [--data DIR] [--times N] [--workers N] [--folder DIR] [--quick]
                                [--json]

``DIR`` (default ``../shared/data`` beside the repository) holds the published files. They are
repeated ``N`` times (default 20) as other problems with other numbers (`benchmarks.repeated`), and
mined in a local run. Twice a second the memory of the run and of all its processes is added up, a
page that several share once (PSS). The peer is the same run over the files as they are. The goal is
8 GiB. With ``--folder`` corpus and stores stay there, and a run that was interrupted is taken up:
its figures are then those of all its parts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks.repeated import write_corpus

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
AS_OF = "2026-01-01T00:00:00+00:00"
GOAL = 8.0
TIMES = 20
INTERVAL = 0.5
QUICK_INPUT, QUICK_TIMES = "gsm8k_test_socratic.jsonl", 2
GIB = 1 << 30


def measured(inputs: Sequence[Path], store: Path, workers: int) -> dict[str, Any]:
    """A run of the command line over ``inputs``: what it counted, its seconds, and its memory in
    GiB at the most, of all processes and of the largest. They are kept beside the store, as
    ``STORE.json``, for when the run is taken up."""
    kept = store.with_name(f"{store.name}.json")
    before: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    if "spans" in before and store.exists():
        return before
    command = [sys.executable, "-m", "tracemine.pipelines.cli", "mine", "--json"]
    for path in inputs:
        command += ["--input", str(path)]
    command += ["--store", str(store), "--workers", str(workers), "--as-of", AS_OF]
    begun = time.perf_counter() - before.get("seconds", 0)
    most, largest = before.get("gib", 0.0), before.get("largest_gib", 0.0)
    figures: dict[str, Any] = {}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=out, stderr=errors)
        while process.poll() is None:
            sizes = [size / GIB for size in _sizes(process.pid)]
            most, largest = max(most, sum(sizes)), max([largest, *sizes])
            figures = {
                "seconds": round(time.perf_counter() - begun, 1),
                "gib": round(most, 2),
                "largest_gib": round(largest, 2),
            }
            kept.write_text(json.dumps(figures))
            time.sleep(INTERVAL)
        out.seek(0)
        errors.seek(0)
        if process.returncode:
            raise SystemExit(errors.read()[-2000:].decode("utf-8", "replace"))
        summary = json.loads(out.read())
    figures = {
        "trajectories": summary["trajectories"]["read"],
        "spans": summary["spans"]["segmented"],
        "replays": sum(summary["replays"].values()),
    } | figures
    kept.write_text(json.dumps(figures))
    return figures


def _sizes(pid: int) -> Iterator[int]:
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                yield process.memory_full_info().pss


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    pattern = QUICK_INPUT if asked.quick else "*.jsonl*"
    inputs = sorted(asked.data.glob(pattern))
    if not inputs:
        raise SystemExit(f"no data in {asked.data}: give --data DIR")
    times = QUICK_TIMES if asked.quick else asked.times
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        corpus = write_corpus(inputs, folder / "corpus", times)
        found = {
            "once": measured(inputs, folder / "once", asked.workers),
            f"{times} times": measured(corpus, folder / "store", asked.workers),
        }
    if asked.json:
        print(json.dumps({"goal_gib": GOAL, "workers": asked.workers, "runs": found}))
        return
    titles = ("", "trajectories", "spans", "replays", "s", "GiB", "largest")
    print("{:>10} {:>12} {:>9} {:>10} {:>8} {:>6} {:>8}".format(*titles))
    for name, row in found.items():
        print(
            f"{name:>10} {row['trajectories']:>12,} {row['spans']:>9,} {row['replays']:>10,} "
            f"{row['seconds']:>8,.0f} {row['gib']:>6.2f} {row['largest_gib']:>8.2f}"
        )
    print(f"goal: at most {GOAL:.0f} GiB")


if __name__ == "__main__":
    main()
