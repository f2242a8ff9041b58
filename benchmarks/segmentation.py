"""Where do the steps of a trace begin, and what does each answer?

    python -m benchmarks.segmentation [--data DIR] [--json] [--quick]

``DIR`` (default ``../shared/data`` beside the repository) holds the published files.

Boundaries. GSM8K's socratic test set writes each step as ``subquestion ** step``. The text is the
steps alone, without subquestions, calculator annotations and the last line ``#### N``, joined in
three ways: by a space (the main one: no line break gives a boundary away), by a space where a step
that ends without a mark gets a full stop, and by a line break. A boundary is the number of words
before it; F1 counts equal ones over all texts. WindowDiff (Pevzner and Hearst 2002) slides a window
of half the mean reference step over the words of each text, and is averaged over texts of at least
two steps; 0 is best.

Subquestions. For an even sample of StrategyQA: a row's trace is its facts joined by spaces, then
"So the answer is yes." (or no), its problem is the question; ``decomposition`` holds the labelled
subquestions, here without references such as ``#2``. For each of them, the best match among the
subquestions that were found: F1 of tokens (as SQuAD counts it), and cosine of the bundled
embedder. A splitter asks nothing, so its pieces stand for their subquestions. The teacher's own
subquestions carry no names or numbers, and labels do: they are measured as they are, and against
labels without names and numbers too.

Leaks. Of the spans that the rules teacher gives for an even sample of every file, the share whose
subquestion holds a number in digits, a number in words that the problem or the trace states of the
same thing ("sixteen eggs"), or a name that one of them has: a word with a capital inside a
sentence, also of a title, or one that the whole file writes so, and never without. The
measure shares nothing with the teacher's own rules. Subquestions that name a day or a month are
counted apart, and the share is given of the spans with code too, which alone reach a store.

The peers, in the same run: pieces of a fixed size (the mean words of a labelled step), sentences
by a regular expression, sentences by pysbd where it is installed, and paragraphs (lines).
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tracemine.schemas import Source, Span, Trajectory, content_id, problem_id
from tracemine.store.embedder import Embedder
from tracemine.teachers import make_teacher
from tracemine.teachers.rules.language.words import CALENDAR, mask
from tracemine.teachers.rules.written.steps import written_steps
from tracemine.transforms.formats import FORMATS, RowError, detect

#: Rows of each file whose spans are looked at for leaks, and with --quick.
LEAK_ROWS = 60
QUICK_ROWS = 10
#: StrategyQA rows, spread evenly: the embedder reads about twenty texts for each.
QUESTION_ROWS = 300
#: A match of at least this counts as found: half the tokens in common; and the cosine at which
#: two questions about the same thing in other words usually stand in the bundled embedder.
FOUND_F1 = 0.5
FOUND_COSINE = 0.6

Splitter = Callable[[str], list[str]]

_ANNOTATION = re.compile(r"<<[^<>\n]*>>")
_REFERENCE = re.compile(r"#\d+")
_TOKEN = re.compile(r"[a-z0-9]+")
_ARTICLES = frozenset(("a", "an", "the"))


# --- splitters --------------------------------------------------------------------------------


def fixed(size: int) -> Splitter:
    """Pieces of ``size`` words."""

    def split(text: str) -> list[str]:
        words = text.split()
        return [" ".join(words[at : at + size]) for at in range(0, len(words), size)]

    return split


def by_sentences(text: str) -> list[str]:
    """Pieces that end with ``. ! ?`` before white space, or with a line."""
    return [piece for piece in re.split(r"(?<=[.!?])\s+|\n+", text) if piece.strip()]


def by_pysbd() -> Splitter | None:
    """The rule-based sentence splitter pysbd, or None where it is not installed."""
    if importlib.util.find_spec("pysbd") is None:
        return None
    import pysbd

    segmenter = pysbd.Segmenter(language="en", clean=False)

    def split(text: str) -> list[str]:
        lines = text.split("\n")
        return [piece for line in lines for piece in segmenter.segment(line) if piece.strip()]

    return split


def by_paragraphs(text: str) -> list[str]:
    """Lines."""
    return [piece for piece in text.split("\n") if piece.strip()]


def peers(size: int) -> dict[str, Splitter]:
    """The splitters to stand beside, by name; ``size`` is in words."""
    found: dict[str, Splitter] = {f"fixed ({size} words)": fixed(size), "sentences": by_sentences}
    if (pysbd := by_pysbd()) is not None:
        found["sentences (pysbd)"] = pysbd
    return {**found, "paragraphs": by_paragraphs}


def by_rules(text: str) -> list[str]:
    """The steps of the rules teacher."""
    return [text[step.start : step.end] for step in written_steps(text)]


# --- measures ---------------------------------------------------------------------------------


def boundaries(pieces: Iterable[str]) -> list[int]:
    """Words before each boundary inside a text."""
    at, found = 0, []
    for piece in pieces:
        at += len(piece.split())
        found.append(at)
    return found[:-1]


def window_diff(reference: Sequence[int], found: Sequence[int], words: int, k: int) -> float:
    """The share of windows of ``k`` words in which the numbers of boundaries differ.

    ``reference`` and ``found`` are words before each boundary in a text of ``words`` words. As
    Pevzner and Hearst (2002) define it: of the ``words - k`` pairs of places ``k`` apart, those
    between which the two have different numbers of boundaries.
    """
    if words <= k:
        return float(set(reference) != set(found))
    expected = np.zeros(words, dtype=np.int64)
    given = np.zeros(words, dtype=np.int64)
    expected[[at for at in reference if 0 < at < words]] = 1
    given[[at for at in found if 0 < at < words]] = 1
    expected, given = np.cumsum(expected), np.cumsum(given)
    differ = (expected[k:] - expected[:-k]) != (given[k:] - given[:-k])
    return float(differ.mean())


def token_f1(left: str, right: str) -> float:
    """F1 of the tokens of two texts, as SQuAD's: lower case, no articles."""
    first, second = _tokens(left), _tokens(right)
    common = sum((first & second).values())
    if not common:
        return 0.0
    return 2 * common / (sum(first.values()) + sum(second.values()))


