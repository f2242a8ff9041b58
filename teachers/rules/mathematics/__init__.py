"""Mathematics in letters: LaTeX read behind guards, formulas with their values, equations with
their solutions, formulas that have a name."""

from tracemine.teachers.rules.mathematics.derivations import read_derivations

__all__ = ["read_derivations"]
