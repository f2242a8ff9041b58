"""Budgets: never more than allowed, over threads and processes, whatever is killed while it holds a
reservation or writes the book."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tracemine.teachers import TeacherError
from tracemine.teachers.model.budget import (
    BUDGET_LOST,
    BUDGET_SPENT,
    BYTES_PER_TOKEN,
    Budget,
    Limits,
    Reservation,
    Spent,
    estimate_tokens,
)
from tracemine.teachers.model.prices import Price, PriceError
from tracemine.teachers.model.requests import Message, Response

PRICE = Price(prompt=2.0, completion=8.0)
#: Seconds after which something that must not wait has waited.
FAR_TOO_LONG = 60.0

COMMON = """
import os, random, signal, sys, time
from pathlib import Path
from tracemine.teachers import TeacherError
from tracemine.teachers.model.budget import Budget, Limits
from tracemine.teachers.model.requests import Response
book = Path(sys.argv[1])
"""


def process(text: str, *arguments: object) -> subprocess.Popen[str]:
    """A program in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", COMMON + text, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def response(prompt: int, completion: int, text: str = "answer") -> Response:
    return Response(text, "stop", None, prompt, completion)


def reason_of(call: Callable[[], object]) -> str:
    """The reason of the error that a call raises."""
    with pytest.raises(TeacherError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return caught.value.reason


@pytest.fixture(params=["file", "memory"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """A book for a run, of many processes or of one."""
    return tmp_path / "run" / "book" if request.param == "file" else None


# Each limit.


def test_requests_are_counted_exactly(book: Path | None) -> None:
    budget = Budget(book, Limits(requests=3))
    for outcome in (response(1, 1), None, response(0, 0)):
        budget.settle(budget.reserve(10, 10), outcome)
    assert reason_of(lambda: budget.reserve(0, 0)) == BUDGET_SPENT
    assert budget.spent().requests == 3


def test_tokens_of_prompt_and_answer_are_one_limit(book: Path | None) -> None:
    budget = Budget(book, Limits(tokens=100))
    first = budget.reserve(20, 40)
    assert reason_of(lambda: budget.reserve(20, 21)) == BUDGET_SPENT
    second = budget.reserve(20, 20)
    assert reason_of(lambda: budget.reserve(1, 0)) == BUDGET_SPENT
    budget.settle(first, response(20, 5))
    budget.settle(second, None)
    assert budget.spent() == Spent(2, 25, 0.0, 0, 0.0)
    budget.reserve(75, 0)


def test_cost_is_limited_by_price(book: Path | None) -> None:
    budget = Budget(book, Limits(cost=0.01), PRICE)
    reserved = budget.reserve(1000, 1000)
    assert budget.spent().reserved_cost == 0.01
    assert reason_of(lambda: budget.reserve(1, 0)) == BUDGET_SPENT
    budget.settle(reserved, response(1000, 0, text=""))
    assert budget.spent().cost == 0.002
    budget.reserve(0, 1000)
    assert reason_of(lambda: budget.reserve(0, 1)) == BUDGET_SPENT


def test_a_limit_on_cost_needs_a_price(book: Path | None) -> None:
    with pytest.raises(PriceError):
        Budget(book, Limits(cost=1.0))


def test_nothing_allowed_is_nothing_sent(book: Path | None) -> None:
    for limits in (Limits(requests=0), Limits(tokens=0), Limits(cost=0)):
        budget = Budget(book, limits, PRICE)
        assert reason_of(lambda budget=budget: budget.reserve(1, 1)) == BUDGET_SPENT


def test_without_limits_nothing_is_written(tmp_path: Path) -> None:
    budget = Budget(tmp_path / "book", Limits())
    budget.settle(budget.reserve(10**9, 10**9), response(10**9, 10**9))
    budget.cancel(budget.reserve(1, 1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "limits",
    [
        {"requests": -1},
        {"requests": 1.5},
        {"requests": True},
        {"tokens": "3"},
        {"cost": -0.1},
        {"cost": float("nan")},
        {"cost": float("inf")},
    ],
)
def test_a_limit_is_a_number_from_0(limits: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"a limit on {next(iter(limits))}"):
        Limits(**limits)


# What an attempt took.


def test_a_failed_attempt_that_may_have_been_charged_is_spent(book: Path | None) -> None:
    budget = Budget(book, Limits(tokens=100))
    budget.settle(budget.reserve(20, 40), None, charged=True)
    assert budget.spent() == Spent(1, 60, 0.0, 0, 0.0)


def test_what_was_never_sent_is_given_back(book: Path | None) -> None:
    budget = Budget(book, Limits(requests=1, tokens=100))
    budget.cancel(budget.reserve(20, 40))
    assert budget.spent() == Spent(0, 0, 0.0, 0, 0.0)
    budget.reserve(50, 50)


def test_a_server_that_counts_nothing_is_no_way_to_spend_without_end(book: Path | None) -> None:
    budget = Budget(book, Limits(tokens=1000))
    budget.settle(budget.reserve(100, 400), response(0, 0, "abc" * 50))
    assert budget.spent().tokens == 150
    budget.settle(budget.reserve(100, 400), response(0, 0, "abc" * 5000))
    assert budget.spent().tokens == 150 + 500
    assert reason_of(lambda: budget.reserve(100, 400)) == BUDGET_SPENT


def test_what_a_server_counts_beyond_the_estimate_is_spent(book: Path | None) -> None:
    budget = Budget(book, Limits(tokens=1000))
    budget.settle(budget.reserve(100, 100), response(700, 400))
    assert budget.spent().tokens == 1100
    assert reason_of(lambda: budget.reserve(0, 0)) == BUDGET_SPENT


@pytest.mark.parametrize("counted", [-5, 2**64, 10**30])
def test_a_servers_nonsense_neither_breaks_nor_pays(counted: int, book: Path | None) -> None:
    budget = Budget(book, Limits(tokens=1000), PRICE)
    for _ in range(3):
        try:
            reserved = budget.reserve(1, 1)
        except TeacherError:
            assert counted > 0
            break
        budget.settle(reserved, response(counted, counted))
    spent = budget.spent()
    assert (spent.tokens >= 1000) == (counted > 0)
    assert spent.tokens >= 0
    assert spent.reserved_tokens == 0


class Spending(RuleBasedStateMachine):
    """Any order of reserving, settling and cancelling against plain sums, through two budgets of
    one book."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(os.environ["BUDGET_TEST_FOLDER"])
        self.book = self.folder / f"book{len(list(self.folder.iterdir()))}"
        limits = Limits(requests=12, tokens=2_000, cost=0.01)
        self.limits = limits
        self.budgets = [Budget(self.book, limits, PRICE) for _ in range(2)]
        self.held: list[Reservation] = []
        self.requests = self.tokens = self.beyond = 0
        self.cost = 0

    @rule(which=st.integers(0, 1), prompt=st.integers(0, 600), completion=st.integers(0, 600))
    def reserve(self, which: int, prompt: int, completion: int) -> None:
        held = sum(one.tokens for one in self.held)
        held_cost = sum(one.cost for one in self.held)
        cost = PRICE.picodollars(prompt, completion)
        fits = (
            self.requests + 1 <= 12
            and self.tokens + held + prompt + completion <= 2_000
            and self.cost + held_cost + cost <= 10**10
        )
        if fits:
            self.held.append(self.budgets[which].reserve(prompt, completion))
            self.requests += 1
        else:
            budget = self.budgets[which]
            assert reason_of(lambda: budget.reserve(prompt, completion)) == BUDGET_SPENT

    @rule(which=st.integers(0, 1), prompt=st.integers(1, 700), completion=st.integers(1, 700))
    def settle(self, which: int, prompt: int, completion: int) -> None:
        if self.held:
            self.budgets[which].settle(self.held.pop(), response(prompt, completion))
            self.tokens += prompt + completion
            self.cost += PRICE.picodollars(prompt, completion)

    @rule(which=st.integers(0, 1), charged=st.booleans())
    def fail(self, which: int, charged: bool) -> None:
        if self.held:
            one = self.held.pop(0)
            self.budgets[which].settle(one, None, charged=charged)
            if charged:
                self.tokens += one.tokens
                self.cost += one.cost

    @rule(which=st.integers(0, 1))
    def cancel(self, which: int) -> None:
        if self.held:
            self.budgets[which].cancel(self.held.pop())
            self.requests -= 1

    @rule()
    def another_process_comes(self) -> None:
        self.budgets[1] = Budget(self.book, self.limits, PRICE)

    @invariant()
    def sums_agree(self) -> None:
        found = self.budgets[0].spent()
        assert found.requests == self.requests
        assert found.tokens == self.tokens
        assert found.cost == self.cost / 10**12
        assert found.reserved_tokens == sum(one.tokens for one in self.held)
        assert found.reserved_cost == sum(one.cost for one in self.held) / 10**12


def test_any_order_agrees_with_plain_sums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUDGET_TEST_FOLDER", str(tmp_path))
    Spending.TestCase("runTest").runTest()


# Waiting for what may come back.


def test_who_needs_what_others_hold_waits_for_it(book: Path | None) -> None:
    budget = Budget(book, Limits(tokens=100))

    async def work() -> None:
        first = budget.reserve(50, 50)
        waiting = [asyncio.create_task(budget.reserve_soon(10, 20)) for _ in range(3)]
        await asyncio.sleep(0.05)
        assert not any(task.done() for task in waiting)
        budget.settle(first, response(5, 5))
        assert len(await asyncio.gather(*waiting)) == 3

    asyncio.run(asyncio.wait_for(work(), FAR_TOO_LONG))
    assert budget.spent().reserved_tokens == 90


def test_who_can_never_get_it_is_told_at_once(book: Path | None) -> None:
    budget = Budget(book, Limits(tokens=100))

    async def work() -> None:
        budget.settle(budget.reserve(30, 30), response(30, 30))
        budget.reserve(20, 20)
        with pytest.raises(TeacherError) as caught:
            await budget.reserve_soon(21, 20)
        assert caught.value.reason == BUDGET_SPENT

    asyncio.run(asyncio.wait_for(work(), FAR_TOO_LONG))


def test_requests_do_not_come_back_by_waiting(book: Path | None) -> None:
    budget = Budget(book, Limits(requests=1))

    async def work() -> None:
        await budget.reserve_soon(1, 1)
        with pytest.raises(TeacherError):
            await budget.reserve_soon(1, 1)

    asyncio.run(asyncio.wait_for(work(), FAR_TOO_LONG))


def test_patience_ends(book: Path | None) -> None:
    budget = Budget(book, Limits(tokens=100))

    async def work() -> None:
        budget.reserve(50, 50)
        with pytest.raises(TeacherError) as caught:
            await budget.reserve_soon(1, 1, patience=0.05)
        assert caught.value.reason == BUDGET_SPENT

    asyncio.run(asyncio.wait_for(work(), FAR_TOO_LONG))


HOLD = """
budget = Budget(book, Limits(tokens=100))
held = budget.reserve(40, 40)
print("holds", flush=True)
sys.stdin.readline()
budget.settle(held, Response("", "stop", None, 10, 10))
print("settled", flush=True)
sys.stdin.readline()
"""


def test_what_another_process_holds_is_waited_for(tmp_path: Path) -> None:
    budget = Budget(tmp_path / "book", Limits(tokens=100))
    other = process(HOLD, tmp_path / "book")
    assert other.stdin and other.stdout
    assert other.stdout.readline() == "holds\n"

    async def work() -> None:
        assert other.stdin
        waiting = asyncio.create_task(budget.reserve_soon(20, 20))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        other.stdin.write("\n")
        other.stdin.flush()
        await waiting

    asyncio.run(asyncio.wait_for(work(), FAR_TOO_LONG))
    other.communicate("\n", timeout=FAR_TOO_LONG)
    assert budget.spent() == Spent(2, 20, 0.0, 40, 0.0)


@pytest.mark.parametrize("reaped", [True, False], ids=["gone", "a zombie"])
def test_what_a_killed_process_held_is_spent_and_nobody_waits_for_it(
    tmp_path: Path, reaped: bool
) -> None:
    budget = Budget(tmp_path / "book", Limits(tokens=100, requests=5))
    other = process(HOLD, tmp_path / "book")
    assert other.stdout
    assert other.stdout.readline() == "holds\n"
    other.kill()
    if reaped:
        other.wait()
    else:
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)

    async def work() -> None:
        with pytest.raises(TeacherError) as caught:
            await budget.reserve_soon(20, 20)
        assert caught.value.reason == BUDGET_SPENT
        budget.settle(await budget.reserve_soon(10, 10), response(1, 1))

    asyncio.run(asyncio.wait_for(work(), FAR_TOO_LONG))
    assert budget.spent() == Spent(2, 2, 0.0, 80, 0.0)
    other.wait()
    # It belongs to the run's book: the next run has its own.
    assert Budget(tmp_path / "next", Limits(tokens=100)).spent() == Spent(0, 0, 0.0, 0, 0.0)


# Many at once.


def test_threads_never_spend_too_much(book: Path | None) -> None:
    budget = Budget(book, Limits(requests=100))
    made: list[int] = []

    def work() -> None:
        while True:
            try:
                reserved = budget.reserve(1, 1)
            except TeacherError:
                return
            made.append(1)
            budget.settle(reserved, None)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == budget.spent().requests == 100


SPEND_ALL = """
budget = Budget(book, Limits(requests=500, tokens=10**9))
sys.stdin.readline()
made = 0
try:
    while True:
        budget.settle(budget.reserve(5, 5), Response("", "stop", None, 3, 4))
        made += 1
except TeacherError as error:
    print(made, error.reason)
"""


def test_processes_never_spend_too_much(tmp_path: Path) -> None:
    running = [process(SPEND_ALL, tmp_path / "book") for _ in range(4)]
    for one in running:
        assert one.stdin
        one.stdin.write("\n")
        one.stdin.flush()
    told = [one.communicate(timeout=FAR_TOO_LONG)[0].split() for one in running]
    assert [reason for _, reason in told] == [BUDGET_SPENT] * 4
    assert sum(int(made) for made, _ in told) == 500
    budget = Budget(tmp_path / "book", Limits(requests=500))
    assert budget.spent() == Spent(500, 3500, 0.0, 0, 0.0)


FORKED = """
# A budget that was made before a fork is used on both sides of it.
budget = Budget(book, Limits(tokens=100))
held = budget.reserve(10, 10)
pid = os.fork()
if pid == 0:
    budget.reserve(20, 20)
    os.kill(os.getpid(), signal.SIGKILL)
os.waitpid(pid, 0)
with budget._book.held():
    print(budget._book.live())
budget.settle(held, None)
with budget._book.held():
    print(budget._book.live())
"""


def test_a_fork_holds_what_it_reserved_itself(tmp_path: Path) -> None:
    told, _ = process(FORKED, tmp_path / "book").communicate(timeout=FAR_TOO_LONG)
    assert told.splitlines() == ["(20, 0)", "(0, 0)"]
    assert Budget(tmp_path / "book", Limits(tokens=1)).spent() == Spent(2, 0, 0.0, 40, 0.0)


KILL_OFTEN = """
# Spenders that are killed at any moment. Each tells of a reservation after it has it.
chance = random.Random(11)
told, telling = os.pipe()
kills = 0
limits = Limits(requests=10**6, tokens=10**12)
Budget(book, limits)
for round_number in range(15):
    pids = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            try:
                budget = Budget(book, limits)
                while True:
                    held = budget.reserve(7, 5)
                    os.write(telling, b".")
                    budget.settle(held, Response("", "stop", None, 4, 3))
            finally:
                os._exit(1)
        pids.append(pid)
    time.sleep(0.01 + 0.03 * chance.random())
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL, status
        kills += 1
    # Read what was told before the pipe is full.
    os.set_blocking(told, False)
    try:
        while data := os.read(told, 1 << 16):
            print(len(data))
    except BlockingIOError:
        pass
print("kills", kills)
"""


def test_kills_at_any_moment_leave_a_book_that_adds_up(tmp_path: Path) -> None:
    other = process(KILL_OFTEN, tmp_path / "book")
    lines = other.communicate(timeout=FAR_TOO_LONG)[0].splitlines()
    assert other.returncode == 0
    assert lines.pop() == "kills 45"
    reserved = sum(map(int, lines))
    assert reserved > 45
    budget = Budget(tmp_path / "book", Limits(requests=10**6))
    spent = budget.spent()
    # A killed one may have had a reservation that it told nobody of, and one that is not settled.
    assert reserved <= spent.requests <= reserved + 45
    unsettled, rest = divmod(spent.reserved_tokens, 12)
    assert rest == 0
    assert unsettled <= 45
    assert spent.tokens == 7 * (spent.requests - unsettled)
    # Records of dead processes are used again, else the book would grow with each.
    assert (tmp_path / "book").stat().st_size <= 4 * 256


DIE_WRITING = """
# Killed after a part of a write to the book.
budget = Budget(book, Limits(tokens=1000))
if sys.argv[2] == "used":
    budget.settle(budget.reserve(10, 20), Response("", "stop", None, 1, 2))
whole, left = os.pwrite, int(sys.argv[3])
def cut(file, data, place):
    global left
    if left > 0:
        left -= 1
        return whole(file, data, place)
    whole(file, data[: int(len(data) * float(sys.argv[4]))], place)
    os.kill(os.getpid(), signal.SIGKILL)
os.pwrite = cut
budget.reserve(100, 200)
"""


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.99])
@pytest.mark.parametrize(
    ("state", "writes"), [("new", 0), ("new", 1), ("new", 2), ("used", 0), ("used", 1)]
)
def test_a_book_that_was_half_written_is_the_one_before(
    tmp_path: Path, state: str, writes: int, share: float
) -> None:
    first = Budget(tmp_path / "book", Limits(tokens=1000))
    other = process(DIE_WRITING, tmp_path / "book", state, writes, share)
    other.communicate(timeout=FAR_TOO_LONG)
    assert other.returncode == -9
    spent = first.spent()
    settled = 3 if state == "used" else 0
    assert spent.tokens == settled
    # The sum is written before what the process holds as its own, which a new one writes first.
    summed = writes >= (1 if state == "used" else 2)
    assert spent.reserved_tokens == (300 if summed else 0)
    assert spent.requests == (state == "used") + summed
    first.settle(first.reserve(10, 10), response(5, 5))
    again = Budget(tmp_path / "book", Limits(tokens=1000)).spent()
    assert again.tokens == settled + 10


MAKE_CUT = """
whole = os.pwrite
def cut(file, data, place):
    whole(file, data[: int(len(data) * float(sys.argv[2]))], place)
    os.kill(os.getpid(), signal.SIGKILL)
os.pwrite = cut
Budget(book, Limits(tokens=1000))
"""


@pytest.mark.parametrize("share", [0.0, 0.4, 0.8])
def test_a_book_that_was_half_made_is_made_again(tmp_path: Path, share: float) -> None:
    other = process(MAKE_CUT, tmp_path / "book", share)
    other.communicate(timeout=FAR_TOO_LONG)
    assert other.returncode == -9
    budget = Budget(tmp_path / "book", Limits(tokens=100))
    budget.reserve(50, 50)
    assert budget.spent().reserved_tokens == 100


# A book that is lost.


def spoil_all(path: Path) -> None:
    path.write_bytes(b"x" * path.stat().st_size)


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "spoil",
    [Path.unlink, spoil_all, replace_by_folder, lambda path: path.write_bytes(b"")],
    ids=["gone", "overwritten", "a folder", "empty"],
)
def test_without_its_book_a_run_spends_nothing(
    tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    path = tmp_path / "book"
    budget = Budget(path, Limits(requests=10))
    held = budget.reserve(1, 1)
    spoil(path)
    assert reason_of(lambda: budget.reserve(1, 1)) == BUDGET_LOST
    assert reason_of(lambda: budget.settle(held, None)) == BUDGET_LOST
    assert reason_of(budget.spent) == BUDGET_LOST


@given(st.data())
def test_a_byte_that_flips_never_lets_a_run_spend_more(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped book"
    path.unlink(missing_ok=True)
    budget = Budget(path, Limits(requests=4))
    for _ in range(4):
        budget.settle(budget.reserve(1, 1), None)
    raw = bytearray(path.read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    sent = 0
    for _ in range(6):
        try:
            budget.reserve(1, 1)
        except TeacherError:
            continue
        sent += 1
    # The older of the two slots is one write old: the last settlement or the last reservation.
    assert sent <= 1


# Estimates.


def messages(*texts: str) -> list[Message]:
    return [Message("user", text) for text in texts]


def test_prose_is_estimated_above_what_it_has() -> None:
    prose = "The quick brown fox jumps over the lazy dog. " * 100
    # Ten tokens a sentence in every tokenizer in use.
    assert 1000 <= estimate_tokens(messages(prose)) <= 1000 * 2


def test_digits_and_signs_are_a_token_each() -> None:
    assert estimate_tokens(messages("1234567890" * 100)) >= 1000
    assert estimate_tokens(messages("\\{}^_$" * 100)) >= 600


def test_a_schema_counts_where_it_is_sent() -> None:
    asked = messages("why")
    assert estimate_tokens(asked, schema="x" * 300) == estimate_tokens(asked) + 100


@given(st.lists(st.text(st.characters()), max_size=4), st.text(st.characters(), min_size=1))
def test_an_estimate_grows_with_what_is_sent(texts: list[str], more: str) -> None:
    before = estimate_tokens(messages(*texts))
    assert estimate_tokens(messages(*texts, more)) > before
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    assert before >= size / BYTES_PER_TOKEN
