"""store."""

from tracemine.store.embedder import Embedder
from tracemine.store.errors import RequestError, StoreError
from tracemine.store.policy import Policy

__all__ = ["Embedder", "Policy", "RequestError", "StoreError"]
