"""Stage 1 as a whole: every row of every file is a trajectory or a failure with its reason."""

from __future__ import annotations

import collections
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from apache_beam.runners.portability.fn_api_runner import fn_runner
from apache_beam.testing.util import assert_that

from tracemine.schemas import Rejected, Source, Trajectory
from tracemine.transforms.formats import FORMATS
from tracemine.transforms.input_file import InputFile
from tracemine.transforms.inputs import resolve_inputs
from tracemine.transforms.read import FAILED, ReadTrajectories, read_file, to_trajectories
from tracemine.transforms.rows import Row

DATA = Path(__file__).parents[3] / "shared" / "data"


def row(number: int, **changes: Any) -> dict[str, Any]:
    text = f"{number}+1=<<{number}+1={number + 1}>>{number + 1}\n#### {number + 1}"
    return {"question": f"What follows {number}?", "answer": text} | changes


def line(number: int, **changes: Any) -> bytes:
    return json.dumps(row(number, **changes)).encode()


#: One line for each kind of bad row, with the reason that it must end with.
BAD: list[tuple[bytes, str]] = [
    (b"this is not JSON", "not JSON"),
    (b'{"question": "What is 1+1?"}', "missing column"),
    (line(1, question="x" * 40_000_000), "row too large"),
    (b'{"question": "\xff\xfe", "answer": "#### 1"}', "invalid UTF-8"),
    (line(1, answer=None), "trace is null"),
    (line(1, answer=""), "trace is empty"),
    (line(1, question=" "), "problem is empty"),
    (line(1, question=None), "problem is null"),
    (b'{"question": "a", "answer": NaN}', "NaN"),
    (line(1, answer=["#### 1"]), "trace is a list"),
    (line(1, answer={"text": "#### 1"}), "wrong type"),
    (line(1, answer="lone \ud800 #### 1"), "invalid text"),
    (line(1, answer="nul \0 #### 1"), "invalid text"),
    (b'["a", "b"]', "not an object"),
    (b'{"question": ' * 50_000, "nested too deep"),
]


def run(files: list[InputFile], check: Callable[[list[Any], list[Any]], None]) -> None:
    """Run the stage in Beam's own Python runner, and ``check`` trajectories and failures."""
    with beam.Pipeline(runner=fn_runner.FnApiRunner()) as pipeline:
        read = pipeline | "Read" >> ReadTrajectories(files)
        both = (
            read.trajectories | "Tag read" >> beam.Map(lambda t: ("trajectories", t)),
            read.failed | "Tag failed" >> beam.Map(lambda r: (FAILED, r)),
        ) | "Both" >> beam.Flatten()

        def compare(found: list[tuple[str, Any]]) -> None:
            check(
                [record for name, record in found if name == "trajectories"],
                [record for name, record in found if name == FAILED],
            )

        assert_that(both, compare)


def test_every_kind_of_bad_input_ends_in_the_ledger(tmp_path: Path) -> None:
    lines = [part for n, (bad, _) in enumerate(BAD) for part in (line(n), bad)]
    (tmp_path / "bad.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    (tmp_path / "empty.jsonl").write_bytes(b"")
    whole = gzip.compress(b"\n".join(line(n) for n in range(100, 5000)))
    (tmp_path / "cut.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    reasons = collections.Counter(reason for _, reason in BAD)
    reasons.update(["empty file", "truncated gzip"])
    details = [f"bad.jsonl row {2 * n + 1}: {reason}" for n, (_, reason) in enumerate(BAD)]

    def check(trajectories: list[Trajectory], failures: list[Rejected]) -> None:
        assert collections.Counter(failed.reason for failed in failures) == reasons
        assert {failed.fate for failed in failures} == {"failed"}
        assert {failed.stage for failed in failures} == {"read"}
        assert len({failed.record_id for failed in failures}) == len(failures)
        found = [failed.detail for failed in failures]
        for detail in [*details, "empty.jsonl row 0: empty file"]:
            assert sum(text.startswith(detail) for text in found) == 1
        by_file = collections.Counter(t.sources[0].dataset for t in trajectories)
        assert by_file["bad.jsonl"] == len(BAD)
        cut = by_file["cut.jsonl.gz"]
        assert 0 < cut < 4900
        assert any(text.startswith(f"cut.jsonl.gz row {cut}: truncated gzip") for text in found)

    run(resolve_inputs([str(tmp_path)]), check)


def test_a_reference_that_is_a_list_fails(tmp_path: Path) -> None:
    golds: list[Any] = ["1", ["1"], [], {}, None]
    rows = [{"question": "a", "cot": "b", "gold": gold} for gold in golds]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (file,) = resolve_inputs([str(tmp_path / "a.jsonl")])
    reasons = [r.reason for output, r in read_file(file) if output == FAILED]
    assert reasons == ["reference is a list", "reference is a list", "wrong type"]


def test_one_row_in_every_container_is_one_trajectory(tmp_path: Path) -> None:
    rows = [row(n) for n in range(7)]
    lines = b"\n".join(json.dumps(r).encode() for r in rows)
    (tmp_path / "a.jsonl").write_bytes(lines)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines))
    (tmp_path / "c.json").write_text(json.dumps(rows, indent=1))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "d.parquet", row_group_size=3)
    (tmp_path / "sums").mkdir()
    (tmp_path / "sums" / "train.jsonl").write_bytes(lines)
    files = resolve_inputs([*map(str, sorted(tmp_path.glob("?.*"))), f"hf:{tmp_path / 'sums'}"])
    assert [file.format for file in files] == ["gsm8k"] * 5

    def check(trajectories: list[Trajectory], failures: list[Rejected]) -> None:
        assert not failures
        copies = collections.defaultdict(set)
        for trajectory in trajectories:
            (source,) = trajectory.sources
            copies[trajectory.id].add((source.dataset, source.row))
        assert len(copies) == 7
        names = {"a.jsonl", "b.jsonl.gz", "c.json", "d.parquet", "sums:train"}
        for places in copies.values():
            assert {dataset for dataset, _ in places} == names
            assert len({number for _, number in places}) == 1

    run(files, check)


