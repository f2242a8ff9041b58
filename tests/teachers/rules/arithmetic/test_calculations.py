import gzip
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solved_problems import solved
from sound_spans import bound, returned, sound_spans

from tracemine.schemas import Span, Trajectory
from tracemine.schemas.values import decode
from tracemine.teachers.rules.arithmetic.calculations import MAX_SPANS, read_calculations
from tracemine.teachers.rules.arithmetic.chains import find_calculations, verdict

DATA = Path(__file__).parents[4].parent / "shared" / "data"


PROBLEM = (
    "Leila's hens lay 20 eggs a day. She eats three and uses 5 for cakes. She sells the remaining "
    "eggs for $2 each. How much does Leila earn per day?"
)
TRACE = (
    "Leila has 20 - 3 - 5 = <<20-3-5=12>>12 eggs left to sell.\n"
    "She earns 12 * 2 = $<<12*2=24>>24 every day."
)


def test_steps_and_the_routine_of_the_whole() -> None:
    spans = sound_spans(solved(PROBLEM, TRACE, "24"))
    assert [span.kind for span in spans] == ["procedural", "tool", "procedural"]
    step, last, whole = spans
    assert step.quote == TRACE.splitlines()[0]
    assert step.signature.output.name == "remaining_items"
    assert step.subquestion == "how many items are left after some are taken away twice"
    assert sorted(decode(step.instances[0].bindings).values()) == [3, 5, 20]
    assert last.tool == "operator.mul"
    assert (whole.start, whole.end) == (0, len(TRACE))
    assert whole.signature.output.name == "earnings"
    assert not re.search("egg|leila|hen", f"{whole.subquestion} {whole.code}", re.IGNORECASE)
    assert decode(whole.instances[0].result) == 24
    assert sorted(decode(whole.instances[0].bindings).values()) == [2, 3, 5, 20]
    assert all(span.instances[0].checked for span in spans)


@pytest.mark.parametrize("reference", ["$24", "24.0", " 24 ", "\\$24"])
def test_a_reference_is_read_as_a_number(reference: str) -> None:
    spans = read_calculations(solved(PROBLEM, TRACE, reference)).spans
    assert all(span.instances[0].checked for span in spans)


@pytest.mark.parametrize("reference", ["25", None, "no number", ""])
def test_nothing_is_checked_without_the_right_answer(reference: str | None) -> None:
    spans = read_calculations(solved(PROBLEM, TRACE, reference)).spans
    assert spans
    assert not any(span.instances[0].checked for span in spans)


def test_only_what_feeds_the_answer_is_checked() -> None:
    trace = TRACE.replace("\n", "\nA week would be 20 * 5 = 100 eggs in all.\n")
    spans = read_calculations(solved(PROBLEM, trace, "24")).spans
    aside = [span for span in spans if decode(span.instances[0].result) == 100]
    assert len(aside) == 1
    assert not aside[0].instances[0].checked


@pytest.mark.parametrize(
    ("trace", "value"),
    [
        ("So the pens cost 5 * $3 = $15 in all.", 15),
        ("So the pens cost $5 × 3 = $15 in all.", 15),
        (r"So we have \( 5 \times 3 = 15 \) in all.", 15),
        (r"So the pens \( 5 \cdot 3 + 2 = 17 \) in all.", 17),
        (r"So in all \[ \frac{5}{2} \cdot 3 = 7.5 \]", 7.5),
        ("The cost is 5 pens * 3 dollars = 15 dollars.", 15),
        ("In all 5 * 3 + 3 = 15 + 3 = 18 dollars.", 18),
        ("The total is x = 5 * 3 = 15 dollars.", 15),
        ("That is (5 + 2) / 2 = 3.5 for each.", 3.5),
        ("It is 40% of 5 = 2 dollars in all.", 2),
        (r"We get 5 * 3 = \boxed{15} dollars.", 15),
    ],
)
def test_plain_text_and_simple_latex(trace: str, value: float) -> None:
    trajectory = solved("Pens: 5 packs at $3, 2 loose ones, 40% off. How much?", trace)
    spans = sound_spans(trajectory)
    assert [decode(span.instances[0].result) for span in spans] == [value]


