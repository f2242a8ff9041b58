"""What a person did wrong, or what is wrong with a store, as one line that says what to do."""

from __future__ import annotations


class RequestError(Exception):
    """The request cannot be served as it was made: a bad flag, a missing file, a folder that cannot
    be written. The text is one line for the person who asked; the command line prints it and exits
    with 2. Not for bad rows, which belong in a ledger, and not for faults of tracemine."""


class StoreError(RequestError):
    """A store that cannot be opened as it is: missing, damaged, of another schema version, or made
    with another embedder."""


class SchemaVersionError(StoreError):
    """A store of another schema version: nothing can be told of it, not even whether it is
    damaged."""


class PublishedMeanwhileError(StoreError):
    """Another run has published to a store since a draft of its next snapshot was begun. Nothing
    was overwritten; ``draft`` is where the draft stays, with all that was written."""

    def __init__(self, message: str, *, draft: str) -> None:
        super().__init__(message)
        self.draft = draft
