"""Which program a trace ends with."""

from __future__ import annotations

import pytest

from tracemine.verifiers import find_program

FENCED = """I would multiply.

```python
def triple(n):
    return 3 * n
```

Call it so:

```python
print(triple(2))
```
"""


@pytest.mark.parametrize(
    ("trace", "program"),
    [
        ("def f(): return 1", "def f(): return 1"),
        (FENCED, "def triple(n):\n    return 3 * n\n"),
        ("```python\nx = 1\n```\n```py\ny = 2\n```", "y = 2\n"),
        (
            "```python\ndef f(): return 1\n```\n```python\ndef f(: return 2\n```",
            "def f(): return 1\n",
        ),
        ("First I would multiply, then add.", None),
        ("```python\ndef f(\n```", None),
        ("```\nno python\n```", None),
        ("(" * 100_000, None),
    ],
)
def test_the_program_of_a_trace(trace: str, program: str | None) -> None:
    found = find_program(trace)
    assert (None if found is None else trace[slice(*found)]) == program
