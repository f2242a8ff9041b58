"""New spans among those that a store has clustered: which groups become other ones.

Spans of a class that gets none stay in the groups that they are in; of the other classes every
vector is in memory, two kilobytes a span. What is not near anything new goes into the group
that it was in, and that need not be replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from tracemine.schemas import Rejected, Replay, content_id
from tracemine.schemas.arrow import Row
from tracemine.store import Store
from tracemine.store.cells import Cells, off_grid, on_grid, unpacked
from tracemine.store.views import ENTRIES
from tracemine.transforms.candidates import candidate_groups, trained
from tracemine.transforms.cluster import clustered_row, compatibility_class
from tracemine.transforms.duplicates import DUPLICATE, STAGE, identity
from tracemine.transforms.methods import variant_of, with_method
from tracemine.transforms.partition import BOUNDS, Bounds
from tracemine.transforms.segment import Proposal, reject_span

#: Gives the spans with these ids as proposals, by id.
Restore = Callable[[Collection[str]], Mapping[str, Proposal]]

#: The columns of ``replays AS r`` that a verdict is of.
_VERDICT = ", ".join(f"r.{name}" for name in Replay.__slots__)


@dataclass(frozen=True, slots=True)
class Regrouped:
    """What becomes of a store's groups when spans come.

    Attributes:
        groups: span ids of each group that is other than before.
        new: the spans that came and are in one, by id, with their vectors.
        out: stored spans that are in no group any more: one that came stands for them.
        kept_for: of each span that is another's duplicate, the one that stays.
        rejected: what the ledger says of these.
        cells: those of all classes that are cut into some.
        rows: of ``clustered``, of what came and of what is in a group of another name.
    """

    groups: tuple[tuple[str, ...], ...]
    new: Mapping[str, Proposal]
    out: frozenset[str]
    kept_for: Mapping[str, str]
    rejected: tuple[Rejected, ...]
    cells: Mapping[str, Cells]
    rows: tuple[Row, ...]


def regrouped(
    proposals: Iterable[Proposal],
    store: Store,
    restore: Restore,
    cells: Mapping[str, Cells],
    *,
    every: bool = False,
    bounds: Bounds = BOUNDS,
) -> Regrouped:
    """The groups of ``store`` with ``proposals``, which have their vectors, as `cluster.Cluster`
    gives them of all at once; classes that have ``cells`` are cut into these. With ``every`` all
    groups count as other than before.

    Raises:
        StoreError: if a file of the store is damaged.
    """
    distinct = _distinct(proposals, store, restore)
    coming: dict[str, list[Proposal]] = {}
    for one in distinct.new:
        coming.setdefault(compatibility_class(one.span), []).append(one)
    groups: list[tuple[str, ...]] = []
    labelled: dict[str, str] = {}
    now_cut = dict(cells)
    for name in _classes(store, coming, distinct.out, every=every):
        there = {
            row["span_id"]: row
            for row in store.rows(
                'SELECT span_id, group_id, shape FROM clustered WHERE "class" = ?', [name]
            )
        }
        before: dict[str, set[str]] = {}
        for row in there.values():
            before.setdefault(row["group_id"], set()).add(row["span_id"])
        shapes = {i: unpacked(row["shape"]) for i, row in there.items()}
        for out in distinct.out:
            shapes.pop(out, None)
        for one in coming.get(name, ()):
            shapes[one.span.id] = on_grid(np.frombuffer(one.shape_vector, np.float32))
        ids = sorted(shapes)
        if not ids:
            continue
        vectors = off_grid(np.stack([shapes[i] for i in ids]))
        if len(ids) > bounds.rows and name not in now_cut:
            now_cut[name] = trained(ids, on_grid(vectors), bounds)
        found = candidate_groups(name, ids, vectors, bounds, now_cut.get(name))
        labels = {min(members): label for label, members in before.items() if label}
        for group in ([ids[row] for row in numbers] for numbers in found):
            claimed = [labels[i] for i in group if i in labels]
            label = min(claimed, default=content_id("group", name, group))
            if every or before.get(label) != set(group):
                groups.append(tuple(group))
            labelled |= {i: label for i in group if i not in there or there[i]["group_id"] != label}
    new = {one.span.id: with_method(one) for one in distinct.new}
    rows = store.rows(
        "SELECT * FROM clustered WHERE span_id IN (SELECT unnest(?))",
        [sorted(labelled.keys() - new.keys())],
    )
    return Regrouped(
        tuple(groups),
        new,
        distinct.out,
        distinct.kept_for,
        distinct.rejected,
        now_cut,
        (
            *(row | {"group_id": labelled[row["span_id"]]} for row in rows),
            *(clustered_row(one, labelled[i]) for i, one in new.items()),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Distinct:
    new: tuple[Proposal, ...]
    out: frozenset[str]
    kept_for: Mapping[str, str]
    rejected: tuple[Rejected, ...]


def _distinct(proposals: Iterable[Proposal], store: Store, restore: Restore) -> _Distinct:
    """``proposals`` that are nobody's duplicates."""
    alike: dict[str, list[Proposal]] = {}
    for proposal in proposals:
        alike.setdefault(identity(proposal.span), []).append(proposal)
    rows = store.rows(
        "SELECT span_id, identity FROM clustered WHERE identity IN (SELECT unnest(?))",
        [sorted(alike)],
    )
    stored = restore({row["span_id"] for row in rows})
    for row in rows:
        alike[row["identity"]].append(stored[row["span_id"]])
    new: list[Proposal] = []
    rejected: list[Rejected] = []
    kept_for: dict[str, str] = {}
    for found in alike.values():
        first, *others = sorted(found, key=_head)
        if first.span.id not in stored:
            new.append(first)
        for other in others:
            kept_for[other.span.id] = first.span.id
            stays = "kept {} of {} row {}".format(*_head(first))
            rejected.append(reject_span(STAGE, DUPLICATE, other, stays, "duplicate"))
    out = frozenset(kept_for) & stored.keys()
    return _Distinct(tuple(new), out, kept_for, tuple(rejected))


