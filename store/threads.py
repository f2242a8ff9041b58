"""Numerical libraries on one thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """BLAS and OpenMP on one thread within the block. Small products cost 2.5 times the CPU time on
    two threads of a busy machine, which wait for each other; workers are how a run uses more
    cores. For the whole process: threads that work meanwhile may be slower, results are as before.
    """
    with _controller().limit(limits=1):
        yield


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    import faiss  # noqa: F401 - the controller knows the libraries that are loaded by now

    return ThreadpoolController()


__all__ = ["one_thread"]
