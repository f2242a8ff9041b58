"""What an evaluation says a store is worth: the file that ``evaluate --json`` wrote, and the few
sentences that a person wants first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import fsspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tracemine.store.errors import RequestError
from tracemine.store.location import say

#: The arm that stands for the store, and simpler ways to search it, in words; of most there is one
#: more, which runs what it finds as the store does.
OURS = "typed_signature"
BASELINES = {
    "popularity": "taking the routines with the most spans",
    "random": "drawing an entry by lot",
    "bm25": "a search for keywords (BM25)",
    "whole_trace": "looking for the nearest whole traces",
    "words": "a search by words alone",
    "votes": "a vote of the nearest spans",
}
RUN = "_run"
#: What nothing is retrieved for: what is right in it is luck.
NOTHING = "no_store"
#: The store without a part of what makes it.
ABLATIONS = ("no_gate", "no_consolidation", "no_clustering")

#: Half of the last digit that `evaluate` prints of a share.
_ROUNDED = 0.5001e-4


class Arm(NamedTuple):
    """What an arm is called where it is drawn, and what it is in a few words;
    ``docs/evaluation.md`` says more."""

    label: str
    what: str


ARMS = {
    "typed_signature": Arm("the store", "the store: words and values, of entries that take them"),
    "bound": Arm("preconditions hold", "the same, of entries whose preconditions hold on them"),
    "typed": Arm(
        "typed by result alone", "words and values, of entries that give the wanted kind of value"
    ),
    "untyped": Arm("not typed", "words alone, of all entries"),
    "oracle": Arm(
        "best possible order",
        "the most that any order could reach: is anything in the store right?",
    ),
    "no_store": Arm("no store (luck)", "nothing retrieved: formulas made of the values, by luck"),
    "not_run": Arm("nothing tried", "as the store, without a look at what entries give"),
    "words": Arm("words alone", "of entries that take the values, words alone"),
    "popularity": Arm("most spans", "of entries that take the values, methods with the most spans"),
    "votes": Arm(
        "vote of nearest spans", "of entries that take the values, methods of the 40 nearest spans"
    ),
    "random": Arm("by lot", "of entries that take the values, by lot"),
    "bm25": Arm("keywords (BM25)", "of entries that take the values, BM25 of all they say"),
    "whole_trace": Arm(
        "nearest whole traces", "of entries that take the values, those of the nearest whole traces"
    ),
    "no_gate": Arm(
        "without the gate", "ablation: of all routines, as if none had to pass a replay"
    ),
    "no_consolidation": Arm("without consolidation", "ablation: of all spans, each by itself"),
    "no_clustering": Arm(
        "without clustering", "ablation: of all routines, one entry for each code"
    ),
    "teachers_words": Arm("in the teacher's words", "the store, asked in the teacher's own words"),
    "unnamed": Arm("values without names", "the store, asked with values without names"),
}

Count = Annotated[int, Field(ge=0)]
Proportion = Annotated[float, Field(ge=0, le=1)]
Difference = Annotated[float, Field(ge=-1, le=1)]
Tokens = Annotated[float, Field(ge=0)]


class _Read(BaseModel):
    # A text is no number, and what is not a number is no share.
    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class Figure(_Read):
    """A figure of ``n`` questions with its interval of 95%; null of nothing."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: Count = 0

    @model_validator(mode="after")
    def _in_order(self) -> Figure:
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low ({self.low}) is above high ({self.high})")
        return self


class Share(Figure):
    """The share of questions that are right, from 0 to 1."""

    value: Proportion | None = None
    low: Proportion | None = None
    high: Proportion | None = None


class Lift(Figure):
    """The difference of two shares, from -1 to 1."""

    value: Difference | None = None
    low: Difference | None = None
    high: Difference | None = None


class Mean(Figure):
    """A mean of tokens."""

    value: Tokens | None = None
    low: Tokens | None = None
    high: Tokens | None = None


class Retrieval(_Read):
    """What the first hits cost: tokens of each text, by number of hits."""

    tokens: dict[str, dict[str, Mean]] = {}


class Part(_Read):
    """The store after a part of its trajectories."""

    entries: Count
    typed_signature: dict[str, Share]


class Mined(_Read):
    """What the store that was asked says of how it was mined."""

    holdout: float | None = None
    teacher: str | None = None


