"""How fast is search in a store of a million entries, and how much does it find?

    python -m benchmarks.search [--shapes STORE] [--entries N] [--queries N] [--quick] [--json]

Entries are made from real ones: those of ``STORE`` (mined if not given: the bundled sample with
``--quick``, else the public word problems in ``../shared/data``), each many times, its vector moved
by noise until the cosine with where it was is about 0.9. One of twenty is kept out; its vectors are
the queries. An entry's domain is drawn, so that filters by domain keep 50%, 5% and 0.5%.

Each engine answers the same queries one after the other in a process of its own, ten hits a query,
with id, subquestion, summary, signature and status of each: `Store.search_vector`; LanceDB
(IVF_HNSW_SQ and a bitmap of domains, filtered before the search; as it comes, and refined); DuckDB
(the cosine with all rows, brute force). Recall is the share of the exact ten nearest by inner
product, which is the cosine to 0.002. `pip install 'tracemine[peers]'`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from tracemine.schemas import content_id
from tracemine.schemas.arrow import TABLES
from tracemine.store import Store, begin, publish
from tracemine.store.embedder import to_grid
from tracemine.store.index import (
    INDEXED,
    build_index,
    built_of,
    index_file,
    index_numbers,
    write_index,
)
from tracemine.store.index_kinds import GRAPH, exact, kind_for
from tracemine.store.tables import shard_name

Vectors = npt.NDArray[np.float32]

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
FILES = ("gsm8k_train", "tora_70b_gsm8k", "mbpp", "math_test")
ENTRIES, QUICK_ENTRIES = 1_000_000, 20_000
QUERIES, QUICK_QUERIES, BRUTE_QUERIES = 300, 50, 30
NOISE = 0.5
SEED = 12
#: Domain -> the share of entries that are of it.
DOMAINS = {"math": 0.5, "code": 0.445, "stem": 0.05, "other": 0.005}
#: What is asked for: a row of the table, and the domain that it is filtered by.
ROWS = {"all": None, "50%": "math", "5%": "stem", "0.5%": "other"}
K = 10
#: Candidates that LanceDB follows when it adds a vector: its default, 300, takes three times as
#: long; tracemine's graph is built with 40.
CARE = 100
#: How LanceDB is asked when it is refined: candidates that it follows, and how many times as many
#: neighbours it compares exactly as are asked for. As it comes it does neither.
REFINED = 200, 5
SHARDS = 8
COLUMNS = ("procedure_id", "subquestion", "summary", "signature", "status")
AS_OF = "2026-01-01T00:00:00+00:00"


# -- entries ---------------------------------------------------------------------------------------


def shapes(store: Path) -> tuple[pa.Table, Vectors]:
    """The rows of a store's entries, and their vectors."""
    with Store.open(str(store)) as opened:
        tables, vectors = [], []
        for table in ("procedures", "candidates"):
            ids, found = opened.vectors(table)
            rows = opened.columns(f"SELECT * FROM {table} ORDER BY procedure_id")
            assert rows["procedure_id"].to_pylist() == ids
            if ids:
                tables.append(rows.select(TABLES["procedures"].names).cast(TABLES["procedures"]))
                vectors.append(found)
    return pa.concat_tables(tables), np.concatenate(vectors)


def mined(folder: Path, quick: bool) -> Path:
    """A store to take shapes from."""
    # Imported here: engines are asked in processes of their own, which need none of it.
    from tracemine.data import sample_files
    from tracemine.pipelines.mine import run_mine
    from tracemine.pipelines.options import MineOptions

    inputs = sample_files() if quick else [str(DATA / f"{name}.jsonl.gz") for name in FILES]
    store = folder / "shapes"
    run_mine(MineOptions(inputs=tuple(inputs), store=str(store), as_of=AS_OF, progress=False))
    return store


