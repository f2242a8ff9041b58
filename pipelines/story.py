"""An entry's whole story as a person reads it: on one screen, or with nothing cut.

What it asks and takes, when it holds and fails; its status and how it came to it; each variant
with its code and what replays say of it; the quotes that it rests on. A typical entry takes 45
lines of 80 columns at most. What is left out of a list is counted, what is left out of a text shows
as ``…``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from tracemine.pipelines.rendering import counted, line, printable, signature_text
from tracemine.schemas import Procedure, Provenance, ToolPointer
from tracemine.schemas.records import VERDICTS, Event
from tracemine.store import Entry, Snapshot
from tracemine.store.reader import Evidence
from tracemine.store.requests import SERVED

#: The flag that shows what is cut.
FLAG = "--all"

#: Columns of text: lines that are longer read badly. A terminal may have fewer.
MAX_WIDTH, MIN_WIDTH = 100, 40
#: Columns of the labels on the left, and of what stands before code.
LABEL, CODE_INDENT = 14, 4

#: What one screen shows of each list.
MAX_FAILURES = 3
MAX_EVENTS = 3
MAX_VARIANTS = 2
MAX_NAMED_VARIANTS = 5
MAX_PASSES = 2
MAX_REASONS = 2
MAX_QUESTIONS = 3
MAX_SOURCES = 3
MAX_QUOTES = 2
#: Lines of all code on a screen, and of one variant's at least.
CODE_LINES, LEAST_CODE_LINES = 14, 3
#: Lines of one text, and of one quote or call.
TEXT_LINES, QUOTE_LINES = 3, 2
#: Characters that may stand in one column: white space is folded, marks take no room.
_CHARS_A_COLUMN = 8
#: Columns of one value, and of the id of what is not asked for here.
VALUE_CHARS, ID_CHARS = 48, 12
#: Digits that name an entry in a line about another: `show` takes as many.
SHORT_ID = 8


@dataclass
class _Page:
    """Where an entry is printed, and whether nothing is cut; ``shortened``: some text has been."""

    console: Console
    every: bool
    shortened: bool = False

    @property
    def width(self) -> int:
        return max(MIN_WIDTH, min(MAX_WIDTH, self.console.width))

    def line(self, text: str = "", style: str | None = None) -> None:
        line(self.console, text, style)

    def say(self, label: str, text: str, *, most: int = TEXT_LINES) -> None:
        """``text`` folded beside its label, ``most`` lines of it."""
        self._folded(label.ljust(LABEL), text, most)

    def below(self, text: str, *, most: int = TEXT_LINES) -> None:
        """``text`` folded where what stands beside a label does."""
        self._folded(" " * LABEL, text, most)

    def title(self, text: str) -> None:
        for part in self._fold(text, self.width, TEXT_LINES):
            self.line(part, style="bold")

    def each(self, label: str, texts: Iterable[str], most: int) -> None:
        """Each of ``texts`` folded below the other, ``most`` of them."""
        every = list(texts)
        for number, text in enumerate(every[: self.most(every, most)]):
            self.say("" if number else label, text, most=QUOTE_LINES)
        self.more(every, most)

    def code(self, text: str, most: int) -> None:
        """Lines as they are, ``most`` of them."""
        lines = text.strip("\n").expandtabs(4).splitlines()
        wide = self.width - CODE_INDENT
        for one in lines[: self.most(lines, most)]:
            self.line((" " * CODE_INDENT + self.cut(one.rstrip(), wide)).rstrip())
        self.more(lines, most, "line", indent=CODE_INDENT)

    def most(self, things: Sequence[Any], most: int) -> int:
        """How many of ``things`` are shown: one more takes no more room than saying so."""
        return len(things) if self.every or len(things) <= most + 1 else most

    def more(
        self, things: Sequence[Any], most: int, thing: str = "", *, indent: int = LABEL
    ) -> None:
        """How many of ``things`` are not shown, if any."""
        left = len(things) - self.most(things, most)
        if left > 0:
            named = f"{left:,} more {thing}{'s' if thing and left > 1 else ''}".rstrip()
            self.line(f"{' ' * indent}and {named}: {FLAG}")

    def cut(self, text: str, most: int) -> str:
        """``most`` columns of ``text``."""
        if self.every or cell_len(text) <= most:
            return text
        self.shortened = True
        return set_cell_size(text, most - 1) + "…"

    def end(self) -> None:
        if self.shortened:
            self.line(f"… marks what is cut short: {FLAG} shows the whole")

    def _folded(self, before: str, text: str, most: int) -> None:
        for part in self._fold(text, self.width - LABEL, most):
            self.line(before + part)
            before = " " * LABEL

    def _fold(self, text: str, width: int, most: int) -> list[str]:
        if not self.every:  # To fold a long text takes its time.
            text = text[: width * (most + 1) * _CHARS_A_COLUMN]
        whole = Text(" ".join(printable(text).split()))
        parts = [part.plain.rstrip() for part in whole.wrap(self.console, width)]
        if self.every or len(parts) <= most:
            return parts
        self.shortened = True
        last = parts[most - 1]
        if cell_len(last) > width - 2:
            short = set_cell_size(last, width - 2)
            last = short.rpartition(" ")[0] or short
        return [*parts[: most - 1], f"{last} …"]


def print_entry(console: Console, entry: Entry, snapshot: Snapshot, *, every: bool = False) -> None:
    """Print an entry of ``snapshot`` on one screen, or with ``every`` the whole of it."""
    page = _Page(console, every)
    procedure, pointer = entry.procedure, entry.pointer
    page.title(procedure.subquestion)
    page.line(f"{procedure.procedure_id}  {'tool' if pointer else 'procedure'}  {procedure.domain}")
    page.line()
    _what_it_does(page, procedure, pointer)
    page.line()
    _status(page, procedure, snapshot, entry.events)
    _events(page, entry.events, procedure.procedure_id, snapshot)
    _variants(page, procedure, entry.evidence)
    page.line()
    if pointer:
        _handed_off(page, pointer)
    _provenance(page, procedure.provenance, pointer)
    page.end()


def _what_it_does(page: _Page, procedure: Procedure, pointer: ToolPointer | None) -> None:
    if pointer:
        page.say("calls", f"{pointer.tool}: {pointer.call}")
    page.say("signature", signature_text(procedure.signature))
    page.say("summary", procedure.summary)
    page.say("needs", "; ".join(procedure.preconditions) or "nothing")
    page.each("fails", procedure.failure_modes, MAX_FAILURES)
    page.say("verifier", f"{procedure.verifier}; cut by {procedure.teacher}")


def _status(page: _Page, procedure: Procedure, snapshot: Snapshot, events: Sequence[Event]) -> None:
    problems = procedure.distinct_problems
    right = (
        f"passes on {counted(problems, 'distinct problem')}, right in {procedure.success_rate:.0%}"
        if problems
        else "shown on no other problem yet"
    )
    page.say("status", f"{procedure.status}; {right}")
    verified, expires = procedure.last_verified, procedure.expires_at
    was = any(e.procedure_id == procedure.procedure_id and e.to_status in SERVED for e in events)
    unverified = "no longer verified, " if was else "never verified, "
    page.below(
        (f"last verified {_time(verified)}, " if verified else unverified)
        + (f"expires {_time(expires)}" if expires else "does not expire")
    )
    if procedure.libraries:
        named = ", ".join(f"{one.name} {one.version}".rstrip() for one in procedure.libraries)
        page.below(f"imports {named}")
    page.below(f"in snapshot {snapshot.number}, as of {_time(snapshot.manifest.get('as_of'))}")


def _events(page: _Page, events: Sequence[Event], own: str, snapshot: Snapshot) -> None:
    """The audit trail of the entry ``own`` and of those that went into it: the latest events, in
    the order they happened."""
    events = sorted(events, key=lambda event: event.at)
    earlier = len(events) - page.most(events, MAX_EVENTS)
    label = "events"
    if earlier:
        page.say(label, f"{earlier:,} earlier: {FLAG}")
        label = ""
    for event in events[earlier:]:
        rule = event.rule
        # A policy is known of the snapshot that is open, and of no earlier one.
        if event.at == snapshot.manifest.get("as_of"):
            value = snapshot.manifest["policy"]["values"].get(rule)
            rule += f" = {value}" if isinstance(value, (int, float)) else ""
        rule += f", snapshot {event.snapshot}" if event.snapshot else ""
        page.say(label, f"{_time(event.at)}  {_happened(event, own, rule)}")
        label = ""


def _happened(event: Event, own: str, rule: str) -> str:
    """An event in words, and whose it is where it is not the entry's own."""
    told = _object(event.evidence) or {}
    whose = "" if event.procedure_id == own else event.procedure_id[:SHORT_ID]
    if whose and event.to_status == "merged" and isinstance(told.get("into"), str):
        into = "this" if told["into"] == own else told["into"][:SHORT_ID]
        return f"{whose} was merged into {into} ({rule})"
    change = f"{event.from_status or 'new'} -> {event.to_status}"
    words = evidence_words(event.evidence)
    return f"{whose}{': ' if whose else ''}{change} ({rule}): {words}"


