"""mine with a model that vLLM really serves: tiny, with random weights, held to the schema.

What such a model says is rubbish in the right form. So spans come out of it, because the schema
demands some, and every one is rejected for a stated reason.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import independent_check
import psutil
import pytest

from tracemine.data import sample_files
from tracemine.store import fsck
from tracemine.teachers.model.served import NotServedError, name_of, served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]

ROWS = 12
#: A model with random weights writes white space without end where a schema allows it.
VLLM_ARGS = [
    "--max-model-len", "16384", "--enforce-eager", "--structured-outputs-config",
    '{"backend": "xgrammar", "disable_any_whitespace": true}',
]  # fmt: skip
SETTINGS = "least_spans=2,most_chars=40,max_answer_tokens=3000"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tiny_model import make_tiny_model

    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = Path(sample_files()[0])
    inputs = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    inputs.write_text("".join(file.read_text(encoding="utf-8").splitlines(keepends=True)[:ROWS]))
    return inputs


def mine(
    store: Path, inputs: Path, teacher: str, *arguments: str, status: int = 0
) -> dict[str, Any]:
    command = [
        sys.executable, "-m", "tracemine.pipelines.cli", "mine", "--input", str(inputs),
        "--store", str(store), "--teacher", teacher, "--teacher-settings", SETTINGS, "--json",
        "--workers", "1", *arguments,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def check(store: Path, summary: dict[str, Any], name: str) -> None:
    """Spans came out of it, none was kept, each says why, and the sums are right."""
    spans, admitted = summary["spans"], summary["trajectories"]["admitted"]
    assert admitted >= 5
    assert spans["failed"] == {}
    assert spans["kept"] == spans["duplicates"] == 0
    gone = sum(spans["rejected"].values()) + sum(spans["handoff"].values())
    assert spans["segmented"] == gone >= 2 * admitted
    assert sum(spans["rejected"].values()) > 0
    assert sum(summary["procedures"].values()) == 0
    usage = summary["usage"]["stages"]["segment"][name]
    assert usage["requests"] == usage["attempts"] == admitted
    assert usage["prompt_tokens"] > 1_000 * admitted
    assert usage["completion_tokens"] > 100 * admitted
    rejected = [
        row
        for row in independent_check.rows(store, "rejected")
        if row["stage"] in ("segment", "ground", "route")
    ]
    assert len(rejected) == sum(spans["rejected"].values())
    assert all(row["reason"] in spans["rejected"] for row in rejected)
    assert fsck(str(store)) == []


def serving() -> list[str]:
    return [
        " ".join(process.info["cmdline"] or ())
        for process in psutil.process_iter(["cmdline"])
        if "vllm.entrypoints" in " ".join(process.info["cmdline"] or ())
    ]


def test_a_model_in_a_folder_is_served_for_the_run(
    model: Path, problems: Path, tmp_path: Path
) -> None:
    arguments = ["--vllm-args", " ".join(f"'{argument}'" for argument in VLLM_ARGS)]
    summary = mine(tmp_path / "store", problems, f"vllm:{model}", *arguments)
    check(tmp_path / "store", summary, name_of(str(model)))
    assert [line for line in serving() if str(model) in line] == []


def test_a_server_that_runs_is_asked_and_only_once(
    model: Path, problems: Path, tmp_path: Path
) -> None:
    with served(str(model), arguments=VLLM_ARGS) as url:
        teacher = f"openai:{url}#{name_of(str(model))}"
        first = mine(tmp_path / "first", problems, teacher)
        check(tmp_path / "first", first, name_of(str(model)))
        cache = str(tmp_path / "first" / "cache" / "teacher")
        second = mine(tmp_path / "second", problems, teacher, "--cache", cache)
        assert second["usage"]["stages"]["segment"][name_of(str(model))]["attempts"] == 0
        assert second["spans"] == first["spans"]
        wrong = tmp_path / "wrong"
        none = mine(wrong, problems, f"openai:{url}#no-such-model", status=1)
        assert list(none["spans"]["failed"]) == ["no such model or address"]
    assert [line for line in serving() if str(model) in line] == []


def test_what_vllm_cannot_serve_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotServedError) as caught, served(str(tmp_path / "empty"), seconds=200):
        pass
    assert str(tmp_path / "empty") in str(caught.value)
    assert "\n" not in str(caught.value)
