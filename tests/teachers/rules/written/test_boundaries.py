import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.teachers.rules.written.boundaries import MAX_STEP_CHARS, find_pieces
from tracemine.teachers.rules.written.steps import written_steps


def _texts(text: str) -> list[str]:
    return [text[piece.start : piece.end] for piece in find_pieces(text)]


def _titles(text: str) -> list[str]:
    return [piece.title for piece in find_pieces(text)]


def test_subquestions_written_out() -> None:
    text = (
        "How many pears are there? ** There are 3 * 4 = 12 pears.\n"
        "How many are left? ** So 12 - 5 = 7 are left.\n7"
    )
    assert _titles(text) == ["How many pears are there?", "How many are left?", ""]
    assert [piece.opening for piece in find_pieces(text)][:2] == ["question", "question"]
    first = find_pieces(text)[0]
    assert text[first.body : first.end] == "There are 3 * 4 = 12 pears."


@pytest.mark.parametrize(
    "form",
    [
        "Step {}: {}\n",
        "## {}. {}\n",
        "### Step {}: {}\n",
        "**Step {}: {}**\n",
        "Step {}. {}\n",
        "step {} - {}\n",
    ],
)
def test_step_headings(form: str) -> None:
    text = (
        "Here is the plan.\n\n"
        + form.format(1, "Find the price of a crate")
        + "It costs 3 * 4 = 12 dollars.\n\nThat is before tax.\n\n"
        + form.format(2, "Add the tax")
        + "So 12 + 2 = 14 dollars.\n"
    )
    pieces = find_pieces(text)
    assert len(pieces) == 3
    assert [piece.opening for piece in pieces[1:]] == ["heading", "heading"]
    assert "before tax" in text[pieces[1].start : pieces[1].end]
    assert [piece.title for piece in pieces[1:]] == ["Find the price of a crate", "Add the tax"]


def test_numbered_items_keep_what_is_indented_below_them() -> None:
    text = (
        "We do three things.\n\n"
        "1. **Find the length of a side:**\n   \\[\n   s = 3\n   \\]\n   - a detail\n\n"
        "2. **Find the area:**\n   1. an inner list\n   So 3 * 3 = 9.\n\n"
        "3. Done with that list.\n\nTherefore the area is 9."
    )
    assert _titles(text)[1:3] == ["Find the length of a side", "Find the area"]
    texts = _texts(text)
    assert len(texts) == 5
    assert "s = 3" in texts[1] and "a detail" in texts[1]
    assert "inner list" in texts[2]
    assert texts[4].startswith("Therefore")


def test_paragraphs_with_their_displayed_formulas() -> None:
    text = (
        "First we look at the sum:\n\n\\[ 3 + 4\n\n = 7 \\]\n\nand that is it.\n\n"
        "Next comes the product, which is 3 * 4 = 12."
    )
    assert [t[:5] for t in _texts(text)] == ["First", "Next "]


def test_nothing_is_cut_inside_a_fence_or_a_formula() -> None:
    text = (
        "We run this.\n\n```python\na = 1\n\nStep = 2\n\n# Step 3: more\n```\n\n"
        "It gives \\begin{align}\n a &= 1 \\\\\n\n b &= 2\n\\end{align}\nas it should."
    )
    for piece in find_pieces(text):
        for left, right in (("```python", "more\n```"), ("\\begin", "\\end{align}")):
            at, stop = text.index(left), text.index(right) + len(right)
            assert not at < piece.start < stop
            assert not at < piece.end < stop


def test_one_paragraph_is_cut_where_a_result_ends() -> None:
    text = (
        "He sells 3 * 4 = 12 pears The crates cost 2 * 5 = $10 in all. "
        "Dr. Hale pays 12 - 10 = 2 dollars to Mr. Moss 9 + 1 = 10 dollars remain"
    )
    assert _texts(text) == [
        "He sells 3 * 4 = 12 pears",
        "The crates cost 2 * 5 = $10 in all.",
        "Dr. Hale pays 12 - 10 = 2 dollars to Mr. Moss 9 + 1 = 10 dollars remain",
    ]


def test_prose_is_cut_at_sentences_that_stand_alone() -> None:
    text = (
        "Seals live in cold water. This means that they need fat. Dogs live on land. "
        "So the answer is no."
    )
    assert _texts(text) == [
        "Seals live in cold water. This means that they need fat.",
        "Dogs live on land.",
        "So the answer is no.",
    ]


@pytest.mark.parametrize("turn", ["Wait, ", "But wait. ", "Alternatively, ", "Hmm, ", "Actually, "])
def test_a_turn_begins_a_step(turn: str) -> None:
    text = f"So there are 3 * 4 = 12 pears in all. {turn}two of them are gone.\nSo we have 10."
    pieces = find_pieces(text)
    assert [piece.opening for piece in pieces].count("turn") == 1
    turned = next(piece for piece in pieces if piece.opening == "turn")
    assert text[turned.start : turned.end].startswith(turn.strip())


def test_a_long_section_is_cut_at_its_paragraphs() -> None:
    paragraph = "We add the numbers of the next row and see what the total is now. " * 5
    text = f"## One part here\n\n{(paragraph + chr(10) * 2) * 12}## Other part\n\nDone with it."
    for piece in find_pieces(text):
        assert piece.end - piece.start <= MAX_STEP_CHARS + len(paragraph)


def test_tags_and_rules_are_no_steps() -> None:
    text = "<|begin_of_thought|>\n\nWe count 3 pears.\n\n---\n\n<|end_of_thought|>\n\nSo it is 3."
    assert _texts(text) == ["We count 3 pears.", "So it is 3."]


_FRAGMENTS = st.sampled_from(
    ["\n", "\n\n", " ", "Step 3: ", "# ", "1. ", "**a b**", "\\[", "\\]", "$$", "```", "Wait, ",
     "no, that's wrong. ", "3 + 4 = 7", "? ** ", "How many", "The ", "x=3", "\\begin{a}",
     "\\end{a}", "<think>", "é", "\t", "= ", "½", "a", "."]
)  # fmt: skip


@given(st.lists(_FRAGMENTS, max_size=40).map("".join))
@settings(max_examples=300, deadline=None)
def test_pieces_are_in_order_and_lose_no_word(text: str) -> None:
    pieces = find_pieces(text)
    at = 0
    for piece in pieces:
        assert at <= piece.start < piece.end <= len(text)
        assert piece.start <= piece.body <= piece.end
        assert not text[piece.start : piece.end].isspace()
        lost = text[at : piece.start].replace("<think>", "")
        assert not lost.strip("-*_=# \n\t")
        at = piece.end


@pytest.mark.parametrize(
    "unit",
    ["a " * 30 + "\n", "= 1 a ", "= 1 A ", "1. a\n", "\\[ ", "$$", "x=1 ", "Wait, no. ", "**a",
     "( ", "a\n", "No, \n\n", "$$a$$ b. A ", "that is not right. ", "first, ", "Suppose. "],
)  # fmt: skip
def test_work_grows_with_length_alone(unit: str) -> None:
    # A quadratic reading of these would take minutes.
    assert written_steps(unit * (100_000 // len(unit)))


def test_published_traces_lose_no_word(shared_data: Path) -> None:
    with gzip.open(shared_data / "sky_traces.jsonl.gz", "rt", encoding="utf-8") as stream:
        traces = [json.loads(line)["trace"] for _, line in zip(range(60), stream, strict=False)]
    for trace in traces:
        pieces = find_pieces(trace)
        kept = sum(len("".join(trace[p.start : p.end].split())) for p in pieces)
        assert kept >= 0.97 * len("".join(trace.split()))
