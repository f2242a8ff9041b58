"""Pointers: the same whatever the order, bounded, offered only where they give what they must."""

from __future__ import annotations

import dataclasses
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.testing.test_pipeline import TestPipeline
from hypothesis import given
from hypothesis import strategies as st

from tracemine.pipelines import cli
from tracemine.schemas import arrow, content_id, decode, encode
from tracemine.schemas.arrow import tool_from_row, tool_row
from tracemine.store import Embedder, Policy, RequestError, Store, fsck
from tracemine.transforms import tools
from tracemine.transforms.segment import Proposal
from tracemine.transforms.tool_facts import Commonest, Fact, Pointed, facts_of, point, row_of
from tracemine.transforms.tool_samples import MAX_QUOTE, SAMPLE, Ground, Sample, ground_of
from tracemine.transforms.tools import Pointer
from tracemine.verifiers import shared_sandbox

sys.path.insert(0, str(Path(__file__).parents[1]))
import small_store
from combined import in_parts
from handed_off import handed_off

AS_OF = small_store.AS_OF
PRODUCT = "def pay(rate, hours):\n    return rate * hours\n"
DIFFERENCE = "def left(total, spent):\n    return total - spent\n"
LOWER = "def lower(text):\n    return text.lower()\n"


def products(numbers: Sequence[int]) -> list[Proposal]:
    return [
        handed_off(
            PRODUCT, {"rate": n + 2, "hours": 7}, (n + 2) * 7, number=n,
            question="What is earned at a rate in some hours?" if n % 3 else "How much is the pay?",
        )
        for n in numbers
    ]  # fmt: skip


def make(proposals: Sequence[Proposal]) -> list[Pointer]:
    """The pointers without Beam, by id."""
    by_id: dict[str, list[Pointed]] = {}
    for one in map(point, proposals):
        by_id.setdefault(one.tool_id or "", []).append(one)
    by_id.pop("", None)
    embedder, found = Embedder.load(), []
    for tool_id, members in sorted(by_id.items()):
        counts: dict[Fact, int] = {}
        for fact in (fact for one in members for fact in facts_of(one)):
            counts[fact] = counts.get(fact, 0) + 1
        commonest, sample = Commonest(), Sample()
        counted, sampled = commonest.create_accumulator(), sample.create_accumulator()
        for fact, count in counts.items():
            counted = commonest.add_input(counted, (*fact[1:], count))
        for one in members:
            sampled = sample.add_input(sampled, ground_of(one))
        made = tools.make_pointer(
            tool_id,
            commonest.extract_output(counted),
            sample.extract_output(sampled),
            Policy(),
            AS_OF,
            shared_sandbox(),
            embedder.tokens,
        )
        vector = tools.vector_of(made.record, embedder)
        found.append(dataclasses.replace(made, vector=vector))
    return found


# -- combiners -----------------------------------------------------------------------------------

GROUNDS = [
    ground_of(point(dataclasses.replace(p, span=dataclasses.replace(p.span, **change))))
    for p in products(range(40))
    for change in ({}, {"id": content_id("again", p.span.id), "instances": ()})
]  # fmt: skip


@given(st.lists(st.sampled_from(GROUNDS), max_size=80), st.randoms())
def test_a_sample_is_the_same_in_any_order_and_has_a_problem_once(
    grounds: list[Ground], randomness: random.Random
) -> None:
    found = in_parts(Sample(), grounds, randomness)
    best: dict[str, Ground] = {}
    for ground in sorted(grounds, key=lambda g: g.rank):
        best.setdefault(ground.problem_id, ground)
    assert list(found) == sorted(best.values(), key=lambda g: g.rank)[:SAMPLE]


def test_a_sample_is_bounded() -> None:
    sample = Sample()
    sampled = sample.create_accumulator()
    for number in range(2000):
        ground = dataclasses.replace(
            GROUNDS[0], problem_id=str(number), rank=(False, content_id(number), "span")
        )
        sampled = sample.add_input(sampled, ground)
        assert len(sampled) <= 2 * SAMPLE


# -- pointers --------------------------------------------------------------------------------------


