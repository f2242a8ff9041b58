"""policy.toml: defaults, what is refused, what a hash stands for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.store import Policy, RequestError, policy_hash
from tracemine.store.policy import DEFAULT_TEXT, parse_policy


def test_the_written_defaults_are_the_defaults() -> None:
    assert parse_policy(DEFAULT_TEXT) == Policy()
    assert parse_policy("") == Policy()
    assert (Policy().min_replays, Policy().promote_after) == (2, 3)


def test_every_key_is_explained_before_it_stands() -> None:
    lines = DEFAULT_TEXT.splitlines()
    for table in (
        "gate", "promotion", "demotion", "merge", "expiry_days", "expiry_libraries",
        "expiry_sources",
    ):  # fmt: skip
        assert lines[lines.index(f"[{table}]") + 1].startswith("# ")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[gate]\nmin_replays = 0", "min_replays"),
        ("[gate]\nmin_replays = true", "min_replays"),
        ("[gate]\nmin_replays = '2'", "min_replays"),
        ("[gate]\nmin_replay = 2", "gate.min_replay"),
        ("[gate]\nreplay_own = 1\nreplay_others = 0", "replay_own"),
        ("[promotion]\npromote_rate = 1.5", "promote_rate"),
        ("[promotion]\npromote_rate = nan", "promote_rate"),
        ("[demotion]\ndemote_rate = -0.1", "demote_rate"),
        ("[expiry_days]\nphysics = 3", "physics"),
        ("[expiry_days]\nmath = -1", "expiry_days.math"),
        ("[expiry_days]\ncode = 10000000", "expiry_days.code .* at most 36,500"),
        ("[expiry_sources]\n'a*' = -1", "expiry_sources"),
        ("[expiry_libraries]\nchange = 'patch'", "expiry_libraries.change"),
        ("[merge]\nmerge_distance = 3", "merge_distance"),
        ("gate = 3", "gate"),
        ("[gates]", "gates"),
        ("[gate", "TOML"),
    ],
)
def test_a_wrong_value_is_refused_by_name_in_one_line(text: str, named: str) -> None:
    with pytest.raises(RequestError, match=named) as caught:
        parse_policy(text)
    assert "\n" not in str(caught.value)


policies = st.builds(
    Policy,
    min_replays=st.integers(1, 50),
    replay_own=st.integers(50, 500),
    replay_others=st.integers(0, 500),
    promote_after=st.integers(1, 50),
    promote_rate=st.floats(0, 1),
    demote_rate=st.floats(0, 1),
    merge_distance=st.floats(-1, 2),
    library_change=st.sampled_from(["never", "major", "minor", "any"]),
    expiry_sources=st.dictionaries(st.text("ab*", min_size=1), st.integers(0, 9)),
    expiry_days=st.dictionaries(
        st.sampled_from(["math", "code", "stem", "other"]), st.integers(0, 9)
    ),
)


@given(policies)
def test_values_give_the_policy_again(policy: Policy) -> None:
    again = Policy.from_values(policy.values() | {"of_a_later_version": 1})
    assert again == policy
    assert policy_hash(again) == policy_hash(policy)


@given(policies, policies)
def test_a_hash_stands_for_the_values(one: Policy, other: Policy) -> None:
    assert (policy_hash(one) == policy_hash(other)) == (one.values() == other.values())


def test_expiry_counts_days_from_the_last_verification() -> None:
    policy = Policy(expiry_days={"code": 2})
    assert policy.expires_at("math", "2025-01-31T00:00:00+00:00") is None
    assert policy.expires_at("code", "2025-01-31T00:00:00+00:00") == "2025-02-02T00:00:00+00:00"


def test_stem_expires_by_its_source_and_lives_as_long_as_the_longest_lived() -> None:
    policy = Policy(
        expiry_days={"stem": 10}, expiry_sources={"drugs/*": 1, "drugs/old": 2, "constants": 0}
    )

    def days(*sources: str, domain: str = "stem") -> str | None:
        end = policy.expires_at(domain, "2025-01-01T00:00:00+00:00", sources)
        return end and end[8:10]

    assert [days("drugs/new"), days("drugs/old"), days("else"), days()] == ["02", "03", "11", "11"]
    assert [days("drugs/new", "else"), days("drugs/new", "constants")] == ["11", None]
    assert days("drugs/new", domain="math") is None
