"""What is supplied to monty does what CPython's own does."""

from __future__ import annotations

import builtins
import cmath
import heapq
import math
import operator
import string
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemine.schemas import encode
from tracemine.verifiers import Run, Sandbox, _definitions
from tracemine.verifiers._supplied import supply

numbers = st.integers(-20, 20) | st.floats(-5, 5) | st.integers()
members = (
    st.lists(numbers, max_size=12)
    | st.lists(st.text(max_size=3), max_size=8)
    | st.lists(st.tuples(st.integers(0, 3), st.text(max_size=1)), max_size=8)
)
BINARY = ("add", "and_", "concat", "contains", "eq", "floordiv", "ge", "getitem", "gt", "is_",
          "is_not", "le", "lt", "mod", "mul", "ne", "or_", "pow", "sub", "truediv",
          "xor")  # fmt: skip
UNARY = ("neg", "not_", "pos", "truth")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(processes=1) as opened:
        yield opened


def in_monty(sandbox: Sandbox, source: str, **bindings: Any) -> Run:
    assert supply(source) is not None
    (run,) = sandbox.run_many(source, "f", [bindings], backend="monty")
    return run


def agrees(run: Run, real: Callable[[], Any]) -> bool:
    """Whether it says what CPython does, if it says anything; whether it did."""
    try:
        expected = real()
    except Exception:  # noqa: BLE001 - whatever CPython raises monty must not pass
        assert run.status != "ok"
        return False
    if run.status == "ok":
        assert encode(run.value) == encode(expected)
    return run.status == "ok"


HEAPS = {
    "heapify": "heapq.heapify(xs)\n    return xs",
    "heappush": "heapq.heapify(xs)\n    heapq.heappush(xs, x)\n    return xs",
    "heappop": "heapq.heapify(xs)\n    return heapq.heappop(xs), xs",
    "heapreplace": "heapq.heapify(xs)\n    return heapq.heapreplace(xs, x), xs",
    "heappushpop": "heapq.heapify(xs)\n    return heapq.heappushpop(xs, x), xs",
    "nsmallest": "return heapq.nsmallest(n, xs), heapq.nsmallest(n, xs, key=str)",
    "nlargest": "return heapq.nlargest(n, xs), heapq.nlargest(n, xs, key=str)",
}


@pytest.mark.parametrize("body", HEAPS.values(), ids=HEAPS.keys())
@given(xs=members, n=st.integers(-1, 5), pick=st.integers(0, 100))
@settings(max_examples=60, deadline=None)
def test_heaps(body: str, xs: list[Any], n: int, pick: int, sandbox: Sandbox) -> None:
    source = f"import heapq\ndef f(xs, n, x):\n    {body}\n"
    x = xs[pick % len(xs)] if xs else pick
    space: dict[str, Any] = {}
    exec(source, space)
    run = in_monty(sandbox, source, xs=list(xs), n=n, x=x)
    assert agrees(run, lambda: space["f"](list(xs), n, x)) or not xs


@given(a=numbers | members, b=numbers | members)
@settings(max_examples=60, deadline=None)
def test_operators(a: Any, b: Any, sandbox: Sandbox) -> None:
    for name in BINARY:
        if name in ("pow", "mul") and not (type(b) is int and abs(b) < 50):
            continue
        source = f"from operator import {name}\ndef f(a, b): return {name}(a, b)\n"
        if name not in ("is_", "is_not"):  # of values that came from outside it says nothing
            agrees(in_monty(sandbox, source, a=a, b=b), partial(getattr(operator, name), a, b))
    for name in UNARY:
        source = f"import operator as o\ndef f(a): return o.{name}(a)\n"
        agrees(in_monty(sandbox, source, a=a), partial(getattr(operator, name), a))


@given(xs=st.lists(st.tuples(st.integers(), st.text(max_size=2), st.integers()), min_size=1))
@settings(max_examples=40, deadline=None)
def test_itemgetter(xs: list[Any], sandbox: Sandbox) -> None:
    source = (
        "from operator import itemgetter as g\n"
        "def f(xs): return sorted(xs, key=g(1)), max(xs, key=g(2, 0)), [g(-1)(x) for x in xs]\n"
    )
    g = operator.itemgetter
    run = in_monty(sandbox, source, xs=xs)
    real = (sorted(xs, key=g(1)), max(xs, key=g(2, 0)), [g(-1)(x) for x in xs])
    assert agrees(run, lambda: real)