def test_what_a_pointer_says() -> None:
    (pointer,) = make(products(range(30)))
    record = pointer.record
    assert (record.tool, record.call) == ("operator.mul", "rate * hours")
    assert (record.spans, record.problems, record.domains) == (30, 30, ("math",))
    assert [(q.question, q.spans) for q in record.questions] == [
        ("what is earned at a rate in some hours", 20),
        ("how much is the pay", 10),
    ]
    entry = record.entry
    assert entry.status == "canonical"
    assert [(p.name, p.type) for p in entry.signature.inputs] == [("rate", "int"), ("hours", "int")]
    # All but the first problem of the sample are held out.
    (variant,) = entry.variants
    assert (variant.passes, variant.attempts) == (SAMPLE - 1, SAMPLE - 1)
    assert len(entry.provenance) == SAMPLE
    assert all(word.startswith(("rate is", "hours is")) for word in entry.preconditions)
    assert [(r.source, r.licence, r.spans) for r in record.sources] == [("made.jsonl", "MIT", 30)]
    assert tool_from_row(tool_row(record)) == record
    (event,) = [e for e in pointer.events if e.to_status == "canonical"]
    assert event.rule == "promote_after"


def test_types_widen_over_all_hand_offs() -> None:
    more = handed_off(
        PRODUCT, {"rate": 2.5, "hours": 2}, 5.0, number=90, types={"rate": "rational"},
        output="rational",
    )  # fmt: skip
    (pointer,) = make([*products(range(5)), more])
    signature = pointer.record.entry.signature
    assert [p.type for p in signature.inputs] == ["rational", "int"]
    assert signature.output.type == "rational"


def test_a_pointer_that_does_not_give_what_it_stands_for_is_not_offered() -> None:
    wrong = [
        dataclasses.replace(
            p,
            span=dataclasses.replace(
                p.span,
                instances=(dataclasses.replace(p.span.instances[0], result="1"),),
            ),
        )
        for p in products(range(8))
    ]
    (pointer,) = make(wrong)
    entry = pointer.record.entry
    assert entry.status == "quarantined"
    assert (entry.variants[0].passes, entry.variants[0].attempts) == (0, 7)
    assert entry.last_verified is None
    assert [e.rule for e in pointer.events] == ["demote_rate"]


def test_one_problem_alone_shows_nothing_but_its_tests_do() -> None:
    (alone,) = make(products([3]))
    assert alone.record.entry.status == "candidate"
    (tested,) = make(
        [
            handed_off(
                LOWER, {"text": "Ab"}, "ab",
                tests=(({"text": "CD"}, "cd"), ({"text": "Ef g"}, "ef g")),
            )
        ]
    )  # fmt: skip
    assert tested.record.entry.status == "verified"
    assert tested.record.entry.variants[0].passes == 2
    twins = [dataclasses.replace(p, shingles=b"\0\0\0\0") for p in products(range(6))]
    (near,) = make(twins)  # one problem six times
    assert near.record.entry.status == "candidate"


def with_traces(proposal: Proposal, *rates: int) -> Proposal:
    """``proposal`` with further instances of its own trace."""
    span = proposal.span
    first = span.instances[0]
    more = [
        dataclasses.replace(
            first,
            id=content_id("more", first.id, rate),
            bindings=encode({"rate": rate, "hours": 7}),
            result=encode(rate * 7),
        )
        for rate in rates
    ]
    return dataclasses.replace(proposal, span=dataclasses.replace(span, instances=(first, *more)))


def test_instances_of_one_problem_are_one_piece_of_evidence() -> None:
    numbers = range(2)
    (pointer,) = make([with_traces(p, 50, 60, 70) for p in products(numbers)])
    entry = pointer.record.entry
    assert (entry.variants[0].passes, entry.distinct_problems) == (1, 1)
    assert entry.status == "candidate"
    three = [with_traces(p, 50 + n, 60 + n) for n, p in enumerate(products(range(3)))]
    (pointer,) = make(three)
    assert pointer.record.entry.status == "verified"
    assert pointer.record.entry.variants[0].passes == 2


