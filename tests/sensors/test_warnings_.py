"""What the collector had to close and what was never awaited: heard, while the user's own warnings stay as they are."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from support import Watch, here, site_of

from no_leaks import faults, ledger, origin
from no_leaks.sensors import dropped, strays, warnings_

Make = Callable[..., Watch]
Filters = list[Any]


async def fetch() -> None:
    """A coroutine that nobody awaits."""


def forget() -> None:
    """Make it and drop it."""
    fetch()  # type: ignore[unused-coroutine]


@pytest.fixture
def unlistened(watch: Make) -> Iterator[None]:
    """Nothing is installed, whatever runs around this test; it comes back afterwards."""
    watching = watch("unclosed")
    watching.session.sensors.remove()
    yield
    watching.session.sensors.install()


def test_a_file_that_is_dropped_is_heard_under_an_ignoring_filter(watch: Make) -> None:
    """The interpreter ignores ResourceWarnings by default: the listener stands in front."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        watching = watch("unclosed")
        line = here() + 1
        open(os.devnull)
        assert site_of(watching.only(), __file__) == line


def test_a_warning_that_is_an_error_is_heard_and_stays_one(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The listener takes note and says no: what the user's filters do is theirs."""
    raised: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda report: raised.append(report.exc_type))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        watching = watch("unclosed")
        open(os.devnull)
        assert watching.only().kind == "unclosed"
    assert raised == [ResourceWarning]


