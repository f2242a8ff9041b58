"""policy.toml: the rules by which entries enter a store, rise, fall and expire.

Written with its defaults before the first entry and never overwritten: it belongs to whoever keeps
the store. A snapshot's manifest records the values that it was made under.
"""

from __future__ import annotations

import dataclasses
import datetime
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tracemine.schemas import content_id
from tracemine.schemas.records import DOMAINS
from tracemine.store.errors import RequestError

#: The file's name in a store.
POLICY_FILE = "policy.toml"

#: Fewer decided instances between two variants say nothing of their being one procedure.
MIN_DECIDED = 2

#: Days after which an entry of each domain must have been verified again; 0 is never.
DEFAULT_DAYS = {"math": 0, "code": 365, "stem": 730, "other": 365}

DEFAULT_TEXT = """\
# The rules of this tracemine store. Edit them freely: a change takes effect with the next snapshot,
# whose manifest records the values that it was made under. A key that is left out has its default.

[gate]
# A variant enters the store when it passes on at least this many held-out instances: other values
# than its own, from another problem, or a test that admission did not use. Its own instance never
# counts. With 1, a routine that is right once by chance gets in.
min_replays = 2

# How many instances a variant is replayed on at most: those of routines with the same code as its
# own, and those of all other routines in its group together. More is more evidence and more time;
# where there are more instances, the sample is taken by hash.
replay_own = 64
replay_others = 64

[promotion]
# A verified entry becomes canonical after passes on at least this many distinct problems ...
promote_after = 3
# ... if it is right on at least this share of all instances that words proposed for it. The share
# is honest about words: it falls when the same words also stand for another method.
promote_rate = 0.5

[demotion]
# What passed before and now fails is quarantined at once where the verdict is deterministic. Where
# it is not (replays by a model, judges), it is quarantined when its share of passes is below this.
demote_rate = 0.5

[expiry_days]
# Days since the last verification after which an entry is flagged as expired until it is verified
# again; 0 is never. What is proven in mathematics stays so; libraries and sources change.
math = 0
code = 365
stem = 730
other = 365
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """The values of a policy.toml. Rates are shares in [0, 1]; ``expiry_days`` maps a domain to
    days, 0 for never.

    Raises:
        RequestError: naming the key, if a value is not of its kind or out of its range.
    """

    min_replays: int = 2
    replay_own: int = 64
    replay_others: int = 64
    promote_after: int = 3
    promote_rate: float = 0.5
    demote_rate: float = 0.5
    expiry_days: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_DAYS))

    def __post_init__(self) -> None:
        for name in ("min_replays", "promote_after", "replay_own"):
            _check_count(name, getattr(self, name), least=1)
        _check_count("replay_others", self.replay_others, least=0)
        if self.replay_own + self.replay_others < self.min_replays:
            raise RequestError(
                f"{POLICY_FILE}: replay_own + replay_others must be at least min_replays "
                f"({self.min_replays}), or nothing can enter"
            )
        for name in ("promote_rate", "demote_rate"):
            _check_rate(name, getattr(self, name))
        for domain, days in self.expiry_days.items():
            if domain not in DOMAINS:
                raise RequestError(
                    f"{POLICY_FILE}: expiry_days.{domain}: not a domain ({', '.join(DOMAINS)})"
                )
            _check_count(f"expiry_days.{domain}", days, least=0)
        object.__setattr__(self, "expiry_days", DEFAULT_DAYS | dict(self.expiry_days))

    def values(self) -> dict[str, Any]:
        """Every value by key, plain."""
        return {
            f.name: dict(value) if isinstance(value, Mapping) else value
            for f in dataclasses.fields(self)
            for value in [getattr(self, f.name)]
        }

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Policy:
        """The policy that `values` was taken from; keys it does not know are ignored, because a
        manifest may come from a later version."""
        known = {f.name for f in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    def expires_at(self, domain: str, last_verified: str) -> str | None:
        """When an entry of ``domain`` that was last verified at ``last_verified`` (ISO 8601 text)
        expires, in the same form; None for never."""
        days = self.expiry_days.get(domain, 0)
        if not days:
            return None
        verified = datetime.datetime.fromisoformat(last_verified)
        return (verified + datetime.timedelta(days=days)).isoformat()


def policy_hash(policy: Policy) -> str:
    """The same for policies with equal values, whatever their comments and order."""
    return content_id("policy", policy.values())


#: Table of policy.toml -> its keys that are fields of `Policy`.
_TABLES = {
    "gate": ("min_replays", "replay_own", "replay_others"),
    "promotion": ("promote_after", "promote_rate"),
    "demotion": ("demote_rate",),
}


def parse_policy(text: str) -> Policy:
    """The policy of a policy.toml.

    Raises:
        RequestError: naming the key, if the text is no TOML, or has a key or value that it must
            not have.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RequestError(f"{POLICY_FILE} is not valid TOML: {error}") from error
    values: dict[str, Any] = {}
    for table, content in raw.items():
        if table not in (*_TABLES, "expiry_days"):
            raise RequestError(f"{POLICY_FILE}: unknown key {table!r}")
        if not isinstance(content, dict):
            raise RequestError(f"{POLICY_FILE}: {table} must be a table: [{table}]")
        if table == "expiry_days":
            values[table] = content
            continue
        for key, value in content.items():
            if key not in _TABLES[table]:
                raise RequestError(f"{POLICY_FILE}: unknown key {table}.{key}")
            values[key] = value
    return Policy(**values)


def _check_count(name: str, value: Any, *, least: int) -> None:
    if type(value) is not int or value < least:
        raise RequestError(
            f"{POLICY_FILE}: {name} must be a whole number of at least {least}, not {value!r}"
        )


def _check_rate(name: str, value: Any) -> None:
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise RequestError(f"{POLICY_FILE}: {name} must be a number from 0 to 1, not {value!r}")
