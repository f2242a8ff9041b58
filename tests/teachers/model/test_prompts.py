"""The prompts are whole, and every worked example is what it asks a model for."""

from __future__ import annotations

import asyncio
import importlib
import json
import re
from importlib.resources import files

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from benchmarks.prompt_tokens import tokens
from tracemine.schemas import Signature, Source, Trajectory
from tracemine.schemas.records import Domain
from tracemine.teachers.model import prompts
from tracemine.teachers.model.answers import (
    JudgeAnswer,
    ReplayAnswer,
    ShapeAnswer,
    SpansAnswer,
    WrittenSpan,
    schema_of,
)
from tracemine.teachers.model.conversation import converse
from tracemine.teachers.model.making import block_in, segment_system
from tracemine.teachers.model.prompts import PROMPTS, fill, places_of, prompt
from tracemine.teachers.model.requests import Request, Response
from tracemine.teachers.model.settings import Settings
from tracemine.teachers.model.written import read_routine, read_signature, read_value
from tracemine.verifiers import Context, shared_sandbox, verifier_for, verify

EXAMPLES = ("example_code", "example_math", "example_stem")
PLACES = {
    "segment": {"example"},
    "piece": {"domain", "part", "data", "most"},
    "repair": {"error"},
    "carry": {"data"},
    "pair": {"data"},
    "question": {"data"},
}
#: Tokens of a system's text, as `benchmarks.prompt_tokens` counts them: some 1,900 of a tokenizer
#: of today.
MOST_TOKENS = 2_350


def answer_of(name: str) -> SpansAnswer:
    return SpansAnswer.model_validate_json(prompt(name).splitlines()[-1])


def shown_in(name: str) -> str:
    return f"{block_in(prompt(name), 'problem')}\n{block_in(prompt(name), 'trace')}"


def spans() -> list[tuple[str, WrittenSpan]]:
    return [(name, span) for name in EXAMPLES for span in answer_of(name).spans]


def routines() -> list[tuple[str, WrittenSpan]]:
    return [(name, span) for name, span in spans() if span.code]


def named(cases: list[tuple[str, WrittenSpan]]) -> list[str]:
    return [f"{name}-{span.subquestion[:30]}" for name, span in cases]


def values_of(span: WrittenSpan) -> tuple[Signature, dict[str, object], object]:
    signature, unknown = read_signature(span.inputs, span.output)
    assert not unknown
    written = {binding.name: binding.value for binding in span.bindings}
    bindings = {p.name: read_value(written[p.name], p.type, p.unit) for p in signature.inputs}
    assert len(written) == len(bindings)
    return signature, bindings, read_value(span.result, signature.output.type)


def test_every_file_is_a_prompt_and_every_prompt_a_file():
    found = {entry.name for entry in files(prompts).iterdir() if entry.name.endswith(".txt")}
    assert found == {f"{name}.txt" for name in PROMPTS}
    assert list(PROMPTS) == sorted(PROMPTS)


@pytest.mark.parametrize("name", PROMPTS)
def test_places_are_those_that_are_filled(name: str):
    assert places_of(prompt(name)) == PLACES.get(name, set())
    assert prompt(name).strip() == prompt(name) != ""
    assert prompt(name).isascii()


@given(st.text(), st.text())
def test_what_fills_a_place_is_not_looked_through(one: str, other: str):
    text = "a [[one]] b [[other]] c"
    assert fill(text, {"one": one, "other": other}) == f"a {one} b {other} c"
    assert fill(text, {"one": "[[other]]", "other": one}) == f"a [[other]] b {one} c"


def test_a_place_that_nobody_fills_is_an_error():
    with pytest.raises(KeyError):
        fill("[[what]]", {"data": ""})


@pytest.mark.parametrize("domain", ["math", "code", "stem", "other"])
def test_a_system_text_is_whole_and_no_longer_than_it_may_be(domain: str):
    text = segment_system(domain)
    assert not places_of(text)
    assert text.count('{"spans":[{') == 1
    assert tokens(text) < MOST_TOKENS


def test_the_fields_that_are_asked_for_are_those_that_the_prompt_explains():
    explained = prompt("segment")
    for field in WrittenSpan.model_fields:
        assert re.search(rf"^(?:\w+, )*{field}(?:, \w+)*:", explained, re.M) or field == "kind"
    for kind in ("procedural", "declarative", "episodic", "metacognitive"):
        assert f"- {kind}:" in explained


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_an_answer_as_it_is_asked_for(name: str):
    written = prompt(name).splitlines()[-1]
    answer = json.loads(written)
    jsonschema.Draft202012Validator(schema_of(SpansAnswer)).validate(answer)
    assert json.dumps(answer, separators=(",", ":"), ensure_ascii=False) == written
    assert answer_of(name).spans
    # The schema gives the order in which fields are written.
    for span in answer["spans"]:
        assert list(span) == list(WrittenSpan.model_fields)


