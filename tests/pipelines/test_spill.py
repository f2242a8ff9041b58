"""Buffers on disk give what buffers in memory give."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from apache_beam import coders
from apache_beam.coders.coder_impl import create_InputStream
from apache_beam.runners.portability.fn_api_runner import execution
from apache_beam.transforms import core, trigger, window
from hypothesis import given
from hypothesis import strategies as st

from tracemine.pipelines import spill
from tracemine.pipelines.spill import Spill, SpilledGroups, SpilledList


@pytest.fixture(autouse=True, params=[16, 1 << 18], ids=["on disk", "in memory"])
def _limit(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spill, "IN_MEMORY", request.param)


pieces = st.lists(st.binary(min_size=1, max_size=40), max_size=20)
every = pytest.mark.parametrize("most", [1, 7, 50, 10_000])


@given(pieces)
def test_every_piece_is_found_where_it_was_put(found: list[bytes]) -> None:
    kept = Spill()
    places = [kept.put(piece) for piece in found]
    assert [kept.get(at, len(p)) for at, p in zip(places, found, strict=True)] == found
    assert kept.get(0, kept.size) == b"".join(found)


@every
@given(first=pieces, second=pieces, third=pieces)
def test_a_list_keeps_all_in_order(
    most: int, first: list[bytes], second: list[bytes], third: list[bytes]
) -> None:
    one, other = SpilledList(None), SpilledList(None)
    for piece in first:
        one.append(piece)
    for piece in second:
        other.append(piece)
    copied = one.copy()
    one.extend(other)
    both = b"".join([*first, *second])
    chunks = list(one.chunks(most))
    assert b"".join(chunks) == both == b"".join(one)
    assert one.size == len(both)
    # No piece is cut, and none waits for more than it must.
    longest = max(map(len, [*first, *second]), default=0)
    assert all(0 < len(chunk) <= max(most, longest) for chunk in chunks)
    assert b"".join(copied) == b"".join(first)
    assert sorted(b"".join(part) for part in one.partition(1)) == [both]
    copied.clear()
    assert b"".join(one) == both
    for piece in third:
        copied.reset() if copied.cleared else None
        copied.append(piece)
    assert b"".join(copied) == b"".join(third)


PAIRS = coders.TupleCoder([coders.StrUtf8Coder(), coders.BytesCoder()])
GROUPS = coders.TupleCoder([coders.StrUtf8Coder(), coders.IterableCoder(coders.BytesCoder())])
WINDOW = window.GlobalWindows().get_window_coder()
pairs = st.lists(st.tuples(st.text(max_size=2), st.binary(max_size=40)), max_size=30)


def encoded(found: Iterable[tuple[str, bytes]]) -> bytes:
    coder = coders.WindowedValueCoder(PAIRS, WINDOW).get_impl()
    return b"".join(
        coder.encode_nested(window.GlobalWindows.windowed_value(pair)) for pair in found
    )


def buffers(kind: Any, windowing: core.Windowing, *parts: list[tuple[str, bytes]]) -> Any:
    made = []
    for part in parts:
        buffer = kind(
            coders.WindowedValueCoder(PAIRS, WINDOW),
            coders.WindowedValueCoder(GROUPS, WINDOW),
            windowing,
        )
        buffer.append(encoded(part[: len(part) // 2]))
        buffer.append(encoded(part[len(part) // 2 :]))
        made.append(buffer)
    first, *others = made
    for other in others:
        first.extend(other)
    return first


def groups(chunks: Iterable[bytes]) -> list[tuple[str, list[bytes]]]:
    coder = coders.WindowedValueCoder(GROUPS, WINDOW).get_impl()
    found = []
    for chunk in chunks:
        stream = create_InputStream(chunk)
        while stream.size() > 0:
            key, values = coder.decode_from_stream(stream, True).value
            found.append((key, list(values)))
    return found


@every
@pytest.mark.parametrize(
    "windowing",
    [
        core.Windowing(window.GlobalWindows()),
        core.Windowing(
            window.GlobalWindows(),
            triggerfn=trigger.Always(),
            accumulation_mode=trigger.AccumulationMode.DISCARDING,
        ),
    ],
    ids=["global", "triggered"],
)
@given(first=pairs, second=pairs)
def test_groups_are_beams_own(
    windowing: core.Windowing,
    most: int,
    first: list[tuple[str, bytes]],
    second: list[tuple[str, bytes]],
) -> None:
    ours = buffers(SpilledGroups, windowing, first, second)
    beams = buffers(execution.GroupingBuffer, windowing, first, second)
    expected = groups(part for parts in beams.partition(1) for part in parts)
    assert groups(ours.chunks(most)) == groups(ours) == expected
