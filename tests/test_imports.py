"""Imports run downward only, without a circle: read from the source, nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: Package -> the packages of ours that it may import, besides itself.
BELOW = {
    "schemas": set(),
    "verifiers": {"schemas"},
    "teachers": {"verifiers", "schemas"},
    "store": {"verifiers", "schemas"},
    "transforms": {"teachers", "store", "verifiers", "schemas"},
    "pipelines": {"transforms", "teachers", "store", "verifiers", "schemas", "data"},
    "data": set(),
}
#: The same for the folders of the rules teacher.
BELOW_IN_RULES = {
    "language": set(),
    "derived": {"language"},
    "written": {"derived", "language"},
    "arithmetic": {"written", "derived", "language"},
    "mathematics": {"arithmetic", "written", "derived", "language"},
    "code": {"arithmetic", "derived", "language"},
}
PREFIX = "tracemine."
RULES = "tracemine.teachers.rules."


def modules() -> dict[str, Path]:
    """Every module of ours by its full name."""
    found = {}
    for package in BELOW:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[PREFIX + name] = path
    return found


def imported(name: str, path: Path) -> Iterator[str]:
    """Full names that a module imports, wherever in it the import stands. For ``from a import b``
    that is ``a.b``: whether ``b`` is a module is for the caller to see. Imports for type checkers
    alone count too: they are dependencies of the reader."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
                kept = package[: len(package) - node.level + 1]
                base = ".".join([*kept, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def edges() -> dict[str, set[str]]:
    """Module -> the modules of ours that it imports."""
    known = modules()
    graph: dict[str, set[str]] = {}
    for name, path in known.items():
        targets = set()
        for target in imported(name, path):
            if target.startswith(PREFIX) or target == PREFIX.rstrip("."):
                parent = target.rpartition(".")[0]
                assert target in known or parent in known, f"{path}: no module {target}"
                targets.add(target if target in known else parent)
        graph[name] = targets
    return graph


def package_of(module: str) -> str:
    return module.split(".")[1]


def find_cycle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of one circle, in order; empty if there is none."""
    done: set[str] = set()
    way: list[str] = []

    def visit(module: str) -> list[str]:
        if module in way:
            return [*way[way.index(module) :], module]
        if module in done:
            return []
        way.append(module)
        for target in sorted(graph.get(module, ())):
            if cycle := visit(target):
                return cycle
        way.pop()
        done.add(module)
        return []

    for module in sorted(graph):
        if cycle := visit(module):
            return cycle
    return []


def test_every_package_is_drawn() -> None:
    """A new top-level package needs a place in the order."""
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"benchmarks", "tests"}
    assert folders == set(BELOW)


@pytest.mark.parametrize("package", BELOW)
def test_imports_run_downward(package: str) -> None:
    upward = {
        f"{module} imports {target}"
        for module, targets in edges().items()
        if package_of(module) == package
        for target in targets
        if package_of(target) not in BELOW[package] | {package}
    }
    assert upward == set()


@pytest.mark.parametrize("folder", BELOW_IN_RULES)
def test_imports_run_downward_in_the_rules(folder: str) -> None:
    graph = {m.removeprefix(RULES): t for m, t in edges().items() if m.startswith(RULES)}
    upward = {
        f"{module} imports {target}"
        for module, targets in graph.items()
        if module.split(".")[0] == folder
        for target in targets
        if target.startswith(RULES.rstrip("."))
        and target.removeprefix(RULES).split(".")[0] not in BELOW_IN_RULES[folder] | {folder}
    }
    assert upward == set()
    folders = {path.parent.name for path in (ROOT / "teachers/rules").glob("*/__init__.py")}
    assert folders == set(BELOW_IN_RULES)


def test_no_circle_between_modules() -> None:
    assert find_cycle(edges()) == []


def test_no_import_by_a_top_level_name() -> None:
    """``import schemas`` works in the repository's root and nowhere else."""
    wrong = {
        f"{name}: {target}"
        for name, path in modules().items()
        for target in imported(name, path)
        if target.split(".")[0] in {*BELOW, "benchmarks", "tests"}
    }
    assert wrong == set()


def test_the_search_for_circles_finds_one() -> None:
    assert find_cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["b", "c", "b"]
    assert find_cycle({"a": {"a"}}) == ["a", "a"]
    assert find_cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_relative_imports_are_resolved(tmp_path: Path) -> None:
    module = tmp_path / "b.py"
    module.write_text("from . import c\nfrom .d import e\nfrom ..f import g\nimport h.i\n")
    assert list(imported("tracemine.a.b", module)) == [
        "tracemine.a.c",
        "tracemine.a.d.e",
        "tracemine.f.g",
        "h.i",
    ]
