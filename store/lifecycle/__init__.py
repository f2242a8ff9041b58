"""The life of entries: by what rules they rise, fall, expire and merge, and how ids stay.

Plain functions on records. `rules` says what becomes of one entry, `settle` what becomes of many:
which of the entries that were there each of those that were found continues.
"""

from tracemine.store.lifecycle.rules import Change, Failure, Standing, changes_of, expiry, worth
from tracemine.store.lifecycle.settle import Found, Previous, Settled, settle

__all__ = [
    "Change",
    "Failure",
    "Found",
    "Previous",
    "Settled",
    "Standing",
    "changes_of",
    "expiry",
    "settle",
    "worth",
]
