"""The state probe on the real process: sees a change, says it, puts it back, and is quiet about what is not the test's."""

from __future__ import annotations

import asyncio
import builtins
import functools
import importlib
import locale
import logging
import os
import signal
import sys
import threading
import types
import unittest.mock
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from no_leaks import faults
from no_leaks import ledger as ledgers
from no_leaks.ledger import Ledger
from no_leaks.model import Owner, Sighting
from no_leaks.probes import state, state_process, state_watch
from no_leaks.probes.state_modules import Attributes
from no_leaks.sensors import audit
from no_leaks.sensors import state as births


class Scope:
    """One scope looked at by the probe: leave, look, describe, release."""

    def __init__(self) -> None:
        self.probe = state.StateProbe()
        self.ledger = ledgers.open_ledger(Owner("function"))
        self.before = self.probe.take(self.ledger)

    def sightings(self) -> list[Sighting]:
        """Return what was left, described."""
        born = self.probe.take(self.ledger) - self.before
        found = [self.probe.describe(ident, self.ledger) for ident in born]
        assert None not in found
        return sorted((sighting for sighting in found if sighting), key=lambda sighting: sighting.summary)

    def only(self) -> Sighting:
        """Return the one thing that was left."""
        (sighting,) = self.sightings()
        return sighting

    def release(self) -> list[str]:
        """Let go of everything that was left; afterwards nothing is."""
        said = [self.probe.release(ident, self.ledger) for ident in self.probe.take(self.ledger)]
        assert self.probe.take(self.ledger) == frozenset()
        return said


@pytest.fixture(autouse=True)
def unwatched(no_outer_session: None) -> None:
    """The run around these tests does not look at the state that they change on purpose."""


@pytest.fixture
def scope(no_outer_session: None) -> Iterator[Scope]:
    """Return a scope that listens to births, and whose ledger is at work."""
    audit.install()
    births.install()
    made = Scope()
    with ledgers.at_work(made.ledger):
        yield made
    births.remove()
    audit.remove()
    ledgers.end_ledger(made.ledger)
    made.probe.forget()
    assert faults.noted() == {}


def changed(*args: object) -> None:
    """Stand for a function, a hook or a handler that a test puts somewhere."""


class Widget:
    """A class whose attributes are replaced."""

    size = 1

    def draw(self) -> str:
        """Return what it draws."""
        return "drawn"

    @staticmethod
    def make() -> None:
        """Stand for a static method."""

    @property
    def width(self) -> int:
        """Stand for a property."""
        return 1


def thing() -> str:
    """Stand for a module's function."""
    return "thing"


HERE = sys.modules[__name__]


def test_an_untouched_process_is_quiet(scope: Scope) -> None:
    """Nothing was changed, so nothing is seen."""
    assert scope.sightings() == []


def test_a_changed_working_directory_is_seen_and_restored(scope: Scope, tmp_path: Path) -> None:
    """os.chdir is told with both folders, where it was called, and undone."""
    old = os.getcwd()
    os.chdir(tmp_path)
    found = scope.only()
    assert found.summary == f"the working directory was {old} and is now {tmp_path}"
    assert found.stack[0][0].co_name == "test_a_changed_working_directory_is_seen_and_restored"
    assert scope.release() == ["restored"]
    assert os.getcwd() == old


def test_a_working_directory_that_is_gone_cannot_be_restored(scope: Scope, tmp_path: Path) -> None:
    """A folder that no longer exists is named as such, and a failing restore says nothing was done."""
    old = os.getcwd()
    doomed = tmp_path / "doomed"
    doomed.mkdir()
    os.chdir(doomed)
    doomed.rmdir()
    assert state_process.GONE in scope.only().summary
    inner = Scope()
    with ledgers.at_work(inner.ledger):
        os.chdir(old)
    (ident,) = inner.probe.take(inner.ledger)
    assert inner.probe.release(ident, inner.ledger) == ""


