"""The teacher that asks a model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from tracemine.schemas import Trajectory, content_id
from tracemine.teachers.base import Segmentation
from tracemine.teachers.model.conversation import converse
from tracemine.teachers.model.making import prompts_hash
from tracemine.teachers.model.requests import Ask
from tracemine.teachers.model.settings import Settings

#: Raised when the same answers are read as other spans.
READING = 1


@dataclass(frozen=True)
class ModelTeacher:
    """Cuts a trajectory into spans by asking ``model``, wherever that is served."""

    model: str
    settings: Settings

    @cached_property
    def fingerprint(self) -> str:
        """``MODEL@`` and the hash of what is asked and how answers are read: the prompts, the
        schemas, how long a window and an answer may be."""
        settings = self.settings
        asked = (
            prompts_hash(), settings.window_chars, settings.overlap_chars,
            settings.max_answer_tokens, settings.least_spans, settings.most_chars, READING,
        )  # fmt: skip
        return f"{self.model}@{content_id('teacher', *asked)[:12]}"

    async def read(self, trajectory: Trajectory, ask: Ask) -> Segmentation:
        """The spans of ``trajectory``; a window on which ``ask`` fails is among the unread."""
        return await converse(trajectory, ask, self.model, self.settings, self.fingerprint)


__all__ = ["READING", "ModelTeacher"]
