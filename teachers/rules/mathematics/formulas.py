r"""Formulas of a text with the values put in, and its equations with their solutions.

A chain ``A = \pi r^2 = \pi \cdot 3^2 = 9\pi`` is the formula on the values of its letters, where
these are stated (``r = 3``) or stand in the same places of the next side. A chain of numbers alone
is its first side with an operation. An equation in one unknown whose solution the text states
further on is its solution in closed form (see `equations`). Each is a `Chain`.

Nothing is taken on trust: every side that is understood must have the value of the last one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from tracemine.teachers.rules.arithmetic.chains import (
    decimal_places,
    is_equal,
    judged,
    without_annotations,
)
from tracemine.teachers.rules.arithmetic.expressions import (
    Binary,
    Negative,
    NotArithmeticError,
    Number,
    Symbol,
    Tree,
    count_operations,
    evaluate,
    is_irrational,
    numbers,
    operands,
    rebuilt,
    symbols,
)
from tracemine.teachers.rules.mathematics.equations import (
    linear_coefficients,
    plane_coefficients,
    quadratic_coefficients,
    solve_linear,
)
from tracemine.teachers.rules.mathematics.latex import Side, Statement, statements
from tracemine.teachers.rules.mathematics.letters import letter_names

#: An equation and the statement of its solution are at most this many characters apart.
MAX_APART = 1_500
#: Two equations of a system are at most this many characters apart; this many pairs are kept.
MAX_BETWEEN = 300
MAX_PAIRS = 8
#: A closed form with more operations is no routine that a person would follow.
MAX_OPERATIONS = 14
#: Numbers up to this one, written in a formula, belong to it: the 2 of 2(l + w).
MAX_FIXED = 12
#: ... and so do these: degrees of a triangle and a circle, and the hundred of a percentage.
_FIXED = frozenset(map(Fraction, (60, 90, 100, 180, 360)))
#: A factor that is a fraction of two numbers up to these is one of the formula: 1/2, 4/3.
_SMALL_TOP, _SMALL_BOTTOM = 4, 6
#: Most chains of one text, and most equations in one unknown that wait for its value.
MAX_FOUND = 400
MAX_OPEN = 30
#: Most values that are remembered of one text.
MAX_VALUES = 400
#: Longest problem that is read for values, in characters.
MAX_PROBLEM = 20_000

_FUNCTION = re.compile(r"(?<![\\a-zA-Z])([A-Za-z])\s?(?:\\left)?\(\s?[a-z]\s?(?:\\right)?\)\s?&?=")
_ALWAYS_FUNCTIONS = frozenset("fg")


@dataclass(frozen=True, slots=True)
class Chain:
    """A formula on values, with the result that the text states for it; offsets into the text.

    ``letter`` is what the result is given to, ``output`` what the text calls it, and ``names`` what
    it calls the symbols that numbers are put in for (`Number.symbol`); names are in snake_case, and
    missing where it does not say. ``solved`` marks the solution of an equation."""

    tree: Tree
    stated: Fraction
    start: int
    end: int
    result_start: int
    result_end: int
    approximate: bool = False
    decimals: int = 0
    letter: str = ""
    output: str = ""
    solved: bool = False
    names: Mapping[str, str] = field(default_factory=dict)

    def verdict(self) -> tuple[Fraction | None, str]:
        """The exact value of a chain that holds, else why it does not."""
        return judged(self.tree, self.stated, self.decimals, approximate=self.approximate)


@dataclass(frozen=True, slots=True)
class Solved:
    """Equations of one kind whose ``solution`` for ``unknowns`` the text states; offsets into the
    text.

    ``linear``: coefficients a, b, c, d of ``a x + b = c x + d``, one solution. ``quadratic``: those
    of ``a x^2 + b x + c = 0``, the real roots from the least. ``system``: those of
    ``a x + b y = c`` and ``d x + e y = f``, the values of x and y."""

    kind: Literal["linear", "quadratic", "system"]
    coefficients: tuple[Fraction, ...]
    solution: tuple[Fraction, ...]
    unknowns: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Mathematics:
    """What the formulas of a text state."""

    chains: tuple[Chain, ...]
    equations: tuple[Solved, ...]


def find_formulas(trace: str, problem: str) -> Mathematics:
    """The chains and solved equations of the formulas in ``trace``, by position, whether they hold
    or not. ``problem`` may state values of letters."""
    text = without_annotations(trace)
    problem = problem[:MAX_PROBLEM]
    functions = _ALWAYS_FUNCTIONS | set(_FUNCTION.findall(problem)) | set(_FUNCTION.findall(text))
    finder = _Finder()
    for statement in statements(problem, functions):
        finder.note_values(statement, problem)
    for statement in statements(text, functions):
        finder.read(statement, text)
    return Mathematics(finder.named(f"{problem}\n{text}"), tuple(finder.solved))


@dataclass(slots=True)
class _Equation:
    """An equation in one unknown or two, with the roots found for it so far."""

    left: Side
    right: Side
    roots: set[Fraction] = field(default_factory=set)

    def holds(self, value: Fraction) -> bool:
        """Whether ``value`` in place of every letter makes the sides equal."""
        sides = [
            _put_in(tree, dict.fromkeys(symbols(tree), value))
            for tree in (_tree(self.left), _tree(self.right))
        ]
        first, second = (_value(side) if side is not None else None for side in sides)
        return first is not None and second is not None and is_equal(first, second)


@dataclass(slots=True)
class _Pair:
    """Two equations in the same two unknowns, one after the other, with what is known of these."""

    unknowns: tuple[str, str]
    first: _Equation
    second: _Equation
    values: dict[str, Fraction] = field(default_factory=dict)

    def coefficients(self) -> tuple[Fraction, ...] | None:
        """Those of both equations; None if they are not linear, or do not determine a point."""
        first, second = (
            plane_coefficients(_tree(e.left), _tree(e.right), self.unknowns)
            for e in (self.first, self.second)
        )
        if first is None or second is None:
            return None
        (a, b, c), (d, e, f) = first, second
        return (a, b, c, d, e, f) if a * e != b * d else None


class _Finder:
    def __init__(self) -> None:
        self.values: dict[str, Fraction] = {}
        self.open: dict[str, list[_Equation]] = {}
        self.found: list[Chain] = []
        self.pairs: list[_Pair] = []
        self.last: tuple[_Equation, tuple[str, str]] | None = None
        self.solved: list[Solved] = []

    def read(self, statement: Statement, text: str) -> None:
        chain = self._chain(statement, text) if len(self.found) < MAX_FOUND else None
        if chain is not None:
            self.found.append(chain)
        self._close_equation(statement, text)
        self.note_values(statement, text)
        self._open_equations(statement)

    def note_values(self, statement: Statement, text: str) -> None:
        """Remember what a statement says of a letter: ``r = 3``, ``A = 2 \\cdot 3 = 6``."""
        first, last = statement[0].tree, statement[-1].tree
        if isinstance(first, Symbol) and last is not None and len(self.values) < MAX_VALUES:
            value = _value(last)
            # "x = 3, -2" says two things of x, and neither is its value.
            if value is not None and not _LISTED.match(text, statement[-1].end):
                self.values[first.name] = value
            else:
                self.values.pop(first.name, None)

    def _chain(self, statement: Statement, text: str) -> Chain | None:
        result = _result(statement)
        if result is None:
            return None
        last = statement[result]
        stated = evaluate(_tree(last))
        sides = [side for side in statement[:result] if side.tree is not None]
        approximate = any(side.approximate for side in statement[1 : result + 1])
        closed = [side for side in sides if _value(_tree(side)) is not None]
        expression, first = self._formula(statement, result, stated, approximate)
        if expression is None:
            working = [side for side in closed if count_operations(_tree(side))]
            if not working:
                return None
            first = working[0]
            expression = fix_constants(_tree(first))
        if not approximate:
            for side in closed:
                if not is_equal(evaluate(_tree(side)), stated):
                    # A chain that breaks anywhere is told by the side that it breaks at.
                    expression = _tree(side)
        if count_operations(expression) > MAX_OPERATIONS:
            return None
        subject = statement[0].tree
        return Chain(
            expression, stated, first.start, last.end, *_extent(last), approximate,
            decimal_places(text[slice(*_extent(last))]),
            letter=subject.name if isinstance(subject, Symbol) else "",
        )  # fmt: skip

    def _formula(
        self, statement: Statement, result: int, stated: Fraction, approximate: bool
    ) -> tuple[Tree | None, Side]:
        """The last side with letters, with their values put in; None where these are not known or
        do not give the result."""
        for index in range(result - 1, -1, -1):
            side = statement[index]
            tree = side.tree
            if tree is None or not symbols(tree) or not count_operations(tree):
                continue
            options = [_put_in(tree, {n: self.values.get(n) for n in symbols(tree)})]
            following = statement[index + 1].tree
            if following is not None and index + 1 <= result and not symbols(following):
                options.insert(0, _matched(tree, following))
            for option in options:
                value = _value(option) if option is not None else None
                if value is not None and (approximate or is_equal(value, stated)):
                    return option, side
            break
        return None, statement[0]

    def _open_equations(self, statement: Statement) -> None:
        for left, right in pairwise(statement):
            if left.tree is None or right.tree is None:
                continue
            unknowns = sorted({*symbols(left.tree), *symbols(right.tree)})
            equation = _Equation(left, right)
            if len(unknowns) == 2:
                self._pair(equation, (unknowns[0], unknowns[1]))
            if len(unknowns) == 1 and not _is_assignment(left, right):
                waiting = self.open.setdefault(unknowns[0], [])
                waiting.append(equation)
                del waiting[:-MAX_OPEN]

    def _close_equation(self, statement: Statement, text: str) -> None:
        """What a statement ``x = 5`` is the solution of."""
        subject, last = statement[0].tree, statement[-1]
        if isinstance(subject, Symbol):
            unknown = subject.name
        elif isinstance(last.tree, Symbol) and len(statement) == 2:
            unknown, last = last.tree.name, statement[0]
        else:
            return
        value = _value(last.tree) if last.tree is not None else None
        if value is None or not is_result(_tree(last)):
            return
        self._close_pair(unknown, last, value)
        listed = _LISTED.match(text, last.end) is not None
        kept: list[_Equation] = []
        for equation in self.open.pop(unknown, ()):
            if last.end - equation.left.start > MAX_APART or not equation.holds(value):
                continue
            equation.roots.add(value)
            if self._close_quadratic(unknown, equation, last) or (
                not listed and self._close_linear(unknown, equation, last, value)
            ):
                return
            kept.append(equation)
        if kept:
            self.open[unknown] = kept

    def _close_linear(self, unknown: str, equation: _Equation, last: Side, value: Fraction) -> bool:
        left, right = _tree(equation.left), _tree(equation.right)
        solution = solve_linear(left, right, unknown)
        solved = _value(solution) if solution is not None else None
        if solution is None or solved is None or not is_equal(solved, value):
            return False
        coefficients = linear_coefficients(left, right, unknown)
        start = equation.left.start
        if coefficients is not None:
            found = Solved("linear", coefficients, (value,), (unknown,), start, last.end)
            self.solved.append(found)
        if 2 <= count_operations(solution) <= MAX_OPERATIONS:
            chain = Chain(fix_constants(solution), value, start, last.end, *_extent(last))
            self.found.append(replace(chain, letter=unknown, solved=True))
        return True

    def _close_quadratic(self, unknown: str, equation: _Equation, last: Side) -> bool:
        """Whether the value stated last completes the roots of a quadratic equation."""
        left, right = _tree(equation.left), _tree(equation.right)
        coefficients = quadratic_coefficients(left, right, unknown)
        if coefficients is None:
            return False
        square, linear, constant = coefficients
        count = 1 if linear * linear == 4 * square * constant else 2
        if len(equation.roots) == count:
            roots = tuple(sorted(equation.roots))
            start = equation.left.start
            self.solved.append(
                Solved("quadratic", coefficients, roots, (unknown,), start, last.end)
            )
        return len(equation.roots) == count

    def _pair(self, equation: _Equation, unknowns: tuple[str, str]) -> None:
        """Remember an equation in two unknowns with the one before it, if that has the same."""
        earlier, self.last = self.last, (equation, unknowns)
        if earlier is None or earlier[1] != unknowns:
            return
        if equation.left.start - earlier[0].left.start <= MAX_BETWEEN:
            self.pairs.append(_Pair(unknowns, earlier[0], equation))
            del self.pairs[:-MAX_PAIRS]

    def _close_pair(self, unknown: str, last: Side, value: Fraction) -> None:
        """The last two equations that the stated value, with the other's, solves."""
        for pair in reversed(self.pairs):
            start = pair.first.left.start
            if unknown not in pair.unknowns or last.end - start > MAX_APART:
                continue
            pair.values[unknown] = value
            coefficients = pair.coefficients() if len(pair.values) == 2 else None
            if coefficients is None:
                continue
            x, y = (pair.values[name] for name in pair.unknowns)
            a, b, c, d, e, f = coefficients
            if is_equal(a * x + b * y, c) and is_equal(d * x + e * y, f):
                self.solved.append(
                    Solved("system", coefficients, (x, y), pair.unknowns, start, last.end)
                )
                self.pairs = []
                return

    def named(self, text: str) -> tuple[Chain, ...]:
        """The chains with the names that ``text`` has for their letters."""
        letters = [c.letter for c in self.found if c.letter]
        letters += [n.symbol for c in self.found for n in numbers(c.tree) if n.symbol]
        names = letter_names(text, letters)

        def with_names(chain: Chain) -> Chain:
            used = {n.symbol for n in numbers(chain.tree) if n.symbol in names}
            own = {letter: names[letter] for letter in sorted(used)}
            return replace(chain, output=names.get(chain.letter, ""), names=own)

        return tuple(map(with_names, sorted(self.found, key=lambda c: (c.start, c.end))))


