"""What docs/search.md shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import small_store

from tracemine.store import Store, fsck
from tracemine.store.fsck import examine

_SNIPPET = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.fixture
def shown(repository: Path, own_store: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The snippets, in a folder where they find a store."""
    own_store.rename(own_store.parent / "memory")
    monkeypatch.chdir(own_store.parent)
    return _SNIPPET.findall((repository / "docs" / "search.md").read_text())


def test_the_guide_runs_and_keeps_its_budget(shown: list[str]) -> None:
    found: dict[str, Any] = {"Store": Store, "store": Store.open("memory")}
    for snippet in shown[1:-1]:  # The first needs what the sample has.
        exec(snippet, found)
    found["store"].use_embedder(small_store.embedder())
    values = {"total": 20, "spent": 5}
    (line,) = found["advice"]("how much money is left?", values).splitlines()
    assert line.endswith("Gives: 15")
    cost = found["store"].embedder.tokens(line)
    assert found["advice"]("how much money is left?", values, cost) == line
    assert found["advice"]("how much money is left?", values, cost - 1) == ""
    assert found["TracemineRetriever"]("memory", k=2).invoke("money")[0]["id"]
    assert found["chosen"]
    found["store"].close()


def test_indexes_are_built_anew(shown: list[str]) -> None:
    before = [hit.procedure_id for hit in asked()]
    found: dict[str, Any] = {}
    exec(shown[-1], found)
    assert fsck("memory") == []
    with Store.open("memory") as store:
        assert store.snapshot.manifest["index"]["procedures"]["asked"] == "IDMap,HNSW32,Flat"
    assert [hit.procedure_id for hit in asked()] == before
    path = Path("memory/snapshots/000002/index/procedures.faiss")
    path.unlink()
    found_wrong = examine("memory")
    assert any("procedures.faiss is missing" in finding for finding in found_wrong.findings)
    assert any("docs/search.md#rebuild" in note for note in found_wrong.notes)
    found["rebuild"]("memory", damaged=["procedures"])
    assert [hit.procedure_id for hit in asked()] == before


def asked() -> list[Any]:
    with Store.open("memory") as store:
        store.use_embedder(small_store.embedder())
        return store.search("how much money is left", 5, status=("canonical", "verified"))
