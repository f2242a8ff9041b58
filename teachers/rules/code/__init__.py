"""Programs: found in a trace, run once with what they name written down, and cut at definitions and
values (`programs`, `drafts`, `slices`); functions of a code task with its tests (`tasks`)."""

from tracemine.teachers.rules.code.reader import read_code

__all__ = ["read_code"]
