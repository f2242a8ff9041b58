"""What a run is asked to use is had, or the request is refused."""

from __future__ import annotations

import pytest

from tracemine.pipelines.requested import fingerprint_of, open_sandbox
from tracemine.store import RequestError
from tracemine.teachers import make_teacher
from tracemine.verifiers import Isolation, shared_sandbox


def test_the_sandbox_is_that_of_this_process() -> None:
    sandbox, found = open_sandbox(require_isolation=False)
    assert sandbox is shared_sandbox()
    assert isinstance(found, Isolation) and found == sandbox.isolation()


def test_a_teacher_is_told_by_its_fingerprint_or_refused() -> None:
    assert fingerprint_of("rules") == make_teacher("rules").fingerprint
    with pytest.raises(RequestError, match="unknown teacher 'oracle'"):
        fingerprint_of("oracle")
    with pytest.raises(RequestError, match="cut by the rules alone"):
        fingerprint_of("vllm:model")
    with pytest.raises(RequestError, match="names no model"):
        fingerprint_of("openai:http://localhost:8000/v1")
