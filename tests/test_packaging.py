"""What is built from the repository: the wheel that is installed, the sdist that Beam sends out."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
#: Folders whose content is importable as ``tracemine.FOLDER``.
PACKAGES = ("schemas", "verifiers", "store", "teachers", "transforms", "pipelines", "data")
BUILD_FILES = ("setup.py", "pyproject.toml", "README.md", "LICENSE", "MANIFEST.in")

#: Early releases of 3.11 have no filters; the archive is our own.
FILTER = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}

BUILD_WHEEL = """
import sys
from setuptools import build_meta
print(build_meta.build_wheel(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is built from, because setuptools writes beside it."""
    copy = tmp_path_factory.mktemp("source")
    for name in (*BUILD_FILES, "constraints.txt"):
        shutil.copy(ROOT / name, copy / name)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def run(arguments: list[str], folder: Path) -> str:
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-c", BUILD_WHEEL, str(folder)], source)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def sdist(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As Beam makes it of ``--setup_file``."""
    folder = tmp_path_factory.mktemp("sdist")
    run([sys.executable, "setup.py", "-q", "sdist", "--dist-dir", str(folder)], source)
    (built,) = folder.glob("*.tar.gz")
    return built


def wanted() -> set[str]:
    """Paths that must be in every build, relative to the repository."""
    patterns = ("*.py", "py.typed", "*.jsonl", "page.*")
    return {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for pattern in patterns
        for path in (ROOT / package).rglob(pattern)
    }


def test_the_sample_is_wanted() -> None:
    assert len([path for path in wanted() if path.startswith("data/sample/")]) >= 5


def test_every_package_is_typed() -> None:
    folders = {
        path.parent for package in PACKAGES for path in (ROOT / package).rglob("__init__.py")
    }
    assert [folder for folder in folders if not (folder / "py.typed").is_file()] == []


def test_wheel_holds_every_module_and_the_sample(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"tracemine/{path}" for path in wanted()} - names == set()


def test_wheel_has_no_other_top_level_name(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"tracemine"}


def test_wheel_makes_a_namespace(wheel: Path) -> None:
    """No ``tracemine/__init__.py``: there is no folder that it could come from."""
    assert "tracemine/__init__.py" not in zipfile.ZipFile(wheel).namelist()


def test_wheel_names_licence_and_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        (commands,) = [name for name in names if name.endswith("entry_points.txt")]
        assert any(name.endswith("licenses/LICENSE") for name in names)
        assert "License-Expression: Apache-2.0" in archive.read(metadata).decode()
        assert "tracemine = tracemine.pipelines.cli:main" in archive.read(commands).decode()


def test_sdist_holds_all_that_the_wheel_is_built_from(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert (wanted() | set(BUILD_FILES) | {"constraints.txt"}) - names == set()


def test_sdist_builds_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, **FILTER)
    (unpacked,) = tmp_path.iterdir()
    run([sys.executable, "-c", BUILD_WHEEL, str(tmp_path)], unpacked)
    (rebuilt,) = tmp_path.glob("*.whl")
    contents = [
        {i.filename: i.CRC for i in zipfile.ZipFile(path).infolist() if "RECORD" not in i.filename}
        for path in (rebuilt, wheel)
    ]
    assert contents[0] == contents[1]


def test_wheel_is_imported_from_where_it_lies(wheel: Path, tmp_path: Path) -> None:
    """In a fresh interpreter, in another folder: the packages, and the sample as their data."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    (tmp_path / "elsewhere").mkdir()
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import tracemine.transforms, tracemine.transforms.formats, tracemine.data\n"
        "print(tracemine.transforms.__file__)\n"
        "print(*tracemine.data.sample_files(), sep='\\n')\n"
    )
    printed = run([sys.executable, "-c", code, str(tmp_path / "site")], tmp_path / "elsewhere")
    paths = printed.split()
    assert len(paths) >= 6
    assert all(path.startswith(str(tmp_path / "site" / "tracemine")) for path in paths)


def test_constraints_pin_every_requirement() -> None:
    """Exactly, without the suffix of one machine's build."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [
        pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", pin)
    ] == []
    names = {canonical(pin.partition("==")[0]) for pin in pins}
    required = re.findall(
        r'"([A-Za-z0-9._-]+)(?:\[[a-z]+\])?[<>=]', (ROOT / "setup.py").read_text()
    )
    missing = {canonical(name) for name in required} - names
    # What only some machines have, and what only a benchmark is compared with.
    assert missing - {"vllm", "gcsfs", "datatrove", "lancedb", "spacy", "nltk"} == set()


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
