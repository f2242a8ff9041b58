"""Algebra worked in LaTeX, the result in a box."""

from __future__ import annotations

import ast

from tracemine.data.stories import Story, Told, tell

_BINDS = {ast.Add: 1, ast.Sub: 1, ast.Mult: 2, ast.Div: 3, ast.Pow: 4}


def algebra_problems() -> list[Told]:
    """Every story below with its numbers."""
    return [tell(story, f"{story.kind} {index}", _display) for index, story in enumerate(STORIES)]


def _display(expression: str, value: str, money: bool) -> str:
    return f"${latex(expression)} = {'$' if money else ''}{value}$"


def latex(expression: str) -> str:
    """An arithmetic expression over numbers as LaTeX: ``\\cdot``, ``\\frac``, powers."""
    return _latex(ast.parse(expression, mode="eval").body)


def _latex(node: ast.expr) -> str:
    if not isinstance(node, ast.BinOp):
        return ast.unparse(node)
    if isinstance(node.op, ast.Div):
        return rf"\frac{{{_latex(node.left)}}}{{{_latex(node.right)}}}"
    binds = _BINDS[type(node.op)]
    left, right = _latex(node.left), _latex(node.right)
    if isinstance(node.left, ast.BinOp) and _BINDS[type(node.left.op)] < binds:
        left = f"({left})"
    if isinstance(node.op, ast.Pow):
        return f"{left}^{{{right}}}"
    tight = isinstance(node.op, ast.Sub) or binds > 1
    if isinstance(node.right, ast.BinOp) and _BINDS[type(node.right.op)] < binds + tight:
        right = f"({right})" if not isinstance(node.right.op, ast.Div) else right
    sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: r"\cdot"}[type(node.op)]
    return f"{left} {sign} {right}"


def _kind(kind: str, *stories: tuple[str, str, str]) -> list[Story]:
    return [Story(kind, *story) for story in stories]


_TERM = "a=3,5,6,8; d=4,7,9; n=20,35,50,100"
_ROOTS = "m=6,7,8,9; n=2,3; s: m+n; p: m*n; q: m-n"

