"""The cache of responses: what was put in comes back whole from any process, whatever was killed,
and what is damaged in whatever way is a miss that is counted."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers import TeacherError
from tracemine.teachers.model import cache as cache_module
from tracemine.teachers.model.cache import (
    CACHE_UNREACHABLE,
    LEFT_OVER,
    MOST_LINES,
    CacheError,
    ResponseCache,
)
from tracemine.teachers.model.requests import Message, Request, Response

SCHEMA = {"type": "object", "properties": {"spans": {"type": "array"}}}
ANSWER = Response('{"spans": []}', "stop", None, 1200, 34)

#: What processes in these tests have in common: requests by number, and their responses.
COMMON = """
import asyncio, os, random, signal, sys, time
from pathlib import Path
from tracemine.teachers.model.cache import ResponseCache
from tracemine.teachers.model.requests import Message, Request, Response

def request(number):
    return Request("segment", "m", (Message("user", f"question {number}"),), "s", {})

def response(number):
    return Response(f"answer {number} " * 20_000, "stop", None, number, 2 * number)
"""


def numbered(number: int) -> Request:
    """The request of `COMMON`."""
    return Request("segment", "m", (Message("user", f"question {number}"),), "s", {})


def answered(number: int) -> Response:
    """The response of `COMMON`."""
    return Response(f"answer {number} " * 20_000, "stop", None, number, 2 * number)


def asked(text: str, model: str = "m") -> Request:
    return Request("segment", model, (Message("user", text),), "spans", SCHEMA)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def program(text: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", COMMON + text, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def entry_of(folder: Path, request: Request) -> Path:
    key = request.key()
    return folder / key[:2] / f"{key}.json"


@pytest.fixture(params=["folder", "file URL", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a cache may be."""
    if request.param == "memory":
        place = f"memory://{uuid.uuid4().hex}/cache"
        yield place
        fsspec.filesystem("memory").rm(place.rsplit("/", 1)[0], recursive=True)
    else:
        yield str(tmp_path / "new" / "cache") if request.param == "folder" else tmp_path.as_uri()


# What is put in comes back.


def test_whether_anything_is_kept_is_told_and_changes_nothing(url: str) -> None:
    assert not ResponseCache.has_entries(url)
    fs, root = fsspec.core.url_to_fs(url)
    before = fs.find(root)
    cache = ResponseCache.open(url)
    # That it was opened, and that some of it was begun, keeps nothing.
    assert not ResponseCache.has_entries(url)
    assert fs.find(root) == before
    run(cache.put(asked("why"), ANSWER))
    assert ResponseCache.has_entries(url)
    with pytest.raises(CacheError, match="nothing://x"):
        ResponseCache.has_entries("nothing://x")


def test_a_response_comes_back_from_every_place(url: str) -> None:
    async def work() -> None:
        cache = ResponseCache.open(url)
        assert cache.url == url
        assert await cache.get(asked("why")) is None
        await cache.put(asked("why"), ANSWER)
        assert await cache.get(asked("why")) == ANSWER
        assert await cache.get(asked("why not")) is None
        assert await cache.get(asked("why", "another")) is None
        again = ResponseCache.open(url)
        assert await again.get(asked("why")) == ANSWER
        assert (cache.corrupt, cache.unwritten, again.corrupt) == (0, 0, 0)

    run(work())


def test_what_a_request_is_for_makes_no_difference(tmp_path: Path) -> None:
    first = asked("why")
    second = Request("repair", "m", first.messages, "another name", SCHEMA)

    async def work() -> None:
        cache = ResponseCache.open(str(tmp_path))
        await cache.put(first, ANSWER)
        assert await cache.get(second) == ANSWER

    run(work())


texts = st.text(st.characters(), max_size=50)
responses = st.builds(
    Response,
    texts | st.sampled_from(["\ud83d\ude00", "\ud83d", "\x00\x1b[31m", "a\r\nb\u2028c\ufeff"]),
    st.sampled_from(["stop", "length", "content_filter", ""]),
    st.none() | texts,
    st.integers(0, 2**70),
    st.integers(0, 10**9),
)


