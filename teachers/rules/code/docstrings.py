"""The task that a docstring states, where a problem is code to complete: its prose, without its
examples, and of that the sentence that says what is wanted."""

from __future__ import annotations

import ast
import re

from tracemine.teachers.rules.language.phrases import task_phrase

#: A pronoun among so many first words of a sentence is of the sentence before.
WORDS_THAT_REFER = 4

#: Lines from which on a docstring shows or describes its parts.
_PARTS = re.compile(
    r"^\s*(?:>>>|\[?(?:for\s+)?(?:example|test case|sample)s?\b.{0,20}[:.\]]|for example|e\.g\."
    r"|(?:args?|arguments|param(?:eter)?s?|input|output|returns?|raises|yields|constraints?|notes?"
    r"|hint)\s*:|:(?:param|returns?)\b|[-=~*]{3,}\s*$)",
    re.IGNORECASE,
)
_EXAMPLE_INSIDE = re.compile(
    r"[,;(]?\s*\b(?:e\.g\.|i\.e\.|for (?:example|instance)\b|such as\b.*:|example:).*",
    re.IGNORECASE,
)
_NO_PERSON = frozenset(
    {"He", "She", "It", "They", "We", "You", "That", "This", "Each", "Who", "Let"}
)
_SENTENCE_END = re.compile(r"(?<=[a-z\])\"'][.!?;])\s+(?=\S)|(?<=\.\.)\s+(?=[A-Z])")
#: What leads up to the task and is none itself.
_STORY = re.compile(
    r"(?:you(?:'re| are| will be|'ve| have)(?: been)? given\b|imagine\b|suppose\b|consider\b"
    r"|assum\w+\b|there (?:is|are)\b|note\b|we (?:have|are)\b|(?:the )?(?:inputs?|arguments?)\b"
    r"|(?:an? )?\w+ (?:is|are) an?\b|[A-Z][a-z]+ (?:has|have|had|wants|likes|was)\b)",
    re.IGNORECASE,
)
#: What is forbidden is no task: "Do not return negative numbers."
_FORBIDDEN = re.compile(
    r"(?:(?:please|you|it|(?:the|this|your) (?:function|method|program|code|solution))\s+)?"
    r"(?:(?:do|does|should|must|may|can|shall|will)(?:\s+not\b|n['\u2019]t\b)|cannot\b|never\b|avoid\b)",
    re.IGNORECASE,
)
#: "xs are coefficients", "each car has a speed".
_SAID_OF_SOMETHING = re.compile(
    r"(?:(?:an?|the|each|every|all) )?\w+(?: \w+)? (?:is|are|has|have|represents?|consists?)\b",
    re.IGNORECASE,
)
_PERSON = re.compile(r"\b([A-Z][a-z]+)(?='s\b| (?:has|have|had|wants|likes|was)\b)")
_WANTED = re.compile(
    r"\b(?:return|find|check|compute|calculate|count|determine|detect|write|create|implement|filter"
    r"|sort|convert|generate|remove|replace|output|evaluate|concatenate|decide|decode|encode"
    r"|complete|separate|print|insert|apply)(?:s|es|ing)?\b",
    re.IGNORECASE,
)
#: Verbs that are nouns too, where they do not begin a sentence.
_BEGINS = re.compile(
    r"(?:add|append|apply|build|change|choose|clip|divide|draw|extract|find|flatten|form|give|group"
    r"|join|keep|list|locate|make|map|match|merge|move|multiply|normali[sz]e|order|pad|parse|pick"
    r"|produce|put|rearrange|reverse|rotate|round|scale|search|select|shift|show|simplify|solve|split"
    r"|subtract|sum|swap|tell|test|transform|translate|trim|truncate|turn|update|validate|verify"
    r")(?:s|es)?\b",
    re.IGNORECASE,
)
_LEAD_IN = re.compile(
    r"(?:in this \w+,?\s+|please\s+|your (?:task|goal|job) is to\s+"
    r"|you (?:have|need|are asked|are required) to\s+|you (?:should|must)\s+"
    r"|(?:this|the|your|an?) (?:simple )?(?:function|method|program) (?:which |that )?"
    r"(?:should\s+|will\s+|must\s+)?"
    r"|(?:help|ask)\s+(?:him|her|them)\s+to\s+|(?:and|it|should)\s+)",
    re.IGNORECASE,
)
#: "takes a string as input and returns ...", where what is returned says what it is of.
_TAKES = re.compile(
    r"(?:takes?|accepts?|receives?|gets?)\b.{1,80}?\band (?:should )?returns?\s+", re.IGNORECASE
)
_FORMULA = re.compile(r"\w[\])]? ?[-+*/^=]+ ?\w")
_REFERS_BACK = re.compile(r"\b(?:it|its|them|they|their|those|these|this)\b", re.IGNORECASE)


