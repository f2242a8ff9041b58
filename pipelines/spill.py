"""What a local run has between two stages lies on disk, not in memory.

Beam's own runner keeps whatever one stage gives until the next has it, grouped values as objects: a
corpus has to fit in memory several times over. These buffers take the place of its buffers
(``ListBuffer`` and ``GroupingBuffer`` of ``fn_api_runner.execution``) and keep the encoded bytes in
temporary files that have no name, so nothing stays behind a run that is killed. In memory are, for
each value that is grouped, 24 bytes, and about 200 for each key.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from typing import IO, Any

from apache_beam.coders.coder_impl import create_InputStream, create_OutputStream
from apache_beam.runners.portability.fn_api_runner import execution
from apache_beam.transforms import trigger
from apache_beam.transforms.window import GlobalWindow, GlobalWindows
from apache_beam.utils import windowed_value

#: Bytes of a buffer that stay in memory: most hold less, and need no file.
IN_MEMORY = 1 << 18


#: Why pieces of this run were lost, the first time.
_LOST: list[OSError] = []


def forget_lost() -> None:
    """A run begins."""
    _LOST.clear()


def raise_lost() -> None:
    """Nothing, if every piece was put down.

    Raises:
        OSError: if the disk took no more.
    """
    if _LOST:
        raise _LOST[0]


class Spill:
    """Pieces of bytes, put down one after the other and read again by where they lie. Once the disk
    takes no more, pieces are lost, and `raise_lost` says so: whoever brings them must not stop in
    the midst of it."""

    def __init__(self) -> None:
        self.size = 0
        self._held = bytearray()
        self._file: IO[bytes] | None = None

    def put(self, piece: bytes) -> int:
        """Where ``piece`` lies from now on."""
        at = self.size
        self._held += piece
        self.size += len(piece)
        if len(self._held) > IN_MEMORY:
            self._write()
        return at

    def _write(self) -> None:
        try:
            if self._file is None:
                # It lives as long as this does: no block could close it.
                self._file = tempfile.TemporaryFile(prefix="tracemine-", buffering=0)  # noqa: SIM115
            left = memoryview(bytes(self._held))
            while not _LOST and left:
                left = left[self._file.write(left) :]
        except OSError as error:
            _LOST.append(error)
        self._held = bytearray()

    def get(self, at: int, length: int) -> bytes:
        """The ``length`` bytes that lie there: of one piece, or of several that follow."""
        written = self.size - len(self._held)
        if at >= written:
            return bytes(self._held[at - written : at - written + length])
        assert self._file is not None
        found = os.pread(self._file.fileno(), min(length, written - at), at)
        return found + self.get(written, length - len(found)) if len(found) < length else found


class SpilledList(execution.ListBuffer):
    """Elements in the order of their coming."""

    def __init__(self, coder_impl: Any) -> None:
        super().__init__(coder_impl)
        self._own = _Row()
        self._rows = [self._own]

    def copy(self) -> SpilledList:
        """Another buffer of the same elements; neither is written to any more."""
        new = SpilledList(self._coder_impl)
        new._rows = [*self._rows, new._own]
        return new

    def extend(self, extra: SpilledList) -> None:
        """Also the elements of ``extra``, which is written to no more."""
        self._rows.extend(extra._rows)

    def append(self, element: bytes) -> None:
        """Also ``element``: one or several, encoded."""
        self._own.append(element)

    @property
    def size(self) -> int:
        """Bytes of all elements."""
        return sum(row.spill.size for row in self._rows)

    def chunks(self, most: int) -> Iterator[bytes]:
        """All elements, some together, in parts of about ``most`` bytes."""
        for row in self._rows:
            yield from row.chunks(most)

    def __iter__(self) -> Iterator[bytes]:
        return self.chunks(IN_MEMORY)

    def partition(self, n: int) -> list[list[bytes]]:
        """All elements in ``n`` parts."""
        return _dealt(self, n)

    def clear(self) -> None:
        """Forget all elements."""
        super().clear()
        self._own = _Row()
        self._rows = [self._own]


class _Row:
    """Pieces in order, and where each ends."""

    def __init__(self) -> None:
        self.spill = Spill()
        self.ends = array("Q")

    def append(self, piece: bytes) -> None:
        self.spill.put(piece)
        self.ends.append(self.spill.size)

    def chunks(self, most: int) -> Iterator[bytes]:
        begin = last = 0
        for end in self.ends:
            if end - begin > most and last > begin:
                yield self.spill.get(begin, last - begin)
                begin = last
            last = end
        if last > begin:
            yield self.spill.get(begin, last - begin)


class SpilledGroups(execution.GroupingBuffer):
    """Values by key, keys in the order of their coming."""

    def __init__(self, pre_grouped_coder: Any, post_grouped_coder: Any, windowing: Any) -> None:
        super().__init__(pre_grouped_coder, post_grouped_coder, windowing)
        self._plain = windowing.is_default()
        # Values alone, or with their windows and, because that is the coder there is, their keys.
        stored = pre_grouped_coder.value_coder() if self._plain else pre_grouped_coder
        self._stored = stored.get_impl()
        self._spills = [Spill()]
        #: Of each key where its values lie: spill, offset, length, one after the other.
        self._places: dict[bytes, array[int]] = {}

    def append(self, elements_data: bytes) -> None:
        """Also these pairs, encoded."""
        stream = create_InputStream(elements_data)
        pairs, keys = self._pre_grouped_coder.get_impl(), self._key_coder.get_impl()
        spill = self._spills[0]
        while stream.size() > 0:
            pair = pairs.decode_from_stream(stream, True)
            key, value = pair.value
            encoded = self._stored.encode(value if self._plain else pair)
            at = spill.put(encoded)
            places = self._places.setdefault(keys.encode(key), array("Q"))
            places.extend((0, at, len(encoded)))

    def extend(self, input_buffer: Any) -> None:
        """Also the pairs of ``input_buffer``, which is written to no more."""
        if not isinstance(input_buffer, SpilledGroups):
            return  # As in Beam: it marks an empty input.
        for key, places in input_buffer._places.items():
            moved = array("Q", places)
            moved[::3] = array("Q", [number + len(self._spills) for number in places[::3]])
            self._places.setdefault(key, array("Q")).extend(moved)
        self._spills.extend(input_buffer._spills)

    @property
    def size(self) -> int:
        """Bytes of all values."""
        return sum(spill.size for spill in self._spills)

    def chunks(self, most: int) -> Iterator[bytes]:
        """All groups, some together, in parts of at least ``most`` bytes but for the last."""
        groups, keys = self._post_grouped_coder.get_impl(), self._key_coder.get_impl()
        out = create_OutputStream()
        for key, places in self._places.items():
            found = (
                self._spills[number].get(at, length)
                for number, at, length in zip(places[::3], places[1::3], places[2::3], strict=True)
            )
            for group in self._grouped(keys.decode(key), map(self._stored.decode, found)):
                groups.encode_to_stream(group, out, True)
            if out.size() >= most:
                yield out.get()
                out = create_OutputStream()
        if out.size():
            yield out.get()

    def _grouped(self, key: Any, stored: Iterator[Any]) -> Iterator[Any]:
        if self._plain:
            yield _WHOLE.with_value((key, list(stored)))
            return
        values = [pair.with_value(pair.value[1]) for pair in stored]
        driver = trigger.create_trigger_driver(self._windowing, True)
        yield from driver.process_entire_key(key, values)

    def __iter__(self) -> Iterator[bytes]:
        return self.chunks(IN_MEMORY)

    def partition(self, n: int) -> list[list[bytes]]:
        """All groups in ``n`` parts."""
        return _dealt(self, n)


def _dealt(chunks: Iterable[bytes], n: int) -> list[list[bytes]]:
    parts: list[list[bytes]] = [[] for _ in range(n)]
    for number, chunk in enumerate(chunks):
        parts[number % n].append(chunk)
    return parts


#: The one pane of a group in the global window.
_WHOLE = GlobalWindows.windowed_value(
    None,
    timestamp=GlobalWindow().max_timestamp(),
    pane_info=windowed_value.PaneInfo(
        is_first=True,
        is_last=True,
        timing=windowed_value.PaneInfoTiming.ON_TIME,
        index=0,
        nonspeculative_index=0,
    ),
)

__all__ = ["IN_MEMORY", "Spill", "SpilledGroups", "SpilledList", "forget_lost", "raise_lost"]