_LISTED = re.compile(r"\s*(?:,|\\text\s?\{\s*or|\$?\s*or\b|\\(?:quad|pm|mp))\s*\$?[-\d\\]")


def _tree(side: Side) -> Tree:
    assert side.tree is not None
    return side.tree


def _extent(side: Side) -> tuple[int, int]:
    """Where a result stands, without the box around a number."""
    tree = side.tree
    return (tree.start, tree.end) if isinstance(tree, Number) else (side.start, side.end)


def _value(tree: Tree) -> Fraction | None:
    try:
        return None if symbols(tree) else evaluate(tree)
    except NotArithmeticError:
        return None


def _is_assignment(left: Side, right: Side) -> bool:
    sides = (left.tree, right.tree)
    return any(isinstance(s, Symbol) for s in sides) and any(
        s is not None and not symbols(s) for s in sides
    )


def _result(statement: Statement) -> int | None:
    """The last side that is a result: a number, a fraction of two, or a root or a multiple of pi
    that cannot be written otherwise."""
    for index in range(len(statement) - 1, 0, -1):
        tree = statement[index].tree
        if tree is not None and not symbols(tree) and is_result(tree):
            return index
    return None


def is_result(tree: Tree) -> bool:
    """Whether nothing is left to be done: a number, a fraction of two, or a closed form of roots
    and pi."""
    if _value(tree) is None:
        return False
    if isinstance(tree, Negative):
        return is_result(tree.operand)
    if isinstance(tree, Binary) and tree.symbol == "/":
        return all(isinstance(part, Number) for part in operands(tree)) or _is_closed_form(tree)
    return isinstance(tree, Number) or _is_closed_form(tree)


