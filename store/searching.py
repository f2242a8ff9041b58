"""In which order entries come to a caller who brings words alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tracemine.store.catalogue import Catalogue
from tracemine.store.hits import SCORE_DIGITS
from tracemine.store.index_kinds import Vectors
from tracemine.store.keywords import FUSED_DEPTH, POOL, WEIGHT, fused
from tracemine.store.nearest import Kept
from tracemine.store.requests import SERVED

#: What a filter keeps, by table.
KeptOf = Mapping[str, Kept | None]


@dataclass(frozen=True, slots=True)
class Scored:
    """The entry at a place of a table, and its inner product with the query, which is exact (see
    `embedder.GRID`), with what words add."""

    table: str
    place: int
    score: float


def nearest(catalogue: Catalogue, vector: Vectors, kept: KeptOf, k: int) -> list[Scored]:
    """The ``k`` entries nearest to ``vector`` (d,) among those that are ``kept``, best first. Ties
    go by status, success rate, id."""
    found: list[Scored] = []
    for table, among in kept.items():
        near = catalogue.nearest(table).search(vector, k, among)
        settled = len(near.places) if near.complete else near.settled
        pairs = zip(near.places[:settled].tolist(), near.scores[:settled].tolist(), strict=True)
        found += [Scored(table, place, score) for place, score in pairs]
    return in_order(catalogue, found)[:k]


def lifted(catalogue: Catalogue, query: str, vector: Vectors, kept: KeptOf, k: int) -> list[Scored]:
    """The ``k`` procedures nearest to ``vector``, once the words of ``query`` have been added to
    the scores of the first `POOL`."""
    near = nearest(catalogue, vector, kept, max(k, POOL))
    starts = catalogue.offsets("procedure")
    pool = near[:POOL]
    positions = [starts[scored.table] + scored.place for scored in pool]
    words = catalogue.keywords().scores(query, positions)
    raised = [
        Scored(scored.table, scored.place, round(scored.score + WEIGHT * extra, SCORE_DIGITS))
        for scored, extra in zip(pool, words, strict=True)
    ]
    return [*in_order(catalogue, raised), *near[POOL:]][:k]


def both(catalogue: Catalogue, query: str, vector: Vectors, kept: KeptOf, k: int) -> list[Scored]:
    """The ``k`` best of two lists, each at least `FUSED_DEPTH` deep: the nearest to ``vector``,
    and those with the words of ``query`` (BM25). The score is that of `keywords.fused`."""
    depth = max(k, FUSED_DEPTH)
    near = nearest(catalogue, vector, kept, depth)
    worded: list[Scored] = []
    every_score, starts = catalogue.bm25().scores(query), catalogue.offsets("procedure")
    for table, among in kept.items():
        scores = every_score[starts[table] : starts[table] + len(catalogue.cards(table))]
        places = np.arange(len(scores)) if among is None else among.places
        places = places[scores[places] > 0]
        if len(places) > depth:
            least = np.partition(scores[places], -depth)[-depth]
            places = places[scores[places] >= least]
        worded += [Scored(table, place, float(scores[place])) for place in places.tolist()]
    worded = in_order(catalogue, worded)[:depth]
    known = {(s.table, s.place): number for number, s in enumerate([*near, *worded])}
    every = [*near, *worded]
    lists = [[known[s.table, s.place] for s in ranked] for ranked in (near, worded)]
    found = [
        Scored(every[n].table, every[n].place, round(score, SCORE_DIGITS))
        for n, score in fused(*lists)
    ]
    return in_order(catalogue, found)[:k]


def in_order(catalogue: Catalogue, found: Sequence[Scored]) -> list[Scored]:
    """By score; ties go by status (canonical before verified before the rest), success rate, id."""
    keys = {}
    for table in {scored.table for scored in found}:
        cards = catalogue.cards(table)
        places = [scored.place for scored in found if scored.table == table]
        for place, status in zip(places, cards.statuses(places), strict=True):
            rank = SERVED.index(status) if status in SERVED else len(SERVED)
            keys[table, place] = (rank, -cards.success_rates[place], cards.numbers[place])
    return sorted(found, key=lambda s: (-s.score, *keys[s.table, s.place]))


__all__ = ["KeptOf", "Scored", "both", "in_order", "lifted", "nearest"]
