"""Reads a store as a stranger would, and re-executes its evidence.

Imports nothing of tracemine: only the written files, `pyarrow`, and a fresh Python process that
runs the routines. Run it over a store by hand with

    python tests/independent_check.py STORE

For every verified variant: each ``pass`` is repeated on the instance that it names; that instance
must be held out; and every provenance quote must stand at its offsets. Variants of one entry must
have passed on each other's instances, and failed on none. A variant without code is words that a
model carried out: its passes must say so, and are not repeated; none of judgement alone may have
made an entry canonical.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

#: Relative tolerance between two numbers that are one result.
TOLERANCE = 1e-9
#: Problems whose sets of three-word shingles have this Jaccard similarity are one problem.
NEAR_DUPLICATE = 0.8
#: Passes between two variants of an entry, at least.
MEETINGS = 2
#: Seconds for all routines of a store.
TIMEOUT = 900

_RUNNER = r"""
import contextlib, io, json, sys
for line in sys.stdin:
    job = json.loads(line)
    out = {"id": job["id"]}
    try:
        namespace = {"__name__": "routine"}
        with contextlib.redirect_stdout(io.StringIO()):
            exec(job["code"], namespace)
            bindings = eval(job["bindings"], {"Fraction": __import__("fractions").Fraction,
                                              "nan": float("nan"), "inf": float("inf")})
            value = namespace[job["entry_point"]](**bindings)
        out["value"] = repr(value)
    except BaseException as error:
        out["error"] = f"{type(error).__name__}: {error}"
    print(json.dumps(out), flush=True)
"""


def live_folder(store: Path) -> Path:
    """The folder of the snapshot that CURRENT names."""
    return store / "snapshots" / (store / "CURRENT").read_text().strip()


def rows(store: Path, table: str) -> list[dict[str, Any]]:
    """All rows of a table of the live snapshot, through its manifest."""
    folder = live_folder(store)
    manifest = json.loads((folder / "manifest.json").read_text())
    found = []
    for file in manifest["files"]:
        if file.get("table") == table and file["path"].endswith(".parquet"):
            found += pq.read_table(store / file["path"]).to_pylist()
    return found


def from_json(value: Any) -> Any:
    """A plain value from the JSON of bindings and results (the tags of the README)."""
    if isinstance(value, list):
        return [from_json(v) for v in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and next(iter(value)).startswith("$"):
        ((tag, inner),) = value.items()
        return {
            "$tuple": lambda: tuple(from_json(v) for v in inner),
            "$set": lambda: {from_json(v) for v in inner},
            "$frozenset": lambda: frozenset(from_json(v) for v in inner),
            "$dict": lambda: {from_json(k): from_json(v) for k, v in inner},
            "$complex": lambda: complex(from_json(inner[0]), from_json(inner[1])),
            "$fraction": lambda: Fraction(inner),
            "$float": lambda: float(inner),
            "$bytes": lambda: bytes.fromhex(inner),
        }[tag]()
    return {k: from_json(v) for k, v in value.items()}


def same(expected: Any, actual: Any) -> bool:
    """Whether two results are one: numbers within tolerance, everything else exactly."""
    numbers = (int, float, Fraction, complex)
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, numbers) and isinstance(actual, numbers):
        if isinstance(expected, complex) or isinstance(actual, complex):
            return abs(complex(expected) - complex(actual)) <= TOLERANCE * abs(complex(expected))
        return math.isclose(expected, actual, rel_tol=TOLERANCE, abs_tol=1e-12)
    if type(expected) is not type(actual):
        return False
    if isinstance(expected, (list, tuple)):
        return len(expected) == len(actual) and all(map(same, expected, actual))
    if isinstance(expected, dict):
        return expected.keys() == actual.keys() and all(
            same(value, actual[key]) for key, value in expected.items()
        )
    return bool(expected == actual)


def normalised(problem: str) -> str:
    """The text that two copies of a problem share."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", problem)).strip().lower()


