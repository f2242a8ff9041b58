"""What a solver would ask before it knew the routine, in words that nobody made from the routine.

The rules teacher writes a span's subquestion from the calculation ("how many items are left when
some are taken away"), so to ask in these words would give the answer away. What is asked here are
words that the problem or its solver wrote: the subquestion that a trace states beside its step; the
problem's own question where the step's result is the problem's answer; the name that a program
gives to what it computes; else the sentence that states the result. Of the trace's own words,
numbers, calculations, formulas and what to do with numbers ("multiply the first by the second to
...") are left out; of the problem's question nothing is. A task for code is asked without the code
and the examples that it shows.
"""

from __future__ import annotations

import re
from fractions import Fraction

from tracemine.schemas import Span, Trajectory, decode
from tracemine.teachers.rules.language.numerals import find_numerals, word_set
from tracemine.teachers.rules.language.words import final_question, is_latex, sentences
from tracemine.teachers.rules.mathematics.latex import zones
from tracemine.transforms.mentioned import number_in
from tracemine.verifiers import ANSWERS, verify

#: Characters of what is asked; a longer sentence loses its beginning, a longer task its end.
MAX_CHARS = 400
#: Characters of a sentence, from its end, that are looked at: a longer one is a table.
MAX_SENTENCE = 2_000
#: Words that may stand between a number and the sign behind it: "150 red cars + 180 cars".
MAX_UNIT_WORDS = 3

#: A line of a socratic trace: ``subquestion ** step``. A power in a program's line is none.
_SOCRATIC = re.compile(r"^(?!\s*(?:return|print|assert)\b)([^=*#]*[^\s=*#]) \*\* ")
#: Calculations as GSM8K annotates them.
_ANNOTATION = re.compile(r"<<[^<>]*>>")
#: What is left of a calculation once its numbers are out: signs alone between spaces, and units of
#: money and percentages.
_SIGNS = re.compile(r"(?<!\S)[-+*/=×÷$€£%^().,:x·−–]+(?!\S)|[$€£=×÷^*\\{}<>_~|`\[\]]|\(\s*\)")
#: What a program's line computes, ``total_cost = ...`` or ``cost: int = ...``.
_ASSIGNED = re.compile(r"^\s*([A-Za-z_]\w*)\s*(?::\s*[\w\[\], ]+)?\s*(?:[-+*/%]|//|\*\*)?=(?!=)")
#: A program's line that gives no name to what it computes, but may give what has one.
_CODE_LINE = re.compile(
    r"\s*(?:(?:return|print)\b\s*\(?\s*(?:([A-Za-z_]\w*)\s*\)?\s*$|.*)"
    r"|(?:if|elif|for|while|assert|with|def)\b.*(?:==|:\s*$))"
)
_TOKEN = re.compile(
    r"(?P<number>[$€£]?\s?(?:\d[\d,]*(?:\.\d+)?|\.\d+)\s?%?)|(?P<sign>[-+*/×÷=·−–]|\b[xX]\b)"
    r"|(?P<bracket>[()\[\]$€£])|(?P<word>[^\W\d_][^\s\d+*=×÷()\[\]]*)|(?P<other>\S)"
)
_TEXT = re.compile(r"\\(?:text|textrm|mbox|mathrm|textbf)\s?\{([^{}]*)\}")
#: LaTeX outside a formula, and of one that has no end.
_COMMAND = re.compile(r"\\(?:begin|end)\{[^{}]*\}|\\[A-Za-z]+|\\.")
_PICTURE = re.compile(r"\[asy\].*?(?:\[/asy\]|\Z)", re.DOTALL)