def split_of(folder: Path, name: str = "sums") -> InputFile:
    return InputFile(str(folder), f"{name}:train", "dataset", format="gsm8k", split="train")


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_a_bad_line_of_a_split_costs_no_other(tmp_path: Path, pack: Any) -> None:
    ending = {bytes: "", gzip.compress: ".gz", zstandard.compress: ".zst"}[pack]
    (tmp_path / "sums").mkdir()
    for part in range(2):
        lines = [line(n) for n in range(6 * part, 6 * part + 6)]
        lines[3:3] = [b"{broken", b"", b'{"question": "no answer"}', b"[1]"]
        path = tmp_path / "sums" / f"train-{part}.jsonl{ending}"
        path.write_bytes(pack(b"\n".join(lines)))
    (file,) = resolve_inputs([f"hf:{tmp_path / 'sums'}:train"])
    found = list(read_file(file))
    read = [x for _, x in found if isinstance(x, Trajectory)]
    assert [t.sources[0].row for t in read] == [0, 1, 2, 7, 8, 9, 10, 11, 12, 17, 18, 19]
    lost = [x for _, x in found if isinstance(x, Rejected)]
    assert [x.reason for x in lost] == ["not JSON", "missing column", "not an object"] * 2
    assert lost[0].detail.startswith(f"sums:train row 3 (train-0.jsonl{ending} row 3): not JSON")
    assert lost[4].detail.startswith(f"sums:train row 15 (train-1.jsonl{ending} row 5): missing")
    assert len({x.record_id for x in lost}) == 6


def test_where_a_file_of_a_split_breaks_off_is_one_failure(tmp_path: Path) -> None:
    (tmp_path / "sums").mkdir()
    packed = gzip.compress(b"\n".join(line(n) for n in range(100)))
    (tmp_path / "sums" / "train-0.jsonl.gz").write_bytes(packed[:-30])
    (tmp_path / "sums" / "train-1.jsonl.gz").write_bytes(packed)
    found = list(read_file(split_of(tmp_path / "sums")))
    (lost,) = [x for _, x in found if isinstance(x, Rejected)]
    assert lost.reason == "truncated gzip"
    assert "(train-0.jsonl.gz row " in lost.detail
    assert len(found) > 101
    assert len({x.id for _, x in found if isinstance(x, Trajectory)}) == 100


def test_of_a_split_that_we_do_not_read_ourselves_the_rest_is_said_to_be_lost(
    tmp_path: Path,
) -> None:
    (tmp_path / "sums").mkdir()
    (tmp_path / "sums" / "train.csv").write_text('question,answer\n1,#### 1\n2,3,4,5\n"')
    ((output, lost),) = read_file(split_of(tmp_path / "sums"))
    assert output == FAILED
    assert isinstance(lost, Rejected)
    assert lost.reason == "corrupt dataset"
    assert "all that follow it" in lost.detail


FILE = InputFile("memory://a.jsonl", "a.jsonl", "lines", format="gsm8k", revision="r1")


def test_where_it_was_published() -> None:
    found = to_trajectories(Row(5, row(1)), FILE)
    assert not isinstance(found, Rejected)
    assert found[0].sources == (Source("a.jsonl", 5, "r1", "MIT"),)


