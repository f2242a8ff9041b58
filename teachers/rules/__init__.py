"""The teacher that needs no model: it reads code and calculations.

`code` reads programs (run once, traced, cut at definitions), `calculations` reads arithmetic that
a text states; `derive` says what follows from a routine's code (steps, preconditions, failure
modes), `lifting` what is data of the instance and what a constant, `words` what things are called.
"""

from tracemine.teachers.rules.teacher import RulesTeacher

__all__ = ["RulesTeacher"]