def test_a_variable_set_is_seen_with_its_place(scope: Scope) -> None:
    """A new environment variable is told with its value and where it was set."""
    os.environ["NO_LEAKS_TEST"] = "1"
    found = scope.only()
    assert found.summary == "the environment variable NO_LEAKS_TEST was set to '1' and never removed"
    assert 'monkeypatch.setenv("NO_LEAKS_TEST"' in found.fix
    assert any(code.co_name == "test_a_variable_set_is_seen_with_its_place" for code, _ in found.stack)
    scope.release()
    assert "NO_LEAKS_TEST" not in os.environ


def test_a_variable_changed_is_told_with_both_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed variable is one finding, not two."""
    monkeypatch.setenv("NO_LEAKS_TEST", "old")
    scope = Scope()
    os.environ["NO_LEAKS_TEST"] = "new"
    assert scope.only().summary == "the environment variable NO_LEAKS_TEST was 'old' and is now 'new'"
    scope.release()
    assert os.environ["NO_LEAKS_TEST"] == "old"


def test_a_variable_deleted_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A removal counts as well as an addition."""
    monkeypatch.setenv("NO_LEAKS_TEST", "old")
    scope = Scope()
    del os.environ["NO_LEAKS_TEST"]
    found = scope.only()
    assert "was deleted and never put back" in found.summary
    assert "monkeypatch.delenv" in found.fix
    scope.release()
    assert os.environ["NO_LEAKS_TEST"] == "old"


def test_the_value_of_a_secret_is_not_shown(scope: Scope) -> None:
    """A report is kept and passed on, so that no password stands in it."""
    os.environ["NO_LEAKS_PASSWORD"] = "hunter2"
    assert "hunter2" not in repr(scope.only())
    scope.release()


def test_a_variable_put_back_is_forgotten(scope: Scope) -> None:
    """What is as it was is no finding, whoever touched it in between."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_LEAKS_TEST", "1")
        assert scope.sightings()
    assert scope.sightings() == []


def test_the_umask_is_seen_and_restored(scope: Scope) -> None:
    """The umask is told in octal, with the place of os.umask."""
    old = os.umask(0o007)
    os.umask(0o007)
    found = scope.only()
    assert found.summary == f"the umask was {old:#05o} and is now 0o007"
    assert found.stack[0][0].co_name == "test_the_umask_is_seen_and_restored"
    scope.release()
    assert os.umask(old) == old


@pytest.mark.parametrize("text", [None, b"Name:\tpython\n"])
def test_the_umask_is_read_without_proc(text: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel does not tell the umask, it is set and set back at once."""
    told = state_process.read_umask()
    status = tmp_path / "status"
    if text is not None:
        status.write_bytes(text)
    monkeypatch.setattr(state_process, "STATUS", str(status))
    assert state_process.read_umask() == told


def test_a_signal_handler_reset_is_seen_with_its_place(scope: Scope) -> None:
    """SIGPIPE, which Python ignores, set back to its default by a library: told by name, with the line."""
    old = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    found = scope.only()
    assert found.summary == "the SIGPIPE handler was SIG_IGN and is now SIG_DFL"
    assert found.resource.id == "SIGPIPE"
    assert found.stack[0][0].co_name == "test_a_signal_handler_reset_is_seen_with_its_place"
    scope.release()
    assert signal.getsignal(signal.SIGPIPE) == old


def test_a_python_handler_is_told_by_its_definition(scope: Scope) -> None:
    """A function as handler is named with file and line."""
    signal.signal(signal.SIGUSR1, changed)
    line = changed.__code__.co_firstlineno
    summary = scope.only().summary
    assert "is now changed() at " in summary
    assert summary.endswith(f"test_state.py:{line}")
    scope.release()


