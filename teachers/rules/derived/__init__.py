"""What follows from a routine's code alone: what it needs of its inputs, how it fails, its steps in
words, which values rest on which, the tool that does the same; and a span made of all that."""

from tracemine.teachers.rules.derived.derive import Derived, describe
from tracemine.teachers.rules.derived.spans import FINGERPRINT, Case, make_span

__all__ = ["FINGERPRINT", "Case", "Derived", "describe", "make_span"]
