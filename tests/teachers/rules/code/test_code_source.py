import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.rules.code.source import (
    DOES_NOT_PARSE,
    MAX_CODE_CHARS,
    TOO_DEEP,
    TOO_LONG,
    NotCodeError,
    Source,
    parse_source,
    run_again,
)
from tracemine.teachers.rules.language.quotes import is_quotable
from tracemine.verifiers.sandbox import Sandbox


def _source(code: str, before: str = "Say:\n", after: str = "\nDone.") -> Source:
    return parse_source(before + code + after, len(before), len(before) + len(code))


STATEMENTS = (
    "x = 1", "y = 'é😀'; z = 2", "def f(a):\n    # inside\n    return a + 1", "# a comment",
    "if x:\n    y = 2", "text = '''one\n# two\n'''", "@staticmethod\ndef g(): pass", "",
    "@ staticmethod\n@(lambda h: h)\ndef g(): pass", "x = (1,\n     2)  # pair", "\x0cw = 3",
    "@(\n  staticmethod\n)\nclass A: pass",
)  # fmt: skip


@given(
    st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=6),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["", "é: ", "😀\n"]),
)
def test_each_statement_stands_where_it_is_said_to(
    statements: list[str], end: str, before: str
) -> None:
    code = "\n".join(statements)
    source = _source(code.replace("\n", end), before)
    for node in source.tree.body:
        start, stop = source.span(node)
        assert source.start <= start < stop <= source.end
        text = source.text(node)
        assert "\r" not in text
        (again,) = ast.parse(text).body
        assert ast.dump(again) == ast.dump(node)
    whole = source.module_text(range(len(source.tree.body)))
    assert ast.dump(ast.parse(whole)) == ast.dump(source.tree)


@given(st.lists(st.sampled_from(STATEMENTS), max_size=6), st.sampled_from(["\n", "\r\n", "\r"]))
def test_comments_are_those_of_their_lines(statements: list[str], end: str) -> None:
    lines = "\n".join([*statements, "last = 1  # end"]).split("\n")
    source = _source(end.join(lines))
    expected = {
        number: line[line.index("#") :]
        for number, line in enumerate(lines, 1)
        if "#" in line and line != "# two"
    }
    assert dict(source.comments) == expected
    alone = {number for number in expected if lines[number - 1].strip().startswith("#")}
    assert {n for n in range(1, len(lines) + 1) if source.is_comment(n)} == alone


def test_a_function_written_for_it_stands_for_its_place() -> None:
    source = _source("x = 1\ny = 2")
    (function,) = ast.parse("def inner(a): return a").body
    assert isinstance(function, ast.FunctionDef)
    more = source.with_functions([(function, source.tree.body[1])])
    assert source.with_functions([]) is source
    assert len(source.tree.body) == 2
    assert more.span(function) == source.span(source.tree.body[1])
    assert more.text(function) == "def inner(a):\n    return a"
    assert more.module_text([0, 2]) == "x = 1\ndef inner(a):\n    return a\n"


def test_a_short_place_is_widened_by_whole_lines() -> None:
    source = _source("first = 1\nn = 2\nlast_of_them = 3", after="")
    start, end = source.span(source.tree.body[1])
    left, right = source.widen(start, end)
    assert source.trace[left:right] == "first = 1\nn = 2"
    start, end = source.span(source.tree.body[2])
    assert source.widen(start, end) == (start, end)


@given(st.lists(st.sampled_from(["a=1", "  ", "", "b = 22", "# c", "c=333333333333"]), max_size=6))
def test_what_is_widened_holds_its_place(lines: list[str]) -> None:
    code = "\n".join([line.strip() for line in lines] + ["z=1"])
    source = _source(code, before="", after="")
    for node in source.tree.body:
        start, end = source.span(node)
        left, right = source.widen(start, end)
        assert 0 <= left <= start < end <= right <= len(code)
        # All the lines before it are the most that it takes.
        assert is_quotable(code[left:right]) or not code[:left].strip()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("for", DOES_NOT_PARSE),
        ("x = 1\x00", DOES_NOT_PARSE),
        ("\ud800 = 1", DOES_NOT_PARSE),
        ("\ufeffx = 1", DOES_NOT_PARSE),
        ("x = 1\u2028y = 2", DOES_NOT_PARSE),
        ("return = 1", DOES_NOT_PARSE),
        ("x" * (MAX_CODE_CHARS + 1), TOO_LONG),
        ("-" * 500 + "1", TOO_DEEP),
        ("+".join("x" * 5000), TOO_DEEP),
    ],
    ids=range(9),
)
def test_what_is_no_code(code: str, reason: str) -> None:
    with pytest.raises(NotCodeError) as error:
        parse_source(code, 0, len(code))
    assert error.value.reason == reason


def test_text_in_the_place_of_the_trace() -> None:
    source = parse_source("!x = 1", 0, 6, text="yx = 1")
    (node,) = source.tree.body
    assert ast.unparse(node) == "yx = 1"
    assert source.text(node) == "!x = 1"


@given(st.text(max_size=40) | st.lists(st.sampled_from("x=1\n\r\t#'\"():@ é\\")).map("".join))
def test_any_text_is_code_or_not(text: str) -> None:
    try:
        source = parse_source(text, 0, len(text))
    except NotCodeError as error:
        assert error.reason in (DOES_NOT_PARSE, TOO_DEEP, TOO_LONG)
        return
    for node in source.tree.body:
        start, end = source.span(node)
        assert 0 <= start < end <= len(text)


def test_cpython_has_the_last_word(sandbox: Sandbox) -> None:
    code = "import statistics\ndef f(a):\n    return statistics.median(a)\n"
    run = run_again(sandbox, code, "f", {"a": [3, 1, 2]}, 2)
    assert (run.status, run.value) == ("ok", 2)
    plain = run_again(sandbox, "def f(a):\n    return a + 1\n", "f", {"a": 1}, 5)
    assert (plain.status, plain.value) == ("ok", 2)
    failed = run_again(sandbox, "def f(a):\n    return 1 / a\n", "f", {"a": 0}, 5)
    assert failed.status != "ok"
