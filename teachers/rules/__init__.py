"""The teacher that needs no model: it reads code, calculations, formulas and written steps.

`code` reads programs, `arithmetic` what a text calculates, `mathematics` formulas and equations,
`written` the steps that it is told in. Below them: `derived` says what follows from a routine's
code, `language` what things are called.
"""

from tracemine.teachers.rules.teacher import RulesTeacher

__all__ = ["RulesTeacher"]