STORIES = [
    *_kind(
        "term of an arithmetic sequence",
        (
            _TERM,
            r"An arithmetic sequence begins with ${a}$ and has common difference ${d}$. Find its term number ${n}$.",
            "From the first term to the wanted one there are [steps: n-1] differences. The term is therefore [r: a+steps*d], that is, $\\boxed{{r}}$.",
        ),
        (
            "a=11,13,14; d=3,5,6; n=25,40,60",
            r"The first row of a theatre has ${a}$ seats, and every row has ${d}$ seats more than the row before it. How many seats are there in row ${n}$?",
            "Row ${n}$ comes [steps: n-1] rows after the first. Its number of seats is [r: a+steps*d]. So there are $\\boxed{{r}}$ seats.",
        ),
        (
            "a=2,4,7; d=8,10,12; n=15,30,45",
            r"Let $u_1 = {a}$ and $u_{k+1} = u_k + {d}$ for all $k \ge 1$. Determine $u_{{n}}$.",
            "The recursion is applied [steps: n-1] times. Hence the value is [r: a+steps*d], so the answer is $\\boxed{{r}}$.",
        ),
        (
            "a=30,32,36; d=6,11,15; n=12,18,24",
            r"Matches are laid out in figures. Figure $1$ takes ${a}$ matches, and each new figure takes ${d}$ more. How many matches does figure ${n}$ take?",
            "Up to that figure matches are added [steps: n-1] times. It takes [r: a+steps*d] matches. The answer is $\\boxed{{r}}$.",
        ),
        (
            "a=17,19,21; d=13,16,20; n=9,11,28",
            r"What is the ${n}$th number of the list that starts at ${a}$ and counts up by ${d}$ each time?",
            "We count up [steps: n-1] times and arrive at [r: a+steps*d]. The number is $\\boxed{{r}}$.",
        ),
    ),
    *_kind(
        "sum of an arithmetic series",
        (
            "a=3,5,7; z=41,57,63; n=10,14,20",
            r"An arithmetic series has ${n}$ terms, the first of which is ${a}$ and the last ${z}$. Compute its sum.",
            "First and last term add up to [p: a+z]. There are half as many such pairs as terms, so the sum is [r: n*p/2]. We get $\\boxed{{r}}$.",
        ),
        (
            "a=12,15; z=88,95; n=16,18,30",
            r"Logs are stacked in ${n}$ layers. The number of logs falls evenly from ${z}$ in the bottom layer to ${a}$ in the top one. How many logs are in the stack?",
            "Top and bottom together have [p: a+z] logs. The stack has [r: n*p/2] logs. The answer is $\\boxed{{r}}$.",
        ),
        (
            "a=8,9; z=120,131,144; n=22,24,26",
            r"Find the sum of ${n}$ evenly spaced numbers that run from ${a}$ to ${z}$.",
            "Pairing the ends gives [p: a+z] for each pair. Altogether that is [r: n*p/2], hence $\\boxed{{r}}$.",
        ),
        (
            "a=20,24; z=76,80; n=8,12,15",
            r"Over ${n}$ weeks a runner raises the weekly distance by the same amount each time, from ${a}$ km to ${z}$ km. What distance is run in total?",
            "The first and the last week sum to [p: a+z] km. The total distance is [r: n*p/2] km, so the answer is $\\boxed{{r}}$.",
        ),
        (
            "a=1,2; z=199,250; n=40,50,100",
            r"The terms $t_1 = {a}, \ldots, t_{{n}} = {z}$ form an arithmetic progression. Evaluate $t_1 + \cdots + t_{{n}}$.",
            "We have [p: a+z] as the sum of the outer terms. The whole sum equals [r: n*p/2], which is $\\boxed{{r}}$.",
        ),
    ),
    *_kind(
        "linear equation with the unknown on both sides",
        (
            "x=4,5,6; a=9,10,11; c=3,4,5; b=2,7; d: (a-c)*x+b",
            r"Solve ${a}x + {b} = {c}x + {d}$ for $x$.",
            "Collecting the unknown on the left leaves [u: a-c] times $x$; collecting numbers on the right leaves [v: d-b]. Dividing, [r: v/u]. So $x = \\boxed{{r}}$.",
        ),
        (
            "x=12,15,18; a=7,8; c=2,3; b=11,19; d: (a-c)*x+b",
            r"One taxi firm charges ${c}$ dollars a kilometre and a fee of ${d}$ dollars; another charges ${a}$ dollars a kilometre and a fee of ${b}$ dollars. For how many kilometres do both cost the same?",
            "Per kilometre the second firm charges [u: a-c] dollars more. Its fee is lower by [v: d-b] dollars. The costs are equal after [r: v/u] kilometres, so the answer is $\\boxed{{r}}$.",
        ),
        (
            "x=7,8,9; a=12,15,16; c=4,6; b=1,5; d: (a-c)*x+b",
            r"Find the number whose ${a}$-fold plus ${b}$ equals its ${c}$-fold plus ${d}$.",
            "The folds differ by [u: a-c], the constants by [v: d-b]. The number is [r: v/u]. Answer: $\\boxed{{r}}$.",
        ),
        (
            "x=2.5,3.5,4.5; a=6,8; c=2,4; b=3,9; d: (a-c)*x+b",
            r"For which value of $t$ do the lines $y = {a}t + {b}$ and $y = {c}t + {d}$ meet?",
            "The slopes differ by [u: a-c] and the intercepts by [v: d-b]. The lines meet where $t$ is [r: v/u]. So $t = \\boxed{{r}}$.",
        ),
        (
            "x=20,24,30; a=13,14; c=8,9; b=40,60; d: (a-c)*x+b",
            r"Tank A holds ${b}$ litres and gains ${a}$ litres a minute; tank B holds ${d}$ litres and gains ${c}$ litres a minute. After how many minutes do they hold the same?",
            "A catches up by [u: a-c] litres a minute. It is behind by [v: d-b] litres. They are equal after [r: v/u] minutes. The answer is $\\boxed{{r}}$.",
        ),
    ),
    *_kind(
        "larger root of a quadratic",
        (
            _ROOTS,
            r"Find the larger root of $x^2 - {s}x + {p} = 0$.",
            "The discriminant is [disc: s**2-4*p], and its square root is ${q}$. The larger root is [r: (s+q)/2]. Thus $x = \\boxed{{r}}$.",
        ),
        (
            "m=11,12,13; n=4,5,6; s: m+n; p: m*n; q: m-n",
            r"Two positive numbers have sum ${s}$ and product ${p}$. What is the greater of the two?",
            "They solve $x^2 - {s}x + {p} = 0$ with discriminant [disc: s**2-4*p], whose square root is ${q}$. The greater number is [r: (s+q)/2]. The answer is $\\boxed{{r}}$.",
        ),
        (
            "m=15,18,20; n=7,8,9; s: m+n; p: m*n; q: m-n",
            r"A rectangle has area ${p}$ and its length and width add up to ${s}$. Determine the longer side.",
            "For the sides the discriminant comes out as [disc: s**2-4*p]. Its root is ${q}$. So the longer side is [r: (s+q)/2], and the result is $\\boxed{{r}}$.",
        ),
        (
            "m=21,23,25; n=3,10,14; s: m+n; p: m*n; q: m-n",
            r"For which larger value of $t$ does the height $h(t) = t^2 - {s}t + {p}$ vanish?",
            "We compute the discriminant [disc: s**2-4*p] with square root ${q}$. It vanishes last at [r: (s+q)/2]. Hence $t = \\boxed{{r}}$.",
        ),
        (
            "m=2.5,3.5,6.5; n=0.5,1.5; s: m+n; p: m*n; q: m-n",
            r"Let $r_1 < r_2$ be the solutions of $x^2 + {p} = {s}x$. Calculate $r_2$.",
            "In normal form the discriminant is [disc: s**2-4*p]; its root is ${q}$. Then $r_2$ is [r: (s+q)/2]. We find $\\boxed{{r}}$.",
        ),
    ),
    *_kind(
        "term of a geometric sequence",
        (
            "a=3,5,7; g=2,3; n=5,6,7",
            r"A geometric sequence starts with ${a}$ and has ratio ${g}$. Find its ${n}$th term.",
            "The ratio is applied [k: n-1] times. The term is [r: a*g**k]. Therefore $\\boxed{{r}}$.",
        ),
        (
            "a=40,60,150; g=2,3; n=4,5,6",
            r"A culture of ${a}$ cells multiplies by ${g}$ every day. How many cells are there on day ${n}$, if ${a}$ are counted on day $1$?",
            "Between the two days lie [k: n-1] multiplications. There are [r: a*g**k] cells. The answer is $\\boxed{{r}}$.",
        ),
        (
            "a=4,6,9; g=4,5,10; n=4,5",
            r"Given $b_1 = {a}$ and $b_{k+1} = {g} b_k$, evaluate $b_{{n}}$.",
            "Starting from $b_1$ we multiply [k: n-1] times. So we obtain [r: a*g**k], that is $\\boxed{{r}}$.",
        ),
        (
            "a=12,15,18; g=2,3; n=8,9",
            r"A chain letter goes to ${a}$ people in its first round and to ${g}$ times as many in each later round. How many people get it in round ${n}$?",
            "The first round is followed by [k: n-1] more. In the last of them [r: a*g**k] people get it. The answer is $\\boxed{{r}}$.",
        ),
        (
            "a=64,128,320; g=1.5,2.5; n=3,4",
            r"The side lengths of nested squares grow by a factor of ${g}$ from one square to the next. The first side is ${a}$ mm. How long is side number ${n}$?",
            "The factor enters [k: n-1] times. The side is [r: a*g**k] mm long, so the answer is $\\boxed{{r}}$.",
        ),
    ),
]  # fmt: skip
