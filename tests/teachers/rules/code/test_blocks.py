from __future__ import annotations

import ast

from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.code.blocks import joined_blocks, without_text_between
from tracemine.teachers.rules.code.source import Source, parse_source


def _sources(*blocks: str) -> list[Source]:
    return [parse_source(block, 0, len(block)) for block in blocks]


def test_blocks_that_need_nothing_stay_apart() -> None:
    assert joined_blocks(_sources("a = 1\n", "a = 2\nprint(a)\n", "len([1])\n")) == [[0], [1], [2]]


def test_a_block_goes_on_with_the_last_that_defines_a_name() -> None:
    blocks = _sources(
        "import math\nr = 2\n",
        "r = 3\n",
        "area = math.pi * 4\n",
        "print(r)\n",
        "def f(x):\n    return area * x\n",
    )
    assert joined_blocks(blocks) == [[0, 2, 4], [1, 3]]


def test_a_name_defined_later_in_the_block_itself_joins_nothing() -> None:
    later = "def f():\n    return total\ntotal = 3\nprint(f())\n"
    assert joined_blocks(_sources("total = 1\n", later)) == [[0], [1]]


def test_a_name_that_nobody_defines_joins_nothing() -> None:
    assert joined_blocks(_sources("a = 1\n", "print(b)\n")) == [[0], [1]]


_PROSE = st.text(alphabet="Então, x²=4!\r\n\t`#'\"(", max_size=40)


@given(st.lists(_PROSE, min_size=2, max_size=5))
def test_text_between_is_blank_and_places_stay(prose: list[str]) -> None:
    trace, places = "", []
    for index, text in enumerate(prose):
        block = f"\nvalue_{index} = {index}\n"
        trace += text
        places.append((len(trace), len(trace) + len(block)))
        trace += block
    joined = without_text_between(trace, places)
    start, end = places[0][0], places[-1][1]
    assert len(joined) == end - start
    source = parse_source(trace, start, end, text=joined)
    assert [source.text(node) for node in source.tree.body] == [
        f"value_{index} = {index}" for index in range(len(prose))
    ]
    assert ast.unparse(source.tree).count("=") == len(prose)
