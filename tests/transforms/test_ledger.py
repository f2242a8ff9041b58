"""The ledger adds up, or says where it does not."""

from __future__ import annotations

from tracemine.schemas import Rejected
from tracemine.transforms.ledger import assemble, imbalances, rejected_paths


def rejected(reason: str, fate: str) -> Rejected:
    return Rejected("admit", reason, "id", "detail", "{}", fate)  # type: ignore[arg-type]


def test_every_fate_has_its_column() -> None:
    assert rejected_paths("spans", rejected("why", "rejected")) == [
        (("spans", "rejected", "why"), 1)
    ]
    assert rejected_paths("spans", rejected("why", "failed")) == [(("spans", "failed", "why"), 1)]
    assert rejected_paths("spans", rejected("why", "duplicate")) == [(("spans", "duplicates"), 1)]


def test_a_sound_ledger_adds_up_and_a_lost_record_shows() -> None:
    counts = [
        (("trajectories", "read"), 7),
        (("trajectories", "admitted"), 3),
        (("trajectories", "rejected", "wrong answer"), 2),
        (("trajectories", "duplicates"), 1),
        (("trajectories", "failed", "not JSON"), 1),
        (("spans", "segmented"), 5),
        (("spans", "kept"), 2),
        (("spans", "handoff", "tool"), 3),
        (("tools", "none", "no tool is named"), 1),
        (("tools", "spans"), 2),
    ]
    assert imbalances(assemble(counts)) == []
    lost = [count for count in counts if count[0][:2] != ("spans", "kept")]
    assert imbalances(assemble(lost)) == ["spans segmented: 5 came in, 3 are accounted for"]
    assert imbalances(assemble(counts[:-1])) == [
        "hand-offs of kind tool: 3 came in, 1 are accounted for"
    ]
    (line,) = imbalances(assemble([(("trajectories", "read"), 8), *counts[1:]]))
    assert line == "trajectories read: 8 came in, 7 are accounted for"


def test_columns_that_nothing_fell_into_are_there() -> None:
    ledger = assemble([])
    assert ledger["replays"] == dict.fromkeys(
        ("pass", "fail", "error", "timeout", "unsupported"), 0
    )
    assert ledger["procedures"] == ledger["tools"]["pointers"]
    assert set(ledger["procedures"]) == {
        "candidate", "verified", "canonical", "quarantined", "expired", "merged",
    }  # fmt: skip