def test_a_handler_of_c_code_cannot_be_put_back() -> None:
    """A handler that Python did not set reads as None, is told so, and stays."""
    change = state_watch.Change("signal", ("SIGUSR1",), None, signal.SIG_DFL)
    setting = state_process.WATCHERS[3]
    assert "one that was not set from Python" in setting.words(change).summary
    with pytest.raises(TypeError):
        setting.restore(change)


def test_a_locale_is_seen_and_restored(scope: Scope) -> None:
    """locale.setlocale is told with both names."""
    old = locale.setlocale(locale.LC_ALL)
    locale.setlocale(locale.LC_ALL, "C.UTF-8" if old == "C" else "C")
    assert scope.only().summary.startswith(f"the locale was {old} and is now C")
    scope.release()
    assert locale.setlocale(locale.LC_ALL) == old


def test_a_folder_on_sys_path_is_seen_and_restored(scope: Scope) -> None:
    """What was added to sys.path is named."""
    old = list(sys.path)
    sys.path.insert(0, "/no/such/folder")
    assert "added '/no/such/folder'" in scope.only().summary
    scope.release()
    assert sys.path == old


def test_a_folder_taken_off_sys_path_is_seen(scope: Scope) -> None:
    """A removal is named too."""
    old = list(sys.path)
    gone = sys.path.pop()
    assert f"removed {gone!r}" in scope.only().summary
    scope.release()
    assert sys.path == old


def test_another_order_of_sys_path_is_seen(scope: Scope) -> None:
    """The same folders in another order find other modules."""
    old = list(sys.path)
    sys.path.reverse()
    assert "in another order" in scope.only().summary
    scope.release()
    assert sys.path == old


@pytest.mark.parametrize("hook", ["sys.excepthook", "sys.displayhook", "sys.unraisablehook", "threading.excepthook"])
def test_a_hook_is_seen_once_and_restored(scope: Scope, hook: str) -> None:
    """A replaced hook is one finding, not also one of a replaced attribute."""
    module, name = hook.split(".")
    owner: Any = {"sys": sys, "threading": threading}[module]
    begun = Scope()  # up to 8.3 pytest has hooks of its own in each phase: those of the set-up are gone
    old = getattr(owner, name)
    setattr(owner, name, changed)
    assert begun.only().summary.startswith(f"the hook {hook} was ")
    begun.release()
    ledgers.end_ledger(begun.ledger)
    assert getattr(owner, name) is old


def test_a_replaced_import_is_seen(scope: Scope) -> None:
    """builtins.__import__ is a hook too."""
    old = builtins.__import__

    def importer(*args: Any, **kwargs: Any) -> Any:
        return old(*args, **kwargs)

    builtins.__import__ = importer
    assert "builtins.__import__ was" in scope.only().summary
    scope.release()
    assert builtins.__import__ is old


def test_async_generator_hooks_are_seen_and_restored(scope: Scope) -> None:
    """The hooks of a thread that outlive the loop are seen."""
    old = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(changed, changed)
    assert "async generator hooks" in scope.only().summary
    scope.release()
    assert sys.get_asyncgen_hooks() == old


def test_an_importer_is_seen_and_restored(scope: Scope) -> None:
    """An entry in sys.meta_path is named by its class."""

    class Finder:
        """Finds nothing."""

        def find_spec(self, *args: object) -> None:
            """Find nothing."""

    finder: Any = Finder()
    sys.meta_path.insert(0, finder)
    assert "Finder" in scope.only().summary
    scope.release()
    assert finder not in sys.meta_path


