"""Which libraries a routine needs, and in which version it was run."""

from __future__ import annotations

import ast
import sys
from functools import cache
from importlib import metadata


def libraries_of(tree: ast.AST) -> list[str]:
    """The top-level modules that ``tree`` imports and Python does not come with, sorted."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return sorted(found - sys.stdlib_module_names)


def imported_by(code: str) -> frozenset[str]:
    """The top-level modules that ``code`` imports and Python does not come with. Hardly any has the
    word, so most need not be parsed.

    Raises:
        SyntaxError: if code with an import does not parse.
    """
    return frozenset(libraries_of(ast.parse(code)) if "import" in code else ())


def library_conditions(tree: ast.AST) -> list[str]:
    """A precondition in words for each library: what it gives may change with its version, so the
    one that replays ran with is named."""
    return [
        f"needs {name}" + (f" (run with {name} {version})" if version else "")
        for name in libraries_of(tree)
        for version in [version_of(name)]
    ]


@cache
def version_of(module: str) -> str:
    """The version of the distribution that has ``module``, which the sandbox's interpreter shares;
    empty where none is installed."""
    for name in sorted(_distributions().get(module, [])):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:  # half an installation
            continue
    return ""


@cache
def _distributions() -> dict[str, list[str]]:
    return {name: list(found) for name, found in metadata.packages_distributions().items()}
