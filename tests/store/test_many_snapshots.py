"""A store against a model of it: whatever is published, folded, collected, opened and closed in
whatever order, every reader sees the rows that it opened, and gc removes all that nobody needs."""

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
    """``rows`` maps the snapshots that must be there to their rejected records."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.store = str(Path(self.folder) / "store")
        self.rows: dict[str, int] = {}
        self.live = ""
        self.readers: list[tuple[Store, int]] = []
        self.added = 0

    @initialize()
    def make(self) -> None:
        shutil.copytree(self.template, self.store)
        self.live = "000001"
        self.rows[self.live] = 1

    @rule()
    def add(self) -> None:
        self.added += 1
        before = self.rows[self.live]
        self.live = small_store.add(self.store, self.added)
        self.rows[self.live] = before + 1

    @rule(file_bytes=st.sampled_from([1_000, 1 << 20]))
    def fold(self, file_bytes: int) -> None:
        done = compact(self.store, file_bytes=file_bytes)
        assert done.folded in (self.live, None)
        self.rows[done.snapshot] = self.rows[self.live]
        self.live = done.snapshot
        assert compact(self.store, file_bytes=file_bytes).folded is None

    @rule()
    def leave_a_draft(self) -> None:
        draft = begin(self.store, refresh=True)
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
        wanted = sorted(self.rows, key=int)[-keep:]
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
