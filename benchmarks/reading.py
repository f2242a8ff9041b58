"""How much memory does it take to read a split of a data set?

    python -m benchmarks.reading [--quick] [--json]

Writes Parquet files of growing size in the schema of Nemotron-Post-Training-Dataset-v1 (random
words), 1000 rows to a row group as `datasets` writes them, and reads each in a process of its own:
as ``hf:FOLDER:math`` and as a file the way `mine` reads them, and, as the peer, whole, with
pyarrow's `read_table`.
Gives the most memory (RSS, in MiB) that each process ever had, and rows a second.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

#: MiB of Parquet, uncompressed.
SIZES = (64, 256, 1024)
QUICK_SIZES = (16, 64)
#: Characters of a trace: a middling one of a reasoning model.
TRACE_CHARS = 12_000
GROUP_ROWS = 1000

_CARD = (
    "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: math\n    path: math-*\n---\n"
)

_STREAM = """
import json, resource, sys, time
from tracemine.transforms.inputs import resolve_inputs
from tracemine.transforms.read import read_file
(file,) = resolve_inputs([sys.argv[1]])
start = time.perf_counter()
rows = sum(output == "trajectories" for output, _ in read_file(file))
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"rows": rows, "rows_a_second": round(rows / seconds), "peak_mib": peak >> 10}))
"""
_WHOLE = """
import json, resource, sys, time
import pyarrow.parquet as pq
start = time.perf_counter()
table = pq.read_table(sys.argv[1])
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"rows": table.num_rows, "rows_a_second": round(table.num_rows / seconds),
                  "peak_mib": peak >> 10}))
"""


def write_split(folder: Path, mebibytes: int) -> None:
    """A data set of about so many MiB, with its card."""
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghijklmnop", k=draw.randint(2, 9))) for _ in range(5000)]
    text = pa.string()
    turn = pa.struct({"role": text, "content": text})
    names = ("uuid", "license", "generator", "version", "category", "reasoning", "metadata")
    schema = pa.schema([*((name, text) for name in names), ("messages", pa.list_(turn))])
    written = 0
    (folder / "README.md").write_text(_CARD)
    with pq.ParquetWriter(folder / "math-00000.parquet", schema, compression="none") as writer:
        while written < mebibytes << 20:
            rows = []
            for number in range(GROUP_ROWS):
                trace = " ".join(draw.choices(words, k=TRACE_CHARS // 6))
                written += len(trace)
                question = " ".join(draw.choices(words, k=40))
                messages = [
                    {"role": "user", "content": question},
                    {"role": "assistant", "content": f"<think>\n{trace}\n</think>\n\\boxed{{7}}"},
                ]
                rows.append(
                    {"uuid": f"{written}-{number}", "license": "cc-by-4.0", "generator": "g",
                     "version": "v1", "category": "math", "reasoning": "on",
                     "metadata": '{"expected_answer": "7"}', "messages": messages}
                )  # fmt: skip
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def measure(mebibytes: int) -> dict[str, Any]:
    """Both readers over one split of that size."""
    with tempfile.TemporaryDirectory() as name:
        write_split(Path(name), mebibytes)
        found: dict[str, Any] = {"mib": mebibytes}
        path = f"{name}/math-00000.parquet"
        readers = {
            "split": (_STREAM, f"hf:{name}:math"),
            "file": (_STREAM, path),
            "read_table": (_WHOLE, path),
        }
        for reader, (program, argument) in readers.items():
            command = [sys.executable, "-c", program, argument]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found[reader] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small files")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    arguments = parser.parse_args()
    found = [measure(size) for size in (QUICK_SIZES if arguments.quick else SIZES)]
    if arguments.json:
        print(json.dumps({"splits": found}))
        return
    print("   MiB    rows  split: peak MiB  rows/s   file  read_table")
    for one in found:
        split = one["split"]
        print(
            f"{one['mib']:>6} {split['rows']:>7} {split['peak_mib']:>16} "
            f"{split['rows_a_second']:>7} {one['file']['peak_mib']:>6} "
            f"{one['read_table']['peak_mib']:>11}"
        )


if __name__ == "__main__":
    main()
