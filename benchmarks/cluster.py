"""Do candidate groups hold what belongs together, and what do they cost?

    python -m benchmarks.cluster [--data DIR] [--quick] [--json] [--sizes N ...]

``DIR`` (default ``../shared/data`` beside the repository) holds the published files.

Proposals. Spans of an even sample of every file, as the rules teacher cuts and routes them, with
pairs planted among them that ask the same at five strengths (`benchmarks.planted`). Their shape is
made as every span's. A group proposes all pairs of its spans; recall is the share of planted pairs
proposed. The peers propose the same number of pairs, their best: datatrove's MinHash (its default
permutations; pairs with the most equal hashes first; 2 words to a shingle as well as its own 5, the
better one counts) and the recipe of SemDeDup (k-means, within a cluster pairs by cosine, highest
first). Each peer works on the texts as they are written, and once more on our shapes and their
vectors. Synonyms that are chosen here may be those that the shapes fold: where WordNet is installed
its synonyms are planted, too (`benchmarks.thesaurus`), many of them wrong in the field.

Joined. Spans, and planted ones with decoys, go on through replay: `benchmarks.joined`.

Neighbours. Vectors between real ones of a class, with noise: of the ten nearest of each within its
class by exact search, the share that is in one key with it, and in one group at the end.

Cost. Seconds and peak memory over such vectors, 384 components, each size in a process of its own.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import thesaurus
from benchmarks.joined import measure_joined
from benchmarks.planted import STRENGTHS, Strength
from benchmarks.segmentation import read_rows, sample_rows
from tracemine.schemas import Parameter, Signature, Source, content_id
from tracemine.store.cells import on_grid
from tracemine.store.embedder import Embedder, to_grid
from tracemine.teachers import make_teacher
from tracemine.transforms.candidates import candidate_groups, keyed, trained
from tracemine.transforms.cluster import compatibility_class
from tracemine.transforms.formats import FORMATS, RowError, detect
from tracemine.transforms.partition import BOUNDS
from tracemine.transforms.segment import Proposal, route, segment
from tracemine.transforms.shape import shape_of, wording_of
from tracemine.verifiers import shared_sandbox

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
#: Rows of each file, and with --quick.
ROWS, QUICK_ROWS = 150, 12
#: Planted pairs of each strength, and with --quick.
PLANTED, QUICK_PLANTED = 150, 30
#: Rows of each file whose spans are replayed, and routines planted at each strength.
JOINED_ROWS, QUICK_JOINED_ROWS = 40, 3
JOINED_PLANTED, QUICK_JOINED_PLANTED = 30, 3
SIZES, QUICK_SIZES = (10_000, 100_000), (2_000, 8_000)
NEIGHBOUR_ROWS, QUICK_NEIGHBOUR_ROWS = 50_000, 6_000
NEIGHBOURS = 10
#: Noise beside a unit vector, in lengths: none, a cosine of 0.99, of 0.95.
NOISE = (0.0, 0.15, 0.33)
#: Vectors that stand for one way to ask, on average.
WORDINGS = 10
#: The vectors of the point of rank r, from 0, are in proportion to 1 / (r + this): of a thousand
#: points the commonest has 1.3%, as the commonest text has of real spans.
COMMONEST = 20
SHINGLES = (2, 5)
#: SemDeDup's clusters hold so many on average in its own experiments, at 44,000 clusters.
SEMDEDUP_CLUSTER = 1000
SEED = 7

Vectors = npt.NDArray[np.float32]
Pairs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Asked:
    """A subquestion in the pool, with the class and signature that its span has; ``text`` as it is
    written, ``shape`` as the line clusters it."""

    id: str
    compatible: str
    signature: Signature
    text: str

    @property
    def shape(self) -> str:
        domain = self.compatible.partition(":")[0]
        return shape_of(self.text, self.signature, domain) or wording_of(self.text)


def real_proposals(data: Path, rows: int) -> Iterator[Proposal]:
    """The routed spans of an even sample of every file."""
    teacher = make_teacher("rules")
    for path in sorted([*data.glob("*.jsonl"), *data.glob("*.jsonl.gz")]):
        every = list(read_rows(path))
        name = detect(every[:20])
        if name is None:
            continue
        for row in sample_rows(len(every), rows):
            try:
                read = list(FORMATS[name].adapt(every[row], Source(path.name, row)))
            except RowError:
                continue
            for trajectory in read:
                for output, proposal in segment(trajectory, teacher):
                    if output == "proposals":
                        routed = dict(route(proposal))
                        if "proposals" in routed:
                            yield routed["proposals"]


def real_subquestions(data: Path, rows: int) -> list[Asked]:
    """What the spans of an even sample of every file ask, duplicates of a text and class once in a
    problem."""
    found: dict[str, Asked] = {}
    for proposal in real_proposals(data, rows):
        span = proposal.span
        name, text = compatibility_class(span), span.subquestion
        key = content_id(span.problem_id, name, text)
        found[key] = Asked(key, name, span.signature, text)
    return [found[key] for key in sorted(found)]


def plant(
    pool: Sequence[Asked], each: int, strengths: Mapping[str, Strength] = STRENGTHS
) -> tuple[list[Asked], dict[str, list[tuple[int, int]]]]:
    """``pool`` with planted pairs behind it, and the rows of each pair by strength."""
    draw = random.Random(SEED)
    rows = list(pool)
    planted: dict[str, list[tuple[int, int]]] = {}
    distinct = sorted({(a.text, a.compatible): a for a in pool}.values(), key=lambda a: a.id)
    for strength, rewrite in strengths.items():
        pairs = planted[strength] = []
        for source in draw.sample(distinct, len(distinct)):
            written = rewrite(source.text, draw)
            if written is None or written[0] == written[1]:
                continue
            for number, (text, words) in enumerate(written):
                key = content_id("planted", strength, source.id, number)
                signature = renamed(source.signature, words)
                rows.append(Asked(key, source.compatible, signature, text))
            pairs.append((len(rows) - 2, len(rows) - 1))
            if len(pairs) == each:
                break
    return rows, planted


def renamed(signature: Signature, words: Mapping[str, str]) -> Signature:
    """``signature`` with other words in its names."""

    def other(parameter: Parameter) -> Parameter:
        name = "_".join(words.get(word, word) for word in parameter.name.split("_"))
        return dataclasses.replace(parameter, name=name.replace(" ", "_"))

    inputs = tuple(map(other, signature.inputs))
    return dataclasses.replace(signature, inputs=inputs, output=other(signature.output))


def grouped(rows: Sequence[Asked], vectors: Vectors) -> list[list[int]]:
    """The candidate groups of all classes, as row numbers."""
    classes: dict[str, list[int]] = defaultdict(list)
    for row, asked in enumerate(rows):
        classes[asked.compatible].append(row)
    return [
        [members[row] for row in group]
        for name, members in sorted(classes.items())
        for group in candidate_groups(name, [rows[m].id for m in members], vectors[members])
    ]


def proposed_by_groups(groups: Sequence[Sequence[int]], count: int) -> tuple[int, Pairs]:
    """How many pairs groups propose, and the group of each row."""
    group_of = np.empty(count, dtype=np.int64)
    for number, group in enumerate(groups):
        group_of[list(group)] = number
    return sum(len(g) * (len(g) - 1) // 2 for g in groups), group_of


def best_pairs(scores: Iterator[tuple[Pairs, Pairs, Vectors]], count: int) -> set[tuple[int, int]]:
    """The ``count`` pairs that score highest, of blocks of (low, high, score)."""
    low, high, score = (np.concatenate(part) for part in zip(*scores, strict=True))
    order = np.lexsort((high, low, -score))[:count]
    return set(zip(low[order].tolist(), high[order].tolist(), strict=True))


def semdedup(vectors: Vectors, count: int) -> set[tuple[int, int]]:
    """SemDeDup (arXiv 2303.09540): spherical k-means, then pairs within a cluster by cosine."""
    import faiss

    clusters = max(1, len(vectors) // SEMDEDUP_CLUSTER)
    kmeans = faiss.Kmeans(vectors.shape[1], clusters, niter=20, seed=SEED, spherical=True)
    kmeans.train(vectors)
    nearest = np.asarray(kmeans.index.search(vectors, 1)[1])[:, 0]

    def blocks() -> Iterator[tuple[Pairs, Pairs, Vectors]]:
        for cluster in range(clusters):
            members = np.flatnonzero(nearest == cluster)
            low, high = np.triu_indices(len(members), 1)
            cosines = vectors[members] @ vectors[members].T
            yield members[low], members[high], cosines[low, high]

    return best_pairs(blocks(), count)


def minhash(texts: Sequence[str], words: int, count: int) -> set[tuple[int, int]]:
    """datatrove's MinHash: pairs by equal hashes of its signatures (14 buckets of 8)."""
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
    from datatrove.utils.hashing import HashConfig

    # Its xxhash is not fit for xxhash 4; which hash it is does not matter here.
    config = MinhashConfig(n_grams=words, hash_config=HashConfig(hash_fc="sha1"))
    with tempfile.TemporaryDirectory() as folder:
        step = MinhashDedupSignature(folder, config)
        signatures = []
        for text in texts:
            shingles = step.get_shingles(text)
            found = step.get_signature(shingles) if len(shingles) else [[]]
            signatures.append([value for bucket in found for value in bucket])
    full = [row for row, signature in enumerate(signatures) if signature]
    hashes = np.array([signatures[row] for row in full], dtype=np.uint64)
    names = np.array(full, dtype=np.int64)

    def blocks() -> Iterator[tuple[Pairs, Pairs, Vectors]]:
        for row in range(len(full) - 1):
            equal = (hashes[row + 1 :] == hashes[row]).sum(axis=1)
            others = np.flatnonzero(equal)
            low = np.full(len(others), names[row])
            yield low, names[row + 1 + others], equal[others].astype(np.float32)

    return best_pairs(blocks(), count)