def test_what_binds_the_same_as_the_first_shows_nothing() -> None:
    spelt = [
        (PRODUCT, {"rate": 3, "hours": 7}),
        (PRODUCT, {"rate": 7, "hours": 3}),
        (PRODUCT, {"rate": 3.0, "hours": 7}),
        ("def pay(rate):\n    return rate * 7\n", {"rate": 3}),
    ]
    same = [handed_off(code, given, 21, number=n) for n, (code, given) in enumerate(spelt * 2)]
    (pointer,) = make(same)
    entry = pointer.record.entry
    assert (entry.variants[0].passes, entry.variants[0].attempts) == (0, 0)
    assert (entry.status, entry.distinct_problems) == ("candidate", 0)
    # Two problems with other values are evidence for one of these, and all are for one of those.
    others = products(range(20, 22))
    (pointer,) = make([*same, *others])
    (variant,) = pointer.record.entry.variants
    is_other = variant.span_id in {p.span.id for p in others}
    assert variant.passes == (9 if is_other else 2)


def test_a_test_that_repeats_its_trace_shows_nothing() -> None:
    (alone,) = make(
        [
            handed_off(
                LOWER, {"text": "Ab"}, "ab",
                tests=(({"text": "Ab"}, "ab"), ({"text": "CD"}, "cd")),
            )
        ]
    )  # fmt: skip
    entry = alone.record.entry
    assert (entry.status, entry.variants[0].passes) == ("candidate", 1)
    both = [
        handed_off(
            LOWER, {"text": word}, word.lower(), number=n, tests=(({"text": word}, word.lower()),)
        )
        for n, word in enumerate(("Ab", "CD"))
    ]
    (pointer,) = make(both)
    assert pointer.record.entry.variants[0].passes == 1
    assert pointer.record.entry.status == "candidate"


def test_a_test_that_several_attempts_bring_counts_once() -> None:
    attempts = [
        dataclasses.replace(
            handed_off(
                LOWER, {"text": f"Ab{n}"}, f"ab{n}", number=n, tests=(({"text": "CD"}, "cd"),)
            ),
            shingles=b"\0\0\0\0",
        )
        for n in range(5)
    ]
    (pointer,) = make(attempts)
    entry = pointer.record.entry
    assert (entry.status, entry.variants[0].passes) == ("candidate", 1)
    (event,) = pointer.events
    assert json.loads(event.evidence) == {"passed": 1, "distinct_problems": 1}


def test_without_a_call_that_can_be_run_a_pointer_waits() -> None:
    named = [
        handed_off(None, {"x": n}, n, number=n, tool="scipy.special.no_such_thing")
        for n in range(6)
    ]
    (pointer,) = make(named)
    assert pointer.record.entry.status == "quarantined"
    assert pointer.record.entry.variants[0].passes == 0
    untyped = [handed_off(LOWER, {"text": "A"}, "a", number=n, output="any") for n in range(6)]
    (pointer,) = make(untyped)
    assert pointer.record.entry.status == "candidate"


def test_huge_and_unprintable_hand_offs_leave_a_small_pointer() -> None:
    huge = "x" * 2_000_000
    odd = [
        handed_off(
            LOWER, {"text": huge}, huge, number=n, question="\x1b[2J" + "\ud800" * 5000,
            quote=huge, asked="\x07", teacher=huge,
        )
        for n in range(3)
    ]  # fmt: skip
    plain = handed_off(LOWER, {"text": "A"}, "a", number=9, question="Make it small?")
    (pointer,) = make([*odd, plain])
    text = json.dumps(tool_row(pointer.record), default=str)
    assert len(text) < 10_000
    assert "\\u001b" not in text and "\\ud800" not in text
    assert pointer.record.spans == 4
    assert pointer.record.entry.subquestion == "make it small"
    assert max(len(p.quote) for p in pointer.record.entry.provenance) == MAX_QUOTE
    (nothing,) = make(odd)
    assert nothing.record.entry.subquestion == "text.lower()"


def test_other_kinds_and_unnamed_tools_point_nowhere() -> None:
    fact = handed_off(PRODUCT, {"rate": 1, "hours": 2}, 2, kind="declarative")
    assert point(fact) == Pointed(fact, None)
    unnamed = handed_off(None, {"x": 1}, 1, tool=None)
    assert point(unnamed).reason == "no tool is named"
    assert point(unnamed).tool_id is None


# -- through Beam, and in a store ------------------------------------------------------------------