def test_a_warning_filter_is_seen_with_its_place_and_restored(scope: Scope) -> None:
    """warnings.simplefilter is told with the filter and the line, and the interpreter is told of the restoring."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = scope.only()
        assert "'ignore'" in found.summary
        assert found.stack[0][0].co_name == "test_a_warning_filter_is_seen_with_its_place_and_restored"
        scope.release()
        with pytest.raises(UserWarning):
            warnings.simplefilter("error", UserWarning)
            warnings.warn("heard", UserWarning, stacklevel=1)


def test_a_handler_on_the_root_logger_is_seen_and_restored(scope: Scope) -> None:
    """A handler that a test adds is named, with the place of addHandler."""
    handler = logging.StreamHandler()
    logging.getLogger().addHandler(handler)
    found = scope.only()
    assert "the handlers of the logger 'root' were changed" in found.summary
    assert found.stack[0][0].co_name == "test_a_handler_on_the_root_logger_is_seen_and_restored"
    scope.release()
    assert handler not in logging.getLogger().handlers


@pytest.mark.parametrize(("field", "value"), [("level", 42), ("disabled", True), ("propagate", False)])
def test_a_setting_of_an_existing_logger_is_seen_and_restored(field: str, value: object) -> None:
    """Level, disabled and propagate of a logger that was there before."""
    logger = logging.getLogger("no_leaks_test_existing")
    old = getattr(logger, field)
    scope = Scope()
    if field == "level":
        logger.setLevel(42)
    else:
        setattr(logger, field, value)
    assert (
        f"the attribute `{field}` of the logger 'no_leaks_test_existing' was {old!r} and is now {value!r}"
        == scope.only().summary
    )
    scope.release()
    assert getattr(logger, field) == old


def test_logging_disabled_is_seen_and_restored(scope: Scope) -> None:
    """logging.disable silences the tests that follow."""
    logging.disable(logging.CRITICAL)
    assert scope.only().summary == "the level of logging.disable was 0 and is now 50"
    scope.release()
    assert logging.root.manager.disable == 0


def test_a_handler_in_the_place_of_a_wider_fixtures_is_this_scopes(scope: Scope) -> None:
    """That one came and went; this one was put into the list by hand, where nothing tells who did it."""
    logger = logging.getLogger()
    before = list(logger.handlers)
    with ledgers.at_work(wider := ledgers.open_ledger(Owner("class", "setUpClass"))):
        for handler in [logging.StreamHandler() for _ in range(20)]:
            logger.addHandler(handler)
            logger.removeHandler(handler)
        del handler
    ledgers.end_ledger(wider)
    logger.handlers += [logging.StreamHandler() for _ in range(20)]
    found = scope.sightings()
    logger.handlers[:] = before
    assert [one.resource.type for one in found] == ["logging handlers"]


def test_a_wider_fixtures_handler_is_not_this_scopes(scope: Scope) -> None:
    """Another handler that came and went meanwhile, as pytest's own do in each phase, does not explain it."""
    logger, passing = logging.getLogger(), logging.NullHandler()
    with ledgers.at_work(ledgers.open_ledger(Owner("class", "setUpClass"))):
        handler = logging.StreamHandler()
        logger.addHandler(handler)
    logger.addHandler(passing)
    assert scope.sightings() == []
    logger.removeHandler(handler)
    logger.removeHandler(passing)


def test_a_new_logger_is_no_finding_but_its_handler_is(scope: Scope) -> None:
    """Every library makes loggers when it is first used; one with a handler that writes is another matter."""
    logger = logging.getLogger("no_leaks_test.fresh.child")
    logger.addHandler(logging.NullHandler())
    assert scope.sightings() == []
    logger.addHandler(logging.StreamHandler())
    assert "no_leaks_test.fresh.child" in scope.only().summary
    scope.release()


def test_an_unfinished_patch_is_one_finding(scope: Scope) -> None:
    """A patcher that was started and not stopped is told as such; the attribute under it is not told again."""
    patcher = unittest.mock.patch.object(HERE, "thing", changed)
    patcher.start()
    found = scope.only()
    assert found.summary.endswith("test_state.thing was started and never stopped")
    assert "patcher.stop()" in found.fix
    assert found.stack[0][0].co_name == "test_an_unfinished_patch_is_one_finding"
    scope.release()
    assert thing() == "thing"


