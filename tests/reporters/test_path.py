"""Path: of what grew each holder is alive or suspect, with a reason."""

from __future__ import annotations

import pytest

from no_leaks.model import Evidence, Leak, Owner, Resource, Verdict
from no_leaks.reporters import path

LEAK = Leak(
    fingerprint="nl-1",
    kind="memory",
    verdict=Verdict.LEAK,
    confidence="definite",
    test="test_a.py::test_x",
    owner=Owner("function"),
    summary="a dict was filled by each run of the test and never emptied",
    resource=Resource("dict", "shop._CACHE"),
    evidence=Evidence(rounds=(1, 1)),
)


@pytest.mark.parametrize(
    ("held_by", "rounds", "words"),
    [
        (("module shop", "_CACHE"), (1, 1), "module shop (alive: imported) -> _CACHE (suspect: grew by 1 each time)"),
        (
            ("class shop.Client", "Client.all", "[0]", "Client.rows"),
            (50, 1_200),
            (
                "class shop.Client (alive: defined) -> Client.all (alive: an attribute) -> [0] (alive: an item) -> "
                "Client.rows (suspect: grew by 50 to 1,200 each time)"
            ),
        ),
        (
            ("module shop", "add", "function add", "closure kept"),
            (2,),
            (
                "module shop (alive: imported) -> add (alive: a variable) -> function add (alive: referred to) -> "
                "closure kept (suspect: grew by 2 each time)"
            ),
        ),
        (
            ("fixture jar", "Jar.items"),
            (1,),
            "fixture jar (alive: its scope goes on) -> Jar.items (suspect: grew by 1 each time)",
        ),
        (("Jar.items",), (1,), "Jar.items (suspect: grew by 1 each time)"),
        ((), (1,), ""),
        (("module shop", "_CACHE"), (), "module shop -> _CACHE"),
    ],
)
def test_each_holder_of_what_grew_is_alive_or_suspect(
    held_by: tuple[str, ...], rounds: tuple[int, ...], words: str
) -> None:
    """The first by its own right, the next by the one before, and the last is what grew."""
    assert path.of(LEAK._replace(held_by=held_by, evidence=Evidence(rounds=rounds))) == words


def test_what_did_not_grow_is_not_suspected_of_it() -> None:
    """A socket that came again has rounds as well."""
    assert path.of(LEAK._replace(kind="sockets", held_by=("module shop", "_CLIENT"))) == "module shop -> _CLIENT"