@given(a=st.floats(), b=st.floats())
@settings(max_examples=150, deadline=None)
def test_complex_numbers(a: float, b: float, sandbox: Sandbox) -> None:
    source = "import cmath\ndef f(z): return cmath.phase(z), cmath.polar(z)\n"
    run = in_monty(sandbox, source, z=complex(a, b))
    near(run, lambda: (cmath.phase(complex(a, b)), cmath.polar(complex(a, b))), a, b)
    run = in_monty(sandbox, "import cmath\ndef f(a, b): return cmath.rect(a, b)\n", a=a, b=b)
    near(run, lambda: cmath.rect(a, b), a, b)


def near(run: Run, real: Callable[[], Any], *given: float) -> None:
    """As CPython says, but for the last digit, in which monty's own `math` may differ."""
    if run.status != "ok":
        extreme = [number for number in given if number and not 1e-150 < abs(number) < 1e150]
        assert extreme
        return
    told, expected = map(_flat, (run.value, real()))
    assert len(told) == len(expected)
    for one, other in zip(told, expected, strict=True):
        assert math.isclose(one, other, rel_tol=1e-14, abs_tol=1e-300)
        assert math.copysign(1, one) == math.copysign(1, other)


def _flat(value: Any) -> list[float]:
    if isinstance(value, tuple):
        return [number for part in value for number in _flat(part)]
    return [value.real, value.imag] if isinstance(value, complex) else [value]


METHODS = {
    "str": ["lower", "strip", "split", "isalpha", "title", "lstrip"],
    "list": ["count", "index", "copy"],
    "set": ["union", "issubset"],
    "dict": ["get", "keys"],
}


@given(xs=st.lists(st.text(max_size=4) | st.lists(st.integers(0, 3), max_size=3), max_size=4),
       y=st.text(max_size=2) | st.integers(0, 3))  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_methods_as_values(xs: list[Any], y: Any, sandbox: Sandbox) -> None:
    for kind, names in METHODS.items():
        for name in names:
            given_too = "" if name in ("lower", "isalpha", "title", "copy", "keys") else ", y"
            source = (
                f"def call(method, x, y): return method(x{given_too})\n"
                f"def f(xs, y): return [call({kind}.{name}, x, y) for x in xs]\n"
            )
            space: dict[str, Any] = {}
            exec(source, space)
            run = in_monty(sandbox, source, xs=list(xs), y=y)
            agrees(run, partial(space["f"], list(xs), y))


@given(counts=st.dictionaries(st.text(max_size=2) | st.integers(), st.integers(), min_size=1))
@settings(max_examples=40, deadline=None)
def test_the_get_of_a_dict_as_a_value(counts: dict[Any, int], sandbox: Sandbox) -> None:
    source = (
        "from collections import defaultdict\ndef f(d, xs):\n    e = defaultdict(int, d)\n"
        "    get = (d or e).get\n    d = None\n"
        "    return max(xs, key=e.get), sorted(xs, key=get), get(''), get('', 5), e.get('z', 1)\n"
    )
    space: dict[str, Any] = {}
    exec(source, space)
    xs = list(counts)
    run = in_monty(sandbox, source, d=counts, xs=xs)
    assert agrees(run, lambda: space["f"](counts, xs))


def test_constants_are_the_modules_own(sandbox: Sandbox) -> None:
    for module, names in ((string, ("ascii_lowercase", "digits", "punctuation", "whitespace")),
                          (cmath, ("pi", "e", "tau"))):  # fmt: skip
        for name in names:
            source = f"import {module.__name__}\ndef f(): return {module.__name__}.{name}\n"
            assert in_monty(sandbox, source).value == getattr(module, name)


