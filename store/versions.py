"""The versions of what decides the results of a run on this machine."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from tracemine.store.policy import Policy, policy_hash

#: Distributions another version of which may give another verdict, routine or neighbour.
DECIDING = (
    "tracemine", "faiss-cpu", "hdbscan", "latex2sympy2_extended", "math-verify", "numpy", "pint",
    "pydantic-monty", "sentence-transformers", "sympy", "torch",
)  # fmt: skip


def deciding_versions() -> dict[str, str]:
    """By name, the version of each of `DECIDING` that is installed, or ``not installed``; and that
    of Python, which says what code gives."""
    found = {"python": platform.python_version()}
    for name in DECIDING:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def replayed_with(policy: Policy) -> dict[str, Any]:
    """What verdicts and entries were found with on this machine: other ones may be found with
    another of these."""
    return {"versions": deciding_versions(), "policy": policy_hash(policy)}


def replayed_since(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What a snapshot whose parent has ``manifest`` says of that, if some of its verdicts were
    found here: nothing, where another machine found the others with other versions."""
    told = dict(manifest.get("replayed") or {})
    return told if told.get("versions") == deciding_versions() else {}


__all__ = ["DECIDING", "deciding_versions", "replayed_since", "replayed_with"]
