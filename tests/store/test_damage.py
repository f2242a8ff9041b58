"""Whatever happens to a file of a store is found by fsck or when it is opened, named in one line,
and never served."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import small_store

from tracemine.schemas.arrow import TABLES
from tracemine.store import (
    RequestError,
    Store,
    StoreError,
    begin,
    compact,
    fsck,
    gc,
    open_snapshot,
)
from tracemine.store.fsck import Examined, examine
from tracemine.store.history import open_history
from tracemine.store.index import INDEXED
from tracemine.store.snapshot import read_table


@functools.cache
def template() -> Path:
    """A small store of two snapshots, of which the second refers to the files of the first."""
    path = Path(tempfile.mkdtemp()) / "store"
    small_store.write(path)
    small_store.add(path, 1)
    return path


@functools.cache
def listed() -> dict[str, str]:
    """The live snapshot's files -> what each is of."""
    with open_snapshot(str(template())) as snapshot:
        return {
            entry["path"]: entry.get("table") or f"index of {entry['index']}"
            for entry in snapshot.manifest["files"]
        }


@pytest.fixture
def store(tmp_path: Path) -> Path:
    shutil.copytree(template(), tmp_path / "store")
    return tmp_path / "store"


def flip_middle(content: bytes) -> bytes | None:
    place = len(content) // 2
    return content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :]


def flip_last(content: bytes) -> bytes | None:
    return content[:-1] + bytes([content[-1] ^ 1])


def truncate(content: bytes) -> bytes | None:
    return content[: len(content) // 2]


def empty(content: bytes) -> bytes | None:
    return b""


def zero(content: bytes) -> bytes | None:
    return bytes(len(content))


def remove(content: bytes) -> bytes | None:
    return None


DAMAGES = (flip_middle, flip_last, truncate, zero, remove)


def damage(path: Path, how: Callable[[bytes], bytes | None]) -> None:
    content = how(path.read_bytes())
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)


def use(store: Path, kind: str) -> None:
    """Ask for what a file holds."""
    with Store.open(str(store)) as reader:
        if kind.startswith("index of "):
            reader.vectors(kind.removeprefix("index of "))
        else:
            reader.rows(f"SELECT * FROM {kind}")


def refused(action: Callable[[], object], *words: str) -> None:
    with pytest.raises(RequestError) as caught:
        action()
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize("how", DAMAGES, ids=lambda how: how.__name__)
def test_a_damaged_file_is_found_and_not_served(store: Path, how: Callable[[bytes], bytes]) -> None:
    use_all = (*TABLES, *(f"index of {table}" for table in INDEXED))
    assert set(listed().values()) == set(use_all)
    for name, kind in listed().items():
        whole = (store / name).read_bytes()
        damage(store / name, how)
        refused(lambda kind=kind: use(store, kind), name)
        if kind in TABLES:
            with open_snapshot(str(store)) as snapshot:
                refused(lambda s=snapshot, kind=kind: read_table(s, kind), name)
        (store / name).write_bytes(whole)
    assert fsck(str(store)) == []
    for name in listed():
        damage(store / name, how)
    findings = fsck(str(store))
    assert all("\n" not in finding for finding in findings)
    for name in listed():
        assert any(name in finding for finding in findings), (name, findings)
    refused(lambda: compact(str(store)), "run tracemine fsck")
    with open_snapshot(str(store)) as snapshot:
        assert snapshot.number == "000002"


def test_every_flipped_byte_of_a_manifest_is_found_when_it_is_opened(store: Path) -> None:
    path = store / "snapshots/000002/manifest.json"
    whole = path.read_bytes()
    for place in range(0, len(whole), 31):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 2]) + whole[place + 1 :])
        refused(lambda: open_snapshot(str(store)), "manifest.json")
    for how in (truncate, empty, zero, remove):
        path.write_bytes(whole)
        damage(path, how)
        refused(lambda: open_snapshot(str(store)), "manifest.json")
        assert any("manifest.json" in finding for finding in fsck(str(store)))
        with pytest.raises(StoreError):
            gc(str(store), 1)
    path.write_bytes(whole)
    assert fsck(str(store)) == []


def test_every_flipped_bit_of_current_is_found(store: Path) -> None:
    path = store / "CURRENT"
    whole = path.read_bytes()
    for place in range(len(whole)):
        for bit in range(8):
            flipped = whole[:place] + bytes([whole[place] ^ (1 << bit)]) + whole[place + 1 :]
            path.write_bytes(flipped)
            with contextlib.suppress(StoreError):
                open_snapshot(str(store)).close()
            assert fsck(str(store)) != [], flipped


