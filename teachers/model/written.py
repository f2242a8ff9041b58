"""What a model wrote, read: a signature, a function, the values of an instance.

Nothing here runs or evaluates a model's text. Code is parsed and looked at; values are read by the
type that stands beside them, from literals, numbers as people write them, and texts.
"""

from __future__ import annotations

import ast
import keyword
import math
import re
import symtable
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tracemine.schemas import NotPlainError, Parameter, Signature, decode, encode
from tracemine.schemas.syntax import MAX_DEPTH, depth
from tracemine.schemas.types import NUMERIC, TypeSyntaxError, parse, render
from tracemine.teachers.model.answers import WrittenParameter
from tracemine.teachers.model.cleaning import clean, clean_line
from tracemine.verifiers.bindings import BindingError, convert
from tracemine.verifiers.numbers import MAX_EXACT, parse_number
from tracemine.verifiers.texts import plain_text
from tracemine.verifiers.units import canonical_unit

#: Characters of code: some four times what the longest routines of traces have.
CODE_CHARS = 8_000
#: Characters of one value, and digits of a whole number.
VALUE_CHARS = 10_000
MAX_DIGITS = 1_000
#: Characters of a name, a type and a unit.
NAME_CHARS = 60
TYPE_CHARS = 120
UNIT_CHARS = 40
#: Inputs of one routine: more are no routine that anybody could bind.
MAX_INPUTS = 16

_PARSING = (SyntaxError, ValueError, RecursionError, MemoryError)
_FENCES = ("```", "~~~")
_WORD = re.compile(r"[A-Za-z]\w*")
_WHOLE = re.compile(r"[-+]?[0-9]{1,3}(?:_[0-9]{3})+|[-+]?[0-9]+")
_LITERAL = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_FRACTION = re.compile(r"(?:Fraction|Rational)\(([^()]*)\)")
_EMPTY_SET = re.compile(r"(?:set|frozenset)\(\s*\)")
#: Types as other languages and other libraries call them.
_CALLED = {
    "array": "list", "bigint": "int", "boolean": "bool", "complexnumber": "complex",
    "decimal": "rational", "dictionary": "dict", "double": "real", "expression": "expr",
    "float": "real", "fraction": "rational", "frozenset": "set", "integer": "int", "map": "dict",
    "natural": "int", "number": "real", "ratio": "rational", "sequence": "list", "string": "str",
    "text": "str", "vector": "list",
}  # fmt: skip
_NAMES: dict[str, Any] = {
    "true": True, "false": False, "null": None, "True": True, "False": False, "None": None,
}  # fmt: skip
_NOTHING = ("", "none", "n/a", "-", "dimensionless", "unitless")

_Type = tuple[str, tuple[Any, ...]]
_ANY: _Type = ("any", ())


class NotWrittenError(ValueError):
    """Text that is not what stands for: a function, a value of its type. One line says why."""


# --- signatures -----------------------------------------------------------------------------------


def read_signature(
    inputs: Sequence[WrittenParameter], output: WrittenParameter
) -> tuple[Signature, tuple[str, ...]]:
    """The signature, and those of its types that are none of the lattice, which are `any` there.

    Raises:
        NotWrittenError: if there are too many inputs, or two of one name, or one that cannot be a
            name.
    """
    if len(inputs) > MAX_INPUTS:
        raise NotWrittenError(f"{len(inputs)} inputs")
    unknown: list[str] = []
    parameters = tuple(_parameter(written, unknown) for written in inputs)
    names = [parameter.name for parameter in parameters]
    if len(set(names)) < len(names):
        raise NotWrittenError(f"two inputs of one name: {', '.join(names)}")
    result = _parameter(output, unknown, "result")
    if result.name in names:
        other = next(n for n in (f"new_{result.name}", "result", "output_") if n not in names)
        result = Parameter(other, result.type, result.unit)
    return Signature(parameters, result), tuple(unknown)


def name_of(text: str) -> str:
    """A Python name from what a model calls something: ``unit price`` is ``unit_price``. Empty
    where it has none."""
    name = re.sub(r"\W+", "_", clean_line(text, NAME_CHARS)).strip("_") or ""
    if name and not name[0].isalpha():
        name = f"n_{name}"
    if keyword.iskeyword(name):
        name += "_"
    return name if name.isidentifier() else ""


def _parameter(written: WrittenParameter, unknown: list[str], otherwise: str = "") -> Parameter:
    name = name_of(written.name) or otherwise
    if not name:
        raise NotWrittenError("an input without a name")
    type_text = _type(written.type)
    if type_text is None:
        unknown.append(clean_line(written.type, TYPE_CHARS))
    unit = clean_line(written.unit, UNIT_CHARS)
    return Parameter(name, type_text or "any", None if unit.lower() in _NOTHING else unit)


def _type(text: str) -> str | None:
    """A type of the lattice in its canonical spelling; None for what is none."""
    if len(text) > TYPE_CHARS:
        return None
    called = _WORD.sub(lambda m: _CALLED.get(m[0].lower(), m[0].lower()), text.strip())
    try:
        return render(parse(called))
    except TypeSyntaxError:
        return None


