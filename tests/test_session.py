"""Sessions: they listen, nest, fall silent in a forked child, and turn what scopes left into leaks."""

from __future__ import annotations

import os
import socket
import threading
import warnings
from collections.abc import Callable

import pytest
from support import ON_PURPOSE, Watch, allowance, here, in_child

from no_leaks import faults, ledger, origin
from no_leaks import session as sessions
from no_leaks.config import Settings
from no_leaks.model import Owner, Verdict
from no_leaks.sensors import audit, strays, warnings_
from no_leaks.session import Session

Make = Callable[..., Watch]


def listening() -> bool:
    """Whether the audit hook has anything to do."""
    return bool(audit._active)


def test_a_session_listens_from_start_to_stop(no_outer_session: None) -> None:
    """Outside of it every sensor is inert and nothing is remembered."""
    session = Session(("files",))
    assert not listening()
    session.start()
    assert listening()
    session.stop()
    session.stop()
    assert not listening()
    assert list(ledger.all_ledgers()) == []


def test_an_inner_session_gives_back_to_the_outer(no_outer_session: None) -> None:
    """A test of this tool runs a session inside a session."""
    outer, inner = Session(("files",), root="/outer"), Session(("files",), root="/inner")
    outer.start()
    faults.note("outer", ValueError("kept"))
    inner.start()
    assert origin.root() == "/inner"
    inner.stop()
    assert listening()
    assert origin.root() == "/outer"
    assert faults.has("outer")
    outer.stop()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_after_an_inner_session_the_outer_scope_still_hears(watch: Make) -> None:
    """The inner one takes its listening filter away, and the outer one's comes back."""
    watching = watch("unclosed")
    inner = Session(("unclosed",))
    inner.start()
    inner.close(inner.open(Owner("block"), Settings(kinds=frozenset({"unclosed"}))))
    inner.stop()
    open(os.devnull)
    assert len(watching.left()) == 1


def test_what_was_left_is_a_leak_explained_and_let_go(watch: Make) -> None:
    """Kind, verdict, site, holder, and what was done about it."""
    watching = watch("sockets")
    sock, line = socket.socket(), here()
    (leak,) = watching.session.close(watching.scope)
    assert (leak.kind, leak.verdict, leak.test) == ("sockets", Verdict.LEAK, "test_watched")
    assert leak.done == "closed"
    assert sock.fileno() == -1
    assert line in [frame.line for frame in leak.created_at if frame.file.endswith("test_session.py")]
    assert watching.session.leaks == [leak]
    assert watching.session.checked == 1


kept: list[socket.socket] = []
"""A registry of the module's, which outlives its tests."""


def test_what_a_module_keeps_is_not_closed(watch: Make) -> None:
    """A client that connected on first use is used again by the next test: closing it would fail that one."""
    watching = watch("sockets")
    kept.append(socket.socket())
    (leak,) = watching.session.close(watching.scope)
    with kept.pop() as sock:
        assert (leak.held_by[-1], leak.done) == ("[0]", "")
        assert sock.fileno() >= 0


class Client:
    """An object that opens its socket late."""

    sock: socket.socket | None = None


def test_what_a_hidden_holder_keeps_is_not_closed(watch: Make, request: pytest.FixtureRequest) -> None:
    """A fixture's object is held by the runner, which is never named."""
    watching = watch("sockets")
    request.getfixturevalue("client").sock = socket.socket()
    (leak,) = watching.session.close(watching.scope)
    assert (leak.held_by, leak.done) == ((), "")
    with request.getfixturevalue("client").sock as sock:
        assert sock.fileno() >= 0


@pytest.fixture
def client() -> Client:
    """Return a client that has not connected yet."""
    return Client()


def test_beside_a_running_thread_nothing_is_closed(watch: Make) -> None:
    """The thread may be at work with it, and would fail in the midst of the next test."""
    watching = watch("sockets", "threads")
    near, far = socket.socketpair()
    thread = threading.Thread(target=far.recv, args=(1,))
    thread.start()
    leaks = watching.session.close(watching.scope)
    with near, far:
        near.send(b"x")
        thread.join()
    assert {(leak.kind, leak.done) for leak in leaks} == {("sockets", ""), ("threads", "")}


def test_what_is_allowed_is_left_open(watch: Make) -> None:
    """The user keeps it on purpose: it is listed and not touched."""
    watching = watch("sockets", allowances=allowance("sockets"))
    with socket.socket() as sock:
        (leak,) = watching.session.close(watching.scope)
        assert (leak.verdict, leak.reason, leak.done) == (Verdict.ALLOWED, ON_PURPOSE, "")
        assert sock.fileno() >= 0


def test_a_bare_descriptor_has_no_holder(watch: Make) -> None:
    """Where no object is behind it there is nobody to name."""
    watching = watch("pipes")
    ends = os.pipe()
    leaks = watching.session.close(watching.scope)
    for end in ends:
        os.close(end)
    assert [(leak.held_by, leak.done) for leak in leaks] == [((), ""), ((), "")]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_loss_has_neither_holder_nor_release(watch: Make) -> None:
    """It is gone already, and certain."""
    watching = watch("unclosed")
    open(os.devnull)
    (leak,) = watching.session.close(watching.scope)
    assert (leak.confidence, leak.held_by, leak.done) == ("definite", (), "")


