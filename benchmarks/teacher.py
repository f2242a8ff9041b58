"""Requests a second through the teacher stage, beside the bare async client at one concurrency.

    python -m benchmarks.teacher [--requests 10000] [--many 100000] [--quick] [--json]

The server is tracemine's scripted one, in a process of its own. Its latencies are log-normal, as a
model's are: half a second in the median, and of a hundred answers one takes some twenty times that.
Both arms ask the same: one request for each of as many trajectories. Ours is the stage itself, a
Beam pipeline through `Segment` with a cache (a folder) and a budget's book; it reads every answer
and makes spans of it. The peer is `openai.AsyncOpenAI` with a semaphore and the same bodies, and
does nothing with what it gets.

The arms take turns, block by block, so that a slow minute of the machine falls on both. A block is
measured from the first request that reaches the server to the last that does: how long the slowest
answers take after that is luck. Idle is the share of the allowed places that stood empty at the
server meanwhile; the rate is the answers that it gave, by the time.

Then many more requests go through the stage without any latency, as fast as it can. Memory is that
of this process, resident, garbage collected, after each block of these; a line is laid through all
blocks but the first two.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import openai
import psutil

from tracemine.pipelines.runner import make_runner, pipeline_options
from tracemine.schemas import Source, Trajectory, content_id, problem_id
from tracemine.teachers.model.budget import Limits
from tracemine.teachers.model.making import segment_request
from tracemine.teachers.model.requests import Request
from tracemine.teachers.model.settings import Settings
from tracemine.teachers.model.windows import windows
from tracemine.teachers.model.worker import ModelOptions, shared_worker
from tracemine.transforms.segment import Segment

MODEL = "scripted"
#: Seconds: median, and sigma of the logarithm, with which one in a hundred takes 20 medians.
LATENCY, SIGMA = 0.5, 1.3
#: Seconds between two looks at the server's counts.
LOOK = 0.02
#: More than any run spends: the book is kept, and never full.
PLENTY = Limits(10**9, 10**12, None)
#: Blocks of each arm, and of the many.
BLOCKS, MANY_BLOCKS = 4, 20


@dataclass(frozen=True, slots=True)
class Block:
    """What one arm did in one block."""

    rate: float
    idle: float
    seconds: float


def trajectories(block: int, count: int) -> list[Trajectory]:
    """So many that no other block has."""
    found = []
    for number in range(count):
        crates, each = 3 + number % 17, 7 + number % 23
        total = crates * each + block
        problem = (
            f"Depot {block}-{number} gets {crates} crates of {each} lamps and {block} spare lamps. "
            "How many lamps does it get?"
        )
        trace = (
            f"The crates hold {crates} * {each} = {crates * each} lamps.\n\n"
            f"With the {block} spare lamps it gets {crates * each} + {block} = {total} lamps.\n\n"
            f"So the answer is {total}."
        )
        found.append(
            Trajectory(
                id=content_id("trajectory", problem), problem_id=problem_id(problem),
                problem=problem, trace=trace, answer=str(total), reference=str(total),
                domain="math", sources=(Source("lamps", number),), outcome="verified",
            )
        )  # fmt: skip
    return found


def requests_of(asked: Sequence[Trajectory], settings: Settings) -> list[Request]:
    """The request of each; all of them are one window."""
    return [
        segment_request(trajectory, windows(trajectory.trace, settings)[0], MODEL, settings)
        for trajectory in asked
    ]


class Server:
    """The scripted server of this run, in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    def counts(self) -> dict[str, Any]:
        """What it has counted."""
        address = self.url.removesuffix("/v1") + "/scripted/counts"
        with urllib.request.urlopen(address) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


