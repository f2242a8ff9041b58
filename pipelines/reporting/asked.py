"""Which store and snapshot an evaluation asked, and whether it is the one that is shown."""

from __future__ import annotations

import posixpath

from tracemine.pipelines.reporting.worth import Evaluation
from tracemine.store import Store
from tracemine.store.errors import RequestError
from tracemine.store.history import History

#: The entries that `evaluate` asks: those with code.
_ASKED = "SELECT count(*) AS n FROM procedures WHERE coalesce(variants[1].code, '') <> ''"


def asked_snapshot(evaluation: Evaluation, path: str, store: str, history: History) -> str:
    """Which snapshot the evaluation in the file ``path`` asked, in words, where that is not the
    live one of ``store``; empty where it is.

    A store may be named in many ways, and moved. So one of another name is another store; of the
    same name it is another where the snapshot that was asked, if it is kept, was mined otherwise or
    serves another number of entries.

    Raises:
        RequestError: if it asked another store.
    """
    if evaluation.store and _name(evaluation.store) != _name(store):
        raise RequestError(
            f"{path} is of the store {evaluation.store}, not of {store}: evaluate the store that "
            "the report is of"
        )
    live = history.stores[-1].snapshot
    asked = [kept for kept in history.stores if kept.snapshot.number == evaluation.snapshot]
    for differs in filter(None, (_differs(evaluation, kept) for kept in asked)):
        raise RequestError(
            f"{path} is of another store than {store}: {differs} in snapshot {evaluation.snapshot}"
        )
    if evaluation.snapshot == live.number:
        return ""
    return f"snapshot {evaluation.snapshot}" if evaluation.snapshot else "a snapshot not stated"


def _name(store: str) -> str:
    return posixpath.basename(posixpath.normpath(store))


def _differs(evaluation: Evaluation, store: Store) -> str:
    """What an evaluation says otherwise than the snapshot ``store``; empty if nothing."""
    manifest, mined = store.snapshot.manifest, evaluation.mined
    for name, told in (("teacher", mined.teacher), ("holdout", mined.holdout)):
        if told is not None and told != manifest.get(name):
            return f"{name} {told}, here {manifest.get(name)}"
    here = store.rows(_ASKED)[0]["n"]
    if evaluation.entries not in (None, here):
        return f"{evaluation.entries:,} entries to find, here {here:,}"
    return ""


__all__ = ["asked_snapshot"]