@given(texts, responses)
def test_any_response_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, question: str, response: Response
) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"

    async def work() -> None:
        cache = ResponseCache.open(str(folder))
        # The first response to a question stays, so each example has none before it.
        entry_of(folder, asked(question)).unlink(missing_ok=True)
        assert await cache.put(asked(question), response) == response
        assert await cache.get(asked(question)) == response
        assert (cache.corrupt, cache.unwritten) == (0, 0)
        cache.close()

    run(work())


def test_an_entry_is_plain_json_in_two_levels_of_folders(tmp_path: Path) -> None:
    run(ResponseCache.open(str(tmp_path)).put(asked("why"), ANSWER))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files == [entry_of(tmp_path, asked("why"))]
    entry = json.loads(files[0].read_text(encoding="utf-8"))
    assert entry["key"] == asked("why").key()
    assert entry["response"]["text"] == ANSWER.text


def test_many_at_once_do_not_hold_up_the_loop(url: str) -> None:
    """More at once than there are threads, and two event loops one after the other."""

    async def work(cache: ResponseCache) -> None:
        await asyncio.gather(*(cache.put(asked(str(n)), ANSWER) for n in range(200)))
        found = await asyncio.gather(*(cache.get(asked(str(n))) for n in range(201)))
        assert found == [ANSWER] * 200 + [None]

    cache = ResponseCache.open(url)
    run(work(cache))
    run(work(cache))


# What is damaged is a miss.


