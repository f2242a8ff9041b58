"""The written steps of a trace: where they begin, what each asks, which were abandoned."""

from tracemine.teachers.rules.written.steps import Steps, read_written

__all__ = ["Steps", "read_written"]
