"""How many attempts are under way at once."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.model.pace import Pace


async def _turns(rounds: int = 5) -> None:
    """Lets everything that can go on go on."""
    for _ in range(rounds):
        await asyncio.sleep(0)


def test_no_more_than_chosen_at_once_and_first_come_first_served() -> None:
    async def run() -> None:
        pace = Pace(3)
        order: list[int] = []
        most = 0

        async def one(number: int) -> None:
            nonlocal most
            async with pace.place():
                order.append(number)
                most = max(most, pace.held)
                await asyncio.sleep(0)

        await asyncio.gather(*(one(number) for number in range(50)))
        assert order == list(range(50))
        assert most == 3
        assert pace.held == 0

    asyncio.run(run())


def test_those_who_try_again_go_first() -> None:
    async def run() -> None:
        pace = Pace(1)
        order: list[str] = []

        async def one(name: str, again: bool) -> None:
            async with pace.place(again=again):
                order.append(name)

        async with pace.place():
            tasks = [asyncio.create_task(one("new", False))]
            await _turns()
            tasks.append(asyncio.create_task(one("retry", True)))
            await _turns()
            assert order == []
        await asyncio.gather(*tasks)
        assert order == ["retry", "new"]

    asyncio.run(run())


def test_after_a_refusal_nobody_begins_until_the_time_is_over() -> None:
    async def run() -> None:
        pace = Pace(4)
        loop = asyncio.get_running_loop()
        pace.refused(0.05)
        until = loop.time() + 0.05 - 0.002
        begun: list[float] = []

        async def one() -> None:
            async with pace.place():
                begun.append(loop.time())

        await asyncio.gather(*(one() for _ in range(8)))
        assert len(begun) == 8
        assert min(begun) >= until

    asyncio.run(run())


def test_a_refusal_that_is_drawn_out_is_waited_for_to_its_end() -> None:
    async def run() -> None:
        pace = Pace(1)
        loop = asyncio.get_running_loop()
        pace.refused(0.02)
        waiting = asyncio.create_task(pace._enter(False))
        await _turns()
        pace.refused(0.06)
        until = loop.time() + 0.06 - 0.002
        await waiting
        assert loop.time() >= until

    asyncio.run(run())


def test_refusals_slow_down_once_and_answers_speed_up_again() -> None:
    async def run() -> None:
        pace = Pace(16)
        for _ in range(10):
            pace.refused(0.01)
        assert pace.allowed == 12
        await asyncio.sleep(0.02)
        pace.refused(0.0)
        assert pace.allowed == 9
        for _ in range(100):
            await asyncio.sleep(0.001)
            pace.refused(0.0)
        assert pace.allowed == 1
        for _ in range(1000):
            pace.served()
        assert pace.allowed == 16

    asyncio.run(run())


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 4)), min_size=1, max_size=30),
)
def test_cancelled_ones_leave_no_place_behind(
    concurrency: int, plan: list[tuple[bool, bool, int]]
) -> None:
    """Each of ``plan``: is it cancelled, does it try again, how many turns before that."""

    async def run() -> None:
        pace = Pace(concurrency)
        done = 0

        async def one(again: bool) -> None:
            nonlocal done
            async with pace.place(again=again):
                assert pace.held <= concurrency
                await _turns(2)
            done += 1

        tasks = []
        for cancelled, again, turns in plan:
            task = asyncio.create_task(one(again))
            tasks.append(task)
            await _turns(turns)
            if cancelled:
                task.cancel()
        found = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
        assert done == sum(result is None for result in found)
        assert done >= sum(not cancelled for cancelled, _, _ in plan)
        assert pace.held == 0

    asyncio.run(run())


def test_a_cancelled_one_that_was_just_let_in_gives_its_place_on() -> None:
    async def run() -> None:
        pace = Pace(1)
        first = asyncio.create_task(pace._enter(False))
        await first
        second = asyncio.create_task(pace._enter(False))
        third = asyncio.create_task(pace._enter(False))
        await _turns()
        pace._held -= 1
        pace._admit()
        second.cancel()
        await asyncio.wait_for(third, 5)
        assert second.cancelled() or second.done()
        assert pace.held == 1

    asyncio.run(run())


def test_no_attempt_at_all_is_no_pace() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Pace(0)
