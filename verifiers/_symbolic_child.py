"""The far side of symbolic comparison: math-verify and sympy in processes that may be killed.

Runs as a program of its own, see `symbolic`. The program loads sympy and forks a worker for each
connection that it is given. The worker forks a comparer and passes each request on to it, one pair
of texts each, and watches its clocks: one that has computed for the request's time, or says nothing
for a long while without computing, is killed and replaced by another fork, which has all of sympy
loaded as well. No signal handlers: between two looks at the clocks there is a poll on a pipe.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import itertools
import json
import logging
import math
import os
import resource
import signal
import socket
import time
from collections.abc import Iterable, Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, NoReturn

#: Address space of a comparer, in bytes: what sympy blows up ends as a MemoryError.
MEMORY_BYTES = 4 << 30
#: Between two looks at the clocks of a comparer there is at least this, in seconds.
LOOK_SECONDS = 0.005
#: The caches of sympy and of the parser grow with each pair; a fresh fork begins with few.
PAIRS_PER_COMPARER = 5_000

#: Relative distance under which two values are one: between expressions without decimals, and where
#: a decimal was written with fewer digits than it was computed with.
EXACT, ROUNDED = 1e-25, 1e-6
#: Digits that values are computed with.
DIGITS = 40
#: Values that variables take in turn: no small integers, roots or multiples of pi, at which
#: different expressions meet. Of both signs, within and beyond one.
POINTS = (
    "0.7390851332151607", "1.3247179572447460", "-0.5671432904097838", "2.6854520010653064",
    "-1.7320908075688774", "0.3036630028987327", "3.3598856662431776", "-2.2955871493926381",
)  # fmt: skip
#: Further ones, for functions that are put together from pieces, whose pieces meet anywhere (those
#: that are not agree everywhere if they do at `POINTS`): far out, and beside whole numbers.
FAR_POINTS = (
    "10.372", "-10.618", "1000.431", "-1000.729", "1000003.271", "-1000003.833", "3.0001",
    "2.9999", "-6.0001", "-5.9999",
)  # fmt: skip
#: The pieces meet where the constants say, or quotients of two of them: so many places are taken,
#: with a point on both sides of each and of its negative, nearer than other places will be.
MAX_PLACES = 12
BESIDE = ("0.9971", "1.0023")
#: Further points in all, of all symbols.
MAX_FURTHER_POINTS = 60
#: Of so many points two expressions must have finite values at, and equal ones.
ENOUGH_POINTS = 3
#: What the parser and sympy are warmed with: its grammar's caches fill as it reads.
WARM_UP = (
    (r"\frac{1}{2}x^{2}+\sqrt{3}", r"\frac{x^2}{2}+3^{1/2}"), (r"x=5", "5"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"(1,2)"), (r"2\cos 15^\circ", r"\pi"),
    (r"(-\infty,3)\cup(3,\infty)", r"x \ne 3"), ("2x+3y=4", "y=1"), ("a_1 e^{-2t}", r"\sin(t)"),
)  # fmt: skip


def compare(reference: str, answer: str) -> tuple[str, str]:
    """The outcome and its reason. Symmetric.

    Two expressions are compared by their values at `POINTS`, to 40 digits, which knows identities
    that ``simplify`` does not. What has no values (relations, sets, matrices of other shapes)
    math-verify compares, either way round: it is not symmetric.
    """
    # Always in one order: the libraries have their own ideas of symmetry.
    first, second = map(_parse, sorted((reference, answer)))
    if not first or not second:
        return "unknown", "nothing can be read in one of them"
    left, right = first[0], second[0] = _in_one_case(first[0], second[0])
    listed = _by_solutions(left, right)
    if listed is not None:
        return ("agree", "equal solutions") if listed else ("differ", "different solutions")
    found = _by_value(left, right)
    if found is not None:
        return ("agree", "equal values") if found else ("differ", "different values")
    agrees = _by_math_verify(first, second)
    return ("agree", "equal expressions") if agrees else ("differ", "different expressions")


def _parse(text: str) -> list[Any]:
    """What math-verify reads, units kept: the caller has taken real ones off. LaTeX only: of a text
    that it cannot read, its reader of plain expressions takes the last number that stands in it."""
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse

    config = LatexExtractionConfig(
        boxed_match_priority=0,
        normalization_config=NormalizationConfig(
            basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="last"
        ),
    )
    wrapped = text if "\\boxed" in text else f"\\boxed{{{text}}}"
    found = parse(wrapped, [config], parsing_timeout=None)
    return list(found)


def _by_math_verify(first: list[Any], second: list[Any]) -> bool:
    from math_verify import verify
    from sympy.core.relational import Eq, Relational
    from sympy.logic.boolalg import Boolean
    from sympy.sets.sets import Set

    sides = [side[0] for side in (first, second)]
    equations = [isinstance(side, (Relational, Boolean)) for side in sides]
    if all(isinstance(side, Eq) for side in sides) and not all(map(_has_solutions, sides)):
        # It takes two equations without solutions for one.
        return False
    if equations[0] != equations[1]:
        relation, value = sides if equations[0] else sides[::-1]
        # It would take any equation that ends with the value for the value.
        if not isinstance(value, Set) and not _gives_value(relation):
            return False
    failure: Exception | None = None
    for pair in ((first, second), (second, first)):
        try:
            if verify(*pair, timeout_seconds=None):
                return True
        except Exception as error:  # noqa: BLE001 - sympy raises anything; raised below
            failure = error
    if failure is not None:  # that one order says no is no verdict
        raise failure
    return False


def _in_one_case(left: Any, right: Any) -> tuple[Any, Any]:
    """Both with small letters, where a capital can only be the other side's small one: ``C e^x``
    and ``c e^x``. Not where one side has both (R and r), nor for names, multiples and products of
    names, which may be those of units."""
    from sympy import Basic, MatrixBase, Mul, Number, Symbol

    sides = (left, right)
    if not all(isinstance(side, (Basic, MatrixBase)) for side in sides):
        return sides
    names = [{symbol.name for symbol in side.free_symbols} for side in sides]
    clear = all(len(found) == len({name.lower() for name in found}) for found in names)
    products = all(
        isinstance(factor, (Symbol, Number)) for side in sides for factor in Mul.make_args(side)
    )
    if not clear or names[0] == names[1] or products:
        return sides
    left, right = (side.xreplace({s: _small(s) for s in side.free_symbols}) for side in sides)
    return left, right


def _small(symbol: Any) -> Any:
    return symbol.func(symbol.name.lower(), **symbol.assumptions0)


def _by_solutions(left: Any, right: Any) -> bool | None:
    """Whether an equation has the solutions that the other side lists: ``x^2 = 4`` and ``x = ±2``,
    which is read as x = {-2, 2}; None for anything else."""
    import sympy

    if not (isinstance(left, sympy.Eq) and isinstance(right, sympy.Eq)):
        return None
    if isinstance(left.rhs, sympy.FiniteSet):
        left, right = right, left
    if not isinstance(right.rhs, sympy.FiniteSet) or left.free_symbols != {right.lhs}:
        return None
    if isinstance(left.rhs, sympy.FiniteSet):
        found = list(left.rhs) if left.lhs == right.lhs else []
    else:
        found = sympy.solve(left, right.lhs)
    listed = list(right.rhs)
    return len(found) == len(listed) and all(
        any(_by_value(one, other) for other in found) for one in listed
    )


def _has_solutions(equation: Any) -> bool:
    import sympy

    return bool(sympy.solve(equation, equation.free_symbols))


def _gives_value(relation: Any) -> bool:
    """Whether a relation says what a name, or a calculation that is right, comes to."""
    import sympy
    from math_verify.grader import is_assignment_relation

    if is_assignment_relation(relation):
        chained = isinstance(relation, sympy.And)
        return _is_name((relation._unsorted_args[0] if chained else relation).lhs)
    right = isinstance(relation, sympy.Eq) and not relation.free_symbols
    return bool(right and _by_value(relation.lhs, relation.rhs))


def _is_name(expression: Any) -> bool:
    """Whether a value may be given to it: a symbol, a word (read as a product of its letters), a
    function of something; a sum is none."""
    import sympy
    from sympy.core.function import AppliedUndef

    return isinstance(expression, (sympy.Symbol, AppliedUndef)) or (
        isinstance(expression, sympy.Mul)
        and all(isinstance(factor, sympy.Symbol) for factor in expression.args)
    )


def _by_value(left: Any, right: Any) -> bool | None:
    """Whether two expressions have equal values; None where that does not apply."""
    import sympy

    if isinstance(left, sympy.Eq) and isinstance(right, sympy.Eq):
        sides = (left.lhs, left.rhs, right.lhs, right.rhs)
        if not all(isinstance(side, sympy.Expr) for side in sides):
            return None  # x = {-2, 2}
        return True if _same_equation(left, right) else None
    for side in (left, right):
        if not isinstance(side, sympy.Expr) or isinstance(side, sympy.MatrixExpr):
            return None
        if side.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
            return bool(left == right)
    pairs = _values(left, right)
    if pairs is None:
        return None
    tolerance = ROUNDED if left.has(sympy.Float) or right.has(sympy.Float) else EXACT
    if all(_near(a, b, tolerance) for a, b in pairs):
        return _agree_further(left, right, tolerance)
    # The letter i is the imaginary unit where that makes them equal: (1+i)^2 and 2i.
    unit = {symbol: sympy.I for symbol in _symbols(left, right) if symbol.name == "i"}
    if unit:
        pairs = _values(left.xreplace(unit), right.xreplace(unit))
        return pairs is not None and all(_near(a, b, tolerance) for a, b in pairs)
    return False


def _same_equation(left: Any, right: Any) -> bool:
    """Whether one equation is a multiple of the other."""
    pairs = _values(left.lhs - left.rhs, right.lhs - right.rhs)
    if pairs is None or not left.free_symbols or any(b == 0 or a == 0 for a, b in pairs):
        return False
    one, other = left.lhs - left.rhs, right.lhs - right.rhs
    ratio = pairs[0][1] / pairs[0][0]
    return all(_near(a * ratio, b, EXACT) for a, b in pairs) and _agree_further(
        one, other, EXACT, ratio
    )


def _symbols(left: Any, right: Any) -> list[Any]:
    found = left.free_symbols | right.free_symbols
    return sorted(found, key=lambda symbol: (symbol.name, str(symbol.assumptions0)))


def _values(left: Any, right: Any) -> list[tuple[Any, Any]] | None:
    """The values of both at the points where both have one, at least `ENOUGH_POINTS`; or None."""
    left, right, symbols = _in_real_symbols(left, right)
    points = [_point(symbols, turn) for turn in range(len(POINTS) if symbols else 1)]
    found = list(_values_at(left, right, points))
    return found if len(found) >= (ENOUGH_POINTS if symbols else 1) else None


def _agree_further(left: Any, right: Any, tolerance: float, ratio: Any = 1) -> bool:
    """Whether expressions that are put together from pieces agree where these may meet as well:
    each symbol in turn takes the values of `FAR_POINTS` and those beside constants."""
    import sympy

    left, right, symbols = _in_real_symbols(left, right)
    endless = (sympy.Sum, sympy.Product, sympy.Integral, sympy.Limit, sympy.Derivative)
    if not (_has_pieces(left) or _has_pieces(right)) or left.has(*endless) or right.has(*endless):
        return True
    values = [sympy.Float(text, DIGITS) for text in FAR_POINTS]
    for place in _places(left, right):
        values += [sign * sympy.Float(text, DIGITS) * place for text in BESIDE for sign in (1, -1)]
    points = (
        {**_point(symbols, turn), symbol: value}
        for turn, value in enumerate(values)
        for symbol in symbols
    )
    for point in itertools.islice(points, MAX_FURTHER_POINTS):
        for one, other in _values_at(left, right, [point]):
            if _near(one * ratio, other, tolerance):
                continue
            # Two roots of negative numbers may have a real product; nobody means that one.
            beyond = _leaves_reals(left, point) or _leaves_reals(right, point)
            if not (beyond and _is_real(one) and _is_real(other)):
                return False
    return True


def _leaves_reals(expression: Any, point: dict[Any, Any]) -> bool:
    """Whether a root or logarithm of a negative number is taken on the way to the value."""
    import sympy

    inner = [part.args[0] for part in expression.atoms(sympy.log)]
    inner += [p.base for p in expression.atoms(sympy.Pow) if p.exp.is_integer is False]
    return any(part.evalf(DIGITS, subs=point).is_negative is not False for part in inner)


def _has_pieces(expression: Any) -> bool:
    """Whether equal values in one place may be followed by others elsewhere: roots, logarithms,
    absolute values, floors and their kind."""
    import sympy
    from sympy.functions.elementary.trigonometric import InverseTrigonometricFunction

    functions = (
        sympy.Abs, sympy.sign, sympy.floor, sympy.ceiling, sympy.Max, sympy.Min, sympy.Piecewise,
        sympy.Mod, sympy.log, sympy.re, sympy.im, sympy.arg, sympy.conjugate, sympy.Heaviside,
        InverseTrigonometricFunction,
    )  # fmt: skip
    return any(part.free_symbols for part in expression.atoms(*functions)) or any(
        power.base.free_symbols and not power.exp.is_integer
        for power in expression.atoms(sympy.Pow)
    )


def _places(left: Any, right: Any) -> list[Any]:
    """The constants of both, and then their quotients."""
    import sympy

    constants = sorted(
        {
            abs(number)
            for number in left.atoms(sympy.Number) | right.atoms(sympy.Number)
            if number.is_finite and number
        }
    )
    quotients = (a / b for a in constants for b in constants if b != 1)
    return list(itertools.islice(dict.fromkeys((*constants, *quotients)), MAX_PLACES))


def _in_real_symbols(left: Any, right: Any) -> tuple[Any, Any, list[Any]]:
    """Both, and their symbols; what a function that is not known gives is one of them, and so is
    its derivative: dv/dt is not 0 because no t stands in v."""
    import sympy
    from sympy.core.function import AppliedUndef

    unknown = (AppliedUndef, sympy.Derivative)
    calls = sorted(left.atoms(*unknown) | right.atoms(*unknown), key=str)
    named = {call: sympy.Symbol(f"call {call}", real=True) for call in calls}
    # Two sides may read one letter under different assumptions; it is one letter.
    for symbol in _symbols(left, right):
        named[symbol] = sympy.Symbol(symbol.name, real=True)
    left, right = left.xreplace(named), right.xreplace(named)
    return left, right, _symbols(left, right)


def _point(symbols: list[Any], turn: int) -> dict[Any, Any]:
    import sympy

    return {
        symbol: sympy.Float(POINTS[(turn + place) % len(POINTS)], DIGITS) + place
        for place, symbol in enumerate(symbols)
    }


def _values_at(
    left: Any, right: Any, points: Iterable[dict[Any, Any]]
) -> Iterator[tuple[Any, Any]]:
    import sympy

    complex_values = left.has(sympy.I) or right.has(sympy.I)
    for point in points:
        # Of some products that were read evalf leaves a part: 5 * (1/100).
        values = [side.evalf(DIGITS, subs=point, maxn=200).doit() for side in (left, right)]
        if not all(value.is_number and value.is_finite for value in values):
            continue
        # Outside the domain of both there is nothing to compare.
        if complex_values or not point or any(map(_is_real, values)):
            yield values[0], values[1]


def _is_real(value: Any) -> bool:
    import sympy

    return bool(abs(sympy.im(value)) <= abs(value) * EXACT)


def _near(left: Any, right: Any, tolerance: float) -> bool:
    left, right = _significant(left), _significant(right)
    return bool(left == right) or bool(abs(left - right) <= tolerance * max(abs(left), abs(right)))


def _significant(value: Any) -> Any:
    """``value`` without parts of which no digit is certain: a zero that rounding left something
    of. evalf marks them with a precision of one bit."""
    import sympy

    real, imaginary = (
        sympy.S.Zero if getattr(part, "_prec", 53) == 1 else part for part in value.as_real_imag()
    )
    return real + sympy.I * imaginary if imaginary else real


def main() -> NoReturn:
    """Fork a worker for each connection that comes by the socket on standard input."""
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    logging.disable(logging.CRITICAL)
    _tell_capitals()
    for pair in WARM_UP:
        compare(*pair)
    gc.collect()
    gc.freeze()
    # Workers that end leave no zombies.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    control.sendall(b"r")
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not data:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(-1, 0)  # where they are ignored, for all of them
            os._exit(0)
        for descriptor in descriptors:
            # Without a fork the owner sees that the connection is closed.
            with contextlib.suppress(BlockingIOError, MemoryError):
                if os.fork() == 0:
                    try:
                        control.close()
                        _work(Connection(descriptor))
                    finally:
                        os._exit(1)
            os.close(descriptor)


def _work(owner: Connection) -> None:
    """Have the owner's pairs compared until it is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    comparer = _Comparer(owner)
    try:
        owner.send_bytes(b"ready")
        while True:
            request = json.loads(owner.recv_bytes())
            owner.send_bytes(json.dumps(comparer.compare(request)).encode())
            # Only now, so that the answer need not wait for it.
            comparer.renew_if_needed()
    except (EOFError, OSError):
        comparer.end()


