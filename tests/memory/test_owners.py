"""Owners: what a runner's fixture holds is named by the fixture, and what nobody else holds by its object."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from no_leaks.memory import bounded, owners


class Jar:
    """What holds something."""

    def __init__(self) -> None:
        self.items: list[object] = [object()]


BOOKS: list[str] = []
beside_frames = owners._path_by_fixture
"""What is found once the test has ended: as long as it runs, its frame holds what it asked for."""


@pytest.fixture(scope="module")
def jar() -> Jar:
    """A value that pytest alone holds."""
    return Jar()


@pytest.fixture(scope="module")
def factory() -> Callable[[], list[object]]:
    """A factory that keeps what it makes."""
    made: list[object] = []

    def make() -> list[object]:
        made.append(object())
        return made

    return make


def test_the_value_of_a_fixture_is_named_by_the_fixture(jar: Jar) -> None:
    """The runner itself is nobody's concern."""
    assert beside_frames(jar.items) == ("fixture jar", "Jar.items")


def test_the_book_of_a_factory_is_closed_with_its_fixture(factory: Callable[[], list[object]]) -> None:
    """It is excused for that."""
    path = beside_frames(made := factory())
    assert path == ("fixture factory", owners.BOOK)
    assert bounded.excuse(made, path) == "book of a fixture"


def test_what_a_module_holds_is_named_by_the_module() -> None:
    """As any other leak is."""
    path = owners.path_to(BOOKS)
    assert (path[0].rpartition(".")[2].endswith("test_owners"), path[-1]) == (True, "BOOKS")


def test_what_only_this_frame_holds_has_no_path() -> None:
    """A frame is no owner: it ends."""
    assert owners.path_to([object()]) == ()
