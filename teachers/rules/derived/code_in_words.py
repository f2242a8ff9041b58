"""The steps of a routine in words, one line a statement, numbered as they nest."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from tracemine.teachers.rules.derived.functions import constant_value, parameters_of, statements_of

#: Most steps in the text of a routine; what is beyond is said to be left to the code.
MAX_STEPS = 80
_VERBS: dict[type[ast.operator], str] = {
    ast.Add: "Add {0} and {1}",
    ast.Sub: "Subtract {1} from {0}",
    ast.Mult: "Multiply {0} by {1}",
    ast.Div: "Divide {0} by {1}",
    ast.FloorDiv: "Divide {0} by {1}, dropping the remainder,",
    ast.Mod: "Take the remainder of {0} divided by {1}",
    ast.Pow: "Raise {0} to the power {1}",
}
_CHANGES: dict[type[ast.operator], str] = {
    ast.Add: "Add {1} to {0}",
    ast.Sub: "Subtract {1} from {0}",
    ast.Mult: "Multiply {0} by {1}",
    ast.Div: "Divide {0} by {1}",
    ast.FloorDiv: "Divide {0} by {1}, dropping the remainder",
    ast.Mod: "Replace {0} by its remainder when divided by {1}",
    ast.Pow: "Raise {0} to the power {1}",
}
_COMPARED: dict[type[ast.cmpop], str] = {
    ast.Eq: "{0} equals {1}",
    ast.NotEq: "{0} is not {1}",
    ast.Lt: "{0} is less than {1}",
    ast.LtE: "{0} is at most {1}",
    ast.Gt: "{0} is greater than {1}",
    ast.GtE: "{0} is at least {1}",
    ast.Is: "{0} is {1}",
    ast.IsNot: "{0} is not {1}",
    ast.In: "{0} is in {1}",
    ast.NotIn: "{0} is not in {1}",
}
_METHODS = {
    "append": "Append {1} to {0}",
    "add": "Add {1} to {0}",
    "extend": "Append all of {1} to {0}",
    "remove": "Remove {1} from {0}",
    "insert": "Insert {2} into {0} at {1}",
    "sort": "Sort {0}",
    "reverse": "Reverse {0}",
    "pop": "Remove the last item of {0}",
}
Line = tuple[int, str]


def steps_in_words(tree: ast.Module, function: ast.FunctionDef) -> str:
    lines = list(_steps(statements_of(function), 0))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name != function.name:
            head = f"Here {node.name}({', '.join(parameters_of(node))}) means:"
            lines.append((0, head))
            lines.extend(_steps(statements_of(node), 1))
        elif isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef):
                    lines.append((0, _method_words(node.name, method)))
                    lines.extend(_steps(statements_of(method), 1))
    return _numbered(lines)


def _method_words(owner: str, method: ast.FunctionDef) -> str:
    given = ", ".join(parameters_of(method)[1:])
    if method.name == "__init__":
        return f"Here {owner}({given}) makes an object, self:"
    return f"Here self.{method.name}({given}), of a {owner}, means:"


def _numbered(lines: Sequence[Line]) -> str:
    counters: list[int] = []
    text: list[str] = []
    for depth, line in lines[:MAX_STEPS]:
        del counters[depth + 1 :]
        while len(counters) <= depth:
            counters.append(0)
        counters[depth] += 1
        number = ".".join(map(str, counters))
        mark = f"{number}." if depth == 0 else number
        text.append(f"{'   ' * depth}{mark} {line}")
    if len(lines) > MAX_STEPS:
        text.append("The remaining steps are as in the code.")
    return "\n".join(text)


def _steps(statements: Sequence[ast.stmt], depth: int) -> Iterator[Line]:
    for statement in statements:
        yield from _step(statement, depth)


def _step(statement: ast.stmt, depth: int) -> Iterator[Line]:
    if isinstance(statement, ast.Return):
        yield depth, _return_words(statement)
    elif isinstance(statement, ast.If):
        yield from _if_steps(statement, depth, "If")
    elif isinstance(statement, ast.For):
        yield depth, f"{_for_words(statement)}:"
        yield from _steps(statement.body, depth + 1)
        yield from _else_steps(statement.orelse, depth, "If the loop was not left early")
    elif isinstance(statement, ast.While):
        yield depth, f"While {condition_words(statement.test)}, repeat:"
        yield from _steps(statement.body, depth + 1)
        yield from _else_steps(statement.orelse, depth, "If the loop was not left early")
    elif isinstance(statement, ast.FunctionDef):
        yield depth, f"Let {statement.name}({', '.join(parameters_of(statement))}) mean:"
        yield from _steps(statements_of(statement), depth + 1)
    elif isinstance(statement, ast.With):
        yield depth, f"With {', '.join(ast.unparse(i) for i in statement.items)}:"
        yield from _steps(statement.body, depth + 1)
    elif isinstance(statement, ast.Try):
        yield depth, "Try:"
        yield from _steps(statement.body, depth + 1)
        for handler in statement.handlers:
            kind = ast.unparse(handler.type) if handler.type is not None else "any error"
            yield depth, f"On {kind}:"
            yield from _steps(handler.body, depth + 1)
        yield from _else_steps(statement.orelse, depth, "If nothing failed")
        yield from _else_steps(statement.finalbody, depth, "In any case")
    else:
        line = _simple_words(statement)
        if line is not None:
            yield depth, line


def _else_steps(body: Sequence[ast.stmt], depth: int, words: str) -> Iterator[Line]:
    if body:
        yield depth, f"{words}:"
        yield from _steps(body, depth + 1)


def _if_steps(statement: ast.If, depth: int, word: str) -> Iterator[Line]:
    condition = condition_words(statement.test)
    inner = list(_steps(statement.body, depth + 1))
    if len(inner) == 1 and not isinstance(statement.body[0], (ast.If, ast.For, ast.While)):
        only = inner[0][1]
        yield depth, f"{word} {condition}, {only[0].lower()}{only[1:]}"
    else:
        yield depth, f"{word} {condition}:"
        yield from inner
    if len(statement.orelse) == 1 and isinstance(statement.orelse[0], ast.If):
        yield from _if_steps(statement.orelse[0], depth, "Otherwise, if")
    elif statement.orelse:
        other = list(_steps(statement.orelse, depth + 1))
        if len(other) == 1:
            only = other[0][1]
            yield depth, f"Otherwise, {only[0].lower()}{only[1:]}"
        else:
            yield depth, "Otherwise:"
            yield from other


def _return_words(statement: ast.Return) -> str:
    if statement.value is None:
        return "Stop."
    worded = _operation_words(statement.value)
    if worded is not None:
        return f"{worded.rstrip(',')}; that is the result."
    if isinstance(statement.value, (ast.Name, ast.Constant)):
        return f"The result is {ast.unparse(statement.value)}."
    return f"The result is {as_typed(statement.value)}."


def as_typed(node: ast.AST) -> str:
    """An expression as a reader would type it."""
    text = " ".join(ast.unparse(node).split())
    is_bare = isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Store)
    return text[1:-1] if is_bare and text.startswith("(") else text


def _operation_words(node: ast.expr) -> str | None:
    """One arithmetic operation on names and numbers, as an instruction."""
    if isinstance(node, ast.BinOp) and type(node.op) in _VERBS:
        parts = (node.left, node.right)
        if all(isinstance(p, (ast.Name, ast.Constant)) for p in parts) and not any(
            isinstance(constant_value(p), str) for p in parts
        ):
            return _VERBS[type(node.op)].format(*(ast.unparse(p) for p in parts))
    return None


def _for_words(statement: ast.For) -> str:
    target, source = as_typed(statement.target), statement.iter
    if isinstance(source, ast.Call) and isinstance(source.func, ast.Name):
        if source.func.id == "range" and not source.keywords and 1 <= len(source.args) <= 2:
            low = ast.unparse(source.args[0]) if len(source.args) == 2 else "0"
            return f"For each {target} from {low} to {_before(source.args[-1])}"
        if source.func.id == "range" and len(source.args) == 3:
            low, high, by = (ast.unparse(a) for a in source.args)
            return f"For each {target} from {low} up to but not including {high} in steps of {by}"
    return f"For each {target} in {as_typed(source)}"


def _before(end: ast.expr) -> str:
    """The last number of a range that stops before ``end``."""
    if (
        isinstance(end, ast.BinOp)
        and isinstance(end.op, ast.Add)
        and constant_value(end.right) == 1
    ):
        return ast.unparse(end.left)
    if isinstance(end, ast.Constant) and type(end.value) is int:
        return str(end.value - 1)
    return ast.unparse(ast.BinOp(end, ast.Sub(), ast.Constant(1)))


def condition_words(node: ast.expr) -> str:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        words = _COMPARED[type(node.ops[0])]
        return words.format(as_typed(node.left), as_typed(node.comparators[0]))
    if isinstance(node, ast.BoolOp):
        word = " and " if isinstance(node.op, ast.And) else " or "
        parts = [
            f"({condition_words(v)})" if isinstance(v, ast.BoolOp) else condition_words(v)
            for v in node.values
        ]
        return word.join(parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        if isinstance(node.operand, (ast.Compare, ast.BoolOp, ast.UnaryOp)):
            return f"not ({condition_words(node.operand)})"
        return f"{as_typed(node.operand)} is false"
    if isinstance(node, ast.Constant):
        return "always" if node.value else "never"
    return f"{as_typed(node)} is true"


def _simple_words(statement: ast.stmt) -> str | None:
    if isinstance(statement, (ast.Import, ast.ImportFrom, ast.Pass, ast.Global, ast.Nonlocal)):
        return None
    if isinstance(statement, ast.Break):
        return "Leave the loop."
    if isinstance(statement, ast.Continue):
        return "Go on with the next round."
    if isinstance(statement, ast.AugAssign):
        words = _CHANGES.get(type(statement.op))
        if words is not None:
            target, value = ast.unparse(statement.target), as_typed(statement.value)
            return words.format(target, value) + "."
    if isinstance(statement, ast.Assign):
        return _assign_words(statement)
    if isinstance(statement, ast.AnnAssign):
        if statement.value is None:
            return None
        return f"Let {ast.unparse(statement.target)} be {as_typed(statement.value)}."
    if isinstance(statement, ast.Raise):
        what = f" with {as_typed(statement.exc)}" if statement.exc is not None else ""
        return f"Fail{what}."
    if isinstance(statement, ast.Expr):
        return _call_words(statement.value)
    return f"Run `{' '.join(ast.unparse(statement).split())}`."


def _assign_words(statement: ast.Assign) -> str:
    targets = " and ".join(as_typed(t) for t in statement.targets)
    value = statement.value
    worded = _operation_words(value)
    if worded is not None:
        return f"{worded} to get {targets}."
    if isinstance(value, (ast.Constant, ast.List, ast.Dict, ast.Tuple, ast.Set)):
        return f"Set {targets} to {as_typed(value)}."
    if isinstance(value, (ast.BinOp, ast.Compare, ast.BoolOp)):
        return f"Compute {as_typed(value)} to get {targets}."
    return f"Let {targets} be {as_typed(value)}."


def _call_words(value: ast.expr) -> str | None:
    if isinstance(value, ast.Constant):
        return None
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        words = _METHODS.get(value.func.attr)
        parts = [ast.unparse(value.func.value), *(as_typed(a) for a in value.args)]
        needed = (words or "").count("{")
        if words is not None and len(parts) == needed and not value.keywords:
            return words.format(*parts) + "."
    return f"Run `{as_typed(value)}`."
