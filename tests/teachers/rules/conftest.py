"""What the tests of the rules share."""

from __future__ import annotations

import pytest

from tracemine.verifiers.sandbox import Sandbox, shared_sandbox


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    return shared_sandbox()