# --- code -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Routine:
    """Code that defines the function ``entry_point`` of ``parameters``, in their order."""

    code: str
    entry_point: str
    parameters: tuple[str, ...]


def read_routine(text: str, inputs: Sequence[str]) -> Routine:
    """The function that ``text`` defines over ``inputs``, in whatever order it takes them: the one
    function of the module whose parameters these are. Beside it there may be other functions,
    imports and constants, and nothing that runs when it is loaded.

    Raises:
        NotWrittenError: if it does not parse, is too long or too deep, does more than define, or
            defines no such function or several.
    """
    if len(text) > CODE_CHARS:
        raise NotWrittenError(f"code of {len(text)} characters")
    lines = clean(textwrap.dedent(text), CODE_CHARS + 1).split("\n")
    if len(lines) > 2 and lines[0].startswith(_FENCES) and lines[-1].strip() in _FENCES:
        lines = lines[1:-1]
    code = textwrap.dedent("\n".join(lines))
    try:
        tree = ast.parse(code)
        # What parses may be no Python none the less: two parameters of one name.
        symtable.symtable(code, "<routine>", "exec")
    except _PARSING as error:
        raise NotWrittenError(f"does not parse: {clean_line(str(error), 100)}") from None
    if depth(tree) > MAX_DEPTH:
        raise NotWrittenError("nests too deeply")
    for statement in tree.body:
        if not _only_defines(statement):
            raise NotWrittenError(f"does more than define: {type(statement).__name__}")
    last = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if not last:
        raise NotWrittenError("defines no function")
    found = [f for f in last.values() if sorted(_names(f)) == sorted(inputs)]
    # A helper may have the parameters of the routine that calls it.
    outer = [f for f in found if not any(_calls(g, f.name) for g in last.values() if g is not f)]
    if len(found) != 1 and len(outer) == 1:
        found = outer
    if len(found) != 1:
        many = "several functions" if found else "no function"
        raise NotWrittenError(f"{many} of ({', '.join(inputs)})")
    if not any(isinstance(n, ast.Return) and n.value is not None for n in ast.walk(found[0])):
        raise NotWrittenError("gives nothing back")
    return Routine(code.rstrip() + "\n", found[0].name, tuple(_names(found[0])))


def _only_defines(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)):
        return True
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None:
        # A constant: it may be calculated, but calls nothing.
        return not any(
            isinstance(n, (ast.Call, ast.Await, ast.Yield)) for n in ast.walk(statement.value)
        )
    return False


def _names(function: ast.FunctionDef) -> list[str]:
    """The parameters that a call can give by name; with a mark that is no name for others."""
    given = function.args
    others = [*given.posonlyargs, given.vararg, given.kwarg]
    names = [argument.arg for argument in (*given.args, *given.kwonlyargs)]
    return [*names, *(f"*{other.arg}" for other in others if other is not None)]


def _calls(function: ast.FunctionDef, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(function))


# --- values ---------------------------------------------------------------------------------------


def read_value(text: str, type_text: str, unit: str | None = None) -> Any:
    """The plain value that ``text`` writes as one of the type ``type_text``.

    - Numbers as literals (``-3``, ``2.5``, ``1e-3``) or as people write them (``3/4``, ``1 3/4``,
      ``1,000``, ``$5``, ``30%`` for 30, ``\\frac{3}{4}``), a unit behind them only if it is
      ``unit``. A decimal is a float, a fraction one of type `rational` and a float of type `real`.
    - ``str``, ``expr``, ``equation`` and ``interval``: a Python string, else the text itself.
    - ``bool``: true or false. Containers: Python literals, their members by their types; members
      that are expressions may be written without quotation marks. ``any``: a literal, else text.

    Raises:
        NotWrittenError: if it writes no such value, or one that is too long or too deep.
    """
    if len(text) > VALUE_CHARS:
        raise NotWrittenError(f"a value of {len(text)} characters")
    kind = parse(type_text)
    shown = clean(text, VALUE_CHARS + 1)
    try:
        value = convert(_read(shown, kind, unit), type_text)
        # What no later stage can read is none.
        decode(encode(value))
    except NotWrittenError:
        raise
    except (BindingError, NotPlainError) as error:
        raise NotWrittenError(clean_line(str(error), 100)) from None
    except (ValueError, TypeError, OverflowError) as error:
        raise NotWrittenError(f"no {type_text}: {clean_line(str(error), 80)}") from None
    return value


def _read(text: str, kind: _Type, unit: str | None) -> Any:
    head, _ = kind
    if not text:
        raise NotWrittenError("no value")
    if head in NUMERIC:
        return _number(text, head, unit)
    if head in ("str", "expr", "equation", "interval"):
        return _text(text)
    if head == "bool" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if _EMPTY_SET.fullmatch(text):
        return set()
    try:
        tree = ast.parse(text, mode="eval")
    except _PARSING:
        if head == "any":
            return text
        raise NotWrittenError(f"no {head}") from None
    if depth(tree) > MAX_DEPTH:
        raise NotWrittenError("nests too deeply")
    try:
        return _of(tree.body, kind)
    except NotWrittenError:
        if head == "any":
            return text
        raise


