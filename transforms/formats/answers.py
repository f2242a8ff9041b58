"""The final answer that a trace states, read from the ways in which traces state one."""

from __future__ import annotations

import re

#: A box that opens, a box around one word, an escaped character, a brace. Skipping every escape
#: tells ``\\}``, a line break that ends a box, from ``\}``, a brace within it.
_BOX_OR_BRACE = re.compile(
    r"(?P<box>\\f?boxed\s*\{|\\fbox\s*\{)|\\boxed\s+(?P<word>[^\s{}$\\.,;]+)|\\.|[{}]", re.DOTALL
)
_HASHES = re.compile(r"^####(.*)$", re.MULTILINE)
_A_LINE = re.compile(r"^A:(.*)$", re.MULTILINE)
#: Characters at the end of a text in which its answer is looked for in words.
CLOSING_CHARS = 1000
#: Characters that may follow an answer: thanks, an offer, what the writer thinks of it.
AFTERWORD_CHARS = 400
#: Sentences without a number that may follow a conclusion.
AFTERWORDS = 3

_SAID = re.compile(
    r"(?<!your )\banswer\b"
    r"(?:[^.,;?\n:=]{0,60}?\b(?:is|are|should be|would be|must be|equals)\b\s*:?|\s*[:=])"
    r"(?:\s*(?:therefore|thus|hence|then|indeed|simply|just|exactly|approximately|about)\b)?"
    r"(?:[ \t]*(?!\*+[ \t]*\n)|\**\s*(?=(?:\*\*)?(?:\\\[|\$|\\\(|[-−\d])))(?P<value>\S[^\n]*)",
    re.IGNORECASE,
)
#: A formula, within which no sentence ends; "$5, and $2" is none.
_FORMULA = (
    r"\$\$(?P<block>.{1,300}?)\$\$|\\\[(?P<display>.{1,300}?)\\\]|\\\((?P<inline>.{1,300}?)\\\)"
    r"|\$(?!\d[\d,.]*\s)(?P<dollars>[^$\n]{1,300})\$(?!\d)"
)
#: Where an answer ends that goes on in a sentence.
_STOP = re.compile(
    rf"(?P<formula>{_FORMULA})|[.!?;](?=\s|\*|\Z)|\n"
    r"|,?\s+(?:since|because|which|where|as|so|but|given that)\b"
    r"|,\s+(?:and|for|if|when|due|not|assuming|with)\b|\s\((?=(?:since|because|as|which|i\.e|the)\b)",
    re.IGNORECASE | re.DOTALL,
)
_WHOLE_FORMULA = re.compile(_FORMULA, re.DOTALL)
_SENTENCE_END = re.compile(r"[.!?](?=\s|\*|\Z)|\n")
_BETWEEN = re.compile(r"(?<=[.!?])\**\s+|\n+")
_ENDED = re.compile(r"[.!?)\]}*:\"'”’]\s*\Z")
#: A text that says so after an answer is not done with it.
_DOUBT = re.compile(
    r"\d|\b(?:wait|but|however|hmm+|alternatively|unless|actually|check\w*|verif\w+|not sure|wrong"
    r"|let me (?!know)|let['’]s|mistake|next|now)\b",
    re.IGNORECASE,
)
_CONCLUDES = re.compile(
    r"\W*(?:therefore|thus|hence|so|in conclusion|altogether|in total|overall|finally)\b"
    r"|.*\b(?:confident|conclude)\b",
    re.IGNORECASE | re.DOTALL,
)
_NUMBER = r"[-−]?[$£€]?\d[\d,]*(?:\.\d+)?(?:/\d+)?%?"
_NUMBERS = re.compile(rf"(?<![\w.^_{{\\]){_NUMBER}(?![\w^_])")
#: A second answer to something else: "5 and to part (b) is 6", "5 and b = 6".
_SECOND = re.compile(
    r"\b(?:and|or|while|whereas)\b.*(?:\b(?:is|are|was|be|equals)\b|(?<![=<>])=)", re.IGNORECASE
)
#: Two values, of which one is not the answer.
_SEVERAL = re.compile(r"\d[^.]*\b(?:and|or|while|whereas)\b[^.]*\Z")
_DENIES = re.compile(r"\b(?:not|never)\b|n['’]t\b", re.IGNORECASE)
_SYMBOLS = re.compile(r"[=\\^_*+<>≈]")
#: "is 12 cubic metres.", at the end of a sentence.
_COMES_TO = re.compile(
    r"(?:\bis|\bare|\bbe|\bwas|\bequals|=)(?:\s+(?:indeed|exactly|therefore))?\s*"
    rf"(?P<value>\*{{0,2}}{_NUMBER}\*{{0,2}}|\\\([^()]+?\\\)|\$[^$]+\$)(?:\s+[^\W\d][\w²³/°-]*){{0,4}}"
    r"[\s.!*)\\\]$]*\Z"
)
#: Words, commands of LaTeX and letters left out, from which a text is an essay: in one line, and in
#: several.
ESSAY_WORDS, ESSAY_WORDS_IN_LINES = 8, 3
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}")
_OUTPUT = re.compile(r"^```output[ \t]*\n(.*?)(?:^```[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)


def final_answer(trace: str) -> str | None:
    r"""What ``trace`` ends with: its last ``\boxed{}``, else its last ``#### N`` line, else its
    last ``A: N`` line, else "the answer is N" or "Therefore, ... is N", where nothing follows that
    counts on or doubts it; None if it comes to none."""
    for find in (boxed, hashes, a_line, _called_answer, _concluded):
        found = find(trace)
        if found:
            return found
    return None


def boxed(text: str) -> str | None:
    r"""The content of the last complete ``\boxed{...}`` or ``\fbox{...}``, braces balanced, or of
    ``\boxed N``; None if there is none. Of nested boxes it is the innermost that counts."""
    found: str | None = None
    found_at = -1
    # Where each open brace's content begins, and whether it is that of a box.
    opened: list[tuple[int, bool]] = []
    for match in _BOX_OR_BRACE.finditer(text):
        if match["word"]:
            found, found_at = match["word"], match.start()
        elif match["box"] or match[0] == "{":
            opened.append((match.end(), bool(match["box"])))
        elif match[0] == "}" and opened:
            start, is_box = opened.pop()
            if is_box and start > found_at:
                found, found_at = text[start : match.start()].strip(), start
    return found or None


def is_essay(text: str) -> bool:
    """Whether a reference is sentences, which say in many words what no answer will say in the
    same: one that states no final answer cannot be compared."""
    words = len(_WORD.findall(text))
    return words >= (ESSAY_WORDS_IN_LINES if "\n" in text.strip() else ESSAY_WORDS)


def hashes(text: str) -> str | None:
    """The last ``#### N`` line, as GSM8K closes an answer."""
    return _last(_HASHES, text)


def a_line(text: str) -> str | None:
    """The last ``A: N`` line, as GSM8K's model solutions close."""
    return _last(_A_LINE, text)


def last_output(text: str) -> tuple[str | None, str]:
    """The last line of the last block of output (between ````` ```output ````` and its fence), and
    the text after that block; ``(None, text)`` without one."""
    block = None
    for match in _OUTPUT.finditer(text):
        block = match
    if block is None:
        return None, text
    lines = block[1].split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), None), text[
        block.end() :
    ]