@pytest.mark.parametrize(
    "trace",
    [
        "Let 5x + 3 = 12 and so on.",
        "We know x + 5 + 3 = 12 for some x.",
        "We know that f(5) + 3 = 10 here.",
        r"We know that \sqrt{5} + 3 = 8 here.",
        r"We know that 5 + 3 = 8\pi there.",
        "The number 15 = 15 is not news.",
        "```python\ntotal = 5 * 3 = 15\n```",
        "It is 5 * 3 and that is all.",
    ],
)
def test_what_is_symbolic_or_code_is_left_alone(trace: str) -> None:
    assert find_calculations(trace) == []


@pytest.mark.parametrize(
    ("trace", "reason"),
    [
        ("So the pens cost 5 * $3 = $16 in all.", "does not compute"),
        ("So each pays 20 / 3 = 6.67 dollars.", "rounded result"),
        ("So each pays 20 / 3 ≈ 7 dollars.", "rounded result"),
        ("There are 60 * 24 = 1440 minutes in a day.", "no data of the instance"),
        ("Dividing 5 / 0 = 0 is not allowed here.", "does not compute"),
    ],
)
def test_what_is_not_mined_has_its_reason(trace: str, reason: str) -> None:
    problem = "Pens: 5 packs at $3. The 20 euros are shared by 3. How much?"
    segmentation = read_calculations(solved(problem, trace))
    assert not segmentation.spans
    assert [dropped.reason for dropped in segmentation.dropped] == [reason]


def test_an_annotation_and_its_text_are_one_calculation() -> None:
    assert len(find_calculations("So 6 + 8 = 7 * 2 = <<6+8=14>>14 plums. And 2 + 2 = 4.")) == 2


def test_a_repeated_calculation_is_mined_once() -> None:
    trace = "The pens cost 5 * $3 = $15.\nTo check: the pens cost 5 * $3 = $15."
    segmentation = read_calculations(solved("5 pens cost $3 each. How much?", trace, "15"))
    assert len(segmentation.spans) == 1
    assert [dropped.reason for dropped in segmentation.dropped] == ["repeated calculation"]


def test_constants_stay_in_the_code() -> None:
    problem = "A bike for 80 dollars is 25% off. Ben saves half of the rest. How much is that?"
    trace = (
        "The discount is 25 / 100 * 80 = $20 here.\nThe rest is 80 - 20 = $60.\n"
        "He saves 60 / 2 = $30 of it."
    )
    whole = sound_spans(solved(problem, trace, "30"))[-1]
    assert sorted(decode(whole.instances[0].bindings).values()) == [25, 80]
    assert "100" in (whole.code or "")
    assert "/ 2" in (whole.code or "")
    assert whole.signature.output.type == "rational"


def test_a_number_in_another_unit_is_another_number() -> None:
    problem = "A bus goes 60 miles per hour for 15 minutes. How far does it go?"
    trace = "15 minutes / 60 minutes = 0.25 hours.\nSo it goes 0.25 * 60 = 15 miles."
    first = sound_spans(solved(problem, trace, "15"))[0]
    assert decode(first.instances[0].bindings) == {"minutes": 15}
    assert "/ 60" in (first.code or "")


def test_a_percentage_is_data_in_every_form() -> None:
    trace = "With the discount the price is 80 * 0.75 = 60 dollars."
    (span,) = sound_spans(solved("A bike for 80 dollars is 25% off. How much?", trace, "60"))
    assert decode(span.instances[0].bindings) == {"discount_percent": 25, "price": 80}
    assert span.subquestion == "price after a percentage discount"


@pytest.mark.parametrize(
    "trace",
    [
        "The price falls by 80 * 25 / 100 = $20.\nSo it is 80 - 20 = $60.",
        "The price falls by 25/100 * 80 = $20.\nSo it is 80 - 20 = $60.",
        "The price falls by 80 * .25 = $20.\nSo it is 80 - 20 = $60.",
        "What is left is 100 - 25 = 75 percent.\nSo it is 80 * 75 / 100 = $60.",
        "So the price comes to 80 * (1 - 0.25) = $60.",
        "So the price comes to 0.75 * 80 = $60.",
    ],
)
def test_a_discount_is_one_routine_however_it_is_written(trace: str) -> None:
    whole = sound_spans(solved("A bike for $80 is 25% off. What is the price?", trace, "60"))
    assert whole[-1].code is not None
    assert whole[-1].code.endswith("    return price * (1 - discount_percent / 100)\n")