def _tokens(text: str) -> Counter[str]:
    return Counter(token for token in _TOKEN.findall(text.lower()) if token not in _ARTICLES)


# --- boundaries -------------------------------------------------------------------------------


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a JSONL file, plain or gzipped."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    for line in text.split("\n"):
        if line.strip():
            yield json.loads(line)


def labelled_steps(answer: str) -> list[str]:
    """The steps of a socratic answer, without their subquestions and annotations."""
    lines = [line for line in answer.split("\n") if not line.startswith("####")]
    steps = [line.partition(" ** ")[2] if "** " in f"{line} " else line for line in lines]
    return [" ".join(_ANNOTATION.sub("", step).split()) for step in steps if step.strip()]


def punctuated(step: str) -> str:
    """A step with a full stop where it ends without a mark."""
    return step if step.endswith((".", "!", "?")) else f"{step}."


JOINERS: dict[str, Callable[[list[str]], str]] = {
    "one paragraph": " ".join,
    "one paragraph, full stops added": lambda steps: " ".join(map(punctuated, steps)),
    "lines kept": "\n".join,
}


def measure_boundaries(documents: Sequence[list[str]]) -> dict[str, dict[str, dict[str, float]]]:
    """Boundary precision, recall, F1, and WindowDiff, of every splitter on every way to join."""
    lengths = [len(step.split()) for steps in documents for step in steps]
    mean = sum(lengths) / len(lengths)
    splitters = {"rules": by_rules, **peers(round(mean))}
    found: dict[str, dict[str, dict[str, float]]] = {}
    for joined, join in JOINERS.items():
        found[joined] = {}
        for name, split in splitters.items():
            found[joined][name] = _score(documents, join, split, max(1, round(mean / 2)))
    return found


def _score(
    documents: Sequence[list[str]], join: Callable[[list[str]], str], split: Splitter, k: int
) -> dict[str, float]:
    hits = given = expected = 0
    windows: list[float] = []
    seconds = 0.0
    for steps in documents:
        text = join(steps)
        begun = time.perf_counter()
        pieces = split(text)
        seconds += time.perf_counter() - begun
        words = len(text.split())
        if sum(len(piece.split()) for piece in pieces) != words:
            raise ValueError(f"a splitter lost words of {text!r}")
        reference, answer = boundaries(steps), boundaries(pieces)
        hits += len(set(reference) & set(answer))
        given += len(answer)
        expected += len(reference)
        if reference:
            windows.append(window_diff(reference, answer, words, k))
    precision = hits / given if given else 0.0
    recall = hits / expected if expected else 0.0
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    return {
        "precision": precision, "recall": recall, "f1": f1,
        "window_diff": sum(windows) / len(windows), "texts_per_second": len(documents) / seconds,
    }  # fmt: skip


