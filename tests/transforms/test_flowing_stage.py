"""A stage whose elements wait, beside one another and without a barrier."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to

from tracemine.teachers.model.flow import LoopThread
from tracemine.transforms.flow import Flow, run_flow
from tracemine.transforms.stage import Out


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    with LoopThread() as made:
        yield made


def flow(function: Any, loop: LoopThread, *, most: int = 4) -> Flow:
    """A stage in this process, set up as Beam would."""
    made = Flow(
        "test", function, main="main", setup=lambda: loop, loop=lambda made: made,
        most=lambda _: most, told=lambda _: [],
    )  # fmt: skip
    made.setup()
    made.start_bundle()
    return made


def values(outputs: Iterator[Any]) -> list[Any]:
    return [getattr(output, "value", output) for output in outputs]


def test_a_slow_element_holds_up_none_that_come_after_it(loop: LoopThread) -> None:
    """The first waits for the last: gathered, or one by one, they would never end."""
    last_came = asyncio.Event()

    async def function(element: int, made: LoopThread) -> list[Out]:
        if element == 0:
            await last_came.wait()
        elif element == 9:
            last_came.set()
        return [("main", element)]

    stage = flow(function, loop)
    passed = [value for element in range(9) for value in values(stage.process(element))]
    assert 0 not in passed
    assert len(passed) >= 5
    passed += values(stage.process(9))
    passed += values(stage.finish_bundle())
    assert sorted(passed) == list(range(10))
    assert not stage.under_way


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_are_under_way_than_may_be(loop: LoopThread, most: int) -> None:
    lock, under_way, seen = threading.Lock(), 0, []

    async def function(element: int, made: LoopThread) -> list[Out]:
        nonlocal under_way
        with lock:
            under_way += 1
            seen.append(under_way)
        await asyncio.sleep(0.002)
        with lock:
            under_way -= 1
        return [("main", element)]

    stage = flow(function, loop, most=most)
    passed = [value for element in range(20) for value in values(stage.process(element))]
    passed += values(stage.finish_bundle())
    assert sorted(passed) == list(range(20))
    assert max(seen) == most


def test_a_fault_of_the_function_ends_the_bundle_and_leaves_nothing_under_way(
    loop: LoopThread,
) -> None:
    cancelled = threading.Event()

    async def function(element: str, made: LoopThread) -> list[Out]:
        if element == "wrong":
            raise ZeroDivisionError
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return []

    stage = flow(function, loop)
    list(stage.process("waits"))
    with pytest.raises(ZeroDivisionError):
        list(stage.process("wrong"))
        list(stage.finish_bundle())
    stage.teardown()
    assert cancelled.wait(10)


def test_through_beam_every_output_arrives() -> None:
    async def function(element: int, made: LoopThread) -> list[Out]:
        await asyncio.sleep(element % 3 / 1000)
        found: list[Out] = [("main", element)]
        return [*found, ("even", element)] if element % 2 == 0 else found

    with beam.Pipeline() as pipeline:
        outputs = (
            pipeline
            | beam.Create(range(50))
            | run_flow(
                "test", function, main="main", tags=["even"], setup=LoopThread,
                loop=lambda made: made, most=lambda _: 8, told=lambda _: [("asked", 1)],
            )
        )  # fmt: skip
        assert_that(outputs.main, equal_to(list(range(50))), label="main")
        assert_that(outputs.even, equal_to(list(range(0, 50, 2))), label="even")
