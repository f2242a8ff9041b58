"""What hand-offs say of a pointer: counted the same whatever the order, bounded."""

from __future__ import annotations

import random
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tracemine.transforms.tool_facts import LIMITS, Commonest, Counted

sys.path.insert(0, str(Path(__file__).parents[1]))
from combined import in_parts

LISTED = st.lists(st.integers(1, 5), min_size=0, max_size=60)


@given(LISTED, st.sampled_from(["question", "role", "problem", "source"]), st.randoms())
def test_the_commonest_are_the_same_in_any_order(
    counts: list[int], facet: str, randomness: random.Random
) -> None:
    items = [(facet, n % 2, f"text {n:02}", count) for n, count in enumerate(counts)]
    found = in_parts(Commonest(), items, randomness)
    for argument in (0, 1):
        mine = [(text, count) for _, a, text, count in items if a == argument]
        if not mine:
            assert (facet, argument) not in found
            continue
        best = sorted(mine, key=lambda pair: (-pair[1], pair[0]))[: LIMITS[facet]]
        expected = Counted(tuple(best), len(mine), sum(count for _, count in mine))
        assert found[facet, argument] == expected


def test_what_is_kept_of_each_is_bounded() -> None:
    commonest = Commonest()
    counted = commonest.create_accumulator()
    for number in range(2000):
        counted = commonest.add_input(counted, ("token", 0, f"token {number}", 1))
        counted = commonest.add_input(counted, ("problem", 0, f"problem {number}", 2))
        assert len(counted["token", 0][0]) <= 2 * LIMITS["token"]
    assert counted["problem", 0] == ([], 2000, 4000)
