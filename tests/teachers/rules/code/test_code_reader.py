"""The code reader, from a trace to spans: blocks, whole programs, what is no code."""

from __future__ import annotations

import pytest
from code_traces import PROBLEM, PROGRAM, check_spans, code_trajectory
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.schemas import decode
from tracemine.teachers.base import Segmentation
from tracemine.teachers.rules.code.reader import MAX_SPANS, read_code
from tracemine.verifiers.sandbox import Sandbox, shared_sandbox


def test_blocks_that_go_on_with_one_another_are_one_program(sandbox: Sandbox) -> None:
    trace = (
        "First:\n```python\nimport math\nlegs = 37\n```\nNext ²:\r\n"
        "```python\nlong = math.hypot(legs, 2 * legs)\nprint(long)\n```\n"
        "```python\nprint(nothing_defines_this)\n```\n"
    )
    trajectory = code_trajectory(trace, problem="Legs of 37 cm, and twice that?", answer="82.7345")
    found = read_code(trajectory, sandbox)
    check_spans(trajectory, found, sandbox)
    assert [d.reason for d in found.dropped] == ["program fails"]
    (span,) = found.spans
    assert span.code is not None and span.code.startswith("import math\n")
    assert decode(span.instances[0].bindings) == {"legs": 37}
    assert span.quote == "long = math.hypot(legs, 2 * legs)"


@pytest.mark.parametrize(
    "trace",
    [
        # Its own Fraction, and things that only look like numbers of a library.
        "class Fraction:\n    is_Rational = True\n    is_Integer = False\nx = Fraction()\n"
        "y = 31 + 2 * 17\nprint(y)\n",
        "class Liar:\n    @property\n    def is_Integer(self):\n        raise SystemExit\n"
        "x = Liar()\nprint(3)\n",
        "class T(type):\n    @property\n    def __module__(cls):\n        raise KeyError\n"
        "class U(metaclass=T):\n    pass\nx = U()\nprint(3)\n",
        "def _tm_copy(v):\n    return [False, 3, 'text']\nx = 31 * 2 - 1\nprint(x)\n",
        "def _tm_copy(v):\n    return [False, 3, ['text']]\nx = 31 * 2 - 1\nprint(x)\n",
        "def _tm_collect():\n    return [[[':0:after', 'x', [False, {}, 'named']]], [], []]\n"
        "x = 31 * 2 - 1\nprint(x)\n",
        "from sympy import *\nx = symbols('x')\ny = (x + 31)**400\nz = expand(y)\nprint(z)\n",
        "import numpy as np\nx = np.zeros((3000, 3000)) + 31\nprint(x)\n",
        "from sympy import *\n" + "".join(f"print(symbols('a{i}'))\n" for i in range(40)),
        "x = {}\nx[1] = x\nprint(x)\n",
        "def f(a):\n    def f(a):\n        return a\n    return f(a)\nprint(f(3))\n",
    ],
)
def test_hostile_values_cost_nothing_but_themselves(trace: str, sandbox: Sandbox) -> None:
    trajectory = code_trajectory(trace, problem="Of 31 and 17.", answer=r"\frac{1}{x}")
    found = read_code(trajectory, sandbox)
    for span in found.spans:
        assert span.code is not None and span.entry_point is not None


@pytest.mark.parametrize(
    ("trace", "reason"),
    [
        ("```python\nx = = 3\n```", "code does not parse"),
        ("```python\nx = 31 / 0\n```", "program fails"),
        ("```python\nx = int(input())\n```", "program fails"),
        ("```python\nwhile True:\n    x = 1\n```", "program times out"),
        ("```python\n" + "x = 1\n" * 9000 + "```", "code is longer than any routine"),
        ("```python\nx = " + "(" * 150 + "1" + " + 2)" * 150 + "\n```", "code nests too deeply"),
        ("```python\nx = " + "-" * 9000 + "1\n```", "code nests too deeply"),
    ],
)
def test_what_cannot_be_read_has_a_reason(trace: str, reason: str, sandbox: Sandbox) -> None:
    found = read_code(code_trajectory(trace), sandbox)
    assert not found.spans
    assert [d.reason for d in found.dropped] == [reason]


@pytest.mark.parametrize("trace", ["", "No code here.", "42", "yes", "Then x = 3, so 5.", "\0=\0"])
def test_text_without_code_gives_nothing(trace: str, sandbox: Sandbox) -> None:
    assert read_code(code_trajectory(trace), sandbox) == Segmentation(())


def test_every_line_end_and_letter_keeps_offsets_right(sandbox: Sandbox) -> None:
    trace = (
        PROGRAM.replace("\n", "\r\n").replace("We can", "Så können wir 🎪:").replace("    ", "\t")
    )
    trace = trace.replace("# remaining balance", "# Rest für 🎪")
    trajectory = code_trajectory(trace, problem=PROBLEM, answer="55")
    found = read_code(trajectory, sandbox)
    check_spans(trajectory, found, sandbox)
    assert any(s.quote == "nadia_remaining = total - spent + refunds" for s in found.spans)


def test_spans_are_bounded(sandbox: Sandbox) -> None:
    lines = ["start = 31"] + [f"v{i} = start * {i + 2} - start" for i in range(60)]
    found = read_code(code_trajectory("\n".join(lines), problem="It starts with 31."), sandbox)
    assert len(found.spans) == MAX_SPANS
    assert any(d.reason.startswith("more routines") for d in found.dropped)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_read_without_an_error(text: str) -> None:
    for trace in (text, f"```python\n{text}\n```", f"x = 1\n{text}"):
        trajectory = code_trajectory(trace, problem=text)
        found = read_code(trajectory, shared_sandbox())
        for span in found.spans:
            assert trace[span.start : span.end] == span.quote
