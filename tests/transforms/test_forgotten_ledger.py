"""The ledger without a source is the one that reading the others alone gives."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas import Rejected, Source, Trajectory, content_id, problem_id
from tracemine.schemas.arrow import rejected_row
from tracemine.transforms.admit import CONFLICT, AdmitOptions, admit
from tracemine.transforms.forgotten_ledger import FORGOTTEN, ledger_without
from tracemine.verifiers import shared_sandbox

PROBLEM, TRACE = "What is 6 times 7?", "6 * 7 = 42"
ID, SPAN, OTHER = content_id("trajectory", PROBLEM, TRACE), "a" * 32, "b" * 32


def copy(source: Source, answer: str | None, reference: str | None) -> Trajectory:
    return Trajectory(
        id=ID, problem_id=problem_id(PROBLEM), problem=PROBLEM, trace=TRACE, answer=answer,
        reference=reference, domain="math", sources=(source,),
    )  # fmt: skip


def read(copies: list[Trajectory], options: AdmitOptions) -> tuple[list[Any], dict[str, Any]]:
    """The ledger's rows, and the sources of what was admitted."""
    rows, admitted = [], {}
    for _, record in admit(copies, options, shared_sandbox()) if copies else ():
        if isinstance(record, Rejected):
            rows.append(rejected_row(record))
        else:
            admitted[record.id] = record.sources
    return rows, admitted


def span(detail: str, trajectory: str = ID) -> dict[str, Any]:
    return {
        "stage": "cluster", "reason": "r", "record_id": "c" * 32, "fate": "duplicate",
        "record": json.dumps({"trajectory_id": trajectory}), "detail": detail,
    }  # fmt: skip


@given(
    places=st.sets(
        st.builds(
            Source, st.sampled_from("abc"), st.integers(0, 2), st.just(""),
            st.sampled_from(["MIT", "GPL-3.0-only"]),
        ),
        min_size=1, max_size=5,
    ),
    answer=st.sampled_from([None, "41", "42"]),
    licences=st.sampled_from([(), ("MIT",)]),
    names=st.sets(st.sampled_from("abc"), min_size=1),
)  # fmt: skip
def test_it_is_what_the_others_alone_would_have_left(
    places: set[Source], answer: str | None, licences: tuple[str, ...], names: set[str]
) -> None:
    places = set({(p.dataset, p.row): p for p in sorted(places)}.values())
    options = AdmitOptions(licences=licences)
    copies = [copy(place, answer, "42") for place in sorted(places)]
    rows, admitted = read(copies, options)
    stay = {i: of for i, of in admitted.items() if {s.dataset for s in of} - names}
    told = ledger_without(rows, names, admitted.keys() - stay.keys(), stay, ())
    left = [row for row in told if row is not None]
    alone, _ = read([c for c in copies if c.sources[0].dataset not in names], options)

    def ordered(found: list[Any]) -> list[str]:
        return sorted(json.dumps(row, sort_keys=True) for row in found)

    if any(s.licence == "MIT" for s in places if s.dataset not in names) or not licences:
        assert ordered(left) == ordered(alone)
    # Else all that may be read is gone: a line for each of the others says so, none is a duplicate.
    assert len(left) == len(alone)


def test_a_conflict_stays_with_what_the_other_says() -> None:
    one, other = Source("a", 17), Source("b", 11)
    rows, _ = read([copy(one, "42", "42"), copy(other, "42", "41")], AdmitOptions())
    assert [row["reason"] for row in rows][-1] == CONFLICT
    (row,) = [row for row in ledger_without(rows, {"a"}, (), {}, ()) if row is not None]
    assert (row["reason"], row["detail"]) == (CONFLICT, f"b row 11: {CONFLICT}")
    assert json.loads(row["record"])["reference"] == "41"
    assert [s["dataset"] for s in json.loads(row["record"])["sources"]] == ["b"]


def test_spans_go_with_their_trajectory_or_follow_it() -> None:
    sources = {ID: (Source("a", 1), Source("b", 2))}
    rows = [
        span("a row 1, characters 0 to 4: r"),
        span(f"b row 9, characters 0 to 4: r (kept {SPAN} of a row 5)", OTHER),
        span("b row 8: r", "d" * 32),
        span("a row 5: r", "e" * 32),
        span(f"b row 9: r (variant {OTHER}, instance {SPAN}: w)", OTHER),
    ]
    told = ledger_without(rows, {"a"}, {"e" * 32}, sources, {SPAN})
    (failed,) = ledger_without(rows[-1:], {"a"}, (), {}, (), {SPAN})
    assert failed is not None
    assert failed["detail"] == f"b row 9: r (variant {OTHER}, one of {FORGOTTEN}: w)"
    assert [row and row["detail"] for row in told] == [
        "b row 2, characters 0 to 4: r",
        f"b row 9, characters 0 to 4: r (kept one of {FORGOTTEN})",
        "b row 8: r",
        None,
        f"b row 9: r (variant {OTHER}, instance one: w)",
    ]
    assert told[2] is rows[2]
