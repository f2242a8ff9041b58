"""What a verifier says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["agree", "differ", "unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """``unknown`` is neither: the verifier cannot tell, and ``reason`` says why. ``verifier`` is
    the name of the one that decided."""

    outcome: Outcome
    reason: str
    verifier: str
