"""Does `search` find what a person asks for?

    python -m benchmarks.questions --store DIR [--json] [--quick]

Ten questions, written before any store was searched, each with values and the result that a fitting
routine gives for them. A hit fits if its routine, with the values in some order of roles, gives
that result for every set of values (two sets each, so that chance does not pass).

The peer is keyword search over the same words (subquestion and summary), ranked by TF-IDF cosine
(scikit-learn), in the same run.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from tracemine.store import Store
from tracemine.verifiers import Context, shared_sandbox, verify

#: Hits looked at for each question.
TOP = 5


@dataclass(frozen=True, slots=True)
class Question:
    """``cases``: values and the result that a fitting routine gives for them."""

    text: str
    cases: tuple[tuple[tuple[Any, ...], Any], ...]


@dataclass(frozen=True, slots=True)
class Routine:
    """What of a hit is asked to answer."""

    subquestion: str
    code: str
    entry_point: str
    names: list[str]


QUESTIONS = (
    Question(
        "how much money is left after buying several items at the same price?",
        (((100, 7, 3), 79), ((250, 12, 9), 142)),
    ),
    Question(
        "total cost of two kinds of items, each with its own price and quantity",
        (((4, 5, 3, 6), 38), ((7, 2, 9, 11), 113)),
    ),
    Question(
        "what does something cost after a discount of some percent?",
        (((200, 15), 170), ((80, 35), 52)),
    ),
    Question(
        "what does someone earn in a week from hours a day, days a week and an hourly wage?",
        (((8, 5, 12), 480), ((6, 4, 17), 408)),
    ),
    Question(
        "how many are left after giving some away and then getting more?",
        (((50, 13, 8), 45), ((91, 40, 7), 58)),
    ),
    Question(
        "share what remains of a total after a fee equally among people",
        (((110, 20, 6), 15), ((500, 50, 9), 50)),
    ),
    Question(
        "how many in both groups together when one is several times as large as the other?",
        (((5, 3), 20), ((12, 7), 96)),
    ),
    Question(
        "sum the numbers of a list between two positions",
        ((([2, 1, 5, 6, 8, 3, 4], 2, 4), 19), (([9, 9, 1, 2, 3], 1, 3), 12)),
    ),
    Question(
        "collect pairs of keys and values into a dictionary of lists",
        (
            (([("a", 1), ("b", 2), ("a", 3)],), {"a": [1, 3], "b": [2]}),
            (([("x", 5)],), {"x": [5]}),
        ),
    ),
    Question("nth Pell number", (((4,), 12), ((7,), 169))),
)


def fits(code: str, entry_point: str, names: list[str], question: Question) -> bool:
    """Whether a routine answers all cases of a question under one order of roles."""
    orders = itertools.permutations(range(len(names)))
    return any(
        all(_answers(code, entry_point, names, order, case) for case in question.cases)
        for order in orders
        if all(len(names) == len(values) for values, _ in question.cases)
    )


def _answers(
    code: str, entry_point: str, names: list[str], order: tuple[int, ...], case: Any
) -> bool:
    values, expected = case
    bindings = {name: values[position] for name, position in zip(names, order, strict=True)}
    run = shared_sandbox().run(code, entry_point, bindings)
    if run.status != "ok":
        return False
    kind = "numeric" if isinstance(expected, (int, float)) else "exact"
    return verify(expected, run.value, Context(verifier=kind)).outcome == "agree"


def dense(store: Store, question: Question) -> list[Routine]:
    """What the store's own search gives, best first."""
    return [
        Routine(
            hit.subquestion,
            hit.variant.code,
            hit.variant.entry_point,
            [parameter.name for parameter in hit.signature.inputs],
        )
        for hit in store.search(question.text, k=TOP)
    ]


def keywords(store: Store) -> Callable[[Question], list[Routine]]:
    """A search by words over the entries that the store's own search serves."""
    rows = store.rows(
        "SELECT subquestion, summary, variants[1].code AS code, signature,"
        " variants[1].entry_point AS entry_point FROM procedures"
        " WHERE status IN ('verified', 'canonical') ORDER BY procedure_id"
    )
    model = TfidfVectorizer(stop_words="english")
    matrix = model.fit_transform([f"{row['subquestion']} {row['summary']}" for row in rows])

    def search(question: Question) -> list[Routine]:
        scores = (matrix @ model.transform([question.text]).T).toarray().ravel()
        best = np.argsort(-scores, kind="stable")[:TOP]
        return [
            Routine(
                rows[i]["subquestion"],
                rows[i]["code"],
                rows[i]["entry_point"],
                [p["name"] for p in json.loads(rows[i]["signature"])["inputs"]],
            )
            for i in best
        ]

    return search


def first_fitting(routines: list[Routine], question: Question) -> int | None:
    """The rank, from 1, of the first routine that fits, or None."""
    for rank, routine in enumerate(routines, start=1):
        if fits(routine.code, routine.entry_point, routine.names, question):
            return rank
    return None


def main() -> None:
    """Ask all questions both ways, print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="the same: it takes seconds")
    arguments = parser.parse_args()
    store = Store.open(arguments.store)
    peer = keywords(store)
    results = []
    for question in QUESTIONS:
        hits = dense(store, question)
        results.append(
            {
                "question": question.text,
                "rank": first_fitting(hits, question),
                "keyword_rank": first_fitting(peer(question), question),
                "hits": [hit.subquestion for hit in hits],
            }
        )
    found = sum(result["rank"] is not None for result in results)
    by_keywords = sum(result["keyword_rank"] is not None for result in results)
    total = {"found": found, "keywords_found": by_keywords, "of": len(QUESTIONS), "top": TOP}
    if arguments.json:
        print(json.dumps({**total, "questions": results}))
        return
    for result in results:
        print(f"{result['rank'] or '-'} (keywords {result['keyword_rank'] or '-'})"
              f"  {result['question']}")  # fmt: skip
        for hit in result["hits"]:
            print(f"       {hit}")
    print(f"a fitting entry in the first {TOP}: {found} of {len(QUESTIONS)} questions;"
          f" by keywords {by_keywords}")  # fmt: skip


if __name__ == "__main__":
    main()
