"""fsck: every file against its manifest, every reference, every invariant.

Checks of files come first; what cannot be trusted is not read further. References and invariants
are queries over the tables (`invariants`). A finding is one line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracemine.schemas.arrow import TABLES
from tracemine.store.cards import cards_query, make_cards, read_cards
from tracemine.store.embedder import DEFAULT_NAME, bundled_fingerprint
from tracemine.store.errors import RequestError, SchemaVersionError, StoreError
from tracemine.store.index import INDEXED, held_vectors, index_number, numbers_of, read_index
from tracemine.store.invariants import checks
from tracemine.store.location import Location, file_sha256, say
from tracemine.store.manifest import (
    MANIFEST,
    MANIFEST_KEYS,
    SNAPSHOTS,
    count_rows,
    load_manifest,
    manifest_of,
)
from tracemine.store.policy import POLICY_FILE, parse_policy, policy_hash
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
from tracemine.store.views import ENTRIES

#: What is said of an index that is not what it should be.
REBUILD = ": docs/search.md#rebuild shows how to build it anew"

#: Findings of one check that are listed one by one; the rest is a number.
LISTED = 20
#: How far from 1 the length of a stored vector may be: rounding to the grid moves it by 0.002.
UNIT_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class Examined:
    """What is wrong with a store, a line each, and ``notes``: what could not be looked at, and how
    to go back to what is whole."""

    findings: tuple[str, ...]
    notes: tuple[str, ...] = ()


def fsck(store: str) -> list[str]:
    """Everything that is wrong with the live snapshot of ``store``, and with the files of those
    that are kept beside it, a line each; empty if it is sound. Reads every file once, and the
    tables' columns that are checked.

    Raises:
        RequestError: if there is no store at all at ``store``, or one that may not be read or is
            of another schema version, of which nothing can be checked.
    """
    return list(examine(store).findings)


def examine(store: str) -> Examined:
    """As `fsck`, with notes for who has to mend the store."""
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
        _, whole = _check_kept(location, None, frozenset())
        return Examined((*findings, _said(error)), (_way_back(whole),))
    with snapshot:
        findings += [*_check_manifest(snapshot), *_check_later(snapshot)]
        damaged = list(_check_listed(snapshot))
        findings += [*(finding for _, finding in damaged), *_check_unlisted(snapshot)]
        kept, whole = _check_kept(location, snapshot, {path for path, _ in damaged})
        if damaged:
            unread = "references and counts were not checked, because files are damaged"
            indexes = {entry["path"] for entry in snapshot.manifest["files"] if "index" in entry}
            lost = any(path in indexes for path, _ in damaged)
            anew = (f"an index is damaged{REBUILD}",) if lost else ()
            return Examined((*findings, *kept), (unread, *anew, _way_back(whole)))
        return Examined((*findings, *_check_rows(snapshot), *kept))


def _way_back(whole: Sequence[str]) -> str:
    if not whole:
        return "no other snapshot is whole: bring the files back from a copy, or mine again"
    return (
        f"snapshot {whole[-1]} is whole: to go back to it write {whole[-1]} into {CURRENT}, before "
        "gc removes it"
    )


def _said(error: StoreError | RequestError) -> str:
    """An error as a finding, which does not send to where it stands."""
    return str(error).removesuffix(": run tracemine fsck")


def _check_rows(snapshot: Snapshot) -> list[str]:
    findings: list[str] = []
    try:
        reader = Store(snapshot, checked=True)
        findings += _check_tables(reader)
        findings += _check_event_snapshots(reader)
        findings += _check_indexes(reader)
        findings += _check_ledger(reader)
    except StoreError as error:
        findings.append(_said(error))
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


def _check_kept(
    location: Location, live: Snapshot | None, damaged: Collection[str]
) -> tuple[list[str], list[str]]:
    """What is wrong with the files of snapshots that are not live, but what the live one has of
    them, too, of which ``damaged`` are; and the numbers of those before the live one of which every
    file is whole. Without a live one that can be read: of any."""
    findings, whole = [], []
    entries = [] if live is None else live.manifest["files"]
    seen = {(entry["path"], entry["sha256"]) for entry in entries}
    bad = set(damaged)
    for number in published_in(location):
        if live is not None and number == live.number:
            continue
        paths: set[str] = set()
        try:
            files = load_manifest(location, number)["files"]
            others = [e for e in files if (e["path"], e["sha256"]) not in seen]
            wrong = list(_check_files(location, others))
        except (StoreError, RequestError) as error:
            found = [_said(error)]
        else:
            seen |= {(entry["path"], entry["sha256"]) for entry in others}
            bad |= {path for path, _ in wrong}
            found = [finding for _, finding in wrong]
            paths = {entry["path"] for entry in files}
        # What gc has removed meanwhile is not damaged.
        if number not in published_in(location):
            continue
        findings += [f"snapshot {number}, which is not live: {one}" for one in found]
        if paths and not paths & bad and (live is None or int(number) < int(live.number)):
            whole.append(number)
    return findings, whole


def _check_listed(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """What is wrong with the live snapshot's files: the path of each, and the finding."""
    location = snapshot.location
    location.forget()
    yield from _check_files(location, snapshot.manifest["files"])
    kinds = {entry.get("table") for entry in snapshot.manifest["files"]}
    for table in TABLES:
        if table not in kinds:
            yield MANIFEST, f"the manifest lists no file of {table}"
    policy = snapshot.manifest["policy"]
    if policy_hash(snapshot.policy) != policy.get("hash"):
        yield MANIFEST, f"{MANIFEST}: the policy's hash is not that of its values"


def _check_files(
    location: Location, entries: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    listed: set[str] = set()
    for entry in entries:
        name = entry["path"]
        if name in listed:
            yield name, f"{name} is listed twice"
        listed.add(name)
        try:
            for finding in _check_content(location, entry):
                yield name, finding
        except FileNotFoundError:
            yield name, f"{name} is missing"
        except OSError as error:
            yield name, f"{name} cannot be read ({say(error)})"


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
        yield _said(error)
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
    for check in checks(reader.snapshot.policy.min_replays):
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
        if (written := reader.snapshot.cards(table)) is not None:
            expected = make_cards(reader.columns(cards_query(table)))
            if not read_cards(written[0]).equals(expected):
                yield f"the cards of {table} are not what its rows say"
        index = read_index(reader.snapshot.index(table))
        ids = {row["procedure_id"] for row in reader.rows(f"SELECT procedure_id FROM {table}")}
        expected = {index_number(procedure_id) for procedure_id in ids}
        if len(expected) != len(ids):
            yield f"two entries of {table} share a number in the index"
        numbers = set(numbers_of(index).tolist())
        if missing := len(expected - numbers):
            yield f"{missing} entries of {table} are not in its index{REBUILD}"
        if extra := len(numbers - expected):
            yield f"the index of {table} has {extra} entries that the table lacks{REBUILD}"
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
        ("status", ENTRIES, statuses),
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
