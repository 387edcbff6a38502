"""The fixtures of the plugin and the `managed` kind, in real runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from runs import Runs

from no_leaks import get_resource_manager

THING = """
from no_leaks import get_resource_manager

class Thing:
    def close(self): ...

KEEP = []
"""


@pytest.fixture(autouse=True)
def closed_in_the_end() -> Iterator[None]:
    """What the inner tests leave in this process's manager goes with them."""
    yield
    get_resource_manager().cleanup()


def test_what_a_test_leaves_registered_fails_it(check: Runs) -> None:
    """And only it; the report names the resource and the line."""
    found = check(
        THING
        + """
def test_leaves():
    thing = Thing()
    KEEP.append(thing)
    get_resource_manager().register(thing, kind="connections", name="orders db")

def test_closes():
    thing = Thing()
    get_resource_manager().register(thing, kind="connections").close()
"""
    )

    assert found.counts == {"failed": 1, "passed": 1}
    (leak,) = found.document["leaks"]
    assert (leak["kind"], leak["resource"]["id"]) == ("managed", "orders db")
    assert leak["created_at"][0]["function"] == "test_leaves"


def test_what_was_made_once_is_no_leak(check: Runs) -> None:
    """A pool that the first test starts stays."""
    found = check(
        THING
        + """
def test_lazy():
    if not KEEP:
        KEEP.append(Thing())
        get_resource_manager().register(KEEP[0], kind="pools")
"""
    )

    assert found.counts == {"passed": 1}
    assert [leak["verdict"] for leak in found.document["leaks"]] == ["once"]


def test_a_fixtures_resource_is_the_fixtures(check: Runs) -> None:
    """Closed in its second half, or judged at its end."""
    found = check(
        THING
        + """
@pytest.fixture(scope="module")
def db():
    thing = Thing()
    handle = get_resource_manager().register(thing, kind="connections")
    yield thing
    handle.close()

def test_one(db): ...
def test_two(db): ...
"""
    )

    assert found.counts == {"passed": 2}


def test_a_test_has_a_scope_named_by_its_node_id(check: Runs) -> None:
    """With the fixture, which closes what the test leaves; without it, in name."""
    found = check(
        THING
        + """
def test_with(resource_manager):
    assert resource_manager.scope_name() == "test_a.py::test_with"
    KEEP.append(Thing())
    resource_manager.register(KEEP[-1], kind="files")

def test_after():
    assert get_resource_manager().active("files") == ()
    assert get_resource_manager().scope_name() == "test_a.py::test_after"
"""
    )

    assert found.counts == {"passed": 2}


def test_the_factories_make_secure_contexts(check: Runs) -> None:
    """A file below the test's own folder, and any connection."""
    found = check(
        THING
        + """
def test_file(secure_file, tmp_path):
    with secure_file("data.txt", "w") as file:
        file.write("content")
    assert (tmp_path / "data.txt").read_text() == "content"

def test_connection(secure_connection):
    with secure_connection(Thing) as thing:
        assert isinstance(thing, Thing)
"""
    )

    assert found.counts == {"passed": 2}


def test_an_idle_plugin_imports_no_resources(check: Runs) -> None:
    """The fixtures load what they need when they are asked for."""
    found = check.child(
        """
def test_idle():
    assert not [name for name in sys.modules if name.startswith("no_leaks.resources")]
""",
        switch="",
    )

    assert found.counts == {"passed": 1}
