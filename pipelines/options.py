"""What `mine` and `evaluate` are asked to do, checked when it is said and not when it runs."""

from __future__ import annotations

import dataclasses
import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tracemine.data import sample_files
from tracemine.store.errors import RequestError
from tracemine.teachers.model.settings import Settings
from tracemine.transforms.licences import canonical

#: The halves of the held-out problems, by hash; see `evaluation.selection.split_of`.
Split = Literal["dev", "final", "all"]
SPLITS: tuple[Split, ...] = ("dev", "final", "all")

#: What a teacher that is a model may be asked for besides cutting traces.
ALSO = ("normalise", "replay", "judge")

#: Shards of each table where nobody says how many: enough for a few workers, few enough that a
#: small store is a few files; and one for each so many bytes of input, since a shard's rows are
#: sorted in memory.
DEFAULT_SHARDS, SHARD_BYTES = 4, 2 << 20
MAX_SHARDS = 99_999
#: Bytes of input from which on a table may have about a million entries, so that its index is
#: filled in parts: published data has an entry for each 200 bytes or more, compressed as it lies.
LARGE_INPUT = 128 << 20
#: Worker processes of a local run: more than any machine has CPUs is a slip of the finger.
MAX_WORKERS = 1024


@dataclass(frozen=True, slots=True)
class AskingOptions:
    """How a teacher that is a model is asked.

    Attributes:
        settings: what is asked, and how many requests are under way at once in a process.
        cache: folder or fsspec URL of the responses; None for ``cache/teacher`` in the store.
        max_requests, max_tokens, max_cost: what the run may send, in requests, in tokens of prompts
            and answers together, and in dollars; None for no limit.
        prices: a TOML file of prices that come before ours.
        vllm_args: arguments for vLLM, as one would type them, where the model is served here.
        also: what the model is asked for besides cutting traces, of `ALSO`; kept in that order.

    Raises:
        RequestError: if a value is not of its kind.
    """

    settings: Settings = field(default_factory=Settings)
    cache: str | None = None
    max_requests: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None
    prices: str | None = None
    vllm_args: str = ""
    also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.also:
            if name not in ALSO:
                raise RequestError(f"--also takes some of {', '.join(ALSO)}, not {name!r}")
        object.__setattr__(self, "also", tuple(name for name in ALSO if name in self.also))
        if "judge" in self.also and "replay" not in self.also:
            raise RequestError("--also judge judges what a model replays: give --also replay,judge")
        for name in ("max_requests", "max_tokens", "max_cost"):
            most = getattr(self, name)
            if most is not None and not (most >= 0 and math.isfinite(most)):
                flag = name.replace("_", "-")
                raise RequestError(f"--{flag} must be a number that is not negative, not {most}")
        for name in ("cache", "prices"):
            text = getattr(self, name)
            if text is not None and not text.strip():
                raise RequestError(f"--{name} must not be empty")