def _is_closed_form(tree: Tree) -> bool:
    return is_irrational(tree) and count_operations(tree) <= 4 and evaluate(tree).denominator != 1


# --- putting values in ----------------------------------------------------------------------------


def fix_constants(tree: Tree) -> Tree:
    """A chain of numbers in which small fractions as factors belong to the formula: the 1/2 of
    ``\\frac{1}{2} \\cdot 3 \\cdot 4``."""
    if isinstance(tree, Binary) and tree.symbol == "*":
        return Binary("*", _fixed_factor(tree.left), _fixed_factor(tree.right))
    parts = operands(tree)
    return rebuilt(tree, [fix_constants(part) for part in parts]) if parts else tree


def _fixed_factor(tree: Tree) -> Tree:
    if isinstance(tree, Binary) and tree.symbol == "/":
        top, bottom = tree.left, tree.right
        if isinstance(top, Number) and isinstance(bottom, Number):
            small = 0 < top.value <= _SMALL_TOP and 1 < bottom.value <= _SMALL_BOTTOM
            if small and top.value.denominator == bottom.value.denominator == 1:
                return Binary("/", replace(top, fixed=True), replace(bottom, fixed=True))
    return fix_constants(tree)


def _put_in(tree: Tree, values: Mapping[str, Fraction | None]) -> Tree | None:
    """``tree`` with numbers in place of its symbols; None where a value is missing."""
    if isinstance(tree, Symbol):
        value = values.get(tree.name)
        if value is None:
            return None
        return Number(value, tree.start, tree.end, symbol=tree.name)
    if isinstance(tree, Number):
        return _formula_number(tree)
    parts = [_put_in(part, values) for part in operands(tree)]
    whole = [part for part in parts if part is not None]
    return rebuilt(tree, whole) if len(whole) == len(parts) else None


