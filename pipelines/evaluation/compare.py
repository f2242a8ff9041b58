"""The arms of an evaluation, side by side on the same questions; `tables` says what each is worth.

untyped            words alone, of all that the store serves
typed              the caller's words and values, of entries that give what is wanted
typed_signature    the same, of entries that take the caller's values too
bound              the same, of entries whose preconditions hold on them
oracle             whether any entry of the store gives the result
no_store           formulas of the values, without any entry: what luck gives (`no_store`)

All below choose among what typed_signature leaves:

not_run            as typed_signature, without a look at what entries give
no_gate            as typed_signature, among all routines that replay would have judged
no_consolidation   as typed_signature, every span by itself
no_clustering      as typed_signature, routines gathered by their code, whatever their spans ask
teachers_words     as typed_signature, asked in the words of the teacher, who knew the routine
unnamed            as typed_signature, values without names: by unit, type and order alone
words              words alone, as a search without values
popularity         methods by the spans they rest on
votes              methods by the spans whose words are nearest
random             by lot
bm25               BM25 over the entries' texts and all that their spans say
whole_trace        entries of the traces whose whole text is nearest

and each of the last six as ``NAME_run``: its first hundred are run on the caller's values, and what
they give is weighed as it is for typed_signature.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from tracemine.pipelines.evaluation import arms
from tracemine.pipelines.evaluation.entries import (
    Entry,
    Shelf,
    returned,
    served,
    unclustered,
    unconsolidated,
    ungated,
)
from tracemine.pipelines.evaluation.gate import certain_of
from tracemine.pipelines.evaluation.growth import SHARES, shelves_at
from tracemine.pipelines.evaluation.intervals import Draws
from tracemine.pipelines.evaluation.leakage import (
    diversity,
    leakage,
    nothing_fits,
    nothing_holds,
    tokens_cost,
)
from tracemine.pipelines.evaluation.no_store import has_formula, plausible_formulas
from tracemine.pipelines.evaluation.passes import Outcome, Runs
from tracemine.pipelines.evaluation.questions import Question
from tracemine.pipelines.evaluation.tables import Json, Passes, shares, tabulate
from tracemine.pipelines.evaluation.traces import trace_vectors
from tracemine.schemas import Parameter, decode, encode
from tracemine.store import Embedder, Store
from tracemine.verifiers import Sandbox

#: Questions that the store's own search is asked, too.
SEARCHED = 100

#: Routines that are run on every question they fit in one go.
BATCH_ROUTINES = 200

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """What an arm found: whether one of the first k is right, which hits are, and of what runs."""

    passes: Passes
    right: arms.Right
    asking: arms.Asking
    runs: Runs


@dataclass(frozen=True)
class Bench:
    """What the arms of one evaluation share."""

    store: Store
    sandbox: Sandbox
    shelf: Shelf
    types: arms.Types
    asking: arms.Asking
    runs: Runs
    draws: Draws

    @cached_property
    def ungated(self) -> Shelf:
        """The store's shelf without its gate."""
        return ungated(self.store)

    @cached_property
    def spans(self) -> Shelf:
        """The store's shelf without consolidation."""
        return unconsolidated(self.store, self.shelf)

    @cached_property
    def outcomes(self) -> npt.NDArray[np.int8]:
        """What every entry does on every question: (questions, entries), by `Outcome`."""
        entries, questions = self.shelf.entries, self.asking.questions
        fits = np.array([self.types.runnable(question) for question in questions], dtype=bool)
        # Of no question there is no row to tell the width by.
        fits = fits.reshape(len(questions), len(entries))
        found = np.full(fits.shape, Outcome.UNFIT, dtype=np.int8)
        for start in range(0, len(entries), BATCH_ROUTINES):
            stop = start + BATCH_ROUTINES
            pairs = [(row, start + column) for row, column in np.argwhere(fits[:, start:stop])]
            self.runs.run((entries[column].routine, questions[row].id) for row, column in pairs)
            for row, column in pairs:
                given = self.runs.given(entries[column].routine, questions[row].id)
                found[row, column] = given.outcome
        return found

    @classmethod
    def of(cls, store: Store, questions: Sequence[Question], sandbox: Sandbox) -> Bench:
        """The bench for ``questions``, asked in the words of their problems."""
        shelf = served(store)
        return cls(
            store=store,
            sandbox=sandbox,
            shelf=shelf,
            types=arms.Types(shelf),
            asking=asking_in([question.asked for question in questions], questions, store.embedder),
            runs=Runs(questions, sandbox),
            draws=Draws([question.problem_id for question in questions]),
        )