def test_adding_up_is_a_tool() -> None:
    problem = "Ida has 4 pens, 5 caps and 9 keys. How many things has she?"
    (span,) = sound_spans(solved(problem, "She has 4 + 5 + 9 = 18 things.", "18"))
    assert (span.kind, span.tool) == ("tool", "builtins.sum")


def test_what_comes_out_as_it_went_in_is_no_routine() -> None:
    problem = "Ida has 4 pens and 5 caps. How many pens?"
    segmentation = read_calculations(solved(problem, "She has 4 + 5 - 5 = 4 pens.", "4"))
    assert [d.reason for d in segmentation.dropped] == ["does not reproduce its own result"]


def test_a_written_question_becomes_the_subquestion() -> None:
    trace = TRACE.replace("Leila has", "How many eggs does Leila sell? ** Leila has")
    spans = sound_spans(solved(PROBLEM, trace, "24"))
    assert spans[0].subquestion == "how many eggs does someone sell?"
    assert spans[0].quote.startswith("** Leila has") or spans[0].quote.startswith("Leila has")


def test_an_operand_is_the_latest_unused_result() -> None:
    problem = "A hall has 4 rows of 6 red chairs and 3 rows of 8 blue chairs. How many chairs?"
    trace = (
        "There are 4 * 6 = 24 red chairs.\nThere are 3 * 8 = 24 blue chairs.\n"
        "In total 24 + 24 = 48 chairs."
    )
    whole = sound_spans(solved(problem, trace, "48"))[-1]
    assert sorted(decode(whole.instances[0].bindings).values()) == [3, 4, 6, 8]


def _whole(problem: str, trace: str, answer: str) -> dict[str, Any]:
    """The bindings of the routine from the data to the answer, of the first reading."""
    trajectory = solved(problem, trace, answer)
    spans = [s for s in sound_spans(trajectory) if s.instances[0].checked]
    return max((bound(span) for span in spans), key=len)


def _all_values(problem: str, trace: str, answer: str) -> list[list[Any]]:
    spans = read_calculations(solved(problem, trace, answer)).spans
    return [sorted(decode(s.instances[0].bindings).values()) for s in spans]


def test_a_number_that_is_stated_twice_is_two() -> None:
    problem = "A shed has 4 racks of 5 spades. It lends 5 spades out. How many spades stay?"
    trace = "There are 4 * 5 = 20 spades in the shed.\nSo 20 - 5 = 15 spades stay there."
    values = _all_values(problem, trace, "15")
    assert [4, 5, 5] in values
    assert values[0] == [4, 5]  # the first step alone
    assert values.count([4, 5]) == 1


def test_a_number_that_is_stated_once_is_one() -> None:
    problem = "A shed has 4 racks of 5 spades. One rack is sold. How many spades stay?"
    trace = "There are 4 * 5 = 20 spades in the shed.\nSo 20 - 5 = 15 spades stay there."
    assert _all_values(problem, trace, "15")[-1] == [4, 5]


def test_what_the_text_goes_back_to_is_one_number() -> None:
    problem = "A choir has 40 boys. A tenth of those 40 boys are ill. How many boys are well?"
    trace = "There are 40 / 10 = 4 boys ill.\nThat leaves 40 - 4 = 36 boys."
    assert 40 in _whole(problem, trace, "36").values()
    assert all(values.count(40) <= 1 for values in _all_values(problem, trace, "36"))


def test_words_say_which_of_two_equal_numbers_it_is() -> None:
    problem = (
        "Each of 3 aunts brings 6 plates, and 3 uncles bring 8 bowls each. How many more bowls "
        "than plates are there?"
    )
    trace = (
        "The uncles bring 3 * 8 = 24 bowls.\nThe aunts bring 3 * 6 = 18 plates.\n"
        "There are 24 - 18 = 6 more bowls."
    )
    assert sorted(_whole(problem, trace, "6").values()) == [3, 3, 6, 8]


