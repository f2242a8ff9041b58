"""Reads the formulas and equations of a trace as routines.

A formula becomes a routine if the text gives it a meaning: its shape is a known one beside the word
for it (`wellknown`), or the text says what its letters stand for (`letters`). Numbers that are put
in for letters, or stated by the problem, are parameters; those that a formula is written with are
its own. Where a letter was given its value by an earlier formula, there is also the routine of both
together. An equation becomes its solution in closed form over the numbers that the problem names,
else the general routine for an equation of its kind.

Every routine is computed on its own instance before it leaves: what does not give the stated result
is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from tracemine.schemas import Parameter, Signature, Span, Trajectory
from tracemine.schemas.records import Kind
from tracemine.teachers.base import Dropped, Segmentation
from tracemine.teachers.rules.arithmetic import composition
from tracemine.teachers.rules.arithmetic.chains import is_equal
from tracemine.teachers.rules.arithmetic.expressions import (
    Binary,
    Call,
    Negative,
    NotArithmeticError,
    Number,
    Symbol,
    Tree,
    compute,
    divides,
    evaluate,
    is_irrational,
    literal,
    numbers,
    operands,
    plain,
    rebuilt,
    render,
    symbols,
)
from tracemine.teachers.rules.arithmetic.lifting import Mention, mentions
from tracemine.teachers.rules.arithmetic.measures import (
    Measure,
    UnitsError,
    container,
    gives,
    measure,
    term_of,
)
from tracemine.teachers.rules.arithmetic.naming import call, noun_before
from tracemine.teachers.rules.arithmetic.roles import may_be
from tracemine.teachers.rules.derived.operations import operations
from tracemine.teachers.rules.derived.spans import Case, make_span
from tracemine.teachers.rules.derived.tools import single_tool
from tracemine.teachers.rules.language import words
from tracemine.teachers.rules.language.numerals import word_set
from tracemine.teachers.rules.language.quotes import Quotes
from tracemine.teachers.rules.language.words import spoken
from tracemine.teachers.rules.mathematics.formulas import Chain, Solved, find_formulas
from tracemine.teachers.rules.mathematics.latex import read_formula, zones
from tracemine.teachers.rules.mathematics.letters import LENGTH
from tracemine.teachers.rules.mathematics.solvers import (
    LINEAR,
    QUADRATIC,
    SYSTEM,
    TWO_SIDED,
    Solver,
)
from tracemine.teachers.rules.mathematics.wellknown import recognise
from tracemine.teachers.rules.written.steps import ABANDONED, Steps
from tracemine.verifiers import verify

#: Most formulas of one trace that are read, and most of one composed routine.
MAX_STEPS = 40
MAX_COMPOSED = 8
#: How far before a formula, in characters, the words that name it may stand.
NEARBY = 240
#: How far before a result, in characters, its box may open.
BOX = 12
#: How far behind a number, in characters, the noun may stand that it counts.
BEHIND = 40
#: A composed routine reaches over at most this many characters, unless it gives the answer.
MAX_QUOTE = 4_000
#: Small whole numbers that a problem does not state belong to the formula.
MAX_OWN = 12

_LOWER_WORDS = re.compile(r"(?<![A-Za-z\\\\])[a-z]{2,}")
#: Words that do not name what a formula gives.
_NO_OUTPUT = words.STOP | word_set("answer result value equation expression formula following")

_SENTENCE_END = re.compile(r"[.!?][\"')$]*(?:\s|$)|(?<![a-z,:])\n\s*\n")
#: What numbers of a problem in mathematics are called, whatever is done with them.
_NO_THINGS = word_set("number integer point term side unit value angle degree digit fraction edge")
#: Nothing is computed with these.
_UNITLESS = (None, "percent")
#: How far behind a formula, in characters, its unit may reach.
AFTER = 40

NAMELESS = "numbers that the text does not name"
NAMELESS_LETTERS = "letters that the text does not name"
NAMELESS_RESULT = "a result that the text does not name"
NAMELESS_EQUATION = "an equation of numbers that the text does not name"
UNKNOWN_SHAPE = "functions of numbers that are no known formula"
NOT_HELD = "does not reproduce its own result"


@dataclass(frozen=True, slots=True)
class Derivations:
    """The spans of a trace's formulas, and which pieces of it are read with that."""

    segmentation: Segmentation
    claimed: tuple[tuple[int, int], ...]


