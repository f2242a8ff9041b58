"""The artefact: snapshots of tables and an index, the policy they are made under, search, checks.

`begin` and `publish` write a snapshot, `Store` reads the live one, `fsck` checks it, `compact`
folds its files and `gc` removes what is no longer needed. `Embedder` is
the model that an index belongs to. Heavy libraries are imported when they are first needed.
"""

from tracemine.store.collect import Collected, gc
from tracemine.store.compact import Compacted, compact
from tracemine.store.embedder import Embedder
from tracemine.store.errors import PublishedMeanwhileError, RequestError, StoreError
from tracemine.store.fsck import fsck
from tracemine.store.policy import Policy, policy_hash
from tracemine.store.reader import Entry, Hit, Store
from tracemine.store.snapshot import Draft, Snapshot, begin, open_snapshot, publish, read_table

__all__ = [
    "Collected",
    "Compacted",
    "Draft",
    "Embedder",
    "Entry",
    "Hit",
    "Policy",
    "PublishedMeanwhileError",
    "RequestError",
    "Snapshot",
    "Store",
    "StoreError",
    "begin",
    "compact",
    "fsck",
    "gc",
    "open_snapshot",
    "policy_hash",
    "publish",
    "read_table",
]