def _changed(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        entry = json.loads(path.read_text(encoding="utf-8"))
        changed = change(entry)
        path.write_text(json.dumps(entry if changed is None else changed), encoding="utf-8")

    return spoil


def _anew(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        path.unlink()
        make(path)

    return spoil


def _in_response(**fields: Any) -> Callable[[Path], None]:
    return _changed(lambda entry: entry["response"].update(fields))


DAMAGE: dict[str, Callable[[Path], None]] = {
    "empty": lambda path: path.write_bytes(b""),
    "one byte": lambda path: path.write_bytes(b"{"),
    "cut": lambda path: os.truncate(path, path.stat().st_size // 2),
    "cut by one": lambda path: os.truncate(path, path.stat().st_size - 1),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "binary": lambda path: path.write_bytes(b"\xff\xfe\x00" * 100),
    "two entries": lambda path: path.write_bytes(path.read_bytes() * 2),
    "deep": lambda path: path.write_bytes(b"[" * 200_000),
    "long number": lambda path: path.write_bytes(b"1" * 10_000),
    "a list": lambda path: path.write_bytes(b"[]"),
    "null": lambda path: path.write_bytes(b"null"),
    "no fields": lambda path: path.write_bytes(b"{}"),
    "another version": _changed(lambda entry: entry.update(version=99)),
    "no checksum": _changed(lambda entry: entry.pop("checksum") and None),
    "wrong checksum": _changed(lambda entry: entry.update(checksum="0" * 32)),
    "another key": _changed(lambda entry: entry.update(key="0" * 32)),
    "another model": _changed(lambda entry: entry.update(model="another")),
    "another text": _in_response(text="other"),
    "another count": _in_response(prompt_tokens=0),
    "a text that is none": _in_response(text=None),
    "a count that is none": _in_response(prompt_tokens="3"),
    "a bool for a count": _in_response(completion_tokens=True),
    "a negative count": _in_response(completion_tokens=-1),
    "not a number": _in_response(completion_tokens=float("nan")),
    "a field too many": _in_response(extra=1),
    "a list for a response": _changed(lambda entry: entry.update(response=[])),
    "a folder": _anew(lambda path: path.mkdir()),
    "a full folder": _anew(lambda path: (path / "in").mkdir(parents=True)),
    "a pipe": _anew(os.mkfifo),
    "a link to itself": _anew(lambda path: path.symlink_to(path)),
    "a link to a device": _anew(lambda path: path.symlink_to("/dev/zero")),
    "a file for its folder": lambda path: (
        path.unlink(),
        path.parent.rmdir(),
        path.parent.touch(),
    )[-1],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_entry_is_a_miss_counted_told_and_healed(
    damage: Callable[[Path], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    request, other = asked("why"), asked("why not")

    async def work() -> None:
        cache = ResponseCache.open(str(tmp_path))
        await cache.put(request, ANSWER)
        await cache.put(other, ANSWER)
        damage(entry_of(tmp_path, request))
        with caplog.at_level(logging.WARNING):
            assert await cache.get(request) is None
        assert cache.corrupt == 1
        assert len(caplog.records) == 1
        line = caplog.records[0].getMessage()
        assert f"{request.key()}.json is damaged" in line
        assert "\n" not in line
        assert str(tmp_path) not in line
        await cache.put(request, ANSWER)
        assert await cache.get(request) == ANSWER
        assert await cache.get(other) == ANSWER
        assert (cache.corrupt, cache.unwritten) == (1, 0)

    run(work())


def test_an_entry_in_anothers_place_is_a_miss(tmp_path: Path) -> None:
    async def work() -> None:
        cache = ResponseCache.open(str(tmp_path))
        await cache.put(asked("why"), ANSWER)
        place = entry_of(tmp_path, asked("why not"))
        place.parent.mkdir(parents=True, exist_ok=True)
        entry_of(tmp_path, asked("why")).rename(place)
        assert await cache.get(asked("why not")) is None
        assert await cache.get(asked("why")) is None
        assert cache.corrupt == 1

    run(work())


@given(st.data())
def test_no_flipped_byte_gives_another_response(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp() / "flipped"

    async def work() -> None:
        cache = ResponseCache.open(str(folder))
        await cache.put(asked("why"), ANSWER)
        path = entry_of(folder, asked("why"))
        raw = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place] ^= data.draw(st.integers(1, 255))
        path.write_bytes(raw)
        assert await cache.get(asked("why")) in (None, ANSWER)
        cache.close()

    run(work())


@pytest.mark.parametrize("raw", [b"", b"{", b"[]"])
def test_a_damaged_entry_elsewhere_is_a_miss_too(raw: bytes) -> None:
    memory = fsspec.filesystem("memory")
    root = f"memory://{uuid.uuid4().hex}"

    async def work() -> None:
        cache = ResponseCache.open(root)
        await cache.put(asked("why"), ANSWER)
        (path,) = memory.find(root)
        memory.pipe_file(path, raw)
        assert await cache.get(asked("why")) is None
        assert cache.corrupt == 1
        await cache.put(asked("why"), ANSWER)
        assert await cache.get(asked("why")) == ANSWER

    run(work())


def test_much_damage_is_counted_and_told_in_a_few_lines(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        cache = ResponseCache.open(str(tmp_path))
        for number in range(100):
            await cache.put(asked(str(number)), ANSWER)
            entry_of(tmp_path, asked(str(number))).write_bytes(b"")
        with caplog.at_level(logging.WARNING):
            for number in range(100):
                assert await cache.get(asked(str(number))) is None
        assert cache.corrupt == 100
        assert len(caplog.records) == MOST_LINES + 1

    run(work())


# One answer for all.


OTHER = Response('{"spans": [1]}', "stop", None, 1200, 35)


def test_the_first_answer_stays_and_is_everybodys(url: str) -> None:
    async def work() -> None:
        first, second = ResponseCache.open(url), ResponseCache.open(url)
        assert await first.put(asked("why"), ANSWER) == ANSWER
        assert await second.put(asked("why"), OTHER) == ANSWER
        assert await first.get(asked("why")) == ANSWER
        assert (first.unwritten, second.corrupt) == (0, 0)

    run(work())


def test_of_many_answers_at_once_one_is_kept_and_all_get_it(tmp_path: Path) -> None:
    async def work() -> None:
        caches = [ResponseCache.open(str(tmp_path)) for _ in range(8)]
        for number in range(50):
            puts = (
                cache.put(numbered(number), Response(str(place), "stop"))
                for place, cache in enumerate(caches)
            )
            found = set(await asyncio.gather(*puts))
            assert found == {await caches[0].get(numbered(number))}
        assert list((tmp_path / "unfinished").iterdir()) == []

    run(work())


def test_a_file_system_without_links_is_a_place_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    async def work() -> None:
        cache = ResponseCache.open(str(tmp_path))
        assert await cache.put(asked("why"), ANSWER) == ANSWER
        assert await cache.get(asked("why")) == ANSWER
        assert cache.unwritten == 0

    monkeypatch.setattr(cache_module.os, "link", link)
    run(work())


# A place that is of no use.


def test_a_place_that_cannot_be_a_cache_is_refused_in_a_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for url in (
        "",
        str(file),
        str(file / "below"),
        "/proc/none",
        "nonsense://user:secret@host/x",
        "a\x00b",
    ):
        with pytest.raises(CacheError) as caught:
            ResponseCache.open(url)
        assert "\n" not in str(caught.value)
        assert "secret" not in str(caught.value)


def test_a_response_that_cannot_be_kept_is_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        cache = ResponseCache.open(str(tmp_path))
        (tmp_path / "unfinished").rmdir()
        (tmp_path / "unfinished").touch()
        with caplog.at_level(logging.WARNING):
            await cache.put(asked("why"), ANSWER)
        assert (cache.unwritten, cache.corrupt) == (1, 0)
        assert len(caplog.records) == 1
        assert await cache.get(asked("why")) is None

    run(work())


class NoServerError(Exception):
    """As botocore's: no OSError."""


class Unreachable(fsspec.AbstractFileSystem):
    """A remote file system whose server goes away after it was opened."""

    protocol = "unreachable"
    cachable = False
    left = 0

    def _reach(self) -> None:
        if type(self).left <= 0:
            raise NoServerError("s3://user:secret@host")
        type(self).left -= 1

    def pipe_file(self, path: str, value: bytes, **kwargs: Any) -> None:
        self._reach()

    def rm_file(self, path: str) -> None:
        self._reach()

    def cat_file(self, path: str, **kwargs: Any) -> bytes:
        self._reach()
        raise FileNotFoundError(path)


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> type[Unreachable]:
    """A URL ``unreachable://`` that is reached as often as ``left`` says; no pauses."""
    fsspec.register_implementation("unreachable", Unreachable, clobber=True)
    monkeypatch.setattr(cache_module, "REACH_PAUSE", 0.0)
    return Unreachable


def test_a_cache_that_cannot_be_reached_is_not_an_empty_one(
    unreachable: type[Unreachable],
) -> None:
    async def work() -> None:
        unreachable.left = 3
        cache = ResponseCache.open("unreachable://bucket")
        assert await cache.get(asked("why")) is None
        with pytest.raises(TeacherError) as caught:
            await cache.get(asked("why"))
        assert caught.value.reason == CACHE_UNREACHABLE
        assert "secret" not in str(caught.value)
        await cache.put(asked("why"), ANSWER)
        assert (cache.unwritten, cache.corrupt) == (1, 0)

    run(work())


def test_a_cache_that_is_never_reached_is_refused(unreachable: type[Unreachable]) -> None:
    unreachable.left = 0
    with pytest.raises(CacheError, match="cannot write the cache unreachable://bucket"):
        ResponseCache.open("unreachable://bucket")


def test_what_a_killed_process_left_long_ago_is_removed(tmp_path: Path) -> None:
    ResponseCache.open(str(tmp_path))
    unfinished = tmp_path / "unfinished"
    old, fresh, folder = (unfinished / name for name in ("old", "fresh", "folder"))
    old.write_bytes(b"x")
    fresh.write_bytes(b"x")
    folder.mkdir()
    for path in (old, folder):
        before = path.stat().st_mtime - LEFT_OVER - 60
        os.utime(path, (before, before))
    ResponseCache.open(str(tmp_path))
    assert sorted(path.name for path in unfinished.iterdir()) == ["folder", "fresh"]


# Many processes, and kills.

WRITE_ALL = """
async def work():
    cache = ResponseCache.open(sys.argv[1])
    numbers = list(range(40))
    random.Random(int(sys.argv[2])).shuffle(numbers)
    found = []
    async def one(number):
        await cache.put(request(number), response(number))
        other = numbers[number]
        answer = await cache.get(request(other))
        assert answer in (None, response(other))
        found.append(number)
    await asyncio.gather(*map(one, numbers))
    assert len(found) == 40 and cache.corrupt == cache.unwritten == 0
asyncio.run(work())
"""

DIE_AT = """
# Killed at a given moment of writing an entry.
def die(*arguments, **keywords):
    os.kill(os.getpid(), signal.SIGKILL)

def without_links(*arguments):
    raise PermissionError(1, "Operation not permitted")

async def work():
    cache = ResponseCache.open(sys.argv[1])
    await cache.put(request(0), response(0))
    if sys.argv[2] == "synced":
        os.fsync = die
    elif sys.argv[2] == "linked":
        os.link = die
    elif sys.argv[2] == "renamed":
        os.link = without_links
        Path.replace = die
    else:
        whole = Path.open
        def open_half(path, *arguments, **keywords):
            stream = whole(path, *arguments, **keywords)
            class Half:
                def __enter__(self): return self
                def __exit__(self, *rest): stream.close()
                def write(self, data):
                    stream.write(data[: len(data) // 2])
                    stream.flush()
                    die()
            return Half()
        Path.open = open_half
    await cache.put(request(int(sys.argv[3])), response(1))
asyncio.run(work())
"""

KILL_OFTEN = """
# Writers that are killed at any moment, one after the other and two at a time.
chance = random.Random(7)

def write_for_ever(seed):
    async def work():
        cache = ResponseCache.open(sys.argv[1])
        mixed = random.Random(seed)
        while True:
            numbers = [mixed.randrange(30) for _ in range(8)]
            await asyncio.gather(*(cache.put(request(n), response(n)) for n in numbers))
    asyncio.run(work())

for round_number in range(10):
    pids = []
    for writer in range(2):
        pid = os.fork()
        if pid == 0:
            try:
                write_for_ever(2 * round_number + writer)
            finally:
                os._exit(1)
        pids.append(pid)
    time.sleep(0.05 + 0.1 * chance.random())
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL
"""


def test_processes_write_one_cache_together(tmp_path: Path) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", COMMON + WRITE_ALL, str(tmp_path), str(seed)],
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in range(4)
    ]
    for process in running:
        _, told = process.communicate(timeout=120)
        assert process.returncode == 0, told

    async def work() -> None:
        cache = ResponseCache.open(str(tmp_path))
        found = await asyncio.gather(*(cache.get(numbered(n)) for n in range(40)))
        assert found == [answered(n) for n in range(40)]
        assert cache.corrupt == 0

    run(work())
    assert list((tmp_path / "unfinished").iterdir()) == []


@pytest.mark.parametrize("number", [0, 1], ids=["an entry that is there", "a new entry"])
@pytest.mark.parametrize("moment", ["half", "synced", "linked", "renamed"])
def test_a_kill_in_the_middle_of_a_write_leaves_what_was_there(
    moment: str, number: int, tmp_path: Path
) -> None:
    died = program(DIE_AT, tmp_path, moment, number)
    assert died.returncode == -9, died.stderr
    assert len(list((tmp_path / "unfinished").iterdir())) == 1

    async def work() -> None:
        cache = ResponseCache.open(str(tmp_path))
        assert await cache.get(numbered(0)) == answered(0)
        assert await cache.get(numbered(1)) is None
        assert cache.corrupt == 0

    run(work())


def test_kills_at_any_moment_leave_whole_entries(tmp_path: Path) -> None:
    done = program(KILL_OFTEN, tmp_path)
    assert done.returncode == 0, done.stderr

    async def work() -> None:
        cache = ResponseCache.open(str(tmp_path))
        found = await asyncio.gather(*(cache.get(numbered(n)) for n in range(30)))
        for number, response in enumerate(found):
            assert response in (None, answered(number))
        assert any(found)
        assert cache.corrupt == 0

    run(work())


def test_who_stops_waiting_does_not_stop_a_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With one thread, most writes have not begun when they are given up.
    monkeypatch.setattr(cache_module, "THREADS", 1)

    async def work() -> None:
        cache = ResponseCache.open(str(tmp_path))
        writes = (cache.put(numbered(number), answered(number)) for number in range(20))
        running = [asyncio.create_task(write) for write in writes]
        await asyncio.sleep(0)
        assert any(write.cancel() for write in running)
        for write in running:
            write.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        cache.close()

    run(work())

    async def look() -> None:
        cache = ResponseCache.open(str(tmp_path))
        found = [await cache.get(numbered(number)) for number in range(20)]
        assert found == [answered(number) for number in range(20)]

    run(look())
