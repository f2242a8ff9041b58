"""policy.toml: the rules by which entries enter a store, rise, fall and expire.

Written with its defaults before the first entry and never overwritten: it belongs to whoever keeps
the store. A snapshot's manifest records the values that it was made under.
"""

from __future__ import annotations

import dataclasses
import datetime
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
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

#: A hundred years, which is as good as never.
MOST_DAYS = 36_500

#: How much of a library's version must change for code that imports it to expire.
LIBRARY_CHANGES = ("never", "major", "minor", "any")

DEFAULT_TEXT = """\
# The rules of this tracemine store. Edit them freely: a change takes effect with the next refresh
# or verify, which settle every entry by it ([merge] with the next merge, too). The manifest of each
# snapshot records the values that it was made under. A key that is left out has its default.

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
# is honest about words: it falls when the same words also stand for another method. An entry that
# no longer shows both, because more is known of it or a source was withdrawn, is verified again.
promote_rate = 0.5

[demotion]
# What passed before and now fails, though its preconditions hold, is quarantined at once where the
# verdict is deterministic. Where it is not (replays by a model, judges), it is quarantined when its
# share of passes is below this. Nothing but `tracemine review` lets an entry out of quarantine. An
# entry that fails where it never passed, on an instance of a neighbour, is not quarantined: if both
# were one entry they part. One that is left with fewer than min_replays passes waits as candidate.
demote_rate = 0.5

[merge]
# Two entries become one when their words are near (1 less the cosine of their vectors is at most
# this) and their variants behave alike: each two of them passed on at least so many instances of
# each other, and failed on none. The entry that is older keeps its id; the other id stands for it
# from then on. A distance of 0 merges only what is said in the same words, a negative one nothing.
merge_distance = 0.3
merge_passes = 2

[expiry_days]
# Days since the last verification after which an entry is flagged as expired until it is verified
# again; 0 is never. What is proven in mathematics stays so; libraries and sources change. An entry
# gets its day when it is verified, so another number counts from the next time on.
math = 0
code = 365
stem = 730
other = 365

[expiry_libraries]
# Code is worth what the libraries that it imports are. An entry of the domain code expires, too,
# when one of them has another version than the entry was last verified with: another "major"
# version (1.26 and 2.0), another "minor" one (2.0 and 2.1), "any" other version, or "never".
change = "major"

[expiry_sources]
# Days for entries of the domain stem by their source, in place of those above: the name of a source
# or a pattern, e.g. "drug-labels/*" = 180. Of several that fit the longest counts; an entry
# that rests on several sources lives as long as the longest lived of them.
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """The values of a policy.toml. Rates are shares in [0, 1]; ``expiry_days`` maps a domain to
    days, ``expiry_sources`` the name of a source, or a pattern; 0 for never.

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
    merge_distance: float = 0.3
    merge_passes: int = 2
    library_change: str = "major"
    expiry_sources: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("min_replays", "promote_after", "replay_own", "merge_passes"):
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
            _check_count(f"expiry_days.{domain}", days, least=0, most=MOST_DAYS)
        object.__setattr__(self, "expiry_days", DEFAULT_DAYS | dict(self.expiry_days))
        for source, days in self.expiry_sources.items():
            _check_count(f"expiry_sources.{source!r}", days, least=0, most=MOST_DAYS)
        object.__setattr__(self, "expiry_sources", dict(self.expiry_sources))
        distance = self.merge_distance
        if type(distance) not in (int, float) or not -1 <= distance <= 2:
            raise RequestError(
                f"{POLICY_FILE}: merge_distance must be a number from -1 to 2, not {distance!r}"
            )
        if self.library_change not in LIBRARY_CHANGES:
            raise RequestError(
                f"{POLICY_FILE}: expiry_libraries.change is one of {', '.join(LIBRARY_CHANGES)}, "
                f"not {self.library_change!r}"
            )

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

    def expires_at(
        self, domain: str, last_verified: str, sources: Collection[str] = ()
    ) -> str | None:
        """When an entry of ``domain`` that rests on ``sources`` and was last verified at
        ``last_verified`` (ISO 8601 text) expires, in the same form; None for never."""
        found = [self.expiry_days.get(domain, 0)]
        if domain == "stem" and sources:
            found = [self._days_of(source) for source in sources]
        if 0 in found:
            return None
        days = max(found)
        verified = datetime.datetime.fromisoformat(last_verified)
        return (verified + datetime.timedelta(days=days)).isoformat()

    def _days_of(self, source: str) -> int:
        fitting = [name for name in self.expiry_sources if fnmatchcase(source, name)]
        if not fitting:
            return self.expiry_days.get("stem", 0)
        return self.expiry_sources[max(fitting, key=lambda name: (len(name), name))]


def policy_hash(policy: Policy) -> str:
    """The same for policies with equal values, whatever their comments and order."""
    return content_id("policy", policy.values())


#: Table of policy.toml -> its keys that are fields of `Policy`.
_TABLES = {
    "gate": ("min_replays", "replay_own", "replay_others"),
    "promotion": ("promote_after", "promote_rate"),
    "demotion": ("demote_rate",),
    "merge": ("merge_distance", "merge_passes"),
    "expiry_libraries": ("change",),
}

#: Tables of policy.toml that are fields of `Policy` themselves.
_MAPPINGS = ("expiry_days", "expiry_sources")
#: Keys of policy.toml that are fields of another name.
_FIELDS: Mapping[str, str] = {"change": "library_change"}


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
        if table not in (*_TABLES, *_MAPPINGS):
            raise RequestError(f"{POLICY_FILE}: unknown key {table!r}")
        if not isinstance(content, dict):
            raise RequestError(f"{POLICY_FILE}: {table} must be a table: [{table}]")
        if table in _MAPPINGS:
            values[table] = content
            continue
        for key, value in content.items():
            if key not in _TABLES[table]:
                raise RequestError(f"{POLICY_FILE}: unknown key {table}.{key}")
            values[_FIELDS.get(str(key), str(key))] = value
    return Policy(**values)


def _check_count(name: str, value: Any, *, least: int, most: int | None = None) -> None:
    if type(value) is not int or value < least or (most is not None and value > most):
        upto = "" if most is None else f" and at most {most:,}"
        raise RequestError(
            f"{POLICY_FILE}: {name} must be a whole number of at least {least}{upto}, not {value!r}"
        )


def _check_rate(name: str, value: Any) -> None:
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise RequestError(f"{POLICY_FILE}: {name} must be a number from 0 to 1, not {value!r}")
