"""What an evaluation says a store is worth: the file that ``evaluate --json`` wrote, and the few
sentences that a person wants first."""

from __future__ import annotations

import json
from dataclasses import dataclass

import fsspec
from pydantic import BaseModel, ValidationError

from tracemine.store.errors import RequestError
from tracemine.store.location import say

#: The arm that stands for the store, and those that it must beat; of most there is one more, which
#: runs what it finds as the store does.
OURS = "typed_signature"
BASELINES = ("popularity", "random", "bm25", "whole_trace", "no_store", "words", "votes")
RUN = "_run"
#: What nothing is retrieved for: what is right in it is luck.
NOTHING = "no_store"

#: What each arm is, in a few words; `docs/evaluation.md` says more.
ARMS = {
    "typed_signature": "the store: words and values, of entries that take them",
    "bound": "the same, of entries whose preconditions hold on them",
    "typed": "words and values, of entries that give the wanted kind of value",
    "untyped": "words alone, of all entries",
    "oracle": "the most that any order could reach: is anything in the store right?",
    "no_store": "nothing retrieved: formulas made of the values, by luck",
    "not_run": "as the store, without a look at what entries give",
    "words": "of entries that take the values, words alone",
    "popularity": "of entries that take the values, methods with the most spans",
    "votes": "of entries that take the values, methods of the 40 nearest spans",
    "random": "of entries that take the values, by lot",
    "bm25": "of entries that take the values, BM25 of all they say",
    "whole_trace": "of entries that take the values, those of the nearest whole traces",
    "no_gate": "of all routines, as if none had to pass a replay",
    "no_consolidation": "of all spans, each by itself",
    "no_clustering": "of all routines, one entry for each code",
    "teachers_words": "the store, asked in the teacher's own words",
    "unnamed": "the store, asked with values without names",
}


class Share(BaseModel):
    """A share or mean with its interval of 95%; null of nothing."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0


class Retrieval(BaseModel):
    """What the first hits cost: tokens of each text, by number of hits."""

    tokens: dict[str, dict[str, Share]] = {}


class Part(BaseModel):
    """The store after a part of its trajectories."""

    entries: int
    typed_signature: dict[str, Share]


class Evaluation(BaseModel):
    """What is read of the object that ``evaluate --json`` prints."""

    store: str = ""
    snapshot: str = ""
    split: str = ""
    questions: int
    problems: int = 0
    entries: int = 0
    replay_at_k: dict[str, dict[str, Share]]
    lift: dict[str, dict[str, dict[str, Share]]] = {}
    by_domain: dict[str, dict[str, dict[str, Share]]] = {}
    by_source: dict[str, dict[str, dict[str, Share]]] = {}
    retrieval: Retrieval = Retrieval()
    growth: dict[str, Part] = {}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether retrieval is worth its tokens, at one hit. ``best`` is the baseline that is right
    most often; ``lift`` how much more often the store is, and ``over_nothing`` the same over luck.
    ``better``: the interval of ``lift`` is above 0; None where it holds 0. ``tokens`` are those of
    the first hit with its routine, ``price`` those for each question that is right and was not by
    luck; None where there is no such gain."""

    ours: Share
    best: str
    baseline: Share
    lift: Share
    over_nothing: Share
    better: bool | None
    tokens: float | None
    price: float | None


def read_evaluation(path: str) -> Evaluation:
    """The evaluation in the file at ``path`` (or any fsspec URL).

    Raises:
        RequestError: if it cannot be read, or is not what ``evaluate --json`` prints.
    """
    try:
        with fsspec.open(path, "rb") as stream:
            content = stream.read()
    except (OSError, ValueError, ImportError) as error:
        raise RequestError(f"cannot read the evaluation {path}: {say(error)}") from error
    try:
        return Evaluation.model_validate(json.loads(content))
    except (ValueError, RecursionError) as error:
        told = say(error)
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            told = f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}"
        raise RequestError(
            f"{path} is not what tracemine evaluate --json prints ({told})"
        ) from error


def judge(evaluation: Evaluation) -> Verdict | None:
    """The verdict at one hit; None if nothing was asked or an arm is missing."""
    at_1 = {arm: shares.get("1", Share()) for arm, shares in evaluation.replay_at_k.items()}
    ours = at_1.get(OURS, Share())
    told = {
        arm: share
        for arm, share in at_1.items()
        if arm.removesuffix(RUN) in BASELINES and share.value is not None
    }
    if ours.value is None or not told:
        return None
    best = max(told, key=lambda arm: told[arm].value or 0.0)
    lifts = evaluation.lift.get(OURS, {})
    lift = lifts.get(best, {}).get("1", Share())
    over_nothing = lifts.get(NOTHING, {}).get("1", Share())
    better = None
    if lift.low is not None and lift.high is not None and (lift.low > 0 or lift.high < 0):
        better = lift.low > 0
    tokens = evaluation.retrieval.tokens.get("full", {}).get("1", Share()).value
    gain = over_nothing.value
    price = tokens / gain if tokens is not None and gain is not None and gain > 0 else None
    return Verdict(ours, best, told[best], lift, over_nothing, better, tokens, price)


__all__ = [
    "ARMS", "BASELINES", "NOTHING", "OURS", "RUN", "Evaluation", "Part", "Share", "Verdict",
    "judge", "read_evaluation",
]  # fmt: skip