def asking_in(
    words: Sequence[str], questions: Sequence[Question], embedder: Embedder
) -> arms.Asking:
    """``questions``, asked in ``words``."""
    return arms.Asking(tuple(questions), tuple(words), embedder.encode(list(words)))


def compare(bench: Bench) -> Json:
    """Every arm on the same questions, as `tables.tabulate` states it; ``own_methods``, the share
    of questions whose own method an entry or span of the store has (of the others no pass can be
    certain); ``no_formula``, the share for which no_store has nothing to try; and the ``pairs`` of
    routine and question that were run."""
    results: dict[str, Found] = {}

    def note(name: str, found: Found, started: float) -> None:
        results[name] = found
        first = float(found.passes[:, 0].mean()) if len(found.passes) else 0.0
        _LOGGER.info("%s: %.3f at 1, %.0f s", name, first, time.perf_counter() - started)

    for name, arm in ARMS.items():
        started = time.perf_counter()
        note(name, arm(bench), started)
    for name, way in NOT_RUNNING.items():
        started = time.perf_counter()
        ranked = way(bench)
        note(name, _passes(bench, ranked), started)
        started = time.perf_counter()
        ranked = arms.plausible_first(bench.shelf, bench.asking, ranked, bench.runs)
        note(f"{name}_run", _passes(bench, ranked), started)
    started = time.perf_counter()
    entries = [*bench.shelf.entries, *bench.ungated.entries, *bench.spans.entries]
    certain = _certain(results, entries, bench.sandbox)
    _LOGGER.info("certain passes: %.0f s", time.perf_counter() - started)
    methods = {entry.rankable.method for entry in entries}
    questions = bench.asking.questions
    own = bench.draws.share([float(question.method in methods) for question in questions])
    askable = [has_formula(list(bench.runs.values(question.id).values())) for question in questions]
    counts = [runs.count() for runs in {id(f.runs): f.runs for f in results.values()}.values()]
    return {
        **tabulate({n: f.passes for n, f in results.items()}, certain, questions, bench.draws),
        "own_methods": own.to_json(),
        "no_formula": bench.draws.share([float(not asked) for asked in askable]).to_json(),
        "pairs": {name: sum(count[name] for count in counts) for name in ("run", "timeouts")},
    }


def nothing_asked() -> Json:
    """What `compare` gives where there is no question: every arm, with n 0."""
    ran = [f"{name}_run" for name in NOT_RUNNING]
    empty = np.zeros((0, len(arms.KS)), dtype=bool)
    results = dict.fromkeys([*ARMS, *NOT_RUNNING, *ran], empty)
    nothing = Draws(())
    return {
        **tabulate(results, results, (), nothing),
        "own_methods": nothing.share([]).to_json(),
        "no_formula": nothing.share([]).to_json(),
        "pairs": {"run": 0, "timeouts": 0},
    }


def retrieval(bench: Bench) -> Json:
    """What retrieval costs and gives away, by the first hits of typed_signature: ``leakage`` of the
    reference answer and of the checked result, ``tokens``, ``diversity``, and the share of
    questions that no entry fits."""
    shelf, asking, types = bench.shelf, bench.asking, bench.types
    near = arms.by_ranking(shelf, asking, types.by_signature, bench.runs)
    ranked = [rows[: arms.DEPTH] for rows in near]
    hits = returned(bench.store, (shelf.entries[row].id for rows in ranked for row in rows))
    return {
        "leakage": leakage(shelf, asking, ranked, hits),
        "tokens": tokens_cost(shelf, asking, ranked, hits, bench.store.embedder.tokens),
        "diversity": diversity(shelf, asking, ranked),
        "nothing_fits": {
            "output": nothing_fits(asking, types.by_output),
            "signature": nothing_fits(asking, types.by_signature),
            "bound": nothing_holds(shelf, asking, types.by_signature, bench.runs),
        },
    }