def measure_proposals(data: Path, rows: int, each: int, wordnet: Path) -> dict[str, Any]:
    """Recall by strength at an equal number of pairs: ours, and the peers on two kinds of text.
    ``all`` is of the five strengths; a dictionary's synonyms stand beside them."""
    strengths = dict(STRENGTHS)
    if wordnet.is_dir():
        strengths["thesaurus"] = thesaurus.strength(wordnet)
    pool, planted = plant(real_subquestions(data, rows), each, strengths)
    five = [pair for strength in STRENGTHS for pair in planted[strength]]
    embedder = Embedder.load()
    written, shapes = [a.text for a in pool], [a.shape for a in pool]
    raw, ours = embedder.encode(written), embedder.encode(shapes)
    groups = grouped(pool, ours)
    count, group_of = proposed_by_groups(groups, len(pool))

    def recall(together: Any) -> dict[str, float]:
        found = {
            strength: sum(map(together, pairs)) / max(1, len(pairs))
            for strength, pairs in planted.items()
        }
        return {**found, "all": sum(map(together, five)) / max(1, len(five))}

    def of_peer(proposed: set[tuple[int, int]]) -> dict[str, float]:
        return recall(lambda pair: pair in proposed)

    def best_minhash(texts: Sequence[str]) -> dict[str, float]:
        found = [of_peer(minhash(texts, words, count)) for words in SHINGLES]
        return max(found, key=lambda shares: shares["all"])

    differing = [pair for pair in five if shapes[pair[0]] != shapes[pair[1]]]
    found = sum(group_of[one] == group_of[other] for one, other in differing)
    return {
        "rows": len(pool),
        "differing_shapes": {
            "pairs": len(differing),
            "recall": int(found) / max(1, len(differing)),
        },
        "classes": len({a.compatible for a in pool}),
        "planted": {strength: len(pairs) for strength, pairs in planted.items()},
        "groups": len(groups),
        "largest": max(map(len, groups)),
        "pairs": count,
        "share_of_all_pairs": count / math.comb(len(pool), 2),
        "recall": {
            "groups": recall(lambda pair: group_of[pair[0]] == group_of[pair[1]]),
            "MinHash": best_minhash(written),
            "SemDeDup": of_peer(semdedup(raw, count)),
            "MinHash, our shapes": best_minhash(shapes),
            "SemDeDup, our shapes": of_peer(semdedup(ours, count)),
        },
    }


