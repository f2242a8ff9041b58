"""What a verifier is asked, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from tracemine.verifiers.sandbox import Sandbox

Outcome = Literal["agree", "differ", "unknown"]

#: Who decided, where that was a model's judgement: no verifier, and not enough to rise by.
JUDGE = "judge"


def is_judged(verifier: str) -> bool:
    """Whether the verdict that ``verifier`` is recorded with is a model's judgement, whoever gave
    the result that was judged (``model:NAME+judge``)."""
    return verifier.rpartition("+")[2] == JUDGE


@dataclass(frozen=True, slots=True)
class Verdict:
    """``unknown`` is neither: the verifier cannot tell, and ``reason`` says why. ``verifier`` is
    the name of the one that decided."""

    outcome: Outcome
    reason: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Context:
    """What is known besides the two values.

    - ``verifier``: the name of one; without it the values and the rest of the context pick.
    - ``type``: the output type of the signature, see `schemas.types`; picks if no name is given.
    - ``texts``: the values are texts of final answers, LaTeX or plain, where one value is written
      in many ways. Otherwise they are plain values, and text is text.
    - ``unit``: the unit that the question fixes. A number without one is then in it. Without it, a
      number without a unit is taken to be in the unit of the other side.
    - ``options``: the texts of a multiple-choice question in their order, the first being A.
    - ``relative``, ``absolute``: tolerances between numbers of which one at least is no exact one;
      ``None`` for the ones of `numbers`.
    - ``setup``, ``entry_point``, ``bindings``, ``sandbox``: for code, see `tests` and `program`.
      Without a sandbox, code is ``unknown``.
    """

    verifier: str | None = None
    type: str = ""
    texts: bool = False
    unit: str = ""
    options: tuple[str, ...] = ()
    relative: float | None = None
    absolute: float | None = None
    setup: str = ""
    entry_point: str = ""
    bindings: Mapping[str, Any] = field(default_factory=dict)
    sandbox: Sandbox | None = field(default=None, compare=False)


#: Plain values, as replays compare them.
VALUES = Context()
#: Final answers of texts, as admission compares them.
ANSWERS = Context(texts=True)