def read_derivations(trajectory: Trajectory, written: Steps | None = None) -> Derivations:
    """The formulas and equations in the LaTeX of a trace as spans; none where it has no LaTeX.
    ``written`` are the steps of the trace, where the caller has them. Time is linear in the length
    of the trace."""
    reader = _Reader(trajectory, written or Steps(trajectory.trace))
    reader.read()
    return reader.derivations()


@dataclass(frozen=True, slots=True)
class _Input:
    """A parameter to be: ``key`` says which number of the instance it is."""

    key: str
    name: str
    value: Fraction
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class _Step:
    """A formula that holds. The leaves of ``tree`` are constants and symbols whose names are keys:
    of ``inputs``, or ``step N`` for the result of step N."""

    index: int
    tree: Tree
    inputs: tuple[_Input, ...]
    output: str
    value: Fraction
    start: int
    end: int
    letter: str
    general: bool
    unit: str | None = None

    @property
    def links(self) -> tuple[int, ...]:
        found = (name.removeprefix("step ") for name in symbols(self.tree) if name[:5] == "step ")
        return tuple(map(int, found))


class _NamelessError(Exception):
    """Something that neither the text nor the formula gives a role; its message says what."""


class _Reader:
    def __init__(self, trajectory: Trajectory, written: Steps) -> None:
        self.trajectory = trajectory
        self.written = written
        self.trace = trajectory.trace
        self.steps: list[_Step] = []
        self.equations: list[Solved] = []
        self.all: list[Chain] = []
        self.dropped: list[Dropped] = []
        self.claimed: list[tuple[int, int]] = []
        self.fed: list[Chain] | None = None

    def read(self) -> None:
        if not zones(self.trace):
            return
        self.quotes = Quotes(self.trace)
        self.mentions = mentions(self.trajectory.problem)
        self.asked = words.final_question(self.trajectory.problem)
        found = find_formulas(self.trace, self.trajectory.problem)
        self.equations = [e for e in found.equations if not self._is_abandoned(e)]
        for chain in found.chains:
            self._read_one(chain)

    def _read_one(self, chain: Chain) -> None:
        value, reason = chain.verdict()
        if self.written.is_abandoned(chain.start):
            value, reason = None, ABANDONED
        if value is None:
            if _is_ours(chain):
                self._drop(chain.start, chain.end, reason)
            return
        self.all.append(chain)
        try:
            step = self._step(chain)
        except _NamelessError as error:
            if _is_ours(chain):
                self._drop(chain.start, chain.end, str(error))
            return
        if step is None:
            return
        if len(self.steps) >= MAX_STEPS:
            self._drop(chain.start, chain.end, "too many calculations in one trace")
            return
        self.steps.append(step)
        if not chain.solved:
            self.claimed.append((chain.start, chain.end))

    def _is_abandoned(self, solved: Solved) -> bool:
        abandoned = self.written.is_abandoned(solved.start)
        if abandoned:
            self._drop(solved.start, solved.end, ABANDONED)
        return abandoned

    def _drop(self, start: int, end: int, reason: str) -> None:
        self.dropped.append(Dropped(start, end, reason, self.trace[start:end][:200]))

    # --- what a formula is about ------------------------------------------------------------------

    def _step(self, chain: Chain) -> _Step | None:
        """The step that a chain is, or None where it is plain arithmetic, which is read
        elsewhere."""
        inputs: dict[str, _Input] = {}
        match = recognise(chain.tree, self._nearby(chain), self._sentence(chain))
        if match is not None and match.formula.is_loose and self._is_story(match.bound):
            match = None
        output = chain.output
        general = match is not None
        if match is not None:
            shape = match.formula.tree
            names = dict(zip(symbols(shape), match.formula.roles, strict=True))
            places = {
                letter: self._role(chain, letter, names[letter], bound, inputs)
                for letter, bound in match.bound.items()
            }
            tree = _renamed(shape, places)
            output = match.formula.output
        elif chain.solved:
            if _calls(chain.tree):
                raise _NamelessError(NAMELESS_EQUATION)
            tree = self._named_leaves(chain, inputs)
        elif any(number.symbol for number in numbers(chain.tree)):
            tree = self._formula(chain, inputs)
        elif _is_ours(chain):
            # Numbers in functions without a word on what they are: the shape is all there is.
            raise _NamelessError(UNKNOWN_SHAPE)
        else:
            return None
        alike = len({wanted.name for wanted in inputs.values()}) < len(inputs)
        if not symbols(tree) or (chain.solved and (alike or len(inputs) < 2)):
            raise _NamelessError(NAMELESS if not chain.solved else NAMELESS_EQUATION)
        called = call(self.trace[: chain.end + AFTER], chain.result_start, chain.result_end)
        if not output or output == LENGTH:
            output = self._output(chain)
        if called.unit is not None and not may_be(output, called.unit):
            output = ""
        # "mgh = ... = 490 J" is an energy.
        by_unit = not output and called.unit is not None
        output = words.identifier(called.words) if by_unit else output
        step = _Step(
            len(self.steps), tree, tuple(inputs.values()), output, chain.stated,
            chain.start, chain.end, chain.letter, general, called.unit,
        )  # fmt: skip
        if not output or (by_unit and not self._units_agree([step], step.inputs)):
            raise _NamelessError(NAMELESS_RESULT)
        return step

    def _nearby(self, chain: Chain) -> str:
        start, _ = self.quotes.around(chain.start, chain.end)
        begin = max(0, min(start, chain.start - NEARBY))
        return f"{self.asked} {self.trace[begin : chain.end]}"

    def _sentence(self, chain: Chain) -> str:
        """The sentence that a formula stands in, with what leads to it where it stands in a line of
        its own."""
        before = self.trace[max(0, chain.start - NEARBY) : chain.start]
        opened = max((match.end() for match in _SENTENCE_END.finditer(before)), default=0)
        closed = _SENTENCE_END.search(self.trace, chain.end, chain.end + NEARBY // 2)
        end = closed.start() if closed else chain.end
        return before[opened:] + self.trace[chain.start : end]

    def _is_story(self, bound: Mapping[str, Tree]) -> bool:
        """Whether the problem counts several of the numbers in a formula as things of one kind, or
        as money."""
        nouns: list[str] = []
        for part in bound.values():
            value = abs(evaluate(part))
            stated = (m for m in self.mentions if m.value == value and not m.method)
            nouns += [noun for m in stated if (noun := self._counted(m))][:1]
        return len(nouns) > 1 and len(set(nouns)) == 1

    def _counted(self, mention: Mention) -> str:
        """The noun just behind a number of the problem, if that says what it counts."""
        if mention.unit in words.MONEY_UNITS:
            return mention.unit
        noun = mention.noun.partition("_per_")[0].partition("_of_")[0].split("_")[-1]
        after = self.trajectory.problem[mention.end : mention.end + BEHIND].lower()
        named = noun and mention.unit is None and words.singular(noun) not in _NO_THINGS
        return words.singular(noun) if named and noun in after else ""

    def _output(self, chain: Chain) -> str:
        """What the text before a formula calls it: "the area of the square is"."""
        before = self.trace[: chain.start]
        opened = before.rstrip("$ \n({[\\&")
        # A name with a letter before it (A = ...) belongs to the letter.
        if chain.letter:
            opened = opened.rstrip("= ").removesuffix(chain.letter).rstrip("$ \n({[\\&")
        found = noun_before(opened + " ", len(opened) + 1)
        whole = set(_LOWER_WORDS.findall(opened))
        if not found or any(word not in whole for word in found) or found[-1] in _NO_OUTPUT:
            return ""
        return words.identifier(found)

    def _role(
        self,
        chain: Chain,
        letter: str,
        name: str,
        bound: Tree,
        inputs: dict[str, _Input],
    ) -> str:
        """The key of what stands for one letter of a known formula."""
        value = evaluate(bound)
        symbol = bound.symbol if isinstance(bound, Number) else ""
        earlier = self._earlier(symbol, value)
        if earlier is not None:
            return f"step {earlier}"
        key = f"role {name} {value}"
        inputs.setdefault(key, _Input(key, name, value, self._unit(value)))
        return key

    def _formula(self, chain: Chain, inputs: dict[str, _Input]) -> Tree:
        """The formula over its letters. It has a meaning if the text names them all."""
        expression = chain.tree
        letters = {number.symbol for number in numbers(expression) if number.symbol}
        if not letters <= set(chain.names) or set(chain.names.values()) == {LENGTH}:
            raise _NamelessError(NAMELESS_LETTERS)

        def leaf(number: Number) -> Tree:
            if number.symbol:
                return self._letter(chain, number, inputs)
            if number.fixed:
                return number
            return self._stated(number, inputs)

        return _mapped(expression, leaf)

    def _letter(self, chain: Chain, number: Number, inputs: dict[str, _Input]) -> Tree:
        earlier = self._earlier(number.symbol, number.value)
        if earlier is not None:
            return Symbol(f"step {earlier}", number.start, number.end)
        key = f"letter {number.symbol}"
        name = chain.names[number.symbol]
        inputs.setdefault(key, _Input(key, name, number.value, self._unit(number.value)))
        return Symbol(key, number.start, number.end)

    def _named_leaves(self, chain: Chain, inputs: dict[str, _Input]) -> Tree:
        """A chain over numbers that the problem names, and constants."""

        def leaf(number: Number) -> Tree:
            return number if number.fixed else self._stated(number, inputs)

        return _mapped(chain.tree, leaf)

    def _stated(self, number: Number, inputs: dict[str, _Input]) -> Tree:
        """A number that the problem states, under its name there; else a constant."""
        value = abs(number.value)
        stated = [m for m in self.mentions if m.value == value]
        if any(m.method for m in stated) and value <= MAX_OWN:
            return number
        if not stated:
            if value <= MAX_OWN and value.denominator == 1:
                return number
            raise _NamelessError(NAMELESS)
        named = [m for m in stated if _says_something(m.noun)]
        if len({m.noun for m in named}) != 1:
            raise _NamelessError(NAMELESS)
        key = f"stated {value}"
        inputs.setdefault(key, _Input(key, named[0].noun, value, named[0].unit))
        leaf = Symbol(key, number.start, number.end)
        return Negative(leaf) if number.value < 0 else leaf

    def _earlier(self, symbol: str, value: Fraction) -> int | None:
        """The last step whose result was given to the letter."""
        if not symbol:
            return None
        for step in reversed(self.steps):
            if step.letter == symbol:
                return step.index if is_equal(step.value, value) else None
        return None

    def _unit(self, value: Fraction) -> str | None:
        units = {m.unit for m in self.mentions if m.value == value and not m.method}
        return units.pop() if len(units) == 1 else None

    # --- routines ---------------------------------------------------------------------------------

    def derivations(self) -> Derivations:
        spans: list[Span] = []
        if self.steps or self.equations:
            checked = self._checked()
            for step in self.steps:
                cone = self._cone(step.index)
                for chosen in {(step.index,): None, cone: None}:
                    self._add(spans, self._span(chosen, step.index in checked), chosen)
            for solved in self.equations:
                self._add(spans, self._equation(solved), ())
        return Derivations(Segmentation(tuple(spans), tuple(self.dropped)), tuple(self.claimed))

    def _add(self, spans: list[Span], span: Span | None, cone: Sequence[int]) -> None:
        if span is None:
            return
        if any(s.code == span.code and _same_case(s, span) for s in spans):
            self._drop(span.start, span.end, "repeated calculation")
        elif len(cone) > 1 and span.end - span.start > MAX_QUOTE:
            self._drop(span.start, span.end, "steps too far apart")
        else:
            spans.append(span)

    def _cone(self, index: int) -> tuple[int, ...]:
        """The steps that a step rests on by its letters, itself included, in order; itself alone
        where they are too many."""
        found = composition.cone([step.links for step in self.steps], index)
        return found if len(found) <= MAX_COMPOSED else (index,)

    def _checked(self) -> set[int]:
        """The steps that the reference rests on."""
        fed = {chain.start for chain in self._fed()}
        return {step.index for step in self.steps if step.start in fed}

    def _fed(self) -> list[Chain]:
        """The chains that the reference rests on: those that reach it, and what these take by their
        letters or, where a value is no common one, by its value."""
        if self.fed is None:
            self.fed = []
            waiting = self._final()
            while waiting:
                chain = waiting.pop()
                if chain in self.fed:
                    continue
                self.fed.append(chain)
                for number in _used(chain.tree):
                    earlier = self._giving(number, chain)
                    if earlier is not None:
                        waiting.append(earlier)
        return self.fed

    def _final(self) -> list[Chain]:
        """For each number of the reference the last chain that reaches it, one in a box before any
        other."""
        if self.trajectory.outcome == "wrong":
            return []
        found: list[Chain] = []
        for value in _values(self.trajectory.reference):
            reached = [chain for chain in self.all if is_equal(chain.stated, value)]
            boxed = [chain for chain in reached if self._is_boxed(chain)]
            found += (boxed or reached)[-1:]
        return found

    def _is_boxed(self, chain: Chain) -> bool:
        before = self.trace[max(0, chain.result_start - BOX) : chain.result_end]
        return "\\boxed" in before or "\\fbox" in before

    def _giving(self, number: Number, chain: Chain) -> Chain | None:
        """The chain that a number of ``chain`` comes from."""
        before = [other for other in self.all if other.end <= chain.start]
        for other in reversed(before):
            if number.symbol and other.letter == number.symbol:
                return other if is_equal(other.stated, number.value) else None
        if self._is_telling(number.value):
            return next((o for o in reversed(before) if _is_same(o.stated, number.value)), None)
        return None

    def _is_telling(self, value: Fraction) -> bool:
        """Whether a value is so rare that where it comes up again it is mostly the same number."""
        small = value.denominator == 1 and abs(value) <= MAX_OWN
        return not small and all(m.value != abs(value) for m in self.mentions)

    def _span(self, cone: Sequence[int], checked: bool) -> Span | None:
        last = self.steps[cone[-1]]
        taken = {last.output}
        keys: dict[str, str] = {}
        inputs: list[_Input] = []
        for index in cone:
            step = self.steps[index]
            linked = [self._link_input(link) for link in step.links if link not in cone]
            for wanted in (*step.inputs, *linked):
                if wanted.key not in keys:
                    keys[wanted.key] = words.free_name(wanted.name, taken)
                    inputs.append(wanted)
        for index in cone[:-1]:
            keys[f"step {index}"] = words.free_name(self.steps[index].output, taken)
        lines = [f"    {keys[f'step {i}']} = {self._code(i, keys)}" for i in cone[:-1]]
        lines.append(f"    return {self._code(last.index, keys)}")
        trees = [self.steps[index].tree for index in cone]
        bindings = {keys[wanted.key]: plain(wanted.value) for wanted in inputs}
        listed = ", ".join(bindings)
        code = "\n".join([f"def {last.output}({listed}):", *lines]) + "\n"
        if "math." in code:
            code = f"import math\n\n\n{code}"
        unit = last.unit
        if not self._units_agree([self.steps[index] for index in cone], inputs):
            unit, inputs = None, [replace(wanted, unit=None) for wanted in inputs]
        signature = Signature(
            tuple(_parameter(wanted, keys[wanted.key]) for wanted in inputs),
            Parameter(last.output, _output_type(trees, inputs), unit),
        )
        start, end = self.quotes.around(
            min(self.steps[i].start for i in cone), max(self.steps[i].end for i in cone)
        )
        if not _gives(plain(last.value), lambda: self._run(cone, inputs)):
            self._drop(start, end, NOT_HELD)
            return None
        return self._made(code, signature, bindings, plain(last.value), start, end, checked)

    def _units_agree(self, steps: Sequence[_Step], inputs: Sequence[_Input]) -> bool:
        """Whether the units of a routine's inputs give those that its results are stated in, as
        far as they are known."""
        units = {wanted.key: wanted.unit for wanted in inputs}
        found: dict[str, Measure | None] = {
            key: Measure(container(unit)) for key, unit in units.items() if unit not in _UNITLESS
        }
        for step in steps:
            try:
                made = measure(term_of(step.tree), lambda key: found.get(key[1]))
            except UnitsError:
                return False
            except NotArithmeticError:
                made = None
            if made is not None and step.unit not in _UNITLESS and not gives(made, str(step.unit)):
                return False
            stated = Measure(container(str(step.unit))) if step.unit not in _UNITLESS else made
            found[f"step {step.index}"] = stated
        return True

    def _run(self, cone: Sequence[int], inputs: Sequence[_Input]) -> float:
        """What the code of a routine gives, computed as its code does."""
        values: dict[str, float] = {wanted.key: plain(wanted.value) for wanted in inputs}
        for index in cone:
            values[f"step {index}"] = compute(self.steps[index].tree, values)
        return values[f"step {cone[-1]}"]

    def _link_input(self, index: int) -> _Input:
        step = self.steps[index]
        return _Input(f"step {index}", step.output, step.value)

    def _code(self, index: int, keys: Mapping[str, str]) -> str:
        tree = _renamed(self.steps[index].tree, keys)
        return render(tree, lambda number: literal(number.value))

    def _equation(self, solved: Solved) -> Span | None:
        """The general routine for an equation of its kind, on its coefficients."""
        solver, coefficients = _solver(solved)
        if solver is LINEAR and (coefficients[1] == 0 or abs(coefficients[0]) == 1):
            return None  # one operation
        solution = [plain(value) for value in solved.solution]
        stated: Any = solution
        if solver is SYSTEM:
            stated = tuple(solution)
        elif solver in (LINEAR, TWO_SIDED):
            stated = solution[0]
        names = solver.parameters
        bindings = {n: plain(c) for n, c in zip(names, coefficients, strict=True)}
        parameters = [
            Parameter(n, _number_type(c)) for n, c in zip(names, coefficients, strict=True)
        ]
        signature = Signature(tuple(parameters), Parameter(solver.name, solver.type))
        start, end = self.quotes.around(solved.start, solved.end)
        if not _gives(stated, lambda: solver.function(**bindings)):
            self._drop(start, end, NOT_HELD)
            return None
        checked = self._feeds(solved)
        return self._made(solver.code, signature, bindings, stated, start, end, checked)

    def _feeds(self, solved: Solved) -> bool:
        """Whether the reference rests on the solution of an equation: it is one that nothing after
        it reaches otherwise, or goes into a chain that the reference rests on."""
        references = _values(self.trajectory.reference)
        if self.trajectory.outcome == "wrong" or not references:
            return False
        given = all(any(is_equal(one, value) for one in solved.solution) for value in references)
        later = [c for c in self._final() if c.start >= solved.end]
        if given and (not later or all(map(self._is_telling, references))):
            return True
        taken = [n for c in self._fed() if c.end > solved.start for n in _used(c.tree)]
        return any(
            (number.symbol in solved.unknowns or self._is_telling(number.value))
            and any(_is_same(value, number.value) for value in solved.solution)
            for number in taken
        )

    def _made(
        self,
        code: str,
        signature: Signature,
        bindings: dict[str, Any],
        stated: Any,
        start: int,
        end: int,
        checked: bool,
    ) -> Span:
        entry_point = signature.output.name
        kind: Kind = "procedural" if operations(code, entry_point) >= 2 else "tool"
        return make_span(
            self.trajectory,
            start=start,
            end=end,
            subquestion=_subquestion(signature),
            code=code,
            entry_point=entry_point,
            signature=signature,
            cases=[Case(bindings, stated, checked)],
            kind=kind,
            tool=single_tool(code, entry_point) if kind == "tool" else None,
        )


def _subquestion(signature: Signature) -> str:
    """ "area of triangle from base and height": the roles of a known formula say what it is."""
    given = words.listed([spoken(parameter.name) for parameter in signature.inputs])
    return f"{spoken(signature.output.name)} from {given}"


def _solver(solved: Solved) -> tuple[Solver, tuple[Fraction, ...]]:
    """The routine for an equation, and its coefficients in the order of the parameters."""
    if solved.kind == "quadratic":
        return QUADRATIC, solved.coefficients
    if solved.kind == "system":
        return SYSTEM, solved.coefficients
    left, constant, right, right_constant = solved.coefficients
    if right == 0:
        return LINEAR, (left, constant, right_constant)
    if left == 0:
        return LINEAR, (right, right_constant, constant)
    return TWO_SIDED, solved.coefficients


def _gives(stated: Any, run: Callable[[], Any]) -> bool:
    """Whether a routine gives the result that the text states, as floats have it."""
    try:
        return verify(stated, run()).outcome == "agree"
    except (ArithmeticError, ValueError, TypeError):  # a root of a negative, 5.0 of a factorial
        return False


def _used(tree: Tree) -> Iterator[Number]:
    """The numbers of a formula that come from somewhere: no exponents, and none that is part of
    it."""
    if isinstance(tree, Number):
        if not tree.fixed:
            yield tree
    elif isinstance(tree, Binary) and tree.symbol == "**":
        yield from _used(tree.left)
        if _letters(tree.right):
            yield from _used(tree.right)
    else:
        for part in operands(tree):
            yield from _used(part)


def _letters(tree: Tree) -> set[str]:
    """The letters that the numbers of ``tree`` were put in for."""
    return {number.symbol for number in numbers(tree) if number.symbol}


def _is_same(one: Fraction, other: Fraction) -> bool:
    """Whether two values are one but for the sign, which a formula may write apart."""
    return is_equal(abs(one), abs(other))


def _is_ours(chain: Chain) -> bool:
    """Whether a chain is more than the arithmetic that is read in running text."""
    tree = chain.tree
    return chain.solved or _calls(tree) or any(n.symbol for n in numbers(tree))


def _calls(tree: Tree) -> bool:
    return isinstance(tree, Call) or any(map(_calls, operands(tree)))


def _says_something(noun: str) -> bool:
    return bool(noun) and noun not in ("fraction", "numerator", "denominator", "number", "numbers")


def _parameter(wanted: _Input, name: str) -> Parameter:
    return Parameter(name, _number_type(wanted.value), wanted.unit)


def _number_type(value: Fraction) -> str:
    if value.denominator == 1:
        return "int"
    return "rational" if value.denominator < 10**9 else "real"


def _output_type(trees: Sequence[Tree], inputs: Sequence[_Input]) -> str:
    sample = {wanted.key: Number(wanted.value, 0, 0) for wanted in inputs}
    types = {_number_type(wanted.value) for wanted in inputs}
    filled = [_mapped_symbols(tree, sample) for tree in trees]
    if "real" in types or any(map(is_irrational, filled)):
        return "real"
    return "rational" if "rational" in types or any(map(divides, filled)) else "int"


def _mapped_symbols(tree: Tree, sample: Mapping[str, Number]) -> Tree:
    if isinstance(tree, Symbol):
        # The value of an earlier result says nothing of the type: one does for a power.
        return sample.get(tree.name, Number(Fraction(1), 0, 0))
    parts = [_mapped_symbols(part, sample) for part in operands(tree)]
    return rebuilt(tree, parts) if parts else tree


def _mapped(tree: Tree, leaf: Any) -> Tree:
    """``tree`` with ``leaf(number)`` in place of each number; exponents 2 and 3 stay."""
    if isinstance(tree, Number):
        found: Tree = leaf(tree)
        return found
    if isinstance(tree, Binary) and tree.symbol == "**" and _is_small_power(tree.right):
        return Binary("**", _mapped(tree.left, leaf), tree.right)
    parts = [_mapped(part, leaf) for part in operands(tree)]
    return rebuilt(tree, parts) if parts else tree


def _is_small_power(exponent: Tree) -> bool:
    return isinstance(exponent, Number) and exponent.value in (2, 3) and not exponent.symbol


def _renamed(tree: Tree, names: Mapping[str, str]) -> Tree:
    if isinstance(tree, Symbol):
        return Symbol(names[tree.name], tree.start, tree.end)
    parts = [_renamed(part, names) for part in operands(tree)]
    return rebuilt(tree, parts) if parts else tree


def _same_case(one: Span, other: Span) -> bool:
    return one.instances[0].bindings == other.instances[0].bindings


def _values(reference: str | None) -> tuple[Fraction, ...]:
    """The numbers that a reference answer consists of."""
    if reference is None or len(reference) > 200:
        return ()
    found: list[Fraction] = []
    for part in reference.split(","):
        try:
            tree = read_formula(part.strip().strip("$").rstrip("."))
            found.append(evaluate(tree))
        except NotArithmeticError:
            return ()
    return tuple(found)