_OPERATE = (
    r"(?:add(?:ing)?|subtract(?:ing)?|multiply(?:ing)?|divid(?:e|ing)|sum(?:ming)? up"
    r"|doubl(?:e|ing)|tripl(?:e|ing)|halv(?:e|ing))"
)
_FIND = r"(?:find|get|calculate|determine|see|figure out|compute|know|obtain|arrive at)"
#: "Then multiply the wage by the number of managers to find ...": what comes before "find".
_TO_FIND = re.compile(rf"^.*\b{_OPERATE}\b.*?\bto (?={_FIND}\b)", re.IGNORECASE)
#: "... by adding the increases in each of the three costs".
_BY = re.compile(rf",?\s*\b(?:by|and|then|,)(?:\s+then)?\s+{_OPERATE}\b.*$", re.IGNORECASE)
#: "Now divide this number in half", up to what follows behind a comma.
_TO_DO = re.compile(
    r"^(?:(?:so|then|now|next|first|finally|second|thus|if|we|you|i|he|she|they|can|must|should"
    rf"|need to|have to|let us|let's|also|,)[\s,]+)*{_OPERATE}\b[^,]*(?:,\s*|$)",
    re.IGNORECASE,
)
#: A variable that is named after how it is computed: ``half_of_total_money``.
_COMPUTING_NAME = re.compile(
    r"(?:half|third|quarter|fifth|tenth)s?_of_|^(?:twice|double|triple)_"
    r"|_(?:plus|minus|times|divided_by)_"
)
#: "..., multiplied by the number of terms".
_DONE = re.compile(r",?\s*\b(?:multiplied|divided) by\b[^,]*", re.IGNORECASE)
#: Units of what has been taken out: "/day", ": minks".
_UNITS = re.compile(r"(?<!\S)/\w+|:(?:\s+\S+){0,2}$")
#: Words that say nothing of what is wanted.
_EMPTY = word_set(
    """
    a an and are as at be because but by can each either equal equals find for get gets give gives
    has have he her his if in is it its obtain obtained of on one or our she since so solve solving
    that the their then there
    therefore they this thus to us was we which who will with
    """
)

#: Code in a task: a line that begins some, with the indented lines below it; a lone call.
_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_CODE = re.compile(
    r"^(?:from\s+\S+\s+import\b|import\s|class\s+\w+.*:|(?:async\s+)?def\s+\w+\s*\(|@\w).*"
    r"(?:\n(?:[ \t)\]}].*)?)*|^\w+\(.*\)[ \t]*$",
    re.MULTILINE,
)
_DOCSTRING = re.compile(r"(?:\"\"\"(.*?)(?:\"\"\"|\Z)|'''(.*?)(?:'''|\Z))", re.DOTALL)
#: From here on a task shows what comes out.
_EXAMPLES = re.compile(
    r"^[ \t\-*#]*(?:>>>|(?:for\s+)?examples?\b|sample\b|inputs?\s*(?::|-|$)|outputs?\s*(?::|-|$)"
    r"|your code should pass\b|assert\b)",
    re.IGNORECASE | re.MULTILINE,
)

_WORD = re.compile(r"[^\W\d_]{2,}")


def asked(span: Span, result: str, trajectory: Trajectory) -> str:
    """The question that ``span`` answers, as its problem or its trace words it. ``result`` is the
    span's (canonical JSON)."""
    if span.domain == "code":
        return _task(trajectory.problem)
    problem = final_question(_PICTURE.sub(" ", trajectory.problem))
    stated = _SOCRATIC.match(_last_line(span, trajectory))
    known: set[Fraction | None] = {numeral.value for numeral in find_numerals(trajectory.problem)}
    if stated and _says(stated.group(1)):
        return _end(_without_computed(stated.group(1), known, digits=True))
    if _answers(result, trajectory.reference):
        return _end(problem)
    known.discard(number_in(decode(result)))
    words = _without_computed(_of_trace(span, trajectory), known, digits=False)
    cleaned = without_numbers(words)
    return _end(cleaned if _says(cleaned) else problem)


def without_numbers(text: str) -> str:
    """``text`` (of a long one its end) without its numbers in digits and what computes with them,
    in signs or in words."""
    text = _COMMAND.sub(" ", _ANNOTATION.sub(" ", text[-MAX_SENTENCE:]))
    text = _without_calculations(text)
    for numeral in reversed(find_numerals(text, fractions=False)):
        if text[numeral.start].isalpha():
            continue
        text = f"{text[: numeral.start]} {text[numeral.end :]}"
    # What is left in digits is of a name, "2x4", and may be a number all the same.
    text = re.sub(r"\S*\d\S*", " ", text)
    text = " ".join(_SIGNS.sub(" ", text).split())
    text = _DONE.sub("", _BY.sub("", _TO_FIND.sub("", text)))
    return " ".join(_UNITS.sub(" ", _TO_DO.sub("", text)).split()).strip(" :,;-/")


def _of_trace(span: Span, trajectory: Trajectory) -> str:
    """What the trace says of the result of ``span``: the name that it gives it, or its last
    sentence. Those before state other results."""
    name = _assigned(span, trajectory)
    line = _CODE_LINE.fullmatch(_last_line(span, trajectory))
    if name is None and line:
        name = line.group(1) or ""
    if name is not None:
        words = re.sub(r"\d+", " ", re.sub(r"_\d\w*?(?=_|$)", " ", name)).replace("_", " ")
        return "" if _COMPUTING_NAME.search(name) else words
    quote = _without_formulas(span, trajectory.trace)
    return "".join(quote[start:end] for start, end in sentences(quote)[-1:])