def searching(bench: Bench) -> Json:
    """Whether `Store.search` gives what the arms say: of at most `SEARCHED` questions, those least
    by id, replay@k of ``search`` and of ``bound``, and how often both put the same entry first
    (``same_first``). A search for each question takes long."""
    asking = bench.asking
    few = replace(
        asking,
        questions=asking.questions[:SEARCHED],
        words=asking.words[:SEARCHED],
        vectors=asking.vectors[:SEARCHED],
    )
    told = replace(bench, asking=few, draws=Draws([q.problem_id for q in few.questions]))
    ranked = {
        "search": arms.by_search(bench.store, bench.shelf, few),
        "bound": arms.by_ranking(bench.shelf, few, _holding(bench), bench.runs),
    }
    same = [float(one[:1] == other[:1]) for one, other in zip(*ranked.values(), strict=True)]
    found = {name: _passes(told, rows).passes for name, rows in ranked.items()}
    return {
        "replay_at_k": shares(found, told.draws),
        "same_first": told.draws.share(same).to_json(),
    }


def growth(bench: Bench) -> Json:
    """typed_signature as the store would stand after each of `SHARES` of its trajectories."""
    shelves = shelves_at(bench.store, bench.shelf, bench.spans)
    return {
        f"{share:.0%}": {
            "entries": len(shelf.entries),
            **shares({"typed_signature": on_shelf(bench, shelf).passes}, bench.draws),
        }
        for share, shelf in zip(SHARES, shelves, strict=True)
    }


# -- arms --------------------------------------------------------------------------------------


def _untyped(bench: Bench) -> Found:
    every = np.ones(len(bench.shelf.entries), dtype=bool)
    return _passes(bench, arms.by_words(bench.shelf, bench.asking, lambda _: every))


def _typed(bench: Bench) -> Found:
    return _ranked(bench, bench.types.by_output)


def _typed_signature(bench: Bench) -> Found:
    return _ranked(bench, bench.types.by_signature)


def _bound(bench: Bench) -> Found:
    return _ranked(bench, _holding(bench))


def _holding(bench: Bench) -> Callable[[Question], arms.Mask]:
    """Entries that take a question's values, and whose preconditions hold on them."""
    places = {question.id: place for place, question in enumerate(bench.asking.questions)}
    holds = bench.outcomes > Outcome.UNMET

    def holding(question: Question) -> arms.Mask:
        mask: arms.Mask = bench.types.by_signature(question) & holds[places[question.id]]
        return mask

    return holding


def _oracle(bench: Bench) -> Found:
    right: arms.Right = []
    for question, row in zip(bench.asking.questions, bench.outcomes == Outcome.PASS, strict=True):
        entries = [bench.shelf.entries[column] for column in np.flatnonzero(row)]
        # Where the question's own method passes nothing else need be looked at.
        own = [entry for entry in entries if entry.rankable.method == question.method]
        right.append([(0, entry) for entry in own[:1] or entries])
    return _of_right(bench, right)


def _no_store(bench: Bench) -> Found:
    shelf, asking, ranked, runs = plausible_formulas(bench.asking, bench.sandbox)
    return _passes(replace(bench, shelf=shelf, asking=asking, runs=runs), ranked)


def _not_run(bench: Bench) -> Found:
    ranked = arms.by_ranking(
        bench.shelf, bench.asking, bench.types.by_signature, bench.runs, running=False
    )
    return _passes(bench, ranked)


def _words(bench: Bench) -> arms.Ranked:
    return arms.by_words(bench.shelf, bench.asking, bench.types.by_signature)


def _popularity(bench: Bench) -> arms.Ranked:
    votes = arms.popularity(bench.shelf)
    return arms.by_votes(bench.shelf, bench.asking, bench.types.by_signature, lambda _: votes)


def _votes(bench: Bench) -> arms.Ranked:
    votes = arms.nearest_spans(bench.spans, bench.asking)
    return arms.by_votes(bench.shelf, bench.asking, bench.types.by_signature, votes)


def _random(bench: Bench) -> arms.Ranked:
    return _scored(bench, arms.at_random(bench.shelf, bench.asking))


def _bm25(bench: Bench) -> arms.Ranked:
    return _scored(bench, arms.by_bm25(bench.shelf, bench.asking))


def _whole_trace(bench: Bench) -> arms.Ranked:
    embedder = bench.store.embedder
    traces = trace_vectors(bench.store, bench.shelf, embedder)
    asked = [f"{q.problem} {words}" for q, words in _asked(bench.asking)]
    return arms.by_whole_trace(
        bench.shelf, bench.asking, bench.types.by_signature, traces, embedder.encode(asked)
    )


