"""Work that is kept: what comes back is what was put away, or nothing."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from random import Random

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import fn_runner
from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas import Event, Source
from tracemine.transforms.kept import (
    DAMAGED,
    FEWEST,
    MOST,
    NOT_KEPT,
    Kept,
    _pack,
    _unpack,
    counter_of,
    digest_of,
    run_kept,
    shards_for,
)
from tracemine.transforms.stage import NAMESPACE, Out

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.fractions(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=10,
)


@given(plain)
def test_what_is_kept_comes_back(content: object) -> None:
    assert _unpack(_pack(content)) == content


def test_records_come_back(tmp_path: Path) -> None:
    kept = Kept(str(tmp_path), 4)
    content = [("finished", Event("p", "", "verified", "min_replays", "{}", "2026-01-01"))]
    kept.save("unite", "00001", "d", content)
    assert kept.load("unite", "00001", "d") == content
    assert kept.load("unite", "00002", "d") is None
    assert kept.load("unite", "00001", "e") is None


@dataclass(frozen=True)
class Foreign:
    text: str


class Runs:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


@pytest.mark.parametrize("content", [Runs(), Foreign("x"), os.system, pytest.raises])
def test_what_is_no_record_of_ours_is_not_read(content: object) -> None:
    with pytest.raises(pickle.UnpicklingError):
        _unpack(_pack(content))


@given(st.data())
def test_no_damage_goes_unnoticed(data: st.DataObject) -> None:
    content = [Fraction(1, 3), Source("a", 1, None, "MIT"), "text" * 50]
    packed = bytearray(_pack(content))
    place = data.draw(st.integers(0, len(packed) - 1))
    if data.draw(st.booleans()):
        packed[place] ^= data.draw(st.integers(1, 255))
    else:
        del packed[place:]
    with pytest.raises(DAMAGED):
        _unpack(bytes(packed))


@given(st.lists(st.tuples(st.text(), st.integers())), st.randoms())
def test_the_order_of_elements_says_nothing(elements: list[object], random: Random) -> None:
    shuffled = list(elements)
    random.shuffle(shuffled)
    assert digest_of(shuffled) == digest_of(elements)
    assert digest_of([*elements, ("another", 0)]) != digest_of(elements)


@given(st.lists(st.none() | st.integers(0, 10**12)))
def test_shards_grow_with_the_input_within_bounds(sizes: list[int | None]) -> None:
    assert FEWEST <= shards_for(sizes) <= shards_for([*sizes, 10**9]) <= MOST


def shout(keyed: tuple[int, list[str]]) -> Iterator[Out]:
    for word in sorted(keyed[1]):
        with Path(os.environ["SHOUTED"]).open("a") as log:
            log.write(f"{word}\n")
        yield ("loud", word.upper()) if word != "psst" else ("rejected", word)


def run(kept: Kept, words: list[str], out: Path, *also: str) -> tuple[list[str], dict[str, int]]:
    pipeline = beam.Pipeline(runner=fn_runner.FnApiRunner())
    stage = run_kept("shout", shout, kept=kept, main="loud", tags=["rejected"], also=also)
    found = (
        pipeline
        | beam.Create(words)
        | beam.Map(lambda word: (kept.shard_of(word), word))
        | beam.GroupByKey()
        | stage
    )
    everything = (found.loud, found.rejected) | beam.Flatten()
    _ = (
        everything
        | beam.combiners.ToList()
        | beam.Map(lambda all_: out.write_text("\n".join(sorted(all_))))
    )
    result = pipeline.run()
    result.wait_until_finish()
    counters = {
        c.key.metric.name: c.result
        for c in result.metrics().query()["counters"]
        if c.key.metric.namespace == NAMESPACE
    }
    return out.read_text().splitlines(), counters


def test_a_stage_does_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("SHOUTED", str(log))
    kept = Kept(str(tmp_path / "work"), 3)
    words = [f"word{n}" for n in range(20)] + ["psst"]
    first, counted = run(kept, words, tmp_path / "out")
    assert first == sorted([*(f"WORD{n}" for n in range(20)), "psst"])
    assert counted[counter_of("shout", made=True)] == 3
    assert len(log.read_text().splitlines()) == 21
    # In another order, one shard damaged and another gone: those two are done again.
    damaged, gone, _ = sorted((tmp_path / "work" / "shout").iterdir())
    damaged.write_bytes(damaged.read_bytes()[:-3])
    gone.unlink()
    again, counted = run(kept, words[::-1], tmp_path / "out")
    assert again == first
    assert counted[counter_of("shout", made=True)] == 2
    assert counted[counter_of("shout", made=False)] == 1
    assert (counted["shout/loud"], counted["shout/rejected"]) == (20, 1)
    # Other words in a shard, or another way to do it, are other work.
    _, counted = run(kept, [*words, "more"], tmp_path / "out")
    assert counted[counter_of("shout", made=True)] == 1
    _, counted = run(kept, words, tmp_path / "out", "louder")
    assert counted[counter_of("shout", made=True)] == 3


def test_nothing_is_kept_where_there_is_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOUTED", str(tmp_path / "log"))
    found, counted = run(NOT_KEPT, ["a", "b"], tmp_path / "out")
    assert found == ["A", "B"]
    assert counter_of("shout", made=True) not in counted