def test_a_scope_that_was_settled_elsewhere_is_not_settled_again(watch: Make) -> None:
    """An async caller settles on its own loop first."""
    watching = watch("pipes")
    ends = os.pipe()
    found = watching.left()
    pauses = len(watching.pauses)
    leaks = watching.session.close(watching.scope)
    for end in ends:
        os.close(end)
    assert (len(found), len(leaks), len(watching.pauses)) == (2, 2, pauses)


def test_a_clean_scopes_end_is_the_next_ones_begin(watch: Make) -> None:
    """What the table showed is carried on; births and losses are each scope's own."""
    watching = watch("files", "threads", "temp")
    session = watching.session
    assert session.close(watching.scope) == ()
    assert session.late() == ()
    following = session.open(Owner("function"), watching.settings)
    assert following.before == watching.scope.after | {"temp": frozenset(), "losses": frozenset()}
    assert following.before["descriptors"] is watching.scope.after["descriptors"]
    following.end()


def test_between_scopes_that_something_happened_nothing_is_carried(watch: Make) -> None:
    """No scope answers for what was opened there, and the next one is not blamed."""
    watching = watch("files")
    session = watching.session
    session.close(watching.scope)
    with open(os.devnull):
        session.forget()
        following = session.open(Owner("function"), watching.settings)
        assert session.close(following) == ()


def test_after_a_leak_the_next_scope_looks_anew(watch: Make) -> None:
    """One leak does not make the next test fail."""
    watching = watch("pipes")
    ends = os.pipe()
    assert len(watching.session.close(watching.scope)) == 2
    assert watching.session.close(watching.session.open(Owner("function"), watching.settings)) == ()
    for end in ends:
        os.close(end)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_comes_to_light_after_a_scopes_end_is_late_and_its(watch: Make) -> None:
    """The file of an earlier test is dropped during a later one."""
    watching = watch("unclosed", "temp")
    session = watching.session
    kept = [open(os.devnull)]
    session.close(watching.scope)
    following = session.open(Owner("function", test="test_later"), watching.settings)
    kept.clear()
    assert session.close(following) == ()
    (late,) = session.late()
    assert late.test == "test_watched"
    assert "after its scope had ended" in late.proof


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_comes_to_light_between_the_last_look_and_the_end_is_late_and_its(watch: Make) -> None:
    """The collector comes when it likes, also while a clean scope is being ended."""
    watching = watch("unclosed", "temp")
    kept = [open(os.devnull)]
    assert watching.scope.is_clean()
    kept.clear()
    assert watching.session.close(watching.scope) == ()
    (late,) = watching.session.late()
    assert late.test == "test_watched"


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_nobody_can_be_charged_with_is_described(watch: Make) -> None:
    """A stray of the collector is told of, in words, and blamed on no test."""
    keep: list[object] = [open(os.devnull)]
    keep.append(keep)
    watching = watch("unclosed")
    del keep
    warnings_.collect()
    assert watching.scope.is_clean()
    (words,) = watching.session.strays()
    assert words.startswith("a file was opened and dropped unclosed: file unclosed file")


def test_the_canary_answers_are_kept(watch: Make) -> None:
    """The report and the gate read them."""
    watching = watch("temp", "files")
    watching.session.prove(("temp", "files"))
    assert watching.session.canary == {"temp": True, "files": True}


def test_a_forked_child_has_neither_session_nor_ledger_and_is_silent(watch: Make) -> None:
    """It reports and closes nothing that is its parent's."""
    watching = watch("files", "threads", "unclosed")

    def look() -> tuple[object, ...]:
        before = len(watching.ledger.records)
        open(os.devnull).close()
        return (
            watching.session.is_here(),
            len(sessions._sessions),
            ledger.current(),
            list(ledger.all_ledgers()),
            listening(),
            len(watching.ledger.records) - before,
            warnings_._FILTER in warnings.filters,
            "__wrapped__" in vars(threading.Thread.start),
        )

    assert in_child(look) == repr((False, 0, None, [], False, 0, False, False))
    assert watching.session.is_here()
    assert listening()
    assert ledger.current() is watching.ledger


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_forked_child_hears_no_warning(watch: Make) -> None:
    """What it drops is not written into the ledger that it has a copy of."""
    watching = watch("unclosed")

    def look() -> int:
        open(os.devnull)
        return len(watching.ledger.losses) + len(strays.kept)

    assert in_child(look) == "0"


def test_a_running_thread_does_not_hand_its_ledger_to_a_forked_child(watch: Make) -> None:
    """The thread that forks may have been started under a ledger: in the child nothing is at work."""
    watching = watch("threads")
    seen: list[str] = []
    thread = threading.Thread(target=lambda: seen.append(in_child(listening)))
    thread.start()
    thread.join()
    assert seen == ["False"]
    assert watching.left() == ()