def all_kinds() -> list[Proposal]:
    return [
        *products(range(25)),
        *(
            handed_off(
                DIFFERENCE, {"total": 50 + n, "spent": n}, 50, number=100 + n,
                question="How much money is left after spending?",
            )
            for n in range(6)
        ),
        handed_off(
            LOWER, {"text": "Ab"}, "ab", number=200, domain="code",
            question="Write a text in small letters",
            tests=(({"text": "CD"}, "cd"), ({"text": "Ef g"}, "ef g")),
        ),
        *(
            handed_off(
                "def due(years):\n    return years * 12\n", {"years": n}, n * 12, number=400 + n,
                question="How many months are it?",
            )
            for n in range(3, 9)
        ),
        handed_off(None, {"x": 1}, 1, number=300, tool=None),
    ]  # fmt: skip


def through_beam(proposals: Sequence[Proposal], folder: Path) -> list[str]:
    """The pointers as written down, sorted."""

    def write(pointer: Pointer) -> None:
        events = [arrow.event_row(event) for event in pointer.events]
        text = json.dumps([tool_row(pointer.record), pointer.vector.hex(), events], default=str)
        (folder / pointer.record.entry.procedure_id).write_text(text)

    folder.mkdir()
    with TestPipeline() as pipeline:
        (
            pipeline
            | beam.Create(list(proposals))
            | beam.Map(point)
            | tools.PointAtTools(Policy(), AS_OF, Embedder.load)
            | beam.Map(write)
        )
    return [path.read_text() for path in sorted(folder.iterdir())]