def test_two_readings_that_the_text_leaves_open_are_both_there() -> None:
    problem = "Pia sells 100 eggs. How many crates of 10 eggs and sacks are left of the 50?"
    trace = (
        "She fills 100 / 10 = 10 crates.\nShe fills 100 / 20 = 5 sacks.\n"
        "First 5 * 2 = 10 are sold.\nSo 50 - 10 = 40 are left over."
    )
    spans = sound_spans(solved(problem, trace, "40"))
    inner = {span.code for span in spans if decode(span.instances[0].result) == 40}
    assert len(inner) > 1


def _coat(price: int, other: int) -> Trajectory:
    off = price // 10
    return solved(
        f"Una buys a ${price} coat with 10% off and a ${other} hat. How much does Una pay?",
        f"The discount is {price}*10/100=$<<{price}*10/100={off}>>{off}.\n"
        f"The coat costs {price}-{off}=$<<{price}-{off}={price - off}>>{price - off}.\n"
        f"Together {price - off}+{other}=$<<{price - off}+{other}={price - off + other}>>"
        f"{price - off + other}.",
        str(price - off + other),
    )


def _own_whole(spans: tuple[Span, ...], result: int) -> list[Span]:
    """The spans from the story's own numbers alone to ``result``."""
    return [
        span
        for span in spans
        if decode(span.instances[0].result) == result and "percent" in (span.code or "")
    ]


def test_numbers_that_do_not_tell_two_readings_apart_are_no_evidence() -> None:
    # Both prices are 50, and the text does not say which of them is paid besides the other.
    whole = _own_whole(sound_spans(_coat(50, 50)), 95)
    assert len(whole) > 1
    assert not any(span.instances[0].checked for span in whole)
    # What is the same in all readings is evidence as ever.
    steps = [s for s in read_calculations(_coat(50, 50)).spans if s not in whole]
    assert any(span.instances[0].checked for span in steps)
    told_apart = _own_whole(sound_spans(_coat(50, 30)), 75)
    assert told_apart
    assert all(span.instances[0].checked for span in told_apart)


def test_no_factor_is_itself_where_nothing_is_squared() -> None:
    problem = "Una, Eve, Ole and Kim fold 4 cranes each. How many cranes do they fold?"
    trace = "The friends fold 4 * 4 = 16 cranes."
    (span,) = sound_spans(solved(problem, trace, "16"))
    assert (span.code or "").endswith("return items_each * amount\n")
    problem = "A square tile has sides of 4 inches. What is its area?"
    (span,) = sound_spans(solved(problem, "It has 4 * 4 = 16 square inches.", "16"))
    assert list(bound(span).values()) == [4]
    assert "4" not in (span.code or "")


def test_interest_is_by_the_year_and_the_money_is_not() -> None:
    problem = "Ida saves $500 at 6% simple interest per year. What interest do 4 years bring?"
    *_, whole = sound_spans(solved(problem, "500 * 6 / 100 * 4 = $120", "120"))
    inputs = {p.name: p.unit for p in whole.signature.inputs}
    assert inputs == {"savings": "dollar", "years": "year", "percent_per_year": "percent"}
    assert whole.signature.output.unit == "dollar"


def test_what_is_converted_has_the_unit_that_it_is_converted_into() -> None:
    problem = "A bus drives at 90 km/h. What is its speed in meters per second?"
    (span,) = sound_spans(solved(problem, "90 * 1000 / 3600 = 25 m/s", "25"))
    (speed,) = span.signature.inputs
    assert (speed.unit, span.signature.output.unit) == ("kilometer/hour", "meter/second")
    problem = "Mo buys 3 dozen tulips; one tulip costs 50 cents. What does he pay in dollars?"
    trace = "3 * 12 = 36 tulips\n36 * 50 = 1800 cents\n1800 / 100 = $18"
    spans = sound_spans(solved(problem, trace, "18"))
    paid = [span for span in spans if decode(span.instances[0].result) == 18]
    assert {span.signature.output.unit for span in paid} == {"dollar"}


def test_what_is_taken_away_is_no_total() -> None:
    problem = "A pond has 40 fish. 5 fish swim off. One day 8 fish and then 4 fish are caught."
    trace = (
        "The total number of fish caught is 8 + 4 = 12 fish.\n"
        "There are 40 - 5 - 12 = 23 fish left in the pond."
    )
    spans = sound_spans(solved(problem, trace, "23"))
    names = {p.name for span in spans for p in span.signature.inputs}
    assert names == {"first_items", "second_items", "third_items", "fourth_items"}