@contextlib.contextmanager
def scripted(faults: str) -> Iterator[Server]:
    """A server that is as slow as ``faults`` say."""
    command = [
        sys.executable, "-m", "tracemine.teachers.scripted", "--port", "0", "--seed", "1",
        "--no-keys", "--faults", faults,
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Server(process, process.stdout.readline().strip())
    finally:
        process.terminate()
        process.wait()


def measured(server: Server, count: int, concurrency: int, arm: Callable[[], None]) -> Block:
    """One block: ``arm`` sends ``count`` requests."""
    before = server.counts()
    seen: list[tuple[float, dict[str, Any]]] = []

    def watch() -> None:
        wanted = 1
        while wanted <= count:
            now = server.counts()
            if now["total"] - before["total"] >= wanted:
                seen.append((time.perf_counter(), now))
                wanted = count if len(seen) == 1 and count > 1 else count + 1
            time.sleep(LOOK)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    started = time.perf_counter()
    arm()
    seconds = time.perf_counter() - started
    watching.join(timeout=10)
    after = server.counts()
    if after["answered"] - before["answered"] != count or len(seen) != 2:
        raise RuntimeError(f"{after['answered'] - before['answered']} answers to {count} requests")
    (began, first), (ended, last) = seen
    elapsed = ended - began
    busy = last["busy_seconds"] - first["busy_seconds"]
    rate = (last["answered"] - first["answered"]) / elapsed
    return Block(rate, 1 - busy / (elapsed * concurrency), seconds)


def ours(asked: Sequence[Trajectory], options: ModelOptions) -> None:
    """All of ``asked`` through the stage."""
    beam_options = pipeline_options(())
    with beam.Pipeline(runner=make_runner(beam_options), options=beam_options) as pipeline:
        _ = pipeline | beam.Create(asked, reshuffle=False) | Segment(options)


def body_of(request: Request) -> dict[str, Any]:
    """The arguments with which the library sends ``request``."""
    schema = {"name": request.schema_name, "schema": dict(request.schema), "strict": True}
    return {
        "model": request.model,
        "messages": [{"role": m.role, "content": m.content} for m in request.messages],
        "response_format": {"type": "json_schema", "json_schema": schema},
        "extra_body": dict(request.parameters),
    }


async def bare(requests: Sequence[Request], url: str, settings: Settings) -> None:
    """All of ``requests`` by the client alone."""
    places = asyncio.Semaphore(settings.concurrency)
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:

        async def ask(request: Request) -> None:
            async with places:
                await client.chat.completions.create(**body_of(request))

        await asyncio.gather(*map(ask, requests))


def compared(requests: int, settings: Settings, *, blocks: int, latency: float) -> dict[str, Any]:
    """Both arms, in turn."""
    count = requests // blocks
    found: dict[str, list[Block]] = {"ours": [], "bare": []}
    with (
        scripted(f"latency={latency},sigma={SIGMA}") as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        options = asked(server, folder, settings)
        worker = shared_worker(options)  # kept over blocks, as a long run keeps it
        for block in range(blocks):
            mine = trajectories(2 * block, count)
            others = requests_of(trajectories(2 * block + 1, count), settings)
            arms: dict[str, Callable[[], None]] = {
                "ours": lambda mine=mine: ours(mine, options),
                "bare": lambda others=others: asyncio.run(bare(others, server.url, settings)),
            }
            for name in sorted(arms, reverse=block % 2 == 0):
                found[name].append(measured(server, count, settings.concurrency, arms[name]))
                last = found[name][-1]
                tell(f"block {block} {name}: {last.rate:.1f} a second, idle {last.idle:.1%}")
        failures = worker.tally.to_json()["segment"][MODEL]["failures"]
        worker.close()
    rates = {name: statistics.median(b.rate for b in made) for name, made in found.items()}
    pairs = list(zip(found["ours"], found["bare"], strict=True))
    return {
        "requests": count * blocks,
        "concurrency": settings.concurrency,
        "latency": {"median": latency, "sigma": SIGMA},
        "rate": rates,
        "ratio": rates["ours"] / rates["bare"],
        "ratio_by_block": [one.rate / other.rate for one, other in pairs],
        "idle": {name: statistics.median(b.idle for b in made) for name, made in found.items()},
        "failures": failures,
    }


def many(requests: int, settings: Settings) -> dict[str, Any]:
    """So many through the stage, and the memory of this process after each block of them."""
    count = requests // MANY_BLOCKS
    memory, seconds = [], []
    with scripted("") as server, tempfile.TemporaryDirectory() as folder:
        options = asked(server, folder, settings)
        worker = shared_worker(options)
        for block in range(MANY_BLOCKS):
            mine = trajectories(1_000 + block, count)
            started = time.perf_counter()
            ours(mine, options)
            seconds.append(time.perf_counter() - started)
            del mine
            gc.collect()
            memory.append(psutil.Process().memory_info().rss / 2**20)
            tell(f"after {count * (block + 1)}: {memory[-1]:.0f} MiB, {seconds[-1]:.0f} s")
        if server.counts()["answered"] != count * MANY_BLOCKS:
            raise RuntimeError(f"{server.counts()['answered']} answers to {requests} requests")
        worker.close()
    settled = memory[2:]
    growth = statistics.linear_regression(range(len(settled)), settled).slope
    return {
        "requests": count * MANY_BLOCKS,
        "rate": count / statistics.median(seconds),
        "memory_mib": memory,
        "growth_mib_per_100000": growth / count * 100_000,
    }


def asked(server: Server, folder: str, settings: Settings) -> ModelOptions:
    """Asks ``server``, with all that a long run has."""
    return ModelOptions(
        server.url, MODEL, settings, cache=f"{folder}/cache", book=Path(folder) / "book",
        limits=PLENTY,
    )  # fmt: skip


def tell(line: str) -> None:
    """How far it is, on standard error."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=10_000, help="of each arm")
    parser.add_argument("--many", type=int, default=100_000, help="for memory")
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--quick", action="store_true", help="few, in one block")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    settings = Settings(concurrency=given.concurrency)
    if given.quick:
        both = compared(600, settings, blocks=1, latency=LATENCY / 2)
        alone = many(1_000, settings)
    else:
        both = compared(given.requests, settings, blocks=BLOCKS, latency=LATENCY)
        alone = many(given.many, settings)
    if given.json:
        print(json.dumps({"compared": both, "many": alone}))
        return
    for name in ("ours", "bare"):
        print(f"{name}: {both['rate'][name]:.1f} requests a second, idle {both['idle'][name]:.1%}")
    print(f"ratio {both['ratio']:.3f} (goal 0.95)")
    print(
        f"{alone['requests']:,} requests: {alone['rate']:.0f} a second, at last "
        f"{alone['memory_mib'][-1]:.0f} MiB, {alone['growth_mib_per_100000']:+.1f} MiB for 100,000"
    )


if __name__ == "__main__":
    main()
