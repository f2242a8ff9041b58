"""A trajectory in, all its windows asked, a segmentation out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from tracemine.schemas import Trajectory
from tracemine.teachers.base import Note, Segmentation, TeacherError, Unread
from tracemine.teachers.model.answering import answered
from tracemine.teachers.model.answers import SpansAnswer
from tracemine.teachers.model.feeding import with_checked
from tracemine.teachers.model.making import segment_request
from tracemine.teachers.model.reading import REPAIRED, Reading, merged, read_window
from tracemine.teachers.model.requests import Ask
from tracemine.teachers.model.settings import Settings
from tracemine.teachers.model.windows import Window, windows


async def converse(
    trajectory: Trajectory, ask: Ask, model: str, settings: Settings, fingerprint: str
) -> Segmentation:
    """The spans that ``model`` finds in ``trajectory``, in the order of the trace, and what became
    of all else it says.

    All windows are asked at once (``ask`` bounds how many requests are under way); one that fails
    is among the ``unread``, with its reason, and the others stand. An answer that cannot be read is
    shown to the model once more, with what is wrong with it. Answers are read in threads, so that
    the loop goes on talking. Equal answers give an equal segmentation, in whatever order they come.

    Raises whatever ``ask`` does besides `TeacherError`; then, and when it is cancelled, no request
    of it goes on.
    """
    pieces = windows(trajectory.trace, settings)
    reader = _Reader(trajectory, ask, model, settings, fingerprint)
    tasks = [asyncio.ensure_future(reader.read(window)) for window in pieces]
    try:
        found = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    unread = tuple(each for each in found if isinstance(each, Unread))
    readings = [each for each in found if isinstance(each, Reading)]
    if not readings:
        return Segmentation((), unread=unread)
    return await asyncio.to_thread(_segmentation, trajectory, readings, unread)


def _segmentation(
    trajectory: Trajectory, readings: list[Reading], unread: tuple[Unread, ...]
) -> Segmentation:
    whole = merged(readings)
    return Segmentation(
        spans=with_checked(whole.spans, trajectory),
        dropped=whole.dropped,
        unread=unread,
        notes=whole.notes,
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    trajectory: Trajectory
    ask: Ask
    model: str
    settings: Settings
    fingerprint: str

    async def read(self, window: Window) -> Reading | Unread:
        """What becomes of one window."""
        request = segment_request(self.trajectory, window, self.model, self.settings)
        try:
            answer, wrong = await answered(request, self.ask, SpansAnswer)
        except TeacherError as error:
            return Unread(window.start, window.end, error.reason, error.detail)
        notes = (Note(REPAIRED, window.start, window.end, wrong),) if wrong else ()
        reading = await asyncio.to_thread(
            read_window, self.trajectory, window, answer, self.fingerprint
        )
        return Reading(reading.spans, reading.dropped, (*notes, *reading.notes))


__all__ = ["converse"]