@pytest.mark.parametrize("name", ["dogs", "rides"])
def test_no_sum_is_of_money_and_a_count(name: str) -> None:
    problem = (
        f"Bo takes 7 {name} a day for 7 days and earns $7 for each of them. He spends 7 dollars. "
        "How much money is left?"
    )
    trace = (
        "Bo takes 7*7=<<7*7=49>>49 in all.\nHe earns 49*7=$<<49*7=343>>343.\n"
        "There is 343-7=$<<343-7=336>>336 left."
    )
    spans = sound_spans(solved(problem, trace, "336"))
    (whole,) = {s.code for s in spans if len(decode(s.instances[0].bindings)) == 4}
    assert whole is not None
    assert re.search(r"- spending\w*$", whole.strip())


def test_what_is_spent_is_taken_from_what_is_saved() -> None:
    problem = (
        "Kim saves $6 in May, $6 in June and $6 in July. Then she spends $6. How much is left?"
    )
    trace = "Kim saves 6+6+6=$<<6+6+6=18>>18.\nSo there is 18-6=$<<18-6=12>>12 left."
    spans = sound_spans(solved(problem, trace, "12"))
    codes = [span.code or "" for span in spans]
    assert any(code.strip().endswith("- spending") for code in codes)
    assert not any(re.search(r"spending \+|\+ spending|return spending", code) for code in codes)


def test_what_is_known_to_be_two_things_is_not_added_up() -> None:
    problem = "A tin of 8 pears costs $8. Ann has $20."
    spans = sound_spans(solved(problem, "She needs 20 dollars + 8 pears = 28.", "28"))
    assert not spans


def test_spans_are_bounded() -> None:
    lines = [f"Row {n} has {n} * 7 = {n * 7} pear trees." for n in range(2, 400)]
    problem = "An orchard with rows of 7 pear trees. " + " ".join(str(n) for n in range(2, 400))
    segmentation = read_calculations(solved(problem, "\n".join(lines)))
    assert 0 < len(segmentation.spans) <= MAX_SPANS + 1
    assert "too many calculations in one trace" in {d.reason for d in segmentation.dropped}


@pytest.mark.parametrize(
    "piece",
    [
        "(",
        "((1+",
        "1+1=",
        "=",
        "1 + ",
        "<<1+",
        "\\frac{1}{",
        "1=1=",
        "9",
        "$",
        "1 a ",
        "- ",
        "```",
        "? ",
    ],
)
def test_time_is_linear_in_hostile_text(piece: str) -> None:
    def cost(characters: int) -> float:
        trajectory = solved("There are 1 and 9. How many?", (piece * characters)[:characters])
        times = []
        for _ in range(3):
            started = time.thread_time()
            read_calculations(trajectory)
            times.append(time.thread_time() - started)
        return min(times)

    # Sixteen times the text takes sixteen times as long, and would take 256 times if it were
    # quadratic; four times either way is for the machine.
    assert cost(32_000) < 64 * cost(2_000)


_PIECES = (
    "5 * 3 = 15", "20 - 5 = 15", "<<15*2=30>>", "= ", "$", "15", "3", "/", "+", "(", ")", "%",
    "pens", "\n", ". ", "So", "Leila", "How many? ** ", "0.25", "-", "\\frac{1}{2}", "x", "twice",
    "30 / 4 = 7.5",
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(_PIECES), max_size=30).map(" ".join))
def test_every_span_is_sound(trace: str) -> None:
    trajectory = solved("Leila buys 5 pens at $3 and 20 caps. How many has Leila?", trace, "30")
    sound_spans(trajectory)
    assert read_calculations(trajectory) == read_calculations(trajectory)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300), st.text(max_size=100))
def test_no_text_is_a_crash(trace: str, problem: str) -> None:
    read_calculations(solved(problem, trace, "1"))