def test_what_our_own_collection_finds_is_told_once(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It becomes a finding: under `-W error` the runner gets no unraisable error besides."""
    raised: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda report: raised.append(report.exc_type))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        watching = watch("unclosed")
        _keep_itself(open(os.devnull))
        _keep_itself(fetch())
        warnings_.collect()
        assert len(watching.ledger.losses) == 1
    assert raised == []


def _keep_itself(thing: object) -> None:
    cycle: list[object] = [thing]
    cycle.append(cycle)


def test_what_falls_while_the_first_loss_loads_its_words_is_heard_too(
    watch: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import runs much code: another file may fall in the midst of it."""

    class Careless:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name == "no_leaks.sensors.finalized":
                open(os.devnull)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        watching = watch("unclosed")
        for name in ("dropped", "finalized"):
            monkeypatch.delitem(sys.modules, f"no_leaks.sensors.{name}", raising=False)
            monkeypatch.delattr(f"no_leaks.sensors.{name}", raising=False)
        monkeypatch.setattr(sys, "meta_path", [Careless(), *sys.meta_path])
        open(os.devnull)
        assert len(watching.ledger.losses) == 2
    assert faults.noted() == {}


def test_what_pytest_warns_expects_is_not_heard(watch: Make) -> None:
    """The test knows of the warning and wants it."""
    watching = watch("unclosed")
    with pytest.warns(ResourceWarning, match="unclosed file"):
        open(os.devnull)
    assert watching.scope.is_clean()


def test_what_a_filter_of_the_tests_own_decides_is_not_heard(watch: Make) -> None:
    """Filters that a test puts in front come first."""
    watching = watch("unclosed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        open(os.devnull)
    assert watching.scope.is_clean()


def test_other_warnings_pass_by(watch: Make) -> None:
    """The listener is asked about every warning and answers for one kind."""
    watching = watch("unclosed")
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        warnings_.listen()
        warnings.warn("hello", UserWarning, stacklevel=1)
    assert len(heard) == 1
    assert watching.scope.is_clean()


def test_listening_twice_puts_one_filter_in_front(watch: Make) -> None:
    """pytest makes a new list for each phase; within one nothing piles up."""
    watch("unclosed")
    with warnings.catch_warnings():
        warnings_.listen()
        warnings_.listen()
        assert [one is warnings_._FILTER for one in warnings.filters].count(True) == 1
        warnings_.unlisten()
        warnings_.unlisten()
        assert warnings_._FILTER not in warnings.filters
        warnings.filters[:] = []  # type: ignore[index]
        warnings_.listen()
        assert warnings.filters == [warnings_._FILTER]


def test_an_error_in_the_listener_is_a_fault_and_no_error(watch: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing reaches the code that warned."""

    def fail(*args: object, **kwargs: object) -> None:
        raise ValueError("deaf")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        watching = watch("unclosed", "tasks")
        monkeypatch.setattr(dropped, "write", fail)
        monkeypatch.setattr(warnings_, "_note_coroutine", fail)
        open(os.devnull)
        forget()
    assert watching.ledger.losses == []
    assert set(faults.noted()) == {"unclosed", "never-awaited coroutines"}


def test_a_coroutine_that_was_never_awaited_is_seen_where_it_was_called(watch: Make) -> None:
    """Its origin is the caller's line, past a helper."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        watching = watch("tasks")
        line = here() + 1
        forget()
        sighting = watching.only()
    assert (sighting.kind, sighting.resource.type, sighting.resource.id) == ("tasks", "coroutine", "fetch")
    assert sighting.resource.detail.endswith(f"test_warnings_.py:{fetch.__code__.co_firstlineno}")
    assert [place[1:] for place in sighting.places[:2]] == [
        (forget.__code__.co_firstlineno + 2, "forget"),
        (line, "test_a_coroutine_that_was_never_awaited_is_seen_where_it_was_called"),
    ]


def test_a_coroutine_that_outlives_its_maker_is_seen_where_it_was_made(watch: Make) -> None:
    """Of the frames above only those of a function that still runs are known: here it has returned."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        watching = watch("tasks")
        made = _make()
        del made
        (place,) = watching.only().places
    assert place[1:] == (_make.__code__.co_firstlineno + 1, "_make")


def _make() -> Coroutine[Any, Any, None]:
    return fetch()


def test_a_coroutine_without_an_origin_is_shown_where_it_is_defined(watch: Make) -> None:
    """Made before anybody tracked origins."""
    coroutine = _without_origin()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        watching = watch("tasks")
        del coroutine
        (place,) = watching.only().places
    assert place[1:] == (fetch.__code__.co_firstlineno, "fetch")


def _without_origin() -> Coroutine[Any, Any, None]:
    depth = sys.get_coroutine_origin_tracking_depth()
    sys.set_coroutine_origin_tracking_depth(0)
    try:
        return fetch()
    finally:
        sys.set_coroutine_origin_tracking_depth(depth)


def test_the_users_warning_is_word_for_word_the_interpreters(watch: Make) -> None:
    """Text, class, place and source: origins are tracked for us alone."""
    plain = _recorded()
    watch("tasks")
    assert _recorded() == plain


def test_a_user_who_tracks_origins_keeps_the_interpreters_longer_text(unlistened: None, watch: Make) -> None:
    """`PYTHONASYNCIODEBUG` and friends: the depth is theirs and stays."""
    depth = sys.get_coroutine_origin_tracking_depth()
    sys.set_coroutine_origin_tracking_depth(2)
    try:
        plain = _recorded()
        watching = watch("tasks")
        assert _recorded() == plain
        assert "Coroutine created at" in plain[0]
        watching.session.sensors.remove()
        assert sys.get_coroutine_origin_tracking_depth() == 2
    finally:
        sys.set_coroutine_origin_tracking_depth(depth)


def _recorded() -> tuple[str, type, str, int]:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        forget()
    (warning,) = heard
    return str(warning.message), warning.category, warning.filename, warning.lineno


def test_a_coroutine_that_pytest_warns_expects_is_no_leak(watch: Make) -> None:
    """A test of just this warning passes."""
    watching = watch("tasks")
    with pytest.warns(RuntimeWarning, match="never awaited"):
        forget()
    assert watching.scope.is_clean()


@pytest.mark.parametrize(
    ("message", "category"), [("something else", RuntimeWarning), ("", DeprecationWarning)], ids=["text", "class"]
)
def test_a_filter_for_other_warnings_leaves_a_coroutine_a_leak(watch: Make, message: str, category: type) -> None:
    """Only a filter that decides this very warning speaks for the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        watching = watch("tasks")
        warnings.filterwarnings("error", message=message, category=category)
        forget()
    assert len(watching.left()) == 1


def test_outside_a_scope_a_coroutine_is_nobodys(watch: Make) -> None:
    """The sensor is installed and inert."""
    watching = watch("tasks")
    watching.scope.end()
    with ledger.at_work(None), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings_.listen()
        forget()
    assert watching.ledger.losses == []
    assert list(strays.kept) == []


def test_removing_puts_everything_back(unlistened: None) -> None:
    """The interpreter's function, the tracking depth, the collector's callbacks and the filters."""
    before = _state()
    warnings_.install()
    warnings_.install()
    warnings_.listen()
    assert _state() != before
    warnings_.remove()
    warnings_.remove()
    assert _state() == before


def _state() -> tuple[object, ...]:
    return (
        warnings._warn_unawaited_coroutine,  # type: ignore[attr-defined]
        sys.get_coroutine_origin_tracking_depth(),
        list(gc.callbacks),
        list(warnings.filters),
    )


def test_a_depth_that_somebody_set_meanwhile_is_left(unlistened: None) -> None:
    """It is not ours to put back."""
    before = sys.get_coroutine_origin_tracking_depth()
    sys.set_coroutine_origin_tracking_depth(0)
    warnings_.install()
    sys.set_coroutine_origin_tracking_depth(9)
    warnings_.remove()
    assert sys.get_coroutine_origin_tracking_depth() == 9
    sys.set_coroutine_origin_tracking_depth(before)


def test_the_interpreters_own_call_is_caught_in_a_plain_process() -> None:
    """Without pytest around: the warning is printed as ever, and the coroutine is on record."""
    code = (
        "from no_leaks import no_leaks, LeakError\n"
        "async def fetch(): pass\n"
        "try:\n"
        "    with no_leaks('tasks'):\n"
        "        fetch()\n"
        "except LeakError as error:\n"
        "    print(len(error.leaks), error.leaks[0].created_at[0].line)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "1 5\n", done.stderr
    assert "RuntimeWarning: coroutine 'fetch' was never awaited" in done.stderr


def test_a_filter_that_was_covered_comes_to_the_front_again(watch: Make) -> None:
    """An inner list of filters is a copy: a second one in it would tell each loss twice."""
    watch("unclosed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings_.listen()
        assert [seen is warnings_._FILTER for seen in warnings.filters].count(True) == 1
        assert warnings.filters[0] is warnings_._FILTER


def test_a_collection_in_a_thread_without_python_was_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no frame to look at."""

    def frameless(depth: int) -> object:
        raise ValueError("call stack is not deep enough")

    monkeypatch.setattr(origin, "frame_up", frameless)
    assert not warnings_._is_asked_for({"generation": 2})
