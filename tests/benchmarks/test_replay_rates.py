"""How the benchmark of the sandbox counts: on rows made for this test."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import replay
from benchmarks.replay import WAYS, Lanes, Row, measure
from tracemine.verifiers import Sandbox

SOURCE = "def f(n):\n    return n + 1\n"


def _row(number: int, *, right: bool) -> Row:
    expected = number + 1 if right else number

    def run(sandbox: Sandbox) -> bool:
        return bool(sandbox.run(SOURCE, "f", {"n": number}).value == expected)

    return Row(str(number), f"{SOURCE}\nassert f({number}) == {expected}\n", run, run)


@pytest.mark.parametrize("in_flight", [1, 2])
def test_each_way_reproduces_what_is_right_alone(in_flight: int) -> None:
    rows = [_row(number, right=number != 3) for number in range(7)]
    found = measure(rows, 2, in_flight)
    assert set(found) == set(WAYS)
    for figures in found.values():
        assert figures["reproduced"] == 6
        assert figures["heavy"] == 0
        assert figures["per_second"] > 0


def test_heavy_rows_count_and_have_no_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [_row(number, right=True) for number in range(4)]
    rows.append(Row("slow", "sum(range(10**7))\n", lambda _: True, lambda _: True))
    monkeypatch.setattr(replay, "HEAVY_SECONDS", 0.05)
    found = measure(rows, 1, 1)
    assert {(figures["heavy"], figures["reproduced"]) for figures in found.values()} == {(1, 5)}


def test_lanes_share_the_rows_and_run_each_once(tmp_path: Path) -> None:
    def noted(number: int) -> Row:
        def run(_: Sandbox) -> bool:
            cores = sorted(os.sched_getaffinity(0))
            with (tmp_path / "ran").open("a") as file:
                file.write(f"{number} {os.getpid()} {cores}\n")
            return True

        return Row(str(number), "", run, run)

    with Lanes([noted(number) for number in range(9)], 3, sandboxed=True) as lanes:
        (tmp_path / "ran").unlink()  # what was run to be warm
        passed, took, _ = lanes.run("sandbox", range(9))
    lines = [line.split(maxsplit=2) for line in (tmp_path / "ran").read_text().splitlines()]
    assert passed == 9 and took > 0
    assert sorted(int(number) for number, _, _ in lines) == list(range(9))
    assert set(Counter(pid for _, pid, _ in lines).values()) == {3}
    assert all(len(cores.split(",")) == 1 for _, _, cores in lines)


def test_an_unfit_program_fails_in_every_way_of_the_peers() -> None:
    for program in ("assert 1 == 2", "raise SystemExit(1)", "x ="):
        assert not replay.forked(program)
        assert not replay.interpreted(program)
        assert not replay.interpreted(program, "-S")
