"""Arithmetic that a text states: calculations are found and read as trees (`chains`,
`expressions`), each number is given its source and its name (`sources`, `naming`, `roles`,
`measures`), steps that feed one another are put together (`composition`, `routines`), and the
question is asked (`asking`)."""

from tracemine.teachers.rules.arithmetic.calculations import read_calculations

__all__ = ["read_calculations"]
