"""How often are verdicts on final answers right?

    python -m benchmarks.verifiers [--data DIR] [--sample N] [--quick] [--json] [--show]

Lines, each with plain math-verify beside ours on the same pairs in the same run:

- ``sky``: the published ``correct`` of Sky-T1 traces, whose checker compares text with text in some
  of its parts, against ``gold`` and ``pred``;
- ``sky as read``: the same, where the label of a row in `LABEL_FAULTS` is turned round and rows
  without a reference are left out;
- ``gsm8k``: ``is_correct`` of GSM8K model solutions, against their last lines;
- ``tora``: ToRA's ``pred`` against ``gt``, where two equal decimal numbers are right;
- ``same``: each ``\\boxed`` answer of MATH against up to ten rewritings of itself;
- ``near``: the same answers against up to ten near misses; see `rewritings` for both.

math-verify runs as its README says: ``verify(parse(gold), parse(answer))``, its texts in dollar
signs or, where that agrees with more labels, in a box; the better of the two by line is reported.
Its timeouts are signals, which need the main thread, so it runs there. Times are those of pairs
that were not seen before.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.rewritings import NEAR_MISSES, REWRITINGS
from tracemine.verifiers import ANSWERS, Verdict, verify, warm_symbolic

#: What the project's data folder is called beside a checkout.
DATA = Path("../shared/data")
#: Rows of sky_traces whose label is wrong by the texts of gold and pred; read because ours
#: disagrees with them. The label calls these different though they are equal ...
_EQUAL = (
    1377, 1483, 1537, 2069, 2078, 2079, 2090, 2098, 2100, 2101, 2121, 2122, 2138, 2142, 2159, 2162,
    2171, 2190, 2214, 2295, 2324, 2328, 2338, 2340, 2343, 2346, 2350, 2362, 2390, 2399, 2418, 2436,
    2438, 2440, 2441, 2443, 2457, 2463, 2476, 2508, 2513, 2523, 2532, 2534, 2546, 2550, 2554, 2556,
    2557, 2574, 2577, 2590, 2594, 2598, 2617, 2687, 2692, 2731, 2757, 2908, 3022, 3329, 3397, 3423,
    3640, 3733, 3748,
)  # fmt: skip
#: ... and these equal, though pred lacks a value, has one too many or another one.
_DIFFERENT = (
    1571, 2673, 2774, 2841, 2842, 3014, 3020, 3314, 3352, 3402, 3412, 3440, 3492, 3493, 3549, 3686,
    3759, 3776, 3829,
)  # fmt: skip
LABEL_FAULTS = frozenset(_EQUAL + _DIFFERENT)

#: Rows of each file that ``--quick`` takes.
QUICK = 60
#: Longer than this a pair counts as a hang, in seconds.
HANG_SECONDS = 2.0
#: Disagreements that ``--show`` prints by line.
SHOWN = 200


@dataclass(frozen=True, slots=True)
class Pair:
    """``right`` is what the label says; ``row`` counts lines of its file from 0."""

    line: str
    row: int
    reference: str
    answer: str
    right: bool


@dataclass(slots=True)
class Score:
    """Of one verifier on one line. ``wrong`` holds the pairs that it decides against the label."""

    pairs: int = 0
    agreed: int = 0
    accepted_wrongly: int = 0
    rejected_wrongly: int = 0
    crashes: int = 0
    hangs: int = 0
    slowest: float = 0.0
    seconds: float = 0.0
    timed: int = 0
    wrong: list[tuple[Pair, str]] = field(default_factory=list)

    def add(self, pair: Pair, accepted: bool, seconds: float | None, reason: str) -> None:
        self.pairs += 1
        self.agreed += accepted == pair.right
        self.accepted_wrongly += accepted and not pair.right
        self.rejected_wrongly += pair.right and not accepted
        if accepted != pair.right:
            self.wrong.append((pair, reason))
        if seconds is not None:
            self.timed += 1
            self.seconds += seconds
            self.slowest = max(self.slowest, seconds)
            self.hangs += seconds > HANG_SECONDS

    def summary(self) -> dict[str, Any]:
        found = asdict(self)
        del found["wrong"], found["seconds"], found["timed"]
        found["ms_each"] = round(1000 * self.seconds / max(self.timed, 1), 3)
        found["slowest"] = round(self.slowest, 3)
        return found


def read_rows(path: Path, sample: int | None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every row of a gzipped JSON Lines file with its number, or ``sample`` evenly spread ones."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = list(enumerate(map(json.loads, lines)))
    step = max(len(rows) // sample, 1) if sample else 1
    yield from rows[::step]


def boxed(solution: str) -> str | None:
    """The inside of the last ``\\boxed`` of a solution."""
    start = solution.rfind("\\boxed")
    if start < 0:
        return None
    rest = solution[start + len("\\boxed") :]
    if not rest.startswith("{"):
        return rest.split("$")[0].strip() or None
    depth = 0
    for place, char in enumerate(rest):
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return rest[1:place]
    return None


def labelled(data: Path, sample: int | None) -> Iterator[Pair]:
    """The pairs that come with a label."""
    for row, record in read_rows(data / "sky_traces.jsonl.gz", sample):
        if record.get("pred") is not None:
            gold, pred, right = str(record["gold"]), str(record["pred"]), record["correct"]
            yield Pair("sky", row, gold, pred, right)
            if gold.strip():
                yield Pair("sky as read", row, gold, pred, right != (row in LABEL_FAULTS))
    for row, record in read_rows(data / "gsm8k_model_solutions.jsonl.gz", sample):
        truth = record["ground_truth"].rpartition("A:")[2].strip()
        for attempt in record.values():
            if isinstance(attempt, dict) and (
                last := re.search(r"^A:(.*)\Z", attempt["solution"].strip(), re.M)
            ):
                yield Pair("gsm8k", row, truth, last[1].strip(), attempt["is_correct"])
    for name in ("tora_70b_gsm8k", "tora_code_34b_gsm8k"):
        for row, record in read_rows(data / f"{name}.jsonl.gz", sample):
            for answer in record["pred"]:
                truth = str(record["gt"])
                yield Pair("tora", row, truth, str(answer), _decimals_equal(truth, str(answer)))


def _decimals_equal(left: str, right: str) -> bool:
    try:
        return float(left.replace(",", "")) == float(right.replace(",", ""))
    except ValueError:
        return False


def rewritten(data: Path, sample: int | None) -> Iterator[Pair]:
    """The answers of MATH with their rewritings (``same``) and near misses (``near``)."""
    for row, record in read_rows(data / "math_test.jsonl.gz", sample):
        answer = boxed(record["solution"])
        if not answer:
            continue
        for family, line, right in ((REWRITINGS, "same", True), (NEAR_MISSES, "near", False)):
            for name, rewrite in family.items():
                other = rewrite(answer)
                if other is not None:
                    yield Pair(f"{line}: {name}", row, answer, other, right)


Judge = Callable[[str, str], tuple[bool, str]]


def ours(reference: str, answer: str) -> tuple[bool, str]:
    verdict: Verdict = verify(reference, answer, ANSWERS)
    return verdict.outcome == "agree", f"{verdict.outcome} {verdict.verifier}: {verdict.reason}"


def math_verify(wrap: str) -> Judge:
    """math-verify on texts that are put into ``wrap``."""
    import math_verify as library

    def judge(reference: str, answer: str) -> tuple[bool, str]:
        gold, target = (library.parse(wrap.format(text)) for text in (reference, answer))
        return library.verify(gold, target), ""

    return judge


def score(judge: Judge, pairs: Iterable[Pair]) -> dict[str, Score]:
    """Scores by line and, of the rewritings, of all of them; equal pairs are judged once."""
    scores: dict[str, Score] = defaultdict(Score)
    known: dict[tuple[str, str], tuple[bool, str]] = {}
    for pair in pairs:
        key = pair.reference, pair.answer
        seconds = crashed = None
        if key not in known:
            began = time.perf_counter()
            try:
                known[key] = judge(*key)
            except Exception as error:  # noqa: BLE001 - a crash is what is counted
                known[key] = False, type(error).__name__
                crashed = error
            seconds = time.perf_counter() - began
        whole = pair.line.partition(":")[0]
        for line in {pair.line, whole}:
            scores[line].add(pair, *known[key][:1], seconds, known[key][1])
            scores[line].crashes += crashed is not None
    return scores


def numeric_microseconds(pairs: Iterable[Pair]) -> dict[str, float]:
    """What a pair takes that numbers decide: the mean and the worst, in microseconds; best of
    three runs each."""
    seen = {(pair.reference, pair.answer) for pair in pairs}
    times = []
    for reference, answer in sorted(seen):
        if verify(reference, answer, ANSWERS).verifier not in ("numeric", "units"):
            continue
        best = min(_timed(reference, answer) for _ in range(3))
        times.append(best * 1e6)
    return {
        "pairs": len(times),
        "mean": sum(times) / max(len(times), 1),
        "worst": max(times, default=0),
    }


def _timed(reference: str, answer: str) -> float:
    began = time.perf_counter()
    verify(reference, answer, ANSWERS)
    return time.perf_counter() - began


def measure(data: Path, sample: int | None) -> tuple[dict[str, Any], dict[str, Score]]:
    """All lines, and our scores with their disagreements."""
    logging.disable(logging.CRITICAL)
    warm_symbolic()
    pairs = [*labelled(data, sample), *rewritten(data, sample)]
    own = score(ours, pairs)
    peers = [score(math_verify(wrap), pairs) for wrap in ("${}$", "$\\boxed{{{}}}$")]
    lines = {}
    for line in own:
        peer = max((scores[line] for scores in peers), key=lambda found: found.agreed)
        lines[line] = {"ours": own[line].summary(), "math-verify": peer.summary()}
    return {"lines": lines, "numeric_microseconds": numeric_microseconds(pairs)}, own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of the data sets")
    parser.add_argument("--sample", type=int, help="about so many rows of each file")
    parser.add_argument("--quick", action="store_true", help=f"the same as --sample {QUICK}")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--show", action="store_true", help="print our disagreements by line")
    options = parser.parse_args()
    sample = QUICK if options.quick else options.sample
    found, own = measure(options.data, sample)
    if options.json:
        print(json.dumps(found))
        return
    print(f"{'line':34} {'pairs':>6} {'ours':>8} {'math-verify':>12} {'ms':>8} {'ms':>8}")
    for line, both in found["lines"].items():
        mine, peer = both["ours"], both["math-verify"]
        print(
            f"{line:34} {mine['pairs']:6} {mine['agreed'] / mine['pairs']:8.3%}"
            f" {peer['agreed'] / peer['pairs']:12.3%} {mine['ms_each']:8.2f} {peer['ms_each']:8.2f}"
        )
    for name in ("crashes", "hangs", "slowest"):
        worst = {
            who: max(b[who][name] for b in found["lines"].values())
            for who in ("ours", "math-verify")
        }
        print(name, worst)
    print("numeric pairs, microseconds:", found["numeric_microseconds"])
    if options.show:
        for line, scored in own.items():
            for (pair, reason), count in Counter(scored.wrong).most_common(SHOWN):
                if pair.line == line:
                    texts = f"{pair.reference!r} | {pair.answer!r}"
                    print(f"{line} row {pair.row} x{count}: {texts} | {reason}")


if __name__ == "__main__":
    main()
