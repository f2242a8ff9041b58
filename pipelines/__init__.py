"""What a person runs: one file per job, the command line, options.

`mine` reads traces and writes a store; `cli` is the command ``tracemine``. Jobs are imported from
their own files, because they bring Beam with them.
"""

from tracemine.pipelines.options import MineOptions

__all__ = ["MineOptions"]
