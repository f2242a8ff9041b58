"""A combiner on parts of its input, as workers use it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any


def in_parts(combiner: Any, items: Sequence[Any], randomness: random.Random) -> Any:
    """What ``combiner`` gives of ``items`` in some order, cut into some parts, merged somehow."""
    shuffled = randomness.sample(items, len(items))
    parts = []
    while shuffled:
        size = randomness.randint(1, len(shuffled))
        part = combiner.create_accumulator()
        for item in shuffled[:size]:
            part = combiner.add_input(part, item)
        parts.append(part)
        shuffled = shuffled[size:]
    while len(parts) > 1:
        taken = [parts.pop(randomness.randrange(len(parts))) for _ in range(2)]
        parts.append(combiner.merge_accumulators([*taken, combiner.create_accumulator()]))
    return combiner.extract_output(parts[0] if parts else combiner.create_accumulator())
