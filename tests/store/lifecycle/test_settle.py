"""Ids are for life, whatever parts and meets."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas.records import Status
from tracemine.store import Policy
from tracemine.store.lifecycle import Found, Previous, Standing, settle

AS_OF = "2026-03-01T00:00:00+00:00"
GOOD = Standing("math", entered=True, passed=3, problems=3, judged=0, rate=0.9)


def previous(name: str, *variants: str, status: Status = "canonical", since: str = "1") -> Previous:
    return Previous(name, status, frozenset(variants), since)


def found(*variants: str) -> Found:
    return Found(frozenset(variants), GOOD)


def settled(before: list[Previous], now: list[Found]) -> tuple[list[str], list[str]]:
    done, gone = settle(before, now, Policy(), AS_OF, "000002")
    return [one.procedure_id for one in done], [one.procedure_id for one in gone]


def test_an_entry_goes_on_where_its_founding_variant_is() -> None:
    assert settled([previous("b", "b", "c", "d")], [found("a", "c", "d"), found("b")]) == (
        ["a", "b"],
        [],
    )
    # One that no longer has it goes on where most of its variants are.
    assert settled([previous("z", "b", "c", "d")], [found("b"), found("c", "d")])[0] == ["b", "z"]


def test_of_entries_that_meet_the_oldest_keeps_its_id() -> None:
    young, old = previous("a", "a", since="2"), previous("b", "b", since="1")
    ((one,), gone) = settle([young, old], [found("a", "b")], Policy(), AS_OF, "000002")
    assert (one.procedure_id, one.status, gone) == ("b", "canonical", [])
    assert [(m.procedure_id, m.into) for m in one.merged] == [("a", "b")]
    (event,) = one.events
    assert (event.procedure_id, event.to_status, event.rule) == ("a", "merged", "merge")


def test_what_is_parted_off_says_from_what() -> None:
    done, _ = settle([previous("b", "b", "c")], [found("b"), found("c")], Policy(), AS_OF, "2")
    kept, new = done
    assert (kept.procedure_id, kept.events, new.procedure_id) == ("b", (), "c")
    assert [e.rule for e in new.events] == ["split", "promote_after"]
    assert '"from":["b"]' in new.events[0].evidence.replace(" ", "")


def test_what_meets_what_is_in_quarantine_is_in_quarantine() -> None:
    sound = previous("a", "a", since="1")
    held = previous("b", "b", status="quarantined", since="2")
    ((one,), _) = settle([sound, held], [found("a", "b")], Policy(), AS_OF, "2")
    assert (one.procedure_id, one.status) == ("a", "quarantined")


def test_an_id_that_another_entry_has_is_not_given_again() -> None:
    ids, _ = settled([previous("a", "b", "c")], [found("a"), found("b", "c")])
    assert ids[1] == "a"
    assert ids[0] not in ("a", "b", "c")


def test_what_went_into_another_goes_on_only_where_it_is_parted_from_it() -> None:
    whole, gone = previous("a", "a"), previous("b", "b", status="merged")
    ((one,), lost) = settle([whole, gone], [found("a", "b")], Policy(), AS_OF, "3")
    assert (one.procedure_id, one.events, one.merged, lost) == ("a", (), (), [])
    (first, second), lost = settle([whole, gone], [found("a"), found("b")], Policy(), AS_OF, "3")
    assert (first.procedure_id, first.events, second.procedure_id, lost) == ("a", (), "b", [])
    assert [(e.from_status, e.to_status, e.rule) for e in second.events] == [
        ("merged", "verified", "split"), ("verified", "canonical", "promote_after"),
    ]  # fmt: skip
    # Where its founding variant is nowhere it stands for what it went into: nobody else has its id.
    named, _ = settle([previous("a", "b", status="merged")], [found("a")], Policy(), AS_OF, "3")
    assert named[0].procedure_id != "a"


names = st.sampled_from("abcdefgh")


@st.composite
def partitions(draw: st.DrawFn) -> list[frozenset[str]]:
    homes = draw(st.dictionaries(names, st.integers(0, 3)))
    return [
        frozenset(n for n, home in homes.items() if home == place)
        for place in sorted(set(homes.values()))
    ]


@given(partitions(), partitions(), st.randoms(use_true_random=False))
def test_no_id_is_lost_or_given_twice(
    before: list[frozenset[str]], now: list[frozenset[str]], random: Random
) -> None:
    entries = [Previous(min(p), "canonical", p, str(len(p))) for p in before]
    classes = [Found(p, GOOD) for p in now]
    done, gone = settle(entries, classes, Policy(), AS_OF, "000002")
    ids = [one.procedure_id for one in done]
    merged = {m.procedure_id for one in done for m in one.merged}
    assert len(set(ids)) == len(ids) == len(now)
    old = {entry.procedure_id for entry in entries}
    lost = {entry.procedure_id for entry in gone}
    assert old == (old & set(ids)) | merged | lost
    assert not merged & set(ids) and not lost & set(ids)
    # Nothing is gone while a variant of it is there.
    everywhere = frozenset().union(*now) if now else frozenset()
    assert all(not entry.variants & everywhere for entry in gone)
    shuffled = [*entries]
    random.shuffle(shuffled)
    assert settle(shuffled, classes, Policy(), AS_OF, "000002") == (done, gone)
