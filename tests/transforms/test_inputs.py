"""What a person names as input: found, opened and recognised, or refused in one line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tracemine.schemas import Rejected, Source
from tracemine.store.errors import RequestError
from tracemine.transforms.inputs import resolve_inputs
from tracemine.transforms.read import to_trajectories
from tracemine.transforms.rows import Row, read_rows

GSM8K = '{"question": "1+1?", "answer": "1+1=<<1+1=2>>2\\n#### 2"}\n'
MATH = '{"problem": "p", "solution": "$\\\\boxed{2}$", "level": "1", "type": "t"}\n'
OTHER = '{"text": "a", "label": 1}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.jsonl").write_text(GSM8K)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(MATH.encode()))
    (tmp_path / "deep" / "a.jsonl").write_text(MATH)
    (tmp_path / "notes.txt").write_text("nothing")
    return tmp_path


def names(*patterns: object, **options: Any) -> list[tuple[str, str]]:
    files = resolve_inputs([str(p) for p in patterns], **options)
    return [(file.dataset, file.format) for file in files]


def refused(*patterns: object, **options: Any) -> str:
    with pytest.raises(RequestError) as caught:
        resolve_inputs([str(p) for p in patterns], **options)
    text = str(caught.value)
    assert text
    assert "\n" not in text
    return text


def test_paths_globs_and_folders(folder: Path) -> None:
    assert names(folder / "a.jsonl") == [("a.jsonl", "gsm8k")]
    assert names(folder / "*.jsonl*") == [("a.jsonl", "gsm8k"), ("b.jsonl.gz", "math")]
    assert names(folder) == names(folder / "**" / "*.jsonl*")


def test_files_of_one_name_are_told_apart_by_their_folders(folder: Path) -> None:
    found = names(folder)
    assert len({dataset for dataset, _ in found}) == 3
    assert ("deep/a.jsonl", "math") in found
    assert (f"{folder.name}/a.jsonl", "gsm8k") in found


def test_each_file_is_read_once_and_order_does_not_matter(folder: Path) -> None:
    a, b = folder / "a.jsonl", folder / "b.jsonl.gz"
    assert names(b, a, folder / "*.jsonl", a) == names(a, b)


def test_a_name_with_glob_characters_is_a_name_first(tmp_path: Path) -> None:
    (tmp_path / "a[1].jsonl").write_text(GSM8K)
    assert names(tmp_path / "a[1].jsonl") == [("a[1].jsonl", "gsm8k")]


def test_any_fsspec_url() -> None:
    with fsspec.open("memory://inputs/x/a.jsonl", "w") as stream:
        stream.write(GSM8K)
    assert names("memory://inputs/*/a.jsonl") == [("a.jsonl", "gsm8k")]
    assert names("memory://inputs/x/a.jsonl", "memory://inputs/x") == [("a.jsonl", "gsm8k")]


@pytest.mark.parametrize(
    ("name", "container", "compression"),
    [
        ("a.jsonl", "lines", ""), ("a.JSONL.GZ", "lines", "gz"), ("a.ndjson.zst", "lines", "zst"),
        ("a.json", "json", ""), ("a.json.gz", "json", "gz"), ("a.gz", "lines", "gz"),
        ("a.v1.parquet", "parquet", ""), ("a.parquet.zst", "parquet", "zst"),
        ("a.b.gz", "lines", "gz"),
    ],
)  # fmt: skip
def test_endings(tmp_path: Path, name: str, container: str, compression: str) -> None:
    (tmp_path / name).write_bytes(b"")
    (file,) = resolve_inputs([str(tmp_path / name)], format="gsm8k")
    assert (file.container, file.compression) == (container, compression)


def test_what_is_refused(folder: Path) -> None:
    assert refused(folder / "none.jsonl") == f"no such file: {folder / 'none.jsonl'}"
    assert refused(folder / "*.parquet").startswith("no file matches")
    assert "its name should end in" in refused(folder / "notes.txt")
    assert refused(folder / "a.jsonl", format="gsm9k").startswith("unknown format 'gsm9k'")
    assert refused("nosuchprotocol://x/a.jsonl").startswith("cannot read nosuchprotocol://")
    assert refused().startswith("no input")
    (folder / "other.jsonl").write_text(OTHER)
    assert "cannot recognise the format of other.jsonl (fields: text, label)" in refused(folder)
    (folder / "empty").mkdir()
    assert refused(folder / "empty").startswith("nothing to read in")


def test_a_file_without_a_single_row_is_left_to_the_ledger(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "broken.jsonl").write_text("{oops\n")
    assert names(tmp_path) == [("broken.jsonl", ""), ("empty.jsonl", "")]


def test_the_format_is_that_of_the_rows_that_can_be_parsed(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{oops\n\n" + OTHER + MATH)
    assert names(tmp_path / "a.jsonl") == [("a.jsonl", "math")]
    assert names(tmp_path / "a.jsonl", format="tora") == [("a.jsonl", "tora")]


def test_columns(folder: Path) -> None:
    columns = {"problem": "question", "trace": "answer"}
    (file,) = resolve_inputs([str(folder / "a.jsonl")], columns=columns)
    assert file.format == "generic"
    assert dict(file.columns) == columns
    assert resolve_inputs([str(folder / "a.jsonl")], columns=columns.items()) == [file]
    a = folder / "a.jsonl"
    assert "has no such column, only question, answer" in refused(a, columns={"trace": "cot"})
    assert refused(a, columns={"tracee": "answer"}).startswith("--columns: 'tracee' is none of")
    assert refused(a, columns=columns, format="gsm8k").startswith("--columns goes with")


def test_rows_that_cannot_be_verified_are_named_before_they_are_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"question": "1+1?", "response": "So 2.", "answer": "2"}\n')
    resolve_inputs([str(path)])
    (record,) = caplog.records
    assert record.name.startswith("tracemine")
    assert "a.jsonl: no column is known for a reference" in record.getMessage()
    assert "--columns reference=answer" in record.getMessage()
    resolve_inputs([str(path)], columns={"reference": "answer"})
    assert len(caplog.records) == 1


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set as a folder: two splits of JSON lines."""
    root = tmp_path_factory.mktemp("hub") / "sums"
    root.mkdir()
    (root / "train.jsonl").write_text(GSM8K * 3)
    (root / "test.jsonl").write_text(GSM8K)
    return root