def _published() -> Iterator[Trajectory]:
    with gzip.open(DATA / "gsm8k_train.jsonl.gz", "rt", encoding="utf-8") as file:
        for _, line in zip(range(300), file, strict=False):
            row = json.loads(line)
            trace, _, answer = row["answer"].rpartition("\n#### ")
            yield solved(row["question"], trace, answer)


@pytest.mark.skipif(not DATA.is_dir(), reason="the real data is not beside the repository")
def test_published_solutions_are_read_and_sound() -> None:
    found = [sound_spans(trajectory) for trajectory in _published()]
    assert sum(bool(spans) for spans in found) > 0.95 * len(found)
    checked = [span.instances[0].checked for spans in found for span in spans]
    assert sum(checked) > 0.9 * len(checked)


def _signatures(problem: str, trace: str, reference: str) -> list[tuple[Any, ...]]:
    found = []
    for span in sound_spans(solved(problem, trace, reference)):
        inputs = {p.name: p.unit for p in span.signature.inputs}
        found.append((span.signature.output.name, span.signature.output.unit, inputs, span))
    return found


def test_a_converted_value_has_the_unit_that_it_is_converted_into() -> None:
    problem = (
        "A tap gives 9 gallons per minute. How many gallons are that in 3 hours, less 20 spilt?"
    )
    trace = "3 hours is 3*60=180 minutes. 9*180=1620 gallons. 1620-20=1600 gallons."
    for _, _, inputs, span in _signatures(problem, trace, "1600"):
        bindings = decode(span.instances[0].bindings)
        assert all(bindings[name] == 3 for name, unit in inputs.items() if unit == "hour")
        assert all(bindings[name] == 180 for name, unit in inputs.items() if unit == "minute")


def test_names_that_units_contradict_are_none() -> None:
    problem = "A lorry goes 3 hours at 50 miles per hour, then 40 minutes. What is the sum?"
    trace = "In all that is 3 + 40 = 43 of them, and 43 * 50 = 2150 miles."
    segmentation = read_calculations(solved(problem, trace, "2150"))
    assert not [s for s in segmentation.spans if s.code is not None and "+" in s.code]
    reasons = [dropped.reason for dropped in segmentation.dropped]
    assert "units that contradict one another" in reasons


def test_units_that_contradict_are_no_units() -> None:
    problem = "Ada eats 30 kg a week and finds 12 shells, 4 stones and 2 feathers. Add all of it."
    (span,) = sound_spans(solved(problem, "That is 30 + 12 + 4 + 2 = 48 miles.", "48"))
    assert {p.unit for p in (*span.signature.inputs, span.signature.output)} == {None}
    names = [p.name for p in (*span.signature.inputs, span.signature.output)]
    assert not any(re.search("week|mile", name) for name in names)


@pytest.mark.parametrize(
    ("subject", "result", "output"),
    [
        ("The speed", "20 miles per hour", "miles_per_hour"),
        ("Her speed", "20 miles/hour", "miles_per_hour"),
        ("The speed", "20 mph", "miles_per_hour"),
    ],
)
def test_a_subject_names_the_result_and_no_operand(subject: str, result: str, output: str) -> None:
    problem = "A van goes 40 miles in 2 hours. What is its speed, and what is it 5 faster?"
    (found, *_) = _signatures(problem, f"{subject} is 40/2={result}.", "20")
    assert found[:2] == (output, "mile/hour")
    assert found[2] == {"miles": "mile", "hours": "hour"}


def test_the_subject_of_a_square_is_no_side() -> None:
    problem = "A square has sides of 5 cm. A circle beside it covers 12. What do both cover?"
    trace = "The area of the square is 5*5=25. Both cover 25+12=37."
    for output, _, inputs, span in _signatures(problem, trace, "37"):
        values = decode(span.instances[0].bindings)
        assert not any("area" in name and values[name] == 5 for name in inputs), output


def test_results_in_compound_units_are_read() -> None:
    problem = (
        "A tram goes 90 km in 3 hours and a bus 80 km in 4 hours. How much faster is the tram?"
    )
    trace = "The tram: 90/3=30 km/h. The bus: 80/4=20 km/h. The difference is 30-20=10 km/h."
    found = _signatures(problem, trace, "10")
    assert {unit for _, unit, _, _ in found} == {"kilometer/hour"}
    assert max(len(inputs) for _, _, inputs, _ in found) == 4


