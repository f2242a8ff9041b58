"""The rules by which an entry rises, falls and expires."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas import Library
from tracemine.store import Policy
from tracemine.store.lifecycle import Failure, Standing, changes_of
from tracemine.store.lifecycle.rules import events_of, has_changed

AS_OF = "2026-03-01T00:00:00+00:00"
POLICY = Policy()
GOOD = Standing("math", entered=True, passed=3, problems=3, judged=0, rate=0.9)
FAILURE = Failure("v", "i", "fail", "7 is not 8")


def steps(before: str, now: Standing, **installed: str) -> list[tuple[str, str]]:
    found = changes_of(before, now, POLICY, AS_OF, installed)
    return [(change.to, change.rule) for change in found]


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ("", replace(GOOD, entered=False), [("candidate", "awaits held-out instances")]),
        ("", replace(GOOD, problems=2), [("verified", "min_replays")]),
        ("", GOOD, [("verified", "min_replays"), ("canonical", "promote_after")]),
        ("candidate", replace(GOOD, rate=0.4), [("verified", "min_replays")]),
        ("verified", GOOD, [("canonical", "promote_after")]),
        ("verified", replace(GOOD, judged=1), []),
        ("canonical", GOOD, []),
        ("canonical", replace(GOOD, rate=0.4), [("verified", "below promote_rate")]),
        ("canonical", replace(GOOD, problems=2), [("verified", "below promote_rate")]),
        ("verified", replace(GOOD, entered=False), [("candidate", "below min_replays")]),
        ("canonical", replace(GOOD, failures=(FAILURE,)), [("quarantined", "regression")]),
        ("expired", replace(GOOD, failures=(FAILURE,)), [("quarantined", "regression")]),
        ("candidate", replace(GOOD, entered=False, failures=(FAILURE,)), []),
        ("canonical", replace(GOOD, undetermined=(1, 3)), [("quarantined", "demote_rate")]),
        ("canonical", replace(GOOD, undetermined=(2, 4)), []),
        ("canonical", replace(GOOD, undetermined=(0, 1)), []),
        ("expired", GOOD, [("verified", "verified again"), ("canonical", "promote_after")]),
        ("expired", replace(GOOD, verified=False), []),
        ("quarantined", GOOD, []),
        ("quarantined", replace(GOOD, entered=False), []),
        ("merged", GOOD, []),
    ],
)
def test_what_becomes_of_an_entry(
    before: str, now: Standing, expected: list[tuple[str, str]]
) -> None:
    assert steps(before, now) == expected


@pytest.mark.parametrize(
    ("expires_at", "verified", "expected"),
    [
        ("2026-03-01T00:00:00+00:00", False, ["expired"]),
        ("2026-03-01T00:00:00", False, ["expired"]),
        ("2026-03-01T00:00:01+00:00", False, []),
        ("2026-02-01T00:00:00+00:00", True, []),
        (None, False, []),
    ],
)
def test_time_is_up_from_the_moment_that_is_stated(
    expires_at: str | None, verified: bool, expected: list[str]
) -> None:
    now = replace(GOOD, verified=verified, expires_at=expires_at)
    assert [to for to, _ in steps("canonical", now)] == expected


def test_code_expires_with_its_libraries_and_mathematics_does_not() -> None:
    numpy = (Library("numpy", "1.26.4"), Library("nobody", ""))
    now = replace(GOOD, domain="code", verified=False, libraries=numpy)
    assert steps("canonical", now, numpy="2.0.1") == [("expired", "expiry_libraries")]
    assert steps("canonical", now, numpy="1.27.0", nobody="3") == []
    assert steps("canonical", now) == []
    assert steps("canonical", replace(now, domain="math"), numpy="2.0.1") == []
    (change,) = changes_of("verified", replace(now, rate=0), POLICY, AS_OF, {"numpy": "2.0"})
    assert change.evidence == {
        "changed": [{"library": "numpy", "verified_with": "1.26.4", "now": "2.0"}]
    }


@pytest.mark.parametrize(
    ("before", "now", "much"),
    [
        ("1.26.4", "1.26.5", {"any"}),
        ("1.26.4", "1.27", {"any", "minor"}),
        ("1.26.4", "2.26.4", {"any", "minor", "major"}),
        ("1.9", "1.10", {"any", "minor"}),
        ("2", "2.0", {"any", "minor"}),
        ("2.0", "2.0", set()),
    ],
)
def test_how_much_a_version_changed(before: str, now: str, much: set[str]) -> None:
    kinds = ("never", "major", "minor", "any")
    assert {kind for kind in kinds if has_changed(before, now, kind)} == much


standings = st.builds(
    Standing,
    domain=st.sampled_from(["math", "code", "stem", "other"]),
    entered=st.booleans(),
    passed=st.integers(0, 5),
    problems=st.integers(0, 5),
    judged=st.integers(0, 2),
    rate=st.floats(0, 1),
    failures=st.sampled_from([(), (FAILURE,)]),
    undetermined=st.sampled_from([(0, 0), (0, 4), (4, 4)]),
    verified=st.booleans(),
    expires_at=st.sampled_from([None, AS_OF, "2030-01-01T00:00:00+00:00"]),
    libraries=st.sampled_from([(), (Library("numpy", "1.0"),)]),
)


@given(
    st.sampled_from(["", "candidate", "verified", "canonical", "quarantined", "expired"]), standings
)
def test_events_lead_where_nothing_more_is_to_be_changed(before: str, now: Standing) -> None:
    installed = {"numpy": "2.0"}
    changes = changes_of(before, now, POLICY, AS_OF, installed)
    events = events_of("p", before, changes, AS_OF, "000002")
    status = before
    for event in events:
        assert (event.from_status, event.at, event.snapshot) == (status, AS_OF, "000002")
        status = event.to_status
    assert status
    assert changes_of(status, now, POLICY, AS_OF, installed) == ()
    # What is served has shown what the bar asks for, and nothing of it fails.
    if before != "" and status in ("verified", "canonical") and changes:
        assert now.entered and not now.failures
    if before == "quarantined":
        assert status == before
