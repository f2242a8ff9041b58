r"""Formulas that mathematics has names for, recognised by their shape where the text names them.

A trace mostly writes them with the numbers already in: ``\frac{7 - 1}{5 - 2} = 2`` beside the word
"slope". The shape says which number has which role, the word that the shape is no accident: both
are asked for. A shape that any story may have ("a + b - c") has its words in its own sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from tracemine.teachers.rules.arithmetic.expressions import (
    PI,
    Binary,
    Call,
    Negative,
    Number,
    Symbol,
    Tree,
    evaluate,
    operands,
)
from tracemine.teachers.rules.mathematics.latex import read_formula

#: Most ways to match that are tried: sums and products may be written in any order.
MAX_WAYS = 200
#: Most parts of one sum or product that are matched in any order.
MAX_PARTS = 5


@dataclass(frozen=True, slots=True)
class Formula:
    """``shape`` in LaTeX; ``roles`` names its letters in order of appearance, and ``output`` what
    it gives. Believed where ``words`` (a pattern) is found near the formula, and ``said`` in its
    sentence (of one that is not loose, near it too). A loose formula without ``said`` has its
    ``words`` in its sentence."""

    output: str
    shape: str
    roles: tuple[str, ...]
    words: str
    said: str = ""

    @property
    def tree(self) -> Tree:
        return _tree(self.shape)

    @property
    def is_loose(self) -> bool:
        """Whether a story's sums and products may have the shape by chance: it has no function, no
        power, no number beyond `SMALL`, and no letter twice."""
        return _is_loose(self.shape)


@lru_cache(maxsize=256)
def _tree(shape: str) -> Tree:
    return read_formula(shape)


#: Numbers up to this one are in stories as they are in formulas.
SMALL = 12


@lru_cache(maxsize=256)
def _is_loose(shape: str) -> bool:
    parts = list(_parts(_tree(shape)))
    letters = [part.name for part in parts if isinstance(part, Symbol)]
    rigid = any(
        isinstance(part, Call)
        or (isinstance(part, Binary) and part.symbol == "**")
        or (isinstance(part, Number) and part.value > SMALL)
        for part in parts
    )
    return not rigid and len(set(letters)) == len(letters)


def _parts(tree: Tree) -> Iterator[Tree]:
    yield tree
    for part in operands(tree):
        yield from _parts(part)


#: "The mean of", but "I mean that".
_MEAN = (
    r"average|\b(?:the|a|their|its|arithmetic|sample|and|or) mean\b|"
    r"(?<!\bi )\bmean (?:of|value|score|=)"
)

#: A pentagon is one, and a wagon none.
_POLYGON = r"(?:poly|penta|hexa|hepta|octa|nona|deca|-)gons?\b"

#: Shapes that hold another one come before it.
FORMULAS = (
    Formula("slope", r"\frac{y - b}{x - a}", ("y_end", "y_start", "x_end", "x_start"), r"\bslope",
        r"\bslope|\bm\w*\s?=",
    ),
    Formula(
        "distance", r"\sqrt{(x - a)^2 + (y - b)^2}", ("x_end", "x_start", "y_end", "y_start"),
        r"\bdistance|\blength|\bradius|\bside",
    ),
    Formula("diagonal", r"\sqrt{a^2 + b^2 + c^2}", ("length", "width", "height"), r"\bdiagonal"),
    Formula(
        "norm", r"\sqrt{a^2 + b^2 + c^2}", ("x_component", "y_component", "z_component"),
        r"\bnorm\b|\bmagnitude|\bvector",
    ),
    Formula(
        "hypotenuse", r"\sqrt{a^2 + b^2}", ("first_leg", "second_leg"),
        r"hypotenuse|pythag|right triangle|\bdiagonal",
    ),
    Formula(
        "absolute_value", r"\sqrt{a^2 + b^2}", ("real_part", "imaginary_part"),
        r"\bcomplex (?:number|plane)|imaginary|\bmodulus|\|z|\di\s?\|",
    ),
    Formula(
        "norm", r"\sqrt{a^2 + b^2}", ("x_component", "y_component"),
        r"\bnorm\b|\bmagnitude|\bvector",
    ),
    Formula(
        "leg", r"\sqrt{c^2 - a^2}", ("hypotenuse", "other_leg"),
        r"hypotenuse|pythag|right triangle|\baltitude|\bheight",
    ),
    Formula(
        "area_of_triangle", r"\sqrt{s(s - a)(s - b)(s - c)}",
        ("half_perimeter", "first_side", "second_side", "third_side"), r"\bheron|\barea",
    ),
    Formula(
        "area_of_trapezoid", r"\frac{(a + b)h}{2}", ("first_base", "second_base", "height"),
        r"\btrapezoid|\btrapezium", r"\barea|\btrapez",
    ),
    Formula(
        "area_of_triangle", r"\frac{ab\sin C}{2}", ("first_side", "second_side", "angle"),
        r"\btriangle|\barea|\[[A-Z]{3}\]",
    ),
    Formula("area_of_equilateral_triangle", r"\frac{s^2\sqrt{3}}{4}", ("side",), r"equilateral"),
    Formula(
        "area_of_triangle", r"\frac{bh}{2}", ("base", "height"),
        r"\barea\b[^.]{0,60}\btriangle|\btriangle[^.]{0,60}\barea\b|"
        r"\[(?:\\triangle\s?)?[A-Z]{3}\]|\barea of \$[A-Z]{3}\$",
    ),
    Formula("volume_of_sphere", r"\frac{4\pi r^3}{3}", ("radius",), r"\bsphere|\bball"),
    Formula("volume_of_hemisphere", r"\frac{2\pi r^3}{3}", ("radius",), r"hemispher"),
    Formula("surface_area_of_sphere", r"4\pi r^2", ("radius",), r"\bsphere|\bball"),
    Formula("volume_of_cone", r"\frac{\pi r^2 h}{3}", ("radius", "height"), r"\bcone"),
    Formula("volume_of_cylinder", r"\pi r^2 h", ("radius", "height"), r"cylind"),
    Formula("area_of_semicircle", r"\frac{\pi r^2}{2}", ("radius",), r"semicirc|half-?circ"),
    Formula("area_of_circle", r"\pi r^2", ("radius",), r"\bcircle|\bcircular|\bdis[ck]\b"),
    Formula(
        "circumference", r"2\pi r", ("radius",), r"circumference|\bcircle|\bperimeter|\bcircular"
    ),
    Formula(
        "volume_of_pyramid", r"\frac{bh}{3}", ("base_area", "height"), r"\bpyramid|\btetrahedr",
        r"\bvolume",
    ),
    Formula(
        "interior_angle", r"\frac{180(n - 2)}{n}", ("sides",), rf"interior|{_POLYGON}"
    ),
    Formula(
        "sum_of_interior_angles", r"180(n - 2)", ("sides",), rf"interior|{_POLYGON}|\bangles"
    ),
    Formula("diagonals_of_polygon", r"\frac{n(n - 3)}{2}", ("sides",), r"\bdiagonals"),
    Formula("discriminant", r"b^2 - 4ac", ("linear", "quadratic", "constant"), r"discriminant"),
    Formula(
        "x_coordinate_of_vertex", r"-\frac{b}{2a}", ("linear", "quadratic"),
        r"\bvertex|\bparabola|axis of symmetry|quadratic",
        r"\bvertex|axis of symmetry|\bminim|\bmaxim|coordinate|x\s?=",
    ),
    Formula(
        "root", r"\frac{-b + \sqrt{b^2 - 4ac}}{2a}", ("linear", "quadratic", "constant"),
        r"quadratic",
    ),
    Formula(
        "sum_of_arithmetic_series", r"\frac{n(a + l)}{2}", ("terms", "first_term", "last_term"),
        r"arithmetic|\bseries|\bprogression|\bsequence|\bconsecutive", r"\bsum\b|\bseries",
    ),
    Formula(
        "terms_of_arithmetic_sequence", r"\frac{l - a}{d} + 1",
        ("last_term", "first_term", "common_difference"),
        r"arithmetic|\bsequence|\bmultiples?\b|\bdivisible|\bprogression|\bconsecutive",
        r"\bterms?\b|how many|\bmultiples|number of|there are",
    ),
    Formula(
        "term_of_arithmetic_sequence", r"a + (n - 1)d",
        ("first_term", "position", "common_difference"),
        r"arithmetic|common difference|\bsequence", r"\bterms?\b|arithmetic",
    ),
    Formula(
        "sum_of_geometric_series", r"\frac{a(1 - r^n)}{1 - r}",
        ("first_term", "common_ratio", "terms"), r"geometric|\bseries|\bsum\b",
    ),
    Formula(
        "sum_of_geometric_series", r"\frac{a(r^n - 1)}{r - 1}",
        ("first_term", "common_ratio", "terms"), r"geometric|\bseries|\bsum\b",
    ),
    Formula(
        "sum_of_infinite_geometric_series", r"\frac{a}{1 - r}", ("first_term", "common_ratio"),
        r"geometric", r"\bsum\b|geometric|\bseries|\binfinite",
    ),
    Formula(
        "compound_amount", r"P(1 + r)^t", ("principal", "rate", "periods"),
        r"\binterest\b|\bcompound",
    ),
    Formula(
        "ways_to_arrange", r"\frac{n!}{a!b!c!}",
        ("items", "first_repeats", "second_repeats", "third_repeats"),
        r"arrange|permut|\bways|order|words|letters",
    ),
    Formula(
        "ways_to_arrange", r"\frac{n!}{a!b!}", ("items", "first_repeats", "second_repeats"),
        r"arrange|permut|\bways|\border|words|letters|choose|paths?|sequences",
    ),
    Formula(
        "ways_to_arrange_some", r"\frac{n!}{(n - k)!}", ("items", "arranged"),
        r"arrange|permut|\bways|\border|words|letters|sequences",
    ),
    Formula(
        "ways_to_arrange", r"\frac{n!}{a!}", ("items", "repeats"),
        r"arrange|permut|\bways|\border|words|letters|sequences",
        # Else it may be the ways to put some of them in order, of which the divisor is the rest.
        r"^(?!.*\b(?:different|distinct|without (?:repetition|replacement))\b).*"
        r"(?:\brepeat|\bidentical|indistinguish|\balike|\bovercount)",
    ),
    Formula(
        "probability", r"\frac{\binom{a}{c}\binom{b}{d}}{\binom{n}{k}}",
        ("first_kind", "first_chosen", "second_kind", "second_chosen", "items", "chosen"),
        r"probab|chance",
    ),
    Formula(
        "probability", r"\frac{\binom{a}{k}}{\binom{n}{m}}",
        ("favourable_items", "favourable_chosen", "items", "chosen"), r"probab|chance",
    ),
    Formula(
        "probability_of_successes", r"\binom{n}{k}p^k q^m",
        ("trials", "successes", "success_probability", "failure_probability", "failures"),
        r"probab|chance",
    ),
    Formula(
        "ways_to_choose", r"\binom{a}{b}\binom{c}{d}",
        ("first_kind", "first_chosen", "second_kind", "second_chosen"),
        r"\bways|choose|choices|committee|select|combinations|pick",
    ),
    Formula(
        "side_opposite_angle", r"\sqrt{a^2 + b^2 - 2ab\cos C}",
        ("first_side", "second_side", "angle"), r"cosine|triangle",
    ),
    Formula(
        "square_of_side_opposite_angle", r"a^2 + b^2 - 2ab\cos C",
        ("first_side", "second_side", "angle"), r"cosine|triangle",
    ),
    Formula(
        "cosine_of_angle", r"\frac{a^2 + b^2 - c^2}{2ab}",
        ("first_side", "second_side", "opposite_side"), r"cosine|\\cos|triangle",
    ),
    Formula(
        "integers_in_range", r"b - a + 1", ("last_integer", "first_integer"),
        r"\binclusive|\bfrom\b.{1,60}\bto\b|\bbetween\b.{1,60}\band\b|\bthrough\b|"
        r"\bsmallest\b.{1,150}\blargest\b|\bleast\b.{1,150}\bgreatest\b",
        r"\bintegers?\b|\bnumbers?\b|\bmultiples\b|\bsquares\b|\bcubes\b",
    ),
    Formula(
        "divisors_of_factored_number", r"(a + 1)(b + 1)(c + 1)(d + 1)",
        ("first_exponent", "second_exponent", "third_exponent", "fourth_exponent"),
        r"\^", r"\bdivisors?\b|\bfactors\b",
    ),
    Formula(
        "divisors_of_factored_number", r"(a + 1)(b + 1)(c + 1)",
        ("first_exponent", "second_exponent", "third_exponent"), r"\^",
        r"\bdivisors?\b|\bfactors\b",
    ),
    Formula(
        "divisors_of_factored_number", r"(a + 1)(b + 1)", ("first_exponent", "second_exponent"),
        r"\^", r"\bdivisors?\b|\bfactors\b",
    ),
    Formula("average", r"\frac{a + b}{2}", ("first_value", "second_value"), _MEAN),
    Formula("midpoint_coordinate", r"\frac{a + b}{2}", ("first_end", "second_end"), r"midpoint"),
    Formula(
        "average", r"\frac{a + b + c}{3}", ("first_value", "second_value", "third_value"),
        _MEAN,
    ),
    Formula(
        "term_of_arithmetic_sequence_after_steps", r"a + kd",
        ("first_term", "steps", "common_difference"), r"arithmetic|common difference",
        r"\bterms?\b|common difference",
    ),
    Formula(
        "dot_product", r"ax + by + cz",
        ("x_first", "x_second", "y_first", "y_second", "z_first", "z_second"),
        r"dot product|\\cdot \\mathbf|orthogonal|perpendicular vectors",
    ),
    Formula(
        "dot_product", r"ax + by", ("x_first", "x_second", "y_first", "y_second"),
        r"dot product|\\cdot \\mathbf|\\cdot \\overrightarrow|orthogonal",
    ),
    Formula(
        "square_of_hypotenuse", r"a^2 + b^2", ("first_leg", "second_leg"),
        r"pythag|hypotenuse|right triangle",
    ),
    Formula(
        "size_of_union", r"a + b - c", ("first_set", "second_set", "in_both"),
        r"\b(?:in|are|is|of|take|have|play|like|study|divisible by) both\b|\bunion\b|\bcup\b|"
        r"inclusion|\boverlap|\bcount\w* (?:\w+ ){0,3}twice|double.?count",
    ),
    Formula(
        "area_of_ring", r"\pi a^2 - \pi b^2", ("outer_radius", "inner_radius"),
        r"\barea|\bcircle|\bring\b|annul",
    ),
    Formula(
        "area_of_sector", r"\pi r^2\cdot\frac{t}{360}", ("radius", "angle_in_degrees"),
        r"\bsector|\bcircle|\barea",
    ),
    Formula(
        "arc_length", r"2\pi r\cdot\frac{t}{360}", ("radius", "angle_in_degrees"),
        r"\barc\b|circumf",
    ),
    Formula(
        "number_that_completes_the_square", r"(\frac{b}{2})^2", ("linear",),
        r"complet\w+ the square|perfect[- ]square trinomial|"
        r"\b(?:into|make|form|add)\b.{0,80}\bperfect square\b",
    ),
    Formula("amount_after_doublings", r"a\cdot 2^n", ("amount", "doublings"),
        r"\bdoubl\w*\b[^.]{0,30}\b(?:every|each|times|per|hourly|daily|weekly|yearly)\b|"
        r"\b(?:every|each|per)\b[^.]{0,40}\bdoubl|\bdoublings?\b",
    ),
    Formula(
        "probability_of_complement", r"1 - \frac{a}{n}", ("unwanted", "outcomes"),
        r"probab|complement|chance", r"probab|complement|chance|\bp\s?\(",
    ),
    Formula(
        "probability_of_both", r"\frac{a}{n}\cdot\frac{b}{m}",
        ("first_wanted", "first_outcomes", "second_wanted", "second_outcomes"),
        r"probab|chance", r"probab|chance|\bp\s?\(",
    ),
    Formula(
        "circular_arrangements", r"(n - 1)!", ("people",),
        r"circular|\bround table|\b(?:in|around) a circle|\brotation",
    ),
    Formula(
        "area_of_rhombus", r"\frac{ab}{2}", ("first_diagonal", "second_diagonal"),
        r"\brhombus|\bkite", r"\barea|\bdiagonals",
    ),
    Formula(
        "surface_area_of_box", r"2(ab + bc + ca)", ("length", "width", "height"), r"surface area"
    ),
    Formula("area_of_regular_hexagon", r"\frac{3\sqrt{3}}{2} s^2", ("side",), r"hexagon"),
    Formula("height_of_equilateral_triangle", r"\frac{s\sqrt{3}}{2}", ("side",), r"equilateral"),
    Formula(
        "average_speed", r"\frac{2ab}{a + b}", ("first_speed", "second_speed"),
        r"speed|harmonic",
    ),
)  # fmt: skip


Bound = dict[str, Tree]


@dataclass(frozen=True, slots=True)
class Match:
    """A known formula, and what stands in the place of each of its letters."""

    formula: Formula
    bound: Bound


def recognise(tree: Tree, nearby: str, sentence: str) -> Match | None:
    """The first known formula that ``tree`` (without symbols) has the shape of and whose words the
    text has: ``nearby``, and in the ``sentence`` that the formula stands in."""
    outline = _outline(tree)
    for formula in _BY_OUTLINE.get(outline, ()):
        if not _is_named(formula, nearby, sentence):
            continue
        ways = list(islice(_matches(formula.tree, tree, {}), MAX_WAYS))
        if ways:
            # Where the text writes the formula with letters too, these say which number is which.
            return Match(formula, max(ways, key=_same_letters))
    return None


def _is_named(formula: Formula, nearby: str, sentence: str) -> bool:
    if not formula.said and formula.is_loose:
        return _has(formula.words, sentence)
    said_in = sentence if formula.is_loose else nearby
    return _has(formula.words, nearby) and _has(formula.said, said_in)


def _has(pattern: str, text: str) -> bool:
    """Whether a pattern, of words in lower case but for the names of points, is in ``text``."""
    return re.search(pattern, text if "A-Z" in pattern else text.lower(), re.DOTALL) is not None


Outline = tuple[str, int, int]


def _outline(tree: Tree) -> Outline:
    """What two trees of one shape have in common at the least: the kind of the outermost
    operation, and how many terms or factors it has on either side."""
    kind = _kind(tree)
    if kind == "sum":
        plus, minus = _terms(tree)
        return kind, len(plus), len(minus)
    if kind == "product":
        _, top, bottom = _factors(tree)
        return kind, len(top), len(bottom)
    return (tree.name if isinstance(tree, Call) else kind), 0, 0


def _same_letters(bound: Bound) -> int:
    return sum(isinstance(tree, Number) and tree.symbol == name for name, tree in bound.items())


def _kind(tree: Tree) -> str:
    if isinstance(tree, Negative):
        return _kind(tree.operand)
    if isinstance(tree, Binary):
        return {"+": "sum", "-": "sum", "*": "product", "/": "product"}.get(tree.symbol, "power")
    return "leaf"


def _matches(shape: Tree, tree: Tree, bound: Bound) -> Iterator[Bound]:
    """Every way, up to the order of terms and factors, in which ``tree`` has ``shape``."""
    if isinstance(shape, Symbol):
        known = bound.get(shape.name)
        if tree == PI:
            return
        if known is None:
            yield {**bound, shape.name: tree}
        elif evaluate(known) == evaluate(tree):
            yield bound
    elif isinstance(shape, Number):
        if isinstance(tree, Number) and tree.value == shape.value and not tree.symbol:
            yield bound
    elif isinstance(shape, Negative) and _kind(shape) == "leaf":
        if isinstance(tree, Negative):
            yield from _matches(shape.operand, tree.operand, bound)
        elif isinstance(tree, Number) and tree.value < 0:
            yield from _matches(shape.operand, replace(tree, value=-tree.value), bound)
    elif _kind(shape) == "sum" and _kind(tree) == "sum":
        mine, theirs = _terms(shape), _terms(tree)
        yield from _matched_groups(mine, theirs, bound)
    elif _kind(shape) == "product" and _kind(tree) == "product":
        (sign, top, bottom), (their_sign, their_top, their_bottom) = _factors(shape), _factors(tree)
        if sign == their_sign:
            mine, theirs = (top, bottom), (their_top, their_bottom)
            yield from _matched_groups(mine, theirs, bound)
    elif _same_operation(shape, tree):
        yield from _in_order(operands(shape), operands(tree), bound)


def _same_operation(shape: Tree, tree: Tree) -> bool:
    """Whether both are the same power or function."""
    if isinstance(shape, Binary) and isinstance(tree, Binary):
        return shape.symbol == tree.symbol == "**"
    return isinstance(shape, Call) and isinstance(tree, Call) and shape.name == tree.name


def _in_order(shapes: Sequence[Tree], trees: Sequence[Tree], bound: Bound) -> Iterator[Bound]:
    if len(shapes) != len(trees):
        return
    if not shapes:
        yield bound
        return
    for found in _matches(shapes[0], trees[0], bound):
        yield from _in_order(shapes[1:], trees[1:], found)


_Groups = tuple[list[Tree], list[Tree]]


def _matched_groups(mine: _Groups, theirs: _Groups, bound: Bound) -> Iterator[Bound]:
    for found in _any_order(mine[0], theirs[0], bound):
        yield from _any_order(mine[1], theirs[1], found)


def _any_order(shapes: Sequence[Tree], trees: Sequence[Tree], bound: Bound) -> Iterator[Bound]:
    if len(shapes) != len(trees) or len(shapes) > MAX_PARTS:
        return
    if not shapes:
        yield bound
        return
    for index, tree in enumerate(trees):
        for found in _matches(shapes[0], tree, bound):
            yield from _any_order(shapes[1:], [*trees[:index], *trees[index + 1 :]], found)


def _terms(tree: Tree) -> _Groups:
    """The terms of a sum: those added, and those taken away."""
    if isinstance(tree, Binary) and tree.symbol in "+-":
        (plus, minus), (right_plus, right_minus) = _terms(tree.left), _terms(tree.right)
        if tree.symbol == "-":
            right_plus, right_minus = right_minus, right_plus
        return [*plus, *right_plus], [*minus, *right_minus]
    return [tree], []


def _factors(tree: Tree) -> tuple[bool, list[Tree], list[Tree]]:
    """Whether a product is negated, its factors, and those that it is divided by; without ones."""
    if isinstance(tree, Negative):
        sign, top, bottom = _factors(tree.operand)
        return not sign, top, bottom
    if isinstance(tree, Binary) and tree.symbol in ("*", "/"):
        sign, top, bottom = _factors(tree.left)
        right_sign, right_top, right_bottom = _factors(tree.right)
        if tree.symbol == "/":
            right_top, right_bottom = right_bottom, right_top
        return sign != right_sign, [*top, *right_top], [*bottom, *right_bottom]
    if isinstance(tree, Number) and tree.value == 1 and not tree.symbol:
        return False, [], []
    return False, [tree], []


def _by_outline() -> dict[Outline, list[Formula]]:
    found: dict[Outline, list[Formula]] = {}
    for formula in FORMULAS:
        found.setdefault(_outline(formula.tree), []).append(formula)
    return found


_BY_OUTLINE = _by_outline()