def test_formulas_of_physics_carry_their_units() -> None:
    problem = "A 2 kg cart is pushed with 3 m/s^2 over 5 m. Find the work."
    trace = (
        "\\[ F = 2 \\, \\text{kg} \\times 3 \\, \\text{m/s}^2 = 6 \\text{ N} \\]\n\n"
        "The work is $6 \\text{ N} \\times 5 \\text{ m} = 30 \\text{ J}$."
    )
    found = _signatures(problem, trace, "30")
    assert {unit for _, unit, _, _ in found} == {"newton", "joule"}
    assert "force" in {output for output, _, _, _ in found}
    (whole,) = (inputs for _, _, inputs, _ in found if len(inputs) == 3)
    assert set(whole.values()) == {"kilogram", "meter/second**2", "meter"}


def test_prices_behind_a_slash() -> None:
    problem = "Tea costs $30/kg. Ada buys 4 kg of it and a cup for $12."
    trace = "She pays 4 kg * $30/kg = $120. In all it is $120 + $12 = $132."
    inputs = [inputs for _, _, inputs, _ in _signatures(problem, trace, "132")]
    assert {"price_per_kilogram": "dollar/kilogram", "kilograms": "kilogram"} in inputs


_CURRENCIES = {"$": "dollar", "€": "euro", "£": "sterling", "₹": "rupee", "¥": "yen"}


def _signed(*texts: str) -> list[tuple[str, str]]:
    """Each sign with each text that it may stand in: that of dollars not behind a number, where it
    closes a formula."""
    behind = re.compile(r"\d ?\{0\}")
    return [(s, text) for s in _CURRENCIES for text in texts if s != "$" or not behind.search(text)]


@pytest.mark.parametrize(
    ("sign", "trace"),
    _signed(
        "Ida pays 4 * {0}30 = {0}120 for tea. In all she pays {0}120 + {0}12 = {0}132.",
        "Ida pays 4*30={0}<<4*30=120>>120 for tea. In all 120+12={0}<<120+12=132>>132.",
        "Ida pays 4*30=<<4*30=120>>{0}120 for tea. In all 120+12=<<120+12=132>>{0}132.",
        "Ida pays 4 * 30{0} = 120{0} for tea. In all she pays 120 {0} + 12 {0} = 132 {0}.",
    ),
)
def test_money_is_in_the_currency_that_is_written(sign: str, trace: str) -> None:
    problem = f"Tea costs {sign}30 a box. Ida buys 4 boxes, and a cup for {sign}12."
    *_, (_, unit, inputs, span) = _signatures(problem, trace.format(sign), "132")
    assert unit == _CURRENCIES[sign]
    assert sorted(inputs.values(), key=str) == sorted([None, unit, unit], key=str)
    assert "price_per_group" in inputs
    assert not re.search("euro|sterling|rupee|yen", f"{span.subquestion} {span.code}")


@pytest.mark.parametrize(("word", "unit"), [("euros", "euro"), ("rupees", "rupee"), ("yen", "yen")])
def test_money_is_in_the_currency_that_is_said(word: str, unit: str) -> None:
    problem = f"Tea costs 30 {word} a box. Ida buys 4 boxes, and a cup for 12 {word}."
    trace = f"Ida pays 4 * 30 = 120 {word} for tea. In all she pays 120 + 12 = 132 {word}."
    *_, (_, output, inputs, _) = _signatures(problem, trace, "132")
    assert output == unit
    assert sorted(inputs.values(), key=str) == sorted([None, unit, unit], key=str)


@pytest.mark.parametrize("operation", ["20 + 30 = 50", "€20 + $30 = 50", "€20 + $30 = €50"])
def test_two_currencies_are_not_added_up(operation: str) -> None:
    problem = "A lamp costs €20 and a rug costs $30. What do both cost?"
    segmentation = read_calculations(solved(problem, f"Both cost {operation} in all.", "50"))
    assert not segmentation.spans
    assert [d.reason for d in segmentation.dropped] == ["units that contradict one another"]


