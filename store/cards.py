"""A card of each entry: what search filters by and shows, without code and evidence.

The cards of a table are columns (Arrow), in order of id. Those of a large table lie in the snapshot
as ``index/TABLE.cards``, which is mapped into memory where the store is local: opening it costs
nothing, and processes share it. Those of a small one are read from the table itself.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tracemine.schemas import Signature
from tracemine.schemas.types import is_subtype
from tracemine.store.errors import StoreError
from tracemine.store.index import Numbers, index_numbers
from tracemine.store.tables import open_whole

#: Entries of a table from which on its cards lie in a file.
CARDS_FROM = 50_000

_CODED = pa.dictionary(pa.int32(), pa.string())
_TEXTS = pa.large_list(pa.large_string())
#: ``shape``: the types and units of output and inputs, as JSON; ``domains`` with spaces between.
SCHEMA = pa.schema(
    [
        ("procedure_id", pa.large_string()), ("number", pa.int64()), ("status", _CODED),
        ("domain", _CODED), ("domains", _CODED), ("shape", _CODED), ("expires_at", _CODED),
        ("success_rate", pa.float64()), ("distinct_problems", pa.int32()), ("tokens", pa.int32()),
        ("signature", pa.large_string()), ("subquestion", pa.large_string()),
        ("summary", pa.large_string()), ("preconditions", _TEXTS), ("own_preconditions", _TEXTS),
        ("failure_modes", _TEXTS), ("tool", pa.large_string()),
    ]
)  # fmt: skip

#: Columns that search filters by and does not show.
_HIDDEN = frozenset({"number", "domains", "shape"})

Mask = npt.NDArray[np.bool_]
Row = dict[str, Any]


class Cards:
    """The cards of one table, one for each of its entries, in order of id."""

    def __init__(self, table: str, data: pa.Table) -> None:
        self.table = table
        self._data = data.combine_chunks()
        self._codes: dict[str, tuple[npt.NDArray[np.int32], list[str | None]]] = {}
        self._shown = {name: _one(self._data[name]) for name in SCHEMA.names if name not in _HIDDEN}
        self.numbers: Numbers = _numpy(self._data["number"])
        self.success_rates: npt.NDArray[np.float64] = _numpy(self._data["success_rate"])
        if len(self.numbers) > 1 and not (np.diff(self.numbers) > 0).all():
            raise StoreError(f"two entries of {table} share an id or a number: run tracemine fsck")

    def __len__(self) -> int:
        return len(self.numbers)

    def id(self, place: int) -> str:
        """The id of the entry at a place."""
        return str(self._shown["procedure_id"][place].as_py())

    @cached_property
    def ids(self) -> list[str]:
        """All ids, in order."""
        found: list[str] = self._data["procedure_id"].to_pylist()
        return found

    def beginning(self, prefix: str) -> list[str]:
        """The ids that begin with ``prefix``."""
        at = bisect_left(range(len(self)), prefix, key=self.id)
        following = map(self.id, range(at, len(self)))
        return list(takewhile(lambda identifier: identifier.startswith(prefix), following))

    def rows(self, places: Sequence[int]) -> list[Row]:
        """What is shown of the cards at some places, as dicts by column."""
        columns = {}
        for name, column in self._shown.items():
            if pa.types.is_dictionary(column.type):
                codes, values = self._coded(name)
                columns[name] = [values[codes[place]] for place in places]
            else:
                # One by one: for a few rows `take` costs more than all the rest of a search.
                columns[name] = [column[place].as_py() for place in places]
        return [{name: columns[name][n] for name in columns} for n in range(len(places))]

    def text(self, place: int) -> str:
        """What keywords are looked for in."""
        return self.texts([place])[0]

    def texts(self, places: Sequence[int] | None = None) -> list[str]:
        """What keywords are looked for in, of the cards at ``places``, or of all."""
        data = self._data.select(["subquestion", "summary"])
        if places is not None:
            data = data.take(pa.array(places, type=pa.int64()))
        questions, summaries = (data[name].to_pylist() for name in ("subquestion", "summary"))
        return [
            f"{question} {summary.replace('_', ' ')}"
            for question, summary in zip(questions, summaries, strict=True)
        ]

    def mask(self, column: str, keeps: Callable[[str], bool]) -> Mask:
        """Which entries (n,) have a value that ``keeps`` says True of; asked once for each distinct
        value of a column that is coded."""
        codes, values = self._coded(column)
        right = np.array([value is not None and keeps(value) for value in values], dtype=bool)
        return right[codes] if len(values) else np.zeros(len(self), dtype=bool)

    def statuses(self, places: Sequence[int]) -> list[str]:
        """The statuses of the entries at some places."""
        codes, values = self._coded("status")
        return [values[code] or "" for code in codes[list(places)].tolist()]

    def values(self, column: str) -> list[str]:
        """The distinct values of a column that is coded."""
        return [value for value in self._coded(column)[1] if value is not None]

    def _coded(self, column: str) -> tuple[npt.NDArray[np.int32], list[str | None]]:
        """The codes (n,) of a column, and what they stand for."""
        found = self._codes.get(column)
        if found is None:
            chunk = _one(self._data[column])
            values: list[str | None] = [*chunk.dictionary.to_pylist(), None]
            found = (_numpy(pc.fill_null(chunk.indices, len(values) - 1)), values)
            self._codes[column] = found
        return found


# -- shapes ----------------------------------------------------------------------------------------


def shape_of(signature: Signature) -> str:
    """The types and units of a signature, without its names:
    ``[[output, unit], [[input, unit], ...]]``."""
    inputs = [[p.type, p.unit] for p in signature.inputs]
    return json.dumps([[signature.output.type, signature.output.unit], inputs])


def gives(shape: str, output_type: str | None, output_unit: str | None) -> bool:
    """Whether what an entry gives may stand where this type, in this unit, is asked for."""
    kind, unit = json.loads(shape)[0]
    return (output_type is None or is_subtype(kind, output_type)) and (
        output_unit is None or unit in (None, output_unit)
    )


def takes(shape: str, given: Sequence[str]) -> bool:
    """Whether an entry takes values of exactly these types, each where its own is asked for: a
    value may stand for one of a wider type, and one of ``any`` for whatever is wanted."""
    wanted = [kind for kind, _ in json.loads(shape)[1]]
    if len(wanted) != len(given):
        return False
    homes: dict[int, int] = {}

    def place(value: int, tried: set[int]) -> bool:
        # Whether the value finds a role, if others move to another of theirs.
        for role, kind in enumerate(wanted):
            if role in tried or not (given[value] == "any" or is_subtype(given[value], kind)):
                continue
            tried.add(role)
            if role not in homes or place(homes[role], tried):
                homes[role] = value
                return True
        return False

    return all(place(value, set()) for value in range(len(given)))


def units_of(shape: str) -> set[str]:
    """The units in a shape."""
    output, inputs = json.loads(shape)
    return {unit for _, unit in (output, *inputs) if unit}


# -- making ----------------------------------------------------------------------------------------


def cards_file(table: str) -> str:
    """The cards of ``table``, relative to its snapshot's folder."""
    return f"index/{table}.cards"


