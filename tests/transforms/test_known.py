"""Which new spans a store knows: words propose entries, replays decide."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
import small_store
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.pipelines.runner import make_runner, pipeline_options
from tracemine.schemas import Instance, Parameter, Signature, Source, Span, content_id, encode
from tracemine.schemas.records import Status
from tracemine.store.embedder import to_grid
from tracemine.transforms import known as known_module
from tracemine.transforms.known import (
    KNOWN,
    KNOWN_ELSEWHERE,
    MAX_DISTANCE,
    WAITING,
    FindKnown,
    Known,
    judge,
    left_out,
    look,
)
from tracemine.transforms.ledger import rejected_paths
from tracemine.transforms.segment import Proposal
from tracemine.transforms.stored import Pinned, StoredEntries, pin, shared_stored
from tracemine.verifiers import shared_sandbox
from tracemine.verifiers.replay import CHOSE

QUESTION = "how much money is left after buying boxes"
LEFT = "def left(budget, price, boxes):\n    return budget - price * boxes\n"
SAME = "def rest(budget, price, boxes):\n    spent = boxes * price\n    return budget - spent\n"
MORE = "def more(budget, price, boxes):\n    return budget + price * boxes\n"
SPREAD = "def spread(budget, price, boxes):\n    return (budget + price) * boxes\n"
PRODUCT = "def product(budget, price, boxes):\n    return budget * price * boxes\n"
WORKERS = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")


def value_of(code: str, values: dict[str, Any]) -> Any:
    scope: dict[str, Any] = {}
    exec(code, scope)
    return scope[code.split("(")[0].removeprefix("def ")](**values)


def entry(code: str, status: Status, predicates: tuple[str, ...] = ()) -> small_store.Routine:
    names = code.split("(")[1].split(")")[0].split(", ")
    values = [dict(zip(names, (100 + i, 3 + i, 4), strict=True)) for i in range(3)]
    cases = tuple((v, value_of(code, v)) for v in values)
    waits = status == "candidate"
    return small_store.Routine(
        subquestion=QUESTION,
        code=code,
        signature=small_store.signature("int", **dict.fromkeys(names, "int")),
        predicates=predicates,
        domain="math",
        status=status,
        cases=cases[:1] if waits else cases,
        verdicts=() if waits else ("pass", "pass"),
    )


ENTRIES = (
    entry(LEFT, "verified", ("price * boxes <= budget",)),
    entry(SPREAD, "candidate"),
    entry(PRODUCT, "quarantined"),
)


@pytest.fixture(scope="module")
def pinned(tmp_path_factory: pytest.TempPathFactory) -> Pinned:
    store = tmp_path_factory.mktemp("known") / "store"
    small_store.write(store, small_store.tables(ENTRIES))
    return pin(str(store))


@pytest.fixture(scope="module")
def entries(pinned: Pinned) -> StoredEntries:
    return shared_stored(pinned)


def proposal(
    code: str,
    *values: int,
    number: int = 0,
    result: Any = None,
    checked: bool = True,
    units: Sequence[str | None] = (),
    away: float = 0.0,
) -> Proposal:
    """A new span; ``away`` is how far its words are from those of the entries."""
    head = code.split("(")[0].removeprefix("def ")
    names = code.split("(")[1].split(")")[0].split(", ")
    bindings = dict(zip(names, values, strict=True))
    result = value_of(code, bindings) if result is None else result
    span_id = content_id("span", code, number, encode(bindings), encode(result))
    instance = Instance(
        content_id("instance", span_id), span_id, f"t{number}", content_id("problem", number),
        encode(bindings), encode(result), checked,
    )  # fmt: skip
    inputs = tuple(
        Parameter(name, "int", unit)
        for name, unit in zip(names, units or [None] * len(names), strict=True)
    )
    span = Span(
        id=span_id, trajectory_id=f"t{number}", problem_id=instance.problem_id, start=0, end=20,
        quote="x" * 20, subquestion=QUESTION, subroutine="1. Subtract.", summary="left",
        code=code, entry_point=head, signature=Signature(inputs, Parameter(head, "int")),
        preconditions=("numbers",), predicates=(), failure_modes=(), kind="procedural",
        domain="math", teacher="rules@1", verifier="numeric", shape=QUESTION,
        instances=(instance,),
    )  # fmt: skip
    vector = small_store.embedder().encode([QUESTION])[0].astype(float)
    if away:
        other = np.roll(vector, 1) - vector * (np.roll(vector, 1) @ vector)
        other /= np.linalg.norm(other)
        vector = (1 - away) * vector + np.sqrt(1 - (1 - away) ** 2) * other
    return Proposal(span, Source("new.jsonl", number), b"", to_grid(vector).tobytes(), tokens=3)


def told(entries: StoredEntries, *proposals: Proposal) -> list[Known | None]:
    """What becomes of proposals of one method, in their order."""
    found = {
        p.span.id: known for p, known in judge(look(proposals, entries), entries, shared_sandbox())
    }
    return [found[p.span.id] for p in proposals]


def ids(code: str) -> str:
    return content_id("variant", code)


def test_the_same_code_in_other_names_is_known_with_its_values_in_their_places(
    entries: StoredEntries,
) -> None:
    new = proposal("def x(a, b, c):\n    # its own words\n    return a - b * c\n", 50, 4, 5)
    (known,) = told(entries, new)
    assert known is not None
    assert (known.procedure_id, known.variant_id) == (ids(LEFT), ids(LEFT))
    assert known.status == "verified"
    assert known.same_method
    assert known.distance == pytest.approx(0, abs=0.005)
    (verdict,) = known.replays
    assert verdict.verdict == "pass"
    assert verdict.instance_id == new.span.instances[0].id
    assert json.loads(verdict.binding_map) == {"budget": "a", "price": "b", "boxes": "c"}


def test_other_code_that_does_the_same_is_known(entries: StoredEntries) -> None:
    (known,) = told(entries, proposal(SAME, 90, 7, 3))
    assert known is not None
    assert known.procedure_id == ids(LEFT)
    assert not known.same_method
    assert [r.verdict for r in known.replays] == ["pass"]


def test_two_methods_that_merely_meet_at_a_point_are_two(entries: StoredEntries) -> None:
    assert told(entries, proposal(MORE, 90, 7, 0)) == [None]


def test_the_same_words_with_another_result_are_not_known(entries: StoredEntries) -> None:
    assert told(entries, proposal(MORE, 90, 7, 3)) == [None]
    # Its code is the entry's own, which does not give what this trace says.
    assert told(entries, proposal(LEFT, 90, 7, 3, result=68)) == [None]


def test_a_span_on_which_the_entrys_preconditions_do_not_hold_is_not_known(
    entries: StoredEntries,
) -> None:
    assert told(entries, proposal(LEFT, 20, 7, 3)) == [None]


VAGUE = "def rest(x, y, z):\n    spent = z * y\n    return x - spent\n"


def test_a_span_that_chose_how_roles_go_is_known_with_its_family_and_not_alone(
    entries: StoredEntries,
) -> None:
    alone = proposal(VAGUE, 90, 7, 3)
    assert told(entries, alone) == [None]
    family = [proposal(VAGUE, 80 + i, 6 + i, 2 + i, number=i) for i in range(3)]
    found = told(entries, *family)
    assert all(known is not None and known.procedure_id == ids(LEFT) for known in found)
    reasons = [r.reason for known in found if known for r in known.replays]
    assert reasons.count(CHOSE) == 1
    for known in filter(None, found):
        binding = json.loads(known.replays[0].binding_map)
        assert binding["budget"] == "x"


def test_a_failure_on_one_span_speaks_for_its_method(entries: StoredEntries) -> None:
    code = "def rest(budget, price, boxes):\n    return min(budget - price * boxes, 5000)\n"
    meets, parts = proposal(code, 90, 7, 3), proposal(code, 9000, 7, 3)
    assert told(entries, meets)[0] is not None
    assert told(entries, meets, parts) == [None, None]


def test_an_unchecked_result_decides_nothing_but_code_is_code(entries: StoredEntries) -> None:
    (known,) = told(entries, proposal("def x(a, b, c):\n    return a - b * c\n", 9, 2, 3,
                                      checked=False))  # fmt: skip
    assert known is not None
    assert known.replays == ()
    assert told(entries, proposal(SAME, 90, 7, 3, checked=False)) == [None]


def test_values_in_other_units_are_for_other_entries(
    tmp_path: Path,
) -> None:
    made = entry(LEFT, "verified")
    signature = Signature(
        tuple(dataclasses.replace(p, unit="dollar") for p in made.signature.inputs),
        made.signature.output,
    )
    small_store.write(
        tmp_path / "store", small_store.tables((dataclasses.replace(made, signature=signature),))
    )
    own = shared_stored(pin(str(tmp_path / "store")))
    assert told(own, proposal(SAME, 90, 7, 3))[0] is not None
    assert told(own, proposal(SAME, 90, 7, 3, units=["mile"] * 3)) == [None]


@pytest.mark.parametrize(("code", "status"), [(SPREAD, "candidate"), (PRODUCT, "quarantined")])
def test_what_search_does_not_serve_is_named(
    entries: StoredEntries, code: str, status: str
) -> None:
    (known,) = told(entries, proposal(code, 9, 2, 3))
    assert known is not None
    assert (known.procedure_id, known.status) == (ids(code), status)


def test_a_served_entry_of_other_code_comes_before_a_candidate_with_the_same(
    tmp_path: Path,
) -> None:
    small_store.write(
        tmp_path / "store",
        small_store.tables((entry(LEFT, "canonical"), entry(SAME, "candidate"))),
    )
    own = shared_stored(pin(str(tmp_path / "store")))
    (known,) = told(own, proposal(SAME, 90, 7, 3))
    assert known is not None
    assert (known.procedure_id, known.same_method) == (ids(LEFT), False)


def test_far_words_are_not_compared(entries: StoredEntries) -> None:
    near, far = MAX_DISTANCE - 0.02, MAX_DISTANCE + 0.02
    (known,) = told(entries, proposal(LEFT, 90, 7, 3, away=near))
    assert known is not None
    assert known.distance == pytest.approx(near, abs=0.01)
    (met,) = look([proposal(LEFT, 90, 7, 3, away=far)], entries)
    assert not met


def test_of_two_entries_with_the_same_code_the_nearer_is_named(tmp_path: Path) -> None:
    other = "def remains(cash, cost, count):\n    return cash - cost * count\n"
    far = dataclasses.replace(entry(other, "verified"), subquestion="what remains of the money")
    small_store.write(tmp_path / "store", small_store.tables((far, entry(LEFT, "verified"))))
    own = shared_stored(pin(str(tmp_path / "store")))
    new = proposal(LEFT, 90, 7, 3)
    (known,) = told(own, new)
    assert known is not None
    assert known.procedure_id == ids(LEFT)
    vector = small_store.embedder().encode([far.subquestion])[0]
    (known,) = told(own, dataclasses.replace(new, vector=vector.tobytes()))
    assert known is not None
    assert known.procedure_id == ids(other)


def mixed() -> list[Proposal]:
    """Spans of several methods: known, waiting, new, far."""
    return [
        *(proposal(LEFT, 90 + i, 7, 3 + i, number=i) for i in range(6)),
        *(proposal(VAGUE, 80 + i, 6 + i, 2 + i, number=10 + i) for i in range(4)),
        *(proposal(SPREAD, 9, 2 + i, 3, number=20 + i) for i in range(3)),
        proposal(MORE, 90, 7, 0, number=30),
        proposal(PRODUCT, 3, 4, 5, number=31),
        proposal(LEFT, 90, 7, 3, number=32, away=MAX_DISTANCE + 0.1),
        proposal("def half(total):\n    return total / 2 + 1\n", 90, number=33),
    ]


@settings(max_examples=15)
@given(st.permutations(range(len(mixed()))))
def test_the_order_of_spans_plays_no_part(order: list[int]) -> None:
    spans = mixed()
    entries = _ENTRIES[0]
    expected = {m.proposal.span.id: m for m in look(spans, entries)}
    found = list(look([spans[i] for i in order], entries))
    assert {m.proposal.span.id: m for m in found} == expected
    left = [i for i in order if spans[i].span.code == VAGUE]
    assert list(judge([expected[spans[i].span.id] for i in left], entries, shared_sandbox())) == (
        list(judge([expected[spans[i].span.id] for i in sorted(left)], entries, shared_sandbox()))
    )


#: Hypothesis gives its tests no fixtures of a module.
_ENTRIES: list[StoredEntries] = []


@pytest.fixture(autouse=True)
def _entries_of_properties(entries: StoredEntries) -> None:
    _ENTRIES[:] = [entries]


def run_line(
    pinned: Pinned, spans: Sequence[Proposal], folder: Path, *arguments: str
) -> dict[str, list[str]]:
    """What the transform gives, one line for each record of each output, sorted."""

    def text(record: Proposal | Known) -> str:  # inside, so that other processes can read it
        if isinstance(record, Proposal):
            return record.span.id
        return json.dumps(dataclasses.asdict(record) | {"proposal": record.proposal.span.id})

    options = pipeline_options(arguments)
    with beam.Pipeline(runner=make_runner(options), options=options) as pipeline:
        found = pipeline | beam.Create(list(spans)) | FindKnown(pinned)
        for name in ("new", KNOWN, WAITING):
            lines = found[name] | f"Text of {name}" >> beam.Map(text)
            lines | f"Write {name}" >> beam.io.WriteToText(str(folder / name))
    return {
        name: sorted(
            line for path in folder.glob(f"{name}-*") for line in path.read_text().splitlines()
        )
        for name in ("new", KNOWN, WAITING)
    }


def test_the_transform_parts_what_is_known_from_what_is_new(pinned: Pinned, tmp_path: Path) -> None:
    spans = mixed()
    found = run_line(pinned, spans, tmp_path)
    known = {json.loads(line)["proposal"] for line in found[KNOWN]}
    waiting = {json.loads(line)["proposal"] for line in found[WAITING]}
    assert known == {p.span.id for p in spans[:10]}
    assert waiting == {p.span.id for p in (*spans[10:13], spans[14])}
    assert set(found["new"]) == {p.span.id for p in spans} - known
    assert waiting < set(found["new"])


def test_two_processes_and_another_order_tell_the_same(pinned: Pinned, tmp_path: Path) -> None:
    spans = mixed()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one = run_line(pinned, spans, tmp_path / "one")
    assert run_line(pinned, spans[::-1], tmp_path / "two", *WORKERS) == one


def test_a_family_too_large_for_one_key_is_cut(
    pinned: Pinned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_module, "FAMILY_ROWS", 4)
    spans = [proposal(LEFT, 90 + i, 7, 3, number=i) for i in range(20)]
    keyed = [known_module._by_part(("f", met), {"f": 20}) for met in look(spans, _ENTRIES[0])]
    assert {key for key, _ in keyed} == {("f", part) for part in range(5)}
    assert len(run_line(pinned, spans, tmp_path)[KNOWN]) == 20


def test_the_ledgers_line_names_file_row_entry_and_distance(entries: StoredEntries) -> None:
    new = proposal(LEFT, 90, 7, 3, number=41)
    (known,) = told(entries, new)
    assert known is not None
    rejected = left_out(known)
    assert rejected_paths("spans", rejected) == [(("spans", "duplicates"), 1)]
    assert rejected.reason == KNOWN_ELSEWHERE
    assert rejected.record_id == new.span.id
    assert "\n" not in rejected.detail
    for text in ("new.jsonl row 41", ids(LEFT), f"{known.distance:.3f}", KNOWN_ELSEWHERE):
        assert text in rejected.detail
    record = json.loads(rejected.record)
    assert record["known"]["procedure_id"] == ids(LEFT)
    assert record["code"] == LEFT
