"""Publication in a local folder, in memory and on S3: readers see one whole snapshot or another,
and of two writers the second loses nothing."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import small_store

from tracemine.store import (
    PublishedMeanwhileError,
    RequestError,
    Store,
    StoreError,
    begin,
    compact,
    fsck,
    gc,
    guarded,
    open_snapshot,
    publish,
)
from tracemine.store.guarded import ChangedError, Seen
from tracemine.store.location import Location

FIELDS = small_store.MANIFEST_FIELDS


def rejected(store: Store) -> int:
    return int(store.rows("SELECT count(*) AS n FROM rejected")[0]["n"])


def test_a_store_is_made_refreshed_folded_and_collected(place: str) -> None:
    assert small_store.write(place) == "000001"
    with Store.open(place) as first:
        assert small_store.add(place, 1) == "000002"
        assert small_store.add(place, 2) == "000003"
        with Store.open(place) as third:
            assert (rejected(first), rejected(third)) == (1, 3)
            third.use_embedder(small_store.embedder())
            (hit,) = third.search("money left", 1)
            entry = third.get(hit.procedure_id)
            assert entry
            assert entry.evidence
        assert fsck(place) == []
    done = compact(place)
    assert (done.snapshot, done.folded) == ("000004", "000003")
    assert done.files_after < done.files_before
    assert fsck(place) == []
    found = gc(place, 1, grace_hours=0)
    assert (found.kept, found.held, found.removed) == (
        ("000004",),
        (),
        ("000001", "000002", "000003"),
    )
    assert fsck(place) == []
    location = Location.of(place)
    assert location.names_in("snapshots") == ["000004"]
    with Store.open(place) as last:
        assert rejected(last) == 3


def test_the_second_to_publish_is_told_and_loses_nothing(place: str) -> None:
    small_store.write(place)
    location = Location.of(place)
    first = begin(place, refresh=True)
    if location.local:
        first.release()  # As where a file system has no locks.
        first.location.path(first.name).rename(location.path("snapshots/000002.kept"))
    second = begin(place, refresh=True)
    small_store.write_added(second, 2)
    parent = second.parent_manifest or {}
    fields = {key: parent[key] for key in FIELDS}
    carry = [entry["path"] for entry in parent["files"]]
    if location.local:
        (Path(place) / "CURRENT").write_text("000007\n")
    else:
        small_store.write_added(first, 1)
        assert publish(first, fields, carry=carry) == "000002"
    with pytest.raises(PublishedMeanwhileError, match="meanwhile") as caught:
        publish(second, fields, carry=carry)
    assert "\n" not in str(caught.value)
    assert caught.value.draft == second.folder
    assert location.files_under(f"{second.name}/rejected") != []
    assert location.read("CURRENT") == (b"000007\n" if location.local else b"000002\n")
    if not location.local:
        assert fsck(place) == []
        # What is lost of the race is kept for a day, and goes then.
        assert gc(place, 1).drafts == ()
        assert gc(place, 1, grace_hours=0).drafts == ("000003",)


def test_of_many_that_publish_at_once_one_does(place: str) -> None:
    if Location.of(place).local:
        pytest.skip("a local store has a lock, so that there is one draft at a time")
    small_store.write(place)
    drafts = [begin(place, refresh=True) for _ in range(4)]
    assert len({draft.number for draft in drafts}) == 4
    parent = drafts[0].parent_manifest or {}
    fields = {key: parent[key] for key in FIELDS}
    carry = [entry["path"] for entry in parent["files"]]
    told: list[str] = []

    def run(place_in_line: int) -> None:
        draft = drafts[place_in_line]
        small_store.write_added(draft, place_in_line)
        try:
            told.append(publish(draft, fields, carry=carry))
        except PublishedMeanwhileError:
            told.append("")

    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (number,) = (number for number in told if number)
    assert len(told) == 4
    with open_snapshot(place) as live:
        assert live.number == number
    assert fsck(place) == []


def test_a_file_is_replaced_only_if_it_is_what_was_seen(place: str) -> None:
    location = Location.of(place)
    location.fs.makedirs(location.inner(""), exist_ok=True)
    none = guarded.look(location, "CURRENT")
    assert none == Seen(None, None)
    guarded.replace(location, "CURRENT", b"1", none)
    one = guarded.look(location, "CURRENT")
    assert one.content == b"1"
    with pytest.raises(ChangedError):
        guarded.replace(location, "CURRENT", b"2", none)
    guarded.replace(location, "CURRENT", b"2", one)
    with pytest.raises(ChangedError):
        guarded.replace(location, "CURRENT", b"3", one)
    # A request that is sent again because its answer was lost.
    guarded.replace(location, "CURRENT", b"2", one)
    two = guarded.look(location, "CURRENT")
    location.fs.rm_file(location.inner("CURRENT"))
    with pytest.raises(ChangedError):
        guarded.replace(location, "CURRENT", b"4", two)
    assert guarded.look(location, "CURRENT") == none


def test_a_draft_that_was_removed_is_not_published(place: str) -> None:
    small_store.write(place)
    draft = begin(place, refresh=True)
    fields = {key: (draft.parent_manifest or {})[key] for key in FIELDS}
    draft.release()
    assert len(gc(place, 1, grace_hours=0).drafts) == 1
    with pytest.raises(StoreError, match="given up"):
        publish(draft, fields)
    assert fsck(place) == []


def test_what_fails_after_current_was_replaced_undoes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store, sync = str(tmp_path / "store"), Location.sync

    def fails(location: Location, name: str = "") -> None:
        if not name:
            raise OSError(errno.EIO, "Input/output error")
        sync(location, name)

    small_store.write(store)
    monkeypatch.setattr(Location, "sync", fails)
    assert small_store.add(store) == "000002"
    assert "000002" in caplog.messages[0]
    assert "is published, but its last step failed (Input/output error)" in caplog.messages[0]
    assert fsck(store) == []
    begin(store, refresh=True).abandon()  # The lock was given back.


def test_what_is_carried_is_the_parents_and_is_there(place: str) -> None:
    small_store.write(place)
    draft = begin(place, refresh=True)
    fields = {key: (draft.parent_manifest or {})[key] for key in FIELDS}
    with pytest.raises(ValueError, match="no nothing to carry"):
        publish(draft, fields, carry=["nothing"])
    small_store.fill(draft, small_store.tables())
    with pytest.raises(StoreError, match="both carried over and written anew"):
        publish(draft, fields, carry=["procedures", "index/procedures.faiss"])
    assert publish(draft, fields, carry=["spans"]) in ("000002", "000003")
    with open_snapshot(place) as live:
        paths = [f["path"] for f in live.manifest["files"] if f.get("table") == "spans"]
        assert {path.split("/")[1] for path in paths} == {"000001", live.number}
    # The same spans twice are not a sound table.
    assert any("more than once as span_id" in line for line in fsck(place))


def test_a_parents_file_that_is_missing_or_damaged_is_found(place: str) -> None:
    small_store.write(place)
    small_store.add(place)
    location = Location.of(place)
    (path,) = [p for p in location.files_under("snapshots/000001/spans") if "00000-of" in p]
    content = location.read(path)
    location.write(path, content[:-1] + bytes([content[-1] ^ 1]))
    assert any(path in line and "sha256" in line for line in fsck(place))
    location.fs.rm_file(location.inner(path))
    assert any(path in line and "missing" in line for line in fsck(place))
    with pytest.raises(StoreError, match="is missing"):
        Store.open(place)
    draft = begin(place, refresh=True)
    with pytest.raises(StoreError, match="is missing"):
        publish(draft, {}, carry=["spans"])


@pytest.mark.parametrize("again", [False, True])
def test_time_does_not_go_backwards(place: str, again: bool) -> None:
    small_store.write(place)
    early = "2025-06-30T13:59:59+02:00"
    if again:
        with pytest.raises(RequestError, match="is before"):
            begin(place, refresh=True, as_of=early)
    with pytest.raises(RequestError, match="is before") as caught:
        small_store.add(place, as_of=early)
    assert "\n" not in str(caught.value)
    with open_snapshot(place) as live:
        assert live.number == "000001"


def test_a_snapshot_that_is_older_than_its_parent_is_not_served(tmp_path: Path) -> None:
    store = tmp_path / "store"
    small_store.write(store)
    small_store.add(store)
    early = "2020-01-01T00:00:00+00:00"
    small_store.edit_manifest(store, lambda m: m.update(as_of=early), "000002")
    with pytest.raises(StoreError, match="a clock went backwards"):
        Store.open(str(store))
    assert any("a clock went backwards" in line for line in fsck(str(store)))


def test_a_reader_in_another_process_keeps_its_snapshot_until_it_ends(tmp_path: Path) -> None:
    store = tmp_path / "store"
    small_store.write(store)
    code = (
        "import sys; from tracemine.store import Store; s = Store.open(sys.argv[1]); "
        "print('open', flush=True); sys.stdin.readline(); "
        "print(len(s.rows('SELECT * FROM spans')))"
    )
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(store)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    for reader in readers:
        assert reader.stdout
        assert reader.stdout.readline() == "open\n"
    small_store.write_again(store)
    assert gc(str(store), 1).held == ("000001",)
    readers[0].kill()
    readers[0].communicate()
    assert gc(str(store), 1).held == ("000001",)
    out, _ = readers[1].communicate("\n")
    assert int(out) > 0
    assert gc(str(store), 1).removed == ("000001",)
    assert fsck(str(store)) == []


def test_a_snapshot_that_is_open_is_kept_until_it_is_closed(tmp_path: Path) -> None:
    store = tmp_path / "store"
    small_store.write(store)
    reader = Store.open(str(store))
    small_store.write_again(store)
    compact(str(store))
    assert gc(str(store), 1).held == ("000001",)
    assert rejected(reader) == 1
    reader.close()
    reader.close()
    assert gc(str(store), 1).removed == ("000001",)


def test_where_there_are_no_locks_age_decides(place: str) -> None:
    if Location.of(place).local:
        pytest.skip("has locks")
    small_store.write(place)
    small_store.add(place)
    compact(place)
    assert gc(place, 1).held == ("000001", "000002")
    assert gc(place, 1, grace_hours=0).removed == ("000001", "000002")
    assert fsck(place) == []


@pytest.mark.parametrize(
    ("keep", "grace", "said"),
    [(0, 1.0, "--keep"), (1, -1.0, "--grace"), (1, float("nan"), "hours")],
)
def test_wrong_requests_of_gc(store_path: Path, keep: int, grace: float, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        gc(str(store_path), keep, grace_hours=grace)


class Bucket:
    """As much of gcsfs as guards a file, with Google's rule for another generation."""

    protocol = ("gs", "gcs")
    _location = "https://storage.example"

    def __init__(self) -> None:
        self.objects: dict[str, tuple[int, bytes]] = {}

    def invalidate_cache(self) -> None:
        pass

    def split_path(self, path: str) -> tuple[str, str, None]:
        bucket, _, key = path.partition("/")
        return bucket, key, None

    def info(self, path: str) -> dict[str, str]:
        key = self.split_path(path)[1]
        if key not in self.objects:
            raise FileNotFoundError(path)
        return {"generation": str(self.objects[key][0])}

    def cat_file(self, path: str) -> bytes:
        return self.objects[self.split_path(path)[1]][1]

    def unstrip_protocol(self, path: str) -> str:
        return f"gs://{path}"

    def call(self, method: str, url: str, **asked: object) -> None:
        assert (method, asked["uploadType"]) == ("POST", "multipart")
        assert url == "https://storage.example/upload/storage/v1/b/bucket/o"
        body = asked["data"]
        assert isinstance(body, bytes)
        _, head, tail = body.split(b"--==0==\n")
        key = head.partition(b"\n\n")[2].decode().strip()[len('{"name": "') : -2]
        content = tail.partition(b"\n\n")[2].removesuffix(b"\n--==0==--")
        generation = self.objects.get(key, (0, b""))[0]
        if str(generation) != asked["ifGenerationMatch"]:
            raise FileExistsError(url)
        self.objects[key] = (generation + 17, content)


