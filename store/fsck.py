"""fsck: every file against its manifest, every reference, every invariant.

Checks of files come first; what cannot be trusted is not read further. References and invariants
are queries over the tables, each with the sentence that it proves wrong. A finding is one line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracemine.schemas.arrow import TABLES
from tracemine.schemas.records import STATUSES, VERDICTS
from tracemine.store.cards import cards_query, make_cards, read_cards
from tracemine.store.embedder import DEFAULT_NAME, bundled_fingerprint
from tracemine.store.errors import RequestError, SchemaVersionError, StoreError
from tracemine.store.index import INDEXED, held_vectors, index_number, numbers_of, read_index
from tracemine.store.lifecycle.rules import ACCEPTED, MERGED, REJECTED
from tracemine.store.location import Location, file_sha256, say
from tracemine.store.manifest import (
    MANIFEST,
    MANIFEST_KEYS,
    SNAPSHOTS,
    count_rows,
    load_manifest,
    manifest_of,
)
from tracemine.store.policy import MIN_DECIDED, POLICY_FILE, parse_policy, policy_hash
from tracemine.store.reader import Store
from tracemine.store.snapshot import (
    CLAIM,
    CURRENT,
    Snapshot,
    later_than,
    open_snapshot,
    published_in,
)
from tracemine.store.versions import deciding_versions

#: Findings of one check that are listed one by one; the rest is a number.
LISTED = 20
#: How far from 1 the length of a stored vector may be: rounding to the grid moves it by 0.002.
UNIT_TOLERANCE = 0.01

_ENTRIES = "(SELECT * FROM procedures UNION ALL BY NAME SELECT * FROM candidates)"
#: Whatever has a status: entries, and pointers to tools.
_LIVING = (
    f"(SELECT procedure_id, status FROM {_ENTRIES} "
    "UNION ALL SELECT procedure_id, status FROM tools "
    "UNION ALL SELECT procedure_id, 'merged' AS status FROM merged)"
)
_VARIANTS = f"""(SELECT procedure_id, status, v.* FROM
    (SELECT procedure_id, status, unnest(variants) AS v FROM {_ENTRIES}))"""
_CALLS = """(SELECT procedure_id, status, v.* FROM
    (SELECT procedure_id, status, unnest(variants) AS v FROM tools))"""
_PROVENANCE = f"""(SELECT procedure_id, p.* FROM
    (SELECT procedure_id, unnest(provenance) AS p FROM {_ENTRIES}
    UNION ALL SELECT procedure_id, unnest(provenance) AS p FROM tools))"""


@dataclass(frozen=True, slots=True)
class _Check:
    """``query`` gives a ``subject`` for everything of which ``sentence`` is said."""

    sentence: str
    query: str


def _unique(table: str, column: str) -> _Check:
    return _Check(
        f"occurs more than once as {column} in {table}",
        f"SELECT {column} AS subject FROM {table} GROUP BY 1 HAVING count(*) > 1",
    )


def _known(table: str, column: str, values: Sequence[str]) -> _Check:
    listed = ", ".join(f"'{value}'" for value in values)
    return _Check(
        f"is no known {column} in {table}",
        f"SELECT DISTINCT coalesce({column}, 'null') AS subject FROM {table} "
        f"WHERE {column} IS NULL OR {column} NOT IN ({listed})",
    )


def _checks(min_replays: int) -> list[_Check]:
    served = "('verified', 'canonical')"
    return [
        _Check(
            "occurs more than once as procedure_id in procedures, candidates, tools and merged",
            f"SELECT procedure_id AS subject FROM {_LIVING} GROUP BY 1 HAVING count(*) > 1",
        ),
        _unique("trajectories", "trajectory_id"),
        _unique("spans", "span_id"),
        _unique("instances", "instance_id"),
        _Check(
            "is a variant of more than one entry",
            f"SELECT variant_id AS subject FROM {_VARIANTS} GROUP BY 1 HAVING count(*) > 1",
        ),
        _Check(
            "is a variant with two replays on one instance",
            "SELECT variant_id AS subject FROM replays GROUP BY variant_id, instance_id "
            "HAVING count(*) > 1",
        ),
        _known("procedures", "status", [s for s in STATUSES if s != "candidate"]),
        _known("candidates", "status", ["candidate"]),
        _known("tools", "status", STATUSES),
        _known("replays", "verdict", VERDICTS),
        _unique("clustered", "span_id"),
        _Check(
            "is a span of the store that was not clustered",
            "SELECT span_id AS subject FROM spans ANTI JOIN clustered USING (span_id)",
        ),
        _Check(
            "was clustered without a trajectory of the store",
            "SELECT span_id AS subject FROM clustered ANTI JOIN trajectories USING (trajectory_id)",
        ),
        _Check(
            "was clustered without vectors as long as the others'",
            "SELECT coalesce(span_id, 'null') AS subject FROM clustered "
            "WHERE octet_length(shape) IS NULL OR octet_length(wording) IS NULL "
            "OR octet_length(shape) <> octet_length(wording) OR octet_length(shape) "
            "<> (SELECT max(octet_length(shape)) FROM clustered)",
        ),
        _known("known", "status", STATUSES),
        _unique("known", "span_id"),
        _Check(
            "is a known span without an entry, a variant, a distance or whether it was left out",
            "SELECT coalesce(span_id, 'null') AS subject FROM known WHERE span_id IS NULL "
            "OR procedure_id IS NULL OR variant_id IS NULL OR same_method IS NULL "
            "OR left_out IS NULL OR distance IS NULL OR isnan(distance) "
            "OR distance NOT BETWEEN 0 AND 2",
        ),
        _Check(
            "is a known span left out for an entry that search does not serve, or not for one that "
            "it does",
            "SELECT span_id AS subject FROM known "
            f"WHERE left_out IS DISTINCT FROM (status IN {served})",
        ),
        _Check(
            "is a known span that waits and is neither in the store nor among the rejected",
            "SELECT span_id AS subject FROM known WHERE NOT left_out AND span_id NOT IN "
            "(SELECT span_id FROM spans UNION ALL SELECT record_id FROM rejected)",
        ),
        _Check(
            "is known to be covered and left out, but is not so in rejected, or the other way",
            "SELECT coalesce(k.span_id, r.record_id) AS subject FROM "
            "(SELECT span_id FROM known WHERE left_out) AS k FULL JOIN "
            "(SELECT record_id FROM rejected WHERE stage = 'known') AS r "
            "ON k.span_id = r.record_id WHERE k.span_id IS NULL OR r.record_id IS NULL",
        ),
        _Check(
            "is in trajectories but its outcome is not verified",
            "SELECT trajectory_id AS subject FROM trajectories "
            "WHERE outcome IS DISTINCT FROM 'verified'",
        ),
        _Check(
            "is an entry without variants or provenance",
            f"SELECT procedure_id AS subject FROM {_ENTRIES} "
            "WHERE coalesce(len(variants), 0) = 0 OR coalesce(len(provenance), 0) = 0",
        ),
        _Check(
            "is an entry whose provenance names a trajectory that is not in the store",
            f"SELECT DISTINCT procedure_id AS subject FROM {_PROVENANCE} AS p "
            "ANTI JOIN trajectories USING (trajectory_id)",
        ),
        _Check(
            "is an entry whose provenance quotes what its trace does not say there",
            f"SELECT DISTINCT procedure_id AS subject FROM {_PROVENANCE} AS p "
            "JOIN trajectories AS t USING (trajectory_id) WHERE "
            + _misquotes("p.start", 'p."end"', "p.quote"),
        ),
        _Check(
            "is an entry whose provenance names a span that is not in the store, or stands "
            "elsewhere in its trace",
            # A pointer quotes the beginning of what was handed off.
            f"SELECT DISTINCT procedure_id AS subject FROM {_PROVENANCE} AS p ANTI JOIN "
            '(SELECT span_id, trajectory_id, start, "end", "end" AS least FROM spans UNION ALL '
            'SELECT span_id, trajectory_id, start, "end", start AS least FROM handoff) AS s '
            "ON s.span_id = p.span_id AND s.trajectory_id = p.trajectory_id "
            'AND s.start = p.start AND p."end" BETWEEN s.least AND s."end"',
        ),
        _Check(
            "is an entry whose provenance names a variant that it lacks",
            f"SELECT DISTINCT procedure_id AS subject FROM {_PROVENANCE} AS p "
            f"ANTI JOIN (SELECT procedure_id, variant_id FROM {_VARIANTS} UNION ALL "
            f"SELECT procedure_id, variant_id FROM {_CALLS}) AS v USING (procedure_id, variant_id)",
        ),
        _Check(
            "is a span that more than one entry or variant rests on",
            f"SELECT span_id AS subject FROM {_PROVENANCE} GROUP BY 1 HAVING count(*) > 1",
        ),
        _Check(
            "is a span of a trajectory that is not in the store",
            "SELECT span_id AS subject FROM spans ANTI JOIN trajectories USING (trajectory_id)",
        ),
        _Check(
            "is a span that quotes what its trace does not say there",
            "SELECT span_id AS subject FROM spans AS s JOIN trajectories AS t "
            "USING (trajectory_id) WHERE " + _misquotes("s.start", 's."end"', "s.quote"),
        ),
        _Check(
            "is an instance of a trajectory that is not in the store, or of another problem",
            "SELECT instance_id AS subject FROM instances AS i ANTI JOIN trajectories AS t "
            "ON i.trajectory_id = t.trajectory_id AND i.problem_id = t.problem_id",
        ),
        _Check(
            "is a variant whose span is not in the store",
            f"SELECT variant_id AS subject FROM {_VARIANTS} AS v "
            "ANTI JOIN spans AS s ON v.span_id = s.span_id",
        ),
        _Check(
            "is a variant whose instance is not in the store, or not of its span",
            f"SELECT variant_id AS subject FROM {_VARIANTS} AS v ANTI JOIN instances AS i "
            "ON v.instance_id = i.instance_id AND v.span_id = i.span_id",
        ),
        _Check(
            "is a replay's instance that is not in the store",
            "SELECT DISTINCT instance_id AS subject FROM replays "
            "ANTI JOIN instances USING (instance_id)",
        ),
        _Check(
            "is a replay's variant that is neither of an entry nor among the rejected",
            "SELECT DISTINCT variant_id AS subject FROM replays "
            f"ANTI JOIN {_VARIANTS} AS v USING (variant_id) "
            f"ANTI JOIN {_CALLS} AS c USING (variant_id) ANTI JOIN "
            "(SELECT regexp_extract(detail, 'variant ([0-9a-f]{32})', 1) AS variant_id "
            "FROM rejected) AS r USING (variant_id)",
        ),
        _Check(
            "is an event's procedure that is not in the store",
            f"SELECT DISTINCT procedure_id AS subject FROM events "
            f"ANTI JOIN {_LIVING} AS e USING (procedure_id)",
        ),
        *_checks_of_events(),
        _Check(
            f"is a variant of a verified entry with fewer than {min_replays} passes that count "
            "(on other problems than its own, or tests that admission did not use)",
            f"SELECT v.variant_id AS subject FROM {_VARIANTS} AS v "
            "LEFT JOIN spans AS s ON v.span_id = s.span_id "
            "LEFT JOIN trajectories AS own ON s.trajectory_id = own.trajectory_id "
            "LEFT JOIN replays AS r ON r.variant_id = v.variant_id AND r.verdict = 'pass' "
            "LEFT JOIN instances AS i ON i.instance_id = r.instance_id "
            f"WHERE v.status IN {served} GROUP BY 1 HAVING count(*) FILTER ("
            "i.checked AND (i.origin = 'test' OR (i.problem_id <> own.problem_id "
            f"AND i.instance_id <> v.instance_id))) < {min_replays}",
        ),
        _Check(
            "is an entry that is canonical by passes that a model judged, and by no others",
            "SELECT procedure_id AS subject FROM "
            f"(SELECT * FROM {_VARIANTS} WHERE status = 'canonical') AS v "
            "JOIN replays AS r ON r.variant_id = v.variant_id AND r.verdict = 'pass' "
            "GROUP BY 1 HAVING bool_and(regexp_matches(r.verifier, '(^|[+])judge$'))",
        ),
        _Check(
            "is a variant without code that passed on something without a model",
            f"SELECT DISTINCT v.variant_id AS subject FROM {_VARIANTS} AS v "
            "JOIN replays AS r ON r.variant_id = v.variant_id AND r.verdict = 'pass' "
            "WHERE coalesce(v.code, '') = '' AND NOT starts_with(r.verifier, 'model:')",
        ),
        _Check(
            "is a variant that fails on an instance of another variant of its entry",
            f"SELECT DISTINCT v.variant_id AS subject FROM {_VARIANTS} AS v "
            f"JOIN {_PROVENANCE} AS p ON p.procedure_id = v.procedure_id "
            "AND p.variant_id <> v.variant_id JOIN instances AS i ON i.span_id = p.span_id "
            "JOIN replays AS r ON r.variant_id = v.variant_id AND r.instance_id = i.instance_id "
            "WHERE r.verdict IN ('fail', 'error', 'timeout')",
        ),
        _Check(
            f"is an entry with two variants that passed on fewer than {MIN_DECIDED} instances "
            "of each other",
            f"WITH pairs AS (SELECT procedure_id, a.variant_id AS one, b.variant_id AS other "
            f"FROM {_VARIANTS} AS a JOIN {_VARIANTS} AS b USING (procedure_id) "
            "WHERE a.variant_id < b.variant_id), passed AS (SELECT "
            "least(r.variant_id, p.variant_id) AS one, "
            "greatest(r.variant_id, p.variant_id) AS other, count(*) AS n "
            f"FROM {_PROVENANCE} AS p JOIN instances AS i ON i.span_id = p.span_id "
            "JOIN replays AS r ON r.instance_id = i.instance_id "
            "WHERE r.verdict = 'pass' GROUP BY 1, 2) "
            "SELECT DISTINCT procedure_id AS subject FROM pairs LEFT JOIN passed "
            f"USING (one, other) WHERE coalesce(n, 0) < {MIN_DECIDED}",
        ),
        _Check(
            "is a variant whose passes or attempts are not those of its replays",
            f"SELECT v.variant_id AS subject FROM (SELECT * FROM {_VARIANTS} UNION ALL BY NAME "
            f"SELECT * FROM {_CALLS}) AS v LEFT JOIN replays AS r ON r.variant_id = v.variant_id "
            "GROUP BY v.variant_id, v.passes, v.attempts "
            "HAVING v.passes <> count(*) FILTER (r.verdict = 'pass') "
            "OR v.attempts <> count(*) FILTER (r.verdict <> 'unsupported')",
        ),
        _Check(
            "is an entry whose success rate is not that of its first variant",
            f"SELECT procedure_id AS subject FROM {_ENTRIES} WHERE len(variants) > 0 AND "
            "abs(success_rate - CASE WHEN variants[1].attempts = 0 THEN 0 "
            "ELSE variants[1].passes / variants[1].attempts END) > 1e-9",
        ),
        _Check(
            "is an entry whose evidence counts a token less than once, or twice",
            "SELECT DISTINCT procedure_id AS subject FROM "
            f"(SELECT procedure_id, unnest(evidence) AS e FROM {_ENTRIES}) GROUP BY procedure_id, "
            "e.token HAVING count(*) > 1 OR NOT coalesce(min(e.count), 0) > 0",
        ),
        _Check(
            "is an entry whose evidence is not in order of its tokens",
            f"SELECT procedure_id AS subject FROM {_ENTRIES} WHERE evidence <> list_sort(evidence)",
        ),
        *_checks_of_tools(min_replays),
    ]


def _checks_of_events() -> list[_Check]:
    return [
        _Check(
            "is an entry whose events do not end with its status, or do not follow each other",
            # Each status was left as often as it was reached, but for nothing at all, which was
            # left once, and the one that the entry has.
            "WITH met AS ("
            'SELECT procedure_id, "to" AS status, 1 AS n FROM events UNION ALL '
            'SELECT procedure_id, "from" AS status, -1 AS n FROM events UNION ALL '
            f"SELECT procedure_id, status, -1 AS n FROM {_LIVING} UNION ALL "
            f"SELECT procedure_id, '' AS status, 1 AS n FROM {_LIVING}) "
            f"SELECT DISTINCT procedure_id AS subject FROM met SEMI JOIN {_LIVING} AS e "
            "USING (procedure_id) GROUP BY procedure_id, status HAVING sum(n) <> 0",
        ),
        _Check(
            "is an entry with an event that does not say its rule, its evidence or its time",
            "SELECT DISTINCT procedure_id AS subject FROM events WHERE coalesce(rule, '') = '' "
            "OR coalesce(evidence, '') = '' OR coalesce(\"at\", '') = ''",
        ),
        _Check(
            "is an entry that left quarantine without a review",
            "SELECT DISTINCT procedure_id AS subject FROM events "
            f"WHERE \"from\" = 'quarantined' AND rule NOT IN ('{ACCEPTED}', '{REJECTED}', "
            f"'{MERGED}')",
        ),
        _Check(
            "is merged into an entry that is not in the store",
            "SELECT m.procedure_id AS subject FROM merged AS m "
            f'ANTI JOIN {_ENTRIES} AS e ON m."into" = e.procedure_id',
        ),
        _Check(
            "is an expired entry that neither a time nor a library could have made so",
            f"SELECT procedure_id AS subject FROM {_ENTRIES} WHERE status = 'expired' "
            "AND expires_at IS NULL AND coalesce(len(libraries), 0) = 0",
        ),
    ]


def _checks_of_tools(min_replays: int) -> list[_Check]:
    served = "('verified', 'canonical')"
    return [
        _Check(
            f"is a tool pointer that is served with fewer than {min_replays} passes that count "
            "(on other problems than its first, each once, or tests that admission did not use)",
            f"SELECT v.procedure_id AS subject FROM {_CALLS} AS v "
            "LEFT JOIN handoff AS h ON h.span_id = v.span_id "
            "LEFT JOIN trajectories AS own ON own.trajectory_id = h.trajectory_id "
            "LEFT JOIN replays AS r ON r.variant_id = v.variant_id AND r.verdict = 'pass' "
            "LEFT JOIN instances AS i ON i.instance_id = r.instance_id AND i.checked "
            "AND i.instance_id <> v.instance_id "
            "AND (i.origin = 'test' OR i.problem_id <> own.problem_id) "
            f"WHERE v.status IN {served} GROUP BY 1 HAVING count(DISTINCT "
            "CASE i.origin WHEN 'test' THEN i.instance_id ELSE i.problem_id END) "
            f"< {min_replays}",
        ),
        _Check(
            "is a replay of a tool pointer on an instance that is not of its hand-offs",
            f"SELECT DISTINCT v.procedure_id AS subject FROM {_CALLS} AS v "
            "JOIN replays AS r ON r.variant_id = v.variant_id "
            "JOIN instances AS i ON i.instance_id = r.instance_id ANTI JOIN handoff AS h "
            "ON h.span_id = i.span_id AND h.tool_id = v.procedure_id",
        ),
        _Check(
            "is an instance of a hand-off that no replay is on, nor a tool pointer's own",
            "SELECT i.instance_id AS subject FROM instances AS i SEMI JOIN handoff AS h "
            "ON h.span_id = i.span_id ANTI JOIN replays AS r ON r.instance_id = i.instance_id "
            f"ANTI JOIN {_CALLS} AS v ON v.instance_id = i.instance_id",
        ),
        _Check(
            "is a hand-off that points to a tool that is not in the store",
            "SELECT span_id AS subject FROM handoff ANTI JOIN tools "
            "ON tool_id = procedure_id WHERE tool_id IS NOT NULL",
        ),
        _Check(
            "is a hand-off that points to a tool and is of another kind",
            "SELECT span_id AS subject FROM handoff WHERE tool_id IS NOT NULL AND kind <> 'tool'",
        ),
        _Check(
            "is a tool pointer whose spans or problems are not those of its hand-offs",
            "SELECT t.procedure_id AS subject FROM tools AS t LEFT JOIN handoff AS h "
            "ON h.tool_id = t.procedure_id LEFT JOIN trajectories USING (trajectory_id) "
            "GROUP BY t.procedure_id, t.spans, t.problems "
            "HAVING t.spans <> count(h.span_id) OR t.problems <> count(DISTINCT problem_id)",
        ),
        _Check(
            "is a tool pointer whose first span is none of its hand-offs",
            "SELECT t.procedure_id AS subject FROM tools AS t ANTI JOIN handoff AS h "
            "ON t.variants[1].span_id = h.span_id AND t.procedure_id = h.tool_id",
        ),
        _Check(
            "is a tool pointer without a variant, a tool, provenance or a domain of its domains",
            "SELECT procedure_id AS subject FROM tools WHERE coalesce(len(variants), 0) <> 1 "
            "OR coalesce(tool, '') = '' OR coalesce(len(provenance), 0) = 0 "
            "OR NOT coalesce(list_contains(domains, domain), false)",
        ),
        _Check(
            "is a tool pointer whose passes are not its success rate",
            "SELECT procedure_id AS subject FROM tools WHERE "
            "variants[1].passes > variants[1].attempts OR "
            "abs(success_rate - CASE WHEN variants[1].attempts = 0 THEN 0 "
            "ELSE variants[1].passes / variants[1].attempts END) > 1e-9",
        ),
    ]


def _misquotes(start: str, end: str, quote: str) -> str:
    # DuckDB counts characters from 1, as code points like Python.
    return f"substring(t.trace, {start} + 1, {end} - {start}) IS DISTINCT FROM {quote}"


def fsck(store: str) -> list[str]:
    """Everything that is wrong with the live snapshot of ``store``, and with the files of those
    that are kept beside it, a line each; empty if it is sound. Reads every file once, and the
    tables' columns that are checked.

    Raises:
        RequestError: if there is no store at all at ``store``, or one that may not be read or is
            of another schema version, of which nothing can be checked.
    """
    location = Location.of(store)
    try:
        if not any(location.exists(name) for name in (CURRENT, SNAPSHOTS, POLICY_FILE)):
            raise RequestError(f"no store at {store}: make one with tracemine mine")
    except OSError as error:
        raise StoreError(f"cannot read the store {store}: {say(error)}") from error
    findings = list(_check_policy(location))
    try:
        snapshot = open_snapshot(store)
    except SchemaVersionError:
        raise
    except StoreError as error:
        return [*findings, str(error)]
    try:
        return [*findings, *_check_snapshot(snapshot), *_check_kept(snapshot)]
    finally:
        snapshot.close()


def _check_snapshot(snapshot: Snapshot) -> list[str]:
    findings = [*_check_manifest(snapshot), *_check_later(snapshot)]
    damaged = list(_check_listed(snapshot))
    findings += [*damaged, *_check_unlisted(snapshot)]
    if damaged:
        return [
            *findings,
            "references and counts were not checked, because files are damaged",
        ]
    try:
        reader = Store(snapshot, checked=True)
        findings += _check_tables(reader)
        findings += _check_event_snapshots(reader)
        findings += _check_indexes(reader)
        findings += _check_ledger(reader)
    except StoreError as error:
        findings.append(str(error))
    return findings


def _check_manifest(snapshot: Snapshot) -> Iterator[str]:
    for key in MANIFEST_KEYS:
        if key not in snapshot.manifest:
            yield f"{MANIFEST} does not say {key}"
    for name in deciding_versions():
        if name not in snapshot.manifest.get("versions", {}):
            yield f"{MANIFEST} does not say which version of {name} made the store"
    embedder, bundled = snapshot.manifest["embedder"], bundled_fingerprint()
    # Any other is compared when it is loaded: it may have to be downloaded.
    if embedder.get("name") == DEFAULT_NAME and embedder.get("fingerprint") != bundled:
        yield (
            f"{MANIFEST}: made with another embedder than {DEFAULT_NAME} is now "
            f"({embedder.get('fingerprint')}, not {bundled}): nothing can be searched"
        )


def _check_later(snapshot: Snapshot) -> Iterator[str]:
    """A snapshot after the live one: CURRENT is an old one, or a run was cut short before it was
    replaced."""
    for name in later_than(snapshot):
        yield (
            f"{CURRENT} names {snapshot.number}, but {SNAPSHOTS}/{name} is there, too: if that "
            f"was published write its number into {CURRENT}, else gc removes it"
        )


def _check_policy(location: Location) -> Iterator[str]:
    try:
        parse_policy(location.read(POLICY_FILE).decode("utf-8"))
    except FileNotFoundError:
        yield f"{POLICY_FILE} is missing"
    except OSError as error:
        yield f"{POLICY_FILE} cannot be read ({say(error)})"
    except UnicodeDecodeError:
        yield f"{POLICY_FILE} is not UTF-8"
    except RequestError as error:
        yield str(error)


def _check_kept(live: Snapshot) -> Iterator[str]:
    """The files of snapshots that are not live, but what the live one has of them, too."""
    location = live.location
    seen = {(entry["path"], entry["sha256"]) for entry in live.manifest["files"]}
    for number in published_in(location):
        if number == live.number:
            continue
        try:
            files = load_manifest(location, number)["files"]
            others = [e for e in files if (e["path"], e["sha256"]) not in seen]
            found = list(_check_files(location, others))
        except (StoreError, RequestError) as error:
            found = [str(error)]
        else:
            seen |= {(entry["path"], entry["sha256"]) for entry in others}
        # What gc has removed meanwhile is not damaged.
        if number in published_in(location):
            yield from (f"snapshot {number}, which is not live: {one}" for one in found)


def _check_listed(snapshot: Snapshot) -> Iterator[str]:
    location = snapshot.location
    location.forget()
    yield from _check_files(location, snapshot.manifest["files"])
    kinds = {entry.get("table") for entry in snapshot.manifest["files"]}
    yield from (f"the manifest lists no file of {table}" for table in TABLES if table not in kinds)
    policy = snapshot.manifest["policy"]
    if policy_hash(snapshot.policy) != policy.get("hash"):
        yield f"{MANIFEST}: the policy's hash is not that of its values"


def _check_files(location: Location, entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    listed: set[str] = set()
    for entry in entries:
        name = entry["path"]
        if name in listed:
            yield f"{name} is listed twice"
        listed.add(name)
        try:
            yield from _check_content(location, entry)
        except FileNotFoundError:
            yield f"{name} is missing"
        except OSError as error:
            yield f"{name} cannot be read ({say(error)})"


def _check_content(location: Location, entry: Mapping[str, Any]) -> Iterator[str]:
    name = entry["path"]
    size = location.size(name)
    if size != entry["bytes"]:
        yield f"{name} has {size} bytes, not {entry['bytes']}"
    elif file_sha256(location, name) != entry["sha256"]:
        yield f"{name} is not what was written: its sha256 differs"
    else:
        yield from _check_count(location, name, entry["rows"])


def _check_count(location: Location, name: str, rows: int) -> Iterator[str]:
    try:
        found = count_rows(location, name)
    except StoreError as error:
        yield str(error)
        return
    if found != rows:
        yield f"{name} has {found} rows, not {rows}"


def _check_unlisted(snapshot: Snapshot) -> Iterator[str]:
    location = snapshot.location
    folder = f"{SNAPSHOTS}/{snapshot.number}"
    listed = {entry["path"] for entry in snapshot.manifest["files"]}
    listed |= {manifest_of(snapshot.number), f"{folder}/{CLAIM}"}
    for name in location.files_under(folder):
        if name not in listed:
            yield f"{name} is not in the manifest"


def _check_tables(reader: Store) -> Iterator[str]:
    for check in _checks(reader.snapshot.policy.min_replays):
        subjects = [row["subject"] for row in reader.rows(check.query + " ORDER BY 1")]
        yield from (f"{subject} {check.sentence}" for subject in subjects[:LISTED])
        if len(subjects) > LISTED:
            yield f"{len(subjects) - LISTED} more: ... {check.sentence}"


def _check_event_snapshots(reader: Store) -> Iterator[str]:
    number = reader.snapshot.number
    late = reader.rows(
        "SELECT DISTINCT procedure_id FROM events WHERE coalesce(snapshot, '') <> '' "
        "AND coalesce(TRY_CAST(snapshot AS BIGINT), 1 << 62) > ? ORDER BY 1",
        [int(number)],
    )
    for row in late[:LISTED]:
        yield f"{row['procedure_id']} has an event of a snapshot that is after {number}"


def _check_indexes(reader: Store) -> Iterator[str]:
    for table in INDEXED:
        if (path := reader.snapshot.cards(table)) is not None:
            expected = make_cards(reader.columns(cards_query(table)))
            if not read_cards(path).equals(expected):
                yield f"the cards of {table} are not what its rows say"
        index = read_index(reader.snapshot.index(table))
        ids = {row["procedure_id"] for row in reader.rows(f"SELECT procedure_id FROM {table}")}
        expected = {index_number(procedure_id) for procedure_id in ids}
        if len(expected) != len(ids):
            yield f"two entries of {table} share a number in the index"
        numbers = set(numbers_of(index).tolist())
        if missing := len(expected - numbers):
            yield f"{missing} entries of {table} are not in its index"
        if extra := len(numbers - expected):
            yield f"the index of {table} has {extra} entries that the table lacks"
        if not index.ntotal:
            continue
        dimension = reader.snapshot.manifest["embedder"].get("dimension")
        if index.d != dimension:
            yield f"vectors of {table} have {index.d} components, the embedder gives {dimension}"
        vectors = held_vectors(index)
        if vectors is None:
            continue  # Coded ones need not be of unit length.
        wrong = int((np.abs(np.linalg.norm(vectors, axis=1) - 1) > UNIT_TOLERANCE).sum())
        if wrong:
            yield f"{wrong} vectors of {table} are not of unit length"


def _check_ledger(reader: Store) -> Iterator[str]:
    ledger = reader.snapshot.manifest.get("ledger")
    if ledger is None:
        yield f"{MANIFEST} has no ledger"
        return
    try:
        trajectories, spans = ledger["trajectories"], ledger["spans"]
        sums = {
            "trajectories read": (trajectories["read"], _sum(trajectories, "read")),
            "spans segmented": (spans["segmented"], _sum(spans, "segmented", "failed")),
        }
        gone = _sum(trajectories, "read", "admitted") + _sum(spans, "segmented", "kept", "handoff")
        statuses, verdicts = ledger["procedures"], ledger["replays"]
        pointers, pointing = ledger["tools"]["pointers"], ledger["tools"]["spans"]
        aimless = _total(ledger["tools"]["none"])
        known = ledger["known"]["left_out"], ledger["known"]["waiting"]
    except (KeyError, TypeError, AttributeError) as error:
        yield f"{MANIFEST}: the ledger lacks a column: {error}"
        return
    for name, (came_in, went_out) in sums.items():
        if came_in != went_out:
            yield f"ledger: {name}: {came_in} came in, {went_out} are accounted for"
    # A first snapshot's ledger tells what is in its tables; a later one's only what was added.
    if reader.snapshot.manifest.get("parent") is not None:
        return
    counted = {
        "trajectories admitted": (trajectories["admitted"], "trajectories"),
        "spans kept": (spans["kept"], "spans"),
        "spans handed off": (_total(spans["handoff"]), "handoff"),
        "rejected, failed and duplicate": (gone, "rejected"),
        "replays": (_total(verdicts), "replays"),
        "known spans left out": (known[0], "known WHERE left_out"),
        "known spans that wait": (known[1], "known WHERE NOT left_out"),
        "hand-offs that point to a tool": (pointing, "handoff WHERE tool_id IS NOT NULL"),
        "hand-offs that point to no tool": (
            aimless,
            "handoff WHERE tool_id IS NULL AND kind = 'tool'",
        ),
    }
    for name, (count, table) in counted.items():
        rows = reader.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"]
        if rows != count:
            yield f"ledger: {name}: {count}, but {table} has {rows} rows"
    for column, relation, expected in (
        ("status", _ENTRIES, statuses),
        ("status", "tools", pointers),
        ("verdict", "replays", verdicts),
    ):
        query = f"SELECT {column} AS name, count(*) AS n FROM {relation} GROUP BY 1 ORDER BY 1"
        found = {row["name"]: row["n"] for row in reader.rows(query)}
        for name in sorted(found.keys() | expected.keys()):
            if found.get(name, 0) != expected.get(name, 0):
                yield (
                    f"ledger: {column} {name}: {expected.get(name, 0)}, "
                    f"the tables have {found.get(name, 0)}"
                )


def _total(count: int | Mapping[str, int]) -> int:
    return sum(count.values()) if isinstance(count, Mapping) else count


def _sum(columns: Mapping[str, Any], *left_out: str) -> int:
    """All columns but some, added up."""
    return sum(_total(count) for name, count in columns.items() if name not in left_out)