def test_a_rate_that_a_story_tells_is_its_own_number() -> None:
    problem = "For 3 dollars one gets €2. A lamp costs $30. How many euros is that?"
    (found,) = _signatures(problem, "That is 30 * 2 / 3 = €20.", "20")
    assert sorted(decode(found[3].instances[0].bindings).values()) == [2, 3, 30]
    assert not re.search(r"\d", (found[3].code or "").partition("return")[2])


def test_a_price_in_cents_is_added_to_one_in_euros() -> None:
    problem = "A pen costs €2 and a cap costs 50 cents. What do both cost in cents?"
    trace = "A pen costs 2 * 100 = 200 cents. Both cost 200 + 50 = 250 cents."
    *_, (_, unit, inputs, span) = _signatures(problem, trace, "250")
    assert unit == "cent"
    assert set(inputs.values()) == {"cent", "euro"}
    assert "* 100" in (span.code or "")


@pytest.mark.parametrize(("sign", "product"), _signed("{0}4 * 9", "9 * {0}4", "4{0} * 9"))
def test_a_sign_tells_a_number_from_its_equals(sign: str, product: str) -> None:
    problem = f"Ole sews for 4 hours and sells 9 caps. For a cap he gets {sign}4 at the fair."
    ((_, _, inputs, _),) = _signatures(problem, f"It is {product} = 36.".format(sign), "36")
    assert "hour" not in inputs.values()
    ((_, _, inputs, _),) = _signatures(problem, "It is 4 hours * 9 = 36.", "36")
    assert "hour" in inputs.values()


def test_what_a_problem_calls_without_a_verb() -> None:
    problem = "A rectangle has length 7 and width 3. Find its perimeter."
    ((output, _, inputs, _),) = _signatures(problem, "The perimeter is $2(7+3)=20$.", "20")
    assert output == "perimeter"
    assert list(inputs) == ["length", "width"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("2 * 100 cm = 200 cm = 2 m", 200), (r"12/2 = 6 \text{ cm} = 0.06 \text{ m}", 6)],
)
def test_a_result_that_is_converted_stays_in_its_first_unit(text: str, value: int) -> None:
    (calculation,) = find_calculations(text)
    assert calculation.stated == value


def test_a_result_that_changes_in_one_unit_does_not_hold() -> None:
    (calculation,) = find_calculations("5 * 3 = 15 km = 16 km")
    assert verdict(calculation) == (None, "does not compute")


def test_a_result_with_a_power_of_ten_is_rounded_to_its_own_digits() -> None:
    (rounded,) = find_calculations("7 * 10^14 / 3 = 2.33 * 10^14")
    assert verdict(rounded) == (None, "rounded result")
    (wrong,) = find_calculations("7 * 10^14 / 3 = 2.43 * 10^14")
    assert verdict(wrong) == (None, "does not compute")


def test_a_number_is_not_taken_twice_into_products_of_products() -> None:
    problem = "Fay sells 30 cups and 10 pairs of socks. A cup costs $10, a pair twice as much."
    trace = "A pair costs $10 * 2 = $20. So 10 pairs come to $20 * 10 = $200."
    (whole,) = (code for code in returned(problem, trace, "200") if code.count("*") == 2)
    first, second, _ = whole.split(" * ")
    assert first != second


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("How many lamps and chairs are there?", True),
        ("How many dozen tulips do robots plant?", False),
        ("How many lamps are left?", False),
        ("What is the difference between lamps and chairs?", False),
    ],
)
def test_a_written_question_is_about_the_data(question: str, asked: bool) -> None:
    trace = f"{question} ** 24 + 15 = <<24+15=39>>39 things"
    (span,) = sound_spans(solved("A shop has 24 lamps and 15 chairs.", trace, "39"))
    assert (span.subquestion == question.lower()) == asked
    assert "remain" not in f"{span.subquestion} {span.code}"


def test_what_is_left_is_asked_of_what_is_left_in_two_places() -> None:
    problem = "Ann has 9 lamps, and sells 2. Bo has 8 chairs, and sells 3. How many are left?"
    trace = (
        "9 - 2 = 7 lamps are left.\n8 - 3 = 5 chairs are left.\n"
        "How many lamps and chairs are left? ** 7 + 5 = <<7+5=12>>12 things"
    )
    spans = sound_spans(solved(problem, trace, "12"))
    assert "how many lamps and chairs are left?" in {span.subquestion for span in spans}
