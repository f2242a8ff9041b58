"""A step, or the steps it rests on, as a function with typed parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from tracemine.schemas import Parameter, Signature
from tracemine.teachers.rules.chains import Calculation
from tracemine.teachers.rules.expressions import (
    Binary,
    Expression,
    Negative,
    Number,
    divides,
    literal,
    numbers,
    render,
)
from tracemine.teachers.rules.words import singular


@dataclass(frozen=True, slots=True)
class Datum:
    """A number of the instance: ``key`` says which, ``names`` what it may be called, best first;
    ``special`` tells it from another of the same name ("eggs_eaten")."""

    key: tuple[str, str]
    value: Fraction
    names: tuple[str, ...]
    unit: str | None
    special: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """An operand that is the result of the step with this index."""

    step: int


@dataclass(frozen=True, slots=True)
class Constant:
    value: Fraction


Operand = Datum | Link | Constant


@dataclass(frozen=True, slots=True)
class Step:
    """A calculation that holds, with what its operands are (from left to right)."""

    index: int
    calculation: Calculation
    value: Fraction
    operands: tuple[Operand, ...]
    start: int
    end: int
    output: str
    unit: str | None
    question: str
    links: tuple[int, ...] = field(default=())


def outer_symbol(expression: Expression) -> str:
    """The operation done last; multiplication stands for none."""
    if isinstance(expression, Binary):
        return expression.symbol
    return outer_symbol(expression.operand) if isinstance(expression, Negative) else "*"


def plain(value: Fraction) -> int | float:
    """A Python number; a float where the value is not whole."""
    return value.numerator if value.denominator == 1 else float(value)


_FALLBACK = {"+": "total", "-": "difference", "*": "product", "/": "quotient"}
_PREFIX = {"+": "total", "-": "remaining", "*": "total"}
#: The name of a number that the text does not name.
NAMELESS = "amount"


class Routine:
    """The steps ``cone`` (indices in order) as code: parameters for data, and for results of steps
    that are not in it; a local name for each step before the last. ``name`` is what the result is
    to be called, if the caller knows better than the step.

    ``code``, ``entry_point``, ``signature`` and ``bindings`` are the results.
    """

    def __init__(self, steps: Sequence[Step], cone: Sequence[int], name: str = "") -> None:
        self._steps, self._cone = steps, cone
        self._names: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()
        last = steps[cone[-1]]
        outside = self._outside()
        self._name_data([operand for operand in outside.values() if isinstance(operand, Datum)])
        own = name or output_name(steps, last)
        self.entry_point = self._free([own, _prefixed(last, own), f"resulting_{own}"])
        for key, operand in outside.items():
            if isinstance(operand, Link):
                earlier = output_name(steps, steps[operand.step])
                self._names[key] = self._free([earlier, f"previous_{earlier}"])
        for index in cone[:-1]:
            earlier = output_name(steps, steps[index])
            candidates = [earlier, _prefixed(steps[index], earlier)]
            self._names["step", str(index)] = self._free(candidates)
        self.bindings: dict[str, int | float] = {}
        parameters = [self._parameter(key, operand) for key, operand in outside.items()]
        lines = [
            f"    {self._names['step', str(index)]} = {self._expression(steps[index])}"
            for index in cone[:-1]
        ]
        lines.append(f"    return {self._expression(last)}")
        listed = ", ".join(parameter.name for parameter in parameters)
        self.code = "\n".join([f"def {self.entry_point}({listed}):", *lines]) + "\n"
        rational = any(parameter.type == "rational" for parameter in parameters) or any(
            divides(steps[i].calculation.expression) or _has_decimal(steps[i]) for i in cone
        )
        output = Parameter(self.entry_point, "rational" if rational else "int", last.unit)
        self.signature = Signature(tuple(parameters), output)

    def _outside(self) -> dict[tuple[str, str], Datum | Link]:
        """The operands that come from outside the cone, by key, in order of appearance."""
        found: dict[tuple[str, str], Datum | Link] = {}
        for index in self._cone:
            for operand in self._steps[index].operands:
                if isinstance(operand, Datum):
                    found.setdefault(operand.key, operand)
                elif isinstance(operand, Link) and operand.step not in self._cone:
                    found.setdefault(("step", str(operand.step)), operand)
        return found

    def _name_data(self, data: Sequence[Datum]) -> None:
        """Names for the data; where several would have one name, what is special to each."""
        first = [datum.names[0] if datum.names else NAMELESS for datum in data]
        for datum, name in zip(data, first, strict=True):
            special = [datum.special] if datum.special and first.count(name) > 1 else []
            self._names[datum.key] = self._free([*special, *datum.names, name])

    def _free(self, candidates: Sequence[str]) -> str:
        """The first of ``candidates`` that is not taken, else the first with a number."""
        for candidate in candidates:
            if candidate not in self._taken:
                self._taken.add(candidate)
                return candidate
        base, count = candidates[0], 2
        while f"{base}_{count}" in self._taken:
            count += 1
        self._taken.add(f"{base}_{count}")
        return f"{base}_{count}"

    def _parameter(self, key: tuple[str, str], operand: Datum | Link) -> Parameter:
        if isinstance(operand, Link):
            step = self._steps[operand.step]
            value, unit = abs(step.value), step.unit
        else:
            value, unit = operand.value, operand.unit
        name, number = self._names[key], plain(value)
        self.bindings[name] = number
        return Parameter(name, "int" if isinstance(number, int) else "rational", unit)

    def _expression(self, step: Step) -> str:
        written: dict[tuple[int, int], str] = {}
        expression = step.calculation.expression
        for number, operand in zip(numbers(expression), step.operands, strict=True):
            written[number.start, number.end] = self._written(number, operand)
        return render(expression, lambda number: written[number.start, number.end])

    def _written(self, number: Number, operand: Operand) -> str:
        if isinstance(operand, Constant):
            return literal(number.value)
        negative = number.value < 0
        if isinstance(operand, Datum):
            name = self._names[operand.key]
        else:
            name = self._names["step", str(operand.step)]
            if operand.step in self._cone:
                # A parameter is bound to the bare amount, a local has the result's own sign.
                negative = negative != (self._steps[operand.step].value < 0)
        return f"-{name}" if negative else name


def _prefixed(step: Step, name: str) -> str:
    prefix = _PREFIX.get(outer_symbol(step.calculation.expression), "resulting")
    return f"resulting_{name}" if name.startswith(prefix) else f"{prefix}_{name}"


def _has_decimal(step: Step) -> bool:
    return any(isinstance(o, Constant) and o.value.denominator != 1 for o in step.operands)


def output_name(steps: Sequence[Step], step: Step) -> str:
    """What a step's result is called: as the text does, else after its operands."""
    if step.output:
        return step.output
    symbol = outer_symbol(step.calculation.expression)
    named = [_operand_name(steps, operand) for operand in step.operands]
    known = [name for name in named if name]
    money = step.unit == "dollar" or any("price" in name for name in known)
    if symbol == "*":
        rate = next((name for name in known if "_per_" in name), "")
        if money:
            return "total_cost" if any("price" in name for name in known) else "total_amount"
        if rate:
            return f"total_{rate.partition('_per_')[0]}"
    elif symbol == "+" and known:
        if len({name.split("_")[-1] for name in known}) == 1 and len(known) == len(named):
            return f"total_{known[0].split('_')[-1]}"
        if money:
            return "total_amount"
    elif symbol == "-" and known and named[0]:
        return "difference_in_amount" if money else f"difference_in_{named[0].split('_')[-1]}"
    elif symbol == "/" and len(named) == 2 and all(named):
        return "_".join([*named[0].split("_")[-2:], "per", singular(named[1].split("_")[-1])])
    return _FALLBACK.get(symbol, "result")


def _operand_name(steps: Sequence[Step], operand: Operand) -> str:
    if isinstance(operand, Link):
        return steps[operand.step].output
    if isinstance(operand, Datum):
        return operand.names[0] if operand.names else ""
    return ""
