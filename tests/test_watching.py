"""Watching: an object that must die is seen to live on, and who holds it is named."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support import Watch, allowance, here, site_of

import no_leaks
from no_leaks import LeakError, NotWatchable, SettingError, assert_collectable, settle, watching
from no_leaks.model import Verdict

Make = Callable[..., Watch]

KEPT: list[object] = []


class App:
    """What is to go."""

    me: object = None


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """What a test has kept goes with it."""
    yield
    KEPT.clear()


def watched(why: str = "an app ends with its test") -> App:
    """Return an app that is watched."""
    return no_leaks.watch(App(), why)


@pytest.mark.parametrize("kinds", [("files",), ("temp",), ("files", "cycles")])
def test_what_lives_on_is_seen_whatever_the_kinds(watch: Make, kinds: tuple[str, ...]) -> None:
    """To watch is to ask; the finding is one of memory, certain without a repetition."""
    run = watch(*kinds)
    KEPT.append(watched())
    (leak,) = run.session.close(run.scope)
    assert (leak.kind, leak.verdict, leak.confidence) == ("memory", Verdict.LEAK, "definite")
    assert leak.held_by == (f"module {__name__}", "KEPT", "[0]")
    assert leak.summary == "an object was watched and did not die: an app ends with its test"
    assert leak.resource.id == f"{__name__}.App"


def test_the_line_that_watches_is_named(watch: Make) -> None:
    """There it says why."""
    run = watch("files")
    KEPT.append(no_leaks.watch(App(), "ends"))
    assert site_of(run.only(), __file__) == here() - 1


def test_what_dies_is_forgotten(watch: Make) -> None:
    """By itself, or by the collection that settling takes."""
    run = watch("files")
    watched()
    watched().me = KEPT
    app = watched()
    app.me = app
    del app
    assert run.left() == ()


def test_what_dies_a_little_later_is_waited_for(watch: Make) -> None:
    """Within the grace, as for anything else."""
    run = watch("files", sleep=lambda _: KEPT.clear())
    KEPT.append(watched())
    assert run.left() == ()
    assert run.pauses


def test_an_allowance_holds_for_it(watch: Make) -> None:
    """It is one of memory."""
    run = watch("files", allowances=allowance("memory"))
    KEPT.append(watched())
    (leak,) = run.session.close(run.scope)
    assert leak.verdict is Verdict.ALLOWED


def test_where_nothing_is_checked_nothing_happens(no_outer_session: None) -> None:
    """A test that watches passes without the plugin, too."""
    app = App()
    assert no_leaks.watch(app, "ends") is app


def test_a_block_is_a_scope() -> None:
    """Sync and async, with any kinds; a variable of the function around it still holds what it names."""
    with (
        pytest.raises(LeakError, match="held by +frame test_a_block_is_a_scope: variable app"),
        no_leaks.no_leaks("files", grace=0),
    ):
        app = watched()
    del app
    with no_leaks.no_leaks("files", grace=0):
        watched()

    async def block() -> None:
        async with no_leaks.no_leaks("files", grace=0):
            KEPT.append(watched())

    with pytest.raises(LeakError, match="KEPT"):
        asyncio.run(block())


@pytest.mark.parametrize("thing", [[], {}, 1, "text", (), None, object()], ids=lambda thing: type(thing).__name__)
def test_what_takes_no_weak_reference_is_refused_with_a_way_out(thing: object) -> None:
    """What it is, where it was watched, what to do."""
    with pytest.raises(NotWatchable) as raised:
        no_leaks.watch(thing, "ends")
    message = str(raised.value)
    assert f"test_watching.py:{here() - 2}: {type(thing).__name__} takes no weak reference" in message
    assert "__weakref__" in message
    assert isinstance(raised.value, TypeError)


@pytest.mark.parametrize("why", ["", "  ", None, 3])
def test_a_reason_is_required(why: Any) -> None:
    """The report says why it must go."""
    with pytest.raises(SettingError, match="needs a reason"):
        no_leaks.watch(App(), why)


def test_what_a_factory_makes_may_die() -> None:
    """At once, or by a collection."""

    def circle() -> App:
        app = App()
        app.me = app
        return app

    assert_collectable(App)
    assert_collectable(circle)


def test_what_a_factory_makes_and_lives_on_is_told_with_its_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a `LeakError`, whose leaks say it in parts."""
    monkeypatch.setattr(watching, "GRACE_S", 0.0)

    def kept() -> App:
        KEPT.append({"app": App()})
        return KEPT[0]["app"]  # type: ignore[index, no-any-return]

    with pytest.raises(LeakError) as raised:
        assert_collectable(kept)
    (leak,) = raised.value.leaks
    assert leak.held_by == (f"module {__name__}", "KEPT", "[0]", "['app']")
    assert leak.created_at[0].line == here() - 3
    assert leak.evidence.attempts == settle.ATTEMPTS + 1
    assert "held by     module" in str(raised.value)


def test_another_thread_may_hold_it_a_little_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that is about to return, say."""
    monkeypatch.setattr(watching.time, "sleep", lambda _: KEPT.clear())

    def kept() -> App:
        KEPT.append(App())
        return KEPT[0]  # type: ignore[return-value]

    assert_collectable(kept)


def test_the_last_collection_may_be_what_frees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another thread let go of in a circle."""
    monkeypatch.setattr(watching, "GRACE_S", 0.0)
    app = App()
    app.me = app
    kept = [app]
    del app
    one = watching._watched(kept[0], "test", "ends")
    kept.clear()
    monkeypatch.setattr(watching, "_watched", lambda *args: one)
    collects: list[object] = []
    real = watching.gc.collect
    monkeypatch.setattr(watching.gc, "collect", lambda: collects.append(1) or (len(collects) > 1 and real()))
    assert_collectable(App)
    assert len(collects) == 2


def test_a_coroutine_is_refused_and_closed() -> None:
    """Nothing in it would have run."""

    async def make() -> App:
        return App()

    with pytest.raises(NotWatchable, match=r"coroutine that has not run; give .* asyncio\.run"):
        assert_collectable(make)


def test_an_error_of_the_factory_passes_unchanged() -> None:
    """It says nothing of leaks."""
    with pytest.raises(ZeroDivisionError):
        assert_collectable(lambda: 1 / 0)


def test_code_without_a_file_is_an_unknown_place() -> None:
    """No frame but the runner's is there to be named."""
    assert watching._place(()) == "an unknown place"
    assert threading.active_count()
