"""GSM8K socratic: as GSM8K, every line of the answer is ``subquestion ** step``."""

from __future__ import annotations

from tracemine.transforms.formats.base import Format
from tracemine.transforms.formats.gsm8k import adapt, is_socratic, looks_like_gsm8k

FORMAT = Format(
    name="gsm8k-socratic",
    detect=lambda row: looks_like_gsm8k(row) and is_socratic(row),
    adapt=adapt,
    licence="MIT",
)
