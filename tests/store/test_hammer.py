"""Many threads and processes read one store while snapshots are published to it: every answer is
that of one snapshot, whole."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import small_store

from tracemine.store import Store, begin, gc, publish

pytestmark = pytest.mark.slow

#: An even number, so that the last snapshot is of the other version than the first.
THREADS, PROCESSES, SNAPSHOTS = 8, 4, 6

#: Seconds between two looks of one reader.
PAUSE = 0.1

#: What a process does until it is told to end: it opens the live snapshot, asks it by vector and by
#: SQL, expands what comes, and says what it saw.
READER = """
import json, select, sys
import numpy as np
from tracemine.store import Store

path, vector = sys.argv[1], np.array(json.loads(sys.argv[2]), dtype=np.float32)
def ended():
    # Waits as long as a caller thinks, or the machine does nothing but read.
    return bool(select.select([sys.stdin], [], [], PAUSE)[0])

print("ready", flush=True)
seen = set()
while True:
    with Store.open(path) as store:
        hits = store.search_vector(vector, 9, status=("canonical", "verified", "candidate"))
        rows = store.rows("SELECT count(*) AS n FROM procedures")[0]["n"]
        whole = [hit.expand().procedure.procedure_id for hit in hits]
        codes = [hit.variant.code for hit in hits]
        seen.add(json.dumps([store.snapshot.number, [h.procedure_id for h in hits], whole,
                             rows, codes]))
    if ended():
        break
print(json.dumps(sorted(seen)), flush=True)
"""


def versions() -> list[small_store.Tables]:
    """Two stores that share no entry."""
    return [
        small_store.tables(list(part))
        for part in (small_store.ROUTINES[:2], small_store.ROUTINES[2:])
    ]


def publish_one(path: Path, made: small_store.Tables) -> str:
    draft = begin(str(path), refresh=True)
    small_store.fill(draft, made)
    parent = draft.parent_manifest or {}
    fields = {key: parent[key] for key in small_store.MANIFEST_FIELDS}
    return publish(draft, fields | {"ledger": small_store.ledger(made)})


def look(store: Store, vector: object) -> str:
    hits = store.search_vector(vector, 9, status=("canonical", "verified", "candidate"))
    rows = store.rows("SELECT count(*) AS n FROM procedures")[0]["n"]
    whole = [hit.expand().procedure.procedure_id for hit in hits]
    codes = [hit.variant.code for hit in hits]
    ids = [hit.procedure_id for hit in hits]
    return json.dumps([store.snapshot.number, ids, whole, rows, codes])


def test_no_answer_is_torn_while_snapshots_are_published(tmp_path: Path) -> None:
    path, made = tmp_path / "store", versions()
    small_store.write(path, made[0])
    vector = small_store.embedder().encode(["money left after spending"])[0]
    expected = {0: "", 1: ""}
    code = READER.replace("PAUSE", str(PAUSE))
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path), json.dumps(vector.tolist())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(PROCESSES)
    ]  # fmt: skip
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    seen: list[str] = []
    wrong: list[BaseException] = []
    ended = threading.Event()

    def read() -> None:
        try:
            while not ended.wait(PAUSE):
                with Store.open(str(path)) as store:
                    seen.append(look(store, vector))
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test must say it
            wrong.append(error)

    threads = [threading.Thread(target=read) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    with Store.open(str(path)) as store:
        expected[0] = look(store, vector)
        for number in range(1, SNAPSHOTS):
            publish_one(path, made[number % 2])
            gc(str(path), 1)
        # Who opened before is where it was, for all that was published and removed meanwhile.
        assert look(store, vector) == expected[0]
    with Store.open(str(path)) as store:
        expected[1] = look(store, vector)
    ended.set()
    for thread in threads:
        thread.join()
    assert not wrong
    for reader in readers:
        told, _ = reader.communicate("end\n")
        assert reader.returncode == 0
        seen += json.loads(told)
    contents = {json.dumps(json.loads(text)[1:]) for text in expected.values()}
    assert len(contents) == 2
    for text in seen:
        number, *content = json.loads(text)
        # Odd snapshots are of the first version, even ones of the second.
        assert json.dumps(content) == json.dumps(json.loads(expected[1 - int(number) % 2])[1:])
    assert len({json.loads(text)[0] for text in seen}) > 2