def _last_line(span: Span, trajectory: Trajectory) -> str:
    return trajectory.trace[trajectory.trace.rfind("\n", 0, span.end) + 1 : span.end]


def _assigned(span: Span, trajectory: Trajectory) -> str | None:
    """The variable that the last statement of ``span`` gives a value to; None where the span ends
    in no assignment."""
    first = trajectory.trace.rfind("\n", 0, span.start) + 1
    missing = 0
    for line in reversed(trajectory.trace[first : span.end].split("\n")):
        missing += line.count(")") - line.count("(")
        computed = _ASSIGNED.match(line)
        if computed:
            return computed.group(1)
        # The statement goes on: brackets that this line closes were opened above.
        if missing <= 0:
            return None
    return None


def _without_formulas(span: Span, trace: str) -> str:
    """The quote of ``span`` without its LaTeX; of a formula stay the words that it gives a value
    to. A quote may begin or end inside a formula, which only its trace shows whole."""
    text, place = [], span.start
    for start, end in zones(trace) if is_latex(trace) else []:
        if end <= span.start or start >= span.end:
            continue
        left, equals, _ = trace[start:end].partition("=")
        words = " ".join(_TEXT.findall(left)) if equals and start >= span.start else ""
        text += [trace[place : max(start, place)], f" {words} "]
        place = max(place, min(end, span.end))
    return "".join([*text, trace[place : span.end]])


def _without_calculations(text: str) -> str:
    """``text`` without its calculations and the units inside them: of "150 cars + 180 cars = 330
    cars" stay the last cars."""
    tokens = list(_TOKEN.finditer(text))
    kept, place, index = [], 0, 0
    while index < len(tokens):
        last = _calculation(tokens, index)
        if last is None:
            index += 1
            continue
        kept.append(text[place : tokens[index].start()])
        place = tokens[last].end()
        index = last + 1
    return " ".join([*kept, text[place:]])


def _calculation(tokens: list[re.Match[str]], index: int) -> int | None:
    """The last token of the calculation that begins with the one at ``index``, or None."""
    signs, last, position = 0, None, index
    while True:
        while position < len(tokens) and tokens[position].lastgroup == "bracket":
            position += 1
        if position >= len(tokens) or tokens[position].lastgroup != "number":
            return last if signs else None
        last = position
        if index != position and tokens[position - 1].lastgroup == "sign":
            signs += 1
        position += 1
        units = 0
        while position < len(tokens) and (
            tokens[position].lastgroup == "bracket"
            or (tokens[position].lastgroup == "word" and units < MAX_UNIT_WORDS)
        ):
            units += tokens[position].lastgroup == "word"
            position += 1
        if position >= len(tokens) or tokens[position].lastgroup != "sign":
            return last if signs else None
        position += 1


def _without_computed(text: str, known: set[Fraction | None], *, digits: bool) -> str:
    """``text`` without the numbers that are not ``known`` (those of the problem): in words, and,
    if ``digits`` are to be looked at, in digits. "One" is no number, nor is a word of method."""
    for numeral in reversed(find_numerals(text)):
        in_words = text[numeral.start].isalpha()
        if numeral.kind == "method" or numeral.value in known or not (in_words or digits):
            continue
        if in_words and numeral.value == 1:
            continue
        text = f"{text[: numeral.start]} {text[numeral.end :]}"
    return text


def _task(problem: str) -> str:
    """The words of a task, up to its first example."""
    text = _CODE.sub(_docstring, _FENCED.sub(" ", problem))
    shown = _EXAMPLES.search(text)
    words = " ".join((text[: shown.start()] if shown else text).split())
    if len(words) <= MAX_CHARS:
        return words
    return words[: MAX_CHARS + 1].rpartition(" ")[0][:MAX_CHARS] or words[:MAX_CHARS]


def _docstring(code: re.Match[str]) -> str:
    found = _DOCSTRING.search(code.group())
    return f"\n{found.group(1) or found.group(2) or ''}\n" if found else "\n"


def _says(text: str) -> bool:
    """Whether ``text`` names something: a word of three letters that is not `_EMPTY`."""
    return any(len(word) > 2 and word.lower() not in _EMPTY for word in _WORD.findall(text))


def _answers(result: str, reference: str | None) -> bool:
    if reference is None:
        return False
    return verify(reference, result.strip('"'), ANSWERS).outcome == "agree"


def _end(text: str) -> str:
    """The end of ``text``, in whole words."""
    words = " ".join(text.split())
    if len(words) <= MAX_CHARS:
        return words
    return words[-MAX_CHARS - 1 :].partition(" ")[2] or words[-MAX_CHARS:]


__all__ = ["MAX_CHARS", "asked", "without_numbers"]
