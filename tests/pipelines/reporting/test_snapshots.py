"""What grew from snapshot to snapshot, beyond what more trajectories explain."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.pipelines.reporting.snapshots import Moment, grown

Gone = Mapping[tuple[str, str, str], int]
REASONS = st.dictionaries(
    st.tuples(st.sampled_from(["trajectory", "span"]), st.just("stage"), st.text("ab", max_size=2)),
    st.integers(0, 50),
)


def moment(came: Mapping[str, int], gone: Gone) -> Moment:
    """A snapshot of which nothing matters but what came and what left."""
    return Moment("000001", "", "mine", "", 0, 0, {}, None, 0.0, 0, came, gone, None, ())


def test_what_grew_beyond_its_share_comes_first() -> None:
    before = {("span", "cut", "usual"): 500, ("span", "cut", "rare"): 1}
    now = {("span", "cut", "usual"): 550, ("span", "cut", "rare"): 31, ("span", "cut", "new"): 1}
    found = grown([moment({"span": 1000}, before), moment({"span": 1100}, now)])
    assert [(one.reason, one.before, one.now) for one in found] == [
        ("rare", 1, 31), ("new", 0, 1), ("usual", 500, 550),
    ]  # fmt: skip
    assert [one.share_before for one in found] == [0.001, 0.0, 0.5]
    assert [one.share_of_new for one in found] == [0.3, 0.01, 0.5]


def test_what_is_lost_of_what_was_kept_has_no_share_of_what_came() -> None:
    now = {("span", "replay", "refuted"): 5}
    (one,) = grown([moment({"span": 100}, {}), moment({"span": 100}, now)])
    assert (one.share_before, one.share_of_new, one.beyond) == (0.0, None, 5)


def test_one_snapshot_grew_from_none() -> None:
    assert grown([moment({"span": 1}, {("span", "cut", "usual"): 1})]) == []


@settings(max_examples=100)
@given(REASONS, REASONS)
def test_every_reason_that_more_left_for_is_told_once(before: Gone, now: Gone) -> None:
    found = grown([moment(_all(before), before), moment(_all(now), now)])
    more = {key for key, n in now.items() if n > before.get(key, 0)}
    assert len(found) == len(more)
    assert {(one.unit, one.stage, one.reason) for one in found} == more


def _all(gone: Gone) -> Mapping[str, int]:
    """As if all that came had left."""
    units = ("trajectory", "span")
    return {unit: sum(n for (of, _, _), n in gone.items() if of == unit) for unit in units}
