"""What a manifest says of an index."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import small_store

from tracemine.store import Store, begin, fsck, publish
from tracemine.store.index import build_index
from tracemine.store.location import Location


def test_who_publishes_again_what_failed_still_says_what_the_index_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small_store, "build_index", partial(build_index, kind="HNSW8,Flat"))
    path, made = tmp_path / "store", small_store.tables()
    small_store.write(path, made)
    with Store.open(str(path)) as store:
        parent = store.snapshot.manifest
    assert parent["index"]["procedures"]["kind"] == "IDMap,HNSW8,Flat"
    draft = begin(str(path), refresh=True)
    small_store.fill(draft, made)
    fields = {key: parent[key] for key in small_store.MANIFEST_FIELDS}
    fields["ledger"] = small_store.ledger(made)
    with monkeypatch.context() as patch:
        patch.setattr(Location, "sync_tree", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            publish(draft, fields)
    publish(draft, fields)
    with Store.open(str(path)) as store:
        assert store.snapshot.number == "000002"
        assert store.snapshot.manifest["index"] == parent["index"]
    assert fsck(str(path)) == []