def _last(pattern: re.Pattern[str], text: str) -> str | None:
    found = None
    for match in pattern.finditer(text):
        found = match[1].strip()
    return found or None


def _called_answer(text: str) -> str | None:
    """What the last sentence with "the answer is" calls so."""
    closing = text[-CLOSING_CHARS:]
    said, at = None, 0
    while match := _SAID.search(closing, at):
        said, at = match, match.start("value")
    if said is None:
        return None
    start = said.start("value")
    end = next(
        (m.start() for m in _STOP.finditer(closing, start) if not m["formula"]), len(closing)
    )
    value = _bare(closing[start:end])
    if not value or value.lower().startswith("not "):
        return None
    # What stands in a formula is one answer: "$x = 1 and y = 2$".
    if _SECOND.search(_WHOLE_FORMULA.sub("", closing[start:end])):
        return None
    rest = _SENTENCE_END.search(closing, end)
    return value if _is_afterword(closing[rest.end() :] if rest else "") else None


def _concluded(text: str) -> str | None:
    """The number in the last sentence that has one, if that one concludes."""
    sentences = [s for s in _BETWEEN.split(text[-CLOSING_CHARS:].strip()) if s and s.strip("*_ ")]
    for sentence in sentences[-1 : -2 - AFTERWORDS : -1]:
        if not _ENDED.search(sentence):
            return None
        if re.search(r"\d", sentence):
            break
        if _DOUBT.search(sentence):
            return None
    else:
        return None
    ending = _COMES_TO.search(sentence)
    if _DENIES.search(sentence) or (ending and _SEVERAL.search(sentence, 0, ending.start("value"))):
        return None
    if not _CONCLUDES.match(sentence):
        # "I think that is it. The height is 5 cm."
        is_last = ending and sentence is sentences[-1] and sentence.startswith("The ")
        return _bare(ending["value"]) if ending and is_last else None
    if ending:
        return _bare(ending["value"].rpartition("=")[2])
    numbers = _NUMBERS.findall(sentence)
    return _bare(numbers[0]) if len(numbers) == 1 and not _SYMBOLS.search(sentence) else None


def _is_afterword(rest: str) -> bool:
    rest = rest.strip("*_ \n")
    return not rest or (
        len(rest) <= AFTERWORD_CHARS and bool(_ENDED.search(rest)) and not _DOUBT.search(rest)
    )


def _bare(value: str) -> str | None:
    """An answer without what it is set in: bold, the marks of a formula, brackets around one
    letter or number."""
    value = value.strip().strip("*").strip().rstrip(".")
    formula = _WHOLE_FORMULA.fullmatch(value)
    if formula:
        value = next(filter(None, formula.groups())).strip().rstrip(".")
    elif value.count("$") == 1 or re.fullmatch(r"\$[^$]+\$", value):
        value = value.strip("$")
    value = re.sub(r"\A\(\s*([A-Za-z]|[-−]?[\d.,/]+)\s*\)\Z", r"\1", value.strip("* "))
    return value.strip() or None