def make(rows: pa.Table, vectors: Vectors, entries: int) -> tuple[pa.Table, Vectors]:
    """``entries`` rows with their vectors, in order of id."""
    drawn = np.random.default_rng(SEED)
    ids = sorted(content_id("made", number) for number in range(entries))
    origin = drawn.integers(0, len(vectors), entries)
    domain = drawn.choice(list(DOMAINS), entries, p=list(DOMAINS.values()))
    made = np.empty((entries, vectors.shape[1]), dtype=np.float32)
    for start in range(0, entries, 50_000):
        end = min(entries, start + 50_000)
        noise = drawn.normal(size=(end - start, vectors.shape[1])).astype(np.float32)
        noise *= NOISE / np.linalg.norm(noise, axis=1, keepdims=True)
        moved = vectors[origin[start:end]] + noise
        made[start:end] = to_grid(moved / np.linalg.norm(moved, axis=1, keepdims=True))
    # What a routine was called by hundreds of spans says nothing to a search by vectors.
    empty = pa.array([[]] * rows.num_rows, type=rows.schema.field("evidence").type)
    rows = rows.set_column(rows.column_names.index("evidence"), "evidence", empty)
    status = pa.array(["verified"] * rows.num_rows)
    rows = rows.set_column(rows.column_names.index("status"), "status", status)
    key = pa.table({"origin": origin, "procedure_id": ids, "domain": domain})
    return (rows, key), made


def write_store(folder: Path, made: Any, vectors: Vectors, kind: str, embedder: Any) -> dict:
    """A store of these entries; gives the seconds that its index and its files took."""
    rows, key = made
    draft = begin(str(folder))
    schema = TABLES["procedures"]
    size = -(-key.num_rows // SHARDS)
    start = time.perf_counter()
    for shard in range(SHARDS):
        part = key.slice(shard * size, size)
        table = rows.take(part["origin"])
        for name in ("procedure_id", "domain"):
            table = table.set_column(table.column_names.index(name), name, part[name])
        path = Path(draft.folder, "procedures", shard_name(shard, SHARDS))
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.cast(schema), path, compression="zstd", row_group_size=10_000)
    written = time.perf_counter() - start
    numbers = index_numbers(key["procedure_id"].to_pylist())
    start = time.perf_counter()
    built = built_of(numbers, vectors, kind)
    seconds = time.perf_counter() - start
    for table in INDEXED:
        index = built if table == "procedures" else build_index([])
        write_index(index, f"{draft.folder}/{index_file(table)}")
    start = time.perf_counter()
    publish(
        draft,
        {"as_of": AS_OF, "inputs": [], "teacher": "none", "embedder": embedder, "ledger": None},
    )
    published = time.perf_counter() - start
    return {
        "build_s": seconds,
        "rows_s": written,
        "publish_s": published,
        "index": dict(built.notes) or {"kind": kind},
        "bytes": _size(folder),
    }


# -- engines ---------------------------------------------------------------------------------------

#: What a report says of an engine's files.
_OF_FILES = ("build_s", "bytes")

#: Gives the ids of the first `K` for a query, of one domain if one is said.
Ask = Callable[[Vectors, str | None], Sequence[str]]


def ours(folder: str) -> Ask:
    store = Store.open(folder)

    def ask(query: Vectors, domain: str | None) -> list[str]:
        return [hit.procedure_id for hit in store.search_vector(query, K, domain=domain)]

    return ask


def lance(folder: str, *, refined: bool = False) -> Ask:
    import lancedb

    table = lancedb.connect(folder).open_table("entries")

    def ask(query: Vectors, domain: str | None) -> list[str]:
        search = table.search(query).distance_type("dot").limit(K).select([*COLUMNS, "_distance"])
        if refined:
            search = search.ef(REFINED[0]).refine_factor(REFINED[1])
        if domain is not None:
            search = search.where(f"domain = '{domain}'", prefilter=True)
        return [row["procedure_id"] for row in search.to_list()]

    return ask


def duck(folder: str) -> Ask:
    import duckdb

    connection = duckdb.connect(f"{folder}/entries.duckdb", read_only=True)

    def ask(query: Vectors, domain: str | None) -> list[str]:
        where = "" if domain is None else f"WHERE domain = '{domain}'"
        rows = connection.execute(
            f"SELECT {', '.join(COLUMNS)} FROM entries {where} ORDER BY "
            f"array_cosine_similarity(vector, ?::FLOAT[{len(query)}]) DESC LIMIT {K}",
            [query.tolist()],
        ).fetchall()
        return [row[0] for row in rows]

    return ask


