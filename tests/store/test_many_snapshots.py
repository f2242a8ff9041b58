"""A store against a model of it: whatever is published, set back, folded, collected, opened and
closed in whatever order, every reader sees the rows that it opened, and gc removes all that nobody
needs."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import small_store
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tracemine.store import Store, begin, compact, fsck, gc
from tracemine.store.location import Location


class Snapshots(RuleBasedStateMachine):
    """``rows`` maps the snapshots that must be there to their rejected records, ``parents`` every
    one that ever was to its parent."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.store = str(Path(self.folder) / "store")
        self.rows: dict[str, int] = {}
        self.parents: dict[str, str] = {}
        self.live = ""
        self.readers: list[tuple[Store, int]] = []
        self.added = 0

    @initialize()
    def make(self) -> None:
        shutil.copytree(self.template, self.store)
        self.live = "000001"
        self.rows[self.live] = 1

    def number_next(self) -> str:
        """What the next run calls its snapshot; it gives up what comes after the live one."""
        later = [number for number in self.rows if number > self.live]
        if {reader.snapshot.number for reader, _ in self.readers} & set(later):
            return f"{int(max(later)) + 1:06d}"
        self.rows = {number: rows for number, rows in self.rows.items() if number not in later}
        return f"{int(self.live) + 1:06d}"

    def led_to_the_live_one(self, number: str) -> bool:
        """Or not, as far as the store can still know."""
        child = self.live
        while child in self.rows and (parent := self.parents.get(child)):
            if parent < number < child:
                return False
            child = parent
        return number <= self.live

    def published(self, number: str, rows: int) -> None:
        self.parents[number] = self.live
        self.live = number
        self.rows[number] = rows

    @rule()
    def add(self) -> None:
        self.added += 1
        before, number = self.rows[self.live], self.number_next()
        assert small_store.add(self.store, self.added) == number
        self.published(number, before + 1)

    @precondition(lambda self: len(self.rows) > 1)
    @rule(data=st.data())
    def set_back(self, data: st.DataObject) -> None:
        self.live = data.draw(st.sampled_from(sorted(self.rows)))
        Path(self.store, "CURRENT").write_text(f"{self.live}\n")

    @rule(file_bytes=st.sampled_from([1_000, 1 << 20]))
    def fold(self, file_bytes: int) -> None:
        done = compact(self.store, file_bytes=file_bytes)
        if done.folded:
            assert done.folded == self.live
            before, number = self.rows[self.live], self.number_next()
            assert done.snapshot == number
            self.published(number, before)
        assert done.snapshot == self.live
        assert compact(self.store, file_bytes=file_bytes).folded is None

    @rule()
    def leave_a_draft(self) -> None:
        number = self.number_next()
        draft = begin(self.store, refresh=True)
        assert draft.number == number
        small_store.write_added(draft, 0)
        draft.release()

    @precondition(lambda self: len(self.readers) < 3)
    @rule()
    def open(self) -> None:
        self.readers.append((Store.open(self.store), self.rows[self.live]))

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        reader, _ = self.readers.pop(data.draw(st.integers(0, len(self.readers) - 1)))
        reader.close()

    @rule(keep=st.integers(1, 3))
    def collect(self, keep: int) -> None:
        wanted = sorted(filter(self.led_to_the_live_one, self.rows))[-keep:]
        opened = {reader.snapshot.number for reader, _ in self.readers}
        done = gc(self.store, keep)
        assert list(done.kept) == wanted
        assert set(done.held) == opened - set(wanted)
        assert set(done.removed) == self.rows.keys() - set(wanted) - opened
        self.rows = {n: rows for n, rows in self.rows.items() if n in opened | set(wanted)}
        assert gc(self.store, keep).files == 0
        location = Location.of(self.store)
        manifests = [p for p in location.files_under("snapshots") if p.endswith("manifest.json")]
        assert [path.split("/")[1] for path in manifests] == sorted(self.rows)
        assert not [name for name in location.names_in("snapshots") if "draft" in name]
        if wanted == [self.live] and opened <= {self.live}:
            with Store.open(self.store) as reader:
                listed = {entry["path"] for entry in reader.snapshot.manifest["files"]}
            assert set(location.files_under("snapshots")) == listed | set(manifests)
            assert fsck(self.store) == []

    @invariant()
    def every_reader_sees_what_it_opened(self) -> None:
        for reader, rows in self.readers:
            (row,) = reader.rows("SELECT count(*) AS n FROM rejected")
            assert row["n"] == rows
            assert len(reader.rows("SELECT * FROM spans")) > 0

    @invariant()
    def the_live_snapshot_is_the_last_that_was_published(self) -> None:
        if self.live:
            with Store.open(self.store) as reader:
                assert reader.snapshot.number == self.live
                (row,) = reader.rows("SELECT count(*) AS n FROM rejected")
                assert row["n"] == self.rows[self.live]

    def teardown(self) -> None:
        for reader, _ in self.readers:
            reader.close()
        shutil.rmtree(self.folder)


def test_a_store_is_what_its_model_says(store_path: Path) -> None:
    Snapshots.template = store_path
    machine = Snapshots.TestCase
    machine.settings = settings(
        max_examples=12,
        stateful_step_count=12,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    machine().runTest()