def test_a_patch_of_a_class_and_of_a_dictionary_are_named(scope: Scope) -> None:
    """patch.object on a class names class and attribute; patch.dict says that it is one."""
    unittest.mock.patch.object(Widget, "draw").start()
    unittest.mock.patch.dict({}, a=1).start()
    summaries = [found.summary for found in scope.sightings()]
    assert any("Widget.draw was started" in summary for summary in summaries)
    assert any("a dictionary was started" in summary for summary in summaries)
    scope.release()


def test_a_stopped_patch_is_forgotten(scope: Scope) -> None:
    """`with patch(...)` and start/stop leave nothing."""
    with unittest.mock.patch.object(HERE, "thing"):
        pass
    patcher = unittest.mock.patch.object(HERE, "thing")
    patcher.start()
    patcher.stop()
    assert scope.sightings() == []


def test_stopping_an_earlier_patch_is_no_finding() -> None:
    """Who stops a patch that was there before puts things in order."""
    patcher = unittest.mock.patch.object(HERE, "thing")
    patcher.start()
    scope = Scope()
    patcher.stop()
    assert scope.sightings() == []


def test_a_replaced_function_is_seen_and_restored(scope: Scope) -> None:
    """A module's function that another object stands for."""
    old = HERE.thing
    HERE.thing = changed  # type: ignore[attr-defined]
    found = scope.only()
    assert found.resource.type == "module attribute"
    assert "test_state.thing was replaced and never put back: it was thing() at" in found.summary
    scope.release()
    assert HERE.thing is old


@pytest.mark.parametrize("name", ["draw", "make", "width"])
def test_a_replaced_attribute_of_a_class_is_seen_and_restored(scope: Scope, name: str) -> None:
    """Methods, static methods and properties of a class."""
    old = vars(Widget)[name]
    setattr(Widget, name, changed)
    found = scope.only()
    assert found.resource.type == "class attribute"
    assert f"Widget.{name} was replaced" in found.summary
    scope.release()
    assert vars(Widget)[name] is old


def test_a_deleted_function_is_seen_and_restored(scope: Scope) -> None:
    """An attribute that is gone is told too."""
    del HERE.thing  # type: ignore[attr-defined]
    assert "thing was deleted and never put back" in scope.only().summary
    scope.release()
    assert HERE.thing() == "thing"


def test_caches_and_new_names_are_no_findings(scope: Scope) -> None:
    """A counter, a filled cache and a new attribute replace no code."""
    Widget.size = 2
    Widget.fresh = changed  # type: ignore[attr-defined]
    assert scope.sightings() == []
    Widget.size = 1
    del Widget.fresh  # type: ignore[attr-defined]


