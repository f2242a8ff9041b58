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

from tracemine.store.errors import RequestError
from tracemine.transforms.inputs import resolve_inputs

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
