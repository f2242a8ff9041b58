"""A function in a syntax tree: its parameters, statements and names."""

from __future__ import annotations

import ast
import builtins
import inspect
from typing import Any

BUILTINS = frozenset(dir(builtins))

LOOPS = (ast.For, ast.While, ast.AsyncFor)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def find_function(tree: ast.Module, name: str) -> ast.FunctionDef:
    """The last top-level function ``name``, which is the one that a call reaches.

    Raises:
        ValueError: if there is none.
    """
    found = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name]
    if not found:
        raise ValueError(f"no function {name}")
    return found[-1]


def docstring_of(function: ast.FunctionDef) -> str:
    """The docstring of a function without its margin, also where imports stand before it (then
    Python takes it for a lone string); empty where there is none."""
    for statement in function.body:
        match statement:
            case ast.Expr(ast.Constant(str(text))):
                return inspect.cleandoc(text)
            case ast.Import() | ast.ImportFrom():
                continue
        break
    return ""


def parameters_of(function: ast.FunctionDef) -> list[str]:
    """The names of all parameters, in order, without ``*args`` and ``**kwargs``."""
    arguments = function.args
    return [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def statements_of(function: ast.FunctionDef) -> list[ast.stmt]:
    """The statements that do something: no docstring, import or ``pass``."""
    return [
        s
        for s in function.body
        if not isinstance(s, (ast.Pass, ast.Import, ast.ImportFrom))
        and not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
    ]


def assigned(statement: ast.stmt) -> tuple[str, ast.expr] | None:
    """The name and the value of a plain assignment."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        return (target.id, statement.value) if isinstance(target, ast.Name) else None
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        target = statement.target
        return (target.id, statement.value) if isinstance(target, ast.Name) else None
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        left = ast.Name(statement.target.id, ast.Load())
        combined = ast.BinOp(left, statement.op, statement.value)
        return statement.target.id, ast.copy_location(combined, statement)
    return None


def imported_names(tree: ast.AST) -> dict[str, str]:
    """Name -> the dotted thing it stands for, for every import anywhere in ``tree``."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    names[alias.asname] = alias.name
                else:
                    first = alias.name.partition(".")[0]
                    names[first] = first
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def names_read(node: ast.AST) -> list[str]:
    """The names that ``node`` reads, once each, by place in the source."""
    found = [n for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
    found.sort(key=lambda n: (getattr(n, "lineno", 0), getattr(n, "col_offset", 0)))
    return list(dict.fromkeys(n.id for n in found))


def is_literal(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        return isinstance(node.operand, ast.Constant)
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return all(is_literal(e) for e in node.elts)
    return False


def dotted_name(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted_name(node.value)
        return f"{before}.{node.attr}" if before else None
    return None


def constant_value(node: ast.AST) -> Any:
    return node.value if isinstance(node, ast.Constant) else None


def calls(function: ast.FunctionDef, name: str) -> bool:
    return any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == name
        for n in ast.walk(function)
    )