def test_beam_gives_the_same_in_any_order(tmp_path: Path) -> None:
    proposals = all_kinds()
    one = through_beam(proposals, tmp_path / "one")
    assert len(one) == 3
    assert through_beam(random.Random(1).sample(proposals, len(proposals)), tmp_path / "two") == one
    plain = [[tool_row(p.record), p.vector.hex()] for p in make(proposals)]
    assert sorted(json.dumps(pair, default=str) for pair in plain) == sorted(
        json.dumps(json.loads(text)[:2]) for text in one
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small store, with hand-offs and pointers."""
    path = tmp_path_factory.mktemp("tools") / "store"
    made = small_store.tables()
    trajectory = made.rows["trajectories"][0]
    for proposal in all_kinds():
        span = proposal.span
        made.rows["handoff"].append(row_of(point(proposal)))
        own = {"trajectory_id": span.trajectory_id, "problem_id": span.problem_id}
        made.rows["trajectories"].append(trajectory | own | {"trace": span.quote})
    for pointer in make(all_kinds()):
        made.rows["tools"].append(tool_row(pointer.record))
        made.rows["replays"] += map(arrow.replay_row, pointer.replays)
        made.rows["instances"] += map(arrow.instance_row, pointer.instances)
        made.rows["events"] += [arrow.event_row(event) for event in pointer.events]
        made.vectors[pointer.record.entry.procedure_id] = small_store.vector(pointer.vector)
    small_store.write(path, made)
    return path


def test_the_store_is_sound(store: Path) -> None:
    assert fsck(str(store)) == []


def is_of_a_pointer(made: Any, row: dict[str, Any]) -> bool:
    ids = {pointer["procedure_id"] for pointer in made.rows["tools"]}
    if "instance_id" in row and "variant_id" not in row:
        named = {r["instance_id"] for r in made.rows["replays"] if r["variant_id"] in ids}
        return row["instance_id"] in named
    return any(row.get(name) in ids for name in ("tool_id", "procedure_id", "variant_id"))


def tables_of(store: Path) -> small_store.Tables:
    """The rows and vectors of a store, to be written again with something changed."""
    made = small_store.tables()
    opened = Store.open(str(store))
    for name in made.rows:
        made.rows[name] = opened.rows(f"SELECT * FROM {name}")
    for name in ("procedures", "candidates", "tools"):
        made.vectors |= dict(zip(*opened.vectors(name), strict=True))
    return made


@pytest.mark.parametrize(
    ("table", "change", "said"),
    [
        ("handoff", {"tool_id": "0" * 32}, "points to a tool that is not in the store"),
        ("handoff", {"kind": "episodic"}, "is of another kind"),
        ("handoff", {"tool_id": None}, "are not those of its hand-offs"),
        ("tools", {"spans": 7}, "are not those of its hand-offs"),
        ("tools", {"problems": 7}, "are not those of its hand-offs"),
        ("tools", {"status": "lost"}, "is no known status in tools"),
        ("tools", {"success_rate": 0.25}, "not its success rate"),
        ("tools", {"domains": []}, "without a variant, a tool, provenance or a domain"),
        ("tools", {"tool": ""}, "without a variant, a tool, provenance or a domain"),
        ("tools", {"procedure_id": "1" * 32}, "is not in the store"),
        ("tools", {"provenance": []}, "of a hand-off that is in no tool pointer's sample"),
        ("handoff", {"output": None}, "does not say what it calls it with"),
        ("handoff", {"slots": None}, "does not say what it calls it with"),
        ("replays", {"verdict": "fail"}, "passes or attempts are not those of its replays"),
        ("replays", {"variant_id": "0" * 32}, "neither of an entry nor among the rejected"),
        ("instances", {"instance_id": "0" * 32}, "instance that is not in the store"),
        ("instances", {"span_id": "0" * 32}, "an instance that is not of its hand-offs"),
    ],
)
def test_fsck_sees_what_is_wrong_with_pointers(
    store: Path, tmp_path: Path, table: str, change: dict[str, Any], said: str
) -> None:
    made = tables_of(store)
    row = next(r for r in made.rows[table] if is_of_a_pointer(made, r))
    if "procedure_id" in change:
        made.vectors[change["procedure_id"]] = made.vectors[row["procedure_id"]]
    row |= change
    small_store.write(tmp_path / "damaged", made)
    assert any(said in finding for finding in fsck(str(tmp_path / "damaged")))


@pytest.mark.parametrize("change", ["unchecked", "one problem", "first problem"])
def test_fsck_sees_a_served_pointer_without_evidence(
    store: Path, tmp_path: Path, change: str
) -> None:
    made = tables_of(store)
    (tool,) = (row for row in made.rows["tools"] if row["tool"] == "operator.mul")
    names = {
        r["instance_id"] for r in made.rows["replays"] if r["variant_id"] == tool["procedure_id"]
    }
    evidence = [row for row in made.rows["instances"] if row["instance_id"] in names]
    assert len(evidence) == SAMPLE - 1
    first = tool["variants"][0]["span_id"]
    (home,) = (row["trajectory_id"] for row in made.rows["handoff"] if row["span_id"] == first)
    (own,) = (
        row["problem_id"] for row in made.rows["trajectories"] if row["trajectory_id"] == home
    )
    for row in evidence:
        if change == "unchecked":
            row["checked"] = False
        else:
            row["problem_id"] = own if change == "first problem" else evidence[0]["problem_id"]
    small_store.write(tmp_path / "damaged", made)
    said = f"{tool['procedure_id']} is a tool pointer that is served with fewer than 2 passes"
    assert any(finding.startswith(said) for finding in fsck(str(tmp_path / "damaged")))


def test_every_verdict_is_kept_and_comes_again_from_the_tables(store: Path) -> None:
    opened = Store.open(str(store))
    rows = opened.rows(
        "SELECT t.variants[1] AS v, r.*, i.bindings, i.result FROM tools AS t "
        "JOIN replays AS r ON r.variant_id = t.procedure_id JOIN instances AS i USING (instance_id)"
    )
    constants = 0
    for row in rows:
        bindings, sources = decode(row["bindings"]), json.loads(row["binding_map"])
        constants += sum(key.startswith("=") for key in sources.values())
        values = {
            name: decode(key[1:]) if key.startswith("=") else bindings[key]
            for name, key in sources.items()
        }
        space: dict[str, Any] = {}
        exec(row["v"]["code"], space)  # made here
        given = space[row["v"]["entry_point"]](**values)
        assert (given == decode(row["result"])) == (row["verdict"] == "pass")
    assert len(rows) == sum(row["variants"][0]["attempts"] for row in opened.rows("FROM tools"))
    assert constants
    (hit, *_) = opened.search("How much money is left after spending?", kind="tool")
    shown = opened.get(hit.procedure_id)
    assert shown is not None
    assert len(shown.evidence) == 5
    assert {one.replay.verdict for one in shown.evidence} == {"pass"}


def test_failures_are_kept_too() -> None:
    wrong = [handed_off(PRODUCT, {"rate": n, "hours": 7}, n, number=n) for n in range(1, 9)]
    (pointer,) = make(wrong)
    assert [r.verdict for r in pointer.replays] == ["fail"] * 7
    assert {r.variant_id for r in pointer.replays} == {pointer.record.entry.procedure_id}
    (variant,) = pointer.record.entry.variants
    run = {r.instance_id for r in pointer.replays}
    assert {i.id for i in pointer.instances} == {variant.instance_id, *run}
    originals = {i.id: i for p in wrong for i in p.span.instances}
    assert all(originals[i.id] == i for i in pointer.instances)


def test_search_finds_tools_where_it_is_asked_to(store: Path) -> None:
    opened = Store.open(str(store))
    question = "How much money is left after spending?"
    (hit, *_) = opened.search(question, kind="tool")
    assert (hit.kind, hit.tool) == ("tool", "operator.sub")
    assert hit.variant.code == "def sub(total, spent):\n    return total - spent\n"
    (entry, *others) = opened.search(question)
    assert entry.kind == "procedure" and entry.tool == ""
    assert {other.kind for other in others} == {"procedure"}
    (vector,) = opened.embedder.encode([question])
    assert opened.search_vector(vector, 1, kind="tool")[0].procedure_id == hit.procedure_id
    with pytest.raises(RequestError, match="unknown kind"):
        opened.search(question, kind="tools")


def test_a_store_without_tools_has_none_to_give(tmp_path: Path) -> None:
    small_store.write(tmp_path / "plain")
    opened = Store.open(str(tmp_path / "plain"))
    assert opened.search("money left", kind="tool") == []
    assert opened.search("money left", kind="tool", bindings={"total": 3}) == []
    assert opened.vectors("tools")[0] == []
    assert fsck(str(tmp_path / "plain")) == []


def test_filters_and_values_act_on_tools(store: Path) -> None:
    opened = Store.open(str(store))

    def found(**filters: Any) -> set[str]:
        return {hit.tool for hit in opened.search("what is it", 9, kind="tool", **filters)}

    assert found() == {"operator.mul", "operator.sub", "str.lower"}
    assert found(domain="code") == {"str.lower"}
    assert found(domain="stem") == set()
    assert found(output_type="rational") == {"operator.mul", "operator.sub"}
    assert found(output_type="str") == {"str.lower"}
    assert found(status=["candidate"]) == set()
    assert found(bindings={"word": "AbC"}) == {"str.lower"}
    hits = opened.search(
        "money left of a total that was spent", kind="tool", bindings={"total": 9, "spent": 4}
    )
    assert {(hit.tool, hit.gives) for hit in hits} == {("operator.sub", 5), ("operator.mul", 36)}
    assert hits[0].tool == "operator.sub"
    assert hits[0].roles == {"total": "total", "spent": "spent"}


def test_tools_on_the_command_line(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def call(*arguments: str) -> tuple[int, str]:
        status = cli.main([*arguments, "--store", str(store)])
        return status, capsys.readouterr().out

    status, out = call("search", "money left", "--kind", "tool", "--json")
    assert status == 0
    hits = json.loads(out)["hits"]
    assert hits[0]["tool"] == "operator.sub" and hits[0]["kind"] == "tool"
    status, out = call("search", "money left", "--json")
    assert hits[0].keys() == json.loads(out)["hits"][0].keys()
    status, out = call("search", "money left", "--kind", "tool", "-k", "1")
    assert "operator.sub(total: int, spent: int) -> result: int" in out
    identifier = hits[0]["procedure_id"]
    status, out = call("show", identifier[:8])
    assert status == 0
    for said in ("6 hand-offs of 6 problems", "how much money is left", "made.jsonl, MIT"):
        assert said in out, said
    status, out = call("show", identifier, "--json")
    shown = json.loads(out)
    assert shown["entry"]["spans"] == 6 and shown["entry"]["tool"] == "operator.sub"
    assert shown["events"][-1]["to"] == "canonical"
    status, out = call("stats", "--json")
    assert json.loads(out)["tools"]["canonical"] == 2
    assert json.loads(out)["rows"]["tools"] == 3
    status, out = call("stats", "--sql")
    assert 'VIEW "tools"' in out
    assert call("search", "money left", "--kind", "spoon")[0] == 2