@dataclass(frozen=True, slots=True)
class MineOptions:
    """A request to mine ``inputs`` into a new store at ``store``.

    Attributes:
        inputs: paths, globs, fsspec URLs or ``hf:NAME[@REV][:SPLIT]``; those of the bundled sample
            if ``sample``.
        store: folder or fsspec URL of the store.
        format: name of an adapter, or ``auto``: told from a file's fields.
        columns: what the ``generic`` format reads from where, e.g. ``{"problem": "question"}``.
        teacher: ``rules``, ``vllm:MODEL`` or ``openai:URL#MODEL``.
        embedder: a sentence-transformers name or path; None for the bundled one.
        trust_remote_code: let the embedder run code of its own.
        as_of: the time that the store states, ISO 8601 (UTC where it names no zone); None for now.
        sample: mine the bundled sample.
        licences: SPDX names; if not empty, only sources under one of them are read.
        holdout: share of problems, in [0, 1), left out for evaluation.
        known: folder or fsspec URL of another store; spans that it knows are left out.
        shards: files of each table, on which no row depends; None for what suits the input.
        index: a factory string of FAISS, the kind of all indexes; None for what suits their size.
        require_isolation: refuse to run where untrusted code has no namespaces, here and in every
            worker.
        workers: processes of a local run; None for as many as `runner.workers_for` finds fit.
        asking: what a teacher that is a model may spend, and how it is asked.
        beam_args: arguments for Beam, e.g. ``("--runner=SparkRunner",)``.
        progress: show it on standard error.

    Raises:
        RequestError: if a value is not of its kind.
    """

    inputs: tuple[str, ...]
    store: str
    format: str = "auto"
    columns: Mapping[str, str] = field(default_factory=dict)
    teacher: str = "rules"
    embedder: str | None = None
    trust_remote_code: bool = False
    as_of: str | None = None
    sample: bool = False
    licences: tuple[str, ...] = ()
    holdout: float = 0.0
    known: str | None = None
    shards: int | None = None
    index: str | None = None
    require_isolation: bool = False
    workers: int | None = None
    asking: AskingOptions = field(default_factory=AskingOptions)
    beam_args: tuple[str, ...] = ()
    progress: bool = True

    def __post_init__(self) -> None:
        if self.sample:
            if self.inputs:
                raise RequestError("give --input or --sample, not both")
            object.__setattr__(self, "inputs", tuple(sample_files()))
        if not self.inputs:
            raise RequestError("nothing to mine: give --input PATH, or --sample")
        for name in ("store", "format", "teacher", *(("embedder",) if self.embedder else ())):
            if not str(getattr(self, name)).strip():
                raise RequestError(f"--{name} must not be empty")
        if any(not text.strip() for text in self.inputs):
            raise RequestError("--input must not be empty")
        if self.known is not None and not self.known.strip():
            raise RequestError("--known must not be empty")
        object.__setattr__(self, "licences", tuple(sorted(set(map(canonical, self.licences)))))
        if not 0 <= self.holdout < 1:
            raise RequestError(f"--holdout must be at least 0 and below 1, not {self.holdout}")
        if self.shards is not None and not 1 <= self.shards <= MAX_SHARDS:
            raise RequestError(f"--shards must be from 1 to {MAX_SHARDS}, not {self.shards}")
        if self.index is not None and self.embedder is None:
            object.__setattr__(self, "index", parse_index(self.index))
        _check_workers(self.workers)
        if self.as_of is not None:
            object.__setattr__(self, "as_of", parse_time(self.as_of))


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """A request to evaluate the store at ``store`` with held-out trajectories.

    Attributes:
        heldout: as `MineOptions.inputs`.
        store, format, columns, teacher, trust_remote_code, require_isolation, workers, beam_args:
            as for `MineOptions`.
        holdout: take the share of problems that `mine --holdout` left out; 0 takes all.
        split: ``dev`` to tune on, ``final`` to report, ``all`` for both halves.
        questions: ask at most so many, of problems whole, in order of hash (so that fewer may be
            asked); None for all.
        growth: also measure what the store is worth after 10%, 20% ... of its trajectories.

    Raises:
        RequestError: if a value is not of its kind.
    """

    store: str
    heldout: tuple[str, ...]
    format: str = "auto"
    columns: Mapping[str, str] = field(default_factory=dict)
    teacher: str = "rules"
    trust_remote_code: bool = False
    holdout: float = 0.0
    split: Split = "dev"
    questions: int | None = None
    growth: bool = True
    require_isolation: bool = False
    workers: int | None = None
    beam_args: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.heldout:
            raise RequestError("nothing to ask: give --heldout PATH")
        for name in ("store", "format", "teacher"):
            if not str(getattr(self, name)).strip():
                raise RequestError(f"--{name} must not be empty")
        if any(not text.strip() for text in self.heldout):
            raise RequestError("--heldout must not be empty")
        if not 0 <= self.holdout < 1:
            raise RequestError(f"--holdout must be at least 0 and below 1, not {self.holdout}")
        _check_workers(self.workers)
        if self.questions is not None and self.questions < 1:
            raise RequestError(f"--questions must be at least 1, not {self.questions}")


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """A request for the report of the store at ``store``, in the folder or fsspec URL ``out``;
    ``evaluation`` is a file that ``evaluate --json`` wrote.

    Raises:
        RequestError: if a value is not of its kind.
    """

    store: str
    out: str
    evaluation: str | None = None

    def __post_init__(self) -> None:
        for name in ("store", "out", *(("evaluation",) if self.evaluation is not None else ())):
            if not str(getattr(self, name)).strip():
                raise RequestError(f"--{name} must not be empty")
        if _one_place(self.out) == _one_place(self.store):
            raise RequestError(f"--out {self.out} is the store: give another folder")


def _one_place(folder: str) -> str:
    """A folder's or URL's one name."""
    return folder.rstrip("/") if "://" in folder else str(Path(folder).resolve())