def _time(text: Any) -> str:
    """An ISO 8601 time, shorter where it is in UTC."""
    return str(text).removesuffix("+00:00") + "Z" * str(text).endswith("+00:00")


def evidence_words(text: str) -> str:
    """The evidence of an event in words: ``{"distinct_problems":2,"passed":3}`` is ``3 passed, on 2
    problems``. Other evidence is listed by name, and what is no JSON object as it is."""
    told = _object(text)
    if told is None:
        return text
    passed, problems = told.pop("passed", None), told.pop("distinct_problems", None)
    attempts, judged = told.pop("attempts", None), told.pop("judged_problems", None)
    words = _fallen_words(told)
    if passed is not None:
        of = "" if attempts is None else f" of {attempts}"
        words.append(f"{passed}{of} passed")
        attempts = None
    if problems is not None:
        words.append(f"on {problems} problem{'' if problems == 1 else 's'}")
    if judged is not None:
        words.append(f"{judged} of these by a model's judgement alone")
    if attempts is not None:
        told["attempts"] = attempts
    for name, value in told.items():
        texts = value if isinstance(value, list) and value else [value]
        plain = all(isinstance(one, str) for one in texts)
        shown = ", ".join(texts) if plain else _shown(value)
        words.append(f"{name.replace('_', ' ')}: {shown}")
    return ", ".join(words) or "no evidence"