# --- subquestions -----------------------------------------------------------------------------


def strategy_trace(row: dict[str, Any]) -> str:
    """A StrategyQA row's facts as one paragraph that ends with its answer."""
    facts = [punctuated(" ".join(fact.split())) for fact in row["facts"] if fact.strip()]
    return " ".join([*facts, f"So the answer is {'yes' if row['answer'] else 'no'}."])


def measure_subquestions(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """How well labelled subquestions are found, for every splitter and the teacher's own."""
    traces = [strategy_trace(row) for row in rows]
    wanted = [
        [" ".join(_REFERENCE.sub("", question).split()) for question in row["decomposition"]]
        for row in rows
    ]
    words = [len(fact.split()) for row in rows for fact in row["facts"]]
    size = max(1, round(sum(words) / len(words)))
    splitters = peers(size)
    splitters["rules, steps as they stand"] = by_rules
    given = {name: [split(trace) for trace in traces] for name, split in splitters.items()}
    given["rules"] = [
        [span.subquestion for span in _spans(_strategy_trajectory(row, trace))]
        for row, trace in zip(rows, traces, strict=True)
    ]
    embedder = Embedder.load()
    measured = {name: _recall(wanted, found, embedder) for name, found in given.items()}
    masked = [
        [mask(question, row["question"]) for question in questions]
        for row, questions in zip(rows, wanted, strict=True)
    ]
    measured["rules, labels masked"] = _recall(masked, given["rules"], embedder)
    return measured


def _strategy_trajectory(row: dict[str, Any], trace: str) -> Trajectory:
    return Trajectory(
        id=content_id("trajectory", row["question"], trace), problem_id=problem_id(row["question"]),
        problem=row["question"], trace=trace, answer=None, reference=None, domain="other",
        sources=(Source("strategyqa", 0),),
    )  # fmt: skip


def _spans(trajectory: Trajectory) -> tuple[Span, ...]:
    return make_teacher("rules").segment(trajectory).spans


def _recall(
    wanted: Sequence[list[str]], given: Sequence[list[str]], embedder: Embedder
) -> dict[str, float]:
    texts = sorted({text for group in (*wanted, *given) for text in group})
    row = {text: index for index, text in enumerate(texts)}
    vectors = embedder.encode(texts)
    overlaps: list[float] = []
    cosines: list[float] = []
    for questions, answers in zip(wanted, given, strict=True):
        for question in questions:
            overlaps.append(max((token_f1(question, answer) for answer in answers), default=0.0))
            near = vectors[[row[answer] for answer in answers]] @ vectors[row[question]]
            cosines.append(float(near.max()) if len(answers) else 0.0)
    return {
        "token_f1": float(np.mean(overlaps)),
        "token_recall": float(np.mean([value >= FOUND_F1 for value in overlaps])),
        "cosine": float(np.mean(cosines)),
        "cosine_recall": float(np.mean([value >= FOUND_COSINE for value in cosines])),
        "asked": len(overlaps),
        "given": sum(map(len, given)),
    }


# --- leaks and speed --------------------------------------------------------------------------

#: What a question or a task opens with, also after a formula, where no full stop shows it.
_OPENERS = frozenset(
    (
        "how",
        "what",
        "find",
        "determine",
        "compute",
        "answer",
        "which",
        "when",
        "given",
        "let",
        "the",
    )
)
_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*")
# fmt: off
_SMALL_NUMBERS = (
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
    "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred", "thousand",
    "million",
)
# fmt: on
_VALUES = dict(
    zip(_SMALL_NUMBERS, [*range(2, 20), *range(20, 100, 10), 100, 1000, 10**6], strict=True)
)
_NUMBER_WORD = re.compile(rf"\b({'|'.join(_SMALL_NUMBERS)})\b[\s-]+([a-z]+)", re.IGNORECASE)
#: Words between a number and what is counted ("3 brown eggs").
_BETWEEN = 2
#: The marks that make a line a title, and its number.
_MARKS = re.compile(r"^[\s#>*_\-•]*(?:step\s+\w{1,3}\s*[:.)\-]*|\d+[.)])?[\s*_]*", re.IGNORECASE)
_WORDS = re.compile(r"[A-Za-z]+")
_SENTENCE = re.compile(r"(?<=[.!?:])[\"'”’)*_]*\s+|\n+")
#: A name's share, at the least, of a word's uses in a file.
_MOSTLY = 0.98


def capitalised_words(text: str) -> Iterator[tuple[str, bool]]:
    """Every word of ``text``, and whether it has a capital that neither a sentence nor a title
    explains: it opens neither, and is not in a line that capitalises most of its words."""
    for sentence in _SENTENCE.split(text):
        found = _WORDS.findall(_MARKS.sub("", sentence, count=1))
        long = [word for word in found if len(word) > 4]
        capitals = sum(word[0].isupper() for word in long)
        ends = sentence.rstrip("*_ ").endswith((".", "!", "?", ","))
        title = capitals == len(long) if not ends else capitals > max(2, 0.7 * len(long))
        for at, word in enumerate(found):
            yield word, at > 0 and not title and len(word) > 2 and word.istitle()


def names_of_file(texts: Iterable[str]) -> frozenset[str]:
    """The words, in lower case, that a file's texts write with a capital inside sentences, and
    hardly ever without one."""
    capital: Counter[str] = Counter()
    small: Counter[str] = Counter()
    for text in texts:
        for word, is_name in capitalised_words(text):
            if is_name:
                capital[word.lower()] += 1
            elif word.islower():
                small[word] += 1
    return frozenset(
        word
        for word, count in capital.items()
        if count > 1 and count >= _MOSTLY * (count + small[word])
    )


def given_away(span: Span, trajectory: Trajectory, of_file: frozenset[str] = frozenset()) -> str:
    """What a span's subquestion gives away of its instance, or nothing: a number in digits, one in
    words that the problem or the trace says of the same thing, or a name (see the module); names
    that only the file shows are ``of_file``.

    Deliberately blunter than the teacher's own idea of numbers and names, so that it can find its
    misses. Where tests are given, the task is no instance, and its number words are the method's.
    """
    number = _NUMBER.search(span.subquestion)
    if number:
        return number.group()
    text = f"{trajectory.problem}\n{trajectory.trace}"
    if not trajectory.tests:
        for match in _NUMBER_WORD.finditer(span.subquestion):
            if _is_counted(match[1].lower(), match[2].lower(), text):
                return match[1].lower()
    words = list(capitalised_words(text))
    written = {word.lower() for word, _ in words if word[0].isupper()}
    names = {word.lower() for word, is_name in words if is_name}
    names -= {word for word, _ in words if word.islower()} | _OPENERS
    names |= of_file & written
    return next((word for word in _TOKEN.findall(span.subquestion.lower()) if word in names), "")


def _is_counted(number: str, noun: str, text: str) -> bool:
    """Whether ``text`` has the number, in words or digits, shortly before the noun."""
    stem = re.escape(noun.removesuffix("s"))
    digits = f"{_VALUES[number]:,}"
    forms = f"{number}|{digits}|{digits.replace(',', '')}"
    between = rf"(?:[\s-]+[A-Za-z]+){{0,{_BETWEEN}}}?"
    pattern = rf"(?<![\w.,/]) ?\$?(?:{forms}){between}[\s-]+{stem}"
    return re.search(pattern, text, re.IGNORECASE) is not None


def sample_rows(count: int, rows: int) -> list[int]:
    """``rows`` places spread evenly over ``count``."""
    step = max(1.0, count / rows)
    return sorted({int(at * step) for at in range(min(rows, count))})


def measure_spans(data: Path, rows: int) -> dict[str, dict[str, Any]]:
    """For every file in a known format: trajectories a second, spans by kind, and leaks."""
    teacher = make_teacher("rules")
    found: dict[str, dict[str, Any]] = {}
    for path in sorted([*data.glob("*.jsonl"), *data.glob("*.jsonl.gz")]):
        every = list(read_rows(path))
        name = detect(every[:20])
        if name is None:
            continue
        read = {row: _read(name, path, row, every[row]) for row in sample_rows(len(every), rows)}
        of_file = names_of_file(f"{t.problem}\n{t.trace}" for group in read.values() for t in group)
        kinds: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        leaking: list[tuple[str, str, bool]] = []
        coded = 0
        trajectories, calendar, seconds = 0, 0, 0.0
        for trajectory in (trajectory for group in read.values() for trajectory in group):
            begun = time.perf_counter()
            segmentation = teacher.segment(trajectory)
            seconds += time.perf_counter() - begun
            trajectories += 1
            kinds.update(span.kind for span in segmentation.spans)
            reasons.update(dropped.reason for dropped in segmentation.dropped)
            for span in segmentation.spans:
                coded += span.code is not None
                leak = given_away(span, trajectory, of_file)
                if leak in CALENDAR:
                    calendar += 1
                elif leak:
                    leaking.append((leak, span.subquestion, span.code is not None))
        spans = sum(kinds.values())
        found[path.name] = {
            "format": name, "trajectories": trajectories, "per_second": trajectories / seconds,
            "spans": spans, "kinds": dict(sorted(kinds.items())),
            "dropped": dict(reasons.most_common()), "leaking": len(leaking), "calendar": calendar,
            "leak_share": len(leaking) / spans if spans else 0.0, "with_code": coded,
            "leaking_with_code": sum(has_code for *_, has_code in leaking), "leaks": leaking,
        }  # fmt: skip
    return found


def _read(name: str, path: Path, row: int, content: dict[str, Any]) -> list[Trajectory]:
    """A row's trajectories; none where its format does not take it."""
    try:
        return list(FORMATS[name].adapt(content, Source(path.name, row)))
    except RowError:
        return []


# --- the whole --------------------------------------------------------------------------------

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


def main() -> None:
    """Measure all three, print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="fewer rows, under a minute")
    arguments = parser.parse_args()
    if not (arguments.data / "gsm8k_test_socratic.jsonl").exists():
        print(f"no gsm8k_test_socratic.jsonl in {arguments.data}: give --data", file=sys.stderr)
        sys.exit(2)
    documents = [
        labelled_steps(row["answer"])
        for row in read_rows(arguments.data / "gsm8k_test_socratic.jsonl")
    ]
    questions = list(read_rows(arguments.data / "strategyqa.jsonl.gz"))
    wanted = QUICK_ROWS if arguments.quick else QUESTION_ROWS
    questions = [questions[row] for row in sample_rows(len(questions), wanted)]
    measured = {
        "boundaries": measure_boundaries(documents),
        "subquestions": measure_subquestions(questions),
        "spans": measure_spans(arguments.data, QUICK_ROWS if arguments.quick else LEAK_ROWS),
    }
    spans = sum(found["spans"] for found in measured["spans"].values())
    leaking = sum(found["leaking"] for found in measured["spans"].values())
    measured["leak_share"] = leaking / spans if spans else 0.0
    coded = sum(found["with_code"] for found in measured["spans"].values())
    leaking = sum(found["leaking_with_code"] for found in measured["spans"].values())
    measured["leak_share_with_code"] = leaking / coded if coded else 0.0
    print(json.dumps(measured) if arguments.json else rendered(measured))


def rendered(measured: dict[str, Any]) -> str:
    """What was measured, as text."""
    lines: list[str] = []
    for joined, splitters in measured["boundaries"].items():
        lines.append(f"GSM8K socratic, {joined}")
        for name, score in splitters.items():
            lines.append(
                f"  {name:28} F1 {score['f1']:.3f} (precision {score['precision']:.3f}, recall "
                f"{score['recall']:.3f})  WindowDiff {score['window_diff']:.3f}  "
                f"{score['texts_per_second']:.0f} texts/s"
            )
    lines.append("StrategyQA subquestions")
    for name, score in measured["subquestions"].items():
        lines.append(
            f"  {name:28} token F1 {score['token_f1']:.3f} (found {score['token_recall']:.3f})  "
            f"cosine {score['cosine']:.3f} (found {score['cosine_recall']:.3f})  "
            f"{score['given']} given for {score['asked']}"
        )
    lines.append("Spans")
    for name, found in measured["spans"].items():
        lines.append(
            f"  {name:36} {found['per_second']:7.1f} trajectories/s  {found['spans']:6} spans  "
            f"{found['leaking']} leak ({found['leak_share']:.2%}), {found['calendar']} name a day"
        )
    lines.append(
        f"leaks over all files: {measured['leak_share']:.2%} of the spans, "
        f"{measured['leak_share_with_code']:.2%} of those with code"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