@pytest.mark.parametrize("name", EXAMPLES)
def test_quotes_of_an_example_stand_in_its_trace_in_order_and_apart(name: str):
    trace = block_in(prompt(name), "trace")
    assert trace
    end = 0
    for span in answer_of(name).spans:
        assert trace.count(span.quote) == 1
        assert 20 <= len(span.quote) <= 400
        assert trace.index(span.quote) >= end
        end = trace.index(span.quote) + len(span.quote)


@pytest.mark.parametrize(("name", "span"), spans(), ids=named(spans()))
def test_a_span_of_an_example_holds_to_the_rules(name: str, span: WrittenSpan):
    assert not re.search(r"\d", span.subquestion + span.summary.replace("^2 / 2", ""))
    assert len(span.summary.splitlines()) <= 3
    people = set(re.findall(r"(?<=[a-z,] )[A-Z][a-z]+", shown_in(name)))
    told = f"{span.subquestion} {span.subroutine} {span.summary} {span.code}"
    assert not people & set(told.split())
    if span.kind == "procedural":
        assert span.preconditions
        assert bool(span.code) != bool(span.tool)
        assert [line.partition(".")[0] for line in span.subroutine.splitlines()] == [
            str(number) for number in range(1, len(span.subroutine.splitlines()) + 1)
        ]
        assert [p.name for p in span.inputs] == [b.name for b in span.bindings]
    else:
        empty = (span.inputs, span.bindings, span.preconditions, span.failure_modes)
        assert not any(empty)
        assert (span.code, span.result, span.tool) == ("", "", "")
        assert span.output.model_dump() == {"name": "answer", "type": "str", "unit": ""}


@pytest.mark.parametrize(("name", "span"), routines(), ids=named(routines()))
def test_code_of_an_example_gives_its_result(name: str, span: WrittenSpan):
    signature, bindings, expected = values_of(span)
    routine = read_routine(span.code, [p.name for p in signature.inputs])
    run = shared_sandbox().run(routine.code, routine.entry_point, bindings)
    assert run.status == "ok"
    context = Context(type=signature.output.type)
    assert verify(expected, run.value, context).outcome == "agree"
    assert verifier_for(signature.output.type)
    # Another result would not do.
    assert verify([expected], run.value, context).outcome != "agree"


@pytest.mark.parametrize(("name", "span"), spans(), ids=named(spans()))
def test_values_of_an_example_stand_in_its_problem_or_trace(name: str, span: WrittenSpan):
    for value in (*(binding.value for binding in span.bindings), span.result):
        assert value in shown_in(name)


def test_results_of_an_example_lead_to_its_answer():
    for name in ("example_math", "example_stem"):
        answer = block_in(prompt(name), "answer")
        *_, last = answer_of(name).spans
        assert answer and answer.split()[0] == last.result
    energy, deformation = (span for _, span in routines() if span.output.type == "real")
    assert energy.result in [binding.value for binding in deformation.bindings]


@pytest.mark.parametrize(
    ("name", "domain"),
    [("example_math", "math"), ("example_code", "code"), ("example_stem", "stem")],
)
def test_an_example_given_as_an_answer_loses_nothing(name: str, domain: Domain):
    text = prompt(name)
    answer = block_in(text, "answer")
    trajectory = Trajectory(
        id="t", problem_id="p", problem=block_in(text, "problem") or "",
        trace=block_in(text, "trace") or "", answer=answer, reference=answer, domain=domain,
        sources=(Source("s", 0),), outcome="verified",
    )  # fmt: skip

    async def ask(request: Request) -> Response:
        return Response(text.splitlines()[-1], "stop")

    found = asyncio.run(converse(trajectory, ask, "m", Settings(), "m@1"))
    written = answer_of(name).spans
    assert [span.quote for span in found.spans] == [span.quote for span in written]
    assert (found.dropped, found.unread, found.notes) == ((), (), ())
    assert [span.tool or "" for span in found.spans] == [span.tool for span in written]
    for span, told in zip(found.spans, written, strict=True):
        assert bool(span.code) == bool(told.code)
        if answer and span.code:
            assert [instance.checked for instance in span.instances] == [True]


def test_the_tool_of_an_example_gives_its_result():
    tools = [span for _, span in spans() if span.tool]
    assert tools
    for span in tools:
        module, _, function = span.tool.rpartition(".")
        _, bindings, expected = values_of(span)
        assert getattr(importlib.import_module(module), function)(*bindings.values()) == expected


@pytest.mark.parametrize(
    ("name", "form", "count"),
    [("replay", ReplayAnswer, 1), ("judge", JudgeAnswer, 1), ("normalise", ShapeAnswer, 4)],
)
def test_other_examples_are_answers_too(name: str, form: type[BaseModel], count: int):
    found = re.findall(r"^(?:.*-> )?(\{\"\w+\":.*\})$", prompt(name), re.M)
    assert len(found) == count
    for written in found:
        assert form.model_validate_json(written)


@pytest.mark.parametrize("name", ["segment", "replay", "judge", "normalise"])
def test_every_system_text_says_that_data_gives_no_orders(name: str):
    text = " ".join(prompt(name).split())
    assert "to nobody" in text
    assert "KEY>" in text