class FarBucket(Bucket):
    """Answers are lost; of those to the first two requests, the requests, too."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def call(self, method: str, url: str, **asked: object) -> None:
        self.asked += 1
        if self.asked > 2:
            super().call(method, url, **asked)
        raise ConnectionResetError("no answer")


def test_a_write_whose_answer_is_lost_is_looked_for() -> None:
    location = Location(FarBucket(), "bucket/store")
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            guarded.replace(location, "CURRENT", b"000001\n", Seen(None, None))
    guarded.replace(location, "CURRENT", b"000001\n", Seen(None, None))
    assert guarded.look(location, "CURRENT").content == b"000001\n"


def test_on_google_cloud_storage_generations_guard_a_file() -> None:
    location = Location(Bucket(), "bucket/store")
    none = guarded.look(location, "CURRENT")
    guarded.replace(location, "CURRENT", b"000001\n", none)
    one = guarded.look(location, "CURRENT")
    assert one == Seen(b"000001\n", "17")
    with pytest.raises(ChangedError):
        guarded.replace(location, "CURRENT", b"000002\n", none)
    guarded.replace(location, "CURRENT", b"000002\n", one)
    with pytest.raises(ChangedError):
        guarded.replace(location, "CURRENT", b"000003\n", one)
    assert guarded.look(location, "CURRENT") == Seen(b"000002\n", "34")
