"""What of new data does a store know already, and is it right about that?

    python -m benchmarks.known [--data DIR] [--rows N] [--quick] [--json]

``DIR`` (default ``../shared/data`` beside the repository) holds the published files. The first rows
of `FILES` are parted by problem; one half is mined into a store, the spans of the other are new.

Known. The share of new spans that an entry covers which search serves, that only a candidate
covers, and the seconds for 1,000 new spans (beside those of their embedding). Right: the entry's
variant, its values bound as it says, gives what the span's own code gives on `POINTS` random inputs
that neither has seen. The peers call a span known whose nearest entry is within the distance
whatever it does (the recipe of SemDeDup, against a store), or which has an entry's code letter for
letter; for them any way to bind values is tried, and the best counts.

Distance. How far spans are from the nearest served entry of their method, and from the nearest of
another; and where both halves are mined at once, the share of those spans that come into one entry
with the entry's own (not with ``--quick``). Problems are parted once more: what is chosen on one
part is reported on the other.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tracemine.pipelines.mine import run_mine
from tracemine.pipelines.options import MineOptions
from tracemine.schemas import fraction_of, problem_id
from tracemine.schemas.types import coarse
from tracemine.store import Embedder, Store
from tracemine.teachers import make_teacher
from tracemine.transforms.admit import AdmitOptions, admit
from tracemine.transforms.embed import embed
from tracemine.transforms.inputs import resolve_inputs
from tracemine.transforms.known import MAX_DISTANCE, Known, Met, judge, look
from tracemine.transforms.methods import variant_id
from tracemine.transforms.read import read_file
from tracemine.transforms.segment import Proposal, route, segment
from tracemine.transforms.stored import StoredEntries, code_key, pin, shared_stored
from tracemine.verifiers import Sandbox, shared_sandbox, verify
from tracemine.verifiers.bindings import bind
from tracemine.verifiers.replay import Routine, alignments, is_plain_arithmetic, run_routine
from tracemine.verifiers.runs import Backend, Run
from tracemine.verifiers.verdict import Context

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
FILES = ("gsm8k_train", "tora_70b_gsm8k", "tora_code_34b_gsm8k", "pot_gsm8k")
#: Rows of each file, and with --quick.
ROWS, QUICK_ROWS = 2500, 150
#: Random inputs on which two codes are compared, and the fewest on which both must have a value.
POINTS, DECIDED = 12, 4
#: Bounds of the distances that are counted together.
BINS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 2.0)
AS_OF = "2026-01-01T00:00:00+00:00"
SEED = 11


def part(data: Path, rows: int, folder: Path) -> tuple[Path, Path]:
    """Two folders with the first ``rows`` of each file, by problem."""
    halves = folder / "old-data", folder / "new-data"
    for half in halves:
        half.mkdir()
    for name in FILES:
        with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as stream:
            lines = list(islice(stream, rows))
        for number, half in enumerate(halves):
            chosen = [
                line
                for line in lines
                if (fraction_of(problem_id(json.loads(line)["question"])) >= 0.5) == bool(number)
            ]
            (half / f"{name}.jsonl").write_text("".join(chosen), encoding="utf-8")
    return halves


def new_spans(folder: Path, sandbox: Sandbox) -> tuple[list[Proposal], float]:
    """The routed spans of all files in ``folder`` with their vectors, as `mine` makes them, and the
    seconds that their embedding took."""
    copies = defaultdict(list)
    for file in resolve_inputs([str(folder)]):
        for output, record in read_file(file):
            if output == "trajectories":
                copies[record.id].append(record)
    teacher = make_teacher("rules")
    routed = []
    for identifier in sorted(copies):
        for output, trajectory in admit(copies[identifier], AdmitOptions(), sandbox):
            if output != "trajectories":
                continue
            for kind, proposal in segment(trajectory, teacher):
                if kind == "proposals":
                    routed += [p for out, p in route(proposal) if out == "proposals"]
    embedder = Embedder.load()
    start = time.perf_counter()
    embedded = [proposal for _, proposal in embed(routed, embedder)]
    return embedded, time.perf_counter() - start


@dataclass(frozen=True, slots=True)
class Check:
    """Compares codes on inputs that nobody has seen."""

    sandbox: Sandbox

    def alike(self, proposal: Proposal, routine: Routine, ways: Sequence[Sequence[str]]) -> bool:
        """Whether the routine gives what the span's code gives, its parameters bound in one of
        ``ways`` (the span's names, in their order). False where that cannot be told."""
        own = _own(proposal)
        points = list(_points(proposal))
        theirs = [run.value if run.status == "ok" else None for run in self._run(own, points)]
        for way in ways:
            names = [p.name for p in routine.signature.inputs]
            asked = [{n: point[k] for n, k in zip(names, way, strict=True)} for point in points]
            pairs = [
                (value, run.value)
                for value, run in zip(theirs, self._run(routine, asked), strict=True)
                if value is not None and run.status == "ok"
            ]
            context = Context(verifier=routine.verifier)
            if len(pairs) >= DECIDED and all(
                verify(one, other, context).outcome == "agree" for one, other in pairs
            ):
                return True
        return False

    def _run(self, routine: Routine, values: Sequence[dict[str, Any]]) -> list[Run]:
        bound = [bind(routine.signature.inputs, v) for v in values]
        backend: Backend = "monty" if is_plain_arithmetic(routine.code) else "cpython"
        return run_routine(routine, bound, self.sandbox, backend=backend)


def _own(proposal: Proposal) -> Routine:
    span = proposal.span
    code, entry = span.code or "", span.entry_point or ""
    return Routine(variant_id(span), code, entry, span.signature, span.predicates, span.verifier)


def _points(proposal: Proposal) -> Iterator[dict[str, Any]]:
    draw = random.Random(f"{SEED} {proposal.span.id}")
    for _ in range(POINTS):
        yield {p.name: draw.randint(2, 997) for p in proposal.span.signature.inputs}


def is_numeric(proposal: Proposal) -> bool:
    """Whether all inputs are numbers, of which random ones can be made."""
    return all(coarse(p.type) == "number" for p in proposal.span.signature.inputs)


def ways_of(proposal: Proposal, routine: Routine) -> list[list[str]]:
    """All ways to bind the span's values to the routine's parameters."""
    keys = proposal.span.signature.inputs
    return [[keys[i].name for i in way] for way in alignments(routine.signature, keys)]


def measure_known(
    spans: Sequence[Proposal], entries: StoredEntries, sandbox: Sandbox
) -> tuple[list[Met], dict[str, Known], float]:
    """What is near, what is known, and the seconds."""
    start = time.perf_counter()
    met = list(look(spans, entries))
    families = defaultdict(list)
    for one in met:
        if one:
            families[_code_of(one.proposal)].append(one)
    found = {}
    for _, family in sorted(families.items()):
        for proposal, known in judge(family, entries, sandbox):
            if known is not None:
                found[proposal.span.id] = known
    return met, found, time.perf_counter() - start


def _code_of(proposal: Proposal) -> str:
    return code_key(proposal.span.code or "", proposal.span.entry_point or "")


def figures(
    met: Sequence[Met], found: dict[str, Known], entries: StoredEntries, sandbox: Sandbox
) -> dict[str, Any]:
    """Shares of all spans, and of what is called known the share that the entry covers."""
    check = Check(sandbox)
    called: dict[str, list[bool]] = {"tracemine": [], "tracemine, other code": []}
    called |= {"nearest by cosine": [], "same code, letter for letter": []}
    total = waiting = 0
    for one in met:
        proposal = one.proposal
        if not is_numeric(proposal):
            continue
        total += 1
        known = found.get(proposal.span.id)
        if known is not None and known.status not in ("verified", "canonical"):
            waiting += 1
        elif known is not None:
            entry = entries.entry(known.procedure_id)
            routine = next(r for r in entry.routines if r.variant_id == known.variant_id)
            right = check.alike(proposal, routine, _bound_as(known, routine))
            called["tracemine"].append(right)
            if not known.same_method:
                called["tracemine, other code"].append(right)
        nearest = min((*one.served, *one.served_alike), default=None)
        if nearest is not None:
            routine = entries.entry(nearest.procedure_id).routines[0]
            called["nearest by cosine"].append(
                check.alike(proposal, routine, ways_of(proposal, routine))
            )
        letters = [
            r
            for near in one.served_alike
            for r in entries.entry(near.procedure_id).routines
            if r.variant_id == variant_id(proposal.span)
        ]
        if letters:
            ways = ways_of(proposal, letters[0])
            called["same code, letter for letter"].append(check.alike(proposal, letters[0], ways))
    return {
        "spans": total,
        "waiting": round(waiting / max(1, total), 3),
        "called_known": {
            name: {
                "share": round(len(rights) / max(1, total), 3),
                "right": round(sum(rights) / max(1, len(rights)), 4),
                "n": len(rights),
            }
            for name, rights in called.items()
        },
    }


def _bound_as(known: Known, routine: Routine) -> list[list[str]]:
    """How values go, as the replays say; by places where none was checked."""
    keys = known.proposal.span.signature.inputs
    if not known.replays:
        return [[key.name for key in keys]]
    binding = json.loads(known.replays[0].binding_map)
    return [[binding[p.name] for p in routine.signature.inputs]]


def distances(spans: Sequence[Proposal], entries: StoredEntries) -> dict[str, Any]:
    """Quantiles of the distance to the nearest served entry of a span's method, and to the nearest
    of another."""
    own, other = [], []
    for one in look(spans, entries, distance=2.0, count=1 << 20):
        alike = {near.procedure_id for near in one.served_alike}
        own += [near.distance for near in one.served_alike[:1]]
        other += [n.distance for n in one.served if n.procedure_id not in alike][:1]
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    return {
        "levels": levels,
        "same_method": [round(float(q), 3) for q in np.quantile(own, levels)],
        "another_method": [round(float(q), 3) for q in np.quantile(other, levels)],
        "share_with_a_served_entry_of_its_method": round(len(own) / len(spans), 3),
    }


def at_once(
    spans: Sequence[Proposal], entries: StoredEntries, old: str, both: str
) -> list[dict[str, Any]]:
    """By distance, how often a span and the nearest served entry of its method are one entry where
    both halves are mined at once; and what leaving out up to there would be worth, on the problems
    that the distance was not chosen on: ``precision`` and ``recall`` against mining at once."""
    homes = _homes(both)
    moved: dict[str, set[str]] = defaultdict(set)
    for place, ids in _homes(old).items():
        for identifier in ids:
            moved[identifier] |= homes.get(place, set())
    served = {
        row["procedure_id"] for row in Store.open(old).rows("SELECT procedure_id FROM procedures")
    }
    of_served = {home for identifier in served for home in moved[identifier]}
    pairs: dict[bool, list[tuple[float, bool]]] = {True: [], False: []}
    expected = {True: 0, False: 0}
    for one in look(spans, entries, distance=2.0, count=1):
        span = one.proposal.span
        home = homes.get((span.trajectory_id, span.start, span.end))
        if home is None:
            continue
        chosen_on = fraction_of(span.problem_id) < 0.75
        expected[chosen_on] += bool(home & of_served)
        for near in one.served_alike[:1]:
            same = bool(home & moved[near.procedure_id])
            pairs[chosen_on].append((near.distance, same))
    table = []
    for low, high in pairwise(BINS):
        inside = [same for found in pairs.values() for d, same in found if low <= d < high]
        row: dict[str, Any] = {"from": low, "to": high, "spans": len(inside)}
        row["same_entry"] = round(sum(inside) / max(1, len(inside)), 3)
        for name, chosen_on in (("chosen_on", True), ("reported_on", False)):
            reached = [same for d, same in pairs[chosen_on] if d < high]
            right = sum(reached)
            row[name] = {
                "precision": round(right / max(1, len(reached)), 3),
                "recall": round(right / max(1, expected[chosen_on]), 3),
                "f1": round(2 * right / max(1, len(reached) + expected[chosen_on]), 3),
            }
        table.append(row)
    return table


def _homes(store: str) -> dict[tuple[str, int, int], set[str]]:
    """The entries that rest on each place of a trace."""
    found: dict[tuple[str, int, int], set[str]] = defaultdict(set)
    opened = Store.open(store)
    for table in ("procedures", "candidates"):
        for row in opened.rows(f"SELECT procedure_id, unnest(provenance) AS p FROM {table}"):
            place = row["p"]
            found[place["trajectory_id"], place["start"], place["end"]].add(row["procedure_id"])
    return found


def measure(data: Path, rows: int, *, quick: bool) -> dict[str, Any]:
    """All figures."""
    sandbox = shared_sandbox()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        old_data, new_data = part(data, rows, folder)
        old = str(folder / "old")
        options: dict[str, Any] = {"as_of": AS_OF, "progress": False}
        run_mine(MineOptions(inputs=(str(old_data),), store=old, **options))
        spans, embedding = new_spans(new_data, sandbox)
        entries = shared_stored(pin(old))
        met, found, seconds = measure_known(spans, entries, sandbox)
        result = {
            "rows_of_each_file": rows,
            "max_distance": MAX_DISTANCE,
            "entries": len(entries),
            "bytes_an_entry": round(entries.bytes_held / max(1, len(entries))),
            "seconds_per_1000_spans": round(seconds / len(spans) * 1000, 1),
            "embedding_seconds_per_1000_spans": round(embedding / len(spans) * 1000, 1),
            **figures(met, found, entries, sandbox),
            "distances": distances(spans, entries),
        }
        if not quick:
            both = str(folder / "both")
            run_mine(MineOptions(inputs=(str(old_data), str(new_data)), store=both, **options))
            result["at_once"] = at_once(spans, entries, old, both)
    return result


def print_text(found: dict[str, Any]) -> None:
    """The tables."""
    print(
        f"{found['spans']} new spans, {found['entries']} entries, {found['bytes_an_entry']} bytes "
        f"each; {found['seconds_per_1000_spans']} s for 1,000 spans (their embedding "
        f"{found['embedding_seconds_per_1000_spans']} s)"
    )
    print(f"{'called known':<30} {'share':>7} {'right':>7} {'n':>6}")
    for name, figure in found["called_known"].items():
        print(f"{name:<30} {figure['share']:>7.1%} {figure['right']:>7.1%} {figure['n']:>6}")
    print(f"{'only a candidate covers':<30} {found['waiting']:>7.1%}")
    told = found["distances"]
    print(f"distance, at {told['levels']}")
    print(f"  of the same method {told['same_method']}, of another {told['another_method']}")
    for row in found.get("at_once", ()):
        chosen, reported = row["chosen_on"], row["reported_on"]
        print(
            f"  {row['from']:.2f} to {row['to']:.2f}: {row['spans']:>5} spans, one entry at once "
            f"{row['same_entry']:.1%}; all up to there: precision {reported['precision']:.3f}, "
            f"recall {reported['recall']:.3f}, F1 {reported['f1']:.3f} "
            f"(chosen on: {chosen['f1']:.3f})"
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the published files")
    parser.add_argument("--rows", type=int, help=f"of each file; {ROWS}")
    parser.add_argument("--quick", action="store_true", help="few rows, nothing mined at once")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    arguments = parser.parse_args()
    rows = arguments.rows or (QUICK_ROWS if arguments.quick else ROWS)
    found = measure(arguments.data, rows, quick=arguments.quick)
    if arguments.json:
        print(json.dumps(found))
    else:
        print_text(found)


if __name__ == "__main__":
    main()
