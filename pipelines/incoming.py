"""What a refresh reads: trajectories that a store does not know, cut into spans by the rules."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tracemine.schemas import Rejected, Source, Trajectory, arrow
from tracemine.store import Store
from tracemine.store.lifecycle.rewrite import Rewriting
from tracemine.teachers import make_teacher
from tracemine.transforms import live
from tracemine.transforms.admit import AdmitOptions, admit, compare_known
from tracemine.transforms.read import read_file
from tracemine.transforms.segment import Proposal, route, segment
from tracemine.transforms.stage import HANDOFF, REJECTED
from tracemine.transforms.tool_facts import Pointed, point
from tracemine.verifiers import Sandbox


@dataclass(slots=True)
class Incoming:
    """What came in, and where it went."""

    trajectories: list[Trajectory] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)
    handed_off: list[Pointed] = field(default_factory=list)
    rejected: list[tuple[str, Rejected]] = field(default_factory=list)
    read: int = 0
    known: int = 0
    segmented: int = 0
    #: Of trajectories that the store has, the sources that it did not know.
    sources: dict[str, set[Source]] = field(default_factory=dict)


def read_incoming(
    store: Store, files: Sequence[Any], admission: AdmitOptions, sandbox: Sandbox
) -> Incoming:
    """The trajectories of ``files``, without those that ``store`` has: of these the sources, but of
    copies that say something else, which are rejected. What it has rejected is known, too, if it is
    rejected for the same reason.

    Raises:
        RequestError: if a file cannot be read.
    """
    incoming = Incoming()
    copies: dict[str, list[Trajectory]] = {}
    failed: list[Rejected] = []
    for file in files:
        for output, record in read_file(file):
            incoming.read += 1
            live.count("read", output)
            if output == "trajectories":
                copies.setdefault(record.id, []).append(record)
            else:
                failed.append(record)
    told = _told(store, {*copies, *(record.record_id for record in failed)})
    for record in failed:
        if (record.record_id, record.reason) in told:
            incoming.known += 1
        else:
            incoming.rejected.append(("trajectories", record))
    for row in store.rows(
        "SELECT trajectory_id, sources, reference, tests, test_setup FROM trajectories "
        "WHERE trajectory_id IN (SELECT unnest(?))",
        [sorted(copies)],
    ):
        same = []
        for copy in copies.pop(row["trajectory_id"]):
            refused = compare_known(
                copy, row["reference"], row["tests"], row["test_setup"], admission
            )
            if refused is None:
                same.append(copy)
            elif (refused.record_id, refused.reason) not in told:
                incoming.rejected.append(("trajectories", refused))
                continue
            incoming.known += 1
        more = {source for one in same for source in one.sources}
        more -= {Source(**source) for source in row["sources"]}
        if more:
            incoming.sources[row["trajectory_id"]] = more
    for _, same in sorted(copies.items()):
        found = list(admit(same, admission, sandbox))
        lost = [record for output, record in found if output == REJECTED]
        whole = [record for record in lost if record.fate != "duplicate"]
        known = whole and all((r.record_id, r.reason) in told for r in whole)
        if known and len(lost) == len(found):
            incoming.known += len(same)
            continue
        for output, record in found:
            if output == REJECTED:
                incoming.rejected.append(("trajectories", record))
            else:
                incoming.trajectories.append(record)
    return incoming


def _told(store: Store, ids: Collection[str]) -> set[tuple[str, str]]:
    """Of records with these ids, the reasons for which the store has rejected them."""
    rows = store.rows(
        "SELECT record_id, reason FROM rejected WHERE fate <> 'duplicate' "
        "AND record_id IN (SELECT unnest(?))",
        [sorted(ids)],
    )
    return {(row["record_id"], row["reason"]) for row in rows}


def cut_incoming(incoming: Incoming) -> None:
    """Cut its trajectories, as `segment.Segment` does."""
    teacher = make_teacher("rules")
    for trajectory in incoming.trajectories:
        for output, record in segment(trajectory, teacher):
            live.count("segment", output)
            if output == REJECTED:
                incoming.rejected.append(("spans", record))
                incoming.segmented += record.fate == "rejected"
            elif output == "proposals":
                incoming.segmented += 1
                for routed, what in route(record):
                    if routed == REJECTED:
                        incoming.rejected.append(("spans", what))
                    elif routed == HANDOFF:
                        incoming.handed_off.append(point(what))
                    else:
                        incoming.proposals.append(what)


def write_incoming(incoming: Incoming, store: Store, changes: Rewriting) -> dict[str, Source]:
    """Put its trajectories into ``changes``, what was rejected of it, and what is known now of
    where those come from that the store has. Gives the trajectories for which another source stands
    now, and that one."""
    changes.add("trajectories", map(arrow.trajectory_row, incoming.trajectories))
    changes.add("rejected", (arrow.rejected_row(r) for _, r in incoming.rejected))
    moved: dict[str, Source] = {}
    rows = store.rows(
        "SELECT * FROM trajectories WHERE trajectory_id IN (SELECT unnest(?))",
        [sorted(incoming.sources)],
    )
    for row in rows:
        more = incoming.sources[row["trajectory_id"]]
        sources = sorted({Source(**s) for s in row["sources"]} | more)
        least = sources[0]
        if least in more:
            moved[row["trajectory_id"]] = least
        row["sources"] = [asdict(source) for source in sources]
        row |= {"source": least.dataset, "row": least.row, "licence": least.licence}
    changes.replace("trajectories", "trajectory_id", incoming.sources, rows)
    return moved


__all__ = ["Incoming", "cut_incoming", "read_incoming", "write_incoming"]