def test_a_store_that_was_set_back_is_served_with_a_warning(
    store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Store.open(str(store)):
        assert not caplog.records
    (store / "CURRENT").write_bytes(b"000001\n")
    with Store.open(str(store)) as reader:
        assert reader.snapshot.number == "000001"
        (said,) = caplog.messages
        assert f"{store}/CURRENT names snapshot 000001, though 000002 is there" in said
    assert any("000002 is there, too" in finding for finding in fsck(str(store)))
    assert gc(str(store), 1).removed == ("000002",)
    caplog.clear()
    with Store.open(str(store)):
        assert not caplog.records
    assert fsck(str(store)) == []


def test_a_store_without_current_is_not_begun_anew(store: Path) -> None:
    (store / "CURRENT").unlink()
    files = sorted(store.rglob("*"))
    refused(lambda: Store.open(str(store)), f"{store}/CURRENT is missing, though snapshot 000002")
    refused(lambda: begin(str(store)), "CURRENT is missing, though snapshot 000002 is there")
    assert sorted(store.rglob("*")) == files
    assert any("CURRENT is missing" in finding for finding in fsck(str(store)))
    (store / "CURRENT").write_text("000002\n")
    assert fsck(str(store)) == []


def test_who_writes_after_a_store_was_set_back_gives_up_what_came_after(
    store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    small_store.add(store, 2)
    (store / "CURRENT").write_bytes(b"000001\n")
    # Who begins and does not publish gives up nothing.
    before = sorted((store / "snapshots").rglob("*"))
    begin(str(store), refresh=True).abandon()
    assert sorted((store / "snapshots").rglob("*")) == before
    assert not caplog.messages
    assert small_store.add(store, 3) == "000002"
    (said,) = caplog.messages
    assert "names snapshot 000001: what came after it is removed: 000002, 000003" in said
    assert sorted(path.name for path in (store / "snapshots").iterdir()) == ["000001", "000002"]
    assert fsck(str(store)) == []


def test_what_was_given_up_stays_while_a_reader_has_it_open(
    store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    small_store.add(store, 2)
    with Store.open(str(store)) as third:
        (store / "CURRENT").write_bytes(b"000001\n")
        # The third refers to files of the second, so that no number before its own is free.
        assert small_store.add(store, 3) == "000004"
        assert third.rows("SELECT count(*) AS n FROM rejected") == [{"n": 3}]
        with open_history(str(store), 9) as history:
            assert [one.snapshot.number for one in history.stores] == ["000001", "000004"]
        done = gc(str(store), 2)
        assert (done.kept, done.held, done.removed) == (
            ("000001", "000004"),
            ("000003",),
            ("000002",),
        )
        assert third.rows("SELECT count(*) AS n FROM spans") == [{"n": 10}]
    assert not caplog.records
    assert gc(str(store), 2).removed == ("000003",)
    assert fsck(str(store)) == []


def test_a_manifest_that_names_a_file_elsewhere_is_not_read(store: Path) -> None:
    for path in ("../other/part.parquet", "/etc/passwd", "snapshots/000001/../../x", "CURRENT"):
        small_store.edit_manifest(
            store, lambda m, path=path: m["files"][0].update(path=path), "000002"
        )
        refused(lambda: open_snapshot(str(store)), "manifest.json is damaged")


def test_a_store_of_a_newer_schema_is_refused_in_one_line(store: Path) -> None:
    small_store.edit_manifest(store, lambda m: m.update(schema_version=99), "000002")
    for action in (open_snapshot, fsck, compact, lambda s: gc(s, 1), Store.open):
        refused(lambda action=action: action(str(store)), "schema version 99")
    assert (store / "snapshots/000001/manifest.json").is_file()


def test_gc_removes_nothing_if_a_kept_manifest_cannot_be_read(store: Path) -> None:
    small_store.add(store, 2)
    path = store / "snapshots/000002/manifest.json"
    path.write_text("{")
    before = sorted(store.rglob("*"))
    refused(lambda: gc(str(store), 2), "000002", "damaged")
    assert sorted(store.rglob("*")) == before
    assert gc(str(store), 1).kept == ("000003",)
    assert fsck(str(store)) == []


@pytest.mark.parametrize("how", [truncate, remove], ids=lambda how: how.__name__)
def test_gc_removes_nothing_if_what_is_kept_lacks_a_file(
    store: Path, how: Callable[[bytes], bytes | None]
) -> None:
    small_store.add(store, 2)
    own = next((store / "snapshots/000002/rejected").iterdir())
    damage(own, how)
    before = sorted(store.rglob("*"))
    for keep in (1, 2):
        refused(lambda keep=keep: gc(str(store), keep), own.name, "nothing was removed")
    assert sorted(store.rglob("*")) == before
    # What fsck says to do mends it.
    found = examine(str(store))
    assert found.notes[-1].startswith("snapshot 000001 is whole: to go back to it write 000001 ")
    (store / "CURRENT").write_text("000001\n")
    assert gc(str(store), 1).removed == ("000002", "000003")
    assert examine(str(store)) == Examined(())


@pytest.mark.parametrize("path", ["000002/manifest.json", "000001/procedures/*"])
def test_fsck_says_whether_there_is_a_snapshot_to_go_back_to(store: Path, path: str) -> None:
    damaged = min((store / "snapshots").glob(path))
    damage(damaged, flip_last)
    found = examine(str(store))
    assert found.findings
    assert not any("run tracemine fsck" in line for line in found.findings)
    shared = damaged.name != "manifest.json"
    assert found.notes[-1].startswith("no other" if shared else "snapshot 000001 is whole")


def test_another_embedder_is_named(store: Path) -> None:
    other = {"name": small_store.embedder().name, "fingerprint": "other:0:1/1024"}
    small_store.edit_manifest(store, lambda m: m["embedder"].update(other), "000002")
    with Store.open(str(store)) as reader:
        refused(lambda: reader.search("money left"), "another embedder")
        refused(lambda: reader.use_embedder(small_store.embedder()), "another embedder")
    (finding,) = fsck(str(store))
    assert "made with another embedder than all-MiniLM-L6-v2 is now (other:0:1/1024" in finding
    small_store.edit_manifest(store, lambda m: m["embedder"].update(dimension=3), "000002")
    assert any("components, the embedder gives 3" in line for line in fsck(str(store)))


def test_a_manifest_that_does_not_say_how_it_was_made_is_found(store: Path) -> None:
    small_store.edit_manifest(store, lambda m: m["versions"].pop("python"), "000002")
    assert any("does not say which version of python" in line for line in fsck(str(store)))
    for key in ("parent", "as_of", "inputs", "teacher", "index", "versions"):
        small_store.edit_manifest(store, lambda m, key=key: m.pop(key), "000002")
        assert any(f"does not say {key}" in line for line in fsck(str(store)))


# -- a folder that cannot be written ---------------------------------------------------------------

#: Does what its argument says on the store in its other argument, and says what came of it.
SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from tracemine.store import RequestError, begin, compact, fsck, gc, Store
action, store = sys.argv[1:3]
try:
    if action == "begin":
        begin(store, refresh=True)
    elif action == "compact":
        compact(store)
    elif action == "gc":
        gc(store, 1)
    elif action == "read":
        with Store.open(store) as reader:
            reader.rows("SELECT * FROM spans")
    print("done")
except RequestError as error:
    print("refused:", error)
print("findings", *fsck(store), sep="|")
"""


def in_small_folder(store: Path, folder: Path, options: str, size: int, action: str) -> list[str]:
    """What the script says of a copy of ``store`` in a file system of ``size`` bytes, mounted in a
    namespace of its own."""
    folder.mkdir()
    tests = Path(__file__).parents[1]
    commands = (
        'mount -t tmpfs -o size="$5" none "$2" && cp -r "$1" "$2/store" && '
        'mount -o "remount,$6" none "$2" && exec "$3" -c "$4" "$7" "$2/store" "$8"'
    )
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", commands, "sh", str(store), str(folder), sys.executable,
         SCRIPT, str(size), options, action, str(tests)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


def has_namespaces() -> bool:
    if shutil.which("unshare") is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["unshare", "-rm", "mount", "-t", "tmpfs", "none", folder],
            capture_output=True, check=False,
        )  # fmt: skip
    return done.returncode == 0


needs_namespaces = pytest.mark.skipif(not has_namespaces(), reason="no user namespaces here")


def bytes_on_disk(store: Path) -> int:
    page = 4096
    sizes = [path.stat().st_size if path.is_file() else page for path in store.rglob("*")]
    return sum(-(-size // page) * page for size in sizes)


@needs_namespaces
@pytest.mark.parametrize("spare", [4_096, 16_384, 32_768])
def test_a_full_disk_leaves_the_store_as_it_was(store: Path, tmp_path: Path, spare: int) -> None:
    size = bytes_on_disk(store) + spare
    said, found = in_small_folder(store, tmp_path / "full", "rw", size, "compact")
    assert said.startswith("refused:")
    assert "No space left" in said
    assert found == "findings"


@needs_namespaces
@pytest.mark.parametrize("action", ["begin", "compact", "gc"])
def test_a_folder_to_read_only_is_named_and_read(store: Path, tmp_path: Path, action: str) -> None:
    size = bytes_on_disk(store) + (1 << 20)
    said, found = in_small_folder(store, tmp_path / "fixed", "ro", size, action)
    assert said.startswith("refused: cannot write the store")
    assert found == "findings"
    said, found = in_small_folder(store, tmp_path / "again", "ro", size, "read")
    assert (said, found) == ("done", "findings")


def test_a_file_that_may_not_grow_is_said(store: Path) -> None:
    """As a quota does it, by a limit on the size of files."""
    limited = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000));" + SCRIPT
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, "compact", str(store), str(Path(__file__).parents[1])],
        capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    said, found = done.stdout.splitlines()
    assert "File too large" in said
    assert found == "findings"
    assert json.loads((store / "snapshots/000002/manifest.json").read_text())["parent"] == "000001"
    assert gc(str(store), 2).kept == ("000001", "000002")
    assert fsck(str(store)) == []
