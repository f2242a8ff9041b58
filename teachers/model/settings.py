"""What a run may choose about a model that teaches."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Characters of a trace in one window: about 6,000 tokens, so that prompt, window and answer fit
#: the 16,384 of small servers.
WINDOW_CHARS = 24_000
#: Characters that a window shares with the next: a span no longer than this is whole in one.
OVERLAP_CHARS = 2_000
#: Tokens that an answer may have.
MAX_ANSWER_TOKENS = 4_096
#: Requests under way at once, of one worker process.
CONCURRENCY = 32
#: Seconds that one attempt at a request may take.
TIMEOUT = 600.0
#: Attempts at one request, the first among them.
ATTEMPTS = 6


@dataclass(frozen=True, slots=True)
class Settings:
    """``window_chars``, ``overlap_chars`` and ``max_answer_tokens`` decide what is asked, so they
    are part of a teacher's fingerprint; the others only how.

    Attributes:
        least_spans: fewest spans that the schema lets an answer have; 0 unless a test of the line
            needs some.
        most_chars: characters that the schema lets a text of an answer have, None for any number:
            a model that rambles ends within its tokens.
    """

    window_chars: int = WINDOW_CHARS
    overlap_chars: int = OVERLAP_CHARS
    max_answer_tokens: int = MAX_ANSWER_TOKENS
    least_spans: int = 0
    most_chars: int | None = None
    concurrency: int = CONCURRENCY
    timeout: float = TIMEOUT
    attempts: int = ATTEMPTS

    def __post_init__(self) -> None:
        for name in ("window_chars", "max_answer_tokens", "concurrency", "timeout", "attempts"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be a number above 0, not {getattr(self, name)}")
        if not 0 <= self.overlap_chars < self.window_chars:
            raise ValueError("overlap_chars must be at least 0 and below window_chars")
        if self.least_spans < 0 or (self.most_chars is not None and self.most_chars < 1):
            raise ValueError("least_spans must be at least 0, most_chars at least 1")


__all__ = ["Settings"]