@pytest.mark.parametrize(
    ("start", "deleted"),
    [
        ([1, 2, 3], "x[1]"), ([1, 2, 3], "x[-1], x[0]"), ([1, 2, 3, 4], "x[1:3]"), ([1, 2], "x[:]"),
        ({1: 2, 3: 4}, "x[3]"), ({(1, 2): 3}, "x[1, 2]"), ([[1, 2], 3], "(x[0] or x)[1]"),
        ([1, 2], "x[5]"), ({1: 2}, "x[2]"), ((1, 2), "x[0]"), ({1: 2}, "x[0:1]"), ({1: 2},
        "x[2, 1]"),
        ("ab", "x[0]"), ("ab", "x[0:1]"), ([1, 2], "x['a']"), ({1, 2}, "x[1]"),
    ],
)  # fmt: skip
def test_members_are_deleted(start: Any, deleted: str, sandbox: Sandbox) -> None:
    source = f"def f(x):\n    if x: del {deleted}\n    return x\n"
    space: dict[str, Any] = {}
    exec(source, space)
    run = in_monty(sandbox, source, x=start)
    copied = start if isinstance(start, (tuple, str)) else type(start)(start)
    if type(start) is list:
        copied = [list(x) if isinstance(x, list) else x for x in start]
    raises = deleted in ("x[5]", "x[2]", "x[2, 1]", "x['a']") or not isinstance(start, (list, dict))
    raises = raises or (isinstance(start, dict) and ":" in deleted)
    assert agrees(run, lambda: space["f"](copied)) is not raises


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("import math, heapq as h, operator\n"
         "def f(): return h.nsmallest(1, [math.gcd(4, 6), 5])", [2]),
        ("def f():\n    import heapq; import math\n    return heapq.nlargest(2, [1, 3])", [3, 1]),
        ("from heapq import (heappush as p,\n    heappop)\ndef f():\n    x = []\n    p(x, 1)\n"
         "    return heappop(x)", 1),
        # What the program makes of a builtin is not for the module.
        ("import heapq\ndef len(x): return 0\ndef range(x): return []\n"
         "def f(): return heapq.nsmallest(2, [3, 1, 2])", [1, 2]),
        ("import heapq\r\ndef f():\r\n    'about heapq.heappop'\r\n    x = [2, 1]\r\n"
         "    heapq.heapify(x)\r\n    return x", [1, 2]),
        ("from array import array\nimport cmath\ndef f(): return 'array'", "array"),
        ("import heapq\ndef f(): return f'{heapq.nsmallest(1, [1])}'", "[1]"),
        ("def f():\n    list = [3, 1]\n    a = {1: 2}\n    list.sort()\n"
         "    return list, str.upper('a'), a.get(1), dict.fromkeys([1]).get(1)",
         ([1, 3], "A", 2, None)),
        ("def f(model='del'):\n    x = {1: 2}\n    for k in [1]: del x[k]\n    return model, x",
         ("del", {})),
    ],
)  # fmt: skip
def test_programs_do_what_they_do_in_cpython(source: str, value: Any, sandbox: Sandbox) -> None:
    assert in_monty(sandbox, source).value == value
    (run,) = sandbox.run_many(source, "f", [{}], backend="cpython")
    assert run.value == value


@pytest.mark.parametrize(
    "source",
    [
        "import heapq\ndef f(): return heapq", "import heapq\nx = [heapq]\ndef f(): return 1",
        "import heapq\nheapq = 3\ndef f(): return 1", "import heapq\ndef f(heapq=1): return 1",
        "import heapq\ndef f(): return heapq.merge([1], [2])",
        "from heapq import *\ndef f(): return 1",
        "from operator import attrgetter\ndef f(): return attrgetter('a')",
        "import heapq as x, operator as x\ndef f(): return x.add(1, 2)",
        "import heapq\nheapq.heappop = len\ndef f(): return 1", "import heapq\ndel heapq",
        "import heapq\ndef f():\n    global heapq\n    return 1",
        "from array import array\ndef f(): return array('i')", "def f(x):\n    del x\n    return 1",
        "class A: pass\ndef f(x):\n    del x[0]", "import heapq\ndef f(é): return heapq.heappop",
        "def f(x):\n    try:\n        del x[0]\n    except TypeError:\n        return 1",
        "import heapq\ndef f(:", "import heapq\x0cdef f(): pass",
        "import heapqs\ndef f(): return 1",
        "def f(x):\n    del x[0:4:2]", "import heapq\ndef f():\n    try:\n        return heapq.x\n"
        "    finally:\n        return 1", "from .heapq import x\nfrom heapq import y\ny",
    ],
)  # fmt: skip
def test_what_asks_for_more_is_not_rewritten(source: str) -> None:
    assert supply(source) is None


@pytest.mark.parametrize("quotes", ["'", "'''"])
@pytest.mark.parametrize(
    "text",
    ["{heapq.heappop([1])}", "a\\n{1}{heapq.heappop([2])!r:>3}",
     "{{heapq.heappop}}{heapq.heappop([3])}"],
)  # fmt: skip
def test_places_within_texts_are_right_or_not_rewritten(
    quotes: str, text: str, sandbox: Sandbox
) -> None:
    head = "import heapq\ndef f():\n    # heapq.heappop heapq.heappop\n    return "
    for inner in (text, f"\n {text}") if len(quotes) == 3 else (text,):
        source = f"{head}f{quotes}{inner}{quotes}\n"
        space: dict[str, Any] = {}
        exec(source, space)
        if supply(source):
            agrees(in_monty(sandbox, source), space["f"])