@pytest.mark.parametrize(
    ("changes", "licence"),
    [
        ({"licence": "CC-BY-4.0"}, "CC-BY-4.0"), ({"license": "CC0-1.0"}, "CC0-1.0"),
        ({"licence": None}, "MIT"), ({"licence": ""}, "MIT"),
        ({"licence": "ISC", "license": "cc-by-nc-4.0"}, "ISC AND CC-BY-NC-4.0"),
        ({"licence": "ISC", "license": "isc"}, "ISC"),
        ({"license": "CC BY 4.0"}, "CC-BY-4.0"),
        ({"license": ["mit"]}, "MIT"), ({"license": ["mit", "cc0-1.0"]}, "MIT AND CC0-1.0"),
        ({"license": []}, "MIT"), ({"license": "apache-2.0"}, "Apache-2.0"),
        ({"license": "our own"}, "our own"),
    ],
)  # fmt: skip
def test_a_row_may_state_its_own_licence(changes: dict[str, Any], licence: str) -> None:
    found = to_trajectories(Row(0, row(1, **changes)), FILE)
    assert not isinstance(found, Rejected)
    assert found[0].sources[0].licence == licence


def test_generic_rows_have_no_licence_but_what_a_column_says() -> None:
    values = {"prompt": "p", "cot": "c", "terms": "Apache-2.0"}
    file = InputFile("memory://a.jsonl", "a.jsonl", "lines", format="generic")
    named = InputFile(
        "memory://a.jsonl", "a.jsonl", "lines", format="generic", columns=(("licence", "terms"),)
    )
    for_all = InputFile(
        "memory://a.jsonl", "a.jsonl", "lines", format="generic", columns=(("licence", "=mit"),)
    )
    for given, licence in ((file, ""), (named, "Apache-2.0"), (for_all, "MIT")):
        found = to_trajectories(Row(0, values), given)
        assert not isinstance(found, Rejected)
        assert found[0].sources[0].licence == licence


#: File -> format, rows, trajectories, failures, trajectories without an answer.
COUNTS = {
    "gsm8k_train.jsonl.gz": ("gsm8k", 7473, 7473, 0, 0),
    "gsm8k_test_socratic.jsonl": ("gsm8k-socratic", 657, 657, 0, 0),
    "gsm8k_model_solutions.jsonl.gz": ("gsm8k-samples", 657, 2628, 0, 8),
    "tora_70b_gsm8k.jsonl.gz": ("tora", 657, 657, 0, 0),
    "tora_code_34b_gsm8k.jsonl.gz": ("tora", 657, 657, 0, 0),
    "pot_gsm8k.jsonl.gz": ("pot", 655, 655, 0, 83),
    "mbpp.jsonl.gz": ("mbpp", 530, 530, 0, 530),
    "math_test.jsonl.gz": ("math", 2536, 2536, 0, 0),
    "sky_traces.jsonl.gz": ("sky", 3969, 3968, 1, 67),
    "cruxeval.jsonl.gz": ("cruxeval", 411, 411, 0, 411),
    "strategyqa.jsonl.gz": ("strategyqa", 1004, 1004, 0, 0),
    "mmlu_pro_deepseek_v2.jsonl.gz": ("mmlu-pro", 1726, 1726, 0, 27),
}


@pytest.mark.skipif(not DATA.is_dir(), reason="the real data is not at ../shared/data")
@pytest.mark.parametrize("name", COUNTS)
def test_real_files(name: str) -> None:
    format, rows, count, failures, unanswered = COUNTS[name]
    (file,) = resolve_inputs([str(DATA / name)])
    assert file.format == format
    found = list(read_file(file))
    trajectories = [record for output, record in found if output == "trajectories"]
    numbers = {t.sources[0].row for t in trajectories}
    assert (len(trajectories), len(found) - len(trajectories)) == (count, failures)
    assert len(numbers) + failures == rows
    assert sum(t.answer is None for t in trajectories) == unanswered


#: Format -> the licence of its rows in `test_formats.ROWS` once their own is taken away.
PUBLISHED_UNDER = {
    "humaneval": "MIT", "cruxeval": "MIT", "strategyqa": "MIT", "mmlu-pro": "Apache-2.0",
    "nemotron": "CC-BY-4.0", "openthoughts": "Apache-2.0", "openr1": "Apache-2.0",
    "opencodereasoning": "CC-BY-4.0", "generic": "",
}  # fmt: skip


@pytest.mark.parametrize("format", PUBLISHED_UNDER)
def test_licences_of_formats(format: str) -> None:
    assert FORMATS[format].licence == PUBLISHED_UNDER[format]
