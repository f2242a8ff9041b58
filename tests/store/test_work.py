"""What a run keeps until it publishes: found again by the run that would do the same."""

from __future__ import annotations

import uuid

import pytest

from tracemine.store.location import Location
from tracemine.store.work import AS_OF, WORK, open_work

FIRST, LATER = "2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00"
DECIDES = {"inputs": [{"sha256": "a"}], "teacher": "rules@1"}


@pytest.fixture(params=["local", "memory"])
def location(request: pytest.FixtureRequest, tmp_path: object) -> Location:
    place = str(tmp_path) if request.param == "local" else f"memory://{uuid.uuid4().hex}"
    return Location.of(place)


def test_a_run_goes_on_at_the_time_it_was_begun(location: Location) -> None:
    begun = open_work(location, DECIDES, as_of=None, now=FIRST)
    assert (begun.as_of, begun.resumed) == (FIRST, False)
    again = open_work(location, dict(reversed(DECIDES.items())), as_of=None, now=LATER)
    assert (again.as_of, again.resumed, again.folder) == (FIRST, True, begun.folder)
    # Who says a time gets it, and the work.
    told = open_work(location, DECIDES, as_of=LATER, now=LATER)
    assert (told.as_of, told.resumed, told.folder) == (LATER, True, begun.folder)
    assert open_work(location, DECIDES, as_of=None, now=FIRST).as_of == LATER


def test_a_time_that_is_damaged_is_no_time(location: Location) -> None:
    begun = open_work(location, DECIDES, as_of=None, now=FIRST)
    location.write(f"{begun.name}/{AS_OF}", FIRST.encode()[:-1])
    again = open_work(location, DECIDES, as_of=None, now=LATER)
    assert (again.as_of, again.folder) == (LATER, begun.folder)
    assert open_work(location, DECIDES, as_of=None, now=FIRST).as_of == LATER


def test_other_inputs_are_other_work(location: Location) -> None:
    one = open_work(location, DECIDES, as_of=None, now=FIRST)
    other = open_work(location, DECIDES | {"teacher": "rules@2"}, as_of=None, now=LATER)
    assert other.folder != one.folder
    assert (other.as_of, other.resumed) == (LATER, False)


def test_what_is_published_is_removed(location: Location) -> None:
    one = open_work(location, DECIDES, as_of=None, now=FIRST)
    other = open_work(location, DECIDES | {"holdout": 0.5}, as_of=None, now=FIRST)
    one.remove()
    # Without a lock the other may be somebody's who is at it.
    assert location.names_in(WORK) == ([] if location.local else [other.name.partition("/")[2]])
    one.remove()