def test_data_sets(hub: Path) -> None:
    assert names(f"hf:{hub}") == [("sums:train", "gsm8k")]
    assert names(f"hf:{hub}:test") == [("sums:test", "gsm8k")]
    assert names(f"hf:{hub}:default/test") == [("sums:default/test", "gsm8k")]
    (file,) = resolve_inputs([f"hf:{hub}@main:test"])
    assert (file.revision, file.split) == ("main", "test")
    assert file.describe()["sha256"] is None
    assert "Bad split" in refused(f"hf:{hub}:validation")
    assert "not found" in refused(f"hf:{hub}:socratic/test")
    assert refused("hf:/no/such/folder:train").startswith("cannot read")


def test_a_data_set_of_parquet(tmp_path: Path) -> None:
    root = tmp_path / "packed"
    root.mkdir()
    pq.write_table(pa.Table.from_pylist([json.loads(MATH)] * 2), root / "part-0.parquet")
    assert names(f"hf:{root}") == [("packed:train", "math")]


def test_what_is_the_same_in_all_rows_is_told_with_two_equals_signs(folder: Path) -> None:
    a = folder / "a.jsonl"
    columns = {"problem": "question", "trace": "answer", "domain": "=math", "licence": "=MIT"}
    (file,) = resolve_inputs([str(a)], columns=columns)
    assert dict(file.columns) == columns
    assert "none of math, code" in refused(a, columns=columns | {"domain": "=maths"})
    assert "can be set for all" in refused(a, columns=columns | {"reference": "=42"})