def cards_query(table: str) -> str:
    """SQL that reads from ``table`` what `make_cards` takes."""
    domains, tool = ("domains", "tool") if table == "tools" else ("[domain]", "''")
    return (
        f"SELECT procedure_id, status, domain, array_to_string({domains}, ' ') AS domains, "
        "expires_at, success_rate, distinct_problems, variants[1].tokens AS tokens, signature, "
        "subquestion, summary, preconditions, variants[1].preconditions AS own_preconditions, "
        f"failure_modes, {tool} AS tool FROM {table} ORDER BY procedure_id"
    )


def make_cards(rows: pa.Table) -> pa.Table:
    """The cards of the rows that `cards_query` reads."""
    signatures = rows["signature"].combine_chunks().dictionary_encode()
    if isinstance(signatures, pa.ChunkedArray):
        signatures = signatures.chunk(0)
    shapes = pa.array(
        [shape_of(Signature.from_json(text)) for text in signatures.dictionary.to_pylist()],
        type=pa.string(),
    )
    columns = {
        **{name: rows[name] for name in rows.column_names},
        "number": pa.array(index_numbers(rows["procedure_id"].to_pylist())),
        # Coded again: other signatures have the same shape.
        "shape": pc.take(shapes, signatures.indices),
    }
    return pa.table(
        {field.name: _cast(columns[field.name], field.type) for field in SCHEMA}, schema=SCHEMA
    )


def write_cards(data: pa.Table, path: str) -> None:
    """Write cards to a path or fsspec URL; they appear whole or not at all."""
    with (
        open_whole(path) as stream,
        pa.ipc.new_file(stream, SCHEMA) as writer,
    ):
        # As one batch, so that no column has to be copied when it is mapped.
        writer.write_table(data.combine_chunks(), max_chunksize=max(1, data.num_rows))


def read_cards(path: str, sha256: str | None = None) -> pa.Table:
    """The cards at a path or fsspec URL; mapped, not read, from a local folder. Their ``sha256`` is
    looked at, where one is given, in the mapping that is searched afterwards: all of its pages are
    there by then, which a search would otherwise wait for one by one.

    Raises:
        StoreError: if they cannot be read, or have another sha256.
    """
    try:
        if Path(path).is_file():
            with pa.memory_map(path) as mapped:
                content = mapped.read_buffer()
        else:
            with fsspec.open(path, "rb") as stream:
                content = pa.py_buffer(stream.read())
        if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
            raise StoreError(f"{path} is not what was written: run tracemine fsck")
        return pa.ipc.open_file(pa.BufferReader(content)).read_all()
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"cannot read {path} ({str(error)[:80]}): run tracemine fsck") from error


def count_cards(path: str) -> int:
    """How many cards are at a path or fsspec URL."""
    return int(read_cards(path).num_rows)


def _cast(column: Any, kind: pa.DataType) -> Any:
    if pa.types.is_dictionary(kind):
        plain = column.cast(pa.string())
        return _one(plain.dictionary_encode().cast(kind) if len(plain) else plain.cast(kind))
    return _one(column.cast(kind))


def _one(column: Any) -> Any:
    """A column as one array. One that is mapped has one chunk already, which to combine copies."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _numpy(column: Any) -> Any:
    return _one(column).to_numpy(zero_copy_only=False)


__all__ = [
    "CARDS_FROM",
    "SCHEMA",
    "Cards",
    "cards_file",
    "cards_query",
    "count_cards",
    "gives",
    "make_cards",
    "read_cards",
    "shape_of",
    "takes",
    "units_of",
    "write_cards",
]
