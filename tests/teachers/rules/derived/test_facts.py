import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.schemas import Parameter, Signature
from tracemine.teachers.rules.derived.facts import Facts, is_text, type_head


def _facts(code: str, **types: str) -> Facts:
    tree = ast.parse(code)
    function = next(n for n in tree.body if isinstance(n, ast.FunctionDef))
    inputs = tuple(
        Parameter(a.arg, types.get(a.arg, "any")) for a in function.args.args if a.arg in types
    )
    return Facts(tree, function, Signature(inputs, Parameter("result", "any")))


def _sure(body: str) -> set[str]:
    """The operations and calls that every call of the function evaluates."""
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    facts = _facts(f"def f(a, b, c):\n{lines}\n")
    kept = (ast.BinOp, ast.Call, ast.Subscript)
    return {ast.unparse(node) for node, _ in facts.sure if isinstance(node, kept)}


@pytest.mark.parametrize(
    ("body", "sure"),
    [
        ("return a / b", {"a / b"}),
        ("x = a[0]\nreturn g(x)", {"a[0]", "g(x)"}),
        ("return a and b / c", set()),
        ("return b / c and a", {"b / c"}),
        ("return a / b if b / c else c[0]", {"b / c"}),
        ("return a < b < 1 / c", set()),
        ("return a / b < c < 1", {"a / b"}),
        ("return lambda: a / b", set()),
        ("return [x / b for x in g(a)]", {"g(a)"}),
        ("return h(key=a / b, *c[0])", {"h(*c[0], key=a / b)", "a / b", "c[0]"}),
        ("return f'{a / b}'", {"a / b"}),
        ("return {**g(a), b: a / c}", {"g(a)", "a / c"}),
        ("if a / b:\n    x = a / c\nreturn b / c", {"a / b", "b / c"}),
        ("if a / b:\n    return 1\nreturn b / c", {"a / b"}),
        ("for x in g(a):\n    x / b\nreturn b / c", {"g(a)", "b / c"}),
        ("while a[0]:\n    a = b / c\nreturn c[0]", {"a[0]", "c[0]"}),
        ("assert a\nreturn b / c", {"b / c"}),  # on every call that returns
        ("try:\n    a / b\nexcept Exception:\n    pass\nreturn b / c", set()),
        ("return a\nreturn b / c", set()),
        ("raise ValueError(a / b)", set()),
    ],
)
def test_what_every_call_evaluates(body: str, sure: set[str]) -> None:
    assert _sure(body) == sure


def test_what_is_known_of_local_names() -> None:
    facts = _facts("def f(a, b):\n    x = a + 1\n    a = abs(x)\n    y = a\n    return y / x\n")
    (known,) = [k for node, k in facts.sure if ast.unparse(node) == "y / x"]
    assert ast.unparse(known["x"]) == "a + 1"
    first = next(k for node, k in facts.sure if ast.unparse(node) == "a + 1")
    assert first == {}
    # Each place has its own: what comes later does not change what was known before.
    called = next(k for node, k in facts.sure if ast.unparse(node) == "abs(x)")
    assert set(called) == {"x"}


def test_what_a_call_may_change_is_not_known_after_it() -> None:
    facts = _facts("def f(a, b):\n    x = [a]\n    g(x)\n    return b / x\n")
    (known,) = [k for node, k in facts.sure if ast.unparse(node) == "b / x"]
    assert ast.unparse(known["x"]) == "..."


def test_a_name_that_a_loop_changes_hides_the_parameter() -> None:
    facts = _facts("def f(a, b):\n    for a in b:\n        pass\n    return 1 / a\n")
    (known,) = [k for node, k in facts.sure if ast.unparse(node) == "1 / a"]
    assert ast.unparse(known["a"]) == "..."


def test_names_types_and_imports() -> None:
    facts = _facts(
        "import math\nimport numpy as np\nfrom os import path\n\n"
        "def f(a, b, c):\n    return np.mean(a) + path.join(b) + a.b.c() + (lambda: 1)()\n",
        a="list[int]", b="str",
    )  # fmt: skip
    assert list(facts.parameters) == ["a", "b", "c"]
    assert [facts.head(name) for name in "abcz"] == ["list", "str", "any", "any"]
    calls = [node for node, _ in facts.sure if isinstance(node, ast.Call)]
    assert {facts.called(node) for node in calls} == {"numpy.mean", "os.path.join", "a.b.c", ""}
    constants = {
        text: facts.constant(ast.parse(text, mode="eval").body)
        for text in ("math.pi", "np.e", "path.sep", "a.x", "pi", "3")
    }
    assert constants == {
        "math.pi": True, "np.e": True, "path.sep": False, "a.x": False, "pi": False, "3": False
    }  # fmt: skip
    texts = {t: is_text(ast.parse(t, mode="eval").body, facts) for t in ("b", "'x'", "f'{a}'", "3")}
    assert texts == {"b": True, "'x'": True, "f'{a}'": True, "3": False}


@pytest.mark.parametrize(
    ("text", "head"),
    [("list[dict[str, int]]", "list"), ("int", "int"), ("", "any"), ("list[", "any"), ("?", "any")],
)
def test_the_head_of_a_type(text: str, head: str) -> None:
    assert type_head(text) == head


@given(st.text(max_size=20))
def test_any_text_has_a_head(text: str) -> None:
    assert type_head(text)