def _no_gate(bench: Bench) -> Found:
    return on_shelf(bench, bench.ungated)


def _no_consolidation(bench: Bench) -> Found:
    # To the ranking each span is a method of its own, or it would consolidate them itself.
    return on_shelf(bench, bench.spans, apart=True)


def _no_clustering(bench: Bench) -> Found:
    # Its own problem and those that replay it: as many as an entry needs.
    enough = 1 + bench.store.snapshot.policy.min_replays
    return on_shelf(bench, unclustered(bench.store, enough))


def _teachers_words(bench: Bench) -> Found:
    questions = bench.asking.questions
    words = [question.subquestion for question in questions]
    told = replace(bench, asking=asking_in(words, questions, bench.store.embedder))
    return _ranked(told, told.types.by_signature)


def _unnamed(bench: Bench) -> Found:
    questions = [without_names(question) for question in bench.asking.questions]
    asking = replace(bench.asking, questions=tuple(questions))
    told = replace(bench, asking=asking, runs=Runs(questions, bench.sandbox))
    return _ranked(told, told.types.by_signature)


ARMS: Mapping[str, Callable[[Bench], Found]] = {
    "untyped": _untyped,
    "typed": _typed,
    "typed_signature": _typed_signature,
    "bound": _bound,
    "oracle": _oracle,
    "no_store": _no_store,
    "not_run": _not_run,
    "no_gate": _no_gate,
    "no_consolidation": _no_consolidation,
    "no_clustering": _no_clustering,
    "teachers_words": _teachers_words,
    "unnamed": _unnamed,
}

#: Ways that do not run what they find. Each is an arm, and as ``NAME_run`` another.
NOT_RUNNING: Mapping[str, Callable[[Bench], arms.Ranked]] = {
    "words": _words,
    "popularity": _popularity,
    "votes": _votes,
    "random": _random,
    "bm25": _bm25,
    "whole_trace": _whole_trace,
}


def on_shelf(bench: Bench, shelf: Shelf, *, apart: bool = False) -> Found:
    """As typed_signature, with another shelf; its entries may be ``apart`` (`arms.by_ranking`)."""
    moved = replace(bench, shelf=shelf, types=arms.Types(shelf))
    return _ranked(moved, moved.types.by_signature, apart=apart)


def without_names(question: Question) -> Question:
    """``question`` with values called by their place in the order of mention alone."""
    names = {key.name: f"value_{place}" for place, key in enumerate(question.keys, 1)}
    keys = [Parameter(names[key.name], key.type, key.unit) for key in question.keys]
    bindings = {names[name]: value for name, value in decode(question.bindings).items()}
    return replace(question, keys=tuple(keys), bindings=encode(bindings))


def _asked(asking: arms.Asking) -> Iterable[tuple[Question, str]]:
    return zip(asking.questions, asking.words, strict=True)


def _ranked(bench: Bench, masks: Callable[[Question], arms.Mask], *, apart: bool = False) -> Found:
    ranked = arms.by_ranking(bench.shelf, bench.asking, masks, bench.runs, apart=apart)
    return _passes(bench, ranked)


def _scored(bench: Bench, score: Callable[[int], arms.Scores]) -> arms.Ranked:
    return arms.by_score(bench.asking, bench.types.by_signature, score)


def _passes(bench: Bench, ranked: arms.Ranked) -> Found:
    return _of_right(bench, arms.right(bench.shelf, bench.asking, ranked, bench.runs))


def _of_right(bench: Bench, right: arms.Right) -> Found:
    return Found(_first_k(right), right, bench.asking, bench.runs)


def _first_k(right: arms.Right) -> Passes:
    return arms.within([[place for place, _ in hits] for hits in right])


def _certain(
    results: Mapping[str, Found], entries: Sequence[Entry], sandbox: Sandbox
) -> dict[str, Passes]:
    """Of each arm what passes are no chance (`gate.certain_of`)."""
    known: dict[int, dict[Any, Any]] = {}
    found = {}
    for name, of_arm in results.items():
        told = known.setdefault(id(of_arm.runs), {})
        questions = of_arm.asking.questions
        right = certain_of(questions, of_arm.right, entries, of_arm.runs, sandbox, told)
        found[name] = _first_k(right)
    return found


__all__ = [
    "ARMS", "Bench", "compare", "growth", "nothing_asked", "on_shelf", "retrieval",
    "searching", "without_names",
]  # fmt: skip