def test_a_name_is_bound_where_the_program_binds_it(sandbox: Sandbox) -> None:
    source = (
        "def g():\n    import heapq\n    return heapq.heappop([1])\n"
        "def f():\n    return heapq.heappop([1])\n"
    )
    run = in_monty(sandbox, source)
    assert run.status == "error" and "NameError" in run.reason
    assert in_monty(sandbox, source.replace("def g", "def h").replace("f()", "g()")
                    .replace("def h", "def f")).value == 1  # fmt: skip


def test_what_is_supplied_needs_only_what_there_is() -> None:
    for module in [*_definitions.MODULES, *_definitions.TYPES]:
        for name, (text, needed, builtin) in _definitions.parts(module).items():
            compile(text, name, "exec")
            assert needed <= _definitions.parts(module).keys()
            assert builtin <= set(dir(builtins))
    assert set(BINARY) | set(UNARY) == set(_definitions.FUNCTIONS["operator"])
    assert HEAPS.keys() == set(_definitions.FUNCTIONS["heapq"]) and heapq.heappop([1]) == 1


@given(many=st.lists(st.lists(st.integers(0, 9), max_size=6) | st.just((1, 5)), max_size=4))
@settings(max_examples=60, deadline=None)
def test_rows_are_merged(many: list[Any], sandbox: Sandbox) -> None:
    source = "from heapq import merge as m\ndef f(many):\n    return list(m(*many))\n"
    assert in_monty(sandbox, source, many=many).value == list(heapq.merge(*many))


@pytest.mark.parametrize(
    "body",
    ["return next(merge(a, b))", "return list(merge(a, b)), merge(a)", "return list(map(merge, a))",
     "list = iter\n    return list(merge(a, b))", "return list(merge(a, b, reverse=True))",
     "m = merge\n    return list(m(a))"],
)  # fmt: skip
def test_a_generator_is_not_supplied(body: str) -> None:
    assert supply(f"from heapq import merge\ndef f(a, b):\n    {body}\n") is None


@pytest.mark.parametrize("rows", [[0.5], [True], [[1]], ["a", 1]])
def test_other_members_are_not_merged(rows: list[Any], sandbox: Sandbox) -> None:
    source = "from heapq import merge\ndef f(xs):\n    return list(merge(xs, xs))\n"
    run = in_monty(sandbox, source, xs=rows)
    assert agrees(run, lambda: list(heapq.merge(rows, rows))) is False


SETS = {
    "set(a)": lambda a, b: list(set(a)),
    "set(a) & set(b)": lambda a, b: list(set(a) & set(b)),
    "set(a) - set(b)": lambda a, b: list(set(a) - set(b)),
    "(set(a) - set(b)) & set(b + a)": lambda a, b: list((set(a) - set(b)) & set(b + a)),
    "set(a) - set(a[:3]) - set(a[3:5])": lambda a, b: list(set(a) - set(a[:3]) - set(a[3:5])),
    "set.intersection(*map(set, [a, b + a, a[1:]]))": lambda a, b: list(
        set.intersection(*map(set, [a, b + a, a[1:]]))
    ),
    "set.intersection(*map(set, [a]))": lambda a, _: list(set.intersection(*map(set, [a]))),
    "set(a) & set(b) - set(a[:3])": lambda a, b: list(set(a) & set(b) - set(a[:3])),
}
keys = st.lists(
    st.integers(0, 40) | st.integers(0, 2**60 - 1) | st.integers(0, 9).map(lambda n: n * 2**20),
    max_size=90,
)


@pytest.mark.parametrize("said", SETS)
@given(a=keys, b=keys)
@settings(max_examples=100, deadline=None)
def test_sets_of_whole_numbers_are_in_order(
    said: str, a: list[int], b: list[int], sandbox: Sandbox
) -> None:
    run = in_monty(sandbox, f"def f(a, b):\n    return list({said})\n", a=a, b=b)
    expected = SETS[said](a, b)
    assert (run.status, run.value) == ("ok", expected)


@pytest.mark.parametrize(
    "rows",
    [["b", "a", "b"], [1, 1.0, True], [(1, 2), (1, 2)], [-1, -2, 5], [2**61 - 1, 0, 2**61], [],
     list(range(1500)), "abca", {"a": 1}],
)  # fmt: skip
def test_other_sets_have_their_members(rows: Any, sandbox: Sandbox) -> None:
    source = "def f(xs):\n    return sorted(tuple(set(xs)), key=repr), len(list(set(xs) - set()))\n"
    run = in_monty(sandbox, source, xs=rows)
    assert run.value == (sorted(set(rows), key=repr), len(set(rows)))