def _check_workers(workers: int | None) -> None:
    if workers is not None and not 1 <= workers <= MAX_WORKERS:
        raise RequestError(f"--workers must be from 1 to {MAX_WORKERS}, not {workers}")


def parse_index(kind: str, components: int | None = None) -> str:
    """A factory string of FAISS as manifests have it; for vectors of so many ``components``, those
    of the bundled embedder if not said.

    Raises:
        RequestError: if FAISS makes no such index, or none that a store can use.
    """
    # Whoever names no kind waits for no FAISS.
    from tracemine.store.index import COMPONENTS
    from tracemine.store.index_kinds import check_kind

    try:
        return check_kind(kind, components or COMPONENTS)
    except ValueError as error:
        raise RequestError(f"--index: {error}") from error


def parse_split(text: str) -> Split:
    """The half of the held-out problems that ``text`` names.

    Raises:
        RequestError: if it names none.
    """
    for split in SPLITS:
        if text == split:
            return split
    raise RequestError(f"--split is one of {', '.join(SPLITS)}, not {text!r}")


def parse_columns(texts: Sequence[str]) -> dict[str, str]:
    """``["problem=question,trace=cot"]`` as a mapping.

    Raises:
        RequestError: if a text is not of that form, or names a field twice.
    """
    found: dict[str, str] = {}
    for pair in (pair for text in texts for pair in text.split(",")):
        name, equals, column = (part.strip() for part in pair.partition("="))
        if not (name and equals and column):
            raise RequestError(f"--columns takes FIELD=COLUMN,..., not {pair!r}")
        if name in found:
            raise RequestError(f"--columns names {name} twice")
        found[name] = column
    return found


def parse_settings(texts: Sequence[str], *, concurrency: int | None = None) -> Settings:
    """``["window_chars=8000,attempts=3"]`` as settings; ``concurrency``
    has a flag of its own.

    Raises:
        RequestError: if a text is not of that form, or a value is not one that a setting can have.
    """
    kinds = {setting.name: setting.type for setting in dataclasses.fields(Settings)}
    del kinds["concurrency"]
    found: dict[str, Any] = {} if concurrency is None else {"concurrency": concurrency}
    for pair in (pair for text in texts for pair in text.split(",")):
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or name not in kinds:
            raise RequestError(
                f"--teacher-settings takes NAME=NUMBER,... with names of {', '.join(kinds)}, "
                f"not {pair!r}"
            )
        if name in found:
            raise RequestError(f"--teacher-settings names {name} twice")
        try:
            found[name] = float(value) if kinds[name] == "float" else int(value)
        except ValueError as error:
            raise RequestError(
                f"--teacher-settings {name} takes a number, not {value!r}"
            ) from error
    try:
        return Settings(**found)
    except ValueError as error:
        flag = "" if str(error).startswith("concurrency") else "teacher-settings: "
        raise RequestError(f"--{flag}{error}") from error


def parse_also(texts: Sequence[str]) -> tuple[str, ...]:
    """``["normalise,replay"]`` as names; whether there are such is for `AskingOptions` to say.

    Raises:
        RequestError: if a text names none.
    """
    for text in texts:
        if not text.replace(",", " ").strip():
            raise RequestError("--also must not be empty")
    return tuple(name.strip() for text in texts for name in text.split(",") if name.strip())


def parse_licences(texts: Sequence[str]) -> tuple[str, ...]:
    """SPDX names in their canonical form, each text one or several with commas, sorted.

    Raises:
        RequestError: if a text names none.
    """
    for text in texts:
        if not text.replace(",", " ").strip():
            raise RequestError("--licences must not be empty")
    names = (name for text in texts for name in text.split(",") if name.strip())
    return tuple(sorted({canonical(name) for name in names}))


def now() -> str:
    """The time, as snapshots state it."""
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0).isoformat()


def parse_time(text: str) -> str:
    """An ISO 8601 time in UTC, to the second; one without a zone is taken as UTC.

    Raises:
        RequestError: if ``text`` is none.
    """
    try:
        time = datetime.datetime.fromisoformat(text.strip())
        if time.tzinfo is None:
            time = time.replace(tzinfo=datetime.UTC)
        return time.astimezone(datetime.UTC).replace(microsecond=0).isoformat()
    except (ValueError, OverflowError) as error:
        raise RequestError(
            f"--as-of takes an ISO 8601 time such as 2025-06-30T12:00:00Z, not {text!r}"
        ) from error
