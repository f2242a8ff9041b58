"""What does it cost to find near-duplicate problems, and are those of a template told apart?

    python -m benchmarks.near_duplicates [--quick] [--json]

Word problems are made of sentences whose words follow Zipf's law, a quarter of them by changing one
or three numbers of another, and all end with one of a few questions, as real ones do. Gives CPU
seconds for growing numbers of problems (a quadratic step would make four times as many take sixteen
times as long), how many of the copies with one number changed were found to be the problem that
they copy, and how many with three. The peer compares all pairs.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import time
from typing import Any

from tracemine.schemas.shingles import near_duplicate_classes, near_duplicates, shingles

SIZES = (5_000, 20_000, 80_000, 320_000)
QUICK_SIZES = (2_000, 8_000, 32_000)
#: All pairs are compared up to here.
PEER_SIZE = 2_000
VOCABULARY = 20_000
WORDS = 45
ENDINGS = (
    "how many are left", "how much money does she have left", "how much does it cost in total",
    "how many does he have in total", "how long does it take",
)  # fmt: skip


def make_problems(count: int, seed: int = 0) -> tuple[list[str], list[tuple[int, int, int]]]:
    """Problems, and of each copy: its index, that of its original, how many numbers it changed."""
    draw = random.Random(seed)
    words = [f"w{rank}" for rank in range(VOCABULARY)]
    weights = list(itertools.accumulate(1 / (rank + 2) for rank in range(VOCABULARY)))
    problems: list[str] = []
    copies: list[tuple[int, int, int]] = []
    while len(problems) < count:
        if problems and draw.random() < 0.25:
            original = draw.randrange(len(problems))
            parts = problems[original].split()
            places = [place for place, part in enumerate(parts) if part.isdigit()]
            changed = draw.choice((1, 3))
            for place in draw.sample(places, changed):
                parts[place] = str(int(parts[place]) + draw.randint(1, 90))
            copies.append((len(problems), original, changed))
            problems.append(" ".join(parts))
            continue
        told = draw.choices(words, cum_weights=weights, k=WORDS)
        for place in range(4, WORDS, 10):
            told[place] = str(draw.randint(2, 900))
        problems.append(" ".join((*told, draw.choice(ENDINGS))))
    return problems, copies


def measure(count: int) -> dict[str, Any]:
    """Seconds and what was found, for so many problems."""
    problems, copies = make_problems(count)
    packed = {f"{index:08d}": shingles(problem) for index, problem in enumerate(problems)}
    start = time.process_time()
    classes = near_duplicate_classes(packed)
    seconds = time.process_time() - start
    found = {"problems": count, "cpu_seconds": round(seconds, 2)}
    for changed in (1, 3):
        pairs = [(copy, original) for copy, original, number in copies if number == changed]
        same = sum(classes[f"{a:08d}"] == classes[f"{b:08d}"] for a, b in pairs)
        found[f"same_with_{changed}_changed"] = round(same / max(1, len(pairs)), 3)
    return found


def all_pairs_seconds(count: int) -> float:
    """CPU seconds of the peer."""
    packed = [shingles(problem) for problem in make_problems(count)[0]]
    start = time.process_time()
    sum(near_duplicates(left, right) for left, right in itertools.combinations(packed, 2))
    return time.process_time() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer problems")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    arguments = parser.parse_args()
    found = [measure(size) for size in (QUICK_SIZES if arguments.quick else SIZES)]
    peer = round(all_pairs_seconds(PEER_SIZE), 2)
    if arguments.json:
        print(json.dumps({"runs": found, "all_pairs": {str(PEER_SIZE): peer}}))
        return
    print(f"{'problems':>9} {'CPU s':>8} {'one number changed: same':>25} {'three':>7}")
    for one in found:
        print(
            f"{one['problems']:>9} {one['cpu_seconds']:>8} {one['same_with_1_changed']:>25.1%} "
            f"{one['same_with_3_changed']:>7.1%}"
        )
    print(f"all pairs of {PEER_SIZE}: {peer} s")


if __name__ == "__main__":
    main()