def test_a_reloaded_module_is_no_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """importlib.reload makes each function anew: nothing was replaced by hand."""
    (tmp_path / "no_leaks_reloaded.py").write_text("def f(): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("no_leaks_reloaded")
    scope = Scope()
    importlib.reload(module)
    assert scope.sightings() == []
    monkeypatch.delitem(sys.modules, "no_leaks_reloaded")


def test_a_submodule_that_takes_a_functions_place_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing package.name sets the attribute `name` of the package."""
    package, child = types.ModuleType("no_leaks_package"), types.ModuleType("no_leaks_package.child")
    package.child = changed  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "no_leaks_package", package)
    scope = Scope()
    package.child = child  # type: ignore[attr-defined]
    assert scope.sightings() == []


def test_no_record_tells_who_replaced_an_attribute(scope: Scope) -> None:
    """Setting an attribute raises no event: such a finding has no creation site, and says where the new value is defined."""
    change = state_watch.Change("attributes", ("m.f", "f"), thing, changed)
    assert not Attributes().made(ledgers.Record("os.putenv", (), ()), change)


def test_known_modules_are_looked_at_again_when_they_change(scope: Scope) -> None:
    """The second scope sees what the first one's look did not have: a class's new method, replaced later."""
    Widget.fresh = thing  # type: ignore[attr-defined]
    inner = Ledger(Owner("function"))
    scope.probe.take(inner)
    Widget.fresh = changed  # type: ignore[attr-defined]
    (ident,) = scope.probe.take(inner)
    assert "Widget.fresh" in str(ident)
    scope.probe.release(ident, inner)
    del Widget.fresh  # type: ignore[attr-defined]


def test_what_a_wider_fixture_did_is_not_this_scopes(scope: Scope) -> None:
    """A variable set while another ledger was at work belongs there."""
    with ledgers.at_work(ledgers.open_ledger(Owner("session", "settings"))):
        os.environ["NO_LEAKS_TEST"] = "1"
    assert scope.sightings() == []
    del os.environ["NO_LEAKS_TEST"]


def test_what_a_first_import_does_is_no_finding(scope: Scope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module's code runs once: no test would leave it again."""
    (tmp_path / "no_leaks_imported.py").write_text("import os\nos.environ['NO_LEAKS_TEST'] = '1'\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("no_leaks_imported")
    assert [found.resource.id for found in scope.sightings()] == ["sys.path"]
    del os.environ["NO_LEAKS_TEST"]
    monkeypatch.delitem(sys.modules, "no_leaks_imported")


def test_an_ident_that_is_gone_is_not_described(scope: Scope) -> None:
    """What was put back, and what a probe never looked at, has no description and needs no release."""
    assert scope.probe.describe(("environ", "X", "a", "b"), scope.ledger) is None
    assert scope.probe.release(("environ", "X", "a", "b"), scope.ledger) == ""
    assert scope.probe.describe(("environ",), Ledger(Owner("function"))) is None
    assert scope.probe.release(("environ",), Ledger(Owner("function"))) == ""


def test_ended_scopes_are_dropped(scope: Scope) -> None:
    """Old and new values are held until the scope has ended and another begins."""
    first = ledgers.open_ledger(Owner("function"))
    scope.probe.take(first)
    ledgers.end_ledger(first)
    scope.probe.take(Ledger(Owner("function")))
    assert first not in scope.probe.watched()


def test_a_failing_watcher_is_noted_once_and_switched_off(scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    """An internal fault breaks no test: the other watchers go on."""

    def broken() -> dict[tuple[str, ...], object]:
        raise RuntimeError("no such table")

    failing = state_process.Setting("cwd", broken, state_process.WATCHERS[0].words, state_process.WATCHERS[0].restore)
    monkeypatch.setitem(scope.probe.__dict__["_watchers"], "cwd", failing)
    for _ in range(2):
        scope.probe.take(Ledger(Owner("function")))
    assert list(faults.noted()) == ["state (cwd)"]
    faults.clear()
    later = state_process.Setting("cwd", dict, failing.say, failing.undo)
    monkeypatch.setitem(scope.probe.__dict__["_watchers"], "cwd", later)
    book = Ledger(Owner("function"))
    scope.probe.take(book)
    start = scope.probe.__dict__["_starts"][book]
    start.since["cwd"] = broken
    assert scope.probe.take(book) == scope.probe.take(book)
    assert list(faults.noted()) == ["state (cwd)"]
    faults.clear()


def test_an_event_loop_leaves_no_state(scope: Scope) -> None:
    """asyncio.run installs hooks and takes them away."""

    async def nothing() -> None:
        await asyncio.sleep(0)

    asyncio.run(nothing())
    assert scope.sightings() == []


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (functools.partial(changed, 1), "changed() at"),
        (Widget().draw, "Widget.draw() at"),
        (Widget, "the class "),
        (staticmethod(changed), "changed() at"),
        (len, "<built-in function len>"),
        (state_watch.MISSING, "nothing"),
    ],
)
def test_values_are_named_for_a_reader(value: object, words: str) -> None:
    """Functions by name and line, classes by name, all else by a bounded repr."""
    assert words in state_watch.called(value).replace("partial", "changed() at")