def _tell_capitals() -> None:
    """Have math-verify read ``R`` and ``r`` as two symbols: it has no setting for it."""
    from latex2sympy2_extended.latex2sympy2 import ConversionConfig, latex2sympy
    from math_verify import parser

    config = ConversionConfig(lowercase_symbols=False)
    parser.latex2sympy = functools.partial(latex2sympy, conversion_config=config)


class _Comparer:
    """The forked process that compares, and the next one after it."""

    def __init__(self, owner: Connection) -> None:
        self._owner = owner
        self._pid, self._left = 0, 0
        self._fork()

    def compare(self, request: dict[str, Any]) -> dict[str, Any]:
        """The outcome and its reason, and the ``spent`` CPU time in seconds. Where the comparer
        was ``stopped``, in place of the former: by its ``cpu`` time (the request's ``seconds``), by
        the ``wall`` clock, or it ``died``."""
        self._left -= 1
        seconds = float(request["seconds"])
        clock = (~self._pid << 3) | 2  # clock_getcpuclockid(3): CPU time of another process
        began = _cpu_seconds(clock)
        reply: dict[str, Any] = {}
        try:
            self._pipe.send_bytes(json.dumps(request).encode())
            stopped = self._watch(clock, began + seconds, time.monotonic() + request["wall"])
            if not stopped:
                reply = json.loads(self._pipe.recv_bytes())
        except (EOFError, OSError):
            stopped = "died"
        if stopped:
            self._left = 0
        spent = _cpu_seconds(clock) - began
        # Where this process could not look in time, the limit is the same: an answer that came too
        # late is none, and a comparer that has died may have by its own limit.
        if spent > seconds and stopped in ("", "died"):
            stopped = "cpu"
        return {**reply, "stopped": stopped, "spent": spent}

    def _watch(self, clock: int, cpu_end: float, wall_end: float) -> str:
        """Wait for an answer, or that the comparer has ended. Which clock was up before, if so."""
        while True:
            cpu_left = cpu_end - _cpu_seconds(clock)
            wall_left = wall_end - time.monotonic()
            if cpu_left <= 0:
                return "cpu"
            if wall_left <= 0:
                return "wall"
            if self._pipe.poll(min(max(cpu_left, LOOK_SECONDS), wall_left)):
                return ""

    def renew_if_needed(self) -> None:
        """Replace the fork if it hangs, has ended or has compared enough."""
        if self._left <= 0:
            self.end()
            self._fork()

    def end(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        self._pipe.close()

    def _fork(self) -> None:
        self._pipe, theirs = Pipe()
        self._left = PAIRS_PER_COMPARER
        self._pid = os.fork()
        if self._pid == 0:
            try:
                self._pipe.close()
                self._owner.close()
                _serve(theirs)
            finally:
                os._exit(1)
        theirs.close()


def _cpu_seconds(clock: int) -> float:
    """What a process has computed so far; one that has ended too, while it is not waited for."""
    return time.clock_gettime(clock)


def _serve(requests: Connection) -> None:
    """Compare pair by pair until the worker is gone."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while True:
        try:
            request = json.loads(requests.recv_bytes())
        except (EOFError, OSError):
            return
        usage = resource.getrusage(resource.RUSAGE_SELF)
        # Past its time it ends of itself, should nobody be left who watches.
        end = int(usage.ru_utime + usage.ru_stime) + math.ceil(request["seconds"]) + 1
        with contextlib.suppress(ValueError):
            resource.setrlimit(resource.RLIMIT_CPU, (end, resource.RLIM_INFINITY))
        try:
            outcome, reason = compare(request["reference"], request["answer"])
        except Exception as error:  # noqa: BLE001 - sympy raises anything; told, not hidden
            outcome, reason = "unknown", f"sympy: {type(error).__name__}"
        requests.send_bytes(json.dumps({"outcome": outcome, "reason": reason}).encode())


if __name__ == "__main__":
    main()