def _fallen_words(told: dict[str, Any]) -> list[str]:
    """What an event says of calls that fail now and of libraries that changed, taken out of
    ``told``, if it is as `lifecycle.rules` writes it."""
    words = []
    count, first = told.get("failures"), told.get("first")
    if isinstance(count, int) and _all_have(first, "why"):
        why = dict.fromkeys(str(one["why"]) for one in first if one["why"])
        reasons = f": {'; '.join(why)}" if why else ""
        words.append(f"{counted(count, 'call')} that passed before, now failing{reasons}")
        del told["failures"], told["first"]
    changed = told.get("changed")
    if _all_have(changed, "library", "verified_with", "now"):
        words += [f"{c['library']} {c['verified_with']} is now {c['now']}" for c in changed]
        del told["changed"]
    return words


def _all_have(value: Any, *keys: str) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(value, list) and all(
        isinstance(one, dict) and one.keys() >= set(keys) for one in value
    )


# -- variants --------------------------------------------------------------------------------------


def _variants(page: _Page, procedure: Procedure, evidence: Sequence[Evidence]) -> None:
    variants = procedure.variants
    whole = page.most(variants, MAX_VARIANTS)
    brief = len(variants) > 1 and not page.every
    lines = max(LEAST_CODE_LINES, CODE_LINES // max(1, whole))
    named = variants[: page.most(variants, MAX_NAMED_VARIANTS)]
    for number, variant in enumerate(named, 1):
        if number == 1 or not brief:
            page.line()
        name = page.cut(variant.variant_id, ID_CHARS) if brief else variant.variant_id
        page.line(
            f"variant {number} of {len(variants)}"
            + (f" ({name})" if name != procedure.procedure_id else "")
            + f": {variant.passes} of {counted(variant.attempts, 'attempt')} passed, "
            f"{counted(variant.tokens, 'token')}",
            style="bold",
        )
        if number > whole:
            continue
        if variant.code:
            page.code(variant.code, lines)
        else:
            page.say("  in words", variant.subroutine, most=lines)
        if page.every and number > 1:  # In its own names; what all need is said above.
            page.say("  needs", "; ".join(variant.preconditions) or "nothing")
        order = [p.name for p in procedure.signature.inputs] if number == 1 else []
        own = [one for one in evidence if one.replay.variant_id == variant.variant_id]
        _replays(page, own, order, examples=number == 1 or not brief)
    if len(variants) > whole:
        page.line(f"code and replays of {len(variants) - whole:,} variants: {FLAG}")


def _replays(
    page: _Page, evidence: Sequence[Evidence], order: Sequence[str], *, examples: bool
) -> None:
    """Verdicts on one variant: how many, and with ``examples`` one or two of each, and what spoke
    against it."""
    counts = Counter(one.replay.verdict for one in evidence)
    by_verdict = ", ".join(f"{counts[name]} {name}" for name in VERDICTS if counts[name])
    problems = len({one.instance.problem_id for one in evidence})
    if evidence:
        page.say("  replays", f"{by_verdict}, on {counted(problems, 'problem')}")
    else:
        page.say("  replays", "none: no instance of another problem fits")
    for verdict in VERDICTS if examples else ():
        these = sorted(
            (one for one in evidence if one.replay.verdict == verdict),
            key=lambda one: (one.instance.origin, one.instance.id),
        )
        these = _of_many_problems(these)
        label, most = f"  {verdict}", MAX_PASSES if verdict == "pass" else 1
        for one in these if page.every else these[:most]:
            page.say(label, _call(page, one, order), most=QUOTE_LINES)
            label = ""
        if these and verdict != "pass" and not page.every:
            _reasons(page, these)


def _of_many_problems(evidence: Sequence[Evidence]) -> list[Evidence]:
    """The first of each problem, then the rest."""
    first = {one.instance.problem_id: one for one in reversed(evidence)}
    chosen = {id(one) for one in first.values()}
    return [
        *(one for one in evidence if id(one) in chosen),
        *(one for one in evidence if id(one) not in chosen),
    ]


def _reasons(page: _Page, evidence: Sequence[Evidence]) -> None:
    """Why these did not pass, the commonest reasons first."""
    reasons = Counter(one.replay.reason for one in evidence)
    ordered = sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    told = [f"{reason or 'no reason'} ({count:,})" for reason, count in ordered]
    shown = page.most(told, MAX_REASONS)
    rest = f"; and {len(told) - shown:,} more reasons: {FLAG}" if len(told) > shown else ""
    page.below("; ".join(told[:shown]) + rest)


def _call(page: _Page, one: Evidence, order: Sequence[str]) -> str:
    """A replay as a call: each parameter with its value and, where it has another name, the
    instance's key; and what the instance says comes of it."""
    replay, instance = one.replay, one.instance
    places, values = _object(replay.binding_map), _object(instance.bindings)
    if places is None or values is None:
        told = f"{replay.binding_map} of {instance.bindings}"
    else:
        names = [*(n for n in order if n in places), *(n for n in places if n not in order)]
        told = ", ".join(_argument(page, name, places[name], values) for name in names)
    gives = "gives" if replay.verdict == "pass" else "should give"
    told = f"{told or 'without arguments'} {gives} {page.cut(instance.result, VALUE_CHARS)}"
    where = f"{instance.origin} of problem {instance.problem_id}"
    return f"{told} ({where}; {replay.reason})" if page.every else told


def _argument(page: _Page, name: str, key: Any, values: Mapping[str, Any]) -> str:
    if isinstance(key, str) and key.startswith("="):
        return f"{name}={page.cut(key[1:], VALUE_CHARS)} (a constant)"
    if not isinstance(key, str) or key not in values:
        return f"{name}=? ({_shown(key)})"
    return f"{name}={page.cut(_shown(values[key]), VALUE_CHARS)}" + (
        "" if key == name else f" ({key})"
    )


# -- provenance ------------------------------------------------------------------------------------


def _handed_off(page: _Page, pointer: ToolPointer) -> None:
    """What a tool pointer stands for."""
    stands = f"{counted(pointer.spans, 'hand-off')} of {counted(pointer.problems, 'problem')}"
    page.say("stands for", f"{stands} ({', '.join(pointer.domains)}), which ask")
    asked = [f"{one.question} ({one.spans:,})" for one in pointer.questions]
    page.each("", asked, MAX_QUESTIONS)


def _provenance(page: _Page, provenance: Sequence[Provenance], pointer: ToolPointer | None) -> None:
    """Sources with their licences, and quotes of different trajectories."""
    if pointer:
        rests = [(one.source, one.licence, one.spans) for one in pointer.sources]
        total = f"{counted(pointer.spans, 'quote')}, {len(provenance):,} of them kept"
    else:
        counts = Counter((one.source, one.licence) for one in provenance)
        ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        rests = [(source, licence, count) for (source, licence), count in ordered]
        trajectories = len({one.trajectory_id for one in provenance})
        total = f"{counted(len(provenance), 'quote')} of {trajectories:,} " + (
            "trajectory" if trajectories == 1 else "trajectories"
        )
    named = [f"{n:,} from {source}, {terms or 'no licence stated'}" for source, terms, n in rests]
    shown = page.most(named, MAX_SOURCES)
    rest = f"; {len(named) - shown:,} more sources: {FLAG}" if len(named) > shown else ""
    page.say("provenance", f"{total}: {'; '.join(named[:shown])}{rest}", most=MAX_SOURCES + 1)
    first = {one.trajectory_id: one for one in reversed(provenance)}
    firsts = [one for one in provenance if first[one.trajectory_id] is one]
    quotes = [*firsts, *(one for one in provenance if first[one.trajectory_id] is not one)]
    for one in quotes[: page.most(quotes, MAX_QUOTES)]:
        page.say("  quote", f"“{one.quote.strip()}”", most=QUOTE_LINES)
        trajectory = page.cut(one.trajectory_id, ID_CHARS)
        page.below(f"{one.source}, trajectory {trajectory} [{one.start}:{one.end}]", most=1)
    page.more(quotes, MAX_QUOTES, "quote")


def _object(text: str) -> dict[str, Any] | None:
    """A JSON object; None for what is none."""
    try:
        value = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _shown(value: Any) -> str:
    """A value that JSON text had, as JSON text has it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


__all__ = ["FLAG", "evidence_words", "print_entry"]
