"""The scripted server as a process of its own.

python -m tracemine.teachers.scripted --table FILE --faults limited=0.1,latency=0.05,sigma=1.3

Its base URL is the first line of its output; it ends on an interrupt or on termination.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import signal
import sys

from tracemine.teachers.scripted.faults import Faults, FaultsError, parse_faults
from tracemine.teachers.scripted.server import ScriptedServer
from tracemine.teachers.scripted.table import TableError


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to end; the exit status: 2 for a wrong request, with a line that says so."""
    parser = argparse.ArgumentParser(prog="python -m tracemine.teachers.scripted")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--table", metavar="FILE", help="JSON lines: problem and answer")
    names = ", ".join(fault.name for fault in dataclasses.fields(Faults))
    parser.add_argument(
        "--faults", default="", help=f"as in limited=0.1,latency=0.05,sigma=1.3; of {names}"
    )
    parser.add_argument("--model", action="append", help="a name it answers to; may come again")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--context", type=int, help="tokens of prompt and answer together")
    parser.add_argument("--dialect", choices=("vllm", "openai"), default="vllm")
    parser.add_argument("--unknown-field", action="append", default=[], help="may come again")
    parser.add_argument("--no-keys", action="store_true", help="keep no counts by key")
    given = parser.parse_args(arguments)
    try:
        server = ScriptedServer(
            table=given.table or (),
            faults=parse_faults(given.faults),
            model=given.model or "scripted",
            seed=given.seed,
            context=given.context,
            dialect=given.dialect,
            unknown_fields=given.unknown_field,
            counting_keys=not given.no_keys,
            host=given.host,
            port=given.port,
        )
        asyncio.run(_serve(server))
    except (OSError, TableError, FaultsError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


async def _serve(server: ScriptedServer) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    runner = await server.serve()
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    await ended.wait()
    await runner.cleanup()


if __name__ == "__main__":
    sys.exit(main())