def alike(left: str, right: str) -> bool:
    """Whether two problems are near-duplicates."""

    def shingles(text: str) -> set[tuple[str, ...]]:
        words = re.findall(r"\w+", normalised(text))
        return {tuple(words[i : i + 3]) for i in range(max(1, len(words) - 2))}

    ours, theirs = shingles(left), shingles(right)
    return len(ours & theirs) >= NEAR_DUPLICATE * len(ours | theirs)


def rerun(jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """Run each job's routine in one fresh Python process: id -> its value's text, or None."""
    text = "".join(json.dumps(job) + "\n" for job in jobs)
    done = subprocess.run(
        [sys.executable, "-I", "-c", _RUNNER],
        input=text, capture_output=True, text=True, timeout=TIMEOUT, check=False,
    )  # fmt: skip
    return {out["id"]: out for out in map(json.loads, done.stdout.splitlines())}


def check(store: Path) -> Iterator[str]:
    """One line for everything in the store that does not hold."""
    tables = {
        name: rows(store, name)
        for name in ("procedures", "candidates", "trajectories", "spans", "instances", "replays",
                     "handoff", "tools")
    }  # fmt: skip
    instances = {row["instance_id"]: row for row in tables["instances"]}
    spans = {row["span_id"]: row for row in tables["spans"] + tables["handoff"]}
    trajectories = {row["trajectory_id"]: row for row in tables["trajectories"]}
    problems = {row["problem_id"]: row["problem"] for row in tables["trajectories"]}
    replays: dict[str, list[dict[str, Any]]] = {}
    for row in tables["replays"]:
        replays.setdefault(row["variant_id"], []).append(row)

    for entry in tables["procedures"] + tables["candidates"] + tables["tools"]:
        for quote in entry["provenance"]:
            trace = trajectories[quote["trajectory_id"]]["trace"]
            if trace[quote["start"] : quote["end"]] != quote["quote"] or not quote["quote"]:
                yield f"{entry['procedure_id']}: quote is not at {quote['start']}"

    yield from disagreements(tables["procedures"] + tables["candidates"], instances, replays)
    jobs, expected = [], {}
    for entry in tables["procedures"] + tables["tools"]:
        if entry["status"] not in ("verified", "canonical"):
            continue
        for variant in entry["variants"]:
            verdicts = replays.get(variant["variant_id"], [])
            passes = [row for row in verdicts if row["verdict"] == "pass"]
            if len(passes) < 2:
                yield f"{variant['variant_id']}: {len(passes)} passes"
            if variant["passes"] != len(passes):
                yield f"{variant['variant_id']}: says {variant['passes']} passes"
            decided = [row for row in verdicts if row["verdict"] != "unsupported"]
            if variant["attempts"] != len(decided):
                yield f"{variant['variant_id']}: says {variant['attempts']} attempts"
            if not variant["code"]:
                yield from _not_carried_out(entry, variant, passes)
            home = trajectories[spans[variant["span_id"]]["trajectory_id"]]
            # A pointer's own is not in the table: no replay is on it.
            own = None if "tool" in entry else instances[variant["instance_id"]]
            for row in passes:
                instance = instances[row["instance_id"]]
                yield from _not_held_out(variant, own, home, instance, problems)
                key = f"{variant['variant_id']} on {instance['instance_id']}"
                roles = json.loads(row["binding_map"])
                bindings = from_json(json.loads(instance["bindings"]))
                keys = {source for source in roles.values() if not source.startswith("=")}
                if not keys <= set(bindings) or ("tool" not in entry and keys != set(bindings)):
                    yield f"{key}: binding map does not cover the instance"
                    continue
                call = {
                    name: bindings[source] if source in keys else from_json(json.loads(source[1:]))
                    for name, source in roles.items()
                }
                if not variant["code"]:
                    continue
                expected[key] = from_json(json.loads(instance["result"]))
                jobs.append(
                    {"id": key, "code": variant["code"], "entry_point": variant["entry_point"],
                     "bindings": repr(call)}
                )  # fmt: skip
    results = rerun(jobs)
    for key, wanted in expected.items():
        out = results.get(key, {"error": "did not run"})
        if "error" in out:
            yield f"{key}: {out['error']}"
        else:
            scope = {"Fraction": Fraction, "nan": math.nan, "inf": math.inf}
            if not same(wanted, eval(out["value"], scope)):
                yield f"{key}: expected {wanted!r}, got {out['value']}"


def _not_carried_out(
    entry: dict[str, Any], variant: dict[str, Any], passes: list[dict[str, Any]]
) -> Iterator[str]:
    """What is wrong with the passes of a variant in words."""
    if not variant["subroutine"].strip():
        yield f"{variant['variant_id']}: neither code nor words"
    if any(not re.match(r"model:.+\+.+", row["verifier"]) for row in passes):
        yield f"{variant['variant_id']}: words that passed without a model"
    if entry["status"] == "canonical" and all(r["verifier"].endswith("+judge") for r in passes):
        yield f"{variant['variant_id']}: canonical by judgement alone"


def disagreements(
    entries: list[dict[str, Any]],
    instances: dict[str, dict[str, Any]],
    replays: dict[str, list[dict[str, Any]]],
) -> Iterator[str]:
    """Two variants of one entry of which one did not pass on an instance of the other that decided
    something, or that decided too little of each other."""
    for entry in entries:
        owner = {quote["span_id"]: quote["variant_id"] for quote in entry["provenance"]}
        ids = sorted(variant["variant_id"] for variant in entry["variants"])
        passed: Counter[tuple[str, ...]] = Counter()
        for variant in ids:
            for row in replays.get(variant, []):
                other = owner.get(instances[row["instance_id"]]["span_id"], variant)
                if other == variant or row["verdict"] == "unsupported":
                    continue
                if row["verdict"] == "pass":
                    passed[tuple(sorted((variant, other)))] += 1
                else:
                    yield f"{variant}: {row['verdict']} on an instance of {other}, its equal"
        for pair in combinations(ids, 2):
            if passed[pair] < MEETINGS:
                yield f"{' and '.join(pair)}: {passed[pair]} passes on each other's instances"


def _not_held_out(
    variant: dict[str, Any],
    own: dict[str, Any] | None,
    home: dict[str, Any],
    instance: dict[str, Any],
    problems: dict[str, str],
) -> Iterator[str]:
    """Why an instance is not held out for a variant of the trajectory ``home``, if it is not;
    ``own`` is what the variant was taken from, None where the store does not have it."""
    key = f"{variant['variant_id']} on {instance['instance_id']}"
    if not instance["checked"]:
        yield f"{key}: the result does not feed a verified answer"
    if instance["origin"] == "test":
        if own and (instance["bindings"], instance["result"]) == (own["bindings"], own["result"]):
            yield f"{key}: this test admitted the trajectory"
        return
    if instance["problem_id"] == home["problem_id"]:
        yield f"{key}: another attempt at its own problem"
    elif alike(home["problem"], problems[instance["problem_id"]]):
        yield f"{key}: a near-duplicate of its own problem"
    if own is None:
        return
    ours, theirs = (Counter(map(repr, json.loads(i["bindings"]).values())) for i in (own, instance))
    if ours == theirs:
        yield f"{key}: the bindings are its own"


def main() -> int:
    """Print what does not hold, and how many passes were repeated."""
    store = Path(sys.argv[1])
    findings = list(check(store))
    passes = sum(row["verdict"] == "pass" for row in rows(store, "replays"))
    sys.stdout.write("".join(f"{finding}\n" for finding in findings))
    sys.stdout.write(f"{passes} passes on record, {len(findings)} findings\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
