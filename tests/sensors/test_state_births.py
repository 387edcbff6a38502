"""The births of state: who changed it, on record where no audit event tells, and nothing left once the sensor is removed."""

from __future__ import annotations

import logging
import os
import signal
import sys
import unittest.mock
from collections.abc import Iterator
from typing import Any

import pytest

from no_leaks import faults
from no_leaks import ledger as ledgers
from no_leaks.ledger import Ledger
from no_leaks.model import Owner
from no_leaks.sensors import state as births


@pytest.fixture
def book(no_outer_session: None) -> Iterator[Ledger]:
    """Return the ledger at work while the sensor is installed."""
    births.install()
    book = Ledger(Owner("function"))
    with ledgers.at_work(book):
        yield book
    births.remove()


def test_a_signal_handler_is_on_record(book: Ledger) -> None:
    """signal.signal leaves the number and the stack of its caller."""
    signal.signal(signal.SIGUSR2, signal.getsignal(signal.SIGUSR2))
    (record,) = book.of("signal.signal")
    assert record.facts == (signal.SIGUSR2,)
    assert record.stack[0][0].co_name == "test_a_signal_handler_is_on_record"


def test_a_logger_and_a_patcher_are_on_record_by_value(book: Ledger) -> None:
    """A record holds a logger's name and a weak reference to a patcher, never the objects."""
    logging.getLogger("no_leaks_births").setLevel(10)
    patcher = unittest.mock.patch.object(births, "SITES", ())
    patcher.start()
    patcher.stop()
    assert [record.facts for record in book.of("logging.level")] == [("no_leaks_births",)]
    (record,) = book.of("mock.patch")
    assert record.facts == ()
    assert record.ref is not None
    assert record.ref() is patcher


def test_a_handler_that_is_handed_over_by_name_or_takes_no_reference_is_on_record(book: Ledger) -> None:
    """Without the handler."""
    logger, handler = logging.getLogger("no_leaks_births"), logging.NullHandler()
    bare: Any = type("Bare", (), {"__slots__": ()})()
    logger.addHandler(hdlr=handler)
    logger.addHandler(bare)
    logger.removeHandler(handler)
    logger.removeHandler(bare)
    seen = [record for record in book.records if record.facts == ("no_leaks_births",)]  # pytest has its own on the root
    assert [record.ref is not None for record in seen] == [False, False, True, False]


def test_nothing_is_recorded_when_nothing_is_checked(book: Ledger) -> None:
    """Without a ledger at work the functions do what they always did."""
    with ledgers.at_work(None):
        os.umask(os.umask(0o022))
    assert list(book.of("os.umask")) == []


def test_a_fault_does_not_reach_the_caller(book: Ledger) -> None:
    """What a wrapper cannot read is noted; the call goes its own way and fails in its own words."""
    with pytest.raises(AttributeError):
        logging.Logger.setLevel("no logger", 10)  # type: ignore[arg-type]
    assert list(faults.noted()) == ["state births (logging.level)"]


def test_install_twice_wraps_once_and_remove_puts_back(no_outer_session: None) -> None:
    """Both are idempotent."""
    original = signal.signal
    births.install()
    births.install()
    assert signal.signal is not original
    births.remove()
    births.remove()
    assert signal.signal is original


def test_a_module_loaded_later_is_wrapped_by_a_refresh(no_outer_session: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """unittest.mock is not imported for our sake."""
    loaded = sys.modules["unittest.mock"]
    original = unittest.mock._patch.start  # type: ignore[attr-defined]
    monkeypatch.delitem(sys.modules, "unittest.mock")
    births.install()
    assert vars(loaded)["_patch"].start is original
    monkeypatch.setitem(sys.modules, "unittest.mock", loaded)
    births.refresh()
    assert vars(loaded)["_patch"].start is not original
    births.remove()
    assert vars(loaded)["_patch"].start is original
    births.refresh()
    assert vars(loaded)["_patch"].start is original


def test_what_somebody_else_has_replaced_since_is_left_alone(
    no_outer_session: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrapper around our wrapper is not torn out."""
    monkeypatch.setattr(signal, "signal", signal.signal)
    births.install()

    def theirs() -> None: ...

    signal.signal = theirs  # type: ignore[assignment]
    births.remove()
    assert signal.signal is theirs