def is_code(problem: str, name: str) -> bool:
    """Whether a problem is the beginning of a program that defines the function ``name``."""
    if not re.search(rf"^\s*def\s+{re.escape(name)}\s*\(", problem, re.MULTILINE):
        return False
    try:
        return bool(ast.parse(problem).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # A prompt may end in the head of the function, or in the middle of a comment.
        first = problem.lstrip().partition("\n")[0]
        return re.match(r"(?:def|from|import|class|@|#|\w+\s*=)", first) is not None


def task_of(text: str, name: str) -> str:
    """What the docstring ``text`` of the function ``name`` asks for, as `task_phrase` puts it;
    empty where it has no words but examples."""
    prose = _prose(text, name)
    people = set(_PERSON.findall(prose)) - _NO_PERSON
    said = [piece for piece in _SENTENCE_END.split(prose) if piece.strip()]
    first: list[str] = []
    before = ""
    for sentence in said:
        if _FORBIDDEN.match(sentence.strip()):
            continue
        phrase = _phrase(sentence, name, people)
        is_story = _LEAD_IN.match(sentence) is None and (
            _STORY.match(sentence) or _SAID_OF_SOMETHING.match(sentence)
        )
        if phrase and not is_story:
            if before and _REFERS_BACK.search(" ".join(phrase.split()[:WORDS_THAT_REFER])):
                phrase = f"{before}; {phrase}"
            if _WANTED.search(phrase) or _BEGINS.match(phrase):
                return phrase
            first.append(phrase)
        before = "" if _FORMULA.search(phrase) else phrase
    return first[0] if first else before


def _phrase(sentence: str, name: str, people: set[str]) -> str:
    text = _EXAMPLE_INSIDE.sub("", sentence)
    own = rf"[`'\"]?\b{re.escape(name)}\b(?:\([^()]*\))?[`'\"]?"
    # "Write a function double that takes ..." and "double takes ..."
    text = re.sub(rf"\b(function|method)\s+(?:named\s+|called\s+)?{own}", r"\1", text)
    text = re.sub(rf"^{own}\s+", "", text)
    while (lead := _LEAD_IN.match(text)) is not None:
        text = text[lead.end() :]
    for person in people:
        text = re.sub(rf"\b{person}\b", "someone", text)
    phrase = task_phrase(text)
    given = _TAKES.match(phrase)
    if given and not _REFERS_BACK.search(phrase, given.end()):
        return f"return {phrase[given.end() :]}"
    return phrase


def _prose(text: str, name: str) -> str:
    """The words of a docstring as one line, up to its first example or the list of its parts."""
    shown = re.compile(rf"\s*[`'\"]?{re.escape(name)}\s*\(.*\)\s*(?:[=-]+>|={{1,3}}|[➞→➡⇒#])")
    lines: list[str] = []
    for line in text.strip().splitlines():
        if _PARTS.match(line) or shown.match(line):
            break
        if not line.strip() and lines and lines[-1].endswith((".", "!", "?", ":")):
            break
        lines.append(line.strip())
    return " ".join(" ".join(lines).split())