def write_lance(folder: Path, batches: Callable[[], Any]) -> float:
    """A table of LanceDB with its indexes; gives the seconds that these took."""
    import lancedb
    from lancedb.index import Bitmap, HnswSq

    reader = batches()
    table = lancedb.connect(str(folder)).create_table("entries", reader, schema=reader.schema)
    start = time.perf_counter()
    table.create_index("vector", config=HnswSq(distance_type="dot", ef_construction=CARE))
    table.create_index("domain", config=Bitmap())
    for index in table.list_indices():
        table.wait_for_index([index.name])
    return time.perf_counter() - start


def write_duck(folder: Path, batches: Callable[[], Any]) -> float:
    """A table of DuckDB; gives the seconds that it took: brute force needs no index."""
    import duckdb

    folder.mkdir()
    start = time.perf_counter()
    with duckdb.connect(str(folder / "entries.duckdb")) as connection:
        reader = batches()
        size = reader.schema.field("vector").type.list_size
        connection.register("made", reader)
        connection.execute(
            f"CREATE TABLE entries AS SELECT * REPLACE (vector::FLOAT[{size}] AS vector) FROM made"
        )
    return time.perf_counter() - start


def batches_of(made: Any, vectors: Vectors) -> Callable[[], Any]:
    """A reader of the columns that peers keep."""
    rows, key = made
    flat = pa.list_(pa.float32(), vectors.shape[1])
    short = [name for name in COLUMNS if name != "procedure_id"]

    def batch(start: int) -> pa.RecordBatch:
        part = key.slice(start, 20_000)
        table = rows.select(short).take(part["origin"])
        values = pa.array(vectors[start : start + part.num_rows].ravel())
        columns = {
            **{name: table[name].combine_chunks() for name in short},
            "procedure_id": part["procedure_id"].combine_chunks(),
            "domain": part["domain"].combine_chunks(),
            "vector": pa.FixedSizeListArray.from_arrays(values, type=flat),
        }
        return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))

    def reader() -> Any:
        first = batch(0)
        starts = range(20_000, key.num_rows, 20_000)
        return pa.RecordBatchReader.from_batches(
            first.schema, (b for s in (None, *starts) for b in [first if s is None else batch(s)])
        )

    return reader


ENGINES: dict[str, Callable[[str], Ask]] = {
    "tracemine": ours,
    "duckdb": duck,
    "lancedb": lance,
    "lancedb refined": partial(lance, refined=True),
}
#: Engine -> the one whose files it reads, where these are not its own.
SHARED = {"lancedb refined": "lancedb"}


def measure(engine: str, folder: str, queries: Vectors, brute: int) -> dict[str, Any]:
    """Runs in a process of its own: seconds to open and to answer first, the milliseconds of each
    answer, what was found, and memory in MB."""
    process = psutil.Process()
    before = process.memory_info()
    start = time.perf_counter()
    ask = ENGINES[engine](folder)
    opened = time.perf_counter() - start
    ask(queries[0], None)
    first = time.perf_counter() - start
    found: dict[str, Any] = {}
    for row, domain in ROWS.items():
        asked = queries[:brute] if engine == "duckdb" else queries
        for query in asked[:3]:
            ask(query, domain)  # Of a filter, too, the first use is not what is measured here.
        seconds, hits = [], []
        for query in asked:
            start = time.perf_counter()
            hits.append(list(ask(query, domain)))
            seconds.append(time.perf_counter() - start)
        found[row] = {
            "p50_ms": 1000 * float(np.median(seconds)),
            "p99_ms": 1000 * float(np.quantile(seconds, 0.99)),
            "hits": hits,
        }
    after = process.memory_info()
    return {
        "open_s": opened,
        "first_answer_s": first,
        "memory_mb": (after.rss - before.rss) >> 20,
        "mapped_mb": (after.shared - before.shared) >> 20,
        "rows": found,
    }


def right_ones(
    made: Any, vectors: Vectors, queries: Vectors
) -> dict[str, list[tuple[set[str], int]]]:
    """For each row and query the ids of all that score at least what the last of the nearest
    scores, and how many are looked for."""
    _, key = made
    ids = np.array(key["procedure_id"].to_pylist())
    domains = np.array(key["domain"].to_pylist())
    found = {}
    for row, domain in ROWS.items():
        places = np.flatnonzero(domains == domain) if domain else np.arange(len(ids))
        truth = exact(queries, places.astype(np.int64), np.ascontiguousarray(vectors[places]))
        depth = min(K, len(places))
        found[row] = [
            (set(ids[numbers[scores >= scores[depth - 1]]].tolist()), depth)
            for numbers, scores in zip(truth.numbers, truth.scores, strict=True)
        ]
    return found


