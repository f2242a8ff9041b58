"""The far side of symbolic comparison: math-verify in a process that may be killed.

Runs as a program of its own, see `symbolic`. Each request is one pair of texts; the parent's clock
is the only one, because math-verify's own needs signals.
"""

from __future__ import annotations

import logging
import os
import resource
import sys
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from tracemine.verifiers._wire import read_frame, write_frame
else:
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    from _wire import read_frame, write_frame

    del sys.path[0]

#: Address space of a worker, in bytes: what sympy blows up ends as a MemoryError.
MEMORY_BYTES = 4 << 30


def compare(reference: str, answer: str) -> tuple[str, str]:
    """The outcome and its reason. ``reference`` is the gold side: math-verify is not symmetric, it
    turns ``x = 5`` of the answer into ``5`` and not the other way round."""
    gold, target = _parse(reference), _parse(answer)
    if not gold:
        return "unknown", "math-verify reads nothing in the reference"
    if not target:
        return "unknown", "math-verify reads nothing in the answer"
    from math_verify import verify

    agrees = verify(gold, target, timeout_seconds=None)
    return ("agree", "equal expressions") if agrees else ("differ", "different expressions")


def _parse(text: str) -> list[Any]:
    from math_verify import parse

    wrapped = text if "\\boxed" in text else f"\\boxed{{{text}}}"
    return list(parse(f"${wrapped}$", parsing_timeout=None))


def main() -> NoReturn:
    """Serve the requests that come on standard input; replies go to standard output."""
    source, sink = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    logging.disable(logging.CRITICAL)
    import math_verify  # noqa: F401

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    write_frame(sink, {"ready": True})
    while True:
        try:
            request, _ = read_frame(source)
        except EOFError:
            os._exit(0)
        try:
            outcome, reason = compare(request["reference"], request["answer"])
        except Exception as error:  # noqa: BLE001 - sympy raises anything; it is told, not hidden
            outcome, reason = "unknown", f"math-verify: {type(error).__name__}"
        write_frame(sink, {"outcome": outcome, "reason": reason})


if __name__ == "__main__":
    main()