#: What the card of nvidia/Nemotron-Post-Training-Dataset-v1 says of its files and their columns.
CARD = """---
configs:
- config_name: default
  data_files:
  - split: code
    path: data/code-*
  - split: math
    path: data/math-*
license: cc-by-4.0
---
"""


def chat_table(count: int) -> pa.Table:
    """Rows in that data set's schema."""
    text = pa.string()
    function = pa.struct({"name": text, "arguments": text})
    call = pa.struct({"id": text, "type": text, "function": function})
    turn = pa.struct({"role": text, "content": text, "tool_calls": pa.list_(call)})
    names = ("uuid", "license", "generator", "version", "category", "reasoning")
    schema = pa.schema([*((name, text) for name in names), ("messages", pa.list_(turn)),
                        ("metadata", text)])  # fmt: skip
    rows = [
        {
            "uuid": str(n), "license": "cc-by-4.0", "generator": "g", "version": "v1",
            "category": "math", "reasoning": "on", "metadata": f'{{"expected_answer": "{n + n}"}}',
            "messages": [
                {"role": "user", "content": f"What is {n} + {n}?", "tool_calls": []},
                {"role": "assistant", "content": f"<think>Hm.</think>It is \\boxed{{{n + n}}}.",
                 "tool_calls": None},
            ],
        }
        for n in range(count)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=schema)


def test_a_split_of_a_published_data_set_by_its_card(tmp_path: Path) -> None:
    root = tmp_path / "Nemotron-Post-Training-Dataset-v1"
    (root / "data").mkdir(parents=True)
    (root / "README.md").write_text(CARD)
    for shard in range(2):
        pq.write_table(chat_table(5), root / "data" / f"math-0000{shard}-of-00002.parquet")
    pq.write_table(chat_table(1), root / "data" / "code-00000-of-00001.parquet")
    (file,) = resolve_inputs([f"hf:{root}:math"])
    assert (file.dataset, file.format) == ("Nemotron-Post-Training-Dataset-v1:math", "nemotron")
    found = [row for row in read_rows(file) if isinstance(row, Row)]
    assert [row.number for row in found] == list(range(10))
    read = to_trajectories(found[3], file)
    assert not isinstance(read, Rejected)
    assert (read[0].problem, read[0].answer, read[0].reference) == ("What is 3 + 3?", "6", "6")
    assert read[0].sources == (
        Source("Nemotron-Post-Training-Dataset-v1:math", 3, "", "CC-BY-4.0"),
    )
    assert "name a split" in refused(f"hf:{root}")


def test_a_split_streams(tmp_path: Path) -> None:
    """What lies further on in a split is not read before its rows are asked for: here it cannot
    be, and costs no other."""
    root = tmp_path / "large"
    root.mkdir()
    path = root / "train.parquet"
    pq.write_table(
        chat_table(4000), path, row_group_size=100, compression="none", use_dictionary=False
    )
    metadata = pq.ParquetFile(path).metadata
    data = bytearray(path.read_bytes())
    start = metadata.row_group(20).column(0).data_page_offset
    data[start : metadata.row_group(39).column(0).data_page_offset] = b"\xff" * (
        metadata.row_group(39).column(0).data_page_offset - start
    )
    path.write_bytes(data)
    (file,) = resolve_inputs([f"hf:{root}"])
    found = list(read_rows(file))
    numbers = [row.number for row in found if isinstance(row, Row)]
    assert numbers == [*range(2000), *range(3900, 4000)]
    lost = [row for row in found if isinstance(row, Rejected)]
    assert {failed.reason for failed in lost} == {"corrupt parquet"}
    place = "large:train row 2000 (train.parquet row 2000)"
    assert lost[0].detail.startswith(f"{place}: corrupt parquet: rows 2000 to 2099")