def _formula_number(number: Number) -> Number:
    value = abs(number.value)
    own = (value <= MAX_FIXED and value.denominator == 1) or value in _FIXED
    return replace(number, fixed=True) if own else number


def _matched(formula: Tree, numeric: Tree) -> Tree | None:
    """``formula`` with what stands in the same places of ``numeric`` in place of its symbols; None
    where the two do not match, or a symbol would have two values."""
    bound: dict[str, Tree] = {}
    if not _match(formula, numeric, bound):
        return None
    return _with(formula, bound)


def _match(formula: Tree, numeric: Tree, bound: dict[str, Tree]) -> bool:
    if isinstance(formula, Symbol):
        value = _value(numeric)
        if value is None:
            return False
        if formula.name in bound:
            return _value(bound[formula.name]) == value
        bound[formula.name] = _as_number(numeric, value, formula.name)
        return True
    if isinstance(formula, Number):
        return isinstance(numeric, Number) and formula.value == numeric.value
    theirs = operands(numeric)
    if type(formula) is not type(numeric) or _operation(formula) != _operation(numeric):
        return False
    mine = operands(formula)
    return len(mine) == len(theirs) and all(
        _match(one, other, bound) for one, other in zip(mine, theirs, strict=True)
    )


def _operation(tree: Tree) -> str:
    if isinstance(tree, Binary):
        return tree.symbol
    return getattr(tree, "name", "")


def _as_number(numeric: Tree, value: Fraction, symbol: str) -> Tree:
    """What a symbol stands for: a number of its own, or the calculation in its place."""
    if isinstance(numeric, Number):
        return replace(numeric, symbol=symbol)
    if isinstance(numeric, Negative) and isinstance(numeric.operand, Number):
        return replace(numeric.operand, value=value, symbol=symbol)
    return numeric


def _with(formula: Tree, bound: Mapping[str, Tree]) -> Tree:
    if isinstance(formula, Symbol):
        return bound[formula.name]
    if isinstance(formula, Number):
        return _formula_number(formula)
    return rebuilt(formula, [_with(part, bound) for part in operands(formula)])