def run(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    entries = arguments.entries or (QUICK_ENTRIES if arguments.quick else ENTRIES)
    count = arguments.queries or (QUICK_QUERIES if arguments.quick else QUERIES)
    store = Path(arguments.shapes) if arguments.shapes else mined(folder, arguments.quick)
    rows, vectors = shapes(store)
    with Store.open(str(store)) as opened:
        embedder = opened.snapshot.manifest["embedder"]
    out = np.arange(len(vectors)) % 20 == 0
    queries = vectors[out][:count]
    made, every = make(rows.filter(pa.array(~out)), vectors[~out], entries)
    kind = arguments.kind or (GRAPH if arguments.quick else kind_for(entries))
    folders = {name: folder / SHARED.get(name, name) for name in ENGINES}
    told = write_store(folders["tracemine"], made, every, kind, embedder)
    report: dict[str, Any] = {
        "entries": entries,
        "queries": len(queries),
        "shapes": len(vectors),
        "engines": {"tracemine": told},
    }
    batches, right = batches_of(made, every), right_ones(made, every, queries)
    peers = {"duckdb": write_duck, "lancedb": write_lance}
    for name in ENGINES:
        if name in peers:
            seconds = peers[name](folders[name], batches)
            report["engines"][name] = {"build_s": seconds, "bytes": _size(folders[name])}
        if name in SHARED:
            report["engines"][name] = {k: report["engines"][SHARED[name]][k] for k in _OF_FILES}
        # A process of its own: what others hold in memory is not counted, and nothing is warm.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found = pool.apply(measure, (name, str(folders[name]), queries, BRUTE_QUERIES))
        for row, one in found["rows"].items():
            hits = one.pop("hits")
            shares = [
                len(set(ids) & wanted) / depth if depth else 1.0
                for ids, (wanted, depth) in zip(hits, right[row], strict=False)
            ]
            one["recall_at_10"] = float(np.mean(shares))
            one["fewest_hits"] = min(map(len, hits))
        report["engines"][name] |= found
        print(name, json.dumps(report["engines"][name]), file=sys.stderr)
    return report


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def show(report: dict[str, Any]) -> None:
    """The report as tables."""
    print(
        f"{report['entries']:,} entries made from {report['shapes']:,} real ones, "
        f"{report['queries']} queries, {os.cpu_count()} CPUs\n"
    )
    print("| kept | engine | median ms | 99th percentile ms | recall@10 |")
    print("|---|---|---|---|---|")
    for row in ROWS:
        for name, engine in report["engines"].items():
            one = engine["rows"][row]
            print(
                f"| {row} | {name} | {one['p50_ms']:.2f} | {one['p99_ms']:.2f} | "
                f"{one['recall_at_10']:.3f} |"
            )
    print("\n| engine | index built in s | open s | open and first answer s | memory MB | "
          "of it mapped files | on disk MB |")  # fmt: skip
    print("|---|---|---|---|---|---|---|")
    for name, engine in report["engines"].items():
        print(
            f"| {name} | {engine['build_s']:.0f} | {engine['open_s']:.2f} | "
            f"{engine['first_answer_s']:.2f} | {engine['memory_mb']} | {engine['mapped_mb']} | "
            f"{engine['bytes'] >> 20} |"
        )
    print(f"\nindex: {json.dumps(report['engines']['tracemine']['index'])}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", metavar="STORE", help="a store to take entries from")
    parser.add_argument("--entries", type=int, metavar="N")
    parser.add_argument("--queries", type=int, metavar="N")
    parser.add_argument("--kind", help="a factory string of FAISS; by size if not said")
    parser.add_argument("--folder", help="where stores are made; a temporary folder if not said")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if importlib.util.find_spec("lancedb") is None:
        parser.error("it compares with LanceDB: pip install 'tracemine[peers]'")
    folder = Path(tempfile.mkdtemp(prefix="search-", dir=arguments.folder))
    try:
        report = run(arguments, folder)
    finally:
        shutil.rmtree(folder)
    if arguments.json:
        print(json.dumps(report, indent=1))
    else:
        show(report)


if __name__ == "__main__":
    main()