def _text(text: str) -> str:
    if text[:1] in "'\"" and text[-1:] == text[:1]:
        try:
            value = ast.literal_eval(text)
        except _PARSING:
            return text
        if isinstance(value, str):
            return clean(value, VALUE_CHARS)
    return text


def _number(text: str, head: str, unit: str | None = None) -> int | float | complex | Fraction:
    text = text.strip().strip("'\"")
    if _WHOLE.fullmatch(text):
        if len(text) > MAX_DIGITS:
            raise NotWrittenError(f"a number of {len(text)} digits")
        return int(text.replace("_", ""))
    if wrapped := _FRACTION.fullmatch(text):
        text = wrapped[1].replace(",", "/")
    if _LITERAL.fullmatch(text) and len(text) <= MAX_DIGITS:
        value = float(text)
        if math.isfinite(value):
            return int(value) if value.is_integer() and abs(value) < MAX_EXACT else value
    number = parse_number(plain_text(text))
    if number is None and head == "complex":
        try:
            parts = complex(re.sub(r"[\s*]", "", text).replace("i", "j"))
        except ValueError:
            parts = complex("nan")
        if math.isfinite(parts.real) and math.isfinite(parts.imag):
            return parts
    if number is None or number.base:
        raise NotWrittenError(f"no {head}")
    if number.unit and canonical_unit(number.unit) != canonical_unit(unit or "dollar"):
        raise NotWrittenError(f"a number of another unit: {clean_line(number.unit, UNIT_CHARS)}")
    if number.value.denominator == 1:
        return number.value.numerator
    return float(number.value) if number.place or head == "real" else number.value


def _of(node: ast.expr, kind: _Type) -> Any:
    """The value of a literal's tree as one of ``kind``."""
    head, arguments = kind
    if head in ("expr", "equation", "interval"):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return clean(node.value, VALUE_CHARS)
        return ast.unparse(node)
    match node:
        case ast.List(elements) | ast.Tuple(elements) | ast.Set(elements):
            if head == "tuple" and len(arguments) == len(elements):
                members = [_of(n, k) for n, k in zip(elements, arguments, strict=True)]
            else:
                inner = _ANY
                if head == "matrix":
                    inner = ("list", arguments)
                elif head in ("list", "set") and arguments:
                    inner = arguments[0]
                members = [_of(element, inner) for element in elements]
            if isinstance(node, ast.Set):
                return set(members)
            return tuple(members) if isinstance(node, ast.Tuple) else members
        case ast.Dict(keys, values):
            key, item = arguments if head == "dict" and len(arguments) == 2 else (_ANY, _ANY)
            if None in keys:
                raise NotWrittenError("a dict that unpacks another")
            pairs = zip([k for k in keys if k is not None], values, strict=True)
            return {_of(k, key): _of(v, item) for k, v in pairs}
        case ast.Name(name) if name in _NAMES:
            return _NAMES[name]
        case ast.Constant(value):
            if isinstance(value, str):
                return _number(value, head) if head in NUMERIC else clean(value, VALUE_CHARS)
            if value is None or type(value) in (bool, int, complex):
                return value
            if isinstance(value, float) and math.isfinite(value):
                return value
        case ast.Call(ast.Name("set" | "frozenset"), [], []):
            return set()
    return _calculated(node, head)


def _calculated(node: ast.expr, head: str) -> Any:
    """``-3``, ``3/4``, ``1+2j``, ``Fraction(3, 4)``: what is a number though no literal."""
    match node:
        case ast.UnaryOp(ast.USub(), inner):
            return -_plain_number(inner, head)
        case ast.UnaryOp(ast.UAdd(), inner):
            return _plain_number(inner, head)
        case ast.BinOp(left, ast.Div(), right) | ast.Call(
            ast.Name("Fraction" | "Rational"), [left, right], []
        ):
            over, under = _plain_number(left, head), _plain_number(right, head)
            if type(over) in (int, Fraction) and type(under) in (int, Fraction) and under:
                value = Fraction(over) / Fraction(under)
                if value.denominator == 1:
                    return value.numerator
                return float(value) if head in ("real", "complex") else value
        case ast.BinOp(left, (ast.Add() | ast.Sub()) as sign, ast.Constant(complex() as imaginary)):
            real = _plain_number(left, head)
            return real + imaginary if isinstance(sign, ast.Add) else real - imaginary
    raise NotWrittenError(f"no literal: {clean_line(ast.unparse(node), 60)}")


def _plain_number(node: ast.expr, head: str) -> Any:
    value = _of(node, (head if head in NUMERIC else "any", ()))
    if type(value) not in (int, float, complex, Fraction):
        raise NotWrittenError("no number")
    return value


__all__ = [
    "CODE_CHARS",
    "MAX_INPUTS",
    "VALUE_CHARS",
    "NotWrittenError",
    "Routine",
    "name_of",
    "read_routine",
    "read_signature",
    "read_value",
]
