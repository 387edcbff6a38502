"""What a ResourceManager still holds: seen, forgotten once closed, allowed, and told apart from what it is made of."""

from __future__ import annotations

import gc
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from backends import AsyncThing, Thing
from support import Watch, allowance, another_ledger, here, site_of

from no_leaks import ResourceManager, judge, secure_file_context
from no_leaks.config import Settings
from no_leaks.model import Verdict
from no_leaks.probes.managed import ManagedProbe

Make = Callable[..., Watch]


def test_a_registered_resource_is_seen(watch: Make) -> None:
    """With its name, and the line that registered it."""
    manager, thing = ResourceManager(), Thing()
    scope = watch("managed")

    handle, line = manager.register(thing, kind="connections", name="db"), here()

    sighting = scope.only()
    assert (sighting.kind, sighting.resource.type, sighting.resource.id) == (
        "managed",
        "managed resource (connections)",
        "db",
    )
    assert sighting.summary == "a resource was registered with a ResourceManager and never closed"
    assert site_of(sighting, __file__) == line
    handle.close()


def test_once_closed_it_is_forgotten(watch: Make) -> None:
    """By its handle, or by saying so."""
    manager, one, two = ResourceManager(), Thing(), Thing()
    scope = watch("managed")

    manager.register(one, kind="files").close()
    manager.register(two, kind="files").unregister()

    assert scope.left() == ()


def test_an_allowance_covers_it() -> None:
    """As any kind."""
    manager, thing = ResourceManager(), Thing()
    scope = Watch("managed")
    try:
        handle = manager.register(thing, kind="files")
        verdict, _ = judge.verdict(scope.only(), allowance("managed"))
    finally:
        scope.stop()
    handle.close()

    assert verdict is Verdict.ALLOWED
    assert Settings().kinds >= {"managed"}


def test_a_look_at_nothing_imports_nothing(watch: Make) -> None:
    """A clean test costs one attribute."""
    scope = watch("managed")

    assert ManagedProbe().take(scope.ledger) is ManagedProbe().take(scope.ledger)
    assert "managed" not in sys.modules


def test_what_the_collector_took_unclosed_is_a_proof(watch: Make) -> None:
    """It is gone, and was a leak."""
    manager = ResourceManager()
    scope = watch("managed")

    manager.register(Thing(), kind="files", name="lost")
    gc.collect()

    sighting = scope.only()
    assert sighting.summary.endswith("and dropped without being closed")
    assert sighting.proof == "the garbage collector took it unclosed"
    assert scope.release() == ""


def test_another_scopes_resources_are_not_seen(watch: Make) -> None:
    """A session fixture's pool is the session's."""
    manager, thing = ResourceManager(), Thing()
    scope = watch("managed")

    with another_ledger():
        handle = manager.register(thing, kind="pools")

    assert scope.left() == ()
    handle.close()


def test_its_descriptor_is_not_reported_again(watch: Make) -> None:
    """One thing, one finding: the one that knows more."""
    manager = ResourceManager()
    scope = watch("managed", "sockets")
    sock = socket.socket()
    handle = manager.register(sock, kind="connections", name="db")

    assert [found.sighting.kind for found in scope.left()] == ["managed"]
    handle.close()


def test_a_secure_file_that_was_left_open_is_one_leak(watch: Make, tmp_path: Path) -> None:
    """By its path."""
    scope = watch("managed", "files")
    context = secure_file_context(tmp_path / "data.txt", "w", manager=ResourceManager())
    file = context.__enter__()

    (found,) = scope.left()
    assert (found.sighting.kind, found.sighting.resource.id) == ("managed", str(tmp_path / "data.txt"))
    file.close()


def test_it_is_let_go_of_as_its_manager_would(watch: Make) -> None:
    """And tracked no longer."""
    manager, thing = ResourceManager(), Thing()
    scope = watch("managed")
    manager.register(thing, kind="files")

    assert scope.thing() is thing
    assert scope.release() == "closed"
    assert (thing.closed, manager.active()) == (1, ())


def test_what_cannot_be_closed_is_left(watch: Make) -> None:
    """Its error is nobody's."""
    manager, thing = ResourceManager(), Thing(error=OSError("gone"))
    scope = watch("managed")
    manager.register(thing, kind="files")

    assert scope.release() == ""


def test_one_that_has_gone_meanwhile_is_no_finding(watch: Make) -> None:
    """Between the look and the description."""
    manager, thing = ResourceManager(), AsyncThing()
    scope = watch("managed")
    handle = manager.register(thing, kind="files")
    name, ident = scope.spot()
    handle.close()

    panel = scope.session.panel
    assert panel.describe(name, ident, scope.ledger) is None
    assert panel.thing(name, ident, scope.ledger) is None
    assert panel.release(name, ident, scope.ledger) == ""
