"""A corpus as large as one likes: real rows, again and again, each time as other problems.

Where a solution states its calculations (GSM8K's ``<<48/2=24>>``), the numbers of the question are
multiplied and every calculation is done again, so that the copy is a problem of its own, solved
rightly, with other values. Other rows get a case number in their question (or in the program that
is asked about): the same values, another problem. Nothing is drawn at random: a copy follows from
its row and its number.
"""

from __future__ import annotations

import ast
import gzip
import json
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

#: Where each source has the text of its problem.
QUESTIONS = ("question", "problem", "text")
#: Where a source has solutions that state their calculations.
SOLUTIONS = ("answer", "ground_truth")

_NUMBER = re.compile(r"(?<![\w.,])\d+(?:,\d{3})*(?:\.\d+)?(?![\w]|\.\d|,\d)")
_STATED = re.compile(r"<<([^<>=]+)=([^<>=]+)>>")
_OPERATIONS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class NotStatedError(Exception):
    """A solution whose calculations cannot be done again."""


def write_corpus(inputs: Sequence[Path], folder: Path, times: int) -> list[Path]:
    """``times`` copies of each file of ``inputs`` (JSON lines, plain or gzipped), of which the
    first is the file's own content; gives their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for path in inputs:
        open_ = gzip.open if path.suffix == ".gz" else open
        with open_(path, "rt", encoding="utf-8") as stream:
            rows = [json.loads(line) for line in stream]
        stem = path.name.partition(".")[0]
        for copy in range(times):
            target = folder / f"{stem}-{copy:03d}.jsonl.gz"
            write_rows(target, (json.dumps(repeated(row, copy)) for row in rows))
            written.append(target)
    return written


def write_rows(path: Path, rows: Iterable[str]) -> None:
    """Write JSON lines, gzipped, without a time in their head: a run that is taken up must find the
    files that it began with."""
    text = "".join(f"{row}\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode(), compresslevel=1, mtime=0))


def repeated(row: Mapping[str, Any], copy: int) -> dict[str, Any]:
    """The row of copy ``copy``; copy 0 is the row itself."""
    if copy == 0:
        return dict(row)
    field = next((name for name in QUESTIONS if isinstance(row.get(name), str)), None)
    if field is None:
        # Its program is the problem.
        return dict(row) | {"code": f"{row['code']}\n# Case {copy}."}
    solution = next((n for n in SOLUTIONS if "<<" in str(row.get(n))), None)
    # Model solutions are answers of their own, of which only the question's is done again.
    if solution == "answer":
        try:
            question, answer = multiplied(row[field], row[solution], copy + 1)
        except NotStatedError:
            pass
        else:
            return dict(row) | {field: question, solution: answer}
    return dict(row) | {field: f"Case {copy}. {row[field]}"}


def multiplied(question: str, answer: str, factor: int) -> tuple[str, str]:
    """Both, with the numbers of ``question`` times ``factor`` and all that follows from them.

    Raises:
        NotStatedError: if a number of ``answer`` follows from nothing that it states.
    """
    now = {_value(found): _value(found) * factor for found in _NUMBER.findall(question)}

    def again(text: str) -> str:
        return _NUMBER.sub(lambda m: _text(now.get(_value(m[0]), _value(m[0]))), text)

    lines = []
    for line in answer.split("\n"):
        if line.startswith("####"):
            final = _value(line.removeprefix("####").strip())
            if final not in now:
                raise NotStatedError(line)
            lines.append(f"#### {_text(now[final])}")
            continue
        parts, last = [], 0
        for stated in _STATED.finditer(line):
            parts.append(again(line[last : stated.start()]))
            expression = again(stated[1])
            result = _calculated(expression)
            now[_value(stated[2])] = result
            parts.append(f"<<{expression}={_text(result)}>>")
            last = stated.end()
        lines.append("".join(parts) + again(line[last:]))
    return _NUMBER.sub(lambda m: _text(_value(m[0]) * factor), question), "\n".join(lines)


def _value(text: str) -> Fraction:
    try:
        return Fraction(text.replace(",", "").strip(" $%"))
    except (ValueError, ZeroDivisionError) as error:
        raise NotStatedError(text) from error


def _text(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    return f"{float(value):.6f}".rstrip("0").rstrip(".")


def _calculated(expression: str) -> Fraction:
    try:
        return _of(ast.parse(expression.replace(",", "").strip(), mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError) as error:
        raise NotStatedError(expression) from error


def _of(node: ast.expr) -> Fraction:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return Fraction(str(node.value))
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        return Fraction(_OPERATIONS[type(node.op)](_of(node.left), _of(node.right)))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_of(node.operand)
    raise ValueError(ast.dump(node))


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file that `write_corpus` wrote."""
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


__all__ = ["NotStatedError", "multiplied", "repeated", "rows_of", "write_corpus", "write_rows"]
