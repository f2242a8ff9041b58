"""Words: what kind a word is, identifiers and units, sentences, text without an instance's own
numbers and names. No tagger and no model: closed lists and endings.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from tracemine.teachers.rules.language.numerals import NUMBER_WORDS, find_numerals, word_set

#: Most words in a name.
MAX_WORDS = 5

#: A word of English. The pieces between letters of other alphabets are none: "jalapeños".
WORD = re.compile(r"(?<!\\)(?<![^\W\d_])[A-Za-z]+(?![^\W\d_])(?:['’][A-Za-z]+)?")

#: Units of money, which no rate turns into one another, and the signs that say them.
CURRENCIES = word_set("dollar euro sterling rupee yen")
CURRENCY_SIGNS = {"$": "dollar", "€": "euro", "£": "sterling", "₹": "rupee", "¥": "yen"}
MONEY_UNITS = CURRENCIES | {"cent"}
#: Text that pint parses (`MONEY_UNITS` are this project's own, see `verifiers.units`). A pound is a
#: weight unless its sign says otherwise.
UNITS = CURRENCY_SIGNS | {
    "euro": "euro", "euros": "euro", "rupee": "rupee", "rupees": "rupee", "yen": "yen",
    "dollar": "dollar", "dollars": "dollar", "buck": "dollar", "bucks": "dollar",
    "cent": "cent", "cents": "cent", "percent": "percent",
    "second": "second", "seconds": "second", "sec": "second", "secs": "second",
    "minute": "minute", "minutes": "minute", "min": "minute", "mins": "minute",
    "hour": "hour", "hours": "hour", "hr": "hour", "hrs": "hour", "day": "day", "days": "day",
    "week": "week", "weeks": "week", "month": "month", "months": "month", "year": "year",
    "years": "year",
    "mile": "mile", "miles": "mile", "km": "kilometer", "kilometer": "kilometer",
    "kilometers": "kilometer", "kilometre": "kilometer", "kilometres": "kilometer",
    "meter": "meter", "meters": "meter", "metre": "meter", "metres": "meter", "m": "meter",
    "cm": "centimeter", "centimeter": "centimeter", "centimeters": "centimeter",
    "centimetres": "centimeter", "mm": "millimeter", "millimeters": "millimeter",
    "foot": "foot", "feet": "foot", "ft": "foot", "inch": "inch", "inches": "inch",
    "yard": "yard", "yards": "yard", "acre": "acre", "acres": "acre",
    "gram": "gram", "grams": "gram", "g": "gram", "kg": "kilogram", "kilogram": "kilogram",
    "kilograms": "kilogram", "kilo": "kilogram", "kilos": "kilogram", "mg": "milligram",
    "pound": "pound", "pounds": "pound", "lb": "pound", "lbs": "pound", "ounce": "ounce",
    "ounces": "ounce", "oz": "ounce", "ton": "ton", "tons": "ton",
    "liter": "liter", "liters": "liter", "litre": "liter", "litres": "liter", "ml": "milliliter",
    "milliliters": "milliliter", "gallon": "gallon", "gallons": "gallon", "quart": "quart",
    "quarts": "quart", "pint": "pint", "pints": "pint", "cup": "cup", "cups": "cup",
    "tablespoon": "tablespoon", "tablespoons": "tablespoon", "teaspoon": "teaspoon",
    "teaspoons": "teaspoon", "degree": "degree", "degrees": "degree", "mph": "mile/hour",
    "mb": "megabyte", "megabyte": "megabyte", "megabytes": "megabyte", "gb": "gigabyte",
    "gigabytes": "gigabyte", "calorie": "calorie", "calories": "calorie",
}  # fmt: skip
ABBREVIATIONS = {
    "km": "kilometers", "m": "meters", "cm": "centimeters", "mm": "millimeters", "ft": "feet",
    "g": "grams", "kg": "kilograms", "mg": "milligrams", "lb": "pounds", "lbs": "pounds",
    "oz": "ounces", "ml": "milliliters", "hr": "hours", "hrs": "hours", "min": "minutes",
    "mins": "minutes", "sec": "seconds", "secs": "seconds", "mph": "miles_per_hour",
    "mb": "megabytes", "gb": "gigabytes",
}  # fmt: skip
#: Units of time that "a" and "an" make a rate of: "dollars an hour".
TIMES = word_set(
    "second minute hour day night morning evening afternoon week weekend weekday month year "
    "semester season quarter shift lesson trip game"
)
#: What holds or measures something else, so that "of what" belongs to its name.
MEASURES = word_set(
    "packs pack packages package boxes box bags bag cups cup slices slice bottles bottle pieces "
    "piece pounds pound kilograms ounces grams liters gallons cans can jars jar bunches sets set "
    "rows row sheets sheet gallon pints quarts tablespoons teaspoons loads load cartons carton "
    "types kinds cases crates bowls glasses tons bars rolls pairs number amount"
)
_IRREGULAR_PLURALS = word_set(
    "people children men women feet geese mice teeth sheep fish deer dice police cattle yen"
)
_NOT_PLURAL = word_set(
    "less pass glass class gas bus plus this is has was his its as us yes across grass dress "
    "address business mass loss boss cross press princess bonus minus series previous various "
    "always perhaps news tennis chess bass express total process always besides whereas thus "
    "others sales delicious gross"
)
#: Function words and comparisons; `STOP` adds the common verbs.
_FUNCTION_WORDS = word_set(
    """
    a an the this that these those some any no each every all both either neither another such its
    his her their our my your whose which what who whom he she it they we i you him them us me
    himself herself itself themselves one ones other others
    of in on at by for to from with without into onto over under between among through during
    before after until till since within against about above below up down out off around as than
    like per via toward towards upon across along behind beside near plus minus times
    and or but nor so yet if then because while when where whereas although though unless once
    how why not only also too very just still already again there here now today tomorrow
    yesterday ago later soon together apart altogether respectively instead however therefore
    thus hence currently originally actually really ever never always often usually
    next last finally
    more fewer less additional extra taller shorter older younger faster slower bigger smaller
    larger longer heavier lighter higher lower greater cheaper wider deeper tall old wide high deep
    per cent well such much many few several lot lots rest else left
    """
)
_VERBS = word_set(
    """
    is are was were be been being am has have had having do does did done doing can could will
    would shall should may might must isn't aren't don't doesn't didn't
    get gets got getting give gives gave given giving take takes took taken taking make makes made
    making use uses used using need needs needed want wants wanted buy buys bought buying sell
    sells sold selling eat eats ate eaten eating go goes went gone going come comes came coming
    leave leaves pay pays paid paying earn earns earned earning spend spends spent
    spending cost costs costing keep keeps kept put puts putting lose loses lost find finds found
    bring brings brought say says said tell tells told know knows knew think thinks thought see
    sees saw run runs ran walk walks walked drive drives drove work works worked read reads
    receive receives received collect collects collected bake bakes baked
    baking cook cooks cooked drink drinks drank fill fills filled hold holds held add adds added
    start starts started begin begins began finish finishes finished weigh weighs weighed plant
    plants planted pick picks picked send sends sent throw throws threw write writes wrote wrote
    produce produces produced contain contains contained include includes included require requires
    required equal equals equaled gain gains gained save saves saved live lives lived play plays
    played grow grows grew become becomes became show shows showed attend attends attended decide
    decides decided order orders ordered visit visits visited travel travels traveled travelled
    share shares shared split splits divide divides divided multiply multiplied subtract subtracted
    increase increases increased decrease decreases decreased reach reaches reached return returns
    returned let lets solve calculate
    """
)
#: Words before a noun that no name needs.
PASSED_OVER = word_set(
    "large small big little long short tiny huge equal equally exactly first second third whole "
    "full total same different regular average own"
)
#: Words that end a noun phrase.
STOP = _FUNCTION_WORDS | _VERBS
VERB_FORMS = word_set("left remaining")
CALENDAR = word_set(
    "january february march april may june july august september october november december monday "
    "tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays "
    "fridays saturdays sundays christmas easter halloween thanksgiving english french spanish "
    "german american"
)
_DANGLING = word_set("of per and the a in t")
_LEFTOVER = re.compile(r"[^A-Za-z]+")


def identifier(words: Iterable[str]) -> str:
    """A snake_case name of letters alone, at most `MAX_WORDS` words; empty if nothing is left."""
    parts: list[str] = []
    for word in words:
        for part in _LEFTOVER.split(word.lower().replace("'s", "").replace("’s", "")):
            known = len(part) > 1 or part == "t"
            if known and part not in parts[-1:] and part not in NUMBER_WORDS:
                parts.append(part)
    parts = parts[:MAX_WORDS]
    while parts and parts[-1] in _DANGLING:
        parts.pop()
    name = "_".join(parts)
    return f"{name}_value" if keyword.iskeyword(name) or keyword.issoftkeyword(name) else name


_NAME_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


def spoken(name: str) -> str:
    """An identifier as words: ``total_cost`` and ``totalCost`` are "total cost"."""
    found = _NAME_PART.findall(name)
    return " ".join(w if w.isupper() and len(w) > 1 else w.lower() for w in found) or name


def free_name(name: str, taken: set[str]) -> str:
    """``name``, with a number behind it where it is taken; then it is."""
    found, count = name, 2
    while found in taken:
        found, count = f"{name}_{count}", count + 1
    taken.add(found)
    return found


def plural(word: str) -> str:
    """The plural of a regular noun, and of the irregular units."""
    if is_plural(word):
        return word
    if word in ("foot", "inch", "box"):
        return {"foot": "feet", "inch": "inches", "box": "boxes"}[word]
    return f"{word}s"


def is_plural(word: str) -> bool:
    """Whether ``word`` looks like a noun in the plural."""
    word = word.lower()
    if word in _IRREGULAR_PLURALS:
        return True
    if word in _NOT_PLURAL or word.endswith(("ss", "us", "is", "'s", "’s")):
        return False
    return len(word) > 3 and word.endswith("s")


def is_currency(unit: str | None) -> bool:
    """Whether a ``unit`` is a currency, or that for each of something: "dollar/hour"."""
    return unit is not None and unit.partition("/")[0] in CURRENCIES


def is_money(unit: str | None) -> bool:
    """Whether a ``unit`` is a currency or a cent, or one of these for each of something."""
    return unit is not None and unit.partition("/")[0] in MONEY_UNITS


def singular(word: str) -> str:
    """The singular of a regular plural."""
    if not is_plural(word) or word in _IRREGULAR_PLURALS:
        return {"people": "person", "children": "child", "feet": "foot"}.get(word, word)
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    return word[:-1]


def listed(parts: Sequence[str], *, last: str = "and") -> str:
    """``a, b and c``, each once; ``last`` is the word before the last."""
    unique = list(dict.fromkeys(parts))
    if len(unique) < 2:
        return "".join(unique)
    return f"{', '.join(unique[:-1])} {last} {unique[-1]}"


# --- sentences and masking --------------------------------------------------------------------

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)]*\s+(?=[A-Z\"'“($\\*\d])|\n+")
_TITLE_END = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof|St|vs|No|Jr|Sr|approx|[A-Z])\.$")


#: "$3y + 6 = 12$" too, but not "from $5k to $8k".
_LATEX = re.compile(
    r"\\[A-Za-z(\[]|\$[^$\s]{1,40}\$(?!\d)"
    r"|\$(?:\d+[ac-jln-z]|[a-z])(?![A-Za-z])[^$\n]{0,60}\$(?!\d)"
)
_BARE_DOLLAR = re.compile(r"(?<!\\)\$")


def is_latex(text: str) -> bool:
    """Whether a dollar sign in ``text`` opens or closes a formula."""
    return _LATEX.search(text) is not None


def without_math_signs(text: str) -> str:
    """``text``, offsets as they were, with the dollar signs of LaTeX formulas blanked out, so
    that those left stand for money."""
    return _BARE_DOLLAR.sub(" ", text) if is_latex(text) else text


def sentences(text: str) -> list[tuple[int, int]]:
    """The sentences of ``text`` as ``[start, end)``, without the white space between them. A line
    break ends one; the dot of "Mr." does not."""
    found: list[tuple[int, int]] = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if "\n" not in match.group() and _TITLE_END.search(
            text, max(0, match.start() - 8), match.start()
        ):
            continue
        found.append((start, match.start()))
        start = match.end()
    found.append((start, len(text)))
    trimmed: list[tuple[int, int]] = []
    for left, right in found:
        piece = text[left:right]
        stripped = piece.strip()
        if stripped:
            left += len(piece) - len(piece.lstrip())
            trimmed.append((left, left + len(stripped)))
    return trimmed


_ASKING = re.compile(
    r"\b(?:how (?:many|much|long|far|old|tall|fast|often)|what|which|when|find|calculate|determine|"
    r"compute|evaluate|express)\b",
    re.IGNORECASE,
)


def final_question(problem: str) -> str:
    """The sentence in which a problem asks: its last question, else its last sentence that tells
    to find something, else its last."""
    pieces = [problem[start:end] for start, end in sentences(problem)]
    for piece in reversed(pieces):
        if piece.endswith("?"):
            return piece
    for piece in reversed(pieces):
        if _ASKING.search(piece):
            return piece
    return pieces[-1] if pieces else ""


_CAPITAL = re.compile(r"\b[A-Z][\w]*(?:[’'-][A-Z]\w*)*")
_TITLES = word_set("Mr Mrs Ms Miss Dr Prof Professor Uncle Aunt Grandma Grandpa Grandmother Mister")
_SPOKEN_I = word_set("I OK TV PM AM USA US UK DVD CD Celsius Fahrenheit Kelvin")
_NOT_NAMES = word_set(
    """
    It That Let There What He She Today Here Who Where Everyone Everybody Someone One Anyone How
    They We You This If So Now Then When After Before Each Every Since Because Together Total In On
    At By For To From With And Or But The A An As Of Once Another Both All During While Given
    Suppose Assume Find Calculate Determine Compute Evaluate Express Simplify Solve Which Does Did
    Do Is Are Was Were Has Have Will Would Can Could Should His Her Their Its My Your Our Not No
    Therefore Thus Hence Also Next First Second Third Last Finally Half Twice Some Many Most Please
    Answer Note Write Give Using Use Only Altogether Overall Later Yesterday Tomorrow Per Consider
    These Those Out Per Assuming Besides However Instead Until Unless Although Though Additionally
    """
)
_ROLES = ("someone", "another person", "a third person", "a fourth person", "somebody else")
#: What `mask` calls people and places after the first.
OTHER_ROLES = (*_ROLES[1:], "another place", "someone someone")
_ORDINAL_END = re.compile(r"(?:st|nd|rd|th)\b")
_SLOTS = "nmkpqrstuvwxyz"
_PLACE_BEFORE = re.compile(r"\b(?:in|at|near|into|visits?|visited)\s+$")


def proper_names(text: str) -> frozenset[str]:
    """The capitalised words of ``text`` that are names: those inside a sentence, and those that
    begin one and are possessive, come up inside another, or are no word of the text otherwise
    and come before a verb. Months, days and languages are none; a title In Which Words Are
    Capitalised names nobody."""
    inside: set[str] = set()
    opening: set[str] = set()
    lower = {match.group() for match in re.finditer(r"\b[a-z]+\b", text)}
    for start, end in sentences(text):
        if _is_title(text[start:end]):
            continue
        for match in _CAPITAL.finditer(text, start, end):
            word = match.group()
            if not _may_be_name(word):
                continue
            before = text[start : match.start()].strip(" \"'“‘(*_#-–—")
            if before and word in _NOT_NAMES:
                continue
            if before and not before.endswith((":", "?", "!", ".", "$", "\\")):
                inside.add(word)
                continue
            following = text[match.end() : match.end() + 14]
            possessive = following.startswith(("'s", "’s")) and word not in _NOT_NAMES
            if possessive or (word not in _NOT_NAMES and word.lower() not in lower):
                tokens = WORD.findall(following)
                if possessive or (tokens and _follows_name(word, tokens)):
                    opening.add(word)
    return frozenset(inside | opening)


_SMALL_IN_TITLES = word_set("from with into onto over that than when upon")
_LONG_WORD = re.compile(r"\b[A-Za-z]{4,}\b")


def is_title_case(text: str) -> bool:
    """Whether ``text`` Writes Its Long Words with Capitals, more than two in three of them."""
    long = [word for word in _LONG_WORD.findall(text) if word not in _SMALL_IN_TITLES]
    return 3 * len([word for word in long if word[0].isupper()]) > 2 * len(long)


def _is_title(line: str, least: int = 3) -> bool:
    is_open = line[-1:] not in (".", "?", "!")
    return is_open and len(_LONG_WORD.findall(line)) >= least and is_title_case(line)


#: Marks around the titles of a trace, and what stands before their words.
_TITLE_MARKS = re.compile(r"\*\*|__|\n|:\s|^\s*(?:#+|step\s+\w+[:.)]?|\d+[.)])\s+", re.I | re.M)


@lru_cache(maxsize=32)
def story_names(problem: str, trace: str) -> frozenset[str]:
    """The names of people and places in a problem, and those that only its trace has and never
    writes without a capital: a trace also capitalises what is no name. Cached, because every step
    of a trace asks for them."""
    known = proper_names(problem)
    pieces = (piece.strip() for piece in _TITLE_MARKS.split(trace))
    told = proper_names("\n".join(piece for piece in pieces if not _is_title(piece, least=1)))
    lower = set(re.findall(r"\b[a-z]+\b", f"{problem}\n{trace}"))
    return known | {name for name in told if name.lower() not in lower}


#: Names that look like a plural.
_NAMES_IN_S = word_set(
    "agnes alexis andres carlos charles chris curtis dennis dolores doris douglas frances francis "
    "gladys hans iris james jess jesus jules klaus lewis lois louis lucas luis marcus mavis miles "
    "nicholas phyllis ross silas thomas travis"
)
_PLURAL_VERBS = word_set("are were have do")
_PAST = re.compile(r"[a-z]{3,}ed$")


def _follows_name(word: str, tokens: Sequence[str]) -> bool:
    """Whether what comes after an opening word says that it names someone: a verb, or "and"
    before another capital. What "are" comes after is several things, and so is what ends in "s"
    before a verb in the past."""
    if word.endswith(("ing", "ly")) or word.lower() in NUMBER_WORDS:
        return False
    first = tokens[0]
    if first == "and" and len(tokens) > 1 and tokens[1][0].isupper():
        return True
    several = is_plural(word) and word.lower() not in _NAMES_IN_S
    if first.lower() in _PLURAL_VERBS or (several and not first.endswith("s")):
        return False
    if first.lower() in _VERBS or first[0].isupper():
        return True
    return _PAST.match(first) is not None


def _may_be_name(word: str) -> bool:
    if word in _SPOKEN_I or word.lower() in CALENDAR or word.lower() in UNITS:
        return False
    return len(word) > 1 or word not in ("A", "I")


def mask(text: str, problem: str = "", trace: str = "") -> str:
    """``text`` without an instance's own numbers and names: numbers become the letters n, m, ...,
    people roles ("someone"), names of something else generic words, or nothing where a noun comes
    after ("Granny Smith apples" are apples). The names of ``problem`` and ``trace``, which the
    text belongs to, are names in it too."""
    names = proper_names(text) | story_names(problem, trace)
    masked = _mask_names(_mask_numbers(text), names)
    masked = re.sub(r"\d+", "n", masked)
    masked = re.sub(r"\s+", " ", masked).strip(" *#-–:")
    return masked[:1].lower() + masked[1:] if masked[:2] != "I " else masked


def _mask_numbers(text: str) -> str:
    pieces: list[str] = []
    at, slots = 0, dict[object, str]()
    for numeral in find_numerals(text):
        if numeral.start < at or numeral.kind == "method":
            continue
        stated = text[numeral.start : numeral.end]
        if stated.lower() in ("one", "zero"):
            continue
        slot = slots.setdefault(numeral.value, _SLOTS[len(slots) % len(_SLOTS)])
        if numeral.kind == "percent":
            slot += "%"
        elif numeral.kind == "money":
            slot = stated[0] + slot  # with the sign that it has
        elif _ORDINAL_END.match(text, numeral.end):
            slot += "th"
        pieces += [text[at : numeral.start], slot]
        ordinal = _ORDINAL_END.match(text, numeral.end)
        at = ordinal.end() if ordinal else numeral.end
    pieces.append(text[at:])
    return "".join(pieces)


#: What bears the name of who found it, and no instance's.
_METHOD = re.compile(
    r"(?:['’]s?)?(?:[\s-]+\w+){0,3}?[\s-]+(?:theorems?|laws?|formulas?|lemmas?|effects?|inequalit\w+|"
    r"identit\w+|equations?|principles?|transform\w*|distributions?|algorithms?|constants?|"
    r"polynomials?|coordinates|criterion|hypothesis|conjecture|symbol|numerals?|matri\w+)\b",
    re.IGNORECASE,
)
#: After these a name is a kind of the noun that follows it.
_BEFORE_NOUN = re.compile(
    r"\b(?:of|on|for|in|with|from|per|at|the|a|an|each|every|all|these|some|any|[nmkpqrstuvwxyz])\s+$"
)
_NOUN_AFTER = re.compile(r"\s+([a-z]{3,})\b")
_VERB_END = re.compile(r"\w+(?:ed|ing|ly)$")
#: Before the letters of its corners.
_FIGURE_BEFORE = re.compile(
    r"\b(?:triangles?|squares?|rectangles?|segments?|lines?|angles?|arcs?|sides?|edges?|circles?|"
    r"points?|quadrilaterals?|parallelograms?|trapezoids?|polygons?|rays?|chords?|vector|plane)\s+$"
)


def _mask_names(text: str, names: frozenset[str]) -> str:
    if not names:
        return text
    roles: dict[str, str] = {}
    ordered = sorted(names | _TITLES, key=lambda name: (-len(name), name))
    alternatives = "|".join(re.escape(name) for name in ordered)
    one = rf"(?:{alternatives})(?!\w)"
    pattern = re.compile(rf"(?<!\w){one}(?:(?:\.?\s+|-){one})*")

    def role(match: re.Match[str]) -> str:
        first = match.group()
        if first in _TITLES and first not in names:
            return first
        if _METHOD.fullmatch(f" {first}"):
            return first.lower()
        if first.isupper() or _METHOD.match(text, match.end()):
            figure = _FIGURE_BEFORE.search(text, max(0, match.start() - 20), match.start())
            return "" if figure else first
        if _is_kind(text, match.start(), match.end()):
            return ""
        if _PLACE_BEFORE.search(text, max(0, match.start() - 12), match.start()):
            return roles.setdefault(
                first, "a place" if "a place" not in roles.values() else "another place"
            )
        people = [r for r in roles.values() if not r.endswith("place")]
        return roles.setdefault(first, _ROLES[min(len(set(people)), len(_ROLES) - 1)])

    return pattern.sub(role, text)


def _is_kind(text: str, start: int, end: int) -> bool:
    """Whether the name ``text[start:end]`` says of which kind the noun after it is."""
    after = _NOUN_AFTER.match(text, end)
    if after is None or after[1] in STOP or _VERB_END.match(after[1]):
        return False
    before = _BEFORE_NOUN.search(text, max(0, start - 12), start)
    # "The cost of Anjou pears" is of pears, "the city of Leeds plans" is of Leeds.
    return before is not None and (not before.group().startswith("of") or is_plural(after[1]))