class Evaluation(_Read):
    """What is read of the object that ``evaluate --json`` prints."""

    store: str = ""
    snapshot: str = ""
    mined: Mined = Mined()
    questions: Count
    problems: Count = 0
    entries: Count | None = None
    replay_at_k: dict[str, dict[str, Share]]
    lift: dict[str, dict[str, dict[str, Lift]]]
    retrieval: Retrieval = Retrieval()
    growth: dict[str, Part] = {}

    @model_validator(mode="after")
    def _whole(self) -> Evaluation:
        if self.questions:
            for name, of in (("replay_at_k", self.replay_at_k), ("lift", self.lift)):
                if OURS not in of:
                    raise ValueError(f"{name} has no {OURS}")
            if "1" not in self.lift[OURS].get(NOTHING, {}):
                raise ValueError(f"lift.{OURS} has no {NOTHING} at 1")
        return self


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether retrieval is worth its tokens, at one hit. ``over_nothing`` is how much more often
    the store is right than what answers without it (`NOTHING`, right on ``nothing``), ``best`` the
    simpler way to search the same entries that is right most often, ``lift`` how much more often
    than that the store is; None where there is none. ``tokens`` are those of the first hit with its
    routine, ``returned`` those of all that ``search --json`` prints of it; ``price`` those for each
    question that is gained, net of those that are lost: None where no gain is shown."""

    ours: Share
    nothing: Share
    over_nothing: Lift
    best: str | None
    baseline: Share
    lift: Lift
    tokens: Mean
    returned: Mean
    price: Mean | None


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
            where = ".".join(map(str, first["loc"]))
            told = f"{where}: {first['msg']}" if where else first["msg"]
            told = " ".join(told.split())
        raise RequestError(
            f"{path} is not what tracemine evaluate --json prints ({told})"
        ) from error


def judge(evaluation: Evaluation) -> Verdict | None:
    """The verdict at one hit; None if nothing was asked."""
    at_1 = {arm: shares.get("1", Share()) for arm, shares in evaluation.replay_at_k.items()}
    ours, lifts = at_1.get(OURS, Share()), evaluation.lift.get(OURS, {})
    if ours.value is None:
        return None
    told = {
        arm: share.value
        for arm, share in at_1.items()
        if arm.removesuffix(RUN) in BASELINES and share.value is not None and arm in lifts
    }
    best = max(told, key=told.__getitem__) if told else None
    over_nothing = lifts.get(NOTHING, {}).get("1", Lift())
    tokens = evaluation.retrieval.tokens.get("full", {}).get("1", Mean())
    return Verdict(
        ours,
        at_1.get(NOTHING, Share()),
        over_nothing,
        best,
        at_1[best] if best else Share(),
        lifts[best].get("1", Lift()) if best else Lift(),
        tokens,
        evaluation.retrieval.tokens.get("returned", {}).get("1", Mean()),
        _price(tokens, over_nothing),
    )


def shown(lift: Lift) -> bool | None:
    """Whether a difference is shown to be above 0 or below; None where its interval holds 0 or is
    not known."""
    if lift.low is None or lift.high is None or lift.low <= 0 <= lift.high:
        return None
    return lift.low > 0


def exact(figure: Figure) -> float | None:
    """The value of a share or difference, which `evaluate` prints to four digits, as the fraction
    of its ``n`` questions that it was rounded from."""
    value, n = figure.value, figure.n
    if value is None or not n:
        return value
    fraction = round(value * n) / n
    return fraction if abs(fraction - value) <= _ROUNDED else value


def label_of(arm: str) -> str:
    """What an arm is called where it is drawn; its own name if nobody has given it one."""
    if arm in ARMS:
        return ARMS[arm].label
    base = arm.removesuffix(RUN)
    return f"{ARMS[base].label}, tried" if base in ARMS else arm


def in_words(arm: str) -> str:
    """What a baseline does, in words that need no table."""
    said = BASELINES.get(arm.removesuffix(RUN), arm)
    return f"{said}, with what it finds tried on the values" if arm.endswith(RUN) else said


def _price(tokens: Mean, gain: Lift) -> Mean | None:
    """Tokens for each question gained: at its bounds the bounds of both, which is a wider interval
    than one of 95%."""
    if not shown(gain) or tokens.value is None or not gain.value or not gain.low or not gain.high:
        return None
    least = tokens.value if tokens.low is None else tokens.low
    most = tokens.value if tokens.high is None else tokens.high
    return Mean(
        value=tokens.value / gain.value, low=least / gain.high, high=most / gain.low, n=gain.n
    )


__all__ = [
    "ABLATIONS", "ARMS", "BASELINES", "NOTHING", "OURS", "RUN", "Evaluation", "Figure",
    "Lift", "Mean", "Part", "Share", "Verdict", "exact", "in_words", "judge", "label_of",
    "read_evaluation", "shown",
]  # fmt: skip
