"""Replay: does a variant give the result on instances that it was not taken from?

Roles are aligned first: which of the instance's values goes to which parameter. Names decide where
they say something, units and types where names do not. Instances whose keys stand in the same roles
(spans with one method) form a *family*; where more than one alignment remains, one instance of the
family chooses it by its result, does not count, and the others are judged by it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, islice
from typing import Any

from tracemine.schemas import Instance, Parameter, Replay, Signature, decode
from tracemine.schemas.records import Verdict
from tracemine.schemas.types import coarse
from tracemine.schemas.values import dump_json
from tracemine.verifiers.arithmetic import calculation
from tracemine.verifiers.bindings import BindingError, convert
from tracemine.verifiers.equivalence import VERIFIERS, verify
from tracemine.verifiers.runs import Limits, Run, Status, reason_text
from tracemine.verifiers.sandbox import MAX_SOURCE_CHARS, Sandbox
from tracemine.verifiers.symmetry import representatives
from tracemine.verifiers.verdict import Context

#: More ways than this to align roles are not tried: five parameters that nothing tells apart have
#: 120, and a routine that needs more than that cannot be retrieved by its roles either.
MAX_ALIGNMENTS = 120

#: Entries of each thing that is remembered from case to case.
_REMEMBERED = 16384

#: Programs of which it is remembered whether they are plain arithmetic.
_FEW = 256

#: The reason of a run that did not end. Not of which clock: a busy machine stops another one first.
OUT_OF_TIME = "it did not end in the time that it has"

#: The reason of the verdict on the instance that chose an alignment.
CHOSE = "chose the alignment of roles, so it does not count"

#: The reason of a pass that other hashes, addresses and random numbers undo begins with this.
FLAKY = "flaky"

#: Names that say nothing about the role of a value.
_GENERIC = re.compile(
    r"([a-z]|arr|array|lst|list\d*|nums?|number|numbers|text|string|str\d*|s\d|value|values|amount"
    r"|amounts|count|total|quantity|items?|data|result|part|rest|param|arg|test_(list|str|tup)"
    r"|tuple\d*|input)(_?\d+)*$"
)

#: The syntax of a routine that only computes with numbers.
_ARITHMETIC = (
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Assign, ast.Return, ast.Name,
    ast.expr_context, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod,
    ast.Pow, ast.UnaryOp, ast.USub, ast.UAdd,
)  # fmt: skip

#: What a run may use in the fast interpreter, whose clock is that on the wall: what does not end at
#: once is left to CPython, which has the last word.
_FIRST_LOOK = Limits(seconds=0.2)
#: What one may use in CPython that takes powers of numbers and does nothing else: nearly all take
#: microseconds or never end.
_POWERS = Limits(seconds=0.5)

#: The name that the preconditions of a routine are called by in the sandbox.
_CONDITIONS = "tracemine_conditions"


#: What the reason of a run begins with that ended at a precondition.
UNMET = "precondition does not hold"
UNJUDGED = "a precondition that cannot be judged"


@dataclass(frozen=True, slots=True)
class Routine:
    """What of a variant is needed to replay it. ``predicates`` are its preconditions as boolean
    expressions over its parameters; ``verifier`` compares its results."""

    variant_id: str
    code: str
    entry_point: str
    signature: Signature
    predicates: tuple[str, ...]
    verifier: str


@dataclass(frozen=True, slots=True)
class Case:
    """An instance with the parameters of the span it was lifted from, in that span's order.
    Cases with equal ``family`` hold their values in the same roles. ``own_roles`` says that the
    instance binds the parameters of this very routine (its own tests), so nothing is to align."""

    instance: Instance
    keys: tuple[Parameter, ...]
    family: str
    own_roles: bool = False


def alignments(signature: Signature, keys: Sequence[Parameter]) -> list[tuple[int, ...]]:
    """Every way to serve the inputs of ``signature`` from ``keys``: for each input in order, the
    position of its key. Equal names that mean something are matched first; what remains may be
    matched in any way that types and units allow. Empty if there is none, or more than
    `MAX_ALIGNMENTS`."""
    inputs = signature.inputs
    if len(inputs) != len(keys):
        return []
    positions = {key.name: index for index, key in enumerate(keys)}
    fixed = {
        index: positions[parameter.name]
        for index, parameter in enumerate(inputs)
        if parameter.name in positions
        and _says_something(parameter.name)
        and fits(parameter, keys[positions[parameter.name]])
    }
    taken = fixed.values()
    choices = tuple(
        (fixed[place],)
        if place in fixed
        else tuple(p for p, key in enumerate(keys) if p not in taken and fits(parameter, key))
        for place, parameter in enumerate(inputs)
    )
    return list(_assignments(choices))


@lru_cache(maxsize=_REMEMBERED)
def _says_something(name: str) -> bool:
    return _GENERIC.match(name) is None


@lru_cache(maxsize=_REMEMBERED)
def _assignments(choices: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
    """All ways to take one of each of ``choices`` without taking one twice, in sorted order; none
    if they are more than `MAX_ALIGNMENTS`. Groups ask for few, and often."""
    found = tuple(islice(_taken(choices), MAX_ALIGNMENTS + 1))
    return found if len(found) <= MAX_ALIGNMENTS else ()


def _taken(choices: Sequence[Sequence[int]]) -> Iterable[tuple[int, ...]]:
    if not choices:
        yield ()
        return
    for first in choices[0]:
        rest = [[p for p in later if p != first] for later in choices[1:]]
        for tail in _taken(rest):
            yield (first, *tail)


def fits(parameter: Parameter, key: Parameter) -> bool:
    """Whether a value in the role of ``key`` may serve ``parameter``: same coarse type (`any` fits
    all), and no two different units."""
    if parameter.type != key.type:
        kinds = {coarse(parameter.type), coarse(key.type)}
        if len(kinds) > 1 and "any" not in kinds:
            return False
    return parameter.unit is None or key.unit is None or parameter.unit == key.unit


def replay(routine: Routine, cases: Sequence[Case], sandbox: Sandbox) -> list[Replay]:
    """The verdicts of ``routine`` on ``cases``, in order of instance id. Incompatible cases (no
    alignment) give none. All runs go to the sandbox as batches, one round trip each: the fast
    interpreter first, then CPython for whatever it did not pass, then CPython with other hashes for
    whatever passed and is more than arithmetic. A pass that does not come again there fails.
    Bindings are converted by the types of the routine's signature; what cannot be is
    ``unsupported``.

    Neither raises nor hangs on account of the code: what goes wrong is a verdict.

    Raises:
        RuntimeError: if the sandbox has no worker to give; see `Sandbox.run_many`.
    """
    ordered = sorted(cases, key=lambda case: case.instance.id)
    options = [_options(routine, case) for case in ordered]
    verdicts = _evaluate(routine, ordered, options, sandbox)
    results: dict[str, Replay] = {}
    by_family: dict[str, list[int]] = {}
    for index, case in enumerate(ordered):
        if options[index]:
            by_family.setdefault(case.family, []).append(index)
    for _, members in sorted(by_family.items()):
        for index, alignment, outcome in _judge_family(members, options, verdicts):
            case = ordered[index]
            results[case.instance.id] = Replay(
                variant_id=routine.variant_id,
                instance_id=case.instance.id,
                binding_map=_binding_map(routine.signature, case.keys, alignment),
                verdict=outcome.verdict,
                reason=outcome.reason,
                verifier=outcome.verifier,
            )
    return [results[key] for key in sorted(results)]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """One run, judged."""

    verdict: Verdict
    reason: str
    verifier: str
    backend: str = ""


_Verdicts = dict[tuple[int, tuple[int, ...]], _Outcome]


def _options(routine: Routine, case: Case) -> list[tuple[int, ...]]:
    if case.own_roles:
        return [tuple(range(len(case.keys)))]
    return alignments(routine.signature, case.keys)


@lru_cache(maxsize=_REMEMBERED)
def _representatives(
    code: str,
    entry_point: str,
    inputs: tuple[Parameter, ...],
    predicates: tuple[str, ...],
    ways: tuple[tuple[int, ...], ...],
) -> Mapping[tuple[int, ...], tuple[int, ...]]:
    """Alignment -> the first of ``ways`` that is the same calculation, see `symmetry`."""
    first = representatives(code, entry_point, inputs, predicates, ways)
    return dict(zip(ways, first, strict=True))


def _evaluate(
    routine: Routine,
    cases: Sequence[Case],
    options: Sequence[Sequence[tuple[int, ...]]],
    sandbox: Sandbox,
) -> _Verdicts:
    alike = {
        (index, way): (index, first)
        for index, ways in enumerate(options)
        for way, first in _representatives(
            routine.code,
            routine.entry_point,
            routine.signature.inputs,
            routine.predicates,
            tuple(ways),
        ).items()
    }
    verdicts = _run(routine, cases, list(dict.fromkeys(alike.values())), sandbox)
    return {run: verdicts[first] for run, first in alike.items()}


def _run(
    routine: Routine,
    cases: Sequence[Case],
    runs: Sequence[tuple[int, tuple[int, ...]]],
    sandbox: Sandbox,
) -> _Verdicts:
    """The verdicts of ``runs``: indices of cases, each with an alignment."""
    if not runs:
        return {}
    expected = [decode(case.instance.result) for case in cases]
    inputs = routine.signature.inputs

    verdicts: _Verdicts = {}
    bound: dict[tuple[int, tuple[int, ...]], dict[str, Any]] = {}
    for index, same_case in groupby(runs, key=lambda run: run[0]):
        columns = _columns(inputs, cases[index])
        for run in same_case:
            given = {
                p.name: column[at] for p, column, at in zip(inputs, columns, run[1], strict=True)
            }
            for name, value in given.items():
                if isinstance(value, BindingError):
                    verdicts[run] = _Outcome("unsupported", f"{name}: {value}", "")
                    break
            else:
                bound[run] = given

    def judge(asked: Iterable[tuple[int, tuple[int, ...]]], **how: Any) -> _Verdicts:
        """One batch."""
        listed = list(asked)
        if not listed:
            return {}
        if how["backend"] == "monty":
            how["limits"] = _FIRST_LOOK
        results = run_routine(routine, [bound[run] for run in listed], sandbox, **how)
        return {
            run: _outcome(routine, result, expected[run[0]])
            for run, result in zip(listed, results, strict=True)
        }

    refuted = _refuted(routine, bound, expected)
    left = [run for run in bound if run not in refuted]
    if is_arithmetic_of_powers(routine.code) and computer(routine) is not None:
        # Nothing interrupts monty within a power, and nothing here depends on a hash: there is no
        # call in such code, nor in preconditions that are computed with it.
        return verdicts | refuted | judge(left, backend="cpython", limits=_POWERS)
    decided = refuted | judge(left, backend="monty")
    if is_plain_arithmetic(routine.code):
        # A number that monty computes is CPython's number and depends on no hash, so that failing
        # is final, as most replays of a group do. What monty could not compute is asked again.
        stuck = [
            run
            for run in _not_passed(decided)
            if decided[run].verdict != "fail" and run not in refuted
        ]
        return verdicts | decided | judge(stuck, backend="cpython")
    decided |= judge(_not_passed(decided), backend="cpython")
    passed = [run for run, outcome in decided.items() if outcome.verdict == "pass"]
    again = judge(passed, backend="cpython", second_seed=True)
    changed = _not_passed(again)
    # What only the fast interpreter has passed so far, CPython has the last word on.
    first = judge([run for run in changed if decided[run].backend == "monty"], backend="cpython")
    for run in changed:
        decided[run] = _changed(first.get(run, decided[run]), again[run])
    return verdicts | decided


def _refuted(
    routine: Routine,
    bound: Mapping[tuple[int, tuple[int, ...]], Mapping[str, Any]],
    expected: Sequence[Any],
) -> _Verdicts:
    """The verdicts of those runs of plain arithmetic that do not pass, without a sandbox; see
    `arithmetic`. None is a pass, and they read as a sandbox gives them."""
    computed = computer(routine)
    found: _Verdicts = {}
    if computed is None:
        return found
    for run, values in bound.items():
        result = computed(values)
        if result is not None:
            outcome = _outcome(routine, result, expected[run[0]])
            if outcome.verdict != "pass":
                found[run] = outcome
    return found


def computer(routine: Routine) -> Callable[[Mapping[str, Any]], Run | None] | None:
    """What gives the `Run` of the routine for its inputs as `run_routine` does in monty (with
    powers, in CPython), but without it: None where only a sandbox can say. None for a routine that
    is no plain arithmetic."""
    names = tuple(parameter.name for parameter in routine.signature.inputs)
    found = calculation(routine.code, routine.entry_point, names, routine.predicates)
    if found is None:
        return None
    backend = "cpython" if is_arithmetic_of_powers(routine.code) else "monty"

    def compute(values: Mapping[str, Any]) -> Run | None:
        ended = found.run(values)
        if ended is None:
            return None
        unmet, value = ended
        if unmet >= 0:
            return _unmet(routine, Run("ok", unmet, "", backend))
        return Run("ok", value, "", backend)

    return compute


def _columns(inputs: Sequence[Parameter], case: Case) -> list[list[Any]]:
    """For each parameter the values of the case, in the order of its keys, as the parameter's type
    says; a `BindingError` in place of one that does not stand for any of that type."""
    values = decode(case.instance.bindings)
    ordered = [values[key.name] for key in case.keys]
    by_type = {
        kind: [_converted(value, kind) for value in ordered]
        for kind in dict.fromkeys(parameter.type for parameter in inputs)
    }
    return [by_type[parameter.type] for parameter in inputs]


def _converted(value: Any, kind: str) -> Any:
    try:
        return convert(value, kind)
    except BindingError as error:
        # The one that was raised holds the frames of all callers, and these hold what is returned.
        return BindingError(*error.args)


def _not_passed(verdicts: _Verdicts) -> list[tuple[int, tuple[int, ...]]]:
    return [run for run, outcome in verdicts.items() if outcome.verdict != "pass"]


def _changed(first: _Outcome, second: _Outcome) -> _Outcome:
    """The outcome of a run that did not pass with other hashes."""
    if first.verdict != "pass":
        return first
    if second.verdict == "timeout":
        return second  # its time was up: that says nothing of what it would have given
    return _Outcome("fail", f"{FLAKY}: {second.reason}", first.verifier)


@lru_cache(maxsize=_FEW)
def is_plain_arithmetic(code: str) -> bool:
    """Whether a routine only assigns and returns sums, products, quotients and the like of its
    parameters and of number constants. Monty computes these as CPython does (integers of any size,
    IEEE floats), so that its word is final; were it ever not, a pass would be missed and none
    forged. Code that does not parse is none."""
    nodes = _arithmetic_nodes(code)
    return bool(nodes) and not any(isinstance(node, ast.Pow) for node in nodes)


@lru_cache(maxsize=_FEW)
def is_of_any_numbers(code: str) -> bool:
    """Whether a routine is plain arithmetic of ``+ - * /`` alone: the same calculation for numbers
    of every kind, on whichever of them it was replayed. What rounds or takes powers (``//``,
    ``%``, ``**``) may be right of whole numbers alone."""
    return is_plain_arithmetic(code) and not any(
        isinstance(node, (ast.FloorDiv, ast.Mod)) for node in _arithmetic_nodes(code)
    )


@lru_cache(maxsize=_FEW)
def is_arithmetic_of_powers(code: str) -> bool:
    """Whether a routine does what `is_plain_arithmetic` asks for, and takes powers."""
    return any(isinstance(node, ast.Pow) for node in _arithmetic_nodes(code))


def _arithmetic_nodes(code: str) -> list[ast.AST]:
    """The syntax of code that only computes with numbers, powers among them; empty for other code.
    What stands in a decorator, an annotation or a default is run where the function is made."""
    if len(code) > MAX_SOURCE_CHARS:
        return []
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    nodes = list(ast.walk(tree))
    return nodes if all(map(_is_arithmetic, nodes)) else []


def _is_arithmetic(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=value):
            return type(value) in (int, float)
        case ast.FunctionDef(decorator_list=decorators, returns=returns):
            return not decorators and returns is None
        case ast.arguments(defaults=defaults, kw_defaults=keyword_defaults):
            return not defaults and not keyword_defaults
        case ast.arg(annotation=annotation):
            return annotation is None
    return isinstance(node, _ARITHMETIC)


def _judge_family(
    members: Sequence[int], options: Sequence[Sequence[tuple[int, ...]]], verdicts: _Verdicts
) -> Iterable[tuple[int, tuple[int, ...], _Outcome]]:
    """The verdict on each member of a family (indices, in order of instance id).

    A member on which some alignments pass and others fail chooses those that pass, which says
    nothing for the routine; where those that were chosen before part again, it chooses among them.
    """
    chosen: frozenset[tuple[int, ...]] | None = None
    open_members = []
    for index in members:
        ways = options[index]
        # Alignments that all pass give one value, and where all fail there is nothing to choose.
        if len({verdicts[index, way].verdict for way in ways}) == 1:
            yield index, ways[0], verdicts[index, ways[0]]
        else:
            open_members.append(index)
    for index in open_members:
        ways = [way for way in options[index] if chosen is None or way in chosen]
        if not ways:
            reason = "the alignment that its family chose does not apply"
            yield index, options[index][0], _Outcome("unsupported", reason, "")
            continue
        fitting = [way for way in ways if verdicts[index, way].verdict == "pass"]
        if not fitting or (chosen is not None and len(fitting) == len(ways)):
            # It fails, or passes, whichever is right.
            yield index, ways[0], verdicts[index, ways[0]]
            continue
        chosen = frozenset(fitting)
        way = fitting[0]
        yield index, way, _Outcome("unsupported", CHOSE, verdicts[index, way].verifier)


def _outcome(routine: Routine, run: Run, expected: Any) -> _Outcome:
    if run.status == "timeout":
        asked = f"{UNJUDGED}: " if run.reason.startswith(UNJUDGED) else ""
        return _Outcome("timeout", f"{asked}{OUT_OF_TIME}", "")
    if run.status in ("unsupported", "refused"):
        return _Outcome("unsupported", run.reason, "")
    if run.status != "ok":
        return _Outcome("error", run.reason, "")
    if routine.verifier not in VERIFIERS:
        return _Outcome("unsupported", f"no verifier {routine.verifier}", "")
    found = verify(expected, run.value, _context(routine.verifier))
    return _judged(found.outcome == "agree", found.reason, found.verifier, run.backend)


@lru_cache(maxsize=_REMEMBERED)
def _context(verifier: str) -> Context:
    return Context(verifier=verifier)


@lru_cache(maxsize=_REMEMBERED)
def _judged(agrees: bool, reason: str, verifier: str, backend: str) -> _Outcome:
    verdict: Verdict = "pass" if agrees else "fail"
    # Which interpreter it was is not said: a busy machine may leave to one what another does.
    return _Outcome(verdict, reason_text(reason), verifier, backend)


def run_routine(
    routine: Routine, bindings: Sequence[Mapping[str, Any]], sandbox: Sandbox, **how: Any
) -> list[Run]:
    """A `Run` of the routine for each of ``bindings``, which hold its inputs; ``how`` are arguments
    of `Sandbox.run_many`. ``unsupported`` where a precondition does not hold.

    Preconditions are asked for apart from the code: in one interpreter with it they would find its
    ``bool`` instead of Python's, and a routine that fails could say that it was not meant.
    """
    runs: dict[int, Run] = {}
    if routine.predicates:
        judged = sandbox.run_many(_conditions(routine), _CONDITIONS, bindings, **how)
        runs = {i: unmet for i, run in enumerate(judged) if (unmet := _unmet(routine, run))}
    asked = [i for i in range(len(bindings)) if i not in runs]
    found = sandbox.run_many(routine.code, routine.entry_point, [bindings[i] for i in asked], **how)
    runs |= dict(zip(asked, found, strict=True))
    return [runs[i] for i in range(len(bindings))]


def _conditions(routine: Routine) -> str:
    """A function of the routine's inputs that gives the index of the first precondition that does
    not hold or raises, else -1."""
    names = [parameter.name for parameter in routine.signature.inputs]
    lines = [f"def {_CONDITIONS}({', '.join(names)}):"]
    for index, predicate in enumerate(routine.predicates):
        lines += ["    try:", "        if not (", predicate, f"        ): return {index}"]
        lines += ["    except:", f"        return {index}"]
    return "\n".join([*lines, "    return -1", ""])


def _unmet(routine: Routine, run: Run) -> Run | None:
    """How the run of the routine ends of which this is the run of its preconditions; None where
    they hold."""
    if run.status != "ok":
        status: Status = "timeout" if run.status == "timeout" else "unsupported"
        reason = reason_text(f"{UNJUDGED}: {run.reason}")
        return Run(status, None, reason, run.backend)
    if run.value == -1:
        return None
    known = type(run.value) is int and 0 <= run.value < len(routine.predicates)
    predicate = routine.predicates[run.value] if known else "one that is no expression"
    reason = reason_text(f"{UNMET}: {predicate}")
    return Run("unsupported", None, reason, run.backend)


def is_unmet(run: Run) -> bool:
    """Whether a run that `run_routine` gave ended at a precondition, not at what the routine
    returned or the interpreter lacks."""
    return run.status == "unsupported" and run.reason.startswith((UNMET, UNJUDGED))


def _binding_map(signature: Signature, keys: Sequence[Parameter], alignment: Sequence[int]) -> str:
    pairs: Mapping[str, str] = {
        parameter.name: keys[position].name
        for parameter, position in zip(signature.inputs, alignment, strict=True)
    }
    return dump_json(dict(pairs))


__all__ = [
    "CHOSE",
    "FLAKY",
    "MAX_ALIGNMENTS",
    "OUT_OF_TIME",
    "Case",
    "Routine",
    "alignments",
    "fits",
    "is_arithmetic_of_powers",
    "is_of_any_numbers",
    "is_plain_arithmetic",
    "replay",
    "run_routine",
]