# --- many vectors ---------------------------------------------------------------------------------


def many_vectors(base: dict[str, Vectors], count: int) -> Iterator[tuple[str, list[str], Vectors]]:
    """``count`` vectors in classes as large, in proportion, as those of ``base``: each stands near
    a point between two vectors of its class; some points have many."""
    generator = np.random.default_rng(SEED)
    total = sum(map(len, base.values()))
    for name, real in sorted(base.items()):
        size = round(count * len(real) / total)
        if not size:
            continue
        points = max(1, size // WORDINGS)
        first, second = (real[generator.integers(len(real), size=points)] for _ in range(2))
        weight = generator.random((points, 1), dtype=np.float32)
        near = weight * first + (1 - weight) * second
        near /= np.linalg.norm(near, axis=1, keepdims=True)
        shares = 1.0 / (np.arange(points) + COMMONEST)
        chosen = generator.choice(points, size=size, p=shares / shares.sum())
        vectors = np.empty((size, real.shape[1]), dtype=np.float32)
        for start in range(0, size, 10_000):
            part = near[chosen[start : start + 10_000]]
            noise = generator.normal(size=part.shape).astype(np.float32)
            noise *= generator.choice(NOISE, size=(len(part), 1)) / part.shape[1] ** 0.5
            part = part + noise
            vectors[start : start + 10_000] = to_grid(
                part / np.linalg.norm(part, axis=1, keepdims=True)
            )
        yield name, [content_id(name, row) for row in range(size)], vectors


def measure_neighbours(base: dict[str, Vectors], count: int) -> dict[str, Any]:
    """The share of exact neighbours that keys and groups bring together."""
    import faiss

    wanted, in_key, in_group, rows_seen = 0, 0, 0, 0
    for name, ids, vectors in many_vectors(base, count):
        rows_seen += len(ids)
        if len(ids) <= NEIGHBOURS:
            continue
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(vectors)
        nearest = np.asarray(index.search(vectors, NEIGHBOURS + 1)[1])
        group_of = np.empty(len(ids), dtype=np.int64)
        for number, group in enumerate(candidate_groups(name, ids, vectors)):
            group_of[group] = number
        keys: list[set[int]] = [set() for _ in ids]
        if len(ids) <= BOUNDS.rows:
            keys = [{0} for _ in ids]
        else:
            grid = on_grid(vectors)
            cells = trained(ids, grid)
            for number, (_, rows) in enumerate(keyed(name, ids, grid, cells)):
                for row in rows:
                    keys[row].add(number)
        for row, others in enumerate(nearest.tolist()):
            for other in [o for o in others if o != row][:NEIGHBOURS]:
                wanted += 1
                in_key += not keys[row].isdisjoint(keys[other])
                in_group += bool(group_of[row] == group_of[other])
    return {
        "rows": rows_seen,
        "neighbours": NEIGHBOURS,
        "in_one_key": in_key / wanted,
        "in_one_group": in_group / wanted,
    }


def measure_cost(base: dict[str, Vectors], count: int) -> dict[str, Any]:
    """Seconds for the groups of ``count`` vectors, and the most memory that this process had."""
    seconds, sizes = 0.0, Counter[int]()
    # What a first call loads is no part of the cost.
    candidate_groups("first", [str(row) for row in range(64)], np.eye(64, dtype=np.float32))
    rows = 0
    processor = 0.0
    for name, ids, vectors in many_vectors(base, count):
        begun, used = time.perf_counter(), time.process_time()
        groups = candidate_groups(name, ids, vectors)
        seconds += time.perf_counter() - begun
        processor += time.process_time() - used
        rows += len(ids)
        sizes.update(map(len, groups))
    return {
        "rows": rows,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(processor, 2),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "groups": sum(sizes.values()),
        "largest": max(sizes),
    }


def growth(runs: Sequence[dict[str, Any]]) -> float:
    """The exponent of CPU seconds in rows, between the smallest run and the largest."""
    first, last = runs[0], runs[-1]
    times = last["cpu_seconds"] / max(first["cpu_seconds"], 0.01)
    return math.log(times) / math.log(last["rows"] / first["rows"])


def real_vectors(data: Path, rows: int) -> dict[str, Vectors]:
    """The vectors of real spans by class."""
    pool = real_subquestions(data, rows)
    vectors = Embedder.load().encode([a.shape for a in pool])
    classes: dict[str, list[int]] = defaultdict(list)
    for row, asked in enumerate(pool):
        classes[asked.compatible].append(row)
    return {name: vectors[members] for name, members in classes.items()}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of published files")
    parser.add_argument("--quick", action="store_true", help="fewer rows")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--rows", type=int, help="rows of each file")
    parser.add_argument("--sizes", type=int, nargs="*", help="numbers of vectors")
    parser.add_argument(
        "--only", choices=("proposals", "joined", "neighbours", "cost"), help="one table"
    )
    parser.add_argument(
        "--wordnet", type=Path, default=thesaurus.FOLDER, help="WordNet's files, if there are any"
    )
    parser.add_argument("--cost-of", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--base", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.cost_of:
        with np.load(arguments.base) as kept:
            base = {name: kept[name] for name in kept.files}
        print(json.dumps(measure_cost(base, arguments.cost_of)))
        return
    if arguments.only in (None, "proposals") and find_spec("datatrove") is None:
        parser.error("no datatrove to compare with: pip install -e '.[peers]', or give --only")
    if not arguments.data.is_dir():
        parser.error(f"no data at {arguments.data}: give --data")
    report = _measure(arguments)
    if arguments.json:
        print(json.dumps(report))
    else:
        _print(report)


def _measure(arguments: argparse.Namespace) -> dict[str, Any]:
    quick, only = arguments.quick, arguments.only
    rows = arguments.rows or (QUICK_ROWS if quick else ROWS)
    report: dict[str, Any] = {}
    if only in (None, "proposals"):
        each = QUICK_PLANTED if quick else PLANTED
        report["proposals"] = measure_proposals(arguments.data, rows, each, arguments.wordnet)
    if only in (None, "joined"):
        share = QUICK_JOINED_ROWS if quick else JOINED_ROWS
        each = QUICK_JOINED_PLANTED if quick else JOINED_PLANTED
        pool = list(real_proposals(arguments.data, arguments.rows or share))
        report["joined"] = measure_joined(pool, each, shared_sandbox())
    if only in ("proposals", "joined"):
        return report
    base = real_vectors(arguments.data, min(rows, ROWS // 3))
    if only in (None, "neighbours"):
        count = QUICK_NEIGHBOUR_ROWS if quick else NEIGHBOUR_ROWS
        report["neighbours"] = measure_neighbours(base, count)
    if only in (None, "cost"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "base.npz"
            np.savez(path, **base)
            runs = []
            for size in arguments.sizes or (QUICK_SIZES if quick else SIZES):
                command = [sys.executable, "-m", "benchmarks.cluster", "--cost-of", str(size)]
                done = subprocess.run(
                    [*command, "--base", str(path)], check=True, capture_output=True, text=True
                )
                runs.append(json.loads(done.stdout))
        report["cost"] = {"runs": runs}
        if len(runs) > 1:
            report["cost"]["growth"] = round(growth(runs), 3)
    return report


def _print(report: dict[str, Any]) -> None:
    if "proposals" in report:
        found = report["proposals"]
        print(
            f"{found['rows']} subquestions in {found['classes']} classes, {found['groups']} groups "
            f"(largest {found['largest']}), {found['pairs']} pairs proposed"
        )
        differing = found["differing_shapes"]
        print(
            f"of {differing['pairs']} planted pairs whose shapes differ {differing['recall']:.3f}"
        )
        names = [*STRENGTHS, "all", *(found["planted"].keys() - STRENGTHS.keys())]
        print(f"{'recall':<22}" + "".join(f"{name:>12}" for name in names))
        for arm, shares in found["recall"].items():
            print(f"{arm:<22}" + "".join(f"{shares[name]:>12.3f}" for name in names))
    if "joined" in report:
        found = report["joined"]
        print(
            f"{found['spans']} spans and {found['planted']} planted ones, replayed: of all pairs "
            f"in one procedure {found['precision']:.4f} are the same, of those whose code differs "
            f"in more than names {found['precision_differing']:.4f} "
            f"({found['pairs']}, {found['served']} procedures served)"
        )
        for name in ("same", "decoys"):
            planted = found[name]
            print(
                f"planted, {name}: {planted['pairs']} pairs, {planted['proposed']:.3f} in one "
                f"group, {planted['joined']:.3f} in one procedure"
            )
        for pair in found["wrong"]:
            print(f"wrongly joined:\n{pair['one']}\nand\n{pair['other']}")
    if "neighbours" in report:
        found = report["neighbours"]
        print(
            f"of the {found['neighbours']} nearest of {found['rows']} rows: in one key "
            f"{found['in_one_key']:.3f}, in one group {found['in_one_group']:.3f}"
        )
    if "cost" in report:
        print(f"{'vectors':>10} {'seconds':>9} {'CPU s':>9} {'peak GiB':>9} {'groups':>9}")
        for run in report["cost"]["runs"]:
            print(
                f"{run['rows']:>10} {run['seconds']:>9} {run['cpu_seconds']:>9} "
                f"{run['peak_gib']:>9} {run['groups']:>9}"
            )
        if "growth" in report["cost"]:
            print(f"growth exponent {report['cost']['growth']}")


if __name__ == "__main__":
    main()