@pytest.mark.parametrize(
    "asked",
    [
        "next((x for x in xs if x % 2 == 0), -1)", "next((x * n for x in xs if x > n if x < 9), n)",
        "next(x for x in (xs) if (x > 2)), 7", "next(((x, n) for x in xs), None)",
        "next((n // x for x in xs), None)",
    ],
)  # fmt: skip
@given(xs=st.lists(st.integers(-9, 9), max_size=5), n=st.integers(-3, 3))
@settings(max_examples=60, deadline=None)
def test_the_first_of_a_generator(asked: str, xs: list[int], n: int, sandbox: Sandbox) -> None:
    source = f"def f(xs, n):\n    return {asked}\n"
    space: dict[str, Any] = {}
    exec(source, space)
    agrees(in_monty(sandbox, source, xs=xs, n=n), lambda: space["f"](xs, n))


@pytest.mark.parametrize(
    "source",
    [
        "def f(xs):\n    it = iter(xs)\n    return next(x for x in it if x > 1), list(it)\n",
        "def f(xs):\n    return next(xs.pop() for x in xs), xs\n",
        "def f(xs):\n    it = iter(xs)\n    return next(x for x in xs if x in it), list(it)\n",
        "def f(xs):\n    return next((y := x) for x in xs), y\n",
    ],
)
def test_a_first_that_changes_something_is_not_supplied(source: str, sandbox: Sandbox) -> None:
    (run,) = sandbox.run_many(source, "f", [{"xs": [1, 2, 3, 4]}], backend="monty")
    assert run.status != "ok"


@pytest.mark.parametrize(
    ("template", "text"),
    [(r"\1_\2", "aXbc"), (r"\2x\1", "aXbc"), (r"-\1", "aXbc"), (r"\\1_\1_", "aXbc"),
     (r"\g<1>_\1a", "Xb")],
)  # fmt: skip
def test_groups_next_to_letters(template: str, text: str, sandbox: Sandbox) -> None:
    source = f"import re\ndef f(s):\n    return re.sub('(.)([A-Z]?)', r'{template}', s)\n"
    space: dict[str, Any] = {}
    exec(source, space)
    run = sandbox.run(source, "f", {"s": text})
    (fast,) = sandbox.run_many(source, "f", [{"s": text}], backend="monty")
    assert run.value == space["f"](text)
    assert fast.status != "ok" or fast.value == run.value


def test_lists_are_joined_by_their_method(sandbox: Sandbox) -> None:
    source = "def f(a, b):\n    return list(map(list.__add__, a, b)), str.__add__('x', 'y')\n"
    assert in_monty(sandbox, source, a=[[1]], b=[[2, 3]]).value == ([[1, 2, 3]], "xy")
    assert in_monty(sandbox, source, a=[[1]], b=[(2, 3)]).status == "unsupported"


@pytest.mark.parametrize("more", [(1, 2), "ab", {"k": 1}, range(3), [7], 5, None])
def test_lists_are_extended_by_what_has_members(more: Any, sandbox: Sandbox) -> None:
    source = (
        "def f(more):\n    kept = xs = [0]\n    n = 1\n    n += 1\n    s = 'a'; s += 'b'\n"
        "    xs += more\n    for _ in range(2):\n        xs += (lambda: more)()\n"
        "    return kept, xs is kept, n, s\n"
    )
    space: dict[str, Any] = {}
    exec(source, space)
    given = more if type(more) is not range else list(more)
    (run,) = sandbox.run_many(source, "f", [{"more": given}], backend="monty")
    assert agrees(run, lambda: space["f"](given)) == (given not in (5, None))
    caught = source.replace("    xs += more", "    try:\n        xs += more\n    except E: pass")
    (run,) = sandbox.run_many(caught, "f", [{"more": (1,)}], backend="monty")
    assert run.status != "ok"


@pytest.mark.parametrize(
    "source",
    [
        "set = sorted\ndef f(xs):\n    return list(set(xs))\n",
        "def f(xs, map):\n    return list(set.intersection(*map(set, xs)))\n",
        "def next(rows, last):\n    return 5\ndef f(xs):\n    return next((x for x in xs), 0)\n",
        "import re\ndef f(xs, re=re):\n    return re.sub('(a)', r'\\1_', 'a')\n",
    ],
)
def test_names_with_another_meaning_keep_it(source: str) -> None:
    before, edited = supply(source) or ("", source)
    assert "order" not in before and "first" not in before and r"\g" not in edited
