"""Attempts that must not get through: wrong answers, slips, nothing to check against, no rows.

What is here meets each way in which a record can leave the line before it becomes a procedure.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tracemine.data.stories import Story, tell
from tracemine.data.word_problems import annotate

#: Stories whose every step is computed right and whose method is wrong. ``truth`` is the answer.
WRONG = [
    Story(
        "forgets the second purchase",
        "cash=90,95; n=3,4; p=6,7; m=5; q=4,6; truth: cash-n*p-m*q",
        "With ${cash} in his wallet Fritjof buys {n} notebooks at ${p} each and {m} pens at ${q} each. How much money does he have left?",
        "The notebooks cost [$a: n*p].\nSo Fritjof has [$r: cash-a] left.",
    ),
    Story(
        "takes the tax from the full price",
        "price=200,300; d=10,20; t=5,10; truth: (price-price*d/100)*(100+t)/100",
        "A stove is offered at ${price}, less {d}%, and {t}% tax is added to the reduced price. What does the stove cost?",
        "The discount is [$o: price*d/100].\nThe reduced price is [$s: price-o].\nThe tax is [$x: price*t/100].\nThe stove costs [$r: s+x].",
    ),
    Story(
        "averages the speeds",
        "v=10,12; h=3; w=20,24; k=1; truth: (v*h+w*k)/(h+k)",
        "A milk float drives {h} hours at {v} km per hour and one hour at {w} km per hour. What is its average speed?",
        "The speeds add up to [s: v+w] km per hour.\nThe average speed is [r: s/2] km per hour.",
    ),
    Story(
        "shares before the costs",
        "n=20,30; p=6,9; c=45,60; k=3,5; truth: (n*p-c)/k",
        "{k} cousins sell {n} jars of jam at ${p} each. The jars and sugar cost ${c}, and what is left is shared equally. How much does each cousin get?",
        "They take in [$a: n*p].\nEach cousin gets [$b: a/k].\nAfter the costs that is [$r: b-c].",
    ),
    Story(
        "adds the times",
        "a=10,20; b=30,40; n=240,600; truth: n/(a+b)",
        "One loom makes {a} metres of cloth an hour, another {b} metres. How many hours do both together need for {n} metres?",
        "Alone the first needs [x: n/a] hours.\nAlone the second needs [y: n/b] hours.\nTogether that is [r: x+y] hours.",
    ),
    Story(
        "divides by the new value",
        "old=40,80; new=50,100; truth: (new-old)/old*100",
        "A bakery sold {old} rolls on Monday and {new} on Tuesday. By what percent did sales rise?",
        "Sales rose by [d: new-old] rolls.\nThat is [f: d/new] of them.\nSales rose by [r: f*100] percent.",
    ),
    Story(
        "pays overtime like other hours",
        "h=46,48; b=40; w=16,18; f=1.5; truth: b*w+(h-b)*w*f",
        "A plumber earns ${w} an hour for {b} hours and {f} times as much for hours beyond that. What is the pay for {h} hours?",
        "She works [$r: h*w] dollars' worth of hours, and that is the pay.",
    ),
    Story(
        "forgets the gate",
        "l=22,24; w=13,17; p=5,8; g=70,85; truth: 2*(l+w)*p+g",
        "A rectangular vineyard of {l} metres by {w} metres gets a fence at ${p} a metre and a gate at ${g}. What does it all cost?",
        "Two sides measure [s: l+w] metres.\nThe fence is [m: 2*s] metres long.\nIt all costs [$r: m*p].",
    ),
    Story(
        "goes only one way",
        "d=60,90; e=10,15; p=1.5,2; t=5,7; truth: 2*d/e*p+t",
        "A museum is {d} km away. The car goes {e} km on a litre, a litre costs ${p}, and parking costs ${t}. What does it cost to drive there and back?",
        "The car burns [l: d/e] litres.\nThe fuel costs [$c: l*p].\nWith parking it costs [$r: c+t].",
    ),
    Story(
        "ignores the money at the start",
        "s=30,45; i=50,60; o=20,35; w=5,8; truth: s+(i-o)*w",
        "Petra has ${s}. Each week she gets ${i} and spends ${o}. How much does she have after {w} weeks?",
        "Each week [$a: i-o] remains.\nAfter the weeks she has [$r: a*w].",
    ),
]  # fmt: skip

_GENERATOR = "hand-written"

#: Right answers with a step that does not compute, or only after rounding.
SLIPS = [
    {
        "problem": "Seven crates hold 8 melons each, and 6 melons are given away. How many melons remain?",
        "trace": "There are 7*8 = <<7*8=54>>54 melons, or rather 56.\nAfter giving some away, 56-6 = <<56-6=50>>50 remain.\n#### 50",
        "answer": "50",
        "reference": "50",
    },
    {
        "problem": "A rope of 10 metres is cut into 3 equal pieces. Rounded to centimetres, how many metres are 2 pieces?",
        "trace": "One piece is 10/3 = <<10/3=3.33>>3.33 metres.\nTwo pieces are about 6.67 metres.\n#### 6.67",
        "answer": "6.67",
        "reference": "6.67",
    },
    {
        "problem": "Tickets cost $13 for adults and $6 for children. What do 2 adults and 5 children pay?",
        "trace": "Adults: 2*13 = $<<2*13=26>>26.\nChildren: 5*6 = $<<5*6=35>>35, no, 30.\nAll: 26+30 = $<<26+30=56>>56.\n#### 56",
        "answer": "56",
        "reference": "56",
    },
    {
        "problem": "A tap fills 17 litres in 4 minutes. How many whole litres does it fill in 10 minutes?",
        "trace": "That is 17/4 = <<17/4=4.3>>4.3 litres a minute, rounded.\nIn 10 minutes it is 42 whole litres.\n#### 42",
        "answer": "42",
        "reference": "42",
    },
]

#: Nothing to check against, or nothing to check.
UNKNOWN = [
    {
        "problem": "A baker uses 12 eggs for each of 4 cakes and 7 for a flan. How many eggs is that?",
        "trace": "The cakes take 12*4 = <<12*4=48>>48 eggs.\nWith the flan that is 48+7 = <<48+7=55>>55 eggs.\n#### 55",
        "answer": "55",
        "reference": None,
    },
    {
        "problem": "A cyclist covers 18 km an hour for 3 hours and 5 km more on foot. How far is that?",
        "trace": "By bicycle: 18*3 = <<18*3=54>>54 km.\nIn all: 54+5 = <<54+5=59>>59 km.\n#### 59",
        "answer": "59",
        "reference": None,
    },
    {
        "problem": "How many stamps are on 6 sheets of 15 stamps and 8 loose stamps together?",
        "trace": "First the sheets, which are the larger part. Then the loose ones. I would have to think about it longer.",
        "answer": None,
        "reference": "98",
    },
]

#: The same problem and trace, for which two sources give different references.
DISPUTED = {
    "problem": "A lift carries 9 people at a time. How many people does it carry in 14 trips, if the last trip has 3 people fewer?",
    "trace": "Full trips would carry 14*9 = <<14*9=126>>126 people.\nIt carries 126-3 = <<126-3=123>>123 people.\n#### 123",
    "answer": "123",
}


@dataclass(frozen=True)
class Broken:
    """Lines that are no rows of their file, and after which of its rows they come."""

    file: str
    after: int
    line: str


BROKEN = [
    Broken("word_problems.jsonl", 10, '{"question": "A line that stops in the mid'),
    Broken("word_problems.jsonl", 40, json.dumps({"question": "Where did the answer go?"})),
    Broken(
        "algebra.jsonl",
        12,
        json.dumps({"problem": "Solve $x^2 = 9$.", "trace": "There are two solutions, $3$ and $-3$.", "answer": "3, -3", "reference": ["3", "-3"], "domain": "math"}),
    ),
    Broken(
        "stem.jsonl",
        8,
        json.dumps({"problem": "What is the boiling point of water at sea level?", "trace": None, "answer": "100", "reference": "100", "domain": "stem"}),
    ),
    Broken("stem.jsonl", 20, '{"problem": "A ratio of nothing to nothing", "trace": "0 / 0", "answer": NaN}'),
    Broken("code.jsonl", 15, json.dumps({"text": "Write a function without a solution.", "task_id": 0, "test_list": ["assert True"]})),
    Broken("code.jsonl", 30, '["a list", "is no row"]'),
]  # fmt: skip


def attempts() -> list[dict[str, Any]]:
    """The rows of the attempts, in the fields of the generic format."""
    rows: list[dict[str, Any]] = []
    for story in WRONG:
        told = tell(story, story.kind, annotate)
        trace = f"{told.answer}\n#### {told.result}"
        rows.append(
            {
                "problem": told.question,
                "trace": trace,
                "answer": told.result,
                "reference": told.truth,
            }
        )
    rows += SLIPS + UNKNOWN + [DISPUTED | {"reference": "123"}]
    return [row | {"domain": "math", "generator": _GENERATOR} for row in rows]