def _head(proposal: Proposal) -> tuple[str, str, str]:
    return proposal.span.id, proposal.source.dataset, str(proposal.source.row)


def _classes(
    store: Store, coming: Collection[str], out: Collection[str], *, every: bool
) -> list[str]:
    """The classes whose groups may be others now: those that get spans or lose some, and those of
    which some have gone since they were grouped."""
    rows = store.rows(
        'SELECT DISTINCT "class" AS name FROM clustered '
        "WHERE ? OR group_id = '' OR span_id IN (SELECT unnest(?))",
        [every, sorted(out)],
    )
    return sorted({*coming, *(row["name"] for row in rows)})


# -- what hangs together -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Touched:
    """What a change of groups may change.

    Attributes:
        groups: proposals of each group that is to be replayed, in order of id.
        entries: ids of the entries that rest on a span of these, or have a variant of theirs.
        replays: the verdicts that the store has of these variants, by variant and instance.
        before: of each stored span of these groups, and of those that left them, the group that it
            was in.
        out: the spans that left.
    """

    groups: tuple[tuple[Proposal, ...], ...]
    entries: frozenset[str]
    replays: Mapping[str, Mapping[str, Replay]]
    before: Mapping[str, str]
    out: Mapping[str, Proposal]


def touched(found: Regrouped, store: Store, restore: Restore, also: Iterable[str] = ()) -> Touched:
    """All that has to be replayed and settled with the groups that are other than before, and with
    those of the spans ``also``: entries that rest on some of their spans, other groups that hold
    some of these entries' or have a variant of theirs, and so on.

    Raises:
        StoreError: if a file of the store is damaged.
    """
    homes = _Homes(store)
    changed = {i for group in found.groups for i in group} | found.out
    members: dict[str, list[str]] = {}
    for span, label in homes.groups.items():
        if span not in changed:
            members.setdefault(label, []).append(span)
    whole = {
        tuple(sorted(members[homes.groups[i]])) for i in also if i in homes.groups.keys() - changed
    }
    groups = {group[0]: group for group in (*found.groups, *whole)}
    changed |= {i for group in whole for i in group}
    proposals: dict[str, Proposal] = {i: p for i, p in found.new.items() if i in changed}
    entries: set[str] = set()
    replays: dict[str, dict[str, Replay]] = {}
    asked: set[str] = set()
    todo = set(changed)
    while todo:
        proposals |= restore(todo - proposals.keys())
        variants = {variant_of(proposals[i]) for i in todo} - asked
        met = {homes.by_span[i] for i in todo if i in homes.by_span}
        met |= {homes.by_variant[v] for v in variants if v in homes.by_variant}
        met -= entries
        entries |= met
        variants |= {v for entry in met for v in homes.variants[entry]} - asked
        asked |= variants
        spans = {i for entry in met for i in homes.spans[entry]}
        for span, *values in store.tuples(
            f"SELECT i.span_id, {_VERDICT} FROM replays AS r LEFT JOIN instances AS i "
            "USING (instance_id) WHERE r.variant_id IN (SELECT unnest(?))",
            [sorted(variants)],
        ):
            spans.add(span or "")
            verdict = Replay(*values)
            replays.setdefault(verdict.variant_id, {})[verdict.instance_id] = verdict
        labels = {homes.groups[i] for i in spans if i in homes.groups and i not in proposals}
        todo = set()
        for label in labels:
            group = tuple(sorted(members[label]))
            groups[group[0]] = group
            todo |= set(group)
    return Touched(
        tuple(
            tuple(_without_shape(proposals[i]) for i in groups[first]) for first in sorted(groups)
        ),
        frozenset(entries),
        replays,
        {i: homes.groups[i] for i in proposals if i in homes.groups},
        {i: proposals[i] for i in sorted(found.out)},
    )


def _without_shape(proposal: Proposal) -> Proposal:
    return replace(proposal, shape_vector=b"") if proposal.shape_vector else proposal


class _Homes:
    """Where spans and variants of a store are: their group, their entry."""

    def __init__(self, store: Store) -> None:
        rows = store.rows("SELECT span_id, group_id FROM clustered")
        self.groups: dict[str, str] = {row["span_id"]: row["group_id"] for row in rows}
        self.by_span: dict[str, str] = {}
        self.by_variant: dict[str, str] = {}
        self.spans: dict[str, set[str]] = {}
        self.variants: dict[str, set[str]] = {}
        for row in store.rows(
            "SELECT procedure_id, [p.span_id FOR p IN provenance] AS members, "
            "[v.span_id FOR v IN variants] AS founders, "
            f"[v.variant_id FOR v IN variants] AS variants FROM {ENTRIES}"
        ):
            entry = row["procedure_id"]
            self.spans[entry] = {*row["members"], *row["founders"]}
            self.variants[entry] = set(row["variants"])
            self.by_span |= dict.fromkeys(self.spans[entry], entry)
            self.by_variant |= dict.fromkeys(row["variants"], entry)


__all__ = ["Regrouped", "Restore", "Touched", "regrouped", "touched"]
